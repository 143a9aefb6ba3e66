/* test_value.c - values: ownership, equality, order, their text, JSON, and the journal's exact form. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "interp/buffer.h"
#include "interp/utf8.h"
#include "interp/value.h"

#define SECOND INT64_C(1000000000)

static void assert_text(struct value owned, const char *expected)
{
	assert_int_equal(owned.tag, VALUE_STRING);
	assert_string_equal(value_text_peek(owned), expected);
	assert_int_equal(value_length(owned), strlen(expected));
	value_release(owned);
}

static struct value from_json(const char *text)
{
	char error[160] = "";
	struct value v;

	if (!value_from_json(text, strlen(text), &v, error))
		fail_msg("%s: %s", text, error);
	return v;
}

/* The same tags, flags and bits; value_equal() would take 1 for 1.0 and doesn't look at marks. */
static void assert_same(struct value a, struct value b)
{
	size_t i;

	assert_int_equal(a.tag, b.tag);
	assert_int_equal(a.flags, b.flags);
	assert_int_equal(value_length(a), value_length(b));
	switch (a.tag) {
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		if (isnan(a.f))
			assert_true(isnan(b.f));
		else
			assert_memory_equal(&a.f, &b.f, sizeof(double));
		return;
	case VALUE_LIST:
		for (i = 0; i < value_length(a); i++)
			assert_same(list_peek(a, i), list_peek(b, i));
		return;
	case VALUE_RECORD:
		for (i = 0; i < value_length(a); i++) {
			assert_int_equal(a.record->fields[i].key->length, b.record->fields[i].key->length);
			assert_memory_equal(record_key_peek(a, i), record_key_peek(b, i),
					    a.record->fields[i].key->length);
			assert_same(record_value_peek(a, i), record_value_peek(b, i));
		}
		return;
	default:
		assert_true(value_equal(a, b));
	}
}

/* Consumes v. */
static void assert_round_trip(struct value v)
{
	struct value text = value_encode(v), back, again;

	assert_null(strchr(value_text_peek(text), '\n'));
	assert_true(utf8_valid(value_text_peek(text), value_length(text)));
	if (!value_decode(value_text_peek(text), value_length(text), &back))
		fail_msg("%s does not decode", value_text_peek(text));
	assert_same(v, back);
	again = value_encode(back);
	assert_string_equal(value_text_peek(again), value_text_peek(text));
	value_release(again);
	value_release(back);
	value_release(text);
	value_release(v);
}

static void test_immediates_do_not_allocate(void **state)
{
	(void)state;
	assert_int_equal(sizeof(struct value), 16);
	assert_false(value_on_heap(value_int(INT64_MIN)));
	assert_false(value_on_heap(value_time(0)));
	assert_true(value_on_heap(value_null()) == false);
	assert_int_equal(value_string(NULL).tag, VALUE_NULL);
}

/* As printf() and strtod() find it: the fewest digits, from 15 on, that read back as the same number. */
static void assert_float_text(double f)
{
	char expected[48];
	int digits = 15;

	do
		snprintf(expected, sizeof(expected), "%.*g", digits, f);
	while (strtod(expected, NULL) != f && ++digits <= 17);
	if (!strpbrk(expected, ".e"))
		strcat(expected, ".0");
	assert_text(value_to_text(value_float(f)), expected);
}

static void test_float_text(void **state)
{
	static const double edges[] = {0.0,	0.5,	     0.1,	0.25,	1e-4,	    0.0001234,
				       1e-5,	123.456,     0.1 + 0.2, 1e10,	1e11,	    99999999999.9999,
				       1e14,	1e15,	     1e16,	1e22,	1e23,	    DBL_MIN,
				       DBL_MAX, DBL_EPSILON, 4.9e-324,	0x1p53, 0x1p53 + 2, 1.0 / 3};
	uint64_t random = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		assert_float_text(edges[i]);
		assert_float_text(-edges[i]);
	}
	for (int i = 0; i < 20000; i++) {
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		assert_float_text((double)((int64_t)random >> (20 + i % 40)) / (i % 3 ? 100 : 10000));
		assert_float_text((double)(random >> 40) * 0.001);
	}
}

