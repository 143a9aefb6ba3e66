/*
 * embed_promql.c - values in PromQL: label text inside quotes, numbers outside. See embed.h.
 *
 * A regular expression (the quote after =~ or !~) is read twice by Prometheus, once as a string and once as
 * RE2, so its values are escaped for both.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/embed_inner.h"
#include "interp/utf8.h"

#define NS_PER_MS INT64_C(1000000)

enum place_kind {
	PLACE_CODE, /* outside quotes */
	PLACE_UNIT, /* outside quotes, with a unit behind it: [${n}m] */
	PLACE_TEXT,
	PLACE_REGEX,
	PLACE_REGEX_ATOM, /* with * + ? or { behind it */
};

struct place {
	enum place_kind kind;
	char quote; /* TEXT, REGEX*: the only quote that Prometheus lets a backslash stand before */
};

struct promql_scan {
	struct cursor at;
	struct embed_problem *problem;
	struct place *places; /* by value, or NULL */
	int last, before;     /* the last two significant symbols */
	bool brackets;	      /* between [ and ] a colon belongs to no name */
};

static bool refuse(struct promql_scan *scan, const char *message, const char *hint)
{
	return embed_refuse(scan->problem, &scan->at, message, hint);
}

static void take_value(struct promql_scan *scan, enum place_kind kind, int quote)
{
	if (scan->places)
		scan->places[scan->at.piece] = (struct place){.kind = kind, .quote = (char)quote};
	cursor_take(&scan->at);
}

/* The symbols behind the value are a duration's unit and no more. */
static bool unit_follows(struct cursor at)
{
	static const char *const units[] = {"ms", "s", "m", "h", "d", "w", "y"};
	char word[4] = "";
	size_t i, length = 0;

	cursor_take(&at);
	while (embed_is_word(cursor_peek(&at))) {
		if (length + 1 == sizeof(word))
			return false;
		word[length++] = (char)cursor_take(&at);
	}
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strcmp(word, units[i]) == 0)
			return true;
	return false;
}

static bool scan_number(struct promql_scan *scan)
{
	int before = cursor_before(&scan->at), after = cursor_second(scan->at);
	bool joined = embed_is_word(after);

	if (before == CURSOR_VALUE)
		return refuse(scan, "two values stand side by side",
			      "write an operator, a comma or a blank between them");
	if (embed_is_word(before) || before == '.' || after == '.' || (joined && !unit_follows(scan->at)) ||
	    (!scan->brackets && (before == ':' || after == ':')))
		return refuse(scan, "a value cannot be a part of a word of PromQL",
			      "select by a label: {__name__=\"${metric}\"} for a metric's name");
	if (scan->last == '}' || scan->last == ')')
		return refuse(scan, "a value cannot be an operator of PromQL",
			      "write the operator as a literal");
	take_value(scan, joined ? PLACE_UNIT : PLACE_CODE, 0);
	return true;
}

/* Where in a regular expression the scanner is. */
struct regex {
	bool escaped, class, braces, verbatim; /* after a backslash; in [], in {}, between \Q and \E */
	bool class_start;		       /* a ] here is a member */
};

static void regex_take(struct regex *regex, int c)
{
	bool escaped = regex->escaped, start = regex->class_start;

	regex->escaped = regex->class_start = false;
	if (escaped) {
		if (c == 'Q' || c == 'E')
			regex->verbatim = c == 'Q';
		else if (regex->verbatim && c == '\\')
			regex->escaped = true;
	} else if (c == '\\') {
		regex->escaped = true;
	} else if (regex->class) {
		regex->class_start = start && c == '^';
		regex->class = c != ']' || start;
	} else if (!regex->verbatim) {
		regex->class = regex->class_start = c == '[';
		if (c == '{' || c == '}')
			regex->braces = c == '{';
	}
}

static bool regex_value(struct promql_scan *scan, const struct regex *regex, int quote)
{
	int after = cursor_second(scan->at);

	if (regex->escaped)
		return refuse(scan, "a value cannot stand right after a backslash",
			      "leave the backslash out: values are escaped");
	if (regex->class || regex->verbatim || regex->braces)
		return refuse(scan, "a value cannot stand inside [], {} or \\Q...\\E of a regular expression",
			      "write alternatives: (${a}|${b}), or interpolate a list");
	take_value(scan,
		   after == '*' || after == '+' || after == '?' || after == '{' ? PLACE_REGEX_ATOM
										: PLACE_REGEX,
		   quote);
	return true;
}

