/* format_inner.h: what the parts of the formatter share. Private to this folder; format.h is the way in. */
#ifndef GRAMMAR_FORMAT_INNER_H
#define GRAMMAR_FORMAT_INNER_H

#include "grammar/arena.h"
#include "grammar/format.h"

#define FORMAT_INDENT 2
/* How far the rest of a head stands in (`if a` … `{`), so that it does not look like the block below it. */
#define FORMAT_HEAD_INDENT 4
#define FORMAT_NO_WORD	   UINT32_MAX

/* What the tree says of a word. */
enum word_mark {
	WORD_BEGINS_LINE = 1 << 0, /* of a file or a block; an arm of a match */
	WORD_ELSE_ARM = 1 << 1,	   /* such a line, which may also follow on the line before */
	WORD_BREAKS = 1 << 2,	   /* the innermost group may break before it, or, if it says so, after it */
	WORD_GLUED = 1 << 3,	   /* no blank before it: the `(` of a call */
	WORD_PREFIX = 1 << 4,	   /* no blank after it: a sign */
	WORD_COMMAS = 1 << 5,	   /* an opener: where each part has its line, the last has a comma too */
	WORD_CLOSE = 1 << 6,	   /* an opener: breaking there would be of no use */
	WORD_AFTER_LABEL = 1 << 7, /* the condition of an expect begins: the head may break before it */
};

/* A token that is neither comment nor line end. */
struct word {
	uint32_t from, to;
	uint32_t token; /* its index in the file's tokens */
	uint32_t mate;	/* of an opener its closer, of a closer its opener, else FORMAT_NO_WORD */
	uint16_t code;
	uint16_t marks;
};

enum group_kind {
	GROUP_FILE,
	GROUP_LINE,    /* a statement, item, clause, setting or arm: breaks at the braces of its blocks */
	GROUP_HEAD,    /* its first words, up to a block: breaks before `within`, `else`, … */
	GROUP_CHAIN,   /* operands with operators or commas between them, calls hung on each other */
	GROUP_VALUE,   /* an if or match that is an expression: breaks at its braces */
	GROUP_BRACKET, /* ( ), [ ], a record, `${ }` */
	GROUP_STRING,  /* a string with interpolation */
};

/* Words [first, last] that break together: at all places that are theirs, or at none. */
struct group {
	enum group_kind kind;
	uint32_t first, last;

	/* format_marks.c */
	bool after;	/* CHAIN: it breaks after the words that are marked */
	bool minus;	/* CHAIN: so it does outside of brackets, because a line may begin with `-` */
	bool head_four; /* LINE: a continued head stands further in than the block */
	bool expect;	/* LINE: an expect with a label, whose condition may stand in a column with its
			   neighbours' */

	/* format_items.c */
	bool broken;	/* it must break: the author has done so, or a comment ends a line in it */
	bool holds;	/* something in it breaks */
	bool inline_;	/* in a `${ }`: its width breaks nothing */
	bool hugs;	/* BRACKET: nothing breaks at it, for its one part does or is short */
	uint8_t indent; /* CHAIN, HEAD: of its lines after the first, from the line on which it begins */
	uint32_t parent;
	bool breaks;	     /* it may break somewhere */
	uint32_t label_end;  /* expect: the item between label and condition; 0: none */
	uint32_t last_break; /* the item before its closer; 0: none */
	uint32_t common;     /* STRING: 1 + the indentation that is no part of it; 0: not known yet */

	/* format_print.c */
	uint32_t base; /* the indentation of the line on which it begins */
	enum { GROUP_UNDECIDED, GROUP_FLAT, GROUP_BROKEN } state;
};

enum item_kind {
	ITEM_TEXT,    /* bytes [from, to) of the source */
	ITEM_PIECE,   /* the same, with line ends in it: of a multi-line string */
	ITEM_COMMENT, /* the same: a comment */
	ITEM_OPEN,    /* group */
	ITEM_CLOSE,   /* group */
	ITEM_BREAK,   /* a line end where the group breaks, else `blank` */
	ITEM_NEWLINE, /* a line end; group: what `indent` counts from */
	ITEM_COMMA,   /* where the group breaks */
};

