/* check_expr.c - types and units of expressions; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

#include "interp/regex.h"

static const struct type *value_at(struct walk *w, struct node *node);

/* Checks a part whose taint joins that of the whole. */
static const struct type *part(struct walk *w, struct node *node, uint64_t *taint)
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

/* ---- names ---- */

static const struct type *special_type(enum special special)
{
	static const struct type maybe_text = {.kind = TYPE_STRING, .nullable = true};
	static const struct type text = {.kind = TYPE_STRING}, time = {.kind = TYPE_TIME}, any = {.kind = TYPE_ANY};
	static const struct type_field failure[] = {
		{"step", &maybe_text}, {"message", &text}, {"kind", &text}, {"breach", &any}, {"detail", &any},
	};
	static const struct type_field run[] = {
		{"id", &text}, {"started", &time}, {"operator", &maybe_text}, {"environment", &maybe_text},
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
		if (place->kind == PLACE_HANDLER && place->node->on.event != EVENT_SUCCESS)
			return true;
	return false;
}

static const struct type *check_special(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct diag *diag;

	if (symbol->special == SPECIAL_FAILURE && !failure_is_known(w)) {
		diag = diag_error(w->diags, "E0608", node->span, "`failure` can be read only where something has failed");
		diag_hint(diag, "that is in `on failure`, `on rollback` and `finally`; a task is given what it needs as arguments");
		return type_simple(TYPE_ERROR);
	}
	if (symbol->special == SPECIAL_RUN && (w->global_position != UINT32_MAX || place_find(w, PLACE_PURE))) {
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
	diag_hint(diag, "%s get their values from the top to the bottom: move it up", is_param ? "params" : "constants");
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

/* A handler starts from values on record; whether they were assigned is looked at when all effects are known. */
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

static const struct type *refuse_as_value(struct walk *w, const struct node *node, const struct symbol *symbol)
{
	struct diag *diag = diag_error(w->diags, "E0609", node->span, "%s is no value",
				       symbol_phrase(w->arena, symbol));

	switch (symbol->kind) {
	case SYMBOL_FUNC:
	case SYMBOL_TASK:
		diag_hint(diag, "call it: `%s(…)`", symbol->name);
		break;
	case SYMBOL_THRESHOLD:
		diag_hint(diag, "measure it: `sample(%s)`, or hold it: `hold 5m watching %s`", symbol->name, symbol->name);
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

static const struct type *check_symbol(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct local *local;

	node->symbol = symbol;
	symbol->used = true;
	w->taint = 0;
	switch (symbol->kind) {
	case SYMBOL_LOCAL:
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
	if (strcmp(node->name, "_") == 0 && place_find(w, PLACE_TEST))
		return type_simple(TYPE_NULL);
	if (find_builtin(w->checker, node->name)) {
		diag = diag_error(w->diags, "E0609", node->span, "the builtin `%s` is no value", node->name);
		diag_hint(diag, "call it: `%s(…)`", node->name);
	} else if (is_namespace(w->checker, node->name)) {
		diag = diag_error(w->diags, "E0609", node->span, "`%s` is a group of builtins and no value", node->name);
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
	struct candidates candidates = {0};
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
	diag = diag_error(w->diags, "E0601", node->field.name.span, "%s declares no `%s`", import->module->path,
			  node->field.name.text);
	nearest = candidates_nearest(&candidates, node->field.name.text);
	if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", alias->name, nearest);
	else
		diag_hint(diag, "an import brings params, constants, secrets, funcs, tasks and thresholds; steps stay behind");
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
		diag_hint(diag, "inside the step its names are read as they are: `%s`", node->field.name.text);
		return false;
	}
	for (place = step->standing->outer; place; place = place->outer)
		if (place->kind == PLACE_BRANCH && !place_encloses(place, w->place) && place_encloses(place->outer, w->place)) {
			diag = diag_error(w->diags, "E0610", node->span, "the step `%s` runs side by side with this one", name);
			diag_secondary(diag, step->local.symbol.span, "this step");
			diag_hint(diag, "what it finds can be read after the `parallel` block");
			return false;
		}
	return true;
}

static const struct type *check_step_let(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct candidates candidates = {0};
	const char *nearest;
	struct symbol *let;
	struct diag *diag;

	node->field.object->symbol = symbol;
	if (!step_is_over(w, node, (struct step *)symbol))
		return type_simple(TYPE_ERROR);
	for (let = symbol->lets; let; let = let->next) {
		if (strcmp(let->name, node->field.name.text) == 0)
			return check_symbol(w, node, let);
		candidates_add(w->arena, &candidates, let->name);
	}
	diag = diag_error(w->diags, "E0610", node->field.name.span, "the step `%s` has no `let %s`", symbol->name,
			  node->field.name.text);
	diag_secondary(diag, symbol->span, "this step");
	nearest = candidates_nearest(&candidates, node->field.name.text);
	if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", symbol->name, nearest);
	else
		diag_hint(diag, "only a `let` directly in the step's own block can be read after it");
	return type_simple(TYPE_ERROR);
}

static void report_no_field(struct walk *w, const struct node *node, const struct type *type)
{
	struct candidates candidates = {0};
	const char *nearest;
	struct diag *diag;
	size_t i;

	for (i = 0; i < type->field_count; i++)
		candidates_add(w->arena, &candidates, type->fields[i].name);
	diag = diag_error(w->diags, "E0205", node->field.name.span, "%s has no field `%s`", type_phrase(w->arena, type),
			  node->field.name.text);
	diag_secondary(diag, node->field.object->span, NULL);
	nearest = candidates_nearest(&candidates, node->field.name.text);
	if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
	else if (type->kind == TYPE_LIST)
		diag_hint(diag, "a list is read by number, `[0]`, or with `[x.%s for x in …]`", node->field.name.text);
	else if (type->field_count)
		diag_hint(diag, "its fields are %s", type_text(w->arena, type->name ? &(struct type){.kind = TYPE_RECORD,
				.fields = type->fields, .field_count = type->field_count} : type));
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
	char *name = arena_printf(w->arena, "%s.%s", space, node->field.name.text);
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
	const struct type *object = part(w, node->index.object, &taint), *index = part(w, node->index.index, &taint);
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
	diag = diag_error(w->diags, "E0205", node->span, "%s cannot be indexed with %s", type_phrase(w->arena, object),
			  type_phrase(w->arena, index));
	diag_hint(diag, "lists are indexed by number, records by key");
	return type_simple(TYPE_ERROR);
}

/* ---- operators ---- */

static void report_operands(struct walk *w, const struct node *node, const struct type *left, const struct type *right)
{
	const char *l = type_phrase(w->arena, left), *r = type_phrase(w->arena, right);
	struct span at = node->binary.right->span;
	struct diag *diag;

	switch (node->binary.op) {
	case OP_ADD:
		diag = diag_error(w->diags, "E0203", at, "%s and %s cannot be added", l, r);
		break;
	case OP_SUB:
		diag = diag_error(w->diags, "E0203", at, "%s cannot be subtracted from %s", r, l);
		break;
	case OP_MUL:
		diag = diag_error(w->diags, "E0203", at, "%s and %s cannot be multiplied", l, r);
		break;
	case OP_DIV:
	case OP_MOD:
		diag = diag_error(w->diags, "E0203", at, "%s cannot be divided by %s", l, r);
		break;
	default:
		diag = diag_error(w->diags, "E0203", at, "%s cannot be compared with %s", l, r);
		break;
	}
	diag_label(diag, "this is %s", r);
	diag_secondary(diag, node->binary.left->span, "this is %s", l);
	if (node->binary.op == OP_ADD && (type_is_text(left) || type_is_text(right)))
		diag_hint(diag, "texts are joined by interpolation: \"${…}${…}\"");
	else if (node->binary.op == OP_MUL)
		diag_hint(diag, "a quantity is multiplied by a number or a percent");
	else if (node->binary.op == OP_DIV || node->binary.op == OP_MOD)
		diag_hint(diag, "a quantity is divided by a number, or by another of its kind");
	else
		hint_same_unit(w, diag, node->binary.left, node->binary.right);
}

static bool is_unit(const struct type *type)
{
	return type->kind == TYPE_PERCENT || type->kind == TYPE_DURATION || type->kind == TYPE_SIZE;
}

static const struct type *sum_type(struct walk *w, const struct type *left, const struct type *right, bool minus)
{
	if (!minus && type_is_text(left) && type_is_text(right))
		return type_simple(TYPE_STRING);
	if (!minus && left->kind == TYPE_LIST && right->kind == TYPE_LIST)
		return type_join(w->arena, left, right);
	if (type_is_number(left) && type_is_number(right))
		return type_simple(left->kind == TYPE_INT && right->kind == TYPE_INT ? TYPE_INT : TYPE_FLOAT);
	if (left->kind == right->kind && is_unit(left))
		return type_simple(left->kind);
	if (left->kind == TYPE_TIME && right->kind == TYPE_DURATION)
		return type_simple(TYPE_TIME);
	if (left->kind == TYPE_TIME && right->kind == TYPE_TIME && minus)
		return type_simple(TYPE_DURATION);
	if (left->kind == TYPE_DURATION && right->kind == TYPE_TIME && !minus)
		return type_simple(TYPE_TIME);
	return NULL;
}

/* A percent scales: 50% of 10m is 5m. */
static const struct type *product_type(const struct type *left, const struct type *right)
{
	if (type_is_number(left) && type_is_number(right))
		return type_simple(left->kind == TYPE_INT && right->kind == TYPE_INT ? TYPE_INT : TYPE_FLOAT);
	if (is_unit(left) && type_is_number(right))
		return type_simple(left->kind);
	if (type_is_number(left) && is_unit(right))
		return type_simple(right->kind);
	if (left->kind == TYPE_PERCENT && is_unit(right))
		return type_simple(right->kind);
	if (right->kind == TYPE_PERCENT && is_unit(left))
		return type_simple(left->kind);
	return NULL;
}

/* `/` on ints is exact: an int only where both are literals and it comes out even. */
static const struct type *quotient_type(const struct node *node, const struct type *left, const struct type *right)
{
	int64_t a, b;

	if (literal_int(node->binary.left, &a) && literal_int(node->binary.right, &b))
		return type_simple(b != 0 && a % b == 0 ? TYPE_INT : TYPE_FLOAT);
	if (type_is_number(left) && type_is_number(right))
		return type_simple(TYPE_FLOAT);
	if (is_unit(left) && left->kind == right->kind)
		return type_simple(TYPE_FLOAT);
	if (is_unit(left) && type_is_number(right))
		return type_simple(left->kind);
	return NULL;
}

static const struct type *remainder_type(const struct type *left, const struct type *right)
{
	if (type_is_number(left) && type_is_number(right))
		return type_simple(left->kind == TYPE_INT && right->kind == TYPE_INT ? TYPE_INT : TYPE_FLOAT);
	if (left->kind == right->kind && (left->kind == TYPE_DURATION || left->kind == TYPE_SIZE))
		return type_simple(left->kind);
	return NULL;
}

static const struct type *arithmetic_type(struct walk *w, const struct node *node, const struct type *left, const struct type *right)
{
	switch (node->binary.op) {
	case OP_ADD:
		return sum_type(w, left, right, false);
	case OP_SUB:
		return sum_type(w, left, right, true);
	case OP_MUL:
		return product_type(left, right);
	case OP_DIV:
		return quotient_type(node, left, right);
	default:
		return remainder_type(left, right);
	}
}

static bool zero_literal(const struct node *node)
{
	return (node->kind == NODE_INT || node->kind == NODE_DURATION || node->kind == NODE_SIZE) ? node->integer == 0
	       : (node->kind == NODE_FLOAT || node->kind == NODE_PERCENT)			  ? node->number == 0
												  : false;
}

static const struct type *check_arithmetic(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	const struct type *left = part(w, node->binary.left, &taint), *right = part(w, node->binary.right, &taint);
	const struct type *type;

	w->taint = taint;
	if (left->kind == TYPE_ERROR || right->kind == TYPE_ERROR)
		return type_simple(TYPE_ERROR);
	if ((node->binary.op == OP_DIV || node->binary.op == OP_MOD) && zero_literal(node->binary.right))
		diag_error(w->diags, "E0204", node->binary.right->span, "this divides by zero");
	if (left->kind == TYPE_ANY || right->kind == TYPE_ANY)
		return type_simple(TYPE_ANY);
	type = arithmetic_type(w, node, left, right);
	if (type)
		return type;
	report_operands(w, node, left, right);
	return type_simple(TYPE_ERROR);
}

static bool comparable(const struct type *left, const struct type *right)
{
	return (type_is_number(left) && type_is_number(right)) || (type_is_text(left) && type_is_text(right)) ||
	       left->kind == right->kind;
}

static bool has_order(const struct type *type)
{
	switch (type->kind) {
	case TYPE_NULL:
	case TYPE_BOOL:
	case TYPE_LIST:
	case TYPE_RECORD:
	case TYPE_RANGE:
		return false;
	default:
		return true;
	}
}

/*
 * What comes from outside, JSON or a measured number, has no unit, although its type is any: an answer that is looked
 * at directly, or through a `let`.
 */
static bool comes_from_outside(const struct node *node)
{
	int hops;

	if (node->type->kind != TYPE_ANY)
		return false;
	for (hops = 0; node && hops < RUNPLAN_MAX_DEPTH; hops++) {
		const struct symbol *symbol = node->symbol;

		if (node->kind == NODE_CALL)
			return node->builtin && node->builtin->effect != EFFECT_PURE;
		if (symbol && symbol->kind == SYMBOL_LOCAL && symbol->node->kind == NODE_LET)
			node = symbol->node->binding.value;
		else if (symbol)
			return false;
		else if (node->kind == NODE_FIELD)
			node = node->field.object;
		else if (node->kind == NODE_INDEX)
			node = node->index.object;
		else
			return false;
	}
	return false;
}

static void refuse_without_unit(struct walk *w, const struct node *bare, const struct node *unit)
{
	const char *word = unit->type->kind == TYPE_PERCENT    ? "ratio"
			   : unit->type->kind == TYPE_DURATION ? "s` or `as ms"
							       : "B";
	struct diag *diag = diag_error(w->diags, "E0210", bare->span, "this comes from outside and has no unit, so it cannot be compared with %s",
				       type_phrase(w->arena, unit->type));

	diag_label(diag, "a value without a unit");
	diag_secondary(diag, unit->span, "this is %s", type_phrase(w->arena, unit->type));
	diag_hint(diag, "give it one: `… as %s`", word);
}

static bool lacks_unit(struct walk *w, const struct node *node)
{
	const struct node *left = node->binary.left, *right = node->binary.right;

	if (is_unit(right->type) && comes_from_outside(left))
		refuse_without_unit(w, left, right);
	else if (is_unit(left->type) && comes_from_outside(right))
		refuse_without_unit(w, right, left);
	else
		return false;
	return true;
}

static void check_choice_text(struct walk *w, struct node *node, const struct type *left, const struct type *right)
{
	if (left->kind == TYPE_ENUM)
		want_type(w, node->binary.right, left, NULL);
	else if (right->kind == TYPE_ENUM)
		want_type(w, node->binary.left, right, NULL);
}

static void check_order(struct walk *w, struct node *node, const struct type *left, const struct type *right)
{
	struct diag *diag;

	if (lacks_unit(w, node) || type_is_loose(left) || type_is_loose(right))
		return;
	if (left->kind == TYPE_NULL || right->kind == TYPE_NULL) {
		diag = diag_error(w->diags, "E0204", node->span, "nothing is less or more than null: this never holds");
		diag_hint(diag, "null satisfies no comparison but `== null`");
	} else if (!comparable(left, right)) {
		report_operands(w, node, left, right);
	} else if (!has_order(left)) {
		diag = diag_error(w->diags, "E0204", node->binary.op_span, "%s has no order", type_phrase(w->arena, left));
		diag_secondary(diag, node->binary.left->span, "this is %s", type_phrase(w->arena, left));
		diag_hint(diag, "it can be compared with `==` and `!=`");
	}
}

/* Whether two things are equal tells nothing about a secret among them. */
static void check_equality(struct walk *w, struct node *node)
{
	bool outer = w->allows_null;
	const struct type *left, *right;

	if (node->binary.right->kind == NODE_NULL || node->binary.left->kind == NODE_NULL)
		w->allows_null = true;
	left = check_value(w, node->binary.left);
	right = check_value(w, node->binary.right);
	w->allows_null = outer;
	w->taint = 0;
	if (lacks_unit(w, node) || type_is_loose(left) || type_is_loose(right) || left->kind == TYPE_NULL || right->kind == TYPE_NULL)
		return;
	if (comparable(left, right))
		check_choice_text(w, node, left, right);
	else
		report_operands(w, node, left, right);
}

static void check_in(struct walk *w, struct node *node, const struct type *left, const struct type *right)
{
	struct diag *diag;
	const struct type *item = right->kind == TYPE_LIST     ? right->element
				  : right->kind == TYPE_RANGE  ? type_simple(TYPE_INT)
				  : right->kind == TYPE_RECORD ? type_simple(TYPE_STRING)
				  : type_is_text(right)	       ? type_simple(TYPE_STRING)
							       : NULL;

	if (type_is_loose(left) || type_is_loose(right))
		return;
	if (!item) {
		diag = diag_error(w->diags, "E0203", node->binary.right->span, "nothing can be `in` %s", type_phrase(w->arena, right));
		diag_hint(diag, "`in` looks into a list, a range, the keys of a record or a text");
	} else if (!type_is_loose(item) && left->kind != TYPE_NULL && !comparable(left, item)) {
		diag = diag_error(w->diags, "E0203", node->binary.left->span, "%s is never in %s", type_phrase(w->arena, left),
				  type_phrase(w->arena, right));
		diag_label(diag, "this is %s", type_phrase(w->arena, left));
		diag_secondary(diag, node->binary.right->span, "this holds %s", type_phrase(w->arena, item));
	} else if (left->kind == TYPE_ENUM && node->binary.right->kind == NODE_LIST) {
		for (struct node *choice = node->binary.right->list.items; choice; choice = choice->next)
			want_type(w, choice, left, NULL);
	}
}

/* Where byte `offset` of a literal's text stands in the source: exact unless an escape stands before it. */
struct span literal_span(const struct node *text, size_t offset)
{
	struct span span = text->span;
	size_t written = span.to - span.from;

	if (text->kind != NODE_TEXT || text->text.length > written || text->text.length + 2 < written || offset >= text->text.length)
		return span;
	span.from += (uint32_t)((written - text->text.length) / 2 + offset);
	span.to = span.from + 1;
	return span;
}

static bool holds_backslash(struct walk *w, struct span span)
{
	return memchr(source_text(w->checker->compilation->sources, span), '\\', span.to - span.from) != NULL;
}

static void check_matches(struct walk *w, struct node *node, const struct type *left, const struct type *right)
{
	char error[REGEX_ERROR];
	const char *pattern;
	size_t length, offset;

	if (!type_is_loose(left) && !type_is_text(left))
		want_type(w, node->binary.left, type_simple(TYPE_STRING), "matches");
	if (!type_is_loose(right) && !type_is_text(right))
		want_type(w, node->binary.right, type_simple(TYPE_STRING), "matches");
	pattern = node_literal_text(node->binary.right, &length);
	if (pattern && !regex_check(pattern, length, error, &offset)) {
		struct diag *diag = diag_error(w->diags, "E0403", literal_span(node->binary.right->string.parts, offset),
					       "this is no regular expression: %s", error);

		if (!node->binary.right->string.raw && holds_backslash(w, node->binary.right->span))
			diag_hint(diag, "in '…' a backslash stands for itself");
	}
}

static const struct type *check_relation(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	const struct type *left, *right;

	if (node->binary.op == OP_EQ || node->binary.op == OP_NE) {
		check_equality(w, node);
		return type_simple(TYPE_BOOL);
	}
	left = part(w, node->binary.left, &taint);
	right = part(w, node->binary.right, &taint);
	w->taint = taint;
	if (node->binary.op == OP_IN)
		check_in(w, node, left, right);
	else if (node->binary.op == OP_MATCHES)
		check_matches(w, node, left, right);
	else
		check_order(w, node, left, right);
	return type_simple(TYPE_BOOL);
}

static const struct type *check_logic(struct walk *w, struct node *node)
{
	struct guard guard = {.condition = node->binary.left, .outer = w->guards};
	uint64_t taint = 0;

	part(w, node->binary.left, &taint);
	want_type(w, node->binary.left, type_simple(TYPE_BOOL), ast_operator_text(node->binary.op));
	w->guards = &guard;
	part(w, node->binary.right, &taint);
	w->guards = guard.outer;
	want_type(w, node->binary.right, type_simple(TYPE_BOOL), ast_operator_text(node->binary.op));
	w->taint = taint;
	return type_simple(TYPE_BOOL);
}

static const struct type *without_null(struct walk *w, const struct type *type)
{
	struct type *copy;

	if (!type->nullable)
		return type;
	copy = arena_alloc(w->arena, sizeof(*copy));
	*copy = *type;
	copy->nullable = false;
	return copy;
}

static const struct type *check_fallback(struct walk *w, struct node *node)
{
	bool outer = w->allows_null;
	const struct type *left, *right, *joined;
	uint64_t taint = 0;

	w->allows_null = true;
	left = part(w, node->binary.left, &taint);
	w->allows_null = outer;
	right = part(w, node->binary.right, &taint);
	w->taint = taint;
	if (left->kind == TYPE_NULL)
		return right;
	joined = type_join(w->arena, without_null(w, left), right);
	if (joined)
		return joined;
	report_joined(w, node->binary.left, node->binary.right, "the two sides of `??`");
	return type_simple(TYPE_ERROR);
}

static const struct type *check_binary(struct walk *w, struct node *node)
{
	switch (node->binary.op) {
	case OP_AND:
	case OP_OR:
		return check_logic(w, node);
	case OP_DEFAULT:
		return check_fallback(w, node);
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
	case OP_MOD:
		return check_arithmetic(w, node);
	case OP_NONE:
	case OP_NOT:
	case OP_NEGATE:
		return type_simple(TYPE_ERROR);
	default:
		return check_relation(w, node);
	}
}

static const struct type *check_unary(struct walk *w, struct node *node)
{
	const struct type *type = check_value(w, node->unary.operand);
	struct diag *diag;

	if (node->unary.op == OP_NOT) {
		want_type(w, node->unary.operand, type_simple(TYPE_BOOL), "not");
		return type_simple(TYPE_BOOL);
	}
	if (type_is_loose(type) || type_is_number(type) || is_unit(type))
		return type;
	diag = diag_error(w->diags, "E0203", node->unary.operand->span, "%s has no negative", type_phrase(w->arena, type));
	diag_label(diag, "this is %s", type_phrase(w->arena, type));
	return type_simple(TYPE_ERROR);
}

/* ---- units ---- */

static const struct {
	const char *name;
	enum type_kind kind;
} units[] = {
	{"ratio", TYPE_PERCENT}, {"s", TYPE_DURATION}, {"ms", TYPE_DURATION},
	{"B", TYPE_SIZE},	 {"count", TYPE_FLOAT}, {"per_second", TYPE_FLOAT},
};

static const struct type *unit_type(struct walk *w, const struct node *node)
{
	static const char *const usual[][2] = {
		{"percent", "ratio"}, {"%", "ratio"}, {"seconds", "s"}, {"second", "s"}, {"sec", "s"}, {"duration", "s"},
		{"milliseconds", "ms"}, {"bytes", "B"}, {"byte", "B"}, {"size", "B"}, {"b", "B"}, {"rate", "per_second"},
		{"int", "count"}, {"float", "count"}, {"number", "count"}, {"rps", "per_second"},
	};
	const char *nearest = NULL, *name = node->as.unit.text;
	struct candidates candidates = {0};
	struct diag *diag;
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(units[i].name, name) == 0)
			return type_simple(units[i].kind);
		candidates_add(w->arena, &candidates, units[i].name);
	}
	for (i = 0; i < sizeof(usual) / sizeof(*usual); i++)
		if (strcmp(usual[i][0], name) == 0)
			nearest = usual[i][1];
	diag = diag_error(w->diags, "E0207", node->as.unit.span, "`%s` is no unit", name);
	if (!nearest)
		nearest = candidates_nearest(&candidates, name);
	if (nearest)
		diag_hint(diag, "did you mean `as %s`?", nearest);
	else
		diag_hint(diag, "units: ratio, s, ms, B, count, per_second");
	return type_simple(TYPE_ERROR);
}

static const struct type *check_as(struct walk *w, struct node *node)
{
	const struct type *type = check_value(w, node->as.operand), *unit;
	struct diag *diag;

	unit = node->as.unit.text ? unit_type(w, node) : type_simple(TYPE_ERROR);
	if (type_is_loose(type) || type_is_number(type) || type->kind == TYPE_NULL || unit->kind == TYPE_ERROR)
		return unit;
	diag = diag_error(w->diags, "E0207", node->as.operand->span, "only a bare number can be given a unit, this is %s",
			  type_phrase(w->arena, type));
	if (is_unit(type))
		diag_hint(diag, "it has one already: leave `as %s` out%s", node->as.unit.text,
			  type->kind == unit->kind ? "" : ", or divide by a unit first to get a number");
	else if (type_is_text(type))
		diag_hint(diag, "make a number of the text first");
	return type_simple(TYPE_ERROR);
}

/* ---- values made of several ---- */

static const struct type *check_string(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	struct node *piece;

	for (piece = node->string.parts; piece; piece = piece->next) {
		if (piece->kind == NODE_TEXT)
			piece->type = type_simple(TYPE_STRING);
		else
			part(w, piece, &taint);
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
		type = part(w, item, &taint);
		element = element ? type_join(w->arena, element, type) : type;
		if (!element)
			element = type_simple(TYPE_ANY);
	}
	w->taint = taint;
	if (!element || type_is_loose(element) || element->kind == TYPE_NULL)
		return type_simple(TYPE_LIST);
	return type_list(w->arena, element);
}

static bool refuse_double_key(struct walk *w, const struct node *record, const struct node *entry)
{
	const struct node *other;
	struct diag *diag;

	for (other = record->record.entries; other != entry; other = other->next)
		if (other->kind == NODE_ENTRY && other->entry.key.text && strcmp(other->entry.key.text, entry->entry.key.text) == 0) {
			diag = diag_error(w->diags, "E0205", entry->entry.key.span, "the key `%s` is written twice", entry->entry.key.text);
			diag_secondary(diag, other->entry.key.span, "first here");
			return true;
		}
	return false;
}

static const struct type *check_record(struct walk *w, struct node *node)
{
	struct type *type = arena_alloc(w->arena, sizeof(*type));
	struct type_field *fields = arena_alloc(w->arena, (node->record.count + 1) * sizeof(*fields));
	uint64_t taint = 0;
	struct node *entry;

	*type = (struct type){.kind = TYPE_RECORD, .fields = fields};
	for (entry = node->record.entries; entry; entry = entry->next) {
		const struct type *value;

		if (entry->kind != NODE_ENTRY)
			continue;
		value = part(w, entry->entry.value, &taint);
		if (!entry->entry.key.text || refuse_double_key(w, node, entry) || type->field_count == node->record.count)
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
	diag = diag_error(w->diags, "E0201", iterable->span, "a list or a range is wanted here, this is %s", type_phrase(w->arena, type));
	if (type->kind == TYPE_INT)
		diag_hint(diag, "a range is written with both ends: 1..%.*s", (int)(iterable->span.to - iterable->span.from),
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

	iterable = part(w, node->comprehension.iterable, &taint);
	item_taint = taint;
	scope_open(w, &scope, NULL, false);
	local = declare_local(w, node, node->comprehension.variable,
			      element_of(w, node->comprehension.iterable, iterable));
	local->mask = item_taint;
	if (node->comprehension.filter)
		check_condition(w, node->comprehension.filter, "if");
	if (collects)
		element = part(w, node->comprehension.element, &taint);
	else
		check_condition(w, node->comprehension.element, NULL);
	scope_close(w, &scope);
	w->taint = collects ? taint : 0;
	if (collects)
		return element->kind == TYPE_ERROR ? type_simple(TYPE_LIST) : type_list(w->arena, element);
	return type_simple(node->comprehension.quantifier == QUANTIFIER_COUNT ? TYPE_INT : TYPE_BOOL);
}

/* ---- choices ---- */

void report_joined(struct walk *w, const struct node *first, const struct node *second, const char *what)
{
	struct diag *diag = diag_error(w->diags, "E0206", second->span, "%s give different things: %s and %s", what,
				       type_phrase(w->arena, first->type), type_phrase(w->arena, second->type));

	diag_label(diag, "this is %s", type_phrase(w->arena, second->type));
	diag_secondary(diag, first->span, "this is %s", type_phrase(w->arena, first->type));
	if (!type_is_text(first->type) && !type_is_text(second->type))
		hint_same_unit(w, diag, first, second);
}

static const struct type *check_if(struct walk *w, struct node *node)
{
	struct guard guard = {.condition = node->choice.condition, .outer = w->guards};
	const struct type *then, *otherwise, *joined;
	uint64_t taint = 0;

	check_condition(w, node->choice.condition, "if");
	w->guards = &guard;
	then = part(w, node->choice.then, &taint);
	otherwise = node->choice.otherwise ? part(w, node->choice.otherwise, &taint) : type_simple(TYPE_NULL);
	w->guards = guard.outer;
	w->taint = taint;
	joined = type_join(w->arena, then, otherwise);
	if (joined)
		return joined;
	report_joined(w, node->choice.then, node->choice.otherwise, "the two arms of `if`");
	return type_simple(TYPE_ERROR);
}

static void check_pattern(struct walk *w, struct node *pattern, struct node *subject)
{
	const struct type *type = check_value(w, pattern), *wanted = subject->type;
	struct diag *diag;

	if (type_is_loose(type) || !wanted || type_is_loose(wanted) || type->kind == TYPE_NULL)
		return;
	if (wanted->kind == TYPE_ENUM && type_is_text(type)) {
		want_type(w, pattern, wanted, NULL);
		return;
	}
	if (comparable(type, wanted) || (type->kind == TYPE_RANGE && wanted->kind == TYPE_INT))
		return;
	diag = diag_error(w->diags, "E0203", pattern->span, "%s is never %s", type_phrase(w->arena, wanted), type_phrase(w->arena, type));
	diag_label(diag, "this is %s", type_phrase(w->arena, type));
	diag_secondary(diag, subject->span, "this is %s", type_phrase(w->arena, wanted));
	hint_same_unit(w, diag, subject, pattern);
}

static bool is_misspelt(const struct node *pattern, const struct type *type)
{
	const char *text = node_literal_text(pattern, NULL);

	return text && !type_has_choice(type, text);
}

static bool pattern_covers(const struct node *match, const char *choice)
{
	const struct node *arm, *pattern;
	size_t length;

	for (arm = match->match.arms; arm; arm = arm->next)
		for (pattern = arm->kind == NODE_ARM ? arm->arm.patterns : NULL; pattern; pattern = pattern->next) {
			const char *text = node_literal_text(pattern, &length);

			if (!text || strcmp(text, choice) == 0 || is_misspelt(pattern, match->match.subject->type))
				return true;
		}
	return false;
}

static bool has_else(const struct node *match)
{
	const struct node *arm;

	for (arm = match->match.arms; arm; arm = arm->next)
		if (arm->kind != NODE_ARM || !arm->arm.patterns)
			return true;
	return false;
}

static void lint_uncovered_choices(struct walk *w, const struct node *match)
{
	const struct type *type = match->match.subject->type;
	struct diag *diag = NULL;
	size_t i;

	if (!type || type->kind != TYPE_ENUM || has_else(match))
		return;
	for (i = 0; i < type->choice_count; i++)
		if (!pattern_covers(match, type->choices[i])) {
			if (!diag)
				diag = diag_warning(w->diags, "L0101", match->match.subject->span, "this `match` does not say what happens for every choice");
			diag_hint(diag, "no arm takes \"%s\"", type->choices[i]);
		}
}

static void refuse_after_else(struct walk *w, const struct node *match)
{
	const struct node *arm;
	struct diag *diag;

	for (arm = match->match.arms; arm; arm = arm->next)
		if (arm->kind == NODE_ARM && !arm->arm.patterns && arm->next && arm->next->kind == NODE_ARM) {
			diag = diag_error(w->diags, "E0508", arm->next->span, "nothing comes to an arm after `else`");
			diag_secondary(diag, arm->span, "takes all that is left");
			return;
		}
}

static const struct type *join_arm(struct walk *w, struct node *arm, struct node **first, const struct type *joined)
{
	const struct type *type = arm->arm.body->type, *both;

	if (!joined) {
		*first = arm->arm.body;
		return type;
	}
	both = type_join(w->arena, joined, type);
	if (both)
		return both;
	report_joined(w, *first, arm->arm.body, "the arms of `match`");
	return type_simple(TYPE_ERROR);
}

const struct type *check_arms(struct walk *w, struct node *match, bool is_expression)
{
	const struct type *joined = NULL;
	struct node *arm, *pattern, *first = NULL;
	struct place *holder = commit_holder(w);
	struct node *before = holder->commit, *passed = before;
	uint64_t taint = 0;

	check_value(w, match->match.subject);
	for (arm = match->match.arms; arm; arm = arm->next) {
		if (arm->kind != NODE_ARM)
			continue;
		for (pattern = arm->arm.patterns; pattern; pattern = pattern->next)
			check_pattern(w, pattern, match->match.subject);
		if (!is_expression) {
			struct place *place = place_open(w, PLACE_CHOICE, arm);

			if (arm->arm.body && arm->arm.body->kind == NODE_BLOCK)
				check_block(w, arm->arm.body);
			else if (arm->arm.body)
				check_alone(w, arm->arm.body);
			place_close(w, place);
			passed = holder->commit ? holder->commit : passed;
			holder->commit = before;
			continue;
		}
		part(w, arm->arm.body, &taint);
		if (arm->arm.body)
			joined = join_arm(w, arm, &first, joined);
	}
	holder->commit = passed;
	refuse_after_else(w, match);
	lint_uncovered_choices(w, match);
	w->taint = taint;
	if (joined && !has_else(match))
		joined = type_nullable(w->arena, joined);
	return joined ? joined : type_simple(TYPE_ERROR);
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
		return check_if(w, node);
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

/* ---- secrets in texts ---- */

void check_shown(struct walk *w, struct span span, uint64_t mask, const char *what)
{
	struct diag *diag;
	struct leak *leak;

	if (mask & SECRET_ITSELF) {
		diag = diag_error(w->diags, "E0404", span, "a secret would be shown in %s", what);
		diag_hint(diag, "a secret stays one, and so does all that is made of it; show a name for it instead");
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
	return (right->kind == NODE_NULL && left->symbol == symbol) || (left->kind == NODE_NULL && right->symbol == symbol);
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
