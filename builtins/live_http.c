/*
 * live_http.c - HTTP transfers: curl's multi socket interface on the driver's loop.
 *
 * One multi handle serves the run, so connections are kept and shared. curl says which sockets to watch and
 * when to wake it; everything it has to tell is fetched after it returned, so on_done always runs outside of
 * curl. Only its write, header and read callbacks run inside, and what they lead to (a cancel, another start)
 * is deferred. Any other start goes on at once: over a kept connection the request is on its way when
 * http_start() returns.
 *
 * A request that must not be sent twice (POST, PATCH and unknown methods, unless its options say that it
 * repeats) always gets a connection of its own: on a kept one that the server has just closed, curl would
 * silently send it again.
 */
#include "builtins/live.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/lazy.h"
#include "builtins/live_inside.h"
#include "interp/buffer.h"

#define HTTP_CONNECT_TIMEOUT_NS (10 * NS_PER_S)
#define HTTP_REDIRECTS_MAX	5L
/* curl bounds one header line (100 KB) but not their number. */
#define HTTP_HEADERS_MAX (256 * 1024)
/* Connections that stay open between requests; the bound of http.all and a few more. */
#define HTTP_CONNECTIONS_KEPT 80L
/*
 * How long a signed upload waits to be told whether its body is wanted. A refusal then comes before the body
 * goes out; a server that knows no "100 Continue" costs this much once.
 */
#define HTTP_EXPECT_MS 250L
/* Handles of curl's that ended transfers leave to the next ones: making one costs as much as a request. */
#define HTTP_HANDLES_KEPT 80
/* Requests that stay prepared, the latest: what is polled is asked for again and again. */
#define HTTP_REQUESTS_KEPT     64
#define HTTP_REQUESTS_SEARCHED 16 /* the latest of them, for one of the same URL */

struct http_engine {
	struct live *live;
	const struct curl_api *curl;
	CURLM *multi;
	uv_timer_t timer;
	bool proxies; /* the environment names one */
	bool inside;  /* curl is at work, and must not be called from what it calls */
	int begun;    /* transfers that have a handle of curl's */
	struct live_deferred collect;
	CURL *handles[HTTP_HANDLES_KEPT];
	size_t handle_count;
	struct http_request *requests[HTTP_REQUESTS_KEPT]; /* not in use now */
	size_t request_count;
	struct http_socket **sockets; /* by descriptor; NULL: not watched */
	size_t socket_room;
	struct http_certificate *certificates;
};

/* The certificate of a server, as seen when a connection to it was made last. */
struct http_certificate {
	struct http_certificate *next;
	char *origin; /* "host:port" */
	int64_t expires;
};

/*
 * A socket that curl wants watched, or wanted: between two requests a kept connection stays watched for
 * reading, as the next request begins with that again. `ours` are those that socket_open() made, which
 * socket_close() ends; curl makes others for itself and does not tell when it closes them, nor when it closes
 * one of ours that is still connecting.
 */
struct http_socket {
	struct http_engine *engine;
	uv_poll_t handle;
	curl_socket_t fd;
	int events; /* watched for; 0: not active */
	bool wanted, ours;
};

/*
 * A request and the handle of curl's that is set up for it. An answered GET leaves it to the next one that
 * asks for the very same: then neither options are set nor a URL is taken apart.
 */
struct http_request {
	struct http_options
	    options; /* strings in it are copies of ours; without the body and the callbacks */
	CURL *easy;  /* NULL until it has begun */
	CURLU *url;  /* from the second time on */
	struct curl_slist *headers;
	bool elsewhere; /* its URL is another than the last time: that is all that is new */
};

struct http_transfer {
	struct live *live;
	struct http_transfer *next, *previous; /* in engine order, or NULL */
	struct live_deferred step;	       /* begins it, or ends it after a cancel */
	struct http_request *request;	       /* NULL once it has ended */
	CURL *easy;			       /* the request's; NULL until it has begun */
	struct http_options options;	       /* strings in it are the request's, but the body */
	uint64_t began;
	off_t body_start; /* in options.body_fd */

	struct value answer_headers;
	size_t header_bytes;
	char *body;
	size_t length, room;
	int status;   /* of the header block read last */
	bool in_body; /* header lines that come now are trailers */
	bool cancelled, failed, finished, too_long, stopped, headers_too_long;
	char detail[CURL_ERROR_SIZE];
	char error[CURL_ERROR_SIZE + 400];
};

/* ---- what went wrong, in words ---- */

/* The URL asked last: after redirects another one than the transfer began with. */
static const char *effective_url(const struct http_transfer *transfer)
{
	char *url = NULL;

	if (transfer->easy != NULL)
		transfer->live->http->curl->easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url);
	return url != NULL ? url : transfer->options.url;
}

