/*
 * docker.c - the namespace docker: containers, and the rows of all of docker.*. The Engine API is reached
 * through docker_api.c; exec, run and what is about images have files of their own.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/docker_api.h"
#include "builtins/docker_container.h"
#include "builtins/docker_exec.h"
#include "builtins/docker_image.h"
#include "builtins/docker_run.h"
#include "builtins/docker_stream.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "interp/buffer.h"
#include "interp/json.h"

static bool says_no_container(const struct docker_reply *reply)
{
	return reply->status == 404 && strstr(reply->message, "No such container") != NULL;
}

/* ---- inspect, health ---- */

static void ask_container(struct effect_call *call, size_t size, void (*release)(void *state),
			  void (*then)(struct effect_call *call, const struct docker_reply *reply))
{
	if (!docker_name_check(call, call_text(call, 0)))
		return;
	docker_call_begin(call, size, release);
	docker_call_send(
	    call, (struct docker_options){.path = docker_path("/containers/%s/json", call_text(call, 0))},
	    then);
}

/* True when the container is there; else the call has been ended, or will be. */
static bool found(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok)
		return true;
	if (reply->status == 404)
		docker_call_missing(call, call_text(call, 0));
	else
		docker_call_end(call, reply, "cannot look at \"%s\"", call_text(call, 0));
	return false;
}

static void inspect_came(struct effect_call *call, const struct docker_reply *reply)
{
	struct value record;

	if (!found(call, reply))
		return;
	if (reply->record != NULL && reply->record->tag != VALUE_NULL) {
		call_ok(call, value_copy(*reply->record));
		return;
	}
	record = docker_container_record(reply->json);
	if (reply->record != NULL)
		*reply->record = value_copy(record);
	call_ok(call, record);
}

static void inspect_start(struct effect_call *call)
{
	ask_container(call, sizeof(struct docker_step), NULL, inspect_came);
}

static void health_came(struct effect_call *call, const struct docker_reply *reply)
{
	if (found(call, reply))
		call_ok(call, value_string(docker_health_word(reply->json)));
}

static void health_start(struct effect_call *call)
{
	ask_container(call, sizeof(struct docker_step), NULL, health_came);
}

/* ---- ps ---- */

enum { PS_ALL, PS_LABEL, PS_NAME };

static void ps_came(struct effect_call *call, const struct docker_reply *reply)
{
	const char *wanted = call_text(call, PS_NAME);
	struct value list;

	if (!reply->ok) {
		docker_call_end(call, reply, "cannot list the containers");
		return;
	}
	list = list_new(value_length(reply->json));
	for (size_t i = 0; i < value_length(reply->json); i++) {
		struct value summary = docker_summary_record(list_peek(reply->json, i));

		/* Not the engine's own filter: that takes the text for a regular expression. */
		if (wanted == NULL || strstr(value_text_peek(record_peek(summary, "name")), wanted) != NULL)
			list_push(&list, summary);
		else
			value_release(summary);
	}
	call_ok(call, list);
}

static void ps_start(struct effect_call *call)
{
	struct value filters = record_new(1), labels = list_new(1);
	struct buffer json = {0};

	if (call_text(call, PS_LABEL) != NULL)
		list_push(&labels, value_copy(call_arg(call, PS_LABEL)));
	record_set(&filters, "label", labels);
	json_write(&json, filters, JSON_PLAIN);
	struct value text = buffer_finish(&json);
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(call,
			 (struct docker_options){.path = docker_path("/containers/json?all=%d&filters=%s",
								     (int64_t)call_bool(call, PS_ALL, false),
								     value_text_peek(text))},
			 ps_came);
	value_release(text);
	value_release(filters);
}

/* ---- logs ---- */

enum { LOGS_NAME, LOGS_TAIL, LOGS_SINCE };

struct logs {
	struct docker_step step;
	struct docker_stream stream;
	struct buffer text;
	bool terminal, too_long;
};

static void logs_free(void *state)
{
	buffer_free(&((struct logs *)state)->text);
	docker_call_state_free(state);
}

static void logs_add(void *context, enum docker_stream_type type, const char *bytes, size_t length)
{
	struct logs *logs = context;

	(void)type; /* in the order in which they were written */
	if (length > LIVE_BODY_MAX - logs->text.length)
		logs->too_long = true;
	else
		buffer_add(&logs->text, bytes, length);
}

