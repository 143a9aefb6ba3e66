/*
 * ws_session.c - WebSocket sessions by libwebsockets; see ws_session.h.
 *
 * Whether the server can be reached, and at which address, is found out by a connection of ours, made and
 * closed before libwebsockets makes its own: it would block for a name, and does not tell refused from
 * silent.
 *
 * One context of libwebsockets for the run, on the run's loop, and in it a vhost (its word for what
 * connections share) for each file of authorities. A session outlives its user: after ws_close() it is there
 * until libwebsockets has let go of the connection.
 */
#include "builtins/ws_session.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/lazy.h"
#include "builtins/lazy_ws.h"
#include "builtins/stream.h"
#include "interp/buffer.h"

/* Of an answer's headers, and of the buffer in which a request is made. */
#define HEADERS_MAX  (32 * 1024)
#define SESSIONS_MAX 512
/*
 * The end of a context on a loop of ours comes in two parts: the first closes its handles, which takes turns
 * of the loop, the second frees it.
 */
#define CLOSE_TURNS 20

struct vhost {
	struct vhost *next;
	bool tls;
	char *ca_file; /* with TLS, NULL: the system's */
	struct lws_vhost *lws;
};

struct engine {
	struct live *live;
	const struct ws_api *api;
	const struct tls_api *tls;
	struct lws_context *context; /* NULL: `error` says why */
	struct vhost *vhosts;
	struct ws_session *sessions;
	char error[200];
};

struct message {
	struct message *next;
	size_t length;
	bool binary;
	unsigned char bytes[]; /* LWS_PRE in front of the message's own */
};

struct ws_session {
	struct ws_session *next, *previous;
	struct engine *engine;
	struct ws_options options;
	struct stream *probe;
	struct live_timer *soon;	/* an end to tell */
	char address[INET6_ADDRSTRLEN]; /* that took the probe */
	char host[300];			/* as the request names it */
	struct lws *wsi;		/* its connection, once there is one */
	bool held;			/* libwebsockets will say when it lets go */
	bool open, forgotten, told_sent;
	struct message *unsent, **unsent_tail;
	struct value headers;
	char protocol[200];
	struct buffer message;
	size_t received;
	int status, code;
	char reason[300];
};

/* ---- sessions ---- */

static void session_free(struct ws_session *session)
{
	if (session->previous != NULL)
		session->previous->next = session->next;
	else
		session->engine->sessions = session->next;
	if (session->next != NULL)
		session->next->previous = session->previous;
	stream_close(session->probe);
	live_timer_stop(session->soon);
	while (session->unsent != NULL) {
		struct message *first = session->unsent;

		session->unsent = first->next;
		free(first);
	}
	value_release(session->headers);
	buffer_free(&session->message);
	free(session);
}

static void tell_end(void *context)
{
	struct ws_session *session = context;

	live_timer_stop(session->soon);
	session->soon = NULL;
	session->options.ended(session->options.context, session->status, session->code, session->reason);
}

/* Later, because libwebsockets may be in the middle of something. */
static void end_soon(struct ws_session *session)
{
	if (session->soon == NULL && !session->forgotten)
		session->soon = live_timer_start(session->engine->live, 0, tell_end, session);
}

static void __attribute__((format(printf, 2, 3)))
set_reason(struct ws_session *session, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(session->reason, sizeof session->reason, format, list);
	va_end(list);
}

/* ---- what libwebsockets calls ---- */

