/* people.c - see people.h. */
#define _GNU_SOURCE
#include "cli/people.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "cli/typing.h"
#include "interp/constant.h"

#define NEXT_QUESTION_NS 5000000 /* 5 ms: many turns of the loop, and nothing a person would notice */

struct question {
	struct question *next;
	struct effect_call *call;
	char *kind, *text, *typing; /* typing: or NULL */
	struct value choices;
	bool secret;
	int64_t approvals;    /* so many others are wanted */
	struct value granted; /* by these, a list */
};

struct people {
	const struct options *options;
	const struct page *page;
	bool yes, terminal;
	bool kept; /* questions may be answered from elsewhere */
	bool news; /* a question has come */
	struct question *first, **tail; /* the first is being asked */
	struct question *approvals;	/* others are asked */
	const char *operator_name;	/* who may not approve, or NULL */
	int fd;				/* the terminal while a question is open, -1 */
	struct live_poll *poll;
	struct live_timer *turn; /* the next question, once what the last answer led to has been shown */
	bool quiet;		 /* keys do not show while nobody asks */
	struct typing *typing;	 /* NULL: the terminal is as it was, and gives lines as it does */
	struct typed typed;
};

bool people_at_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

bool step_unattended(const struct options *options)
{
	if (!option_given(options, "step") || people_at_terminal() || option_given(options, "yes"))
		return false;
	fprintf(stderr, "runplan: refused: --step asks before each step, and nobody is at a terminal\n");
	return true;
}

struct people *people_new(const struct options *options, const struct page *page)
{
	struct people *people = memory_need(calloc(1, sizeof(*people)));

	people->options = options;
	people->page = page;
	people->yes = option_given(options, "yes");
	people->terminal = people_at_terminal();
	people->tail = &people->first;
	people->fd = -1;
	return people;
}

/* ---- answers given beforehand ---- */

/* Does `label`, in which ${...} stands for any text, say `text`? */
static bool label_says(const char *label, size_t length, const char *text)
{
	const char *hole = memmem(label, length, "${", 2), *close;
	size_t before, rest;

	if (!hole)
		return strlen(text) == length && memcmp(label, text, length) == 0;
	before = (size_t)(hole - label);
	if (strncmp(label, text, before) != 0)
		return false;
	close = memchr(hole, '}', length - before);
	if (!close)
		return false;
	rest = length - (size_t)(close + 1 - label);
	for (text += before;; text++) {
		if (label_says(close + 1, rest, text))
			return true;
		if (!*text)
			return false;
	}
}

/* Does what was given (its first `length` bytes) name the question `text`, or the place in the plan that is
 * `label`? */
static bool names(const char *given, size_t length, const char *text, const char *label)
{
	char *whole;
	bool says;

	if (text)
		return label_says(given, length, text) ||
		       (label && strlen(label) == length && strncmp(label, given, length) == 0);
	/* Before the run only the place is known: any text that its holes could give will do until then. */
	whole = memory_need(strndup(given, length));
	says = strcmp(label, whole) == 0 || label_says(label, strlen(label), whole);
	free(whole);
	return says;
}

/*
 * A --confirm that names this question (`text` NULL: not yet known). *phrase is what follows the fitting =,
 * or NULL.
 */
static bool confirmed(const struct people *people, const char *text, const char *label, const char **phrase)
{
	const char *given;
	size_t at = 0;

	while ((given = option_next(people->options, "confirm", &at))) {
		const char *equals = given;

		*phrase = NULL;
		if (names(given, strlen(given), text, label))
			return true;
		while ((equals = strchr(equals, '='))) {
			*phrase = equals + 1;
			if (names(given, (size_t)(equals - given), text, label))
				return true;
			equals++;
		}
	}
	return false;
}

/* The choice that the line names by its text or its number; null: none. */
static struct value chosen(struct value choices, const char *line)
{
	size_t i;
	char *end;
	unsigned long number;

	for (i = 0; i < value_length(choices); i++)
		if (strcmp(value_text_peek(list_peek(choices, i)), line) == 0)
			return value_copy(list_peek(choices, i));
	number = strtoul(line, &end, 10);
	if (end != line && !*end && number >= 1 && number <= value_length(choices))
		return value_copy(list_peek(choices, number - 1));
	return value_null();
}

