/*
 * crash_main.c - every plan's tests run in simulation, killed at every change, and resumed.
 *
 *     crash [--seed N] [--sample N] [--long] [--verbose] PLAN...
 *
 * Each test of a plan (and each golden plan with its givens) is a run. It is run calmly first; then once more
 * for each moment around each of its changes, the process dying there, and for 50 sampled moments of its
 * reads; then it is resumed, by a new machine over what was on record. The same for the run with an effect
 * that fails (so that it goes back), with a second death during the resume, for a run that a second signal
 * stopped, and for one that is undone after its end.
 * `--sample N`: only every N-th of these cases, begun at the seed. Runs of a whole day are left out but with
 * --long.
 *
 * Gate: see world.h and judge() below.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/tables.h"
#include "cli/params.h"
#include "interp/check.h"
#include "interp/plan_test.h"
#include "tests/torture/world.h"

#define READS_SAMPLED	50
#define HARMS_MAX	40   /* effects that fail in turn, per run */
#define DELIVERIES_MAX	5000 /* of a run that is not left out; with --long: */
#define DELIVERIES_LONG 500000
#define PROCESSES_MAX	6
#define BROKEN_SHOWN	20

struct subject {
	const char *path;
	const struct program *program;
	const struct node *test; /* or NULL: */
	const char *text;	 /* of a golden plan, for its givens */
	struct params params;
	char title[200];
};

/* One process of a run, as it was seen. */
struct process {
	struct subject *subject;
	struct world *world;
	struct driver *driver;
	struct journal *journal;
	struct calls calls;
	uint32_t givens;
	uint64_t hash;	    /* of all events */
	struct value armed; /* step id -> 0: armed, 1: undone or dropped, 2: kept */
	bool resumed, twice, failed, unfinished;
	int handler_failures;
	int64_t armed_at_end;
	int code;
};

enum plan_of_case { CASE_RUN, CASE_STOPPED, CASE_UNDONE, CASE_KINDS };
static const char *const case_names[CASE_KINDS] = {"run", "stopped by a second signal",
						   "undone after its end"};

struct totals {
	long subjects, calm, cases, deaths, moments[MOMENT_KINDS], handler_deaths, second_deaths, repeated,
	    probed, asked, renewed, doubt_rollbacks, stays, broken, compared, other_course, lost, left_out,
	    kinds[CASE_KINDS];
};

static struct totals totals;
static uint64_t seed = 1;
static long sample = 1, counter;
static bool verbose, longer;

static uint64_t random_next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* ---- one process ---- */

static void count_end(struct process *process, const char *id)
{
	process->twice |= record_peek(process->armed, id).i == 1;
	record_set(&process->armed, id, value_int(1));
}

