/* check_threshold.c - what a threshold must say, and the units of its bound; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

struct clauses {
	struct node *measure, *must, *every, *after, *breach, *no_data, *on_breach, *action;
};

static struct node **clause_slot(struct clauses *clauses, const struct node *clause)
{
	switch (clause->kind) {
	case NODE_MEASURE:
		return &clauses->measure;
	case NODE_MUST:
		return &clauses->must;
	case NODE_EVERY:
		return &clauses->every;
	case NODE_AFTER:
		return &clauses->after;
	case NODE_BREACH:
		return &clauses->breach;
	case NODE_NO_DATA:
		return &clauses->no_data;
	case NODE_ON_BREACH:
		return &clauses->on_breach;
	case NODE_ACTION:
		return &clauses->action;
	default:
		return NULL;
	}
}

/* True when something in the list could not be read: then nothing is called missing. */
static bool collect_clauses(struct walk *w, struct node *first, struct clauses *clauses)
{
	bool recovered = false;
	struct node *clause;

	for (clause = first; clause; clause = clause->next) {
		struct node **slot = clause_slot(clauses, clause);

		if (!slot) {
			recovered = true;
			if (clause->kind != NODE_ERROR)
				diag_error(w->diags, "E0501", clause->span, "this is no clause of a threshold");
		} else if (*slot) {
			diag_secondary(
			    diag_error(w->diags, "E0505", clause->span, "this clause is written twice"),
			    (*slot)->span, "first here");
		} else {
			*slot = clause;
		}
	}
	return recovered;
}

static void require_clauses(struct walk *w, const struct node *node, const struct clauses *clauses)
{
	static const struct {
		size_t offset;
		const char *name, *hint;
	} needed[] = {
	    {offsetof(struct clauses, measure), "measure",
	     "write what is measured: `measure prom.query('…') as ratio`"},
	    {offsetof(struct clauses, must), "must", "write the bound: `must < 5%`"},
	    {offsetof(struct clauses, every), "every", "write how often it is measured: `every 10s`"},
	    {offsetof(struct clauses, no_data), "no data",
	     "write what an empty answer means: `no data tolerate 3`, `no data fail`, `no data ask` or `no "
	     "data ok`"},
	};
	const char *missing = "";
	struct diag *diag;
	size_t i, count = sizeof(needed) / sizeof(*needed);

#define IS_MISSING(i) (!*(struct node *const *)((const char *)clauses + needed[i].offset))
	for (i = 0; i < count; i++)
		if (IS_MISSING(i))
			missing =
			    arena_printf(w->arena, "%s%s`%s`", missing, *missing ? ", " : "", needed[i].name);
	if (!*missing)
		return;
	diag = diag_error(w->diags, "E0510", node->callable.name.span, "the threshold `%s` does not say %s",
			  node->callable.name.text, missing);
	for (i = 0; i < count; i++)
		if (IS_MISSING(i))
			diag_hint(diag, "%s", needed[i].hint);
#undef IS_MISSING
}

static const char *unit_for(const struct type *type)
{
	return type->kind == TYPE_PERCENT ? "ratio" : type->kind == TYPE_DURATION ? "s` or `as ms" : "B";
}

/* A bound with a unit wants a measure with that unit. */
static void compare_measure(struct walk *w, struct node *measure, struct node *bound)
{
	const struct type *left = measure->type, *right;
	bool unit;
	struct diag *diag;

	check_value(w, bound);
	right = bound->type;
	if (!left || left->kind == TYPE_ERROR || type_is_loose(right) || left->kind == right->kind ||
	    (type_is_number(left) && type_is_number(right)) || (type_is_text(left) && type_is_text(right)))
		return;
	unit = right->kind == TYPE_PERCENT || right->kind == TYPE_DURATION || right->kind == TYPE_SIZE;
	if (left->kind == TYPE_ANY && !unit)
		return;
	if (unit && (left->kind == TYPE_ANY || type_is_number(left))) {
		diag =
		    diag_error(w->diags, "E0210", measure->span,
			       "the bound is %s, and this measure has no unit", type_phrase(w->arena, right));
		diag_label(diag, "a number without a unit");
		diag_secondary(diag, bound->span, "this is %s", type_phrase(w->arena, right));
		diag_hint(diag, "give it one: `measure … as %s`", unit_for(right));
		return;
	}
	diag = diag_error(w->diags, "E0203", bound->span, "%s cannot be compared with %s",
			  type_phrase(w->arena, left), type_phrase(w->arena, right));
	diag_label(diag, "this is %s", type_phrase(w->arena, right));
	diag_secondary(diag, measure->span, "this is %s", type_phrase(w->arena, left));
	hint_same_unit(w, diag, measure, bound);
}

