/* check_stmt.c - statements; see check_internal.h. */
#include "interp/check_internal.h"

#include <inttypes.h>
#include <string.h>

#include "interp/constant.h"

/* ---- blocks ---- */

/* What stands after `return` or `fail` in the same block never runs. */
static void lint_unreachable(struct walk *w, const struct node *last)
{
	const struct node *node = last->next;

	/* Where a line could not be read, it is not known what returns. */
	if (w->checker->unread)
		return;
	while (node && (is_clause(node) || node->kind == NODE_ERROR))
		node = node->next;
	if (!node)
		return;
	diag_secondary(diag_warning(w->diags, "L0212", node->span, "this never runs"), last->span,
		       last->kind == NODE_FAIL ? "fails always" : "returns always");
}

void check_statements(struct walk *w, struct node *first)
{
	const struct guard *outer = w->guards;
	struct node *node;

	for (node = first; node; node = node->next) {
		w->in_proof = w->in_proof && node->kind == NODE_REQUIRE;
		if ((node->kind == NODE_RETURN || node->kind == NODE_FAIL) &&
		    w->place->kind != PLACE_PARALLEL)
			lint_unreachable(w, node);
		check_statement(w, node);
		/* What a guard has looked at is known in the rest of the block. */
		if (node->kind == NODE_REQUIRE && node->guard.condition) {
			struct guard *guard = arena_alloc(w->arena, sizeof(*guard));

			*guard = (struct guard){.condition = node->guard.condition, .outer = w->guards};
			w->guards = guard;
		}
	}
	w->guards = outer;
}

static void check_block_of(struct walk *w, struct node *block, bool holds_steps)
{
	struct scope scope;

	if (!block || block->kind != NODE_BLOCK)
		return;
	scope_open(w, &scope, block->block.statements, holds_steps);
	check_statements(w, block->block.statements);
	scope_close(w, &scope);
}

void check_block(struct walk *w, struct node *block)
{
	check_block_of(w, block, false);
}

static void check_block_in(struct walk *w, enum place_kind kind, struct node *node, struct node *block,
			   bool holds_steps)
{
	struct place *place = place_open(w, kind, node);

	check_block_of(w, block, holds_steps);
	place_close(w, place);
}

static bool arm_returns(const struct node *arm)
{
	return arm->kind != NODE_ARM ||
	       (arm->arm.body && arm->arm.body->kind == NODE_BLOCK && block_returns(arm->arm.body));
}

static bool statement_returns(const struct node *node)
{
	const struct node *arm;
	bool has_else = false;

	switch (node->kind) {
	case NODE_RETURN:
	case NODE_FAIL:
	case NODE_ERROR:
		return true;
	case NODE_BLOCK:
		return block_returns(node);
	case NODE_IF:
		return node->choice.otherwise && statement_returns(node->choice.then) &&
		       statement_returns(node->choice.otherwise);
	case NODE_MATCH:
		for (arm = node->match.arms; arm; arm = arm->next) {
			has_else |= arm->kind == NODE_ARM && !arm->arm.patterns;
			if (!arm_returns(arm))
				return false;
		}
		return has_else;
	default:
		return false;
	}
}

bool block_returns(const struct node *block)
{
	const struct node *node;

	for (node = block->block.statements; node; node = node->next)
		if (statement_returns(node))
			return true;
	return false;
}

/* ---- what may stand where ---- */

static bool fits_in_func(const struct node *node)
{
	switch (node->kind) {
	case NODE_ERROR:
	case NODE_LET:
	case NODE_VAR:
	case NODE_ASSIGN:
	case NODE_IF:
	case NODE_MATCH:
	case NODE_WHILE:
	case NODE_RETURN:
	case NODE_FAIL:
	case NODE_EVALUATE:
		return true;
	case NODE_FOR:
		return !node->loop.limit;
	default:
		return false;
	}
}

