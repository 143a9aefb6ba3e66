/* redact.c - see redact.h. */
#define _GNU_SOURCE
#include "cli/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "interp/json.h"

#define SHORT_SECRET 3 /* bytes: from here on a secret is replaced wherever it stands */
#define CODED_SECRET 4 /* its encoded forms are worth looking for; shorter ones would match by accident */
#define LINE_SECRET  6 /* a line of a secret of several lines */

struct needle {
	char *bytes;
	size_t length;
};

struct redactor {
	struct needle *needles; /* longest first */
	size_t count;
};

struct redactor *redactor_new(void)
{
	return memory_need(calloc(1, sizeof(struct redactor)));
}

void redactor_free(struct redactor *redactor)
{
	size_t i;

	if (!redactor)
		return;
	for (i = 0; i < redactor->count; i++)
		free(redactor->needles[i].bytes);
	free(redactor->needles);
	free(redactor);
}

static bool known(const struct redactor *redactor, const char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < redactor->count; i++)
		if (redactor->needles[i].length == length &&
		    memcmp(redactor->needles[i].bytes, bytes, length) == 0)
			return true;
	return false;
}

static void add(struct redactor *redactor, const char *bytes, size_t length)
{
	size_t i = redactor->count;

	if (length == 0 || known(redactor, bytes, length))
		return;
	redactor->needles = memory_need(realloc(redactor->needles, (i + 1) * sizeof(*redactor->needles)));
	for (; i > 0 && redactor->needles[i - 1].length < length; i--)
		redactor->needles[i] = redactor->needles[i - 1];
	redactor->needles[i].bytes = memory_need(malloc(length + 1));
	memcpy(redactor->needles[i].bytes, bytes, length);
	redactor->needles[i].bytes[length] = '\0';
	redactor->needles[i].length = length;
	redactor->count++;
}

static void add_buffer(struct redactor *redactor, struct buffer *form)
{
	struct value v = buffer_finish(form);

	add(redactor, value_text_peek(v), value_length(v));
	value_release(v);
}

/* ---- forms ---- */

/* Six bits of the secret from `bit` on; zeros behind its end. */
static unsigned six_bits(const char *secret, size_t length, size_t bit)
{
	size_t byte = bit / 8;
	unsigned pair = (unsigned)(unsigned char)secret[byte] << 8;

	if (byte + 1 < length)
		pair |= (unsigned char)secret[byte + 1];
	return (pair >> (10 - bit % 8)) & 63;
}

/*
 * The characters of base64 that depend on the secret alone when `before` (0..2) bytes stand in front of it:
 * those that do so whatever follows it, or with `end` also the last one where nothing does.
 */
static void add_base64(struct redactor *redactor, const char *secret, size_t length, size_t before,
		       const char *tail, bool end)
{
	static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t first = (before * 8 + 5) / 6, last = ((before + length) * 8 + (end ? 5 : 0)) / 6, i;
	struct buffer form = {0};

	for (i = first; i < last; i++) {
		unsigned bits = six_bits(secret, length, i * 6 - before * 8);

		buffer_add_byte(&form, bits < 62 ? common[bits] : tail[bits - 62]);
	}
	if (form.length >= CODED_SECRET)
		add_buffer(redactor, &form);
	else
		buffer_free(&form);
}

static void add_percent(struct redactor *redactor, const char *secret, size_t length, const char *digits,
			bool plus)
{
	struct buffer form = {0};
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)secret[i];

		if (isalnum(c) || strchr("-._~", c)) {
			buffer_add_byte(&form, (char)c);
		} else if (plus && c == ' ') {
			buffer_add_byte(&form, '+');
		} else {
			buffer_add_byte(&form, '%');
			buffer_add_byte(&form, digits[c >> 4]);
			buffer_add_byte(&form, digits[c & 15]);
		}
	}
	add_buffer(redactor, &form);
}

static void add_hex(struct redactor *redactor, const char *secret, size_t length, const char *digits)
{
	struct buffer form = {0};
	size_t i;

	for (i = 0; i < length; i++) {
		buffer_add_byte(&form, digits[(unsigned char)secret[i] >> 4]);
		buffer_add_byte(&form, digits[(unsigned char)secret[i] & 15]);
	}
	add_buffer(redactor, &form);
}

/* What stands between the quotes of a JSON string; some writers escape the slash as well. */
static void add_json(struct redactor *redactor, const char *secret, size_t length)
{
	struct buffer form = {0}, slashed = {0};
	size_t i;

	json_write_string(&form, secret, length);
	for (i = 1; i + 1 < form.length; i++) {
		if (form.string->bytes[i] == '/')
			buffer_add_byte(&slashed, '\\');
		buffer_add_byte(&slashed, form.string->bytes[i]);
	}
	if (form.length > 2)
		add(redactor, form.string->bytes + 1, form.length - 2);
	buffer_free(&form);
	add_buffer(redactor, &slashed);
}

/* As a shell takes it: 'it'\''s', "a\$b", a\ b. The quotes around it stay. */
static void add_shell(struct redactor *redactor, const char *secret, size_t length)
{
	struct buffer single = {0}, joined = {0}, twice = {0}, bare = {0};
	size_t i;

	for (i = 0; i < length; i++) {
		char c = secret[i];

		if (c == '\'') {
			buffer_add_text(&single, "'\\''");
			buffer_add_text(&joined, "'\"'\"'");
		} else {
			buffer_add_byte(&single, c);
			buffer_add_byte(&joined, c);
		}
		if (strchr("\"\\$`", c))
			buffer_add_byte(&twice, '\\');
		buffer_add_byte(&twice, c);
		if (!isalnum((unsigned char)c) && !strchr("_-./:@,+=%", c) && (unsigned char)c < 0x80)
			buffer_add_byte(&bare, '\\');
		buffer_add_byte(&bare, c);
	}
	add_buffer(redactor, &single);
	add_buffer(redactor, &joined);
	add_buffer(redactor, &twice);
	add_buffer(redactor, &bare);
}

