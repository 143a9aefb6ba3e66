/*
 * check_internal.h - what the parts of the checker share. check.h is what the rest of the program sees.
 *
 *   check.c          compilation, loading of files and imports, the order of the passes
 *   check_names.c    tables, scopes, finding a name and what was meant by a misspelt one
 *   check_types.c    type expressions, and whether a value fits where it stands
 *   check_expr.c     names, fields and values; texts and what may not be shown in them
 *   check_operators.c  operators and units
 *   check_choice.c   if and match
 *   check_call.c     calls: arguments, text in other languages, secrets
 *   check_items.c    what stands among the items of a file
 *   check_threshold.c  thresholds
 *   check_test.c     tests
 *   check_stmt.c     statements
 *   check_plan.c     `run plan`: the child plan and what it is given
 *   check_step.c     steps, phases, their clauses, the plan's handlers
 *   check_effects.c  inferred effects, rollback coverage, the places that need a person
 *   check_lints.c    warnings: queries, commands, waiting, what is never used
 *   check_lint_rollback.c  warnings: the order of changes, and handlers that cannot do their work
 *   signature.c      what a call takes and gives
 *
 * One walk does names, types and units, and notes every call that may have an effect together with its place
 * (a chain of what encloses it). What depends on the effects of tasks, coverage above all, is decided over
 * these notes once all bodies are walked. Everything lives in the compilation's arena.
 *
 * Codes of diagnostics, see check_codes.def.
 */
#ifndef RUNPLAN_CHECK_INTERNAL_H
#define RUNPLAN_CHECK_INTERNAL_H

#include "interp/check.h"

/* ---- tables ---- */

struct table_slot {
	const char *key;
	void *value;
	uint32_t hash; /* of the key's text */
};

/* Open addressing; keys are borrowed, NUL-terminated. Starts as all zeros. */
struct table {
	struct table_slot *slots;
	uint32_t count, capacity;
};

void *table_find(const struct table *table, const char *key);
/* The value's place, made if need be. */
void **table_place(struct arena *arena, struct table *table, const char *key);

/* ---- what encloses an expression or a statement ---- */

enum place_kind {
	PLACE_BODY,  /* of the function: the outermost */
	PLACE_PURE,  /* no effect at all; reason says what it is */
	PLACE_READS, /* may only read; reason says what it is */
	PLACE_PHASE,
	PLACE_STEP,
	PLACE_CHOICE,	/* an arm of if or match */
	PLACE_LOOP,	/* one turn after another */
	PLACE_PARALLEL, /* owns branches */
	PLACE_BRANCH,	/* a branch of parallel, or a turn of a bounded for */
	PLACE_TRY,
	PLACE_CATCH,
	PLACE_VERIFY,
	PLACE_WATCH,
	PLACE_ROLLBACK,
	PLACE_HANDLER, /* on failure, on rollback, on success, finally */
	PLACE_DEFER,
	PLACE_TEST,
	PLACE_QUESTION, /* in a test, after the run */
};

struct place {
	enum place_kind kind;
	struct place *outer;
	struct node *node;
	const char *reason;	  /* PURE, READS: "the value of a constant" */
	struct node *rollback;	  /* STEP: its clause, or NULL */
	struct node *retry;	  /* STEP: its clause, or NULL */
	struct node *commit;	  /* STEP: the commit that was passed, or NULL */
	struct step *step;	  /* STEP: its symbol where it has a name */
	struct span first_change; /* STEP: the first call that arms it; empty when there is none */
	struct span first_risk;	  /* STEP, BODY: the first statement that may fail or act; empty: none */
	struct diag *uncovered;	  /* STEP: what was said of a change that nothing covers */
	bool is_proof;		  /* READS: a leading require of a rollback */
	bool is_conditional;	  /* STEP: may have been skipped */
};

/* ---- notes ---- */

