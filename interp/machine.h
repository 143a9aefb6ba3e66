/*
 * machine.h - runs a program against a driver and tells everything to a journal.
 *
 * The machine runs every fiber that can run until none can, then takes one delivery from the driver, and so on. Given
 * the same program, params and deliveries it does the same again, to the last event: that is what replay and resume
 * rest on. It reads no clock, no file and no environment of its own.
 */
#ifndef RUNPLAN_MACHINE_H
#define RUNPLAN_MACHINE_H

#include "interp/effect.h"
#include "interp/journal.h"
#include "interp/program.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,     /* and undone, but for what is kept */
	EXIT_USAGE = 2,      /* or the plan does not check */
	EXIT_INCOMPLETE = 3, /* a person must act: the rollback is incomplete, or a deferred block, `on success` or `finally` failed */
	EXIT_REFUSED = 4,    /* before any change */
	EXIT_WAITING = 5,    /* for a person */
	EXIT_INTERNAL = 6,   /* the journal or the interpreter itself */
	/* aborted and rolled back: 128 + the signal */
};

struct param_value {
	const char *name;
	struct value value;
};

/* What a run asked for, for its tests: a builtin of the world, or a task of the plan. */
struct call_made {
	const struct builtin *builtin; /* or NULL: a task */
	uint32_t function;	       /* of the task */
	struct value args;	       /* a list, in the order of the signature */
	struct value shown;	       /* one line, without secrets */
	int64_t now;		       /* the run's clock, ns */
};

struct calls {
	struct call_made *items;
	size_t count, room;
};
void calls_free(struct calls *calls); /* what it holds */

/* A threshold where it is watched; valid during the call. */
struct watched {
	const struct threshold_code *code;
	const struct watch_use *use;
	const struct value *arguments; /* in the order of its parameters */
	uint32_t argument_count;
	const struct value *settings; /* by enum threshold_register */
	const char *fiber;	      /* the ids of the effects that measure it begin so, with a colon behind */
};
/* "< 5%", "between 1% and 5%", "within 20% of 41ms"; the caller frees it. */
char *threshold_bound(enum bound bound, const struct value *settings);

/* What a plan lacks that is about to begin; valid during the call. */
struct wanting {
	const char *plan;   /* title of a child; NULL: the run's own */
	struct value wrong; /* a list of { name, kind: "param", "secret" or "environment", why; mendable: by a change before it } */
	bool certain;	    /* the run will come to it, unless it fails before */
};

struct machine_options {
	const struct program *program;
	struct driver *driver;
	struct journal *journal;
	const char *run_id;
	const char *environment;   /* or NULL */
	const char *operator_name; /* or NULL */
	const struct param_value *params; /* every param of the plan that is not left to its default */
	size_t param_count;
	bool step_by_step; /* ask before each step */
	struct calls *calls; /* or NULL: where all calls are noted, in order */
	/* A program of compile_test(): its given `number` holds. v: the call that is meant (a record `places`, `values`) or
	 * null, the value, `with`, `after`. */
	void (*given)(void *context, uint32_t number, const struct value *v);
	/* Of a run that explores: told of each threshold where it is watched. It is then measured once, and judged not. */
	void (*watched)(void *context, const struct watched *watched);
	/* Of a run that explores: told of a plan whose params or secrets do not do, which then goes on with unknown in their
	 * place. NULL: it is refused. */
	void (*wanting)(void *context, const struct wanting *wanting);
	void *context;
	/* Or NULL: told of what a pure call has made of a secret, before anyone else sees it. */
	void (*secret_made)(void *context, struct value v);
	void *secret_context;
};

struct machine;
struct machine *machine_new(const struct machine_options *options);
int machine_run(struct machine *machine); /* to its end; the exit code */
void machine_free(struct machine *machine);

#endif
