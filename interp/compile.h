/*
 * compile.h - what the parts of the compiler share: compile.c (functions, tables), compile_expr.c (expressions),
 * compile_stmt.c (statements, steps, thresholds). program.h is what the rest of the program sees.
 *
 * Registers are handed out as a stack: a local keeps its register until its scope closes, temporaries lie above. The
 * `let`s of named steps lie at the bottom of the frame, because they are read after their step, or without it.
 */
#ifndef RUNPLAN_COMPILE_H
#define RUNPLAN_COMPILE_H

#include "interp/check.h"
#include "interp/program.h"

#define VECTOR(type)                                                                                                  \
	struct {                                                                                                      \
		type *items;                                                                                          \
		uint32_t count, capacity;                                                                             \
	}

/* Adds a zeroed item at the end of a VECTOR and lends its address (until the next push). */
#define VECTOR_PUSH(vector)                                                                                           \
	((vector)->items = vector_room((vector)->items, (vector)->count, &(vector)->capacity, sizeof(*(vector)->items)), \
	 &(vector)->items[(vector)->count++])
void *vector_room(void *items, uint32_t count, uint32_t *capacity, size_t size);

/* An open region of the function being compiled: what `return` and `skip if` have to close. */
enum open_kind { OPEN_STEP, OPEN_TRY, OPEN_VERIFY };
struct open_region {
	enum open_kind kind;
	uint32_t step;
	const struct node *step_node;
	struct open_region *outer;
	VECTOR(uint32_t) skips; /* jumps to the step's end, to be patched */
};

/*
 * A `let` that stands directly in a step's block has its register from the step's start (of a named step: from the
 * function's): a handler may name it before it was reached, and must then find null, not what a temporary left there.
 */
struct reserved {
	uint32_t slot;
	bool closed; /* its step, or its function, is over */
	struct reserved *outer;
	struct reserved *before; /* of the same symbol */
};

#define RECENT_CONSTANTS 64

struct writer { /* of one function */
	VECTOR(struct instruction) code;
	VECTOR(struct span) spans;
	VECTOR(struct value) constants;
	uint32_t recent[RECENT_CONSTANTS]; /* by hash: number of a constant + 1 */
	uint32_t index; /* in program->functions */
	enum function_kind kind;
	const char *name;
	struct span declared;
	uint32_t top, most; /* next free register; size of the frame */
	uint32_t parameters;
	struct open_region *open;
	struct span span; /* of what is being compiled */
	struct reserved *reserved; /* lets of the open steps, which have their registers already */
	bool secret;      /* inside secret(…) */
	const struct node *secret_field; /* the whole of what secret(…) was given */
	bool tracing;     /* parts of conditions are noted */
	const struct node *condition; /* the whole of it: its own value is no part */
};

struct compiler {
	struct compilation *compilation; /* of the plan that is being compiled */
	struct program *program;
	struct plan_code *plan; /* its row */
	struct writer *w; /* the current function */
	VECTOR(struct function) functions;
	VECTOR(struct call_site) sites;
	VECTOR(struct template_code) templates;
	VECTOR(struct shape) shapes;
	VECTOR(struct step_code) steps;
	VECTOR(struct defer_code) defers;
	VECTOR(struct check_code) checks;
	VECTOR(struct part_code) parts;
	VECTOR(struct watch_code) watches;
	VECTOR(struct threshold_code) thresholds;
	VECTOR(struct group_code) groups;
	VECTOR(struct param_code) params; /* of the plan that is being compiled */
	VECTOR(struct secret_code) secrets;
	VECTOR(struct run_code) runs;
	const struct node *test; /* the plan runs for this test, or NULL */
	bool thresholds_only; /* compile_thresholds() */
	bool no_data;		 /* the name `_` is null here */
};

#define ANY_REGISTER (-1)

