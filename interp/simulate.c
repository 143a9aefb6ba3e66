/* simulate.c - the driver with made-up answers and a virtual clock; see drivers.h. */
#include "interp/drivers.h"

#include <ctype.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grammar/parse.h"
#include "interp/buffer.h"
#include "interp/constant.h"
#include "interp/heap.h"

struct table_entry {
	struct given given; /* owned copies */
	size_t asked;	    /* how often it has answered */
};

/* A request that was started and has not been answered yet. */
struct under_way {
	struct heap_entry entry; /* first; when it ends; serial: order of start. Not in the heap: never */
	char *id;
	const struct builtin *builtin;
	struct value shown; /* of changes, and of what never ends; else null */
	struct outcome outcome;
	bool cancelled;
};

struct scheduled {
	int64_t at;
	int signal;
};

struct simulate {
	struct driver driver;
	const struct registry *registry;
	struct table_entry *table;
	size_t table_count;
	void *under_way;  /* a tree by id: tsearch(3) */
	struct heap ends; /* of those that end */
	uint64_t started;
	struct scheduled *signals; /* in order of time */
	size_t signal_count;
	int64_t now;
	struct value ledger;
	struct value problem;
};

static struct simulate *simulate_of(struct driver *driver)
{
	return (struct simulate *)driver; /* driver comes first */
}

/* ---- answers ---- */

/* What is asked: a builtin, or a threshold or task of the plan (`given`: its name and its arguments). */
struct question {
	const char *target;
	const struct value *args;
	size_t count;
};

static bool arguments_match(const struct value args, const struct question *question)
{
	size_t i;

	if (args.tag != VALUE_LIST)
		return true;
	if (value_length(args) > question->count)
		return false;
	for (i = 0; i < value_length(args); i++)
		if (list_peek(args, i).tag != VALUE_UNKNOWN &&
		    !value_equal(list_peek(args, i), question->args[i]))
			return false;
	return true;
}

static bool answers(const struct table_entry *entry, const struct question *question, bool takes)
{
	const struct given *given = &entry->given;

	return (given->kind == GIVEN_TAKES) == takes && strcmp(given->target, question->target) == 0 &&
	       (given->times == 0 || entry->asked < given->times) && arguments_match(given->args, question);
}

/* The first that names the request and is not used up; of those that only delay, or of those that answer. */
static struct table_entry *find_given(struct simulate *simulate, const struct question *question, bool takes)
{
	size_t i;

	for (i = 0; i < simulate->table_count; i++)
		if (answers(&simulate->table[i], question, takes)) {
			simulate->table[i].asked++;
			return &simulate->table[i];
		}
	return NULL;
}

static struct value own_answer(const struct effect_request *request)
{
	if (request->builtin->simulate)
		return request->builtin->simulate(request);
	return request->builtin->effect == EFFECT_READ ? value_unknown() : value_null();
}

static struct outcome given_answer(const struct table_entry *entry)
{
	const struct given *given = &entry->given;
	struct outcome outcome = {.value = value_copy(given->details), .message = value_copy(given->message)};
	size_t last;

	switch (given->kind) {
	case GIVEN_FAILS:
		outcome.kind = OUTCOME_FAILED;
		return outcome;
	case GIVEN_REFUSES:
		outcome.kind = OUTCOME_REFUSED;
		return outcome;
	default:
		outcome_release(&outcome);
		last = value_length(given->answers) - 1;
		return outcome_ok(
		    value_item(given->answers, entry->asked - 1 < last ? entry->asked - 1 : last));
	}
}

static struct question question_about(const char *target, struct value args)
{
	return (struct question){target, args.tag == VALUE_LIST ? args.list->items : NULL,
				 value_length(args)};
}

/* `given` answers for a threshold or task. */
static struct question question_of(const struct effect_request *request)
{
	if (strcmp(request->builtin->name, "given") == 0 && request->arg_count > 0)
		return question_about(value_text_peek(request->args[0]),
				      request->arg_count > 1 ? request->args[1] : value_null());
	return (struct question){request->builtin->name, request->args, request->arg_count};
}

