/* check_step.c - steps, phases, their clauses, the plan's handlers; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

static void pure_clause(struct walk *w, struct node *node, enum type_kind wanted, const char *what)
{
	check_wanted_in(w, PLACE_PURE, "a clause of a step", node, type_simple(wanted), what);
}

/* A title is shown before its step begins: it may look at the world, but not change it. */
static void check_title(struct walk *w, struct node *title)
{
	struct place *place = place_open(w, PLACE_READS, title);

	place->reason = "a title";
	check_text(w, title, "a title");
	place_close(w, place);
}

/* ---- phases ---- */

void check_phase(struct walk *w, struct node *node)
{
	struct node *low = node->phase.expect_low, *high = node->phase.expect_high;
	bool misplaced = w->place->kind != PLACE_BODY || w->function->symbol.node;
	struct place *place;
	struct diag *diag;

	if (misplaced) {
		diag = diag_error(w->diags, "E0514", node->phase.title ? node->phase.title->span : node->span,
				  "phases stand at the top level of a plan, and nowhere else");
		diag_hint(diag, "steps may hold steps: make it `step \"…\" { }`");
	}
	check_title(w, node->phase.title);
	pure_clause(w, low, TYPE_DURATION, "expect");
	pure_clause(w, high, TYPE_DURATION, "expect");
	if (low && high && low->kind == NODE_DURATION && high->kind == NODE_DURATION &&
	    low->integer > high->integer)
		diag_hint(diag_warning(w->diags, "L0103", span_join(low->span, high->span),
				       "the least time expected is more than the most"),
			  "did you mean %.*s..%.*s?", (int)(high->span.to - high->span.from),
			  source_text(w->checker->compilation->sources, high->span),
			  (int)(low->span.to - low->span.from),
			  source_text(w->checker->compilation->sources, low->span));
	place = place_open(w, PLACE_PHASE, node);
	check_block(w, node->phase.body);
	place_close(w, place);
}

/* ---- what a step's clauses say of it ---- */

static bool undoes(const struct node *rollback)
{
	return rollback &&
	       (rollback->rollback.mode == ROLLBACK_AFTER || rollback->rollback.mode == ROLLBACK_RUNNING);
}

/* Clauses count for the whole step, wherever in its block they stand. */
static void find_clauses(struct place *place, const struct node *body)
{
	struct node *node;

	for (node = body->block.statements; node; node = node->next) {
		if (node->kind == NODE_ROLLBACK && !place->rollback && node->rollback.mode != ROLLBACK_BOUND)
			place->rollback = node;
		else if (node->kind == NODE_RETRY && !place->retry)
			place->retry = node;
		else if (node->kind == NODE_SKIP)
			place->is_conditional = true;
	}
}

static const char *clause_name(const struct node *node)
{
	switch (node->kind) {
	case NODE_TIMEOUT:
		return "timeout";
	case NODE_RETRY:
		return "retry";
	case NODE_ROLLBACK:
		return "rollback";
	case NODE_ON_RESUME:
		return "on resume";
	default:
		return node->on.event == EVENT_FAILURE	  ? "on failure"
		       : node->on.event == EVENT_ROLLBACK ? "on rollback"
		       : node->on.event == EVENT_SUCCESS  ? "on success"
							  : "finally";
	}
}

bool is_clause(const struct node *node)
{
	return node->kind == NODE_TIMEOUT || node->kind == NODE_RETRY || node->kind == NODE_ROLLBACK ||
	       node->kind == NODE_ON_RESUME || node->kind == NODE_ON;
}

static void refuse_double_clauses(struct walk *w, const struct node *body)
{
	const struct node *node, *other;
	struct diag *diag;

	for (node = body->block.statements; node; node = node->next)
		for (other = is_clause(node) ? body->block.statements : node; other != node;
		     other = other->next) {
			if (!is_clause(other) || strcmp(clause_name(other), clause_name(node)) != 0)
				continue;
			diag = diag_error(w->diags, "E0505", node->span, "a step has one `%s` clause",
					  clause_name(node));
			diag_label(diag, "the second one");
			diag_secondary(diag, other->span, "the first one");
			break;
		}
}

