/* ast.c: what the tree's members are, as a table; visiting, comparing and printing read it. */
#include "grammar/ast.h"

#include <inttypes.h>
#include <string.h>

enum member_type {
	MEMBER_CHILDREN, /* struct node *: a child or a list */
	MEMBER_IDENT,
	MEMBER_FLAG,
	MEMBER_TEXT,   /* const char * */
	MEMBER_CHOICE, /* an enum; `words` has the names, NULL for one that is not shown */
};

struct member {
	const char *name;
	enum member_type type;
	size_t offset;
	const char *const *words;
};

static const char *const OPERATORS[] = {
    [OP_NONE] = NULL,	 [OP_OR] = "or",   [OP_AND] = "and",  [OP_NOT] = "not",
    [OP_EQ] = "==",	 [OP_NE] = "!=",   [OP_LT] = "<",     [OP_LE] = "<=",
    [OP_GT] = ">",	 [OP_GE] = ">=",   [OP_IN] = "in",    [OP_MATCHES] = "matches",
    [OP_DEFAULT] = "??", [OP_ADD] = "+",   [OP_SUB] = "-",    [OP_MUL] = "*",
    [OP_DIV] = "/",	 [OP_MOD] = "mod", [OP_NEGATE] = "-",
};

static const char *const REACTIONS[] = {
    [REACTION_NONE] = NULL,	      [REACTION_FAIL] = "fail",	  [REACTION_WARN] = "warn",
    [REACTION_ASK] = "ask",	      [REACTION_OK] = "ok",	  [REACTION_TOLERATE] = "tolerate",
    [REACTION_ROLLBACK] = "rollback", [REACTION_RERUN] = "rerun",
};

static const char *const EVENTS[] = {"failure", "rollback", "success", "finally"};
static const char *const ROLLBACKS[] = {NULL, "while_running", "none", "bound"};
static const char *const GIVEN_VERBS[] = { "returns", "fails", "refuses", "takes", "hangs" };
static const char *const MUST_FORMS[] = {NULL, "between", "within"};
static const char *const DIRECTIONS[] = {NULL, "higher", "lower", "different"};
static const char *const QUANTIFIERS[] = {"all", "any", "none", "count"};

/* clang-format off: a line per member list is easier to compare with ast.h. */
#define CHILDREN(label, path)                                                                                \
	{                                                                                                    \
#label, MEMBER_CHILDREN, offsetof(struct node, path), NULL                                   \
	}
#define IDENT(label, path)                                                                                   \
	{                                                                                                    \
#label, MEMBER_IDENT, offsetof(struct node, path), NULL                                      \
	}
#define FLAG(label, path)                                                                                    \
	{                                                                                                    \
#label, MEMBER_FLAG, offsetof(struct node, path), NULL                                       \
	}
#define TEXT(label, path)                                                                                    \
	{                                                                                                    \
#label, MEMBER_TEXT, offsetof(struct node, path), NULL                                       \
	}
#define CHOICE(label, path, words)                                                                           \
	{                                                                                                    \
#label, MEMBER_CHOICE, offsetof(struct node, path), words                                    \
	}
#define END                                                                                                  \
	{                                                                                                    \
		NULL, MEMBER_CHILDREN, 0, NULL                                                               \
	}

#define SIZE(member) sizeof(((struct node *)NULL)->member)

#define MAX_MEMBERS 7

/* Members in source order. Those of the leaves (numbers, texts) are written out in print_leaf and equal_leaf.
 */
