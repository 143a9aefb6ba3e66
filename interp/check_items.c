/* check_items.c - what stands among the items of a file; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

#include "interp/constant.h"

struct callable *callable_new(struct checker *checker)
{
	struct callable *callable = arena_alloc(checker->arena, sizeof(*callable));

	callable->sites_end = &callable->sites;
	callable->people_end = &callable->people;
	return callable;
}

static struct walk new_walk(struct checker *checker, struct module *module, struct callable *function)
{
	return (struct walk){
	    .checker = checker,
	    .arena = checker->arena,
	    .diags = checker->compilation->diags,
	    .module = module,
	    .function = function,
	    .global_position = UINT32_MAX,
	};
}

static void finish_callable(struct checker *checker, struct callable *callable)
{
	summarize_callable(callable);
	*checker->callables_end = callable;
	checker->callables_end = &callable->next;
}

/* ---- declaring ---- */

/* A file's own course begins with its first statement: a `let` above it is a constant, one below belongs to
 * it. */
static bool begins_course(enum node_kind kind)
{
	switch (kind) {
	case NODE_ERROR:
	case NODE_PLAN:
	case NODE_IMPORT:
	case NODE_PARAM:
	case NODE_SECRET:
	case NODE_ENVIRONMENT:
	case NODE_DEFAULTS:
	case NODE_FUNC:
	case NODE_TASK:
	case NODE_THRESHOLD:
	case NODE_TEST:
	case NODE_LET:
	case NODE_ON:
		return false;
	default:
		return true;
	}
}

static void refuse_clash(struct checker *checker, struct import *import, const struct module_name *taken,
			 const struct symbol *symbol)
{
	struct diag *diag;

	diag = diag_error(checker->compilation->diags, "E0603", import->node->span,
			  "this import brings `%s`, which is imported already", symbol->name);
	diag_secondary(diag, taken->symbol->span, "imported first");
	diag_secondary(diag, symbol->span, "the other one");
	diag_hint(diag, "keep the names apart: `import \"…\" as name`");
}

static void merge_names(struct checker *checker, struct module *module, struct import *import)
{
	struct module_names *names = module->names, *theirs = import->module->names;
	uint32_t i;

	for (i = 0; i < theirs->names.capacity; i++) {
		const struct module_name *name = theirs->names.slots[i].value;
		struct module_name *entry;
		void **place;

		if (!name || name->import || name->symbol->kind == SYMBOL_MODULE)
			continue;
		place = table_place(checker->arena, &names->names, name->symbol->name);
		if (*place) {
			if (((struct module_name *)*place)->symbol != name->symbol)
				refuse_clash(checker, import, *place, name->symbol);
			continue;
		}
		entry = arena_alloc(checker->arena, sizeof(*entry));
		*entry = (struct module_name){.symbol = name->symbol, .import = import};
		*place = entry;
	}
}

static void refuse_namespace(struct checker *checker, struct ident name)
{
	if (is_namespace(checker, name.text))
		diag_hint(diag_error(checker->compilation->diags, "E0604", name.span,
				     "`%s` is a group of builtins already", name.text),
			  "choose another name: what `%s.…` means would be unclear", name.text);
}

static void warn_imported_twice(struct checker *checker, const struct module *module, struct import *import)
{
	struct module_names *theirs = import->module->names;
	struct import **first = &theirs->imported[import->alias != NULL];

	if (theirs->importer != module)
		theirs->imported[0] = theirs->imported[1] = NULL;
	theirs->importer = module;
	if (!*first) {
		*first = import;
		return;
	}
	diag_secondary(diag_warning(checker->compilation->diags, "L0102", import->node->span,
				    "%s is imported twice", import->module->path),
		       (*first)->node->span, "first here");
	import->used = true;
}

