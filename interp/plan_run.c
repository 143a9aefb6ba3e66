/*
 * plan_run.c - a plan under way: its params, its course, the order of its end. The run's own plan and the
 * child plans that it runs (`run plan`) take the same way. A child's course is a fiber in a group of the
 * fiber that runs it, so it is cancelled and waited for like a branch; its node in the tree of what may have
 * to be undone stands for the whole of it.
 */
#include <stdlib.h>
#include <string.h>

#include "interp/check.h"
#include "interp/environment.h"
#include "interp/machine_inside.h"

static void next_stage(struct plan_run *plan);

/* ---- params and secrets ---- */

static void note_wrong(struct plan_run *plan, const char *kind, const char *name, struct value why)
{
	struct value entry = record_new(4);

	record_set(&entry, "name", value_string(name));
	record_set(&entry, "kind", value_string(kind));
	record_set(&entry, "why", why);
	record_set(&entry, "mendable", value_bool(plan->mendable));
	list_push(&plan->wrong, entry);
}

/* "lib.plan:4" */
static struct value place_of(const struct plan_run *plan, struct span at)
{
	const struct sources *sources = plan->machine->program->compilation->sources;

	return value_string_printf("%s:%u", source_get(sources, at.file)->path,
				   source_position(sources, at.file, at.from).line);
}

/* What depends on it is unknown as well, so nothing else is wrong because of it. */
static void refuse_param(struct plan_run *plan, const struct param_code *param, const char *why, const char *what)
{
	struct value *v = &plan->globals[param->global], shown = value_show(*v, 60),
		     place = place_of(plan, param->node->param.name.span);

	note_wrong(plan, "param", param->name,
		   value_string_printf("%s %s%s%s (%s)", value_text_peek(shown), why, what ? what : "", what ? "`" : "",
				       value_text_peek(place)));
	value_put(v, value_unknown());
	value_release(place);
	value_release(shown);
}

void plan_param_fits(struct plan_run *plan, struct value v, uint32_t number)
{
	const struct param_code *param = &plan->code->params[number];

	if (param->type && v.tag == VALUE_NULL && !plan->given[number] && param->type->kind != TYPE_ANY) {
		/* A default of null is the author's own; the checker has seen it. */
		return;
	}
	if (param->type && v.tag != VALUE_UNKNOWN && !type_fits(param->type, v)) {
		struct arena arena;
		arena_init(&arena);
		refuse_param(plan, param, "is not of type `", type_text(&arena, param->type));
		arena_free(&arena);
	}
}

void plan_param_holds(struct plan_run *plan, struct value held, uint32_t number)
{
	const struct param_code *param = &plan->code->params[number];

	if (held.tag != VALUE_UNKNOWN && !value_truthy(held))
		refuse_param(plan, param, "does not satisfy `", param->source);
}

void plan_no_secret(struct plan_run *plan, const struct outcome *outcome)
{
	value_put(&plan->no_secret, value_copy(outcome->message));
	plan->mendable = outcome->value.tag == VALUE_BOOL && outcome->value.b;
}

void plan_take_secret(struct plan_run *plan, struct value *v, uint32_t number)
{
	const struct secret_code *secret = &plan->code->secrets[number];
	struct value place;

	if (plan->no_secret.tag == VALUE_NULL)
		return;
	place = place_of(plan, secret->span);
	note_wrong(plan, "secret", secret->name,
		   value_string_printf("%s (%s)", value_text_peek(plan->no_secret), value_text_peek(place)));
	value_put(&plan->no_secret, value_null());
	plan->mendable = false;
	value_put(v, value_unknown());
	value_release(place);
}

static bool is_given(const struct run_code *run, uint32_t param)
{
	for (uint32_t i = 0; i < run->count; i++)
		if (run->params[i] == param)
			return true;
	return false;
}

