/*
 * threshold.c - sampling and its verdicts. A sampler is a fiber that runs the threshold's body (compile_stmt.c,
 * threshold_body): settings once, then wait, measure, judge, for ever; it ends by failing (a breach) or by being
 * cancelled when what it watches has ended.
 *
 * A sample is `ok`, `over` (outside its bound), or `no data`. `breach after N of M` looks at the last M samples that had
 * data; `breach for D` at how long they have been over without a break. No data is its own verdict: it neither counts as
 * over nor breaks a streak. For a baseline samples are not judged but kept, for their median.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interp/machine_inside.h"

#define EMPTY_ANSWER "the answer was empty"

struct sampler {
	const struct threshold_code *code;
	uint32_t a;
	bool *window; /* ring of the last `size` samples: over? */
	uint32_t size, filled, next, needed;
	int64_t due;        /* of the next sample */
	int64_t over_since; /* -1: the last sample was not over */
	uint32_t silent;    /* samples without data in a row */
	struct value bound;  /* as text; null for a baseline */
	struct value *taken; /* for a baseline: numbers and quantities, all of one unit */
	uint32_t taken_count, taken_room;
	bool unknown; /* one of them is */
};

static struct value setting(struct fiber *fiber, enum threshold_register which)
{
	return *fiber_register(fiber, fiber->sampler->a + which);
}

static uint32_t positive(struct value v, uint32_t fallback)
{
	return v.tag == VALUE_INT && v.i > 0 ? (uint32_t)(v.i < 100000 ? v.i : 100000) : fallback;
}

static void tell_watched(struct fiber *fiber)
{
	const struct machine_options *options = fiber->machine->options;
	const struct watched watched = {
		.code = fiber->sampler->code,
		.use = fiber->watched,
		.arguments = fiber_register(fiber, 0),
		.argument_count = fiber_frame(fiber)->function->parameters,
		.settings = fiber_register(fiber, fiber->sampler->a),
		.fiber = fiber->path,
	};

	fiber->sampler->due = fiber->machine->now;
	options->watched(options->context, &watched);
}

void sampler_setup(struct fiber *fiber, uint32_t a, uint32_t number)
{
	struct sampler *sampler = memory_need(calloc(1, sizeof(*sampler)));
	struct value after;

	sampler_free(fiber->sampler);
	fiber->sampler = sampler;
	sampler->code = &fiber->machine->program->thresholds[number];
	sampler->a = a;
	sampler->needed = positive(setting(fiber, THRESHOLD_BREACHES), 1);
	sampler->size = positive(setting(fiber, THRESHOLD_WINDOW), sampler->needed);
	sampler->window = memory_need(calloc(sampler->size, sizeof(*sampler->window)));
	sampler->over_since = -1;
	after = setting(fiber, THRESHOLD_AFTER);
	sampler->due = later(fiber->machine, after.tag == VALUE_DURATION ? after.i : 0);
	if (sampler->code->bound != BOUND_NONE) {
		char *bound = threshold_bound(sampler->code->bound, fiber_register(fiber, a));
		sampler->bound = value_string(bound);
		free(bound);
	}
	if (fiber->machine->driver->explores)
		tell_watched(fiber);
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	value_release(sampler->bound);
	free(sampler->window);
	free(sampler->taken);
	free(sampler);
}

/* Samples keep their beat; ones that were missed while a measurement took long are left out. */
void sampler_wait(struct fiber *fiber)
{
	struct sampler *sampler = fiber->sampler;
	struct value every = setting(fiber, THRESHOLD_EVERY);
	int64_t step = every.tag == VALUE_DURATION && every.i > 0 ? every.i : SECOND;
	int64_t due = sampler->due, now = fiber->machine->now;

	if (due < now)
		due += (now - due + step - 1) / step * step;
	sampler->due = due + step;
	if (due > now)
		fiber_sleep(fiber, due);
}

/* ---- verdicts ---- */

/* Of a quantity: nanoseconds, bytes, or the number itself; NaN where there is none. */
static double magnitude(struct value v)
{
	switch (v.tag) {
	case VALUE_INT:
	case VALUE_DURATION:
	case VALUE_SIZE:
		return (double)v.i;
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		return v.f;
	default:
		return NAN;
	}
}

