/* check_call.c - calls: arguments, text in other languages, secrets; see check_internal.h. */
#include "interp/check_internal.h"

#include <string.h>

/* Bodies that wait for each other: a call deeper than this is taken to give any. Bounds the C stack. */
#define WALK_DEPTH_MAX 1000

/* Calls of the language that are not built yet, in groups that are. */
static const char *const calls_to_come[] = {
    "docker.node_list", "docker.node_update", "docker.service_update", "docker.service_rollback",
};

bool not_yet(struct walk *w, struct span span, const char *what)
{
	diag_error(w->diags, "E0901", span, "%s is not available yet", what);
	return false;
}

/* ---- notes ---- */

static struct node *commit_before(const struct walk *w)
{
	const struct place *place;

	for (place = w->place; place; place = place->outer) {
		if (place->kind == PLACE_ROLLBACK || place->kind == PLACE_HANDLER ||
		    place->kind == PLACE_DEFER)
			return NULL;
		if (place->commit)
			return place->commit;
	}
	return NULL;
}

struct site *note_site(struct walk *w, struct node *call, const struct builtin *builtin,
		       struct callable *callee)
{
	struct site *site = arena_alloc(w->arena, sizeof(*site));

	*site = (struct site){.call = call, .builtin = builtin, .callee = callee, .place = w->place};
	site->commit = commit_before(w);
	site->in_way_back = in_way_back(w->place);
	w->checker->unsettled |= callee && callee->state != CALLABLE_DONE;
	*w->function->sites_end = site;
	w->function->sites_end = &site->next;
	return site;
}

/* Steps are told apart by whether something that may act or fail comes before a value is known. */
void note_risk(struct walk *w, struct span span)
{
	struct place *place;

	for (place = w->place; place; place = place->outer) {
		if (place->kind == PLACE_ROLLBACK || place->kind == PLACE_HANDLER ||
		    place->kind == PLACE_DEFER)
			return;
		if ((place->kind == PLACE_STEP || place->kind == PLACE_BODY) && span_empty(place->first_risk))
			place->first_risk = span;
	}
}

void note_person(struct walk *w, const char *kind, const char *label, struct callable *callee,
		 struct span span)
{
	struct person *person;

	if (place_find(w, PLACE_TEST))
		return;
	person = arena_alloc(w->arena, sizeof(*person));
	*person = (struct person){.kind = kind, .label = label, .callee = callee, .span = span};
	*w->function->people_end = person;
	w->function->people_end = &person->next;
}

void note_child_people(struct walk *w, struct compilation *child, struct span span)
{
	struct person *person = arena_alloc(w->arena, sizeof(*person));

	*person = (struct person){.plan = child, .callee = checker_of(child)->course, .span = span};
	*w->function->people_end = person;
	w->function->people_end = &person->next;
}

const char *label_text(struct walk *w, const struct node *node)
{
	const char *text = "";
	const struct node *piece;

	if (!node || node->kind != NODE_STRING)
		return "";
	for (piece = node->string.parts; piece; piece = piece->next)
		text =
		    piece->kind == NODE_TEXT
			? arena_printf(w->arena, "%s%s", text, piece->text.bytes)
			: arena_printf(w->arena, "%s${%.*s}", text, (int)(piece->span.to - piece->span.from),
				       source_text(w->checker->compilation->sources, piece->span));
	return text;
}

/* ---- text in another language ---- */

static const char *language_name(enum embed_language language)
{
	return language == EMBED_SH	  ? "a shell command"
	       : language == EMBED_SQL	  ? "SQL"
	       : language == EMBED_SQLITE ? "SQL"
	       : language == EMBED_PROMQL ? "PromQL"
					  : "a URL";
}

static bool is_call_of(const struct node *node, const char *name)
{
	return node->kind == NODE_CALL && node->builtin && strcmp(node->builtin->name, name) == 0;
}

