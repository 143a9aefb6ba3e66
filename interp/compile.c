/* compile.c - a checked tree to a program: functions, globals, tables. Expressions and statements have files of their own. */
#include "interp/compile.h"

#include <stdlib.h>
#include <string.h>

/* ---- growing arrays ---- */

void *vector_room(void *items, uint32_t count, uint32_t *capacity, size_t size)
{
	if (count == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 16;
		items = memory_need(realloc(items, *capacity * size));
	}
	memset((char *)items + count * size, 0, size);
	return items;
}

/* ---- emitting ---- */

static uint32_t emit(struct compiler *c, struct instruction instruction)
{
	*VECTOR_PUSH(&c->w->code) = instruction;
	*VECTOR_PUSH(&c->w->spans) = c->w->span;
	return c->w->code.count - 1;
}

uint32_t emit_abc(struct compiler *c, enum opcode op, uint32_t a, uint32_t b, uint32_t c_)
{
	if (a > UINT16_MAX || b > UINT16_MAX || c_ > UINT16_MAX)
		diag_error(c->compilation->diags, "E0902", c->w->span, "this plan is too large to be compiled as one");
	return emit(c, (struct instruction){ .op = op, .a = (uint16_t)a, .b = (uint16_t)b, .c = (uint16_t)c_ });
}

uint32_t emit_ad(struct compiler *c, enum opcode op, uint32_t a, int32_t d)
{
	return emit(c, (struct instruction){ .op = op, .a = (uint16_t)a, .d = d });
}

uint32_t emit_asked(struct compiler *c, enum opcode op, uint32_t a, struct span asked)
{
	struct span outer = c->w->span;

	c->w->span = asked;
	uint32_t address = emit_ad(c, op, a, 0);
	c->w->span = outer;
	return address;
}

uint32_t here(struct compiler *c)
{
	return c->w->code.count;
}

void patch(struct compiler *c, uint32_t address, uint32_t target)
{
	c->w->code.items[address].d = (int32_t)target;
}

void patch_here(struct compiler *c, uint32_t address)
{
	patch(c, address, here(c));
}

void open_choice(struct compiler *c, struct choice *choice, uint32_t tested, struct span asked)
{
	*choice = (struct choice){ emit_asked(c, INSN_IF, tested, asked), { NOWHERE, NOWHERE } };
}

void other_arm(struct compiler *c, struct choice *choice)
{
	choice->ends[0] = emit_ad(c, INSN_ELSE, 0, 0);
	patch_here(c, choice->branch);
}

void close_arms(struct compiler *c, struct choice *choice)
{
	choice->ends[1] = emit_ad(c, INSN_ELSE, 0, 0);
}

void close_choice(struct compiler *c, struct choice *choice)
{
	emit_abc(c, INSN_ENDIF, 0, 0, 0);
	patch_here(c, choice->ends[1]);
	patch_here(c, choice->ends[0] == NOWHERE ? choice->branch : choice->ends[0]);
}

static uint32_t constant_hash(struct value v)
{
	uint64_t hash = v.tag;

	if (v.tag == VALUE_STRING) /* FNV-1a */
		for (size_t i = 0; i < v.string->length; i++)
			hash = (hash ^ (unsigned char)v.string->bytes[i]) * UINT64_C(1099511628211);
	else if (!value_on_heap(v))
		hash = (hash ^ (uint64_t)v.i) * UINT64_C(1099511628211);
	return (uint32_t)(hash >> 32 ^ hash);
}

uint32_t compile_constant(struct compiler *c, struct value v)
{
	/* Of those with the same slot only the latest is known: enough to share what a loop or a record repeats. */
	uint32_t *recent = &c->w->recent[constant_hash(v) % RECENT_CONSTANTS];

	if (*recent && c->w->constants.items[*recent - 1].tag == v.tag &&
	    value_equal(c->w->constants.items[*recent - 1], v)) {
		value_release(v);
		return *recent - 1;
	}
	*VECTOR_PUSH(&c->w->constants) = v;
	*recent = c->w->constants.count;
	return c->w->constants.count - 1;
}

uint32_t take_registers(struct compiler *c, uint32_t count)
{
	uint32_t first = c->w->top;

	c->w->top += count;
	if (c->w->top > c->w->most)
		c->w->most = c->w->top;
	if (c->w->most >= OPERAND_CONSTANT) {
		diag_error(c->compilation->diags, "E0902", c->w->span, "too many values are alive here at once");
		c->w->top = first = 0;
		c->w->most = count;
	}
	return first;
}

