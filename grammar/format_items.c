/* format_items.c: from marked words to items: text, and where lines end or may end.
 *
 * Between two words stands one of: nothing, a blank, a break (of the innermost group that is open there), or
 * a line end. Comments stand between line ends. A line end of the author's at a break makes its group break.
 */
#include <string.h>

#include "grammar/format_inner.h"
#include "grammar/parser.h"
#include "grammar/plan.tab.h"

struct building {
	struct format *f;
	uint32_t top;	     /* the innermost group that is open */
	uint32_t next_group; /* of those that format_marks.c made */
	uint32_t made;	     /* their number; brackets and heads come after them */
	uint16_t *brackets;  /* the codes of those that are open */
	uint32_t depth, bracket_room;
	uint32_t inline_depth;
};

/* What is between a word and the one before it. */
struct gap {
	uint32_t word; /* the word after it; f->word_count at the end of the file */
	uint32_t left; /* the word before it, not counting a comma; FORMAT_NO_WORD at the file's beginning */
	uint32_t from, to; /* its tokens, which may hold one comma */
	bool newline, comment;
	bool own_comment; /* a comment on a line of its own */
	bool empty_line;  /* before the word */
};

/* What may stand there. */
struct place {
	enum { PLACE_NONE, PLACE_BREAK, PLACE_NEWLINE } what;
	bool blank;	    /* where nothing breaks */
	bool list;	    /* empty lines are kept */
	bool first, closer; /* after an opener, before a closer */
	uint8_t indent;
};

static struct group *top(const struct building *b)
{
	return &b->f->groups[b->top];
}

static struct item *add(struct building *b, enum item_kind kind)
{
	struct format *f = b->f;
	struct item *item;

	f->items = arena_grow(f->arena, f->items, f->item_count, &f->item_room, sizeof(*f->items));
	item = &f->items[f->item_count++];
	*item = (struct item){.kind = (uint8_t)kind, .group = b->top};
	return item;
}

static int code_at(const struct building *b, uint32_t word)
{
	return word < b->f->word_count ? b->f->words[word].code : TOK_END;
}

static unsigned marks_at(const struct building *b, uint32_t word)
{
	return word < b->f->word_count ? b->f->words[word].marks : 0;
}

/* ---- groups ---- */

static void open_group(struct building *b, uint32_t id)
{
	struct group *g = &b->f->groups[id];

	g->parent = b->top;
	g->inline_ = b->inline_depth > 0;
	b->top = id;
	add(b, ITEM_OPEN);
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
	int before = code_at(b, first - 1);

	return is_part_end(b, last + 1, bracket->last) &&
	       (first - 1 == bracket->first || before == TOK_COMMA || before == TOK_KEY ||
		before == TOK_COLON);
}

