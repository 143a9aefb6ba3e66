/*
 * ui_plain.c - a run as lines for a person: what begins and ends, every change as it is made, what is waited
 * for, what each check found; when it goes wrong, the last words of what failed and the way back; at the end,
 * what was done, what was undone, what stays, what a person must do, and what the exit code means.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plain_inside.h"
#include "interp/machine.h"

/* ---- runs, phases, steps ---- */

static void show_params(struct ui_plain *plain, struct value params)
{
	size_t i;

	for (i = 0; i < value_length(params); i++) {
		struct value shown = value_show(record_value_peek(params, i), 200);
		struct value text =
		    value_string_printf("%s = %s", record_key_peek(params, i), value_text_peek(shown));

		page_line(plain->page, NULL, 2, STYLE_NORMAL, NULL, value_text_peek(text));
		value_release(text);
		value_release(shown);
	}
}

static void run_started(struct ui_plain *plain, const struct event *event)
{
	const char *environment = plain_text_of(event, "environment"),
		   *operator_name = plain_text_of(event, "operator");
	struct value text;

	plain->run = plain_copy(event->id);
	plain->title = plain_copy(event->text);
	if (plain_quiet(plain))
		return;
	page_line(plain->page, NULL, 0, STYLE_STRONG, event->text, NULL);
	text = value_string_printf("run %s%s%s%s%s", event->id, environment[0] ? ", environment " : "",
				   environment, operator_name[0] ? ", by " : "", operator_name);
	page_line(plain->page, NULL, 2, STYLE_FAINT, NULL, value_text_peek(text));
	value_release(text);
	show_params(plain, record_peek(event->data, "params"));
	plain_blank(plain);
}

/* What came before was shown to whoever ran it then. */
static void resumed(struct ui_plain *plain, const struct event *event, const char *how)
{
	const char *operator_name = plain_text_of(event, "operator");
	struct value text;

	if (plain_quiet(plain))
		return;
	text = value_string_printf("run %s, %s%s%s; before that it made %zu change%s", plain->run, how,
				   operator_name[0] ? " by " : "", operator_name, value_length(plain->done),
				   value_length(plain->done) == 1 ? "" : "s");
	page_line(plain->page, NULL, 0, STYLE_STRONG, plain->title, NULL);
	page_line(plain->page, NULL, 2, STYLE_FAINT, NULL, value_text_peek(text));
	plain_blank(plain);
	value_release(text);
}

static void phase_started(struct ui_plain *plain, const struct event *event)
{
	struct value least = record_peek(event->data, "expect_min"),
		     most = record_peek(event->data, "expect_max");
	char low[48], high[48], gutter[48];
	struct value text = value_null();

	if (plain_quiet(plain))
		return;
	if (most.tag == VALUE_DURATION)
		text = value_string_printf("%s  (%s to %s expected)", event->text,
					   least.tag == VALUE_DURATION ? duration_text(least.i, low) : "0s",
					   duration_text(most.i, high));
	page_line(plain->page, plain_clock_of(event->now, gutter), plain_head_indent(plain, event->step),
		  STYLE_STRONG, NULL, text.tag == VALUE_STRING ? value_text_peek(text) : event->text);
	value_release(text);
}

static void phase_ended(struct ui_plain *plain, const struct event *event)
{
	struct value text;
	char gutter[48];

	if (plain_quiet(plain))
		return;
	text = plain_with_elapsed(event, event->text);
	page_line(plain->page, plain_clock_of(event->now, gutter), plain_head_indent(plain, event->step),
		  STYLE_FAINT, "end of ", value_text_peek(text));
	if (!*event->step)
		plain_blank(plain);
	value_release(text);
}

static void step_started(struct ui_plain *plain, const struct event *event)
{
	struct item *step = tree_step(&plain->tree, event->id);

	if (!plain_quiet(plain) && !plain->live && step)
		plain_step_head(plain, step);
}