static bool operation(enum opcode op, struct value x, struct value y, bool *holds, char *error)
{
	struct value out;

	if (!operate(op, x, y, &out, error))
		return false;
	*holds = value_truthy(out);
	return true;
}

/* Is v at most `share` of `of` away from it? From what has no value nothing is near. */
static bool is_near(struct value v, struct value share, struct value of, bool *holds, char *error)
{
	struct value distance;

	*holds = false;
	if (share.tag != VALUE_PERCENT || of.tag == VALUE_NULL)
		return true;
	if (!operate(INSN_SUBTRACT, v, of, &distance, error))
		return false;
	*holds = fabs(magnitude(distance)) <= share.f * fabs(magnitude(of));
	return true;
}

static bool within_bound(struct fiber *fiber, struct value v, bool *holds, char *error)
{
	struct value low = setting(fiber, THRESHOLD_LOW), high = setting(fiber, THRESHOLD_HIGH);
	bool below = false;

	switch (fiber->sampler->code->bound) {
	case BOUND_NONE:
		return false;
	case BOUND_LESS:
		return operation(INSN_LESS, v, low, holds, error);
	case BOUND_LESS_EQUAL:
		return operation(INSN_LESS_EQUAL, v, low, holds, error);
	case BOUND_GREATER:
		return operation(INSN_GREATER, v, low, holds, error);
	case BOUND_GREATER_EQUAL:
		return operation(INSN_GREATER_EQUAL, v, low, holds, error);
	case BOUND_EQUAL:
		return operation(INSN_EQUAL, v, low, holds, error);
	case BOUND_BETWEEN:
		if (!operation(INSN_GREATER_EQUAL, v, low, holds, error) ||
		    !operation(INSN_LESS_EQUAL, v, high, &below, error))
			return false;
		*holds = *holds && below;
		return true;
	case BOUND_WITHIN:
		return is_near(v, low, high, holds, error);
	}
	return false;
}

char *threshold_bound(enum bound bound, const struct value *settings)
{
	static const char *const signs[] = { [BOUND_LESS] = "<", [BOUND_LESS_EQUAL] = "<=", [BOUND_GREATER] = ">",
					     [BOUND_GREATER_EQUAL] = ">=", [BOUND_EQUAL] = "==" };
	struct value low = value_show(settings[THRESHOLD_LOW], 40), high = value_show(settings[THRESHOLD_HIGH], 40);
	const char *first = value_text_peek(low), *second = value_text_peek(high);
	char *text = bound == BOUND_BETWEEN  ? text_printf("between %s and %s", first, second)
		     : bound == BOUND_WITHIN ? text_printf("within %s of %s", first, second)
					     : text_printf("%s %s", signs[bound], first);

	value_release(low);
	value_release(high);
	return text;
}

/* Consumes data. */
static void tell_of(struct fiber *fiber, const struct threshold_code *code, const char *verdict, struct value v,
		    const char *reason, struct value data)
{
	record_set(&data, "watched", fiber->watched ? value_string(fiber->watched->name) : value_null());
	record_set(&data, "verdict", value_string(verdict));
	record_set(&data, "value", value_copy(v));
	record_set(&data, "measure", value_string(code->measure));
	record_set(&data, "reason", reason ? value_string(reason) : value_null());
	tell(fiber->machine, EVENT_SAMPLE, code->name, fiber, verdict, data, code->span);
}

static void tell_sample(struct fiber *fiber, const char *verdict, struct value v, const char *reason)
{
	struct sampler *sampler = fiber->sampler;
	struct value data;
	uint32_t over = 0;

	if (!journal_wants(fiber->machine->journal, EVENT_SAMPLE))
		return;
	data = record_new(7);
	if (sampler->code->bound != BOUND_NONE) {
		record_set(&data, "bound", value_copy(sampler->bound));
		for (uint32_t i = 0; i < sampler->filled; i++)
			over += sampler->window[i];
		record_set(&data, "over", value_int(over));
	}
	tell_of(fiber, sampler->code, verdict, v, reason, data);
}

void sample_told(struct fiber *fiber, uint32_t number, struct value v)
{
	bool data = v.tag != VALUE_NULL;

	if (v.tag != VALUE_UNKNOWN)
		tell_of(fiber, &fiber->machine->program->thresholds[number], data ? "measured" : "no data", v,
			data ? NULL : EMPTY_ANSWER, record_new(5));
}

