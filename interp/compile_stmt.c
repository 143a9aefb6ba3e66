/* compile_stmt.c - statements, steps, handlers and thresholds to bytecode. */
#include "interp/compile.h"

#include <stdlib.h>
#include <string.h>

void place_local(struct compiler *c, struct symbol *symbol, uint32_t slot)
{
	symbol->slot = (int)slot;
	symbol->function = (int)c->w->index;
}

void compile_statements(struct compiler *c, const struct node *first)
{
	for (const struct node *node = first; node; node = node->next)
		compile_statement(c, node);
}

/* A scope of its own: its locals' registers are given back. */
void compile_block(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;

	if (!node)
		return;
	if (node->kind == NODE_BLOCK)
		compile_statements(c, node->block.statements);
	else
		compile_statement(c, node);
	give_back(c, top);
}

void compile_handler(struct compiler *c, const struct node *body)
{
	compile_block(c, body);
	emit_abc(c, INSN_END_FIBER, 0, 0, 0);
}

/* ---- what a handler names ---- */

struct capturing {
	struct compiler *c;
	VECTOR(struct capture) found;
};

static void capture_names(struct node *node, void *context)
{
	struct capturing *capturing = context;
	const struct symbol *symbol = named_local(node);

	if (symbol && symbol->slot >= 0 && symbol->function == (int)capturing->c->w->index) {
		bool known = false;
		for (uint32_t i = 0; i < capturing->found.count; i++)
			known |= capturing->found.items[i].slot == (uint16_t)symbol->slot;
		if (!known)
			*VECTOR_PUSH(&capturing->found) = (struct capture){ symbol->name, (uint16_t)symbol->slot };
	}
	ast_each_child(node, capture_names, context);
}

/* The locals declared so far that `body` names; the array lives in the arena. */
static struct capture *captures_of(struct compiler *c, struct node *body, uint32_t *count)
{
	struct capturing capturing = { .c = c };

	capture_names(body, &capturing);
	*count = capturing.found.count;
	struct capture *captures = arena_alloc(c->compilation->arena, (*count + 1) * sizeof(*captures));
	if (*count)
		memcpy(captures, capturing.found.items, *count * sizeof(*captures));
	free(capturing.found.items);
	return captures;
}

/* ---- steps ---- */

struct clauses {
	const struct node *timeout, *retry, *rollback, *on_resume, *on_failure, *finally;
};

static void find_clauses(const struct node *body, struct clauses *found)
{
	*found = (struct clauses){ 0 };
	if (!body)
		return;
	for (const struct node *node = body->block.statements; node; node = node->next)
		switch (node->kind) {
		case NODE_TIMEOUT:
			found->timeout = node;
			break;
		case NODE_RETRY:
			found->retry = node;
			break;
		case NODE_ROLLBACK:
			found->rollback = node;
			break;
		case NODE_ON_RESUME:
			found->on_resume = node;
			break;
		case NODE_ON:
			if (node->on.event == EVENT_FAILURE)
				found->on_failure = node;
			else if (node->on.event == EVENT_FINALLY)
				found->finally = node;
			break;
		default:
			break;
		}
}

static bool is_clause(const struct node *node)
{
	switch (node->kind) {
	case NODE_TIMEOUT:
	case NODE_RETRY:
	case NODE_ROLLBACK:
	case NODE_ON_RESUME:
	case NODE_ON:
		return true;
	default:
		return false;
	}
}

/* The statements of a step's (or handler's) body without its clauses. */
static void body_statements(struct compiler *c, const struct node *body)
{
	for (const struct node *node = body->block.statements; node; node = node->next)
		if (!is_clause(node))
			compile_statement(c, node);
}

/* Fills the registers of enum step_register from `a` on. */
static void step_registers(struct compiler *c, const struct node *title, const struct clauses *clauses, uint32_t a)
{
	const struct node *retry = clauses->retry, *rollback = clauses->rollback;

	compile_or_null(c, title, a + STEP_TITLE);
	compile_or_null(c, clauses->timeout ? clauses->timeout->value : NULL, a + STEP_TIMEOUT);
	compile_or_null(c, retry ? retry->retry.count : NULL, a + STEP_ATTEMPTS);
	compile_or_null(c, retry ? retry->retry.every : NULL, a + STEP_DELAY);
	compile_or_null(c, retry ? retry->retry.backoff : NULL, a + STEP_BACKOFF);
	compile_or_null(c, rollback ? rollback->rollback.reason : NULL, a + STEP_REASON);
	compile_or_null(c, rollback ? rollback->rollback.within : NULL, a + STEP_WITHIN);
}

static enum undo_kind undo_kind(const struct node *rollback)
{
	if (!rollback)
		return UNDO_ABSENT;
	switch (rollback->rollback.mode) {
	case ROLLBACK_RUNNING:
		return UNDO_RUNNING;
	case ROLLBACK_NOTHING:
		return UNDO_NONE;
	default:
		return UNDO_BLOCK;
	}
}

static const char *reaction_name(const struct node *on_resume)
{
	if (!on_resume)
		return NULL;
	return on_resume->reaction == REACTION_RERUN ? "rerun" : on_resume->reaction == REACTION_ASK ? "ask" : "rollback";
}

