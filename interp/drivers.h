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
 * asked, stop the replay (next() answers false, replay_problem() says why).
 *
 * The rows are decoded at once; the store may go afterwards. `inner` is owned, and may be NULL. With it,
 * locks and secrets (BUILTIN_RENEW) are asked again and the fresh answer takes the recorded one's place, and
 * the run goes on with it where the record ends: effects without an outcome are started there, or settled
 * where they were changes. Without it the end of the record is DELIVERY_END.
 */
struct driver *replay_driver_new(struct store *store, struct driver *inner);
/* What stopped it, or NULL; *at is the request's span, or where the recorded effect stood. */
const char *replay_problem(const struct driver *driver, struct span *at);

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
