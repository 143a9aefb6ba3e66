/*
 * stream.c - one connection over TCP on the loop; see stream.h.
 *
 * Addresses are tried one after another. OpenSSL works on the socket itself, which does not block; what it
 * waits for is what the poll waits for.
 */
#include "builtins/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtins/resolve.h"
#include "interp/buffer.h"

enum state { RESOLVING, CONNECTING, HANDSHAKE, OPEN, ENDED };

struct stream {
	struct live *live;
	struct stream_options options; /* its texts are ours */
	enum state state;
	bool busy, closed; /* closed while a callback of ours is under way: freed behind it */
	struct resolving *resolving;
	struct sockaddr_storage addresses[RESOLVE_MAX];
	size_t count, next;
	char address[INET6_ADDRSTRLEN];
	int fd;
	struct live_poll *poll;
	struct live_timer *timer; /* for an address, or for an end that is due */
	enum stream_end end;
	char reason[400];
	const struct tls_api *tls;
	SSL_CTX *context;
	SSL *ssl;
	struct buffer unsent;
	size_t sent; /* of `unsent` */
};

static void timer_clear(struct stream *stream)
{
	live_timer_stop(stream->timer);
	stream->timer = NULL;
}

static void drop_socket(struct stream *stream)
{
	timer_clear(stream);
	live_poll_stop(stream->poll);
	stream->poll = NULL;
	if (stream->ssl != NULL)
		stream->tls->SSL_free(stream->ssl);
	stream->ssl = NULL;
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
}

static void stream_free(struct stream *stream)
{
	drop_socket(stream);
	if (stream->context != NULL)
		stream->tls->SSL_CTX_free(stream->context);
	free((void *)stream->options.host);
	free((void *)stream->options.server_name);
	free((void *)stream->options.ca_file);
	buffer_free(&stream->unsent);
	free(stream);
}

void stream_close(struct stream *stream)
{
	if (stream == NULL)
		return;
	resolve_forget(stream->resolving);
	stream->resolving = NULL;
	stream->closed = true;
	if (!stream->busy)
		stream_free(stream);
}

/* Around what may call back, and so close the stream, which is gone behind busy_end() then. */
static void busy_begin(struct stream *stream)
{
	stream->busy = true;
}

static void busy_end(struct stream *stream)
{
	stream->busy = false;
	if (stream->closed)
		stream_free(stream);
}

/* ---- ends ---- */

static void end_now(struct stream *stream)
{
	stream->state = ENDED;
	drop_socket(stream);
	if (!stream->closed)
		stream->options.ended(stream->options.context, stream->end, stream->reason);
}

static void __attribute__((format(printf, 3, 4)))
set_end(struct stream *stream, enum stream_end end, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	stream->end = end;
	vsnprintf(stream->reason, sizeof stream->reason, format, list);
	va_end(list);
}

static void end_by_errno(struct stream *stream, int code)
{
	switch (code) {
	case ECONNREFUSED:
		set_end(stream, STREAM_REFUSED, "connection refused");
		break;
	case ETIMEDOUT:
		set_end(stream, STREAM_SILENT, "no answer");
		break;
	case ECONNRESET:
	case EPIPE:
		set_end(stream, STREAM_LOST, "the connection was reset");
		break;
	default:
		set_end(stream, stream->state == OPEN ? STREAM_LOST : STREAM_UNREACHABLE, "%s",
			strerror(code));
	}
}

/* ---- TLS ---- */

/* The most telling word on why TLS does not come about: of the certificate, or of the protocol. */
static void end_by_tls(struct stream *stream, int ssl_error, int code)
{
	const struct tls_api *tls = stream->tls;
	long verdict = tls->SSL_get_verify_result(stream->ssl);
	unsigned long why;
	const char *reason;

	if (verdict != X509_V_OK && !stream->options.any_certificate) {
		set_end(stream, STREAM_TLS, "the certificate is not trusted: %s",
			tls->X509_verify_cert_error_string(verdict));
		return;
	}
	why = tls->ERR_peek_last_error();
	reason = tls->ERR_reason_error_string(why);
	if (ssl_error == SSL_ERROR_SSL && ERR_GET_REASON(why) != SSL_R_UNEXPECTED_EOF_WHILE_READING)
		set_end(stream, stream->state == OPEN ? STREAM_LOST : STREAM_TLS, "TLS: %s",
			reason != NULL ? reason : "no reason is known");
	else if (ssl_error == SSL_ERROR_SYSCALL && code != 0)
		end_by_errno(stream, code);
	else if (stream->state == OPEN)
		set_end(stream, STREAM_CLOSED, "the server closed the connection");
	else
		set_end(stream, STREAM_TLS, "the server closed the connection during TLS's handshake");
}

/* 1: done; 0: to be tried again when the poll says so; -1: `end` is set. */
static int tls_status(struct stream *stream, int returned)
{
	int code = errno, error;

	if (returned > 0)
		return 1;
	error = stream->tls->SSL_get_error(stream->ssl, returned);
	if (error == SSL_ERROR_WANT_READ)
		return 0;
	if (error == SSL_ERROR_WANT_WRITE) {
		live_poll_change(stream->poll, UV_READABLE | UV_WRITABLE);
		return 0;
	}
	end_by_tls(stream, error, code);
	return -1;
}

