/* columns.c - see columns.h. */
#define _GNU_SOURCE
#include "cli/columns.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "grammar/utf8.h"

void columns_prepare(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

bool columns_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

static size_t width(uint32_t code)
{
	int known = code < 0x7f ? 1 : wcwidth((wchar_t)code);

	return known >= 0 ? (size_t)known : utf8_width(code);
}

/* Goes on until `room` columns are full; the columns that were taken are added to *columns. */
static size_t walk(const char *text, size_t length, size_t room, size_t *columns)
{
	size_t at = 0;

	while (at < length) {
		uint32_t code;
		size_t sequence = utf8_decode(text + at, length - at, &code);
		size_t wide = sequence > 0 ? width(code) : 1;

		if (*columns + wide > room)
			break;
		*columns += wide;
		at += sequence > 0 ? sequence : 1;
	}
	return at;
}

size_t columns_of(const char *text, size_t length)
{
	size_t columns = 0;

	walk(text, length, SIZE_MAX / 2, &columns);
	return columns;
}

size_t columns_fit(const char *text, size_t length, size_t room)
{
	size_t columns = 0;

	return walk(text, length, room, &columns);
}