static void declare_import(struct checker *checker, struct module *module, struct import *import)
{
	if (import->module)
		warn_imported_twice(checker, module, import);
	if (import->alias) {
		refuse_namespace(checker, import->node->import.alias);
		declare_global(checker, module, import->node, import->node->import.alias, SYMBOL_MODULE);
	} else if (import->module) {
		merge_names(checker, module, import);
	}
}

static void declare_environment(struct checker *checker, struct node *node)
{
	void **place;
	struct diag *diag;

	if (!node->environment.name.text)
		return;
	/* The same environment in several files adds up; what the importing file sets counts. */
	place = table_place(checker->arena, &checker->environments, node->environment.name.text);
	if (*place && ((struct node *)*place)->span.file == node->span.file) {
		diag = diag_error(checker->compilation->diags, "E0603", node->environment.name.span,
				  "the environment `%s` is declared twice", node->environment.name.text);
		diag_secondary(diag, ((struct node *)*place)->environment.name.span, "first here");
		return;
	}
	*place = node;
}

static void declare_item(struct checker *checker, struct module *module, struct node *item, bool in_course)
{
	switch (item->kind) {
	case NODE_PARAM:
		declare_global(checker, module, item, item->param.name, SYMBOL_PARAM);
		break;
	case NODE_SECRET:
		declare_global(checker, module, item, item->secret.name, SYMBOL_SECRET)->secret = true;
		break;
	case NODE_FUNC:
		declare_global(checker, module, item, item->callable.name, SYMBOL_FUNC);
		break;
	case NODE_TASK:
		declare_global(checker, module, item, item->callable.name, SYMBOL_TASK);
		break;
	case NODE_THRESHOLD:
		declare_global(checker, module, item, item->callable.name, SYMBOL_THRESHOLD)->effect =
		    EFFECT_READ;
		break;
	case NODE_LET:
		if (!in_course)
			declare_global(checker, module, item, item->binding.name, SYMBOL_CONSTANT);
		break;
	case NODE_ENVIRONMENT:
		declare_environment(checker, item);
		break;
	default:
		break;
	}
}

void declare_items(struct checker *checker, struct module *module)
{
	struct import *import;
	const struct item *item;
	bool in_course = false;

	for (import = ((struct module_names *)module->names)->imports; import; import = import->next)
		declare_import(checker, module, import);
	for (item = items_of(module); item->node; item++) {
		in_course = in_course || begins_course(item->kind);
		declare_item(checker, module, item->node, in_course);
	}
}

/* ---- params and environments ---- */

#define URL_HINT "a url is written like https://host:8443/path"

/* What is written out is held to the type and the condition of its param before anything runs. */
void check_param_takes(struct walk *w, const struct symbol *param, const struct node *value)
{
	const struct node *condition = param->node->param.condition;
	struct value given, held;
	struct span where;
	struct diag *diag;

	if ((!condition && param->type->kind != TYPE_URL) || value->type->kind == TYPE_ERROR ||
	    !constant_with_lets(value, &given, &where))
		return;
	if (!type_fits(param->type, given)) {
		diag = diag_error(w->diags, "E0212", value->span, "`%s` does not take this value", param->name);
		diag_hint(diag, URL_HINT);
	} else if (condition && constant_condition(condition, param, given, &held)) {
		if (!value_truthy(held)) {
			diag = diag_error(w->diags, "E0212", value->span, "`%s` does not take this value",
					  param->name);
			diag_secondary(diag, condition->span, "its condition");
		}
		value_release(held);
	}
	value_release(given);
}

static void check_param(struct walk *w, struct node *node)
{
	struct symbol *symbol = node->symbol;

	symbol->type = type_of_node(w, node->param.type);
	w->in_param = true;
	w->global_position = node->param.name.span.from;
	check_pure(w, "the default of a param", node->param.initial, symbol->type, NULL);
	if (node->param.initial)
		check_shown(w, node->param.initial->span, w->taint, "a param: use `secret name = …`");
	w->global_position = node->span.to;
	if (node->param.condition) {
		struct place *place = place_open(w, PLACE_PURE, node);

		place->reason = "the condition of a param";
		check_condition(w, node->param.condition, "where");
		place_close(w, place);
	}
	if (node->param.initial)
		check_param_takes(w, symbol, node->param.initial);
	w->global_position = UINT32_MAX;
	w->in_param = false;
}

