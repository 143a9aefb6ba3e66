/* spelling.c - see spelling.h. */
#include "cli/spelling.h"

#include <stdint.h>
#include <string.h>

const unsigned char spelling_class[256] = {
    ['%'] = SPELLING_ESCAPE,
    ['&'] = SPELLING_ESCAPE,
    ['='] = SPELLING_ESCAPE,
    ['+'] = SPELLING_ESCAPE,
    ['\\'] = SPELLING_ESCAPE | SPELLING_SLACK,
    ['\''] = SPELLING_ESCAPE | SPELLING_SLACK,
    ['"'] = SPELLING_ESCAPE | SPELLING_SLACK,
    ['\n'] = SPELLING_GAP,
    ['\r'] = SPELLING_GAP,
    [' '] = SPELLING_GAP,
    [':'] = SPELLING_GAP,
};

static int digit(const char *at, const char *end, int base)
{
	int d = at >= end		   ? -1
		: *at >= '0' && *at <= '9' ? *at - '0'
		: *at >= 'a' && *at <= 'f' ? *at - 'a' + 10
		: *at >= 'A' && *at <= 'F' ? *at - 'A' + 10
					   : -1;

	return d < base ? d : -1;
}

/* At most `most` digits; their number, 0 where there are fewer than `least`. */
static size_t number(const char *at, const char *end, int base, size_t least, size_t most, uint32_t *out)
{
	size_t count;

	*out = 0;
	for (count = 0; count < most && digit(at + count, end, base) >= 0; count++)
		*out = *out * (uint32_t)base + (uint32_t)digit(at + count, end, base);
	return count >= least ? count : 0;
}

static bool one(struct spelling *out, char byte, size_t length)
{
	*out = (struct spelling){.bytes = {byte}, .count = 1, .length = length};
	return true;
}

static bool character(struct spelling *out, uint32_t code, size_t length)
{
	if (code < 0x80)
		return one(out, (char)code, length);
	*out = (struct spelling){.length = length};
	if (code >= 0x10000)
		out->bytes[out->count++] = (char)(0xf0 | (code >> 18 & 7));
	if (code >= 0x800)
		out->bytes[out->count++] =
		    (char)(code >= 0x10000 ? 0x80 | (code >> 12 & 63) : 0xe0 | code >> 12);
	out->bytes[out->count++] = (char)(code >= 0x800 ? 0x80 | (code >> 6 & 63) : 0xc0 | code >> 6);
	out->bytes[out->count++] = (char)(0x80 | (code & 63));
	return true;
}

/* %41; `deep`: %2541, %252541, … */
static bool percent(const char *from, const char *end, bool deep, struct spelling *out)
{
	const char *at = from + 1;
	uint32_t code;

	while (deep && end - at >= 4 && at[0] == '2' && at[1] == '5' && digit(at + 2, end, 16) >= 0 &&
	       digit(at + 3, end, 16) >= 0)
		at += 2;
	if ((deep && at == from + 1) || !number(at, end, 16, 2, 2, &code))
		return false;
	return one(out, (char)code, (size_t)(at + 2 - from));
}

static bool is_name(const char *at, const char *end, const char *name)
{
	return (size_t)(end - at) >= strlen(name) && memcmp(at, name, strlen(name)) == 0;
}

static const struct {
	const char *name;
	char byte;
} entities[] = {{"amp;", '&'}, {"lt;", '<'}, {"gt;", '>'}, {"quot;", '"'}, {"apos;", '\''}};

static const char *entity_name(const char *at, const char *end, char *byte)
{
	size_t i;

	for (i = 0; i < sizeof(entities) / sizeof(*entities); i++)
		if (is_name(at, end, entities[i].name)) {
			*byte = entities[i].byte;
			return at + strlen(entities[i].name);
		}
	return NULL;
}

/* &lt; &#60; &#x3c; and, `deep`, these with &amp; in place of the &. */
static bool entity(const char *from, const char *end, bool deep, struct spelling *out)
{
	const char *at = from + 1, *to;
	uint32_t code;
	size_t digits;
	char byte;

	while (deep && is_name(at, end, "amp;") && at + 4 < end &&
	       (at[4] == '#' || entity_name(at + 4, end, &byte)))
		at += 4;
	if (deep && at == from + 1)
		return false;
	if ((to = entity_name(at, end, &byte)))
		return one(out, byte, (size_t)(to - from));
	if (at >= end || *at != '#')
		return false;
	at++;
	if (at < end && (*at == 'x' || *at == 'X'))
		digits = number(++at, end, 16, 1, 6, &code);
	else
		digits = number(at, end, 10, 1, 7, &code);
	at += digits;
	if (digits == 0 || at >= end || *at != ';' || code > 0x10ffff)
		return false;
	return character(out, code, (size_t)(at + 1 - from));
}

/* \uXXXX, two of them for what is beyond U+FFFF; `at` behind the u. */
static bool unicode(const char *from, const char *at, const char *end, struct spelling *out)
{
	uint32_t high, low;
	const char *next = at + 4;

	if (!number(at, end, 16, 4, 4, &high))
		return false;
	if (high < 0xd800 || high > 0xdbff)
		return character(out, high, (size_t)(next - from));
	while (next < end && *next == '\\')
		next++;
	if (next == at + 4 || next >= end || *next != 'u' || !number(next + 1, end, 16, 4, 4, &low) ||
	    low < 0xdc00 || low > 0xdfff)
		return false;
	return character(out, 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff)), (size_t)(next + 5 - from));
}

/* However many backslashes there are: each writer in turn doubles them. */
static bool backslash(const char *from, const char *end, struct spelling *out)
{
	static const char letters[] = "nrtbfvae", bytes[] = "\n\r\t\b\f\v\a\033";
	const char *at = from, *letter;
	size_t digits;
	uint32_t code;

	while (at < end && *at == '\\')
		at++;
	if (at >= end || *at == '\0')
		return false;
	if (*at == 'u')
		return unicode(from, at + 1, end, out);
	if (*at == 'x' && (digits = number(at + 1, end, 16, 1, 2, &code)) > 0)
		return one(out, (char)code, (size_t)(at + 1 - from) + digits);
	if (*at >= '0' && *at <= '3' && (digits = number(at, end, 8, 3, 3, &code)) > 0)
		return one(out, (char)code, (size_t)(at - from) + digits);
	letter = strchr(letters, *at);
	return letter && one(out, bytes[letter - letters], (size_t)(at + 1 - from));
}

size_t spelling_read(const char *at, const char *end, struct spelling readings[SPELLING_READINGS])
{
	uint32_t code;
	size_t count;

	switch (*at) {
	case '%':
		count = percent(at, end, false, readings);
		return count + percent(at, end, true, readings + count);
	case '\\':
		return backslash(at, end, readings);
	case '&':
		count = entity(at, end, false, readings);
		return count + entity(at, end, true, readings + count);
	case '+':
		return one(readings, ' ', 1);
	case '=': /* quoted-printable */
		return number(at + 1, end, 16, 2, 2, &code) > 0 && one(readings, (char)code, 3);
	default:
		return 0;
	}
}
