/* screen.c - see screen.h. */
#include "cli/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/columns.h"
#include "cli/typing.h"
#include "interp/buffer.h"

/* DEC private mode 2026: the terminal shows what is between at once; one that does not know it ignores it. */
#define SYNC_BEGIN "\033[?2026h"
#define SYNC_END   "\033[?2026l"
/* A line that the terminal finds wider than columns_of() does is cut off instead of taking a second row. */
#define WRAP_OFF     "\033[?7l"
#define WRAP_ON	     "\033[?7h"
#define ERASE_LINE   "\033[K"
#define ERASE_DOWN   "\033[J"
#define HEIGHT_LEAST 10 /* rows: on a low screen what is under way comes first */

struct line {
	char *text;
	size_t width; /* columns */
};

struct lines {
	struct line *at;
	size_t count;
};

struct screen {
	struct sink *sink;
	int fd;
	unsigned rows, columns;
	unsigned drawn_rows, drawn_columns; /* when `shown` was drawn */
	struct lines live;		    /* as they were given */
	struct lines shown;		    /* the live rows on the terminal, the question's included */
	bool behind;	      /* the cursor rests behind the last of them, not at its beginning */
	struct buffer record; /* printed, and not yet written */
	struct buffer question;
	struct buffer prompt, typed;
	bool collecting, asking; /* what is printed is the question; it is complete */
	bool lost;		 /* nobody knows where the cursor stands */
	bool changed;		 /* the question or what was typed */
};

/* Columns of text in which SGR sequences stand. */
static size_t painted_columns(const char *text, size_t length)
{
	const char *end = text + length, *next;
	size_t columns = 0;

	for (; text < end; text = next) {
		next = memchr(text, '\033', (size_t)(end - text));
		next = next ? next : end;
		columns += columns_of(text, (size_t)(next - text));
		while (next < end && *next++ != 'm')
			;
	}
	return columns;
}

static void lines_add(struct lines *lines, const char *text, size_t length)
{
	struct line *line;

	lines->at = memory_need(realloc(lines->at, (lines->count + 1) * sizeof(*lines->at)));
	line = &lines->at[lines->count++];
	line->text = memory_need(strndup(text, length));
	line->width = painted_columns(text, length);
}

static void lines_free(struct lines *lines)
{
	size_t i;

	for (i = 0; i < lines->count; i++)
		free(lines->at[i].text);
	free(lines->at);
	*lines = (struct lines){0};
}

struct screen *screen_new(struct sink *sink, int fd)
{
	struct screen *screen = memory_need(calloc(1, sizeof(*screen)));
	unsigned rows, columns;

	screen->sink = sink;
	screen->fd = fd;
	screen_size(screen, &rows, &columns);
	return screen;
}

void screen_free(struct screen *screen)
{
	if (!screen)
		return;
	screen_clear(screen);
	/* A last line without its end, if there is one. */
	if (screen->record.length > 0)
		sink_write(screen->sink, buffer_text(&screen->record), screen->record.length);
	lines_free(&screen->shown);
	lines_free(&screen->live);
	buffer_free(&screen->record);
	buffer_free(&screen->question);
	buffer_free(&screen->prompt);
	buffer_free(&screen->typed);
	free(screen);
}

void screen_size(struct screen *screen, unsigned *rows, unsigned *columns)
{
	struct winsize size = {0};

	if (ioctl(screen->fd, TIOCGWINSZ, &size) != 0)
		size.ws_row = size.ws_col = 0;
	*rows = screen->rows = size.ws_row > 0 ? size.ws_row : 24;
	*columns = screen->columns = size.ws_col > 0 ? size.ws_col : 80;
}

bool screen_resized(struct screen *screen)
{
	unsigned rows, columns;

	screen_size(screen, &rows, &columns);
	return rows != screen->drawn_rows || columns != screen->drawn_columns;
}

unsigned screen_columns(const struct screen *screen)
{
	return screen->columns;
}

unsigned screen_room(const struct screen *screen)
{
	return screen->columns > 1 ? screen->columns - 1 : 1;
}

static size_t line_ends(const struct buffer *buffer)
{
	size_t count = 0, i;

	for (i = 0; i < buffer->length; i++)
		count += buffer->string->bytes[i] == '\n';
	return count;
}

/* A third is left to the record; one row at least, so that going up never stops at the terminal's first row.
 */
