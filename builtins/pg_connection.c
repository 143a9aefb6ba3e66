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

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/lazy.h"
#include "builtins/pg_target.h"
#include "builtins/pg_types.h"
#include "builtins/scrub.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* A stop is repeated, because the first one may come before the server has begun with the statement. */
#define STOP_AGAIN_NS (1 * NS_PER_S)
#define STOPS_MAX     5
/* For the rollback after a session. */
#define CLEAN_NS (5 * NS_PER_S)
/* The server's own limit is a little later than ours, for the case that our cancel request gets lost. */
#define SERVER_SLACK_NS (5 * NS_PER_S)

enum state { WAITING, RESOLVING, CONNECTING, SETTING, READY, RUNNING, CLEANING, DEAD };

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
	struct pg_parameters parameters;
	struct value key;
	PGconn *pg;
	struct live_poll *poll;
	struct live_timer *deadline, *stopping, *later;
	struct pg_resolving *resolving;
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
	pg_resolve_forget(session->resolving);
	pg_parameters_free(&session->parameters);
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
	return scrub(value_string(text ? text : ""), session->secrets);
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
	char sqlstate[sizeof(session->sqlstate)];

	memcpy(sqlstate, session->sqlstate, sizeof(sqlstate));
	result.sqlstate = sqlstate;
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
	pg_resolve_forget(session->resolving);
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
 * received, before libpq has gathered it. (Over a local socket nothing tells, and a server that sends faster
 * than libpq reads is not interrupted.) The slack is for the protocol's own bytes.
 */
static bool consume(struct pg_session *session)
{
	if (session->want_rows && session->bytes_max > 0 &&
	    bytes_received(session) - session->received > 2 * session->bytes_max + 1024 * 1024) {
		refuse_size(session);
		return true; /* libpq has made room for all of it by now, and would fill it */
	}
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
	const struct pq_api *pq = session->pool->pq;

	session->state = CONNECTING;
	session->pg =
	    memory_need(pq->PQconnectStartParams((const char *const *)session->parameters.names,
						 (const char *const *)session->parameters.values, 0));
	if (pq->PQstatus(session->pg) == CONNECTION_BAD)
		fail_connecting(session, connect_message(session));
	else
		watch(session, UV_WRITABLE);
}

static void resolved(void *context, const char *error)
{
	struct pg_session *session = context;

	session->resolving = NULL;
	if (error)
		fail_connecting(session, value_string_printf("no connection to PostgreSQL (%s): %s",
							     session->place, error));
	else
		connect_start(session);
}

static void begin_connection(struct pg_session *session)
{
	session->reused = false;
	session->state = RESOLVING;
	session->resolving = pg_resolve(session->pool->live, &session->parameters, resolved, session);
	if (!session->resolving)
		connect_start(session);
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
	struct pg_parameters *parameters = &session->parameters;
	struct value message = value_null();
	const char *password;

	if (!pq) {
		fail_soon(session, value_string_printf("PostgreSQL's client library is needed: %s",
						       session->pool->error));
		return;
	}
	if (!pg_parameters_parse(pq, options->url, options->database, parameters, &message)) {
		fail_soon(session, message);
		return;
	}
	pg_parameters_complete(pq, parameters);
	session->place = pg_parameters_place(parameters);
	password = pg_parameters_get(parameters, "password");
	if (password && password[0])
		list_push(&session->secrets, value_string(password));
	session->key = pg_parameters_key(parameters);
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
