/* format_items.c: from marked words to items: groups that open and close, the text of the words, and what
 * format_gaps.c puts between them. */
#include <string.h>

#include "grammar/format_inner.h"
#include "grammar/parser.h"
#include "grammar/plan.tab.h"

struct item *format_add(struct building *b, enum item_kind kind)
{
	struct format *f = b->f;
	struct item *item;

	f->items = arena_grow(f->arena, f->items, f->item_count, &f->item_room, sizeof(*f->items));
	item = &f->items[f->item_count++];
	*item = (struct item){.kind = (uint8_t)kind, .group = b->top};
	return item;
}

/* ---- groups ---- */

static void open_group(struct building *b, uint32_t id)
{
	struct group *g = &b->f->groups[id];

	g->parent = b->top;
	g->inline_ = b->inline_depth > 0;
	b->top = id;
	format_add(b, ITEM_OPEN);
}

static uint32_t new_group(struct building *b, enum group_kind kind, uint32_t first, uint32_t last)
{
	struct format *f = b->f;

	f->groups = arena_grow(f->arena, f->groups, f->group_count, &f->group_room, sizeof(*f->groups));
	f->groups[f->group_count] = (struct group){.kind = kind, .first = first, .last = last};
	return f->group_count++;
}

static bool is_part_end(const struct building *b, uint32_t word, uint32_t closer)
{
	return word == closer || (format_is_comma(b->f, word) && word + 1 == closer);
}

/* Whether the words [first, last] are a bracket's last part, or behind its key. */
static bool is_last_part(const struct building *b, const struct group *bracket, uint32_t first, uint32_t last)
{
	int before = format_code(b, first - 1);

	return is_part_end(b, last + 1, bracket->last) &&
	       (first - 1 == bracket->first || before == TOK_COMMA || before == TOK_KEY ||
		before == TOK_COLON);
}

/* Records, lists and long strings may begin on the line of a call: `f(a, {`. */
static bool may_hang(const struct building *b, uint32_t first)
{
	switch (format_code(b, first)) {
	case TOK_RECORD_OPEN:
	case TOK_STRING_OPEN:
	case TOK_STRING:
		return true;
	case TOK_LBRACKET:
		return !(format_marks_of(b, first) & WORD_GLUED);
	default:
		return false;
	}
}

/* Something in the words [first, last] breaks: what that means for the group around them. */
static void breaks_inside(struct building *b, struct group *around, uint32_t first, uint32_t last)
{
	around->holds = true;
	if (around->kind == GROUP_LINE || around->kind == GROUP_VALUE)
		around->broken = true;
	if (around->kind != GROUP_BRACKET)
		return;
	if (format_code(b, around->first) != TOK_LPAREN || !may_hang(b, first) ||
	    !is_last_part(b, around, first, last))
		around->broken = true;
}

static void close_group(struct building *b)
{
	struct group *g = format_top(b);
	struct group *around = &b->f->groups[g->parent];

	format_add(b, ITEM_CLOSE);
	if (g->broken || g->holds)
		breaks_inside(b, around, g->first, g->last);
	b->top = g->parent;
}

static void open_groups(struct building *b, uint32_t word)
{
	struct format *f = b->f;

	while (b->next_group < b->made && f->groups[b->next_group].first == word) {
		uint32_t id = b->next_group++;
		enum group_kind around = format_top(b)->kind;
		bool in_parentheses = around == GROUP_BRACKET &&
				      format_code(b, format_top(b)->first) == TOK_LPAREN &&
				      !(format_marks_of(b, format_top(b)->first) & WORD_GLUED);
		/* A chain that is the first operand of another begins on its line, but its rest stands
		 * further in. */
		bool first_operand = around == GROUP_CHAIN && format_top(b)->first == word;
		uint8_t indent =
		    around == GROUP_HEAD || around == GROUP_CHAIN ? format_top(b)->indent : FORMAT_INDENT;

		indent = indent ? indent : FORMAT_INDENT;
		open_group(b, id);
		if (format_top(b)->kind == GROUP_CHAIN)
			format_top(b)->indent = in_parentheses	? 0
						: first_operand ? indent + FORMAT_INDENT
								: indent;
		if (format_top(b)->kind == GROUP_LINE) {
			bool head_four = format_top(b)->head_four;

			id = new_group(b, GROUP_HEAD, word, f->groups[id].last);
			open_group(b, id);
			format_top(b)->indent = head_four ? FORMAT_HEAD_INDENT : FORMAT_INDENT;
		}
	}
}

