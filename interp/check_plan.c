/* check_plan.c - `run plan`: the child plan and what it is given; see check_internal.h. Loading it is
 * check.c's. */
#include "interp/check_internal.h"

#include <string.h>

#include "interp/environment.h"

/* ---- where it may stand ---- */

/* Nothing is armed in a handler, so what a child changes there would have no way back. */
static void refuse_in_handler(struct walk *w, const struct node *node)
{
	struct diag *diag;

	if (!in_way_back(w->place))
		return;
	diag = diag_error(w->diags, "E0517", node->span,
			  "a handler runs no plan: its rollbacks would not be armed");
	diag_hint(diag,
		  "call the tasks that do the work, or run the plan on the way forward: in a `catch`, or as "
		  "a step of its own");
}

/* ---- params ---- */

static void unknown_param(struct walk *w, const struct compilation *child, struct ident name)
{
	struct candidates candidates = candidates_for(w->diags, name.text);
	const struct table *params = &checker_of((struct compilation *)child)->params;
	struct diag *diag =
	    diag_error(w->diags, "E0601", name.span, "%s has no param `%s`", child->main->path, name.text);
	const char *nearest;
	uint32_t i;

	for (i = 0; i < params->capacity; i++)
		if (params->slots[i].key)
			candidates_add(w->arena, &candidates, params->slots[i].key);
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
}

/* False: the child knows no such param. */
static bool check_given(struct walk *w, const struct compilation *child, struct node *entry)
{
	struct ident name = entry->entry.key;
	struct symbol *param = table_find(&checker_of((struct compilation *)child)->params, name.text);

	check_value(w, entry->entry.value);
	check_shown(w, entry->entry.value->span, w->taint, "a param");
	if (!param) {
		unknown_param(w, child, name);
		return false;
	}
	entry->symbol = param;
	if (param->type && want_type(w, entry->entry.value, param->type, param->name) &&
	    entry->entry.value->type->kind != TYPE_ERROR)
		check_param_takes(w, param, entry->entry.value);
	return true;
}

static void refuse_double(struct walk *w, struct table *seen, struct node *entry)
{
	void **place = table_place(w->arena, seen, entry->entry.key.text);
	struct node *first = *place;

	if (first)
		diag_secondary(diag_error(w->diags, "E0205", entry->entry.key.span, "`%s` is given twice",
					  entry->entry.key.text),
			       first->entry.key.span, "first here");
	*place = entry;
}

static bool set_somewhere(const struct compilation *child, const struct node *param)
{
	struct module *module = child->modules;
	const struct node *item = NULL;

	while ((item = environment_next(&module, item, NULL)))
		if (environment_setting(child, item->environment.name.text, param))
			return true;
	return false;
}

/* One that an environment sets is missing only where another is chosen: that is said when the run begins. */
static void require_params(struct walk *w, const struct compilation *child, const struct node *node,
			   const struct table *given)
{
	const struct module *module;
	const struct item *item;
	struct diag *diag = NULL;

	for (module = child->modules; module; module = module->next)
		for (item = items_of(module); item->node; item++) {
			const struct node *param = item->node;

			if (item->kind != NODE_PARAM || !param->symbol || !param->param.name.text ||
			    param->param.initial || table_find(given, param->param.name.text) ||
			    set_somewhere(child, param))
				continue;
			diag = diag_error(w->diags, "E0209", node->run_plan.path->span, "%s needs `%s`",
					  child->main->path, param->param.name.text);
			diag_secondary(diag, param->param.name.span, "this param has no default");
			diag_hint(diag, "give it: run plan … { %s: … }", param->param.name.text);
		}
}

/* The same param: one file, which both plans import. */
static struct symbol *shared_with(struct walk *w, const struct symbol *param)
{
	struct symbol *own = table_find(&w->checker->params, param->name);

	return own && !own->secret && strcmp(own->module->path, param->module->path) == 0 ? own : NULL;
}

static struct node *new_node(struct walk *w, enum node_kind kind, struct span at)
{
	struct node *node = arena_alloc(w->arena, sizeof(*node));

	*node = (struct node){ .kind = kind, .span = at };
	return node;
}

static void note_import(struct walk *w, const struct module *module)
{
	struct import *import = ((struct module_names *)w->module->names)->imports;

	for (; import; import = import->next)
		if (import->module == module)
			import->used = true;
}

/* `with shared`: as if each were written out, `site: site`. */
static void share_params(struct walk *w, const struct compilation *child, struct node *node, struct table *given)
{
	const struct module *module;
	const struct item *item;

	if (!node->run_plan.params)
		node->run_plan.params = new_node(w, NODE_RECORD, node->run_plan.path->span);
	node->run_plan.params->type = type_simple(TYPE_RECORD);
	for (module = child->modules; module; module = module->next)
		for (item = items_of(module); item->node; item++) {
			struct symbol *param = item->kind == NODE_PARAM ? item->node->symbol : NULL;
			struct symbol *own = param && !table_find(given, param->name) ? shared_with(w, param) : NULL;
			struct node *entry, *value;

			if (!own)
				continue;
			own->used = true;
			note_import(w, own->module);
			value = new_node(w, NODE_NAME, node->run_plan.path->span);
			value->name = own->name;
			value->symbol = own;
			value->type = own->type;
			entry = new_node(w, NODE_ENTRY, node->run_plan.path->span);
			entry->entry.key = (struct ident){ param->name, node->run_plan.path->span };
			entry->entry.value = value;
			entry->symbol = param;
			entry->next = node->run_plan.params->record.entries;
			node->run_plan.params->record.entries = entry;
			node->run_plan.params->record.count++;
			*table_place(w->arena, given, param->name) = entry;
		}
}

