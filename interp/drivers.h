/*
 * drivers.h - the drivers that need no world: replay (answers on record), simulate (made-up answers under a
 * virtual clock) and preview (no answers at all). Each is freed through its ops.
 */
#ifndef RUNPLAN_DRIVERS_H
#define RUNPLAN_DRIVERS_H

#include "interp/builtin.h"
#include "interp/effect.h"
#include "interp/journal.h"

/* What a request asked for, without its secrets: 16 hex digits over its arguments. A string. */
struct value request_digest(const struct effect_request *request);

/* What an effect would do, in one line, without its secrets: the row's describe(), else its name and
 * arguments. A string. */
struct value request_show(const struct effect_request *request);

/*
 * REPLAY gives back the answers of a run that is on record, in their order. What the machine asks is held
 * against the record: another builtin or other arguments under the same id, or an answer to what was never
 * asked, stop the replay (next() answers false, replay_problem() says why). The end of the record is
 * DELIVERY_END. The store is borrowed.
 */
struct driver *replay_driver_new(struct store *store);
/* What stopped it, or NULL; *at is the request's span, or where the recorded effect stood. */
const char *replay_problem(const struct driver *driver, struct span *at);
/* At the end of the record `more` is asked: true, the store has more by now (or shall be looked at again); it may wait. */
void replay_follow(struct driver *driver, bool (*more)(void *context), void *context);
int64_t replay_now(const struct driver *replay); /* when its last answer came, on the run's clock */

/*
 * RESUME replays, and where the record ends goes on with `inner`: a run whose process is gone (RESUME_RUN), or one that
 * has ended and is to be undone (RESUME_ROLLBACK). Locks and secrets (BUILTIN_RENEW) are asked for again in their place, and
 * so are reads that answered a secret (a change is not: what needs a secret that one answered fails);
 * what cannot be had again stops it. Nothing else is asked of the world before the whole record has been replayed. Then
 *
 * - each change that was begun and has no outcome is settled: by its row's probe, by repetition where that does no harm,
 *   by what its step says `on resume`, by `decide`;
 * - RESUMED (or ROLLBACK) is delivered, and is on record before anything is started;
 * - what has no outcome is started: reads, and changes that did not happen.
 *
 * A change that happened and whose answer nobody knows any more answers with what its row makes up for simulation, what
 * is unknown in that being null. `decide` blocks, and calls resume_listen() meanwhile; where it answers DOUBT_STAYS nothing
 * has been changed, the record included, and resume_waits() is true.
 *
 * A signal that comes while a lock, a secret, a probe or `decide` is waited for stops the resume there: nothing was begun,
 * the record stays as it was, and resume_signal() tells which it was. One that comes later is the machine's.
 */
enum doubt { DOUBT_DONE, DOUBT_AGAIN, DOUBT_ROLLBACK, DOUBT_STAYS };
enum resuming { RESUME_RUN, RESUME_ROLLBACK };
struct resume_options {
	enum resuming kind;
	struct value data; /* of the event RESUMED or ROLLBACK_ASKED; borrowed */
	/* `why`: what the probe said, or "" */
	enum doubt (*decide)(void *context, struct driver *resume, const struct effect_request *request,
			     const char *why);
	void *context;
};
struct driver *resume_driver_new(struct store *store, struct driver *inner, const struct resume_options *options);
const char *resume_problem(const struct driver *driver, struct span *at); /* as replay_problem() */
bool resume_waits(const struct driver *driver);   /* for a person who knows what became of a change */
bool resume_listen(struct driver *driver, int64_t for_ns); /* false: `decide` need not go on */
int resume_signal(const struct driver *driver);		   /* 0: none */
bool resume_refused(const struct driver *driver); /* a lock or a secret could not be had again: resume_problem() */

/*
 * SIMULATE. Waiting costs nothing: the clock jumps to the next answer, deadline or signal. It starts at
 * 2026-01-01T00:00:00Z. Answers come in the order of their time, then of their start; at the same instant an
 * answer comes before a signal, and both before a deadline.
 *
 * An effect is answered by the first `given` that names it and is not used up, else by its row's simulate(),
 * else with unknown (a read) or null (a change). A cancelled read ends at once. A cancelled change ends with
 * its own outcome when that was due within its grace, else with OUTCOME_UNKNOWN after the grace.
 */
#define SIMULATE_START INT64_C(1767225600000000000) /* 2026-01-01T00:00:00Z */
#define SIMULATE_GRACE (10 * INT64_C(1000000000))   /* of rows that state none: as the live driver's */

enum given_kind {
	GIVEN_ANSWERS, /* `answers`, one after the other; the last repeats */
	GIVEN_FAILS,   /* with `message` and `details` */
	GIVEN_REFUSES, /* a person says no: `message` */
	GIVEN_NEVER,   /* no answer ever comes */
	GIVEN_TAKES,   /* only `delay`: the answer is found as if this were not here */
};

struct given {
	const char *target; /* "docker.exec", or the name of a threshold or task */
	struct value args;  /* a list that the first arguments must equal (unknown: anything), or null */
	enum given_kind kind;
	struct value answers; /* ANSWERS: a list of one or more */
	struct value message; /* FAILS, REFUSES: a string */
	struct value details; /* FAILS: a record, or null */
	size_t times;	      /* how often; 0: always */
	int64_t delay;	      /* until the answer, ns */
};

struct driver *simulate_driver_new(const struct registry *registry);
void simulate_given(struct driver *driver, const struct given *given); /* copies */

/*
 * The same from text. False with a message in `error`.
 *
 *     docker.health returns ["starting", "healthy"]       a list is one answer after the other
 *     error_rate returns [1%, _, 9%]                      _ is no data
 *     docker.exec("web") fails "boom" once                only calls whose first argument is "web"
 *     docker.exec fails "boom" 2 times with { code: 3 }
 *     docker.pull takes 30s
 *     confirm refuses "not today"
 *     docker.exec hangs                                   until it is cancelled
 *     http.get returns { status: 200 } after 3s
 */
bool simulate_given_text(struct driver *driver, const char *text, char *error, size_t size);
void simulate_signal(struct driver *driver, int64_t at, int signal);

/* Changes that were made, in order: "id name(arguments)". Lent, a list of strings. */
struct value simulate_ledger_peek(const struct driver *driver);
/* Givens that nothing asked for: a list of their targets. */
struct value simulate_unused(const struct driver *driver);
/* How often the given that was the `index`-th to be added (from 0) has answered. */
size_t simulate_asked(const struct driver *driver, size_t index);
/* Why next() answered false, or NULL. */
const char *simulate_problem(const struct driver *driver);

/*
 * PREVIEW: no read has an answer, no change is made; the clock is virtual. With `inner` (owned, may be NULL)
 * reads are really made, but for those that need a person.
 */
struct driver *preview_driver_new(struct driver *inner);
/* The same without reads, but what a row foresees to fail fails; `value` tells whether a change before it may mend that. */
struct driver *rehearsal_driver_new(void);

#endif
