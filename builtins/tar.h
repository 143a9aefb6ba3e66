/*
 * tar.h - a directory as a tar archive, as `docker build` sends its context.
 *
 * Everything below the directory but what its .dockerignore leaves out, sorted by name, owned by 0:0, with
 * modes and times; symbolic links as links, never followed; sockets and devices left out. Names of any length
 * (GNU's @LongLink), files of any size. All functions block: they are for live_work().
 */
#ifndef RUNPLAN_TAR_H
#define RUNPLAN_TAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Rules of a .dockerignore: a pattern a line; the last that matches a path, or a directory above it, decides.
 * `*` and
 * `?` stop at "/", `**` is any number of directories, [a-z] [^a-z] a class, `\` takes the next character as
 * it is, a leading `!` takes back in, `#` begins a comment line. Patterns are relative to the context, with
 * or without a `/` in front.
 */
struct tar_rules;
struct tar_rules *tar_rules_parse(const char *text, size_t length);
/* The .dockerignore of `directory`: no rules where there is none. NULL with a message where it cannot be
 * read. */
struct tar_rules *tar_rules_read(const char *directory, char *error, size_t size);
bool tar_rules_ignore(const struct tar_rules *rules, const char *path);
void tar_rules_free(struct tar_rules *rules);

/*
 * Writes the archive to `out`. `always` names paths that no rule leaves out (NULL-terminated, may be NULL).
 * False with a message: a file that cannot be read, or that changed its size meanwhile; a write that failed.
 */
bool tar_write(const char *directory, const struct tar_rules *rules, const char *const *always, FILE *out,
	       char *error, size_t size);

#endif
