/*
 * docker_api.c - see docker_api.h. The engine is one object kept for the run: where it is, its version once
 * agreed, the requests that wait for that, and what docker.login() remembers.
 */
#include "builtins/docker_api.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "interp/buffer.h"
#include "interp/json.h"

#define SOCKET_DEFAULT	  "/var/run/docker.sock"
#define VERSION_MINOR_MIN 41 /* Docker 20.10 */
#define VERSION_MINOR_MAX 44 /* Docker 25; newer engines still speak it */
#define PING_TIMEOUT	  (10 * DOCKER_SECOND)
#define SUGGESTIONS_MAX	  3
#define KNOWN_ANSWERS	  8 /* the latest; as many containers as are waited for side by side, more or less */
#define KNOWN_ANSWER_MAX  65536 /* bytes; of a container they are some 6,000 */

/* An engine that is polled mostly says the same again: what it said, and the value of that. */
struct known_answer {
	struct value body; /* a string, or null */
	struct value json;
	struct value record; /* docker.inspect()'s, once it was made of it */
};

struct docker_engine {
	struct live *live;
	struct docker_endpoint endpoint;
	char *name, *socket, *base, *ca, *cert, *key; /* NULL where there is none */
	bool insecure;
	struct value problem; /* null, or why DOCKER_HOST is of no use: a string */
	char version[24];     /* "" until agreed */
	bool fixed;	      /* by DOCKER_API_VERSION */
	struct http_transfer *ping;
	struct docker_request *requests; /* all that are not done */
	struct value auths;		 /* registry -> X-Registry-Auth, marked secret */
	struct known_answer known[KNOWN_ANSWERS];
	unsigned known_next; /* the one to be forgotten next */
};

struct docker_request {
	struct docker_engine *engine;
	struct docker_request *next, *previous;
	struct docker_options options;
	struct value path, body, header; /* strings; body and header may be null */
	bool waiting, cancelled;
	struct live_timer *soon;
	struct http_transfer *transfer;
	struct value problem;
};

/* ---- where the engine is ---- */

static char *text_of(struct value text)
{
	char *copy = memory_need(strdup(value_text_peek(text)));

	value_release(text);
	return copy;
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value != NULL && *value != '\0';
}

static bool host_is_plain(const char *host)
{
	return *host != '\0' &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]%") ==
		   strlen(host);
}

static void endpoint_use_tls(struct docker_engine *engine)
{
	const char *directory = getenv("DOCKER_CERT_PATH"), *home = getenv("HOME");
	struct value base = is_set("DOCKER_CERT_PATH")
				? value_string(directory)
				: value_string_printf("%s/.docker", home == NULL ? "" : home);

	engine->ca = text_of(value_string_printf("%s/ca.pem", value_text_peek(base)));
	engine->cert = text_of(value_string_printf("%s/cert.pem", value_text_peek(base)));
	engine->key = text_of(value_string_printf("%s/key.pem", value_text_peek(base)));
	engine->insecure = !is_set("DOCKER_TLS_VERIFY");
	engine->endpoint.tls = true;
	value_release(base);
}

static void endpoint_use_tcp(struct docker_engine *engine, const char *address)
{
	bool tls = is_set("DOCKER_TLS_VERIFY") || is_set("DOCKER_TLS");
	size_t length = strcspn(address, "/");
	struct value host = value_string_n(address, length);
	const char *text = value_text_peek(host), *colon = strrchr(text, ':'), *bracket = strrchr(text, ']');

	if (!host_is_plain(text) || address[length + (address[length] == '/')] != '\0') {
		engine->problem = value_string_printf("DOCKER_HOST=%s is not tcp://HOST:PORT", engine->name);
	} else {
		if (tls)
			endpoint_use_tls(engine);
		engine->base = text_of(value_string_printf("%s://%s%s", tls ? "https" : "http", text,
							   colon != NULL && colon > bracket ? ""
							   : tls			    ? ":2376"
											    : ":2375"));
	}
	value_release(host);
}

