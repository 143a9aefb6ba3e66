/*
 * ws.c - ws.*: WebSocket servers.
 *
 * A connection never outlives its call: a whole exchange (handshake, what is sent, what must come) is one
 * call, so that it is on record as one and a resumed run needs no connection of the run before.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "builtins/http_parts.h"
#include "builtins/live.h"
#include "builtins/scrub.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "builtins/ws_session.h"
#include "interp/buffer.h"
#include "interp/regex.h"

#define EXCERPT 200

/* Where a row's arguments stand; -1: it has no such argument. */
struct ws_layout {
	int url, send, expect, binary, body_max, headers, origin, protocols, timeout, ca, insecure;
};

#define TAIL_AT(at)                                                                                          \
	.headers = (at), .origin = (at) + 1, .protocols = (at) + 2, .timeout = (at) + 3, .ca = (at) + 4,     \
	.insecure = (at) + 5
#define TAIL                                                                                                 \
	"headers: secret record = {}, origin: string = null, protocols: list(string) = [], timeout: "        \
	"duration = 10s, "                                                                                   \
	"ca: path = null, insecure: bool = false"

static const struct ws_layout connect_layout = {
    .url = 0, .send = -1, .expect = -1, .binary = -1, .body_max = -1, TAIL_AT(1)};
static const struct ws_layout exchange_layout = {
    .url = 0, .send = 1, .expect = 2, .binary = 4, .body_max = 5, TAIL_AT(6)};

struct ws_call {
	struct effect_call *call;
	const struct ws_layout *layout;
	struct ws_session *session;
	struct live_timer *deadline;
	struct url_parts url;
	struct header_lines headers;
	struct value protocols; /* a string, or null */
	struct value secrets;
	struct value answer_headers, protocol, messages, found;
	int64_t began, handshake;
	bool opened; /* from here on what is sent may arrive */
	bool sent;   /* all of it is on its way */
	char error[300];
};

static struct value arg(const struct effect_call *call, int index)
{
	return index < 0 ? value_null() : call_arg(call, (size_t)index);
}

static void ws_call_free(void *state)
{
	struct ws_call *ws = state;

	ws_close(ws->session);
	live_timer_stop(ws->deadline);
	url_parts_free(&ws->url);
	header_lines_free(&ws->headers);
	value_release(ws->protocols);
	value_release(ws->secrets);
	value_release(ws->answer_headers);
	value_release(ws->protocol);
	value_release(ws->messages);
	value_release(ws->found);
	free(ws);
}

/* ---- ends ---- */

static void quiet(struct ws_call *ws)
{
	ws_close(ws->session);
	ws->session = NULL;
	live_timer_stop(ws->deadline);
	ws->deadline = NULL;
	ws->call->cancel = NULL;
}

static size_t sends(const struct ws_call *ws)
{
	return value_length(arg(ws->call, ws->layout->send));
}

/* How far it came: " after 2 of 3 expected messages; the last one was ..." */
static void add_progress(const struct ws_call *ws, struct buffer *text)
{
	size_t wanted = value_length(arg(ws->call, ws->layout->expect)), came = value_length(ws->messages);
	struct value last, shown;

	if (!ws->opened || wanted == 0)
		return;
	buffer_printf(text, "; %zu of %zu expected messages came", value_length(ws->found), wanted);
	if (came == 0)
		return;
	last = list_peek(ws->messages, came - 1);
	shown = text_excerpt(value_text_peek(last), value_length(last), EXCERPT);
	buffer_printf(text, ", of %zu the last one: %s", came, value_text_peek(shown));
	value_release(shown);
}