static void test_counts(void **state)
{
	struct value inner = value_string("x"), list = list_new(0), copy;

	(void)state;
	list_push(&list, value_copy(inner));
	list_push(&list, inner);
	assert_int_equal(inner.string->refs, 2);
	copy = value_item(list, 1);
	assert_int_equal(inner.string->refs, 3);
	value_release(list);
	assert_int_equal(copy.string->refs, 1);
	value_clear(&copy);
	assert_int_equal(copy.tag, VALUE_NULL);
	value_clear(&copy);
}

static void test_records(void **state)
{
	struct value record = record_new(0);
	char key[24];
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "key%d", i);
		record_set(&record, key, value_int(i));
	}
	record_set(&record, "key7", value_string("replaced"));
	record_set_n(&record, "a\0b", 3, value_int(1));
	record_set_n(&record, "a\0c", 3, value_int(2));
	assert_int_equal(value_length(record), 102);
	assert_string_equal(value_text_peek(record_peek(record, "key7")), "replaced");
	assert_string_equal(record_key_peek(record, 7), "key7");
	assert_int_equal(record_peek(record, "key99").i, 99);
	assert_int_equal(record_peek(record, "none").tag, VALUE_NULL);
	assert_false(record_has(record, "a"));
	assert_true(record_has(record, "key0"));
	assert_int_equal(record_value_peek(record, 101).i, 2);
	assert_int_equal(record_value_peek(record, 102).tag, VALUE_NULL);
	value_release(record);
	assert_int_equal(record_peek(value_int(3), "x").tag, VALUE_NULL);
	assert_int_equal(list_peek(value_int(3), 0).tag, VALUE_NULL);
}

/* A loop that wraps a value a million times must not take the C stack with it. */
/* What a container holds stands on it, and goes when the field that held it is replaced. */
static void test_what_a_container_holds(void **state)
{
	struct value record = record_new(2), list = list_new(2);

	(void)state;
	record_set(&record, "a", value_mark(value_int(1), VALUE_SECRET));
	record_set(&record, "b", value_unknown());
	assert_true(value_is_secret(record) && value_is_unknown(record));
	list_push(&list, value_int(2));
	assert_false(value_is_secret(list) || value_is_unknown(list));
	list_push(&list, value_copy(record));
	assert_true(value_is_secret(list) && value_is_unknown(list));
	value_release(list);
	record_set(&record, "a", value_int(1));
	assert_false(value_is_secret(record));
	assert_true(value_is_unknown(record));
	record_set(&record, "b", value_mark(value_null(), VALUE_SECRET));
	assert_true(value_is_secret(record));
	assert_false(value_is_unknown(record));
	value_release(record);
}

static void test_deep_values_are_released(void **state)
{
	struct value v = value_mark(value_string("core"), VALUE_SECRET), equal;
	int i;

	(void)state;
	for (i = 0; i < 1000000; i++) {
		struct value outer = i % 2 ? list_new(1) : record_new(1);

		if (i % 2)
			list_push(&outer, v);
		else
			record_set(&outer, "in", v);
		v = outer;
	}
	assert_true(value_is_secret(v)); /* however deep */
	assert_false(value_is_unknown(v));
	equal = value_show(v, 40);
	assert_true(value_length(equal) <= 43);
	value_release(equal);
	equal = value_encode(v);
	value_release(equal);
	value_release(v);
}

/* Who holds a value besides must not see it change. */
static void test_a_record_of_ones_own(void **state)
{
	struct value record = record_new(1), other, own;

	(void)state;
	record_set(&record, "a", value_int(1));
	own = record_alone(value_copy(record));
	assert_true(own.record != record.record);
	record_set(&own, "a", value_int(2));
	assert_int_equal(record_peek(record, "a").i, 1);
	assert_int_equal(record_peek(own, "a").i, 2);
	value_release(own);
	other = record_alone(record);
	assert_true(other.record == record.record);
	own = record_alone(value_mark(value_copy(other), VALUE_SECRET));
	assert_true(own.flags & VALUE_SECRET);
	value_release(own);
	value_release(other);
}

