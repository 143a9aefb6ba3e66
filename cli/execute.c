/* execute.c - see execute.h. */
#include "cli/execute.h"

#include "builtins/live.h"
#include "cli/keeper.h"
#include "cli/pulse.h"
#include "cli/terminal.h"

/* That was asked before the run went on, when somebody else may have held the lock, or could still get it. */
static bool overtaken(const struct session *session, const char *name, char *error, size_t size)
{
	struct run_record by;

	if (!state_superseded(session->state, keeper_record(session->keeper), &by))
		return false;
	snprintf(
	    error, size,
	    "run %s has been overtaken: %s held the same lock, \"%s\", after it and has changed something",
	    session->run_id, by.id, name);
	run_record_free(&by);
	return true;
}

static bool locked(void *context, const char *name, const char *we, char *error, size_t size)
{
	struct session *session = context;

	if (!session->keeper)
		return true;
	if (!state_lock(session->state, name, we, error, size) || overtaken(session, name, error, size))
		return false;
	keeper_locked(session->keeper, name);
	return true;
}

/* Nothing was started after the record could not be kept. */
static int say_broken(const struct session *session, int code)
{
	const char *id = session->run_id;

	if (code != EXIT_INTERNAL || !keeper_broken(session->keeper))
		return code;
	if (keeper_record(session->keeper)->number == 0) {
		fprintf(stderr,
			"runplan: the record of %s could not be written: %s\n"
			"  nothing was started: the run is not on record\n",
			id, state_error(session->state));
		return code;
	}
	fprintf(stderr,
		"runplan: run %s was stopped where it is: %s\n"
		"  nothing was started since, and nothing was undone; `runplan resume %s` goes on%s\n",
		id, state_error(session->state), id,
		state_lock_lost(session->state) ? " when the lock is free" : " when that is put right");
	return state_lock_lost(session->state) ? EXIT_WAITING : code;
}

/* Why a replay did not come to its end. */
static int say_problem(struct session *session, const struct driver *resume, int code)
{
	const struct sources *sources = session->compilation->sources;
	struct span at = {0};
	const char *problem = resume_problem(resume, &at);
	struct position position = {0};

	if (resume_signal(resume)) {
		fprintf(stderr,
			"runplan: run %s stays as it was: the resume was stopped before it went on; `runplan "
			"resume %s` goes on\n",
			session->run_id, session->run_id);
		return 128 + resume_signal(resume);
	}
	if (resume_waits(resume))
		return EXIT_WAITING; /* whoever was to decide has said it */
	if (!problem && !journal_differs(session->journal))
		return code;
	if (!problem) {
		fprintf(
		    stderr,
		    "runplan: the record of %s cannot be continued: row %zu is not what this program does "
		    "there; nothing was changed\n",
		    session->run_id, journal_differs(session->journal));
		return EXIT_INTERNAL;
	}
	if (at.to > 0 && at.file < sources->count)
		position = source_position(sources, at.file, at.from);
	if (position.line)
		fprintf(stderr, "%s:%u:%u: ", source_get(sources, at.file)->path, position.line,
			position.column);
	else
		fprintf(stderr, "runplan: ");
	fprintf(stderr, "%s; nothing was changed\n", problem);
	return resume_refused(resume) ? EXIT_REFUSED : EXIT_INTERNAL;
}

int execute(struct session *session, struct people *people, const char *locks,
	    const struct resume_options *resume)
{
	struct live_options options = {
	    .ask = people_ask,
	    .ask_cancel = people_ask_cancel,
	    .context = people,
	    .state_directory = locks,
	    .operator_name = session->operator_name,
	    .locked = locked,
	    .locked_context = session,
	};
	struct driver *live = live_new(&options), *inner = live, *driver;
	struct terminal *terminal;
	int code;

	if (!live) {
		fprintf(stderr, "runplan: the system gives no event loop\n");
		return EXIT_INTERNAL;
	}
	if (resume) {
		inner = resume_driver_new(session->keeper, live, resume);
		session->journal = journal_replayed_new(session->keeper);
		session->replays = true;
	}
	if (session->keeper) {
		session->inbox =
		    inbox_new(session->state, keeper_record(session->keeper), people, &session->err);
	}
	driver = pulse_driver_new(inner, session_heartbeat, session->keeper ? session_tell : NULL, session);
	terminal = terminal_watch((struct live *)live, session, people);
	code = session_run(session, driver);
	if (session->keeper)
		code = say_broken(session, code);
	if (resume)
		code = say_problem(session, inner, code);
	driver->ops->free(driver);
	inbox_free(session->inbox);
	session->inbox = NULL;
	terminal_free(terminal);
	return code;
}