/* "host:port" of the URL asked last, never user or password; "?" where it is none. */
static void origin_text(const struct http_transfer *transfer, char *text, size_t size)
{
	const struct curl_api *curl = transfer->live->http->curl;
	char *host = NULL, *port = NULL;
	CURLU *url = curl->url();

	snprintf(text, size, "?");
	if (url != NULL && curl->url_set(url, CURLUPART_URL, effective_url(transfer), 0) == CURLUE_OK &&
	    curl->url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl->url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
		snprintf(text, size, "%s:%s", host, port);
	curl->free(host);
	curl->free(port);
	curl->url_cleanup(url);
}

/* Where the request went, as a message may tell it. */
static void target_text(const struct http_transfer *transfer, char *text, size_t size)
{
	if (transfer->options.secret_url)
		snprintf(text, size, "***");
	else if (transfer->options.unix_socket != NULL)
		snprintf(text, size, "%s", transfer->options.unix_socket);
	else
		origin_text(transfer, text, size);
}

/* curl's own words: those of this transfer, or where they could tell a secret those for all of their kind. */
static const char *detail_text(const struct http_transfer *transfer, CURLcode code)
{
	if (transfer->options.secret_url || transfer->detail[0] == '\0')
		return transfer->live->http->curl->easy_strerror(code);
	return transfer->detail;
}

static void say_no_connection(struct http_transfer *transfer, const char *target)
{
	long code = 0;

	transfer->live->http->curl->easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &code);
	switch (code) {
	case ECONNREFUSED:
		snprintf(transfer->error, sizeof transfer->error, "connection refused (%s)", target);
		break;
	case ENOENT:
		snprintf(transfer->error, sizeof transfer->error, "there is no socket %s", target);
		break;
	case 0:
		snprintf(transfer->error, sizeof transfer->error, "cannot connect to %s: %s", target,
			 detail_text(transfer, CURLE_COULDNT_CONNECT));
		break;
	default:
		snprintf(transfer->error, sizeof transfer->error, "cannot connect to %s: %s", target,
			 strerror((int)code));
	}
}

static bool request_sent(const struct http_transfer *transfer)
{
	long bytes = 0;

	transfer->live->http->curl->easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes);
	return bytes > 0;
}

/* Of a transfer that timed out: not because all of its time was over. */
static bool has_stalled(const struct http_transfer *transfer)
{
	return transfer->options.stall_ns > 0 &&
	       (transfer->options.timeout_ns <= 0 ||
		(int64_t)(uv_hrtime() - transfer->began) < transfer->options.timeout_ns);
}

static void say_timed_out(struct http_transfer *transfer, const char *target)
{
	int64_t whole = transfer->options.timeout_ns, connect = transfer->options.connect_timeout_ns;
	char text[48];

	if (request_sent(transfer) && has_stalled(transfer))
		snprintf(transfer->error, sizeof transfer->error, "nothing came or went for %s (%s)",
			 duration_text(transfer->options.stall_ns, text), target);
	else if (request_sent(transfer))
		snprintf(transfer->error, sizeof transfer->error, "timed out after %s (%s)",
			 duration_text(whole, text), target);
	else
		snprintf(transfer->error, sizeof transfer->error, "no connection to %s within %s", target,
			 duration_text(whole > 0 && whole < connect ? whole : connect, text));
}

static size_t body_limit(const struct http_transfer *transfer)
{
	return transfer->options.body_max != 0 ? transfer->options.body_max : LIVE_BODY_MAX;
}

static void say_failed(struct http_transfer *transfer, CURLcode code)
{
	const char *detail = detail_text(transfer, code);
	char *error = transfer->error, target[300];
	size_t room = sizeof transfer->error;

	target_text(transfer, target, sizeof target);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		say_no_connection(transfer, target);
		break;
	case CURLE_OPERATION_TIMEDOUT:
		say_timed_out(transfer, target);
		break;
	case CURLE_COULDNT_RESOLVE_HOST:
		snprintf(error, room, "the name of the host cannot be resolved (%s)", target);
		break;
	case CURLE_PARTIAL_FILE:
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
		snprintf(error, room, "the connection ended before the whole answer came (%s): %s", target,
			 detail);
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		snprintf(error, room, "the certificate of %s is not accepted: %s", target, detail);
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		/* curl has this code for an answer without a status line, too. */
		if (strstr(detail, "HTTP/0.9") != NULL)
			snprintf(error, room, "the answer is not HTTP (%s)", target);
		else
			snprintf(error, room, "not an http or https URL: %s", detail);
		break;
	case CURLE_TOO_MANY_REDIRECTS:
		snprintf(error, room, "more than %ld redirects", HTTP_REDIRECTS_MAX);
		break;
	default:
		snprintf(error, room, "%s (%s)", detail, target);
	}
}

/* One line for the operator about a transfer that curl ended with `code`. */
static const char *error_text(struct http_transfer *transfer, CURLcode code)
{
	char *error = transfer->error, size[48];
	size_t room = sizeof transfer->error;

	if (transfer->cancelled)
		snprintf(error, room, "cancelled");
	else if (transfer->too_long)
		snprintf(error, room, "the body exceeds %s", size_text((int64_t)body_limit(transfer), size));
	else if (transfer->headers_too_long)
		snprintf(error, room, "the answer's headers exceed %s", size_text(HTTP_HEADERS_MAX, size));
	else if (transfer->stopped)
		snprintf(error, room, "the answer was not read to its end");
	else
		say_failed(transfer, code);
	return error;
}

/* ---- the answer as it arrives ---- */

static bool body_add(struct http_transfer *transfer, const char *bytes, size_t length)
{
	if (length > body_limit(transfer) - transfer->length) {
		transfer->too_long = true;
		return false;
	}
	if (transfer->length + length + 1 > transfer->room) {
		size_t room = transfer->room * 2 + length + 1;

		transfer->body = memory_need(realloc(transfer->body, room));
		transfer->room = room;
	}
	memcpy(transfer->body + transfer->length, bytes, length);
	transfer->length += length;
	transfer->body[transfer->length] = '\0';
	return true;
}

