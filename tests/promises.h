/*
 * promises.h - what the machine promises of every run, held to one program while the world goes wrong at one point.
 *
 * A program runs in simulation with the answers that its text states (`# given: …` lines at its head). Whatever
 * happens, what was armed is undone exactly once, or kept, or dropped, or reported; and the record of the run, encoded
 * and decoded, replays to the same events. Used by unit/test_machine.c over plans and by fuzz/ over anything.
 */
#ifndef RUNPLAN_TESTS_PROMISES_H
#define RUNPLAN_TESTS_PROMISES_H

#include "interp/machine.h"
#include "interp/program.h"

enum harm {
	HARM_NONE,
	HARM_SIGNAL,      /* before delivery number `point` */
	HARM_TWO_SIGNALS, /* before that one and the next */
	HARM_FAIL,        /* effect number `point` fails */
	HARM_UNKNOWN,     /* nobody knows whether effect number `point` happened */
	HARM_KINDS
};

struct promise_run {
	const struct program *program;
	const char *text; /* of the plan, for its givens */
	/* Where the program is that of a plan's own test (compile_test()): the test, with its params; or NULL. */
	const struct node *test;
	const struct param_value *params;
	size_t param_count;
	const char *environment;
	enum harm harm;
	long point;
	long deliveries_max; /* the run is cut off behind so many; 0: never */

	/* what came of it */
	int code;
	bool cut; /* off, or it waits for what never comes: only the replay was compared */
	long deliveries, effects;
};

/* NULL, or which promise was broken, in `why`. */
const char *promises_hold(struct promise_run *run, char *why, size_t size);

#endif