static const struct {
	const char *name;
	uint32_t size; /* of its member of the union */
	struct member members[MAX_MEMBERS];
} KINDS[NODE_KIND_COUNT] = {
	[NODE_ERROR] = { "error", 0, { END } },

	[NODE_FILE] = { "file", SIZE(file), { CHILDREN(items, file.items), END } },
	[NODE_PLAN] = { "plan", SIZE(plan), { CHILDREN(title, plan.title), CHILDREN(settings, plan.settings), END } },
	[NODE_LOCK] = { "lock", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_IMPORT] = { "import", SIZE(import), { CHILDREN(path, import.path), IDENT(as, import.alias), END } },
	[NODE_PARAM] = { "param", SIZE(param),
			 { IDENT(name, param.name), CHILDREN(type, param.type), FLAG(variadic, param.variadic),
			   CHILDREN(initial, param.initial), CHILDREN(where, param.condition),
			   CHILDREN(summary, param.summary), END } },
	[NODE_SECRET] = { "secret", SIZE(secret), { IDENT(name, secret.name), CHILDREN(source, secret.source), END } },
	[NODE_ENVIRONMENT] = { "environment", SIZE(environment),
			       { IDENT(name, environment.name), FLAG(default, environment.is_default),
				 CHILDREN(settings, environment.settings), END } },
	[NODE_DEFAULTS] = { "defaults", SIZE(defaults), { CHILDREN(settings, defaults.settings), END } },
	[NODE_SETTING] = { "setting", SIZE(setting), { CHILDREN(target, setting.target), CHILDREN(value, setting.value), END } },
	[NODE_FUNC] = { "func", SIZE(callable),
			{ IDENT(name, callable.name), CHILDREN(params, callable.params),
			  CHILDREN(result, callable.result), CHILDREN(summary, callable.summary),
			  CHILDREN(body, callable.body), END } },
	[NODE_TASK] = { "task", SIZE(callable),
			{ IDENT(name, callable.name), CHILDREN(params, callable.params),
			  CHILDREN(result, callable.result), CHILDREN(summary, callable.summary),
			  CHILDREN(body, callable.body), END } },
	[NODE_THRESHOLD] = { "threshold", SIZE(callable),
			     { IDENT(name, callable.name), CHILDREN(params, callable.params),
			       CHILDREN(summary, callable.summary), CHILDREN(clauses, callable.body), END } },
	[NODE_TEST] = { "test", SIZE(test), { CHILDREN(title, test.title), CHILDREN(parts, test.parts), END } },
	[NODE_GIVEN] = { "given", SIZE(given),
			 { CHILDREN(target, given.target), CHOICE(verb, given.verb, GIVEN_VERBS), CHILDREN(value, given.value),
			   CHILDREN(with, given.with), CHILDREN(times, given.times), CHILDREN(after, given.after), END } },
	[NODE_TEST_RUN] = { "test_run", SIZE(test_run), { CHILDREN(environment, test_run.environment), CHILDREN(params, test_run.params), END } },

	[NODE_MEASURE] = { "measure", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_MUST] = { "must", SIZE(must),
			{ CHOICE(form, must.form, MUST_FORMS), CHOICE(op, must.comparison, OPERATORS),
			  CHILDREN(bound, must.bound), CHILDREN(other, must.other), END } },
	[NODE_EVERY] = { "every", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_AFTER] = { "after", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_BREACH] = { "breach", SIZE(breach),
			  { CHILDREN(count, breach.count), CHILDREN(of, breach.window), CHILDREN(for, breach.duration),
			    END } },
	[NODE_NO_DATA] = { "no_data", SIZE(no_data), { CHOICE(reaction, no_data.reaction, REACTIONS), CHILDREN(count, no_data.count), END } },
	[NODE_ON_BREACH] = { "on_breach", SIZE(reaction), { CHOICE(reaction, reaction, REACTIONS), END } },
	[NODE_ACTION] = { "action", SIZE(value), { CHILDREN(value, value), END } },

	[NODE_BLOCK] = { "block", SIZE(block), { CHILDREN(statements, block.statements), END } },
	[NODE_LET] = { "let", SIZE(binding), { IDENT(name, binding.name), CHILDREN(value, binding.value), END } },
	[NODE_VAR] = { "var", SIZE(binding), { IDENT(name, binding.name), CHILDREN(value, binding.value), END } },
	[NODE_ASSIGN] = { "assign", SIZE(binding), { IDENT(name, binding.name), CHILDREN(value, binding.value), END } },
	[NODE_IF] = { "if", SIZE(choice),
		      { CHILDREN(condition, choice.condition), CHILDREN(then, choice.then),
			CHILDREN(else, choice.otherwise), END } },
	[NODE_MATCH] = { "match", SIZE(match), { CHILDREN(subject, match.subject), CHILDREN(arms, match.arms), END } },
	[NODE_ARM] = { "arm", SIZE(arm), { CHILDREN(patterns, arm.patterns), CHILDREN(body, arm.body), END } },
	[NODE_FOR] = { "for", SIZE(loop),
		       { IDENT(variable, loop.variable), CHILDREN(in, loop.iterable), CHILDREN(at_once, loop.limit),
			 CHILDREN(body, loop.body), END } },
	[NODE_WHILE] = { "while", SIZE(repeat),
			 { CHILDREN(condition, repeat.condition), CHILDREN(times, repeat.limit),
			   CHILDREN(body, repeat.body), END } },
	[NODE_PARALLEL] = { "parallel", SIZE(body), { CHILDREN(body, body), END } },
	[NODE_TRY] = { "try", SIZE(attempt),
		       { CHILDREN(body, attempt.body), IDENT(problem, attempt.problem),
			 CHILDREN(catch, attempt.handler), END } },
	[NODE_REQUIRE] = { "require", SIZE(guard), { CHILDREN(condition, guard.condition), CHILDREN(else, guard.message), END } },
	[NODE_SKIP] = { "skip", SIZE(guard), { CHILDREN(condition, guard.condition), CHILDREN(because, guard.message), END } },
	[NODE_EXPECT] = { "expect", SIZE(check),
			  { CHILDREN(label, check.label), CHILDREN(condition, check.condition),
			    CHILDREN(within, check.within), CHILDREN(every, check.every),
			    CHOICE(else, check.otherwise, REACTIONS), END } },
	[NODE_VERIFY] = { "verify", SIZE(verify), { CHILDREN(title, verify.title), CHILDREN(body, verify.body), END } },
	[NODE_MANUAL] = { "manual", SIZE(person), { CHILDREN(text, person.text), CHILDREN(within, person.within), END } },
	[NODE_APPROVE] = { "approve", SIZE(person),
			   { CHILDREN(title, person.text), CHILDREN(by, person.count), CHILDREN(of, person.people),
			     CHILDREN(within, person.within), END } },
	[NODE_CONFIRM] = { "confirm", SIZE(person),
			   { CHILDREN(question, person.text), CHILDREN(typing, person.phrase),
			     CHILDREN(within, person.within), END } },
	[NODE_WAIT] = { "wait", SIZE(check),
			{ CHILDREN(until, check.condition), CHILDREN(within, check.within),
			  CHILDREN(every, check.every), CHOICE(else, check.otherwise, REACTIONS), END } },
	[NODE_HOLD] = { "hold", SIZE(hold),
			{ CHILDREN(for, hold.duration), CHILDREN(until, hold.until), CHILDREN(watching, hold.watching),
			  CHILDREN(every, hold.every), END } },
	[NODE_WATCH] = { "watch", SIZE(watch), { CHILDREN(watching, watch.watching), CHILDREN(body, watch.body), END } },
	[NODE_USE] = { "use", SIZE(use), { CHILDREN(threshold, use.threshold), CHILDREN(arguments, use.arguments), END } },
	[NODE_CHECKPOINT] = { "checkpoint", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_COMMIT] = { "commit", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_DEFER] = { "defer", SIZE(body), { CHILDREN(body, body), END } },
	[NODE_LOG] = { "log", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_WARN] = { "warn", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_FAIL] = { "fail", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_RETURN] = { "return", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_EVALUATE] = { "evaluate", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_JUDGE] = { "judge", SIZE(judge), { CHILDREN(title, judge.title), CHILDREN(clauses, judge.clauses), END } },
	[NODE_METRIC] = { "metric", SIZE(metric), { CHILDREN(title, metric.title), CHILDREN(clauses, metric.clauses), END } },
	[NODE_RUN_PLAN] = { "run_plan", SIZE(run_plan), { CHILDREN(path, run_plan.path), CHILDREN(params, run_plan.params), FLAG(shared, run_plan.shared), END } },
	[NODE_PHASE] = { "phase", SIZE(phase),
			 { CHILDREN(title, phase.title), CHILDREN(low, phase.expect_low),
			   CHILDREN(high, phase.expect_high), CHILDREN(body, phase.body), END } },
	[NODE_STEP] = { "step", SIZE(step), { IDENT(name, step.name), CHILDREN(title, step.title), CHILDREN(body, step.body), END } },

	[NODE_PASS] = { "pass", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_ASK] = { "ask", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_CANARY] = { "canary", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_BASELINE] = { "baseline", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_WORSE] = { "worse", SIZE(worse), { CHOICE(when, worse, DIRECTIONS), END } },
	[NODE_TOLERATE] = { "tolerate", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_WEIGHT] = { "weight", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_CRITICAL] = { "critical", SIZE(value), { CHILDREN(value, value), END } },

	[NODE_TIMEOUT] = { "timeout", SIZE(value), { CHILDREN(value, value), END } },
	[NODE_RETRY] = { "retry", SIZE(retry),
			 { CHILDREN(count, retry.count), CHILDREN(every, retry.every), CHILDREN(backoff, retry.backoff),
			   END } },
	[NODE_ROLLBACK] = { "rollback", SIZE(rollback),
			    { CHOICE(mode, rollback.mode, ROLLBACKS), CHILDREN(within, rollback.within),
			      CHILDREN(reason, rollback.reason), CHILDREN(body, rollback.body), END } },
	[NODE_ON_RESUME] = { "on_resume", SIZE(reaction), { CHOICE(reaction, reaction, REACTIONS), END } },
	[NODE_ON] = { "on", SIZE(on), { CHOICE(event, on.event, EVENTS), CHILDREN(body, on.body), END } },

	[NODE_NULL] = { "null", 0, { END } },
	[NODE_BOOL] = { "bool", SIZE(boolean), { END } },
	[NODE_INT] = { "int", SIZE(integer), { END } },
	[NODE_FLOAT] = { "float", SIZE(number), { END } },
	[NODE_PERCENT] = { "percent", SIZE(number), { END } },
	[NODE_DURATION] = { "duration", SIZE(integer), { END } },
	[NODE_SIZE] = { "size", SIZE(integer), { END } },
	[NODE_STRING] = { "string", SIZE(string),
			  { FLAG(raw, string.raw), FLAG(multiline, string.multiline), CHILDREN(parts, string.parts), END } },
	[NODE_TEXT] = { "text", SIZE(text), { END } },
	[NODE_LIST] = { "list", SIZE(list), { CHILDREN(items, list.items), END } },
	[NODE_RECORD] = { "record", SIZE(record), { CHILDREN(entries, record.entries), END } },
	[NODE_ENTRY] = { "entry", SIZE(entry), { IDENT(key, entry.key), CHILDREN(value, entry.value), END } },
	[NODE_RANGE] = { "range", SIZE(range), { CHILDREN(low, range.low), CHILDREN(high, range.high), END } },
	[NODE_NAME] = { "name", SIZE(name), { TEXT(name, name), END } },
	[NODE_FIELD] = { "field", SIZE(field), { CHILDREN(of, field.object), IDENT(name, field.name), END } },
	[NODE_INDEX] = { "index", SIZE(index), { CHILDREN(of, index.object), CHILDREN(at, index.index), END } },
	[NODE_CALL] = { "call", SIZE(call), { CHILDREN(callee, call.callee), CHILDREN(arguments, call.arguments), END } },
	[NODE_ARGUMENT] = { "argument", SIZE(argument), { IDENT(name, argument.name), CHILDREN(value, argument.value), END } },
	[NODE_UNARY] = { "unary", SIZE(unary), { CHOICE(op, unary.op, OPERATORS), CHILDREN(operand, unary.operand), END } },
	[NODE_BINARY] = { "binary", SIZE(binary),
			  { CHOICE(op, binary.op, OPERATORS), CHILDREN(left, binary.left), CHILDREN(right, binary.right),
			    END } },
	[NODE_AS] = { "as", SIZE(as), { CHILDREN(operand, as.operand), IDENT(unit, as.unit), END } },
	[NODE_COMPREHENSION] = { "comprehension", SIZE(comprehension),
				 { CHILDREN(element, comprehension.element), IDENT(variable, comprehension.variable),
				   CHILDREN(in, comprehension.iterable), CHILDREN(if, comprehension.filter), END } },
	[NODE_QUANTIFIER] = { "quantifier", SIZE(comprehension),
			      { CHOICE(which, comprehension.quantifier, QUANTIFIERS),
				CHILDREN(element, comprehension.element), IDENT(variable, comprehension.variable),
				CHILDREN(in, comprehension.iterable), CHILDREN(if, comprehension.filter), END } },

	[NODE_TYPE_NAME] = { "type", SIZE(type_name), { TEXT(name, type_name), END } },
	[NODE_TYPE_LIST] = { "type_list", SIZE(element), { CHILDREN(element, element), END } },
	[NODE_TYPE_RECORD] = { "type_record", SIZE(type_record), { CHILDREN(fields, type_record.fields), END } },
	[NODE_TYPE_FIELD] = { "type_field", SIZE(type_field), { IDENT(name, type_field.name), CHILDREN(type, type_field.type), END } },
	[NODE_TYPE_ENUM] = { "type_enum", SIZE(type_enum), { CHILDREN(base, type_enum.base), CHILDREN(values, type_enum.values), END } },
	[NODE_TYPE_UNION] = { "type_union", SIZE(type_union), { CHILDREN(choices, type_union.choices), END } },

	[NODE_SIGNATURE] = { "signature", SIZE(signature), { CHILDREN(params, signature.params), CHILDREN(result, signature.result), END } },
};