static bool logs_data(void *context, const char *bytes, size_t length)
{
	struct logs *logs = context;

	if (logs->terminal)
		logs_add(logs, DOCKER_STDOUT, bytes, length);
	else if (!docker_stream_feed(&logs->stream, bytes, length))
		return false;
	return !logs->too_long;
}

static void logs_came(struct effect_call *call, const struct docker_reply *reply)
{
	struct logs *logs = call->state;
	char limit[48];

	if (logs->too_long)
		call_failed(call,
			    "the log of \"%s\" exceeds %s: ask for fewer lines with `tail`, or with `since`",
			    call_text(call, LOGS_NAME), size_text(LIVE_BODY_MAX, limit));
	else if (logs->stream.broken)
		call_failed(call, "the log of \"%s\" came malformed from the Docker engine",
			    call_text(call, LOGS_NAME));
	else if (!reply->ok)
		docker_call_end(call, reply, "cannot read the log of \"%s\"", call_text(call, LOGS_NAME));
	else
		call_ok(call, buffer_finish(&logs->text));
}

/* Seconds since 1970 of `since` ago, with nanoseconds, as the engine takes them; "0" for all. */
static struct value since_text(struct value since)
{
	int64_t then;

	if (since.tag != VALUE_DURATION)
		return value_string("0");
	then = live_clock() - since.i;
	if (then < 0)
		then = 0;
	return value_string_printf("%lld.%09lld", (long long)(then / DOCKER_SECOND),
				   (long long)(then % DOCKER_SECOND));
}

static void logs_found(struct effect_call *call, const struct docker_reply *reply)
{
	struct logs *logs = call->state;
	struct value since;

	if (!found(call, reply))
		return;
	logs->terminal = value_truthy(docker_json(reply->json, "Config.Tty"));
	docker_stream_init(&logs->stream, logs_add, logs);
	since = since_text(call_arg(call, LOGS_SINCE));
	docker_call_send(call,
			 (struct docker_options){
			     .path = docker_path("/containers/%s/logs?stdout=1&stderr=1&tail=%d&since=%s",
						 value_text_peek(record_peek(reply->json, "Id")),
						 call_int(call, LOGS_TAIL, 100), value_text_peek(since)),
			     .on_data = logs_data},
			 logs_came);
	value_release(since);
}

static void logs_start(struct effect_call *call)
{
	if (call_int(call, LOGS_TAIL, 100) < 0)
		call_failed(call, "`tail` must not be negative");
	else
		ask_container(call, sizeof(struct logs), logs_free, logs_found);
}

/* ---- stats ---- */

static int64_t int_at(struct value json, const char *path)
{
	struct value v = docker_json(json, path);

	return v.tag == VALUE_INT ? v.i : v.tag == VALUE_FLOAT ? (int64_t)v.f : 0;
}

/* The share of one processor, as `docker stats` counts it: 200% is two busy processors. */
static double cpu_share(struct value json)
{
	double used = (double)(int_at(json, "cpu_stats.cpu_usage.total_usage") -
			       int_at(json, "precpu_stats.cpu_usage.total_usage"));
	double all = (double)(int_at(json, "cpu_stats.system_cpu_usage") -
			      int_at(json, "precpu_stats.system_cpu_usage"));
	double processors = (double)int_at(json, "cpu_stats.online_cpus");

	return used > 0 && all > 0 ? used / all * (processors > 0 ? processors : 1) : 0;
}

/* Without the page cache, which the kernel gives back when asked: cgroup v1, then v2. */
static int64_t memory_used(struct value json)
{
	int64_t usage = int_at(json, "memory_stats.usage");
	int64_t cache = int_at(json, "memory_stats.stats.total_inactive_file");

	if (cache == 0)
		cache = int_at(json, "memory_stats.stats.inactive_file");
	return cache < usage ? usage - cache : usage;
}

static int64_t network_sum(struct value json, const char *key)
{
	struct value networks = record_peek(json, "networks");
	int64_t sum = 0;

	for (size_t i = 0; i < value_length(networks); i++)
		sum += int_at(record_value_peek(networks, i), key);
	return sum;
}

