/* format_marks.c: from the tree to words: where lines begin, and which words break together. */
#include "grammar/format_inner.h"
#include "grammar/parser.h"
#include "grammar/plan.tab.h"

struct marking {
	struct format *f;
	const struct node *parent;
};

static uint32_t first_word(const struct marking *m, const struct node *node)
{
	return format_word_at(m->f, node->span.from);
}

static uint32_t last_word(const struct marking *m, const struct node *node)
{
	return format_word_at(m->f, node->span.to - 1);
}

static void mark(const struct marking *m, uint32_t word, unsigned marks)
{
	m->f->words[word].marks |= (uint16_t)marks;
}

static struct group *group(const struct marking *m, enum group_kind kind, uint32_t first, uint32_t last)
{
	struct format *f = m->f;

	f->groups = arena_grow(f->arena, f->groups, f->group_count, &f->group_room, sizeof(*f->groups));
	f->groups[f->group_count] = (struct group){.kind = kind, .first = first, .last = last};
	return &f->groups[f->group_count++];
}

/* ---- lines ---- */

static bool is_line(const struct node *node, const struct node *parent)
{
	switch (node->kind) {
	case NODE_FILE:
	case NODE_BLOCK:
	case NODE_USE:
		return false;
	case NODE_PARAM:
		return parent->kind == NODE_FILE;
	case NODE_IF:
		return !node->choice.is_expression && parent->kind != NODE_IF;
	case NODE_MATCH:
		return !node->match.is_expression;
	default:
		return node->kind < NODE_NULL;
	}
}

/* A name is enough of a head for these; an expression may be long. */
static bool has_long_head(const struct node *node)
{
	switch (node->kind) {
	case NODE_IF:
	case NODE_MATCH:
	case NODE_FOR:
	case NODE_WHILE:
	case NODE_WATCH:
		return true;
	default:
		return false;
	}
}

static void mark_line(struct marking *m, const struct node *node)
{
	uint32_t first = first_word(m, node);
	struct group *line = group(m, GROUP_LINE, first, last_word(m, node));

	line->head_four = has_long_head(node);
	mark(m, first, WORD_BEGINS_LINE);
	if (node->kind == NODE_ARM && !node->arm.patterns)
		mark(m, first, WORD_ELSE_ARM);
	if (node->kind == NODE_EXPECT && node->check.label) {
		line->expect = true;
		mark(m, last_word(m, node->check.label) + 1, WORD_AFTER_LABEL);
	}
}

/* Parts with commas between them and no bracket around them. */
static void mark_bare_list(struct marking *m, const struct node *first)
{
	const struct node *last = first;
	struct group *chain;
	uint32_t end;

	if (!first->next)
		return;
	while (last->next)
		last = last->next;
	/* Parts may stand in parentheses, which are not in their spans. */
	end = last_word(m, last);
	while (m->parent->kind == NODE_ARM && m->f->words[end + 1].code != TOK_ARROW)
		end++;
	chain = group(m, GROUP_CHAIN, first_word(m, m->parent->kind == NODE_ARM ? m->parent : first), end);
	chain->after = true;
	for (const struct node *part = first; part != last; part = part->next) {
		uint32_t comma = last_word(m, part);

		while (!format_is_comma(m->f, comma))
			comma++;
		mark(m, comma, WORD_BREAKS);
	}
}

/* ---- operators ---- */

static int strength(enum operator op)
{
	switch (op) {
	case OP_OR:
		return 1;
	case OP_AND:
		return 2;
	case OP_DEFAULT:
		return 4;
	case OP_ADD:
	case OP_SUB:
		return 5;
	case OP_MUL:
	case OP_DIV:
	case OP_MOD:
		return 6;
	default:
		return 3;
	}
}

/* Whether `child` goes on a chain that `parent` is of: it stands there without parentheses. */
static bool continues_chain(const struct node *child, const struct node *parent)
{
	if (child->kind != NODE_BINARY || parent->kind != NODE_BINARY ||
	    strength(child->binary.op) != strength(parent->binary.op))
		return false;
	return (parent->binary.left == child && child->span.from == parent->span.from) ||
	       (parent->binary.right == child && child->span.to == parent->span.to);
}

static void mark_binary(struct marking *m, const struct node *node)
{
	mark(m, format_word_at(m->f, node->binary.op_span.from), WORD_BREAKS);
	if (!continues_chain(node, m->parent)) {
		struct group *chain = group(m, GROUP_CHAIN, first_word(m, node), last_word(m, node));

		for (const struct node *n = node;; n = n->binary.left) {
			chain->minus |= n->binary.op == OP_SUB;
			if (!continues_chain(n->binary.left, n))
				break;
		}
	}
}

static const struct node *hangs_on(const struct node *node)
{
	return node->kind == NODE_FIELD	  ? node->field.object
	       : node->kind == NODE_CALL  ? node->call.callee
	       : node->kind == NODE_INDEX ? node->index.object
					  : NULL;
}

