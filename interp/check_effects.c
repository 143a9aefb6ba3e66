/*
 * check_effects.c - inferred effects, rollback coverage, the places that need a person; see check_internal.h.
 *
 * Everything here works on the calls that the walk has noted. A task's effects are those of the calls in it,
 * tasks it calls included; recursion is settled by repeating the summaries until nothing changes (each
 * summary only grows).
 */
#include "interp/check_internal.h"

#include <string.h>

/*
 * Calls followed on the way to the builtin that acts: more says nothing to a reader, and recursion must end.
 */
#define TRAIL_MAX 32

/* ---- what one call does ---- */

enum effect_class site_effect(const struct site *site)
{
	if (site->builtin)
		return site->builtin->effect;
	/* A func that has an effect is an error of its own. */
	return site->callee->symbol.kind == SYMBOL_FUNC ? EFFECT_PURE : site->callee->symbol.effect;
}

/* A change that does more than leave something harmless. */
static bool is_change(const struct site *site)
{
	if (site->callee)
		return site->callee->change_site != NULL;
	return site_effect(site) == EFFECT_CHANGE && !site->builtin->leaves;
}

/* What a child plan does has its way back in the child, which says so itself. */
static bool is_uncovered_inside(const struct site *site)
{
	if (site->call->kind == NODE_RUN_PLAN)
		return false;
	return site->callee ? site->callee->uncovered_site != NULL : is_change(site);
}

static bool must_not_repeat(const struct site *site)
{
	if (site->callee)
		return site->callee->unrepeatable_site != NULL;
	return is_change(site) && !(site->builtin->flags & BUILTIN_REPEATABLE) &&
	       site->builtin->settle != SETTLE_REPEAT;
}

static bool is_way_back(const struct place *place)
{
	return place->kind == PLACE_ROLLBACK || place->kind == PLACE_HANDLER || place->kind == PLACE_DEFER ||
	       place->kind == PLACE_TEST;
}

bool in_way_back(const struct place *place)
{
	while (place && !is_way_back(place))
		place = place->outer;
	return place != NULL;
}

/* The nearest enclosing step that has a rollback clause covers; the ways back themselves need no cover. */
static bool is_covered(const struct site *site)
{
	const struct place *place;

	for (place = site->place; place; place = place->outer)
		if (is_way_back(place) || (place->kind == PLACE_STEP && place->rollback))
			return true;
	return false;
}

/* ---- what a body does ---- */

static struct site *keep_first(struct site *known, struct site *site, bool applies)
{
	return known || !applies ? known : site;
}

static bool asks_inside(const struct callable *callable)
{
	const struct person *person;

	for (person = callable->people; person; person = person->next)
		if (person->kind || person->callee->symbol.asks)
			return true;
	return false;
}

void summarize_callable(struct callable *callable)
{
	struct site *site;

	for (site = callable->sites; site; site = site->next) {
		bool forward = !site->in_way_back;

		if (site_effect(site) > callable->symbol.effect || !callable->effect_site) {
			callable->symbol.effect = site_effect(site) > callable->symbol.effect
						      ? site_effect(site)
						      : callable->symbol.effect;
			callable->effect_site = site;
		}
		callable->change_site = keep_first(callable->change_site, site, forward && is_change(site));
		callable->uncovered_site = keep_first(callable->uncovered_site, site,
						      is_uncovered_inside(site) && !is_covered(site));
		callable->unrepeatable_site =
		    keep_first(callable->unrepeatable_site, site, forward && must_not_repeat(site));
		if (site->callee && forward && span_empty(callable->rollback_step))
			callable->rollback_step = site->callee->rollback_step;
		if (site->callee && callable->symbol.node && span_empty(callable->runs_plan))
			callable->runs_plan = site->callee->runs_plan;
	}
	callable->symbol.uncovered = callable->uncovered_site != NULL;
	callable->symbol.asks = asks_inside(callable);
}

