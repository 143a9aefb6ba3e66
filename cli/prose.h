/* prose.h - text for people in lines of 80 columns: help, and descriptions of builtins and plans. */
#ifndef RUNPLAN_PROSE_H
#define RUNPLAN_PROSE_H

#include <stdio.h>

#define PROSE_WIDTH 80

unsigned prose_columns(const char *text); /* that it takes on a terminal */

/*
 * Words of `text`, the first of them at column `at` (where the line stands now), wrapped to begin at
 * `column`; line ends of the text stay, and one stands behind it.
 */
void prose_words(FILE *out, unsigned column, unsigned at, const char *text);

/* Paragraphs, wrapped to begin at `column`: an empty line ends one; a line that begins with a blank stays as
 * it is. */
void prose_flow(FILE *out, unsigned column, const char *text);

/* `left` at column `indent`, and `about` wrapped to begin at `column`: below it where `left` reaches that
 * far. */
void prose_row(FILE *out, unsigned indent, unsigned column, const char *left, const char *about);

#endif
