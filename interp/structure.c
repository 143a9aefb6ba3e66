/*
 * structure.c - the instructions that touch the machine's structure: parameters, effects, steps, phases, groups,
 * watches, people. vm.c holds those that compute, and the loop. Each answers whether the fiber runs on.
 */
#include <stdlib.h>
#include <string.h>

#include "interp/check.h"
#include "interp/buffer.h"
#include "interp/machine_inside.h"

static void again(struct fiber *fiber)
{
	fiber_frame(fiber)->pc--;
}

/* ---- effects ---- */

static bool effect_call(struct fiber *fiber, const struct instruction *in)
{
	const struct call_site *site = &fiber->machine->program->sites[in->c];

	if (fiber_interrupted(fiber)) {
		fiber_raise_now(fiber);
		return fiber_goes_on(fiber);
	}
	if (value_length(fiber->plan->wrong) && site->builtin->flags & BUILTIN_PERSON) {
		/* Nobody is asked for a secret by a plan that will be refused. */
		value_put(fiber_register(fiber, in->a), value_unknown());
		return true;
	}
	if (site->builtin->effect == EFFECT_CHANGE && !site->builtin->leaves)
		switch (saga_arm(fiber)) {
		case ARMING_WAITS:
			again(fiber);
			return false;
		case ARMING_DONE:
			break;
		}
	effect_start(fiber, site->builtin, fiber_register(fiber, in->b), site->arg_count,
		     fiber_frame(fiber)->base + in->a, site->span, site->label);
	if (fiber->effect) {
		fiber->effect->secret = site->secret;
		fiber->effect->secret_fields = site->secret_fields;
	}
	return fiber_goes_on(fiber);
}

/* What was written as one call becomes one effect: its answer is on record like any other. Consumes the list. */
static bool answer_given(struct fiber *fiber, const char *name, struct value list, uint32_t a, uint32_t go_on)
{
	struct machine *machine = fiber->machine;
	const struct builtin *given = NULL;
	char *id = text_numbered(fiber->path, ':', fiber->effects + 1);
	struct value args[2] = { value_string(name), list };

	if (machine->driver->ops->given && machine->driver->ops->given(machine->driver, name, list, id))
		given = machine->given_row;
	free(id);
	if (given) {
		fiber_frame(fiber)->pc = go_on;
		effect_start(fiber, given, args, 2, fiber_frame(fiber)->base + a, fiber_at(fiber), NULL);
	}
	value_release(args[0]);
	value_release(args[1]);
	return given;
}

static bool given_answer(struct fiber *fiber, const struct instruction *in)
{
	const struct function *function = fiber_frame(fiber)->function;
	struct value list;

	if (!fiber->machine->driver->ops->given)
		return true;
	list = list_new(function->parameters);
	for (uint32_t i = 0; i < function->parameters; i++)
		list_push(&list, value_copy(*fiber_register(fiber, i)));
	return !answer_given(fiber, function->name, list, in->a, (uint32_t)in->d) || fiber_goes_on(fiber);
}

/* ---- structure ---- */

/* run --step: asks before each step; the answer starts this instruction again, or ends the run. */
static bool step_allowed(struct fiber *fiber, const struct instruction *in)
{
	struct machine *machine = fiber->machine;
	struct value title = *fiber_register(fiber, in->a + STEP_TITLE);

	if (!machine->step_by_step || fiber->handler || machine->program->steps[in->d].handler_step)
		return true;
	if (fiber->allowed) {
		fiber->allowed = false;
		return true;
	}
	fiber->allowed = true;
	again(fiber);
	ask_to_go_on(fiber,
		     failure_new(fiber, FAILURE_REFUSED, "the operator stopped before \"%s\"", value_text_peek(title)),
		     value_text_peek(title), "Next step: %s. Run it?", value_text_peek(title), fiber_frame(fiber)->pc);
	return false;
}

