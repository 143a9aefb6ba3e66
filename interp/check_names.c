/*
 * check_names.c - tables, scopes, finding a name and what was meant by a misspelt one; see check_internal.h.
 */
#include "interp/check_internal.h"

#include <string.h>

#include "grammar/foreign.h"

/* Names compared letter by letter with a misspelt one: bounds the time that 200 errors take in a huge plan. */
#define CANDIDATES_MAX 256

/* Statements searched for a later declaration, for the same reason. */
#define STATEMENTS_MAX 10000

/* ---- tables ---- */

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

/* The key's slot, or the one where it belongs; `hash` is that of its text. */
static struct table_slot *find_slot(const struct table *table, const char *key, uint32_t hash)
{
	uint32_t i = hash & (table->capacity - 1);

	while (table->slots[i].key && (table->slots[i].hash != hash || strcmp(table->slots[i].key, key) != 0))
		i = (i + 1) & (table->capacity - 1);
	return &table->slots[i];
}

static void *find_hashed(const struct table *table, const char *key, uint32_t hash)
{
	return table->capacity ? find_slot(table, key, hash)->value : NULL;
}

void *table_find(const struct table *table, const char *key)
{
	return table->capacity ? find_hashed(table, key, hash_text(key)) : NULL;
}

static void table_grow(struct arena *arena, struct table *table)
{
	struct table larger = {.capacity = table->capacity ? table->capacity * 2 : 16, .count = table->count};
	uint32_t i;

	larger.slots = arena_alloc(arena, larger.capacity * sizeof(*larger.slots));
	for (i = 0; i < table->capacity; i++)
		if (table->slots[i].key)
			*find_slot(&larger, table->slots[i].key, table->slots[i].hash) = table->slots[i];
	*table = larger;
}

void **table_place(struct arena *arena, struct table *table, const char *key)
{
	uint32_t hash = hash_text(key);
	struct table_slot *slot;

	if (table->count * 2 >= table->capacity)
		table_grow(arena, table);
	slot = find_slot(table, key, hash);
	if (!slot->key) {
		slot->key = key;
		slot->hash = hash;
		table->count++;
	}
	return &slot->value;
}

/* ---- builtins ---- */

static void note_namespace(struct checker *checker, const struct builtin *builtin)
{
	const char *dot = strchr(builtin->name, '.');
	char name[64];
	size_t length;

	if (!dot || (size_t)(dot - builtin->name) >= sizeof(name))
		return;
	length = (size_t)(dot - builtin->name);
	memcpy(name, builtin->name, length);
	name[length] = '\0';
	if (!table_find(&checker->namespaces, name)) {
		char *copy = arena_strndup(checker->arena, name, length);

		*table_place(checker->arena, &checker->namespaces, copy) = copy;
	}
}

void names_init(struct checker *checker)
{
	static const char *const names[] = {"failure", "run", "plan"};
	const struct registry *registry = checker->compilation->registry;
	size_t t, r, i;

	for (t = 0; t < registry->table_count; t++)
		for (r = 0; r < registry->tables[t]->row_count; r++) {
			const struct builtin *row = &registry->tables[t]->rows[r];

			if (row->flags & BUILTIN_INTERNAL)
				continue;
			*table_place(checker->arena, &checker->builtins, row->name) = (void *)row;
			note_namespace(checker, row);
		}
	for (i = 0; i < 3; i++) {
		checker->specials[i].kind = SYMBOL_SPECIAL;
		checker->specials[i].name = names[i];
		checker->specials[i].special = (enum special)i;
		checker->specials[i].slot = checker->specials[i].function = -1;
	}
}

const char *dotted_name(struct arena *arena, const char *space, const char *name)
{
	size_t before = strlen(space), after = strlen(name);
	char *full = arena_alloc(arena, before + 1 + after + 1);

	memcpy(full, space, before);
	full[before] = '.';
	memcpy(full + before + 1, name, after);
	return full;
}

const struct builtin *find_builtin(struct checker *checker, const char *name)
{
	return table_find(&checker->builtins, name);
}

