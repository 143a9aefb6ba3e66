/*
 * http.c - http.*: requests to HTTP servers.
 *
 * All rows but http.all are one request: where its arguments stand differs, and what a missing answer means.
 * For a read that is a failure; for a change whose request may have reached the server it is unknown whether
 * it happened.
 */
#define _GNU_SOURCE 1 /* strcasestr() */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "builtins/http_parts.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "interp/buffer.h"
#include "interp/json.h"

/* How much of a body a message quotes, and how much of it goes into a failure's details. */
#define EXCERPT_LINE	200
#define EXCERPT_DETAILS 4096

/* The most transfers at once: descriptors are bounded, 1024 by custom. */
#define AT_MOST_LIMIT 900

/* Where a row's arguments stand; -1: it has no such argument. */
struct http_layout {
	int method, url, body, json, headers, timeout, ok, follow, body_max, ca, insecure, login;
};

#define TAIL(at, follow_at)                                                                                  \
	.headers = (at), .timeout = (at) + 1, .ok = (at) + 2, .body_max = (at) + 3, .ca = (at) + 4,          \
	.insecure = (at) + 5, .login = (at) + 6, .follow = (follow_at)
#define TAIL_SIGNATURE                                                                                       \
	"headers: secret record = {}, timeout: duration = 10s, ok: any = null, body_max: size = 4MiB, "      \
	"ca: path = null, insecure: bool = false, login: secret string = null"
#define SEND_SIGNATURE "url: secret url, body: secret string = null, json: secret any = null, " TAIL_SIGNATURE

static const struct http_layout fetch_layout = {.method = -1, .url = 0, .body = -1, .json = -1, TAIL(1, 8)};
static const struct http_layout send_layout = {.method = -1, .url = 0, .body = 1, .json = 2, TAIL(3, -1)};
static const struct http_layout request_layout = {.method = 0, .url = 1, .body = 2, .json = 3, TAIL(4, -1)};
static const struct http_layout all_layout = {.method = -1, .url = -1, .body = -1, .json = -1, TAIL(2, -1)};

static struct value arg(const struct effect_call *call, int index)
{
	return index < 0 ? value_null() : call_arg(call, (size_t)index);
}

/* ---- a request made of arguments ---- */

struct http_call {
	struct effect_call *call;
	const struct http_layout *layout;
	const char *method;
	struct http_transfer *transfer;
	struct header_lines headers;
	struct value body; /* a string, or null */
	char error[200];
};

static void http_call_free(void *state)
{
	struct http_call *http = state;

	header_lines_free(&http->headers);
	value_release(http->body);
	free(http);
}

static void http_call_cancel(struct effect_call *call)
{
	struct http_call *http = call->state;

	http_cancel(http->transfer);
}

static bool body_of(struct http_call *http)
{
	struct value text = arg(http->call, http->layout->body), json = arg(http->call, http->layout->json);
	struct buffer buffer = {0};

	if (text.tag != VALUE_NULL && json.tag != VALUE_NULL) {
		snprintf(http->error, sizeof http->error, "give body or json, not both");
		return false;
	}
	if (json.tag != VALUE_NULL) {
		json_write(&buffer, json, JSON_REVEAL);
		http->body = buffer_finish(&buffer);
		header_lines_set(&http->headers, "Content-Type", "application/json");
	} else if (text.tag != VALUE_NULL) {
		http->body = value_copy(text);
		header_lines_set(&http->headers, "Content-Type", "text/plain; charset=utf-8");
	} else if (strcmp(http->method, "PUT") == 0 || strcmp(http->method, "PATCH") == 0) {
		http->body = value_string(""); /* announced as empty: servers refuse these without a length */
	}
	return true;
}

/* An extension method is a word in capitals; what curl would treat as something else is refused. */
static bool method_usable(struct http_call *http)
{
	static const char *const refused[] = {"CONNECT", "TRACE"};
	size_t length = strlen(http->method);

	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (strcmp(http->method, refused[i]) == 0)
			length = 0;
	for (size_t i = 0; i < length; i++)
		if ((http->method[i] < 'A' || http->method[i] > 'Z') && http->method[i] != '-')
			length = 0;
	if (length == 0 || length > 30)
		snprintf(http->error, sizeof http->error,
			 "not a method for http.request: use \"GET\", \"PURGE\", ...");
	return length > 0 && length <= 30;
}

