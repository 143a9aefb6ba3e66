/*
 * test_check.c - the checker: its golden cases, what it leaves on the tree for the compiler, and what cannot
 * be seen in a diagnostic.
 *
 * tests/check/NAME.plan is a case; NAME.expected beside it is what `runplan check tests/check/NAME.plan`
 * prints. With RUNPLAN_ACCEPT=1 in the environment the expected files are written anew: look at the
 * difference before it is kept.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/tables.h"
#include "interp/buffer.h"
#include "interp/check.h"

#define CASES "tests/check"

/* ---- plans in memory ---- */

struct text_file {
	const char *path, *text;
};

static char *read_from(void *context, const char *path, size_t *length, char *error, size_t error_size)
{
	const struct text_file *file;

	for (file = context; file->path; file++)
		if (strcmp(file->path, path) == 0) {
			*length = strlen(file->text);
			return strdup(file->text);
		}
	snprintf(error, error_size, "is not in this test");
	return NULL;
}

static struct compilation *check_files(const struct text_file *files)
{
	struct compilation *compilation = compilation_new(&builtin_registry);

	check_plan_from(compilation, files->path, read_from, (void *)files);
	return compilation;
}

static struct compilation *check_text(const char *text)
{
	const struct text_file files[] = {{"test.plan", text}, {NULL, NULL}};

	return check_files(files);
}

static const struct diag *find_code(const struct compilation *compilation, const char *code)
{
	const struct diag *diag = compilation->diags->first;

	while (diag && strcmp(diag->code, code) != 0)
		diag = diag->next;
	return diag;
}

static char *rendered(const struct compilation *compilation)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	assert_non_null(out);
	diag_print(out, compilation->diags, compilation->sources, false);
	fclose(out);
	return text;
}

static void assert_sound(const struct compilation *compilation)
{
	char *text = rendered(compilation);

	if (compilation->diags->errors || compilation->diags->warnings)
		print_error("%s\n", text);
	assert_int_equal(compilation->diags->errors + compilation->diags->warnings, 0);
	free(text);
}

/* ---- golden cases ---- */

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct buffer text = {0};
	char chunk[4096];
	char *copy;
	size_t got;

	if (!file)
		return NULL;
	while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0)
		buffer_add(&text, chunk, got);
	fclose(file);
	copy = strndup(text.string ? text.string->bytes : "", text.length);
	buffer_free(&text);
	return copy;
}

/* What the command prints: the diagnostics, and a line that says whether the plan may run. */
static char *check_output(const char *path)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	bool sound = check_plan(compilation, path);
	char *text = rendered(compilation), *all;
	const char *verdict = !sound			     ? "does not check"
			      : compilation->diags->warnings ? "checks, with warnings"
							     : "checks";

	assert_int_equal(sound, compilation->diags->errors == 0);
	assert_true(asprintf(&all, "%s%s: %s\n", text, path, verdict) > 0);
	free(text);
	compilation_free(compilation);
	return all;
}

static void show_difference(const char *path, const char *expected, const char *actual)
{
	size_t line = 1, at = 0;

	while (expected[at] && expected[at] == actual[at])
		line += expected[at++] == '\n';
	print_error("%s differs from line %zu on. It is now:\n%s\n", path, line, actual);
}

/* True when the case is as expected. */
static bool run_case(const char *name)
{
	char *path, *expected_path, *actual, *expected;
	FILE *file;
	bool same;

	assert_true(asprintf(&path, CASES "/%s", name) > 0);
	assert_true(asprintf(&expected_path, "%.*s.expected", (int)(strlen(path) - strlen(".plan")), path) >
		    0);
	actual = check_output(path);
	if (getenv("RUNPLAN_ACCEPT")) {
		file = fopen(expected_path, "wb");
		assert_non_null(file);
		fputs(actual, file);
		fclose(file);
	}
	expected = read_whole(expected_path);
	same = expected && strcmp(expected, actual) == 0;
	if (!same)
		show_difference(expected_path, expected ? expected : "", actual);
	free(path);
	free(expected_path);
	free(actual);
	free(expected);
	return same;
}