static void want_quantity(struct walk *w, const struct node *node, const char *what)
{
	if (node->type && !type_is_measurable(node->type))
		diag_error(w->diags, "E0204", node->span, "%s has no %s", type_phrase(w->arena, node->type), what);
}

static void check_within(struct walk *w, struct node *must, struct node *measure)
{
	struct node *distance = must->must.bound;

	check_value(w, distance);
	want_type(w, distance, type_simple(TYPE_PERCENT), "within");
	if ((distance->kind == NODE_PERCENT && distance->number <= 0) || literal_is_negative(distance))
		diag_error(w->diags, "E0211", distance->span, "the distance must be more than zero");
	compare_measure(w, measure, must->must.other);
	want_quantity(w, must->must.other, "distance");
}

static void check_must(struct walk *w, struct node *must, struct node *measure)
{
	struct place *place = place_open(w, PLACE_PURE, must);

	place->reason = "the bound of a threshold";
	if (must->must.form == MUST_WITHIN)
		check_within(w, must, measure);
	else
		compare_measure(w, measure, must->must.bound);
	if (must->must.form == MUST_BETWEEN)
		compare_measure(w, measure, must->must.other);
	place_close(w, place);
}

static void check_breach(struct walk *w, struct node *breach)
{
	int64_t count, window;

	check_pure(w, "a clause of a threshold", breach->breach.count, type_simple(TYPE_INT), "breach after");
	check_pure(w, "a clause of a threshold", breach->breach.window, type_simple(TYPE_INT), "of");
	check_pure(w, "a clause of a threshold", breach->breach.duration, type_simple(TYPE_DURATION),
		   "breach for");
	want_positive(w, breach->breach.count, "the number of samples");
	want_positive(w, breach->breach.duration, "the time");
	if (literal_int(breach->breach.count, &count) && literal_int(breach->breach.window, &window) &&
	    count > window)
		diag_hint(diag_error(w->diags, "E0211", breach->span,
				     "%lld of %lld samples can never be over the bound", (long long)count,
				     (long long)window),
			  "did you mean `breach after %lld of %lld`?", (long long)window, (long long)count);
}

static void check_threshold_clauses(struct walk *w, struct node *node, struct clauses *clauses)
{
	if (clauses->must && clauses->measure)
		check_must(w, clauses->must, clauses->measure->value);
	if (clauses->every) {
		check_pure(w, "a clause of a threshold", clauses->every->value, type_simple(TYPE_DURATION),
			   "every");
		want_positive(w, clauses->every->value, "the time between two samples");
	}
	if (clauses->after)
		check_pure(w, "a clause of a threshold", clauses->after->value, type_simple(TYPE_DURATION),
			   "after");
	if (clauses->breach)
		check_breach(w, clauses->breach);
	if (clauses->no_data)
		check_pure(w, "a clause of a threshold", clauses->no_data->no_data.count,
			   type_simple(TYPE_INT), "tolerate");
	if (clauses->action)
		check_text(w, clauses->action->value, "the action of a threshold");
	if ((clauses->on_breach && clauses->on_breach->reaction == REACTION_ASK) ||
	    (clauses->no_data && clauses->no_data->no_data.reaction == REACTION_ASK))
		note_person(w, "ask", node->callable.name.text, NULL, node->callable.name.span);
}

void check_threshold(struct walk *w, struct node *node, struct callable *callable)
{
	struct clauses clauses = {0};
	bool recovered = collect_clauses(w, node->callable.body, &clauses);
	struct place *place;

	if (!recovered)
		require_clauses(w, node, &clauses);
	if (clauses.measure && clauses.measure->value) {
		place = place_open(w, PLACE_READS, clauses.measure);
		place->reason = "`measure`";
		callable->result = check_value(w, clauses.measure->value);
		check_shown(w, clauses.measure->value->span, w->taint, "a measured value");
		place_close(w, place);
	}
	check_threshold_clauses(w, node, &clauses);
}
