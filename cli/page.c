/* page.c - lines for people: cleaned, redacted, painted, wrapped; see ui.h. */
#include "cli/ui.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/columns.h"
#include "interp/utf8.h"

#define SECOND_NS     INT64_C(1000000000)
#define NARROWEST     40 /* columns: below that, lines are not wrapped */
#define NARROW_INDENT 4	 /* of what goes on below a line with less than half of these columns left */

/* ---- text from outside ---- */

/*
 * Bytes of the control sequence that begins with the ESC at `at`: CSI up to its final byte; OSC, DCS, APC, PM
 * and SOS up to BEL or ESC \; else ESC and what follows it.
 */
static size_t escape_length(const char *at, size_t left)
{
	size_t i;

	if (left < 2)
		return left;
	if (at[1] == '[') {
		for (i = 2; i < left && ((unsigned char)at[i] < 0x40 || (unsigned char)at[i] > 0x7e); i++)
			if ((unsigned char)at[i] < 0x20)
				return i;
		return i < left ? i + 1 : left;
	}
	if (strchr("]P_^X", at[1])) {
		for (i = 2; i < left; i++) {
			if (at[i] == '\a')
				return i + 1;
			if (at[i] == '\033')
				return i + 1 < left && at[i + 1] == '\\' ? i + 2 : i;
			if (at[i] == '\n')
				return i;
		}
		return left;
	}
	for (i = 1; i < left && at[i] >= 0x20 && at[i] <= 0x2f; i++)
		;
	return i < left && (unsigned char)at[i] >= 0x30 && (unsigned char)at[i] <= 0x7e ? i + 1 : i;
}

void text_clean(const char *text, size_t length, struct buffer *out)
{
	size_t i = 0;

	while (i < length) {
		size_t sequence = utf8_sequence(text + i, length - i);

		if (text[i] == '\033') {
			i += escape_length(text + i, length - i);
			continue;
		}
		if (sequence == 0) {
			buffer_add_text(out, "\xef\xbf\xbd");
			i++;
			continue;
		}
		if (strchr("\n\r\t", text[i]) && text[i] != '\0') {
			if (out->length > 0 && out->string->bytes[out->length - 1] != ' ')
				buffer_add_byte(out, ' ');
		} else if (!utf8_unprintable(text + i, sequence)) {
			buffer_add(out, text + i, sequence);
		}
		i += sequence;
	}
}

const char *elapsed_text(int64_t nanoseconds, char *buffer)
{
	int64_t step = nanoseconds < SECOND_NS	      ? SECOND_NS / 1000
		       : nanoseconds < 60 * SECOND_NS ? SECOND_NS / 10
						      : SECOND_NS;
	int64_t rounded = (nanoseconds + step / 2) / step * step;

	if (rounded >= SECOND_NS && rounded < 60 * SECOND_NS && rounded % SECOND_NS != 0) {
		snprintf(buffer, 48, "%" PRId64 ".%" PRId64 "s", rounded / SECOND_NS,
			 rounded % SECOND_NS / (SECOND_NS / 10));
		return buffer;
	}
	return duration_text(rounded, buffer);
}

/* ---- lines ---- */

static const char *const paint[] = {
    [STYLE_NORMAL] = "",       [STYLE_STRONG] = "\033[1m", [STYLE_FAINT] = "\033[2m",
    [STYLE_GOOD] = "\033[32m", [STYLE_BAD] = "\033[1;31m", [STYLE_WARN] = "\033[33m",
};

static size_t page_width(const struct page *page)
{
	return page->screen ? screen_columns(page->screen) : page->width;
}

static void page_put(const struct page *page, const char *bytes, size_t length)
{
	if (page->muted)
		return;
	if (page->screen)
		screen_print(page->screen, bytes, length);
	else
		sink_write(page->sink, bytes, length);
}

const char *style_paint(enum style style)
{
	return paint[style];
}

/* Redacted first: a control sequence inside a secret must not hide it. */
void page_text(const struct page *page, const char *text, struct buffer *out)
{
	struct buffer raw = {0}, clean = {0};

	redact(page->redactor, text, strlen(text), &raw);
	if (raw.length > 0)
		text_clean(raw.string->bytes, raw.length, &clean);
	if (clean.length > 0)
		redact(page->redactor, clean.string->bytes, clean.length, out);
	buffer_free(&raw);
	buffer_free(&clean);
}

/* Bytes of `text` that fit into `room` columns, up to a blank where there is one. All where it cannot be
 * divided. */
static size_t fitting(const char *text, size_t length, size_t room)
{
	size_t end = columns_fit(text, length, room), i;

	if (end >= length)
		return length;
	for (i = end; i > 0; i--)
		if (text[i] == ' ')
			return i;
	for (i = end; i < length && text[i] != ' '; i++)
		;
	return i;
}

static void add_wrapped(const struct page *page, const char *text, size_t length, size_t column,
			struct buffer *out)
{
	size_t width = page_width(page), room = width > column ? width - column : 0;

	if (room < NARROWEST / 2)
		column = NARROW_INDENT;
	for (;;) {
		size_t take = fitting(text, length, room), i;

		buffer_add(out, text, take);
		while (take < length && text[take] == ' ')
			take++;
		text += take;
		length -= take;
		if (length == 0)
			break;
		room = width - column;
		buffer_add_byte(out, '\n');
		for (i = 0; i < column; i++)
			buffer_add_byte(out, ' ');
	}
}

void page_line(const struct page *page, const char *gutter, unsigned indent, enum style style,
	       const char *lead, const char *text)
{
	struct buffer line = {0}, body = {0};
	size_t column = indent + (gutter ? strlen(gutter) : 0);
	unsigned i;

	if (gutter && page->color)
		buffer_add_text(&line, paint[STYLE_FAINT]);
	if (gutter)
		buffer_add_text(&line, gutter);
	if (gutter && page->color)
		buffer_add_text(&line, "\033[0m");
	for (i = 0; i < indent; i++)
		buffer_add_byte(&line, ' ');
	if (page->color && style != STYLE_NORMAL)
		buffer_add_text(&line, paint[style]);
	if (lead) {
		size_t before = line.length;

		page_text(page, lead, &line);
		column += columns_of(line.string->bytes + before, line.length - before);
		if (text && page->color && style != STYLE_NORMAL)
			buffer_add_text(&line, "\033[0m");
	}
	if (text)
		page_text(page, text, &body);
	if (body.length > 0)
		add_wrapped(page, body.string->bytes, body.length, column, &line);
	if (!(lead && text) && page->color && style != STYLE_NORMAL)
		buffer_add_text(&line, "\033[0m");
	while (line.length > 0 && line.string->bytes[line.length - 1] == ' ')
		buffer_cut(&line, line.length - 1);
	buffer_add_byte(&line, '\n');
	page_put(page, line.string->bytes, line.length);
	buffer_free(&line);
	buffer_free(&body);
}

void page_raw(const struct page *page, const char *text, size_t length)
{
	struct buffer out = {0};

	redact(page->redactor, text, length, &out);
	if (out.length > 0)
		page_put(page, out.string->bytes, out.length);
	buffer_free(&out);
}

void page_redacted(const struct page *page, const char *text, size_t length)
{
	page_put(page, text, length);
}

void page_printf(const struct page *page, const char *format, ...)
{
	struct buffer text = {0};
	va_list list;

	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	if (text.length > 0)
		page_raw(page, text.string->bytes, text.length);
	buffer_free(&text);
}
