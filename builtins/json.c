/* json.c - json.*: text to values and back. */
#include "builtins/pure.h"
#include "builtins/tables.h"
#include "interp/json.h"

static struct pure_result json_parse(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value v;
	char error[160];

	if (!pure_arguments("json.parse", "s", args, count, &wrong))
		return wrong;
	if (!value_from_json(args[0].string->bytes, args[0].string->length, &v, error))
		return pure_failed("json.parse: %s", error);
	return pure_answer(args, count, v);
}

/* A secret is written out, and the text is one: a request's body needs it. */
static struct pure_result json_encode(const struct value *args, size_t count)
{
	struct buffer text = {0};
	struct pure_result wrong;

	if (!pure_arguments("json.encode", "*b", args, count, &wrong))
		return wrong;
	if (args[1].b)
		json_write_pretty(&text, args[0], JSON_REVEAL);
	else
		json_write(&text, args[0], JSON_REVEAL);
	return pure_answer(args, count, buffer_finish(&text));
}

static const struct builtin json_rows[] = {
    {.name = "json.parse",
     .signature = "(text: secret string) -> any",
     .summary = "The value that a JSON text stands for.",
     .details = "Numbers have no unit until the plan gives them one: `json.parse(answer).latency as ms`. A "
		"number without point and exponent is an int, or a float where 64 bits don't hold it.",
     .example = "json.parse(\"{\\\"status\\\": \\\"ok\\\"}\").status",
     .bad_input = "Malformed text, text that is not UTF-8, and nesting deeper than 200 are failures that "
		  "name the line and the column.",
     .call = json_parse},
    {.name = "json.encode",
     .signature = "(value: secret any, pretty: bool = false) -> string",
     .summary = "The JSON text of a value; with `pretty`, a line per item.",
     .details = "A percent is written as its ratio, a duration in seconds, a size in bytes, a time as RFC "
		"3339, NaN and the infinities as null.",
     .example = "json.encode({ share: 5%, colour: \"green\" })",
     .bad_input = "Every value has a JSON text; bytes that are not UTF-8 become U+FFFD.",
     .call = json_encode},
};

const struct builtin_table json_table = {
    .name = "json",
    .summary = "JSON text to values and back.",
    .rows = json_rows,
    .row_count = sizeof(json_rows) / sizeof(*json_rows),
};
