/*
 * ui_tty.c - a run on a terminal: what has happened scrolls by as lines (ui_plain's), and below them stands
 * what is under way, drawn anew when it changes and once a second for the clocks.
 */
#include <stdlib.h>
#include <time.h>

#include "cli/tty_lines.h"
#include "cli/ui.h"

#define SECOND_NS INT64_C(1000000000)
#define FRAME_NS  (SECOND_NS / 14) /* between frames, at least */
#define BUSY_NS	  (SECOND_NS / 4)  /* until a terminal that has not taken the last frame is looked at again */
#define CALM_NS	  (3 * SECOND_NS / 10) /* a run that ends before this never shows what is under way */

struct ui_tty {
	struct ui ui;
	const struct page *page;
	struct ui *plain;
	int64_t begun, drawn; /* on the machine's clock, which goes on while the run's stands still */
	int64_t drawn_now;    /* the run's clock then */
	int64_t now;
	bool changed;
};

static struct ui_tty *tty_of(struct ui *ui)
{
	return (struct ui_tty *)ui; /* ui comes first */
}

static int64_t monotonic(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND_NS + time.tv_nsec;
}

static void draw(struct ui_tty *tty, int64_t at)
{
	struct screen *screen = tty->page->screen;
	struct tty_lines lines = {0};
	unsigned rows, columns;

	screen_size(screen, &rows, &columns);
	if (at - tty->begun >= CALM_NS)
		tty_lines_make(&lines, tty->page, ui_plain_tree(tty->plain), tty->now, screen_room(screen),
			       screen_height(screen));
	screen_draw(screen, lines.at, lines.count);
	tty_lines_free(&lines);
	tty->drawn = at;
	tty->drawn_now = tty->now;
	tty->changed = at - tty->begun < CALM_NS;
}

/* Draws where something is to be drawn and it is time to. When to look again, in ns from now. */
static int64_t refresh(struct ui_tty *tty, bool resized)
{
	struct screen *screen = tty->page->screen;
	int64_t at = monotonic(), second = SECOND_NS - tty->now % SECOND_NS;

	if (!resized && at - tty->drawn < FRAME_NS)
		return tty->changed || screen_pending(screen) ? tty->drawn + FRAME_NS - at : second;
	if (!screen_ready(screen))
		return BUSY_NS;
	if (resized || tty->changed || screen_pending(screen) ||
	    tty->now / SECOND_NS != tty->drawn_now / SECOND_NS)
		draw(tty, at);
	return second;
}

static void tty_event(struct ui *ui, const struct event *event)
{
	struct ui_tty *tty = tty_of(ui);

	tty->now = event->now;
	tty->plain->ops->event(tty->plain, event);
	tty->changed = true;
	refresh(tty, false);
}

static int64_t tty_heartbeat(struct ui *ui, int64_t now)
{
	struct ui_tty *tty = tty_of(ui);

	tty->now = now;
	return now + refresh(tty, screen_resized(tty->page->screen));
}

static void tty_finish(struct ui *ui, int code)
{
	struct ui_tty *tty = tty_of(ui);

	screen_clear(tty->page->screen);
	tty->plain->ops->finish(tty->plain, code);
	screen_clear(tty->page->screen);
}

static void tty_free(struct ui *ui)
{
	struct ui_tty *tty = tty_of(ui);

	tty->plain->ops->free(tty->plain);
	free(tty);
}

static const struct ui_ops tty_ops = {
    .event = tty_event,
    .heartbeat = tty_heartbeat,
    .finish = tty_finish,
    .free = tty_free,
};

struct ui *ui_tty_new(const struct page *page, const struct sources *sources, enum verbosity verbosity)
{
	struct ui_tty *tty = memory_need(calloc(1, sizeof(*tty)));

	tty->ui.ops = &tty_ops;
	tty->page = page;
	tty->plain = ui_plain_new(page, sources, verbosity);
	tty->begun = tty->drawn = monotonic();
	return &tty->ui;
}
