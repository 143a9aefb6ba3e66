/* rehearsal.c - see rehearsal.h. */
#include "cli/rehearsal.h"

#include <string.h>

#include "cli/people.h"
#include "interp/drivers.h"

struct seen {
	struct value places;  /* of people: a list of "file:from:to" */
	struct value lacking; /* what was told: a plan may be run in a loop */
	struct value later;   /* lines: missing now, but a change of the run may see to it */
	struct shortfall *shortfall;
};

static bool holds(struct value list, struct value key)
{
	size_t i;

	for (i = 0; i < value_length(list); i++)
		if (value_equal(list_peek(list, i), key))
			return true;
	return false;
}

/* What is lacking where the run perhaps does not come is said there, if it does. */
static void note_wanting(void *context, const struct wanting *wanting)
{
	struct seen *seen = context;
	size_t i;

	for (i = 0; wanting->certain && i < value_length(wanting->wrong); i++) {
		struct value entry = list_peek(wanting->wrong, i), line;
		bool secret = strcmp(value_text_peek(record_peek(entry, "kind")), "secret") == 0;

		if (holds(seen->lacking, entry))
			continue;
		list_push(&seen->lacking, value_copy(entry));
		line = value_string_printf("%s`%s`%s%s%s: %s", secret ? "the secret " : "",
					   value_text_peek(record_peek(entry, "name")),
					   wanting->plan ? " of \"" : "", wanting->plan ? wanting->plan : "",
					   wanting->plan ? "\"" : "",
					   value_text_peek(record_peek(entry, "why")));
		if (record_peek(entry, "mendable").b) {
			list_push(&seen->later, line);
			continue;
		}
		shortfall_add(seen->shortfall, secret ? &seen->shortfall->secrets : &seen->shortfall->params,
			      "%s", value_text_peek(line));
		value_release(line);
	}
}

/* The run goes on all the same: a step may make the file that a later one reads. */
static void say_later(const struct seen *seen)
{
	size_t i;

	if (value_length(seen->later) == 0 || seen->shortfall->params + seen->shortfall->secrets > 0)
		return;
	fprintf(seen->shortfall->err,
		"runplan: not there yet; unless a step sees to it, the run fails where it is wanted:\n");
	for (i = 0; i < value_length(seen->later); i++)
		fprintf(seen->shortfall->err, "  %s\n", value_text_peek(list_peek(seen->later, i)));
}

static struct value place_key(struct span at)
{
	return value_string_printf("%u:%u:%u", at.file, at.from, at.to);
}

static void note_person(void *context, const struct event *event)
{
	struct seen *seen = context;

	if (event->kind == EVENT_PERSON_ASKED)
		list_push(&seen->places, place_key(event->at));
}

static bool was_seen(const struct seen *seen, struct span at)
{
	struct value key = place_key(at);
	bool found = holds(seen->places, key);

	value_release(key);
	return found;
}

static void drop_unseen(struct compilation *compilation, const struct seen *seen)
{
	struct person_place **at = &compilation->people;

	while (*at) {
		if (people_asked_outright(compilation, *at) && !was_seen(seen, (*at)->span))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/* Is there anything that a rehearsal could find? */
static bool is_worth_it(const struct session *session, bool attended, const struct shortfall *shortfall)
{
	const struct program *program = session->program;

	return program->plan_count > 1 || program->plans->secret_count > 0 || shortfall->params > 0 ||
	       (!attended && session->compilation->people);
}

void rehearse(struct session *session, bool attended, struct shortfall *shortfall)
{
	struct seen seen = {
	    .places = list_new(4), .lacking = list_new(4), .later = list_new(4), .shortfall = shortfall};
	struct driver *driver = rehearsal_driver_new();
	struct journal *journal = journal_new(NULL);
	struct machine_options options = {
	    .program = session->program,
	    .driver = driver,
	    .journal = journal,
	    .run_id = "rehearsal",
	    .environment = session->params.environment,
	    .operator_name = session->operator_name,
	    .params = session->params.values,
	    .param_count = session->params.count,
	    .wanting = note_wanting,
	    .context = &seen,
	};
	struct machine *machine;

	if (is_worth_it(session, attended, shortfall)) {
		journal_observe(journal, note_person, &seen);
		machine = machine_new(&options);
		if (machine_run(machine) == EXIT_DONE && !attended)
			drop_unseen(session->compilation, &seen);
		machine_free(machine);
		say_later(&seen);
	}
	journal_free(journal);
	driver->ops->free(driver);
	value_release(seen.places);
	value_release(seen.lacking);
	value_release(seen.later);
}
