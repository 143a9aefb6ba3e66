/*
 * docker_help.h - for tests of docker.* and compose.*: calls of rows through the live driver, against a real
 * engine.
 *
 * A call's arguments are JSON by name; what is left out gets the signature's default. A string that begins
 * with "@" is a duration ("@1500ms"), one with "!" a secret. Everything the tests make is called
 * rp-test-PID-...; help_close() removes it.
 */
#ifndef DOCKER_HELP_H
#define DOCKER_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "interp/buffer.h"

#define SECOND INT64_C(1000000000)

static struct driver *help_driver;
static char help_prefix[40];   /* rp-test-PID */
static struct value help_note; /* of the last call: null or what call_note() put on record */
static int help_calls;

/* ---- processes ---- */

/* Runs a program to its end; its exit code. Its output is dropped unless `out` is given. */
static int help_run(struct buffer *out, const char *const *argv)
{
	int pipes[2], status;
	char bytes[4096];
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		dup2(pipes[1], 2);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(pipes[1]);
	while ((got = read(pipes[0], bytes, sizeof bytes)) > 0)
		if (out != NULL)
			buffer_add(out, bytes, (size_t)got);
	close(pipes[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define HELP_RUN(...) help_run(NULL, (const char *const[]){__VA_ARGS__, NULL})

/*
 * Seconds to sleep, for what is looked for among the machine's processes: no other run of the tests has them.
 * `number` is from 1 to 9; the result lives for the test.
 */
static inline const char *help_seconds(int number)
{
	static char texts[10][16];

	snprintf(texts[number], sizeof texts[number], "%d", number * 10000000 + (int)getpid());
	return texts[number];
}

static inline bool help_sleeps(int number)
{
	char pattern[32];

	snprintf(pattern, sizeof pattern, "^sleep %s", help_seconds(number));
	return HELP_RUN("pgrep", "-f", pattern) == 0;
}

/* Within half a minute. */
static inline bool help_sleeps_until(int number, bool wanted)
{
	for (int i = 0; help_sleeps(number) != wanted && i < 300; i++)
		usleep(100000);
	return help_sleeps(number) == wanted;
}

static struct value help_output(const char *const *argv)
{
	struct buffer out = {0};

	help_run(&out, argv);
	return buffer_finish(&out);
}

static void help_write(const char *directory, const char *name, const char *text)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

/* ---- arguments ---- */

static struct value help_duration(const char *text)
{
	char *unit;
	double number = strtod(text, &unit);

	return value_duration((int64_t)(number * (strcmp(unit, "ms") == 0  ? 1e6
						  : strcmp(unit, "m") == 0 ? 60e9
									   : 1e9)));
}

/* JSON with durations and secrets in it; consumes v. */
static struct value help_value(struct value v)
{
	const char *text = value_text_peek(v);
	struct value made;

	if (v.tag == VALUE_STRING && (*text == '@' || *text == '!')) {
		made =
		    *text == '@' ? help_duration(text + 1) : value_mark(value_string(text + 1), VALUE_SECRET);
	} else if (v.tag == VALUE_LIST) {
		made = list_new(value_length(v));
		for (size_t i = 0; i < value_length(v); i++)
			list_push(&made, help_value(value_copy(list_peek(v, i))));
	} else if (v.tag == VALUE_RECORD) {
		made = record_new(value_length(v));
		for (size_t i = 0; i < value_length(v); i++)
			record_set(&made, record_key_peek(v, i),
				   help_value(value_copy(record_value_peek(v, i))));
	} else {
		return v;
	}
	value_release(v);
	return made;
}

static struct value help_json(const char *text)
{
	struct value v;
	char error[160];

	if (!value_from_json(text, strlen(text), &v, error))
		fail_msg("not JSON: %s: %s", text, error);
	return help_value(v);
}

/* A default as the signatures write it: JSON, or a duration. */
static struct value help_default(const char *text, size_t length)
{
	struct value source = value_string_n(text, length), v;
	const char *at = value_text_peek(source);
	char error[160];

	if (isdigit((unsigned char)*at) && isalpha((unsigned char)at[length - 1]))
		v = help_duration(at);
	else if (!value_from_json(at, length, &v, error))
		fail_msg("default %s: %s", at, error);
	value_release(source);
	return v;
}

/* One parameter of a signature: its name and default. Answers where the next begins, or NULL. */
static const char *help_parameter(const char *at, struct value *name, struct value *fallback)
{
	const char *begin, *equals = NULL;
	int depth = 0;

	at += strspn(at, " (");
	if (*at == ')')
		return NULL;
	*name = value_string_n(at, strcspn(at, ":"));
	for (begin = at; !(depth == 0 && (*at == ',' || *at == ')')); at++) {
		depth += *at == '(' || *at == '[' || *at == '{';
		depth -= *at == ')' || *at == ']' || *at == '}';
		if (*at == '=' && depth == 0)
			equals = at + 1;
	}
	(void)begin;
	*fallback = value_null();
	if (equals != NULL) {
		equals += strspn(equals, " ");
		*fallback = help_default(equals, (size_t)(at - equals));
	}
	return *at == ',' ? at + 1 : at;
}

/* ---- calls ---- */

static const struct builtin *help_row(const char *name)
{
	const struct builtin_table *tables[] = {&docker_table, &compose_table};

	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < tables[i]->row_count; j++)
			if (strcmp(tables[i]->rows[j].name, name) == 0)
				return &tables[i]->rows[j];
	fail_msg("no row %s", name);
	return NULL;
}

struct help_call {
	struct effect_request request;
	struct value args[24];
	char id[16];
};

static void help_fill(struct help_call *call, const char *name, const char *json)
{
	struct value given = help_json(json), parameter, fallback;
	const struct builtin *row = help_row(name);
	size_t used = 0;

	*call = (struct help_call){.request = {.id = call->id, .builtin = row, .step = "", .attempt = 1}};
	snprintf(call->id, sizeof call->id, "0:%d", ++help_calls);
	for (const char *at = row->signature; (at = help_parameter(at, &parameter, &fallback)) != NULL;) {
		const char *key = value_text_peek(parameter);

		used += record_has(given, key);
		call->args[call->request.arg_count++] =
		    record_has(given, key) ? value_copy(record_peek(given, key)) : value_copy(fallback);
		value_release(parameter);
		value_release(fallback);
	}
	if (used != value_length(given))
		fail_msg("%s: an argument of %s is in no signature", name, json);
	call->request.args = call->args;
	value_release(given);
}

static void help_release(struct help_call *call)
{
	for (size_t i = 0; i < call->request.arg_count; i++)
		value_release(call->args[i]);
}

static void help_start(const char *name, const char *json)
{
	struct help_call call;

	help_fill(&call, name, json);
	help_driver->ops->start(help_driver, &call.request);
	help_release(&call);
}

/* True with the outcome of the one call under way, false when `limit_ns` passed first. */
static bool help_wait(int64_t limit_ns, struct outcome *out)
{
	struct delivery delivery;
	int64_t end = -1;

	for (;;) {
		if (end < 0) /* the first delivery tells the time */
			end = live_now((struct live *)help_driver) + limit_ns;
		assert_true(help_driver->ops->next(help_driver, end, &delivery));
		if (delivery.kind == DELIVERY_TIME)
			return false;
		if (delivery.kind == DELIVERY_NOTE) {
			value_release(help_note);
			help_note = delivery.outcome.value;
			free(delivery.id);
			continue;
		}
		assert_int_equal(delivery.kind, DELIVERY_OUTCOME);
		free(delivery.id);
		*out = delivery.outcome;
		return true;
	}
}

static struct outcome help_end(void)
{
	struct outcome outcome;

	if (!help_wait(120 * SECOND, &outcome))
		fail_msg("no outcome in two minutes");
	return outcome;
}

static void help_cancel(void)
{
	char id[16];

	snprintf(id, sizeof id, "0:%d", help_calls);
	help_driver->ops->cancel(help_driver, id);
}

static struct outcome help_call(const char *name, const char *json)
{
	help_start(name, json);
	return help_end();
}

__attribute__((format(printf, 2, 3))) static struct outcome call(const char *name, const char *format, ...)
{
	char json[8192];
	va_list list;

	va_start(list, format);
	assert_true(vsnprintf(json, sizeof json, format, list) < (int)sizeof json);
	va_end(list);
	return help_call(name, json);
}

/* The preview's line. */
__attribute__((format(printf, 2, 3))) static struct value describe(const char *name, const char *format, ...)
{
	struct help_call made;
	struct value line;
	char json[4096];
	va_list list;

	va_start(list, format);
	vsnprintf(json, sizeof json, format, list);
	va_end(list);
	help_fill(&made, name, json);
	assert_non_null(made.request.builtin->describe);
	line = made.request.builtin->describe(&made.request);
	help_release(&made);
	return line;
}

/* ---- expectations; each releases the outcome ---- */

static void help_show(const struct outcome *outcome)
{
	struct value shown = value_show(outcome->value, 2000);

	print_error("outcome %d: %s; %s\n", (int)outcome->kind, value_text_peek(outcome->message),
		    value_text_peek(shown));
	value_release(shown);
}

static struct value expect_ok(struct outcome outcome)
{
	struct value v = value_copy(outcome.value);

	if (outcome.kind != OUTCOME_OK)
		help_show(&outcome);
	assert_int_equal(outcome.kind, OUTCOME_OK);
	outcome_release(&outcome);
	return v;
}

static void expect_done(struct outcome outcome)
{
	value_release(expect_ok(outcome));
}

/* The message must hold the text; the details are the caller's. */
static struct value expect_kind(struct outcome outcome, enum outcome_kind kind, const char *text)
{
	struct value v = value_copy(outcome.value);

	if (outcome.kind != kind || strstr(value_text_peek(outcome.message), text) == NULL) {
		help_show(&outcome);
		print_error("wanted kind %d and \"%s\"\n", (int)kind, text);
	}
	assert_int_equal(outcome.kind, kind);
	assert_non_null(strstr(value_text_peek(outcome.message), text));
	assert_null(strchr(value_text_peek(outcome.message), '\n'));
	outcome_release(&outcome);
	return v;
}

static void expect_failed(struct outcome outcome, const char *text)
{
	value_release(expect_kind(outcome, OUTCOME_FAILED, text));
}

static void expect_text(struct value v, const char *text)
{
	assert_int_equal(v.tag, VALUE_STRING);
	assert_string_equal(value_text_peek(v), text);
}

static void expect_field(struct value record, const char *key, const char *text)
{
	expect_text(record_peek(record, key), text);
}

static void expect_int(struct value record, const char *key, int64_t i)
{
	assert_int_equal(record_peek(record, key).tag, VALUE_INT);
	assert_int_equal(record_peek(record, key).i, i);
}

/* ---- the engine ---- */

static void help_open(void)
{
	help_driver = live_new(NULL);
	assert_non_null(help_driver);
	help_note = value_null();
}

static void help_shut(void)
{
	value_clear(&help_note);
	help_driver->ops->free(help_driver);
	help_driver = NULL;
}

static void help_engine(void)
{
	if (HELP_RUN("docker", "version") == 0)
		return;
	if (HELP_RUN("scripts/engine.sh", "start") != 0 || HELP_RUN("docker", "version") != 0)
		fail_msg("no Docker engine answers, and scripts/engine.sh start did not help");
}

/* Removes what is called PREFIX...: containers and networks; those of compose begin with its directory's name
 * too. */
static void help_sweep_containers(void)
{
	char script[600];

	snprintf(script, sizeof script,
		 "docker ps -aq --filter name=%1$s | xargs -r docker rm -fv; "
		 "docker network ls -q --filter name=%1$s | xargs -r docker network rm",
		 help_prefix);
	HELP_RUN("sh", "-c", script);
}

/* And images: what was made of the test's own image has its label; a parent goes after what was made of it.
 */
static void help_sweep(void)
{
	char script[700];

	help_sweep_containers();
	snprintf(script, sizeof script,
		 "for i in 1 2 3 4 5 6 7 8; do ids=$(docker images -aq --filter label=rp.test=%s | sort -u); "
		 "[ -n \"$ids\" ] || break; docker rmi -f $ids; done",
		 help_prefix);
	HELP_RUN("sh", "-c", script);
}

/*
 * An image PREFIX-box:1 with nothing but a static busybox, imported by the docker client: what the
 * tests test must not make what they stand on.
 */
static void help_image(void)
{
	char script[1200];

	if (HELP_RUN("sh", "-c", "busybox=$(command -v busybox) && ! ldd \"$busybox\" >/dev/null 2>&1") != 0)
		fail_msg("a static busybox is needed: Debian package busybox-static");
	snprintf(
	    script, sizeof script,
	    "set -e; d=$(mktemp -d); trap 'rm -rf $d' EXIT; mkdir $d/bin $d/tmp $d/etc; "
	    "cp $(command -v busybox) $d/bin/busybox; "
	    "echo root:x:0:0:root:/:/bin/sh >$d/etc/passwd; echo worker:x:1000:1000:w:/:/bin/sh "
	    ">>$d/etc/passwd; "
	    "for a in $(busybox --list); do [ -e $d/bin/$a ] || ln -s busybox $d/bin/$a; done; "
	    "chmod 1777 $d/tmp; tar -C $d -c . | docker import -c 'CMD [\"sleep\", \"100000\"]' "
	    "-c 'ENV PATH=/bin COLOR=green TOKEN=hunter2' -c 'LABEL made.by=rp-test rp.test=%s' - %s-box:1",
	    help_prefix, help_prefix);
	if (HELP_RUN("sh", "-c", script) != 0)
		fail_msg("cannot make the test's image");
}

/* What tests left that were killed: theirs is a process that is gone. */
static void help_sweep_dead(void)
{
	struct value pids = help_output((const char *const[]){
	    "sh", "-c",
	    "for pid in $( (docker ps -a --format '{{.Names}}'; docker images --format '{{.Repository}}') | "
	    "sed -n 's/^rp-test-\\([0-9]\\{1,\\}\\).*/\\1/p' | sort -u); do [ -d /proc/$pid ] || echo $pid; "
	    "done",
	    NULL});
	char saved[sizeof help_prefix];
	const char *at = value_text_peek(pids);

	memcpy(saved, help_prefix, sizeof saved);
	for (; atoi(at) > 0; at = strchr(at, '\n') + 1) {
		snprintf(help_prefix, sizeof help_prefix, "rp-test-%d", atoi(at));
		help_sweep();
	}
	memcpy(help_prefix, saved, sizeof saved);
	value_release(pids);
}

static void help_begin(void)
{
	snprintf(help_prefix, sizeof help_prefix, "rp-test-%d", (int)getpid());
	help_engine();
	help_sweep_dead();
	help_image();
}

#endif
