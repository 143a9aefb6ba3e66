/*
 * ui_plain.c - a run as lines for a person: what begins and ends, every change as it is made, what is waited for, what
 * each check found; when it goes wrong, the last words of what failed and the way back; at the end, what was done, what
 * was undone, what stays, what a person must do, and what the exit code means.
 */
#include "cli/ui.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interp/machine.h"

#define SAMPLE_EVERY (30 * INT64_C(1000000000)) /* of one threshold while its verdict stays the same */
#define TAIL_LINES 20                           /* of a failed command */
#define DEPTHS 32                               /* of steps, that are told apart */
#define SUMMARY_LINES 40                        /* of each list at the end; the rest is counted */

struct step {
	char *id, *title;
	unsigned depth;
	bool active;
};

struct call {
	char *id, *shown, *step;
	bool change;
	int64_t started;
};

struct wait {
	char *text;
	bool labelled; /* an `expect`: its check follows and says how it went */
	int64_t since;
};

struct sampled {
	char *name, *verdict;
	int64_t shown; /* when */
};

struct ui_plain {
	struct ui ui;
	const struct page *page;
	const struct sources *sources;
	enum verbosity verbosity;
	struct step *steps;
	size_t step_count;
	int active[DEPTHS]; /* how many steps are under way at each depth */
	struct call *calls; /* under way */
	size_t call_count;
	struct sampled *samples;
	size_t sample_count;
	struct wait *waits; /* conditions that are waited for */
	size_t wait_count;
	unsigned phase_indent;
	unsigned handlers; /* under way */
	bool unwinding, asked;
	int64_t now, shown_at; /* of the last event; of the last line */
	int64_t hold_end;      /* of the hold that began last */
	char *said; /* condition of the last wait that expired: its check need not say all of it again */
	struct value done;    /* changes that were made, in order */
	struct value undone;  /* titles of handlers that ended well */
	struct value failed;  /* titles of handlers that did not */
	struct value armed;   /* titles of steps that can be undone */
	struct value ended;   /* run.ended's data */
	char *outcome;
};

static struct ui_plain *plain_of(struct ui *ui)
{
	return (struct ui_plain *)ui; /* ui comes first */
}

static char *copy(const char *text)
{
	return memory_need(strdup(text));
}

static const char *text_of(const struct event *event, const char *field)
{
	return value_text_peek(record_peek(event->data, field));
}

/* ---- where a line stands ---- */

static struct step *step_find(struct ui_plain *plain, const char *id)
{
	size_t i;

	for (i = plain->step_count; i-- > 0;)
		if (strcmp(plain->steps[i].id, id) == 0)
			return &plain->steps[i];
	return NULL;
}

/* Are several steps under way side by side? Then a line says which of them it is about. */
static bool side_by_side(const struct ui_plain *plain)
{
	size_t i;

	for (i = 0; i < DEPTHS; i++)
		if (plain->active[i] > 1)
			return true;
	return false;
}

static void step_activate(struct ui_plain *plain, struct step *step, bool active)
{
	unsigned depth = step->depth < DEPTHS ? step->depth : DEPTHS - 1;

	if (step->active == active)
		return;
	step->active = active;
	plain->active[depth] += active ? 1 : -1;
}

static unsigned indent_of(struct ui_plain *plain, const char *step_id)
{
	struct step *step = step_find(plain, step_id);

	return plain->phase_indent + (step ? 2 + 2 * step->depth : 0) + (plain->handlers > 0 ? 2 : 0);
}

static const char *clock_of(int64_t now, char *buffer)
{
	int64_t s = now / INT64_C(1000000000);

	if (s < 3600)
		snprintf(buffer, 48, "%3" PRId64 ":%02" PRId64 "  ", s / 60, s % 60);
	else
		snprintf(buffer, 48, "%" PRId64 ":%02" PRId64 ":%02" PRId64 "  ", s / 3600, s / 60 % 60, s % 60);
	return buffer;
}

static void line(struct ui_plain *plain, const struct event *event, enum style style, const char *lead, const char *text)
{
	struct step *step = step_find(plain, event->step);
	char gutter[48];
	struct value whole = value_null();

	if (step && side_by_side(plain)) {
		whole = value_string_printf("[%s] %s", step->title, text ? text : "");
		text = value_text_peek(whole);
	}
	page_line(plain->page, clock_of(event->now, gutter), indent_of(plain, event->step), style, lead, text);
	value_release(whole);
}

/* A line of further detail below another. */
static void detail(struct ui_plain *plain, const struct event *event, const char *text)
{
	page_line(plain->page, "        ", indent_of(plain, event->step) + 8, STYLE_FAINT, NULL, text);
}

