/*
 * db_postgres.c - runs in a PostgreSQL database, for several machines. See db.h.
 *
 * Who owns a run, or a plan's lock, holds an advisory lock of its session: the server lets go of it when the
 * session ends. A session that was lost may be alive on the server for a while, with a commit under way. So a
 * new one ends it first and waits until it is gone: from then on what it has committed can be seen, and
 * nothing follows. Then it takes again what the old one held; a run or a lock that somebody else has had
 * meanwhile is not ours any more.
 */
#define _GNU_SOURCE
#include "store/db.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "interp/library.h"
#include "interp/value.h"

#define SECOND_NS INT64_C(1000000000)
#define ANSWER_NS                                                                                            \
	(40 * SECOND_NS) /* for one answer; another writer's commit is waited for half as long (SETTINGS) */
#define PATIENCE_S 30	 /* for a lost connection; RUNPLAN_STATE_PATIENCE */
#define STATEMENTS 32
#define PARAMETERS 16
#define COLUMNS	   16
#define OLDEST	   120000 /* PostgreSQL 12 */

#define PQ_FUNCTIONS(X)                                                                                      \
	X(PQconninfoParse)                                                                                   \
	X(PQconninfoFree)                                                                                    \
	X(PQfreemem)                                                                                         \
	X(PQconnectdbParams)                                                                                 \
	X(PQfinish)                                                                                          \
	X(PQstatus)                                                                                          \
	X(PQerrorMessage)                                                                                    \
	X(PQserverVersion)                                                                                   \
	X(PQparameterStatus)                                                                                 \
	X(PQsetNoticeProcessor)                                                                              \
	X(PQsetnonblocking)                                                                                  \
	X(PQsocket)                                                                                          \
	X(PQsendQuery)                                                                                       \
	X(PQsendPrepare)                                                                                     \
	X(PQsendQueryPrepared)                                                                               \
	X(PQflush)                                                                                           \
	X(PQconsumeInput)                                                                                    \
	X(PQisBusy)                                                                                          \
	X(PQgetResult)                                                                                       \
	X(PQresultStatus)                                                                                    \
	X(PQresultErrorField)                                                                                \
	X(PQcmdStatus)                                                                                       \
	X(PQntuples)                                                                                         \
	X(PQnfields)                                                                                         \
	X(PQftype)                                                                                           \
	X(PQgetvalue)                                                                                        \
	X(PQgetisnull)                                                                                       \
	X(PQgetlength)                                                                                       \
	X(PQclear)

struct pq_functions {
#define X(name) __typeof__(name) *name;
	PQ_FUNCTIONS(X)
#undef X
};

static struct library library = {.once = PTHREAD_ONCE_INIT};
static struct pq_functions functions;

static void load_once(void)
{
	static const char *const sonames[] = {"libpq.so.5", "libpq.so", NULL};
#define X(name) #name,
	static const char *const names[] = {PQ_FUNCTIONS(X) NULL};
#undef X

	library.loaded = library_load(&library, "libpq", sonames, names, &functions);
}

/* A plan's lock that is held: the number of its row, and how often it had been taken when we took it. */
struct plan_lock {
	int64_t number, fence;
};

struct postgres {
	struct db base;
	const struct pq_functions *api;
	char *url;
	PGconn *connection; /* NULL: lost */
	char backend[160];  /* its process on the server and that one's start, as SQL compares them */
	bool begun;	    /* a transaction */
	bool given_up;	    /* base.error says why; nothing works any more */
	const char *statements[STATEMENTS];
	bool prepared[STATEMENTS]; /* in this session */
	int64_t *owned;
	size_t owned_count;
	struct plan_lock *locks;
	size_t lock_count;
};

static struct postgres *postgres_of(struct db *db)
{
	return (struct postgres *)db; /* base comes first */
}

static int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

/* ---- one statement ---- */

/* Of several lines one. */
static void put_message(char *out, size_t size, const char *text)
{
	size_t length = 0;

	for (; *text && length + 1 < size; text++) {
		char byte = *text == '\n' || *text == '\t' ? ' ' : *text;

		if (byte != ' ' || (length > 0 && out[length - 1] != ' '))
			out[length++] = byte;
	}
	while (length > 0 && out[length - 1] == ' ')
		length--;
	out[length] = '\0';
}