static bool is_case(const char *name)
{
	size_t length = strlen(name);

	return length > 5 && strcmp(name + length - 5, ".plan") == 0;
}

static void golden_cases(void **state)
{
	DIR *directory = opendir(CASES);
	struct dirent *entry;
	size_t cases = 0, wrong = 0;

	(void)state;
	if (!directory)
		fail_msg("run this test at the root of the project: no " CASES);
	while ((entry = readdir(directory)))
		if (is_case(entry->d_name)) {
			cases++;
			wrong += !run_case(entry->d_name);
		}
	closedir(directory);
	assert_true(cases >= 70);
	assert_int_equal(wrong, 0);
}

/* ---- every code is shown by a case ---- */

static char *all_expected(void)
{
	DIR *directory = opendir(CASES);
	struct buffer text = {0};
	struct dirent *entry;
	char *all;

	assert_non_null(directory);
	while ((entry = readdir(directory))) {
		char *path, *one;

		if (!strstr(entry->d_name, ".expected"))
			continue;
		assert_true(asprintf(&path, CASES "/%s", entry->d_name) > 0);
		one = read_whole(path);
		buffer_add_text(&text, one);
		free(one);
		free(path);
	}
	closedir(directory);
	all = strndup(text.string->bytes, text.length);
	buffer_free(&text);
	return all;
}

static const char *const codes[] = {
#define CODE(code, about) code,
#include "interp/check_codes.def"
#undef CODE
};

static bool is_listed(const char *code)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (strncmp(codes[i], code, 5) == 0)
			return true;
	return strncmp(code, "E01", 3) == 0; /* the grammar's */
}

static void every_code_is_listed(void **state)
{
	char *all = all_expected(), *at;

	(void)state;
	for (at = all; (at = strchr(at, '[')); at++) {
		bool is_code = (at[1] == 'E' || at[1] == 'L') && at[2] == '0' && at[6] == ']';

		if (is_code && !is_listed(at + 1))
			fail_msg("%.5s is not in check_codes.def", at + 1);
	}
	free(all);
}

/* ---- what the compiler finds on the tree ---- */

static void assert_annotated(struct node *node, void *context)
{
	switch (node->kind) {
	case NODE_LET:
	case NODE_VAR:
	case NODE_ASSIGN:
	case NODE_FOR:
	case NODE_COMPREHENSION:
	case NODE_QUANTIFIER:
	case NODE_USE:
		assert_non_null(node->symbol);
		break;
	case NODE_STRING:
	case NODE_LIST:
	case NODE_BINARY:
	case NODE_AS:
	case NODE_INDEX:
	case NODE_DURATION:
	case NODE_PERCENT:
		assert_non_null(node->type);
		break;
	case NODE_CALL:
		assert_non_null(node->type);
		assert_true(node->builtin || node->symbol || node->call.callee->kind == NODE_NAME);
		break;
	default:
		break;
	}
	/* A title, a path, documentation and what a source is called are texts, not values. */
	if (node->kind == NODE_IMPORT || node->kind == NODE_TEST || node->kind == NODE_TYPE_ENUM)
		return;
	if (node->kind == NODE_PARAM || node->kind == NODE_FUNC || node->kind == NODE_TASK ||
	    node->kind == NODE_THRESHOLD) {
		struct node *summary =
		    node->kind == NODE_PARAM ? node->param.summary : node->callable.summary;

		if (summary)
			summary->type = type_simple(TYPE_STRING);
	}
	ast_each_child(node, assert_annotated, context);
}