static void test_ranges(void **state)
{
	struct value range = value_range(-1, 2), item = value_item(range, 3);

	(void)state;
	assert_int_equal(value_length(range), 4);
	assert_int_equal(item.i, 2);
	assert_int_equal(value_item(range, 4).tag, VALUE_NULL);
	value_release(range);
	range = value_range(3, 0);
	assert_int_equal(value_length(range), 0);
	value_release(range);
	range = value_range(INT64_MIN, INT64_MAX);
	assert_true(value_length(range) == SIZE_MAX);
	assert_int_equal(value_item(range, 1).i, INT64_MIN + 1);
	value_release(range);
}

static void test_equality(void **state)
{
	struct value a = from_json("{\"x\": [1, {\"y\": null}], \"z\": \"s\"}"),
		     b = from_json("{\"z\": \"s\", \"x\": [1.0, {\"y\": null}]}"),
		     c = from_json("{\"z\": \"s\", \"x\": [1.0, {\"q\": null}]}");

	(void)state;
	assert_true(value_equal(a, b));
	assert_false(value_equal(b, c));
	assert_true(value_equal(value_int(2), value_float(2)));
	assert_false(value_equal(value_int(1), value_percent(1)));
	assert_false(value_equal(value_int(5), value_duration(5)));
	assert_false(value_equal(value_size(5), value_duration(5)));
	assert_false(value_equal(value_float(NAN), value_float(NAN)));
	assert_false(value_equal(value_null(), value_bool(false)));
	/* 2^53 + 1 has no double: comparing through one would call them equal. */
	assert_false(value_equal(value_int(INT64_C(9007199254740993)), value_float(9007199254740992.0)));
	assert_false(value_equal(value_int(INT64_MAX), value_float(0x1p63)));
	value_release(a);
	value_release(b);
	value_release(c);
}

static int order(struct value a, struct value b)
{
	bool comparable;
	int result = value_compare(a, b, &comparable);

	value_release(a);
	value_release(b);
	return comparable ? (result > 0) - (result < 0) : 99;
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(order(value_int(1), value_float(1.5)), -1);
	assert_int_equal(order(value_float(-0.5), value_int(0)), -1);
	assert_int_equal(order(value_float(0.5), value_int(0)), 1);
	assert_int_equal(order(value_float(INFINITY), value_int(INT64_MAX)), 1);
	assert_int_equal(order(value_float(-INFINITY), value_int(INT64_MIN)), -1);
	assert_int_equal(order(value_int(INT64_MIN), value_float(-0x1p63)), 0);
	assert_int_equal(order(value_int(INT64_C(9007199254740993)), value_float(9007199254740992.0)), 1);
	assert_int_equal(order(value_percent(0.05), value_percent(0.04)), 1);
	assert_int_equal(order(value_string("a"), value_string("ab")), -1);
	assert_int_equal(order(value_string("\xff"), value_string("a")), 1);
	assert_int_equal(order(value_string_n("a\0b", 3), value_string_n("a\0c", 3)), -1);
	assert_int_equal(order(value_int(1), value_percent(0.5)), 99);
	assert_int_equal(order(value_duration(1), value_int(1)), 99);
	assert_int_equal(order(value_float(NAN), value_float(1)), 99);
	assert_int_equal(order(value_null(), value_null()), 99);
	assert_int_equal(order(value_bool(true), value_bool(false)), 99);
}

static void test_unknown_inside(void **state)
{
	struct value list = list_new(1), record = record_new(1);

	(void)state;
	assert_false(value_is_unknown(value_null()));
	assert_true(value_is_unknown(value_unknown()));
	list_push(&list, value_int(1));
	assert_false(value_is_unknown(list));
	list_push(&list, value_unknown());
	record_set(&record, "in", list);
	assert_true(value_is_unknown(record));
	value_release(record);
}

