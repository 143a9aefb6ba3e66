/*
 * notify.c - notify.*: telling people. A notice that comes twice does less harm than one that never comes, so
 * these are repeated when it is in doubt whether they happened, and the webhook tries again by itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "builtins/http_parts.h"
#include "builtins/live.h"
#include "builtins/notify_mail.h"
#include "builtins/tables.h"
#include "interp/buffer.h"
#include "interp/json.h"

#define NS_PER_S INT64_C(1000000000)
/* A notice is a line, not a document. */
#define NOTICE_MAX  (64 * 1024)
#define RETRIES_MAX 10
/* Before the n-th retry: 1 s, 2 s, 4 s ... */
#define RETRY_DELAY_MAX (30 * NS_PER_S)

/* ---- notify.file ---- */

struct notice {
	struct effect_call *call;
	struct value path; /* a copy of our own: the thread reads it */
	struct value line;
	int error; /* errno */
};

static void notice_free(void *state)
{
	struct notice *notice = state;

	value_release(notice->path);
	value_release(notice->line);
	free(notice);
}

/* On a thread: one write at the end of the file, on the disk before it is told. Never waits for who reads a
 * pipe. */
static void notice_write(void *context)
{
	struct notice *notice = context;
	size_t length = value_length(notice->line);
	ssize_t wrote;
	int fd = open(value_text_peek(notice->path),
		      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);

	if (fd < 0) {
		notice->error = errno;
		return;
	}
	do
		wrote = write(fd, value_text_peek(notice->line), length);
	while (wrote < 0 && errno == EINTR);
	if (wrote < 0)
		notice->error = errno;
	else if ((size_t)wrote < length)
		notice->error = ENOSPC;
	/* What cannot be synced (a pipe, /dev/stderr) has no disk to reach. */
	else if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		notice->error = errno;
	if (close(fd) != 0 && notice->error == 0)
		notice->error = errno;
}

static void notice_written(void *context)
{
	struct notice *notice = context;

	if (notice->error == 0)
		call_ok(notice->call, value_null());
	else
		call_failed(notice->call, "notify.file: %s: %s", value_text_peek(notice->path),
			    strerror(notice->error));
}

/* The text as one line behind the time; line breaks and control characters become blanks. */
static struct value notice_line(struct value text)
{
	struct value one_line = text_excerpt(value_text_peek(text), value_length(text), NOTICE_MAX), line;
	struct timespec now;
	char time[48];

	clock_gettime(CLOCK_REALTIME, &now);
	line = value_string_printf("%s %s\n", time_text((int64_t)now.tv_sec * NS_PER_S, time),
				   value_text_peek(one_line));
	value_release(one_line);
	return line;
}

static void notify_file_start(struct effect_call *call)
{
	struct notice *notice = memory_need(calloc(1, sizeof *notice));

	notice->call = call;
	notice->path = value_string(call_text(call, 0));
	notice->line = notice_line(call_arg(call, 1));
	call->state = notice;
	call->free_state = notice_free;
	live_work(call->live, notice_write, notice_written, notice);
}

static struct value notify_file_describe(const struct effect_request *request)
{
	struct value path = value_show(request->args[0], 0), text = value_show(request->args[1], 200), line;

	line = value_string_printf("append to %s: %s", value_text_peek(path), value_text_peek(text));
	value_release(path);
	value_release(text);
	return line;
}

/* ---- messages that go out by HTTP: the webhooks, and a status page ---- */

struct hook {
	struct effect_call *call;
	struct http_transfer *transfer;
	struct live_timer *timer;
	const char *method;
	struct value url, shown; /* shown: as a message may name it */
	bool secret_url;
	struct header_lines headers;
	struct value body;
	int64_t timeout, retries_left, delay;
	void (*take)(struct hook *hook, const struct http_result *result); /* an answer of 200 to 299 */
};

static void hook_free(void *state)
{
	struct hook *hook = state;

	live_timer_stop(hook->timer);
	header_lines_free(&hook->headers);
	value_release(hook->url);
	value_release(hook->shown);
	value_release(hook->body);
	free(hook);
}

static void hook_send(void *context);

static void hook_cancel(struct effect_call *call)
{
	struct hook *hook = call->state;

	if (hook->transfer != NULL) {
		http_cancel(hook->transfer);
		return;
	}
	live_timer_stop(hook->timer);
	hook->timer = NULL;
	call_failed(call, "%s: cancelled before the message was accepted", call->builtin->name);
}

