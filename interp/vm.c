/*
 * vm.c - the instructions that compute, and the loop. fiber_run() runs one fiber until it waits or ends. What
 * touches the machine's structure stands in structure.c, what preview makes of the unknown in choice.c.
 *
 * The address of the next instruction is a local of the loop. Whatever may fail, wait, or look at the frame
 * gets it from the frame: SAVE() writes it there, RELOAD() reads it back. An instruction that has to wait and
 * then look again lets the frame's pc point to itself.
 *
 * Ways of Lua 5.4 and LuaJIT's interpreter, in small: a jump from instruction to instruction instead of a
 * switch; ints without a flag are recognised by one comparison (value.kind); a comparison looks whether an IF
 * that asks for its result comes next, a LOOP whether it goes back to a NEXT, and do that as well.
 */
#include <stdlib.h>
#include <string.h>

#include "interp/machine_inside.h"

#define likely(condition)   __builtin_expect(!!(condition), 1)
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Registers of a loop, from NEXT's or WHILE's a on. */
enum { NEXT_LIST, NEXT_POSITION, NEXT_ITEM };
enum { WHILE_CONDITION, WHILE_ROUNDS, WHILE_MOST };

/*
 * A value moves as two words, as it was written: a processor makes a load of 16 bytes wait until the two
 * stores of 8 that it wants have left its store buffer.
 */
static inline void put_moved(struct value *to, uint64_t head, int64_t i)
{
	if (unlikely(value_on_heap(*to)))
		value_release(*to);
	to->head = head;
	to->i = i;
}

/* An int, a bool: nothing that is counted. */
static inline void put_immediate(struct value *to, enum value_tag tag, int64_t i)
{
	put_moved(to, tag, i);
}

static inline void put_copy(struct value *to, const struct value *from)
{
	uint64_t head = from->head;
	int64_t i = from->i;

	if (value_on_heap(*from))
		++*from->refs;
	put_moved(to, head, i);
}

static inline bool are_ints(const struct value *x, const struct value *y)
{
	return likely(x->kind == VALUE_INT) && likely(y->kind == VALUE_INT);
}

/* ---- values ---- */

static struct value both(struct value x, struct value y)
{
	if ((x.tag == VALUE_BOOL && !x.b) || (y.tag == VALUE_BOOL && !y.b))
		return value_bool(false);
	if (x.tag == VALUE_UNKNOWN || y.tag == VALUE_UNKNOWN)
		return value_unknown();
	return value_bool(value_truthy(x) && value_truthy(y));
}

static struct value either(struct value x, struct value y)
{
	if (value_truthy(x) || value_truthy(y))
		return value_bool(true);
	if (x.tag == VALUE_UNKNOWN || y.tag == VALUE_UNKNOWN)
		return value_unknown();
	return value_bool(false);
}

static bool negate(struct value v, struct value *out, char *error)
{
	if (v.tag == VALUE_FLOAT || v.tag == VALUE_PERCENT) {
		*out = v;
		out->f = -v.f;
		return true;
	}
	if (v.tag == VALUE_DURATION || v.tag == VALUE_SIZE) {
		struct value zero = v;
		zero.i = 0;
		return operate(INSN_SUBTRACT, zero, v, out, error);
	}
	return operate(INSN_SUBTRACT, value_int(0), v, out, error);
}

static struct value list_of(const struct value *items, uint32_t count)
{
	struct value list = list_new(count);

	for (uint32_t i = 0; i < count; i++)
		list_push(&list, value_copy(items[i]));
	return list;
}

static struct value record_of(const struct shape *shape, const struct value *items)
{
	struct value record = record_new(shape->count);

	for (uint32_t i = 0; i < shape->count; i++)
		record_set_n(&record, value_text_peek(shape->keys[i]), value_length(shape->keys[i]),
			     value_copy(items[i]));
	return record;
}

static bool make_range(struct fiber *fiber, struct value low, struct value high, struct value *to)
{
	if (low.tag == VALUE_UNKNOWN || high.tag == VALUE_UNKNOWN) {
		value_put(to, value_unknown());
		return true;
	}
	if (low.tag == VALUE_INT && high.tag == VALUE_INT) {
		value_put(to,
			  value_mark(value_range(low.i, high.i), (low.flags | high.flags) & VALUE_SECRET));
		return true;
	}
	return fiber_error(fiber, "a range goes from an int to an int");
}

