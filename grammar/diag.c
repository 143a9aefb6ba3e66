#include "grammar/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "grammar/arena.h"
#include "grammar/utf8.h"

/* Columns of a line where `out` is no terminal, and the bounds of what is taken from one. A line of source
 * that does not fit is cut around what is underlined. */
#define DEFAULT_COLUMNS 80
#define MIN_COLUMNS	40
#define MAX_COLUMNS	240

#define TAB_COLUMNS 4

/* ---- queueing ---- */

void diags_init(struct diags *diags, struct arena *arena)
{
	*diags = (struct diags){.arena = arena};
}

static struct diag *queue(struct diags *diags, enum severity severity, const char *code, struct span span,
			  const char *format, va_list args)
{
	struct diag *d;

	diags->errors += severity == SEVERITY_ERROR;
	diags->warnings += severity == SEVERITY_WARNING;
	if (diags->kept == DIAG_MAX_KEPT) {
		if (!diags->surplus)
			diags->surplus = arena_alloc(diags->arena, sizeof(*diags->surplus));
		return diags->surplus;
	}
	diags->kept++;
	d = arena_alloc(diags->arena, sizeof(*d));
	*d = (struct diag){.severity = severity, .code = code, .span = span, .arena = diags->arena};
	d->message = arena_vprintf(diags->arena, format, args);
	if (diags->last)
		diags->last->next = d;
	else
		diags->first = d;
	diags->last = d;
	return d;
}

#define QUEUE(severity)                                                                                      \
	va_list args;                                                                                        \
	struct diag *d;                                                                                      \
                                                                                                             \
	va_start(args, format);                                                                              \
	d = queue(diags, severity, code, span, format, args);                                                \
	va_end(args);                                                                                        \
	return d

struct diag *diag_error(struct diags *diags, const char *code, struct span span, const char *format, ...)
{
	QUEUE(SEVERITY_ERROR);
}

struct diag *diag_warning(struct diags *diags, const char *code, struct span span, const char *format, ...)
{
	QUEUE(SEVERITY_WARNING);
}

struct diag *diag_note(struct diags *diags, const char *code, struct span span, const char *format, ...)
{
	QUEUE(SEVERITY_NOTE);
}

void diag_label(struct diag *diag, const char *format, ...)
{
	va_list args;

	if (!diag->arena)
		return;
	va_start(args, format);
	diag->label = arena_vprintf(diag->arena, format, args);
	va_end(args);
}

void diag_secondary(struct diag *diag, struct span span, const char *format, ...)
{
	struct diag_label label = {span, NULL};
	va_list args;

	if (!diag->arena || diag->secondary_count == DIAG_MAX_SECONDARY)
		return;
	if (format) {
		va_start(args, format);
		label.text = arena_vprintf(diag->arena, format, args);
		va_end(args);
	}
	diag->secondary[diag->secondary_count++] = label;
}

void diag_hint(struct diag *diag, const char *format, ...)
{
	va_list args;
	const char *line;

	if (!diag->arena)
		return;
	va_start(args, format);
	line = arena_vprintf(diag->arena, format, args);
	va_end(args);
	diag->hint = diag->hint ? arena_printf(diag->arena, "%s\n%s", diag->hint, line) : line;
}

static bool is_same(const struct diag *one, const struct diag *other)
{
	return strcmp(one->code, other->code) == 0 && one->span.file == other->span.file &&
	       one->span.from == other->span.from && one->span.to == other->span.to &&
	       strcmp(one->message, other->message) == 0;
}

void diags_unite(struct diags *diags)
{
	struct diag *d, *other;

	for (d = diags->first; d; d = d->next)
		for (other = d; other->next;) {
			if (!is_same(d, other->next)) {
				other = other->next;
				continue;
			}
			diags->errors -= other->next->severity == SEVERITY_ERROR;
			diags->warnings -= other->next->severity == SEVERITY_WARNING;
			diags->kept--;
			if (diags->last == other->next)
				diags->last = other;
			other->next = other->next->next;
		}
}

/* ---- printing ---- */

struct printer {
	FILE *out;
	const struct sources *sources;
	uint32_t columns;
	bool wraps; /* a terminal, which would break a hint within a word */
	bool color;
};