static bool step_begin(struct fiber *fiber, const struct instruction *in)
{
	if (!fiber->machine->program->steps[in->d].handler_step && fiber_parks(fiber)) {
		again(fiber);
		return false;
	}
	if (!step_allowed(fiber, in))
		return fiber_goes_on(fiber);
	struct machine *machine = fiber->machine;
	const struct step_code *code = &machine->program->steps[in->d];
	struct value *clauses = fiber_register(fiber, in->a);
	struct region *region = fiber_push_region(fiber, REGION_STEP);
	struct saga *saga = saga_new(SAGA_STEP, fiber->saga);
	struct value data;

	region->a = in->a;
	region->saga = saga;
	saga->code = code;
	saga->plan = fiber->plan;
	saga->function = (uint32_t)(fiber_frame(fiber)->function - machine->program->functions);
	saga->id = text_numbered(fiber->path, '/', ++fiber->steps);
	region->steps = fiber->steps;
	saga->title = value_copy(clauses[STEP_TITLE]);
	saga->reason = value_copy(clauses[STEP_REASON]);
	saga->within = value_copy(clauses[STEP_WITHIN]);
	saga->fiber = fiber;
	saga->base = fiber_frame(fiber)->base;
	saga->attempt = 1;
	fiber->saga = saga;
	fiber->attempt = 1;
	if (clauses[STEP_TIMEOUT].tag == VALUE_DURATION)
		fiber_limit_region(fiber, region, clauses[STEP_TIMEOUT].i);
	if (code->handler_step)
		return true;
	fiber->step = saga;
	data = record_new(1);
	record_set(&data, "name", value_string(code->name));
	if (clauses[STEP_TIMEOUT].tag == VALUE_DURATION)
		record_set(&data, "timeout", value_copy(clauses[STEP_TIMEOUT]));
	tell(machine, EVENT_STEP_STARTED, saga->id, fiber, value_text_peek(saga->title), data, code->span);
	return true;
}

static void step_done(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);

	region->done = region->shielded = true;
	if (region->timer)
		timer_stop(fiber->machine, region->timer);
}

static bool step_end(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);

	saga_step_ended(fiber, region->saga, NULL);
	fiber_pop_region(fiber);
	if (fiber_interrupted(fiber))
		fiber_raise_now(fiber);
	return fiber_goes_on(fiber);
}

static bool reraise(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);
	struct failure *failure = region->failure;

	region->failure = NULL;
	region->shielded = false;
	failure = failure_outranked(fiber, failure);
	saga_step_ended(fiber, region->saga, failure);
	fiber_pop_region(fiber);
	fiber_raise(fiber, failure);
	return fiber_goes_on(fiber);
}

static void skip_step(struct fiber *fiber, struct value reason)
{
	for (uint32_t i = fiber->region_count; i-- > 0;)
		if (fiber->regions[i].kind == REGION_STEP) {
			fiber->regions[i].skipped = true;
			break;
		}
	tell(fiber->machine, EVENT_STEP_SKIPPED, fiber->step ? fiber->step->id : "", fiber, value_text_peek(reason),
	     value_copy(title_of(fiber->step)), fiber_at(fiber));
}

static void not_skipped(struct fiber *fiber, struct value reason)
{
	struct value text = reason.tag == VALUE_NULL ? value_string("") : value_to_text(reason), line;

	for (uint32_t i = fiber->region_count; i-- > 0 && fiber->machine->driver->explores;)
		if (fiber->regions[i].kind == REGION_STEP) {
			fiber->regions[i].perhaps = true;
			break;
		}
	line = value_string_printf("%s skipped%s%s", fiber->machine->driver->explores ? "perhaps" : "not", value_length(text) ? ": " : "", value_text_peek(text));
	tell(fiber->machine, EVENT_ASSUMED, fiber->step ? fiber->step->id : "", fiber, value_text_peek(line), value_null(),
	     fiber_at(fiber));
	value_release(line);
	value_release(text);
}