static void blank(struct ui_plain *plain)
{
	sink_write(plain->page->sink, "\n", 1);
}

static bool quiet(const struct ui_plain *plain)
{
	return plain->verbosity == VERBOSITY_QUIET;
}

static bool verbose(const struct ui_plain *plain)
{
	return plain->verbosity == VERBOSITY_VERBOSE;
}

/* "(4.2s)" behind `text`, where the data says how long it took. */
static struct value with_elapsed(const struct event *event, const char *text)
{
	struct value elapsed = record_peek(event->data, "elapsed");
	char buffer[48];

	if (elapsed.tag != VALUE_DURATION)
		return value_string(text);
	return value_string_printf("%s (%s)", text, elapsed_text(elapsed.i, buffer));
}

/* ---- lists of what is under way ---- */

static void waits_add(struct ui_plain *plain, const struct event *event)
{
	struct wait *wait;

	plain->waits = memory_need(realloc(plain->waits, (plain->wait_count + 1) * sizeof(*plain->waits)));
	wait = &plain->waits[plain->wait_count++];
	wait->text = copy(event->text);
	wait->labelled = record_peek(event->data, "label").tag == VALUE_STRING;
	wait->since = event->now;
}

/* False where no check follows it. */
static bool waits_remove(struct ui_plain *plain, const char *text)
{
	size_t i;
	bool labelled;

	for (i = 0; i < plain->wait_count; i++)
		if (strcmp(plain->waits[i].text, text) == 0) {
			labelled = plain->waits[i].labelled;
			free(plain->waits[i].text);
			plain->waits[i] = plain->waits[--plain->wait_count];
			return labelled;
		}
	return false;
}

static struct call *call_find(struct ui_plain *plain, const char *id)
{
	size_t i;

	for (i = 0; i < plain->call_count; i++)
		if (strcmp(plain->calls[i].id, id) == 0)
			return &plain->calls[i];
	return NULL;
}

static void call_forget(struct ui_plain *plain, struct call *call)
{
	free(call->id);
	free(call->shown);
	free(call->step);
	*call = plain->calls[--plain->call_count];
}

static void forget_title(struct value *list, const char *title)
{
	struct value kept = list_new(value_length(*list));
	size_t i, last = SIZE_MAX;

	for (i = 0; i < value_length(*list); i++)
		if (strcmp(value_text_peek(list_peek(*list, i)), title) == 0)
			last = i;
	for (i = 0; i < value_length(*list); i++)
		if (i != last)
			list_push(&kept, value_copy(list_peek(*list, i)));
	value_release(*list);
	*list = kept;
}

/* ---- runs, phases, steps ---- */

static void show_params(struct ui_plain *plain, struct value params)
{
	size_t i;

	for (i = 0; i < value_length(params); i++) {
		struct value shown = value_show(record_value_peek(params, i), 200);
		struct value text = value_string_printf("%s = %s", record_key_peek(params, i), value_text_peek(shown));

		page_line(plain->page, NULL, 2, STYLE_NORMAL, NULL, value_text_peek(text));
		value_release(text);
		value_release(shown);
	}
}

static void run_started(struct ui_plain *plain, const struct event *event)
{
	const char *environment = text_of(event, "environment"), *operator_name = text_of(event, "operator");
	struct value text;

	if (quiet(plain))
		return;
	page_line(plain->page, NULL, 0, STYLE_STRONG, event->text, NULL);
	text = value_string_printf("run %s%s%s%s%s", event->id, environment[0] ? ", environment " : "", environment,
				   operator_name[0] ? ", by " : "", operator_name);
	page_line(plain->page, NULL, 2, STYLE_FAINT, NULL, value_text_peek(text));
	value_release(text);
	show_params(plain, record_peek(event->data, "params"));
	blank(plain);
}

static void phase_started(struct ui_plain *plain, const struct event *event)
{
	struct value least = record_peek(event->data, "expect_min"), most = record_peek(event->data, "expect_max");
	char low[48], high[48], gutter[48];
	struct value text = value_null();

	plain->phase_indent = 2;
	if (quiet(plain))
		return;
	if (most.tag == VALUE_DURATION)
		text = value_string_printf("  (%s to %s expected)",
					   least.tag == VALUE_DURATION ? duration_text(least.i, low) : "0s",
					   duration_text(most.i, high));
	page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_STRONG, event->text,
		  text.tag == VALUE_STRING ? value_text_peek(text) : NULL);
	value_release(text);
}

