/*
 * db.h - the two databases that a state can be: SQLite (db_sqlite.c) and PostgreSQL (db_postgres.c).
 *
 * Statements are constant texts that both read: parameters are $1, $2 and so on. They are prepared
 * once and found again by their address. All calls block. A call that fails answers false; db->error says
 * why, in one line.
 */
#ifndef RUNPLAN_STORE_DB_H
#define RUNPLAN_STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BYTES };

struct db_value {
	enum db_type type;
	int64_t i;
	const char *bytes; /* TEXT: NUL-terminated */
	size_t length;
};

#define DB_INT_OF(number)	((struct db_value){.type = DB_INT, .i = (number)})
#define DB_BYTES_OF(data, size) ((struct db_value){.type = DB_BYTES, .bytes = (data), .length = (size)})
struct db_value db_text(const char *text); /* NULL: null */

/* A row of an answer; its values are lent during the call. False stops. */
typedef bool db_row(void *context, const struct db_value *values, size_t count);

enum db_own { DB_OWNED, DB_BUSY, DB_FAILED };

struct db {
	const struct db_ops *ops;
	char error[500];
	/* PostgreSQL's alone: */
	bool lost; /* what failed has lost its connection: it may have happened. The next begin() makes a new
		      one */
	bool lock_lost;	  /* it failed because a lock of lock() is not ours any more */
	int64_t sessions; /* connections made so far: another number than before, and others may have written
			     meanwhile */
};
struct db_ops {
	const char *kind; /* "SQLite": for messages */
	bool commits;	  /* a statement alone is a transaction: it needs no begin() and commit() around it */
	/* `row` may be NULL. */
	bool (*run)(struct db *db, const char *sql, const struct db_value *values, size_t count, db_row *row,
		    void *context);
	/* From begin on other writers wait. commit: what was run since is durable, or, false, none of it is.
	 */
	bool (*begin)(struct db *db);
	bool (*commit)(struct db *db);
	void (*undo)(struct db *db);
	/* Of the schema; 0: there is none. */
	bool (*version)(struct db *db, int64_t *version);
	const char *(*schema)(
	    int64_t from); /* statements that lead from one version to the next; NULL: none */
	bool (*script)(struct db *db, const char *statements);
	/* Who owns run `number` is alive: the ownership ends with the process, however that ends. */
	enum db_own (*own)(struct db *db, int64_t number);
	void (*disown)(struct db *db, int64_t number);
	enum db_own (*owned)(struct db *db,
			     int64_t number); /* BUSY: by a process that is alive, perhaps this one */
	/*
	 * The plan's lock on all machines, until free(). BUSY: `holder` is told who has it. From then on
	 * begin() fails, with db->lock_lost, once somebody else has had it. NULL: this database is one
	 * machine's.
	 */
	enum db_own (*lock)(struct db *db, const char *name, const char *we, char *holder, size_t size);
	void (*free)(struct db *db);
};

/* NULL with a message. `path`: a file, made where it is not there. */
struct db *db_sqlite_open(const char *path, char *error, size_t size);
struct db *db_postgres_open(const char *url, char *error, size_t size);

#endif
