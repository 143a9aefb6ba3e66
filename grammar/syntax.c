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

#include "grammar/foreign.h"
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

static bool is_one_of(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

static bool misplaced(struct diag *d, const char *word)
{
	const char *home = words_home(word);

	if (strcmp(word, "every") == 0)
		diag_hint(d, "it stands on the line of its `within` or `retry`, or in a threshold");
	else if (home)
		diag_hint(d, "`%s` stands %s", word, home);
	return home != NULL;
}

/* What stands in the block that such a line opens is not judged unless it holds statements. */
static void expect_block_of(struct parser *p, const char *word)
{
	static const char *const OTHERS[] = {"switch", "case", "select", "variable", "input", "output", NULL};

	brackets_frame(p)->head = is_one_of(word, OTHERS) ? TOK_MATCH : words_token(word);
}

static void suggest_line(struct parser *p, struct diag *d, struct span at)
{
	const char *words[WORDS_MAX];
	size_t count = d->arena ? words_starting(brackets_block(p), words) : 0;
	const char *word = parser_copy(p, at);
	const char *near = d->arena ? suggest_name(word, words, count) : NULL;

	expect_block_of(p, near && !words_home(word) && !foreign_hint(FOREIGN_LINE, word) ? near : word);
	if (misplaced(d, word))
		return;
	if (foreign_hint(FOREIGN_LINE, word))
		diag_hint(d, "%s", foreign_hint(FOREIGN_LINE, word));
	else if (near)
		diag_hint(d, "did you mean `%s`?", near);
}

#define LINES_SHOWN 12

/* The words that begin a line of this block, where they are few. */
static void hint_lines(struct parser *p, struct diag *d, enum block block)
{
	const char *words[WORDS_MAX], *list = "";
	size_t count = words_starting(block, words);

	if (!count || count > LINES_SHOWN)
		return;
	for (size_t i = 0; i < count; i++)
		list = arena_printf(p->arena, "%s%s`%s`", list, i ? ", " : "", words[i]);
	diag_hint(d, "a line here begins with %s", list);
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
	suggest_line(p, d, word);
	if (!d->arena || d->hint)
		return;
	if (block != BLOCK_STATEMENTS) {
		hint_lines(p, d, block);
		return;
	}
	if (foreign_hint(FOREIGN_CALL, text))
		diag_hint(d, "%s", foreign_hint(FOREIGN_CALL, text));
	else if (p->text[next.from] == '"' || p->text[next.from] == '\'')
		diag_hint(d, "the arguments of a call stand between ( and )");
	else if (next.from > word.from && is_letter(p->text[next.from]))
		diag_hint(d, "a program is run with `exec([\"%s\", …])`, a line of shell with `sh(\"%s …\")`",
			  text, text);
}

/* ---- what was expected ---- */

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

/* The innermost bracket, not counting the one that `at` itself opens. */
static const struct frame *frame_around(struct parser *p, struct span at)
{
	const struct frame *frame = brackets_frame(p);

	return p->depth && frame->span.from == at.from ? frame - 1 : frame;
}

static bool is(const char *found, const char *what)
{
	return strcmp(found, what) == 0;
}

static bool is_line_end(const char *found)
{
	return strncmp(found, "the end of", 10) == 0 || is(found, "}");
}

#define BRACES "what is done stands between { and }, also where it is one line"

/* What fits after the word that began the line, and is often written otherwise. NULL: nothing is known. */
static const char *hint_of_head(struct parser *p, const struct frame *frame, struct span at,
				const char *found)
{
	const char *text = parser_copy(p, at);
	bool first = p->previous == frame->head;
	bool operand = words_ends_operand(p->previous);

	switch (frame->head) {
	case TOK_WAIT:
		if (first && is(found, "a number"))
			return "`hold 30s` lets time pass; `wait until cond within 30s` waits for something";
		if (first)
			return "write `wait until …`";
		return is(text, "timeout") || is(text, "in") || is(text, "for") ? "did you mean `within`?"
										: NULL;
	case TOK_HOLD:
		if (is(text, "for"))
			return "leave `for` out: `hold 5m`";
		return is(found, "a name") || is(found, "while") ? "write `hold 5m watching a, b`" : NULL;
	case TOK_RETRY:
		return "write `retry 3 every 5s`";
	case TOK_LOCK:
	case TOK_TIMEOUT:
	case TOK_EVERY:
	case TOK_AFTER:
	case TOK_ACTION:
	case TOK_MEASURE:
		return is(found, "=")
			   ? arena_printf(p->arena, "leave `=` out: `%s …`", parser_copy(p, p->previous_span))
			   : NULL;
	case TOK_ROLLBACK:
		if (p->previous == TOK_NONE)
			return "say why nothing has to be undone: `rollback none \"…\"`";
		return first ? "write `rollback { … }`, or `rollback none \"why\"`" : NULL;
	case TOK_REQUIRE:
		return is(found, ",") || is(found, "a string") ? "write `else \"…\"` before the message"
							       : NULL;
	case TOK_SKIP:
		return first ? "write `skip if cond because \"…\"`" : NULL;
	case TOK_EXPECT:
		if (is(found, ":"))
			return "leave `:` out";
		return is_line_end(found) ? "write the condition after the label, on this line or the next; "
					    "`manual \"…\"` is for what a person sees to"
					  : NULL;
	case TOK_MANUAL:
		return "write `manual \"what a person sees to\"`";
	case TOK_PARALLEL:
		return is(found, "for") ? "`for x in xs at most 4 at once { … }` runs side by side" : NULL;
	case TOK_FOR:
		if (is(text, "of"))
			return "did you mean `in`?";
		if (is(found, ","))
			return "one name goes through one list; a range is `0..3`";
		if (is(found, ":") || is(found, "a name with `:`"))
			return BRACES;
		if (first)
			return "write `for x in xs { … }`; a range is `0..3`";
		return operand ? "side by side is written `at most 2 at once`" : NULL;
	case TOK_PHASE:
		if (first)
			return "a phase has a title and no name: `phase \"…\" { … }`";
		return operand ? "the least and the most that is expected: `expect 5m..10m`" : NULL;
	case TOK_STEP:
		if (is(found, "a name with `:`"))
			return "the name has no `:`: `step name \"title\" { … }`";
		if (is(found, "-"))
			return "a name has `_` where others have `-`";
		if (is(found, "a name") && operand && !words_home(text))
			return "the name stands before the title: `step name \"title\" { … }`";
		return is(found, "{") ? "a step has a title: `step name \"title\" { … }`" : NULL;
	case TOK_IMPORT:
		if (is(found, ","))
			return "one file a line";
		return first ? "the path is a string: `import \"lib/tasks.plan\"`"
			     : "a name stands without quotes";
	case TOK_ENVIRONMENT:
		return is(found, "a string") ? "its name stands without quotes" : NULL;
	case TOK_SECRET:
		if (is_line_end(found))
			return "say where it comes from: `= env(\"NAME\")`, `= file(\"path\")`";
		return is(found, "a name with `:`") ? "a secret is a string: write it without a type" : NULL;
	case TOK_PARAM:
		if (is(found, "-"))
			return "a name has `_` where others have `-`";
		return p->previous == TOK_NAME &&
			       (is(text, "default") || is(found, "a name") || is(found, "a number"))
			   ? "a default is written `= …`"
			   : NULL;
	case TOK_LET:
	case TOK_VAR:
		return is_line_end(found) && p->previous == TOK_NAME ? "give it a value: `= …`" : NULL;
	case TOK_FUNC:
	case TOK_TASK:
		return is(found, "->")
			   ? "the type of the answer stands after `:`, as in `f(n: int): int { … }`"
			   : NULL;
	case TOK_IF:
	case TOK_WHILE:
		return p->previous == TOK_RPAREN || is(found, "a name with `:`") || is(text, "then") ||
			       is(text, "do") || is_line_end(found)
			   ? BRACES
			   : NULL;
	case TOK_TRY:
		if (is(text, "finally"))
			return "write `catch problem { … }`; `finally { … }` is a clause of a step";
		return "write `catch problem { … }`";
	case TOK_MUST:
		return "write the bound with its comparison: `must < 5%`";
	case TOK_NO:
		return "write `no data tolerate 3`, `no data fail`, `no data ask` or `no data ok`";
	default:
		return NULL;
	}
}

/* Whether the word is a type here or elsewhere: only to guess whether an author wrote `int n` or `n int`. */
static bool names_type(const char *word)
{
	static const char *const types[] = {"bool",   "int",  "float", "percent", "duration", "size", "time",
					    "string", "path", "url",   "list",	  "record",   "any",  NULL};

	return is_one_of(word, types) || foreign_hint(FOREIGN_TYPE, word);
}

static const char *hint_of_parameters(struct parser *p, struct span at, const char *found)
{
	int head = p->depth ? brackets_frame(p)[-1].head : 0;

	if (p->previous != TOK_NAME || !is(found, "a name") || (head != TOK_FUNC && head != TOK_TASK))
		return NULL;
	if (names_type(parser_copy(p, p->previous_span)))
		return arena_printf(p->arena, "write `%s: %s`", parser_copy(p, at),
				    parser_copy(p, p->previous_span));
	return arena_printf(p->arena, "write `%s: %s`", parser_copy(p, p->previous_span), parser_copy(p, at));
}

/* What other languages write between brackets. */
static const char *hint_of_bracket(struct parser *p, struct span at, const char *found)
{
	const struct frame *frame = brackets_frame(p);
	const char *before = parser_copy(p, p->previous_span), *text = parser_copy(p, at);

	if (frame->opener == TOK_LPAREN && is(found, "=") && p->previous == TOK_NAME)
		return arena_printf(p->arena, "an argument is named with `:`: `%s: …`", before);
	if (frame->opener == TOK_LPAREN && is(found, "=>"))
		return "there are no lambdas: `[f(x) for x in xs]` builds a list";
	if (frame->opener == TOK_RECORD_OPEN && p->previous == TOK_RECORD_OPEN && is(found, "a name") &&
	    p->depth && frame[-1].opener == TOK_INTERPOLATION_OPEN)
		return arena_printf(p->arena, "one pair of braces: `${%s}`", text);
	if (frame->opener == TOK_RECORD_OPEN && is(found, "a name"))
		return arena_printf(p->arena, "a key has a `:`: `%s: …`", text);
	if (frame->opener == TOK_RECORD_OPEN && (is(found, "=") || is(found, "=>")))
		return "a key has a `:`: `{ key: value }`";
	if (frame->block == BLOCK_ASSIGNMENTS && is(found, "a name with `:`"))
		return arena_printf(p->arena, "`=` gives a value: `%.*s = …`", (int)strcspn(text, ": \t"),
				    text);
	if (frame->block == BLOCK_ASSIGNMENTS && p->previous == TOK_NAME && is(found, "a name"))
		return "one value a line: `name = value`";
	if (frame->block == BLOCK_ASSIGNMENTS && is(found, "a string") && p->previous == TOK_NAME)
		return "`=` gives a value: `name = value`";
	if ((frame->block == BLOCK_ARMS || frame->block == BLOCK_VALUE_ARMS) &&
	    (is(found, ":") || is(found, "->") || is(found, "{")))
		return "an arm is written `\"a\" => { … }`";
	return hint_of_parameters(p, at, found);
}

static const char *hint_of_line_start(struct parser *p, struct span at, const char *found)
{
	const char *text = parser_copy(p, at);

	if (!p->at_start)
		return NULL;
	if (is(found, "-"))
		return p->text[at.to] == '-'
			   ? "a comment begins with `#`"
			   : "there are no lists of lines: items stand between [ and ], with commas";
	if (!is(found, "a name with `:`") || brackets_frame(p)->block == BLOCK_ASSIGNMENTS)
		return NULL;
	text = parser_copy(p, (struct span){at.file, at.from, at.from + (uint32_t)strcspn(text, ": \t")});
	if (words_home(text))
		return arena_printf(p->arena, "leave `:` out: `%s …`", text);
	return arena_printf(p->arena, "`let %s = …` declares a constant, `%s = …` assigns a variable", text,
			    text);
}

/* 60 seconds */
static const char *hint_of_unit(struct parser *p, struct span at, const char *found)
{
	const char *number = parser_copy(p, p->previous_span), *unit;

	if (p->previous != TOK_NUMBER || !is(found, "a name") || p->token_is_first ||
	    strspn(number, "0123456789._") != strlen(number))
		return NULL;
	unit = literal_unit_meant(parser_copy(p, at));
	return unit ? arena_printf(p->arena, "a number and its unit are one word: `%s%s`", number, unit)
		    : NULL;
}

/* What other languages write. */
static void hint_at_mark(struct parser *p, struct diag *d, struct span at, const char *found,
			 const char *const *expected, int count)
{
	const struct frame *frame = frame_around(p, at);
	const char *hint = hint_of_line_start(p, at, found);

	if (!hint)
		hint = hint_of_unit(p, at, found);
	if (!hint)
		hint = hint_of_bracket(p, at, found);
	if (!hint && frame->head && (p->previous != TOK_RBRACE || frame->head == TOK_TRY))
		hint = hint_of_head(p, frame, at, found);
	if (hint)
		diag_hint(d, "%s", hint);
	else if (is(found, "/") && p->previous == TOK_MATCHES)
		diag_hint(d, "a pattern is a string: '^v[0-9]+$'");
	else if (is(found, "=") && contains(expected, count, "=="))
		diag_hint(d, "`==` compares");
	else if (is(found, "==") && contains(expected, count, "="))
		diag_hint(d, "`=` gives a value");
	else if (is(found, "|"))
		diag_hint(
		    d,
		    "calls stand in each other, as in `text.lines(sh(\"…\").stdout)`; `or` joins conditions");
	else if (is(found, "not") && (contains(expected, count, "in") || contains(expected, count, "and")))
		diag_hint(d, "write `not a in b`");
	else if (strcmp(parser_copy(p, at), "is") == 0)
		diag_hint(d, "`==` and `!=` compare: `x == null`");
	else if (is(found, "catch"))
		diag_hint(d,
			  "`catch` stands behind the `}` of a `try { … }`; `on failure { … }` is a handler");
	else if (is(found, "a name with `:`") && (p->previous == TOK_LET || p->previous == TOK_VAR))
		diag_hint(d, "the type follows from the value: write it without");
	else if (is(found, "a name with `:`") && p->previous == TOK_VALUE_OPEN)
		diag_hint(d,
			  "after `=>` and in an `if` braces hold one expression: write a record as ({ … })");
	else if (p->previous_began_arm && words_home(parser_copy(p, p->previous_span)))
		diag_hint(d, "a statement in an arm stands between { and }: `=> { %s … }`",
			  parser_copy(p, p->previous_span));
	else if (contains(expected, count, "else") && is_line_end(found))
		diag_hint(d, "as a value, an `if` has both arms: `if c { a } else { b }`");
	else if (is(found, "a string") && p->previous == TOK_NAME &&
		 words_home(parser_copy(p, p->previous_span)))
		diag_hint(d, "`%s` is a statement and gives no value", parser_copy(p, p->previous_span));
	else if (p->previous == TOK_RBRACKET && is(found, "="))
		diag_hint(d, "a list or record is not changed in place: build a new one and assign that");
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
		hint_at_mark(p, d, at, found, expected, count);
}

/* ---- known faults ---- */

static const char *const COMPARISONS[] = {"==", "!=", "<", "<=", ">", ">=", "in", "matches", NULL};

/* a < b < c: an operand has just ended, yet no comparison may follow. */
static bool chained_comparison(struct parser *p, const char *found, const char *const *expected, int count)
{
	if (strcmp(found, "in") == 0 && brackets_frame(p)->head == TOK_WAIT)
		return false;
	return is_one_of(found, COMPARISONS) && words_ends_operand(p->previous) &&
	       contains(expected, count, "and") && !contains(expected, count, "==");
}

/* A token at the beginning of a line, no deeper than the line on which a bracket that is no block's was
 * opened. */
static bool bracket_left_open(struct parser *p, const struct frame *around)
{
	return p->token_is_first && p->indent <= around->indent && around->opener &&
	       around->opener != TOK_LBRACE && !brackets_in_multiline(p);
}

void syntax_alone(struct parser *p, struct span at)
{
	const char *text = parser_copy(p, at);
	struct diag *d;

	if (p->muted)
		return;
	d = diag_error(p->diags, "E0119", at, "an expression alone is a statement only if it is a call");
	suggest_line(p, d, at);
	if (d->hint)
		return;
	if (strchr(text, '<') || strchr(text, '>') || strstr(text, "=="))
		diag_hint(d, "`require cond else \"…\"` is a guard, `expect \"label\" cond` a check");
	else if (strspn(text, "abcdefghijklmnopqrstuvwxyz_0123456789.") == strlen(text))
		diag_hint(d, "a call has parentheses: `%s(…)`", text);
}

/* Punctuation that no operand and no block begins with. */
static bool is_mark(const char *name)
{
	return !is_phrase(name) && !is_letter(name[0]) && !strchr("{([", name[0]);
}

static void param_without_type(struct parser *p, struct span at, const char *found)
{
	struct diag *d = diag_error(p->diags, "E0117", at, "a param has a type");

	if (is(found, "a name") && p->text[at.to] == ' ' && is_letter(p->text[at.to + 1]) &&
	    names_type(parser_copy(p, at)))
		diag_hint(d, "the name stands first, then its type: `param name: %s`", parser_copy(p, at));
	else
		diag_hint(d, "write `param %s: string`", is(found, "a name") ? parser_copy(p, at) : "name");
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
		syntax_alone(p, span_join(p->previous_span, at));
	} else if (strcmp(found, "a name") == 0 && p->at_start) {
		unknown_line(p, at, at);
	} else if (p->previous == TOK_EXPECT && p->previous_began_line) {
		diag_hint(diag_error(p->diags, "E0124", p->previous_span, "an `expect` begins with a label"),
			  "write `expect \"what must be true\" …`: the report shows it");
	} else if (p->previous == TOK_PARAM && p->text[at.to] == '-') {
		diag_hint(diag_error(p->diags, "E0110", layout_point(p, at.to), "a name has no `-`"),
			  "names have `_` where others have `-`: `param %s_…`", parser_copy(p, at));
	} else if (p->previous == TOK_PARAM) {
		param_without_type(p, at, found);
	} else if (chained_comparison(p, found, expected, count)) {
		diag_hint(diag_error(p->diags, "E0125", at, "comparisons are not chained"),
			  "write `a < b and b < c`");
	} else {
		return false;
	}
	return true;
}

/* What is further in below such a line goes on with it, and is no block. */
static bool has_no_block(int head)
{
	return head == TOK_WAIT || head == TOK_HOLD || head == TOK_REQUIRE || head == TOK_SKIP;
}

/* The indentation of the line that holds `offset`, in bytes. */
static uint32_t indent_of(const struct parser *p, uint32_t offset)
{
	uint32_t from = offset, to;

	while (from > 0 && p->text[from - 1] != '\n')
		from--;
	for (to = from; p->text[to] == ' ' || p->text[to] == '\t';)
		to++;
	return to - from;
}

void syntax_error(struct parser *p, struct span at, const char *found, const char *const *expected, int count)
{
	p->recovering = true;
	if (p->muted)
		return;
	if (!known_fault(p, at, found, expected, count))
		generic(p, at, found, expected, count);
	p->muted = true;
	if (is(found, "the end of the line") && has_no_block(brackets_frame(p)->head)) {
		p->broken = true;
		p->broken_indent = indent_of(p, at.from);
	}
}
