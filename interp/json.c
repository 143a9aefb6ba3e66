/*
 * json.c - values to JSON and back: plain for others, exact for the journal. Reading goes through jansson.
 *
 * The exact form is JSON in which an object of one key that begins with a single "$" stands for what JSON
 * lacks:
 *
 *   {"$float":"nan"}      nan, inf, -inf; all other floats are numbers with a point or an exponent
 *   {"$percent":0.05}     its ratio (a number, or "nan" and the like)
 *   {"$duration":n} {"$time":n} in nanoseconds, {"$size":n} in bytes, {"$range":[from,to]}
 *   {"$bytes":"00ff"}     a string that is not UTF-8, in hexadecimal
 *   {"$name":"…"}         a string made by pg.name()
 *   {"$record":[[k,v],…]} a record with a key that jansson would refuse: not UTF-8, or with a NUL
 *   {"$secret":true} {"$unknown":true}
 *
 * A record's own key that begins with "$" gets one more "$" in front.
 */
#include "interp/json.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/utf8.h"
#include "interp/utf8.h"

#define WRITE_DEPTH_MAX 10000 /* as far as the C stack carries the writer; jansson reads 2048 */
#define READ_DEPTH_MAX	200   /* of JSON from outside */
#define ERROR_SIZE	160

struct writer {
	struct buffer *text;
	enum json_style style;
	bool pretty;
	int depth;
};

static void write_value(struct writer *writer, struct value v);

/* All of these lie below U+10000. */
static void write_code(struct buffer *text, const char *at, size_t sequence)
{
	uint32_t code = 0;

	utf8_decode(at, sequence, &code);
	buffer_printf(text, "\\u%04x", (unsigned)code);
}

static void write_escaped(struct buffer *text, const char *bytes, size_t length)
{
	size_t i = 0, plain, sequence;

	while (i < length) {
		unsigned char c;

		plain = utf8_plain(bytes + i, length - i);
		buffer_add(text, bytes + i, plain);
		i += plain;
		if (i == length)
			return;
		c = (unsigned char)bytes[i];
		sequence = utf8_sequence(bytes + i, length - i);
		if (c == '"')
			buffer_add_text(text, "\\\"");
		else if (c == '\\')
			buffer_add_text(text, "\\\\");
		else if (c == '\n')
			buffer_add_text(text, "\\n");
		else if (c == '\t')
			buffer_add_text(text, "\\t");
		else if (c == '\r')
			buffer_add_text(text, "\\r");
		else if (sequence == 0)
			buffer_add_text(text, "\xef\xbf\xbd");
		else if (utf8_unprintable(bytes + i, sequence))
			write_code(text, bytes + i, sequence);
		else
			buffer_add(text, bytes + i, sequence);
		i += sequence > 0 ? sequence : 1;
	}
}

/* Nearly all strings are plain from their first byte to their last. */
static bool write_plain(struct buffer *text, const char *bytes, size_t length)
{
	char *at;

	if (utf8_plain(bytes, length) != length)
		return false;
	at = buffer_reserve(text, length + 2);
	*at = '"';
	memcpy(at + 1, bytes, length);
	at[length + 1] = '"';
	text->length += length + 2;
	return true;
}

void json_write_string(struct buffer *text, const char *bytes, size_t length)
{
	if (write_plain(text, bytes, length))
		return;
	buffer_add_byte(text, '"');
	write_escaped(text, bytes, length);
	buffer_add_byte(text, '"');
}

static void write_hex(struct buffer *text, const char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *at = buffer_reserve(text, length * 2);
	size_t i;

	for (i = 0; i < length; i++) {
		*at++ = digits[(unsigned char)bytes[i] >> 4];
		*at++ = digits[(unsigned char)bytes[i] & 15];
	}
	text->length += length * 2;
}

void json_write_exact(struct buffer *text, const char *bytes, size_t length)
{
	if (write_plain(text, bytes, length))
		return;
	if (utf8_valid(bytes, length)) {
		json_write_string(text, bytes, length);
		return;
	}
	buffer_add_text(text, "{\"$bytes\":\"");
	write_hex(text, bytes, length);
	buffer_add_text(text, "\"}");
}