static void stats_came(struct effect_call *call, const struct docker_reply *reply)
{
	struct value stats, read = record_peek(reply->json, "read");
	int64_t used, limit;

	if (!found(call, reply))
		return;
	if (docker_time(read).tag == VALUE_NULL) { /* nothing was measured */
		call_failed(call, "\"%s\" does not run: there is nothing to measure", call_text(call, 0));
		return;
	}
	used = memory_used(reply->json);
	limit = int_at(reply->json, "memory_stats.limit");
	stats = record_new(8);
	record_set(&stats, "cpu", value_percent(cpu_share(reply->json)));
	record_set(&stats, "memory", value_size(used));
	record_set(&stats, "memory_limit", value_size(limit));
	record_set(&stats, "memory_share", value_percent(limit > 0 ? (double)used / (double)limit : 0));
	record_set(&stats, "received", value_size(network_sum(reply->json, "rx_bytes")));
	record_set(&stats, "sent", value_size(network_sum(reply->json, "tx_bytes")));
	record_set(&stats, "processes", value_int(int_at(reply->json, "pids_stats.current")));
	call_ok(call, stats);
}

static void stats_start(struct effect_call *call)
{
	if (!docker_name_check(call, call_text(call, 0)))
		return;
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(
	    call,
	    (struct docker_options){.path = docker_path("/containers/%s/stats?stream=0", call_text(call, 0))},
	    stats_came);
}

/* ---- exec, probe ---- */

enum { EXEC_CONTAINER, EXEC_COMMAND, EXEC_ENV, EXEC_USER, EXEC_DIRECTORY, EXEC_INPUT, EXEC_TIMEOUT, EXEC_OK };

static void exec_start(struct effect_call *call)
{
	const char *container = call_text(call, EXEC_CONTAINER);
	struct value shown;

	if (!docker_name_check(call, container))
		return;
	shown = value_string_printf("container \"%s\"", container);
	docker_exec_begin(call, &(struct docker_exec_options){.container = container,
							      .shown = value_text_peek(shown),
							      .command = call_arg(call, EXEC_COMMAND),
							      .env = call_arg(call, EXEC_ENV),
							      .user = call_text(call, EXEC_USER),
							      .directory = call_text(call, EXEC_DIRECTORY),
							      .input = call_arg(call, EXEC_INPUT),
							      .timeout_ns = call_int(call, EXEC_TIMEOUT, 0),
							      .ok = call_arg(call, EXEC_OK)});
	value_release(shown);
}

static struct value exec_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	words_add(&line, "docker exec");
	if (args[EXEC_INPUT].tag != VALUE_NULL)
		words_add(&line, "-i");
	words_add_env(&line, "--env", args[EXEC_ENV]);
	words_add_option(&line, "--user", args[EXEC_USER]);
	words_add_option(&line, "--workdir", args[EXEC_DIRECTORY]);
	words_add_value(&line, args[EXEC_CONTAINER]);
	words_add_list(&line, args[EXEC_COMMAND]);
	return buffer_finish(&line);
}

/* ---- changes of a container's state ---- */

/* What the row does, in words. */
static const char *verb(const struct effect_call *call)
{
	const char *word = strchr(call->builtin->name, '.') + 1;

	return strcmp(word, "rm") == 0 ? "remove" : word;
}

static void changed(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok)
		call_ok(call, value_null());
	else if (says_no_container(reply))
		docker_call_missing(call, call_text(call, 0));
	else
		docker_call_end(call, reply, "cannot %s \"%s\"", verb(call), call_text(call, 0));
}

/* Consumes path. */
static void change(struct effect_call *call, const char *method, struct value path, int64_t timeout_ns)
{
	docker_call_begin(call, sizeof(struct docker_step), NULL);
	docker_call_send(
	    call, (struct docker_options){.method = method, .path = path, .timeout_ns = timeout_ns}, changed);
}

static void start_start(struct effect_call *call)
{
	if (docker_name_check(call, call_text(call, 0)))
		change(call, "POST", docker_path("/containers/%s/start", call_text(call, 0)), 0);
}

/* stop and restart: the grace in whole seconds, rounded up; the engine kills after it. */
static void graceful_start(struct effect_call *call, const char *what)
{
	int64_t grace = call_int(call, 1, 10 * DOCKER_SECOND);
	struct value path;

	if (!docker_name_check(call, call_text(call, 0)))
		return;
	if (grace < 0) {
		call_failed(call, "`timeout` must not be negative");
		return;
	}
	path = docker_path("/containers/%s/%s?t=%d", call_text(call, 0), what,
			   (grace + DOCKER_SECOND - 1) / DOCKER_SECOND);
	change(call, "POST", path, grace + DOCKER_TIMEOUT);
}