void report_unknown_param(struct walk *w, const struct node *target)
{
	struct module_names *names = w->module->names;
	struct candidates candidates = candidates_for(w->diags, target->name);
	const char *nearest;
	struct diag *diag;
	uint32_t i;

	for (i = 0; i < names->names.capacity; i++) {
		const struct module_name *name = names->names.slots[i].value;

		if (name && name->symbol->kind == SYMBOL_PARAM)
			candidates_add(w->arena, &candidates, name->symbol->name);
	}
	if (declared_in_error(w, target->name))
		return;
	diag = diag_error(w->diags, "E0601", target->span, "there is no param `%s`", target->name);
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
	else
		diag_hint(diag, "only what is declared with `param` can be set");
}

static struct symbol *setting_param(struct walk *w, struct node *target)
{
	struct symbol *symbol;

	if (target->kind == NODE_FIELD && target->field.object->kind == NODE_NAME) {
		symbol = find_symbol(w, target->field.object->name);
		if (symbol && symbol->kind == SYMBOL_MODULE)
			symbol = symbol_through_import(w, target, symbol);
		return symbol && symbol->kind == SYMBOL_PARAM ? symbol : NULL;
	}
	if (target->kind != NODE_NAME)
		return NULL;
	symbol = find_symbol(w, target->name);
	if (symbol && symbol->kind == SYMBOL_PARAM)
		return symbol;
	report_unknown_param(w, target);
	return NULL;
}

/* `seen`: the settings before, by the name of their param, which no other param has. */
static void refuse_double_setting(struct walk *w, struct table *seen, struct node *setting)
{
	void **place;

	if (!setting->symbol)
		return;
	place = table_place(w->arena, seen, setting->symbol->name);
	if (*place)
		diag_secondary(diag_error(w->diags, "E0603", setting->setting.target->span,
					  "`%s` is set twice", setting->symbol->name),
			       ((struct node *)*place)->setting.target->span, "first here");
	else
		*place = setting;
}

/* Which values an environment sets must be known before anything runs. */
/* A call that is refused as an effect. */
static bool has_effect(const struct node *node)
{
	return node->kind == NODE_CALL && node->builtin && node->builtin->effect != EFFECT_PURE;
}

static void check_setting(struct walk *w, struct node *setting)
{
	struct value value;
	struct span where;
	struct diag *diag;

	setting->symbol = setting_param(w, setting->setting.target);
	setting->setting.target->symbol = setting->symbol;
	check_pure(w, "a value of an environment", setting->setting.value,
		   setting->symbol && setting->symbol->type ? setting->symbol->type : type_simple(TYPE_ANY),
		   NULL);
	if (setting->setting.value->kind == NODE_ERROR || setting->setting.value->type->kind == TYPE_ERROR)
		return;
	if (!constant_evaluate(setting->setting.value, false, &value, &where) &&
	    !has_effect(setting->setting.value)) {
		diag = diag_error(w->diags, "E0612", where,
				  "a value of an environment is written out, not computed");
		diag_hint(diag, "set what differs as params, and compute from them in a `let`");
	}
	value_release(value);
	if (setting->symbol && setting->symbol->node)
		check_param_takes(w, setting->symbol, setting->setting.value);
}

static void check_environment(struct walk *w, struct node *node)
{
	struct table seen = {0};
	struct node *setting;

	for (setting = node->environment.settings; setting; setting = setting->next)
		if (setting->kind == NODE_SETTING) {
			check_setting(w, setting);
			refuse_double_setting(w, &seen, setting);
		}
}

