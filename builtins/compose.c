/*
 * compose.c - the namespace compose. What compose does is left to compose (compose_tool.c); what only asks or
 * runs a command in a running container goes through the Engine API, which takes milliseconds where
 * docker-compose 1 takes most of a second: containers are found by the labels that compose gives them.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/compose_tool.h"
#include "builtins/docker_api.h"
#include "builtins/docker_container.h"
#include "builtins/docker_exec.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "builtins/yaml.h"
#include "interp/buffer.h"

#define LABEL_PROJECT	"com.docker.compose.project"
#define LABEL_DIRECTORY "com.docker.compose.project.working_dir"
#define LABEL_SERVICE	"com.docker.compose.service"
#define LABEL_NUMBER	"com.docker.compose.container-number"
#define LABEL_ONEOFF	"com.docker.compose.oneoff"
#define LABEL_RUN	"org.runplan.run" /* on what compose.run() makes, so that it can be found again */

/* ---- containers of a service ---- */

static const char *label_of(struct value item, const char *label)
{
	return value_text_peek(record_peek(record_peek(item, "Labels"), label));
}

/* As compose makes a project's name of a directory: lower case, letters, digits, "_" and "-". */
static struct value name_of_directory(struct value directory)
{
	const char *slash = strrchr(value_text_peek(directory), '/');
	struct buffer name = {0};

	for (const char *at = slash == NULL ? "" : slash + 1; *at != '\0'; at++) {
		char c = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;

		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-')
			buffer_add_byte(&name, c);
	}
	return buffer_finish(&name);
}

static bool same_text(const char *label, const char *wanted)
{
	return strcmp(label, wanted) == 0;
}

/* Compose does not resolve links in a directory's name, `wanted` has none. */
static bool same_directory(const char *label, const char *wanted)
{
	char resolved[PATH_MAX];

	return strcmp(label, wanted) == 0 ||
	       (*label == '/' && realpath(label, resolved) != NULL && strcmp(resolved, wanted) == 0);
}

/* The items of `list` whose label has this value; copies. */
static struct value filtered(struct value list, const char *label, struct value wanted,
			     bool (*same)(const char *label, const char *wanted))
{
	struct value some = list_new(value_length(list));

	for (size_t i = 0; i < value_length(list); i++)
		if (same(label_of(list_peek(list, i), label), value_text_peek(wanted)))
			list_push(&some, value_copy(list_peek(list, i)));
	return some;
}

static struct value with_label(struct value list, const char *label, struct value wanted)
{
	return filtered(list, label, wanted, same_text);
}

/*
 * The containers that belong to the project that the call means: by its name where that is said; else those
 * that compose made from this directory; else those of the project that compose would name after it.
 */
static struct value of_project(struct effect_call *call, const struct compose_places *places,
			       struct value list)
{
	struct value name = compose_project_name(call, places), directory = value_null(), some;

	if (name.tag == VALUE_STRING) {
		some = with_label(list, LABEL_PROJECT, name);
	} else {
		directory = compose_project_directory(call, places);
		some = directory.tag == VALUE_STRING
			   ? filtered(list, LABEL_DIRECTORY, directory, same_directory)
			   : list_new(0);
		if (directory.tag == VALUE_STRING && value_length(some) == 0) {
			value_release(name);
			value_release(some);
			name = name_of_directory(directory);
			some = with_label(list, LABEL_PROJECT, name);
		}
	}
	value_release(directory);
	value_release(name);
	return some;
}

/* All containers of services, those of `compose run` left out; then of_project(). */
static void ask_services(struct effect_call *call,
			 void (*then)(struct effect_call *call, const struct docker_reply *reply))
{
	static const char filters[] = "{\"label\":[\"" LABEL_SERVICE "\",\"" LABEL_ONEOFF "=False\"]}";

	docker_call_send(
	    call, (struct docker_options){.path = docker_path("/containers/json?all=1&filters=%s", filters)},
	    then);
}

/* Names of the list's labels, each once. */
static struct value label_values(struct value list, const char *label)
{
	struct value names = list_new(4);

	for (size_t i = 0; i < value_length(list); i++) {
		const char *name = label_of(list_peek(list, i), label);
		bool known = false;

		for (size_t j = 0; j < value_length(names) && !known; j++)
			known = strcmp(value_text_peek(list_peek(names, j)), name) == 0;
		if (!known)
			list_push(&names, value_string(name));
	}
	return names;
}

/* ---- exec, probe ---- */

enum {
	EXEC_SERVICE,
	EXEC_COMMAND,
	EXEC_ENV,
	EXEC_USER,
	EXEC_WORKDIR,
	EXEC_INPUT,
	EXEC_INDEX,
	EXEC_TIMEOUT,
	EXEC_OK,
	EXEC_FILE,
	EXEC_PROJECT,
	EXEC_DIRECTORY
};

/* Its `env` is the container's: nothing of it changes which project is meant. */
static const struct compose_places exec_places = {
    .file = EXEC_FILE,
    .project = EXEC_PROJECT,
    .directory = EXEC_DIRECTORY,
    .env = NO_PLACE,
    .input = NO_PLACE,
    .timeout = EXEC_TIMEOUT,
};

static void fail_service_missing(struct effect_call *call, struct value services)
{
	const char *service = call_text(call, EXEC_SERVICE);
	struct value names = label_values(services, LABEL_SERVICE), hint = docker_suggest(names, service);

	call_failed(call, "the service \"%s\" has no container%s%s", service,
		    value_length(services) == 0 ? ": compose has made none for this project" : "",
		    value_text_peek(hint));
	value_release(hint);
	value_release(names);
}