struct item {
	uint8_t kind;
	bool blank;	 /* TEXT, COMMENT: after a blank. BREAK: a blank where the group does not break */
	bool empty_line; /* BREAK, NEWLINE: after an empty line */
	bool kept;	 /* PIECE: its lines keep their indentation */
	uint8_t indent;	 /* BREAK, NEWLINE: from the group's base */
	uint16_t pad;	 /* BREAK: further blanks where the group does not break */
	uint32_t group;
	uint32_t from, to;
	uint32_t width; /* TEXT: in columns. PIECE: the common indentation of the string's lines */
};

struct format {
	struct arena *arena;
	const char *text;
	const struct token *tokens;
	uint32_t token_count;

	struct word *words;
	uint32_t word_count;
	struct group
	    *groups; /* groups[0] is the file; the order is that of their beginnings, outer ones first */
	uint32_t group_count, group_room;
	struct item *items;
	uint32_t item_count, item_room;

	char *out;
	size_t out_length, out_room;
};

/* ---- format_words.c ---- */

void format_words(struct format *f);
/* The word that begins at or before `offset`. */
uint32_t format_word_at(const struct format *f, uint32_t offset);
bool format_is_comma(const struct format *f, uint32_t word);
/* Whether a string's piece, or a whole string, has a line end in it. */
bool format_has_newline(const struct format *f, const struct word *word);
/* The indentation that is no part of a multi-line string, between `from` (after its opening quotes) and `to`
 * (before the closing ones); `first` is the first word between them. As literal.c takes it off. */
uint32_t format_common_indentation(const struct format *f, uint32_t from, uint32_t to, uint32_t first);
/* Whether a blank stands between two words on one line. */
bool format_blank_between(const struct word *left, const struct word *right);
uint32_t format_width(const char *bytes, size_t length);

/* ---- format_marks.c ---- */

void format_marks(struct format *f, struct node *file);

/* ---- format_items.c and format_gaps.c ---- */

struct building {
	struct format *f;
	uint32_t top;	     /* the innermost group that is open */
	uint32_t next_group; /* of those that format_marks.c made */
	uint32_t made;	     /* their number; brackets and heads come after them */
	uint16_t *brackets;  /* the codes of those that are open */
	uint32_t depth, bracket_room;
	uint32_t inline_depth;
};

/* What is between a word and the one before it. */
struct gap {
	uint32_t word; /* the word after it; f->word_count at the end of the file */
	uint32_t left; /* the word before it, not counting a comma; FORMAT_NO_WORD at the file's beginning */
	uint32_t from, to; /* its tokens, which may hold one comma */
	bool newline, comment;
	bool own_comment; /* a comment on a line of its own */
	bool empty_line;  /* before the word */
};

/* What may stand there. */
struct place {
	enum { PLACE_NONE, PLACE_BREAK, PLACE_NEWLINE } what;
	bool blank;	    /* where nothing breaks */
	bool list;	    /* empty lines are kept */
	bool first, closer; /* after an opener, before a closer */
	uint8_t indent;
};

static inline struct group *format_top(const struct building *b)
{
	return &b->f->groups[b->top];
}

static inline int format_code(const struct building *b, uint32_t word)
{
	return word < b->f->word_count ? b->f->words[word].code : 0; /* the end of the file */
}

static inline unsigned format_marks_of(const struct building *b, uint32_t word)
{
	return word < b->f->word_count ? b->f->words[word].marks : 0;
}

/* A new item of the innermost group. It stays in place until the next one is added. */
struct item *format_add(struct building *b, enum item_kind kind);
/* What is between `left` and `word`, and what may stand there while the groups that end with `left` are
 * closed and those that begin with `word` are not open yet. */
struct gap format_find_gap(const struct building *b, uint32_t word, uint32_t left);
struct place format_find_place(const struct building *b, const struct gap *gap);
void format_add_gap(struct building *b, const struct gap *gap, const struct place *place);

/* False where words and groups do not fit together: a mistake of this folder. */
bool format_items(struct format *f);

/* ---- format_print.c ---- */

void format_print(struct format *f);

#endif
