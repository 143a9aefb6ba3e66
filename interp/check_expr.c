/* check_expr.c - types and units of expressions; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

/* A hint that lists the fields of a record lists at most so many. */
#define FIELDS_SHOWN_MAX 12

const struct type *check_part(struct walk *w, struct node *node, uint64_t *taint)
{
	const struct type *type = check_value(w, node);

	*taint |= w->taint;
	return type;
}

bool literal_int(const struct node *node, int64_t *out)
{
	if (!node || node->kind != NODE_INT)
		return false;
	*out = node->integer;
	return true;
}

int64_t literal_duration(const struct node *node)
{
	return node && node->kind == NODE_DURATION ? node->integer : -1;
}

/* ---- names ---- */

static const struct type *special_type(enum special special)
{
	static const struct type maybe_text = {.kind = TYPE_STRING, .nullable = true};
	static const struct type text = {.kind = TYPE_STRING}, time = {.kind = TYPE_TIME},
				 any = {.kind = TYPE_ANY};
	static const struct type_field failure[] = {
	    {"step", &maybe_text}, {"message", &text}, {"kind", &text}, {"breach", &any}, {"detail", &any},
	};
	static const struct type_field run[] = {
	    {"id", &text},
	    {"started", &time},
	    {"operator", &maybe_text},
	    {"environment", &maybe_text},
	};
	static const struct type_field plan[] = {{"title", &text}, {"version", &maybe_text}};
	static const struct type types[] = {
	    [SPECIAL_FAILURE] = {.kind = TYPE_RECORD, .fields = failure, .field_count = 5},
	    [SPECIAL_RUN] = {.kind = TYPE_RECORD, .fields = run, .field_count = 4},
	    [SPECIAL_PLAN] = {.kind = TYPE_RECORD, .fields = plan, .field_count = 2},
	};

	return &types[special];
}

static bool failure_is_known(const struct walk *w)
{
	const struct place *place;

	for (place = w->place; place; place = place->outer)
		if (place->kind == PLACE_QUESTION ||
		    (place->kind == PLACE_HANDLER && place->node->on.event != EVENT_SUCCESS))
			return true;
	return false;
}

static const struct type *check_special(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct diag *diag;

	if (symbol->special == SPECIAL_FAILURE && !failure_is_known(w)) {
		diag = diag_error(w->diags, "E0608", node->span,
				  "`failure` can be read only where something has failed");
		diag_hint(diag, "that is in `on failure`, `on rollback`, `finally` and after a test's `run`; "
				"a task is given what it needs as arguments");
		return type_simple(TYPE_ERROR);
	}
	if (symbol->special == SPECIAL_RUN &&
	    (w->global_position != UINT32_MAX || place_find(w, PLACE_PURE)) &&
	    !place_find(w, PLACE_QUESTION)) {
		diag = diag_error(w->diags, "E0608", node->span, "`run` is not known before the run");
		diag_hint(diag, "it can be read in steps, tasks and handlers");
		return type_simple(TYPE_ERROR);
	}
	return special_type(symbol->special);
}

/* Params get their values first, then constants and secrets, each from the top to the bottom. */
static bool global_is_ready(struct walk *w, const struct node *node, struct symbol *symbol)
{
	bool is_param = symbol->kind == SYMBOL_PARAM;
	struct diag *diag;

	if (!is_param)
		w->function->reads_constants = true;
	if (w->in_param && !is_param) {
		diag = diag_error(w->diags, "E0602", node->span, "%s has no value yet when params get theirs",
				  symbol_phrase(w->arena, symbol));
		diag_secondary(diag, symbol->span, "declared here");
		diag_hint(diag, "write the value out, or make it a param too");
		return false;
	}
	if (symbol->module != w->module || (is_param && !w->in_param))
		return true;
	if (!is_param && w->function->latest_global < symbol->span.from)
		w->function->latest_global = symbol->span.from;
	if (w->global_position == UINT32_MAX || symbol->span.from < w->global_position)
		return true;
	diag = diag_error(w->diags, "E0602", node->span, "`%s` is used before it is declared", symbol->name);
	diag_secondary(diag, symbol->span, "declared here");
	diag_hint(diag, "%s get their values from the top to the bottom: move it up",
		  is_param ? "params" : "constants");
	return false;
}