static void phase_begin(struct fiber *fiber, const struct instruction *in)
{
	struct value *r = fiber_register(fiber, in->a), data = record_new(2);
	struct region *region = fiber_push_region(fiber, REGION_PHASE);

	region->a = in->a;
	region->id = text_numbered(fiber->path, '/', ++fiber->steps);
	record_set(&data, "expect_min", value_copy(r[1]));
	record_set(&data, "expect_max", value_copy(r[2]));
	tell(fiber->machine, EVENT_PHASE_STARTED, region->id, fiber, value_text_peek(r[0]), data, fiber_at(fiber));
}

static void phase_overrun(struct fiber *fiber, struct region *region, struct value most, int64_t elapsed)
{
	struct machine *machine = fiber->machine;
	struct value data = record_new(3), title = *fiber_register(fiber, region->a);

	record_set(&data, "title", value_copy(title));
	record_set(&data, "expected", value_copy(most));
	record_set(&data, "elapsed", value_duration(elapsed));
	list_push(&machine->overruns, value_copy(data));
	tell(machine, EVENT_OVERRUN, region->id, fiber, value_text_peek(title), data, fiber_at(fiber));
}

void phase_close(struct fiber *fiber, const char *outcome)
{
	struct region *region = fiber_region(fiber);
	struct value *r = fiber_register(fiber, region->a), data = record_new(2);
	int64_t elapsed = fiber->machine->now - region->started;

	if (r[2].tag == VALUE_DURATION && elapsed > r[2].i)
		phase_overrun(fiber, region, r[2], elapsed);
	record_set(&data, "outcome", value_string(outcome));
	record_set(&data, "elapsed", value_duration(elapsed));
	tell(fiber->machine, EVENT_PHASE_ENDED, region->id, fiber, value_text_peek(r[0]), data, fiber_at(fiber));
	fiber_pop_region(fiber);
}

static void try_begin(struct fiber *fiber, const struct instruction *in)
{
	struct region *region = fiber_push_region(fiber, REGION_TRY);

	region->pc = (uint32_t)in->d;
	region->saga = saga_new(SAGA_SEQUENCE, fiber->saga);
	fiber->saga = region->saga;
}

static void caught(struct fiber *fiber, struct value *to)
{
	struct failure *failure = fiber->caught;
	struct value data = record_new(1);

	record_set(&data, "kind", value_string(failure_kind_name(failure->kind)));
	tell(fiber->machine, EVENT_CAUGHT, failure->step_id, fiber, value_text_peek(failure->message), data,
	     failure->at);
	value_put(to, failure_record(failure));
	failure_free(failure);
	fiber->caught = NULL;
}

static bool group_begin(struct fiber *fiber, struct value bound)
{
	uint32_t most = bound.tag != VALUE_INT ? 0 : bound.i > UINT32_MAX ? UINT32_MAX : (uint32_t)bound.i;

	if (bound.tag == VALUE_INT && bound.i < 1) {
		fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "`at most %lld at once` lets nothing run",
					       (long long)bound.i));
		return fiber_goes_on(fiber);
	}
	struct region *region = fiber_push_region(fiber, REGION_GROUP);

	region->group = group_new(fiber, most);
	region->saga = saga_new(SAGA_SIDE_BY_SIDE, fiber->saga);
	region->saga->bound = most;
	region->group->saga = region->saga;
	return true;
}

/* In preview, the arm of a loop over an unknown list lies above the group. */
static struct group *innermost_group(struct fiber *fiber)
{
	uint32_t i = fiber->region_count - 1;

	while (!fiber->regions[i].group)
		i--;
	return fiber->regions[i].group;
}

/* Preview shows the branches one after the other, so that it reads like the plan. */
static bool room(struct fiber *fiber)
{
	struct group *group = innermost_group(fiber);
	uint32_t bound = fiber->machine->driver->explores ? 1 : group->bound;

	if (group->cancelled || !bound || group->running < bound)
		return true;
	again(fiber);
	fiber->waiting = WAITING_GROUP;
	return false;
}

static void spawn(struct fiber *fiber, const struct instruction *in)
{
	struct group *group = innermost_group(fiber);

	if (!group->cancelled)
		group_spawn(group, fiber, (uint32_t)in->d);
}

