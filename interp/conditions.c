/* conditions.c - conditions that explain themselves: require, expect, wait until, verify, and what people are asked. */
#include <stdlib.h>
#include <string.h>

#include "interp/machine_inside.h"

#define PART_SHOWN 400 /* bytes of a part's value in a message */

/* ---- the parts of a condition ---- */

void trace_start(struct fiber *fiber)
{
	uint32_t from = fiber_frame(fiber)->traced;

	while (fiber->trace_count > from)
		value_release(fiber->trace[--fiber->trace_count].value);
}

void trace_note(struct fiber *fiber, uint32_t part, struct value v)
{
	if (fiber->trace_count == fiber->trace_room) {
		fiber->trace_room = fiber->trace_room ? fiber->trace_room * 2 : 8;
		fiber->trace = memory_need(realloc(fiber->trace, fiber->trace_room * sizeof(*fiber->trace)));
	}
	fiber->trace[fiber->trace_count++] = (struct trace){ part, value_copy(v) };
}

struct value trace_parts(struct fiber *fiber)
{
	struct value parts = list_new(4);

	for (uint32_t i = fiber_frame(fiber)->traced; i < fiber->trace_count; i++) {
		struct value part = record_new(2);
		record_set(&part, "text", value_string(fiber->machine->program->parts[fiber->trace[i].part].text));
		record_set(&part, "value", value_show(fiber->trace[i].value, PART_SHOWN));
		list_push(&parts, part);
	}
	return parts;
}

/* ---- results ---- */

static const char *step_id(const struct fiber *fiber)
{
	return fiber->step ? fiber->step->id : "";
}

static struct value label_of(struct fiber *fiber, const struct check_code *check)
{
	return check->label < 0 ? value_null() : *fiber_register(fiber, (uint32_t)check->label);
}

static struct verify *enclosing_verify(struct fiber *fiber)
{
	for (uint32_t i = fiber->region_count; i-- > 0;) {
		if (fiber->regions[i].kind == REGION_VERIFY)
			return fiber->regions[i].verify;
		if (fiber->regions[i].kind == REGION_STEP)
			return NULL;
	}
	return NULL;
}

static void tell_check(struct fiber *fiber, const struct check_code *check, const char *outcome, struct value parts,
		       const char *message)
{
	struct value data = record_new(4), label = label_of(fiber, check);
	const char *text = value_text_peek(label);

	record_set(&data, "outcome", value_string(outcome));
	record_set(&data, "condition", value_string(check->condition));
	record_set(&data, "parts", value_copy(parts));
	record_set(&data, "message", message ? value_string(message) : value_null());
	tell(fiber->machine, EVENT_CHECK, step_id(fiber), fiber, *text ? text : check->condition, data, check->span);
}

/* The failure of a check that did not hold: what the author said, or the condition itself. */
static struct failure *check_failure(struct fiber *fiber, const struct check_code *check, struct value parts)
{
	struct value label = label_of(fiber, check);
	bool labelled = label.tag == VALUE_STRING;
	enum failure_kind kind = check->kind == CHECK_REQUIRE ? FAILURE_GUARD : FAILURE_CHECK;
	struct failure *failure;

	if (check->kind == CHECK_REQUIRE && labelled)
		failure = failure_new(fiber, kind, "%s", value_text_peek(label));
	else if (labelled)
		failure = failure_new(fiber, kind, "%s: `%s` does not hold", value_text_peek(label), check->condition);
	else
		failure = failure_new(fiber, kind, "`%s` does not hold", check->condition);
	failure->message = value_mark(failure->message, label.flags & VALUE_SECRET);
	failure->parts = value_copy(parts);
	failure->at = check->span;
	return failure;
}

/* A check that did not hold, and what its author wants done about it. Consumes failure. */
static void check_fails(struct fiber *fiber, const struct check_code *check, struct failure *failure, uint32_t go_on)
{
	struct verify *verify = enclosing_verify(fiber);
	const char *message = value_text_peek(failure->message);

	if (check->otherwise == ELSE_WARN) {
		tell_check(fiber, check, "warned", failure->parts, message);
		failure_free(failure);
		fiber_frame(fiber)->pc = go_on;
	} else if (check->otherwise == ELSE_ASK) {
		tell_check(fiber, check, "failed", failure->parts, message);
		struct value label = label_of(fiber, check);
		ask_to_go_on(fiber, failure, label.tag == VALUE_STRING ? value_text_peek(label) : check->condition,
			     "%s. Go on all the same?", message, go_on);
	} else if (verify && check->kind != CHECK_REQUIRE) {
		tell_check(fiber, check, "failed", failure->parts, message);
		list_push(&verify->failed, value_copy(failure->message));
		failure_free(failure);
		fiber_frame(fiber)->pc = go_on;
	} else {
		tell_check(fiber, check, "failed", failure->parts, message);
		fiber_raise(fiber, failure);
	}
}

static void check_holds(struct fiber *fiber, const struct check_code *check)
{
	tell_check(fiber, check, "held", value_null(), NULL);
}