/* clang-format on */

static const void *member_at(const struct node *node, const struct member *member)
{
	return (const char *)node + member->offset;
}

static struct node *children_at(const struct node *node, const struct member *member)
{
	return *(struct node *const *)member_at(node, member);
}

const char *ast_kind_name(enum node_kind kind)
{
	return KINDS[kind].name;
}

size_t ast_size(enum node_kind kind)
{
	return AST_HEAD_BYTES + KINDS[kind].size;
}

const char *ast_operator_text(enum operator op)
{
	return OPERATORS[op];
}

void ast_each_child(struct node *node, void (*visit)(struct node *child, void *context), void *context)
{
	for (const struct member *m = KINDS[node->kind].members; m->name; m++) {
		if (m->type != MEMBER_CHILDREN)
			continue;
		for (struct node *child = children_at(node, m), *next; child; child = next) {
			next = child->next;
			visit(child, context);
		}
	}
}

uint32_t ast_depth(const struct node *node)
{
	const struct member *m = KINDS[node->kind].members;
	uint32_t deepest = 0;

	for (; m->name; m++)
		if (m->type == MEMBER_CHILDREN)
			for (const struct node *child = children_at(node, m); child; child = child->next)
				deepest = child->depth > deepest ? child->depth : deepest;
	return deepest + 1;
}