/* curl's write callback: any answer but `length` stops the transfer. */
static size_t body_came(char *bytes, size_t one, size_t length, void *context)
{
	struct http_transfer *transfer = context;

	(void)one;
	transfer->in_body = true;
	if (transfer->cancelled)
		return 0;
	if (transfer->options.on_data == NULL || transfer->status / 100 != 2)
		return body_add(transfer, bytes, length) ? length : 0;
	if (transfer->options.on_data(transfer->options.context, bytes, length))
		return length;
	transfer->stopped = true;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Sets the header, or appends to one of the same name. */
static void header_add(struct http_transfer *transfer, const char *name, size_t name_length, const char *text,
		       size_t length)
{
	char *lower = memory_need(strndup(name, name_length));
	struct value old, joined;

	for (size_t i = 0; i < name_length; i++)
		if (lower[i] >= 'A' && lower[i] <= 'Z')
			lower[i] = (char)(lower[i] - 'A' + 'a');
	old = record_peek(transfer->answer_headers, lower);
	if (old.tag == VALUE_STRING)
		joined = value_string_printf("%s, %.*s", value_text_peek(old), (int)length, text);
	else
		joined = value_string_n(text, length);
	record_set(&transfer->answer_headers, lower, joined);
	free(lower);
}

/* Begins a new header block: of an interim answer, a redirect, or the answer itself. */
static void status_line(struct http_transfer *transfer, const char *line, size_t length)
{
	const char *space = memchr(line, ' ', length);

	value_clear(&transfer->answer_headers);
	transfer->answer_headers = record_new(8);
	transfer->status = space != NULL && line + length - space > 3 ? atoi(space + 1) : 0;
	transfer->in_body = false;
}

/* curl's header callback: one line at a time, not terminated. */
static size_t header_came(char *line, size_t one, size_t length, void *context)
{
	struct http_transfer *transfer = context;
	const char *colon, *text, *end = line + length;

	(void)one;
	transfer->header_bytes += length;
	if (transfer->header_bytes > HTTP_HEADERS_MAX) {
		transfer->headers_too_long = true;
		return 0;
	}
	if (length >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		status_line(transfer, line, length);
		return length;
	}
	if (transfer->in_body || transfer->options.no_headers)
		return length;
	colon = memchr(line, ':', length);
	if (colon == NULL)
		return length;
	for (text = colon + 1; text < end && is_blank(*text); text++)
		;
	while (end > text && is_blank(end[-1]))
		end--;
	header_add(transfer, line, (size_t)(colon - line), text, (size_t)(end - text));
	return length;
}

/* curl's read callback: the body of a request from its file. */
static size_t body_wanted(char *buffer, size_t one, size_t room, void *context)
{
	struct http_transfer *transfer = context;
	ssize_t got;

	do
		got = read(transfer->options.body_fd, buffer, one * room);
	while (got < 0 && errno == EINTR);
	return got < 0 ? CURL_READFUNC_ABORT : (size_t)got;
}

/* curl sends the request once more, on another connection: the kept one was closed by the server meanwhile.
 */
static int body_again(void *context, curl_off_t offset, int origin)
{
	const struct http_transfer *transfer = context;

	return lseek(transfer->options.body_fd, transfer->body_start + offset, origin) < 0
		   ? CURL_SEEKFUNC_FAIL
		   : CURL_SEEKFUNC_OK;
}

/* What curl saw of the certificate while it connected for this transfer; 0: nothing. */
static int64_t certificate_seen(const struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	struct curl_certinfo *info = NULL;
	static const char key[] = "Expire date:";

	if (curl->easy_getinfo(transfer->easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL ||
	    info->num_of_certs < 1)
		return 0;
	for (const struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next)
		if (strncmp(line->data, key, sizeof key - 1) == 0) {
			time_t expires = curl->getdate(line->data + sizeof key - 1, NULL);

			return expires < 0 ? 0 : (int64_t)expires;
		}
	return 0;
}

/*
 * When the server's certificate expires; 0: no TLS. Over a kept connection curl tells nothing, so what was
 * seen of each server last is remembered.
 */
static int64_t certificate_expiry(const struct http_transfer *transfer)
{
	struct http_engine *engine = transfer->live->http;
	int64_t seen = certificate_seen(transfer);
	struct http_certificate *known;
	char origin[300];

	if (strncasecmp(effective_url(transfer), "https:", 6) != 0)
		return 0;
	origin_text(transfer, origin, sizeof origin);
	for (known = engine->certificates; known != NULL; known = known->next)
		if (strcmp(known->origin, origin) == 0)
			break;
	if (known == NULL && seen != 0) {
		known = live_alloc(sizeof *known);
		known->origin = live_strdup(origin);
		known->next = engine->certificates;
		engine->certificates = known;
	}
	if (known != NULL && seen != 0)
		known->expires = seen;
	return known == NULL ? 0 : known->expires;
}

/* ---- the end of a transfer ---- */

static void transfer_free(struct http_transfer *transfer)
{
	if (transfer->options.body_fd > 0)
		close(transfer->options.body_fd);
	free((void *)transfer->options.body);
	value_release(transfer->answer_headers);
	free(transfer->body);
	free(transfer);
}

static void transfer_unlink(struct http_transfer *transfer)
{
	struct live *live = transfer->live;

	live_forget(live, &transfer->step);
	if (transfer->previous != NULL)
		transfer->previous->next = transfer->next;
	else
		live->transfers = transfer->next;
	if (transfer->next != NULL)
		transfer->next->previous = transfer->previous;
}

/* ---- requests and their handles ---- */

static CURL *easy_take(struct http_engine *engine)
{
	if (engine->handle_count > 0)
		return engine->handles[--engine->handle_count];
	return memory_need(engine->curl->easy_init());
}

/* Nothing of the transfer stays in the handle; connections belong to the multi handle. */
static void easy_give_back(struct http_engine *engine, CURL *easy)
{
	engine->curl->easy_reset(easy);
	if (engine->handle_count == HTTP_HANDLES_KEPT)
		engine->curl->easy_cleanup(easy);
	else
		engine->handles[engine->handle_count++] = easy;
}

static const char *const *headers_copy(const char *const *headers)
{
	size_t count = 0;
	char **copy;

	while (headers != NULL && headers[count] != NULL)
		count++;
	copy = live_alloc((count + 1) * sizeof *copy);
	for (size_t i = 0; i < count; i++)
		copy[i] = live_strdup(headers[i]);
	return (const char *const *)copy;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool same_headers(const char *const *a, const char *const *b)
{
	size_t i = 0;

	while (a != NULL && a[i] != NULL && b != NULL && b[i] != NULL && strcmp(a[i], b[i]) == 0)
		i++;
	return (a == NULL || a[i] == NULL) && (b == NULL || b[i] == NULL);
}

/* Of all that request_new() copies and the handle is set up by, but for the URL. */
static bool same_but_url(const struct http_options *a, const struct http_options *b)
{
	return same_text(a->unix_socket, b->unix_socket) && same_headers(a->headers, b->headers) &&
	       a->timeout_ns == b->timeout_ns && a->connect_timeout_ns == b->connect_timeout_ns &&
	       a->follow == b->follow && a->insecure == b->insecure && same_text(a->ca_file, b->ca_file) &&
	       same_text(a->cert_file, b->cert_file) && same_text(a->key_file, b->key_file) &&
	       same_text(a->user_password, b->user_password);
}

/* Bytes of scheme, user, host and port; 0: it does not begin with them. */
static size_t origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	return host == NULL ? 0 : (size_t)(host + 3 - url) + strcspn(host + 3, "/?#\\");
}

static bool same_origin(const char *a, const char *b)
{
	size_t length = origin_length(a);

	return length > 0 && origin_length(b) == length && memcmp(a, b, length) == 0;
}

/* May it stay prepared? A GET is set up by its request alone; a signature is made anew for each. */
static bool is_plain_get(const struct http_options *options)
{
	return options->sigv4 == NULL && options->stall_ns == 0 &&
	       (options->method == NULL || strcmp(options->method, "GET") == 0) && options->body == NULL &&
	       options->body_fd <= 0;
}

static struct http_request *request_new(const struct http_options *options)
{
	struct http_request *request = live_alloc(sizeof *request);

	request->options = (struct http_options){
	    .method = live_strdup(options->method == NULL ? "GET" : options->method),
	    .url = live_strdup(options->url),
	    .unix_socket = live_strdup(options->unix_socket),
	    .headers = headers_copy(options->headers),
	    .timeout_ns = options->timeout_ns,
	    .connect_timeout_ns = options->connect_timeout_ns,
	    .follow = options->follow,
	    .insecure = options->insecure,
	    .ca_file = live_strdup(options->ca_file),
	    .cert_file = live_strdup(options->cert_file),
	    .key_file = live_strdup(options->key_file),
	    .user_password = live_strdup(options->user_password),
	    .sigv4 = live_strdup(options->sigv4),
	    .sigv4_key = live_strdup(options->sigv4_key),
	    .sigv4_secret = live_strdup(options->sigv4_secret),
	};
	return request;
}

/* The engine may be NULL where it was never begun. */
static void request_free(struct http_engine *engine, struct http_request *request)
{
	const struct http_options *options = &request->options;

	if (request->easy != NULL) {
		easy_give_back(engine, request->easy);
		engine->curl->url_cleanup(request->url);
		engine->curl->slist_free_all(request->headers);
	}
	free((void *)options->method);
	free((void *)options->url);
	free((void *)options->unix_socket);
	free((void *)options->ca_file);
	free((void *)options->cert_file);
	free((void *)options->key_file);
	free((void *)options->user_password);
	free((void *)options->sigv4);
	free((void *)options->sigv4_key);
	free((void *)options->sigv4_secret);
	for (size_t i = 0; options->headers[i] != NULL; i++)
		free((void *)options->headers[i]);
	free((void *)options->headers);
	free(request);
}

/* The handle of a request to the same server is prepared but for the URL. */
static struct http_request *request_elsewhere(struct http_engine *engine, struct http_request *request,
					      const char *url)
{
	engine->curl->easy_setopt(request->easy, CURLOPT_CURLU, NULL);
	engine->curl->url_cleanup(request->url);
	request->url = NULL;
	free((void *)request->options.url);
	request->options.url = live_strdup(url);
	engine->curl->easy_setopt(request->easy, CURLOPT_URL, url);
	request->elsewhere = true;
	return request;
}

/* Of those kept, the latest for which that holds; NULL: none. It is taken out. */
static struct http_request *request_find(struct http_engine *engine, const struct http_options *options,
					 bool (*alike)(const char *a, const char *b), size_t among)
{
	size_t end = engine->request_count > among ? engine->request_count - among : 0;

	for (size_t i = engine->request_count; i-- > end;) {
		struct http_request *request = engine->requests[i];

		if (!alike(request->options.url, options->url) || !same_but_url(&request->options, options))
			continue;
		engine->requests[i] = engine->requests[--engine->request_count];
		return request;
	}
	return NULL;
}

/* A prepared one, else a new one. */
static struct http_request *request_take(struct http_engine *engine, const struct http_options *options)
{
	struct http_request *request = NULL;

	if (engine == NULL || !is_plain_get(options))
		return request_new(options);
	request = request_find(engine, options, same_text, HTTP_REQUESTS_SEARCHED);
	if (request != NULL)
		return request;
	request = request_find(engine, options, same_origin, HTTP_REQUESTS_KEPT);
	return request != NULL ? request_elsewhere(engine, request, options->url) : request_new(options);
}

static void request_keep(struct http_engine *engine, struct http_request *request)
{
	if (engine->request_count == HTTP_REQUESTS_KEPT) {
		request_free(engine, engine->requests[0]);
		memmove(engine->requests, engine->requests + 1,
			(HTTP_REQUESTS_KEPT - 1) * sizeof *engine->requests);
		engine->request_count--;
	}
	engine->requests[engine->request_count++] = request;
}

/* Takes the transfer away from curl, whatever state it is in; what was answered stays prepared. */
static void transfer_release(struct http_transfer *transfer, bool answered)
{
	struct http_engine *engine = transfer->live->http;
	struct http_request *request = transfer->request;

	if (transfer->easy != NULL) {
		engine->curl->multi_remove_handle(engine->multi, transfer->easy);
		engine->begun--;
	}
	transfer->easy = NULL;
	transfer->request = NULL;
	if (answered && is_plain_get(&transfer->options))
		request_keep(engine, request);
	else
		request_free(engine, request);
}

static void transfer_finish(struct http_transfer *transfer, CURLcode code)
{
	struct http_result result = {.ok = code == CURLE_OK && !transfer->cancelled,
				     .cancelled = transfer->cancelled,
				     .timed_out = code == CURLE_OPERATION_TIMEDOUT && !transfer->cancelled,
				     .status = transfer->status,
				     .headers = transfer->answer_headers,
				     .body = transfer->body == NULL ? "" : transfer->body,
				     .body_length = transfer->length,
				     .elapsed_ns = (int64_t)(uv_hrtime() - transfer->began)};
	char *url = live_strdup(effective_url(transfer));

	transfer->finished = true;
	transfer_unlink(transfer);
	if (transfer->easy != NULL && !transfer->failed) {
		result.sent = request_sent(transfer);
		result.certificate_expires = certificate_expiry(transfer);
		if (!result.ok)
			result.error = error_text(transfer, code);
	} else if (!result.ok) {
		result.error = transfer->cancelled ? "cancelled" : transfer->error;
	}
	transfer_release(transfer, result.ok);
	result.url = url;
	transfer->options.on_done(transfer->options.context, &result);
	free(url);
	transfer_free(transfer);
}

/* Fetches what curl has finished. on_done may start transfers meanwhile. */
static void engine_collect(void *context)
{
	struct http_engine *engine = context;
	CURLMsg *message;
	int left;

	while ((message = engine->curl->multi_info_read(engine->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		char *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		engine->curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		transfer_finish((struct http_transfer *)transfer, code);
	}
}

/* ---- curl on the loop ---- */

/* True when transfers have ended. */
static bool engine_push(struct http_engine *engine, curl_socket_t fd, int events)
{
	int running = 0;

	engine->inside = true;
	engine->curl->multi_socket_action(engine->multi, fd, events, &running);
	engine->inside = false;
	return running < engine->begun;
}

static void engine_act(struct http_engine *engine, curl_socket_t fd, int events)
{
	if (engine_push(engine, fd, events))
		engine_collect(engine);
}

static void socket_ready(uv_poll_t *handle, int status, int events)
{
	struct http_socket *socket = handle->data;
	int flags = 0;

	if (!socket->wanted) { /* between two requests: the server closed it, most likely */
		uv_poll_stop(handle);
		socket->events = 0;
		return;
	}
	if (status < 0)
		flags = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	engine_act(socket->engine, socket->fd, flags);
}

static void socket_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static struct http_socket *socket_of(const struct http_engine *engine, curl_socket_t fd)
{
	return (size_t)fd < engine->socket_room ? engine->sockets[fd] : NULL;
}

static struct http_socket *socket_new(struct http_engine *engine, curl_socket_t fd, bool ours)
{
	struct http_socket *socket = live_alloc(sizeof *socket);

	socket->engine = engine;
	socket->fd = fd;
	socket->ours = ours;
	if (uv_poll_init_socket(&engine->live->loop, &socket->handle, fd) != 0) {
		free(socket);
		return NULL;
	}
	socket->handle.data = socket;
	if ((size_t)fd >= engine->socket_room) {
		size_t room = (size_t)fd * 2 + 16;

		engine->sockets = memory_need(realloc(engine->sockets, room * sizeof *engine->sockets));
		memset(engine->sockets + engine->socket_room, 0,
		       (room - engine->socket_room) * sizeof *engine->sockets);
		engine->socket_room = room;
	}
	engine->sockets[fd] = socket;
	return socket;
}

/* Before the descriptor is closed, or used for another socket. */
static void socket_drop(struct http_engine *engine, curl_socket_t fd)
{
	struct http_socket *socket = socket_of(engine, fd);

	if (socket == NULL)
		return;
	engine->sockets[fd] = NULL;
	uv_close((uv_handle_t *)&socket->handle, socket_closed);
}

/* curl wants a socket for a connection. */
static curl_socket_t socket_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_engine *engine = context;
	curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);

	(void)purpose;
	if (fd == CURL_SOCKET_BAD)
		return fd;
	socket_drop(engine, fd);
	if (socket_new(engine, fd, true) == NULL) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	return fd;
}

static int socket_close(void *context, curl_socket_t fd)
{
	socket_drop(context, fd);
	return close(fd);
}

/* curl says what it waits for on a socket. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct http_engine *engine = context;
	struct http_socket *socket = socket_of(engine, fd);
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);

	(void)easy;
	(void)known;
	if (what == CURL_POLL_REMOVE) {
		if (socket == NULL)
			return 0;
		socket->wanted = false;
		if (!socket->ours || !(socket->events & UV_READABLE))
			socket_drop(engine, fd);
		return 0;
	}
	if (socket == NULL)
		socket = socket_new(engine, fd, false);
	if (socket == NULL)
		return -1;
	socket->wanted = true;
	if (socket->events == events)
		return 0;
	socket->events = events;
	return uv_poll_start(&socket->handle, events, socket_ready);
}

/*
 * libuv's timer is up to a millisecond early. curl then finds nothing due, and does not ask again for a time
 * that it has asked for already: so after each wake-up the next one is looked up.
 */
static void timer_over(uv_timer_t *timer)
{
	struct http_engine *engine = timer->data;
	long milliseconds = -1;

	engine_act(engine, CURL_SOCKET_TIMEOUT, 0);
	if (uv_is_active((uv_handle_t *)timer))
		return;
	engine->curl->multi_timeout(engine->multi, &milliseconds);
	if (milliseconds >= 0)
		uv_timer_start(timer, timer_over, (uint64_t)milliseconds + 1, 0);
}

/* curl says when it wants to be called without an event; it must not be called from in here. */
static int timer_wanted(CURLM *multi, long milliseconds, void *context)
{
	struct http_engine *engine = context;

	(void)multi;
	if (milliseconds < 0) {
		uv_timer_stop(&engine->timer);
	} else {
		uv_update_time(&engine->live->loop);
		uv_timer_start(&engine->timer, timer_over, (uint64_t)milliseconds, 0);
	}
	return 0;
}

/* Whether the environment names a proxy for any URL, as curl reads it. */
static bool proxies_named(void)
{
	static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
					    "ALL_PROXY"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (getenv(names[i]) != NULL)
			return true;
	return false;
}

static struct http_engine *engine_new(struct live *live, char *error, size_t size)
{
	const struct curl_api *curl = curl_load(error, size);
	struct http_engine *engine;

	if (curl == NULL)
		return NULL;
	engine = live_alloc(sizeof *engine);
	engine->live = live;
	engine->curl = curl;
	engine->multi = memory_need(curl->multi_init());
	engine->proxies = proxies_named();
	engine->collect = (struct live_deferred){.run = engine_collect, .context = engine};
	uv_timer_init(&live->loop, &engine->timer);
	engine->timer.data = engine;
	curl->multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl->multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
	curl->multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl->multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
	curl->multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, HTTP_CONNECTIONS_KEPT);
	return engine;
}

/* ---- the request ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcasecmp(text + length - tail, end) == 0;
}

/* Requests to this machine never go through a proxy; for others the environment's *_proxy and no_proxy count.
 */
static bool is_loopback(const struct curl_api *curl, const char *text)
{
	CURLU *url = curl->url();
	char *host = NULL;
	bool answer = false;

	if (url != NULL && curl->url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	    curl->url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		answer = strcasecmp(host, "localhost") == 0 || ends_with(host, ".localhost") ||
			 strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
	curl->free(host);
	curl->url_cleanup(url);
	return answer;
}

/* Two requests of such a method do what one does (RFC 9110, 9.2.2). */
static bool method_repeats(const char *method)
{
	static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};

	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(method, methods[i]) == 0)
			return true;
	return false;
}