/* The receiver is out of reach, busy or broken: it may be better soon. What it refuses it will refuse again.
 */
static bool worth_another(const struct http_result *result)
{
	return !result->cancelled && (!result->ok || result->status == 429 || result->status >= 500);
}

static void hook_failed(struct hook *hook, const struct http_result *result)
{
	const char *name = hook->call->builtin->name, *url = value_text_peek(hook->shown);
	struct value body = text_excerpt(result->body, result->body_length, 200);

	if (result->ok)
		call_failed(hook->call, "%s: %s: answered %d%s%s", name, url, result->status,
			    value_length(body) > 0 ? ": " : "", value_text_peek(body));
	else if (result->sent)
		call_unknown(hook->call, "%s: %s: %s; the message may have arrived", name, url,
			     result->error);
	else
		call_failed(hook->call, "%s: %s: %s", name, url, result->error);
	value_release(body);
}

static void hook_done(void *context, const struct http_result *result)
{
	struct hook *hook = context;

	hook->transfer = NULL;
	if (result->ok && result->status / 100 == 2) {
		hook->take(hook, result);
	} else if (hook->retries_left > 0 && worth_another(result)) {
		hook->retries_left--;
		hook->timer = live_timer_start(hook->call->live, hook->delay, hook_send, hook);
		hook->delay = hook->delay * 2 < RETRY_DELAY_MAX ? hook->delay * 2 : RETRY_DELAY_MAX;
	} else {
		hook_failed(hook, result);
	}
}

static void hook_send(void *context)
{
	struct hook *hook = context;
	struct http_options options = {
	    .method = hook->method,
	    .url = value_text_peek(hook->url),
	    .secret_url = hook->secret_url,
	    .headers = (const char *const *)hook->headers.lines,
	    .body = value_text_peek(hook->body),
	    .body_length = value_length(hook->body),
	    .timeout_ns = hook->timeout,
	    .body_max = NOTICE_MAX,
	    .on_done = hook_done,
	    .context = hook,
	};

	live_timer_stop(hook->timer);
	hook->timer = NULL;
	hook->transfer = http_start(hook->call->live, &options);
}

static void hook_accepted(struct hook *hook, const struct http_result *result)
{
	(void)result;
	call_ok(hook->call, value_null());
}

static struct value json_body(struct value json)
{
	struct buffer body = {0};

	json_write(&body, json, JSON_REVEAL);
	return buffer_finish(&body);
}

/* A record of one field; consumes the item. */
static struct value record_of(const char *key, struct value item)
{
	struct value record = record_new(1);

	record_set(&record, key, item);
	return record;
}

/*
 * Sends `json` (consumed), to the URL of argument `url`. `retries` -1: there is no such argument, and no
 * retry. What else is wanted is set in between: NULL where the call has ended because of its arguments.
 */
static struct hook *hook_begin(struct effect_call *call, size_t url, size_t timeout, int retries,
			       struct value headers, struct value json)
{
	struct hook *hook = memory_need(calloc(1, sizeof *hook));
	char error[200];

	*hook = (struct hook){
	    .call = call,
	    .method = "POST",
	    .url = value_copy(call_arg(call, url)),
	    .shown = url_shown(call_arg(call, url)),
	    .secret_url = value_is_secret(call_arg(call, url)),
	    .body = json_body(json),
	    .delay = NS_PER_S,
	    .timeout = call_int(call, timeout, 10 * NS_PER_S),
	    .retries_left = retries < 0 ? 0 : call_int(call, (size_t)retries, 0),
	    .take = hook_accepted,
	};
	value_release(json);
	call->state = hook;
	call->free_state = hook_free;
	if (hook->retries_left < 0 || hook->retries_left > RETRIES_MAX) {
		call_failed(call, "%s: retries is from 0 to %d", call->builtin->name, RETRIES_MAX);
		return NULL;
	}
	if (!url_usable(hook->url, error, sizeof error) ||
	    !header_lines_add(&hook->headers, headers, error, sizeof error)) {
		call_failed(call, "%s: %s", call->builtin->name, error);
		return NULL;
	}
	header_lines_set(&hook->headers, "Content-Type", "application/json");
	call->cancel = hook_cancel;
	return hook;
}

static struct value hook_describe(const struct effect_request *request, size_t url, size_t text)
{
	struct value shown = url_shown(request->args[url]), body = value_show(request->args[text], 200), line;

	line = value_string_printf("POST %s %s", value_text_peek(shown), value_text_peek(body));
	value_release(shown);
	value_release(body);
	return line;
}

