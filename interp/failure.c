/* failure.c - how a failure travels outwards through the regions of a fiber. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/machine_inside.h"

static const char *const kind_names[] = {
	[FAILURE_ERROR] = "error",	   [FAILURE_GUARD] = "guard",	  [FAILURE_CHECK] = "check",
	[FAILURE_BREACH] = "breach",	   [FAILURE_TIMEOUT] = "timeout", [FAILURE_UNKNOWN] = "unknown",
	[FAILURE_REFUSED] = "refused",	   [FAILURE_CANCELLED] = "cancelled",
	[FAILURE_PLAN_TIMEOUT] = "plan timeout", [FAILURE_ABORT] = "abort",	  [FAILURE_USAGE] = "usage",
	[FAILURE_ROLLBACK] = "rollback",
};

const char *failure_kind_name(enum failure_kind kind)
{
	return kind_names[kind];
}

struct failure *failure_new(struct fiber *fiber, enum failure_kind kind, const char *format, ...)
{
	struct failure *failure = memory_need(calloc(1, sizeof(*failure)));
	char *message = NULL;
	va_list args;

	va_start(args, format);
	int length = vasprintf(&message, format, args);
	va_end(args);
	memory_need(length < 0 ? NULL : message);
	failure->kind = kind;
	failure->message = value_string(message);
	failure->step = memory_need(strdup(fiber && fiber->step ? value_text_peek(fiber->step->title) : ""));
	failure->step_id = memory_need(strdup(fiber && fiber->step ? fiber->step->id : ""));
	if (fiber)
		failure->at = fiber_at(fiber);
	free(message);
	return failure;
}

void failure_free(struct failure *failure)
{
	if (!failure)
		return;
	value_release(failure->message);
	value_release(failure->detail);
	value_release(failure->parts);
	free(failure->step);
	free(failure->step_id);
	free(failure);
}

bool failure_catchable(const struct failure *failure)
{
	return failure->kind < FAILURE_CANCELLED;
}

struct value failure_record(const struct failure *failure)
{
	struct value record = record_new(6);

	record_set(&record, "message", value_copy(failure->message));
	record_set(&record, "kind", value_string(kind_names[failure->kind]));
	record_set(&record, "step", value_string(failure->step));
	record_set(&record, "detail", value_copy(failure->detail));
	record_set(&record, "breach", failure->kind == FAILURE_BREACH ? value_copy(failure->detail) : value_null());
	return record;
}

/* May this region take the failure, or is it meant for one further out? */
static bool for_us(const struct failure *failure)
{
	return failure_catchable(failure) && !failure->target && !failure->incomplete;
}

/* Is an interruption waiting that will end this region anyway? */
static bool meant_further_out(const struct fiber *fiber, const struct region *region)
{
	const struct failure *pending = fiber->pending;

	return pending && (!failure_catchable(pending) || pending->target < region->serial);
}

struct failure *failure_outranked(struct fiber *fiber, struct failure *failure)
{
	struct failure *pending = fiber->pending;

	if (!fiber_interrupted(fiber) || failure_catchable(pending) || !failure_catchable(failure))
		return failure;
	failure_free(failure);
	fiber->pending = NULL;
	return pending;
}

/* ---- steps ---- */

static bool may_retry(struct fiber *fiber, const struct region *region, const struct failure *failure)
{
	struct value attempts = *fiber_register(fiber, region->a + STEP_ATTEMPTS);

	return for_us(failure) && !meant_further_out(fiber, region) && attempts.tag == VALUE_INT && region->saga->attempt < attempts.i;
}

static int64_t retry_delay(struct fiber *fiber, const struct region *region)
{
	struct value delay = *fiber_register(fiber, region->a + STEP_DELAY);
	struct value backoff = *fiber_register(fiber, region->a + STEP_BACKOFF);
	double factor, ns = delay.tag == VALUE_DURATION ? (double)delay.i : 0;

	if (value_as_double(backoff, &factor) && backoff.tag != VALUE_NULL)
		for (uint32_t i = 1; i < region->saga->attempt; i++)
			ns *= factor;
	return ns < 0 ? 0 : ns > 9e18 ? INT64_MAX / 2 : (int64_t)ns;
}