/* Records, lists and long strings may begin on the line of a call: `f(a, {`. */
static bool may_hang(const struct building *b, uint32_t first)
{
	switch (code_at(b, first)) {
	case TOK_RECORD_OPEN:
	case TOK_STRING_OPEN:
	case TOK_STRING:
		return true;
	case TOK_LBRACKET:
		return !(marks_at(b, first) & WORD_GLUED);
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
	if (code_at(b, around->first) != TOK_LPAREN || !may_hang(b, first) ||
	    !is_last_part(b, around, first, last))
		around->broken = true;
}

static void close_group(struct building *b)
{
	struct group *g = top(b);
	struct group *around = &b->f->groups[g->parent];

	add(b, ITEM_CLOSE);
	if (g->broken || g->holds)
		breaks_inside(b, around, g->first, g->last);
	b->top = g->parent;
}

static void open_groups(struct building *b, uint32_t word)
{
	struct format *f = b->f;

	while (b->next_group < b->made && f->groups[b->next_group].first == word) {
		uint32_t id = b->next_group++;
		enum group_kind around = top(b)->kind;
		bool in_parentheses = around == GROUP_BRACKET && code_at(b, top(b)->first) == TOK_LPAREN &&
				      !(marks_at(b, top(b)->first) & WORD_GLUED);
		/* A chain that is the first operand of another begins on its line, but its rest stands
		 * further in. */
		bool first_operand = around == GROUP_CHAIN && top(b)->first == word;
		uint8_t indent =
		    around == GROUP_HEAD || around == GROUP_CHAIN ? top(b)->indent : FORMAT_INDENT;

		indent = indent ? indent : FORMAT_INDENT;
		open_group(b, id);
		if (top(b)->kind == GROUP_CHAIN)
			top(b)->indent = in_parentheses ? 0 : first_operand ? indent + FORMAT_INDENT : indent;
		if (top(b)->kind == GROUP_LINE) {
			bool head_four = top(b)->head_four;

			id = new_group(b, GROUP_HEAD, word, f->groups[id].last);
			open_group(b, id);
			top(b)->indent = head_four ? FORMAT_HEAD_INDENT : FORMAT_INDENT;
		}
	}
}

static void close_groups(struct building *b, uint32_t word)
{
	while (b->top && top(b)->last == word)
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

	if (code_at(b, opener) != TOK_LPAREN)
		return false;
	if (code_at(b, part) == TOK_KEY)
		part++;
	if (!is_long_string(b, part) && (!may_hang(b, part) || f->words[part].mate == FORMAT_NO_WORD))
		return false;
	if (code_at(b, part) == TOK_STRING_OPEN && !is_long_string(b, part))
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
		top(b)->hugs = is_string || w->code == TOK_INTERPOLATION_OPEN || is_close || hugs(b, word);
		break;
	case TOK_LBRACE:
	case TOK_VALUE_OPEN:
		if (top(b)->kind == GROUP_HEAD)
			close_group(b);
		break;
	default:
		break;
	}
}

