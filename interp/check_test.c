/* check_test.c - the tests of a plan: what they name exists, their parts stand in order, and they ask
 * something; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

#include "interp/constant.h"
#include "interp/environment.h"

/* What a person answers and the lock are asked for by words of the language. */
static const struct {
	const char *word, *builtin;
} asked_by_words[] = {
    {"manual", "operator.manual"},
    {"confirm", "operator.confirm"},
    {"lock", "lock.take"},
};

static const struct builtin *find_asked(struct walk *w, const char *name)
{
	const struct builtin *found = find_builtin(w->checker, name);
	size_t i;

	for (i = 0; i < sizeof(asked_by_words) / sizeof(*asked_by_words); i++)
		if (!found && (strcmp(name, asked_by_words[i].word) == 0 ||
			       strcmp(name, asked_by_words[i].builtin) == 0))
			found = registry_find(w->checker->compilation->registry, asked_by_words[i].builtin,
					      strlen(asked_by_words[i].builtin));
	return found;
}

static void find_field_target(struct walk *w, struct node *name)
{
	const char *space = name->field.object->name, *call = name->field.name.text;
	struct symbol *symbol = find_symbol(w, space);

	if (symbol && symbol->kind == SYMBOL_MODULE) {
		name->symbol = symbol_through_import(w, name, symbol);
		return;
	}
	name->builtin = find_asked(w, dotted_name(w->arena, space, call));
	if (!name->builtin && is_namespace(w->checker, space))
		report_unknown_builtin(w, name->field.name.span, space, call);
	else if (!name->builtin)
		report_unknown_namespace(w, name->field.object, space, call);
}

/* "deploy" of "plans/deploy.plan". */
static bool is_file_of(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/'), *file = slash ? slash + 1 : path;
	size_t length = strlen(name);

	return strncmp(file, name, length) == 0 && strcmp(file + length, ".plan") == 0;
}

/* A plan that this one runs, by the name of its file; a task or threshold of one: no import is needed for a test. */
static struct symbol *find_in_children(struct walk *w, const char *name)
{
	const struct compilation *child;

	for (child = w->checker->compilation->root->plans; child; child = child->next)
		if (child->course && is_file_of(child->main->path, name))
			return child->course;
	for (child = w->checker->compilation->root->plans; child; child = child->next) {
		const struct module_names *names = child->main->names;
		const struct module_name *found = table_find(&names->names, name);

		if (found && (found->symbol->kind == SYMBOL_TASK || found->symbol->kind == SYMBOL_THRESHOLD))
			return found->symbol;
	}
	return NULL;
}

static void find_name_target(struct walk *w, struct node *name)
{
	name->symbol = find_callable(w, name->name);
	if (!name->symbol)
		name->symbol = find_in_children(w, name->name);
	if (name->symbol)
		name->symbol->used = true;
	else if (!(name->builtin = find_asked(w, name->name)))
		report_unknown_name(w, name, name->name, true);
}

void check_test_target(struct walk *w, struct node *name)
{
	if (name->kind == NODE_NAME)
		find_name_target(w, name);
	else if (name->kind == NODE_FIELD && name->field.object->kind == NODE_NAME && name->field.name.text)
		find_field_target(w, name);
	else if (name->kind != NODE_ERROR)
		diag_error(w->diags, "E0609", name->span, "this is no call of a plan");
	if ((name->builtin && name->builtin->effect == EFFECT_PURE) ||
	    (name->symbol && name->symbol->kind == SYMBOL_FUNC))
		diag_hint(diag_error(w->diags, "E0609", name->span, "what only computes asks nobody"),
			  "a test answers for builtins that read or change, for tasks and for thresholds");
}

/* ---- givens ---- */

/* What one answer must be; records and `any` are the author's affair: a test gives what its plan looks at. */
static const struct type *answer_type(struct walk *w, const struct node *name)
{
	const struct type *type = NULL;

	if (name->builtin)
		type = signature_of_builtin(w->checker->compilation, name->builtin)->returns;
	else if (name->symbol && name->symbol->kind == SYMBOL_TASK)
		type = ((struct callable *)name->symbol)->declared;
	else if (name->symbol && name->symbol->kind == SYMBOL_THRESHOLD)
		type = ((struct callable *)name->symbol)->result;
	return type && type->kind != TYPE_VOID && type->kind != TYPE_RECORD ? type : type_simple(TYPE_ANY);
}

