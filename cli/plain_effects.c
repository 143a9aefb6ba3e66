/* plain_effects.c - changes, reads and people; see plain_inside.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plain_inside.h"
#include "interp/machine.h"

/* ---- effects ---- */

static const char *shown_of(const struct event *event)
{
	struct value shown = record_peek(event->data, "shown");

	return shown.tag == VALUE_STRING && value_length(shown) > 0 ? value_text_peek(shown) : event->text;
}

/* Changes are shown, and reads to who wants to know. */
static bool is_shown(const struct ui_plain *plain, bool change)
{
	return plain_verbose(plain) || (change && !plain_quiet(plain));
}

static void show_effect(struct ui_plain *plain, const struct event *event, bool change, const char *text)
{
	if (is_shown(plain, change))
		plain_line(plain, event, change ? STYLE_NORMAL : STYLE_FAINT,
			   change ? "change  " : "read    ", text);
}

void plain_effect_started(struct ui_plain *plain, const struct event *event)
{
	bool change = strcmp(plain_text_of(event, "class"), "change") == 0;

	if (!plain->live)
		show_effect(plain, event, change, shown_of(event));
}

void plain_tail(struct ui_plain *plain, const struct event *event, struct value details)
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

		page_line(plain->page, "        ", plain_indent_of(plain, event->step) + 8, STYLE_FAINT, "| ",
			  value_text_peek(one));
		value_release(one);
		from += length + (from[length] == '\n');
	}
}

static void effect_failed(struct ui_plain *plain, const struct event *event, const struct item *call,
			  bool unknown)
{
	bool change = call->kind == ITEM_CHANGE;
	struct value text;

	/* A read that fails may be looked at again: who waits for it says so. */
	if (!change && !plain_verbose(plain) && value_length(record_peek(event->data, "value")) == 0)
		return;
	text = value_string_printf("%s: %s", call->title, event->text);
	if (change || plain_verbose(plain))
		plain_line(plain, event, unknown ? STYLE_WARN : STYLE_BAD, unknown ? "unknown " : "failed  ",
			   value_text_peek(text));
	value_release(text);
	if (!change && !plain_verbose(plain))
		return;
	plain_tail(plain, event, record_peek(event->data, "value"));
	free(plain->tailed);
	plain->tailed = plain_copy(event->text);
}

/* Handlers are fibers with names of their own: "r:0/7:1", "on failure:1", "0/3 finally:1" in a child plan. */
static bool is_forward(const char *id)
{
	return id[0] == '0' && !strchr(id, ' ');
}

void plain_effect_ended(struct ui_plain *plain, const struct event *event)
{
	const struct item *call = tree_effect(&plain->tree, event->id), *step;
	const char *kind = plain_text_of(event, "kind");
	struct value text;
	bool change;

	if (!call)
		return;
	if (strcmp(kind, "ok") != 0) {
		effect_failed(plain, event, call, strcmp(kind, "unknown") == 0);
		return;
	}
	change = call->kind == ITEM_CHANGE;
	if (plain->live && call->kind != ITEM_PERSON) {
		text = plain_with_elapsed(event, call->title);
		show_effect(plain, event, change, value_text_peek(text));
		value_release(text);
	}
	step = tree_step(&plain->tree, event->step);
	if (change && is_forward(event->id))
		list_push(&plain->done, step ? value_string_printf("%s: %s", step->title, call->title)
					     : value_string(call->title));
}

/* ---- people ---- */

/* "Really drop?" needs no colon before its answer. */
static bool ends_in_mark(const char *question)
{
	size_t length = strlen(question);

	return length > 0 && strchr("?!.:", question[length - 1]);
}

void plain_person_answered(struct ui_plain *plain, const struct event *event)
{
	struct value answer = record_peek(event->data, "answer"), shown, text;
	const char *who = plain_text_of(event, "who");

	if (plain_quiet(plain))
		return;
	if (answer.tag == VALUE_BOOL || answer.tag == VALUE_NULL)
		shown = value_string(answer.tag == VALUE_BOOL && answer.b ? "yes" : "no");
	else
		shown = value_to_text(answer);
	text = value_string_printf("%s%s%s%s%s", event->text, ends_in_mark(event->text) ? " " : ": ",
				   value_is_secret(answer) ? "***" : value_text_peek(shown),
				   who[0] ? ", by " : "", who);
	plain_line(plain, event, STYLE_NORMAL, "person  ", value_text_peek(text));
	value_release(text);
	value_release(shown);
}
