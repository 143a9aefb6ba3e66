/* layout.c: which newlines count, and what a token is where it stands: between the scanner and the grammar.
 *
 * A newline ends a line of a list unless the line cannot end there, or the next cannot begin there, or the
 * innermost bracket is not that of a block. So it is held back until the next token is known.
 */
#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"

/* ---- giving tokens to the grammar ---- */

struct span layout_point(struct parser *p, uint32_t offset)
{
	return (struct span){p->file, offset, offset};
}

static struct span key_word(const struct parser *p, struct span key)
{
	do
		key.to--;
	while (p->text[key.to - 1] == ' ' || p->text[key.to - 1] == '\t' || p->text[key.to - 1] == '\r');
	return key;
}

static inline __attribute__((always_inline)) void push(struct parser *p, int code, struct span at)
{
	YYSTYPE value; /* of most tokens nothing is read */

	if (code == TOK_NAME || code == TOK_KEY) {
		struct span word = code == TOK_KEY ? key_word(p, at) : at;

		value.ident = (struct ident){parser_copy(p, word), word};
	} else if (code == TOK_NUMBER) {
		value.node = literal_number(p, at);
	}
	p->stopped = yypush_parse(p->automaton, code, &value, &at, p) != YYPUSH_MORE;
}

static inline __attribute__((always_inline)) void give(struct parser *p, int code, struct span at)
{
	bool opens = code == TOK_NEWLINE || code == TOK_LBRACE;

	if (p->stopped)
		return;
	if (!p->skip_depth)
		push(p, code, at);
	if (opens)
		p->muted = p->broken && (p->broken = p->indent > p->broken_indent);
	p->previous_began_line = p->at_start;
	p->previous_began_arm = p->previous == TOK_ARROW || p->previous == TOK_ELSE_ARROW;
	p->at_start = opens || code == TOK_START_FILE;
	p->previous = code;
	p->previous_span = at;
}

void layout_give(struct parser *p, int code, struct span at)
{
	give(p, code, at);
}

/* ---- newlines ---- */

static void newline(struct parser *p, struct span at)
{
	trivia_newline(p);
	p->line_start = at.to;
	p->line_has_token = false;
	if (p->continues) {
		p->continues = false;
		return;
	}
	if (brackets_frame(p)->has_lines && !p->newline_pending && !words_hold_line(p->previous)) {
		p->newline_pending = true;
		p->newline = at;
	}
}

/* A line that cannot end there, and the next is a statement of its own: it ends all the same, and is
 * reported. */
static void end_unfinished_line(struct parser *p, struct span at)
{
	if (p->token_is_first && words_hold_line(p->previous) && !p->at_start &&
	    brackets_frame(p)->has_lines && words_begin_statement(p, at))
		layout_give(p, TOK_NEWLINE, layout_point(p, p->previous_span.to));
}

static void settle_newline(struct parser *p, int code, struct span at)
{
	p->newline_pending = false;
	if (code == TOK_LBRACE && brackets_frame(p)->head && p->previous != TOK_RBRACE) {
		diag_label(diag_error(p->diags, "E0126", at, "a block opens on the line that it belongs to"),
			   "move this `{` to the end of the line before");
		return;
	}
	if (!words_join_line(p, code, at))
		layout_give(p, TOK_NEWLINE, p->newline);
}

/* ---- tokens ---- */

