/* signature.c - what calls take and give, and how arguments are matched to it; see signature.h. */
#include "interp/check_internal.h"

#include <stdio.h>
#include <string.h>

#include "grammar/parse.h"

/* Longest "namespace.call.argument" that a default can be given for. */
#define DEFAULT_KEY_MAX 160

static struct walk signature_walk(struct compilation *compilation)
{
	return (struct walk){
	    .checker = checker_of(compilation),
	    .arena = compilation->arena,
	    .diags = compilation->diags,
	    .module = compilation->main,
	    .global_position = UINT32_MAX,
	    .in_signature = true,
	};
}

/* ---- builtins ---- */

static bool word_at(const char *text, const char *word)
{
	size_t length = strlen(word);

	return strncmp(text, word, length) == 0 && text[length] == ' ';
}

/*
 * `secret T` is no type of the grammar: the word is blanked out before the row is parsed, and the parameter
 * it stood at is found again by its offset.
 */
static char *blank_secrets(struct arena *arena, const char *text, bool *found)
{
	char *copy = arena_strdup(arena, text), *at;

	*found = false;
	for (at = copy; *at; at++)
		if (word_at(at, "secret") && at > copy && (at[-1] == ' ' || at[-1] == ':' || at[-1] == '(')) {
			memset(at, ' ', strlen("secret"));
			*found = true;
		}
	return copy;
}

static bool says_secret(const char *text, const struct node *param)
{
	uint32_t i;

	for (i = param->param.name.span.to; param->param.type && i < param->param.type->span.to; i++)
		if (word_at(text + i, "secret"))
			return true;
	return false;
}

static const struct type *with_secret(struct arena *arena, const struct type *type)
{
	struct type *copy = arena_alloc(arena, sizeof(*copy));

	*copy = *type;
	copy->secret = true;
	return copy;
}

static void fill_parameter(struct walk *w, struct parameter *parameter, struct node *node,
			   const struct type *type)
{
	const struct node *initial = node->param.initial;

	parameter->name = node->param.name.text ? node->param.name.text : "";
	parameter->fallback = initial;
	parameter->variadic = node->param.variadic;
	if (initial && (initial->kind == NODE_NULL || initial->kind == NODE_NAME))
		type = type_nullable(w->arena, type);
	parameter->type = type;
}

static size_t count_params(const struct node *params)
{
	size_t count = 0;

	for (; params; params = params->next)
		count += params->kind == NODE_PARAM;
	return count;
}

static void read_row(struct walk *w, struct signature *signature, const struct builtin *builtin)
{
	bool secrets;
	char *text = blank_secrets(w->arena, builtin->signature, &secrets);
	struct node *row = parse_signature(w->arena, w->checker->compilation->sources, text, w->diags),
		    *param;
	struct parameter *parameter;

	if (row->kind != NODE_SIGNATURE)
		return;
	signature->parameters =
	    arena_alloc(w->arena, (count_params(row->signature.params) + 1) * sizeof(*parameter));
	for (param = row->signature.params; param; param = param->next) {
		const struct type *type;

		if (param->kind != NODE_PARAM)
			continue;
		type = param->param.type ? type_in_signature(w, param->param.type) : type_simple(TYPE_ANY);
		parameter = &signature->parameters[signature->count++];
		fill_parameter(w, parameter, param, type);
		if (secrets && says_secret(builtin->signature, param))
			parameter->type = with_secret(w->arena, parameter->type);
		if (param->param.initial)
			check_value(w, param->param.initial);
	}
	if (row->signature.result)
		signature->returns = type_in_signature(w, row->signature.result);
}

const struct signature *signature_of_builtin(struct compilation *compilation, const struct builtin *builtin)
{
	struct walk w = signature_walk(compilation);
	void **place = table_place(w.arena, &w.checker->signatures, builtin->name);
	struct signature *signature = *place;

	if (signature)
		return signature;
	signature = arena_alloc(w.arena, sizeof(*signature));
	signature->name = builtin->name;
	signature->returns = type_simple(TYPE_VOID);
	signature->builtin = builtin;
	read_row(&w, signature, builtin);
	/* Looked up again: reading the row may have made the table grow. */
	*table_place(w.arena, &w.checker->signatures, builtin->name) = signature;
	return signature;
}

/* ---- funcs, tasks, thresholds ---- */

