/* compile_expr.c - expressions to bytecode. */
#include "interp/compile.h"

#include <stdlib.h>
#include <string.h>

#include "interp/constant.h"
#include "interp/operators.h"

#define LIST_ITEMS_MAX 4096 /* of one literal: registers are 16 bits wide */

static uint32_t target(struct compiler *c, int want)
{
	return want == ANY_REGISTER ? take_register(c) : (uint32_t)want;
}

const struct symbol *named_local(const struct node *node)
{
	if (node->kind != NODE_NAME && node->kind != NODE_FIELD && node->kind != NODE_ASSIGN)
		return NULL;
	return node->symbol && node->symbol->kind == SYMBOL_LOCAL ? node->symbol : NULL;
}

const char *one_line(struct compiler *c, struct span span)
{
	const char *text = source_text(c->compilation->sources, span);
	size_t length = span.to - span.from, used = 0;
	char *line = arena_alloc(c->compilation->arena, length + 1);

	for (size_t i = 0; i < length; i++) {
		bool blank = text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r';
		if (!blank)
			line[used++] = text[i];
		else if (used && line[used - 1] != ' ')
			line[used++] = ' ';
	}
	return line;
}

/* Is the node a value that stands in the source itself? Then *v is it (owned). */
static bool literal(const struct node *node, struct value *v)
{
	if (node->kind == NODE_STRING && !node->string.interpolated)
		node = node->string.parts;
	if (node->kind == NODE_TEXT) {
		*v = value_string_n(node->text.bytes, node->text.length);
		return true;
	}
	return literal_value(node, v);
}

uint32_t compile_operand(struct compiler *c, const struct node *node)
{
	struct value v;

	if (literal(node, &v)) {
		uint32_t number = compile_constant(c, v);
		if (number < OPERAND_CONSTANT)
			return number | OPERAND_CONSTANT;
		uint32_t a = take_register(c);
		emit_ad(c, INSN_CONSTANT, a, (int32_t)number);
		return a;
	}
	return compile_expression(c, node, ANY_REGISTER);
}

void compile_or_null(struct compiler *c, const struct node *node, uint32_t want)
{
	if (node)
		compile_expression(c, node, (int)want);
	else
		emit_abc(c, INSN_NULL, want, 0, 0);
}

/* ---- parts of conditions ---- */

static bool worth_noting(const struct node *node)
{
	switch (node->kind) {
	case NODE_NAME:
	case NODE_FIELD:
	case NODE_INDEX:
	case NODE_CALL:
	case NODE_AS:
	case NODE_BINARY:
	case NODE_QUANTIFIER:
	case NODE_COMPREHENSION:
		return true;
	default:
		return false;
	}
}

static void note_text(struct compiler *c, const char *text, struct span span, uint32_t a)
{
	struct part_code *part = VECTOR_PUSH(&c->parts);

	part->text = text;
	part->span = span;
	emit_ad(c, INSN_TRACE, a, (int32_t)(c->parts.count - 1));
}

static void note_part(struct compiler *c, const struct node *node, uint32_t a)
{
	note_text(c, one_line(c, node->span), node->span, a);
}

/* Compiles a part of a condition whose own parts say nothing more (the object of a field). */
static uint32_t silent(struct compiler *c, const struct node *node, int want)
{
	bool tracing = c->w->tracing;

	c->w->tracing = tracing && node->kind == NODE_CALL;
	uint32_t a = compile_expression(c, node, want);
	c->w->tracing = tracing;
	return a;
}

uint32_t compile_condition(struct compiler *c, const struct node *node)
{
	bool tracing = c->w->tracing;

	emit_abc(c, INSN_TRACE_START, 0, 0, 0);
	c->w->tracing = true;
	c->w->condition = node;
	uint32_t a = compile_expression(c, node, ANY_REGISTER);
	c->w->tracing = tracing;
	return a;
}

/* ---- names ---- */