static inline void significant(struct parser *p, int code, struct span at)
{
	if (p->at_start)
		brackets_frame(p)->head = 0;
	switch (code) {
	case TOK_NAME:
		code = words_classify(p, at);
		if (code != TOK_NAME)
			brackets_note_keyword(p, code);
		break;
	case TOK_STRING:
		if (p->previous == TOK_EXPECT)
			code = TOK_LABEL;
		break;
	case TOK_STRING_OPEN:
		quotes_open(p, at);
		return;
	case TOK_LPAREN:
	case TOK_LBRACKET:
	case TOK_INTERPOLATION_OPEN:
		brackets_open(p, code, BLOCK_NOTHING, at);
		break;
	case TOK_LBRACE:
		brackets_open_brace(p, at);
		return;
	case TOK_STRING_CLOSE:
		if (brackets_is_string(brackets_frame(p)))
			brackets_close_frame(p, at);
		return;
	case TOK_RPAREN:
	case TOK_RBRACKET:
	case TOK_RBRACE:
	case TOK_INTERPOLATION_CLOSE:
		brackets_close(p, code, at);
		return;
	}
	give(p, code, at);
}

/* After a syntax error that was a bracket left open on an earlier line: the line is read afresh, without it.
 */
static void restart_line(struct parser *p, struct span at)
{
	p->unclosed_line = false;
	while (p->depth && !brackets_frame(p)->has_lines) {
		if (brackets_is_string(brackets_frame(p)))
			p->leave_strings = 1;
		p->depth--;
	}
	layout_give(p, TOK_NEWLINE, layout_point(p, at.from));
}

static void begin_line(struct parser *p, struct span at)
{
	p->line_has_token = true;
	p->indent = at.from - p->line_start;
	trivia_begin_line(p, at);
}

void layout_init(struct parser *p, int start)
{
	struct span at = layout_point(p, 0);

	p->frames = arena_grow(p->arena, NULL, 0, &p->frame_room, sizeof(*p->frames));
	p->frames[0].block = start == TOK_START_FILE ? BLOCK_FILE : BLOCK_NOTHING;
	p->frames[0].has_lines = start == TOK_START_FILE;
	p->frames[0].span = at;
	layout_give(p, start, at);
}

void layout_token(struct parser *p, int code, struct span at)
{
	uint32_t token = p->token_count;

	if (p->keeps_tokens)
		trivia_keep(p, code, at);
	if (at.from < p->comment_end) {
		if (code == TOK_RAW_NEWLINE)
			p->line_start = at.to;
		return;
	}
	if (code == TOK_RAW_NEWLINE) {
		newline(p, at);
		return;
	}
	if (code == TOK_RAW_COMMENT) {
		trivia_comment(p, at);
		return;
	}
	p->token_is_first = !p->line_has_token;
	if (p->token_is_first)
		begin_line(p, at);
	if (code == TOK_RAW_UNKNOWN) {
		code = strange_token(p, &at);
		if (code == TOK_RAW_UNKNOWN)
			return;
	}
	if (code == TOK_NAME) {
		if (p->token_is_first)
			brackets_close_before_item(p, at);
		if ((p->previous == TOK_RBRACE || p->previous == TOK_VALUE_CLOSE) && strange_else_if(p, at))
			return;
		if ((p->text[at.to] == '"' || p->text[at.to] == '\'') && strange_prefix(p, at))
			return;
		end_unfinished_line(p, at);
	}
	if (p->newline_pending)
		settle_newline(p, code, at);
	if (brackets_frame(p)->has_commas && words_ends_operand(p->previous))
		strange_comma(p, code, at);
	if (code == TOK_RAW_UNCLOSED || code == TOK_RAW_UNCLOSED_MULTILINE) {
		quotes_unclosed(p, code, at);
		return;
	}
	for (bool again = false;; again = true) {
		significant(p, code, at);
		if (again || !p->unclosed_line)
			break;
		restart_line(p, at);
	}
	if (p->keeps_tokens)
		trivia_note(p, &p->tokens[token]);
}

void layout_end(struct parser *p)
{
	struct span end = layout_point(p, p->length);

	p->newline_pending = false;
	if (p->depth && !p->stopped) {
		syntax_unclosed(p, brackets_frame(p), end, NULL);
		brackets_close_missing(p, 0, end);
	}
	if (p->previous_span.to)
		end = layout_point(p, p->previous_span.to);
	layout_give(p, TOK_END, end);
}