static bool lose(struct postgres *pg, const char *why)
{
	put_message(pg->base.error, sizeof(pg->base.error),
		    why && *why ? why : "the server closed the connection");
	pg->api->PQfinish(pg->connection);
	pg->connection = NULL;
	pg->base.lost = true;
	return false;
}

/* Until an answer can be read without waiting, and all that was asked is on its way. */
static bool await(struct postgres *pg, int64_t deadline)
{
	const struct pq_functions *api = pg->api;

	for (;;) {
		int unsent = api->PQflush(pg->connection);
		struct pollfd ready = {api->PQsocket(pg->connection), POLLIN, 0};
		int64_t left = deadline - clock_now();

		if (unsent < 0)
			return lose(pg, api->PQerrorMessage(pg->connection));
		if (unsent == 0 && !api->PQisBusy(pg->connection))
			return true;
		if (unsent > 0)
			ready.events |= POLLOUT;
		if (left <= 0)
			return lose(pg, "the server does not answer");
		if (poll(&ready, 1, (int)(left / 1000000) + 1) < 0 && errno != EINTR)
			return lose(pg, strerror(errno));
		if (ready.revents & ~POLLOUT && !api->PQconsumeInput(pg->connection))
			return lose(pg, api->PQerrorMessage(pg->connection));
	}
}

static bool is_good(const struct postgres *pg, const PGresult *result)
{
	ExecStatusType status = pg->api->PQresultStatus(result);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static bool failed(struct postgres *pg, const PGresult *result)
{
	const char *message = pg->api->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
		   *detail = pg->api->PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL),
		   *state = pg->api->PQresultErrorField(result, PG_DIAG_SQLSTATE),
		   *severity = pg->api->PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	char text[sizeof(pg->base.error)];

	if (!message) /* libpq's own: there was no answer */
		return lose(pg, pg->api->PQerrorMessage(pg->connection));
	snprintf(text, sizeof(text), "%s%s%s%s", message, detail ? " (" : "", detail ? detail : "",
		 detail ? ")" : "");
	if (state && strcmp(state, "55P03") == 0)
		snprintf(text, sizeof(text),
			 "another process has been writing for 20 s and does not come to its end");
	if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
		return lose(pg, text);
	put_message(pg->base.error, sizeof(pg->base.error), text);
	return false;
}

/* The answer, the last one where several statements were sent; NULL: base.error says why. */
static PGresult *answer(struct postgres *pg, int sent)
{
	int64_t deadline = clock_now() + ANSWER_NS;
	PGresult *last = NULL, *next;

	if (!sent) {
		lose(pg, pg->api->PQerrorMessage(pg->connection));
		return NULL;
	}
	for (;;) {
		if (!await(pg, deadline))
			break;
		next = pg->api->PQgetResult(pg->connection);
		if (!next)
			break;
		pg->api->PQclear(last);
		last = next;
	}
	if (pg->connection && last && is_good(pg, last))
		return last;
	if (pg->connection)
		(void)(last ? failed(pg, last) : lose(pg, pg->api->PQerrorMessage(pg->connection)));
	pg->api->PQclear(last);
	return NULL;
}

static PGresult *ask(struct postgres *pg, const char *sql)
{
	return pg->connection ? answer(pg, pg->api->PQsendQuery(pg->connection, sql)) : NULL;
}

static bool execute(struct postgres *pg, const char *sql)
{
	PGresult *result = ask(pg, sql);

	pg->api->PQclear(result);
	return result != NULL;
}

/* The first value of the first row, as text; false: there is none. */
static bool ask_text(struct postgres *pg, const char *sql, char *out, size_t size)
{
	PGresult *result = ask(pg, sql);
	bool any = result && pg->api->PQntuples(result) > 0;

	if (any)
		snprintf(out, size, "%s", pg->api->PQgetvalue(result, 0, 0));
	pg->api->PQclear(result);
	return any;
}

/* ---- a session ---- */

static void ignore_notice(void *context, const char *message)
{
	(void)context;
	(void)message;
}

/* A client whose machine is gone is noticed within half a minute, and an idle one is left alone. */
#define SETTINGS                                                                                             \
	"SET client_min_messages = error; SET lock_timeout = '20s'; SET statement_timeout = 0;"              \
	"SET idle_in_transaction_session_timeout = '60s'; SET default_transaction_isolation = 'read "        \
	"committed';"                                                                                        \
	"SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;"       \
	"SET tcp_user_timeout = 25000; SET synchronous_commit = %s; %s"                                      \
	"SELECT 'pid = ' || pid || ' AND backend_start::text = ''' || backend_start::text || ''''"           \
	" FROM pg_stat_activity WHERE pid = pg_backend_pid()"