static bool tls_prepare(struct stream *stream)
{
	const struct stream_options *options = &stream->options;
	char error[200];

	stream->tls = tls_load(error, sizeof error);
	if (stream->tls == NULL) {
		set_end(stream, STREAM_TLS, "TLS is needed: %s", error);
		return false;
	}
	stream->context = memory_need(stream->tls->SSL_CTX_new(stream->tls->TLS_client_method()));
	stream->tls->SSL_CTX_set_verify(stream->context,
					options->any_certificate ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (options->ca_file == NULL) {
		stream->tls->SSL_CTX_set_default_verify_paths(stream->context);
	} else if (stream->tls->SSL_CTX_load_verify_locations(stream->context, options->ca_file, NULL) != 1) {
		set_end(stream, STREAM_TLS, "ca: no certificates can be read from %.200s", options->ca_file);
		return false;
	}
	return true;
}

static bool is_address(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static void tls_begin(struct stream *stream)
{
	const struct tls_api *tls = stream->tls;
	const char *name =
	    stream->options.server_name != NULL ? stream->options.server_name : stream->options.host;

	stream->state = HANDSHAKE;
	stream->ssl = memory_need(tls->SSL_new(stream->context));
	if (is_address(name)) {
		tls->X509_VERIFY_PARAM_set1_ip_asc(tls->SSL_get0_param(stream->ssl), name);
	} else {
		tls->SSL_set1_host(stream->ssl, name);
		tls->SSL_ctrl(stream->ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
			      (void *)name);
	}
	/* What is unsent may grow, and so move, between two tries. */
	tls->SSL_ctrl(stream->ssl, SSL_CTRL_MODE,
		      SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER, NULL);
	tls->SSL_set_fd(stream->ssl, stream->fd);
}

/* ---- open ---- */

static void opened(struct stream *stream)
{
	stream->state = OPEN;
	timer_clear(stream);
	live_poll_change(stream->poll, UV_READABLE);
	stream->options.connected(stream->options.context);
}

static void handshake(struct stream *stream)
{
	int status;

	stream->tls->ERR_clear_error();
	live_poll_change(stream->poll, UV_READABLE);
	status = tls_status(stream, stream->tls->SSL_connect(stream->ssl));
	if (status > 0)
		opened(stream);
	else if (status < 0)
		end_now(stream);
}

/* As tls_status(), *count being what went over. */
static int transfer_tls(struct stream *stream, void *bytes, size_t size, bool out, size_t *count)
{
	int returned;

	stream->tls->ERR_clear_error();
	errno = 0;
	size = size > INT32_MAX ? INT32_MAX : size;
	returned = out ? stream->tls->SSL_write(stream->ssl, bytes, (int)size)
		       : stream->tls->SSL_read(stream->ssl, bytes, (int)size);
	*count = returned > 0 ? (size_t)returned : 0;
	return tls_status(stream, returned);
}

static int transfer(struct stream *stream, void *bytes, size_t size, bool out, size_t *count)
{
	ssize_t returned;

	if (stream->ssl != NULL)
		return transfer_tls(stream, bytes, size, out, count);
	do
		returned =
		    out ? send(stream->fd, bytes, size, MSG_NOSIGNAL) : recv(stream->fd, bytes, size, 0);
	while (returned < 0 && errno == EINTR);
	*count = returned > 0 ? (size_t)returned : 0;
	if (returned > 0)
		return 1;
	if (returned < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (returned == 0)
		set_end(stream, STREAM_CLOSED, "the server closed the connection");
	else
		end_by_errno(stream, errno);
	return -1;
}

/* An error of sending is left to the next read: what the server said before it hung up is still to be had. */
static void flush(struct stream *stream)
{
	int status = 1;

	while (status > 0 && stream->sent < stream->unsent.length) {
		size_t count;

		status = transfer(stream, (char *)buffer_text(&stream->unsent) + stream->sent,
				  stream->unsent.length - stream->sent, true, &count);
		stream->sent += count;
	}
	if (status != 0) {
		buffer_free(&stream->unsent);
		stream->sent = 0;
	}
	live_poll_change(stream->poll, status == 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

/* A bounded number of pieces, so that one that never stops sending starves nobody. */
static void receive(struct stream *stream)
{
	char bytes[16 * 1024];

	for (int i = 0; i < 16 && !stream->closed; i++) {
		size_t count;
		int status = transfer(stream, bytes, sizeof bytes, false, &count);

		if (status < 0)
			end_now(stream);
		if (status <= 0)
			return;
		stream->options.received(stream->options.context, bytes, count);
	}
	/* TLS may have decrypted more than was taken, which no poll would tell. */
	if (!stream->closed && stream->ssl != NULL)
		live_poll_change(stream->poll, UV_READABLE | UV_WRITABLE);
}

/* ---- connecting ---- */

static void connect_next(struct stream *stream);

static void try_next(struct stream *stream)
{
	drop_socket(stream);
	if (stream->next < stream->count)
		connect_next(stream);
	else
		end_now(stream);
}

static void connect_ready(struct stream *stream)
{
	int code = 0;
	socklen_t length = sizeof code;

	if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &code, &length) != 0)
		code = errno;
	if (code != 0) {
		end_by_errno(stream, code);
		try_next(stream);
		return;
	}
	timer_clear(stream);
	if (!stream->options.tls) {
		opened(stream);
		return;
	}
	tls_begin(stream);
	handshake(stream);
}

static void poll_ready(void *context, int events)
{
	struct stream *stream = context;

	(void)events;
	busy_begin(stream);
	if (stream->state == CONNECTING) {
		connect_ready(stream);
	} else if (stream->state == HANDSHAKE) {
		handshake(stream);
	} else if (stream->state == OPEN) {
		flush(stream);
		receive(stream);
	}
	busy_end(stream);
}

static void address_silent(void *context)
{
	struct stream *stream = context;

	busy_begin(stream);
	set_end(stream, STREAM_SILENT, "no answer");
	try_next(stream);
	busy_end(stream);
}

/* A socket on its way to the next address; false with `end` set. */
static bool connect_begin(struct stream *stream, const struct sockaddr_storage *address)
{
	socklen_t length =
	    address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	int on = 1;

	stream->fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream->fd < 0) {
		end_by_errno(stream, errno);
		return false;
	}
	setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(stream->fd, (const struct sockaddr *)address, length) != 0 && errno != EINPROGRESS) {
		end_by_errno(stream, errno);
		return false;
	}
	stream->poll = live_poll_start(stream->live, stream->fd, UV_WRITABLE, poll_ready, stream);
	if (stream->poll == NULL)
		set_end(stream, STREAM_UNREACHABLE, "the socket cannot be watched");
	return stream->poll != NULL;
}

static void connect_next(struct stream *stream)
{
	struct sockaddr_storage *address = &stream->addresses[stream->next];
	int64_t share = stream->options.timeout_ns / (int64_t)stream->count;
	bool more = ++stream->next < stream->count;

	stream->state = CONNECTING;
	resolve_text(address, stream->address);
	if (address->ss_family == AF_INET)
		((struct sockaddr_in *)address)->sin_port = htons((uint16_t)stream->options.port);
	else
		((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)stream->options.port);
	if (!connect_begin(stream, address))
		try_next(stream);
	else if (more && share > 0)
		stream->timer = live_timer_start(stream->live, share, address_silent, stream);
}

static void addresses_known(void *context, const struct resolved *resolved)
{
	struct stream *stream = context;

	stream->resolving = NULL;
	busy_begin(stream);
	if (resolved->error != NULL) {
		set_end(stream, STREAM_UNKNOWN_HOST, "%s", resolved->error);
		end_now(stream);
	} else {
		stream->count = resolved->count;
		memcpy(stream->addresses, resolved->addresses, resolved->count * sizeof *resolved->addresses);
		set_end(stream, STREAM_UNKNOWN_HOST, "the host has no address");
		try_next(stream);
	}
	busy_end(stream);
}

static void end_due(void *context)
{
	struct stream *stream = context;

	busy_begin(stream);
	end_now(stream);
	busy_end(stream);
}

static const char *copied(const char *text)
{
	return text == NULL ? NULL : memory_need(strdup(text));
}

struct stream *stream_open(struct live *live, const struct stream_options *options)
{
	struct stream *stream = memory_need(calloc(1, sizeof *stream));

	stream->live = live;
	stream->fd = -1;
	stream->options = *options;
	stream->options.host = copied(options->host);
	stream->options.server_name = copied(options->server_name);
	stream->options.ca_file = copied(options->ca_file);
	if (options->tls && !tls_prepare(stream))
		stream->timer = live_timer_start(live, 0, end_due, stream);
	else
		stream->resolving = resolve_start(live, options->host, addresses_known, stream);
	return stream;
}

void stream_send(struct stream *stream, const char *bytes, size_t length)
{
	if (stream->state != OPEN)
		return;
	buffer_add(&stream->unsent, bytes, length);
	live_poll_change(stream->poll, UV_READABLE | UV_WRITABLE);
}

const char *stream_end_name(enum stream_end end)
{
	static const char *const names[] = {
	    [STREAM_UNKNOWN_HOST] = "unknown host",
	    [STREAM_REFUSED] = "refused",
	    [STREAM_UNREACHABLE] = "unreachable",
	    [STREAM_SILENT] = "no answer",
	    [STREAM_TLS] = "tls",
	    [STREAM_LOST] = "reset",
	    [STREAM_CLOSED] = "closed",
	};

	return names[end];
}

const char *stream_missing(const struct stream *stream)
{
	return stream->state == RESOLVING    ? "no address of the host"
	       : stream->state == CONNECTING ? "no connection"
					     : "no answer to TLS's handshake";
}

const char *stream_address(struct stream *stream)
{
	return stream->address;
}

SSL *stream_tls(struct stream *stream)
{
	return stream->ssl;
}
