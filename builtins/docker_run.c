#include "builtins/docker_run.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/docker_api.h"
#include "builtins/docker_exec.h"
#include "builtins/docker_image.h"
#include "builtins/docker_stream.h"
#include "builtins/words.h"
#include "interp/buffer.h"

#define TAIL_LINES    20
#define STOP_SECONDS  INT64_C(4)
#define GIVE_UP_AFTER (8500 * INT64_C(1000000)) /* before LIVE_GRACE_NS is over */

/* Places in DOCKER_RUN_SIGNATURE. */
enum {
	RUN_IMAGE,
	RUN_NAME,
	RUN_COMMAND,
	RUN_ENV,
	RUN_PORTS,
	RUN_VOLUMES,
	RUN_NETWORK,
	RUN_LABELS,
	RUN_USER,
	RUN_DIRECTORY,
	RUN_RESTART,
	RUN_INIT,
	RUN_WAIT,
	RUN_REMOVE,
	RUN_TIMEOUT,
	RUN_OK
};

enum stop_reason { STOP_NONE, STOP_CANCEL, STOP_TIMEOUT };

struct run {
	struct docker_step step;
	struct value id, name, secrets, problem; /* problem: why it could not start */
	struct docker_request *stopper;
	struct live_timer *limit, *patience;
	struct docker_stream stream;
	struct buffer out, err;
	int64_t code, began;
	enum stop_reason stop;
	bool waiting, truncated;
};

static void run_free(void *state)
{
	struct run *run = state;

	docker_request_drop(run->stopper);
	live_timer_stop(run->limit);
	live_timer_stop(run->patience);
	value_release(run->id);
	value_release(run->name);
	value_release(run->secrets);
	value_release(run->problem);
	buffer_free(&run->out);
	buffer_free(&run->err);
	docker_call_state_free(state);
}

/* ---- what to make ---- */

static bool is_port(const char *text, size_t length)
{
	int port = 0;

	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		port = port * 10 + text[i] - '0';
	}
	return port <= 65535;
}

static bool is_protocol(const char *text)
{
	return strcmp(text, "/tcp") == 0 || strcmp(text, "/udp") == 0 || strcmp(text, "/sctp") == 0;
}

/* The last colon before `end`, or NULL. */
static const char *colon_before(const char *text, const char *end)
{
	while (end > text)
		if (*--end == ':')
			return end;
	return NULL;
}

bool docker_port_parse(const char *text, struct value *exposed, struct value *bindings)
{
	size_t length = strcspn(text, "/");
	const char *end = text + length, *protocol = *end == '/' ? end : "/tcp";
	const char *second = colon_before(text, end),
		   *first = second != NULL ? colon_before(text, second) : NULL;
	const char *inside = second != NULL ? second + 1 : text;
	const char *outside = second == NULL ? NULL : first != NULL ? first + 1 : text;
	struct value key, binding, list;
	bool bracketed = first != NULL && text[0] == '[' && first > text + 1 && first[-1] == ']';

	if (!is_protocol(protocol) || !is_port(inside, (size_t)(end - inside)) ||
	    (outside != NULL && second > outside && !is_port(outside, (size_t)(second - outside))) ||
	    (first != NULL && !bracketed && memchr(text, ':', (size_t)(first - text)) != NULL))
		return false;
	key = value_string_printf("%.*s%s", (int)(end - inside), inside, protocol);
	record_set(exposed, value_text_peek(key), record_new(0));
	binding = record_new(2);
	record_set(&binding, "HostIp",
		   first == NULL ? value_string("")
				 : value_string_n(text + bracketed, (size_t)(first - text) - 2 * bracketed));
	record_set(&binding, "HostPort",
		   outside == NULL ? value_string("") : value_string_n(outside, (size_t)(second - outside)));
	list = list_new(2);
	for (size_t i = 0; i < value_length(record_peek(*bindings, value_text_peek(key))); i++)
		list_push(&list, value_copy(list_peek(record_peek(*bindings, value_text_peek(key)), i)));
	list_push(&list, binding);
	record_set(bindings, value_text_peek(key), list);
	value_release(key);
	return true;
}