/* curl hands headers on along a redirect, all but Authorization and Cookie also to another host. */
static bool headers_may_follow(struct http_call *http, struct value headers)
{
	if (!call_bool(http->call, (size_t)http->layout->follow, false))
		return true;
	for (size_t i = 0; i < value_length(headers); i++) {
		const char *name = record_key_peek(headers, i);

		if (value_is_secret(record_value_peek(headers, i)) &&
		    strcasecmp(name, "Authorization") != 0 && strcasecmp(name, "Cookie") != 0) {
			snprintf(http->error, sizeof http->error,
				 "with follow, the secret in the header %.60s could reach another host",
				 name);
			return false;
		}
	}
	return true;
}

/* All of the request but its URL. False with http->error set where the arguments make none. */
static bool request_of(struct http_call *http)
{
	const struct http_layout *layout = http->layout;
	struct value headers = arg(http->call, layout->headers);

	if (!method_usable(http))
		return false;
	if (!ok_usable(arg(http->call, layout->ok))) {
		snprintf(http->error, sizeof http->error,
			 "ok is a status, a range of them, or a list: 200, 200..299, [200, 404]");
		return false;
	}
	if (!headers_may_follow(http, headers) ||
	    !header_lines_add(&http->headers, headers, http->error, sizeof http->error))
		return false;
	return body_of(http);
}

static struct http_options options_of(const struct http_call *http, struct value url)
{
	const struct effect_call *call = http->call;
	const struct http_layout *layout = http->layout;
	int64_t body_max = call_int(call, (size_t)layout->body_max, LIVE_BODY_MAX);

	return (struct http_options){
	    .method = http->method,
	    .url = value_text_peek(url),
	    .secret_url = value_is_secret(url),
	    .headers = (const char *const *)http->headers.lines,
	    .body = http->body.tag == VALUE_STRING ? value_text_peek(http->body) : NULL,
	    .body_length = value_length(http->body),
	    .timeout_ns = call_int(call, (size_t)layout->timeout, 0),
	    .body_max = body_max > 0 ? (size_t)body_max : 1,
	    .follow = layout->follow >= 0 && call_bool(call, (size_t)layout->follow, false),
	    .insecure = call_bool(call, (size_t)layout->insecure, false),
	    .ca_file = call_text(call, (size_t)layout->ca),
	    .user_password = call_text(call, (size_t)layout->login),
	};
}

/* ---- an answer ---- */

/* A body that says it is JSON, or looks like it, parsed; null where it is not. */
static struct value json_of(const struct http_result *result)
{
	const char *type = value_text_peek(record_peek(result->headers, "content-type"));
	const char *first = result->body + strspn(result->body, " \t\r\n");
	struct value json;
	char error[160];

	if (strcasestr(type, "json") == NULL && *first != '{' && *first != '[')
		return value_null();
	return value_from_json(result->body, result->body_length, &json, error) ? json : value_null();
}

/* The URL as the answer tells it: one that was given as a secret stays one. */
static struct value url_of(const struct http_result *result, struct value url)
{
	return value_mark(value_string(result->url), value_is_secret(url) ? VALUE_SECRET : 0);
}

static struct value answer_of(const struct http_result *result, struct value url)
{
	struct value answer = record_new(8);

	record_set(&answer, "status", value_int(result->ok ? result->status : 0));
	record_set(&answer, "headers", value_copy(result->headers));
	record_set(&answer, "body", value_string_n(result->body, result->body_length));
	record_set(&answer, "json", result->ok ? json_of(result) : value_null());
	record_set(&answer, "time", value_duration(result->elapsed_ns));
	record_set(&answer, "url", url_of(result, url));
	record_set(&answer, "certificate_expires",
		   result->certificate_expires == 0
		       ? value_null()
		       : value_time(result->certificate_expires * INT64_C(1000000000)));
	record_set(&answer, "error", value_string(result->error));
	return answer;
}