static uint32_t symbol_value(struct compiler *c, const struct node *node, const struct symbol *symbol, int want)
{
	uint32_t a;

	switch (symbol->kind) {
	case SYMBOL_LOCAL:
		if (symbol->slot < 0) { /* declared further down, e.g. a handler that names a later step's let */
			a = target(c, want);
			emit_abc(c, INSN_NULL, a, 0, 0);
			return a;
		}
		if (want == ANY_REGISTER || want == symbol->slot)
			return (uint32_t)symbol->slot;
		emit_abc(c, INSN_MOVE, (uint32_t)want, (uint32_t)symbol->slot, 0);
		return (uint32_t)want;
	case SYMBOL_CONSTANT:
	case SYMBOL_PARAM:
	case SYMBOL_SECRET:
		a = target(c, want);
		emit_ad(c, INSN_GLOBAL, a, symbol->slot);
		return a;
	case SYMBOL_SPECIAL:
		a = target(c, want);
		emit_abc(c, INSN_SPECIAL, a, symbol->special, 0);
		return a;
	default:
		diag_error(c->compilation->diags, "E0901", node->span, "`%s` cannot be used as a value here", symbol->name);
		return target(c, want);
	}
}

static uint32_t field(struct compiler *c, const struct node *node, int want)
{
	if (node->symbol) /* step.let or module.name */
		return symbol_value(c, node, node->symbol, want);
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t object = silent(c, node->field.object, ANY_REGISTER);
	uint32_t key = compile_constant(c, value_string(node->field.name.text)) | OPERAND_CONSTANT;
	emit_abc(c, INSN_FIELD, a, object, key);
	give_back(c, top);
	return a;
}

/* ---- operators ---- */

static uint32_t logical(struct compiler *c, const struct node *node, int want)
{
	bool is_and = node->binary.op == OP_AND;
	uint32_t a = target(c, want), top = c->w->top;

	compile_expression(c, node->binary.left, (int)a);
	uint32_t done = emit_ad(c, is_and ? INSN_JUMP_FALSE : INSN_JUMP_TRUE, a, 0);
	uint32_t right = compile_expression(c, node->binary.right, ANY_REGISTER);
	emit_abc(c, is_and ? INSN_BOTH : INSN_EITHER, a, a, right);
	patch_here(c, done);
	give_back(c, top);
	return a;
}

static uint32_t fallback(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want);

	compile_expression(c, node->binary.left, (int)a);
	uint32_t done = emit_ad(c, INSN_JUMP_SET, a, 0);
	compile_expression(c, node->binary.right, (int)a);
	patch_here(c, done);
	return a;
}

static uint32_t binary(struct compiler *c, const struct node *node, int want)
{
	enum operator op = node->binary.op;

	if (op == OP_AND || op == OP_OR)
		return logical(c, node, want);
	if (op == OP_DEFAULT)
		return fallback(c, node, want);
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t left = compile_operand(c, node->binary.left);
	uint32_t right = compile_operand(c, node->binary.right);
	emit_abc(c, (enum opcode)operator_instruction(op), a, left, right);
	give_back(c, top);
	return a;
}

static uint32_t unary(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top;

	emit_abc(c, node->unary.op == OP_NOT ? INSN_NOT : INSN_NEGATE, a, compile_operand(c, node->unary.operand), 0);
	give_back(c, top);
	return a;
}

/* ---- made of several values ---- */

/* Compiles a list of nodes into fresh consecutive registers. */
static uint32_t consecutive(struct compiler *c, const struct node *first, uint32_t *count)
{
	uint32_t n = 0;

	for (const struct node *node = first; node; node = node->next)
		n++;
	uint32_t from = take_registers(c, n), i = 0;
	for (const struct node *node = first; node; node = node->next)
		compile_expression(c, node, (int)(from + i++));
	*count = n;
	return from;
}

static uint32_t string(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top, count;
	uint32_t from = consecutive(c, node->string.parts, &count);

	emit_abc(c, INSN_CONCAT, a, from, count);
	give_back(c, top);
	return a;
}

static uint32_t list(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top, count = 0;

	if (node->list.count <= LIST_ITEMS_MAX) {
		uint32_t from = consecutive(c, node->list.items, &count);
		emit_abc(c, INSN_LIST, a, from, count);
	} else {
		diag_error(c->compilation->diags, "E0902", node->span, "a list may hold %d items here",
			   LIST_ITEMS_MAX);
	}
	give_back(c, top);
	return a;
}