/* "on-failure:3" and the like. */
static struct value restart_policy(const char *text)
{
	struct value policy = record_new(2);
	const char *colon = strchr(text, ':');

	record_set(&policy, "Name", value_string_n(text, strcspn(text, ":")));
	if (colon != NULL)
		record_set(&policy, "MaximumRetryCount", value_int(atoi(colon + 1)));
	return policy;
}

static struct value label_texts(struct value labels)
{
	struct value texts = record_new(value_length(labels));

	for (size_t i = 0; i < value_length(labels); i++)
		record_set(&texts, record_key_peek(labels, i), value_to_text(record_value_peek(labels, i)));
	return texts;
}

static void set_text(struct value *record, const char *key, const char *text)
{
	if (text != NULL)
		record_set(record, key, value_string(text));
}

/* Ends the call and answers false where an argument cannot be. Otherwise *body is what to send. */
static bool run_body(struct effect_call *call, struct value *body)
{
	struct value exposed = record_new(2), bindings = record_new(2), host = record_new(6), env, problem;
	struct value ports = call_arg(call, RUN_PORTS);
	const char *restart = call_text(call, RUN_RESTART);
	bool wait = call_bool(call, RUN_WAIT, false);

	if (!env_list(call_arg(call, RUN_ENV), &env, &problem)) {
		call_failed(call, "%s", value_text_peek(problem));
		goto wrong;
	}
	for (size_t i = 0; i < value_length(ports); i++)
		if (!docker_port_parse(value_text_peek(list_peek(ports, i)), &exposed, &bindings)) {
			call_failed(call, "\"%s\" is no port: [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]",
				    value_text_peek(list_peek(ports, i)));
			goto wrong;
		}
	record_set(&host, "PortBindings", bindings);
	record_set(&host, "Binds", value_copy(call_arg(call, RUN_VOLUMES)));
	set_text(&host, "NetworkMode", call_text(call, RUN_NETWORK));
	record_set(&host, "Init", value_bool(call_bool(call, RUN_INIT, false)));
	record_set(&host, "AutoRemove", value_bool(!wait && call_bool(call, RUN_REMOVE, false)));
	if (restart != NULL)
		record_set(&host, "RestartPolicy", restart_policy(restart));
	*body = record_new(10);
	set_text(body, "Image", call_text(call, RUN_IMAGE));
	if (value_length(call_arg(call, RUN_COMMAND)) > 0)
		record_set(body, "Cmd", value_copy(call_arg(call, RUN_COMMAND)));
	record_set(body, "Env", env);
	record_set(body, "ExposedPorts", exposed);
	record_set(body, "Labels", label_texts(call_arg(call, RUN_LABELS)));
	set_text(body, "User", call_text(call, RUN_USER));
	set_text(body, "WorkingDir", call_text(call, RUN_DIRECTORY));
	record_set(body, "HostConfig", host);
	return true;
wrong:
	value_release(problem);
	value_release(env);
	value_release(exposed);
	value_release(bindings);
	value_release(host);
	return false;
}

/* ---- the end ---- */

static struct value run_answer(struct effect_call *call, bool waited)
{
	struct run *run = call->state;
	struct value answer = record_new(8);

	record_set(&answer, "id", value_copy(run->id));
	record_set(&answer, "name", value_copy(run->name));
	record_set(&answer, "code", waited ? value_int(run->code) : value_null());
	record_set(&answer, "stdout", text_guard(buffer_finish(&run->out), run->secrets));
	record_set(&answer, "stderr", text_guard(buffer_finish(&run->err), run->secrets));
	record_set(&answer, "time", value_duration(live_now(call->live) - run->began));
	record_set(&answer, "truncated", value_bool(run->truncated));
	return answer;
}

