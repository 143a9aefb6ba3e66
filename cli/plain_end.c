/* plain_end.c - going back, and the last words; see plain_inside.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plain_inside.h"
#include "interp/machine.h"

/* ---- failing and going back ---- */

/* Where the plan made the call that failed. Conditions and thresholds are known by their words, and what fails in a child
 * plan fails in those around it. */
static void show_place(struct ui_plain *plain, const struct event *event)
{
	const char *kind = plain_text_of(event, "kind");
	struct position position;
	struct value text;

	if ((strcmp(kind, "error") != 0 && strcmp(kind, "unknown") != 0) || event->at.from == event->at.to ||
	    (plain->placed && strcmp(plain->placed, event->text) == 0))
		return;
	position = source_position(plain->sources, event->at.file, event->at.from);
	text = value_string_printf("at %s:%u:%u", source_get(plain->sources, event->at.file)->path,
				   position.line, position.column);
	plain_detail(plain, event, value_text_peek(text));
	value_release(text);
	free(plain->placed);
	plain->placed = plain_copy(event->text);
}

void plain_failed(struct ui_plain *plain, const struct event *event)
{
	struct value action = record_peek(record_peek(event->data, "detail"), "action");

	plain_line(plain, event, STYLE_BAD, "FAILED  ", event->text);
	show_place(plain, event);
	if (action.tag == VALUE_STRING && value_length(action) > 0)
		plain_detail(plain, event, value_text_peek(action));
	/* A read's were not shown when it failed: it might have been looked at again. */
	if (!plain->tailed || strcmp(plain->tailed, event->text) != 0)
		plain_tail(plain, event, record_peek(event->data, "detail"));
	plain_show_parts(plain, event);
}

void plain_unwinding(struct ui_plain *plain, const struct event *event)
{
	struct value handlers =
	    event->data.tag == VALUE_INT ? event->data : record_peek(event->data, "handlers");
	struct value text;
	char gutter[48];

	plain_blank(plain);
	text = value_string_printf("%s%s%" PRId64 " to undo", event->text, event->text[0] ? "; " : "",
				   handlers.tag == VALUE_INT ? handlers.i : 0);
	page_line(plain->page, plain_clock_of(event->now, gutter), plain_head_indent(plain, event->step),
		  STYLE_STRONG, "Going back: ", value_text_peek(text));
	value_release(text);
}

void plain_handler_started(struct ui_plain *plain, const struct event *event)
{
	const char *kind = plain_text_of(event, "kind");
	struct value text;
	char gutter[48];

	if (plain_quiet(plain))
		return;
	if (strcmp(kind, event->text) == 0)
		text = value_string("");
	else
		text = strcmp(kind, "rollback") == 0 ? value_string("undo: ")
						     : value_string_printf("%s: ", kind);
	page_line(plain->page, plain_clock_of(event->now, gutter), plain_head_indent(plain, event->step),
		  STYLE_STRONG, value_text_peek(text), event->text);
	value_release(text);
}

/* What a person must do is told by the run; these only had something to say. */
static void note_untold(struct ui_plain *plain, const struct event *event, const char *kind, const char *message)
{
	bool titled = strcmp(event->text, kind) != 0; /* of a child plan */

	if (strcmp(kind, "on failure") == 0 || strcmp(kind, "on rollback") == 0)
		list_push(&plain->untold,
			  value_string_printf("%s%s%s%s: %s", kind, titled ? " of \"" : "", titled ? event->text : "",
					      titled ? "\"" : "", message));
}