static bool fits_in_verify(const struct node *node)
{
	switch (node->kind) {
	case NODE_ERROR:
	case NODE_EXPECT:
	case NODE_MANUAL:
	case NODE_LET:
	case NODE_IF:
	case NODE_MATCH:
	case NODE_LOG:
	case NODE_WARN:
		return true;
	case NODE_FOR:
		return !node->loop.limit;
	default:
		return false;
	}
}

static bool refuse_misplaced(struct walk *w, const struct node *node)
{
	struct diag *diag;

	if (w->function->symbol.kind == SYMBOL_FUNC && w->function->symbol.node && !fits_in_func(node)) {
		diag = diag_error(w->diags, "E0502", node->span,
				  "this has no place in a func: a func only computes");
		diag_secondary(diag, w->function->symbol.span, "this func");
		diag_hint(diag, "make it a `task`");
		return true;
	}
	if (place_find(w, PLACE_VERIFY) && !fits_in_verify(node)) {
		diag = diag_error(w->diags, "E0502", node->span,
				  "a checklist holds `expect` and `manual` lines, `let`, `for` and `if`");
		diag_hint(diag, "let this stand before or after `verify { }`");
		return true;
	}
	return false;
}

/* ---- names ---- */

static void give_to_step(struct step *step, struct local *local)
{
	*step->lets_end = &local->symbol;
	step->lets_end = &local->symbol.next;
	local->symbol.owner = &step->local.symbol;
}

static void check_let(struct walk *w, struct node *node)
{
	bool in_course = w->place->kind == PLACE_BODY && !w->function->symbol.node;
	struct place *pure = NULL;
	const struct type *type;
	struct local *local;

	if (in_course) {
		pure = place_open(w, PLACE_PURE, node);
		pure->reason = "a constant";
	}
	type = check_value(w, node->binding.value);
	if (pure)
		place_close(w, pure);
	if (node->kind == NODE_VAR && type->kind == TYPE_NULL)
		type = type_simple(TYPE_ANY);
	local = declare_local(w, node, node->binding.name, type);
	local->mask = w->taint;
	local->symbol.secret = (w->taint & SECRET_ITSELF) != 0;
	local->symbol.mutable = node->kind == NODE_VAR;
	if (node->kind == NODE_LET && w->place->kind == PLACE_STEP && w->place->step)
		give_to_step(w->place->step, local);
}

static void report_not_assignable(struct walk *w, const struct node *node, const struct symbol *symbol)
{
	struct diag *diag = diag_error(w->diags, "E0506", node->binding.name.span, "%s cannot be assigned",
				       symbol_phrase(w->arena, symbol));

	if (symbol->kind != SYMBOL_SPECIAL)
		diag_secondary(diag, symbol->span, "declared here");
	if (symbol->kind == SYMBOL_LOCAL && symbol->node->kind == NODE_LET)
		diag_hint(diag, "a `let` keeps its value; declare it with `var %s = …`", symbol->name);
	else if (symbol->kind == SYMBOL_PARAM)
		diag_hint(diag, "a param is set by the operator: `--set %s=…`, or an environment",
			  symbol->name);
	else if (symbol->kind == SYMBOL_CONSTANT)
		diag_hint(diag, "a constant keeps its value");
}

/*
 * Branches run side by side and handlers start from values on record: what they assign would be lost or torn.
 */
static bool may_reach(struct walk *w, const struct node *node, const struct local *local)
{
	const struct place *place;
	struct diag *diag;

	for (place = w->place; place && place != local->place; place = place->outer) {
		const char *who = place->kind == PLACE_BRANCH	  ? "a branch"
				  : place->kind == PLACE_ROLLBACK ? "a rollback"
				  : place->kind == PLACE_HANDLER  ? "a handler"
				  : place->kind == PLACE_DEFER	  ? "a deferred block"
								  : NULL;

		if (!who)
			continue;
		diag = diag_error(w->diags, "E0506", node->binding.name.span,
				  "%s may not assign a variable of its surroundings", who);
		diag_secondary(diag, local->symbol.span, "declared outside of it");
		if (place->kind == PLACE_BRANCH)
			diag_hint(diag, "side by side, the order of assignments is chance: let a named step "
					"in the branch hold the value in a `let`");
		else
			diag_hint(diag, "it starts from values on record and works on copies: declare a "
					"variable inside it");
		return false;
	}
	return true;
}

