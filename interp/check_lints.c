/* check_lints.c - warnings: what is allowed, and probably not meant; see check_internal.h. */
#include "interp/check_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static struct diag *warn(struct diags *diags, const char *code, struct span span, const char *text)
{
	return diag_warning(diags, code, span, "%s", text);
}

/* ---- queries that end in a comparison ---- */

static bool is_number_tail(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]) && !strchr(".eE+-_ ", text[i]))
			return false;
	return true;
}

/* The comparison at the end of a query, outside of brackets and quotes; SIZE_MAX: none. */
static size_t last_comparison(const char *text, size_t length)
{
	size_t i, found = SIZE_MAX;
	int depth = 0;
	char quote = 0;

	for (i = 0; i < length; i++) {
		char c = text[i];

		if (quote) {
			if (c == '\\')
				i++;
			else if (c == quote)
				quote = 0;
		} else if (c == '"' || c == '\'' || c == '`') {
			quote = c;
		} else if (strchr("([{", c)) {
			depth++;
		} else if (strchr(")]}", c)) {
			depth--;
		} else if (depth == 0 && (c == '<' || c == '>' ||
					  ((c == '=' || c == '!') && i + 1 < length && text[i + 1] == '='))) {
			found = i;
			i += i + 1 < length && text[i + 1] == '=';
		}
	}
	return found;
}

static void lint_query(struct walk *w, const struct node *query)
{
	const struct node *last = query->string.parts, *text;
	size_t at, behind;
	struct diag *diag;

	while (last && last->next)
		last = last->next;
	text = last;
	if (last && last->kind != NODE_TEXT)
		for (text = query->string.parts; text->next != last; text = text->next)
			;
	if (!text || text->kind != NODE_TEXT)
		return;
	at = last_comparison(text->text.bytes, text->text.length);
	if (at == SIZE_MAX)
		return;
	behind = at + 1 + (at + 1 < text->text.length && text->text.bytes[at + 1] == '=');
	if (!is_number_tail(text->text.bytes + behind, text->text.length - behind))
		return;
	diag = warn(w->diags, "L0202", literal_span(text, at),
		    "this query compares: where it does not hold it gives no data");
	diag_hint(diag, "let the query give the number and compare in the plan: an empty answer is then no "
			"data, never a pass");
}

/* ---- code inside an argument ---- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Programs that take code as an argument, and the flag in front of it (NULL: the first argument that is no
 * flag). */
static const struct {
	const char *program, *flag;
} code_takers[] = {
    {"sh", "-c"},      {"bash", "-c"}, {"dash", "-c"}, {"ash", "-c"},	{"zsh", "-c"}, {"python", "-c"},
    {"python3", "-c"}, {"perl", "-e"}, {"ruby", "-e"}, {"node", "-e"},	{"sed", NULL}, {"awk", NULL},
    {"gawk", NULL},    {"jq", NULL},   {"psql", "-c"}, {"mysql", "-e"},
};

static const struct node *code_argument(const struct node *item, const char *flag)
{
	const char *text;

	for (; item; item = item->next) {
		text = node_literal_text(item, NULL);
		if (flag) {
			if (text && strcmp(text, flag) == 0)
				return item->next;
		} else if (!text || text[0] != '-') {
			return item;
		}
	}
	return NULL;
}

static void lint_command(struct walk *w, const struct node *list)
{
	const char *program = node_literal_text(list->list.items, NULL);
	const struct node *code;
	struct diag *diag;
	size_t i;

	if (!program)
		return;
	for (i = 0; i < sizeof(code_takers) / sizeof(*code_takers); i++) {
		if (strcmp(base_name(program), code_takers[i].program) != 0)
			continue;
		code = code_argument(list->list.items->next, code_takers[i].flag);
		if (!code || code->kind != NODE_STRING || !code->string.interpolated)
			return;
		diag = diag_warning(w->diags, "L0203", code->span, "a value becomes code for `%s` here",
				    base_name(program));
		diag_hint(diag, "`file.template` writes files from values; `sh(\"… ${x}\")` hands values "
				"over as arguments");
		return;
	}
}

/* What a param of type url takes is looked at before the run; of any other text, only the call finds out. */
static void lint_url(struct walk *w, const struct node *url)
{
	const struct node *base = url->kind == NODE_STRING ? url->string.parts : url, *next;
	struct diag *diag;

	while (base && base->kind == NODE_TEXT && base->text.length == 0)
		base = base->next;
	next = url->kind == NODE_STRING && base ? base->next : NULL;
	if (next && next->kind == NODE_TEXT && next->text.length > 0 && !strchr("/?#:", next->text.bytes[0]))
		return; /* the text goes on in the host, and that is refused */
	if (!base || base->kind != NODE_NAME || !base->symbol || base->symbol->kind != SYMBOL_PARAM ||
	    !base->symbol->type || base->symbol->type->kind != TYPE_STRING)
		return;
	diag = diag_warning(w->diags, "L0213", base->span, "`%s` begins a URL here, and may be any text",
			    base->name);
	diag_secondary(diag, base->symbol->node->param.name.span, "the param");
	diag_hint(diag, "declare it `param %s: url`: what is none is then told before the run", base->name);
}

