#include "builtins/yaml.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/utf8.h"
#include "interp/buffer.h"

#define DEPTH_MAX 100

struct reader {
	const char *at, *end;
	const char *line; /* where the current line begins */
	int number;	  /* of it, from 1 */
	int depth;
	struct value anchors; /* name -> value */
	char *error;	      /* its first byte is set once something is wrong */
	size_t error_size;
};

static struct value node(struct reader *reader, int parent, bool items);

static struct value wrong(struct reader *reader, const char *what)
{
	if (*reader->error == '\0')
		snprintf(reader->error, reader->error_size, "line %d: %s", reader->number, what);
	reader->at = reader->end;
	return value_null();
}

static int column(const struct reader *reader)
{
	return (int)(reader->at - reader->line);
}

static bool at_end_of_line(const struct reader *reader)
{
	return reader->at == reader->end || *reader->at == '\n';
}

static void skip_spaces(struct reader *reader)
{
	while (reader->at < reader->end && *reader->at == ' ')
		reader->at++;
}

static void next_line(struct reader *reader)
{
	reader->at++;
	reader->line = reader->at;
	reader->number++;
}

/* Goes to the next thing that is no space, newline or comment; its column, or -1 at the end. */
static int seek(struct reader *reader)
{
	for (;;) {
		skip_spaces(reader);
		if (reader->at < reader->end && *reader->at == '#')
			while (!at_end_of_line(reader))
				reader->at++;
		if (reader->at == reader->end)
			return -1;
		if (*reader->at != '\n')
			return column(reader);
		next_line(reader);
	}
}

static bool ends_key(const char *at, const char *end)
{
	return *at == ':' && (at + 1 == end || at[1] == ' ' || at[1] == '\n');
}

/* Does a key of a mapping stand here? Keys stand on one line. */
static bool is_key(const struct reader *reader)
{
	const char *at = reader->at;
	char quote = *at;

	if (quote == '"' || quote == '\'') {
		for (at++; at < reader->end && *at != quote && *at != '\n'; at++)
			if (quote == '"' && *at == '\\' && at + 1 < reader->end)
				at++;
		return at + 1 < reader->end && *at == quote && ends_key(at + 1, reader->end);
	}
	for (; at < reader->end && *at != '\n'; at++)
		if (ends_key(at, reader->end))
			return true;
	return false;
}

/* ---- scalars ---- */

static struct value plain_value(const char *text, size_t length)
{
	struct value string = value_string_n(text, length), made = value_null();
	const char *bytes = value_text_peek(string), *digits = bytes + (*bytes == '-'),
		   *exponent = strchr(digits, 'e');
	char *end;

	if (length == 0 || strcmp(bytes, "null") == 0 || strcmp(bytes, "~") == 0) {
		value_release(string);
		return made;
	}
	if (strcmp(bytes, "true") == 0 || strcmp(bytes, "false") == 0) {
		made = value_bool(*bytes == 't');
	} else if (*digits != '\0' && strspn(digits, "0123456789") == strlen(digits)) {
		errno = 0;
		made = value_int(strtoll(bytes, &end, 10));
		if (errno != 0)
			return string;
	} else if (isdigit((unsigned char)*digits) && strspn(digits, "0123456789.e+-") == strlen(digits) &&
		   strchr(digits, '.') != NULL &&
		   (exponent == NULL || exponent[1] == '+' || exponent[1] == '-')) {
		double number = strtod(bytes, &end);

		if (*end != '\0')
			return string;
		made = value_float(number);
	} else {
		return string;
	}
	value_release(string);
	return made;
}

/* A line break inside a scalar is a space; each blank line that follows is a newline instead. */
static void fold(struct reader *reader, struct buffer *text)
{
	int breaks = 0;

	while (reader->at < reader->end && (*reader->at == '\n' || *reader->at == ' ')) {
		if (*reader->at == '\n') {
			next_line(reader);
			breaks++;
		} else {
			reader->at++;
		}
	}
	if (breaks == 1)
		buffer_add_byte(text, ' ');
	for (; breaks > 1; breaks--)
		buffer_add_byte(text, '\n');
}

static void trim(struct buffer *text)
{
	while (text->length > 0 && text->string->bytes[text->length - 1] == ' ')
		buffer_cut(text, text->length - 1);
}