static void fail_project_unclear(struct effect_call *call, struct value projects)
{
	struct buffer text = {0};

	for (size_t i = 0; i < value_length(projects); i++)
		buffer_printf(&text, "%s\"%s\"", i == 0 ? "" : ", ", value_text_peek(list_peek(projects, i)));
	struct value names = buffer_finish(&text);
	call_failed(call, "the service \"%s\" is part of several projects (%s): say which with `project`",
		    call_text(call, EXEC_SERVICE), value_text_peek(names));
	value_release(names);
}

/* The container's number of the service, or null; lent. */
static struct value numbered(struct value containers, int64_t number)
{
	for (size_t i = 0; i < value_length(containers); i++)
		if (atoll(label_of(list_peek(containers, i), LABEL_NUMBER)) == number)
			return list_peek(containers, i);
	return value_null();
}

static void exec_in(struct effect_call *call, struct value container)
{
	const char *id = value_text_peek(record_peek(container, "Id"));
	struct value shown = value_string_printf("service \"%s\"", call_text(call, EXEC_SERVICE));
	struct value name = value_string(id);

	/* The exec has a state of its own. */
	call->free_state(call->state);
	call->state = NULL;
	docker_exec_begin(call, &(struct docker_exec_options){.container = value_text_peek(name),
							      .shown = value_text_peek(shown),
							      .command = call_arg(call, EXEC_COMMAND),
							      .env = call_arg(call, EXEC_ENV),
							      .user = call_text(call, EXEC_USER),
							      .directory = call_text(call, EXEC_WORKDIR),
							      .input = call_arg(call, EXEC_INPUT),
							      .timeout_ns = call_int(call, EXEC_TIMEOUT, 0),
							      .ok = call_arg(call, EXEC_OK)});
	value_release(name);
	value_release(shown);
}

static void exec_listed(struct effect_call *call, const struct docker_reply *reply)
{
	struct value services, containers, projects, container, service = call_arg(call, EXEC_SERVICE);
	int64_t number = call_int(call, EXEC_INDEX, 1);

	if (!reply->ok) {
		docker_call_end(call, reply, "cannot look for the service \"%s\"",
				call_text(call, EXEC_SERVICE));
		return;
	}
	services = of_project(call, &exec_places, reply->json);
	containers = with_label(services, LABEL_SERVICE, service);
	projects = label_values(containers, LABEL_PROJECT);
	container = numbered(containers, number);
	if (value_length(containers) == 0)
		fail_service_missing(call, services);
	else if (value_length(projects) > 1)
		fail_project_unclear(call, projects);
	else if (container.tag == VALUE_NULL)
		call_failed(call, "the service \"%s\" has no container number %lld",
			    call_text(call, EXEC_SERVICE), (long long)number);
	else if (strcmp(value_text_peek(record_peek(container, "State")), "running") != 0)
		call_failed(call, "the service \"%s\" does not run: its container is %s",
			    call_text(call, EXEC_SERVICE), value_text_peek(record_peek(container, "State")));
	else
		exec_in(call, container);
	value_release(projects);
	value_release(containers);
	value_release(services);
}

static void exec_start(struct effect_call *call)
{
	if (compose_name_check(call, "service", call_text(call, EXEC_SERVICE)) &&
	    compose_begin(call, sizeof(struct compose_job), &exec_places))
		ask_services(call, exec_listed);
}

/* ---- ps ---- */

enum { PS_SERVICE, PS_ENV, PS_FILE, PS_PROJECT, PS_DIRECTORY };

static const struct compose_places ps_places = {
    .file = PS_FILE,
    .project = PS_PROJECT,
    .directory = PS_DIRECTORY,
    .env = PS_ENV,
    .input = NO_PLACE,
    .timeout = NO_PLACE,
};

static struct value ps_record(struct value item)
{
	struct value record = docker_summary_record(item);

	record_set(&record, "service", value_string(label_of(item, LABEL_SERVICE)));
	record_set(&record, "number", value_int(atoll(label_of(item, LABEL_NUMBER))));
	record_set(&record, "project", value_string(label_of(item, LABEL_PROJECT)));
	return record;
}

static void ps_listed(struct effect_call *call, const struct docker_reply *reply)
{
	const char *service = call_text(call, PS_SERVICE);
	struct value services, list;

	if (!reply->ok) {
		docker_call_end(call, reply, "cannot list the containers");
		return;
	}
	services = of_project(call, &ps_places, reply->json);
	list = list_new(value_length(services));
	for (size_t i = 0; i < value_length(services); i++)
		if (service == NULL || strcmp(label_of(list_peek(services, i), LABEL_SERVICE), service) == 0)
			list_push(&list, ps_record(list_peek(services, i)));
	value_release(services);
	call_ok(call, list);
}

static void ps_start(struct effect_call *call)
{
	if (compose_begin(call, sizeof(struct compose_job), &ps_places))
		ask_services(call, ps_listed);
}

/* ---- services as arguments ---- */

/* `service` and `services` stand first in the rows that have them. */
enum { ARG_SERVICE, ARG_SERVICES };

static bool services_check(struct effect_call *call)
{
	struct value services = call_arg(call, ARG_SERVICES);

	if (call_text(call, ARG_SERVICE) != NULL &&
	    !compose_name_check(call, "service", call_text(call, ARG_SERVICE)))
		return false;
	for (size_t i = 0; i < value_length(services); i++) {
		struct value item = list_peek(services, i);

		if (!compose_name_check(call, "service",
					item.tag == VALUE_STRING ? value_text_peek(item) : NULL))
			return false;
	}
	return true;
}