void lint_call(struct walk *w, const struct signature *signature, struct node **bound)
{
	size_t i;

	for (i = 0; i < signature->count; i++) {
		const struct type *type = signature->parameters[i].type;

		if (!bound[i])
			continue;
		if (bound[i]->kind == NODE_STRING && type->kind == TYPE_EMBED &&
		    type->language == EMBED_PROMQL)
			lint_query(w, bound[i]);
		else if (type->kind == TYPE_URL)
			lint_url(w, bound[i]);
		else if (bound[i]->kind == NODE_LIST && type->kind == TYPE_LIST &&
			 signature->builtin->effect != EFFECT_PURE)
			lint_command(w, bound[i]);
	}
}

void lint_useless_call(struct walk *w, const struct node *call)
{
	struct diag *diag;

	if (!(call->builtin && call->builtin->effect == EFFECT_PURE) &&
	    !(call->symbol && call->symbol->kind == SYMBOL_FUNC))
		return;
	diag = diag_warning(w->diags, "L0204", call->span,
			    "this call only computes, and its answer is not used");
	diag_hint(diag, "use it, `let x = …`, or leave it out");
}

/* ---- waiting ---- */

static bool has_timeout(const struct node *step)
{
	const struct node *node;

	if (!step->step.body || step->step.body->kind != NODE_BLOCK)
		return false;
	for (node = step->step.body->block.statements; node; node = node->next)
		if (node->kind == NODE_TIMEOUT)
			return true;
	return false;
}

void lint_endless_wait(struct walk *w, const struct node *wait)
{
	const struct place *place;
	struct diag *diag;

	if (wait->check.within)
		return;
	for (place = w->place; place; place = place->outer)
		if (place->kind == PLACE_STEP && has_timeout(place->node))
			return;
	diag = warn(w->diags, "L0205", wait->span, "this may wait for ever");
	diag_hint(diag, "give it a bound, `within 60s every 1s`, or the step a `timeout`");
}

/* Literal durations of a threshold's clauses; -1: not there or not literal. */
struct pace {
	int64_t every, after, breach_for, breaches;
};

static struct pace pace_of(const struct node *threshold)
{
	struct pace pace = {-1, 0, -1, 1};
	const struct node *clause;

	for (clause = threshold->callable.body; clause; clause = clause->next) {
		if (clause->kind == NODE_EVERY)
			pace.every = literal_duration(clause->value);
		else if (clause->kind == NODE_AFTER)
			pace.after = literal_duration(clause->value);
		else if (clause->kind == NODE_BREACH && clause->breach.duration)
			pace.breach_for = literal_duration(clause->breach.duration);
		else if (clause->kind == NODE_BREACH && !literal_int(clause->breach.count, &pace.breaches))
			pace.breaches = -1;
	}
	return pace;
}

/* The least time in which the threshold can breach; -1: not known. */
static int64_t least_breach(struct pace pace)
{
	int64_t samples;

	if (pace.after < 0)
		return -1;
	if (pace.breach_for >= 0)
		return pace.after + pace.breach_for;
	if (pace.every < 0 || pace.breaches < 1 || pace.breaches > 1000000 ||
	    __builtin_mul_overflow(pace.breaches - 1, pace.every, &samples))
		return -1;
	return pace.after + samples;
}

static const struct node *threshold_of(const struct node *use)
{
	return use->kind == NODE_USE && use->symbol && use->symbol->kind == SYMBOL_THRESHOLD
		   ? use->symbol->node
		   : NULL;
}

static void lint_never_measured(struct walk *w, const struct node *use, const struct node *threshold,
				int64_t time, struct span span, const char *what)
{
	char after[48], have[48];
	int64_t first = pace_of(threshold).after;
	struct diag *diag = diag_warning(w->diags, "L0206", use->span, "`%s` is never measured here",
					 threshold->callable.name.text);

	diag_secondary(diag, span, "%s lasts %s", what, duration_text(time, have));
	diag_hint(diag, "its first sample comes after %s", duration_text(first, after));
}

static void lint_time(struct walk *w, const struct node *first, int64_t time, struct span span,
		      const char *what)
{
	char need[48], have[48];
	const struct node *use, *threshold;
	struct diag *diag;

	for (use = first; use; use = use->next) {
		struct pace pace;
		int64_t least;

		threshold = threshold_of(use);
		if (!threshold)
			continue;
		pace = pace_of(threshold);
		least = least_breach(pace);
		duration_text(time, have);
		if (pace.after > 0 && pace.after >= time) {
			lint_never_measured(w, use, threshold, time, span, what);
		} else if (least >= time) {
			diag = diag_warning(w->diags, "L0207", use->span,
					    "`%s` cannot breach in so short a time",
					    threshold->callable.name.text);
			diag_secondary(diag, span, "%s lasts %s", what, have);
			diag_hint(diag, "with its `every` and `breach` it needs more than %s",
				  duration_text(least, need));
		}
	}
}

