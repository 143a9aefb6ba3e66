/* cmd_say.c - runplan abort, runplan pause, runplan approve: words to a run. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "builtins/live.h"
#include "cli/commands.h"
#include "cli/people.h"
#include "cli/run_state.h"
#include "cli/session.h"
#include "cli/state_place.h"
#include "interp/drivers.h"

struct saying {
	const struct options *options;
	struct state *state;
	struct run_record run;
};

static bool say(struct saying *saying, const char *kind, const char *item, const char *answer)
{
	struct word word = {
	    .kind = (char *)kind,
	    .item = (char *)item,
	    .answer = (char *)answer,
	    .who = (char *)operator_from_environment(),
	    .comment = (char *)option_value(saying->options, "comment"),
	    .said = live_clock(),
	};

	if (state_say(saying->state, saying->run.number, &word))
		return true;
	fprintf(stderr, "runplan: %s\n", state_error(saying->state));
	return false;
}

static bool find(struct saying *saying, const struct options *options)
{
	saying->options = options;
	saying->state = state_place_records(options);
	if (!saying->state)
		return false;
	if (state_find(saying->state, options->operands[0], NULL, &saying->run))
		return true;
	fprintf(stderr, "runplan: %s\n", state_error(saying->state));
	state_close(saying->state);
	return false;
}

static void done(struct saying *saying)
{
	run_record_free(&saying->run);
	state_close(saying->state);
}

/* ---- abort, pause ---- */

static int to_alive(const struct options *options, const char *kind, const char *what)
{
	struct saying saying = {0};
	int code = EXIT_REFUSED;
	const char *state;

	if (!find(&saying, options))
		return EXIT_USAGE;
	state = run_state_text(saying.state, &saying.run);
	if (strcmp(state, "under way") == 0) {
		code = say(&saying, kind, NULL, NULL) ? EXIT_DONE : EXIT_INTERNAL;
		if (code == EXIT_DONE)
			printf("run %s will %s; runplan watch %s shows it\n", saying.run.id, what,
			       saying.run.id);
	} else if (!saying.run.outcome || strcmp(state, "waiting") == 0 || strcmp(state, "stopped") == 0) {
		fprintf(stderr,
			"runplan: run %s has no process (%s): nothing of it is under way. `runplan resume "
			"%s` goes on "
			"with it, and Ctrl-C there undoes it\n",
			saying.run.id, state, saying.run.id);
	} else {
		fprintf(stderr, "runplan: run %s has ended (%s)\n", saying.run.id, state);
	}
	done(&saying);
	return code;
}

int cmd_abort(const struct options *options)
{
	return to_alive(options, "abort", "stop and undo what it has done");
}

int cmd_pause(const struct options *options)
{
	return to_alive(options, "pause", "stop before its next step");
}

/* ---- approve ---- */

struct open_question {
	char *id, *kind, *text; /* as it was asked */
	struct value choices;	/* or null; of an approval: who may give it */
	char *typing;		/* or NULL */
	int64_t until;		/* when it has to be answered, since 1970 UTC; 0: whenever */
};

/* What the run waits for: the questions that are open on its record. */
struct asked {
	struct open_question *items;
	size_t count;
};

static void question_free(struct open_question *question)
{
	free(question->id);
	free(question->kind);
	free(question->text);
	free(question->typing);
	value_release(question->choices);
}

static char *copy_text(const char *text)
{
	return text ? memory_need(strdup(text)) : NULL;
}

/* "operator.ask": the builtin's name, without the namespace. */
static const char *kind_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot + 1 : name;
}

static void note_question(void *context, const struct event *event)
{
	struct asked *asked = context;
	struct value typing = record_peek(event->data, "typing");

	if (event->kind == EVENT_PERSON_ASKED) {
		asked->items = memory_need(realloc(asked->items, (asked->count + 1) * sizeof(*asked->items)));
		asked->items[asked->count++] = (struct open_question){
		    .id = copy_text(event->id),
		    .kind = copy_text(kind_of(value_text_peek(record_peek(event->data, "kind")))),
		    .text = copy_text(event->text),
		    .choices = value_copy(
			record_peek(event->data, record_has(event->data, "of") ? "of" : "choices")),
		    .until = record_peek(event->data, "until").i,
		    .typing = typing.tag == VALUE_STRING ? copy_text(value_text_peek(typing)) : NULL,
		};
	}
	if (event->kind != EVENT_EFFECT_ENDED)
		return;
	for (size_t i = 0; i < asked->count; i++)
		if (strcmp(asked->items[i].id, event->id) == 0) {
			question_free(&asked->items[i]);
			asked->items[i] = asked->items[--asked->count];
			return;
		}
}

static bool no_more(void *context)
{
	(void)context;
	return false;
}

/* The recorded plan on the recorded answers tells which questions have none. */
static int replay_questions(struct saying *saying, struct asked *asked)
{
	const char *problem;
	struct span at;
	struct store *record = state_run_open(saying->state, &saying->run, false);
	struct session session;
	struct driver *driver;
	struct event first = {0};
	int code;

	if (!record) {
		fprintf(stderr, "runplan: %s\n", state_error(saying->state));
		return EXIT_INTERNAL;
	}
	code = session_open_recorded(&session, saying->options, saying->state, &saying->run);
	if (code == EXIT_DONE && session_take_start(&session, record, &first)) {
		driver = replay_driver_new(record);
		replay_follow(driver, no_more, NULL);
		session.journal = journal_new(NULL);
		journal_observe(session.journal, note_question, asked);
		session_run(&session, driver);
		problem = replay_problem(driver, &at);
		if (problem) {
			fprintf(stderr, "runplan: the record cannot be read any further: %s\n", problem);
			code = EXIT_INTERNAL;
		}
		driver->ops->free(driver);
		session.params.environment = session.operator_name = NULL;
	}
	event_free(&first);
	session.state = NULL; /* still ours */
	session_close(&session);
	record->ops->free(record);
	return code;
}