static void retry(struct fiber *fiber, struct region *region, struct failure *failure)
{
	struct machine *machine = fiber->machine;
	int64_t delay = retry_delay(fiber, region);
	struct value data = record_new(3);

	record_set(&data, "attempt", value_int(region->saga->attempt));
	record_set(&data, "of", value_copy(*fiber_register(fiber, region->a + STEP_ATTEMPTS)));
	record_set(&data, "delay", value_duration(delay));
	tell(machine, EVENT_STEP_RETRIED, region->saga->id, fiber, value_text_peek(failure->message), data, failure->at);
	failure_free(failure);
	fiber->attempt = ++region->saga->attempt;
	if (region->timer) /* `timeout` bounds each attempt */
		timer_start(machine, region->timer,
			    later(machine, delay + fiber_register(fiber, region->a + STEP_TIMEOUT)->i), region->timer->fire,
			    region->timer->context);
	fiber_frame(fiber)->pc = region->saga->code->body;
	fiber->steps = region->steps; /* an attempt's steps have the same ids as the first one's */
	fiber_sleep(fiber, later(machine, delay));
}

/* True: the fiber goes on (or waits); false: the failure goes on outwards. */
static bool step_fails(struct fiber *fiber, struct region *region, struct failure **failure)
{
	struct saga *saga = region->saga;

	if (region->failing) { /* in its own `on failure` or `finally`: what it failed with first counts */
		tell(fiber->machine, EVENT_WARNING, saga->id, fiber, value_text_peek((*failure)->message), value_null(),
		     (*failure)->at);
		failure_free(*failure);
		if (fiber_frame(fiber)->pc <= saga->code->cleanup) { /* `finally` runs whatever happens */
			fiber_frame(fiber)->pc = saga->code->cleanup;
			return true;
		}
		region->shielded = false;
		*failure = failure_outranked(fiber, region->failure);
		region->failure = NULL;
	} else if (!region->done) {
		if (may_retry(fiber, region, *failure)) {
			retry(fiber, region, *failure);
			return true;
		}
		region->failing = true;
		region->failure = *failure;
		if (region->timer)
			timer_stop(fiber->machine, region->timer);
		region->shielded = true;
		fiber_frame(fiber)->pc = saga->code->failed;
		return true;
	}
	saga_step_ended(fiber, saga, *failure);
	fiber_pop_region(fiber);
	return false;
}

/* ---- the other regions ---- */

static void unwound(struct machine *machine, const struct unwound *result, void *context)
{
	struct fiber *fiber = context;
	struct region *region = fiber_region(fiber);

	(void)machine;
	region->unwound = true;
	region->broken = result->failed > 0;
	fiber_ready(fiber);
}

/* What was armed inside is rolled back before the catch body runs. */
static bool try_catches(struct fiber *fiber, struct region *region, struct failure *failure)
{
	bool takes = for_us(failure) && !fiber->machine->driver->explores &&
		     (region->unwound || !meant_further_out(fiber, region));

	if (!takes) {
		fiber_pop_region(fiber);
		return false;
	}
	if (!region->unwound) {
		fiber->raising = failure;
		fiber->waiting = WAITING_UNWIND;
		saga_unwind(fiber->machine, region->saga, failure, unwound, fiber);
		return true;
	}
	bool broken = region->broken;
	uint32_t catch = region->pc;
	fiber_pop_region(fiber);
	if (broken) { /* the catch is skipped where the rollback inside failed, and so is every one further out */
		fiber->machine->unwound_incomplete = failure->incomplete = true;
		return false;
	}
	failure_free(fiber->caught);
	fiber->caught = failure;
	fiber_frame(fiber)->pc = catch;
	return true;
}