static void endpoint_find(struct docker_engine *engine)
{
	const char *host = is_set("DOCKER_HOST") ? getenv("DOCKER_HOST") : "unix://" SOCKET_DEFAULT;

	engine->name = memory_need(strdup(host));
	if (strncmp(host, "unix://", 7) == 0 && host[7] != '\0') {
		engine->socket = memory_need(strdup(host + 7));
		engine->base = memory_need(strdup("http://localhost"));
	} else if (strncmp(host, "tcp://", 6) == 0) {
		endpoint_use_tcp(engine, host + 6);
	} else if (strncmp(host, "ssh://", 6) == 0) {
		engine->problem = value_string_printf(
		    "DOCKER_HOST=%s: ssh:// is not available yet; forward the socket with \"ssh -nNT -L "
		    "/tmp/docker.sock:" SOCKET_DEFAULT " %s\" and set DOCKER_HOST=unix:///tmp/docker.sock",
		    host, host + 6);
	} else {
		engine->problem =
		    value_string_printf("DOCKER_HOST=%s is neither unix:///PATH nor tcp://HOST:PORT", host);
	}
	engine->endpoint.name = engine->name;
	engine->endpoint.socket = engine->socket;
	engine->endpoint.base = engine->base;
}

static void *engine_make(struct live *live)
{
	struct docker_engine *engine = memory_need(calloc(1, sizeof *engine));

	engine->live = live;
	engine->problem = value_null();
	engine->auths = record_new(0);
	for (size_t i = 0; i < KNOWN_ANSWERS; i++)
		engine->known[i] = (struct known_answer){value_null(), value_null(), value_null()};
	endpoint_find(engine);
	if (is_set("DOCKER_API_VERSION")) {
		snprintf(engine->version, sizeof engine->version, "%s", getenv("DOCKER_API_VERSION"));
		engine->fixed = true;
	}
	return engine;
}

static void request_free(struct docker_request *request)
{
	struct docker_engine *engine = request->engine;

	if (engine != NULL) {
		if (request->previous != NULL)
			request->previous->next = request->next;
		else
			engine->requests = request->next;
		if (request->next != NULL)
			request->next->previous = request->previous;
	}
	if (request->options.body_fd > 0)
		close(request->options.body_fd);
	live_timer_stop(request->soon);
	value_release(request->path);
	value_release(request->body);
	value_release(request->header);
	value_release(request->problem);
	free(request);
}

static void known_free(struct known_answer *known)
{
	value_release(known->body);
	value_release(known->json);
	value_release(known->record);
}

static void engine_free(void *kept)
{
	struct docker_engine *engine = kept;
	struct docker_request *request, *next;

	for (request = engine->requests; request != NULL; request = next) {
		next = request->next;
		if (request->transfer == NULL)
			request_free(request);
		else
			request->engine = NULL; /* its transfer's end frees it */
	}
	value_release(engine->problem);
	value_release(engine->auths);
	for (size_t i = 0; i < KNOWN_ANSWERS; i++)
		known_free(&engine->known[i]);
	free(engine->name);
	free(engine->socket);
	free(engine->base);
	free(engine->ca);
	free(engine->cert);
	free(engine->key);
	free(engine);
}

static struct docker_engine *engine_of(struct live *live)
{
	return live_keep(live, "docker.engine", engine_make, engine_free);
}

const struct docker_endpoint *docker_endpoint(struct live *live)
{
	struct docker_engine *engine = engine_of(live);

	return engine->problem.tag == VALUE_NULL ? &engine->endpoint : NULL;
}

const char *docker_version(struct live *live)
{
	return engine_of(live)->version;
}

/* ---- paths ---- */

static void add_component(struct buffer *path, const char *text)
{
	struct value encoded = value_null();

	if (http_percent_encode(text, strlen(text), &encoded))
		buffer_add_text(path, value_text_peek(encoded));
	value_release(encoded);
}

struct value docker_path(const char *format, ...)
{
	struct buffer path = {0};
	va_list list;

	va_start(list, format);
	for (const char *at = format; *at != '\0'; at++) {
		if (at[0] == '%' && at[1] == 's') {
			add_component(&path, va_arg(list, const char *));
			at++;
		} else if (at[0] == '%' && at[1] == 'd') {
			buffer_add_int(&path, va_arg(list, int64_t));
			at++;
		} else {
			buffer_add_byte(&path, *at);
		}
	}
	va_end(list);
	return buffer_finish(&path);
}

