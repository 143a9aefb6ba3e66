/*
 * db_sqlite.c - runs in a SQLite file: write-ahead log, each commit synced (synchronous=FULL). Who owns a run
 * holds a lock of the kernel's (F_OFD_SETLK) on the byte of its number in FILE-owners; the descriptor is
 * close-on-exec, so no child keeps it.
 */
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "interp/library.h"
#include "interp/value.h"

#define BUSY_MS	   20000	/* for another writer's commit */
#define AGAIN_MS   10
#define LOG_MAX	   (400 * 1024) /* of the log that the end of a process leaves to the next one */
#define STATEMENTS 32
#define PARAMETERS 16

#define SQLITE_FUNCTIONS(X)                                                                                  \
	X(open_v2)                                                                                           \
	X(close_v2)                                                                                          \
	X(errcode)                                                                                           \
	X(errmsg)                                                                                            \
	X(busy_timeout)                                                                                      \
	X(db_config)                                                                                         \
	X(exec)                                                                                              \
	X(free)                                                                                              \
	X(prepare_v3)                                                                                        \
	X(step)                                                                                              \
	X(reset)                                                                                             \
	X(clear_bindings)                                                                                    \
	X(finalize)                                                                                          \
	X(bind_parameter_index)                                                                              \
	X(bind_null)                                                                                         \
	X(bind_int64)                                                                                        \
	X(bind_text64)                                                                                       \
	X(bind_blob64)                                                                                       \
	X(column_count)                                                                                      \
	X(column_type)                                                                                       \
	X(column_int64)                                                                                      \
	X(column_text)                                                                                       \
	X(column_blob)                                                                                       \
	X(column_bytes)

struct sqlite_functions {
#define X(name) __typeof__(sqlite3_##name) *name;
	SQLITE_FUNCTIONS(X)
#undef X
};

static struct library library = {.once = PTHREAD_ONCE_INIT};
static struct sqlite_functions functions;

static void load_once(void)
{
	static const char *const sonames[] = {"libsqlite3.so.0", "libsqlite3.so", NULL};
#define X(name) "sqlite3_" #name,
	static const char *const names[] = {SQLITE_FUNCTIONS(X) NULL};
#undef X

	library.loaded = library_load(&library, "libsqlite3", sonames, names, &functions);
}

struct statement {
	const char *sql;
	sqlite3_stmt *statement;
	/* Of parameter $1, $2 …: SQLite numbers them in the order in which a text names them. */
	int places[PARAMETERS];
};

struct sqlite {
	struct db base;
	const struct sqlite_functions *api;
	sqlite3 *connection;
	int owners; /* FILE-owners */
	char *log;  /* FILE-wal */
	struct statement statements[STATEMENTS];
};

static struct sqlite *sqlite_of(struct db *db)
{
	return (struct sqlite *)db; /* base comes first */
}

static bool failed(struct sqlite *sqlite)
{
	snprintf(sqlite->base.error, sizeof(sqlite->base.error), "%s",
		 sqlite->api->errmsg(sqlite->connection));
	return false;
}

static bool execute(struct sqlite *sqlite, const char *sql)
{
	return sqlite->api->exec(sqlite->connection, sql, NULL, NULL, NULL) == SQLITE_OK || failed(sqlite);
}

static struct statement *statement_of(struct sqlite *sqlite, const char *sql)
{
	struct statement *statement = sqlite->statements;
	char name[24];

	for (; statement->sql; statement++)
		if (statement->sql == sql)
			return statement;
	if (statement == sqlite->statements + STATEMENTS - 1)
		abort(); /* the texts are state.c's, and fewer */
	if (sqlite->api->prepare_v3(sqlite->connection, sql, -1, SQLITE_PREPARE_PERSISTENT,
				    &statement->statement, NULL) != SQLITE_OK) {
		failed(sqlite);
		return NULL;
	}
	statement->sql = sql;
	for (int i = 0; i < PARAMETERS; i++) {
		snprintf(name, sizeof(name), "$%d", i + 1);
		statement->places[i] = sqlite->api->bind_parameter_index(statement->statement, name);
	}
	return statement;
}

static void bind(const struct sqlite_functions *api, sqlite3_stmt *statement, int place,
		 const struct db_value *value)
{
	switch (value->type) {
	case DB_NULL:
		api->bind_null(statement, place);
		break;
	case DB_INT:
		api->bind_int64(statement, place, value->i);
		break;
	case DB_TEXT:
		api->bind_text64(statement, place, value->bytes, value->length, SQLITE_STATIC, SQLITE_UTF8);
		break;
	case DB_BYTES:
		api->bind_blob64(statement, place, value->bytes, value->length, SQLITE_STATIC);
		break;
	}
}

