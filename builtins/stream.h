/*
 * stream.h - one connection over TCP on the loop, with TLS where it is wanted: resolved, connected, written,
 * read.
 *
 * A stream never times out by itself, but for the share that each of several addresses gets of `timeout_ns`:
 * who uses it has a deadline, and calls stream_close() when that comes. Every callback comes from the loop,
 * never from inside a function of this header, and none after stream_close(), which may be called in any of
 * them.
 */
#ifndef RUNPLAN_STREAM_H
#define RUNPLAN_STREAM_H

#include "builtins/lazy.h"
#include "builtins/live.h"

enum stream_end {
	STREAM_UNKNOWN_HOST,
	STREAM_REFUSED,	    /* nothing listens there */
	STREAM_UNREACHABLE, /* no way to the host */
	STREAM_SILENT,	    /* no answer to the attempt to connect */
	STREAM_TLS,	    /* TCP stands, TLS does not */
	STREAM_LOST,	    /* reset */
	STREAM_CLOSED,	    /* the other side has closed it */
};

/* "refused", "no answer", ...: for a failure's details. */
const char *stream_end_name(enum stream_end end);

struct stream_options {
	const char *host; /* a name, or an address in digits without brackets */
	int port;
	int64_t timeout_ns; /* what is left for connecting; 0: no bound */
	bool tls;
	const char *server_name; /* that the certificate must be for, and that is asked for; NULL: host */
	const char *ca_file;	 /* NULL: the system's */
	bool any_certificate;	 /* stream_tls() tells what is wrong with it */

	void (*connected)(void *context);
	void (*received)(void *context, const char *bytes, size_t length);
	/* The last callback. `reason` is one line without the place: "connection refused". */
	void (*ended)(void *context, enum stream_end end, const char *reason);
	void *context;
};

/* Copies the options. */
struct stream;
struct stream *stream_open(struct live *live, const struct stream_options *options);
void stream_send(struct stream *stream, const char *bytes, size_t length); /* copied; once connected */
void stream_close(struct stream *stream);				   /* NULL is fine; always needed */

/* Until it is connected, what has not come: "no address of the host", "no connection", "no answer to TLS's
 * handshake". */
const char *stream_missing(const struct stream *stream);

/* Once connected. */
const char *stream_address(struct stream *stream); /* "127.0.0.1" */
SSL *stream_tls(struct stream *stream);		   /* NULL without TLS. Lent */

#endif