/* The environment in which a child plan runs: the run's, where it has one, else the child's own default. */
static const char *environment_of(const struct machine *machine, const struct plan_code *code)
{
	return machine->options->environment ? machine->options->environment
					     : environment_default(code->compilation);
}

static void note_no_environment(struct plan_run *plan, const struct plan_code *child, const char *environment,
				struct value place)
{
	struct module *module = child->compilation->modules;
	const struct node *item = NULL;
	struct value all = value_string("");

	while ((item = environment_next(&module, item, NULL)))
		value_put(&all, value_string_printf("%s%s`%s`", value_text_peek(all), value_length(all) ? ", " : "",
						    item->environment.name.text));
	note_wrong(plan, "environment", child->compilation->main->path,
		   value_string_printf("has no environment `%s`, and is run at %s; it has %s", environment,
				       value_text_peek(place), value_text_peek(all)));
	value_release(all);
}

static void note_open_param(struct plan_run *plan, const struct param_code *param, const char *environment,
			    struct value place)
{
	struct value declared = place_of(plan, param->node->param.name.span);

	note_wrong(plan, "param", param->name,
		   environment ? value_string_printf("missing in the environment `%s` (%s): set it there, or at %s",
						     environment, value_text_peek(declared), value_text_peek(place))
			       : value_string_printf("missing (%s): give it at %s", value_text_peek(declared),
						     value_text_peek(place)));
	value_release(declared);
}

/* What an environment leaves open is known as soon as the environment is, before anything has begun. */
static void note_children(struct plan_run *plan)
{
	const struct program *program = plan->machine->program;

	for (uint32_t i = 0; i < program->run_count; i++) {
		const struct run_code *run = &program->runs[i];
		const struct plan_code *child = &program->plans[run->plan];
		const char *environment = environment_of(plan->machine, child);
		struct module *module = child->compilation->modules, *any = module;
		struct value place = place_of(plan, run->span);

		if (environment && !environment_next(&module, NULL, environment) &&
		    environment_next(&any, NULL, NULL))
			note_no_environment(plan, child, environment, place);
		else
			for (uint32_t k = 0; k < child->param_count; k++)
				if (!is_given(run, k) && !child->params[k].node->param.initial &&
				    !environment_setting(child->compilation, environment, child->params[k].node))
					note_open_param(plan, &child->params[k], environment, place);
		value_release(place);
	}
}

static bool has_wrong(const struct plan_run *plan, bool secret)
{
	for (size_t i = 0; i < value_length(plan->wrong); i++)
		if (secret == !strcmp(value_text_peek(record_peek(list_peek(plan->wrong, i), "kind")), "secret"))
			return true;
	return false;
}

static struct value wrong_lines(struct value wrong)
{
	struct value lines = list_new(value_length(wrong)), all;

	for (size_t i = 0; i < value_length(wrong); i++)
		list_push(&lines,
			  value_string_printf("%s`%s`: %s", i ? "; " : "",
					      value_text_peek(record_peek(list_peek(wrong, i), "name")),
					      value_text_peek(record_peek(list_peek(wrong, i), "why"))));
	all = concat(lines.list->items, (uint32_t)value_length(lines));
	value_release(lines);
	return all;
}

/* Nothing of a child has begun either, but the run that it belongs to has. */
static struct failure *wrong_failure(struct fiber *fiber)
{
	const struct plan_run *plan = fiber->plan;
	bool params = has_wrong(plan, false), secrets = has_wrong(plan, true);
	struct value all = wrong_lines(plan->wrong);
	struct failure *failure = failure_new(
		fiber, plan->outer || !params ? FAILURE_GUARD : FAILURE_USAGE, "%s%s%s%s: %s",
		!secrets ? "wrong params" : params ? "wrong params, missing secrets" : "missing secrets",
		plan->outer ? " of \"" : "", plan->outer ? plan->code->title : "", plan->outer ? "\"" : "",
		value_text_peek(all));

	failure->detail = value_copy(plan->wrong);
	value_release(all);
	return failure;
}

