/*
 * alertmanager.c - prom.silence and prom.unsilence: Alertmanager's API, version 2.
 *
 * A silence that was made twice does no harm: each ends by itself. One that is to be removed and has ended
 * already is removed.
 */
#include "builtins/alertmanager.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/http_parts.h"
#include "builtins/live.h"
#include "interp/buffer.h"
#include "interp/json.h"

#define NS_PER_S INT64_C(1000000000)

enum { SILENCE_MATCHERS, SILENCE_FOR, SILENCE_COMMENT, SILENCE_MATCHING, SILENCE_COMMON };
enum { UNSILENCE_ID, UNSILENCE_COMMON };
enum { SERVER, TIMEOUT, HEADERS, CA };

struct alert_call {
	struct effect_call *call;
	size_t common; /* where the arguments stand that both rows have */
	struct http_transfer *transfer;
	struct header_lines headers;
	struct value server; /* as a message may name it */
	struct value body;
	void (*answered)(struct alert_call *alert, const struct http_result *result);
};

static void alert_free(void *state)
{
	struct alert_call *alert = state;

	header_lines_free(&alert->headers);
	value_release(alert->server);
	value_release(alert->body);
	free(alert);
}

static void alert_cancel(struct effect_call *call)
{
	struct alert_call *alert = call->state;

	http_cancel(alert->transfer);
}

/* ---- the request ---- */

/* NULL where the call has ended because of its arguments. */
static struct alert_call *alert_begin(struct effect_call *call, size_t common)
{
	struct value server = call_arg(call, common + SERVER), shown;
	struct alert_call *alert;
	char error[200];

	if (server.tag == VALUE_NULL) {
		call_failed(
		    call,
		    "%s: no server: give `alertmanager: \"http://host:9093\"`, or write it once for the "
		    "file: `defaults { prom.alertmanager = \"http://host:9093\" }`",
		    call->builtin->name);
		return NULL;
	}
	if (!url_usable(server, error, sizeof error)) {
		call_failed(call, "%s: alertmanager: %s", call->builtin->name, error);
		return NULL;
	}
	shown = url_shown(server);
	alert = memory_need(calloc(1, sizeof *alert));
	*alert = (struct alert_call){
	    .call = call,
	    .common = common,
	    .server = value_string_printf("Alertmanager at %s", value_text_peek(shown)),
	    .body = value_null(),
	};
	value_release(shown);
	call->state = alert;
	call->free_state = alert_free;
	if (!header_lines_add(&alert->headers, call_arg(call, common + HEADERS), error, sizeof error)) {
		call_failed(call, "%s: %s", call->builtin->name, error);
		return NULL;
	}
	header_lines_set(&alert->headers, "Content-Type", "application/json");
	call->cancel = alert_cancel;
	return alert;
}

static void alert_done(void *context, const struct http_result *result)
{
	struct alert_call *alert = context;

	alert->transfer = NULL;
	alert->answered(alert, result);
}

static void alert_send(struct alert_call *alert, const char *method, const char *path,
		       void (*answered)(struct alert_call *alert, const struct http_result *result))
{
	struct effect_call *call = alert->call;
	struct value server = call_arg(call, alert->common + SERVER), url;
	size_t length = value_length(server);
	struct http_options options;

	while (length > 0 && value_text_peek(server)[length - 1] == '/')
		length--;
	url = value_string_printf("%.*s%s", (int)length, value_text_peek(server), path);
	options = (struct http_options){
	    .method = method,
	    .url = value_text_peek(url),
	    .secret_url = value_is_secret(server),
	    .headers = (const char *const *)alert->headers.lines,
	    .body = alert->body.tag == VALUE_STRING ? value_text_peek(alert->body) : NULL,
	    .body_length = value_length(alert->body),
	    .timeout_ns = call_int(call, alert->common + TIMEOUT, 5 * NS_PER_S),
	    .ca_file = call_text(call, alert->common + CA),
	    .on_done = alert_done,
	    .context = alert,
	};
	alert->answered = answered;
	alert->transfer = http_start(call->live, &options);
	value_release(url);
	if (call->cancelled)
		http_cancel(alert->transfer);
}

