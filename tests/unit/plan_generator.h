/* plan_generator.h: valid plans made by walking the grammar with a random generator: every kind of line,
 * expression and type, comments wherever one may stand, newlines wherever one means nothing, blanks of all
 * kinds, long names.
 *
 * Valid means that it parses, not that it checks. The same seed gives the same plan. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GENERATOR_ROOM	(256 * 1024)
#define GENERATOR_DEPTH 512

struct generator {
	uint64_t state;
	char text[GENERATOR_ROOM];
	size_t length;
	int budget;		    /* lines and operands that may still be made; then only the smallest */
	bool free[GENERATOR_DEPTH]; /* of each open bracket: newlines in it mean nothing */
	bool interpolation[GENERATOR_DEPTH]; /* it is a `${` */
	int depth;
	bool held;	/* the last token ends no line */
	bool commented; /* before the comma that was the last token */
	bool fresh;	/* at the beginning of a line */
	bool tame;	/* no newlines and comments but where they must be */
	int blanks;	/* how wild blanks are */
};

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016. */
static uint64_t gen_next(struct generator *g)
{
	g->state ^= g->state >> 12;
	g->state ^= g->state << 25;
	g->state ^= g->state >> 27;
	return g->state * 2685821657736338717u;
}

static int gen_below(struct generator *g, int limit)
{
	return (int)((gen_next(g) >> 33) % (uint64_t)limit);
}

static bool gen_one_in(struct generator *g, int n)
{
	return gen_below(g, n) == 0;
}

#define GEN_PICK(g, ...)                                                                                     \
	((const char *const[]){                                                                              \
	    __VA_ARGS__})[gen_below(g, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))]

static void gen_raw(struct generator *g, const char *text)
{
	size_t length = strlen(text);

	if (g->length + length < GENERATOR_ROOM) {
		memcpy(g->text + g->length, text, length);
		g->length += length;
	}
}

/* ---- between tokens ---- */

static void gen_comment(struct generator *g)
{
	gen_raw(
	    g,
	    GEN_PICK(g, "# why", "#", "#tight", "#   far  in", "# ünïcode → ✓", "# \"quoted\" {",
		     "# a comment that is longer than all of the line may be, so that nothing that stands on "
		     "this line fits any more"));
	gen_raw(g, "\n");
}

static void gen_blanks(struct generator *g, bool needed)
{
	if (gen_one_in(g, g->blanks))
		gen_raw(g, GEN_PICK(g, "  ", "\t", "    ", " \t "));
	else if (needed || gen_one_in(g, 2))
		gen_raw(g, " ");
}

/* A place where newlines and comments may stand. */
static void gen_loose(struct generator *g)
{
	if (g->tame || g->commented || !gen_one_in(g, 12)) {
		g->commented = false;
		gen_blanks(g, true);
		return;
	}
	for (int n = 1 + gen_below(g, 2); n > 0; n--) {
		gen_blanks(g, false);
		if (gen_one_in(g, 3))
			gen_comment(g);
		else
			gen_raw(g, GEN_PICK(g, "\n", "\n", "\n\n", "\n\n\n"));
	}
	gen_blanks(g, false);
}

static bool gen_is(const char *token, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(token, *list) == 0)
			return true;
	return false;
}

static const char *const GEN_HOLDS[] = {"(",   "[",  "{",	",",   ":",  "=", "=>",	 "else =>",
					".",   "|",  "??",	"==",  "!=", "<", "<=",	 ">",
					">=",  "..", "+",	"-",   "*",  "/", "and", "or",
					"not", "in", "matches", "mod", "as", NULL};
static const char *const GEN_JOINS[] = {
    ")",   "]",	   "}",	 ".",	    "|",     "??",     "==",	   "!=",    "<",      "<=",
    ">",   ">=",   "..", "+",	    "*",     "/",      "and",	   "or",    "in",     "matches",
    "mod", "else", "as", "because", "catch", "typing", "watching", "where", "within", NULL};

static bool gen_is_free(const struct generator *g)
{
	return g->depth > 0 && g->free[g->depth];
}