static void close_groups(struct building *b, uint32_t word)
{
	while (b->top && format_top(b)->last == word)
		close_group(b);
}

/* ---- brackets ---- */

static bool has_comment(const struct building *b, uint32_t word)
{
	const struct format *f = b->f;

	for (uint32_t i = f->words[word].token + 1; i < f->words[word + 1].token; i++)
		if (f->tokens[i].kind == TOKEN_COMMENT)
			return true;
	return false;
}

/* After an opener or before its closer. */
static bool has_comment_at_edge(const struct building *b, uint32_t opener)
{
	uint32_t last = b->f->words[opener].mate - 1;

	return has_comment(b, opener) || has_comment(b, last) ||
	       (format_is_comma(b->f, last) && has_comment(b, last - 1));
}

static bool is_long_string(const struct building *b, uint32_t word)
{
	const struct word *w = &b->f->words[word];
	const char *text = b->f->text + w->from;

	if (w->code == TOK_STRING)
		return format_has_newline(b->f, w);
	return w->code == TOK_STRING_OPEN && w->to - w->from == 3 && text[0] == '"';
}

/* `f({ … })`, `f(key: [ … ])`, `f("""…""")`: one part, whose own brackets are enough. */
static bool hugs(const struct building *b, uint32_t opener)
{
	const struct format *f = b->f;
	uint32_t closer = f->words[opener].mate;
	uint32_t part = opener + 1, last;

	if (format_code(b, opener) != TOK_LPAREN)
		return false;
	if (format_code(b, part) == TOK_KEY)
		part++;
	if (!is_long_string(b, part) && (!may_hang(b, part) || f->words[part].mate == FORMAT_NO_WORD))
		return false;
	if (format_code(b, part) == TOK_STRING_OPEN && !is_long_string(b, part))
		return false;
	last = f->words[part].mate == FORMAT_NO_WORD ? part : f->words[part].mate;
	if (!is_part_end(b, last + 1, closer))
		return false;
	return !has_comment_at_edge(b, opener);
}

static void open_bracket(struct building *b, uint32_t word)
{
	const struct word *w = &b->f->words[word];
	bool is_string = w->code == TOK_STRING_OPEN || w->code == TOK_LABEL_OPEN;
	bool is_close = w->marks & WORD_CLOSE && !has_comment_at_edge(b, word);

	switch (w->code) {
	case TOK_INTERPOLATION_OPEN:
		b->inline_depth++;
		/* fall through */
	case TOK_LPAREN:
	case TOK_LBRACKET:
	case TOK_RECORD_OPEN:
	case TOK_STRING_OPEN:
	case TOK_LABEL_OPEN:
		open_group(b, new_group(b, is_string ? GROUP_STRING : GROUP_BRACKET, word, w->mate));
		format_top(b)->hugs =
		    is_string || w->code == TOK_INTERPOLATION_OPEN || is_close || hugs(b, word);
		break;
	case TOK_LBRACE:
	case TOK_VALUE_OPEN:
		if (format_top(b)->kind == GROUP_HEAD)
			close_group(b);
		break;
	default:
		break;
	}
}

static void track_brackets(struct building *b, uint32_t word)
{
	uint32_t mate = b->f->words[word].mate;

	if (mate == FORMAT_NO_WORD)
		return;
	if (mate < word) {
		b->depth--;
		return;
	}
	b->brackets = arena_grow(b->f->arena, b->brackets, b->depth, &b->bracket_room, sizeof(*b->brackets));
	b->brackets[b->depth++] = b->f->words[word].code;
}

/* ---- words ---- */

