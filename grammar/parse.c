#include "grammar/parse.h"

#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"
#include "grammar/plan.lex.h"

char *parser_copy(const struct parser *p, struct span at)
{
	return arena_strndup(p->arena, p->text + at.from, at.to - at.from);
}

static void scan_all(struct parser *p)
{
	struct scan scan = {.file = p->file, .text = p->text, .left = p->length};
	yyscan_t scanner;
	YYSTYPE unused;
	struct span at;
	int code;

	if (plan_lex_init_extra(&scan, &scanner))
		arena_out_of_memory();
	while (!p->stopped && !p->ended && (code = plan_lex(&unused, &at, scanner)) != 0) {
		layout_token(p, code, at);
		for (; p->leave_strings; p->leave_strings--)
			scan_leave_strings(scanner);
	}
	plan_lex_destroy(scanner);
}

static void attach_file_tokens(struct parser *p, struct node *file)
{
	file->span = (struct span){p->file, 0, p->length};
	file->file.tokens = p->tokens;
	file->file.token_count = p->token_count;
}

/* The tree of text number `file`, or NULL where nothing could be read. */
static struct node *parse(struct parser *p, int start)
{
	p->text = source_check(p->arena, p->sources, p->file, p->diags);
	p->length = source_get(p->sources, p->file)->length;
	if (!p->text)
		return NULL;
	p->automaton = yypstate_new();
	if (!p->automaton)
		arena_out_of_memory();
	words_init(p);
	layout_init(p, start);
	scan_all(p);
	layout_end(p);
	yypstate_delete(p->automaton);
	return p->result;
}

static struct node *error_node(struct parser *p)
{
	struct span whole = {p->file, 0, source_get(p->sources, p->file)->length};

	return build_node(whole, p, &(struct node){.kind = NODE_ERROR});
}

struct node *parse_file(struct arena *arena, struct sources *sources, uint32_t file, struct diags *diags,
			unsigned flags)
{
	struct parser p = {.arena = arena, .sources = sources, .diags = diags, .file = file};
	struct node *root;

	p.keeps_tokens = !(flags & PARSE_NO_TOKENS);
	root = parse(&p, TOK_START_FILE);
	if (!root) {
		root = error_node(&p);
		root =
		    build_node(root->span, &p, &(struct node){.kind = NODE_FILE, .file = {root, 1, 0, NULL}});
	}
	attach_file_tokens(&p, root);
	return root;
}

static struct node *parse_text(struct arena *arena, struct sources *sources, const char *origin,
			       const char *text, struct diags *diags, int start)
{
	struct parser p = {.arena = arena, .sources = sources, .diags = diags};
	struct node *root;

	p.file = source_add(sources, origin, text, strlen(text));
	root = parse(&p, start);
	return root ? root : error_node(&p);
}

struct node *parse_signature(struct arena *arena, struct sources *sources, const char *text,
			     struct diags *diags)
{
	return parse_text(arena, sources, "<signature>", text, diags, TOK_START_SIGNATURE);
}

struct node *parse_type(struct arena *arena, struct sources *sources, const char *text, struct diags *diags)
{
	return parse_text(arena, sources, "<type>", text, diags, TOK_START_TYPE);
}

struct node *parse_expression(struct arena *arena, struct sources *sources, const char *origin,
			      const char *text, struct diags *diags)
{
	return parse_text(arena, sources, origin, text, diags, TOK_START_EXPRESSION);
}