void give_back(struct compiler *c, uint32_t top)
{
	c->w->top = top;
}

/* ---- functions ---- */

static void open_writer(struct writer *writer, uint32_t index, enum function_kind kind, const char *name,
			struct span span)
{
	*writer = (struct writer){ .index = index, .kind = kind, .name = name, .span = span };
}

static void close_writer(struct compiler *c, struct writer *writer)
{
	close_reserved(c, NULL);
	c->functions.items[writer->index] = (struct function){
		.kind = writer->kind,
		.name = writer->name,
		.plan = (uint32_t)(c->plan - c->program->plans),
		.declared = writer->declared,
		.code = writer->code.items,
		.spans = writer->spans.items,
		.count = writer->code.count,
		.registers = writer->most ? writer->most : 1,
		/* A `func` has no steps, whose values may be read before they were written: see reserve_named_lets(). */
		.cleared = writer->kind == FUNCTION_FUNC ? writer->parameters : writer->most,
		.parameters = writer->parameters,
		.constants = writer->constants.items,
		.constant_count = writer->constants.count,
	};
}

static enum function_kind callable_kind(const struct node *node)
{
	return node->kind == NODE_FUNC ? FUNCTION_FUNC : node->kind == NODE_TASK ? FUNCTION_TASK : FUNCTION_THRESHOLD;
}

static void place_parameters(struct compiler *c, const struct node *node)
{
	for (const struct node *param = node->callable.params; param; param = param->next) {
		uint32_t slot = take_register(c);
		if (param->symbol)
			place_local(c, param->symbol, slot);
		c->w->parameters++;
	}
}

static void callable(struct compiler *c, const struct node *node)
{
	struct writer writer;

	open_writer(&writer, (uint32_t)node->symbol->function, callable_kind(node), node->callable.name.text, node->span);
	writer.declared = node->symbol->span;
	c->w = &writer;
	place_parameters(c, node);
	if (node->kind == NODE_THRESHOLD) {
		compile_threshold(c, node, true);
	} else {
		uint32_t answer = take_register(c), given = NOWHERE;
		if (node->kind == NODE_TASK && c->test)
			emit_abc(c, INSN_NOTE_CALL, 0, 0, 0);
		if (node->kind == NODE_TASK)
			given = emit_ad(c, INSN_GIVEN, answer, 0);
		if (node->callable.body)
			reserve_named_lets(c, node->callable.body);
		compile_block(c, node->callable.body);
		emit_abc(c, INSN_NULL, answer, 0, 0);
		if (given != NOWHERE)
			patch_here(c, given);
		emit_abc(c, INSN_RETURN, answer, 0, 0);
	}
	close_writer(c, &writer);
	c->w = NULL;
}

/* Opens one of the functions of a threshold that have no body of their own. */
static void open_measuring(struct compiler *c, struct writer *writer, const struct node *node, uint32_t which,
			   enum function_kind kind)
{
	open_writer(writer, (uint32_t)node->symbol->function + which, kind, node->callable.name.text, node->span);
	c->w = writer;
	place_parameters(c, node);
}

/* What sample(t) calls: measures once, and fails on no data. */
static void measurement(struct compiler *c, const struct node *node)
{
	struct writer writer;
	const struct node *clause = node->callable.body;

	open_measuring(c, &writer, node, FUNCTION_MEASURES, FUNCTION_TASK);
	while (clause && clause->kind != NODE_MEASURE)
		clause = clause->next;
	*VECTOR_PUSH(&c->thresholds) = (struct threshold_code){
		.name = node->callable.name.text, .span = node->span, .measure = clause ? one_line(c, clause->value->span) : ""
	};
	int32_t number = (int32_t)c->thresholds.count - 1;
	uint32_t answer = take_register(c), given = emit_ad(c, INSN_GIVEN, answer, 0);
	compile_or_null(c, clause ? clause->value : NULL, answer);
	patch_here(c, given);
	emit_ad(c, INSN_SAMPLED, answer, number);
	compile_data_needed(c, node->callable.name.text, answer);
	emit_abc(c, INSN_RETURN, answer, 0, 0);
	close_writer(c, &writer);
	c->w = NULL;
}

/* What baseline(t, D) runs while the time passes. */
static void keeper(struct compiler *c, const struct node *node)
{
	struct writer writer;

	open_measuring(c, &writer, node, FUNCTION_KEEPS, FUNCTION_THRESHOLD);
	compile_threshold(c, node, false);
	close_writer(c, &writer);
	c->w = NULL;
}

