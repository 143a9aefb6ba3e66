/* literal.c: the values of numbers and strings. */
#include <stdlib.h>
#include <string.h>

#include "grammar/parser.h"
#include "grammar/utf8.h"

/* ---- numbers ---- */

#define SECOND INT64_C(1000000000)

static const struct unit {
	const char *name;
	enum node_kind kind;
	int64_t size; /* nanoseconds or bytes */
} UNITS[] = {
    {"ns", NODE_DURATION, 1},
    {"us", NODE_DURATION, 1000},
    {"ms", NODE_DURATION, 1000000},
    {"s", NODE_DURATION, SECOND},
    {"m", NODE_DURATION, 60 * SECOND},
    {"h", NODE_DURATION, 3600 * SECOND},
    {"d", NODE_DURATION, 86400 * SECOND},
    {"B", NODE_SIZE, 1},
    {"KB", NODE_SIZE, 1000},
    {"MB", NODE_SIZE, 1000000},
    {"GB", NODE_SIZE, 1000000000},
    {"TB", NODE_SIZE, INT64_C(1000000000000)},
    {"KiB", NODE_SIZE, INT64_C(1) << 10},
    {"MiB", NODE_SIZE, INT64_C(1) << 20},
    {"GiB", NODE_SIZE, INT64_C(1) << 30},
    {"TiB", NODE_SIZE, INT64_C(1) << 40},
};

#define UNIT_COUNT (sizeof(UNITS) / sizeof(*UNITS))

/* Units that people write and that mean one of ours. */
static const struct {
	const char *written, *unit;
} MEANT[] = {
    {"sec", "s"},     {"secs", "s"},
    {"second", "s"},  {"seconds", "s"},
    {"min", "m"},     {"mins", "m"},
    {"minute", "m"},  {"minutes", "m"},
    {"hr", "h"},      {"hrs", "h"},
    {"hour", "h"},    {"hours", "h"},
    {"day", "d"},     {"milliseconds", "ms"},
    {"percent", "%"}, {"pct", "%"},
    {"bytes", "B"},   {"days", "d"},
    {"msec", "ms"},   {"millis", "ms"},
    {"b", "B"},	      {"k", "KB"},
    {"K", "KB"},      {"kB", "KB"},
    {"kb", "KB"},     {"M", "MB"},
    {"mb", "MB"},     {"Mb", "MB"},
    {"G", "GB"},      {"g", "GB"},
    {"gb", "GB"},     {"Gb", "GB"},
    {"T", "TB"},      {"tb", "TB"},
    {"Ki", "KiB"},    {"Mi", "MiB"},
    {"Gi", "GiB"},    {"Ti", "TiB"},
};

/* A number as it is written: digits without `_`, and where it is in the text. */
struct number {
	struct parser *p;
	struct span at;
	const char *text, *end; /* what is not read yet */
};

/* The product of a number's digits stays below this, so that sums and products fit into 128 bits. */
#define MANTISSA_LIMIT ((__int128)INT64_MAX * 1000)

struct decimal {
	__int128 mantissa, scale; /* the value is mantissa / scale */
	bool too_big;
};

static struct node *bad_number(struct number *n)
{
	return build_node(n->at, n->p, &(struct node){.kind = NODE_ERROR});
}

static struct node *too_big(struct number *n, const char *limit)
{
	diag_label(diag_error(n->p->diags, "E0106", n->at, "this number is too large"), "the largest is %s",
		   limit);
	return bad_number(n);
}

static struct decimal read_decimal(struct number *n)
{
	struct decimal value = {0, 1, false};
	bool fraction = false;

	for (; n->text < n->end; n->text++) {
		char c = *n->text;

		if (c == '_')
			continue;
		if (c == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (!is_digit(c))
			break;
		if (value.mantissa > MANTISSA_LIMIT || value.scale > MANTISSA_LIMIT) {
			value.too_big = true;
			continue;
		}
		value.mantissa = value.mantissa * 10 + (c - '0');
		value.scale *= fraction ? 10 : 1;
	}
	return value;
}

static const struct unit *read_unit(struct number *n)
{
	const char *from = n->text;
	size_t length;

	while (n->text < n->end && !is_digit(*n->text) && *n->text != '.')
		n->text++;
	length = (size_t)(n->text - from);
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (UNITS[i].name[0] == *from && strlen(UNITS[i].name) == length &&
		    memcmp(UNITS[i].name, from, length) == 0)
			return &UNITS[i];
	return NULL;
}

const char *literal_unit_meant(const char *word)
{
	for (size_t i = 0; i < sizeof(MEANT) / sizeof(*MEANT); i++)
		if (strcmp(MEANT[i].written, word) == 0)
			return MEANT[i].unit;
	for (size_t i = 0; i < UNIT_COUNT; i++)
		if (strcmp(UNITS[i].name, word) == 0)
			return UNITS[i].name;
	return NULL;
}

static struct node *unknown_unit(struct number *n, const char *digits, const char *unit)
{
	char *word = arena_strndup(n->p->arena, unit, (size_t)(n->end - unit));
	int length = (int)(unit - digits);
	struct diag *d = diag_error(n->p->diags, "E0107", n->at, "there is no unit `%s`", word);
	const char *meant = literal_unit_meant(word);

