/* brackets.c: what is open, and what closes it.
 *
 * Every opener is remembered, so that a missing closer is reported where it was opened; and the grammar is
 * given the closers that are missing, so it never sees brackets that do not match. After such a repair the
 * rest of the line is muted.
 *
 * The grammar has different tokens for the braces of blocks, of values (`if c { 1 } else { 2 }`) and of
 * records; what came before decides.
 */
#include "grammar/parser.h"
#include "grammar/plan.tab.h"

enum block brackets_block(const struct parser *p)
{
	uint32_t i = p->depth;

	while (i > 0 && !p->frames[i].has_lines)
		i--;
	return p->frames[i].block;
}

bool brackets_is_string(const struct frame *frame)
{
	return frame->opener == TOK_STRING_OPEN || frame->opener == TOK_LABEL_OPEN;
}

bool brackets_is_multiline(const struct frame *frame)
{
	return brackets_is_string(frame) && frame->span.to - frame->span.from == 3;
}

bool brackets_in_multiline(const struct parser *p)
{
	for (uint32_t i = p->depth; i > 0; i--)
		if (brackets_is_multiline(&p->frames[i]))
			return true;
	return false;
}

/* ---- opening and closing ---- */

void brackets_open(struct parser *p, int opener, enum block block, struct span at)
{
	if (p->depth >= RUNPLAN_MAX_DEPTH) {
		syntax_too_deep(p, at);
		return;
	}
	p->depth++;
	p->frames = arena_grow(p->arena, p->frames, p->depth, &p->frame_room, sizeof(*p->frames));
	p->frames[p->depth] = (struct frame){
	    .opener = opener,
	    .span = at,
	    .indent = p->indent,
	    .block = block,
	    .has_lines = opener == TOK_LBRACE,
	    .has_commas = opener == TOK_LPAREN || opener == TOK_LBRACKET || opener == TOK_RECORD_OPEN,
	};
	if (p->recovering && opener == TOK_LBRACE && block != BLOCK_STATEMENTS && !p->skip_depth)
		p->skip_depth = p->depth;
}

static int closer_of(int opener)
{
	switch (opener) {
	case TOK_LPAREN:
		return TOK_RPAREN;
	case TOK_LBRACKET:
		return TOK_RBRACKET;
	case TOK_LBRACE:
		return TOK_RBRACE;
	case TOK_VALUE_OPEN:
		return TOK_VALUE_CLOSE;
	case TOK_RECORD_OPEN:
		return TOK_RECORD_CLOSE;
	case TOK_INTERPOLATION_OPEN:
		return TOK_INTERPOLATION_CLOSE;
	case TOK_LABEL_OPEN:
		return TOK_LABEL_CLOSE;
	default:
		return TOK_STRING_CLOSE;
	}
}

/* Ends the innermost frame and gives the grammar its closer. */
void brackets_close_frame(struct parser *p, struct span at)
{
	struct frame frame = *brackets_frame(p);
	bool skipped = p->skip_depth == p->depth;

	p->depth--;
	brackets_frame(p)->closed = frame.block;
	layout_give(p, closer_of(frame.opener), at);
	if (skipped)
		p->skip_depth = 0;
}

/* Ends frames whose closers are missing, down to `depth`. What the grammar says to such closers is muted.
 * None stands before what it closes: `at` may be the brace at the end of an unclosed string. */
void brackets_close_missing(struct parser *p, uint32_t depth, struct span at)
{
	while (p->depth > depth && !p->stopped) {
		uint32_t end = p->previous_span.to;

		p->muted = true;
		brackets_close_frame(p, layout_point(p, at.from > end ? at.from : end));
	}
}

static bool closes(int code, int opener)
{
	return closer_of(opener) == code ||
	       (code == TOK_RBRACE && (opener == TOK_RECORD_OPEN || opener == TOK_VALUE_OPEN));
}

/* The innermost frame that `code` would close, not looking out of a string; 0 if there is none. */
static uint32_t frame_to_close(const struct parser *p, int code)
{
	for (uint32_t i = p->depth; i > 0; i--) {
		if (closes(code, p->frames[i].opener))
			return i;
		if (p->frames[i].opener == TOK_INTERPOLATION_OPEN)
			break;
	}
	return 0;
}

static void note_indentation(struct parser *p, struct span at)
{
	const struct frame *frame = brackets_frame(p);

	if (!p->token_is_first || frame->opener != TOK_LBRACE)
		return;
	if (p->indent < frame->indent && !p->has_late) {
		p->has_late = true;
		p->late_opener = frame->span;
		p->late_closer = at;
	}
	if (p->indent > frame->indent && !p->has_early) {
		p->has_early = true;
		p->early_closer = at;
	}
}

