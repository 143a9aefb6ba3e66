/* machine.c - the loop: run what can run, take one delivery, and so on; timers; effects under way. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "interp/check.h"
#include "interp/drivers.h"
#include "interp/machine_inside.h"

/* ---- telling ---- */

static void tell_of(struct machine *machine, enum event_kind kind, const char *id, const struct saga *step,
		    const char *text, struct value data, struct span at)
{
	struct event event = {
		.kind = kind,
		.now = machine->now,
		.wall = machine->wall,
		.id = id,
		.step = step && step->id ? step->id : "",
		.text = text,
		.data = data,
		.at = at,
	};

	if (!machine->broken && !journal_append(machine->journal, &event))
		machine->broken = true;
	value_release(data);
}

void tell(struct machine *machine, enum event_kind kind, const char *id, const struct fiber *fiber, const char *text,
	  struct value data, struct span at)
{
	tell_of(machine, kind, id, fiber ? fiber->step : NULL, text, data, at);
}

void tell_plan(const struct plan_run *plan, enum event_kind kind, const char *id, const char *text, struct value data,
	       struct span at)
{
	tell_of(plan->machine, kind, id, plan->node, text, data, at);
}

struct value title_of(const struct saga *step)
{
	return step ? step->title : value_null();
}

/* ---- timers ---- */

void timer_start(struct machine *machine, struct timer *timer, int64_t deadline,
		 void (*fire)(struct machine *machine, void *context), void *context)
{
	timer_stop(machine, timer);
	timer->entry.due = deadline;
	timer->entry.serial = ++machine->serials;
	timer->fire = fire;
	timer->context = context;
	heap_put(&machine->timers, &timer->entry);
}

void timer_stop(struct machine *machine, struct timer *timer)
{
	timer->paused = 0;
	heap_take(&machine->timers, &timer->entry);
}

/* A paused timer is taken out of the heap with the time it has left. Pauses nest. */
void timer_pause(struct machine *machine, struct timer *timer, bool pause)
{
	if (pause) {
		if (!timer->entry.position && !timer->paused)
			return;
		uint32_t paused = timer->paused;
		if (!paused) {
			timer->left = timer->entry.due - machine->now;
			timer_stop(machine, timer);
		}
		timer->paused = paused + 1;
	} else if (timer->paused && !--timer->paused) {
		timer_start(machine, timer, machine->now + timer->left, timer->fire, timer->context);
	}
}

void timer_advance(struct machine *machine, struct timer *timer, int64_t by, int64_t earliest)
{
	int64_t due = timer->entry.due - by;

	if (timer->entry.position)
		timer_start(machine, timer, due > earliest ? due : earliest, timer->fire, timer->context);
}

static void fire_due(struct machine *machine)
{
	struct heap_entry *first;

	while ((first = heap_first(&machine->timers)) && first->due <= machine->now) {
		struct timer *timer = (struct timer *)first; /* the entry comes first */
		timer_stop(machine, timer);
		timer->fire(machine, timer->context);
	}
}

/* ---- what tests ask about ---- */

void calls_note(struct machine *machine, struct call_made call, const struct value *args, uint32_t count)
{
	struct calls *calls = machine->options->calls;

	if (calls->count == calls->room) {
		calls->room = calls->room ? calls->room * 2 : 64;
		calls->items = memory_need(realloc(calls->items, calls->room * sizeof(*calls->items)));
	}
	call.args = list_new(count);
	for (uint32_t i = 0; i < count; i++)
		list_push(&call.args, value_copy(args[i]));
	call.now = machine->now;
	calls->items[calls->count++] = call;
}

void calls_free(struct calls *calls)
{
	for (size_t i = 0; i < calls->count; i++) {
		value_release(calls->items[i].args);
		value_release(calls->items[i].shown);
	}
	free(calls->items);
	*calls = (struct calls){ 0 };
}

/* ---- effects under way ---- */