static bool name_is_guarded(const struct walk *w, const struct symbol *symbol)
{
	const struct guard *guard;

	if (w->allows_null)
		return true;
	for (guard = w->guards; guard; guard = guard->outer)
		if (mentions_null(guard->condition, symbol))
			return true;
	return false;
}

/*
 * A handler starts from values on record; whether they were assigned is looked at when all effects are known.
 */
static void note_handler_use(struct walk *w, struct node *node, struct local *local)
{
	struct place *place = w->place;
	struct handler_use *use;

	while (place && place->kind != PLACE_ROLLBACK && place->kind != PLACE_HANDLER)
		place = place->outer;
	if (!place || place_encloses(place, local->place))
		return;
	use = arena_alloc(w->arena, sizeof(*use));
	*use = (struct handler_use){.node = node, .local = local, .place = w->place};
	use->allows_null = name_is_guarded(w, &local->symbol);
	*w->checker->handler_uses_end = use;
	w->checker->handler_uses_end = &use->next;
}

static const struct type *refuse_as_value(struct walk *w, const struct node *node,
					  const struct symbol *symbol)
{
	struct diag *diag =
	    diag_error(w->diags, "E0609", node->span, "%s is no value", symbol_phrase(w->arena, symbol));

	switch (symbol->kind) {
	case SYMBOL_FUNC:
	case SYMBOL_TASK:
		diag_hint(diag, "call it: `%s(…)`", symbol->name);
		break;
	case SYMBOL_THRESHOLD:
		diag_hint(diag, "measure it: `sample(%s)`, or hold it: `hold 5m watching %s`", symbol->name,
			  symbol->name);
		break;
	case SYMBOL_STEP:
		diag_hint(diag, "its `let`s can be read when it has finished: `%s.name`", symbol->name);
		break;
	default:
		diag_hint(diag, "its names are read through it: `%s.name`", symbol->name);
		break;
	}
	return type_simple(TYPE_ERROR);
}

/* What the course of the plan works out, in a test that has not run it yet. */
static bool is_of_the_run(struct walk *w, const struct node *node, const struct symbol *symbol)
{
	const struct place *test = place_find(w, PLACE_TEST);
	struct diag *diag;

	if (!test || place_find(w, PLACE_QUESTION) || symbol->span.file != test->node->span.file ||
	    (symbol->span.from >= test->node->span.from && symbol->span.to <= test->node->span.to))
		return false;
	diag = diag_error(w->diags, "E0602", node->span, "`%s` has no value before the run", symbol->name);
	diag_secondary(diag, symbol->span, "the run gives it one");
	diag_hint(diag, "constants, params and the test's own `let`s are known here");
	return true;
}

static const struct type *check_symbol(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct local *local;

	node->symbol = symbol;
	symbol->used = true;
	w->taint = 0;
	switch (symbol->kind) {
	case SYMBOL_LOCAL:
		if (is_of_the_run(w, node, symbol))
			return type_simple(TYPE_ERROR);
		local = (struct local *)symbol;
		w->taint = local->mask;
		note_handler_use(w, node, local);
		break;
	case SYMBOL_SECRET:
		w->taint = SECRET_ITSELF;
		/* fall through */
	case SYMBOL_CONSTANT:
	case SYMBOL_PARAM:
		if (symbol->secret)
			w->taint = SECRET_ITSELF;
		if (!global_is_ready(w, node, symbol))
			return type_simple(TYPE_ERROR);
		break;
	case SYMBOL_SPECIAL:
		return check_special(w, node, symbol);
	default:
		return refuse_as_value(w, node, symbol);
	}
	return symbol->type ? symbol->type : type_simple(TYPE_ERROR);
}

static const struct type *check_name(struct walk *w, struct node *node)
{
	struct symbol *symbol = find_symbol(w, node->name);
	struct diag *diag;

	w->taint = 0;
	if (symbol)
		return check_symbol(w, node, symbol);
	if (w->in_signature)
		return type_simple(TYPE_ANY); /* `default`: the row's own affair */
	if (strcmp(node->name, "_") == 0 && place_find(w, PLACE_TEST) && !place_find(w, PLACE_QUESTION))
		return type_simple(TYPE_NULL);
	if (find_builtin(w->checker, node->name)) {
		diag = diag_error(w->diags, "E0609", node->span, "the builtin `%s` is no value", node->name);
		diag_hint(diag, "call it: `%s(…)`", node->name);
	} else if (is_namespace(w->checker, node->name)) {
		diag = diag_error(w->diags, "E0609", node->span, "`%s` is a group of builtins and no value",
				  node->name);
		diag_hint(diag, "`runplan doc %s` lists its calls", node->name);
	} else {
		report_unknown_name(w, node, node->name, false);
	}
	return type_simple(TYPE_ERROR);
}

