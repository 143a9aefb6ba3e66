/* source_check.c: is it text, and does it read as it looks? Before the scanner sees it. */
#include <string.h>

#include "grammar/parser.h"
#include "grammar/utf8.h"

/* So many bytes that are not text are reported one by one and read as SOURCE_STAND_IN; with more, or with a
 * NUL byte, it is no text. */
#define MAX_BAD 8

struct check {
	struct arena *arena;
	struct diags *diags;
	const struct source *source;
	uint32_t file;
	char *copy;   /* the text with SOURCE_STAND_IN for what is bad; NULL while all is well */
	unsigned bad; /* characters and bytes reported or counted */
	uint32_t first_bad;
	bool lone_cr; /* one was reported: the others are the same mistake */
};

static void blank_out(struct check *c, uint32_t from, size_t length, char with)
{
	if (!c->copy)
		c->copy = arena_strndup(c->arena, c->source->text, c->source->length);
	memset(c->copy + from, with, length);
}

static void report_bad(struct check *c, uint32_t from, size_t length, uint32_t code)
{
	struct span at = {c->file, from, from + (uint32_t)length};
	struct diag *d;

	if (!c->bad)
		c->first_bad = from;
	c->bad += code ? 1 : (unsigned)length;
	blank_out(c, from, length, SOURCE_STAND_IN);
	if (c->bad > MAX_BAD)
		return;
	if (!code) {
		d = diag_error(c->diags, "E0101", at, "byte 0x%02x is not UTF-8",
			       (unsigned)(unsigned char)c->source->text[from]);
		diag_hint(d, "plans are UTF-8 text: save the file in that encoding");
	} else if (utf8_is_bidi(code)) {
		d = diag_error(
		    c->diags, "E0103", at,
		    "U+%04X changes the direction of the text: what a reader sees is not what runs",
		    (unsigned)code);
		diag_hint(d, "delete it; in a string write it as \\u{%X}", (unsigned)code);
	} else {
		d = diag_error(c->diags, "E0102", at, "control character U+%04X", (unsigned)code);
		diag_hint(d, "delete it; in a string write it as \\u{%X}", (unsigned)code);
	}
}

/* Whether eight bytes are all printable ASCII or newlines. Of each byte below 0x80 the top bit is carried
 * into by 0x60 if it is 0x20 or more, by 1 if it is 0x7f, and stays clear after ^ '\n' and + 0x7f only for a
 * newline. */
static bool plain_eight(const char *bytes)
{
	const uint64_t each = UINT64_C(0x0101010101010101), tops = each * 0x80;
	uint64_t eight, printable, other;

	memcpy(&eight, bytes, sizeof(eight));
	if (eight & tops)
		return false;
	printable = (eight + each * 0x60) & ~(eight + each);
	other = (eight ^ each * '\n') + each * 0x7f;
	return ((printable | ~other) & tops) == tops;
}

/* Length of the run of bytes from `from` that need no look: printable ASCII and newlines. */
static uint32_t plain_run(const struct source *source, uint32_t from)
{
	uint32_t i = from;

	while (i + 8 <= source->length && plain_eight(source->text + i))
		i += 8;
	while (i < source->length) {
		unsigned char byte = (unsigned char)source->text[i];

		if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte >= 0x7f)
			break;
		i++;
	}
	return i - from;
}

static bool is_line_end(const struct source *source, uint32_t at)
{
	return source->text[at] == '\r' && at + 1 < source->length && source->text[at + 1] == '\n';
}

/* Length of the run of bytes from `from` that are no characters. */
static size_t bad_run(const struct source *source, uint32_t from)
{
	uint32_t i = from, code;

	while (i < source->length && !utf8_decode(source->text + i, source->length - i, &code))
		i++;
	return i - from;
}

/* The line ends of old: the text is read as if they were newlines. */
static void lone_cr(struct check *c, uint32_t at)
{
	struct span span = {c->file, at, at + 1};

	blank_out(c, at, 1, '\n');
	if (!c->lone_cr)
		diag_hint(diag_error(c->diags, "E0102", span, "a line ends with U+000D alone"),
			  "save the file with the line ends of Unix (or of Windows)");
	c->lone_cr = true;
}

static uint32_t check_character(struct check *c, uint32_t at)
{
	uint32_t code = 0;
	size_t length = utf8_decode(c->source->text + at, c->source->length - at, &code);

	if (at == 0 && code == 0xfeff)
		blank_out(c, at, length, ' ');
	else if (code == '\r' && !is_line_end(c->source, at))
		lone_cr(c, at);
	else if (!length)
		report_bad(c, at, length = bad_run(c->source, at), 0);
	else if (utf8_is_bidi(code) || (utf8_is_control(code) && !is_line_end(c->source, at)))
		report_bad(c, at, length, code);
	return (uint32_t)length;
}

const char *source_check(struct arena *arena, struct sources *sources, uint32_t file, struct diags *diags)
{
	struct check c = {.arena = arena, .diags = diags, .source = source_get(sources, file), .file = file};
	struct diags before = *diags;
	const char *nul = memchr(c.source->text, '\0', c.source->length);

	for (uint32_t i = 0; i < c.source->length && c.bad <= MAX_BAD && !nul;) {
		i += plain_run(c.source, i);
		if (i < c.source->length)
			i += check_character(&c, i);
	}
	if (!nul && c.bad <= MAX_BAD)
		return c.copy ? c.copy : c.source->text;

	/* One diagnostic for all, instead of the first few. */
	if (before.last)
		before.last->next = NULL;
	*diags = before;
	c.first_bad = nul ? (uint32_t)(nul - c.source->text) : c.first_bad;
	diag_label(diag_error(diags, "E0100", (struct span){file, c.first_bad, c.first_bad + 1},
			      "this is not a text file"),
		   nul ? "a NUL byte" : "the first of many bytes that are not UTF-8 text");
	return NULL;
}
