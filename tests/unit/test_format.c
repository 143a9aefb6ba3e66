/* test_format.c: what holds of every plan that is laid out; the texts themselves are in tests/fmt.
 *
 * FORMAT_SEED=n begins with other plans, FORMAT_PLANS=n makes another number of them. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "grammar/format.h"
#include "grammar/parse.h"
#include "grammar/plan.tab.h"
#include "grammar/utf8.h"
#include "tests/unit/plan_generator.h"

#define PLANS 10000

struct plan {
	struct arena arena;
	struct sources sources;
	struct diags diags;
	const struct source *source;
	struct node *root;
};

static void plan_read(struct plan *plan, const char *text, size_t length)
{
	uint32_t file;

	arena_init(&plan->arena);
	sources_init(&plan->sources, &plan->arena);
	diags_init(&plan->diags, &plan->arena);
	file = source_add(&plan->sources, "a.plan", text, length);
	plan->source = source_get(&plan->sources, file);
	plan->root = parse_file(&plan->arena, &plan->sources, file, &plan->diags, 0);
}

static char *dump(const struct node *root)
{
	char *text;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	ast_dump(out, root, false);
	fclose(out);
	return text;
}

/* ---- tokens ---- */

static bool is_comment(const struct token *token)
{
	return token->kind == TOKEN_COMMENT;
}

static bool is_closer(int code)
{
	return code == TOK_RPAREN || code == TOK_RBRACKET || code == TOK_RECORD_CLOSE;
}

static const struct token *next_word(const struct plan *plan, uint32_t *at)
{
	const struct token *tokens = plan->root->file.tokens;

	for (; *at < plan->root->file.token_count; ++*at)
		if (tokens[*at].kind != TOKEN_NEWLINE && !is_comment(&tokens[*at]))
			return &tokens[(*at)++];
	return NULL;
}

/* The next word, but for a comma before a closer. */
static const struct token *next_kept(const struct plan *plan, uint32_t *at)
{
	const struct token *word = next_word(plan, at);

	if (word && word->code == TOK_COMMA) {
		uint32_t ahead = *at;
		const struct token *after = next_word(plan, &ahead);

		if (after && is_closer(after->code)) {
			*at = ahead;
			return after;
		}
	}
	return word;
}

/* Its text without blanks. */
static bool same_text(const struct plan *left, const struct token *l, const struct plan *right,
		      const struct token *r)
{
	uint32_t i = l->from, k = r->from;

	for (;;) {
		while (i < l->to && strchr(" \t\r\n", left->source->text[i]))
			i++;
		while (k < r->to && strchr(" \t\r\n", right->source->text[k]))
			k++;
		if (i == l->to || k == r->to)
			return i == l->to && k == r->to;
		if (left->source->text[i++] != right->source->text[k++])
			return false;
	}
}

static const char *compare_words(const struct plan *before, const struct plan *after)
{
	uint32_t i = 0, k = 0;

	for (;;) {
		const struct token *left = next_kept(before, &i), *right = next_kept(after, &k);

		if (!left && !right)
			return NULL;
		if (!left || !right || !same_text(before, left, after, right))
			return "other words";
	}
}

static const char *compare_comments(const struct plan *before, const struct plan *after)
{
	const struct token *left = before->root->file.tokens, *right = after->root->file.tokens;
	const struct token *left_end = left + before->root->file.token_count;
	const struct token *right_end = right + after->root->file.token_count;

	for (;; left++, right++) {
		while (left < left_end && !is_comment(left))
			left++;
		while (right < right_end && !is_comment(right))
			right++;
		if (left == left_end || right == right_end)
			return left == left_end && right == right_end ? NULL : "another number of comments";
		if (!same_text(before, left, after, right))
			return "other comments";
	}
}

/* ---- long lines ---- */

static uint32_t columns(const char *text, size_t length)
{
	uint32_t width = 0, code;

	for (size_t i = 0; i < length;) {
		i += utf8_decode(text + i, length - i, &code);
		width += utf8_width(code);
	}
	return width;
}

static bool is_operator(int code)
{
	return code == TOK_AND || code == TOK_OR || (code >= TOK_COALESCE && code <= TOK_GE) ||
	       code == TOK_IN || code == TOK_MATCHES || code == TOK_PLUS || code == TOK_STAR ||
	       code == TOK_SLASH || code == TOK_MOD;
}

