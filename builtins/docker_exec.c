#define _GNU_SOURCE 1 /* memmem() */
#include "builtins/docker_exec.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "builtins/docker_api.h"
#include "builtins/docker_attach.h"
#include "builtins/docker_process.h"
#include "builtins/docker_stream.h"
#include "builtins/words.h"
#include "interp/buffer.h"
#include "interp/utf8.h"

#define MILLISECOND	INT64_C(1000000)
#define LOOK_EVERY	(50 * MILLISECOND) /* while the command's end is due */
#define KILL_AFTER	(4 * DOCKER_SECOND)
#define GIVE_UP_AFTER	(8500 * MILLISECOND) /* before LIVE_GRACE_NS is over */
#define DRAIN_MAX	(3 * DOCKER_SECOND)  /* the engine itself waits 2 s for output after the end */
#define LOOKS_UNSTARTED 100 /* looks at an exec that has neither begun nor ended, before it is given up */
#define TAIL_LINES	20
#define TAIL_BYTES	(16 * 1024)
#define SCRUB_MIN	4 /* bytes of a secret; shorter ones would hide half of any text */

enum stop_reason { STOP_NONE, STOP_CANCEL, STOP_TIMEOUT };

enum stage {
	STAGE_CREATE, /* nothing runs; nothing will if we go no further */
	STAGE_RUN,
	STAGE_DRAIN, /* the exit code is known, the stream not at its end */
	STAGE_END,
};

struct exec;

/* A request of this exec's. */
struct ask {
	struct exec *exec;
	struct ask *next;
	struct docker_request *request;
	struct docker_attach *attach;
	void (*then)(struct exec *exec, const struct docker_reply *reply);
};

struct exec {
	struct effect_call *call;
	struct value container, shown, user, directory, program; /* strings; user and directory may be null */
	struct value ok, input, secrets;
	int64_t timeout_ns, began;
	char token[33];
	bool change;
	enum stage stage;
	enum stop_reason stop;

	struct value id;
	struct value
	    container_id; /* null until the first look; a container made anew by the name is another */
	struct ask *asks;
	struct docker_attach *attach; /* of one of them, until the start; NULL by TLS */
	struct live_timer *limit, *look_timer, *drain;
	struct docker_stream stream;
	struct buffer out, err, tail;
	bool truncated, looking;
	bool stream_ended, stream_broken, stream_lost; /* lost: cut off before the engine ended it */
	int looks;
	int64_t code;
	int pid;

	int64_t stop_began;
	bool termed, killed, helped; /* helped: a kill is on its way through the container */
	struct value stop_problem;   /* null, or why the way through the container failed */
};

/* ---- text ---- */

bool exit_code_ok(struct value ok, int64_t code)
{
	switch (ok.tag) {
	case VALUE_NULL:
		return code == 0;
	case VALUE_INT:
		return code == ok.i;
	case VALUE_RANGE:
		return code >= ok.range->from && code <= ok.range->to;
	case VALUE_LIST:
		for (size_t i = 0; i < value_length(ok); i++) {
			struct value item = list_peek(ok, i);

			if (item.tag != VALUE_NULL && exit_code_ok(item, code))
				return true;
		}
		return false;
	default:
		return false;
	}
}

static bool is_codes(struct value ok)
{
	return ok.tag == VALUE_INT || ok.tag == VALUE_RANGE;
}

bool exit_codes_check(struct effect_call *call, struct value ok)
{
	bool good = ok.tag == VALUE_NULL || ok.tag == VALUE_LIST || is_codes(ok);

	for (size_t i = 0; good && ok.tag == VALUE_LIST && i < value_length(ok); i++)
		good = is_codes(list_peek(ok, i));
	if (!good)
		call_failed(call, "`ok` must be an exit code, a list of exit codes, or a range");
	return good;
}

static bool holds(struct value text, struct value secret)
{
	return memmem(value_text_peek(text), value_length(text), value_text_peek(secret),
		      value_length(secret)) != NULL;
}

struct value text_guard(struct value text, struct value secrets)
{
	for (size_t i = 0; i < value_length(secrets); i++)
		if (holds(text, list_peek(secrets, i)))
			return value_mark(text, VALUE_SECRET);
	return text;
}

static struct value hide_one(struct value text, struct value secret)
{
	const char *at = value_text_peek(text), *end = at + value_length(text), *hit;
	struct buffer hidden = {0};