static bool is_kind(const char *kind, const char *name)
{
	return strcmp(kind, name) == 0;
}

/* ---- before the run: who would be needed ---- */

struct search {
	struct span span;
	enum node_kind kind;
	const struct node *found;
};

static void find_node(struct node *node, void *context)
{
	struct search *search = context;

	if (search->found || node->span.from > search->span.from || node->span.to < search->span.to)
		return;
	if (node->kind == search->kind) {
		search->found = node;
		return;
	}
	ast_each_child(node, find_node, search);
}

/* The node of this kind that stands at the place, or around it; NULL: none. */
static const struct node *node_at(const struct compilation *compilation, const struct person_place *place,
				  enum node_kind kind)
{
	struct search search = {.span = place->span, .kind = kind};
	const struct compilation *plan;
	struct module *module;

	for (plan = compilation; plan; plan = plan == compilation ? compilation->plans : plan->next)
		for (module = plan->modules; module && !search.found; module = module->next)
			if (module->source == place->span.file)
				ast_each_child(module->file, find_node, &search);
	return search.found;
}

/* What a place wants to hear. */
enum wanted {
	WANTED_YES,	 /* confirm, manual: --yes will do */
	WANTED_DECISION, /* `else ask` and the like: yes, but for this one */
	WANTED_PHRASE,
	WANTED_ANSWER, /* operator.ask */
	WANTED_APPROVALS,
	WANTED_SECRET, /* secret … = prompt(…) */
};

static enum wanted wanted_at(const struct compilation *compilation, const struct person_place *place)
{
	const struct node *node;

	if (is_kind(place->kind, "confirm")) {
		node = node_at(compilation, place, NODE_CONFIRM);
		return node && node->person.phrase ? WANTED_PHRASE : WANTED_YES;
	}
	if (is_kind(place->kind, "approve"))
		return WANTED_APPROVALS;
	if (!is_kind(place->kind, "ask"))
		return WANTED_YES;
	if (node_at(compilation, place, NODE_SECRET))
		return WANTED_SECRET;
	node = node_at(compilation, place, NODE_CALL);
	return node && node->span.from == place->span.from && node->span.to == place->span.to
		   ? WANTED_ANSWER
		   : WANTED_DECISION;
}

bool people_asked_outright(const struct compilation *compilation, const struct person_place *place)
{
	return wanted_at(compilation, place) != WANTED_DECISION;
}

static bool answered_beforehand(const struct people *people, const struct compilation *compilation,
				const struct person_place *place)
{
	enum wanted wanted = wanted_at(compilation, place);
	const char *phrase;

	if (people->yes && wanted == WANTED_YES)
		return true;
	return wanted != WANTED_APPROVALS && confirmed(people, NULL, place->label, &phrase) &&
	       (phrase || wanted == WANTED_YES || wanted == WANTED_DECISION);
}

/* The choices of an operator.ask, where they are written out; null: none, or only the run knows them. */
static struct value choices_at(const struct compilation *compilation, const struct person_place *place)
{
	const struct node *call = node_at(compilation, place, NODE_CALL), *argument;
	struct value choices = value_null();
	struct span where;
	size_t number = 0;

	for (argument = call->call.arguments; argument; argument = argument->next, number++) {
		const char *name = argument->argument.name.text;

		if ((name ? is_kind(name, "choices") : number == 1) &&
		    !constant_with_lets(argument->argument.value, &choices, &where))
			choices = value_null();
	}
	return choices;
}

/* An answer given beforehand that is none of the choices. */
static bool is_no_choice(const struct people *people, const struct compilation *compilation,
			 const struct person_place *place, FILE *out)
{
	struct value choices, choice, shown;
	const char *given = NULL;

	if (wanted_at(compilation, place) != WANTED_ANSWER ||
	    !confirmed(people, NULL, place->label, &given) || !given)
		return false;
	choices = choices_at(compilation, place);
	choice = value_length(choices) ? chosen(choices, given) : value_string("");
	if (choice.tag == VALUE_NULL) {
		shown = value_show(choices, 200);
		fprintf(out,
			"runplan: refused: \"%s\": the answer given by --confirm, \"%s\", is none of %s\n",
			place->label, given, value_text_peek(shown));
		value_release(shown);
	}
	value_release(choices);
	value_release(choice);
	return choice.tag == VALUE_NULL;
}