/* The literal as embed.h wants it: pieces of text with a value between each two. */
static size_t collect_pieces(struct walk *w, const struct node *string, struct embed_part **pieces,
			     const struct node ***nodes)
{
	size_t room = 2 * string->string.count + 2, count = 1;
	const struct node *part;

	*pieces = arena_alloc(w->arena, room * sizeof(**pieces));
	*nodes = arena_alloc(w->arena,
			     2 * room * sizeof(**nodes)); /* [2i]: the text, [2i+1]: the value behind it */
	(*pieces)[0].text = "";
	for (part = string->string.parts; part; part = part->next) {
		if (part->kind == NODE_TEXT) {
			(*pieces)[count - 1].text = part->text.bytes;
			(*pieces)[count - 1].length = part->text.length;
			(*nodes)[2 * (count - 1)] = part;
			continue;
		}
		(*pieces)[count - 1].name = is_call_of(part, "pg.name");
		(*nodes)[2 * (count - 1) + 1] = part;
		(*pieces)[count++].text = "";
	}
	return count;
}

static void check_embedded(struct walk *w, const struct node *string, enum embed_language language)
{
	struct embed_problem problem;
	struct embed_part *pieces;
	const struct node **nodes, *value, *text;
	size_t count = collect_pieces(w, string, &pieces, &nodes);
	struct diag *diag;
	const char *code = "E0402";
	struct span at;

	if (embed_check(language, pieces, count, &problem)) {
		if (embed_check_closed(language, pieces, count, &problem))
			return;
		code = "E0405";
	}
	value = nodes[2 * problem.piece + 1];
	text = nodes[2 * problem.piece];
	at = value && problem.offset >= pieces[problem.piece].length ? value->span
	     : text						     ? literal_span(text, problem.offset)
								     : string->span;
	diag = diag_error(w->diags, code, at, "%s", problem.message);
	diag_label(diag, "%s",
		   value && problem.offset >= pieces[problem.piece].length ? "this value" : "here");
	if (problem.hint)
		diag_hint(diag, "%s", problem.hint);
}

static void refuse_computed_code(struct walk *w, const struct node *node, enum embed_language language)
{
	struct diag *diag =
	    diag_error(w->diags, "E0401", node->span, "%s must be written out here: text is never code",
		       language_name(language));

	diag_label(diag, "this is computed");
	if (language == EMBED_SH)
		diag_hint(diag, "write the command as a literal; \"… ${value}\" hands the value over as "
				"\"$1\", or use exec([…]) with a list");
	else
		diag_hint(diag, "write the statement as a literal; ${value} becomes a bind parameter, "
				"${pg.name(x)} an identifier");
}

static enum embed_language language_of(const struct type *type)
{
	return type->kind == TYPE_EMBED ? type->language : type->kind == TYPE_URL ? EMBED_URL : EMBED_NONE;
}

static void check_code(struct walk *w, struct node *node, const struct parameter *parameter)
{
	enum embed_language language = language_of(parameter->type);

	w->in_shell = language == EMBED_SH;
	check_value(w, node);
	w->in_shell = false;
	if (node->kind == NODE_STRING) {
		check_embedded(w, node, language);
		return;
	}
	if ((language == EMBED_SH || language == EMBED_SQL || language == EMBED_SQLITE) && type_is_text(node->type)) {
		refuse_computed_code(w, node, language);
		return;
	}
	want_type(w, node, parameter->type, parameter->name);
}

/* ---- arguments ---- */

struct arguments {
	const struct signature *signature;
	struct callable *callee; /* or NULL: a builtin */
	uint64_t taint;		 /* of all together */
	uint64_t result;	 /* of the answer */
};