	while ((hit = memmem(at, (size_t)(end - at), value_text_peek(secret), value_length(secret))) !=
	       NULL) {
		buffer_add(&hidden, at, (size_t)(hit - at));
		buffer_add_text(&hidden, "***");
		at = hit + value_length(secret);
	}
	buffer_add(&hidden, at, (size_t)(end - at));
	value_release(text);
	return buffer_finish(&hidden);
}

struct value text_hide(struct value text, struct value secrets)
{
	for (size_t i = 0; i < value_length(secrets); i++)
		if (holds(text, list_peek(secrets, i)))
			text = hide_one(text, list_peek(secrets, i));
	return text;
}

static void secret_add(struct value *secrets, struct value v)
{
	struct value text;

	if (v.tag == VALUE_NULL || !value_is_secret(v))
		return;
	text = value_to_text(v);
	if (value_length(text) >= SCRUB_MIN)
		list_push(secrets, text);
	else
		value_release(text);
}

void secrets_collect(struct value *secrets, struct value from)
{
	if (from.tag != VALUE_RECORD)
		secret_add(secrets, from);
	else
		for (size_t i = 0; i < value_length(from); i++)
			secret_add(secrets, record_value_peek(from, i));
}

bool env_list(struct value env, struct value *list, struct value *problem)
{
	*list = list_new(value_length(env));
	*problem = value_null();
	for (size_t i = 0; i < value_length(env); i++) {
		const char *name = record_key_peek(env, i);
		struct value text, v = record_value_peek(env, i);

		if (v.tag == VALUE_NULL)
			continue;
		text = value_to_text(v);
		if (*name == '\0' || strchr(name, '=') != NULL ||
		    memchr(value_text_peek(text), '\0', value_length(text)) != NULL) {
			*problem = value_string_printf(
			    "env: \"%s\" cannot be a variable: a name without \"=\", a value "
			    "without NUL bytes",
			    name);
			value_release(text);
			return false;
		}
		list_push(list, value_string_printf("%s=%s", name, value_text_peek(text)));
		value_release(text);
	}
	return true;
}

/* ---- requests ---- */

static void ask_unlink(struct ask *ask)
{
	struct ask **link = &ask->exec->asks;

	while (*link != ask)
		link = &(*link)->next;
	*link = ask->next;
}

static void ask_done(void *context, const struct docker_reply *reply)
{
	struct ask *ask = context;
	struct exec *exec = ask->exec;
	void (*then)(struct exec * exec, const struct docker_reply *reply) = ask->then;

	ask_unlink(ask);
	free(ask);
	then(exec, reply);
}

static struct ask *ask_new(struct exec *exec,
			   void (*then)(struct exec *exec, const struct docker_reply *reply))
{
	struct ask *ask = memory_need(calloc(1, sizeof *ask));

	ask->exec = exec;
	ask->then = then;
	ask->next = exec->asks;
	exec->asks = ask;
	return ask;
}

static void ask_send(struct exec *exec, struct docker_options options,
		     void (*then)(struct exec *exec, const struct docker_reply *reply))
{
	struct ask *ask = ask_new(exec, then);

	options.on_done = ask_done;
	options.context = ask;
	ask->request = docker_request(exec->call->live, &options);
}

/* ---- the end ---- */

/* Nothing of this exec is under way any more. */
static void exec_quiet(struct exec *exec)
{
	while (exec->asks != NULL) {
		struct ask *ask = exec->asks;

		exec->asks = ask->next;
		docker_request_drop(ask->request);
		docker_attach_drop(ask->attach);
		free(ask);
	}
	live_timer_stop(exec->limit);
	live_timer_stop(exec->look_timer);
	live_timer_stop(exec->drain);
	exec->limit = exec->look_timer = exec->drain = NULL;
	exec->stage = STAGE_END;
}

static void exec_free(void *state)
{
	struct exec *exec = state;

	exec_quiet(exec);
	value_release(exec->container);
	value_release(exec->shown);
	value_release(exec->user);
	value_release(exec->directory);
	value_release(exec->program);
	value_release(exec->ok);
	value_release(exec->input);
	value_release(exec->secrets);
	value_release(exec->id);
	value_release(exec->container_id);
	value_release(exec->stop_problem);
	buffer_free(&exec->out);
	buffer_free(&exec->err);
	buffer_free(&exec->tail);
	free(exec);
}

/* Failed without details; consumes message. */
static void exec_fail(struct exec *exec, struct value message)
{
	message = text_hide(message, exec->secrets);
	exec_quiet(exec);
	call_failed(exec->call, "%s", value_text_peek(message));
	value_release(message);
}