/* All of them, as a list of the caller's. */
static struct value services_wanted(const struct value *args)
{
	struct value services = args[ARG_SERVICES], all = list_new(value_length(services) + 1);

	if (args[ARG_SERVICE].tag != VALUE_NULL)
		list_push(&all, value_copy(args[ARG_SERVICE]));
	if (services.tag == VALUE_UNKNOWN)
		list_push(&all, services);
	for (size_t i = 0; services.tag == VALUE_LIST && i < value_length(services); i++)
		list_push(&all, value_copy(list_peek(services, i)));
	return all;
}

static void add_services(struct effect_call *call)
{
	struct value all = services_wanted(call->args);

	for (size_t i = 0; i < value_length(all); i++)
		compose_word(call, value_text_peek(list_peek(all, i)));
	value_release(all);
}

/* "compose up" for messages. */
static void fail_of_row(struct effect_call *call, const struct process_result *result)
{
	struct value what = value_string_printf("compose %s", strchr(call->builtin->name, '.') + 1);

	compose_fail(call, result, value_text_peek(what));
	value_release(what);
}

static void plainly_done(struct effect_call *call, const struct process_result *result)
{
	if (result->code == 0 && !result->timed_out)
		call_ok(call, value_null());
	else
		fail_of_row(call, result);
}

static int64_t whole_seconds(int64_t nanoseconds)
{
	return (nanoseconds + DOCKER_SECOND - 1) / DOCKER_SECOND;
}

/* ---- up ---- */

enum {
	UP_RECREATE = ARG_SERVICES + 1,
	UP_DEPS,
	UP_BUILD,
	UP_ENV,
	UP_TIMEOUT,
	UP_FILE,
	UP_PROJECT,
	UP_DIRECTORY
};

static const struct compose_places up_places = {
    .file = UP_FILE,
    .project = UP_PROJECT,
    .directory = UP_DIRECTORY,
    .env = UP_ENV,
    .input = NO_PLACE,
    .timeout = UP_TIMEOUT,
};

static void up_noted(struct effect_call *call)
{
	compose_run(call, plainly_done);
}

/* On record before anything changes: the containers there were, so that a new one can be told from them. */
static void up_listed(struct effect_call *call, const struct docker_reply *reply)
{
	struct value note = record_new(1), ids = list_new(8), services;

	/* Where the engine cannot be asked, compose will say why. */
	services = reply->ok ? of_project(call, &up_places, reply->json) : list_new(0);
	for (size_t i = 0; i < value_length(services); i++)
		list_push(&ids, value_copy(record_peek(list_peek(services, i), "Id")));
	value_release(services);
	record_set(&note, "before", ids);
	call_note(call, note, up_noted);
}

static void up_start(struct effect_call *call)
{
	if (!services_check(call) || !compose_begin(call, sizeof(struct compose_job), &up_places))
		return;
	compose_word(call, "up");
	compose_word(call, "-d");
	if (call_bool(call, UP_RECREATE, false))
		compose_word(call, "--force-recreate");
	if (!call_bool(call, UP_DEPS, true))
		compose_word(call, "--no-deps");
	if (call_bool(call, UP_BUILD, false))
		compose_word(call, "--build");
	add_services(call);
	ask_services(call, up_listed);
}

static bool list_holds(struct value list, struct value text)
{
	for (size_t i = 0; i < value_length(list); i++)
		if (value_equal(list_peek(list, i), text))
			return true;
	return false;
}

/* Does the service run, in no container of `before`? */
static bool is_new(struct value containers, struct value before)
{
	bool runs = false;

	for (size_t i = 0; i < value_length(containers); i++) {
		struct value item = list_peek(containers, i);

		if (list_holds(before, record_peek(item, "Id")))
			return false;
		runs |= strcmp(value_text_peek(record_peek(item, "State")), "running") == 0;
	}
	return runs;
}

static void up_settle_listed(struct effect_call *call, const struct docker_reply *reply)
{
	struct value before = record_peek(call->intent, "before"), services, wanted;
	bool all_new = true;

	if (!reply->ok) {
		docker_call_end(call, reply, "cannot look for what compose up made");
		return;
	}
	services = of_project(call, &up_places, reply->json);
	wanted = services_wanted(call->args);
	for (size_t i = 0; i < value_length(wanted); i++) {
		struct value containers = with_label(services, LABEL_SERVICE, list_peek(wanted, i));

		all_new &= is_new(containers, before);
		value_release(containers);
	}
	/* Which services "all" are only compose knows. */
	call_ok(call, value_length(wanted) == 0 ? value_null() : value_bool(all_new));
	value_release(wanted);
	value_release(services);
}

/*
 * Without `recreate` an up is repeated: it leaves alone what is as wanted. With it, it is done when each
 * service runs in a container that was not there before.
 */
static void up_settle(struct effect_call *call)
{
	if (call->intent.tag == VALUE_NULL || !call_bool(call, UP_RECREATE, false))
		call_ok(call, value_bool(false));
	else if (compose_begin(call, sizeof(struct compose_job), &up_places))
		ask_services(call, up_settle_listed);
}

/* ---- stop, rm, down, build ---- */

enum { STOP_GRACE = ARG_SERVICES + 1, STOP_ENV, STOP_TIMEOUT, STOP_FILE, STOP_PROJECT, STOP_DIRECTORY };

static const struct compose_places stop_places = {
    .file = STOP_FILE,
    .project = STOP_PROJECT,
    .directory = STOP_DIRECTORY,
    .env = STOP_ENV,
    .input = NO_PLACE,
    .timeout = STOP_TIMEOUT,
};

