/*
 * signature.h - what a call takes and gives, of builtins (parsed from the row), funcs, tasks and thresholds alike, and
 * the one place where a call's arguments are matched to it.
 */
#ifndef RUNPLAN_SIGNATURE_H
#define RUNPLAN_SIGNATURE_H

#include "interp/type.h"

struct compilation;
struct node;
struct symbol;
struct builtin;

struct parameter {
	const char *name;
	const struct type *type;
	const struct node *fallback; /* default expression, or NULL: the argument is required */
	bool variadic;               /* the last one: takes the remaining positional arguments as one list */
	struct symbol *symbol;       /* FUNC, TASK, THRESHOLD: the local that holds it */
};

struct signature {
	const char *name; /* "docker.exec", for messages */
	struct parameter *parameters;
	size_t count;
	const struct type *returns; /* TYPE_VOID: nothing */
	const struct builtin *builtin; /* or NULL */
	const struct symbol *symbol;   /* or NULL */
};

/* Cached in the compilation. Never NULL: a row that does not parse is a defect that a unit test catches. */
const struct signature *signature_of_builtin(struct compilation *compilation, const struct builtin *builtin);
const struct signature *signature_of_symbol(struct compilation *compilation, struct symbol *symbol);

/*
 * Matches the arguments of a NODE_CALL (or a threshold's use in `watching`) to the signature. bound[i] is the expression
 * given for parameter i, NULL where it is left to its default; a variadic parameter's expressions start at bound[i] and
 * are linked by the argument list. With `report` set, diagnoses unknown names (with a suggestion), doubles, missing and
 * surplus arguments. False when something is wrong.
 */
bool signature_bind(struct compilation *compilation, const struct signature *signature, struct node *call,
		    struct node **bound, bool report);

/* The same for what a test says of a call: arguments may be left out. */
bool signature_bind_some(struct compilation *compilation, const struct signature *signature, struct node *call,
			 struct node **bound, bool report);

/*
 * What `defaults { ns.arg = e }` of the main file says of parameter `index` of `builtin`, or NULL.
 */
struct node *default_for(struct compilation *compilation, const struct builtin *builtin, const char *parameter);

#endif