/* ---- notify.webhook ---- */

enum { HOOK_URL, HOOK_TEXT, HOOK_JSON, HOOK_HEADERS, HOOK_TIMEOUT, HOOK_RETRIES };

static void notify_webhook_start(struct effect_call *call)
{
	struct value text = call_arg(call, HOOK_TEXT), json = call_arg(call, HOOK_JSON);
	struct hook *hook;

	if ((text.tag == VALUE_NULL) == (json.tag == VALUE_NULL)) {
		call_failed(call, "notify.webhook: give text or json, one of them");
		return;
	}
	hook = hook_begin(call, HOOK_URL, HOOK_TIMEOUT, HOOK_RETRIES, call_arg(call, HOOK_HEADERS),
			  json.tag != VALUE_NULL ? value_copy(json) : record_of("text", value_copy(text)));
	if (hook != NULL)
		hook_send(hook);
}

static struct value notify_webhook_describe(const struct effect_request *request)
{
	return hook_describe(request, HOOK_URL,
			     request->args[HOOK_TEXT].tag != VALUE_NULL ? HOOK_TEXT : HOOK_JSON);
}

/* ---- notify.slack and notify.teams ---- */

enum { CHAT_URL, CHAT_TEXT, CHAT_TIMEOUT, CHAT_RETRIES };

/* <!channel> would call everybody; what stands in a message is shown as it is. */
static struct value slack_text(struct value text)
{
	struct buffer escaped = {0};
	const char *bytes = value_text_peek(text);

	for (size_t i = 0; i < value_length(text); i++)
		switch (bytes[i]) {
		case '&':
			buffer_add_text(&escaped, "&amp;");
			break;
		case '<':
			buffer_add_text(&escaped, "&lt;");
			break;
		case '>':
			buffer_add_text(&escaped, "&gt;");
			break;
		default:
			buffer_add_byte(&escaped, bytes[i]);
		}
	return buffer_finish(&escaped);
}

static void chat_start(struct effect_call *call, struct value json)
{
	struct hook *hook = hook_begin(call, CHAT_URL, CHAT_TIMEOUT, CHAT_RETRIES, value_null(), json);

	if (hook != NULL)
		hook_send(hook);
}

static void notify_slack_start(struct effect_call *call)
{
	chat_start(call, record_of("text", slack_text(call_arg(call, CHAT_TEXT))));
}

/* An adaptive card with one run of text: the one element in which nothing is Markdown. */
static struct value teams_card(struct value text)
{
	struct value run = record_new(2), block = record_new(2), card = record_new(4),
		     attachment = record_new(2), message = record_new(2), list;

	record_set(&run, "type", value_string("TextRun"));
	record_set(&run, "text", value_copy(text));
	list = list_new(1);
	list_push(&list, run);
	record_set(&block, "type", value_string("RichTextBlock"));
	record_set(&block, "inlines", list);
	list = list_new(1);
	list_push(&list, block);
	record_set(&card, "$schema", value_string("http://adaptivecards.io/schemas/adaptive-card.json"));
	record_set(&card, "type", value_string("AdaptiveCard"));
	record_set(&card, "version", value_string("1.2"));
	record_set(&card, "body", list);
	record_set(&attachment, "contentType", value_string("application/vnd.microsoft.card.adaptive"));
	record_set(&attachment, "content", card);
	list = list_new(1);
	list_push(&list, attachment);
	record_set(&message, "type", value_string("message"));
	record_set(&message, "attachments", list);
	return message;
}

static void notify_teams_start(struct effect_call *call)
{
	chat_start(call, teams_card(call_arg(call, CHAT_TEXT)));
}

static struct value notify_chat_describe(const struct effect_request *request)
{
	return hook_describe(request, CHAT_URL, CHAT_TEXT);
}

/* ---- notify.status_page ---- */

enum {
	PAGE_PAGE,
	PAGE_TITLE,
	PAGE_KEY,
	PAGE_STATUS,
	PAGE_TEXT,
	PAGE_COMPONENTS,
	PAGE_INCIDENT,
	PAGE_SERVER,
	PAGE_TIMEOUT
};

static void page_answered(struct hook *hook, const struct http_result *result)
{
	struct value answer = value_null(), id;
	char error[160];

	value_from_json(result->body, result->body_length, &answer, error);
	id = record_peek(answer, "id");
	if (id.tag == VALUE_STRING && value_length(id) > 0)
		call_ok(hook->call, value_copy(id));
	else
		call_failed(hook->call, "notify.status_page: %s: not an answer of its API: it has no id",
			    value_text_peek(hook->shown));
	value_release(answer);
}