static void print_place(FILE *out, const struct compilation *compilation, const struct person_place *place)
{
	static const char *const behind[] = {
	    [WANTED_YES] = "' or by --yes",
	    [WANTED_DECISION] = "'",
	    [WANTED_PHRASE] = "=PHRASE'",
	    [WANTED_ANSWER] = "=ANSWER'",
	};
	const struct source *source = source_get(compilation->sources, place->span.file);
	struct position at = source_position(compilation->sources, place->span.file, place->span.from);
	enum wanted wanted = wanted_at(compilation, place);
	const char *c;

	fprintf(out, "%s:%u:%u: %s \"%s\"\n", source->path, at.line, at.column,
		wanted == WANTED_SECRET ? "prompt" : place->kind, place->label);
	if (wanted == WANTED_SECRET) { /* --confirm would do, but all the machine can read it there */
		fprintf(out, "  a secret from env(...) or file(...) needs nobody\n");
		return;
	}
	if (wanted == WANTED_APPROVALS) {
		fputs("  answered by others, while the run waits: runplan approve\n", out);
		return;
	}
	fputs("  answered beforehand by --confirm '", out);
	for (c = place->label; *c; c++)
		fputs(*c == '\'' ? "'\\''" : (char[]){*c, '\0'}, out);
	fprintf(out, "%s\n", behind[wanted]);
}

static bool asks_whether_to_go_on(const struct compilation *compilation, const struct person_place *place)
{
	return !people_asked_outright(compilation, place);
}

/* A secret is never on record, and so can't be answered from elsewhere. */
static bool wants_secret(const struct compilation *compilation, const struct person_place *place)
{
	return wanted_at(compilation, place) == WANTED_SECRET;
}

/* Of these places; their number. */
static size_t print_unanswered(const struct people *people, const struct compilation *compilation,
			       bool (*which)(const struct compilation *, const struct person_place *), FILE *out,
			       const char *headline)
{
	const struct person_place *place;
	size_t count = 0;

	for (place = compilation->people; place; place = place->next) {
		if (!which(compilation, place) || answered_beforehand(people, compilation, place))
			continue;
		if (count++ == 0)
			fputs(headline, out);
		print_place(out, compilation, place);
	}
	return count;
}

size_t people_missing(const struct people *people, const struct compilation *compilation, FILE *out)
{
	const struct person_place *place;
	size_t count, wrong = 0;

	for (place = compilation->people; place; place = place->next)
		wrong += is_no_choice(people, compilation, place, out);
	if (people->terminal)
		return wrong;
	count = print_unanswered(people, compilation, people->kept ? wants_secret : people_asked_outright, out,
				 "runplan: refused: the plan needs a person, and nobody is at a terminal\n");
	if (count + wrong == 0)
		print_unanswered(
		    people, compilation, asks_whether_to_go_on, out,
		    "runplan: nobody is at a terminal; should one of these ask whether to go on, "
		    "the answer is no\n");
	return count + wrong;
}

size_t people_list(const struct compilation *compilation, FILE *out)
{
	const struct person_place *place;
	size_t count = 0;

	for (place = compilation->people; place; place = place->next, count++)
		print_place(out, compilation, place);
	return count;
}

/* ---- asking ---- */

static void approval_remove(struct people *people, struct question *question);

static void question_show(struct people *people);

static void question_free(struct question *question)
{
	free(question->kind);
	free(question->text);
	free(question->typing);
	value_release(question->choices);
	value_release(question->granted);
	free(question);
}

/* Whichever of the terminal's descriptors lives as long as we do. */
static int keyboard(void)
{
	return isatty(STDIN_FILENO) ? STDIN_FILENO : STDERR_FILENO;
}

static bool set_mode(struct people *people, enum typing_mode mode)
{
	if (people->typing)
		return typing_change(people->typing, mode);
	people->typing = typing_begin(keyboard(), mode);
	return people->typing != NULL;
}

/* Nobody asks. */
static void rest(struct people *people)
{
	if (people->quiet && typing_foreground(keyboard())) {
		set_mode(people, TYPING_HIDDEN);
		return;
	}
	typing_end(people->typing);
	people->typing = NULL;
}

