/* buffer.c - see buffer.h. */
#include "interp/buffer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *buffer_reserve(struct buffer *buffer, size_t more)
{
	if (!buffer->string || buffer->capacity - buffer->length < more) {
		size_t capacity = buffer->capacity * 2;

		if (capacity < buffer->length + more)
			capacity = buffer->length + more;
		if (capacity < 40)
			capacity = 40;
		buffer->string = memory_need(realloc(buffer->string, sizeof(*buffer->string) + capacity + 1));
		buffer->capacity = capacity;
	}
	return buffer->string->bytes + buffer->length;
}

void buffer_add(struct buffer *buffer, const char *bytes, size_t length)
{
	if (length == 0)
		return;
	memcpy(buffer_reserve(buffer, length), bytes, length);
	buffer->length += length;
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_add_byte(struct buffer *buffer, char byte)
{
	*buffer_reserve(buffer, 1) = byte;
	buffer->length++;
}

void buffer_add_int(struct buffer *buffer, int64_t i)
{
	char digits[24], *at = digits + sizeof(digits);
	uint64_t left = i < 0 ? -(uint64_t)i : (uint64_t)i;

	do {
		*--at = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (i < 0)
		*--at = '-';
	buffer_add(buffer, at, (size_t)(digits + sizeof(digits) - at));
}

void buffer_vprintf(struct buffer *buffer, const char *format, va_list list)
{
	va_list again;
	int length;

	va_copy(again, list);
	buffer_reserve(buffer, 0);
	/* The NUL that vsnprintf() writes falls on the byte kept for it. */
	length = vsnprintf(buffer->string->bytes + buffer->length, buffer->capacity - buffer->length + 1,
			   format, list);
	if (length > 0 && (size_t)length > buffer->capacity - buffer->length)
		vsnprintf(buffer_reserve(buffer, (size_t)length), (size_t)length + 1, format, again);
	if (length > 0)
		buffer->length += (size_t)length;
	va_end(again);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	buffer_vprintf(buffer, format, list);
	va_end(list);
}

const char *buffer_text(struct buffer *buffer)
{
	if (!buffer->string)
		return "";
	buffer->string->bytes[buffer->length] = '\0';
	return buffer->string->bytes;
}

void buffer_cut(struct buffer *buffer, size_t length)
{
	if (length < buffer->length)
		buffer->length = length;
}

/*
 * What is printed with up to four decimals, found without printing: f is the double next to n / 10^d, and as n has at
 * most 15 digits (DBL_DIG) no other decimal of 15 digits is next to f.
 */
static bool add_short_float(struct buffer *buffer, double f)
{
	static const int64_t scales[] = {1, 10, 100, 1000, 10000};
	size_t d = 0;
	int64_t n, rest;

	if (!(fabs(f) < 1e11) || (f == 0 && signbit(f)))
		return false;
	while ((double)(n = llrint(f * (double)scales[d])) / (double)scales[d] != f)
		if (++d == sizeof(scales) / sizeof(scales[0]))
			return false;
	if (f < 0)
		buffer_add_byte(buffer, '-');
	n = n < 0 ? -n : n;
	buffer_add_int(buffer, n / scales[d]);
	buffer_add_byte(buffer, '.');
	rest = n % scales[d];
	for (size_t missing = d; missing > 1 && rest < scales[missing - 1]; missing--)
		buffer_add_byte(buffer, '0');
	buffer_add_int(buffer, rest);
	return true;
}

void buffer_add_float(struct buffer *buffer, double f)
{
	char text[40];
	int precision;

	if (isnan(f)) {
		buffer_add_text(buffer, "nan");
		return;
	}
	if (isinf(f)) {
		buffer_add_text(buffer, f < 0 ? "-inf" : "inf");
		return;
	}
	if (add_short_float(buffer, f))
		return;
	for (precision = 15; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*g", precision, f);
		if (strtod(text, NULL) == f)
			break;
	}
	buffer_add_text(buffer, text);
	if (!strpbrk(text, ".e"))
		buffer_add_text(buffer, ".0");
}

struct value buffer_finish(struct buffer *buffer)
{
	struct value_string *string;
	struct value v = {.tag = VALUE_STRING};

	buffer_reserve(buffer, 0);
	string = buffer->string;
	string->refs = 1;
	string->length = buffer->length;
	string->bytes[buffer->length] = '\0';
	/* Give back what doubling took in excess; small strings aren't worth the call. */
	if (buffer->capacity - buffer->length > 256)
		string = memory_need(realloc(string, sizeof(*string) + buffer->length + 1));
	*buffer = (struct buffer){0};
	v.string = string;
	return v;
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->string);
	*buffer = (struct buffer){0};
}