/* Comments before a comma are moved behind it. Those on lines of their own would become documentation there.
 */
static void gen_before_comma(struct generator *g)
{
	gen_blanks(g, false);
	if (!g->tame && gen_one_in(g, 12)) {
		g->commented = gen_one_in(g, 2);
		if (g->commented)
			gen_comment(g);
		else
			gen_raw(g, "\n");
	}
}

/* A token and what may stand before it. */
static void gen(struct generator *g, const char *token)
{
	if (strcmp(token, ",") == 0 && gen_is_free(g))
		gen_before_comma(g);
	else if (g->fresh)
		gen_blanks(g, false);
	else if (gen_is_free(g) || g->held || gen_is(token, GEN_JOINS))
		gen_loose(g);
	else
		gen_blanks(g, true);
	gen_raw(g, token);
	g->fresh = false;
	g->held = gen_is(token, GEN_HOLDS) || token[strlen(token) - 1] == ':';
}

/* An opener that stands directly after what is called, and others. */
static void gen_open(struct generator *g, const char *token, bool is_free, bool glued)
{
	if (glued && !gen_one_in(g, 8))
		gen_raw(g, token);
	else if (strcmp(token, "{") == 0 && !is_free)
		gen_blanks(g, true), gen_raw(g, token);
	else
		gen(g, token);
	g->free[++g->depth] = is_free;
	g->interpolation[g->depth] = false;
	g->held = true;
	g->fresh = false;
}

static void gen_close(struct generator *g, const char *token)
{
	gen(g, token);
	g->depth--;
}

/* The end of a line, and what may stand before the next one. */
static void gen_line_end(struct generator *g)
{
	if (gen_one_in(g, 10)) {
		gen_blanks(g, true);
		gen_comment(g);
	} else {
		gen_blanks(g, false);
		gen_raw(g, gen_one_in(g, 12) ? "\r\n" : "\n");
	}
	while (!g->tame && gen_one_in(g, 4)) {
		gen_blanks(g, false);
		if (gen_one_in(g, 2))
			gen_comment(g);
		else
			gen_raw(g, "\n");
	}
	g->fresh = true;
	g->held = false;
}

/* ---- words ---- */

static void gen_name(struct generator *g)
{
	gen(g, GEN_PICK(g, "a", "b", "xs", "colour", "release", "_", "the_release_that_is_live_now", "n1",
			"a_name_that_is_so_long_that_three_of_them_do_not_fit_on_any_line"));
}

static void gen_glued_name(struct generator *g)
{
	gen_raw(g, GEN_PICK(g, "x", "health", "stdout", "if", "step", "a_field_with_a_rather_long_name"));
	g->held = false;
}

static void gen_key(struct generator *g)
{
	gen(g, GEN_PICK(g, "a:", "timeout:", "if:", "step:", "to :", "what_it_is_called_on_the_other_side:"));
}

static void gen_number(struct generator *g)
{
	gen(g, GEN_PICK(g, "0", "1", "1_000", "0.50", "5%", "12.50%", "30s", "1h30m", "250ms", "10GiB",
			"512MB", "7d"));
}

static void gen_expr(struct generator *g, int level);

static void gen_interpolation(struct generator *g)
{
	gen_raw(g, "${");
	g->free[++g->depth] = true;
	g->interpolation[g->depth] = true;
	g->held = true;
	gen_expr(g, 1);
	gen_close(g, "}");
}

