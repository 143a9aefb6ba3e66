/* ast.h: the tree of a plan.
 *
 * One `struct node` for everything. `kind` says which member of the union is in use; the comment at each
 * member gives its kinds. Rules that hold everywhere:
 *
 *   - Nodes and all texts in them live in the arena of the compilation and are never freed on their own. The
 * grammar never changes a node after parse_file has returned.
 *   - A member that is a list is the pointer to its first node; the rest hang on `next`, in source order. A
 * node that is not in a list has next == NULL. So every child member can be walked as a list.
 *   - A child is NULL where the author left it out (and only then). After a syntax error NODE_ERROR stands
 * for what could not be read: it means "already reported", so later passes skip it in silence.
 *   - A name that is written carries its own span (struct ident); text == NULL means it was left out.
 *   - No text in the tree holds a NUL byte; all are valid UTF-8.
 *   - The tree is at most RUNPLAN_MAX_DEPTH deep, so passes may recurse.
 *
 * What the grammar does not decide: it accepts every statement among the items of a file and every clause
 * (timeout, retry, rollback, on …, finally) in every block of statements; units after `as`, setting names,
 * quantities' types and which of these may stand where are the checker's.
 */
#ifndef GRAMMAR_AST_H
#define GRAMMAR_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "grammar/source.h"

struct type;	/* interp/: filled in by the checker */
struct symbol;	/* interp/ */
struct builtin; /* builtins/ */
struct node;

/* Deepest tree, and most brackets open at once. More is a diagnostic (E0108). */
#define RUNPLAN_MAX_DEPTH 1000

struct ident {
	const char *text; /* NULL: not written */
	struct span span;
};

enum node_kind {
	NODE_ERROR, /* could not be read; reported. No member. May stand for any item, statement, expression
		       or type */

	/* A file and its items. Statements (below) may also be items. */
	NODE_FILE,
	NODE_PLAN,
	NODE_LOCK, /* plan setting; plan_value */
	NODE_IMPORT,
	NODE_PARAM,
	NODE_SECRET,
	NODE_ENVIRONMENT,
	NODE_DEFAULTS,
	NODE_SETTING, /* a line of environment or defaults */
	NODE_FUNC,
	NODE_TASK,
	NODE_THRESHOLD,
	NODE_TEST,
	NODE_GIVEN,
	NODE_TEST_RUN,

	/* Clauses of a threshold. */
	NODE_MEASURE, /* value */
	NODE_MUST,
	NODE_EVERY, /* value */
	NODE_AFTER, /* value */
	NODE_BREACH,
	NODE_NO_DATA,
	NODE_ON_BREACH,
	NODE_ACTION, /* value: a string */

	/* Statements. */
	NODE_BLOCK,
	NODE_LET,
	NODE_VAR,
	NODE_ASSIGN,
	NODE_IF,    /* also an expression */
	NODE_MATCH, /* also an expression */
	NODE_ARM,
	NODE_FOR,
	NODE_WHILE,
	NODE_PARALLEL, /* body */
	NODE_TRY,
	NODE_REQUIRE,
	NODE_SKIP,
	NODE_EXPECT,
	NODE_VERIFY,
	NODE_MANUAL,
	NODE_APPROVE,
	NODE_CONFIRM,
	NODE_WAIT,
	NODE_HOLD,
	NODE_WATCH,
	NODE_USE,	 /* a threshold in hold or watch */
	NODE_CHECKPOINT, /* value: a string */
	NODE_COMMIT,	 /* value: a string */
	NODE_DEFER,	 /* body */
	NODE_LOG,	 /* value */
	NODE_WARN,	 /* value */
	NODE_FAIL,	 /* value */
	NODE_RETURN,	 /* value, or NULL */
	NODE_EVALUATE,	 /* a call as a statement: value, always NODE_CALL */
	NODE_JUDGE,
	NODE_METRIC,
	NODE_RUN_PLAN,
	NODE_PHASE,
	NODE_STEP,