static void write_string(struct writer *writer, struct value v)
{
	if (writer->style != JSON_EXACT) {
		json_write_string(writer->text, v.string->bytes, v.string->length);
		return;
	}
	if (v.flags & VALUE_SQL_NAME)
		buffer_add_text(writer->text, "{\"$name\":");
	json_write_exact(writer->text, v.string->bytes, v.string->length);
	if (v.flags & VALUE_SQL_NAME)
		buffer_add_byte(writer->text, '}');
}

/* JSON has no nan and no infinity: exact quotes them, plain says null as others do. */
static void write_float(struct writer *writer, double f)
{
	if (isfinite(f)) {
		buffer_add_float(writer->text, f);
	} else if (writer->style == JSON_EXACT) {
		buffer_add_byte(writer->text, '"');
		buffer_add_float(writer->text, f);
		buffer_add_byte(writer->text, '"');
	} else {
		buffer_add_text(writer->text, "null");
	}
}

static void write_tagged_int(struct buffer *text, const char *tag, int64_t i)
{
	buffer_add_text(text, "{\"$");
	buffer_add_text(text, tag);
	buffer_add_text(text, "\":");
	buffer_add_int(text, i);
	buffer_add_byte(text, '}');
}

/* What the exact form has a tag for. False: a value that both forms write alike. */
static bool write_exact_scalar(struct writer *writer, struct value v)
{
	struct buffer *text = writer->text;

	switch ((enum value_tag)v.tag) {
	case VALUE_UNKNOWN:
		buffer_add_text(text, "{\"$unknown\":true}");
		return true;
	case VALUE_FLOAT:
		if (isfinite(v.f))
			return false;
		buffer_add_text(text, "{\"$float\":");
		write_float(writer, v.f);
		buffer_add_byte(text, '}');
		return true;
	case VALUE_PERCENT:
		buffer_add_text(text, "{\"$percent\":");
		write_float(writer, v.f);
		buffer_add_byte(text, '}');
		return true;
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_TIME:
		write_tagged_int(text, value_tag_name((enum value_tag)v.tag), v.i);
		return true;
	case VALUE_RANGE:
		buffer_printf(text, "{\"$range\":[%" PRId64 ",%" PRId64 "]}", v.range->from, v.range->to);
		return true;
	default:
		return false;
	}
}

static void write_plain_scalar(struct writer *writer, struct value v)
{
	struct buffer *text = writer->text;
	char small[48];

	switch ((enum value_tag)v.tag) {
	case VALUE_BOOL:
		buffer_add_text(text, v.b ? "true" : "false");
		return;
	case VALUE_INT:
	case VALUE_SIZE:
		buffer_add_int(text, v.i);
		return;
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		write_float(writer, v.f);
		return;
	case VALUE_DURATION:
		if (v.i % INT64_C(1000000000) == 0)
			buffer_add_int(text, v.i / INT64_C(1000000000));
		else
			write_float(writer, (double)v.i / 1e9);
		return;
	case VALUE_TIME:
		buffer_printf(text, "\"%s\"", time_text(v.i, small));
		return;
	case VALUE_RANGE:
		buffer_printf(text, "{\"from\":%" PRId64 ",\"to\":%" PRId64 "}", v.range->from, v.range->to);
		return;
	default:
		buffer_add_text(text, "null");
	}
}

static void write_newline(struct writer *writer)
{
	int i;

	if (!writer->pretty)
		return;
	buffer_add_byte(writer->text, '\n');
	for (i = 0; i < writer->depth; i++)
		buffer_add_text(writer->text, "  ");
}

static void write_list(struct writer *writer, const struct value_list *list)
{
	size_t i;

	buffer_add_byte(writer->text, '[');
	writer->depth++;
	for (i = 0; i < list->count; i++) {
		if (i > 0)
			buffer_add_byte(writer->text, ',');
		write_newline(writer);
		write_value(writer, list->items[i]);
	}
	writer->depth--;
	if (list->count > 0)
		write_newline(writer);
	buffer_add_byte(writer->text, ']');
}

