/*
 * plain_inside.h - the parts of ui_plain, for its own files only:
 *
 *   ui_plain.c         which event is shown how; runs, phases, steps; the heartbeat
 *   plain_lines.c      where a line stands
 *   plain_effects.c    changes and reads, the last lines of what failed, people
 *   plain_checks.c     conditions, waits, holds, thresholds
 *   plain_end.c        going back, and the last words
 */
#ifndef RUNPLAN_PLAIN_INSIDE_H
#define RUNPLAN_PLAIN_INSIDE_H

#include "cli/tree.h"
#include "cli/ui.h"

#define SAMPLE_EVERY  (30 * INT64_C(1000000000)) /* of one threshold while its verdict stays the same */
#define TAIL_LINES    20			 /* of a failed command */
#define SUMMARY_LINES 40			 /* of each list at the end; the rest is counted */

struct sampled {
	char *name, *verdict;
	int64_t shown; /* when */
};

struct ui_plain {
	struct ui ui;
	const struct page *page;
	const struct sources *sources;
	enum verbosity verbosity;
	bool live; /* what is under way is shown elsewhere: only what has happened is a line */
	struct tree tree;
	struct sampled *samples;
	size_t sample_count;
	int64_t now, shown_at; /* of the last event; of the last line */
	char *said;   /* condition of the last wait that expired: its check need not say all of it again */
	char *placed; /* message of the last failure whose place was shown; NULL: none */
	char *tailed; /* message of the last failed call whose last lines were shown; NULL: none */
	struct value done;   /* changes that were made, in order */
	struct value undone; /* titles of handlers that ended well */
	struct value failed; /* titles of handlers that did not */
	struct value untold; /* `on failure` and `on rollback` that failed, and why */
	struct value armed;  /* titles of steps that can be undone */
	struct value ended;  /* run.ended's data */
	struct value asked; /* questions that are open, a list */
	char *run, *title; /* of the run; NULL: not yet known */
	char *outcome;
};

static inline struct ui_plain *plain_of(struct ui *ui)
{
	return (struct ui_plain *)ui; /* ui comes first */
}

/* plain_lines.c */
/* memory_need(strdup()) */
char *plain_copy(const char *text);
/* A string in the event's data, "" where there is none. Lent. */
const char *plain_text_of(const struct event *event, const char *field);
/* Columns before what belongs to the step. */
unsigned plain_indent_of(struct ui_plain *plain, const char *step_id);
/* Columns before a line that is about a phase or a handler which stands below that step ("": below none). */
unsigned plain_head_indent(struct ui_plain *plain, const char *step_id);
/* "  1:05  ", into a buffer of 48 bytes. */
const char *plain_clock_of(int64_t now, char *buffer);
/* The line with which a step begins. */
void plain_step_head(struct ui_plain *plain, struct item *step);
/* Where steps are announced by what happens in them: the lines of those that none has told of yet, from the
 * outermost to this one (NULL: none). */
void plain_step_heads(struct ui_plain *plain, struct item *step);
/* The event as a line under its step; where several steps run side by side it says of which it is. */
void plain_line(struct ui_plain *plain, const struct event *event, enum style style, const char *lead,
		const char *text);
/* A line of further detail below another. */
void plain_detail(struct ui_plain *plain, const struct event *event, const char *text);
void plain_blank(struct ui_plain *plain);
bool plain_quiet(const struct ui_plain *plain);
bool plain_verbose(const struct ui_plain *plain);
/* The text, and behind it how long the event's matter took: "title (4.2s)". Owned. */
struct value plain_with_elapsed(const struct event *event, const char *text);
/* Takes the last item of that text out of the list. */
void plain_forget_title(struct value *list, const char *title);

/* plain_effects.c */
void plain_effect_started(struct ui_plain *plain, const struct event *event);
void plain_effect_ended(struct ui_plain *plain, const struct event *event);
/* The last lines of what a failed command printed, from what its call or its failure tells. */
void plain_tail(struct ui_plain *plain, const struct event *event, struct value details);
void plain_person_answered(struct ui_plain *plain, const struct event *event);

/* plain_checks.c */
void plain_show_parts(struct ui_plain *plain, const struct event *event);
void plain_check(struct ui_plain *plain, const struct event *event);
void plain_waiting(struct ui_plain *plain, const struct event *event);
void plain_waited(struct ui_plain *plain, const struct event *event);
void plain_holding(struct ui_plain *plain, const struct event *event);
void plain_sample(struct ui_plain *plain, const struct event *event);
void plain_baseline(struct ui_plain *plain, const struct event *event);

/* plain_end.c */
void plain_failed(struct ui_plain *plain, const struct event *event);
void plain_unwinding(struct ui_plain *plain, const struct event *event);
void plain_handler_started(struct ui_plain *plain, const struct event *event);
void plain_handler_ended(struct ui_plain *plain, const struct event *event);
void plain_run_ended(struct ui_plain *plain, const struct event *event);
void plain_finish(struct ui *ui, int code);

#endif