static void terminal_close(struct people *people)
{
	rest(people);
	live_poll_stop(people->poll);
	people->poll = NULL;
	if (people->page->screen)
		screen_answered(people->page->screen);
	if (people->fd >= 0)
		close(people->fd);
	people->fd = -1;
	typed_forget(&people->typed);
}

static void next_turn(void *context)
{
	struct people *people = context;

	live_timer_stop(people->turn);
	people->turn = NULL;
	if (people->first)
		question_show(people);
}

static void question_remove(struct people *people, struct question *question)
{
	struct question **link = &people->first;
	bool shown = people->first == question;

	while (*link != question)
		link = &(*link)->next;
	*link = question->next;
	if (!*link)
		people->tail = link;
	question_free(question);
	if (!shown)
		return;
	terminal_close(people);
	if (people->first && !people->turn && people->terminal)
		people->turn =
		    live_timer_start(people->first->call->live, NEXT_QUESTION_NS, next_turn, people);
}

static void say(struct people *people, const char *lead, const char *text)
{
	page_line(people->page, NULL, 0, STYLE_STRONG, lead, text);
}

/* `again`: what was typed is no answer. */
static void prompt(struct people *people, const struct question *question, bool again)
{
	const char *how =
	    question->typing ? again ? "that is not the phrase; type it, or no: " : "type the phrase, or no: "
	    : is_kind(question->kind, "ask") ? value_length(question->choices) > 0 ? "number or text: "
					       : question->secret		   ? "answer (not shown): "
										   : "answer: "
	    : again			     ? "please type yes or no: "
					     : "yes or no: ";

	typed_forget(&people->typed);
	if (people->page->screen)
		screen_prompt(people->page->screen, how);
	else
		page_printf(people->page, "  %s", how);
}

/* The line on which the person was is left, where it is the terminal's own. */
static void leave_line(struct people *people)
{
	if (!people->page->screen)
		page_printf(people->page, "\n");
}

static void question_print(struct people *people, const struct question *question)
{
	size_t i;

	if (people->page->screen && !typing_foreground(people->fd))
		say(people, "Question, to be answered after `fg`: ", question->text);
	if (people->page->screen)
		screen_question(people->page->screen);
	say(people,
	    is_kind(question->kind, "manual") ? "To be done by a person: " : "Question: ", question->text);
	if (question->typing) {
		struct value phrase = value_string_printf("the phrase is %s", question->typing);

		page_line(people->page, NULL, 2, STYLE_NORMAL, NULL, value_text_peek(phrase));
		value_release(phrase);
	}
	for (i = 0; i < value_length(question->choices); i++) {
		struct value choice =
		    value_string_printf("%zu  %s", i + 1, value_text_peek(list_peek(question->choices, i)));

		page_line(people->page, NULL, 2, STYLE_NORMAL, NULL, value_text_peek(choice));
		value_release(choice);
	}
	prompt(people, question, false);
}

static bool said_yes(const char *line)
{
	return strcasecmp(line, "yes") == 0 || strcasecmp(line, "y") == 0;
}

static bool said_no(const char *line)
{
	return strcasecmp(line, "no") == 0 || strcasecmp(line, "n") == 0;
}

static void answer_no(struct people *people, struct question *question, const char *how)
{
	struct effect_call *call = question->call;
	struct value text = value_string_printf("\"%s\" %s", question->text, how);

	question_remove(people, question);
	call_refused(call, "%s", value_text_peek(text));
	value_release(text);
}

/*
 * Can it stay open until somebody answers from elsewhere? Not a secret, which is on no record; nor whether to go on in spite
 * of something: something is wrong then, and leaving it so until somebody comes is no answer.
 */
static bool may_stay(const struct people *people, const char *kind, bool secret)
{
	return people->kept && !secret && !is_kind(kind, "decide");
}

/* From here on nobody is there: what may stay open waits. */
static void terminal_lost(struct people *people)
{
	struct question *question, *next;

	people->terminal = false;
	people->news = true;
	terminal_close(people);
	for (question = people->first; question; question = next) {
		next = question->next;
		if (!may_stay(people, question->kind, question->secret))
			answer_no(people, question, "could not be asked: the terminal is gone");
	}
}

static void answer(struct people *people, struct question *question, struct value v)
{
	struct effect_call *call = question->call;

	question_remove(people, question);
	call_ok(call, v);
}

