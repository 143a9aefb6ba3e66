/* redact_value.c - values and rows of a record without their secrets; see redact.h. */
#define _GNU_SOURCE
#include "cli/redact_inside.h"

#include <string.h>

#include "interp/json.h"

static struct value clean_text(const struct redactor *redactor, struct value v)
{
	struct buffer out = {0};
	struct value clean;

	if (!redactor_replace(redactor, value_text_peek(v), value_length(v), &out))
		return value_copy(v);
	clean = buffer_finish(&out);
	clean.flags = v.flags;
	return clean;
}

static struct value clean_number(const struct redactor *redactor, struct value v)
{
	struct value text = value_to_text(v), clean = clean_text(redactor, text);
	bool secret = value_length(text) >= MADE_SECRET && strcmp(value_text_peek(clean), "***") == 0;

	value_release(text);
	value_release(clean);
	return secret ? value_mark(value_null(), VALUE_SECRET) : v;
}

static bool machines_own(const char *key)
{
	static const char *const names[] = {"kind", "class", "digest", "outcome"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], key) == 0)
			return true;
	return false;
}

static struct value clean_record(const struct redactor *redactor, struct value v, bool event)
{
	struct value clean = record_new(value_length(v));
	size_t i;

	for (i = 0; i < value_length(v); i++) {
		struct value key = value_string(record_key_peek(v, i)), shown = clean_text(redactor, key);
		struct value item = v.record->fields[i].value;

		record_set(&clean, value_text_peek(shown),
			   event && machines_own(value_text_peek(key)) ? value_copy(item)
								       : redact_value(redactor, item));
		value_release(key);
		value_release(shown);
	}
	clean.flags = v.flags;
	return clean;
}

struct value redact_value(const struct redactor *redactor, struct value v)
{
	struct value clean;
	size_t i;

	switch (v.tag) {
	case VALUE_STRING:
		return clean_text(redactor, v);
	case VALUE_LIST:
		clean = list_new(value_length(v));
		for (i = 0; i < value_length(v); i++)
			list_push(&clean, redact_value(redactor, v.list->items[i]));
		clean.flags = v.flags;
		return clean;
	case VALUE_RECORD:
		return clean_record(redactor, v, false);
	case VALUE_INT:
	case VALUE_FLOAT:
		return clean_number(redactor, v);
	default:
		return value_copy(v);
	}
}

/* ---- rows ---- */

/* The event's data may be any value; what tells of an answer (its kind, a digest) is the machine's own. */
static struct value clean_data(const struct redactor *redactor, struct value data)
{
	return data.tag == VALUE_RECORD ? clean_record(redactor, data, true) : redact_value(redactor, data);
}

/* As packed: the kind, the id, texts and data, and numbers that are times. */
static struct value clean_packed(const struct redactor *redactor, struct value row)
{
	struct value clean = list_new(value_length(row));
	bool ended = strcmp(value_text_peek(list_peek(row, 0)), "effect.ended") == 0;

	for (size_t i = 0; i < value_length(row); i++) {
		struct value item = list_peek(row, i);

		if (i < 2 || (ended && i == 3) || item.tag == VALUE_INT)
			list_push(&clean, value_copy(item));
		else
			list_push(&clean, clean_data(redactor, item));
	}
	return clean;
}

/* As a record: the same, and what the machine says of itself. */
static struct value clean_whole(const struct redactor *redactor, struct value row)
{
	struct value clean = record_new(value_length(row));

	for (size_t i = 0; i < value_length(row); i++) {
		const char *key = record_key_peek(row, i);
		struct value item = record_value_peek(row, i);

		if (item.tag == VALUE_INT || strcmp(key, "type") == 0 || strcmp(key, "id") == 0 ||
		    strcmp(key, "at") == 0)
			record_set(&clean, key, value_copy(item));
		else
			record_set(&clean, key, clean_data(redactor, item));
	}
	return clean;
}

/* Rows that hold nothing are the many: they are looked at as they are. Bytes that are no text stand in a row
 * as hexadecimal, where only whole secrets show. */
void redact_row(const struct redactor *redactor, const char *row, size_t length, struct buffer *out)
{
	struct value v, clean;
	size_t from = out->length;

	if (redactor->count == 0 ||
	    (!redactor_replace(redactor, row, length, out) && !memmem(row, length, "\"$bytes\":", 9))) {
		buffer_add(out, row, length);
		return;
	}
	if (!value_decode(row, length, &v))
		return;
	buffer_cut(out, from);
	clean = v.tag == VALUE_LIST ? clean_packed(redactor, v) : clean_whole(redactor, v);
	json_write(out, clean, JSON_EXACT);
	value_release(clean);
	value_release(v);
}
