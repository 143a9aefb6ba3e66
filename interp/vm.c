/*
 * vm.c - the instructions. fiber_run() runs one fiber until it waits or ends. Instructions that only compute stand in
 * the loop; those that touch the machine's structure are functions above it, and answer whether the fiber runs on.
 *
 * While an instruction runs, the frame's pc is already the next one's. An instruction that has to wait for something
 * and then look again steps back to itself with again().
 */
#include <stdlib.h>
#include <string.h>

#include "interp/check.h"
#include "interp/machine_inside.h"

#define NEXT_SECOND 2 /* register offsets of a loop: list, position, item */

static void put(struct value *to, struct value v) /* consumes v */
{
	struct value old = *to;

	*to = v;
	if (value_on_heap(old))
		value_release(old);
}

static void again(struct fiber *fiber)
{
	fiber_frame(fiber)->pc--;
}

static void raise_error(struct fiber *fiber, const char *message)
{
	fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "%s", message));
}

static bool goes_on(const struct fiber *fiber)
{
	return fiber->waiting == WAITING_NOT && !fiber->queued;
}

/* ---- parameters ---- */

static void note_wrong(struct machine *machine, const struct param_code *param, struct value v, const char *why,
		       const char *what)
{
	struct value entry = record_new(2), shown = value_show(v, 60);

	record_set(&entry, "name", value_string(param->name));
	record_set(&entry, "why", value_string_printf("%s %s%s%s", value_text_peek(shown), why, what ? what : "", what ? "`" : ""));
	list_push(&machine->wrong_params, entry);
	value_release(shown);
}

static void param_fits(struct fiber *fiber, struct value v, uint32_t number)
{
	const struct param_code *param = &fiber->machine->program->params[number];

	if (param->type && v.tag == VALUE_NULL && !fiber->machine->given[number] && param->type->kind != TYPE_ANY) {
		/* A default of null is the author's own; the checker has seen it. */
		return;
	}
	if (param->type && !type_fits(param->type, v))
		note_wrong(fiber->machine, param, v, "does not fit its type", NULL);
}

static void param_holds(struct fiber *fiber, struct value held, uint32_t number)
{
	const struct param_code *param = &fiber->machine->program->params[number];

	if (held.tag != VALUE_UNKNOWN && !value_truthy(held))
		note_wrong(fiber->machine, param, fiber->machine->globals[param->global], "does not satisfy `", param->source);
}

static bool params_done(struct fiber *fiber)
{
	struct machine *machine = fiber->machine;
	struct value wrong = machine->wrong_params, lines = list_new(value_length(wrong));

	for (size_t i = 0; i < value_length(wrong); i++)
		list_push(&lines, value_string_printf("%s`%s`: %s", i ? "; " : "",
						      value_text_peek(record_peek(list_peek(wrong, i), "name")),
						      value_text_peek(record_peek(list_peek(wrong, i), "why"))));
	if (value_length(wrong)) {
		struct value all = concat(lines.list->items, (uint32_t)value_length(lines));
		struct failure *failure = failure_new(fiber, FAILURE_USAGE, "wrong params: %s", value_text_peek(all));
		failure->detail = value_copy(wrong);
		value_release(all);
		fiber_raise(fiber, failure);
	}
	value_release(lines);
	return goes_on(fiber);
}

/* ---- calls and effects ---- */

static bool call_function(struct fiber *fiber, const struct instruction *in)
{
	const struct function *function = &fiber->machine->program->functions[in->c];
	uint32_t base = fiber_frame(fiber)->base;

	if (fiber->depth >= DEPTH_MAX) {
		raise_error(fiber, "calls are nested more than 1,000 deep");
		return goes_on(fiber);
	}
	fiber_push_frame(fiber, function, base + in->b, base + in->a);
	fiber_frame(fiber)->pc = 0;
	return true;
}

static bool return_value(struct fiber *fiber, struct value v) /* consumes v */
{
	uint32_t answer = fiber_frame(fiber)->answer;
	fiber_pop_frame(fiber);
	put(&fiber->registers[answer], v);
	return true;
}