static void stop_start(struct effect_call *call)
{
	graceful_start(call, "stop");
}

static void restart_start(struct effect_call *call)
{
	graceful_start(call, "restart");
}

static bool is_signal(const char *name)
{
	if (*name == '\0' || strlen(name) > 12)
		return false;
	for (; *name != '\0'; name++)
		if (!isupper((unsigned char)*name) && !isdigit((unsigned char)*name) && *name != '+' &&
		    *name != '-')
			return false;
	return true;
}

static void kill_start(struct effect_call *call)
{
	const char *signal = call_text(call, 1);

	if (!docker_name_check(call, call_text(call, 0)))
		return;
	if (signal == NULL || !is_signal(signal))
		call_failed(call, "\"%s\" is no signal: a name such as HUP or TERM",
			    signal == NULL ? "" : signal);
	else
		change(call, "POST", docker_path("/containers/%s/kill?signal=%s", call_text(call, 0), signal),
		       0);
}

static void rm_start(struct effect_call *call)
{
	if (docker_name_check(call, call_text(call, 0)))
		change(call, "DELETE",
		       docker_path("/containers/%s?force=%d&v=%d", call_text(call, 0),
				   (int64_t)call_bool(call, 1, false), (int64_t)call_bool(call, 2, false)),
		       0);
}

/* ---- settling ---- */

static void rm_settled(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok || reply->status == 404)
		call_ok(call, value_bool(!reply->ok));
	else
		docker_call_end(call, reply, "cannot look for \"%s\"", call_text(call, 0));
}

static void rm_settle(struct effect_call *call)
{
	ask_container(call, sizeof(struct docker_step), NULL, rm_settled);
}

/* A container that runs may have been signalled and live on. */
static void kill_settled(struct effect_call *call, const struct docker_reply *reply)
{
	const char *signal = call_text(call, 1);
	bool ends = signal != NULL && (strcmp(signal, "KILL") == 0 || strcmp(signal, "SIGKILL") == 0 ||
				       strcmp(signal, "9") == 0);
	bool running = value_truthy(docker_json(reply->json, "State.Running"));

	if (reply->status == 0)
		docker_call_end(call, reply, "cannot look at \"%s\"", call_text(call, 0));
	else if (!reply->ok || !ends)
		call_ok(call, value_null());
	else
		call_ok(call, value_bool(!running));
}

static void kill_settle(struct effect_call *call)
{
	ask_container(call, sizeof(struct docker_step), NULL, kill_settled);
}

/* ---- simulation and preview ---- */

static struct value pull_simulate(const struct effect_request *request)
{
	struct value image = record_new(7), tags = list_new(1);

	list_push(&tags, value_copy(request->args[0]));
	record_set(&image, "id", value_unknown());
	record_set(&image, "tags", tags);
	record_set(&image, "digests", value_unknown());
	record_set(&image, "created", value_unknown());
	record_set(&image, "size", value_unknown());
	record_set(&image, "architecture", value_unknown());
	record_set(&image, "labels", value_unknown());
	return image;
}

static struct value build_simulate(const struct effect_request *request)
{
	struct value image = record_new(3);

	record_set(&image, "id", value_unknown());
	record_set(&image, "tag", value_copy(request->args[1]));
	record_set(&image, "time", value_duration(0));
	return image;
}

/* "docker VERB" and the first argument. */
static struct value describe_plain(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker");
	words_add(&line, strchr(request->builtin->name, '.') + 1);
	words_add_value(&line, request->args[0]);
	return buffer_finish(&line);
}

static struct value describe_ps(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker ps");
	words_add_flag(&line, "--all", request->args[PS_ALL]);
	words_add_option(&line, "--label", request->args[PS_LABEL]);
	words_add_option(&line, "--name", request->args[PS_NAME]);
	return buffer_finish(&line);
}

static struct value describe_logs(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker logs");
	words_add_option(&line, "--tail", request->args[LOGS_TAIL]);
	words_add_option(&line, "--since", request->args[LOGS_SINCE]);
	words_add_value(&line, request->args[LOGS_NAME]);
	return buffer_finish(&line);
}

