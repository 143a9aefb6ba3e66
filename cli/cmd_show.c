/*
 * cmd_show.c - runplan show, runplan watch: a run on record, told once more. The recorded plan is run on the
 * recorded answers, and the views show it as they did then; `watch` waits for more, until the run ends.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/live.h"
#include "cli/commands.h"
#include "cli/run_state.h"
#include "cli/session.h"
#include "cli/state_place.h"
#include "interp/drivers.h"

#define LOOK_EVERY_MS 200

struct showing {
	struct session *session;
	struct state *state;
	struct run_record *run;
	struct store *record;
	struct driver *replay;
	bool follows;
	int64_t from; /* when the last row came, on the monotonic clock */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static bool over(struct showing *showing)
{
	showing->session->cut_off = true;
	return false;
}

/* At the end of what is on record. */
static bool more(void *context)
{
	struct showing *showing = context;
	struct timespec pause = {0, LOOK_EVERY_MS * 1000000};
	bool alive;

	if (!showing->follows)
		return over(showing);
	if (showing->from == 0)
		showing->from = (int64_t)uv_hrtime();
	for (;;) {
		alive = state_alive(showing->state, showing->run);
		if (state_run_refresh(showing->record)) {
			showing->from = (int64_t)uv_hrtime();
			return true;
		}
		if (!alive || interrupted)
			return over(showing);
		session_heartbeat(showing->session,
				  replay_now(showing->replay) + (int64_t)uv_hrtime() - showing->from);
		nanosleep(&pause, NULL);
	}
}

/* What stands behind the rows: how the run is now, and how to go on with it. */
static int say_state(struct showing *showing)
{
	struct session *session = showing->session;
	struct page *page = session->report ? &session->out : &session->err;
	struct run_record *run = showing->run, now;
	const char *state;

	if (!state_find(showing->state, run->id, NULL, &now))
		return EXIT_INTERNAL;
	state = run_state_text(showing->state, &now);
	if (now.outcome || option_given(session->options, "json"))
		;
	else if (strcmp(state, "cut off") == 0)
		page_printf(page, "run %s is cut off; to go on: runplan resume %s\n", now.id,
			    now.id);
	else
		page_printf(page, "run %s is %s: %s\n", now.id, state,
			    now.process ? now.process : "");
	run_record_free(&now);
	return EXIT_DONE;
}

static int show_rows(struct showing *showing)
{
	struct session *session = showing->session;
	struct event first;
	struct span at;
	const char *problem;
	int code = EXIT_DONE;

	if (!session_take_start(session, showing->record, &first)) {
		fprintf(stderr, "runplan: the record of %s does not begin with the start of a run\n",
			showing->run->id);
		event_free(&first);
		return EXIT_INTERNAL;
	}
	session->live = showing->follows;
	session->report = !showing->follows;
	showing->replay = replay_driver_new(showing->record);
	replay_follow(showing->replay, more, showing);
	session->journal = journal_new(NULL);
	session_views(session);
	session->out.kept = session->err.kept = true;
	session->err.onlooker = showing->follows;
	session_run(session, showing->replay);
	problem = replay_problem(showing->replay, &at);
	if (problem) {
		fprintf(stderr, "runplan: the record cannot be shown any further: %s\n", problem);
		code = EXIT_INTERNAL;
	} else {
		code = say_state(showing);
	}
	showing->replay->ops->free(showing->replay);
	session->params.environment = session->operator_name = NULL;
	event_free(&first);
	return code;
}

static int show(const struct options *options, bool follows)
{
	struct state *state = state_place_records(options);
	struct run_record run = {0};
	struct session session;
	struct showing showing = {.session = &session, .run = &run, .follows = follows, .state = state};
	struct sigaction on_interrupt = {.sa_handler = interrupt};
	int code = EXIT_USAGE;

	if (!state)
		return EXIT_USAGE;
	if (!state_find(state, options->operand_count > 0 ? options->operands[0] : NULL, NULL, &run) ||
	    !(showing.record = state_run_open(state, &run, false))) {
		fprintf(stderr, "runplan: %s\n", state_error(state));
		run_record_free(&run);
		state_close(state);
		return EXIT_USAGE;
	}
	if (follows)
		sigaction(SIGINT, &on_interrupt, NULL);
	code = session_open_recorded(&session, options, state, &run);
	if (code == EXIT_DONE)
		code = show_rows(&showing);
	showing.record->ops->free(showing.record);
	session_close(&session);
	run_record_free(&run);
	return code;
}

int cmd_show(const struct options *options)
{
	return show(options, false);
}

int cmd_watch(const struct options *options)
{
	return show(options, true);
}