static struct value details_of(const char *method, const struct http_result *result, struct value url)
{
	struct value details = record_new(6);
	size_t length = result->body_length < EXCERPT_DETAILS ? result->body_length : EXCERPT_DETAILS;

	record_set(&details, "method", value_string(method));
	record_set(&details, "url", url_of(result, url));
	record_set(&details, "status", result->ok ? value_int(result->status) : value_null());
	record_set(&details, "body", value_string_n(result->body, length));
	record_set(&details, "error", value_string(result->error));
	record_set(&details, "time", value_duration(result->elapsed_ns));
	return details;
}

/* "GET http://x/: 503, wanted 200..299: no backend is up" or "GET http://x/: connection refused (x:80)". A
 * string. */
static struct value complaint(const char *method, const struct http_result *result, struct value url,
			      struct value ok)
{
	struct value shown = url_shown(url), wanted = value_show(ok, 80);
	struct value body = text_excerpt(result->body, result->body_length, EXCERPT_LINE), line;

	if (result->ok)
		line = value_string_printf("%s %s: answered %d, wanted %s%s%s", method,
					   value_text_peek(shown), result->status, value_text_peek(wanted),
					   value_length(body) > 0 ? ": " : "", value_text_peek(body));
	else
		line = value_string_printf("%s %s: %s", method, value_text_peek(shown), result->error);
	value_release(shown);
	value_release(wanted);
	value_release(body);
	return line;
}

static void http_call_done(void *context, const struct http_result *result)
{
	struct http_call *http = context;
	struct effect_call *call = http->call;
	struct value url = arg(call, http->layout->url), ok = arg(call, http->layout->ok), line;

	http->transfer = NULL;
	call->cancel = NULL;
	if (result->ok && status_fits(ok, result->status)) {
		call_ok(call, answer_of(result, url));
		return;
	}
	line = complaint(http->method, result, url, ok);
	if (call->builtin->effect == EFFECT_CHANGE && !result->ok && result->sent && result->status < 200)
		call_unknown(call, "%s; the server may have done it", value_text_peek(line));
	else
		call_failed_with(call, details_of(http->method, result, url), "%s", value_text_peek(line));
	value_release(line);
}

static void http_begin(struct effect_call *call, const struct http_layout *layout, const char *method)
{
	struct http_call *http = memory_need(calloc(1, sizeof *http));
	struct value url = arg(call, layout->url);
	struct http_options options;

	*http = (struct http_call){.call = call, .layout = layout, .method = method, .body = value_null()};
	call->state = http;
	call->free_state = http_call_free;
	if (!url_usable(url, http->error, sizeof http->error) || !request_of(http)) {
		call_failed(call, "%s: %s", call->builtin->name, http->error);
		return;
	}
	options = options_of(http, url);
	options.on_done = http_call_done;
	options.context = http;
	http->transfer = http_start(call->live, &options);
	call->cancel = http_call_cancel;
}

static void http_get_start(struct effect_call *call)
{
	http_begin(call, &fetch_layout, "GET");
}

static void http_head_start(struct effect_call *call)
{
	http_begin(call, &fetch_layout, "HEAD");
}

static void http_post_start(struct effect_call *call)
{
	http_begin(call, &send_layout, "POST");
}

static void http_put_start(struct effect_call *call)
{
	http_begin(call, &send_layout, "PUT");
}

static void http_patch_start(struct effect_call *call)
{
	http_begin(call, &send_layout, "PATCH");
}

static void http_delete_start(struct effect_call *call)
{
	http_begin(call, &send_layout, "DELETE");
}

static void http_request_start(struct effect_call *call)
{
	const char *method = call_text(call, 0);

	http_begin(call, &request_layout, method == NULL ? "" : method);
}

/* ---- http.all: many GETs, a bounded number of them at once ---- */

struct http_all {
	struct http_call shared; /* headers and the like, the same for all */
	struct http_all_item *items;
	size_t count, begun, ended, at_most;
	size_t unwanted;	 /* answers that `ok` refuses, and none */
	struct buffer complaint; /* of the first few of these */
};

struct http_all_item {
	struct http_all *all;
	struct http_transfer *transfer;
	struct value url; /* lent by the arguments */
	struct value answer;
};