/* ---- fields ---- */

static struct import *find_import(struct walk *w, const struct symbol *symbol)
{
	struct module_names *names = w->module->names;
	struct import *import = names->imports;

	while (import && import->node != symbol->node)
		import = import->next;
	return import;
}

struct symbol *symbol_through_import(struct walk *w, struct node *node, struct symbol *alias)
{
	struct import *import = find_import(w, alias);
	struct candidates candidates = candidates_for(w->diags, node->field.name.text);
	struct module_names *names;
	struct symbol *symbol;
	const char *nearest;
	struct diag *diag;
	uint32_t i;

	if (!import || !import->module)
		return NULL;
	import->used = true;
	symbol = module_symbol(import->module, node->field.name.text);
	if (symbol)
		return symbol;
	names = import->module->names;
	for (i = 0; i < names->names.capacity; i++) {
		const struct module_name *name = names->names.slots[i].value;

		if (name && !name->import)
			candidates_add(w->arena, &candidates, names->names.slots[i].key);
	}
	diag = diag_error(w->diags, "E0601", node->field.name.span, "%s declares no `%s`",
			  import->module->path, node->field.name.text);
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", alias->name, nearest);
	else
		diag_hint(diag, "an import brings params, constants, secrets, funcs, tasks and thresholds; "
				"steps stay behind");
	return NULL;
}

/* May the `let`s of this step be read here? Only when it has surely ended. */
static bool step_is_over(struct walk *w, const struct node *node, const struct step *step)
{
	const char *name = step->local.symbol.name;
	const struct place *place;
	struct diag *diag;

	if (!step->finished || place_encloses(step->standing, w->place)) {
		diag = diag_error(w->diags, "E0610", node->span, "the step `%s` has not finished here", name);
		diag_secondary(diag, step->local.symbol.span, "this step");
		diag_hint(diag, "inside the step its names are read as they are: `%s`",
			  node->field.name.text);
		return false;
	}
	for (place = step->standing->outer; place; place = place->outer)
		if (place->kind == PLACE_BRANCH && !place_encloses(place, w->place) &&
		    place_encloses(place->outer, w->place)) {
			diag = diag_error(w->diags, "E0610", node->span,
					  "the step `%s` runs side by side with this one", name);
			diag_secondary(diag, step->local.symbol.span, "this step");
			diag_hint(diag, "what it finds can be read after the `parallel` block");
			return false;
		}
	return true;
}

static struct symbol *find_let(struct walk *w, struct step *step, const char *name)
{
	struct symbol *let;

	if (!step->lets_by_name.count)
		for (let = step->local.symbol.lets; let; let = let->next)
			*table_place(w->arena, &step->lets_by_name, let->name) = let;
	return table_find(&step->lets_by_name, name);
}

static const struct type *check_step_let(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct candidates candidates;
	const char *nearest;
	struct symbol *let;
	struct diag *diag;

	node->field.object->symbol = symbol;
	if (!step_is_over(w, node, (struct step *)symbol))
		return type_simple(TYPE_ERROR);
	let = find_let(w, (struct step *)symbol, node->field.name.text);
	if (let)
		return check_symbol(w, node, let);
	candidates = candidates_for(w->diags, node->field.name.text);
	for (let = symbol->lets; let; let = let->next)
		candidates_add(w->arena, &candidates, let->name);
	diag = diag_error(w->diags, "E0610", node->field.name.span, "the step `%s` has no `let %s`",
			  symbol->name, node->field.name.text);
	diag_secondary(diag, symbol->span, "this step");
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", symbol->name, nearest);
	else
		diag_hint(diag, "only a `let` directly in the step's own block can be read after it");
	return type_simple(TYPE_ERROR);
}