static void sound_plans_are_annotated(void **state)
{
	static const char *const names[] = {CASES "/clean.plan", CASES "/sound_statements.plan",
					    CASES "/sound_values.plan", CASES "/sound_canary.plan",
					    CASES "/sound_secrets.plan"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct compilation *compilation = compilation_new(&builtin_registry);

		assert_true(check_plan(compilation, names[i]));
		assert_annotated(compilation->main->file, NULL);
		compilation_free(compilation);
	}
}

static const struct node *find_item(const struct compilation *compilation, enum node_kind kind,
				    const char *name)
{
	const struct module *module;
	const struct node *item;

	for (module = compilation->modules; module; module = module->next)
		for (item = module->file->file.items; item; item = item->next)
			if (item->kind == kind && item->symbol && strcmp(item->symbol->name, name) == 0)
				return item;
	fail_msg("no item %s", name);
	return NULL;
}

static void names_mean_symbols(void **state)
{
	struct compilation *compilation = check_text("plan \"t\" {}\nlet c = 1\n"
						     "step s \"S\" { let x = c\nlog \"${x}\" }\n"
						     "step u \"U\" { log \"${s.x}\" }\n");
	const struct node *constant = find_item(compilation, NODE_LET, "c");
	const struct node *step = find_item(compilation, NODE_STEP, "s"), *let, *field;

	(void)state;
	assert_sound(compilation);
	assert_int_equal(constant->symbol->kind, SYMBOL_CONSTANT);
	let = step->step.body->block.statements;
	assert_int_equal(let->symbol->kind, SYMBOL_LOCAL);
	assert_ptr_equal(let->symbol->owner, step->symbol);
	assert_ptr_equal(step->symbol->lets, let->symbol);
	assert_ptr_equal(let->binding.value->symbol, constant->symbol);
	assert_int_equal(let->symbol->slot, -1);
	field = find_item(compilation, NODE_STEP, "u")->step.body->block.statements->value->string.parts;
	assert_int_equal(field->kind, NODE_FIELD);
	assert_ptr_equal(field->symbol, let->symbol);
	assert_ptr_equal(field->field.object->symbol, step->symbol);
	compilation_free(compilation);
}

static void tasks_are_summed_up(void **state)
{
	struct compilation *compilation =
	    check_text("task quiet() { log \"x\" }\n"
		       "task reads() { log docker.health(\"a\") }\n"
		       "task leaves() { notify.file(\"/tmp/x\", \"x\") }\n"
		       "task bare() { changes() }\n"
		       "task changes() { docker.stop(\"a\") }\n"
		       "task covers() { step \"S\" { changes()\nrollback { changes() } } }\n"
		       "task ping(n: int) { if n > 0 { pong(n - 1) } }\n"
		       "task pong(n: int) { docker.stop(\"a\")\nmanual \"look\"\nping(n) }\n"
		       "task handled() { defer { docker.stop(\"a\") } }\n");
	static const struct {
		const char *name;
		enum effect_class effect;
		bool uncovered, asks;
	} expected[] = {
	    {"quiet", EFFECT_PURE, false, false},     {"reads", EFFECT_READ, false, false},
	    {"leaves", EFFECT_CHANGE, false, false},  {"bare", EFFECT_CHANGE, true, false},
	    {"changes", EFFECT_CHANGE, true, false},  {"covers", EFFECT_CHANGE, false, false},
	    {"ping", EFFECT_CHANGE, true, true},      {"pong", EFFECT_CHANGE, true, true},
	    {"handled", EFFECT_CHANGE, false, false},
	};
	size_t i;

	(void)state;
	assert_sound(compilation);
	for (i = 0; i < sizeof(expected) / sizeof(*expected); i++) {
		const struct symbol *symbol = find_item(compilation, NODE_TASK, expected[i].name)->symbol;

		assert_int_equal(symbol->effect, expected[i].effect);
		assert_int_equal(symbol->uncovered, expected[i].uncovered);
		assert_int_equal(symbol->asks, expected[i].asks);
	}
	compilation_free(compilation);
}