static void phase_ended(struct ui_plain *plain, const struct event *event)
{
	struct value text;
	char gutter[48];

	plain->phase_indent = 0;
	if (quiet(plain))
		return;
	text = with_elapsed(event, event->text);
	page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_FAINT, "end of ", value_text_peek(text));
	value_release(text);
}

static void step_started(struct ui_plain *plain, const struct event *event)
{
	struct value depth = record_peek(event->data, "depth"), attempt = record_peek(event->data, "attempt");
	struct step *step = step_find(plain, event->id);
	char lead[32] = "", gutter[48];

	if (!step) {
		plain->steps = memory_need(realloc(plain->steps, (plain->step_count + 1) * sizeof(*plain->steps)));
		step = &plain->steps[plain->step_count++];
		*step = (struct step){.id = copy(event->id), .title = copy(event->text)};
	}
	step->depth = depth.tag == VALUE_INT && depth.i > 0 ? (unsigned)depth.i : 0;
	step_activate(plain, step, true);
	if (quiet(plain))
		return;
	if (attempt.tag == VALUE_INT && attempt.i > 1)
		snprintf(lead, sizeof(lead), "attempt %" PRId64 ": ", attempt.i);
	page_line(plain->page, clock_of(event->now, gutter), plain->phase_indent + 2 * step->depth, STYLE_STRONG, lead,
		  event->text);
}

static void step_ended(struct ui_plain *plain, const struct event *event)
{
	const char *outcome = text_of(event, "outcome");
	struct step *step = step_find(plain, event->id);
	struct value text;
	bool done = strcmp(outcome, "done") == 0, failed = strcmp(outcome, "failed") == 0;
	char gutter[48];

	if (step)
		step_activate(plain, step, false);
	if ((quiet(plain) && done) || strcmp(outcome, "skipped") == 0)
		return;
	text = with_elapsed(event, event->text);
	page_line(plain->page, clock_of(event->now, gutter), plain->phase_indent + (step ? 2 * step->depth : 0),
		  done ? STYLE_GOOD : failed ? STYLE_BAD : STYLE_WARN, failed ? "FAILED: " : done ? "done: " : "stopped: ",
		  value_text_peek(text));
	value_release(text);
}

static void step_retried(struct ui_plain *plain, const struct event *event)
{
	struct value delay = record_peek(event->data, "delay"), attempt = record_peek(event->data, "attempt");
	struct value of = record_peek(event->data, "of"), text;
	char buffer[48];

	text = value_string_printf("attempt %" PRId64 " of %" PRId64 " failed: %s; again in %s",
				   attempt.tag == VALUE_INT ? attempt.i : 1, of.tag == VALUE_INT ? of.i : 1, event->text,
				   delay.tag == VALUE_DURATION ? elapsed_text(delay.i, buffer) : "no time");
	line(plain, event, STYLE_WARN, "retry   ", value_text_peek(text));
	value_release(text);
}

static void step_skipped(struct ui_plain *plain, const struct event *event)
{
	if (!quiet(plain))
		line(plain, event, STYLE_FAINT, "skipped ", event->text);
}

/* ---- effects ---- */

static const char *shown_of(const struct event *event)
{
	struct value shown = record_peek(event->data, "shown");

	return shown.tag == VALUE_STRING && value_length(shown) > 0 ? value_text_peek(shown) : event->text;
}

static void effect_started(struct ui_plain *plain, const struct event *event)
{
	bool change = strcmp(text_of(event, "class"), "change") == 0;
	struct call *call;

	plain->calls = memory_need(realloc(plain->calls, (plain->call_count + 1) * sizeof(*plain->calls)));
	call = &plain->calls[plain->call_count++];
	*call = (struct call){.id = copy(event->id), .shown = copy(shown_of(event)), .step = copy(event->step)};
	call->change = change;
	call->started = event->now;
	if ((change && !quiet(plain)) || verbose(plain))
		line(plain, event, change ? STYLE_NORMAL : STYLE_FAINT, change ? "change  " : "read    ", shown_of(event));
}

/* The last lines of what a failed command printed. */
static void show_tail(struct ui_plain *plain, const struct event *event, struct value details)
{
	static const char *const fields[] = {"tail", "stderr", "stdout", "body"};
	const char *text = "", *from;
	size_t i, lines = 0;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]) && !text[0]; i++)
		text = value_text_peek(record_peek(details, fields[i]));
	for (from = text + strlen(text); from > text; from--)
		if (from[-1] == '\n' && from[0] != '\0' && ++lines == TAIL_LINES)
			break;
	while (*from) {
		size_t length = strcspn(from, "\n");
		struct value one = value_string_n(from, length);

		page_line(plain->page, "        ", indent_of(plain, event->step) + 8, STYLE_FAINT, "| ", value_text_peek(one));
		value_release(one);
		from += length + (from[length] == '\n');
	}
}