/* All that a summary tells of a body, to see whether it has grown. */
static unsigned weigh(const struct callable *callable)
{
	return callable->symbol.effect + 4u * (callable->change_site != NULL) +
	       8u * (callable->uncovered_site != NULL) + 16u * (callable->unrepeatable_site != NULL) +
	       32u * callable->symbol.asks + 64u * !span_empty(callable->rollback_step) +
	       128u * !span_empty(callable->runs_plan);
}

static void settle_summaries(struct checker *checker)
{
	struct callable *callable;
	bool grown = checker->unsettled;

	while (grown) {
		grown = false;
		for (callable = checker->callables; callable; callable = callable->next) {
			unsigned before = weigh(callable);

			summarize_callable(callable);
			grown |= weigh(callable) != before;
		}
	}
}

/* ---- texts ---- */

static const char *call_name(const struct site *site)
{
	return site->builtin ? site->builtin->name : site->callee->symbol.name;
}

static const char *deed(enum effect_class effect)
{
	return effect == EFFECT_CHANGE ? "changes something" : "looks at the world";
}

enum trail { TRAIL_EFFECT, TRAIL_CHANGE, TRAIL_UNCOVERED, TRAIL_UNREPEATABLE };

static const struct site *next_on_trail(const struct callable *callable, enum trail trail)
{
	switch (trail) {
	case TRAIL_EFFECT:
		return callable->effect_site;
	case TRAIL_CHANGE:
		return callable->change_site;
	case TRAIL_UNCOVERED:
		return callable->uncovered_site;
	default:
		return callable->unrepeatable_site;
	}
}

/* The builtin that acts, through the tasks on the way. */
static const struct site *follow(const struct site *site, enum trail trail)
{
	int hops;

	for (hops = 0; site && site->callee && hops < TRAIL_MAX; hops++)
		site = next_on_trail(site->callee, trail);
	return site && site->builtin ? site : NULL;
}

static void show_origin(struct diag *diag, const struct site *site, enum trail trail)
{
	const struct site *origin = site->callee ? follow(site, trail) : NULL;

	if (origin)
		diag_secondary(diag, origin->call->span, "`%s` %s here", origin->builtin->name,
			       deed(site_effect(origin)));
}

/* ---- purity ---- */

static const char *purity_hint(const struct place *place, const struct site *site)
{
	if (place->kind == PLACE_READS)
		return site->callee ? "do the change in a step of its own, before"
				    : "do the change in a step of its own; where a command only reads, "
				      "`probe` says so";
	switch (place->node->kind) {
	case NODE_FUNC:
		return "make it a `task`: a task may have effects";
	case NODE_LET:
		return "read it in a step, where it is on record: `step find \"…\" { let x = … }`, and use "
		       "`find.x` after it";
	case NODE_USE:
		return "put it into a `let` before, and hand that over";
	default:
		break;
	}
	while (place && place->kind != PLACE_STEP)
		place = place->outer;
	return place ? "put it into a `let` before, and use that"
		     : "make it a param: the operator, or an environment, gives it";
}

static void report_impure(struct diags *diags, struct site *site, const struct place *place)
{
	enum effect_class effect = site_effect(site);
	struct diag *diag;

	site->reported = true;
	if (site->callee && effect == EFFECT_PURE)
		diag = diag_error(diags, "E0301", site->call->span, "`%s` is a task, but %s only computes",
				  call_name(site), place->reason);
	else if (place->kind == PLACE_PURE)
		diag = diag_error(diags, "E0301", site->call->span, "`%s` %s, but %s only computes",
				  call_name(site), deed(effect), place->reason);
	else
		diag = diag_error(diags, "E0302", site->call->span,
				  "`%s` changes something, but %s may only read", call_name(site),
				  place->reason);
	show_origin(diag, site, TRAIL_EFFECT);
	if (site->callee && effect == EFFECT_PURE)
		diag_hint(diag, "make `%s` a `func`", call_name(site));
	else
		diag_hint(diag, "%s", purity_hint(place, site));
}

