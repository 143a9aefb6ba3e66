/*
 * tree.h - what is under way, from a run's events: phases, steps and handlers, and below each its changes,
 * reads, waits, holds, thresholds and people. Only what has not ended is kept, and of thresholds the last
 * sample.
 */
#ifndef RUNPLAN_TREE_H
#define RUNPLAN_TREE_H

#include "interp/journal.h"

enum item_kind {
	ITEM_PHASE,
	ITEM_STEP,
	ITEM_HANDLER, /* a rollback, a defer, on failure ... */
	/* What stands below has no items of its own. */
	ITEM_CHANGE,
	ITEM_READ,
	ITEM_PERSON, /* a question that is open */
	ITEM_WAIT,   /* for a condition */
	ITEM_RETRY,  /* the time until the next attempt */
	ITEM_HOLD,
	ITEM_SAMPLE, /* a threshold's last */
};

struct item {
	enum item_kind kind;
	char *id;      /* of its events; a wait's condition, a threshold as it is watched */
	char *title;   /* as it came from the run: to be cleaned */
	char *detail;  /* a threshold's value and bound; a handler's kind; the file of
			  a child plan, which is a step; NULL: none */
	char *verdict; /* a threshold's; "" before its first sample */
	bool armed;    /* a step that can be undone */
	bool told;     /* the view's own: its beginning has been shown */
	bool beside;   /* step: another of the same branch was under way with it */
	bool labelled; /* wait: an `expect`, so its check follows and says how it went */
	struct item *parent, *first, *last, *previous, *next;
	struct item *next_in_slot;
	size_t steps; /* under way in it */
	int64_t started;
	int64_t least, most; /* phase: what was expected; 0: not said */
	int64_t until;	     /* wait, retry, hold, a step with a timeout: when it is over; 0: not said */
	int64_t limit;	     /* step, rollback: its timeout; 0: none */
	int64_t paused;	     /* step: its timeout stands still since then */
	size_t asking;	     /* step: how many people are waited for in it */
	int attempt;	     /* step: from 1; retry: the one that failed */
	int attempts;	     /* retry: how many there may be */
	int64_t over;	     /* sample: how many of its window were over the bound */
	int64_t interval;    /* sample: since the one before; 0: there was none */
};

#define TREE_SLOTS 1024

struct tree {
	struct item root;
	struct item *slots[TREE_SLOTS]; /* items by id, branches by the path of what runs in them */
	int64_t now; /* of the last event */
	bool unwinding;
	bool ending; /* the run's own course is over: it goes back, or its handlers run */
	int signals;
	size_t asked;		/* questions under way */
	size_t done;		/* steps that ended well */
	size_t armed;		/* steps that can be undone */
	size_t to_undo, undone; /* while going back */
};

void tree_event(struct tree *tree, const struct event *event);
void tree_free(struct tree *tree); /* what is in it */

bool item_is_branch(const struct item *item); /* a phase, a step, a handler */
/* NULL: not under way. */
struct item *tree_step(struct tree *tree, const char *id);
struct item *tree_effect(struct tree *tree, const char *id); /* a change, a read, a question */
struct item *tree_wait(struct tree *tree, const char *id, const char *condition);
/* Of what is waited for (changes, reads, waits, holds, retries), the one that began first; NULL: nothing. */
const struct item *tree_oldest(const struct tree *tree);
/* A sampled threshold as the plan names it, `load(max: 2)`. Lent. */
const char *sample_name(const struct event *event);
bool item_holds(const struct item *item, enum item_kind kind); /* directly in it */
struct item *item_step_above(const struct item *item); /* the step in which it runs; NULL: none */
/* The outermost step, from this one up, beside which another is or was; NULL: none. */
const struct item *item_beside(const struct item *step);

/* Steps and handlers at or below the item that have none below themselves. */
size_t item_leaves(const struct item *item);

#endif