/* A call that may have an effect. */
struct site {
	struct node *call;	       /* NODE_CALL, NODE_USE */
	const struct builtin *builtin; /* or: */
	struct callable *callee;
	struct place *place;
	struct node *commit; /* the commit of an enclosing step that comes before it, or NULL */
	bool in_way_back;    /* its place is, see below */
	bool reported;
	struct site *next;
};

/* A place that needs a person, or a call through which one may be reached. */
struct person {
	const char *kind; /* NULL: a call */
	const char *label;
	struct callable *callee;
	struct compilation *plan; /* a child plan that is run; its course is the callee */
	struct span span;
	struct person *next;
};

/* A local that a handler names: its value may never have been assigned. */
struct handler_use {
	struct node *node;
	struct local *local;
	struct place *place; /* of the use */
	bool allows_null;
	struct handler_use *next;
};

/* Where a parameter's value would be shown: an argument that is a secret is refused there. */
struct leak {
	uint64_t mask; /* parameters that reach it */
	struct span span;
	const char *what;
	struct leak *next;
};

/* ---- symbols; struct symbol is the first member of each ---- */

enum callable_state { CALLABLE_NEW, CALLABLE_BUSY, CALLABLE_DONE };

/* A func, task or threshold, and the bodies that have no name: a file's items. */
struct callable {
	struct symbol symbol;
	enum callable_state state;
	const struct signature *signature;
	const struct type *declared; /* result as written, or NULL */
	const struct type *result;   /* inferred; NULL until the first return */
	uint64_t result_mask;
	struct leak *leaks;
	struct site *sites, **sites_end;
	struct person *people, **people_end;
	struct site *effect_site;	/* the first with the strongest effect */
	struct site *change_site;	/* the first real change: one that does more than leave something */
	struct site *uncovered_site;	/* the first change that no step in it covers */
	struct site *unrepeatable_site; /* the first change that must not be made twice */
	struct span rollback_step; /* a rollback of a step in it or in a task it calls; empty: none */
	struct span commits;	   /* a commit outside its own steps; empty: none */
	struct span runs_plan;	   /* TASK: a `run plan` in it or in a task it calls; empty: none */
	bool reads_constants;
	uint32_t latest_global; /* offset of the last top-level `let` of its own file that it reads */
	bool people_listed;
	struct callable *next; /* in the order in which they were finished */
};

struct local {
	struct symbol symbol;
	struct callable *function;
	struct place *place;		/* where it was declared */
	struct node *declared;		/* LET, VAR, FOR, TRY, PARAM, STEP, ... */
	uint64_t mask;			/* taint: see SECRET_* */
	const struct place *warned_for; /* the handler in which it was said that it may be null */
	struct local *hidden;		/* what the same name meant in the function that waits for this one */
	struct local *in_scope;		/* next of its scope */
	struct local *all;		/* next of all locals, for lints */
};

struct step {
	struct local local;
	struct symbol **lets_end;
	struct table lets_by_name; /* made at the first reading from outside of the step */
	struct place *standing; /* the step's own place */
	bool finished;
};

/* Taint of a value: a definite secret, or as secret as the function's parameters with these bits. */
#define SECRET_ITSELF	  (UINT64_C(1) << 63)
#define SECRET_PARAMETERS 63

struct module_name {
	struct symbol *symbol;
	struct import *import; /* NULL: the module's own */
};

struct import {
	struct node *node;
	struct module *module; /* NULL where it could not be read */
	const char *alias;     /* or NULL */
	bool used;
	struct import *next;
};

/* The items of a file once more, close together: most passes want few of them. */
struct item {
	enum node_kind kind;
	struct node *node; /* NULL after the last one */
};

struct module_names {
	const struct item *items;
	struct table names; /* struct module_name */
	struct import *imports;
	const struct module *importer; /* the last one; and its first imports of this module: */
	struct import *imported[2];    /* as it is, as a name */
};

/* ---- the walk ---- */

struct scope {
	struct scope *outer;
	struct local *locals;
	struct node *statements; /* for "it is declared further down" */
	bool holds_steps;	 /* a function or a loop: named steps can be read until its end */
};