static uint64_t fnv(const char *bytes, size_t length, uint64_t hash)
{
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
	return hash;
}

#define FNV_START UINT64_C(14695981039346656037)

static struct effect **effect_place(struct machine *machine, const char *id)
{
	struct effect **at = &machine->effects[fnv(id, strlen(id), FNV_START) % machine->effect_buckets];

	while (*at && strcmp((*at)->id, id))
		at = &(*at)->next;
	return at;
}

static void grow_effects(struct machine *machine)
{
	struct effect **old = machine->effects;
	uint32_t buckets = machine->effect_buckets;

	if (machine->effect_count < buckets)
		return;
	machine->effect_buckets = buckets ? buckets * 2 : 64;
	machine->effects = memory_need(calloc(machine->effect_buckets, sizeof(struct effect *)));
	for (uint32_t i = 0; i < buckets; i++)
		for (struct effect *effect = old[i], *next; effect; effect = next) {
			next = effect->next;
			effect->next = NULL;
			*effect_place(machine, effect->id) = effect;
		}
	free(old);
}

static void effect_free(struct effect *effect)
{
	effect_request_free(effect->request);
	free(effect->id);
	free(effect->question);
	value_release(effect->thing);
	value_release(effect->shown);
	free(effect);
}

static const char *const effect_classes[] = { [EFFECT_PURE] = "pure", [EFFECT_READ] = "read", [EFFECT_CHANGE] = "change" };

static void tell_started(struct fiber *fiber, const struct effect_request *request)
{
	struct value data = record_new(4);

	record_set(&data, "class", value_string(effect_classes[request->builtin->effect]));
	record_set(&data, "digest", request_digest(request));
	record_set(&data, "shown", request_show(request));
	record_set(&data, "leaves", value_string(request->builtin->leaves));
	tell(fiber->machine, EVENT_EFFECT_STARTED, request->id, fiber, request->builtin->name, data, request->at);
}

static void tell_person(struct fiber *fiber, const struct effect_request *request)
{
	struct value data = record_new(2), second = request->arg_count > 1 ? request->args[1] : value_null();

	record_set(&data, "kind", value_string(request->builtin->name));
	record_set(&data,
		   second.tag == VALUE_LIST  ? "choices"
		   : second.tag == VALUE_INT ? "approvals"
					     : "typing",
		   value_copy(second));
	if (request->arg_count > 2)
		record_set(&data, "of", value_copy(request->args[2]));
	if (request->until)
		record_set(&data, "until", value_time(request->until));
	tell(fiber->machine, EVENT_PERSON_ASKED, request->id, fiber,
	     request->arg_count ? value_text_peek(request->args[0]) : "", data, request->at);
}

/* The intents of changes are on record before any of what waits is started. */
static bool intents_kept(struct machine *machine)
{
	if (machine->intends && !machine->broken && !journal_sync(machine->journal))
		machine->broken = true;
	machine->intends = false;
	return !machine->broken; /* after a failed write nothing starts any more */
}

void effects_begin(struct machine *machine)
{
	struct effect *effect;

	while ((effect = machine->to_start)) {
		machine->to_start = effect->next_to_start;
		if (intents_kept(machine))
			machine->driver->ops->start(machine->driver, effect->request);
		effect_request_free(effect->request);
		effect->request = NULL;
	}
	machine->to_start_tail = &machine->to_start;
}

static void start_later(struct machine *machine, struct effect *effect, const struct effect_request *request)
{
	effect->request = effect_request_copy(request);
	*machine->to_start_tail = effect;
	machine->to_start_tail = &effect->next_to_start;
}