static void gen_long_string(struct generator *g, bool plain)
{
	bool raw = gen_one_in(g, 3);
	int indent = gen_below(g, 9);

	/* At the beginning of a line they would close the string around the `${`. */
	if (g->depth > 0 && g->interpolation[g->depth])
		gen_raw(g, raw ? " '''" : " \"\"\"");
	else
		gen(g, raw ? "'''" : "\"\"\"");
	if (!gen_one_in(g, 5))
		gen_raw(g, gen_one_in(g, 6) ? "  \r\n" : "\n");
	for (int n = gen_below(g, 4); n >= 0; n--) {
		for (int i = gen_below(g, 3) ? indent : indent + gen_below(g, 4); i > 0; i--)
			gen_raw(g, gen_one_in(g, 60) ? "\t" : " ");
		gen_raw(g, GEN_PICK(g, "", "text", "more \"text\" ''", "# no comment", "{ [ (", "   "));
		if (!raw && !plain && gen_one_in(g, 3))
			gen_interpolation(g);
		gen_raw(g, GEN_PICK(g, "\n", "\n\n", " end\n", "\n   \n", "\r\n"));
	}
	for (int i = gen_below(g, 3) ? indent : gen_below(g, 9); i > 0; i--)
		gen_raw(g, " ");
	gen_raw(g, raw ? "'''" : "\"\"\"");
	g->held = g->fresh = false;
}

static void gen_string(struct generator *g, bool plain)
{
	if (g->budget-- > 0 && gen_one_in(g, 8)) {
		gen_long_string(g, plain);
		return;
	}
	if (plain || gen_one_in(g, 2) || g->budget < 0) {
		gen(g, GEN_PICK(g, "\"\"", "\"text\"", "'raw \\n # ${x}'", "\"\\u{1F600} \\\"quoted\\\" $5\"",
				"\"a text of more words than are good for a line, which nothing breaks\""));
		return;
	}
	gen(g, "\"");
	g->budget -= 4;
	for (int n = gen_below(g, 2); n >= 0; n--) {
		gen_raw(g, GEN_PICK(g, "", "on ", "# ", "of the release that is called "));
		gen_interpolation(g);
	}
	gen_raw(g, "\"");
	g->held = false;
}

/* ---- expressions ---- */

static void gen_value(struct generator *g);

static void gen_arguments(struct generator *g)
{
	gen_open(g, "(", true, true);
	if (gen_one_in(g, 6)) {
		gen_expr(g, 0);
		gen(g, "for");
		gen_name(g);
		gen(g, "in");
		gen_expr(g, 1);
		if (gen_one_in(g, 2)) {
			gen(g, "if");
			gen_expr(g, 0);
		}
		gen_close(g, ")");
		return;
	}
	for (int n = gen_below(g, 4); n > 0; n--) {
		if (gen_one_in(g, 2))
			gen_key(g);
		gen_value(g);
		if (n > 1 || gen_one_in(g, 4))
			gen(g, ",");
	}
	gen_close(g, ")");
}

static void gen_call(struct generator *g, bool quantifier)
{
	if (quantifier && gen_one_in(g, 4)) {
		gen(g, GEN_PICK(g, "all", "any", "none", "count"));
		gen_arguments(g);
		return;
	}
	gen_name(g);
	if (gen_one_in(g, 2)) {
		gen_raw(g, ".");
		gen_glued_name(g);
	}
	gen_open(g, "(", true, true);
	for (int n = g->budget > 0 ? gen_below(g, 4) : 0; n > 0; n--) {
		if (gen_one_in(g, 2))
			gen_key(g);
		gen_value(g);
		if (n > 1 || gen_one_in(g, 4))
			gen(g, ",");
	}
	gen_close(g, ")");
}

static void gen_postfix(struct generator *g)
{
	for (int n = gen_one_in(g, 5) ? gen_below(g, 4) : 0; n > 0; n--) {
		if (gen_one_in(g, 3)) {
			gen_open(g, "[", true, true);
			gen_expr(g, 1);
			gen_close(g, "]");
			continue;
		}
		gen(g, ".");
		gen_glued_name(g);
		if (gen_one_in(g, 2)) {
			gen_open(g, "(", true, true);
			if (g->budget > 0)
				gen_value(g);
			gen_close(g, ")");
		}
	}
}