struct checker {
	bool unread; /* some line could not be read, and was reported */
	struct compilation *compilation;
	struct arena *arena;
	struct table modules;	   /* path -> struct module */
	struct module **modules_end;
	struct table builtins;	   /* name -> struct builtin */
	struct table namespaces;   /* name -> const char * */
	struct table signatures;   /* builtin's name -> struct signature */
	struct table record_types; /* named types of signatures */
	struct table locals;	   /* name -> struct local, innermost */
	struct table params;	   /* name -> struct symbol: unique over all files */
	struct table environments; /* name -> struct node */
	struct table defaults;	   /* "docker.timeout", "docker.exec.timeout" -> the value's struct node */
	struct callable *callables, **callables_end;
	struct callable *course; /* the main file's items */
	struct person *asked;	 /* for secrets, before the course begins, last file first */
	struct person_place **people_end;
	struct local *all_locals, **all_locals_end;
	struct handler_use *handler_uses, **handler_uses_end;
	char *(*read)(void *context, const char *path, size_t *length, char *error, size_t error_size);
	void *read_context;
	struct table plans; /* of the root: path -> struct compilation; its main is NULL where it cannot be run */
	struct compilation **plans_end;
	uint32_t files; /* of the root: that were read, for all plans */
	struct symbol specials[3];
	bool unsettled; /* a body was summarized before one that it calls: recursion, or too deep */
	unsigned depth; /* of the walk through bodies that wait for each other */
};

/* A condition that holds (or is being tested) here: what it compares with null was thought of. */
struct guard {
	const struct node *condition;
	const struct guard *outer;
};

/* State of the walk through one body. */
struct walk {
	struct checker *checker;
	struct arena *arena;
	struct diags *diags;
	struct module *module;
	struct callable *function;
	struct place *place;
	struct scope *scope;
	uint64_t taint;		  /* of what the last expression gave */
	uint32_t global_position; /* initialiser of a global: its offset, else UINT32_MAX */
	const struct guard *guards;
	bool allows_null; /* left of `??`, beside `== null` */
	bool in_signature;
	bool in_param; /* default or condition of a param: constants have no values yet */
	bool in_proof; /* the leading requires of a rollback */
	bool in_shell; /* `$x` in a text is the shell's */
};

/* ---- check.c, check_plan.c ---- */

/* The child plan that a RUN_PLAN names, checked; NULL with a diagnostic. */
struct compilation *child_plan(struct walk *w, struct node *node);
void check_run_plan(struct walk *w, struct node *node);

/* ---- check_names.c ---- */

void names_init(struct checker *checker);
void scope_open(struct walk *w, struct scope *scope, struct node *statements, bool holds_steps);
void scope_close(struct walk *w, struct scope *scope);
struct place *place_open(struct walk *w, enum place_kind kind, struct node *node);
void place_close(struct walk *w, struct place *place);
struct place *place_find(const struct walk *w, enum place_kind kind); /* the innermost, or NULL */
bool place_encloses(const struct place *outer, const struct place *inner);

/* Declares a local and hangs its symbol on `declaration`. Diagnoses names that mean something already. */
struct local *declare_local(struct walk *w, struct node *declaration, struct ident name,
			    const struct type *type);
struct step *declare_step(struct walk *w, struct node *node);
struct symbol *declare_global(struct checker *checker, struct module *module, struct node *node,
			      struct ident name, enum symbol_kind kind);

