/* plain_lines.c - where a line stands, and what is under way; see plain_inside.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plain_inside.h"
#include "interp/machine.h"

char *plain_copy(const char *text)
{
	return memory_need(strdup(text));
}

const char *plain_text_of(const struct event *event, const char *field)
{
	return value_text_peek(record_peek(event->data, field));
}

/* ---- where a line stands ---- */

struct step *plain_step_find(struct ui_plain *plain, const char *id)
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

void plain_step_activate(struct ui_plain *plain, struct step *step, bool active)
{
	unsigned depth = step->depth < DEPTHS ? step->depth : DEPTHS - 1;

	if (step->active == active)
		return;
	step->active = active;
	plain->active[depth] += active ? 1 : -1;
}

unsigned plain_indent_of(struct ui_plain *plain, const char *step_id)
{
	struct step *step = plain_step_find(plain, step_id);

	return plain->phase_indent + (step ? 2 + 2 * step->depth : 0) + (plain->handlers > 0 ? 2 : 0);
}

const char *plain_clock_of(int64_t now, char *buffer)
{
	int64_t s = now / INT64_C(1000000000);

	if (s < 3600)
		snprintf(buffer, 48, "%3" PRId64 ":%02" PRId64 "  ", s / 60, s % 60);
	else
		snprintf(buffer, 48, "%" PRId64 ":%02" PRId64 ":%02" PRId64 "  ", s / 3600, s / 60 % 60,
			 s % 60);
	return buffer;
}

void plain_line(struct ui_plain *plain, const struct event *event, enum style style, const char *lead,
		const char *text)
{
	struct step *step = plain_step_find(plain, event->step);
	char gutter[48];
	struct value whole = value_null();

	if (step && side_by_side(plain)) {
		whole = value_string_printf("[%s] %s", step->title, text ? text : "");
		text = value_text_peek(whole);
	}
	page_line(plain->page, plain_clock_of(event->now, gutter), plain_indent_of(plain, event->step), style,
		  lead, text);
	value_release(whole);
}

void plain_detail(struct ui_plain *plain, const struct event *event, const char *text)
{
	page_line(plain->page, "        ", plain_indent_of(plain, event->step) + 8, STYLE_FAINT, NULL, text);
}

void plain_blank(struct ui_plain *plain)
{
	sink_write(plain->page->sink, "\n", 1);
}

bool plain_quiet(const struct ui_plain *plain)
{
	return plain->verbosity == VERBOSITY_QUIET;
}

bool plain_verbose(const struct ui_plain *plain)
{
	return plain->verbosity == VERBOSITY_VERBOSE;
}

/* "(4.2s)" behind `text`, where the data says how long it took. */
struct value plain_with_elapsed(const struct event *event, const char *text)
{
	struct value elapsed = record_peek(event->data, "elapsed");
	char buffer[48];

	if (elapsed.tag != VALUE_DURATION)
		return value_string(text);
	return value_string_printf("%s (%s)", text, elapsed_text(elapsed.i, buffer));
}

/* ---- lists of what is under way ---- */

void plain_waits_add(struct ui_plain *plain, const struct event *event)
{
	struct wait *wait;

	plain->waits = memory_need(realloc(plain->waits, (plain->wait_count + 1) * sizeof(*plain->waits)));
	wait = &plain->waits[plain->wait_count++];
	wait->text = plain_copy(event->text);
	wait->labelled = record_peek(event->data, "label").tag == VALUE_STRING;
	wait->since = event->now;
}

bool plain_waits_remove(struct ui_plain *plain, const char *text)
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

struct call *plain_call_find(struct ui_plain *plain, const char *id)
{
	size_t i;

	for (i = 0; i < plain->call_count; i++)
		if (strcmp(plain->calls[i].id, id) == 0)
			return &plain->calls[i];
	return NULL;
}

void plain_call_forget(struct ui_plain *plain, struct call *call)
{
	free(call->id);
	free(call->shown);
	free(call->step);
	*call = plain->calls[--plain->call_count];
}

void plain_forget_title(struct value *list, const char *title)
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
