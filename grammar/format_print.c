/* format_print.c: from items to text. A group stays on one line if it fits there up to the next place where a
 * line may end, else it breaks at all its places; outer groups are asked first.
 *
 * This is Wadler's "A prettier printer" (The Fun of Programming, 2003) over a flat list of items. No look
 * ahead goes further than a line is wide, so all of it is linear.
 */
#include <string.h>

#include "grammar/format_inner.h"

/* Where the next byte goes. */
struct pen {
	uint32_t column, line_indent;
};

struct printing {
	struct format *f;
	struct pen pen;
	uint32_t aligned; /* items before this one have their columns */
};

/* ---- does it fit? ---- */

struct look {
	const struct printing *p;
	uint32_t group, item;
	struct pen pen;
	bool inside; /* still in the group */
	enum { LOOK_ON, LOOK_FITS, LOOK_TOO_LONG } end;
};

static void look_at_width(struct look *l, uint32_t width)
{
	l->pen.column += width;
	if (l->pen.column > FORMAT_COLUMNS)
		l->end = LOOK_TOO_LONG;
}

/* A line end. Inside the group that is asked for it belongs to one that breaks anyway: what is between that
 * one's brackets is its own affair. */
static void look_past_line(struct look *l, const struct group *g)
{
	const struct item *item;

	if (!l->inside) {
		l->end = LOOK_FITS;
		return;
	}
	if (g->kind != GROUP_CHAIN && g->kind != GROUP_HEAD && g->last_break > l->item)
		l->item = g->last_break;
	item = &l->p->f->items[l->item];
	l->pen.line_indent = g->base + item->indent;
	l->pen.column = l->pen.line_indent;
}

static void look_at_break(struct look *l, const struct item *item)
{
	const struct group *g = &l->p->f->groups[item->group];
	bool flat = l->inside
			? !g->broken
			: g->state == GROUP_FLAT || (g->state == GROUP_UNDECIDED && g->inline_ && !g->broken);

	if (flat)
		look_at_width(l, item->blank + item->pad);
	else
		look_past_line(l, g);
}

static void look_at_piece(struct look *l, const struct item *item)
{
	const char *text = l->p->f->text + item->from;
	size_t length = item->to - item->from;
	const char *first = memchr(text, '\n', length), *last = memrchr(text, '\n', length) + 1;

	look_at_width(l, format_width(text, (size_t)(first - text)));
	if (l->end != LOOK_ON)
		return;
	if (!l->inside)
		l->end = LOOK_FITS;
	while (last < text + length && (*last == ' ' || *last == '\t'))
		last++;
	l->pen.column =
	    l->pen.line_indent + FORMAT_INDENT + format_width(last, (size_t)(text + length - last));
}

static void look_at(struct look *l, const struct item *item)
{
	struct group *g = &l->p->f->groups[item->group];

	switch ((enum item_kind)item->kind) {
	case ITEM_TEXT:
		look_at_width(l, item->blank + item->width);
		break;
	case ITEM_PIECE:
		look_at_piece(l, item);
		break;
	case ITEM_COMMENT: /* is followed by a line end */
		break;
	case ITEM_OPEN:
		g->base = l->pen.line_indent;
		break;
	case ITEM_CLOSE:
		l->inside = l->inside && item->group != l->group;
		break;
	case ITEM_BREAK:
		look_at_break(l, item);
		break;
	case ITEM_NEWLINE:
		look_past_line(l, g);
		break;
	case ITEM_COMMA:
		look_at_width(l, l->inside ? g->broken : g->state == GROUP_BROKEN);
		break;
	}
}

/* Whether the group that opens at `item` fits, unbroken. */
static bool fits(const struct printing *p, uint32_t group, uint32_t item)
{
	struct look l = {.p = p, .group = group, .item = item + 1, .pen = p->pen, .inside = true};

	for (; l.item < p->f->item_count && l.end == LOOK_ON; l.item++)
		look_at(&l, &p->f->items[l.item]);
	return l.end != LOOK_TOO_LONG;
}

/* ---- columns ---- */

struct width {
	uint32_t label, rest;
	uint32_t end; /* the item after it */
};

/* An expect with a label that fits on one line. */
static bool measure_expect(const struct printing *p, uint32_t from, struct width *width)
{
	const struct format *f = p->f;
	const struct group *line = &f->groups[f->items[from].group];
	uint32_t i;

	*width = (struct width){0};
	if (f->items[from].kind != ITEM_OPEN || !line->expect || !line->label_end || line->broken ||
	    line->holds)
		return false;
	for (i = from + 1; f->items[i].kind != ITEM_CLOSE || f->items[i].group != f->items[from].group; i++) {
		const struct item *item = &f->items[i];
		uint32_t *sum = i < line->label_end ? &width->label : &width->rest;

		if (item->kind == ITEM_TEXT || item->kind == ITEM_BREAK)
			*sum += item->blank + item->width;
		if (p->pen.line_indent + width->label + width->rest > FORMAT_COLUMNS)
			return false;
	}
	width->end = i + 1;
	return true;
}

/* The item at which the next line begins, directly below; or 0. */
static uint32_t next_line(const struct format *f, uint32_t i)
{
	if (i < f->item_count && f->items[i].kind == ITEM_COMMENT && f->items[i].blank)
		i++;
	return i + 1 < f->item_count && f->items[i].kind == ITEM_NEWLINE && !f->items[i].empty_line ? i + 1
												    : 0;
}