static void effect_failed(struct ui_plain *plain, const struct event *event, const struct call *call, bool unknown)
{
	struct value text;

	/* A read that fails may be looked at again: who waits for it says so. */
	if (!call->change && !verbose(plain) && value_length(record_peek(event->data, "value")) == 0)
		return;
	text = value_string_printf("%s: %s", call->shown, event->text);
	if (call->change || verbose(plain))
		line(plain, event, unknown ? STYLE_WARN : STYLE_BAD, unknown ? "unknown " : "failed  ", value_text_peek(text));
	value_release(text);
	if (call->change || verbose(plain))
		show_tail(plain, event, record_peek(event->data, "value"));
}

static void effect_ended(struct ui_plain *plain, const struct event *event)
{
	struct call *call = call_find(plain, event->id);
	const char *kind = text_of(event, "kind");
	struct step *step;

	if (!call)
		return;
	step = step_find(plain, call->step);
	if (strcmp(kind, "ok") != 0)
		effect_failed(plain, event, call, strcmp(kind, "unknown") == 0);
	else if (call->change && !plain->unwinding && plain->handlers == 0)
		list_push(&plain->done, step ? value_string_printf("%s: %s", step->title, call->shown) : value_string(call->shown));
	call_forget(plain, call);
}

/* ---- conditions ---- */

static void show_part_list(struct ui_plain *plain, const struct event *event, struct value parts)
{
	size_t i;

	for (i = 0; i < value_length(parts); i++) {
		struct value part = list_peek(parts, i), v = record_peek(part, "value"), shown, text;

		shown = v.tag == VALUE_STRING ? value_copy(v) : value_show(v, 300); /* the machine shows it already */
		text = value_string_printf("%s is %s", value_text_peek(record_peek(part, "text")), value_text_peek(shown));

		detail(plain, event, value_text_peek(text));
		value_release(text);
		value_release(shown);
	}
}

static void show_parts(struct ui_plain *plain, const struct event *event)
{
	show_part_list(plain, event, record_peek(event->data, "parts"));
}

static void check(struct ui_plain *plain, const struct event *event)
{
	const char *outcome = text_of(event, "outcome"), *condition = text_of(event, "condition");
	const char *message = text_of(event, "message");
	const char *label = event->text[0] ? event->text : condition;
	bool held = strcmp(outcome, "held") == 0, assumed = strcmp(outcome, "assumed") == 0;

	if (held || assumed) {
		if (!quiet(plain))
			line(plain, event, held ? STYLE_GOOD : STYLE_FAINT, held ? "ok      " : "assumed ", label);
		if (verbose(plain))
			show_parts(plain, event);
		return;
	}
	line(plain, event, strcmp(outcome, "warned") == 0 ? STYLE_WARN : STYLE_BAD,
	     strcmp(outcome, "warned") == 0 ? "warning " : "FAILED  ", label);
	if (plain->said && strcmp(plain->said, condition) == 0)
		return; /* where the wait expired it said what was seen last */
	if (condition[0] && strcmp(label, condition) != 0)
		detail(plain, event, condition);
	if (message[0] && strcmp(message, label) != 0 && !(condition[0] && strstr(message, condition)))
		detail(plain, event, message);
	show_parts(plain, event);
}

static void waiting(struct ui_plain *plain, const struct event *event)
{
	struct value within = record_peek(event->data, "within");
	char buffer[48];
	struct value text;

	waits_add(plain, event);
	if (quiet(plain))
		return;
	text = within.tag == VALUE_DURATION
		       ? value_string_printf("%s (at most %s)", event->text, duration_text(within.i, buffer))
		       : value_string(event->text);
	line(plain, event, STYLE_NORMAL, "wait    ", value_text_peek(text));
	value_release(text);
}

static void waited(struct ui_plain *plain, const struct event *event)
{
	struct value last = record_peek(event->data, "last"), text = with_elapsed(event, event->text);
	bool held = strcmp(text_of(event, "outcome"), "held") == 0, labelled = waits_remove(plain, event->text);

	if (!held) {
		free(plain->said);
		plain->said = copy(event->text);
	}
	if (!held || (!quiet(plain) && !labelled))
		line(plain, event, held ? STYLE_GOOD : STYLE_BAD, held ? "ok      " : "expired ", value_text_peek(text));
	value_release(text);
	if (held || last.tag == VALUE_NULL)
		return;
	if (last.tag == VALUE_LIST)
		show_part_list(plain, event, last);
	else
		detail(plain, event, value_text_peek(last));
}

