/*
 * check_lint_rollback.c - warnings: the order of changes, and handlers that cannot do their work; see
 * check_internal.h.
 */
#include "interp/check_internal.h"

#include <string.h>

/* ---- destructive before fallible ---- */

static bool named(const struct site *site, const char *const *names, size_t count)
{
	size_t i;

	if (!site->builtin || site->builtin->effect != EFFECT_CHANGE)
		return false;
	for (i = 0; i < count; i++)
		if (strcmp(site->builtin->name, names[i]) == 0)
			return true;
	return false;
}

static bool stops(const struct site *site)
{
	static const char *const names[] = {"docker.stop",  "docker.kill",  "docker.rm",
					    "compose.stop", "compose.down", "pg.drop_database"};

	return named(site, names, sizeof(names) / sizeof(*names));
}

static bool fetches(const struct site *site)
{
	static const char *const names[] = {"docker.pull", "docker.build", "compose.build", "git.fetch",
					    "pg.restore"};

	return named(site, names, sizeof(names) / sizeof(*names));
}

static const struct place *outermost_step(const struct site *site)
{
	const struct place *place, *step = NULL;

	for (place = site->place; place; place = place->outer) {
		if (place->kind == PLACE_ROLLBACK || place->kind == PLACE_HANDLER ||
		    place->kind == PLACE_DEFER)
			return NULL;
		if (place->kind == PLACE_STEP)
			step = place;
	}
	return step;
}

static void lint_order(struct diags *diags, const struct callable *callable)
{
	const struct site *site, *stopped = NULL;
	const struct place *step = NULL;
	struct diag *diag;

	for (site = callable->sites; site; site = site->next) {
		bool stopping = stops(site);
		const struct place *here = stopping || fetches(site) ? outermost_step(site) : NULL;

		if (!here)
			continue;
		if (here != step)
			stopped = NULL;
		step = here;
		if (stopping && !stopped) {
			stopped = site;
		} else if (stopped && !stopping) {
			diag = diag_warning(diags, "L0208", stopped->call->span,
					    "`%s` stops what runs before `%s` has got its replacement",
					    stopped->builtin->name, site->builtin->name);
			diag_secondary(diag, site->call->span, "this may fail, and nothing runs then");
			diag_hint(diag, "fetch and build first, stop last");
			stopped = NULL;
		}
	}
}

/* ---- handlers that cannot fit ---- */

static int64_t time_of_list(const struct node *first);

static int64_t time_of_rollback(const struct node *rollback)
{
	const struct node *node;

	if (rollback->rollback.mode == ROLLBACK_NOTHING || !rollback->rollback.body)
		return 0;
	if (literal_duration(rollback->rollback.within) >= 0)
		return rollback->rollback.within->integer;
	if (rollback->rollback.body->kind == NODE_BLOCK)
		for (node = rollback->rollback.body->block.statements; node; node = node->next)
			if (node->kind == NODE_TIMEOUT && literal_duration(node->value) >= 0)
				return node->value->integer;
	return 0;
}