static uint32_t record(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top, i = 0;
	uint32_t from = take_registers(c, node->record.count);
	struct shape *shape = VECTOR_PUSH(&c->shapes);
	uint32_t number = c->shapes.count - 1;

	shape->count = node->record.count;
	shape->keys = memory_need(calloc(shape->count ? shape->count : 1, sizeof(*shape->keys)));
	for (const struct node *entry = node->record.entries; entry; entry = entry->next)
		shape->keys[i++] = value_string(entry->entry.key.text);
	i = 0;
	for (const struct node *entry = node->record.entries; entry; entry = entry->next)
		compile_expression(c, entry->entry.value, (int)(from + i++));
	emit_abc(c, INSN_RECORD, a, from, number);
	give_back(c, top);
	return a;
}

static uint32_t range(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t low = compile_operand(c, node->range.low), high = compile_operand(c, node->range.high);

	emit_abc(c, INSN_RANGE, a, low, high);
	give_back(c, top);
	return a;
}

/* Text in another language: its pieces are fixed here, values are put in by embed_render() when it runs. */
static uint32_t embedded(struct compiler *c, const struct node *node, enum embed_language language, int want)
{
	uint32_t a = target(c, want), top = c->w->top, pieces = 1, values = 0;

	for (const struct node *part = node->string.parts; part; part = part->next)
		pieces += part->kind != NODE_TEXT;
	struct template_code *template = VECTOR_PUSH(&c->templates);
	uint32_t number = c->templates.count - 1;
	template->language = language;
	template->count = pieces;
	template->pieces = arena_alloc(c->compilation->arena, pieces * sizeof(*template->pieces));
	for (uint32_t i = 0; i < pieces; i++)
		template->pieces[i].text = "";
	uint32_t from = take_registers(c, pieces - 1);
	struct embed_part *piece_list = template->pieces;
	for (const struct node *part = node->string.parts; part; part = part->next) {
		if (part->kind == NODE_TEXT)
			piece_list[values] = (struct embed_part){ .text = part->text.bytes, .length = part->text.length };
		else
			compile_expression(c, part, (int)(from + values++));
	}
	emit_abc(c, INSN_EMBED, a, from, number);
	give_back(c, top);
	return a;
}

/* ---- choice ---- */

/*
 * If and match as expressions: the statement's instructions, so that preview treats both alike, and the answer is
 * blurred where both arms were shown.
 */
static void choose(struct compiler *c, uint32_t tested, struct span asked, const struct node *then, const struct node *otherwise,
		   uint32_t a, void (*rest)(struct compiler *, const struct node *, uint32_t, void *), void *context)
{
	struct choice choice;

	open_choice(c, &choice, tested, asked);
	compile_expression(c, then, (int)a);
	other_arm(c, &choice);
	if (rest)
		rest(c, otherwise, a, context);
	else
		compile_or_null(c, otherwise, a);
	close_arms(c, &choice);
	emit_abc(c, INSN_BLUR, a, 0, 0);
	close_choice(c, &choice);
}

static uint32_t if_expression(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t tested = compile_expression(c, node->choice.condition, ANY_REGISTER);

	choose(c, tested, node->choice.condition->span, node->choice.then, node->choice.otherwise, a, NULL, NULL);
	give_back(c, top);
	return a;
}

uint32_t compile_arm_test(struct compiler *c, const struct node *arm, uint32_t subject)
{
	uint32_t a = take_register(c), top = c->w->top;
	bool first = true;

	for (const struct node *pattern = arm->arm.patterns; pattern; pattern = pattern->next) {
		uint32_t one = first ? a : take_register(c);
		emit_abc(c, INSN_EQUAL, one, subject, compile_operand(c, pattern));
		if (!first)
			emit_abc(c, INSN_EITHER, a, a, one);
		first = false;
	}
	give_back(c, top);
	return a;
}

static void match_arm(struct compiler *c, const struct node *arm, uint32_t a, void *context)
{
	uint32_t subject = *(uint32_t *)context;

	if (!arm) {
		emit_abc(c, INSN_NULL, a, 0, 0);
		return;
	}
	if (!arm->arm.patterns) {
		compile_expression(c, arm->arm.body, (int)a);
		return;
	}
	uint32_t top = c->w->top;
	choose(c, compile_arm_test(c, arm, subject), arm->arm.patterns->span, arm->arm.body, arm->next, a, match_arm, context);
	give_back(c, top);
}

static uint32_t match_expression(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t subject = compile_expression(c, node->match.subject, ANY_REGISTER);

	match_arm(c, node->match.arms, a, &subject);
	give_back(c, top);
	return a;
}

