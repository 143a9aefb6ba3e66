/*
 * pg_target.h - where a session of PostgreSQL goes: the parameters that libpq takes, out of a URL and the
 * environment, with names resolved beforehand, because libpq would do that on the loop.
 */
#ifndef RUNPLAN_PG_TARGET_H
#define RUNPLAN_PG_TARGET_H

#include "builtins/lazy.h"
#include "builtins/live.h"
#include "interp/value.h"

/* libpq 15 knows some 40. */
#define PG_PARAMETERS_MAX 64

/* Names and values, each list ended by NULL as PQconnectStartParams() wants it. Starts as all zeros. */
struct pg_parameters {
	char *names[PG_PARAMETERS_MAX + 1], *values[PG_PARAMETERS_MAX + 1];
	size_t count;
};

/*
 * The URL's parameters (none where it is null), with `database` in place of the URL's unless that is NULL.
 * False, with a message, where it is no URL; the message never holds it.
 */
bool pg_parameters_parse(const struct pq_api *pq, struct value url, const char *database,
			 struct pg_parameters *parameters, struct value *message);
/* Adds what the environment or a service file says of the place, and what every session of ours wants. */
void pg_parameters_complete(const struct pq_api *pq, struct pg_parameters *parameters);
const char *pg_parameters_get(const struct pg_parameters *parameters,
			      const char *name); /* lent; NULL: not set */
void pg_parameters_free(struct pg_parameters *parameters);

/* All of them as one text, the password included: sessions with the same key may share a connection. */
struct value pg_parameters_key(const struct pg_parameters *parameters);
/* For messages: "app at db1:5432". To be freed. */
char *pg_parameters_place(const struct pg_parameters *parameters);

/*
 * Resolves the names of the hosts on a thread and sets `hostaddr`, with an entry for each address. `done`
 * comes later on the loop; `error` is NULL, or says that none of the hosts is known. NULL, and no `done`:
 * nothing is to be resolved. `parameters` must live until `done`, or until pg_resolve_forget(), after which
 * `done` does not come.
 */
struct pg_resolving;
struct pg_resolving *pg_resolve(struct live *live, struct pg_parameters *parameters,
				void (*done)(void *context, const char *error), void *context);
void pg_resolve_forget(struct pg_resolving *resolving); /* NULL is fine */

/*
 * How a program of PostgreSQL's reaches the same place: a connection string without the password, and a line
 * for a password file, to be handed to the child as its descriptor 3 (`process_options.secret`), which the
 * string then names; null where the URL holds no password. False, with a message, where the URL is none.
 */
bool pg_child_target(struct value url, const char *database, struct value *conninfo, struct value *passfile,
		     struct value *message);

#endif
