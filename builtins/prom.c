/*
 * prom.c - prom.*: questions to a Prometheus server. The silences are in alertmanager.c.
 *
 * Every other row is one GET of its API (https://prometheus.io/docs/prometheus/latest/querying/api/), the
 * envelope of the answer taken off in one place, and a function that makes the row's answer of what is
 * inside. An answer that is not as the API says is a failure, never an empty one.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/alertmanager.h"
#include "builtins/http_parts.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "interp/buffer.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* How many series a message names, and how long each may get. */
#define SERIES_NAMED 4
#define SERIES_SHOWN 160
/* A range without a step is cut into this many points. */
#define RANGE_POINTS 120

/* Where a row's common arguments stand. */
struct prom_layout {
	size_t server, timeout, headers, ca;
};

#define COMMON_SIGNATURE                                                                                     \
	"server: secret url = null, timeout: duration = 5s, headers: secret record = {}, ca: path = null"
#define COMMON(at)                                                                                           \
	(struct prom_layout)                                                                                 \
	{                                                                                                    \
		.server = (at), .timeout = (at) + 1, .headers = (at) + 2, .ca = (at) + 3                     \
	}

struct prom_call {
	struct effect_call *call;
	struct http_transfer *transfer;
	struct header_lines headers;
	struct value server; /* as a message may name it */
	struct value url;
	/* Ends the call with what it makes of the answer's data. */
	void (*take)(struct prom_call *prom, struct value data);
};

static void prom_free(void *state)
{
	struct prom_call *prom = state;

	header_lines_free(&prom->headers);
	value_release(prom->server);
	value_release(prom->url);
	free(prom);
}

static void prom_cancel(struct effect_call *call)
{
	struct prom_call *prom = call->state;

	http_cancel(prom->transfer);
}

/* ---- what came ---- */

static void fail_malformed(struct prom_call *prom, const char *what)
{
	call_failed(prom->call, "%s: not an answer of its API: %s", value_text_peek(prom->server), what);
}

/* Prometheus' own words where it has some, else the status and what came with it. */
static void fail_refused(struct prom_call *prom, const struct http_result *result, struct value answer)
{
	struct value kind = record_peek(answer, "errorType"), message = record_peek(answer, "error");
	struct value excerpt, details;

	if (message.tag == VALUE_STRING)
		excerpt = text_excerpt(value_text_peek(message), value_length(message), 500);
	else
		excerpt = text_excerpt(result->body, result->body_length, 200);
	details = record_new(3);
	record_set(&details, "status", value_int(result->status));
	record_set(&details, "kind", value_copy(kind));
	record_set(&details, "error", value_copy(excerpt));
	if (message.tag == VALUE_STRING)
		call_failed_with(prom->call, details, "%s: %s: %s", value_text_peek(prom->server),
				 kind.tag == VALUE_STRING ? value_text_peek(kind) : "error",
				 value_text_peek(excerpt));
	else
		call_failed_with(prom->call, details, "%s: answered %d%s%s", value_text_peek(prom->server),
				 result->status, value_length(excerpt) > 0 ? ": " : "",
				 value_text_peek(excerpt));
	value_release(excerpt);
}

static void prom_answered(struct prom_call *prom, const struct http_result *result)
{
	struct value answer = value_null(), data;
	char error[160];
	bool parsed = value_from_json(result->body, result->body_length, &answer, error);

	data = record_peek(answer, "data");
	if (result->status != 200 || strcmp(value_text_peek(record_peek(answer, "status")), "error") == 0)
		fail_refused(prom, result, answer);
	else if (!parsed)
		fail_malformed(prom, error);
	else if (strcmp(value_text_peek(record_peek(answer, "status")), "success") != 0 ||
		 data.tag != VALUE_RECORD)
		fail_malformed(prom, "it has no status and data");
	else
		prom->take(prom, data);
	value_release(answer);
}

