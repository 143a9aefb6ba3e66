/*
 * type.h - the types of the language. Types are interned in the compilation's arena where they are simple, and compared
 * with type_equal() or type_accepts().
 */
#ifndef RUNPLAN_TYPE_H
#define RUNPLAN_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#include "interp/value.h"
#include "interp/embed.h"

struct arena;
struct node;

enum type_kind {
	TYPE_ANY, /* unchecked: JSON answers */
	TYPE_NULL,
	TYPE_BOOL,
	TYPE_INT,
	TYPE_FLOAT,
	TYPE_PERCENT,
	TYPE_DURATION,
	TYPE_SIZE,
	TYPE_TIME,
	TYPE_STRING,
	TYPE_PATH, /* a string at run time */
	TYPE_URL,  /* a string at run time */
	TYPE_RANGE,
	TYPE_LIST,   /* element */
	TYPE_RECORD, /* fields; none and open: any record */
	TYPE_ENUM,   /* a string out of `choices` */
	TYPE_EMBED,  /* sh, sql, sqlite or promql: only in builtins' signatures */
	TYPE_VOID,   /* a call without an answer */
	TYPE_ERROR,  /* after a reported error: silences what would follow */
};

struct type_field {
	const char *name;
	const struct type *type;
};

struct type {
	enum type_kind kind;
	const char *name; /* of a named record type, or NULL */
	const struct type *element;
	const struct type_field *fields;
	size_t field_count;
	bool open; /* a record that may hold other fields */
	const char *const *choices;
	size_t choice_count;
	enum embed_language language;
	bool secret;   /* `secret T` in a signature: may take a secret */
	bool nullable; /* `T | null`, or a field that is not always there: null fits too */
};

const struct type *type_simple(enum type_kind kind); /* constant; TYPE_LIST: of any; TYPE_RECORD: any record */
const struct type *type_list(struct arena *arena, const struct type *element);
const struct type *type_nullable(struct arena *arena, const struct type *type);

const char *type_text(struct arena *arena, const struct type *type);   /* "list(duration)", for people */
const char *type_phrase(struct arena *arena, const struct type *type); /* "a list(duration)", "an int" */

bool type_is_text(const struct type *type);   /* strings of all kinds */
bool type_is_number(const struct type *type); /* int or float: no unit */
bool type_is_unit(const struct type *type);   /* percent, duration, size: a number with a unit */
bool type_is_measurable(const struct type *type); /* has a median and distances: a number, with or without a unit, or any */
bool type_is_loose(const struct type *type);  /* any, or already reported */
const struct type_field *type_find_field(const struct type *type, const char *name); /* NULL: none */
bool type_has_choice(const struct type *type, const char *text);                     /* of an enum */

bool type_equal(const struct type *a, const struct type *b);
/* May a value of type `from` stand where `to` is wanted? any goes both ways; int goes to float; texts go to each other. */
bool type_accepts(const struct type *to, const struct type *from);
/* The type of a value that is one or the other; NULL where nothing holds both but any. */
const struct type *type_join(struct arena *arena, const struct type *a, const struct type *b);
/* Does a run-time value fit (params, --set, answers from outside)? */
bool type_fits(const struct type *type, struct value v);

#endif
