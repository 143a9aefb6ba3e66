/* value.c - making, sharing, reading and comparing values; their text for people. See value.h. */
#include "interp/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interp/buffer.h"
#include "interp/json.h"
#include "interp/utf8.h"

/* Deeper than any plan or JSON text goes; keeps the recursive walks below off the end of the C stack. */
#define DEPTH_MAX      10000
#define SHOW_DEPTH_MAX 100

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S  INT64_C(1000000000)

void *memory_need(void *pointer)
{
	if (!pointer) {
		fputs("runplan: out of memory\n", stderr);
		_Exit(6);
	}
	return pointer;
}

/* ---- heap values ---- */

struct value value_range(int64_t from, int64_t to)
{
	struct value v = {.tag = VALUE_RANGE};

	v.range = memory_need(malloc(sizeof(*v.range)));
	*v.range = (struct value_range){.refs = 1, .from = from, .to = to};
	return v;
}

static struct value_string *string_new(const char *bytes, size_t length)
{
	struct value_string *string = memory_need(malloc(sizeof(*string) + length + 1));

	string->refs = 1;
	string->length = length;
	if (length > 0)
		memcpy(string->bytes, bytes, length);
	string->bytes[length] = '\0';
	return string;
}

struct value value_string_n(const char *bytes, size_t length)
{
	struct value v = {.tag = VALUE_STRING};

	v.string = string_new(bytes, length);
	return v;
}

struct value value_string(const char *text)
{
	return text ? value_string_n(text, strlen(text)) : value_null();
}

struct value value_string_printf(const char *format, ...)
{
	struct buffer text = {0};
	va_list list;

	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	return buffer_finish(&text);
}

struct value list_new(size_t capacity)
{
	struct value v = {.tag = VALUE_LIST};

	v.list = memory_need(calloc(1, sizeof(*v.list)));
	v.list->refs = 1;
	if (capacity > 0) {
		v.list->items = memory_need(malloc(capacity * sizeof(*v.list->items)));
		v.list->capacity = capacity;
	}
	return v;
}

/* The capacity that follows `capacity` as a container grows. */
static size_t grown(size_t capacity)
{
	return capacity < 4 ? 4 : capacity * 2;
}

void list_push(struct value *list, struct value item)
{
	struct value_list *l = list->list;

	if (l->count == l->capacity) {
		l->capacity = grown(l->capacity);
		l->items = memory_need(realloc(l->items, l->capacity * sizeof(*l->items)));
	}
	l->items[l->count++] = item;
	l->secret |= value_is_secret(item);
	l->unknown |= value_is_unknown(item);
}

struct value record_new(size_t capacity)
{
	struct value v = {.tag = VALUE_RECORD};

	v.record = memory_need(calloc(1, sizeof(*v.record)));
	v.record->refs = 1;
	if (capacity > 0) {
		v.record->fields = memory_need(malloc(capacity * sizeof(*v.record->fields)));
		v.record->capacity = capacity;
	}
	return v;
}

static struct value_field *field_find(const struct value_record *record, const char *key, size_t length)
{
	size_t i;

	for (i = 0; i < record->count; i++) {
		const struct value_string *candidate = record->fields[i].key;

		if (candidate->length == length && memcmp(candidate->bytes, key, length) == 0)
			return &record->fields[i];
	}
	return NULL;
}

void record_add_n(struct value *record, const char *key, size_t length, struct value item)
{
	struct value_record *r = record->record;

	if (r->count == r->capacity) {
		r->capacity = grown(r->capacity);
		r->fields = memory_need(realloc(r->fields, r->capacity * sizeof(*r->fields)));
	}
	r->fields[r->count++] = (struct value_field){.key = string_new(key, length), .value = item};
	r->secret |= value_is_secret(item);
	r->unknown |= value_is_unknown(item);
}

struct value record_alone(struct value record)
{
	const struct value_record *r = record.record;
	struct value copy;

	if (r->refs == 1)
		return record;
	copy = record_new(r->count);
	for (size_t i = 0; i < r->count; i++)
		record_add_n(&copy, r->fields[i].key->bytes, r->fields[i].key->length, value_copy(r->fields[i].value));
	copy.head = record.head;
	value_release(record);
	return copy;
}