static bool pure_call(struct fiber *fiber, const struct instruction *in, struct value *r)
{
	const struct call_site *site = &fiber->machine->program->sites[in->c];
	unsigned flags = 0;

	for (uint32_t i = 0; i < site->arg_count; i++) {
		if (r[in->b + i].tag == VALUE_UNKNOWN) {
			put(&r[in->a], value_unknown());
			return true;
		}
		flags |= value_is_secret(r[in->b + i]) ? VALUE_SECRET : 0;
	}
	struct pure_result result = site->builtin->call(r + in->b, site->arg_count);
	if (result.ok) {
		put(&r[in->a], result.value.tag == VALUE_BOOL ? result.value : value_mark(result.value, flags));
		return true;
	}
	struct failure *failure = failure_new(fiber, FAILURE_ERROR, "%s", value_text_peek(result.value));
	failure->message = value_mark(failure->message, flags);
	value_release(result.value);
	fiber_raise(fiber, failure);
	return goes_on(fiber);
}

static bool effect_call(struct fiber *fiber, const struct instruction *in)
{
	const struct call_site *site = &fiber->machine->program->sites[in->c];

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
	if (fiber->effect)
		fiber->effect->secret = site->secret;
	return goes_on(fiber);
}

static bool given_answer(struct fiber *fiber, const struct instruction *in)
{
	struct machine *machine = fiber->machine;
	const struct function *function = fiber_frame(fiber)->function;
	const struct builtin *given = NULL;
	char *id;

	if (!machine->driver->ops->given)
		return true;
	id = text_printf("%s:%u", fiber->path, fiber->effects + 1);
	if (machine->driver->ops->given(machine->driver, function->name, id))
		given = registry_find(machine->registry, "given", 5);
	free(id);
	if (!given)
		return true;
	/* What was written as one call becomes one effect: its answer is on record like any other. */
	struct value name = value_string(function->name);
	fiber_frame(fiber)->pc = (uint32_t)in->d;
	effect_start(fiber, given, &name, 1, fiber_frame(fiber)->base + in->a, fiber_at(fiber), NULL);
	value_release(name);
	return goes_on(fiber);
}

static bool embed(struct fiber *fiber, const struct instruction *in, struct value *r)
{
	const struct template_code *template = &fiber->machine->program->templates[in->c];
	struct value error = value_null();
	struct value v = embed_render(template->language, template->pieces, r + in->b, template->count, &error);

	if (error.tag == VALUE_NULL) {
		put(&r[in->a], v);
		return true;
	}
	value_release(v);
	fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "%s", value_text_peek(error)));
	value_release(error);
	return goes_on(fiber);
}

/* ---- choice ---- */

static bool unknown_choice(struct fiber *fiber, const struct instruction *in)
{
	const struct instruction *code = fiber_frame(fiber)->function->code;

	if (!fiber->machine->driver->explores) {
		raise_error(fiber, "this choice depends on a read that nobody answered: a test must say what is `given`");
		return goes_on(fiber);
	}
	struct region *region = fiber_push_region(fiber, REGION_ARM);
	region->pc = (uint32_t)in->d;
	region->end = (uint32_t)code[in->d - 1].d;
	tell(fiber->machine, EVENT_ARM, "", fiber, "if", value_null(), fiber_at(fiber));
	return true;
}

static bool in_this_arm(struct fiber *fiber)
{
	struct region *region = fiber_region(fiber);

	return region && region->kind == REGION_ARM && region->frame == fiber->depth - 1;
}

static void arm_else(struct fiber *fiber, const struct instruction *in)
{
	struct region *region = fiber_region(fiber);

	if (!in_this_arm(fiber) || region->second || fiber_frame(fiber)->pc != region->pc) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return;
	}
	region->second = true;
	tell(fiber->machine, EVENT_ARM, "", fiber, "otherwise", value_null(), fiber_at(fiber));
}

/* A return inside an arm that preview shows ends only that arm: the other one, and what follows, are shown as well. */
static bool leave(struct fiber *fiber)
{
	uint32_t i = fiber->region_count;

	while (i > 0 && fiber->regions[i - 1].frame == fiber->depth - 1 && fiber->regions[i - 1].kind != REGION_ARM)
		i--;
	if (!i || fiber->regions[i - 1].kind != REGION_ARM || fiber->regions[i - 1].frame != fiber->depth - 1)
		return true;
	while (fiber->region_count > i)
		fiber_pop_region(fiber);
	struct region *region = fiber_region(fiber);
	fiber_frame(fiber)->pc = region->second ? region->end : region->pc;
	if (!region->second)
		tell(fiber->machine, EVENT_ARM, "", fiber, "otherwise", value_null(), fiber_at(fiber));
	region->second = true;
	return true;
}