static bool group_fails(struct fiber *fiber, struct region *region, struct failure *failure)
{
	if (region->group->running) {
		fiber->raising = failure;
		fiber->waiting = WAITING_GROUP;
		group_cancel(region->group, value_text_peek(failure->message));
		return true;
	}
	group_tell(region->group, failure);
	fiber_pop_region(fiber);
	return false;
}

static void other_arm(struct fiber *fiber, struct region *region, struct failure *failure)
{
	tell(fiber->machine, EVENT_WARNING, "", fiber,
	     value_text_peek(failure->message), value_null(), failure->at);
	failure_free(failure);
	fiber_frame(fiber)->pc = region->second ? region->end : region->pc;
	if (!region->second)
		tell(fiber->machine, EVENT_ARM, "", fiber, "otherwise", value_null(), fiber_at(fiber));
	region->second = true;
}

/* One region's answer to a failure. True: the fiber goes on or waits, the failure is taken care of. */
static bool region_takes(struct fiber *fiber, struct failure **failure)
{
	struct region *region = fiber_region(fiber);
	uint32_t number = region->number, pc = region->pc;

	switch (region->kind) {
	case REGION_STEP:
		return step_fails(fiber, region, failure);
	case REGION_TRY:
		return try_catches(fiber, region, *failure);
	case REGION_GROUP:
	case REGION_WATCH:
		return group_fails(fiber, region, *failure);
	case REGION_CHECK:
		fiber_pop_region(fiber);
		if (!for_us(*failure))
			return false;
		check_result(fiber, number, value_bool(false), *failure, fiber->machine->program->checks[number].end);
		return true;
	case REGION_POLL:
		if (!for_us(*failure)) {
			fiber_pop_region(fiber);
			return false;
		}
		poll_test(fiber, value_null(), *failure);
		return true;
	case REGION_SAMPLE:
		fiber_pop_region(fiber);
		if (!for_us(*failure))
			return false;
		fiber_frame(fiber)->pc = pc;
		sampler_judge(fiber, value_null(), value_text_peek((*failure)->message));
		failure_free(*failure);
		return true;
	case REGION_ARM:
		if (!for_us(*failure)) {
			fiber_pop_region(fiber);
			return false;
		}
		other_arm(fiber, region, *failure);
		return true;
	case REGION_PHASE:
		phase_close(fiber, failure_catchable(*failure) ? "failed" : "cancelled");
		return false;
	case REGION_TIMEOUT: {
		bool ours = for_us(*failure) && (*failure)->kind == FAILURE_TIMEOUT;
		uint32_t a = region->a;
		fiber_pop_region(fiber);
		if (!ours)
			return false;
		failure_free(*failure); /* nobody has answered: INSN_ANSWERED looks at it */
		value_clear(fiber_register(fiber, a));
		fiber_frame(fiber)->pc = pc;
		return true;
	}
	case REGION_VERIFY:
		fiber_pop_region(fiber);
		return false;
	}
	return false;
}

void fiber_raise(struct fiber *fiber, struct failure *failure)
{
	while (fiber->region_count) {
		struct region *region = fiber_region(fiber);
		while (fiber->depth - 1 > region->frame)
			fiber_pop_frame(fiber);
		if (failure->target == region->serial)
			failure->target = 0;
		if (region_takes(fiber, &failure))
			return;
	}
	while (fiber->depth > 1)
		fiber_pop_frame(fiber);
	fiber_end(fiber, failure);
}

bool fiber_error(struct fiber *fiber, const char *message)
{
	fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "%s", message));
	return fiber_goes_on(fiber);
}

void fiber_raise_now(struct fiber *fiber)
{
	struct failure *failure = fiber->raising;

	if (failure) {
		fiber->raising = NULL;
		failure = failure_outranked(fiber, failure);
	} else {
		failure = fiber->pending;
		fiber->pending = NULL;
	}
	fiber_raise(fiber, failure);
}