/* Lists may be shared: the comprehension's own has one owner, so this pushes in place. */
static void append(struct value *list, struct value item)
{
	if (list->list->refs > 1) {
		struct value copy = list_of(list->list->items, (uint32_t)list->list->count);
		value_put(list, copy);
	}
	list_push(list, value_copy(item));
}

static bool unit_of(struct value v, enum unit unit, struct value *out, char *error)
{
	if (!give_unit(v, unit, out, error))
		return false;
	*out = value_mark(*out, v.flags & VALUE_SECRET);
	return true;
}

/* secret(v). What is shorter is guessed, and cannot be kept out of what is shown; of a list or a record each item would
 * have to be, and only the plan knows which of them matter. */
static bool mark(struct fiber *fiber, struct value *v)
{
	struct value text = value_null();
	bool short_one = false;

	if (v->tag > VALUE_BOOL && v->tag < VALUE_LIST) {
		text = value_to_text(*v);
		short_one = value_length(text) < SECRET_MIN;
		value_release(text);
	}
	*v = value_mark(*v, VALUE_SECRET);
	if (!short_one)
		return true;
	fiber_raise(fiber, failure_new(fiber, FAILURE_GUARD, SECRET_TOO_SHORT, "secret(…)", SECRET_MIN));
	return fiber_goes_on(fiber);
}

/* ---- calls ---- */

static bool pure_call(struct fiber *fiber, const struct instruction *in, struct value *r)
{
	const struct call_site *site = &fiber->machine->program->sites[in->c];
	unsigned flags = 0;

	for (uint32_t i = 0; i < site->arg_count; i++) {
		if (value_is_unknown(r[in->b + i])) {
			value_put(&r[in->a], value_unknown());
			return true;
		}
		flags |= value_is_secret(r[in->b + i]) ? VALUE_SECRET : 0;
	}
	struct pure_result result = site->builtin->call(r + in->b, site->arg_count);
	const struct machine_options *options = fiber->machine->options;
	if (result.ok && flags && options->secret_made)
		options->secret_made(options->secret_context, value_mark(result.value, flags));
	if (result.ok) {
		value_put(&r[in->a],
			  result.value.tag == VALUE_BOOL ? result.value : value_mark(result.value, flags));
		return true;
	}
	struct failure *failure = failure_new(fiber, FAILURE_ERROR, "%s", value_text_peek(result.value));
	failure->message = value_mark(failure->message, flags);
	value_release(result.value);
	fiber_raise(fiber, failure);
	return fiber_goes_on(fiber);
}

static bool embed(struct fiber *fiber, const struct instruction *in, struct value *r)
{
	const struct template_code *template = &fiber->machine->program->templates[in->c];
	struct value error = value_null();
	struct value v =
	    embed_render(template->language, template->pieces, r + in->b, template->count, &error);

	if (error.tag == VALUE_NULL) {
		value_put(&r[in->a], v);
		return true;
	}
	value_release(v);
	fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "%s", value_text_peek(error)));
	value_release(error);
	return fiber_goes_on(fiber);
}

/* ---- loops ---- */

/* The next item, or the end. */
static void next_item(struct fiber *fiber, struct value *loop, const struct instruction *in)
{
	struct value list = loop[NEXT_LIST];
	int64_t i = loop[NEXT_POSITION].tag == VALUE_INT ? loop[NEXT_POSITION].i : 0;

	if ((size_t)i >= value_length(list)) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return;
	}
	value_put(&loop[NEXT_ITEM], value_mark(value_item(list, (size_t)i), list.flags & VALUE_SECRET));
	loop[NEXT_POSITION] = value_int(i + 1);
}

static bool next(struct fiber *fiber, struct value *loop, const struct instruction *in)
{
	switch (loop[NEXT_LIST].tag) {
	case VALUE_UNKNOWN:
		return choice_round(fiber, in, loop[NEXT_POSITION].tag == VALUE_INT, &loop[NEXT_POSITION],
				    &loop[NEXT_ITEM]);
	case VALUE_LIST:
	case VALUE_RANGE:
		next_item(fiber, loop, in);
		return true;
	default:
		fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "a %s cannot be gone through",
					       value_tag_name(loop[NEXT_LIST].tag)));
		return fiber_goes_on(fiber);
	}
}

