/* parser.h: what the parts of the parser share. Private to this folder; parse.h is the way in.
 *
 *   plan.l (raw tokens) -> layout.c (lines, brackets; words.c: words) -> plan.y -> build.c (nodes; literal.c:
 * literals)
 *                                                                             -> syntax.c (errors)
 *
 * One struct parser lives for one text and holds the state of layout.c and its helpers; the tree goes to the
 * arena.
 */
#ifndef GRAMMAR_PARSER_H
#define GRAMMAR_PARSER_H

#include "grammar/build.h"
#include "grammar/parse.h"

/* Where flex is in the text. */
struct scan {
	uint32_t file, offset;
	const char *text; /* what the scanner has not taken into its buffer yet */
	size_t left;
};

/* What the braces of a block hold: decides which words may begin a line in it. */
enum block {
	BLOCK_NOTHING, /* no block: a bracket, a record, a string */
	BLOCK_FILE,    /* the top of a file */
	BLOCK_STATEMENTS,
	BLOCK_SETTINGS,	   /* of plan */
	BLOCK_ASSIGNMENTS, /* of environment and defaults */
	BLOCK_CLAUSES,	   /* of a threshold */
	BLOCK_JUDGE,
	BLOCK_METRIC,
	BLOCK_PARTS,	  /* of a test */
	BLOCK_ARMS,	  /* of a match statement */
	BLOCK_VALUE,	  /* of an if or an arm that is an expression */
	BLOCK_VALUE_ARMS, /* of a match that is an expression */
};

/* A bracket, a string with interpolation or an interpolation that is open. The first frame is the file. */
struct frame {
	int opener;	  /* its token; 0 for the file */
	struct span span; /* of the opener */
	uint32_t indent;  /* of the line it stands on */
	enum block block;
	bool has_lines;	 /* it is the file or a block: only these have lines */
	bool has_commas; /* what is in it is separated by commas */
	int head;		/* the keyword that began the current line in this frame, or 0 */
	enum block value_block; /* the block that the next `{` opens when it belongs to an expression */
	enum block closed;	/* the block that was closed last in this frame */
};

/* The comment lines directly above the token at `offset`. */
struct doc {
	uint32_t offset, from, to;
};

struct parser {
	struct arena *arena;
	struct sources *sources;
	struct diags *diags;
	uint32_t file;
	const char *text;
	uint32_t length;
	struct node *result;
	struct yypstate *automaton;

	struct frame *frames;
	uint32_t depth, frame_room; /* frames[depth] is the innermost; depth is 0 at the top of the file */

	int previous; /* the last token that the grammar got */
	struct span previous_span;
	bool at_start;		  /* the next begins a line, or what counts as one: an item of a block */
	bool previous_began_line; /* it was the first of its line */
	bool previous_began_arm;  /* it came after `=>` */

	bool newline_pending; /* a newline was read that counts, unless the next token says otherwise */
	struct span newline;
	uint32_t line_start; /* offset of the current line */
	uint32_t indent;     /* of its first token, in bytes */
	bool line_has_token, line_has_comment, token_is_first;

	bool muted;		/* this line has an error already: syntax errors on it are consequences */
	bool recovering;	/* the grammar is looking for the end of what it could not read */
	uint32_t skip_depth;	/* 0, or: frames at and above this depth are not shown to the grammar */
	uint32_t comment_end;	/* what begins before this offset stands in a comment of another language */
	bool comments_open;	/* no such comment ends in what is not read yet */
	bool broken;		/* a statement ended too early with its line: ... */
	uint32_t broken_indent; /* ... lines further in than this are its rest, and muted */
	bool continues;		/* the line ended with a backslash: the next belongs to it */
	bool unclosed_line;	/* the last syntax error was a bracket left open on an earlier line */
	unsigned leave_strings; /* so often the scanner must leave strings that quotes.c has given up */
	bool stopped;		/* the grammar takes no more tokens: it is done, or nested too deep */
	bool ended;		/* the rest of the text is not read: it is all in an unclosed string */
	bool too_deep;		/* reported */

