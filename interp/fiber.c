/* fiber.c - fibers, their frames and regions, groups of children, interruption. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/machine_inside.h"

char *text_printf(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	int length = vasprintf(&text, format, args);
	va_end(args);
	return memory_need(length < 0 ? NULL : text);
}

char *text_numbered(const char *path, char mark, uint32_t number)
{
	size_t length = strlen(path), digits = 1;
	char *text;

	for (uint32_t rest = number; rest >= 10; rest /= 10)
		digits++;
	text = memory_need(malloc(length + digits + 2));
	memcpy(text, path, length);
	text[length] = mark;
	text[length + digits + 1] = '\0';
	for (; digits; digits--, number /= 10)
		text[length + digits] = (char)('0' + number % 10);
	return text;
}

static void *grown(void *items, uint32_t wanted, uint32_t *room, size_t size)
{
	if (wanted <= *room)
		return items;
	while (*room < wanted)
		*room = *room ? *room * 2 : 8;
	return memory_need(realloc(items, *room * size));
}

/* ---- frames ---- */

void fiber_make_room(struct fiber *fiber, uint32_t registers)
{
	uint32_t room = fiber->room;

	fiber->registers = grown(fiber->registers, registers, &fiber->room, sizeof(*fiber->registers));
	if (fiber->room > room)
		memset(fiber->registers + room, 0, (fiber->room - room) * sizeof(*fiber->registers));
	fiber->frames = grown(fiber->frames, fiber->depth + 1, &fiber->frame_room, sizeof(*fiber->frames));
}

/* ---- regions ---- */

int64_t later(const struct machine *machine, int64_t after)
{
	int64_t at;

	return __builtin_add_overflow(machine->now, after, &at) ? INT64_MAX : at;
}

struct alarm { /* context of a region's timer */
	struct fiber *fiber;
	uint64_t serial;
	int64_t after;
};

static void region_expired(struct machine *machine, void *context)
{
	struct alarm *alarm = context;
	char text[48];

	(void)machine;
	struct failure *failure = failure_new(alarm->fiber, FAILURE_TIMEOUT, "timed out after %s",
					      duration_text(alarm->after, text));
	failure->target = alarm->serial;
	fiber_interrupt(alarm->fiber, failure);
}

void fiber_limit_region(struct fiber *fiber, struct region *region, int64_t after)
{
	struct alarm *alarm = memory_need(calloc(1, sizeof(*alarm)));

	*alarm = (struct alarm){ fiber, region->serial, after };
	region->deadline = later(fiber->machine, after);
	region->timer = memory_need(calloc(1, sizeof(*region->timer)));
	timer_start(fiber->machine, region->timer, region->deadline, region_expired, alarm);
}

struct region *fiber_push_region(struct fiber *fiber, enum region_kind kind)
{
	fiber->regions = grown(fiber->regions, fiber->region_count + 1, &fiber->region_room, sizeof(*fiber->regions));
	struct region *region = &fiber->regions[fiber->region_count++];
	*region = (struct region){
		.kind = kind,
		.serial = ++fiber->machine->serials,
		.frame = fiber->depth - 1,
		.started = fiber->machine->now,
		.saga = NULL,
		.outer = fiber->saga,
		.step = fiber->step,
		.attempt = fiber->attempt,
	};
	return region;
}

static void region_timer_free(struct machine *machine, struct region *region)
{
	if (!region->timer)
		return;
	timer_stop(machine, region->timer);
	free(region->timer->context);
	free(region->timer);
	region->timer = NULL;
}

void fiber_pop_region(struct fiber *fiber)
{
	struct region *region = &fiber->regions[fiber->region_count - 1];

	region_timer_free(fiber->machine, region);
	if (fiber->pending && fiber->pending->target == region->serial) {
		failure_free(fiber->pending); /* an alarm of what has ended */
		fiber->pending = NULL;
	}
	failure_free(region->failure);
	free(region->id);
	if (region->verify) {
		value_release(region->verify->failed);
		free(region->verify);
	}
	if (region->group)
		group_free(region->group);
	fiber->saga = region->outer;
	fiber->step = region->step;
	fiber->attempt = region->attempt;
	fiber->region_count--;
}

/* ---- life ---- */

static void unlink_child(struct group *group, struct fiber *child)
{
	if (child->previous)
		child->previous->next = child->next;
	else
		group->children = child->next;
	if (child->next)
		child->next->previous = child->previous;
}

struct fiber *fiber_new(struct plan_run *plan, const char *path, const struct function *function, uint32_t pc)
{
	struct machine *machine = plan->machine;
	struct fiber *fiber = memory_need(calloc(1, sizeof(*fiber)));

