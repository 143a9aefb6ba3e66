/* strange.c: characters that are no token: what other languages, shells and word processors write. Where it
 * is clear what was meant, the grammar is given that, so that nothing follows from the mistake. */
#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"
#include "grammar/utf8.h"

struct strange {
	const char *text;
	int token; /* what the grammar is given; 0: nothing that it can take, and the rest of the line is
		      muted */
	const char *hint;
};

#define DOUBLE_QUOTE "a string stands between \" and \", the ordinary ones"
#define SINGLE_QUOTE "a raw string stands between ' and ', the ordinary ones"

static const struct strange STRANGE[] = {
    {"&&", TOK_AND, "did you mean `and`?"},
    {"&", TOK_AND, "did you mean `and`?"},
    {"||", TOK_OR, "did you mean `or`?"},
    {"!", TOK_NOT, "did you mean `not`?"},
    {"===", TOK_EQ, "did you mean `==`?"},
    {"!==", TOK_NE, "did you mean `!=`?"},
    {"\u2264", TOK_LE, "did you mean `<=`?"},
    {"\u2265", TOK_GE, "did you mean `>=`?"},
    {"\u2260", TOK_NE, "did you mean `!=`?"},
    {"\u2013", TOK_MINUS, "did you mean `-`?"},
    {"\u2014", TOK_MINUS, "did you mean `-`?"},
    {"\u2212", TOK_MINUS, "did you mean `-`?"},
    {"\u2026", TOK_RANGE, "did you mean `..`?"},
    {"\u00d7", TOK_STAR, "did you mean `*`?"},
    {"\u201c", 0, DOUBLE_QUOTE},
    {"\u201d", 0, DOUBLE_QUOTE},
    {"\u201e", 0, DOUBLE_QUOTE},
    {"\u00ab", 0, DOUBLE_QUOTE},
    {"\u2018", 0, SINGLE_QUOTE},
    {"\u2019", 0, SINGLE_QUOTE},
    {"?", 0, "`if c { a } else { b }` is an expression too; `a ?? b` is b where a is null"},
    {"**", 0, "there is no power: write the product"},
    {"<<", 0, "a text over several lines stands between \"\"\" and \"\"\""},
    {">>", 0, NULL},
};

/* Letters of other alphabets that look like these. */
static const struct {
	const char *letters;
	char alike;
} ALIKE[] = {
    {"\u0430\u03b1", 'a'}, {"\u0441", 'c'}, {"\u0435", 'e'}, {"\u0456", 'i'}, {"\u0458", 'j'},
    {"\u043e\u03bf", 'o'}, {"\u0440", 'p'}, {"\u0455", 's'}, {"\u0445", 'x'}, {"\u0443", 'y'},
    {"\u0410\u0391", 'A'}, {"\u0412", 'B'}, {"\u0421", 'C'}, {"\u0415", 'E'}, {"\u041d", 'H'},
    {"\u041a", 'K'},	   {"\u041c", 'M'}, {"\u041e", 'O'}, {"\u0420", 'P'}, {"\u0422", 'T'},
    {"\u0425", 'X'},	   {"\u03bd", 'v'},
};

static struct diag *report(struct parser *p, struct span at)
{
	return diag_error(p->diags, "E0105", at, "`%s` means nothing here", parser_copy(p, at));
}

static const struct strange *find(const struct parser *p, struct span at)
{
	for (size_t i = 0; i < sizeof(STRANGE) / sizeof(*STRANGE); i++)
		if (strlen(STRANGE[i].text) == at.to - at.from &&
		    memcmp(STRANGE[i].text, p->text + at.from, at.to - at.from) == 0)
			return &STRANGE[i];
	return NULL;
}

/* A letter of another alphabet, a joiner, an emoji: said with its number, since it may look like another or
 * like nothing. `at` may be a word that holds such letters. */
static void report_character(struct parser *p, struct span at)
{
	struct span letter = {at.file, at.from, at.to};
	uint32_t code = 0;
	struct diag *d;

	while ((unsigned char)p->text[letter.from] < 0x80)
		letter.from++;
	letter.to = letter.from + (uint32_t)utf8_decode(p->text + letter.from, at.to - letter.from, &code);
	if (utf8_is_invisible(code)) {
		diag_hint(diag_error(p->diags, "E0105", at, "U+%04X is invisible and means nothing here",
				     (unsigned)code),
			  "delete it");
		return;
	}
	if (code == 0xa0 || code == 0x202f || code == 0x3000 || (code >= 0x2000 && code <= 0x200a)) {
		diag_hint(
		    diag_error(p->diags, "E0105", letter, "U+%04X is no ordinary blank", (unsigned)code),
		    "write a blank in its place");
		return;
	}
	d = diag_error(p->diags, "E0105", letter, "`%s` (U+%04X) means nothing here", parser_copy(p, letter),
		       (unsigned)code);
	for (size_t i = 0; i < sizeof(ALIKE) / sizeof(*ALIKE); i++)
		if (strstr(ALIKE[i].letters, parser_copy(p, letter))) {
			diag_hint(d, "it looks like the letter `%c` and is another", ALIKE[i].alike);
			return;
		}
	diag_hint(d, "names are made of a to z, A to Z, 0 to 9 and _; other characters stand in strings");
}

