/* state_place.h - for tests of store/: states in SQLite and in PostgreSQL, each new and empty, and runs in
 * them. */
#ifndef STATE_PLACE_H
#define STATE_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "grammar/arena.h"
#include "interp/json.h"
#include "store/db.h"
#include "store/state.h"
#include "tests/unit/pg_cluster.h"
#include "tests/unit/scratch.h"

static struct pg_cluster cluster;

#define ADMIN "postgres://admin:" PG_PASSWORD_IN_URL

static inline void places_make(void)
{
	directory_make("runplan-state");
	if (!pg_cluster_start(&cluster))
		abort();
}

static inline void places_remove(void)
{
	pg_cluster_stop(&cluster);
	directory_remove();
}

/* SQL behind the state's back. */
static inline void tamper(const char *place, const char *sql)
{
	char error[700];
	struct db *db = strncmp(place, "postgres", 8) == 0 ? db_postgres_open(place, error, sizeof error)
							   : db_sqlite_open(place, error, sizeof error);

	if (db == NULL)
		fail_msg("%s", error);
	if (!db->ops->script(db, sql))
		fail_msg("%s", db->error);
	db->ops->free(db);
}

/* As the server's administrator. */
static inline void administer(const char *sql)
{
	char url[300];

	snprintf(url, sizeof url, "%s@127.0.0.1:%d/postgres", ADMIN, cluster.port);
	tamper(url, sql);
}

/* A place where nothing is, as the caller's string. `port`: of the server, or of what stands before it. */
static inline char *postgres_place(int port)
{
	static int number;
	char sql[100], place[400];

	snprintf(sql, sizeof sql, "CREATE SCHEMA s%d", ++number);
	administer(sql);
	snprintf(place, sizeof place, "%s@127.0.0.1:%d/postgres?options=-csearch_path%%3Ds%d", ADMIN, port,
		 number);
	return strdup(place);
}

static inline char *sqlite_place(void)
{
	static int number;
	char name[40];

	snprintf(name, sizeof name, "%d.db", ++number);
	return strdup(in_directory(name));
}

static inline struct state *state_at(const char *place)
{
	char error[700];
	struct state *state = state_open(place, error, sizeof error);

	if (state == NULL)
		fail_msg("%s", error);
	return state;
}

/* ---- runs ---- */

static struct arena texts;
static struct sources sources;

static inline void sources_make(void)
{
	sources_init(&sources, &texts);
	source_add(&sources, "<signature>", "f()", 3);
	source_add(&sources, "a.plan", "plan \"A\" {}\n", 12);
	source_add(&sources, "lib/b.plan", "# \0 \xff\n", 6);
}

static inline struct store *run_begin(struct state *state, const char *id)
{
	struct run_record run = {.id = (char *)id,
				 .file = "a.plan",
				 .title = "A \"title\", it's 100% \\é",
				 .directory = "/tmp",
				 .version = "1",
				 .process = "process 1 on here",
				 .started = 1700000000000000000};

	return state_begin(state, &run, &sources);
}

static inline void append(struct store *store, const char *row)
{
	assert_true(store->ops->append(store, row, strlen(row)));
}

static inline void synced(struct state *state, struct store *store)
{
	if (!store->ops->sync(store))
		fail_msg("%s", state_error(state));
}

static inline void assert_rows(struct store *store, const char *const *rows)
{
	size_t count = 0, length;

	for (; rows[count] != NULL; count++) {
		const char *row = store->ops->row_peek(store, count, &length);

		assert_non_null(row);
		assert_int_equal(length, strlen(rows[count]));
		assert_memory_equal(row, rows[count], length);
	}
	assert_int_equal(store->ops->count(store), count);
}

#define ROWS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A run as it stands in the state, read by a process that only looks on. */
static inline void assert_kept(const char *place, const char *id, const char *const *rows)
{
	struct state *state = state_at(place);
	struct run_record run;
	struct store *store;

	if (!state_find(state, id, NULL, &run))
		fail_msg("%s", state_error(state));
	store = state_run_open(state, &run, false);
	if (store == NULL)
		fail_msg("%s", state_error(state));
	assert_rows(store, rows);
	store->ops->free(store);
	run_record_free(&run);
	state_close(state);
}

/* To write, and refused: why. */
static inline const char *refused(struct state *state, const char *id)
{
	struct run_record run;

	if (!state_find(state, id, NULL, &run))
		fail_msg("%s", state_error(state));
	assert_null(state_run_open(state, &run, true));
	run_record_free(&run);
	return state_error(state);
}

static inline struct store *taken_over(struct state *state, const char *id)
{
	struct run_record run;
	struct store *store;

	if (!state_find(state, id, NULL, &run))
		fail_msg("%s", state_error(state));
	store = state_run_open(state, &run, true);
	run_record_free(&run);
	if (store == NULL)
		fail_msg("%s", state_error(state));
	return store;
}

static inline void assert_says(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

#endif
