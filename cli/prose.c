/* prose.c - see prose.h. */
#include "cli/prose.h"

#include <stdbool.h>
#include <string.h>

#include "grammar/utf8.h"
#include "interp/buffer.h"

static unsigned columns(const char *text, size_t length)
{
	unsigned sum = 0;

	while (length > 0) {
		uint32_t code = 0;
		size_t bytes = utf8_decode(text, length, &code);

		sum += bytes > 0 ? utf8_width(code) : 1;
		bytes += bytes == 0;
		text += bytes;
		length -= bytes;
	}
	return sum;
}

unsigned prose_columns(const char *text)
{
	return columns(text, strlen(text));
}

void prose_words(FILE *out, unsigned column, unsigned at, const char *text)
{
	bool fresh = true; /* nothing stands on the line yet that a blank must follow */

	while (*text) {
		size_t length = strcspn(text, " \n");
		unsigned wide = columns(text, length);

		if (!fresh && at + 1 + wide > PROSE_WIDTH) {
			putc('\n', out);
			at = 0;
			fresh = true;
		}
		if (at < column)
			at += (unsigned)fprintf(out, "%*s", (int)(column - at), "");
		else if (!fresh)
			at += (unsigned)fprintf(out, " ");
		fwrite(text, 1, length, out);
		at += wide;
		fresh = false;
		for (text += length; *text == ' ' || *text == '\n'; text++)
			if (*text == '\n') {
				putc('\n', out);
				at = 0;
				fresh = true;
			}
	}
	putc('\n', out);
}

static void flush(FILE *out, unsigned column, struct buffer *paragraph)
{
	if (paragraph->length > 0) {
		buffer_add_byte(paragraph, '\0');
		prose_words(out, column, 0, paragraph->string->bytes);
	}
	paragraph->length = 0;
}

void prose_flow(FILE *out, unsigned column, const char *text)
{
	struct buffer paragraph = {0};

	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length == 0 || *text == ' ') {
			flush(out, column, &paragraph);
			fprintf(out, "%*s%.*s\n", length > 0 ? (int)column : 0, "", (int)length, text);
		} else {
			if (paragraph.length > 0)
				buffer_add_byte(&paragraph, ' ');
			buffer_add(&paragraph, text, length);
		}
		text += length + (text[length] == '\n');
	}
	flush(out, column, &paragraph);
	buffer_free(&paragraph);
}

void prose_row(FILE *out, unsigned indent, unsigned column, const char *left, const char *about)
{
	unsigned at = indent + prose_columns(left);

	fprintf(out, "%*s%s", (int)indent, "", left);
	if (*about && at + 2 > column) {
		putc('\n', out);
		at = 0;
	}
	prose_words(out, column, at, about);
}