static bool behind_arms(struct fiber *fiber)
{
	return in_this_arm(fiber) && fiber_frame(fiber)->pc > fiber_region(fiber)->end;
}

/*
 * A loop over what nobody knows: preview shows its body once, as an arm that ends behind the loop, where what it assigns is
 * blurred; a simulation has to be told.
 */
static bool unknown_round(struct fiber *fiber, const struct instruction *in, bool second, struct value *count,
			  struct value *item)
{
	if (!fiber->machine->driver->explores) {
		raise_error(fiber, "this loop depends on a read that nobody answered: a test must say what is `given`");
		return goes_on(fiber);
	}
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
		put(item, value_unknown());
	return true;
}

/* The next item, or the end. */
static void next_item(struct fiber *fiber, struct value *r, const struct instruction *in)
{
	struct value list = r[in->a];
	int64_t i = r[in->a + 1].tag == VALUE_INT ? r[in->a + 1].i : 0;

	if ((size_t)i >= value_length(list)) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return;
	}
	put(&r[in->a + NEXT_SECOND], value_mark(value_item(list, (size_t)i), list.flags & VALUE_SECRET));
	r[in->a + 1] = value_int(i + 1);
}

static bool next(struct fiber *fiber, struct value *r, const struct instruction *in)
{
	switch (r[in->a].tag) {
	case VALUE_UNKNOWN:
		return unknown_round(fiber, in, r[in->a + 1].tag == VALUE_INT, &r[in->a + 1], &r[in->a + NEXT_SECOND]);
	case VALUE_LIST:
	case VALUE_RANGE:
		next_item(fiber, r, in);
		return true;
	default:
		fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "a %s cannot be gone through",
					       value_tag_name(r[in->a].tag)));
		return goes_on(fiber);
	}
}

static bool while_round(struct fiber *fiber, struct value *r, const struct instruction *in)
{
	int64_t rounds = r[in->a + 1].tag == VALUE_INT ? r[in->a + 1].i : 0;

	if (r[in->a].tag == VALUE_UNKNOWN)
		return unknown_round(fiber, in, in_this_arm(fiber) && fiber_region(fiber)->pc == (uint32_t)in->d,
				     &r[in->a + 1], NULL);
	if (!value_truthy(r[in->a])) {
		fiber_frame(fiber)->pc = (uint32_t)in->d;
		return true;
	}
	if (r[in->a + 2].tag == VALUE_INT && rounds >= r[in->a + 2].i) {
		fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR,
					       "the loop ran its limit of %lld times and its condition still holds",
					       (long long)r[in->a + 2].i));
		return goes_on(fiber);
	}
	r[in->a + 1] = value_int(rounds + 1);
	return true;
}

/* ---- structure ---- */

/* run --step: asks before each step; the answer starts this instruction again, or ends the run. */
static bool step_allowed(struct fiber *fiber, const struct instruction *in)
{
	struct machine *machine = fiber->machine;
	struct value title = *fiber_register(fiber, in->a + STEP_TITLE);

	if (!machine->options->step_by_step || fiber->handler || machine->program->steps[in->d].handler_step)
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
	if (!step_allowed(fiber, in))
		return goes_on(fiber);
	struct machine *machine = fiber->machine;
	const struct step_code *code = &machine->program->steps[in->d];
	struct value *clauses = fiber_register(fiber, in->a);
	struct region *region = fiber_push_region(fiber, REGION_STEP);
	struct saga *saga = saga_new(SAGA_STEP, fiber->saga);
	struct value data;

	region->a = in->a;
	region->saga = saga;
	saga->code = code;
	saga->function = (uint32_t)(fiber_frame(fiber)->function - machine->program->functions);
	saga->id = text_printf("%s/%u", fiber->path, ++fiber->steps);
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
	return goes_on(fiber);
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
	return goes_on(fiber);
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

static void phase_begin(struct fiber *fiber, const struct instruction *in)
{
	struct value *r = fiber_register(fiber, in->a), data = record_new(2);
	struct region *region = fiber_push_region(fiber, REGION_PHASE);

	region->a = in->a;
	region->id = text_printf("%s/%u", fiber->path, ++fiber->steps);
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
	put(to, failure_record(failure));
	failure_free(failure);
	fiber->caught = NULL;
}

static bool group_begin(struct fiber *fiber, struct value bound)
{
	uint32_t most = bound.tag != VALUE_INT ? 0 : bound.i > UINT32_MAX ? UINT32_MAX : (uint32_t)bound.i;

	if (bound.tag == VALUE_INT && bound.i < 1) {
		fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "`at most %lld at once` lets nothing run",
					       (long long)bound.i));
		return goes_on(fiber);
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
	fiber_pop_region(fiber);
	if (!failure)
		return true;
	fiber_raise(fiber, failure);
	return goes_on(fiber);
}

