/*
 * scope.h - names and what they stand for. The checker makes symbols and hangs them on the tree; the compiler gives
 * them places.
 */
#ifndef RUNPLAN_SCOPE_H
#define RUNPLAN_SCOPE_H

#include "grammar/source.h"
#include "interp/builtin.h"
#include "interp/type.h"

struct node;
struct module;

enum symbol_kind {
	SYMBOL_LOCAL,     /* let, var, loop variable, catch variable, argument of a func, task or threshold */
	SYMBOL_CONSTANT,  /* `let` among the items of an imported file, or before the first step: a global */
	SYMBOL_PARAM,     /* a global */
	SYMBOL_SECRET,    /* a global */
	SYMBOL_FUNC,
	SYMBOL_TASK,
	SYMBOL_THRESHOLD,
	SYMBOL_STEP,      /* a finished step's `let`s: name.field; the fields are `lets`, in order */
	SYMBOL_MODULE,    /* import "x" as name */
	SYMBOL_SPECIAL,   /* failure, run, plan: see special */
	SYMBOL_BUILTIN,   /* a builtin or a namespace, only while resolving */
};

enum special {
	SPECIAL_FAILURE,
	SPECIAL_RUN,
	SPECIAL_PLAN,
};

struct symbol {
	enum symbol_kind kind;
	const char *name;
	struct span span; /* of the declared name */
	struct node *node; /* the declaration */
	struct module *module;
	const struct type *type;
	enum special special;
	bool mutable;            /* var */
	bool secret;             /* what it holds is known to be secret */
	bool used;
	enum effect_class effect; /* FUNC, TASK, THRESHOLD: the strongest effect of its body, tasks it calls included */
	bool uncovered;           /* TASK: holds a change that no step inside it covers */
	bool asks;                /* TASK, THRESHOLD: may need a person */
	struct symbol *owner;     /* LOCAL of a named step: the step's symbol, so that step.name finds it */
	struct symbol *next;      /* next of the owner's lets */
	struct symbol *lets;      /* STEP: its lets */

	/* The compiler's: */
	int slot;    /* LOCAL: register of its function's frame; CONSTANT, PARAM, SECRET: number of the global; -1 before */
	int function; /* FUNC, TASK, THRESHOLD: index of its code; LOCAL: index of the function it lives in; -1 before */
	struct reserved *reserved; /* LOCAL: the registers it was given ahead, newest first */
};

#endif
