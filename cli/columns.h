/* columns.h - how wide text is on a terminal: wide characters take two columns, combining ones none. */
#ifndef RUNPLAN_COLUMNS_H
#define RUNPLAN_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * From here on the C library's table of widths is asked, which follows Unicode; before, and for what it does
 * not know, the large blocks of utf8_width() decide. Sets the process's LC_CTYPE.
 */
void columns_prepare(void);
/* Does the terminal show UTF-8, by LC_ALL, LC_CTYPE and LANG? */
bool columns_utf8(void);

size_t columns_of(const char *text, size_t length);
/* Bytes of the longest beginning of `text` that takes no more than `room` columns. */
size_t columns_fit(const char *text, size_t length, size_t room);

#endif