/* It ran, or may have run, and nobody knows how it ended; consumes why. */
static void exec_unknown(struct exec *exec, struct value why)
{
	why = text_hide(why, exec->secrets);
	exec_quiet(exec);
	(exec->change ? call_unknown : call_failed)(exec->call, "\"%s\" in %s: %s",
						    value_text_peek(exec->program),
						    value_text_peek(exec->shown), value_text_peek(why));
	value_release(why);
}

static struct value exec_tail(struct exec *exec)
{
	return text_tail(exec->tail.length > 0 ? exec->tail.string->bytes : "", exec->tail.length,
			 TAIL_LINES);
}

/* The result as the plan sees it, with `tail` where it is a failure's details. */
static struct value exec_result(struct exec *exec, bool details)
{
	struct value result = record_new(6);

	record_set(&result, "code", value_int(exec->code));
	if (details)
		record_set(&result, "tail", text_guard(exec_tail(exec), exec->secrets));
	record_set(&result, "stdout", text_guard(buffer_finish(&exec->out), exec->secrets));
	record_set(&result, "stderr", text_guard(buffer_finish(&exec->err), exec->secrets));
	record_set(&result, "time", value_duration(live_now(exec->call->live) - exec->began));
	record_set(&result, "truncated", value_bool(exec->truncated));
	return result;
}

/* Details of a failure with `message`; consumes it. */
static void exec_fail_with(struct exec *exec, struct value message)
{
	struct value details = exec_result(exec, true);

	message = text_hide(message, exec->secrets);
	exec_quiet(exec);
	call_failed_with(exec->call, details, "%s", value_text_peek(message));
	value_release(message);
}

static struct value last_line(const struct buffer *first, const struct buffer *second)
{
	const struct buffer *text = first->length > 0 ? first : second;

	return text_tail(text->length > 0 ? text->string->bytes : "", text->length, 1);
}

/* The engine could not start the program: what it says of that, for people. Engine 20.10 says it in the
 * stream. */
static struct value start_problem(struct exec *exec, const char *said)
{
	const char *program = value_text_peek(exec->program), *shown = value_text_peek(exec->shown);

	if (strstr(said, "chdir to cwd") != NULL)
		return value_string_printf("there is no directory \"%s\" in %s",
					   value_text_peek(exec->directory), shown);
	if (strstr(said, "unable to find user") != NULL)
		return value_string_printf("there is no user \"%s\" in %s", value_text_peek(exec->user),
					   shown);
	if (strstr(said, "executable file not found") != NULL ||
	    strstr(said, "no such file or directory") != NULL)
		return value_string_printf("there is no program \"%s\" in %s", program, shown);
	if (strstr(said, "permission denied") != NULL)
		return value_string_printf("\"%s\" in %s cannot be executed: permission denied", program,
					   shown);
	return value_string_printf("\"%s\" could not be started in %s: %s", program, shown, said);
}

static const char *code_hint(int64_t code)
{
	switch (code) {
	case 126:
		return " (a program that cannot be executed)";
	case 127:
		return " (a program that was not found)";
	case 137:
		return " (killed)";
	case 143:
		return " (terminated)";
	default:
		return "";
	}
}

static struct value code_message(struct exec *exec)
{
	struct value line = last_line(&exec->err, &exec->out), message;
	const char *said = value_text_peek(line);
	char limit[48];

	if (exec->stop == STOP_TIMEOUT)
		message = value_string_printf("\"%s\" in %s timed out after %s and was stopped",
					      value_text_peek(exec->program), value_text_peek(exec->shown),
					      duration_text(exec->timeout_ns, limit));
	else if (exec->stop == STOP_CANCEL)
		message = value_string_printf("\"%s\" in %s was cancelled and ended with exit code %d%s",
					      value_text_peek(exec->program), value_text_peek(exec->shown),
					      (int)exec->code, code_hint(exec->code));
	else
		message = value_string_printf("\"%s\" in %s ended with exit code %d%s%s%s",
					      value_text_peek(exec->program), value_text_peek(exec->shown),
					      (int)exec->code, code_hint(exec->code),
					      *said != '\0' ? ": " : "", said);
	value_release(line);
	return message;
}

static void container_looked_at(struct exec *exec, const struct docker_reply *reply)
{
	struct value running = docker_json(reply->json, "State.Running");

	if (reply->ok && running.tag == VALUE_BOOL && running.b)
		exec_fail_with(exec, code_message(exec));
	else
		exec_fail_with(exec, value_string_printf("%s stopped while \"%s\" ran in it (exit code %d)",
							 value_text_peek(exec->shown),
							 value_text_peek(exec->program), (int)exec->code));
}

