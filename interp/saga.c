/*
 * saga.c - what has to be undone, and how.
 *
 * The tree mirrors the execution: a SEQUENCE's children ran one after another, a SIDE_BY_SIDE's children ran together,
 * a STEP holds what ran inside it and may have a handler of its own. A step's handler is armed before the first change
 * inside it starts. Unwinding walks the tree backwards: children newest first (side by side where they ran so), then
 * the step's own handler. After Garcia-Molina and Salem, "Sagas", SIGMOD 1987, with nesting and parallel branches.
 */
#include <stdlib.h>
#include <string.h>

#include "interp/machine_inside.h"

/* ---- the tree ---- */

struct saga *saga_new(enum saga_kind kind, struct saga *parent)
{
	struct saga *saga = memory_need(calloc(1, sizeof(*saga)));

	saga->kind = kind;
	saga->parent = parent;
	if (parent) {
		saga->previous = parent->last;
		if (parent->last)
			parent->last->next = saga;
		else
			parent->first = saga;
		parent->last = saga;
	}
	return saga;
}

static void unlink_saga(struct saga *saga)
{
	if (!saga->parent)
		return;
	if (saga->previous)
		saga->previous->next = saga->next;
	else
		saga->parent->first = saga->next;
	if (saga->next)
		saga->next->previous = saga->previous;
	else
		saga->parent->last = saga->previous;
}

void saga_free(struct saga *saga)
{
	if (!saga)
		return;
	while (saga->last)
		saga_free(saga->last);
	unlink_saga(saga);
	if (saga->kind == SAGA_PLAN)
		plan_run_free(saga->plan);
	for (uint32_t i = 0; saga->captured && i < saga->code->capture_count; i++)
		value_release(saga->captured[i]);
	free(saga->captured);
	value_release(saga->title);
	value_release(saga->reason);
	value_release(saga->within);
	free(saga->id);
	free(saga->keeper);
	free(saga);
}

static bool has_handler(const struct saga *saga)
{
	return saga->kind == SAGA_STEP && (saga->code->undo == UNDO_BLOCK || saga->code->undo == UNDO_RUNNING);
}

static bool is_armed(const struct saga *saga)
{
	return saga->kind == SAGA_STEP && saga->state == SAGA_ARMED && !saga->kept;
}

uint32_t saga_armed(const struct saga *saga)
{
	uint32_t count = is_armed(saga);

	for (const struct saga *child = saga->first; child; child = child->next)
		count += saga_armed(child);
	return count;
}

uint32_t saga_kept(const struct saga *saga)
{
	uint32_t count = saga->kind == SAGA_STEP && saga->state == SAGA_ARMED && saga->kept;

	for (const struct saga *child = saga->first; child; child = child->next)
		count += saga_kept(child);
	return count;
}

void saga_pass_checkpoints(struct saga *saga)
{
	saga->kept = false;
	for (struct saga *child = saga->first; child; child = child->next)
		saga_pass_checkpoints(child);
}

static const char *on_resume_around(const struct saga *saga)
{
	for (; saga; saga = saga->parent)
		if (saga->kind == SAGA_STEP && saga->code->on_resume)
			return saga->code->on_resume;
	return NULL;
}

/* A handler is part of its step; but what undoes is not undone in its turn. */
const char *saga_on_resume(const struct fiber *fiber)
{
	const char *says = on_resume_around(fiber->saga);

	if (says || !fiber->undoes)
		return says;
	says = on_resume_around(fiber->undoes);
	return says && strcmp(says, "rollback") == 0 ? NULL : says;
}

bool saga_holds(const struct saga *saga)
{
	if (saga->kind == SAGA_STEP && saga->state == SAGA_ARMED)
		return true;
	for (const struct saga *child = saga->first; child; child = child->next)
		if (saga_holds(child))
			return true;
	return false;
}

/* ---- arming ---- */

static struct saga *enclosing_step(struct saga *saga)
{
	while (saga && (saga->kind != SAGA_STEP || saga->code->handler_step))
		saga = saga->parent;
	return saga;
}

static bool wants_arming(const struct saga *step)
{
	return has_handler(step) &&
	       (step->state == SAGA_IDLE || step->state == SAGA_PROVING || (step->state == SAGA_ARMED && step->kept));
}

