/* layout.c: lines and brackets, between the scanner and the grammar.
 *
 * Newlines. One ends a line of a list unless the line cannot end there, or the next cannot begin there, or the innermost
 * bracket is not that of a block. So the newline is held back until the next token is known.
 *
 * Brackets. Every opener is remembered, so that a missing closer is reported where it was opened, and the grammar
 * is given the closers that are missing: it never sees brackets that do not match. After such a repair the rest of the
 * line is muted.
 *
 * Braces. The grammar has different tokens for the braces of blocks, of values (`if c { 1 } else { 2 }`) and of records;
 * what came before decides.
 */
#include <stdlib.h>
#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"

struct frame *layout_frame(struct parser *p)
{
	return &p->frames[p->depth];
}

/* Only the file and blocks have lines; the entries of a record are separated by commas. */
static bool has_lines(const struct frame *frame)
{
	return frame->opener == TOK_LBRACE || frame->block == BLOCK_FILE;
}

enum block layout_block(const struct parser *p)
{
	uint32_t i = p->depth;

	while (i > 0 && !has_lines(&p->frames[i]))
		i--;
	return p->frames[i].block;
}

static bool is_string_frame(const struct frame *frame)
{
	return frame->opener == TOK_STRING_OPEN || frame->opener == TOK_LABEL_OPEN;
}

static bool is_multiline(const struct frame *frame)
{
	return is_string_frame(frame) && frame->span.to - frame->span.from == 3;
}

bool layout_in_multiline_string(const struct parser *p)
{
	for (uint32_t i = p->depth; i > 0; i--)
		if (is_multiline(&p->frames[i]))
			return true;
	return false;
}

/* ---- what the formatter and the documentation need ---- */

static void *grow(struct parser *p, void *old, uint32_t count, uint32_t *room, size_t size)
{
	void *bigger;

	if (count < *room)
		return old;
	bigger = arena_alloc(p->arena, (*room ? *room * 2 : 64) * size);
	if (count)
		memcpy(bigger, old, count * size);
	*room = *room ? *room * 2 : 64;
	return bigger;
}

static enum token_kind kind_of(int code)
{
	switch (code) {
	case TOK_RAW_NEWLINE:
		return TOKEN_NEWLINE;
	case TOK_RAW_COMMENT:
		return TOKEN_COMMENT;
	case TOK_RAW_UNKNOWN:
		return TOKEN_UNKNOWN;
	case TOK_NAME:
		return TOKEN_WORD;
	case TOK_KEY:
		return TOKEN_KEY;
	case TOK_NUMBER:
		return TOKEN_NUMBER;
	case TOK_STRING: case TOK_STRING_OPEN: case TOK_TEXT: case TOK_STRING_CLOSE:
	case TOK_LABEL: case TOK_LABEL_OPEN: case TOK_LABEL_CLOSE:
	case TOK_RAW_UNCLOSED: case TOK_RAW_UNCLOSED_MULTILINE:
		return TOKEN_STRING;
	default:
		return code >= TOK_AND && code <= TOK_WHEN ? TOKEN_KEYWORD : TOKEN_MARK;
	}
}

static void keep_token(struct parser *p, int code, struct span at)
{
	enum token_kind kind = kind_of(code);

	p->tokens = grow(p, p->tokens, p->token_count, &p->token_room, sizeof(*p->tokens));
	p->tokens[p->token_count++] = (struct token){
		at.from, at.to, (uint16_t)kind,
		(uint16_t)(kind == TOKEN_NEWLINE || kind == TOKEN_COMMENT || kind == TOKEN_UNKNOWN ? 0 : code),
	};
}

/* What the token turned out to be, if the grammar got it. */
static void note_token(struct parser *p, struct token *token)
{
	if (p->previous_span.from != token->from || p->previous_span.to != token->to)
		return;
	token->kind = (uint16_t)kind_of(p->previous);
	token->code = (uint16_t)p->previous;
}

static void comment(struct parser *p, struct span at)
{
	if (!p->line_has_token) {
		p->doc_from = p->doc_open ? p->doc_from : at.from;
		p->doc_to = at.to;
		p->doc_open = true;
	}
	p->line_has_comment = true;
}

