/*
 * journal.h - what a run tells, in the order in which it happened.
 *
 * The machine appends every event; observers (the terminal, --json) see it at once; a store, where one is open, keeps
 * it first. The machine calls journal_sync() before a change starts, before a note is acknowledged, and before it waits
 * where a change, a note, a signal or a person's answer has been told since: an intent is durable before its change, and
 * an outcome before anything that others can see follows from it. Answers that have come already are not waited for: they
 * share a sync. What was only read may be read again: rows in between
 * share one sync, a second apart at the most. When the store fails, no further effect starts and the run ends with 6.
 */
#ifndef RUNPLAN_JOURNAL_H
#define RUNPLAN_JOURNAL_H

#include <stdio.h>

#include "grammar/source.h"
#include "interp/buffer.h"
#include "interp/value.h"

enum event_kind {
#define EVENT(kind, name, about) EVENT_##kind,
#include "interp/event.def"
#undef EVENT
	EVENT_KINDS
};

/* Strings and data are the caller's; whoever keeps an event copies it. id, step and text are never NULL. */
struct event {
	uint64_t seq; /* from 1 */
	enum event_kind kind;
	int64_t now;      /* run's clock, ns */
	int64_t wall;     /* since 1970 UTC, ns */
	const char *id;   /* see event.def */
	const char *step; /* id of the enclosing step, or "" */
	const char *text;
	struct value data;
	struct span at;
};

/* A set of kinds is an OR of these. */
#define EVENT_BIT(kind) (UINT64_C(1) << EVENT_##kind)
_Static_assert(EVENT_KINDS <= 64, "a set of kinds is 64 bits");

const char *event_name(enum event_kind kind);
bool event_is_answer(enum event_kind kind);
bool event_is_kept(enum event_kind kind); /* by a packed store: the answers, and what is marked so in event.def */

/* One line of JSON without a newline, exact (value_encode); decode gives the caller an event to free. */
struct value event_encode(const struct event *event); /* a string */
bool event_decode(const char *line, size_t length, struct event *out);
/*
 * The same of a kind that is kept, in a fifth of the room: without what a replay gives back (seq, step, place; of
 * EFFECT_STARTED its times and class, of EFFECT_ENDED its elapsed time). A string; a list as JSON. The journal itself
 * writes an answer that is the very value of an earlier one as the number of that row: only store_event() reads it.
 */
struct value event_pack(const struct event *event);
bool event_unpack(const char *line, size_t length, struct event *out);
/* False only where no value in a packed row is a secret. */
bool row_holds_secret(const char *line, size_t length);
/* What the row of an intent begins with; behind it is what a person is shown of it. */
void event_pack_intent(struct buffer *row, const char *id, const char *builtin, struct value digest);
void event_free(struct event *event); /* of event_decode() */

/* A place to keep the rows of a run: store/memory.c, store/state.h. */
struct store {
	const struct store_ops *ops;
	bool packed; /* only kinds that are kept, as event_pack() writes them; else all, as event_encode() does */
};
/* Row number `index`, from 0; false: it cannot be read. The caller frees *out. */
bool store_event(struct store *store, size_t index, struct event *out);
/* Only what it is about, which costs next to nothing in a packed store. The caller frees *id. */
bool store_event_head(struct store *store, size_t index, enum event_kind *kind, const char **id);
struct store_ops {
	bool (*append)(struct store *store, const char *row, size_t length); /* may be kept back until sync */
	bool (*sync)(struct store *store);                                   /* all that was appended is durable */
	size_t (*count)(struct store *store);
	const char *(*row_peek)(struct store *store, size_t index, size_t *length);
	void (*free)(struct store *store);
};

struct journal;
struct journal *journal_new(struct store *store); /* store may be NULL; it is borrowed */
/*
 * Of a run that is replayed from `store`, a packed one, before it goes on there: the rows that it has are not appended once
 * more, but held against what is told. One that differs breaks the journal; journal_differs() is its number from 1. What is
 * told behind them is not synced before it is told that the run goes on (RESUMED, ROLLBACK_ASKED): where it does not, because
 * a person has to be asked first, the record stays as it was.
 */
struct journal *journal_replayed_new(struct store *store);
bool journal_replays(const struct journal *journal); /* there are such rows still to come */
size_t journal_differs(const struct journal *journal);
void journal_also(struct journal *journal, struct store *store); /* a second place to keep rows in */
void journal_free(struct journal *journal);
void journal_observe(struct journal *journal, void (*see)(void *context, const struct event *event), void *context);
/* Without the events of the kinds in `ignored`. */
void journal_observe_without(struct journal *journal, uint64_t ignored,
			     void (*see)(void *context, const struct event *event), void *context);
/* The one who sees each event before the store keeps it: a store that hides secrets must have learnt them. */
void journal_prepare(struct journal *journal, void (*see)(void *context, const struct event *event), void *context);
/* Sets seq; false: the store failed, and nobody has seen the event. The end of a run is synced before it is seen. */
bool journal_append(struct journal *journal, struct event *event);
bool journal_sync(struct journal *journal);
/* False: nobody sees an event of this kind. It is appended all the same, as it has a number; its parts may be left out. */
bool journal_wants(const struct journal *journal, enum event_kind kind);

#endif