#define COLUMNS 16

static bool give_row(const struct sqlite_functions *api, sqlite3_stmt *statement, db_row *row, void *context)
{
	struct db_value values[COLUMNS];
	int count = api->column_count(statement);

	if (count > COLUMNS)
		abort();
	for (int i = 0; i < count; i++) {
		struct db_value *value = &values[i];

		*value = (struct db_value){0};
		switch (api->column_type(statement, i)) {
		case SQLITE_NULL:
			break;
		case SQLITE_INTEGER:
			*value = DB_INT_OF(api->column_int64(statement, i));
			break;
		case SQLITE_BLOB:
			value->bytes = api->column_blob(statement, i);
			value->length = (size_t)api->column_bytes(statement, i);
			value->type = DB_BYTES;
			break;
		default:
			value->bytes = (const char *)api->column_text(statement, i);
			value->length = (size_t)api->column_bytes(statement, i);
			value->type = DB_TEXT;
			break;
		}
		if (value->type == DB_BYTES && !value->bytes)
			value->bytes = "";
	}
	return row(context, values, (size_t)count);
}

static bool sqlite_run(struct db *db, const char *sql, const struct db_value *values, size_t count,
		       db_row *row, void *context)
{
	struct sqlite *sqlite = sqlite_of(db);
	const struct sqlite_functions *api = sqlite->api;
	struct statement *prepared = statement_of(sqlite, sql);
	sqlite3_stmt *statement;
	int code;

	if (!prepared)
		return false;
	if (count > PARAMETERS)
		abort();
	statement = prepared->statement;
	for (size_t i = 0; i < count; i++)
		bind(api, statement, prepared->places[i], &values[i]);
	while ((code = api->step(statement)) == SQLITE_ROW)
		if (row && !give_row(api, statement, row, context))
			break;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		failed(sqlite);
	api->reset(statement);
	api->clear_bindings(statement);
	return code == SQLITE_ROW || code == SQLITE_DONE;
}

static bool sqlite_begin(struct db *db)
{
	return sqlite_run(db, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL);
}

static bool sqlite_commit(struct db *db)
{
	return sqlite_run(db, "COMMIT", NULL, 0, NULL, NULL);
}

static void sqlite_undo(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);

	sqlite->api->exec(sqlite->connection, "ROLLBACK", NULL, NULL, NULL);
}

static bool take_int(void *context, const struct db_value *values, size_t count)
{
	(void)count;
	*(int64_t *)context = values[0].i;
	return false;
}

static bool sqlite_version(struct db *db, int64_t *version)
{
	return sqlite_run(db, "PRAGMA user_version", NULL, 0, take_int, version);
}

static const char *sqlite_schema(int64_t from)
{
	static const char *const steps[] = {
	    "CREATE TABLE run (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, file TEXT NOT NULL,"
	    " title TEXT NOT NULL, directory TEXT NOT NULL, operator TEXT, environment TEXT,"
	    " version TEXT NOT NULL, started INTEGER NOT NULL, process TEXT NOT NULL, lock TEXT,"
	    " changed INTEGER NOT NULL, outcome TEXT, exit INTEGER, ended INTEGER);"
	    "CREATE INDEX run_lock ON run (lock, number);"
	    "CREATE TABLE source (run INTEGER NOT NULL, number INTEGER NOT NULL, path TEXT NOT NULL,"
	    " text BLOB NOT NULL, PRIMARY KEY (run, number)) WITHOUT ROWID;"
	    "CREATE TABLE entry (run INTEGER NOT NULL, number INTEGER NOT NULL, lines BLOB NOT NULL,"
	    " hash BLOB NOT NULL, PRIMARY KEY (run, number)) WITHOUT ROWID;"
	    "CREATE TABLE word (number INTEGER PRIMARY KEY, run INTEGER NOT NULL, kind TEXT NOT NULL,"
	    " item TEXT, answer TEXT, who TEXT, said INTEGER NOT NULL, comment TEXT, taken INTEGER);"
	    "CREATE INDEX word_run ON word (run, number);"
	    "PRAGMA user_version = 1",
	};

	return from < (int64_t)(sizeof(steps) / sizeof(steps[0])) ? steps[from] : NULL;
}

static bool sqlite_script(struct db *db, const char *statements)
{
	return execute(sqlite_of(db), statements);
}

static enum db_own owner_lock(struct sqlite *sqlite, int64_t number, short type)
{
	struct flock byte = {.l_type = type, .l_whence = SEEK_SET, .l_start = number, .l_len = 1};

