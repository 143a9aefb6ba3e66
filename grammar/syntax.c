/* syntax.c: what the grammar's errors say.
 *
 * The grammar knows a token that it cannot take and those it could take instead. Since almost every word may
 * begin a line and almost every operator go on an expression, that list is cut down to what an author would
 * say; and where the fault is a known one (a misspelt word, a bracket left open, a word in the wrong block),
 * it gets words of its own.
 *
 * One error a line: the parser is muted until the next line or block.
 */
#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"

void syntax_recovered(struct parser *p)
{
	p->recovering = false;
	p->muted = false;
}

bool syntax_wants_expected(const struct parser *p)
{
	return !p->muted && p->diags->kept < DIAG_MAX_KEPT;
}

void syntax_too_deep(struct parser *p, struct span at)
{
	p->stopped = true;
	if (p->too_deep)
		return;
	p->too_deep = true;
	diag_error(p->diags, "E0108", at, "nested more than %d levels deep", RUNPLAN_MAX_DEPTH);
}

static const char *closer_text(int opener)
{
	switch (opener) {
	case TOK_LPAREN:
		return ")";
	case TOK_LBRACKET:
		return "]";
	case TOK_STRING_OPEN:
	case TOK_LABEL_OPEN:
		return "\"";
	default:
		return "}";
	}
}

void syntax_unclosed(struct parser *p, const struct frame *frame, struct span noticed, const char *instead)
{
	bool is_brace = frame->opener == TOK_LBRACE;
	struct span opener = is_brace && p->has_late ? p->late_opener : frame->span;
	struct diag *d;

	if (p->muted)
		return;
	p->muted = true;
	d = diag_error(p->diags, "E0111", opener, "this `%.*s` is never closed",
		       (int)(opener.to - opener.from), p->text + opener.from);
	if (is_brace && p->has_late)
		diag_secondary(d, p->late_closer, "this one closes it, but stands further left");
	else if (instead)
		diag_secondary(d, noticed, "expected `%s`", instead);
	else if (noticed.from < p->length && p->text[noticed.from] != '\n')
		diag_secondary(d, noticed, "expected `%s` before this", closer_text(frame->opener));
	p->has_late = false;
}

/* ---- words at the beginning of a line ---- */

static bool misplaced(struct diag *d, const char *word)
{
	const char *home = words_home(word);

	if (home)
		diag_hint(d, "`%s` stands %s", word, home);
	return home != NULL;
}

void syntax_suggest_line(struct parser *p, struct diag *d, struct span at)
{
	const char *words[WORDS_MAX];
	size_t count = words_starting(brackets_block(p), words);
	const char *word = parser_copy(p, at);
	const char *near = suggest_name(word, words, count);

	if (misplaced(d, word))
		return;
	if (near)
		diag_hint(d, "did you mean `%s`?", near);
}

/* The line begins with a name that begins no line here; `next` is what comes after it. */
static void unknown_line(struct parser *p, struct span word, struct span next)
{
	enum block block = brackets_block(p);
	const char *text = parser_copy(p, word);
	struct diag *d;

	if (words_home(text))
		d = diag_error(p->diags, "E0114", word, "`%s` cannot stand here", text);
	else if (block == BLOCK_STATEMENTS || block == BLOCK_FILE || block == BLOCK_PARTS)
		d = diag_error(p->diags, "E0114", word, "`%s` begins no %s", text,
			       block == BLOCK_FILE ? "item" : "statement");
	else
		d = diag_error(p->diags, "E0114", word, "`%s` begins no line of this block", text);
	syntax_suggest_line(p, d, word);
	if (!d->hint && (p->text[next.from] == '"' || p->text[next.from] == '\''))
		diag_hint(d, "the arguments of a call stand between ( and )");
}

/* ---- what was expected ---- */

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

static const char *const OPERAND[] = {
    "a name",
    "a number",
    "a string",
    "the beginning of a string",
    "the `{` of a record",
    "(",
    "[",
    "-",
    "not",
    "true",
    "false",
    "null",
    "if",
    "match",
    NULL,
};

static const char *const CONTINUATION[] = {
    "or", "and", "==", "!=", "<", "<=",	 ">",  ">=", "in", "matches", "??",
    "..", "+",	 "-",  "*",  "/", "mod", "as", ".",  "[",  "(",	      NULL,
};

#define CONTINUATIONS ((int)(sizeof(CONTINUATION) / sizeof(*CONTINUATION)) - 1)

