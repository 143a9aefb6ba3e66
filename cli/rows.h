/*
 * rows.h - a run's record as a file of JSON lines: rows are written as they come, with their secrets
 * replaced, and are on disk at each sync. Rows are also kept in memory, so that they can be read back.
 */
#ifndef RUNPLAN_ROWS_H
#define RUNPLAN_ROWS_H

#include <stdio.h>

#include "cli/redact.h"
#include "interp/journal.h"

/* A new file at `path`, which must not be there yet or be empty, to be written only; NULL with a message. The
 * redactor is borrowed. */
struct store *rows_create(const char *path, const struct redactor *redactor, char *error, size_t size);
/* All rows of a file, to be read only; NULL with a message. */
struct store *rows_read(const char *path, char *error, size_t size);

#endif