bool is_namespace(struct checker *checker, const char *name)
{
	return table_find(&checker->namespaces, name) != NULL;
}

/* ---- places ---- */

struct place *place_open(struct walk *w, enum place_kind kind, struct node *node)
{
	struct place *place = arena_alloc(w->arena, sizeof(*place));

	place->kind = kind;
	place->node = node;
	place->outer = w->place;
	w->place = place;
	return place;
}

void place_close(struct walk *w, struct place *place)
{
	w->place = place->outer;
}

struct place *place_find(const struct walk *w, enum place_kind kind)
{
	struct place *place = w->place;

	while (place && place->kind != kind)
		place = place->outer;
	return place;
}

bool place_encloses(const struct place *outer, const struct place *inner)
{
	while (inner && inner != outer)
		inner = inner->outer;
	return inner != NULL;
}

/* ---- scopes ---- */

void scope_open(struct walk *w, struct scope *scope, struct node *statements, bool holds_steps)
{
	*scope = (struct scope){.outer = w->scope, .statements = statements, .holds_steps = holds_steps};
	w->scope = scope;
}

void scope_close(struct walk *w, struct scope *scope)
{
	struct local *local;

	for (local = scope->locals; local; local = local->in_scope)
		*table_place(w->arena, &w->checker->locals, local->symbol.name) = local->hidden;
	w->scope = scope->outer;
}

static struct local *find_local(struct walk *w, const char *name, uint32_t hash)
{
	struct local *local = find_hashed(&w->checker->locals, name, hash);

	return local && local->function == w->function ? local : NULL;
}

struct symbol *module_symbol(struct module *module, const char *name)
{
	struct module_names *names = module->names;
	struct module_name *found = table_find(&names->names, name);

	return found && !found->import ? found->symbol : NULL;
}

struct symbol *find_symbol(struct walk *w, const char *name)
{
	uint32_t hash = hash_text(name);
	struct local *local = find_local(w, name, hash);
	struct module_names *names;
	struct module_name *found;
	int i;

	if (local)
		return &local->symbol;
	if (w->in_signature)
		return NULL;
	names = w->module->names;
	found = find_hashed(&names->names, name, hash);
	if (found) {
		if (found->import)
			found->import->used = true;
		return found->symbol;
	}
	for (i = 0; i < 3; i++)
		if (*w->checker->specials[i].name == *name && strcmp(w->checker->specials[i].name, name) == 0)
			return &w->checker->specials[i];
	return NULL;
}

static bool callable_kind(enum symbol_kind kind)
{
	return kind == SYMBOL_FUNC || kind == SYMBOL_TASK || kind == SYMBOL_THRESHOLD;
}

struct symbol *find_callable(struct walk *w, const char *name)
{
	struct module_names *names = w->module->names;
	struct module_name *found = table_find(&names->names, name);

	if (!found || !callable_kind(found->symbol->kind))
		return NULL;
	if (found->import)
		found->import->used = true;
	return found->symbol;
}

/* ---- declaring ---- */

const char *symbol_phrase(struct arena *arena, const struct symbol *symbol)
{
	static const char *const words[] = {
	    [SYMBOL_LOCAL] = "the name",	  [SYMBOL_CONSTANT] = "the constant",
	    [SYMBOL_PARAM] = "the param",	  [SYMBOL_SECRET] = "the secret",
	    [SYMBOL_FUNC] = "the func",		  [SYMBOL_TASK] = "the task",
	    [SYMBOL_THRESHOLD] = "the threshold", [SYMBOL_STEP] = "the step",
	    [SYMBOL_MODULE] = "the import",	  [SYMBOL_SPECIAL] = "the name",
	    [SYMBOL_BUILTIN] = "the builtin",
	};

	return arena_printf(arena, "%s `%s`", words[symbol->kind], symbol->name);
}

/*
 * Values and what is called never meet: a func, task or threshold is no value, a value is not called. Inside
 * a step its own name means nothing yet. And an argument is declared in plain sight of its body: it may hide
 * a name of the file.
 */