static void test_secret_marks(void **state)
{
	struct value secret = value_mark(value_string("hunter2"), VALUE_SECRET), list = list_new(1), text;

	(void)state;
	list_push(&list, secret);
	assert_true(value_is_secret(list));
	assert_text(value_show(list, 0), "[***]");
	assert_text(value_to_json(list, false), "[\"***\"]");
	assert_text(value_encode(list), "[{\"$secret\":true}]");
	text = value_to_text(list); /* a command needs it, and the mark goes along */
	assert_true(text.flags & VALUE_SECRET);
	assert_text(text, "[\"hunter2\"]");
	value_release(list);

	/* What is read out of a secret container is secret. */
	list = value_mark(from_json("{\"a\": [1]}"), VALUE_SECRET);
	assert_true(record_peek(list, "a").flags & VALUE_SECRET);
	assert_true(list_peek(record_peek(list, "a"), 0).flags & VALUE_SECRET);
	text = value_to_text(list);
	assert_true(value_is_secret(text));
	value_release(text);
	assert_text(value_show(list, 0), "***");
	value_release(list);
	assert_text(value_show(value_mark(value_int(42), VALUE_SECRET), 0), "***");
	assert_text(value_to_json(value_mark(value_int(42), VALUE_SECRET), true), "\"***\"");
}

static void test_duration_text(void **state)
{
	static const struct {
		int64_t ns;
		const char *text;
	} rows[] = {
	    {0, "0s"},
	    {250000000, "250ms"},
	    {30 * SECOND, "30s"},
	    {90 * SECOND, "1m30s"},
	    {60 * SECOND, "1m"},
	    {5400 * SECOND, "1h30m"},
	    {7 * 86400 * SECOND, "7d"},
	    {-5 * SECOND, "-5s"},
	    {36 * 3600 * SECOND, "1d12h"},
	    {3600 * SECOND + 5000000, "1h5ms"},
	    {412000, "0.412ms"},
	    {12345678, "12.3ms"},
	    {SECOND + 600000, "1s1ms"},
	    {SECOND - 1, "1s"},
	    {INT64_MIN, "-106751d23h47m16s855ms"},
	};
	char buffer[48];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(duration_text(rows[i].ns, buffer), rows[i].text);
}

static void test_size_text(void **state)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} rows[] = {
	    {0, "0B"},
	    {512, "512B"},
	    {1000, "1KB"},
	    {1024, "1KiB"},
	    {512000000, "512MB"},
	    {INT64_C(10) << 30, "10GiB"},
	    {1536, "1536B"},
	    {123456789, "123.5MB"},
	    {-1024, "-1KiB"},
	    {4194304, "4MiB"},
	    {INT64_C(2000000000000), "2TB"},
	    {INT64_MAX, "9223372.0TB"},
	};
	char buffer[48];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(size_text(rows[i].bytes, buffer), rows[i].text);
}

static void test_percent_text(void **state)
{
	static const struct {
		double ratio;
		const char *text;
	} rows[] = {
	    {0, "0%"},
	    {0.05, "5%"},
	    {0.07, "7%"},
	    {0.001, "0.1%"},
	    {1, "100%"},
	    {0.1 + 0.2, "30%"},
	    {1.0 / 3, "33.3333%"},
	    {-0.5, "-50%"},
	    {12345, "1234500%"},
	    {0.0123456789, "1.23456789%"},
	    {NAN, "nan%"},
	};
	char buffer[48];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows) - 1; i++)
		assert_string_equal(percent_text(rows[i].ratio, buffer), rows[i].text);
	assert_string_equal(percent_text(NAN, buffer), "nan");
	assert_string_equal(percent_text(-INFINITY, buffer), "-inf");
	/* Every whole and tenth percent, though 0.07 * 100 is no whole number. */
	for (i = 0; i <= 1000; i++) {
		char expected[16];

		snprintf(expected, sizeof(expected), i % 10 ? "%zu.%zu%%" : "%zu%%", i / 10, i % 10);
		assert_string_equal(percent_text((double)i / 1000, buffer), expected);
	}
}