/* A change whose messages may have arrived is in doubt. */
static void __attribute__((format(printf, 4, 5)))
fail(struct ws_call *ws, int status, int code, const char *format, ...)
{
	struct effect_call *call = ws->call;
	struct value shown = url_shown(arg(call, ws->layout->url)), details = record_new(3), message;
	struct buffer text = {0};
	va_list list;

	buffer_printf(&text, "%s: %s: ", call->builtin->name, value_text_peek(shown));
	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	add_progress(ws, &text);
	message = scrub(buffer_finish(&text), ws->secrets);
	record_set(&details, "status", status == 0 ? value_null() : value_int(status));
	record_set(&details, "close", code == 0 ? value_null() : value_int(code));
	record_set(&details, "messages", value_copy(ws->messages));
	quiet(ws);
	if (call->builtin->effect == EFFECT_CHANGE && ws->opened && sends(ws) > 0) {
		value_release(details);
		call_unknown(call, "%s; the server may have acted on it", value_text_peek(message));
	} else {
		call_failed_with(call, details, "%s", value_text_peek(message));
	}
	value_release(shown);
	value_release(message);
}

static void succeed(struct ws_call *ws)
{
	struct value answer = record_new(5);

	record_set(&answer, "time", value_duration(ws->handshake));
	record_set(&answer, "protocol", value_copy(ws->protocol));
	record_set(&answer, "headers", value_copy(ws->answer_headers));
	if (ws->layout->expect >= 0) {
		record_set(&answer, "messages", value_copy(ws->messages));
		record_set(&answer, "found", value_copy(ws->found));
	}
	quiet(ws);
	call_ok(ws->call, answer);
}

static bool is_complete(const struct ws_call *ws)
{
	return value_length(ws->found) == value_length(arg(ws->call, ws->layout->expect));
}

/* ---- a session's callbacks ---- */

static void ws_opened(void *context, const struct ws_handshake *handshake)
{
	struct ws_call *ws = context;

	ws->opened = true;
	ws->handshake = live_now(ws->call->live) - ws->began;
	value_put(&ws->answer_headers, value_copy(handshake->headers));
	value_put(&ws->protocol, value_string(handshake->protocol));
}

static void ws_sent(void *context)
{
	struct ws_call *ws = context;

	ws->sent = true;
	if (is_complete(ws))
		succeed(ws);
}

/* What comes while messages of ours are still on their way counts as well, but ends nothing. */
static void ws_received(void *context, const char *bytes, size_t length)
{
	struct ws_call *ws = context;
	struct value expect = arg(ws->call, ws->layout->expect), pattern;
	char error[REGEX_ERROR];
	bool matched = false;

	list_push(&ws->messages, value_string_n(bytes, length));
	if (is_complete(ws))
		return;
	pattern = list_peek(expect, value_length(ws->found));
	if (!regex_match(value_text_peek(pattern), value_length(pattern), bytes, length, &matched, error)) {
		fail(ws, 101, 0, "%s", error);
		return;
	}
	if (!matched)
		return;
	list_push(&ws->found, value_string_n(bytes, length));
	if (ws->sent && is_complete(ws))
		succeed(ws);
}

static void ws_ended(void *context, int status, int code, const char *reason)
{
	struct ws_call *ws = context;

	if (!ws->opened || (code == 0 && reason[0] != '\0'))
		fail(ws, status, code, "%s", reason);
	else if (code == 0)
		fail(ws, status, code, "the connection was cut off");
	else
		fail(ws, status, code, "the server closed the session (%d%s%s)", code,
		     reason[0] != '\0' ? ": " : "", reason);
}

static void ws_late(void *context)
{
	struct ws_call *ws = context;
	const char *missing = ws_missing(ws->session);
	char text[48];

	duration_text(call_int(ws->call, (size_t)ws->layout->timeout, 0), text);
	fail(ws, ws->opened ? 101 : 0, 0, "%s within %s",
	     missing != NULL ? missing : "not all that is expected came", text);
}

static void ws_cancel(struct effect_call *call)
{
	struct ws_call *ws = call->state;

	fail(ws, ws->opened ? 101 : 0, 0, "cancelled");
}

/* ---- the beginning ---- */

static void keep_secret(struct ws_call *ws, struct value v)
{
	if (value_is_secret(v) && v.tag == VALUE_STRING && value_length(v) > 0)
		list_push(&ws->secrets, value_copy(v));
}

