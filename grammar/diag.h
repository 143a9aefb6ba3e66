/* diag.h: diagnostics as values.
 *
 * Whoever finds a fault queues a value: severity, code, message, the span it is about, further spans with a
 * label each, a hint. Nothing is printed here but by diag_print, which the command line calls at the end.
 *
 *     struct diag *d = diag_error(diags, "E0203", node->span, "a percent cannot be compared with a
 * duration"); diag_label(d, "this is a duration"); diag_secondary(d, left->span, "a percent"); diag_hint(d,
 * "did you mean %ds?", 5);
 *
 * prints
 *
 *     plans/canary.plan:14:12: error[E0203]: a percent cannot be compared with a duration
 *       14 |   require latency < 5%
 *          |           ~~~~~~~   ^^ this is a duration
 *          |           a percent
 *       hint: did you mean 5s?
 *
 * Codes: E01xx text and syntax (grammar/), E02xx and above: the checker; L… lints. The list of this folder's
 * codes is in grammar/README.md. Messages begin with a small letter and have no full stop; words of
 * the plan stand between backquotes.
 */
#ifndef GRAMMAR_DIAG_H
#define GRAMMAR_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "grammar/source.h"

enum severity { SEVERITY_ERROR, SEVERITY_WARNING /* a lint */, SEVERITY_NOTE };

#define DIAG_MAX_SECONDARY 8

/* Errors kept of one compilation; further ones are only counted. */
#define DIAG_MAX_KEPT 200

struct diag_label {
	struct span span;
	const char *text; /* may be NULL: underlined without words */
};

struct diag {
	enum severity severity;
	const char *code;
	const char *message;
	struct span span;				 /* what it is about: underlined with ^ */
	const char *label;				 /* words under the primary span, or NULL */
	struct diag_label secondary[DIAG_MAX_SECONDARY]; /* underlined with ~ ; further ones are dropped */
	unsigned secondary_count;
	const char *hint; /* the way out, or NULL; may hold several lines */
	struct diag *next;
	struct arena *arena; /* of its texts; NULL: not kept, so nothing is added to it */
};

struct diags {
	struct arena *arena;	   /* owns every diag and its texts */
	struct diag *first, *last; /* in the order they were queued */
	size_t errors, warnings;   /* all that were queued, kept or not */
	size_t kept;
	struct diag *surplus; /* stands for all that are not kept */
};

void diags_init(struct diags *diags, struct arena *arena);

/* Never NULL, so that labels and hints can be added without a test. `code` must outlive the list (a literal).
 */
struct diag *diag_error(struct diags *diags, const char *code, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct diag *diag_warning(struct diags *diags, const char *code, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct diag *diag_note(struct diags *diags, const char *code, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Words under the primary span; a second call replaces the first. */
void diag_label(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A further span, in the same text or in another; without words where `format` is NULL. */
void diag_secondary(struct diag *diag, struct span span, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The way out; a second call adds a line. */
void diag_hint(struct diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All that are kept, sorted by text and position, into `list` of DIAG_MAX_KEPT; returns how many. */
size_t diag_sorted(const struct diags *diags, const struct diag **list);
/* How many errors and warnings are not kept. */
size_t diag_more(const struct diags *diags);
/* Takes out what was queued twice, in the same words about the same place: a file that several plans import. */
void diags_unite(struct diags *diags);

/* Prints all, sorted by text and position; a text without a byte (a file that is missing) is only named.
 * Control characters, bidirectional marks, what is invisible and invalid UTF-8 in the shown source and in
 * messages are shown as visible stand-ins. Long lines are cut around what is underlined, at the terminal's
 * width, else at 80 columns. */
void diag_print(FILE *out, const struct diags *diags, const struct sources *sources, bool color);

/* The candidate nearest to `word`, or NULL where none is near: letters inserted, left out, replaced or
 * exchanged with their neighbour, none of fewer than 3, one of fewer than 6, two of fewer than 9, else three.
 * A difference in case alone is always near. */
const char *suggest_name(const char *word, const char *const *candidates, size_t count);
/* So many edits make a word of `length` letters one that is near. */
unsigned suggest_edits(size_t length);

#endif
