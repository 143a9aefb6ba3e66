#include "grammar/build.h"

#include <string.h>

#include "grammar/parser.h"

typedef uint64_t word __attribute__((may_alias));

_Static_assert(AST_HEAD_BYTES % sizeof(word) == 0 && sizeof(struct node) % sizeof(word) == 0, "nodes are whole words");

struct node *build_node(struct span at, struct parser *p, const struct node *node)
{
	static const struct node error = {.kind = NODE_ERROR};
	uint32_t depth = ast_depth(node);
	size_t size = ast_size(node->kind);
	struct node *copy;

	if (depth > RUNPLAN_MAX_DEPTH) {
		syntax_too_deep(p, at);
		node = &error;
		size = ast_size(NODE_ERROR);
		depth = 1;
	}
	copy = arena_alloc(p->arena, size);
	copy->kind = node->kind;
	/* Of the head nothing else is set. Most nodes have a word or two behind it: memcpy() would take longer. */
	for (size_t i = AST_HEAD_BYTES / sizeof(word); i * sizeof(word) < size; i++)
		((word *)copy)[i] = ((const word *)node)[i];
	copy->span = at;
	copy->depth = depth;
	return copy;
}

/* ---- documentation ---- */

static const struct doc *find_doc(const struct parser *p, uint32_t offset)
{
	uint32_t low = 0, high = p->doc_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->docs[middle].offset == offset)
			return &p->docs[middle];
		if (p->docs[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* The comment lines [from, to) without blanks before `#`, the `#` and one blank after it. */
static const char *doc_text(const struct parser *p, const struct doc *doc)
{
	char *text = arena_alloc(p->arena, doc->to - doc->from + 1);
	char *out = text;

	for (uint32_t i = doc->from; i < doc->to; i++) {
		while (p->text[i] != '#')
			i++;
		i += 1 + (p->text[i + 1] == ' ');
		while (i < doc->to && p->text[i] != '\n' && p->text[i] != '\r')
			*out++ = p->text[i++];
		i += p->text[i] == '\r';
		if (i < doc->to)
			*out++ = '\n';
	}
	return text;
}

/* Whether `offset` is the first of its line and the line above is a comment: most are not, and need no
 * search. */
static bool below_comment(const struct parser *p, uint32_t offset)
{
	const char *line = p->text + offset, *above;

	while (line > p->text && (line[-1] == ' ' || line[-1] == '\t'))
		line--;
	if (line == p->text || line[-1] != '\n')
		return false;
	above = memrchr(p->text, '\n', (size_t)(line - 1 - p->text));
	above = above ? above + 1 : p->text;
	while (*above == ' ' || *above == '\t')
		above++;
	return *above == '#';
}

void build_doc(struct parser *p, struct node *node)
{
	const struct doc *doc = below_comment(p, node->span.from) ? find_doc(p, node->span.from) : NULL;

	if (doc)
		node->doc = doc_text(p, doc);
}

void build_result(struct parser *p, struct node *node)
{
	p->result = node;
}

/* ---- names ---- */

struct ident build_declared_name(struct parser *p, struct ident name)
{
	if (words_reserved(p, name.span))
		diag_hint(diag_error(p->diags, "E0113", name.span,
				     "`%s` is a word of the language and cannot be a name", name.text),
			  "call it `%s_` or something longer", name.text);
	return name;
}

struct ident build_readable_name(struct parser *p, struct ident name)
{
	if (words_everywhere(p, name.span))
		diag_label(diag_error(p->diags, "E0113", name.span,
				      "a parameter called `%s` could not be read", name.text),
			   "in an expression this word has a meaning of its own");
	return name;
}

static const char *choose(struct parser *p, struct ident word, const char *const *words, size_t count,
			  const char *what)
{
	struct diag *d;
	const char *near;

	for (size_t i = 0; i < count; i++)
		if (strcmp(word.text, words[i]) == 0)
			return words[i];
	d = diag_error(p->diags, "E0114", word.span, "`%s` is no %s", word.text, what);
	near = suggest_name(word.text, words, count);
	if (near)
		diag_hint(d, "did you mean `%s`?", near);
	else if (count == 2)
		diag_hint(d, "it is `%s` or `%s`", words[0], words[1]);
	else if (count == 3)
		diag_hint(d, "it is `%s`, `%s` or `%s`", words[0], words[1], words[2]);
	else if (count == 4)
		diag_hint(d, "it is `%s`, `%s`, `%s` or `%s`", words[0], words[1], words[2], words[3]);
	else
		diag_hint(d, "it is `%s`", words[0]);
	return NULL;
}

#define CHOOSE(p, word, what, ...)                                                                           \
	choose(p, word, (const char *const[]){__VA_ARGS__},                                                  \
	       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *), what)

static enum reaction reaction_called(const char *word)
{
	static const struct {
		const char *word;
		enum reaction reaction;
	} REACTIONS[] = {
	    {"fail", REACTION_FAIL},   {"warn", REACTION_WARN},		{"ask", REACTION_ASK},
	    {"ok", REACTION_OK},       {"tolerate", REACTION_TOLERATE}, {"rollback", REACTION_ROLLBACK},
	    {"rerun", REACTION_RERUN},
	};

	for (size_t i = 0; word && i < sizeof(REACTIONS) / sizeof(*REACTIONS); i++)
		if (strcmp(REACTIONS[i].word, word) == 0)
			return REACTIONS[i].reaction;
	return REACTION_NONE;
}

/* ---- items ---- */

struct node *build_plain_string(struct parser *p, struct node *string)
{
	if (string && string->kind == NODE_STRING && string->string.interpolated)
		diag_label(diag_error(p->diags, "E0115", string->span,
				      "this string must be known without running the plan"),
			   "it may hold no `${`");
	return string;
}

struct node *build_parameters(struct parser *p, struct list params)
{
	for (struct node *param = params.first; param; param = param->next) {
		if (param->kind != NODE_PARAM)
			continue;
		build_readable_name(p, param->param.name);
		if (param->param.variadic)
			diag_hint(diag_error(p->diags, "E0116", param->span,
					     "only builtins take any number of arguments"),
				  "take a list: `%s: list(…)`", param->param.name.text);
	}
	return params.first;
}

struct node *build_untyped_parameter(struct span at, struct parser *p, struct ident name,
				     struct node *initial)
{
	diag_hint(diag_error(p->diags, "E0117", name.span, "parameter `%s` has no type", name.text),
		  "write `%s: string`", name.text);
	return build_node(at, p,
			  &(struct node){.kind = NODE_PARAM, .param = {.name = name, .initial = initial}});
}

/* ---- choices among words ---- */

static struct node *error_at(struct span at, struct parser *p)
{
	return build_node(at, p, &(struct node){.kind = NODE_ERROR});
}

struct node *build_no_data(struct span at, struct parser *p, struct ident word, struct node *count)
{
	enum reaction reaction =
	    reaction_called(CHOOSE(p, word, "answer to no data", "tolerate", "fail", "ask", "ok"));

	if (reaction == REACTION_TOLERATE && !count)
		diag_hint(
		    diag_error(p->diags, "E0118", at, "`no data tolerate` does not say how many samples"),
		    "write `no data tolerate 3`");
	else if (reaction != REACTION_TOLERATE && reaction && count)
		diag_error(p->diags, "E0118", count->span, "`no data %s` takes no number", word.text);
	return build_node(at, p, &(struct node){.kind = NODE_NO_DATA, .no_data = {reaction, count}});
}

struct node *build_on_reaction(struct span at, struct parser *p, struct ident event, struct ident word)
{
	static const char *const BLOCKS[] = {"failure", "rollback", "success"};
	const char *name;
	enum node_kind kind;
	enum reaction reaction;

	for (size_t i = 0; i < sizeof(BLOCKS) / sizeof(*BLOCKS); i++)
		if (strcmp(event.text, BLOCKS[i]) == 0) {
			diag_error(p->diags, "E0110", word.span, "expected `{`, found `%s`", word.text);
			p->muted = true;
			return error_at(at, p);
		}
	name = CHOOSE(p, event, "event that takes a word", "resume", "breach");
	if (!name)
		return error_at(at, p);
	kind = strcmp(name, "resume") == 0 ? NODE_ON_RESUME : NODE_ON_BREACH;
	reaction = reaction_called(kind == NODE_ON_RESUME
				       ? CHOOSE(p, word, "way to resume", "rerun", "ask", "rollback")
				       : CHOOSE(p, word, "answer to a breach", "rollback", "warn", "ask"));
	return build_node(at, p, &(struct node){.kind = kind, .reaction = reaction});
}

struct node *build_on_event(struct span at, struct parser *p, struct ident event, struct node *body)
{
	const char *name = CHOOSE(p, event, "event", "failure", "rollback", "success");
	enum on_event which = EVENT_FAILURE;

	if (!name)
		return error_at(at, p);
	if (strcmp(name, "rollback") == 0)
		which = EVENT_ROLLBACK;
	else if (strcmp(name, "success") == 0)
		which = EVENT_SUCCESS;
	return build_node(at, p, &(struct node){.kind = NODE_ON, .on = {which, body}});
}

struct node *build_rollback_while(struct span at, struct parser *p, struct ident word, struct node *body)
{
	CHOOSE(p, word, "time in which a rollback is armed", "running");
	return build_node(
	    at, p,
	    &(struct node){.kind = NODE_ROLLBACK, .rollback = {.mode = ROLLBACK_RUNNING, .body = body}});
}

enum reaction build_check_reaction(struct parser *p, struct ident word)
{
	return reaction_called(CHOOSE(p, word, "way for a check to end", "fail", "warn", "ask"));
}

bool build_shared(struct parser *p, struct ident word)
{
	return CHOOSE(p, word, "way to give a child its params", "shared") != NULL;
}

enum worse_when build_worse_when(struct parser *p, struct ident word)
{
	const char *name = CHOOSE(p, word, "direction", "higher", "lower", "different");

	if (!name)
		return WORSE_UNKNOWN;
	return name[0] == 'h' ? WORSE_HIGHER : name[0] == 'l' ? WORSE_LOWER : WORSE_DIFFERENT;
}

/* ---- statements ---- */

struct node *build_call_statement(struct span at, struct parser *p, struct node *target)
{
	if (target->kind == NODE_CALL)
		return build_node(at, p, &(struct node){.kind = NODE_EVALUATE, .value = target});
	if (target->kind == NODE_ERROR)
		return target;
	syntax_alone(p, at);
	return error_at(at, p);
}

struct node *build_bounded_loop(struct span at, struct parser *p, struct node *condition, struct node *limit,
				struct node *body)
{
	struct span head = {at.file, at.from, condition->span.to};

	if (!limit)
		diag_hint(diag_error(p->diags, "E0120", head, "this loop has no bound"),
			  "add `at most N times`: a plan always ends");
	return build_node(at, p, &(struct node){.kind = NODE_WHILE, .repeat = {condition, limit, body}});
}

/* ---- expressions ---- */

struct node *build_binary(struct span at, struct parser *p, enum operator op, struct span op_at,
			  struct node *left, struct node *right)
{
	return build_node(at, p, &(struct node){.kind = NODE_BINARY, .binary = {op, left, right, op_at}});
}

struct node *build_call(struct span at, struct parser *p, struct node *callee, struct list arguments)
{
	if (callee->kind != NODE_NAME && callee->kind != NODE_FIELD && callee->kind != NODE_ERROR) {
		diag_error(p->diags, "E0121", callee->span, "only a name can be called");
		return error_at(at, p);
	}
	return build_node(
	    at, p, &(struct node){.kind = NODE_CALL, .call = {callee, arguments.first, arguments.count}});
}

struct node *build_quantifier(struct span at, struct parser *p, struct node *name, struct node *comprehended)
{
	static const char *const QUANTIFIERS[] = {
	    [QUANTIFIER_ALL] = "all",
	    [QUANTIFIER_ANY] = "any",
	    [QUANTIFIER_NONE] = "none",
	    [QUANTIFIER_COUNT] = "count",
	};
	struct node *node = comprehended;

	if (node->kind == NODE_ERROR)
		return node;
	for (size_t i = 0; i < sizeof(QUANTIFIERS) / sizeof(*QUANTIFIERS); i++) {
		if (name->kind == NODE_NAME && strcmp(name->name, QUANTIFIERS[i]) == 0) {
			node->kind = NODE_QUANTIFIER;
			node->span = at;
			node->comprehension.quantifier = (enum quantifier)i;
			return node;
		}
	}
	diag_hint(diag_error(p->diags, "E0122", name->span,
			     "only `all`, `any`, `none` and `count` ask about a list with `for`"),
		  "`[… for x in xs]` makes a list");
	return error_at(at, p);
}

struct node *build_comprehension(struct span at, struct node *comprehended)
{
	comprehended->span = at;
	return comprehended;
}

/* A string is raw with ', and has one quote at each end or three. */
struct node *build_string(struct span at, struct parser *p)
{
	const char *text = p->text + at.from;
	uint32_t length = at.to - at.from;
	bool multiline = length >= 3 && text[1] == text[0] && text[2] == text[0];
	uint32_t quotes = multiline ? 3 : 1;
	struct span inner = {at.file, at.from + quotes, at.to};
	bool raw = text[0] == '\'';

	if (length >= 2 * quotes && text[length - 1] == text[0])
		inner.to -= quotes;
	if (!multiline && (raw || !memchr(text, '\\', length)))
		return literal_plain(p, at, inner, raw);
	return literal_string(p, at, build_node(inner, p, &(struct node){.kind = NODE_TEXT}), raw, multiline);
}

struct node *build_interpolated(struct span at, struct parser *p, struct list parts)
{
	bool multiline = at.to - at.from >= 3 && p->text[at.from + 1] == '"';

	return literal_string(p, at, parts.first, false, multiline);
}

struct node *build_quoted_entry(struct span at, struct parser *p, struct node *key, struct node *value)
{
	struct ident name = {"", key->span};

	build_plain_string(p, key);
	if (key->kind == NODE_STRING && !key->string.interpolated)
		name.text = key->string.parts->text.bytes;
	return build_node(at, p, &(struct node){.kind = NODE_ENTRY, .entry = {name, value, true}});
}

/* ---- types ---- */

struct node *build_type_list(struct span at, struct parser *p, struct ident name, struct node *element)
{
	if (strcmp(name.text, "list") != 0) {
		diag_hint(diag_error(p->diags, "E0123", name.span, "`%s` takes no element type", name.text),
			  "only `list(…)` does");
		return error_at(at, p);
	}
	return build_node(at, p, &(struct node){.kind = NODE_TYPE_LIST, .element = element});
}

struct node *build_type_enum(struct span at, struct parser *p, struct node *base, struct span values_at,
			     struct list values)
{
	struct node *list =
	    build_node(values_at, p, &(struct node){.kind = NODE_LIST, .list = {values.first, values.count}});

	return build_node(at, p, &(struct node){.kind = NODE_TYPE_ENUM, .type_enum = {base, list}});
}
