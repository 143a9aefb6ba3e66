/*
 * regex.h - regular expressions (PCRE2), for `matches` and for re.*.
 *
 * Patterns and texts are UTF-8; what isn't UTF-8 in a text matches nothing. `$` is the very end of the text, also where
 * it ends in a newline. A match has a budget: a pattern that backtracks without end is a failure with a message, never
 * a hang. The budget counts work, not time, so a replay fails where the run did.
 *
 * Messages are one line, for a buffer of REGEX_ERROR bytes; they quote neither the pattern nor the text.
 */
#ifndef RUNPLAN_REGEX_H
#define RUNPLAN_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "interp/value.h"

#define REGEX_ERROR 160

/* One question. False: the pattern is malformed or the budget was exceeded, and `error` says so. */
bool regex_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length, bool *matched,
		 char *error);

/* Is it a pattern? If not, `*offset` is the byte of the pattern at which the problem stands. */
bool regex_check(const char *pattern, size_t length, char *error, size_t *offset);

/* Many questions with one pattern. */
struct regex;
struct regex *regex_new(const char *pattern, size_t length, char *error, size_t *offset); /* NULL: malformed */
void regex_free(struct regex *regex);                                                      /* NULL is fine */

/* Sets the text, which must stay, and a new budget for all that follows. */
void regex_begin(struct regex *regex, const char *text, size_t length);

/*
 * The next match behind the last one, never an empty one where the last one ended. *found is false at the end. False:
 * the budget was exceeded.
 */
bool regex_next(struct regex *regex, bool *found, char *error);

/* Of the last match. A group that took no part has no bytes at all: NULL. Group 0 is the whole. */
size_t regex_groups(const struct regex *regex);
const char *regex_group(const struct regex *regex, size_t group, size_t *length);

/* { name: text or null } of the named groups. */
struct value regex_named(const struct regex *regex);

#endif