static struct failure *breach(struct fiber *fiber, struct value v, const char *what)
{
	struct sampler *sampler = fiber->sampler;

	if (sampler->code->bound == BOUND_NONE)
		return failure_new(fiber, FAILURE_ERROR, "%s has no data: %s", sampler->code->name, what);
	const char *bound = value_text_peek(sampler->bound);
	struct value shown = value_show(v, 40);
	struct failure *failure =
		v.tag == VALUE_NULL
			? failure_new(fiber, FAILURE_BREACH, "%s has no data: %s", sampler->code->name, what)
			: failure_new(fiber, FAILURE_BREACH, "%s is %s, must be %s%s", sampler->code->name,
				      value_text_peek(shown), bound, what);
	failure->at = sampler->code->span;
	failure->detail = record_new(5);
	record_set(&failure->detail, "threshold", value_string(sampler->code->name));
	record_set(&failure->detail, "value", value_copy(v));
	record_set(&failure->detail, "bound", value_copy(sampler->bound));
	record_set(&failure->detail, "action", value_string(sampler->code->action));
	record_set(&failure->detail, "doc", value_string(sampler->code->doc));
	value_release(shown);
	return failure;
}

static void forget(struct sampler *sampler)
{
	sampler->filled = sampler->next = sampler->silent = 0;
	sampler->over_since = -1;
}

/* What the author wants done about a breach, or about missing data; the action goes with what a person is told. Consumes failure. */
static void react(struct fiber *fiber, struct failure *failure, enum on_breach reaction)
{
	const char *action = fiber->sampler->code->action, *message = value_text_peek(failure->message);
	char *text = action ? text_printf("%s (%s)", message, action) : text_printf("%s", message);

	forget(fiber->sampler);
	switch (reaction) {
	case BREACH_WARN:
		tell(fiber->machine, EVENT_WARNING, fiber->step ? fiber->step->id : "", fiber, text, value_null(), failure->at);
		failure_free(failure);
		break;
	case BREACH_ASK:
		ask_to_go_on(fiber, failure, fiber->sampler->code->name, "%s. Go on all the same?", text, fiber_frame(fiber)->pc);
		break;
	case BREACH_ROLLBACK:
		fiber_raise(fiber, failure);
		break;
	}
	free(text);
}

static void judge_no_data(struct fiber *fiber, const char *reason)
{
	struct sampler *sampler = fiber->sampler;
	uint32_t tolerated = positive(setting(fiber, THRESHOLD_TOLERATE), 0);
	enum no_data policy = sampler->code->no_data;

	sampler->silent++;
	tell_sample(fiber, "no data", value_null(), reason);
	if (policy == NO_DATA_OK || (policy == NO_DATA_TOLERATE && sampler->silent <= tolerated))
		return;
	react(fiber, breach(fiber, value_null(), reason), policy == NO_DATA_ASK ? BREACH_ASK : sampler->code->on_breach);
}

static bool breached(struct fiber *fiber, char *what, size_t size)
{
	struct sampler *sampler = fiber->sampler;
	struct value length = setting(fiber, THRESHOLD_FOR);
	uint32_t over = 0;
	char text[48];

	*what = 0;
	if (length.tag == VALUE_DURATION) {
		int64_t since = sampler->over_since < 0 ? 0 : fiber->machine->now - sampler->over_since;
		snprintf(what, size, " (for %s)", duration_text(since, text));
		return sampler->over_since >= 0 && since >= length.i;
	}
	for (uint32_t i = 0; i < sampler->filled; i++)
		over += sampler->window[i];
	if (sampler->size > 1)
		snprintf(what, size, " (%u of the last %u samples)", over, sampler->filled);
	return over >= sampler->needed;
}

static void judge_value(struct fiber *fiber, struct value v, bool holds)
{
	struct sampler *sampler = fiber->sampler;
	char what[80];

	sampler->silent = 0;
	sampler->window[sampler->next] = !holds;
	sampler->next = (sampler->next + 1) % sampler->size;
	if (sampler->filled < sampler->size)
		sampler->filled++;
	if (holds)
		sampler->over_since = -1;
	else if (sampler->over_since < 0)
		sampler->over_since = fiber->machine->now;
	if (holds || !breached(fiber, what, sizeof(what))) {
		tell_sample(fiber, holds ? "ok" : "over", v, NULL);
		return;
	}
	tell_sample(fiber, "breach", v, NULL);
	react(fiber, breach(fiber, v, what), sampler->code->on_breach);
}