static bool while_round(struct fiber *fiber, struct value *loop, const struct instruction *in)
{
	int64_t rounds = loop[WHILE_ROUNDS].tag == VALUE_INT ? loop[WHILE_ROUNDS].i : 0;
	struct value most = loop[WHILE_MOST];

	if (loop[WHILE_CONDITION].tag == VALUE_UNKNOWN)
		return choice_round(fiber, in,
				    choice_inside(fiber) && fiber_region(fiber)->pc == (uint32_t)in->d,
				    &loop[WHILE_ROUNDS], NULL);
	if (!value_truthy(loop[WHILE_CONDITION])) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return true;
	}
	if (most.tag == VALUE_INT && rounds >= most.i) {
		fiber_raise(fiber,
			    failure_new(fiber, FAILURE_ERROR,
					"the loop ran its limit of %lld times and its condition still holds",
					(long long)most.i));
		return fiber_goes_on(fiber);
	}
	loop[WHILE_ROUNDS] = value_int(rounds + 1);
	return true;
}

/*
 * Much was computed without an effect: signals, timers and other fibers have their turn now. It is a wait
 * like any other: the delivery that ends it is on record, so a replay interrupts at the same instruction.
 */
static bool take_turn(struct fiber *fiber)
{
	fiber->fuel = 0;
	if (++fiber->turns > TURNS_MAX)
		return fiber_error(fiber, "this ran too long without an effect: is there an endless loop?");
	fiber_sleep(fiber, fiber->machine->now);
	return false;
}

/* ---- the loop ---- */

/* A register, or a constant. */
#define OPERAND(n) (unlikely((n)&OPERAND_CONSTANT) ? &k[(n) & ~OPERAND_CONSTANT] : &r[n])

#define SAVE() (frame->pc = (uint32_t)(pc - code))
#define RELOAD()                                                                                             \
	do {                                                                                                 \
		frame = fiber_frame(fiber);                                                                  \
		code = frame->function->code;                                                                \
		pc = code + frame->pc;                                                                       \
		k = frame->function->constants;                                                              \
		r = fiber->registers + frame->base;                                                          \
	} while (0)
#define DISPATCH()                                                                                           \
	do {                                                                                                 \
		in = pc++;                                                                                   \
		goto *labels[in->op];                                                                        \
	} while (0)
/* What may move the fiber elsewhere: answers whether it runs on. */
#define GO(call)                                                                                             \
	do {                                                                                                 \
		SAVE();                                                                                      \
		if (!(call))                                                                                 \
			return;                                                                              \
		RELOAD();                                                                                    \
		DISPATCH();                                                                                  \
	} while (0)
/* What may move the fiber elsewhere, and never stops it. */
#define DO(call)                                                                                             \
	do {                                                                                                 \
		SAVE();                                                                                      \
		call;                                                                                        \
		RELOAD();                                                                                    \
		DISPATCH();                                                                                  \
	} while (0)
/* What only answers a value, or fails with a message. */
#define TRY(call)                                                                                            \
	do {                                                                                                 \
		if (unlikely(!(call)))                                                                       \
			GO(fiber_error(fiber, error));                                                       \
		value_put(&r[in->a], out);                                                                   \
		DISPATCH();                                                                                  \
	} while (0)
#define JUMP_IF(condition)                                                                                   \
	do {                                                                                                 \
		if (condition)                                                                               \
			pc = code + in->d;                                                                   \
		DISPATCH();                                                                                  \
	} while (0)
#define ARITHMETIC(overflows)                                                                                \
	do {                                                                                                 \
		const struct value *x = OPERAND(in->b), *y = OPERAND(in->c);                                 \
		int64_t i;                                                                                   \
		if (unlikely(!are_ints(x, y) || overflows(x->i, y->i, &i)))                                  \
			goto operation;                                                                      \
		put_immediate(&r[in->a], VALUE_INT, i);                                                      \
		DISPATCH();                                                                                  \
	} while (0)
#define COMPARISON(sign)                                                                                     \
	do {                                                                                                 \
		const struct value *x = OPERAND(in->b), *y = OPERAND(in->c);                                 \
		if (unlikely(!are_ints(x, y)))                                                               \
			goto operation;                                                                      \
		bool held = x->i sign y->i;                                                                  \
		put_immediate(&r[in->a], VALUE_BOOL, held);                                                  \
		if (pc->op == INSN_IF && pc->a == in->a)                                                     \
			pc = held ? pc + 1 : code + pc->d;                                                   \
		DISPATCH();                                                                                  \
	} while (0)