/* The `.` of `f(x).g`, or FORMAT_NO_WORD. */
static uint32_t dot_after_call(const struct marking *m, const struct node *node)
{
	uint32_t dot;
	int before;

	if (node->kind != NODE_FIELD)
		return FORMAT_NO_WORD;
	dot = format_word_at(m->f, node->field.name.span.from) - 1;
	before = m->f->words[dot - 1].code;
	return before == TOK_RPAREN || before == TOK_RBRACKET ? dot : FORMAT_NO_WORD;
}

/* Two calls or more, hung on each other with `.`. */
static void mark_calls(struct marking *m, const struct node *node)
{
	unsigned dots = 0;

	if (hangs_on(m->parent) == node)
		return;
	for (const struct node *n = node; n; n = hangs_on(n))
		dots += dot_after_call(m, n) != FORMAT_NO_WORD;
	if (dots < 2)
		return;
	group(m, GROUP_CHAIN, first_word(m, node), last_word(m, node));
	for (const struct node *n = node; n; n = hangs_on(n)) {
		uint32_t dot = dot_after_call(m, n);

		if (dot != FORMAT_NO_WORD)
			mark(m, dot, WORD_BREAKS);
	}
}

static void mark_union(struct marking *m, const struct node *node)
{
	group(m, GROUP_CHAIN, first_word(m, node), last_word(m, node));
	for (const struct node *type = node->type_union.choices->next; type; type = type->next)
		mark(m, first_word(m, type) - 1, WORD_BREAKS);
}

/* `else if` belongs to the `if` before it. */
static void mark_value(struct marking *m, const struct node *node)
{
	uint32_t first = first_word(m, node);

	if (node->kind == NODE_MATCH || m->f->words[first - 1].code != TOK_ELSE ||
	    m->parent->kind != NODE_IF || m->parent->choice.otherwise != node)
		group(m, GROUP_VALUE, first, last_word(m, node));
}

/* ---- brackets ---- */

/* The opener of the bracket that ends `node`. */
static void mark_last_bracket(struct marking *m, const struct node *node, unsigned marks)
{
	const struct word *last = &m->f->words[last_word(m, node)];

	if (last->mate != FORMAT_NO_WORD)
		mark(m, last->mate, marks);
}

static void mark_parameters(struct marking *m, const struct node *node)
{
	uint32_t next = format_word_at(m->f, node->callable.name.span.from) + 1;

	if (m->f->words[next].code != TOK_LPAREN)
		return;
	mark(m, next, WORD_GLUED | WORD_COMMAS);
	if (node->callable.params && !node->callable.params->next)
		mark(m, next, WORD_CLOSE);
}

static void mark_brackets(struct marking *m, const struct node *node)
{
	switch (node->kind) {
	case NODE_FUNC:
	case NODE_TASK:
	case NODE_THRESHOLD:
		mark_parameters(m, node);
		break;
	case NODE_CALL:
		mark_last_bracket(m, node, WORD_GLUED | WORD_COMMAS);
		break;
	case NODE_USE:
		if (m->f->words[last_word(m, node)].code == TOK_RPAREN)
			mark_last_bracket(m, node, WORD_GLUED | WORD_COMMAS);
		break;
	case NODE_QUANTIFIER:
		mark_last_bracket(m, node, WORD_GLUED);
		break;
	case NODE_INDEX:
	case NODE_TYPE_LIST:
		mark_last_bracket(m, node, WORD_GLUED | WORD_CLOSE);
		break;
	case NODE_LIST:
	case NODE_RECORD:
	case NODE_TYPE_RECORD:
		mark_last_bracket(m, node, WORD_COMMAS);
		break;
	default:
		break;
	}
}

/* ---- the walk ---- */

static bool begins_bare_list(const struct node *node, const struct node *parent)
{
	return (parent->kind == NODE_HOLD && parent->hold.watching == node) ||
	       (parent->kind == NODE_WATCH && parent->watch.watching == node) ||
	       (parent->kind == NODE_ARM && parent->arm.patterns == node);
}

static void walk(struct node *node, void *context)
{
	struct marking *m = context;
	const struct node *parent = m->parent;

	if (begins_bare_list(node, parent))
		mark_bare_list(m, node);
	if (is_line(node, parent))
		mark_line(m, node);
	mark_brackets(m, node);
	switch (node->kind) {
	case NODE_BINARY:
		mark_binary(m, node);
		break;
	case NODE_FIELD:
	case NODE_CALL:
	case NODE_INDEX:
		mark_calls(m, node);
		break;
	case NODE_TYPE_UNION:
		mark_union(m, node);
		break;
	case NODE_UNARY:
		if (node->unary.op == OP_NEGATE)
			mark(m, first_word(m, node), WORD_PREFIX);
		break;
	case NODE_IF:
		if (node->choice.is_expression)
			mark_value(m, node);
		break;
	case NODE_MATCH:
		if (node->match.is_expression)
			mark_value(m, node);
		break;
	default:
		break;
	}
	m->parent = node;
	ast_each_child(node, walk, m);
	m->parent = parent;
}

void format_marks(struct format *f, struct node *file)
{
	struct marking m = {f, file};

	group(&m, GROUP_FILE, 0, f->word_count);
	if (f->word_count)
		ast_each_child(file, walk, &m);
}