static void begin_line(struct parser *p, struct span at)
{
	p->line_has_token = true;
	p->indent = at.from - p->line_start;
	if (p->doc_open) {
		p->docs = grow(p, p->docs, p->doc_count, &p->doc_room, sizeof(*p->docs));
		p->docs[p->doc_count++] = (struct doc){ at.from, p->doc_from, p->doc_to };
		p->doc_open = false;
	}
}

/* ---- giving tokens to the grammar ---- */

static YYSTYPE token_value(struct parser *p, int code, struct span at)
{
	YYSTYPE value = { .node = NULL };
	struct span word = at;

	switch (code) {
	case TOK_KEY:
		word.to--;
		while (strchr(" \t\r", p->text[word.to - 1]))
			word.to--;
		/* fall through */
	case TOK_NAME:
		value.ident = (struct ident){ parser_copy(p, word), word };
		break;
	case TOK_NUMBER:
		value.node = literal_number(p, at);
		break;
	default:
		break;
	}
	return value;
}

static void give_value(struct parser *p, int code, struct span at, YYSTYPE value)
{
	bool began_line = words_at_start(p);
	bool began_arm = p->previous == TOK_ARROW || p->previous == TOK_ELSE_ARROW;

	if (p->stopped)
		return;
	if (!p->skip_depth && yypush_parse(p->automaton, code, &value, &at, p) != YYPUSH_MORE)
		p->stopped = true;
	if (code == TOK_NEWLINE || code == TOK_LBRACE)
		p->muted = false;
	p->previous = code;
	p->previous_span = at;
	p->previous_began_line = began_line;
	p->previous_began_arm = began_arm;
}

static void give(struct parser *p, int code, struct span at)
{
	YYSTYPE value = { .node = NULL };

	if (!p->skip_depth && !p->stopped)
		value = token_value(p, code, at);
	give_value(p, code, at, value);
}

static struct span point(struct parser *p, uint32_t offset)
{
	return (struct span){ p->file, offset, offset };
}

/* ---- frames ---- */

static void open_frame(struct parser *p, int opener, enum block block, struct span at)
{
	if (p->depth >= RUNPLAN_MAX_DEPTH) {
		syntax_too_deep(p, at);
		return;
	}
	p->depth++;
	p->frames = grow(p, p->frames, p->depth, &p->frame_room, sizeof(*p->frames));
	p->frames[p->depth] = (struct frame){ .opener = opener, .span = at, .indent = p->indent, .block = block };
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
static void close_frame(struct parser *p, struct span at)
{
	struct frame frame = *layout_frame(p);
	bool skipped = p->skip_depth == p->depth;

	p->depth--;
	layout_frame(p)->closed = frame.block;
	give(p, closer_of(frame.opener), at);
	if (skipped)
		p->skip_depth = 0;
}

/* Ends frames whose closers are missing, down to `depth`. What the grammar says to such closers is muted. */
static void close_missing(struct parser *p, uint32_t depth, struct span at)
{
	while (p->depth > depth && !p->stopped) {
		p->muted = true;
		close_frame(p, point(p, at.from));
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
	const struct frame *frame = layout_frame(p);

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
			diag_secondary(d, p->early_closer, "this one is indented deeper than the line it closes");
			p->has_early = false;
		}
	}
	p->muted = true;
}

static void close_bracket(struct parser *p, int code, struct span at)
{
	int opener = layout_frame(p)->opener;
	uint32_t target;

	if (opener && closes(code, opener)) {
		note_indentation(p, at);
		close_frame(p, at);
		return;
	}
	target = frame_to_close(p, code);
	if (target) {
		syntax_unclosed(p, layout_frame(p), at, NULL);
		close_missing(p, target, at);
		close_frame(p, at);
	} else if ((opener == TOK_LPAREN || opener == TOK_LBRACKET) && code != TOK_RBRACE) {
		syntax_unclosed(p, layout_frame(p), at, opener == TOK_LPAREN ? ")" : "]");
		close_frame(p, at);
	} else {
		stray_closer(p, code, at);
	}
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
	struct frame *frame = layout_frame(p);
	enum block block = frame->value_block;

	frame->value_block = BLOCK_NOTHING;
	if (p->previous == TOK_ARROW || p->previous == TOK_ELSE_ARROW)
		return frame->block == BLOCK_VALUE_ARMS ? BLOCK_VALUE : BLOCK_STATEMENTS;
	return block != BLOCK_NOTHING ? block : block_of_head(frame->head);
}

