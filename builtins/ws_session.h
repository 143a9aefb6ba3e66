/*
 * ws_session.h - one WebSocket session from its handshake to its end: libwebsockets on the loop, by its
 * plugin for libuv.
 *
 * Callbacks come from the loop, never from inside a function of this header, and none after ws_close(), which
 * may be called in any of them.
 */
#ifndef RUNPLAN_WS_SESSION_H
#define RUNPLAN_WS_SESSION_H

#include "builtins/live.h"
#include "builtins/url_parts.h"

struct ws_handshake {
	struct value headers; /* a record as http.* has it. Lent */
	const char *protocol; /* that the server chose, or NULL */
};

/* What is pointed to is lent until ws_close(). */
struct ws_options {
	const struct url_parts *url;		  /* ws or wss */
	const char *const *headers;		  /* "Name: value", NULL-terminated, or NULL */
	const char *origin, *protocols, *ca_file; /* or NULL */
	bool insecure;				  /* do not verify the certificate */
	int64_t timeout_ns;  /* what is left for connecting; for the rest its user has a deadline */
	size_t received_max; /* bytes of all messages together */

	void (*opened)(void *context, const struct ws_handshake *handshake);
	/* All that ws_send() was given is handed over; also behind `opened` where nothing was given. */
	void (*sent)(void *context);
	void (*received)(void *context, const char *bytes, size_t length); /* a whole message */
	/*
	 * The last callback. `status` of the answer to the handshake, 0: there was none. `code` of the
	 * server's close, 0: it sent none. `reason` is why there is no session, or what the server's close
	 * says, or "".
	 */
	void (*ended)(void *context, int status, int code, const char *reason);
	void *context;
};

/* NULL with a message where the library cannot be had. */
struct ws_session;
struct ws_session *ws_open(struct live *live, const struct ws_options *options, char *error, size_t size);
void ws_send(struct ws_session *session, const char *bytes, size_t length,
	     bool binary); /* until it is open */
/* NULL is fine; always needed. Where the session is open a close frame is sent, and not waited for. */
void ws_close(struct ws_session *session);

/* Until it is open, what has not come, as stream_missing(); then NULL. */
const char *ws_missing(const struct ws_session *session);

#endif
