/*
 * check_choice.c - if and match: their arms, patterns, and the type of what they give; see check_internal.h.
 */
#include "interp/check_internal.h"

#include <string.h>

void report_joined(struct walk *w, const struct node *first, const struct node *second, const char *what)
{
	struct diag *diag =
	    diag_error(w->diags, "E0206", second->span, "%s give different things: %s and %s", what,
		       type_phrase(w->arena, first->type), type_phrase(w->arena, second->type));

	diag_label(diag, "this is %s", type_phrase(w->arena, second->type));
	diag_secondary(diag, first->span, "this is %s", type_phrase(w->arena, first->type));
	if (!type_is_text(first->type) && !type_is_text(second->type))
		hint_same_unit(w, diag, first, second);
}

const struct type *check_if_value(struct walk *w, struct node *node)
{
	struct guard guard = {.condition = node->choice.condition, .outer = w->guards};
	const struct type *then, *otherwise, *joined;
	uint64_t taint = 0;

	check_condition(w, node->choice.condition, "if");
	w->guards = &guard;
	then = check_part(w, node->choice.then, &taint);
	otherwise =
	    node->choice.otherwise ? check_part(w, node->choice.otherwise, &taint) : type_simple(TYPE_NULL);
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
	if (types_comparable(type, wanted) || (type->kind == TYPE_RANGE && wanted->kind == TYPE_INT))
		return;
	diag = diag_error(w->diags, "E0203", pattern->span, "%s is never %s", type_phrase(w->arena, wanted),
			  type_phrase(w->arena, type));
	diag_label(diag, "this is %s", type_phrase(w->arena, type));
	diag_secondary(diag, subject->span, "this is %s", type_phrase(w->arena, wanted));
	hint_same_unit(w, diag, subject, pattern);
}

/* The choices that have an arm. False: any may have one, since a pattern is computed, or misspelt and
 * reported. */
static bool covered_choices(struct walk *w, const struct node *match, struct table *covered)
{
	const struct node *arm, *pattern;

	for (arm = match->match.arms; arm; arm = arm->next)
		for (pattern = arm->kind == NODE_ARM ? arm->arm.patterns : NULL; pattern;
		     pattern = pattern->next) {
			const char *text = node_literal_text(pattern, NULL);

			if (!text || !type_has_choice(match->match.subject->type, text))
				return false;
			*table_place(w->arena, covered, text) = (void *)text;
		}
	return true;
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
	struct table covered = {0};
	struct diag *diag = NULL;
	size_t i;

	if (!type || type->kind != TYPE_ENUM || has_else(match) || !covered_choices(w, match, &covered))
		return;
	for (i = 0; i < type->choice_count; i++)
		if (!table_find(&covered, type->choices[i])) {
			if (!diag)
				diag =
				    diag_warning(w->diags, "L0101", match->match.subject->span,
						 "this `match` does not say what happens for every choice");
			diag_hint(diag, "no arm takes \"%s\"", type->choices[i]);
		}
}

static void refuse_after_else(struct walk *w, const struct node *match)
{
	const struct node *arm;
	struct diag *diag;

	for (arm = match->match.arms; arm; arm = arm->next)
		if (arm->kind == NODE_ARM && !arm->arm.patterns && arm->next && arm->next->kind == NODE_ARM) {
			diag = diag_error(w->diags, "E0508", arm->next->span,
					  "nothing comes to an arm after `else`");
			diag_secondary(diag, arm->span, "takes all that is left");
			return;
		}
}

static const struct type *join_arm(struct walk *w, struct node *arm, struct node **first,
				   const struct type *joined)
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
		check_part(w, arm->arm.body, &taint);
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
