/* check_operators.c - operators and units: what goes together, and what comes of it; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

#include "interp/regex.h"

/* ---- operators ---- */

static void report_operands(struct walk *w, const struct node *node, const struct type *left,
			    const struct type *right)
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

static const struct type *sum_type(struct walk *w, const struct type *left, const struct type *right,
				   bool minus)
{
	if (!minus && type_is_text(left) && type_is_text(right))
		return type_simple(TYPE_STRING);
	if (!minus && left->kind == TYPE_LIST && right->kind == TYPE_LIST)
		return type_join(w->arena, left, right);
	if (type_is_number(left) && type_is_number(right))
		return type_simple(left->kind == TYPE_INT && right->kind == TYPE_INT ? TYPE_INT : TYPE_FLOAT);
	if (left->kind == right->kind && type_is_unit(left))
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
	if (type_is_unit(left) && type_is_number(right))
		return type_simple(left->kind);
	if (type_is_number(left) && type_is_unit(right))
		return type_simple(right->kind);
	if (left->kind == TYPE_PERCENT && type_is_unit(right))
		return type_simple(right->kind);
	if (right->kind == TYPE_PERCENT && type_is_unit(left))
		return type_simple(left->kind);
	return NULL;
}

/* `/` on ints is exact: an int only where both are literals and it comes out even. */
static const struct type *quotient_type(const struct node *node, const struct type *left,
					const struct type *right)
{
	int64_t a, b;

	if (literal_int(node->binary.left, &a) && literal_int(node->binary.right, &b))
		return type_simple(b != 0 && a % b == 0 ? TYPE_INT : TYPE_FLOAT);
	if (type_is_number(left) && type_is_number(right))
		return type_simple(TYPE_FLOAT);
	if (type_is_unit(left) && left->kind == right->kind)
		return type_simple(TYPE_FLOAT);
	if (type_is_unit(left) && type_is_number(right))
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

static const struct type *arithmetic_type(struct walk *w, const struct node *node, const struct type *left,
					  const struct type *right)
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
	return (node->kind == NODE_INT || node->kind == NODE_DURATION || node->kind == NODE_SIZE)
		   ? node->integer == 0
	       : (node->kind == NODE_FLOAT || node->kind == NODE_PERCENT) ? node->number == 0
									  : false;
}

static const struct type *check_arithmetic(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	const struct type *left = check_part(w, node->binary.left, &taint),
			  *right = check_part(w, node->binary.right, &taint);
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

bool types_comparable(const struct type *left, const struct type *right)
{
	return (type_is_number(left) && type_is_number(right)) ||
	       (type_is_text(left) && type_is_text(right)) || left->kind == right->kind;
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
 * What comes from outside, JSON or a measured number, has no unit, although its type is any: an answer that
 * is looked at directly, or through a `let`.
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
	struct diag *diag =
	    diag_error(w->diags, "E0210", bare->span,
		       "this comes from outside and has no unit, so it cannot be compared with %s",
		       type_phrase(w->arena, unit->type));

	diag_label(diag, "a value without a unit");
	diag_secondary(diag, unit->span, "this is %s", type_phrase(w->arena, unit->type));
	diag_hint(diag, "give it one: `… as %s`", word);
}

static bool lacks_unit(struct walk *w, const struct node *node)
{
	const struct node *left = node->binary.left, *right = node->binary.right;

	if (type_is_unit(right->type) && comes_from_outside(left))
		refuse_without_unit(w, left, right);
	else if (type_is_unit(left->type) && comes_from_outside(right))
		refuse_without_unit(w, right, left);
	else
		return false;
	return true;
}

static void check_choice_text(struct walk *w, struct node *node, const struct type *left,
			      const struct type *right)
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
		diag = diag_error(w->diags, "E0204", node->span,
				  "nothing is less or more than null: this never holds");
		diag_hint(diag, "null satisfies no comparison but `== null`");
	} else if (!types_comparable(left, right)) {
		report_operands(w, node, left, right);
	} else if (!has_order(left)) {
		diag = diag_error(w->diags, "E0204", node->binary.op_span, "%s has no order",
				  type_phrase(w->arena, left));
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
	if (lacks_unit(w, node) || type_is_loose(left) || type_is_loose(right) || left->kind == TYPE_NULL ||
	    right->kind == TYPE_NULL)
		return;
	if (types_comparable(left, right))
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
		diag = diag_error(w->diags, "E0203", node->binary.right->span, "nothing can be `in` %s",
				  type_phrase(w->arena, right));
		diag_hint(diag, "`in` looks into a list, a range, the keys of a record or a text");
	} else if (!type_is_loose(item) && left->kind != TYPE_NULL && !types_comparable(left, item)) {
		diag = diag_error(w->diags, "E0203", node->binary.left->span, "%s is never in %s",
				  type_phrase(w->arena, left), type_phrase(w->arena, right));
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

	if (text->kind != NODE_TEXT || text->text.length > written || text->text.length + 2 < written ||
	    offset >= text->text.length)
		return span;
	span.from += (uint32_t)((written - text->text.length) / 2 + offset);
	span.to = span.from + 1;
	return span;
}

