/*
 * test_machine.c - the promises of the machine, held to every plan of tests/run and plans/.
 *
 * Each plan is compiled, its code verified, and run in simulation. Then it is run again with the world going wrong at
 * every point where it can: a signal before each delivery, and each effect in turn failing, or ending with an unknown
 * outcome. Whatever happens, what was armed is undone exactly once, or kept, or dropped, or reported; and the record
 * of each of these runs, encoded and decoded, replays to the same events.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builtins/tables.h"
#include "interp/check.h"
#include "interp/drivers.h"
#include "interp/machine.h"
#include "store/memory.h"

#define POINTS_MAX 60 /* injections of a kind per plan: long loops repeat themselves */

/* ---- a driver that lets the world go wrong at one point ---- */

enum harm { HARM_NONE, HARM_SIGNAL, HARM_TWO_SIGNALS, HARM_FAIL, HARM_UNKNOWN };

struct harmful {
	struct driver base;
	struct driver *inner;
	enum harm harm;
	long point;         /* at which delivery or start */
	long nexts, starts; /* so far */
	char *waiting;      /* id whose answer is replaced */
	struct delivery held;
	int64_t now, wall;
};

static struct harmful *harmful_of(struct driver *driver)
{
	return (struct harmful *)driver;
}

static void harmful_start(struct driver *driver, const struct effect_request *request)
{
	struct harmful *h = harmful_of(driver);

	if ((h->harm == HARM_FAIL || h->harm == HARM_UNKNOWN) && h->starts == h->point)
		h->waiting = strdup(request->id);
	h->starts++;
	h->inner->ops->start(h->inner, request);
}

static void harmful_cancel(struct driver *driver, const char *id)
{
	harmful_of(driver)->inner->ops->cancel(harmful_of(driver)->inner, id);
}