static void prom_done(void *context, const struct http_result *result)
{
	struct prom_call *prom = context;

	prom->transfer = NULL;
	prom->call->cancel = NULL;
	if (result->ok)
		prom_answered(prom, result);
	else
		call_failed(prom->call, "%s: %s", value_text_peek(prom->server), result->error);
}

/* ---- the request ---- */

/* Adds "?name=value" or "&name=value", percent-encoded. */
static void url_add(struct buffer *url, bool *first, const char *name, const char *value)
{
	struct value encoded;

	http_percent_encode(value, strlen(value), &encoded);
	buffer_add_byte(url, *first ? '?' : '&');
	buffer_add_text(url, name);
	buffer_add_byte(url, '=');
	buffer_add(url, value_text_peek(encoded), value_length(encoded));
	value_release(encoded);
	*first = false;
}

/* Prometheus takes unix seconds with a fraction; milliseconds are all it keeps. */
static void url_add_time(struct buffer *url, bool *first, const char *name, int64_t unix_ns)
{
	char text[40];

	snprintf(text, sizeof text, "%lld.%03lld", (long long)(unix_ns / NS_PER_S),
		 (long long)(unix_ns % NS_PER_S / NS_PER_MS));
	url_add(url, first, name, text);
}

static void url_add_seconds(struct buffer *url, bool *first, const char *name, int64_t ns)
{
	char text[40];

	snprintf(text, sizeof text, "%.3f", (double)ns / (double)NS_PER_S);
	url_add(url, first, name, text);
}

/* Makes the call's state and the beginning of the URL; NULL where the call has ended because of its
 * arguments. */
static struct prom_call *prom_begin(struct effect_call *call, struct prom_layout layout, const char *path,
				    struct buffer *url)
{
	struct value server = call_arg(call, layout.server), shown;
	struct prom_call *prom;
	char error[200];
	size_t length;

	if (server.tag == VALUE_NULL) {
		call_failed(
		    call,
		    "%s: no server: give `server: \"http://host:9090\"`, or write it once for the file: "
		    "`defaults { prom.server = \"http://host:9090\" }`",
		    call->builtin->name);
		return NULL;
	}
	if (!url_usable(server, error, sizeof error)) {
		call_failed(call, "%s: server: %s", call->builtin->name, error);
		return NULL;
	}
	shown = url_shown(server);
	prom = memory_need(calloc(1, sizeof *prom));
	*prom = (struct prom_call){.call = call,
				   .server = value_string_printf("Prometheus at %s", value_text_peek(shown)),
				   .url = value_null()};
	value_release(shown);
	call->state = prom;
	call->free_state = prom_free;
	if (!header_lines_add(&prom->headers, call_arg(call, layout.headers), error, sizeof error)) {
		call_failed(call, "%s: %s", call->builtin->name, error);
		return NULL;
	}
	length = value_length(server);
	while (length > 0 && value_text_peek(server)[length - 1] == '/')
		length--;
	buffer_add(url, value_text_peek(server), length);
	buffer_add_text(url, path);
	return prom;
}

static void prom_send(struct prom_call *prom, struct prom_layout layout, struct buffer *url,
		      void (*take)(struct prom_call *prom, struct value data))
{
	struct effect_call *call = prom->call;
	struct http_options options;

	prom->url = buffer_finish(url);
	prom->take = take;
	options = (struct http_options){
	    .url = value_text_peek(prom->url),
	    .secret_url = value_is_secret(call_arg(call, layout.server)),
	    .headers = (const char *const *)prom->headers.lines,
	    .no_headers = true,
	    .timeout_ns = call_int(call, layout.timeout, 5 * NS_PER_S),
	    .ca_file = call_text(call, layout.ca),
	    .on_done = prom_done,
	    .context = prom,
	};
	prom->transfer = http_start(call->live, &options);
	call->cancel = prom_cancel;
}

/* ---- samples ---- */

/* A sample's number arrives as text. NaN and the infinities make null: no data. False: no number at all. */
static bool sample_number(struct value text, struct value *out)
{
	const char *bytes = value_text_peek(text);
	char *end;
	double number;

	if (text.tag != VALUE_STRING || value_length(text) == 0 || strlen(bytes) != value_length(text))
		return false;
	number = strtod(bytes, &end);
	if (*end != '\0' || *bytes == ' ')
		return false;
	*out = isfinite(number) ? value_float(number) : value_null();
	return true;
}

