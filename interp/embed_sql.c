/*
 * embed_sql.c - values in SQL as PostgreSQL and SQLite read it: where a bind parameter can stand, and the
 * parameters themselves.
 *
 * The scanner knows PostgreSQL's tokens with standard_conforming_strings on (which builtins/pg.c sets):
 * quotes, E'', dollar quotes, nested comments. SQLite has none of the last three, and quotes names by ` ` and
 * [ ] too.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interp/embed_inner.h"

struct hint {
	const char *word, *hint;
};

/* What differs; messages are whole sentences, since embed_problem lends constant text. */
struct dialect {
	bool sqlite;
	const char *const *with_parameters; /* statements that take them; NULL at the end */
	const struct hint *hints; /* for others: the way to pass a value all the same; the last has no word */
	const char *no_place, *one_statement;
};

static const char *const postgres_words[] = {"select", "insert", "update",  "delete", "merge", "values",
					     "with",   "table",	 "explain", "call",   NULL};

static const struct hint postgres_hints[] = {
    {"set", "write select set_config('name', ${value}, false)"},
    {"notify", "write select pg_notify('channel', ${value})"},
    {"copy", "read the rows by pg.query and write them by file.write, or the other way round"},
    {"do", "write a function, and call it with the value: select f(${value})"},
    {NULL, "a value made by pg.name(x) stands for an identifier; PostgreSQL takes no other value here"},
};

static const struct dialect postgres = {
    .with_parameters = postgres_words,
    .hints = postgres_hints,
    .no_place = "PostgreSQL has no place for a value in this statement",
    .one_statement = "PostgreSQL takes parameters in a single statement only",
};

static const char *const sqlite_words[] = {"select", "insert", "update",  "delete", "replace",
					   "values", "with",   "explain", NULL};

static const struct hint sqlite_hints[] = {
    {"pragma", "write select * from pragma_table_info(${table}): most pragmas that tell something have such "
	       "a function"},
    {NULL, "a value made by pg.name(x) stands for an identifier; SQLite takes no other value here"},
};

static const struct dialect sqlite = {
    .sqlite = true,
    .with_parameters = sqlite_words,
    .hints = sqlite_hints,
    .no_place = "SQLite has no place for a value in this statement",
    .one_statement = "SQLite takes parameters in a single statement only",
};

static const struct dialect *dialect_of(enum embed_language language)
{
	return language == EMBED_SQLITE ? &sqlite : &postgres;
}

#define WORD_MAX 16

struct sql_scan {
	const struct dialect *dialect;
	struct cursor at;
	struct embed_problem *problem;
	char word[WORD_MAX]; /* first word of the statement, in lower case; "" before it */
	bool ended;	     /* a semicolon has been seen */
};

static bool refuse(struct sql_scan *scan, const char *message, const char *hint)
{
	return embed_refuse(scan->problem, &scan->at, message, hint);
}

static bool is_blank(int symbol)
{
	return symbol == ' ' || (symbol >= '\t' && symbol <= '\r');
}

static bool takes_parameters(const struct dialect *dialect, const char *word)
{
	size_t i;

	for (i = 0; dialect->with_parameters[i]; i++)
		if (strcmp(word, dialect->with_parameters[i]) == 0)
			return true;
	return false;
}

static const char *hint_without_parameters(const struct dialect *dialect, const char *word)
{
	const struct hint *hint = dialect->hints;

	while (hint->word && strcmp(word, hint->word) != 0)
		hint++;
	return hint->hint;
}

/* U& right before a name would make it a name with escapes of its own. */
static bool after_unicode_prefix(const struct cursor *at)
{
	const char *text = at->pieces[at->piece].text;

	return at->offset >= 2 && text[at->offset - 1] == '&' && (text[at->offset - 2] | 0x20) == 'u';
}