static void watch_begin(struct fiber *fiber, const struct instruction *in)
{
	struct machine *machine = fiber->machine;
	const struct watch_code *watch = &machine->program->watches[in->d];
	struct region *region = fiber_push_region(fiber, REGION_WATCH);

	region->number = (uint32_t)in->d;
	region->group = group_new(fiber, 0);
	region->group->watch = region->serial;
	if (machine->driver->explores)
		return;
	for (uint32_t i = 0; i < watch->count; i++)
		group_call(region->group, fiber, &machine->program->functions[watch->uses[i].function],
			   fiber_register(fiber, watch->uses[i].arguments), watch->uses[i].count);
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
		if (!is_undecided(group)) /* a breach that a person is asked about is not passed over */
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

static bool hold(struct fiber *fiber, struct value length, bool until)
{
	struct machine *machine = fiber->machine;
	int64_t deadline = machine->now;

	if (length.tag == VALUE_DURATION && !until)
		deadline = later(machine, length.i);
	else if (length.tag == VALUE_TIME && until)
		deadline = later(machine, length.i - machine->wall);
	else if (length.tag != VALUE_UNKNOWN) {
		raise_error(fiber, until ? "`hold until` wants a time" : "`hold` wants a duration");
		return goes_on(fiber);
	}
	struct value data = record_new(2);
	record_set(&data, "duration", value_duration(deadline - machine->now));
	record_set(&data, "watching", watched_names(fiber));
	tell(machine, EVENT_HOLDING, fiber->step ? fiber->step->id : "", fiber, "", data, fiber_at(fiber));
	if (machine->driver->explores || deadline <= machine->now)
		return true;
	fiber_sleep(fiber, deadline);
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
		return value_copy(machine->plan_value);
	for (const struct fiber *at = fiber; at; at = at->group ? at->group->owner : NULL)
		for (uint32_t i = at->region_count; i-- > 0;)
			if (at->regions[i].kind == REGION_STEP && at->regions[i].failure)
				return failure_record(at->regions[i].failure);
	return value_copy(machine->failure_value);
}

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
		record_set_n(&record, value_text_peek(shape->keys[i]), value_length(shape->keys[i]), value_copy(items[i]));
	return record;
}

static bool make_range(struct fiber *fiber, struct value low, struct value high, struct value *to)
{
	if (low.tag == VALUE_UNKNOWN || high.tag == VALUE_UNKNOWN) {
		put(to, value_unknown());
		return true;
	}
	if (low.tag == VALUE_INT && high.tag == VALUE_INT) {
		put(to, value_mark(value_range(low.i, high.i), (low.flags | high.flags) & VALUE_SECRET));
		return true;
	}
	raise_error(fiber, "a range goes from an int to an int");
	return goes_on(fiber);
}

/* Lists may be shared: the comprehension's own has one owner, so this pushes in place. */
static void append(struct value *list, struct value item)
{
	if (list->list->refs > 1) {
		struct value copy = list_of(list->list->items, (uint32_t)list->list->count);
		put(list, copy);
	}
	list_push(list, value_copy(item));
}

static void log_text(struct fiber *fiber, struct value text, bool warning)
{
	struct value shown = value_to_text(text);

	tell(fiber->machine, warning ? EVENT_WARNING : EVENT_LOG, fiber->step ? fiber->step->id : "", fiber,
	     value_text_peek(shown), value_null(), fiber_at(fiber));
	value_release(shown);
}

