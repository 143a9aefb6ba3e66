/* file_remote.h - file.* on other machines: one fixed program of sh a row, its data on standard input and
 * output. */
#ifndef RUNPLAN_FILE_REMOTE_H
#define RUNPLAN_FILE_REMOTE_H

#include "builtins/live.h"

/* Begins the call, whose arguments file.c has looked at, on the machine that its last argument names. */
void file_remote_start(struct effect_call *call);

/* One program there, for a row that needs several or computes here. */
struct file_remote {
	const char *row; /* whose program it is: "file.read", "file.write" */
	const char *paths[2];
	struct value text; /* to be written; copied */
	const char *mode;  /* of what is written, or NULL */
	int64_t max;	   /* file.read: bytes */
	int64_t from,
	    length; /* file.append look: of these bytes it tells the SHA-256 as well, where there are any */
	void (*done)(struct effect_call *call, struct value answer); /* consumes it */
	void (*failed)(struct effect_call *call); /* or NULL: the program's failure is the call's */
};

/*
 * "file.append look" answers { size, file, sha256 }: how long it is, which one (its inode), and null or what
 * was asked for. Where there is none, size is 0 and the others are null.
 */
struct far_file;
/* It is the caller's, who stops it when the call is cancelled, and frees it after `done` or the call's end.
 */
struct far_file *file_remote_begin(struct effect_call *call, const struct file_remote *what);
void file_remote_stop(struct far_file *far); /* NULL is fine */
void file_remote_free(struct far_file *far); /* NULL is fine */

#endif