static bool prepare_session(struct postgres *pg)
{
	const char *encoding = pg->api->PQparameterStatus(pg->connection, "server_encoding");
	int version = pg->api->PQserverVersion(pg->connection);
	char sql[sizeof(SETTINGS) + 100], commit[32];

	if (version < OLDEST) {
		snprintf(pg->base.error, sizeof(pg->base.error),
			 "the server is PostgreSQL %d, and must be 12 or newer", version / 10000);
		return false;
	}
	if (!encoding || (strcmp(encoding, "UTF8") != 0 && strcmp(encoding, "SQL_ASCII") != 0)) {
		snprintf(pg->base.error, sizeof(pg->base.error),
			 "the database's encoding is %s, and must be UTF8", encoding ? encoding : "unknown");
		return false;
	}
	if (!ask_text(pg, "SHOW synchronous_commit", commit, sizeof(commit)))
		return false;
	snprintf(sql, sizeof(sql), SETTINGS, strcmp(commit, "off") == 0 ? "on" : commit,
		 version >= 140000 ? "SET idle_session_timeout = 0;" : "");
	return ask_text(pg, sql, pg->backend, sizeof(pg->backend));
}

static bool connect_once(struct postgres *pg)
{
	/* What follows the URL outranks it. */
	static const char *const keys[] = {"connect_timeout",		"keepalives_idle",
					   "keepalives_interval",	"keepalives_count",
					   "tcp_user_timeout",		"gssencmode",
					   "fallback_application_name", "dbname",
					   "client_encoding",		NULL};
	const char *const values[] = {"10",	 "10",	    "5",     "3",    "25000",
				      "disable", "runplan", pg->url, "UTF8", NULL};
	const struct pq_functions *api = pg->api;

	pg->base.lost = false;
	pg->begun = false;
	memset(pg->prepared, 0, sizeof(pg->prepared));
	pg->connection = api->PQconnectdbParams(keys, values, 1);
	if (api->PQstatus(pg->connection) != CONNECTION_OK)
		return lose(pg, api->PQerrorMessage(pg->connection));
	pg->base.sessions++;
	api->PQsetNoticeProcessor(pg->connection, ignore_notice, NULL);
	api->PQsetnonblocking(pg->connection, 1);
	return prepare_session(pg) && (api->PQstatus(pg->connection) == CONNECTION_OK || lose(pg, NULL));
}

/* Ends the session that was lost, if it is still alive, and waits until it is gone. */
static bool end_former(struct postgres *pg, const char *backend, int64_t deadline)
{
	char sql[300], alive[24];

	snprintf(sql, sizeof(sql), "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE %s",
		 backend);
	while (ask_text(pg, sql, alive, sizeof(alive))) {
		if (strcmp(alive, "0") == 0)
			return true;
		snprintf(pg->base.error, sizeof(pg->base.error),
			 "the session that was lost does not come to its end");
		if (clock_now() > deadline)
			return false;
		pause_ms(20);
	}
	return false;
}

#define TRY_RUN "SELECT pg_try_advisory_lock('run'::regclass::oid::int4, (%" PRId64 " & 2147483647)::int4)"
#define TRY_LOCK                                                                                             \
	"SELECT pg_try_advisory_lock('plan_lock'::regclass::oid::int4, (%" PRId64 " & 2147483647)::int4)"

static enum db_own try_advisory(struct postgres *pg, const char *format, int64_t number)
    __attribute__((format(printf, 2, 0)));
static enum db_own try_advisory(struct postgres *pg, const char *format, int64_t number)
{
	char sql[160], taken[8];

	snprintf(sql, sizeof(sql), format, number);
	if (!ask_text(pg, sql, taken, sizeof(taken)))
		return DB_FAILED;
	return taken[0] == 't' ? DB_OWNED : DB_BUSY;
}

static bool give_up(struct postgres *pg)
{
	pg->given_up = true;
	pg->base.lost = false;
	return false;
}

static bool lock_lost(struct postgres *pg)
{
	snprintf(
	    pg->base.error, sizeof(pg->base.error),
	    "the connection to PostgreSQL was lost, and another run has taken the plan's lock meanwhile");
	pg->base.lock_lost = true;
	return give_up(pg);
}

