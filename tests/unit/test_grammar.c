/* test_grammar.c: the parser from the outside. What trees look like is tested by tests/parse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "grammar/parse.h"

struct compilation {
	struct arena arena;
	struct sources sources;
	struct diags diags;
};

static int set_up(void **state)
{
	struct compilation *c = calloc(1, sizeof(*c));

	arena_init(&c->arena);
	sources_init(&c->sources, &c->arena);
	diags_init(&c->diags, &c->arena);
	*state = c;
	return 0;
}

static int tear_down(void **state)
{
	struct compilation *c = *state;

	arena_free(&c->arena);
	free(c);
	return 0;
}

static struct node *parse_bytes(struct compilation *c, const char *text, size_t length)
{
	uint32_t file = source_add(&c->sources, "test.plan", text, length);

	return parse_file(&c->arena, &c->sources, file, &c->diags, 0);
}

static struct node *parse(struct compilation *c, const char *text)
{
	return parse_bytes(c, text, strlen(text));
}

/* The value of `let x = …`. */
static struct node *value_of(struct compilation *c, const char *expression)
{
	struct node *root = parse(c, arena_printf(&c->arena, "let x = %s\n", expression));

	assert_int_equal(root->file.items->kind, NODE_LET);
	return root->file.items->binding.value;
}

static char *printed(struct compilation *c, bool color)
{
	char *text = NULL, *copy;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	diag_print(out, &c->diags, &c->sources, color);
	fclose(out);
	copy = arena_strdup(&c->arena, text);
	free(text);
	return copy;
}

/* ---- values ---- */

static void test_numbers(void **state)
{
	struct compilation *c = *state;

	assert_int_equal(value_of(c, "9_223_372_036_854_775_807")->integer, INT64_MAX);
	assert_true(value_of(c, "0.1")->number == 0.1);
	assert_true(value_of(c, "7%")->number == 0.07);
	assert_true(value_of(c, "0.1%")->number == 0.001);
	assert_int_equal(value_of(c, "250ms")->integer, 250000000);
	assert_int_equal(value_of(c, "1h30m")->integer, INT64_C(5400000000000));
	assert_int_equal(value_of(c, "0.001s")->integer, 1000000);
	assert_int_equal(value_of(c, "7d")->kind, NODE_DURATION);
	assert_int_equal(value_of(c, "1.5KiB")->integer, 1536);
	assert_int_equal(value_of(c, "8388607TiB")->kind, NODE_SIZE);
	assert_int_equal(c->diags.errors, 0);
	assert_int_equal(value_of(c, "9223372036854775808")->kind, NODE_ERROR);
	assert_int_equal(value_of(c, "8388608TiB")->kind, NODE_ERROR);
	assert_int_equal(value_of(c, "0.00000000000000000000000000000000000000000001s")->kind, NODE_ERROR);
	assert_int_equal(c->diags.errors, 3);
}

static void expect_text(struct compilation *c, const char *literal, const char *text)
{
	struct node *string = value_of(c, literal);

	assert_int_equal(string->kind, NODE_STRING);
	assert_int_equal(string->string.count, 1);
	assert_false(string->string.interpolated);
	assert_string_equal(string->string.parts->text.bytes, text);
	assert_int_equal(string->string.parts->text.length, strlen(text));
}

static void test_strings(void **state)
{
	struct compilation *c = *state;

	expect_text(c, "\"\"", "");
	expect_text(c, "''", "");
	expect_text(c, "\"a\\n\\t\\r\\\"\\'\\\\\\$\\u{e9}\"", "a\n\t\r\"'\\$\u00e9");
	expect_text(c, "'a\\n${b}'", "a\\n${b}");
	expect_text(c, "\"$ $$ $5 \\${x}\"", "$ $$ $5 ${x}");
	expect_text(c, "\"\"\"\n  a\n    b\n\n  c\n  \"\"\"", "a\n  b\n\nc");
	expect_text(c, "'''\r\n\ta\r\n\t b\r\n\t'''", "a\n b");
	expect_text(c, "\"\"\"a\"b\"\"\"", "a\"b");
	assert_int_equal(c->diags.errors, 0);
}