	if (meant)
		diag_hint(d, "did you mean `%.*s%s`?", length, digits, meant);
	else
		diag_hint(d, "durations: ms s m h d; sizes: B KB MB GB TB KiB MiB GiB TiB; percent: %%");
	return bad_number(n);
}

/* 1h30m, 512MB: `value` has been read, a unit comes next. The units of a duration go down. */
static struct node *read_quantity(struct number *n, struct decimal value, const char *digits)
{
	struct node node = {.kind = NODE_ERROR};
	const struct unit *last = NULL;
	__int128 total = 0;

	for (;;) {
		const char *unit_text = n->text;
		const struct unit *unit = read_unit(n);
		__int128 product = unit ? value.mantissa * unit->size : 0;

		if (!unit)
			return unknown_unit(n, digits, unit_text);
		if (value.too_big || product / value.scale > INT64_MAX - total)
			return too_big(n, unit->kind == NODE_SIZE ? "8388607TiB" : "106751d");
		if (product % value.scale) {
			diag_error(n->p->diags, "E0107", n->at, "this is not a whole number of %s",
				   unit->kind == NODE_SIZE ? "bytes" : "nanoseconds");
			return bad_number(n);
		}
		if (last && (last->kind != NODE_DURATION || unit->kind != NODE_DURATION ||
			     unit->size >= last->size)) {
			diag_hint(diag_error(n->p->diags, "E0107", n->at, "these units do not add up"),
				  "only durations have several parts, the largest first: `1h30m`");
			return bad_number(n);
		}
		total += product / value.scale;
		last = unit;
		if (n->text == n->end)
			break;
		digits = n->text;
		value = read_decimal(n);
	}
	node.kind = last->kind;
	node.integer = (int64_t)total;
	return build_node(n->at, n->p, &node);
}

/* The digits before `end` without `_`, with `exponent` after them, as the nearest double. */
static double read_double(struct number *n, const char *from, const char *end, const char *exponent)
{
	char *copy = arena_alloc(n->p->arena, (size_t)(end - from) + strlen(exponent) + 1);
	char *out = copy;

	for (; from < end; from++)
		if (*from != '_')
			*out++ = *from;
	strcpy(out, exponent);
	return strtod(copy, NULL);
}

/* Most numbers are up to nine digits and at most one unit. NULL: this one is more than that. */
static struct node *read_plain(struct number *n)
{
	const char *from = n->text;
	struct node node = {.kind = NODE_INT};
	const struct unit *unit;

	while (n->text < n->end && n->text - from < 9 && is_digit(*n->text))
		node.integer = node.integer * 10 + (*n->text++ - '0');
	if (n->text == n->end) {
		if (strange_percent(n->p, n->at.to))
			return NULL;
	} else {
		unit = read_unit(n);
		if (!unit || n->text < n->end || __builtin_mul_overflow(node.integer, unit->size, &node.integer))
			return NULL;
		node.kind = unit->kind;
	}
	return build_node(n->at, n->p, &node);
}

struct node *literal_number(struct parser *p, struct span at)
{
	const char *from = p->text + at.from;
	struct number n = {p, at, from, p->text + at.to};
	struct node node = {.kind = NODE_FLOAT};
	struct node *plain = read_plain(&n);
	struct decimal value;

