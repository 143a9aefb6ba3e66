#include "builtins/compose_tool.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtins/docker_exec.h"
#include "builtins/words.h"
#include "interp/buffer.h"

#define VERSION_TIMEOUT (20 * DOCKER_SECOND)
#define TAIL_LINES	20

struct compose_tool {
	struct live *live;
	bool known, v1;
	bool plugin; /* `docker compose`, not `docker-compose` */
	struct process *asking;
	bool asking_plugin;
	struct compose_job *waiting, **waiting_tail;
};

/* ---- which compose ---- */

static void *tool_make(struct live *live)
{
	struct compose_tool *tool = memory_need(calloc(1, sizeof *tool));

	tool->live = live;
	tool->waiting_tail = &tool->waiting;
	return tool;
}

static struct compose_tool *tool_of(struct live *live)
{
	return live_keep(live, "compose.tool", tool_make, free);
}

bool compose_is_v1(struct live *live)
{
	return tool_of(live)->v1;
}

static void job_start(struct compose_job *job);

static void tool_found(struct compose_tool *tool)
{
	struct compose_job *job = tool->waiting;

	tool->waiting = NULL;
	tool->waiting_tail = &tool->waiting;
	while (job != NULL) {
		struct compose_job *next = job->next;

		job->queued = false;
		if (tool->known)
			job_start(job);
		else
			call_failed(job->step.call,
				    "neither \"docker compose\" nor \"docker-compose\" answers: install the "
				    "compose plugin, or Debian's docker-compose");
		job = next;
	}
}

static void tool_ask(struct compose_tool *tool, bool plugin);

static void tool_answered(void *context, const struct process_result *result)
{
	struct compose_tool *tool = context;
	const char *version = result->started ? result->out : "";

	tool->asking = NULL;
	if (*version == 'v')
		version++;
	if (result->started && result->code == 0 && isdigit((unsigned char)*version)) {
		tool->known = true;
		tool->plugin = tool->asking_plugin;
		tool->v1 = atoi(version) == 1;
	} else if (tool->asking_plugin && !result->cancelled) {
		tool_ask(tool, false);
		return;
	}
	tool_found(tool);
}

static void tool_ask(struct compose_tool *tool, bool plugin)
{
	const char *const with_plugin[] = {"docker", "compose", "version", "--short", NULL};
	const char *const standalone[] = {"docker-compose", "version", "--short", NULL};

	tool->asking_plugin = plugin;
	tool->asking =
	    process_start(tool->live, &(struct process_options){.argv = plugin ? with_plugin : standalone,
								.timeout_ns = VERSION_TIMEOUT,
								.on_done = tool_answered,
								.context = tool});
}

static void tool_forget(struct compose_tool *tool, struct compose_job *job)
{
	struct compose_job **link = &tool->waiting;

	if (!job->queued)
		return;
	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	if (tool->waiting_tail == &job->next)
		tool->waiting_tail = link;
	job->queued = false;
}

/* ---- arguments ---- */

bool compose_name_check(struct effect_call *call, const char *what, const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (name != NULL && isalnum((unsigned char)*name) && strspn(name, plain) == strlen(name))
		return true;
	struct value text = value_string(name == NULL ? "" : name), shown = value_show(text, 80);
	call_failed(call, "%s cannot be the name of a %s", value_text_peek(shown), what);
	value_release(shown);
	value_release(text);
	return false;
}

/* `path` as it is, or inside the call's directory. */
static struct value in_directory(struct effect_call *call, const struct compose_places *places,
				 const char *path)
{
	const char *directory = call_text(call, places->directory);

	if (*path == '/' || directory == NULL)
		return value_string(path);
	return value_string_printf("%s/%s", directory, path);
}

static bool file_check(struct effect_call *call, const struct compose_places *places, struct value file)
{
	struct value path;
	bool good;

	if (file.tag != VALUE_STRING || value_length(file) == 0) {
		call_failed(call, "`file` must be a path, or a list of paths");
		return false;
	}
	path = in_directory(call, places, value_text_peek(file));
	good = access(value_text_peek(path), R_OK) == 0;
	if (!good)
		call_failed(call, "the compose file %s cannot be read: %s", value_text_peek(path),
			    strerror(errno));
	value_release(path);
	return good;
}