static void assign_type(struct walk *w, struct node *node, struct symbol *symbol)
{
	const struct type *type = node->binding.value->type;

	if (!symbol->type || !type)
		return;
	/* A counter that becomes a fraction: ints and floats are both numbers without a unit. */
	if (symbol->type->kind == TYPE_INT && type->kind == TYPE_FLOAT)
		symbol->type = type;
	else if (symbol->type->kind == TYPE_LIST && type->kind == TYPE_LIST)
		symbol->type = type_join(w->arena, symbol->type, type);
	else if (type->kind == TYPE_NULL)
		symbol->type = type_nullable(w->arena, symbol->type);
	else
		want_type(w, node->binding.value, symbol->type, symbol->name);
}

static void check_assign(struct walk *w, struct node *node)
{
	struct symbol *symbol = node->binding.name.text ? find_symbol(w, node->binding.name.text) : NULL;
	struct local *local = (struct local *)symbol;
	uint64_t taint;

	check_value(w, node->binding.value);
	taint = w->taint;
	if (!node->binding.name.text)
		return;
	if (!symbol) {
		struct node name = {
		    .kind = NODE_ASSIGN, .span = node->binding.name.span, .name = node->binding.name.text};

		report_unknown_name(w, &name, name.name, false);
		declare_local(w, node, node->binding.name, type_simple(TYPE_ERROR))->symbol.used = true;
		return;
	}
	node->symbol = symbol;
	if (symbol->kind != SYMBOL_LOCAL || !symbol->mutable) {
		report_not_assignable(w, node, symbol);
		return;
	}
	if (!may_reach(w, node, local))
		return;
	local->mask |= taint;
	symbol->secret |= (taint & SECRET_ITSELF) != 0;
	assign_type(w, node, symbol);
}

/* ---- choices and loops ---- */

static void check_choice(struct walk *w, struct node *node)
{
	struct guard guard = {.condition = node->choice.condition, .outer = w->guards};
	struct place *holder = commit_holder(w);
	struct node *before = holder->commit, *in_then;
	struct place *place;

	check_condition(w, node->choice.condition, "if");
	if (node->choice.condition)
		w->guards = &guard;
	check_block_in(w, PLACE_CHOICE, node, node->choice.then, false);
	in_then = holder->commit;
	holder->commit = before;
	place = place_open(w, PLACE_CHOICE, node);
	if (node->choice.otherwise && node->choice.otherwise->kind == NODE_IF)
		check_choice(w, node->choice.otherwise);
	else
		check_block(w, node->choice.otherwise);
	place_close(w, place);
	w->guards = guard.outer;
	if (in_then)
		holder->commit = in_then;
}

static void check_loop_limit(struct walk *w, struct node *limit, const char *what)
{
	if (!limit)
		return;
	check_wanted(w, limit, type_simple(TYPE_INT), what);
	if (limit->kind == NODE_INT && limit->integer < 1)
		diag_error(w->diags, "E0211", limit->span,
			   "at most 0 is never: the number must be 1 or more");
}

static void check_for(struct walk *w, struct node *node)
{
	const struct type *type = check_value(w, node->loop.iterable);
	uint64_t taint = w->taint;
	struct place *group = NULL, *turn;
	struct scope scope;
	struct local *local;

	type = node->loop.iterable ? element_of(w, node->loop.iterable, type) : type_simple(TYPE_ERROR);
	check_loop_limit(w, node->loop.limit, "at most");
	if (node->loop.limit)
		group = place_open(w, PLACE_PARALLEL, node);
	turn = place_open(w, node->loop.limit ? PLACE_BRANCH : PLACE_LOOP, node);
	scope_open(w, &scope, NULL, true);
	local = declare_local(w, node, node->loop.variable, type);
	local->mask = taint;
	check_block(w, node->loop.body);
	scope_close(w, &scope);
	place_close(w, turn);
	if (group)
		place_close(w, group);
}