static struct value describe_graceful(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker");
	words_add(&line, strchr(request->builtin->name, '.') + 1);
	words_add_seconds(&line, "--time", request->args[1]);
	words_add_value(&line, request->args[0]);
	return buffer_finish(&line);
}

static struct value describe_kill(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker kill");
	words_add_option(&line, "--signal", request->args[1]);
	words_add_value(&line, request->args[0]);
	return buffer_finish(&line);
}

static struct value describe_rm(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker rm");
	words_add_flag(&line, "--force", request->args[1]);
	words_add_flag(&line, "--volumes", request->args[2]);
	words_add_value(&line, request->args[0]);
	return buffer_finish(&line);
}

static struct value describe_rmi(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker rmi");
	words_add_flag(&line, "--force", request->args[1]);
	words_add_value(&line, request->args[0]);
	return buffer_finish(&line);
}

static struct value describe_login(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker login");
	words_add_option(&line, "--username", request->args[1]);
	words_add_value(&line, request->args[0]);
	return buffer_finish(&line);
}

static struct value describe_tag(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "docker tag");
	words_add_value(&line, request->args[0]);
	words_add_value(&line, request->args[1]);
	return buffer_finish(&line);
}

static struct value describe_build(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	words_add(&line, "docker build");
	words_add_option(&line, "--tag", args[1]);
	words_add_option(&line, "--file", args[2]);
	words_add_env(&line, "--build-arg", args[3]);
	words_add_option(&line, "--target", args[4]);
	words_add_flag(&line, "--no-cache", args[5]);
	words_add_flag(&line, "--pull", args[6]);
	words_add_value(&line, args[0]);
	return buffer_finish(&line);
}

/* ---- the table ---- */

#define EXEC_SIGNATURE                                                                                       \
	"(container: string, command: list(string), env: secret record = {}, user: string = null, "          \
	"directory: string = null, input: secret string = null, timeout: duration = 1m, ok: any = null) -> " \
	"exec_result"

#define EXEC_DETAILS                                                                                         \
	"The command is a program and its arguments, word by word; no shell reads it. It runs without a "    \
	"terminal, so "                                                                                      \
	"stdout and stderr stay apart, and its exit code is exact. `env` adds variables, `input` is its "    \
	"standard "                                                                                          \
	"input (not available where the engine is reached by TLS); both may hold secrets, the command may "  \
	"not: every "                                                                                        \
	"user of the host can read it. An output that holds such a secret is marked as one. An exit code "   \
	"other than 0 is "                                                                                   \
	"a failure unless `ok` lists it (an int, a range, a list of these), with the details code, stdout, " \
	"stderr, and "                                                                                       \
	"in `tail` the last 20 lines. Of each output 4MiB are kept; `truncated` says when there was "        \
	"more.\n\n"                                                                                          \
	"On a cancel or after `timeout` the process in the container is stopped: TERM, and KILL 4 seconds "  \
	"later, to "                                                                                         \
	"its process group. Where the engine is on another machine, or its processes are not ours to "       \
	"signal, that is done "                                                                              \
	"by a `kill` in the container, which needs `sh` and `grep` there; every command has the variable "   \
	"RUNPLAN_EXEC "                                                                                      \
	"in its environment for that. What started a session of its own (`setsid`) may outlive it. Where "   \
	"nothing ended "                                                                                     \
	"in 8.5 seconds, the outcome is unknown."

#define EXEC_BAD                                                                                             \
	"A container that is not there or does not run, a program, user or directory that it lacks, an "     \
	"exit code that "                                                                                    \
	"is not `ok`, and a timeout are failures; the message ends with the command's last line."

#define NAME_BAD "A container that is not there is a failure that names close ones"

