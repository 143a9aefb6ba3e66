/*
 * execute.h - a session's plan, for real: the live driver, its pulse, the terminal. What run, resume and
 * rollback share.
 */
#ifndef RUNPLAN_EXECUTE_H
#define RUNPLAN_EXECUTE_H

#include "cli/people.h"
#include "cli/session.h"
#include "interp/drivers.h"

/* `locks`: the directory of locks. `resume`: the run goes on from the session's keeper; NULL: it begins. The
 * exit code. */
int execute(struct session *session, struct people *people, const char *locks,
	    const struct resume_options *resume);

#endif