/* What `name` means here, or NULL: nothing is said. */
struct symbol *find_symbol(struct walk *w, const char *name);
/* The func, task or threshold `name`, whatever values are called so. */
struct symbol *find_callable(struct walk *w, const char *name);
struct symbol *module_symbol(struct module *module, const char *name); /* of its own, not of its imports */
const char *dotted_name(struct arena *arena, const char *space, const char *name); /* "space.name" */
const struct builtin *find_builtin(struct checker *checker, const char *name);
bool is_namespace(struct checker *checker, const char *name);
void report_unknown_name(struct walk *w, const struct node *node, const char *name, bool called);
void report_unknown_builtin(struct walk *w, struct span span, const char *space, const char *name);
/* Whether a line that could not be read declares `name`: that it is not known then only follows from that. */
bool declared_in_error(const struct walk *w, const char *name);
/* The builtin that is meant by `object.name(…)`. */
void hint_method(struct walk *w, struct diag *diag, const char *object, const char *name);
void report_unknown_namespace(struct walk *w, const struct node *node, const char *space, const char *name);
void report_unknown_threshold(struct walk *w, struct span span, const char *name);
const char *symbol_phrase(struct arena *arena, const struct symbol *symbol); /* "the param `x`" */

/* What a misspelt word may have been meant for. Only names that can be near are kept. */
struct candidates {
	const char *word;
	size_t length;
	uint32_t letters;
	unsigned edits; /* at most as many letters may be wrong */
	bool closed;	/* so many errors are known already that this one will not be shown */
	const char **list;
	size_t count, capacity;
};
struct candidates candidates_for(const struct diags *diags, const char *word);
void candidates_add(struct arena *arena, struct candidates *candidates, const char *name);
const char *candidates_nearest(const struct candidates *candidates); /* or NULL */

/* ---- check_types.c ---- */

const struct type *type_of_node(struct walk *w, struct node *node); /* of a type expression; annotates it */
/* The same in a builtin's row: also sh, sql, sqlite, promql, named records, choices of types. */
const struct type *type_in_signature(struct walk *w, struct node *node);
/* Holds the value of `node`, of type `type`, to `wanted`; says what is wrong and how to mend it. */
bool want_type(struct walk *w, struct node *node, const struct type *wanted, const char *what);
bool literal_is_negative(const struct node *node);			       /* -5s */
void want_positive(struct walk *w, const struct node *node, const char *what); /* literals only */
/* Two sides have different units: how to make them alike. */
void hint_same_unit(struct walk *w, struct diag *diag, const struct node *left, const struct node *right);

/* ---- check_expr.c ---- */

/* Annotates the expression and answers its type; w->taint is its taint. A NULL node is TYPE_ERROR. */
const struct type *check_value(struct walk *w, struct node *node);  /* a call without an answer is refused */
const struct type *check_effect(struct walk *w, struct node *node); /* a call as a statement */
void check_wanted(struct walk *w, struct node *node, const struct type *wanted, const char *what);
void check_condition(struct walk *w, struct node *node, const char *what);
/* A part of an expression: its taint joins that of the whole. */
const struct type *check_part(struct walk *w, struct node *node, uint64_t *taint);
/* In a place of its own: PLACE_PURE or PLACE_READS. */
void check_wanted_in(struct walk *w, enum place_kind kind, const char *reason, struct node *node,
		     const struct type *wanted, const char *what);
void check_pure(struct walk *w, const char *reason, struct node *node, const struct type *wanted,
		const char *what);
void check_condition_in(struct walk *w, const char *reason, struct node *node, const char *what);
/* Text for people: may hold anything but a secret. */
void check_text(struct walk *w, struct node *node, const char *what);
void check_shown(struct walk *w, struct span span, uint64_t mask, const char *what);
bool mentions_null(const struct node *condition, const struct symbol *symbol); /* x == null, x != null */
/* Reports a key that `keys` holds already, else adds it. */
bool refuse_double_key(struct walk *w, struct table *keys, struct node *entry);
struct span literal_span(const struct node *text, size_t offset);
struct symbol *symbol_through_import(struct walk *w, struct node *field, struct symbol *alias); /* m.x */
const struct type *element_of(struct walk *w, struct node *iterable, const struct type *type);
bool literal_int(const struct node *node, int64_t *out);
int64_t literal_duration(const struct node *node); /* -1: none */

/* ---- check_operators.c ---- */