/* The outermost enclosing step that is not armed yet. */
static struct saga *next_to_arm(struct saga *from)
{
	struct saga *found = NULL;

	for (struct saga *step = enclosing_step(from); step; step = enclosing_step(step->parent))
		if (wants_arming(step))
			found = step;
	return found;
}

static void arm(struct fiber *fiber, struct saga *step)
{
	step->state = SAGA_ARMED;
	step->kept = false;
	tell(fiber->machine, EVENT_STEP_ARMED, step->id, fiber, value_text_peek(step->title), value_null(),
	     step->code->span);
}

void saga_wake(struct saga *step)
{
	struct fiber *next;

	for (struct fiber *fiber = step->waiting; fiber; fiber = next) {
		next = fiber->next_waiting;
		fiber->awaited = NULL;
		fiber_ready(fiber);
	}
	step->waiting = NULL;
}

void saga_forget(struct fiber *fiber)
{
	struct fiber **at = fiber->awaited ? &fiber->awaited->waiting : NULL;

	while (at && *at != fiber)
		at = &(*at)->next_waiting;
	if (at)
		*at = fiber->next_waiting;
	fiber->awaited = NULL;
}

/* The way back could not be proved: a guard, whatever went wrong with it. */
static struct failure *no_way_back(struct saga *step, struct failure *failure)
{
	char *text = text_printf("there is no way back for \"%s\": %s", value_text_peek(step->title),
				 value_text_peek(failure->message));

	if (failure_catchable(failure))
		failure->kind = FAILURE_GUARD;
	struct value message = value_mark(value_string(text), failure->message.flags);
	value_release(failure->message);
	failure->message = message;
	free(text);
	return failure;
}

static void proved(struct fiber *prover, struct failure *failure, void *context)
{
	struct fiber *fiber = prover->proves_for;
	struct saga *step = prover->proves;

	(void)context;
	fiber->proof = NULL;
	if (failure) {
		step->state = SAGA_IDLE;
		if (fiber->pending)
			failure_free(failure);
		else
			fiber->raising = no_way_back(step, failure);
	} else {
		arm(fiber, step);
	}
	saga_wake(step);
	fiber_ready(fiber);
}

/* Values that a handler names, taken from the frame of its step as they are now. */
static struct value *capture(struct fiber *owner, uint32_t base, const struct capture *captures, uint32_t count)
{
	struct value *values = memory_need(calloc(count ? count : 1, sizeof(*values)));

	for (uint32_t i = 0; i < count; i++)
		values[i] = value_copy(owner->registers[base + captures[i].slot]);
	return values;
}

static void release_values(struct value *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		value_release(values[i]);
	free(values);
}

/* The `require`s at the top of the rollback, tried before the way forward is taken. */
static void start_proof(struct fiber *fiber, struct saga *step)
{
	const struct step_code *code = step->code;
	struct value *values = capture(step->fiber, step->base, code->captures, code->capture_count);
	char *path = text_numbered(fiber->path, '!', ++fiber->spawned);

	step->state = SAGA_PROVING;
	fiber->proof = handler_fiber(step->plan, path, step->function, code->proof, code->captures,
				     code->capture_count, values);
	fiber->proof->step = step;
	fiber->proof->ended = proved;
	fiber->proof->proves = step;
	fiber->proof->proves_for = fiber;
	fiber->waiting = WAITING_PROOF;
	release_values(values, code->capture_count);
	free(path);
}

enum arming saga_arm(struct fiber *fiber)
{
	struct saga *step;

	if (fiber_closing(fiber))
		return ARMING_DONE;
	while ((step = next_to_arm(fiber->saga))) {
		if (step->state == SAGA_PROVING) {
			fiber->next_waiting = step->waiting;
			step->waiting = fiber;
			fiber->awaited = step;
			fiber->waiting = WAITING_ARMED;
			return ARMING_WAITS;
		}
		if (step->code->proof != NOWHERE && step->state == SAGA_IDLE && !fiber->machine->driver->explores) {
			start_proof(fiber, step);
			return ARMING_WAITS;
		}
		arm(fiber, step);
	}
	for (step = enclosing_step(fiber->saga); step; step = enclosing_step(step->parent))
		step->changed = true;
	return ARMING_DONE;
}

