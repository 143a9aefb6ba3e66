/*
 * pg_connection.c - sessions with PostgreSQL on the loop; see pg_connection.h.
 *
 * A session goes through these states, left to right, and from any of them to DEAD:
 *
 *     WAITING -> RESOLVING -> CONNECTING -> SETTING -> READY <-> RUNNING, and at its close perhaps CLEANING
 *
 * SETTING sends the settings that every statement relies on (also over a connection that was used before);
 * CLEANING rolls back what a closed session left open, so that its connection can be used again.
 */
#include "builtins/pg_connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/lazy.h"
#include "builtins/pg_types.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* A stop is repeated, because the first one may come before the server has begun with the statement. */
#define STOP_AGAIN_NS (1 * NS_PER_S)
#define STOPS_MAX     5
/* For the rollback after a session. */
#define CLEAN_NS (5 * NS_PER_S)
/* The server's own limit is a little later than ours, for the case that our cancel request gets lost. */
#define SERVER_SLACK_NS (5 * NS_PER_S)

#define PARAMETERS_MAX 64
#define ADDRESSES_MAX  16

enum state { WAITING, RESOLVING, CONNECTING, SETTING, READY, RUNNING, CLEANING, DEAD };

/* Connection parameters for libpq, and their text as one key: who has the same key may use the same
 * connection. */
struct parameters {
	char *names[PARAMETERS_MAX + 1], *values[PARAMETERS_MAX + 1];
	size_t count;
};

struct connection {
	struct connection *next;
	PGconn *pg;
	struct value key;
};

struct pool {
	struct live *live;
	const struct pq_api *pq; /* NULL: `error` says why */
	char error[200];
	struct connection *idle;
	struct pg_session *sessions;
};

struct resolving {
	struct pg_session *session; /* NULL once it has lost interest */
	char *hosts;		    /* with commas, as libpq takes them */
	char *ports;
	struct buffer out_hosts, out_addresses, out_ports;
	char error[300];
};

struct cancelling {
	const struct pq_api *pq;
	PGcancel *cancel;
};

struct pg_session {
	struct pg_session *next, *previous;
	struct pool *pool;
	enum state state;
	bool reused; /* the connection is an old one: it may have died unnoticed */
	bool closed; /* nobody is to be called back any more */
	bool given;  /* there is a URL */
	bool cancelled, timed_out;
	struct parameters parameters;
	struct value key;
	PGconn *pg;
	struct live_poll *poll;
	struct live_timer *deadline, *stopping, *later;
	struct resolving *resolving;
	int stops;
	int64_t timeout_ns, lock_timeout_ns;
	char *what, *place;   /* "pg.query"; "thebot at 127.0.0.1:5432" */
	struct value secrets; /* list of strings that no message may hold */

	/* The statement under way. */
	pg_callback *done;
	void *context;
	bool want_rows, failed, too_much, secret_args;
	size_t rows_max, bytes_max, bytes;
	uint64_t received; /* by the socket, before the statement */
	struct pg_result result;
	char sqlstate[8];
};

static void poll_ready(void *context, int events);
static void begin(struct pg_session *session);
static void wake_waiting(struct pool *pool);
static void clean_end(struct pg_session *session);

/* ---- parameters ---- */

static void parameter_set(struct parameters *parameters, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < parameters->count; i++)
		if (strcmp(parameters->names[i], name) == 0)
			break;
	if (i == PARAMETERS_MAX)
		return;
	if (i == parameters->count) {
		parameters->names[i] = memory_need(strdup(name));
		parameters->count++;
	} else {
		free(parameters->values[i]);
	}
	parameters->values[i] = memory_need(strdup(value));
}

static const char *parameter_get(const struct parameters *parameters, const char *name)
{
	size_t i;

	for (i = 0; i < parameters->count; i++)
		if (strcmp(parameters->names[i], name) == 0)
			return parameters->values[i];
	return NULL;
}

static void parameters_free(struct parameters *parameters)
{
	size_t i;

	for (i = 0; i < parameters->count; i++) {
		free(parameters->names[i]);
		free(parameters->values[i]);
	}
	parameters->count = 0;
}

/* The URL's, or the environment's where there is none. libpq's own message would show the URL, password and
 * all. */
static bool parameters_parse(const struct pq_api *pq, struct value url, const char *database,
			     struct parameters *parameters, struct value *message)
{
	PQconninfoOption *options, *option;
	char *error = NULL;

	if (url.tag == VALUE_STRING) {
		options = strlen(value_text_peek(url)) == value_length(url)
			      ? pq->PQconninfoParse(value_text_peek(url), &error)
			      : NULL;
		if (error)
			pq->PQfreemem(error);
		if (!options) {
			*message = value_string(
			    "url: is not a URL of PostgreSQL (postgres://user:password@host:port/database)");
			return false;
		}
		for (option = options; option->keyword; option++)
			if (option->val)
				parameter_set(parameters, option->keyword, option->val);
		pq->PQconninfoFree(options);
	}
	if (database)
		parameter_set(parameters, "dbname", database);
	return true;
}

