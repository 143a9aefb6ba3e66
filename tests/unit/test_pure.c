/* test_pure.c - the pure builtins: text, list, re, json, time; and regular expressions that would never end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "builtins/tables.h"
#include "interp/regex.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* of its helpers only some are used here */
#include "tests/unit/call_row.h"

static struct pure_result run(const char *name, const struct row_arg *args)
{
	static const struct builtin_table *const tables[] = {&text_table, &list_table, &re_table, &json_table,
							     &time_table};
	const struct builtin_table *table = NULL;
	struct pure_result result;
	struct row_call call;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (strncmp(name, tables[i]->name, strlen(tables[i]->name)) == 0 &&
		    name[strlen(tables[i]->name)] == '.')
			table = tables[i];
	assert_non_null(table);
	call = row_request(table, name, "pure", args);
	assert_int_equal(call.request.builtin->effect, EFFECT_PURE);
	result = call.request.builtin->call(call.args, call.request.arg_count);
	row_call_drop(&call);
	return result;
}

/* The answer in the exact form of value_encode(), or "! " and the message of the failure. */
static void check(const char *name, const struct row_arg *args, const char *expected)
{
	struct pure_result result = run(name, args);
	struct value shown = result.ok ? value_encode(result.value) : value_copy(result.value);

	if (result.ok != (expected[0] != '!') ||
	    strcmp(value_text_peek(shown), expected + (result.ok ? 0 : 2)) != 0)
		fail_msg("%s gives %s%s, not %s", name, result.ok ? "" : "! ", value_text_peek(shown),
			 expected);
	value_release(shown);
	value_release(result.value);
}

static struct value json(const char *text)
{
	struct value v;

	assert_true(value_decode(text, strlen(text), &v));
	return v;
}

#define T(text)                                                                                              \
	{                                                                                                    \
		"text", value_string(text)                                                                   \
	}
#define L(text)                                                                                              \
	{                                                                                                    \
		"list", json(text)                                                                           \
	}
#define A(name, encoded)                                                                                     \
	{                                                                                                    \
		name, json(encoded)                                                                          \
	}