static bool group_end(struct fiber *fiber, const struct instruction *in)
{
	struct region *region = fiber_region(fiber);
	const struct group_code *code = &fiber->machine->program->groups[in->d];

	region->group->exports = code->exports;
	region->group->export_count = code->count;
	if (region->group->running) {
		again(fiber);
		fiber->waiting = WAITING_GROUP;
		return false;
	}
	struct failure *failure = region->group->failure;
	region->group->failure = NULL;
	if (failure)
		group_tell(region->group, failure);
	fiber_pop_region(fiber);
	if (!failure)
		return true;
	fiber_raise(fiber, failure);
	return fiber_goes_on(fiber);
}

static void watch_begin(struct fiber *fiber, const struct instruction *in)
{
	struct machine *machine = fiber->machine;
	const struct watch_code *watch = &machine->program->watches[in->d];
	struct region *region = fiber_push_region(fiber, REGION_WATCH);

	region->number = (uint32_t)in->d;
	region->group = group_new(fiber, 0);
	region->group->watch = region->serial;
	if (machine->driver->explores && (!machine->options->watched || watch->baseline))
		return;
	for (uint32_t i = 0; i < watch->count; i++) {
		const struct watch_use *use = &watch->uses[i];

		group_call(region->group, fiber, &machine->program->functions[use->function],
			   fiber_register(fiber, use->arguments), use->count)
			->watched = use;
	}
}

static bool is_undecided(const struct group *group)
{
	for (const struct fiber *child = group->children; child; child = child->next)
		if (child->undecided)
			return true;
	return false;
}

static bool watch_end(struct fiber *fiber)
{
	struct group *group = fiber_region(fiber)->group;

	if (group->running) {
		again(fiber);
		fiber->waiting = WAITING_GROUP;
		/* A breach that a person is asked about is not passed over; what explores measures once. */
		if (!is_undecided(group) && !fiber->machine->driver->explores)
			group_cancel(group, "what it watched has ended");
		return false;
	}
	fiber_pop_region(fiber);
	return true;
}

static struct value watched_names(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);
	struct value names = list_new(4);

	if (!region || region->kind != REGION_WATCH)
		return names;
	const struct watch_code *watch = &fiber->machine->program->watches[region->number];
	for (uint32_t i = 0; i < watch->count; i++)
		list_push(&names, value_string(watch->uses[i].name));
	return names;
}

static bool is_baseline(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);

	return region && region->kind == REGION_WATCH && fiber->machine->program->watches[region->number].baseline;
}

static bool hold(struct fiber *fiber, struct value length, bool until)
{
	struct machine *machine = fiber->machine;
	int64_t deadline = machine->now;

	if (length.tag == VALUE_DURATION && !until)
		deadline = later(machine, length.i);
	else if (length.tag == VALUE_TIME && until)
		deadline = later(machine, length.i - machine->wall);
	else if (length.tag != VALUE_UNKNOWN) {
		return fiber_error(fiber, until ? "`hold until` wants a time" : "`hold` wants a duration");
	}
	struct value data = record_new(3);
	record_set(&data, "duration", value_duration(deadline - machine->now));
	record_set(&data, "watching", watched_names(fiber));
	if (is_baseline(fiber))
		record_set(&data, "baseline", value_bool(true));
	tell(machine, EVENT_HOLDING, fiber->step ? fiber->step->id : "", fiber, "", data, fiber_at(fiber));
	if (machine->driver->explores || deadline <= machine->now)
		return true;
	fiber_sleep(fiber, deadline);
	fiber->by_clock = until;
	return false;
}

static void timeout_begin(struct fiber *fiber, const struct instruction *in)
{
	struct value after = *fiber_register(fiber, in->a);
	struct region *region = fiber_push_region(fiber, REGION_TIMEOUT);

	region->a = in->a;
	region->pc = (uint32_t)in->d;
	if (after.tag == VALUE_DURATION)
		fiber_limit_region(fiber, region, after.i);
}

/* ---- small things ---- */

static struct value special(struct fiber *fiber, enum special which)
{
	struct machine *machine = fiber->machine;