/* What libpq will take where the URL says nothing: the environment, a service file, its own default. */
static void parameter_default(const struct pq_api *pq, struct parameters *parameters, const char *name)
{
	PQconninfoOption *options = parameter_get(parameters, name) ? NULL : pq->PQconndefaults(), *option;

	for (option = options; option && option->keyword; option++)
		if (strcmp(option->keyword, name) == 0 && option->val && option->val[0])
			parameter_set(parameters, name, option->val);
	pq->PQconninfoFree(options);
}

static struct value parameters_key(const struct parameters *parameters)
{
	struct buffer key = {0};
	size_t i;

	for (i = 0; i < parameters->count; i++) {
		buffer_add(&key, parameters->names[i], strlen(parameters->names[i]) + 1);
		buffer_add(&key, parameters->values[i], strlen(parameters->values[i]) + 1);
	}
	return buffer_finish(&key);
}

/* For messages: the database, and where it is. */
static char *parameters_place(const struct parameters *parameters)
{
	const char *host = parameter_get(parameters, "host"),
		   *address = parameter_get(parameters, "hostaddr");
	const char *port = parameter_get(parameters, "port"), *database = parameter_get(parameters, "dbname");
	struct buffer place = {0};
	struct value text;
	char *copy;

	host = host && host[0] ? host : address;
	buffer_add_text(&place, database ? database : "the default database");
	buffer_printf(&place, " at %s", host && host[0] ? host : "the local socket");
	if (port)
		buffer_printf(&place, ":%s", port);
	text = buffer_finish(&place);
	copy = memory_need(strdup(value_text_peek(text)));
	value_release(text);
	return copy;
}

/* ---- the pool ---- */

static void *pool_make(struct live *live)
{
	struct pool *pool = memory_need(calloc(1, sizeof(*pool)));

	pool->live = live;
	pool->pq = pq_load(pool->error, sizeof(pool->error));
	return pool;
}

static void connection_free(struct pool *pool, struct connection *connection)
{
	pool->pq->PQfinish(connection->pg);
	value_release(connection->key);
	free(connection);
}

static void session_unlink(struct pg_session *session)
{
	if (session->previous)
		session->previous->next = session->next;
	else
		session->pool->sessions = session->next;
	if (session->next)
		session->next->previous = session->previous;
}

static void timer_clear(struct live_timer **timer)
{
	live_timer_stop(*timer);
	*timer = NULL;
}

static void connection_drop(struct pg_session *session)
{
	live_poll_stop(session->poll);
	session->poll = NULL;
	if (session->pg)
		session->pool->pq->PQfinish(session->pg);
	session->pg = NULL;
}

static void session_free(struct pg_session *session)
{
	session_unlink(session);
	timer_clear(&session->deadline);
	timer_clear(&session->stopping);
	timer_clear(&session->later);
	connection_drop(session);
	if (session->resolving)
		session->resolving->session = NULL;
	parameters_free(&session->parameters);
	value_release(session->key);
	value_release(session->secrets);
	value_release(session->result.rows);
	value_release(session->result.message);
	value_release(session->result.details);
	free(session->what);
	free(session->place);
	free(session);
}

static void pool_free(void *kept)
{
	struct pool *pool = kept;

	while (pool->sessions)
		session_free(pool->sessions);
	while (pool->idle) {
		struct connection *first = pool->idle;

		pool->idle = first->next;
		connection_free(pool, first);
	}
	free(pool);
}

static struct pool *pool_of(struct live *live)
{
	return live_keep(live, "pg", pool_make, pool_free);
}

static size_t connections_of(const struct pool *pool, struct value key)
{
	const struct pg_session *session;
	size_t count = 0;

	for (session = pool->sessions; session; session = session->next)
		count +=
		    session->state != WAITING && session->state != DEAD && value_equal(session->key, key);
	return count;
}

/* An unused connection to the same place, or NULL. */
static PGconn *idle_take(struct pool *pool, struct value key)
{
	struct connection **link, *found;
	PGconn *pg;

	for (link = &pool->idle; *link && !value_equal((*link)->key, key);)
		link = &(*link)->next;
	if (!*link)
		return NULL;
	found = *link;
	*link = found->next;
	pg = found->pg;
	value_release(found->key);
	free(found);
	return pg;
}

static void idle_add(struct pool *pool, PGconn *pg, struct value key)
{
	struct connection *connection = memory_need(calloc(1, sizeof(*connection)));

	connection->pg = pg;
	connection->key = value_copy(key);
	connection->next = pool->idle;
	pool->idle = connection;
}

/* ---- messages ---- */

/* On one line, without secrets. */
static struct value clean_text(const struct pg_session *session, const char *text)
{
	return pg_scrub(value_string(text ? text : ""), session->secrets);
}

/*
 * libpq says "connection to server at "h" (1.2.3.4), port 5432 failed: reason" for each address that it
 * tried. Where it was one, the place is told already.
 */
static const char *connect_reason(const char *text)
{
	static const char start[] = "connection to server ", end[] = " failed: ";
	const char *reason = strstr(text, end);

	if (strncmp(text, start, sizeof(start) - 1) != 0 || !reason || strstr(text + 1, start))
		return text;
	return reason + sizeof(end) - 1;
}