static void check_params(struct walk *w, const struct compilation *child, struct node *node)
{
	struct node *record = node->run_plan.params, *entry;
	struct table given = {0};
	bool known = true;

	if (record)
		record->type = type_simple(TYPE_RECORD);
	for (entry = record ? record->record.entries : NULL; entry; entry = entry->next) {
		if (entry->kind != NODE_ENTRY || !entry->entry.key.text)
			continue;
		refuse_double(w, &given, entry);
		if (child)
			known &= check_given(w, child, entry);
		else
			check_value(w, entry->entry.value);
	}
	if (child && node->run_plan.shared)
		share_params(w, child, node, &given);
	if (child && known) /* what is misspelt is there */
		require_params(w, child, node, &given);
}

/* ---- its lock ---- */

static const struct node *lock_of(const struct module *module)
{
	const struct item *item;
	const struct node *setting;

	for (item = items_of(module); item->node; item++)
		for (setting = item->kind == NODE_PLAN ? item->node->plan.settings : NULL; setting;
		     setting = setting->next)
			if (setting->kind == NODE_LOCK)
				return setting;
	return NULL;
}

static bool holds_plan(const struct module *module)
{
	const struct item *item = items_of(module);

	while (item->node && item->kind != NODE_PLAN)
		item++;
	return item->node != NULL;
}

/* A run holds one lock from its beginning to its end. Names that are computed are compared when the child
 * begins. */
static void check_lock(struct walk *w, const struct compilation *child, const struct node *node)
{
	const struct module *main = child->root->main;
	const struct node *wanted = lock_of(child->main), *held;
	const char *wanted_name, *held_name;
	struct diag *diag;

	if (!wanted || !main || !holds_plan(main))
		return;
	held = lock_of(main);
	wanted_name = node_literal_text(wanted->value, NULL);
	held_name = held ? node_literal_text(held->value, NULL) : NULL;
	if (held && (!wanted_name || !held_name || strcmp(wanted_name, held_name) == 0))
		return;
	diag = diag_error(w->diags, "E0705", node->run_plan.path->span,
			  held ? "%s wants another lock than this run holds"
			       : "%s wants a lock, and this run holds none",
			  child->main->path);
	diag_secondary(diag, wanted->span, "the child's lock");
	if (held)
		diag_secondary(diag, held->span, "the run's lock");
	diag_hint(
	    diag,
	    held ? "a run has one lock, from its beginning to its end: give both plans the same"
		 : "a run takes its lock at its beginning: write the same `lock` into the plan that is run");
}

/* ---- the statement ---- */

/* As tests see it: named by its file, its params are arguments that may be left out. */
static const struct signature *course_signature(struct walk *w, const struct compilation *child, const char *name)
{
	const struct table *params = &checker_of((struct compilation *)child)->params;
	struct signature *signature = arena_alloc(w->arena, sizeof(*signature));
	const struct module *module;
	const struct item *item;

	signature->name = name;
	signature->returns = type_simple(TYPE_VOID);
	signature->parameters = arena_alloc(w->arena, (params->count + 1) * sizeof(*signature->parameters));
	for (module = child->modules; module; module = module->next)
		for (item = items_of(module); item->node; item++)
			if (item->kind == NODE_PARAM && item->node->symbol && signature->count < params->count)
				signature->parameters[signature->count++] = (struct parameter){
				    .name = item->node->symbol->name,
				    .type = item->node->symbol->type,
				};
	return signature;
}

static void note_child(struct walk *w, struct node *node, struct compilation *child)
{
	struct callable *course = checker_of(child)->course;

	course->symbol.kind = SYMBOL_TASK;
	course->symbol.name = arena_printf(w->arena, "run plan \"%s\"", child->main->path);
	course->symbol.module = child->main;
	course->state = CALLABLE_DONE;
	course->signature = course_signature(w, child, course->symbol.name);
	child->course = &course->symbol;
	node->symbol = &course->symbol;
	note_site(w, node, NULL, course);
	note_child_people(w, child, node->span);
	if (w->function->symbol.node)
		w->function->runs_plan = node->span;
}

void check_run_plan(struct walk *w, struct node *node)
{
	struct compilation *child = child_plan(w, node);

	refuse_in_handler(w, node);
	check_params(w, child, node);
	note_risk(w, node->span);
	if (!child)
		return;
	check_lock(w, child, node);
	note_child(w, node, child);
}
