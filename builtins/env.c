/* env.c - env.*: the environment that runplan was started with. Reads, so that a resume sees what the first
 * run saw. */
#include <stdlib.h>
#include <string.h>

#include "builtins/live.h"
#include "builtins/tables.h"

/* An empty variable counts as one that isn't set: the two can't be told apart in a compose file or a unit
 * file. */
static const char *variable(struct value name)
{
	const char *text = name.tag == VALUE_STRING && strlen(name.string->bytes) == name.string->length
			       ? getenv(name.string->bytes)
			       : NULL;

	return text && *text ? text : NULL;
}

static bool check_name(struct effect_call *call, struct value name)
{
	if (name.tag == VALUE_STRING && name.string->length > 0)
		return true;
	call_failed(call, "%s: a variable's name must be a string that is not empty", call->builtin->name);
	return false;
}

static void env_get(struct effect_call *call)
{
	const char *text;

	if (!check_name(call, call_arg(call, 0)))
		return;
	text = variable(call_arg(call, 0));
	call_ok(call, text ? value_string(text) : value_copy(call_arg(call, 1)));
}

static void env_has(struct effect_call *call)
{
	if (check_name(call, call_arg(call, 0)))
		call_ok(call, value_bool(variable(call_arg(call, 0)) != NULL));
}

static void env_missing(struct effect_call *call)
{
	struct value names = call_arg(call, 0), missing;
	size_t i;

	if (names.tag != VALUE_LIST) {
		call_failed(call, "env.missing: a list of names is wanted");
		return;
	}
	for (i = 0; i < value_length(names); i++)
		if (!check_name(call, list_peek(names, i)))
			return;
	missing = list_new(0);
	for (i = 0; i < value_length(names); i++)
		if (!variable(list_peek(names, i)))
			list_push(&missing, value_item(names, i));
	call_ok(call, missing);
}

static struct value nothing_missing(const struct effect_request *request)
{
	(void)request;
	return list_new(0);
}

static const struct builtin env_rows[] = {
    {.name = "env.get",
     .signature = "(name: string, default: any = null) -> any",
     .summary = "The value of an environment variable, or `default` where it is empty or not set.",
     .details =
	 "The value is shown and kept in the journal; a password comes by `secret name = env(\"NAME\")`.",
     .example = "env.get(\"HOME\", \"/root\")",
     .bad_input = "An empty name is a failure.",
     .effect = EFFECT_READ,
     .start = env_get},
    {.name = "env.has",
     .signature = "(name: string) -> bool",
     .summary = "Whether an environment variable is set and not empty.",
     .example = "env.has(\"HOME\")",
     .bad_input = "An empty name is a failure.",
     .effect = EFFECT_READ,
     .start = env_has},
    {.name = "env.missing",
     .signature = "(names: list(string)) -> list(string)",
     .summary = "Those of the named environment variables that are empty or not set.",
     .details = "For a checklist: its report shows which are missing. Their values are never looked at "
		"closer, so that names of secrets may stand among them. Under simulation none is missing.",
     .example = "env.missing([\"HOME\", \"PATH\"]) == []",
     .bad_input = "Anything but a list of names is a failure.",
     .effect = EFFECT_READ,
     .start = env_missing,
     .simulate = nothing_missing},
};

const struct builtin_table env_table = {
    .name = "env",
    .summary = "The environment that runplan was started with.",
    .rows = env_rows,
    .row_count = sizeof(env_rows) / sizeof(*env_rows),
};