static void write_object(struct writer *writer, const struct value_record *record)
{
	size_t i;

	buffer_add_byte(writer->text, '{');
	writer->depth++;
	for (i = 0; i < record->count; i++) {
		const struct value_string *key = record->fields[i].key;

		if (i > 0)
			buffer_add_byte(writer->text, ',');
		write_newline(writer);
		if (writer->style == JSON_EXACT && key->length > 0 && key->bytes[0] == '$') {
			buffer_add_text(writer->text, "\"$");
			write_escaped(writer->text, key->bytes, key->length);
			buffer_add_byte(writer->text, '"');
		} else {
			json_write_string(writer->text, key->bytes, key->length);
		}
		buffer_add_text(writer->text, writer->pretty ? ": " : ":");
		write_value(writer, record->fields[i].value);
	}
	writer->depth--;
	if (record->count > 0)
		write_newline(writer);
	buffer_add_byte(writer->text, '}');
}

static bool has_odd_key(const struct value_record *record)
{
	size_t i;

	for (i = 0; i < record->count; i++) {
		const struct value_string *key = record->fields[i].key;

		if (utf8_plain(key->bytes, key->length) != key->length &&
		    (!utf8_valid(key->bytes, key->length) || memchr(key->bytes, '\0', key->length)))
			return true;
	}
	return false;
}

static void write_pairs(struct writer *writer, const struct value_record *record)
{
	size_t i;

	buffer_add_text(writer->text, "{\"$record\":[");
	writer->depth++;
	for (i = 0; i < record->count; i++) {
		buffer_add_text(writer->text, i > 0 ? ",[" : "[");
		json_write_exact(writer->text, record->fields[i].key->bytes, record->fields[i].key->length);
		buffer_add_byte(writer->text, ',');
		write_value(writer, record->fields[i].value);
		buffer_add_byte(writer->text, ']');
	}
	writer->depth--;
	buffer_add_text(writer->text, "]}");
}

static void write_value(struct writer *writer, struct value v)
{
	if ((v.flags & VALUE_SECRET) && writer->style != JSON_REVEAL) {
		buffer_add_text(writer->text, writer->style == JSON_EXACT ? "{\"$secret\":true}" : "\"***\"");
		return;
	}
	if (writer->depth > WRITE_DEPTH_MAX) {
		buffer_add_text(writer->text, "null");
		return;
	}
	switch ((enum value_tag)v.tag) {
	case VALUE_STRING:
		write_string(writer, v);
		return;
	case VALUE_LIST:
		write_list(writer, v.list);
		return;
	case VALUE_RECORD:
		if (writer->style == JSON_EXACT && has_odd_key(v.record))
			write_pairs(writer, v.record);
		else
			write_object(writer, v.record);
		return;
	default:
		if (writer->style != JSON_EXACT || !write_exact_scalar(writer, v))
			write_plain_scalar(writer, v);
	}
}

void json_write(struct buffer *text, struct value v, enum json_style style)
{
	struct writer writer = {.text = text, .style = style};

	write_value(&writer, v);
}

void json_write_pretty(struct buffer *text, struct value v, enum json_style style)
{
	struct writer writer = {.text = text, .style = style, .pretty = true};

	write_value(&writer, v);
}

struct value value_to_json(struct value v, bool pretty)
{
	struct buffer text = {0};

	if (pretty)
		json_write_pretty(&text, v, JSON_PLAIN);
	else
		json_write(&text, v, JSON_PLAIN);
	return buffer_finish(&text);
}

struct value value_encode(struct value v)
{
	struct buffer text = {0};

	json_write(&text, v, JSON_EXACT);
	return buffer_finish(&text);
}

/* ---- reading ---- */

struct reader {
	bool exact;
	bool whole_reals; /* the text was read with every int as a real: take them back */
	int depth, depth_max;
	const char *problem; /* why it was refused, or NULL */
};

