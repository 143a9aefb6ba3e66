/*
 * buffer.h - text that grows, and becomes a string value without being copied.
 *
 * A buffer starts as all zeros ("struct buffer text = {0};"), owns its bytes, and ends with buffer_finish(),
 * which gives them away as a value, or with buffer_free(). Appending costs amortised constant time a byte.
 */
#ifndef RUNPLAN_BUFFER_H
#define RUNPLAN_BUFFER_H

#include <stdarg.h>

#include "interp/value.h"

struct buffer {
	struct value_string *string; /* NULL until the first byte */
	size_t length, capacity;     /* bytes in use; bytes that fit beside the NUL */
};

char *buffer_reserve(struct buffer *buffer,
		     size_t more); /* room for `more` bytes behind the last; length unchanged */
void buffer_add(struct buffer *buffer, const char *bytes, size_t length);
void buffer_add_text(struct buffer *buffer, const char *text); /* NUL-terminated */
void buffer_add_byte(struct buffer *buffer, char byte);
void buffer_add_int(struct buffer *buffer, int64_t i);
void buffer_printf(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_vprintf(struct buffer *buffer, const char *format, va_list list)
    __attribute__((format(printf, 2, 0)));
const char *buffer_text(struct buffer *buffer);	       /* NUL-terminated, lent until the next change */
void buffer_cut(struct buffer *buffer, size_t length); /* forgets all behind `length` */

/* The shortest decimal that reads back as the same number; with a point or an exponent, so never an int. */
void buffer_add_float(struct buffer *buffer, double f);

struct value buffer_finish(struct buffer *buffer); /* a string; the buffer is empty again */
void buffer_free(struct buffer *buffer);

#endif