static void test_text(void **state)
{
	(void)state;
	check("text.trim", ARGS(T(" \t\nv2 x\r\n\v")), "\"v2 x\"");
	check("text.trim", ARGS(T(" \n ")), "\"\"");
	check("text.trim", ARGS(A("text", "5")),
	      "! text.trim: argument 1 must be a string, and is of type int");
	check("text.trim", ARGS(A("text", "null")), "! text.trim: argument 1 must be a string, and is null");
	check("text.lower", ARGS(T("GrEEn \xc3\x84 @[")), "\"green \xc3\x84 @[\"");
	check("text.upper", ARGS(T("green_{z}")), "\"GREEN_{Z}\"");
	check("text.split", ARGS(T("a,,b,"), A("by", "\",\"")), "[\"a\",\"\",\"b\",\"\"]");
	check("text.split", ARGS(T(""), A("by", "\",\"")), "[\"\"]");
	check("text.split", ARGS(T("  a \t b\n")), "[\"a\",\"b\"]");
	check("text.split", ARGS(T("   ")), "[]");
	check("text.split", ARGS(T("a"), A("by", "\"\"")), "! text.split: there is nothing to split by");
	check("text.split", ARGS(T("a--b-c"), A("by", "\"--\"")), "[\"a\",\"b-c\"]");
	check("text.join", ARGS(A("parts", "[\"a\",1,{\"$percent\":0.05}]"), A("with", "\"-\"")),
	      "\"a-1-5%\"");
	check("text.join", ARGS(A("parts", "[]")), "\"\"");
	check("text.join", ARGS(A("parts", "{\"$range\":[0,3]}"), A("with", "\" \"")), "\"0 1 2 3\"");
	check("text.lines", ARGS(T("one\r\ntwo\n\nx")), "[\"one\",\"two\",\"\",\"x\"]");
	check("text.lines", ARGS(T("one\n")), "[\"one\"]");
	check("text.lines", ARGS(T("")), "[]");
	check("text.lines", ARGS(T("\r")), "[\"\\r\"]");
	check("text.starts_with", ARGS(T("backend"), A("start", "\"back\"")), "true");
	check("text.starts_with", ARGS(T("back"), A("start", "\"backend\"")), "false");
	check("text.ends_with", ARGS(T("x.dump"), A("end", "\".dump\"")), "true");
	check("text.ends_with", ARGS(T("p"), A("end", "\".dump\"")), "false");
	check("text.contains", ARGS(T("abc"), A("part", "\"\"")), "true");
	check("text.contains", ARGS(T("abc"), A("part", "\"cd\"")), "false");
	check("text.contains", ARGS(A("text", "\"a\\u0000b\""), A("part", "\"b\"")), "true");
	check("text.replace", ARGS(T("aXbXc"), A("old", "\"X\""), A("new", "\"XX\"")), "\"aXXbXXc\"");
	check("text.replace", ARGS(T("aXbX"), A("old", "\"X\""), A("new", "\"\""), A("at_most", "1")),
	      "\"abX\"");
	check("text.replace", ARGS(T("a"), A("old", "\"\""), A("new", "\"b\"")),
	      "! text.replace: there is nothing to look for");
	check("text.length", ARGS(T("caf\xc3\xa9\xff")), "5");
	check("text.pad", ARGS(T("7"), A("width", "3"), A("with", "\"0\""), A("side", "\"left\"")),
	      "\"007\"");
	check("text.pad", ARGS(T("\xc3\xa9"), A("width", "3")), "\"\xc3\xa9  \"");
	check("text.pad", ARGS(T("long"), A("width", "-9223372036854775808")), "\"long\"");
	check("text.pad", ARGS(T("x"), A("width", "9223372036854775807")),
	      "! text.pad: the text would exceed 64MiB");
	check("text.pad", ARGS(T("x"), A("width", "3"), A("side", "\"middle\"")),
	      "! text.pad: `side` must be \"left\" or \"right\"");
	check("text.repeat", ARGS(T("ab"), A("times", "3")), "\"ababab\"");
	check("text.repeat", ARGS(T(""), A("times", "9223372036854775807")), "\"\"");
	check("text.repeat", ARGS(T("ab"), A("times", "9223372036854775807")),
	      "! text.repeat: the text would exceed 64MiB");
	check("text.repeat", ARGS(T("ab"), A("times", "-1")), "! text.repeat: `times` is -1");
	check("text.truncate", ARGS(T("caf\xc3\xa9 au lait"), A("length", "5")),
	      "\"caf\xc3\xa9\xe2\x80\xa6\"");
	check("text.truncate", ARGS(T("short"), A("length", "5")), "\"short\"");
	check("text.truncate", ARGS(T("longer"), A("length", "2"), A("mark", "\"...\"")),
	      "! text.truncate: `length` must have room for `mark`, which has 3 characters");
}

