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

#endif