/* The exit code is known and the output is there. */
static void exec_finish(struct exec *exec)
{
	bool good = exit_code_ok(exec->ok, exec->code);

	if (exec->stream_broken) {
		exec_fail_with(
		    exec, value_string_printf("the stream of \"%s\" from the Docker engine is malformed; it "
					      "ended with exit code %d",
					      value_text_peek(exec->program), (int)exec->code));
	} else if (exec->stream_lost &&
		   exec->code == 126) { /* what engine 20.10 says when it wrote to a lost stream */
		exec_unknown(
		    exec,
		    value_string("the connection to the Docker engine was lost; the command may still run"));
	} else if (good && (exec->stop != STOP_TIMEOUT || !exec->termed)) {
		struct value result = exec_result(exec, false);

		exec_quiet(exec);
		call_ok(exec->call, result);
	} else if (exec->pid == 0 && exec->code == 126) {
		struct value said = last_line(&exec->out, &exec->err);

		exec_fail_with(exec, start_problem(exec, value_text_peek(said)));
		value_release(said);
	} else if (exec->code == 137 && exec->stop == STOP_NONE) {
		ask_send(exec,
			 (struct docker_options){
			     .path = docker_path("/containers/%s/json", value_text_peek(exec->container_id)),
			     .timeout_ns = 10 * DOCKER_SECOND},
			 container_looked_at);
	} else {
		exec_fail_with(exec, code_message(exec));
	}
}

static void drained(void *context)
{
	struct exec *exec = context;

	exec_finish(exec);
}

/* ---- looking whether it has ended ---- */

static void exec_look(struct exec *exec);
static void stop_go_on(struct exec *exec);

static void look_again(void *context)
{
	struct exec *exec = context;

	live_timer_stop(exec->look_timer);
	exec->look_timer = NULL;
	exec_look(exec);
}

static void ended_with(struct exec *exec, int64_t code)
{
	exec->code = code;
	if (exec->stream_ended) {
		exec_finish(exec);
	} else if (exec->stage == STAGE_RUN) {
		exec->stage = STAGE_DRAIN;
		exec->drain = live_timer_start(exec->call->live, DRAIN_MAX, drained, exec);
	}
}

static void looked(struct exec *exec, const struct docker_reply *reply)
{
	struct value running = record_peek(reply->json, "Running"),
		     code = record_peek(reply->json, "ExitCode");
	struct value pid = record_peek(reply->json, "Pid");

	exec->looking = false;
	if (!reply->ok) {
		exec_unknown(exec, value_string_printf("how it ended is not known: %s", reply->message));
		return;
	}
	exec->pid = pid.tag == VALUE_INT ? (int)pid.i : 0;
	if (exec->container_id.tag == VALUE_NULL)
		exec->container_id = value_copy(record_peek(reply->json, "ContainerID"));
	if (running.tag == VALUE_BOOL && !running.b && code.tag == VALUE_INT) {
		ended_with(exec, code.i);
		return;
	}
	/* The engine ends a stream after the command; one that ends before it, be it between two frames, was
	 * cut off. */
	if (exec->stream_ended)
		exec->stream_lost = exec->truncated = true;
	if (exec->stop != STOP_NONE) {
		stop_go_on(exec);
	} else if (code.tag == VALUE_NULL && !(running.tag == VALUE_BOOL && running.b) &&
		   ++exec->looks > LOOKS_UNSTARTED) {
		exec_unknown(exec,
			     value_string("the Docker engine tells neither that it runs nor how it ended"));
		return;
	}
	if (exec->stage == STAGE_RUN)
		exec->look_timer = live_timer_start(exec->call->live, LOOK_EVERY, look_again, exec);
}

static void exec_look(struct exec *exec)
{
	if (exec->looking || exec->look_timer != NULL || exec->stage != STAGE_RUN)
		return;
	exec->looking = true;
	ask_send(exec,
		 (struct docker_options){.path = docker_path("/exec/%s/json", value_text_peek(exec->id)),
					 .timeout_ns = 30 * DOCKER_SECOND},
		 looked);
}

/* ---- stopping ---- */

/* $1 signal, $2 token, $3 id of the group's leader inside the container or nothing. */
static const char stop_script[] =
    "if [ -n \"$3\" ] && kill -s \"$1\" -- \"-$3\"; then exit 0; fi\n"
    "for d in /proc/[0-9]*; do\n"
    "  if grep -qs \"RUNPLAN_EXEC=$2\" \"$d/environ\"; then kill -s \"$1\" \"${d#/proc/}\"; fi\n"
    "done\n";

