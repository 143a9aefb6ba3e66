/* plain_lines.c - where a line stands; see plain_inside.h. */
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

/* Two columns for each phase and step around it. */
static unsigned indent_of(const struct item *item)
{
	unsigned indent = 0;

	for (item = item->parent; item && item->parent; item = item->parent)
		indent += 2;
	return indent;
}

unsigned plain_head_indent(struct ui_plain *plain, const char *step_id)
{
	const struct item *step = tree_step(&plain->tree, step_id);

	return step ? indent_of(step) + 2 : 0;
}

unsigned plain_indent_of(struct ui_plain *plain, const char *step_id)
{
	const struct item *step = tree_step(&plain->tree, step_id), *above = step ? step : &plain->tree.root;

	return plain_head_indent(plain, step_id) + (!step && item_holds(above, ITEM_PHASE) ? 2 : 0) +
	       (item_holds(above, ITEM_HANDLER) ? 2 : 0);
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

void plain_step_head(struct ui_plain *plain, struct item *step)
{
	struct value text = step->detail ? value_string_printf("%s (plan %s)", step->title, step->detail)
					 : value_string(step->title);
	char gutter[48];

	step->told = true;
	page_line(plain->page, plain_clock_of(step->started, gutter), indent_of(step), STYLE_STRONG, NULL,
		  value_text_peek(text));
	value_release(text);
}

void plain_step_heads(struct ui_plain *plain, struct item *step)
{
	if (!plain->live || !step || step->told)
		return;
	plain_step_heads(plain, item_step_above(step));
	plain_step_head(plain, step);
}

void plain_line(struct ui_plain *plain, const struct event *event, enum style style, const char *lead,
		const char *text)
{
	struct item *step = tree_step(&plain->tree, event->step);
	const struct item *beside = step ? item_beside(step) : NULL;
	struct value whole = value_null();
	char gutter[48];

	plain_step_heads(plain, beside ? item_step_above(beside) : step);
	/* Side by side, each line says of which step it is. */
	if (beside) {
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
	page_raw(plain->page, "\n", 1);
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

void plain_forget_title(struct value *list, const char *title)
{
	struct value_list *titles = list->list;
	size_t i = titles->count;

	while (i > 0 && strcmp(value_text_peek(titles->items[i - 1]), title) != 0)
		i--;
	if (i == 0)
		return;
	value_release(titles->items[i - 1]);
	memmove(&titles->items[i - 1], &titles->items[i], (titles->count - i) * sizeof(*titles->items));
	titles->count--;
}