static void add_coded(struct redactor *redactor, const char *secret, size_t length)
{
	static const char upper[] = "0123456789ABCDEF", lower[] = "0123456789abcdef";
	size_t before;

	for (before = 0; before < 3; before++) {
		add_base64(redactor, secret, length, before, "+/", false);
		add_base64(redactor, secret, length, before, "+/", true);
		add_base64(redactor, secret, length, before, "-_", false);
		add_base64(redactor, secret, length, before, "-_", true);
	}
	add_percent(redactor, secret, length, upper, false);
	add_percent(redactor, secret, length, upper, true);
	add_percent(redactor, secret, length, lower, false);
	add_hex(redactor, secret, length, upper);
	add_hex(redactor, secret, length, lower);
	add_json(redactor, secret, length);
	add_shell(redactor, secret, length);
}

static void add_lines(struct redactor *redactor, const char *secret, size_t length)
{
	const char *end = secret + length;

	while (secret < end) {
		const char *stop = memchr(secret, '\n', (size_t)(end - secret));
		size_t line = (size_t)((stop ? stop : end) - secret);

		if (line >= LINE_SECRET)
			add(redactor, secret, line);
		secret += line + 1;
	}
}

void redactor_learn(struct redactor *redactor, const char *secret, size_t length)
{
	/* A secret read from a file often ends with its line; what uses it often does not. */
	while (length > 0 && isspace((unsigned char)secret[length - 1]))
		length--;
	if (length == 0 || known(redactor, secret, length))
		return;
	add(redactor, secret, length);
	if (length >= CODED_SECRET)
		add_coded(redactor, secret, length);
	if (memchr(secret, '\n', length))
		add_lines(redactor, secret, length);
}

static void learn_number(struct redactor *redactor, struct value v)
{
	struct value text;

	if (!(v.flags & VALUE_SECRET))
		return;
	text = value_to_text(v);
	redactor_learn(redactor, value_text_peek(text), value_length(text));
	value_release(text);
}

/* Text that was made of a secret, or holds one, is marked as a whole; what has to be hidden of it is known
 * already. */
static bool holds_known(const struct redactor *redactor, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < redactor->count; i++)
		if (redactor->needles[i].length >= SHORT_SECRET &&
		    memmem(text, length, redactor->needles[i].bytes, redactor->needles[i].length))
			return true;
	return false;
}

void redactor_learn_value(struct redactor *redactor, struct value v)
{
	size_t i;

	switch (v.tag) {
	case VALUE_STRING:
		if ((v.flags & VALUE_SECRET) && !holds_known(redactor, value_text_peek(v), value_length(v)))
			redactor_learn(redactor, value_text_peek(v), value_length(v));
		break;
	case VALUE_LIST:
		for (i = 0; i < value_length(v); i++) {
			struct value item = list_peek(v, i);

			item.flags |= v.flags & VALUE_SECRET;
			redactor_learn_value(redactor, item);
		}
		break;
	case VALUE_RECORD:
		for (i = 0; i < value_length(v); i++) {
			struct value item = record_value_peek(v, i);

			item.flags |= v.flags & VALUE_SECRET;
			redactor_learn_value(redactor, item);
		}
		break;
	case VALUE_NULL:
	case VALUE_UNKNOWN:
	case VALUE_BOOL:
		break;
	default:
		learn_number(redactor, v);
		break;
	}
}

/* ---- replacing ---- */

static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool stands(const struct needle *needle, const char *text, size_t length, size_t at)
{
	if (needle->length > length - at || memcmp(text + at, needle->bytes, needle->length) != 0)
		return false;
	if (needle->length >= SHORT_SECRET)
		return true;
	return (at == 0 || !word_byte(text[at - 1])) &&
	       (at + needle->length == length || !word_byte(text[at + needle->length]));
}

/* One needle after the other, the longest first: what is left between two matches is looked at again. */
static void redact_from(const struct redactor *redactor, size_t number, const char *text, size_t length,
			struct buffer *out)
{
	const struct needle *needle;
	size_t from = 0, at = 0;

	for (; number < redactor->count; number++)
		if (memmem(text, length, redactor->needles[number].bytes, redactor->needles[number].length))
			break;
	if (number == redactor->count) {
		buffer_add(out, text, length);
		return;
	}
	needle = &redactor->needles[number];
	while (at + needle->length <= length) {
		const char *hit = memmem(text + at, length - at, needle->bytes, needle->length);

		if (!hit)
			break;
		at = (size_t)(hit - text);
		if (!stands(needle, text, length, at)) {
			at++;
			continue;
		}
		redact_from(redactor, number + 1, text + from, at - from, out);
		buffer_add_text(out, "***");
		at += needle->length;
		from = at;
	}
	redact_from(redactor, number + 1, text + from, length - from, out);
}

void redact(const struct redactor *redactor, const char *text, size_t length, struct buffer *out)
{
	redact_from(redactor, 0, text, length, out);
}