/* After a field was replaced. */
static void look_inside(struct value_record *record)
{
	record->secret = record->unknown = false;
	for (size_t i = 0; i < record->count; i++) {
		record->secret |= value_is_secret(record->fields[i].value);
		record->unknown |= value_is_unknown(record->fields[i].value);
	}
}

void record_set_n(struct value *record, const char *key, size_t length, struct value item)
{
	struct value_field *field = field_find(record->record, key, length);

	if (field) {
		value_release(field->value);
		field->value = item;
		look_inside(record->record);
		return;
	}
	record_add_n(record, key, length, item);
}

void record_set(struct value *record, const char *key, struct value item)
{
	record_set_n(record, key, strlen(key), item);
}

/* Containers to free, kept here instead of on the C stack: a plan may nest values as deep as memory goes. */
struct graveyard {
	struct value *items;
	size_t count, capacity;
};

static void bury(struct graveyard *graveyard, struct value v)
{
	if (graveyard->count == graveyard->capacity) {
		graveyard->capacity = grown(graveyard->capacity);
		graveyard->items =
		    memory_need(realloc(graveyard->items, graveyard->capacity * sizeof(*graveyard->items)));
	}
	graveyard->items[graveyard->count++] = v;
}

static void release_later(struct graveyard *graveyard, struct value v)
{
	if (!value_on_heap(v) || --*v.refs > 0)
		return;
	if (v.tag == VALUE_STRING || v.tag == VALUE_RANGE)
		free(v.refs);
	else
		bury(graveyard, v);
}

static void release_container(struct graveyard *graveyard, struct value v)
{
	size_t i;

	if (v.tag == VALUE_LIST) {
		for (i = 0; i < v.list->count; i++)
			release_later(graveyard, v.list->items[i]);
		free(v.list->items);
		free(v.list);
		return;
	}
	for (i = 0; i < v.record->count; i++) {
		free(v.record->fields[i].key);
		release_later(graveyard, v.record->fields[i].value);
	}
	free(v.record->fields);
	free(v.record);
}

void value_free(struct value v)
{
	struct graveyard graveyard = {0};

	if (v.tag == VALUE_STRING || v.tag == VALUE_RANGE) {
		free(v.refs);
		return;
	}
	release_container(&graveyard, v);
	while (graveyard.count > 0)
		release_container(&graveyard, graveyard.items[--graveyard.count]);
	free(graveyard.items);
}

/* ---- reading ---- */

const char *value_text_peek(struct value v)
{
	return v.tag == VALUE_STRING ? v.string->bytes : "";
}

size_t value_length(struct value v)
{
	switch ((enum value_tag)v.tag) {
	case VALUE_STRING:
		return v.string->length;
	case VALUE_LIST:
		return v.list->count;
	case VALUE_RECORD:
		return v.record->count;
	case VALUE_RANGE:
		if (v.range->from > v.range->to)
			return 0;
		/* -2^63..2^63-1 has 2^64 steps, one more than fits. */
		if ((uint64_t)v.range->to - (uint64_t)v.range->from == UINT64_MAX)
			return SIZE_MAX;
		return (size_t)((uint64_t)v.range->to - (uint64_t)v.range->from + 1);
	default:
		return 0;
	}
}

/* What is read out of a secret container is secret. */
static struct value inherit(struct value container, struct value item)
{
	item.flags |= container.flags & VALUE_SECRET;
	return item;
}

struct value list_peek(struct value list, size_t index)
{
	if (list.tag != VALUE_LIST || index >= list.list->count)
		return value_null();
	return inherit(list, list.list->items[index]);
}

static struct value record_find(struct value record, const char *key, size_t length)
{
	struct value_field *field =
	    record.tag == VALUE_RECORD ? field_find(record.record, key, length) : NULL;

	return field ? inherit(record, field->value) : value_null();
}

struct value record_peek(struct value record, const char *key)
{
	return record_find(record, key, strlen(key));
}