static bool scan_value(struct sql_scan *scan)
{
	int before = cursor_before(&scan->at), after = cursor_second(scan->at);
	bool name = scan->at.pieces[scan->at.piece].name;

	if (before == CURSOR_VALUE)
		return refuse(scan, "two values stand side by side",
			      "write an operator, a comma or a blank between them");
	if (embed_is_word(before) || before == '$' || embed_is_word(after) || after == '$')
		return refuse(
		    scan, "a value cannot be a part of a word of SQL",
		    "make the whole word first: pg.name(\"${prefix}_${suffix}\") for an identifier");
	if (name && (before == '"' || after == '"'))
		return refuse(scan, "a name from pg.name() already has its quotes",
			      "leave a blank before and after it");
	if (name && after_unicode_prefix(&scan->at))
		return refuse(scan, "U& cannot stand before a name from pg.name()", "leave it out");
	if (scan->word[0] == '\0')
		return refuse(scan, "a value cannot be the statement itself",
			      "write the statement as a literal");
	if (!name && !takes_parameters(scan->dialect, scan->word))
		return refuse(scan, scan->dialect->no_place,
			      hint_without_parameters(scan->dialect, scan->word));
	cursor_take(&scan->at);
	return true;
}

/* Takes up to and with the closing `quote`. */
static bool scan_quoted(struct sql_scan *scan, int quote, bool backslashes)
{
	for (;;) {
		int c = cursor_peek(&scan->at);

		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside quotes of SQL",
				      quote != '\''
					  ? "pg.name(x) stands for an identifier, without quotes around it"
					  : "leave the quotes out: ${value} is a parameter, or a part: 'a' "
					    "|| ${value}");
		cursor_take(&scan->at);
		if (c == CURSOR_END || c == quote)
			return true;
		if (c == '\\' && backslashes && cursor_peek(&scan->at) != CURSOR_VALUE)
			cursor_take(&scan->at);
	}
}

static bool scan_line_comment(struct sql_scan *scan)
{
	int c;

	while ((c = cursor_peek(&scan->at)) != '\n' && c != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside a comment", "leave it out");
		cursor_take(&scan->at);
	}
	return true;
}

static bool scan_block_comment(struct sql_scan *scan)
{
	int depth = 0;

	do {
		int c = cursor_peek(&scan->at), next;

		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside a comment", "leave it out");
		cursor_take(&scan->at);
		next = cursor_peek(&scan->at);
		if ((c == '/' && next == '*' && (depth == 0 || !scan->dialect->sqlite)) ||
		    (c == '*' && next == '/' && depth > 0)) {
			cursor_take(&scan->at);
			depth += c == '/' ? 1 : -1;
		} else if (c == CURSOR_END) {
			return true;
		}
	} while (depth > 0);
	return true;
}

/* After E'...': a string on a following line goes on with the same rules. */
static bool string_continues(struct sql_scan *scan)
{
	struct cursor at = scan->at;
	bool newline = false;
	int c;

	for (;;) {
		c = cursor_peek(&at);
		if (c == '-' && cursor_second(at) == '-') {
			while ((c = cursor_peek(&at)) != '\n' && c != CURSOR_END && c != CURSOR_VALUE)
				cursor_take(&at);
		} else if (is_blank(c)) {
			newline = newline || c == '\n' || c == '\r';
			cursor_take(&at);
		} else {
			break;
		}
	}
	if (!newline || c != '\'')
		return false;
	scan->at = at;
	return true;
}

static bool scan_string(struct sql_scan *scan, bool backslashes)
{
	do {
		cursor_take(&scan->at);
		if (!scan_quoted(scan, '\'', backslashes))
			return false;
	} while (backslashes && string_continues(scan));
	return true;
}