static struct value connect_message(const struct pg_session *session)
{
	struct value reason = clean_text(session, session->pool->pq->PQerrorMessage(session->pg)), message;

	message = value_string_printf("no connection to PostgreSQL (%s): %s; check %s", session->place,
				      connect_reason(value_text_peek(reason)),
				      session->given ? "url:"
						     : "PGHOST, PGPORT, PGUSER and PGPASSWORD, or give url:");
	value_release(reason);
	return message;
}

static struct value stop_message(const struct pg_session *session, const char *when)
{
	char text[48];

	if (session->timed_out)
		return value_string_printf("%s timed out after %s %s (%s)", session->what,
					   duration_text(session->timeout_ns, text), when, session->place);
	return value_string_printf("%s was cancelled %s (%s)", session->what, when, session->place);
}

/* ---- the end of a statement ---- */

static void result_clear(struct pg_result *result)
{
	value_release(result->rows);
	value_release(result->message);
	value_release(result->details);
	*result = (struct pg_result){
	    .rows = value_null(), .message = value_null(), .details = value_null(), .sqlstate = ""};
}

static void report(struct pg_session *session)
{
	pg_callback *done = session->done;
	struct pg_result result = session->result;

	result.sqlstate = session->sqlstate;
	result.cancelled = session->cancelled;
	result.timed_out = session->timed_out;
	session->result =
	    (struct pg_result){.rows = value_null(), .message = value_null(), .details = value_null()};
	session->done = NULL;
	/* The callback may close the session: it isn't touched afterwards. */
	if (done && !session->closed)
		done(session->context, &result);
	value_release(result.rows);
	value_release(result.message);
	value_release(result.details);
}

/* Consumes `message`. */
static void end_without(struct pg_session *session, enum pg_end end, struct value message)
{
	result_clear(&session->result);
	session->result.end = end;
	session->result.message = message;
	report(session);
}

static void session_die(struct pg_session *session)
{
	struct pool *pool = session->pool;

	connection_drop(session);
	timer_clear(&session->stopping);
	session->state = DEAD;
	wake_waiting(pool);
}

/* There is no connection, and will be none. Consumes `message`. */
static void fail_connecting(struct pg_session *session, struct value message)
{
	if (session->resolving)
		session->resolving->session = NULL;
	session->resolving = NULL;
	session_die(session);
	end_without(session, PG_NOT_SENT, message);
}

static void lose_connection(struct pg_session *session)
{
	struct value reason =
	    clean_text(session, session->pg ? session->pool->pq->PQerrorMessage(session->pg) : "");
	bool running = session->state == RUNNING;
	struct value message;

	if (session->cancelled || session->timed_out)
		message = stop_message(session, "and the server did not answer");
	else
		message = value_string_printf("the connection to PostgreSQL was lost (%s): %s",
					      session->place, value_text_peek(reason));
	value_release(reason);
	session_die(session);
	end_without(session, running ? PG_LOST : PG_NOT_SENT, message);
}

/* ---- stopping ---- */

static void cancel_work(void *context)
{
	struct cancelling *cancelling = context;
	char error[256];

	cancelling->pq->PQcancel(cancelling->cancel, error, sizeof(error));
}

static void cancel_done(void *context)
{
	struct cancelling *cancelling = context;

	cancelling->pq->PQfreeCancel(cancelling->cancel);
	free(cancelling);
}

static void stop_server(void *context)
{
	struct pg_session *session = context;
	struct cancelling *cancelling;

	timer_clear(&session->stopping);
	if (session->stops++ == STOPS_MAX) {
		lose_connection(session);
		return;
	}
	session->stopping = live_timer_start(session->pool->live, STOP_AGAIN_NS, stop_server, session);
	cancelling = memory_need(calloc(1, sizeof(*cancelling)));
	cancelling->pq = session->pool->pq;
	cancelling->cancel = memory_need(cancelling->pq->PQgetCancel(session->pg));
	live_work(session->pool->live, cancel_work, cancel_done, cancelling);
}

static void end_stopped(void *context)
{
	struct pg_session *session = context;

	timer_clear(&session->later);
	fail_connecting(session,
			stop_message(session, session->state == WAITING ? "waiting for a free connection"
									: "before it was connected"));
}

static void stop(struct pg_session *session)
{
	switch (session->state) {
	case WAITING:
	case RESOLVING:
	case CONNECTING:
		if (!session->later)
			session->later = live_timer_start(session->pool->live, 0, end_stopped, session);
		break;
	case SETTING:
	case RUNNING:
		stop_server(session);
		break;
	case READY:
	case CLEANING:
	case DEAD:
		break;
	}
}

static void deadline_passed(void *context)
{
	struct pg_session *session = context;

	timer_clear(&session->deadline);
	if (session->cancelled)
		return;
	session->timed_out = true;
	stop(session);
}

void pg_session_cancel(struct pg_session *session)
{
	if (session->cancelled || session->timed_out || session->closed)
		return;
	session->cancelled = true;
	stop(session);
}

/* ---- results ---- */