static void test_time_text(void **state)
{
	char buffer[48];

	(void)state;
	assert_string_equal(time_text(0, buffer), "1970-01-01T00:00:00Z");
	assert_string_equal(time_text(INT64_C(1769860800) * SECOND, buffer), "2026-01-31T12:00:00Z");
	assert_string_equal(time_text(INT64_C(1769860800) * SECOND + 7000000, buffer),
			    "2026-01-31T12:00:00.007Z");
	assert_string_equal(time_text(-1, buffer), "1969-12-31T23:59:59.999Z");
	assert_true(strlen(time_text(INT64_MAX, buffer)) < 48);
}

static void test_text_and_show(void **state)
{
	struct value record = from_json("{\"share\": 1, \"Content-Type\": [\"a\\n\\u001b[31m\", 2.5, null]}");

	(void)state;
	assert_text(value_show(record, 0), "{ share: 1, \"Content-Type\": [\"a\\n\\x1b[31m\", 2.5, null] }");
	assert_text(value_show(record, 12), "{ share: 1, \xe2\x80\xa6");
	assert_text(value_to_text(record), "{\"share\":1,\"Content-Type\":[\"a\\n\\u001b[31m\",2.5,null]}");
	value_release(record);
	record = value_string("caf\xc3\xa9");
	assert_text(value_show(record, 5), "\"caf\xe2\x80\xa6"); /* never half a character */
	assert_text(value_show(record, 0), "\"caf\xc3\xa9\"");
	value_release(record);
	record = value_string("\xff\xc2\x9b\xe2\x80\xae");
	assert_text(value_show(record, 0), "\"\\xff\\xc2\\x9b\\xe2\\x80\\xae\"");
	value_release(record);
	assert_text(value_to_text(value_float(3)), "3.0");
	assert_text(value_to_text(value_float(0.1)), "0.1");
	assert_text(value_to_text(value_float(0.1 + 0.2)), "0.30000000000000004");
	assert_text(value_to_text(value_percent(0.05)), "5%");
	assert_text(value_to_text(value_null()), "null");
}

static void test_json_from_outside(void **state)
{
	static const char *const bad[] = {"",	      "{",   "[1,]",  "{\"a\":1} x", "nul",
					  "\"\xff\"", "'a'", "1e999", "[1e999]"};
	struct value v =
	    from_json("{\"i\": 9223372036854775807, \"f\": 1.0, \"e\": 1e2, \"nul\": \"a\\u0000b\"}");
	char error[160], deep[1000];
	size_t i;

	(void)state;
	assert_int_equal(record_peek(v, "i").tag, VALUE_INT);
	assert_int_equal(record_peek(v, "i").i, INT64_MAX);
	assert_int_equal(record_peek(v, "f").tag, VALUE_FLOAT);
	assert_int_equal(record_peek(v, "e").tag, VALUE_FLOAT);
	assert_int_equal(value_length(record_peek(v, "nul")), 3);
	value_release(v);

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		error[0] = '\0';
		assert_false(value_from_json(bad[i], strlen(bad[i]), &v, error));
		assert_true(strlen(error) > 0 && strlen(error) < sizeof(error));
	}
	/* The message must not quote the text: it may be a secret. */
	assert_false(value_from_json("{\"password\": hunter2}", 21, &v, error));
	assert_null(strstr(error, "hunter2"));

	/* One number too large for 64 bits does not spoil the others. */
	v = from_json("{\"limit\": 18446744073709551615, \"n\": 3}");
	assert_int_equal(record_peek(v, "limit").tag, VALUE_FLOAT);
	assert_int_equal(record_peek(v, "n").tag, VALUE_INT);
	value_release(v);

	memset(deep, '[', 500);
	memset(deep + 500, ']', 500);
	assert_true(value_from_json(deep + 300, 400, &v, error));
	value_release(v);
	assert_false(value_from_json(deep + 299, 402, &v, error));
	assert_non_null(strstr(error, "200"));
}

