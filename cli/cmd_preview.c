/* cmd_preview.c - runplan preview: every step and every change that a plan would make, on standard output. */
#include <stdlib.h>
#include <unistd.h>

#include "builtins/live.h"
#include "cli/commands.h"
#include "cli/people.h"
#include "cli/session.h"
#include "cli/ui_preview.h"
#include "interp/drivers.h"

static int preview(struct session *session)
{
	const struct live_options none = {.operator_name = session->operator_name};
	struct driver *inner = NULL, *driver;
	int code;

	if (!params_collect(&session->params, session->program, session->options, people_at_terminal(),
			    stderr))
		return EXIT_USAGE;
	session_add_view(session, ui_preview_new(&session->out, session->compilation->sources,
						 session_verbosity(session->options)));
	if (option_given(session->options, "live-reads")) {
		inner = live_new(&none);
		if (!inner) {
			fprintf(stderr, "runplan: the system gives no event loop\n");
			return EXIT_INTERNAL;
		}
	}
	driver = preview_driver_new(inner);
	code = session_run(session, driver);
	driver->ops->free(driver);
	return code;
}

int cmd_preview(const struct options *options)
{
	struct session session;
	int code = session_open(&session, options, options->operands[0]);

	if (code == EXIT_DONE)
		code = preview(&session);
	session_close(&session);
	return code;
}