bool record_has(struct value record, const char *key)
{
	return record.tag == VALUE_RECORD && field_find(record.record, key, strlen(key));
}

const char *record_key_peek(struct value record, size_t index)
{
	if (record.tag != VALUE_RECORD || index >= record.record->count)
		return "";
	return record.record->fields[index].key->bytes;
}

struct value record_value_peek(struct value record, size_t index)
{
	if (record.tag != VALUE_RECORD || index >= record.record->count)
		return value_null();
	return inherit(record, record.record->fields[index].value);
}

struct value value_item(struct value v, size_t index)
{
	if (v.tag == VALUE_RANGE)
		return index < value_length(v)
			   ? inherit(v, value_int((int64_t)((uint64_t)v.range->from + index)))
			   : value_null();
	return value_copy(list_peek(v, index));
}

/* ---- marks ---- */

bool value_holds_secret(struct value v)
{
	return (v.tag == VALUE_LIST && v.list->secret) || (v.tag == VALUE_RECORD && v.record->secret);
}

bool value_holds_unknown(struct value v)
{
	return (v.tag == VALUE_LIST && v.list->unknown) || (v.tag == VALUE_RECORD && v.record->unknown);
}

/* ---- what every operation agrees on ---- */

const char *value_tag_name(enum value_tag tag)
{
	static const char *const names[] = {
	    [VALUE_NULL] = "null",	   [VALUE_UNKNOWN] = "unknown", [VALUE_BOOL] = "bool",
	    [VALUE_INT] = "int",	   [VALUE_FLOAT] = "float",	[VALUE_PERCENT] = "percent",
	    [VALUE_DURATION] = "duration", [VALUE_SIZE] = "size",	[VALUE_TIME] = "time",
	    [VALUE_RANGE] = "range",	   [VALUE_STRING] = "string",	[VALUE_LIST] = "list",
	    [VALUE_RECORD] = "record",
	};

	return (size_t)tag < sizeof(names) / sizeof(*names) ? names[tag] : "?";
}

/* Exact, also where the int has no double of its own. `f` isn't NaN. */
static int compare_int_float(int64_t i, double f)
{
	int64_t whole;

	if (f >= 0x1p63)
		return -1;
	if (f < -0x1p63)
		return 1;
	whole = (int64_t)f; /* towards zero */
	if (i != whole)
		return i < whole ? -1 : 1;
	return f == (double)whole ? 0 : ((double)whole < f ? -1 : 1);
}

static int compare_bytes(const struct value_string *a, const struct value_string *b)
{
	size_t shorter = a->length < b->length ? a->length : b->length;
	int order = memcmp(a->bytes, b->bytes, shorter);

	return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static bool is_number(struct value v)
{
	return v.tag == VALUE_INT || v.tag == VALUE_FLOAT;
}

int value_compare(struct value a, struct value b, bool *comparable)
{
	bool dummy;

	if (!comparable)
		comparable = &dummy;
	*comparable = true;
	if (((a.tag == VALUE_FLOAT || a.tag == VALUE_PERCENT) && isnan(a.f)) ||
	    ((b.tag == VALUE_FLOAT || b.tag == VALUE_PERCENT) && isnan(b.f))) {
		*comparable = false;
		return 0;
	}
	if (a.tag != b.tag) {
		if (is_number(a) && is_number(b))
			return a.tag == VALUE_INT ? compare_int_float(a.i, b.f)
						  : -compare_int_float(b.i, a.f);
		*comparable = false;
		return 0;
	}
	switch ((enum value_tag)a.tag) {
	case VALUE_INT:
	case VALUE_DURATION:
	case VALUE_SIZE:
	case VALUE_TIME:
		return (a.i > b.i) - (a.i < b.i);
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		return (a.f > b.f) - (a.f < b.f);
	case VALUE_STRING:
		return compare_bytes(a.string, b.string);
	default:
		*comparable = false;
		return 0;
	}
}

static bool equal_within(struct value a, struct value b, int depth);

static bool equal_lists(const struct value_list *a, const struct value_list *b, int depth)
{
	size_t i;

	if (a == b)
		return true;
	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++)
		if (!equal_within(a->items[i], b->items[i], depth))
			return false;
	return true;
}