/* Between attempts nothing is rolled back, so what is tried again may hold nothing that would have to be. */
static void refuse_under_retry(struct walk *w, const struct node *node, const struct place *own)
{
	const struct place *place;
	struct diag *diag;

	if (!undoes(own->rollback))
		return;
	for (place = own->outer; place; place = place->outer) {
		if (place->kind == PLACE_ROLLBACK || place->kind == PLACE_HANDLER ||
		    place->kind == PLACE_DEFER)
			return;
		if (place->kind != PLACE_STEP || !place->retry)
			continue;
		diag = diag_error(w->diags, "E0307", own->rollback->span,
				  "a step that is retried may not hold steps with a rollback");
		diag_secondary(diag, node->step.title->span, "this step has its own way back");
		diag_secondary(diag, place->retry->span, "the step around it is tried again");
		diag_hint(diag, "there is no rollback between attempts: retry the inner step instead");
		return;
	}
	w->function->rollback_step = own->rollback->span;
}

static bool refuse_step_here(struct walk *w, const struct node *node)
{
	struct diag *diag;

	if (!place_find(w, PLACE_DEFER))
		return false;
	diag = diag_error(w->diags, "E0514", node->step.title ? node->step.title->span : node->span,
			  "a deferred block holds no steps");
	diag_hint(diag, "write its lines as they are; it is reported as one");
	return true;
}

/* ---- clauses ---- */

static void check_retry(struct walk *w, struct node *node)
{
	pure_clause(w, node->retry.count, TYPE_INT, "retry");
	want_positive(w, node->retry.count, "the number of attempts");
	pure_clause(w, node->retry.every, TYPE_DURATION, "every");
	pure_clause(w, node->retry.backoff, TYPE_FLOAT, "backoff");
}

static void check_timeout(struct walk *w, struct node *node)
{
	pure_clause(w, node->value, TYPE_DURATION, "timeout");
	want_positive(w, node->value, "a timeout");
}

/* The guards at the top of a rollback are proved before the step's first change. */
static void check_way_back(struct walk *w, struct node *body)
{
	struct scope scope;

	if (!body || body->kind != NODE_BLOCK)
		return;
	scope_open(w, &scope, body->block.statements, true);
	w->in_proof = true;
	check_statements(w, body->block.statements);
	w->in_proof = false;
	scope_close(w, &scope);
}

static void check_rollback_terms(struct walk *w, struct node *node)
{
	pure_clause(w, node->rollback.within, TYPE_DURATION, "rollback within");
	want_positive(w, node->rollback.within, "the time for the rollback");
	if (node->rollback.mode == ROLLBACK_BOUND)
		diag_hint(diag_error(w->diags, "E0501", node->span, "this rollback does nothing"),
			  "say what it does: `rollback within … { … }`; the bound of the whole unwinding is "
			  "a setting of `plan`");
	if (node->rollback.mode != ROLLBACK_NOTHING)
		return;
	check_text(w, node->rollback.reason, "a reason");
	if (node_literal_text(node->rollback.reason, NULL) &&
	    !*node_literal_text(node->rollback.reason, NULL))
		diag_hint(diag_error(w->diags, "E0515", node->rollback.reason->span,
				     "`rollback none` needs a reason in words"),
			  "the reader of the plan must see why nothing has to be undone");
}

static void check_rollback(struct walk *w, struct node *node)
{
	struct place *place = place_open(w, PLACE_ROLLBACK, node);

	check_way_back(w, node->rollback.body);
	place_close(w, place);
}

static void check_on(struct walk *w, struct node *node)
{
	struct place *place = place_open(w, PLACE_HANDLER, node);
	struct scope scope;

	if (node->on.body && node->on.body->kind == NODE_BLOCK) {
		scope_open(w, &scope, node->on.body->block.statements, true);
		check_statements(w, node->on.body->block.statements);
		scope_close(w, &scope);
	}
	place_close(w, place);
}