/* The driver marks secrets, as the live one does: what sees the answer first must know. */
static struct outcome answer_for(const struct effect_request *request, const struct table_entry *entry)
{
	struct outcome outcome = entry ? given_answer(entry) : outcome_ok(own_answer(request));

	if (request->builtin->flags & BUILTIN_SECRET_ANSWER)
		outcome.value = value_mark(outcome.value, VALUE_SECRET);
	return outcome;
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct under_way *)a)->id, ((const struct under_way *)b)->id);
}

static void simulate_start(struct driver *driver, const struct effect_request *request)
{
	struct simulate *simulate = simulate_of(driver);
	struct under_way *call = memory_need(calloc(1, sizeof(*call)));
	const struct question question = question_of(request);
	struct table_entry *slow = find_given(simulate, &question, true);
	struct table_entry *entry = find_given(simulate, &question, false);
	int64_t delay = (slow ? slow->given.delay : 0) + (entry ? entry->given.delay : 0);

	call->id = memory_need(strdup(request->id));
	call->builtin = request->builtin;
	if (request->builtin->effect == EFFECT_CHANGE || (entry && entry->given.kind == GIVEN_NEVER))
		call->shown = request_show(request);
	call->entry.due = simulate->now + delay;
	call->entry.serial = ++simulate->started;
	call->outcome = outcome_ok(value_null());
	if (!entry || entry->given.kind != GIVEN_NEVER) {
		call->outcome = answer_for(request, entry);
		heap_put(&simulate->ends, &call->entry);
	}
	memory_need(tsearch(call, &simulate->under_way, compare_ids));
}

static void simulate_cancel(struct driver *driver, const char *id)
{
	struct simulate *simulate = simulate_of(driver);
	struct under_way key = {.id = (char *)id}, **found = tfind(&key, &simulate->under_way, compare_ids);
	struct under_way *call = found ? *found : NULL;
	int64_t end;

	if (!call || call->cancelled)
		return;
	call->cancelled = true;
	end = simulate->now;
	if (call->builtin->effect == EFFECT_CHANGE)
		end += call->builtin->grace > 0 ? call->builtin->grace : SIMULATE_GRACE;
	if (call->entry.position && call->entry.due <= end && call->builtin->effect == EFFECT_CHANGE)
		return;
	outcome_release(&call->outcome);
	call->outcome = outcome_failed("cancelled");
	call->outcome.kind = OUTCOME_UNKNOWN;
	heap_take(&simulate->ends, &call->entry);
	call->entry.due = end;
	heap_put(&simulate->ends, &call->entry);
}

/* ---- the clock ---- */

static void record_change(struct simulate *simulate, const struct under_way *call)
{
	if (call->builtin->effect == EFFECT_CHANGE && call->outcome.kind == OUTCOME_OK)
		list_push(&simulate->ledger,
			  value_string_printf("%s %s", call->id, value_text_peek(call->shown)));
}

static void deliver_outcome(struct simulate *simulate, struct under_way *call, struct delivery *out)
{
	heap_take(&simulate->ends, &call->entry);
	tdelete(call, &simulate->under_way, compare_ids);
	record_change(simulate, call);
	if (call->entry.due > simulate->now)
		simulate->now = call->entry.due;
	out->kind = DELIVERY_OUTCOME;
	out->id = call->id;
	out->outcome = call->outcome;
	value_release(call->shown);
	free(call);
}

static void deliver_signal(struct simulate *simulate, struct delivery *out)
{
	if (simulate->signals[0].at > simulate->now)
		simulate->now = simulate->signals[0].at;
	out->kind = DELIVERY_SIGNAL;
	out->signal = simulate->signals[0].signal;
	simulate->signal_count--;
	memmove(simulate->signals, simulate->signals + 1,
		simulate->signal_count * sizeof(*simulate->signals));
}

static void note_first(const void *node, VISIT visit, void *first)
{
	struct under_way *call = *(struct under_way *const *)node, **best = first;

	if ((visit == preorder || visit == leaf) && (!*best || call->entry.serial < (*best)->entry.serial))
		*best = call;
}