static struct value single_quoted(struct reader *reader)
{
	struct buffer text = {0};

	for (reader->at++; reader->at < reader->end;) {
		if (*reader->at == '\'' && reader->at + 1 < reader->end && reader->at[1] == '\'') {
			buffer_add_byte(&text, '\'');
			reader->at += 2;
		} else if (*reader->at == '\'') {
			reader->at++;
			return buffer_finish(&text);
		} else if (*reader->at == '\n') {
			trim(&text);
			fold(reader, &text);
		} else {
			buffer_add_byte(&text, *reader->at++);
		}
	}
	buffer_free(&text);
	return wrong(reader, "a quoted text without its end");
}

static void code_point(struct reader *reader, struct buffer *text, int digits)
{
	uint32_t code = 0;
	char bytes[4];

	for (; digits > 0 && reader->at < reader->end && isxdigit((unsigned char)*reader->at);
	     digits--, reader->at++)
		code = code * 16 + (uint32_t)(isdigit((unsigned char)*reader->at)
						  ? *reader->at - '0'
						  : tolower((unsigned char)*reader->at) - 'a' + 10);
	if (code > 0x10ffff)
		code = 0xfffd;
	buffer_add(text, bytes, utf8_encode(code, bytes));
}

/* Behind a backslash. */
static void escape(struct reader *reader, struct buffer *text)
{
	static const char names[] = "0abtnvfre\"/\\ N_LP", codes[] = "\0\a\b\t\n\v\f\r\033\"/\\ ";
	char c = *reader->at;
	const char *name = strchr(names, c);

	if (c == '\n') { /* continued on the next line, which an escaped space may begin */
		next_line(reader);
		skip_spaces(reader);
		return;
	}
	reader->at++;
	if (c == 'x' || c == 'u' || c == 'U')
		code_point(reader, text, c == 'x' ? 2 : c == 'u' ? 4 : 8);
	else if (c != '\0' && name != NULL && name - names < 13)
		buffer_add_byte(text, codes[name - names]);
	else if (c == 'N')
		buffer_add_text(text, "\xc2\x85");
	else if (c == '_')
		buffer_add_text(text, "\xc2\xa0");
	else if (c == 'L' || c == 'P')
		buffer_add_text(text, c == 'L' ? "\xe2\x80\xa8" : "\xe2\x80\xa9");
	else
		wrong(reader, "an unknown escape in a quoted text");
}

static struct value double_quoted(struct reader *reader)
{
	struct buffer text = {0};

	for (reader->at++; reader->at < reader->end;) {
		if (*reader->at == '"') {
			reader->at++;
			return buffer_finish(&text);
		}
		if (*reader->at == '\\' && reader->at + 1 < reader->end) {
			reader->at++;
			escape(reader, &text);
		} else if (*reader->at == '\n') {
			trim(&text);
			fold(reader, &text);
		} else {
			buffer_add_byte(&text, *reader->at++);
		}
	}
	buffer_free(&text);
	return wrong(reader, "a quoted text without its end");
}

/* Lines deeper than `parent` go on with it. */
static struct value plain(struct reader *reader, int parent)
{
	struct buffer text = {0};
	struct value made;
	bool several = false;

	for (;;) {
		struct reader ahead;

		while (!at_end_of_line(reader)) {
			if (*reader->at == '#' && reader->at > reader->line && reader->at[-1] == ' ') {
				while (!at_end_of_line(reader))
					reader->at++;
				break;
			}
			buffer_add_byte(&text, *reader->at++);
		}
		trim(&text);
		ahead = *reader;
		if (reader->at == reader->end || seek(&ahead) <= parent)
			break;
		if (is_key(&ahead)) {
			buffer_free(&text);
			*reader = ahead;
			return wrong(reader, "a key inside a text");
		}
		fold(reader, &text);
		several = true;
	}
	if (several)
		return buffer_finish(&text);
	made = plain_value(text.length > 0 ? text.string->bytes : "", text.length);
	buffer_free(&text);
	return made;
}

/* ---- nodes ---- */

static bool is_item(const struct reader *reader)
{
	return *reader->at == '-' &&
	       (reader->at + 1 == reader->end || reader->at[1] == ' ' || reader->at[1] == '\n');
}

static struct value key_text(struct reader *reader)
{
	const char *from = reader->at;