	if (which == SPECIAL_RUN)
		return value_copy(machine->run_value);
	if (which == SPECIAL_PLAN)
		return value_copy(fiber->plan->value);
	for (const struct fiber *at = fiber; at; at = at->group ? at->group->owner : NULL)
		for (uint32_t i = at->region_count; i-- > 0;)
			if (at->regions[i].kind == REGION_STEP && at->regions[i].failure)
				return failure_record(at->regions[i].failure);
	/* A child's steps are undone because of the plan around it when the child itself has ended well. */
	for (const struct plan_run *plan = fiber->plan; plan; plan = plan->outer)
		if (plan->failure_value.tag != VALUE_NULL)
			return value_copy(plan->failure_value);
	return value_null();
}

/* ---- tests ---- */

/* A task has code in each plan that imports it. */
static bool same_task(const struct program *program, uint32_t some, uint32_t other)
{
	struct span a = program->functions[some].declared, b = program->functions[other].declared;

	return a.file == b.file && a.from == b.from;
}

static bool made_like(const struct program *program, const struct call_made *call, struct value of, struct value places,
		      const struct value *values)
{
	if (call->builtin ? of.tag != VALUE_STRING || strcmp(call->builtin->name, value_text_peek(of))
			  : of.tag != VALUE_INT || !same_task(program, (uint32_t)of.i, call->function))
		return false;
	for (size_t i = 0; i < value_length(places); i++) {
		size_t place = (size_t)list_peek(places, i).i;
		if (place >= value_length(call->args) || !value_equal(list_peek(call->args, place), values[i]))
			return false;
	}
	return true;
}

static void was_called(struct fiber *fiber, struct value *a)
{
	const struct calls *calls = fiber->machine->options->calls;
	struct value of = record_peek(*a, "of"), places = record_peek(*a, "places");
	bool found = false;

	for (size_t i = 0; calls && i < calls->count && !found; i++)
		found = made_like(fiber->machine->program, &calls->items[i], of, places, a + 1);
	value_put(a, value_bool(found));
}

static void note_task(struct fiber *fiber)
{
	struct machine *machine = fiber->machine;
	const struct function *function = fiber_frame(fiber)->function;
	const struct value *args = fiber_register(fiber, 0);
	struct buffer text = { 0 };

	if (!machine->options->calls)
		return;
	buffer_printf(&text, "%s(", function->name);
	for (uint32_t i = 0; i < function->parameters; i++) {
		struct value shown = value_show(args[i], 60);
		buffer_printf(&text, "%s%s", i ? ", " : "", value_text_peek(shown));
		value_release(shown);
	}
	buffer_add_text(&text, ")");
	calls_note(machine,
		  (struct call_made){ .function = (uint32_t)(function - machine->program->functions),
				      .shown = buffer_finish(&text) },
		  args, function->parameters);
}

/* The arguments of a given stand where a call's arguments stand; what it leaves open is unknown. */
static void hold_given(struct fiber *fiber, struct value *a, uint32_t number)
{
	struct value v[4] = { value_null(), a[1], a[2], a[3] };

	if (a[0].tag == VALUE_RECORD) {
		struct value places = record_peek(a[0], "places");
		v[0] = list_new(4);
		for (size_t i = 0; i < value_length(places); i++) {
			while (value_length(v[0]) < (size_t)list_peek(places, i).i)
				list_push(&v[0], value_unknown());
			list_push(&v[0], value_copy(a[5 + i]));
		}
	}
	if (fiber->machine->options->given)
		fiber->machine->options->given(fiber->machine->options->context, number, v);
	value_release(v[0]);
}

/* Its params by their places; what is left to the child is null. */
static struct value child_params(const struct plan_code *plan, const struct run_code *run, const struct value *given)
{
	struct value list = list_new(plan->param_count), *params = memory_need(calloc(plan->param_count + 1, sizeof(*params)));

	for (uint32_t i = 0; i < run->count; i++)
		params[run->params[i]] = given[i];
	for (uint32_t i = 0; i < plan->param_count; i++)
		list_push(&list, value_copy(params[i]));
	free(params);
	return list;
}

