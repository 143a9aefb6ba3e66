/* redact.c - see redact.h. What a text may spell is in spelling.c. */
#define _GNU_SOURCE
#include "cli/redact.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/spelling.h"
#include "interp/json.h"

#define SHORT_SECRET 3 /* bytes: from here on a secret is replaced wherever it stands */
#define CODED_SECRET 4 /* its codes are worth looking for; shorter ones would match by accident */
#define LINE_SECRET  6 /* a line of a secret of several lines */
#define MADE_SECRET  8 /* what was made of a secret */
#define REST	     12 /* of a secret that was cut off; three quarters of a shorter one */
#define HEADS	     4096
#define KEY	     3 /* bytes by which needles are found */
#define KEY_TEXT     64 /* bytes of text in which their spelling must stand, quotes among them */

struct needle {
	char *bytes;
	size_t length;
	bool code;	  /* base64, hexadecimal: may go over several lines */
	bool before, after; /* base64: the character before it, or behind it, holds some of its bits */
	size_t next;	  /* of the same head; its number from 1, 0: none */
};

/* Eight bytes inside a needle: a text that was cut off may begin with them. */
struct inside {
	uint32_t needle, offset; /* needle's number from 1, 0: empty */
};

struct redactor {
	struct needle *needles;
	size_t count;
	size_t heads[HEADS];	   /* by key */
	size_t odd;		   /* those without a key: too short, or of quotes alone */
	bool odd_first[256];	   /* what one of these may begin with */
	unsigned char bloom[8192]; /* hashes of keys */
	struct inside *insides;
	size_t inside_count, inside_room;
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
	for (i = 0; i < redactor->count; i++) {
		explicit_bzero(redactor->needles[i].bytes, redactor->needles[i].length);
		free(redactor->needles[i].bytes);
	}
	free(redactor->needles);
	free(redactor->insides);
	free(redactor);
}

/* ---- needles ---- */

static uint32_t hash(const char *bytes, size_t length)
{
	uint32_t h = 2166136261u;

	while (length-- > 0)
		h = (h ^ (unsigned char)*bytes++) * 16777619u;
	return h ^ h >> 15;
}

static inline uint32_t hash_key(const char *key)
{
	uint32_t h = (uint32_t)(unsigned char)key[0] | (uint32_t)(unsigned char)key[1] << 8 |
		     (uint32_t)(unsigned char)key[2] << 16;

	return h * 2654435761u >> 8;
}

/* A cheap look at whether some needle has this key. */
static inline bool maybe(const struct redactor *redactor, uint32_t h)
{
	h %= 8 * sizeof(redactor->bloom);
	return redactor->bloom[h / 8] >> h % 8 & 1;
}

/* Its first bytes that are no quotes: those may stand anywhere in a spelling. False: it has too few. */
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

/* The characters of base64 that depend on the secret alone when `before` (0..2) bytes stand in front of it. */
static void add_base64(struct redactor *redactor, const char *secret, size_t length, size_t before, const char *tail)
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

/* ---- looking ---- */

/* A reading of a text: its next byte is to spell a needle's byte `i`. */
struct step {
	size_t i;
	const char *at;
};

struct scan {
	const struct redactor *redactor;
	const char *text, *end;
	size_t *done; /* for each needle: up to where it was found; NULL before the first */
	struct step *open; /* other readings, not yet tried */
	size_t open_count, open_room;
};

static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is so much of a needle, at its begin or end, worth being hidden? */
static bool telling(const struct needle *needle, size_t rest)
{
	return rest >= REST || (rest >= LINE_SECRET && 4 * rest >= 3 * needle->length);
}

static bool ends_at(const struct scan *scan, const char *at)
{
	size_t left = (size_t)(scan->end - at);

	return left == 0 || strchr("\"'`", *at) || (left >= 3 && memcmp(at, "...", 3) == 0) ||
	       (left >= 3 && (memcmp(at, "\xe2\x80\xa6", 3) == 0 || memcmp(at, "\xef\xbf\xbd", 3) == 0));
}