/* ---- comprehensions and quantifiers ---- */

struct loop {
	uint32_t registers; /* list, position, item */
	uint32_t start; /* address of NEXT */
	uint32_t skip;  /* the filter's jump, or NOWHERE */
	VECTOR(uint32_t) unknown; /* jumps for what nobody knows: the list, a filter, a count's condition */
};

static void unless_known(struct compiler *c, struct loop *loop, uint32_t a)
{
	*VECTOR_PUSH(&loop->unknown) = emit_ad(c, INSN_JUMP_UNKNOWN, a, 0);
}

static void loop_open(struct compiler *c, const struct node *node, struct loop *loop)
{
	loop->registers = take_registers(c, 3);
	silent(c, node->comprehension.iterable, (int)loop->registers);
	emit_abc(c, INSN_NULL, loop->registers + 1, 0, 0);
	if (node->symbol)
		place_local(c, node->symbol, loop->registers + 2);
	unless_known(c, loop, loop->registers);
	loop->start = emit_ad(c, INSN_NEXT, loop->registers, 0);
	loop->skip = NOWHERE;
	if (node->comprehension.filter) {
		uint32_t kept = compile_expression(c, node->comprehension.filter, ANY_REGISTER);
		unless_known(c, loop, kept);
		loop->skip = emit_ad(c, INSN_JUMP_FALSE, kept, 0);
	}
}

static void loop_close(struct compiler *c, struct loop *loop)
{
	if (loop->skip != NOWHERE)
		patch_here(c, loop->skip);
	emit_ad(c, INSN_LOOP, 0, (int32_t)loop->start);
	patch_here(c, loop->start);
}

/* Behind the loop: where something was unknown, so is the answer in `a`. */
static void loop_unknown(struct compiler *c, struct loop *loop, uint32_t a)
{
	uint32_t done = emit_ad(c, INSN_JUMP, 0, 0);

	for (uint32_t i = 0; i < loop->unknown.count; i++)
		patch_here(c, loop->unknown.items[i]);
	free(loop->unknown.items);
	emit_ad(c, INSN_CONSTANT, a, (int32_t)compile_constant(c, value_unknown()));
	patch_here(c, done);
}

static uint32_t comprehension(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = take_register(c), top = c->w->top;
	bool tracing = c->w->tracing;
	struct loop loop = { 0 };

	c->w->tracing = false;
	emit_abc(c, INSN_LIST, a, 0, 0);
	loop_open(c, node, &loop);
	emit_abc(c, INSN_APPEND, a, compile_expression(c, node->comprehension.element, ANY_REGISTER), 0);
	loop_close(c, &loop);
	loop_unknown(c, &loop, a);
	c->w->tracing = tracing;
	give_back(c, top);
	if (want == ANY_REGISTER)
		return a;
	emit_abc(c, INSN_MOVE, (uint32_t)want, a, 0);
	return (uint32_t)want;
}

static void quantifier_round(struct compiler *c, const struct node *node, struct loop *loop, uint32_t a, uint32_t *settled)
{
	uint32_t one, held;

	switch (node->comprehension.quantifier) {
	case QUANTIFIER_ALL:
		emit_abc(c, INSN_BOTH, a, a, compile_expression(c, node->comprehension.element, ANY_REGISTER));
		*settled = emit_ad(c, INSN_JUMP_FALSE, a, 0);
		break;
	case QUANTIFIER_ANY:
	case QUANTIFIER_NONE:
		emit_abc(c, INSN_EITHER, a, a, compile_expression(c, node->comprehension.element, ANY_REGISTER));
		*settled = emit_ad(c, INSN_JUMP_TRUE, a, 0);
		break;
	case QUANTIFIER_COUNT:
		one = compile_constant(c, value_int(1)) | OPERAND_CONSTANT;
		held = compile_expression(c, node->comprehension.element, ANY_REGISTER);
		unless_known(c, loop, held);
		uint32_t skip = emit_ad(c, INSN_JUMP_FALSE, held, 0);
		emit_abc(c, INSN_ADD, a, a, one);
		patch_here(c, skip);
		break;
	}
}