/* The keys of an answer are looked up one by one; putting them in must not be. */
static void test_many_keys(void **state)
{
	struct buffer text = {0};
	char error[160];
	struct value v, json;
	int i;

	(void)state;
	buffer_add_byte(&text, '{');
	for (i = 0; i < 200000; i++)
		buffer_printf(&text, "%s\"k%d\":%d", i > 0 ? "," : "", i, i);
	buffer_add_byte(&text, '}');
	json = buffer_finish(&text);
	assert_true(value_from_json(value_text_peek(json), value_length(json), &v, error));
	assert_int_equal(value_length(v), 200000);
	assert_int_equal(record_peek(v, "k199999").i, 199999);
	value_release(v);
	value_release(json);
}

static void test_plain_json(void **state)
{
	struct value record = record_new(0), list = list_new(0);

	(void)state;
	record_set(&record, "share", value_percent(0.05));
	record_set(&record, "bake", value_duration(90 * SECOND));
	record_set(&record, "lag", value_duration(SECOND / 4));
	record_set(&record, "disk", value_size(1024));
	record_set(&record, "at", value_time(0));
	record_set(&record, "range", value_range(0, 3));
	record_set(&record, "nan", value_float(NAN));
	record_set(&record, "$x", value_string("\xff\"\\\x01"));
	assert_text(value_to_json(record, false),
		    "{\"share\":0.05,\"bake\":90,\"lag\":0.25,\"disk\":1024,\"at\":\"1970-01-01T00:00:00Z\","
		    "\"range\":{\"from\":0,\"to\":3},\"nan\":null,\"$x\":\"\xef\xbf\xbd\\\"\\\\\\u0001\"}");
	value_release(record);
	record = record_new(0);
	record_set(&record, "empty", list_new(0));
	list_push(&list, value_int(1));
	list_push(&list, record);
	assert_text(value_to_json(list, true), "[\n  1,\n  {\n    \"empty\": []\n  }\n]");
	value_release(list);
}

static struct value one_field(const char *key, size_t length, struct value item)
{
	struct value record = record_new(1);

	record_set_n(&record, key, length, item);
	return record;
}

static void test_exact_form(void **state)
{
	static const double floats[] = {0.0, -0.0, 0.1, 1.0 / 3,  1e308,    5e-324,
					3,   1e22, NAN, INFINITY, -INFINITY};
	struct value list = list_new(0);
	char all[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(floats) / sizeof(*floats); i++) {
		assert_round_trip(value_float(floats[i]));
		assert_round_trip(value_percent(floats[i]));
	}
	for (i = 0; i < 256; i++)
		all[i] = (char)i;
	list_push(&list, value_null());
	list_push(&list, value_unknown());
	list_push(&list, value_bool(true));
	list_push(&list, value_bool(false));
	list_push(&list, value_int(INT64_MIN));
	list_push(&list, value_int(INT64_MAX));
	list_push(&list, value_duration(INT64_MIN));
	list_push(&list, value_size(INT64_MAX));
	list_push(&list, value_time(-1));
	list_push(&list, value_range(INT64_MIN, INT64_MAX));
	list_push(&list, value_string(""));
	list_push(&list, value_string_n(all, sizeof(all)));
	list_push(&list, value_string_n(all, 128));
	list_push(&list, value_string("\xe2\x80\xa8 \xf0\x9f\x98\x80 \xed\xa0\x80"));
	list_push(&list, value_mark(value_string("table \xff"), VALUE_SQL_NAME));
	list_push(&list, value_mark(value_string("table"), VALUE_SQL_NAME));
	list_push(&list, value_mark(value_null(), VALUE_SECRET));
	list_push(&list, list_new(0));
	list_push(&list, record_new(0));
	/* Records that look like the exact form's own objects. */
	list_push(&list, one_field("$secret", 7, value_bool(true)));
	list_push(&list, one_field("$$percent", 9, value_int(1)));
	list_push(&list, one_field("$", 1, value_int(1)));
	list_push(&list, one_field("", 0, value_int(1)));
	list_push(&list, one_field("\xff$", 2, value_percent(0.5)));
	list_push(&list, one_field("a\0b", 3, one_field("$bytes", 6, value_string("00"))));
	for (i = 0; i < value_length(list); i++)
		assert_round_trip(value_item(list, i));
	assert_round_trip(list);
}