static void test_interpolation(void **state)
{
	struct compilation *c = *state;
	struct node *string = value_of(c, "\"a${b}${c.d}e\"");
	struct node *part = string->string.parts;

	assert_int_equal(string->string.count, 4);
	assert_true(string->string.interpolated);
	assert_string_equal(part->text.bytes, "a");
	part = part->next;
	assert_string_equal(part->name, "b");
	part = part->next;
	assert_int_equal(part->kind, NODE_FIELD);
	part = part->next;
	assert_string_equal(part->text.bytes, "e");
	assert_null(part->next);
}

/* ---- spans and tokens ---- */

static void expect_span(struct compilation *c, struct span span, const char *text)
{
	assert_int_equal(span.to - span.from, strlen(text));
	assert_memory_equal(source_text(&c->sources, span), text, strlen(text));
}

static void test_spans(void **state)
{
	struct compilation *c = *state;
	struct node *root = parse(c, "step name \"title\" {\n  let a = f(x: 1) + \"b${c}\"\n}\n");
	struct node *step = root->file.items;
	struct node *let = step->step.body->block.statements;
	struct node *sum = let->binding.value;

	expect_span(c, step->step.name.span, "name");
	expect_span(c, step->step.title->span, "\"title\"");
	expect_span(c, let->span, "let a = f(x: 1) + \"b${c}\"");
	expect_span(c, let->binding.name.span, "a");
	expect_span(c, sum->binary.op_span, "+");
	expect_span(c, sum->binary.left->span, "f(x: 1)");
	expect_span(c, sum->binary.left->call.arguments->argument.name.span, "x");
	expect_span(c, sum->binary.right->string.parts->span, "b");
	expect_span(c, sum->binary.right->string.parts->next->span, "c");
	assert_int_equal(step->step.body->span.to, step->span.to);
}

static void test_positions(void **state)
{
	struct compilation *c = *state;
	uint32_t file = source_add(&c->sources, "p", "a\n\t\u00fcb\r\n", 8);
	struct position p = source_position(&c->sources, file, 5);

	assert_int_equal(p.line, 2);
	assert_int_equal(p.column, 3);
	assert_int_equal(source_position(&c->sources, file, 8).line, 3);
	expect_span(c, source_line(&c->sources, file, 2), "\t\u00fcb");
	expect_span(c, source_line(&c->sources, file, 3), "");
}

/* Every byte is in one token or is a blank between two. */
static void check_tokens(const struct node *root, const char *text, size_t length)
{
	size_t at = 0;

	for (uint32_t i = 0; i <= root->file.token_count; i++) {
		size_t from = i < root->file.token_count ? root->file.tokens[i].from : length;

		assert_true(from >= at);
		for (; at < from; at++)
			assert_non_null(strchr(" \t\r", text[at]));
		at = i < root->file.token_count ? root->file.tokens[i].to : length;
	}
}

static void test_no_tokens(void **state)
{
	struct compilation *c = *state;
	const char *text = "# doc\nparam p: int = 1 # one\nstep s \"t\" { log \"${p} x\" }\n";
	struct node *with = parse(c, text), *other = parse(c, "param p: int = 2\n");
	uint32_t file = source_add(&c->sources, "test.plan", text, strlen(text));
	struct node *without = parse_file(&c->arena, &c->sources, file, &c->diags, PARSE_NO_TOKENS);

	assert_null(without->file.tokens);
	assert_int_equal(without->file.token_count, 0);
	assert_true(ast_equal(with, without));
	assert_string_equal(without->file.items->doc, "doc");
	assert_true(ast_hash(with) == ast_hash(without));
	assert_true(ast_hash(with) != ast_hash(other));
}

/* The scanner sees a text in pieces of 8 and 16 KiB: tokens longer than those, and on their borders. */
static void test_long_tokens(void **state)
{
	struct compilation *c = *state;

	for (size_t length = 8170; length < 8210; length++) {
		char *name = arena_alloc(&c->arena, length + 1);

		memset(name, 'a', length);
		assert_string_equal(value_of(c, arena_printf(&c->arena, "%s.b", name))->field.object->name,
				    name);
		assert_int_equal(
		    value_of(c, arena_printf(&c->arena, "\"%s%s\"", name, name))->string.parts->text.length,
		    2 * length);
	}
	assert_int_equal(c->diags.errors, 0);
}