static void stop_start(struct effect_call *call)
{
	if (!services_check(call) || !compose_begin(call, sizeof(struct compose_job), &stop_places))
		return;
	compose_word(call, "stop");
	compose_word(call, "-t");
	compose_word_printf(call, "%lld", (long long)whole_seconds(call_int(call, STOP_GRACE, 0)));
	add_services(call);
	compose_run(call, plainly_done);
}

enum { RM_VOLUMES = ARG_SERVICES + 1, RM_ENV, RM_TIMEOUT, RM_FILE, RM_PROJECT, RM_DIRECTORY };

static const struct compose_places rm_places = {
    .file = RM_FILE,
    .project = RM_PROJECT,
    .directory = RM_DIRECTORY,
    .env = RM_ENV,
    .input = NO_PLACE,
    .timeout = RM_TIMEOUT,
};

static void rm_start(struct effect_call *call)
{
	if (!services_check(call) || !compose_begin(call, sizeof(struct compose_job), &rm_places))
		return;
	compose_word(call, "rm");
	compose_word(call, "--force");
	compose_word(call, "--stop");
	if (call_bool(call, RM_VOLUMES, false))
		compose_word(call, "-v");
	add_services(call);
	compose_run(call, plainly_done);
}

enum {
	DOWN_VOLUMES,
	DOWN_ORPHANS,
	DOWN_GRACE,
	DOWN_ENV,
	DOWN_TIMEOUT,
	DOWN_FILE,
	DOWN_PROJECT,
	DOWN_DIRECTORY
};

static const struct compose_places down_places = {
    .file = DOWN_FILE,
    .project = DOWN_PROJECT,
    .directory = DOWN_DIRECTORY,
    .env = DOWN_ENV,
    .input = NO_PLACE,
    .timeout = DOWN_TIMEOUT,
};

static void down_start(struct effect_call *call)
{
	if (!compose_begin(call, sizeof(struct compose_job), &down_places))
		return;
	compose_word(call, "down");
	compose_word(call, "-t");
	compose_word_printf(call, "%lld", (long long)whole_seconds(call_int(call, DOWN_GRACE, 0)));
	if (call_bool(call, DOWN_VOLUMES, false))
		compose_word(call, "--volumes");
	if (call_bool(call, DOWN_ORPHANS, false))
		compose_word(call, "--remove-orphans");
	compose_run(call, plainly_done);
}

enum {
	BUILD_ARGS = ARG_SERVICES + 1,
	BUILD_NO_CACHE,
	BUILD_PULL,
	BUILD_ENV,
	BUILD_TIMEOUT,
	BUILD_FILE,
	BUILD_PROJECT,
	BUILD_DIRECTORY
};

static const struct compose_places build_places = {
    .file = BUILD_FILE,
    .project = BUILD_PROJECT,
    .directory = BUILD_DIRECTORY,
    .env = BUILD_ENV,
    .input = NO_PLACE,
    .timeout = BUILD_TIMEOUT,
};

static void build_start(struct effect_call *call)
{
	struct value args = call_arg(call, BUILD_ARGS), list, problem;

	if (!services_check(call))
		return;
	if (!env_list(args, &list, &problem)) {
		call_failed(call, "args: %s", value_text_peek(problem));
	} else if (compose_begin(call, sizeof(struct compose_job), &build_places)) {
		compose_word(call, "build");
		compose_word(call, "--force-rm"); /* a failed build leaves no container; v2 takes it and does so anyway */
		for (size_t i = 0; i < value_length(list); i++) {
			compose_word(call, "--build-arg");
			compose_word(call, value_text_peek(list_peek(list, i)));
		}
		if (call_bool(call, BUILD_NO_CACHE, false))
			compose_word(call, "--no-cache");
		if (call_bool(call, BUILD_PULL, false))
			compose_word(call, "--pull");
		add_services(call);
		compose_run(call, plainly_done);
	}
	value_release(problem);
	value_release(list);
}

/* ---- run ---- */

enum {
	RUN_SERVICE,
	RUN_COMMAND,
	RUN_ENV,
	RUN_USER,
	RUN_WORKDIR,
	RUN_INPUT,
	RUN_DEPS,
	RUN_TIMEOUT,
	RUN_OK,
	RUN_FILE,
	RUN_PROJECT,
	RUN_DIRECTORY
};

static const struct compose_places run_places = {
    .file = RUN_FILE,
    .project = RUN_PROJECT,
    .directory = RUN_DIRECTORY,
    .env = RUN_ENV,
    .input = RUN_INPUT,
    .timeout = RUN_TIMEOUT,
};

struct run_job {
	struct compose_job job; /* first */
	char token[33];		/* of its container's label */
	struct value result;	/* of a run that was cut short, while what it left is cleared up; or null */
	struct value left;	/* ids of its containers, still to be removed */
	int64_t code;
	bool timed_out;
};

static void run_release(struct compose_job *job)
{
	struct run_job *run = (struct run_job *)job;

	value_release(run->result);
	value_release(run->left);
}

static struct value run_result(struct compose_job *job, const struct process_result *result)
{
	struct value record = record_new(6);

	record_set(&record, "code", value_int(result->code));
	record_set(&record, "stdout",
		   text_guard(value_string_n(result->out, result->out_length), job->secrets));
	record_set(&record, "stderr",
		   text_guard(value_string_n(result->err, result->err_length), job->secrets));
	record_set(&record, "time", value_duration(result->elapsed_ns));
	record_set(&record, "truncated", value_bool(result->truncated));
	return record;
}