/* The round that decided `all` and `none` is why they do not hold: its item is noted. */
static void quantifier_settled(struct compiler *c, const struct node *node, uint32_t settled, bool tracing, uint32_t item)
{
	uint32_t over;

	if (!tracing || !node->symbol || node->comprehension.quantifier == QUANTIFIER_ANY) {
		patch_here(c, settled);
		return;
	}
	over = emit_ad(c, INSN_JUMP, 0, 0);
	patch_here(c, settled);
	note_text(c, node->symbol->name, node->comprehension.element->span, item);
	patch_here(c, over);
}

static uint32_t quantifier(struct compiler *c, const struct node *node, int want)
{
	enum quantifier kind = node->comprehension.quantifier;
	uint32_t a = take_register(c), top = c->w->top, settled = NOWHERE;
	bool tracing = c->w->tracing;
	struct loop loop = { 0 };
	struct value start = kind == QUANTIFIER_COUNT ? value_int(0) : value_bool(kind == QUANTIFIER_ALL);

	c->w->tracing = false;
	emit_ad(c, INSN_CONSTANT, a, (int32_t)compile_constant(c, start));
	loop_open(c, node, &loop);
	quantifier_round(c, node, &loop, a, &settled);
	loop_close(c, &loop);
	loop_unknown(c, &loop, a);
	if (settled != NOWHERE)
		quantifier_settled(c, node, settled, tracing, loop.registers + 2);
	if (kind == QUANTIFIER_NONE)
		emit_abc(c, INSN_NOT, a, a, 0);
	c->w->tracing = tracing;
	give_back(c, top);
	if (want == ANY_REGISTER)
		return a;
	emit_abc(c, INSN_MOVE, (uint32_t)want, a, 0);
	return (uint32_t)want;
}

/* ---- calls ---- */

static void argument(struct compiler *c, const struct parameter *parameter, const struct node *given, uint32_t want)
{
	enum embed_language language = parameter->type->kind == TYPE_EMBED ? parameter->type->language
				       : parameter->type->kind == TYPE_URL ? EMBED_URL
									   : EMBED_NONE;

	if (language != EMBED_NONE && given->kind == NODE_STRING &&
	    (given->string.interpolated || parameter->type->kind == TYPE_EMBED))
		embedded(c, given, language, (int)want);
	else
		compile_expression(c, given, (int)want);
}

static void variadic(struct compiler *c, const struct node *given, uint32_t want)
{
	uint32_t top = c->w->top, count = 0, i = 0;

	for (const struct node *argument = given; argument; argument = argument->next)
		count++;
	uint32_t from = take_registers(c, count);
	for (const struct node *argument = given; argument; argument = argument->next)
		compile_expression(c, argument->kind == NODE_ARGUMENT ? argument->argument.value : argument, (int)(from + i++));
	emit_abc(c, INSN_LIST, want, from, count);
	give_back(c, top);
}

void compile_argument(struct compiler *c, const struct parameter *parameter, const struct node *given, uint32_t want)
{
	if (parameter->variadic)
		variadic(c, given, want);
	else
		argument(c, parameter, given->kind == NODE_ARGUMENT ? given->argument.value : given, want);
}

uint32_t compile_arguments(struct compiler *c, const struct signature *signature, const struct node *node)
{
	struct node **bound = arena_alloc(c->compilation->arena, (signature->count + 1) * sizeof(*bound));

	signature_bind(c->compilation, signature, (struct node *)node, bound, false);
	uint32_t from = take_registers(c, (uint32_t)signature->count);
	for (size_t i = 0; i < signature->count; i++) {
		const struct parameter *parameter = &signature->parameters[i];
		const struct node *given = bound[i];
		uint32_t want = from + (uint32_t)i;
		if (!given && !parameter->variadic && signature->builtin)
			given = default_for(c->compilation, signature->builtin, parameter->name);
		if (given || parameter->variadic)
			compile_argument(c, parameter, given, want);
		else if (parameter->fallback && (parameter->fallback->kind != NODE_NAME || parameter->fallback->symbol))
			compile_expression(c, parameter->fallback, (int)want);
		else
			emit_abc(c, INSN_NULL, want, 0, 0);
	}
	return from;
}

static uint32_t call_site(struct compiler *c, const struct builtin *builtin, uint32_t count, struct span span,
			  const char *label)
{
	struct call_site *site = VECTOR_PUSH(&c->sites);

	*site = (struct call_site){
		.builtin = builtin, .span = span, .arg_count = count, .label = label, .secret = c->w->secret
	};
	return c->sites.count - 1;
}

