/* ui_json.c - one JSON object a line; docs/events.schema.json describes it. */
#include "cli/ui.h"

#include <stdlib.h>
#include <string.h>

#include "interp/json.h"

struct ui_json {
	struct ui ui;
	const struct page *page;
	const struct sources *sources;
	char *run;
};

static void add_string(const struct ui_json *json, struct buffer *line, const char *name, const char *text)
{
	struct buffer clean = {0};

	redact(json->page->redactor, text, strlen(text), &clean);
	buffer_printf(line, ",\"%s\":", name);
	json_write_string(line, buffer_text(&clean), clean.length);
	buffer_free(&clean);
}

static void add_place(const struct ui_json *json, struct buffer *line, struct span at)
{
	const struct source *source;
	struct position from, to;

	if (!json->sources || at.file >= json->sources->count || at.to == 0)
		return;
	source = source_get(json->sources, at.file);
	if (at.to > source->length)
		return;
	from = source_position(json->sources, at.file, at.from);
	to = source_position(json->sources, at.file, at.to);
	buffer_add_text(line, ",\"at\":{\"file\":");
	json_write_string(line, source->path, strlen(source->path));
	buffer_printf(line, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u}", from.line,
		      from.column, to.line, to.column);
}

static void json_event(struct ui *ui, const struct event *event)
{
	struct ui_json *json = (struct ui_json *)ui;
	struct buffer line = {0};
	struct value data;
	char time[48];

	if (event->kind == EVENT_RUN_STARTED && !json->run)
		json->run = memory_need(strdup(event->id));
	buffer_add_text(&line, "{\"seq\":");
	buffer_add_int(&line, (int64_t)event->seq);
	add_string(json, &line, "run", json->run ? json->run : "");
	add_string(json, &line, "time", time_text(event->wall, time));
	buffer_add_text(&line, ",\"elapsed\":");
	buffer_add_float(&line, (double)event->now / 1e9);
	add_string(json, &line, "type", event_name(event->kind));
	add_string(json, &line, "id", event->id);
	add_string(json, &line, "step", event->step);
	add_string(json, &line, "text", event->text);
	buffer_add_text(&line, ",\"data\":");
	data = redact_value(json->page->redactor, event->data);
	json_write(&line, data, JSON_PLAIN);
	value_release(data);
	add_place(json, &line, event->at);
	buffer_add_text(&line, "}\n");
	page_redacted(json->page, line.string->bytes, line.length);
	buffer_free(&line);
}

static void json_free(struct ui *ui)
{
	struct ui_json *json = (struct ui_json *)ui;

	free(json->run);
	free(json);
}

static const struct ui_ops json_ops = {.event = json_event, .free = json_free};

struct ui *ui_json_new(const struct page *page, const struct sources *sources)
{
	struct ui_json *json = memory_need(calloc(1, sizeof(*json)));

	json->ui.ops = &json_ops;
	json->page = page;
	json->sources = sources;
	return &json->ui;
}