/* Blocks of malloc, of huge pages, and one of its own: all zeroed, none over another. */
static void test_large_arena(void **state)
{
	static const size_t SIZES[] = {8, 100000, 600000, 2 * 1024 * 1024, 5000000, 24, 1000000};
	struct compilation *c = *state;
	unsigned char *pieces[70];

	for (size_t i = 0; i < 70; i++) {
		size_t size = SIZES[i % 7];

		pieces[i] = arena_alloc(&c->arena, size);
		assert_int_equal((uintptr_t)pieces[i] % ARENA_ALIGNMENT, 0);
		for (size_t at = 0; at < size; at += at + 8 < size ? 509 : 1)
			assert_int_equal(pieces[i][at], 0);
		memset(pieces[i], (int)i + 1, size);
	}
	for (size_t i = 0; i < 70; i++) {
		assert_int_equal(pieces[i][0], i + 1);
		assert_int_equal(pieces[i][SIZES[i % 7] - 1], i + 1);
	}
}

static void test_tokens(void **state)
{
	struct compilation *c = *state;
	const char *text = "# c\nlet step_ = timeout  # d\r\nlog \"a${b}\" '''x\n'''\n@";
	static const enum token_kind KINDS[] = {
	    TOKEN_COMMENT, TOKEN_NEWLINE, TOKEN_KEYWORD, TOKEN_WORD,   TOKEN_MARK,    TOKEN_WORD,
	    TOKEN_COMMENT, TOKEN_NEWLINE, TOKEN_KEYWORD, TOKEN_STRING, TOKEN_STRING,  TOKEN_MARK,
	    TOKEN_WORD,	   TOKEN_MARK,	  TOKEN_STRING,	 TOKEN_STRING, TOKEN_NEWLINE, TOKEN_UNKNOWN,
	};
	struct node *root = parse(c, text);

	assert_int_equal(root->file.token_count, sizeof(KINDS) / sizeof(*KINDS));
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++)
		assert_int_equal(root->file.tokens[i].kind, KINDS[i]);
	check_tokens(root, text, strlen(text));
}

/* ---- lines ---- */

static void expect_same(struct compilation *c, const char *left, const char *right)
{
	struct node *l = parse(c, left), *r = parse(c, right);

	assert_int_equal(c->diags.errors, 0);
	assert_true(ast_equal(l, r));
}

static void test_newlines(void **state)
{
	struct compilation *c = *state;

	expect_same(c, "let a = b + c", "\n\nlet a =\n b\n +\n\n # d\n c\n\n");
	expect_same(c, "step \"x\" { f().g() }", "step \"x\" {\n f()\n .g()\n }");
	expect_same(c, "step \"x\" { if a { b() } else { c() } }",
		    "step \"x\" { if a { b() }\n\n else {\n c() } }");
	expect_same(c, "step \"x\" { expect \"l\" a within 1s }",
		    "step \"x\" { expect \"l\"\n a\n within 1s }");
	expect_same(c, "let a = f(b, [c, d])", "let a = f(\nb\n,\n[\nc,\nd\n]\n)");
	expect_same(c, "let a = { b: 1, c: 2 }", "let a = {\n b:\n 1,\n c: 2,\n }");
	parse(c, "step \"x\" { a()\n -b }");
	assert_int_equal(c->diags.errors, 1);
	parse(c, "step \"x\" { a() b() }");
	assert_int_equal(c->diags.errors, 2);
}

static void test_equality(void **state)
{
	struct compilation *c = *state;
	const char *text = "step a \"b\" { c(1, x: 2%) }";

	assert_false(ast_equal(parse(c, text), parse(c, "step a \"b\" { c(1, x: 3%) }")));
	assert_false(ast_equal(parse(c, text), parse(c, "step a \"b\" { c(1, y: 2%) }")));
	assert_false(ast_equal(parse(c, text), parse(c, "step a \"b\" { c(1) }")));
	assert_false(ast_equal(parse(c, text), parse(c, "step a 'b' { c(1, x: 2%) }")));
	assert_true(ast_equal(parse(c, text), parse(c, "# d\nstep a \"b\" {\n # e\n c( 1 , x:2% ) }")));
}

