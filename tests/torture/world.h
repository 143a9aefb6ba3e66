/*
 * world.h - a world in simulation that outlives the runs in it, and that can end a run's process at any
 * moment.
 *
 * It answers as the simulate driver does, and remembers per effect id: what it answered (a repeated request,
 * and a run that is compared with another one, get the same), and how often it really happened. The latter is
 * the ledger, which stands outside of the store and of the run. Whether an interrupted change happened is
 * answered from it (`settle`).
 *
 * Moments are counted, and at the chosen one the process dies: nothing that it does from then on has an
 * effect, and of its record is left what was synced (or, `all_rows`, whatever was appended: the heartbeat may
 * have synced it).
 */
#ifndef RUNPLAN_TESTS_WORLD_H
#define RUNPLAN_TESTS_WORLD_H

#include "interp/drivers.h"

enum moment {
	MOMENT_ASKED,	  /* the intent is told, and not on record */
	MOMENT_STARTED,	  /* the intent is on record as far as it must be; nothing has happened */
	MOMENT_HAPPENED,  /* it has happened, and nobody knows the outcome */
	MOMENT_ON_RECORD, /* what was owed after the outcome is on record */
	MOMENT_OTHER,	  /* the process looks for what comes next: behind a deadline, a signal, a resume */
	MOMENT_KINDS
};

struct moment_seen {
	enum moment moment;
	bool change;  /* of an effect that is one */
	bool handler; /* of a way back, or another handler */
};

enum done { DONE_ONCE, DONE_AGAIN_ON_RECORD, DONE_AGAIN_UNASKED };

struct world {
	struct world *like;    /* answers as this one did, where it was asked the same; or NULL */
	struct driver *oracle; /* a simulation, for what was not asked before */
	struct store *rows;    /* packed; outlives the process */
	uint64_t seed;

	/* what is done to it */
	long death; /* number of the moment, from 0; -1: never */
	bool all_rows;
	long fail;   /* number of the effect that fails, from 0; -1: none */
	long signal; /* number of the call of next() that is answered by a signal, in the first process; -1:
			none */
	bool two_signals;
	bool probes_know; /* else whoever is asked */
	long deliveries_max;

	/* what came of it */
	struct moment_seen *moments; /* of this process */
	long moment_count, moment_room;
	long started, deliveries;
	bool dead, cut;
	struct value ledger; /* changes that happened, in order: id, a space, what it does */
	bool side_by_side;   /* two effects were under way at once */
	long probed, asked, repeated, doubt_rollbacks, renewed;
	long lost; /* what nobody can know: the answer of what has happened, or how a cancelled call would
		      have ended */
	char wrong[600]; /* what must not be; or "" */

	struct memory **memories; /* by id */
	struct under_way *under_way;
	char *handed_over;  /* id of the change whose outcome was the last delivery */
	bool looked_around; /* since then: what is owed is on record */
	uint32_t givens;    /* that were told */
	int64_t oracle_now;
	uint64_t serials;
	int64_t now, origin,
	    down;	/* now - origin: of the driver's own clock; down: the wall clock is ahead */
	size_t durable; /* rows */
};

void world_init(struct world *world, struct world *like, const struct registry *registry);
void world_free(struct world *world);
/* The process that died is forgotten, a new one is about to begin: the record is cut to what is durable. */
void world_next_process(struct world *world);
struct driver *world_driver_new(struct world *world); /* for one process */
/* Sees each event before it is kept (journal_prepare); `replays`: it is told again. */
void world_see(struct world *world, const struct event *event, bool replays);
/* What a person who has looked answers; of struct resume_options. */
enum doubt world_decide(void *context, struct driver *resume, const struct effect_request *request, const char *why);
/* The ledger without what was rightly repeated; the caller releases it. */
struct value world_deeds(const struct world *world);

#endif