/* At a $ that is no part of a word: $1, $$ or $tag$. */
static bool scan_dollar(struct sql_scan *scan)
{
	struct cursor start = scan->at, body;
	const char *tag = start.pieces[start.piece].text + start.offset;
	size_t length, matched;
	int c;

	cursor_take(&scan->at);
	c = cursor_peek(&scan->at);
	if (c >= '0' && c <= '9') {
		scan->at = start;
		return refuse(scan, "a parameter is written by its number",
			      "interpolate the value: ${value}");
	}
	while (embed_is_word(cursor_peek(&scan->at)))
		cursor_take(&scan->at);
	if (cursor_peek(&scan->at) != '$' || scan->at.piece != start.piece)
		return true;
	cursor_take(&scan->at);
	length = scan->at.offset - start.offset;
	for (;;) {
		if (cursor_peek(&scan->at) == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside a dollar-quoted string",
				      "write a function, and call it with the value: select f(${value})");
		if (cursor_peek(&scan->at) == CURSOR_END)
			return true;
		body = scan->at;
		for (matched = 0; matched < length && cursor_peek(&body) == (unsigned char)tag[matched];
		     matched++)
			cursor_take(&body);
		if (matched == length) {
			scan->at = body;
			return true;
		}
		cursor_take(&scan->at);
	}
}

/* SQLite's ?, ?1, :name, @name and $name. */
static bool scan_parameter(struct sql_scan *scan)
{
	int c = cursor_peek(&scan->at), next = cursor_second(scan->at);

	if (c == '?' || embed_is_word(next))
		return refuse(scan, "a parameter is written by its number or its name",
			      "interpolate the value: ${value}");
	cursor_take(&scan->at);
	return true;
}