static struct value incident_of(const struct effect_call *call)
{
	struct value incident = record_new(5), components = call_arg(call, PAGE_COMPONENTS), ids;

	record_set(&incident, "name", value_copy(call_arg(call, PAGE_TITLE)));
	record_set(&incident, "status", value_copy(call_arg(call, PAGE_STATUS)));
	record_set(&incident, "body", value_copy(call_arg(call, PAGE_TEXT)));
	if (value_length(components) > 0) {
		ids = list_new(value_length(components));
		for (size_t i = 0; i < value_length(components); i++)
			list_push(&ids, value_string(record_key_peek(components, i)));
		record_set(&incident, "components", value_copy(components));
		record_set(&incident, "component_ids", ids);
	}
	return record_of("incident", incident);
}

/* Ids stand in a path. */
static bool is_id(const char *text)
{
	return *text != '\0' && strlen(text) <= 100 &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")] == '\0';
}

static void notify_status_page_start(struct effect_call *call)
{
	const char *page = call_text(call, PAGE_PAGE), *incident = call_text(call, PAGE_INCIDENT);
	struct value server = call_arg(call, PAGE_SERVER), authorization, headers;
	size_t length = value_length(server);
	struct hook *hook;

	if (!is_id(page) || (incident != NULL && !is_id(incident))) {
		call_failed(call, "notify.status_page: an id has letters, digits, - and _ only");
		return;
	}
	if (call_text(call, PAGE_KEY) == NULL) {
		call_failed(call, "notify.status_page: no key: give `key`, or write it once for the file: "
				  "`defaults { notify.key = … }`");
		return;
	}
	authorization = value_string_printf("OAuth %s", call_text(call, PAGE_KEY));
	headers = record_of("Authorization", value_mark(authorization, VALUE_SECRET));
	hook = hook_begin(call, PAGE_SERVER, PAGE_TIMEOUT, -1, headers, incident_of(call));
	value_release(headers);
	if (hook == NULL)
		return;
	while (length > 0 && value_text_peek(server)[length - 1] == '/')
		length--;
	value_put(&hook->url,
		  value_string_printf("%.*s/pages/%s/incidents%s%s", (int)length, value_text_peek(server),
				      page, incident != NULL ? "/" : "", incident != NULL ? incident : ""));
	hook->method = incident != NULL ? "PATCH" : "POST";
	hook->take = page_answered;
	hook_send(hook);
}

static struct value notify_status_page_simulate(const struct effect_request *request)
{
	struct value incident = request->args[PAGE_INCIDENT];

	return incident.tag == VALUE_NULL ? value_string("incident") : value_copy(incident);
}

static struct value notify_status_page_describe(const struct effect_request *request)
{
	struct value title = value_show(request->args[PAGE_TITLE], 200),
		     status = value_to_text(request->args[PAGE_STATUS]);
	struct value line =
	    value_string_printf("status page: %s is %s", value_text_peek(title), value_text_peek(status));

	value_release(title);
	value_release(status);
	return line;
}

/* ---- the table ---- */

