/*
 * file_append.h - file.append, here and on other machines, and whether an interrupted one happened.
 *
 * How long the file is and which one goes on record before anything is written. Appends of one run to files
 * of one machine take turns, so that nothing of the run's own comes between that look and the write.
 */
#ifndef RUNPLAN_FILE_APPEND_H
#define RUNPLAN_FILE_APPEND_H

#include "builtins/live.h"

/* A row's .start and .probe, once its arguments have been looked at; `host`: the machine, or NULL. */
void file_append_start(struct effect_call *call, const char *host);
void file_append_probe(struct effect_call *call, const char *host);

#endif
