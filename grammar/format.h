/* format.h: the one layout of a plan. docs/language.md, "Layout", says what it is.
 *
 *   format_words.c (tokens that count) -> format_marks.c (the tree: where lines may break)
 *     -> format_items.c, format_gaps.c (text, breaks and groups) -> format_print.c (which groups break)
 *
 * The text stays the author's token by token: what may change is what stands between tokens, the comma before
 * a closer, and the indentation of multi-line strings. So trees are equal before and after, and format_file()
 * looks.
 */
#ifndef GRAMMAR_FORMAT_H
#define GRAMMAR_FORMAT_H

#include "grammar/ast.h"

struct arena;

/* What fits in so many columns may stay on one line. */
#define FORMAT_COLUMNS 100

/* The text of `file` (a NODE_FILE of parse_file, read without an error) in the one layout, `*length` bytes
 * with a NUL byte after them, in the arena. NULL where the result would be another plan: that is a mistake of
 * this folder. Takes time in proportion to the text. */
const char *format_file(struct arena *arena, const struct sources *sources, struct node *file,
			size_t *length);

#endif
