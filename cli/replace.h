/*
 * replace.h - gives a file new contents, all of them or none: a new file beside it, made durable, takes its
 * name.
 */
#ifndef RUNPLAN_REPLACE_H
#define RUNPLAN_REPLACE_H

#include <stddef.h>

/*
 * `path` may be a symbolic link: the file it leads to is replaced. Mode and, where we may, owner stay; other
 * hard links keep the old contents. NULL, or why not, in words for "PATH: …"; the file is then as it was, and
 * nothing is beside it. `was` and `was_length`: what the file must still hold.
 */
const char *replace_file(const char *path, const char *was, size_t was_length, const char *text,
			 size_t length);

#endif