static void test_reserved_words(void **state)
{
	(void)state;
	assert_true(parse_word_is_reserved("if"));
	assert_true(parse_word_is_reserved("rollback"));
	assert_false(parse_word_is_reserved("plan"));
	assert_false(parse_word_is_reserved("within"));
	assert_false(parse_word_is_reserved("foo"));
}

static void test_every_kind_has_a_name(void **state)
{
	(void)state;
	for (int kind = 0; kind < NODE_KIND_COUNT; kind++)
		assert_non_null(ast_kind_name((enum node_kind)kind));
}

/* ---- other entries ---- */

static void test_signature(void **state)
{
	struct compilation *c = *state;
	struct node *s =
	    parse_signature(&c->arena, &c->sources,
			    "(container: string, command: list(string), timeout: duration = 1m,\n"
			    " host: string = default, to: path | null = null, in: any, values: any...)\n"
			    "-> { code: int, out: string }",
			    &c->diags);
	struct node *p = s->signature.params;

	assert_int_equal(c->diags.errors, 0);
	assert_int_equal(s->kind, NODE_SIGNATURE);
	assert_string_equal(p->param.name.text, "container");
	p = p->next;
	assert_int_equal(p->param.type->kind, NODE_TYPE_LIST);
	p = p->next;
	assert_int_equal(p->param.initial->kind, NODE_DURATION);
	p = p->next;
	assert_string_equal(p->param.initial->name, "default");
	p = p->next;
	assert_int_equal(p->param.type->kind, NODE_TYPE_UNION);
	p = p->next;
	assert_string_equal(p->param.name.text, "in");
	p = p->next;
	assert_true(p->param.variadic);
	assert_int_equal(s->signature.result->kind, NODE_TYPE_RECORD);
	assert_null(parse_signature(&c->arena, &c->sources, "()", &c->diags)->signature.result);
	assert_int_equal(c->diags.errors, 0);
	assert_int_equal(parse_signature(&c->arena, &c->sources, "(a: )", &c->diags)->kind, NODE_ERROR);
	assert_int_equal(parse_signature(&c->arena, &c->sources, "", &c->diags)->kind, NODE_ERROR);
	assert_int_equal(parse_signature(&c->arena, &c->sources, "() -> int int", &c->diags)->kind,
			 NODE_ERROR);
	assert_int_equal(c->diags.errors, 3);
}

static void test_type_and_expression(void **state)
{
	struct compilation *c = *state;

	assert_int_equal(parse_type(&c->arena, &c->sources, "list({ a: int })", &c->diags)->kind,
			 NODE_TYPE_LIST);
	assert_int_equal(parse_type(&c->arena, &c->sources, "string in ['a']", &c->diags)->kind,
			 NODE_TYPE_ENUM);
	assert_int_equal(parse_expression(&c->arena, &c->sources, "--set", "[1, { a: 5% }]", &c->diags)->kind,
			 NODE_LIST);
	assert_int_equal(parse_expression(&c->arena, &c->sources, "--set", "timeout", &c->diags)->kind,
			 NODE_NAME);
	assert_int_equal(c->diags.errors, 0);
	assert_int_equal(parse_type(&c->arena, &c->sources, "3", &c->diags)->kind, NODE_ERROR);
	assert_int_equal(parse_expression(&c->arena, &c->sources, "--set", "1 2", &c->diags)->kind,
			 NODE_ERROR);
	assert_int_equal(parse_expression(&c->arena, &c->sources, "--set", "(1", &c->diags)->kind, NODE_INT);
	assert_int_equal(c->diags.errors, 3);
	assert_non_null(strstr(printed(c, false), "--set:1:3: error[E0110]"));
}

static void test_loading(void **state)
{
	struct compilation *c = *state;
	uint32_t file = 0;

	assert_string_equal(source_load(&c->sources, "/", &file), "is a directory");
	assert_string_equal(source_load(&c->sources, "/no/such/file", &file), "No such file or directory");
	assert_int_equal(c->sources.count, 0);
}

