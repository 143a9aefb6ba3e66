/*
 * check.h - from files to a checked tree: reads the plan and its imports, resolves names, types and units, infers the
 * effects of tasks, and holds the plan to its promises (every change says how it is undone; text is never code; units
 * are types). Everything wrong is a diagnostic in compilation->diags; the tree is fit for compile_program() only when
 * there is no error among them.
 */
#ifndef RUNPLAN_CHECK_H
#define RUNPLAN_CHECK_H

#include "grammar/arena.h"
#include "grammar/ast.h"
#include "grammar/diag.h"
#include "grammar/source.h"
#include "interp/builtin.h"
#include "interp/scope.h"
#include "interp/signature.h"

struct module {
	struct compilation *compilation; /* it belongs to */
	struct node *file; /* NODE_FILE */
	const char *path;
	uint32_t source; /* index in compilation->sources */
	struct module *next;
	bool main;
	void *names; /* the checker's table of its top-level names */
};

/* A place where a person will be needed: what --unattended lists, and what is refused where nobody is there. */
struct person_place {
	const char *kind;  /* "manual", "confirm", "approve", "ask" */
	const char *label; /* the text by which --confirm answers it (a literal's text; interpolations shown as ${…}) */
	struct span span;
	struct person_place *next;
};

/*
 * One plan and its imports. A plan that it runs as a child (`run plan`) is a compilation of its own, with names, params,
 * environments and defaults of its own; arena, sources and diagnostics are those of the plan that is run.
 */
struct compilation {
	struct arena *arena;
	struct sources *sources;
	struct diags *diags;
	const struct registry *registry;
	struct module *modules; /* in dependency order: imported files first, the main file last */
	struct module *main;
	struct person_place *people; /* reachable from the plan's own items, handlers included, in source order */
	void *checker;               /* the checker's own */
	struct compilation *root;    /* of the plan that is run: itself, or whose child this is */
	struct compilation *plans;   /* of the root: all child plans, each once, in the order in which they were found */
	struct compilation *next;    /* of these */
	struct compilation *outer;   /* of a child: where it was found */
	const struct node *run_by;   /* its RUN_PLAN there */
	struct symbol *course;	     /* of a child: what it is as a call, with its params as arguments, for tests */
	uint32_t number;	     /* the compiler's: of its row */
};

struct compilation *compilation_new(const struct registry *registry);
void compilation_free(struct compilation *compilation);

/* Reads, parses and checks `path` ("-": standard input). False when there are errors. */
bool check_plan(struct compilation *compilation, const char *path);
/* The same over texts already in memory (resume, tests): `read` gives the text of each path, NULL: not found. */
bool check_plan_from(struct compilation *compilation, const char *path,
		     char *(*read)(void *context, const char *path, size_t *length, char *error, size_t error_size),
		     void *context);

/* --- what others ask of the checked tree --- */

/* The string a literal node holds when it has no interpolation, else NULL. */
const char *node_literal_text(const struct node *node, size_t *length);

#endif
