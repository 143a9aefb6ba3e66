/*
 * builtin.h - the row that says everything about a builtin.
 *
 * To add a builtin, write its row into the table at the bottom of the namespace's file under builtins/, and its
 * functions above it. Nothing else knows it: the checker, the compiler, the journal, preview, simulation,
 * `runplan doc` and docs/builtins.md all read the row. tests/unit/test_builtins.c holds every row to its duties.
 */
#ifndef RUNPLAN_BUILTIN_H
#define RUNPLAN_BUILTIN_H

#include "interp/effect.h"
#include "interp/value.h"

enum effect_class {
	EFFECT_PURE,   /* a function of its arguments; has .call */
	EFFECT_READ,   /* looks at the world and changes nothing; has .start */
	EFFECT_CHANGE, /* changes the world; needs a way back unless .leaves says why not; has .start */
};

/* How an interrupted change (an intent without an outcome) is settled when a run is resumed. */
enum settle {
	SETTLE_NONE,   /* pure and read */
	SETTLE_REPEAT, /* idempotent: do it again */
	SETTLE_PROBE,  /* .probe asks the world */
	SETTLE_ASK,    /* only a person can know */
};

enum builtin_flag {
	BUILTIN_PERSON = 1,          /* answered by a person: timeouts stand still while it waits */
	BUILTIN_INTERNAL = 2,        /* not callable by name: the compiler emits it (manual, confirm, lock, ...) */
	BUILTIN_SECRET_ANSWER = 4,   /* its answer is a secret */
	BUILTIN_REPEATABLE = 8,      /* a change that a retried step may repeat without harm */
	BUILTIN_GUARD = 32,          /* its failure refuses the run, like a `require` that does not hold */
	BUILTIN_PATTERN = 64,        /* its first argument is a regular expression: one that is written out is checked */
	BUILTIN_NOTED = 128,         /* nothing has happened before its note is on record, and its intent with it */
	BUILTIN_RENEW = 16,          /* a replay asks the world again, the record only proves that it was asked: locks, secrets */
};

/* A pure call's result: a value, or a failure with a message. */
struct pure_result {
	bool ok;
	struct value value; /* ok: the answer; else: the message, a string */
};

/*
 * The thing that a change with `leaves` leaves, or that another change takes away. It is the same one where `kind` and the name
 * agree: the values of `count` arguments from number `from` on (nulls at their end do not count), or what the answer calls it.
 */
struct thing {
	const char *kind; /* "file", "image"; NULL: nothing that has a name */
	unsigned char from, count;
	const char *answer; /* the field of the answer that is another name, "": the answer itself; NULL: none */
};

struct effect_call; /* builtins/live.h: a live call under way */

struct builtin {
	const char *name; /* "docker.exec" */
	/*
	 * Parsed by the language's own grammar: "(container: string, command: list(string), timeout: duration = 1m)
	 * -> exec_result". `= null` makes an argument optional, `...` after the last type takes any number (the callee
	 * gets them as one list). The types sh, sql, sqlite, promql and url mark an argument in another language: the author's
	 * literal arrives rendered by embed.h, so that interpolated values are never read as code. `secret T` marks an
	 * argument that may take a secret; a secret anywhere else is a check error.
	 */
	const char *signature;
	const char *summary;   /* one sentence */
	const char *details;   /* more, or NULL: markdown */
	const char *example;   /* an expression or call that checks, and runs in simulation */
	const char *bad_input; /* what happens on wrong arguments or a failing target, one sentence */
	const char *leaves;    /* CHANGE only: what harmless thing it leaves ("an image"); needs no rollback then */
	struct thing thing;    /* CHANGE only: what it leaves, or, without `leaves`, takes away */
	enum effect_class effect;
	unsigned flags;
	enum settle settle;
	int64_t grace; /* ns a cancelled call gets to tell its outcome; 0: the driver's own (10 s) */

	struct pure_result (*call)(const struct value *args, size_t count); /* PURE */
	void (*start)(struct effect_call *call);                            /* READ, CHANGE: live */
	/* Answer under simulation where no `given` says otherwise; NULL: unknown for a read, null for a change. */
	struct value (*simulate)(const struct effect_request *request);
	/* One line for preview: the command, statement or request; NULL: name and arguments. Returns a string. */
	struct value (*describe)(const struct effect_request *request);
	/* Can it be answered, as far as a quick look tells? Asked before the run begins; false: `why`, and whether a change of the
	 * run may still mend that. NULL: nobody knows. */
	bool (*foresee)(const struct effect_request *request, bool *mendable, char *why, size_t size);
	void (*probe)(struct effect_call *call); /* SETTLE_PROBE: call->intent has what was journaled; answer bool or null */
	/* CHANGE with a parameter `reads`: the read of the same name, in no table, for calls that say `reads: true`; or NULL. */
	const struct builtin *reads;
};

/* A named record type of signatures: { "exec_result", "{ code: int, stdout: string, stderr: string }" }. */
struct builtin_type {
	const char *name;
	const char *definition;
	const char *summary;
};

struct builtin_table {
	const char *name; /* "docker" */
	const char *summary;
	const struct builtin *rows;
	size_t row_count;
	const struct builtin_type *types;
	size_t type_count;
};

/* All tables; builtins/registry.c defines the one instance, cli hands it to check, compile and the drivers. */
struct registry {
	const struct builtin_table *const *tables;
	size_t table_count;
};

const struct builtin *registry_find(const struct registry *registry, const char *name, size_t length);
const struct builtin_type *registry_find_type(const struct registry *registry, const char *name, size_t length);
bool registry_has_namespace(const struct registry *registry, const char *name, size_t length);

struct pure_result pure_ok(struct value value); /* consumes value */
struct pure_result pure_failed(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