static void refuse_second_default(struct walk *w, const struct module *module)
{
	const struct node *first = NULL;
	const struct item *item;

	for (item = items_of(module); item->node; item++) {
		if (item->kind != NODE_ENVIRONMENT || !item->node->environment.is_default)
			continue;
		if (first) {
			diag_secondary(diag_error(w->diags, "E0603", item->node->environment.name.span,
						  "two environments are the default"),
				       first->environment.name.span, "the other one");
			return;
		}
		first = item->node;
	}
}

/* ---- secrets ---- */

static void check_secret(struct walk *w, struct node *node)
{
	static const char *const sources[] = {"env", "file", "credential", "prompt"};
	struct node *source = node->secret.source, *argument;
	const char *name = source && source->kind == NODE_CALL && source->call.callee->kind == NODE_NAME
			       ? source->call.callee->name
			       : NULL;
	const char *nearest;
	struct diag *diag;
	size_t i;

	node->symbol->type = type_simple(TYPE_STRING);
	if (!source || source->kind == NODE_ERROR)
		return;
	w->global_position = node->secret.name.span.from;
	if (name && strcmp(name, "secret") == 0) {
		check_pure(w, "the source of a secret", source, type_simple(TYPE_ANY), NULL);
		node->symbol->type = source->type;
		w->global_position = UINT32_MAX;
		return;
	}
	w->global_position = UINT32_MAX;
	for (i = 0; i < 4; i++)
		if (name && strcmp(sources[i], name) == 0)
			break;
	if (i == 4) {
		diag = diag_error(w->diags, "E0611", source->span,
				  "a secret comes from `env(…)`, `file(…)`, `credential(…)` or `prompt(…)`");
		nearest = name ? suggest_name(name, sources, 4) : NULL;
		if (nearest)
			diag_hint(diag, "did you mean `%s(…)`?", nearest);
		else
			diag_hint(diag, "`secret(expression)` marks a value that came otherwise");
		return;
	}
	source->type = type_simple(TYPE_STRING);
	argument = source->call.arguments;
	if (!argument || argument->next || argument->kind != NODE_ARGUMENT || argument->argument.name.text) {
		diag_error(w->diags, "E0611", source->span, "`%s` takes exactly one text here", name);
		return;
	}
	w->global_position = node->secret.name.span.from;
	check_pure(w, "the source of a secret", argument->argument.value, type_simple(TYPE_STRING), name);
	check_shown(w, argument->argument.value->span, w->taint, "the name of a secret's source");
	w->global_position = UINT32_MAX;
	if (strcmp(name, "prompt") == 0)
		note_person(w, "ask", label_text(w, argument->argument.value), NULL, source->span);
}

/* ---- defaults ---- */

/* One that is written out is held to what a URL is. */
static void check_url(struct walk *w, const struct node *value, const struct type *type, const char *what)
{
	struct value given;
	struct span where;
	struct diag *diag;

	if (value->type->kind == TYPE_ERROR || !constant_with_lets(value, &given, &where))
		return;
	if (!type_fits(type, given)) {
		diag = diag_error(w->diags, "E0212", value->span, "%s does not take this value", what);
		diag_hint(diag, URL_HINT);
	}
	value_release(given);
}

static bool has_parameter(struct walk *w, const struct builtin *row, const char *name, struct node *value)
{
	const struct signature *signature = signature_of_builtin(w->checker->compilation, row);
	size_t i;

	for (i = 0; i < signature->count; i++)
		if (strcmp(signature->parameters[i].name, name) == 0) {
			if (value->type)
				want_type(w, value, signature->parameters[i].type, name);
			if (value->type && signature->parameters[i].type->kind == TYPE_URL)
				check_url(w, value, signature->parameters[i].type,
					  arena_printf(w->arena, "`%s` of `%s`", name, row->name));
			if (w->taint && !signature->parameters[i].type->secret)
				check_shown(w, value->span, w->taint,
					    arena_printf(w->arena, "`%s` of `%s`", name, row->name));
			return true;
		}
	return false;
}