static void measuring(struct compiler *c, const struct node *node)
{
	measurement(c, node);
	keeper(c, node);
}

static bool is_callable(const struct node *node)
{
	return (node->kind == NODE_FUNC || node->kind == NODE_TASK || node->kind == NODE_THRESHOLD) && node->symbol;
}

/* ---- globals ---- */

static bool is_global(const struct node *node)
{
	switch (node->kind) {
	case NODE_PARAM:
	case NODE_SECRET:
	case NODE_LET:
		return node->symbol && node->symbol->kind != SYMBOL_LOCAL;
	default:
		return false;
	}
}

static void number_module(struct compiler *c, const struct module *module)
{
	for (const struct node *node = module->file->file.items; node; node = node->next) {
		if (is_callable(node)) {
			node->symbol->function = (int)c->functions.count;
			VECTOR_PUSH(&c->functions);
			if (node->kind == NODE_THRESHOLD)
				for (int i = 0; i < FUNCTION_KEEPS; i++)
					VECTOR_PUSH(&c->functions);
		} else if (is_global(node)) {
			node->symbol->slot = (int)c->plan->global_count++;
		}
	}
}

static void param(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top, a = take_register(c), number = c->params.count;

	*VECTOR_PUSH(&c->params) = (struct param_code){
		.name = node->param.name.text,
		.type = node->symbol->type,
		.global = (uint32_t)node->symbol->slot,
		.node = (struct node *)node,
		.source = node->param.condition ? one_line(c, node->param.condition->span) : NULL,
	};
	uint32_t given = emit_ad(c, INSN_GIVEN_PARAM, number, 0);
	if (node->param.initial) {
		compile_expression(c, node->param.initial, (int)a);
		emit_ad(c, INSN_SET_GLOBAL, a, node->symbol->slot);
	}
	patch_here(c, given);
	emit_ad(c, INSN_GLOBAL, a, node->symbol->slot);
	emit_ad(c, INSN_PARAM_FITS, a, (int32_t)number);
	if (node->param.condition)
		emit_ad(c, INSN_PARAM_HOLDS, compile_expression(c, node->param.condition, ANY_REGISTER), (int32_t)number);
	give_back(c, top);
}

/* secret name = env("X"): the source is an effect of the language itself. */
static void secret(struct compiler *c, const struct node *node)
{
	const struct node *source = node->secret.source;
	uint32_t top = c->w->top, a = take_register(c);

	if (source->kind == NODE_CALL && source->call.callee->kind == NODE_NAME &&
	    strcmp(source->call.callee->name, "secret")) {
		uint32_t argument = take_register(c);
		compile_or_null(c, source->call.arguments ? source->call.arguments->argument.value : NULL, argument);
		compile_internal_effect(c, arena_printf(c->compilation->arena, "secret.%s", source->call.callee->name), argument,
				1, source->span, NULL, (int)a);
		emit_ad(c, INSN_TAKE_SECRET, a, (int32_t)c->secrets.count);
		*VECTOR_PUSH(&c->secrets) = (struct secret_code){ node->secret.name.text, node->secret.name.span };
	} else {
		compile_expression(c, source, (int)a);
	}
	emit_abc(c, INSN_MARK, a, 0, 0);
	emit_ad(c, INSN_SET_GLOBAL, a, node->symbol->slot);
	give_back(c, top);
}

static void global_let(struct compiler *c, const struct node *node)
{
	uint32_t top = c->w->top;

	emit_ad(c, INSN_SET_GLOBAL, compile_expression(c, node->binding.value, ANY_REGISTER), node->symbol->slot);
	give_back(c, top);
}

/* Params first, then constants and secrets; then all that is wrong with them is told at once. */
static void globals(struct compiler *c)
{
	for (const struct module *module = c->compilation->modules; module; module = module->next)
		for (const struct node *node = module->file->file.items; node; node = node->next)
			if (is_global(node) && node->kind == NODE_PARAM)
				param(c, node);
	for (const struct module *module = c->compilation->modules; module; module = module->next)
		for (const struct node *node = module->file->file.items; node; node = node->next) {
			c->w->span = node->span;
			if (is_global(node) && node->kind == NODE_SECRET)
				secret(c, node);
			else if (is_global(node) && node->kind == NODE_LET)
				global_let(c, node);
		}
	emit_abc(c, INSN_READY, 0, 0, 0);
}

/* ---- the course of a plan ---- */