static const struct type *parameter_type(struct walk *w, struct node *param)
{
	return param->param.type ? type_of_node(w, param->param.type) : type_simple(TYPE_ANY);
}

const struct signature *signature_of_symbol(struct compilation *compilation, struct symbol *symbol)
{
	struct callable *callable = (struct callable *)symbol;
	struct walk w = signature_walk(compilation);
	struct signature *signature;
	struct node *param;

	if (callable->signature)
		return callable->signature;
	w.module = symbol->module;
	w.in_signature = false;
	signature = arena_alloc(w.arena, sizeof(*signature));
	callable->signature = signature;
	signature->name = symbol->name;
	signature->symbol = symbol;
	signature->returns = type_simple(TYPE_VOID);
	signature->parameters = arena_alloc(w.arena, (count_params(symbol->node->callable.params) + 1) *
							 sizeof(*signature->parameters));
	for (param = symbol->node->callable.params; param; param = param->next)
		if (param->kind == NODE_PARAM)
			fill_parameter(&w, &signature->parameters[signature->count++], param,
				       parameter_type(&w, param));
	if (symbol->node->callable.result)
		callable->declared = type_of_node(&w, symbol->node->callable.result);
	if (callable->declared)
		signature->returns = callable->declared;
	return signature;
}

/* ---- arguments ---- */

struct binding {
	struct compilation *compilation;
	const struct signature *signature;
	struct node **bound;
	bool report;
	bool sound;
	bool misnamed; /* an argument that is not known may be meant for one that is missing */
};

static struct diag *complain(struct binding *b, struct span span, const char *format, const char *name)
{
	b->sound = false;
	if (!b->report)
		return NULL;
	return diag_error(b->compilation->diags, "E0209", span, "%s",
			  arena_printf(b->compilation->arena, format, b->signature->name, name));
}

static const char *parameter_names(const struct binding *b)
{
	const char *names = "";
	size_t i;

	for (i = 0; i < b->signature->count; i++)
		names = arena_printf(b->compilation->arena, "%s%s`%s`", names, i ? ", " : "",
				     b->signature->parameters[i].name);
	return names;
}

static void report_unknown_argument(struct binding *b, const struct node *argument)
{
	struct candidates candidates;
	const char *name = argument->argument.name.text, *nearest;
	struct diag *diag;
	size_t i;

	b->sound = false;
	b->misnamed = true;
	if (!b->report)
		return;
	candidates = candidates_for(b->compilation->diags, name);
	for (i = 0; i < b->signature->count; i++)
		candidates_add(b->compilation->arena, &candidates, b->signature->parameters[i].name);
	diag = complain(b, argument->argument.name.span, "`%s` has no argument `%s`", name);
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
	else if (b->signature->builtin)
		diag_hint(diag, "it takes %s", b->signature->builtin->signature);
	else
		diag_hint(diag, "it takes %s", b->signature->count ? parameter_names(b) : "no arguments");
}

static bool find_parameter(const struct signature *signature, const char *name, size_t *index)
{
	for (*index = 0; *index < signature->count; ++*index)
		if (strcmp(signature->parameters[*index].name, name) == 0)
			return true;
	return false;
}

static void complain_double(struct binding *b, struct span span, const char *name, struct span first)
{
	struct diag *diag = complain(b, span, "`%s` is given `%s` twice", name);

	if (diag)
		diag_secondary(diag, first, "first here");
}

static void bind_named(struct binding *b, struct node *argument)
{
	const char *name = argument->argument.name.text;
	struct diag *diag;
	size_t i;

	if (!find_parameter(b->signature, name, &i)) {
		report_unknown_argument(b, argument);
	} else if (b->signature->parameters[i].variadic) {
		diag = complain(b, argument->argument.name.span,
				"`%s` takes any number of `%s`, without their name", name);
		if (diag)
			diag_hint(diag, "write the values one after another: `%s(a, b)`", b->signature->name);
	} else if (b->bound[i]) {
		complain_double(b, argument->argument.name.span, name, b->bound[i]->span);
	} else {
		b->bound[i] = argument->argument.value;
	}
}