static void gen_list(struct generator *g)
{
	gen_open(g, "[", true, false);
	if (gen_one_in(g, 4)) {
		gen_value(g);
		gen(g, "for");
		gen_name(g);
		gen(g, "in");
		gen_expr(g, 1);
		if (gen_one_in(g, 2)) {
			gen(g, "if");
			gen_expr(g, 0);
		}
	} else {
		for (int n = gen_below(g, 6); n > 0; n--) {
			gen_value(g);
			if (n > 1 || gen_one_in(g, 3))
				gen(g, ",");
		}
	}
	gen_close(g, "]");
}

static void gen_record(struct generator *g)
{
	gen_open(g, "{", true, false);
	for (int n = gen_below(g, 5); n > 0; n--) {
		if (gen_one_in(g, 4)) {
			gen(g, "\"X-Request-Id\"");
			gen(g, ":");
		} else {
			gen_key(g);
		}
		gen_value(g);
		if (n > 1 || gen_one_in(g, 3))
			gen(g, ",");
	}
	gen_close(g, "}");
}

static void gen_primary(struct generator *g)
{
	g->budget--;
	switch (g->budget > 0 ? gen_below(g, 12) : gen_below(g, 3)) {
	case 0:
	case 1:
		gen_name(g);
		break;
	case 2:
		gen_number(g);
		break;
	case 3:
		gen(g, GEN_PICK(g, "true", "false", "null"));
		break;
	case 4:
	case 5:
		gen_string(g, false);
		break;
	case 6:
		gen_open(g, "(", true, false);
		gen_value(g);
		gen_close(g, ")");
		gen_postfix(g);
		break;
	case 7:
		gen_list(g);
		break;
	case 8:
		gen_name(g);
		gen_postfix(g);
		break;
	default:
		gen_call(g, true);
		gen_postfix(g);
	}
}

/* Operators from level on: 0 or, 1 and, 2 not, 3 comparison, 4 ??, 5 .., 6 + -, 7 * / mod, 8 -, 9 as. */
static void gen_expr(struct generator *g, int level)
{
	if (level > 9 || g->budget <= 0) {
		gen_primary(g);
		return;
	}
	if (!gen_one_in(g, 7)) {
		gen_expr(g, level + 1);
		return;
	}
	switch (level) {
	case 2:
		gen(g, "not");
		gen_expr(g, 2);
		return;
	case 8:
		gen(g, "-");
		gen_expr(g, 9);
		return;
	case 9:
		gen_expr(g, 10);
		gen(g, "as");
		gen(g, GEN_PICK(g, "ratio", "s", "per_second"));
		return;
	default:
		break;
	}
	gen_expr(g, level + 1);
	for (int n = level == 3 || level == 5 ? 1 : 1 + gen_below(g, 4); n > 0; n--) {
		gen(g, level == 0   ? "or"
		       : level == 1 ? "and"
		       : level == 3 ? GEN_PICK(g, "==", "!=", "<", "<=", ">", ">=", "in", "matches")
		       : level == 4 ? "??"
		       : level == 5 ? ".."
		       : level == 6 ? GEN_PICK(g, "+", "+", "-")
				    : GEN_PICK(g, "*", "/", "mod"));
		gen_expr(g, level + 1);
	}
}

static void gen_value_block(struct generator *g)
{
	gen_open(g, "{", true, false);
	gen_value(g);
	gen_close(g, "}");
}

static void gen_match_value(struct generator *g)
{
	gen(g, "match");
	gen_expr(g, 6);
	gen_open(g, "{", false, false);
	for (int n = gen_below(g, 3); n >= 0; n--) {
		gen_expr(g, 6);
		if (gen_one_in(g, 4)) {
			gen(g, ",");
			gen_expr(g, 6);
		}
		gen(g, "=>");
		if (gen_one_in(g, 3))
			gen_value_block(g);
		else
			gen_expr(g, 0);
		if (n)
			gen_line_end(g);
	}
	if (gen_one_in(g, 2))
		gen_line_end(g);
	gen(g, "else =>");
	gen_expr(g, 0);
	gen_close(g, "}");
}