static void refuse_clause(struct walk *w, const struct node *node, bool in_task)
{
	struct diag *diag = diag_error(w->diags, "E0501", node->span,
				       "`%s` stands directly in the block of a step", clause_name(node));
	const struct place *step = place_find(w, PLACE_STEP);

	if (step && step->node->step.title)
		diag_secondary(diag, step->node->step.title->span, "the step");
	if (in_task)
		diag_hint(diag, "put the task's lines into `step \"…\" { … }`, or write the clause in the "
				"step that calls it");
	else if (step)
		diag_hint(diag, "a clause counts for the whole step, whatever happens in it: move it out");
	else if (node->kind == NODE_TIMEOUT || node->kind == NODE_ROLLBACK)
		diag_hint(diag, "for the whole plan it is a setting: plan \"…\" { %s }",
			  node->kind == NODE_TIMEOUT ? "timeout 1h" : "rollback within 5m");
}

static bool clause_may_stand(const struct walk *w, const struct node *node)
{
	if (w->place->kind == PLACE_STEP)
		return true;
	return w->place->kind == PLACE_ROLLBACK && (node->kind == NODE_TIMEOUT || node->kind == NODE_RETRY);
}

/* What a clause says in its own line. */
static void check_terms(struct walk *w, struct node *node)
{
	if (node->kind == NODE_TIMEOUT)
		check_timeout(w, node);
	else if (node->kind == NODE_RETRY)
		check_retry(w, node);
	else if (node->kind == NODE_ROLLBACK)
		check_rollback_terms(w, node);
}

/* The block of a clause. */
static void check_way(struct walk *w, struct node *node)
{
	if (node->kind == NODE_ROLLBACK)
		check_rollback(w, node);
	else if (node->kind == NODE_ON)
		check_on(w, node);
}

void check_clause(struct walk *w, struct node *node)
{
	if (!clause_may_stand(w, node)) {
		refuse_clause(w, node, w->function->symbol.node && !place_find(w, PLACE_STEP));
	} else if (node->kind == NODE_ON &&
		   (node->on.event == EVENT_ROLLBACK || node->on.event == EVENT_SUCCESS)) {
		diag_hint(diag_error(w->diags, "E0501", node->span,
				     "`%s` is a handler of the plan, not of a step", clause_name(node)),
			  "%s",
			  node->on.event == EVENT_SUCCESS
			      ? "what follows the step's work stands at the end of its block"
			      : "a step says how it is undone in `rollback { }`");
	}
	/* Those of a step are looked at before and after its block. */
	if (w->place->kind == PLACE_STEP)
		return;
	check_terms(w, node);
	check_way(w, node);
}

/* ---- steps ---- */

/* Bounds are known before the step begins, so they see nothing of its block. */
static void check_settings(struct walk *w, struct node *body)
{
	struct node *node;

	for (node = body->block.statements; node; node = node->next)
		check_terms(w, node);
}

/* Handlers run when the block is over, so they see all of it, wherever in it they are written. */
static void check_handlers_of(struct walk *w, struct node *body)
{
	struct node *node;

	for (node = body->block.statements; node; node = node->next)
		check_way(w, node);
}

void check_step(struct walk *w, struct node *node)
{
	struct node *body = node->step.body;
	struct step *step = node->step.name.text ? declare_step(w, node) : NULL;
	struct place *place;
	struct scope scope;

	refuse_step_here(w, node);
	check_title(w, node->step.title);
	place = place_open(w, PLACE_STEP, node);
	place->step = step;
	if (step)
		step->standing = place;
	if (body && body->kind == NODE_BLOCK) {
		find_clauses(place, body);
		refuse_double_clauses(w, body);
		refuse_under_retry(w, node, place);
		scope_open(w, &scope, body->block.statements, false);
		check_settings(w, body);
		check_statements(w, body->block.statements);
		check_handlers_of(w, body);
		scope_close(w, &scope);
	}
	place_close(w, place);
	if (step)
		step->finished = true;
	note_risk(w, node->span);
}

/* ---- the plan's handlers ---- */

void check_handler(struct walk *w, struct node *node)
{
	const struct node *other;

	for (other = w->module->file->file.items; other != node; other = other->next)
		if (other->kind == NODE_ON && other->on.event == node->on.event) {
			diag_secondary(diag_error(w->diags, "E0505", node->span, "a plan has one `%s`",
						  clause_name(node)),
				       other->span, "the first one");
			break;
		}
	check_on(w, node);
}