	fiber->machine = machine;
	fiber->plan = plan;
	fiber->path = memory_need(strdup(path));
	fiber->attempt = 1;
	fiber->saga = plan->node;
	fiber->step = plan->outer ? plan->node : NULL;
	fiber->all_next = machine->fibers;
	if (fiber->all_next)
		fiber->all_next->all_previous = fiber;
	machine->fibers = fiber;
	fiber_push_frame(fiber, function, 0, 0);
	fiber->frames[0].pc = pc;
	return fiber;
}

void fiber_free(struct fiber *fiber)
{
	if (!fiber)
		return;
	if (fiber->all_previous)
		fiber->all_previous->all_next = fiber->all_next;
	else
		fiber->machine->fibers = fiber->all_next;
	if (fiber->all_next)
		fiber->all_next->all_previous = fiber->all_previous;
	if (fiber->group)
		unlink_child(fiber->group, fiber);
	if (fiber->plan->root == fiber)
		fiber->plan->root = NULL;
	timer_stop(fiber->machine, &fiber->timer);
	while (fiber->region_count)
		fiber_pop_region(fiber);
	while (fiber->depth)
		fiber_pop_frame(fiber);
	failure_free(fiber->pending);
	failure_free(fiber->raising);
	failure_free(fiber->undecided);
	failure_free(fiber->caught);
	sampler_free(fiber->sampler);
	free(fiber->trace);
	free(fiber->registers);
	free(fiber->frames);
	free(fiber->regions);
	free(fiber->path);
	free(fiber);
}

void fiber_ready(struct fiber *fiber)
{
	struct machine *machine = fiber->machine;

	if (fiber->queued || fiber->waiting == WAITING_ENDED)
		return;
	fiber->queued = true;
	fiber->waiting = WAITING_NOT;
	fiber->next_ready = NULL;
	if (machine->ready_last)
		machine->ready_last->next_ready = fiber;
	else
		machine->ready_first = fiber;
	machine->ready_last = fiber;
}

void fiber_end(struct fiber *fiber, struct failure *failure)
{
	fiber->waiting = WAITING_ENDED;
	failure_free(fiber->pending);
	fiber->pending = NULL;
	fiber->ended(fiber, failure, fiber->context);
}

struct span fiber_at(const struct fiber *fiber)
{
	const struct frame *frame = &fiber->frames[fiber->depth ? fiber->depth - 1 : 0];
	uint32_t pc = frame->pc ? frame->pc - 1 : 0;

	return fiber->depth && frame->function->count ? frame->function->spans[pc] : (struct span){ 0 };
}

static void wake_sleeper(struct machine *machine, void *context)
{
	(void)machine;
	fiber_ready(context);
}

void fiber_sleep(struct fiber *fiber, int64_t deadline)
{
	fiber->waiting = WAITING_TIME;
	fiber->by_clock = false;
	timer_start(fiber->machine, &fiber->timer, deadline, wake_sleeper, fiber);
}

/* ---- interruption ---- */

/* Which of two interruptions counts: an abort above all, then the one meant for the outermost region. */
static bool outranks(const struct failure *new, const struct failure *old)
{
	if (!old)
		return true;
	if (failure_catchable(new) != failure_catchable(old))
		return !failure_catchable(new);
	if (!failure_catchable(new))
		return new->kind > old->kind;
	return new->target < old->target;
}

static void stop_waiting_for_proof(struct fiber *fiber)
{
	struct failure *cancel = failure_new(fiber, FAILURE_CANCELLED, "the step that needs this proof was cancelled");

	fiber_interrupt(fiber->proof, cancel);
}

static void nudge(struct fiber *fiber)
{
	struct region *region;

	switch (fiber->waiting) {
	case WAITING_EFFECT:
		if (!fiber->effect->cancelled) {
			fiber->effect->cancelled = true;
			tell(fiber->machine, EVENT_CANCELLED, fiber->effect->id, fiber,
			     value_text_peek(fiber->pending->message), value_null(), fiber->pending->at);
			effects_begin(fiber->machine);
			fiber->machine->driver->ops->cancel(fiber->machine->driver, fiber->effect->id);
		}
		break;
	case WAITING_TIME:
		timer_stop(fiber->machine, &fiber->timer);
		fiber_ready(fiber);
		break;
	case WAITING_GROUP:
		for (uint32_t i = fiber->region_count; i-- > 0;) {
			region = &fiber->regions[i];
			if (region->group) {
				group_cancel(region->group, value_text_peek(fiber->pending->message));
				break;
			}
		}
		break;
	case WAITING_PROOF:
		stop_waiting_for_proof(fiber);
		break;
	case WAITING_PARKED:
		fiber_ready(fiber);
		break;
	case WAITING_ARMED:
		saga_forget(fiber);
		fiber_ready(fiber); /* looks at what it waited for, and finds the interruption first */
		break;
	case WAITING_NOT:
	case WAITING_UNWIND:
	case WAITING_ENDED:
		break;
	}
}