/* What happens when a step has failed for good: its own clauses, then the failure goes on. */
static void failed_part(struct compiler *c, uint32_t number, const struct clauses *clauses)
{
	c->steps.items[number].failed = here(c);
	if (clauses->on_failure)
		compile_block(c, clauses->on_failure->on.body);
	c->steps.items[number].cleanup = here(c);
	if (clauses->finally)
		compile_block(c, clauses->finally->on.body);
	emit_abc(c, INSN_RERAISE, 0, 0, 0);
}

static const struct reserved *reserved_let(const struct symbol *symbol)
{
	const struct reserved *reserved = symbol->reserved;

	while (reserved && reserved->closed)
		reserved = reserved->before;
	return reserved;
}

void close_reserved(struct compiler *c, struct reserved *outer)
{
	for (; c->w->reserved != outer; c->w->reserved = c->w->reserved->outer)
		c->w->reserved->closed = true;
}

static bool is_let(const struct node *node)
{
	return (node->kind == NODE_LET || node->kind == NODE_VAR) && node->symbol;
}

static void reserve_lets(struct compiler *c, const struct node *body)
{
	for (const struct node *node = body->block.statements; node; node = node->next) {
		if (!is_let(node) || reserved_let(node->symbol))
			continue;
		struct reserved *reserved = arena_alloc(c->compilation->arena, sizeof(*reserved));
		*reserved = (struct reserved){
			.slot = take_register(c),
			.outer = c->w->reserved,
			.before = node->symbol->reserved,
		};
		c->w->reserved = node->symbol->reserved = reserved;
		place_local(c, node->symbol, reserved->slot);
	}
}

static void reserve_in_steps(struct node *node, void *context)
{
	if (node->kind == NODE_STEP && node->step.name.text && node->step.body)
		reserve_lets(context, node->step.body);
	ast_each_child(node, reserve_in_steps, context);
}

void reserve_named_lets(struct compiler *c, struct node *body)
{
	reserve_in_steps(body, c);
}

/* Each attempt, and each round of a loop, starts from nothing. */
static void clear_lets(struct compiler *c, const struct node *body)
{
	for (const struct node *node = body->block.statements; node; node = node->next)
		if (is_let(node))
			emit_abc(c, INSN_NULL, reserved_let(node->symbol)->slot, 0, 0);
}

/* A rollback's body runs as a step of its own that never arms, so that `retry` and `timeout` in it work. */
static void handler_part(struct compiler *c, const struct node *body)
{
	uint32_t top = c->w->top;
	struct clauses clauses;
	struct step_code *step = VECTOR_PUSH(&c->steps);
	uint32_t number = c->steps.count - 1;

	find_clauses(body, &clauses);
	*step = (struct step_code){ .span = body->span, .proof = NOWHERE, .handler = NOWHERE, .handler_step = true };
	uint32_t a = take_registers(c, STEP_REGISTERS);
	step_registers(c, NULL, &clauses, a);
	emit_ad(c, INSN_STEP_BEGIN, a, (int32_t)number);
	c->steps.items[number].body = here(c);
	body_statements(c, body);
	emit_ad(c, INSN_STEP_DONE, 0, (int32_t)number);
	emit_ad(c, INSN_STEP_END, 0, (int32_t)number);
	emit_abc(c, INSN_END_FIBER, 0, 0, 0);
	failed_part(c, number, &clauses); /* none of its own: only RERAISE */
	give_back(c, top);
}

/* The leading `require`s of a rollback block: the way back is proved before the way forward is taken. */
static bool proof_part(struct compiler *c, const struct node *body)
{
	uint32_t top = c->w->top;
	bool any = false;

	for (const struct node *node = body->block.statements; node; node = node->next) {
		if (is_clause(node))
			continue;
		if (node->kind != NODE_REQUIRE)
			break;
		compile_statement(c, node);
		any = true;
	}
	if (any)
		emit_abc(c, INSN_END_FIBER, 0, 0, 0);
	give_back(c, top);
	return any;
}

static void rollback_parts(struct compiler *c, const struct node *rollback, uint32_t number)
{
	struct node *body = rollback->rollback.body;
	uint32_t count;

	struct capture *captures = captures_of(c, body, &count);
	c->steps.items[number].captures = captures;
	c->steps.items[number].capture_count = count;
	uint32_t proof = here(c);
	if (proof_part(c, body))
		c->steps.items[number].proof = proof;
	c->steps.items[number].handler = here(c);
	handler_part(c, body);
}