/* The answer's headers that libwebsockets knows, by their names in lower case. */
static void take_headers(struct ws_session *session, struct lws *wsi)
{
	const struct ws_api *api = session->engine->api;

	for (int token = 0; token < WSI_TOKEN_COUNT; token++) {
		const char *name = (const char *)api->lws_token_to_string((enum lws_token_indexes)token);
		int length = api->lws_hdr_total_length(wsi, (enum lws_token_indexes)token);
		size_t name_length = name == NULL ? 0 : strlen(name);
		char *text;

		if (length <= 0 || name_length < 2 || name[name_length - 1] != ':' || name[0] == ':')
			continue;
		text = memory_need(malloc((size_t)length + 1));
		if (api->lws_hdr_copy(wsi, text, length + 1, (enum lws_token_indexes)token) >= 0) {
			record_set_n(&session->headers, name, name_length - 1, value_string(text));
			if (token == WSI_TOKEN_PROTOCOL)
				snprintf(session->protocol, sizeof session->protocol, "%s", text);
		}
		free(text);
	}
}

/* Nonzero: no room. */
static int add_headers(const struct ws_session *session, unsigned char **at, size_t room)
{
	for (const char *const *line = session->options.headers; line != NULL && *line != NULL; line++) {
		size_t length = strlen(*line);

		if (length + 4 > room)
			return -1;
		memcpy(*at, *line, length);
		memcpy(*at + length, "\r\n", 2);
		*at += length + 2;
		room -= length + 2;
	}
	return 0;
}

static int opened(struct ws_session *session, struct lws *wsi)
{
	session->open = true;
	session->options.opened(
	    session->options.context,
	    &(struct ws_handshake){.headers = session->headers,
				   .protocol = session->protocol[0] != '\0' ? session->protocol : NULL});
	session->engine->api->lws_callback_on_writable(wsi);
	return 0;
}

static int writable(struct ws_session *session, struct lws *wsi)
{
	const struct ws_api *api = session->engine->api;
	struct message *first = session->unsent;
	int written;

	if (first == NULL) {
		if (!session->told_sent) {
			session->told_sent = true;
			session->options.sent(session->options.context);
		}
		return 0;
	}
	written = api->lws_write(wsi, first->bytes + LWS_PRE, first->length,
				 first->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
	session->unsent = first->next;
	free(first);
	if (written < 0)
		return -1;
	api->lws_callback_on_writable(wsi);
	return 0;
}

/*
 * A part of a message, or all of it. Never closes by what its callback returns: libwebsockets 4.1 would go on
 * reading into a buffer that it believes to be empty.
 */
static void received(struct ws_session *session, struct lws *wsi, const char *bytes, size_t length)
{
	const struct ws_api *api = session->engine->api;
	struct value whole;
	char text[48];

	if (session->received > session->options.received_max)
		return;
	session->received += length;
	if (session->received > session->options.received_max) {
		set_reason(session, "the messages exceed %s",
			   size_text((int64_t)session->options.received_max, text));
		end_soon(session);
		return;
	}
	buffer_add(&session->message, bytes, length);
	if (!api->lws_is_final_fragment(wsi) || api->lws_remaining_packet_payload(wsi) > 0)
		return;
	whole = buffer_finish(&session->message);
	session->options.received(session->options.context, value_text_peek(whole), value_length(whole));
	value_release(whole);
}

static void peer_closes(struct ws_session *session, const unsigned char *bytes, size_t length)
{
	if (length >= 2)
		session->code = bytes[0] << 8 | bytes[1];
	if (length > 2)
		set_reason(session, "%.*s", (int)(length - 2), bytes + 2);
}

/* Why there is no session, in words; libwebsockets has its own for the case. */
static void not_opened(struct ws_session *session, struct lws *wsi, const char *why, size_t length)
{
	session->status = (int)session->engine->api->lws_http_client_http_response(wsi);
	if (session->reason[0] != '\0')
		return;
	if (session->status != 0 && session->status != 101)
		set_reason(session, "the server answered %d%s", session->status,
			   session->status >= 300 && session->status < 400 ? "; redirects are not followed"
									   : "");
	else if (length > 4 && strncmp(why, "HS: ", 4) == 0)
		set_reason(session, "the server's answer is no WebSocket handshake: %.*s", (int)length - 4,
			   why + 4);
	else if (length > 11 && strncmp(why, "connect SSL", 11) == 0)
		set_reason(session, "TLS's handshake failed");
	else
		set_reason(session, "the server closed the connection during the handshake");
}

/* The certificate is refused where an error stays in `x509`. */
static void certificate_seen(struct ws_session *session, X509_STORE_CTX *x509)
{
	const struct tls_api *tls = session->engine->tls;

	if (session->options.insecure)
		tls->X509_STORE_CTX_set_error(x509, X509_V_OK);
	else
		set_reason(session, "the certificate is not trusted: %s",
			   tls->X509_verify_cert_error_string(tls->X509_STORE_CTX_get_error(x509)));
}

/* libwebsockets holds the connection no longer, and calls no more for it. */
static void wsi_gone(struct ws_session *session)
{
	session->wsi = NULL;
	session->held = false;
	if (!session->open && session->reason[0] == '\0') /* libwebsockets has said nothing: a reset, say */
		set_reason(session, "the server closed the connection during the handshake");
	if (session->forgotten)
		session_free(session);
	else
		end_soon(session);
}

static int session_callback(struct ws_session *session, struct lws *wsi, enum lws_callback_reasons reason,
			    void *in, size_t length)
{
	if (session->forgotten)
		return session->open ? 0 : -1;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
		return add_headers(session, in, length);
	case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
		session->status = 101;
		take_headers(session, wsi);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		not_opened(session, wsi, in == NULL ? "" : in, in == NULL ? 0 : length);
		return 0;
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		return opened(session, wsi);
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		return writable(session, wsi);
	case LWS_CALLBACK_CLIENT_RECEIVE:
		received(session, wsi, in, length);
		return 0;
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		peer_closes(session, in, length);
		return 0;
	default:
		return 0;
	}
}