/* ---- the median over a window ---- */

static void take(struct fiber *fiber, struct value v)
{
	struct sampler *sampler = fiber->sampler;
	struct value difference;
	char error[256];

	if (isnan(magnitude(v))) {
		judge_no_data(fiber, "the answer is no number");
		return;
	}
	if (sampler->taken_count && !operate(INSN_SUBTRACT, v, sampler->taken[0], &difference, error)) {
		judge_no_data(fiber, error);
		return;
	}
	if (sampler->taken_count == sampler->taken_room) {
		sampler->taken_room = sampler->taken_room ? 2 * sampler->taken_room : 64;
		sampler->taken =
			memory_need(realloc(sampler->taken, sampler->taken_room * sizeof(*sampler->taken)));
	}
	sampler->silent = 0;
	sampler->taken[sampler->taken_count++] = v; /* a number: nothing on the heap */
	tell_sample(fiber, "measured", v, NULL);
}

static int by_magnitude(const void *a, const void *b)
{
	double x = magnitude(*(const struct value *)a), y = magnitude(*(const struct value *)b);

	return (x > y) - (x < y);
}

/* Between the two in the middle, where there are two. */
static struct value median(struct sampler *sampler)
{
	struct value *taken = sampler->taken, sum, half;
	uint32_t count = sampler->taken_count;
	char error[256];

	qsort(taken, count, sizeof(*taken), by_magnitude);
	if (count % 2 || !operate(INSN_ADD, taken[count / 2 - 1], taken[count / 2], &sum, error) ||
	    !operate(INSN_DIVIDE, sum, value_int(2), &half, error))
		return taken[count / 2];
	return half;
}

struct value sampler_median(struct fiber *fiber, struct group *group)
{
	struct machine *machine = fiber->machine;
	struct sampler *sampler = group->children ? group->children->sampler : NULL;
	struct value data, middle;

	if (machine->driver->explores || (sampler && sampler->unknown))
		return value_unknown();
	if (!sampler || !sampler->taken_count)
		return value_null();
	middle = median(sampler);
	data = record_new(3);
	record_set(&data, "watched", value_string(group->children->watched->name));
	record_set(&data, "value", value_copy(middle));
	record_set(&data, "samples", value_int(sampler->taken_count));
	tell(machine, EVENT_BASELINE, sampler->code->name, fiber, "", data, fiber_at(fiber));
	return middle;
}

/* ---- all of it ---- */

static void judge_unknown(struct fiber *fiber)
{
	struct sampler *sampler = fiber->sampler;

	if (sampler->code->bound == BOUND_NONE)
		sampler->unknown = true;
	else
		tell(fiber->machine, EVENT_ASSUMED, sampler->code->name, fiber, sampler->code->measure, value_null(),
		     sampler->code->span);
}

void sampler_judge(struct fiber *fiber, struct value v, const char *no_data_reason)
{
	bool holds = false;
	char error[256];

	if (fiber->machine->driver->explores) {
		value_release(v);
		fiber_end(fiber, NULL);
		return;
	}
	if ((v.tag == VALUE_UNKNOWN && !no_data_reason) || setting(fiber, THRESHOLD_LOW).tag == VALUE_UNKNOWN ||
	    setting(fiber, THRESHOLD_HIGH).tag == VALUE_UNKNOWN)
		judge_unknown(fiber);
	else if (no_data_reason || v.tag == VALUE_NULL || ((v.tag == VALUE_FLOAT || v.tag == VALUE_PERCENT) && isnan(v.f)))
		judge_no_data(fiber, no_data_reason ? no_data_reason : EMPTY_ANSWER);
	else if (fiber->sampler->code->bound == BOUND_NONE)
		take(fiber, v);
	else if (!within_bound(fiber, v, &holds, error))
		judge_no_data(fiber, error);
	else
		judge_value(fiber, v, holds);
	value_release(v);
}