static void refuse_secret(struct walk *w, struct span span, uint64_t mask, const struct parameter *parameter,
			  const struct signature *signature)
{
	struct diag *diag;

	if (!mask)
		return;
	if (!(mask & SECRET_ITSELF)) {
		check_shown(w, span, mask,
			    arena_printf(w->arena, "`%s`'s argument `%s`", signature->name, parameter->name));
		return;
	}
	diag = diag_error(w->diags, "E0404", span, "`%s` may not be given a secret as `%s`", signature->name,
			  parameter->name);
	diag_label(diag, "this is a secret, or made of one");
	if (parameter->type->kind == TYPE_LIST)
		diag_hint(diag, "a process's arguments can be read by everyone on the machine: hand it over "
				"in `env`, or in a file");
	else if (signature->builtin)
		diag_hint(diag, "`runplan doc %s` says which arguments may take a secret", signature->name);
}

/* What happens to a secret in a func or task was found out when its body was walked. */
static void follow_secret(struct walk *w, struct span span, uint64_t mask, struct arguments *arguments,
			  size_t index)
{
	uint64_t bit = UINT64_C(1) << (index % SECRET_PARAMETERS);
	const struct leak *leak;
	struct diag *diag;

	if (!mask)
		return;
	if (arguments->callee->result_mask & bit)
		arguments->result |= mask;
	if (arguments->callee->state != CALLABLE_DONE)
		arguments->result |= mask;
	for (leak = arguments->callee->leaks; leak; leak = leak->next) {
		if (!(leak->mask & bit))
			continue;
		if (!(mask & SECRET_ITSELF)) {
			check_shown(w, leak->span, mask, leak->what);
			continue;
		}
		diag = diag_error(w->diags, "E0404", span, "a secret would be shown in %s", leak->what);
		diag_label(diag, "this is a secret, or made of one");
		diag_secondary(diag, leak->span, "it is used here");
		return;
	}
}

static void check_argument(struct walk *w, struct node *node, struct arguments *arguments, size_t index)
{
	const struct parameter *parameter = &arguments->signature->parameters[index];

	if (language_of(parameter->type) != EMBED_NONE) {
		check_code(w, node, parameter);
	} else {
		check_value(w, node);
		want_type(w, node, parameter->type, parameter->name);
	}
	arguments->taint |= w->taint;
	if (arguments->callee)
		follow_secret(w, node->span, w->taint, arguments, index);
	else if (w->taint && !parameter->type->secret)
		refuse_secret(w, node->span, w->taint, parameter, arguments->signature);
}

static void check_bound(struct walk *w, struct node *first, struct arguments *arguments, struct node **bound)
{
	const struct signature *signature = arguments->signature;
	struct node *argument;
	size_t i;

	for (i = 0; i < signature->count; i++) {
		if (!bound[i])
			continue;
		if (!signature->parameters[i].variadic) {
			check_argument(w, bound[i], arguments, i);
			continue;
		}
		for (argument = bound[i]; argument; argument = argument->next)
			if (argument->kind == NODE_ARGUMENT && !argument->argument.name.text)
				check_argument(w, argument->argument.value, arguments, i);
	}
	/* What belongs to no parameter was reported; its own mistakes are still worth saying. */
	for (argument = first; argument; argument = argument->next)
		if (argument->kind == NODE_ARGUMENT && argument->argument.value &&
		    !argument->argument.value->type)
			check_value(w, argument->argument.value);
}

static void check_loose_arguments(struct walk *w, struct node *first)
{
	struct node *argument;

	for (argument = first; argument; argument = argument->next)
		if (argument->kind == NODE_ARGUMENT)
			check_value(w, argument->argument.value);
}

/* ---- builtins ---- */

static bool says_it_reads(const struct signature *signature, struct node **bound)
{
	size_t i;

	for (i = 0; i < signature->count; i++)
		if (strcmp(signature->parameters[i].name, "reads") == 0)
			return bound[i] && bound[i]->kind == NODE_BOOL && bound[i]->boolean;
	return false;
}