/* ---- one request ---- */

static void request_done(struct docker_request *request, struct docker_reply *reply)
{
	void (*done)(void *context, const struct docker_reply *reply) = request->options.on_done;
	void *context = request->options.context;

	if (reply->body == NULL)
		reply->body = "";
	if (reply->cancelled && reply->message == NULL)
		reply->message = "cancelled";
	if (done != NULL)
		done(context, reply);
	request_free(request);
}

static void request_end_soon(void *context)
{
	struct docker_request *request = context;
	struct docker_reply reply = {
	    .cancelled = request->cancelled,
	    .message = request->cancelled ? NULL : value_text_peek(request->problem),
	    .json = value_null(),
	};

	request_done(request, &reply);
}

static void request_end_later(struct docker_request *request)
{
	request->waiting = false;
	if (request->soon == NULL)
		request->soon = live_timer_start(request->engine->live, 0, request_end_soon, request);
}

/* Why no engine answered, for people. */
static struct value unreachable_text(const struct docker_engine *engine, const struct http_result *result)
{
	const char *error = result->error == NULL ? "no answer" : result->error;

	if (engine->socket != NULL && !result->sent) {
		if (access(engine->socket, F_OK) != 0)
			error = errno == EACCES ? "permission denied" : "there is no such socket";
		else if (access(engine->socket, R_OK | W_OK) != 0)
			return value_string_printf(
			    "permission to use the Docker engine at %s is denied: join the "
			    "group that owns the socket (docker), or run as root",
			    engine->name);
	}
	if (result->timed_out)
		return value_string_printf("the Docker engine at %s: %s", engine->name, error);
	if (result->sent)
		return value_string_printf("the Docker engine at %s did not finish its answer (%s)",
					   engine->name, error);
	return value_string_printf("no Docker engine answers at %s: is it running? (%s)", engine->name,
				   error);
}

/* The engine's own words: {"message": ...}, else the body's first line, else the status. */
static struct value refusal_text(int status, struct value json, const char *body, size_t length)
{
	struct value message = record_peek(json, "message");

	if (json.tag == VALUE_RECORD && message.tag == VALUE_STRING && value_length(message) > 0) {
		body = value_text_peek(message);
		length = value_length(message);
	}
	while (length > 0 && isspace((unsigned char)body[length - 1]))
		length--;
	if (length == 0)
		return value_string_printf("the Docker engine answered with status %d", status);
	struct value text = value_string_n(body, length);
	for (size_t i = 0; i < length; i++) /* ours alone: one line of it */
		if (text.string->bytes[i] == '\n' || text.string->bytes[i] == '\r')
			text.string->bytes[i] = ' ';
	return text;
}

/* The value of an answer, read only when it is none of the latest. Null where it is no JSON. The engine may
 * be NULL. */
static struct value read_answer(struct docker_engine *engine, const char *body, size_t length,
				struct value **record)
{
	struct known_answer *known;
	struct value json;
	char error[160];

	for (size_t i = 0; engine != NULL && i < KNOWN_ANSWERS; i++) {
		known = &engine->known[i];
		if (value_length(known->body) == length &&
		    memcmp(value_text_peek(known->body), body, length) == 0) {
			*record = &known->record;
			return value_copy(known->json);
		}
	}
	if (!value_from_json(body, length, &json, error))
		return value_null();
	if (engine != NULL && length <= KNOWN_ANSWER_MAX) {
		known = &engine->known[engine->known_next++ % KNOWN_ANSWERS];
		known_free(known);
		*known =
		    (struct known_answer){value_string_n(body, length), value_copy(json), value_null()};
		*record = &known->record;
	}
	return json;
}