static void answer_secret(struct effect_call *call, const char *text)
{
	if (strlen(text) < SECRET_MIN)
		call_failed(call, SECRET_TOO_SHORT, "the prompt", SECRET_MIN);
	else
		call_ok(call, value_mark(value_string(text), VALUE_SECRET));
}

static void take_ask(struct people *people, struct question *question, const char *line)
{
	struct value v;

	if (question->secret) {
		struct effect_call *call = question->call;

		question_remove(people, question);
		answer_secret(call, line);
		return;
	}
	if (value_length(question->choices) == 0) {
		answer(people, question, value_string(line));
		return;
	}
	v = chosen(question->choices, line);
	if (v.tag != VALUE_NULL)
		answer(people, question, v);
	else
		prompt(people, question, true);
}

static void take_line(struct people *people, const char *line)
{
	struct question *question = people->first;

	if (is_kind(question->kind, "ask")) {
		take_ask(people, question, line);
	} else if (question->typing && strcmp(line, question->typing) == 0) {
		answer(people, question, value_bool(true));
	} else if (said_no(line)) {
		answer_no(people, question, "was answered with no");
	} else if (!question->typing && said_yes(line)) {
		answer(people, question, value_bool(true));
	} else {
		prompt(people, question, true);
	}
}

static void trim(char *line)
{
	size_t length = strlen(line);

	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		line[--length] = '\0';
}

static void show_typed(struct people *people)
{
	struct buffer shown = {0};

	if (!people->page->screen || people->first->secret)
		return;
	text_clean(people->typed.line, people->typed.length, &shown);
	screen_typed(people->page->screen, buffer_text(&shown));
	buffer_free(&shown);
}

static void take_typed(struct people *people)
{
	struct typed typed = people->typed;

	typed_forget(&people->typed);
	if (people->first->secret)
		leave_line(people);
	take_line(people, typed.line);
	typed_forget(&typed);
}

/* Byte by byte, so that what was typed behind the answer is left to the next question. */
static void terminal_readable(void *context, int events)
{
	struct people *people = context;
	enum typed_what what = TYPED_MORE;
	ssize_t got;
	char byte;

	(void)events;
	while (what == TYPED_MORE && (got = read(people->fd, &byte, 1)) == 1)
		what = typed_add(&people->typed, byte);
	if (what == TYPED_LINE) {
		take_typed(people);
	} else if (what == TYPED_MORE && got < 0 && (errno == EAGAIN || errno == EINTR)) {
		show_typed(people);
	} else {
		leave_line(people);
		if (isatty(people->fd)) /* Ctrl-D */
			answer_no(people, people->first, "was left without an answer");
		else
			terminal_lost(people);
	}
}

/* On a screen the view shows what is typed; else the terminal does, and only a secret is hidden. In the
 * background only a secret is worth being stopped for: other questions wait until somebody types. */
static bool take_terminal(struct people *people, const struct question *question)
{
	bool keys = people->page->screen != NULL;

	if (!question->secret && (!keys || !typing_foreground(people->fd)))
		return true;
	return set_mode(people, keys ? TYPING_KEYS : TYPING_HIDDEN);
}

void people_quiet(struct people *people)
{
	people->quiet = true;
	rest(people);
}

void people_suspend(struct people *people)
{
	typing_end(people->typing);
	people->typing = NULL;
}

void people_resume(struct people *people)
{
	if (people->typing)
		return;
	if (people->first && people->fd >= 0)
		take_terminal(people, people->first);
	else
		rest(people);
}

/* Asks the first question of the queue. The terminal is opened anew: its flags are no one else's then. */
static void question_show(struct people *people)
{
	struct question *question = people->first;
	const char *name = ttyname(STDIN_FILENO);

	people->fd = open(name ? name : "/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (people->fd < 0 || !take_terminal(people, question)) {
		terminal_lost(people);
		return;
	}
	question_print(people, question);
	people->poll =
	    live_poll_start(question->call->live, people->fd, UV_READABLE, terminal_readable, people);
}

static struct question *question_new(struct effect_call *call, const struct live_person_request *request)
{
	struct question *question = memory_need(calloc(1, sizeof(*question)));

