/* text_diff.h - a unified diff of two texts, made by diff(1), which every Debian has. */
#ifndef RUNPLAN_TEXT_DIFF_H
#define RUNPLAN_TEXT_DIFF_H

#include <stdbool.h>
#include <stddef.h>

/* Prints on standard output, under the name `path`. False with errno set where diff could not do it. */
bool text_diff(const char *path, const char *old, size_t old_length, const char *new, size_t new_length,
	       bool color);

#endif