static bool sample_time(struct value seconds, struct value *out)
{
	double number;

	if ((seconds.tag != VALUE_INT && seconds.tag != VALUE_FLOAT) || !value_as_double(seconds, &number) ||
	    !(fabs(number) < 9e9))
		return false;
	*out = value_time((int64_t)llround(number * 1000) * NS_PER_MS);
	return true;
}

/* [unix seconds, "number"] as a record of `value` and `time`. */
static bool sample_of(struct value pair, struct value *number, struct value *time)
{
	return pair.tag == VALUE_LIST && value_length(pair) == 2 && sample_time(list_peek(pair, 0), time) &&
	       sample_number(list_peek(pair, 1), number);
}

/* The labels of a series as PromQL writes them: up{job="api", instance="a:1"}; many are cut short. */
static void labels_add(struct buffer *text, struct value labels)
{
	size_t end = text->length + SERIES_SHOWN;
	const char *comma = "";

	buffer_add_text(text, value_text_peek(record_peek(labels, "__name__")));
	buffer_add_text(text, "{");
	for (size_t i = 0; i < value_length(labels) && text->length < end; i++) {
		struct value label = record_value_peek(labels, i), shown;

		if (strcmp(record_key_peek(labels, i), "__name__") == 0)
			continue;
		shown = text_excerpt(value_text_peek(label), value_length(label), 60);
		buffer_printf(text, "%s%s=\"%s\"", comma, record_key_peek(labels, i), value_text_peek(shown));
		value_release(shown);
		comma = ", ";
	}
	buffer_add_text(text, text->length < end ? "}" : ", …}");
}

static bool is_kind(struct value data, const char *kind)
{
	return strcmp(value_text_peek(record_peek(data, "resultType")), kind) == 0;
}

static void fail_kind(struct prom_call *prom, struct value data)
{
	struct value kind = record_peek(data, "resultType");
	struct value shown = text_excerpt(value_text_peek(kind), value_length(kind), 40);

	if (is_kind(data, "matrix"))
		call_failed(prom->call,
			    "%s: the query selects a range of samples ([5m] without a function "
			    "over it); use prom.range for more than one point in time",
			    prom->call->builtin->name);
	else if (is_kind(data, "string"))
		call_failed(prom->call, "%s: the query is a text, not numbers", prom->call->builtin->name);
	else
		call_failed(prom->call, "%s: not an answer of its API: a result of type \"%s\"",
			    value_text_peek(prom->server), value_text_peek(shown));
	value_release(shown);
}

/* ---- query ---- */

static void fail_many(struct prom_call *prom, struct value series)
{
	struct buffer named = {0};
	struct value text, details = list_new(value_length(series));
	size_t count = value_length(series);

	for (size_t i = 0; i < count; i++) {
		struct value labels = record_peek(list_peek(series, i), "metric");

		list_push(&details, value_copy(labels));
		if (i >= SERIES_NAMED)
			continue;
		buffer_add_text(&named, i > 0 ? ", " : "");
		labels_add(&named, labels);
	}
	text = buffer_finish(&named);
	call_failed_with(
	    prom->call, details,
	    "prom.query: one series is wanted and %zu came: %s%s; aggregate them (sum, max), select "
	    "one, or use prom.vector",
	    count, value_text_peek(text), count > SERIES_NAMED ? ", …" : "");
	value_release(text);
}