/* "a, b" of a list of names, else the string itself. */
static struct value names_of(struct value v)
{
	struct buffer text = {0};
	size_t i;

	if (v.tag != VALUE_LIST)
		return v.tag == VALUE_STRING ? value_copy(v) : value_string("");
	for (i = 0; i < value_length(v); i++) {
		buffer_add_text(&text, i > 0 ? ", " : "");
		buffer_add_text(&text, value_text_peek(list_peek(v, i)));
	}
	return buffer_finish(&text);
}

static void holding(struct ui_plain *plain, const struct event *event)
{
	struct value duration = record_peek(event->data, "duration"), text;
	struct value names = names_of(record_peek(event->data, "watching"));
	char buffer[48];

	text = value_string_printf("%s%s%s", duration.tag == VALUE_DURATION ? duration_text(duration.i, buffer) : "",
				   value_length(names) > 0 ? " watching " : "", value_text_peek(names));
	plain->hold_end = duration.tag == VALUE_DURATION ? event->now + duration.i : 0;
	if (!quiet(plain))
		line(plain, event, STYLE_NORMAL, "hold    ", value_text_peek(text));
	value_release(text);
	value_release(names);
}

/* ---- thresholds ---- */

static struct sampled *sampled_find(struct ui_plain *plain, const char *name)
{
	size_t i;

	for (i = 0; i < plain->sample_count; i++)
		if (strcmp(plain->samples[i].name, name) == 0)
			return &plain->samples[i];
	plain->samples = memory_need(realloc(plain->samples, (plain->sample_count + 1) * sizeof(*plain->samples)));
	plain->samples[plain->sample_count] = (struct sampled){.name = copy(name), .verdict = copy(""), .shown = INT64_MIN / 2};
	return &plain->samples[plain->sample_count++];
}

static void sample(struct ui_plain *plain, const struct event *event)
{
	const char *verdict = text_of(event, "verdict"), *reason = text_of(event, "reason");
	struct sampled *sampled = sampled_find(plain, event->id);
	struct value v = record_peek(event->data, "value"), bound = record_peek(event->data, "bound"), shown, limit, text;
	bool ok = strcmp(verdict, "ok") == 0, same = strcmp(sampled->verdict, verdict) == 0;

	if (!verbose(plain) && same && event->now - sampled->shown < SAMPLE_EVERY)
		return;
	if (quiet(plain) && ok)
		return;
	free(sampled->verdict);
	sampled->verdict = copy(verdict);
	sampled->shown = event->now;
	shown = v.tag == VALUE_NULL ? value_string(reason) : value_to_text(v);
	limit = bound.tag == VALUE_STRING ? value_copy(bound) : value_show(bound, 0);
	text = value_string_printf("%s: %s %s%s%s%s", sampled->name, verdict, value_text_peek(shown),
				   bound.tag == VALUE_NULL ? "" : " (must be ", bound.tag == VALUE_NULL ? "" : value_text_peek(limit),
				   bound.tag == VALUE_NULL ? "" : ")");
	line(plain, event, ok ? STYLE_NORMAL : strcmp(verdict, "breach") == 0 ? STYLE_BAD : STYLE_WARN, "sample  ",
	     value_text_peek(text));
	value_release(text);
	value_release(limit);
	value_release(shown);
}

/* ---- people ---- */

static void person_answered(struct ui_plain *plain, const struct event *event)
{
	struct value answer = record_peek(event->data, "answer"), shown, text;
	const char *who = text_of(event, "who");

	plain->asked = false;
	if (quiet(plain))
		return;
	if (answer.tag == VALUE_BOOL || answer.tag == VALUE_NULL)
		shown = value_string(answer.tag == VALUE_BOOL && answer.b ? "yes" : "no");
	else
		shown = value_to_text(answer);
	text = value_string_printf("%s: %s%s%s", event->text,
				   value_is_secret(answer) ? "***" : value_text_peek(shown), who[0] ? ", by " : "", who);
	line(plain, event, STYLE_NORMAL, "person  ", value_text_peek(text));
	value_release(text);
	value_release(shown);
}

/* ---- failing and going back ---- */

static void failed(struct ui_plain *plain, const struct event *event)
{
	line(plain, event, STYLE_BAD, "FAILED  ", event->text);
	show_parts(plain, event);
}