	if (fcntl(sqlite->owners, F_OFD_SETLK, &byte) == 0)
		return DB_OWNED;
	if (errno == EAGAIN || errno == EACCES)
		return DB_BUSY;
	snprintf(sqlite->base.error, sizeof(sqlite->base.error), "the run cannot be locked: %s",
		 strerror(errno));
	return DB_FAILED;
}

static enum db_own sqlite_own(struct db *db, int64_t number)
{
	return owner_lock(sqlite_of(db), number, F_WRLCK);
}

static void sqlite_disown(struct db *db, int64_t number)
{
	owner_lock(sqlite_of(db), number, F_UNLCK);
}

static enum db_own sqlite_owned(struct db *db, int64_t number)
{
	struct flock byte = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = number, .l_len = 1};

	if (fcntl(sqlite_of(db)->owners, F_OFD_GETLK, &byte) != 0)
		return DB_FAILED;
	return byte.l_type == F_UNLCK ? DB_OWNED : DB_BUSY;
}

/*
 * The log is not copied back at each end of a process: that costs more than a short run. But the next process
 * reads it all, and knows nothing of what has been copied back, so that it would only ever grow: the end of a
 * process bounds it.
 */
static void bound_log(struct sqlite *sqlite)
{
	struct stat status;
	bool leave = stat(sqlite->log, &status) != 0 || status.st_size <= LOG_MAX;

	sqlite->api->db_config(sqlite->connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)leave, NULL);
}

static void sqlite_free(struct db *db)
{
	struct sqlite *sqlite = sqlite_of(db);

	if (sqlite->connection)
		bound_log(sqlite);
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite->api->finalize(sqlite->statements[i].statement);
	sqlite->api->close_v2(sqlite->connection);
	if (sqlite->owners >= 0)
		close(sqlite->owners);
	free(sqlite->log);
	free(sqlite);
}

static const struct db_ops sqlite_ops = {
    .kind = "SQLite",
    .commits = true,
    .run = sqlite_run,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .undo = sqlite_undo,
    .version = sqlite_version,
    .schema = sqlite_schema,
    .script = sqlite_script,
    .own = sqlite_own,
    .disown = sqlite_disown,
    .owned = sqlite_owned,
    .free = sqlite_free,
};

static bool set_up(struct sqlite *sqlite)
{
	static const char settings[] =
	    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON";

	sqlite->api->busy_timeout(sqlite->connection, BUSY_MS);
	sqlite->api->db_config(sqlite->connection, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	/* Two first users at once: SQLite does not wait where a new file begins to have a log. */
	for (int i = 0; i < BUSY_MS / AGAIN_MS; i++) {
		if (sqlite->api->exec(sqlite->connection, settings, NULL, NULL, NULL) == SQLITE_OK)
			return true;
		if (sqlite->api->errcode(sqlite->connection) != SQLITE_BUSY)
			break;
		usleep(AGAIN_MS * 1000);
	}
	return failed(sqlite);
}

static bool open_owners(struct sqlite *sqlite, const char *path)
{
	char name[PATH_MAX];

	if (snprintf(name, sizeof(name), "%s-owners", path) < (int)sizeof(name))
		sqlite->owners = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (sqlite->owners >= 0)
		return true;
	snprintf(sqlite->base.error, sizeof(sqlite->base.error), "%.400s cannot be opened: %s", name,
		 strerror(errno));
	return false;
}

/* SQLite makes its other files as readable as this one. */
static bool make_file(const char *path, char *error, size_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		return close(fd) == 0;
	snprintf(error, size, "%s: %s", path, strerror(errno));
	return false;
}

struct db *db_sqlite_open(const char *path, char *error, size_t size)
{
	struct sqlite *sqlite;
	const struct sqlite_functions *api;

	pthread_once(&library.once, load_once);
	api = library_answer(&library, &functions, error, size);
	if (!api || !make_file(path, error, size))
		return NULL;
	sqlite = memory_need(calloc(1, sizeof(*sqlite)));
	sqlite->base.ops = &sqlite_ops;
	sqlite->api = api;
	sqlite->owners = -1;
	sqlite->log = memory_need(malloc(strlen(path) + 5));
	sprintf(sqlite->log, "%s-wal", path);
	if (api->open_v2(path, &sqlite->connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
		    SQLITE_OK
		? set_up(sqlite) && open_owners(sqlite, path)
		: failed(sqlite))
		return &sqlite->base;
	snprintf(error, size, "%s: %s", path, sqlite->base.error);
	sqlite_free(&sqlite->base);
	return NULL;
}