/* An unknown condition: simulation takes it for granted, preview has only shown it. */
static void check_unknown(struct fiber *fiber, const struct check_code *check)
{
	if (fiber->machine->driver->explores)
		tell_check(fiber, check, "shown", value_null(), NULL);
	else
		tell(fiber->machine, EVENT_ASSUMED, step_id(fiber), fiber, check->condition, value_null(), check->span);
}

void check_result(struct fiber *fiber, uint32_t number, struct value held, struct failure *failure, uint32_t go_on)
{
	const struct check_code *check = &fiber->machine->program->checks[number];
	struct verify *verify = enclosing_verify(fiber);

	if (verify)
		verify->count++;
	if (failure) {
		struct value label = label_of(fiber, check);
		if (label.tag == VALUE_STRING) {
			char *text = text_printf("%s: %s", value_text_peek(label), value_text_peek(failure->message));
			unsigned flags = failure->message.flags;
			value_release(failure->message);
			failure->message = value_mark(value_string(text), flags);
			free(text);
		}
		check_fails(fiber, check, failure, go_on);
		return;
	}
	if (held.tag == VALUE_UNKNOWN) {
		check_unknown(fiber, check);
	} else if (value_truthy(held)) {
		check_holds(fiber, check);
	} else {
		struct value parts = trace_parts(fiber);
		struct failure *new = check_failure(fiber, check, parts);
		value_release(parts);
		check_fails(fiber, check, new, go_on);
	}
}

/* ---- polling ---- */

void poll_begin(struct fiber *fiber, uint32_t a, uint32_t number)
{
	struct machine *machine = fiber->machine;
	const struct check_code *check = &machine->program->checks[number];
	struct value within = *fiber_register(fiber, a), every = *fiber_register(fiber, a + 1), data = record_new(2);
	struct region *region = fiber_push_region(fiber, REGION_POLL);

	region->a = a;
	region->number = number;
	region->deadline = INT64_MAX;
	if (within.tag == VALUE_DURATION)
		fiber_limit_region(fiber, region, within.i);
	record_set(&data, "within", value_copy(within));
	record_set(&data, "every", value_copy(every));
	struct value label = label_of(fiber, check);
	record_set(&data, "label", value_copy(label));
	tell(machine, EVENT_WAITING, step_id(fiber), fiber, check->condition, data, check->span);
}

static void tell_waited(struct fiber *fiber, const struct check_code *check, const char *outcome, int64_t started,
			struct value last)
{
	struct value data = record_new(3);

	record_set(&data, "outcome", value_string(outcome));
	record_set(&data, "elapsed", value_duration(fiber->machine->now - started));
	record_set(&data, "last", value_copy(last));
	tell(fiber->machine, EVENT_WAITED, step_id(fiber), fiber, check->condition, data, check->span);
}

static void poll_done(struct fiber *fiber, const struct check_code *check, struct value held)
{
	int64_t started = fiber_region(fiber)->started;

	fiber_pop_region(fiber);
	tell_waited(fiber, check, "held", started, value_null());
	if (check->kind == CHECK_EXPECT)
		check_result(fiber, (uint32_t)(check - fiber->machine->program->checks), held, NULL,
			     fiber_frame(fiber)->pc);
	else if (held.tag == VALUE_UNKNOWN)
		check_unknown(fiber, check);
}

/* What was seen last: the parts, or why nothing could be seen. */
static struct failure *expired(struct fiber *fiber, const struct check_code *check, struct value parts,
			       struct failure *last)
{
	struct value within = *fiber_register(fiber, fiber_region(fiber)->a), label = label_of(fiber, check);
	const char *name = label.tag == VALUE_STRING ? value_text_peek(label) : NULL;
	char text[48];
	struct failure *failure = failure_new(fiber, FAILURE_CHECK, "%s%s`%s` did not hold within %s%s%s", name ? name : "",
					      name ? ": " : "", check->condition,
					      duration_text(within.tag == VALUE_DURATION ? within.i : 0, text),
					      last ? "; last: " : "", last ? value_text_peek(last->message) : "");

	if (last)
		failure->message = value_mark(failure->message, last->message.flags);
	failure->parts = value_copy(parts);
	failure->at = check->span;
	return failure;
}

static void poll_expire(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);
	const struct check_code *check = &fiber->machine->program->checks[region->number];
	struct failure *last = region->failure;
	struct value parts = last ? value_null() : trace_parts(fiber);
	struct failure *failure = expired(fiber, check, parts, last);
	struct verify *verify;
	int64_t started = region->started;

	fiber_pop_region(fiber);
	tell_waited(fiber, check, "expired", started, parts);
	value_release(parts);
	verify = enclosing_verify(fiber);
	if (verify)
		verify->count++;
	fiber_frame(fiber)->pc = check->end;
	check_fails(fiber, check, failure, check->end);
}

