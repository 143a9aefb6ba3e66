/* operator.c - what only a person can answer. The cli asks (live_options.ask) and ends the call with the
 * answer. */
#include <string.h>

#include "builtins/live.h"
#include "builtins/tables.h"

static void ask_cancel(struct effect_call *call)
{
	const struct live_options *options = live_options(call->live);

	if (options->ask_cancel)
		options->ask_cancel(options->context, call);
	else
		call_unknown(call, "the question was withdrawn");
}

/* Asks argument 0. The request need only live until the cli has it. */
static void ask_for(struct effect_call *call, const char *kind, const char *typing, struct value choices,
		    int64_t approvals)
{
	const struct live_options *options = live_options(call->live);
	const struct live_person_request request = {
	    .kind = kind,
	    .text = call_text(call, 0),
	    .typing = typing,
	    .choices = choices,
	    .approvals = approvals,
	};

	if (!request.text) {
		call_failed(call, "%s: the question must be a string", call->builtin->name);
		return;
	}
	if (!options || !options->ask) {
		call_refused(call, "nobody is there to answer: %s", request.text);
		return;
	}
	call->cancel = ask_cancel;
	options->ask(options->context, call, &request);
}

static void ask(struct effect_call *call, const char *kind, const char *typing, struct value choices)
{
	ask_for(call, kind, typing, choices, 0);
}

static void operator_approve(struct effect_call *call)
{
	int64_t wanted = call_int(call, 1, 1);
	struct value people = call_arg(call, 2);

	if (wanted < 1 || (people.tag == VALUE_LIST && (int64_t)value_length(people) < wanted))
		call_failed(call, "approve: %lld people shall approve, and %zu may", (long long)wanted,
			    value_length(people));
	else
		ask_for(call, "approve", NULL, people, wanted);
}

static void operator_ask(struct effect_call *call)
{
	struct value choices = call_arg(call, 1);
	size_t i;

	if (choices.tag != VALUE_NULL && (choices.tag != VALUE_LIST || value_length(choices) == 0)) {
		call_failed(call, "operator.ask: `choices` must be a list that is not empty");
		return;
	}
	for (i = 0; i < value_length(choices); i++)
		if (list_peek(choices, i).tag != VALUE_STRING) {
			call_failed(call, "operator.ask: choice %zu is no string", i);
			return;
		}
	ask(call, "ask", NULL, choices);
}

static void operator_confirm(struct effect_call *call)
{
	ask(call, call->decision ? "decide" : "confirm", call_text(call, 1), value_null());
}

static void operator_manual(struct effect_call *call)
{
	ask(call, "manual", NULL, value_null());
}

static void operator_name(struct effect_call *call)
{
	const struct live_options *options = live_options(call->live);

	if (options && options->operator_name && *options->operator_name)
		call_ok(call, value_string(options->operator_name));
	else
		call_failed(call, "operator.name: nobody said who runs this plan");
}

static struct value name_simulate(const struct effect_request *request)
{
	(void)request;
	return value_string("operator");
}

/* Under simulation people say yes, unless a test says otherwise. */
static struct value yes(const struct effect_request *request)
{
	(void)request;
	return value_bool(true);
}

#define NOBODY "Where nobody is at a terminal and no answer was given beforehand, the call is refused."

static const struct builtin operator_rows[] = {
    {.name = "operator.ask",
     .signature = "(question: string, choices: list(string) = null) -> string",
     .summary = "Ask the operator, and wait for a line of text or one of the choices.",
     .details = "Timeouts stand still while a person is waited for. `--confirm \"question=answer\"` answers "
		"beforehand, of choices with one of them or its number. The answer is kept in the journal; a "
		"password comes by `secret name = prompt(\"…\")`.",
     .example = "operator.ask(\"Which side shall serve?\", [\"blue\", \"green\"])",
     .bad_input = NOBODY " So it is with an answer given beforehand that is none of the choices.",
     .effect = EFFECT_READ,
     .flags = BUILTIN_PERSON,
     .start = operator_ask},
    {.name = "operator.name",
     .signature = "() -> string",
     .summary = "Who runs the plan.",
     .example = "operator.name()",
     .bad_input = "Where the system knows no name of the user, it is a failure.",
     .effect = EFFECT_READ,
     .start = operator_name,
     .simulate = name_simulate},
    {.name = "operator.confirm",
     .signature = "(question: string, typing: string = null) -> bool",
     .summary = "What `confirm` asks: yes or no, or a phrase to be typed.",
     .example = "confirm \"Deploy to production?\" typing \"PRODUCTION\"",
     .bad_input = "Another phrase is a no. " NOBODY,
     .effect = EFFECT_READ,
     .flags = BUILTIN_INTERNAL | BUILTIN_PERSON,
     .start = operator_confirm,
     .simulate = yes},
    {.name = "operator.approve",
     .signature = "(title: string, by: int, of: list(string) = null) -> bool",
     .summary = "What `approve` waits for: that so many people other than the operator say yes.",
     .details = "Each says `runplan approve RUN TITLE`, under their own name (RUNPLAN_OPERATOR, else the system's). One no "
		"is enough. Neither `--yes` nor `--confirm` answers it.",
     .example = "approve \"Deploy to production\" by 2 of [\"lead\", \"ops\", \"dba\"]",
     .bad_input = "A run that is not kept on record cannot be approved, and is refused.",
     .effect = EFFECT_READ,
     .flags = BUILTIN_INTERNAL | BUILTIN_PERSON,
     .start = operator_approve,
     .simulate = yes},
    {.name = "operator.manual",
     .signature = "(text: string) -> bool",
     .summary = "What `manual` asks: whether a person has done, or seen, something.",
     .example = "manual \"The rollback plan has been reviewed\"",
     .bad_input = NOBODY,
     .effect = EFFECT_READ,
     .flags = BUILTIN_INTERNAL | BUILTIN_PERSON,
     .start = operator_manual,
     .simulate = yes},
};

const struct builtin_table operator_table = {
    .name = "operator",
    .summary = "What only a person can answer.",
    .rows = operator_rows,
    .row_count = sizeof(operator_rows) / sizeof(*operator_rows),
};