	/* Clauses of judge and of its metrics. */
	NODE_PASS,     /* value */
	NODE_ASK,      /* value */
	NODE_CANARY,   /* value */
	NODE_BASELINE, /* value */
	NODE_WORSE,
	NODE_TOLERATE, /* value */
	NODE_WEIGHT,   /* value */
	NODE_CRITICAL, /* value */

	/* Clauses of a step (and of whatever the checker allows). */
	NODE_TIMEOUT, /* value */
	NODE_RETRY,
	NODE_ROLLBACK,
	NODE_ON_RESUME,
	NODE_ON, /* on failure, on rollback, on success, finally */

	/* Expressions. */
	NODE_NULL,
	NODE_BOOL,     /* boolean */
	NODE_INT,      /* integer */
	NODE_FLOAT,    /* number */
	NODE_PERCENT,  /* number: the ratio, 0.05 for 5% */
	NODE_DURATION, /* integer: nanoseconds */
	NODE_SIZE,     /* integer: bytes */
	NODE_STRING,
	NODE_TEXT, /* literal text: only among the parts of a string */
	NODE_LIST,
	NODE_RECORD,
	NODE_ENTRY,
	NODE_RANGE,
	NODE_NAME,
	NODE_FIELD,
	NODE_INDEX,
	NODE_CALL,
	NODE_ARGUMENT,
	NODE_UNARY,
	NODE_BINARY,
	NODE_AS,
	NODE_COMPREHENSION,
	NODE_QUANTIFIER,

	/* Types. */
	NODE_TYPE_NAME,
	NODE_TYPE_LIST,
	NODE_TYPE_RECORD,
	NODE_TYPE_FIELD,
	NODE_TYPE_ENUM,
	NODE_TYPE_UNION,

	/* What parse_signature returns. */
	NODE_SIGNATURE,

	NODE_KIND_COUNT
};

enum operator{
	OP_NONE, /* left out, or unreadable */
	OP_OR,
	OP_AND,
	OP_NOT,
	OP_EQ,
	OP_NE,
	OP_LT,
	OP_LE,
	OP_GT,
	OP_GE,
	OP_IN,
	OP_MATCHES,
	OP_DEFAULT, /* ?? */
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_MOD,
	OP_NEGATE,
};

/* What happens when a check, a wait or a threshold does not hold, or a run is resumed: the words after
 * `else`, `no data`, `on breach` and `on resume`. */
enum reaction {
	REACTION_NONE, /* not written */
	REACTION_FAIL,
	REACTION_WARN,
	REACTION_ASK,
	REACTION_OK,
	REACTION_TOLERATE,
	REACTION_ROLLBACK,
	REACTION_RERUN,
};

enum on_event { EVENT_FAILURE, EVENT_ROLLBACK, EVENT_SUCCESS, EVENT_FINALLY };

enum rollback_mode {
	ROLLBACK_AFTER,	  /* rollback { }  or  rollback within D { } */
	ROLLBACK_RUNNING, /* rollback while running { }: dropped when the step ends well */
	ROLLBACK_NOTHING, /* rollback none "why" */
	ROLLBACK_BOUND,	  /* rollback within D, without a block: a setting of `plan` */
};

enum given_verb { VERB_RETURNS, VERB_FAILS, VERB_REFUSES, VERB_TAKES, VERB_HANGS };
enum must_form { MUST_COMPARE, MUST_BETWEEN, MUST_WITHIN };
enum worse_when { WORSE_UNKNOWN, WORSE_HIGHER, WORSE_LOWER, WORSE_DIFFERENT };
enum quantifier { QUANTIFIER_ALL, QUANTIFIER_ANY, QUANTIFIER_NONE, QUANTIFIER_COUNT };