static void run_fail(struct effect_call *call)
{
	struct run_job *run = call->state;
	const char *service = call_text(call, RUN_SERVICE);
	struct value details = run->result;
	char limit[48];

	run->result = value_null();
	if (run->timed_out)
		call_failed_with(call, details, "the run of \"%s\" timed out after %s and was stopped",
				 service, duration_text(call_int(call, RUN_TIMEOUT, 0), limit));
	else
		call_failed_with(call, details, "the run of \"%s\" was cancelled and stopped", service);
}

static void run_clear_next(struct effect_call *call);

static void run_cleared_one(struct effect_call *call, const struct docker_reply *reply)
{
	if (reply->ok || reply->status == 404 || reply->status == 409) /* gone, or on its way */
		run_clear_next(call);
	else
		call_unknown(call, "the run of \"%s\" was cut short, and its container cannot be removed: %s",
			     call_text(call, RUN_SERVICE), reply->message);
}

static void run_clear_next(struct effect_call *call)
{
	struct run_job *run = call->state;
	size_t count = value_length(run->left);
	struct value rest, id;

	if (count == 0) {
		run_fail(call);
		return;
	}
	id = value_copy(list_peek(run->left, 0));
	rest = list_new(count);
	for (size_t i = 1; i < count; i++)
		list_push(&rest, value_copy(list_peek(run->left, i)));
	value_release(run->left);
	run->left = rest;
	docker_call_send(
	    call,
	    (struct docker_options){.method = "DELETE",
				    .path = docker_path("/containers/%s?force=1&v=1", value_text_peek(id))},
	    run_cleared_one);
	value_release(id);
}

static void run_left_listed(struct effect_call *call, const struct docker_reply *reply)
{
	struct run_job *run = call->state;

	if (!reply->ok) {
		call_unknown(call,
			     "the run of \"%s\" was cut short, and its container cannot be looked for: %s",
			     call_text(call, RUN_SERVICE), reply->message);
		return;
	}
	run->left = list_new(1);
	for (size_t i = 0; i < value_length(reply->json); i++)
		list_push(&run->left, value_copy(record_peek(list_peek(reply->json, i), "Id")));
	run_clear_next(call);
}

/* What stopped compose did not surely stop the container. The driver's grace bounds what follows. */
static void run_clear(struct effect_call *call)
{
	struct run_job *run = call->state;
	struct value filters = value_string_printf("{\"label\":[\"" LABEL_RUN "=%s\"]}", run->token);

	docker_call_send(call,
			 (struct docker_options){.path = docker_path("/containers/json?all=1&filters=%s",
								     value_text_peek(filters))},
			 run_left_listed);
	value_release(filters);
}

/* What was said, without the line in which docker-compose 1 repeats the exit code. */
static size_t without_code(const char *said, size_t length, int code)
{
	char line[16];
	size_t n = (size_t)snprintf(line, sizeof(line), "\n%d\n", code);

	return length >= n && memcmp(said + length - n, line, n) == 0 ? length - n + 1 : length;
}

static void run_failed_by_itself(struct effect_call *call, const struct process_result *result)
{
	struct run_job *run = call->state;
	struct value details = run_result(&run->job, result), line, tail;
	bool on_err = result->err_length > 0;
	const char *said = on_err ? result->err : result->out;
	size_t length = without_code(said, on_err ? result->err_length : result->out_length, result->code);

	tail = text_guard(text_tail(said, length, 20), run->job.secrets);
	record_set(&details, "tail", tail);
	line = text_hide(compose_last_words(said, length), run->job.secrets);
	call_failed_with(call, details, "the run of \"%s\" ended with exit code %d%s%s",
			 call_text(call, RUN_SERVICE), result->code, value_length(line) > 0 ? ": " : "",
			 value_text_peek(line));
	value_release(line);
}

static void run_done(struct effect_call *call, const struct process_result *result)
{
	struct run_job *run = call->state;

	if (result->timed_out || result->cancelled) {
		run->job.step.cancelled = false; /* what is sent from here on is not */
		run->timed_out = result->timed_out;
		run->result = run_result(&run->job, result);
		run_clear(call);
	} else if (exit_code_ok(call_arg(call, RUN_OK), result->code)) {
		call_ok(call, run_result(&run->job, result));
	} else {
		run_failed_by_itself(call, result);
	}
}

static bool command_check(struct effect_call *call)
{
	struct value command = call_arg(call, RUN_COMMAND);

	for (size_t i = 0; i < value_length(command); i++) {
		struct value word = list_peek(command, i);

		if (word.tag != VALUE_STRING || value_is_secret(word) ||
		    strlen(value_text_peek(word)) != value_length(word)) {
			call_failed(call, "each word of the command must be a string without NUL bytes, and "
					  "no secret: every "
					  "user could read it; give it by `env` or `input`");
			return false;
		}
	}
	return true;
}

static void run_words(struct effect_call *call)
{
	struct run_job *run = call->state;
	struct value env = call_arg(call, RUN_ENV), command = call_arg(call, RUN_COMMAND);

	compose_word(call, "run");
	compose_word(call, "--rm");
	compose_word(call, "-T");
	compose_word_printf(call, "--label=" LABEL_RUN "=%s", run->token);
	if (!call_bool(call, RUN_DEPS, true))
		compose_word(call, "--no-deps");
	if (call_text(call, RUN_USER) != NULL)
		compose_word_printf(call, "--user=%s", call_text(call, RUN_USER));
	if (call_text(call, RUN_WORKDIR) != NULL)
		compose_word_printf(call, "--workdir=%s", call_text(call, RUN_WORKDIR));
	for (size_t i = 0; i < value_length(env); i++) {
		if (record_value_peek(env, i).tag == VALUE_NULL)
			continue;
		compose_word(call, "-e"); /* its value is in compose's own environment */
		compose_word(call, record_key_peek(env, i));
	}
	compose_word(call, call_text(call, RUN_SERVICE));
	for (size_t i = 0; i < value_length(command); i++)
		compose_word(call, value_text_peek(list_peek(command, i)));
}

