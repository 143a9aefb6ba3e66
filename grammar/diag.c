#include "grammar/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/arena.h"
#include "grammar/utf8.h"

/* Columns of source shown of a line; longer ones are cut around what is underlined. */
#define SHOWN_COLUMNS 100

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

/* ---- printing ---- */

struct printer {
	FILE *out;
	const struct sources *sources;
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
	return utf8_is_control(code) || utf8_is_bidi(code);
}

/* Text from outside: nothing in it may steer the terminal. Line ends stay if `lines`. */
static void print_safe(const struct printer *pr, const char *text, size_t length, bool lines)
{
	for (size_t i = 0; i < length;) {
		uint32_t code = 0;
		size_t bytes = utf8_decode(text + i, length - i, &code);

		if (!bytes || (is_hidden(code) && !(lines && code == '\n')))
			fputs("\ufffd", pr->out);
		else
			fwrite(text + i, 1, bytes, pr->out);
		i += bytes ? bytes : 1;
	}
}

/* One line of source with what is underlined in it. */
struct marked_line {
	uint32_t file, number;
	const struct diag_label *marks[DIAG_MAX_SECONDARY + 1];
	unsigned count;
};

/* A window on a source line: which of its columns are shown. */
struct window {
	struct span line;
	uint32_t from, to; /* columns, 0-based */
	bool cut_before, cut_after;
};

/* The column that byte `offset` of the line has when it is shown; its own width goes to `*width`. */
static uint32_t column_of(const struct printer *pr, struct span line, uint32_t offset)
{
	const char *text = source_text(pr->sources, line);
	uint32_t column = 0, length = line.to - line.from;

	for (uint32_t i = 0; i < length && line.from + i < offset;) {
		uint32_t code = 0;
		size_t bytes = utf8_decode(text + i, length - i, &code);

		if (code == '\t' && bytes)
			column += TAB_COLUMNS - column % TAB_COLUMNS;
		else
			column += !bytes || is_hidden(code) ? 1 : utf8_width(code);
		i += bytes ? (uint32_t)bytes : 1;
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
	*from = column_of(pr, line, clamp(at.from, line.from, line.to));
	*to = column_of(pr, line, clamp(at.to, line.from, line.to));
	if (*to <= *from)
		*to = *from + 1;
}

static struct window choose_window(const struct printer *pr, const struct marked_line *marked)
{
	struct window w = {.line = source_line(pr->sources, marked->file, marked->number)};
	uint32_t width = column_of(pr, w.line, w.line.to);
	uint32_t from, to;

	mark_columns(pr, w.line, marked->marks[0]->span, &from, &to);
	if (from > SHOWN_COLUMNS * 3 / 4)
		w.from = from - SHOWN_COLUMNS / 2;
	w.to = clamp(width, w.from, w.from + SHOWN_COLUMNS);
	w.cut_before = w.from > 0;
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
		uint32_t code = 0;
		size_t bytes = utf8_decode(text + i, length - i, &code);
		uint32_t next = column + (!bytes || is_hidden(code) ? 1 : utf8_width(code));

		if (code == '\t' && bytes)
			next = column + TAB_COLUMNS - column % TAB_COLUMNS;
		if (column >= w->from) {
			if (code == '\t' && bytes)
				fprintf(pr->out, "%*s", (int)(next - column), "");
			else
				print_safe(pr, text + i, bytes ? bytes : 1, false);
		}
		column = next;
		i += bytes ? (uint32_t)bytes : 1;
	}
	if (w->cut_after)
		fputs("…", pr->out);
}