static void people_are_listed(void **state)
{
	static const char *const expected[][2] = {
	    {"manual", "first"},   {"confirm", "really?"}, {"ask", "fine"},   {"manual", "look at ${name}"},
	    {"confirm", "again?"}, {"ask", "t"},	   {"ask", "which?"}, {"manual", "call somebody"},
	};
	struct compilation *compilation = compilation_new(&builtin_registry);
	const struct person_place *place;
	size_t i = 0;

	(void)state;
	assert_true(check_plan(compilation, CASES "/people.plan"));
	for (place = compilation->people; place; place = place->next, i++) {
		assert_true(i < sizeof(expected) / sizeof(*expected));
		assert_string_equal(place->kind, expected[i][0]);
		assert_string_equal(place->label, expected[i][1]);
	}
	assert_int_equal(i, sizeof(expected) / sizeof(*expected));
	compilation_free(compilation);
}

/* ---- files ---- */

static void each_file_is_read_once(void **state)
{
	static const struct text_file files[] = {
	    {"dir/main.plan", "import \"a.plan\"\nimport \"sub/b.plan\" as b\nplan \"t\" {}\n"
			      "step s \"S\" { log \"${a} ${b.b}\" }\n"},
	    {"dir/a.plan", "import \"./sub/../sub/c.plan\"\nlet a = c\n"},
	    {"dir/sub/b.plan", "import \"c.plan\"\nlet b = c\n"},
	    {"dir/sub/c.plan", "let c = 1\n"},
	    {NULL, NULL},
	};
	static const char *const order[] = {"dir/sub/c.plan", "dir/a.plan", "dir/sub/b.plan",
					    "dir/main.plan"};
	struct compilation *compilation = check_files(files);
	const struct module *module;
	size_t i = 0;

	(void)state;
	assert_sound(compilation);
	for (module = compilation->modules; module; module = module->next, i++) {
		assert_true(i < 4);
		assert_string_equal(module->path, order[i]);
		assert_int_equal(module->main, i == 3);
	}
	assert_int_equal(i, 4);
	assert_ptr_equal(compilation->main->file->file.items->kind, NODE_IMPORT);
	compilation_free(compilation);
}

static void names_do_not_travel_on(void **state)
{
	static const struct text_file files[] = {
	    {"main.plan", "import \"a.plan\"\nplan \"t\" {}\nstep s \"S\" { log \"${a} ${c}\" }\n"},
	    {"a.plan", "import \"c.plan\"\nlet a = c\n"},
	    {"c.plan", "let c = 1\n"},
	    {NULL, NULL},
	};
	struct compilation *compilation = check_files(files);

	(void)state;
	assert_int_equal(compilation->diags->errors, 1);
	assert_string_equal(compilation->diags->first->message, "the name `c` is not known here");
	compilation_free(compilation);
}

static char *read_chain(void *context, const char *path, size_t *length, char *error, size_t error_size)
{
	int number = atoi(path);
	char *text;

	(void)context;
	(void)error;
	(void)error_size;
	*length = (size_t)asprintf(&text, "import \"%d.plan\" as next\n", number + 1);
	return text;
}

static void endless_imports_end(void **state)
{
	struct compilation *compilation = compilation_new(&builtin_registry);

	(void)state;
	assert_false(check_plan_from(compilation, "0.plan", read_chain, NULL));
	assert_int_equal(compilation->diags->errors, 1);
	assert_non_null(find_code(compilation, "E0703"));
	compilation_free(compilation);
}

static void missing_main_file(void **state)
{
	static const struct text_file files[] = {{"other.plan", ""}, {NULL, NULL}};
	struct compilation *compilation = compilation_new(&builtin_registry);

	(void)state;
	assert_false(check_plan_from(compilation, "gone.plan", read_from, (void *)files));
	assert_string_equal(compilation->diags->first->message,
			    "this file cannot be read: is not in this test");
	assert_null(compilation->main);
	assert_null(compilation->people);
	compilation_free(compilation);
}