/* The order of keys says nothing, but is most often the same: that place is looked at first. */
static bool equal_records(const struct value_record *a, const struct value_record *b, int depth)
{
	size_t i;

	if (a == b)
		return true;
	if (a->count != b->count)
		return false;
	for (i = 0; i < a->count; i++) {
		const struct value_string *key = a->fields[i].key;
		const struct value_field *other = &b->fields[i];

		if (compare_bytes(key, other->key) != 0)
			other = field_find(b, key->bytes, key->length);
		if (!other || !equal_within(a->fields[i].value, other->value, depth))
			return false;
	}
	return true;
}

static bool equal_within(struct value a, struct value b, int depth)
{
	bool comparable;

	if (depth > DEPTH_MAX)
		return false;
	if (a.tag != b.tag)
		return is_number(a) && is_number(b) && value_compare(a, b, &comparable) == 0 && comparable;
	switch ((enum value_tag)a.tag) {
	case VALUE_NULL:
	case VALUE_UNKNOWN:
		return true;
	case VALUE_BOOL:
		return a.b == b.b;
	case VALUE_RANGE:
		return a.range->from == b.range->from && a.range->to == b.range->to;
	case VALUE_STRING:
		return a.string->length == b.string->length &&
		       memcmp(a.string->bytes, b.string->bytes, a.string->length) == 0;
	case VALUE_LIST:
		return equal_lists(a.list, b.list, depth + 1);
	case VALUE_RECORD:
		return equal_records(a.record, b.record, depth + 1);
	default:
		return value_compare(a, b, &comparable) == 0 && comparable;
	}
}

bool value_equal(struct value a, struct value b)
{
	return equal_within(a, b, 0);
}

bool value_as_double(struct value v, double *out)
{
	switch ((enum value_tag)v.tag) {
	case VALUE_INT:
	case VALUE_SIZE:
		*out = (double)v.i;
		return true;
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		*out = v.f;
		return true;
	case VALUE_DURATION:
		*out = (double)v.i / 1e9;
		return true;
	default:
		return false;
	}
}

/* ---- units as the language writes them ---- */

const char *duration_text(int64_t nanoseconds, char *buffer)
{
	static const struct {
		const char *unit;
		uint64_t ns;
	} units[] = {{"d", 86400 * (uint64_t)NS_PER_S},
		     {"h", 3600 * (uint64_t)NS_PER_S},
		     {"m", 60 * (uint64_t)NS_PER_S},
		     {"s", (uint64_t)NS_PER_S},
		     {"ms", (uint64_t)NS_PER_MS}};
	uint64_t left = nanoseconds < 0 ? -(uint64_t)nanoseconds : (uint64_t)nanoseconds;
	char *at = buffer;
	size_t i;

	if (left == 0)
		return strcpy(buffer, "0s");
	if (nanoseconds < 0)
		*at++ = '-';
	/* Three digits say enough of a measured time; from 999.5ms on they would say 1e+03. */
	if (left < 999500000 && left % (uint64_t)NS_PER_MS != 0) {
		sprintf(at, "%.3gms", (double)left / 1e6);
		return buffer;
	}
	left = (left + NS_PER_MS / 2) / NS_PER_MS * NS_PER_MS;
	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (left >= units[i].ns)
			at += sprintf(at, "%" PRIu64 "%s", left / units[i].ns, units[i].unit);
		left %= units[i].ns;
	}
	return buffer;
}

