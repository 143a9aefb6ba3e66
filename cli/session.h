/*
 * session.h - what run, simulate, preview and replay have in common: the compiled plan, its params, the
 * output and its views, the journal; and one call that runs the machine over a driver.
 */
#ifndef RUNPLAN_SESSION_H
#define RUNPLAN_SESSION_H

#include "cli/inbox.h"
#include "cli/params.h"
#include "cli/redact.h"
#include "cli/ui.h"
#include "interp/machine.h"
#include "store/state.h"

#define SESSION_VIEWS 3

struct session {
	const struct options *options;
	struct compilation *compilation;
	struct program *program;
	struct redactor *redactor;
	struct sink *out_sink, *err_sink;
	struct page out, err;
	struct ui *views[SESSION_VIEWS];
	size_t view_count;
	struct store *rows; /* --journal, or NULL; owned */
	struct state *state;  /* where the run is kept, or NULL; owned */
	struct store *keeper; /* what keeps it there, or NULL; owned */
	struct inbox *inbox;  /* while it runs, what others say to it; or NULL */
	struct journal *journal;
	struct params params;
	char run_id[48];
	const char *operator_name; /* or NULL */
	int64_t told; /* when the record is due again for those who look on from elsewhere */
	bool step_by_step;
	bool cut_off; /* a record is shown that has not the end of the run: what follows did not happen */
	bool replays; /* what is on record is told again before the run goes on */
	bool report; /* the lines for people are what was asked for: they go to standard output */
	bool live; /* the clock is the real one: on a terminal what is under way is worth showing */
};

/*
 * Reads --color, opens the output, compiles `path`. 0, or the exit code; what is wrong was printed. In each
 * case session_close() follows.
 */
int session_open(struct session *session, const struct options *options, const char *path);
/* The same from the sources of a run on record, and in the folder in which it was started. Takes the state. */
int session_open_recorded(struct session *session, const struct options *options, struct state *state,
			  const struct run_record *run);
/* How the run was started, from the first row of its record. `first` owns the texts: event_free() it afterwards. */
bool session_take_start(struct session *session, struct store *record, struct event *first);
void session_close(struct session *session); /* flushes */

/* The views that --json, --events, --quiet and --verbose ask for. */
void session_views(struct session *session);
enum verbosity session_verbosity(const struct options *options);
void session_add_view(struct session *session, struct ui *view);
/* --journal FILE as the record of this run. 0 or the exit code. */
int session_journal(struct session *session);

/* The run that begins is kept in `state`, which becomes the session's; NULL: in none. */
void session_keep(struct session *session, struct state *state);

/* Runs the plan over the driver (which stays the caller's) and lets the views say their last words. The exit
 * code. */
int session_run(struct session *session, struct driver *driver);
int64_t session_heartbeat(void *session, int64_t now); /* a pulse's beat */
bool session_tell(void *session, enum pulse_moment moment, struct delivery *out); /* what it tells */

const char *operator_from_environment(void);

#endif
