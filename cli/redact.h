/*
 * redact.h - keeps secrets out of every sink: terminal, --json, journal file.
 *
 * A secret is known from the moment at which it is first seen in an event (or is given on the command line);
 * from then on each of its forms is replaced by ***: as it is, each of its lines, base64 (at any alignment,
 * both alphabets), percent-encoded, escaped as in JSON, quoted as for a shell, and in hexadecimal. A secret
 * of one or two bytes is replaced only where it stands as a word of its own: it would take half of the text
 * with it.
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

/* Appends `text` to `out`, its secrets replaced. */
void redact(const struct redactor *redactor, const char *text, size_t length, struct buffer *out);

#endif