static void request_transferred(void *context, const struct http_result *result)
{
	struct docker_request *request = context;
	struct docker_reply reply = {
	    .cancelled = result->cancelled || request->cancelled,
	    .timed_out = result->timed_out,
	    .sent = result->sent && strcmp(request->options.method, "GET") != 0,
	    .status = result->ok ? result->status : 0,
	    .json = value_null(),
	    .body = result->body,
	    .body_length = result->body_length,
	};
	struct value problem = value_null(), json;

	request->transfer = NULL;
	reply.ok = (reply.status >= 200 && reply.status < 300) || reply.status == 304;
	if (reply.status != 0 && reply.body_length > 0)
		reply.json = read_answer(request->engine, reply.body, reply.body_length, &reply.record);
	if (reply.status == 0 && !reply.cancelled && request->engine != NULL)
		problem = unreachable_text(request->engine, result);
	else if (!reply.ok && !reply.cancelled)
		problem = refusal_text(reply.status, reply.json, reply.body, reply.body_length);
	if (problem.tag == VALUE_STRING)
		reply.message = value_text_peek(problem);
	json = reply.json;
	request_done(request, &reply);
	value_release(json);
	value_release(problem);
}

static bool request_data(void *context, const char *bytes, size_t length)
{
	struct docker_request *request = context;

	if (request->options.on_done == NULL)
		return false;
	return request->options.on_data(request->options.context, bytes, length);
}

static void request_transfer(struct docker_request *request)
{
	struct docker_engine *engine = request->engine;
	struct docker_options *options = &request->options;
	struct value url =
	    value_string_printf("%s/v%s%s", engine->base, engine->version, value_text_peek(request->path));
	const char *headers[4] = {NULL};
	size_t count = 0;

	if (options->body_fd > 0)
		headers[count++] = "Content-Type: application/x-tar";
	else if (request->body.tag == VALUE_STRING)
		headers[count++] = "Content-Type: application/json";
	if (request->header.tag == VALUE_STRING)
		headers[count++] = value_text_peek(request->header);
	struct http_options http = {
	    .method = options->method,
	    .url = value_text_peek(url),
	    .unix_socket = engine->socket,
	    .headers = headers,
	    .body = request->body.tag == VALUE_STRING ? value_text_peek(request->body) : NULL,
	    .body_length = value_length(request->body),
	    .repeats = options->repeats,
	    .body_fd = options->body_fd,
	    .timeout_ns = options->timeout_ns,
	    .body_max = options->body_max,
	    .insecure = engine->insecure,
	    .ca_file = engine->insecure ? NULL : engine->ca,
	    .cert_file = engine->cert,
	    .key_file = engine->key,
	    .on_data = options->on_data != NULL ? request_data : NULL,
	    .on_done = request_transferred,
	    .context = request,
	};

	options->body_fd = 0; /* the transfer closes it */
	request->waiting = false;
	request->transfer = http_start(engine->live, &http);
	value_release(url);
}

/* ---- the version ---- */

static void requests_go(struct docker_engine *engine, struct value problem)
{
	struct docker_request *request, *next;

	for (request = engine->requests; request != NULL; request = next) {
		next = request->next;
		if (!request->waiting)
			continue;
		if (problem.tag == VALUE_NULL) {
			request_transfer(request);
		} else {
			request->problem = value_copy(problem);
			request_end_later(request);
		}
	}
}

/* Chooses the version; null, or what is wrong. */
static struct value version_agree(struct docker_engine *engine, const struct http_result *result)
{
	const char *theirs = value_text_peek(record_peek(result->headers, "api-version"));
	int minor;

	if (!result->ok)
		return unreachable_text(engine, result);
	if (sscanf(theirs, "1.%d", &minor) != 1)
		return value_string_printf(
		    "what answers at %s is no Docker engine (status %d, no Api-Version)", engine->name,
		    result->status);
	if (minor < VERSION_MINOR_MIN)
		return value_string_printf(
		    "the Docker engine at %s speaks API %s; at least 1.%d (Docker 20.10) is needed",
		    engine->name, theirs, VERSION_MINOR_MIN);
	snprintf(engine->version, sizeof engine->version, "1.%d",
		 minor < VERSION_MINOR_MAX ? minor : VERSION_MINOR_MAX);
	return value_null();
}