/* Will the run come here, unless something fails before? Not known in an arm of what is unknown, or behind a `skip if`; and
 * what fails in a `try` is none of the run's. */
static bool is_certain(const struct fiber *fiber)
{
	for (; fiber; fiber = fiber->group ? fiber->group->owner : NULL) {
		if (fiber->handler || (fiber->perhaps && fiber->perhaps <= fiber->depth))
			return false;
		for (uint32_t i = 0; i < fiber->region_count; i++)
			if (fiber->regions[i].kind == REGION_ARM || fiber->regions[i].kind == REGION_TRY ||
			    fiber->regions[i].perhaps)
				return false;
	}
	return true;
}

static void tell_wanting(struct plan_run *plan)
{
	const struct machine_options *options = plan->machine->options;

	options->wanting(options->context, &(struct wanting){
						   .plan = plan->outer ? plan->code->title : NULL,
						   .wrong = plan->wrong,
						   .certain = is_certain(plan->root),
					   });
	value_put(&plan->wrong, list_new(4));
}

bool plan_ready(struct fiber *fiber)
{
	struct plan_run *plan = fiber->plan;

	if (!plan->outer)
		note_children(plan);
	if (!value_length(plan->wrong))
		return true;
	if (plan->machine->options->wanting) {
		tell_wanting(plan);
		return true;
	}
	fiber_raise(fiber, wrong_failure(fiber));
	return fiber_goes_on(fiber);
}

static void take_param(struct plan_run *plan, uint32_t number, struct value v)
{
	const struct param_code *param = &plan->code->params[number];

	if (v.tag == VALUE_INT && param->type && param->type->kind == TYPE_FLOAT)
		v = value_mark(value_float((double)v.i), v.flags);
	plan->given[number] = true;
	value_put(&plan->globals[param->global], v);
}

static void take_environment(struct plan_run *plan)
{
	const char *environment = environment_of(plan->machine, plan->code);

	for (uint32_t i = 0; i < plan->code->param_count; i++) {
		const struct node *setting = plan->given[i]
						 ? NULL
						 : environment_setting(plan->code->compilation, environment,
								       plan->code->params[i].node);
		struct value v;
		if (setting && environment_value(setting, &v))
			take_param(plan, i, v);
	}
}

static void take_options(struct plan_run *plan)
{
	const struct machine_options *options = plan->machine->options;

	for (uint32_t i = 0; i < plan->code->param_count; i++)
		for (size_t k = 0; k < options->param_count; k++)
			if (!strcmp(plan->code->params[i].name, options->params[k].name))
				take_param(plan, i, value_copy(options->params[k].value));
}

/* A run has one lock. What a child's is called is compared where the checker could not. */
bool plan_lock(struct fiber *fiber, struct value name)
{
	struct machine *machine = fiber->machine;

	if (!fiber->plan->outer) {
		value_put(&machine->lock, value_copy(name));
		return true;
	}
	if (name.tag == VALUE_UNKNOWN || machine->lock.tag == VALUE_UNKNOWN ||
	    value_equal(name, machine->lock))
		return true;
	struct value wanted = value_to_text(name), held = value_to_text(machine->lock);
	fiber_raise(fiber,
		    failure_new(fiber, FAILURE_GUARD,
				"\"%s\" wants the lock \"%s\", and this run holds \"%s\"",
				fiber->plan->code->title, value_text_peek(wanted), value_text_peek(held)));
	value_release(wanted);
	value_release(held);
	return fiber_goes_on(fiber);
}

/* ---- handlers ---- */

struct value handler_end(const char *kind, const struct failure *failure)
{
	struct value data = record_new(4);

	record_set(&data, "kind", value_string(kind));
	record_set(&data, "outcome", value_string(failure ? "failed" : "done"));
	record_set(&data, "message", failure ? value_copy(failure->message) : value_null());
	return data;
}

