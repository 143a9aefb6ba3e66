/* keeper.c - see keeper.h. */
#include "cli/keeper.h"

#include <stdlib.h>
#include <string.h>

struct keeper {
	struct store base;
	struct store *run;
	const struct redactor *redactor;
	struct buffer pending;
	size_t count;
	bool broken;
};

static struct keeper *keeper_of(struct store *store)
{
	return (struct keeper *)store; /* base comes first */
}

static bool keeper_append(struct store *store, const char *row, size_t length)
{
	struct keeper *keeper = keeper_of(store);

	buffer_add(&keeper->pending, row, length);
	buffer_add_byte(&keeper->pending, '\n');
	keeper->count++;
	return true;
}

/* Redacted as late as can be: by now more secrets may be known than when a row was told. */
static bool hand_on(struct keeper *keeper)
{
	const char *line = buffer_text(&keeper->pending), *end = line + keeper->pending.length, *line_end;
	struct buffer clean = {0};
	bool good = true;

	for (; good && line < end; line = line_end + 1) {
		line_end = memchr(line, '\n', (size_t)(end - line));
		buffer_cut(&clean, 0);
		redact_row(keeper->redactor, line, (size_t)(line_end - line), &clean);
		good = keeper->run->ops->append(keeper->run, buffer_text(&clean), clean.length);
	}
	buffer_free(&clean);
	buffer_cut(&keeper->pending, 0);
	return good;
}

static bool keeper_sync(struct store *store)
{
	struct keeper *keeper = keeper_of(store);

	keeper->broken |=
	    (keeper->pending.length > 0 && !hand_on(keeper)) || !keeper->run->ops->sync(keeper->run);
	return !keeper->broken;
}

static size_t keeper_count(struct store *store)
{
	return keeper_of(store)->count;
}

static const char *keeper_row_peek(struct store *store, size_t index, size_t *length)
{
	struct keeper *keeper = keeper_of(store);

	return keeper->run->ops->row_peek(keeper->run, index, length);
}

static void keeper_free(struct store *store)
{
	struct keeper *keeper = keeper_of(store);

	keeper->run->ops->free(keeper->run);
	buffer_free(&keeper->pending);
	free(keeper);
}

static const struct store_ops keeper_ops = {
    .append = keeper_append,
    .sync = keeper_sync,
    .count = keeper_count,
    .row_peek = keeper_row_peek,
    .free = keeper_free,
};

struct store *keeper_new(struct store *run, const struct redactor *redactor)
{
	struct keeper *keeper = memory_need(calloc(1, sizeof(*keeper)));

	keeper->base.ops = &keeper_ops;
	keeper->base.packed = run->packed;
	keeper->run = run;
	keeper->redactor = redactor;
	keeper->count = run->ops->count(run);
	return &keeper->base;
}

static void put_text(char **at, const char *text)
{
	char *copy = text ? memory_need(strdup(text)) : NULL;

	free(*at);
	*at = copy;
}

static bool changes(const struct event *event)
{
	return event->kind == EVENT_EFFECT_STARTED && record_peek(event->data, "leaves").tag == VALUE_NULL &&
	       strcmp(value_text_peek(record_peek(event->data, "class")), "change") == 0;
}

/* What was stopped on its way can be resumed: the record says so, whatever the exit code. */
static const char *outcome_of(const struct event *event)
{
	if (!value_truthy(record_peek(event->data, "unfinished")))
		return event->text;
	return strcmp(event->text, "waiting") == 0 ? "waiting" : "stopped";
}

void keeper_see(struct store *store, const struct event *event)
{
	struct keeper *keeper = keeper_of(store);
	struct run_record *record = state_run_record(keeper->run);

	switch (event->kind) {
	case EVENT_EFFECT_STARTED:
		if (record->changed || !changes(event))
			return;
		record->changed = true;
		break;
	case EVENT_RESUMED:
	case EVENT_ROLLBACK_ASKED:
		put_text(&record->outcome, NULL);
		record->ended = 0;
		record->exit = 0;
		break;
	case EVENT_RUN_ENDED:
		put_text(&record->outcome, outcome_of(event));
		record->ended = event->wall;
		record->exit = (int)record_peek(event->data, "exit").i;
		break;
	default:
		return;
	}
	state_run_touch(keeper->run);
}

void keeper_locked(struct store *store, const char *name)
{
	struct keeper *keeper = keeper_of(store);

	put_text(&state_run_record(keeper->run)->lock, name);
	state_run_touch(keeper->run);
}

bool keeper_broken(struct store *store)
{
	return keeper_of(store)->broken;
}

struct run_record *keeper_record(struct store *store)
{
	return state_run_record(keeper_of(store)->run);
}
