/*
 * run_state.h - what a person is told of a run on record, without its rows.
 */
#ifndef RUNPLAN_RUN_STATE_H
#define RUNPLAN_RUN_STATE_H

#include "interp/machine.h"
#include "store/state.h"

/* "under way", "cut off" (its process is gone: resume), or how it ended. */
const char *run_state_text(struct state *state, const struct run_record *run);
/* The record as one for JSON; the caller releases it. */
struct value run_state_record(struct state *state, const struct run_record *run);

/* What a run is waited for by: the questions that are open on its record. */
struct open_question {
	char *kind, *text; /* as it was asked */
	struct value choices; /* or null; of an approval: who may give it */
	char *typing;	      /* or NULL */
};
struct open_questions {
	struct open_question *items;
	size_t count;
};
void open_questions_free(struct open_questions *questions);

#endif