/* Emitting. Each answers the address of the instruction. */
uint32_t emit_abc(struct compiler *c, enum opcode op, uint32_t a, uint32_t b, uint32_t c_);
uint32_t emit_ad(struct compiler *c, enum opcode op, uint32_t a, int32_t d);
uint32_t emit_asked(struct compiler *c, enum opcode op, uint32_t a, struct span asked); /* IF, NEXT, WHILE: preview shows `asked` */
uint32_t here(struct compiler *c);
void patch(struct compiler *c, uint32_t address, uint32_t target); /* d = target */
void patch_here(struct compiler *c, uint32_t address);
/*
 * A choice between two arms. What preview needs behind them (BLUR, ENDIF) is jumped over where the choice is known:
 *
 *	IF     -> other	   IF     -> past    the second where there is no other arm
 *	(one arm)	   (one arm)
 *	ELSE   -> past	   ELSE   -> past
 * other:
 *	(other arm)
 *	ELSE   -> past
 *	BLUR*, ENDIF	   BLUR*, ENDIF
 * past:
 */
struct choice {
	uint32_t branch, ends[2];
};
void open_choice(struct compiler *c, struct choice *choice, uint32_t tested, struct span asked); /* then the one arm */
void other_arm(struct compiler *c, struct choice *choice);    /* then the other */
void close_arms(struct compiler *c, struct choice *choice);   /* then the BLURs */
void close_choice(struct compiler *c, struct choice *choice);
uint32_t compile_constant(struct compiler *c, struct value v); /* consumes v; its number in the function */
uint32_t take_registers(struct compiler *c, uint32_t count); /* the first of them */
static inline uint32_t take_register(struct compiler *c)
{
	return take_registers(c, 1);
}
void give_back(struct compiler *c, uint32_t top);

/* Expressions. The answer is the register that holds the value: `want`, or any where that is ANY_REGISTER. */
uint32_t compile_expression(struct compiler *c, const struct node *node, int want);
uint32_t compile_operand(struct compiler *c, const struct node *node); /* register, or constant with OPERAND_CONSTANT */
void compile_or_null(struct compiler *c, const struct node *node, uint32_t want);
/* A condition whose parts are noted for the message. */
uint32_t compile_condition(struct compiler *c, const struct node *node);
uint32_t compile_call(struct compiler *c, const struct node *node, int want);
/* Arguments in the order of the signature into fresh consecutive registers; the answer is the first. */
uint32_t compile_arguments(struct compiler *c, const struct signature *signature, const struct node *node);
void compile_argument(struct compiler *c, const struct parameter *parameter, const struct node *given, uint32_t want);
/*
 * What a test says of a call: into a the record that says of what (a builtin's name, or the number of a task's function)
 * and which arguments; their values into the registers from a + 1 on, which must be the next free one.
 */
void compile_asked(struct compiler *c, const struct node *call, uint32_t a);
/* An effect that the language itself makes: a person's answer, a lock, a secret's source. */
uint32_t compile_internal_effect(struct compiler *c, const char *builtin, uint32_t first, uint32_t count, struct span span,
			 const char *label, int want);
const struct symbol *named_local(const struct node *node); /* the local that NAME, FIELD or ASSIGN means, or NULL */
const char *one_line(struct compiler *c, struct span span); /* the source of a span, blanks folded to one line */

/* The register that tells whether `subject` equals one of the arm's patterns. */
uint32_t compile_arm_test(struct compiler *c, const struct node *arm, uint32_t subject);

/* Statements. */
void compile_statements(struct compiler *c, const struct node *first);
void compile_block(struct compiler *c, const struct node *node); /* in a scope of its own */
void compile_statement(struct compiler *c, const struct node *node);
/* The step, or with NULL the function, is over whose lets were reserved after `outer`. */
void close_reserved(struct compiler *c, struct reserved *outer);
void reserve_named_lets(struct compiler *c, struct node *body); /* for all named steps in it */
void place_local(struct compiler *c, struct symbol *symbol, uint32_t slot);
void compile_watched(struct compiler *c, const struct node *uses); /* a watch over nothing */
/* A threshold is three functions, one after the other: what samples and judges; what measures once; what samples and keeps. */
enum { FUNCTION_MEASURES = 1, FUNCTION_KEEPS = 2 };
void compile_threshold(struct compiler *c, const struct node *node, bool judges);
/* Fails where `a` is null: the threshold `name` has no data. */
void compile_data_needed(struct compiler *c, const char *name, uint32_t a);
/* a = the median of what `use` measures in that time; null: it had no data. */
void compile_baseline(struct compiler *c, const struct node *use, const struct node *duration, uint32_t a);
void compile_handler(struct compiler *c, const struct node *body); /* statements, then END_FIBER */

#endif