/* ---- defaults and arguments ---- */

static const struct builtin *builtin(const char *name)
{
	const struct builtin *row = registry_find(&builtin_registry, name, strlen(name));

	assert_non_null(row);
	return row;
}

static int64_t default_of(struct compilation *compilation, const char *name, const char *parameter)
{
	const struct node *node = default_for(compilation, builtin(name), parameter);

	return node ? node->integer / 1000000000 : -1;
}

static void defaults_are_found(void **state)
{
	static const struct text_file files[] = {
	    {"main.plan",
	     "import \"lib.plan\"\nplan \"t\" {}\ndefaults { http.timeout = 5s\nhttp.get.timeout = 2s }\n"},
	    {"lib.plan", "defaults { http.timeout = 9s\ndocker.timeout = 7s }\n"},
	    {NULL, NULL},
	};
	struct compilation *compilation = check_files(files);

	(void)state;
	assert_sound(compilation);
	assert_int_equal(default_of(compilation, "http.post", "timeout"), 5);
	assert_int_equal(default_of(compilation, "http.get", "timeout"), 2);
	assert_int_equal(default_of(compilation, "docker.exec", "timeout"), 7);
	assert_int_equal(default_of(compilation, "docker.exec", "command"), -1);
	assert_int_equal(default_of(compilation, "prom.query", "timeout"), -1);
	compilation_free(compilation);
}

static const struct node *first_call(const struct compilation *compilation)
{
	const struct node *step = find_item(compilation, NODE_STEP, "s");

	return step->step.body->block.statements->binding.value;
}

static void arguments_are_bound(void **state)
{
	struct compilation *compilation = check_text(
	    "plan \"t\" {}\nstep s \"S\" { let _x = t(3, c: \"c\") }\n"
	    "task t(a: int, b: int = 2, c: string = \"x\"): int { return a + b + text.length(c) }\n");
	const struct node *call = first_call(compilation);
	const struct signature *signature = signature_of_symbol(compilation, call->symbol);
	struct node *bound[3];

	(void)state;
	assert_sound(compilation);
	assert_int_equal(signature->count, 3);
	assert_int_equal(signature->returns->kind, TYPE_INT);
	assert_non_null(signature->parameters[0].symbol);
	assert_string_equal(signature->parameters[0].symbol->name, "a");
	assert_true(signature_bind(compilation, signature, (struct node *)call, bound, false));
	assert_int_equal(bound[0]->integer, 3);
	assert_null(bound[1]);
	assert_int_equal(signature->parameters[1].fallback->integer, 2);
	assert_int_equal(bound[2]->kind, NODE_STRING);
	compilation_free(compilation);
}

static void variadic_arguments_are_bound(void **state)
{
	struct compilation *compilation =
	    check_text("plan \"t\" {}\nstep s \"S\" { let _x = pg.name(\"a\", \"b\") }\n");
	const struct node *call = first_call(compilation);
	const struct signature *signature = signature_of_builtin(compilation, call->builtin);
	struct node *bound[1];

	(void)state;
	assert_sound(compilation);
	assert_true(signature->parameters[0].variadic);
	assert_true(signature->parameters[0].type->secret);
	assert_true(signature_bind(compilation, signature, (struct node *)call, bound, false));
	assert_int_equal(bound[0]->kind, NODE_ARGUMENT);
	assert_non_null(bound[0]->next);
	compilation_free(compilation);
}