/* The conditions of expects in lines below each other stand below each other, if all of these lines have
 * room. */
static void align_expects(struct printing *p, uint32_t from)
{
	struct format *f = p->f;
	struct width one;
	uint32_t label = 0, rest = 0, i = from;

	while (i && measure_expect(p, i, &one)) {
		label = one.label > label ? one.label : label;
		rest = one.rest > rest ? one.rest : rest;
		p->aligned = one.end;
		i = next_line(f, one.end);
	}
	if (p->pen.line_indent + label + rest > FORMAT_COLUMNS)
		return;
	for (i = from; i && i < p->aligned && measure_expect(p, i, &one); i = next_line(f, one.end))
		f->items[f->groups[f->items[i].group].label_end].pad = (uint16_t)(label - one.label);
}

/* ---- writing ---- */

static void write_bytes(struct printing *p, const char *bytes, size_t length)
{
	struct format *f = p->f;

	if (f->out_length + length > f->out_room) {
		char *more;

		f->out_room = 2 * (f->out_length + length) + 64;
		more = arena_alloc(f->arena, f->out_room);
		if (f->out_length)
			memcpy(more, f->out, f->out_length);
		f->out = more;
	}
	if (length)
		memcpy(f->out + f->out_length, bytes, length);
	f->out_length += length;
}

static void write_blanks(struct printing *p, uint32_t count)
{
	static const char BLANKS[] = "                                ";

	for (p->pen.column += count; count; count -= count < 32 ? count : 32)
		write_bytes(p, BLANKS, count < 32 ? count : 32);
}

static void write_text(struct printing *p, const struct item *item)
{
	if (item->blank)
		write_blanks(p, 1);
	write_bytes(p, p->f->text + item->from, item->to - item->from);
	p->pen.column += item->width;
}

static void write_line_end(struct printing *p, const struct item *item)
{
	uint32_t indent = p->f->groups[item->group].base + item->indent;

	if (p->f->out_length)
		write_bytes(p, "\n\n", item->empty_line ? 2 : 1);
	p->pen = (struct pen){0, indent};
	write_blanks(p, indent);
}

static void write_break(struct printing *p, const struct item *item)
{
	if (p->f->groups[item->group].state == GROUP_BROKEN)
		write_line_end(p, item);
	else
		write_blanks(p, (uint32_t)item->blank + item->pad);
}

static bool is_blank_line(const char *rest, const char *stop, const char *next)
{
	return rest == stop ? next != NULL : *rest == '\r';
}

/* A piece of a multi-line string: what its lines have in common becomes the indentation that they get here.
 */
static void write_piece(struct printing *p, const struct item *item)
{
	const struct group *g = &p->f->groups[item->group];
	uint32_t indent = (g->kind == GROUP_STRING ? g->base : p->pen.line_indent) + FORMAT_INDENT;
	const char *at = p->f->text + item->from, *end = p->f->text + item->to, *line = at;

	while (line) {
		const char *next = memchr(line, '\n', (size_t)(end - line)), *stop = next ? next : end;
		uint32_t blanks = 0;

		p->pen.column = line == at ? p->pen.column : 0;
		if (line != at && !item->kept) {
			while (line + blanks < stop && (line[blanks] == ' ' || line[blanks] == '\t'))
				blanks++;
			/* A blank line has nothing of it but what it has more than the others. */
			if (!is_blank_line(line + blanks, stop, next) || blanks > item->width)
				write_blanks(p, indent);
			line += blanks < item->width ? blanks : item->width;
		}
		if (next && stop > line && stop[-1] == '\r')
			stop--;
		write_bytes(p, line, (size_t)(stop - line));
		p->pen.column += format_width(line, (size_t)(stop - line));
		if (next)
			write_bytes(p, "\n", 1);
		line = next ? next + 1 : NULL;
	}
}

static void open_group(struct printing *p, uint32_t group, uint32_t item)
{
	struct group *g = &p->f->groups[group];

	if (g->expect && item >= p->aligned)
		align_expects(p, item);
	g->base = p->pen.line_indent;
	g->state =
	    g->broken || (g->breaks && !g->inline_ && !fits(p, group, item)) ? GROUP_BROKEN : GROUP_FLAT;
	g->base = p->pen.line_indent;
}

void format_print(struct format *f)
{
	struct printing p = {.f = f};

	f->groups[0].state = GROUP_BROKEN;
	for (uint32_t i = 0; i < f->item_count; i++) {
		const struct item *item = &f->items[i];

		switch ((enum item_kind)item->kind) {
		case ITEM_TEXT:
		case ITEM_COMMENT:
			write_text(&p, item);
			break;
		case ITEM_PIECE:
			write_piece(&p, item);
			break;
		case ITEM_OPEN:
			open_group(&p, item->group, i);
			break;
		case ITEM_CLOSE:
			break;
		case ITEM_BREAK:
			write_break(&p, item);
			break;
		case ITEM_NEWLINE:
			write_line_end(&p, item);
			break;
		case ITEM_COMMA:
			if (f->groups[item->group].state == GROUP_BROKEN) {
				write_bytes(&p, ",", 1);
				p.pen.column++;
			}
			break;
		}
	}
	if (f->out_length)
		write_bytes(&p, "\n", 1);
}
