/*
 * record_main.c - record FILE COUNT: what so many changes put on record, one after the other, without the changes: the
 * intent and its sync, the outcome that goes with the next one. The same calls as the machine's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "builtins/tables.h"
#include "cli/keeper.h"
#include "interp/drivers.h"
#include "interp/journal.h"
#include "store/state.h"

static void append(struct journal *journal, enum event_kind kind, const char *id, const char *text, struct value data)
{
	struct event event = {.kind = kind, .id = id, .step = "0", .text = text, .data = data};

	if (!journal_append(journal, &event))
		exit(1);
	value_release(data);
}

static struct value started(const struct effect_request *request)
{
	struct value data = record_new(4);

	record_set(&data, "class", value_string("change"));
	record_set(&data, "digest", request_digest(request));
	record_set(&data, "shown", request_show(request));
	record_set(&data, "leaves", value_string(request->builtin->leaves));
	return data;
}

static struct value ended(void)
{
	struct value data = record_new(3);

	record_set(&data, "kind", value_string("ok"));
	record_set(&data, "value", value_bool(false));
	record_set(&data, "elapsed", value_duration(1000));
	return data;
}

static void change(struct journal *journal, const struct builtin *builtin, int number)
{
	struct value path = value_string_printf("/nowhere/%d", number);
	char id[40];
	struct effect_request request = {.id = id, .builtin = builtin, .args = &path, .arg_count = 1};

	snprintf(id, sizeof(id), "0:%d", number);
	append(journal, EVENT_EFFECT_STARTED, id, builtin->name, started(&request));
	if (!journal_sync(journal))
		exit(1);
	append(journal, EVENT_EFFECT_ENDED, id, "", ended());
	value_release(path);
}

int main(int argc, char **argv)
{
	struct run_record run = {.id = "20260101-000000-abcdef", .file = "a.plan", .title = "A", .directory = "/",
				 .version = "0", .process = "this"};
	struct sources sources = {0};
	struct redactor *redactor = redactor_new();
	const struct builtin *builtin = registry_find(&builtin_registry, "file.remove", 11);
	struct state *state;
	struct journal *journal;
	struct store *keeper;
	char error[500];

	if (argc < 3 || !builtin || !(state = state_open(argv[1], error, sizeof(error))))
		return 1;
	keeper = keeper_new(state_begin(state, &run, &sources), redactor);
	journal = journal_new(keeper);
	for (int i = 0; i < atoi(argv[2]); i++)
		change(journal, builtin, i);
	if (!journal_sync(journal))
		return 1;
	journal_free(journal);
	keeper->ops->free(keeper);
	state_close(state);
	redactor_free(redactor);
	return 0;
}