static void query_take(struct prom_call *prom, struct value data)
{
	struct value result = record_peek(data, "result"), number, time, pair;

	if (!is_kind(data, "vector") && !is_kind(data, "scalar")) {
		fail_kind(prom, data);
		return;
	}
	if (result.tag != VALUE_LIST) {
		fail_malformed(prom, "the result is no list");
		return;
	}
	if (is_kind(data, "vector") && value_length(result) == 0) {
		call_ok(prom->call, value_null());
		return;
	}
	if (is_kind(data, "vector") && value_length(result) > 1) {
		fail_many(prom, result);
		return;
	}
	pair = is_kind(data, "scalar") ? result : record_peek(list_peek(result, 0), "value");
	if (pair.tag == VALUE_NULL && record_has(list_peek(result, 0), "histogram"))
		call_failed(prom->call, "prom.query: the series is a native histogram, not a number; "
					"use histogram_quantile() or histogram_count()");
	else if (!sample_of(pair, &number, &time))
		fail_malformed(prom, "the sample is not [time, \"number\"]");
	else
		call_ok(prom->call, number);
}

static void instant_start(struct effect_call *call, void (*take)(struct prom_call *prom, struct value data))
{
	struct prom_layout layout = COMMON(1);
	struct buffer url = {0};
	struct prom_call *prom = prom_begin(call, layout, "/api/v1/query", &url);
	struct value at = call_arg(call, 5);
	bool first = true;

	if (prom == NULL)
		return;
	url_add(&url, &first, "query", call_text(call, 0) == NULL ? "" : call_text(call, 0));
	if (at.tag == VALUE_TIME)
		url_add_time(&url, &first, "time", at.i);
	url_add_seconds(&url, &first, "timeout", call_int(call, layout.timeout, 5 * NS_PER_S));
	prom_send(prom, layout, &url, take);
}

static void prom_query_start(struct effect_call *call)
{
	instant_start(call, query_take);
}

/* ---- vector ---- */

/* One series of a vector; false where it is malformed. A native histogram's value is null. */
static bool vector_item(struct value series, struct value *out)
{
	struct value labels = record_peek(series, "metric"), number = value_null(), time;
	bool histogram = record_has(series, "histogram");

	if (labels.tag != VALUE_RECORD)
		return false;
	if (histogram ? !sample_time(list_peek(record_peek(series, "histogram"), 0), &time)
		      : !sample_of(record_peek(series, "value"), &number, &time))
		return false;
	*out = record_new(3);
	record_set(out, "labels", value_copy(labels));
	record_set(out, "value", number);
	record_set(out, "time", time);
	return true;
}

/* Ends the call with a list of what `item` makes of each of `from`. */
static void take_list(struct prom_call *prom, struct value from, const char *what,
		      bool (*item)(struct value from, struct value *out))
{
	struct value list = list_new(value_length(from)), made;

	for (size_t i = 0; from.tag == VALUE_LIST && i < value_length(from); i++) {
		if (!item(list_peek(from, i), &made)) {
			value_release(list);
			fail_malformed(prom, what);
			return;
		}
		list_push(&list, made);
	}
	if (from.tag == VALUE_LIST) {
		call_ok(prom->call, list);
	} else {
		value_release(list);
		fail_malformed(prom, what);
	}
}

static void vector_take(struct prom_call *prom, struct value data)
{
	if (is_kind(data, "vector"))
		take_list(prom, record_peek(data, "result"), "a series lacks its labels or its sample",
			  vector_item);
	else if (is_kind(data, "scalar"))
		call_failed(prom->call, "prom.vector: the query is a number, not series; use prom.query");
	else
		fail_kind(prom, data);
}

static void prom_vector_start(struct effect_call *call)
{
	instant_start(call, vector_take);
}

/* ---- range ---- */

static bool range_item(struct value series, struct value *out)
{
	struct value labels = record_peek(series, "metric"), values = record_peek(series, "values");
	struct value points = list_new(value_length(values)), number, time, point;

	for (size_t i = 0; i < value_length(values); i++) {
		if (!sample_of(list_peek(values, i), &number, &time)) {
			value_release(points);
			return false;
		}
		point = record_new(2);
		record_set(&point, "time", time);
		record_set(&point, "value", number);
		list_push(&points, point);
	}
	if (labels.tag != VALUE_RECORD || (values.tag != VALUE_LIST && !record_has(series, "histograms"))) {
		value_release(points);
		return false;
	}
	*out = record_new(2);
	record_set(out, "labels", value_copy(labels));
	record_set(out, "points", points);
	return true;
}

