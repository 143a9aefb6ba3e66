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
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builtins/tables.h"
#include "interp/check.h"
#include "interp/plan_test.h"
#include "tests/promises.h"

#define POINTS_MAX 60 /* injections of a kind per plan: long loops repeat themselves */

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

static long subjects, runs;

static struct promise_run harm_once(const struct subject *subject, enum harm harm, long point)
{
	struct promise_run run = { .program = subject->program, .text = subject->text, .harm = harm, .point = point };
	char why[2000];
	const char *broken = promises_hold(&run, why, sizeof(why));

	if (broken)
		fail_msg("%s, harm %d at %ld: %s", subject->path, harm, point, broken);
	runs++;
	return run;
}

static long at_most(long n)
{
	return n < POINTS_MAX ? n : POINTS_MAX;
}

static void hold_to_promises(const struct subject *subject)
{
	struct promise_run calm = harm_once(subject, HARM_NONE, 0);

	for (long i = 0; i < at_most(calm.deliveries); i++) {
		harm_once(subject, HARM_SIGNAL, i);
		harm_once(subject, HARM_TWO_SIGNALS, i);
	}
	for (long i = 0; i < at_most(calm.effects); i++) {
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
	struct subject subject = { .compilation = compilation_new(&builtin_registry), .path = path };

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
	try_folder("tests/plantest");
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