/* A change whose outcome nobody knows: its handler must tolerate both; where there is none, a person has to look. */
void saga_note_unknown(struct fiber *fiber, const char *what)
{
	struct machine *machine = fiber->machine;

	if (fiber->handler) /* it fails, and is told as such */
		return;
	for (struct saga *step = enclosing_step(fiber->saga); step; step = enclosing_step(step->parent)) {
		if (step->code->undo == UNDO_NONE)
			break;
		if (step->state == SAGA_ARMED)
			return;
	}
	machine->in_doubt = true;
	struct value entry = record_new(2);
	record_set(&entry, "title", value_copy(title_of(fiber->step)));
	char *text = text_printf("may or may not have happened: %s", what);
	record_set(&entry, "message", value_string(text));
	free(text);
	list_push(&machine->by_hand, entry);
}

/* ---- the end of a step ---- */

static void put_on_record(struct fiber *fiber, struct saga *step)
{
	const struct step_code *code = step->code;
	struct value data = record_new(code->capture_count);

	step->captured = capture(fiber, step->base, code->captures, code->capture_count);
	for (uint32_t i = 0; i < code->capture_count; i++)
		record_set(&data, code->captures[i].name, value_copy(step->captured[i]));
	tell(fiber->machine, EVENT_STEP_RECORDED, step->id, fiber, value_text_peek(step->title), data, code->span);
}

static void note_stays(struct machine *machine, const struct saga *step, const char *why)
{
	struct value entry = record_new(3);

	record_set(&entry, "title", value_copy(title_of(step)));
	record_set(&entry, "why", value_string(why));
	list_push(&machine->stays, entry);
}

/* Takes out what can never be undone any more, so that a long run's tree holds only what matters. */
static void prune(struct saga *step)
{
	if (!step->first && step->state != SAGA_ARMED && step->kind == SAGA_STEP)
		saga_free(step);
}

static void tell_step_ended(struct fiber *fiber, struct saga *step, const struct failure *failure)
{
	struct region *region = fiber_region(fiber);
	struct value data = record_new(3);

	record_set(&data, "outcome",
		   value_string(region->skipped		       ? "skipped"
				: !failure		       ? "done"
				: failure_catchable(failure) ? "failed"
							       : "cancelled"));
	record_set(&data, "message", failure ? value_copy(failure->message) : value_null());
	record_set(&data, "elapsed", value_duration(fiber->machine->now - region->started));
	tell(fiber->machine, EVENT_STEP_ENDED, step->id, fiber, value_text_peek(step->title), data, step->code->span);
}

void saga_step_ended(struct fiber *fiber, struct saga *step, const struct failure *failure)
{
	struct machine *machine = fiber->machine;

	if (!step->code->handler_step) {
		if (step->state == SAGA_ARMED)
			put_on_record(fiber, step);
		if (!failure && step->state == SAGA_ARMED && step->code->undo == UNDO_RUNNING) {
			step->state = SAGA_DROPPED;
			tell(machine, EVENT_STEP_DROPPED, step->id, fiber, "ended well", value_null(), step->code->span);
		}
		if (step->code->undo == UNDO_NONE && step->changed)
			note_stays(machine, step, value_text_peek(step->reason));
		tell_step_ended(fiber, step, failure);
	}
	step->fiber = NULL;
	/* The region that points to it is popped next and does not look at it. */
	fiber_region(fiber)->saga = NULL;
	prune(step);
}

/* ---- checkpoint, commit, defer ---- */

/* What a checkpoint keeps is still armed: a commit drops it, a further checkpoint has nothing to do with it. */
static uint32_t for_each_armed(struct saga *saga, bool kept_too, void (*act)(struct saga *step, void *context),
			       void *context)
{
	uint32_t count = 0;

	if (is_armed(saga) || (kept_too && saga->kind == SAGA_STEP && saga->state == SAGA_ARMED)) {
		act(saga, context);
		count++;
	}
	for (struct saga *child = saga->first; child; child = child->next)
		count += for_each_armed(child, kept_too, act, context);
	return count;
}

struct keeping {
	struct fiber *fiber;
	const char *text;
};

