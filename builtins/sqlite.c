/*
 * sqlite.c - sqlite.*: databases in files of this machine.
 *
 * SQLite blocks, so a call is one piece of work on a thread of the pool. The loop can only ask it to stop:
 * `why` says why, sqlite3_interrupt() ends a statement that runs, the busy handler one that waits. The
 * connection is shared between the two under `lock` for that alone. A connection is opened for each call, and
 * reads and writes no file but the one that the call names.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "builtins/http_parts.h"
#include "builtins/lazy.h"
#include "builtins/live.h"
#include "builtins/part.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "interp/buffer.h"

#define NS_PER_S INT64_C(1000000000)
/* How often a running statement looks whether it shall stop, in SQLite's own steps. */
#define STEPS_BETWEEN 10000
/* Pages that a backup copies between two looks. */
#define PAGES_AT_ONCE 1000

enum { QUERY_PATH, QUERY_STATEMENT, QUERY_LIMIT, QUERY_TIMEOUT };
enum { EXEC_PATH, EXEC_STATEMENT, EXEC_TIMEOUT };
enum { BACKUP_FROM, BACKUP_TO, BACKUP_TIMEOUT };

enum stop { GO_ON, STOP_CANCELLED, STOP_LATE };

struct sqlite_call {
	struct effect_call *call;
	const struct sqlite_api *api;
	struct live_timer *timer;
	void (*work)(struct sqlite_call *sqlite);
	int64_t timeout_ns, began;
	bool secret; /* a parameter, or a name in the statement */

	pthread_mutex_t lock;
	sqlite3 *db; /* under the lock where the loop looks */
	atomic_int why;

	/* Of the thread, until it is done: */
	bool ok;
	char error[DISK_ERROR]; /* "": it is `message` */
	struct value message;
	struct value answer;
	struct part part;
};

static void sqlite_free(void *state)
{
	struct sqlite_call *sqlite = state;

	live_timer_stop(sqlite->timer);
	pthread_mutex_destroy(&sqlite->lock);
	value_release(sqlite->message);
	value_release(sqlite->answer);
	part_free(&sqlite->part);
	free(sqlite);
}

/* ---- on the thread ---- */

static bool shall_stop(struct sqlite_call *sqlite)
{
	return atomic_load(&sqlite->why) != GO_ON;
}

static int in_progress(void *context)
{
	return shall_stop(context);
}

