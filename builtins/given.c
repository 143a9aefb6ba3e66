/*
 * given.c - the row behind `given error_rate returns […]`: a threshold or task of the plan whose answer a
 * test made up. The machine asks for it in place of the call; only the simulate driver has an answer.
 */
#include "builtins/live.h"
#include "builtins/tables.h"

static void given_start(struct effect_call *call)
{
	call_failed(call, "given: there are made-up answers only under simulation");
}

static struct value given_describe(const struct effect_request *request)
{
	struct value name = value_show(request->args[0], 0);
	struct value line = value_string_printf("given(%s)", value_text_peek(name));

	value_release(name);
	return line;
}

static const struct builtin given_rows[] = {
    {.name = "given",
     .signature = "(name: string, arguments: list(any)) -> any",
     .summary = "The answer that a test has given for a task or a threshold of the plan.",
     .example = "given error_rate returns [1%, 9%]",
     .bad_input = "Outside of simulation it is a failure.",
     .effect = EFFECT_READ,
     .flags = BUILTIN_INTERNAL,
     .start = given_start,
     .describe = given_describe},
};

const struct builtin_table given_table = {
    .name = "given",
    .summary = "Answers made up by tests.",
    .rows = given_rows,
    .row_count = sizeof(given_rows) / sizeof(*given_rows),
};
