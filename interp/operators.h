/* operators.h - what the operators mean on values, for the machine and for constants. */
#ifndef RUNPLAN_OPERATORS_H
#define RUNPLAN_OPERATORS_H

#include "grammar/ast.h"
#include "interp/program.h"

/* The instruction of an operator with two sides that are both evaluated; -1: it has none. */
int operator_instruction(enum operator op);

/* These answer false with a message (at least 200 bytes). The caller owns *out. */
bool operate(enum opcode op, struct value x, struct value y, struct value *out, char *error);
/* x = x + y without a copy of x; false: not lists, or somebody else holds x. */
bool list_extend(struct value *x, struct value y);
bool give_unit(struct value v, enum unit unit, struct value *out, char *error);
bool field_of(struct value object, struct value name, struct value *out, char *error);
bool index_of_value(struct value object, struct value index, struct value *out, char *error);
struct value concat(const struct value *parts, uint32_t count);

#endif
