/* parse.h: from text to tree.
 *
 * Every function here returns a tree even when the text is wrong; what is wrong is queued in `diags`, and
 * NODE_ERROR stands where something could not be read. A caller that wants to go on only with sound input
 * compares diags->errors before and after.
 *
 * Nothing is printed, no file is read, no state is kept between calls.
 */
#ifndef GRAMMAR_PARSE_H
#define GRAMMAR_PARSE_H

#include "grammar/arena.h"
#include "grammar/ast.h"
#include "grammar/diag.h"
#include "grammar/source.h"

/* For parse_file: the list of all tokens, which only a formatter reads, is left out (file.tokens is NULL). */
#define PARSE_NO_TOKENS 1u

/* Text number `file` of `sources`, a whole plan file: NODE_FILE, never NULL. */
struct node *parse_file(struct arena *arena, struct sources *sources, uint32_t file, struct diags *diags,
			unsigned flags);

/* A builtin's signature: NODE_SIGNATURE (NODE_ERROR if it cannot be read).
 *
 *     (container: string, command: list(string), timeout: duration = 1m, to: path | null = null) ->
 * exec_result (values: any...) -> list(any) (url: string) -> { code: int, body: any }
 *
 * `text` becomes a text of `sources` under the path "<signature>". Defaults are constant expressions; names
 * are allowed in them and in types (`default`, `exec_result`): what they mean is the reader's affair. */
struct node *parse_signature(struct arena *arena, struct sources *sources, const char *text,
			     struct diags *diags);

/* A type alone, as after `:`. `text` becomes a text of `sources` under the path "<type>". */
struct node *parse_type(struct arena *arena, struct sources *sources, const char *text, struct diags *diags);

/* An expression alone, as for `--set name=value`; `origin` is the path shown in diagnostics. */
struct node *parse_expression(struct arena *arena, struct sources *sources, const char *origin,
			      const char *text, struct diags *diags);

/* Whether `word` is reserved: it may be a record key, a field, an argument's or a parameter's name, but not
 * the name of a let, var, func, task, threshold, step, loop variable or import. */
bool parse_word_is_reserved(const char *word);

#endif