void effect_start(struct fiber *fiber, const struct builtin *builtin, const struct value *args, uint32_t count,
		  uint32_t a, struct span at, const char *label)
{
	struct machine *machine = fiber->machine;
	struct effect *effect = memory_need(calloc(1, sizeof(*effect)));
	bool person = builtin->flags & BUILTIN_PERSON;
	const struct timer *within = person ? people_within(fiber) : NULL;

	effect->id = fiber->attempt > 1 ? text_printf("%s:%u~%u", fiber->path, ++fiber->effects, fiber->attempt)
					: text_numbered(fiber->path, ':', ++fiber->effects);
	effect->fiber = fiber;
	effect->builtin = builtin;
	effect->a = a;
	effect->started = machine->now;
	if (person && count)
		effect->question = memory_need(strdup(value_text_peek(args[0])));
	struct effect_request request = {
		.id = effect->id,
		.builtin = builtin,
		.args = args,
		.arg_count = count,
		.step = fiber->step ? fiber->step->id : "",
		.label = label,
		.decision = fiber->undecided && fiber->undecided->kind != FAILURE_REFUSED, /* which is --step's */
		.at = at,
		.attempt = (int)fiber->attempt,
		.in_handler = fiber->handler,
		.before_change = !machine->changed,
		.wall = machine->wall,
		.until = within && within->entry.position ? machine->wall + (within->entry.due - machine->now) : 0,
		.on_resume = saga_on_resume(fiber),
	};
	tell_started(fiber, &request);
	left_begin(effect, &request);
	if (machine->options->calls && strcmp(builtin->name, "given"))
		calls_note(machine, (struct call_made){ .builtin = builtin, .shown = request_show(&request) }, args, count);
	if (person)
		tell_person(fiber, &request);
	if (builtin->effect == EFFECT_CHANGE && !builtin->leaves && !fiber_closing(fiber))
		machine->changed = true;
	machine->intends |= builtin->effect == EFFECT_CHANGE && !(builtin->flags & BUILTIN_NOTED);
	grow_effects(machine);
	*effect_place(machine, effect->id) = effect;
	machine->effect_count++;
	fiber->effect = effect;
	fiber->waiting = WAITING_EFFECT;
	fiber->fuel = fiber->turns = 0;
	if (person)
		people_pause(fiber, true);
	if (machine->driver->ops->has_come)
		start_later(machine, effect, &request);
	else if (intents_kept(machine))
		machine->driver->ops->start(machine->driver, &request);
}

static void tell_ended(struct machine *machine, const struct effect *effect, const struct outcome *outcome)
{
	static const char *const kinds[] = { "ok", "failed", "unknown", "refused" };
	struct value data = record_new(3);

	record_set(&data, "kind", value_string(kinds[outcome->kind]));
	record_set(&data, "value", value_copy(outcome->value));
	record_set(&data, "elapsed", value_duration(machine->now - effect->started));
	tell(machine, EVENT_EFFECT_ENDED, effect->id, effect->fiber,
	     value_text_peek(outcome->message), data, (struct span){ 0 });
}

/* A person's answer to "go on all the same?" */
static void decided(struct fiber *fiber, const struct outcome *outcome)
{
	struct failure *failure = fiber->undecided;

	fiber->undecided = NULL;
	if (outcome->kind == OUTCOME_OK && (outcome->value.tag != VALUE_BOOL || outcome->value.b)) {
		failure_free(failure);
		fiber_frame(fiber)->pc = fiber->decided;
	} else {
		person_declined(fiber, failure);
	}
}

/* One that gives nothing is noted, so that all that a plan lacks is told at once. */
static bool is_secret_source(const struct builtin *builtin)
{
	return builtin->flags & BUILTIN_INTERNAL && builtin->flags & BUILTIN_SECRET_ANSWER;
}