static void stop_helper_started(struct exec *exec, const struct docker_reply *reply)
{
	exec->helped = false;
	if (reply->ok)
		return;
	value_clear(&exec->stop_problem);
	exec->stop_problem = value_string(reply->message);
}

static void stop_helper_made(struct exec *exec, const struct docker_reply *reply)
{
	struct value id = record_peek(reply->json, "Id"), body;

	if (!reply->ok || id.tag != VALUE_STRING) {
		stop_helper_started(exec, reply);
		return;
	}
	body = record_new(1);
	record_set(&body, "Detach", value_bool(true));
	ask_send(exec,
		 (struct docker_options){.method = "POST",
					 .path = docker_path("/exec/%s/start", value_text_peek(id)),
					 .body = body,
					 .timeout_ns = 5 * DOCKER_SECOND},
		 stop_helper_started);
}

/* Through the container: a group is reached as root; what only the token tells is readable to its own user.
 */
static void stop_through_container(struct exec *exec, const char *signal_name, int inner)
{
	struct value command = list_new(7), body = record_new(2);
	char number[16] = "";

	if (exec->helped) {
		value_release(command);
		value_release(body);
		return;
	}
	exec->helped = true;
	if (inner > 1)
		snprintf(number, sizeof number, "%d", inner);
	list_push(&command, value_string("sh"));
	list_push(&command, value_string("-c"));
	list_push(&command, value_string(stop_script));
	list_push(&command, value_string("sh"));
	list_push(&command, value_string(signal_name));
	list_push(&command, value_string(exec->token));
	list_push(&command, value_string(number));
	record_set(&body, "Cmd", command);
	if (inner > 1)
		record_set(&body, "User", value_string("0"));
	else if (exec->user.tag == VALUE_STRING)
		record_set(&body, "User", value_copy(exec->user));
	ask_send(exec,
		 (struct docker_options){
		     .method = "POST",
		     .path = docker_path("/containers/%s/exec", value_text_peek(exec->container_id)),
		     .body = body,
		     .timeout_ns = 5 * DOCKER_SECOND},
		 stop_helper_made);
}

static void stop_signal(struct exec *exec, int number)
{
	enum docker_signal sent = DOCKER_SIGNAL_NOT_HERE;
	int inner = 0;

	if (docker_endpoint(exec->call->live)->socket != NULL)
		sent = docker_process_signal(value_text_peek(exec->container_id), exec->pid, number, &inner);
	if (sent != DOCKER_SIGNAL_SENT)
		stop_through_container(exec, number == SIGTERM ? "TERM" : "KILL", inner);
}

/* The command still runs: the next signal, or the end of our patience. */
static void stop_go_on(struct exec *exec)
{
	int64_t passed = live_now(exec->call->live) - exec->stop_began;

	if (passed >= GIVE_UP_AFTER) {
		const char *why = value_text_peek(exec->stop_problem);

		exec_unknown(exec, value_string_printf("it could not be stopped and may still run%s%s",
						       *why != '\0' ? ": " : "", why));
		return;
	}
	if (exec->pid == 0) /* on its way: the engine does not know its process yet */
		return;
	if (!exec->termed) {
		exec->termed = true;
		stop_signal(exec, SIGTERM);
	} else if (!exec->killed && !exec->helped && passed >= KILL_AFTER) {
		exec->killed = true;
		stop_signal(exec, SIGKILL);
	}
}

static void exec_stop(struct exec *exec, enum stop_reason reason)
{
	char limit[48];

	if (exec->stop != STOP_NONE || exec->stage == STAGE_END)
		return;
	exec->stop = reason;
	live_timer_stop(exec->limit);
	exec->limit = NULL;
	if (exec->stage == STAGE_CREATE) {
		exec_fail(exec, reason == STOP_CANCEL
				    ? value_string_printf("\"%s\" in %s was cancelled before it began",
							  value_text_peek(exec->program),
							  value_text_peek(exec->shown))
				    : value_string_printf("\"%s\" in %s could not begin within %s",
							  value_text_peek(exec->program),
							  value_text_peek(exec->shown),
							  duration_text(exec->timeout_ns, limit)));
		return;
	}
	exec->stop_began = live_now(exec->call->live);
	live_timer_stop(exec->look_timer);
	exec->look_timer = NULL;
	exec_look(exec);
}

static void exec_cancel(struct effect_call *call)
{
	exec_stop(call->state, STOP_CANCEL);
}

static void exec_late(void *context)
{
	exec_stop(context, STOP_TIMEOUT);
}

/* ---- the stream ---- */