static void keep_error(struct pg_session *session, const PGresult *pg_result)
{
	const struct pq_api *pq = session->pool->pq;
	const char *sqlstate = pq->PQresultErrorField(pg_result, PG_DIAG_SQLSTATE);
	const char *severity = pq->PQresultErrorField(pg_result, PG_DIAG_SEVERITY_NONLOCALIZED);

	if (session->failed)
		return;
	session->failed = true;
	result_clear(&session->result);
	/* A FATAL error ends the session, and says nothing about a commit that was under way. */
	session->result.end = sqlstate && severity && strcmp(severity, "ERROR") == 0 ? PG_REFUSED : PG_LOST;
	snprintf(session->sqlstate, sizeof(session->sqlstate), "%s", sqlstate ? sqlstate : "");
	session->result.details = pg_error_details(pq, pg_result, session->secrets, session->secret_args);
	session->result.message = pg_error_message(pq, pg_result, session->secrets, session->secret_args);
	if (session->result.end == PG_REFUSED && (session->cancelled || session->timed_out) &&
	    strcmp(session->sqlstate, "57014") == 0) {
		value_release(session->result.message);
		session->result.message = stop_message(session, "at the server, which undid it");
	}
}

/* Consumes `message`: the answer is not what can be taken; the rest of it is not waited for. */
static void refuse_answer(struct pg_session *session, struct value message)
{
	if (session->failed) {
		value_release(message);
		return;
	}
	session->failed = session->too_much = true;
	result_clear(&session->result);
	session->result.end = PG_REFUSED;
	session->result.message = message;
	session->sqlstate[0] = '\0';
}

static void refuse_size(struct pg_session *session)
{
	char text[48];

	refuse_answer(session, value_string_printf("the answer is larger than %s: narrow the query",
						   size_text((int64_t)session->bytes_max, text)));
}

static void check_size(struct pg_session *session)
{
	if (session->rows_max > 0 && value_length(session->result.rows) > session->rows_max)
		refuse_answer(session,
			      value_string_printf(
				  "the answer has more than %zu rows: narrow the query, or raise limit:",
				  session->rows_max));
	else if (session->bytes_max > 0 && session->bytes > session->bytes_max)
		refuse_size(session);
}

static void keep_rows(struct pg_session *session, const PGresult *pg_result)
{
	struct value message = value_null();

	if (!session->want_rows || session->failed)
		return;
	if (!pg_rows_add(session->pool->pq, pg_result, &session->result.rows, &session->bytes, &message))
		refuse_answer(session, message);
	else
		check_size(session);
}

static void keep_count(struct pg_session *session, const PGresult *pg_result)
{
	const char *count = session->pool->pq->PQcmdTuples((PGresult *)pg_result);

	if (!session->failed && count[0])
		session->result.affected = strtoll(count, NULL, 10);
}

static void take_result(struct pg_session *session, const PGresult *pg_result)
{
	switch (session->pool->pq->PQresultStatus(pg_result)) {
	case PGRES_SINGLE_TUPLE:
		keep_rows(session, pg_result);
		return;
	case PGRES_TUPLES_OK:
		keep_rows(session, pg_result);
		keep_count(session, pg_result);
		return;
	case PGRES_COMMAND_OK:
		keep_count(session, pg_result);
		return;
	case PGRES_EMPTY_QUERY:
		refuse_answer(session, value_string("the statement is empty"));
		session->too_much = false;
		return;
	case PGRES_COPY_IN:
	case PGRES_COPY_OUT:
	case PGRES_COPY_BOTH:
		refuse_answer(
		    session,
		    value_string("COPY from and to the client is not possible: COPY names a file of the "
				 "server, or pg.query and pg.dump read the rows"));
		return;
	default:
		keep_error(session, pg_result);
	}
}

/* The connection of the pool died while nobody used it: another one will do. */
static bool retry_stale(struct pg_session *session)
{
	if (session->state != SETTING || !session->reused || session->cancelled || session->timed_out)
		return false;
	connection_drop(session);
	begin(session);
	return true;
}

static void statement_ended(struct pg_session *session)
{
	timer_clear(&session->stopping);
	if (session->state == CLEANING) {
		clean_end(session);
	} else if (session->pool->pq->PQstatus(session->pg) == CONNECTION_OK) {
		if (session->state == SETTING && session->result.end != PG_OK)
			session->result.end = PG_NOT_SENT;
		session->state = READY;
		report(session);
	} else if (retry_stale(session)) {
		return;
	} else if (session->state == RUNNING && session->sqlstate[0]) {
		session_die(session);
		report(session);
	} else {
		lose_connection(session);
	}
}

/*
 * Bytes that a TCP socket has received in all; 0 for others. It stands at this offset of the kernel's struct
 * tcp_info since Linux 4.1; glibc's own declaration ends before it.
 */
static uint64_t bytes_received(const struct pg_session *session)
{
	unsigned char info[136];
	socklen_t length = sizeof(info);
	uint64_t received = 0;

	if (getsockopt(session->pool->pq->PQsocket(session->pg), IPPROTO_TCP, TCP_INFO, info, &length) == 0 &&
	    length == sizeof(info))
		memcpy(&received, info + 128, sizeof(received));
	return received;
}

/*
 * Rows are counted when they are whole. A single row that is far too big is seen by what the socket has
 * received, before libpq has gathered it. (Over a local socket nothing tells.) The slack is for the
 * protocol's own bytes.
 */
