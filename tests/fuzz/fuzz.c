/*
 * fuzz.c - what libFuzzer calls. `fuzz --target=NAME …` names the target.
 *
 * Bytes changed at random seldom leave a plan that still parses, so half of the mutations work on lines: a line goes, comes
 * twice, changes places, or comes from another input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/targets.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size, uint8_t *out,
				 size_t most, unsigned seed);

static const struct fuzz_target *chosen; /* set once, before the first input */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (int i = 1; i < *argc; i++)
		for (const struct fuzz_target *target = fuzz_targets; target->name; target++)
			if (!strncmp((*argv)[i], "--target=", 9) && !strcmp((*argv)[i] + 9, target->name))
				chosen = target;
	if (!chosen) {
		fprintf(stderr, "fuzz: --target=NAME is missing\n");
		exit(2);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chosen->run((const char *)data, size);
	return 0;
}

/* ---- mutations of lines ---- */

struct piece {
	const uint8_t *bytes;
	size_t size;
};

static uint32_t next(uint32_t *state) /* xorshift32, Marsaglia 2003 */
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Some line with its line end: found from a random place, so long ones come more often. */
static struct piece some_line(const uint8_t *data, size_t size, uint32_t *state)
{
	size_t from, to;

	if (size == 0)
		return (struct piece){ data, 0 };
	from = to = next(state) % size;
	while (from > 0 && data[from - 1] != '\n')
		from--;
	while (to < size && data[to] != '\n')
		to++;
	return (struct piece){ data + from, to + (to < size) - from };
}

/* one, with `gone` taken out and `come` put in before the byte `place` (an address in one that is not inside of gone). */
static size_t rewrite(const uint8_t *one, size_t size, struct piece gone, const uint8_t *place, struct piece come, uint8_t *out,
		      size_t most)
{
	size_t n = 0;

	for (const uint8_t *at = one; at <= one + size; at++) {
		if (at == place)
			for (size_t i = 0; i < come.size && n < most; i++)
				out[n++] = come.bytes[i];
		if (at < one + size && n < most && (at < gone.bytes || at >= gone.bytes + gone.size))
			out[n++] = *at;
	}
	return n;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	uint32_t state = seed | 1;
	struct piece line = some_line(data, size, &state), other = some_line(data, size, &state), none = { data, 0 };
	uint8_t *copy;

	if (next(&state) % 2 || size == 0)
		return LLVMFuzzerMutate(data, size, most);
	copy = malloc(size);
	memcpy(copy, data, size);
	line.bytes = copy + (line.bytes - data);
	other.bytes = copy + (other.bytes - data);
	switch (next(&state) % 3) {
	case 0:
		size = rewrite(copy, size, line, NULL, none, data, most);
		break;
	case 1:
		size = rewrite(copy, size, none, other.bytes, line, data, most);
		break;
	default:
		size = rewrite(copy, size, line, other.bytes, line, data, most);
	}
	free(copy);
	return size;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_size, const uint8_t *two, size_t two_size, uint8_t *out,
				 size_t most, unsigned seed)
{
	uint32_t state = seed | 1;
	struct piece place = some_line(one, one_size, &state), come = some_line(two, two_size, &state), none = { one, 0 };

	return rewrite(one, one_size, next(&state) % 2 ? place : none, place.bytes, come, out, most);
}