static bool exceeds(const struct site *site, const struct place *place)
{
	if (place->kind == PLACE_PURE)
		return site_effect(site) != EFFECT_PURE ||
		       (site->callee && site->callee->symbol.kind == SYMBOL_TASK);
	return place->kind == PLACE_READS && site_effect(site) == EFFECT_CHANGE;
}

static void check_purity(struct diags *diags, struct site *site)
{
	const struct place *place;

	for (place = site->place; place; place = place->outer)
		if (exceeds(site, place)) {
			report_impure(diags, site, place);
			return;
		}
}

/* ---- coverage ---- */

static struct place *nearest_step(const struct site *site)
{
	struct place *place = site->place;

	while (place && place->kind != PLACE_STEP)
		place = place->outer;
	return place;
}

/* A line of the step that could not be read, and begins like a `rollback`: the clause is there. */
static bool has_torn_rollback(struct checker *checker, const struct node *step)
{
	static const char *const ROLLBACK[] = {"rollback"};
	const struct node *body = step->step.body, *line;

	for (line = body && body->kind == NODE_BLOCK ? body->block.statements : NULL; line;
	     line = line->next) {
		const char *text = source_text(checker->compilation->sources, line->span);
		const char *word =
		    arena_strndup(checker->arena, text, strspn(text, "abcdefghijklmnopqrstuvwxyz_"));

		if (line->kind == NODE_ERROR &&
		    (strcmp(word, ROLLBACK[0]) == 0 || suggest_name(word, ROLLBACK, 1)))
			return true;
	}
	return false;
}

/* A fault of a child plan is one of the plan that runs it. */
static void show_run(const struct checker *checker, struct diag *diag)
{
	if (checker->compilation->run_by)
		diag_secondary(diag, checker->compilation->run_by->span, "run as a child here");
}

/* One clause is missing, however many changes of the step want it: they are one error. */
static void report_uncovered(struct checker *checker, struct site *site)
{
	struct diags *diags = checker->compilation->diags;
	struct place *step = nearest_step(site);
	struct diag *diag;

	site->reported = true;
	if (step && has_torn_rollback(checker, step->node))
		return;
	if (!step) {
		diag = diag_error(diags, "E0303", site->call->span,
				  "`%s` changes something outside of any step", call_name(site));
		show_origin(diag, site, TRAIL_UNCOVERED);
		show_run(checker, diag);
		diag_hint(diag,
			  "put it into a step that says how it is undone: step \"…\" { … rollback { … } }");
		return;
	}
	if (step->uncovered) {
		diag_secondary(step->uncovered, site->call->span, "and so does this");
		return;
	}
	diag = step->uncovered =
	    diag_error(diags, "E0304", site->call->span,
		       "`%s` changes something, and nothing says how it is undone", call_name(site));
	show_origin(diag, site, TRAIL_UNCOVERED);
	if (step->node->step.title)
		diag_secondary(diag, step->node->step.title->span, "this step has no `rollback` clause");
	show_run(checker, diag);
	diag_hint(
	    diag,
	    "add `rollback { … }` to the step, or `rollback none \"why\"` where nothing has to be undone");
}

static void check_commit(struct diags *diags, struct site *site)
{
	struct diag *diag;

	if (!site->commit || !is_change(site))
		return;
	site->reported = true;
	diag = diag_error(diags, "E0305", site->call->span,
			  "`%s` changes something after the point of no return", call_name(site));
	show_origin(diag, site, TRAIL_CHANGE);
	diag_secondary(diag, site->commit->span, "from here on there is no way back");
	diag_hint(diag, "move the `commit` below it, or the change into a step after this one");
}

/* ---- retries ---- */

static const struct place *retried_step(const struct site *site)
{
	const struct place *place;

	for (place = site->place; place; place = place->outer) {
		if (is_way_back(place))
			return NULL;
		if (place->kind == PLACE_STEP && place->retry)
			return place;
	}
	return NULL;
}