static bool consume(struct pg_session *session)
{
	if (session->want_rows && session->bytes_max > 0 &&
	    bytes_received(session) - session->received > 2 * session->bytes_max + 1024 * 1024)
		refuse_size(session);
	return session->pool->pq->PQconsumeInput(session->pg);
}

static bool flush(struct pg_session *session)
{
	int left = session->pool->pq->PQflush(session->pg);

	if (left >= 0 && session->poll)
		live_poll_change(session->poll, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
	return left >= 0;
}

/* An answer that can't be taken: the server is told, and the connection given up. */
static void abandon_answer(struct pg_session *session)
{
	struct cancelling *cancelling = memory_need(calloc(1, sizeof(*cancelling)));

	cancelling->pq = session->pool->pq;
	cancelling->cancel = memory_need(cancelling->pq->PQgetCancel(session->pg));
	live_work(session->pool->live, cancel_work, cancel_done, cancelling);
	session_die(session);
	report(session);
}

static void read_results(struct pg_session *session)
{
	const struct pq_api *pq = session->pool->pq;

	if (!consume(session)) {
		/* What the server said before it hung up is still to be had. */
		PGresult *last;

		while ((last = pq->PQgetResult(session->pg))) {
			take_result(session, last);
			pq->PQclear(last);
		}
		statement_ended(session);
		return;
	}
	while (!session->too_much && !pq->PQisBusy(session->pg)) {
		PGresult *result = pq->PQgetResult(session->pg);

		if (!result) {
			statement_ended(session);
			return;
		}
		take_result(session, result);
		pq->PQclear(result);
	}
	if (session->too_much)
		abandon_answer(session);
}

/* ---- statements ---- */

static void statement_begin(struct pg_session *session, enum state state)
{
	session->state = state;
	session->failed = session->too_much = false;
	session->bytes = 0;
	session->received = bytes_received(session);
	session->stops = 0;
	session->sqlstate[0] = '\0';
	result_clear(&session->result);
	session->result.rows = list_new(0);
}

static bool send_with_args(struct pg_session *session, const char *text, struct value args)
{
	size_t i, count = value_length(args);
	const char **values = memory_need(calloc(count + 1, sizeof(*values)));
	bool ok;

	for (i = 0; i < count; i++) {
		struct value arg = list_peek(args, i);

		values[i] = arg.tag == VALUE_NULL ? NULL : value_text_peek(arg);
		if (value_is_secret(arg) && value_length(arg) > 0) {
			list_push(&session->secrets, value_copy(arg));
			session->secret_args = true;
		}
	}
	ok = session->pool->pq->PQsendQueryParams(session->pg, text, (int)count, NULL, values, NULL, NULL, 0);
	free(values);
	return ok;
}

static void send_failed(void *context)
{
	struct pg_session *session = context;

	timer_clear(&session->later);
	if (!retry_stale(session))
		lose_connection(session);
}

static void send_stopped(void *context)
{
	struct pg_session *session = context;

	timer_clear(&session->later);
	end_without(session, PG_NOT_SENT,
		    session->state == DEAD
			? value_string_printf("the connection to PostgreSQL was lost (%s)", session->place)
			: stop_message(session, "before its statement was sent"));
}

void pg_session_run(struct pg_session *session, const struct pg_statement *statement, pg_callback *done,
		    void *context)
{
	const struct pq_api *pq = session->pool->pq;
	bool sent;

	session->done = done;
	session->context = context;
	if (session->cancelled || session->timed_out || session->state == DEAD) {
		session->later = live_timer_start(session->pool->live, 0, send_stopped, session);
		return;
	}
	statement_begin(session, RUNNING);
	session->want_rows = statement->want_rows;
	session->rows_max = statement->rows_max;
	session->bytes_max = statement->bytes_max;
	sent = statement->args.tag == VALUE_LIST ? send_with_args(session, statement->text, statement->args)
						 : pq->PQsendQuery(session->pg, statement->text);
	if (!sent || !flush(session)) {
		session->later = live_timer_start(session->pool->live, 0, send_failed, session);
		return;
	}
	pq->PQsetSingleRowMode(session->pg);
}

/* What every statement may rely on, whatever was set before. */
static void send_settings(struct pg_session *session)
{
	int64_t limit_ns = session->timeout_ns > 0 ? session->timeout_ns + SERVER_SLACK_NS : 0;
	struct buffer text = {0};
	struct value settings;
	bool sent;

	statement_begin(session, SETTING);
	session->want_rows = false;
	buffer_printf(
	    &text,
	    "set standard_conforming_strings = on; set datestyle = 'ISO'; set intervalstyle = 'postgres'; "
	    "set bytea_output = 'hex'; set client_min_messages = warning; "
	    "set statement_timeout = %lld; set lock_timeout = %lld",
	    (long long)(limit_ns / NS_PER_MS),
	    (long long)((session->lock_timeout_ns + NS_PER_MS - 1) / NS_PER_MS));
	settings = buffer_finish(&text);
	sent = session->pool->pq->PQsendQuery(session->pg, value_text_peek(settings)) && flush(session);
	value_release(settings);
	if (!sent)
		session->later = live_timer_start(session->pool->live, 0, send_failed, session);
}

/* ---- connecting ---- */

static void ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static void watch(struct pg_session *session, int events)
{
	session->poll = live_poll_start(session->pool->live, session->pool->pq->PQsocket(session->pg), events,
					poll_ready, session);
}

static void connected(struct pg_session *session)
{
	const struct pq_api *pq = session->pool->pq;

	pq->PQsetnonblocking(session->pg, 1);
	pq->PQsetNoticeReceiver(session->pg, ignore_notice, NULL);
	watch(session, UV_READABLE);
	send_settings(session);
}

/* libpq may have closed one socket and opened another: the poll is made anew each time. */
static void connect_more(struct pg_session *session)
{
	live_poll_stop(session->poll);
	session->poll = NULL;
	switch (session->pool->pq->PQconnectPoll(session->pg)) {
	case PGRES_POLLING_OK:
		connected(session);
		break;
	case PGRES_POLLING_READING:
		watch(session, UV_READABLE);
		break;
	case PGRES_POLLING_WRITING:
		watch(session, UV_WRITABLE);
		break;
	default:
		fail_connecting(session, connect_message(session));
	}
}

static void poll_ready(void *context, int events)
{
	struct pg_session *session = context;

	if (session->state == CONNECTING) {
		connect_more(session);
		return;
	}
	if (session->state == READY || session->state == DEAD) {
		/* Nothing is asked: the server has hung up, or tells something. The next statement will see.
		 */
		live_poll_change(session->poll, 0);
		return;
	}
	if ((events & UV_WRITABLE) && !flush(session)) {
		read_results(session);
		return;
	}
	if (events & UV_READABLE)
		read_results(session);
}

static void connect_start(struct pg_session *session)
{
	struct parameters *parameters = &session->parameters;

	session->state = CONNECTING;
	parameters->names[parameters->count] = parameters->values[parameters->count] = NULL;
	session->pg = session->pool->pq->PQconnectStartParams((const char *const *)parameters->names,
							      (const char *const *)parameters->values, 0);
	memory_need(session->pg);
	if (session->pool->pq->PQstatus(session->pg) == CONNECTION_BAD)
		fail_connecting(session, connect_message(session));
	else
		watch(session, UV_WRITABLE);
}

/* ---- names to addresses, on a thread ---- */

static void add_entry(struct buffer *list, const char *text, size_t length)
{
	if (list->string)
		buffer_add_byte(list, ',');
	else
		buffer_reserve(list, 1);
	buffer_add(list, text, length);
}

static void add_address(struct resolving *resolving, const char *host, const char *port, const char *address)
{
	add_entry(&resolving->out_hosts, host, strlen(host));
	add_entry(&resolving->out_addresses, address, strlen(address));
	add_entry(&resolving->out_ports, port, strlen(port));
}

static void resolve_host(struct resolving *resolving, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL, *at;
	char text[NI_MAXHOST];
	int status, count = 0;

	if (host[0] == '/' || host[0] == '@' || host[0] == '\0') {
		add_address(resolving, host, port, "");
		return;
	}
	status = getaddrinfo(host, NULL, &hints, &found);
	if (status != 0) {
		snprintf(resolving->error, sizeof(resolving->error), "the host %.200s is not known: %s", host,
			 gai_strerror(status));
		return;
	}
	for (at = found; at && count < ADDRESSES_MAX; at = at->ai_next)
		if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) ==
		    0) {
			add_address(resolving, host, port, text);
			count++;
		}
	freeaddrinfo(found);
}