static const struct builtin docker_rows[] = {
    {.name = "docker.inspect",
     .signature = "(name: string) -> docker_container",
     .summary = "Everything the engine knows of a container, running or not.",
     .details = "`health` is one of the words of `docker.health`. `env` lists the names of the variables "
		"without their "
		"values, which are left out of `raw` (the engine's own answer) too: they hold passwords.",
     .example = "docker.inspect(\"backend-blue\").image",
     .bad_input = NAME_BAD ".",
     .effect = EFFECT_READ,
     .start = inspect_start,
     .describe = describe_plain},
    {.name = "docker.health",
     .signature = "(name: string) -> string",
     .summary = "What the health check of a container says.",
     .details =
	 "`healthy`, `unhealthy`, `starting`, `none` (it runs and has no health check), or `stopped` (it was "
	 "made, and does not run).",
     .example = "docker.health(\"backend-blue\") == \"healthy\"",
     .bad_input = NAME_BAD "; while a plan polls, that means not yet.",
     .effect = EFFECT_READ,
     .start = health_start},
    {.name = "docker.ps",
     .signature = "(all: bool = false, label: string = null, name: string = null) -> list(docker_summary)",
     .summary = "The containers that run, or all of them.",
     .details = "`label` is a label's name, or `name=value`; `name` is a part of the container's name, taken "
		"literally.",
     .example = "count(c.health == \"healthy\" for c in docker.ps(label: \"app=thebot\"))",
     .bad_input =
	 "Filters that fit nothing give an empty list; an engine that cannot be reached is a failure.",
     .effect = EFFECT_READ,
     .start = ps_start,
     .describe = describe_ps},
    {.name = "docker.logs",
     .signature = "(name: string, tail: int = 100, since: duration = null) -> string",
     .summary = "The last lines that a container has written, stdout and stderr in their order.",
     .details = "`since: 5m` leaves out what is older than five minutes.",
     .example = "not (docker.logs(\"backend-blue\", since: 5m) matches 'Traceback')",
     .bad_input = NAME_BAD "; more than 4MiB is a failure as well.",
     .effect = EFFECT_READ,
     .start = logs_start,
     .describe = describe_logs},
    {.name = "docker.stats",
     .signature = "(name: string) -> docker_stats",
     .summary = "What a container uses of the machine, measured over about a second.",
     .details = "`cpu` is of one processor: two busy ones are 200%. `memory` leaves the page cache out.",
     .example = "docker.stats(\"backend-blue\").memory < 512MB",
     .bad_input = NAME_BAD "; so is one that does not run.",
     .effect = EFFECT_READ,
     .start = stats_start},
    {.name = "docker.image",
     .signature = "(name: string) -> docker_image",
     .summary = "What the engine knows of an image that it has.",
     .example = "docker.image(\"thebot-backend:v2\").size",
     .bad_input = "An image that is not there is a failure that names close ones.",
     .effect = EFFECT_READ,
     .start = docker_image_start},
    {.name = "docker.image_exists",
     .signature = "(name: string) -> bool",
     .summary = "Has the engine this image?",
     .example = "docker.image_exists(\"thebot-backend:v1\")",
     .bad_input =
	 "A text that cannot be an image's name, and an engine that does not answer, are failures, not a no.",
     .effect = EFFECT_READ,
     .start = docker_image_exists_start},
    {.name = "docker.probe",
     .signature = EXEC_SIGNATURE,
     .summary = "Run a command in a container which, the author promises, only looks and changes nothing.",
     .details = "Like `docker.exec`, but a read: it needs no way back, may be repeated, and may run in a "
		"guard. " EXEC_DETAILS,
     .example = "docker.probe(\"nginx\", [\"nginx\", \"-t\"], ok: [0, 1]).code == 0",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_READ,
     .start = exec_start,
     .describe = exec_describe},
    {.name = "docker.exec",
     .signature = EXEC_SIGNATURE,
     .summary = "Run a command in a running container and wait for its end.",
     .details = EXEC_DETAILS
     "\n\nAn interrupted one is settled by its exec id, which is on record before the command "
     "starts: exit code 0 is done, one that never started is not; any other code, and an id that the "
     "engine has forgotten, are in doubt. Engine 20.10 says 126 when a command wrote to a lost stream; then "
     "the "
     "engine's events tell the code, as long as it remembers them (256 of them).",
     .example = "docker.exec(\"nginx\", [\"nginx\", \"-s\", \"reload\"])",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .flags = BUILTIN_NOTED,
     .start = exec_start,
     .simulate = docker_exec_simulate,
     .describe = exec_describe,
     .probe = docker_exec_settle},
    {.name = "docker.run",
     .signature = DOCKER_RUN_SIGNATURE,
     .summary = "Make a container of an image and start it; with `wait`, wait for its end.",
     .details =
	 "`command` replaces the image's own where it is not empty. A port is "
	 "`[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`, a volume `NAME:/path[:ro]` or `/host/path:/path`. Without "
	 "`wait` the call ends when the container has started, `code` is null, and `remove` lets the engine "
	 "remove it when it ends. Whoever may inspect the container can read its `env`. With `wait` the "
	 "answer has its exit code and output, an exit code that is "
	 "not `ok` is a failure, `remove` removes it afterwards, and a cancel or `timeout` stops it. A "
	 "container "
	 "that cannot start is removed again. Undo it with `docker.rm(name, force: true)`. An interrupted "
	 "one "
	 "is settled by the container's id.",
     .example = "docker.run(\"thebot-backend:v2\", command: [\"python\", \"manage.py\", \"check\"], wait: "
		"true, remove: "
		"true)",
     .bad_input =
	 "An image that is not there, a name that is taken, a port that is no port or is in use, and with "
	 "`wait` an exit code that is not `ok`, are failures.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = docker_run_start,
     .simulate = docker_run_simulate,
     .describe = docker_run_describe,
     .probe = docker_run_settle},
    {.name = "docker.start",
     .signature = "(container: string)",
     .summary = "Start a container that was made or stopped; one that runs is left as it is.",
     .example = "docker.start(\"backend-blue\")",
     .bad_input = NAME_BAD "; one that cannot start fails with the engine's words.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = start_start,
     .describe = describe_plain},
    {.name = "docker.stop",
     .signature = "(container: string, timeout: duration = 10s)",
     .summary = "Stop a container: TERM, and KILL when it still runs after `timeout`.",
     .details = "One that does not run is left as it is. The call lasts as long as the stopping does.",
     .example = "docker.stop(\"backend-blue\", timeout: 30s)",
     .bad_input = NAME_BAD ".",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = stop_start,
     .describe = describe_graceful},
    {.name = "docker.restart",
     .signature = "(container: string, timeout: duration = 10s)",
     .summary = "Stop a container as docker.stop does, and start it again.",
     .example = "docker.restart(\"nginx\")",
     .bad_input = NAME_BAD ".",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = restart_start,
     .describe = describe_graceful},
    {.name = "docker.kill",
     .signature = "(container: string, signal: string = \"KILL\")",
     .summary = "Send a signal to the first process of a container.",
     .details = "The engine's restart policy does not act on it. An interrupted KILL is settled by looking "
		"whether the "
		"container still runs; whether another signal arrived only a person can know.",
     .example = "docker.kill(\"nginx\", signal: \"HUP\")",
     .bad_input = NAME_BAD "; one that does not run, and a word that is no signal, are failures.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = kill_start,
     .describe = describe_kill,
     .probe = kill_settle},
    {.name = "docker.rm",
     .signature = "(container: string, force: bool = false, volumes: bool = false)",
     .summary = "Remove a container that does not run, or with `force` any; `volumes` removes its anonymous "
		"volumes.",
     .details = "An interrupted one is settled by looking whether the container is there.",
     .example = "docker.rm(\"backend-green\", force: true)",
     .bad_input = NAME_BAD "; without `force`, one that runs is a failure.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = rm_start,
     .describe = describe_rm,
     .probe = rm_settle},
    {.name = "docker.rmi",
     .signature = "(image: string, force: bool = false)",
     .summary = "Remove an image, or one of its tags where it has several.",
     .details = "An interrupted one is settled by looking whether the image is there.",
     .example = "docker.rmi(\"thebot-backend:v1\")",
     .bad_input = "An image that is not there is a failure that names close ones; one that a container uses "
		  "fails with the "
		  "engine's words.",
     .thing = {"image", 0, 1, NULL},
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = docker_rmi_start,
     .describe = describe_rmi,
     .probe = docker_rmi_settle},
    {.name = "docker.login",
     .signature = "(registry: string, user: string, password: secret string)",
     .summary = "Prove who we are to a registry; docker.pull uses it for the rest of this run.",
     .details = "The password is kept in the memory of this run only: nothing is written to ~/.docker, and a "
		"run that is "
		"resumed logs in again. `docker.io` is Docker Hub.",
     .example = "docker.login(\"registry.example.com\", \"deploy\", secret(\"from elsewhere\"))",
     .bad_input = "A wrong password, and a registry that does not answer, are failures; the password is in "
		  "no message.",
     .leaves = "a login for the rest of this run",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE | BUILTIN_RENEW,
     .settle = SETTLE_REPEAT,
     .start = docker_login_start,
     .describe = describe_login},
    {.name = "docker.pull",
     .signature = "(image: string, timeout: duration = 10m) -> docker_image",
     .summary = "Fetch an image from its registry.",
     .details = "Without a tag or digest, `latest`. What docker.login() proved in this run is used for its "
		"registry.",
     .example = "docker.pull(\"registry.example.com/thebot:v2\")",
     .bad_input = "An image that the registry does not have or does not give to us, and a registry that does "
		  "not answer, "
		  "are failures with the engine's words and its last 20 lines in `tail`.",
     .leaves = "an image",
     .thing = {"image", 0, 1, "id"},
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = docker_pull_start,
     .simulate = pull_simulate,
     .describe = describe_plain},
    {.name = "docker.tag",
     .signature = "(image: string, as: string)",
     .summary = "Give an image one more name; a name that another image had is taken from it.",
     .example = "docker.tag(\"thebot-backend:v2\", as: \"thebot-backend:stable\")",
     .bad_input =
	 "An image that is not there is a failure that names close ones; so is a name with a digest.",
     .leaves = "a tag",
     .thing = {"image", 1, 1, NULL},
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = docker_tag_start,
     .describe = describe_tag},
    {.name = "docker.build",
     .signature =
	 "(context: path, tag: string = null, dockerfile: string = null, args: record = {}, target: string = "
	 "null, no_cache: bool = false, pull: bool = false, timeout: duration = 30m) -> docker_build",
     .summary = "Build an image from a directory and its Dockerfile.",
     .details = "The context is sent without what its .dockerignore leaves out (`!` takes back in). "
		"`dockerfile` is a path "
		"inside the context, not beside it. `args` can be read in the image's history: no place for "
		"a secret. "
		"The engine's own builder is used, not BuildKit.",
     .example = "docker.build(\"lab/backend\", tag: \"thebot-backend:v2\", args: { VERSION: \"v2\" })",
     .bad_input = "A context or a Dockerfile that is not there or does not parse, and a step that fails, are "
		  "failures; the "
		  "last 20 lines of the build are in `tail`.",
     .leaves = "an image",
     .thing = {"image", 1, 1, "id"},
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = docker_build_start,
     .simulate = build_simulate,
     .describe = describe_build},
};

