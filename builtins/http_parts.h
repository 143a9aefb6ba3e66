/*
 * http_parts.h - what http.*, prom.* and notify.* share beside the transfer itself: header lines made of a
 * record, and texts for people made of what came from outside.
 */
#ifndef RUNPLAN_HTTP_PARTS_H
#define RUNPLAN_HTTP_PARTS_H

#include "interp/value.h"

/* "Name: value" lines for http_options.headers: NULL-terminated; starts as all zeros, ends with
 * header_lines_free(). */
struct header_lines {
	char **lines;
	size_t count;
};

/*
 * Adds a line for each field of `record` (null: none; a null field is left out). False, with a message that
 * holds no value, where a name is no token, a value has a line break or a NUL, or the header is one that
 * frames the message.
 */
bool header_lines_add(struct header_lines *headers, struct value record, char *error, size_t size);
void header_lines_set(struct header_lines *headers, const char *name,
		      const char *value); /* unless it is there */
void header_lines_free(struct header_lines *headers);

/* An http or https URL, whole, without spaces and control characters; else false with a message. */
bool url_usable(struct value url, char *error, size_t size);

/* How a message may name a URL: without user and password, *** for a secret, a placeholder for an unknown. A
 * string. */
struct value url_shown(struct value url);

/* The beginning of a text from outside, on one line, control characters and broken UTF-8 replaced. A string.
 */
struct value text_excerpt(const char *bytes, size_t length, size_t limit);

struct buffer;
void base64_add(struct buffer *text, const char *bytes, size_t length);

/* RFC 3339 as Go writes it: 2026-01-31T12:00:00.123456789+01:00. Null where it is none. */
struct value time_from_rfc3339(struct value text);

/* Is `status` among `ok`: an int, a range, or a list of these? ok_usable(): is it one of these at all, or
 * null? */
bool status_fits(struct value ok, int status);
bool ok_usable(struct value ok);

#endif
