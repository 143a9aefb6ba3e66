/* cmd_run.c - runplan run: executes a plan. */
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/people.h"
#include "cli/state_place.h"
#include "cli/rehearsal.h"
#include "cli/session.h"

/* Nobody is there who could answer what the plan will ask. */
static bool refused(struct session *session, const struct people *people)
{
	return step_unattended(session->options) || people_missing(people, session->compilation, stderr) > 0;
}

static int run(struct session *session)
{
	struct state_place place = state_place_of(session->options);
	struct shortfall shortfall = {.err = stderr};
	struct people *people = NULL;
	struct state *state;
	int code;

	session->step_by_step = option_given(session->options, "step");
	session->live = true;
	params_take(&session->params, session->program, session->options, people_at_terminal(), &shortfall);
	rehearse(session, people_at_terminal(), &shortfall);
	code = shortfall_none(&shortfall) ? EXIT_DONE : shortfall.params > 0 ? EXIT_USAGE : EXIT_REFUSED;
	if (code == EXIT_DONE) {
		people = people_new(session->options, &session->err);
		if (place.database)
			people_keep(people, session->operator_name);
		code = refused(session, people) ? EXIT_REFUSED : session_journal(session);
	}
	if (code == EXIT_DONE && !state_place_open(&place, &state))
		code = EXIT_INTERNAL;
	else if (code == EXIT_DONE) {
		session_keep(session, state);
		session_views(session);
		code = execute(session, people, place.directory, NULL);
	}
	if (people)
		people_free(people);
	state_place_free(&place);
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
