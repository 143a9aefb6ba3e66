/*
 * commits_main.c - commits FILE COUNT [BYTES]: so many durable commits to a new SQLite database, of a row of
 * so many bytes each: the bare work of a journal that keeps its rows so (write-ahead log, synchronous=FULL).
 */
#include <dlfcn.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS(X) X(open) X(exec) X(prepare_v2) X(bind_int) X(bind_blob) X(step) X(reset)

struct functions {
#define X(name) __typeof__(sqlite3_##name) *name;
	FUNCTIONS(X)
#undef X
};

static bool load(struct functions *api)
{
	void *library = dlopen("libsqlite3.so.0", RTLD_NOW);

	if (!library)
		return false;
#define X(name) api->name = (__typeof__(api->name))dlsym(library, "sqlite3_" #name);
	FUNCTIONS(X)
#undef X
	return true;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[2]) : 0, bytes = argc > 3 ? atoi(argv[3]) : 200;
	struct functions api;
	sqlite3_stmt *insert;
	sqlite3 *db;
	char *row = calloc(1, (size_t)bytes + 1);

	if (argc < 3 || !load(&api) || api.open(argv[1], &db) != SQLITE_OK ||
	    api.exec(db,
		     "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		     "CREATE TABLE entry (run INTEGER, number INTEGER, lines BLOB, PRIMARY KEY (run, "
		     "number)) WITHOUT ROWID",
		     NULL, NULL, NULL) != SQLITE_OK ||
	    api.prepare_v2(db, "INSERT INTO entry VALUES (1, ?, ?)", -1, &insert, NULL) != SQLITE_OK)
		return 1;
	memset(row, 'x', (size_t)bytes);
	for (int i = 0; i < count; i++) {
		api.bind_int(insert, 1, i);
		api.bind_blob(insert, 2, row, bytes, SQLITE_STATIC);
		if (api.step(insert) != SQLITE_DONE || api.reset(insert) != SQLITE_OK)
			return 1;
	}
	free(row);
	return 0;
}