/* ---- diagnostics ---- */

static void test_suggestions(void **state)
{
	static const char *const NAMES[] = {"timeout", "rollback", "if", "healthy", "within"};

	(void)state;
	assert_string_equal(suggest_name("timout", NAMES, 5), "timeout");
	assert_string_equal(suggest_name("TIMEOUT", NAMES, 5), "timeout");
	assert_string_equal(suggest_name("rolbakc", NAMES, 5), "rollback");
	assert_string_equal(suggest_name("wihtin", NAMES, 5), "within");
	assert_null(suggest_name("elephant", NAMES, 5));
	assert_null(suggest_name("x", NAMES, 5));
	assert_null(suggest_name("", NAMES, 5));
	assert_null(suggest_name("timeout", NAMES, 0));
}

static void test_print_is_safe(void **state)
{
	struct compilation *c = *state;
	const char *text = "let a = \033[31m \xff \u202e b";
	uint32_t file = source_add(&c->sources, "evil\033]0;.plan", text, strlen(text));
	char *out;

	diag_hint(diag_error(&c->diags, "E0000", (struct span){file, 8, 9}, "say \033[2J\nit"), "no\rhint");
	out = printed(c, false);
	assert_null(strpbrk(out, "\033\r"));
	assert_null(strchr(out, '\xff'));
	assert_null(strstr(out, "\u202e"));
	assert_non_null(strstr(out, "say \u241b[2J\u240ait"));
	assert_non_null(strstr(printed(c, true), "\033[1;31merror"));
}

static void test_print_shape(void **state)
{
	struct compilation *c = *state;
	const char *text = "require latency < 5%\n";
	uint32_t file = source_add(&c->sources, "a.plan", text, strlen(text));
	struct diag *d =
	    diag_error(&c->diags, "E0203", (struct span){file, 16, 17}, "a percent with a duration");

	diag_secondary(d, (struct span){file, 8, 15}, "this is a duration");
	diag_secondary(d, (struct span){file, 18, 20}, NULL);
	diag_hint(d, "did you mean %ds?", 5);
	diag_warning(&c->diags, "L0001", (struct span){file, 0, 7}, "first in the text");
	assert_string_equal(printed(c, false), "a.plan:1:1: warning[L0001]: first in the text\n"
					       "   1 | require latency < 5%\n"
					       "     | ^^^^^^^\n"
					       "a.plan:1:17: error[E0203]: a percent with a duration\n"
					       "   1 | require latency < 5%\n"
					       "     |         ~~~~~~~ ^ ~~\n"
					       "     |         this is a duration\n"
					       "  hint: did you mean 5s?\n");
}

static void test_print_other_files(void **state)
{
	struct compilation *c = *state;
	uint32_t a = source_add(&c->sources, "a.plan", "one\ntwo\n", 8);
	uint32_t b = source_add(&c->sources, "b.plan", "three\n", 6);
	struct diag *d = diag_error(&c->diags, "E0001", (struct span){a, 4, 7}, "twice");

	diag_label(d, "again");
	diag_secondary(d, (struct span){b, 0, 5}, "first");
	assert_string_equal(printed(c, false), "a.plan:2:1: error[E0001]: twice\n"
					       "   2 | two\n"
					       "     | ^^^ again\n"
					       "   -> b.plan:1:1\n"
					       "   1 | three\n"
					       "     | ~~~~~ first\n");
}

static void test_many_errors_are_counted(void **state)
{
	struct compilation *c = *state;
	char *text = arena_alloc(&c->arena, 4 * 1000 + 1);

	for (int i = 0; i < 1000; i++)
		memcpy(text + 4 * i, "a b\n", 4);
	parse(c, text);
	assert_int_equal(c->diags.errors, 1000);
	assert_non_null(strstr(printed(c, false), "... and 800 more\n"));
}

/* ---- hostile input ---- */

static uint64_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return *seed >> 33;
}

struct checked {
	uint32_t length;
	bool has_error;
};