#define BOLD   "\033[1m"
#define RED    "\033[1;31m"
#define YELLOW "\033[1;33m"
#define BLUE   "\033[1;34m"
#define GREEN  "\033[1;32m"
#define PLAIN  "\033[0m"

static void style(const struct printer *pr, const char *sequence)
{
	if (pr->color)
		fputs(sequence, pr->out);
}

static bool is_hidden(uint32_t code)
{
	return utf8_is_control(code) || utf8_is_bidi(code) || utf8_is_invisible(code);
}

/* C0 controls have pictures of their own. */
static void print_stand_in(const struct printer *pr, uint32_t code)
{
	char picture[4];

	if (code && code != 0x7f && (code >= 0x20 || !utf8_is_control(code)))
		fputs("\ufffd", pr->out);
	else
		fwrite(picture, 1, utf8_encode(code == 0x7f ? 0x2421 : 0x2400 + code, picture), pr->out);
}

/* Text from outside: nothing in it may steer the terminal. Line ends stay if `lines`. */
static void print_safe(const struct printer *pr, const char *text, size_t length, bool lines)
{
	for (size_t i = 0; i < length;) {
		uint32_t code = 0;
		size_t bytes = utf8_decode(text + i, length - i, &code);

		if (!bytes)
			fputs("\ufffd", pr->out);
		else if (is_hidden(code) && !(lines && code == '\n'))
			print_stand_in(pr, code);
		else
			fwrite(text + i, 1, bytes, pr->out);
		i += bytes ? bytes : 1;
	}
}

/* One line of source with what is underlined in it. */
struct marked_line {
	uint32_t file, number;
	const struct diag_label *marks[DIAG_MAX_SECONDARY + 1]; /* from left to right */
	unsigned count;
};

/* A window on a source line: which of its columns are shown. */
struct window {
	struct span line;
	uint32_t from, to; /* columns, 0-based */
	bool cut_before, cut_after;
};

/* What a byte sequence of the source is when it is shown: one character, or a stand-in of one column. */
struct shown {
	uint32_t code, bytes, next; /* its column's successor */
	bool valid;
};

static struct shown show_at(const char *text, uint32_t length, uint32_t column)
{
	struct shown c = {.code = 0};
	size_t bytes = utf8_decode(text, length, &c.code);

	c.valid = bytes > 0;
	c.bytes = bytes ? (uint32_t)bytes : 1;
	if (c.valid && c.code == '\t')
		c.next = column + TAB_COLUMNS - column % TAB_COLUMNS;
	else
		c.next = column + (!bytes || is_hidden(c.code) ? 1 : utf8_width(c.code));
	return c;
}

/* The column that byte `offset` of the line has when it is shown; not much beyond `limit` where it is further
 * right. */
static uint32_t column_of(const struct printer *pr, struct span line, uint32_t offset, uint32_t limit)
{
	const char *text = source_text(pr->sources, line);
	uint32_t column = 0, length = line.to - line.from;

	for (uint32_t i = 0; i < length && line.from + i < offset && column <= limit;) {
		struct shown c = show_at(text + i, length - i, column);

		column = c.next;
		i += c.bytes;
	}
	return column;
}

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* The columns of a mark on its first line; an empty span is one column wide. */
static void mark_columns(const struct printer *pr, struct span line, struct span at, uint32_t *from,
			 uint32_t *to)
{
	*from = column_of(pr, line, clamp(at.from, line.from, line.to), UINT32_MAX);
	*to = column_of(pr, line, clamp(at.to, line.from, line.to), *from + MAX_COLUMNS);
	if (*to <= *from)
		*to = *from + 1;
}