static bool set_body(struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	const struct http_options *options = &transfer->options;
	CURL *easy = transfer->easy;

	if (options->body_fd > 0) {
		struct stat file;
		off_t at = lseek(options->body_fd, 0, SEEK_CUR);

		if (fstat(options->body_fd, &file) != 0 || !S_ISREG(file.st_mode) || at < 0) {
			snprintf(transfer->error, sizeof transfer->error,
				 "the request's body is not a regular file");
			return false;
		}
		curl->easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl->easy_setopt(easy, CURLOPT_READFUNCTION, body_wanted);
		curl->easy_setopt(easy, CURLOPT_READDATA, transfer);
		curl->easy_setopt(easy, CURLOPT_SEEKFUNCTION, body_again);
		curl->easy_setopt(easy, CURLOPT_SEEKDATA, transfer);
		transfer->body_start = at;
		curl->easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)(file.st_size - at));
	} else if (options->body != NULL || strcmp(options->method, "POST") == 0) {
		curl->easy_setopt(easy, CURLOPT_POST, 1L);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)options->body_length);
		curl->easy_setopt(easy, CURLOPT_POSTFIELDS, options->body != NULL ? options->body : "");
	}
	return true;
}

static void set_method(struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	const char *method = transfer->options.method;

	if (strcmp(method, "HEAD") == 0)
		curl->easy_setopt(transfer->easy, CURLOPT_NOBODY, 1L);
	else if (strcmp(method, "GET") != 0 || transfer->options.body != NULL ||
		 transfer->options.body_fd > 0)
		curl->easy_setopt(transfer->easy, CURLOPT_CUSTOMREQUEST, method);
	if (!transfer->options.repeats && !method_repeats(method))
		curl->easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
}