/* What the lost session held. A lock that is free, but was taken since, is found by its fence in begin(). */
static bool take_again(struct postgres *pg)
{
	for (size_t i = 0; i < pg->owned_count; i++)
		switch (try_advisory(pg, TRY_RUN, pg->owned[i])) {
		case DB_OWNED:
			break;
		case DB_BUSY:
			snprintf(pg->base.error, sizeof(pg->base.error),
				 "the connection to PostgreSQL was lost, and another process has taken the "
				 "run over "
				 "meanwhile");
			return give_up(pg);
		case DB_FAILED:
			return false;
		}
	for (size_t i = 0; i < pg->lock_count; i++)
		switch (try_advisory(pg, TRY_LOCK, pg->locks[i].number)) {
		case DB_OWNED:
			break;
		case DB_BUSY:
			return lock_lost(pg);
		case DB_FAILED:
			return false;
		}
	return true;
}

static int64_t patience(void)
{
	const char *text = getenv("RUNPLAN_STATE_PATIENCE");
	long seconds = text ? strtol(text, NULL, 10) : 0;

	return (seconds > 0 && seconds <= 86400 ? seconds : PATIENCE_S) * SECOND_NS;
}

/* A new session in the place of one that was lost. */
static bool connect_again(struct postgres *pg)
{
	int64_t limit = patience(), deadline = clock_now() + limit;
	char former[sizeof(pg->backend)], why[sizeof(pg->base.error)];

	memcpy(former, pg->backend, sizeof(former));
	while (!connect_once(pg) || !end_former(pg, former, deadline) || !take_again(pg)) {
		if (pg->given_up)
			return false;
		if (pg->connection)
			lose(pg, pg->base.error);
		if (clock_now() > deadline) {
			snprintf(why, sizeof(why), "%s", pg->base.error);
			snprintf(pg->base.error, sizeof(pg->base.error),
				 "the connection to PostgreSQL was lost and could not be made again within "
				 "%" PRId64 " s: %.400s",
				 limit / SECOND_NS, why);
			return give_up(pg);
		}
		pause_ms(200);
	}
	return true;
}

static bool is_ready(struct postgres *pg)
{
	if (pg->given_up || (!pg->connection && pg->begun))
		return false;
	return pg->connection || connect_again(pg);
}

/* ---- statements with parameters ---- */

struct parameters {
	const char *values[PARAMETERS];
	int lengths[PARAMETERS], formats[PARAMETERS];
	uint64_t numbers[PARAMETERS];
};

/* Binary: what text and bytea are is what they are sent as. */
static void bind(struct parameters *parameters, const struct db_value *values, size_t count)
{
	if (count > PARAMETERS)
		abort();
	for (size_t i = 0; i < count; i++) {
		parameters->formats[i] = 1;
		parameters->values[i] = values[i].bytes;
		parameters->lengths[i] = (int)values[i].length;
		if (values[i].type == DB_NULL)
			parameters->values[i] = NULL;
		if (values[i].type == DB_INT) {
			parameters->numbers[i] = htobe64((uint64_t)values[i].i);
			parameters->values[i] = (const char *)&parameters->numbers[i];
			parameters->lengths[i] = 8;
		}
	}
}

enum { OID_BYTEA = 17, OID_INT8 = 20 }; /* src/include/catalog/pg_type.dat */

static struct db_value value_of(const struct postgres *pg, const PGresult *result, int row, int column)
{
	const char *bytes = pg->api->PQgetvalue(result, row, column);
	size_t length = (size_t)pg->api->PQgetlength(result, row, column);
	uint64_t number;

	if (pg->api->PQgetisnull(result, row, column))
		return (struct db_value){.type = DB_NULL};
	switch (pg->api->PQftype(result, column)) {
	case OID_INT8:
		memcpy(&number, bytes, sizeof(number));
		return DB_INT_OF((int64_t)be64toh(number));
	case OID_BYTEA:
		return DB_BYTES_OF(bytes, length);
	default:
		return (struct db_value){.type = DB_TEXT, .bytes = bytes, .length = length};
	}
}

static void give_rows(const struct postgres *pg, const PGresult *result, db_row *row, void *context)
{
	int count = pg->api->PQnfields(result), rows = pg->api->PQntuples(result);
	struct db_value values[COLUMNS];

	if (count > COLUMNS)
		abort();
	for (int i = 0; i < rows; i++) {
		for (int column = 0; column < count; column++)
			values[column] = value_of(pg, result, i, column);
		if (!row(context, values, (size_t)count))
			return;
	}
}

