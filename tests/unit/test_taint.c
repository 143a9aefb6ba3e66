/*
 * test_taint.c - what is made of a secret is one: each pure row of the builtin table, and each operation of
 * the language.
 *
 * An expression is compiled as it stands, and then one constant of the program after the other is a secret.
 * What the expression gives goes to a command's environment, where it must be marked. A row's expression is
 * its example: a new row is covered without a line here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "builtins/tables.h"
#include "interp/check.h"
#include "interp/compile.h"
#include "interp/drivers.h"
#include "interp/machine.h"

static char plan_text[4000];

static char *read_plan(void *context, const char *path, size_t *length, char *error, size_t size)
{
	(void)context;
	(void)path;
	(void)error;
	(void)size;
	*length = strlen(plan_text);
	return strdup(plan_text);
}

static struct program *compiled(struct compilation **compilation, const char *before, const char *expression)
{
	snprintf(plan_text, sizeof(plan_text),
		 "plan \"p\" { }\n%s\nstep \"s\" {\n  let answer = %s\n"
		 "  exec([\"command\"], env: { A: \"${answer}\" })\n  rollback none \"a test\"\n}\n",
		 before, expression);
	*compilation = compilation_new(&builtin_registry);
	if (!check_plan_from(*compilation, "taint.plan", read_plan, NULL)) {
		diag_print(stderr, (*compilation)->diags, (*compilation)->sources, false);
		fail_msg("does not check: %s", plan_text);
	}
	return compile_program(*compilation);
}

/* What the command was given. */
struct seen {
	bool called, secret;
	int code;
};

static struct seen run(const struct program *program)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct journal *journal = journal_new(NULL);
	struct calls calls = {0};
	struct machine_options options = {.program = program,
					  .driver = driver,
					  .journal = journal,
					  .run_id = "taint",
					  .operator_name = "tester",
					  .calls = &calls};
	struct machine *machine = machine_new(&options);
	struct seen given = {.code = machine_run(machine)};
	size_t i, k;

	for (i = 0; i < calls.count; i++)
		if (calls.items[i].builtin && strcmp(calls.items[i].builtin->name, "exec") == 0) {
			given.called = true;
			for (k = 0; k < value_length(calls.items[i].args); k++)
				given.secret |= value_is_secret(list_peek(calls.items[i].args, k));
		}
	calls_free(&calls);
	machine_free(machine);
	journal_free(journal);
	driver->ops->free(driver);
	return given;
}

static bool of_the_frame(struct value constant, const struct program *frame)
{
	const struct function *course = &frame->functions[0];

	for (uint32_t i = 0; i < course->constant_count; i++)
		if (constant.tag == course->constants[i].tag && value_equal(constant, course->constants[i]))
			return true;
	return false;
}

static int problems;

/* `least`: so many constants must have made it a secret. */
static void hold(const char *name, const char *before, const char *expression, bool expected, int least)
{
	struct compilation *bare, *compilation;
	struct program *frame = compiled(&bare, "", "null"),
		       *program = compiled(&compilation, before, expression);
	struct seen given = run(program);
	uint32_t i;
	int marked = 0;

	if (!given.called || given.secret) {
		fprintf(stderr, "%s: %s, with no secret: %s\n", name, expression,
			given.called ? "a secret" : "did not run");
		problems++;
	}
	for (i = 0; i < program->functions[0].constant_count; i++) {
		struct value *constant = &program->functions[0].constants[i];

		if (constant->tag <= VALUE_BOOL || of_the_frame(*constant, frame))
			continue;
		constant->flags |= VALUE_SECRET;
		given = run(program);
		constant->flags &= (uint8_t)~VALUE_SECRET;
		if (!given.called || (expected && !given.secret)) {
			struct value shown = value_show(*constant, 60);

			fprintf(stderr, "%s: %s is %s with the secret %s\n", name, expression,
				given.called ? "no secret" : "not reached", value_text_peek(shown));
			value_release(shown);
			problems++;
		}
		if (!expected && given.secret) {
			fprintf(stderr, "%s: %s is a secret\n", name, expression);
			problems++;
		}
		marked++;
	}
	if (marked < least) {
		fprintf(stderr, "%s: only %d constants in %s\n", name, marked, expression);
		problems++;
	}
	program_free(program);
	program_free(frame);
	compilation_free(compilation);
	compilation_free(bare);
}