static const struct type *call_builtin(struct walk *w, struct node *node, const struct builtin *builtin)
{
	const struct signature *signature = signature_of_builtin(w->checker->compilation, builtin);
	struct node **bound = arena_alloc(w->arena, (signature->count + 1) * sizeof(*bound));
	struct arguments arguments = {.signature = signature};

	node->builtin = node->call.callee->builtin = builtin;
	signature_bind(w->checker->compilation, signature, node, bound, true);
	if (builtin->reads && says_it_reads(signature, bound))
		builtin = node->builtin = node->call.callee->builtin = builtin->reads;
	check_bound(w, node->call.arguments, &arguments, bound);
	if (builtin->effect != EFFECT_PURE) {
		note_site(w, node, builtin, NULL);
		note_risk(w, node->span);
	}
	if (builtin->flags & BUILTIN_PATTERN && signature->count)
		check_regex(w, bound[0]);
	if (builtin->flags & BUILTIN_PERSON)
		note_person(w, "ask", label_text(w, signature->count ? bound[0] : NULL), NULL, node->span);
	lint_call(w, signature, bound);
	w->taint = builtin->effect == EFFECT_PURE ? arguments.taint : 0;
	if (builtin->flags & BUILTIN_SECRET_ANSWER)
		w->taint |= SECRET_ITSELF;
	return signature->returns;
}

/* ---- funcs and tasks ---- */

static void walk_callee(struct walk *w, struct callable *callee)
{
	if (callee->state == CALLABLE_NEW && w->checker->depth < WALK_DEPTH_MAX)
		check_callable(w->checker, callee);
}

static void pass_commit(struct walk *w, struct node *node, const struct callable *callee)
{
	if (!span_empty(callee->commits))
		note_commit(w, node);
}

static const struct type *call_callable(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct callable *callee = (struct callable *)symbol;
	const struct signature *signature = signature_of_symbol(w->checker->compilation, symbol);
	struct node **bound = arena_alloc(w->arena, (signature->count + 1) * sizeof(*bound));
	struct arguments arguments = {.signature = signature, .callee = callee};

	symbol->used = true;
	node->symbol = node->call.callee->symbol = symbol;
	walk_callee(w, callee);
	signature_bind(w->checker->compilation, signature, node, bound, true);
	check_bound(w, node->call.arguments, &arguments, bound);
	note_site(w, node, NULL, callee);
	note_risk(w, node->span);
	note_person(w, NULL, NULL, callee, node->span);
	pass_commit(w, node, callee);
	w->function->reads_constants |= callee->reads_constants;
	if (callee->latest_global > w->function->latest_global && symbol->module == w->module)
		w->function->latest_global = callee->latest_global;
	w->taint = arguments.result | (callee->result_mask & SECRET_ITSELF);
	if (callee->declared)
		return callee->declared;
	if (callee->state != CALLABLE_DONE)
		return type_simple(TYPE_ANY);
	return callee->result ? callee->result : type_simple(TYPE_VOID);
}

/* Constants get their values from the top to the bottom, also where a func reads them. */
static void check_reach(struct walk *w, const struct node *node, const struct symbol *symbol)
{
	const struct callable *callee = (const struct callable *)symbol;
	struct diag *diag;

	if (w->in_param && callee->reads_constants) {
		diag = diag_error(w->diags, "E0602", node->span,
				  "`%s` reads a constant, which has no value yet when params get theirs",
				  symbol->name);
		diag_secondary(diag, symbol->span, "this func");
		return;
	}
	if (w->global_position == UINT32_MAX || symbol->module != w->module ||
	    callee->latest_global < w->global_position)
		return;
	diag = diag_error(w->diags, "E0602", node->span, "`%s` reads a constant that has no value yet here",
			  symbol->name);
	diag_secondary(diag,
		       (struct span){symbol->span.file, callee->latest_global, callee->latest_global + 1},
		       "this one is declared further down");
	diag_hint(diag, "constants get their values from the top to the bottom: move it up");
}

/* ---- what the language itself offers ---- */

static struct node *only_argument(struct walk *w, struct node *node, const char *name)
{
	struct node *argument = node->call.arguments;

