/* targets.c - see targets.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/prom_rules.h"
#include "builtins/tables.h"
#include "grammar/format.h"
#include "grammar/parse.h"
#include "interp/check.h"
#include "interp/drivers.h"
#include "interp/machine.h"
#include "interp/plan_test.h"
#include "tests/fuzz/targets.h"
#include "tests/promises.h"

#define DELIVERIES_MAX 500

_Noreturn static void broken(const char *promise)
{
	fprintf(stderr, "broken promise: %s\n", promise);
	abort();
}

/* What is printed must not crash either; nobody reads it. */
static FILE *nowhere(void)
{
	FILE *out = fopen("/dev/null", "w");

	if (!out)
		exit(1);
	return out;
}

/* ---- parse: a tree comes of everything, with spans that nest ---- */

static void within(struct node *child, void *context)
{
	const struct node *parent = context;

	if (child->span.from > child->span.to || child->span.from < parent->span.from || child->span.to > parent->span.to)
		broken("a child's span lies within its parent's");
	ast_each_child(child, within, child);
}

static void run_parse(const char *text, size_t length)
{
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct node *root;
	FILE *out = nowhere();

	arena_init(&arena);
	sources_init(&sources, &arena);
	diags_init(&diags, &arena);
	root = parse_file(&arena, &sources, source_add(&sources, "fuzz.plan", text, length), &diags, 0);
	ast_each_child(root, within, root);
	diag_print(out, &diags, &sources, true);
	ast_dump(out, root, true);
	fclose(out);
	arena_free(&arena);
}

/* ---- format: an equal tree, and the same text when it is laid out again ---- */

/* NULL where the text does not parse. format_file() itself compares the trees. */
static const char *laid_out(struct arena *arena, const char *text, size_t length, size_t *out_length)
{
	struct sources sources;
	struct diags diags;
	struct node *root;
	const char *out;

	sources_init(&sources, arena);
	diags_init(&diags, arena);
	root = parse_file(arena, &sources, source_add(&sources, "fuzz.plan", text, length), &diags, 0);
	if (diags.errors)
		return NULL;
	out = format_file(arena, &sources, root, out_length);
	if (!out)
		broken("what is laid out parses to an equal tree");
	return out;
}

static void run_format(const char *text, size_t length)
{
	struct arena arena;
	const char *once, *twice;
	size_t once_length, twice_length;

	arena_init(&arena);
	once = laid_out(&arena, text, length, &once_length);
	twice = once ? laid_out(&arena, once, once_length, &twice_length) : NULL;
	if (once && (!twice || once_length != twice_length || memcmp(once, twice, once_length) != 0))
		broken("what is laid out stays as it is when it is laid out again");
	arena_free(&arena);
}

/* ---- check: what is sound compiles, and its code is sound ---- */

struct text {
	const char *bytes;
	size_t length;
};

#define FILE_MARK "\n# file: " /* and a name: behind it stands another file of the input, up to the next one */

/* The part of the input that is the file of that name; "": the first part. */
static struct text part_of(const struct text *text, const char *name)
{
	const char *from = text->bytes, *end = text->bytes + text->length, *to;
	size_t length = strlen(name);

	for (;;) {
		to = memmem(from, (size_t)(end - from), FILE_MARK, strlen(FILE_MARK));
		if (length == 0)
			return (struct text){ from, (size_t)((to ? to : end) - from) };
		if (!to)
			return (struct text){ NULL, 0 };
		from = to + strlen(FILE_MARK);
		if ((size_t)(end - from) > length && memcmp(from, name, length) == 0 && from[length] == '\n') {
			from += length;
			length = 0;
		}
	}
}

/*
 * Children and imports are further parts of the input; and the plan imports itself, as fuzz.plan and as a file beside a
 * library: cycles, and names that come twice.
 */