/* Everything the scanner saw, in order, with comments and line ends: for the formatter. Blanks are what lies
 * between. A string with interpolation is several tokens (`"a `, `${`, …, `}`, ` b"`). */
enum token_kind {
	TOKEN_NEWLINE, /* one line end */
	TOKEN_COMMENT, /* from # to the line end, without it */
	TOKEN_WORD,    /* a name */
	TOKEN_KEYWORD, /* a word that the grammar took as its own here */
	TOKEN_KEY,     /* `word:` (with the colon) */
	TOKEN_NUMBER,  /* int, float, percent, duration or size */
	TOKEN_STRING,  /* a whole string, or a piece of one */
	TOKEN_MARK,    /* operator, bracket or other punctuation; `${` and its `}` included */
	TOKEN_UNKNOWN, /* bytes that belong to no token; reported */
};

struct token {
	uint32_t from, to; /* bytes of the file */
	uint16_t kind;	   /* enum token_kind */
	uint16_t
	    code; /* the parser's code (grammar/plan.tab.h); 0 for newlines, comments and unknown bytes */
};

struct node {
	enum node_kind kind : 16;
	unsigned depth : 16; /* levels of the tree below and including this node; 1 for a leaf */
	struct span span;  /* from its first to its last byte */
	struct node *next; /* in the list it belongs to */
	const char *doc; /* comment lines directly above, without their `#`, lines joined by \n; NULL if none.
			  * Only on items, statements, clauses and settings */

	/* Filled in by the checker; the grammar leaves NULL and never reads them. */
	const struct type *type; /* expressions: their type; type expressions: what they denote */
	struct symbol
	    *symbol; /* declarations: what they declare; NAME, FIELD, CALL, USE, ASSIGN: what is meant */
	const struct builtin *builtin; /* CALL, FIELD, NAME: the builtin's row, where one is meant */

	union {
		/* ---- leaves ---- */
		bool boolean;	 /* BOOL */
		int64_t integer; /* INT, DURATION in nanoseconds, SIZE in bytes */
		double number;	 /* FLOAT, PERCENT as a ratio */

		/* TEXT: a literal piece of a string, escapes decoded, common indentation removed. Terminated
		 * by NUL. */
		struct {
			const char *bytes;
			size_t length;
		} text;

		/* One child: MEASURE EVERY AFTER ACTION CHECKPOINT COMMIT LOG WARN FAIL RETURN EVALUATE PASS
		 * ASK CANARY BASELINE TOLERATE WEIGHT CRITICAL TIMEOUT LOCK. NULL only in RETURN. */
		struct node *value;

		/* PARALLEL, DEFER: a BLOCK. */
		struct node *body;

		/* ---- file and items ---- */
		struct {
			struct node *items; /* items and statements in source order */
			uint32_t count;
			uint32_t token_count;
			const struct token *tokens;
		} file; /* FILE */

		struct {
			struct node *title;    /* STRING */
			struct node *settings; /* list of LOCK, ROLLBACK (mode BOUND), TIMEOUT */
		} plan;			       /* PLAN: plan "title" { … } */

		struct {
			struct node *path;  /* STRING */
			struct ident alias; /* as name */
		} import;		    /* IMPORT */

		struct {
			struct ident name;
			struct node *type;	/* a type node; NULL only after an error */
			struct node *initial;	/* = default */
			struct node *condition; /* where cond */
			struct node *summary;	/* "doc" */
			bool variadic;		/* `any...`: only in signatures, only the last positional */
		} param; /* PARAM: the item, and each parameter of a func, task, threshold or signature */

		struct {
			struct ident name;
			struct node
			    *source; /* normally a call of env, file, credential or prompt: the checker's */
		} secret;	     /* SECRET */

		struct {
			struct ident name;
			struct node *settings; /* list of SETTING */
			bool is_default;
		} environment; /* ENVIRONMENT */

		struct {
			struct node *settings; /* list of SETTING */
		} defaults;		       /* DEFAULTS */