static void check_retried(struct diags *diags, struct site *site)
{
	const struct place *step = retried_step(site);
	struct diag *diag;

	if (!step)
		return;
	if (must_not_repeat(site)) {
		diag = diag_error(diags, "E0308", site->call->span,
				  "`%s` must not be made twice, but this step is retried", call_name(site));
		show_origin(diag, site, TRAIL_UNREPEATABLE);
		diag_secondary(diag, step->retry->span, "tried again, with no rollback between");
		diag_hint(diag, "retry only what can be repeated: put this call into a step of its own, or "
				"wait with `wait until`");
	} else if (site->callee && !span_empty(site->callee->rollback_step)) {
		diag = diag_error(diags, "E0307", site->call->span,
				  "a step that is retried may not hold steps with a rollback");
		diag_secondary(diag, site->callee->rollback_step, "`%s` has its own way back",
			       call_name(site));
		diag_secondary(diag, step->retry->span, "tried again, with no rollback between");
		diag_hint(diag, "there is no rollback between attempts: retry inside `%s` instead",
			  call_name(site));
	}
}

/* ---- child plans ---- */

/* Nothing is armed in a handler: see check_plan.c. */
static void check_runs_plan(struct diags *diags, struct site *site)
{
	struct diag *diag;

	if (!site->in_way_back || !site->callee || site->call->kind == NODE_RUN_PLAN ||
	    span_empty(site->callee->runs_plan))
		return;
	diag = diag_error(diags, "E0517", site->call->span,
			  "a handler runs no plan: its rollbacks would not be armed");
	diag_secondary(diag, site->callee->runs_plan, "`%s` runs one", call_name(site));
	diag_hint(diag, "call what does the work without a plan of its own");
}

/* ---- first changes ---- */

static void mark_first_change(const struct site *site)
{
	struct place *place;
	struct span span;

	if (!is_change(site) || site->in_way_back)
		return;
	span = site->call->span;
	for (place = site->place; place; place = place->outer)
		if (place->kind == PLACE_STEP &&
		    (span_empty(place->first_change) || span.from < place->first_change.from))
			place->first_change = span;
}

static void check_sites(struct checker *checker, struct callable *callable)
{
	struct diags *diags = checker->compilation->diags;
	struct site *site;

	for (site = callable->sites; site; site = site->next) {
		mark_first_change(site);
		check_purity(diags, site);
		check_runs_plan(diags, site);
		if (site->reported || site->in_way_back ||
		    (site->callee && site->callee->symbol.kind == SYMBOL_FUNC))
			continue;
		if (!callable->symbol.node && is_uncovered_inside(site) && !is_covered(site))
			report_uncovered(checker, site);
		else
			check_commit(diags, site);
		if (!site->reported)
			check_retried(diags, site);
	}
}

/* ---- what handlers start from ---- */

static const struct place *handler_of(const struct handler_use *use, bool *is_proof)
{
	const struct place *place = use->place;

	*is_proof = false;
	for (; place->kind != PLACE_ROLLBACK && place->kind != PLACE_HANDLER; place = place->outer)
		*is_proof |= place->is_proof;
	return place;
}

static bool assigned_after(const struct local *local, const struct place *outer, struct span moment)
{
	return !span_empty(moment) && place_encloses(outer, local->place) &&
	       local->declared->span.to > moment.from;
}

static bool may_be_skipped(const struct local *local)
{
	const struct place *place;

	for (place = local->place; place; place = place->outer)
		if (place->kind == PLACE_CHOICE || place->kind == PLACE_TRY || place->kind == PLACE_CATCH ||
		    place->kind == PLACE_LOOP || (place->kind == PLACE_STEP && place->is_conditional))
			return true;
	return false;
}

