/* format_gaps.c: what stands between two words: nothing, a blank, a break (of the innermost group that is
 * open there), or a line end. Comments stand between line ends. A line end of the author's at a break makes
 * its group break.
 */
#include "grammar/format_inner.h"
#include "grammar/parser.h"
#include "grammar/plan.tab.h"

/* Whether newlines end lines here: directly in the file or in a block. */
static bool in_lines(const struct building *b)
{
	return !b->depth || b->brackets[b->depth - 1] == TOK_LBRACE;
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
	int code = format_code(b, gap->word),
	    before = gap->left == FORMAT_NO_WORD ? TOK_END : format_code(b, gap->left);
	bool begins = format_marks_of(b, gap->word) & WORD_BEGINS_LINE;

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
		bool soft = is_block_opener(before) || format_marks_of(b, gap->word) & WORD_ELSE_ARM;

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
	const struct group *bracket = format_top(b);
	int code = format_code(b, gap->word);
	bool first = gap->left == bracket->first, closer = gap->word == bracket->last;
	bool after_comma = format_is_comma(b->f, gap->word - 1);
	bool is_record = format_code(b, bracket->first) == TOK_RECORD_OPEN;
	bool in_comprehension =
	    code == TOK_FOR || (code == TOK_IF && words_ends_operand(format_code(b, gap->left)));

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
	const struct group *g = format_top(b);
	bool after = g->after || (g->minus && in_lines(b));
	int code = format_code(b, gap->word);

	if (g->kind == GROUP_CHAIN)
		return format_marks_of(b, after ? gap->word - 1 : gap->word) & WORD_BREAKS;
	if (g->kind == GROUP_HEAD)
		return format_marks_of(b, gap->word) & WORD_AFTER_LABEL ||
		       is_tail(code, format_code(b, gap->left));
	return false;
}

struct place format_find_place(const struct building *b, const struct gap *gap)
{
	struct place place = {PLACE_NONE, false, false, false, false, FORMAT_INDENT};
	const struct group *g = format_top(b);

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
	else if (is_block_closer(format_code(b, gap->left)))
		place.indent = 0;
	return place;
}

/* ---- gaps ---- */

struct gap format_find_gap(const struct building *b, uint32_t word, uint32_t left)
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
	struct item *item = format_add(b, ITEM_NEWLINE);

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
		item = format_add(b, ITEM_COMMENT);
		item->blank = !newlines;
		item->from = token->from;
		item->to = without_blanks_at_end(f, token);
		first = first && !newlines;
		newlines = 0;
		any = true;
	}
}

void format_add_gap(struct building *b, const struct gap *gap, const struct place *place)
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
		format_top(b)->last_break = b->f->item_count;
	if (gap->comment || place->what == PLACE_NEWLINE) {
		format_top(b)->broken = b->top != 0;
		add_newline(b, place->indent, empty_line);
	} else if (place->what == PLACE_BREAK) {
		format_top(b)->broken |= gap->newline && !b->inline_depth;
		format_top(b)->breaks = true;
		item = format_add(b, ITEM_BREAK);
		item->indent = place->indent;
		item->blank = place->blank;
		item->empty_line = empty_line;
	}
}