	if (plain)
		return plain;
	n.text = from;
	value = read_decimal(&n);
	if (n.text == n.end && strange_percent(p, at.to)) {
		node.kind = NODE_PERCENT; /* `5 %`, which is then reported */
		node.number = read_double(&n, from, n.end, "e-2");
	} else if (n.text < n.end && *n.text == '%') {
		node.kind = NODE_PERCENT;
		node.number = read_double(&n, from, n.text, "e-2");
	} else if (n.text < n.end) {
		return read_quantity(&n, value, from);
	} else if (memchr(from, '.', at.to - at.from)) {
		node.number = read_double(&n, from, n.end, "");
	} else {
		if (value.too_big || value.mantissa > INT64_MAX)
			return too_big(&n, "9223372036854775807");
		node.kind = NODE_INT;
		node.integer = (int64_t)value.mantissa;
	}
	return build_node(at, p, &node);
}

/* ---- strings ---- */

/* A string being put together. Pieces of text are decoded into one buffer, which is as long as the string's
 * source, and cut off as TEXT nodes where an expression stands. */
struct text {
	struct parser *p;
	bool raw, multiline;
	uint32_t indent;    /* common indentation, to be left out at the beginning of each line */
	bool at_line_start; /* only in multiline strings */
	char *out, *piece;  /* next free byte; where the current TEXT began */
	struct span piece_at;
	struct list parts;
	struct node *node; /* the node for the current piece: that of its first part; NULL: it has none yet */
	bool interpolated;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Where a multi-line string's contents begin: a line end directly after the opening quotes does not count. */
static uint32_t skip_first_newline(const struct parser *p, struct span at)
{
	uint32_t i = at.from;

	while (i < at.to && (is_blank(p->text[i]) || p->text[i] == '\r'))
		i++;
	return i < at.to && p->text[i] == '\n' ? i + 1 : at.from;
}

/* Where they end: a line end before the closing quotes, if only blanks are between, does not count. */
static uint32_t skip_last_newline(const struct parser *p, struct span at)
{
	uint32_t i = at.to;

	while (i > at.from && is_blank(p->text[i - 1]))
		i--;
	if (i == at.from || p->text[i - 1] != '\n')
		return at.to;
	i--;
	return i > at.from && p->text[i - 1] == '\r' ? i - 1 : i;
}

/* The indentation of the line that begins at `i`, or UINT32_MAX for a blank one. `last`: the string ends at
 * `to`. */
static uint32_t indentation(const struct parser *p, uint32_t i, uint32_t to, bool last)
{
	uint32_t from = i;

	while (i < to && is_blank(p->text[i]))
		i++;
	if (i < to)
		return p->text[i] == '\n' || p->text[i] == '\r' ? UINT32_MAX : i - from;
	return last ? UINT32_MAX : i - from;
}

/* The smallest indentation of the lines that are not blank; the closing quotes' line counts if they stand
 * alone on it. */
static uint32_t common_indentation(const struct parser *p, const struct node *parts, struct span inner)
{
	uint32_t common = UINT32_MAX;
	uint32_t end = skip_last_newline(p, inner);

	if (end < inner.to) {
		uint32_t closing = inner.to;

		while (is_blank(p->text[closing - 1]))
			closing--;
		common = inner.to - closing;
	}
	for (const struct node *part = parts; part; part = part->next) {
		struct span at = part->span;

		if (part->kind != NODE_TEXT)
			continue;
		for (uint32_t i = at.from; i < at.to && i < end; i++) {
			uint32_t indent;

			if (p->text[i] != '\n')
				continue;
			indent = indentation(p, i + 1, at.to, !part->next);
			common = indent < common ? indent : common;
		}
	}
	return common == UINT32_MAX ? 0 : common;
}

static void bad_escape(struct text *t, uint32_t from, uint32_t to)
{
	struct span at = {t->p->file, from, to};
	struct diag *d;

	if (t->p->muted)
		return;
	d = diag_error(t->p->diags, "E0109", at, "there is no escape `%.*s`", (int)(to - from),
		       t->p->text + from);
	diag_hint(
	    d,
	    "there are \\n \\t \\r \\\" \\' \\\\ \\$ and \\u{1F600}; in '…' a backslash stands for itself");
}

/* \u{…} with the `u` at `i`; returns the offset after it. */
static uint32_t unicode_escape(struct text *t, uint32_t i, uint32_t to)
{
	const char *text = t->p->text;
	uint32_t from = i - 1, code = 0, digits = 0;
	char check[4];
	uint32_t again;

	if (i + 1 < to && text[i + 1] == '{')
		for (i += 2; i < to && digits < 7 && strchr("0123456789abcdefABCDEF", text[i]); i++, digits++)
			code = code * 16 +
			       (uint32_t)(is_digit(text[i]) ? text[i] - '0' : (text[i] | 0x20) - 'a' + 10);
	else
		i++;
	if (i >= to || text[i] != '}' || !digits || digits > 6 || !code || code > 0x10ffff ||
	    utf8_decode(check, utf8_encode(code, check), &again) == 0) {
		i += i < to && text[i] == '}';
		bad_escape(t, from, i < to ? i : to);
		return i;
	}
	t->out += utf8_encode(code, t->out);
	return i + 1;
}

/* The escape with its backslash at `i`; returns the offset after it. */
static uint32_t escape(struct text *t, uint32_t i, uint32_t to)
{
	static const char LETTERS[] = "ntr\"'\\$", MEANINGS[] = "\n\t\r\"'\\$";
	const char *text = t->p->text;
	uint32_t next = i + 2, code;
	const char *letter;

	if (i + 1 >= to || text[i + 1] == '\n') {
		bad_escape(t, i, i + 1);
		return i + 1;
	}
	if (text[i + 1] == 'u')
		return unicode_escape(t, i + 1, to);
	letter = strchr(LETTERS, text[i + 1]);
	if (letter) {
		*t->out++ = MEANINGS[letter - LETTERS];
		return next;
	}
	next = i + 1 + (uint32_t)utf8_decode(text + i + 1, to - i - 1, &code);
	bad_escape(t, i, next);
	return next;
}

static uint32_t skip_indentation(const struct text *t, uint32_t i, uint32_t to)
{
	for (uint32_t n = 0; n < t->indent && i < to && is_blank(t->p->text[i]); n++)
		i++;
	return i;
}

/* Decodes the source [from, to). */
static void add_text(struct text *t, uint32_t from, uint32_t to)
{
	const char *text = t->p->text;

	if (!t->multiline && (t->raw || !memchr(text + from, '\\', to - from))) {
		/* On one line: there is no line end in it. */
		memcpy(t->out, text + from, to - from);
		t->out += to - from;
		return;
	}
	for (uint32_t i = from; i < to;) {
		if (t->at_line_start) {
			t->at_line_start = false;
			i = skip_indentation(t, i, to);
		} else if (text[i] == '\\' && !t->raw) {
			i = escape(t, i, to);
		} else if (text[i] == '\r' && i + 1 < to && text[i + 1] == '\n') {
			i++;
		} else {
			t->at_line_start = t->multiline && text[i] == '\n';
			*t->out++ = text[i++];
		}
	}
}

static void end_piece(struct text *t)
{
	struct node *node = t->node ? t->node : build_node(t->piece_at, t->p, &(struct node){.kind = NODE_TEXT});

	node->span = t->piece_at;
	node->next = NULL;
	node->text.bytes = t->piece;
	node->text.length = (size_t)(t->out - t->piece);
	t->parts = build_list(t->p, t->parts, node);
	t->node = NULL;
	*t->out++ = '\0';
	t->piece = t->out;
}

static void add_parts(struct text *t, struct node *parts, struct span inner)
{
	for (struct node *part = parts, *next; part; part = next) {
		struct span at = part->span;

		next = part->next;
		if (part->kind == NODE_TEXT) {
			if (t->out == t->piece) {
				t->piece_at = at;
				t->node = part;
			}
			t->piece_at.to = at.to;
			at.from = at.from < inner.from ? inner.from : at.from;
			at.to = at.to > inner.to ? inner.to : at.to;
			if (at.from < at.to)
				add_text(t, at.from, at.to);
			continue;
		}
		if (t->out != t->piece)
			end_piece(t);
		part->next = NULL;
		t->parts = build_list(t->p, t->parts, part);
		t->interpolated = true;
		t->at_line_start = false;
	}
}

/* What is between the quotes, as far as it is text: an unclosed string has no quotes at its end. */
static struct span inside(struct span at, const struct node *parts, uint32_t quotes)
{
	struct span inner = {at.file, at.from + quotes, at.to};