static void test_text_slices(void **state)
{
	(void)state;
	check("text.slice",
	      ARGS(T("abc\xc3\xa9"
		     "f"),
		   A("from", "2"), A("count", "2")),
	      "\"c\xc3\xa9\"");
	check("text.slice", ARGS(T("abcde"), A("from", "-2")), "\"de\"");
	check("text.slice", ARGS(T("abcde"), A("from", "-9"), A("count", "2")), "\"ab\"");
	check("text.slice", ARGS(T("abcde"), A("from", "9")), "\"\"");
	check("text.slice", ARGS(T("abcde"), A("from", "1"), A("count", "-1")), "\"\"");
	check("text.slice",
	      ARGS(T("abc"), A("from", "-9223372036854775808"), A("count", "9223372036854775807")),
	      "\"abc\"");
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
	    {" 42\n", "42"},	  {"-7", "-7"},
	    {"+7", "7"},	  {"3.0", "3.0"},
	    {"1e3", "1000.0"},	  {"0x10", "null"},
	    {"12 MB", "null"},	  {"", "null"},
	    {"-", "null"},	  {"inf", "null"},
	    {"nan", "null"},	  {".5", "null"},
	    {"5.", "null"},	  {"1e", "null"},
	    {"1e999", "null"},	  {"9223372036854775807", "9223372036854775807"},
	    {"1_000", "null"},	  {"1 2", "null"},
	    {"007", "7"},	  {"9223372036854775808", "9.223372036854776e+18"},
	    {"-2.5e-1", "-0.25"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check("text.number", ARGS(T(rows[i].text)), rows[i].expected);
	check("text.number", ARGS(A("text", "\"1\\u00002\"")), "null");
}

static void test_lists(void **state)
{
	(void)state;
	check("list.length", ARGS(L("[1,2]")), "2");
	check("list.length", ARGS(L("{\"a\":1}")), "1");
	check("list.length", ARGS(L("{\"$range\":[1,1000000000000]}")), "1000000000000");
	check("list.length", ARGS(L("\"text\"")),
	      "! list.length: a list, a range or a record is wanted, not string");
	check("list.first", ARGS(L("[7,8]")), "7");
	check("list.first", ARGS(L("[]"), A("fallback", "\"none\"")), "\"none\"");
	check("list.last", ARGS(L("{\"$range\":[1,9]}")), "9");
	check("list.last", ARGS(L("[]")), "null");
	check("list.sort", ARGS(L("[3,1.5,2,-1]")), "[-1,1.5,2,3]");
	check("list.sort", ARGS(L("[\"b\",\"a\",\"C\"]"), A("descending", "true")), "[\"b\",\"a\",\"C\"]");
	check("list.sort", ARGS(L("[1,\"a\"]")), "! list.sort: int and string have no order");
	check("list.sort", ARGS(L("[1,{\"$percent\":0.5}]")), "! list.sort: int and percent have no order");
	check(
	    "list.sort",
	    ARGS(L("[{\"n\":2,\"k\":\"x\"},{\"n\":1,\"k\":\"y\"},{\"n\":2,\"k\":\"z\"}]"), A("by", "\"n\"")),
	    "[{\"n\":1,\"k\":\"y\"},{\"n\":2,\"k\":\"x\"},{\"n\":2,\"k\":\"z\"}]");
	check("list.sort",
	      ARGS(L("[{\"n\":2,\"k\":\"x\"},{\"n\":1,\"k\":\"y\"},{\"n\":2,\"k\":\"z\"}]"), A("by", "\"n\""),
		   A("descending", "true")),
	      "[{\"n\":2,\"k\":\"x\"},{\"n\":2,\"k\":\"z\"},{\"n\":1,\"k\":\"y\"}]");
	check("list.sort", ARGS(L("[{\"n\":2},{}]"), A("by", "\"n\"")),
	      "! list.sort: int and null have no order");
	check("list.sort", ARGS(L("[]")), "[]");
	check("list.reverse", ARGS(L("{\"$range\":[1,3]}")), "[3,2,1]");
	check("list.reverse", ARGS(L("{\"$range\":[1,1000000000000]}")),
	      "! list.reverse: more than 1000000 items");
	check("list.unique", ARGS(L("[1,2,1.0,\"1\",[1],[1]]")), "[1,2,\"1\",[1]]");
	check("list.contains", ARGS(L("[1,2]"), A("item", "2.0")), "true");
	check("list.contains", ARGS(L("{\"$range\":[1,1000000000000]}"), A("item", "999999999999")), "true");
	check("list.contains", ARGS(L("[5]"), A("item", "{\"$duration\":5}")), "false");
	check("list.index", ARGS(L("[\"a\",\"b\"]"), A("item", "\"b\"")), "1");
	check("list.index", ARGS(L("[]"), A("item", "1")), "null");
	check("list.sum", ARGS(L("[1,2,3]")), "6");
	check("list.sum", ARGS(L("[1,2.5]")), "3.5");
	check("list.sum", ARGS(L("[]")), "0");
	check("list.sum", ARGS(L("[{\"$duration\":5},{\"$duration\":6}]")), "{\"$duration\":11}");
	check("list.sum", ARGS(L("[{\"$percent\":0.25},{\"$percent\":0.5}]")), "{\"$percent\":0.75}");
	check("list.sum", ARGS(L("[1,{\"$size\":5}]")),
	      "! list.sum: item 1 is of type size, which does not add to int");
	check("list.sum", ARGS(L("[\"a\"]")),
	      "! list.sum: item 0 is of type string, which does not add to anything");
	check("list.sum", ARGS(L("[null]")),
	      "! list.sum: item 0 is of type null, which does not add to anything");
	check("list.sum", ARGS(L("[9223372036854775807,1]")), "! list.sum: the sum exceeds 64 bits");
	check("list.min", ARGS(L("[3,1,2]")), "1");
	check("list.max", ARGS(L("[3,1,3.5]")), "3.5");
	check("list.max", ARGS(L("[]")), "null");
	check("list.max", ARGS(L("[1,null]")), "! list.max: int and null have no order");
	check("list.max", ARGS(L("[1,{\"$float\":\"nan\"}]")), "! list.max: int and float have no order");
	check("list.flatten", ARGS(L("[[1,2],3,[],[[4]],{\"$range\":[5,6]}]")), "[1,2,3,[4],5,6]");
	check("list.flatten", ARGS(L("[{\"$range\":[1,1000000000000]}]")),
	      "! list.flatten: more than 1000000 items");
	check("list.join", ARGS(L("[\"blue\",\"green\"]")), "\"blue, green\"");
	check("list.slice", ARGS(L("[1,2,3,4]"), A("from", "1"), A("count", "2")), "[2,3]");
	check("list.slice", ARGS(L("[1,2,3,4]"), A("from", "-1")), "[4]");
	check("list.slice", ARGS(L("{\"$range\":[1,1000000000000]}"), A("from", "999999999999")),
	      "[1000000000000]");
	check("list.zip", ARGS(A("left", "[1,2]"), A("right", "[\"a\",\"b\"]")), "[[1,\"a\"],[2,\"b\"]]");
	check("list.zip", ARGS(A("left", "[1]"), A("right", "[]")),
	      "! list.zip: one has 1 items, the other 0");
	check("list.keys", ARGS(A("record", "{\"b\":1,\"a\":2}")), "[\"b\",\"a\"]");
	check("list.values", ARGS(A("record", "{\"b\":1,\"a\":2}")), "[1,2]");
}

/* Stable, for lengths around the powers of two at which a merge sort changes its shape. */
static void test_sort_of_every_length(void **state)
{
	size_t length, i;

	(void)state;
	for (length = 0; length < 70; length++) {
		struct value list = list_new(length), key, previous = value_null();
		struct pure_result result;

		for (i = 0; i < length; i++) {
			struct value record = record_new(2);

			record_set(&record, "key", value_int((int64_t)(i * 7919 % 13)));
			record_set(&record, "place", value_int((int64_t)i));
			list_push(&list, record);
		}
		result = run("list.sort", ARGS({"list", list}, {"by", value_string("key")}));
		assert_true(result.ok);
		assert_int_equal(value_length(result.value), length);
		for (i = 0; i < length; i++) {
			key = list_peek(result.value, i);
			if (i > 0) {
				int64_t before = record_peek(previous, "key").i,
					now = record_peek(key, "key").i;

				assert_true(before < now ||
					    (before == now &&
					     record_peek(previous, "place").i < record_peek(key, "place").i));
			}
			previous = key;
		}
		value_release(result.value);
	}
}

#define P(pattern)                                                                                           \
	{                                                                                                    \
		"pattern", value_string(pattern)                                                             \
	}

static void test_regular_expressions(void **state)
{
	struct pure_result result;

	(void)state;
	check("re.test", ARGS(P("^v\\d+$"), T("v12")), "true");
	check("re.test", ARGS(P("^v\\d+$"), T("v12\n")), "false");
	check("re.test", ARGS(P("\xc3\xa9."), T("caf\xc3\xa9\xe2\x82\xac")), "true");
	check("re.test", ARGS(P("^..$"), T("\xe2\x82\xac\xc3\xa9")), "true");
	check("re.test", ARGS(P("b"), T("\xff b")), "true");
	check("re.test", ARGS(P("a("), T("a")),
	      "! re.test: the pattern is wrong at byte 2: missing closing parenthesis");
	check("re.test", ARGS(P("\\C"), T("a")),
	      "! re.test: the pattern is wrong at byte 2: using \\C is disabled by the application");
	check("re.find", ARGS(P("(\\w)(x)?(?<n>\\d+)"), T("\xc3\xa9 a12")),
	      "{\"text\":\"a12\",\"start\":2,\"groups\":[\"a\",null,\"12\"],\"named\":{\"n\":\"12\"}}");
	check("re.find", ARGS(P("z"), T("a")), "null");
	check("re.all", ARGS(P("\\d"), T("1a2")),
	      "[{\"text\":\"1\",\"start\":0,\"groups\":[],\"named\":{}},{\"text\":\"2\",\"start\":2,"
	      "\"groups\":[],\"named\":{}}]");
	check("re.replace", ARGS(P("\\d+"), T("a1b22"), A("with", "\"$0\\\\1\"")), "\"a$0\\\\1b$0\\\\1\"");
	check("re.replace", ARGS(P("x*"), T("a\xc3\xa9xb"), A("with", "\"-\"")), "\"-a-\xc3\xa9--b-\"");
	check("re.replace", ARGS(P("$"), T("a\n"), A("with", "\".\"")), "\"a\\n.\"");
	check("re.split", ARGS(P("\\s*,\\s*"), T("a , b,c")), "[\"a\",\"b\",\"c\"]");
	check("re.split", ARGS(P(","), T("")), "[\"\"]");
	/* \\K in a lookahead would put a match's start behind its end. */
	result = run("re.all", ARGS(P("(?=ab\\K)"), T("ab")));
	assert_false(result.ok);
	assert_non_null(strstr(value_text_peek(result.value), "lookaround"));
	value_release(result.value);
	check("re.find", ARGS(A("pattern", "\"a\\u0000b\""), A("text", "\"xa\\u0000b\"")),
	      "{\"text\":\"a\\u0000b\",\"start\":1,\"groups\":[],\"named\":{}}");
}

/* Each of these takes longer than the universe has, or an hour, where work isn't bounded. */
static void test_patterns_that_never_end(void **state)
{
	static const struct {
		const char *pattern;
		char fill;
		size_t length;
	} rows[] = {
	    {"(a+)+$", 'a', 40},	 {"(a|aa)+$", 'a', 60},
	    {"(a|a?)+$", 'a', 60},	 {"^(([a-z])+.)+[A-Z]$", 'a', 60},
	    {"(.*)*x\\d", 'a', 3000},	 {"a*[bc]", 'a', 4000000},
	    {"\\s+[bc]$", ' ', 1000000}, {"(?:a{0,900}){0,60000}[bc]", 'a', 100000},
	    {"(.+)+\\1[bc]", 'a', 5000}, {"(?<=(?=(a+)+$)).", 'a', 50},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char *text = malloc(rows[i].length + 1), error[REGEX_ERROR] = "";
		clock_t began = clock();
		bool matched = true, ok;
		size_t offset;

		memset(text, rows[i].fill, rows[i].length);
		text[rows[i].length] = '!';
		if (!regex_check(rows[i].pattern, strlen(rows[i].pattern), error, &offset)) {
			free(text);
			continue;
		}
		ok = regex_match(rows[i].pattern, strlen(rows[i].pattern), text, rows[i].length + 1, &matched,
				 error);
		if (ok ? matched : !strstr(error, "backtracks"))
			fail_msg("%s: %s", rows[i].pattern, ok ? "matches" : error);
		if ((double)(clock() - began) / CLOCKS_PER_SEC > 20)
			fail_msg("%s took %.1f s", rows[i].pattern,
				 (double)(clock() - began) / CLOCKS_PER_SEC);
		free(text);
	}
}

/* What people search for in logs stays within the budget. */
static void test_long_texts_are_searched(void **state)
{
	static const char *const patterns[] = {"needle",
					       "\\bneedle\\b",
					       "(?i)NEEDLE",
					       "^needle$",
					       "level=\\w+ .*needle",
					       "(?m)^needle$",
					       "[0-9]+ms.*\\n.*needle",
					       "(\\d+)\\.(\\d+)ms\\nneedle"};
	static const char line[] = "2026-01-31 12:00:00 level=info request served in 12.5ms\n";
	size_t i, length = 0, size = 4 * 1024 * 1024;
	char *text = malloc(size + 100), error[REGEX_ERROR] = "";

	(void)state;
	while (length < size) {
		memcpy(text + length, line, sizeof(line) - 1);
		length += sizeof(line) - 1;
	}
	memcpy(text + length, "needle", 6);
	for (i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		bool matched;

		if (!regex_match(patterns[i], strlen(patterns[i]), text, length + 6, &matched, error))
			fail_msg("%s: %s", patterns[i], error);
		assert_int_equal(matched, i != 3 && i != 4);
	}
	free(text);
}

static void test_regex_check(void **state)
{
	char error[REGEX_ERROR] = "", *deep = malloc(70000);
	size_t offset;

	(void)state;
	assert_true(regex_check("a", 1, error, &offset));
	assert_false(regex_check("ab[", 3, error, &offset));
	assert_int_equal(offset, 3);
	assert_string_equal(error, "missing terminating ] for character class");
	assert_false(regex_check("\xff", 1, error, &offset));
	memset(deep, '(', 70000);
	assert_false(regex_check(deep, 60000, error, &offset));
	assert_false(regex_check(deep, 70000, error, &offset));
	assert_non_null(strstr(error, "65536"));
	free(deep);
}

static void test_json(void **state)
{
	(void)state;
	check("json.parse", ARGS(T("{\"a\": [1, 2.0, \"x\"]}")), "{\"a\":[1,2.0,\"x\"]}");
	check("json.parse", ARGS(T("{\"a\": ")), "! json.parse: line 1, column 6: unexpected token");
	check("json.encode",
	      ARGS(A("value", "{\"a\":[{\"$percent\":0.05},null],\"t\":{\"$duration\":1500000000}}")),
	      "\"{\\\"a\\\":[0.05,null],\\\"t\\\":1.5}\"");
	check("json.encode", ARGS(A("value", "{\"a\":1}"), A("pretty", "true")),
	      "\"{\\n  \\\"a\\\": 1\\n}\"");
}

static void test_times(void **state)
{
	static const char *const bad[] = {"",
					  "2026",
					  "2026-02-29",
					  "2026-13-01",
					  "2026-00-01",
					  "2026-01-31T",
					  "2026-01-31T12:00Z",
					  "2026-01-31T12:00:00",
					  "2026-01-31T24:00:00Z",
					  "2026-01-31T12:00:00.Z",
					  "2026-01-31T12:00:00+1",
					  "2026-01-31T12:00:00Z ",
					  "0001-01-01",
					  "9999-01-01",
					  "26-01-31"};
	size_t i;

	(void)state;
	check("time.parse", ARGS(T("2026-01-31T12:00:00Z")), "{\"$time\":1769860800000000000}");
	check("time.parse", ARGS(T("2026-01-31 13:00:00.5+01:00")), "{\"$time\":1769860800500000000}");
	check("time.parse", ARGS(T("2026-01-31T12:00:00.123456789123Z")), "{\"$time\":1769860800123456789}");
	check("time.parse", ARGS(T("2026-01-31")), "{\"$time\":1769817600000000000}");
	check("time.parse", ARGS(T("2024-02-29T00:00:00-0030")), "{\"$time\":1709166600000000000}");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char expected[120];

		snprintf(expected, sizeof(expected),
			 "! time.parse: \"%s\" is no time such as 2026-01-31T12:00:00Z", bad[i]);
		check("time.parse", ARGS(T(bad[i])), expected);
	}
	check("time.format", ARGS(A("t", "{\"$time\":1769860800000000000}")), "\"2026-01-31 12:00:00\"");
	check("time.format", ARGS(A("t", "{\"$time\":-1}"), {"pattern", value_string("%F %T %j %%")}),
	      "\"1969-12-31 23:59:59 365 %\"");
	check("time.format", ARGS(A("t", "{\"$time\":0}"), {"pattern", value_string("%c")}),
	      "! time.format: the pattern has a conversion other than those of the documentation");
	check("time.format", ARGS(A("t", "{\"$time\":0}"), {"pattern", value_string("100%")}),
	      "! time.format: the pattern has a conversion other than those of the documentation");
	check("time.format", ARGS(A("t", "0")),
	      "! time.format: argument 1 must be a time, and is of type int");
	check("time.unix", ARGS(A("t", "{\"$time\":-1}")), "-1");
	check("time.unix", ARGS(A("t", "{\"$time\":1769860800999999999}")), "1769860800");
	check("time.from_unix", ARGS(A("seconds", "1769860800")), "{\"$time\":1769860800000000000}");
	check("time.from_unix", ARGS(A("seconds", "0.25")), "{\"$time\":250000000}");
	check("time.from_unix", ARGS(A("seconds", "1e300")), "! time.from_unix: no time is that far away");
	check("time.from_unix", ARGS(A("seconds", "{\"$float\":\"nan\"}")),
	      "! time.from_unix: no time is that far away");
	check("time.from_unix", ARGS(A("seconds", "9223372036854775807")),
	      "! time.from_unix: no time is that far away");
	check("time.from_unix", ARGS(A("seconds", "{\"$duration\":5}")),
	      "! time.from_unix: a number without a unit is wanted");
}

