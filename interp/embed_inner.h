/*
 * embed_inner.h - what the languages of embed.h share: a cursor over pieces and values, and one pair of
 * functions for each language. For embed*.c only.
 */
#ifndef RUNPLAN_EMBED_INNER_H
#define RUNPLAN_EMBED_INNER_H

#include "interp/buffer.h"
#include "interp/embed.h"

/* A literal as one row of symbols: its bytes, CURSOR_VALUE between two pieces, CURSOR_END after the last. */
enum { CURSOR_END = -1, CURSOR_VALUE = 256 };

struct cursor {
	const struct embed_part *pieces;
	size_t count;
	size_t piece, offset;
};

static inline int cursor_peek(const struct cursor *cursor)
{
	const struct embed_part *piece = &cursor->pieces[cursor->piece];

	if (cursor->offset < piece->length)
		return (unsigned char)piece->text[cursor->offset];
	return cursor->piece + 1 < cursor->count ? CURSOR_VALUE : CURSOR_END;
}

static inline int cursor_take(struct cursor *cursor)
{
	int symbol = cursor_peek(cursor);

	if (symbol == CURSOR_VALUE) {
		cursor->piece++;
		cursor->offset = 0;
	} else if (symbol != CURSOR_END) {
		cursor->offset++;
	}
	return symbol;
}

static inline int cursor_second(struct cursor cursor)
{
	cursor_take(&cursor);
	return cursor_peek(&cursor);
}

/* The symbol before the cursor; CURSOR_END at the start. */
static inline int cursor_before(const struct cursor *cursor)
{
	if (cursor->offset > 0)
		return (unsigned char)cursor->pieces[cursor->piece].text[cursor->offset - 1];
	return cursor->piece > 0 ? CURSOR_VALUE : CURSOR_END;
}

/* Always false, so that a scanner can return it. */
bool embed_refuse(struct embed_problem *problem, const struct cursor *at, const char *message,
		  const char *hint);

bool embed_is_word(int symbol); /* a letter, a digit, _ or a byte above 127 */

/* True where text holds a NUL byte. */
bool embed_has_nul(struct value text);

/* Null, with the message in *error. */
struct value embed_failed(struct value *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

bool embed_check_sh(const struct embed_part *pieces, size_t count, struct embed_problem *problem);
/* `language` is EMBED_SQL or EMBED_SQLITE. */
bool embed_check_sql(enum embed_language language, const struct embed_part *pieces, size_t count,
		     struct embed_problem *problem);
bool embed_check_promql(const struct embed_part *pieces, size_t count, struct embed_problem *problem);
bool embed_check_url(const struct embed_part *pieces, size_t count, struct embed_problem *problem);

/* The values hold no unknown; the secret mark of the whole is the caller's business, that of single args is
 * not. */
struct value embed_render_sh(const struct embed_part *pieces, const struct value *values, size_t count,
			     struct value *error);
struct value embed_render_sql(enum embed_language language, const struct embed_part *pieces,
			      const struct value *values, size_t count, struct value *error);
struct value embed_render_promql(const struct embed_part *pieces, const struct value *values, size_t count,
				 struct value *error);
struct value embed_render_url(const struct embed_part *pieces, const struct value *values, size_t count,
			      struct value *error);

#endif