static bool contains(const char *const *names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Lists of names in messages: the tokens' own (words and marks between backquotes), or phrases. */
struct phrases {
	const char *list[8];
	int count;
	bool too_many;
};

static void add_phrase(struct phrases *phrases, const char *phrase)
{
	if (phrases->count == 8) {
		phrases->too_many = true;
		return;
	}
	phrases->list[phrases->count++] = phrase;
}

static bool is_phrase(const char *name)
{
	return strncmp(name, "a ", 2) == 0 || strncmp(name, "the ", 4) == 0;
}

static const char *quoted(struct parser *p, const char *name)
{
	if (strncmp(name, "the `{`", 7) == 0)
		return "`{`";
	if (strncmp(name, "the `}`", 7) == 0)
		return "`}`";
	return is_phrase(name) ? name : arena_printf(p->arena, "`%s`", name);
}

static struct phrases summarize(struct parser *p, const char *const *expected, int count)
{
	struct phrases phrases = {.count = 0};
	bool operand = contains(expected, count, "a number") && contains(expected, count, "(");
	bool continuation = contains(expected, count, "+");
	bool line = contains(expected, count, "let");
	bool line_end = contains(expected, count, "the end of the line");
	bool after_operand = words_ends_operand(p->previous);

	if (contains(expected, count, ","))
		add_phrase(&phrases, "`,`");
	if (line)
		add_phrase(&phrases, brackets_block(p) == BLOCK_FILE ? "an item" : "a statement");
	else if (operand)
		add_phrase(&phrases, "an expression");
	for (int i = 0; i < count && !line; i++) {
		if ((operand && is_one_of(expected[i], OPERAND)) ||
		    ((continuation || line_end) && is_one_of(expected[i], CONTINUATION)))
			continue;
		if (after_operand && count > 1 &&
		    is_one_of(expected[i], (const char *const[]){"(", "[", ".", NULL}))
			continue;
		if (line_end &&
		    (strcmp(expected[i], "}") == 0 || strcmp(expected[i], "the end of the file") == 0))
			continue;
		if (is_one_of(expected[i], (const char *const[]){",", "the beginning of a string",
								 "the beginning of the label", NULL}))
			continue;
		add_phrase(&phrases, quoted(p, expected[i]));
	}
	return phrases;
}

static const char *join(struct parser *p, const struct phrases *phrases)
{
	const char *text = "";

	for (int i = 0; i < phrases->count; i++)
		text = arena_printf(p->arena, "%s%s%s", text,
				    i == 0		      ? ""
				    : i == phrases->count - 1 ? " or "
							      : ", ",
				    phrases->list[i]);
	return text;
}

/* What stands there, in words. */
static const char *found_text(struct parser *p, struct span at, const char *found)
{
	if (strncmp(found, "the end of", 10) == 0)
		return found;
	if (strstr(found, "string") || strstr(found, "label"))
		return "a string";
	return arena_printf(p->arena, "`%.*s`", (int)(at.to - at.from), p->text + at.from);
}

static const char *nearest(struct parser *p, struct span at, const char *const *expected, int count)
{
	const char *words[WORDS_MAX];
	size_t found = 0;

	if (!is_letter(p->text[at.from]) || p->text[at.to - 1] == ':')
		return NULL;
	for (int i = 0; i < count && found < WORDS_MAX; i++)
		if (!is_phrase(expected[i]) && is_letter(expected[i][0]))
			words[found++] = expected[i];
	return suggest_name(parser_copy(p, at), words, found);
}

/* What other languages write. */
static void hint_at_mark(struct parser *p, struct diag *d, const char *found, const char *const *expected,
			 int count)
{
	if (strcmp(found, "=") == 0 && contains(expected, count, "=="))
		diag_hint(d, "`==` compares");
	else if (strcmp(found, "==") == 0 && contains(expected, count, "="))
		diag_hint(d, "`=` gives a value");
	else if (strcmp(found, "|") == 0 && contains(expected, count, "or"))
		diag_hint(d, "did you mean `or`?");
	else if (strcmp(found, "not") == 0 && contains(expected, count, "in"))
		diag_hint(d, "write `not a in b`");
	else if (strcmp(found, "a name with `:`") == 0 && (p->previous == TOK_LET || p->previous == TOK_VAR))
		diag_hint(d, "the type follows from the value: write it without");
	else if (strcmp(found, "a name with `:`") == 0 && p->previous == TOK_VALUE_OPEN)
		diag_hint(d,
			  "after `=>` and in an `if` braces hold one expression: write a record as ({ … })");
	else if (p->previous_began_arm && words_home(parser_copy(p, p->previous_span)))
		diag_hint(d, "a statement in an arm stands between { and }");
}

static void generic(struct parser *p, struct span at, const char *found, const char *const *expected,
		    int count)
{
	struct phrases phrases = summarize(p, expected, count);
	const char *what = found_text(p, at, found);
	const char *near = nearest(p, at, expected, count);
	struct diag *d;

	if (phrases.count && !phrases.too_many)
		d = diag_error(p->diags, "E0110", at, "expected %s, found %s", join(p, &phrases), what);
	else
		d = diag_error(p->diags, "E0110", at, "%s does not fit here", what);
	if (p->token_is_first && !strstr(found, "the end of") && !p->at_start)
		diag_secondary(d, p->previous_span, "after this");
	if (near)
		diag_hint(d, "did you mean `%s`?", near);
	else
		hint_at_mark(p, d, found, expected, count);
}

/* ---- known faults ---- */

static const char *const COMPARISONS[] = {"==", "!=", "<", "<=", ">", ">=", "in", "matches", NULL};

/* a < b < c: an operand has just ended, yet no comparison may follow. */
static bool chained_comparison(struct parser *p, const char *found, const char *const *expected, int count)
{
	return is_one_of(found, COMPARISONS) && words_ends_operand(p->previous) &&
	       contains(expected, count, "and") && !contains(expected, count, "==");
}

/* The innermost bracket, not counting the one that `at` itself opens. */
static const struct frame *frame_around(struct parser *p, struct span at)
{
	const struct frame *frame = brackets_frame(p);

	return p->depth && frame->span.from == at.from ? frame - 1 : frame;
}

/* A token at the beginning of a line, no deeper than the line on which a bracket that is no block's was
 * opened. */
static bool bracket_left_open(struct parser *p, const struct frame *around)
{
	return p->token_is_first && p->indent <= around->indent && around->opener &&
	       around->opener != TOK_LBRACE && !brackets_in_multiline(p);
}

/* Punctuation that no operand and no block begins with. */
static bool is_mark(const char *name)
{
	return !is_phrase(name) && !is_letter(name[0]) && !strchr("{([", name[0]);
}

static bool known_fault(struct parser *p, struct span at, const char *found, const char *const *expected,
			int count)
{
	struct frame *frame = brackets_frame(p);

	if (bracket_left_open(p, frame_around(p, at))) {
		syntax_unclosed(p, frame_around(p, at), at, NULL);
		p->unclosed_line = true;
	} else if (frame->opener == TOK_STRING_OPEN &&
		   p->frames[p->depth - 1].opener == TOK_INTERPOLATION_OPEN) {
		syntax_unclosed(p, frame - 1, at, NULL);
	} else if (frame->opener == TOK_INTERPOLATION_OPEN && strcmp(found, "a string") == 0) {
		syntax_unclosed(p, frame, at, NULL);
	} else if (p->previous == TOK_NAME && p->previous_began_line && frame->block != BLOCK_ASSIGNMENTS &&
		   !is_mark(found)) {
		unknown_line(p, p->previous_span, at);
	} else if (p->previous == TOK_NAME && p->previous_began_line &&
		   contains(CONTINUATION, CONTINUATIONS, found)) {
		diag_error(p->diags, "E0119", span_join(p->previous_span, at),
			   "an expression alone is a statement only if it is a call");
	} else if (strcmp(found, "a name") == 0 && p->at_start) {
		unknown_line(p, at, at);
	} else if (p->previous == TOK_EXPECT && p->previous_began_line) {
		diag_hint(diag_error(p->diags, "E0124", p->previous_span, "an `expect` begins with a label"),
			  "write `expect \"what must be true\" …`: the report shows it");
	} else if (p->previous == TOK_PARAM) {
		diag_hint(diag_error(p->diags, "E0117", at, "a param has a type"), "write `param %s: string`",
			  strcmp(found, "a name") == 0 ? parser_copy(p, at) : "name");
	} else if (chained_comparison(p, found, expected, count)) {
		diag_hint(diag_error(p->diags, "E0125", at, "comparisons are not chained"),
			  "write `a < b and b < c`");
	} else {
		return false;
	}
	return true;
}

void syntax_error(struct parser *p, struct span at, const char *found, const char *const *expected, int count)
{
	p->recovering = true;
	if (p->muted)
		return;
	if (!known_fault(p, at, found, expected, count))
		generic(p, at, found, expected, count);
	p->muted = true;
}
