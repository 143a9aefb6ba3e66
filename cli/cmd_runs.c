/* cmd_runs.c - runplan runs: what is on record. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/run_state.h"
#include "cli/state_place.h"
#include "cli/ui.h"
#include "interp/json.h"

#define SHOWN 20 /* without --all */

struct listing {
	struct state *state;
	bool json;
	int64_t count;
};

/* "2026-11-30 21:13" of UTC, as the ids are. */
static void write_time(int64_t wall, char *text, size_t size)
{
	time_t seconds = (time_t)(wall / INT64_C(1000000000));
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(text, size, "%Y-%m-%d %H:%M", &tm);
}

static void print_clean(const char *text)
{
	struct buffer clean = {0};

	text_clean(text, strlen(text), &clean);
	fputs(buffer_text(&clean), stdout);
	buffer_free(&clean);
}

static bool print_line(void *context, const struct run_record *run)
{
	struct listing *listing = context;
	char started[32];

	if (listing->count++ == 0)
		printf("%-22s  %-16s  %-19s  %s\n", "RUN", "STARTED (UTC)", "STATE", "PLAN");
	write_time(run->started, started, sizeof(started));
	printf("%-22s  %-16s  %-19s  ", run->id, started, run_state_text(listing->state, run));
	print_clean(run->file);
	if (run->environment)
		printf(", %s", run->environment);
	if (run->operator_name) {
		fputs(", by ", stdout);
		print_clean(run->operator_name);
	}
	putchar('\n');
	return true;
}

static bool print_json(void *context, const struct run_record *run)
{
	struct listing *listing = context;
	struct value record = run_state_record(listing->state, run);
	struct buffer line = {0};

	listing->count++;
	json_write(&line, record, JSON_PLAIN);
	puts(buffer_text(&line));
	buffer_free(&line);
	value_release(record);
	return true;
}

int cmd_runs(const struct options *options)
{
	bool all = option_given(options, "all");
	struct state *state = state_place_records(options);
	struct listing listing = {.state = state, .json = option_given(options, "json")};
	bool good;

	if (!state)
		return EXIT_USAGE;
	good = state_list(state, all ? 0 : SHOWN, listing.json ? print_json : print_line, &listing);
	if (!good)
		fprintf(stderr, "runplan: %s\n", state_error(state));
	else if (!listing.json && listing.count == 0)
		fprintf(stderr, "runplan: there are no runs on record\n");
	else if (!listing.json && !all && listing.count == SHOWN)
		fprintf(stderr, "the newest %d; --all shows the others too\n", SHOWN);
	state_close(state);
	return good ? EXIT_DONE : EXIT_INTERNAL;
}