static void run_end(struct effect_call *call)
{
	struct run *run = call->state;
	struct value answer = run_answer(call, true), said, line;
	const char *image = call_text(call, RUN_IMAGE);
	char limit[48];

	if (exit_code_ok(call_arg(call, RUN_OK), run->code) && run->stop != STOP_TIMEOUT) {
		call_ok(call, answer);
		return;
	}
	said = record_peek(answer, value_length(record_peek(answer, "stderr")) > 0 ? "stderr" : "stdout");
	line = text_tail(value_text_peek(said), value_length(said), TAIL_LINES);
	record_set(&answer, "tail", text_guard(line, run->secrets));
	line = text_hide(text_tail(value_text_peek(said), value_length(said), 1), run->secrets);
	if (run->stop == STOP_TIMEOUT)
		call_failed_with(call, answer, "the container of \"%s\" timed out after %s and was stopped",
				 image, duration_text(call_int(call, RUN_TIMEOUT, 0), limit));
	else
		call_failed_with(call, answer, "the container of \"%s\" %sended with exit code %d%s%s", image,
				 run->stop == STOP_CANCEL ? "was cancelled and " : "", (int)run->code,
				 value_length(line) > 0 ? ": " : "", value_text_peek(line));
	value_release(line);
}

static void run_removed(struct effect_call *call, const struct docker_reply *reply)
{
	(void)reply; /* one that cannot be removed is not the failure of what ran in it */
	run_end(call);
}

static void run_output(void *context, enum docker_stream_type type, const char *bytes, size_t length)
{
	struct run *run = context;
	struct buffer *text = type == DOCKER_STDOUT ? &run->out : &run->err;

	if (length > LIVE_BODY_MAX - text->length) {
		length = LIVE_BODY_MAX - text->length;
		run->truncated = true;
	}
	buffer_add(text, bytes, length);
}

static bool run_data(void *context, const char *bytes, size_t length)
{
	return docker_stream_feed(&((struct run *)context)->stream, bytes, length);
}

static void run_read(struct effect_call *call, const struct docker_reply *reply)
{
	struct run *run = call->state;

	run->truncated |= !reply->ok || !docker_stream_whole(&run->stream);
	if (!call_bool(call, RUN_REMOVE, false)) {
		run_end(call);
		return;
	}
	docker_call_send(call,
			 (struct docker_options){
			     .method = "DELETE",
			     .path = docker_path("/containers/%s?force=1&v=1", value_text_peek(run->id))},
			 run_removed);
}

static void run_waited(struct effect_call *call, const struct docker_reply *reply)
{
	struct run *run = call->state;
	struct value code = record_peek(reply->json, "StatusCode");

	run->waiting = false;
	live_timer_stop(run->limit);
	live_timer_stop(run->patience);
	run->limit = run->patience = NULL;
	if (!reply->ok || code.tag != VALUE_INT) {
		call_unknown(call, "how the container of \"%s\" ended is not known: %s",
			     call_text(call, RUN_IMAGE),
			     reply->ok ? "the engine gave no exit code" : reply->message);
		return;
	}
	run->code = code.i;
	docker_stream_init(&run->stream, run_output, run);
	docker_call_send(call,
			 (struct docker_options){.path = docker_path("/containers/%s/logs?stdout=1&stderr=1",
								     value_text_peek(run->id)),
						 .on_data = run_data},
			 run_read);
}

/* ---- stopping what is waited for ---- */

static void run_impatient(void *context)
{
	struct run *run = context;

	docker_request_drop(run->step.request);
	run->step.request = NULL;
	call_unknown(run->step.call, "the container of \"%s\" could not be stopped and may still run",
		     call_text(run->step.call, RUN_IMAGE));
}

static void run_stopped(void *context, const struct docker_reply *reply)
{
	(void)reply; /* the wait that is under way tells how it ended */
	((struct run *)context)->stopper = NULL;
}