/* ---- comparing ---- */

static bool equal_text(const char *left, const char *right)
{
	return left && right ? strcmp(left, right) == 0 : left == right;
}

static bool equal_lists(const struct node *left, const struct node *right)
{
	for (; left && right; left = left->next, right = right->next)
		if (!ast_equal(left, right))
			return false;
	return left == right;
}

static bool equal_members(const struct node *left, const struct node *right, const struct member *m)
{
	const void *l = member_at(left, m), *r = member_at(right, m);

	switch (m->type) {
	case MEMBER_CHILDREN:
		return equal_lists(children_at(left, m), children_at(right, m));
	case MEMBER_IDENT:
		return equal_text(((const struct ident *)l)->text, ((const struct ident *)r)->text);
	case MEMBER_FLAG:
		return *(const bool *)l == *(const bool *)r;
	case MEMBER_TEXT:
		return equal_text(*(const char *const *)l, *(const char *const *)r);
	case MEMBER_CHOICE:
		return *(const unsigned *)l == *(const unsigned *)r;
	}
	return false;
}

static bool equal_leaf(const struct node *left, const struct node *right)
{
	switch (left->kind) {
	case NODE_BOOL:
		return left->boolean == right->boolean;
	case NODE_INT:
	case NODE_DURATION:
	case NODE_SIZE:
		return left->integer == right->integer;
	case NODE_FLOAT:
	case NODE_PERCENT:
		return left->number == right->number;
	case NODE_TEXT:
		return left->text.length == right->text.length &&
		       memcmp(left->text.bytes, right->text.bytes, left->text.length) == 0;
	default:
		return true;
	}
}