static void version_came(void *context, const struct http_result *result)
{
	struct docker_engine *engine = context;
	struct value problem =
	    result->cancelled ? value_string("the run is ending") : version_agree(engine, result);

	engine->ping = NULL;
	requests_go(engine, problem);
	value_release(problem);
}

static void version_ask(struct docker_engine *engine)
{
	struct value url = value_string_printf("%s/_ping", engine->base);
	struct http_options http = {
	    .method = "GET",
	    .url = value_text_peek(url),
	    .unix_socket = engine->socket,
	    .timeout_ns = PING_TIMEOUT,
	    .insecure = engine->insecure,
	    .ca_file = engine->insecure ? NULL : engine->ca,
	    .cert_file = engine->cert,
	    .key_file = engine->key,
	    .on_done = version_came,
	    .context = engine,
	};

	engine->ping = http_start(engine->live, &http);
	value_release(url);
}

struct docker_request *docker_request(struct live *live, const struct docker_options *options)
{
	struct docker_engine *engine = engine_of(live);
	struct docker_request *request = memory_need(calloc(1, sizeof *request));

	request->engine = engine;
	request->options = *options;
	request->options.method = options->method == NULL ? "GET" : options->method;
	request->path = options->path;
	request->body = request->problem = value_null();
	request->header = value_string(options->header);
	if (options->body.tag == VALUE_RECORD) {
		struct buffer body = {0};

		json_write(&body, options->body, JSON_REVEAL);
		request->body = buffer_finish(&body);
	}
	value_release(options->body);
	request->next = engine->requests;
	if (request->next != NULL)
		request->next->previous = request;
	engine->requests = request;
	if (engine->problem.tag != VALUE_NULL) {
		request->problem = value_copy(engine->problem);
		request_end_later(request);
	} else if (engine->version[0] != '\0') {
		request_transfer(request);
	} else {
		request->waiting = true;
		if (engine->ping == NULL)
			version_ask(engine);
	}
	return request;
}

void docker_request_cancel(struct docker_request *request)
{
	request->cancelled = true;
	if (request->transfer != NULL)
		http_cancel(request->transfer);
	else
		request_end_later(request);
}

void docker_request_drop(struct docker_request *request)
{
	if (request == NULL)
		return;
	request->options.on_done = NULL;
	if (request->transfer != NULL)
		http_cancel(request->transfer);
	else
		request_free(request);
}

/* ---- credentials ---- */

/* RFC 4648, the alphabet for URLs, as X-Registry-Auth wants it. */
static struct value base64_url(const char *bytes, size_t length)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct buffer text = {0};

	for (size_t i = 0; i < length; i += 3) {
		size_t left = length - i;
		uint32_t bits = (uint32_t)(unsigned char)bytes[i] << 16;

		if (left > 1)
			bits |= (uint32_t)(unsigned char)bytes[i + 1] << 8;
		if (left > 2)
			bits |= (unsigned char)bytes[i + 2];
		buffer_add_byte(&text, alphabet[bits >> 18]);
		buffer_add_byte(&text, alphabet[bits >> 12 & 63]);
		buffer_add_byte(&text, left > 1 ? alphabet[bits >> 6 & 63] : '=');
		buffer_add_byte(&text, left > 2 ? alphabet[bits & 63] : '=');
	}
	return buffer_finish(&text);
}

void docker_auth_set(struct live *live, const char *registry, const char *server, const char *user,
		     const char *password, const char *token)
{
	struct value auth = record_new(3);
	struct buffer json = {0};

	record_set(&auth, "serveraddress", value_string(server));
	if (*token != '\0') {
		record_set(&auth, "identitytoken", value_string(token));
	} else {
		record_set(&auth, "username", value_string(user));
		record_set(&auth, "password", value_string(password));
	}
	json_write(&json, auth, JSON_REVEAL);
	struct value text = buffer_finish(&json);
	record_set(&engine_of(live)->auths, registry,
		   value_mark(base64_url(value_text_peek(text), value_length(text)), VALUE_SECRET));
	value_release(text);
	value_release(auth);
}

const char *docker_auth_peek(struct live *live, const char *registry)
{
	struct value auth = record_peek(engine_of(live)->auths, registry);

	return auth.tag == VALUE_STRING ? value_text_peek(auth) : NULL;
}