static void stray_closer(struct parser *p, int code, struct span at)
{
	struct diag *d;

	if (!p->muted) {
		d = diag_error(p->diags, "E0112", at, "this `%.1s` closes nothing", p->text + at.from);
		if (code == TOK_RBRACE && p->has_early) {
			diag_secondary(d, p->early_closer,
				       "this one is indented deeper than the line it closes");
			p->has_early = false;
		}
	}
	p->muted = true;
}

void brackets_close(struct parser *p, int code, struct span at)
{
	int opener = brackets_frame(p)->opener;
	uint32_t target;

	if (opener && closes(code, opener)) {
		note_indentation(p, at);
		brackets_close_frame(p, at);
		return;
	}
	target = frame_to_close(p, code);
	if (target) {
		syntax_unclosed(p, brackets_frame(p), at, NULL);
		brackets_close_missing(p, target, at);
		brackets_close_frame(p, at);
	} else if ((opener == TOK_LPAREN || opener == TOK_LBRACKET) && code != TOK_RBRACE) {
		syntax_unclosed(p, brackets_frame(p), at, opener == TOK_LPAREN ? ")" : "]");
		brackets_close_frame(p, at);
	} else {
		stray_closer(p, code, at);
	}
}

void brackets_close_before_item(struct parser *p, struct span at)
{
	uint32_t depth = p->depth;

	if (!depth || !words_begin_item(p, at))
		return;
	while (depth > 0 && p->frames[depth].indent >= p->indent &&
	       p->frames[depth].opener != TOK_INTERPOLATION_OPEN)
		depth--;
	if (depth == p->depth || p->frames[depth + 1].indent < p->indent)
		return;
	syntax_unclosed(p, brackets_frame(p), at, NULL);
	brackets_close_missing(p, depth, at);
	p->newline_pending = true;
	p->newline = layout_point(p, at.from);
}

/* ---- braces ---- */

static enum block block_of_head(int head)
{
	switch (head) {
	case TOK_PLAN:
		return BLOCK_SETTINGS;
	case TOK_ENVIRONMENT:
	case TOK_DEFAULTS:
		return BLOCK_ASSIGNMENTS;
	case TOK_THRESHOLD:
		return BLOCK_CLAUSES;
	case TOK_JUDGE:
		return BLOCK_JUDGE;
	case TOK_METRIC:
		return BLOCK_METRIC;
	case TOK_TEST:
		return BLOCK_PARTS;
	case TOK_MATCH:
		return BLOCK_ARMS;
	default:
		return BLOCK_STATEMENTS;
	}
}

static enum block next_block(struct parser *p)
{
	struct frame *frame = brackets_frame(p);
	enum block block = frame->value_block;

	frame->value_block = BLOCK_NOTHING;
	if (p->previous == TOK_ARROW || p->previous == TOK_ELSE_ARROW)
		return frame->block == BLOCK_VALUE_ARMS ? BLOCK_VALUE : BLOCK_STATEMENTS;
	return block != BLOCK_NOTHING ? block : block_of_head(frame->head);
}

void brackets_open_brace(struct parser *p, struct span at)
{
	bool is_record = words_wants_operand(p->previous) || p->at_start ||
			 (brackets_frame(p)->head == TOK_RUN && words_ends_operand(p->previous));
	enum block block = is_record ? BLOCK_NOTHING : next_block(p);
	int code = is_record ? TOK_RECORD_OPEN : block == BLOCK_VALUE ? TOK_VALUE_OPEN : TOK_LBRACE;

	if (code == TOK_LBRACE && block != BLOCK_VALUE_ARMS && !brackets_frame(p)->has_lines) {
		syntax_unclosed(p, brackets_frame(p), at, NULL);
		while (!brackets_frame(p)->has_lines)
			brackets_close_missing(p, p->depth - 1, at);
	}
	brackets_open(p, code, block, at);
	layout_give(p, code, at);
}

/* Notes which block the brace will open that belongs to this keyword. */
void brackets_note_keyword(struct parser *p, int code)
{
	struct frame *frame = brackets_frame(p);

	if (p->at_start) {
		frame->head = code;
		frame->value_block = BLOCK_NOTHING;
	} else if (code == TOK_ELSE) {
		frame->value_block = frame->closed == BLOCK_VALUE ? BLOCK_VALUE : BLOCK_NOTHING;
	} else if (words_ends_operand(p->previous) || p->previous == TOK_ELSE || p->previous == TOK_SKIP) {
		return;
	} else if (code == TOK_IF) {
		frame->value_block = BLOCK_VALUE;
	} else if (code == TOK_MATCH) {
		frame->value_block = BLOCK_VALUE_ARMS;
	}
}