static const struct node *plan_node(const struct module *module)
{
	for (const struct node *node = module->file->file.items; node; node = node->next)
		if (node->kind == NODE_PLAN)
			return node;
	return NULL;
}

/* The run takes its lock once; that a child names the same was checked, or is compared when its name is known. */
static void plan_settings(struct compiler *c, const struct node *plan)
{
	for (const struct node *setting = plan->plan.settings; setting; setting = setting->next) {
		uint32_t a = take_register(c);
		if (setting->kind == NODE_ROLLBACK) {
			compile_expression(c, setting->rollback.within, (int)a);
			c->plan->within = (int)a;
		} else if (setting->kind == NODE_TIMEOUT) {
			compile_expression(c, setting->value, (int)a);
			emit_abc(c, INSN_PLAN_TIMEOUT, a, 0, 0);
		} else if (setting->kind == NODE_LOCK) {
			compile_expression(c, setting->value, (int)a);
			if (c->plan == c->program->plans)
				compile_internal_effect(c, "lock.take", a, 1, setting->span, NULL, ANY_REGISTER);
			emit_abc(c, INSN_PLAN_LOCK, a, 0, 0);
		}
	}
}

static uint32_t *handler_slot(struct plan_code *plan, enum on_event event)
{
	switch (event) {
	case EVENT_FAILURE:
		return &plan->handlers.on_failure;
	case EVENT_ROLLBACK:
		return &plan->handlers.on_rollback;
	case EVENT_SUCCESS:
		return &plan->handlers.on_success;
	default:
		return &plan->handlers.finally;
	}
}

static bool is_item_only(const struct node *node)
{
	switch (node->kind) {
	case NODE_PLAN:
	case NODE_IMPORT:
	case NODE_PARAM:
	case NODE_SECRET:
	case NODE_ENVIRONMENT:
	case NODE_DEFAULTS:
	case NODE_FUNC:
	case NODE_TASK:
	case NODE_THRESHOLD:
	case NODE_TEST:
	case NODE_ON:
		return true;
	default:
		return is_global(node);
	}
}

/* ---- a test ---- */

static uint32_t compile_places(struct compiler *c, const struct signature *signature, const struct node *call,
			       struct node **bound, struct value *places)
{
	uint32_t count = 0, i = 0;

	signature_bind_some(c->compilation, signature, (struct node *)call, bound, false);
	for (size_t k = 0; k < signature->count; k++)
		count += bound[k] != NULL;
	uint32_t from = take_registers(c, count);
	for (size_t k = 0; k < signature->count; k++)
		if (bound[k]) {
			compile_argument(c, &signature->parameters[k], bound[k], from + i++);
			list_push(places, value_int((int64_t)k));
		}
	return from;
}

void compile_asked(struct compiler *c, const struct node *call, uint32_t a)
{
	const struct node *target = call->call.callee;
	const struct signature *signature = target->builtin ? signature_of_builtin(c->compilation, target->builtin)
							    : signature_of_symbol(c->compilation, target->symbol);
	struct node **bound = arena_alloc(c->compilation->arena, (signature->count + 1) * sizeof(*bound));
	struct value places = list_new(2), asked = record_new(2);

	compile_places(c, signature, call, bound, &places);
	record_set(&asked, "of",
		   target->builtin ? value_string(target->builtin->name) : value_int(target->symbol->function));
	record_set(&asked, "places", places);
	emit_ad(c, INSN_CONSTANT, a, (int32_t)compile_constant(c, asked));
}

static void given_part(struct compiler *c, const struct node *node, uint32_t number)
{
	uint32_t top = c->w->top, a = take_registers(c, 4), asked = take_register(c);
	const struct node *target = node->given.target;

	c->w->span = node->span;
	if (target->kind == NODE_CALL)
		compile_asked(c, target, asked);
	else
		emit_abc(c, INSN_NULL, asked, 0, 0);
	emit_abc(c, INSN_MOVE, a, asked, 0);
	c->no_data = true;
	compile_or_null(c, node->given.value, a + 1);
	c->no_data = false;
	compile_or_null(c, node->given.with, a + 2);
	compile_or_null(c, node->given.after, a + 3);
	emit_ad(c, INSN_TEST_GIVEN, a, (int32_t)number);
	give_back(c, top);
}

/* Its answers are worked out when the constants are known, before anything else happens. */
static void test_setup(struct compiler *c)
{
	uint32_t number = 0;

	for (const struct node *part = c->test->test.parts; part && part->kind != NODE_TEST_RUN; part = part->next)
		if (part->kind == NODE_GIVEN)
			given_part(c, part, number++);
		else
			compile_statement(c, part);
}