static void range_take(struct prom_call *prom, struct value data)
{
	if (is_kind(data, "matrix"))
		take_list(prom, record_peek(data, "result"), "a series lacks its labels or its samples",
			  range_item);
	else
		fail_kind(prom, data);
}

struct prom_span {
	int64_t from, to, step;
};

/* The span that the arguments ask for; false when the call has ended because they ask for none. */
static bool span_of(struct effect_call *call, struct prom_span *span)
{
	struct value from = call_arg(call, 5), to = call_arg(call, 6), over = call_arg(call, 7);

	if ((from.tag == VALUE_TIME) == (over.tag == VALUE_DURATION)) {
		call_failed(call, "prom.range: say `over: 1h`, or `from:` a time");
		return false;
	}
	span->to = to.tag == VALUE_TIME ? to.i : live_clock();
	span->from = from.tag == VALUE_TIME ? from.i : span->to - over.i;
	span->step = call_int(call, 8, (span->to - span->from) / RANGE_POINTS);
	if (call_arg(call, 8).tag == VALUE_NULL && span->step < NS_PER_S)
		span->step = NS_PER_S;
	if (span->from >= span->to || span->step < NS_PER_MS) {
		call_failed(call, "prom.range: %s",
			    span->step < NS_PER_MS && span->from < span->to ? "the step is at least 1ms"
									    : "it must end after it begins");
		return false;
	}
	return true;
}

static void prom_range_start(struct effect_call *call)
{
	struct prom_layout layout = COMMON(1);
	struct buffer url = {0};
	struct prom_call *prom;
	struct prom_span span;
	bool first = true;

	if (!span_of(call, &span))
		return;
	prom = prom_begin(call, layout, "/api/v1/query_range", &url);
	if (prom == NULL)
		return;
	url_add(&url, &first, "query", call_text(call, 0) == NULL ? "" : call_text(call, 0));
	url_add_time(&url, &first, "start", span.from);
	url_add_time(&url, &first, "end", span.to);
	url_add_seconds(&url, &first, "step", span.step);
	url_add_seconds(&url, &first, "timeout", call_int(call, layout.timeout, 5 * NS_PER_S));
	prom_send(prom, layout, &url, range_take);
}

/* ---- alerts and targets ---- */

static struct value text_of(struct value record, const char *key)
{
	struct value text = record_peek(record, key);

	return text.tag == VALUE_STRING ? value_copy(text) : value_string("");
}

static bool alert_item(struct value alert, struct value *out)
{
	struct value labels = record_peek(alert, "labels"), annotations = record_peek(alert, "annotations");

	if (labels.tag != VALUE_RECORD)
		return false;
	*out = record_new(5);
	record_set(out, "name", text_of(labels, "alertname"));
	record_set(out, "state", text_of(alert, "state"));
	record_set(out, "labels", value_copy(labels));
	record_set(out, "annotations",
		   annotations.tag == VALUE_RECORD ? value_copy(annotations) : record_new(0));
	record_set(out, "since", time_from_rfc3339(record_peek(alert, "activeAt")));
	return true;
}

static void alerts_take(struct prom_call *prom, struct value data)
{
	take_list(prom, record_peek(data, "alerts"), "it has no list of alerts", alert_item);
}

static void prom_alerts_start(struct effect_call *call)
{
	struct prom_layout layout = COMMON(0);
	struct buffer url = {0};
	struct prom_call *prom = prom_begin(call, layout, "/api/v1/alerts", &url);

	if (prom != NULL)
		prom_send(prom, layout, &url, alerts_take);
}

static bool target_item(struct value target, struct value *out)
{
	struct value labels = record_peek(target, "labels");

	if (labels.tag != VALUE_RECORD)
		return false;
	*out = record_new(5);
	record_set(out, "job", text_of(labels, "job"));
	record_set(out, "instance", text_of(labels, "instance"));
	record_set(out, "health", text_of(target, "health"));
	record_set(out, "error", text_of(target, "lastError"));
	record_set(out, "labels", value_copy(labels));
	return true;
}

