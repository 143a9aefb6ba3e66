/* run_state.c - see run_state.h. */
#include "cli/run_state.h"

#include <stdlib.h>

const char *run_state_text(struct state *state, const struct run_record *run)
{
	if (run->outcome)
		return run->outcome;
	return state_alive(state, run) ? "under way" : "cut off";
}

static void set_text(struct value *record, const char *name, const char *text)
{
	record_set(record, name, value_string(text));
}

static void set_time(struct value *record, const char *name, int64_t wall)
{
	char text[48];

	record_set(record, name, wall ? value_string(time_text(wall, text)) : value_null());
}

struct value run_state_record(struct state *state, const struct run_record *run)
{
	struct value record = record_new(12);

	set_text(&record, "run", run->id);
	set_text(&record, "state", run_state_text(state, run));
	record_set(&record, "exit", run->outcome ? value_int(run->exit) : value_null());
	set_text(&record, "plan", run->file);
	set_text(&record, "title", run->title);
	set_text(&record, "directory", run->directory);
	set_text(&record, "environment", run->environment);
	set_text(&record, "operator", run->operator_name);
	set_text(&record, "lock", run->lock);
	set_text(&record, "process", run->process);
	record_set(&record, "changed", value_bool(run->changed));
	set_time(&record, "started", run->started);
	set_time(&record, "ended", run->ended);
	return record;
}