static bool read_value(struct reader *reader, json_t *json, struct value *out);

static bool read_list(struct reader *reader, json_t *json, struct value *out)
{
	size_t i, count = json_array_size(json);

	*out = list_new(count);
	for (i = 0; i < count; i++) {
		struct value item;

		if (!read_value(reader, json_array_get(json, i), &item)) {
			value_clear(out);
			return false;
		}
		list_push(out, item);
	}
	return true;
}

static bool read_object(struct reader *reader, json_t *json, struct value *out)
{
	void *at;

	*out = record_new(json_object_size(json));
	for (at = json_object_iter(json); at; at = json_object_iter_next(json, at)) {
		const char *key = json_object_iter_key(at);
		size_t length = json_object_iter_key_len(at);
		struct value item;

		if (!read_value(reader, json_object_iter_value(at), &item)) {
			value_clear(out);
			return false;
		}
		/* jansson has kept one of each key. */
		if (reader->exact && length > 0 && key[0] == '$')
			record_add_n(out, key + 1, length - 1, item);
		else
			record_add_n(out, key, length, item);
	}
	return true;
}

static bool read_pairs(struct reader *reader, json_t *pairs, struct value *out)
{
	size_t i, count = json_array_size(pairs);

	*out = record_new(count);
	for (i = 0; i < count; i++) {
		json_t *pair = json_array_get(pairs, i);
		struct value key, item;

		if (json_array_size(pair) != 2 || !read_value(reader, json_array_get(pair, 0), &key))
			goto malformed;
		if (key.tag != VALUE_STRING || !read_value(reader, json_array_get(pair, 1), &item)) {
			value_release(key);
			goto malformed;
		}
		record_set_n(out, key.string->bytes, key.string->length, item);
		value_release(key);
	}
	return true;
malformed:
	value_clear(out);
	return false;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(json_t *json, struct value *out)
{
	const char *hex = json_string_value(json);
	size_t i, length = json_string_length(json);
	struct buffer bytes = {0};

	if (!hex || length % 2 != 0)
		return false;
	for (i = 0; i < length; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0) {
			buffer_free(&bytes);
			return false;
		}
		buffer_add_byte(&bytes, (char)(high << 4 | low));
	}
	*out = buffer_finish(&bytes);
	return true;
}

static bool read_float(json_t *json, double *out)
{
	const char *word = json_string_value(json);

	if (json_is_number(json)) {
		*out = json_number_value(json);
		return true;
	}
	if (!word || (strcmp(word, "nan") != 0 && strcmp(word, "inf") != 0 && strcmp(word, "-inf") != 0))
		return false;
	*out = strcmp(word, "nan") == 0 ? (double)NAN : word[0] == '-' ? -HUGE_VAL : HUGE_VAL;
	return true;
}

static bool read_tagged_int(const char *tag, json_t *json, struct value *out)
{
	if (!json_is_integer(json))
		return false;
	if (strcmp(tag, "duration") == 0)
		*out = value_duration(json_integer_value(json));
	else if (strcmp(tag, "size") == 0)
		*out = value_size(json_integer_value(json));
	else if (strcmp(tag, "time") == 0)
		*out = value_time(json_integer_value(json));
	else
		return false;
	return true;
}

static bool read_tagged(struct reader *reader, const char *tag, json_t *json, struct value *out)
{
	double f;

	if (strcmp(tag, "float") == 0 || strcmp(tag, "percent") == 0) {
		if (!read_float(json, &f))
			return false;
		*out = tag[0] == 'f' ? value_float(f) : value_percent(f);
		return true;
	}
	if (strcmp(tag, "range") == 0) {
		if (json_array_size(json) != 2)
			return false;
		*out = value_range(json_integer_value(json_array_get(json, 0)),
				   json_integer_value(json_array_get(json, 1)));
		return true;
	}
	if (strcmp(tag, "bytes") == 0)
		return read_hex(json, out);
	if (strcmp(tag, "record") == 0)
		return read_pairs(reader, json, out);
	if (strcmp(tag, "name") == 0) {
		if (!read_value(reader, json, out))
			return false;
		*out = value_mark(*out, out->tag == VALUE_STRING ? VALUE_SQL_NAME : 0);
		return out->tag == VALUE_STRING || (value_clear(out), false);
	}
	if (strcmp(tag, "secret") == 0) {
		*out = value_mark(value_null(), VALUE_SECRET);
		return true;
	}
	if (strcmp(tag, "unknown") == 0) {
		*out = value_unknown();
		return true;
	}
	return read_tagged_int(tag, json, out);
}