static void stuck(struct simulate *simulate)
{
	struct under_way *first = NULL;

	twalk_r(simulate->under_way, note_first, &first);
	value_clear(&simulate->problem);
	simulate->problem =
	    value_string_printf("nothing can go on: %s never answers, and no timeout stands over it",
				first ? value_text_peek(first->shown) : "nobody");
}

static bool simulate_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct simulate *simulate = simulate_of(driver);
	struct heap_entry *first = heap_first(&simulate->ends);
	int64_t due = first ? first->due : INT64_MAX;
	int64_t signal = simulate->signal_count > 0 ? simulate->signals[0].at : INT64_MAX;

	*out = (struct delivery){.outcome = outcome_ok(value_null())};
	if (first && due <= signal && due <= deadline) {
		deliver_outcome(simulate, (struct under_way *)first, out); /* the entry comes first */
	} else if (signal != INT64_MAX && signal <= deadline) {
		deliver_signal(simulate, out);
	} else if (deadline != INT64_MAX) {
		if (deadline > simulate->now)
			simulate->now = deadline;
		out->kind = DELIVERY_TIME;
	} else {
		stuck(simulate);
		return false;
	}
	out->now = simulate->now;
	out->wall = SIMULATE_START + simulate->now;
	return true;
}

static int64_t simulate_start_wall(struct driver *driver)
{
	(void)driver;
	return SIMULATE_START;
}

static bool simulate_is_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	struct simulate *simulate = simulate_of(driver);
	const struct question question = question_about(name, args);
	size_t i;

	(void)id;
	for (i = 0; i < simulate->table_count; i++)
		if (answers(&simulate->table[i], &question, false))
			return true;
	return false;
}

static void given_release(struct given *given)
{
	free((char *)given->target);
	value_release(given->args);
	value_release(given->answers);
	value_release(given->message);
	value_release(given->details);
}

static void under_way_free(void *item)
{
	struct under_way *call = item;

	outcome_release(&call->outcome);
	value_release(call->shown);
	free(call->id);
	free(call);
}

static void simulate_free(struct driver *driver)
{
	struct simulate *simulate = simulate_of(driver);
	size_t i;

	tdestroy(simulate->under_way, under_way_free);
	heap_free(&simulate->ends);
	for (i = 0; i < simulate->table_count; i++)
		given_release(&simulate->table[i].given);
	free(simulate->table);
	free(simulate->signals);
	value_release(simulate->ledger);
	value_release(simulate->problem);
	free(simulate);
}

static const struct driver_ops simulate_ops = {
    .name = "simulate",
    .start = simulate_start,
    .cancel = simulate_cancel,
    .next = simulate_next,
    .start_wall = simulate_start_wall,
    .given = simulate_is_given,
    .free = simulate_free,
};

struct driver *simulate_driver_new(const struct registry *registry)
{
	struct simulate *simulate = memory_need(calloc(1, sizeof(*simulate)));

	simulate->driver.ops = &simulate_ops;
	simulate->driver.assumes = true;
	simulate->registry = registry;
	simulate->ledger = list_new(0);
	return &simulate->driver;
}

void simulate_given(struct driver *driver, const struct given *given)
{
	struct simulate *simulate = simulate_of(driver);
	struct table_entry *entry;

	simulate->table =
	    memory_need(realloc(simulate->table, (simulate->table_count + 1) * sizeof(*simulate->table)));
	entry = &simulate->table[simulate->table_count++];
	entry->asked = 0;
	entry->given = *given;
	entry->given.target = memory_need(strdup(given->target));
	entry->given.args = value_copy(given->args);
	entry->given.answers = value_copy(given->answers);
	entry->given.message = value_copy(given->message);
	entry->given.details = value_copy(given->details);
}

void simulate_signal(struct driver *driver, int64_t at, int signal)
{
	struct simulate *simulate = simulate_of(driver);
	size_t i = simulate->signal_count++;

	simulate->signals = memory_need(realloc(simulate->signals, (i + 1) * sizeof(*simulate->signals)));
	for (; i > 0 && simulate->signals[i - 1].at > at; i--)
		simulate->signals[i] = simulate->signals[i - 1];
	simulate->signals[i] = (struct scheduled){at, signal};
}