/* A child that a test answers for does not begin: GROUP_END, which follows, is passed over. */
static bool run_plan(struct fiber *fiber, const struct instruction *in, const struct value *given)
{
	struct machine *machine = fiber->machine;
	const struct run_code *run = &machine->program->runs[in->d];
	const struct plan_code *plan = &machine->program->plans[run->plan];
	struct value list = child_params(plan, run, given);

	if (machine->options->calls)
		calls_note(machine,
			   (struct call_made){ .function = plan->function, .shown = value_string(plan->name) },
			   list.list->items, plan->param_count);
	if (machine->driver->ops->given &&
	    answer_given(fiber, plan->name, value_copy(list), in->a, fiber_frame(fiber)->pc + 1)) {
		value_release(list);
		return fiber_goes_on(fiber);
	}
	value_release(list);
	plan_run_child(fiber, run, given);
	return fiber_goes_on(fiber);
}

static void log_text(struct fiber *fiber, struct value text, bool warning)
{
	enum event_kind kind = warning ? EVENT_WARNING : EVENT_LOG;
	struct value shown = journal_wants(fiber->machine->journal, kind) ? value_to_text(text) : value_null();

	tell(fiber->machine, kind, fiber->step ? fiber->step->id : "", fiber, value_text_peek(shown), value_null(),
	     fiber_at(fiber));
	value_release(shown);
}

static void fail_with(struct fiber *fiber, struct value text)
{
	struct value shown = value_to_text(text);

	fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "%s", value_text_peek(shown)));
	value_release(shown);
}


static bool end_sample(struct fiber *fiber, struct value measured)
{
	fiber_pop_region(fiber);
	sampler_judge(fiber, value_copy(measured), NULL);
	return fiber_goes_on(fiber);
}

static void verify_begin(struct fiber *fiber, const struct instruction *in)
{
	struct region *region = fiber_push_region(fiber, REGION_VERIFY);

	region->a = in->a;
	region->verify = memory_need(calloc(1, sizeof(struct verify)));
	region->verify->failed = list_new(4);
}

/* ---- all of them ---- */

/* What neither waits nor fails. */
static void simple(struct fiber *fiber, const struct instruction *in, struct value *r)
{
	struct machine *machine = fiber->machine;

	switch ((enum opcode)in->op) {
	case INSN_SPECIAL:
		value_put(&r[in->a], special(fiber, in->b));
		break;
	case INSN_TEST_GIVEN:
		hold_given(fiber, &r[in->a], (uint32_t)in->d);
		break;
	case INSN_TEST_RESULT:
		machine_result(machine, &r[in->a]);
		break;
	case INSN_CALLED:
		was_called(fiber, &r[in->a]);
		break;
	case INSN_NOTE_CALL:
		note_task(fiber);
		break;
	case INSN_GIVEN_PARAM:
		if (fiber->plan->given[in->a])
			fiber_frame(fiber)->pc = (uint32_t)in->d;
		break;
	case INSN_PARAM_FITS:
		plan_param_fits(fiber->plan, r[in->a], (uint32_t)in->d);
		break;
	case INSN_PARAM_HOLDS:
		plan_param_holds(fiber->plan, r[in->a], (uint32_t)in->d);
		break;
	case INSN_TAKE_SECRET:
		plan_take_secret(fiber->plan, &r[in->a], (uint32_t)in->d);
		break;
	case INSN_LOG:
		log_text(fiber, r[in->a], in->b);
		break;
	case INSN_TRACE_START:
		trace_start(fiber);
		break;
	case INSN_TRACE:
		trace_note(fiber, (uint32_t)in->d, r[in->a]);
		break;
	case INSN_CHECK_BEGIN:
		fiber_push_region(fiber, REGION_CHECK)->number = (uint32_t)in->d;
		break;
	case INSN_VERIFY_BEGIN:
		verify_begin(fiber, in);
		break;
	case INSN_TIMEOUT_BEGIN:
		timeout_begin(fiber, in);
		break;
	case INSN_TIMEOUT_END:
	case INSN_TRY_END:
		fiber_pop_region(fiber);
		break;
	case INSN_PHASE_BEGIN:
		phase_begin(fiber, in);
		break;
	case INSN_PHASE_END:
		phase_close(fiber, "done");
		break;
	case INSN_SKIP:
		skip_step(fiber, r[in->a]);
		break;
	case INSN_UNSKIPPED:
		not_skipped(fiber, r[in->a]);
		break;
	case INSN_STEP_DONE:
		step_done(fiber);
		break;
	case INSN_TRY_BEGIN:
		try_begin(fiber, in);
		break;
	case INSN_CATCH:
		caught(fiber, &r[in->a]);
		break;
	case INSN_PLAN_TIMEOUT:
		if (r[in->a].tag == VALUE_DURATION)
			plan_limit(fiber->plan, r[in->a].i);
		break;
	case INSN_WATCH_BEGIN:
		watch_begin(fiber, in);
		break;
	case INSN_MEDIAN:
		value_put(&r[in->a], sampler_median(fiber, fiber_region(fiber)->group));
		break;
	case INSN_SAMPLED:
		sample_told(fiber, (uint32_t)in->d, r[in->a]);
		break;
	case INSN_SPAWN:
		spawn(fiber, in);
		break;
	case INSN_CHECKPOINT:
		saga_checkpoint(fiber, value_text_peek(r[in->a]));
		break;
	case INSN_COMMIT:
		saga_commit(fiber, value_text_peek(r[in->a]));
		break;
	case INSN_DEFER:
		saga_defer(fiber, (uint32_t)in->d);
		break;
	case INSN_SAMPLE_SETUP:
		sampler_setup(fiber, in->a, (uint32_t)in->d);
		break;
	case INSN_SAMPLE_BEGIN:
		fiber_push_region(fiber, REGION_SAMPLE)->pc = (uint32_t)in->d;
		break;
	default:
		break;
	}
}

