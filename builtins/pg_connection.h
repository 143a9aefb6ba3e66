/*
 * pg_connection.h - sessions with PostgreSQL: libpq's asynchronous interface on the loop.
 *
 * A session is the use of one connection for a while: it is opened, runs statements one after another, and is
 * closed. Connections outlive their sessions and are used again by the next one to the same server, user and
 * database; several sessions at once have several connections, at most PG_CONNECTIONS_MAX to one place (more
 * wait for their turn).
 *
 * Nothing here blocks: names are resolved and cancel requests are sent on the thread pool. A session has one
 * deadline for all that happens in it. No callback is ever made from inside the function that asked for it,
 * and none after pg_session_close().
 */
#ifndef RUNPLAN_PG_CONNECTION_H
#define RUNPLAN_PG_CONNECTION_H

#include "builtins/live.h"
#include "interp/buffer.h"

#define PG_CONNECTIONS_MAX 8

enum pg_end {
	PG_OK,
	PG_REFUSED,  /* the server answered with an error: the statement had no effect */
	PG_NOT_SENT, /* no connection, or stopped before the statement went out */
	PG_LOST,     /* sent, and no answer came: it may or may not have had its effect */
};

struct pg_result {
	enum pg_end end;
	bool cancelled, timed_out; /* why it was stopped, if it was */
	struct value rows;	   /* OK: list of records, empty where rows were not wanted. Lent */
	int64_t affected; /* OK: rows that the statement (or the last of several that counted any) touched */
	const char *sqlstate; /* REFUSED: "42P01"; else "" */
	struct value message; /* not OK: one line, a string without secrets. Lent */
	struct value
	    details; /* REFUSED: a record { sqlstate, message, detail, hint, ... }; else null. Lent */
};

typedef void pg_callback(void *context, const struct pg_result *result);

struct pg_options {
	const char *what;	 /* "pg.query", for messages */
	struct value url;	 /* string or null */
	const char *database;	 /* instead of the URL's, or NULL */
	int64_t timeout_ns;	 /* of the whole session; 0: none */
	int64_t lock_timeout_ns; /* 0: none */
	pg_callback *opened;
	void *context;
};

/* A statement. `args` is a list of strings and nulls, or null: then the text may hold several statements. */
struct pg_statement {
	const char *text;
	struct value args;
	bool want_rows;
	size_t rows_max, bytes_max; /* with want_rows: more is a failure; 0: no limit */
};

struct pg_session;
struct pg_session *pg_session_open(struct live *live, const struct pg_options *options);
void pg_session_run(struct pg_session *session, const struct pg_statement *statement, pg_callback *done,
		    void *context);
/* Stops what is under way, at the server; its callback comes all the same. Later statements end as
 * PG_NOT_SENT. */
void pg_session_cancel(struct pg_session *session);
/* An open transaction is rolled back. NULL is fine. */
void pg_session_close(struct pg_session *session);
int pg_session_version(const struct pg_session *session); /* 150004 */

/* Gives up unused connections to `database`, which would stand in the way of its being dropped or renamed. */
void pg_forget_database(struct live *live, const char *database);

#endif
