/*
 * test_builtins.c - every row of every table, held to its duties: the members agree with each other, the
 * signature is the language's, the documentation is there, and the example checks and runs in simulation.
 * What the rows do is tested beside, namespace by namespace.
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
#include "grammar/parse.h"
#include "interp/check.h"
#include "interp/drivers.h"
#include "interp/machine.h"

static int complaints;

/* All that is wrong is said, not only the first. */
__attribute__((format(printf, 2, 3))) static void complain(const char *name, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fprintf(stderr, "%s: ", name);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	complaints++;
}

static void each_row(void (*look)(const struct builtin_table *table, const struct builtin *row))
{
	size_t t, r;

	complaints = 0;
	for (t = 0; t < builtin_registry.table_count; t++)
		for (r = 0; r < builtin_registry.tables[t]->row_count; r++)
			look(builtin_registry.tables[t], &builtin_registry.tables[t]->rows[r]);
	assert_int_equal(complaints, 0);
}

static void look_at_names(const struct builtin_table *table, const struct builtin *row)
{
	const char *dot = strchr(row->name, '.');
	size_t length = strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_.");

	if (row->name[length] != '\0' || (dot && strchr(dot + 1, '.')))
		complain(row->name, "a name is words of small letters with one dot");
	if (registry_find(&builtin_registry, row->name, strlen(row->name)) != row)
		complain(row->name, "another row has this name");
	if (dot && !(row->flags & BUILTIN_INTERNAL)) {
		char space[60];

		snprintf(space, sizeof(space), "%.*s", (int)(dot - row->name), row->name);
		if (!registry_has_namespace(&builtin_registry, space, strlen(space)))
			complain(row->name, "its namespace is not found");
	}
	if (!table->summary || !table->name)
		complain(row->name, "its table has no name or summary");
}

static void look_at_members(const struct builtin_table *table, const struct builtin *row)
{
	bool pure = row->effect == EFFECT_PURE, change = row->effect == EFFECT_CHANGE;

	(void)table;
	if (pure ? !row->call || row->start : row->call || !row->start)
		complain(row->name, "a pure row has .call, any other .start, and none has both");
	if (pure &&
	    (row->simulate || row->describe || row->grace ||
	     row->flags & ~(unsigned)(BUILTIN_INTERNAL | BUILTIN_PATTERN)))
		complain(row->name, "a pure row is no effect");
	if (change != (row->settle != SETTLE_NONE))
		complain(row->name, "a change, and nothing else, says how it is settled");
	if ((row->settle == SETTLE_PROBE) != (row->probe != NULL))
		complain(row->name, ".probe goes with SETTLE_PROBE");
	if (row->thing.kind && (!change || (!row->thing.count && !row->thing.answer)))
		complain(row->name, "a thing is left or taken away by a change, and has a name");
	if (row->thing.kind && !row->leaves && (!row->thing.count || row->thing.answer))
		complain(row->name, "what a change takes away is named by its arguments");
	if (row->leaves && (!change || !*row->leaves))
		complain(row->name, "only a change leaves something");
	if (row->flags & BUILTIN_REPEATABLE && !change)
		complain(row->name, "only a change is repeatable");
	if (row->settle == SETTLE_REPEAT && !(row->flags & BUILTIN_REPEATABLE))
		complain(row->name, "what a resume may repeat, a retried step may repeat");
	if (row->flags & BUILTIN_PERSON && row->effect != EFFECT_READ)
		complain(row->name, "only reads are asked of a person");
	if (row->flags & BUILTIN_RENEW && change && row->settle != SETTLE_REPEAT)
		complain(row->name, "what a replay does again must be fit to be repeated");
	if (row->reads &&
	    (!change || row->reads->effect != EFFECT_READ || !row->reads->start || row->reads->settle ||
	     strcmp(row->reads->name, row->name) != 0 || strcmp(row->reads->signature, row->signature) != 0 ||
	     !strstr(row->signature, "reads: bool")))
		complain(row->name, ".reads is the same call, as a read");
	if (row->grace < 0)
		complain(row->name, "a grace of %lld ns", (long long)row->grace);
}