static void suggest_argument(struct walk *w, struct diag *diag, const char *space, const char *name)
{
	struct candidates candidates = candidates_for(w->diags, name);
	const char *nearest;
	size_t i, length = strlen(space);
	uint32_t s;

	for (s = 0; s < w->checker->builtins.capacity; s++) {
		const char *key = w->checker->builtins.slots[s].key;
		const struct signature *signature;

		if (!key || strncmp(key, space, length) != 0 || (key[length] != '.' && key[length]))
			continue;
		signature =
		    signature_of_builtin(w->checker->compilation, w->checker->builtins.slots[s].value);
		for (i = 0; i < signature->count; i++)
			candidates_add(w->arena, &candidates, signature->parameters[i].name);
	}
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", space, nearest);
}

static bool default_applies(struct walk *w, const char *space, const char *name, struct node *value,
			    bool *known)
{
	const struct registry *registry = w->checker->compilation->registry;
	size_t t, r, length = strlen(space);
	bool found = false;
	uint32_t errors = w->diags->errors;

	for (t = 0; t < registry->table_count; t++)
		for (r = 0; r < registry->tables[t]->row_count; r++) {
			const struct builtin *row = &registry->tables[t]->rows[r];

			if ((row->flags & BUILTIN_INTERNAL) || strncmp(row->name, space, length) != 0 ||
			    (row->name[length] && row->name[length] != '.'))
				continue;
			*known = true;
			found |= has_parameter(w, row, name, value);
			if (w->diags->errors > errors)
				return true;
		}
	return found;
}

static void check_default(struct walk *w, struct node *setting)
{
	struct node *target = setting->setting.target;
	struct place *place;
	bool known = false;
	struct diag *diag;
	const char *space;
	size_t written;

	place = place_open(w, PLACE_PURE, setting);
	place->reason = "a default";
	check_value(w, setting->setting.value);
	place_close(w, place);
	if (target->kind == NODE_ERROR)
		return;
	if (target->kind != NODE_FIELD || !target->field.name.text) {
		diag = diag_error(w->diags, "E0613", target->span,
				  "a default is given as `group.argument = value`");
		diag_hint(diag, "for example `http.timeout = 5s`");
		return;
	}
	written = target->field.object->span.to - target->field.object->span.from;
	space = arena_strndup(
	    w->arena, source_text(w->checker->compilation->sources, target->field.object->span), written);
	*table_place(w->arena, &w->checker->defaults,
		     arena_printf(w->arena, "%s.%s", space, target->field.name.text)) =
	    setting->setting.value;
	if (default_applies(w, space, target->field.name.text, setting->setting.value, &known))
		return;
	if (!known) {
		report_unknown_namespace(w, target->field.object, space, target->field.name.text);
		return;
	}
	diag = diag_error(w->diags, "E0613", target->field.name.span, "no call of `%s` has an argument `%s`",
			  space, target->field.name.text);
	suggest_argument(w, diag, space, target->field.name.text);
}

static void check_defaults(struct walk *w, struct node *node)
{
	struct node *setting;

	for (setting = node->defaults.settings; setting; setting = setting->next)
		if (setting->kind == NODE_SETTING)
			check_default(w, setting);
}

/* ---- constants ---- */

static void check_constant(struct walk *w, struct node *node)
{
	struct place *place = place_open(w, PLACE_PURE, node);

	place->reason = "a constant";
	w->global_position = node->binding.name.span.from;
	node->symbol->type = check_value(w, node->binding.value);
	node->symbol->secret = w->taint != 0;
	w->global_position = UINT32_MAX;
	place_close(w, place);
}

