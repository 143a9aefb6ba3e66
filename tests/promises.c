/* promises.c - see promises.h. */
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/tables.h"
#include "interp/drivers.h"
#include "interp/machine.h"
#include "interp/plan_test.h"
#include "store/memory.h"
#include "tests/promises.h"

/* ---- a driver that lets the world go wrong at one point ---- */

struct harmful {
	struct driver base;
	struct driver *inner;
	struct promise_run *run; /* says where; its deliveries and effects are counted here */
	char *waiting;           /* id whose answer is replaced */
	int64_t now, wall;
};

static struct harmful *harmful_of(struct driver *driver)
{
	return (struct harmful *)driver;
}

static void harmful_start(struct driver *driver, const struct effect_request *request)
{
	struct harmful *h = harmful_of(driver);
	struct promise_run *run = h->run;

	if ((run->harm == HARM_FAIL || run->harm == HARM_UNKNOWN) && run->effects == run->point)
		h->waiting = strdup(request->id);
	run->effects++;
	h->inner->ops->start(h->inner, request);
}

static void harmful_cancel(struct driver *driver, const char *id)
{
	harmful_of(driver)->inner->ops->cancel(harmful_of(driver)->inner, id);
}

static bool signal_is_due(const struct promise_run *run)
{
	return (run->harm == HARM_SIGNAL && run->deliveries == run->point) ||
	       (run->harm == HARM_TWO_SIGNALS && (run->deliveries == run->point || run->deliveries == run->point + 1));
}

static bool harmful_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct harmful *h = harmful_of(driver);
	struct delivery none = { .kind = DELIVERY_END, .now = h->now, .wall = h->wall };
	bool due = signal_is_due(h->run);

	h->run->cut = h->run->deliveries_max && h->run->deliveries >= h->run->deliveries_max;
	h->run->deliveries++;
	if (due && !h->run->cut) {
		*out = none;
		out->kind = DELIVERY_SIGNAL;
		out->signal = SIGINT;
		return true;
	}
	if (h->run->cut || !h->inner->ops->next(h->inner, deadline, out)) {
		h->run->cut = true;
		*out = none;
		return true;
	}
	h->now = out->now;
	h->wall = out->wall;
	if (out->kind == DELIVERY_OUTCOME && h->waiting && !strcmp(out->id, h->waiting)) {
		outcome_release(&out->outcome);
		out->outcome = outcome_failed("harm was done");
		if (h->run->harm == HARM_UNKNOWN)
			out->outcome.kind = OUTCOME_UNKNOWN;
		free(h->waiting);
		h->waiting = NULL;
	}
	return true;
}

static int64_t harmful_start_wall(struct driver *driver)
{
	struct harmful *h = harmful_of(driver);

	h->wall = h->inner->ops->start_wall(h->inner);
	return h->wall;
}

static bool harmful_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	struct driver *inner = harmful_of(driver)->inner;

	return inner->ops->given && inner->ops->given(inner, name, args, id);
}

static void harmful_free(struct driver *driver)
{
	struct harmful *h = harmful_of(driver);

	free(h->waiting);
	h->inner->ops->free(h->inner);
	free(h);
}

static const struct driver_ops harmful_ops = {
	.name = "simulate",
	.start = harmful_start,
	.cancel = harmful_cancel,
	.next = harmful_next,
	.start_wall = harmful_start_wall,
	.given = harmful_given,
	.free = harmful_free,
};

/* ---- the answers that a plan's text states ---- */

static bool give(struct driver *simulation, const char *text, char *why, size_t size)
{
	char error[512];
	bool ok = true;

	for (const char *line = text; ok && line && *line == '#'; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strchr(line, '\n');
		if (strncmp(line, "# given: ", 9) || !end)
			continue;
		char *given = strndup(line + 9, (size_t)(end - line - 9));
		ok = simulate_given_text(simulation, given, error, sizeof(error));
		if (!ok)
			snprintf(why, size, "%.100s: %s", given, error);
		free(given);
	}
	return ok;
}

/* ---- what is armed, and what becomes of it ---- */

struct tally {
	struct value armed; /* step id -> how often its way back ended */
	long handler_failures;
	bool unwound_twice, failed;
};

static void count_end(struct tally *tally, const char *id)
{
	struct value before = record_peek(tally->armed, id);

	if (before.tag == VALUE_INT && before.i > 0)
		tally->unwound_twice = true;
	record_set(&tally->armed, id, value_int((before.tag == VALUE_INT ? before.i : 0) + 1));
}