static void keep(struct saga *step, void *context)
{
	struct keeping *keeping = context;

	step->kept = true;
	free(step->keeper);
	step->keeper = memory_need(strdup(keeping->text));
	tell(keeping->fiber->machine, EVENT_STEP_KEPT, step->id, keeping->fiber, keeping->text, value_null(),
	     step->code->span);
}

static void drop(struct saga *step, void *context)
{
	struct keeping *keeping = context;

	step->state = SAGA_DROPPED;
	note_stays(keeping->fiber->machine, step, keeping->text);
	tell(keeping->fiber->machine, EVENT_STEP_DROPPED, step->id, keeping->fiber, keeping->text, value_null(),
	     step->code->span);
}

/* The set that checkpoint and commit are about: the enclosing step's subtree; outside of any step, the plan's. */
static struct saga *scope_of(struct fiber *fiber)
{
	return fiber->step ? fiber->step : fiber->plan->node;
}

void saga_checkpoint(struct fiber *fiber, const char *text)
{
	struct keeping keeping = { fiber, text };
	uint32_t kept = for_each_armed(scope_of(fiber), false, keep, &keeping);

	tell(fiber->machine, EVENT_CHECKPOINT, fiber->step ? fiber->step->id : "", fiber, text, value_int(kept),
	     fiber_at(fiber));
}

void saga_commit(struct fiber *fiber, const char *text)
{
	struct keeping keeping = { fiber, text };
	uint32_t dropped = for_each_armed(scope_of(fiber), true, drop, &keeping);

	tell(fiber->machine, EVENT_COMMIT, fiber->step ? fiber->step->id : "", fiber, text, value_int(dropped),
	     fiber_at(fiber));
}

static bool same_values(const struct value *some, const struct value *others, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!value_equal(some[i], others[i]))
			return false;
	return true;
}

/* Equal values have equal hashes; lists and records are told apart by their length only. */
static uint64_t hash_of(struct value v)
{
	uint64_t hash = value_length(v);
	double number;

	if (v.tag == VALUE_STRING)
		for (size_t i = 0; i < v.string->length; i++)
			hash = (hash ^ (unsigned char)v.string->bytes[i]) * UINT64_C(1099511628211); /* FNV-1a */
	else if (value_as_double(v, &number)) {
		number += 0.0; /* no -0 */
		memcpy(&hash, &number, sizeof(hash));
	}
	return hash;
}

/* Where the deferred blocks of a statement and its owner are, newest first; with `values` those of the same values. */
static struct deferred **defer_slot(struct machine *machine, const struct defer_code *code, const char *owner,
				    const struct value *values)
{
	uint64_t hash = code->handler;

	for (; *owner; owner++)
		hash = (hash ^ (unsigned char)*owner) * UINT64_C(1099511628211);
	for (uint32_t i = 0; values && i < code->capture_count; i++)
		hash = (hash ^ hash_of(values[i])) * UINT64_C(1099511628211);
	hash ^= hash >> 32; /* a small number stands in the upper bits of a double */
	/* Knuth, The Art of Computer Programming 3, 6.4: the upper bits of a product depend on all below. */
	return &machine->defer_slots[!!values][hash * UINT64_C(11400714819323198485) >> (64 - DEFER_BITS)];
}

static bool is_of(const struct deferred *deferred, const struct defer_code *code, const char *owner)
{
	return deferred->code == code && !strcmp(deferred->owner, owner);
}

static bool is_deferred(struct machine *machine, const struct defer_code *code, const char *owner,
			const struct value *values)
{
	const struct deferred *known = *defer_slot(machine, code, owner, values);

	while (known && !(is_of(known, code, owner) && same_values(known->captured, values, code->capture_count)))
		known = known->next_same;
	return known;
}

static void defer_push(struct plan_run *plan, struct deferred *deferred)
{
	struct machine *machine = plan->machine;
	struct deferred **same = defer_slot(machine, deferred->code, deferred->owner, deferred->captured);
	struct deferred **of_owner = defer_slot(machine, deferred->code, deferred->owner, NULL);
	const struct deferred *before = *of_owner;

	while (before && !is_of(before, deferred->code, deferred->owner))
		before = before->next_of_owner;
	deferred->number = before ? before->number + 1 : 1;
	deferred->next_same = *same;
	*same = deferred;
	deferred->next_of_owner = *of_owner;
	*of_owner = deferred;
	deferred->next = plan->deferred;
	plan->deferred = deferred;
	machine->deferrals++;
}