static bool files_check(struct effect_call *call, const struct compose_places *places)
{
	struct value files = call_arg(call, places->file);

	if (files.tag == VALUE_NULL)
		return true;
	if (files.tag != VALUE_LIST)
		return file_check(call, places, files);
	for (size_t i = 0; i < value_length(files); i++)
		if (!file_check(call, places, list_peek(files, i)))
			return false;
	return true;
}

static bool env_check(struct effect_call *call, const struct compose_places *places)
{
	struct value list = value_null(), problem = value_null();
	bool good = places->env == NO_PLACE || env_list(call_arg(call, places->env), &list, &problem);

	if (!good)
		call_failed(call, "%s", value_text_peek(problem));
	value_release(list);
	value_release(problem);
	return good;
}

/* ---- the state of a call ---- */

static void job_cancel(struct effect_call *call)
{
	struct compose_job *job = call->state;

	job->step.cancelled = true;
	if (job->process != NULL) {
		process_stop(job->process);
	} else if (job->queued) {
		tool_forget(tool_of(call->live), job);
		call_failed(call, "%s was cancelled before it began", call->builtin->name);
	} else if (job->step.request != NULL) {
		docker_request_cancel(job->step.request);
	}
}

static void job_free(void *state)
{
	struct compose_job *job = state;

	if (job->release != NULL)
		job->release(job);
	value_release(job->words);
	value_release(job->secrets);
	docker_call_state_free(job);
}

bool compose_begin(struct effect_call *call, size_t size, const struct compose_places *places)
{
	const char *project = call_text(call, places->project);
	struct compose_job *job;

	if ((project != NULL && !compose_name_check(call, "project", project)) ||
	    !files_check(call, places) || !env_check(call, places))
		return false;
	job = docker_call_begin(call, size, job_free);
	call->cancel = job_cancel;
	job->places = places;
	job->words = list_new(12);
	job->secrets = list_new(0);
	if (places->env != NO_PLACE)
		secrets_collect(&job->secrets, call_arg(call, places->env));
	if (places->input != NO_PLACE)
		secrets_collect(&job->secrets, call_arg(call, places->input));
	return true;
}

void compose_word(struct effect_call *call, const char *word)
{
	list_push(&((struct compose_job *)call->state)->words, value_string(word));
}

void compose_word_printf(struct effect_call *call, const char *format, ...)
{
	struct buffer text = {0};
	va_list list;

	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	list_push(&((struct compose_job *)call->state)->words, buffer_finish(&text));
}

/* ---- running ---- */

static bool ends_unknown(const struct effect_call *call)
{
	return call->builtin->effect == EFFECT_CHANGE && call->builtin->leaves == NULL;
}

static void job_ended(void *context, const struct process_result *result)
{
	struct compose_job *job = context;
	struct effect_call *call = job->step.call;

	job->process = NULL;
	if (!result->started)
		call_failed(call, "%s", result->error);
	else if (result->cancelled && !job->all)
		(ends_unknown(call) ? call_unknown : call_failed)(call, "%s was stopped while it ran",
								  call->builtin->name);
	else
		job->done(call, result);
}

/* Global options; each value in one word with its option, so that none is taken for an option. */
static void add_globals(struct value *argv, struct effect_call *call, const struct compose_places *places)
{
	struct value files = call_arg(call, places->file);
	const char *project = call_text(call, places->project);

	if (files.tag == VALUE_STRING)
		list_push(argv, value_string_printf("--file=%s", value_text_peek(files)));
	for (size_t i = 0; files.tag == VALUE_LIST && i < value_length(files); i++)
		list_push(argv, value_string_printf("--file=%s", value_text_peek(list_peek(files, i))));
	if (project != NULL)
		list_push(argv, value_string_printf("--project-name=%s", project));
}

/* An array of the list's texts, which it borrows, ended by NULL. */
static const char **pointers(struct value list)
{
	const char **array = memory_need(calloc(value_length(list) + 1, sizeof *array));

	for (size_t i = 0; i < value_length(list); i++)
		array[i] = value_text_peek(list_peek(list, i));
	return array;
}

static struct value job_argv(struct compose_tool *tool, struct compose_job *job)
{
	struct value argv = list_new(16);

	if (tool->plugin) {
		list_push(&argv, value_string("docker"));
		list_push(&argv, value_string("compose"));
	} else {
		list_push(&argv, value_string("docker-compose"));
	}
	add_globals(&argv, job->step.call, job->places);
	for (size_t i = 0; i < value_length(job->words); i++)
		list_push(&argv, value_copy(list_peek(job->words, i)));
	return argv;
}

