/* redact_text.c - finds what a redactor knows in a text, however it is spelled; see redact.h and spelling.h.
 */
#define _GNU_SOURCE
#include "cli/redact_inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/spelling.h"

/* A reading of a text: its next byte is to spell a needle's byte `i`. */
struct step {
	size_t i;
	const char *at;
};

/* A needle that was found is not looked for once more inside itself: a secret of one letter, in a long run of
 * it, would be found at each. */
#define LATELY 16
struct found {
	size_t number;
	const char *to;
};

struct scan {
	const struct redactor *redactor;
	const char *text, *end;
	struct found lately[LATELY];
	size_t found_count;
	struct step *open; /* other readings, not yet tried */
	size_t open_count, open_room;
};

static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is so much of a needle, at its begin or end, worth being hidden? */
static bool telling(const struct needle *needle, size_t rest)
{
	return rest >= REST || (rest >= LINE_SECRET && 4 * rest >= 3 * needle->length);
}

static bool ends_at(const struct scan *scan, const char *at)
{
	size_t left = (size_t)(scan->end - at);

	return left == 0 || strchr("\"'`", *at) || (left >= 3 && memcmp(at, "...", 3) == 0) ||
	       (left >= 3 && (memcmp(at, "\xe2\x80\xa6", 3) == 0 || memcmp(at, "\xef\xbf\xbd", 3) == 0));
}

/* Has a text been cut off here, perhaps within an escape? */
static bool cut_at(const struct scan *scan, const char *at)
{
	const char *to = at;

	if (ends_at(scan, at))
		return true;
	if (!strchr("%&=\\", *at))
		return false;
	while (to < scan->end && to - at < 8 && strchr("%&=\\", *to))
		to++;
	while (to < scan->end && to - at < 12 && (isalnum((unsigned char)*to) || *to == '#'))
		to++;
	return ends_at(scan, to);
}

static bool gap(char byte)
{
	return spelling_class[(unsigned char)byte] & SPELLING_GAP;
}

/* How a needle's spelling may go on at `at`, which is to be its byte `i`. */
static size_t steps(const struct scan *scan, const struct needle *needle, size_t i, const char *at,
		    struct step out[SPELLING_READINGS + 2])
{
	const char *wanted = needle->bytes + i;
	struct spelling readings[SPELLING_READINGS];
	size_t read = spelling_read(at, scan->end, readings), count = 0, k;
	bool slack =
	    i > 0 &&
	    (*at == '\\' || (spelling_slack(*at) && (spelling_slack(*wanted) || spelling_slack(wanted[-1]))));

	if (*at == *wanted)
		out[count++] = (struct step){i + 1, at + 1};
	for (k = 0; k < read; k++) {
		const struct spelling *reading = &readings[k];

		if (reading->count <= needle->length - i &&
		    memcmp(reading->bytes, wanted, reading->count) == 0)
			out[count++] = (struct step){i + reading->count, at + reading->length};
		else if ((needle->code && i > 0 && *at != *wanted && gap(reading->bytes[0])) ||
			 (reading->bytes[0] == '\r' && *wanted == '\n'))
			out[count++] = (struct step){i, at + reading->length};
	}
	if (slack ||
	    (*at != *wanted && ((needle->code && i > 0 && gap(*at)) || (*at == '\r' && *wanted == '\n'))))
		out[count++] = (struct step){i, at + 1};
	return count;
}

static void put_off(struct scan *scan, struct step step)
{
	if (scan->open_count == scan->open_room) {
		scan->open_room = scan->open_room ? 2 * scan->open_room : 64;
		scan->open = memory_need(realloc(scan->open, scan->open_room * sizeof(*scan->open)));
	}
	scan->open[scan->open_count++] = step;
}

/*
 * Where the spelling of the needle from its byte `i` on ends that begins at `at`, or NULL. What may be read
 * in several ways is tried in each, as long as the budget lasts. A text that was cut off in it counts where
 * there is no whole one.
 */