/* How many of the unwanted answers the message tells about. */
#define ALL_NAMED 3

static void http_all_free(void *state)
{
	struct http_all *all = state;

	for (size_t i = 0; i < all->count; i++)
		value_release(all->items[i].answer);
	buffer_free(&all->complaint);
	free(all->items);
	http_call_free(all); /* all->shared is its first member */
}

static void http_all_next(struct http_all *all);

static void http_all_cancel(struct effect_call *call)
{
	struct http_all *all = call->state;

	for (size_t i = 0; i < all->begun; i++)
		if (all->items[i].transfer != NULL)
			http_cancel(all->items[i].transfer);
}

static void http_all_end(struct http_all *all)
{
	struct effect_call *call = all->shared.call;
	struct value list, text;

	call->cancel = NULL;
	if (call->cancelled) {
		call_failed(call, "http.all: cancelled with %zu of %zu answers", all->ended - all->unwanted,
			    all->count);
		return;
	}
	list = list_new(all->count);
	for (size_t i = 0; i < all->count; i++)
		list_push(&list, value_copy(all->items[i].answer));
	if (all->unwanted == 0) {
		call_ok(call, list);
		return;
	}
	text = buffer_finish(&all->complaint);
	call_failed_with(call, list, "http.all: %zu of %zu: %s%s", all->unwanted, all->count,
			 value_text_peek(text), all->unwanted > ALL_NAMED ? "; ..." : "");
	value_release(text);
}

static void http_all_done(void *context, const struct http_result *result)
{
	struct http_all_item *item = context;
	struct http_all *all = item->all;
	struct value ok = arg(all->shared.call, all->shared.layout->ok), line;

	item->transfer = NULL;
	item->answer = answer_of(result, item->url);
	all->ended++;
	if (result->cancelled ||
	    (ok.tag != VALUE_NULL && (!result->ok || !status_fits(ok, result->status)))) {
		if (all->unwanted++ < ALL_NAMED) {
			line = complaint("GET", result, item->url, ok);
			buffer_printf(&all->complaint, "%s%s", all->unwanted > 1 ? "; " : "",
				      value_text_peek(line));
			value_release(line);
		}
	}
	http_all_next(all);
}

/* Begins as many transfers as fit beside those under way; ends the call behind the last. */
static void http_all_next(struct http_all *all)
{
	struct effect_call *call = all->shared.call;

	while (!call->cancelled && all->begun < all->count && all->begun - all->ended < all->at_most) {
		struct http_all_item *item = &all->items[all->begun++];
		struct http_options options = options_of(&all->shared, item->url);

		options.on_done = http_all_done;
		options.context = item;
		item->transfer = http_start(call->live, &options);
	}
	if (all->ended == all->begun && (call->cancelled || all->begun == all->count))
		http_all_end(all);
}

/* False with shared.error set where the arguments are of no use. */
static bool http_all_prepare(struct http_all *all, struct value urls, int64_t at_most)
{
	struct http_call *shared = &all->shared;

	if (at_most < 1 || at_most > AT_MOST_LIMIT) {
		snprintf(shared->error, sizeof shared->error, "at_most is from 1 to %d", AT_MOST_LIMIT);
		return false;
	}
	all->count = value_length(urls);
	all->at_most = (size_t)at_most;
	all->items = memory_need(calloc(all->count + 1, sizeof *all->items));
	for (size_t i = 0; i < all->count; i++)
		all->items[i] =
		    (struct http_all_item){.all = all, .url = list_peek(urls, i), .answer = value_null()};
	for (size_t i = 0; i < all->count; i++)
		if (!url_usable(all->items[i].url, shared->error, sizeof shared->error))
			return false;
	return request_of(shared);
}

static void http_all_start(struct effect_call *call)
{
	struct http_all *all = memory_need(calloc(1, sizeof *all));

	all->shared =
	    (struct http_call){.call = call, .layout = &all_layout, .method = "GET", .body = value_null()};
	call->state = all;
	call->free_state = http_all_free;
	if (!http_all_prepare(all, call_arg(call, 0), call_int(call, 1, 64))) {
		call_failed(call, "http.all: %s", all->shared.error);
		return;
	}
	call->cancel = http_all_cancel;
	http_all_next(all);
}