static void answered(struct fiber *fiber, const struct effect *effect, struct outcome *outcome)
{
	bool change = effect->builtin->effect == EFFECT_CHANGE && !effect->builtin->leaves;
	struct failure *failure;

	if (effect->decision) {
		decided(fiber, outcome);
		return;
	}
	if (is_secret_source(effect->builtin) && outcome->kind != OUTCOME_OK && outcome->kind != OUTCOME_UNKNOWN) {
		plan_no_secret(fiber->plan, outcome);
		return;
	}
	switch (outcome->kind) {
	case OUTCOME_REFUSED:
		if (effect->builtin->flags & BUILTIN_INTERNAL) { /* INSN_ANSWERED looks at it */
			value_release(fiber->registers[effect->a]);
			fiber->registers[effect->a] =
				value_length(outcome->message) ? value_copy(outcome->message) : value_bool(false);
			return;
		}
		break;
	case OUTCOME_OK:
		value_release(fiber->registers[effect->a]);
		fiber->registers[effect->a] = value_copy(outcome->value);
		return;
	case OUTCOME_UNKNOWN:
		if (change)
			saga_note_unknown(fiber, effect->builtin->name);
		break;
	case OUTCOME_FAILED:
		break;
	}
	if (fiber_interrupted(fiber))
		return; /* the interruption is what counts */
	failure = failure_new(fiber,
			      outcome->kind == OUTCOME_UNKNOWN		     ? FAILURE_UNKNOWN
			      : outcome->kind == OUTCOME_REFUSED	     ? FAILURE_REFUSED
			      : effect->builtin->flags & BUILTIN_GUARD	     ? FAILURE_GUARD
									     : FAILURE_ERROR,
			      "%s", value_text_peek(outcome->message));
	failure->message = value_mark(failure->message, outcome->message.flags & VALUE_SECRET);
	failure->detail = value_copy(outcome->value);
	fiber->raising = failure;
}

static void tell_answered(struct machine *machine, const struct effect *effect, const struct outcome *outcome)
{
	struct value data;

	if (outcome->kind != OUTCOME_OK && outcome->kind != OUTCOME_REFUSED)
		return;
	data = record_new(2);
	record_set(&data, "answer", outcome->kind == OUTCOME_REFUSED ? value_bool(false) : value_copy(outcome->value));
	record_set(&data, outcome->kind == OUTCOME_OK ? "who" : "message", value_copy(outcome->message));
	tell(machine, EVENT_PERSON_ANSWERED, effect->id, effect->fiber, effect->question ? effect->question : "", data,
	     (struct span){ 0 });
}

/* The field that `names` lead to; without names, all of it. What is not there is no secret. Consumes v. */
static struct value mark_secret(struct value v, const char **names)
{
	if (!names || !*names)
		return value_mark(v, VALUE_SECRET);
	if (!record_has(v, *names))
		return v;
	v = record_alone(v); /* a builtin may hold it, to answer it again */
	record_set(&v, *names, mark_secret(value_copy(record_peek(v, *names)), names + 1));
	return v;
}

static void effect_ended(struct machine *machine, struct delivery *delivery)
{
	struct effect **at = effect_place(machine, delivery->id), *effect = *at;

	if (!effect)
		return; /* an answer nobody waits for any more */
	*at = effect->next;
	machine->effect_count--;
	if (effect->secret || effect->builtin->flags & BUILTIN_SECRET_ANSWER) /* from here on, whoever sees it: observers, rows, the plan */
		delivery->outcome.value = mark_secret(delivery->outcome.value, effect->secret_fields);
	tell_ended(machine, effect, &delivery->outcome);
	machine->owed |= effect->builtin->effect == EFFECT_CHANGE || effect->builtin->flags & BUILTIN_PERSON;
	left_ended(machine, effect, &delivery->outcome);
	struct fiber *fiber = effect->fiber;
	fiber->effect = NULL;
	if (effect->builtin->flags & BUILTIN_PERSON) {
		tell_answered(machine, effect, &delivery->outcome);
		people_pause(fiber, false);
	}
	answered(fiber, effect, &delivery->outcome);
	fiber_ready(fiber);
	/* Behind the fiber itself: a watch waits for a decision, and must find what became of it. */
	if (effect->decision && fiber->group && fiber->group->owner->waiting == WAITING_GROUP)
		fiber_ready(fiber->group->owner);
	effect_free(effect);
}