static void check_while(struct walk *w, struct node *node)
{
	check_condition(w, node->repeat.condition, "while");
	check_loop_limit(w, node->repeat.limit, "at most");
	check_block_in(w, PLACE_LOOP, node, node->repeat.body, true);
}

static void check_branch(struct walk *w, struct node *node)
{
	struct place *place = place_open(w, PLACE_BRANCH, node);
	struct diag *diag;

	check_statement(w, node);
	place_close(w, place);
	if (node->kind != NODE_LET && node->kind != NODE_VAR)
		return;
	diag = diag_error(w->diags, "E0503", node->span, "a `%s` is no branch: nobody could read it",
			  node->kind == NODE_LET ? "let" : "var");
	diag_hint(diag, "each statement of `parallel` is a branch; a named step in it holds what can be read "
			"after the block");
}

static void check_parallel(struct walk *w, struct node *node)
{
	struct place *place = place_open(w, PLACE_PARALLEL, node);
	struct scope scope;
	struct node *branch;

	if (node->body && node->body->kind == NODE_BLOCK) {
		scope_open(w, &scope, node->body->block.statements, false);
		for (branch = node->body->block.statements; branch; branch = branch->next)
			check_branch(w, branch);
		scope_close(w, &scope);
	}
	place_close(w, place);
}

static const struct type *problem_type(void)
{
	static const struct type text = {.kind = TYPE_STRING},
				 maybe = {.kind = TYPE_STRING, .nullable = true}, any = {.kind = TYPE_ANY};
	static const struct type_field fields[] = {
	    {"message", &text}, {"kind", &text}, {"step", &maybe}, {"detail", &any}};
	static const struct type problem = {.kind = TYPE_RECORD, .fields = fields, .field_count = 4};

	return &problem;
}

static void check_try(struct walk *w, struct node *node)
{
	struct place *place;
	struct scope scope;

	check_block_in(w, PLACE_TRY, node, node->attempt.body, false);
	place = place_open(w, PLACE_CATCH, node);
	scope_open(w, &scope, NULL, false);
	if (node->attempt.problem.text)
		declare_local(w, node, node->attempt.problem, problem_type())->symbol.used = true;
	check_block(w, node->attempt.handler);
	scope_close(w, &scope);
	place_close(w, place);
}

/* ---- guards and checks ---- */

static void check_require(struct walk *w, struct node *node)
{
	struct place *place = place_open(w, PLACE_READS, node);

	place->reason = "a guard";
	place->is_proof = w->in_proof;
	check_condition(w, node->guard.condition, "require");
	place_close(w, place);
	check_text(w, node->guard.message, "a message");
	note_risk(w, node->span);
}

static void check_skip(struct walk *w, struct node *node)
{
	struct diag *diag;

	check_condition_in(w, "the condition of `skip if`", node->guard.condition, "skip if");
	check_text(w, node->guard.message, "a message");
	if (w->place->kind == PLACE_STEP) {
		w->place->is_conditional = true;
		return;
	}
	diag = diag_error(w->diags, "E0504", node->span, "`skip if` stands directly in a step's own block");
	if (place_find(w, PLACE_STEP))
		diag_secondary(diag, place_find(w, PLACE_STEP)->node->step.title->span, "the step");
	else
		diag_hint(diag, "here `if` chooses what is done");
}

static void check_duration(struct walk *w, struct node *node, const char *what)
{
	check_wanted(w, node, type_simple(TYPE_DURATION), what);
	if (literal_is_negative(node) || (node && node->kind == NODE_DURATION && node->integer == 0))
		diag_error(w->diags, "E0211", node->span, "`%s` must be more than zero", what);
}

static void refuse_lone_every(struct walk *w, const struct node *node)
{
	struct diag *diag;

	if (!node->check.every || node->check.within || node->kind != NODE_EXPECT)
		return;
	diag = diag_error(w->diags, "E0511", node->check.every->span,
			  "`every` says how often to try, but not for how long");
	diag_hint(diag, "add the bound: `within 30s every …`");
}