/* Alertmanager answers a refusal with a JSON string, or with a record that has a message. */
static struct value words_of(const struct http_result *result)
{
	struct value answer = value_null(), words, shown;
	char error[160];

	value_from_json(result->body, result->body_length, &answer, error);
	words = answer.tag == VALUE_STRING ? answer : record_peek(answer, "message");
	if (words.tag == VALUE_STRING)
		shown = text_excerpt(value_text_peek(words), value_length(words), 500);
	else
		shown = text_excerpt(result->body, result->body_length, 200);
	value_release(answer);
	return shown;
}

static void alert_failed(struct alert_call *alert, const struct http_result *result)
{
	struct value words;

	if (!result->ok && result->sent) {
		call_unknown(alert->call, "%s: %s; it may have done it", value_text_peek(alert->server),
			     result->error);
		return;
	}
	if (!result->ok) {
		call_failed(alert->call, "%s: %s", value_text_peek(alert->server), result->error);
		return;
	}
	words = words_of(result);
	call_failed(alert->call, "%s: answered %d%s%s", value_text_peek(alert->server), result->status,
		    value_length(words) > 0 ? ": " : "", value_text_peek(words));
	value_release(words);
}

/* ---- prom.silence ---- */

/* A value as a regular expression that fits it alone. */
static void add_escaped(struct buffer *pattern, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("\\.+*?()|[]{}^$", *text) != NULL)
			buffer_add_byte(pattern, '\\');
		buffer_add_byte(pattern, *text);
	}
}

/* "a" is a; ["a", "b"] is one of both, as a pattern. A string, or null where it is neither. */
static struct value matcher_value(struct value wanted)
{
	struct buffer pattern = {0};

	if (wanted.tag == VALUE_STRING)
		return value_copy(wanted);
	if (wanted.tag != VALUE_LIST || value_length(wanted) == 0)
		return value_null();
	for (size_t i = 0; i < value_length(wanted); i++) {
		if (list_peek(wanted, i).tag != VALUE_STRING) {
			buffer_free(&pattern);
			return value_null();
		}
		if (i > 0)
			buffer_add_byte(&pattern, '|');
		add_escaped(&pattern, value_text_peek(list_peek(wanted, i)));
	}
	return buffer_finish(&pattern);
}

/* False where a value is no text. */
static bool matchers_add(struct value *matchers, struct value labels, bool regex)
{
	for (size_t i = 0; i < value_length(labels); i++) {
		struct value wanted = record_value_peek(labels, i), text = matcher_value(wanted), matcher;

		if (text.tag != VALUE_STRING)
			return false;
		matcher = record_new(4);
		record_set(&matcher, "name", value_string(record_key_peek(labels, i)));
		record_set(&matcher, "value", text);
		record_set(&matcher, "isRegex", value_bool(regex || wanted.tag == VALUE_LIST));
		record_set(&matcher, "isEqual", value_bool(true));
		list_push(matchers, matcher);
	}
	return true;
}

static struct value time_string(int64_t unix_ns)
{
	char text[48];

	return value_string(time_text(unix_ns, text));
}

static struct value silence_body(const struct effect_call *call, struct value matchers)
{
	const char *by = live_options(call->live)->operator_name;
	struct value silence = record_new(5);
	struct buffer body = {0};
	int64_t begins = live_clock();

	record_set(&silence, "matchers", matchers);
	record_set(&silence, "startsAt", time_string(begins));
	record_set(&silence, "endsAt", time_string(begins + call_int(call, SILENCE_FOR, 0)));
	record_set(&silence, "createdBy", value_string(by != NULL ? by : "runplan"));
	record_set(&silence, "comment", value_copy(call_arg(call, SILENCE_COMMENT)));
	json_write(&body, silence, JSON_REVEAL);
	value_release(silence);
	return buffer_finish(&body);
}

static void silenced(struct alert_call *alert, const struct http_result *result)
{
	struct value answer = value_null(), id;
	char error[160];

	if (!result->ok || result->status != 200) {
		alert_failed(alert, result);
		return;
	}
	value_from_json(result->body, result->body_length, &answer, error);
	id = record_peek(answer, "silenceID");
	if (id.tag == VALUE_STRING && value_length(id) > 0)
		call_ok(alert->call, value_copy(id));
	else
		call_failed(alert->call, "%s: not an answer of its API: it has no silenceID",
			    value_text_peek(alert->server));
	value_release(answer);
}