/* What may stand where an operand is expected: there a brace is a record. */
static void gen_value(struct generator *g)
{
	g->budget--;
	switch (g->budget > 0 ? gen_below(g, 14) : 9) {
	case 0:
	case 1:
		gen_record(g);
		break;
	case 2:
		gen(g, "if");
		gen_expr(g, 0);
		gen_value_block(g);
		if (gen_one_in(g, 3)) {
			gen(g, "else");
			gen_blanks(g, true);
			gen_raw(g, "if");
			g->held = false;
			gen_expr(g, 0);
			gen_value_block(g);
		}
		gen(g, "else");
		gen_value_block(g);
		break;
	case 3:
		gen_match_value(g);
		break;
	default:
		gen_expr(g, 0);
	}
}

/* ---- types ---- */

static void gen_type(struct generator *g)
{
	if (g->budget-- > 0 && gen_one_in(g, 4)) {
		gen_open(g, "{", true, false);
		for (int n = gen_below(g, 4); n > 0; n--) {
			gen_key(g);
			gen_type(g);
			if (n > 1 || gen_one_in(g, 3))
				gen(g, ",");
		}
		gen_close(g, "}");
	} else if (g->budget > 0 && gen_one_in(g, 4)) {
		gen(g, "list");
		gen_open(g, "(", true, true);
		gen_type(g);
		gen_close(g, ")");
	} else {
		gen(g, GEN_PICK(g, "string", "int", "percent", "any"));
		if (gen_one_in(g, 5)) {
			gen(g, "in");
			gen_open(g, "[", true, false);
			for (int n = gen_below(g, 4); n >= 0; n--) {
				gen(g, "\"one of them\"");
				if (n > 0 || gen_one_in(g, 3))
					gen(g, ",");
			}
			gen_close(g, "]");
		}
	}
	for (int n = gen_one_in(g, 6) ? gen_below(g, 5) : 0; n > 0; n--) {
		gen(g, "|");
		gen(g, GEN_PICK(g, "null", "path", "a_type_with_a_very_long_name"));
	}
}

static void gen_parameters(struct generator *g)
{
	gen_open(g, "(", true, true);
	for (int n = gen_below(g, 4); n > 0; n--) {
		gen(g, GEN_PICK(g, "colour:", "timeout:", "max :", "what_it_is_called_on_the_other_side:"));
		gen_type(g);
		if (gen_one_in(g, 3)) {
			gen(g, "=");
			gen_value(g);
		}
		if (n > 1 || gen_one_in(g, 4))
			gen(g, ",");
	}
	gen_close(g, ")");
}

/* ---- lines ---- */

static void gen_statement(struct generator *g);

static void gen_block_of(struct generator *g, void (*line)(struct generator *g), bool may_be_empty)
{
	int lines = g->budget > 0 ? gen_below(g, 4) : 0;

	if (!may_be_empty && !lines)
		lines = 1;
	gen_open(g, "{", false, false);
	for (int i = 0; i < lines; i++) {
		if (i || gen_one_in(g, 2))
			gen_line_end(g);
		line(g);
	}
	gen_close(g, "}");
}

static void gen_block(struct generator *g)
{
	gen_block_of(g, gen_statement, true);
}

static void gen_words(struct generator *g, const char *words)
{
	char word[32];

	while (*words) {
		size_t length = strcspn(words, " ");

		memcpy(word, words, length);
		word[length] = '\0';
		words += length + (words[length] == ' ');
		gen(g, word);
	}
}

static void gen_within(struct generator *g)
{
	if (gen_one_in(g, 2)) {
		gen(g, "within");
		gen_expr(g, 6);
	}
	if (gen_one_in(g, 3)) {
		gen(g, "every");
		gen_expr(g, 6);
	}
	if (gen_one_in(g, 3)) {
		gen(g, "else");
		gen_blanks(g, true);
		gen_raw(g, GEN_PICK(g, "fail", "warn", "ask"));
	}
}

