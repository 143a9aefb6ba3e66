/*
 * keeper.h - between a journal and the state that keeps its run: rows are redacted before they are written,
 * and the run's record follows its events (has it changed something, how did it end).
 */
#ifndef RUNPLAN_KEEPER_H
#define RUNPLAN_KEEPER_H

#include "cli/redact.h"
#include "store/state.h"

/* Owns `run` (of state_begin() or state_run_open()), borrows the redactor. Freed through its ops. */
struct store *keeper_new(struct store *run, const struct redactor *redactor);
/* Each event of the run, before the journal keeps it. */
void keeper_see(struct store *keeper, const struct event *event);
void keeper_locked(struct store *keeper, const char *name); /* the run holds this lock of the plan */
bool keeper_broken(struct store *keeper); /* what was told could not be kept; state_error() says why */
struct run_record *keeper_record(struct store *keeper);

#endif