static void run_stop(struct run *run, enum stop_reason reason)
{
	struct effect_call *call = run->step.call;

	if (run->stop != STOP_NONE)
		return;
	run->stop = reason;
	run->stopper = docker_request(
	    call->live, &(struct docker_options){.method = "POST",
						 .path = docker_path("/containers/%s/stop?t=%d",
								     value_text_peek(run->id), STOP_SECONDS),
						 .timeout_ns = DOCKER_TIMEOUT,
						 .on_done = run_stopped,
						 .context = run});
	run->patience = live_timer_start(call->live, GIVE_UP_AFTER, run_impatient, run);
}

static void run_late(void *context)
{
	run_stop(context, STOP_TIMEOUT);
}

static void run_cancel(struct effect_call *call)
{
	struct run *run = call->state;

	if (run->waiting) {
		run_stop(run, STOP_CANCEL);
		return;
	}
	if (run->step.began && run->code >= 0) /* it has ended; only its output is still read */
		return;
	run->step.cancelled = true;
	if (run->step.request != NULL)
		docker_request_cancel(run->step.request);
	else
		call_unknown(call, "docker.run was cancelled when its container was made and not started");
}

/* ---- the way there ---- */

static void run_undone(struct effect_call *call, const struct docker_reply *reply)
{
	struct run *run = call->state;

	call_failed(call, "cannot start the container of \"%s\": %s%s", call_text(call, RUN_IMAGE),
		    value_text_peek(run->problem),
		    reply->ok ? "" : " (and the container that was made cannot be removed)");
}

static void run_begun(struct effect_call *call, const struct docker_reply *reply)
{
	struct run *run = call->state;

	if (reply->status != 0 && !reply->ok) {
		run->problem = value_string(reply->message);
		docker_call_send(call,
				 (struct docker_options){.method = "DELETE",
							 .path = docker_path("/containers/%s?force=1&v=1",
									     value_text_peek(run->id))},
				 run_undone);
	} else if (!reply->ok) {
		docker_call_end(call, reply, "cannot start the container of \"%s\"",
				call_text(call, RUN_IMAGE));
	} else if (!call_bool(call, RUN_WAIT, false)) {
		call_ok(call, run_answer(call, false));
	} else {
		run->waiting = true;
		run->limit =
		    live_timer_start(call->live, call_int(call, RUN_TIMEOUT, INT64_MAX / 4), run_late, run);
		docker_call_send(call,
				 (struct docker_options){
				     .method = "POST",
				     .path = docker_path("/containers/%s/wait", value_text_peek(run->id)),
				     .timeout_ns = -1},
				 run_waited);
	}
}

static void run_go(struct effect_call *call)
{
	struct run *run = call->state;

	docker_call_send(
	    call,
	    (struct docker_options){.method = "POST",
				    .path = docker_path("/containers/%s/start", value_text_peek(run->id))},
	    run_begun);
}

static void run_named(struct effect_call *call, const struct docker_reply *reply)
{
	struct run *run = call->state;
	struct value note = record_new(1);

	if (reply->ok)
		run->name = docker_plain_name(record_peek(reply->json, "Name"));
	record_set(&note, "container", value_copy(run->id));
	call_note(call, note, run_go);
}

static void run_made(struct effect_call *call, const struct docker_reply *reply)
{
	struct run *run = call->state;
	struct value id = record_peek(reply->json, "Id");

	if (reply->status == 404 && strstr(reply->message, "No such image") != NULL) {
		docker_image_missing(call, call_text(call, RUN_IMAGE));
		return;
	}
	if (!reply->ok || id.tag != VALUE_STRING) {
		docker_call_end(call, reply, "cannot make a container of \"%s\"", call_text(call, RUN_IMAGE));
		return;
	}
	run->id = value_copy(id);
	run->step.began = true;
	docker_call_send(
	    call, (struct docker_options){.path = docker_path("/containers/%s/json", value_text_peek(id))},
	    run_named);
}