static void hash_text(struct process *process, const char *text)
{
	for (; *text; text++)
		process->hash = (process->hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
	process->hash = (process->hash ^ 0xff) * UINT64_C(1099511628211);
}

static void observe(void *context, const struct event *event)
{
	struct process *process = context;
	struct value kind = record_peek(event->data, "kind");

	hash_text(process, event_name(event->kind));
	hash_text(process, event->id);
	hash_text(process, event->step);
	hash_text(process, event->text);
	process->hash += (uint64_t)event->now * 31 + (uint64_t)event->wall * 17;
	switch (event->kind) {
	case EVENT_EFFECT_ENDED: /* a secret in the answer of what happened is never on record */
		process->world->lost += strstr(event->text, "needs a secret that was answered before") != NULL;
		break;
	case EVENT_STEP_ARMED:
		record_set(&process->armed, event->id, value_int(0));
		break;
	case EVENT_STEP_KEPT: /* it may still be dropped */
		record_set(&process->armed, event->id, value_int(2));
		break;
	case EVENT_STEP_DROPPED:
		count_end(process, event->id);
		break;
	case EVENT_RUN_ENDED:
		process->failed = record_peek(event->data, "failure").tag != VALUE_NULL;
		process->unfinished = value_truthy(record_peek(event->data, "unfinished"));
		process->armed_at_end = record_peek(event->data, "armed").i;
		break;
	case EVENT_HANDLER_ENDED:
		if (strcmp(value_text_peek(kind), "rollback") == 0) {
			count_end(process, event->id + 2);
			process->handler_failures +=
			    strcmp(value_text_peek(record_peek(event->data, "outcome")), "failed") == 0;
		}
		break;
	default:
		break;
	}
}

static void prepare(void *context, const struct event *event)
{
	struct process *process = context;

	world_see(process->world, event, journal_replays(process->journal));
}

static void hold_given(void *context, uint32_t number, const struct value *v)
{
	struct process *process = context;

	/* The world is asked for once what each process of the run states. */
	if (number >= process->world->givens) {
		plan_test_give(process->world->oracle, process->subject->test, number, v);
		process->world->givens = number + 1;
	}
}

static void run_machine(struct process *process, struct driver *driver)
{
	struct machine_options options = {
	    .program = process->subject->program,
	    .driver = driver,
	    .journal = process->journal,
	    .run_id = "torture",
	    .environment = process->subject->params.environment,
	    .operator_name = "operator",
	    .params = process->subject->params.values,
	    .param_count = process->subject->params.count,
	    .calls = &process->calls,
	    .given = hold_given,
	    .context = process,
	};
	struct machine *machine;

	journal_observe(process->journal, observe, process);
	machine = machine_new(&options);
	process->code = machine_run(machine);
	machine_free(machine);
	calls_free(&process->calls);
}

static void process_free(struct process *process)
{
	journal_free(process->journal);
	if (process->driver)
		process->driver->ops->free(process->driver);
	value_release(process->armed);
	*process = (struct process){0};
}

static void process_begin(struct process *process, struct subject *subject, struct world *world)
{
	*process = (struct process){.subject = subject, .world = world, .armed = record_new(8)};
	process->driver = world_driver_new(world);
	process->journal = journal_new(world->rows);
	journal_prepare(process->journal, prepare, process);
	run_machine(process, process->driver);
}

static enum doubt nobody_there(void *context, struct driver *resume, const struct effect_request *request, const char *why)
{
	(void)context;
	(void)resume;
	(void)request;
	(void)why;
	return DOUBT_STAYS;
}

static void process_resume(struct process *process, struct subject *subject, struct world *world,
			   enum resuming kind, bool nobody)
{
	struct value data = record_new(1);
	struct resume_options options = {
	    .kind = kind, .data = data, .decide = nobody ? nobody_there : world_decide, .context = world};

	record_set(&data, "operator", value_string("operator"));
	options.data = data;
	*process = (struct process){.subject = subject, .world = world, .armed = record_new(8)};
	process->resumed = true;
	process->driver = resume_driver_new(world->rows, world_driver_new(world), &options);
	process->journal = journal_replayed_new(world->rows);
	journal_prepare(process->journal, prepare, process);
	run_machine(process, process->driver);
	value_release(data);
}

/* ---- what must hold ---- */

struct torture {
	struct subject *subject;
	enum plan_of_case kind;
	struct world *calm;
	int calm_code;
	long death, second; /* moments; -1: none */
	long signal;
	bool all_rows, nobody;
};

static void broken(const struct torture *torture, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void broken(const struct torture *torture, const char *format, ...)
{
	va_list list;

	if (++totals.broken > BROKEN_SHOWN)
		return;
	va_start(list, format);
	printf("BROKEN %s: %s (%s; fail %ld, death %ld, second %ld, signal %ld%s%s): ",
	       torture->subject->path, torture->subject->title, case_names[torture->kind],
	       torture->calm ? torture->calm->fail : -1, torture->death, torture->second, torture->signal,
	       torture->all_rows ? ", all rows" : "", torture->nobody ? ", nobody there" : "");
	vprintf(format, list);
	printf("\n");
	va_end(list);
	fflush(stdout);
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(value_text_peek(*(const struct value *)a), value_text_peek(*(const struct value *)b));
}

static void sort_list(struct value *list)
{
	qsort(list->list->items, list->list->count, sizeof(struct value), compare_texts);
}

static void print_deeds(const char *what, struct value deeds)
{
	printf("  %s:\n", what);
	for (size_t i = 0; i < value_length(deeds); i++)
		printf("    %s\n", value_text_peek(list_peek(deeds, i)));
}

/* The ledger equals the calm run's: in order, where nothing ran side by side. */
static void compare_ledgers(const struct torture *torture, struct world *world)
{
	struct value deeds = world_deeds(world), calm = world_deeds(torture->calm);

	totals.compared++;
	if (torture->calm->side_by_side || world->side_by_side) {
		sort_list(&deeds);
		sort_list(&calm);
	}
	if (!value_equal(deeds, calm) && world->lost) {
		totals.other_course++; /* the answer of what happened is not known any more, and the plan asks
					  for it */
	} else if (!value_equal(deeds, calm)) {
		broken(torture, "the ledger is another than the calm run's");
		if (totals.broken <= BROKEN_SHOWN) {
			print_deeds("calm", calm);
			print_deeds("resumed", deeds);
		}
	}
	value_release(deeds);
	value_release(calm);
}

static void every_way_back_once(const struct torture *torture, const struct process *process)
{
	if (process->twice)
		broken(torture, "a way back was taken twice");
	if (!process->failed || process->code == EXIT_INCOMPLETE)
		return;
	for (size_t i = 0; i < value_length(process->armed); i++)
		if (record_value_peek(process->armed, i).i == 0)
			broken(torture, "step %s was armed and neither undone, kept nor dropped (exit %d)",
			       record_key_peek(process->armed, i), process->code);
}

/* The whole record, with all its resumptions, replays to the same events. */
static void replays(const struct torture *torture, const struct process *last)
{
	struct process again = {.subject = torture->subject, .world = last->world, .armed = record_new(8)};
	struct span at;

	again.driver = replay_driver_new(last->world->rows);
	again.journal = journal_new(NULL);
	run_machine(&again, again.driver);
	if (replay_problem(again.driver, &at))
		broken(torture, "the record does not replay: %s", replay_problem(again.driver, &at));
	else if (again.code != last->code || again.hash != last->hash)
		broken(torture, "the record replays to another run (exit %d, was %d)", again.code,
		       last->code);
	process_free(&again);
}

static void judge(const struct torture *torture, struct process *last, bool same_course)
{
	struct world *world = last->world;

	if (world->wrong[0])
		broken(torture, "%s", world->wrong);
	if (world->cut)
		return; /* it waits for what never comes, as the calm run does */
	if (last->code == EXIT_INTERNAL || last->code == EXIT_WAITING)
		broken(torture, "exit code %d", last->code);
	if (last->unfinished)
		broken(torture, "it has stopped on its way (exit code %d)", last->code);
	if (torture->kind != CASE_UNDONE)
		every_way_back_once(torture, last);
	replays(torture, last);
	if (torture->kind == CASE_STOPPED || world->doubt_rollbacks || !same_course)
		return;
	if (last->code != torture->calm_code && !world->lost)
		broken(torture, "exit code %d, the calm run's is %d", last->code, torture->calm_code);
	compare_ledgers(torture, world);
}

/* ---- one case ---- */

enum record { RECORD_NONE, RECORD_OPEN, RECORD_ENDED };

static enum record record_state(struct world *world)
{
	size_t count = world->rows->ops->count(world->rows);
	enum record state = count ? RECORD_OPEN : RECORD_NONE;
	struct event event;

	if (count && store_event(world->rows, count - 1, &event)) {
		if (event.kind == EVENT_RUN_ENDED && !value_truthy(record_peek(event.data, "unfinished")))
			state = RECORD_ENDED;
		event_free(&event);
	}
	return state;
}

static void give_text(struct world *world, const char *text)
{
	char error[512];

	for (const char *line = text; line && *line == '#';
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *end = strchr(line, '\n');
		char *given;

		if (strncmp(line, "# given: ", 9) != 0 || !end)
			continue;
		given = strndup(line + 9, (size_t)(end - line - 9));
		if (!simulate_given_text(world->oracle, given, error, sizeof(error)))
			printf("%s: %s\n", given, error);
		free(given);
	}
}

static void world_make(struct world *world, struct subject *subject, struct world *like, uint64_t luck)
{
	world_init(world, like, &builtin_registry);
	world->seed = luck;
	world->probes_know = luck % 4 != 0;
	world->deliveries_max = longer ? DELIVERIES_LONG : DELIVERIES_MAX;
	if (!subject->test)
		give_text(world, subject->text);
}

static void say_problem(const struct torture *torture, const struct process *process)
{
	struct span at = {0};
	const char *problem = process->resumed ? resume_problem(process->driver, &at) : NULL;

	if (problem)
		broken(torture, "the resume stops: %s", problem);
	else if (journal_differs(process->journal))
		broken(torture, "row %zu of the record is not what the resume does there",
		       journal_differs(process->journal));
}

/* One that waits for a person who is not there must have changed nothing, its record included. */
static void nobody_answers(struct torture *torture, struct world *world, enum resuming kind)
{
	size_t rows = world->durable, deeds = value_length(world->ledger);
	struct process process;

	process_resume(&process, torture->subject, world, kind, true);
	if (resume_waits(process.driver)) {
		totals.stays++;
		if (world->durable != rows || value_length(world->ledger) != deeds)
			broken(torture, "it waits for a person, and something was changed");
	} else {
		torture->nobody = false; /* nothing was in doubt: that was the resume */
	}
	process_free(&process);
}

/* Processes until the run has ended; the last one is left in *process. */
static void resume_to_the_end(struct torture *torture, struct world *world, struct process *process,
			      enum resuming kind)
{
	uint64_t luck = world->seed;
	int count = 0;
	enum record state;

	while (world->dead && ++count < PROCESSES_MAX) {
		bool undoing = process->driver && torture->kind == CASE_UNDONE;

		totals.deaths++;
		process_free(process);
		world_next_process(world);
		state = record_state(world);
		if (state == RECORD_NONE && value_length(world->ledger))
			broken(torture, "something was changed, and nothing is on record");
		if (state == RECORD_ENDED && !undoing)
			return; /* there is nothing to go on with */
		if (count == 1 && torture->second >= 0) {
			world->death = torture->second;
		} else if (count > 1 && luck % 3 == 0 && count < PROCESSES_MAX - 2) {
			world->death = (long)(random_next(&luck) % 20);
		}
		if (state == RECORD_NONE)
			process_begin(process, torture->subject, world);
		else
			process_resume(process, torture->subject, world,
				       state == RECORD_ENDED ? RESUME_ROLLBACK : RESUME_RUN, false);
		if (!world->dead)
			say_problem(torture, process);
		else if (count == 1)
			totals.second_deaths++;
	}
	(void)kind;
}

static void add_up(const struct world *world)
{
	totals.repeated += world->repeated;
	totals.probed += world->probed;
	totals.asked += world->asked;
	totals.renewed += world->renewed;
	totals.doubt_rollbacks += world->doubt_rollbacks;
	totals.lost += world->lost;
}

static void kill_once(struct torture *torture, const struct moment_seen *seen)
{
	struct process process;
	struct world world;

	totals.cases++;
	totals.kinds[torture->kind]++;
	totals.moments[seen->moment]++;
	totals.handler_deaths += seen->handler;
	world_make(&world, torture->subject, torture->calm, seed * 1000003 + (uint64_t)totals.cases);
	world.death = torture->death;
	world.all_rows = torture->all_rows;
	process_begin(&process, torture->subject, &world);
	if (!world.dead)
		broken(torture, "it was not at that moment a second time");
	if (torture->nobody && world.dead) {
		process_free(&process);
		world_next_process(&world);
		if (record_state(&world) == RECORD_OPEN)
			nobody_answers(torture, &world, RESUME_RUN);
		world.dead = torture->nobody; /* else it has been resumed */
		torture->nobody = false;
		if (world.dead)
			resume_to_the_end(torture, &world, &process, RESUME_RUN);
		if (process.driver)
			judge(torture, &process, true);
	} else {
		resume_to_the_end(torture, &world, &process, RESUME_RUN);
		if (process.driver)
			judge(torture, &process, true);
	}
	add_up(&world);
	process_free(&process);
	world_free(&world);
}

static bool chosen(void)
{
	return (counter++ + (long)seed) % sample == 0;
}

/* Every moment of every change, and a sample of the others. */
static void kill_everywhere(struct subject *subject, struct world *calm, int code, bool handlers_only)
{
	long others = 0, step;
	uint64_t luck = seed + (uint64_t)totals.calm;

	for (long i = 0; i < calm->moment_count; i++)
		others += !calm->moments[i].change;
	step = others / READS_SAMPLED + 1;
	for (long i = 0, other = 0; i < calm->moment_count; i++) {
		const struct moment_seen *seen = &calm->moments[i];
		struct torture torture = {subject, CASE_RUN, calm, code, i, -1, -1, false, false};

		if (handlers_only && !seen->handler)
			continue;
		if (!seen->change && other++ % step != (long)(seed % (uint64_t)step))
			continue;
		torture.all_rows = random_next(&luck) % 2;
		torture.nobody = random_next(&luck) % 8 == 0;
		if (chosen())
			kill_once(&torture, seen);
		torture.second = (long)(random_next(&luck) % 12);
		torture.all_rows = !torture.all_rows;
		torture.nobody = false;
		if (chosen())
			kill_once(&torture, seen);
	}
}

/* A run whose process a second signal has stopped; then it is killed as well while it goes on. */
static void stop_once(struct subject *subject, struct world *calm, int code, long at, long second)
{
	struct torture torture = {subject, CASE_STOPPED, calm, code, -1, second, at, false, false};
	struct process process;
	struct world world;

	totals.cases++;
	totals.kinds[CASE_STOPPED]++;
	world_make(&world, subject, calm, seed * 77 + (uint64_t)totals.cases);
	world.signal = at;
	world.two_signals = true;
	process_begin(&process, subject, &world);
	if (process.unfinished) {
		world.dead = true;
		resume_to_the_end(&torture, &world, &process, RESUME_RUN);
	}
	if (process.driver)
		judge(&torture, &process, false);
	add_up(&world);
	process_free(&process);
	world_free(&world);
}

static void stop_everywhere(struct subject *subject, struct world *calm, int code)
{
	uint64_t luck = seed + 7;
	long step = calm->deliveries / 60 + 1;

	for (long i = 0; i < calm->deliveries; i += step) {
		if (chosen())
			stop_once(subject, calm, code, i, -1);
		if (chosen())
			stop_once(subject, calm, code, i, (long)(random_next(&luck) % 10));
	}
}

/* ---- undone after its end ---- */

/* To its end, and then back; death: a moment of the way back. */
static int undo(struct torture *torture, struct world *world, struct process *process, long death)
{
	process_begin(process, torture->subject, world);
	if (process->unfinished || process->failed || !process->armed_at_end) {
		process_free(process);
		return -1;
	}
	process_free(process);
	world_next_process(world);
	world->death = death;
	process_resume(process, torture->subject, world, RESUME_ROLLBACK, false);
	if (!world->dead)
		say_problem(torture, process);
	return process->code;
}

static void undo_once(struct subject *subject, struct world *calm, int code, long death, long second)
{
	struct torture torture = {subject, CASE_UNDONE, calm, code, death, second, -1, false, false};
	struct process process;
	struct world world;

	totals.cases++;
	totals.kinds[CASE_UNDONE]++;
	world_make(&world, subject, calm, seed * 99 + (uint64_t)totals.cases);
	if (undo(&torture, &world, &process, death) >= 0) {
		resume_to_the_end(&torture, &world, &process, RESUME_ROLLBACK);
		if (process.driver)
			judge(&torture, &process, true);
		process_free(&process);
	}
	add_up(&world);
	world_free(&world);
}

static void undo_everywhere(struct subject *subject, struct world *first)
{
	struct torture torture = {subject, CASE_UNDONE, first, 0, -1, -1, -1, false, false};
	uint64_t luck = seed + 3;
	struct process process;
	struct world calm;
	int code;

	world_make(&calm, subject, first, seed);
	code = undo(&torture, &calm, &process, -1);
	if (code >= 0) {
		process_free(&process);
		for (long i = 0; i < calm.moment_count; i++) {
			if (chosen())
				undo_once(subject, &calm, code, i, -1);
			if (chosen())
				undo_once(subject, &calm, code, i, (long)(random_next(&luck) % 8));
		}
	}
	world_free(&calm);
}

/* ---- one run, and with harm ---- */

static void calm_run(struct subject *subject, struct world *world, long fail, int *code)
{
	struct process process;

	totals.calm++;
	world_make(world, subject, NULL, seed);
	world->fail = fail;
	process_begin(&process, subject, world);
	*code = process.code;
	process_free(&process);
}

static void torture_subject(struct subject *subject)
{
	struct world calm, harmed;
	long effects, before = totals.cases;
	int code;

	totals.subjects++;
	calm_run(subject, &calm, -1, &code);
	if (calm.deliveries >= calm.deliveries_max) {
		totals.left_out++;
		world_free(&calm);
		return;
	}
	effects = calm.started;
	kill_everywhere(subject, &calm, code, false);
	stop_everywhere(subject, &calm, code);
	undo_everywhere(subject, &calm);
	for (long fail = 0, step = effects / HARMS_MAX + 1; fail < effects; fail += step) {
		int harmed_code;

		if (sample > 8 && chosen() == false && fail % 3)
			continue;
		calm_run(subject, &harmed, fail, &harmed_code);
		kill_everywhere(subject, &harmed, harmed_code, true);
		world_free(&harmed);
	}
	if (verbose)
		printf("%s: %s: %ld effects, exit code %d%s, %ld cases\n", subject->path, subject->title,
		       effects, code, calm.cut ? " (waits for ever)" : "", totals.cases - before);
	world_free(&calm);
}

/* ---- plans ---- */

static char *read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, 1 << 20);

	if (!file || !text) {
		perror(path);
		exit(2);
	}
	text[fread(text, 1, (1 << 20) - 1, file)] = 0;
	fclose(file);
	return text;
}

