/* quotes.c: strings with interpolation, and strings that are not closed.
 *
 * A string on one line ends with its line, whatever is open in it; the scanner leaves it then
 * (scan_leave_strings), and this file closes the same frames.
 */
#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"

/* Three quotes at the beginning of a line, in a `${` of a multi-line string: they close that string. */
static bool closes_multiline(struct parser *p, struct span at)
{
	const struct frame *frame = brackets_frame(p);

	return at.to - at.from == 3 && p->token_is_first && frame->opener == TOK_INTERPOLATION_OPEN &&
	       brackets_is_multiline(frame - 1);
}

void quotes_open(struct parser *p, struct span at)
{
	int code = p->previous == TOK_EXPECT ? TOK_LABEL_OPEN : TOK_STRING_OPEN;

	if (closes_multiline(p, at)) {
		syntax_unclosed(p, brackets_frame(p), at, NULL);
		brackets_close_missing(p, p->depth - 1, at);
		brackets_close_frame(p, at);
		p->leave_strings = 2;
		return;
	}
	brackets_open(p, code, BLOCK_NOTHING, at);
	layout_give(p, code, at);
}

/* The frame of the outermost string that ends with an unclosed one: scanner and layout agree on it. */
static uint32_t outermost_string(const struct parser *p)
{
	uint32_t found = 0;

	for (uint32_t i = p->depth; i > 0; i--) {
		const struct frame *frame = &p->frames[i];

		if (!brackets_is_string(frame))
			continue;
		if (brackets_is_multiline(frame) && found)
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

/* A line that ends in `{` opens a block even if a quote is missing before, and one that ends in `,` goes on with the
 * next part of its bracket. */
static void give_after(struct parser *p, struct span line)
{
	struct span at = trimmed(p, line);
	char last = at.to > at.from ? p->text[at.to - 1] : '\0';

	at.from = at.to - (at.to > at.from);
	if (last == '{') {
		brackets_open_brace(p, at);
	} else if (last == ',' && brackets_frame(p)->has_commas) {
		layout_give(p, TOK_COMMA, at);
		p->muted = p->recovering; /* the grammar has lost nothing */
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
		diag_hint(d, "a string over several lines stands between %s%s%s and %s%s%s", quotes, quotes,
			  quotes, quotes, quotes, quotes);
	p->muted = true;
}

/* "…: closes it, and what is open in it. `at` is where the line ends. */
static void end_interpolated(struct parser *p, struct span at)
{
	uint32_t outermost = outermost_string(p);
	const struct frame *frame = &p->frames[outermost];
	bool multiline = brackets_is_multiline(frame);
	struct span line = {p->file, frame->span.from, at.from};

	if (!outermost)
		return;
	if (outermost < p->depth)
		syntax_unclosed(p, &p->frames[outermost + 1], layout_point(p, at.from), NULL);
	else
		unclosed_string(p, multiline ? frame->span : trimmed(p, line), multiline ? "\"\"\"" : "\"");
	brackets_close_missing(p, outermost - 1, at);
	if (!multiline)
		give_after(p, line);
}

void quotes_unclosed(struct parser *p, int code, struct span at)
{
	if (at.to == at.from || p->text[at.from] != '\'') {
		end_interpolated(p, at);
		return;
	}
	if (code == TOK_RAW_UNCLOSED_MULTILINE) {
		unclosed_string(p, at, "'''");
		layout_give(p, TOK_STRING, at);
		p->ended = true;
		return;
	}
	unclosed_string(p, trimmed(p, at), "'");
	layout_give(p, p->previous == TOK_EXPECT ? TOK_LABEL : TOK_STRING, at);
	give_after(p, at);
}