static void report_no_field(struct walk *w, const struct node *node, const struct type *type)
{
	struct candidates candidates = candidates_for(w->diags, node->field.name.text);
	const char *nearest;
	struct diag *diag;
	size_t i;

	for (i = 0; i < type->field_count; i++)
		candidates_add(w->arena, &candidates, type->fields[i].name);
	diag = diag_error(w->diags, "E0205", node->field.name.span, "%s has no field `%s`",
			  type_phrase(w->arena, type), node->field.name.text);
	diag_secondary(diag, node->field.object->span, NULL);
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
	else if (type->kind == TYPE_LIST)
		diag_hint(diag, "a list is read by number, `[0]`, or with `[x.%s for x in …]`",
			  node->field.name.text);
	else if (type->field_count && type->field_count <= FIELDS_SHOWN_MAX)
		diag_hint(diag, "its fields are %s",
			  type_text(w->arena, type->name ? &(struct type){.kind = TYPE_RECORD,
									  .fields = type->fields,
									  .field_count = type->field_count}
							 : type));
}

static const struct type *field_of(struct walk *w, const struct node *node, const struct type *type)
{
	const struct type_field *field;

	if (type_is_loose(type))
		return type;
	field = type->kind == TYPE_RECORD ? type_find_field(type, node->field.name.text) : NULL;
	if (field)
		return field->type;
	if (type->kind == TYPE_RECORD && type->open)
		return type_simple(TYPE_ANY);
	report_no_field(w, node, type);
	return type_simple(TYPE_ERROR);
}

static const struct type *check_builtin_as_value(struct walk *w, const struct node *node)
{
	const char *space = node->field.object->name;
	const char *name = dotted_name(w->arena, space, node->field.name.text);
	struct diag *diag;

	if (find_builtin(w->checker, name)) {
		diag = diag_error(w->diags, "E0609", node->span, "the builtin `%s` is no value", name);
		diag_hint(diag, "call it: `%s(…)`", name);
	} else {
		report_unknown_builtin(w, node->field.name.span, space, node->field.name.text);
	}
	return type_simple(TYPE_ERROR);
}

static const struct type *check_field(struct walk *w, struct node *node)
{
	struct node *object = node->field.object;
	struct symbol *symbol;

	w->taint = 0;
	if (object->kind == NODE_NAME && node->field.name.text) {
		symbol = find_symbol(w, object->name);
		if (symbol && symbol->kind == SYMBOL_MODULE) {
			object->symbol = symbol;
			symbol = symbol_through_import(w, node, symbol);
			return symbol ? check_symbol(w, node, symbol) : type_simple(TYPE_ERROR);
		}
		if (symbol && symbol->kind == SYMBOL_STEP)
			return check_step_let(w, node, symbol);
		if (!symbol && is_namespace(w->checker, object->name))
			return check_builtin_as_value(w, node);
	}
	if (!node->field.name.text) {
		check_value(w, object);
		return type_simple(TYPE_ERROR);
	}
	return field_of(w, node, check_value(w, object));
}

static const struct type *check_index(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	const struct type *object = check_part(w, node->index.object, &taint),
			  *index = check_part(w, node->index.index, &taint);
	const struct type_field *field;
	const char *key;
	size_t length;
	struct diag *diag;

	w->taint = taint;
	if (type_is_loose(object))
		return object;
	if (object->kind == TYPE_LIST || object->kind == TYPE_RANGE) {
		want_type(w, node->index.index, type_simple(TYPE_INT), "index");
		return object->kind == TYPE_LIST ? object->element : type_simple(TYPE_INT);
	}
	if (object->kind == TYPE_RECORD) {
		want_type(w, node->index.index, type_simple(TYPE_STRING), "key");
		key = node_literal_text(node->index.index, &length);
		field = key ? type_find_field(object, key) : NULL;
		return field ? field->type : type_simple(TYPE_ANY);
	}
	diag = diag_error(w->diags, "E0205", node->span, "%s cannot be indexed with %s",
			  type_phrase(w->arena, object), type_phrase(w->arena, index));
	diag_hint(diag, "lists are indexed by number, records by key");
	return type_simple(TYPE_ERROR);
}

/* ---- values made of several ---- */