static void targets_take(struct prom_call *prom, struct value data)
{
	take_list(prom, record_peek(data, "activeTargets"), "it has no list of targets", target_item);
}

static void prom_targets_start(struct effect_call *call)
{
	struct prom_layout layout = COMMON(0);
	struct buffer url = {0};
	struct prom_call *prom = prom_begin(call, layout, "/api/v1/targets?state=active", &url);

	if (prom != NULL)
		prom_send(prom, layout, &url, targets_take);
}

/* ---- preview ---- */

/* The query is the author's own text; where it is not known yet, value_show() says so. */
static struct value describe_query(const struct effect_request *request)
{
	struct value query = request->args[0], shown, line;

	if (query.tag == VALUE_STRING && !value_is_secret(query))
		shown = text_excerpt(value_text_peek(query), value_length(query), 300);
	else
		shown = value_show(query, 300);
	line = value_string_printf("%s %s", request->builtin->name, value_text_peek(shown));
	value_release(shown);
	return line;
}

/* ---- the table ---- */

#define SERVER_DETAILS                                                                                       \
	" The server is given here, or once for the file: `defaults { prom.server = prometheus }`. "         \
	"`headers` may carry a token: `{ Authorization: \"Bearer ${token}\" }`."
#define BAD_INPUT                                                                                            \
	"A query that Prometheus refuses fails with its own message; so does a server that cannot be "       \
	"reached, answers late, or answers anything but its API's JSON (4 MiB at most)."

