/*
 * test_machine.c - the promises of the machine, held to every plan of tests/run and every test of plans/.
 *
 * Each plan is compiled, its code verified, and run in simulation. Then it is run again with the world going wrong at
 * every point where it can: a signal before each delivery, and each effect in turn failing, or ending with an unknown
 * outcome. Whatever happens, what was armed is undone exactly once, or kept, or dropped, or reported; and the record
 * of each of these runs, encoded and decoded, replays to the same events.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builtins/tables.h"
#include "cli/params.h"
#include "interp/check.h"
#include "interp/plan_test.h"
#include "tests/promises.h"

#define POINTS_MAX     60 /* injections of a kind per plan: long loops repeat themselves */
#define OWN_POINTS_MAX 6  /* per test of plans/, spread over its run */
#define LONG_RUN       500  /* deliveries of these, where a day's watch is cut off */

struct subject {
	struct compilation *compilation;
	struct program *program;
	char *text;
	const char *path;
	/* Of a plan's own test: */
	const struct node *test;
	struct params params;
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

static long subjects, runs;

static struct promise_run harm_once(const struct subject *subject, enum harm harm, long point)
{
	struct promise_run run = {
		.program = subject->program,
		.text = subject->text,
		.test = subject->test,
		.params = subject->params.values,
		.param_count = subject->params.count,
		.environment = subject->params.environment,
		.harm = harm,
		.point = point,
		.deliveries_max = subject->test ? LONG_RUN : 0,
	};
	char why[2000];
	const char *broken = promises_hold(&run, why, sizeof(why));

	if (broken)
		fail_msg("%s, %s, harm %d at %ld: %s", subject->path,
			 subject->test ? plan_test_title(subject->test) : "the plan", harm, point, broken);
	runs++;
	return run;
}

/* Where the world goes wrong: at every point, at the first ones, or at so many spread over the run. */
static long point(const struct subject *subject, long number, long all, long most)
{
	return all <= most || !subject->test ? number : (2 * number + 1) * all / (2 * most);
}

static void hold_to_promises(const struct subject *subject)
{
	struct promise_run calm = harm_once(subject, HARM_NONE, 0);
	long most = subject->test ? OWN_POINTS_MAX : POINTS_MAX;

	for (long i = 0; i < calm.deliveries && i < most; i++) {
		harm_once(subject, HARM_SIGNAL, point(subject, i, calm.deliveries, most));
		harm_once(subject, HARM_TWO_SIGNALS, point(subject, i, calm.deliveries, most));
	}
	for (long i = 0; i < calm.effects && i < most; i++) {
		harm_once(subject, HARM_FAIL, point(subject, i, calm.effects, most));
		harm_once(subject, HARM_UNKNOWN, point(subject, i, calm.effects, most));
	}
}

/* ---- all plans ---- */

/* A plan that needs params of its own, or waits for ever but for a signal, is only compiled and verified. */
static bool runs_alone(const char *text)
{
	return !strstr(text, "# run: ") && !strstr(text, " hangs");
}


static void verify(const char *path, const struct program *program)
{
	uint32_t function, address;
	const char *wrong = program_verify(program, &function, &address);

	if (wrong)
		fail_msg("%s: %s, function %u at %u", path, wrong, function, address);
}

static void verify_tests(const char *path, struct compilation *compilation)
{
	for (const struct node *test = plan_test_next(compilation, NULL); test;
	     test = plan_test_next(compilation, test)) {
		struct program *program = compile_test(compilation, test);

		assert_non_null(program);
		verify(path, program);
		program_free(program);
	}
}

static void verify_thresholds(const char *path, struct compilation *compilation)
{
	struct program *program = compile_thresholds(compilation);

	assert_non_null(program);
	verify(path, program);
	program_free(program);
}

static void try_plan(const char *path)
{
	struct subject subject = {
		.compilation = compilation_new(&builtin_registry),
		.path = path,
	};

	if (check_plan(subject.compilation, path) && (subject.program = compile_program(subject.compilation))) {
		verify(path, subject.program);
		subject.text = read_file(path);
		if (runs_alone(subject.text))
			hold_to_promises(&subject);
		subjects++;
		free(subject.text);
		/* Last: compiling anew gives the names other places. */
		verify_tests(path, subject.compilation);
		verify_thresholds(path, subject.compilation);
	}
	program_free(subject.program);
	compilation_free(subject.compilation);
}

/* Each test of the plan is a run with params and answers of its own. */
static void try_own_tests(const char *path)
{
	struct compilation *compilation = compilation_new(&builtin_registry);

	assert_true(check_plan(compilation, path));
	for (const struct node *test = plan_test_next(compilation, NULL); test; test = plan_test_next(compilation, test)) {
		struct subject subject = {
			.program = compile_test(compilation, test),
			.text = "",
			.path = path,
			.test = test,
		};

		params_of_test(&subject.params, subject.program, test);
		hold_to_promises(&subject);
		params_free(&subject.params);
		program_free(subject.program);
		subjects++;
	}
	compilation_free(compilation);
}

static void try_folder(const char *folder, void (*try)(const char *path))
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
		try(path);
	}
	closedir(dir);
}

static void test_golden_plans(void **state)
{
	(void)state;
	try_folder("tests/run", try_plan);
	try_folder("tests/plantest", try_plan);
	print_message("%ld plans, %ld runs, each replayed\n", subjects, runs);
	assert_true(subjects > 40 && runs > 500);
}

static void test_plans(void **state)
{
	(void)state;
	subjects = runs = 0;
	try_folder("plans", try_own_tests);
	try_folder("plans/troubleshoot", try_own_tests);
	print_message("%ld tests of plans, %ld runs, each replayed\n", subjects, runs);
	assert_true(subjects > 100 && runs > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_plans),
		cmocka_unit_test(test_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