static void step(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;
	struct clauses clauses;
	struct step_code *code = VECTOR_PUSH(&c->steps);
	uint32_t number = c->steps.count - 1;

	find_clauses(node->step.body, &clauses);
	*code = (struct step_code){
		.name = node->step.name.text,
		.span = node->span,
		.undo = undo_kind(clauses.rollback),
		.proof = NOWHERE,
		.handler = NOWHERE,
		.on_resume = reaction_name(clauses.on_resume),
	};
	uint32_t a = take_registers(c, STEP_REGISTERS);
	step_registers(c, node->step.title, &clauses, a);
	emit_ad(c, INSN_STEP_BEGIN, a, (int32_t)number);
	c->steps.items[number].body = here(c);
	struct open_region open = { .kind = OPEN_STEP, .step = number, .step_node = node, .outer = c->w->open };
	struct reserved *reserved = c->w->reserved;
	c->w->open = &open;
	reserve_lets(c, node->step.body);
	clear_lets(c, node->step.body);
	body_statements(c, node->step.body);
	for (uint32_t i = 0; i < open.skips.count; i++)
		patch_here(c, open.skips.items[i]);
	free(open.skips.items);
	emit_ad(c, INSN_STEP_DONE, 0, (int32_t)number);
	c->w->open = open.outer;
	if (clauses.finally)
		compile_block(c, clauses.finally->on.body);
	emit_ad(c, INSN_STEP_END, 0, (int32_t)number);
	uint32_t out = emit_ad(c, INSN_JUMP, 0, 0);
	failed_part(c, number, &clauses);
	if (clauses.rollback && clauses.rollback->rollback.body)
		rollback_parts(c, clauses.rollback, number);
	patch_here(c, out);
	close_reserved(c, reserved);
	give_back(c, top);
}

static void skip(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;
	uint32_t condition = compile_expression(c, node->guard.condition, ANY_REGISTER);
	uint32_t skips = emit_ad(c, INSN_JUMP_TRUE, condition, 0);
	uint32_t unknown = emit_ad(c, INSN_JUMP_UNKNOWN, condition, 0);
	uint32_t past = emit_ad(c, INSN_JUMP, 0, 0);
	struct open_region *open = c->w->open;

	while (open && open->kind != OPEN_STEP)
		open = open->outer;
	patch_here(c, skips);
	uint32_t reason = take_register(c);
	compile_or_null(c, node->guard.message, reason);
	emit_abc(c, INSN_SKIP, reason, 0, 0);
	uint32_t jump = emit_ad(c, INSN_JUMP, 0, 0);
	if (open)
		*VECTOR_PUSH(&open->skips) = jump;
	patch_here(c, unknown);
	compile_or_null(c, node->guard.message, reason);
	emit_abc(c, INSN_UNSKIPPED, reason, 0, 0);
	patch_here(c, past);
	give_back(c, top);
}

/* `return` from inside regions closes them first, as if their bodies had ended. */
static void close_regions(struct compiler *c)
{
	struct open_region *innermost = c->w->open;

	for (struct open_region *open = innermost; open; open = open->outer) {
		struct clauses clauses;
		c->w->open = open->outer;
		switch (open->kind) {
		case OPEN_STEP:
			emit_ad(c, INSN_STEP_DONE, 0, (int32_t)open->step);
			find_clauses(open->step_node->step.body, &clauses);
			if (clauses.finally)
				compile_block(c, clauses.finally->on.body);
			emit_ad(c, INSN_STEP_END, 0, (int32_t)open->step);
			break;
		case OPEN_TRY:
			emit_abc(c, INSN_TRY_END, 0, 0, 0);
			break;
		case OPEN_VERIFY: /* the checker refuses a return from inside a checklist */
			break;
		}
	}
	c->w->open = innermost;
}

static void return_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a;

	if (node->value && !c->w->open) {
		a = compile_expression(c, node->value, ANY_REGISTER);
	} else { /* what closes the regions may still assign to a local */
		a = take_register(c);
		compile_or_null(c, node->value, a);
	}
	if (c->w->open)
		emit_abc(c, INSN_LEAVE, 0, 0, 0);
	close_regions(c);
	emit_abc(c, INSN_RETURN, a, 0, 0);
	give_back(c, top);
}

static void phase(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = take_registers(c, 3);

	compile_or_null(c, node->phase.title, a);
	compile_or_null(c, node->phase.expect_low, a + 1);
	compile_or_null(c, node->phase.expect_high, a + 2);
	emit_ad(c, INSN_PHASE_BEGIN, a, 0);
	compile_block(c, node->phase.body);
	emit_abc(c, INSN_PHASE_END, 0, 0, 0);
	give_back(c, top);
}

/* ---- names and choice ---- */

static void let(struct compiler *c, const struct node *node)
{
	const struct reserved *reserved = reserved_let(node->symbol);
	uint32_t a = reserved ? reserved->slot : take_register(c);
	compile_expression(c, node->binding.value, (int)a);
	if (node->symbol)
		place_local(c, node->symbol, a);
}

/* Does the expression write into its register before it has read all it needs (`x = n ?? x`)? */
static bool writes_early(const struct node *value)
{
	if (value->kind == NODE_BINARY)
		return value->binary.op == OP_AND || value->binary.op == OP_OR || value->binary.op == OP_DEFAULT;
	return value->kind == NODE_IF || value->kind == NODE_MATCH;
}

