/*
 * state_place.h - where runs are kept: --state, else RUNPLAN_STATE, else /var/lib/runplan for root and
 * $XDG_STATE_HOME/runplan or
 * ~/.local/state/runplan for others. A folder (made where it is not there) holds runs.db and locks/; a file,
 * or a name that ends in .db, is the database itself, with locks/ beside it; postgres://… is one, with this
 * machine's locks in the folder that RUNPLAN_STATE or the default names; `none` keeps no record.
 */
#ifndef RUNPLAN_STATE_PLACE_H
#define RUNPLAN_STATE_PLACE_H

#include "cli/options.h"
#include "store/state.h"

struct state_place {
	char *directory; /* of locks */
	char *database;	 /* for state_open(); NULL: none */
};

struct state_place state_place_of(const struct options *options);
void state_place_free(struct state_place *place);
/* False with a message on standard error; *state is NULL where no record is kept. Makes the folders. */
bool state_place_open(const struct state_place *place, struct state **state);
/* The state that a command looks at; NULL with a message on standard error. */
struct state *state_place_records(const struct options *options);

#endif
