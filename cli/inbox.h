/*
 * inbox.h - what somebody says to a run from elsewhere (abort, pause, approve): the state keeps the words,
 * and the run looks for them once a second.
 */
#ifndef RUNPLAN_INBOX_H
#define RUNPLAN_INBOX_H

#include "cli/people.h"
#include "cli/pulse.h"
#include "cli/ui.h"
#include "interp/effect.h"
#include "store/state.h"

struct inbox;

/* `record` is the run's, its number 0 until it is on record. All is borrowed. */
struct inbox *inbox_new(struct state *state, const struct run_record *record, struct people *people,
			const struct page *page);
void inbox_free(struct inbox *inbox); /* NULL is fine */

/*
 * Hands answers to the people, and an abort to the process as a signal. True: *out, a pause, is for the
 * machine; or that nobody is there, where only people are waited for (PULSE_IDLE), and no terminal and no word answers.
 */
bool inbox_look(struct inbox *inbox, enum pulse_moment moment, struct delivery *out);

#endif