	question->call = call;
	question->kind = memory_need(strdup(request->kind));
	question->text = memory_need(strdup(request->text ? request->text : ""));
	question->typing = request->typing ? memory_need(strdup(request->typing)) : NULL;
	question->choices = value_copy(request->choices);
	question->secret = request->secret;
	question->approvals = request->approvals;
	question->granted = list_new(0);
	return question;
}

static void answer_with(struct effect_call *call, const struct live_person_request *request,
			const char *given)
{
	bool choice = value_length(request->choices) > 0;
	struct value v = request->secret ? value_null() : choice ? chosen(request->choices, given) : value_string(given);

	if (choice && v.tag == VALUE_NULL) {
		struct value shown = value_show(request->choices, 200);

		call_refused(call, "\"%s\": the answer given by --confirm, \"%s\", is none of %s",
			     request->text, given, value_text_peek(shown));
		value_release(shown);
		return;
	}
	if (request->secret)
		answer_secret(call, given);
	else
		call_ok(call, v);
}

static bool answer_beforehand(struct people *people, struct effect_call *call,
			      const struct live_person_request *request)
{
	bool ask = is_kind(request->kind, "ask"), named;

	if (is_kind(request->kind, "approve"))
		return false;
	bool yes = people->yes && !is_kind(request->kind, "decide");
	const char *phrase = NULL;

	named = confirmed(people, request->text, call->label, &phrase);
	if (ask && named && phrase) {
		answer_with(call, request, phrase);
		return true;
	}
	if (!ask && named && request->typing && phrase && strcmp(phrase, request->typing) != 0) {
		call_refused(call, "\"%s\": the phrase given by --confirm is not the one that was asked for",
			     request->text);
		return true;
	}
	if (!ask && ((named && (!request->typing || phrase)) || (yes && !request->typing))) {
		call_ok(call, value_bool(true));
		return true;
	}
	return false;
}

static void say_approvals(struct people *people, const struct question *question)
{
	struct value text = value_string_printf("%s: %zu of %" PRId64 " have approved", question->text,
						value_length(question->granted), question->approvals);

	say(people, "Approval: ", value_text_peek(text));
	value_release(text);
}

static void ask_others(struct people *people, struct effect_call *call, const struct live_person_request *request)
{
	struct question *question;

	if (!people->kept) {
		call_refused(call, "\"%s\" needs the approval of others, and this run is not kept on record",
			     request->text);
		return;
	}
	question = question_new(call, request);
	question->next = people->approvals;
	people->approvals = question;
	people->news = true;
	say_approvals(people, question);
}

void people_ask(void *context, struct effect_call *call, const struct live_person_request *request)
{
	struct people *people = context;
	struct question *question;
	bool idle = people->first == NULL;

	if (answer_beforehand(people, call, request))
		return;
	if (is_kind(request->kind, "approve")) {
		ask_others(people, call, request);
		return;
	}
	if (!people->terminal && !may_stay(people, request->kind, request->secret)) {
		call_refused(call, "\"%s\" needs a person, and nobody is at a terminal", request->text);
		return;
	}
	question = question_new(call, request);
	*people->tail = question;
	people->tail = &question->next;
	people->news = true;
	if (!people->terminal || !idle || people->turn)
		return;
	if (people->typing) /* at rest: it did not show, and is no answer */
		typing_forget(keyboard());
	question_show(people);
}

/* ---- answers from elsewhere ---- */

void people_keep(struct people *people, const char *operator_name)
{
	people->kept = true;
	people->operator_name = operator_name;
}

bool people_wait(const struct people *people)
{
	return !people->terminal && (people->first || people->approvals);
}

static void approval_remove(struct people *people, struct question *question)
{
	struct question **link = &people->approvals;

	while (*link != question)
		link = &(*link)->next;
	*link = question->next;
	question_free(question);
}

static bool list_holds(struct value list, const char *text)
{
	for (size_t i = 0; i < value_length(list); i++)
		if (strcmp(value_text_peek(list_peek(list, i)), text) == 0)
			return true;
	return false;
}

const char *approval_refused(const char *operator_name, struct value people, const char *who)
{
	if (!who)
		return "nobody knows who you are: set RUNPLAN_OPERATOR";
	if (operator_name && strcmp(operator_name, who) == 0)
		return "who runs the plan does not approve it";
	if (people.tag == VALUE_LIST && !list_holds(people, who))
		return "the plan does not name you among those who may";
	return NULL;
}