void check_globals(struct checker *checker, struct module *module)
{
	struct callable *function = callable_new(checker);
	struct walk w = new_walk(checker, module, function);
	struct place *body = place_open(&w, PLACE_BODY, module->file);
	const struct item *item;

	for (item = items_of(module); item->node; item++) {
		if (item->kind == NODE_PARAM)
			check_param(&w, item->node);
		else if (item->kind == NODE_SECRET)
			check_secret(&w, item->node);
		else if (item->kind == NODE_LET && item->node->symbol)
			check_constant(&w, item->node);
	}
	for (item = items_of(module); item->node; item++) {
		if (item->kind == NODE_ENVIRONMENT)
			check_environment(&w, item->node);
		else if (item->kind == NODE_DEFAULTS)
			check_defaults(&w, item->node);
	}
	refuse_second_default(&w, module);
	place_close(&w, body);
	finish_callable(checker, function);
	if (function->people) {
		*function->people_end = checker->asked;
		checker->asked = function->people;
	}
}

/* ---- funcs, tasks ---- */

/* What a call leaves out is evaluated where the call stands, so it may read constants only. */
static void check_argument_defaults(struct walk *w, struct node *node)
{
	const struct signature *signature = signature_of_symbol(w->checker->compilation, node->symbol);
	struct node *param;
	size_t i = 0;

	for (param = node->callable.params; param; param = param->next)
		if (param->kind == NODE_PARAM)
			check_pure(w, "the default of an argument", param->param.initial,
				   signature->parameters[i++].type, NULL);
}

static void declare_arguments(struct walk *w, struct node *node)
{
	const struct signature *signature = signature_of_symbol(w->checker->compilation, node->symbol);
	struct node *param;
	struct local *local;
	size_t i = 0;

	for (param = node->callable.params; param; param = param->next) {
		if (param->kind != NODE_PARAM)
			continue;
		local = declare_local(w, param, param->param.name, signature->parameters[i].type);
		local->mask = UINT64_C(1) << (i % SECRET_PARAMETERS);
		local->symbol.used = true;
		signature->parameters[i++].symbol = &local->symbol;
	}
}

static void require_result(struct walk *w, struct node *node, struct callable *callable)
{
	bool returns = node->callable.body && node->callable.body->kind == NODE_BLOCK &&
		       block_returns(node->callable.body);
	struct diag *diag;

	if (returns || (!callable->result && !callable->declared))
		return;
	if (callable->declared && callable->declared->kind != TYPE_ERROR && node->kind == NODE_FUNC) {
		diag = diag_error(w->diags, "E0509", node->callable.result->span,
				  "`%s` does not always return a value", node->callable.name.text);
		diag_hint(diag, "let every way through it end in `return` or `fail`");
	} else if (callable->result) {
		callable->result = type_nullable(w->arena, callable->result);
	}
}

static void check_routine(struct walk *w, struct node *node, struct callable *callable)
{
	struct place *pure = NULL;

	if (node->kind == NODE_FUNC) {
		pure = place_open(w, PLACE_PURE, node);
		pure->reason = "a func";
	}
	if (node->callable.body && node->callable.body->kind == NODE_BLOCK)
		check_block(w, node->callable.body);
	require_result(w, node, callable);
	if (pure)
		place_close(w, pure);
	if (node->kind == NODE_FUNC && !callable->result && !callable->declared && node->callable.body &&
	    node->callable.body->kind == NODE_BLOCK) {
		diag_hint(diag_error(w->diags, "E0509", node->callable.name.span,
				     "the func `%s` returns nothing", node->callable.name.text),
			  "a func is pure: its answer is all it gives; what acts is a `task`");
		callable->result = type_simple(TYPE_ERROR);
	}
}

/* ---- bodies ---- */