static void unwinding(struct ui_plain *plain, const struct event *event)
{
	struct value handlers = event->data.tag == VALUE_INT ? event->data : record_peek(event->data, "handlers");
	struct value text;
	char gutter[48];

	plain->unwinding = true;
	plain->phase_indent = 0;
	blank(plain);
	text = value_string_printf("%s%s%" PRId64 " to undo", event->text, event->text[0] ? "; " : "",
				   handlers.tag == VALUE_INT ? handlers.i : 0);
	page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_STRONG, "Going back: ", value_text_peek(text));
	value_release(text);
}

static void handler_started(struct ui_plain *plain, const struct event *event)
{
	const char *kind = text_of(event, "kind");
	struct value text;
	char gutter[48];

	plain->handlers++;
	if (quiet(plain))
		return;
	if (strcmp(kind, event->text) == 0)
		text = value_string("");
	else
		text = strcmp(kind, "rollback") == 0 ? value_string("undo: ") : value_string_printf("%s: ", kind);
	page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_STRONG, value_text_peek(text), event->text);
	value_release(text);
}

static void handler_ended(struct ui_plain *plain, const struct event *event)
{
	const char *kind = text_of(event, "kind"), *message = text_of(event, "message");
	bool done = strcmp(text_of(event, "outcome"), "done") == 0, rollback = strcmp(kind, "rollback") == 0;
	struct value text = with_elapsed(event, event->text[0] ? event->text : kind), said;
	char gutter[48];

	if (plain->handlers > 0)
		plain->handlers--;
	if (rollback) {
		list_push(done ? &plain->undone : &plain->failed, value_string(event->text));
		forget_title(&plain->armed, event->text);
	}
	if (done && !quiet(plain) && rollback)
		page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_GOOD, "undone: ", value_text_peek(text));
	if (!done) {
		said = value_string_printf("%s: %s", value_text_peek(text), message);
		page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_BAD, rollback ? "NOT UNDONE: " : "FAILED: ",
			  value_text_peek(said));
		value_release(said);
	}
	value_release(text);
}

/* ---- the end ---- */

static struct value item_text(struct value item)
{
	static const char *const fields[] = {"step", "title", "by", "what", "why", "message"};
	struct value text = value_null();
	size_t i;

	if (item.tag == VALUE_STRING)
		return value_copy(item);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		struct value field = record_peek(item, fields[i]), longer;

		if (field.tag != VALUE_STRING || value_length(field) == 0)
			continue;
		longer = text.tag == VALUE_NULL ? value_copy(field)
						: value_string_printf("%s: %s", value_text_peek(text), value_text_peek(field));
		value_release(text);
		text = longer;
	}
	return text.tag == VALUE_NULL ? value_show(item, 200) : text;
}

static void summary(struct ui_plain *plain, const char *title, enum style style, struct value list)
{
	size_t i, count = value_length(list);
	char more[48];

	if (list.tag != VALUE_LIST || count == 0)
		return;
	page_line(plain->page, NULL, 0, style, title, NULL);
	for (i = 0; i < count && i < SUMMARY_LINES; i++) {
		struct value text = item_text(list_peek(list, i));

		page_line(plain->page, NULL, 2, STYLE_NORMAL, "- ", value_text_peek(text));
		value_release(text);
	}
	if (count > SUMMARY_LINES) {
		snprintf(more, sizeof(more), "... and %zu more", count - SUMMARY_LINES);
		page_line(plain->page, NULL, 2, STYLE_NORMAL, NULL, more);
	}
}

const char *exit_code_meaning(int code)
{
	switch (code) {
	case EXIT_DONE:
		return "done";
	case EXIT_FAILED:
		return "failed; everything not kept by a commit, a checkpoint or `rollback none` was undone";
	case EXIT_USAGE:
		return "the command line or the plan is wrong; nothing was run";
	case EXIT_INCOMPLETE:
		return "failed, and the rollback is incomplete: a person must act";
	case EXIT_REFUSED:
		return "refused before any change";
	case EXIT_WAITING:
		return "waits for a person";
	case EXIT_INTERNAL:
		return "the journal or the interpreter itself failed";
	case 130:
	case 143:
		return "aborted and rolled back";
	default:
		return "ended";
	}
}

/* Until runs are kept in a store, the way back from a good run is another run. */
static void way_back(struct ui_plain *plain, int code)
{
	if (code == EXIT_DONE && value_length(plain->armed) > 0) {
		summary(plain, "Could still be undone:", STYLE_STRONG, plain->armed);
		page_line(plain->page, NULL, 0, STYLE_STRONG, "The way back: ",
			  "run the plan again with the former values (`runplan rollback` is not available yet)");
	}
	if (code == EXIT_INCOMPLETE)
		page_line(plain->page, NULL, 0, STYLE_STRONG, "The way back: ",
			  "do by hand what is listed above, in that order; then run the plan again");
}