/* Whether newlines end lines here: directly in the file or in a block. */
static bool in_lines(const struct building *b)
{
	return !b->depth || b->brackets[b->depth - 1] == TOK_LBRACE;
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

/* ---- places ---- */

/* The words that a line of a statement may begin with; layout.c lets a line go on with them. */
static bool is_tail(int code, int before)
{
	if (!words_ends_operand(before) || before == TOK_RBRACE || before == TOK_VALUE_CLOSE)
		return false;
	return code == TOK_ELSE || code == TOK_BECAUSE || code == TOK_WITHIN || code == TOK_TYPING ||
	       code == TOK_WATCHING || code == TOK_WHERE;
}

static bool is_block_opener(int code)
{
	return code == TOK_LBRACE || code == TOK_VALUE_OPEN;
}

static bool is_block_closer(int code)
{
	return code == TOK_RBRACE || code == TOK_VALUE_CLOSE;
}

/* Lines of the file and of blocks, and their closers. */
static bool place_in_lines(const struct building *b, const struct gap *gap, struct place *place)
{
	int code = code_at(b, gap->word),
	    before = gap->left == FORMAT_NO_WORD ? TOK_END : code_at(b, gap->left);
	bool begins = marks_at(b, gap->word) & WORD_BEGINS_LINE;

	if (code == TOK_END || (begins && b->top == 0)) {
		*place = (struct place){.what = PLACE_NEWLINE,
					.list = true,
					.first = before == TOK_END,
					.closer = code == TOK_END};
		return true;
	}
	if (is_block_closer(code)) {
		*place = (struct place){.what = is_block_opener(before) ? PLACE_NONE : PLACE_BREAK,
					.blank = true,
					.list = true,
					.first = is_block_opener(before),
					.closer = true};
		return true;
	}
	if (begins || before == TOK_VALUE_OPEN) {
		bool soft = is_block_opener(before) || marks_at(b, gap->word) & WORD_ELSE_ARM;

		*place = (struct place){.what = soft ? PLACE_BREAK : PLACE_NEWLINE,
					.blank = true,
					.list = true,
					.first = is_block_opener(before),
					.indent = FORMAT_INDENT};
		return true;
	}
	return false;
}

static void place_in_bracket(const struct building *b, const struct gap *gap, struct place *place)
{
	const struct group *bracket = top(b);
	int code = code_at(b, gap->word);
	bool first = gap->left == bracket->first, closer = gap->word == bracket->last;
	bool after_comma = format_is_comma(b->f, gap->word - 1);
	bool is_record = code_at(b, bracket->first) == TOK_RECORD_OPEN;
	bool in_comprehension =
	    code == TOK_FOR || (code == TOK_IF && words_ends_operand(code_at(b, gap->left)));

	*place = (struct place){
	    .blank = format_blank_between(&b->f->words[gap->word - 1], &b->f->words[gap->word]),
	    .first = first,
	    .closer = closer,
	    .list = first || closer || after_comma,
	    .indent = closer ? 0 : FORMAT_INDENT};
	if (closer && after_comma)
		place->blank = is_record;
	if (bracket->hugs || (first && closer))
		return;
	if (first || closer || after_comma || in_comprehension)
		place->what = PLACE_BREAK;
	else /* a comment in the middle of a part */
		place->indent += FORMAT_INDENT;
}

static bool breaks_here(const struct building *b, const struct gap *gap)
{
	const struct group *g = top(b);
	bool after = g->after || (g->minus && in_lines(b));
	int code = code_at(b, gap->word);

	if (g->kind == GROUP_CHAIN)
		return marks_at(b, after ? gap->word - 1 : gap->word) & WORD_BREAKS;
	if (g->kind == GROUP_HEAD)
		return marks_at(b, gap->word) & WORD_AFTER_LABEL || is_tail(code, code_at(b, gap->left));
	return false;
}

static struct place find_place(const struct building *b, const struct gap *gap)
{
	struct place place = {PLACE_NONE, false, false, false, false, FORMAT_INDENT};
	const struct group *g = top(b);

	if (place_in_lines(b, gap, &place))
		return place;
	if (g->kind == GROUP_BRACKET || g->kind == GROUP_STRING) {
		place_in_bracket(b, gap, &place);
		return place;
	}
	place.blank = format_blank_between(&b->f->words[gap->word - 1], &b->f->words[gap->word]);
	if (breaks_here(b, gap))
		place.what = PLACE_BREAK;
	if (g->kind == GROUP_CHAIN || g->kind == GROUP_HEAD)
		place.indent = g->indent;
	else if (is_block_closer(code_at(b, gap->left)))
		place.indent = 0;
	return place;
}

/* ---- gaps ---- */

static struct gap find_gap(const struct building *b, uint32_t word, uint32_t left)
{
	const struct format *f = b->f;
	struct gap gap = {.word = word, .left = left};
	unsigned newlines = left == FORMAT_NO_WORD;

	gap.from = left == FORMAT_NO_WORD ? 0 : f->words[left].token + 1;
	gap.to = word < f->word_count ? f->words[word].token : f->token_count;
	for (uint32_t i = gap.from; i < gap.to; i++) {
		bool comment = f->tokens[i].kind == TOKEN_COMMENT;

		gap.comment |= comment;
		gap.own_comment |= comment && newlines > 0;
		newlines = f->tokens[i].kind == TOKEN_NEWLINE ? newlines + 1 : 0;
		gap.newline |= newlines > 0;
	}
	gap.empty_line = newlines > 1;
	return gap;
}

static void add_newline(struct building *b, uint8_t indent, bool empty_line)
{
	struct item *item = add(b, ITEM_NEWLINE);

	item->indent = indent;
	item->empty_line = empty_line;
}

static uint32_t without_blanks_at_end(const struct format *f, const struct token *token)
{
	uint32_t to = token->to;

	while (f->text[to - 1] == ' ' || f->text[to - 1] == '\t')
		to--;
	return to;
}

/* A comment on the author's line stays on it; the others have lines of their own. */
static void add_comments(struct building *b, const struct gap *gap, const struct place *place)
{
	const struct format *f = b->f;
	uint8_t indent = place->closer && b->top ? FORMAT_INDENT : place->indent;
	unsigned newlines = gap->left == FORMAT_NO_WORD;
	bool first = place->first, any = false;

	for (uint32_t i = gap->from; i < gap->to; i++) {
		const struct token *token = &f->tokens[i];
		struct item *item;

		if (token->kind == TOKEN_NEWLINE) {
			newlines++;
			continue;
		}
		if (token->kind != TOKEN_COMMENT) { /* a comma: it is printed before the comments */
			newlines = any ? newlines : 0;
			continue;
		}
		if (newlines)
			add_newline(b, indent, newlines > 1 && place->list && !first);
		item = add(b, ITEM_COMMENT);
		item->blank = !newlines;
		item->from = token->from;
		item->to = without_blanks_at_end(f, token);
		first = first && !newlines;
		newlines = 0;
		any = true;
	}
}

static void add_gap(struct building *b, const struct gap *gap, const struct place *place)
{
	/* After a comment above the first line an empty line says that it is no documentation. */
	bool empty_line =
	    gap->empty_line && place->list && !place->closer && (!place->first || gap->own_comment);
	struct item *item;

	if (gap->comment)
		add_comments(b, gap, place);
	if (gap->word == b->f->word_count)
		return;
	if (place->closer && (gap->comment || place->what != PLACE_NONE))
		top(b)->last_break = b->f->item_count;
	if (gap->comment || place->what == PLACE_NEWLINE) {
		top(b)->broken = b->top != 0;
		add_newline(b, place->indent, empty_line);
	} else if (place->what == PLACE_BREAK) {
		top(b)->broken |= gap->newline && !b->inline_depth;
		top(b)->breaks = true;
		item = add(b, ITEM_BREAK);
		item->indent = place->indent;
		item->blank = place->blank;
		item->empty_line = empty_line;
	}
}

/* ---- words ---- */

static void add_piece(struct building *b, uint32_t word, uint32_t common)
{
	const struct word *w = &b->f->words[word];
	struct item *item = add(b, ITEM_PIECE);

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
	if (!top(b)->common) {
		const struct word *opener = &f->words[top(b)->first], *closer = &f->words[top(b)->last];

		top(b)->common =
		    1 + format_common_indentation(f, opener->to, closer->from, top(b)->first + 1);
	}
	return top(b)->common - 1;
}

static void add_bytes(struct building *b, uint32_t from, uint32_t to, bool blank)
{
	struct item *item = add(b, ITEM_TEXT);

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
		breaks_inside(b, top(b), word, word);
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
	struct gap gap = find_gap(b, word, left);
	struct place place = find_place(b, &gap);
	bool closer = top(b)->kind == GROUP_BRACKET && top(b)->last == word;

	if (closer && marks_at(b, top(b)->first) & WORD_COMMAS && !top(b)->hugs && top(b)->first + 1 != word)
		add(b, ITEM_COMMA);
	if (marks_at(b, word) & WORD_AFTER_LABEL)
		b->f->groups[top(b)->parent].label_end = b->f->item_count;
	add_gap(b, &gap, &place);
	open_groups(b, word);
	open_bracket(b, word);
	track_brackets(b, word);
	add_text(b, word, place.what == PLACE_NONE && !gap.comment && left != FORMAT_NO_WORD && place.blank);
	if (code_at(b, word) == TOK_INTERPOLATION_CLOSE)
		b->inline_depth--;
	close_groups(b, word);
}

/* A comma before a closer is dropped; where each part has its line one is added. */
static bool is_dropped(const struct building *b, uint32_t word)
{
	return format_is_comma(b->f, word) && top(b)->kind == GROUP_BRACKET && word + 1 == top(b)->last;
}

bool format_items(struct format *f)
{
	struct building b = {.f = f, .next_group = 1, .made = f->group_count};
	uint32_t left = FORMAT_NO_WORD;

	for (uint32_t i = 0; i <= f->word_count; i++) {
		if (i == f->word_count) {
			struct gap gap = find_gap(&b, i, left);
			struct place place = find_place(&b, &gap);

			add_gap(&b, &gap, &place);
		} else if (!format_is_comma(f, i)) {
			add_word(&b, i, left);
			left = i;
		} else if (!is_dropped(&b, i)) {
			add_bytes(&b, f->words[i].from, f->words[i].to, false);
		}
	}
	return b.next_group == b.made && b.top == 0;
}