/* ---- without the world ---- */

static struct value describe_with(const struct effect_request *request, const struct http_layout *layout,
				  const char *method)
{
	struct value url = url_shown(request->args[layout->url]), body = value_string(""), line;

	for (int i = 0; i < 2; i++) {
		int at = i == 0 ? layout->body : layout->json;

		if (at >= 0 && request->args[at].tag != VALUE_NULL) {
			value_release(body);
			body = value_show(request->args[at], 200);
		}
	}
	line = value_string_printf("%s %s%s%s", method, value_text_peek(url),
				   value_length(body) > 0 ? " " : "", value_text_peek(body));
	value_release(url);
	value_release(body);
	return line;
}

static struct value http_get_describe(const struct effect_request *request)
{
	return describe_with(request, &fetch_layout, "GET");
}

static struct value http_head_describe(const struct effect_request *request)
{
	return describe_with(request, &fetch_layout, "HEAD");
}

static struct value http_post_describe(const struct effect_request *request)
{
	return describe_with(request, &send_layout, "POST");
}

static struct value http_put_describe(const struct effect_request *request)
{
	return describe_with(request, &send_layout, "PUT");
}

static struct value http_patch_describe(const struct effect_request *request)
{
	return describe_with(request, &send_layout, "PATCH");
}

static struct value http_delete_describe(const struct effect_request *request)
{
	return describe_with(request, &send_layout, "DELETE");
}

static struct value http_request_describe(const struct effect_request *request)
{
	struct value method = request->args[0];

	return describe_with(request, &request_layout,
			     method.tag == VALUE_STRING ? value_text_peek(method) : "?");
}

static struct value http_all_describe(const struct effect_request *request)
{
	struct value urls = request->args[0], first, line;

	if (urls.tag != VALUE_LIST || value_length(urls) == 0)
		return value_string("GET each of a list of URLs");
	first = url_shown(list_peek(urls, 0));
	line = value_string_printf("GET %s%s", value_text_peek(first),
				   value_length(urls) > 1 ? " and others" : "");
	value_release(first);
	return line;
}

/* Nobody knows what a server would have answered. */
static struct value http_simulate(const struct effect_request *request)
{
	(void)request;
	return value_unknown();
}

/* ---- the table ---- */

#define ANSWER_DETAILS                                                                                       \
	"An answer of any status is an answer, unless `ok` says which ones count: `ok: 200`, `ok: "          \
	"200..299`, `ok: [200, 404]`. `json` is the parsed body, or null where it is none; header names "    \
	"are in lower case. `login: \"name:password\"` is for basic authentication, `ca` a file of "         \
	"certificates to trust, `insecure: true` trusts any. Proxies of the environment are used, but "      \
	"not for this machine."
#define CHANGE_DETAILS                                                                                       \
	"`json` is any value, sent as JSON; `body` is text. Redirects are not followed. "                    \
	"Where the request went out and no answer came, it is unknown whether it happened. "
#define BAD_INPUT                                                                                            \
	"No answer (refused, timed out, cut off, longer than `body_max`), a status that `ok` does not "      \
	"name, or a header with a line break in it fails the call."