/* Examples that hold more than the call. */
static const char *call_of(const struct builtin *row)
{
	static const char *const calls[][2] = {{"pg.name", "pg.name(\"old_users\")"},
					       {"text.number", "text.number(\"42\\n\")"}};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strcmp(calls[i][0], row->name) == 0)
			return calls[i][1];
	return row->example;
}

static void test_rows(void **state)
{
	size_t t, r;
	int rows = 0;

	(void)state;
	problems = 0;
	for (t = 0; t < builtin_registry.table_count; t++)
		for (r = 0; r < builtin_registry.tables[t]->row_count; r++) {
			const struct builtin *row = &builtin_registry.tables[t]->rows[r];

			if (row->effect != EFFECT_PURE || row->flags & BUILTIN_INTERNAL)
				continue;
			hold(row->name, "", call_of(row), true, 1);
			rows++;
		}
	assert_true(rows > 40);
	assert_int_equal(problems, 0);
}

static void test_operations(void **state)
{
	static const struct {
		const char *expression;
		int least;
	} derived[] = {
	    {"\"first text\" + \"other text\"", 2},
	    {"[\"first text\"] + [\"other text\"]", 2},
	    {"41000001 + 1000002", 2},
	    {"41000001 - 1000002", 2},
	    {"41000001 * 1000002", 2},
	    {"41000001 / 1000002", 2},
	    {"41000001 mod 1000002", 2},
	    {"-(41000001)", 1},
	    {"41000001 as ms", 1},
	    {"41000001 < 1000002", 2},
	    {"41000001 <= 1000002", 2},
	    {"41000001 > 1000002", 2},
	    {"41000001 >= 1000002", 2},
	    {"not (41000001 < 1000002)", 2},
	    {"41000001 > 1000002 and 2000003 < 5000004", 2},
	    {"41000001 < 1000002 or 2000003 < 5000004", 2},
	    {"\"st te\" in \"first text\"", 2},
	    {"\"first text\" matches 'i.st'", 1},
	    {"\"between ${\"first text\"} and\"", 1},
	    {"41000001..41000003", 2},
	    {"{ field: \"first text\" }", 1},
	    {"{ field: \"first text\" }.field", 1},
	    {"[\"first text\"][0]", 1},
	    {"{ blue: 1000002, green: 1000002 }[\"bl\" + \"ue\"]", 3},
	    {"[x + \"!\" for x in [\"first text\"]]", 1},
	    {"[[\"first text\"]][0][0]", 1},
	    {"if true { \"first text\" } else { \"first text\" }", 1},
	    {"twice(\"first text\")", 1},
	    {"last_of([\"first text\"])", 1},
	    {"counted(41000001)", 1},
	    {"null ?? \"first text\"", 1},
	};
	size_t i;

	(void)state;
	problems = 0;
	for (i = 0; i < sizeof(derived) / sizeof(*derived); i++)
		hold("operation",
		     "func twice(text: string): string {\n  return text + text\n}\n"
		     "func last_of(items: list(string)): string {\n  var last = \"\"\n  for item in items "
		     "{\n    last = item\n  }\n"
		     "  return last\n}\n"
		     "func counted(from: int): int {\n  var n = from\n  while n < 41000010 at most 20 times "
		     "{\n    n = n + 1\n  }\n"
		     "  return n\n}\n",
		     derived[i].expression, true, 0);
	assert_int_equal(problems, 0);
}

/* Its emptiness, and whether it equals another, are not. */
static void test_equality_is_none(void **state)
{
	(void)state;
	problems = 0;
	hold("equality", "", "\"first text\" == \"other text\"", false, 2);
	hold("equality", "", "\"first text\" != \"other text\"", false, 2);
	hold("equality", "", "\"first text\" == \"\"", false, 1);
	assert_int_equal(problems, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_operations),
	    cmocka_unit_test(test_equality_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