static const struct builtin prom_rows[] = {
    {
	.name = "prom.query",
	.signature = "(query: promql, " COMMON_SIGNATURE ", at: time = null) -> any",
	.summary = "The one number that a PromQL query gives now, or null where there is no data.",
	.details = "Exactly one series is wanted: none, NaN and the infinities are null (no data), several "
		   "fail the call and are named. The number has no unit until it is given one: "
		   "`prom.query('…') as ratio`. A query that ends in a comparison gives no data where the "
		   "comparison is false: compare in the plan." SERVER_DETAILS,
	.example = "prom.query('sum(rate(http_requests_total[1m]))', server: \"http://127.0.0.1:9090\") as "
		   "per_second",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_READ,
	.start = prom_query_start,
	.describe = describe_query,
    },
    {
	.name = "prom.vector",
	.signature = "(query: promql, " COMMON_SIGNATURE ", at: time = null) -> list(prom_sample)",
	.summary = "All series that a PromQL query gives now, each with its labels and its number.",
	.details = "In Prometheus' order; `value` is null for NaN, the infinities and native "
		   "histograms." SERVER_DETAILS,
	.example = "all(s.value == 1 for s in prom.vector('up', server: \"http://127.0.0.1:9090\"))",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_READ,
	.start = prom_vector_start,
	.describe = describe_query,
    },
    {
	.name = "prom.range",
	.signature = "(query: promql, " COMMON_SIGNATURE ", from: time = null, to: time = null, over: "
		     "duration = null, step: duration = null) -> list(prom_series)",
	.summary = "The course of a PromQL query over a span of time.",
	.details =
	    "`over: 1h` is the last hour (before `to`, where that is given); or `from` and `to`, "
	    "which is now where it is not given. Without `step` there are 120 points, a second apart at "
	    "least." SERVER_DETAILS,
	.example = "prom.range('sum(rate(http_requests_total[1m]))', over: 10m, step: 10s, "
		   "server: \"http://127.0.0.1:9090\")",
	.bad_input = BAD_INPUT " A span must be given, end after it begins, and have no more than the "
			       "11,000 points that Prometheus allows.",
	.effect = EFFECT_READ,
	.start = prom_range_start,
	.describe = describe_query,
    },
    {
	.name = "prom.alerts",
	.signature = "(" COMMON_SIGNATURE ") -> list(prom_alert)",
	.summary = "The alerts that Prometheus' own rules have raised: pending and firing.",
	.details = "Silences are Alertmanager's and do not show here." SERVER_DETAILS,
	.example = "none(a.state == \"firing\" for a in prom.alerts(server: \"http://127.0.0.1:9090\"))",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_READ,
	.start = prom_alerts_start,
    },
    {
	.name = "prom.targets",
	.signature = "(" COMMON_SIGNATURE ") -> list(prom_target)",
	.summary = "What Prometheus scrapes, and whether the last scrape went well.",
	.details = "`health` is \"up\", \"down\" or \"unknown\" (not scraped yet)." SERVER_DETAILS,
	.example = "all(t.health == \"up\" for t in prom.targets(server: \"http://127.0.0.1:9090\"))",
	.bad_input = BAD_INPUT,
	.effect = EFFECT_READ,
	.start = prom_targets_start,
    },
    {
	.name = "prom.silence",
	.signature = "(matchers: record, for: duration, comment: string = \"set by a plan\", matching: "
		     "record = {}, " ALERTMANAGER_SIGNATURE ") -> string",
	.summary = "Keep alerts quiet for a while, at an Alertmanager; the answer is the silence's id.",
	.details = "An alert is silenced when it has all the labels: `{ job: \"backend\" }`, or one of "
		   "several values: `{ "
		   "instance: [\"a:80\", \"b:80\"] }`; `matching` holds regular expressions instead. It ends "
		   "by itself; "
		   "to end it with the run: `let s = prom.silence(…)  defer { prom.unsilence(s) }`. An "
		   "interrupted one is "
		   "made again, and the first ends by itself. The server is given here, or once for the "
		   "file: `defaults { "
		   "prom.alertmanager = alertmanager }`.",
	.example = "prom.silence({ job: \"backend\" }, for: 30m, comment: \"v2 goes out\", alertmanager: "
		   "\"http://127.0.0.1:9093\")",
	.bad_input =
	    "No label at all, a label that is matched by no text, a pattern that Alertmanager refuses, and a "
	    "server that cannot be reached fail the call.",
	.leaves = "a silence that ends by itself",
	.thing = {"silence", 0, 0, ""},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = prom_silence_start,
	.simulate = prom_silence_simulate,
	.describe = prom_silence_describe,
    },
    {
	.name = "prom.unsilence",
	.signature = "(id: string, " ALERTMANAGER_SIGNATURE ")",
	.summary = "End a silence; one that has ended already is no failure.",
	.details = "The server is given here, or once for the file: `defaults { prom.alertmanager = "
		   "alertmanager }`.",
	.example = "prom.unsilence(\"2d2a4a0e-1b0c-4f0e-9c0b-1d3f5a7b9c1d\", alertmanager: "
		   "\"http://127.0.0.1:9093\")",
	.bad_input = "An id that no silence has, and a server that cannot be reached fail the call.",
	.thing = {"silence", 0, 1, NULL},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = prom_unsilence_start,
	.describe = prom_unsilence_describe,
    },
};

static const struct builtin_type prom_types[] = {
    {"prom_sample", "{ labels: record, value: float | null, time: time }", "One series at one time."},
    {"prom_point", "{ time: time, value: float | null }", "One point of a course."},
    {"prom_series", "{ labels: record, points: list(prom_point) }", "The course of one series."},
    {"prom_alert", "{ name: string, state: string, labels: record, annotations: record, since: time | null }",
     "An alert: \"pending\" or \"firing\", and since when."},
    {"prom_target", "{ job: string, instance: string, health: string, error: string, labels: record }",
     "Something that Prometheus scrapes; `error` is \"\" when the last scrape went well."},
};

const struct builtin_table prom_table = {
    .name = "prom",
    .summary = "Questions to a Prometheus server; silences of an Alertmanager.",
    .rows = prom_rows,
    .row_count = sizeof prom_rows / sizeof *prom_rows,
    .types = prom_types,
    .type_count = sizeof prom_types / sizeof *prom_types,
};