/* A list of curl's with one more line; the lines are copied by curl. */
static struct curl_slist *slist_with(const struct curl_api *curl, struct curl_slist *list, const char *line)
{
	return memory_need(curl->slist_append(list, line));
}

static bool has_header(const char *const *headers, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; headers[i] != NULL; i++)
		if (strncasecmp(headers[i], name, length) == 0 && headers[i][length] == ':')
			return true;
	return false;
}

static void set_headers(struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	const char *const *headers = transfer->options.headers;
	struct curl_slist *list = NULL;

	/*
	 * No waiting for "100 Continue", and no form's content type on a body that is none. curl 7.88 would
	 * sign these two lines, though they are not sent.
	 */
	if (transfer->options.sigv4 == NULL) {
		list = slist_with(curl, NULL, "Expect:");
		if (!has_header(headers, "Content-Type"))
			list = slist_with(curl, list, "Content-Type:");
	}
	for (size_t i = 0; headers[i] != NULL; i++)
		list = slist_with(curl, list, headers[i]);
	transfer->request->headers = list;
	curl->easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, list);
	if (!has_header(headers, "User-Agent"))
		curl->easy_setopt(transfer->easy, CURLOPT_USERAGENT, "runplan");
}

static long milliseconds(int64_t nanoseconds)
{
	return nanoseconds <= 0 ? 0 : (long)((nanoseconds + NS_PER_MS - 1) / NS_PER_MS);
}