	if (argument && argument->kind == NODE_ARGUMENT && !argument->next && !argument->argument.name.text)
		return argument->argument.value;
	diag_error(w->diags, "E0209", node->span, "`%s` takes exactly one value", name);
	check_loose_arguments(w, argument);
	return NULL;
}

static const struct type *call_secret(struct walk *w, struct node *node)
{
	struct node *value = only_argument(w, node, "secret");
	const struct type *type = value ? check_value(w, value) : type_simple(TYPE_ERROR);

	w->taint = SECRET_ITSELF;
	return type;
}

static struct symbol *find_threshold(struct walk *w, struct node *node)
{
	struct symbol *symbol = NULL;
	const char *name = "";

	if (node->kind == NODE_NAME) {
		name = node->name;
		symbol = find_callable(w, name);
		if (!symbol)
			symbol = find_symbol(w, name);
	} else if (node->kind == NODE_FIELD && node->field.object->kind == NODE_NAME &&
		   node->field.name.text) {
		name = node->field.name.text;
		symbol = find_symbol(w, node->field.object->name);
		if (symbol && symbol->kind == SYMBOL_MODULE) {
			symbol = symbol_through_import(w, node, symbol);
			if (!symbol)
				return NULL;
		}
	} else {
		if (node->kind != NODE_ERROR)
			diag_hint(diag_error(w->diags, "E0601", node->span, "this is no threshold"),
				  "name one that is declared: `threshold error_rate { … }`");
		return NULL;
	}
	if (symbol && symbol->kind == SYMBOL_THRESHOLD) {
		symbol->used = true;
		node->symbol = symbol;
		return symbol;
	}
	if (symbol)
		diag_secondary(diag_error(w->diags, "E0601", node->span, "%s is no threshold",
					  symbol_phrase(w->arena, symbol)),
			       symbol->span, "declared here");
	else
		report_unknown_threshold(w, node->span, name);
	return NULL;
}

struct wanted {
	const struct symbol *symbol;
	bool found;
};

static void look_for(struct node *node, void *context)
{
	struct wanted *wanted = context;

	wanted->found |= node->kind == NODE_NAME && node->symbol == wanted->symbol;
	if (!wanted->found)
		ast_each_child(node, look_for, wanted);
}

/* What is only measured has no bound: arguments that nothing but the bound names may be left out. */
static void want_measuring_arguments(struct walk *w, const struct node *use,
				     const struct signature *signature, struct node *const *bound)
{
	struct node *clause;
	struct diag *diag;
	size_t i;

	for (i = 0; i < signature->count; i++) {
		const struct parameter *parameter = &signature->parameters[i];
		struct wanted wanted = {parameter->symbol, false};

		if (bound[i] || parameter->fallback)
			continue;
		for (clause = signature->symbol->node->callable.body; clause; clause = clause->next)
			if (clause->kind != NODE_MUST && clause->kind != NODE_BREACH)
				look_for(clause, &wanted);
		if (!wanted.found)
			continue;
		diag = diag_error(w->diags, "E0209", use->span, "`%s` needs the argument `%s`",
				  signature->name, parameter->name);
		diag_hint(diag, "give it: `%s: …`, %s is wanted", parameter->name,
			  type_phrase(w->arena, parameter->type));
	}
}

/* `measures`: its bound does not count. */
static void use_threshold(struct walk *w, struct node *use, struct node *arguments_list,
			  struct symbol *symbol, bool measures)
{
	struct callable *callee = (struct callable *)symbol;
	const struct signature *signature = signature_of_symbol(w->checker->compilation, symbol);
	struct node **bound = arena_alloc(w->arena, (signature->count + 1) * sizeof(*bound));
	struct arguments arguments = {.signature = signature, .callee = callee};
	struct place *place = place_open(w, PLACE_PURE, use);