static void assign(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;

	if (!node->symbol)
		return;
	if (node->symbol->kind == SYMBOL_LOCAL && writes_early(node->binding.value)) {
		uint32_t whole = take_register(c);
		compile_expression(c, node->binding.value, (int)whole);
		emit_abc(c, INSN_MOVE, (uint32_t)node->symbol->slot, whole, 0);
	} else if (node->symbol->kind == SYMBOL_LOCAL)
		compile_expression(c, node->binding.value, node->symbol->slot);
	else
		emit_ad(c, INSN_SET_GLOBAL, compile_expression(c, node->binding.value, ANY_REGISTER), node->symbol->slot);
	give_back(c, top);
}

/* After both arms of a choice that preview could not decide, what they assign is unknown. */
static void blur_assigned(struct node *node, void *context)
{
	struct compiler *c = context;
	const struct symbol *symbol = node->kind == NODE_ASSIGN ? named_local(node) : NULL;

	if (symbol && symbol->slot >= 0)
		emit_abc(c, INSN_BLUR, (uint32_t)symbol->slot, 0, 0);
	ast_each_child(node, blur_assigned, c);
}

static void loop_end(struct compiler *c, const struct node *node)
{
	blur_assigned((struct node *)node, c);
	emit_abc(c, INSN_ENDIF, 0, 0, 0);
}

static void choice_end(struct compiler *c, const struct node *node, struct choice *choice)
{
	close_arms(c, choice);
	blur_assigned((struct node *)node, c);
	close_choice(c, choice);
}

static void if_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;
	struct choice choice;

	open_choice(c, &choice, compile_expression(c, node->choice.condition, ANY_REGISTER), node->choice.condition->span);
	give_back(c, top);
	compile_block(c, node->choice.then);
	if (node->choice.otherwise) {
		other_arm(c, &choice);
		compile_block(c, node->choice.otherwise);
	}
	choice_end(c, node, &choice);
}

static void match_arms(struct compiler *c, const struct node *arm, uint32_t subject)
{
	if (!arm)
		return;
	if (!arm->arm.patterns) {
		compile_block(c, arm->arm.body);
		return;
	}
	uint32_t top = c->w->top;
	struct choice choice;
	open_choice(c, &choice, compile_arm_test(c, arm, subject), arm->arm.patterns->span);
	give_back(c, top);
	compile_block(c, arm->arm.body);
	if (arm->next) {
		other_arm(c, &choice);
		match_arms(c, arm->next, subject);
	}
	choice_end(c, arm, &choice);
}

static void match_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, subject = take_register(c);

	compile_expression(c, node->match.subject, (int)subject);
	match_arms(c, node->match.arms, subject);
	give_back(c, top);
}

/* ---- loops and branches ---- */

/* List, position and item in three registers; answers the first. */
static uint32_t for_head(struct compiler *c, const struct node *node)
{
	uint32_t a = take_registers(c, 3);

	compile_expression(c, node->loop.iterable, (int)a);
	emit_abc(c, INSN_NULL, a + 1, 0, 0);
	if (node->symbol)
		place_local(c, node->symbol, a + 2);
	return a;
}

static void for_each(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = for_head(c, node);
	uint32_t next = emit_asked(c, INSN_NEXT, a, node->loop.iterable->span);
	compile_block(c, node->loop.body);
	emit_ad(c, INSN_LOOP, 0, (int32_t)next);
	patch_here(c, next);
	loop_end(c, node->loop.body);
	give_back(c, top);
}

static void for_at_once(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, limit = take_register(c);

	compile_expression(c, node->loop.limit, (int)limit);
	uint32_t a = for_head(c, node);
	emit_ad(c, INSN_GROUP_BEGIN, limit, 0);
	uint32_t next = emit_asked(c, INSN_NEXT, a, node->loop.iterable->span);
	emit_abc(c, INSN_ROOM, 0, 0, 0);
	uint32_t spawn = emit_ad(c, INSN_SPAWN, 0, 0);
	emit_ad(c, INSN_LOOP, 0, (int32_t)next);
	patch_here(c, spawn);
	struct open_region *open = c->w->open;
	c->w->open = NULL;
	compile_handler(c, node->loop.body);
	c->w->open = open;
	patch_here(c, next);
	loop_end(c, node->loop.body);
	VECTOR_PUSH(&c->groups);
	emit_ad(c, INSN_GROUP_END, 0, (int32_t)(c->groups.count - 1));
	give_back(c, top);
}

static void while_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = take_registers(c, 3);

	emit_abc(c, INSN_NULL, a + 1, 0, 0);
	compile_or_null(c, node->repeat.limit, a + 2);
	uint32_t start = here(c);
	compile_expression(c, node->repeat.condition, (int)a);
	uint32_t leave = emit_asked(c, INSN_WHILE, a, node->repeat.condition->span);
	compile_block(c, node->repeat.body);
	emit_ad(c, INSN_LOOP, 0, (int32_t)start);
	patch_here(c, leave);
	loop_end(c, node->repeat.body);
	give_back(c, top);
}

struct exporting {
	struct group_code *group;
	uint32_t branch;
	VECTOR(struct group_export) found;
};

/* The lets of named steps are read after their branch has ended. */
static void export_lets(struct node *node, void *context)
{
	struct exporting *exporting = context;

	if (node->kind == NODE_STEP && node->step.name.text && node->symbol)
		for (struct symbol *let = node->symbol->lets; let; let = let->next)
			if (let->slot >= 0)
				*VECTOR_PUSH(&exporting->found) =
					(struct group_export){ exporting->branch, (uint16_t)let->slot };
	ast_each_child(node, export_lets, context);
}