static void check_node(struct node *node, void *context)
{
	struct checked *checked = context;

	assert_true(node->span.from <= node->span.to && node->span.to <= checked->length);
	assert_in_range(node->depth, 1, RUNPLAN_MAX_DEPTH);
	checked->has_error = checked->has_error || node->kind == NODE_ERROR;
	ast_each_child(node, check_node, context);
}

/* Whatever the text: a tree with sound spans, NODE_ERROR only where something was reported, and diagnostics
 * that print. */
static void check_any(const char *text, size_t length)
{
	struct compilation *c;
	struct checked checked = {(uint32_t)length, false};
	struct node *root;
	FILE *null = fopen("/dev/null", "w");

	set_up((void **)&c);
	root = parse_bytes(c, text, length);
	assert_int_equal(root->kind, NODE_FILE);
	check_node(root, &checked);
	if (checked.has_error)
		assert_true(c->diags.errors > 0);
	if (c->diags.errors == 0)
		check_tokens(root, text, length);
	assert_true(ast_equal(root, root));
	diag_print(null, &c->diags, &c->sources, true);
	ast_dump(null, root, true);
	fclose(null);
	tear_down((void **)&c);
}

static void test_random_bytes(void **state)
{
	enum { LENGTH = 1 << 20 };
	char *bytes = malloc(LENGTH);
	uint64_t seed = 1;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		clock_t before = clock();

		for (int i = 0; i < LENGTH; i++) {
			uint64_t r = next_random(&seed);

			bytes[i] = (char)(kind == 0	? r
					  : kind == 1	? 1 + r % 127
					  : r % 40 == 0 ? '\n'
							: 32 + r % 95);
		}
		check_any(bytes, LENGTH);
		/* 1 s is what is promised; sanitizers and valgrind take their share. */
		assert_true(clock() - before < 30 * CLOCKS_PER_SEC);
	}
	free(bytes);
}

static void test_word_salad(void **state)
{
	static const char *const WORDS[] = {
#define KEYWORD(token, text, where) text,
#define FOLLOWS(first, second)
#include "grammar/keywords.def"
	    "{",   "}",	     "{", "}",	"(",  ")",  "[",  "]",	"\"x\"", "'y'", "\"${",
	    "}\"", "\"\"\"", "1", "5%", "3s", "a",  "a",  "b:", ".",	 ",",	"=",
	    "=>",  "..",     "-", "+",	"==", "\n", "\n", "\n", "# c\n",
	};
	enum { COUNT = 3000 };
	char *text = malloc(COUNT * 16);
	uint64_t seed = 2;

	(void)state;
	for (int round = 0; round < 40; round++) {
		size_t length = 0;

		for (int i = 0; i < COUNT; i++)
			length +=
			    (size_t)sprintf(text + length, "%s ",
					    WORDS[next_random(&seed) % (sizeof(WORDS) / sizeof(*WORDS))]);
		check_any(text, length);
	}
	free(text);
}

static void test_deep_nesting(void **state)
{
	static const struct {
		const char *before, *middle, *after;
	} NESTS[] = {
	    {"(", "1", ")"},
	    {"[", "1", "]"},
	    {"{ a: ", "1", " }"},
	    {"not ", "a", ""},
	    {"- ", "a", ""},
	    {"", "1", " + 1"},
	    {"", "a", ".b"},
	    {"", "a", "()"},
	    {"", "a", "[0]"},
	    {"\"${", "a", "}\""},
	    {"a ?? ", "1", ""},
	    {"f(", "1", ")"},
	    {"[x for x in ", "1", "]"},
	    {"if a { ", "1", " } else { 2 }"},
	    {"match a { 1 => ", "1", " }"},
	    {"a or ", "b", ""},
	    {"(", "", ""},
	    {"", "", ")"},
	};
	enum { DEPTH = 10000 };
	char *text = malloc(DEPTH * 40);

	(void)state;
	for (size_t n = 0; n < sizeof(NESTS) / sizeof(*NESTS); n++) {
		char *end = stpcpy(text, "let x = ");

		for (int i = 0; i < DEPTH; i++)
			end = stpcpy(end, NESTS[n].before);
		end = stpcpy(end, NESTS[n].middle);
		for (int i = 0; i < DEPTH; i++)
			end = stpcpy(end, NESTS[n].after);
		check_any(text, (size_t)(end - text));
	}
	free(text);
}