void poll_test(struct fiber *fiber, struct value held, struct failure *failure)
{
	struct machine *machine = fiber->machine;
	struct region *region = fiber_region(fiber);
	const struct check_code *check = &machine->program->checks[region->number];
	struct value every = *fiber_register(fiber, region->a + 1);
	int64_t step = every.tag == VALUE_DURATION && every.i > 0 ? every.i : SECOND;

	if (machine->driver->explores && !(held.tag == VALUE_BOOL && held.b)) {
		failure_free(failure); /* preview waits for nothing: it has shown what would be waited for */
		poll_done(fiber, check, value_unknown());
		return;
	}
	if (!failure && (held.tag == VALUE_UNKNOWN || value_truthy(held))) {
		poll_done(fiber, check, held);
		return;
	}
	if (failure && failure->kind == FAILURE_TIMEOUT && machine->now >= region->deadline) {
		failure_free(failure); /* the wait's own alarm: what was seen before it counts */
		poll_expire(fiber);
		return;
	}
	failure_free(region->failure);
	region->failure = failure;
	if (machine->now >= region->deadline) {
		poll_expire(fiber);
		return;
	}
	fiber_frame(fiber)->pc = check->start;
	fiber_sleep(fiber, later(machine, step));
}

/* ---- verify ---- */

void verify_end(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);
	struct value failed = value_copy(region->verify->failed);
	struct value title = value_copy(*fiber_register(fiber, region->a));
	uint32_t count = region->verify->count;
	size_t wrong = value_length(failed);

	fiber_pop_region(fiber);
	if (wrong) {
		struct failure *failure = failure_new(fiber, FAILURE_CHECK, "%s%s%zu of %u checks failed: %s%s",
						      value_text_peek(title), title.tag == VALUE_STRING ? ": " : "", wrong,
						      count, value_text_peek(list_peek(failed, 0)), wrong > 1 ? ", …" : "");
		failure->message = value_mark(failure->message, value_is_secret(failed) ? VALUE_SECRET : 0);
		failure->detail = record_new(1);
		record_set(&failure->detail, "failed", value_copy(failed));
		fiber_raise(fiber, failure);
	}
	value_release(failed);
	value_release(title);
}

/* ---- people ---- */

void person_declined(struct fiber *fiber, struct failure *failure)
{
	struct verify *verify = enclosing_verify(fiber);

	if (!verify) {
		fiber->raising = failure;
		return;
	}
	list_push(&verify->failed, value_copy(failure->message));
	failure_free(failure);
	fiber_frame(fiber)->pc = fiber->decided;
}

void person_answered(struct fiber *fiber, struct value answer, uint32_t number)
{
	const struct check_code *check = &fiber->machine->program->checks[number];
	struct verify *verify = enclosing_verify(fiber);
	struct value label = label_of(fiber, check);

	if (verify)
		verify->count++;
	bool no = answer.tag == VALUE_NULL || answer.tag == VALUE_STRING || (answer.tag == VALUE_BOOL && !answer.b);
	if (!no) {
		if (verify)
			tell_check(fiber, check, "held", value_null(), NULL);
		return;
	}
	struct failure *failure =
		failure_new(fiber, FAILURE_REFUSED, "%s%s%s%s%s", answer.tag == VALUE_NULL ? "nobody confirmed in time: " : "not confirmed: ",
			    value_text_peek(label), answer.tag == VALUE_STRING ? " (" : "", value_text_peek(answer),
			    answer.tag == VALUE_STRING ? ")" : "");
	failure->at = check->span;
	check_fails(fiber, check, failure, fiber_frame(fiber)->pc);
}

void ask_to_go_on(struct fiber *fiber, struct failure *failure, const char *label, const char *format, const char *what,
		  uint32_t go_on)
{
	const struct builtin *ask = registry_find(fiber->machine->registry, "operator.confirm", 16);
	struct value args[2];

	if (!ask) {
		fiber_raise(fiber, failure);
		return;
	}
	args[0] = value_string_printf(format, what);
	args[1] = value_null();
	fiber->undecided = failure;
	fiber->decided = go_on;
	effect_start(fiber, ask, args, 2, NO_REGISTER, failure->at, label);
	if (fiber->effect)
		fiber->effect->decision = true;
	value_release(args[0]);
}

struct timer *people_within(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);

	return region && region->kind == REGION_TIMEOUT ? region->timer : NULL;
}

/* While a person is waited for, timeouts stand still, but for the one of the statement itself (its `within`). */
void people_pause(struct fiber *fiber, bool pause)
{
	struct machine *machine = fiber->machine;
	uint32_t count = fiber->region_count;

	if (people_within(fiber)) {
		machine->withins += pause ? 1 : -1;
		count--;
	}
	for (struct fiber *at = fiber; at; at = at->group ? at->group->owner : NULL) {
		uint32_t regions = at == fiber ? count : at->region_count;
		for (uint32_t i = 0; i < regions; i++)
			if (at->regions[i].timer && at->regions[i].kind != REGION_POLL)
				timer_pause(machine, at->regions[i].timer, pause);
		if (at->bound)
			timer_pause(machine, at->bound, pause);
	}
	for (struct plan_run *plan = fiber->plan; plan; plan = plan->outer) {
		timer_pause(machine, &plan->timer, pause);
		timer_pause(machine, &plan->unwind_timer, pause);
	}
}