static void open_brace(struct parser *p, struct span at)
{
	bool is_record = words_wants_operand(p->previous) || words_at_start(p) ||
			 (layout_frame(p)->head == TOK_RUN && words_ends_operand(p->previous));
	enum block block = is_record ? BLOCK_NOTHING : next_block(p);
	int code = is_record ? TOK_RECORD_OPEN : block == BLOCK_VALUE ? TOK_VALUE_OPEN : TOK_LBRACE;

	if (code == TOK_LBRACE && block != BLOCK_VALUE_ARMS && !has_lines(layout_frame(p))) {
		syntax_unclosed(p, layout_frame(p), at, NULL);
		while (!has_lines(layout_frame(p)))
			close_missing(p, p->depth - 1, at);
	}
	open_frame(p, code, block, at);
	give(p, code, at);
}

/* Notes which block the brace will open that belongs to this keyword. */
static void note_keyword(struct parser *p, int code)
{
	struct frame *frame = layout_frame(p);

	if (words_at_start(p)) {
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

/* ---- newlines ---- */

static bool line_cannot_end(int code)
{
	switch (code) {
	case TOK_START_FILE: case TOK_START_EXPRESSION: case TOK_START_TYPE: case TOK_START_SIGNATURE: case TOK_NEWLINE:
	case TOK_LBRACE: case TOK_VALUE_OPEN: case TOK_RECORD_OPEN: case TOK_LPAREN: case TOK_LBRACKET:
	case TOK_INTERPOLATION_OPEN: case TOK_LABEL: case TOK_LABEL_CLOSE: case TOK_KEY: case TOK_COLON: case TOK_COMMA: case TOK_DOT: case TOK_ASSIGN:
	case TOK_ARROW: case TOK_ELSE_ARROW: case TOK_RESULT: case TOK_BAR: case TOK_COALESCE: case TOK_EQ: case TOK_NE:
	case TOK_LT: case TOK_LE: case TOK_GT: case TOK_GE: case TOK_RANGE: case TOK_PLUS: case TOK_MINUS: case TOK_STAR:
	case TOK_SLASH: case TOK_MOD: case TOK_AND: case TOK_OR: case TOK_NOT: case TOK_IN: case TOK_MATCHES: case TOK_AS:
		return true;
	default:
		return false;
	}
}

static bool line_cannot_begin(const struct parser *p, int code, struct span at)
{
	switch (code) {
	case TOK_RPAREN: case TOK_RBRACKET: case TOK_RBRACE: case TOK_INTERPOLATION_CLOSE: case TOK_DOT: case TOK_COALESCE:
	case TOK_EQ: case TOK_NE: case TOK_LT: case TOK_LE: case TOK_GT: case TOK_GE: case TOK_RANGE: case TOK_PLUS:
	case TOK_STAR: case TOK_SLASH: case TOK_BAR:
		return true;
	case TOK_NAME:
		return words_continue(p, at);
	default:
		return false;
	}
}

static void newline(struct parser *p, struct span at)
{
	if (!p->line_has_token && !p->line_has_comment)
		p->doc_open = false;
	p->line_start = at.to;
	p->line_has_token = p->line_has_comment = false;
	if (has_lines(layout_frame(p)) && !p->newline_pending && !line_cannot_end(p->previous)) {
		p->newline_pending = true;
		p->newline = at;
	}
}

static void settle_newline(struct parser *p, int code, struct span at)
{
	if (!p->newline_pending)
		return;
	p->newline_pending = false;
	if (code == TOK_LBRACE && layout_frame(p)->head && p->previous != TOK_RBRACE) {
		diag_label(diag_error(p->diags, "E0126", at, "a block opens on the line that it belongs to"),
			   "move this `{` to the end of the line before");
		return;
	}
	if (!line_cannot_begin(p, code, at))
		give(p, TOK_NEWLINE, p->newline);
}

/* An item's first word inside a block that began further right, or in the same column: closers are missing. */
static void close_before_item(struct parser *p, int code, struct span at)
{
	uint32_t depth = p->depth;

	if (!depth || !p->token_is_first || code != TOK_NAME || !words_begin_item(p, at))
		return;
	while (depth > 0 && p->frames[depth].indent >= p->indent && p->frames[depth].opener != TOK_INTERPOLATION_OPEN)
		depth--;
	if (depth == p->depth || p->frames[depth + 1].indent < p->indent)
		return;
	syntax_unclosed(p, layout_frame(p), at, NULL);
	close_missing(p, depth, at);
	p->newline_pending = true;
	p->newline = point(p, at.from);
}

/* ---- strings ---- */

/* Three quotes at the beginning of a line, in a `${` of a multi-line string: they close that string. */
static bool closes_multiline(struct parser *p, struct span at)
{
	const struct frame *frame = layout_frame(p);

	return at.to - at.from == 3 && p->token_is_first && frame->opener == TOK_INTERPOLATION_OPEN &&
	       is_multiline(frame - 1);
}

static void open_string(struct parser *p, struct span at)
{
	int code = p->previous == TOK_EXPECT ? TOK_LABEL_OPEN : TOK_STRING_OPEN;

	if (closes_multiline(p, at)) {
		syntax_unclosed(p, layout_frame(p), at, NULL);
		close_missing(p, p->depth - 1, at);
		close_frame(p, at);
		p->leave_strings = 2;
		return;
	}
	open_frame(p, code, BLOCK_NOTHING, at);
	give(p, code, at);
}

/* The frame of the outermost string that ends with an unclosed one: scanner and layout agree on it. */
static uint32_t outermost_string(const struct parser *p)
{
	uint32_t found = 0;

	for (uint32_t i = p->depth; i > 0; i--) {
		const struct frame *frame = &p->frames[i];

		if (!is_string_frame(frame))
			continue;
		if (is_multiline(frame) && found)
			break;
		found = i;
	}
	return found;
}

static struct span trimmed(const struct parser *p, struct span at)
{
	while (at.to > at.from && strchr(" \t\r", p->text[at.to - 1]))
		at.to--;
	return at;
}

/* A line that ends in `{` opens a block even if a quote is missing before. */
static void open_block_after(struct parser *p, struct span line)
{
	struct span at = trimmed(p, line);

	if (at.to > at.from && p->text[at.to - 1] == '{') {
		at.from = at.to - 1;
		open_brace(p, at);
	}
}

static void unclosed_string(struct parser *p, struct span at, const char *quotes)
{
	struct diag *d;

	if (p->muted)
		return;
	d = diag_error(p->diags, "E0104", at, "this string is not closed");
	diag_label(d, "the closing %s is missing", quotes);
	if (strlen(quotes) == 1)
		diag_hint(d, "a string over several lines stands between %s%s%s and %s%s%s", quotes, quotes, quotes, quotes,
			  quotes, quotes);
	p->muted = true;
}

/* "…: closes it, and what is open in it. `at` is where the line ends. */
static void end_interpolated(struct parser *p, struct span at)
{
	uint32_t outermost = outermost_string(p);
	const struct frame *frame = &p->frames[outermost];
	bool multiline = is_multiline(frame);
	struct span line = { p->file, frame->span.from, at.from };

	if (!outermost)
		return;
	if (outermost < p->depth)
		syntax_unclosed(p, &p->frames[outermost + 1], point(p, at.from), NULL);
	else
		unclosed_string(p, multiline ? frame->span : trimmed(p, line), multiline ? "\"\"\"" : "\"");
	close_missing(p, outermost - 1, at);
	if (!multiline)
		open_block_after(p, line);
}

static void unclosed(struct parser *p, int code, struct span at)
{
	if (at.to == at.from || p->text[at.from] != '\'') {
		end_interpolated(p, at);
		return;
	}
	if (code == TOK_RAW_UNCLOSED_MULTILINE) {
		unclosed_string(p, at, "'''");
		give(p, TOK_STRING, at);
		p->ended = true;
		return;
	}
	unclosed_string(p, trimmed(p, at), "'");
	give(p, p->previous == TOK_EXPECT ? TOK_LABEL : TOK_STRING, at);
	open_block_after(p, at);
}

/* ---- the rest ---- */

struct stand_in {
	const char *bytes, *instead;
};

/* What word processors make of ASCII. */
static const struct stand_in STAND_INS[] = {
	{ "\u201c", "\"" }, { "\u201d", "\"" }, { "\u2018", "'" },  { "\u2019", "'" },	{ "\u2013", "-" },
	{ "\u2014", "-" },  { "\u2212", "-" },	{ "\u2264", "<=" }, { "\u2265", ">=" }, { "\u2260", "!=" },
	{ "\u2026", ".." }, { "\u00a0", " " },	{ "!", "not" },	    { "%", "mod" },	{ "&", "and" },
};

static void unknown(struct parser *p, struct span at)
{
	bool reported = source_get(p->sources, p->file)->text[at.from] != p->text[at.from];
	struct diag *d;

	if (p->muted || reported) {
		p->muted = true;
		return;
	}
	d = diag_error(p->diags, "E0105", at, "`%.*s` means nothing here", (int)(at.to - at.from), p->text + at.from);
	for (size_t i = 0; i < sizeof(STAND_INS) / sizeof(*STAND_INS); i++)
		if (strlen(STAND_INS[i].bytes) == at.to - at.from &&
		    strncmp(STAND_INS[i].bytes, p->text + at.from, at.to - at.from) == 0)
			diag_hint(d, "did you mean `%s`?", STAND_INS[i].instead);
	p->muted = true;
}

static void significant(struct parser *p, int code, struct span at)
{
	if (words_at_start(p))
		layout_frame(p)->head = 0;
	switch (code) {
	case TOK_NAME:
		code = words_classify(p, at);
		if (code != TOK_NAME)
			note_keyword(p, code);
		give(p, code, at);
		break;
	case TOK_STRING:
		give(p, p->previous == TOK_EXPECT ? TOK_LABEL : TOK_STRING, at);
		break;
	case TOK_STRING_OPEN:
		open_string(p, at);
		break;
	case TOK_LPAREN: case TOK_LBRACKET: case TOK_INTERPOLATION_OPEN:
		open_frame(p, code, BLOCK_NOTHING, at);
		give(p, code, at);
		break;
	case TOK_LBRACE:
		open_brace(p, at);
		break;
	case TOK_STRING_CLOSE:
		if (is_string_frame(layout_frame(p)))
			close_frame(p, at);
		break;
	case TOK_RPAREN: case TOK_RBRACKET: case TOK_RBRACE: case TOK_INTERPOLATION_CLOSE:
		close_bracket(p, code, at);
		break;
	default:
		give(p, code, at);
	}
}

/* After a syntax error that was a bracket left open on an earlier line: the line is read afresh, without it. */
static void restart_line(struct parser *p, int code, struct span at)
{
	p->unclosed_line = false;
	while (p->depth && !has_lines(layout_frame(p))) {
		if (is_string_frame(layout_frame(p)))
			p->leave_strings = 1;
		p->depth--;
	}
	give(p, TOK_NEWLINE, point(p, at.from));
	significant(p, code, at);
}

void layout_init(struct parser *p, int start)
{
	struct span at = point(p, 0);

	/* A token takes five bytes of a plan on average; room for all at once spares copying. */
	p->token_room = p->length / 4;
	p->tokens = arena_alloc(p->arena, p->token_room * sizeof(*p->tokens));
	p->frames = grow(p, NULL, 0, &p->frame_room, sizeof(*p->frames));
	p->frames[0].block = start == TOK_START_FILE ? BLOCK_FILE : BLOCK_NOTHING;
	p->frames[0].span = at;
	give(p, start, at);
}

void layout_token(struct parser *p, int code, struct span at)
{
	uint32_t token = p->token_count;

	keep_token(p, code, at);
	if (code == TOK_RAW_NEWLINE) {
		newline(p, at);
		return;
	}
	if (code == TOK_RAW_COMMENT) {
		comment(p, at);
		return;
	}
	p->token_is_first = !p->line_has_token;
	if (p->token_is_first)
		begin_line(p, at);
	if (code == TOK_RAW_UNKNOWN) {
		unknown(p, at);
		return;
	}
	close_before_item(p, code, at);
	settle_newline(p, code, at);
	if (code == TOK_RAW_UNCLOSED || code == TOK_RAW_UNCLOSED_MULTILINE) {
		unclosed(p, code, at);
		return;
	}
	significant(p, code, at);
	if (p->unclosed_line)
		restart_line(p, code, at);
	note_token(p, &p->tokens[token]);
}

void layout_end(struct parser *p)
{
	struct span end = point(p, p->length);

	p->newline_pending = false;
	if (p->depth && !p->stopped) {
		syntax_unclosed(p, layout_frame(p), end, NULL);
		close_missing(p, 0, end);
	}
	if (p->previous_span.to)
		end = point(p, p->previous_span.to);
	give(p, TOK_END, end);
}