/* `user` is a session of ours for some reasons only. */
static int ws_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	char error[200];

	switch (reason) {
	case LWS_CALLBACK_OPENSSL_PERFORM_SERVER_CERT_VERIFICATION:
		if (length == 0) /* OpenSSL has something against it */
			certificate_seen(ws_load(error, sizeof error)->lws_wsi_user(wsi), user);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		if (user != NULL)
			wsi_gone(user);
		return 0;
	case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
	case LWS_CALLBACK_CLIENT_FILTER_PRE_ESTABLISH:
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
	case LWS_CALLBACK_CLIENT_WRITEABLE:
	case LWS_CALLBACK_CLIENT_RECEIVE:
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		return session_callback(user, wsi, reason, in, length);
	default:
		return 0;
	}
}

static const struct lws_protocols ws_protocols[] = {
    {.name = "runplan", .callback = ws_callback, .rx_buffer_size = 64 * 1024},
    {.name = NULL},
};

/*
 * Not by what a callback returns, as libwebsockets has it: 4.1 on libuv would then cut the connection without
 * a close frame, and out of the callback for a message go on to read behind its buffer.
 */
static void close_begin(void *context)
{
	struct ws_session *session = context;
	const struct ws_api *api = session->engine->api;

	live_timer_stop(session->soon);
	session->soon = NULL;
	if (session->wsi == NULL)
		return;
	if (session->open)
		api->lws_close_reason(session->wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
	api->lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
}

/* ---- the engine ---- */

static void engine_start(struct engine *engine)
{
	void *loops[] = {live_loop(engine->live)};
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN,
	    .protocols = ws_protocols,
	    .gid = -1,
	    .uid = -1,
	    .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_LIBUV |
		       LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN |
		       LWS_SERVER_OPTION_JUST_USE_RAW_ORIGIN | LWS_SERVER_OPTION_VALIDATE_UTF8,
	    .foreign_loops = loops,
	    .fd_limit_per_thread = SESSIONS_MAX,
	    .max_http_header_data2 = HEADERS_MAX,
	    .max_http_header_pool2 = SESSIONS_MAX,
	    .pt_serv_buf_size = HEADERS_MAX,
	};

	engine->api->lws_set_log_level(0, NULL);
	engine->context = engine->api->lws_create_context(&info);
	if (engine->context == NULL)
		snprintf(engine->error, sizeof engine->error,
			 "libwebsockets cannot begin; is its plugin for libuv installed "
			 "(libwebsockets-evlib-uv)?");
}