static void collect_secrets(struct ws_call *ws)
{
	struct value send = arg(ws->call, ws->layout->send), headers = arg(ws->call, ws->layout->headers);

	for (size_t i = 0; i < value_length(send); i++)
		keep_secret(ws, list_peek(send, i));
	for (size_t i = 0; i < value_length(headers); i++)
		keep_secret(ws, record_value_peek(headers, i));
}

static bool target_of(struct ws_call *ws)
{
	if (url_parts_read(&ws->url, arg(ws->call, ws->layout->url), ws->error, sizeof ws->error) &&
	    (strcmp(ws->url.scheme, "ws") == 0 || strcmp(ws->url.scheme, "wss") == 0) &&
	    ws->url.user == NULL && ws->url.password == NULL)
		return true;
	snprintf(ws->error, sizeof ws->error, "%s",
		 ws->url.user != NULL ? "a user goes by a header (Authorization), not by the URL"
				      : "a URL begins with ws:// or wss:// and a host");
	return false;
}

static bool is_token(const char *text, size_t length)
{
	return length > 0 && length < 100 &&
	       strspn(text,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~") ==
		   length;
}

/* "chat, v2.chat" */
static bool protocols_of(struct ws_call *ws)
{
	struct value list = arg(ws->call, ws->layout->protocols);
	struct buffer text = {0};

	for (size_t i = 0; i < value_length(list); i++) {
		struct value name = list_peek(list, i);

		if (!is_token(value_text_peek(name), value_length(name))) {
			snprintf(ws->error, sizeof ws->error, "a protocol is a word without blanks");
			buffer_free(&text);
			return false;
		}
		buffer_printf(&text, "%s%s", i > 0 ? ", " : "", value_text_peek(name));
	}
	if (text.length > 0)
		ws->protocols = buffer_finish(&text);
	return true;
}

static bool origin_usable(struct ws_call *ws)
{
	const char *text = value_text_peek(arg(ws->call, ws->layout->origin));

	for (; *text != '\0'; text++)
		if ((unsigned char)*text <= ' ' || *text == 0x7f) {
			snprintf(ws->error, sizeof ws->error,
				 "an origin has no blanks and control characters in it");
			return false;
		}
	return true;
}

static bool expect_usable(struct ws_call *ws)
{
	struct value list = arg(ws->call, ws->layout->expect);
	char error[REGEX_ERROR];
	size_t offset;

	for (size_t i = 0; i < value_length(list); i++)
		if (!regex_check(value_text_peek(list_peek(list, i)), value_length(list_peek(list, i)), error,
				 &offset)) {
			snprintf(ws->error, sizeof ws->error, "expect: the pattern is wrong at byte %zu: %s",
				 offset, error);
			return false;
		}
	return true;
}

/* What the handshake writes itself: a second line of it would be read as who knows which of the two. */
static bool headers_usable(struct ws_call *ws)
{
	struct value headers = arg(ws->call, ws->layout->headers);

	for (size_t i = 0; i < value_length(headers); i++) {
		const char *name = record_key_peek(headers, i);
		const char *instead = strcasecmp(name, "Origin") == 0			? "`origin`"
				      : strcasecmp(name, "Sec-WebSocket-Protocol") == 0 ? "`protocols`"
											: NULL;

		if (instead != NULL)
			snprintf(ws->error, sizeof ws->error, "the header %.60s is given as %s", name,
				 instead);
		else if (strcasecmp(name, "Host") == 0 || strcasecmp(name, "Upgrade") == 0 ||
			 strcasecmp(name, "Connection") == 0 || strncasecmp(name, "Sec-WebSocket-", 14) == 0)
			snprintf(ws->error, sizeof ws->error, "the header %.60s is set by runplan itself",
				 name);
		else
			continue;
		return false;
	}
	return true;
}

static bool request_of(struct ws_call *ws)
{
	return target_of(ws) && protocols_of(ws) && origin_usable(ws) && expect_usable(ws) &&
	       headers_usable(ws) &&
	       header_lines_add(&ws->headers, arg(ws->call, ws->layout->headers), ws->error,
				sizeof ws->error);
}

static void send_all(struct ws_call *ws)
{
	struct value send = arg(ws->call, ws->layout->send), binary = arg(ws->call, ws->layout->binary);

	for (size_t i = 0; i < value_length(send); i++)
		ws_send(ws->session, value_text_peek(list_peek(send, i)), value_length(list_peek(send, i)),
			value_truthy(binary));
}

static struct ws_options options_of(struct ws_call *ws)
{
	const struct effect_call *call = ws->call;
	const struct ws_layout *layout = ws->layout;
	int64_t most =
	    layout->body_max < 0 ? LIVE_BODY_MAX : call_int(call, (size_t)layout->body_max, LIVE_BODY_MAX);

	return (struct ws_options){
	    .url = &ws->url,
	    .headers = (const char *const *)ws->headers.lines,
	    .origin = call_text(call, (size_t)layout->origin),
	    .protocols = ws->protocols.tag == VALUE_STRING ? value_text_peek(ws->protocols) : NULL,
	    .ca_file = call_text(call, (size_t)layout->ca),
	    .insecure = call_bool(call, (size_t)layout->insecure, false),
	    .timeout_ns = call_int(call, (size_t)layout->timeout, 0),
	    .received_max = most > 0 ? (size_t)most : 1,
	    .opened = ws_opened,
	    .sent = ws_sent,
	    .received = ws_received,
	    .ended = ws_ended,
	    .context = ws,
	};
}

static void ws_begin(struct effect_call *call, const struct ws_layout *layout)
{
	struct ws_call *ws = memory_need(calloc(1, sizeof *ws));
	int64_t timeout = call_int(call, (size_t)layout->timeout, 0);
	struct ws_options options;

	*ws = (struct ws_call){.call = call,
			       .layout = layout,
			       .protocols = value_null(),
			       .secrets = list_new(0),
			       .answer_headers = value_null(),
			       .protocol = value_null(),
			       .messages = list_new(0),
			       .found = list_new(0),
			       .began = live_now(call->live)};
	call->state = ws;
	call->free_state = ws_call_free;
	if (request_of(ws)) {
		collect_secrets(ws);
		options = options_of(ws);
		ws->session = ws_open(call->live, &options, ws->error, sizeof ws->error);
	}
	if (ws->session == NULL) {
		call_failed(call, "%s: %s", call->builtin->name, ws->error);
		return;
	}
	send_all(ws);
	call->cancel = ws_cancel;
	if (timeout > 0)
		ws->deadline = live_timer_start(call->live, timeout, ws_late, ws);
}

static void connect_start(struct effect_call *call)
{
	ws_begin(call, &connect_layout);
}

static void exchange_start(struct effect_call *call)
{
	ws_begin(call, &exchange_layout);
}

/* ---- without the world ---- */

static struct value exchange_describe(const struct effect_request *request)
{
	struct value shown = url_shown(request->args[exchange_layout.url]),
		     send = request->args[exchange_layout.send];
	struct buffer line = {0};

	words_add(&line, "send");
	words_add_list(&line, send);
	buffer_printf(&line, " to %s", value_text_peek(shown));
	value_release(shown);
	return buffer_finish(&line);
}

static struct value connect_describe(const struct effect_request *request)
{
	struct value shown = url_shown(request->args[connect_layout.url]), line;

	line = value_string_printf("connect to %s", value_text_peek(shown));
	value_release(shown);
	return line;
}

static struct value exchange_simulate(const struct effect_request *request)
{
	(void)request;
	return value_unknown();
}

/* ---- the table ---- */

#define TAIL_DETAILS                                                                                         \
	"`protocols` are offered in this order, and the answer's `protocol` is the one that the server "     \
	"took. "                                                                                             \
	"The certificate of `wss://` is checked against the system's authorities, or those in the file "     \
	"`ca`; "                                                                                             \
	"`insecure: true` takes any. Redirects are not followed and proxies not used. Before the handshake " \
	"one "                                                                                               \
	"connection is made and closed, to learn whether the server can be reached."

#define BAD_INPUT                                                                                            \
	"A server that cannot be reached, answers the handshake with another status than 101 "               \
	"(`detail.status`) or not at all, and a certificate that is not to be trusted fail the call"

#define EXCHANGE_SIGNATURE                                                                                   \
	"(url: secret url, send: secret list(string) = [], expect: list(string) = [], reads: bool = false, " \
	"binary: bool = false, body_max: size = 4MiB, " TAIL ") -> ws_exchange_answer"
#define EXCHANGE_SUMMARY                                                                                     \
	"Open a session with a WebSocket server, send, wait for what must come, and close it."
#define EXCHANGE_BAD                                                                                         \
	BAD_INPUT "; so do a server that closes the session (`detail.close`), messages of more than "        \
		  "`body_max` in "                                                                           \
		  "all, and expected ones that do not come within `timeout`."

/* What `ws.exchange(…, reads: true)` is. */
static const struct builtin exchange_reads = {
    .name = "ws.exchange",
    .signature = EXCHANGE_SIGNATURE,
    .summary = EXCHANGE_SUMMARY,
    .example =
	"ws.exchange(\"ws://127.0.0.1:8000/ws/echo\", send: [\"hello\"], expect: [\"hello\"], reads: true)",
    .bad_input = EXCHANGE_BAD,
    .effect = EFFECT_READ,
    .start = exchange_start,
    .describe = exchange_describe,
};

static const struct builtin ws_rows[] = {
    {.name = "ws.connect",
     .signature = "(url: secret url, " TAIL ") -> ws_answer",
     .summary = "Open a session with a WebSocket server and close it again: the handshake works.",
     .details = TAIL_DETAILS,
     .example = "ws.connect(\"ws://127.0.0.1:8000/ws/chat\", origin: \"https://app.example\").time < 1s",
     .bad_input = BAD_INPUT ".",
     .effect = EFFECT_READ,
     .start = connect_start,
     .describe = connect_describe},
    {.name = "ws.exchange",
     .signature = EXCHANGE_SIGNATURE,
     .summary = EXCHANGE_SUMMARY,
     .details = "The texts of `send` go out in their order, as text or, with `binary: true`, as binary "
		"messages. `expect` are "
		"regular expressions as after `matches`, each met by a message behind the one that met the "
		"one before; others "
		"in between are passed over. With the last one the session is closed; without any, when all "
		"is sent. The "
		"connection never outlives the call. With `reads: true` it is the author's promise that the "
		"server changes "
		"nothing on these messages, and the call is a read; else, when something was sent and not "
		"all of the expected "
		"came, it is unknown what the server did, and only a person can know. " TAIL_DETAILS,
     .example = "ws.exchange(\"ws://127.0.0.1:8000/ws/echo\", send: [\"hello\"], expect: [\"hello\"])",
     .bad_input = EXCHANGE_BAD,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_ASK,
     .start = exchange_start,
     .simulate = exchange_simulate,
     .describe = exchange_describe,
     .reads = &exchange_reads},
};

static const struct builtin_type ws_types[] = {
    {"ws_answer", "{ time: duration, protocol: string | null, headers: record }",
     "A handshake: how long it took, the protocol that the server chose, and the usual headers of its "
     "answer, their "
     "names in lower case."},
    {"ws_exchange_answer",
     "{ time: duration, protocol: string | null, headers: record, messages: list(string), found: "
     "list(string) }",
     "As ws_answer, with all messages that came and, of these, those that met what was expected."},
};

const struct builtin_table ws_table = {
    .name = "ws",
    .summary = "WebSocket servers.",
    .rows = ws_rows,
    .row_count = sizeof ws_rows / sizeof *ws_rows,
    .types = ws_types,
    .type_count = sizeof ws_types / sizeof *ws_types,
};