static void see(void *context, const struct event *event)
{
	struct tally *tally = context;
	const char *outcome = value_text_peek(record_peek(event->data, "outcome"));

	switch (event->kind) {
	case EVENT_STEP_ARMED:
		record_set(&tally->armed, event->id, value_int(0));
		break;
	case EVENT_STEP_DROPPED:
	case EVENT_STEP_KEPT:
		count_end(tally, event->id);
		break;
	case EVENT_RUN_ENDED: /* what a child plan failed with may have been caught */
		tally->failed = record_peek(event->data, "failure").tag != VALUE_NULL;
		break;
	case EVENT_HANDLER_ENDED:
		if (!strcmp(value_text_peek(record_peek(event->data, "kind")), "rollback"))
			count_end(tally, event->id + 2); /* behind "r:" */
		tally->handler_failures += !strcmp(outcome, "failed") &&
					   !strncmp(value_text_peek(record_peek(event->data, "kind")), "rollback", 8);
		break;
	default:
		break;
	}
}

/* ---- runs ---- */

struct subject {
	const struct promise_run *run;
	struct driver *simulation; /* NULL: a replay, whose answers are on record */
};

static void hold_given(void *context, uint32_t number, const struct value *v)
{
	const struct subject *subject = context;

	if (subject->simulation)
		plan_test_give(subject->simulation, subject->run->test, number, v);
}

/* The record of the run, which the caller frees. */
static struct store *record_run(const struct promise_run *run, struct driver *driver, struct driver *simulation,
				struct tally *tally, int *code)
{
	struct store *rows = store_memory_new();
	struct journal *journal = journal_new(rows);
	struct subject subject = { .run = run, .simulation = simulation };
	struct calls calls = { 0 };
	struct machine_options options = {
		.program = run->program,
		.driver = driver,
		.journal = journal,
		.run_id = "test",
		.operator_name = "tester",
		.environment = run->environment,
		.params = run->params,
		.param_count = run->param_count,
		.calls = run->test ? &calls : NULL,
		.given = hold_given,
		.context = &subject,
	};

	if (tally)
		journal_observe(journal, see, tally);
	struct machine *machine = machine_new(&options);
	*code = machine_run(machine);
	machine_free(machine);
	journal_free(journal);
	calls_free(&calls);
	return rows;
}

static const char *settled(const struct promise_run *run, const struct tally *tally, char *why, size_t size)
{
	if (run->cut)
		return NULL;
	if (tally->unwound_twice)
		return "a way back was taken twice";
	if (tally->handler_failures && run->code != EXIT_INCOMPLETE)
		return snprintf(why, size, "a handler failed and the exit code is %d", run->code), why;
	if (run->code == EXIT_INTERNAL || run->code == EXIT_WAITING)
		return snprintf(why, size, "exit code %d", run->code), why;
	if (!tally->failed || (run->harm == HARM_TWO_SIGNALS && run->code == EXIT_INCOMPLETE))
		return NULL; /* it went well, and the ways back stay on record; or it was stopped on its way back */
	for (size_t i = 0; i < value_length(tally->armed); i++)
		if (record_value_peek(tally->armed, i).i != 1)
			return snprintf(why, size, "step %s was armed and neither undone, kept nor dropped (exit %d)",
					record_key_peek(tally->armed, i), run->code),
			       why;
	return NULL;
}

/* The record, encoded and decoded, gives the same events again. */
static const char *replays(const struct promise_run *run, struct store *first, char *why, size_t size)
{
	struct driver *driver = replay_driver_new(first);
	int code;
	struct store *second = record_run(run, driver, NULL, NULL, &code);
	size_t count = first->ops->count(first), length, other_length;
	const char *broken = NULL;
	struct span at;

	if (code != run->code || second->ops->count(second) != count)
		broken = (snprintf(why, size, "exit code %d, replayed %d (%s)", run->code, code,
				   replay_problem(driver, &at) ? replay_problem(driver, &at) : "rows missing"),
			  why);
	for (size_t i = 0; i < count && !broken; i++) {
		const char *row = first->ops->row_peek(first, i, &length);
		const char *other = second->ops->row_peek(second, i, &other_length);
		if (length != other_length || memcmp(row, other, length))
			broken = (snprintf(why, size, "row %zu\n%s\nreplayed as\n%s", i, row, other), why);
	}
	second->ops->free(second);
	driver->ops->free(driver);
	return broken;
}

const char *promises_hold(struct promise_run *run, char *why, size_t size)
{
	struct tally tally = { .armed = record_new(8) };
	struct harmful *h = calloc(1, sizeof(*h));
	const char *broken = why;

	h->base.ops = &harmful_ops;
	h->base.assumes = true;
	h->inner = simulate_driver_new(&builtin_registry);
	h->run = run;
	run->deliveries = run->effects = 0;
	if (give(h->inner, run->text, why, size)) {
		struct store *rows = record_run(run, &h->base, h->inner, &tally, &run->code);
		broken = run->harm == HARM_NONE ? NULL : settled(run, &tally, why, size);
		if (!broken)
			broken = replays(run, rows, why, size);
		rows->ops->free(rows);
	}
	harmful_free(&h->base);
	value_release(tally.armed);
	return broken;
}