static void report_unproved(struct diags *diags, const struct handler_use *use, const struct place *step)
{
	struct diag *diag =
	    diag_error(diags, "E0306", use->node->span, "`%s` is not known before the step's first change",
		       use->local->symbol.name);

	diag_secondary(diag, use->local->symbol.span, "gets its value here");
	diag_secondary(diag, step->first_change, "the first change");
	diag_hint(diag,
		  "the way back is proved before the way forward is taken: move the `let` above the change, "
		  "or this `require` below the rollback's first other line");
}

static void warn_unassigned(struct diags *diags, const struct handler_use *use)
{
	struct diag *diag =
	    diag_warning(diags, "L0201", use->node->span, "`%s` may never have been assigned when this runs",
			 use->local->symbol.name);

	diag_secondary(diag, use->local->symbol.span, "gets its value here");
	diag_hint(diag, "it is null then: allow for it with `?? …` or `if … != null { }`");
}

static void check_handler_use(struct diags *diags, const struct handler_use *use)
{
	bool is_proof, unassigned;
	const struct place *handler = handler_of(use, &is_proof);
	const struct place *step = handler->outer;

	if (handler->kind == PLACE_ROLLBACK) {
		unassigned = assigned_after(use->local, step, step->first_change);
		if (unassigned && is_proof) {
			report_unproved(diags, use, step);
			return;
		}
	} else if (handler->node->on.event == EVENT_SUCCESS) {
		unassigned = may_be_skipped(use->local);
	} else {
		unassigned = assigned_after(use->local, step, step->first_risk);
	}
	if (!unassigned || use->allows_null || use->local->warned_for == handler)
		return;
	use->local->warned_for = handler;
	warn_unassigned(diags, use);
}

void check_effects(struct checker *checker)
{
	const struct handler_use *use;
	struct callable *callable;

	settle_summaries(checker);
	for (callable = checker->callables; callable; callable = callable->next)
		check_sites(checker, callable);
	for (use = checker->handler_uses; use; use = use->next)
		check_handler_use(checker->compilation->diags, use);
}

/* ---- people ---- */

static void add_place(struct checker *checker, const struct person *person)
{
	struct person_place **end = checker->people_end;

	*end = arena_alloc(checker->arena, sizeof(**end));
	**end = (struct person_place){.kind = person->kind, .label = person->label, .span = person->span};
	checker->people_end = &(*end)->next;
}

struct trail_stack {
	const struct person **items;
	size_t count, capacity;
};

static void stack_push(struct arena *arena, struct trail_stack *stack, const struct person *person)
{
	if (stack->count == stack->capacity) {
		size_t capacity = stack->capacity ? stack->capacity * 2 : 32;
		const struct person **items = arena_alloc(arena, capacity * sizeof(*items));

		if (stack->count)
			memcpy(items, stack->items, stack->count * sizeof(*items));
		stack->items = items;
		stack->capacity = capacity;
	}
	stack->items[stack->count++] = person;
}

static void add_places_of(struct checker *checker, const struct compilation *child)
{
	const struct person_place *place;

	for (place = child->people; place; place = place->next)
		add_place(checker,
			  &(struct person){.kind = place->kind, .label = place->label, .span = place->span});
}

/* In the order in which the plan would come to them; each task and each child plan is looked into once. */
void list_people(struct checker *checker)
{
	struct trail_stack stack = {0};
	struct table seen = {0};

	checker->people_end = &checker->compilation->people;
	if (!checker->course)
		return;
	stack_push(checker->arena, &stack, checker->course->people);
	stack_push(checker->arena, &stack, checker->asked);
	while (stack.count) {
		const struct person *person = stack.items[--stack.count];

		if (!person)
			continue;
		stack_push(checker->arena, &stack, person->next);
		if (person->kind) {
			add_place(checker, person);
		} else if (person->plan) {
			if (!table_find(&seen, person->plan->main->path))
				add_places_of(checker, person->plan);
			*table_place(checker->arena, &seen, person->plan->main->path) = person->plan;
		} else if (!person->callee->people_listed) {
			person->callee->people_listed = true;
			stack_push(checker->arena, &stack, person->callee->people);
		}
	}
}