/* All of the line if it fits; else all that is underlined if that fits; else what begins with `first`. */
static struct window choose_window(const struct printer *pr, const struct marked_line *marked,
				   const struct diag_label *first, uint32_t columns)
{
	struct window w = {.line = source_line(pr->sources, marked->file, marked->number)};
	uint32_t low = UINT32_MAX, high = 0, width, from, to;

	for (unsigned i = 0; i < marked->count; i++) {
		mark_columns(pr, w.line, marked->marks[i]->span, &from, &to);
		low = from < low ? from : low;
		high = to > high ? to : high;
	}
	width = w.to = column_of(pr, w.line, w.line.to, high + columns);
	if (width <= columns)
		return w;
	if (high - low > columns - 2) {
		for (unsigned i = 0; i < marked->count; i++)
			if (marked->marks[i] == first || (i == 0 && marked->count == 1))
				mark_columns(pr, w.line, marked->marks[i]->span, &low, &high);
		high = clamp(high, low, low + columns - 2);
	}
	/* One column for each `…`. */
	w.from =
	    high < columns || low < columns / 4 ? 0 : low - clamp((columns - 2 - (high - low)) / 2, 0, low);
	w.cut_before = w.from > 0;
	w.to = clamp(width, w.from, w.from + columns - 1 - w.cut_before);
	w.cut_after = w.to < width;
	return w;
}

static void print_source(const struct printer *pr, const struct window *w)
{
	const char *text = source_text(pr->sources, w->line);
	uint32_t length = w->line.to - w->line.from, column = 0;

	if (w->cut_before)
		fputs("…", pr->out);
	for (uint32_t i = 0; i < length && column < w->to;) {
		struct shown c = show_at(text + i, length - i, column);

		if ((c.valid && c.code == '\t') || column < w->from || c.next > w->to)
			for (; column < c.next && column < w->to; column++)
				fputs(column < w->from ? "" : " ", pr->out);
		else
			print_safe(pr, text + i, c.bytes, false);
		column = c.next;
		i += c.bytes;
	}
	if (w->cut_after)
		fputs("…", pr->out);
}

/* Where a mark is in the window; false: nowhere. */
static bool place_mark(const struct printer *pr, const struct window *w, const struct diag_label *mark,
		       uint32_t *from, uint32_t *to)
{
	mark_columns(pr, w->line, mark->span, from, to);
	if ((w->cut_after && *from >= w->to) || *to <= w->from)
		return false;
	*from = clamp(*from, w->from, UINT32_MAX) - w->from + w->cut_before;
	*to = (w->cut_after ? clamp(*to, 0, w->to) : *to) - w->from + w->cut_before;
	return true;
}

static const char *severity_style(const struct diag *d)
{
	return d->severity == SEVERITY_ERROR ? RED : d->severity == SEVERITY_WARNING ? YELLOW : BLUE;
}

static void print_gutter(const struct printer *pr, int width, uint32_t number)
{
	style(pr, BLUE);
	if (number)
		fprintf(pr->out, "  %*u | ", width, number);
	else
		fprintf(pr->out, "  %*s | ", width, "");
	style(pr, PLAIN);
}

static void print_text(const struct printer *pr, const char *text)
{
	print_safe(pr, text, strlen(text), false);
}

/* The row of ^ (primary) and ~ (secondary). Returns where it ends. */
static uint32_t print_underline(const struct printer *pr, const struct diag *d,
				const struct diag_label *primary, const struct marked_line *marked,
				const struct window *w)
{
	char row[MAX_COLUMNS + 4];
	uint32_t end = 0, from, to;

	memset(row, ' ', sizeof(row));
	for (unsigned pass = 0; pass < 2; pass++)
		for (unsigned i = 0; i < marked->count; i++) {
			bool is_primary = marked->marks[i] == primary;

			if (is_primary != (pass == 1) || !place_mark(pr, w, marked->marks[i], &from, &to))
				continue;
			to = clamp(to, 0, sizeof(row));
			from = clamp(from, 0, to ? to - 1 : 0);
			memset(row + from, is_primary ? '^' : '~', to - from);
			end = to > end ? to : end;
		}
	style(pr, severity_style(d));
	fwrite(row, 1, end, pr->out);
	style(pr, PLAIN);
	return end;
}

/* The words of the marks: those of the last one beside its underline if they fit there, the others below
 * theirs. */
static void print_marked(const struct printer *pr, const struct diag *d, const struct diag_label *primary,
			 struct marked_line *marked, int gutter)
{
	uint32_t columns = pr->columns - (uint32_t)gutter - 5, end, from, to;
	struct window w = choose_window(pr, marked, primary, columns);