static void plain_finish(struct ui *ui, int code)
{
	struct ui_plain *plain = plain_of(ui);
	struct value ended = plain->ended, failure = record_peek(ended, "failure"), text;
	enum style style = code == EXIT_DONE ? STYLE_GOOD : STYLE_BAD;
	char elapsed[48];
	bool bad = code != EXIT_DONE;

	if (ended.tag == VALUE_NULL)
		return;
	if (!quiet(plain) || bad)
		blank(plain);
	text = value_string_printf("%s after %s", plain->outcome[0] ? plain->outcome : exit_code_meaning(code),
				   elapsed_text(plain->now, elapsed));
	if (failure.tag != VALUE_NULL) {
		struct value why = item_text(failure), whole;

		whole = value_string_printf("%s: %s", value_text_peek(text), value_text_peek(why));
		value_release(why);
		value_release(text);
		text = whole;
	}
	page_line(plain->page, NULL, 0, style, NULL, value_text_peek(text));
	value_release(text);
	if (!quiet(plain) || bad) {
		summary(plain, bad ? "Was done:" : "Changes:", STYLE_STRONG, plain->done);
		summary(plain, "Undone:", STYLE_STRONG, plain->undone);
		summary(plain, "NOT undone:", STYLE_BAD, plain->failed);
		summary(plain, "Stays:", STYLE_STRONG, record_peek(ended, "stays"));
		summary(plain, "Left behind:", STYLE_STRONG, record_peek(ended, "leaves"));
		summary(plain, "Took longer than expected:", STYLE_WARN, record_peek(ended, "overruns"));
		summary(plain, "A person must do by hand:", STYLE_BAD, record_peek(ended, "by_hand"));
		way_back(plain, code);
	}
	if (bad) {
		text = value_string_printf("%d: %s", code, exit_code_meaning(code));
		page_line(plain->page, NULL, 0, style, "Exit code ", value_text_peek(text));
		value_release(text);
	}
}

static void run_ended(struct ui_plain *plain, const struct event *event)
{
	value_release(plain->ended);
	plain->ended = event->data.tag == VALUE_RECORD ? value_copy(event->data) : record_new(0);
	free(plain->outcome);
	plain->outcome = copy(event->text);
}

static void noted(struct ui_plain *plain, const struct event *event, enum style style, const char *lead)
{
	if (!quiet(plain) || style == STYLE_WARN || style == STYLE_BAD)
		line(plain, event, style, lead, event->text);
}

static void signal_came(struct ui_plain *plain, const struct event *event)
{
	char gutter[48];
	const char *name = event->data.tag == VALUE_INT && event->data.i == 15 ? "SIGTERM" : "SIGINT";

	page_line(plain->page, clock_of(event->now, gutter), 0, STYLE_WARN, name,
		  plain->unwinding ? " again: stops at the next journal point" : ": going back; once more stops at once");
}

static void show_event(struct ui_plain *plain, const struct event *event)
{
	switch (event->kind) {
	case EVENT_RUN_STARTED:
		run_started(plain, event);
		break;
	case EVENT_RUN_ENDED:
		run_ended(plain, event);
		break;
	case EVENT_PHASE_STARTED:
		phase_started(plain, event);
		break;
	case EVENT_PHASE_ENDED:
		phase_ended(plain, event);
		break;
	case EVENT_STEP_STARTED:
		step_started(plain, event);
		break;
	case EVENT_STEP_RETRIED:
		step_retried(plain, event);
		break;
	case EVENT_STEP_SKIPPED:
		step_skipped(plain, event);
		break;
	case EVENT_STEP_ENDED:
		step_ended(plain, event);
		break;
	case EVENT_STEP_ARMED:
		list_push(&plain->armed, value_string(event->text));
		break;
	case EVENT_EFFECT_STARTED:
		effect_started(plain, event);
		break;
	case EVENT_EFFECT_ENDED:
		effect_ended(plain, event);
		break;
	case EVENT_SIGNAL:
		signal_came(plain, event);
		break;
	case EVENT_CHECK:
		check(plain, event);
		break;
	case EVENT_WAITING:
		waiting(plain, event);
		break;
	case EVENT_WAITED:
		waited(plain, event);
		break;
	case EVENT_HOLDING:
		holding(plain, event);
		break;
	case EVENT_SAMPLE:
		sample(plain, event);
		break;
	case EVENT_PERSON_ASKED:
		plain->asked = true;
		break;
	case EVENT_PERSON_ANSWERED:
		person_answered(plain, event);
		break;
	case EVENT_FAILED:
		failed(plain, event);
		break;
	case EVENT_CAUGHT:
		noted(plain, event, STYLE_WARN, "caught  ");
		break;
	case EVENT_CANCELLED:
		noted(plain, event, STYLE_WARN, "cancel  ");
		break;
	case EVENT_UNWINDING:
		unwinding(plain, event);
		break;
	case EVENT_HANDLER_STARTED:
		handler_started(plain, event);
		break;
	case EVENT_HANDLER_ENDED:
		handler_ended(plain, event);
		break;
	case EVENT_LOG:
		noted(plain, event, STYLE_NORMAL, "        ");
		break;
	case EVENT_WARNING:
		noted(plain, event, STYLE_WARN, "warning ");
		break;
	case EVENT_CHECKPOINT:
		noted(plain, event, STYLE_NORMAL, "checkpoint: ");
		break;
	case EVENT_COMMIT:
		value_release(plain->armed);
		plain->armed = list_new(0);
		noted(plain, event, STYLE_NORMAL, "commit: ");
		break;
	case EVENT_OVERRUN:
		noted(plain, event, STYLE_WARN, "takes longer than expected: ");
		break;
	case EVENT_ASSUMED:
		noted(plain, event, STYLE_FAINT, "assumed ");
		break;
	default: /* recorded, armed, time: not for people */
		break;
	}
}

