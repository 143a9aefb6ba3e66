/* cmd_resume.c - runplan resume, runplan rollback: a run on record goes on, or is undone. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtins/guard.h"
#include "cli/commands.h"
#include "cli/execute.h"
#include "cli/keeper.h"
#include "cli/state_place.h"
#include "interp/builtin.h"

/* How soon what is typed is seen. */
#define LISTEN_NS (50 * INT64_C(1000000))

/* ---- in doubt ---- */

struct doubts {
	struct session *session;
	struct people *people;
	const struct options *options; /* --in-doubt */
	size_t asked;		       /* that have no answer of their own */
	bool stay;		       /* one has none at all */
};

static bool doubt_called(const char *name, enum doubt *doubt)
{
	static const char *const names[] = {
	    [DOUBT_DONE] = "done", [DOUBT_AGAIN] = "again", [DOUBT_ROLLBACK] = "rollback"};

	for (int i = 0; i < DOUBT_STAYS; i++)
		if (strcmp(name, names[i]) == 0 || (name[0] && !name[1] && name[0] == names[i][0])) {
			*doubt = (enum doubt)i;
			return true;
		}
	return false;
}

/* WHAT, or ID=WHAT. False: neither. *id_length: 0 where there is no ID. */
static bool read_answer(const char *text, size_t *id_length, enum doubt *doubt)
{
	const char *equals = strchr(text, '=');

	*id_length = equals ? (size_t)(equals - text) : 0;
	return doubt_called(equals ? equals + 1 : text, doubt);
}

/*
 * What was answered beforehand. An answer without an id is meant for what the operator was asked last time,
 * which is the first that is in doubt: for others it would be a guess.
 */
static bool answered(struct doubts *doubts, const char *id, enum doubt *doubt)
{
	bool first = doubts->asked++ == 0;
	const char *text;
	size_t at = 0, length;

	while ((text = option_next(doubts->options, "in-doubt", &at)))
		if (read_answer(text, &length, doubt) && length > 0 && strncmp(text, id, length) == 0 &&
		    !id[length])
			return true;
	at = 0;
	while (first && (text = option_next(doubts->options, "in-doubt", &at)))
		if (read_answer(text, &length, doubt) && length == 0)
			return true;
	*doubt = DOUBT_STAYS;
	return false;
}

static void say_question(const struct session *session, const struct effect_request *request, const char *why)
{
	const struct sources *sources = session->compilation->sources;
	struct position at = source_position(sources, request->at.file, request->at.from);
	struct value shown = request_show(request);
	struct buffer text = {0};

	redact(session->redactor, value_text_peek(shown), value_length(shown), &text);
	fprintf(stderr,
		"%s:%u:%u: in doubt (%s): %s\n"
		"  It was begun, the run ended, and nobody was told what became of it.%s%s\n",
		source_get(sources, request->at.file)->path, at.line, at.column, request->id,
		buffer_text(&text), *why ? "\n  " : "", why);
	buffer_free(&text);
	value_release(shown);
}

static void say_options(const struct session *session)
{
	fprintf(stderr,
		"runplan: waits for a person who has looked; nothing was changed. Then, where one thing is "
		"in doubt,\n"
		"  runplan resume %s --in-doubt done       it happened: go on behind it\n"
		"  runplan resume %s --in-doubt again      it did not happen: do it now\n"
		"  runplan resume %s --in-doubt rollback   fail there, and undo\n"
		"where there are more, each by what stands in its brackets: --in-doubt ID=done --in-doubt "
		"ID=again\n",
		session->run_id, session->run_id, session->run_id);
}

/* Before anything is started: a line from the terminal is waited for, and Ctrl-C. */
static bool line_comes(struct driver *resume)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	fflush(stderr);
	while (poll(&in, 1, 0) <= 0)
		if (!resume_listen(resume, LISTEN_NS))
			return false;
	return true;
}

static enum doubt ask_doubt(struct driver *resume)
{
	char *line = NULL;
	size_t room = 0;
	enum doubt doubt = DOUBT_STAYS;
	bool known = false;

	while (!known) {
		fprintf(stderr, "  Did it happen? done, again (no: do it now), rollback (undo): ");
		if (!line_comes(resume) || getline(&line, &room, stdin) < 0)
			break;
		line[strcspn(line, "\n")] = '\0';
		known = doubt_called(line, &doubt);
	}
	free(line);
	return doubt;
}