	print_gutter(pr, gutter, marked->number);
	print_source(pr, &w);
	putc('\n', pr->out);
	print_gutter(pr, gutter, 0);
	end = print_underline(pr, d, primary, marked, &w);
	for (unsigned i = marked->count; i-- > 0;) {
		const struct diag_label *mark = marked->marks[i];

		if (!mark->text || !place_mark(pr, &w, mark, &from, &to))
			continue;
		if (i == marked->count - 1 && to == end &&
		    (end + strlen(mark->text) < columns || from > columns / 2)) {
			putc(' ', pr->out);
		} else {
			putc('\n', pr->out);
			print_gutter(pr, gutter, 0);
			fprintf(pr->out, "%*s", (int)from, "");
		}
		print_text(pr, mark->text);
	}
	putc('\n', pr->out);
}

static bool stands_before(const struct diag_label *a, const struct diag_label *b)
{
	return a->span.from < b->span.from || (a->span.from == b->span.from && a->span.to < b->span.to);
}

static void add_mark(struct marked_line *line, const struct diag_label *mark)
{
	unsigned k = line->count++;

	for (; k > 0 && stands_before(mark, line->marks[k - 1]); k--)
		line->marks[k] = line->marks[k - 1];
	line->marks[k] = mark;
}

/* Sorts the marks of a diagnostic into lines: the primary's file first, then the others in the order in which
 * they are named; in each file from the top. */
static unsigned collect_lines(const struct printer *pr, const struct diag_label *marks, unsigned count,
			      struct marked_line *lines)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		struct span at = marks[i].span;
		uint32_t number = source_position(pr->sources, at.file, at.from).line;
		unsigned after = found, l;

		for (l = found; l > 0; l--)
			if (lines[l - 1].file == at.file) {
				if (lines[l - 1].number <= number)
					break;
				after = l - 1;
			}
		if (l == 0 || lines[l - 1].number != number) {
			l = after == found && l > 0 ? l : after;
			memmove(&lines[l + 1], &lines[l], (found++ - l) * sizeof(*lines));
			lines[l++] = (struct marked_line){.file = at.file, .number = number};
		}
		add_mark(&lines[l - 1], &marks[i]);
	}
	return found;
}

static int digits(uint32_t number)
{
	int count = 1;

	while (number /= 10)
		count++;
	return count;
}

static void print_place(const struct printer *pr, struct span at)
{
	const struct source *source = source_get(pr->sources, at.file);
	struct position position = source_position(pr->sources, at.file, at.from);

	print_text(pr, source->path);
	if (source->length)
		fprintf(pr->out, ":%u:%u", position.line, position.column);
}

static void print_snippets(const struct printer *pr, const struct diag *d)
{
	struct diag_label marks[DIAG_MAX_SECONDARY + 1] = {{d->span, d->label}};
	struct marked_line lines[DIAG_MAX_SECONDARY + 1];
	unsigned count;
	int gutter = 2;

	for (unsigned i = 0; i < d->secondary_count; i++)
		marks[i + 1] = d->secondary[i];
	count = collect_lines(pr, marks, d->secondary_count + 1, lines);
	for (unsigned i = 0; i < count; i++)
		gutter = digits(lines[i].number) > gutter ? digits(lines[i].number) : gutter;
	for (unsigned i = 0; i < count; i++) {
		if (lines[i].file != (i ? lines[i - 1].file : d->span.file)) {
			style(pr, BLUE);
			fprintf(pr->out, "  %*s> ", gutter, "-");
			style(pr, PLAIN);
			print_place(pr, lines[i].marks[0]->span);
			putc('\n', pr->out);
		} else if (i && lines[i].number > lines[i - 1].number + 1) {
			fputs("  ...\n", pr->out);
		}
		print_marked(pr, d, marks, &lines[i], gutter);
	}
}

#define HINT_INDENT 8 /* "  hint: " */

/* Bytes of `text` that fit into `room` columns, up to a blank where there is one. */
static size_t fitting(const char *text, size_t length, uint32_t room)
{
	size_t blank = length;
	uint32_t column = 0;

	for (size_t i = 0; i < length; i++) {
		if (text[i] == ' ' && (column <= room || blank == length))
			blank = i;
		column += ((unsigned char)text[i] & 0xc0) != 0x80;
	}
	return column <= room ? length : blank;
}