unsigned screen_height(const struct screen *screen)
{
	unsigned question = screen->asking ? (unsigned)line_ends(&screen->question) + 1 : 0;
	unsigned room = screen->rows > question + 2 ? screen->rows - 1 - question : 1,
		 share = screen->rows * 2 / 3;

	return room < HEIGHT_LEAST || room < share ? room : share < HEIGHT_LEAST ? HEIGHT_LEAST : share;
}

void screen_print(struct screen *screen, const char *bytes, size_t length)
{
	buffer_add(screen->collecting ? &screen->question : &screen->record, bytes, length);
}

bool screen_pending(const struct screen *screen)
{
	return screen->record.length > 0 || screen->changed;
}

bool screen_ready(const struct screen *screen)
{
	return sink_idle(screen->sink);
}

/* ---- frames ---- */

/* The end of what was typed, where not all of it has room. */
static const char *tail_that_fits(const char *text, size_t room)
{
	size_t length = strlen(text);

	while (length > 0 && columns_of(text, length) > room) {
		size_t one = columns_fit(text, length, 1);

		one = one > 0 ? one : columns_fit(text, length, 2);
		one = one > 0 ? one : 1;
		text += one;
		length -= one;
	}
	return text;
}

static void add_question(struct screen *screen, struct lines *lines)
{
	const char *at = buffer_text(&screen->question);
	size_t count = line_ends(&screen->question), room = screen->rows > 3 ? screen->rows - 3 : 1;
	size_t used = columns_of(buffer_text(&screen->prompt), screen->prompt.length);
	struct buffer last = {0};

	/* What has no room is the question's beginning: the choices stand at its end. */
	for (; *at; at += strcspn(at, "\n") + 1, count--)
		if (count <= room)
			lines_add(lines, at, strcspn(at, "\n"));
	buffer_add(&last, buffer_text(&screen->prompt), screen->prompt.length);
	if (screen->typed.length > 0)
		buffer_add_text(&last,
				tail_that_fits(buffer_text(&screen->typed),
					       screen->columns > used + 2 ? screen->columns - used - 2 : 1));
	lines_add(lines, buffer_text(&last), last.length);
	buffer_free(&last);
}

/* Rows that the first `count` lines take: a terminal that has become narrower has broken them. */
static size_t rows_of(const struct screen *screen, size_t count)
{
	size_t rows = 0, i;

	for (i = 0; i < count; i++) {
		size_t width = screen->shown.at[i].width;

		rows += width > screen->columns ? (width + screen->columns - 1) / screen->columns : 1;
	}
	return rows;
}

/* To the first live row, first column. */
static void go_up(const struct screen *screen, struct buffer *out)
{
	size_t count = screen->shown.count, rows = 0;

	if (count > 0)
		rows = screen->behind ? rows_of(screen, count) - 1 : rows_of(screen, count - 1);
	if (rows >= screen->rows)
		rows = screen->rows - 1;
	buffer_add_byte(out, '\r');
	if (rows > 0)
		buffer_printf(out, "\033[%zuA", rows);
}

static void add_line(struct buffer *out, const char *text)
{
	buffer_add_text(out, text);
	buffer_add_text(out, ERASE_LINE);
}

/* Whole lines of the record. Behind one that fills its last row nothing is to be erased: the cursor still
 * stands on its last character. */
static void add_record(struct screen *screen, struct buffer *out)
{
	size_t length = screen->record.length, from = 0, end, width;

	while (length > 0 && screen->record.string->bytes[length - 1] != '\n')
		length--;
	for (; from < length; from = end) {
		const char *at = screen->record.string->bytes + from;

		end = from + (size_t)((const char *)memchr(at, '\n', length - from) - at) + 1;
		buffer_add(out, at, end - from - 1);
		width = painted_columns(at, end - from - 1);
		buffer_add_text(out, width > 0 && width % screen->columns == 0 ? "\n" : ERASE_LINE "\n");
	}
	if (length > 0) {
		struct buffer rest = {0};

		buffer_add(&rest, screen->record.string->bytes + length, screen->record.length - length);
		buffer_free(&screen->record);
		screen->record = rest;
	}
}

static void add_live(const struct lines *lines, struct buffer *out)
{
	size_t i;

	for (i = 0; i < lines->count; i++) {
		buffer_add_text(out, i > 0 ? "\n" : "");
		add_line(out, lines->at[i].text);
	}
}

