/*
 * ui.h - how a run is shown: views of the same events.
 *
 *   ui_plain.c   lines for a person, on standard error
 *   ui_tty.c     the same on a terminal, and below them what is under way
 *   ui_json.c    one JSON object a line, on standard output (docs/events.schema.json)
 *   ui_events.c  one short, stable line a line, on standard output: what the golden runs compare
 *
 * A view sees each event once, in order. Whatever it writes goes through a page: secrets are replaced, and
 * control sequences and marks that turn the direction of text are taken out of what came from outside.
 */
#ifndef RUNPLAN_UI_H
#define RUNPLAN_UI_H

#include "cli/redact.h"
#include "cli/screen.h"
#include "cli/sink.h"
#include "grammar/source.h"
#include "interp/journal.h"

/* ---- a page: where lines go ---- */

struct page {
	struct sink *sink;
	const struct redactor *redactor;
	bool color;
	unsigned width; /* columns */
	struct screen
	    *screen; /* where the last rows are drawn anew: it has the width, and is printed on; else NULL */
	bool kept;  /* the run is on record: it can be resumed and rolled back */
	bool muted; /* what is shown now has been shown before: nothing is written */
};

enum style { STYLE_NORMAL, STYLE_STRONG, STYLE_FAINT, STYLE_GOOD, STYLE_BAD, STYLE_WARN };

/* `text` without control sequences, line ends as blanks; invalid bytes become U+FFFD. */
void text_clean(const char *text, size_t length, struct buffer *out);
/* An elapsed time for people: 320ms, 4.2s, 2m13s. `buffer` holds 48 bytes. */
const char *elapsed_text(int64_t nanoseconds, char *buffer);

/* `text` as a line shows it: cleaned and redacted. */
void page_text(const struct page *page, const char *text, struct buffer *out);
/* The control sequence that begins a style; \033[0m ends it. */
const char *style_paint(enum style style);

/*
 * One line: `gutter` (or NULL), `indent` blanks, `lead` in `style` (or NULL), `text` (or NULL). Wrapped at
 * the page's width, further lines under the text's beginning.
 */
void page_line(const struct page *page, const char *gutter, unsigned indent, enum style style,
	       const char *lead, const char *text);
void page_printf(const struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));
void page_raw(const struct page *page, const char *text, size_t length); /* redacted, else as it is */
void page_redacted(const struct page *page, const char *text, size_t length); /* by the caller, value by value */

/* ---- a view ---- */

struct ui {
	const struct ui_ops *ops;
	uint64_t ignored; /* kinds of events that it never shows */
};
struct ui_ops {
	void (*event)(struct ui *ui, const struct event *event);
	/* It is `now` on the run's clock: where nothing was shown for long, what is waited for is. Answers
	 * when to be asked again. NULL: no such view. */
	int64_t (*heartbeat)(struct ui *ui, int64_t now);
	void (*finish)(struct ui *ui, int exit_code); /* the last words; NULL: none */
	void (*free)(struct ui *ui);
};

#define HEARTBEAT_NS (30 * INT64_C(1000000000)) /* without a line, while something is waited for */

enum verbosity { VERBOSITY_QUIET, VERBOSITY_NORMAL, VERBOSITY_VERBOSE };

/* What is borrowed must outlive the view. */
struct ui *ui_plain_new(const struct page *page, const struct sources *sources, enum verbosity verbosity);
struct tree;
const struct tree *ui_plain_tree(struct ui *plain); /* what is under way */
/* `page` has a screen. */
struct ui *ui_tty_new(const struct page *page, const struct sources *sources, enum verbosity verbosity);
struct ui *ui_json_new(const struct page *page, const struct sources *sources);
struct ui *ui_events_new(const struct page *page);

const char *exit_code_meaning(int code);

#endif