static bool scan_word(struct sql_scan *scan)
{
	char word[WORD_MAX] = "";
	size_t length = 0;
	int c;

	/* A $ belongs to a word that has begun. */
	while (embed_is_word(c = cursor_peek(&scan->at)) || c == '$') {
		if (length + 1 < sizeof(word))
			word[length++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
		cursor_take(&scan->at);
	}
	word[length] = '\0';
	if (scan->word[0] == '\0')
		memcpy(scan->word, word, sizeof(word));
	if (c == '\'' && strcmp(word, "e") == 0 && !scan->dialect->sqlite)
		return scan_string(scan, true);
	return true;
}

static bool scan_token(struct sql_scan *scan)
{
	int c = cursor_peek(&scan->at), next = cursor_second(scan->at);

	if (is_blank(c)) {
		cursor_take(&scan->at);
		return true;
	}
	if (c == '-' && next == '-')
		return scan_line_comment(scan);
	if (c == '/' && next == '*')
		return scan_block_comment(scan);
	if (scan->ended && c != ';' && scan->at.count > 1)
		return refuse(scan, scan->dialect->one_statement, "make a call for each statement");
	if (scan->dialect->sqlite && (c == '?' || c == ':' || c == '@' || c == '$'))
		return scan_parameter(scan);
	if (scan->dialect->sqlite && (c == '`' || c == '[')) {
		cursor_take(&scan->at);
		return scan_quoted(scan, c == '[' ? ']' : c, false);
	}
	switch (c) {
	case CURSOR_VALUE:
		return scan_value(scan);
	case '\'':
		return scan_string(scan, false);
	case '"':
		cursor_take(&scan->at);
		return scan_quoted(scan, '"', false);
	case '$':
		return scan_dollar(scan);
	case ';':
		scan->ended = scan->ended || scan->word[0] != '\0';
		break;
	}
	if (embed_is_word(c))
		return scan_word(scan);
	cursor_take(&scan->at);
	return true;
}

bool embed_check_sql(enum embed_language language, const struct embed_part *pieces, size_t count,
		     struct embed_problem *problem)
{
	struct sql_scan scan = {
	    .dialect = dialect_of(language), .at = {.pieces = pieces, .count = count}, .problem = problem};

	if (count == 0)
		return true;
	while (cursor_peek(&scan.at) != CURSOR_END)
		if (!scan_token(&scan))
			return false;
	return true;
}

/* ---- the parameters' text ---- */

static bool add_array(struct buffer *text, struct value list, struct value *error, int depth);

/* PostgreSQL's own spelling: NaN, Infinity. */
static void add_double(struct buffer *text, double f)
{
	if (isnan(f))
		buffer_add_text(text, "NaN");
	else if (isinf(f))
		buffer_add_text(text, f > 0 ? "Infinity" : "-Infinity");
	else
		buffer_add_float(text, f);
}

static void add_duration(struct buffer *text, int64_t ns)
{
	uint64_t left = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
	unsigned long micros = (unsigned long)(left % 1000000000 / 1000);

	buffer_printf(text, "%s%" PRIu64 ".%06lu seconds", ns < 0 ? "-" : "", left / 1000000000, micros);
}

static void add_text(struct buffer *text, struct value v)
{
	struct value shown = value_to_text(v);

	buffer_add(text, value_text_peek(shown), value_length(shown));
	value_release(shown);
}

/* value_to_text() shows a secret inside a record as it is, which is what a parameter needs. */
static bool add_scalar(struct buffer *text, struct value v, struct value *error)
{
	switch ((enum value_tag)v.tag) {
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		add_double(text, v.f);
		return true;
	case VALUE_SIZE:
		buffer_add_int(text, v.i);
		return true;
	case VALUE_DURATION:
		add_duration(text, v.i);
		return true;
	case VALUE_STRING:
		if (embed_has_nul(v)) {
			embed_failed(error, "a text with a NUL byte cannot be passed to PostgreSQL");
			return false;
		}
		/* fall through */
	default:
		add_text(text, v);
		return true;
	}
}

static void add_quoted_item(struct buffer *text, const char *bytes, size_t length)
{
	size_t i;

	buffer_add_byte(text, '"');
	for (i = 0; i < length; i++) {
		if (bytes[i] == '"' || bytes[i] == '\\')
			buffer_add_byte(text, '\\');
		buffer_add_byte(text, bytes[i]);
	}
	buffer_add_byte(text, '"');
}

static bool add_item(struct buffer *text, struct value item, struct value *error, int depth)
{
	struct buffer plain = {0};
	struct value shown;
	bool ok;

	if (item.tag == VALUE_NULL) {
		buffer_add_text(text, "NULL");
		return true;
	}
	if (item.tag == VALUE_LIST || item.tag == VALUE_RANGE)
		return add_array(text, item, error, depth + 1);
	ok = add_scalar(&plain, item, error);
	shown = buffer_finish(&plain);
	if (ok)
		add_quoted_item(text, value_text_peek(shown), value_length(shown));
	value_release(shown);
	return ok;
}

/* PostgreSQL's arrays have at most 6 dimensions (MAXDIM). */
static bool add_array(struct buffer *text, struct value list, struct value *error, int depth)
{
	size_t i, count = value_length(list);

	if (depth > 6) {
		embed_failed(error, "a list of more than 6 dimensions cannot be an array of PostgreSQL");
		return false;
	}
	if (count > 1000000) {
		embed_failed(error, "a list of more than 1,000,000 items cannot be a parameter");
		return false;
	}
	buffer_add_byte(text, '{');
	for (i = 0; i < count; i++) {
		struct value item = value_item(list, i);
		bool ok;

		if (i > 0)
			buffer_add_byte(text, ',');
		ok = add_item(text, item, error, depth);
		value_release(item);
		if (!ok)
			return false;
	}
	buffer_add_byte(text, '}');
	return true;
}

/* SQLite's parameters have types: what is a number stays one. */
static bool add_typed(struct value *args, struct value v, struct value *error)
{
	unsigned mark = value_is_secret(v) ? VALUE_SECRET : 0;
	struct value typed;

	switch ((enum value_tag)v.tag) {
	case VALUE_NULL:
		typed = value_null();
		break;
	case VALUE_BOOL:
		typed = value_int(v.b);
		break;
	case VALUE_INT:
	case VALUE_SIZE:
		typed = value_int(v.i);
		break;
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		typed = value_float(v.f);
		break;
	case VALUE_DURATION:
		typed = value_float((double)v.i / 1e9);
		break;
	default:
		if (embed_has_nul(v)) {
			embed_failed(error, "a text with a NUL byte cannot be passed to SQLite");
			return false;
		}
		typed = value_to_text(v);
	}
	list_push(args, value_mark(typed, mark));
	return true;
}

static bool add_parameter(struct value *args, struct value v, struct value *error)
{
	struct buffer text = {0};
	bool ok;

	if (v.tag == VALUE_NULL) {
		list_push(args, value_mark(value_null(), v.flags & VALUE_SECRET));
		return true;
	}
	ok = v.tag == VALUE_LIST || v.tag == VALUE_RANGE ? add_array(&text, v, error, 1)
							 : add_scalar(&text, v, error);
	if (!ok) {
		buffer_free(&text);
		return false;
	}
	list_push(args, value_mark(buffer_finish(&text), value_is_secret(v) ? VALUE_SECRET : 0));
	return true;
}

/* What pg.name() makes: quoted identifiers, with dots between them. Nothing else may enter the text. */
static bool is_name(struct value v)
{
	const char *at = value_text_peek(v), *end = at + value_length(v);

	if (v.tag != VALUE_STRING || embed_has_nul(v))
		return false;
	for (;;) {
		if (at == end || *at++ != '"')
			return false;
		while (at < end && (*at != '"' || (at + 1 < end && at[1] == '"')))
			at += *at == '"' ? 2 : 1;
		if (at == end)
			return false;
		if (++at == end)
			return true;
		if (*at++ != '.')
			return false;
	}
}

static bool render_pieces(const struct dialect *dialect, const struct embed_part *pieces,
			  const struct value *values, size_t count, struct buffer *text, struct value *args,
			  struct value *error)
{
	size_t i;

	for (i = 0; i < count; i++) {
		buffer_add(text, pieces[i].text, pieces[i].length);
		if (i + 1 == count)
			return true;
		if (values[i].flags & VALUE_SQL_NAME) {
			if (!is_name(values[i])) {
				embed_failed(
				    error,
				    "a name from pg.name() was changed afterwards: pg.name() comes last");
				return false;
			}
			buffer_add(text, value_text_peek(values[i]), value_length(values[i]));
			continue;
		}
		if (dialect->sqlite ? !add_typed(args, values[i], error)
				    : !add_parameter(args, values[i], error))
			return false;
		buffer_printf(text, "%c%zu", dialect->sqlite ? '?' : '$', value_length(*args));
	}
	return true;
}

/* The places, with the names that the values really are. */
static bool check_places(enum embed_language language, const struct embed_part *pieces,
			 const struct value *values, size_t count, struct embed_problem *problem)
{
	struct embed_part *named = memory_need(calloc(count ? count : 1, sizeof(*named)));
	size_t i;
	bool ok;

	for (i = 0; i < count; i++) {
		named[i] = pieces[i];
		named[i].name = i + 1 < count && (values[i].flags & VALUE_SQL_NAME);
	}
	ok = embed_check_sql(language, named, count, problem);
	free(named);
	return ok;
}

struct value embed_render_sql(enum embed_language language, const struct embed_part *pieces,
			      const struct value *values, size_t count, struct value *error)
{
	struct embed_problem problem;
	struct buffer text = {0};
	struct value args, result;
	bool secret_name = false;
	size_t i;

	if (!check_places(language, pieces, values, count, &problem))
		return embed_failed(error, "%s: %s", problem.message, problem.hint);
	args = list_new(count);
	if (!render_pieces(dialect_of(language), pieces, values, count, &text, &args, error)) {
		buffer_free(&text);
		value_release(args);
		return value_null();
	}
	result = record_new(2);
	for (i = 0; i + 1 < count; i++)
		secret_name = secret_name || (values[i].flags & VALUE_SQL_NAME && value_is_secret(values[i]));
	record_set(&result, "text", value_mark(buffer_finish(&text), secret_name ? VALUE_SECRET : 0));
	record_set(&result, "args", args);
	return result;
}
