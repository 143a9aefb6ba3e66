/*
 * embed.h - interpolation into another language passes values, never code.
 *
 * A literal of the plan such as "grep -c x ${path}" is a row of pieces (the author's text, which is code)
 * with a value between each two of them: `count` pieces, `count - 1` values. The checker asks embed_check()
 * whether every value stands where the other language has a place for one; the machine calls embed_render()
 * with the values.
 *
 *   language      a value becomes                          embed_render() gives
 *   EMBED_NONE    its text                                 string
 *   EMBED_SH      "$1", "$2", ... a word or a part of one  { text: string, args: list(string) }
 *   EMBED_SQL     $1, $2, ... a bind parameter             { text: string, args: list(string or null) }
 *   EMBED_SQLITE  ?1, ?2, ... a bind parameter             { text: string, args: list(null, int, float, string) }
 *   EMBED_PROMQL  escaped label text, or a number          string
 *   EMBED_URL     one percent-encoded component            string
 *
 * EMBED_SH. Run it as { "/bin/sh", "-c", text, "sh", args... }. A list becomes as many words as it has items
 * (none when it is empty) and must be a word of its own, as in `rm -f ${files}`. Anything else is one word or
 * a part of one: `--file=${path}` becomes `--file="$1"`. Null is refused. Records arrive as JSON. A value is
 * refused where it would be read as code (eval, sh -c, the program of sed or awk), and at run time where it
 * begins with - and the program (sed, python, git, ...) may take code by an option: write -- before it.
 *
 * EMBED_SQL. The server infers the type of a parameter from its place; write `${x}::int` where it cannot.
 * Values travel as text: a percent as its ratio, a size as its bytes, a duration as "90 seconds", a time as
 * RFC 3339, a record as JSON, a list as an array (so `where id = any(${ids})`, not `in`), null as NULL. A
 * value with the mark VALUE_SQL_NAME (made by pg.name()) holds an already quoted identifier and is written
 * into the text. Statements that have no parameters (CREATE, ALTER, DROP, SET, VACUUM, NOTIFY, ...) take
 * names only.
 *
 * EMBED_SQLITE. The same for SQLite, whose parameters have types of their own: numbers stay numbers (a bool is 0 or 1,
 * a percent its ratio, a size its bytes, a duration its seconds), lists and records are JSON, as json_each() and ->>
 * take it, all else is text.
 *
 * EMBED_PROMQL. Inside "" and '' the text is escaped; where the quote follows =~ or !~, the metacharacters of
 * regular expressions are escaped as well, and a list becomes (?:a|b). Outside quotes only numbers, percents
 * (their ratio), sizes (bytes) and durations (5m) may stand.
 *
 * EMBED_URL. A value at the very beginning is the base and is taken as it is; it must be an http, https, ws or wss URL
 * without spaces or control characters. Where the port stands, a number may. Any other value stands in the
 * path, the query or the fragment, and is percent-encoded but for RFC 3986's unreserved characters; one that
 * would make a segment of the path "." or ".." is refused.
 *
 * A NUL byte in a value is refused everywhere but in EMBED_NONE. Marks travel: what holds a secret is marked
 * secret, in `args` item by item.
 */
#ifndef RUNPLAN_EMBED_H
#define RUNPLAN_EMBED_H

#include <stdbool.h>
#include <stddef.h>

#include "interp/value.h"

enum embed_language { EMBED_NONE, EMBED_SH, EMBED_SQL, EMBED_SQLITE, EMBED_PROMQL, EMBED_URL };

/* The longest text that one argument of a process may have: Linux's MAX_ARG_STRLEN without the NUL. */
#define EMBED_SH_ARG_MAX (131072 - 1)

struct embed_part {
	const char
	    *text; /* the bytes of the literal, its own escapes already undone; need not end in a NUL */
	size_t length;
	bool name; /* EMBED_SQL, EMBED_SQLITE: the value after this piece is known to come from pg.name() */
};

struct embed_problem {
	size_t piece;		    /* the piece in which, or after which, the problem stands */
	size_t offset;		    /* its byte in that piece; the piece's length: the value after it */
	const char *message, *hint; /* constant text; the hint names the way to do it */
};

/*
 * False, with *problem filled in, where a value stands in a place that the other language has not for values.
 * Says true for a literal without values, except for what no value could repair. What depends on the value
 * itself (a number in PromQL, the base of a URL, a list in the middle of a word) is left to embed_render().
 */
bool embed_check(enum embed_language language, const struct embed_part *pieces, size_t count,
		 struct embed_problem *problem);

/*
 * False, with *problem filled in, where a bracket or a quote of SQL or PromQL has no other. Only for the
 * checker: the servers say so too.
 */
bool embed_check_closed(enum embed_language language, const struct embed_part *pieces, size_t count,
			struct embed_problem *problem);

/*
 * The result as in the table above; value_unknown() if a value is or holds an unknown. On failure null, and
 * *error is a message (a string of the caller's); otherwise *error is null. Checks the places again, so it is
 * safe alone. `values` are borrowed; `name` of the pieces is not read: the values' own marks count.
 */
struct value embed_render(enum embed_language language, const struct embed_part *pieces,
			  const struct value *values, size_t count, struct value *error);

#endif