/* ---- deliveries ---- */

/* The first signal rolls back; a second one stops at the next point of the journal. */
static void signalled(struct machine *machine, int number)
{
	struct value data = value_int(number);

	tell(machine, EVENT_SIGNAL, "", NULL, "", data, (struct span){ 0 });
	machine->owed = true;
	if (machine->signalled) {
		machine->stopped = true;
		return;
	}
	machine->signalled = true;
	machine->signal = number;
	struct plan_run *plan = machine->main;
	if (plan->stage == END_FORWARD)
		fiber_interrupt(plan->root, failure_new(plan->root, FAILURE_ABORT, "aborted by the operator (%s)",
							number == SIGTERM ? "SIGTERM" : "Ctrl-C"));
}

/* ---- time in which nothing ran ---- */

static bool asks_a_person(const struct fiber *fiber)
{
	return fiber->effect && fiber->effect->builtin->flags & BUILTIN_PERSON;
}

/*
 * It counts for `hold until` and for the `within` of a question. A question whose time is over is still asked, for an answer
 * that was given in time.
 */
static void time_passed(struct machine *machine, int64_t wall)
{
	int64_t by = wall - machine->wall;

	for (struct fiber *fiber = machine->fibers; fiber && by > 0; fiber = fiber->all_next) {
		if (fiber->waiting == WAITING_TIME && fiber->by_clock)
			timer_advance(machine, &fiber->timer, by, machine->now);
		else if (asks_a_person(fiber) && people_within(fiber))
			timer_advance(machine, people_within(fiber), by, machine->now + 1);
	}
}

/* Of what has a deadline, all are questions with a `within` of their own. */
static bool only_people_late(const struct machine *machine)
{
	uint32_t count = 0;

	if (machine->timers.count > machine->withins)
		return false;
	for (struct fiber *fiber = machine->fibers; fiber && machine->withins; fiber = fiber->all_next) {
		const struct timer *within = asks_a_person(fiber) ? people_within(fiber) : NULL;
		count += within && within->entry.position;
	}
	return machine->timers.count == count;
}

/* ---- pausing: fibers that stand before a step ---- */

bool fiber_parks(struct fiber *fiber)
{
	if (!fiber->machine->pausing || fiber->handler || fiber_closing(fiber))
		return false;
	fiber->waiting = WAITING_PARKED;
	return true;
}

static void unpark(struct machine *machine)
{
	for (struct fiber *fiber = machine->fibers; fiber; fiber = fiber->all_next)
		if (fiber->waiting == WAITING_PARKED)
			fiber_ready(fiber);
}

/* Some fiber stands before a step, and nothing is under way any more. What is held goes on being held after the pause. */
static bool is_paused(const struct machine *machine)
{
	if (!machine->pausing || machine->effect_count > 0)
		return false;
	for (const struct fiber *fiber = machine->fibers; fiber; fiber = fiber->all_next)
		if (fiber->waiting == WAITING_PARKED)
			return true;
	return false;
}

