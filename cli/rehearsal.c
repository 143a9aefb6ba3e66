/* rehearsal.c - see rehearsal.h. */
#include "cli/rehearsal.h"

#include <string.h>

#include "interp/drivers.h"

struct seen {
	struct value places; /* list of "file:from:to" */
};

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
	bool found = false;
	size_t i;

	for (i = 0; i < value_length(seen->places) && !found; i++)
		found = value_equal(list_peek(seen->places, i), key);
	value_release(key);
	return found;
}

static void drop_unseen(struct compilation *compilation, const struct seen *seen)
{
	struct person_place **at = &compilation->people;

	while (*at) {
		bool asked = strcmp((*at)->kind, "manual") == 0 || strcmp((*at)->kind, "confirm") == 0;

		if (asked && !was_seen(seen, (*at)->span))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

void rehearse_people(struct session *session)
{
	struct seen seen = {.places = list_new(4)};
	struct driver *driver = preview_driver_new(NULL);
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
	};
	struct machine *machine;

	journal_observe(journal, note_person, &seen);
	machine = machine_new(&options);
	if (machine_run(machine) == EXIT_DONE)
		drop_unseen(session->compilation, &seen);
	machine_free(machine);
	journal_free(journal);
	driver->ops->free(driver);
	value_release(seen.places);
}