static bool is_opener(int code)
{
	return code == TOK_LPAREN || code == TOK_LBRACKET || code == TOK_RECORD_OPEN ||
	       code == TOK_VALUE_OPEN || code == TOK_LBRACE;
}

static bool has_newline(const struct plan *plan, const struct token *token)
{
	return memchr(plan->source->text + token->from, '\n', token->to - token->from) != NULL;
}

/* The closer of words[at] if it is before `end`, else `end`. Strings are passed over. */
static uint32_t find_closer(const struct token *words, uint32_t at, uint32_t end)
{
	int depth = 0;

	for (; at < end; at++) {
		int code = words[at].code;

		depth += is_opener(code) || code == TOK_INTERPOLATION_OPEN;
		depth -= is_closer(code) || code == TOK_RBRACE || code == TOK_VALUE_CLOSE ||
			 code == TOK_INTERPOLATION_CLOSE;
		if (depth == 0)
			return at;
	}
	return end;
}

static bool has_comma(const struct token *words, uint32_t from, uint32_t to)
{
	for (uint32_t i = from + 1; i < to; i++)
		if (words[i].code == TOK_COMMA)
			return true;
		else if (is_opener(words[i].code))
			i = find_closer(words, i, to);
	return false;
}

/* An index, the type in `list(…)`, a parameter that is the only one. */
static bool stays_close(const struct plan *plan, const struct token *words, uint32_t opener, uint32_t closer)
{
	const struct token *before = opener ? &words[opener - 1] : NULL;

	if (!before)
		return false;
	if (words[opener].code == TOK_LBRACKET)
		return before->code == TOK_NAME || is_closer(before->code);
	if (words[opener].code != TOK_LPAREN)
		return false;
	if (opener > 1 && (words[opener - 2].code == TOK_FUNC || words[opener - 2].code == TOK_TASK ||
			   words[opener - 2].code == TOK_THRESHOLD))
		return !has_comma(words, opener, closer);
	return strncmp(plan->source->text + before->from, "list", 4) == 0;
}

/* Whether a line, words [from, to), that is too long could have been broken; it begins in so many
 * interpolations, which never are. What stands on a line with a multi-line string is not asked. */
static const char *could_break(const struct plan *plan, const struct token *words, uint32_t from, uint32_t to,
			       int interpolations)
{
	for (uint32_t i = from; i < to; i++)
		if (words[i].kind == TOKEN_STRING && has_newline(plan, &words[i]))
			return NULL;
	for (uint32_t i = from; i < to; i++) {
		int code = words[i].code, next = i + 1 < to ? words[i + 1].code : 0;
		uint32_t closer;

		interpolations += code == TOK_INTERPOLATION_OPEN;
		interpolations -= code == TOK_INTERPOLATION_CLOSE;
		if (interpolations > 0)
			continue;
		/* `in` of for, of types, of heads; `and` of between */
		if (is_operator(code) && code != TOK_IN && code != TOK_AND && i > from && i + 1 < to &&
		    words[i - 1].code != TOK_MUST)
			return "a long line with an operator";
		if (!is_opener(code))
			continue;
		closer = find_closer(words, i, to);
		if (closer == to || closer == i + 1 || stays_close(plan, words, i, closer))
			continue;
		if (next == TOK_KEY && i + 2 < to)
			next = words[i + 2].code;
		/* One part with brackets of its own. */
		if (code == TOK_LPAREN && (is_opener(next) || next == TOK_STRING_OPEN || next == TOK_STRING))
			continue;
		return "a long line with a bracket";
	}
	return NULL;
}