static bool harmful_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct harmful *h = harmful_of(driver);
	bool signal = (h->harm == HARM_SIGNAL && h->nexts == h->point) ||
		      (h->harm == HARM_TWO_SIGNALS && (h->nexts == h->point || h->nexts == h->point + 1));

	h->nexts++;
	if (signal) {
		*out = (struct delivery){ .kind = DELIVERY_SIGNAL, .now = h->now, .wall = h->wall, .signal = SIGINT };
		return true;
	}
	if (!h->inner->ops->next(h->inner, deadline, out))
		return false;
	h->now = out->now;
	h->wall = out->wall;
	if (out->kind == DELIVERY_OUTCOME && h->waiting && !strcmp(out->id, h->waiting)) {
		outcome_release(&out->outcome);
		out->outcome = outcome_failed("harm was done");
		if (h->harm == HARM_UNKNOWN)
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

static bool harmful_given(struct driver *driver, const char *name, const char *id)
{
	struct driver *inner = harmful_of(driver)->inner;

	return inner->ops->given && inner->ops->given(inner, name, id);
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

/* ---- a plan and what its comments say of its runs ---- */

struct subject {
	struct compilation *compilation;
	struct program *program;
	char *text;
	const char *path;
};

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	assert_non_null(file);
	text[fread(text, 1, (1 << 20) - 1, file)] = 0;
	fclose(file);
	return text;
}

static void give(struct driver *simulation, const char *text)
{
	char error[512];

	for (const char *line = text; line && *line == '#'; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strchr(line, '\n');
		if (strncmp(line, "# given: ", 9) || !end)
			continue;
		char *given = strndup(line + 9, (size_t)(end - line - 9));
		if (!simulate_given_text(simulation, given, error, sizeof(error)))
			fail_msg("%s: %s", given, error);
		free(given);
	}
}

/* ---- one run ---- */

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
	case EVENT_FAILED:
		tally->failed = true;
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

struct result {
	int code;
	long nexts, starts;
	struct store *rows;
};

static struct result run(const struct subject *subject, struct driver *driver, struct tally *tally)
{
	struct store *rows = store_memory_new();
	struct journal *journal = journal_new(rows);
	struct machine_options options = {
		.program = subject->program,
		.driver = driver,
		.journal = journal,
		.run_id = "test",
		.operator_name = "tester",
	};

	if (tally)
		journal_observe(journal, see, tally);
	struct machine *machine = machine_new(&options);
	struct result result = { .code = machine_run(machine), .rows = rows };
	machine_free(machine);
	journal_free(journal);
	return result;
}

static struct driver *harmed(const struct subject *subject, enum harm harm, long point)
{
	struct harmful *h = calloc(1, sizeof(*h));

	h->base.ops = &harmful_ops;
	h->base.assumes = true;
	h->inner = simulate_driver_new(&builtin_registry);
	h->harm = harm;
	h->point = point;
	give(h->inner, subject->text);
	return &h->base;
}

static void expect_settled(const struct subject *subject, enum harm harm, long point, int code, const struct tally *tally)
{
	if (tally->unwound_twice)
		fail_msg("%s, harm %d at %ld: a way back was taken twice", subject->path, harm, point);
	if (tally->handler_failures && code != EXIT_INCOMPLETE)
		fail_msg("%s, harm %d at %ld: a handler failed and the exit code is %d", subject->path, harm, point, code);
	if (code == EXIT_INTERNAL || code == EXIT_WAITING)
		fail_msg("%s, harm %d at %ld: exit code %d", subject->path, harm, point, code);
	if (!tally->failed || (harm == HARM_TWO_SIGNALS && code == EXIT_INCOMPLETE))
		return; /* it went well, and the ways back stay on record; or it was stopped on its way back */
	for (size_t i = 0; i < value_length(tally->armed); i++)
		if (record_value_peek(tally->armed, i).i != 1)
			fail_msg("%s, harm %d at %ld: step %s was armed and neither undone, kept nor dropped (exit %d)",
				 subject->path, harm, point, record_key_peek(tally->armed, i), code);
}

/* The record, encoded and decoded, gives the same events again. */
static void expect_replay(const struct subject *subject, enum harm harm, long point, const struct result *first)
{
	struct driver *driver = replay_driver_new(first->rows, NULL);
	struct result second = run(subject, driver, NULL);
	size_t count = first->rows->ops->count(first->rows), length, other_length;

	if (second.code != first->code)
		fail_msg("%s, harm %d at %ld: exit code %d, replayed %d (%s)", subject->path, harm, point, first->code,
			 second.code, replay_problem(driver, &(struct span){ 0 }) ? replay_problem(driver, &(struct span){ 0 }) : "");
	assert_int_equal(count, second.rows->ops->count(second.rows));
	for (size_t i = 0; i < count; i++) {
		const char *row = first->rows->ops->row_peek(first->rows, i, &length);
		const char *other = second.rows->ops->row_peek(second.rows, i, &other_length);
		if (length != other_length || memcmp(row, other, length))
			fail_msg("%s, harm %d at %ld: row %zu\n%s\nreplayed as\n%s", subject->path, harm, point, i, row, other);
	}
	second.rows->ops->free(second.rows);
	driver->ops->free(driver);
}

static long subjects, runs;

static struct result harm_once(const struct subject *subject, enum harm harm, long point)
{
	struct tally tally = { .armed = record_new(8) };

	struct driver *driver = harmed(subject, harm, point);
	struct result result = run(subject, driver, &tally);

	runs++;
	result.nexts = harmful_of(driver)->nexts;
	result.starts = harmful_of(driver)->starts;
	if (harm != HARM_NONE)
		expect_settled(subject, harm, point, result.code, &tally);
	expect_replay(subject, harm, point, &result);
	driver->ops->free(driver);
	value_release(tally.armed);
	result.rows->ops->free(result.rows);
	return result;
}

static long at_most(long n)
{
	return n < POINTS_MAX ? n : POINTS_MAX;
}

static void hold_to_promises(const struct subject *subject)
{
	struct result calm = harm_once(subject, HARM_NONE, 0);

	for (long i = 0; i < at_most(calm.nexts); i++) {
		harm_once(subject, HARM_SIGNAL, i);
		harm_once(subject, HARM_TWO_SIGNALS, i);
	}
	for (long i = 0; i < at_most(calm.starts); i++) {
		harm_once(subject, HARM_FAIL, i);
		harm_once(subject, HARM_UNKNOWN, i);
	}
}

/* ---- all plans ---- */

/* A plan that needs params of its own, or waits for ever but for a signal, is only compiled and verified. */
static bool runs_alone(const char *text)
{
	return !strstr(text, "# run: ") && !strstr(text, " hangs");
}


static void try_plan(const char *path)
{
	struct subject subject = { .compilation = compilation_new(&builtin_registry), .path = path };
	uint32_t function, address;

	if (check_plan(subject.compilation, path) && (subject.program = compile_program(subject.compilation))) {
		const char *wrong = program_verify(subject.program, &function, &address);
		if (wrong)
			fail_msg("%s: %s, function %u at %u", path, wrong, function, address);
		subject.text = read_file(path);
		if (runs_alone(subject.text))
			hold_to_promises(&subject);
		subjects++;
		free(subject.text);
	}
	program_free(subject.program);
	compilation_free(subject.compilation);
}

static void try_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char path[512];

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);
		if (length < 6 || strcmp(entry->d_name + length - 5, ".plan"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		try_plan(path);
	}
	closedir(dir);
}

static void test_golden_plans(void **state)
{
	(void)state;
	try_folder("tests/run");
	print_message("%ld plans, %ld runs, each replayed\n", subjects, runs);
	assert_true(subjects > 40 && runs > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