static bool set_limits(struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	const struct http_options *options = &transfer->options;
	CURL *easy = transfer->easy;

	curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, milliseconds(options->timeout_ns));
	curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options->connect_timeout_ns));
	if (options->stall_ns > 0) {
		curl->easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl->easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
				  (long)((options->stall_ns + NS_PER_S - 1) / NS_PER_S));
	}
	curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, options->follow ? 1L : 0L);
	curl->easy_setopt(easy, CURLOPT_MAXREDIRS, HTTP_REDIRECTS_MAX);
	/* A name that is still being looked up must not hold up the loop when its transfer ends. */
	curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	if (curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
	    curl->easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK)
		return true;
	snprintf(transfer->error, sizeof transfer->error,
		 "the installed libcurl is too old: 7.85 or newer is needed");
	return false;
}

static void set_connection(struct http_transfer *transfer)
{
	struct http_engine *engine = transfer->live->http;
	const struct curl_api *curl = engine->curl;
	const struct http_options *options = &transfer->options;
	CURL *easy = transfer->easy;

	curl->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, socket_open);
	curl->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, engine);
	curl->easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, socket_close);
	curl->easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, engine);
	if (options->unix_socket != NULL)
		curl->easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, options->unix_socket);
	if (!engine->proxies || options->unix_socket != NULL || is_loopback(curl, options->url))
		curl->easy_setopt(easy, CURLOPT_PROXY, "");
	if (options->user_password != NULL)
		curl->easy_setopt(easy, CURLOPT_USERPWD, options->user_password);
	curl->easy_setopt(easy, CURLOPT_CERTINFO, 1L);
	if (options->ca_file != NULL)
		curl->easy_setopt(easy, CURLOPT_CAINFO, options->ca_file);
	if (options->cert_file != NULL)
		curl->easy_setopt(easy, CURLOPT_SSLCERT, options->cert_file);
	if (options->key_file != NULL)
		curl->easy_setopt(easy, CURLOPT_SSLKEY, options->key_file);
	if (options->insecure) {
		curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_signature(struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	const struct http_options *options = &transfer->options;

	if (options->sigv4 == NULL)
		return;
	curl->easy_setopt(transfer->easy, CURLOPT_AWS_SIGV4, options->sigv4);
	curl->easy_setopt(transfer->easy, CURLOPT_USERNAME, options->sigv4_key);
	curl->easy_setopt(transfer->easy, CURLOPT_PASSWORD, options->sigv4_secret);
	curl->easy_setopt(transfer->easy, CURLOPT_EXPECT_100_TIMEOUT_MS, HTTP_EXPECT_MS);
	/* "a/../b" is the name of an object. */
	curl->easy_setopt(transfer->easy, CURLOPT_PATH_AS_IS, 1L);
}

static void set_callbacks(struct http_transfer *transfer)
{
	const struct curl_api *curl = transfer->live->http->curl;
	CURL *easy = transfer->easy;

	curl->easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail);
	curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came);
	curl->easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_came);
	curl->easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
}