/* "(text: string, times: int)": what a call takes. */
static const char *parameters_text(struct binding *b)
{
	struct arena *arena = b->compilation->arena;
	const char *text = "";
	size_t i;

	if (b->signature->builtin)
		return b->signature->builtin->signature;
	for (i = 0; i < b->signature->count; i++)
		text =
		    arena_printf(arena, "%s%s%s: %s", text, i ? ", " : "", b->signature->parameters[i].name,
				 type_text(arena, b->signature->parameters[i].type));
	return arena_printf(arena, "(%s)", text);
}

static void bind_positional(struct binding *b, struct node *argument, size_t *next)
{
	struct diag *diag;

	if (*next < b->signature->count && b->signature->parameters[*next].variadic) {
		if (!b->bound[*next])
			b->bound[*next] = argument;
		return;
	}
	if (*next < b->signature->count) {
		if (b->bound[*next])
			complain_double(b, argument->span, b->signature->parameters[*next].name,
					b->bound[*next]->span);
		else
			b->bound[*next] = argument->argument.value;
		++*next;
		return;
	}
	if ((*next)++ > b->signature->count)
		return; /* said at the first one */
	diag = complain(b, argument->span, "`%s` takes no more arguments%s", "");
	if (diag)
		diag_hint(diag, "it takes %s", parameters_text(b));
}

/* A parameter with the name of one before it has been reported. */
static bool named_again(const struct signature *signature, size_t index)
{
	size_t i;

	for (i = 0; i < index; i++)
		if (strcmp(signature->parameters[i].name, signature->parameters[index].name) == 0)
			return true;
	return false;
}

static void require_rest(struct binding *b, const struct node *call)
{
	const struct signature *signature = b->signature;
	struct diag *diag;
	size_t i;

	for (i = 0; i < signature->count; i++) {
		const struct parameter *parameter = &signature->parameters[i];

		if (b->bound[i] || parameter->fallback || parameter->variadic || named_again(signature, i))
			continue;
		if (signature->builtin && default_for(b->compilation, signature->builtin, parameter->name))
			continue;
		diag = complain(b, call->span, "`%s` needs the argument `%s`", parameter->name);
		if (diag)
			diag_hint(diag, "give it: `%s: …`, %s is wanted", parameter->name,
				  type_phrase(b->compilation->arena, parameter->type));
	}
}

/* A call whose closing bracket is missing has been reported; what it lacks says nothing. */
static bool is_torn(struct compilation *compilation, const struct node *call)
{
	return call->kind == NODE_CALL && call->span.to > call->span.from &&
	       source_text(compilation->sources, call->span)[call->span.to - call->span.from - 1] != ')';
}

static bool bind(struct compilation *compilation, const struct signature *signature, struct node *call,
		 struct node **bound, bool report, bool whole)
{
	struct binding b = {compilation, signature, bound, report, true, false};
	struct node *argument = call->kind == NODE_USE ? call->use.arguments : call->call.arguments;
	bool recovered = is_torn(compilation, call);
	size_t i, next = 0;

	for (i = 0; i < signature->count; i++)
		bound[i] = NULL;
	for (; argument; argument = argument->next) {
		if (argument->kind != NODE_ARGUMENT)
			recovered = true;
		else if (argument->argument.name.text)
			bind_named(&b, argument);
		else
			bind_positional(&b, argument, &next);
	}
	if (whole && !recovered && !b.misnamed)
		require_rest(&b, call);
	return b.sound && !recovered;
}

bool signature_bind(struct compilation *compilation, const struct signature *signature, struct node *call,
		    struct node **bound, bool report)
{
	return bind(compilation, signature, call, bound, report, true);
}

bool signature_bind_some(struct compilation *compilation, const struct signature *signature,
			 struct node *call, struct node **bound, bool report)
{
	return bind(compilation, signature, call, bound, report, false);
}

/* ---- defaults ---- */

struct node *default_for(struct compilation *compilation, const struct builtin *builtin,
			 const char *parameter)
{
	const struct checker *checker = checker_of(compilation);
	const char *dot = strchr(builtin->name, '.');
	char key[DEFAULT_KEY_MAX];
	struct node *value;

	if (checker->defaults.count == 0)
		return NULL;
	snprintf(key, sizeof(key), "%s.%s", builtin->name, parameter);
	value = table_find(&checker->defaults, key);
	if (value || !dot)
		return value;
	snprintf(key, sizeof(key), "%.*s.%s", (int)(dot - builtin->name), builtin->name, parameter);
	return table_find(&checker->defaults, key);
}