static bool may_hide(const struct node *declaration, const struct symbol *taken)
{
	if (callable_kind(taken->kind) || taken->kind == SYMBOL_SPECIAL)
		return true;
	if (taken->kind == SYMBOL_STEP)
		return !((const struct step *)taken)->finished && declaration->kind != NODE_STEP;
	return declaration->kind == NODE_PARAM && taken->kind != SYMBOL_LOCAL && taken->kind != SYMBOL_MODULE;
}

/* A value that is visible already is not declared again: what a line means must not depend on where it
 * stands. */
static bool refuse_taken(struct walk *w, const struct node *declaration, struct ident name)
{
	struct symbol *taken = find_symbol(w, name.text);
	struct diag *diag;

	if (!taken || may_hide(declaration, taken))
		return false;
	diag = diag_error(w->diags, "E0603", name.span, "`%s` is already the name of something else here",
			  name.text);
	diag_label(diag, "declared again");
	diag_secondary(diag, taken->span, "%s", symbol_phrase(w->arena, taken));
	diag_hint(diag, "choose another name: a name means one thing wherever it can be read");
	return true;
}

static void bind_local(struct walk *w, struct local *local, struct scope *scope)
{
	void **place = table_place(w->arena, &w->checker->locals, local->symbol.name);

	local->hidden = *place;
	local->in_scope = scope->locals;
	scope->locals = local;
	*place = local;
	*w->checker->all_locals_end = local;
	w->checker->all_locals_end = &local->all;
}

static void fill_local(struct walk *w, struct local *local, struct node *declaration, struct ident name,
		       const struct type *type)
{
	local->symbol = (struct symbol){
	    .kind = SYMBOL_LOCAL,
	    .name = name.text,
	    .span = name.span,
	    .node = declaration,
	    .module = w->module,
	    .type = type,
	    .slot = -1,
	    .function = -1,
	};
	local->function = w->function;
	local->place = w->place;
	local->declared = declaration;
	declaration->symbol = &local->symbol;
}

struct local *declare_local(struct walk *w, struct node *declaration, struct ident name,
			    const struct type *type)
{
	struct local *local = arena_alloc(w->arena, sizeof(*local));

	if (!name.text)
		name.text = "";
	fill_local(w, local, declaration, name, type);
	/* `_` is for what is not read; it may be declared any number of times. */
	if (*name.text && strcmp(name.text, "_") != 0 && !refuse_taken(w, declaration, name))
		bind_local(w, local, w->scope);
	return local;
}

struct step *declare_step(struct walk *w, struct node *node)
{
	struct step *step = arena_alloc(w->arena, sizeof(*step));
	struct scope *scope = w->scope;

	step->lets_end = &step->local.symbol.lets;
	fill_local(w, &step->local, node, node->step.name, NULL);
	step->local.symbol.kind = SYMBOL_STEP;
	step->local.symbol.used = true;
	while (scope->outer && !scope->holds_steps)
		scope = scope->outer;
	if (!refuse_taken(w, node, node->step.name))
		bind_local(w, &step->local, scope);
	return step;
}

static struct symbol *new_global(struct checker *checker, enum symbol_kind kind)
{
	struct callable *callable;

	if (kind != SYMBOL_FUNC && kind != SYMBOL_TASK && kind != SYMBOL_THRESHOLD)
		return arena_alloc(checker->arena, sizeof(struct symbol));
	callable = callable_new(checker);
	return &callable->symbol;
}

/* Two files that know nothing of each other may not both have a param of one name: --set could not tell them
 * apart. */
static void refuse_same_param(struct checker *checker, struct symbol *symbol)
{
	void **place = table_place(checker->arena, &checker->params, symbol->name);
	const struct symbol *other = *place;
	struct diag *diag;

	if (!other) {
		*place = symbol;
		return;
	}
	if (other->module == symbol->module)
		return;
	diag = diag_error(checker->compilation->diags, "E0603", symbol->span,
			  "two files declare a param `%s`", symbol->name);
	diag_secondary(diag, other->span, "the other one");
	diag_hint(
	    diag,
	    "`--set %s=…` could not tell them apart: rename one, or declare it in one file and import that",
	    symbol->name);
}