	place->reason = "an argument of a threshold";
	use->symbol = symbol;
	walk_callee(w, callee);
	if (!measures)
		signature_bind(w->checker->compilation, signature, use, bound, true);
	else if (signature_bind_some(w->checker->compilation, signature, use, bound, true))
		want_measuring_arguments(w, use, signature, bound);
	check_bound(w, arguments_list, &arguments, bound);
	place_close(w, place);
	note_site(w, use, NULL, callee);
	note_risk(w, use->span);
	note_person(w, NULL, NULL, callee, use->span);
}

void check_use(struct walk *w, struct node *use)
{
	struct symbol *symbol;

	if (use->kind != NODE_USE || !use->use.threshold)
		return;
	symbol = find_threshold(w, use->use.threshold);
	if (symbol)
		use_threshold(w, use, use->use.arguments, symbol, false);
	else
		check_loose_arguments(w, use->use.arguments);
}

/* `t` or `t(max: 2%)`, as sample and baseline take it: what is measured, NULL where that is not known. */
static const struct type *measured_value(struct walk *w, struct node *use)
{
	struct node *name = use->kind == NODE_CALL ? use->call.callee : use;
	struct node *list = use->kind == NODE_CALL ? use->call.arguments : NULL;
	struct symbol *symbol = find_threshold(w, name);
	const struct type *measured;

	if (!symbol) {
		check_loose_arguments(w, list);
		return NULL;
	}
	if (use->kind == NODE_CALL) {
		use_threshold(w, use, list, symbol, true);
	} else {
		struct node *bare = arena_alloc(w->arena, sizeof(*bare));

		*bare = (struct node){.kind = NODE_USE, .span = use->span, .use = {.threshold = use}};
		use_threshold(w, bare, NULL, symbol, true);
	}
	measured = ((struct callable *)symbol)->result;
	use->type = measured ? measured : type_simple(TYPE_ANY);
	return use->type;
}

/* sample(t), sample(t(max: 2%)): the value; it fails where there is no data. */
static const struct type *call_sample(struct walk *w, struct node *node)
{
	struct node *use = only_argument(w, node, "sample");
	const struct type *measured = use ? measured_value(w, use) : NULL;

	w->taint = 0;
	return node->type = measured ? measured : type_simple(TYPE_ERROR);
}

static bool is_positional(const struct node *argument)
{
	return argument && argument->kind == NODE_ARGUMENT && !argument->argument.name.text;
}

/* baseline(t, 5m), baseline(t(max: 2%), 5m): the median of what is measured in that time. */
static const struct type *call_baseline(struct walk *w, struct node *node)
{
	struct node *use = node->call.arguments, *length = use ? use->next : NULL;
	const struct type *measured = NULL;

	if (is_positional(use))
		measured = measured_value(w, use->argument.value);
	if (!is_positional(use) || !is_positional(length) || length->next) {
		diag_hint(
		    diag_error(w->diags, "E0209", node->span, "`baseline` takes a threshold and a duration"),
		    "`baseline(error_rate, 5m)` is the median of what is measured in 5 minutes");
		check_loose_arguments(w, is_positional(use) ? length : use);
		return type_simple(TYPE_ERROR);
	}
	check_value(w, length->argument.value);
	want_type(w, length->argument.value, type_simple(TYPE_DURATION), "baseline");
	want_positive(w, length->argument.value, "the time in which it is measured");
	lint_baseline(w, use->argument.value, length->argument.value);
	w->taint = 0;
	if (!measured)
		return type_simple(TYPE_ERROR);
	if (!type_is_measurable(measured)) {
		diag_error(w->diags, "E0204", node->span, "there is no median of %s",
			   type_phrase(w->arena, measured));
		return type_simple(TYPE_ERROR);
	}
	return node->type = measured->kind == TYPE_INT ? type_simple(TYPE_FLOAT) : measured;
}