/* Has a text been cut off here, perhaps within an escape? */
static bool cut_at(const struct scan *scan, const char *at)
{
	const char *to = at;

	if (ends_at(scan, at))
		return true;
	if (!strchr("%&=\\", *at))
		return false;
	while (to < scan->end && to - at < 8 && strchr("%&=\\", *to))
		to++;
	while (to < scan->end && to - at < 12 && (isalnum((unsigned char)*to) || *to == '#'))
		to++;
	return ends_at(scan, to);
}

static bool gap(char byte)
{
	return spelling_class[(unsigned char)byte] & SPELLING_GAP;
}

/* How a needle's spelling may go on at `at`, which is to be its byte `i`. */
static size_t steps(const struct scan *scan, const struct needle *needle, size_t i, const char *at,
		    struct step out[SPELLING_READINGS + 2])
{
	const char *wanted = needle->bytes + i;
	struct spelling readings[SPELLING_READINGS];
	size_t read = spelling_read(at, scan->end, readings), count = 0, k;
	bool slack = i > 0 && (*at == '\\' ||
			       (spelling_slack(*at) && (spelling_slack(*wanted) || spelling_slack(wanted[-1]))));

	if (*at == *wanted)
		out[count++] = (struct step){i + 1, at + 1};
	for (k = 0; k < read; k++) {
		const struct spelling *reading = &readings[k];

		if (reading->count <= needle->length - i && memcmp(reading->bytes, wanted, reading->count) == 0)
			out[count++] = (struct step){i + reading->count, at + reading->length};
		else if ((needle->code && i > 0 && *at != *wanted && gap(reading->bytes[0])) ||
			 (reading->bytes[0] == '\r' && *wanted == '\n'))
			out[count++] = (struct step){i, at + reading->length};
	}
	if (slack || (*at != *wanted && ((needle->code && i > 0 && gap(*at)) || (*at == '\r' && *wanted == '\n'))))
		out[count++] = (struct step){i, at + 1};
	return count;
}

static void put_off(struct scan *scan, struct step step)
{
	if (scan->open_count == scan->open_room) {
		scan->open_room = scan->open_room ? 2 * scan->open_room : 64;
		scan->open = memory_need(realloc(scan->open, scan->open_room * sizeof(*scan->open)));
	}
	scan->open[scan->open_count++] = step;
}

/*
 * Where the spelling of the needle from its byte `i` on ends that begins at `at`, or NULL. What may be read in several ways
 * is tried in each, as long as the budget lasts. A text that was cut off in it counts where there is no whole one.
 */
static const char *spelled(struct scan *scan, const struct needle *needle, size_t i, const char *at)
{
	struct step next[SPELLING_READINGS + 2];
	size_t budget = 16 * needle->length + 256, count;
	const char *cut = NULL;

	scan->open_count = 0;
	while (i < needle->length) {
		if (telling(needle, i) && cut_at(scan, at) && at > cut)
			cut = at;
		if (at < scan->end) {
			if (budget-- == 0)
				return cut;
			if (*at == needle->bytes[i] && !spelling_special(*at)) {
				i++;
				at++;
				continue;
			}
			for (count = steps(scan, needle, i, at, next); count > 0; count--)
				put_off(scan, next[count - 1]);
		}
		if (scan->open_count == 0)
			return cut;
		i = scan->open[--scan->open_count].i;
		at = scan->open[scan->open_count].at;
	}
	return at;
}

