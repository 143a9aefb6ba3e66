/* cmd_simulate.c - runplan simulate: a plan under a virtual clock. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/tables.h"
#include "cli/commands.h"
#include "cli/session.h"
#include "grammar/parse.h"
#include "interp/constant.h"
#include "interp/drivers.h"

static bool take_givens(const struct options *options, struct driver *driver)
{
	const char *given;
	char error[512];
	size_t at = 0;

	while ((given = option_next(options, "given", &at)))
		if (!simulate_given_text(driver, given, error, sizeof(error))) {
			fprintf(stderr, "runplan: --given '%s': %s\n", given, error);
			return false;
		}
	return true;
}

static bool read_duration(const char *text, int64_t *out)
{
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct span where;
	struct value v;
	bool ok;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diags_init(&diags, &arena);
	ok = constant_evaluate(parse_expression(&arena, &sources, "--signal", text, &diags), false, &v,
			       &where) &&
	     diags.errors == 0 && v.tag == VALUE_DURATION;
	if (ok)
		*out = v.i;
	arena_free(&arena);
	return ok;
}

/* INT@12s, TERM@1m */
static bool take_signals(const struct options *options, struct driver *driver)
{
	const char *text;
	size_t at = 0;

	while ((text = option_next(options, "signal", &at))) {
		bool interrupt = strncmp(text, "INT@", 4) == 0, terminate = strncmp(text, "TERM@", 5) == 0;
		int64_t when;

		if ((!interrupt && !terminate) || !read_duration(strchr(text, '@') + 1, &when)) {
			fprintf(stderr, "runplan: --signal %s: it is written INT@12s or TERM@12s\n", text);
			return false;
		}
		simulate_signal(driver, when, interrupt ? SIGINT : SIGTERM);
	}
	return true;
}

static void say_unused(struct driver *driver)
{
	struct value unused = simulate_unused(driver);
	size_t i;

	for (i = 0; i < value_length(unused); i++)
		fprintf(stderr, "runplan: nothing asked for the given of `%s`\n",
			value_text_peek(list_peek(unused, i)));
	value_release(unused);
}

static int simulate(struct session *session, struct driver *driver)
{
	int code;

	if (!params_collect(&session->params, session->program, session->options, false, stderr) ||
	    !take_givens(session->options, driver) || !take_signals(session->options, driver))
		return EXIT_USAGE;
	code = session_journal(session);
	if (code != EXIT_DONE)
		return code;
	/* Simulations of the same plan are the same text. */
	snprintf(session->run_id, sizeof(session->run_id), "simulated");
	session->operator_name = "operator";
	session_views(session);
	code = session_run(session, driver);
	sink_flush(session->out_sink);
	sink_flush(session->err_sink);
	if (simulate_problem(driver))
		fprintf(stderr, "runplan: %s\n", simulate_problem(driver));
	say_unused(driver);
	return code;
}

int cmd_simulate(const struct options *options)
{
	struct session session;
	int code = session_open(&session, options, options->operands[0]);

	if (code == EXIT_DONE) {
		struct driver *driver = simulate_driver_new(&builtin_registry);

		code = simulate(&session, driver);
		driver->ops->free(driver);
	}
	session_close(&session);
	return code;
}
