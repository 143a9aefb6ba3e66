/* utf8.h: reading UTF-8. */
#ifndef GRAMMAR_UTF8_H
#define GRAMMAR_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the character at `bytes` (1 to 4) and its code point; 0 where the bytes are no valid UTF-8
 * (overlong forms and surrogates are not). `length` is at least 1. */
size_t utf8_decode(const char *bytes, size_t length, uint32_t *code);

/* Appends the character to `out` (room for 4 bytes); returns the number of bytes. */
size_t utf8_encode(uint32_t code, char *out);

/* Columns on a terminal: 0 for combining marks and joiners, 2 for wide characters, else 1. */
unsigned utf8_width(uint32_t code);

/* Characters that change the direction of the text after them, so that what is seen is not what is read. */
bool utf8_is_bidi(uint32_t code);

/* Characters that take no room and mean nothing alone: zero-width spaces and joiners, the soft hyphen. */
bool utf8_is_invisible(uint32_t code);

/* C0 and C1 control characters and DEL. */
bool utf8_is_control(uint32_t code);

#endif