static const struct builtin notify_rows[] = {
    {
	.name = "notify.file",
	.signature = "(path: path, text: string)",
	.summary = "Append a line with the time and the text to a file.",
	.details =
	    "The file is made where it is missing, its folder is not. The line is on the disk when the "
	    "call is done. Line breaks in the text become blanks.",
	.example = "notify.file(\"/tmp/deployments.log\", \"v2 is live\")",
	.bad_input = "A folder that is missing, no permission or a full disk fails the call.",
	.leaves = "a line in a file",
	.thing = {"file", 0, 1, NULL},
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = notify_file_start,
	.describe = notify_file_describe,
    },
    {
	.name = "notify.webhook",
	.signature = "(url: secret url, text: string = null, json: secret any = null, headers: secret "
		     "record = {}, timeout: duration = 10s, retries: int = 2)",
	.summary = "Post a message to a webhook: `{\"text\": …}`, or any JSON.",
	.details = "The URL may be a secret; it is then told nowhere. A receiver that cannot be reached, "
		   "is busy (429) or broken (5xx) is tried again after 1 s, 2 s, 4 s …: a message may "
		   "come twice.",
	.example = "notify.webhook(\"http://127.0.0.1:8080/hook\", text: \"v2 is live\")",
	.bad_input = "A status other than 200 to 299 behind the last retry, neither or both of text and "
		     "json, or a header with a line break in it fails the call.",
	.leaves = "a message",
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = notify_webhook_start,
	.describe = notify_webhook_describe,
    },
    {
	.name = "notify.slack",
	.signature = "(url: secret url, text: string, timeout: duration = 10s, retries: int = 2)",
	.summary = "Post a message to a Slack channel, by its incoming webhook.",
	.details =
	    "What stands in the text is shown as it is: `<!channel>` calls nobody. The URL is best a secret. "
	    "Retries are as those of notify.webhook.",
	.example = "notify.slack(\"http://127.0.0.1:8080/services/x\", \"v2 is live\")",
	.bad_input = "A status other than 200 to 299 behind the last retry fails the call.",
	.leaves = "a message",
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = notify_slack_start,
	.describe = notify_chat_describe,
    },
    {
	.name = "notify.teams",
	.signature = "(url: secret url, text: string, timeout: duration = 10s, retries: int = 2)",
	.summary = "Post a message to a Teams channel, by a workflow's webhook.",
	.details = "The message is an adaptive card with the text as it is. The URL is best a secret. "
		   "Retries are as "
		   "those of notify.webhook.",
	.example = "notify.teams(\"http://127.0.0.1:8080/workflows/x\", \"v2 is live\")",
	.bad_input = "A status other than 200 to 299 behind the last retry fails the call.",
	.leaves = "a message",
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = notify_teams_start,
	.describe = notify_chat_describe,
    },
    {
	.name = "notify.mail",
	.signature = NOTIFY_MAIL_SIGNATURE,
	.summary = "Send a mail by an SMTP server.",
	.details =
	    "`to` is an address or a list of them, with a name or without: `\"Ops <ops@example.org>\"`. "
	    "`smtp` is the "
	    "server, `\"mail.example.org:587\"`; it must offer STARTTLS unless `tls` says \"always\" (TLS "
	    "from the "
	    "first byte) or \"never\". `login` is `name:password`, and goes over TLS only; `ca` is a file of "
	    "certificates to trust. Once for the file: `defaults { notify.smtp = …  notify.from = …  "
	    "notify.login = "
	    "mail_login }`. Nobody gets it where one recipient is refused.",
	.example = "notify.mail(\"ops@example.org\", \"v2 is live\", \"All went well.\", from: "
		   "\"deploy@example.org\", smtp: \"127.0.0.1:25\", tls: \"never\")",
	.bad_input =
	    "A line break in an address or in the subject, what is no address, a server that cannot be "
	    "reached, offers no TLS, or refuses the login, a recipient or the mail fails the call, with the "
	    "server's own words.",
	.leaves = "a mail",
	.effect = EFFECT_CHANGE,
	.flags = BUILTIN_REPEATABLE,
	.settle = SETTLE_REPEAT,
	.start = notify_mail_start,
	.describe = notify_mail_describe,
    },
    {
	.name = "notify.status_page",
	.signature =
	    "(page: string, title: string, key: secret string = null, status: string = \"investigating\", "
	    "text: string = \"\", components: record = {}, incident: string = null, server: url = "
	    "\"https://api.statuspage.io/v1\", timeout: duration = 10s) -> string",
	.summary =
	    "Open an incident on a status page, or bring one up to date; the answer is the incident's id.",
	.details = "The API is Atlassian Statuspage's; `server` may be another that speaks it. Without "
		   "`incident` one is "
		   "opened. `status` is \"investigating\", \"identified\", \"monitoring\" or \"resolved\"; "
		   "`components` "
		   "says how parts of the page stand: `{ \"8kbf7d35c070\": \"degraded_performance\" }`. Sent "
		   "once or not at "
		   "all; whether an interrupted one was sent, a person sees on the page.",
	.example = "notify.status_page(\"kctbh9vrtdwd\", \"v2 goes out\", key: \"x\", status: "
		   "\"monitoring\", server: "
		   "\"http://127.0.0.1:8080/v1\")",
	.bad_input = "An id with other characters than letters, digits, - and _, a status other than 200 to "
		     "299, and an "
		     "answer without an id fail the call.",
	.leaves = "an incident on the status page",
	.effect = EFFECT_CHANGE,
	.settle = SETTLE_ASK,
	.start = notify_status_page_start,
	.simulate = notify_status_page_simulate,
	.describe = notify_status_page_describe,
    },
};

const struct builtin_table notify_table = {
    .name = "notify",
    .summary = "Messages to people.",
    .rows = notify_rows,
    .row_count = sizeof notify_rows / sizeof *notify_rows,
};