/* The statement's place, prepared in this session; STATEMENTS: it failed. */
static size_t prepared(struct postgres *pg, const char *sql)
{
	char name[16];
	PGresult *result;
	size_t i = 0;

	while (i < STATEMENTS && pg->statements[i] && pg->statements[i] != sql)
		i++;
	if (i == STATEMENTS)
		abort(); /* the texts are state.c's, and fewer */
	pg->statements[i] = sql;
	if (pg->prepared[i])
		return i;
	snprintf(name, sizeof(name), "s%zu", i);
	result = answer(pg, pg->api->PQsendPrepare(pg->connection, name, sql, 0, NULL));
	pg->prepared[i] = result != NULL;
	pg->api->PQclear(result);
	return result ? i : STATEMENTS;
}

static bool run_once(struct postgres *pg, const char *sql, const struct parameters *parameters, size_t count,
		     db_row *row, void *context)
{
	size_t place = prepared(pg, sql);
	PGresult *result = NULL;
	char name[16];

	if (place == STATEMENTS)
		return false;
	snprintf(name, sizeof(name), "s%zu", place);
	result = answer(pg, pg->api->PQsendQueryPrepared(pg->connection, name, (int)count, parameters->values,
							 parameters->lengths, parameters->formats, 1));
	if (!result)
		return false;
	if (row)
		give_rows(pg, result, row, context);
	pg->api->PQclear(result);
	return true;
}

/* Alone, a statement that does no harm a second time is repeated where its connection was lost. */
static bool postgres_run(struct db *db, const char *sql, const struct db_value *values, size_t count,
			 db_row *row, void *context)
{
	struct postgres *pg = postgres_of(db);
	bool repeats = !pg->begun &&
		       (strncmp(sql, "INSERT", 6) != 0 || strstr(sql, "ON CONFLICT DO NOTHING") != NULL);
	struct parameters parameters = {0};

	bind(&parameters, values, count);
	if (!is_ready(pg))
		return false;
	if (run_once(pg, sql, &parameters, count, row, context))
		return true;
	return repeats && db->lost && is_ready(pg) && run_once(pg, sql, &parameters, count, row, context);
}

/* ---- transactions ---- */

/* Writers wait for each other; then, in the same breath, how many of the plan's locks are still as they were
 * taken. */
static bool begin_once(struct postgres *pg)
{
	char sql[2000], *at = sql, *end = sql + sizeof(sql), count[24];

	at += snprintf(
	    at, (size_t)(end - at),
	    "BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('runplan in ' || current_schema(), 0)); ");
	if (pg->lock_count > 0)
		at += snprintf(at, (size_t)(end - at),
			       "SELECT count(*) FROM plan_lock WHERE (number, fence) IN (");
	for (size_t i = 0; i < pg->lock_count && at < end; i++)
		at += snprintf(at, (size_t)(end - at), "%s(%" PRId64 ", %" PRId64 ")", i ? ", " : "",
			       pg->locks[i].number, pg->locks[i].fence);
	if (pg->lock_count == 0)
		return execute(pg, sql);
	if (at + 2 > end)
		abort(); /* LOCKS fit */
	strcpy(at, ")");
	if (!ask_text(pg, sql, count, sizeof(count)))
		return false;
	return strtoull(count, NULL, 10) == pg->lock_count || lock_lost(pg);
}

static bool postgres_commit(struct db *db)
{
	struct postgres *pg = postgres_of(db);
	PGresult *result = ask(pg, "COMMIT");
	bool good = result && strcmp(pg->api->PQcmdStatus(result), "COMMIT") == 0;

	if (result && !good)
		snprintf(db->error, sizeof(db->error), "the server has rolled back what was to be committed");
	if (result)
		pg->begun = false;
	pg->api->PQclear(result);
	return good;
}

/* The error, and whether the connection was lost, stay as they are. */
static void postgres_undo(struct db *db)
{
	struct postgres *pg = postgres_of(db);
	char error[sizeof(db->error)];

	pg->begun = false;
	if (!pg->connection)
		return;
	memcpy(error, db->error, sizeof(error));
	execute(pg, "ROLLBACK");
	memcpy(db->error, error, sizeof(error));
}

