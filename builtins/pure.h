/*
 * pure.h - what the pure builtins share: looking at their arguments, and letting secret marks travel.
 *
 * The checker has matched calls to signatures, but a JSON answer is `any` until it runs: every pure call looks at the
 * tags it relies on, and fails in words where one is another.
 */
#ifndef RUNPLAN_PURE_H
#define RUNPLAN_PURE_H

#include "interp/builtin.h"

/* No text or list that a pure call makes may exceed this many bytes, or items. */
#define PURE_BYTES_MAX (64 * 1024 * 1024)
#define PURE_ITEMS_MAX 1000000

/*
 * One letter for each argument: s string, i int, b bool, l list, r record, t time, d duration, n a number with or
 * without a unit, * anything; a `?` behind a letter allows null. False, and *wrong is the failure, where one differs.
 * `call` is the row's name.
 */
bool pure_arguments(const char *call, const char *kinds, const struct value *args, size_t count,
		    struct pure_result *wrong);

/* The answer, marked secret where an argument is or holds a secret. Consumes `answer`. */
struct pure_result pure_answer(const struct value *args, size_t count, struct value answer);

/*
 * A slice as text.slice and list.slice take it: `from` counts from 0, or from the end where negative; a null `count`
 * reaches to the end. Clamped to [0, length).
 */
void pure_slice(struct value from, struct value count, size_t length, size_t *first, size_t *items);

/* text.join and list.join are one function. */
struct pure_result pure_join(const char *call, struct value parts, struct value with);

#endif