static void check_answer(struct walk *w, struct node *answer, const struct type *type)
{
	if (answer->kind == NODE_NAME && strcmp(answer->name, "_") == 0)
		return;
	if (type->kind != TYPE_LIST) {
		want_type(w, answer, type, "returns");
	} else if (answer->type && answer->type->kind != TYPE_LIST && answer->type->kind != TYPE_NULL &&
		   !type_is_loose(answer->type)) {
		struct diag *diag = diag_error(w->diags, "E0201", answer->span,
					       "a list is wanted here, this is one answer of several");

		diag_hint(diag,
			  "the items of a list come in turn: write `[[…]]` for one answer that is a list");
	}
}

static void check_answers(struct walk *w, struct node *given, const struct node *name)
{
	const struct type *type = answer_type(w, name);
	struct node *value = given->given.value, *item;

	check_value(w, value);
	if (value->kind != NODE_LIST || value->list.count == 0) {
		if (value->kind != NODE_LIST && value->type && value->type->kind != TYPE_LIST)
			check_answer(w, value, type);
		return;
	}
	for (item = value->list.items; item; item = item->next)
		check_answer(w, item, type);
}

static void check_given_value(struct walk *w, struct node *given, const struct node *name)
{
	struct node *value = given->given.value;

	switch (given->given.verb) {
	case VERB_RETURNS:
		check_answers(w, given, name);
		break;
	case VERB_FAILS:
	case VERB_REFUSES:
		check_wanted(w, value, type_simple(TYPE_STRING), "the message");
		break;
	case VERB_TAKES:
		check_wanted(w, value, type_simple(TYPE_DURATION), "takes");
		break;
	case VERB_HANGS:
		break;
	}
	if (given->given.with)
		check_wanted(w, given->given.with, type_simple(TYPE_RECORD), "with");
	if (given->given.after)
		check_wanted(w, given->given.after, type_simple(TYPE_DURATION), "after");
}

static void check_given(struct walk *w, struct node *given)
{
	struct node *target = given->given.target, *times = given->given.times;

	if (target->kind == NODE_CALL)
		check_asked(w, target);
	else
		check_test_target(w, target);
	check_given_value(w, given, target->kind == NODE_CALL ? target->call.callee : target);
	if (times && (times->kind != NODE_INT || times->integer < 1))
		diag_error(w->diags, "E0201", times->span,
			   "a given holds a whole number of times, 1 or more");
}

/* ---- the run ---- */

/* Known after the run. They hang on its node, for the compiler. */
static void declare_test_names(struct walk *w, struct node *run)
{
	static const struct {
		const char *name;
		enum type_kind kind;
	} names[] = {{"outcome", TYPE_STRING}, {"elapsed", TYPE_DURATION}, {"exit", TYPE_INT}};
	struct symbol **end = &run->symbol;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct node *node = arena_alloc(w->arena, sizeof(*node));

		*node = (struct node){.kind = NODE_LET, .span = run->span};
		if (find_symbol(w, names[i].name))
			continue;
		*end = &declare_local(w, node, (struct ident){names[i].name, run->span},
				      type_simple(names[i].kind))
			    ->symbol;
		(*end)->used = true;
		end = &(*end)->next;
	}
}

static void check_run_param(struct walk *w, struct node *entry)
{
	struct symbol *symbol = find_symbol(w, entry->entry.key.text);
	struct value value = value_null();
	struct span where;
	struct diag *diag;

	check_value(w, entry->entry.value);
	if (!symbol || symbol->kind != SYMBOL_PARAM || !symbol->type) {
		struct node name = {
		    .kind = NODE_NAME, .span = entry->entry.key.span, .name = entry->entry.key.text};

		report_unknown_param(w, &name);
	} else if (want_type(w, entry->entry.value, symbol->type, symbol->name) &&
		   entry->entry.value->type->kind != TYPE_ERROR &&
		   !constant_with_lets(entry->entry.value, &value, &where)) {
		diag = diag_error(w->diags, "E0612", where, "a param of a test is written out, not computed");
		diag_hint(diag, "it may name a `let` that is written out itself");
	}
	value_release(value);
}