static const char *spelled(struct scan *scan, const struct needle *needle, size_t i, const char *at)
{
	struct step next[SPELLING_READINGS + 2];
	size_t budget = 16 * needle->length + 256, count;
	const char *cut = NULL;

	scan->open_count = 0;
	while (i < needle->length) {
		if (telling(needle, i) && cut_at(scan, at) && at > cut)
			cut = at;
		if (at < scan->end) {
			if (budget-- == 0)
				return cut;
			if (*at == needle->bytes[i] && !spelling_special(*at)) {
				i++;
				at++;
				continue;
			}
			for (count = steps(scan, needle, i, at, next); count > 0; count--)
				put_off(scan, next[count - 1]);
		}
		if (scan->open_count == 0)
			return cut;
		i = scan->open[--scan->open_count].i;
		at = scan->open[scan->open_count].at;
	}
	return at;
}

static const char *begin(struct scan *scan, size_t number, size_t offset, const char *at)
{
	const struct needle *needle = &scan->redactor->needles[number - 1];
	const char *to;
	size_t i;

	for (i = 0; i < LATELY && i < scan->found_count; i++)
		if (scan->lately[i].number == number && scan->lately[i].to > at)
			return NULL;
	to = spelled(scan, needle, offset, at);
	if (!to || to == at)
		return NULL;
	if (needle->length < SHORT_SECRET &&
	    ((at > scan->text && word_byte(at[-1])) || (to < scan->end && word_byte(*to))))
		return NULL;
	scan->lately[scan->found_count++ % LATELY] = (struct found){number, to};
	return to;
}

/* A needle that was found: the characters beside it that hold bits of it as well. */
static bool base64_byte(char c)
{
	return isalnum((unsigned char)c) || strchr("+/-_", c);
}

struct hit {
	const char *from, *to; /* NULL: nothing */
};

static void widen(struct scan *scan, struct hit *hit, size_t number, const char *at, const char *to)
{
	const struct needle *needle = &scan->redactor->needles[number - 1];

	if (needle->before && at > scan->text && base64_byte(at[-1]))
		at--;
	if (needle->after && to < scan->end && *to != '\0' && base64_byte(*to))
		to++;
	if (!hit->to || at < hit->from)
		hit->from = at;
	if (!hit->to || to > hit->to)
		hit->to = to;
}

static void look_chain(struct scan *scan, size_t number, const char *at, struct hit *hit)
{
	for (; number > 0; number = scan->redactor->needles[number - 1].next) {
		const char *to = begin(scan, number, 0, at);

		if (to)
			widen(scan, hit, number, at, to);
	}
}

/* All readings of what stands from `from` on, up to a key. */
static void look_key(struct scan *scan, const char *so_far, size_t count, const char *from, const char *at,
		     struct hit *hit)
{
	struct spelling readings[SPELLING_READINGS];
	char key[KEY];

	memcpy(key, so_far, KEY);
	for (; count < KEY && at < scan->end && at - from < KEY_TEXT; at++) {
		size_t read = spelling_special(*at) ? spelling_read(at, scan->end, readings) : 0, k, i;

		for (k = 0; k < read; k++) {
			char other[KEY];
			size_t added = count;

			memcpy(other, key, KEY);
			for (i = 0; i < readings[k].count && added < KEY; i++)
				if (!spelling_slack(readings[k].bytes[i]))
					other[added++] = readings[k].bytes[i];
			look_key(scan, other, added, from, at + readings[k].length, hit);
		}
		if (count > 0 && gap(*at)) /* base64 that goes over several lines */
			look_key(scan, key, count, from, at + 1, hit);
		if (!spelling_slack(*at))
			key[count++] = *at;
	}
	if (count == KEY && maybe(scan->redactor, hash_key(key)))
		look_chain(scan, scan->redactor->heads[hash_key(key) % HEADS], from, hit);
}