/* After the opening quote of a string with escapes. */
static bool scan_string(struct promql_scan *scan, int quote, bool is_regex)
{
	struct regex regex = {0};

	for (;;) {
		int c = cursor_peek(&scan->at);

		if (c == CURSOR_VALUE) {
			if (!is_regex)
				take_value(scan, PLACE_TEXT, quote);
			else if (!regex_value(scan, &regex, quote))
				return false;
			continue;
		}
		cursor_take(&scan->at);
		if (c == quote || c == CURSOR_END)
			return true;
		if (c == '\\') {
			c = cursor_peek(&scan->at);
			if (c == CURSOR_VALUE)
				return refuse(scan, "a value cannot stand right after a backslash",
					      "leave the backslash out: values are escaped");
			cursor_take(&scan->at);
			/* Of the string's escapes only \\ leaves a backslash to the expression. */
			c = c == '\\' ? '\\' : 'x';
		}
		regex_take(&regex, c);
	}
}

static bool scan_raw(struct promql_scan *scan)
{
	int c;

	do {
		c = cursor_peek(&scan->at);
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside `...`, which knows no escapes",
				      "write the string with double quotes");
		cursor_take(&scan->at);
	} while (c != '`' && c != CURSOR_END);
	return true;
}

static bool scan_comment(struct promql_scan *scan)
{
	int c;

	while ((c = cursor_peek(&scan->at)) != '\n' && c != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside a comment", "leave it out");
		cursor_take(&scan->at);
	}
	return true;
}

static bool scan_token(struct promql_scan *scan)
{
	int c = cursor_peek(&scan->at);
	bool is_regex = scan->last == '~' && (scan->before == '=' || scan->before == '!'), ok = true;

	if (c == CURSOR_VALUE) {
		ok = scan_number(scan);
		c = '0';
	} else if (c == '#') {
		return scan_comment(scan);
	} else {
		cursor_take(&scan->at);
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			return true;
		if (c == '"' || c == '\'')
			ok = scan_string(scan, c, is_regex);
		else if (c == '`')
			ok = scan_raw(scan);
		else if (c == '[' || c == ']')
			scan->brackets = c == '[';
	}
	scan->before = scan->last;
	scan->last = c;
	return ok;
}

static bool scan_all(const struct embed_part *pieces, size_t count, struct place *places,
		     struct embed_problem *problem)
{
	struct promql_scan scan = {
	    .at = {.pieces = pieces, .count = count}, .problem = problem, .places = places};

	if (count == 0)
		return true;
	while (cursor_peek(&scan.at) != CURSOR_END)
		if (!scan_token(&scan))
			return false;
	return true;
}

bool embed_check_promql(const struct embed_part *pieces, size_t count, struct embed_problem *problem)
{
	return scan_all(pieces, count, NULL, problem);
}

/* ---- rendering ---- */

static void add_signed(struct buffer *query, bool negative, const char *digits, size_t length)
{
	/* 2 ^ -1 is fine, but -2 ^ 2 would bind otherwise than the value does. */
	if (negative)
		buffer_add_byte(query, '(');
	buffer_add(query, digits, length);
	if (negative)
		buffer_add_byte(query, ')');
}

static void add_double(struct buffer *query, double f)
{
	struct buffer text = {0};
	struct value digits;

	buffer_add_float(&text, f);
	digits = buffer_finish(&text);
	add_signed(query, signbit(f), value_text_peek(digits), value_length(digits));
	value_release(digits);
}

static bool add_duration(struct buffer *query, int64_t ns, struct value *error)
{
	char text[48];

	if (ns % NS_PER_MS != 0 || ns == INT64_MIN) {
		embed_failed(error, "a duration in PromQL is a whole number of milliseconds");
		return false;
	}
	if (ns % (1000 * NS_PER_MS) == 0)
		buffer_add_text(query, duration_text(ns, text));
	else
		buffer_printf(query, "%" PRId64 "ms", ns / NS_PER_MS);
	return true;
}