static bool postgres_begin(struct db *db)
{
	struct postgres *pg = postgres_of(db);

	pg->begun = false; /* of a session that is lost */
	db->lost = false;
	if (!is_ready(pg))
		return false;
	while (!begin_once(pg)) { /* nothing has happened yet */
		postgres_undo(db);
		if (!db->lost || !is_ready(pg))
			return false;
	}
	pg->begun = true;
	return true;
}

/* ---- the schema ---- */

static bool postgres_version(struct db *db, int64_t *version)
{
	struct postgres *pg = postgres_of(db);
	char text[24];

	*version = 0;
	/* Not to_regclass(): what it did not find before, it does not find behind a lock that was waited for.
	 */
	if (!ask_text(pg,
		      "SELECT count(*) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace"
		      " WHERE relname = 'runplan_schema' AND nspname = ANY (current_schemas(false))",
		      text, sizeof(text)))
		return false;
	if (text[0] == '0')
		return true;
	if (!ask_text(pg, "SELECT coalesce(max(version), 0) FROM runplan_schema", text, sizeof(text)))
		return false;
	*version = strtoll(text, NULL, 10);
	return true;
}

/* db_sqlite.c's in this dialect, and the plans' locks. Ids are compared byte by byte, as there. */
static const char *postgres_schema(int64_t from)
{
	static const char *const steps[] = {
	    "CREATE TABLE runplan_schema (version bigint PRIMARY KEY);"
	    "CREATE TABLE run (number bigserial PRIMARY KEY, id text COLLATE \"C\" NOT NULL UNIQUE, file "
	    "text NOT NULL,"
	    " title text NOT NULL, directory text NOT NULL, operator text, environment text,"
	    " version text NOT NULL, started bigint NOT NULL, process text NOT NULL, lock text,"
	    " changed bigint NOT NULL, outcome text, exit bigint, ended bigint);"
	    "CREATE INDEX run_lock ON run (lock, number);"
	    "CREATE TABLE source (run bigint NOT NULL, number bigint NOT NULL, path text NOT NULL,"
	    " text bytea NOT NULL, PRIMARY KEY (run, number));"
	    "CREATE TABLE entry (run bigint NOT NULL, number bigint NOT NULL, lines bytea NOT NULL,"
	    " hash bytea NOT NULL, PRIMARY KEY (run, number));"
	    "CREATE TABLE word (number bigserial PRIMARY KEY, run bigint NOT NULL, kind text NOT NULL,"
	    " item text, answer text, who text, said bigint NOT NULL, comment text, taken bigint);"
	    "CREATE INDEX word_run ON word (run, number);"
	    "CREATE TABLE plan_lock (number bigserial PRIMARY KEY, name text NOT NULL UNIQUE,"
	    " fence bigint NOT NULL, holder text NOT NULL);"
	    "INSERT INTO runplan_schema (version) VALUES (1)",
	};

	return from < (int64_t)(sizeof(steps) / sizeof(steps[0])) ? steps[from] : NULL;
}

static bool postgres_script(struct db *db, const char *statements)
{
	return execute(postgres_of(db), statements);
}

/* ---- owning runs ---- */

static size_t owned_place(const struct postgres *pg, int64_t number)
{
	size_t i = 0;

	while (i < pg->owned_count && pg->owned[i] != number)
		i++;
	return i;
}

static enum db_own postgres_own(struct db *db, int64_t number)
{
	struct postgres *pg = postgres_of(db);
	enum db_own own;

	if (!is_ready(pg))
		return DB_FAILED;
	if (owned_place(pg, number) < pg->owned_count)
		return DB_OWNED;
	own = try_advisory(pg, TRY_RUN, number);
	if (own == DB_OWNED) {
		pg->owned = memory_need(realloc(pg->owned, (pg->owned_count + 1) * sizeof(*pg->owned)));
		pg->owned[pg->owned_count++] = number;
	}
	return own;
}

static void postgres_disown(struct db *db, int64_t number)
{
	struct postgres *pg = postgres_of(db);
	size_t place = owned_place(pg, number);
	char sql[160];

	if (place == pg->owned_count)
		return;
	pg->owned[place] = pg->owned[--pg->owned_count];
	snprintf(sql, sizeof(sql),
		 "SELECT pg_advisory_unlock('run'::regclass::oid::int4, (%" PRId64 " & 2147483647)::int4)",
		 number);
	if (pg->connection && !pg->begun)
		execute(pg, sql);
}

static enum db_own postgres_owned(struct db *db, int64_t number)
{
	struct postgres *pg = postgres_of(db);
	char sql[400], count[24];