static void run_start(struct effect_call *call)
{
	struct run_job *run;

	if (!compose_name_check(call, "service", call_text(call, RUN_SERVICE)) || !command_check(call) ||
	    !exit_codes_check(call, call_arg(call, RUN_OK)) || !compose_begin(call, sizeof *run, &run_places))
		return;
	run = call->state;
	run->job.release = run_release;
	run->result = run->left = value_null();
	docker_token(run->token);
	run_words(call);
	compose_run_all(call, run_done);
}

/* ---- config ---- */

enum { CONFIG_ENV, CONFIG_TIMEOUT, CONFIG_FILE, CONFIG_PROJECT, CONFIG_DIRECTORY };

static const struct compose_places config_places = {
    .file = CONFIG_FILE,
    .project = CONFIG_PROJECT,
    .directory = CONFIG_DIRECTORY,
    .env = CONFIG_ENV,
    .input = NO_PLACE,
    .timeout = CONFIG_TIMEOUT,
};

/* Version 1 knows YAML only. */
static void config_words(struct effect_call *call)
{
	compose_word(call, "config");
	if (!compose_is_v1(call->live)) {
		compose_word(call, "--format");
		compose_word(call, "json");
	}
}

static void config_done(struct effect_call *call, const struct process_result *result)
{
	struct compose_job *job = call->state;
	struct value config, text;
	char error[200];

	if (result->code != 0 || result->timed_out || result->truncated) {
		fail_of_row(call, result);
		return;
	}
	if (!(compose_is_v1(call->live)
		  ? yaml_parse(result->out, result->out_length, &config, error, sizeof error)
		  : value_from_json(result->out, result->out_length, &config, error))) {
		call_failed(call, "what compose prints as its config cannot be read: %s", error);
		return;
	}
	text = text_guard(value_string_n(result->out, result->out_length), job->secrets);
	call_ok(call, value_mark(config, text.flags & VALUE_SECRET));
	value_release(text);
}

static void config_start(struct effect_call *call)
{
	if (!compose_begin(call, sizeof(struct compose_job), &config_places))
		return;
	((struct compose_job *)call->state)->prepare = config_words;
	compose_run(call, config_done);
}

/* ---- simulation and preview ---- */

static void describe_globals(struct buffer *line, const struct effect_request *request,
			     const struct compose_places *places)
{
	struct value files = request->args[places->file];

	if (places->env != NO_PLACE)
		words_add_env(line, NULL, request->args[places->env]);
	words_add(line, "docker compose");
	if (files.tag != VALUE_LIST)
		words_add_option(line, "-f", files);
	else
		for (size_t i = 0; i < value_length(files); i++)
			words_add_option(line, "-f", list_peek(files, i));
	words_add_option(line, "-p", request->args[places->project]);
}

static void describe_services(struct buffer *line, const struct effect_request *request)
{
	struct value all = services_wanted(request->args);

	words_add_list(line, all);
	value_release(all);
}

/* The line, and where it runs. */
static struct value describe_end(struct buffer *line, const struct effect_request *request,
				 const struct compose_places *places)
{
	struct value directory = request->args[places->directory], shown;

	if (directory.tag != VALUE_NULL) {
		shown = value_show(directory, 0);
		buffer_printf(line, "  (in %s)", value_text_peek(shown));
		value_release(shown);
	}
	return buffer_finish(line);
}

static struct value up_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	describe_globals(&line, request, &up_places);
	words_add(&line, "up -d");
	words_add_flag(&line, "--force-recreate", args[UP_RECREATE]);
	if (args[UP_DEPS].tag == VALUE_BOOL && !args[UP_DEPS].b)
		words_add(&line, "--no-deps");
	words_add_flag(&line, "--build", args[UP_BUILD]);
	describe_services(&line, request);
	return describe_end(&line, request, &up_places);
}

static struct value stop_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	describe_globals(&line, request, &stop_places);
	words_add(&line, "stop");
	words_add_seconds(&line, "-t", request->args[STOP_GRACE]);
	describe_services(&line, request);
	return describe_end(&line, request, &stop_places);
}

static struct value rm_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	describe_globals(&line, request, &rm_places);
	words_add(&line, "rm --force --stop");
	words_add_flag(&line, "-v", request->args[RM_VOLUMES]);
	describe_services(&line, request);
	return describe_end(&line, request, &rm_places);
}

static struct value down_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	describe_globals(&line, request, &down_places);
	words_add(&line, "down");
	words_add_seconds(&line, "-t", request->args[DOWN_GRACE]);
	words_add_flag(&line, "--volumes", request->args[DOWN_VOLUMES]);
	words_add_flag(&line, "--remove-orphans", request->args[DOWN_ORPHANS]);
	return describe_end(&line, request, &down_places);
}

static struct value build_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	describe_globals(&line, request, &build_places);
	words_add(&line, "build");
	words_add(&line, "--force-rm");
	words_add_env(&line, "--build-arg", request->args[BUILD_ARGS]);
	words_add_flag(&line, "--no-cache", request->args[BUILD_NO_CACHE]);
	words_add_flag(&line, "--pull", request->args[BUILD_PULL]);
	describe_services(&line, request);
	return describe_end(&line, request, &build_places);
}