static void step_ended(struct ui_plain *plain, const struct event *event)
{
	const char *outcome = plain_text_of(event, "outcome");
	bool done = strcmp(outcome, "done") == 0, failed = strcmp(outcome, "failed") == 0;
	struct item *step = tree_step(&plain->tree, event->id);
	struct value text;
	char gutter[48];

	if ((plain_quiet(plain) && done) || strcmp(outcome, "skipped") == 0)
		return;
	if (step && !plain_quiet(plain))
		plain_step_heads(plain, item_step_above(step));
	text = plain_with_elapsed(event, event->text);
	page_line(plain->page, plain_clock_of(event->now, gutter), plain_indent_of(plain, event->id) - 2,
		  done	   ? STYLE_GOOD
		  : failed ? STYLE_BAD
			   : STYLE_WARN,
		  failed ? "FAILED: "
		  : done ? "done: "
			 : "stopped: ",
		  value_text_peek(text));
	value_release(text);
}

static void step_retried(struct ui_plain *plain, const struct event *event)
{
	struct value delay = record_peek(event->data, "delay"), attempt = record_peek(event->data, "attempt");
	struct value of = record_peek(event->data, "of"), text;
	char buffer[48];

	text = value_string_printf("attempt %" PRId64 " of %" PRId64 " failed: %s; again in %s",
				   attempt.tag == VALUE_INT ? attempt.i : 1, of.tag == VALUE_INT ? of.i : 1,
				   event->text,
				   delay.tag == VALUE_DURATION ? elapsed_text(delay.i, buffer) : "no time");
	plain_line(plain, event, STYLE_WARN, "retry   ", value_text_peek(text));
	value_release(text);
}

static void step_skipped(struct ui_plain *plain, const struct event *event)
{
	if (!plain_quiet(plain))
		plain_line(plain, event, STYLE_FAINT, "skipped ", event->text);
}

static void noted(struct ui_plain *plain, const struct event *event, enum style style, const char *lead)
{
	if (!plain_quiet(plain) || style == STYLE_WARN || style == STYLE_BAD)
		plain_line(plain, event, style, lead, event->text);
}

static void signal_came(struct ui_plain *plain, const struct event *event)
{
	char gutter[48];
	const char *name = event->data.tag == VALUE_INT && event->data.i == 15 ? "SIGTERM" : "SIGINT";

	page_line(plain->page, plain_clock_of(event->now, gutter), 0, STYLE_WARN, name,
		  plain->tree.signals > 1 ? " again: stops at once; what is not undone stays as it is"
		  : !plain->tree.ending	  ? ": going back; once more stops at once"
		  : plain->tree.unwinding ? ": it is going back already; once more stops at once"
					  : ": the run is ending already; once more stops at once");
}

/* `runplan approve` takes either part. */
static struct value question_line(const struct event *event)
{
	return value_string_printf("%s (%s)", event->text, event->id);
}

/* It was answered, or nobody wants to know any more. */
static void forget_question(struct ui_plain *plain, const char *id)
{
	size_t length = strlen(id);

	for (size_t i = 0; i < value_length(plain->asked); i++) {
		struct value line = list_peek(plain->asked, i);
		const char *text = value_text_peek(line);
		size_t at = value_length(line) - length - 1;

		if (value_length(line) > length + 1 && text[at - 1] == '(' &&
		    strncmp(text + at, id, length) == 0) {
			plain_forget_title(&plain->asked, text);
			return;
		}
	}
}