/* A call means one thing in every plan: what a builtin is called, nobody else is. */
static void refuse_builtin(struct checker *checker, struct ident name)
{
	struct diag *diag;

	if (!find_builtin(checker, name.text))
		return;
	diag = diag_error(checker->compilation->diags, "E0604", name.span, "`%s` is a builtin already",
			  name.text);
	diag_hint(diag, "choose another name: what `%s(…)` does would be unclear", name.text);
}

struct symbol *declare_global(struct checker *checker, struct module *module, struct node *node,
			      struct ident name, enum symbol_kind kind)
{
	struct module_names *names = module->names;
	struct symbol *symbol = new_global(checker, kind);
	struct module_name *entry;
	void **place;
	struct diag *diag;

	*symbol = (struct symbol){
	    .kind = kind,
	    .name = name.text ? name.text : "",
	    .span = name.span,
	    .node = node,
	    .module = module,
	    .slot = -1,
	    .function = -1,
	};
	node->symbol = symbol;
	if (!name.text)
		return symbol;
	if (callable_kind(kind))
		refuse_builtin(checker, name);
	place = table_place(checker->arena, &names->names, name.text);
	if (*place) {
		entry = *place;
		diag = diag_error(checker->compilation->diags, "E0603", name.span, "`%s` is declared twice",
				  name.text);
		diag_label(diag, "declared again");
		diag_secondary(diag, entry->import ? entry->import->node->span : entry->symbol->span, "%s%s",
			       entry->import ? "imported here: " : "",
			       symbol_phrase(checker->arena, entry->symbol));
		if (entry->import)
			diag_hint(diag,
				  "rename it, or keep the imported names apart: `import \"…\" as name`");
		return symbol;
	}
	entry = arena_alloc(checker->arena, sizeof(*entry));
	entry->symbol = symbol;
	*place = entry;
	if (kind == SYMBOL_PARAM)
		refuse_same_param(checker, symbol);
	return symbol;
}

/* ---- misspelt and misplaced names ---- */

/* Which letters a word has, case apart; one bit each for digits and for all else. */
static uint32_t letters_of(const char *word)
{
	uint32_t letters = 0;

	for (; *word; word++) {
		char c = (char)(*word | 0x20);

		letters |= c >= 'a' && c <= 'z'		  ? 1u << (c - 'a')
			   : *word >= '0' && *word <= '9' ? 1u << 26
							  : 1u << 27;
	}
	return letters;
}

/* Diagnostics that nobody will see need no suggestion. */
static bool is_seen(const struct diags *diags)
{
	return diags->errors < DIAG_MAX_KEPT;
}

struct candidates candidates_for(const struct diags *diags, const char *word)
{
	size_t length = strlen(word);

	return (struct candidates){
	    .word = word,
	    .length = length,
	    .letters = letters_of(word),
	    .edits = suggest_edits(length),
	    .closed = !is_seen(diags),
	};
}

/* An edit changes the length by one and at most two letters: most names are far off, and seen to be so at
 * once. */
static bool may_be_near(const struct candidates *candidates, const char *name)
{
	size_t length = strlen(name);
	size_t apart =
	    length > candidates->length ? length - candidates->length : candidates->length - length;

	return apart <= candidates->edits &&
	       (unsigned)__builtin_popcount(letters_of(name) ^ candidates->letters) <= 2 * candidates->edits;
}

void candidates_add(struct arena *arena, struct candidates *candidates, const char *name)
{
	if (candidates->closed || candidates->count == CANDIDATES_MAX || !may_be_near(candidates, name))
		return;
	if (candidates->count == candidates->capacity) {
		size_t capacity = candidates->capacity ? candidates->capacity * 2 : 8;
		const char **list = arena_alloc(arena, capacity * sizeof(*list));

		if (candidates->count)
			memcpy(list, candidates->list, candidates->count * sizeof(*list));
		candidates->list = list;
		candidates->capacity = capacity;
	}
	candidates->list[candidates->count++] = name;
}

