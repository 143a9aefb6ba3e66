/*
 * terminal.h - what a terminal tells a run by signals: it has another size (SIGWINCH); the person wants the
 * shell (Ctrl-Z, SIGTSTP); the run goes on in the foreground (SIGCONT).
 */
#ifndef RUNPLAN_TERMINAL_H
#define RUNPLAN_TERMINAL_H

#include "builtins/live.h"
#include "cli/people.h"
#include "cli/session.h"

struct terminal;

/*
 * Watches on the run's loop. Before the process stops, the live part is taken from the screen and the
 * terminal's mode put back. What was started goes on meanwhile: commands have sessions of their own. NULL
 * where no screen is drawn.
 */
struct terminal *terminal_watch(struct live *live, struct session *session, struct people *people);
void terminal_free(struct terminal *terminal); /* after the loop is closed */

#endif