void fiber_run(struct fiber *fiber)
{
	static const void *const labels[] = {
#define OPCODE(name, operands, about)	 &&run_##name,
#define STRUCTURE(name, operands, about) &&structure,
#include "interp/opcodes.def"
#undef OPCODE
	};
	struct machine *const machine = fiber->machine;
	const struct function *const functions = machine->program->functions;
	const bool explores = machine->driver->explores;
	struct value *const globals = fiber->plan->globals;
	const struct instruction *code, *pc, *in;
	struct frame *frame;
	const struct value *k;
	struct value *r, out;
	char error[256];

	if (fiber->raising || fiber_interrupted(fiber)) {
		fiber_raise_now(fiber);
		if (!fiber_goes_on(fiber))
			return;
	}
	RELOAD();
	DISPATCH();

run_CONSTANT:
	put_copy(&r[in->a], &k[in->d]);
	DISPATCH();
run_MOVE:
	put_copy(&r[in->a], &r[in->b]);
	DISPATCH();
run_NULL:
	put_immediate(&r[in->a], VALUE_NULL, 0);
	DISPATCH();
run_GLOBAL:
	put_copy(&r[in->a], &globals[in->d]);
	DISPATCH();
run_SET_GLOBAL:
	put_copy(&globals[in->d], &r[in->a]);
	DISPATCH();

run_ADD:
	ARITHMETIC(__builtin_add_overflow);
run_SUBTRACT:
	ARITHMETIC(__builtin_sub_overflow);
run_MULTIPLY:
	ARITHMETIC(__builtin_mul_overflow);
run_LESS:
	COMPARISON(<);
run_LESS_EQUAL:
	COMPARISON(<=);
run_GREATER:
	COMPARISON(>);
run_GREATER_EQUAL:
	COMPARISON(>=);
run_EQUAL:
	COMPARISON(==);
run_UNEQUAL:
	COMPARISON(!=);
run_DIVIDE:
run_MODULO:
run_IN:
run_MATCHES:
operation:
	if (in->op == INSN_ADD && in->a == in->b && list_extend(&r[in->a], *OPERAND(in->c)))
		DISPATCH();
	TRY(operate((enum opcode)in->op, *OPERAND(in->b), *OPERAND(in->c), &out, error));
run_NEGATE:
	TRY(negate(*OPERAND(in->b), &out, error));
run_NOT:
	out = *OPERAND(in->b);
	value_put(&r[in->a], out.tag == VALUE_UNKNOWN ? value_unknown()
						      : value_mark(value_bool(!value_truthy(out)), out.flags & VALUE_SECRET));
	DISPATCH();
run_BOTH:
	value_put(&r[in->a], value_mark(both(r[in->b], r[in->c]), (r[in->b].flags | r[in->c].flags) & VALUE_SECRET));
	DISPATCH();
run_EITHER:
	value_put(&r[in->a], value_mark(either(r[in->b], r[in->c]), (r[in->b].flags | r[in->c].flags) & VALUE_SECRET));
	DISPATCH();

run_AS:
	TRY(unit_of(r[in->b], (enum unit)in->c, &out, error));
run_FIELD:
	TRY(field_of(r[in->b], *OPERAND(in->c), &out, error));
run_INDEX:
	TRY(index_of_value(r[in->b], *OPERAND(in->c), &out, error));
run_LIST:
	value_put(&r[in->a], list_of(r + in->b, in->c));
	DISPATCH();
run_RECORD:
	value_put(&r[in->a], record_of(&machine->program->shapes[in->c], r + in->b));
	DISPATCH();
run_RANGE:
	GO(make_range(fiber, *OPERAND(in->b), *OPERAND(in->c), &r[in->a]));
run_CONCAT:
	value_put(&r[in->a], concat(r + in->b, in->c));
	DISPATCH();
run_EMBED:
	GO(embed(fiber, in, r));
run_APPEND:
	append(&r[in->a], r[in->b]);
	DISPATCH();
run_MARK:
	GO(mark(fiber, &r[in->a]));

run_JUMP:
	pc = code + in->d;
	DISPATCH();
run_JUMP_TRUE:
	JUMP_IF(value_truthy(r[in->a]));
run_JUMP_FALSE:
	JUMP_IF(r[in->a].tag != VALUE_UNKNOWN && !value_truthy(r[in->a]));
run_JUMP_SET:
	JUMP_IF(r[in->a].tag != VALUE_NULL);
run_JUMP_UNKNOWN:
	JUMP_IF(r[in->a].tag == VALUE_UNKNOWN);

run_IF:
	if (unlikely(r[in->a].tag == VALUE_UNKNOWN))
		GO(choice_unknown(fiber, in));
	JUMP_IF(!value_truthy(r[in->a]));
run_ELSE:
	if (unlikely(explores))
		DO(choice_else(fiber, in));
	pc = code + in->d;
	DISPATCH();
run_BLUR:
	if (unlikely(explores)) {
		SAVE();
		if (choice_over(fiber))
			value_put(&r[in->a], value_unknown());
	}
	DISPATCH();
run_ENDIF:
	if (unlikely(explores))
		DO(choice_end(fiber));
	DISPATCH();

run_LOOP:
	if (unlikely(fiber->pending) && fiber_interrupted(fiber)) {
		SAVE();
		fiber_raise_now(fiber);
		if (!fiber_goes_on(fiber))
			return;
		RELOAD();
		DISPATCH();
	}
	pc = code + in->d;
	if (unlikely(++fiber->fuel >= TURN_FUEL))
		GO(take_turn(fiber));
	if (pc->op != INSN_NEXT)
		DISPATCH();
	in = pc++;
run_NEXT : {
	struct value *loop = &r[in->a];
	if (likely(loop[NEXT_LIST].kind == VALUE_RANGE && loop[NEXT_POSITION].kind == VALUE_INT)) {
		/* There was a first item: the range is not empty. */
		const struct value_range *range = loop[NEXT_LIST].range;
		uint64_t i = (uint64_t)loop[NEXT_POSITION].i;
		if (i > (uint64_t)range->to - (uint64_t)range->from) {
			pc = code + in->d;
			DISPATCH();
		}
		put_immediate(&loop[NEXT_ITEM], VALUE_INT, (int64_t)((uint64_t)range->from + i));
		loop[NEXT_POSITION].i = (int64_t)(i + 1);
		DISPATCH();
	}
	GO(next(fiber, loop, in));
}
run_WHILE : {
	struct value *loop = &r[in->a];
	if (likely(loop[WHILE_CONDITION].tag == VALUE_BOOL && loop[WHILE_CONDITION].b &&
		   loop[WHILE_ROUNDS].kind == VALUE_INT && loop[WHILE_MOST].kind == VALUE_INT &&
		   loop[WHILE_ROUNDS].i < loop[WHILE_MOST].i)) {
		loop[WHILE_ROUNDS].i++;
		DISPATCH();
	}
	GO(while_round(fiber, loop, in));
}

run_CALL: /* the arguments stand where the new frame begins */
	if (unlikely(fiber->depth >= DEPTH_MAX))
		GO(fiber_error(fiber, "calls are nested more than 1,000 deep"));
	SAVE();
	fiber_push_frame(fiber, &functions[in->c], frame->base + in->b, frame->base + in->a);
	RELOAD();
	if (unlikely(++fiber->fuel >= TURN_FUEL))
		GO(take_turn(fiber));
	DISPATCH();
run_LEAVE:
	if (unlikely(explores))
		DO(choice_leave(fiber));
	DISPATCH();
run_RETURN:
	if (unlikely(explores)) {
		SAVE();
		if (choice_leave(fiber)) {
			RELOAD();
			DISPATCH();
		}
	}
	{
		struct value *to = &fiber->registers[frame->answer];
		uint64_t head = r[in->a].head;
		int64_t i = r[in->a].i;
		r[in->a].head = VALUE_NULL; /* moved: the frame ends here */
		fiber_pop_frame(fiber);
		put_moved(to, head, i);
	}
	RELOAD();
	DISPATCH();
run_PURE:
	GO(pure_call(fiber, in, r));

structure:
	fiber->fuel += STRUCTURE_FUEL;
	GO(structure_run(fiber, in, r));
}