static void fail_with(struct fiber *fiber, struct value text)
{
	struct value shown = value_to_text(text);

	fiber_raise(fiber, failure_new(fiber, FAILURE_ERROR, "%s", value_text_peek(shown)));
	value_release(shown);
}

static bool spend(struct fiber *fiber)
{
	if (++fiber->fuel <= FUEL_MAX)
		return true;
	raise_error(fiber, "this ran too long without an effect: is there an endless loop?");
	return goes_on(fiber);
}

/* ---- the loop ---- */

#define B(in) ((in)->b & OPERAND_CONSTANT ? k[(in)->b & ~OPERAND_CONSTANT] : r[(in)->b])
#define C(in) ((in)->c & OPERAND_CONSTANT ? k[(in)->c & ~OPERAND_CONSTANT] : r[(in)->c])

/* What changed the frames or moved the registers comes here: the locals of the loop are read again. */
#define RELOAD()                                                                                                      \
	do {                                                                                                          \
		frame = fiber_frame(fiber);                                                                           \
		code = frame->function->code;                                                                         \
		k = frame->function->constants;                                                                       \
		r = fiber->registers + frame->base;                                                                   \
	} while (0)
/* Calls what may move the fiber elsewhere; leaves when it has stopped running. */
#define GO(call)                                                                                                      \
	do {                                                                                                          \
		if (!(call))                                                                                          \
			return;                                                                                       \
		RELOAD();                                                                                             \
	} while (0)
#define RAISE(message)                                                                                                \
	do {                                                                                                          \
		raise_error(fiber, message);                                                                          \
		if (!goes_on(fiber))                                                                                  \
			return;                                                                                       \
		RELOAD();                                                                                             \
	} while (0)
#define DO(action)                                                                                                    \
	do {                                                                                                          \
		action;                                                                                               \
		if (!goes_on(fiber))                                                                                  \
			return;                                                                                       \
		RELOAD();                                                                                             \
	} while (0)

static bool integers_ready(struct value x, struct value y)
{
	return x.tag == VALUE_INT && y.tag == VALUE_INT && !x.flags && !y.flags;
}

