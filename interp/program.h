/*
 * program.h - a compiled plan: bytecode and the tables it names. Made by compile.c, read-only afterwards, and so the
 * same for every run, replay and resume of the same source.
 */
#ifndef RUNPLAN_PROGRAM_H
#define RUNPLAN_PROGRAM_H

#include <stdio.h>

#include "grammar/source.h"
#include "interp/embed.h"
#include "interp/value.h"

struct builtin;
struct compilation;
struct node;
struct type;

enum opcode {
#define OPCODE(name, operands, about) INSN_##name,
#include "interp/opcodes.def"
#undef OPCODE
	INSN_COUNT
};

#define OPERAND_CONSTANT 0x8000 /* in b or c where the table says K: constant number in the low 15 bits */
#define NOWHERE UINT32_MAX      /* a code address that is not there */

struct instruction {
	uint8_t op;
	uint16_t a;
	union {
		struct {
			uint16_t b, c;
		};
		int32_t d;
	};
};

enum function_kind { FUNCTION_MAIN, FUNCTION_FUNC, FUNCTION_TASK, FUNCTION_THRESHOLD };

struct function {
	enum function_kind kind;
	const char *name;
	uint32_t plan; /* whose globals and params it names */
	struct span declared; /* its name where it is declared: the same for all plans that import it */
	struct instruction *code;
	struct span *spans; /* one for each instruction */
	uint32_t count;
	uint32_t registers; /* size of a frame */
	uint32_t parameters; /* the first registers */
	uint32_t cleared;    /* from those to here, registers start as null */
	struct value *constants;
	uint32_t constant_count;
};

/* A builtin call in the source. */
struct call_site {
	const struct builtin *builtin;
	struct span span;
	uint32_t arg_count;
	const char *label; /* a person's item */
	bool secret;       /* its answer is inside secret(…): never told as it is */
	const char **secret_fields; /* only this field of it, of a field…; ends with NULL. NULL: all of it */
};

/* Interpolated text in another language: count pieces, count - 1 values between them. */
struct template_code {
	enum embed_language language;
	struct embed_part *pieces;
	uint32_t count;
};

struct shape {
	struct value *keys; /* strings */
	uint32_t count;
};

/* Registers from STEP_BEGIN's a on. */
enum step_register {
	STEP_TITLE,
	STEP_TIMEOUT,
	STEP_ATTEMPTS, /* null: one */
	STEP_DELAY,    /* between attempts */
	STEP_BACKOFF,  /* factor, null: 1 */
	STEP_REASON,   /* of `rollback none` */
	STEP_WITHIN,   /* of `rollback within` */
	STEP_REGISTERS
};

/* A slot whose value a handler names. */
struct capture {
	const char *name;
	uint16_t slot;
};

enum undo_kind { UNDO_ABSENT, UNDO_BLOCK, UNDO_RUNNING, UNDO_NONE };

struct step_code {
	const char *name; /* or NULL */
	struct span span;
	enum undo_kind undo;
	uint32_t body;   /* where an attempt starts */
	uint32_t failed;  /* `on failure` and `finally`, then RERAISE */
	uint32_t cleanup; /* `finally` of these */
	uint32_t proof;  /* the leading requires of the rollback, ends with END_FIBER, or NOWHERE */
	uint32_t handler; /* the rollback, ends with END_FIBER, or NOWHERE */
	struct capture *captures;
	uint32_t capture_count;
	bool handler_step; /* the body of a handler itself: holds its retry and timeout, never arms */
	const char *on_resume; /* "rerun", "ask", "rollback" or NULL */
};

struct defer_code {
	struct span span;
	uint32_t handler;
	struct capture *captures;
	uint32_t capture_count;
};

enum check_kind { CHECK_REQUIRE, CHECK_EXPECT, CHECK_WAIT, CHECK_PERSON };
enum check_else { ELSE_FAIL, ELSE_WARN, ELSE_ASK };

/* A condition that explains itself. */
struct check_code {
	enum check_kind kind;
	enum check_else otherwise;
	int label; /* register of its label or message, -1: none */
	bool region; /* CHECK_BEGIN pushed one */
	const char *condition; /* its source, on one line */
	struct span span;
	uint32_t start; /* of a poll: where the condition starts */
	uint32_t end;   /* where the plan goes on behind it */
};

struct part_code {
	const char *text; /* source of the part */
	struct span span;
};

struct watch_use {
	uint32_t function;  /* of the threshold */
	uint16_t arguments; /* first register */
	uint16_t count;
	const char *name; /* as shown: error_rate(max: 2%) */
	struct span span;
};
struct watch_code {
	struct watch_use *uses;
	uint32_t count;
	bool baseline; /* it measures only, for a median */
	struct span span;
};