static void check_polled(struct walk *w, struct node *node)
{
	if (node->check.label)
		check_text(w, node->check.label, "a label");
	if (node->check.within || node->kind == NODE_WAIT)
		check_condition_in(w, "a condition that is polled", node->check.condition,
				   node->kind == NODE_WAIT ? "wait until" : "expect");
	else
		check_condition(w, node->check.condition, "expect");
	check_duration(w, node->check.within, "within");
	check_duration(w, node->check.every, "every");
	refuse_lone_every(w, node);
	if (node->kind == NODE_WAIT)
		lint_endless_wait(w, node);
	if (node->check.otherwise == REACTION_ASK) {
		struct span asked = node->check.condition->span;
		const char *text = source_text(w->checker->compilation->sources, asked);

		note_person(w, "ask",
			    node->check.label ? label_text(w, node->check.label)
					      : arena_strndup(w->arena, text, asked.to - asked.from),
			    NULL, node->span);
	}
	note_risk(w, node->span);
}

static void check_verify(struct walk *w, struct node *node)
{
	check_text(w, node->verify.title, "a title");
	check_block_in(w, PLACE_VERIFY, node, node->verify.body, false);
}

/* ---- people ---- */

/* As many as are wanted must be there to be asked, where both are written out. */
static void check_approvers(struct walk *w, const struct node *node)
{
	struct node *count = node->person.count, *people = node->person.people;
	struct value wanted, names;
	struct span where;

	check_wanted(w, count, type_simple(TYPE_INT), "by");
	if (people)
		check_wanted(w, people, type_list(w->arena, type_simple(TYPE_STRING)), "of");
	if (!constant_with_lets(count, &wanted, &where))
		return;
	names = value_null();
	if (wanted.tag == VALUE_INT && wanted.i < 1)
		diag_error(w->diags, "E0518", count->span, "`by` wants one person or more");
	else if (wanted.tag == VALUE_INT && people && constant_with_lets(people, &names, &where) &&
		 (int64_t)value_length(names) < wanted.i)
		diag_error(w->diags, "E0518", people->span, "%" PRId64 " people shall approve, and only %zu may",
			   wanted.i, value_length(names));
	value_release(names);
	value_release(wanted);
}

static void check_person(struct walk *w, struct node *node)
{
	static const char *const kinds[] = {
	    [NODE_CONFIRM] = "confirm", [NODE_MANUAL] = "manual", [NODE_APPROVE] = "approve"};

	check_text(w, node->person.text, "a question");
	if (node->person.phrase) {
		check_wanted(w, node->person.phrase, type_simple(TYPE_STRING), "typing");
		check_shown(w, node->person.phrase->span, w->taint, "a question");
	}
	check_duration(w, node->person.within, "within");
	note_risk(w, node->span);
	note_person(w, kinds[node->kind], label_text(w, node->person.text), NULL, node->span);
	if (node->kind == NODE_APPROVE)
		check_approvers(w, node);
}

/* ---- time ---- */

static void check_uses(struct walk *w, struct node *first)
{
	struct node *use;

	for (use = first; use; use = use->next)
		check_use(w, use);
}

static void check_hold(struct walk *w, struct node *node)
{
	if (node->hold.duration)
		check_duration(w, node->hold.duration, "hold");
	if (node->hold.until)
		check_wanted(w, node->hold.until, type_simple(TYPE_TIME), "hold until");
	check_uses(w, node->hold.watching);
	if (node->hold.watching)
		lint_hold(w, node);
	note_risk(w, node->span);
}

static void check_watch(struct walk *w, struct node *node)
{
	check_uses(w, node->watch.watching);
	check_block_in(w, PLACE_WATCH, node, node->watch.body, false);
	lint_watch(w, node);
}

/* ---- points of no return ---- */