void fiber_run(struct fiber *fiber)
{
	struct machine *machine = fiber->machine;
	const struct program *program = machine->program;
	struct frame *frame;
	const struct instruction *code, *in;
	const struct value *k;
	struct value *r, out;
	char error[256];
	int64_t i;

	if (fiber->raising || fiber_interrupted(fiber)) {
		fiber_raise_now(fiber);
		if (!goes_on(fiber))
			return;
	}
	RELOAD();
	for (;;) {
		in = &code[frame->pc++];
		switch ((enum opcode)in->op) {
		case INSN_CONSTANT:
			put(&r[in->a], value_copy(k[in->d]));
			break;
		case INSN_MOVE:
			put(&r[in->a], value_copy(r[in->b]));
			break;
		case INSN_NULL:
			put(&r[in->a], value_null());
			break;
		case INSN_GLOBAL:
			put(&r[in->a], value_copy(machine->globals[in->d]));
			break;
		case INSN_SET_GLOBAL:
			put(&machine->globals[in->d], value_copy(r[in->a]));
			break;
		case INSN_SPECIAL:
			put(&r[in->a], special(fiber, in->b));
			break;
		case INSN_ADD:
			if (integers_ready(B(in), C(in)) && !__builtin_add_overflow(B(in).i, C(in).i, &i)) {
				put(&r[in->a], value_int(i));
				break;
			}
			goto operation;
		case INSN_SUBTRACT:
			if (integers_ready(B(in), C(in)) && !__builtin_sub_overflow(B(in).i, C(in).i, &i)) {
				put(&r[in->a], value_int(i));
				break;
			}
			goto operation;
		case INSN_LESS:
			if (integers_ready(B(in), C(in))) {
				put(&r[in->a], value_bool(B(in).i < C(in).i));
				break;
			}
			goto operation;
		case INSN_EQUAL:
			if (integers_ready(B(in), C(in))) {
				put(&r[in->a], value_bool(B(in).i == C(in).i));
				break;
			}
			goto operation;
		case INSN_MULTIPLY:
		case INSN_DIVIDE:
		case INSN_MODULO:
		case INSN_UNEQUAL:
		case INSN_LESS_EQUAL:
		case INSN_GREATER:
		case INSN_GREATER_EQUAL:
		case INSN_IN:
		case INSN_MATCHES:
		operation:
			if (operate((enum opcode)in->op, B(in), C(in), &out, error))
				put(&r[in->a], out);
			else
				RAISE(error);
			break;
		case INSN_NEGATE:
			if (negate(B(in), &out, error))
				put(&r[in->a], out);
			else
				RAISE(error);
			break;
		case INSN_NOT:
			out = B(in);
			put(&r[in->a], out.tag == VALUE_UNKNOWN ? value_unknown() : value_bool(!value_truthy(out)));
			break;
		case INSN_BOTH:
			put(&r[in->a], both(r[in->b], r[in->c]));
			break;
		case INSN_EITHER:
			put(&r[in->a], either(r[in->b], r[in->c]));
			break;
		case INSN_AS:
			if (give_unit(r[in->b], (enum unit)in->c, &out, error))
				put(&r[in->a], value_mark(out, r[in->b].flags & VALUE_SECRET));
			else
				RAISE(error);
			break;
		case INSN_FIELD:
			if (field_of(r[in->b], C(in), &out, error))
				put(&r[in->a], out);
			else
				RAISE(error);
			break;
		case INSN_INDEX:
			if (index_of_value(r[in->b], C(in), &out, error))
				put(&r[in->a], out);
			else
				RAISE(error);
			break;
		case INSN_LIST:
			put(&r[in->a], list_of(r + in->b, in->c));
			break;
		case INSN_RECORD:
			put(&r[in->a], record_of(&program->shapes[in->c], r + in->b));
			break;
		case INSN_RANGE:
			GO(make_range(fiber, B(in), C(in), &r[in->a]));
			break;
		case INSN_CONCAT:
			put(&r[in->a], concat(r + in->b, in->c));
			break;
		case INSN_EMBED:
			GO(embed(fiber, in, r));
			break;
		case INSN_APPEND:
			append(&r[in->a], r[in->b]);
			break;
		case INSN_MARK:
			r[in->a] = value_mark(r[in->a], VALUE_SECRET);
			break;
		case INSN_GIVEN_PARAM:
			if (machine->given[in->a])
				frame->pc = (uint32_t)in->d;
			break;
		case INSN_PARAM_FITS:
			param_fits(fiber, r[in->a], (uint32_t)in->d);
			break;
		case INSN_PARAM_HOLDS:
			param_holds(fiber, r[in->a], (uint32_t)in->d);
			break;
		case INSN_PARAMS_DONE:
			GO(params_done(fiber));
			break;
		case INSN_JUMP:
			frame->pc = (uint32_t)in->d;
			break;
		case INSN_LOOP:
			if (fiber_interrupted(fiber)) {
				DO(fiber_raise_now(fiber));
				break;
			}
			frame->pc = (uint32_t)in->d;
			GO(spend(fiber));
			break;
		case INSN_IF:
			if (r[in->a].tag == VALUE_UNKNOWN)
				GO(unknown_choice(fiber, in));
			else if (!value_truthy(r[in->a]))
				frame->pc = (uint32_t)in->d;
			break;
		case INSN_ELSE:
			arm_else(fiber, in);
			break;
		case INSN_BLUR:
			if (behind_arms(fiber))
				put(&r[in->a], value_unknown());
			break;
		case INSN_ENDIF:
			if (behind_arms(fiber)) {
				tell(machine, EVENT_ARM, "", fiber, "end", value_null(), fiber_at(fiber));
				fiber_pop_region(fiber);
			}
			break;
		case INSN_JUMP_TRUE:
			if (value_truthy(r[in->a]))
				frame->pc = (uint32_t)in->d;
			break;
		case INSN_JUMP_FALSE:
			if (r[in->a].tag != VALUE_UNKNOWN && !value_truthy(r[in->a]))
				frame->pc = (uint32_t)in->d;
			break;
		case INSN_JUMP_SET:
			if (r[in->a].tag != VALUE_NULL)
				frame->pc = (uint32_t)in->d;
			break;
		case INSN_JUMP_UNKNOWN:
			if (r[in->a].tag == VALUE_UNKNOWN)
				frame->pc = (uint32_t)in->d;
			break;
		case INSN_NEXT:
			GO(next(fiber, r, in));
			break;
		case INSN_WHILE:
			GO(while_round(fiber, r, in));
			break;
		case INSN_CALL:
			GO(spend(fiber) && call_function(fiber, in));
			break;
		case INSN_LEAVE:
			GO(leave(fiber));
			break;
		case INSN_RETURN:
			GO(return_value(fiber, value_copy(r[in->a])));
			break;
		case INSN_PURE:
			GO(pure_call(fiber, in, r));
			break;
		case INSN_EFFECT:
			if (fiber_interrupted(fiber)) {
				DO(fiber_raise_now(fiber));
				break;
			}
			GO(effect_call(fiber, in));
			break;
		case INSN_GIVEN:
			GO(given_answer(fiber, in));
			break;
		case INSN_END_FIBER:
			fiber_end(fiber, NULL);
			return;
		case INSN_LOG:
			log_text(fiber, r[in->a], in->b);
			break;
		case INSN_FAIL:
			DO(fail_with(fiber, r[in->a]));
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
		case INSN_CHECK_END:
			if (program->checks[in->d].region)
				fiber_pop_region(fiber);
			DO(check_result(fiber, (uint32_t)in->d, r[in->a], NULL, frame->pc));
			break;
		case INSN_POLL_BEGIN:
			DO(poll_begin(fiber, in->a, (uint32_t)in->d));
			break;
		case INSN_POLL_TEST:
			DO(poll_test(fiber, r[in->a], NULL));
			break;
		case INSN_VERIFY_BEGIN:
			fiber_push_region(fiber, REGION_VERIFY)->a = in->a;
			fiber_region(fiber)->verify = memory_need(calloc(1, sizeof(struct verify)));
			fiber_region(fiber)->verify->failed = list_new(4);
			break;
		case INSN_VERIFY_END:
			DO(verify_end(fiber));
			break;
		case INSN_TIMEOUT_BEGIN:
			timeout_begin(fiber, in);
			break;
		case INSN_TIMEOUT_END:
		case INSN_TRY_END:
			fiber_pop_region(fiber);
			break;
		case INSN_ANSWERED:
			DO(person_answered(fiber, r[in->a], (uint32_t)in->d));
			break;
		case INSN_PHASE_BEGIN:
			phase_begin(fiber, in);
			break;
		case INSN_PHASE_END:
			phase_close(fiber, "done");
			break;
		case INSN_STEP_BEGIN:
			GO(step_begin(fiber, in));
			break;
		case INSN_SKIP:
			skip_step(fiber, r[in->a]);
			break;
		case INSN_STEP_DONE:
			step_done(fiber);
			break;
		case INSN_STEP_END:
			GO(step_end(fiber));
			break;
		case INSN_RERAISE:
			GO(reraise(fiber));
			break;
		case INSN_TRY_BEGIN:
			try_begin(fiber, in);
			break;
		case INSN_CATCH:
			caught(fiber, &r[in->a]);
			break;
		case INSN_PLAN_TIMEOUT:
			if (r[in->a].tag == VALUE_DURATION)
				machine_limit(machine, r[in->a].i);
			break;
		case INSN_WATCH_BEGIN:
			watch_begin(fiber, in);
			break;
		case INSN_WATCH_END:
			GO(watch_end(fiber));
			break;
		case INSN_SLEEP:
			GO(hold(fiber, r[in->a], in->b == 1));
			break;
		case INSN_GROUP_BEGIN:
			GO(group_begin(fiber, r[in->a]));
			break;
		case INSN_SPAWN:
			spawn(fiber, in);
			break;
		case INSN_ROOM:
			GO(room(fiber));
			break;
		case INSN_GROUP_END:
			GO(group_end(fiber, in));
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
		case INSN_SAMPLE_WAIT:
			DO(sampler_wait(fiber));
			break;
		case INSN_SAMPLE_BEGIN:
			fiber_push_region(fiber, REGION_SAMPLE)->pc = (uint32_t)in->d;
			break;
		case INSN_SAMPLE_END:
			out = value_copy(r[in->a]);
			fiber_pop_region(fiber);
			DO(sampler_judge(fiber, out, NULL));
			break;
		case INSN_COUNT:
			break;
		}
	}
}