/* Registers from SAMPLE_SETUP's a on. */
enum threshold_register {
	THRESHOLD_LOW,  /* bound; the lower one of `between`; the distance of `within` */
	THRESHOLD_HIGH, /* upper one of `between`; what `within` is of; else null */
	THRESHOLD_EVERY,
	THRESHOLD_AFTER,    /* or null: at once */
	THRESHOLD_BREACHES, /* N of `after N of M`, null: 1 */
	THRESHOLD_WINDOW,   /* M */
	THRESHOLD_FOR,      /* `breach for D`, else null */
	THRESHOLD_TOLERATE, /* no data tolerate N, else null */
	THRESHOLD_REGISTERS
};

enum no_data { NO_DATA_TOLERATE, NO_DATA_FAIL, NO_DATA_ASK, NO_DATA_OK };
enum on_breach { BREACH_ROLLBACK, BREACH_WARN, BREACH_ASK };
/* NONE: only measured, for `sample` and `baseline`. */
enum bound { BOUND_NONE, BOUND_LESS, BOUND_LESS_EQUAL, BOUND_GREATER, BOUND_GREATER_EQUAL, BOUND_EQUAL, BOUND_BETWEEN, BOUND_WITHIN };

struct threshold_code {
	const char *name;
	const char *doc;    /* or NULL */
	const char *action; /* what a person does then, or NULL */
	const char *measure; /* its source */
	const struct node *node; /* the declaration */
	enum bound bound;
	enum no_data no_data;
	enum on_breach on_breach;
	struct span span;
};

/* Results of branches that the surroundings can read afterwards: registers copied back when child `branch` has ended. */
struct group_export {
	uint32_t branch;
	uint16_t slot;
};
struct group_code {
	struct group_export *exports;
	uint32_t count;
};

struct param_code {
	const char *name;
	const struct type *type;
	uint32_t global;
	struct node *node;  /* the declaration: the command line reads its type, default and documentation */
	const char *source; /* of `where`, for messages */
};

/* A secret with a source outside of the plan. */
struct secret_code {
	const char *name;
	struct span span;
};

/* Entry points in the main function, each ending with END_FIBER, or NOWHERE. */
struct plan_handlers {
	uint32_t on_failure, on_rollback, on_success, finally;
	uint32_t questions; /* of a test: what is asked after the run */
};

/* A plan: the one that is run, or one that it runs as a child. Each has globals of its own. */
struct plan_code {
	struct compilation *compilation; /* borrowed: its files, with their environments */
	const char *title;
	const char *name;  /* of a child, as a test's givens name it */
	uint32_t function; /* its course */
	uint32_t global_count;
	struct param_code *params;
	uint32_t param_count;
	struct secret_code *secrets;
	uint32_t secret_count;
	struct plan_handlers handlers;
	int within; /* register of its course with `rollback within`, -1: none */
};

/* A `run plan`. */
struct run_code {
	uint32_t plan;
	const uint32_t *params; /* which of them it gives, in the order of its registers */
	uint32_t count;
	struct span span;
};

struct program {
	struct compilation *compilation; /* borrowed: spans, names and types live in its arena */
	struct plan_code *plans; /* 0 is the run's own */
	uint32_t plan_count;
	struct run_code *runs;
	uint32_t run_count;
	struct function *functions; /* 0 is the course of the run's own plan */
	uint32_t function_count;
	struct call_site *sites;
	uint32_t site_count;
	struct template_code *templates;
	uint32_t template_count;
	struct shape *shapes;
	uint32_t shape_count;
	struct step_code *steps;
	uint32_t step_count;
	struct defer_code *defers;
	uint32_t defer_count;
	struct check_code *checks;
	uint32_t check_count;
	struct part_code *parts;
	uint32_t part_count;
	struct watch_code *watches;
	uint32_t watch_count;
	struct threshold_code *thresholds;
	uint32_t threshold_count;
	struct group_code *groups;
	uint32_t group_count;
};

/* Compiles a checked plan (no errors among its diagnostics). NULL only where the plan has no `plan` item to run. */
struct program *compile_program(struct compilation *compilation);
/* The plan with one of its NODE_TESTs: its givens at the start, its questions at the end. Never NULL but for errors. */
struct program *compile_test(struct compilation *compilation, const struct node *test);
/* The main file's thresholds alone, each watched with its defaults; those that have none for an argument are left out. */
struct program *compile_thresholds(struct compilation *compilation);
void program_free(struct program *program);
void program_dump(FILE *out, const struct program *program); /* for people */
/* Holds code to the opcode table and to its own jumps, registers and regions; NULL, or what is wrong (static text). */
const char *program_verify(const struct program *program, uint32_t *function, uint32_t *address);

enum unit { UNIT_RATIO, UNIT_SECONDS, UNIT_MILLISECONDS, UNIT_BYTES, UNIT_COUNT, UNIT_PER_SECOND };
int unit_find(const char *name); /* -1: no such unit */

#endif