/* The handlers of a child are told with its title. */
static const char *handler_title(const struct plan_run *plan, const char *kind)
{
	return plan->outer ? value_text_peek(plan->node->title) : kind;
}

void plan_handler_ended(struct fiber *fiber, const char *kind, struct failure *failure)
{
	tell_plan(fiber->plan, EVENT_HANDLER_ENDED, fiber->path, handler_title(fiber->plan, kind),
		  handler_end(kind, failure), (struct span){0});
	failure_free(failure);
}

/* It sees what the course saw, and runs on a copy of its frame. */
struct fiber *plan_handler(struct plan_run *plan, uint32_t pc, const char *kind)
{
	const struct function *course = &plan->machine->program->functions[plan->code->function];
	char *path = plan->outer ? text_printf("%s %s", plan->node->id, kind) : text_printf("%s", kind);
	struct fiber *fiber = fiber_new(plan, path, course, pc);
	struct value data = record_new(1);

	for (uint32_t i = 0; i < course->registers; i++)
		fiber->registers[i] = value_copy(plan->root->registers[i]);
	fiber->handler = true;
	record_set(&data, "kind", value_string(kind));
	tell_plan(plan, EVENT_HANDLER_STARTED, path, handler_title(plan, kind), data, (struct span){0});
	free(path);
	fiber_ready(fiber);
	return fiber;
}

/* What was to be done at the end and was not is a person's now. Consumes title. */
static void left_to_a_person(struct plan_run *plan, struct value title, const struct failure *failure)
{
	struct value entry = record_new(2);

	record_set(&entry, "title", title);
	record_set(&entry, "message", value_copy(failure->message));
	list_push(&plan->machine->by_hand, entry);
}

/* `on failure` and `on rollback` tell of what has failed anyhow, and been undone. */
static void stage_ended(struct fiber *fiber, struct failure *failure, void *context)
{
	struct plan_run *plan = fiber->plan;

	if (failure && (plan->stage == END_ON_SUCCESS || plan->stage == END_FINALLY))
		left_to_a_person(plan,
				 plan->outer ? value_string_printf("%s of \"%s\"", (const char *)context,
								   value_text_peek(plan->node->title))
					     : value_string(context),
				 failure);
	plan_handler_ended(fiber, context, failure);
	next_stage(plan);
}

static void run_stage(struct plan_run *plan, uint32_t pc, const char *kind)
{
	struct fiber *fiber = plan_handler(plan, pc, kind);

	fiber->ended = stage_ended;
	fiber->context = (void *)kind;
}

static void deferred_ended(struct fiber *fiber, struct failure *failure, void *context)
{
	struct machine *machine = fiber->machine;
	struct plan_run *plan = fiber->plan;
	struct deferred *deferred = context;

	tell_plan(plan, EVENT_HANDLER_ENDED, deferred->id, value_text_peek(deferred->title),
		  handler_end("defer", failure), deferred->code->span);
	if (failure)
		left_to_a_person(
			plan, value_string_printf("deferred in \"%s\"", value_text_peek(deferred->title)), failure);
	failure_free(failure);
	plan->deferring = NULL;
	machine->deferrals--;
	deferred_free(deferred);
	next_stage(plan);
}

static void run_deferred(struct plan_run *plan)
{
	struct deferred *deferred = saga_take_deferred(plan);
	const struct defer_code *code = deferred->code;
	struct value data = record_new(1);

	plan->deferring = deferred;
	record_set(&data, "kind", value_string("defer"));
	tell_plan(plan, EVENT_HANDLER_STARTED, deferred->id, value_text_peek(deferred->title), data,
		  code->span);
	struct fiber *fiber = handler_fiber(plan, deferred->id, deferred->function, code->handler,
					    code->captures, code->capture_count, deferred->captured);
	fiber->ended = deferred_ended;
	fiber->context = deferred;
}

/* ---- the order of the end ---- */

