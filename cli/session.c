/* session.c - see session.h. */
#define _GNU_SOURCE
#include "cli/session.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "builtins/guard.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "cli/columns.h"
#include "cli/commands.h"
#include "cli/keeper.h"
#include "cli/rows.h"

#define SECOND_NS INT64_C(1000000000)
#define ENDLESS_WIDTH                                                                                        \
	100000 /* columns of what is no terminal: nothing is wrapped, so that it can be searched */

static unsigned width_of(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return ENDLESS_WIDTH;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void name_run(char *id, size_t size)
{
	time_t now = time(NULL);
	uint32_t random = 0;
	struct tm tm;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint32_t)getpid();
	gmtime_r(&now, &tm);
	snprintf(id, size, "%04d%02d%02d-%02d%02d%02d-%06x", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
		 tm.tm_hour, tm.tm_min, tm.tm_sec, random & 0xffffff);
}

const char *operator_from_environment(void)
{
	static const char *const names[] = {"RUNPLAN_OPERATOR", "SUDO_USER", "USER", "LOGNAME"};
	const struct passwd *user;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *name = getenv(names[i]);

		if (name && *name)
			return name;
	}
	user = getpwuid(getuid());
	return user ? user->pw_name : NULL;
}

struct recorded {
	struct state *state;
	int64_t run;
};

static char *recorded_source(void *context, const char *path, size_t *length, char *error, size_t size)
{
	const struct recorded *recorded = context;
	const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
	char *text = state_source(recorded->state, recorded->run, name, length);

	if (!text)
		snprintf(error, size, "is not on record");
	return text;
}

/* `recorded` NULL: from files. */
static int compile(struct session *session, const char *path, struct recorded *recorded)
{
	session->compilation = compilation_new(&builtin_registry);
	if (recorded ? check_plan_from(session->compilation, path, recorded_source, recorded)
		     : check_plan(session->compilation, path))
		session->program = compile_program(session->compilation);
	if (session->compilation->diags->errors) {
		diag_print(stderr, session->compilation->diags, session->compilation->sources,
			   session->err.color);
		fprintf(stderr, "runplan: the plan does not check; nothing was run\n");
		return EXIT_USAGE;
	}
	if (!session->program) {
		fprintf(stderr, "runplan: %s has no `plan` item: it is there to be imported, not to be run\n",
			path);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}

static void prepare(struct session *session, const struct options *options)
{
	*session = (struct session){.options = options};
	session->redactor = redactor_new();
	session->out_sink = sink_new(STDOUT_FILENO);
	session->err_sink = sink_new(STDERR_FILENO);
	session->out = (struct page){.sink = session->out_sink,
				     .redactor = session->redactor,
				     .color = options_color(options, STDOUT_FILENO),
				     .width = width_of(STDOUT_FILENO)};
	session->err = (struct page){.sink = session->err_sink,
				     .redactor = session->redactor,
				     .color = options_color(options, STDERR_FILENO),
				     .width = width_of(STDERR_FILENO)};
	session->operator_name = operator_from_environment();
	name_run(session->run_id, sizeof(session->run_id));
}

int session_open(struct session *session, const struct options *options, const char *path)
{
	prepare(session, options);
	return compile(session, path, NULL);
}

int session_open_recorded(struct session *session, const struct options *options, struct state *state,
			  const struct run_record *run)
{
	struct recorded recorded = {state, run->number};

	prepare(session, options);
	session->state = state;
	return compile(session, run->file, &recorded);
}

bool session_take_start(struct session *session, struct store *record, struct event *first)
{
	struct value params, name;
	size_t i;

	if (!store_event(record, 0, first) || first->kind != EVENT_RUN_STARTED)
		return false;
	params = record_peek(first->data, "params");
	session->params.values =
	    memory_need(calloc(value_length(params) + 1, sizeof(*session->params.values)));
	for (i = 0; i < value_length(params); i++)
		session->params.values[session->params.count++] = (struct param_value){
		    record_key_peek(params, i), value_copy(record_value_peek(params, i))};
	name = record_peek(first->data, "environment");
	session->params.environment = name.tag == VALUE_STRING ? value_text_peek(name) : NULL;
	name = record_peek(first->data, "operator");
	session->operator_name = name.tag == VALUE_STRING ? value_text_peek(name) : NULL;
	session->step_by_step = value_truthy(record_peek(first->data, "step_by_step"));
	snprintf(session->run_id, sizeof(session->run_id), "%s", first->id);
	return true;
}

void session_keep(struct session *session, struct state *state)
{
	struct compilation *compilation = session->compilation;
	char directory[PATH_MAX], process[256];
	struct run_record run = {
	    .id = session->run_id,
	    .file = (char *)compilation->main->path,
	    .title = (char *)session->program->plans[0].title,
	    .directory = getcwd(directory, sizeof(directory)) ? directory : "/",
	    .operator_name = (char *)session->operator_name,
	    .environment = (char *)session->params.environment,
	    .version = RUNPLAN_VERSION,
	    .process = process,
	    .started = live_clock(),
	};

	session->state = state;
	if (!state)
		return;
	guard_process_name(process, sizeof(process));
	session->keeper =
	    keeper_new(state_begin(state, &run, compilation->sources), session->redactor);
}

void session_close(struct session *session)
{
	size_t i;

	for (i = 0; i < session->view_count; i++)
		session->views[i]->ops->free(session->views[i]);
	journal_free(session->journal);
	if (session->rows)
		session->rows->ops->free(session->rows);
	if (session->keeper)
		session->keeper->ops->free(session->keeper);
	state_close(session->state);
	params_free(&session->params);
	program_free(session->program);
	if (session->compilation)
		compilation_free(session->compilation);
	screen_free(session->err.screen);
	sink_free(session->out_sink);
	sink_free(session->err_sink);
	redactor_free(session->redactor);
}

void session_add_view(struct session *session, struct ui *view)
{
	session->views[session->view_count++] = view;
}

enum verbosity session_verbosity(const struct options *options)
{
	return option_given(options, "quiet")	  ? VERBOSITY_QUIET
	       : option_given(options, "verbose") ? VERBOSITY_VERBOSE
						  : VERBOSITY_NORMAL;
}

/* A person looks on at a terminal that can move its cursor. */
static bool wants_live(const struct options *options)
{
	const char *unattended = getenv("CI");

	return options_terminal(STDERR_FILENO) && !(unattended && *unattended) &&
	       session_verbosity(options) != VERBOSITY_QUIET;
}

static struct ui *people_view(struct session *session)
{
	enum verbosity verbosity = session_verbosity(session->options);

	if (session->report)
		return ui_plain_new(&session->out, session->compilation->sources, verbosity);
	if (!session->live || !wants_live(session->options))
		return ui_plain_new(&session->err, session->compilation->sources, verbosity);
	columns_prepare();
	session->err.screen = screen_new(session->err_sink, STDERR_FILENO);
	return ui_tty_new(&session->err, session->compilation->sources, verbosity);
}

void session_views(struct session *session)
{
	const struct sources *sources = session->compilation->sources;
	bool json = option_given(session->options, "json"), events = option_given(session->options, "events");

	if (json)
		session_add_view(session, ui_json_new(&session->out, sources));
	if (events)
		session_add_view(session, ui_events_new(&session->out));
	/* Where the data goes elsewhere, a person may still be looking on. */
	if ((!json && !events) || (!session->report && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO)))
		session_add_view(session, people_view(session));
}

