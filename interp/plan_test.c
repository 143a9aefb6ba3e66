/* plan_test.c - see plan_test.h. */
#include "interp/plan_test.h"

#include <stdlib.h>
#include <string.h>

#include "grammar/ast.h"
#include "interp/check.h"
#include "interp/drivers.h"

/* ---- what is written ---- */

const struct node *plan_test_next(const struct compilation *compilation, const struct node *before)
{
	const struct node *item = before ? before->next : compilation->main->file->file.items;

	while (item && item->kind != NODE_TEST)
		item = item->next;
	return item;
}

const char *plan_test_title(const struct node *test)
{
	size_t length;
	const char *title = node_literal_text(test->test.title, &length);

	return title ? title : "";
}

static const struct node *run_part(const struct node *test)
{
	const struct node *part = test->test.parts;

	while (part->kind != NODE_TEST_RUN)
		part = part->next;
	return part;
}

const char *plan_test_environment(const struct node *test)
{
	const struct node *name = run_part(test)->test_run.environment;
	size_t length;

	return name ? node_literal_text(name, &length) : NULL;
}

const struct node *plan_test_params(const struct node *test)
{
	const struct node *params = run_part(test)->test_run.params;

	return params ? params->record.entries : NULL;
}

static const struct node *given_number(const struct node *test, uint32_t number)
{
	const struct node *part = test->test.parts;

	for (;; part = part->next)
		if (part->kind == NODE_GIVEN && number-- == 0)
			return part;
}

/* ---- its run ---- */

struct watcher {
	const struct test_run *run;
	struct test_result *result;
	struct driver *driver;
	uint32_t givens;
	bool asking; /* the run is over, the conditions are evaluated */
};

static const char *target_name(const struct node *target)
{
	const struct node *name = target->kind == NODE_CALL ? target->call.callee : target;

	return name->builtin ? name->builtin->name : name->symbol->name;
}

static struct value as_answers(struct value v)
{
	struct value list;

	if (v.tag == VALUE_LIST && value_length(v) > 0)
		return value_copy(v);
	list = list_new(1);
	list_push(&list, value_copy(v));
	return list;
}

void plan_test_give(struct driver *simulation, const struct node *test, uint32_t number, const struct value *v)
{
	static const enum given_kind kinds[] = {
	    [VERB_RETURNS] = GIVEN_ANSWERS, [VERB_FAILS] = GIVEN_FAILS, [VERB_REFUSES] = GIVEN_REFUSES,
	    [VERB_TAKES] = GIVEN_TAKES,	    [VERB_HANGS] = GIVEN_NEVER,
	};
	const struct node *node = given_number(test, number);
	struct given given = {
	    .target = target_name(node->given.target),
	    .args = v[0],
	    .kind = kinds[node->given.verb],
	    .details = v[2],
	    .times = node->given.times ? (size_t)node->given.times->integer : 0,
	    .delay = v[3].tag == VALUE_DURATION ? v[3].i : 0,
	};

	if (given.kind == GIVEN_ANSWERS)
		given.answers = as_answers(v[1]);
	else if (given.kind == GIVEN_TAKES)
		given.delay = v[1].tag == VALUE_DURATION ? v[1].i : 0;
	else
		given.message = v[1];
	simulate_given(simulation, &given);
	value_release(given.answers);
}

static void hold_given(void *context, uint32_t number, const struct value *v)
{
	struct watcher *watcher = context;

	plan_test_give(watcher->driver, watcher->run->test, number, v);
	watcher->givens++;
}

static void note_miss(struct test_result *result, const struct event *event, const char *condition,
		      struct value message)
{
	struct test_miss *miss;

	result->missed =
	    memory_need(realloc(result->missed, (result->missed_count + 1) * sizeof(*result->missed)));
	miss = &result->missed[result->missed_count++];
	miss->at = event->at;
	miss->condition = value_string(condition);
	miss->label = value_string(strcmp(event->text, condition) == 0 ? "" : event->text);
	miss->parts = value_copy(record_peek(event->data, "parts"));
	miss->message = message;
}

static void note_answer(struct test_result *result, const struct event *event)
{
	bool held;

	if (event->kind == EVENT_ASSUMED) {
		note_miss(result, event, event->text,
			  value_string("it depends on a read that nobody answered: say what is `given`"));
	} else if (event->kind == EVENT_CHECK) {
		held = strcmp(value_text_peek(record_peek(event->data, "outcome")), "held") == 0;
		if (held)
			result->held_count++;
		else
			note_miss(result, event, value_text_peek(record_peek(event->data, "condition")),
				  value_copy(record_peek(event->data, "message")));
	} else if (event->kind == EVENT_HANDLER_ENDED && result->missed_count == 0) {
		result->problem = value_copy(record_peek(event->data, "message"));
	}
}

static void note_end(struct test_result *result, const struct event *event)
{
	result->outcome = value_copy(record_peek(event->data, "outcome"));
	result->failure = value_copy(record_peek(event->data, "failure"));
	result->elapsed = event->now;
}

static void see(void *context, const struct event *event)
{
	struct watcher *watcher = context;

	if (event->kind == EVENT_RUN_ENDED) {
		watcher->asking = false;
		note_end(watcher->result, event);
	}
	if (event->kind == EVENT_HANDLER_STARTED && strcmp(event->id, "test") == 0)
		watcher->asking = true;
	if (watcher->asking)
		note_answer(watcher->result, event);
	else if (watcher->run->see)
		watcher->run->see(watcher->run->context, event);
}

static void note_unused(struct watcher *watcher)
{
	struct test_result *result = watcher->result;
	uint32_t i;

	result->unused = memory_need(calloc(watcher->givens + 1, sizeof(*result->unused)));
	for (i = 0; i < watcher->givens; i++)
		if (simulate_asked(watcher->driver, i) == 0)
			result->unused[result->unused_count++] = given_number(watcher->run->test, i);
}

void plan_test_run(const struct test_run *run, struct test_result *result)
{
	struct driver *driver = simulate_driver_new(run->program->compilation->registry);
	struct journal *journal = journal_new(NULL);
	struct watcher watcher = {.run = run, .result = result, .driver = driver};
	const struct machine_options options = {
	    .program = run->program,
	    .driver = driver,
	    .journal = journal,
	    .run_id = "test",
	    .environment = run->environment,
	    .operator_name = "operator",
	    .params = run->params,
	    .param_count = run->param_count,
	    .calls = &result->calls,
	    .given = hold_given,
	    .context = &watcher,
	};
	struct machine *machine;

	*result = (struct test_result){0};
	journal_observe(journal, see, &watcher);
	machine = machine_new(&options);
	result->exit = machine_run(machine);
	machine_free(machine);
	if (simulate_problem(driver))
		value_put(&result->problem, value_string(simulate_problem(driver)));
	note_unused(&watcher);
	result->passed = result->missed_count == 0 && result->unused_count == 0 &&
			 result->problem.tag == VALUE_NULL && result->held_count > 0;
	journal_free(journal);
	driver->ops->free(driver);
}

void test_result_free(struct test_result *result)
{
	size_t i;

	for (i = 0; i < result->missed_count; i++) {
		value_release(result->missed[i].condition);
		value_release(result->missed[i].label);
		value_release(result->missed[i].parts);
		value_release(result->missed[i].message);
	}
	free(result->missed);
	free(result->unused);
	calls_free(&result->calls);
	value_release(result->outcome);
	value_release(result->failure);
	value_release(result->problem);
}