/* The hosts and ports of libpq's lists; one port stands for all hosts. */
static void resolve_work(void *context)
{
	struct resolving *resolving = context;
	char *hosts = resolving->hosts, *ports = resolving->ports, *host;
	bool one_port = !ports || !strchr(ports, ',');

	while ((host = strsep(&hosts, ","))) {
		const char *port = one_port ? (ports ? ports : "") : strsep(&ports, ",");

		resolve_host(resolving, host, port ? port : "");
	}
}

static void resolve_free(struct resolving *resolving)
{
	buffer_free(&resolving->out_hosts);
	buffer_free(&resolving->out_addresses);
	buffer_free(&resolving->out_ports);
	free(resolving->hosts);
	free(resolving->ports);
	free(resolving);
}

static void set_list(struct parameters *parameters, const char *name, struct buffer *list)
{
	struct value text = buffer_finish(list);

	parameter_set(parameters, name, value_text_peek(text));
	value_release(text);
}

static void resolve_done(void *context)
{
	struct resolving *resolving = context;
	struct pg_session *session = resolving->session;

	if (session) {
		session->resolving = NULL;
		if (!resolving->out_hosts.string) {
			fail_connecting(session, value_string_printf("no connection to PostgreSQL (%s): %s",
								     session->place, resolving->error));
		} else {
			set_list(&session->parameters, "host", &resolving->out_hosts);
			set_list(&session->parameters, "hostaddr", &resolving->out_addresses);
			set_list(&session->parameters, "port", &resolving->out_ports);
			connect_start(session);
		}
	}
	resolve_free(resolving);
}