		struct {
			struct node *target; /* NAME, or FIELD of a NAME … : `region`, `prom.server` */
			struct node *value;
		} setting; /* SETTING */

		struct {
			struct ident name;
			struct node *params;  /* list of PARAM */
			struct node *result;  /* a type, or NULL */
			struct node *summary; /* "doc" */
			struct node
			    *body; /* BLOCK; of a THRESHOLD the list of its clauses: MEASURE MUST EVERY AFTER
				    * BREACH NO_DATA ON_BREACH ACTION, each as often as written */
		} callable;	   /* FUNC, TASK, THRESHOLD */

		struct {
			struct node *title;
			struct node
			    *parts; /* list of GIVEN, TEST_RUN, EXPECT (whose label may be NULL here), LET */
		} test;		    /* TEST */

		struct {
			struct node *target; /* NAME, FIELD or CALL: `error_rate`, `docker.exec` */
			enum given_verb verb;
			struct node *value; /* what it returns, why it fails or refuses, how long it takes; HANGS: NULL */
			struct node *with;  /* FAILS: a record of details, or NULL */
			struct node *times; /* how often (`once`: 1), or NULL: always */
			struct node *after; /* a duration until the answer, or NULL */
		} given; /* GIVEN */

		struct {
			struct node *environment; /* STRING, or NULL */
			struct node *params;	  /* RECORD, or NULL for a plain `run` */
		} test_run;		     /* TEST_RUN */

		/* ---- clauses of a threshold ---- */
		struct {
			enum must_form form;
			enum operator comparison; /* COMPARE: OP_LT OP_LE OP_GT OP_GE OP_EQ */
			struct node *bound;	  /* COMPARE: the bound; BETWEEN: the lower one; WITHIN: the
						     distance (20%) */
			struct node *other;	  /* BETWEEN: the upper bound; WITHIN: of what */
		} must;				  /* MUST */

		struct {
			struct node *count;    /* after N */
			struct node *window;   /* of M; NULL where `of M` is left out */
			struct node *duration; /* for D; then the other two are NULL */
		} breach;		       /* BREACH */

		struct {
			enum reaction reaction; /* TOLERATE FAIL ASK OK */
			struct node *count;	/* of TOLERATE */
		} no_data;			/* NO_DATA */

		enum reaction reaction; /* ON_BREACH: ROLLBACK WARN ASK; ON_RESUME: RERUN ASK ROLLBACK */

		/* ---- statements ---- */
		struct {
			struct node *statements;
			uint32_t count;
		} block; /* BLOCK: its span covers the braces */

		struct {
			struct ident name;
			struct node *value;
		} binding; /* LET, VAR, ASSIGN */

		struct {
			struct node *condition;
			struct node *then; /* statement: BLOCK; expression: an expression */
			struct node *
			    otherwise; /* BLOCK or IF, or an expression; NULL where a statement has no else */
			bool is_expression;
		} choice; /* IF */

		struct {
			struct node *subject;
			struct node *arms; /* list of ARM */
			uint32_t count;
			bool is_expression;
		} match; /* MATCH */

		struct {
			struct node *patterns; /* list of expressions; NULL: `else` */
			struct node *body; /* statement: BLOCK or an expression; expression: an expression */
		} arm;			   /* ARM: "a", "b" => body */

		struct {
			struct ident variable;
			struct node *iterable;
			struct node *limit; /* at most N at once; NULL: one after another */
			struct node *body;  /* BLOCK */
		} loop;			    /* FOR */

		struct {
			struct node *condition;
			struct node *limit; /* at most N times; NULL only after an error */
			struct node *body;  /* BLOCK */
		} repeat;		    /* WHILE */

		struct {
			struct node *body; /* BLOCK */
			struct ident problem;
			struct node *handler; /* BLOCK */
		} attempt;		      /* TRY: try { } catch problem { } */