static const char *check_lines(const struct plan *plan)
{
	struct token *words = calloc(plan->root->file.token_count + 1, sizeof(*words));
	const struct token *word;
	const char *problem = NULL, *text = plan->source->text;
	uint32_t count = 0, at = 0, i = 0;
	int interpolations = 0;

	while ((word = next_word(plan, &at)))
		words[count++] = *word;
	while (i < count && !problem) {
		const char *line = memrchr(text, '\n', words[i].from);
		uint32_t first = i, from = line ? (uint32_t)(line - text) + 1 : 0, to = words[i].to;

		while (i < count && (words[i].from < to || !memchr(text + to, '\n', words[i].from - to)))
			to = words[i++].to;
		if (columns(text + from, to - from) > FORMAT_COLUMNS)
			problem = could_break(plan, words, first, i, interpolations);
		for (uint32_t k = first; k < i; k++)
			interpolations += (words[k].code == TOK_INTERPOLATION_OPEN) -
					  (words[k].code == TOK_INTERPOLATION_CLOSE);
	}
	free(words);
	return problem;
}

static const char *check_blanks(const char *text, size_t length)
{
	bool in_string = memmem(text, length, "\"\"\"", 3) || memmem(text, length, "'''", 3);

	if (length && text[length - 1] != '\n')
		return "no newline at the end";
	if (length > 1 && text[length - 2] == '\n')
		return "an empty line at the end";
	if (length && text[0] == '\n')
		return "an empty line at the beginning";
	if (in_string)
		return NULL;
	if (memmem(text, length, "\n\n\n", 3))
		return "two empty lines";
	if (memmem(text, length, " \n", 2) || memmem(text, length, "\t", 1) || memmem(text, length, "\r", 1))
		return "blanks that mean nothing";
	return NULL;
}

/* ---- all of it ---- */

/* What does not hold of a plan that is laid out, or NULL. */
static const char *check(const char *text, size_t length, char **shown)
{
	struct plan before, after;
	const char *laid_out, *again, *problem = NULL;
	char *left, *right;
	size_t laid_out_length, again_length;

	*shown = NULL;
	plan_read(&before, text, length);
	if (before.diags.errors) {
		diag_print(stderr, &before.diags, &before.sources, false);
		arena_free(&before.arena);
		return "the generator's plan does not parse";
	}
	laid_out = format_file(&before.arena, &before.sources, before.root, &laid_out_length);
	if (!laid_out) {
		arena_free(&before.arena);
		return "another tree";
	}
	*shown = strndup(laid_out, laid_out_length);
	plan_read(&after, laid_out, laid_out_length);
	again = format_file(&after.arena, &after.sources, after.root, &again_length);
	left = dump(before.root);
	right = dump(after.root);
	if (strcmp(left, right) != 0)
		problem = "other trees, or other documentation";
	problem = problem ? problem : compare_words(&before, &after);
	problem = problem ? problem : compare_comments(&before, &after);
	problem = problem ? problem : check_lines(&after);
	problem = problem ? problem : check_blanks(laid_out, laid_out_length);
	if (!problem &&
	    (!again || again_length != laid_out_length || memcmp(again, laid_out, again_length) != 0)) {
		problem = "laid out again it is another text";
		if (again)
			fprintf(stderr, "--- again\n%s\n", again);
	}
	free(left);
	free(right);
	arena_free(&after.arena);
	arena_free(&before.arena);
	return problem;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void note_kind(struct node *node, void *context)
{
	bool *seen = context;

	seen[node->kind] = true;
	ast_each_child(node, note_kind, seen);
}

static void note_kinds(const struct generator *generator, bool *seen)
{
	struct plan plan;

	plan_read(&plan, generator->text, generator->length);
	note_kind(plan.root, seen);
	arena_free(&plan.arena);
}

/* The generator walks all of the grammar: a kind of node that is new must be made too. */
static void check_kinds(const bool *seen)
{
	for (int kind = 0; kind < NODE_KIND_COUNT; kind++)
		if (!seen[kind] && kind != NODE_ERROR && kind != NODE_SIGNATURE)
			fail_msg("the generator made no `%s`", ast_kind_name((enum node_kind)kind));
}

static void test_generated_plans(void **state)
{
	struct generator *generator = calloc(1, sizeof(*generator));
	bool seen[NODE_KIND_COUNT] = {false};
	uint64_t seed = number_from("FORMAT_SEED", 1), plans = number_from("FORMAT_PLANS", PLANS);

	(void)state;
	printf("FORMAT_SEED=%llu, %llu plans\n", (unsigned long long)seed, (unsigned long long)plans);
	for (uint64_t i = 0; i < plans; i++) {
		char *shown;
		const char *problem;

		generate(generator, seed + i);
		problem = check(generator->text, generator->length, &shown);
		if (problem) {
			fprintf(stderr, "--- FORMAT_SEED=%llu: %s\n%s\n--- laid out\n%s\n",
				(unsigned long long)(seed + i), problem, generator->text, shown ? shown : "");
			fail();
		}
		free(shown);
		note_kinds(generator, seen);
	}
	if (plans >= PLANS)
		check_kinds(seen);
	free(generator);
}

/* ---- the plans of the project ---- */

static unsigned plans_seen;

static char *read_file(const char *path, size_t *length)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t room = 0;
	ssize_t got = in ? getdelim(&text, &room, EOF, in) : -1;

	if (in)
		fclose(in);
	*length = got > 0 ? (size_t)got : 0;
	return text;
}

