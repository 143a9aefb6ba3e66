/*
 * inputs_main.c: runs files through the targets of the fuzzer, without the fuzzer.
 *
 *     inputs TARGET|all FILE...
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/targets.h"

static char *read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rb");
	char *text = NULL;
	long size;

	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0) {
		fprintf(stderr, "inputs: %s cannot be read\n", path);
		exit(2);
	}
	rewind(file);
	*length = (size_t)size;
	text = malloc(*length + 1);
	if (fread(text, 1, *length, file) != *length)
		exit(2);
	text[*length] = 0;
	fclose(file);
	return text;
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		size_t length;
		char *text = read_file(argv[i], &length);

		for (const struct fuzz_target *target = fuzz_targets; target->name; target++) {
			if (strcmp(argv[1], "all") != 0 && strcmp(argv[1], target->name) != 0)
				continue;
			fprintf(stderr, "%s %s\n", target->name, argv[i]); /* the last line before a crash */
			target->run(text, length);
		}
		free(text);
	}
	return argc < 3 ? 2 : 0;
}