/* Of one of several; the last one lets the run go on. */
static bool approve(struct people *people, struct question *question, bool no, const char *who, const char *comment)
{
	struct effect_call *call = question->call;
	struct value by, all;

	if (approval_refused(people->operator_name, question->choices, who) || list_holds(question->granted, who))
		return false;
	by = value_string_printf("%s%s%s", who, comment ? ": " : "", comment ? comment : "");
	if (no) {
		struct value how =
		    value_string_printf("\"%s\" was answered with no by %s", question->text, value_text_peek(by));

		approval_remove(people, question);
		call_refused(call, "%s", value_text_peek(how));
		value_release(how);
		value_release(by);
		return true;
	}
	value_release(by);
	list_push(&question->granted, value_string(who));
	say_approvals(people, question);
	if ((int64_t)value_length(question->granted) < question->approvals)
		return true;
	all = value_string("");
	for (size_t i = 0; i < value_length(question->granted); i++) {
		struct value longer = value_string_printf("%s%s%s", value_text_peek(all), i ? ", " : "",
							  value_text_peek(list_peek(question->granted, i)));
		value_release(all);
		all = longer;
	}
	approval_remove(people, question);
	call_answered(call, value_bool(true), value_text_peek(all));
	value_release(all);
	return true;
}

bool people_news(struct people *people)
{
	bool news = people->news;

	people->news = false;
	return news;
}

/* What it is an answer with; null: it is none, or no. */
static struct value answer_from(const struct question *question, const char *given)
{
	if (is_kind(question->kind, "ask"))
		return !given			       ? value_null()
		       : value_length(question->choices) ? chosen(question->choices, given)
							 : value_string(given);
	if (question->typing)
		return given && strcmp(given, question->typing) == 0 ? value_bool(true) : value_null();
	return !given || said_yes(given) ? value_bool(true) : value_null();
}

static bool is_late(const struct question *question, int64_t said)
{
	return question->call->until != 0 && said > question->call->until;
}

bool people_answer(struct people *people, const char *id, const char *given, const char *who, const char *comment,
		   int64_t said)
{
	struct question *question = people->approvals;
	struct value v, by;

	while (question && strcmp(question->call->id, id) != 0)
		question = question->next;
	if (question)
		return !is_late(question, said) &&
		       approve(people, question, given && said_no(given), who, comment);
	question = people->first;
	while (question && strcmp(question->call->id, id) != 0)
		question = question->next;
	if (!question || question->secret || is_late(question, said))
		return false;
	v = answer_from(question, given);
	if (v.tag == VALUE_NULL && !(given && said_no(given)))
		return false;
	by = value_string_printf("%s%s%s", who ? who : "somebody", comment ? ": " : "", comment ? comment : "");
	if (question == people->first && people->fd >= 0)
		leave_line(people);
	if (v.tag == VALUE_NULL) {
		struct value how = value_string_printf("was answered with no by %s", value_text_peek(by));

		answer_no(people, question, value_text_peek(how));
		value_release(how);
	} else {
		struct effect_call *call = question->call;

		question_remove(people, question);
		call_answered(call, v, value_text_peek(by));
	}
	value_release(by);
	return true;
}

void people_ask_cancel(void *context, struct effect_call *call)
{
	struct people *people = context;
	struct question *question;

	for (question = people->approvals; question; question = question->next)
		if (question->call == call) {
			approval_remove(people, question);
			call_unknown(call, "cancelled");
			return;
		}
	for (question = people->first; question; question = question->next)
		if (question->call == call)
			break;
	if (!question)
		return;
	if (question == people->first && people->fd >= 0)
		leave_line(people);
	question_remove(people, question);
	call_unknown(call, "cancelled");
}

void people_free(struct people *people)
{
	if (!people)
		return;
	typing_end(people->typing);
	while (people->approvals)
		approval_remove(people, people->approvals);
	while (people->first) {
		struct question *question = people->first;

		people->first = question->next;
		question_free(question);
	}
	free(people);
}

char *people_read_line(const char *text)
{
	char *line = NULL;
	size_t room = 0;

	fputs(text, stderr);
	fflush(stderr);
	if (getline(&line, &room, stdin) < 0) {
		fputc('\n', stderr);
		free(line);
		return NULL;
	}
	trim(line);
	return line;
}
