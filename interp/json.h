/* json.h - writing values as JSON into a buffer; the whole conversions are in value.h. */
#ifndef RUNPLAN_JSON_H
#define RUNPLAN_JSON_H

#include "interp/buffer.h"
#include "interp/value.h"

enum json_style {
	JSON_PLAIN,  /* for others: secrets are "***" */
	JSON_REVEAL, /* plain, secrets included: what a command is given */
	JSON_EXACT,  /* value_encode() */
};

void json_write(struct buffer *text, struct value v, enum json_style style);
void json_write_pretty(struct buffer *text, struct value v, enum json_style style); /* a line per item, two spaces deeper */

/* A JSON string. What isn't UTF-8 becomes U+FFFD. */
void json_write_string(struct buffer *text, const char *bytes, size_t length);
/* The same in the exact form: what isn't UTF-8 comes back as it went. */
void json_write_exact(struct buffer *text, const char *bytes, size_t length);

#endif
