/* redact.c - what a redactor knows; see redact.h. */
#define _GNU_SOURCE
#include "cli/redact_inside.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/spelling.h"

struct redactor *redactor_new(void)
{
	return memory_need(calloc(1, sizeof(struct redactor)));
}

void redactor_free(struct redactor *redactor)
{
	size_t i;

	if (!redactor)
		return;
	for (i = 0; i < redactor->count; i++) {
		explicit_bzero(redactor->needles[i].bytes, redactor->needles[i].length);
		free(redactor->needles[i].bytes);
	}
	free(redactor->needles);
	free(redactor->insides);
	free(redactor);
}

/* ---- needles ---- */

static bool key_of(const char *bytes, size_t length, char *key)
{
	size_t count = 0, i;

	for (i = 0; i < length && count < KEY; i++)
		if (!spelling_slack(bytes[i]))
			key[count++] = bytes[i];
	return count == KEY;
}

static size_t *head_of(struct redactor *redactor, const char *bytes, size_t length)
{
	char key[KEY];

	return key_of(bytes, length, key) ? &redactor->heads[hash_key(key) % HEADS] : &redactor->odd;
}

static bool known(struct redactor *redactor, const char *bytes, size_t length)
{
	size_t at = *head_of(redactor, bytes, length);

	for (; at > 0; at = redactor->needles[at - 1].next)
		if (redactor->needles[at - 1].length == length &&
		    memcmp(redactor->needles[at - 1].bytes, bytes, length) == 0)
			return true;
	return false;
}

static void add_first(struct redactor *redactor, const char *bytes, size_t length)
{
	char key[KEY];

	if (key_of(bytes, length, key)) {
		uint32_t h = hash_key(key) % (8 * sizeof(redactor->bloom));

		redactor->bloom[h / 8] |= (unsigned char)(1 << h % 8);
		return;
	}
	redactor->odd_first[(unsigned char)bytes[0]] = true;
	for (const char *c = SPELLING_BEGINS; *c; c++)
		redactor->odd_first[(unsigned char)*c] = true;
}

/* Longest first, of each head. */
static struct needle *add(struct redactor *redactor, const char *bytes, size_t length)
{
	size_t *at, number = redactor->count + 1;
	struct needle *needle;

	if (length == 0 || known(redactor, bytes, length))
		return NULL;
	if ((redactor->count & (redactor->count + 1)) == 0)
		redactor->needles = memory_need(
		    realloc(redactor->needles, 2 * (redactor->count + 1) * sizeof(*redactor->needles)));
	needle = &redactor->needles[redactor->count++];
	*needle = (struct needle){.bytes = memory_need(malloc(length + 1)), .length = length};
	memcpy(needle->bytes, bytes, length);
	needle->bytes[length] = '\0';
	at = head_of(redactor, bytes, length);
	while (*at > 0 && redactor->needles[*at - 1].length > length)
		at = &redactor->needles[*at - 1].next;
	needle->next = *at;
	*at = number;
	add_first(redactor, bytes, length);
	return needle;
}

static void inside_put(struct redactor *redactor, struct inside inside)
{
	size_t mask = redactor->inside_room - 1, at;
	const char *bytes = redactor->needles[inside.needle - 1].bytes + inside.offset;

	for (at = hash(bytes, MADE_SECRET) & mask; redactor->insides[at].needle; at = (at + 1) & mask)
		;
	redactor->insides[at] = inside;
	redactor->inside_count++;
}

static void insides_grow(struct redactor *redactor, size_t more)
{
	struct inside *old = redactor->insides;
	size_t room = redactor->inside_room, i;

	if (2 * (redactor->inside_count + more) < room)
		return;
	redactor->inside_room = room ? room : 64;
	while (redactor->inside_room <= 2 * (redactor->inside_count + more))
		redactor->inside_room *= 2;
	redactor->insides = memory_need(calloc(redactor->inside_room, sizeof(*old)));
	redactor->inside_count = 0;
	for (i = 0; i < room; i++)
		if (old[i].needle)
			inside_put(redactor, old[i]);
	free(old);
}

/* The secret itself, or a line of it. */
static void add_plain(struct redactor *redactor, const char *bytes, size_t length)
{
	size_t i;

	if (!add(redactor, bytes, length) || length <= MADE_SECRET)
		return;
	insides_grow(redactor, length);
	for (i = 1; i + MADE_SECRET <= length; i++)
		inside_put(redactor, (struct inside){(uint32_t)redactor->count, (uint32_t)i});
}

/* ---- codes ---- */