static bool is_sentence(const char *text)
{
	size_t length = text ? strlen(text) : 0;

	return length > 1 && text[0] != ' ' && strchr(".?", text[length - 1]) && !strchr(text, '\n') &&
	       !strstr(text, "  ") && !strchr(text, '\t');
}

static void look_at_documentation(const struct builtin_table *table, const struct builtin *row)
{
	(void)table;
	if (!is_sentence(row->summary))
		complain(row->name, "its summary is no sentence");
	if (!is_sentence(row->bad_input))
		complain(row->name, "what happens on bad input is no sentence");
	if (row->details && (!*row->details || row->details[strlen(row->details) - 1] == ' '))
		complain(row->name, "its details are empty, or end with a blank");
	if (!row->example || !*row->example)
		complain(row->name, "it has no example");
}

/* Parsed by the language's own grammar; names that appear in it exist; what may be left out stands last. */
static void look_at_signature(const struct builtin_table *table, const struct builtin *row)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	const struct signature *signature;
	bool optional = false;
	size_t i, k;

	(void)table;
	if (row->signature[0] != '(')
		complain(row->name, "its signature does not begin with a bracket");
	signature = signature_of_builtin(compilation, row);
	if (compilation->diags->errors > 0) {
		complain(row->name, "its signature does not parse:");
		diag_print(stderr, compilation->diags, compilation->sources, false);
	}
	for (i = 0; i < signature->count; i++) {
		const struct parameter *parameter = &signature->parameters[i];

		if (!parameter->type || parameter->type->kind == TYPE_ERROR)
			complain(row->name, "nobody knows the type of %s", parameter->name);
		if (parameter->variadic && i + 1 < signature->count)
			complain(row->name, "%s takes the rest, and is not the last", parameter->name);
		if (!parameter->variadic && optional && !parameter->fallback)
			complain(row->name, "%s must be given, behind one that may be left out",
				 parameter->name);
		optional |= parameter->fallback != NULL;
		for (k = 0; k < i; k++)
			if (strcmp(signature->parameters[k].name, parameter->name) == 0)
				complain(row->name, "two parameters %s", parameter->name);
	}
	if (!signature->returns || signature->returns->kind == TYPE_ERROR)
		complain(row->name, "nobody knows the type of its answer");
	if (row->effect != EFFECT_CHANGE && strcmp(row->name, "lock.take") != 0 && signature->returns &&
	    signature->returns->kind == TYPE_VOID)
		complain(row->name, "what changes nothing and answers nothing does nothing");
	compilation_free(compilation);
}

/* ---- examples ---- */

static char plan_text[4000];

static char *read_plan(void *context, const char *path, size_t *length, char *error, size_t error_size)
{
	(void)context;
	if (strcmp(path, "example.plan") != 0) {
		snprintf(error, error_size, "not found");
		return NULL;
	}
	*length = strlen(plan_text);
	return strdup(plan_text);
}

static void wrap_example(const struct builtin *row)
{
	const char *form = row->effect == EFFECT_CHANGE
			       ? "plan \"p\" { }\nstep \"s\" {\n  %s\n  rollback none \"an example\"\n}\n"
			       : "plan \"p\" { }\nstep \"s\" {\n  let answer = %s\n  log \"${answer}\"\n  "
				 "rollback none \"an example\"\n}\n";

	if (strncmp(row->name, "secret.", 7) == 0)
		form = "plan \"p\" { }\nsecret word = %s\nstep \"s\" { log \"done\" }\n";
	else if (strncmp(row->name, "lock.", 5) == 0)
		form = "plan \"p\" { %s }\nstep \"s\" { log \"done\" }\n";
	else if (row->flags & BUILTIN_INTERNAL)
		form = "plan \"p\" { }\nstep \"s\" {\n  %s\n}\n";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(plan_text, sizeof(plan_text), form, row->example);
#pragma GCC diagnostic pop
}

