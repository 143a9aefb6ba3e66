/*
 * effect.h - what the machine asks of the world, and who answers.
 *
 * The machine never touches the world. It hands an effect_request to a driver and later takes an answer from it. Four
 * drivers exist: live (builtins/live.c), preview, simulate and replay (interp/). The machine is a deterministic
 * function of the sequence of answers that driver->next() delivers; that sequence is what the journal keeps, and
 * replaying it gives the same run again.
 *
 * All times are nanoseconds. `wall` is since 1970 UTC; `now` counts from the start of the run on a clock that does not
 * jump (virtual under simulation).
 */
#ifndef RUNPLAN_EFFECT_H
#define RUNPLAN_EFFECT_H

#include "grammar/source.h"
#include "interp/value.h"

struct builtin;

/*
 * Identity: "0.2:7" is the 7th effect of the 2nd child of the root fiber; "~3" is appended for the 3rd attempt of a
 * retried step. It depends on the program and the answers alone, never on the clock or on addresses.
 */
struct effect_request {
	const char *id;
	const struct builtin *builtin;
	const struct value *args; /* in the order of the signature, defaults filled in */
	size_t arg_count;
	const char *step;  /* id of the enclosing step, or "" */
	const char *label; /* the person's item or the expectation it serves, or NULL */
	bool decision;     /* of a person: whether to go on in spite of a failure */
	struct span at;
	int attempt;        /* from 1 */
	bool in_handler;    /* a rollback, a defer or an end handler */
	bool before_change; /* nothing has been changed in this run yet */
	int64_t wall;       /* when it was asked, since 1970 UTC */
	int64_t until;      /* of a question: when the statement's own `within` is over, since 1970 UTC; 0: it has none */
	const char *on_resume; /* what its step says of a change in doubt: "rerun", "ask", "rollback"; or NULL */
};

/* With strings and arguments of its own; `at`, `builtin` and `on_resume` are the program's. */
struct effect_request *effect_request_copy(const struct effect_request *request);
void effect_request_free(struct effect_request *request); /* a copy; NULL is fine */

enum outcome_kind {
	OUTCOME_OK,
	OUTCOME_FAILED,  /* it answered, and the answer is no: message says why */
	OUTCOME_UNKNOWN, /* cancelled or cut off while it ran: may or may not have happened */
	OUTCOME_REFUSED, /* a person said no */
};

struct outcome {
	enum outcome_kind kind;
	struct value value;   /* OK: the answer. FAILED: a record of details (code, stdout, stderr, status, ...) or null */
	struct value message; /* FAILED, UNKNOWN, REFUSED: one line, a string */
};

struct outcome outcome_ok(struct value value);        /* consumes value */
struct outcome outcome_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct outcome outcome_copy(const struct outcome *outcome);
void outcome_release(struct outcome *outcome);

enum delivery_kind {
	DELIVERY_OUTCOME, /* answer to the request `id` */
	DELIVERY_NOTE,    /* what recovery of the running change `id` needs (an exec id): on record before it goes on */
	DELIVERY_TIME,    /* the deadline given to next() has come */
	DELIVERY_SIGNAL,  /* SIGINT, SIGTERM, or `runplan abort` */
	DELIVERY_RESUMED, /* the record ends here, and another process goes on */
	DELIVERY_PAUSE,    /* somebody wants the run to stop before its next step */
	DELIVERY_NOBODY,   /* only people are waited for, and nobody is there: the run stops */
	DELIVERY_ROLLBACK, /* what an ended run has done shall be undone */
	DELIVERY_END,     /* a replay has no more answers */
};

struct delivery {
	enum delivery_kind kind;
	int64_t now;     /* time of this delivery: the machine's clocks move only here */
	int64_t wall;    /* the same instant since 1970 UTC: after a resume the two have parted */
	char *id;        /* OUTCOME and NOTE: owned by the receiver */
	struct outcome outcome; /* OUTCOME; for a NOTE its value; RESUMED, PAUSE and ROLLBACK: the event's data */
	int signal;
};

/*
 * A driver. start() and cancel() never call back into the machine and never block; their effects are seen through
 * next(). cancel() asks that a started request end: the driver stops it at its target (TERM, later KILL; a dropped
 * transfer; a killed exec) and still delivers exactly one outcome for it, OUTCOME_UNKNOWN if none came within its grace.
 * The request and its strings live only during start(). A note is acknowledged by the next call of next(): by then it
 * is on record.
 */
struct driver {
	const struct driver_ops *ops;
	bool explores; /* preview: unknown choices show both arms */
	bool assumes;  /* simulation: require, expect and wait on an unknown hold */
	bool for_people; /* set before next(): its deadline, if any, is a question's own `within`, as are all behind it */
};

struct driver_ops {
	const char *name; /* "live", "preview", "simulate", "replay" */
	void (*start)(struct driver *driver, const struct effect_request *request);
	void (*cancel)(struct driver *driver, const char *id);
	/* Waits for the next answer, signal, or `deadline` (on the run's clock; INT64_MAX: none). False: broken, exit 6. */
	bool (*next)(struct driver *driver, int64_t deadline, struct delivery *out);
	/* An answer has come, so that next() will not wait. Where this can be told, effects that are asked for meanwhile are
	 * started together, behind one sync. NULL: it cannot. */
	bool (*has_come)(struct driver *driver);
	/* The run has ended, or was stopped: does it go on (RESUMED, ROLLBACK)? NULL: never. */
	bool (*again)(struct driver *driver, struct delivery *out);
	int64_t (*start_wall)(struct driver *driver); /* since 1970 UTC, when the run's clock stood at 0; asked once */
	/* Is the threshold or task `name`, called with `args` (a list), answered instead of run (`given`)? The machine then starts the internal effect
	 * `given` with id `id`. NULL: never. */
	bool (*given)(struct driver *driver, const char *name, struct value args, const char *id);
	/* Resume: did the change of this request happen, whose intent (and `notes`) is on record and whose outcome is not?
	 * Answered through next() like a start; UNKNOWN leaves it in doubt. NULL: this driver cannot tell. */
	void (*settle)(struct driver *driver, const struct effect_request *request, struct value notes);
	void (*free)(struct driver *driver);
};

#endif
