/*
 * ui_preview.c - what a run would do: each step with its changes, reads, checks, waits and questions, in
 * order; both arms of a choice that nobody can decide yet; what each change leaves, and which steps can be
 * undone.
 */
#include "cli/ui_preview.h"

#include <stdlib.h>
#include <string.h>

#include "builtins/tables.h"
#include "cli/tree.h"
#include "interp/builtin.h"

struct ui_preview {
	struct ui ui;
	const struct page *page;
	const struct sources *sources;
	enum verbosity verbosity;
	struct tree tree;
	unsigned depth; /* where the lines of the current event stand: 0 outside of any step */
	unsigned arms;	/* choices shown both ways that are open */
	size_t changes, undoable;
	bool in_handler;
	char *waited; /* what was waited or asked for last: its check says the same again */
	/* The line that was shown last, kept back: the same again is counted. */
	struct value kept;
	enum style kept_style;
	const char *kept_lead;
	unsigned kept_indent;
	size_t repeated;
};

static struct ui_preview *preview_of(struct ui *ui)
{
	return (struct ui_preview *)ui; /* ui comes first */
}

static const char *text_of(const struct event *event, const char *field)
{
	return value_text_peek(record_peek(event->data, field));
}

static unsigned indent(const struct ui_preview *preview)
{
	return 2 * (preview->depth + preview->arms);
}

static void flush(struct ui_preview *preview)
{
	struct value text;

	if (preview->kept.tag != VALUE_STRING)
		return;
	text = preview->repeated > 1
		   ? value_string_printf("%s (%zu times)", value_text_peek(preview->kept), preview->repeated)
		   : value_copy(preview->kept);
	page_line(preview->page, NULL, preview->kept_indent, preview->kept_style, preview->kept_lead,
		  value_text_peek(text));
	value_release(text);
	value_clear(&preview->kept);
}

/* Of lines that open an arm; no other lead is empty. */
static const char arm_lead[] = "";

/* `lead` is a literal. */
static void line(struct ui_preview *preview, enum style style, const char *lead, const char *text)
{
	bool same = preview->kept.tag == VALUE_STRING && strcmp(value_text_peek(preview->kept), text) == 0 &&
		    preview->kept_lead == lead && preview->kept_indent == indent(preview);

	if (same) {
		preview->repeated++;
		return;
	}
	flush(preview);
	preview->kept = value_string(text);
	preview->kept_style = style;
	preview->kept_lead = lead;
	preview->kept_indent = indent(preview);
	preview->repeated = 1;
}

static void blank(struct ui_preview *preview)
{
	flush(preview);
	sink_write(preview->page->sink, "\n", 1);
}

/*
 * What the author wrote, where the text cannot be known yet: the first string of the source at `at`, else all
 * of it.
 */
static struct value as_written(const struct ui_preview *preview, struct span at)
{
	const struct source *source =
	    at.file < preview->sources->count ? source_get(preview->sources, at.file) : NULL;
	const char *from, *end, *to;

	if (!source || at.to > source->length || at.from >= at.to)
		return value_string("<unknown>");
	end = source->text + at.to;
	from = memchr(source->text + at.from, '"', at.to - at.from);
	if (!from)
		return value_string_n(source->text + at.from, at.to - at.from);
	for (to = ++from; to < end && *to != '"' && *to != '\n'; to++)
		if (*to == '\\')
			to++;
	return value_string_n(from, (size_t)((to < end ? to : end) - from));
}

/* The event's text, or what the author wrote. Owned. */
static struct value text_or_source(const struct ui_preview *preview, const struct event *event)
{
	if (event->text[0] && strcmp(event->text, "<unknown>") != 0)
		return value_string(event->text);
	return as_written(preview, event->at);
}

static void line_of(struct ui_preview *preview, const struct event *event, enum style style, const char *lead)
{
	struct value text = text_or_source(preview, event);

	line(preview, style, lead, value_text_peek(text));
	value_release(text);
}

static void started(struct ui_preview *preview, const struct event *event)
{
	struct value params = record_peek(event->data, "params");
	size_t i;

	page_line(preview->page, NULL, 0, STYLE_STRONG, event->text, NULL);
	for (i = 0; i < value_length(params); i++) {
		struct value shown = value_show(record_value_peek(params, i), 200);
		struct value text =
		    value_string_printf("%s = %s", record_key_peek(params, i), value_text_peek(shown));

		page_line(preview->page, NULL, 2, STYLE_FAINT, NULL, value_text_peek(text));
		value_release(text);
		value_release(shown);
	}
}

/* Where what belongs to this step stands: a step in a step stands in it. */
static unsigned depth_of(struct ui_preview *preview, const char *id)
{
	const struct item *step = tree_step(&preview->tree, id);
	unsigned depth = 0;

	if (!step)
		return preview->in_handler ? 1 : 0;
	depth = item_holds(step, ITEM_HANDLER);
	for (; step; step = item_step_above(step))
		depth++;
	return depth;
}