void fiber_interrupt(struct fiber *fiber, struct failure *failure)
{
	if (fiber->waiting == WAITING_ENDED || !outranks(failure, fiber->pending)) {
		failure_free(failure);
		return;
	}
	failure_free(fiber->pending);
	fiber->pending = failure;
	if (fiber_interrupted(fiber))
		nudge(fiber);
}

bool fiber_interrupted(const struct fiber *fiber)
{
	if (!fiber->pending)
		return false;
	for (uint32_t i = fiber->region_count; i-- > 0;)
		if (fiber->regions[i].shielded) /* what is meant for a region inside the clauses comes through */
			return fiber->pending->target > fiber->regions[i].serial;
	return true;
}

bool fiber_closing(const struct fiber *fiber)
{
	for (uint32_t i = 0; i < fiber->region_count; i++)
		if (fiber->regions[i].shielded)
			return true;
	return fiber->handler;
}

/* ---- groups ---- */

struct group *group_new(struct fiber *owner, uint32_t bound)
{
	struct group *group = memory_need(calloc(1, sizeof(*group)));

	group->owner = owner;
	group->bound = bound;
	return group;
}

/* Children that are still there (only when the machine itself is freed) go with it. */
void group_free(struct group *group)
{
	while (group->children)
		fiber_free(group->children);
	failure_free(group->failure);
	free(group);
}

void group_cancel(struct group *group, const char *why)
{
	const char *lead = "cancelled: "; /* of what a branch is told: its own branches are told the same */

	if (group->cancelled)
		return;
	if (!strncmp(why, lead, strlen(lead)))
		why += strlen(lead);
	group->cancelled = true;
	for (struct fiber *child = group->children, *next; child; child = next) {
		next = child->next;
		fiber_interrupt(child, failure_new(child, FAILURE_CANCELLED, "%s%s", lead, why));
	}
}

static void take_over(struct group *group, struct fiber *child)
{
	struct fiber *owner = group->owner;
	uint32_t base = owner->frames[owner->depth - 1].base;

	for (uint32_t i = 0; i < group->export_count; i++)
		if (group->exports[i].branch == child->branch) {
			struct value *to = &owner->registers[base + group->exports[i].slot];
			value_release(*to);
			*to = value_copy(child->registers[group->exports[i].slot]);
		}
}

static void child_failed(struct group *group, struct failure *failure)
{
	bool expected = group->cancelled && failure->kind == FAILURE_CANCELLED;

	if (group->watch && !expected && !group->cancelled) {
		failure->target = group->watch;
		fiber_interrupt(group->owner, failure);
		return;
	}
	if (group->failure || expected || group->watch) {
		failure_free(failure);
		return;
	}
	group->failure = failure;
	group_cancel(group, value_text_peek(failure->message));
}

void group_child_ended(struct fiber *child, struct failure *failure, void *context)
{
	struct group *group = context;

	unlink_child(group, child);
	group->running--;
	if (failure) {
		group->incomplete |= failure->incomplete;
		group->undone |= failure->undone;
	}
	if (failure)
		child_failed(group, failure);
	else
		take_over(group, child);
	if (group->owner->waiting == WAITING_GROUP)
		fiber_ready(group->owner);
	/* The child may still be on the C stack of fiber_run(): the loop frees what has ended. */
	child->group = NULL;
}

void group_tell(const struct group *group, struct failure *failure)
{
	failure->incomplete |= group->incomplete;
	failure->undone |= group->undone;
}

struct fiber *group_enter(struct group *group, struct fiber *parent, struct fiber *child)
{
	child->group = group;
	child->branch = group->started++;
	child->ended = group_child_ended;
	child->context = group;
	child->handler = fiber_closing(parent);
	child->attempt = parent->attempt;
	child->step = parent->step;
	child->undoes = parent->undoes;
	child->saga = parent->saga;
	if (group->saga)
		child->saga = saga_new(SAGA_SEQUENCE, group->saga);
	child->next = group->children;
	if (child->next)
		child->next->previous = child;
	group->children = child;
	group->running++;
	fiber_ready(child);
	return child;
}

struct fiber *group_spawn(struct group *group, struct fiber *parent, uint32_t pc)
{
	const struct frame *from = fiber_frame(parent);
	char *path = text_numbered(parent->path, '.', ++parent->spawned);
	struct fiber *child = fiber_new(parent->plan, path, from->function, pc);

	free(path);
	for (uint32_t i = 0; i < from->function->registers; i++)
		child->registers[i] = value_copy(parent->registers[from->base + i]);
	return group_enter(group, parent, child);
}

struct fiber *group_call(struct group *group, struct fiber *parent, const struct function *function,
			 const struct value *args, uint32_t count)
{
	char *path = text_numbered(parent->path, '.', ++parent->spawned);
	struct fiber *child = fiber_new(parent->plan, path, function, 0);

	free(path);
	for (uint32_t i = 0; i < count; i++)
		child->registers[i] = value_copy(args[i]);
	return group_enter(group, parent, child);
}