/* The newest of its plan: what is newer in its slots, if anything, is another plan's. */
struct deferred *saga_take_deferred(struct plan_run *plan)
{
	struct deferred *deferred = plan->deferred;
	struct deferred **at = defer_slot(plan->machine, deferred->code, deferred->owner, deferred->captured);

	while (*at != deferred)
		at = &(*at)->next_same;
	*at = deferred->next_same;
	at = defer_slot(plan->machine, deferred->code, deferred->owner, NULL);
	while (*at != deferred)
		at = &(*at)->next_of_owner;
	*at = deferred->next_of_owner;
	plan->deferred = deferred->next;
	return deferred;
}

void deferred_free(struct deferred *deferred)
{
	for (uint32_t i = 0; i < deferred->code->capture_count; i++)
		value_release(deferred->captured[i]);
	free(deferred->captured);
	value_release(deferred->title);
	free(deferred->id);
	free(deferred->owner);
	free(deferred);
}

/*
 * Armed when reached, with the values it names as they are then; once per step and values, however often the step is
 * tried. A second call of a task, or a second round of a loop, has values of its own and is armed as well.
 */
void saga_defer(struct fiber *fiber, uint32_t number)
{
	struct machine *machine = fiber->machine;
	const struct defer_code *code = &machine->program->defers[number];
	const char *owner = fiber->step ? fiber->step->id : fiber->path;
	struct value *captured = capture(fiber, fiber_frame(fiber)->base, code->captures, code->capture_count);

	if (is_deferred(machine, code, owner, captured)) {
		release_values(captured, code->capture_count);
		return;
	}
	struct deferred *deferred = memory_need(calloc(1, sizeof(*deferred)));
	deferred->code = code;
	deferred->function = (uint32_t)(fiber_frame(fiber)->function - machine->program->functions);
	deferred->captured = captured;
	deferred->owner = memory_need(strdup(owner));
	deferred->title = value_copy(title_of(fiber->step));
	defer_push(fiber->plan, deferred);
	deferred->id = deferred->number > 1 ? text_printf("d:%s#%u.%u", owner, number, deferred->number)
					    : text_printf("d:%s#%u", owner, number);
	struct value data = record_new(code->capture_count);
	for (uint32_t i = 0; i < code->capture_count; i++)
		record_set(&data, code->captures[i].name, value_copy(captured[i]));
	tell(machine, EVENT_DEFER_ARMED, deferred->id, fiber, value_text_peek(deferred->title), data, code->span);
}

/* ---- handlers ---- */

struct fiber *handler_fiber(struct plan_run *plan, const char *path, uint32_t function, uint32_t pc,
			    const struct capture *captures, uint32_t count, const struct value *values)
{
	struct fiber *fiber = fiber_new(plan, path, &plan->machine->program->functions[function], pc);

	fiber->handler = true;
	for (uint32_t i = 0; i < count; i++) {
		value_release(fiber->registers[captures[i].slot]);
		fiber->registers[captures[i].slot] = value_copy(values[i]);
	}
	fiber_ready(fiber);
	return fiber;
}

/* ---- unwinding ---- */

struct task { /* one node being unwound */
	struct saga *saga, *cursor; /* the next child */
	struct task *parent;
	struct unwinding *unwinding;
	struct task *next_running, *previous_running; /* of the handlers that run */
	struct task *next, *previous;		      /* of all tasks */
	struct fiber *fiber; /* its handler */
	struct timer timer;
	int64_t started;
	uint32_t running;
	bool advancing;
};

struct unwinding {
	struct machine *machine;
	void (*done)(struct machine *machine, const struct unwound *result, void *context);
	void *context;
	struct task *handlers; /* running ones */
	struct task *tasks;    /* all */
	struct unwinding *next; /* of the machine's */
	struct value why;	/* the failure, as plans see it */
	struct unwound result;
	bool cut;
};

static void advance(struct task *task);