/* What follows the place at which a text was cut off. */
static void look_inside(struct scan *scan, const char *at, struct hit *hit)
{
	const struct redactor *redactor = scan->redactor;
	size_t mask = redactor->inside_room - 1, slot;

	if (redactor->inside_count == 0 || scan->end - at < MADE_SECRET)
		return;
	for (slot = hash(at, MADE_SECRET) & mask; redactor->insides[slot].needle; slot = (slot + 1) & mask) {
		struct inside inside = redactor->insides[slot];
		const char *bytes = redactor->needles[inside.needle - 1].bytes + inside.offset, *to;

		if (memcmp(bytes, at, MADE_SECRET) != 0 ||
		    !telling(&redactor->needles[inside.needle - 1],
			     redactor->needles[inside.needle - 1].length - inside.offset))
			continue;
		to = begin(scan, inside.needle, inside.offset, at);
		if (to)
			widen(scan, hit, inside.needle, at, to);
	}
}

static bool begins(const struct scan *scan, const char *at)
{
	size_t before = (size_t)(at - scan->text);

	if (before == 0 || at[-1] == '"')
		return true;
	return before >= 3 && ((at[-1] == '.' && memcmp(at - 3, "...", 3) == 0) ||
			       (at[-1] == '\xa6' && memcmp(at - 3, "\xe2\x80\xa6", 3) == 0));
}

/* Three bytes that can be read in one way only, but for what stands between them; false: it takes look_key().
 */
static bool look_plain(struct scan *scan, const char *at, struct hit *hit)
{
	const struct redactor *redactor = scan->redactor;
	char key[KEY] = {*at};
	unsigned marks = 0;
	uint32_t h;
	size_t i;

	if (scan->end - at < KEY)
		return false;
	for (i = 0; i < KEY; i++)
		marks |= spelling_class[(unsigned char)at[i]];
	if (marks & SPELLING_ESCAPE)
		return false;
	h = hash_key(at);
	if (maybe(redactor, h))
		look_chain(scan, redactor->heads[h % HEADS], at, hit);
	if (!(marks & SPELLING_GAP))
		return true;
	for (i = 1, at++; i < KEY && at < scan->end; at++) {
		if (spelling_class[(unsigned char)*at] & SPELLING_ESCAPE)
			return false;
		if (!(spelling_class[(unsigned char)*at] & SPELLING_GAP))
			key[i++] = *at;
	}
	return i < KEY || !maybe(redactor, hash_key(key));
}

static struct hit look(struct scan *scan, const char *at)
{
	static const char nothing[KEY];
	const struct redactor *redactor = scan->redactor;
	struct hit hit = {0};

	if (redactor->odd_first[(unsigned char)*at])
		look_chain(scan, redactor->odd, at, &hit);
	if (begins(scan, at))
		look_inside(scan, at, &hit);
	if (!look_plain(scan, at, &hit))
		look_key(scan, nothing, 0, at, at, &hit);
	return hit;
}

bool redactor_replace(const struct redactor *redactor, const char *text, size_t length, struct buffer *out)
{
	struct scan scan = {.redactor = redactor, .text = text, .end = text + length};
	const char *from = text, *hidden = NULL, *hidden_to = NULL, *at;

	if (redactor->count == 0)
		return false;
	for (at = text; at < scan.end; at++) {
		struct hit hit = look(&scan, at);

		if (!hit.to)
			continue;
		if (hidden && hit.from >= hidden_to) {
			buffer_add(out, from, (size_t)(hidden - from));
			buffer_add_text(out, "***");
			from = hidden_to;
			hidden = NULL;
		}
		if (!hidden || hit.from < hidden)
			hidden = hit.from < from ? from : hit.from;
		if (!hidden_to || hit.to > hidden_to)
			hidden_to = hit.to;
	}
	free(scan.open);
	if (!hidden)
		return false;
	buffer_add(out, from, (size_t)(hidden - from));
	buffer_add_text(out, "***");
	buffer_add(out, hidden_to, (size_t)(scan.end - hidden_to));
	return true;
}

void redact(const struct redactor *redactor, const char *text, size_t length, struct buffer *out)
{
	if (!redactor_replace(redactor, text, length, out))
		buffer_add(out, text, length);
}
