/* tty_lines.h - what is under way as lines that fit a terminal: all of it where there is room, else less of
 * each, else less. */
#ifndef RUNPLAN_TTY_LINES_H
#define RUNPLAN_TTY_LINES_H

#include "cli/tree.h"
#include "cli/ui.h"

struct tty_lines {
	char **at;
	size_t count;
};

/*
 * At most `height` lines (at least 1), each at most `room` columns wide, cleaned and redacted; the last says
 * how far the run is and how to stop it. `now` is the run's clock. tty_lines_free() follows.
 */
void tty_lines_make(struct tty_lines *lines, const struct page *page, const struct tree *tree, int64_t now,
		    unsigned room, unsigned height);
void tty_lines_free(struct tty_lines *lines);

#endif