static struct value job_env(struct compose_tool *tool, struct compose_job *job)
{
	const struct docker_endpoint *endpoint = docker_endpoint(tool->live);
	struct value env = list_new(2), problem = value_null();

	if (job->places->env != NO_PLACE) {
		value_release(env);
		env_list(call_arg(job->step.call, job->places->env), &env,
			 &problem); /* checked at the beginning */
		value_release(problem);
	}
	/* Python's requests would check the engine's certificate against these instead of DOCKER_CERT_PATH.
	 */
	if (tool->v1 && endpoint != NULL && endpoint->tls) {
		list_push(&env, value_string("REQUESTS_CA_BUNDLE="));
		list_push(&env, value_string("CURL_CA_BUNDLE="));
	}
	return env;
}

static void job_start(struct compose_job *job)
{
	struct effect_call *call = job->step.call;
	struct compose_tool *tool = tool_of(call->live);
	struct value argv, env, input = value_null();
	const char **words, **variables;

	if (job->prepare != NULL)
		job->prepare(call);
	argv = job_argv(tool, job);
	env = job_env(tool, job);
	words = pointers(argv);
	variables = pointers(env);
	if (job->places->input != NO_PLACE)
		input = call_arg(call, job->places->input);
	job->process = process_start(
	    call->live,
	    &(struct process_options){.argv = words,
				      .env = variables,
				      .directory = call_text(call, job->places->directory),
				      .input = input.tag == VALUE_STRING ? value_text_peek(input) : NULL,
				      .input_length = value_length(input),
				      .timeout_ns = call_int(call, job->places->timeout, 0),
				      .on_done = job_ended,
				      .context = job});
	free(words);
	free(variables);
	value_release(argv);
	value_release(env);
}

void compose_run_all(struct effect_call *call,
		     void (*done)(struct effect_call *call, const struct process_result *result))
{
	struct compose_job *job = call->state;

	job->all = true;
	compose_run(call, done);
}

void compose_run(struct effect_call *call,
		 void (*done)(struct effect_call *call, const struct process_result *result))
{
	struct compose_tool *tool = tool_of(call->live);
	struct compose_job *job = call->state;

	job->done = done;
	if (job->step.cancelled) {
		call_failed(call, "%s was cancelled before it began", call->builtin->name);
	} else if (tool->known) {
		job_start(job);
	} else {
		job->queued = true;
		job->next = NULL;
		*tool->waiting_tail = job;
		tool->waiting_tail = &job->next;
		if (tool->asking == NULL)
			tool_ask(tool, true);
	}
}

/* ---- failures ---- */

struct line {
	const char *text;
	size_t length;
};

/* The line that ends before `end`; *end moves to where the one above it ends. False at the top. */
static bool line_above(const char *text, size_t *end, struct line *line)
{
	size_t from = *end;

	if (from == 0)
		return false;
	while (from > 0 && text[from - 1] != '\n')
		from--;
	*line = (struct line){text + from, *end - from};
	*end = from > 0 ? from - 1 : 0;
	while (line->length > 0 && isspace((unsigned char)line->text[line->length - 1]))
		line->length--;
	return true;
}

static bool says_something(const struct line *line)
{
	static const char noise[] = "Encountered errors while bringing up the project.";

	return line->length > 0 &&
	       !(line->length == sizeof noise - 1 && memcmp(line->text, noise, line->length) == 0);
}

/* From `text` on, the indented lines down to the first blank one, as one line. */
static struct value paragraph(const char *text, const char *end)
{
	struct buffer joined = {0};

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline != NULL ? newline : end) - text);

		while (length > 0 && isspace((unsigned char)*text))
			text++, length--;
		while (length > 0 && isspace((unsigned char)text[length - 1]))
			length--;
		if (length == 0)
			break;
		if (joined.length > 0)
			buffer_add_byte(&joined, ' ');
		buffer_add(&joined, text, length);
		if (newline == NULL)
			break;
		text = newline + 1;
	}
	return buffer_finish(&joined);
}

struct value compose_last_words(const char *text, size_t length)
{
	const char *end = text + length,
		   *top = NULL; /* top: the highest line of an indented block at the end */
	bool blank = false;	/* a blank line lies between here and top */
	struct line line;

