/*
 * disk.h - files, read and written whole. Everything here blocks: for the threads of live_work().
 *
 * Where a function answers false, `error` (DISK_ERROR bytes) says in one line what could not be done, to
 * which path, and why: "cannot write /x/y: No space left on device".
 */
#ifndef RUNPLAN_DISK_H
#define RUNPLAN_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "interp/value.h"

#define DISK_ERROR 400

/* Fills `error` from errno; `what` is "read", "write", "remove", ... Answers false. */
bool disk_failed(const char *what, const char *path, int number, char *error);

/* A regular file of at most `max` bytes, as a string; *status may be NULL. Never waits for a pipe or a
 * terminal. */
bool disk_read(const char *path, int64_t max, struct value *out, struct stat *status, char *error);

/*
 * The file has the old content or the new, whatever happens: written beside it, synced, renamed, the
 * directory synced. A symbolic link is followed. `mode` -1 keeps the mode of a file that is there (its owner
 * is kept anyway, where that is allowed), and makes a new one 0666 without the umask, or 0600 where `secret`.
 */
bool disk_write(const char *path, const char *bytes, size_t length, int mode, bool secret, char *error);

/* A regular file's content under another name, with the same promise. `mode` -1: the mode of `from`. */
bool disk_copy(const char *from, const char *to, int mode, char *error);

/* Writes all of it; continues after EINTR and short writes. Sets errno. */
bool disk_write_all(int fd, const char *bytes, size_t length);

/* Makes a directory's entries durable. */
bool disk_sync_directory_of(const char *path, char *error);

#endif