static void test_exact_form_refuses(void **state)
{
	static const char *const bad[] = {
	    "",
	    "{",
	    "{\"$duration\":1.5}",
	    "{\"$duration\":\"1\"}",
	    "{\"$what\":1}",
	    "{\"$bytes\":\"0\"}",
	    "{\"$bytes\":\"zz\"}",
	    "{\"$float\":\"Infinity\"}",
	    "{\"$range\":[1]}",
	    "{\"$record\":[[1,2]]}",
	    "{\"$record\":[[\"a\"]]}",
	    "{\"$name\":1}",
	    "[{\"$size\":null}]",
	};
	struct value v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (value_decode(bad[i], strlen(bad[i]), &v))
			fail_msg("%s was taken", bad[i]);
}

/* A cut or changed row is refused or decodes to something; it never crashes or leaks. */
static void test_exact_form_damaged(void **state)
{
	static const char row[] =
	    "{\"a\":[{\"$percent\":0.05},{\"$record\":[[{\"$bytes\":\"ff\"},{\"$range\":[1,2]}]]},"
	    "{\"$$x\":\"\\u0000\"}],\"b\":{\"$name\":\"t\"}}";
	char copy[sizeof(row)];
	struct value v;
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(row) - 1; i++) {
		assert_false(value_decode(row, i, &v));
		for (k = 0; k < 8; k++) {
			memcpy(copy, row, sizeof(row));
			copy[i] ^= (char)(1 << k);
			if (value_decode(copy, sizeof(row) - 1, &v))
				value_release(v);
		}
	}
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(utf8_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
	assert_false(utf8_valid("\xc0\x80", 2));	 /* overlong */
	assert_false(utf8_valid("\xed\xa0\x80", 3));	 /* a surrogate */
	assert_false(utf8_valid("\xf4\x90\x80\x80", 4)); /* beyond Unicode */
	assert_false(utf8_valid("\xe2\x82", 2));	 /* cut */
	assert_int_equal(utf8_length("a\xc3\xa9\xff", 4), 3);
	assert_int_equal(utf8_offset("a\xc3\xa9z", 4, 2), 3);
	assert_int_equal(utf8_offset("a\xc3\xa9z", 4, 9), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_immediates_do_not_allocate),
	    cmocka_unit_test(test_float_text),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_records),
	    cmocka_unit_test(test_what_a_container_holds),
	    cmocka_unit_test(test_deep_values_are_released),
	    cmocka_unit_test(test_a_record_of_ones_own),
	    cmocka_unit_test(test_ranges),
	    cmocka_unit_test(test_equality),
	    cmocka_unit_test(test_order),
	    cmocka_unit_test(test_unknown_inside),
	    cmocka_unit_test(test_secret_marks),
	    cmocka_unit_test(test_duration_text),
	    cmocka_unit_test(test_size_text),
	    cmocka_unit_test(test_percent_text),
	    cmocka_unit_test(test_time_text),
	    cmocka_unit_test(test_text_and_show),
	    cmocka_unit_test(test_json_from_outside),
	    cmocka_unit_test(test_many_keys),
	    cmocka_unit_test(test_plain_json),
	    cmocka_unit_test(test_exact_form),
	    cmocka_unit_test(test_exact_form_refuses),
	    cmocka_unit_test(test_exact_form_damaged),
	    cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
