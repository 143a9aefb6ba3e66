/*
 * choice.c - choices and loops that depend on what nobody knows: preview shows both arms, or the body once,
 * and blurs what they assign; a simulation has to be told. An arm is a region (REGION_ARM) of the fiber.
 */
#include "interp/machine_inside.h"

/* Where the other arm begins, and what stands behind both: see struct choice in compile.h. */
static void find_arms(const struct instruction *code, const struct instruction *in, struct region *region)
{
	bool other = code[in->d - 1].op == INSN_ELSE;
	uint32_t end = (uint32_t)(other ? code[in->d - 1].d : in->d) - 1;

	while (code[end - 1].op == INSN_BLUR)
		end--;
	region->end = end;
	region->pc = other ? (uint32_t)in->d : end;
}

bool choice_unknown(struct fiber *fiber, const struct instruction *in)
{
	if (!fiber->machine->driver->explores)
		return fiber_error(
		    fiber,
		    "this choice depends on a read that nobody answered: a test must say what is `given`");
	find_arms(fiber_frame(fiber)->function->code, in, fiber_push_region(fiber, REGION_ARM));
	tell(fiber->machine, EVENT_ARM, "", fiber, "if", value_null(), fiber_at(fiber));
	return true;
}

bool choice_inside(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);

	return region && region->kind == REGION_ARM && region->frame == fiber->depth - 1;
}

void choice_else(struct fiber *fiber, const struct instruction *in)
{
	struct region *region = fiber_region(fiber);
	uint32_t pc = fiber_frame(fiber)->pc;

	if (!choice_inside(fiber) || pc != (region->second ? region->end : region->pc)) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return;
	}
	if (region->second)
		return;
	region->second = true;
	tell(fiber->machine, EVENT_ARM, "", fiber, "otherwise", value_null(), fiber_at(fiber));
}

/* A return inside an arm that preview shows ends only that arm: the other one, and what follows, are shown as
 * well. */
bool choice_leave(struct fiber *fiber)
{
	uint32_t i = fiber->region_count;

	while (i > 0 && fiber->regions[i - 1].frame == fiber->depth - 1 &&
	       fiber->regions[i - 1].kind != REGION_ARM)
		i--;
	if (!i || fiber->regions[i - 1].kind != REGION_ARM || fiber->regions[i - 1].frame != fiber->depth - 1)
		return false;
	while (fiber->region_count > i)
		fiber_pop_region(fiber);
	struct region *region = fiber_region(fiber);
	fiber_frame(fiber)->pc = region->second ? region->end : region->pc;
	if (!region->second)
		tell(fiber->machine, EVENT_ARM, "", fiber, "otherwise", value_null(), fiber_at(fiber));
	region->second = true;
	if (!fiber->perhaps || fiber->perhaps > fiber->depth)
		fiber->perhaps = fiber->depth;
	return true;
}

bool choice_over(struct fiber *fiber)
{
	return choice_inside(fiber) && fiber_frame(fiber)->pc > fiber_region(fiber)->end;
}

void choice_end(struct fiber *fiber)
{
	if (!choice_over(fiber))
		return;
	tell(fiber->machine, EVENT_ARM, "", fiber, "end", value_null(), fiber_at(fiber));
	fiber_pop_region(fiber);
}

bool choice_round(struct fiber *fiber, const struct instruction *in, bool second, struct value *count,
		  struct value *item)
{
	if (!fiber->machine->driver->explores)
		return fiber_error(
		    fiber,
		    "this loop depends on a read that nobody answered: a test must say what is `given`");
	if (second) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return true;
	}
	struct region *region = fiber_push_region(fiber, REGION_ARM);
	region->pc = region->end = (uint32_t)in->d;
	region->second = true;
	tell(fiber->machine, EVENT_ARM, "", fiber, item ? "each" : "while", value_null(), fiber_at(fiber));
	*count = value_int(1);
	if (item)
		value_put(item, value_unknown());
	return true;
}