static bool needs_resolving(const char *hosts)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (!hosts || hosts[0] == '\0' || (hosts[0] == '/' && !strchr(hosts, ',')))
		return false;
	return inet_pton(AF_INET, hosts, address) != 1 && inet_pton(AF_INET6, hosts, address) != 1;
}

static void begin_connection(struct pg_session *session)
{
	const char *hosts = parameter_get(&session->parameters, "host");
	const char *ports = parameter_get(&session->parameters, "port");
	struct resolving *resolving;

	session->reused = false;
	if (parameter_get(&session->parameters, "hostaddr") || !needs_resolving(hosts)) {
		connect_start(session);
		return;
	}
	session->state = RESOLVING;
	resolving = memory_need(calloc(1, sizeof(*resolving)));
	resolving->session = session;
	resolving->hosts = memory_need(strdup(hosts));
	resolving->ports = ports ? memory_need(strdup(ports)) : NULL;
	session->resolving = resolving;
	live_work(session->pool->live, resolve_work, resolve_done, resolving);
}

/* Finds a connection: an unused one, a new one, or a place in the row of those who wait. */
static void begin(struct pg_session *session)
{
	PGconn *old;

	session->state = WAITING;
	old = idle_take(session->pool, session->key);
	if (old) {
		session->pg = old;
		session->reused = true;
		watch(session, UV_READABLE);
		send_settings(session);
	} else if (connections_of(session->pool, session->key) < PG_CONNECTIONS_MAX) {
		begin_connection(session);
	}
}

static void begin_later(void *context)
{
	struct pg_session *session = context;

	timer_clear(&session->later);
	if (session->cancelled || session->timed_out)
		end_stopped(session);
	else
		begin(session);
}

/* A connection has become free: all who wait try again, who waits longest (the last of the list) first. */
static void wake_waiting(struct pool *pool)
{
	struct pg_session *session = pool->sessions;

	while (session && session->next)
		session = session->next;
	for (; session; session = session->previous)
		if (session->state == WAITING && !session->later)
			session->later = live_timer_start(pool->live, 0, begin_later, session);
}

/* ---- sessions ---- */

static void fail_later(void *context)
{
	struct pg_session *session = context;

	timer_clear(&session->later);
	session->state = DEAD;
	report(session);
}

/* Consumes `message`. */
static void fail_soon(struct pg_session *session, struct value message)
{
	session->state = DEAD;
	session->result.end = PG_NOT_SENT;
	session->result.message = message;
	session->later = live_timer_start(session->pool->live, 0, fail_later, session);
}

static void prepare(struct pg_session *session, const struct pg_options *options)
{
	const struct pq_api *pq = session->pool->pq;
	struct parameters *parameters = &session->parameters;
	struct value message = value_null();
	const char *password;

	if (!pq) {
		fail_soon(session, value_string_printf("PostgreSQL's client library is needed: %s",
						       session->pool->error));
		return;
	}
	if (!parameters_parse(pq, options->url, options->database, parameters, &message)) {
		fail_soon(session, message);
		return;
	}
	parameter_default(pq, parameters, "host");
	parameter_default(pq, parameters, "hostaddr");
	parameter_default(pq, parameters, "port");
	parameter_default(pq, parameters, "dbname");
	parameter_set(parameters, "client_encoding", "UTF8");
	if (!parameter_get(parameters, "application_name"))
		parameter_set(parameters, "fallback_application_name", "runplan");
	/* Looking for Kerberos tickets may ask the network, which would block. */
	if (!parameter_get(parameters, "gssencmode") && !getenv("PGGSSENCMODE"))
		parameter_set(parameters, "gssencmode", "disable");
	session->place = parameters_place(parameters);
	password = parameter_get(parameters, "password");
	if (password && password[0])
		list_push(&session->secrets, value_string(password));
	session->key = parameters_key(parameters);
	session->later = live_timer_start(session->pool->live, 0, begin_later, session);
}

struct pg_session *pg_session_open(struct live *live, const struct pg_options *options)
{
	struct pg_session *session = memory_need(calloc(1, sizeof(*session)));
	struct pool *pool = pool_of(live);

	session->pool = pool;
	session->next = pool->sessions;
	if (pool->sessions)
		pool->sessions->previous = session;
	pool->sessions = session;
	session->what = memory_need(strdup(options->what));
	session->secrets = list_new(0);
	session->key = value_null();
	session->result =
	    (struct pg_result){.rows = value_null(), .message = value_null(), .details = value_null()};
	session->given = options->url.tag == VALUE_STRING;
	session->timeout_ns = options->timeout_ns;
	session->lock_timeout_ns = options->lock_timeout_ns;
	session->done = options->opened;
	session->context = options->context;
	if (options->timeout_ns > 0)
		session->deadline = live_timer_start(live, options->timeout_ns, deadline_passed, session);
	prepare(session, options);
	return session;
}

int pg_session_version(const struct pg_session *session)
{
	return session->pg ? session->pool->pq->PQserverVersion(session->pg) : 0;
}

/* The connection is given back, and the session is over. */
static void session_release(struct pg_session *session)
{
	struct pool *pool = session->pool;

	live_poll_stop(session->poll);
	session->poll = NULL;
	idle_add(pool, session->pg, session->key);
	session->pg = NULL;
	session_free(session);
	wake_waiting(pool);
}