static void unwound(struct machine *machine, const struct unwound *result, void *context)
{
	struct plan_run *plan = context;
	struct value data = record_new(3);

	plan->unwinding = NULL;
	timer_stop(machine, &plan->unwind_timer);
	if (result->failed)
		machine->unwound_incomplete = plan->failure->incomplete = true;
	plan->rolled_back |= result->done + result->failed > 0;
	record_set(&data, "done", value_int(result->done));
	record_set(&data, "failed", value_int(result->failed));
	tell_plan(plan, EVENT_UNWOUND, plan->outer ? plan->node->id : "", "", data, (struct span){0});
	next_stage(plan);
}

static void unwinding_late(struct machine *machine, void *context)
{
	struct plan_run *plan = context;

	(void)machine;
	if (plan->unwinding)
		unwinding_cut(plan->unwinding, "the time for the whole rollback is over");
}

static void note_kept(struct machine *machine, const struct saga *saga)
{
	if (saga->kind == SAGA_STEP && saga->state == SAGA_ARMED && saga->kept) {
		struct value entry = record_new(2);
		record_set(&entry, "title", value_copy(saga->title));
		record_set(&entry, "why", value_string(saga->keeper));
		list_push(&machine->stays, entry);
	}
	for (const struct saga *child = saga->first; child; child = child->next)
		note_kept(machine, child);
}

static void start_unwinding(struct plan_run *plan)
{
	struct machine *machine = plan->machine;
	struct value bound =
	    plan->code->within < 0 ? value_null() : plan->root->registers[plan->code->within];

	if (!plan->outer)
		note_kept(machine, plan->node);
	if (!saga_armed(plan->node)) {
		next_stage(plan);
		return;
	}
	if (bound.tag == VALUE_DURATION)
		timer_start(machine, &plan->unwind_timer, later(machine, bound.i), unwinding_late, plan);
	plan->unwinding = saga_unwind(machine, plan->node, plan->failure, unwound, plan);
}

/* A child has ended: what it failed with goes on in the plan that runs it. */
static void child_over(struct plan_run *plan)
{
	struct fiber *root = plan->root;
	struct group *group = root->group;
	struct failure *failure = plan->failure;
	struct value data = record_new(3);

	plan->failure = NULL;
	if (failure) {
		failure->undone |= plan->rolled_back;
		if (failure->kind ==
		    FAILURE_PLAN_TIMEOUT) /* its own: for the plan around it a step that took too long */
			failure->kind = FAILURE_TIMEOUT;
	}
	record_set(&data, "outcome",
		   value_string(!failure		     ? "done"
				: failure_catchable(failure) ? "failed"
							     : "cancelled"));
	record_set(&data, "message", failure ? value_copy(failure->message) : value_null());
	record_set(&data, "elapsed", value_duration(plan->machine->now - plan->started));
	tell_plan(plan, EVENT_STEP_ENDED, plan->node->id, value_text_peek(plan->node->title), data,
		  plan->run->span);
	group_child_ended(root, failure, group);
	if (!saga_holds(plan->node)) {
		plan->next_over = plan->machine->over;
		plan->machine->over = plan;
	}
}

/* Handlers, `on rollback`, `on failure`, deferred blocks newest first, `finally`; after success `on success`
 * first. */