bool ast_equal(const struct node *left, const struct node *right)
{
	if (left->kind != right->kind)
		return false;
	for (const struct member *m = KINDS[left->kind].members; m->name; m++)
		if (!equal_members(left, right, m))
			return false;
	return equal_leaf(left, right);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	for (const unsigned char *at = bytes; length; length--)
		hash = (hash ^ *at++) * UINT64_C(1099511628211); /* FNV-1a */
	return hash;
}

static uint64_t hash_member(uint64_t hash, const struct node *node, const struct member *m)
{
	const void *at = member_at(node, m);
	const char *text = m->type == MEMBER_IDENT  ? ((const struct ident *)at)->text
			   : m->type == MEMBER_TEXT ? *(const char *const *)at
						    : NULL;

	if (m->type == MEMBER_CHILDREN)
		for (const struct node *child = children_at(node, m); child; child = child->next) {
			uint64_t inner = ast_hash(child);

			hash = hash_bytes(hash, &inner, sizeof(inner));
		}
	return text ? hash_bytes(hash, text, strlen(text)) : hash;
}

uint64_t ast_hash(const struct node *node)
{
	uint64_t hash = UINT64_C(14695981039346656037) ^ node->kind;

	for (const struct member *m = KINDS[node->kind].members; m->name; m++)
		hash = hash_member(hash, node, m);
	return node->kind == NODE_TEXT ? hash_bytes(hash, node->text.bytes, node->text.length) : hash;
}