		struct {
			struct node *condition;
			struct node *message; /* REQUIRE: else; SKIP: because; NULL where left out */
		} guard;		      /* REQUIRE, SKIP */

		struct {
			struct node *label; /* EXPECT: STRING, or NULL in a test; WAIT: always NULL */
			struct node *condition;
			struct node *within;	 /* duration, or NULL */
			struct node *every;	 /* duration, or NULL */
			enum reaction otherwise; /* NONE FAIL WARN ASK */
		} check;			 /* EXPECT, WAIT */

		struct {
			struct node *title; /* STRING or NULL */
			struct node *body;  /* BLOCK */
		} verify;		    /* VERIFY */

		struct {
			struct node *text;   /* MANUAL: the line; APPROVE: the title; CONFIRM: the question */
			struct node *phrase; /* CONFIRM: typing; else NULL */
			struct node *count;  /* APPROVE: by N; else NULL */
			struct node *people; /* APPROVE: of …; else NULL */
			struct node *within; /* duration, or NULL */
		} person;		     /* MANUAL, APPROVE, CONFIRM */

		struct {
			struct node *duration; /* hold D; or */
			struct node *until;    /* hold until T; one of the two is NULL */
			struct node *watching; /* list of USE, or NULL */
			struct node *every;    /* only in judge: hold D every D; or NULL */
		} hold;			       /* HOLD */

		struct {
			struct node *watching; /* list of USE */
			struct node *body;     /* BLOCK */
		} watch;		       /* WATCH */

		struct {
			struct node *threshold; /* NAME, or FIELD where it is imported as something */
			struct node *arguments; /* list of ARGUMENT, or NULL */
			uint32_t count;
		} use; /* USE: error_rate(max: 2%) */

		struct {
			struct node *title;   /* STRING */
			struct node *clauses; /* list of HOLD, PASS, ASK, METRIC */
		} judge;		      /* JUDGE */

		struct {
			struct node *title;   /* STRING */
			struct node *clauses; /* list of CANARY BASELINE WORSE TOLERATE WEIGHT CRITICAL */
		} metric;		      /* METRIC */

		enum worse_when worse; /* WORSE */

		struct {
			struct node *path;   /* STRING */
			struct node *params; /* RECORD or NULL */
			bool shared;	     /* with shared: params that both plans have from one file keep their value */
		} run_plan;		     /* RUN_PLAN */

		struct {
			struct node *title;	 /* STRING */
			struct node *expect_low; /* expect D..D: both or none */
			struct node *expect_high;
			struct node *body; /* BLOCK */
		} phase;		   /* PHASE */

		struct {
			struct ident name;  /* may be left out */
			struct node *title; /* STRING */
			struct node *body;  /* BLOCK: statements and clauses (VERIFY TIMEOUT RETRY ROLLBACK
					       ON_RESUME ON) as written */
		} step;			    /* STEP */

		/* ---- clauses of a step ---- */
		struct {
			struct node *count;
			struct node *every;   /* or NULL */
			struct node *backoff; /* or NULL */
		} retry;		      /* RETRY */

		struct {
			enum rollback_mode mode;
			struct node *within; /* AFTER (may be NULL), BOUND */
			struct node *reason; /* NOTHING */
			struct node *body;   /* BLOCK of AFTER and RUNNING */
		} rollback;		     /* ROLLBACK */

		struct {
			enum on_event event;
			struct node *body; /* BLOCK */
		} on;			   /* ON */

		/* ---- expressions ---- */
		struct {
			/* Texts and expressions in turn; empty texts are left out, but a string without
			 * expressions is always exactly one TEXT. */
			struct node *parts;
			uint32_t count;
			bool raw;	   /* '…' */
			bool multiline;	   /* """…""" or '''…''' */
			bool interpolated; /* some part is not a TEXT */
		} string;		   /* STRING */