static void keep(struct exec *exec, struct buffer *text, const char *bytes, size_t length)
{
	size_t room = LIVE_BODY_MAX - text->length;

	if (length > room) {
		exec->truncated = true;
		length = room;
	}
	buffer_add(text, bytes, length);
}

static void keep_tail(struct buffer *tail, const char *bytes, size_t length)
{
	if (length > TAIL_BYTES) {
		bytes += length - TAIL_BYTES;
		length = TAIL_BYTES;
	}
	if (tail->length + length > 2 * TAIL_BYTES) {
		memmove(tail->string->bytes, tail->string->bytes + tail->length - TAIL_BYTES, TAIL_BYTES);
		buffer_cut(tail, TAIL_BYTES);
	}
	buffer_add(tail, bytes, length);
}

static void exec_output(void *context, enum docker_stream_type type, const char *bytes, size_t length)
{
	struct exec *exec = context;

	keep(exec, type == DOCKER_STDOUT ? &exec->out : &exec->err, bytes, length);
	keep_tail(&exec->tail, bytes, length);
}

static bool exec_data(void *context, const char *bytes, size_t length)
{
	struct exec *exec = ((struct ask *)context)->exec;

	if (!docker_stream_feed(&exec->stream, bytes, length))
		exec->stream_broken = true;
	return !exec->stream_broken;
}

static void exec_streamed(struct exec *exec, const struct docker_reply *reply)
{
	exec->stream_ended = true;
	exec->stream_lost = reply->status < 300 && !exec->stream_broken &&
			    (!reply->ok || !docker_stream_whole(&exec->stream));
	exec->truncated |= exec->stream_lost;
	if (exec->stage == STAGE_DRAIN) {
		exec_finish(exec);
	} else if (reply->status >= 300) {
		exec->code = strstr(reply->message, "executable file not found") != NULL ? 127 : 126;
		exec_fail_with(exec, start_problem(exec, reply->message));
	} else if (reply->status == 0 && !reply->sent) {
		exec_fail(exec, value_string(reply->message));
	} else {
		exec_look(exec);
	}
}

/* The id is on record. */
static void exec_start(struct effect_call *call)
{
	struct exec *exec = call->state;
	struct value body = record_new(2), path = docker_path("/exec/%s/start", value_text_peek(exec->id));

	if (exec->stage != STAGE_CREATE) {
		value_release(body);
		value_release(path);
		return;
	}
	exec->stage = STAGE_RUN;
	docker_stream_init(&exec->stream, exec_output, exec);
	record_set(&body, "Detach", value_bool(false));
	record_set(&body, "Tty", value_bool(false));
	if (exec->attach != NULL) {
		docker_attach_start(exec->attach, path, body, exec->input);
		exec->attach = NULL;
	} else {
		ask_send(exec,
			 (struct docker_options){
			     .method = "POST", .path = path, .body = body, .on_data = exec_data},
			 exec_streamed);
	}
}

/* The connection for the stream is made while the engine creates the exec. */
static void exec_connect(struct exec *exec)
{
	struct ask *ask = ask_new(exec, exec_streamed);

	ask->attach = docker_attach_open(
	    exec->call->live,
	    &(struct docker_attach_options){.on_data = exec_data, .on_done = ask_done, .context = ask});
	exec->attach = ask->attach;
}

/* ---- the beginning ---- */

static void exec_missing(struct exec *exec)
{
	struct effect_call *call = exec->call;
	struct value container = value_copy(exec->container);

	exec_free(exec);
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_missing(call, value_text_peek(container));
	value_release(container);
}

static void exec_made(struct exec *exec, const struct docker_reply *reply)
{
	struct value id = record_peek(reply->json, "Id"), note;

	if (reply->status == 404 && strstr(reply->message, "No such container") != NULL) {
		exec_missing(exec);
		return;
	}
	if (!reply->ok || id.tag != VALUE_STRING) {
		exec_fail(exec,
			  value_string_printf("cannot run \"%s\" in %s: %s", value_text_peek(exec->program),
					      value_text_peek(exec->shown),
					      reply->ok ? "the engine gave no id" : reply->message));
		return;
	}
	exec->id = value_copy(id);
	if (!exec->change) {
		exec_start(exec->call);
		return;
	}
	note = record_new(1);
	record_set(&note, "exec", value_copy(id));
	call_note(exec->call, note, exec_start);
}

void docker_token(char token[33])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
		memset(bytes, 0, sizeof bytes);
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
}