static void next_stage(struct plan_run *plan)
{
	const struct plan_handlers *handlers = &plan->code->handlers;

	bool again = plan->failure && plan->failure->kind == FAILURE_ROLLBACK; /* its end has been */

	for (;;) {
		if (plan->stage == END_DEFERS && plan->deferred) {
			run_deferred(plan);
			return;
		}
		plan->stage++;
		switch (plan->stage) {
		case END_UNWIND:
			if (plan->failure) {
				start_unwinding(plan);
				return;
			}
			break;
		case END_ON_ROLLBACK:
			if (plan->rolled_back && handlers->on_rollback != NOWHERE) {
				run_stage(plan, handlers->on_rollback, "on rollback");
				return;
			}
			break;
		case END_ON_FAILURE:
			if (plan->failure && !again && handlers->on_failure != NOWHERE) {
				run_stage(plan, handlers->on_failure, "on failure");
				return;
			}
			break;
		case END_ON_SUCCESS:
			if (!plan->failure && handlers->on_success != NOWHERE) {
				run_stage(plan, handlers->on_success, "on success");
				return;
			}
			break;
		case END_FINALLY:
			if (!again && handlers->finally != NOWHERE) {
				run_stage(plan, handlers->finally, "finally");
				return;
			}
			break;
		case END_QUESTIONS:
			if (!again && handlers->questions != NOWHERE) {
				run_stage(plan, handlers->questions, "test");
				return;
			}
			break;
		case END_DONE:
			if (plan->outer)
				child_over(plan);
			return;
		default:
			break;
		}
	}
}

void plan_roll_back(struct plan_run *plan, struct value asked)
{
	failure_free(plan->failure);
	plan->failure = failure_new(plan->root, FAILURE_ROLLBACK, "the run is undone, as %s wants it",
				    value_text_peek(record_peek(asked, "operator")));
	if (value_truthy(record_peek(asked, "past_checkpoints")))
		saga_pass_checkpoints(plan->node);
	value_put(&plan->failure_value, failure_record(plan->failure));
	plan->rolled_back = false;
	plan->stage = END_FORWARD;
	next_stage(plan);
}

/* What is refused has not begun: nothing is undone, nothing told by handlers. The same holds for wrong
 * params. */
static bool refuses(const struct plan_run *plan, const struct failure *failure)
{
	if (!failure || plan->machine->changed)
		return false;
	return failure->kind == FAILURE_GUARD || failure->kind == FAILURE_REFUSED ||
	       failure->kind == FAILURE_USAGE;
}

static void tell_failed(struct plan_run *plan)
{
	const struct failure *failure = plan->failure;
	struct value data;

	value_put(&plan->failure_value, failure_record(failure));
	if (plan->outer && failure->kind == FAILURE_CANCELLED)
		return; /* why, the plan around it tells */
	data = record_new(3);
	record_set(&data, "kind", value_string(failure_kind_name(failure->kind)));
	record_set(&data, "detail", value_copy(failure->detail));
	record_set(&data, "parts", value_copy(failure->parts));
	record_set(&data, "title", value_string(failure->step));
	tell_plan(plan, EVENT_FAILED, failure->step_id, value_text_peek(failure->message), data, failure->at);
}

static void course_ended(struct fiber *fiber, struct failure *failure, void *context)
{
	struct plan_run *plan = fiber->plan;

	(void)context;
	timer_stop(plan->machine, &plan->timer);
	if (failure && failure_catchable(failure) && value_length(plan->wrong)) { /* a constant failed for want of what is wrong */
		failure_free(failure);
		failure = wrong_failure(fiber);
	}
	plan->failure = failure;
	plan->refused = refuses(plan, failure);
	plan->rolled_back = failure && failure->undone;
	if (failure)
		tell_failed(plan);
	if (value_length(plan->wrong))
		plan->stage = END_FINALLY; /* its constants have no values yet */
	else if (plan->refused)
		plan->stage = END_ON_SUCCESS; /* deferred blocks and `finally` only */
	next_stage(plan);
}

/* ---- its timeout ---- */

static void plan_late(struct machine *machine, void *context)
{
	struct plan_run *plan = context;

	(void)machine;
	fiber_interrupt(plan->root,
			failure_new(plan->root, FAILURE_PLAN_TIMEOUT, "the plan's timeout has passed"));
}

void plan_limit(struct plan_run *plan, int64_t after)
{
	if (plan->stage == END_FORWARD)
		timer_start(plan->machine, &plan->timer, later(plan->machine, after), plan_late, plan);
}