/* ---- printing ---- */

struct dump {
	FILE *out;
	bool spans;
};

static void print_node(const struct dump *d, const struct node *node, int indent);

static void print_quoted(FILE *out, const char *bytes, size_t length)
{
	putc('"', out);
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)bytes[i];

		if (byte == '\n')
			fputs("\\n", out);
		else if (byte == '\t')
			fputs("\\t", out);
		else if (byte < 0x20 || byte == 0x7f)
			fprintf(out, "\\x%02x", byte);
		else if (byte == '"' || byte == '\\')
			fprintf(out, "\\%c", byte);
		else
			putc(byte, out);
	}
	putc('"', out);
}

static void print_double(FILE *out, double number)
{
	char text[40];

	snprintf(text, sizeof(text), "%.15g", number);
	fprintf(out, "%s%s", text, strpbrk(text, ".en") ? "" : ".0");
}

static void print_duration(FILE *out, int64_t nanoseconds)
{
	if (nanoseconds % 1000000000 == 0)
		fprintf(out, "%" PRId64 "s", nanoseconds / 1000000000);
	else
		fprintf(out, "%" PRId64 "ns", nanoseconds);
}

/* Leaves print as what they are. Returns false for all other kinds. */
static bool print_leaf(const struct dump *d, const struct node *node)
{
	const struct node *part;

	switch (node->kind) {
	case NODE_NULL:
		fputs("null", d->out);
		return true;
	case NODE_BOOL:
		fputs(node->boolean ? "true" : "false", d->out);
		return true;
	case NODE_INT:
		fprintf(d->out, "%" PRId64, node->integer);
		return true;
	case NODE_DURATION:
		print_duration(d->out, node->integer);
		return true;
	case NODE_SIZE:
		fprintf(d->out, "%" PRId64 "B", node->integer);
		return true;
	case NODE_FLOAT:
		print_double(d->out, node->number);
		return true;
	case NODE_PERCENT:
		fprintf(d->out, "%.15g%%", node->number * 100);
		return true;
	case NODE_NAME:
		fputs(node->name, d->out);
		return true;
	case NODE_TYPE_NAME:
		fputs(node->type_name, d->out);
		return true;
	case NODE_TEXT:
		print_quoted(d->out, node->text.bytes, node->text.length);
		return true;
	case NODE_STRING:
		part = node->string.parts;
		if (node->string.interpolated)
			return false;
		if (node->string.raw)
			putc('r', d->out);
		print_quoted(d->out, part->text.bytes, part->text.length);
		return true;
	default:
		return false;
	}
}