const struct type *check_binary(struct walk *w, struct node *node);
/* A regular expression that is written out: whether it is one. */
void check_regex(struct walk *w, const struct node *node);
const struct type *check_unary(struct walk *w, struct node *node);
const struct type *check_as(struct walk *w, struct node *node);
bool types_comparable(const struct type *left, const struct type *right);

/* ---- check_choice.c ---- */

const struct type *check_if_value(struct walk *w, struct node *node);
const struct type *check_arms(struct walk *w, struct node *match, bool is_expression);
void report_joined(struct walk *w, const struct node *first, const struct node *second, const char *what);

/* ---- check_call.c ---- */

const struct type *check_call(struct walk *w, struct node *node);
void check_use(struct walk *w, struct node *use); /* a threshold in `watching` */
struct site *note_site(struct walk *w, struct node *call, const struct builtin *builtin,
		       struct callable *callee);
void note_risk(struct walk *w, struct span span); /* something that may act or fail */
void note_person(struct walk *w, const char *kind, const char *label, struct callable *callee,
		 struct span span);
void note_child_people(struct walk *w, struct compilation *child, struct span span);
const char *label_text(struct walk *w, const struct node *node);
bool not_yet(struct walk *w, struct span span, const char *what);

/* ---- check_items.c ---- */

void declare_items(struct checker *checker, struct module *module);
void check_globals(struct checker *checker, struct module *module);
void check_callables(struct checker *checker, struct module *module);
void check_plan_items(struct checker *checker, struct module *module);
/* Walks its body, if that was not done yet. */
void check_callable(struct checker *checker, struct callable *callable);
struct callable *callable_new(struct checker *checker);
void check_param_takes(struct walk *w, const struct symbol *param, const struct node *value); /* E0212 where not */
void report_unknown_param(struct walk *w, const struct node *target);

/* ---- check_threshold.c, check_test.c ---- */

void check_threshold(struct walk *w, struct node *node, struct callable *callable);
void check_test(struct walk *w, struct node *test);
void check_test_target(struct walk *w, struct node *target); /* what `given` and `called` name */
void check_asked(struct walk *w, struct node *call); /* the same with arguments, some of them */

/* ---- check_stmt.c, check_step.c ---- */

void check_block(struct walk *w, struct node *block); /* in a scope of its own */
void check_alone(struct walk *w, struct node *call);  /* an expression as a statement: only a call is one */
void check_statements(struct walk *w, struct node *first);
void check_statement(struct walk *w, struct node *node);
bool is_clause(const struct node *node); /* of a step: counts wherever it stands in it */
bool block_returns(const struct node *block);
void note_commit(struct walk *w, struct node *node);
struct place *commit_holder(const struct walk *w); /* the step, or the body, whose way back a commit drops */
void check_step(struct walk *w, struct node *node);
void check_phase(struct walk *w, struct node *node);
void check_clause(struct walk *w, struct node *node);
void check_handler(struct walk *w, struct node *node);

/* ---- check_effects.c ---- */

void summarize_callable(struct callable *callable); /* when its body is walked */
void check_effects(struct checker *checker);
void list_people(struct checker *checker);
enum effect_class site_effect(const struct site *site);
bool in_way_back(const struct place *place); /* in a rollback, a handler, a deferred block or a test */

/* ---- check_lints.c ---- */

void lint_call(struct walk *w, const struct signature *signature, struct node **bound);
void lint_endless_wait(struct walk *w, const struct node *wait);
void lint_hold(struct walk *w, const struct node *hold);
void lint_baseline(struct walk *w, const struct node *use, const struct node *length);
void lint_watch(struct walk *w, const struct node *watch);
void lint_useless_call(struct walk *w, const struct node *call);
void lint_all(struct checker *checker);

/* ---- check_lint_rollback.c ---- */

void lint_rollback(struct checker *checker);

static inline const struct item *items_of(const struct module *module)
{
	return ((const struct module_names *)module->names)->items;
}

static inline struct checker *checker_of(struct compilation *compilation)
{
	return compilation->checker;
}

static inline bool span_empty(struct span span)
{
	return span.from == span.to;
}

#endif