static void parallel(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, none = take_register(c), count = 0;
	const struct node *first = node->body ? node->body->block.statements : NULL;
	struct exporting exporting = { 0 };
	struct open_region *open = c->w->open;

	emit_abc(c, INSN_NULL, none, 0, 0);
	emit_ad(c, INSN_GROUP_BEGIN, none, 0);
	uint32_t spawns = here(c);
	for (const struct node *branch = first; branch; branch = branch->next, count++)
		emit_ad(c, INSN_SPAWN, 0, 0);
	uint32_t join = emit_ad(c, INSN_JUMP, 0, 0);
	c->w->open = NULL;
	for (const struct node *branch = first; branch; branch = branch->next) {
		patch_here(c, spawns + exporting.branch);
		uint32_t branch_top = c->w->top;
		compile_statement(c, branch);
		emit_abc(c, INSN_END_FIBER, 0, 0, 0);
		export_lets((struct node *)branch, &exporting);
		give_back(c, branch_top);
		exporting.branch++;
	}
	c->w->open = open;
	patch_here(c, join);
	struct group_code *group = VECTOR_PUSH(&c->groups);
	group->count = exporting.found.count;
	group->exports = arena_alloc(c->compilation->arena, (group->count + 1) * sizeof(*group->exports));
	if (group->count)
		memcpy(group->exports, exporting.found.items, group->count * sizeof(*group->exports));
	free(exporting.found.items);
	emit_ad(c, INSN_GROUP_END, 0, (int32_t)(c->groups.count - 1));
	give_back(c, top);
}

static void try_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;
	struct open_region open = { .kind = OPEN_TRY, .outer = c->w->open };
	uint32_t begin = emit_ad(c, INSN_TRY_BEGIN, 0, 0);

	c->w->open = &open;
	compile_block(c, node->attempt.body);
	c->w->open = open.outer;
	emit_abc(c, INSN_TRY_END, 0, 0, 0);
	uint32_t out = emit_ad(c, INSN_JUMP, 0, 0);
	patch_here(c, begin);
	uint32_t problem = take_register(c);
	emit_abc(c, INSN_CATCH, problem, 0, 0);
	if (node->symbol)
		place_local(c, node->symbol, problem);
	compile_block(c, node->attempt.handler);
	patch_here(c, out);
	give_back(c, top);
}

/* ---- conditions that explain themselves ---- */

static uint32_t check_table(struct compiler *c, const struct node *node, enum check_kind kind,
			    const struct node *condition, int label)
{
	struct check_code *check = VECTOR_PUSH(&c->checks);

	*check = (struct check_code){
		.kind = kind,
		.label = label,
		.condition = condition ? one_line(c, condition->span) : "",
		.span = node->span,
	};
	return c->checks.count - 1;
}

static void require(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;
	uint32_t label = take_register(c);

	emit_abc(c, INSN_NULL, label, 0, 0);
	uint32_t number = check_table(c, node, CHECK_REQUIRE, node->guard.condition, (int)label);
	uint32_t held = compile_condition(c, node->guard.condition);
	uint32_t past = emit_ad(c, INSN_JUMP_TRUE, held, 0);
	if (node->guard.message) /* only when it is needed: it may name what is null otherwise */
		compile_expression(c, node->guard.message, (int)label);
	emit_ad(c, INSN_CHECK_END, held, (int32_t)number);
	patch_here(c, past);
	give_back(c, top);
}

static bool in_verify(const struct compiler *c)
{
	for (const struct open_region *open = c->w->open; open; open = open->outer)
		if (open->kind == OPEN_VERIFY || open->kind == OPEN_STEP)
			return open->kind == OPEN_VERIFY;
	return false;
}

static enum check_else check_else(enum reaction reaction)
{
	return reaction == REACTION_WARN ? ELSE_WARN : reaction == REACTION_ASK ? ELSE_ASK : ELSE_FAIL;
}

/* `wait until c within D every D` and `expect "…" c within D every D`. */
static void poll(struct compiler *c, const struct node *node, uint32_t number)
{
	uint32_t a = take_registers(c, 2);

	compile_or_null(c, node->check.within, a);
	if (node->check.every)
		compile_expression(c, node->check.every, (int)a + 1);
	else
		emit_ad(c, INSN_CONSTANT, a + 1, (int32_t)compile_constant(c, value_duration(INT64_C(1000000000))));
	emit_ad(c, INSN_POLL_BEGIN, a, (int32_t)number);
	c->checks.items[number].start = here(c);
	emit_ad(c, INSN_POLL_TEST, compile_condition(c, node->check.condition), (int32_t)number);
	c->checks.items[number].end = here(c);
}