void prom_silence_start(struct effect_call *call)
{
	struct alert_call *alert = alert_begin(call, SILENCE_COMMON);
	struct value matchers = list_new(4);

	if (alert == NULL) {
		value_release(matchers);
	} else if (!matchers_add(&matchers, call_arg(call, SILENCE_MATCHERS), false) ||
		   !matchers_add(&matchers, call_arg(call, SILENCE_MATCHING), true)) {
		value_release(matchers);
		call_failed(call, "prom.silence: a label is matched by a text, or by one of a list of texts");
	} else if (value_length(matchers) == 0) {
		value_release(matchers);
		call_failed(call, "prom.silence: without a label it would silence everything");
	} else if (call_int(call, SILENCE_FOR, 0) < NS_PER_S) {
		value_release(matchers);
		call_failed(call, "prom.silence: it lasts at least 1s");
	} else {
		alert->body = silence_body(call, matchers);
		alert_send(alert, "POST", "/api/v2/silences", silenced);
	}
}

/* ---- prom.unsilence ---- */

/* What Alertmanager refuses to remove may have ended by itself. */
static void looked(struct alert_call *alert, const struct http_result *result)
{
	struct value answer = value_null(), state;
	char error[160];

	if (!result->ok) {
		alert_failed(alert, result);
		return;
	}
	value_from_json(result->body, result->body_length, &answer, error);
	state = record_peek(record_peek(answer, "status"), "state");
	if (result->status == 200 && strcmp(value_text_peek(state), "expired") == 0)
		call_ok(alert->call, value_null());
	else if (result->status == 404)
		call_failed(alert->call, "%s: there is no such silence", value_text_peek(alert->server));
	else
		alert_failed(alert, result);
	value_release(answer);
}

static void unsilenced(struct alert_call *alert, const struct http_result *result)
{
	char path[200];

	if (result->ok && result->status == 200) {
		call_ok(alert->call, value_null());
	} else if (result->ok && (result->status == 404 || result->status == 500)) {
		snprintf(path, sizeof path, "/api/v2/silence/%s", call_text(alert->call, UNSILENCE_ID));
		alert_send(alert, "GET", path, looked);
	} else {
		alert_failed(alert, result);
	}
}

void prom_unsilence_start(struct effect_call *call)
{
	struct alert_call *alert = alert_begin(call, UNSILENCE_COMMON);
	const char *id = call_text(call, UNSILENCE_ID);
	char path[200];

	if (alert == NULL)
		return;
	if (id == NULL || *id == '\0' || strlen(id) > 100 ||
	    id[strspn(id, "0123456789abcdefABCDEF-")] != '\0') {
		call_failed(call, "prom.unsilence needs the id that prom.silence has given");
		return;
	}
	snprintf(path, sizeof path, "/api/v2/silence/%s", id);
	alert_send(alert, "DELETE", path, unsilenced);
}

/* ---- without the world ---- */

struct value prom_silence_simulate(const struct effect_request *request)
{
	(void)request;
	return value_string("00000000-0000-0000-0000-000000000000");
}

struct value prom_silence_describe(const struct effect_request *request)
{
	struct value labels = value_show(request->args[SILENCE_MATCHERS], 200),
		     patterns = value_show(request->args[SILENCE_MATCHING], 200),
		     time = value_to_text(request->args[SILENCE_FOR]);
	bool more = value_length(request->args[SILENCE_MATCHING]) > 0;
	struct value line =
	    value_string_printf("silence %s%s%s for %s", value_text_peek(labels), more ? " matching " : "",
				more ? value_text_peek(patterns) : "", value_text_peek(time));

	value_release(labels);
	value_release(patterns);
	value_release(time);
	return line;
}

struct value prom_unsilence_describe(const struct effect_request *request)
{
	struct value id = value_to_text(request->args[UNSILENCE_ID]),
		     line = value_string_printf("remove silence %s", value_text_peek(id));

	value_release(id);
	return line;
}