static char *read_text(void *context, const char *path, size_t *length, char *error, size_t error_size)
{
	const struct text *text = context;
	struct text part = part_of(text, strcmp(path, "fuzz.plan") == 0 ? "" : path);
	char *copy;

	(void)error;
	(void)error_size;
	if (!part.bytes && strstr(path, "lib") && !strstr(path, "lib/lib"))
		part = part_of(text, "");
	if (!part.bytes)
		return NULL;
	copy = malloc(part.length + 1);
	memcpy(copy, part.bytes, part.length);
	copy[part.length] = 0;
	*length = part.length;
	return copy;
}

static void verify(const struct program *program)
{
	uint32_t function, address;
	const char *wrong = program ? program_verify(program, &function, &address) : NULL;

	if (wrong)
		broken(wrong);
}

/* Each of the plan's own tests becomes a program as well. */
static void verify_tests(struct compilation *compilation)
{
	for (const struct node *test = plan_test_next(compilation, NULL); test;
	     test = plan_test_next(compilation, test)) {
		struct program *program = compile_test(compilation, test);

		verify(program);
		program_free(program);
	}
}

/* NULL where it is not sound. */
static struct program *checked(struct compilation *compilation, const char *bytes, size_t length)
{
	struct text text = { bytes, length };
	struct program *program;
	FILE *out;

	if (!check_plan_from(compilation, "fuzz.plan", read_text, &text)) {
		if (compilation->diags->errors == 0)
			broken("a plan that does not check has an error");
		out = nowhere();
		diag_print(out, compilation->diags, compilation->sources, false);
		fclose(out);
		return NULL;
	}
	verify_tests(compilation);
	program = compile_program(compilation);
	verify(program);
	return program;
}

static void run_check(const char *text, size_t length)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	struct program *program = checked(compilation, text, length);

	program_free(program);
	compilation_free(compilation);
}

/* ---- simulate: the machine's promises, while the world goes wrong where `# harm: KIND POINT` says ---- */

static void read_harm(const char *text, struct promise_run *run)
{
	static const char *const names[HARM_KINDS] = { "none", "signal", "signals", "fail", "unknown" };
	const char *line = strstr(text, "# harm: ");
	char name[12];
	unsigned point;

	if (!line || sscanf(line, "# harm: %11s %4u", name, &point) != 2)
		return;
	for (int harm = 0; harm < HARM_KINDS; harm++)
		if (!strcmp(name, names[harm]))
			run->harm = (enum harm)harm;
	run->point = (long)point;
}

static void run_preview(const struct program *program)
{
	struct driver *driver = preview_driver_new(NULL);
	struct journal *journal = journal_new(NULL);
	struct machine_options options = { .program = program, .driver = driver, .journal = journal, .run_id = "fuzz" };
	struct machine *machine = machine_new(&options);

	machine_run(machine);
	machine_free(machine);
	journal_free(journal);
	driver->ops->free(driver);
}

static void run_simulate(const char *text, size_t length)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	struct program *program = checked(compilation, text, length);
	char *copy = strndup(text, length), why[4000];

	if (program) {
		struct promise_run run = { .program = program, .text = copy, .deliveries_max = DELIVERIES_MAX };
		read_harm(copy, &run);
		const char *promise = promises_hold(&run, why, sizeof(why));
		/* A `given` that cannot be read is no fault of the machine. */
		if (promise && run.deliveries)
			broken(promise);
		run_preview(program);
	}
	free(copy);
	program_free(program);
	compilation_free(compilation);
}

/* ---- export: whatever is sound, its thresholds are told, as rules or as what cannot be one ---- */

static void run_export(const char *text, size_t length)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	struct program *plan = checked(compilation, text, length), *thresholds;
	FILE *rules = nowhere(), *said = nowhere();

	if (plan) {
		thresholds = compile_thresholds(compilation);
		verify(thresholds);
		prom_rules_write(plan, thresholds, NULL, 0, NULL, rules, said);
		program_free(thresholds);
	}
	fclose(rules);
	fclose(said);
	program_free(plan);
	compilation_free(compilation);
}

const struct fuzz_target fuzz_targets[] = {
	{ "parse", run_parse },
	{ "check", run_check },
	{ "format", run_format },
	{ "simulate", run_simulate },
	{ "export", run_export },
	{ NULL, NULL },
};