const char *size_text(int64_t bytes, char *buffer)
{
	static const struct {
		const char *unit;
		uint64_t bytes;
	} units[] = {{"TiB", UINT64_C(1) << 40}, {"TB", UINT64_C(1000000000000)},
		     {"GiB", UINT64_C(1) << 30}, {"GB", UINT64_C(1000000000)},
		     {"MiB", UINT64_C(1) << 20}, {"MB", 1000000},
		     {"KiB", UINT64_C(1) << 10}, {"KB", 1000}};
	uint64_t size = bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes;
	const char *sign = bytes < 0 ? "-" : "";
	size_t i;

	/* A round number in some unit is written exactly; the largest such unit is the shortest text. */
	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (size >= units[i].bytes && size % units[i].bytes == 0 && size / units[i].bytes < 10000) {
			sprintf(buffer, "%s%" PRIu64 "%s", sign, size / units[i].bytes, units[i].unit);
			return buffer;
		}
	for (i = 1; size >= 10000 && i < sizeof(units) / sizeof(*units); i += 2)
		if (size >= units[i].bytes) {
			sprintf(buffer, "%s%.1f%s", sign, (double)size / (double)units[i].bytes,
				units[i].unit);
			return buffer;
		}
	sprintf(buffer, "%s%" PRIu64 "B", sign, size);
	return buffer;
}

const char *time_text(int64_t unix_nanoseconds, char *buffer)
{
	int64_t seconds = unix_nanoseconds / NS_PER_S, rest = unix_nanoseconds % NS_PER_S;
	time_t when;
	struct tm tm;
	size_t length;

	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	when = (time_t)seconds;
	gmtime_r(&when, &tm);
	length = strftime(buffer, 48, "%Y-%m-%dT%H:%M:%S", &tm);
	if (rest / NS_PER_MS != 0)
		length += (size_t)sprintf(buffer + length, ".%03d", (int)(rest / NS_PER_MS));
	strcpy(buffer + length, "Z");
	return buffer;
}

const char *percent_text(double ratio, char *buffer)
{
	char digits[40];
	int decimals;

	if (!isfinite(ratio)) {
		strcpy(buffer, isnan(ratio) ? "nan" : ratio < 0 ? "-inf" : "inf");
		return buffer;
	}
	/* The decimal that means this ratio but for an error of rounding, if a short one does; else what a
	 * person can use. */
	for (decimals = 0; decimals <= 12 && fabs(ratio) < 1e12; decimals++) {
		snprintf(digits, sizeof(digits), "%.*f", decimals, ratio * 100);
		if (fabs(strtod(digits, NULL) / 100 - ratio) <= fabs(ratio) * 4e-16)
			return strcat(strcpy(buffer, digits), "%");
	}
	snprintf(digits, sizeof(digits), "%.6g", ratio * 100);
	return strcat(strcpy(buffer, digits), "%");
}

/* ---- text for people ---- */

/* Units, times and ranges: what reads the same everywhere. False for all else. */
static bool add_unit(struct buffer *text, struct value v)
{
	char small[48];

	switch ((enum value_tag)v.tag) {
	case VALUE_NULL:
		buffer_add_text(text, "null");
		return true;
	case VALUE_UNKNOWN:
		buffer_add_text(text, "<unknown>");
		return true;
	case VALUE_BOOL:
		buffer_add_text(text, v.b ? "true" : "false");
		return true;
	case VALUE_INT:
		buffer_add_int(text, v.i);
		return true;
	case VALUE_FLOAT:
		buffer_add_float(text, v.f);
		return true;
	case VALUE_PERCENT:
		buffer_add_text(text, percent_text(v.f, small));
		return true;
	case VALUE_DURATION:
		buffer_add_text(text, duration_text(v.i, small));
		return true;
	case VALUE_SIZE:
		buffer_add_text(text, size_text(v.i, small));
		return true;
	case VALUE_TIME:
		buffer_add_text(text, time_text(v.i, small));
		return true;
	case VALUE_RANGE:
		buffer_printf(text, "%" PRId64 "..%" PRId64, v.range->from, v.range->to);
		return true;
	default:
		return false;
	}
}

void value_add_text(struct value v, struct buffer *text)
{
	if (v.tag == VALUE_STRING)
		buffer_add(text, v.string->bytes, v.string->length);
	else if (!add_unit(text, v))
		json_write(text, v, JSON_REVEAL);
}

struct value value_to_text(struct value v)
{
	struct buffer text = {0};

	if (v.tag == VALUE_STRING) {
		v.flags &= (uint8_t)~VALUE_SQL_NAME;
		return value_copy(v);
	}
	value_add_text(v, &text);
	return value_mark(buffer_finish(&text), value_is_secret(v) ? VALUE_SECRET : 0);
}