static void check_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, label = take_register(c);

	compile_or_null(c, node->check.label, label);
	uint32_t number = check_table(c, node, node->kind == NODE_WAIT ? CHECK_WAIT : CHECK_EXPECT,
				      node->check.condition, (int)label);
	c->checks.items[number].otherwise = check_else(node->check.otherwise);
	if (node->kind == NODE_WAIT || node->check.within) {
		poll(c, node, number);
	} else {
		bool region = in_verify(c) || c->checks.items[number].otherwise != ELSE_FAIL;
		c->checks.items[number].region = region;
		if (region)
			emit_ad(c, INSN_CHECK_BEGIN, 0, (int32_t)number);
		emit_ad(c, INSN_CHECK_END, compile_condition(c, node->check.condition), (int32_t)number);
		c->checks.items[number].end = here(c);
	}
	give_back(c, top);
}

static void verify(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, title = take_register(c);
	struct open_region open = { .kind = OPEN_VERIFY, .outer = c->w->open };

	compile_or_null(c, node->verify.title, title);
	emit_abc(c, INSN_VERIFY_BEGIN, title, 0, 0);
	c->w->open = &open;
	compile_block(c, node->verify.body);
	c->w->open = open.outer;
	emit_abc(c, INSN_VERIFY_END, 0, 0, 0);
	give_back(c, top);
}

/* ---- people ---- */

static const char *literal_label(struct compiler *c, const struct node *text)
{
	size_t length;
	const char *label = text ? node_literal_text(text, &length) : NULL;

	return label ? label : text ? one_line(c, text->span) : NULL;
}

static void person(struct compiler *c, const struct node *node)
{
	bool confirm = node->kind == NODE_CONFIRM;
	bool approve = node->kind == NODE_APPROVE;
	uint32_t top = c->w->top, answer = take_register(c), from = take_registers(c, 3), late = NOWHERE;

	compile_expression(c, node->person.text, (int)from);
	compile_or_null(c, approve ? node->person.count : node->person.phrase, from + 1);
	compile_or_null(c, node->person.people, from + 2);
	if (node->person.within) {
		compile_expression(c, node->person.within, (int)answer);
		late = emit_ad(c, INSN_TIMEOUT_BEGIN, answer, 0);
	}
	compile_internal_effect(c,
				approve	  ? "operator.approve"
				: confirm ? "operator.confirm"
					  : "operator.manual",
				from, approve ? 3 : confirm ? 2 : 1, node->span, literal_label(c, node->person.text), (int)answer);
	if (late != NOWHERE) {
		emit_abc(c, INSN_TIMEOUT_END, 0, 0, 0);
		patch_here(c, late);
	}
	emit_ad(c, INSN_ANSWERED, answer, (int32_t)check_table(c, node, CHECK_PERSON, NULL, (int)from));
	give_back(c, top);
}

/* ---- thresholds ---- */

/* A baseline's one threshold runs as the function that keeps what it measures. */
static uint32_t watch_table(struct compiler *c, const struct node *uses, struct span span, bool baseline)
{
	uint32_t count = 0, i = 0;

	for (const struct node *use = uses; use; use = use->next)
		count++;
	struct watch_use *table = arena_alloc(c->compilation->arena, (count + 1) * sizeof(*table));
	for (const struct node *use = uses; use; use = use->next) {
		const struct signature *signature = signature_of_symbol(c->compilation, use->symbol);
		uint32_t from = compile_arguments(c, signature, use);
		table[i++] = (struct watch_use){
			.function = (uint32_t)use->symbol->function + (baseline ? FUNCTION_KEEPS : 0),
			.arguments = (uint16_t)from,
			.count = (uint16_t)signature->count,
			.name = one_line(c, use->span),
			.span = use->span,
		};
	}
	struct watch_code *watch = VECTOR_PUSH(&c->watches);
	*watch = (struct watch_code){ table, count, baseline, span };
	return c->watches.count - 1;
}

void compile_watched(struct compiler *c, const struct node *uses)
{
	uint32_t top = c->w->top;

	emit_ad(c, INSN_WATCH_BEGIN, 0, (int32_t)watch_table(c, uses, uses->span, false));
	emit_abc(c, INSN_WATCH_END, 0, 0, 0);
	give_back(c, top);
}

static void hold(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = take_register(c);
	const struct node *uses = node->hold.watching;

	compile_expression(c, node->hold.duration ? node->hold.duration : node->hold.until, (int)a);
	if (uses)
		emit_ad(c, INSN_WATCH_BEGIN, 0, (int32_t)watch_table(c, uses, node->span, false));
	emit_abc(c, INSN_SLEEP, a, node->hold.duration ? 0 : 1, 0);
	if (uses)
		emit_abc(c, INSN_WATCH_END, 0, 0, 0);
	give_back(c, top);
}

void compile_baseline(struct compiler *c, const struct node *use, const struct node *duration, uint32_t a)
{
	uint32_t top = c->w->top, length = take_register(c);

	compile_expression(c, duration, (int)length);
	emit_ad(c, INSN_WATCH_BEGIN, 0, (int32_t)watch_table(c, use, use->span, true));
	emit_abc(c, INSN_SLEEP, length, 0, 0);
	emit_abc(c, INSN_MEDIAN, a, 0, 0);
	emit_abc(c, INSN_WATCH_END, 0, 0, 0);
	give_back(c, top);
}