/* A name that can be read here, at the beginning of `text`; its length, or 0. */
static size_t readable_name(struct walk *w, const char *text)
{
	size_t length = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	const struct symbol *symbol = length ? find_symbol(w, arena_strndup(w->arena, text, length)) : NULL;

	return symbol && (symbol->kind == SYMBOL_LOCAL || symbol->kind == SYMBOL_PARAM ||
			  symbol->kind == SYMBOL_CONSTANT)
		   ? length
		   : 0;
}

/* Bytes up to the end of the braces that `width` closers end, on the line. */
static uint32_t closing(const char *text, size_t width)
{
	size_t inside = strcspn(text, "}\n"), closers = strspn(text + inside, "}");

	return (uint32_t)(inside + (closers < width ? closers : width));
}

/* $version, {{ version }} and, in '…', ${version}: other languages put a value there. */
static void lint_placeholders(struct walk *w, const struct node *text)
{
	const char *bytes = text->text.bytes, *source, *at;

	for (at = strpbrk(bytes, "${"); at; at = strpbrk(at + 1, "${")) {
		bool template = at[0] == '{' && at[1] == '{', braces = template || at[1] == '{';
		size_t open = template ? 2 + strspn(at + 2, " ") : at[0] == '$' ? 1u + braces : 0;
		size_t name = open ? readable_name(w, at + open) : 0;
		struct diag *diag;
		struct span span;

		if (!name || (braces && !strchr(template ? " }" : " }.[", at[open + name])))
			continue;
		span = literal_span(text, (size_t)(at - bytes));
		source = source_text(w->checker->compilation->sources, span);
		if (source[0] != *at || source[-1] == '\\')
			continue;
		span.to = span.from + (uint32_t)(open + name) +
			  (braces ? closing(source + open + name, template ? 2 : 1) : 0u);
		diag = diag_warning(w->diags, "L0211", span, "this is text, not the value of `%.*s`",
				    (int)name, at + open);
		if (at[0] == '$' && braces)
			diag_hint(diag, "in '…' nothing is interpolated: write the string in \"…\"");
		else
			diag_hint(diag, "did you mean `${%.*s}`?", (int)name, at + open);
		at += open + name - 1;
	}
}

static const struct type *check_string(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	struct node *piece;

	for (piece = node->string.parts; piece; piece = piece->next) {
		if (piece->kind != NODE_TEXT) {
			check_part(w, piece, &taint);
			continue;
		}
		piece->type = type_simple(TYPE_STRING);
		if (!w->in_shell)
			lint_placeholders(w, piece);
	}
	w->taint = taint;
	return type_simple(TYPE_STRING);
}

static const struct type *check_list(struct walk *w, struct node *node)
{
	const struct type *element = NULL, *type;
	uint64_t taint = 0;
	struct node *item;

	for (item = node->list.items; item; item = item->next) {
		type = check_part(w, item, &taint);
		element = element ? type_join(w->arena, element, type) : type;
		if (!element)
			element = type_simple(TYPE_ANY);
	}
	w->taint = taint;
	if (!element || type_is_loose(element) || element->kind == TYPE_NULL)
		return type_simple(TYPE_LIST);
	return type_list(w->arena, element);
}

bool refuse_double_key(struct walk *w, struct table *keys, struct node *entry)
{
	void **place = table_place(w->arena, keys, entry->entry.key.text);
	const struct node *first = *place;
	struct diag *diag;

	if (!first) {
		*place = entry;
		return false;
	}
	diag = diag_error(w->diags, "E0205", entry->entry.key.span, "the key `%s` is written twice",
			  entry->entry.key.text);
	diag_secondary(diag, first->entry.key.span, "first here");
	return true;
}

static const struct type *check_record(struct walk *w, struct node *node)
{
	struct type *type = arena_alloc(w->arena, sizeof(*type));
	struct type_field *fields = arena_alloc(w->arena, (node->record.count + 1) * sizeof(*fields));
	struct table keys = {0};
	uint64_t taint = 0;
	struct node *entry;

	*type = (struct type){.kind = TYPE_RECORD, .fields = fields};
	for (entry = node->record.entries; entry; entry = entry->next) {
		const struct type *value;

		if (entry->kind != NODE_ENTRY)
			continue;
		value = check_part(w, entry->entry.value, &taint);
		if (!entry->entry.key.text || refuse_double_key(w, &keys, entry) ||
		    type->field_count == node->record.count)
			continue;
		fields[type->field_count].name = entry->entry.key.text;
		fields[type->field_count++].type = value;
	}
	type->open = type->field_count == 0;
	w->taint = taint;
	return type;
}

