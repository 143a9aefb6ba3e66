/*
 * left.c - what changes leave behind: noted when they have ended, and forgotten when another change of the
 * same run has taken it away. Which thing that is, the rows say (struct thing).
 */
#include <string.h>

#include "interp/drivers.h"
#include "interp/machine_inside.h"

/* The values that name the thing in the call; null: the row or the call names none. */
static struct value named_by_call(const struct effect_request *request)
{
	const struct thing *thing = &request->builtin->thing;
	size_t end = (size_t)thing->from + thing->count;
	struct value name;

	if (!thing->kind || !thing->count || end > request->arg_count)
		return value_null();
	while (end > thing->from && request->args[end - 1].tag == VALUE_NULL) /* no host: this machine */
		end--;
	if (end == thing->from)
		return value_null();
	name = list_new(end - thing->from);
	for (size_t i = thing->from; i < end; i++)
		list_push(&name, value_copy(request->args[i]));
	return name;
}

/* Its other name: what the answer calls it. */
static struct value named_by_answer(const struct thing *thing, struct value answer)
{
	struct value v = !thing->answer	  ? value_null()
			 : *thing->answer ? record_peek(answer, thing->answer)
					  : answer,
		     name;

	if (v.tag != VALUE_STRING)
		return value_null();
	name = list_new(1);
	list_push(&name, value_copy(v));
	return name;
}

void left_begin(struct effect *effect, const struct effect_request *request)
{
	const struct builtin *builtin = request->builtin;

	effect->thing = builtin->thing.kind ? named_by_call(request) : value_null();
	effect->shown = builtin->leaves ? request_show(request) : value_null();
}

static bool is_named(struct value entry, struct value name)
{
	struct value names = record_peek(entry, "names");

	for (size_t i = 0; name.tag == VALUE_LIST && i < value_length(names); i++)
		if (value_equal(list_peek(names, i), name))
			return true;
	return false;
}

/* All that is called so is gone. */
static void forget(struct machine *machine, const char *kind, struct value name)
{
	struct value rest = list_new(4);

	for (size_t i = 0; i < value_length(machine->leaves); i++) {
		struct value entry = list_peek(machine->leaves, i);

		if (strcmp(value_text_peek(record_peek(entry, "thing")), kind) || !is_named(entry, name))
			list_push(&rest, value_copy(entry));
	}
	value_put(&machine->leaves, rest);
}

static void note(struct machine *machine, const struct effect *effect, struct value answer)
{
	const struct builtin *builtin = effect->builtin;
	struct value entry = record_new(6), names = list_new(2),
		     other = named_by_answer(&builtin->thing, answer);
	struct value path = record_peek(answer, "path");

	if (effect->thing.tag == VALUE_LIST)
		list_push(&names, value_copy(effect->thing));
	if (other.tag == VALUE_LIST)
		list_push(&names, other);
	record_set(&entry, "what", value_string(builtin->leaves));
	record_set(&entry, "by", value_string(builtin->name));
	record_set(&entry, "call", value_copy(effect->shown));
	record_set(&entry, "path", path.tag == VALUE_STRING ? value_copy(path) : value_null());
	record_set(&entry, "thing", value_string(builtin->thing.kind));
	record_set(&entry, "names", names);
	list_push(&machine->leaves, entry);
}

void left_ended(struct machine *machine, const struct effect *effect, const struct outcome *outcome)
{
	const struct builtin *builtin = effect->builtin;

	if (outcome->kind != OUTCOME_OK || builtin->effect != EFFECT_CHANGE)
		return;
	if (builtin->leaves)
		note(machine, effect, outcome->value);
	else if (builtin->thing.kind)
		forget(machine, builtin->thing.kind, effect->thing);
}