static struct value ps_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	describe_globals(&line, request, &ps_places);
	words_add(&line, "ps --all");
	words_add_value(&line, request->args[PS_SERVICE]);
	return describe_end(&line, request, &ps_places);
}

static struct value config_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	describe_globals(&line, request, &config_places);
	words_add(&line, "config");
	return describe_end(&line, request, &config_places);
}

static struct value run_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	describe_globals(&line, request, &run_places);
	words_add(&line, "run --rm -T");
	if (args[RUN_DEPS].tag == VALUE_BOOL && !args[RUN_DEPS].b)
		words_add(&line, "--no-deps");
	words_add_option(&line, "--user", args[RUN_USER]);
	words_add_option(&line, "--workdir", args[RUN_WORKDIR]);
	words_add_value(&line, args[RUN_SERVICE]);
	words_add_list(&line, args[RUN_COMMAND]);
	return describe_end(&line, request, &run_places);
}

static struct value exec_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	describe_globals(&line, request, &exec_places);
	words_add(&line, "exec -T");
	words_add_env(&line, "--env", args[EXEC_ENV]);
	words_add_option(&line, "--user", args[EXEC_USER]);
	words_add_option(&line, "--workdir", args[EXEC_WORKDIR]);
	if (args[EXEC_INDEX].tag == VALUE_INT && args[EXEC_INDEX].i != 1)
		words_add_option(&line, "--index", args[EXEC_INDEX]);
	words_add_value(&line, args[EXEC_SERVICE]);
	words_add_list(&line, args[EXEC_COMMAND]);
	return describe_end(&line, request, &exec_places);
}

/* ---- the table ---- */

#define WHERE ", file: any = null, project: string = null, directory: path = null)"

#define WHERE_DETAILS                                                                                        \
	"`file` is a compose file or a list of them, `project` the project's name, `directory` where "       \
	"compose runs; "                                                                                     \
	"without them compose looks for its file and name as ever (COMPOSE_FILE, COMPOSE_PROJECT_NAME, "     \
	".env). Set them "                                                                                   \
	"once with `defaults { compose.file = \"lab/docker-compose.yml\" }`."

#define ENV_DETAILS                                                                                          \
	"`env` adds variables for the compose file's `${NAME}`; they reach compose through its environment " \
	"and are in "                                                                                        \
	"no argument, so they may be secrets. "

#define COMPOSE_BAD                                                                                          \
	"A file, service or project that is not there, and whatever compose refuses, are failures: the "     \
	"message ends with "                                                                                 \
	"compose's last line, the details are code, stdout, stderr, and in `tail` the last 20 lines."

#define EXEC_SIGNATURE                                                                                       \
	"(service: string, command: list(string), env: secret record = {}, user: string = null, workdir: "   \
	"string = null, "                                                                                    \
	"input: secret string = null, index: int = 1, timeout: duration = 1m, ok: any = null" WHERE          \
	" -> exec_result"

#define EXEC_DETAILS                                                                                         \
	"The container is found by compose's labels and the command runs through the Engine API, exactly "   \
	"as with "                                                                                           \
	"`docker.exec`: never with a terminal, its exit code exact, stdout and stderr apart, stopped in "    \
	"the container on a "                                                                                \
	"cancel or after `timeout`. `env` is the command's environment, `workdir` its directory in the "     \
	"container, `index` "                                                                                \
	"the number of the container where a service has several. " WHERE_DETAILS

#define EXEC_BAD                                                                                             \
	"A service that has no container or does not run, one that several projects have, a program that "   \
	"the container "                                                                                     \
	"lacks, and an exit code that is not `ok`, are failures."

