/* plain_checks.c - conditions, waits, holds and thresholds; see plain_inside.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plain_inside.h"
#include "interp/machine.h"

/* ---- conditions ---- */

static void show_part_list(struct ui_plain *plain, const struct event *event, struct value parts)
{
	size_t i;

	for (i = 0; i < value_length(parts); i++) {
		struct value part = list_peek(parts, i), v = record_peek(part, "value"), shown, text;

		shown = v.tag == VALUE_STRING ? value_copy(v)
					      : value_show(v, 300); /* the machine shows it already */
		text = value_string_printf("%s is %s", value_text_peek(record_peek(part, "text")),
					   value_text_peek(shown));

		plain_detail(plain, event, value_text_peek(text));
		value_release(text);
		value_release(shown);
	}
}

void plain_show_parts(struct ui_plain *plain, const struct event *event)
{
	show_part_list(plain, event, record_peek(event->data, "parts"));
}

void plain_check(struct ui_plain *plain, const struct event *event)
{
	const char *outcome = plain_text_of(event, "outcome"), *condition = plain_text_of(event, "condition");
	const char *message = plain_text_of(event, "message");
	const char *label = event->text[0] ? event->text : condition;
	bool held = strcmp(outcome, "held") == 0, assumed = strcmp(outcome, "assumed") == 0;

	if (held || assumed) {
		/* A person's item has no condition, and its answer has just been shown. */
		if (!plain_quiet(plain) && (condition[0] || assumed))
			plain_line(plain, event, held ? STYLE_GOOD : STYLE_FAINT,
				   held ? "ok      " : "assumed ", label);
		if (plain_verbose(plain))
			plain_show_parts(plain, event);
		return;
	}
	plain_line(plain, event, strcmp(outcome, "warned") == 0 ? STYLE_WARN : STYLE_BAD,
		   strcmp(outcome, "warned") == 0 ? "warning " : "FAILED  ", label);
	if (plain->said && strcmp(plain->said, condition) == 0)
		return; /* where the wait expired it said what was seen last */
	if (condition[0] && strcmp(label, condition) != 0)
		plain_detail(plain, event, condition);
	if (message[0] && strcmp(message, label) != 0 && !(condition[0] && strstr(message, condition)))
		plain_detail(plain, event, message);
	plain_show_parts(plain, event);
}

void plain_waiting(struct ui_plain *plain, const struct event *event)
{
	struct value within = record_peek(event->data, "within");
	char buffer[48];
	struct value text;

	if (plain_quiet(plain) || plain->live)
		return;
	text = within.tag == VALUE_DURATION
		   ? value_string_printf("%s (at most %s)", event->text, duration_text(within.i, buffer))
		   : value_string(event->text);
	plain_line(plain, event, STYLE_NORMAL, "wait    ", value_text_peek(text));
	value_release(text);
}

void plain_waited(struct ui_plain *plain, const struct event *event)
{
	struct value last = record_peek(event->data, "last"), text = plain_with_elapsed(event, event->text);
	const struct item *wait = tree_wait(&plain->tree, event->id, event->text);
	bool held = strcmp(plain_text_of(event, "outcome"), "held") == 0, labelled = wait && wait->labelled;

	if (!held) {
		free(plain->said);
		plain->said = plain_copy(event->text);
	}
	if (!held || (!plain_quiet(plain) && !labelled))
		plain_line(plain, event, held ? STYLE_GOOD : STYLE_BAD, held ? "ok      " : "expired ",
			   value_text_peek(text));
	value_release(text);
	if (held || last.tag == VALUE_NULL)
		return;
	if (last.tag == VALUE_LIST)
		show_part_list(plain, event, last);
	else
		plain_detail(plain, event, value_text_peek(last));
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

void plain_holding(struct ui_plain *plain, const struct event *event)
{
	struct value duration = record_peek(event->data, "duration"), text;
	struct value names = names_of(record_peek(event->data, "watching"));
	bool baseline = record_peek(event->data, "baseline").tag == VALUE_BOOL;
	char buffer[48];

	text = value_string_printf("%s%s%s",
				   duration.tag == VALUE_DURATION ? duration_text(duration.i, buffer) : "",
				   value_length(names) == 0 ? ""
				   : baseline		    ? " of "
							    : " watching ",
				   value_text_peek(names));
	if (!plain_quiet(plain))
		plain_line(plain, event, STYLE_NORMAL, baseline ? "measure " : "hold    ",
			   value_text_peek(text));
	value_release(text);
	value_release(names);
}

void plain_baseline(struct ui_plain *plain, const struct event *event)
{
	struct value shown = value_to_text(record_peek(event->data, "value"));
	struct value text =
	    value_string_printf("%s: %s is the median of %lld samples", sample_name(event),
				value_text_peek(shown), (long long)record_peek(event->data, "samples").i);

	if (!plain_quiet(plain))
		plain_line(plain, event, STYLE_NORMAL, "measure ", value_text_peek(text));
	value_release(text);
	value_release(shown);
}

/* ---- thresholds ---- */

static struct sampled *sampled_find(struct ui_plain *plain, const char *name)
{
	size_t i;

	for (i = 0; i < plain->sample_count; i++)
		if (strcmp(plain->samples[i].name, name) == 0)
			return &plain->samples[i];
	plain->samples =
	    memory_need(realloc(plain->samples, (plain->sample_count + 1) * sizeof(*plain->samples)));
	plain->samples[plain->sample_count] =
	    (struct sampled){.name = plain_copy(name), .verdict = plain_copy(""), .shown = INT64_MIN / 2};
	return &plain->samples[plain->sample_count++];
}

void plain_sample(struct ui_plain *plain, const struct event *event)
{
	const char *verdict = plain_text_of(event, "verdict"), *reason = plain_text_of(event, "reason");
	struct sampled *sampled = sampled_find(plain, sample_name(event));
	struct value v = record_peek(event->data, "value"), bound = record_peek(event->data, "bound"), shown,
		     limit, text;
	bool ok = strcmp(verdict, "ok") == 0 || strcmp(verdict, "measured") == 0,
	     same = strcmp(sampled->verdict, verdict) == 0;

	if (!plain_verbose(plain) && same && (plain->live || event->now - sampled->shown < SAMPLE_EVERY))
		return;
	if (plain_quiet(plain) && ok)
		return;
	free(sampled->verdict);
	sampled->verdict = plain_copy(verdict);
	sampled->shown = event->now;
	shown = v.tag == VALUE_NULL ? value_string_printf("(%s)", reason) : value_to_text(v);
	limit = bound.tag == VALUE_STRING ? value_copy(bound) : value_show(bound, 0);
	text = value_string_printf("%s: %s %s%s%s", sampled->name, verdict, value_text_peek(shown),
				   bound.tag == VALUE_NULL ? "" : ", must be ",
				   bound.tag == VALUE_NULL ? "" : value_text_peek(limit));
	plain_line(plain, event,
		   ok				    ? STYLE_NORMAL
		   : strcmp(verdict, "breach") == 0 ? STYLE_BAD
						    : STYLE_WARN,
		   "sample  ", value_text_peek(text));
	value_release(text);
	value_release(limit);
	value_release(shown);
}