void docker_run_start(struct effect_call *call)
{
	const char *name = call_text(call, RUN_NAME);
	struct value body;
	struct run *run;

	if (!docker_image_check(call, call_text(call, RUN_IMAGE)) ||
	    (name != NULL && !docker_name_check(call, name)) ||
	    !exit_codes_check(call, call_arg(call, RUN_OK)) || !run_body(call, &body))
		return;
	run = docker_call_begin(call, sizeof *run, run_free);
	run->id = run->name = run->problem = value_null();
	run->secrets = list_new(0);
	run->code = -1;
	run->began = live_now(call->live);
	secrets_collect(&run->secrets, call_arg(call, RUN_ENV));
	call->cancel = run_cancel;
	docker_call_send(call,
			 (struct docker_options){.method = "POST",
						 .path = name != NULL
							     ? docker_path("/containers/create?name=%s", name)
							     : docker_path("/containers/create"),
						 .body = body},
			 run_made);
}

/* ---- settling ---- */

static void run_settled(struct effect_call *call, const struct docker_reply *reply)
{
	struct value code = docker_json(reply->json, "State.ExitCode");
	const char *state = value_text_peek(docker_json(reply->json, "State.Status"));

	if (reply->status == 0)
		docker_call_end(call, reply, "cannot ask what became of an interrupted docker.run");
	else if (!reply->ok ||
		 strcmp(state, "created") == 0) /* removed again, or made and perhaps never started */
		call_ok(call, value_null());
	else if (!call_bool(call, RUN_WAIT, false))
		call_ok(call, value_bool(true));
	else if (strcmp(state, "exited") == 0 && code.tag == VALUE_INT &&
		 exit_code_ok(call_arg(call, RUN_OK), code.i))
		call_ok(call, value_bool(true));
	else
		call_ok(call, value_null());
}

void docker_run_settle(struct effect_call *call)
{
	const char *id = value_text_peek(record_peek(call->intent, "container"));

	if (*id == '\0') {
		call_ok(call, value_null());
		return;
	}
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(call, (struct docker_options){.path = docker_path("/containers/%s/json", id)},
			 run_settled);
}

/* ---- without the world ---- */

struct value docker_run_simulate(const struct effect_request *request)
{
	struct value answer = record_new(7);
	bool wait = value_truthy(request->args[RUN_WAIT]);

	record_set(&answer, "id", value_unknown());
	record_set(&answer, "name",
		   request->args[RUN_NAME].tag == VALUE_NULL ? value_unknown()
							     : value_copy(request->args[RUN_NAME]));
	record_set(&answer, "code", wait ? value_int(0) : value_null());
	record_set(&answer, "stdout", value_unknown());
	record_set(&answer, "stderr", value_unknown());
	record_set(&answer, "time", value_duration(0));
	record_set(&answer, "truncated", value_bool(false));
	return answer;
}

static void add_each(struct buffer *line, const char *option, struct value list)
{
	for (size_t i = 0; list.tag == VALUE_LIST && i < value_length(list); i++)
		words_add_option(line, option, list_peek(list, i));
}

struct value docker_run_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	words_add(&line, "docker run");
	if (!value_truthy(args[RUN_WAIT]))
		words_add(&line, "-d");
	words_add_flag(&line, "--rm", args[RUN_REMOVE]);
	words_add_flag(&line, "--init", args[RUN_INIT]);
	words_add_option(&line, "--name", args[RUN_NAME]);
	words_add_option(&line, "--network", args[RUN_NETWORK]);
	words_add_option(&line, "--restart", args[RUN_RESTART]);
	words_add_option(&line, "--user", args[RUN_USER]);
	words_add_option(&line, "--workdir", args[RUN_DIRECTORY]);
	words_add_env(&line, "--env", args[RUN_ENV]);
	words_add_env(&line, "--label", args[RUN_LABELS]);
	add_each(&line, "--publish", args[RUN_PORTS]);
	add_each(&line, "--volume", args[RUN_VOLUMES]);
	words_add_value(&line, args[RUN_IMAGE]);
	words_add_list(&line, args[RUN_COMMAND]);
	return buffer_finish(&line);
}