	for (; parts; parts = parts->next)
		inner.to = parts->kind == NODE_TEXT ? parts->span.to : at.to;
	return inner;
}

struct node *literal_plain(struct parser *p, struct span at, struct span inner, bool raw)
{
	struct node *text = build_node(
	    inner, p,
	    &(struct node){.kind = NODE_TEXT, .text = {parser_copy(p, inner), inner.to - inner.from}});

	return build_node(at, p, &(struct node){.kind = NODE_STRING, .string = {text, 1, raw, false, false}});
}

struct node *literal_string(struct parser *p, struct span at, struct node *parts, bool raw, bool multiline)
{
	struct span inner = inside(at, parts, multiline ? 3 : 1);
	struct text t = {.p = p, .raw = raw, .multiline = multiline};
	uint32_t interpolations = 0;

	for (const struct node *part = parts; part; part = part->next)
		interpolations += part->kind != NODE_TEXT;
	/* Each piece is followed by a NUL byte; nothing decoded is longer than its source. */
	t.out = t.piece = arena_alloc(p->arena, at.to - at.from + interpolations + 2);
	t.piece_at = (struct span){at.file, inner.from, inner.from};
	if (multiline) {
		uint32_t first = skip_first_newline(p, inner);

		t.indent = common_indentation(p, parts, inner);
		t.at_line_start = first != inner.from;
		inner.to = skip_last_newline(p, (struct span){at.file, first, inner.to});
		inner.from = first;
	}
	add_parts(&t, parts, inner);
	if (t.out != t.piece || !t.interpolated)
		end_piece(&t);
	return build_node(
	    at, p,
	    &(struct node){.kind = NODE_STRING,
			   .string = {t.parts.first, t.parts.count, raw, multiline, t.interpolated}});
}