static void test_questions(struct compiler *c)
{
	uint32_t a = take_registers(c, 3), title = take_register(c);
	struct open_region open = { .kind = OPEN_VERIFY, .outer = c->w->open };
	const struct node *part = c->test->test.parts;

	c->plan->handlers.questions = here(c);
	while (part->kind != NODE_TEST_RUN)
		part = part->next;
	emit_abc(c, INSN_TEST_RESULT, a, 0, 0);
	for (struct symbol *name = part->symbol; name; name = name->next)
		place_local(c, name, a + (!strcmp(name->name, "exit") ? 1 : !strcmp(name->name, "elapsed") ? 2 : 0));
	emit_abc(c, INSN_NULL, title, 0, 0);
	emit_abc(c, INSN_VERIFY_BEGIN, title, 0, 0);
	c->w->open = &open;
	compile_statements(c, part->next);
	c->w->open = open.outer;
	emit_abc(c, INSN_VERIFY_END, 0, 0, 0);
	emit_abc(c, INSN_END_FIBER, 0, 0, 0);
}

static void course(struct compiler *c, const struct node *plan)
{
	const struct node *items = c->compilation->main->file->file.items;
	const struct node *test = c->plan == c->program->plans ? c->test : NULL;
	struct writer writer;

	open_writer(&writer, c->plan->function, FUNCTION_MAIN, c->plan->name ? c->plan->name : "main", plan->span);
	writer.declared = plan->span;
	c->w = &writer;
	for (struct node *node = c->compilation->main->file->file.items; node; node = node->next)
		if (!is_item_only(node))
			reserve_named_lets(c, node);
	globals(c);
	if (test)
		test_setup(c);
	plan_settings(c, plan);
	for (const struct node *node = items; node; node = node->next)
		if (!is_item_only(node))
			compile_statement(c, node);
	emit_abc(c, INSN_END_FIBER, 0, 0, 0);
	for (const struct node *node = items; node; node = node->next)
		if (node->kind == NODE_ON) {
			*handler_slot(c->plan, node->on.event) = here(c);
			compile_handler(c, node->on.body);
		}
	if (test)
		test_questions(c);
	close_writer(c, &writer);
	c->w = NULL;
}

/* Has each parameter of the threshold a default? */
static bool stands_alone(struct compiler *c, const struct node *node)
{
	const struct signature *signature = signature_of_symbol(c->compilation, node->symbol);

	for (size_t i = 0; i < signature->count; i++)
		if (!signature->parameters[i].fallback)
			return false;
	return true;
}

static void watching_function(struct compiler *c)
{
	struct writer writer;

	open_writer(&writer, c->plan->function, FUNCTION_MAIN, "main", c->compilation->main->file->span);
	c->w = &writer;
	globals(c);
	for (const struct node *node = c->compilation->main->file->file.items; node; node = node->next)
		if (node->kind == NODE_THRESHOLD && node->symbol && stands_alone(c, node)) {
			const struct node use = { .kind = NODE_USE, .span = node->callable.name.span, .symbol = node->symbol };
			compile_watched(c, &use);
		}
	emit_abc(c, INSN_END_FIBER, 0, 0, 0);
	close_writer(c, &writer);
	c->w = NULL;
}

/* ---- all plans of a run ---- */

/* The row of a plan, and numbers for its functions and globals. */
static void number_plan(struct compiler *c, struct plan_code *plan, struct compilation *compilation)
{
	const struct node *item = plan_node(compilation->main);
	size_t length;

	*plan = (struct plan_code){
		.compilation = compilation,
		.title = item ? node_literal_text(item->plan.title, &length) : NULL,
		.function = c->functions.count,
		.handlers = { NOWHERE, NOWHERE, NOWHERE, NOWHERE, NOWHERE },
		.within = -1,
	};
	if (!plan->title)
		plan->title = "";
	compilation->number = (uint32_t)(plan - c->program->plans);
	if (compilation->course) {
		compilation->course->function = (int)plan->function;
		plan->name = compilation->course->name;
	}
	c->plan = plan;
	VECTOR_PUSH(&c->functions); /* its course */
	for (const struct module *module = compilation->modules; module; module = module->next)
		number_module(c, module);
}