static bool knows_environment(const struct compilation *plan, const char *name)
{
	struct module *module = plan->modules;

	return environment_next(&module, NULL, name) != NULL;
}

/* One that a child plan knows will do. */
static void refuse_environment(struct walk *w, const struct node *name)
{
	const struct compilation *own = w->checker->compilation, *child;
	size_t length;
	const char *text = node_literal_text(name, &length);

	if (text && knows_environment(own, text))
		return;
	for (child = own->root->plans; text && child; child = child->next)
		if (knows_environment(child, text))
			return;
	diag_error(w->diags, "E0601", name->span, text ? "there is no environment \"%s\"" : "%s",
		   text ? text : "the environment of a test is written out");
}

static void check_test_run(struct walk *w, struct node *run)
{
	struct node *record = run->test_run.params, *entry;
	struct table keys = {0};

	if (run->test_run.environment)
		refuse_environment(w, run->test_run.environment);
	for (entry = record ? record->record.entries : NULL; entry; entry = entry->next)
		if (entry->kind == NODE_ENTRY && entry->entry.key.text && !refuse_double_key(w, &keys, entry))
			check_run_param(w, entry);
	declare_test_names(w, run);
}

/* ---- the whole ---- */

static void refuse_part(struct walk *w, const struct node *part, const char *what, const char *hint)
{
	diag_hint(diag_error(w->diags, "E0516", part->span, "%s", what), "%s", hint);
}

static void check_part_of_test(struct walk *w, struct node *part, const struct node *run)
{
	switch (part->kind) {
	case NODE_GIVEN:
		if (run)
			refuse_part(w, part, "a `given` after the run comes too late", "move it above `run`");
		check_given(w, part);
		break;
	case NODE_TEST_RUN:
		if (run)
			refuse_part(w, part, "a test runs the plan once", "write a second `test`");
		check_test_run(w, part);
		break;
	case NODE_EXPECT:
		if (!run)
			refuse_part(w, part, "nothing has run yet",
				    "a test is written `given …`, `run { … }`, `expect …`, in this order");
		else
			check_condition(w, part->check.condition, "expect");
		break;
	case NODE_LET:
		check_statement(w, part);
		break;
	default:
		break;
	}
}

/* Where a part could not be read, what seems to be missing may be there. */
static void require_parts(struct walk *w, const struct node *test)
{
	bool runs = false, asks = false, torn = false;
	const struct node *part;
	size_t length;

	if (test->test.title->kind == NODE_STRING && !node_literal_text(test->test.title, &length))
		refuse_part(w, test->test.title, "the name of a test is written out",
			    "`runplan test --only` finds it by that");

	for (part = test->test.parts; part; part = part->next) {
		runs |= part->kind == NODE_TEST_RUN;
		asks |= part->kind == NODE_EXPECT;
		torn |= part->kind == NODE_ERROR;
	}
	if (torn || (runs && asks))
		return;
	refuse_part(w, test->test.title, runs ? "this test expects nothing" : "this test runs nothing",
		    runs ? "say what must have come of the run: `expect outcome == \"done\"`"
			 : "write `run { … }` with the params, and `expect …` below it");
}

void check_test(struct walk *w, struct node *test)
{
	struct place *place = place_open(w, PLACE_TEST, test);
	struct place *pure = place_open(w, PLACE_PURE, test), *question = NULL;
	struct node *part, *run = NULL;
	struct scope scope;

	pure->reason = "a test";
	scope_open(w, &scope, test->test.parts, true);
	for (part = test->test.parts; part; part = part->next) {
		check_part_of_test(w, part, run);
		if (part->kind == NODE_TEST_RUN && !run) {
			run = part;
			question = place_open(w, PLACE_QUESTION, test);
		}
	}
	scope_close(w, &scope);
	if (question)
		place_close(w, question);
	place_close(w, pure);
	place_close(w, place);
	require_parts(w, test);
}