void plain_handler_ended(struct ui_plain *plain, const struct event *event)
{
	const char *kind = plain_text_of(event, "kind"), *message = plain_text_of(event, "message");
	bool done = strcmp(plain_text_of(event, "outcome"), "done") == 0,
	     rollback = strcmp(kind, "rollback") == 0;
	struct value text = plain_with_elapsed(event, event->text[0] ? event->text : kind), said;
	char gutter[48];

	if (rollback) {
		list_push(done ? &plain->undone : &plain->failed, value_string(event->text));
		plain_forget_title(&plain->armed, event->text);
	}
	if (done && !plain_quiet(plain) && rollback)
		page_line(plain->page, plain_clock_of(event->now, gutter), plain_head_indent(plain, event->step),
			  STYLE_GOOD, "undone: ", value_text_peek(text));
	if (!done) {
		said = value_string_printf("%s: %s", value_text_peek(text), message);
		page_line(plain->page, plain_clock_of(event->now, gutter), plain_head_indent(plain, event->step),
			  STYLE_BAD, rollback ? "NOT UNDONE: " : "FAILED: ", value_text_peek(said));
		value_release(said);
		note_untold(plain, event, kind, message);
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
		longer = text.tag == VALUE_NULL
			     ? value_copy(field)
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

/* Each thing: what it is, by which call, and where, if only the answer said so. */
static void left_behind(struct ui_plain *plain, struct value leaves)
{
	struct value lines = list_new(value_length(leaves));
	size_t i;

	for (i = 0; i < value_length(leaves); i++) {
		struct value entry = list_peek(leaves, i);
		const char *call = value_text_peek(record_peek(entry, "call")),
			   *path = value_text_peek(record_peek(entry, "path"));
		bool told = strstr(call, path) != NULL; /* "" is */

		list_push(&lines, value_string_printf("%s: %s%s%s",
						      value_text_peek(record_peek(entry, "what")), call,
						      told ? "" : " -> ", told ? "" : path));
	}
	summary(plain, "Left behind:", STYLE_STRONG, lines);
	value_release(lines);
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
		return "a person must act";
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

static bool was(const struct ui_plain *plain, const char *outcome)
{
	return strcmp(plain->outcome, outcome) == 0;
}

/* Owned. */
static struct value meaning(const struct ui_plain *plain, int code)
{
	return value_string_printf("%d: %s%s", code,
				   was(plain, "rollback incomplete") ? "failed, and the rollback is incomplete: " : "",
				   exit_code_meaning(code));
}

static void way_back(struct ui_plain *plain)
{
	bool unfinished = value_truthy(record_peek(plain->ended, "unfinished"));

	if (was(plain, "done") && value_length(plain->armed) > 0) {
		summary(plain, "Could still be undone:", STYLE_STRONG, plain->armed);
		struct value text = plain->page->kept
					? value_string_printf("runplan rollback %s", plain->run)
					: value_string("run the plan again with the former values");

		page_line(plain->page, NULL, 0, STYLE_STRONG, "The way back: ", value_text_peek(text));
		value_release(text);
	}
	if (unfinished && plain->page->kept) {
		struct value text = value_length(plain->asked) > 0
					? value_string_printf("runplan approve %s ITEM, then runplan resume %s",
							      plain->run, plain->run)
					: value_string_printf("runplan resume %s", plain->run);

		page_line(plain->page, NULL, 0, STYLE_STRONG, "To go on: ", value_text_peek(text));
		value_release(text);
	} else if (was(plain, "rollback incomplete"))
		page_line(plain->page, NULL, 0, STYLE_STRONG, "The way back: ",
			  "do by hand what is listed above, in that order; then run the plan again");
}

void plain_finish(struct ui *ui, int code)
{
	struct ui_plain *plain = plain_of(ui);
	struct value ended = plain->ended, failure = record_peek(ended, "failure"), text;
	bool bad = code != EXIT_DONE, done = was(plain, "done");
	enum style style = !bad ? STYLE_GOOD : done ? STYLE_WARN : STYLE_BAD;
	char elapsed[48];

	if (ended.tag == VALUE_NULL)
		return;
	if (!plain_quiet(plain) || bad)
		plain_blank(plain);
	text = value_string_printf(
	    "%s after %s%s", plain->outcome[0] ? plain->outcome : exit_code_meaning(code),
	    elapsed_text(plain->now, elapsed), done && bad ? ", but not what was to be done at the end" : "");
	if (failure.tag != VALUE_NULL) {
		struct value why = item_text(failure), whole;

		whole = value_string_printf("%s: %s", value_text_peek(text), value_text_peek(why));
		value_release(why);
		value_release(text);
		text = whole;
	}
	page_line(plain->page, NULL, 0, style, NULL, value_text_peek(text));
	value_release(text);
	if (!plain_quiet(plain) || bad) {
		summary(plain, !done ? "Was done:" : "Changes:", STYLE_STRONG, plain->done);
		summary(plain, "Undone:", STYLE_STRONG, plain->undone);
		summary(plain, "NOT undone:", STYLE_BAD, plain->failed);
		summary(plain, "Stays:", STYLE_STRONG, record_peek(ended, "stays"));
		left_behind(plain, record_peek(ended, "leaves"));
		summary(plain, "Took longer than expected:", STYLE_WARN, record_peek(ended, "overruns"));
		summary(plain, "Failed as well:", STYLE_WARN, plain->untold);
		summary(plain, "A person must do by hand:", STYLE_BAD, record_peek(ended, "by_hand"));
		if (code == EXIT_WAITING)
			summary(plain, "Waits for a person:", STYLE_WARN, plain->asked);
		way_back(plain);
	}
	if (bad) {
		text = meaning(plain, code);
		page_line(plain->page, NULL, 0, style, "Exit code ", value_text_peek(text));
		value_release(text);
	}
}

void plain_run_ended(struct ui_plain *plain, const struct event *event)
{
	value_release(plain->ended);
	plain->ended = event->data.tag == VALUE_RECORD ? value_copy(event->data) : record_new(0);
	free(plain->outcome);
	plain->outcome = plain_copy(event->text);
}