static void *engine_make(struct live *live)
{
	struct engine *engine = memory_need(calloc(1, sizeof *engine));

	engine->live = live;
	engine->api = ws_load(engine->error, sizeof engine->error);
	engine->tls = engine->api == NULL ? NULL : tls_load(engine->error, sizeof engine->error);
	if (engine->tls != NULL)
		engine_start(engine);
	return engine;
}

static void turn_loop(struct engine *engine)
{
	for (int i = 0; i < CLOSE_TURNS; i++)
		uv_run(live_loop(engine->live), UV_RUN_NOWAIT);
}

static void engine_free(void *kept)
{
	struct engine *engine = kept;
	struct ws_session *session, *next;

	for (session = engine->sessions; session != NULL; session = next) {
		next = session->next;
		session->forgotten = true;
		if (session->soon != NULL)
			close_begin(session);
	}
	if (engine->context != NULL) {
		turn_loop(engine);
		engine->api->lws_context_destroy(engine->context);
		turn_loop(engine);
		engine->api->lws_context_destroy(engine->context);
	}
	while (engine->sessions != NULL)
		session_free(engine->sessions);
	while (engine->vhosts != NULL) {
		struct vhost *first = engine->vhosts;

		engine->vhosts = first->next;
		free(first->ca_file);
		free(first);
	}
	free(engine);
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* libwebsockets itself takes a file that holds none, and then trusts nobody. */
static bool ca_usable(const struct engine *engine, const char *ca_file)
{
	SSL_CTX *context = memory_need(engine->tls->SSL_CTX_new(engine->tls->TLS_client_method()));
	bool ok = engine->tls->SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1;

	engine->tls->SSL_CTX_free(context);
	engine->tls->ERR_clear_error();
	return ok;
}

/*
 * NULL: the file of authorities is none. The system's are read only for a session that wants them: it takes
 * the loop some 20 ms.
 */
static struct lws_vhost *vhost_of(struct engine *engine, bool tls, const char *ca_file)
{
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN,
	    .protocols = ws_protocols,
	    .vhost_name = ca_file != NULL ? ca_file
			  : tls		  ? "system"
					  : "plain",
	    .http_proxy_address =
		"", /* else the environment's would be taken, also on the way to this machine */
	    .client_ssl_ca_filepath = ca_file,
	    .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT |
		       (ca_file != NULL || !tls ? LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS : 0),
	};
	struct vhost *vhost = engine->vhosts;

	while (vhost != NULL && (vhost->tls != tls || !same_text(vhost->ca_file, ca_file)))
		vhost = vhost->next;
	if (vhost != NULL)
		return vhost->lws;
	if (ca_file != NULL && !ca_usable(engine, ca_file))
		return NULL;
	vhost = memory_need(calloc(1, sizeof *vhost));
	vhost->tls = tls;
	vhost->ca_file = ca_file == NULL ? NULL : memory_need(strdup(ca_file));
	vhost->lws = engine->api->lws_create_vhost(engine->context, &info);
	vhost->next = engine->vhosts;
	engine->vhosts = vhost;
	return vhost->lws;
}

/* ---- connecting ---- */

static bool is_tls(const struct url_parts *url)
{
	return strcmp(url->scheme, "wss") == 0;
}

static int port_of(const struct url_parts *url)
{
	return url->port != 0 ? url->port : is_tls(url) ? 443 : 80;
}