static void print_hint_line(const struct printer *pr, const char *text, size_t length)
{
	for (;;) {
		size_t take = pr->wraps ? fitting(text, length, pr->columns - HINT_INDENT) : length;

		print_safe(pr, text, take, false);
		putc('\n', pr->out);
		if (take == length)
			return;
		fprintf(pr->out, "%*s", HINT_INDENT, "");
		text += take + 1;
		length -= take + 1;
	}
}

static void print_hint(const struct printer *pr, const char *hint)
{
	while (hint && *hint) {
		size_t length = strcspn(hint, "\n");

		style(pr, GREEN);
		fputs("  hint: ", pr->out);
		style(pr, PLAIN);
		print_hint_line(pr, hint, length);
		hint += length + (hint[length] == '\n');
	}
}

static void print_one(const struct printer *pr, const struct diag *d)
{
	static const char *const NAMES[] = {"error", "warning", "note"};

	style(pr, BOLD);
	print_place(pr, d->span);
	fputs(": ", pr->out);
	style(pr, severity_style(d));
	fprintf(pr->out, "%s[%s]", NAMES[d->severity], d->code);
	style(pr, PLAIN);
	fputs(": ", pr->out);
	style(pr, BOLD);
	print_text(pr, d->message);
	style(pr, PLAIN);
	putc('\n', pr->out);
	if (source_get(pr->sources, d->span.file)->length)
		print_snippets(pr, d);
	print_hint(pr, d->hint);
}

struct sortable {
	const struct diag *diag;
	size_t index; /* keeps the order of what is at the same place */
};

static int compare(const void *left, const void *right)
{
	const struct sortable *l = left, *r = right;
	struct span a = l->diag->span, b = r->diag->span;

	if (a.file != b.file)
		return a.file < b.file ? -1 : 1;
	if (a.from != b.from)
		return a.from < b.from ? -1 : 1;
	return l->index < r->index ? -1 : 1;
}

static uint32_t columns_of(FILE *out)
{
	struct winsize size;

	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || !size.ws_col)
		return DEFAULT_COLUMNS;
	return clamp(size.ws_col, MIN_COLUMNS, MAX_COLUMNS);
}

size_t diag_sorted(const struct diags *diags, const struct diag **list)
{
	struct sortable sorted[DIAG_MAX_KEPT];
	size_t count = 0;

	for (const struct diag *d = diags->first; d; d = d->next, count++)
		sorted[count] = (struct sortable){d, count};
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 0; i < count; i++)
		list[i] = sorted[i].diag;
	return count;
}

size_t diag_more(const struct diags *diags)
{
	size_t all = diags->errors + diags->warnings;

	return all > diags->kept ? all - diags->kept : 0;
}

void diag_print(FILE *out, const struct diags *diags, const struct sources *sources, bool color)
{
	struct printer pr = {out, sources, columns_of(out), isatty(fileno(out)), color};
	const struct diag *sorted[DIAG_MAX_KEPT];
	size_t count = diag_sorted(diags, sorted), more = diag_more(diags);

	for (size_t i = 0; i < count; i++)
		print_one(&pr, sorted[i]);
	if (more)
		fprintf(out, "... and %zu more\n", more);
}

/* ---- suggestions ---- */

#define MAX_WORD 48

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Letters to insert, delete, replace or exchange with a neighbour to get from one word to the other; case is
 * ignored. (Optimal string alignment: no piece is changed twice.) Both are at most MAX_WORD long. */
static unsigned distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	unsigned rows[3][MAX_WORD + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= b_length; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *oldest = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			bool same = lower(a[i - 1]) == lower(b[j - 1]);

			row[j] = least(above[j] + 1, row[j - 1] + 1, above[j - 1] + !same);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1, row[j]);
		}
		before = above;
		above = row;
		row = oldest;
	}
	return above[b_length];
}

unsigned suggest_edits(size_t length)
{
	return length < 3 ? 0 : length < 6 ? 1 : length < 9 ? 2 : 3;
}

const char *suggest_name(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word);
	unsigned best = suggest_edits(length);
	const char *found = NULL;

	if (length > MAX_WORD || !length)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t other = strlen(candidates[i]);
		unsigned d;

		if (other > MAX_WORD || strcmp(candidates[i], word) == 0)
			continue;
		d = distance(word, length, candidates[i], other);
		if (d < best || (d == best && !found && d < length && d < other)) {
			best = d;
			found = candidates[i];
		}
	}
	return found;
}
