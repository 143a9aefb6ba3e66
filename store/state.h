/*
 * state.h - runs on record: who started what, the plan's text as it was then, and what the run told that a
 * replay cannot find out by itself (see event_pack()). One schema, in SQLite or in PostgreSQL (db.h).
 *
 * The rows of a run are kept in entries, one for what one sync makes durable. Each entry has a SHA-256 of the
 * entry before it and of its own text; the first stands on the run's id and on its sources. So what is read
 * is what was written, or a first part of it, or it is refused. What is known of the run besides its rows is
 * sealed by an entry whenever it changes.
 *
 * All calls block. Those that fail answer false or NULL; state_error() says why, in one line.
 */
#ifndef RUNPLAN_STORE_STATE_H
#define RUNPLAN_STORE_STATE_H

#include "grammar/source.h"
#include "interp/journal.h"

struct state;

/* `place`: the path of a SQLite file, or postgres://…, postgresql://… NULL with a message. */
struct state *state_open(const char *place, char *error, size_t size);
void state_close(struct state *state); /* NULL is fine */
const char *state_error(const struct state *state);

/* What is known of a run without its rows. Texts are owned by the record; NULL where there is none. */
struct run_record {
	int64_t number; /* in this state, ascending; 0: not on record yet */
	char *id, *file, *title, *directory, *operator_name, *environment, *version;
	char *process;		/* whose it is or was: "process 12 on web1" */
	char *lock;		/* of the plan, once it is held */
	char *outcome;		/* NULL: it has not ended */
	int64_t started, ended; /* since 1970 UTC, ns */
	int exit;
	bool changed; /* something of the world */
};
void run_record_free(struct run_record *run); /* what it holds */

/*
 * A new run, owned by this process until the store is freed. `run` (borrowed strings, copied) has all but
 * number and what comes of it. Nothing is written before the first sync. Its rows are packed. The sources are
 * borrowed.
 */
struct store *state_begin(struct state *state, const struct run_record *run, const struct sources *sources);
/*
 * A run on record: its rows, whose chain has been checked. `to_write`: it becomes this process's, and is
 * continued behind them; refused while another process that is alive owns it.
 */
struct store *state_run_open(struct state *state, const struct run_record *run, bool to_write);
/* What has been written since by whose run it is: true, there is more. */
bool state_run_refresh(struct store *store);
/* What became of the run by now; written with the next sync, with the run's number once that has been.
 * Borrowed. */
struct run_record *state_run_record(struct store *store);
void state_run_touch(struct store *store); /* its record has changed */

/* The source that the run has read under this path; the caller frees it. NULL: there is none. */
char *state_source(struct state *state, int64_t run, const char *path, size_t *length);

/*
 * The run of this id, or of the one id that begins so; NULL or "": the newest for which `wanted` holds. The
 * caller frees what *out holds. False: there is none, there are several, or it failed.
 */
bool state_find(struct state *state, const char *id, bool (*wanted)(const struct run_record *run),
		struct run_record *out);
/* The newest `limit` (0: all), newest first. `each` must not keep the record; false stops. */
bool state_list(struct state *state, int64_t limit, bool (*each)(void *context, const struct run_record *run),
		void *context);
bool state_alive(struct state *state, const struct run_record *run); /* its process is */
/* The newest run behind this one under the same lock that changed something; false: none. */
bool state_superseded(struct state *state, const struct run_record *run, struct run_record *by);

/* ---- the plan's lock ---- */

/*
 * Takes the lock beyond this machine, where the state is shared by several: until state_close(), or until the
 * process ends. `we`: what others are told of its holder. False, with the reason: another run holds it, or it
 * cannot be taken. From then on no sync succeeds after another run has had the lock. Where the state is one
 * machine's there is nothing to do.
 */
bool state_lock(struct state *state, const char *name, const char *we, char *why, size_t size);
bool state_lock_lost(const struct state *state); /* and that is why a sync has failed */

/* ---- words to a run from elsewhere: abort, pause, an answer ---- */

struct word {
	int64_t number, said; /* said: since 1970 UTC, ns */
	/* NULL where there is none; owned by the word. `item`: the question's effect. */
	char *kind, *item, *answer, *who, *comment;
};
void word_free(struct word *word);
bool state_say(struct state *state, int64_t run, const struct word *word);
/* The oldest that nobody has taken yet, with a number above `after`; false: none, or it failed. */
bool state_next_word(struct state *state, int64_t run, int64_t after, struct word *out);
bool state_take_word(struct state *state, int64_t number, int64_t now);

#endif
