/*
 * screen.h - a terminal on which lines scroll by and stay, and whose last rows are drawn anew: the live part.
 *
 *	a line of the record		printed once; scrolls into the terminal's own scrollback
 *	another
 *	what is under way		drawn anew, at most a screen high
 *	Question: Deploy?		while a person is asked
 *	yes or no: y_
 *
 * There is no alternate screen, no scroll region and no hidden cursor: whatever ends the process leaves a
 * usable terminal and the record behind. A frame is one write: the cursor goes up to the first live row, what
 *is new in the record is written over it, then the live lines below; where nothing is new, only lines that
 *differ are written. The cursor rests at the beginning of the last live row, or behind what was typed.
 *
 * Nothing here waits: while the terminal has not taken the last frame (Ctrl-S), what is printed is kept, and
 *drawn later.
 */
#ifndef RUNPLAN_SCREEN_H
#define RUNPLAN_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/sink.h"

struct screen;

/* `fd` is a terminal, and `sink` writes to it; both stay the caller's. */
struct screen *screen_new(struct sink *sink, int fd);
/* Draws no more: the record is written out, the live part is taken away. */
void screen_free(struct screen *screen);

/* Asks the terminal; rows and columns are at least 1. */
void screen_size(struct screen *screen, unsigned *rows, unsigned *columns);
/* Has it another size than the last frame was drawn for? Asks the terminal. */
bool screen_resized(struct screen *screen);
/* As it was when last asked. */
unsigned screen_columns(const struct screen *screen);
/* Columns that a live line may take: the last stays free, because not all terminals agree on how wide text
 * is. */
unsigned screen_room(const struct screen *screen);
/* Rows that live lines may take, beside the question. */
unsigned screen_height(const struct screen *screen);

/* More of the record; whole lines are shown with the next frame. */
void screen_print(struct screen *screen, const char *bytes, size_t length);
/* Has something been printed or typed that no frame has shown? */
bool screen_pending(const struct screen *screen);
/* Has the terminal taken what was drawn? A frame may be drawn in any case, but they would pile up. */
bool screen_ready(const struct screen *screen);

/* A frame: `lines` are the live part from now on, each at most screen_room() wide, without a line end. Colour
 * in them is allowed. While another program has the terminal, only the record is written. */
void screen_draw(struct screen *screen, char *const *lines, size_t count);
/* As screen_draw() with no lines and no question: before the process stops or another writes. */
void screen_clear(struct screen *screen);
/* The cursor may stand anywhere: what was drawn stays where it is, and the next frame begins on a line of its
 * own. */
void screen_lost(struct screen *screen);

/* ---- a question, below the live lines; what is typed is drawn at once ---- */

/* What is printed from here to screen_prompt() is the question, and not of the record. */
void screen_question(struct screen *screen);
/* The question's last line, behind which stands what was typed. */
void screen_prompt(struct screen *screen, const char *prompt);
void screen_typed(struct screen *screen, const char *typed);
void screen_answered(struct screen *screen); /* the question is gone */

#endif
