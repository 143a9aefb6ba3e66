/*
 * redact.h - keeps secrets out of every sink: terminal, --json, journal file, store.
 *
 * A secret is known from the moment at which it is first seen in an event or made by a call; from then on
 * each of its forms is replaced by ***. Forms are of two kinds:
 *
 *   - Spellings. Each byte may stand as itself or escaped, in any mixture and however often over: %XX (and +
 * for a blank), \n \xHH \ooo \uXXXX, a backslash before it, &name; &#N; &#xH;, =XX, quotes doubled or taken
 * out of quotes
 *     ('\'' and '"'"'). That covers URLs, JSON, shells, SQL, HTML, quoted-printable, and one inside another.
 *   - Codes: base64 in both alphabets, at each alignment, padded or not, and hexadecimal, both also over
 * several lines and with their own characters spelled as above.
 *
 * Each line of a secret of several lines is hidden as the whole is. Where a text was cut off (at its ends, at
 * an ellipsis, at a quote behind it), 8 bytes of a secret's begin or end are enough. A secret of one or two
 * bytes is replaced only where it stands as a word of its own: it would take half of the text with it.
 *
 * The time that a text takes grows with its length, not with the number of secrets.
 */
#ifndef RUNPLAN_REDACT_H
#define RUNPLAN_REDACT_H

#include "interp/buffer.h"
#include "interp/value.h"

struct redactor;

struct redactor *redactor_new(void);
void redactor_free(struct redactor *redactor);

void redactor_learn(struct redactor *redactor, const char *secret, size_t length);
/* Every string in `v` that is marked as a secret, but for those that hold one that is known: only that is
 * hidden of them. */
void redactor_learn_value(struct redactor *redactor, struct value v);
/* The same of what was made of a secret: parts of less than 8 bytes are not looked for. */
void redactor_learn_made(struct redactor *redactor, struct value v);

/* Appends `text` to `out`, its secrets replaced. */
void redact(const struct redactor *redactor, const char *text, size_t length, struct buffer *out);
/* The value with its strings and keys redacted, and numbers that are a secret as a whole. */
struct value redact_value(const struct redactor *redactor, struct value v);
/* A row as interp/journal.h writes it. It stays one: what names the event and its answer is left as it is. */
void redact_row(const struct redactor *redactor, const char *row, size_t length, struct buffer *out);

#endif
