/*
 * part.h - a file that is written beside its name, as NAME.part, and gets the name only when it is whole,
 * synced and checked. So a file with the name is a whole one; nothing is ever written over.
 *
 * Between two that write the same file a lock on the .part decides; one that was left by a run that died is
 * removed. Everything here blocks: for the threads of live_work(). Where a function answers false, `error`
 * says why.
 */
#ifndef RUNPLAN_PART_H
#define RUNPLAN_PART_H

#include "builtins/disk.h"
#include "builtins/live.h"

struct part {
	const char *writer; /* "pg.dump": for messages */
	char *path, *name;  /* the file's, and the .part's */
	int fd;		    /* of the .part, with the lock; -1: none */
	int64_t size;	    /* from part_keep() on */
	char sha256[65];
	char error[DISK_ERROR];
};

void part_init(struct part *part, const char *writer, const char *path);
void part_free(struct part *part); /* closes it, removes nothing */

bool part_open(
    struct part *part); /* an empty .part, for its owner alone, locked; the file must not be there */
bool part_digest(struct part *part); /* syncs what was written; fills in size and sha256 */
bool part_name(struct part *part);   /* gives it its name; behind part_digest() */
void part_drop(struct part *part);   /* removes the .part where it is ours */

/* Does argument `index` hold a path that a file can have? If not, the call has ended. */
bool part_path_fits(struct effect_call *call, size_t index);

/* A row's .probe: the file of that argument has its name only once it is whole, and had not when the call
 * began. */
void part_probe(struct effect_call *call, size_t index);

#endif