static void deliver(struct machine *machine, struct delivery *delivery)
{
	if (delivery->now > machine->now)
		machine->now = delivery->now;
	if (delivery->kind == DELIVERY_RESUMED)
		time_passed(machine, delivery->wall);
	machine->wall = delivery->wall;
	switch (delivery->kind) {
	case DELIVERY_OUTCOME:
		effect_ended(machine, delivery);
		break;
	case DELIVERY_NOTE:
		machine->owed = machine->noted = true;
		tell(machine, EVENT_EFFECT_NOTE, delivery->id, NULL, "", value_copy(delivery->outcome.value),
		     (struct span){ 0 });
		break;
	case DELIVERY_TIME:
		tell(machine, EVENT_TIME, "", NULL, "", value_null(), (struct span){ 0 });
		break;
	case DELIVERY_SIGNAL:
		signalled(machine, delivery->signal);
		break;
	case DELIVERY_RESUMED:
		machine->owed = true; /* with the intents of what is started next */
		tell(machine, EVENT_RESUMED, "", NULL, "", value_copy(delivery->outcome.value), (struct span){ 0 });
		machine->stopped = machine->waits = machine->pausing = machine->signalled = false;
		machine->step_by_step |= value_truthy(record_peek(delivery->outcome.value, "step_by_step"));
		unpark(machine);
		break;
	case DELIVERY_PAUSE:
		tell(machine, EVENT_PAUSED, "", NULL, "", value_copy(delivery->outcome.value), (struct span){ 0 });
		machine->pausing = true;
		break;
	case DELIVERY_NOBODY:
		tell(machine, EVENT_NOBODY, "", NULL, "", value_null(), (struct span){ 0 });
		machine->stopped = machine->waits = true;
		break;
	case DELIVERY_ROLLBACK:
		machine->owed = true;
		tell(machine, EVENT_ROLLBACK_ASKED, "", NULL, "", value_copy(delivery->outcome.value), (struct span){ 0 });
		plan_roll_back(machine->main, delivery->outcome.value);
		break;
	case DELIVERY_END:
		machine->stopped = true;
		break;
	}
	fire_due(machine);
	free(delivery->id);
	if (delivery->kind != DELIVERY_TIME && delivery->kind != DELIVERY_SIGNAL && delivery->kind != DELIVERY_END)
		outcome_release(&delivery->outcome);
}

static void run_ready(struct machine *machine)
{
	struct fiber *fiber;

	while ((fiber = machine->ready_first)) {
		machine->ready_first = fiber->next_ready;
		if (!machine->ready_first)
			machine->ready_last = NULL;
		fiber->queued = false;
		fiber_run(fiber);
		if (fiber->waiting == WAITING_ENDED && fiber != fiber->plan->root)
			fiber_free(fiber);
		plans_over(machine);
	}
}

/* ---- the result ---- */

static int exit_code(const struct machine *machine)
{
	if (machine->broken)
		return EXIT_INTERNAL;
	const struct plan_run *plan = machine->main;
	bool stopped = machine->stopped && plan->stage != END_DONE;

	if (stopped && machine->waits)
		return EXIT_WAITING;

	if (machine->unwound_incomplete || machine->in_doubt || value_length(machine->by_hand))
		return EXIT_INCOMPLETE;
	if (stopped && (saga_armed(plan->node) || machine->deferrals))
		return EXIT_INCOMPLETE;
	if (stopped)
		return 128 + machine->signal;
	if (!plan->failure)
		return EXIT_DONE;
	if (plan->failure->kind == FAILURE_USAGE)
		return EXIT_USAGE;
	if (plan->failure->kind == FAILURE_ABORT)
		return 128 + machine->signal;
	if (plan->failure->kind == FAILURE_ROLLBACK)
		return EXIT_DONE;
	return plan->refused ? EXIT_REFUSED : EXIT_FAILED;
}

static const char *outcome_name(const struct machine *machine, int code);

void machine_result(const struct machine *machine, struct value *v)
{
	int code = exit_code(machine);

	value_put(&v[0], value_string(outcome_name(machine, code)));
	value_put(&v[1], value_int(code));
	value_put(&v[2], value_duration(machine->now));
}

static const char *outcome_name(const struct machine *machine, int code)
{
	const struct plan_run *plan = machine->main;
	bool stopped = machine->stopped && plan->stage != END_DONE;

	if (code == EXIT_INTERNAL)
		return "broken";
	if (code == EXIT_WAITING)
		return "waiting";
	if (machine->unwound_incomplete || machine->in_doubt || (stopped && code == EXIT_INCOMPLETE))
		return "rollback incomplete";
	if (stopped)
		return "aborted";
	if (!plan->failure)
		return "done";
	if (plan->failure->kind == FAILURE_ABORT)
		return "aborted";
	if (plan->failure->kind == FAILURE_ROLLBACK)
		return "rolled back";
	if (plan->failure->kind == FAILURE_USAGE || plan->refused)
		return "refused";
	return plan->rolled_back ? "rolled back" : "failed";
}