const char *candidates_nearest(const struct candidates *candidates)
{
	return candidates->count ? suggest_name(candidates->word, candidates->list, candidates->count) : NULL;
}

static void add_table(struct arena *arena, struct candidates *candidates, const struct table *table)
{
	uint32_t i;

	for (i = 0; i < table->capacity; i++)
		if (table->slots[i].key && table->slots[i].value)
			candidates_add(arena, candidates, table->slots[i].key);
}

static void add_visible(struct walk *w, struct candidates *candidates, bool called)
{
	const struct scope *scope;
	const struct local *local;
	const struct module_names *names = w->module->names;
	uint32_t i;

	if (candidates->closed)
		return;
	for (scope = w->scope; scope; scope = scope->outer)
		for (local = scope->locals; local; local = local->in_scope)
			if (!called)
				candidates_add(w->arena, candidates, local->symbol.name);
	for (i = 0; i < names->names.capacity; i++) {
		const struct module_name *name = names->names.slots[i].value;

		if (name &&
		    (!called || callable_kind(name->symbol->kind) || name->symbol->kind == SYMBOL_MODULE))
			candidates_add(w->arena, candidates, names->names.slots[i].key);
	}
}

/* The declaration of `name` among these statements, blocks in them not looked into, or NULL. */
static const struct node *declared_among(const struct node *statements, const char *name)
{
	const struct node *node;
	const char *declared;
	size_t count = 0;

	for (node = statements; node && count < STATEMENTS_MAX; node = node->next, count++) {
		declared = node->kind == NODE_LET || node->kind == NODE_VAR ? node->binding.name.text
			   : node->kind == NODE_STEP			    ? node->step.name.text
									    : NULL;
		if (declared && strcmp(declared, name) == 0)
			return node;
		if (node->kind == NODE_PHASE && node->phase.body && node->phase.body->kind == NODE_BLOCK) {
			const struct node *found = declared_among(node->phase.body->block.statements, name);

			if (found && found->kind == NODE_STEP)
				return found;
		}
	}
	return NULL;
}

static bool report_declared_later(struct walk *w, const struct node *node, const char *name)
{
	const struct scope *scope;
	const struct node *later = NULL;
	struct diag *diag;

	if (!is_seen(w->diags))
		return false;
	for (scope = w->scope; scope && !later; scope = scope->outer)
		later = declared_among(scope->statements, name);
	if (!later || later->span.from < node->span.from)
		return false;
	diag = diag_error(w->diags, "E0602", node->span, "`%s` is used before it is declared", name);
	diag_secondary(diag, later->kind == NODE_STEP ? later->step.name.span : later->binding.name.span,
		       "declared here");
	if (place_find(w, PLACE_ROLLBACK) || place_find(w, PLACE_HANDLER))
		diag_hint(diag, "move this clause below the line that declares `%s`", name);
	else if (later->kind == NODE_STEP)
		diag_hint(diag, "a step's `let`s can be read after the step has finished");
	return true;
}

/* A name of the plan's own body is no name in a task. */
static bool report_other_body(struct walk *w, const struct node *node, const char *name)
{
	const struct local *local = table_find(&w->checker->locals, name);
	const struct node *item;
	struct diag *diag;

	if (!is_seen(w->diags))
		return false;
	item = declared_among(w->module->file->file.items, name);
	if (!item || local || !w->function->symbol.node)
		return false;
	diag = diag_error(w->diags, "E0601", node->span,
			  "`%s` belongs to the plan's own course and cannot be read in `%s`", name,
			  w->function->symbol.name);
	diag_secondary(diag, item->kind == NODE_STEP ? item->step.name.span : item->binding.name.span,
		       "declared here");
	diag_hint(
	    diag, "hand it over as an argument%s",
	    item->kind == NODE_STEP ? "" : ", or move the `let` above the first step: then it is a constant");
	return true;
}