static void phase(struct ui_preview *preview, const struct event *event)
{
	struct value least = record_peek(event->data, "expect_min"),
		     most = record_peek(event->data, "expect_max");
	char low[48], high[48];
	struct value text = value_string_printf("Phase: %s", event->text);

	if (most.tag == VALUE_DURATION) {
		value_release(text);
		text = value_string_printf("Phase: %s (%s to %s expected)", event->text,
					   least.tag == VALUE_DURATION ? duration_text(least.i, low) : "0s",
					   duration_text(most.i, high));
	}
	blank(preview);
	page_line(preview->page, NULL, 2 * depth_of(preview, event->step), STYLE_STRONG, NULL, value_text_peek(text));
	value_release(text);
}

static void step(struct ui_preview *preview, const struct event *event)
{
	const char *plan = text_of(event, "plan");
	struct value text;

	flush(preview);
	preview->depth--;
	if (*plan) {
		text = value_string_printf("%s (%s)", event->text, plan);
		line(preview, STYLE_STRONG, "Plan: ", value_text_peek(text));
		value_release(text);
	} else {
		line_of(preview, event, STYLE_STRONG, "Step: ");
	}
}

static void effect(struct ui_preview *preview, const struct event *event)
{
	const struct builtin *row = registry_find(&builtin_registry, event->text, strlen(event->text));
	bool change = strcmp(text_of(event, "class"), "change") == 0;
	const char *shown = text_of(event, "shown");
	struct value text;

	if (row && (row->flags & BUILTIN_PERSON))
		return; /* the question follows */
	if (change)
		preview->changes++;
	if (!change && preview->verbosity == VERBOSITY_QUIET)
		return;
	text = row && row->leaves
		   ? value_string_printf("%s (leaves %s)", shown[0] ? shown : event->text, row->leaves)
		   : value_string(shown[0] ? shown : event->text);
	line(preview, change ? STYLE_WARN : STYLE_FAINT, change ? "change  " : "read    ",
	     value_text_peek(text));
	value_release(text);
}

static void set_waited(struct ui_preview *preview, const char *text)
{
	free(preview->waited);
	preview->waited = memory_need(strdup(text));
}

static void question(struct ui_preview *preview, const struct event *event)
{
	line_of(preview, event, STYLE_WARN, "person  ");
	set_waited(preview, event->text);
}

static void wait_line(struct ui_preview *preview, const struct event *event)
{
	struct value within = record_peek(event->data, "within"), text;
	char buffer[48];

	text = within.tag == VALUE_DURATION
		   ? value_string_printf("%s (at most %s)", event->text, duration_text(within.i, buffer))
		   : value_string(event->text);
	line(preview, STYLE_NORMAL, "wait    ", value_text_peek(text));
	value_release(text);
	set_waited(preview, event->text);
}

static void hold_line(struct ui_preview *preview, const struct event *event)
{
	struct value duration = record_peek(event->data, "duration"),
		     watching = record_peek(event->data, "watching");
	bool baseline = record_peek(event->data, "baseline").tag == VALUE_BOOL;
	char buffer[48];
	struct buffer names = {0};
	struct value list, text;
	size_t i;

	for (i = 0; i < value_length(watching); i++)
		buffer_printf(&names, "%s%s",
			      i > 0	 ? ", "
			      : baseline ? " of "
					 : " watching ",
			      value_text_peek(list_peek(watching, i)));
	list = buffer_finish(&names);
	text = value_string_printf("%s%s",
				   duration.tag == VALUE_DURATION ? duration_text(duration.i, buffer) : "",
				   value_text_peek(list));
	line(preview, STYLE_NORMAL, baseline ? "measure " : "hold    ", value_text_peek(text));
	value_release(text);
	value_release(list);
}

/* The line kept back opens an arm, and nothing has been shown in it. */
static bool arm_is_empty(const struct ui_preview *preview)
{
	return preview->kept.tag == VALUE_STRING && preview->kept_lead == arm_lead;
}

static struct value condition_of(const struct ui_preview *preview, struct span at)
{
	const struct source *source =
	    at.file < preview->sources->count ? source_get(preview->sources, at.file) : NULL;

	if (!source || at.to > source->length || at.from >= at.to)
		return value_string("it is so");
	return value_string_n(source->text + at.from, at.to - at.from);
}

/* "if", "otherwise", "end". An arm in which nothing happens is not shown. */
static void arm(struct ui_preview *preview, const struct event *event)
{
	struct value condition, text;

	bool loop = strcmp(event->text, "each") == 0 || strcmp(event->text, "while") == 0;

	if (loop || strcmp(event->text, "if") == 0) {
		condition = condition_of(preview, event->at);
		text =
		    value_string_printf(strcmp(event->text, "each") == 0 ? "for each of %s:" : "%2$s %1$s:",
					value_text_peek(condition), event->text);
		line(preview, STYLE_WARN, arm_lead, value_text_peek(text));
		preview->arms++;
		value_release(text);
		value_release(condition);
		return;
	}
	if (preview->arms > 0)
		preview->arms--;
	if (strcmp(event->text, "end") == 0) {
		if (arm_is_empty(preview))
			value_clear(&preview->kept);
		return;
	}
	if (arm_is_empty(preview)) {
		text = value_string_printf("unless %s", value_text_peek(preview->kept) + strlen("if "));
		value_clear(&preview->kept);
		line(preview, STYLE_WARN, arm_lead, value_text_peek(text));
		value_release(text);
	} else {
		line(preview, STYLE_WARN, arm_lead, "otherwise:");
	}
	preview->arms++;
}