static void session_discard(struct pg_session *session)
{
	struct pool *pool = session->pool;

	session_free(session);
	wake_waiting(pool);
}

/* Those whose rollback is under way count as unused: the server rolls back when they are closed. */
void pg_forget_database(struct live *live, const char *database)
{
	struct pool *pool = pool_of(live);
	struct connection **link = &pool->idle;
	struct pg_session *session, *next;

	while (*link) {
		struct connection *connection = *link;

		if (strcmp(pool->pq->PQdb(connection->pg), database) == 0) {
			*link = connection->next;
			connection_free(pool, connection);
		} else {
			link = &connection->next;
		}
	}
	for (session = pool->sessions; session; session = next) {
		next = session->next;
		if (session->state == CLEANING && strcmp(pool->pq->PQdb(session->pg), database) == 0)
			session_discard(session);
	}
}

/* The rollback after a session has been answered, or not. */
static void clean_end(struct pg_session *session)
{
	const struct pq_api *pq = session->pool->pq;

	if (pq->PQstatus(session->pg) == CONNECTION_OK &&
	    pq->PQtransactionStatus(session->pg) == PQTRANS_IDLE)
		session_release(session);
	else
		session_discard(session);
}

static void clean_late(void *context)
{
	session_discard(context);
}

static void clean_begin(struct pg_session *session)
{
	statement_begin(session, CLEANING);
	session->want_rows = false;
	timer_clear(&session->deadline);
	session->deadline = live_timer_start(session->pool->live, CLEAN_NS, clean_late, session);
	if (!session->pool->pq->PQsendQuery(session->pg, "rollback") || !flush(session))
		session_discard(session);
}

void pg_session_close(struct pg_session *session)
{
	PGTransactionStatusType status = PQTRANS_UNKNOWN;

	if (!session || session->closed)
		return;
	session->closed = true;
	if (session->state == READY && !session->cancelled && !session->timed_out)
		status = session->pool->pq->PQtransactionStatus(session->pg);
	if (status == PQTRANS_IDLE)
		session_release(session);
	else if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR)
		clean_begin(session);
	else
		session_discard(session);
}

/* ---- for programs of PostgreSQL's ---- */

/* 'it\'s': as libpq reads a connection string. */
static void add_conninfo(struct buffer *text, const char *name, const char *value)
{
	if (text->length > 0)
		buffer_add_byte(text, ' ');
	buffer_printf(text, "%s='", name);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			buffer_add_byte(text, '\\');
		buffer_add_byte(text, *value);
	}
	buffer_add_byte(text, '\'');
}

/* A line that fits every host, port, database and user. */
static struct value passfile_line(const char *password)
{
	struct buffer line = {0};

	buffer_add_text(&line, "*:*:*:*:");
	for (; *password; password++) {
		if (*password == ':' || *password == '\\')
			buffer_add_byte(&line, '\\');
		buffer_add_byte(&line, *password);
	}
	buffer_add_byte(&line, '\n');
	return value_mark(buffer_finish(&line), VALUE_SECRET);
}

static bool child_conninfo(const struct parameters *parameters, struct value *conninfo,
			   struct value *passfile, struct value *message)
{
	const char *password = parameter_get(parameters, "password");
	struct buffer text = {0};
	size_t i;

	if (password && strpbrk(password, "\r\n")) {
		*message =
		    value_string("a password with a line break cannot be handed to PostgreSQL's programs");
		return false;
	}
	password = password && password[0] ? password : NULL;
	for (i = 0; i < parameters->count; i++)
		if (strcmp(parameters->names[i], "password") != 0 &&
		    strcmp(parameters->names[i], "sslpassword") != 0 &&
		    !(password && strcmp(parameters->names[i], "passfile") == 0))
			add_conninfo(&text, parameters->names[i], parameters->values[i]);
	if (password)
		add_conninfo(&text, "passfile", "/proc/self/fd/3");
	if (!parameter_get(parameters, "fallback_application_name"))
		add_conninfo(&text, "fallback_application_name", "runplan");
	*conninfo = buffer_finish(&text);
	*passfile = password ? passfile_line(password) : value_null();
	return true;
}

bool pg_child_target(struct live *live, struct value url, const char *database, struct value *conninfo,
		     struct value *passfile, struct value *message)
{
	struct pool *pool = pool_of(live);
	struct parameters parameters = {0};
	bool ok;

	*conninfo = *passfile = *message = value_null();
	if (!pool->pq) {
		*message = value_string_printf("PostgreSQL's client library is needed: %s", pool->error);
		return false;
	}
	ok = parameters_parse(pool->pq, url, database, &parameters, message) &&
	     child_conninfo(&parameters, conninfo, passfile, message);
	parameters_free(&parameters);
	return ok;
}

void pg_add_name(struct buffer *text, const char *name, size_t length)
{
	size_t i;

	buffer_add_byte(text, '"');
	for (i = 0; i < length; i++) {
		if (name[i] == '"')
			buffer_add_byte(text, '"');
		buffer_add_byte(text, name[i]);
	}
	buffer_add_byte(text, '"');
}