static enum doubt decide(void *context, struct driver *resume, const struct effect_request *request,
			 const char *why)
{
	struct doubts *doubts = context;
	enum doubt doubt;

	/* `on resume ask` is what happens anyway where nothing else settles it */
	if (answered(doubts, request->id, &doubt))
		return doubt;
	say_question(doubts->session, request, why);
	if (people_at_terminal()) {
		people_suspend(doubts->people); /* the terminal echoes again */
		doubt = ask_doubt(resume);
		people_resume(doubts->people);
	}
	doubts->stay |= doubt == DOUBT_STAYS;
	return doubt;
}

/* ---- may it go on? ---- */

static bool can_be_resumed(const struct run_record *run)
{
	return !run->outcome || strcmp(run->outcome, "stopped") == 0 || strcmp(run->outcome, "waiting") == 0;
}

static bool has_ended(const struct run_record *run)
{
	return !can_be_resumed(run);
}

/* What the end of the run says of itself; 0 where the record does not end so. */
static int64_t end_says(struct store *record, const char *field)
{
	size_t count = record->ops->count(record);
	struct event last;
	int64_t number = 0;

	if (count > 0 && store_event(record, count - 1, &last)) {
		if (last.kind == EVENT_RUN_ENDED)
			number = record_peek(last.data, field).i;
		event_free(&last);
	}
	return number;
}

static int refuse_resume(const struct run_record *run)
{
	fprintf(stderr, "runplan: run %s has ended (%s): there is nothing to go on with\n", run->id,
		run->outcome);
	if (strcmp(run->outcome, "done") == 0)
		fprintf(stderr, "  runplan rollback %s undoes it\n", run->id);
	return EXIT_REFUSED;
}

static int refuse_rollback(const struct run_record *run)
{
	fprintf(stderr,
		"runplan: run %s has not ended: it is undone by `runplan resume %s` and then Ctrl-C, or, "
		"while its "
		"process is alive, by `runplan abort %s`\n",
		run->id, run->id, run->id);
	return EXIT_REFUSED;
}

/* 0, or the exit code. */
static int check_armed(const struct run_record *run, struct store *record, bool past)
{
	int64_t armed = end_says(record, "armed"), kept = end_says(record, "kept");

	if (armed > 0 || (past && kept > 0))
		return EXIT_DONE;
	fprintf(stderr, "runplan: nothing of run %s can be undone: %s\n", run->id,
		kept > 0 ? "what it has changed is kept by a checkpoint; --past-checkpoints goes further"
			 : "it has changed nothing, or all of that was undone or committed");
	return EXIT_REFUSED;
}

static int check_newest(struct state *state, const struct run_record *run)
{
	struct run_record by;

	if (!state_superseded(state, run, &by))
		return EXIT_DONE;
	fprintf(stderr,
		"runplan: run %s has been overtaken: %s (%s) held the same lock, \"%s\", after it and has "
		"changed "
		"something; going on from what was then would undo that\n"
		"  runplan show %s tells what it did\n",
		run->id, by.id, by.file, run->lock, by.id);
	run_record_free(&by);
	return EXIT_REFUSED;
}

/* ---- going on ---- */

struct going {
	const struct options *options;
	enum resuming kind;
	const struct state_place *place; /* as it was named in the folder in which we were started */
	struct state *state;
	struct run_record run;
	struct store *record;
};

static struct value event_data(const struct session *session, const struct going *going)
{
	struct value data = record_new(3);

	record_set(&data, "operator", value_string(session->operator_name));
	if (option_given(going->options, "step"))
		record_set(&data, "step_by_step", value_bool(true));
	if (going->kind == RESUME_ROLLBACK)
		record_set(&data, "past_checkpoints",
			   value_bool(option_given(going->options, "past-checkpoints")));
	return data;
}