/* The same call in another namespace: `pg.query` for `docker.query`. */
static const char *same_in_other_namespace(struct checker *checker, const char *name)
{
	const struct registry *registry = checker->compilation->registry;
	size_t t, r;

	for (t = 0; t < registry->table_count; t++)
		for (r = 0; r < registry->tables[t]->row_count; r++) {
			const struct builtin *row = &registry->tables[t]->rows[r];
			const char *dot = row->flags & BUILTIN_INTERNAL ? NULL : strchr(row->name, '.');

			if (dot && strcmp(dot + 1, name) == 0)
				return row->name;
		}
	return NULL;
}

/* Whether a line of the text declares `name`: the second word of the line, or the first before a `=`. */
static bool line_declares(const char *text, size_t length, const char *name)
{
	size_t name_length = strlen(name), from = strspn(text, " \t"), to, next;
	bool first = true;

	for (; from < length; first = false, from = next) {
		to = from +
		     strspn(text + from, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
		next = to + strspn(text + to, " \t");
		if (to - from == name_length && memcmp(text + from, name, name_length) == 0)
			return !first || text[next] == '=';
		if (!first || to == from)
			return false;
	}
	return false;
}

/* A name that is declared in a line that could not be read: that it is not known only follows from it. */
bool declared_in_error(const struct walk *w, const char *name)
{
	const struct diag *diag;

	for (diag = is_seen(w->diags) ? w->diags->first : NULL; diag; diag = diag->next) {
		const struct sources *sources = w->checker->compilation->sources;
		struct position position;
		struct span line;

		if (strncmp(diag->code, "E01", 3) != 0 || diag->span.file != w->module->source)
			continue;
		position = source_position(sources, diag->span.file, diag->span.from);
		line = source_line(sources, diag->span.file, position.line);
		if (line_declares(source_text(sources, line), line.to - line.from, name))
			return true;
	}
	return false;
}

static const char *step_with_let(struct walk *w, const char *name)
{
	const struct scope *scope;
	const struct local *local;
	const struct symbol *let;

	for (scope = w->scope; scope; scope = scope->outer)
		for (local = scope->locals; local; local = local->in_scope)
			for (let = local->symbol.kind == SYMBOL_STEP ? local->symbol.lets : NULL; let;
			     let = let->next)
				if (strcmp(let->name, name) == 0)
					return local->symbol.name;
	return NULL;
}

/* A name that is known elsewhere: in a step that has finished, or in a block that has ended. */
static bool hint_elsewhere(struct walk *w, struct diag *diag, const struct node *node, const char *name)
{
	const char *step = step_with_let(w, name);
	const struct local *local;

	if (step) {
		diag_hint(diag, "did you mean `%s.%s`?", step, name);
		return true;
	}
	for (local = w->checker->all_locals; local; local = local->all)
		if (local->function == w->function && local->declared &&
		    (local->declared->kind == NODE_LET || local->declared->kind == NODE_VAR) &&
		    local->symbol.span.file == node->span.file && local->symbol.span.from < node->span.from &&
		    strcmp(local->symbol.name, name) == 0)
			break;
	if (!local)
		return false;
	diag_secondary(diag, local->symbol.span, "this is known only in its block, which has ended");
	diag_hint(diag, "declare it before the block: `var %s = …`, and assign it in there", name);
	return true;
}

/* A `let` that was refused as a branch of `parallel`. */
static bool declared_in_refused(const struct walk *w, const char *name)
{
	const struct local *local;
	const struct diag *diag;

	if (!is_seen(w->diags))
		return false;
	for (local = w->checker->all_locals; local; local = local->all)
		for (diag = strcmp(local->symbol.name, name) == 0 ? w->diags->first : NULL; diag;
		     diag = diag->next)
			if (strcmp(diag->code, "E0503") == 0 && diag->span.file == local->symbol.span.file &&
			    diag->span.from <= local->symbol.span.from &&
			    diag->span.to >= local->symbol.span.to)
				return true;
	return false;
}

/* `alias.name` where a file that is imported under a name of its own declares it. */
static const char *in_import(struct walk *w, const char *name)
{
	const struct module_names *names = w->module->names;
	const struct import *import;

	for (import = names->imports; import; import = import->next) {
		const struct module_names *there = import->module ? import->module->names : NULL;
		const struct module_name *found =
		    there && import->alias ? table_find(&there->names, name) : NULL;

		if (found && found->symbol->module == import->module)
			return arena_printf(w->arena, "%s.%s", import->alias, name);
	}
	return NULL;
}

void report_unknown_name(struct walk *w, const struct node *node, const char *name, bool called)
{
	struct candidates candidates = candidates_for(w->diags, name);
	const char *nearest, *foreign, *other, *imported;
	struct diag *diag;

	if (declared_in_error(w, name) || declared_in_refused(w, name) ||
	    (!called && (report_declared_later(w, node, name) || report_other_body(w, node, name))))
		return;
	if (called && is_namespace(w->checker, name)) {
		diag_hint(diag_error(w->diags, "E0609", node->span,
				     "`%s` is a group of builtins and is not called itself", name),
			  "`runplan doc %s` lists its calls", name);
		return;
	}
	diag = diag_error(
	    w->diags, "E0601", node->span,
	    called ? "there is no task, func or builtin `%s`" : "the name `%s` is not known here", name);
	if (!is_seen(w->diags) || (!called && hint_elsewhere(w, diag, node, name)))
		return;
	add_visible(w, &candidates, called);
	if (called)
		add_table(w->arena, &candidates, &w->checker->builtins);
	nearest = candidates_nearest(&candidates);
	if (node->kind == NODE_ASSIGN && !nearest)
		diag_hint(diag, "`let %s = …` declares a constant, `var %s = …` a variable", name, name);
	foreign = foreign_hint(called ? FOREIGN_CALL : FOREIGN_VALUE, name);
	imported = in_import(w, name);
	other = called ? same_in_other_namespace(w->checker, name) : NULL;
	if (imported)
		diag_hint(diag, "did you mean `%s`?", imported);
	else if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
	else if (foreign)
		diag_hint(diag, "%s", foreign);
	else if (other)
		diag_hint(diag, "did you mean `%s`?", other);
}

#define CALLS_SHOWN 12

static void hint_calls(struct walk *w, struct diag *diag, const char *space)
{
	const struct registry *registry = w->checker->compilation->registry;
	size_t t, r, count = 0, length = strlen(space);
	const char *list = "";

	for (t = 0; t < registry->table_count; t++)
		for (r = 0; r < registry->tables[t]->row_count; r++) {
			const struct builtin *row = &registry->tables[t]->rows[r];

			if (row->flags & BUILTIN_INTERNAL || strncmp(row->name, space, length) != 0 ||
			    row->name[length] != '.')
				continue;
			if (count++ < CALLS_SHOWN)
				list = arena_printf(w->arena, "%s%s%s", list, *list ? ", " : "",
						    row->name + length + 1);
		}
	if (count <= CALLS_SHOWN)
		diag_hint(diag, "its calls are %s", list);
	else
		diag_hint(diag, "`runplan doc %s` lists its calls", space);
}

static void add_calls(struct walk *w, struct candidates *candidates, const char *space)
{
	size_t length = strlen(space);
	uint32_t i;

	for (i = 0; i < w->checker->builtins.capacity; i++) {
		const char *key = w->checker->builtins.slots[i].key;

		if (key && strncmp(key, space, length) == 0 && key[length] == '.')
			candidates_add(w->arena, candidates, key + length + 1);
	}
}

void report_unknown_builtin(struct walk *w, struct span span, const char *space, const char *name)
{
	struct candidates candidates = candidates_for(w->diags, name);
	const char *nearest, *other;
	struct diag *diag;

	add_calls(w, &candidates, space);
	diag = diag_error(w->diags, "E0605", span, "`%s` has no call `%s`", space, name);
	nearest = candidates_nearest(&candidates);
	other = same_in_other_namespace(w->checker, name);
	if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", space, nearest);
	else if (foreign_hint(FOREIGN_CALL, name))
		diag_hint(diag, "%s", foreign_hint(FOREIGN_CALL, name));
	else if (other)
		diag_hint(diag, "did you mean `%s`?", other);
	else
		hint_calls(w, diag, space);
}

static void add_aliases(struct walk *w, struct candidates *candidates)
{
	const struct module_names *names = w->module->names;
	const struct import *import;

	for (import = names->imports; import; import = import->next)
		if (import->alias)
			candidates_add(w->arena, candidates, import->alias);
}

void hint_method(struct walk *w, struct diag *diag, const char *object, const char *name)
{
	static const char *const SPACES[] = {"text", "list"};
	const char *foreign = foreign_hint(FOREIGN_CALL, name);
	size_t i;

	for (i = 0; i < sizeof(SPACES) / sizeof(*SPACES); i++) {
		struct candidates candidates = candidates_for(w->diags, name);
		const char *full = arena_printf(w->arena, "%s.%s", SPACES[i], name), *nearest;

		if (table_find(&w->checker->builtins, full)) {
			diag_hint(diag, "did you mean `%s(%s)`?", full, object);
			return;
		}
		add_calls(w, &candidates, SPACES[i]);
		nearest = candidates_nearest(&candidates);
		if (nearest) {
			diag_hint(diag, "did you mean `%s.%s(%s)`?", SPACES[i], nearest, object);
			return;
		}
	}
	diag_hint(diag, "%s",
		  foreign ? foreign
			  : "builtins take a value as an argument: `list.length(x)`, `text.trim(x)`");
}

void report_unknown_namespace(struct walk *w, const struct node *node, const char *space, const char *name)
{
	struct candidates candidates = candidates_for(w->diags, space);
	const char *nearest;
	struct symbol *symbol = find_symbol(w, space);
	struct diag *diag;

	if (symbol) {
		diag = diag_error(w->diags, "E0609", node->span, "%s has no calls",
				  symbol_phrase(w->arena, symbol));
		hint_method(w, diag, space, name);
		return;
	}
	add_table(w->arena, &candidates, &w->checker->namespaces);
	add_aliases(w, &candidates);
	diag = diag_error(w->diags, "E0605", node->span, "there are no builtins called `%s.…`", space);
	nearest = candidates_nearest(&candidates);
	if (nearest && table_find(&w->checker->builtins, arena_printf(w->arena, "%s.%s", nearest, name)))
		diag_hint(diag, "did you mean `%s.%s`?", nearest, name);
	else if (foreign_hint(FOREIGN_CALL, name))
		diag_hint(diag, "%s", foreign_hint(FOREIGN_CALL, name));
	else if (nearest)
		diag_hint(diag, "did you mean `%s.%s`?", nearest, name);
	else if (same_in_other_namespace(w->checker, name))
		diag_hint(diag, "did you mean `%s`?", same_in_other_namespace(w->checker, name));
}

void report_unknown_threshold(struct walk *w, struct span span, const char *name)
{
	struct candidates candidates = candidates_for(w->diags, name);
	struct module_names *names = w->module->names;
	const char *nearest;
	struct diag *diag;
	uint32_t i;

	for (i = 0; i < names->names.capacity; i++) {
		const struct module_name *entry = names->names.slots[i].value;

		if (entry && entry->symbol->kind == SYMBOL_THRESHOLD)
			candidates_add(w->arena, &candidates, entry->symbol->name);
	}
	if (declared_in_error(w, name))
		return;
	diag = diag_error(w->diags, "E0601", span, "there is no threshold `%s`", name);
	nearest = candidates_nearest(&candidates);
	if (nearest)
		diag_hint(diag, "did you mean `%s`?", nearest);
}
