/* file_remote.h - file.* on other machines: one fixed program of sh a row, its data on standard input and
 * output. */
#ifndef RUNPLAN_FILE_REMOTE_H
#define RUNPLAN_FILE_REMOTE_H

#include "builtins/live.h"

/* Begins the call, whose arguments file.c has looked at, on the machine that its last argument names. */
void file_remote_start(struct effect_call *call);

#endif