static void gen_uses(struct generator *g)
{
	for (int n = gen_below(g, 3); n >= 0; n--) {
		gen_name(g);
		if (gen_one_in(g, 3)) {
			gen_raw(g, ".");
			gen_glued_name(g);
		}
		if (gen_one_in(g, 2)) {
			gen_open(g, "(", true, true);
			for (int k = gen_below(g, 3); k > 0; k--) {
				gen_key(g);
				gen_value(g);
				if (k > 1 || gen_one_in(g, 4))
					gen(g, ",");
			}
			gen_close(g, ")");
		}
		if (n)
			gen(g, ",");
	}
}

static void gen_arm(struct generator *g)
{
	gen_expr(g, 6);
	while (gen_one_in(g, 3)) {
		gen(g, ",");
		gen_expr(g, 6);
	}
	gen(g, "=>");
	if (gen_one_in(g, 2))
		gen_block(g);
	else
		gen_call(g, false);
}

static void gen_expect(struct generator *g)
{
	gen(g, "expect");
	gen_string(g, false);
	g->held = true; /* a label */
	gen_expr(g, 0);
	gen_within(g);
}

static void gen_worse(struct generator *g)
{
	switch (gen_below(g, 4)) {
	case 0:
		gen_words(g, "worse when higher");
		break;
	case 1:
		gen_words(g, "critical beyond");
		gen_expr(g, 6);
		break;
	case 2:
		gen(g, "canary");
		gen_expr(g, 6);
		break;
	default:
		gen(g, GEN_PICK(g, "tolerate", "weight", "baseline"));
		gen_number(g);
	}
}

static void gen_judge_part(struct generator *g)
{
	if (gen_one_in(g, 2)) {
		gen(g, "metric");
		gen_string(g, false);
		gen_block_of(g, gen_worse, true);
	} else {
		gen(g, GEN_PICK(g, "pass", "ask", "hold"));
		gen_expr(g, 6);
	}
}

static void gen_flow(struct generator *g)
{
	switch (gen_below(g, 7)) {
	case 0:
		gen(g, "if");
		gen_expr(g, 0);
		gen_block(g);
		while (gen_one_in(g, 3)) {
			gen(g, "else");
			gen_blanks(g, true);
			gen_raw(g, "if");
			g->held = false;
			gen_expr(g, 0);
			gen_block(g);
		}
		if (gen_one_in(g, 2)) {
			gen(g, "else");
			gen_block(g);
		}
		break;
	case 1:
		gen(g, "match");
		gen_expr(g, 6);
		gen_block_of(g, gen_arm, false);
		break;
	case 2:
		gen(g, "for");
		gen_name(g);
		gen(g, "in");
		gen_expr(g, 1);
		if (gen_one_in(g, 2)) {
			gen_words(g, "at most 3 at once");
		}
		gen_block(g);
		break;
	case 3:
		gen(g, "while");
		gen_expr(g, 0);
		gen_words(g, "at most 10 times");
		gen_block(g);
		break;
	case 4:
		gen(g, GEN_PICK(g, "parallel", "defer", "finally", "rollback"));
		gen_block(g);
		break;
	case 5:
		gen(g, "try");
		gen_block(g);
		gen(g, "catch");
		gen_blanks(g, true);
		gen_raw(g, "problem");
		g->held = false;
		gen_block(g);
		break;
	default:
		gen(g, "watch");
		gen_uses(g);
		gen_block(g);
	}
}

static void gen_part_of_step(struct generator *g)
{
	switch (gen_below(g, 12)) {
	case 0:
		gen_words(g, "rollback within 5m");
		gen_block(g);
		break;
	case 1:
		gen_words(g, "rollback while running");
		gen_block(g);
		break;
	case 2:
		gen_words(g, "rollback none");
		gen_string(g, false);
		break;
	case 3:
		gen(g, "timeout");
		gen_expr(g, 6);
		break;
	case 4:
		gen_words(g, "retry 3 every 5s backoff 2");
		break;
	case 5:
		gen_words(g, "on failure");
		gen_block(g);
		break;
	case 6:
		gen_words(g, "on resume ask");
		break;
	case 7:
		gen(g, "verify");
		if (gen_one_in(g, 2))
			gen_string(g, false);
		gen_block_of(g, gen_expect, true);
		break;
	case 8:
		gen(g, "judge");
		gen_string(g, false);
		gen_block_of(g, gen_judge_part, true);
		break;
	case 9:
		gen_words(g, "run plan");
		gen_string(g, true);
		if (gen_one_in(g, 2)) {
			g->held = false;
			gen_blanks(g, true);
			g->fresh = true;
			gen_record(g);
		}
		break;
	default:
		gen(g, "step");
		gen_string(g, false);
		gen_block(g);
	}
}