static void plain_event(struct ui *ui, const struct event *event)
{
	struct ui_plain *plain = plain_of(ui);
	size_t before = sink_count(plain->page->sink);

	plain->now = event->now;
	show_event(plain, event);
	if (sink_count(plain->page->sink) != before)
		plain->shown_at = event->now;
}

/* What is waited for, in words; owned. */
static struct value waited_for(const struct ui_plain *plain, int64_t now)
{
	const struct wait *wait = plain->wait_count > 0 ? &plain->waits[plain->wait_count - 1] : NULL;
	const struct call *call = plain->call_count > 0 ? &plain->calls[0] : NULL;
	char elapsed[48];

	if (wait && (!call || wait->since <= call->started))
		return value_string_printf("%s (since %s)", wait->text, elapsed_text(now - wait->since, elapsed));
	if (call)
		return value_string_printf("%s (since %s)", call->shown, elapsed_text(now - call->started, elapsed));
	if (plain->hold_end > now)
		return value_string_printf("the hold: %s left", elapsed_text(plain->hold_end - now, elapsed));
	return value_string("...");
}

static int64_t plain_heartbeat(struct ui *ui, int64_t now)
{
	struct ui_plain *plain = plain_of(ui);
	char gutter[48];
	struct value text;

	if (now - plain->shown_at < HEARTBEAT_NS)
		return plain->shown_at + HEARTBEAT_NS;
	plain->shown_at = now;
	if (quiet(plain) || plain->asked)
		return now + HEARTBEAT_NS;
	text = waited_for(plain, now);
	page_line(plain->page, clock_of(now, gutter), plain->phase_indent + 2, STYLE_FAINT, "waiting ", value_text_peek(text));
	value_release(text);
	return now + HEARTBEAT_NS;
}

static void plain_free(struct ui *ui)
{
	struct ui_plain *plain = plain_of(ui);
	size_t i;

	for (i = 0; i < plain->step_count; i++) {
		free(plain->steps[i].id);
		free(plain->steps[i].title);
	}
	while (plain->call_count > 0)
		call_forget(plain, &plain->calls[0]);
	for (i = 0; i < plain->sample_count; i++) {
		free(plain->samples[i].name);
		free(plain->samples[i].verdict);
	}
	for (i = 0; i < plain->wait_count; i++)
		free(plain->waits[i].text);
	free(plain->said);
	free(plain->steps);
	free(plain->calls);
	free(plain->samples);
	free(plain->waits);
	value_release(plain->done);
	value_release(plain->undone);
	value_release(plain->failed);
	value_release(plain->armed);
	value_release(plain->ended);
	free(plain->outcome);
	free(plain);
}

static const struct ui_ops plain_ops = {
	.event = plain_event,
	.heartbeat = plain_heartbeat,
	.finish = plain_finish,
	.free = plain_free,
};

struct ui *ui_plain_new(const struct page *page, const struct sources *sources, enum verbosity verbosity)
{
	struct ui_plain *plain = memory_need(calloc(1, sizeof(*plain)));

	plain->ui.ops = &plain_ops;
	plain->page = page;
	plain->sources = sources;
	plain->verbosity = verbosity;
	plain->done = list_new(0);
	plain->undone = list_new(0);
	plain->failed = list_new(0);
	plain->armed = list_new(0);
	plain->outcome = copy("");
	return &plain->ui;
}
