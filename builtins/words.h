/*
 * words.h - a command as a person would type it, for preview: words in order, quoted where a shell would need
 * it, secrets as ***, unknowns as they are shown everywhere. For eyes only: what runs is never made from it.
 */
#ifndef RUNPLAN_WORDS_H
#define RUNPLAN_WORDS_H

#include "interp/buffer.h"
#include "interp/value.h"

void words_add(struct buffer *line, const char *word);	      /* the plan's own word, as it is */
void words_add_value(struct buffer *line, struct value word); /* null adds nothing */
void words_add_list(struct buffer *line, struct value words); /* each item */
void words_add_option(struct buffer *line, const char *option, struct value v); /* nothing where v is null */
void words_add_seconds(struct buffer *line, const char *option,
		       struct value duration); /* as whole seconds, rounded up */
void words_add_flag(struct buffer *line, const char *option, struct value on); /* where `on` is true */
/* NAME=value, each with `option` in front of it unless that is NULL; secrets hidden, nulls left out. */
void words_add_env(struct buffer *line, const char *option, struct value env);

/* "  (on web1)"; nothing where it is null. */
void words_add_host(struct buffer *line, struct value host);

/* The last `lines` lines of a text, without the newlines at its end. */
struct value text_tail(const char *text, size_t length, size_t lines);

#endif