/* Those with mistakes on purpose are left out. */
static void check_text(const char *path, const char *text, size_t length)
{
	struct plan plan;
	char *shown = NULL;
	const char *problem = NULL;
	bool sound;

	plan_read(&plan, text, length);
	sound = !plan.diags.errors;
	arena_free(&plan.arena);
	if (sound) {
		problem = check(text, length, &shown);
		plans_seen++;
	}
	if (problem)
		fail_msg("%s: %s\n%s", path, problem, shown ? shown : "");
	free(shown);
}

static int visit_plan(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	const char *dot = strrchr(path, '.');
	size_t length;
	char *text;

	(void)status;
	(void)place;
	if (kind != FTW_F || !dot || strcmp(dot, ".plan") != 0)
		return 0;
	text = read_file(path, &length);
	if (text)
		check_text(path, text, length);
	free(text);
	return 0;
}

/* The ```plan blocks of a page. */
static void check_page(const char *path)
{
	static const char BEGIN[] = "\n```plan\n", END[] = "\n```";
	size_t length;
	char *text = read_file(path, &length), *at = text, *end;

	assert_non_null(text);
	while ((at = strstr(at, BEGIN))) {
		at += strlen(BEGIN);
		end = strstr(at, END);
		assert_non_null(end);
		check_text(path, at, (size_t)(end + 1 - at));
		at = end;
	}
	free(text);
}

/* From the project's folder, where the suites run. */
static void test_plans_of_the_project(void **state)
{
	static const char *const FOLDERS[] = {"plans", "tests", "lab"};

	(void)state;
	for (size_t i = 0; i < sizeof(FOLDERS) / sizeof(*FOLDERS); i++)
		nftw(FOLDERS[i], visit_plan, 16, FTW_PHYS);
	check_page("docs/language.md");
	check_page("README.md");
	if (plans_seen < 250)
		fail_msg("only %u plans were found: is this the project's folder?", plans_seen);
}

/* A text that is not the tree's: nothing is handed out that would be another plan. */
static void test_another_tree_is_refused(void **state)
{
	struct plan plan;
	size_t length;

	(void)state;
	plan_read(&plan, "let a = 1\n", 10);
	assert_non_null(format_file(&plan.arena, &plan.sources, plan.root, &length));
	plan.root->file.items->binding.value->integer = 2;
	assert_null(format_file(&plan.arena, &plan.sources, plan.root, &length));
	arena_free(&plan.arena);
}

/* Nothing looks ahead further than a line, however deep or long things are. */
static void test_deep_and_long(void **state)
{
	size_t length;
	char *text, *shown;
	FILE *out = open_memstream(&text, &length);

	(void)state;
	fputs("let deep = ", out);
	for (int i = 0; i < 300; i++)
		fputs("[f(", out);
	for (int i = 0; i < 300; i++)
		fputs(")]", out);
	fputs("\nlet long = 1", out);
	for (int i = 0; i < 900; i++)
		fputs(" + f(1, [2])", out);
	fputs("\nlet wide = [", out);
	for (int i = 0; i < 20000; i++)
		fputs("{ a: 1 }, ", out);
	fputs("]\n", out);
	fclose(out);
	assert_null(check(text, length, &shown));
	free(shown);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_generated_plans),
	    cmocka_unit_test(test_plans_of_the_project),
	    cmocka_unit_test(test_another_tree_is_refused),
	    cmocka_unit_test(test_deep_and_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