/* Stopped on the way back: what was not undone is now a person's. */
static void note_not_undone(struct value *by_hand, const struct saga *saga)
{
	if (saga->kind == SAGA_STEP && saga->state == SAGA_ARMED && !saga->kept) {
		struct value entry = record_new(2);
		record_set(&entry, "title", value_copy(saga->title));
		record_set(&entry, "message", value_string("its rollback was not run, or not to its end"));
		list_push(by_hand, entry);
	}
	for (const struct saga *child = saga->last; child; child = child->previous)
		note_not_undone(by_hand, child);
}

static void tell_run_ended(struct machine *machine, int code)
{
	struct value data = record_new(12), by_hand = list_new(4);

	for (size_t i = 0; i < value_length(machine->by_hand); i++)
		list_push(&by_hand, value_copy(list_peek(machine->by_hand, i)));
	if (machine->main->stage != END_DONE && !machine->waits)
		note_not_undone(&by_hand, machine->main->node);
	record_set(&data, "outcome", value_string(outcome_name(machine, code)));
	record_set(&data, "exit", value_int(code));
	record_set(&data, "failure", value_copy(machine->main->failure_value));
	record_set(&data, "undone", value_copy(machine->undone));
	record_set(&data, "stays", value_copy(machine->stays));
	record_set(&data, "leaves", value_copy(machine->leaves));
	record_set(&data, "by_hand", by_hand);
	record_set(&data, "overruns", value_copy(machine->overruns));
	record_set(&data, "changed", value_bool(machine->changed));
	record_set(&data, "unfinished", value_bool(machine->main->stage != END_DONE));
	record_set(&data, "armed", value_int(saga_armed(machine->main->node)));
	record_set(&data, "kept", value_int(saga_kept(machine->main->node)));
	record_set(&data, "elapsed", value_duration(machine->now));
	tell(machine, EVENT_RUN_ENDED, machine->options->run_id, NULL, outcome_name(machine, code), data,
	     (struct span){ 0 });
}

static void tell_run_started(struct machine *machine)
{
	const struct machine_options *options = machine->options;
	struct value data = record_new(5), params = record_new(options->param_count);

	for (size_t i = 0; i < options->param_count; i++)
		record_set(&params, options->params[i].name, value_copy(options->params[i].value));
	record_set(&data, "file", value_string(machine->program->compilation->main->path));
	record_set(&data, "environment", value_string(options->environment));
	record_set(&data, "operator", value_string(options->operator_name));
	record_set(&data, "driver", value_string(machine->driver->ops->name));
	record_set(&data, "params", params);
	record_set(&data, "step_by_step", value_bool(options->step_by_step));
	tell(machine, EVENT_RUN_STARTED, options->run_id, NULL, machine->program->plans[0].title, data,
	     (struct span){ 0 });
}

/* ---- life ---- */

struct machine *machine_new(const struct machine_options *options)
{
	struct machine *machine = memory_need(calloc(1, sizeof(*machine)));
	const struct program *program = options->program;