static int run_on(struct session *session, const struct going *going)
{
	struct people *people = people_new(going->options, &session->err);
	struct doubts doubts = {session, people, going->options, 0, false};
	struct value data = event_data(session, going);
	struct resume_options resume = {
	    .kind = going->kind, .data = data, .decide = decide, .context = &doubts};
	struct event first;
	char process[256];
	int code = EXIT_INTERNAL;

	session->live = true;
	session->keeper = keeper_new(going->record, session->redactor);
	guard_process_name(process, sizeof(process));
	free(keeper_record(session->keeper)->process);
	keeper_record(session->keeper)->process = memory_need(strdup(process));
	if (session_take_start(session, going->record, &first)) {
		people_keep(people, session->operator_name);
		session_views(session);
		code = execute(session, people, going->place->directory, &resume);
		if (code == EXIT_WAITING && doubts.stay)
			say_options(session);
		session->params.environment = session->operator_name = NULL;
	} else {
		fprintf(stderr, "runplan: the record of %s does not begin with the start of a run\n",
			going->run.id);
	}
	event_free(&first);
	people_free(people);
	value_release(data);
	return code;
}

/*
 * What a process was doing when it was killed must not be done again while it is still being done. Until then
 * a child that it was just making may hold, as a copy, what says whose the run is.
 */
static int wait_for_commands(const struct going *going, const struct run_record *run)
{
	if (!run->process || guard_wait(going->place->directory, run->process))
		return EXIT_DONE;
	fprintf(stderr,
		"runplan: run %s was that of %s, which is gone, but commands that it has started are not: go "
		"on with it when they have ended; nothing was changed\n",
		run->id, run->process);
	return EXIT_REFUSED;
}

/* 0, or the exit code. */
static int may_go_on(struct going *going)
{
	bool past = option_given(going->options, "past-checkpoints");
	const struct run_record *run;
	int code = EXIT_DONE;

	if (going->kind == RESUME_RUN && has_ended(&going->run))
		return refuse_resume(&going->run);
	code = wait_for_commands(going, &going->run);
	if (code != EXIT_DONE)
		return code;
	going->record = state_run_open(going->state, &going->run, true);
	if (!going->record) {
		fprintf(stderr, "runplan: %s\n", state_error(going->state));
		return EXIT_REFUSED;
	}
	/* As it is now that it is ours: another process may have gone on with it since it was found. */
	run = state_run_record(going->record);
	if (going->kind == RESUME_ROLLBACK)
		code = can_be_resumed(run) ? refuse_rollback(run) : check_armed(run, going->record, past);
	else if (has_ended(run))
		code = refuse_resume(run);
	if (code == EXIT_DONE)
		code = wait_for_commands(going, run);
	return code != EXIT_DONE ? code : check_newest(going->state, run);
}

static int enter_folder(const struct run_record *run)
{
	if (chdir(run->directory) == 0)
		return EXIT_DONE;
	fprintf(stderr, "runplan: run %s was started in %s, and goes on there: %s\n", run->id, run->directory,
		strerror(errno));
	return EXIT_USAGE;
}

static int go(const struct options *options, enum resuming kind)
{
	const char *id = options->operand_count > 0 ? options->operands[0] : NULL;
	const char *doubt;
	struct state_place place;
	struct going going = {.options = options, .kind = kind, .place = &place};
	struct session session;
	enum doubt known;
	size_t at = 0, length;
	int code;

	while ((doubt = option_next(options, "in-doubt", &at)))
		if (!read_answer(doubt, &length, &known)) {
			fprintf(stderr,
				"runplan: --in-doubt wants done, again or rollback, or one of these for the "
				"change "
				"with an id (0:7=done), not %s\n",
				doubt);
			return EXIT_USAGE;
		}
	if (step_unattended(options))
		return EXIT_REFUSED;
	going.state = state_place_records(options);
	if (!going.state)
		return EXIT_USAGE;
	if (!state_find(going.state, id, kind == RESUME_RUN ? can_be_resumed : has_ended, &going.run)) {
		fprintf(stderr, "runplan: %s\n", state_error(going.state));
		state_close(going.state);
		return EXIT_USAGE;
	}
	place = state_place_of(options);
	code = may_go_on(&going);
	if (code == EXIT_DONE)
		code = enter_folder(&going.run);
	if (code == EXIT_DONE) {
		code = session_open_recorded(&session, options, going.state, &going.run);
		if (code == EXIT_DONE)
			code = run_on(&session, &going);
		else
			going.record->ops->free(going.record);
		session_close(&session);
	} else {
		if (going.record)
			going.record->ops->free(going.record);
		state_close(going.state);
	}
	run_record_free(&going.run);
	state_place_free(&place);
	return code;
}

int cmd_resume(const struct options *options)
{
	return go(options, RESUME_RUN);
}

int cmd_rollback(const struct options *options)
{
	return go(options, RESUME_ROLLBACK);
}