/* What is wrong with the arguments: a string, or null. */
static struct value options_problem(const struct docker_exec_options *options)
{
	if (value_length(options->command) == 0)
		return value_string("the command is empty");
	for (size_t i = 0; i < value_length(options->command); i++) {
		struct value word = list_peek(options->command, i);
		const char *text = value_text_peek(word);

		if (word.tag != VALUE_STRING)
			return value_string("each word of the command must be a string");
		if (value_is_secret(word))
			return value_string(
			    "a word of the command is a secret, and arguments can be seen in the "
			    "container and on its host; give it by `env` or `input`");
		if (memchr(text, '\0', value_length(word)) != NULL || !utf8_valid(text, value_length(word)))
			return value_string("a word of the command holds a NUL byte or is not UTF-8");
	}
	if (*value_text_peek(list_peek(options->command, 0)) == '\0')
		return value_string("the command's program is \"\"");
	return value_null();
}

static struct value create_body(struct exec *exec, const struct docker_exec_options *options,
				struct value env)
{
	struct value body = record_new(8), command = list_new(value_length(options->command)), token;

	for (size_t i = 0; i < value_length(options->command); i++)
		list_push(&command, value_copy(list_peek(options->command, i)));
	token = value_string_printf("RUNPLAN_EXEC=%s", exec->token);
	list_push(&env, token);
	record_set(&body, "AttachStdin", value_bool(exec->input.tag == VALUE_STRING));
	record_set(&body, "AttachStdout", value_bool(true));
	record_set(&body, "AttachStderr", value_bool(true));
	record_set(&body, "Tty", value_bool(false));
	record_set(&body, "Cmd", command);
	record_set(&body, "Env", env);
	if (options->user != NULL)
		record_set(&body, "User", value_string(options->user));
	if (options->directory != NULL)
		record_set(&body, "WorkingDir", value_string(options->directory));
	return body;
}

static struct exec *exec_new(struct effect_call *call, const struct docker_exec_options *options)
{
	struct exec *exec = memory_need(calloc(1, sizeof *exec));

	exec->call = call;
	exec->container = value_string(options->container);
	exec->shown = value_string(options->shown);
	exec->user = value_string(options->user);
	exec->directory = value_string(options->directory);
	exec->program = value_copy(list_peek(options->command, 0));
	exec->ok = value_copy(options->ok);
	exec->input = value_copy(options->input);
	exec->secrets = list_new(0);
	exec->id = exec->container_id = exec->stop_problem = value_null();
	exec->change = call->builtin->effect == EFFECT_CHANGE;
	exec->timeout_ns = options->timeout_ns;
	exec->began = live_now(call->live);
	secrets_collect(&exec->secrets, options->env);
	secrets_collect(&exec->secrets, options->input);
	docker_token(exec->token);
	return exec;
}

void docker_exec_begin(struct effect_call *call, const struct docker_exec_options *options)
{
	struct value problem = options_problem(options), env = value_null();
	const struct docker_endpoint *endpoint = docker_endpoint(call->live);
	struct exec *exec;

	if (problem.tag == VALUE_NULL && !exit_codes_check(call, options->ok))
		return;
	if (problem.tag == VALUE_NULL && !env_list(options->env, &env, &problem))
		value_clear(&env);
	if (problem.tag == VALUE_NULL && options->input.tag == VALUE_STRING && endpoint != NULL &&
	    endpoint->tls)
		problem = value_string(
		    "input for a command is not available yet where the engine is reached by TLS; "
		    "forward its socket through ssh");
	if (problem.tag != VALUE_NULL) {
		call_failed(call, "%s", value_text_peek(problem));
		value_release(problem);
		value_release(env);
		return;
	}
	exec = exec_new(call, options);
	call->state = exec;
	call->free_state = exec_free;
	call->cancel = exec_cancel;
	if (exec->timeout_ns > 0)
		exec->limit = live_timer_start(call->live, exec->timeout_ns, exec_late, exec);
	ask_send(exec,
		 (struct docker_options){.method = "POST",
					 .path = docker_path("/containers/%s/exec", options->container),
					 .body = create_body(exec, options, env),
					 .repeats = true, /* one that never starts is nothing */
					 .timeout_ns = DOCKER_TIMEOUT},
		 exec_made);
	if (endpoint != NULL && !endpoint->tls)
		exec_connect(exec);
}

struct value docker_exec_simulate(const struct effect_request *request)
{
	struct value result = record_new(5);

	(void)request;
	record_set(&result, "code", value_int(0));
	record_set(&result, "stdout", value_unknown());
	record_set(&result, "stderr", value_unknown());
	record_set(&result, "time", value_duration(0));
	record_set(&result, "truncated", value_bool(false));
	return result;
}