/* Whether a word or a character is of no ASCII letters only. */
static bool is_strange_word(const struct parser *p, struct span at)
{
	for (uint32_t i = at.from; i < at.to; i++)
		if ((unsigned char)p->text[i] >= 0x80)
			return true;
	return false;
}

static uint32_t behind_blanks(const struct parser *p, uint32_t offset)
{
	while (p->text[offset] == ' ' || p->text[offset] == '\t')
		offset++;
	return offset;
}

bool strange_percent(const struct parser *p, uint32_t offset)
{
	uint32_t sign = behind_blanks(p, offset), next;

	if (sign == offset || p->text[sign] != '%')
		return false;
	next = behind_blanks(p, sign + 1);
	return !is_letter(p->text[next]) && !is_digit(p->text[next]);
}

static int percent_sign(struct parser *p, struct span at)
{
	struct diag *d = report(p, at);

	if (p->previous == TOK_NUMBER && strange_percent(p, p->previous_span.to)) {
		diag_hint(d, "did you mean `%s%%`?", parser_copy(p, p->previous_span));
		p->muted = true;
		return TOK_RAW_UNKNOWN;
	}
	if (p->previous == TOK_STRING || p->previous == TOK_STRING_CLOSE) {
		diag_hint(d, "a value stands in the string: \"… ${x} …\"");
		p->muted = true;
		layout_give(p, TOK_RAW_UNKNOWN, at);
		return TOK_RAW_UNKNOWN;
	}
	diag_hint(d, "did you mean `mod`?");
	return TOK_MOD;
}

/* $name and ${name} in code; $HOME is the shell's. */
static int dollar(struct parser *p, struct span *at)
{
	struct span name = {at->file, at->from + 1, at->to};
	const char *word;

	if (p->text[name.from] == '{') {
		name.from++;
		name.to--;
	}
	word = parser_copy(p, name);
	if (strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") == strlen(word)) {
		diag_hint(report(p, *at), "`env.get(\"%s\")` reads the environment", word);
		p->muted = true;
		layout_give(p, TOK_RAW_UNKNOWN, *at);
		return TOK_RAW_UNKNOWN;
	}
	diag_hint(report(p, *at), "outside of strings a value is read by its name: `%s`", word);
	*at = name;
	return TOK_NAME;
}

/* http://host/path without quotes. `at` goes to the end of the line: closers behind the address still close.
 */
static void address(struct parser *p, struct diag *d, struct span at)
{
	uint32_t end = at.from;

	while (end < at.to && !strchr(" \t,()[]{}\"'", p->text[end]))
		end++;
	diag_hint(d, "an address is a string: \"%s%s\"", parser_copy(p, p->previous_span),
		  parser_copy(p, (struct span){at.file, at.from, end}));
	p->muted = true;
	for (; end < at.to; end++)
		if (p->text[end] == ')')
			brackets_close(p, TOK_RPAREN, (struct span){at.file, end, end + 1});
}

static void comment(struct parser *p, struct span at)
{
	struct span mark = {at.file, at.from, at.from + 2};
	struct diag *d = report(p, mark);

	if (p->previous == TOK_KEY && p->previous_span.to == at.from)
		address(p, d, at);
	else
		diag_hint(d, "a comment begins with `#`");
	/* Of one over several lines nothing is read. Where none ends, the rest of the text is searched once. */
	if (p->text[at.from + 1] == '*' && !p->comments_open) {
		const char *end = strstr(p->text + at.from + 2, "*/");

		p->comments_open = !end;
		p->comment_end = end ? (uint32_t)(end + 2 - p->text) : 0;
	}
}

static void assignment(struct parser *p, struct span at)
{
	struct diag *d = report(p, at);

	if (p->previous == TOK_NAME)
		diag_hint(d, "write `%s = %s %c %s`", parser_copy(p, p->previous_span),
			  parser_copy(p, p->previous_span), p->text[at.from],
			  p->text[at.from + 1] == '=' ? "…" : "1");
	p->muted = true;
	layout_give(p, TOK_RAW_UNKNOWN, at);
}

/* `;` ends a line of a list, as a newline would. */
static void semicolon(struct parser *p, struct span at)
{
	diag_hint(report(p, at), "a statement ends with its line, without a mark");
	if (!brackets_frame(p)->has_lines || words_hold_line(p->previous))
		return;
	p->newline_pending = true;
	p->newline = at;
}

static void backslash(struct parser *p, struct span at)
{
	diag_hint(report(p, at),
		  "a line goes on in the next after an operator or a comma, and inside of brackets");
	p->muted = true;
	p->continues = true;
}