uint32_t compile_internal_effect(struct compiler *c, const char *name, uint32_t first, uint32_t count, struct span span,
			 const char *label, int want)
{
	const struct builtin *builtin = registry_find(c->compilation->registry, name, strlen(name));
	uint32_t a = target(c, want);

	if (!builtin)
		diag_error(c->compilation->diags, "E0901", span, "`%s` is not available yet", name);
	else
		emit_abc(c, INSN_EFFECT, a, first, call_site(c, builtin, count, span, label));
	return a;
}

/* secret(call(…).a.b): of the answer only that field is one. NULL where it is not written so. */
static const char **secret_fields(struct compiler *c, const struct node *call)
{
	const struct node *whole = c->w->secret_field, *node;
	size_t count = 0;

	for (node = whole; node && node->kind == NODE_FIELD; node = node->field.object)
		count++;
	if (node != call || !count)
		return NULL;
	const char **names = arena_alloc(c->compilation->arena, (count + 1) * sizeof(*names));
	names[count] = NULL;
	for (node = whole; count; node = node->field.object)
		names[--count] = node->field.name.text;
	return names;
}

static uint32_t builtin_call(struct compiler *c, const struct node *node, int want)
{
	const struct signature *signature = signature_of_builtin(c->compilation, node->builtin);
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t from = compile_arguments(c, signature, node);
	uint32_t site = call_site(c, node->builtin, (uint32_t)signature->count, node->span, NULL);

	c->sites.items[site].secret_fields = secret_fields(c, node);
	emit_abc(c, node->builtin->effect == EFFECT_PURE ? INSN_PURE : INSN_EFFECT, a, from, site);
	give_back(c, top);
	return a;
}

static uint32_t function_call(struct compiler *c, const struct node *node, int want)
{
	const struct signature *signature = signature_of_symbol(c->compilation, node->symbol);
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t from = compile_arguments(c, signature, node);

	emit_abc(c, INSN_CALL, a, from, (uint32_t)node->symbol->function);
	give_back(c, top);
	return a;
}

/* secret(expr): marks what it is given. */
static uint32_t secret_call(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want);
	const struct node *given = node->call.arguments ? node->call.arguments->argument.value : NULL;
	const struct node *field = c->w->secret_field;
	bool secret = c->w->secret;

	c->w->secret = true;
	c->w->secret_field = given;
	compile_or_null(c, given, a);
	c->w->secret = secret;
	c->w->secret_field = field;
	emit_abc(c, INSN_MARK, a, 0, 0);
	return a;
}

void compile_data_needed(struct compiler *c, const char *name, uint32_t a)
{
	uint32_t top = c->w->top, data = emit_ad(c, INSN_JUMP_SET, a, 0), message = take_register(c);
	char *text = arena_printf(c->compilation->arena, "%s has no data", name);

	emit_ad(c, INSN_CONSTANT, message, (int32_t)compile_constant(c, value_string(text)));
	emit_abc(c, INSN_FAIL, message, 0, 0);
	patch_here(c, data);
	give_back(c, top);
}

/* `t` or `t(max: 2%)`, the first argument of sample and baseline, as a use. */
static struct node measured_use(const struct node *call)
{
	const struct node *given = call->call.arguments->argument.value;
	const struct node *name = given->kind == NODE_CALL ? given->call.callee : given;
	struct node use = { .kind = NODE_USE, .span = given->span, .symbol = name->symbol };

	use.use.arguments = given->kind == NODE_CALL ? given->call.arguments : NULL;
	return use;
}

/* sample(t), sample(t(max: 2%)): the threshold's measurement as a function of its own (compile.c, measurement). */
static uint32_t sample_call(struct compiler *c, const struct node *node, int want)
{
	const struct node use = measured_use(node);
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t from = compile_arguments(c, signature_of_symbol(c->compilation, use.symbol), &use);

	emit_abc(c, INSN_CALL, a, from, (uint32_t)use.symbol->function + FUNCTION_MEASURES);
	give_back(c, top);
	return a;
}

/* baseline(t, 5m) */
static uint32_t baseline_call(struct compiler *c, const struct node *node, int want)
{
	const struct node use = measured_use(node);
	uint32_t a = target(c, want);

	compile_baseline(c, &use, node->call.arguments->next->argument.value, a);
	compile_data_needed(c, use.symbol->name, a);
	return a;
}