static const char *begin(struct scan *scan, size_t number, size_t offset, const char *at)
{
	const struct needle *needle = &scan->redactor->needles[number - 1];
	const char *to;

	if (scan->done && scan->done[number - 1] > (size_t)(at - scan->text))
		return NULL;
	to = spelled(scan, needle, offset, at);
	if (!to || to == at)
		return NULL;
	if (needle->length < SHORT_SECRET && ((at > scan->text && word_byte(at[-1])) || (to < scan->end && word_byte(*to))))
		return NULL;
	if (!scan->done)
		scan->done = memory_need(calloc(scan->redactor->count, sizeof(*scan->done)));
	scan->done[number - 1] = (size_t)(to - scan->text);
	return to;
}

/* A needle that was found: the characters beside it that hold bits of it as well. */
static bool base64_byte(char c)
{
	return isalnum((unsigned char)c) || strchr("+/-_", c);
}

struct hit {
	const char *from, *to; /* NULL: nothing */
};

static void widen(struct scan *scan, struct hit *hit, size_t number, const char *at, const char *to)
{
	const struct needle *needle = &scan->redactor->needles[number - 1];

	if (needle->before && at > scan->text && base64_byte(at[-1]))
		at--;
	if (needle->after && to < scan->end && *to != '\0' && base64_byte(*to))
		to++;
	if (!hit->to || at < hit->from)
		hit->from = at;
	if (!hit->to || to > hit->to)
		hit->to = to;
}

static void look_chain(struct scan *scan, size_t number, const char *at, struct hit *hit)
{
	for (; number > 0; number = scan->redactor->needles[number - 1].next) {
		const char *to = begin(scan, number, 0, at);

		if (to)
			widen(scan, hit, number, at, to);
	}
}

/* All readings of what stands from `from` on, up to a key. */
static void look_key(struct scan *scan, const char *so_far, size_t count, const char *from, const char *at,
		     struct hit *hit)
{
	struct spelling readings[SPELLING_READINGS];
	char key[KEY];

	memcpy(key, so_far, KEY);
	for (; count < KEY && at < scan->end && at - from < KEY_TEXT; at++) {
		size_t read = spelling_special(*at) ? spelling_read(at, scan->end, readings) : 0, k, i;

		for (k = 0; k < read; k++) {
			char other[KEY];
			size_t added = count;

			memcpy(other, key, KEY);
			for (i = 0; i < readings[k].count && added < KEY; i++)
				if (!spelling_slack(readings[k].bytes[i]))
					other[added++] = readings[k].bytes[i];
			look_key(scan, other, added, from, at + readings[k].length, hit);
		}
		if (count > 0 && gap(*at)) /* base64 that goes over several lines */
			look_key(scan, key, count, from, at + 1, hit);
		if (!spelling_slack(*at))
			key[count++] = *at;
	}
	if (count == KEY && maybe(scan->redactor, hash_key(key)))
		look_chain(scan, scan->redactor->heads[hash_key(key) % HEADS], from, hit);
}

/* What follows the place at which a text was cut off. */
static void look_inside(struct scan *scan, const char *at, struct hit *hit)
{
	const struct redactor *redactor = scan->redactor;
	size_t mask = redactor->inside_room - 1, slot;

	if (redactor->inside_count == 0 || scan->end - at < MADE_SECRET)
		return;
	for (slot = hash(at, MADE_SECRET) & mask; redactor->insides[slot].needle; slot = (slot + 1) & mask) {
		struct inside inside = redactor->insides[slot];
		const char *bytes = redactor->needles[inside.needle - 1].bytes + inside.offset, *to;

		if (memcmp(bytes, at, MADE_SECRET) != 0 ||
		    !telling(&redactor->needles[inside.needle - 1],
			     redactor->needles[inside.needle - 1].length - inside.offset))
			continue;
		to = begin(scan, inside.needle, inside.offset, at);
		if (to)
			widen(scan, hit, inside.needle, at, to);
	}
}

static bool begins(const struct scan *scan, const char *at)
{
	size_t before = (size_t)(at - scan->text);

	if (before == 0 || at[-1] == '"')
		return true;
	return before >= 3 && ((at[-1] == '.' && memcmp(at - 3, "...", 3) == 0) ||
			       (at[-1] == '\xa6' && memcmp(at - 3, "\xe2\x80\xa6", 3) == 0));
}