static void connect_begin(struct ws_session *session)
{
	const struct ws_options *options = &session->options;
	const struct url_parts *url = options->url;
	struct buffer path = {0};
	struct lws_client_connect_info info = {
	    .context = session->engine->context,
	    .vhost = vhost_of(session->engine, is_tls(url), is_tls(url) ? options->ca_file : NULL),
	    .address = session->address,
	    .port = port_of(url),
	    .host = session->host,
	    .origin = options->origin,
	    .protocol = options->protocols,
	    .local_protocol_name = ws_protocols[0].name,
	    .ietf_version_or_minus_one = -1,
	    .userdata = session,
	    .pwsi = &session->wsi,
	    .alpn = "http/1.1",
	    .ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT | (is_tls(url) ? LCCSCF_USE_SSL : 0) |
			      (options->insecure ? LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0),
	};

	if (info.vhost == NULL) {
		set_reason(session, "ca: no certificates can be read from %.200s", options->ca_file);
		end_soon(session);
		return;
	}
	buffer_printf(&path, "%s%s%s", url->path, url->query != NULL ? "?" : "",
		      url->query != NULL ? url->query : "");
	info.path = buffer_text(&path);
	session->held = true;
	session->engine->api->lws_client_connect_via_info(&info);
	buffer_free(&path);
}

static void probe_connected(void *context)
{
	struct ws_session *session = context;

	snprintf(session->address, sizeof session->address, "%s", stream_address(session->probe));
	stream_close(session->probe);
	session->probe = NULL;
	connect_begin(session);
}

static void probe_received(void *context, const char *bytes, size_t length)
{
	(void)context;
	(void)bytes;
	(void)length;
}

static void probe_ended(void *context, enum stream_end end, const char *reason)
{
	struct ws_session *session = context;

	(void)end;
	set_reason(session, "%s", reason);
	end_soon(session);
}

struct ws_session *ws_open(struct live *live, const struct ws_options *options, char *error, size_t size)
{
	struct engine *engine = live_keep(live, "ws", engine_make, engine_free);
	const struct url_parts *url = options->url;
	bool brackets = strchr(url->host, ':') != NULL;
	struct stream_options probe;
	struct ws_session *session;

	if (engine->context == NULL) {
		snprintf(error, size, "%s", engine->error);
		return NULL;
	}
	session = memory_need(calloc(1, sizeof *session));
	session->engine = engine;
	session->options = *options;
	session->headers = record_new(8);
	session->unsent_tail = &session->unsent;
	session->next = engine->sessions;
	if (engine->sessions != NULL)
		engine->sessions->previous = session;
	engine->sessions = session;
	snprintf(session->host, sizeof session->host, "%s%.255s%s", brackets ? "[" : "", url->host,
		 brackets ? "]" : "");
	if (url->port != 0)
		snprintf(session->host + strlen(session->host), 8, ":%d", url->port);
	probe = (struct stream_options){
	    .host = url->host,
	    .port = port_of(url),
	    .timeout_ns = options->timeout_ns,
	    .connected = probe_connected,
	    .received = probe_received,
	    .ended = probe_ended,
	    .context = session,
	};
	session->probe = stream_open(live, &probe);
	return session;
}

void ws_send(struct ws_session *session, const char *bytes, size_t length, bool binary)
{
	struct message *message = memory_need(calloc(1, sizeof *message + LWS_PRE + length));

	message->length = length;
	message->binary = binary;
	memcpy(message->bytes + LWS_PRE, bytes, length);
	*session->unsent_tail = message;
	session->unsent_tail = &message->next;
}

void ws_close(struct ws_session *session)
{
	if (session == NULL)
		return;
	session->forgotten = true;
	live_timer_stop(session->soon);
	session->soon = NULL;
	if (session->held)
		session->soon = live_timer_start(session->engine->live, 0, close_begin, session);
	else
		session_free(session);
}

const char *ws_missing(const struct ws_session *session)
{
	if (session->open)
		return NULL;
	return session->probe != NULL ? stream_missing(session->probe) : "no answer to the handshake";
}