void lint_hold(struct walk *w, const struct node *hold)
{
	if (hold->hold.duration && hold->hold.duration->kind == NODE_DURATION)
		lint_time(w, hold->hold.watching, hold->hold.duration->integer, hold->hold.duration->span,
			  "the hold");
}

void lint_baseline(struct walk *w, const struct node *use, const struct node *length)
{
	const struct node *name = use->kind == NODE_CALL ? use->call.callee : use;

	if (name->symbol && name->symbol->kind == SYMBOL_THRESHOLD && length->kind == NODE_DURATION &&
	    length->integer > 0 && pace_of(name->symbol->node).after >= length->integer)
		lint_never_measured(w, use, name->symbol->node, length->integer, length->span, "the window");
}

/* A watch whose block only holds has a known length. */
void lint_watch(struct walk *w, const struct node *watch)
{
	const struct node *node;
	int64_t total = 0;

	if (!watch->watch.body || watch->watch.body->kind != NODE_BLOCK)
		return;
	for (node = watch->watch.body->block.statements; node; node = node->next) {
		if (node->kind == NODE_LOG || node->kind == NODE_WARN)
			continue;
		if (node->kind != NODE_HOLD || literal_duration(node->hold.duration) < 0 ||
		    __builtin_add_overflow(total, node->hold.duration->integer, &total))
			return;
	}
	lint_time(w, watch->watch.watching, total, watch->watch.body->span, "the block");
}

/* ---- unused ---- */

static bool counts_as_unused(const struct local *local)
{
	if (!local->symbol.module->main || local->symbol.used || local->symbol.name[0] == '_' ||
	    !*local->symbol.name)
		return false;
	/* A loop may only count: its variable need not be read. */
	return local->declared->kind == NODE_LET || local->declared->kind == NODE_VAR;
}

static bool acts(const struct node *value)
{
	return value && value->kind == NODE_CALL &&
	       (value->builtin ? value->builtin->effect == EFFECT_CHANGE
			       : value->symbol && value->symbol->kind == SYMBOL_TASK);
}

static void lint_unused_locals(struct checker *checker)
{
	const struct local *local;
	struct diag *diag;

	for (local = checker->all_locals; local; local = local->all) {
		if (!counts_as_unused(local))
			continue;
		diag = diag_warning(checker->compilation->diags, "L0104", local->symbol.span,
				    "`%s` is never used", local->symbol.name);
		if (local->declared->kind == NODE_LET && acts(local->declared->binding.value))
			diag_hint(diag, "the call can stand alone on its line");
		else
			diag_hint(diag, "leave it out, or call it `_%s`", local->symbol.name);
	}
}

static bool brings_settings(const struct module *module)
{
	const struct item *item;

	for (item = items_of(module); item->node; item++)
		if (item->kind == NODE_ENVIRONMENT || item->kind == NODE_DEFAULTS)
			return true;
	return false;
}

static void lint_unused_imports(struct checker *checker, const struct module *module)
{
	const struct import *import;

	for (import = ((struct module_names *)module->names)->imports; import; import = import->next)
		if (!import->used && import->module && !brings_settings(import->module))
			diag_hint(diag_warning(checker->compilation->diags, "L0105", import->node->span,
					       "nothing of %s is used", import->module->path),
				  "leave the import out");
}

static bool holds_plan(const struct module *module)
{
	const struct item *item = items_of(module);

	while (item->node && item->kind != NODE_PLAN)
		item++;
	return item->node != NULL;
}

static void lint_unused_secrets(struct checker *checker, const struct module *module)
{
	const struct item *item;

	if (!holds_plan(module))
		return; /* a library's secrets are for those who import it */
	for (item = items_of(module); item->node; item++)
		if (item->kind == NODE_SECRET && item->node->symbol && !item->node->symbol->used)
			diag_hint(diag_warning(checker->compilation->diags, "L0106",
					       item->node->secret.name.span, "the secret `%s` is never used",
					       item->node->secret.name.text),
				  "leave it out: what is not read cannot leak");
}

void lint_all(struct checker *checker)
{
	struct compilation *compilation = checker->compilation;
	struct module *module;

	lint_rollback(checker);
	/* A misspelt name leaves the right one unused: only the mistake is worth a line. */
	if (compilation->diags->errors)
		return;
	lint_unused_locals(checker);
	for (module = compilation->modules; module; module = module->next)
		lint_unused_imports(checker, module);
	lint_unused_secrets(checker, compilation->main);
}