static void torture_tests(struct compilation *compilation, const char *path)
{
	for (const struct node *test = plan_test_next(compilation, NULL); test;
	     test = plan_test_next(compilation, test)) {
		struct program *program = compile_test(compilation, test);
		struct subject subject = {.path = path, .program = program, .test = test};

		if (!program)
			continue;
		snprintf(subject.title, sizeof(subject.title), "%s", plan_test_title(test));
		params_of_test(&subject.params, program, test);
		torture_subject(&subject);
		params_free(&subject.params);
		program_free(program);
	}
}

/* A plan that needs params of its own, or waits for ever but for a signal, does not run alone. */
static void torture_plan(const char *path)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	char *text = read_file(path);

	if (check_plan(compilation, path)) {
		if (!plan_test_next(compilation, NULL) && !strstr(text, "# run: ") &&
		    !strstr(text, " hangs")) {
			struct subject subject = {
			    .path = path, .text = text, .program = compile_program(compilation)};

			if (subject.program)
				torture_subject(&subject);
			program_free((struct program *)subject.program);
		} else {
			torture_tests(compilation, path);
		}
	}
	compilation_free(compilation);
	free(text);
}

static void print_totals(double seconds)
{
	printf("crash and resume, seed %llu, every %s case:\n", (unsigned long long)seed,
	       sample == 1 ? "" : "n-th");
	printf("  runs %ld (with an effect that fails: %ld more), cases %ld in %.1f s\n", totals.subjects,
	       totals.calm - totals.subjects, totals.cases, seconds);
	printf("  processes killed %ld, of them in a resume %ld, in a handler %ld\n", totals.deaths,
	       totals.second_deaths, totals.handler_deaths);
	printf("  killed before the intent %ld, after it %ld, after the effect %ld, after the outcome %ld, "
	       "elsewhere %ld\n",
	       totals.moments[MOMENT_ASKED], totals.moments[MOMENT_STARTED], totals.moments[MOMENT_HAPPENED],
	       totals.moments[MOMENT_ON_RECORD], totals.moments[MOMENT_OTHER]);
	printf("  cases stopped by a second signal %ld, undone after the end %ld\n",
	       totals.kinds[CASE_STOPPED], totals.kinds[CASE_UNDONE]);
	printf("  in doubt: settled by a probe %ld, by a person %ld, repeated without harm %ld; waited for "
	       "nobody %ld\n",
	       totals.probed, totals.asked, totals.repeated, totals.stays);
	printf("  ledgers compared %ld; answers of what had happened lost %ld, after which %ld ledgers are "
	       "others\n",
	       totals.compared, totals.lost, totals.other_course);
	printf("  runs of more than %d answers, left out: %ld\n", longer ? DELIVERIES_LONG : DELIVERIES_MAX,
	       totals.left_out);
}

int main(int argc, char **argv)
{
	struct timespec from, to;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			seed = strtoull(argv[++i], NULL, 10);
		else if (strcmp(argv[i], "--sample") == 0 && i + 1 < argc)
			sample = atol(argv[++i]);
		else if (strcmp(argv[i], "--long") == 0)
			longer = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else
			return fprintf(stderr,
				       "usage: crash [--seed N] [--sample N] [--long] [--verbose] PLAN...\n"),
			       2;
	}
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (; i < argc; i++)
		torture_plan(argv[i]);
	clock_gettime(CLOCK_MONOTONIC, &to);
	print_totals((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	printf("%ld passed, %ld failed\n", totals.cases - totals.broken, totals.broken);
	return totals.broken != 0 || totals.cases == 0;
}