/* A number of a text in which some int was too large for 64 bits. */
static struct value read_real(const struct reader *reader, double f)
{
	if (reader->whole_reals && fabs(f) <= 0x1p53 && f == floor(f))
		return value_int((int64_t)f);
	return value_float(f);
}

static bool read_container(struct reader *reader, json_t *json, struct value *out)
{
	bool ok;

	if (reader->depth == reader->depth_max) {
		reader->problem = "nested too deeply";
		return false;
	}
	reader->depth++;
	if (json_is_array(json)) {
		ok = read_list(reader, json, out);
	} else {
		void *first = json_object_iter(json);
		const char *key = first && json_object_size(json) == 1 ? json_object_iter_key(first) : "";

		if (reader->exact && key[0] == '$' && key[1] != '$')
			ok = read_tagged(reader, key + 1, json_object_iter_value(first), out);
		else
			ok = read_object(reader, json, out);
	}
	reader->depth--;
	return ok;
}

static bool read_value(struct reader *reader, json_t *json, struct value *out)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
	case JSON_ARRAY:
		return read_container(reader, json, out);
	case JSON_STRING:
		*out = value_string_n(json_string_value(json), json_string_length(json));
		return true;
	case JSON_INTEGER:
		*out = value_int(json_integer_value(json));
		return true;
	case JSON_REAL:
		*out = read_real(reader, json_real_value(json));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		*out = value_bool(json_is_true(json));
		return true;
	default:
		*out = value_null();
		return true;
	}
}

/* jansson quotes the text ("… near 'x'"), which may be a secret: only what and where is passed on. */
static void say_malformed(const json_error_t *from, char *error)
{
	const char *near = strstr(from->text, " near ");
	int length = near ? (int)(near - from->text) : (int)strlen(from->text);

	snprintf(error, ERROR_SIZE, "line %d, column %d: %.*s", from->line, from->column,
		 length > 100 ? 100 : length, from->text);
}

bool value_from_json(const char *text, size_t length, struct value *out, char *error)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	struct reader reader = {.depth_max = READ_DEPTH_MAX};
	json_error_t problem;
	json_t *json = json_loadb(text, length, flags, &problem);
	bool ok;

	if (!json && json_error_code(&problem) == json_error_numeric_overflow) {
		json = json_loadb(text, length, flags | JSON_DECODE_INT_AS_REAL, &problem);
		reader.whole_reals = true;
	}
	if (!json) {
		say_malformed(&problem, error);
		return false;
	}
	ok = read_value(&reader, json, out);
	if (!ok)
		snprintf(error, ERROR_SIZE, "nested deeper than %d", READ_DEPTH_MAX);
	json_decref(json);
	return ok;
}

static bool decode(const char *text, size_t length, size_t flags, struct value *out, size_t *used)
{
	struct reader reader = {.exact = true, .depth_max = WRITE_DEPTH_MAX};
	json_error_t end;
	json_t *json = json_loadb(text, length, JSON_DECODE_ANY | JSON_ALLOW_NUL | flags, &end);
	bool ok;

	if (!json)
		return false;
	*used = (size_t)end.position;
	ok = read_value(&reader, json, out);
	json_decref(json);
	return ok;
}

bool value_decode(const char *text, size_t length, struct value *out)
{
	size_t used;

	return decode(text, length, 0, out, &used);
}

size_t value_decode_first(const char *text, size_t length, struct value *out)
{
	size_t used;

	return decode(text, length, JSON_DISABLE_EOF_CHECK, out, &used) ? used : 0;
}
