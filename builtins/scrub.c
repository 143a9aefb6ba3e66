/* scrub.c - secrets and line breaks taken out of a text; see scrub.h. */
#define _GNU_SOURCE 1 /* memmem() */
#include "builtins/scrub.h"

#include <string.h>

#include "interp/buffer.h"

static struct value replace_all(struct value text, struct value part)
{
	const char *at = value_text_peek(text), *end = at + value_length(text), *found;
	struct buffer out = {0};

	while ((found = memmem(at, (size_t)(end - at), value_text_peek(part), value_length(part)))) {
		buffer_add(&out, at, (size_t)(found - at));
		buffer_add_text(&out, "***");
		at = found + value_length(part);
	}
	buffer_add(&out, at, (size_t)(end - at));
	value_release(text);
	return buffer_finish(&out);
}

/* Runs of blanks and line breaks become one blank; none at the ends. */
static struct value one_line(struct value text)
{
	const char *at = value_text_peek(text);
	struct buffer out = {0};
	bool gap = false;

	for (; *at; at++) {
		if (strchr(" \t\r\n", *at)) {
			gap = out.length > 0;
			continue;
		}
		if (gap)
			buffer_add_byte(&out, ' ');
		gap = false;
		buffer_add_byte(&out, *at);
	}
	value_release(text);
	return buffer_finish(&out);
}

struct value scrub(struct value text, struct value secrets)
{
	size_t i;

	for (i = 0; i < value_length(secrets); i++)
		if (value_length(list_peek(secrets, i)) > 0)
			text = replace_all(text, list_peek(secrets, i));
	return one_line(text);
}