static const struct type *check_range(struct walk *w, struct node *node)
{
	int64_t low, high;
	struct diag *diag;

	check_wanted(w, node->range.low, type_simple(TYPE_INT), "..");
	check_wanted(w, node->range.high, type_simple(TYPE_INT), "..");
	if (literal_int(node->range.low, &low) && literal_int(node->range.high, &high) && low > high) {
		diag = diag_error(w->diags, "E0204", node->span, "this range is empty: it counts upwards");
		diag_hint(diag, "did you mean %lld..%lld?", (long long)high, (long long)low);
	}
	w->taint = 0;
	return type_simple(TYPE_RANGE);
}

const struct type *element_of(struct walk *w, struct node *iterable, const struct type *type)
{
	struct diag *diag;

	switch (type->kind) {
	case TYPE_LIST:
		return type->element;
	case TYPE_RANGE:
		return type_simple(TYPE_INT);
	case TYPE_ANY:
	case TYPE_ERROR:
		return type;
	default:
		break;
	}
	diag = diag_error(w->diags, "E0201", iterable->span, "a list or a range is wanted here, this is %s",
			  type_phrase(w->arena, type));
	if (type->kind == TYPE_INT)
		diag_hint(diag, "a range is written with both ends: 1..%.*s",
			  (int)(iterable->span.to - iterable->span.from),
			  source_text(w->checker->compilation->sources, iterable->span));
	else if (type_is_text(type))
		diag_hint(diag, "`text.lines(…)` and `text.split(…)` make a list of a text");
	return type_simple(TYPE_ERROR);
}

static const struct type *check_comprehended(struct walk *w, struct node *node)
{
	bool collects = node->kind == NODE_COMPREHENSION;
	const struct type *iterable, *element;
	uint64_t taint = 0, item_taint;
	struct scope scope;
	struct local *local;

	iterable = check_part(w, node->comprehension.iterable, &taint);
	item_taint = taint;
	scope_open(w, &scope, NULL, false);
	local = declare_local(w, node, node->comprehension.variable,
			      element_of(w, node->comprehension.iterable, iterable));
	local->mask = item_taint;
	if (node->comprehension.filter)
		check_condition(w, node->comprehension.filter, "if");
	if (collects)
		element = check_part(w, node->comprehension.element, &taint);
	else
		check_condition(w, node->comprehension.element, NULL);
	scope_close(w, &scope);
	w->taint = collects ? taint : 0;
	if (collects)
		return element->kind == TYPE_ERROR ? type_simple(TYPE_LIST) : type_list(w->arena, element);
	return type_simple(node->comprehension.quantifier == QUANTIFIER_COUNT ? TYPE_INT : TYPE_BOOL);
}

/* ---- all of them ---- */

static const struct type *value_at(struct walk *w, struct node *node)
{
	w->taint = 0;
	switch (node->kind) {
	case NODE_NULL:
		return type_simple(TYPE_NULL);
	case NODE_BOOL:
		return type_simple(TYPE_BOOL);
	case NODE_INT:
		return type_simple(TYPE_INT);
	case NODE_FLOAT:
		return type_simple(TYPE_FLOAT);
	case NODE_PERCENT:
		return type_simple(TYPE_PERCENT);
	case NODE_DURATION:
		return type_simple(TYPE_DURATION);
	case NODE_SIZE:
		return type_simple(TYPE_SIZE);
	case NODE_STRING:
		return check_string(w, node);
	case NODE_LIST:
		return check_list(w, node);
	case NODE_RECORD:
		return check_record(w, node);
	case NODE_RANGE:
		return check_range(w, node);
	case NODE_NAME:
		return check_name(w, node);
	case NODE_FIELD:
		return check_field(w, node);
	case NODE_INDEX:
		return check_index(w, node);
	case NODE_CALL:
		return check_call(w, node);
	case NODE_UNARY:
		return check_unary(w, node);
	case NODE_BINARY:
		return check_binary(w, node);
	case NODE_AS:
		return check_as(w, node);
	case NODE_COMPREHENSION:
	case NODE_QUANTIFIER:
		return check_comprehended(w, node);
	case NODE_IF:
		return check_if_value(w, node);
	case NODE_MATCH:
		return check_arms(w, node, true);
	default:
		return type_simple(TYPE_ERROR);
	}
}