static void compile_plan(struct compiler *c, struct plan_code *plan)
{
	c->plan = plan;
	c->compilation = plan->compilation;
	/* The course first: it knows its tables before the functions it calls, and dumps read in the order of the plan. */
	if (c->thresholds_only)
		watching_function(c);
	else
		course(c, plan_node(plan->compilation->main));
	for (const struct module *module = plan->compilation->modules; module; module = module->next)
		for (const struct node *node = module->file->file.items; node; node = node->next)
			if (is_callable(node)) {
				callable(c, node);
				if (node->kind == NODE_THRESHOLD)
					measuring(c, node);
			}
	plan->params = c->params.items;
	plan->param_count = c->params.count;
	c->params.items = NULL;
	c->params.count = c->params.capacity = 0;
	plan->secrets = c->secrets.items;
	plan->secret_count = c->secrets.count;
	c->secrets.items = NULL;
	c->secrets.count = c->secrets.capacity = 0;
}

static void hand_over(struct compiler *c)
{
	struct program *p = c->program;

	p->functions = c->functions.items;
	p->function_count = c->functions.count;
	p->sites = c->sites.items;
	p->site_count = c->sites.count;
	p->templates = c->templates.items;
	p->template_count = c->templates.count;
	p->shapes = c->shapes.items;
	p->shape_count = c->shapes.count;
	p->steps = c->steps.items;
	p->step_count = c->steps.count;
	p->defers = c->defers.items;
	p->defer_count = c->defers.count;
	p->checks = c->checks.items;
	p->check_count = c->checks.count;
	p->parts = c->parts.items;
	p->part_count = c->parts.count;
	p->watches = c->watches.items;
	p->watch_count = c->watches.count;
	p->thresholds = c->thresholds.items;
	p->threshold_count = c->thresholds.count;
	p->groups = c->groups.items;
	p->group_count = c->groups.count;
	p->runs = c->runs.items;
	p->run_count = c->runs.count;
}

static struct program *compile_with(struct compilation *compilation, const struct node *test, bool thresholds_only)
{
	size_t errors = compilation->diags->errors;
	struct compilation *children = thresholds_only ? NULL : compilation->plans, *child;

	if (!thresholds_only && !plan_node(compilation->main))
		return NULL;
	struct program *program = memory_need(calloc(1, sizeof(*program)));
	struct compiler c = { .compilation = compilation, .program = program, .test = test,
			      .thresholds_only = thresholds_only };
	program->compilation = compilation;
	for (child = children; child; child = child->next)
		program->plan_count++;
	program->plans = memory_need(calloc(++program->plan_count, sizeof(*program->plans)));
	struct plan_code *plan = program->plans;
	number_plan(&c, plan, compilation);
	for (child = children; child; child = child->next)
		number_plan(&c, ++plan, child);
	for (uint32_t i = 0; i < program->plan_count; i++)
		compile_plan(&c, &program->plans[i]);
	hand_over(&c);
	if (compilation->diags->errors == errors)
		return program;
	program_free(program);
	return NULL;
}

struct program *compile_program(struct compilation *compilation)
{
	return compile_with(compilation, NULL, false);
}

struct program *compile_test(struct compilation *compilation, const struct node *test)
{
	return compile_with(compilation, test, false);
}

struct program *compile_thresholds(struct compilation *compilation)
{
	return compile_with(compilation, NULL, true);
}

void program_free(struct program *program)
{
	if (!program)
		return;
	for (uint32_t i = 0; i < program->function_count; i++) {
		struct function *function = &program->functions[i];
		for (uint32_t k = 0; k < function->constant_count; k++)
			value_release(function->constants[k]);
		free(function->constants);
		free(function->code);
		free(function->spans);
	}
	for (uint32_t i = 0; i < program->shape_count; i++) {
		for (uint32_t k = 0; k < program->shapes[i].count; k++)
			value_release(program->shapes[i].keys[k]);
		free(program->shapes[i].keys);
	}
	free(program->functions);
	free(program->sites);
	free(program->templates);
	free(program->shapes);
	free(program->steps);
	free(program->defers);
	free(program->checks);
	free(program->parts);
	free(program->watches);
	free(program->thresholds);
	free(program->groups);
	for (uint32_t i = 0; i < program->plan_count; i++) {
		free(program->plans[i].params);
		free(program->plans[i].secrets);
	}
	free(program->plans);
	free(program->runs);
	free(program);
}

int unit_find(const char *name)
{
	static const char *const names[] = { "ratio", "s", "ms", "B", "count", "per_second" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return (int)i;
	return -1;
}
