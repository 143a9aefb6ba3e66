/*
 * replay.h - what resume.c asks of the replay that it goes on from.
 */
#ifndef RUNPLAN_REPLAY_H
#define RUNPLAN_REPLAY_H

#include "interp/drivers.h"

/* Is the request on record? Then it was held against it, and counts as asked for. */
bool replay_knows(struct driver *replay, const struct effect_request *request);
/* Is an answer to it still to come? */
bool replay_answers(const struct driver *replay, const char *id);
/* Does the record lack that answer, or part of it, because it is a secret? */
bool replay_lacks_secret(struct driver *replay, const char *id);
/* Stands in for such a one: plain enough that most texts which are made of it still hold it. */
#define SECRET_LOST "secret-that-is-not-on-record"
/* What recovery needs of a change that was cut off: the last note on record, or null. */
struct value replay_note(struct driver *replay, const char *id);
/* Consumes problem; false, for next() to answer. */
bool replay_stop(struct driver *replay, struct span at, struct value problem);

#endif