static void gen_person(struct generator *g)
{
	switch (gen_below(g, 4)) {
	case 0:
		gen(g, "manual");
		gen_string(g, false);
		break;
	case 1:
		gen(g, "approve");
		gen_string(g, false);
		gen_words(g, "by 2 of");
		gen_list(g);
		break;
	case 2:
		gen(g, "confirm");
		gen_string(g, false);
		if (gen_one_in(g, 2)) {
			gen(g, "typing");
			gen_expr(g, 6);
		}
		break;
	default:
		gen_words(g, "wait until");
		gen_expr(g, 0);
		gen_within(g);
	}
}

static void gen_simple(struct generator *g)
{
	switch (gen_below(g, 10)) {
	case 0:
	case 1:
		gen(g, GEN_PICK(g, "let", "var"));
		gen_name(g);
		gen(g, "=");
		gen_value(g);
		break;
	case 2:
		gen_name(g);
		gen(g, "=");
		gen_value(g);
		break;
	case 3:
		gen(g, "require");
		gen_expr(g, 0);
		if (gen_one_in(g, 2)) {
			gen(g, "else");
			gen_expr(g, 3);
		}
		break;
	case 4:
		gen_words(g, "skip if");
		gen_expr(g, 0);
		if (gen_one_in(g, 2)) {
			gen(g, "because");
			gen_expr(g, 3);
		}
		break;
	case 5:
		gen(g, GEN_PICK(g, "log", "warn", "fail", "return"));
		gen_expr(g, 0);
		break;
	case 6:
		gen(g, GEN_PICK(g, "checkpoint", "commit"));
		gen_string(g, false);
		break;
	case 7:
		gen_words(g, gen_one_in(g, 3) ? "hold until" : "hold");
		gen_expr(g, 6);
		if (gen_one_in(g, 2)) {
			gen(g, "watching");
			gen_uses(g);
		}
		break;
	default:
		gen_call(g, false);
	}
}

static void gen_statement(struct generator *g)
{
	g->budget--;
	switch (g->budget > 0 ? gen_below(g, 8) : 7) {
	case 0:
	case 1:
		gen_flow(g);
		break;
	case 2:
	case 3:
		gen_part_of_step(g);
		break;
	case 4:
		gen_expect(g);
		break;
	case 5:
		gen_person(g);
		break;
	default:
		gen_simple(g);
	}
}

/* ---- items ---- */

static void gen_setting(struct generator *g)
{
	gen_name(g);
	if (gen_one_in(g, 2)) {
		gen_raw(g, ".");
		gen_glued_name(g);
	}
	gen(g, "=");
	gen_value(g);
}

static void gen_plan_setting(struct generator *g)
{
	if (gen_one_in(g, 3))
		gen_words(g, "rollback within");
	else
		gen(g, GEN_PICK(g, "lock", "timeout"));
	gen_expr(g, 6);
}

static void gen_clause(struct generator *g)
{
	switch (gen_below(g, 8)) {
	case 0:
		gen(g, "measure");
		gen_expr(g, 0);
		break;
	case 1:
		gen(g, "must");
		gen(g, GEN_PICK(g, "<", "<=", ">", ">=", "=="));
		gen_expr(g, 6);
		break;
	case 2:
		gen_words(g, "must between 1 and");
		gen_expr(g, 6);
		break;
	case 3:
		gen_words(g, "must within 20% of");
		gen_expr(g, 6);
		break;
	case 4:
		gen_words(g, GEN_PICK(g, "breach after 2 of 3", "breach for 30s", "no data tolerate 3",
				      "no data fail", "on breach warn", "every 10s", "after 30s"));
		break;
	default:
		gen(g, "action");
		gen_string(g, false);
	}
}