	while (line_above(text, &length, &line)) {
		if (!says_something(&line)) {
			blank = true;
		} else if (isspace((unsigned char)*line.text)) {
			top = line.text;
			blank = false;
		} else if (top == NULL || !blank) { /* alone, or the headline of the block */
			return paragraph(line.text, top != NULL ? end : line.text + line.length);
		} else {
			break;
		}
	}
	return top != NULL ? paragraph(top, end) : value_string("");
}

void compose_fail(struct effect_call *call, const struct process_result *result, const char *what)
{
	struct compose_job *job = call->state;
	struct value details = record_new(5), words;
	bool on_err = result->err_length > 0;
	const char *said = on_err ? result->err : result->out;
	size_t length = on_err ? result->err_length : result->out_length;
	char limit[48];

	record_set(&details, "code", value_int(result->code));
	record_set(&details, "stdout",
		   text_guard(value_string_n(result->out, result->out_length), job->secrets));
	record_set(&details, "stderr",
		   text_guard(value_string_n(result->err, result->err_length), job->secrets));
	record_set(&details, "tail", text_guard(text_tail(said, length, TAIL_LINES), job->secrets));
	record_set(&details, "time", value_duration(result->elapsed_ns));
	words = text_hide(compose_last_words(said, length), job->secrets);
	if (result->timed_out)
		call_failed_with(call, details, "%s did not end within %s%s%s", what,
				 duration_text(call_int(call, job->places->timeout, 0), limit),
				 value_length(words) > 0 ? ": " : "", value_text_peek(words));
	else
		call_failed_with(call, details, "%s failed with exit code %d%s%s", what, result->code,
				 value_length(words) > 0 ? ": " : "", value_text_peek(words));
	value_release(words);
}

/* ---- the project ---- */

/* A variable as compose would see it: of the call's env, else of ours. */
static const char *variable(struct effect_call *call, const struct compose_places *places, const char *name)
{
	const char *ours = getenv(name);

	if (places->env != NO_PLACE) {
		struct value v = record_peek(call_arg(call, places->env), name);

		if (v.tag == VALUE_STRING)
			return value_text_peek(v);
	}
	return ours != NULL && *ours != '\0' ? ours : NULL;
}

struct value compose_project_name(struct effect_call *call, const struct compose_places *places)
{
	const char *given = call_text(call, places->project);

	return value_string(given != NULL ? given : variable(call, places, "COMPOSE_PROJECT_NAME"));
}

static struct value real_path(const char *path)
{
	char resolved[PATH_MAX];

	return value_string(realpath(path, resolved)); /* null where there is none */
}

static bool has_compose_file(const char *directory)
{
	static const char *const names[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
					    "docker-compose.yaml"};
	bool found = false;

	for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
		struct value path = value_string_printf("%s/%s", directory, names[i]);

		found = access(value_text_peek(path), F_OK) == 0;
		value_release(path);
	}
	return found;
}

/* The directory itself or the nearest one above it that holds a compose file; consumes it. */
static struct value directory_above(struct value directory)
{
	while (directory.tag == VALUE_STRING && !has_compose_file(value_text_peek(directory))) {
		const char *text = value_text_peek(directory), *slash = strrchr(text, '/');
		struct value above = slash == NULL || value_length(directory) <= 1
					 ? value_null()
					 : value_string_n(text, slash == text ? 1 : (size_t)(slash - text));

		value_release(directory);
		directory = above;
	}
	return directory;
}

struct value compose_project_directory(struct effect_call *call, const struct compose_places *places)
{
	struct value files = call_arg(call, places->file);
	const char *first = value_text_peek(files.tag == VALUE_LIST ? list_peek(files, 0) : files), *slash;
	const char *directory = call_text(call, places->directory),
		   *from_env = variable(call, places, "COMPOSE_FILE");
	struct value path, above, real;

	if (*first == '\0' && from_env == NULL)
		return directory_above(real_path(directory == NULL ? "." : directory));
	if (*first != '\0') {
		path = in_directory(call, places, first);
	} else {
		above = value_string_n(from_env, strcspn(from_env, ":"));
		path = in_directory(call, places, value_text_peek(above));
		value_release(above);
	}
	slash = strrchr(value_text_peek(path), '/');
	above = slash == NULL
		    ? value_string(".")
		    : value_string_n(value_text_peek(path), slash == value_text_peek(path)
								? 1
								: (size_t)(slash - value_text_peek(path)));
	real = real_path(value_text_peek(above));
	value_release(above);
	value_release(path);
	return real;
}
