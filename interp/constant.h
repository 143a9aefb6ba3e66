/*
 * constant.h - values of expressions that need no machine: literals, lists, records, strings without a hole,
 * ranges and negated numbers. Environments, `--set` values and the answers of a simulation are written so.
 */
#ifndef RUNPLAN_CONSTANT_H
#define RUNPLAN_CONSTANT_H

#include "grammar/ast.h"
#include "interp/value.h"

/*
 * The caller owns *out. False where something else than a constant stands: *where is its span, *out is null. The name
 * `_` is null ("no data") where `no_data` allows it.
 */
bool constant_evaluate(const struct node *node, bool no_data, struct value *out, struct span *where);

/* The same in a checked tree, where a name may stand for a `let` that is such an expression itself. */
bool constant_with_lets(const struct node *node, struct value *out, struct span *where);

/*
 * The condition of a param in a checked tree, where the param has this value. False where it asks for more than
 * operators know. The caller owns *held.
 */
bool constant_condition(const struct node *condition, const struct symbol *param, struct value value,
			struct value *held);

/* A literal that holds no others: null, bool, number, percent, duration, size. */
bool literal_value(const struct node *node, struct value *out);

#endif
