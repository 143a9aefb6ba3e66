/* cmd_lock.c - runplan lock status: who holds which lock, as far as runs are on record. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/run_state.h"
#include "cli/state_place.h"
#include "cli/ui.h"
#include "interp/json.h"

struct locks {
	struct state *state;
	const char *wanted; /* or NULL: all */
	bool json;
	struct value seen; /* names, a list */
};

static bool was_seen(struct locks *locks, const char *name)
{
	for (size_t i = 0; i < value_length(locks->seen); i++)
		if (strcmp(value_text_peek(list_peek(locks->seen, i)), name) == 0)
			return true;
	list_push(&locks->seen, value_string(name));
	return false;
}

static void print_json(const struct run_record *run, bool held, const char *state)
{
	struct value record = record_new(6);
	struct buffer line = {0};

	record_set(&record, "lock", value_string(run->lock));
	record_set(&record, "held", value_bool(held));
	record_set(&record, "run", value_string(run->id));
	record_set(&record, "state", value_string(state));
	record_set(&record, "plan", value_string(run->file));
	record_set(&record, "operator", value_string(run->operator_name));
	record_set(&record, "process", value_string(run->process));
	json_write(&line, record, JSON_PLAIN);
	puts(buffer_text(&line));
	buffer_free(&line);
	value_release(record);
}

/* Newest first: the first run under a lock is the one that has it, or had it last. */
static bool print_lock(void *context, const struct run_record *run)
{
	struct locks *locks = context;
	struct buffer text = {0};
	const char *state;
	bool held;

	if (!run->lock || (locks->wanted && strcmp(run->lock, locks->wanted) != 0) ||
	    was_seen(locks, run->lock))
		return true;
	state = run_state_text(locks->state, run);
	held = strcmp(state, "under way") == 0;
	if (locks->json) {
		print_json(run, held, state);
		return true;
	}
	if (value_length(locks->seen) == 1)
		printf("%-20s  %-5s  %-22s  %-11s  %s\n", "LOCK", "STATE", "RUN", "ITS STATE", "PLAN");
	text_clean(run->lock, strlen(run->lock), &text);
	printf("%-20s  %-5s  %-22s  %-11s  %s%s%s%s%s\n", buffer_text(&text), held ? "held" : "free", run->id,
	       state, run->file, run->operator_name ? ", by " : "",
	       run->operator_name ? run->operator_name : "", held && run->process ? ", " : "",
	       held && run->process ? run->process : "");
	buffer_free(&text);
	return true;
}

int cmd_lock(const struct options *options)
{
	struct locks locks = {.json = option_given(options, "json"), .seen = list_new(4)};
	int code = EXIT_DONE;

	if (strcmp(options->operands[0], "status") != 0) {
		fprintf(stderr, "runplan: `lock` knows `status` only, not `%s`\n", options->operands[0]);
		return EXIT_USAGE;
	}
	locks.wanted = options->operand_count > 1 ? options->operands[1] : NULL;
	locks.state = state_place_records(options);
	if (!locks.state) {
		code = EXIT_USAGE;
	} else if (!state_list(locks.state, 0, print_lock, &locks)) {
		fprintf(stderr, "runplan: %s\n", state_error(locks.state));
		code = EXIT_INTERNAL;
	} else if (value_length(locks.seen) == 0) {
		fprintf(stderr, "runplan: no run on record has held %s%s%s\n",
			locks.wanted ? "the lock \"" : "a lock", locks.wanted ? locks.wanted : "",
			locks.wanted ? "\"" : "");
		code = locks.wanted ? EXIT_REFUSED : EXIT_DONE;
	}
	value_release(locks.seen);
	state_close(locks.state);
	return code;
}