struct value simulate_ledger_peek(const struct driver *driver)
{
	return ((const struct simulate *)driver)->ledger;
}

struct value simulate_unused(const struct driver *driver)
{
	const struct simulate *simulate = (const struct simulate *)driver;
	struct value unused = list_new(0);
	size_t i;

	for (i = 0; i < simulate->table_count; i++)
		if (simulate->table[i].asked == 0)
			list_push(&unused, value_string(simulate->table[i].given.target));
	return unused;
}

size_t simulate_asked(const struct driver *driver, size_t index)
{
	return ((const struct simulate *)driver)->table[index].asked;
}

const char *simulate_problem(const struct driver *driver)
{
	const struct simulate *simulate = (const struct simulate *)driver;

	return simulate->problem.tag == VALUE_NULL ? NULL : value_text_peek(simulate->problem);
}

/* ---- givens from text ---- */

/* A given in text: TARGET[(args)] VERB [value] {once | N times | after D | with RECORD}. */
struct given_text {
	struct arena arena;
	struct sources sources;
	struct diags diags;
	const char *text, *at;
	char *error;
	size_t size;
	struct given given;
};

static bool wrong(struct given_text *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool wrong(struct given_text *g, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(g->error, g->size, format, list);
	va_end(list);
	return false;
}

static void skip_blanks(struct given_text *g)
{
	while (isspace((unsigned char)*g->at))
		g->at++;
}

static bool word_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Takes `word` where it stands whole. */
static bool take_word(struct given_text *g, const char *word)
{
	size_t length = strlen(word);

	skip_blanks(g);
	if (strncmp(g->at, word, length) != 0 || word_byte(g->at[length]))
		return false;
	g->at += length;
	return true;
}

/* Bytes up to where, outside of strings and brackets, the text ends, a closing bracket stands or a tail word
 * begins. */
static size_t value_extent(const char *text)
{
	static const char *const tails[] = {"once", "after", "with"};
	size_t i, t;
	int depth = 0;

	for (i = 0; text[i]; i++) {
		char c = text[i];

		if (c == '"' || c == '\'') {
			for (i++; text[i] && text[i] != c; i++)
				if (c == '"' && text[i] == '\\' && text[i + 1])
					i++;
			if (!text[i])
				return i;
		} else if (strchr("([{", c)) {
			depth++;
		} else if (strchr(")]}", c)) {
			if (depth-- == 0)
				return i;
		} else if (depth == 0 && isspace((unsigned char)c)) {
			const char *next = text + i + strspn(text + i, " \t\n");
			size_t digits = strspn(next, "0123456789");

			for (t = 0; t < sizeof(tails) / sizeof(tails[0]); t++)
				if (strncmp(next, tails[t], strlen(tails[t])) == 0 &&
				    !word_byte(next[strlen(tails[t])]))
					return i;
			if (digits > 0 && strncmp(next + digits, " times", 6) == 0)
				return i;
		}
	}
	return i;
}

static bool take_value(struct given_text *g, const char *what, struct value *out)
{
	struct node *node;
	struct span where;
	size_t length;
	char *text;

	skip_blanks(g);
	length = value_extent(g->at);
	if (length == 0)
		return wrong(g, "%s is missing", what);
	text = arena_strndup(&g->arena, g->at, length);
	g->at += length;
	node = parse_expression(&g->arena, &g->sources, "given", text, &g->diags);
	if (g->diags.errors > 0)
		return wrong(g, "`%s`: %s", text, g->diags.first->message);
	if (!constant_evaluate(node, true, out, &where))
		return wrong(g, "`%.*s` is not a constant", (int)(where.to - where.from),
			     source_text(&g->sources, where));
	return true;
}

static bool take_tagged(struct given_text *g, const char *what, enum value_tag tag, struct value *out)
{
	if (!take_value(g, what, out))
		return false;
	if (out->tag == tag)
		return true;
	value_clear(out);
	return wrong(g, "%s is a %s", what, value_tag_name(tag));
}

static bool take_target(struct given_text *g)
{
	struct value list;
	const char *from;
	char *call;
	size_t length;

	skip_blanks(g);
	from = g->at;
	while (word_byte(*g->at) || *g->at == '.')
		g->at++;
	if (g->at == from)
		return wrong(g, "a given starts with the name of a builtin, a task or a threshold");
	g->given.target = arena_strndup(&g->arena, from, (size_t)(g->at - from));
	if (*g->at != '(')
		return true;
	g->at++;
	length = value_extent(g->at);
	if (g->at[length] != ')')
		return wrong(g, "the arguments of `%s` have no closing bracket", g->given.target);
	call = arena_printf(&g->arena, "[%.*s]", (int)length, g->at);
	from = g->at + length + 1;
	g->at = call;
	if (!take_value(g, "an argument", &list))
		return false;
	g->at = from;
	g->given.args = list;
	return true;
}

static bool take_answers(struct given_text *g)
{
	struct value v;

	if (!take_value(g, "what it returns", &v))
		return false;
	g->given.kind = GIVEN_ANSWERS;
	if (v.tag == VALUE_LIST && value_length(v) > 0) {
		g->given.answers = v;
	} else {
		g->given.answers = list_new(1);
		list_push(&g->given.answers, v);
	}
	return true;
}

static bool take_delay(struct given_text *g)
{
	struct value v;

	if (!take_tagged(g, "the time it takes", VALUE_DURATION, &v))
		return false;
	g->given.delay = v.i;
	return true;
}

static bool take_verb(struct given_text *g)
{
	if (take_word(g, "returns"))
		return take_answers(g);
	if (take_word(g, "fails")) {
		g->given.kind = GIVEN_FAILS;
		return take_tagged(g, "the message", VALUE_STRING, &g->given.message);
	}
	if (take_word(g, "refuses")) {
		g->given.kind = GIVEN_REFUSES;
		return take_tagged(g, "the message", VALUE_STRING, &g->given.message);
	}
	if (take_word(g, "takes")) {
		g->given.kind = GIVEN_TAKES;
		return take_delay(g);
	}
	if (take_word(g, "hangs")) {
		g->given.kind = GIVEN_NEVER;
		return true;
	}
	return wrong(g, "`%s` is followed by returns, fails, refuses, takes or hangs", g->given.target);
}

static bool take_tail(struct given_text *g)
{
	char *end;

	skip_blanks(g);
	if (take_word(g, "once")) {
		g->given.times = 1;
		return true;
	}
	if (take_word(g, "after"))
		return take_delay(g);
	if (take_word(g, "with"))
		return take_tagged(g, "what follows `with`", VALUE_RECORD, &g->given.details);
	g->given.times = strtoul(g->at, &end, 10);
	if (end != g->at && g->given.times > 0) {
		g->at = end;
		if (take_word(g, "times"))
			return true;
	}
	return wrong(g, "`%s` is not understood: once, N times, after DURATION or with RECORD", g->at);
}

static bool take_all(struct given_text *g)
{
	if (!take_target(g) || !take_verb(g))
		return false;
	for (skip_blanks(g); *g->at; skip_blanks(g))
		if (!take_tail(g))
			return false;
	return true;
}

static const struct builtin *row_of(const struct simulate *simulate, const char *name)
{
	return registry_find(simulate->registry, name, strlen(name));
}

bool simulate_given_text(struct driver *driver, const char *text, char *error, size_t size)
{
	struct given_text g = {.text = text, .at = text, .error = error, .size = size};
	bool ok;

	arena_init(&g.arena);
	sources_init(&g.sources, &g.arena);
	diags_init(&g.diags, &g.arena);
	ok = take_all(&g);
	if (ok && strchr(g.given.target, '.') && !row_of(simulate_of(driver), g.given.target))
		ok = wrong(&g, "there is no builtin `%s`", g.given.target);
	if (ok)
		simulate_given(driver, &g.given);
	value_release(g.given.args);
	value_release(g.given.answers);
	value_release(g.given.message);
	value_release(g.given.details);
	arena_free(&g.arena);
	return ok;
}