/* Another connection holds a lock that is in the way. */
static int while_busy(void *context, int times)
{
	struct timespec pause = {0, times < 10 ? 1000000 : 20000000};

	if (shall_stop(context))
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

static bool fail_text(struct sqlite_call *sqlite, const char *path, const char *why)
{
	snprintf(sqlite->error, sizeof sqlite->error, "%.200s: %.150s", path, why);
	return false;
}

/* SQLite's own words; where a secret could stand in them, its words for all errors of the kind. */
static bool fail_db(struct sqlite_call *sqlite, const char *path)
{
	const struct sqlite_api *api = sqlite->api;
	const char *words =
	    sqlite->secret ? api->errstr(api->extended_errcode(sqlite->db)) : api->errmsg(sqlite->db);

	value_put(&sqlite->message, value_string_printf("%s: %s", path, words));
	return false;
}

static void db_set(struct sqlite_call *sqlite, sqlite3 *db)
{
	pthread_mutex_lock(&sqlite->lock);
	sqlite->db = db;
	pthread_mutex_unlock(&sqlite->lock);
}

static void db_close(struct sqlite_call *sqlite)
{
	sqlite3 *db = sqlite->db;

	db_set(sqlite, NULL);
	sqlite->api->close_v2(db);
}

/* SQLite itself says of everything only that it cannot open it. */
static bool file_fits(struct sqlite_call *sqlite, const char *path)
{
	struct stat file;

	if (stat(path, &file) != 0)
		return disk_failed("read", path, errno, sqlite->error);
	if (!S_ISREG(file.st_mode))
		return fail_text(sqlite, path, "it is no regular file");
	return true;
}

static bool db_open(struct sqlite_call *sqlite, const char *path, int flags, const char *vfs)
{
	sqlite3 *db = NULL;
	int code = sqlite->api->open_v2(path, &db, flags | SQLITE_OPEN_FULLMUTEX, vfs);

	db_set(sqlite, memory_need(db));
	if (code != SQLITE_OK) {
		fail_db(sqlite, path);
		db_close(sqlite);
		return false;
	}
	sqlite->api->busy_handler(db, while_busy, sqlite);
	sqlite->api->progress_handler(db, STEPS_BETWEEN, in_progress, sqlite);
	/* "x" is a name, never a text; what a database brings along calls nothing dangerous. */
	sqlite->api->db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite->api->db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	return true;
}

static int bind_one(struct sqlite_call *sqlite, sqlite3_stmt *statement, int index, struct value v)
{
	switch ((enum value_tag)v.tag) {
	case VALUE_NULL:
		return sqlite->api->bind_null(statement, index);
	case VALUE_INT:
		return sqlite->api->bind_int64(statement, index, v.i);
	case VALUE_FLOAT:
		return sqlite->api->bind_double(statement, index, v.f);
	default: /* it lives as long as the call */
		return sqlite->api->bind_text(statement, index, value_text_peek(v), (int)value_length(v),
					      SQLITE_STATIC);
	}
}

static bool is_empty(const char *tail)
{
	return tail[strspn(tail, " \t\r\n;")] == '\0';
}

/* The call's statement, with its parameters; NULL where it failed. */
static sqlite3_stmt *statement_prepare(struct sqlite_call *sqlite, const char *path)
{
	struct value code = call_arg(sqlite->call, QUERY_STATEMENT), text = record_peek(code, "text"),
		     args = record_peek(code, "args");
	sqlite3_stmt *statement = NULL;
	const char *tail = "";
	int result = SQLITE_OK;

	if (value_length(text) > INT32_MAX / 2 ||
	    sqlite->api->prepare_v2(sqlite->db, value_text_peek(text), (int)value_length(text) + 1,
				    &statement, &tail) != SQLITE_OK) {
		fail_db(sqlite, path);
		return NULL;
	}
	if (statement == NULL || !is_empty(tail)) {
		fail_text(sqlite, path,
			  statement == NULL ? "there is no statement" : "one statement at a time");
		sqlite->api->finalize(statement);
		return NULL;
	}
	for (size_t i = 0; i < value_length(args) && result == SQLITE_OK; i++)
		result = bind_one(sqlite, statement, (int)i + 1, list_peek(args, i));
	if (result == SQLITE_OK)
		return statement;
	fail_db(sqlite, path);
	sqlite->api->finalize(statement);
	return NULL;
}

static struct value column(struct sqlite_call *sqlite, sqlite3_stmt *statement, int index)
{
	const struct sqlite_api *api = sqlite->api;
	struct buffer hex = {0};
	const unsigned char *bytes;

	switch (api->column_type(statement, index)) {
	case SQLITE_NULL:
		return value_null();
	case SQLITE_INTEGER:
		return value_int(api->column_int64(statement, index));
	case SQLITE_FLOAT:
		return value_float(api->column_double(statement, index));
	case SQLITE_BLOB:
		bytes = api->column_blob(statement, index);
		for (int i = 0, length = api->column_bytes(statement, index); i < length; i++)
			buffer_printf(&hex, "%02x", bytes[i]);
		return buffer_finish(&hex);
	default:
		bytes = api->column_text(statement, index);
		return value_string_n((const char *)bytes, (size_t)api->column_bytes(statement, index));
	}
}

/* Of the row that the statement stands on, before any of it is copied. */
static int64_t row_bytes(const struct sqlite_call *sqlite, sqlite3_stmt *statement)
{
	int count = sqlite->api->column_count(statement), type;
	int64_t bytes = 16 * count;

	for (int i = 0; i < count; i++) {
		type = sqlite->api->column_type(statement, i);
		if (type == SQLITE_BLOB) /* shown in hexadecimal */
			bytes += 2 * (int64_t)sqlite->api->column_bytes(statement, i);
		else if (type == SQLITE_TEXT)
			bytes += sqlite->api->column_bytes(statement, i);
	}
	return bytes;
}

/* Adds the row that the statement stands on; false where two of its columns have one name. */
static bool row_add(struct sqlite_call *sqlite, sqlite3_stmt *statement, struct value *rows)
{
	int count = sqlite->api->column_count(statement);
	struct value row = record_new((size_t)count);
	bool good = true;

	for (int i = 0; i < count && good; i++) {
		const char *name = sqlite->api->column_name(statement, i);

		good = !record_has(row, name);
		record_set(&row, name, column(sqlite, statement, i));
	}
	list_push(rows, row);
	return good;
}

static bool rows_read(struct sqlite_call *sqlite, const char *path, sqlite3_stmt *statement, int64_t limit)
{
	int64_t bytes = 0;
	char text[100];
	int code;

	while ((code = sqlite->api->step(statement)) == SQLITE_ROW) {
		if ((int64_t)value_length(sqlite->answer) >= limit) {
			snprintf(text, sizeof text, "more than %lld rows came", (long long)limit);
			return fail_text(sqlite, path, text);
		}
		bytes += row_bytes(sqlite, statement);
		if (bytes > LIVE_BODY_MAX)
			return fail_text(sqlite, path, "the rows exceed 4MiB");
		if (!row_add(sqlite, statement, &sqlite->answer))
			return fail_text(sqlite, path,
					 "two columns have the same name: give one another with `as`");
	}
	return code == SQLITE_DONE || fail_db(sqlite, path);
}

static void query_work(struct sqlite_call *sqlite)
{
	const char *path = call_text(sqlite->call, QUERY_PATH);
	sqlite3_stmt *statement;

	if (!file_fits(sqlite, path) || !db_open(sqlite, path, SQLITE_OPEN_READONLY, NULL))
		return;
	/* VACUUM INTO would write a file, and ATTACH read one. */
	sqlite->api->limit(sqlite->db, SQLITE_LIMIT_ATTACHED, 0);
	statement = statement_prepare(sqlite, path);
	if (statement != NULL && !sqlite->api->stmt_readonly(statement))
		fail_text(sqlite, path,
			  "the statement changes something, and sqlite.query only reads: use sqlite.exec");
	else if (statement != NULL)
		sqlite->ok =
		    rows_read(sqlite, path, statement, call_int(sqlite->call, QUERY_LIMIT, INT64_C(10000)));
	sqlite->api->finalize(statement);
	db_close(sqlite);
}

static void exec_work(struct sqlite_call *sqlite)
{
	const char *path = call_text(sqlite->call, EXEC_PATH);
	sqlite3_stmt *statement;
	int code = SQLITE_ROW;

	if (!file_fits(sqlite, path) || !db_open(sqlite, path, SQLITE_OPEN_READWRITE, NULL))
		return;
	statement = statement_prepare(sqlite, path);
	while (statement != NULL && code == SQLITE_ROW)
		code = sqlite->api->step(statement);
	if (statement != NULL && code != SQLITE_DONE)
		fail_db(sqlite, path);
	sqlite->ok = statement != NULL && code == SQLITE_DONE;
	sqlite->api->finalize(statement);
	if (sqlite->ok) {
		value_put(&sqlite->answer, record_new(1));
		record_set(&sqlite->answer, "rows", value_int(sqlite->api->changes64(sqlite->db)));
	}
	db_close(sqlite);
}

/* ---- a backup ---- */

/* Runs while the source's read transaction keeps its state: a writer meanwhile is not in the copy. */
static bool pages_copy(struct sqlite_call *sqlite, sqlite3 *copy, const char *path)
{
	const struct sqlite_api *api = sqlite->api;
	sqlite3_backup *backup = api->backup_init(copy, "main", sqlite->db, "main");
	int code = SQLITE_OK;

	if (backup == NULL)
		return fail_text(sqlite, sqlite->part.name, api->errmsg(copy));
	while (!shall_stop(sqlite) && code == SQLITE_OK)
		code = api->backup_step(backup, PAGES_AT_ONCE);
	api->backup_finish(backup);
	return code == SQLITE_DONE || fail_text(sqlite, path, api->errstr(code));
}

static bool source_copy(struct sqlite_call *sqlite, const char *path)
{
	const struct sqlite_api *api = sqlite->api;
	sqlite3 *copy = NULL;
	bool good;

	/* The lock on the .part is ours, and would be in the way of SQLite's own. */
	if (api->open_v2(sqlite->part.name, &copy, SQLITE_OPEN_READWRITE, "unix-none") != SQLITE_OK ||
	    api->exec(copy, "pragma journal_mode=off; pragma synchronous=off", NULL, NULL, NULL) != SQLITE_OK)
		good = fail_text(sqlite, sqlite->part.name, api->errmsg(copy));
	else if (api->exec(sqlite->db, "begin; select count(*) from sqlite_schema", NULL, NULL, NULL) !=
		 SQLITE_OK)
		good = fail_db(sqlite, path);
	else
		good = pages_copy(sqlite, copy, path);
	return (api->close_v2(copy) == SQLITE_OK) && good;
}

/* A path as a URI in which SQLite finds it again, and that says that nobody writes to it. */
static struct value immutable_uri(const char *path)
{
	struct buffer uri = {0};
	struct value encoded;

	buffer_add_text(&uri, "file:");
	for (size_t part; *path != '\0'; path += part) {
		part = *path == '/' ? 1 : strcspn(path, "/");
		if (*path == '/') {
			buffer_add_byte(&uri, '/');
			continue;
		}
		http_percent_encode(path, part, &encoded);
		buffer_add_text(&uri, value_text_peek(encoded));
		value_release(encoded);
	}
	buffer_add_text(&uri, "?immutable=1");
	return buffer_finish(&uri);
}

/* Reads the whole copy back. */
static bool copy_check(struct sqlite_call *sqlite)
{
	const struct sqlite_api *api = sqlite->api;
	struct value uri = immutable_uri(sqlite->part.name);
	sqlite3_stmt *statement = NULL;
	bool good = db_open(sqlite, value_text_peek(uri), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);

	value_release(uri);
	if (!good)
		return false;
	if (api->prepare_v2(sqlite->db, "pragma integrity_check(1)", -1, &statement, NULL) != SQLITE_OK ||
	    api->step(statement) != SQLITE_ROW)
		good = fail_db(sqlite, sqlite->part.name);
	else if (strcmp((const char *)api->column_text(statement, 0), "ok") != 0)
		good = fail_text(sqlite, "the copy is damaged, as the database is",
				 (const char *)api->column_text(statement, 0));
	api->finalize(statement);
	db_close(sqlite);
	return good;
}

static void backup_work(struct sqlite_call *sqlite)
{
	const char *path = call_text(sqlite->call, BACKUP_FROM);
	bool good;

	if (!file_fits(sqlite, path))
		return;
	if (!part_open(&sqlite->part)) {
		memcpy(sqlite->error, sqlite->part.error, sizeof sqlite->error);
		return;
	}
	good = db_open(sqlite, path, SQLITE_OPEN_READONLY, NULL);
	if (good) {
		good = source_copy(sqlite, path);
		db_close(sqlite);
	}
	good = good && copy_check(sqlite) && !shall_stop(sqlite);
	if (good && (!part_digest(&sqlite->part) || !part_name(&sqlite->part))) {
		good = false;
		memcpy(sqlite->error, sqlite->part.error, sizeof sqlite->error);
	}
	if (!good) {
		part_drop(&sqlite->part);
		return;
	}
	sqlite->ok = true;
	value_put(&sqlite->answer, record_new(4));
	record_set(&sqlite->answer, "path", value_string(sqlite->part.path));
	record_set(&sqlite->answer, "size", value_size(sqlite->part.size));
	record_set(&sqlite->answer, "sha256", value_string(sqlite->part.sha256));
}

/* ---- on the loop ---- */

static void ask_to_stop(struct sqlite_call *sqlite, enum stop why)
{
	int go_on = GO_ON;

	if (!atomic_compare_exchange_strong(&sqlite->why, &go_on, why))
		return;
	pthread_mutex_lock(&sqlite->lock);
	if (sqlite->db != NULL)
		sqlite->api->interrupt(sqlite->db);
	pthread_mutex_unlock(&sqlite->lock);
}

static void sqlite_cancel(struct effect_call *call)
{
	ask_to_stop(call->state, STOP_CANCELLED);
}

static void sqlite_late(void *context)
{
	ask_to_stop(context, STOP_LATE);
}

static void sqlite_work(void *context)
{
	struct sqlite_call *sqlite = context;

	sqlite->work(sqlite);
}

static void sqlite_failed(struct sqlite_call *sqlite)
{
	const char *name = sqlite->call->builtin->name, *path = call_text(sqlite->call, QUERY_PATH);
	int why = atomic_load(&sqlite->why);
	char time[48];

	if (why == STOP_CANCELLED)
		call_failed(sqlite->call, "%s: %s: cancelled", name, path);
	else if (why == STOP_LATE)
		call_failed(sqlite->call, "%s: %s: timed out after %s", name, path,
			    duration_text(sqlite->timeout_ns, time));
	else
		call_failed(sqlite->call, "%s: %s", name,
			    sqlite->error[0] != '\0' ? sqlite->error : value_text_peek(sqlite->message));
}

static void sqlite_done(void *context)
{
	struct sqlite_call *sqlite = context;

	live_timer_stop(sqlite->timer);
	sqlite->timer = NULL;
	if (!sqlite->ok) {
		sqlite_failed(sqlite);
		return;
	}
	if (sqlite->work == backup_work)
		record_set(&sqlite->answer, "time",
			   value_duration(live_now(sqlite->call->live) - sqlite->began));
	call_ok(sqlite->call, sqlite->answer);
	sqlite->answer = value_null();
}

static struct sqlite_call *sqlite_begin(struct effect_call *call, size_t timeout,
					void (*work)(struct sqlite_call *sqlite))
{
	struct sqlite_call *sqlite;
	const struct sqlite_api *api;
	char error[200];

	if (!part_path_fits(call, QUERY_PATH))
		return NULL;
	api = sqlite_load(error, sizeof error);
	if (api == NULL) {
		call_failed(call, "%s: %s", call->builtin->name, error);
		return NULL;
	}
	sqlite = memory_need(calloc(1, sizeof *sqlite));
	*sqlite = (struct sqlite_call){.call = call,
				       .api = api,
				       .work = work,
				       .timeout_ns = call_int(call, timeout, 0),
				       .began = live_now(call->live),
				       .secret = value_is_secret(call_arg(call, QUERY_STATEMENT)),
				       .message = value_null(),
				       .answer = list_new(0),
				       .part.fd = -1};
	pthread_mutex_init(&sqlite->lock, NULL);
	call->state = sqlite;
	call->free_state = sqlite_free;
	call->cancel = sqlite_cancel;
	if (sqlite->timeout_ns > 0)
		sqlite->timer = live_timer_start(call->live, sqlite->timeout_ns, sqlite_late, sqlite);
	return sqlite;
}

static void sqlite_query_start(struct effect_call *call)
{
	struct sqlite_call *sqlite = sqlite_begin(call, QUERY_TIMEOUT, query_work);

	if (sqlite != NULL)
		live_work(call->live, sqlite_work, sqlite_done, sqlite);
}

static void sqlite_exec_start(struct effect_call *call)
{
	struct sqlite_call *sqlite = sqlite_begin(call, EXEC_TIMEOUT, exec_work);

	if (sqlite != NULL)
		live_work(call->live, sqlite_work, sqlite_done, sqlite);
}

static void sqlite_backup_start(struct effect_call *call)
{
	struct sqlite_call *sqlite =
	    part_path_fits(call, BACKUP_TO) ? sqlite_begin(call, BACKUP_TIMEOUT, backup_work) : NULL;

	if (sqlite == NULL)
		return;
	part_init(&sqlite->part, "sqlite.backup", call_text(call, BACKUP_TO));
	live_work(call->live, sqlite_work, sqlite_done, sqlite);
}

static void sqlite_backup_probe(struct effect_call *call)
{
	part_probe(call, BACKUP_TO);
}

/* ---- without the world ---- */

static struct value sqlite_exec_simulate(const struct effect_request *request)
{
	struct value answer = record_new(1);

	(void)request;
	record_set(&answer, "rows", value_unknown());
	return answer;
}

static struct value sqlite_backup_simulate(const struct effect_request *request)
{
	struct value answer = record_new(4);

	record_set(&answer, "path", value_copy(request->args[BACKUP_TO]));
	record_set(&answer, "size", value_unknown());
	record_set(&answer, "sha256", value_unknown());
	record_set(&answer, "time", value_duration(0));
	return answer;
}

/* "sqlite3 PATH: select … ?1 (7)" */
static struct value statement_describe(const struct effect_request *request)
{
	struct value text = record_peek(request->args[QUERY_STATEMENT], "text"),
		     args = record_peek(request->args[QUERY_STATEMENT], "args"), shown;
	struct buffer line = {0};

	words_add(&line, "sqlite3");
	words_add_value(&line, request->args[QUERY_PATH]);
	if (text.tag == VALUE_STRING && !value_is_secret(text))
		shown = text_excerpt(value_text_peek(text), value_length(text), 300);
	else
		shown = value_show(text, 300);
	buffer_printf(&line, ": %s", value_text_peek(shown));
	value_release(shown);
	if (value_length(args) > 0) {
		shown = value_show(args, 200);
		buffer_printf(&line, " %s", value_text_peek(shown));
		value_release(shown);
	}
	return buffer_finish(&line);
}

static struct value sqlite_backup_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "sqlite3");
	words_add_value(&line, request->args[BACKUP_FROM]);
	words_add(&line, ".backup");
	words_add_value(&line, request->args[BACKUP_TO]);
	return buffer_finish(&line);
}