/* ---- settling ---- */

#define SETTLE_PATIENCE (10 * 60 * DOCKER_SECOND) /* for a command that still runs when a run is resumed */

struct settling {
	struct docker_step step;
	struct live_timer *again;
	int64_t began;
};

static void settling_free(void *state)
{
	live_timer_stop(((struct settling *)state)->again);
	docker_call_state_free(state);
}

static void settle_ask(void *context);

static void settle_ended(struct effect_call *call, int64_t code)
{
	if (code == 0)
		call_ok(call, value_bool(true));
	else /* what it did until then, a person has to see */
		call_failed(call, "the command ended with exit code %d%s", (int)code, code_hint(code));
}

/* Is this line of the engine's book the end of this exec? Then *code is its exit code. */
static bool is_end_of(const char *line, size_t length, const char *id, int64_t *code)
{
	char error[160];
	struct value row;
	bool found = false;

	if (memmem(line, length, id, strlen(id)) == NULL || !value_from_json(line, length, &row, error))
		return false;
	if (strcmp(value_text_peek(docker_json(row, "Actor.Attributes.execID")), id) == 0) {
		*code = strtol(value_text_peek(docker_json(row, "Actor.Attributes.exitCode")), NULL, 10);
		found = true;
	}
	value_release(row);
	return found;
}

static void settle_booked(struct effect_call *call, const struct docker_reply *reply)
{
	const char *id = value_text_peek(record_peek(call->intent, "exec")), *at = reply->body, *end;
	int64_t code;

	for (; reply->ok && *at != '\0'; at = *end ? end + 1 : end) {
		end = strchrnul(at, '\n');
		/* 127 is also what is booked of an exec that the engine had given up before its end */
		if (is_end_of(at, (size_t)(end - at), id, &code) && code != 127) {
			settle_ended(call, code);
			return;
		}
	}
	call_failed(call, "how the command ended, the Docker engine does not know");
}

/*
 * Engine 20.10 says 126 of a command that wrote to a stream that was lost. How it ended then stands in the
 * engine's book, while it remembers: 256 entries, the health checks of all containers among them.
 */
static void settle_by_book(struct effect_call *call)
{
	int64_t now = live_wall(call->live);
	char until[48];

	snprintf(until, sizeof until, "%" PRId64 ".%09d", now / DOCKER_SECOND, (int)(now % DOCKER_SECOND));
	docker_call_send(call,
			 (struct docker_options){.path = docker_path("/events?since=1&until=%s&filters=%s",
								     until, "{\"event\":[\"exec_die\"]}"),
						 .timeout_ns = 10 * DOCKER_SECOND},
			 settle_booked);
}

static void settle_told(struct effect_call *call, const struct docker_reply *reply)
{
	struct settling *settling = call->state;
	struct value running = record_peek(reply->json, "Running"),
		     code = record_peek(reply->json, "ExitCode");
	bool runs = running.tag == VALUE_BOOL && running.b;

	if (reply->status == 0)
		docker_call_end(call, reply, "cannot ask how an interrupted command ended");
	else if (!reply->ok)
		call_failed(call, "the Docker engine has forgotten the command");
	else if (runs && live_now(call->live) - settling->began < SETTLE_PATIENCE)
		settling->again = live_timer_start(call->live, DOCKER_SECOND / 2, settle_ask, call);
	else if (runs)
		call_failed(call, "the command still runs");
	else if (code.tag == VALUE_NULL)
		call_ok(call, value_bool(false)); /* created, and never started */
	else if (code.i == 126)
		settle_by_book(call);
	else
		settle_ended(call, code.i);
}

static void settle_ask(void *context)
{
	struct effect_call *call = context;
	struct settling *settling = call->state;

	live_timer_stop(settling->again);
	settling->again = NULL;
	docker_call_send(
	    call,
	    (struct docker_options){
		.path = docker_path("/exec/%s/json", value_text_peek(record_peek(call->intent, "exec")))},
	    settle_told);
}

static void settle_cancel(struct effect_call *call)
{
	struct settling *settling = call->state;

	if (settling->step.request != NULL)
		docker_request_cancel(settling->step.request);
	else
		call_ok(call, value_null());
}

void docker_exec_settle(struct effect_call *call)
{
	struct settling *settling;

	if (*value_text_peek(record_peek(call->intent, "exec")) == '\0') {
		call_ok(call, value_null());
		return;
	}
	settling = docker_call_begin(call, sizeof *settling, settling_free);
	settling->began = live_now(call->live);
	call->cancel = settle_cancel;
	settle_ask(call);
}