static const struct builtin http_rows[] = {
    {
	.name = "http.get",
	.signature = "(url: secret url, " TAIL_SIGNATURE ", follow: bool = false) -> http_answer",
	.summary = "Ask for a resource.",
	.details = ANSWER_DETAILS " `follow: true` follows up to five redirects.",
	.example = "http.get(\"http://127.0.0.1:8080/health/\", timeout: 2s).json.version",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_READ,
	.start = http_get_start,
	.describe = http_get_describe,
    },
    {
	.name = "http.head",
	.signature = "(url: secret url, " TAIL_SIGNATURE ", follow: bool = false) -> http_answer",
	.summary = "Ask for the headers of a resource.",
	.details = ANSWER_DETAILS " `follow: true` follows up to five redirects.",
	.example = "http.head(\"http://127.0.0.1:8080/\").headers",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_READ,
	.start = http_head_start,
	.describe = http_head_describe,
    },
    {
	.name = "http.post",
	.signature = "(" SEND_SIGNATURE ") -> http_answer",
	.summary = "Send data to a resource; sent once or not at all.",
	.details = CHANGE_DETAILS ANSWER_DETAILS,
	.example = "http.post(\"http://127.0.0.1:8080/drain\", json: { drain: true }, ok: 200..299)",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_CHANGE,
	.settle = SETTLE_ASK,
	.start = http_post_start,
	.simulate = http_simulate,
	.describe = http_post_describe,
    },
    {
	.name = "http.put",
	.signature = "(" SEND_SIGNATURE ") -> http_answer",
	.summary = "Put a resource in place.",
	.details = CHANGE_DETAILS ANSWER_DETAILS,
	.example = "http.put(\"http://127.0.0.1:8080/weight\", json: { blue: 95, green: 5 }, ok: 200..299)",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = http_put_start,
	.simulate = http_simulate,
	.describe = http_put_describe,
    },
    {
	.name = "http.patch",
	.signature = "(" SEND_SIGNATURE ") -> http_answer",
	.summary = "Change a part of a resource; sent once or not at all.",
	.details = CHANGE_DETAILS ANSWER_DETAILS,
	.example = "http.patch(\"http://127.0.0.1:8080/feature\", json: { enabled: false }, ok: 200..299)",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_CHANGE,
	.settle = SETTLE_ASK,
	.start = http_patch_start,
	.simulate = http_simulate,
	.describe = http_patch_describe,
    },
    {
	.name = "http.delete",
	.signature = "(" SEND_SIGNATURE ") -> http_answer",
	.summary = "Remove a resource.",
	.details = CHANGE_DETAILS ANSWER_DETAILS,
	.example = "http.delete(\"http://127.0.0.1:8080/cache\", ok: [200, 204, 404])",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = http_delete_start,
	.simulate = http_simulate,
	.describe = http_delete_describe,
    },
    {
	.name = "http.request",
	.signature = "(method: string, " SEND_SIGNATURE ") -> http_answer",
	.summary = "Send a request with any method: PURGE, OPTIONS, ...",
	.details = "Counts as a change, whatever the method. " CHANGE_DETAILS ANSWER_DETAILS,
	.example = "http.request(\"PURGE\", \"http://127.0.0.1:8080/page\", ok: 200..299)",
	.bad_input = BAD_INPUT " A method is a word in capitals, not CONNECT or TRACE.",
	.effect = EFFECT_CHANGE,
	.settle = SETTLE_ASK,
	.start = http_request_start,
	.simulate = http_simulate,
	.describe = http_request_describe,
    },
    {
	.name = "http.all",
	.signature = "(urls: list(url), at_most: int = 64, " TAIL_SIGNATURE ") -> list(http_answer)",
	.summary = "Ask for many resources side by side, a bounded number of them at once.",
	.details = "The answers come in the order of the URLs. Without `ok`, where no answer came there is "
		   "one with status 0 and `error` filled in; with `ok`, one unwanted answer fails the call, "
		   "and its details are all answers. " ANSWER_DETAILS,
	.example = "all(a.status == 200 for a in http.all([\"http://127.0.0.1:8001/\", "
		   "\"http://127.0.0.1:8002/\"], at_most: 2))",
	.bad_input = "An answer that `ok` does not name, an unusable URL or header, or an at_most outside "
		     "of 1..900 fails the call.",
	.effect = EFFECT_READ,
	.start = http_all_start,
	.describe = http_all_describe,
    },
};

static const struct builtin_type http_types[] = {
    {"http_answer",
     "{ status: int, headers: record, body: string, json: any, time: duration, url: string, "
     "certificate_expires: time | null, error: string | null }",
     "What a server answered. `url` is the one asked last, after redirects; `certificate_expires` is null "
     "without TLS, `error` everywhere but in http.all."},
};

const struct builtin_table http_table = {
    .name = "http",
    .summary = "Requests to HTTP servers.",
    .rows = http_rows,
    .row_count = sizeof http_rows / sizeof *http_rows,
    .types = http_types,
    .type_count = sizeof http_types / sizeof *http_types,
};
