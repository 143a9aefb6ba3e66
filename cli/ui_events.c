/*
 * ui_events.c - what the golden runs compare: time, kind, text, what of the data a reader of the language
 * expects to see, and the id. Digests, spans and the order of a record's other fields are left out, so that a
 * line changes only when the run does.
 */
#include "cli/ui.h"

#include <stdlib.h>
#include <string.h>

struct ui_events {
	struct ui ui;
	const struct page *page;
};

/* Fields of the data that are shown, by kind, in this order; an empty list shows none, NULL the whole value.
 */
static const char *const shown_fields[EVENT_KINDS] = {
    [EVENT_RUN_STARTED] = "environment params",
    [EVENT_RUN_ENDED] = "exit undone stays by_hand overruns",
    [EVENT_PHASE_STARTED] = "expect_min expect_max",
    [EVENT_PHASE_ENDED] = "outcome elapsed overrun",
    [EVENT_STEP_STARTED] = "name plan params",
    [EVENT_STEP_RETRIED] = "attempt of delay",
    [EVENT_STEP_SKIPPED] = "title",
    [EVENT_STEP_ENDED] = "outcome elapsed message",
    [EVENT_EFFECT_STARTED] = "class shown given",
    [EVENT_EFFECT_ENDED] = "kind value elapsed",
    [EVENT_TIME] = "",
    [EVENT_CHECK] = "outcome condition parts message",
    [EVENT_WAITING] = "within every",
    [EVENT_WAITED] = "outcome elapsed last",
    [EVENT_SAMPLE] = "value bound reason over",
    [EVENT_PERSON_ASKED] = "kind typing choices",
    [EVENT_PERSON_ANSWERED] = "answer",
    [EVENT_FAILED] = "kind parts",
    [EVENT_CAUGHT] = "kind",
    [EVENT_HANDLER_STARTED] = "kind",
    [EVENT_HANDLER_ENDED] = "outcome message elapsed kind",
    [EVENT_UNWINDING] = "handlers",
    [EVENT_UNWOUND] = "done failed kept",
    [EVENT_CHECKPOINT] = "kept",
    [EVENT_COMMIT] = "dropped",
    [EVENT_OVERRUN] = "expected elapsed",
    [EVENT_ARM] = "depth",
};

static void add_value(struct buffer *line, const char *name, size_t length, struct value v)
{
	struct value shown = value_show(v, 0);

	buffer_printf(line, " %.*s=%s", (int)length, name, value_text_peek(shown));
	value_release(shown);
}

static void add_fields(struct buffer *line, const char *names, struct value data)
{
	while (*names) {
		size_t length = strcspn(names, " ");
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)length, names);
		/* An answer that is a record says too much for a line. */
		if (record_has(data, name) && record_peek(data, name).tag != VALUE_NULL &&
		    !(strcmp(name, "value") == 0 && record_peek(data, name).tag == VALUE_RECORD))
			add_value(line, names, length, record_peek(data, name));
		names += length + strspn(names + length, " ");
	}
}

/* Each deadline, and a run's own note on time, follow from the program: they would only make the text longer.
 */
static bool left_out(const struct event *event)
{
	return event->kind == EVENT_TIME;
}

static void events_event(struct ui *ui, const struct event *event)
{
	struct ui_events *events = (struct ui_events *)ui;
	const char *fields = shown_fields[event->kind];
	struct buffer line = {0};
	struct buffer clean = {0};
	char time[48];

	if (left_out(event))
		return;
	text_clean(event->text, strlen(event->text), &clean);
	buffer_printf(&line, "%s %s", duration_text(event->now, time), event_name(event->kind));
	if (clean.length > 0) {
		buffer_add_byte(&line, ' ');
		buffer_add(&line, clean.string->bytes, clean.length);
	}
	if (event->data.tag != VALUE_NULL && (!fields || event->data.tag != VALUE_RECORD))
		add_value(&line, "data", 4, event->data);
	else if (fields && event->data.tag == VALUE_RECORD)
		add_fields(&line, fields, event->data);
	if (event->id[0] && event->kind != EVENT_RUN_STARTED && event->kind != EVENT_RUN_ENDED)
		buffer_printf(&line, " <%s>", event->id);
	buffer_add_byte(&line, '\n');
	page_raw(events->page, line.string->bytes, line.length);
	buffer_free(&line);
	buffer_free(&clean);
}

static void events_free(struct ui *ui)
{
	free(ui);
}

static const struct ui_ops events_ops = {.event = events_event, .free = events_free};

struct ui *ui_events_new(const struct page *page)
{
	struct ui_events *events = memory_need(calloc(1, sizeof(*events)));

	events->ui.ops = &events_ops;
	events->page = page;
	return &events->ui;
}
