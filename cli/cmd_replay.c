/*
 * cmd_replay.c - runplan replay: gives the plan the answers on record and holds every event that follows
 * against the rows. The same plan does the same again, to the last event; a change to it shows as the first
 * difference.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/rows.h"
#include "cli/session.h"
#include "interp/drivers.h"

struct comparison {
	struct session *session;
	struct store *record;
	size_t seen;
	bool differs;
	bool whole; /* the record ends with the end of the run, not where it was cut off */
};

static void difference(const struct comparison *comparison, const char *recorded, size_t recorded_length,
		       const char *got, size_t got_length)
{
	printf("row %zu differs\n  on record: %.*s\n  replayed:  %.*s\n", comparison->seen,
	       (int)recorded_length, recorded, (int)got_length, got);
}

/* Where a call stands in its file is no part of what the plan does: a row is compared up to there. */
static size_t without_place(const char *row, size_t length)
{
	static const char place[] = ",\"at\":";
	const char *last = NULL, *at = row;

	while ((at = memmem(at, length - (size_t)(at - row), place, sizeof(place) - 1)))
		last = at++;
	return last ? (size_t)(last - row) : length;
}

static void compare(void *context, const struct event *event)
{
	struct comparison *comparison = context;
	struct store *record = comparison->record;
	struct value row;
	const char *line;
	size_t length, got;

	if (comparison->differs || (!comparison->whole && comparison->seen >= record->ops->count(record)))
		return;
	row = event_encode(event);
	if (comparison->seen >= record->ops->count(record)) {
		printf("the record ends after row %zu, the plan goes on with\n  %s\n", comparison->seen,
		       value_text_peek(row));
		comparison->differs = true;
	} else {
		line = record->ops->row_peek(record, comparison->seen++, &length);
		length = without_place(line, length);
		got = without_place(value_text_peek(row), value_length(row));
		comparison->differs = length != got || memcmp(line, value_text_peek(row), length) != 0;
		if (comparison->differs)
			difference(comparison, line, length, value_text_peek(row), got);
	}
	value_release(row);
}

static bool ends_with_run(struct store *record)
{
	size_t length;
	const char *line = record->ops->row_peek(record, record->ops->count(record) - 1, &length);
	struct event last;
	bool ended;

	if (!event_decode(line, length, &last))
		return false;
	ended = last.kind == EVENT_RUN_ENDED;
	event_free(&last);
	return ended;
}

static int verdict(struct session *session, const struct comparison *comparison, const struct driver *driver)
{
	size_t count = comparison->record->ops->count(comparison->record);
	struct span at;
	const char *problem = replay_problem(driver, &at);

	if (problem) {
		struct position position = {0};

		if (at.file < session->compilation->sources->count)
			position = source_position(session->compilation->sources, at.file, at.from);
		printf("%s:%u:%u: %s\n",
		       position.line ? source_get(session->compilation->sources, at.file)->path
				     : session->options->operands[0],
		       position.line, position.column, problem);
		return EXIT_FAILED;
	}
	if (comparison->differs)
		return EXIT_FAILED;
	if (comparison->seen < count) {
		printf("the plan ends after row %zu, the record has %zu rows\n", comparison->seen, count);
		return EXIT_FAILED;
	}
	printf("%zu rows: the plan does the same again%s\n", count,
	       comparison->whole ? "" : "; the record was cut off there");
	return EXIT_DONE;
}

static int replay(struct session *session, struct store *record)
{
	struct comparison comparison = {.session = session, .record = record, .whole = ends_with_run(record)};
	struct driver *driver;
	struct event first;
	int code;

	if (!session_take_start(session, record, &first)) {
		fprintf(stderr, "runplan: --journal %s: the first row is not the start of a run\n",
			option_value(session->options, "journal"));
		event_free(&first);
		return EXIT_USAGE;
	}
	driver = replay_driver_new(record);
	session->journal = journal_new(NULL);
	journal_observe(session->journal, compare, &comparison);
	session_run(session, driver);
	code = verdict(session, &comparison, driver);
	driver->ops->free(driver);
	params_free(&session->params);
	event_free(&first);
	return code;
}

int cmd_replay(const struct options *options)
{
	const char *path = option_value(options, "journal");
	struct session session;
	struct store *record;
	char error[512];
	int code;

	if (!path) {
		fprintf(stderr, "runplan: `replay` wants the record: --journal FILE\n");
		return EXIT_USAGE;
	}
	record = rows_read(path, error, sizeof(error));
	if (!record) {
		fprintf(stderr, "runplan: --journal %s\n", error);
		return EXIT_USAGE;
	}
	code = session_open(&session, options, options->operands[0]);
	if (code == EXIT_DONE)
		code = replay(&session, record);
	session_close(&session);
	record->ops->free(record);
	return code;
}