static void check_asked_arguments(struct walk *w, struct node *call, const struct signature *signature)
{
	struct node **bound = arena_alloc(w->arena, (signature->count + 1) * sizeof(*bound));
	struct node *argument;
	size_t i;

	signature_bind_some(w->checker->compilation, signature, call, bound, true);
	for (i = 0; i < signature->count; i++) {
		const struct parameter *parameter = &signature->parameters[i];
		const struct type *type = parameter->variadic ? parameter->type->element : parameter->type;

		for (argument = bound[i]; argument; argument = parameter->variadic ? argument->next : NULL) {
			struct node *value =
			    argument->kind == NODE_ARGUMENT ? argument->argument.value : argument;

			check_value(w, value);
			if (type && language_of(type) == EMBED_NONE)
				want_type(w, value, type, parameter->name);
		}
	}
	for (argument = call->call.arguments; argument; argument = argument->next)
		if (argument->kind == NODE_ARGUMENT && argument->argument.value &&
		    !argument->argument.value->type)
			check_value(w, argument->argument.value);
}

void check_asked(struct walk *w, struct node *call)
{
	struct node *callee = call->call.callee;

	check_test_target(w, callee);
	if (callee->builtin)
		check_asked_arguments(w, call,
				      signature_of_builtin(w->checker->compilation, callee->builtin));
	else if (callee->symbol)
		check_asked_arguments(w, call, signature_of_symbol(w->checker->compilation, callee->symbol));
	else
		check_loose_arguments(w, call->call.arguments);
	w->taint = 0;
}

/* called(docker.stop, "web"): the call that is asked about becomes a node of its own. */
static const struct type *call_called(struct walk *w, struct node *node)
{
	struct node *target = node->call.arguments, *call = arena_alloc(w->arena, sizeof(*call));

	if (!target || target->kind != NODE_ARGUMENT || target->argument.name.text ||
	    (target->argument.value->kind != NODE_NAME && target->argument.value->kind != NODE_FIELD)) {
		diag_hint(diag_error(w->diags, "E0209", node->span,
				     "`called` is asked about a builtin or a task of the plan"),
			  "name it, and the arguments that must be equal: `called(docker.stop, \"web\")`");
		return type_simple(TYPE_BOOL);
	}
	*call = (struct node){.kind = NODE_CALL,
			      .span = node->span,
			      .call = {.callee = target->argument.value, .arguments = target->next}};
	check_asked(w, call);
	if (call->call.callee->symbol && call->call.callee->symbol->kind == SYMBOL_THRESHOLD)
		diag_error(w->diags, "E0609", target->span,
			   "a threshold is not called: ask for the outcome, or for `failure.breach`");
	return type_simple(TYPE_BOOL);
}

static bool language_call(struct walk *w, struct node *node, const char *name, const struct type **type)
{
	w->taint = 0;
	if (strcmp(name, "secret") == 0)
		*type = call_secret(w, node);
	else if (strcmp(name, "sample") == 0)
		*type = call_sample(w, node);
	else if (strcmp(name, "baseline") == 0)
		*type = call_baseline(w, node);
	else if (strcmp(name, "called") == 0 && place_find(w, PLACE_QUESTION))
		*type = call_called(w, node);
	else
		return false;
	return true;
}

/* ---- who is called ---- */

static const struct type *call_symbol(struct walk *w, struct node *node, struct symbol *symbol)
{
	struct diag *diag;

	if (symbol->kind == SYMBOL_FUNC || symbol->kind == SYMBOL_TASK) {
		const struct type *type = call_callable(w, node, symbol);

		check_reach(w, node, symbol);
		return type;
	}
	check_loose_arguments(w, node->call.arguments);
	diag = diag_error(w->diags, "E0609", node->call.callee->span, "%s cannot be called",
			  symbol_phrase(w->arena, symbol));
	if (symbol->kind == SYMBOL_THRESHOLD)
		diag_hint(diag, "measure it: `sample(%s)`, or hold it: `hold 5m watching %s`", symbol->name,
			  symbol->name);
	else if (symbol->kind != SYMBOL_SPECIAL)
		diag_secondary(diag, symbol->span, "declared here");
	return type_simple(TYPE_ERROR);
}