static bool in_handler(const struct walk *w)
{
	return place_find(w, PLACE_ROLLBACK) || place_find(w, PLACE_HANDLER) || place_find(w, PLACE_DEFER);
}

struct place *commit_holder(const struct walk *w)
{
	struct place *place = w->place;

	while (place->outer && place->kind != PLACE_STEP)
		place = place->outer;
	return place;
}

void note_commit(struct walk *w, struct node *node)
{
	struct place *holder = commit_holder(w);

	if (in_handler(w))
		return;
	/* At plan level later steps arm anew; in a task the commit is that of the step which calls it. */
	if (holder->kind == PLACE_STEP || w->function->symbol.node)
		holder->commit = node;
	if (holder->kind != PLACE_STEP && w->function->symbol.node)
		w->function->commits = node->span;
}

static void check_mark(struct walk *w, struct node *node)
{
	bool commits = node->kind == NODE_COMMIT;

	check_text(w, node->value, commits ? "a commit" : "a checkpoint");
	if (in_handler(w)) {
		diag_error(w->diags, "E0507", node->span, "a handler cannot %s: it is the way back",
			   commits ? "commit" : "set a checkpoint");
		return;
	}
	if (commits)
		note_commit(w, node);
}

static void check_defer(struct walk *w, struct node *node)
{
	if (in_handler(w)) {
		diag_hint(diag_error(w->diags, "E0507", node->span,
				     "a handler cannot defer: deferred blocks follow the handlers"),
			  "write it as the handler's last lines");
		return;
	}
	check_block_in(w, PLACE_DEFER, node, node->body, true);
}

/* ---- leaving ---- */

static bool may_return(struct walk *w, const struct node *node)
{
	const struct place *place;
	const char *where = NULL;
	struct diag *diag;

	if (!w->function->symbol.node) {
		diag = diag_error(w->diags, "E0512", node->span, "`return` belongs to a func or a task");
		diag_hint(diag, "`skip if … because \"…\"` ends a step's work, `fail \"…\"` fails it");
		return false;
	}
	for (place = w->place; place && !where; place = place->outer)
		where = place->kind == PLACE_BRANCH	? "a branch"
			: place->kind == PLACE_WATCH	? "`watch`"
			: place->kind == PLACE_ROLLBACK ? "a rollback"
			: place->kind == PLACE_HANDLER	? "a handler"
			: place->kind == PLACE_DEFER	? "`defer`"
							: NULL;
	if (!where)
		return true;
	diag_error(w->diags, "E0512", node->span, "`return` cannot leave %s", where);
	return false;
}

static void check_return(struct walk *w, struct node *node)
{
	struct callable *callable = w->function;
	const struct type *type = node->value ? check_value(w, node->value) : type_simple(TYPE_NULL), *joined;
	uint64_t taint = w->taint;

	if (!may_return(w, node)) {
		callable->result = type_simple(TYPE_ERROR);
		return;
	}
	callable->result_mask |= node->value ? taint : 0;
	if (callable->declared) {
		if (node->value)
			want_type(w, node->value, callable->declared, "return");
		else
			diag_error(w->diags, "E0509", node->span, "`%s` returns %s: the value is missing",
				   callable->symbol.name, type_phrase(w->arena, callable->declared));
		return;
	}
	if (!node->value) {
		if (callable->result)
			callable->result = type_nullable(w->arena, callable->result);
		return;
	}
	joined = callable->result ? type_join(w->arena, callable->result, type) : type;
	if (!joined)
		diag_hint(diag_error(w->diags, "E0206", node->value->span,
				     "`%s` returns %s here and %s elsewhere", callable->symbol.name,
				     type_phrase(w->arena, type), type_phrase(w->arena, callable->result)),
			  "say what it returns: `%s(…): any`", callable->symbol.name);
	callable->result = joined ? joined : type_simple(TYPE_ANY);
}

/* ---- calls as statements ---- */