/* ---- life ---- */

static struct plan_run *plan_run_new(struct machine *machine, const struct plan_code *code,
				     struct plan_run *outer, struct saga *parent)
{
	struct plan_run *plan = memory_need(calloc(1, sizeof(*plan)));

	plan->machine = machine;
	plan->code = code;
	plan->outer = outer;
	plan->started = machine->now;
	plan->globals = memory_need(calloc(code->global_count + 1, sizeof(struct value)));
	plan->given = memory_need(calloc(code->param_count + 1, sizeof(bool)));
	plan->wrong = list_new(4);
	plan->value = record_new(1);
	record_set(&plan->value, "title", value_string(code->title));
	plan->node = saga_new(SAGA_PLAN, parent);
	plan->node->plan = plan;
	return plan;
}

static void start_course(struct plan_run *plan, const char *path)
{
	plan->root = fiber_new(plan, path, &plan->machine->program->functions[plan->code->function], 0);
	plan->root->ended = course_ended;
}

void plan_run_main(struct machine *machine)
{
	struct plan_run *plan = plan_run_new(machine, &machine->program->plans[0], NULL, NULL);

	machine->main = plan;
	take_options(plan);
	start_course(plan, "0");
	fiber_ready(plan->root);
}

static void tell_child(const struct plan_run *plan)
{
	struct value data = record_new(3), params = record_new(plan->code->param_count);

	for (uint32_t i = 0; i < plan->code->param_count; i++)
		if (plan->given[i])
			record_set(&params, plan->code->params[i].name,
				   value_copy(plan->globals[plan->code->params[i].global]));
	record_set(&data, "name", value_null());
	record_set(&data, "plan", value_string(plan->code->compilation->main->path));
	record_set(&data, "params", params);
	tell_plan(plan, EVENT_STEP_STARTED, plan->node->id, value_text_peek(plan->node->title), data,
		  plan->run->span);
}

void plan_run_child(struct fiber *fiber, const struct run_code *run, const struct value *given)
{
	struct machine *machine = fiber->machine;
	struct region *region = fiber_push_region(fiber, REGION_GROUP);
	struct plan_run *plan =
	    plan_run_new(machine, &machine->program->plans[run->plan], fiber->plan, fiber->saga);
	char *path = text_numbered(fiber->path, '.', ++fiber->spawned);

	region->group = group_new(fiber, 0);
	plan->run = run;
	plan->node->id = text_numbered(fiber->path, '/', ++fiber->steps);
	plan->node->title = value_string(plan->code->title);
	for (uint32_t i = 0; i < run->count; i++)
		take_param(plan, run->params[i], value_copy(given[i]));
	take_environment(plan);
	tell_child(plan);
	start_course(plan, path);
	group_enter(region->group, fiber, plan->root);
	plan->root->ended = course_ended;
	plan->root->saga = plan->root->step = plan->node;
	free(path);
}

void plan_run_free(struct plan_run *plan)
{
	if (!plan)
		return;
	timer_stop(plan->machine, &plan->timer);
	timer_stop(plan->machine, &plan->unwind_timer);
	if (plan->root)
		fiber_free(plan->root);
	if (plan->deferring)
		deferred_free(plan->deferring);
	while (plan->deferred) {
		struct deferred *next = plan->deferred->next;
		deferred_free(plan->deferred);
		plan->deferred = next;
	}
	failure_free(plan->failure);
	value_release(plan->failure_value);
	for (uint32_t i = 0; i < plan->code->global_count; i++)
		value_release(plan->globals[i]);
	free(plan->globals);
	free(plan->given);
	value_release(plan->wrong);
	value_release(plan->no_secret);
	value_release(plan->value);
	free(plan);
}

void plans_over(struct machine *machine)
{
	while (machine->over) {
		struct plan_run *plan = machine->over;
		machine->over = plan->next_over;
		saga_free(plan->node);
	}
}