/* Three bytes that can be read in one way only, but for what stands between them; false: it takes look_key(). */
static bool look_plain(struct scan *scan, const char *at, struct hit *hit)
{
	const struct redactor *redactor = scan->redactor;
	char key[KEY] = {*at};
	unsigned marks = 0;
	uint32_t h;
	size_t i;

	if (scan->end - at < KEY)
		return false;
	for (i = 0; i < KEY; i++)
		marks |= spelling_class[(unsigned char)at[i]];
	if (marks & SPELLING_ESCAPE)
		return false;
	h = hash_key(at);
	if (maybe(redactor, h))
		look_chain(scan, redactor->heads[h % HEADS], at, hit);
	if (!(marks & SPELLING_GAP))
		return true;
	for (i = 1, at++; i < KEY && at < scan->end; at++) {
		if (spelling_class[(unsigned char)*at] & SPELLING_ESCAPE)
			return false;
		if (!(spelling_class[(unsigned char)*at] & SPELLING_GAP))
			key[i++] = *at;
	}
	return i < KEY || !maybe(redactor, hash_key(key));
}

static struct hit look(struct scan *scan, const char *at)
{
	static const char nothing[KEY];
	const struct redactor *redactor = scan->redactor;
	struct hit hit = {0};

	if (redactor->odd_first[(unsigned char)*at])
		look_chain(scan, redactor->odd, at, &hit);
	if (begins(scan, at))
		look_inside(scan, at, &hit);
	if (!look_plain(scan, at, &hit))
		look_key(scan, nothing, 0, at, at, &hit);
	return hit;
}

/* Does it hold a secret? Then it is in `out`, without. */
static bool replace(const struct redactor *redactor, const char *text, size_t length, struct buffer *out)
{
	struct scan scan = {.redactor = redactor, .text = text, .end = text + length};
	const char *from = text, *hidden = NULL, *hidden_to = NULL, *at;

	if (redactor->count == 0)
		return false;
	for (at = text; at < scan.end; at++) {
		struct hit hit = look(&scan, at);

		if (!hit.to)
			continue;
		if (hidden && hit.from >= hidden_to) {
			buffer_add(out, from, (size_t)(hidden - from));
			buffer_add_text(out, "***");
			from = hidden_to;
			hidden = NULL;
		}
		if (!hidden || hit.from < hidden)
			hidden = hit.from < from ? from : hit.from;
		if (!hidden_to || hit.to > hidden_to)
			hidden_to = hit.to;
	}
	free(scan.done);
	free(scan.open);
	if (!hidden)
		return false;
	buffer_add(out, from, (size_t)(hidden - from));
	buffer_add_text(out, "***");
	buffer_add(out, hidden_to, (size_t)(scan.end - hidden_to));
	return true;
}

void redact(const struct redactor *redactor, const char *text, size_t length, struct buffer *out)
{
	if (!replace(redactor, text, length, out))
		buffer_add(out, text, length);
}

/* ---- values ---- */

/* Text that was made of a secret, or holds one, is marked as a whole; what has to be hidden of it is known
 * already. */