static void task_start(struct unwinding *unwinding, struct saga *saga, struct task *parent)
{
	struct task *task = memory_need(calloc(1, sizeof(*task)));

	task->unwinding = unwinding;
	task->saga = saga;
	task->cursor = saga->last;
	task->parent = parent;
	task->next = unwinding->tasks;
	if (task->next)
		task->next->previous = task;
	unwinding->tasks = task;
	advance(task);
}

static void task_finish(struct task *task)
{
	struct unwinding *unwinding = task->unwinding;
	struct task *parent = task->parent;

	*(task->previous ? &task->previous->next : &unwinding->tasks) = task->next;
	if (task->next)
		task->next->previous = task->previous;
	free(task);
	if (parent) {
		parent->running--;
		advance(parent);
		return;
	}
	struct unwinding **link = &unwinding->machine->unwindings;
	while (*link != unwinding)
		link = &(*link)->next;
	*link = unwinding->next;
	unwinding->done(unwinding->machine, &unwinding->result, unwinding->context);
	value_release(unwinding->why);
	free(unwinding);
}

void unwindings_free(struct machine *machine)
{
	while (machine->unwindings) {
		struct unwinding *unwinding = machine->unwindings;
		machine->unwindings = unwinding->next;
		while (unwinding->tasks) {
			struct task *task = unwinding->tasks;
			unwinding->tasks = task->next;
			timer_stop(machine, &task->timer);
			free(task);
		}
		value_release(unwinding->why);
		free(unwinding);
	}
}

static void note_by_hand(struct machine *machine, const struct saga *step, const char *message)
{
	struct value entry = record_new(2);

	record_set(&entry, "title", value_copy(title_of(step)));
	record_set(&entry, "message", value_string(message));
	list_push(&machine->by_hand, entry);
}

static void link_running(struct task *task)
{
	task->next_running = task->unwinding->handlers;
	if (task->next_running)
		task->next_running->previous_running = task;
	task->unwinding->handlers = task;
}

static void unlink_running(struct task *task)
{
	struct unwinding *unwinding = task->unwinding;

	*(task->previous_running ? &task->previous_running->next_running : &unwinding->handlers) = task->next_running;
	if (task->next_running)
		task->next_running->previous_running = task->previous_running;
}

static void tell_handler(struct task *task, const struct failure *failure, const char *why)
{
	struct machine *machine = task->unwinding->machine;
	struct saga *step = task->saga;
	struct value data = handler_end("rollback", failure);
	char *id = text_printf("r:%s", step->id);

	if (why) { /* it was not even begun */
		record_set(&data, "outcome", value_string("failed"));
		record_set(&data, "message", value_string(why));
	}
	record_set(&data, "elapsed", value_duration(machine->now - task->started));
	tell_plan(step->plan, EVENT_HANDLER_ENDED, id, value_text_peek(step->title), data, step->code->span);
	free(id);
}

static void handler_ended(struct fiber *fiber, struct failure *failure, void *context)
{
	struct task *task = context;
	struct machine *machine = task->unwinding->machine;

	(void)fiber;
	timer_stop(machine, &task->timer);
	unlink_running(task);
	tell_handler(task, failure, NULL);
	if (failure) {
		task->saga->state = SAGA_BROKEN;
		task->unwinding->result.failed++;
		note_by_hand(machine, task->saga, value_text_peek(failure->message));
		failure_free(failure);
	} else {
		task->saga->state = SAGA_UNDONE;
		task->unwinding->result.done++;
		list_push(&machine->undone, value_copy(title_of(task->saga)));
	}
	task_finish(task);
}

static void handler_late(struct machine *machine, void *context)
{
	struct task *task = context;
	char text[48];

	(void)machine;
	fiber_interrupt(task->fiber, failure_new(task->fiber, FAILURE_PLAN_TIMEOUT, "the rollback timed out after %s",
						 duration_text(task->saga->within.i, text)));
}

static void not_run(struct task *task, const char *why)
{
	task->saga->state = SAGA_BROKEN;
	task->unwinding->result.failed++;
	tell_handler(task, NULL, why);
	note_by_hand(task->unwinding->machine, task->saga, why);
}