	if (*from == '"')
		return double_quoted(reader);
	if (*from == '\'')
		return single_quoted(reader);
	while (!ends_key(reader->at, reader->end))
		reader->at++;
	return value_string_n(from, (size_t)(reader->at - from));
}

static struct value mapping(struct reader *reader, int indent)
{
	struct value record = record_new(4), key, v;
	int next;

	do {
		if (!is_key(reader)) {
			value_release(record);
			return wrong(reader, "a key was expected");
		}
		key = key_text(reader);
		if (reader->at < reader->end)
			reader->at++; /* the colon */
		v = node(reader, indent, true);
		record_set_n(&record, value_text_peek(key), value_length(key), v);
		value_release(key);
		next = seek(reader);
	} while (next == indent && !is_item(reader));
	if (next > indent)
		wrong(reader, "an unexpected indentation");
	return record;
}

static struct value sequence(struct reader *reader, int indent)
{
	struct value list = list_new(4);
	int next;

	do {
		reader->at++; /* the dash */
		list_push(&list, node(reader, indent, false));
		next = seek(reader);
	} while (next == indent && is_item(reader));
	if (next > indent)
		wrong(reader, "an unexpected indentation");
	return list;
}

static struct value anchor_name(struct reader *reader)
{
	const char *from = ++reader->at;

	while (!at_end_of_line(reader) && *reader->at != ' ')
		reader->at++;
	return value_string_n(from, (size_t)(reader->at - from));
}

static struct value alias(struct reader *reader)
{
	struct value name = anchor_name(reader), v;

	if (!record_has(reader->anchors, value_text_peek(name))) {
		value_release(name);
		return wrong(reader, "an alias of nothing");
	}
	v = value_copy(record_peek(reader->anchors, value_text_peek(name)));
	value_release(name);
	return v;
}

static bool take(struct reader *reader, const char *text)
{
	size_t length = strlen(text);

	if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, text, length) != 0)
		return false;
	reader->at += length;
	return true;
}

/* What stands at `at`, which is no space. */
static struct value node_here(struct reader *reader, int parent)
{
	if (is_item(reader))
		return sequence(reader, column(reader));
	if (*reader->at == '*')
		return alias(reader);
	if (take(reader, "{}"))
		return record_new(0);
	if (take(reader, "[]"))
		return list_new(0);
	if (is_key(reader))
		return mapping(reader, column(reader));
	if (*reader->at == '"')
		return double_quoted(reader);
	if (*reader->at == '\'')
		return single_quoted(reader);
	if (strchr("{[|>?!%@`", *reader->at) != NULL)
		return wrong(reader, "a form that docker-compose does not print");
	return plain(reader, parent);
}

/* Behind a key or a dash at column `parent`: on this line, or on deeper ones; with `items`, a sequence in its
 * own column. */
static struct value node_behind(struct reader *reader, int parent, bool items)
{
	int next;

	skip_spaces(reader);
	if (!at_end_of_line(reader) && *reader->at != '#')
		return node_here(reader, parent);
	next = seek(reader);
	if (next > parent || (items && next == parent && next >= 0 && is_item(reader)))
		return node_here(reader, parent);
	return value_null();
}

static struct value node(struct reader *reader, int parent, bool items)
{
	struct value v, name;

	if (++reader->depth > DEPTH_MAX)
		return wrong(reader, "too deep");
	skip_spaces(reader);
	if (!at_end_of_line(reader) && *reader->at == '&') {
		name = anchor_name(reader);
		v = node_behind(reader, parent, items);
		record_set(&reader->anchors, value_text_peek(name), value_copy(v));
		value_release(name);
	} else {
		v = node_behind(reader, parent, items);
	}
	reader->depth--;
	return v;
}

bool yaml_parse(const char *text, size_t length, struct value *out, char *error, size_t size)
{
	struct reader reader = {.at = text,
				.end = text + length,
				.line = text,
				.number = 1,
				.anchors = record_new(0),
				.error = error,
				.error_size = size};

	*error = '\0';
	*out = node(&reader, -1, false);
	if (*error == '\0' && seek(&reader) >= 0)
		wrong(&reader, "more than one value");
	value_release(reader.anchors);
	if (*error != '\0')
		value_clear(out);
	return *error == '\0';
}
