/* cmd_run.c - runplan run: executes a plan. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/live.h"
#include "cli/commands.h"
#include "cli/people.h"
#include "cli/pulse.h"
#include "cli/rehearsal.h"
#include "cli/session.h"
#include "cli/terminal.h"

/*
 * Where locks live: RUNPLAN_STATE; for root /var/lib/runplan; else $XDG_STATE_HOME/runplan or
 * ~/.local/state/runplan. The caller frees it.
 */
static char *state_directory(void)
{
	const char *chosen = getenv("RUNPLAN_STATE"), *xdg = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int length;

	if (chosen && *chosen)
		return memory_need(strdup(chosen));
	if (geteuid() == 0)
		return memory_need(strdup("/var/lib/runplan"));
	if (xdg && *xdg == '/')
		length = asprintf(&path, "%s/runplan", xdg);
	else
		length = asprintf(&path, "%s/.local/state/runplan", home && *home ? home : "/tmp");
	return memory_need(length < 0 ? NULL : path);
}

static void make_directories(char *path)
{
	char *slash;

	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	mkdir(path, 0700); /* what fails here is said by whoever needs the directory */
}

/* Nobody is there who could answer what the plan will ask. */
static bool refused(struct session *session, const struct people *people)
{
	if (session->step_by_step && !people_at_terminal() && !option_given(session->options, "yes")) {
		fprintf(stderr,
			"runplan: refused: --step asks before each step, and nobody is at a terminal\n");
		return true;
	}
	return people_missing(people, session->compilation, stderr) > 0;
}

static int execute(struct session *session, struct people *people)
{
	char *state = state_directory();
	struct live_options options = {
	    .ask = people_ask,
	    .ask_cancel = people_ask_cancel,
	    .context = people,
	    .state_directory = state,
	    .operator_name = session->operator_name,
	};
	struct driver *live, *driver;
	struct terminal *terminal;
	int code = EXIT_INTERNAL;

	make_directories(state);
	live = live_new(&options);
	if (live) {
		driver = pulse_driver_new(live, session_heartbeat, session);
		terminal = terminal_watch((struct live *)live, session, people);
		code = session_run(session, driver);
		driver->ops->free(driver);
		terminal_free(terminal);
	} else {
		fprintf(stderr, "runplan: the system gives no event loop\n");
	}
	free(state);
	return code;
}

static int run(struct session *session)
{
	struct shortfall shortfall = {.err = stderr};
	struct people *people;
	int code;

	session->step_by_step = option_given(session->options, "step");
	session->live = true;
	params_take(&session->params, session->program, session->options, people_at_terminal(), &shortfall);
	rehearse(session, people_at_terminal(), &shortfall);
	if (!shortfall_none(&shortfall))
		return shortfall.params > 0 ? EXIT_USAGE : EXIT_REFUSED;
	people = people_new(session->options, &session->err);
	code = refused(session, people) ? EXIT_REFUSED : session_journal(session);
	if (code == EXIT_DONE) {
		session_views(session);
		code = execute(session, people);
	}
	people_free(people);
	return code;
}

int cmd_run(const struct options *options)
{
	struct session session;
	int code = session_open(&session, options, options->operands[0]);

	if (code == EXIT_DONE)
		code = run(&session);
	session_close(&session);
	return code;
}