	snprintf(sql, sizeof(sql),
		 "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2"
		 " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
		 " AND classid = 'run'::regclass::oid AND objid = (%" PRId64 " & 2147483647)::oid",
		 number);
	if (!is_ready(pg) || !ask_text(pg, sql, count, sizeof(count)))
		return DB_FAILED;
	return count[0] == '0' ? DB_OWNED : DB_BUSY;
}

/* ---- the plan's lock ---- */

#define LOCKS 20 /* of one run: its own and those of plans that it runs */

static bool take_lock(void *context, const struct db_value *values, size_t count)
{
	(void)count;
	*(struct plan_lock *)context = (struct plan_lock){values[0].i, values[1].i};
	return false;
}

struct text_out {
	char *text;
	size_t size;
};

static bool take_holder(void *context, const struct db_value *values, size_t count)
{
	struct text_out *out = context;

	(void)count;
	snprintf(out->text, out->size, "%.*s", (int)values[0].length, values[0].bytes);
	return false;
}

/* Lock and fence in one statement: what is repeated in a new session is repeated whole. */
static enum db_own postgres_lock(struct db *db, const char *name, const char *we, char *holder, size_t size)
{
	struct postgres *pg = postgres_of(db);
	const struct db_value values[] = {db_text(name), db_text(we)};
	struct text_out out = {holder, size};
	struct plan_lock lock = {0};

	if (pg->lock_count == LOCKS) {
		snprintf(db->error, sizeof(db->error), "a run may hold %d locks", LOCKS);
		return DB_FAILED;
	}
	if (!postgres_run(
		db, "INSERT INTO plan_lock (name, fence, holder) VALUES ($1, 0, '') ON CONFLICT DO NOTHING",
		values, 1, NULL, NULL) ||
	    !postgres_run(
		db,
		"UPDATE plan_lock SET fence = fence + 1, holder = $2 WHERE name = $1 AND CASE WHEN name = $1"
		" THEN pg_try_advisory_lock('plan_lock'::regclass::oid::int4, (number & 2147483647)::int4)"
		" END RETURNING number, fence",
		values, 2, take_lock, &lock))
		return DB_FAILED;
	if (lock.number == 0) {
		snprintf(holder, size, "another run");
		return postgres_run(db, "SELECT holder FROM plan_lock WHERE name = $1", values, 1,
				    take_holder, &out)
			   ? DB_BUSY
			   : DB_FAILED;
	}
	pg->locks = memory_need(realloc(pg->locks, (pg->lock_count + 1) * sizeof(*pg->locks)));
	pg->locks[pg->lock_count++] = lock;
	return DB_OWNED;
}

/* ---- life ---- */

static void postgres_free(struct db *db)
{
	struct postgres *pg = postgres_of(db);

	pg->api->PQfinish(pg->connection);
	free(pg->owned);
	free(pg->locks);
	free(pg->url);
	free(pg);
}

static const struct db_ops postgres_ops = {
    .kind = "PostgreSQL",
    .run = postgres_run,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .undo = postgres_undo,
    .version = postgres_version,
    .schema = postgres_schema,
    .script = postgres_script,
    .own = postgres_own,
    .disown = postgres_disown,
    .owned = postgres_owned,
    .lock = postgres_lock,
    .free = postgres_free,
};

/* libpq's own words may hold the password. */
static bool is_url(const struct pq_functions *api, const char *url)
{
	char *error = NULL;
	PQconninfoOption *options = api->PQconninfoParse(url, &error);

	api->PQfreemem(error);
	api->PQconninfoFree(options);
	return options != NULL;
}

struct db *db_postgres_open(const char *url, char *error, size_t size)
{
	const struct pq_functions *api;
	struct postgres *pg;

	pthread_once(&library.once, load_once);
	api = library_answer(&library, &functions, error, size);
	if (!api)
		return NULL;
	if (!is_url(api, url)) {
		snprintf(error, size,
			 "--state is not a URL of PostgreSQL (postgres://user@host:port/database)");
		return NULL;
	}
	pg = memory_need(calloc(1, sizeof(*pg)));
	pg->base.ops = &postgres_ops;
	pg->api = api;
	pg->url = memory_need(strdup(url));
	if (connect_once(pg))
		return &pg->base;
	snprintf(error, size, "%s", pg->base.error);
	postgres_free(&pg->base);
	return NULL;
}