static void add_piece(struct building *b, uint32_t word, uint32_t common)
{
	const struct word *w = &b->f->words[word];
	struct item *item = format_add(b, ITEM_PIECE);

	item->from = w->from;
	item->to = w->to;
	item->width = common;
	item->kept = b->inline_depth > 0;
}

/* The common indentation of the string that a piece belongs to. */
static uint32_t indentation_around(struct building *b, uint32_t word)
{
	const struct format *f = b->f;
	const struct word *w = &f->words[word];

	if (w->code != TOK_TEXT)
		return format_common_indentation(f, w->from + 3, w->to - 3, f->word_count);
	if (!format_top(b)->common) {
		const struct word *opener = &f->words[format_top(b)->first],
				  *closer = &f->words[format_top(b)->last];

		format_top(b)->common =
		    1 + format_common_indentation(f, opener->to, closer->from, format_top(b)->first + 1);
	}
	return format_top(b)->common - 1;
}

static void add_bytes(struct building *b, uint32_t from, uint32_t to, bool blank)
{
	struct item *item = format_add(b, ITEM_TEXT);

	item->blank = blank;
	item->from = from;
	item->to = to;
	item->width = format_width(b->f->text + from, to - from);
}

static void add_text(struct building *b, uint32_t word, bool blank)
{
	const struct word *w = &b->f->words[word];
	const char *text = b->f->text;
	uint32_t mark = w->to - (w->code == TOK_KEY ? 1 : 2), end = mark;

	if (format_has_newline(b->f, w)) {
		if (blank)
			add_bytes(b, w->from, w->from, true);
		add_piece(b, word, indentation_around(b, word));
		breaks_inside(b, format_top(b), word, word);
		return;
	}
	if (w->code != TOK_KEY && w->code != TOK_ELSE_ARROW) {
		add_bytes(b, w->from, w->to, blank);
		return;
	}
	/* Blanks may stand inside `key:` and `else =>`. */
	while (strchr(" \t\r", text[end - 1]))
		end--;
	add_bytes(b, w->from, end, blank);
	add_bytes(b, mark, w->to, w->code == TOK_ELSE_ARROW);
}

/* `f->words[word]` and what is before it. `left` is the word before, not counting a comma. */
static void add_word(struct building *b, uint32_t word, uint32_t left)
{
	struct gap gap = format_find_gap(b, word, left);
	struct place place = format_find_place(b, &gap);
	bool closer = format_top(b)->kind == GROUP_BRACKET && format_top(b)->last == word;

	if (closer && format_marks_of(b, format_top(b)->first) & WORD_COMMAS && !format_top(b)->hugs &&
	    format_top(b)->first + 1 != word)
		format_add(b, ITEM_COMMA);
	if (format_marks_of(b, word) & WORD_AFTER_LABEL)
		b->f->groups[format_top(b)->parent].label_end = b->f->item_count;
	format_add_gap(b, &gap, &place);
	open_groups(b, word);
	open_bracket(b, word);
	track_brackets(b, word);
	add_text(b, word, place.what == PLACE_NONE && !gap.comment && left != FORMAT_NO_WORD && place.blank);
	if (format_code(b, word) == TOK_INTERPOLATION_CLOSE)
		b->inline_depth--;
	close_groups(b, word);
}

/* A comma before a closer is dropped; where each part has its line one is added. */
static bool is_dropped(const struct building *b, uint32_t word)
{
	return format_is_comma(b->f, word) && format_top(b)->kind == GROUP_BRACKET &&
	       word + 1 == format_top(b)->last;
}

bool format_items(struct format *f)
{
	struct building b = {.f = f, .next_group = 1, .made = f->group_count};
	uint32_t left = FORMAT_NO_WORD;

	for (uint32_t i = 0; i <= f->word_count; i++) {
		if (i == f->word_count) {
			struct gap gap = format_find_gap(&b, i, left);
			struct place place = format_find_place(&b, &gap);

			format_add_gap(&b, &gap, &place);
		} else if (!format_is_comma(f, i)) {
			add_word(&b, i, left);
			left = i;
		} else if (!is_dropped(&b, i)) {
			add_bytes(&b, f->words[i].from, f->words[i].to, false);
		}
	}
	return b.next_group == b.made && b.top == 0;
}