int strange_token(struct parser *p, struct span *at)
{
	const char *text = p->text + at->from;
	bool reported = source_get(p->sources, p->file)->text[at->from] != *text;
	const struct strange *known = find(p, *at);

	if (p->muted || reported) {
		p->muted = true;
	} else if (known) {
		struct diag *d = report(p, *at);

		if (known->hint)
			diag_hint(d, "%s", known->hint);
		p->muted = !known->token;
		if (!known->token)
			layout_give(p, TOK_RAW_UNKNOWN, *at);
	} else if (*text == '%') {
		return percent_sign(p, *at);
	} else if (*text == '$' && at->to > at->from + 1) {
		return dollar(p, at);
	} else if (text[0] == '/' && text[1] != '=') {
		comment(p, *at);
	} else if (*text == ';') {
		semicolon(p, *at);
	} else if (*text == '\\') {
		backslash(p, *at);
	} else if (at->to == at->from + 2 && (text[1] == '=' || text[1] == '+')) {
		assignment(p, *at);
	} else if (*text == '`') {
		diag_hint(diag_error(p->diags, "E0105", *at, "backquotes mean nothing here"),
			  "a string stands between \" and \"; `sh(\"…\")` runs a line of shell");
		p->muted = true;
		layout_give(p, TOK_RAW_UNKNOWN, *at);
	} else if (is_strange_word(p, *at)) {
		report_character(p, *at);
		p->muted = true;
		layout_give(p, TOK_RAW_UNKNOWN, *at);
	} else {
		report(p, *at);
		p->muted = true;
		layout_give(p, TOK_RAW_UNKNOWN, *at);
	}
	return known && known->token && !reported ? known->token : TOK_RAW_UNKNOWN;
}

static bool is_word(const struct parser *p, struct span at, const char *word)
{
	return strlen(word) == at.to - at.from && memcmp(p->text + at.from, word, at.to - at.from) == 0;
}

bool strange_else_if(struct parser *p, struct span at)
{
	if (p->previous == TOK_RBRACE && brackets_frame(p)->head != TOK_IF)
		return false;
	if (!is_word(p, at, "elif") && !is_word(p, at, "elsif") && !is_word(p, at, "elseif"))
		return false;
	if (!p->muted)
		diag_hint(diag_error(p->diags, "E0105", at, "`%s` means nothing here", parser_copy(p, at)),
			  "write `else if`");
	p->newline_pending = false;
	brackets_note_keyword(p, TOK_ELSE);
	layout_give(p, TOK_ELSE, at);
	brackets_note_keyword(p, TOK_IF);
	layout_give(p, TOK_IF, at);
	return true;
}

bool strange_prefix(struct parser *p, struct span at)
{
	if (at.to - at.from > 2 || !strchr("rfbuRFBU", p->text[at.from]) ||
	    p->previous == TOK_DOT || p->previous == TOK_STEP || p->at_start)
		return false;
	if (!p->muted)
		diag_hint(diag_error(p->diags, "E0105", at, "a string has no prefix"),
			  "'…' is raw; in \"…\" ${x} stands for a value");
	p->muted = true;
	return true;
}

/* Whether a `,` must have been forgotten between an operand and this token, in a bracket that has commas. */
static bool comma_missing(const struct parser *p, int code, const struct frame *frame)
{
	bool record = frame->opener == TOK_RECORD_OPEN;

	if (p->muted || p->recovering || p->skip_depth)
		return false;
	if (p->token_is_first && p->indent <= frame->indent && !brackets_in_multiline(p))
		return false;
	switch (code) {
	case TOK_KEY:
		return true;
	case TOK_LBRACE:
		return !record && p->token_is_first && frame->value_block == BLOCK_NOTHING;
	case TOK_NAME:
	case TOK_NUMBER:
	case TOK_STRING:
	case TOK_STRING_OPEN:
		return !record && (p->previous != TOK_NAME || p->token_is_first);
	default:
		return false;
	}
}

static bool ends_string(const struct parser *p)
{
	return p->previous == TOK_STRING || p->previous == TOK_STRING_CLOSE;
}

void strange_comma(struct parser *p, int code, struct span at)
{
	const struct frame *frame = brackets_frame(p);
	struct span place;

	if (!comma_missing(p, code, frame) || (code == TOK_NAME && words_classify(p, at) != TOK_NAME))
		return;
	place = layout_point(p, p->previous_span.to);
	if (code == TOK_NAME && at.from == p->previous_span.to && ends_string(p)) {
		diag_hint(diag_error(p->diags, "E0110", p->previous_span, "a string ends here, and a word follows"),
			  "a quote is missing before it: from there on each one stands for the other end of a string");
		p->muted = true;
	} else {
		diag_error(p->diags, "E0110", place, "a `,` is missing between these");
	}
	layout_give(p, TOK_COMMA, place);
}