/* Every row's signature parses, and is kept. */
static void rows_have_signatures(void **state)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	size_t t, r;

	(void)state;
	for (t = 0; t < builtin_registry.table_count; t++)
		for (r = 0; r < builtin_registry.tables[t]->row_count; r++) {
			const struct builtin *row = &builtin_registry.tables[t]->rows[r];
			const struct signature *signature = signature_of_builtin(compilation, row);

			assert_ptr_equal(signature, signature_of_builtin(compilation, row));
			assert_string_equal(signature->name, row->name);
			assert_true(signature->count > 0 || strncmp(row->signature, "()", 2) == 0);
		}
	assert_sound(compilation);
	compilation_free(compilation);
}

/* Every row's example checks, in a step that says why nothing is undone. */
static void rows_have_sound_examples(void **state)
{
	size_t t, r;

	(void)state;
	for (t = 0; t < builtin_registry.table_count; t++)
		for (r = 0; r < builtin_registry.tables[t]->row_count; r++) {
			const struct builtin *row = &builtin_registry.tables[t]->rows[r];
			bool alone = row->effect == EFFECT_CHANGE ||
				     strchr(row->example ? row->example : "\n", '\n') ||
				     strncmp(row->example, "let ", 4) == 0;
			struct compilation *compilation;
			char *text;

			if ((row->flags & BUILTIN_INTERNAL) || !row->example)
				continue;
			assert_true(
			    asprintf(&text,
				     "plan \"x\" {}\nstep \"s\" {\n%s%s\nrollback none \"an example\"\n}\n",
				     alone ? "" : "let _x = ", row->example) > 0);
			compilation = check_text(text);
			if (compilation->diags->errors)
				print_error("the example of %s:\n", row->name);
			assert_int_equal(compilation->diags->errors, 0);
			compilation_free(compilation);
			free(text);
		}
}

/* ---- types ---- */

static void types_accept(void **state)
{
	static const enum type_kind kinds[] = {TYPE_BOOL,     TYPE_INT,	 TYPE_FLOAT, TYPE_PERCENT,
					       TYPE_DURATION, TYPE_SIZE, TYPE_TIME,  TYPE_STRING,
					       TYPE_RANGE,    TYPE_LIST, TYPE_RECORD};
	size_t count = sizeof(kinds) / sizeof(*kinds), i, j;

	(void)state;
	for (i = 0; i < count; i++)
		for (j = 0; j < count; j++) {
			bool widened = kinds[i] == TYPE_FLOAT && kinds[j] == TYPE_INT;

			assert_int_equal(type_accepts(type_simple(kinds[i]), type_simple(kinds[j])),
					 i == j || widened);
		}
	assert_true(type_accepts(type_simple(TYPE_PATH), type_simple(TYPE_STRING)));
	assert_true(type_accepts(type_simple(TYPE_STRING), type_simple(TYPE_URL)));
	assert_true(type_accepts(type_simple(TYPE_INT), type_simple(TYPE_ANY)));
	assert_false(type_accepts(type_simple(TYPE_ANY), type_simple(TYPE_VOID)));
	assert_false(type_accepts(type_simple(TYPE_INT), type_simple(TYPE_NULL)));
}

static void types_fit(void **state)
{
	static const struct type integer = {.kind = TYPE_INT},
				 maybe = {.kind = TYPE_STRING, .nullable = true};
	static const struct type_field fields[] = {{"n", &integer}, {"s", &maybe}};
	static const struct type record = {.kind = TYPE_RECORD, .fields = fields, .field_count = 2};
	static const char *const choices[] = {"a", "b"};
	static const struct type choice = {.kind = TYPE_ENUM, .choices = choices, .choice_count = 2};
	struct value v = record_new(2), text = value_string("a");

	(void)state;
	record_set(&v, "n", value_int(3));
	assert_true(type_fits(&record, v));
	record_set(&v, "x", value_int(3));
	assert_false(type_fits(&record, v));
	assert_true(type_fits(&choice, text));
	value_release(text);
	text = value_string("c");
	assert_false(type_fits(&choice, text));
	assert_true(type_fits(type_simple(TYPE_FLOAT), value_int(1)));
	assert_false(type_fits(type_simple(TYPE_PERCENT), value_float(0.05)));
	assert_false(type_fits(type_simple(TYPE_INT), value_null()));
	assert_true(type_fits(&maybe, value_null()));
	value_release(text);
	value_release(v);
}

