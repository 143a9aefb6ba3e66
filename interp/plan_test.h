/*
 * plan_test.h - one `test "…" { given … run { … } expect … }` of a plan: the whole plan is run afresh in
 * simulation, then the test's conditions are evaluated by the machine itself, as the last thing of that run,
 * so that they see what the plan saw and explain themselves as its own checks do.
 */
#ifndef RUNPLAN_PLAN_TEST_H
#define RUNPLAN_PLAN_TEST_H

#include "interp/machine.h"

struct compilation;
struct node;

/* A condition that did not hold. */
struct test_miss {
	struct span at;
	struct value condition, label, parts,
	    message; /* as in EVENT_CHECK; label and message may be empty or null */
};

struct test_result {
	bool passed;
	int exit;	      /* of the run */
	int64_t elapsed;      /* the run's clock at its end, ns */
	struct value outcome; /* "rolled back", …: see event.def; null when there was no run */
	struct value failure; /* why the run did not end well, as a handler sees it, or null */
	struct value problem; /* a string: why the conditions could not be evaluated, or null */
	struct test_miss *missed;
	size_t missed_count, held_count;
	const struct node **unused; /* NODE_GIVENs that nothing asked for */
	size_t unused_count;
	struct calls calls;
};

/* The tests of the plan's own file, in their order; begin with NULL. */
const struct node *plan_test_next(const struct compilation *compilation, const struct node *before);
const char *plan_test_title(const struct node *test);
/* Its `run "environment" { param: value }`; the environment is NULL where none is named, as are the params.
 */
const char *plan_test_environment(const struct node *test);
const struct node *plan_test_params(const struct node *test); /* list of NODE_ENTRY, constants */

/* What the machine tells of the test's given `number` (machine_options.given) becomes one of the simulation's. */
void plan_test_give(struct driver *simulation, const struct node *test, uint32_t number, const struct value *v);

struct test_run {
	const struct program *program; /* of compile_test() */
	const struct node *test;
	const struct param_value *params;
	size_t param_count;
	const char *environment; /* or NULL */
	/* Sees the events of the run, without those of the conditions; or NULL. */
	void (*see)(void *context, const struct event *event);
	void *context;
};

void plan_test_run(const struct test_run *run, struct test_result *result);void test_result_free(struct test_result *result);

#endif