static bool holds_known(const struct redactor *redactor, struct value text)
{
	struct buffer out = {0};
	bool holds = replace(redactor, value_text_peek(text), value_length(text), &out);

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

static struct value clean_text(const struct redactor *redactor, struct value v)
{
	struct buffer out = {0};
	struct value clean;

	if (!replace(redactor, value_text_peek(v), value_length(v), &out))
		return value_copy(v);
	clean = buffer_finish(&out);
	clean.flags = v.flags;
	return clean;
}

static struct value clean_number(const struct redactor *redactor, struct value v)
{
	struct value text = value_to_text(v), clean = clean_text(redactor, text);
	bool secret = value_length(text) >= MADE_SECRET && strcmp(value_text_peek(clean), "***") == 0;

	value_release(text);
	value_release(clean);
	return secret ? value_mark(value_null(), VALUE_SECRET) : v;
}

static bool machines_own(const char *key)
{
	static const char *const names[] = {"kind", "class", "digest", "outcome"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(names[i], key) == 0)
			return true;
	return false;
}

static struct value clean_record(const struct redactor *redactor, struct value v, bool event)
{
	struct value clean = record_new(value_length(v));
	size_t i;

	for (i = 0; i < value_length(v); i++) {
		struct value key = value_string(record_key_peek(v, i)), shown = clean_text(redactor, key);
		struct value item = v.record->fields[i].value;

		record_set(&clean, value_text_peek(shown),
			   event && machines_own(value_text_peek(key)) ? value_copy(item) : redact_value(redactor, item));
		value_release(key);
		value_release(shown);
	}
	clean.flags = v.flags;
	return clean;
}

struct value redact_value(const struct redactor *redactor, struct value v)
{
	struct value clean;
	size_t i;

	switch (v.tag) {
	case VALUE_STRING:
		return clean_text(redactor, v);
	case VALUE_LIST:
		clean = list_new(value_length(v));
		for (i = 0; i < value_length(v); i++)
			list_push(&clean, redact_value(redactor, v.list->items[i]));
		clean.flags = v.flags;
		return clean;
	case VALUE_RECORD:
		return clean_record(redactor, v, false);
	case VALUE_INT:
	case VALUE_FLOAT:
		return clean_number(redactor, v);
	default:
		return value_copy(v);
	}
}

/* ---- rows ---- */

/* The event's data may be any value; what tells of an answer (its kind, a digest) is the machine's own. */
static struct value clean_data(const struct redactor *redactor, struct value data)
{
	return data.tag == VALUE_RECORD ? clean_record(redactor, data, true) : redact_value(redactor, data);
}

/* As packed: the kind, the id, texts and data, and numbers that are times. */
static struct value clean_packed(const struct redactor *redactor, struct value row)
{
	struct value clean = list_new(value_length(row));
	bool ended = strcmp(value_text_peek(list_peek(row, 0)), "effect.ended") == 0;

	for (size_t i = 0; i < value_length(row); i++) {
		struct value item = list_peek(row, i);

		if (i < 2 || (ended && i == 3) || item.tag == VALUE_INT)
			list_push(&clean, value_copy(item));
		else
			list_push(&clean, clean_data(redactor, item));
	}
	return clean;
}

/* As a record: the same, and what the machine says of itself. */
static struct value clean_whole(const struct redactor *redactor, struct value row)
{
	struct value clean = record_new(value_length(row));

	for (size_t i = 0; i < value_length(row); i++) {
		const char *key = record_key_peek(row, i);
		struct value item = record_value_peek(row, i);

		if (item.tag == VALUE_INT || strcmp(key, "type") == 0 || strcmp(key, "id") == 0 || strcmp(key, "at") == 0)
			record_set(&clean, key, value_copy(item));
		else
			record_set(&clean, key, clean_data(redactor, item));
	}
	return clean;
}

/* Rows that hold nothing are the many: they are looked at as they are. Bytes that are no text stand in a row as
 * hexadecimal, where only whole secrets show. */
void redact_row(const struct redactor *redactor, const char *row, size_t length, struct buffer *out)
{
	struct value v, clean;
	size_t from = out->length;

	if (!replace(redactor, row, length, out) && !memmem(row, length, "\"$bytes\":", 9)) {
		buffer_add(out, row, length);
		return;
	}
	if (!value_decode(row, length, &v))
		return;
	buffer_cut(out, from);
	clean = v.tag == VALUE_LIST ? clean_packed(redactor, v) : clean_whole(redactor, v);
	json_write(out, clean, JSON_EXACT);
	value_release(clean);
	value_release(v);
}