bool structure_run(struct fiber *fiber, const struct instruction *in, struct value *r)
{
	switch ((enum opcode)in->op) {
	case INSN_RUN_PLAN:
		return run_plan(fiber, in, &r[in->a]);
	case INSN_READY:
		return plan_ready(fiber);
	case INSN_PLAN_LOCK:
		return plan_lock(fiber, r[in->a]);
	case INSN_EFFECT:
		return effect_call(fiber, in);
	case INSN_GIVEN:
		return given_answer(fiber, in);
	case INSN_END_FIBER:
		fiber_end(fiber, NULL);
		return false;
	case INSN_STEP_BEGIN:
		return step_begin(fiber, in);
	case INSN_STEP_END:
		return step_end(fiber);
	case INSN_RERAISE:
		return reraise(fiber);
	case INSN_WATCH_END:
		return watch_end(fiber);
	case INSN_SLEEP:
		return hold(fiber, r[in->a], in->b == 1);
	case INSN_GROUP_BEGIN:
		return group_begin(fiber, r[in->a]);
	case INSN_ROOM:
		return room(fiber);
	case INSN_GROUP_END:
		return group_end(fiber, in);
	case INSN_SAMPLE_END:
		return end_sample(fiber, r[in->a]);
	case INSN_FAIL:
		fail_with(fiber, r[in->a]);
		break;
	case INSN_CHECK_END:
		if (fiber->machine->program->checks[in->d].region)
			fiber_pop_region(fiber);
		check_result(fiber, (uint32_t)in->d, r[in->a], NULL, fiber_frame(fiber)->pc);
		break;
	case INSN_POLL_BEGIN:
		poll_begin(fiber, in->a, (uint32_t)in->d);
		break;
	case INSN_POLL_TEST:
		poll_test(fiber, r[in->a], NULL);
		break;
	case INSN_VERIFY_END:
		verify_end(fiber);
		break;
	case INSN_ANSWERED:
		person_answered(fiber, r[in->a], (uint32_t)in->d);
		break;
	case INSN_SAMPLE_WAIT:
		sampler_wait(fiber);
		break;
	default:
		simple(fiber, in, r);
		return true;
	}
	return fiber_goes_on(fiber);
}