static void test_durations(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
	    {"1h30m", "{\"$duration\":5400000000000}"},
	    {"250ms", "{\"$duration\":250000000}"},
	    {"1.5s", "{\"$duration\":1500000000}"},
	    {"7d", "{\"$duration\":604800000000000}"},
	    {"0s", "{\"$duration\":0}"},
	    {"", "! time.duration: \"\" is no duration such as 1h30m"},
	    {"30", "! time.duration: \"30\" is no duration such as 1h30m"},
	    {"s", "! time.duration: \"s\" is no duration such as 1h30m"},
	    {"-5s", "! time.duration: \"-5s\" is no duration such as 1h30m"},
	    {"1..5s", "! time.duration: \"1..5s\" is no duration such as 1h30m"},
	    {"5s ", "! time.duration: \"5s \" is no duration such as 1h30m"},
	    {"99999999999d", "! time.duration: \"99999999999d\" is no duration such as 1h30m"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check("time.duration", ARGS(T(rows[i].text)), rows[i].expected);
}

static struct value secret(const char *text)
{
	return value_mark(value_string(text), VALUE_SECRET);
}

/* What is made from a secret is one, and no message shows it. */
static void test_secrets_travel(void **state)
{
	static const char *const of_text[] = {"text.trim",  "text.lower",  "text.upper", "text.split",
					      "text.lines", "text.length", "text.number"};
	struct pure_result result;
	struct value list;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of_text) / sizeof(*of_text); i++) {
		result = run(of_text[i], ARGS({"text", secret("hunter2-hunter2")}));
		assert_true(result.ok && value_is_secret(result.value));
		value_release(result.value);
	}
	result = run("text.replace", ARGS(T("pw=X"), A("old", "\"X\""), {"new", secret("hunter2")}));
	assert_true(result.ok && value_is_secret(result.value));
	value_release(result.value);
	result = run("re.find", ARGS(P("h(.*)"), {"text", secret("hunter2")}));
	assert_true(result.ok && value_is_secret(result.value));
	value_release(result.value);
	result = run("json.parse", ARGS({"text", secret("[\"hunter2\"]")}));
	assert_true(result.ok && value_is_secret(list_peek(result.value, 0)));
	value_release(result.value);
	result = run("json.parse", ARGS({"text", secret("[hunter2")}));
	assert_true(!result.ok && !strstr(value_text_peek(result.value), "hunter2"));
	value_release(result.value);
	result = run("time.parse", ARGS({"text", secret("hunter2")}));
	assert_true(!result.ok && !strstr(value_text_peek(result.value), "hunter2"));
	value_release(result.value);

	/* A list's items keep their own marks: the first is no secret because the second is. */
	list = list_new(2);
	list_push(&list, value_string("user"));
	list_push(&list, secret("hunter2"));
	result = run("list.first", ARGS({"list", value_copy(list)}));
	assert_true(result.ok && !value_is_secret(result.value));
	value_release(result.value);
	result = run("list.last", ARGS({"list", value_copy(list)}));
	assert_true(result.ok && value_is_secret(result.value));
	value_release(result.value);
	result = run("list.join", ARGS({"list", value_copy(list)}));
	assert_true(result.ok && value_is_secret(result.value));
	assert_string_equal(value_text_peek(result.value), "user, hunter2");
	value_release(result.value);
	result = run("list.reverse", ARGS({"list", list}));
	assert_true(list_peek(result.value, 0).flags & VALUE_SECRET);
	assert_false(list_peek(result.value, 1).flags & VALUE_SECRET);
	value_release(result.value);
	result = run("json.encode", ARGS({"value", secret("hunter2")}));
	assert_true(result.ok && value_is_secret(result.value));
	assert_string_equal(value_text_peek(result.value), "\"hunter2\"");
	value_release(result.value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text),
	    cmocka_unit_test(test_text_slices),
	    cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_sort_of_every_length),
	    cmocka_unit_test(test_regular_expressions),
	    cmocka_unit_test(test_patterns_that_never_end),
	    cmocka_unit_test(test_long_texts_are_searched),
	    cmocka_unit_test(test_regex_check),
	    cmocka_unit_test(test_json),
	    cmocka_unit_test(test_times),
	    cmocka_unit_test(test_durations),
	    cmocka_unit_test(test_secrets_travel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