int session_journal(struct session *session)
{
	const char *path = option_value(session->options, "journal");
	char error[512];

	if (!path)
		return EXIT_DONE;
	session->rows = rows_create(path, session->redactor, error, sizeof(error));
	if (session->rows)
		return EXIT_DONE;
	fprintf(stderr, "runplan: --journal %s\n", error);
	return EXIT_USAGE;
}

/* What no view shows: only of kinds whose events hold no data, as the redactor learns secrets from all
 * others. */
static uint64_t ignored(const struct session *session)
{
	uint64_t kinds = EVENT_BIT(LOG) | EVENT_BIT(ASSUMED);
	size_t i;

	for (i = 0; i < session->view_count; i++)
		kinds &= session->views[i]->ignored;
	return kinds;
}

static void learn(void *context, const struct event *event)
{
	struct session *session = context;

	redactor_learn_value(session->redactor, event->data);
	if (session->keeper)
		keeper_see(session->keeper, event);
}

static void learn_made(void *context, struct value v)
{
	redactor_learn_made(((struct session *)context)->redactor, v);
}

static void see(void *context, const struct event *event)
{
	struct session *session = context;
	size_t i;

	if (session->cut_off)
		return;
	/* What is told again was shown already, but the views must know it. */
	if ((event->kind == EVENT_RESUMED || event->kind == EVENT_ROLLBACK_ASKED) &&
	    !journal_replays(session->journal))
		session->replays = false;
	session->out.muted = session->err.muted = session->replays;
	for (i = 0; i < session->view_count; i++)
		session->views[i]->ops->event(session->views[i], event);
}

int64_t session_heartbeat(void *context, int64_t now)
{
	struct session *session = context;
	int64_t next = now + HEARTBEAT_NS;
	size_t i;

	if (session->err.muted)
		return next;
	if (session->keeper) { /* for those who look on from elsewhere */
		if (now >= session->told) {
			journal_sync(session->journal);
			session->told = now + SECOND_NS;
		}
		next = session->told;
	}

	for (i = 0; i < session->view_count; i++) {
		struct ui *view = session->views[i];
		int64_t wanted = view->ops->heartbeat ? view->ops->heartbeat(view, now) : next;

		if (wanted < next)
			next = wanted;
	}
	return next;
}

bool session_tell(void *context, enum pulse_moment moment, struct delivery *out)
{
	struct session *session = context;

	return !session->replays && inbox_look(session->inbox, moment, out);
}

int session_run(struct session *session, struct driver *driver)
{
	struct machine_options options = {
	    .program = session->program,
	    .driver = driver,
	    .run_id = session->run_id,
	    .environment = session->params.environment,
	    .operator_name = session->operator_name,
	    .params = session->params.values,
	    .param_count = session->params.count,
	    .step_by_step = session->step_by_step,
	    .secret_made = learn_made,
	    .secret_context = session,
	};
	struct machine *machine;
	size_t i;
	int code;

	if (!session->journal)
		session->journal = journal_new(session->keeper ? session->keeper : session->rows);
	session->out.kept |= session->keeper != NULL;
	session->err.kept |= session->keeper != NULL;
	if (session->keeper && session->rows)
		journal_also(session->journal, session->rows);
	journal_prepare(session->journal, learn, session);
	journal_observe_without(session->journal, ignored(session), see, session);
	options.journal = session->journal;
	machine = machine_new(&options);
	code = machine_run(machine);
	machine_free(machine);
	for (i = 0; i < session->view_count; i++)
		if (session->views[i]->ops->finish)
			session->views[i]->ops->finish(session->views[i], code);
	return code;
}