/* Six bits of the secret from `bit` on; zeros behind its end. */
static unsigned six_bits(const char *secret, size_t length, size_t bit)
{
	size_t byte = bit / 8;
	unsigned pair = (unsigned)(unsigned char)secret[byte] << 8;

	if (byte + 1 < length)
		pair |= (unsigned char)secret[byte + 1];
	return (pair >> (10 - bit % 8)) & 63;
}

/* The characters of base64 that depend on the secret alone when `before` (0..2) bytes stand in front of it.
 */
static void add_base64(struct redactor *redactor, const char *secret, size_t length, size_t before,
		       const char *tail)
{
	static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	size_t first = (before * 8 + 5) / 6, last = (before + length) * 8 / 6, i;
	struct buffer form = {0};
	struct needle *needle;

	for (i = first; i < last; i++) {
		unsigned bits = six_bits(secret, length, i * 6 - before * 8);

		buffer_add_byte(&form, bits < 62 ? common[bits] : tail[bits - 62]);
	}
	needle = form.length >= CODED_SECRET ? add(redactor, buffer_text(&form), form.length) : NULL;
	if (needle) {
		needle->code = true;
		needle->before = before * 8 % 6 != 0;
		needle->after = (before + length) * 8 % 6 != 0;
	}
	buffer_free(&form);
}

static void add_hex(struct redactor *redactor, const char *secret, size_t length, const char *digits)
{
	struct buffer form = {0};
	struct needle *needle;
	size_t i;

	for (i = 0; i < length; i++) {
		buffer_add_byte(&form, digits[(unsigned char)secret[i] >> 4]);
		buffer_add_byte(&form, digits[(unsigned char)secret[i] & 15]);
	}
	needle = add(redactor, buffer_text(&form), form.length);
	if (needle)
		needle->code = true;
	buffer_free(&form);
}

static void add_codes(struct redactor *redactor, const char *secret, size_t length)
{
	size_t before;

	for (before = 0; before < 3; before++) {
		add_base64(redactor, secret, length, before, "+/");
		add_base64(redactor, secret, length, before, "-_");
	}
	add_hex(redactor, secret, length, "0123456789ABCDEF");
	add_hex(redactor, secret, length, "0123456789abcdef");
}

/* ---- learning ---- */

static void add_lines(struct redactor *redactor, const char *secret, size_t length)
{
	const char *end = secret + length;

	while (secret < end) {
		const char *stop = memchr(secret, '\n', (size_t)(end - secret));
		size_t line = (size_t)((stop ? stop : end) - secret);

		if (line > 0 && secret[line - 1] == '\r')
			line--;
		if (line >= LINE_SECRET)
			add_plain(redactor, secret, line);
		if (!stop)
			break;
		secret = stop + 1;
	}
}

void redactor_learn(struct redactor *redactor, const char *secret, size_t length)
{
	/* A secret read from a file often ends with its line; what uses it often does not. */
	while (length > 0 && isspace((unsigned char)secret[length - 1]))
		length--;
	if (length == 0 || known(redactor, secret, length))
		return;
	add_plain(redactor, secret, length);
	if (length >= CODED_SECRET)
		add_codes(redactor, secret, length);
	if (memchr(secret, '\n', length))
		add_lines(redactor, secret, length);
}

/* Text that was made of a secret, or holds one, is marked as a whole; what has to be hidden of it is known
 * already. */
static bool holds_known(const struct redactor *redactor, struct value text)
{
	struct buffer out = {0};
	bool holds = redactor_replace(redactor, value_text_peek(text), value_length(text), &out);

	buffer_free(&out);
	return holds;
}

static void learn_scalar(struct redactor *redactor, struct value v, size_t least)
{
	struct value text;

	if (!(v.flags & VALUE_SECRET) || v.tag <= VALUE_BOOL)
		return;
	text = value_to_text(v);
	if (value_length(text) >= least && (v.tag != VALUE_STRING || !holds_known(redactor, text)))
		redactor_learn(redactor, value_text_peek(text), value_length(text));
	value_release(text);
}

static void learn(struct redactor *redactor, struct value v, size_t least)
{
	size_t i;

	if (v.tag != VALUE_LIST && v.tag != VALUE_RECORD) {
		learn_scalar(redactor, v, least);
		return;
	}
	for (i = 0; value_is_secret(v) && i < value_length(v); i++) {
		struct value item = v.tag == VALUE_LIST ? list_peek(v, i) : record_value_peek(v, i);

		item.flags |= v.flags & VALUE_SECRET;
		learn(redactor, item, least);
	}
}

void redactor_learn_value(struct redactor *redactor, struct value v)
{
	learn(redactor, v, 1);
}

void redactor_learn_made(struct redactor *redactor, struct value v)
{
	learn(redactor, v, MADE_SECRET);
}