/* Sets curl's handle up for the request; false with transfer->error set where that is not possible. */
static bool request_set_up(struct http_transfer *transfer)
{
	struct http_engine *engine = transfer->live->http;

	transfer->request->easy = transfer->easy = easy_take(engine);
	engine->begun++;
	set_callbacks(transfer);
	engine->curl->easy_setopt(transfer->easy, CURLOPT_URL, transfer->options.url);
	set_connection(transfer);
	set_headers(transfer);
	set_signature(transfer);
	set_method(transfer);
	return set_limits(transfer) && set_body(transfer);
}

/* The same request once more: now it pays to keep its URL taken apart. */
static void request_renew(struct http_transfer *transfer)
{
	struct http_engine *engine = transfer->live->http;
	const struct curl_api *curl = engine->curl;
	struct http_request *request = transfer->request;

	transfer->easy = request->easy;
	engine->begun++;
	set_callbacks(transfer);
	if (request->url != NULL || request->elsewhere) {
		request->elsewhere = false;
		return;
	}
	request->url = memory_need(curl->url());
	if (curl->url_set(request->url, CURLUPART_URL, request->options.url, 0) == CURLUE_OK)
		curl->easy_setopt(transfer->easy, CURLOPT_CURLU, request->url);
}

/* Hands the transfer to curl; false with transfer->error set where that is not possible. */
static bool transfer_begin(struct http_transfer *transfer)
{
	struct live *live = transfer->live;
	struct http_engine *engine = live->http;
	CURLMcode code;

	if (engine == NULL)
		engine = live->http = engine_new(live, transfer->error, sizeof transfer->error);
	if (engine == NULL)
		return false;
	if (transfer->request->easy != NULL)
		request_renew(transfer);
	else if (!request_set_up(transfer))
		return false;
	code = engine->curl->multi_add_handle(engine->multi, transfer->easy);
	if (code != CURLM_OK) {
		snprintf(transfer->error, sizeof transfer->error, "%s", engine->curl->multi_strerror(code));
		return false;
	}
	if (engine_push(engine, CURL_SOCKET_TIMEOUT, 0))
		live_defer(live, &engine->collect);
	return true;
}