/* For a terminal: a question may hold what the world gave. */
static char *shown(const char *text)
{
	struct buffer clean = {0};
	char *copy;

	text_clean(text, strlen(text), &clean);
	copy = copy_text(buffer_text(&clean));
	buffer_free(&clean);
	return copy;
}

static void print_open(const struct saying *saying, const struct asked *asked)
{
	if (asked->count == 0)
		fprintf(stderr, "runplan: run %s waits for nobody (%s)\n", saying->run.id,
			run_state_text(saying->state, &saying->run));
	for (size_t i = 0; i < asked->count; i++) {
		const struct open_question *question = &asked->items[i];
		char *text = shown(question->text),
		     *typing = question->typing ? shown(question->typing) : NULL;

		if (i == 0)
			fprintf(stderr, "runplan: run %s waits for:\n", saying->run.id);
		fprintf(stderr, "  %s \"%s\" (%s)%s%s\n", question->kind, text, question->id,
			typing ? "; the answer is the phrase: " : "", typing ? typing : "");
		free(text);
		free(typing);
	}
}

static bool begins(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/*
 * By its id; by its text, as it is or as it is shown; or by what it begins with. NULL, with *count of those that are
 * called so: none, or several.
 */
static const struct open_question *question_called(const struct asked *asked, const char *item, size_t *count)
{
	const struct open_question *found = NULL, *exact = NULL;
	size_t begun = 0;

	*count = 0;
	for (size_t i = 0; i < asked->count; i++) {
		const struct open_question *question = &asked->items[i];
		char *text;

		if (strcmp(question->id, item) == 0)
			return question;
		text = shown(question->text);
		if (strcmp(question->text, item) == 0 || strcmp(text, item) == 0) {
			exact = question;
			++*count;
		} else if (begins(question->text, item) || begins(text, item)) {
			found = question;
			begun++;
		}
		free(text);
	}
	if (*count == 0) {
		*count = begun;
		exact = found;
	}
	return *count == 1 ? exact : NULL;
}

/* Why this is no answer; NULL: it is one. */
static const char *wrong_answer(const struct open_question *question, const char *answer, bool no)
{
	bool ask = strcmp(question->kind, "ask") == 0;
	bool known = false;

	if (strcmp(question->kind, "prompt") == 0)
		return "a secret is only typed at the run's own terminal";
	if (no)
		return ask ? "a question with an answer cannot be answered with no" : NULL;
	if (ask && !answer)
		return "it wants an answer: --answer TEXT";
	if (!ask && !question->typing && answer)
		return "it takes no --answer: it is answered with yes, or by --no";
	for (size_t i = 0; ask && i < value_length(question->choices); i++)
		known |= strcmp(value_text_peek(list_peek(question->choices, i)), answer) == 0;
	if (ask && value_length(question->choices) > 0 && !known)
		return "the answer is none of its choices";
	if (!ask && question->typing && (!answer || strcmp(answer, question->typing) != 0))
		return "it wants its phrase: --answer PHRASE";
	return NULL;
}

static bool is_late(const struct open_question *question, const char *text)
{
	char until[48];

	if (question->until == 0 || live_clock() <= question->until)
		return false;
	fprintf(stderr, "runplan: \"%s\": its time was over at %s; nothing was answered\n", text,
		time_text(question->until / 1000000000 * 1000000000, until));
	return true;
}

static int approve(struct saying *saying, const struct asked *asked, const char *item)
{
	size_t count;
	const struct open_question *question = question_called(asked, item, &count);
	const char *answer = option_value(saying->options, "answer");
	bool no = option_given(saying->options, "no"), alive = state_alive(saying->state, &saying->run);
	int code = EXIT_DONE;
	const char *wrong;
	char *text;

	if (!question) {
		if (count > 0)
			fprintf(stderr,
				"runplan: %zu questions are called \"%s\"; what stands in brackets names one\n",
				count, item);
		else
			fprintf(stderr, "runplan: nobody is asked \"%s\"\n", item);
		print_open(saying, asked);
		return EXIT_REFUSED;
	}
	text = shown(question->text);
	if (is_late(question, text)) {
		free(text);
		return EXIT_REFUSED;
	}
	wrong = wrong_answer(question, answer, no);
	if (!wrong && strcmp(question->kind, "approve") == 0)
		wrong = approval_refused(saying->run.operator_name, question->choices,
					 operator_from_environment());
	if (wrong) {
		fprintf(stderr, "runplan: \"%s\": %s\n", text, wrong);
		code = EXIT_USAGE;
	} else if (!say(saying, "answer", question->id, no ? "no" : answer)) {
		code = EXIT_INTERNAL;
	} else {
		printf("\"%s\" is answered%s%s\n", text, alive ? "" : "; to go on: runplan resume ",
		       alive ? "" : saying->run.id);
	}
	free(text);
	return code;
}

int cmd_approve(const struct options *options)
{
	struct saying saying = {0};
	struct asked asked = {0};
	int code;

	if (!find(&saying, options))
		return EXIT_USAGE;
	code = replay_questions(&saying, &asked);
	if (code == EXIT_DONE && options->operand_count > 1) {
		code = approve(&saying, &asked, options->operands[1]);
	} else if (code == EXIT_DONE) {
		print_open(&saying, &asked);
		code = asked.count > 0 ? EXIT_DONE : EXIT_REFUSED;
	}
	for (size_t i = 0; i < asked.count; i++)
		question_free(&asked.items[i]);
	free(asked.items);
	done(&saying);
	return code;
}