static bool holds_backslash(struct walk *w, struct span span)
{
	return memchr(source_text(w->checker->compilation->sources, span), '\\', span.to - span.from) != NULL;
}

void check_regex(struct walk *w, const struct node *node)
{
	char error[REGEX_ERROR];
	size_t length, offset;
	const char *pattern = node_literal_text(node, &length);
	struct diag *diag;

	if (!pattern || regex_check(pattern, length, error, &offset))
		return;
	diag = diag_error(w->diags, "E0403", literal_span(node->string.parts, offset),
			  "this is no regular expression: %s", error);
	if (!node->string.raw && holds_backslash(w, node->span))
		diag_hint(diag, "in '…' a backslash stands for itself");
}

static void check_matches(struct walk *w, struct node *node, const struct type *left,
			  const struct type *right)
{

	if (!type_is_loose(left) && !type_is_text(left))
		want_type(w, node->binary.left, type_simple(TYPE_STRING), "matches");
	if (!type_is_loose(right) && !type_is_text(right))
		want_type(w, node->binary.right, type_simple(TYPE_STRING), "matches");
	check_regex(w, node->binary.right);
}

static const struct type *check_relation(struct walk *w, struct node *node)
{
	uint64_t taint = 0;
	const struct type *left, *right;

	if (node->binary.op == OP_EQ || node->binary.op == OP_NE) {
		check_equality(w, node);
		return type_simple(TYPE_BOOL);
	}
	left = check_part(w, node->binary.left, &taint);
	right = check_part(w, node->binary.right, &taint);
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

	check_part(w, node->binary.left, &taint);
	want_type(w, node->binary.left, type_simple(TYPE_BOOL), ast_operator_text(node->binary.op));
	w->guards = &guard;
	check_part(w, node->binary.right, &taint);
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
	left = check_part(w, node->binary.left, &taint);
	w->allows_null = outer;
	right = check_part(w, node->binary.right, &taint);
	w->taint = taint;
	if (left->kind == TYPE_NULL)
		return right;
	joined = type_join(w->arena, without_null(w, left), right);
	if (joined)
		return joined;
	report_joined(w, node->binary.left, node->binary.right, "the two sides of `??`");
	return type_simple(TYPE_ERROR);
}

const struct type *check_binary(struct walk *w, struct node *node)
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

const struct type *check_unary(struct walk *w, struct node *node)
{
	const struct type *type = check_value(w, node->unary.operand);
	struct diag *diag;

	if (node->unary.op == OP_NOT) {
		want_type(w, node->unary.operand, type_simple(TYPE_BOOL), "not");
		return type_simple(TYPE_BOOL);
	}
	if (type_is_loose(type) || type_is_number(type) || type_is_unit(type))
		return type;
	diag = diag_error(w->diags, "E0203", node->unary.operand->span, "%s has no negative",
			  type_phrase(w->arena, type));
	diag_label(diag, "this is %s", type_phrase(w->arena, type));
	return type_simple(TYPE_ERROR);
}

/* ---- units ---- */

static const struct {
	const char *name;
	enum type_kind kind;
} units[] = {
    {"ratio", TYPE_PERCENT}, {"s", TYPE_DURATION},  {"ms", TYPE_DURATION},
    {"B", TYPE_SIZE},	     {"count", TYPE_FLOAT}, {"per_second", TYPE_FLOAT},
};

static const struct type *unit_type(struct walk *w, const struct node *node)
{
	static const char *const usual[][2] = {
	    {"percent", "ratio"},   {"%", "ratio"},	{"seconds", "s"},
	    {"second", "s"},	    {"sec", "s"},	{"duration", "s"},
	    {"milliseconds", "ms"}, {"bytes", "B"},	{"byte", "B"},
	    {"size", "B"},	    {"b", "B"},		{"rate", "per_second"},
	    {"int", "count"},	    {"float", "count"}, {"number", "count"},
	    {"rps", "per_second"},
	};
	const char *nearest = NULL, *name = node->as.unit.text;
	struct candidates candidates = candidates_for(w->diags, name);
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
		nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `as %s`?", nearest);
	else
		diag_hint(diag, "units: ratio, s, ms, B, count, per_second");
	return type_simple(TYPE_ERROR);
}

const struct type *check_as(struct walk *w, struct node *node)
{
	const struct type *type = check_value(w, node->as.operand), *unit;
	struct diag *diag;

	unit = node->as.unit.text ? unit_type(w, node) : type_simple(TYPE_ERROR);
	if (type_is_loose(type) || type_is_number(type) || type->kind == TYPE_NULL ||
	    unit->kind == TYPE_ERROR)
		return unit;
	diag = diag_error(w->diags, "E0207", node->as.operand->span,
			  "only a bare number can be given a unit, this is %s", type_phrase(w->arena, type));
	if (type_is_unit(type))
		diag_hint(diag, "it has one already: leave `as %s` out%s", node->as.unit.text,
			  type->kind == unit->kind ? "" : ", or divide by a unit first to get a number");
	else if (type_is_text(type))
		diag_hint(diag, "make a number of the text first");
	return type_simple(TYPE_ERROR);
}