const struct type *check_effect(struct walk *w, struct node *node)
{
	if (!node) {
		w->taint = 0;
		return type_simple(TYPE_ERROR);
	}
	w->checker->depth++;
	node->type = value_at(w, node);
	w->checker->depth--;
	return node->type;
}

const struct type *check_value(struct walk *w, struct node *node)
{
	const struct type *type = check_effect(w, node);
	struct diag *diag;

	if (type->kind != TYPE_VOID)
		return type;
	diag = diag_error(w->diags, "E0208", node->span, "this call gives no answer that could be used");
	diag_hint(diag, "let it stand alone on its line");
	node->type = type_simple(TYPE_ERROR);
	return node->type;
}

void check_wanted(struct walk *w, struct node *node, const struct type *wanted, const char *what)
{
	if (!node)
		return;
	check_value(w, node);
	want_type(w, node, wanted, what);
}

void check_condition(struct walk *w, struct node *node, const char *what)
{
	check_wanted(w, node, type_simple(TYPE_BOOL), what);
}

void check_wanted_in(struct walk *w, enum place_kind kind, const char *reason, struct node *node,
		     const struct type *wanted, const char *what)
{
	struct place *place;

	if (!node)
		return;
	place = place_open(w, kind, node);
	place->reason = reason;
	check_wanted(w, node, wanted, what);
	place_close(w, place);
}

void check_condition_in(struct walk *w, const char *reason, struct node *node, const char *what)
{
	check_wanted_in(w, PLACE_READS, reason, node, type_simple(TYPE_BOOL), what);
}

void check_pure(struct walk *w, const char *reason, struct node *node, const struct type *wanted,
		const char *what)
{
	check_wanted_in(w, PLACE_PURE, reason, node, wanted, what);
}

/* ---- secrets in texts ---- */

void check_shown(struct walk *w, struct span span, uint64_t mask, const char *what)
{
	struct diag *diag;
	struct leak *leak;

	if (mask & SECRET_ITSELF) {
		diag = diag_error(w->diags, "E0404", span, "a secret would be shown in %s", what);
		diag_hint(
		    diag,
		    "a secret stays one, and so does all that is made of it; show a name for it instead");
		return;
	}
	if (!mask)
		return;
	leak = arena_alloc(w->arena, sizeof(*leak));
	*leak = (struct leak){.mask = mask, .span = span, .what = what, .next = w->function->leaks};
	w->function->leaks = leak;
}

/* Interpolated parts are looked at one by one, so that the error stands at the part. */
static void show_parts(struct walk *w, struct node *node, const char *what)
{
	struct node *piece;

	for (piece = node->string.parts; piece; piece = piece->next) {
		if (piece->kind == NODE_TEXT) {
			piece->type = type_simple(TYPE_STRING);
			lint_placeholders(w, piece);
			continue;
		}
		check_value(w, piece);
		check_shown(w, piece->span, w->taint, what);
	}
	node->type = type_simple(TYPE_STRING);
}

void check_text(struct walk *w, struct node *node, const char *what)
{
	if (!node)
		return;
	if (node->kind == NODE_STRING) {
		show_parts(w, node, what);
	} else {
		check_value(w, node);
		check_shown(w, node->span, w->taint, what);
	}
	w->taint = 0;
}

/* ---- null ---- */

static bool is_null_test(const struct node *node, const struct symbol *symbol)
{
	const struct node *left, *right;

	if (node->kind != NODE_BINARY || (node->binary.op != OP_EQ && node->binary.op != OP_NE))
		return false;
	left = node->binary.left;
	right = node->binary.right;
	return (right->kind == NODE_NULL && left->symbol == symbol) ||
	       (left->kind == NODE_NULL && right->symbol == symbol);
}

struct null_search {
	const struct symbol *symbol;
	bool found;
};

static void search_null(struct node *node, void *context)
{
	struct null_search *search = context;

	if (search->found)
		return;
	search->found = is_null_test(node, search->symbol);
	if (!search->found)
		ast_each_child(node, search_null, search);
}

bool mentions_null(const struct node *condition, const struct symbol *symbol)
{
	struct null_search search = {.symbol = symbol};

	search_null((struct node *)condition, &search);
	return search.found;
}