void check_callable(struct checker *checker, struct callable *callable)
{
	struct node *node = callable->symbol.node;
	struct walk w = new_walk(checker, callable->symbol.module, callable);
	struct place *body;
	struct scope scope;

	if (callable->state != CALLABLE_NEW)
		return;
	callable->state = CALLABLE_BUSY;
	body = place_open(&w, PLACE_BODY, node);
	check_argument_defaults(&w, node);
	scope_open(&w, &scope, NULL, true);
	declare_arguments(&w, node);
	if (node->kind == NODE_THRESHOLD)
		check_threshold(&w, node, callable);
	else
		check_routine(&w, node, callable);
	scope_close(&w, &scope);
	place_close(&w, body);
	callable->state = CALLABLE_DONE;
	finish_callable(checker, callable);
}

void check_callables(struct checker *checker, struct module *module)
{
	const struct item *item;

	for (item = items_of(module); item->node; item++)
		if (item->kind == NODE_FUNC || item->kind == NODE_TASK || item->kind == NODE_THRESHOLD)
			check_callable(checker, (struct callable *)item->node->symbol);
}

/* ---- the plan itself ---- */

static void check_plan_settings(struct walk *w, struct node *plan)
{
	struct node *setting, *seen[3] = {NULL, NULL, NULL};
	int which;

	check_text(w, plan->plan.title, "a title");
	for (setting = plan->plan.settings; setting; setting = setting->next) {
		which = setting->kind == NODE_LOCK	 ? 0
			: setting->kind == NODE_TIMEOUT	 ? 1
			: setting->kind == NODE_ROLLBACK ? 2
							 : -1;
		if (which < 0)
			continue;
		if (seen[which])
			diag_secondary(
			    diag_error(w->diags, "E0505", setting->span, "this setting is written twice"),
			    seen[which]->span, "first here");
		seen[which] = setting;
		if (which == 0) {
			check_pure(w, "the name of a lock", setting->value, type_simple(TYPE_STRING), "lock");
			check_shown(w, setting->value->span, w->taint, "the name of a lock");
		} else if (which == 1) {
			check_pure(w, "a setting of the plan", setting->value, type_simple(TYPE_DURATION),
				   "timeout");
			want_positive(w, setting->value, "a timeout");
		} else {
			check_pure(w, "a setting of the plan", setting->rollback.within,
				   type_simple(TYPE_DURATION), "rollback within");
			want_positive(w, setting->rollback.within, "the time for the rollback");
		}
	}
}

static void refuse_second_plan(struct walk *w, const struct node *plan)
{
	const struct node *item;

	for (item = w->module->file->file.items; item != plan; item = item->next)
		if (item->kind == NODE_PLAN) {
			diag_secondary(diag_error(w->diags, "E0505", plan->span, "a file holds one plan"),
				       item->span, "the first one");
			return;
		}
}

static bool is_course(const struct item *item)
{
	return begins_course(item->kind) || (item->kind == NODE_LET && !item->node->symbol);
}

static void check_course(struct walk *w, struct module *module)
{
	const struct item *item;

	for (item = items_of(module); item->node; item++) {
		if (item->kind == NODE_PLAN) {
			refuse_second_plan(w, item->node);
			check_plan_settings(w, item->node);
		} else if (is_course(item)) {
			check_statement(w, item->node);
		}
	}
	/* The handlers run when the course is over, so they see all of it, wherever they are written. */
	for (item = items_of(module); item->node; item++)
		if (item->kind == NODE_ON)
			check_handler(w, item->node);
}

void check_plan_items(struct checker *checker, struct module *module)
{
	struct callable *function = callable_new(checker);
	struct walk w = new_walk(checker, module, function);
	struct place *body = place_open(&w, PLACE_BODY, module->file);
	struct scope scope;
	const struct item *item;

	if (module->main)
		checker->course = function;
	scope_open(&w, &scope, module->file->file.items, true);
	check_course(&w, module);
	for (item = items_of(module); item->node; item++)
		if (item->kind == NODE_TEST)
			check_test(&w, item->node);
	scope_close(&w, &scope);
	place_close(&w, body);
	finish_callable(checker, function);
}