/* Text from outside may hold anything: what a terminal would obey or cannot show is written as an escape. */
static void show_character(struct buffer *text, const char *at, size_t length, bool valid)
{
	static const char named[] = "\nn\tt\rr\"\"\\\\";
	const char *escape = strchr(named, *at);
	size_t i;

	if (*at != '\0' && escape && (escape - named) % 2 == 0) {
		buffer_add_byte(text, '\\');
		buffer_add_byte(text, escape[1]);
	} else if (valid && !utf8_unprintable(at, length)) {
		buffer_add(text, at, length);
	} else {
		for (i = 0; i < length; i++)
			buffer_printf(text, "\\x%02x", (unsigned char)at[i]);
	}
}

static void show_string(struct buffer *text, const char *bytes, size_t length)
{
	size_t i = 0;

	buffer_add_byte(text, '"');
	while (i < length) {
		size_t plain = utf8_plain(bytes + i, length - i), sequence, step;

		buffer_add(text, bytes + i, plain);
		i += plain;
		if (i == length)
			break;
		sequence = utf8_sequence(bytes + i, length - i);
		step = sequence > 0 ? sequence : 1;
		show_character(text, bytes + i, step, sequence > 0);
		i += step;
	}
	buffer_add_byte(text, '"');
}

static bool is_word(const struct value_string *key)
{
	size_t i;

	for (i = 0; i < key->length; i++)
		if (!(key->bytes[i] == '_' || (key->bytes[i] >= 'a' && key->bytes[i] <= 'z') ||
		      (key->bytes[i] >= 'A' && key->bytes[i] <= 'Z') ||
		      (i > 0 && key->bytes[i] >= '0' && key->bytes[i] <= '9')))
			return false;
	return key->length > 0;
}

/* What a sink shows of one value; nothing more is added once `limit` (0: none) is passed. */
static void show_within(struct buffer *text, struct value v, size_t limit, int depth);

static void show_fields(struct buffer *text, struct value v, size_t limit, int depth)
{
	size_t i;

	buffer_add_text(text, v.record->count > 0 ? "{ " : "{");
	for (i = 0; i < v.record->count && !(limit > 0 && text->length > limit); i++) {
		const struct value_string *key = v.record->fields[i].key;

		if (i > 0)
			buffer_add_text(text, ", ");
		if (is_word(key))
			buffer_add(text, key->bytes, key->length);
		else
			show_string(text, key->bytes, key->length);
		buffer_add_text(text, ": ");
		show_within(text, v.record->fields[i].value, limit, depth + 1);
	}
	buffer_add_text(text, v.record->count > 0 ? " }" : "}");
}

static void show_within(struct buffer *text, struct value v, size_t limit, int depth)
{
	size_t i;

	if (v.flags & VALUE_SECRET) {
		buffer_add_text(text, "***");
	} else if (add_unit(text, v)) {
		return;
	} else if (v.tag == VALUE_STRING) {
		/* Escaping only lengthens, so no more than the limit can be needed. */
		show_string(text, v.string->bytes,
			    limit > 0 && v.string->length > limit + 8 ? limit + 8 : v.string->length);
	} else if (depth > SHOW_DEPTH_MAX) {
		buffer_add_text(text, "…");
	} else if (v.tag == VALUE_RECORD) {
		show_fields(text, v, limit, depth);
	} else {
		buffer_add_byte(text, '[');
		for (i = 0; i < v.list->count && !(limit > 0 && text->length > limit); i++) {
			if (i > 0)
				buffer_add_text(text, ", ");
			show_within(text, v.list->items[i], limit, depth + 1);
		}
		buffer_add_byte(text, ']');
	}
}

struct value value_show(struct value v, size_t limit)
{
	struct buffer text = {0};

	show_within(&text, v, limit, 0);
	if (limit > 0 && text.length > limit) {
		size_t cut = limit;

		while (cut > 0 && ((unsigned char)text.string->bytes[cut] & 0xc0) == 0x80)
			cut--;
		buffer_cut(&text, cut);
		buffer_add_text(&text, "…");
	}
	return buffer_finish(&text);
}