/* ---- requests of a call ---- */

static void step_cancel(struct effect_call *call)
{
	struct docker_step *step = call->state;

	step->cancelled = true;
	if (step->request != NULL)
		docker_request_cancel(step->request);
}

void docker_call_state_free(void *state)
{
	struct docker_step *step = state;

	docker_request_drop(step->request);
	value_release(step->missing);
	free(step);
}

void *docker_call_begin(struct effect_call *call, size_t size, void (*release)(void *state))
{
	struct docker_step *step = memory_need(calloc(1, size));

	step->call = call;
	step->missing = value_null();
	call->state = step;
	call->free_state = release != NULL ? release : docker_call_state_free;
	call->cancel = step_cancel;
	return step;
}

static void step_done(void *context, const struct docker_reply *reply)
{
	struct docker_step *step = context;

	step->request = NULL;
	if (reply->cancelled || step->cancelled) {
		struct docker_reply cut = *reply;

		cut.cancelled = true;
		cut.sent |= step->began;
		docker_call_end(step->call, &cut, "%s was cancelled", step->call->builtin->name);
	} else {
		step->then(step->call, reply);
	}
}

void docker_call_send(struct effect_call *call, struct docker_options options,
		      void (*then)(struct effect_call *call, const struct docker_reply *reply))
{
	struct docker_step *step = call->state;

	if (options.context == NULL)
		options.context = step;
	options.on_done = step_done;
	options.timeout_ns = options.timeout_ns == 0  ? DOCKER_TIMEOUT
			     : options.timeout_ns < 0 ? 0
						      : options.timeout_ns;
	step->then = then;
	step->request = docker_request(call->live, &options);
}

void docker_call_end(struct effect_call *call, const struct docker_reply *reply, const char *format, ...)
{
	struct buffer text = {0};
	bool change = call->builtin->effect == EFFECT_CHANGE && call->builtin->leaves == NULL;
	va_list list;

	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	struct value what = buffer_finish(&text);
	if (reply->cancelled)
		(change && reply->sent ? call_unknown : call_failed)(
		    call, "%s%s", value_text_peek(what),
		    reply->sent ? " while the Docker engine worked on it" : " before it began");
	else if (reply->status == 0 && change && reply->sent)
		call_unknown(call, "%s: %s", value_text_peek(what), reply->message);
	else if (reply->status == 0)
		call_failed(call, "%s: %s", value_text_peek(what), reply->message);
	else {
		struct value details = record_new(2);

		record_set(&details, "status", value_int(reply->status));
		record_set(&details, "message", value_string(reply->message));
		call_failed_with(call, details, "%s: %s", value_text_peek(what), reply->message);
	}
	value_release(what);
}

/* ---- names ---- */

/* Levenshtein's distance of two names without regard to case; names longer than 63 are cut. */
static size_t name_distance(const char *a, const char *b)
{
	size_t row[64], n = strlen(b) < 63 ? strlen(b) : 63, diagonal, above;

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] != '\0' && i < 64; i++) {
		diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best =
			    diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));

			above = row[j];
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[n];
}

/* 0 is best; SIZE_MAX: not close. A name that holds the other (a prefix of the project) is as close as one
 * slip. */
static size_t name_rank(const char *wanted, const char *name)
{
	size_t distance = name_distance(wanted, name), bound = strlen(wanted) / 3;

	if (strlen(wanted) >= 3 &&
	    (strstr(name, wanted) != NULL || (strlen(name) >= 3 && strstr(wanted, name) != NULL)))
		return 1;
	if (bound < 1)
		bound = 1;
	if (bound > 3)
		bound = 3;
	return distance <= bound ? distance : SIZE_MAX;
}

struct value docker_suggest(struct value names, const char *name)
{
	struct buffer text = {0};
	size_t found = 0;

	for (size_t rank = 0; rank <= 3; rank++)
		for (size_t i = 0; i < value_length(names) && found < SUGGESTIONS_MAX; i++) {
			const char *candidate = value_text_peek(list_peek(names, i));

			if (name_rank(name, candidate) != rank)
				continue;
			buffer_printf(&text, "%s\"%s\"", found == 0 ? "; did you mean " : " or ", candidate);
			found++;
		}
	if (found > 0)
		buffer_add_byte(&text, '?');
	return buffer_finish(&text);
}