	/* Closers whose indentation does not fit their opener: where a missing or a superfluous brace
	 * probably is. */
	struct span late_opener, late_closer; /* an opener whose closer stands further left */
	struct span early_closer;	      /* a closer that stands further right than its opener */
	bool has_late, has_early;

	bool keeps_tokens; /* the list of all tokens is wanted */
	struct token *tokens;
	uint32_t token_count, token_room;
	struct doc *docs;
	uint32_t doc_count, doc_room;
	bool doc_open; /* the lines above were comments: [doc_from, doc_to) */
	uint32_t doc_from, doc_to;

	/* words.c */
	uint8_t keyword_slots[256];
	unsigned longest_keyword;
	uint32_t word_at;		  /* offset of the last word that was looked up */
	const struct keyword *word; /* what it is; NULL: no keyword */
};

static inline bool is_letter(char c)
{
	return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ---- plan.l ---- */

/* Back to code outside strings, or to the text of the innermost multi-line string. */
void scan_leave_strings(void *scanner);

/* ---- source_check.c ---- */

/* No token begins with it, so that it is an unknown character wherever it stands. */
#define SOURCE_STAND_IN '@'

/* Reports what cannot be text. Returns the text to scan: the source's own, or a copy with SOURCE_STAND_IN for
 * the bytes that are not text; NULL where it is no text at all. */
const char *source_check(struct arena *arena, struct sources *sources, uint32_t file, struct diags *diags);

/* ---- layout.c ---- */

void layout_init(struct parser *p, int start);
/* The next raw token. */
void layout_token(struct parser *p, int code, struct span at);
void layout_end(struct parser *p);
/* Gives the grammar a token, unless it is in what is not shown to it. */
void layout_give(struct parser *p, int code, struct span at);
struct span layout_point(struct parser *p, uint32_t offset);

/* ---- brackets.c ---- */

/* The innermost. */
static inline struct frame *brackets_frame(struct parser *p)
{
	return &p->frames[p->depth];
}
enum block brackets_block(const struct parser *p); /* the innermost that is a block or the file */
bool brackets_is_string(const struct frame *frame);
bool brackets_is_multiline(const struct frame *frame);
bool brackets_in_multiline(const struct parser *p);
/* Remembers an opener; gives nothing. */
void brackets_open(struct parser *p, int opener, enum block block, struct span at);
void brackets_open_brace(struct parser *p, struct span at);
/* A closer: closes what it must, or is reported. */
void brackets_close(struct parser *p, int code, struct span at);
void brackets_close_frame(struct parser *p, struct span at);
/* Ends frames whose closers are missing, down to `depth`. What the grammar says to such closers is muted. */
void brackets_close_missing(struct parser *p, uint32_t depth, struct span at);
/* The first word of a line, which may be an item's, in a block that began further right, or in the same column: closers
 * are missing. */
void brackets_close_before_item(struct parser *p, struct span at);
/* Notes which block the next brace opens if it belongs to this keyword. */
void brackets_note_keyword(struct parser *p, int code);

/* ---- quotes.c ---- */

void quotes_open(struct parser *p, struct span at);
/* A string that ends without its quotes. */
void quotes_unclosed(struct parser *p, int code, struct span at);

/* ---- strange.c ---- */

/* Reports characters that are no token. Returns the token that was meant, `*at` then being its text, or
 * TOK_RAW_UNKNOWN. */
int strange_token(struct parser *p, struct span *at);
/* Whether a `%` behind the blanks at `offset`, which follow a number, makes it a percent: 7 % 2 is a
 * remainder. */
bool strange_percent(const struct parser *p, uint32_t offset);
/* `elif` and the like after the `}` of an `if`: reported, and given as `else if`. */
bool strange_else_if(struct parser *p, struct span at);
/* r"…", f"…", a word with a quote behind it: reported; the prefix is not given. */
bool strange_prefix(struct parser *p, struct span at);
/* A `,` that is missing before the token `code` in a bracket that has commas, behind an operand: reported, and given. */
void strange_comma(struct parser *p, int code, struct span at);

/* ---- trivia.c ---- */

void trivia_keep(struct parser *p, int code, struct span at);
/* What the token turned out to be, if the grammar got it. */
void trivia_note(struct parser *p, struct token *token);
void trivia_comment(struct parser *p, struct span at);
void trivia_newline(struct parser *p);
void trivia_begin_line(struct parser *p, struct span at);

/* ---- words.c ---- */

void words_init(struct parser *p);
/* The token that the word `at` is, here: TOK_NAME or a keyword. */
int words_classify(struct parser *p, struct span at);
/* Whether `at` is a word that begins an item and nothing else, followed by what an item has after it. */
bool words_begin_item(struct parser *p, struct span at);
/* Whether `at` is a word that begins a statement, followed by what no operand has after it. */
bool words_begin_statement(struct parser *p, struct span at);
/* Whether it is a word of the language even where an operand may stand. */
bool words_everywhere(struct parser *p, struct span at);
/* parse_word_is_reserved, faster. */
bool words_reserved(struct parser *p, struct span at);
/* What tokens.def says of token `code`. */
enum neighbour {
	OPERAND_NEXT = 1 << 0,
	OPERAND_ENDS = 1 << 1,
	HOLDS = 1 << 2,
	JOINS = 1 << 3,
};
extern const uint8_t words_neighbours[]; /* by token */
static inline bool words_wants_operand(int code)
{
	return words_neighbours[code] & OPERAND_NEXT;
}
static inline bool words_ends_operand(int code)
{
	return words_neighbours[code] & OPERAND_ENDS;
}
static inline bool words_hold_line(int code)
{
	return words_neighbours[code] & HOLDS;
}
/* The same of a token that is to come, which may be a word whose place is not known yet. */
bool words_join_line(struct parser *p, int code, struct span at);
/* The words that may begin a line in `block`, into `list`; returns how many. At most WORDS_MAX. */
#define WORDS_MAX 128
size_t words_starting(enum block block, const char **list);
/* The token of a word of the language; 0 for others. */
int words_token(const char *word);
/* Where `word` may begin a line: "in a threshold", "at the top of a file"; NULL where it begins none. */
const char *words_home(const char *word);

/* ---- literal.c ---- */

struct node *literal_number(struct parser *p, struct span at);
/* The unit of this name, or the one that is meant by it: `s` for "seconds". NULL: none. */
const char *literal_unit_meant(const char *word);
/* A string on one line with nothing to decode in it: `inner` is its text. */
struct node *literal_plain(struct parser *p, struct span at, struct span inner, bool raw);
/* `parts`: TEXT nodes without text (their spans are read) and expressions. They become the string's. */
struct node *literal_string(struct parser *p, struct span at, struct node *parts, bool raw, bool multiline);

/* ---- syntax.c ---- */

/* A syntax error at token `at`, called `found`; `expected` are the names of the tokens that could stand
 * there. */
void syntax_error(struct parser *p, struct span at, const char *found, const char *const *expected,
		  int count);
/* Whether the expected tokens are worth finding out. */
bool syntax_wants_expected(const struct parser *p);
/* The line `at` is an expression that is no call. */
void syntax_alone(struct parser *p, struct span at);
void syntax_recovered(struct parser *p);
void syntax_too_deep(struct parser *p, struct span at);
void syntax_unclosed(struct parser *p, const struct frame *frame, struct span noticed, const char *instead);

/* ---- parse.c ---- */

char *parser_copy(const struct parser *p, struct span at); /* the text of a span, in the arena */

#endif