static int64_t time_of_block(const struct node *block)
{
	return block && block->kind == NODE_BLOCK ? time_of_list(block->block.statements) : 0;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What the handlers armed by this statement may take, one after another; side by side, the longest. */
static int64_t time_of(const struct node *node)
{
	const struct node *branch;
	int64_t most = 0;

	switch (node->kind) {
	case NODE_STEP:
		return time_of_block(node->step.body);
	case NODE_PHASE:
		return time_of_block(node->phase.body);
	case NODE_ROLLBACK:
		return time_of_rollback(node);
	case NODE_FOR:
		return time_of_block(node->loop.body);
	case NODE_WATCH:
		return time_of_block(node->watch.body);
	case NODE_TRY:
		return time_of_block(node->attempt.body);
	case NODE_IF:
		most = time_of_block(node->choice.then);
		if (!node->choice.otherwise)
			return most;
		return longer(most, node->choice.otherwise->kind == NODE_IF
					? time_of(node->choice.otherwise)
					: time_of_block(node->choice.otherwise));
	case NODE_PARALLEL:
		if (node->body && node->body->kind == NODE_BLOCK)
			for (branch = node->body->block.statements; branch; branch = branch->next)
				most = longer(most, time_of(branch));
		return most;
	default:
		return 0;
	}
}

static int64_t time_of_list(const struct node *first)
{
	const struct node *node;
	int64_t total = 0;

	for (node = first; node; node = node->next)
		if (__builtin_add_overflow(total, time_of(node), &total))
			return INT64_MAX;
	return total;
}

static void lint_bound(struct diags *diags, const struct module *module)
{
	char need[48], have[48];
	const struct node *setting;
	const struct item *item;
	int64_t total;
	struct diag *diag;

	for (item = items_of(module); item->node; item++) {
		if (item->kind != NODE_PLAN)
			continue;
		for (setting = item->node->plan.settings; setting; setting = setting->next) {
			if (setting->kind != NODE_ROLLBACK || literal_duration(setting->rollback.within) < 0)
				continue;
			total = time_of_list(module->file->file.items);
			if (total <= setting->rollback.within->integer)
				continue;
			diag =
			    diag_warning(diags, "L0209", setting->span,
					 "the rollbacks may take %s, and have %s", duration_text(total, need),
					 duration_text(setting->rollback.within->integer, have));
			diag_hint(diag,
				  "what their `timeout`s allow must fit, or the last of them are cut off");
		}
	}
}

/* ---- what a handler needs is gone ---- */

static bool removes(const struct site *site)
{
	static const char *const names[] = {"file.remove", "docker.rm", "docker.rmi", "pg.drop_database"};

	return named(site, names, sizeof(names) / sizeof(*names));
}

/* Deferred blocks and `finally` have run when the step is rolled back later. */
static bool runs_at_the_end(const struct place *place)
{
	for (; place; place = place->outer)
		if (place->kind == PLACE_DEFER ||
		    (place->kind == PLACE_HANDLER && place->node->on.event == EVENT_FINALLY))
			return true;
	return false;
}

static bool in_rollback(const struct place *place)
{
	while (place && place->kind != PLACE_ROLLBACK)
		place = place->outer;
	return place != NULL;
}

/* What the rollbacks of a callable name, by ast_hash() in hexadecimal: the first node of each. */
struct needs {
	struct arena *arena;
	struct table table;
};

static const char *key_of(struct needs *needs, const struct node *node)
{
	return arena_printf(needs->arena, "%016llx", (unsigned long long)ast_hash(node));
}

static void note_need(struct node *node, void *context)
{
	struct needs *needs = context;
	void **place = table_place(needs->arena, &needs->table, key_of(needs, node));

	if (!*place)
		*place = node;
	ast_each_child(node, note_need, context);
}

static const struct node *first_value(const struct node *call)
{
	const struct node *argument = call->kind == NODE_CALL ? call->call.arguments : NULL;

	return argument && argument->kind == NODE_ARGUMENT ? argument->argument.value : NULL;
}

static void lint_removed(struct diags *diags, struct needs *needs, const struct site *removal)
{
	const struct node *removed = first_value(removal->call);
	const struct node *needed = removed ? table_find(&needs->table, key_of(needs, removed)) : NULL;
	struct diag *diag;

	if (!needed || !ast_equal(needed, removed))
		return;
	diag = diag_warning(diags, "L0210", removal->call->span, "this removes what a rollback needs");
	diag_secondary(diag, needed->span, "needed here");
	diag_hint(
	    diag,
	    "it runs when the step or the run ends, and the rollback may come later: `runplan rollback`");
}

static bool removes_at_the_end(const struct site *site)
{
	return removes(site) && runs_at_the_end(site->place);
}

static void lint_removals(struct checker *checker, const struct callable *callable)
{
	struct needs needs = {.arena = checker->arena};
	const struct site *site, *first = callable->sites;

	while (first && !removes_at_the_end(first))
		first = first->next;
	if (!first)
		return;
	for (site = callable->sites; site; site = site->next)
		if (in_rollback(site->place))
			ast_each_child(site->call, note_need, &needs);
	for (site = first; site; site = site->next)
		if (removes_at_the_end(site))
			lint_removed(checker->compilation->diags, &needs, site);
}

/* ---- all of them ---- */

void lint_rollback(struct checker *checker)
{
	struct diags *diags = checker->compilation->diags;
	const struct callable *callable;

	for (callable = checker->callables; callable; callable = callable->next) {
		lint_order(diags, callable);
		lint_removals(checker, callable);
	}
	lint_bound(diags, checker->compilation->main);
}