struct value docker_plain_name(struct value name)
{
	const char *text = value_text_peek(name);

	return value_string(*text == '/' ? text + 1 : text);
}

static void missing_listed(struct effect_call *call, const struct docker_reply *reply)
{
	struct docker_step *step = call->state;
	struct value names = list_new(8), details = record_new(1), hint;

	for (size_t i = 0; reply->ok && i < value_length(reply->json); i++) {
		struct value all = record_peek(list_peek(reply->json, i), "Names");

		for (size_t j = 0; j < value_length(all); j++)
			list_push(&names, docker_plain_name(list_peek(all, j)));
	}
	hint = docker_suggest(names, value_text_peek(step->missing));
	record_set(&details, "status", value_int(404));
	call_failed_with(call, details, "there is no container \"%s\"%s", value_text_peek(step->missing),
			 value_text_peek(hint));
	value_release(hint);
	value_release(names);
}

void docker_call_missing(struct effect_call *call, const char *name)
{
	struct docker_step *step = call->state;

	value_clear(&step->missing);
	step->missing = value_string(name);
	docker_call_send(call, (struct docker_options){.path = docker_path("/containers/json?all=1")},
			 missing_listed);
}

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

bool docker_name_check(struct effect_call *call, const char *name)
{
	const char *rest = name != NULL && *name == '/' ? name + 1 : name;

	if (rest != NULL && isalnum((unsigned char)*rest) && strspn(rest, ALNUM "_.-") == strlen(rest) &&
	    strlen(rest) <= 255)
		return true;
	struct value text = value_string(name == NULL ? "" : name), shown = value_show(text, 80);
	call_failed(
	    call,
	    "%s cannot be the name of a container: letters, digits, \"_\", \".\" and \"-\", beginning "
	    "with a letter or a digit",
	    value_text_peek(shown));
	value_release(shown);
	value_release(text);
	return false;
}

bool docker_image_check(struct effect_call *call, const char *image)
{
	if (image != NULL && isalnum((unsigned char)*image) &&
	    strspn(image, ALNUM "_.-/:@") == strlen(image) && strstr(image, "..") == NULL &&
	    strstr(image, "//") == NULL && strlen(image) <= 1024)
		return true;
	struct value text = value_string(image == NULL ? "" : image), shown = value_show(text, 80);
	call_failed(call, "%s cannot be the name of an image: [REGISTRY/]NAME[:TAG][@DIGEST]",
		    value_text_peek(shown));
	value_release(shown);
	value_release(text);
	return false;
}

/* ---- reading answers ---- */

struct value docker_json(struct value json, const char *path)
{
	while (json.tag == VALUE_RECORD) {
		size_t length = strcspn(path, ".");
		char key[64];

		if (length >= sizeof key)
			return value_null();
		memcpy(key, path, length);
		key[length] = '\0';
		json = record_peek(json, key);
		if (path[length] == '\0')
			return json;
		path += length + 1;
	}
	return value_null();
}

struct value docker_time(struct value text)
{
	const char *rest = value_text_peek(text);
	struct tm parts = {0};
	int64_t fraction = 0, unit = 100000000, offset = 0;
	int hours, minutes, length = 0;
	char sign;

	if (sscanf(rest, "%4d-%2d-%2dT%2d:%2d:%2d%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
		   &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &length) != 6 ||
	    parts.tm_year < 1970) /* the engine's "never" is the year 1 */
		return value_null();
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	rest += length;
	if (*rest == '.')
		for (rest++; isdigit((unsigned char)*rest); rest++, unit /= 10)
			fraction += (*rest - '0') * unit;
	if (sscanf(rest, "%c%d:%d", &sign, &hours, &minutes) == 3)
		offset = (sign == '-' ? -60 : 60) * (hours * 60 + minutes);
	return value_time(((int64_t)timegm(&parts) - offset) * DOCKER_SECOND + fraction);
}