static void types_join(void **state)
{
	struct arena arena;
	const struct type *joined;

	(void)state;
	arena_init(&arena);
	assert_int_equal(type_join(&arena, type_simple(TYPE_INT), type_simple(TYPE_FLOAT))->kind, TYPE_FLOAT);
	assert_null(type_join(&arena, type_simple(TYPE_INT), type_simple(TYPE_DURATION)));
	joined = type_join(&arena, type_simple(TYPE_NULL), type_simple(TYPE_DURATION));
	assert_int_equal(joined->kind, TYPE_DURATION);
	assert_true(joined->nullable);
	joined = type_join(&arena, type_list(&arena, type_simple(TYPE_INT)),
			   type_list(&arena, type_simple(TYPE_SIZE)));
	assert_string_equal(type_text(&arena, joined), "list");
	assert_string_equal(type_text(&arena, type_list(&arena, type_simple(TYPE_SIZE))), "list(size)");
	assert_string_equal(type_phrase(&arena, type_simple(TYPE_INT)), "an int");
	arena_free(&arena);
}

/* ---- large and broken texts ---- */

static void long_chains_of_tasks(void **state)
{
	struct compilation *compilation;
	struct buffer text = {0};
	char *plan;
	int i;

	(void)state;
	buffer_add_text(&text, "plan \"t\" {}\nstep s \"S\" { t0() }\n");
	for (i = 0; i < 3000; i++)
		buffer_printf(&text, "task t%d() { t%d() }\n", i, i + 1);
	buffer_printf(&text, "task t%d() { docker.stop(\"a\") }\n", i);
	plan = strndup(text.string->bytes, text.length);
	compilation = check_text(plan);
	assert_int_equal(compilation->diags->errors, 1);
	assert_non_null(find_code(compilation, "E0304"));
	compilation_free(compilation);
	buffer_free(&text);
	free(plan);
}

/* A plan cut off anywhere is an error or a plan, never a crash. */
static void torn_plans(void **state)
{
	static const char *const names[] = {CASES "/clean.plan", CASES "/sound_statements.plan",
					    CASES "/not_yet.plan", CASES "/structure_thresholds.plan"};
	size_t i, cut;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *whole = read_whole(names[i]);
		size_t length = strlen(whole);

		for (cut = 0; cut < length; cut += 3) {
			char *text = strndup(whole, cut);
			struct compilation *compilation = check_text(text);
			char *shown = rendered(compilation);

			assert_true(compilation->diags->errors == 0 || *shown);
			free(shown);
			compilation_free(compilation);
			free(text);
		}
		free(whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(golden_cases),
	    cmocka_unit_test(every_code_is_listed),
	    cmocka_unit_test(sound_plans_are_annotated),
	    cmocka_unit_test(names_mean_symbols),
	    cmocka_unit_test(tasks_are_summed_up),
	    cmocka_unit_test(people_are_listed),
	    cmocka_unit_test(each_file_is_read_once),
	    cmocka_unit_test(names_do_not_travel_on),
	    cmocka_unit_test(endless_imports_end),
	    cmocka_unit_test(missing_main_file),
	    cmocka_unit_test(defaults_are_found),
	    cmocka_unit_test(arguments_are_bound),
	    cmocka_unit_test(variadic_arguments_are_bound),
	    cmocka_unit_test(rows_have_signatures),
	    cmocka_unit_test(rows_have_sound_examples),
	    cmocka_unit_test(types_accept),
	    cmocka_unit_test(types_fit),
	    cmocka_unit_test(types_join),
	    cmocka_unit_test(long_chains_of_tasks),
	    cmocka_unit_test(torn_plans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
