/* utf8.h - where characters begin and end in text that may be anything; over grammar/utf8.h, which decodes one. */
#ifndef RUNPLAN_UTF8_H
#define RUNPLAN_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the character that starts at `at` (`left` bytes are there), or 0 where no valid one does. */
size_t utf8_sequence(const char *at, size_t left);

/*
 * Whether the character of `sequence` bytes must not be shown as it is: C0, DEL, C1, line and paragraph separators, and
 * the marks that turn the direction of text.
 */
bool utf8_unprintable(const char *at, size_t sequence);

bool utf8_valid(const char *bytes, size_t length);

/* How many bytes from `bytes` on stand as they are in any text in double quotes: printable ASCII but \" and \\. */
size_t utf8_plain(const char *bytes, size_t length);

/* Characters; an invalid byte counts as one. */
size_t utf8_length(const char *bytes, size_t length);

/* Byte offset of the character with this number, or `length` when there are fewer. */
size_t utf8_offset(const char *bytes, size_t length, size_t character);

#endif