/* Expressions that would be hard to read as (kind name=value …): `pg.dump`, `(call f 1 to="x")`, `(== a b)`.
 * Returns false for all other kinds. */
static bool print_short(const struct dump *d, const struct node *node, int indent)
{
	switch (node->kind) {
	case NODE_FIELD:
		print_node(d, node->field.object, indent);
		fprintf(d->out, ".%s", node->field.name.text);
		return true;
	case NODE_CALL:
		fputs("(call ", d->out);
		print_node(d, node->call.callee, indent);
		for (const struct node *a = node->call.arguments; a; a = a->next) {
			putc(' ', d->out);
			print_node(d, a, indent);
		}
		putc(')', d->out);
		return true;
	case NODE_ARGUMENT:
		if (node->argument.name.text)
			fprintf(d->out, "%s=", node->argument.name.text);
		print_node(d, node->argument.value, indent);
		return true;
	case NODE_ENTRY:
		fprintf(d->out, "%s=", node->entry.key.text);
		print_node(d, node->entry.value, indent);
		return true;
	case NODE_BINARY:
		fprintf(d->out, "(%s ", ast_operator_text(node->binary.op));
		print_node(d, node->binary.left, indent);
		putc(' ', d->out);
		print_node(d, node->binary.right, indent);
		putc(')', d->out);
		return true;
	default:
		return false;
	}
}

/* Lines of a plan print as lines; expressions, types and what belongs to one line print on it. */
static bool is_inline(const struct node *node)
{
	return node->kind >= NODE_NULL || node->kind == NODE_USE ||
	       (node->kind == NODE_IF && node->choice.is_expression) ||
	       (node->kind == NODE_MATCH && node->match.is_expression);
}

static void print_children(const struct dump *d, const struct node *child, const char *name, int indent)
{
	if (is_inline(child)) {
		fprintf(d->out, " %s=", name);
		if (!child->next) {
			print_node(d, child, indent);
			return;
		}
		putc('[', d->out);
		for (; child; child = child->next) {
			print_node(d, child, indent);
			putc(child->next ? ' ' : ']', d->out);
		}
		return;
	}
	for (; child; child = child->next) {
		fprintf(d->out, "\n%*s", indent + 2, "");
		print_node(d, child, indent + 2);
	}
}

static void print_member(const struct dump *d, const struct node *node, const struct member *m, int indent)
{
	const void *at = member_at(node, m);

	switch (m->type) {
	case MEMBER_CHILDREN:
		if (children_at(node, m))
			print_children(d, children_at(node, m), m->name, indent);
		break;
	case MEMBER_IDENT:
		if (((const struct ident *)at)->text)
			fprintf(d->out, " %s=%s", m->name, ((const struct ident *)at)->text);
		break;
	case MEMBER_FLAG:
		if (*(const bool *)at)
			fprintf(d->out, " %s", m->name);
		break;
	case MEMBER_TEXT:
		fprintf(d->out, " %s=%s", m->name, *(const char *const *)at);
		break;
	case MEMBER_CHOICE:
		if (m->words[*(const unsigned *)at])
			fprintf(d->out, " %s=%s", m->name, m->words[*(const unsigned *)at]);
		break;
	}
}

static void print_node(const struct dump *d, const struct node *node, int indent)
{
	if (d->spans)
		fprintf(d->out, "@%" PRIu32 "-%" PRIu32 ":", node->span.from, node->span.to);
	if (print_leaf(d, node) || print_short(d, node, indent))
		return;
	fprintf(d->out, "(%s", KINDS[node->kind].name);
	if (node->doc) {
		fputs(" doc=", d->out);
		print_quoted(d->out, node->doc, strlen(node->doc));
	}
	for (const struct member *m = KINDS[node->kind].members; m->name; m++)
		print_member(d, node, m, indent);
	putc(')', d->out);
}

void ast_dump(FILE *out, const struct node *node, bool spans)
{
	struct dump d = {out, spans};

	print_node(&d, node, 0);
	putc('\n', out);
}