static const struct type *call_unknown(struct walk *w, struct node *node, const char *name)
{
	check_loose_arguments(w, node->call.arguments);
	report_unknown_name(w, node->call.callee, name, true);
	return type_simple(TYPE_ERROR);
}

static const struct type *call_name(struct walk *w, struct node *node)
{
	const char *name = node->call.callee->name;
	const struct builtin *builtin;
	const struct type *type;
	struct symbol *symbol = find_callable(w, name);

	if (symbol && symbol->kind != SYMBOL_THRESHOLD)
		return call_symbol(w, node, symbol);
	builtin = find_builtin(w->checker, name);
	if (builtin)
		return call_builtin(w, node, builtin);
	if (language_call(w, node, name, &type))
		return type;
	if (!symbol)
		symbol = find_symbol(w, name);
	if (symbol)
		return call_symbol(w, node, symbol);
	return call_unknown(w, node, name);
}

static bool comes_later(const char *full)
{
	size_t i;

	for (i = 0; i < sizeof(calls_to_come) / sizeof(*calls_to_come); i++)
		if (strcmp(calls_to_come[i], full) == 0)
			return true;
	return false;
}

static const struct type *call_of_namespace(struct walk *w, struct node *node, const char *space,
					    const char *name)
{
	const char *full = dotted_name(w->arena, space, name);
	const struct builtin *builtin = find_builtin(w->checker, full);
	bool known = is_namespace(w->checker, space);

	if (builtin)
		return call_builtin(w, node, builtin);
	check_loose_arguments(w, node->call.arguments);
	if (comes_later(full))
		not_yet(w, node->call.callee->span, arena_printf(w->arena, "`%s`", full));
	else if (known)
		report_unknown_builtin(w, node->call.callee->field.name.span, space, name);
	else
		report_unknown_namespace(w, node->call.callee->field.object, space, name);
	return type_simple(TYPE_ERROR);
}

static const struct type *call_field(struct walk *w, struct node *node)
{
	struct node *callee = node->call.callee, *object = callee->field.object;
	const char *name = callee->field.name.text;
	struct symbol *symbol;
	struct diag *diag;

	if (!name || object->kind == NODE_ERROR) {
		check_loose_arguments(w, node->call.arguments);
		return type_simple(TYPE_ERROR);
	}
	if (object->kind != NODE_NAME) {
		check_value(w, object);
		check_loose_arguments(w, node->call.arguments);
		diag = diag_error(w->diags, "E0609", callee->span, "a value has no calls of its own");
		diag_hint(diag, "builtins take the value as an argument: `list.length(x)`, `text.trim(x)`");
		return type_simple(TYPE_ERROR);
	}
	symbol = find_symbol(w, object->name);
	if (symbol && symbol->kind == SYMBOL_MODULE) {
		object->symbol = symbol;
		symbol = symbol_through_import(w, callee, symbol);
		if (symbol)
			return call_symbol(w, node, symbol);
		check_loose_arguments(w, node->call.arguments);
		return type_simple(TYPE_ERROR);
	}
	if (symbol && symbol->kind == SYMBOL_LOCAL && !is_namespace(w->checker, object->name)) {
		check_value(w, object);
		check_loose_arguments(w, node->call.arguments);
		diag = diag_error(w->diags, "E0609", callee->span,
				  "`%s` is a value and has no calls of its own", object->name);
		hint_method(w, diag, object->name, name);
		return type_simple(TYPE_ERROR);
	}
	return call_of_namespace(w, node, object->name, name);
}

const struct type *check_call(struct walk *w, struct node *node)
{
	struct node *callee = node->call.callee;

	w->taint = 0;
	if (callee && callee->kind == NODE_NAME)
		return call_name(w, node);
	if (callee && callee->kind == NODE_FIELD)
		return call_field(w, node);
	check_value(w, callee);
	check_loose_arguments(w, node->call.arguments);
	if (callee && callee->kind != NODE_ERROR)
		diag_error(w->diags, "E0609", callee->span, "this cannot be called");
	return type_simple(TYPE_ERROR);
}