/* The lines that are not as they were; the cursor begins in the first row and ends in the last. */
static void add_changed(const struct screen *screen, const struct lines *lines, struct buffer *out)
{
	size_t i;

	for (i = 0; i < lines->count; i++) {
		buffer_add_text(out, i > 0 ? "\n" : "");
		if (strcmp(lines->at[i].text, screen->shown.at[i].text) != 0) {
			buffer_add_byte(out, '\r');
			add_line(out, lines->at[i].text);
		}
	}
}

static bool same_lines(const struct lines *a, const struct lines *b)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (strcmp(a->at[i].text, b->at[i].text) != 0)
			return false;
	return true;
}

static void add_frame(struct screen *screen, const struct lines *lines, bool in_place, struct buffer *out)
{
	size_t width = lines->count > 0 ? lines->at[lines->count - 1].width : 0;

	buffer_add_text(out, SYNC_BEGIN);
	go_up(screen, out);
	/* A terminal that has broken rows, and would join them again when it becomes wider, forgets so. */
	if (screen->columns != screen->drawn_columns)
		buffer_add_text(out, ERASE_DOWN);
	if (!in_place)
		add_record(screen, out);
	buffer_add_text(out, WRAP_OFF);
	if (in_place)
		add_changed(screen, lines, out);
	else
		add_live(lines, out);
	buffer_add_text(out, in_place ? WRAP_ON "\r" : ERASE_DOWN WRAP_ON "\r");
	if (screen->asking && width > 0)
		buffer_printf(out, "\033[%zuC", width);
	buffer_add_text(out, SYNC_END);
}

/* Owns `lines`. */
static void frame(struct screen *screen, struct lines *lines)
{
	struct buffer out = {0};
	bool in_place = !screen->lost && screen->record.length == 0 &&
			screen->columns == screen->drawn_columns && lines->count == screen->shown.count;

	if (!in_place || screen->changed || !same_lines(lines, &screen->shown)) {
		add_frame(screen, lines, in_place, &out);
		sink_write(screen->sink, out.string->bytes, out.length);
		buffer_free(&out);
	}
	lines_free(&screen->shown);
	screen->shown = *lines;
	screen->behind = screen->asking;
	screen->drawn_columns = screen->columns;
	screen->drawn_rows = screen->rows;
	screen->lost = screen->changed = false;
}

static void redraw(struct screen *screen)
{
	size_t question = screen->asking ? line_ends(&screen->question) + 1 : 0, i = 0;
	struct lines lines = {0};
	unsigned rows, columns;

	screen_size(screen, &rows, &columns);
	if (!typing_foreground(screen->fd)) {
		screen_clear(screen);
		screen->lost = true;
		return;
	}
	/* The question may have come, or the terminal become lower, since the live lines were made. */
	if (screen->live.count + question >= screen->rows)
		i = screen->live.count + question - screen->rows + 1;
	for (; i < screen->live.count; i++)
		lines_add(&lines, screen->live.at[i].text, strlen(screen->live.at[i].text));
	if (screen->asking)
		add_question(screen, &lines);
	frame(screen, &lines);
}

void screen_draw(struct screen *screen, char *const *texts, size_t count)
{
	size_t i;

	lines_free(&screen->live);
	for (i = 0; i < count; i++)
		lines_add(&screen->live, texts[i], strlen(texts[i]));
	redraw(screen);
}

void screen_clear(struct screen *screen)
{
	struct lines none = {0};
	bool asking = screen->asking;

	if (screen->shown.count == 0 && screen->record.length == 0)
		return;
	screen->asking = false;
	frame(screen, &none);
	screen->asking = asking;
}

void screen_lost(struct screen *screen)
{
	lines_free(&screen->shown);
	screen->lost = true;
}

/* ---- a question ---- */

void screen_question(struct screen *screen)
{
	screen_answered(screen);
	screen->collecting = true;
}

void screen_prompt(struct screen *screen, const char *prompt)
{
	screen->collecting = false;
	screen->asking = screen->changed = true;
	buffer_free(&screen->prompt);
	buffer_add_text(&screen->prompt, prompt);
	buffer_free(&screen->typed);
	redraw(screen);
}

void screen_typed(struct screen *screen, const char *typed)
{
	buffer_free(&screen->typed);
	buffer_add_text(&screen->typed, typed);
	screen->changed = true;
	redraw(screen);
}

void screen_answered(struct screen *screen)
{
	screen->changed |= screen->asking;
	screen->collecting = screen->asking = false;
	buffer_free(&screen->question);
	buffer_free(&screen->prompt);
	buffer_free(&screen->typed);
}