static void test_nesting_limit(void **state)
{
	struct compilation *c = *state;
	char text[4096] = "let x = ";

	memset(text + 8, '(', 900);
	text[908] = '1';
	memset(text + 909, ')', 900);
	parse(c, text);
	assert_int_equal(c->diags.errors, 0);
	memset(text + 8, '(', 1500);
	parse(c, text);
	assert_int_equal(c->diags.errors, 1);
	assert_string_equal(c->diags.first->code, "E0108");
}

static const char BASE[] =
    "# doc\nimport \"a.plan\" as a\nplan \"t ${x}\" { lock \"l\"\n rollback within 5m }\n"
    "param v: string in [\"a\"] = \"a\" where v matches '^a' \"doc\"\n"
    "threshold e(max: percent = 5%) { measure p.q('x') as ratio\n must < max\n no data tolerate 3 }\n"
    "task t(a: int, b: list(string) = []): int { return if a > 1 { 2 } else { 3 } }\n"
    "phase \"p\" expect 1m..2m {\n  step s \"S ${v}\" {\n    timeout 3m\n    let r = { k: [1, 2], \"q\": "
    "all(x for x in y) }\n"
    "    match v { \"a\", \"b\" => go()\n      3 => { stay() }\n      else => leave() }\n"
    "    if a and not b { c() } else if d { e() }\n    else { f() }\n"
    "    expect \"l\" u() == \"\"\"\n      x ${y}\n      \"\"\" within 5s else warn\n"
    "    hold 5m watching e, a.f(max: 2%)\n    rollback { require ok() else \"no\"\n undo() }\n  }\n}\n"
    "test \"t\" { given p.q fails \"x\" once\n run { v: \"b\" }\n expect outcome == \"done\" }\n";

static void test_mutated_files(void **state)
{
	static const char BITS[] = "{}()[]\"'$\\\n #:=>.,%-a1";
	char text[sizeof(BASE) + 64];
	uint64_t seed = 3;

	(void)state;
	for (int round = 0; round < 400; round++) {
		size_t length = sizeof(BASE) - 1;
		uint64_t changes = 1 + next_random(&seed) % 6;

		memcpy(text, BASE, sizeof(BASE));
		for (uint64_t i = 0; i < changes; i++) {
			size_t at = next_random(&seed) % length;
			size_t cut = 1 + next_random(&seed) % 10;

			if (next_random(&seed) % 2) {
				memmove(text + at + 1, text + at, length - at);
				text[at] = BITS[next_random(&seed) % (sizeof(BITS) - 1)];
				length++;
			} else if (at + cut < length) {
				memmove(text + at, text + at + cut, length - at - cut);
				length -= cut;
			}
		}
		check_any(text, length);
	}
	for (size_t length = 0; length < sizeof(BASE); length++)
		check_any(BASE, length);
}

static void test_the_base_is_right(void **state)
{
	struct compilation *c = *state;

	parse(c, BASE);
	assert_string_equal(printed(c, false), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_numbers),
	    TEST(test_strings),
	    TEST(test_interpolation),
	    TEST(test_spans),
	    TEST(test_positions),
	    TEST(test_tokens),
	    TEST(test_no_tokens),
	    TEST(test_long_tokens),
	    TEST(test_large_arena),
	    TEST(test_newlines),
	    TEST(test_equality),
	    TEST(test_reserved_words),
	    TEST(test_every_kind_has_a_name),
	    TEST(test_signature),
	    TEST(test_type_and_expression),
	    TEST(test_loading),
	    TEST(test_suggestions),
	    TEST(test_print_is_safe),
	    TEST(test_print_shape),
	    TEST(test_print_other_files),
	    TEST(test_many_errors_are_counted),
	    TEST(test_random_bytes),
	    TEST(test_word_salad),
	    TEST(test_deep_nesting),
	    TEST(test_nesting_limit),
	    TEST(test_the_base_is_right),
	    TEST(test_mutated_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