void check_alone(struct walk *w, struct node *call)
{
	struct diag *diag;

	if (call->kind == NODE_CALL) {
		check_effect(w, call);
		lint_useless_call(w, call);
		return;
	}
	check_value(w, call);
	if (call->kind == NODE_ERROR)
		return;
	diag = diag_error(w->diags, "E0513", call->span, "an expression alone does nothing");
	diag_hint(diag, "a statement is a call, or begins with a word such as `let`, `expect` or `log`");
}

static void check_evaluate(struct walk *w, struct node *node)
{
	if (node->value)
		check_alone(w, node->value);
}

/* ---- what comes later ---- */

static void check_metric(struct walk *w, struct node *metric)
{
	struct node *clause;

	check_text(w, metric->metric.title, "a title");
	for (clause = metric->metric.clauses; clause; clause = clause->next)
		if (clause->kind == NODE_CANARY || clause->kind == NODE_BASELINE)
			check_value(w, clause->value);
}

static void check_judge(struct walk *w, struct node *node)
{
	struct node *clause;

	check_text(w, node->judge.title, "a title");
	for (clause = node->judge.clauses; clause; clause = clause->next) {
		if (clause->kind == NODE_HOLD)
			check_hold(w, clause);
		else if (clause->kind == NODE_METRIC)
			check_metric(w, clause);
	}
	not_yet(w, node->span, "`judge`");
}

/* ---- all of them ---- */

static void check_known(struct walk *w, struct node *node)
{
	switch (node->kind) {
	case NODE_LET:
	case NODE_VAR:
		check_let(w, node);
		break;
	case NODE_ASSIGN:
		check_assign(w, node);
		break;
	case NODE_IF:
		check_choice(w, node);
		break;
	case NODE_MATCH:
		check_arms(w, node, false);
		break;
	case NODE_FOR:
		check_for(w, node);
		break;
	case NODE_WHILE:
		check_while(w, node);
		break;
	case NODE_PARALLEL:
		check_parallel(w, node);
		break;
	case NODE_TRY:
		check_try(w, node);
		break;
	case NODE_REQUIRE:
		check_require(w, node);
		break;
	case NODE_SKIP:
		check_skip(w, node);
		break;
	case NODE_EXPECT:
	case NODE_WAIT:
		check_polled(w, node);
		break;
	case NODE_VERIFY:
		check_verify(w, node);
		break;
	case NODE_MANUAL:
	case NODE_APPROVE:
	case NODE_CONFIRM:
		check_person(w, node);
		break;
	case NODE_HOLD:
		check_hold(w, node);
		break;
	case NODE_WATCH:
		check_watch(w, node);
		break;
	case NODE_CHECKPOINT:
	case NODE_COMMIT:
		check_mark(w, node);
		break;
	case NODE_DEFER:
		check_defer(w, node);
		break;
	case NODE_LOG:
		check_text(w, node->value, "a log line");
		break;
	case NODE_WARN:
		check_text(w, node->value, "a warning");
		break;
	case NODE_FAIL:
		check_text(w, node->value, "a message");
		note_risk(w, node->span);
		break;
	case NODE_RETURN:
		check_return(w, node);
		break;
	case NODE_EVALUATE:
		check_evaluate(w, node);
		break;
	case NODE_JUDGE:
		check_judge(w, node);
		break;
	case NODE_RUN_PLAN:
		check_run_plan(w, node);
		break;
	case NODE_PHASE:
		check_phase(w, node);
		break;
	case NODE_STEP:
		check_step(w, node);
		break;
	case NODE_TIMEOUT:
	case NODE_RETRY:
	case NODE_ROLLBACK:
	case NODE_ON_RESUME:
	case NODE_ON:
		check_clause(w, node);
		break;
	case NODE_ON_BREACH:
		diag_hint(diag_error(w->diags, "E0501", node->span, "`on breach` is a clause of a threshold"),
			  "write it where the bound is: threshold … { … on breach … }");
		break;
	default:
		break;
	}
}

void check_statement(struct walk *w, struct node *node)
{
	w->checker->depth++;
	if (!refuse_misplaced(w, node))
		check_known(w, node);
	w->checker->depth--;
}