static const struct builtin_type docker_types[] = {
    {.name = "docker_container",
     .definition =
	 "{ id: string, name: string, image: string, image_id: string, state: string, running: bool, "
	 "exit_code: int, created: time, started: time, finished: time, health: string, restarts: int, "
	 "labels: record, env: list(string), ports: list(record), networks: record, raw: any }",
     .summary =
	 "A container. `started` and `finished` are null where it has not; `env` are names only; a port has "
	 "container, protocol, address and host; `networks` has an address for each network's name; `raw` is "
	 "the engine's own answer."},
    {.name = "docker_summary",
     .definition =
	 "{ id: string, name: string, image: string, state: string, status: string, health: string, "
	 "created: time, labels: record }",
     .summary = "A line of a list of containers; `status` is in words, such as \"Up 3 seconds\"."},
    {.name = "docker_stats",
     .definition =
	 "{ cpu: percent, memory: size, memory_limit: size, memory_share: percent, received: size, sent: "
	 "size, processes: int }",
     .summary = "What a container uses."},
    {.name = "docker_image",
     .definition =
	 "{ id: string, tags: list(string), digests: list(string), created: time, size: size, architecture: "
	 "string, labels: record }",
     .summary = "An image."},
    {.name = "docker_run",
     .definition =
	 "{ id: string, name: string, code: int, stdout: string, stderr: string, time: duration, truncated: "
	 "bool }",
     .summary = "A container that was run; `code` is null and the output empty where it was not waited for."},
    {.name = "docker_build",
     .definition = "{ id: string, tag: string, time: duration }",
     .summary = "An image that was built; `tag` is null where none was given."},
};

const struct builtin_table docker_table = {
    .name = "docker",
    .summary = "Containers and images, through the Engine API: DOCKER_HOST (unix://, tcp://, TLS with "
	       "DOCKER_TLS_VERIFY), "
	       "else /var/run/docker.sock.",
    .rows = docker_rows,
    .row_count = sizeof docker_rows / sizeof *docker_rows,
    .types = docker_types,
    .type_count = sizeof docker_types / sizeof *docker_types,
};