static void check(struct ui_preview *preview, const struct event *event)
{
	const char *outcome = text_of(event, "outcome"), *condition = text_of(event, "condition");
	bool bad = strcmp(outcome, "failed") == 0;
	const char *label = event->text[0] ? event->text : condition;

	if (!bad && preview->waited && strcmp(preview->waited, label) == 0)
		return;
	line(preview, bad ? STYLE_BAD : STYLE_NORMAL, bad ? "FAILED  " : "check   ", label);
	if (preview->verbosity != VERBOSITY_VERBOSE || !condition[0] || strcmp(condition, label) == 0)
		return;
	flush(preview);
	page_line(preview->page, NULL, indent(preview) + 8, STYLE_FAINT, NULL, condition);
}

static void handler(struct ui_preview *preview, const struct event *event)
{
	const char *kind = text_of(event, "kind");
	bool of_child = tree_step(&preview->tree, event->step) && preview->depth > 0;

	if (of_child)
		flush(preview);
	else
		blank(preview);
	page_line(preview->page, NULL, of_child ? indent(preview) - 2 : 0, STYLE_STRONG, kind,
		  strcmp(kind, event->text) == 0 ? NULL : ": ");
	preview->in_handler |= !of_child;
}

static void preview_event(struct ui *ui, const struct event *event)
{
	struct ui_preview *preview = preview_of(ui);

	if (event->kind != EVENT_STEP_ENDED)
		tree_event(&preview->tree, event);
	preview->depth = depth_of(preview, event->step);
	switch (event->kind) {
	case EVENT_RUN_STARTED:
		started(preview, event);
		break;
	case EVENT_PHASE_STARTED:
		phase(preview, event);
		break;
	case EVENT_STEP_STARTED:
		step(preview, event);
		break;
	case EVENT_STEP_ENDED:
		tree_event(&preview->tree, event);
		break;
	case EVENT_STEP_ARMED:
		preview->undoable++;
		line(preview, STYLE_GOOD, "undo    ", "from here on this step can be undone");
		break;
	case EVENT_STEP_SKIPPED:
		line_of(preview, event, STYLE_FAINT, "skipped ");
		break;
	case EVENT_ASSUMED:
		line_of(preview, event, STYLE_FAINT, "        ");
		break;
	case EVENT_EFFECT_STARTED:
		effect(preview, event);
		break;
	case EVENT_CHECK:
		check(preview, event);
		break;
	case EVENT_WAITING:
		wait_line(preview, event);
		break;
	case EVENT_HOLDING:
		hold_line(preview, event);
		break;
	case EVENT_PERSON_ASKED:
		question(preview, event);
		break;
	case EVENT_FAILED:
		line_of(preview, event, STYLE_BAD, "FAILED  ");
		break;
	case EVENT_HANDLER_STARTED:
		handler(preview, event);
		break;
	case EVENT_LOG:
		line_of(preview, event, STYLE_NORMAL, "log     ");
		break;
	case EVENT_WARNING:
		line_of(preview, event, STYLE_WARN, "warning ");
		break;
	case EVENT_CHECKPOINT:
		line_of(preview, event, STYLE_NORMAL, "checkpoint  ");
		break;
	case EVENT_COMMIT:
		line_of(preview, event, STYLE_NORMAL, "commit  ");
		break;
	case EVENT_DEFER_ARMED:
		line(preview, STYLE_NORMAL, "defer   ", "a block that runs when the run ends");
		break;
	case EVENT_ARM:
		arm(preview, event);
		break;
	default: /* times, records, what follows from an answer: a preview has none */
		break;
	}
}

static void preview_finish(struct ui *ui, int code)
{
	struct ui_preview *preview = preview_of(ui);
	char text[128];

	(void)code;
	snprintf(text, sizeof(text), "%zu change%s; %zu step%s with a way back. Nothing was changed.",
		 preview->changes, preview->changes == 1 ? "" : "s", preview->undoable,
		 preview->undoable == 1 ? "" : "s");
	blank(preview);
	page_line(preview->page, NULL, 0, STYLE_STRONG, NULL, text);
}

static void preview_free(struct ui *ui)
{
	struct ui_preview *preview = preview_of(ui);

	tree_free(&preview->tree);
	value_release(preview->kept);
	free(preview->waited);
	free(preview);
}

static const struct ui_ops preview_ops = {
    .event = preview_event,
    .finish = preview_finish,
    .free = preview_free,
};

struct ui *ui_preview_new(const struct page *page, const struct sources *sources, enum verbosity verbosity)
{
	struct ui_preview *preview = memory_need(calloc(1, sizeof(*preview)));

	preview->ui.ops = &preview_ops;
	preview->page = page;
	preview->sources = sources;
	preview->verbosity = verbosity;
	return &preview->ui;
}