static void run_handler(struct task *task)
{
	struct machine *machine = task->unwinding->machine;
	struct saga *step = task->saga;
	const struct step_code *code = step->code;
	char *id = text_printf("r:%s", step->id);
	struct value data = record_new(1);

	task->started = machine->now;
	if (task->unwinding->cut) {
		not_run(task, "not run: the time for the whole rollback was over");
		free(id);
		value_release(data);
		task_finish(task);
		return;
	}
	record_set(&data, "kind", value_string("rollback"));
	if (step->within.tag == VALUE_DURATION)
		record_set(&data, "timeout", value_copy(step->within));
	tell_plan(step->plan, EVENT_HANDLER_STARTED, id, value_text_peek(step->title), data, code->span);
	task->fiber = handler_fiber(step->plan, id, step->function, code->handler, code->captures, code->capture_count,
				    step->captured);
	task->fiber->undoes = step;
	task->fiber->ended = handler_ended;
	task->fiber->context = task;
	link_running(task);
	task->fiber->bound = &task->timer;
	if (step->within.tag == VALUE_DURATION)
		timer_start(machine, &task->timer, later(machine, step->within.i), handler_late, task);
	free(id);
}

static void on_rollback_ended(struct fiber *fiber, struct failure *failure, void *context)
{
	struct task *task = context;

	unlink_running(task);
	plan_handler_ended(fiber, "on rollback", failure);
	task_finish(task);
}

/* A child plan is undone as one: its handlers, then what it says to that. At its own end it does so itself. */
static bool tells_rollback(const struct task *task)
{
	return task->saga->kind == SAGA_PLAN && task->parent && !task->unwinding->cut &&
	       task->saga->plan->code->handlers.on_rollback != NOWHERE;
}

static void tell_rollback(struct task *task)
{
	struct plan_run *plan = task->saga->plan;

	value_put(&plan->failure_value, value_copy(task->unwinding->why));
	task->fiber = plan_handler(plan, plan->code->handlers.on_rollback, "on rollback");
	task->fiber->ended = on_rollback_ended;
	task->fiber->context = task;
	link_running(task);
}

/*
 * Starts the next children that have something to undo; when none are left, the node's own handler; then finishes. A
 * child that finishes at once calls this again for its parent, which is then still in the loop and needs nothing more.
 */
static void advance(struct task *task)
{
	uint32_t most = task->saga->kind != SAGA_SIDE_BY_SIDE ? 1 : task->saga->bound ? task->saga->bound : UINT32_MAX;

	if (task->advancing)
		return;
	task->advancing = true;
	while (task->cursor && task->running < most) {
		struct saga *child = task->cursor;
		task->cursor = child->previous;
		if (!saga_armed(child))
			continue;
		task->running++;
		task_start(task->unwinding, child, task);
	}
	task->advancing = false;
	if (task->running)
		return;
	if (is_armed(task->saga))
		run_handler(task);
	else if (tells_rollback(task))
		tell_rollback(task);
	else
		task_finish(task);
}

struct unwinding *saga_unwind(struct machine *machine, struct saga *root, const struct failure *why,
			      void (*done)(struct machine *machine, const struct unwound *result, void *context),
			      void *context)
{
	struct unwinding *unwinding = memory_need(calloc(1, sizeof(*unwinding)));
	uint32_t armed = saga_armed(root);

	*unwinding = (struct unwinding){ .machine = machine, .done = done, .context = context };
	if (!armed) {
		free(unwinding);
		done(machine, &(struct unwound){ 0 }, context);
		return NULL;
	}
	unwinding->why = failure_record(why);
	unwinding->next = machine->unwindings;
	machine->unwindings = unwinding;
	if (root->kind == SAGA_PLAN)
		tell_plan(root->plan, EVENT_UNWINDING, root->id ? root->id : "", "", value_int(armed), (struct span){ 0 });
	else
		tell(machine, EVENT_UNWINDING, "", NULL, "in a `try`", value_int(armed), (struct span){ 0 });
	task_start(unwinding, root, NULL);
	return unwinding;
}

void unwinding_cut(struct unwinding *unwinding, const char *why)
{
	unwinding->cut = true;
	for (struct task *task = unwinding->handlers, *next; task; task = next) {
		next = task->next_running;
		fiber_interrupt(task->fiber, failure_new(task->fiber, FAILURE_PLAN_TIMEOUT, "%s", why));
	}
}