static void show_event(struct ui_plain *plain, const struct event *event)
{
	switch (event->kind) {
	case EVENT_RUN_STARTED:
		run_started(plain, event);
		break;
	case EVENT_RUN_ENDED:
		plain_run_ended(plain, event);
		break;
	case EVENT_RESUMED:
		resumed(plain, event, "resumed");
		break;
	case EVENT_ROLLBACK_ASKED:
		resumed(plain, event, "undone");
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
		plain_effect_started(plain, event);
		break;
	case EVENT_EFFECT_ENDED:
		forget_question(plain, event->id);
		plain_effect_ended(plain, event);
		break;
	case EVENT_SIGNAL:
		signal_came(plain, event);
		break;
	case EVENT_CHECK:
		plain_check(plain, event);
		break;
	case EVENT_WAITING:
		plain_waiting(plain, event);
		break;
	case EVENT_WAITED:
		plain_waited(plain, event);
		break;
	case EVENT_HOLDING:
		plain_holding(plain, event);
		break;
	case EVENT_BASELINE:
		plain_baseline(plain, event);
		break;
	case EVENT_SAMPLE:
		plain_sample(plain, event);
		break;
	case EVENT_PERSON_ASKED:
		list_push(&plain->asked, question_line(event));
		break;
	case EVENT_PAUSED:
		noted(plain, event, STYLE_WARN, "stops before the next step");
		break;
	case EVENT_PERSON_ANSWERED:
		plain_person_answered(plain, event);
		break;
	case EVENT_FAILED:
		plain_failed(plain, event);
		break;
	case EVENT_CAUGHT:
		noted(plain, event, STYLE_WARN, "caught  ");
		break;
	case EVENT_CANCELLED:
		noted(plain, event, STYLE_WARN, "cancel  ");
		break;
	case EVENT_UNWINDING:
		plain_unwinding(plain, event);
		break;
	case EVENT_HANDLER_STARTED:
		plain_handler_started(plain, event);
		break;
	case EVENT_HANDLER_ENDED:
		plain_handler_ended(plain, event);
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

/* How something ended is said where it stood. */
static bool is_end(enum event_kind kind)
{
	return kind == EVENT_STEP_ENDED || kind == EVENT_HANDLER_ENDED || kind == EVENT_EFFECT_ENDED ||
	       kind == EVENT_WAITED;
}

static void plain_event(struct ui *ui, const struct event *event)
{
	struct ui_plain *plain = plain_of(ui);
	size_t before = sink_count(plain->page->sink);
	bool ends = is_end(event->kind);

	plain->now = event->now;
	if (!ends)
		tree_event(&plain->tree, event);
	show_event(plain, event);
	if (ends)
		tree_event(&plain->tree, event);
	if (sink_count(plain->page->sink) != before)
		plain->shown_at = event->now;
}

/* What is waited for, in words; owned. */
static struct value waited_for(const struct ui_plain *plain, int64_t now)
{
	const struct item *item = tree_oldest(&plain->tree);
	char elapsed[48];

	if (!item)
		return value_string("...");
	if (item->kind == ITEM_HOLD || item->kind == ITEM_RETRY)
		return value_string_printf("%s: %s left",
					   item->kind == ITEM_HOLD ? "the hold" : "until the next attempt",
					   elapsed_text(item->until > now ? item->until - now : 0, elapsed));
	return value_string_printf("%s (since %s)", item->title, elapsed_text(now - item->started, elapsed));
}

static int64_t plain_heartbeat(struct ui *ui, int64_t now)
{
	struct ui_plain *plain = plain_of(ui);
	char gutter[48];
	struct value text;

	if (now - plain->shown_at < HEARTBEAT_NS)
		return plain->shown_at + HEARTBEAT_NS;
	plain->shown_at = now;
	if (plain_quiet(plain) || plain->tree.asked > 0)
		return now + HEARTBEAT_NS;
	text = waited_for(plain, now);
	page_line(plain->page, plain_clock_of(now, gutter), plain_indent_of(plain, "") + 2, STYLE_FAINT, "waiting ",
		  value_text_peek(text));
	value_release(text);
	return now + HEARTBEAT_NS;
}

static void plain_free(struct ui *ui)
{
	struct ui_plain *plain = plain_of(ui);
	size_t i;

	tree_free(&plain->tree);
	for (i = 0; i < plain->sample_count; i++) {
		free(plain->samples[i].name);
		free(plain->samples[i].verdict);
	}
	free(plain->said);
	free(plain->tailed);
	free(plain->placed);
	free(plain->samples);
	value_release(plain->done);
	value_release(plain->undone);
	value_release(plain->failed);
	value_release(plain->untold);
	value_release(plain->armed);
	value_release(plain->ended);
	free(plain->outcome);
	value_release(plain->asked);
	free(plain->run);
	free(plain->title);
	free(plain);
}

const struct tree *ui_plain_tree(struct ui *ui)
{
	return &plain_of(ui)->tree;
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
	plain->asked = list_new(0);
	plain->live = page->screen != NULL;
	if (verbosity == VERBOSITY_QUIET)
		plain->ui.ignored = EVENT_BIT(LOG) | EVENT_BIT(ASSUMED);
	plain->done = list_new(0);
	plain->undone = list_new(0);
	plain->failed = list_new(0);
	plain->untold = list_new(0);
	plain->armed = list_new(0);
	plain->outcome = plain_copy("");
	return &plain->ui;
}