static const struct builtin compose_rows[] = {
    {.name = "compose.up",
     .signature =
	 "(service: string = null, services: list(string) = [], recreate: bool = false, deps: bool = true, "
	 "build: bool = false, env: secret record = {}, timeout: duration = 5m" WHERE,
     .summary = "Make and start a service, several, or all of them, as the compose file says.",
     .details = "`recreate` makes containers anew even where nothing changed; `deps: false` leaves the "
		"services that it "
		"depends on alone; `build` builds images first. The call ends when the containers have "
		"started: wait for "
		"`docker.health` after it. " ENV_DETAILS WHERE_DETAILS
		"\n\nAn interrupted one is repeated, which leaves alone what is as wanted; with `recreate` "
		"it is settled by "
		"looking whether each service runs in a container that was not there before. One that is "
		"cancelled is "
		"unknown: compose is stopped wherever it was.",
     .example = "compose.up(\"backend-green\", env: { VERSION: \"v2\" })",
     .bad_input = COMPOSE_BAD,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_PROBE,
     .start = up_start,
     .describe = up_describe,
     .probe = up_settle},
    {.name = "compose.stop",
     .signature = "(service: string = null, services: list(string) = [], grace: duration = 10s, env: secret "
		  "record = {}, "
		  "timeout: duration = 5m" WHERE,
     .summary = "Stop the containers of a service, several, or all of them, and keep them.",
     .details = "Each gets TERM, and KILL when it still runs after `grace`. " ENV_DETAILS WHERE_DETAILS,
     .example = "compose.stop(\"backend-green\")",
     .bad_input = COMPOSE_BAD,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = stop_start,
     .describe = stop_describe},
    {.name = "compose.rm",
     .signature = "(service: string = null, services: list(string) = [], volumes: bool = false, env: secret "
		  "record = {}, "
		  "timeout: duration = 5m" WHERE,
     .summary = "Stop and remove the containers of a service, several, or all of them.",
     .details = "Compose's `down` takes no service: this is the way for one. `volumes` removes anonymous "
		"volumes too. " ENV_DETAILS WHERE_DETAILS,
     .example = "compose.rm(\"backend-green\")",
     .bad_input = COMPOSE_BAD,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = rm_start,
     .describe = rm_describe},
    {.name = "compose.down",
     .signature = "(volumes: bool = false, orphans: bool = false, grace: duration = 10s, env: secret record "
		  "= {}, timeout: "
		  "duration = 5m" WHERE,
     .summary = "Stop and remove all containers and networks of the project.",
     .details = "`volumes` removes the project's volumes and what is in them, `orphans` the containers of "
		"services that the "
		"file no longer names. " ENV_DETAILS WHERE_DETAILS,
     .example = "compose.down(project: \"thebot-trial\")",
     .bad_input = COMPOSE_BAD,
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = down_start,
     .describe = down_describe},
    {.name = "compose.build",
     .signature = "(service: string = null, services: list(string) = [], args: record = {}, no_cache: bool = "
		  "false, pull: "
		  "bool = false, env: secret record = {}, timeout: duration = 30m" WHERE,
     .summary = "Build the image of a service, of several, or of all of them.",
     .details =
	 "`args` can be read in the image's history: no place for a secret. " ENV_DETAILS WHERE_DETAILS,
     .example = "compose.build(\"backend-green\", env: { VERSION: \"v2\" })",
     .bad_input = COMPOSE_BAD,
     .leaves = "an image",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = build_start,
     .describe = build_describe},
    {.name = "compose.ps",
     .signature = "(service: string = null, env: secret record = {}" WHERE " -> list(compose_container)",
     .summary = "The containers of the project, or of one service, running or not.",
     .details =
	 "Asked of the engine, by compose's labels; what `compose.run` made is left out. " WHERE_DETAILS,
     .example = "all(c.state == \"running\" for c in compose.ps())",
     .bad_input = "A service or project that has no container gives an empty list; an engine that cannot be "
		  "reached is a "
		  "failure.",
     .effect = EFFECT_READ,
     .start = ps_start,
     .describe = ps_describe},
    {.name = "compose.run",
     .signature = "(service: string, command: list(string) = [], env: secret record = {}, user: string = "
		  "null, workdir: "
		  "string = null, input: secret string = null, deps: bool = true, timeout: duration = 10m, "
		  "ok: any = null" WHERE " -> exec_result",
     .summary = "Run a command in a new container of a service, and remove the container after it.",
     .details =
	 "Without `command`, the service's own. Never with a terminal. stderr also holds what compose says "
	 "of its own "
	 "work. `env` serves the compose file's `${NAME}` and is set in the container. An exit code other "
	 "than 0 "
	 "is a failure unless `ok` lists it. On a cancel or after `timeout` compose is stopped, and what it "
	 "left of the container is removed. " WHERE_DETAILS,
     .example = "compose.run(\"backend\", [\"python\", \"manage.py\", \"migrate\", \"--noinput\"])",
     .bad_input = COMPOSE_BAD,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_ASK,
     .grace = 25 * DOCKER_SECOND,
     .start = run_start,
     .simulate = docker_exec_simulate,
     .describe = run_describe},
    {.name = "compose.probe",
     .signature = EXEC_SIGNATURE,
     .summary =
	 "Run a command in a service's container which, the author promises, only looks and changes nothing.",
     .details = "Like `compose.exec`, but a read: it needs no way back, may be repeated, and may run in a "
		"guard. " EXEC_DETAILS,
     .example = "compose.probe(\"backend\", [\"python\", \"manage.py\", \"check\", \"--deploy\"]).code == 0",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_READ,
     .start = exec_start,
     .describe = exec_describe},
    {.name = "compose.exec",
     .signature = EXEC_SIGNATURE,
     .summary = "Run a command in the running container of a service and wait for its end.",
     .details = EXEC_DETAILS "\n\nAn interrupted one is settled as with `docker.exec`.",
     .example = "compose.exec(\"backend\", [\"python\", \"manage.py\", \"migrate\", \"--noinput\"])",
     .bad_input = EXEC_BAD,
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = exec_start,
     .simulate = docker_exec_simulate,
     .describe = exec_describe,
     .probe = docker_exec_settle},
    {.name = "compose.config",
     .signature = "(env: secret record = {}, timeout: duration = 1m" WHERE " -> any",
     .summary = "The compose files as compose understands them, merged and with variables filled in.",
     .details = "Where it holds a secret of `env`, the whole answer is one. " ENV_DETAILS WHERE_DETAILS,
     .example = "compose.config(env: { VERSION: \"v2\" }).services",
     .bad_input = COMPOSE_BAD,
     .effect = EFFECT_READ,
     .start = config_start,
     .describe = config_describe},
};

static const struct builtin_type compose_types[] = {
    {.name = "compose_container",
     .definition = "{ id: string, name: string, image: string, state: string, status: string, health: "
		   "string, created: time, "
		   "labels: record, service: string, number: int, project: string }",
     .summary = "A container of a service; `number` counts from 1 where a service has several."},
};

const struct builtin_table compose_table = {
    .name = "compose",
    .summary =
	"Services of a compose file, through `docker compose` or `docker-compose`, whichever is there.",
    .rows = compose_rows,
    .row_count = sizeof compose_rows / sizeof *compose_rows,
    .types = compose_types,
    .type_count = sizeof compose_types / sizeof *compose_types,
};