		struct {
			struct node *items;
			uint32_t count;
		} list; /* LIST */

		struct {
			struct node *entries; /* list of ENTRY */
			uint32_t count;
		} record; /* RECORD */

		struct {
			struct ident key;
			struct node *value;
			bool quoted; /* the key was written as a string; its span covers the quotes */
		} entry;	     /* ENTRY */

		struct {
			struct node *low, *high; /* both ends belong to it */
		} range;			 /* RANGE */

		const char *name; /* NAME */

		struct {
			struct node *object;
			struct ident name;
		} field; /* FIELD */

		struct {
			struct node *object;
			struct node *index;
		} index; /* INDEX */

		struct {
			struct node *callee;	/* NAME or FIELD, or what an error left */
			struct node *arguments; /* list of ARGUMENT */
			uint32_t count;
		} call; /* CALL */

		struct {
			struct ident name; /* text NULL: positional */
			struct node *value;
		} argument; /* ARGUMENT */

		struct {
			enum operator op; /* OP_NOT, OP_NEGATE */
			struct node *operand;
		} unary; /* UNARY */

		struct {
			enum operator op;
			struct node *left, *right;
			struct span op_span;
		} binary; /* BINARY */

		struct {
			struct node *operand;
			struct ident unit;
		} as; /* AS: operand as ratio */

		struct {
			struct node *element; /* COMPREHENSION: what it collects; QUANTIFIER: the condition */
			struct ident variable;
			struct node *iterable;
			struct node *filter;	    /* if …, or NULL */
			enum quantifier quantifier; /* of QUANTIFIER */
		} comprehension; /* COMPREHENSION [e for x in xs if c], QUANTIFIER all(e for x in xs if c) */

		/* ---- types ---- */
		const char
		    *type_name; /* TYPE_NAME: `string`, `exec_result`; `null` in unions of signatures */

		struct node *element; /* TYPE_LIST: list(T) */

		struct {
			struct node *fields; /* list of TYPE_FIELD */
		} type_record;		     /* TYPE_RECORD: { code: int, out: string } */

		struct {
			struct ident name;
			struct node *type;
		} type_field; /* TYPE_FIELD */

		struct {
			struct node *base;   /* TYPE_NAME, or NULL where only `in [...]` is written */
			struct node *values; /* LIST */
		} type_enum;		     /* TYPE_ENUM: string in ["a", "b"] */

		struct {
			struct node *choices; /* list of types */
		} type_union;		      /* TYPE_UNION: path | string | null */

		struct {
			struct node *params; /* list of PARAM */
			struct node *result; /* a type; NULL where `-> T` is left out */
		} signature;		     /* SIGNATURE */
	};
};

/* What stands before the union. */
#define AST_HEAD_BYTES offsetof(struct node, boolean)

/* The bytes that a node of this kind has: those of its member of the union, not of the largest one. So a node
 * of the tree is never copied as a whole, and only becomes another kind with the same member. */
size_t ast_size(enum node_kind kind);

/* "let", "step", "type_list": the kind's name in dumps. */
const char *ast_kind_name(enum node_kind kind);
/* "+", "==", "matches" … as it is written in a plan. */
const char *ast_operator_text(enum operator op);

/* 1 + the greatest depth among the children (their `depth` members are trusted). */
uint32_t ast_depth(const struct node *node);

/* Calls `visit` for every child of `node`, in source order, but not for the children's children. */
void ast_each_child(struct node *node, void (*visit)(struct node *child, void *context), void *context);

/* Same kinds, names, values and children, whatever the spans, comments and annotations: "tree-equal". */
bool ast_equal(const struct node *left, const struct node *right);

/* The same for trees that are equal. */
uint64_t ast_hash(const struct node *node);

/* The tree as an s-expression, a line per node that has children; with `spans`, each node's byte offsets. */
void ast_dump(FILE *out, const struct node *node, bool spans);

#endif