static void watch(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;

	emit_ad(c, INSN_WATCH_BEGIN, 0, (int32_t)watch_table(c, node->watch.watching, node->span, false));
	compile_block(c, node->watch.body);
	emit_abc(c, INSN_WATCH_END, 0, 0, 0);
	give_back(c, top);
}

static enum bound bound_of(const struct node *must)
{
	if (must->must.form == MUST_BETWEEN)
		return BOUND_BETWEEN;
	if (must->must.form == MUST_WITHIN)
		return BOUND_WITHIN;
	switch (must->must.comparison) {
	case OP_LT:
		return BOUND_LESS;
	case OP_LE:
		return BOUND_LESS_EQUAL;
	case OP_GT:
		return BOUND_GREATER;
	case OP_GE:
		return BOUND_GREATER_EQUAL;
	default:
		return BOUND_EQUAL;
	}
}

static enum no_data no_data_of(enum reaction reaction)
{
	switch (reaction) {
	case REACTION_FAIL:
		return NO_DATA_FAIL;
	case REACTION_ASK:
		return NO_DATA_ASK;
	case REACTION_OK:
		return NO_DATA_OK;
	default:
		return NO_DATA_TOLERATE;
	}
}

static enum on_breach on_breach_of(enum reaction reaction)
{
	return reaction == REACTION_WARN ? BREACH_WARN : reaction == REACTION_ASK ? BREACH_ASK : BREACH_ROLLBACK;
}

/* Walks a threshold's clauses: fills its row and the registers of enum threshold_register from `a` on. */
static const struct node *threshold_clauses(struct compiler *c, const struct node *node, uint32_t a,
					    struct threshold_code *row, bool judges)
{
	const struct node *measure = NULL;
	size_t length;

	for (uint32_t i = 0; i < THRESHOLD_REGISTERS; i++)
		emit_abc(c, INSN_NULL, a + i, 0, 0);
	for (const struct node *clause = node->callable.body; clause; clause = clause->next)
		switch (clause->kind) {
		case NODE_MEASURE:
			measure = clause->value;
			row->measure = one_line(c, clause->value->span);
			break;
		case NODE_MUST:
			if (!judges)
				break;
			row->bound = bound_of(clause);
			compile_expression(c, clause->must.bound, (int)a + THRESHOLD_LOW);
			if (clause->must.other)
				compile_expression(c, clause->must.other, (int)a + THRESHOLD_HIGH);
			break;
		case NODE_EVERY:
			compile_expression(c, clause->value, (int)a + THRESHOLD_EVERY);
			break;
		case NODE_AFTER:
			compile_expression(c, clause->value, (int)a + THRESHOLD_AFTER);
			break;
		case NODE_BREACH:
			if (clause->breach.count)
				compile_expression(c, clause->breach.count, (int)a + THRESHOLD_BREACHES);
			if (clause->breach.window)
				compile_expression(c, clause->breach.window, (int)a + THRESHOLD_WINDOW);
			if (clause->breach.duration)
				compile_expression(c, clause->breach.duration, (int)a + THRESHOLD_FOR);
			break;
		case NODE_NO_DATA:
			row->no_data = no_data_of(clause->no_data.reaction);
			if (clause->no_data.count)
				compile_expression(c, clause->no_data.count, (int)a + THRESHOLD_TOLERATE);
			break;
		case NODE_ON_BREACH:
			row->on_breach = on_breach_of(clause->reaction);
			break;
		case NODE_ACTION:
			row->action = node_literal_text(clause->value, &length);
			break;
		default:
			break;
		}
	return measure;
}

void compile_threshold(struct compiler *c, const struct node *node, bool judges)
{
	struct threshold_code row = { .name = node->callable.name.text, .span = node->span, .node = node };
	size_t length;
	uint32_t a = take_registers(c, THRESHOLD_REGISTERS), value = take_register(c);

	row.doc = node->callable.summary ? node_literal_text(node->callable.summary, &length) : NULL;
	const struct node *measure = threshold_clauses(c, node, a, &row, judges);
	*VECTOR_PUSH(&c->thresholds) = row;
	int32_t number = (int32_t)c->thresholds.count - 1;

	emit_ad(c, INSN_SAMPLE_SETUP, a, number);
	uint32_t start = emit_abc(c, INSN_SAMPLE_WAIT, a, 0, 0);
	uint32_t begin = emit_ad(c, INSN_SAMPLE_BEGIN, 0, 0);
	uint32_t given = emit_ad(c, INSN_GIVEN, value, 0);
	compile_or_null(c, measure, value);
	patch_here(c, given);
	emit_ad(c, INSN_SAMPLE_END, value, number);
	patch_here(c, begin);
	emit_ad(c, INSN_LOOP, 0, (int32_t)start);
}

/* ---- child plans ---- */

/* Its place in the row of its plan, which lists params in the order of their files. */
static uint32_t param_number(const struct compilation *compilation, const struct symbol *symbol)
{
	uint32_t number = 0;

	for (const struct module *module = compilation->modules; module; module = module->next)
		for (const struct node *node = module->file->file.items; node; node = node->next) {
			if (node->kind != NODE_PARAM || !node->symbol)
				continue;
			if (node->symbol == symbol)
				return number;
			number++;
		}
	return number;
}