/* Where column `column` of the source is in the window: one further right if the cut is marked before it. */
static uint32_t shown(const struct window *w, uint32_t column)
{
	return clamp(column, w->from, w->to) - w->from + w->cut_before;
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

/* The row of ^ (primary) and ~ (secondary). */
static void print_underline(const struct printer *pr, const struct diag *d, const struct marked_line *marked,
			    const struct window *w)
{
	char row[SHOWN_COLUMNS + 4];
	uint32_t end = 0;

	memset(row, ' ', sizeof(row));
	for (unsigned i = marked->count; i-- > 0;) {
		bool primary =
		    marked->marks[i]->span.from == d->span.from && marked->marks[i]->span.to == d->span.to;
		uint32_t from, to;

		mark_columns(pr, w->line, marked->marks[i]->span, &from, &to);
		from = clamp(shown(w, from), 0, sizeof(row) - 2);
		to = clamp(shown(w, to), from + 1, sizeof(row) - 1);
		memset(row + from, primary ? '^' : '~', to - from);
		end = to > end ? to : end;
	}
	style(pr, severity_style(d));
	fwrite(row, 1, end, pr->out);
	style(pr, PLAIN);
	putc('\n', pr->out);
}

static void print_marked(const struct printer *pr, const struct diag *d, struct marked_line *marked,
			 int gutter)
{
	struct window w = choose_window(pr, marked);

	print_gutter(pr, gutter, marked->number);
	print_source(pr, &w);
	putc('\n', pr->out);
	print_gutter(pr, gutter, 0);
	print_underline(pr, d, marked, &w);
	for (unsigned i = 0; i < marked->count; i++) {
		uint32_t from, to;

		if (!marked->marks[i]->text)
			continue;
		mark_columns(pr, w.line, marked->marks[i]->span, &from, &to);
		print_gutter(pr, gutter, 0);
		fprintf(pr->out, "%*s", (int)shown(&w, from), "");
		print_safe(pr, marked->marks[i]->text, strlen(marked->marks[i]->text), false);
		putc('\n', pr->out);
	}
}

/* Sorts the marks of a diagnostic into lines; lines of the primary's file first, then by position. */
static unsigned collect_lines(const struct printer *pr, const struct diag_label *marks, unsigned count,
			      struct marked_line *lines)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		struct span at = marks[i].span;
		uint32_t number = source_position(pr->sources, at.file, at.from).line;
		unsigned l = 0;

		while (l < found && (lines[l].file != at.file || lines[l].number != number))
			l++;
		if (l == found)
			lines[found++] = (struct marked_line){.file = at.file, .number = number};
		lines[l].marks[lines[l].count++] = &marks[i];
	}
	for (unsigned i = 2; i < found; i++)
		for (unsigned k = i;
		     k > 0 && lines[k].file == lines[k - 1].file && lines[k].number < lines[k - 1].number;
		     k--) {
			struct marked_line swap = lines[k];

			lines[k] = lines[k - 1];
			lines[k - 1] = swap;
		}
	if (found > 1 && lines[1].file == lines[0].file && lines[1].number < lines[0].number) {
		struct marked_line swap = lines[0];

		lines[0] = lines[1];
		lines[1] = swap;
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
			print_safe(pr, source_get(pr->sources, lines[i].file)->path,
				   strlen(source_get(pr->sources, lines[i].file)->path), false);
			putc('\n', pr->out);
		} else if (i && lines[i].number > lines[i - 1].number + 1) {
			fputs("  ...\n", pr->out);
		}
		print_marked(pr, d, &lines[i], gutter);
	}
}

static void print_hint(const struct printer *pr, const char *hint)
{
	while (hint && *hint) {
		size_t length = strcspn(hint, "\n");

		style(pr, GREEN);
		fputs("  hint: ", pr->out);
		style(pr, PLAIN);
		print_safe(pr, hint, length, false);
		putc('\n', pr->out);
		hint += length + (hint[length] == '\n');
	}
}

static void print_one(const struct printer *pr, const struct diag *d)
{
	static const char *const NAMES[] = {"error", "warning", "note"};
	const char *path = source_get(pr->sources, d->span.file)->path;
	struct position at = source_position(pr->sources, d->span.file, d->span.from);

	style(pr, BOLD);
	print_safe(pr, path, strlen(path), false);
	fprintf(pr->out, ":%u:%u: ", at.line, at.column);
	style(pr, severity_style(d));
	fprintf(pr->out, "%s[%s]", NAMES[d->severity], d->code);
	style(pr, PLAIN);
	fputs(": ", pr->out);
	style(pr, BOLD);
	print_safe(pr, d->message, strlen(d->message), false);
	style(pr, PLAIN);
	putc('\n', pr->out);
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

void diag_print(FILE *out, const struct diags *diags, const struct sources *sources, bool color)
{
	struct printer pr = {out, sources, color};
	struct sortable sorted[DIAG_MAX_KEPT];
	size_t count = 0, all = diags->errors + diags->warnings;

	for (const struct diag *d = diags->first; d; d = d->next, count++)
		sorted[count] = (struct sortable){d, count};
	qsort(sorted, count, sizeof(*sorted), compare);
	for (size_t i = 0; i < count; i++)
		print_one(&pr, sorted[i].diag);
	if (all > count)
		fprintf(out, "... and %zu more\n", all - count);
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

const char *suggest_name(const char *word, const char *const *candidates, size_t count)
{
	size_t length = strlen(word);
	unsigned best = length < 3 ? 1 : length / 3 > 3 ? 3 : (unsigned)(length + 2) / 3;
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