/* called(docker.stop, "web"): in a test, after the run. */
static uint32_t called_call(struct compiler *c, const struct node *node, int want)
{
	struct node *target = node->call.arguments;
	const struct node call = { .kind = NODE_CALL, .span = node->span,
				   .call = { .callee = target->argument.value, .arguments = target->next } };
	uint32_t top = c->w->top, asked = take_register(c);

	compile_asked(c, &call, asked);
	emit_abc(c, INSN_CALLED, asked, 0, 0);
	give_back(c, top);
	uint32_t a = (want == ANY_REGISTER ? take_register(c) : (uint32_t)want);
	if (a != asked)
		emit_abc(c, INSN_MOVE, a, asked, 0);
	return a;
}

uint32_t compile_call(struct compiler *c, const struct node *node, int want)
{
	const struct node *callee = node->call.callee;

	if (node->builtin)
		return builtin_call(c, node, want);
	if (node->symbol && node->symbol->function >= 0)
		return function_call(c, node, want);
	if (callee->kind == NODE_NAME && !strcmp(callee->name, "secret"))
		return secret_call(c, node, want);
	if (callee->kind == NODE_NAME && !strcmp(callee->name, "sample") && node->call.arguments)
		return sample_call(c, node, want);
	if (callee->kind == NODE_NAME && !strcmp(callee->name, "baseline") && node->call.arguments)
		return baseline_call(c, node, want);
	if (callee->kind == NODE_NAME && !strcmp(callee->name, "called") && c->test)
		return called_call(c, node, want);
	diag_error(c->compilation->diags, "E0901", node->span, "this call is not available yet");
	return target(c, want);
}

/* ---- all of them ---- */

static uint32_t as_unit(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t b = compile_expression(c, node->as.operand, ANY_REGISTER);

	emit_abc(c, INSN_AS, a, b, (uint32_t)unit_find(node->as.unit.text));
	give_back(c, top);
	return a;
}

static uint32_t index_of(struct compiler *c, const struct node *node, int want)
{
	uint32_t a = target(c, want), top = c->w->top;
	uint32_t object = silent(c, node->index.object, ANY_REGISTER);

	emit_abc(c, INSN_INDEX, a, object, compile_operand(c, node->index.index));
	give_back(c, top);
	return a;
}

static uint32_t expression_of_kind(struct compiler *c, const struct node *node, int want)
{
	struct value v;

	if (literal(node, &v)) {
		uint32_t a = target(c, want);
		emit_ad(c, INSN_CONSTANT, a, (int32_t)compile_constant(c, v));
		return a;
	}
	switch (node->kind) {
	case NODE_STRING:
		return string(c, node, want);
	case NODE_LIST:
		return list(c, node, want);
	case NODE_RECORD:
		return record(c, node, want);
	case NODE_RANGE:
		return range(c, node, want);
	case NODE_NAME:
		if (node->symbol)
			return symbol_value(c, node, node->symbol, want);
		if (c->no_data) {
			uint32_t a = target(c, want);
			emit_abc(c, INSN_NULL, a, 0, 0);
			return a;
		}
		break;
	case NODE_FIELD:
		return field(c, node, want);
	case NODE_INDEX:
		return index_of(c, node, want);
	case NODE_CALL:
		return compile_call(c, node, want);
	case NODE_UNARY:
		return unary(c, node, want);
	case NODE_BINARY:
		return binary(c, node, want);
	case NODE_AS:
		return as_unit(c, node, want);
	case NODE_IF:
		return if_expression(c, node, want);
	case NODE_MATCH:
		return match_expression(c, node, want);
	case NODE_COMPREHENSION:
		return comprehension(c, node, want);
	case NODE_QUANTIFIER:
		return quantifier(c, node, want);
	default:
		break;
	}
	diag_error(c->compilation->diags, "E0901", node->span, "this expression is not available yet");
	return target(c, want);
}

uint32_t compile_expression(struct compiler *c, const struct node *node, int want)
{
	struct span outer = c->w->span;
	c->w->span = node->span;
	uint32_t a = expression_of_kind(c, node, want);
	if (c->w->tracing && worth_noting(node) && (node != c->w->condition || node->kind != NODE_BINARY))
		note_part(c, node, a);
	c->w->span = outer;
	return a;
}