static void run_plan(struct compiler *c, const struct node *node)
{
	if (c->thresholds_only) /* there are no child plans, and nothing calls the task that this stands in */
		return;
	const struct compilation *child = node->symbol->module->compilation;
	const struct node *record = node->run_plan.params, *entry;
	uint32_t top = c->w->top, count = record ? record->record.count : 0, i = 0, a = take_registers(c, count + 1);
	uint32_t *params = arena_alloc(c->compilation->arena, (count + 1) * sizeof(*params));

	for (entry = record ? record->record.entries : NULL; entry; entry = entry->next) {
		params[i] = param_number(child, entry->symbol);
		compile_expression(c, entry->entry.value, (int)(a + i++));
	}
	*VECTOR_PUSH(&c->runs) =
		(struct run_code){ .plan = child->number, .params = params, .count = i, .span = node->span };
	emit_ad(c, INSN_RUN_PLAN, a, (int32_t)(c->runs.count - 1));
	VECTOR_PUSH(&c->groups);
	emit_ad(c, INSN_GROUP_END, 0, (int32_t)(c->groups.count - 1));
	give_back(c, top);
}

/* ---- the rest ---- */

static void text_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = compile_expression(c, node->value, ANY_REGISTER);

	if (node->kind == NODE_FAIL)
		emit_abc(c, INSN_FAIL, a, 0, 0);
	else
		emit_abc(c, INSN_LOG, a, node->kind == NODE_WARN, 0);
	give_back(c, top);
}

static void mark_statement(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = compile_expression(c, node->value, ANY_REGISTER);

	emit_abc(c, node->kind == NODE_COMMIT ? INSN_COMMIT : INSN_CHECKPOINT, a, 0, 0);
	give_back(c, top);
}

static void defer(struct compiler *c, const struct node *node)
{
	uint32_t count;
	struct capture *captures = captures_of(c, node->body, &count);
	struct defer_code *code = VECTOR_PUSH(&c->defers);
	uint32_t number = c->defers.count - 1;

	*code = (struct defer_code){ .span = node->span, .captures = captures, .capture_count = count };
	emit_ad(c, INSN_DEFER, 0, (int32_t)number);
	uint32_t past = emit_ad(c, INSN_JUMP, 0, 0);
	c->defers.items[number].handler = here(c);
	handler_part(c, node->body);
	patch_here(c, past);
}

static void statement_of_kind(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;

	switch (node->kind) {
	case NODE_BLOCK:
		compile_block(c, node);
		return;
	case NODE_LET:
	case NODE_VAR:
		let(c, node);
		return;
	case NODE_ASSIGN:
		assign(c, node);
		return;
	case NODE_IF:
		if_statement(c, node);
		return;
	case NODE_MATCH:
		match_statement(c, node);
		return;
	case NODE_FOR:
		(node->loop.limit ? for_at_once : for_each)(c, node);
		return;
	case NODE_WHILE:
		while_statement(c, node);
		return;
	case NODE_PARALLEL:
		parallel(c, node);
		return;
	case NODE_TRY:
		try_statement(c, node);
		return;
	case NODE_REQUIRE:
		require(c, node);
		return;
	case NODE_SKIP:
		skip(c, node);
		return;
	case NODE_EXPECT:
	case NODE_WAIT:
		check_statement(c, node);
		return;
	case NODE_VERIFY:
		verify(c, node);
		return;
	case NODE_MANUAL:
	case NODE_APPROVE:
	case NODE_CONFIRM:
		person(c, node);
		return;
	case NODE_HOLD:
		hold(c, node);
		return;
	case NODE_WATCH:
		watch(c, node);
		return;
	case NODE_CHECKPOINT:
	case NODE_COMMIT:
		mark_statement(c, node);
		return;
	case NODE_DEFER:
		defer(c, node);
		return;
	case NODE_LOG:
	case NODE_WARN:
	case NODE_FAIL:
		text_statement(c, node);
		return;
	case NODE_RETURN:
		return_statement(c, node);
		return;
	case NODE_EVALUATE:
		compile_expression(c, node->value, ANY_REGISTER);
		give_back(c, top);
		return;
	case NODE_RUN_PLAN:
		run_plan(c, node);
		return;
	case NODE_PHASE:
		phase(c, node);
		return;
	case NODE_STEP:
		step(c, node);
		return;
	case NODE_TIMEOUT: /* clauses: their owner has read them */
	case NODE_RETRY:
	case NODE_ROLLBACK:
	case NODE_ON_RESUME:
	case NODE_ON:
		return;
	default:
		if (node->kind >= NODE_NULL && node->kind <= NODE_QUANTIFIER) { /* an arm's expression */
			compile_expression(c, node, ANY_REGISTER);
			give_back(c, top);
			return;
		}
		diag_error(c->compilation->diags, "E0901", node->span, "`%s` is not available yet",
			   ast_kind_name(node->kind));
	}
}

void compile_statement(struct compiler *c, const struct node *node)
{
	struct span outer = c->w->span;

	c->w->span = node->span;
	statement_of_kind(c, node);
	c->w->span = outer;
}