	machine->program = program;
	machine->registry = program->compilation->registry;
	machine->given_row = registry_find(machine->registry, "given", 5);
	machine->driver = options->driver;
	machine->journal = options->journal;
	machine->options = options;
	machine->step_by_step = options->step_by_step;
	machine->start_wall = machine->wall = options->driver->ops->start_wall(options->driver);
	grow_effects(machine);
	machine->to_start_tail = &machine->to_start;
	machine->stays = list_new(4);
	machine->by_hand = list_new(4);
	machine->leaves = list_new(4);
	machine->undone = list_new(4);
	machine->overruns = list_new(4);
	machine->run_value = record_new(4);
	record_set(&machine->run_value, "id", value_string(options->run_id));
	record_set(&machine->run_value, "started", value_time(machine->start_wall));
	record_set(&machine->run_value, "operator", value_string(options->operator_name));
	record_set(&machine->run_value, "environment", value_string(options->environment));
	plan_run_main(machine);
	return machine;
}

/*
 * What must be on record before the machine waits: outcomes that only the record can tell of once more. What was only
 * read may be read again, so it is kept back, for a second of the run's time at the most.
 */
#define SYNC_EVERY (INT64_C(1000000000))

static bool sync_is_due(const struct machine *machine)
{
	return machine->now - machine->synced >= SYNC_EVERY;
}

static bool sync_owed(struct machine *machine)
{
	if (!machine->owed && !sync_is_due(machine))
		return true;
	machine->owed = machine->noted = false;
	machine->synced = machine->now;
	return journal_sync(machine->journal);
}

static bool has_come(const struct machine *machine)
{
	const struct driver_ops *ops = machine->driver->ops;

	return !machine->noted && ops->has_come && ops->has_come(machine->driver);
}

/*
 * Starts what was asked for, once all is on record that must be. But answers that have come already are taken first, so
 * that they, and the intents of what follows from them, share that sync; also those of reads that answer at once.
 */
static void start_all(struct machine *machine)
{
	if ((machine->owed || machine->intends) && has_come(machine))
		return;
	effects_begin(machine);
	if (machine->owed && !sync_is_due(machine) && has_come(machine))
		return;
	machine->broken |= !sync_owed(machine);
}

/* To the end of the plan, or to where it is stopped. */
static void run_on(struct machine *machine)
{
	struct delivery delivery;

	for (;;) {
		run_ready(machine);
		if (is_paused(machine))
			machine->stopped = machine->waits = true;
		if (machine->main->stage == END_DONE || machine->stopped || machine->broken)
			return;
		memset(&delivery, 0, sizeof(delivery));
		const struct heap_entry *first = heap_first(&machine->timers);
		start_all(machine);
		machine->driver->for_people = only_people_late(machine);
		if (machine->broken ||
		    !machine->driver->ops->next(machine->driver, first ? first->due : INT64_MAX, &delivery)) {
			machine->broken = true;
			return;
		}
		deliver(machine, &delivery);
	}
}

int machine_run(struct machine *machine)
{
	struct delivery delivery;
	int code;

	tell_run_started(machine);
	for (;;) {
		run_on(machine);
		code = exit_code(machine);
		tell_run_ended(machine, code);
		if (!journal_sync(machine->journal))
			machine->broken = true;
		if (machine->broken)
			code = EXIT_INTERNAL;
		memset(&delivery, 0, sizeof(delivery));
		if (machine->broken || !machine->driver->ops->again ||
		    !machine->driver->ops->again(machine->driver, &delivery))
			return code;
		deliver(machine, &delivery);
	}
}

void machine_free(struct machine *machine)
{
	if (!machine)
		return;
	unwindings_free(machine);
	while (machine->fibers) /* a fiber takes its children with it, so the list is read afresh */
		fiber_free(machine->fibers);
	for (uint32_t i = 0; i < machine->effect_buckets; i++)
		for (struct effect *effect = machine->effects[i], *next; effect; effect = next) {
			next = effect->next;
			effect_free(effect);
		}
	free(machine->effects);
	saga_free(machine->main->node);
	heap_free(&machine->timers);
	value_release(machine->lock);
	value_release(machine->stays);
	value_release(machine->by_hand);
	value_release(machine->leaves);
	value_release(machine->undone);
	value_release(machine->overruns);
	value_release(machine->run_value);
	free(machine);
}