/* Runs from the loop: to begin what could not begin at once, and to end it after a failure or a cancel. */
static void transfer_step(void *context)
{
	struct http_transfer *transfer = context;

	if (!transfer->cancelled && !transfer->failed)
		transfer->failed = !transfer_begin(transfer);
	if (transfer->cancelled)
		transfer_finish(transfer, CURLE_ABORTED_BY_CALLBACK);
	else if (transfer->failed)
		transfer_finish(transfer, CURLE_FAILED_INIT);
}

/* The request's strings, the caller's callbacks, and a body of its own. */
static struct http_options transfer_options(const struct http_request *request,
					    const struct http_options *options)
{
	struct http_options own = request->options;

	own.repeats = options->repeats;
	own.stall_ns = options->stall_ns;
	own.secret_url = options->secret_url;
	own.no_headers = options->no_headers;
	own.body_fd = options->body_fd;
	own.body_length = options->body_length;
	own.body_max = options->body_max;
	own.on_data = options->on_data;
	own.on_done = options->on_done;
	own.context = options->context;
	if (options->body != NULL) {
		char *body = live_alloc(options->body_length + 1);

		memcpy(body, options->body, options->body_length);
		own.body = body;
	}
	return own;
}

struct http_transfer *http_start(struct live *live, const struct http_options *options)
{
	struct http_transfer *transfer = live_alloc(sizeof *transfer);
	struct http_options wanted = *options;

	if (wanted.connect_timeout_ns <= 0)
		wanted.connect_timeout_ns = HTTP_CONNECT_TIMEOUT_NS;
	transfer->live = live;
	transfer->request = request_take(live->http, &wanted);
	transfer->options = transfer_options(transfer->request, &wanted);
	transfer->answer_headers = record_new(0);
	transfer->began = uv_hrtime();
	transfer->cancelled = live->closing;
	transfer->step = (struct live_deferred){.run = transfer_step, .context = transfer};
	transfer->next = live->transfers;
	if (live->transfers != NULL)
		live->transfers->previous = transfer;
	live->transfers = transfer;
	if (transfer->cancelled || (live->http != NULL && live->http->inside)) {
		live_defer(live, &transfer->step);
	} else if (!transfer_begin(transfer)) {
		transfer->failed = true;
		live_defer(live, &transfer->step);
	}
	return transfer;
}

void http_cancel(struct http_transfer *transfer)
{
	if (transfer->finished)
		return;
	transfer->cancelled = true;
	live_defer(transfer->live, &transfer->step);
}

void live_http_abandon(struct live *live)
{
	while (live->transfers != NULL) {
		live->transfers->cancelled = true;
		transfer_finish(live->transfers, CURLE_ABORTED_BY_CALLBACK);
	}
}

static void engine_closed(uv_handle_t *timer)
{
	struct http_engine *engine = timer->data;

	while (engine->certificates != NULL) {
		struct http_certificate *next = engine->certificates->next;

		free(engine->certificates->origin);
		free(engine->certificates);
		engine->certificates = next;
	}
	free(engine);
}

void live_http_free(struct live *live)
{
	struct http_engine *engine = live->http;

	if (engine == NULL)
		return;
	live->http = NULL;
	live_forget(live, &engine->collect);
	while (engine->request_count > 0)
		request_free(engine, engine->requests[--engine->request_count]);
	while (engine->handle_count > 0)
		engine->curl->easy_cleanup(engine->handles[--engine->handle_count]);
	engine->curl->multi_cleanup(
	    engine->multi); /* closes the kept connections: socket_close() is called */
	for (size_t fd = 0; fd < engine->socket_room; fd++)
		socket_drop(engine, (curl_socket_t)fd);
	free(engine->sockets);
	uv_close((uv_handle_t *)&engine->timer, engine_closed);
}

bool http_percent_encode(const char *bytes, size_t length, struct value *out)
{
	static const char digits[] = "0123456789ABCDEF";
	struct buffer text = {0};
	char *start = buffer_reserve(&text, length * 3), *to = start;

	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		    c == '.' || c == '_' || c == '~') {
			*to++ = (char)c;
		} else {
			*to++ = '%';
			*to++ = digits[c >> 4];
			*to++ = digits[c & 15];
		}
	}
	text.length += (size_t)(to - start);
	*out = buffer_finish(&text);
	return true;
}