static void gen_test_part(struct generator *g)
{
	switch (gen_below(g, 4)) {
	case 0:
		gen(g, "given");
		gen_name(g);
		gen(g, GEN_PICK(g, "returns", "fails"));
		gen_expr(g, 3);
		if (gen_one_in(g, 3))
			gen(g, "once");
		break;
	case 1:
		gen(g, "run");
		if (gen_one_in(g, 2)) {
			g->held = false;
			gen_blanks(g, true);
			g->fresh = true;
			gen_record(g);
		}
		break;
	default: /* a string would be a label */
		gen(g, "expect");
		gen_name(g);
		gen(g, "==");
		gen_expr(g, 4);
	}
}

static void gen_callable(struct generator *g)
{
	bool threshold = gen_one_in(g, 3);

	gen(g, threshold ? "threshold" : GEN_PICK(g, "func", "task"));
	gen_blanks(g, true);
	gen_raw(g, GEN_PICK(g, "grade", "the_name_of_a_task_that_says_what_it_does"));
	g->held = false;
	gen_parameters(g);
	if (!threshold && gen_one_in(g, 2)) {
		gen(g, ":");
		gen_type(g);
	}
	if (gen_one_in(g, 2))
		gen_string(g, true);
	gen_block_of(g, threshold ? gen_clause : gen_statement, true);
}

static void gen_item(struct generator *g)
{
	switch (gen_below(g, 12)) {
	case 0:
		gen(g, "plan");
		gen_string(g, false);
		gen_block_of(g, gen_plan_setting, true);
		break;
	case 1:
		gen(g, "import");
		gen_string(g, true);
		if (gen_one_in(g, 2))
			gen_words(g, "as other");
		break;
	case 2:
		gen(g, "param");
		gen_blanks(g, true);
		gen_raw(g, GEN_PICK(g, "version:", "a_param_of_a_rather_long_name:"));
		g->held = true;
		gen_type(g);
		if (gen_one_in(g, 2)) {
			gen(g, "=");
			gen_value(g);
		}
		if (gen_one_in(g, 2)) {
			gen(g, "where");
			gen_expr(g, 3);
		}
		if (gen_one_in(g, 2))
			gen_string(g, true);
		break;
	case 3:
		gen_words(g, "secret token = env");
		gen_raw(g, "(\"TOKEN\")");
		break;
	case 4:
		gen_words(g, gen_one_in(g, 2) ? "environment lab default" : "environment lab");
		gen_block_of(g, gen_setting, true);
		break;
	case 5:
		gen(g, "defaults");
		gen_block_of(g, gen_setting, true);
		break;
	case 6:
	case 7:
		gen_callable(g);
		break;
	case 8:
		gen(g, "test");
		gen_string(g, false);
		gen_block_of(g, gen_test_part, true);
		break;
	case 9: /* in a block it would be taken for a sign of a missing `}` */
		gen(g, "phase");
		gen_string(g, false);
		if (gen_one_in(g, 2))
			gen_words(g, "expect 5m..10m");
		gen_block(g);
		break;
	default:
		gen_statement(g);
	}
}

/* A plan of its own for each seed; g->text holds it, terminated. */
static void generate(struct generator *g, uint64_t seed)
{
	g->state = seed * 0x9e3779b97f4a7c15u + 1;
	g->length = 0;
	g->depth = 0;
	g->held = false;
	g->fresh = true;
	g->commented = false;
	g->tame = gen_one_in(g, 4);
	g->blanks = gen_one_in(g, 2) ? 4 : 40;
	g->budget = 10 + gen_below(g, 60);
	for (int n = 1 + gen_below(g, 4); n > 0; n--) {
		gen_item(g);
		if (n > 1 || gen_one_in(g, 2))
			gen_line_end(g);
	}
	g->text[g->length] = '\0';
}
