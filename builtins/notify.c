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

/* On a thread: one write at the end of the file, on the disk before it is told. */
static void notice_write(void *context)
{
	struct notice *notice = context;
	size_t length = value_length(notice->line);
	ssize_t wrote;
	int fd = open(value_text_peek(notice->path), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

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

/* ---- notify.webhook ---- */

enum { HOOK_URL, HOOK_TEXT, HOOK_JSON, HOOK_HEADERS, HOOK_TIMEOUT, HOOK_RETRIES };

struct hook {
	struct effect_call *call;
	struct http_transfer *transfer;
	struct live_timer *timer;
	struct header_lines headers;
	struct value body;
	int64_t retries_left, delay;
};

static void hook_free(void *state)
{
	struct hook *hook = state;

	live_timer_stop(hook->timer);
	header_lines_free(&hook->headers);
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
	call_failed(call, "notify.webhook: cancelled before the message was accepted");
}

/* The receiver is out of reach, busy or broken: it may be better soon. What it refuses it will refuse again.
 */
static bool worth_another(const struct http_result *result)
{
	return !result->cancelled && (!result->ok || result->status == 429 || result->status >= 500);
}

static void hook_failed(struct hook *hook, const struct http_result *result)
{
	struct value url = url_shown(call_arg(hook->call, HOOK_URL));
	struct value body = text_excerpt(result->body, result->body_length, 200);

	if (result->ok)
		call_failed(hook->call, "notify.webhook: %s: answered %d%s%s", value_text_peek(url),
			    result->status, value_length(body) > 0 ? ": " : "", value_text_peek(body));
	else if (result->sent)
		call_unknown(hook->call, "notify.webhook: %s: %s; the message may have arrived",
			     value_text_peek(url), result->error);
	else
		call_failed(hook->call, "notify.webhook: %s: %s", value_text_peek(url), result->error);
	value_release(url);
	value_release(body);
}

static void hook_done(void *context, const struct http_result *result)
{
	struct hook *hook = context;

	hook->transfer = NULL;
	if (result->ok && result->status / 100 == 2) {
		call_ok(hook->call, value_null());
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
	struct effect_call *call = hook->call;
	struct http_options options = {
	    .method = "POST",
	    .url = call_text(call, HOOK_URL),
	    .secret_url = value_is_secret(call_arg(call, HOOK_URL)),
	    .headers = (const char *const *)hook->headers.lines,
	    .body = value_text_peek(hook->body),
	    .body_length = value_length(hook->body),
	    .timeout_ns = call_int(call, HOOK_TIMEOUT, 10 * NS_PER_S),
	    .body_max = NOTICE_MAX,
	    .on_done = hook_done,
	    .context = hook,
	};

	live_timer_stop(hook->timer);
	hook->timer = NULL;
	hook->transfer = http_start(call->live, &options);
}

static struct value hook_body(struct value text, struct value json)
{
	struct buffer body = {0};
	struct value record;

	if (json.tag != VALUE_NULL) {
		json_write(&body, json, JSON_REVEAL);
	} else {
		record = record_new(1);
		record_set(&record, "text", value_copy(text));
		json_write(&body, record, JSON_REVEAL);
		value_release(record);
	}
	return buffer_finish(&body);
}

static void notify_webhook_start(struct effect_call *call)
{
	struct hook *hook = memory_need(calloc(1, sizeof *hook));
	struct value text = call_arg(call, HOOK_TEXT), json = call_arg(call, HOOK_JSON);
	char error[200];

	*hook = (struct hook){.call = call, .body = hook_body(text, json), .delay = NS_PER_S};
	hook->retries_left = call_int(call, HOOK_RETRIES, 0);
	call->state = hook;
	call->free_state = hook_free;
	if ((text.tag == VALUE_NULL) == (json.tag == VALUE_NULL)) {
		call_failed(call, "notify.webhook: give text or json, one of them");
		return;
	}
	if (hook->retries_left < 0 || hook->retries_left > RETRIES_MAX) {
		call_failed(call, "notify.webhook: retries is from 0 to %d", RETRIES_MAX);
		return;
	}
	if (!url_usable(call_arg(call, HOOK_URL), error, sizeof error) ||
	    !header_lines_add(&hook->headers, call_arg(call, HOOK_HEADERS), error, sizeof error)) {
		call_failed(call, "notify.webhook: %s", error);
		return;
	}
	header_lines_set(&hook->headers, "Content-Type", "application/json");
	call->cancel = hook_cancel;
	hook_send(hook);
}

static struct value notify_webhook_describe(const struct effect_request *request)
{
	struct value url = url_shown(request->args[HOOK_URL]), line;
	bool is_text = request->args[HOOK_TEXT].tag != VALUE_NULL;
	struct value body = value_show(request->args[is_text ? HOOK_TEXT : HOOK_JSON], 200);

	line = value_string_printf("POST %s %s", value_text_peek(url), value_text_peek(body));
	value_release(url);
	value_release(body);
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
};

const struct builtin_table notify_table = {
    .name = "notify",
    .summary = "Messages to people.",
    .rows = notify_rows,
    .row_count = sizeof notify_rows / sizeof *notify_rows,
};