static void tell(void *context, const struct event *event)
{
	(void)context;
	if (event->kind == EVENT_FAILED)
		fprintf(stderr, "  %s\n", event->text);
}

static void simulate_example(const struct builtin *row, struct compilation *compilation)
{
	struct program *program = compile_program(compilation);
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct journal *journal = journal_new(NULL);
	struct machine_options options = {
	    .program = program,
	    .driver = driver,
	    .journal = journal,
	    .run_id = "example",
	    .operator_name = "tester",
	};
	struct machine *machine;
	int code;

	journal_observe(journal, tell, NULL);
	machine = machine_new(&options);
	code = machine_run(machine);
	if (code != EXIT_DONE)
		complain(row->name, "its example ends with %d in simulation:\n%s", code, plan_text);
	machine_free(machine);
	journal_free(journal);
	driver->ops->free(driver);
	program_free(program);
}

static void look_at_example(const struct builtin_table *table, const struct builtin *row)
{
	struct compilation *compilation;

	(void)table;
	if (strcmp(row->name, "given") == 0)
		return; /* a line of a test, which has no plan of its own */
	compilation = compilation_new(&builtin_registry);
	wrap_example(row);
	if (check_plan_from(compilation, "example.plan", read_plan, NULL)) {
		simulate_example(row, compilation);
	} else {
		complain(row->name, "its example does not check:\n%s", plan_text);
		diag_print(stderr, compilation->diags, compilation->sources, false);
	}
	compilation_free(compilation);
}

/* ---- tables and types ---- */

static void test_types(void **state)
{
	size_t t, i;

	(void)state;
	complaints = 0;
	for (t = 0; t < builtin_registry.table_count; t++)
		for (i = 0; i < builtin_registry.tables[t]->type_count; i++) {
			const struct builtin_type *type = &builtin_registry.tables[t]->types[i];
			struct compilation *compilation = compilation_new(&builtin_registry);

			if (registry_find_type(&builtin_registry, type->name, strlen(type->name)) != type)
				complain(type->name, "another type has this name");
			if (!is_sentence(type->summary))
				complain(type->name, "its summary is no sentence");
			parse_type(compilation->arena, compilation->sources, type->definition,
				   compilation->diags);
			if (compilation->diags->errors > 0) {
				complain(type->name, "its definition does not parse:");
				diag_print(stderr, compilation->diags, compilation->sources, false);
			}
			compilation_free(compilation);
		}
	assert_int_equal(complaints, 0);
}

static void test_names(void **state)
{
	(void)state;
	each_row(look_at_names);
}

static void test_members(void **state)
{
	(void)state;
	each_row(look_at_members);
}

static void test_documentation(void **state)
{
	(void)state;
	each_row(look_at_documentation);
}

static void test_signatures(void **state)
{
	(void)state;
	each_row(look_at_signature);
}

static void test_examples(void **state)
{
	(void)state;
	each_row(look_at_example);
}

static void test_finding(void **state)
{
	const struct registry *r = &builtin_registry;

	(void)state;
	assert_string_equal(registry_find(r, "docker.exec(", 11)->name, "docker.exec");
	assert_null(registry_find(r, "docker.exe", 10));
	assert_null(registry_find(r, "docker.execs", 12));
	assert_null(registry_find(r, "", 0));
	assert_non_null(registry_find(r, "exec", 4));
	assert_true(registry_has_namespace(r, "docker", 6));
	assert_false(registry_has_namespace(r, "dock", 4));
	assert_false(registry_has_namespace(r, "exec", 4));   /* a call, no namespace */
	assert_false(registry_has_namespace(r, "secret", 6)); /* what is in it can't be called */
	assert_non_null(registry_find_type(r, "exec_result", 11));
	assert_null(registry_find_type(r, "exec_resul", 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),	  cmocka_unit_test(test_members),
	    cmocka_unit_test(test_documentation), cmocka_unit_test(test_signatures),
	    cmocka_unit_test(test_types),	  cmocka_unit_test(test_examples),
	    cmocka_unit_test(test_finding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