static bool add_code(struct buffer *query, struct value v, struct place place, struct value *error)
{
	if (place.kind == PLACE_UNIT && !(v.tag == VALUE_INT && v.i >= 0)) {
		embed_failed(error,
			     "a value with a unit behind it must be an int that is not negative, not a %s",
			     value_tag_name(v.tag));
		return false;
	}
	switch ((enum value_tag)v.tag) {
	case VALUE_INT:
	case VALUE_SIZE: {
		char digits[24];
		int length = snprintf(digits, sizeof(digits), "%" PRId64, v.i);

		add_signed(query, v.i < 0, digits, (size_t)length);
		return true;
	}
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		if (!isfinite(v.f))
			break;
		add_double(query, v.f);
		return true;
	case VALUE_DURATION:
		return add_duration(query, v.i, error);
	default:
		break;
	}
	embed_failed(error, "outside quotes PromQL takes a number, a percent, a size or a duration, not a %s",
		     v.tag == VALUE_FLOAT ? "number that is not finite" : value_tag_name(v.tag));
	return false;
}

static void add_escaped(struct buffer *query, const char *bytes, size_t length, struct place place)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (place.kind != PLACE_TEXT && strchr("\\.+*?()|[]{}^$", bytes[i]))
			buffer_add_text(query, "\\\\");
		if (bytes[i] == '\n')
			buffer_add_text(query, "\\n");
		else if (bytes[i] == '\\' || bytes[i] == place.quote)
			buffer_printf(query, "\\%c", bytes[i]);
		else
			buffer_add_byte(query, bytes[i]);
	}
}

static bool add_text(struct buffer *query, struct value v, struct place place, struct value *error)
{
	struct value text;
	bool ok;

	if (v.tag == VALUE_NULL || v.tag == VALUE_LIST || v.tag == VALUE_RANGE || v.tag == VALUE_RECORD) {
		embed_failed(error, "a %s cannot be label text of PromQL", value_tag_name(v.tag));
		return false;
	}
	text = value_to_text(v);
	/* Prometheus reads strings as UTF-8, and would replace what is none. */
	ok = utf8_valid(value_text_peek(text), value_length(text)) && !embed_has_nul(text);
	if (ok)
		add_escaped(query, value_text_peek(text), value_length(text), place);
	else
		embed_failed(error, "label text of PromQL must be UTF-8 without NUL bytes");
	value_release(text);
	return ok;
}

static bool add_alternatives(struct buffer *query, struct value list, struct place place, struct value *error)
{
	size_t i, count = value_length(list);

	if (count == 0) {
		embed_failed(error, "an empty list in a regular expression would match the empty text");
		return false;
	}
	buffer_add_text(query, "(?:");
	for (i = 0; i < count; i++) {
		struct value item = value_item(list, i);
		bool ok;

		if (i > 0)
			buffer_add_byte(query, '|');
		ok = add_text(query, item, place, error);
		value_release(item);
		if (!ok)
			return false;
	}
	buffer_add_byte(query, ')');
	return true;
}

static bool add_value(struct buffer *query, struct value v, struct place place, struct value *error)
{
	bool ok;

	if (place.kind == PLACE_CODE || place.kind == PLACE_UNIT)
		return add_code(query, v, place, error);
	if (place.kind != PLACE_TEXT && v.tag == VALUE_LIST)
		return add_alternatives(query, v, place, error);
	if (place.kind != PLACE_REGEX_ATOM)
		return add_text(query, v, place, error);
	buffer_add_text(query, "(?:");
	ok = add_text(query, v, place, error);
	buffer_add_byte(query, ')');
	return ok;
}

struct value embed_render_promql(const struct embed_part *pieces, const struct value *values, size_t count,
				 struct value *error)
{
	struct place *places = memory_need(calloc(count ? count : 1, sizeof(*places)));
	struct embed_problem problem;
	struct buffer query = {0};
	bool ok = scan_all(pieces, count, places, &problem);
	size_t i;

	if (!ok)
		embed_failed(error, "%s: %s", problem.message, problem.hint);
	for (i = 0; ok && i < count; i++) {
		buffer_add(&query, pieces[i].text, pieces[i].length);
		if (i + 1 < count)
			ok = add_value(&query, values[i], places[i], error);
	}
	free(places);
	if (!ok) {
		buffer_free(&query);
		return value_null();
	}
	return buffer_finish(&query);
}