/* ---- the table ---- */

#define STATEMENT_DETAILS                                                                                    \
	"`${…}` in the statement is a bind parameter; `pg.name(x)` stands for an identifier. A list or a " \
	"record is JSON there: `where id in (select value from json_each(${ids}))`. One that waits for "     \
	"another's lock, or takes long, is ended after `timeout`."
#define BAD_INPUT "A file that is missing or no database, a statement that SQLite refuses, and a timeout"

static const struct builtin sqlite_rows[] = {
    {
	.name = "sqlite.query",
	.signature = "(path: path, sql: secret sqlite, limit: int = 10000, timeout: duration = 30s) -> "
		     "list(record)",
	.summary = "The rows that a statement gives, of a database that is opened for reading only.",
	.details = STATEMENT_DETAILS " Columns come as int, float, text and null, a blob as its hexadecimal "
				     "digits. Give two columns of the same name other ones with `as`. More "
				     "than `limit` rows, or 4MiB, is a failure.",
	.example =
	    "sqlite.query(\"/srv/app/db.sqlite3\", \"select id, name from users where id = ${7}\")[0].name",
	.bad_input = BAD_INPUT ", and a statement that changes something.",
	.effect = EFFECT_READ,
	.start = sqlite_query_start,
	.describe = statement_describe,
    },
    {
	.name = "sqlite.exec",
	.signature = "(path: path, sql: secret sqlite, timeout: duration = 30s) -> sqlite_exec_result",
	.summary = "Run a statement that changes something.",
	.details =
	    STATEMENT_DETAILS " It happens whole or not at all. The database must be there: none is made.",
	.example = "sqlite.exec(\"/srv/app/db.sqlite3\", \"delete from sessions where user_id = ${7}\")",
	.bad_input = BAD_INPUT ".",
	.effect = EFFECT_CHANGE,
	.settle = SETTLE_ASK,
	.start = sqlite_exec_start,
	.simulate = sqlite_exec_simulate,
	.describe = statement_describe,
    },
    {
	.name = "sqlite.backup",
	.signature = "(from: path, to: path, timeout: duration = 10m) -> sqlite_backup_file",
	.summary = "Copy a database that is in use to a file that is known to be whole.",
	.details =
	    "SQLite's online backup, of the state at its beginning, whoever writes meanwhile. The copy is "
	    "`TO.part` until it has been read back (`integrity_check`) and is on the disk; no file is "
	    "written over. An interrupted one is settled by looking whether the file has its name.",
	.example = "sqlite.backup(\"/srv/app/db.sqlite3\", to: \"/backups/db.sqlite3\")",
	.bad_input =
	    "A file that is missing or no database, a damaged one, a file `to` that is there already, a "
	    "full disk and a timeout fail the call; nothing is left.",
	.leaves = "a file",
	.thing = {"file", 1, 1, "path"},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_PROBE,
	.start = sqlite_backup_start,
	.simulate = sqlite_backup_simulate,
	.describe = sqlite_backup_describe,
	.probe = sqlite_backup_probe,
    },
};

static const struct builtin_type sqlite_types[] = {
    {"sqlite_exec_result", "{ rows: int }", "How many rows an insert, update or delete has touched."},
    {"sqlite_backup_file", "{ path: string, size: size, sha256: string, time: duration }",
     "A copy of a database."},
};

const struct builtin_table sqlite_table = {
    .name = "sqlite",
    .summary = "SQLite databases in files of this machine.",
    .rows = sqlite_rows,
    .row_count = sizeof sqlite_rows / sizeof *sqlite_rows,
    .types = sqlite_types,
    .type_count = sizeof sqlite_types / sizeof *sqlite_types,
};
