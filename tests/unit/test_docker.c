/*
 * docker.* against a real engine: every row, and every way in which an exec can end. The image is a busybox
 * made here; what is made is called rp-test-PID-... and removed at the end.
 */
#define _GNU_SOURCE 1
#include "docker_help.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "builtins/docker_api.h"
#include "builtins/docker_exec.h"
#include "builtins/docker_process.h"
#include "builtins/docker_run.h"

/* ---- helpers ---- */

/* A container of the test's image that sleeps, made with the docker client. */
static void box_run(const char *name, const char *command)
{
	char script[1000];

	snprintf(script, sizeof script, "docker run -d --init --name %s-%s %s-box:1 %s", help_prefix, name,
		 help_prefix, command);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
}

/* Until what the container has said ends so. */
static void box_said(const char *name, const char *end)
{
	char script[300];

	snprintf(script, sizeof script,
		 "i=0; until docker logs %s-%s 2>&1 | tail -c %zu | grep -qF '%s'; do i=$((i+1)); [ $i -lt "
		 "300 ] || "
		 "exit 1; sleep 0.1; done",
		 help_prefix, name, strlen(end) + 1, end);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
}

static void box_remove(const char *name)
{
	char full[100];

	snprintf(full, sizeof full, "%s-%s", help_prefix, name);
	HELP_RUN("docker", "rm", "-f", full);
}

/* What a command in the shared container prints, by the docker client. */
static struct value box_says(const char *command)
{
	char script[1000];
	const char *argv[] = {"sh", "-c", script, NULL};

	snprintf(script, sizeof script, "docker exec %s-box sh -c '%s'", help_prefix, command);
	return help_output(argv);
}

static int box_count(const char *pattern)
{
	char command[300];
	struct value said;
	int count;

	/* [x] keeps the search from finding itself. */
	snprintf(command, sizeof command, "ps -o args | grep -c \"[%c]%s\"", pattern[0], pattern + 1);
	said = box_says(command);
	count = atoi(value_text_peek(said));
	value_release(said);
	return count;
}

/* Waits until the shared container runs `count` processes whose arguments hold the pattern. */
static void box_until(const char *pattern, int count)
{
	for (int i = 0; i < 100; i++) {
		if (box_count(pattern) == count)
			return;
		usleep(50000);
	}
	fail_msg("%d processes \"%s\", not %d", box_count(pattern), pattern, count);
}

static int open_each(void **state)
{
	(void)state;
	unsetenv("DOCKER_HOST");
	unsetenv("DOCKER_API_VERSION");
	unsetenv("DOCKER_TLS_VERIFY");
	help_open();
	return 0;
}

static int close_each(void **state)
{
	(void)state;
	help_shut();
	return 0;
}

#define EXEC(json, ...)                                                                                      \
	call("docker.exec", "{\"container\": \"%s-box\", " json "}", help_prefix __VA_OPT__(, ) __VA_ARGS__)

/* ---- exec: how it ends ---- */

static void test_exec_separates_output(void **state)
{
	struct value r = expect_ok(EXEC("\"command\": [\"sh\", \"-c\", \"echo out; echo err >&2\"]"));

	(void)state;
	expect_int(r, "code", 0);
	expect_field(r, "stdout", "out\n");
	expect_field(r, "stderr", "err\n");
	assert_int_equal(record_peek(r, "time").tag, VALUE_DURATION);
	assert_in_range(record_peek(r, "time").i, 1, 10 * SECOND);
	assert_false(record_peek(r, "truncated").b);
	value_release(r);
	assert_int_equal(strlen(value_text_peek(record_peek(help_note, "exec"))), 64);
}

static void test_exec_codes_are_exact(void **state)
{
	static const int codes[] = {1, 3, 42, 125, 128, 255};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		char text[64];
		struct value d;

		snprintf(text, sizeof text, "ended with exit code %d: last words", codes[i]);
		d = expect_kind(
		    EXEC(
			"\"command\": [\"sh\", \"-c\", \"echo out; echo first >&2; echo last words >&2; exit "
			"%d\"]",
			codes[i]),
		    OUTCOME_FAILED, text);
		expect_int(d, "code", codes[i]);
		expect_field(d, "stdout", "out\n");
		expect_field(d, "stderr", "first\nlast words\n");
		assert_non_null(strstr(value_text_peek(record_peek(d, "tail")), "last words"));
		value_release(d);
	}
}

static void test_exec_ok_lists_codes(void **state)
{
	static const char *const good[] = {"3", "[0, 3]", "[3]"};
	static const char *const bad[] = {"4", "[0, 4]", "[]", "null"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct value r =
		    expect_ok(EXEC("\"command\": [\"sh\", \"-c\", \"exit 3\"], \"ok\": %s", good[i]));

		expect_int(r, "code", 3);
		value_release(r);
	}
	for (size_t i = 0; i < 4; i++)
		expect_failed(EXEC("\"command\": [\"sh\", \"-c\", \"exit 3\"], \"ok\": %s", bad[i]),
			      "exit code 3");
	expect_failed(EXEC("\"command\": [\"true\"], \"ok\": [1]"), "exit code 0");
}

static void test_ok_takes_ranges(void **state)
{
	struct value range = value_range(2, 4), list = list_new(2);

	(void)state;
	list_push(&list, value_int(9));
	list_push(&list, value_copy(range));
	assert_true(exit_code_ok(range, 2) && exit_code_ok(range, 4) && exit_code_ok(list, 3) &&
		    exit_code_ok(list, 9));
	assert_false(exit_code_ok(range, 1) || exit_code_ok(range, 5) || exit_code_ok(list, 0));
	assert_true(exit_code_ok(value_null(), 0));
	assert_false(exit_code_ok(value_null(), 1) || exit_code_ok(value_bool(true), 1));
	value_release(list);
	value_release(range);
}

static void test_exec_tail_has_20_lines(void **state)
{
	struct value d =
	    expect_kind(EXEC("\"command\": [\"sh\", \"-c\", \"for i in $(seq 1 500); do echo line $i; done; "
			     "exit 1\"]"),
			OUTCOME_FAILED, "exit code 1: line 500");
	const char *tail = value_text_peek(record_peek(d, "tail"));

	(void)state;
	assert_int_equal(strncmp(tail, "line 481\n", 9), 0);
	assert_string_equal(tail + strlen(tail) - 8, "line 500");
	value_release(d);
}

static void test_exec_missing_program(void **state)
{
	struct value d;

	(void)state;
	d = expect_kind(EXEC("\"command\": [\"nope\", \"x\"]"), OUTCOME_FAILED,
			"there is no program \"nope\" in container");
	assert_in_range(record_peek(d, "code").i, 126, 127);
	value_release(d);
	expect_failed(EXEC("\"command\": [\"/bin/nope\"]"), "there is no program \"/bin/nope\"");
	expect_failed(EXEC("\"command\": [\"/etc/passwd\"]"), "\"/etc/passwd\" in container");
	expect_failed(EXEC("\"command\": [\"/etc\"]"), "cannot be executed: permission denied");
	expect_failed(EXEC("\"command\": [\"sh\", \"-c\", \"nope\"]"),
		      "exit code 127 (a program that was not found)");
	expect_failed(EXEC("\"command\": [\"sh\", \"-c\", \"/etc/passwd\"]"),
		      "exit code 126 (a program that cannot be");
	expect_failed(EXEC("\"command\": [\"true\"], \"directory\": \"/none\""),
		      "there is no directory \"/none\"");
	expect_failed(EXEC("\"command\": [\"true\"], \"user\": \"nobody9\""), "there is no user \"nobody9\"");
}

static void test_exec_real_126_is_not_a_missing_program(void **state)
{
	struct value r = expect_ok(EXEC("\"command\": [\"sh\", \"-c\", \"exit 126\"], \"ok\": 126"));

	(void)state;
	expect_int(r, "code", 126);
	value_release(r);
	expect_failed(EXEC("\"command\": [\"sh\", \"-c\", \"exit 126\"]"), "ended with exit code 126");
}

static void test_exec_arguments_arrive_as_they_are(void **state)
{
	struct value r = expect_ok(
	    EXEC("\"command\": [\"printf\", \"<%%s>\", \"a b\", \"$HOME\", \"`id`\", \"; rm -rf /\", "
		 "\"'\", \"\\\"\", \"\", \"-rf\", \"../x\", \"ü\\n\"]"));

	(void)state;
	expect_field(r, "stdout", "<a b><$HOME><`id`><; rm -rf /><'><\"><><-rf><../x><ü\n>");
	value_release(r);
}

static void test_exec_env_user_directory(void **state)
{
	struct value r = expect_ok(
	    EXEC("\"command\": [\"sh\", \"-c\", \"echo $A-$B-$C; pwd; id -u\"], \"env\": {\"A\": \"x=y "
		 "z\", \"B\": 7, \"C\": null}, \"user\": \"worker\", \"directory\": \"/tmp\""));

	(void)state;
	expect_field(r, "stdout", "x=y z-7-\n/tmp\n1000\n");
	value_release(r);
	expect_failed(EXEC("\"command\": [\"true\"], \"env\": {\"A=B\": \"x\"}"),
		      "\"A=B\" cannot be a variable");
	expect_failed(EXEC("\"command\": [\"true\"], \"env\": {\"\": \"x\"}"), "cannot be a variable");
}

static void test_exec_input(void **state)
{
	struct value r = expect_ok(EXEC("\"command\": [\"cat\"], \"input\": \"select 1;\\n\""));

	(void)state;
	expect_field(r, "stdout", "select 1;\n");
	value_release(r);
	r = expect_ok(EXEC("\"command\": [\"wc\", \"-c\"], \"input\": \"\""));
	expect_field(r, "stdout", "0\n");
	value_release(r);
	/* A command that leaves its input unread has its own exit code all the same. */
	r = expect_ok(
	    EXEC("\"command\": [\"sh\", \"-c\", \"exec <&-; exit 3\"], \"input\": \"unread\", \"ok\": 3"));
	value_release(r);
	/* Without input, it is empty and at its end. */
	r = expect_ok(EXEC("\"command\": [\"wc\", \"-c\"]"));
	expect_field(r, "stdout", "0\n");
	value_release(r);
	expect_failed(EXEC("\"command\": [\"nope\"], \"input\": \"x\""), "there is no program \"nope\"");
}

static void test_exec_large_input(void **state)
{
	struct help_call made;
	char *text = malloc(3 * 1024 * 1024), json[200];
	struct outcome outcome;
	struct value r;

	(void)state;
	memset(text, 'x', 3 * 1024 * 1024);
	snprintf(json, sizeof json,
		 "{\"container\": \"%s-box\", \"command\": [\"wc\", \"-c\"], \"input\": \"\"}", help_prefix);
	help_fill(&made, "docker.exec", json);
	value_release(made.args[5]);
	made.args[5] = value_string_n(text, 3 * 1024 * 1024);
	help_driver->ops->start(help_driver, &made.request);
	help_release(&made);
	outcome = help_end();
	r = expect_ok(outcome);
	expect_field(r, "stdout", "3145728\n");
	value_release(r);
	free(text);
}

static void test_exec_a_megabyte_of_each(void **state)
{
	/* Lines of 64 bytes, interleaved: 16384 to each. */
	struct value r = expect_ok(
	    EXEC("\"command\": [\"awk\", \"BEGIN { for (i = 0; i < 16384; i++) { printf "
		 "\\\"o%%062d\\\\n\\\", i; printf \\\"e%%062d\\\\n\\\", i > \\\"/dev/stderr\\\" } }\"]"));
	const char *out = value_text_peek(record_peek(r, "stdout")),
		   *err = value_text_peek(record_peek(r, "stderr"));
	char line[80];

	(void)state;
	assert_int_equal(value_length(record_peek(r, "stdout")), 1024 * 1024);
	assert_int_equal(value_length(record_peek(r, "stderr")), 1024 * 1024);
	for (int i = 0; i < 16384; i++) {
		snprintf(line, sizeof line, "o%062d\n", i);
		assert_memory_equal(out + 64 * i, line, 64);
		line[0] = 'e';
		assert_memory_equal(err + 64 * i, line, 64);
	}
	assert_false(record_peek(r, "truncated").b);
	value_release(r);
}

static void test_exec_too_much_output_is_cut(void **state)
{
	struct value r =
	    expect_ok(EXEC("\"command\": [\"sh\", \"-c\", \"head -c 6000000 /dev/zero; echo end >&2\"]"));

	(void)state;
	assert_int_equal(value_length(record_peek(r, "stdout")), LIVE_BODY_MAX);
	expect_field(r, "stderr", "end\n");
	assert_true(record_peek(r, "truncated").b);
	value_release(r);
}

static void test_exec_that_closes_its_output_is_waited_for(void **state)
{
	struct value r = expect_ok(
	    EXEC("\"command\": [\"sh\", \"-c\", \"exec >/dev/null 2>&1; sleep 1; exit 5\"], \"ok\": 5"));

	(void)state;
	expect_int(r, "code", 5);
	assert_true(record_peek(r, "time").i >= SECOND);
	assert_false(record_peek(r, "truncated").b);
	value_release(r);
}

static void test_exec_that_leaves_a_child_behind_ends(void **state)
{
	struct value r =
	    expect_ok(EXEC("\"command\": [\"sh\", \"-c\", \"sleep 33 & echo hi; exit 4\"], \"ok\": 4"));

	(void)state;
	expect_field(r, "stdout", "hi\n");
	assert_in_range(record_peek(r, "time").i, 0, 5 * SECOND);
	value_release(r);
	value_release(box_says("pkill -f \"sleep 33\""));
}

/* ---- exec: bad input ---- */

static void test_exec_bad_names(void **state)
{
	static const char *const names[] = {"../x",   "a b",	 "-rf",	  "", "x/../../images",
					    "%2e%2e", "a?all=1", "a\\nb", "ü"};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		expect_failed(
		    call("docker.exec", "{\"container\": \"%s\", \"command\": [\"true\"]}", names[i]),
		    "cannot be the name of a container");
		expect_failed(call("docker.inspect", "{\"name\": \"%s\"}", names[i]),
			      "cannot be the name of a container");
		expect_failed(call("docker.rm", "{\"container\": \"%s\", \"force\": true}", names[i]),
			      "cannot be the name of a container");
	}
}

static void test_exec_missing_container_suggests(void **state)
{
	char hint[100];

	(void)state;
	snprintf(hint, sizeof hint, "did you mean \"%s-box\"?", help_prefix);
	expect_failed(
	    call("docker.exec", "{\"container\": \"%s-bok\", \"command\": [\"true\"]}", help_prefix), hint);
	expect_failed(call("docker.health", "{\"name\": \"%s-bo\"}", help_prefix), hint);
	expect_failed(call("docker.stop", "{\"container\": \"%s-boxx\"}", help_prefix), hint);
	expect_failed(call("docker.health", "{\"name\": \"qqqqqqqqqqqqqqqq\"}"),
		      "there is no container \"qqqqqqqqqqqqqqqq\"");
}

static void test_exec_bad_commands(void **state)
{
	(void)state;
	expect_failed(EXEC("\"command\": []"), "the command is empty");
	expect_failed(EXEC("\"command\": [\"\"]"), "the command's program is \"\"");
	expect_failed(EXEC("\"command\": [\"echo\", 1]"), "must be a string");
	expect_failed(EXEC("\"command\": [\"echo\", \"a\\u0000b\"]"), "NUL byte");
	expect_failed(EXEC("\"command\": [\"echo\", \"!hunter2\"]"), "is a secret");
	expect_failed(EXEC("\"command\": [\"true\"], \"ok\": \"0\""), "`ok` must be an exit code");
	expect_failed(EXEC("\"command\": [\"true\"], \"ok\": [0, \"1\"]"), "`ok` must be an exit code");
}

static void test_exec_stopped_container(void **state)
{
	char script[200];

	(void)state;
	snprintf(script, sizeof script, "docker create --name %s-made %s-box:1", help_prefix, help_prefix);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	expect_failed(
	    call("docker.exec", "{\"container\": \"%s-made\", \"command\": [\"true\"]}", help_prefix),
	    "is not running");
	box_remove("made");
}

static void test_exec_hides_secrets(void **state)
{
	struct value r = expect_ok(
	    EXEC("\"command\": [\"sh\", \"-c\", \"echo token=$T; cat; echo plain >&2\"], \"env\": {\"T\": "
		 "\"!swordfish\"}, \"input\": \"!open sesame\""));
	struct value d;

	(void)state;
	expect_field(r, "stdout", "token=swordfish\nopen sesame");
	assert_true(value_is_secret(record_peek(r, "stdout")));
	assert_false(value_is_secret(record_peek(r, "stderr")));
	value_release(r);
	d = expect_kind(
	    EXEC("\"command\": [\"sh\", \"-c\", \"echo bad password $T >&2; exit 1\"], \"env\": {\"T\": "
		 "\"!swordfish\"}"),
	    OUTCOME_FAILED, "bad password ***");
	assert_true(value_is_secret(record_peek(d, "stderr")));
	assert_true(value_is_secret(record_peek(d, "tail")));
	assert_false(value_is_secret(record_peek(d, "stdout")));
	value_release(d);
}

/* ---- exec: cut short ---- */

static void test_exec_cancelled_is_gone(void **state)
{
	char json[200];
	struct value d;
	struct outcome outcome;

	(void)state;
	snprintf(json, sizeof json, "{\"container\": \"%s-box\", \"command\": [\"sleep\", \"4711\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	box_until("sleep 4711", 1);
	help_cancel();
	assert_true(help_wait(10 * SECOND, &outcome));
	d = expect_kind(outcome, OUTCOME_FAILED, "was cancelled and ended with exit code 143");
	expect_int(d, "code", 143);
	value_release(d);
	box_until("sleep 4711", 0);
}

static void test_exec_cancelled_takes_its_children_along(void **state)
{
	char json[300];
	struct outcome outcome;

	(void)state;
	snprintf(json, sizeof json,
		 "{\"container\": \"%s-box\", \"command\": [\"sh\", \"-c\", \"sleep 4712 & sleep 4712; echo "
		 "after\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	box_until("sleep 4712", 3); /* the shell's own arguments hold it too */
	help_cancel();
	assert_true(help_wait(10 * SECOND, &outcome));
	expect_failed(outcome, "was cancelled");
	box_until("sleep 4712", 0);
}

static void test_exec_that_ignores_term_is_killed(void **state)
{
	char json[300];
	struct outcome outcome;
	int64_t began;

	(void)state;
	snprintf(json, sizeof json,
		 "{\"container\": \"%s-box\", \"command\": [\"sh\", \"-c\", \"trap '' TERM; while :; do "
		 "sleep 4713; done\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	began = live_now((struct live *)help_driver);
	help_cancel();
	assert_true(help_wait(LIVE_GRACE_NS - SECOND, &outcome));
	assert_true(live_now((struct live *)help_driver) - began >= 3 * SECOND);
	expect_failed(outcome, "was cancelled and ended with exit code 137");
	box_until("sleep 4713", 0);
}

static void test_exec_cancelled_that_ends_well_did(void **state)
{
	char json[300];
	struct outcome outcome;
	struct value r;

	(void)state;
	snprintf(json, sizeof json,
		 "{\"container\": \"%s-box\", \"command\": [\"sh\", \"-c\", \"trap 'echo bye; exit 0' TERM; "
		 "echo on; while :; do "
		 "sleep 0.1; done\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	help_cancel();
	assert_true(help_wait(10 * SECOND, &outcome));
	r = expect_ok(outcome);
	expect_field(r, "stdout", "on\nbye\n");
	value_release(r);
}

static void test_exec_times_out(void **state)
{
	struct value d = expect_kind(
	    EXEC("\"command\": [\"sh\", \"-c\", \"echo begun; sleep 4714\"], \"timeout\": \"@700ms\""),
	    OUTCOME_FAILED, "timed out after 700ms and was stopped");

	(void)state;
	expect_field(d, "stdout", "begun\n");
	value_release(d);
	box_until("sleep 4714", 0);
}

static void test_exec_cancelled_at_once(void **state)
{
	char json[200];
	struct outcome outcome;

	(void)state;
	snprintf(json, sizeof json, "{\"container\": \"%s-box\", \"command\": [\"sleep\", \"4715\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	help_cancel();
	assert_true(help_wait(10 * SECOND, &outcome));
	expect_failed(outcome, "was cancelled before it began");
	usleep(300000);
	box_until("sleep 4715", 0);
}

static void test_exec_the_driver_ends_meanwhile(void **state)
{
	char json[200];
	struct outcome outcome;

	(void)state;
	snprintf(json, sizeof json, "{\"container\": \"%s-box\", \"command\": [\"sleep\", \"4716\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	help_shut();
	help_open();
	box_until("sleep 4716", 0);
}

static void test_exec_the_container_dies(void **state)
{
	char json[200], name[100];
	struct outcome outcome;
	struct value d;

	(void)state;
	box_run("mortal", "");
	snprintf(name, sizeof name, "%s-mortal", help_prefix);
	snprintf(json, sizeof json,
		 "{\"container\": \"%s\", \"command\": [\"sh\", \"-c\", \"echo begun; sleep 100\"]}", name);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	assert_int_equal(HELP_RUN("docker", "kill", name), 0);
	assert_true(help_wait(10 * SECOND, &outcome));
	d = expect_kind(outcome, OUTCOME_FAILED, "stopped while \"sh\" ran in it (exit code 137)");
	expect_field(d, "stdout", "begun\n");
	value_release(d);
	box_remove("mortal");
}

static void test_exec_the_container_is_removed(void **state)
{
	char json[200], name[100];
	struct outcome outcome;

	(void)state;
	box_run("mortal", "");
	snprintf(name, sizeof name, "%s-mortal", help_prefix);
	snprintf(json, sizeof json, "{\"container\": \"%s\", \"command\": [\"sleep\", \"100\"]}", name);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	assert_int_equal(HELP_RUN("docker", "rm", "-f", name), 0);
	assert_true(help_wait(10 * SECOND, &outcome));
	if (outcome.kind == OUTCOME_UNKNOWN) /* the engine has forgotten the exec with its container */
		value_release(expect_kind(outcome, OUTCOME_UNKNOWN, "how it ended is not known"));
	else
		expect_failed(outcome, "stopped while \"sleep\" ran in it");
}

/* ---- probe, settling ---- */

static void test_probe_is_a_read(void **state)
{
	struct value r = expect_ok(call(
	    "docker.probe", "{\"container\": \"%s-box\", \"command\": [\"echo\", \"hi\"]}", help_prefix));

	(void)state;
	expect_field(r, "stdout", "hi\n");
	assert_int_equal(help_note.tag, VALUE_NULL);
	value_release(r);
	assert_int_equal(help_row("docker.probe")->effect, EFFECT_READ);
}

/* An exec made with curl, so that it can be left in any state; its id. `start`: NULL, or the body of its
 * start. */
static void exec_leave_attached(const char *command, const char *attached, const char *start, char id[65])
{
	char script[1000];
	const char *argv[] = {"sh", "-c", script, NULL};
	struct value out;

	snprintf(script, sizeof script,
		 "S='curl -s --unix-socket /var/run/docker.sock -H Content-Type:application/json'; "
		 "id=$($S -d '{%s,\"Cmd\":[\"sh\",\"-c\",\"%s\"]}' "
		 "http://d/v1.41/containers/%s-box/exec | jq -r .Id); "
		 "[ -z '%s' ] || $S -d '%s' http://d/v1.41/exec/$id/start >&2; printf %%s $id",
		 attached, command, help_prefix, start == NULL ? "" : start, start == NULL ? "" : start);
	out = help_output(argv);
	assert_true(value_length(out) >= 64);
	snprintf(id, 65, "%s", value_text_peek(out) + value_length(out) - 64);
	value_release(out);
}

#define ONE_STREAM   "\"AttachStdout\":true"
#define BOTH_STREAMS ONE_STREAM ",\"AttachStderr\":true"

static void exec_leave(const char *command, const char *start, char id[65])
{
	exec_leave_attached(command, ONE_STREAM, start, id);
}

static struct outcome settle_outcome(const char *name, const char *json, struct value note)
{
	struct help_call made;

	help_fill(&made, name, json);
	help_driver->ops->settle(help_driver, &made.request, note);
	help_release(&made);
	value_release(note);
	return help_end();
}

static struct value settle(const char *name, const char *json, struct value note)
{
	return expect_ok(settle_outcome(name, json, note));
}

static struct outcome settle_exec_outcome(const char *id)
{
	struct value note = record_new(1);

	record_set(&note, "exec", value_string(id));
	return settle_outcome("docker.exec", "{\"container\": \"x\", \"command\": [\"true\"]}", note);
}

static struct value settle_exec(const char *id)
{
	return expect_ok(settle_exec_outcome(id));
}

static void expect_bool(struct value v, bool b)
{
	assert_int_equal(v.tag, VALUE_BOOL);
	assert_int_equal(v.b, b);
}

static void test_exec_settles(void **state)
{
	char id[65];

	(void)state;
	exec_leave("exit 0", "{\"Detach\":false}", id);
	expect_bool(settle_exec(id), true);
	exec_leave("exit 0", NULL, id); /* never started */
	expect_bool(settle_exec(id), false);
	exec_leave("exit 3", "{\"Detach\":false}", id);
	expect_failed(settle_exec_outcome(id), "exit code 3");
	exec_leave("exit 126", "{\"Detach\":false}", id);
	expect_failed(settle_exec_outcome(id), "exit code 126");
	exec_leave("sleep 2", "{\"Detach\":true}", id); /* still runs */
	expect_bool(settle_exec(id), true);
	expect_failed(settle_exec_outcome("0000000000000000000000000000000000000000000000000000000000000000"),
		      "has forgotten");
	assert_int_equal(settle_exec("").tag, VALUE_NULL);
	assert_int_equal(
	    settle("docker.exec", "{\"container\": \"x\", \"command\": [\"true\"]}", value_null()).tag,
	    VALUE_NULL);
}

/* Whoever reads its stream goes away before the command writes: the engine says 126 of all of these. */
static void exec_leave_unread(const char *end, const char *attached, char id[65])
{
	char command[200], script[600];
	const char *argv[] = {"sh", "-c", script, NULL};

	snprintf(command, sizeof command, "sleep 2; echo lost; %s", end);
	exec_leave_attached(command, attached, NULL, id);
	snprintf(script, sizeof script,
		 "ask() { exec curl -s --unix-socket /var/run/docker.sock \"$@\"; }; at=http://d/v1.41/exec/%s; "
		 "ask -H Content-Type:application/json -d '{\"Detach\":false}' $at/start >/dev/null & "
		 "until (ask $at/json) | grep -q '\"Running\":true'; do sleep 0.05; done; kill $!",
		 id);
	value_release(help_output(argv));
}

/* The engine remembers its last 256 events: others that use it may have made it forget this one. */
static struct outcome settle_unread(const char *end, char id[65])
{
	for (int tries = 1;; tries++) {
		struct outcome outcome;

		exec_leave_unread(end, BOTH_STREAMS, id);
		outcome = settle_exec_outcome(id);
		if (tries == 5 || !strstr(value_text_peek(outcome.message), "does not know"))
			return outcome;
		outcome_release(&outcome);
	}
}

static void test_exec_settles_although_its_stream_was_lost(void **state)
{
	char id[65], script[400];
	const char *argv[] = {"sh", "-c", script, NULL};

	(void)state;
	expect_failed(settle_unread("exit 3", id), "exit code 3");
	exec_leave_unread("exit 0", ONE_STREAM, id); /* the engine has given it up before its end */
	expect_failed(settle_exec_outcome(id), "does not know");
	expect_bool(expect_ok(settle_unread("exit 0", id)), true);
	/* 256 entries later the engine has forgotten it */
	snprintf(script, sizeof script,
		 "curl -s -o /dev/null --unix-socket /var/run/docker.sock -H Content-Type:application/json "
		 "-d '{\"Cmd\":[\"true\"]}' 'http://d/v1.41/containers/%s-box/exec?n=[1-257]'",
		 help_prefix);
	value_release(help_output(argv));
	expect_failed(settle_exec_outcome(id), "does not know");
}

/* ---- reading ---- */

static void test_inspect(void **state)
{
	struct value c = expect_ok(call("docker.inspect", "{\"name\": \"%s-box\"}", help_prefix)), raw;
	char name[100], image[100];
	struct value json;

	(void)state;
	snprintf(name, sizeof name, "%s-box", help_prefix);
	snprintf(image, sizeof image, "%s-box:1", help_prefix);
	expect_field(c, "name", name);
	expect_field(c, "image", image);
	expect_field(c, "state", "running");
	expect_field(c, "health", "none");
	expect_int(c, "exit_code", 0);
	expect_int(c, "restarts", 0);
	assert_true(record_peek(c, "running").b);
	assert_int_equal(record_peek(c, "started").tag, VALUE_TIME);
	assert_true(record_peek(c, "started").i > INT64_C(1700000000) * SECOND);
	assert_int_equal(record_peek(c, "finished").tag, VALUE_NULL);
	expect_field(record_peek(c, "labels"), "made.by", "rp-test");
	raw = record_peek(c, "raw");
	assert_string_equal(value_text_peek(docker_json(raw, "State.Status")), "running");
	json = value_to_json(c, false);
	assert_null(strstr(value_text_peek(json), "hunter2"));
	assert_non_null(strstr(value_text_peek(json), "TOKEN"));
	value_release(json);
	value_release(c);
}

static void test_inspect_ports_and_networks(void **state)
{
	char script[300];
	struct value c, port;

	(void)state;
	snprintf(script, sizeof script, "docker run -d --init --name %s-ports -p 127.0.0.1:0:80 %s-box:1",
		 help_prefix, help_prefix);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	c = expect_ok(call("docker.inspect", "{\"name\": \"%s-ports\"}", help_prefix));
	assert_int_equal(value_length(record_peek(c, "ports")), 1);
	port = list_peek(record_peek(c, "ports"), 0);
	expect_int(port, "container", 80);
	expect_field(port, "protocol", "tcp");
	expect_field(port, "address", "127.0.0.1");
	assert_in_range(record_peek(port, "host").i, 1024, 65535);
	assert_true(strlen(value_text_peek(docker_json(record_peek(c, "networks"), "bridge"))) >= 7);
	value_release(c);
	box_remove("ports");
}

static void health_becomes(const char *wanted)
{
	struct value h = value_null();

	for (int i = 0; i < 60; i++) {
		value_release(h);
		h = expect_ok(call("docker.health", "{\"name\": \"%s-sick\"}", help_prefix));
		if (strcmp(value_text_peek(h), wanted) == 0)
			break;
		usleep(100000);
	}
	expect_text(h, wanted);
	value_release(h);
}

static void test_health(void **state)
{
	char script[400];

	(void)state;
	snprintf(script, sizeof script,
		 "docker run -d --init --name %s-sick --health-cmd 'test -e /tmp/well' --health-interval "
		 "200ms --health-retries "
		 "1 --health-start-period 2s %s-box:1",
		 help_prefix, help_prefix);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	health_becomes("starting");
	snprintf(script, sizeof script, "docker exec %s-sick touch /tmp/well", help_prefix);
	HELP_RUN("sh", "-c", script);
	health_becomes("healthy");
	snprintf(script, sizeof script, "docker exec %s-sick rm /tmp/well", help_prefix);
	HELP_RUN("sh", "-c", script);
	health_becomes("unhealthy");
	snprintf(script, sizeof script, "docker kill %s-sick", help_prefix);
	HELP_RUN("sh", "-c", script);
	health_becomes("stopped");
	box_remove("sick");
}

static void test_ps(void **state)
{
	struct value list;
	char name[100];

	(void)state;
	snprintf(name, sizeof name, "%s-box", help_prefix);
	list = expect_ok(call("docker.ps", "{\"name\": \"%s\"}", help_prefix));
	assert_int_equal(value_length(list), 1);
	expect_field(list_peek(list, 0), "name", name);
	expect_field(list_peek(list, 0), "state", "running");
	expect_field(list_peek(list, 0), "health", "none");
	value_release(list);
	list = expect_ok(call("docker.ps", "{\"name\": \".*\"}")); /* text, no pattern */
	assert_int_equal(value_length(list), 0);
	value_release(list);
	list =
	    expect_ok(call("docker.ps", "{\"label\": \"made.by=rp-test\", \"name\": \"%s\"}", help_prefix));
	assert_int_equal(value_length(list), 1);
	value_release(list);
	list = expect_ok(call("docker.ps", "{\"label\": \"made.by=\\\"]}&all=1\", \"all\": true}"));
	assert_int_equal(value_length(list), 0);
	value_release(list);
}

static void test_logs(void **state)
{
	struct value text;

	(void)state;
	box_run("chatty", "sh -c 'for i in 1 2 3; do echo out $i; sleep 0.05; echo err $i >&2; sleep 0.05; "
			  "done; sleep 100'");
	box_said("chatty", "err 3");
	text = expect_ok(call("docker.logs", "{\"name\": \"%s-chatty\"}", help_prefix));
	assert_non_null(strstr(value_text_peek(text), "out 1\n"));
	assert_non_null(strstr(value_text_peek(text), "err 3\n"));
	assert_int_equal(value_length(text), 36);
	value_release(text);
	text = expect_ok(call("docker.logs", "{\"name\": \"%s-chatty\", \"tail\": 1}", help_prefix));
	assert_int_equal(value_length(text), 6);
	value_release(text);
	text = expect_ok(call("docker.logs", "{\"name\": \"%s-chatty\", \"since\": \"@1ms\"}", help_prefix));
	expect_text(text, "");
	value_release(text);
	text = expect_ok(call("docker.logs", "{\"name\": \"%s-chatty\", \"since\": \"@5m\"}", help_prefix));
	assert_int_equal(value_length(text), 36);
	value_release(text);
	expect_failed(call("docker.logs", "{\"name\": \"%s-chatty\", \"tail\": -1}", help_prefix),
		      "must not be negative");
	box_remove("chatty");
}

static void test_logs_of_a_terminal(void **state)
{
	char script[300];
	struct value text;

	(void)state;
	snprintf(script, sizeof script, "docker run -t --name %s-tty %s-box:1 echo hello", help_prefix,
		 help_prefix);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	text = expect_ok(call("docker.logs", "{\"name\": \"%s-tty\"}", help_prefix));
	expect_text(text, "hello\r\n");
	value_release(text);
	box_remove("tty");
}

static void test_logs_too_long(void **state)
{
	(void)state;
	box_run("flood", "sh -c 'yes 0123456789012345678901234567890123456789 | head -c 6000000; echo; echo "
			 "the end; sleep 100'");
	box_said("flood", "the end");
	expect_failed(call("docker.logs", "{\"name\": \"%s-flood\", \"tail\": 1000000}", help_prefix),
		      "exceeds");
	value_release(expect_ok(call("docker.logs", "{\"name\": \"%s-flood\", \"tail\": 10}", help_prefix)));
	box_remove("flood");
}

static void test_stats(void **state)
{
	struct value s;

	(void)state;
	box_run("busy", "sh -c 'while :; do :; done'");
	s = expect_ok(call("docker.stats", "{\"name\": \"%s-busy\"}", help_prefix));
	assert_int_equal(record_peek(s, "cpu").tag, VALUE_PERCENT);
	assert_true(record_peek(s, "cpu").f > 0.05 && record_peek(s, "cpu").f < 2.5);
	assert_int_equal(record_peek(s, "memory").tag, VALUE_SIZE);
	assert_in_range(record_peek(s, "memory").i, 1, 200 * 1024 * 1024);
	assert_true(record_peek(s, "memory_limit").i >= record_peek(s, "memory").i);
	assert_in_range(record_peek(s, "processes").i, 1, 20);
	value_release(s);
	expect_done(call("docker.stop", "{\"container\": \"%s-busy\", \"timeout\": \"@1s\"}", help_prefix));
	expect_failed(call("docker.stats", "{\"name\": \"%s-busy\"}", help_prefix), "does not run");
	box_remove("busy");
}

/* ---- changes of a container ---- */

static void test_start_stop_restart_kill_rm(void **state)
{
	struct value c, again;

	(void)state;
	box_run("life", "");
	expect_done(call("docker.stop", "{\"container\": \"%s-life\", \"timeout\": \"@3s\"}", help_prefix));
	expect_done(call("docker.stop", "{\"container\": \"%s-life\"}", help_prefix)); /* already */
	c = expect_ok(call("docker.health", "{\"name\": \"%s-life\"}", help_prefix));
	expect_text(c, "stopped");
	value_release(c);
	expect_done(call("docker.start", "{\"container\": \"%s-life\"}", help_prefix));
	expect_done(call("docker.start", "{\"container\": \"%s-life\"}", help_prefix));
	c = expect_ok(call("docker.inspect", "{\"name\": \"%s-life\"}", help_prefix));
	assert_true(record_peek(c, "running").b);
	expect_done(
	    call("docker.restart", "{\"container\": \"%s-life\", \"timeout\": \"@2s\"}", help_prefix));
	again = expect_ok(call("docker.inspect", "{\"name\": \"%s-life\"}", help_prefix));
	assert_true(record_peek(again, "started").i > record_peek(c, "started").i);
	value_release(c);
	value_release(again);
	expect_failed(call("docker.rm", "{\"container\": \"%s-life\"}", help_prefix), "cannot remove");
	expect_failed(
	    call("docker.kill", "{\"container\": \"%s-life\", \"signal\": \"NOSUCH\"}", help_prefix),
	    "cannot kill");
	expect_failed(call("docker.kill", "{\"container\": \"%s-life\", \"signal\": \"a&b\"}", help_prefix),
		      "is no signal");
	expect_done(call("docker.kill", "{\"container\": \"%s-life\"}", help_prefix));
	expect_failed(call("docker.kill", "{\"container\": \"%s-life\"}", help_prefix), "is not running");
	expect_done(call("docker.rm", "{\"container\": \"%s-life\"}", help_prefix));
	expect_failed(call("docker.rm", "{\"container\": \"%s-life\"}", help_prefix),
		      "there is no container");
}

static void test_stop_of_one_that_ignores_term(void **state)
{
	char script[300];
	int64_t began, took;
	struct value c;

	(void)state;
	snprintf(script, sizeof script,
		 "docker run -d --name %s-deaf %s-box:1 sh -c 'trap \"\" TERM; echo deaf; while :; do sleep "
		 "1; done'",
		 help_prefix, help_prefix);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	box_said("deaf", "deaf");
	began = live_now((struct live *)help_driver);
	expect_done(
	    call("docker.stop", "{\"container\": \"%s-deaf\", \"timeout\": \"@1500ms\"}", help_prefix));
	took = live_now((struct live *)help_driver) - began;
	assert_in_range(took, 2 * SECOND - SECOND / 10, 8 * SECOND); /* 1.5 s are 2 whole seconds */
	c = expect_ok(call("docker.inspect", "{\"name\": \"%s-deaf\"}", help_prefix));
	expect_int(c, "exit_code", 137);
	value_release(c);
	box_remove("deaf");
}

static void test_stop_cancelled_is_unknown(void **state)
{
	char script[300], json[200];
	struct outcome outcome;

	(void)state;
	snprintf(script, sizeof script,
		 "docker run -d --name %s-deaf %s-box:1 sh -c 'trap \"\" TERM; while :; do sleep 1; done'",
		 help_prefix, help_prefix);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	snprintf(json, sizeof json, "{\"container\": \"%s-deaf\", \"timeout\": \"@20s\"}", help_prefix);
	help_start("docker.stop", json);
	assert_false(help_wait(SECOND, &outcome));
	help_cancel();
	assert_true(help_wait(5 * SECOND, &outcome));
	value_release(expect_kind(outcome, OUTCOME_UNKNOWN,
				  "docker.stop was cancelled while the Docker engine worked on it"));
	box_remove("deaf");
}

static void test_rm_and_kill_settle(void **state)
{
	char json[200];

	(void)state;
	box_run("gone", "");
	snprintf(json, sizeof json, "{\"container\": \"%s-gone\"}", help_prefix);
	expect_bool(settle("docker.rm", json, value_null()), false);
	expect_bool(settle("docker.kill", json, value_null()), false);
	expect_done(call("docker.kill", "%s", json));
	expect_bool(settle("docker.kill", json, value_null()), true);
	expect_done(call("docker.rm", "%s", json));
	expect_bool(settle("docker.rm", json, value_null()), true);
	snprintf(json, sizeof json, "{\"container\": \"%s-box\", \"signal\": \"HUP\"}", help_prefix);
	assert_int_equal(settle("docker.kill", json, value_null()).tag, VALUE_NULL);
}

/* ---- run ---- */

#define RUN(json, ...)                                                                                       \
	call("docker.run", "{\"image\": \"%s-box:1\", " json "}", help_prefix __VA_OPT__(, ) __VA_ARGS__)

static void test_run_and_wait(void **state)
{
	struct value r = expect_ok(RUN(
	    "\"command\": [\"sh\", \"-c\", \"echo out $A; echo err >&2; pwd; id -u\"], \"wait\": true, "
	    "\"remove\": true, \"env\": {\"A\": \"b c\"}, \"user\": \"worker\", \"directory\": \"/tmp\""));
	char name[100];

	(void)state;
	expect_int(r, "code", 0);
	expect_field(r, "stdout", "out b c\n/tmp\n1000\n");
	expect_field(r, "stderr", "err\n");
	snprintf(name, sizeof name, "%s", value_text_peek(record_peek(r, "name")));
	expect_failed(call("docker.inspect", "{\"name\": \"%s\"}", name), "there is no container");
	assert_string_equal(value_text_peek(record_peek(help_note, "container")),
			    value_text_peek(record_peek(r, "id")));
	value_release(r);
}

static void test_run_exit_code(void **state)
{
	struct value d = expect_kind(
	    RUN("\"command\": [\"sh\", \"-c\", \"echo why >&2; exit 9\"], \"wait\": true, \"remove\": true"),
	    OUTCOME_FAILED, "ended with exit code 9: why");

	(void)state;
	expect_int(d, "code", 9);
	expect_field(d, "tail", "why");
	value_release(d);
	d = expect_ok(
	    RUN("\"command\": [\"sh\", \"-c\", \"exit 9\"], \"wait\": true, \"remove\": true, \"ok\": [9]"));
	expect_int(d, "code", 9);
	value_release(d);
}

static void test_run_detached(void **state)
{
	struct value r = expect_ok(RUN(
	    "\"name\": \"%s-bg\", \"init\": true, \"labels\": {\"a.b\": 7}, \"ports\": [\"127.0.0.1:0:80\"], "
	    "\"volumes\": [\"/tmp:/mnt:ro\"], \"restart\": \"on-failure:3\", \"network\": \"bridge\"",
	    help_prefix));
	struct value c;

	(void)state;
	assert_int_equal(record_peek(r, "code").tag, VALUE_NULL);
	c = expect_ok(call("docker.inspect", "{\"name\": \"%s-bg\"}", help_prefix));
	assert_true(record_peek(c, "running").b);
	expect_field(record_peek(c, "labels"), "a.b", "7");
	assert_int_equal(value_length(record_peek(c, "ports")), 1);
	assert_string_equal(value_text_peek(list_peek(docker_json(c, "raw.HostConfig.Binds"), 0)),
			    "/tmp:/mnt:ro");
	assert_string_equal(value_text_peek(docker_json(c, "raw.HostConfig.RestartPolicy.Name")),
			    "on-failure");
	assert_int_equal(docker_json(c, "raw.HostConfig.RestartPolicy.MaximumRetryCount").i, 3);
	value_release(c);
	expect_failed(RUN("\"name\": \"%s-bg\"", help_prefix), "is already in use");
	expect_bool(settle("docker.run", "{\"image\": \"x\"}", value_copy(help_note)), true);
	value_release(r);
	box_remove("bg");
	assert_int_equal(settle("docker.run", "{\"image\": \"x\"}", value_copy(help_note)).tag, VALUE_NULL);
}

static void test_run_fails_and_leaves_nothing(void **state)
{
	struct value list;
	char script[200];

	(void)state;
	expect_failed(RUN("\"name\": \"%s-bad\", \"command\": [\"nope\"]", help_prefix),
		      "cannot start the container");
	expect_failed(RUN("\"name\": \"%s-bad\", \"network\": \"rp-no-such-net\"", help_prefix),
		      "rp-no-such-net");
	expect_failed(RUN("\"name\": \"%s-bad\", \"ports\": [\"x\"]", help_prefix), "\"x\" is no port");
	snprintf(script, sizeof script, "%s-bok:1", help_prefix);
	expect_failed(call("docker.run", "{\"image\": \"%s\"}", script), "did you mean");
	expect_failed(call("docker.run", "{\"image\": \"../x\"}"), "cannot be the name of an image");
	list = expect_ok(call("docker.ps", "{\"all\": true, \"name\": \"%s-bad\"}", help_prefix));
	assert_int_equal(value_length(list), 0);
	value_release(list);
}

static void test_run_cancelled_is_stopped(void **state)
{
	char json[300];
	struct outcome outcome;
	struct value d;

	(void)state;
	snprintf(json, sizeof json,
		 "{\"image\": \"%s-box:1\", \"name\": \"%s-long\", \"init\": true, \"command\": [\"sh\", "
		 "\"-c\", \"echo on; sleep "
		 "100\"], \"wait\": true}",
		 help_prefix, help_prefix);
	help_start("docker.run", json);
	assert_false(help_wait(2 * SECOND, &outcome));
	help_cancel();
	assert_true(help_wait(9 * SECOND, &outcome));
	d = expect_kind(outcome, OUTCOME_FAILED, "was cancelled and ended with exit code 143");
	expect_field(d, "stdout", "on\n");
	value_release(d);
	d = expect_ok(call("docker.health", "{\"name\": \"%s-long\"}", help_prefix));
	expect_text(d, "stopped");
	value_release(d);
	box_remove("long");
	expect_failed(RUN("\"name\": \"%s-long\", \"init\": true, \"command\": [\"sleep\", \"100\"], "
			  "\"wait\": true, \"remove\": true, "
			  "\"timeout\": \"@1s\"",
			  help_prefix),
		      "timed out after 1s and was stopped");
	expect_failed(call("docker.inspect", "{\"name\": \"%s-long\"}", help_prefix),
		      "there is no container");
}

static void test_ports(void **state)
{
	static const struct {
		const char *text, *json;
	} good[] = {
	    {"80", "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]}"},
	    {"8080:80", "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}"},
	    {"127.0.0.1:8080:80/udp", "{\"80/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]}"},
	    {"127.0.0.1::80", "{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"\"}]}"},
	    {"[::1]:8080:80", "{\"80/tcp\":[{\"HostIp\":\"::1\",\"HostPort\":\"8080\"}]}"},
	};
	static const char *const bad[] = {"",	 "x",	     "80/xyz",	    "8080:", "8080:80:", "99999",
					  "1-2", "80-90:80", "::1:8080:80", "80 ",   "-1",	 "a:b"};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct value exposed = record_new(1), bindings = record_new(1), json;

		assert_true(docker_port_parse(good[i].text, &exposed, &bindings));
		json = value_to_json(bindings, false);
		assert_string_equal(value_text_peek(json), good[i].json);
		value_release(json);
		value_release(exposed);
		value_release(bindings);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct value exposed = record_new(1), bindings = record_new(1);

		if (docker_port_parse(bad[i], &exposed, &bindings))
			fail_msg("\"%s\" is taken for a port", bad[i]);
		value_release(exposed);
		value_release(bindings);
	}
}

/* ---- images ---- */

static void test_image_and_tag(void **state)
{
	struct value image, v;
	char name[100];

	(void)state;
	snprintf(name, sizeof name, "%s-box:1", help_prefix);
	image = expect_ok(call("docker.image", "{\"name\": \"%s\"}", name));
	assert_int_equal(strncmp(value_text_peek(record_peek(image, "id")), "sha256:", 7), 0);
	expect_text(list_peek(record_peek(image, "tags"), 0), name);
	assert_int_equal(record_peek(image, "created").tag, VALUE_TIME);
	assert_true(record_peek(image, "size").i > 500000);
	value_release(image);
	v = expect_ok(call("docker.image_exists", "{\"name\": \"%s\"}", name));
	expect_bool(v, true);
	expect_bool(expect_ok(call("docker.image_exists", "{\"name\": \"%s-box:none\"}", help_prefix)),
		    false);
	expect_failed(call("docker.image_exists", "{\"name\": \"a b\"}"), "cannot be the name of an image");
	expect_failed(call("docker.image", "{\"name\": \"%s-bok:1\"}", help_prefix), "did you mean");
	expect_done(
	    call("docker.tag", "{\"image\": \"%s\", \"as\": \"localhost:5000/%s-x:v1\"}", name, help_prefix));
	expect_bool(
	    expect_ok(call("docker.image_exists", "{\"name\": \"localhost:5000/%s-x:v1\"}", help_prefix)),
	    true);
	expect_done(
	    call("docker.tag", "{\"image\": \"%s\", \"as\": \"localhost:5000/%s-x\"}", name, help_prefix));
	expect_bool(
	    expect_ok(call("docker.image_exists", "{\"name\": \"localhost:5000/%s-x:latest\"}", help_prefix)),
	    true);
	expect_failed(call("docker.tag", "{\"image\": \"%s\", \"as\": \"x@sha256:00\"}", name),
		      "cannot hold a digest");
	expect_failed(call("docker.tag", "{\"image\": \"%s-none:9\", \"as\": \"x:1\"}", help_prefix),
		      "there is no image");
	expect_failed(call("docker.tag", "{\"image\": \"%s\", \"as\": \"UPPER:1\"}", name), "cannot tag");
	expect_done(call("docker.rmi", "{\"image\": \"localhost:5000/%s-x:v1\"}", help_prefix));
	char json[200];
	snprintf(json, sizeof json, "{\"image\": \"localhost:5000/%s-x:v1\"}", help_prefix);
	expect_bool(settle("docker.rmi", json, value_null()), true);
	snprintf(json, sizeof json, "{\"image\": \"localhost:5000/%s-x\"}", help_prefix);
	expect_bool(settle("docker.rmi", json, value_null()), false);
	expect_done(call("docker.rmi", "{\"image\": \"localhost:5000/%s-x\"}", help_prefix));
	expect_failed(call("docker.rmi", "{\"image\": \"localhost:5000/%s-x\"}", help_prefix),
		      "there is no image");
	expect_failed(call("docker.rmi", "{\"image\": \"%s\"}", name), "cannot remove the image");
}

static void test_build(void **state)
{
	char directory[] = "/tmp/rp-test-XXXXXX", text[400], script[800];
	struct value r, image, said;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(script, sizeof script,
		 "cd %s && mkdir -p keep drop/deep 'with space' && echo k >keep/k && echo d >drop/d && echo "
		 "y >drop/deep/yes && "
		 "echo s >'with space/s' && echo secret >.env && ln -s keep/k link && ln -s /none dangling "
		 "&& echo x >run.sh && "
		 "chmod 755 run.sh && chmod 600 keep/k && mkfifo pipe && "
		 "n=$(printf 'n%%.0s' $(seq 1 90)) && mkdir $n && echo long >$n/$n && "
		 "printf '# c\\ndrop\\n!drop/deep\\n.env\\n**/*.log\\n' >.dockerignore && echo l >keep/a.log",
		 directory);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	snprintf(text, sizeof text,
		 "FROM %s-box:1 AS base\nARG WHO=nobody\nCOPY . /ctx\nRUN echo hello $WHO >/who\nFROM base "
		 "AS other\nRUN echo other "
		 ">/which\n",
		 help_prefix);
	help_write(directory, "Dockerfile", text);
	r = expect_ok(call("docker.build",
			   "{\"context\": \"%s\", \"tag\": \"%s-built:1\", \"args\": {\"WHO\": \"a 'b' "
			   "\\\"c\\\"\"}, \"target\": "
			   "\"base\"}",
			   directory, help_prefix));
	image = expect_ok(call("docker.image", "{\"name\": \"%s-built:1\"}", help_prefix));
	assert_string_equal(value_text_peek(record_peek(r, "id")), value_text_peek(record_peek(image, "id")));
	value_release(image);
	value_release(r);
	r = expect_ok(call("docker.run",
			   "{\"image\": \"%s-built:1\", \"wait\": true, \"remove\": true, \"command\": "
			   "[\"sh\", \"-c\", \"cd /ctx; find . "
			   "| sort; cat link; stat -c %%a run.sh keep/k; stat -c %%u keep/k; readlink "
			   "dangling; cat who /who; "
			   "ls /which\"], \"ok\": [0, 1]}",
			   help_prefix));
	said = record_peek(r, "stdout");
	assert_non_null(strstr(value_text_peek(said), "./drop/deep/yes\n"));
	assert_non_null(strstr(value_text_peek(said), "./with space/s\n"));
	assert_non_null(strstr(value_text_peek(said), "nnnnn/nnnnn"));
	assert_non_null(strstr(value_text_peek(said), "\nk\n755\n600\n0\n/none\nhello a 'b' \"c\"\n"));
	assert_null(strstr(value_text_peek(said), "drop/d\n"));
	assert_null(strstr(value_text_peek(said), ".env"));
	assert_null(strstr(value_text_peek(said), "a.log"));
	assert_non_null(strstr(value_text_peek(record_peek(r, "stderr")), "/which"));
	value_release(r);
	/* A second one of the same has the same id: from the cache. */
	r = expect_ok(
	    call("docker.build",
		 "{\"context\": \"%s\", \"tag\": \"%s-built:2\", \"args\": {\"WHO\": \"a 'b' \\\"c\\\"\"}, "
		 "\"target\": \"base\"}",
		 directory, help_prefix));
	image = expect_ok(call("docker.image", "{\"name\": \"%s-built:1\"}", help_prefix));
	assert_string_equal(value_text_peek(record_peek(r, "id")), value_text_peek(record_peek(image, "id")));
	value_release(image);
	value_release(r);
	snprintf(script, sizeof script, "rm -rf %s", directory);
	HELP_RUN("sh", "-c", script);
}

static void test_build_failures(void **state)
{
	char directory[] = "/tmp/rp-test-XXXXXX", text[400], script[200];
	struct value d;

	(void)state;
	assert_non_null(mkdtemp(directory));
	expect_failed(call("docker.build", "{\"context\": \"%s/none\"}", directory),
		      "cannot read the context");
	expect_failed(call("docker.build", "{\"context\": \"%s\"}", directory),
		      "there is no Dockerfile in the context");
	expect_failed(call("docker.build", "{\"context\": \"%s\", \"dockerfile\": \"../x\"}", directory),
		      "inside the context");
	help_write(directory, "Dockerfile", "FROM scratch\nBOGUS thing\n");
	d = expect_kind(call("docker.build", "{\"context\": \"%s\"}", directory), OUTCOME_FAILED, "BOGUS");
	expect_int(d, "status", 400);
	value_release(d);
	help_write(directory, "Dockerfile", "");
	expect_failed(call("docker.build", "{\"context\": \"%s\"}", directory), "cannot build");
	snprintf(text, sizeof text,
		 "FROM %s-box:1\nRUN echo one; for i in $(seq 1 30); do echo line $i; done; exit 7\n",
		 help_prefix);
	help_write(directory, "Dockerfile.bad", text);
	d = expect_kind(
	    call("docker.build",
		 "{\"context\": \"%s\", \"dockerfile\": \"Dockerfile.bad\", \"tag\": \"%s-no:1\"}", directory,
		 help_prefix),
	    OUTCOME_FAILED, "returned a non-zero code: 7");
	assert_non_null(strstr(value_text_peek(record_peek(d, "tail")), "line 30"));
	assert_null(strstr(value_text_peek(record_peek(d, "tail")), "line 5\n"));
	value_release(d);
	expect_bool(expect_ok(call("docker.image_exists", "{\"name\": \"%s-no:1\"}", help_prefix)), false);
	help_write(directory, "Dockerfile", "FROM 127.0.0.1:1/none:1\n");
	expect_failed(call("docker.build", "{\"context\": \"%s\"}", directory), "127.0.0.1:1");
	snprintf(script, sizeof script, "rm -rf %s", directory);
	HELP_RUN("sh", "-c", script);
}

static void test_build_cancelled(void **state)
{
	char directory[] = "/tmp/rp-test-XXXXXX", text[400], json[300];
	struct outcome outcome;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(text, sizeof text, "FROM %s-box:1\nRUN sleep %s\n", help_prefix, help_seconds(1));
	help_write(directory, "Dockerfile", text);
	snprintf(json, sizeof json, "{\"context\": \"%s\", \"tag\": \"%s-no:1\"}", directory, help_prefix);
	help_start("docker.build", json);
	assert_false(help_wait(2 * SECOND, &outcome));
	assert_true(help_sleeps_until(1, true));
	help_cancel();
	assert_true(help_wait(5 * SECOND, &outcome));
	expect_failed(outcome, "docker.build was cancelled");
	assert_true(help_sleeps_until(1, false));
	snprintf(text, sizeof text, "rm -rf %s", directory);
	HELP_RUN("sh", "-c", text);
}

/* ---- a registry ---- */

/* The number on the first line that a child prints; closes the pipe. */
static int line_number(int fd)
{
	char line[16] = "";
	size_t length = 0;

	while (length < sizeof line - 1 && strchr(line, '\n') == NULL) {
		ssize_t got = read(fd, line + length, sizeof line - 1 - length);

		assert_true(got > 0);
		length += (size_t)got;
	}
	close(fd);
	return atoi(line);
}

static pid_t registry_open(int *port)
{
	char layer[] = "/tmp/rp-test-XXXXXX", script[200];
	int pipes[2];
	pid_t pid;

	assert_non_null(mkdtemp(layer));
	snprintf(script, sizeof script, "cd %s && echo hello >file && tar -cf layer.tar file", layer);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	snprintf(script, sizeof script, "%s/layer.tar", layer);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		execlp("python3", "python3", "tests/fixtures/docker/registry.py", "deploy", "correct horse",
		       script, NULL);
		_exit(127);
	}
	close(pipes[1]);
	*port = line_number(pipes[0]); /* it has read its layer, and listens */
	HELP_RUN("rm", "-r", layer);
	return pid;
}

static void test_login_and_pull(void **state)
{
	struct value image, v, d;
	char json[200];
	int port;
	pid_t registry = registry_open(&port);

	(void)state;
	expect_failed(call("docker.pull", "{\"image\": \"127.0.0.1:%d/test/app:v1\"}", port), "cannot pull");
	d = expect_kind(
	    call("docker.login",
		 "{\"registry\": \"127.0.0.1:%d\", \"user\": \"deploy\", \"password\": \"!wrong horse\"}",
		 port),
	    OUTCOME_FAILED, "cannot log in to 127.0.0.1");
	v = value_to_json(d, false);
	assert_null(strstr(value_text_peek(v), "wrong horse"));
	value_release(v);
	value_release(d);
	expect_done(
	    call("docker.login",
		 "{\"registry\": \"127.0.0.1:%d\", \"user\": \"deploy\", \"password\": \"!correct horse\"}",
		 port));
	image = expect_ok(call("docker.pull", "{\"image\": \"127.0.0.1:%d/test/app:v1\"}", port));
	expect_field(record_peek(image, "labels"), "from", "registry");
	assert_int_equal(value_length(record_peek(image, "digests")), 1);
	v = value_copy(list_peek(record_peek(image, "digests"), 0));
	snprintf(json, sizeof json, "127.0.0.1:%d/test/app:v1", port);
	expect_bool(expect_ok(call("docker.image_exists", "{\"name\": \"%s\"}", json)), true);
	expect_done(call("docker.pull", "{\"image\": \"%s\"}", value_text_peek(v))); /* by its digest */
	expect_done(call("docker.pull", "{\"image\": \"%s\"}", json));		     /* again */
	d = expect_kind(call("docker.pull", "{\"image\": \"127.0.0.1:%d/test/app:v9\"}", port),
			OUTCOME_FAILED, "cannot pull");
	value_release(d);
	expect_done(call("docker.rmi", "{\"image\": \"%s\", \"force\": true}",
			 value_text_peek(record_peek(image, "id"))));
	value_release(v);
	value_release(image);
	/* The login is this run's alone. */
	help_shut();
	help_open();
	expect_failed(call("docker.pull", "{\"image\": \"%s\"}", json), "cannot pull");
	kill(registry, SIGTERM);
	assert_int_equal(waitpid(registry, NULL, 0), registry);
	expect_failed(call("docker.pull", "{\"image\": \"%s\"}", json), "connection refused");
	expect_failed(
	    call("docker.login",
		 "{\"registry\": \"127.0.0.1:%d\", \"user\": \"a\", \"password\": \"!correct horse\"}", port),
	    "connection refused");
}

/* ---- the engine itself ---- */

static void reopen(const char *host, const char *version)
{
	help_shut();
	if (host != NULL)
		setenv("DOCKER_HOST", host, 1);
	if (version != NULL)
		setenv("DOCKER_API_VERSION", version, 1);
	help_open();
}

static void test_engine_absent(void **state)
{
	(void)state;
	reopen("unix:///tmp/rp-test-none.sock", NULL);
	expect_failed(call("docker.ps", "{}"),
		      "no Docker engine answers at unix:///tmp/rp-test-none.sock: is it running? (there is "
		      "no such socket)");
	expect_failed(call("docker.exec", "{\"container\": \"x\", \"command\": [\"true\"]}"),
		      "no Docker engine answers at");
	expect_failed(call("docker.stop", "{\"container\": \"x\"}"), "no Docker engine answers at");
	reopen("tcp://127.0.0.1:1", NULL);
	expect_failed(call("docker.ps", "{}"),
		      "no Docker engine answers at tcp://127.0.0.1:1: is it running? (connection refused");
}

static void test_engine_hosts_of_no_use(void **state)
{
	(void)state;
	reopen("ssh://deploy@example.com", NULL);
	expect_failed(call("docker.ps", "{}"),
		      "ssh:// is not available yet; forward the socket with \"ssh -nNT -L");
	reopen("http://127.0.0.1", NULL);
	expect_failed(call("docker.ps", "{}"), "is neither unix:///PATH nor tcp://HOST:PORT");
	reopen("tcp://a b", NULL);
	expect_failed(call("docker.ps", "{}"), "is not tcp://HOST:PORT");
	reopen("tcp://127.0.0.1:1/x", NULL);
	expect_failed(call("docker.ps", "{}"), "is not tcp://HOST:PORT");
	reopen("unix://", NULL);
	expect_failed(call("docker.ps", "{}"), "is neither");
}

static int listener_open(int *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof address;

	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 50), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	*port = ntohs(address.sin_port);
	return listener;
}

static void test_engine_cancelled_while_it_is_looked_for(void **state)
{
	struct outcome outcome;
	int listener, port;
	char host[64];

	(void)state;
	reopen("ssh://deploy@example.com", NULL);
	help_start("docker.ps", "{}");
	help_cancel();
	assert_true(help_wait(5 * SECOND, &outcome));
	expect_failed(outcome, "");
	listener = listener_open(&port); /* the kernel takes the connection, nobody answers */
	snprintf(host, sizeof host, "tcp://127.0.0.1:%d", port);
	reopen(host, NULL);
	help_start("docker.stop", "{\"container\": \"x\"}");
	assert_false(help_wait(SECOND / 5, &outcome));
	help_cancel();
	assert_true(help_wait(5 * SECOND, &outcome));
	expect_failed(outcome, "docker.stop was cancelled before it began");
	close(listener);
}

static void test_engine_wrong_version(void **state)
{
	(void)state;
	reopen(NULL, "1.99");
	expect_failed(call("docker.ps", "{}"), "client version 1.99 is too new");
	reopen(NULL, "1.0");
	expect_failed(call("docker.ps", "{}"), "client version 1.0 is too old");
}

/*
 * A proxy on loopback in front of the real engine, which can change what passes: that an engine of another
 * age, or one that dies, is met without having one.
 */
struct proxy {
	int listener, port;
	pthread_t thread;
	const char *from, *to; /* replaced, of the same length, in what the engine says; or NULL */
	size_t cut_after;      /* bytes of the engine's answers after which all connections end; 0: never */
	const char *cut_on;    /* a text in the request that begins the count */
};

struct proxied {
	struct proxy *proxy;
	int client;
};

static bool pass_on(struct proxied *p, int from, int to, bool answer, bool *counting, size_t *passed)
{
	char bytes[16384], *hit;
	ssize_t got = read(from, bytes, sizeof bytes - 1);

	if (got <= 0)
		return false;
	bytes[got] = '\0';
	if (!answer && p->proxy->cut_on != NULL && strstr(bytes, p->proxy->cut_on) != NULL)
		*counting = true;
	if (answer && p->proxy->from != NULL && (hit = strstr(bytes, p->proxy->from)) != NULL)
		memcpy(hit, p->proxy->to, strlen(p->proxy->to));
	if (answer && *counting) {
		*passed += (size_t)got;
		if (*passed > p->proxy->cut_after)
			return false;
	}
	return write(to, bytes, (size_t)got) == got;
}

static void *proxy_connection(void *context)
{
	struct proxied *p = context;
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/var/run/docker.sock"};
	int engine = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool counting = false, ours = true;
	size_t passed = 0;

	assert_int_equal(connect(engine, (struct sockaddr *)&address, sizeof address), 0);
	for (;;) {
		fd_set set;

		FD_ZERO(&set);
		FD_SET(engine, &set);
		if (ours)
			FD_SET(p->client, &set);
		if (select((engine > p->client ? engine : p->client) + 1, &set, NULL, NULL, NULL) < 0)
			break;
		if (FD_ISSET(engine, &set) && !pass_on(p, engine, p->client, true, &counting, &passed))
			break;
		if (ours && FD_ISSET(p->client, &set) &&
		    !pass_on(p, p->client, engine, false, &counting, &passed)) {
			ours = false; /* half of it closed: the other half goes on */
			shutdown(engine, SHUT_WR);
		}
	}
	close(engine);
	close(p->client);
	free(p);
	return NULL;
}

static void *proxy_serve(void *context)
{
	struct proxy *proxy = context;
	int client;

	while ((client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct proxied *p = malloc(sizeof *p);
		pthread_t thread;

		*p = (struct proxied){.proxy = proxy, .client = client};
		pthread_create(&thread, NULL, proxy_connection, p);
		pthread_detach(thread);
	}
	return NULL;
}

static void proxy_open(struct proxy *proxy)
{
	char host[64];

	proxy->listener = listener_open(&proxy->port);
	pthread_create(&proxy->thread, NULL, proxy_serve, proxy);
	snprintf(host, sizeof host, "tcp://localhost:%d", proxy->port);
	reopen(host, NULL);
}

static void proxy_close(struct proxy *proxy)
{
	reopen("unix:///var/run/docker.sock", NULL); /* our end of the connections closes first */
	usleep(100000);
	shutdown(proxy->listener, SHUT_RDWR);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	usleep(100000);
}

static void test_engine_too_old(void **state)
{
	static struct proxy proxy = {.from = "Api-Version: 1.41", .to = "Api-Version: 1.38"};

	(void)state;
	proxy_open(&proxy);
	expect_failed(call("docker.ps", "{}"), "speaks API 1.38; at least 1.41 (Docker 20.10) is needed");
	proxy_close(&proxy);
	proxy = (struct proxy){.from = "Api-Version", .to = "Xpi-Version"};
	proxy_open(&proxy);
	expect_failed(call("docker.ps", "{}"), "is no Docker engine");
	proxy_close(&proxy);
}

static void test_engine_newer_gets_our_newest(void **state)
{
	static struct proxy proxy = {.from = "Api-Version: 1.41", .to = "Api-Version: 1.52"};

	(void)state;
	proxy_open(&proxy);
	/* The real engine behind it refuses what we then speak, and that shows what it is. */
	expect_failed(call("docker.ps", "{}"), "client version 1.44 is too new");
	assert_string_equal(docker_version((struct live *)help_driver), "1.44");
	proxy_close(&proxy);
}

static void test_engine_by_tcp(void **state)
{
	static struct proxy proxy = {0};
	struct value r;
	char json[300];
	struct outcome outcome;

	(void)state;
	proxy_open(&proxy);
	r = expect_ok(EXEC(
	    "\"command\": [\"sh\", \"-c\", \"cat; echo err >&2; exit 3\"], \"input\": \"far\", \"ok\": 3"));
	expect_field(r, "stdout", "far");
	expect_field(r, "stderr", "err\n");
	value_release(r);
	/* Its processes are taken for another machine's: stopped through the container, also as another user.
	 */
	for (int as_worker = 0; as_worker < 2; as_worker++) {
		snprintf(json, sizeof json,
			 "{\"container\": \"%s-box\", \"command\": [\"sh\", \"-c\", \"sleep 4718 & sleep "
			 "4718; echo after\"]%s}",
			 help_prefix, as_worker ? ", \"user\": \"worker\"" : "");
		help_start("docker.exec", json);
		assert_false(help_wait(SECOND, &outcome));
		box_until("sleep 4718", 3);
		help_cancel();
		assert_true(help_wait(9 * SECOND, &outcome));
		expect_failed(outcome, "was cancelled and ended with exit code 143");
		box_until("sleep 4718", 0);
	}
	snprintf(json, sizeof json,
		 "{\"container\": \"%s-box\", \"command\": [\"sh\", \"-c\", \"trap '' TERM; while :; do "
		 "sleep 4719; done\"]}",
		 help_prefix);
	help_start("docker.exec", json);
	assert_false(help_wait(SECOND, &outcome));
	help_cancel();
	assert_true(help_wait(9 * SECOND, &outcome));
	expect_failed(outcome, "was cancelled and ended with exit code 137");
	box_until("sleep 4719", 0);
	proxy_close(&proxy);
}

static void test_engine_lost_in_mid_exec(void **state)
{
	static struct proxy proxy = {.cut_on = "/start", .cut_after = 400};
	struct outcome outcome;
	struct value r;

	(void)state;
	proxy_open(&proxy);
	/* The engine still tells how it ended: that is its outcome, with what came of its output. */
	r = expect_kind(EXEC("\"command\": [\"sh\", \"-c\", \"seq 1 300; sleep 1; exit 5\"]"), OUTCOME_FAILED,
			"exit code 5");
	assert_true(record_peek(r, "truncated").b);
	value_release(r);
	/* Engine 20.10 forgets it when the command writes to the lost stream. */
	outcome = EXEC("\"command\": [\"sh\", \"-c\", \"seq 1 300; for i in 1 2 3; do sleep 0.3; seq 1 300; "
		       "done; exit 5\"]");
	if (outcome.kind == OUTCOME_UNKNOWN)
		value_release(expect_kind(outcome, OUTCOME_UNKNOWN, "was lost; the command may still run"));
	else
		expect_failed(outcome, "exit code 5");
	proxy_close(&proxy);
}

/* ---- other users ---- */

/* Runs `body` in a child that is nobody, with the socket's group or without; its verdict. */
static int as_nobody(bool with_group, int (*body)(void))
{
	struct stat socket;
	int status;
	pid_t pid;

	assert_int_equal(stat("/var/run/docker.sock", &socket), 0);
	pid = fork();
	if (pid == 0) {
		if (setgroups(with_group ? 1 : 0, &socket.st_gid) != 0 || setgid(65534) != 0 ||
		    setuid(65534) != 0)
			_exit(99);
		help_driver = live_new(NULL);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static int child_is_denied(void)
{
	struct outcome outcome = call("docker.ps", "{}");

	return outcome.kind == OUTCOME_FAILED &&
		       strstr(value_text_peek(outcome.message),
			      "permission to use the Docker engine at unix:///var/run/docker.sock is "
			      "denied: join the group") != NULL
		   ? 0
		   : 1;
}

/* May use the engine, and may not signal what runs in its containers: through the container. */
static int child_cancels(void)
{
	char json[300];
	struct outcome outcome;

	snprintf(
	    json, sizeof json,
	    "{\"container\": \"%s-box\", \"command\": [\"sh\", \"-c\", \"sleep 4720 & sleep 4720; echo\"]}",
	    help_prefix);
	help_start("docker.exec", json);
	if (help_wait(SECOND, &outcome))
		return 1;
	help_cancel();
	if (!help_wait(9 * SECOND, &outcome))
		return 2;
	return outcome.kind == OUTCOME_FAILED &&
		       strstr(value_text_peek(outcome.message), "exit code 143") != NULL
		   ? 0
		   : 3;
}

/* As another user than root these are what the other tests try anyway. */
static void test_other_users(void **state)
{
	(void)state;
	if (getuid() != 0)
		skip();
	assert_int_equal(as_nobody(false, child_is_denied), 0);
	assert_int_equal(as_nobody(true, child_cancels), 0);
	box_until("sleep 4720", 0);
}

/* ---- TLS ---- */

static void test_engine_by_tls(void **state)
{
	char directory[] = "/tmp/rp-test-XXXXXX", script[1200], host[64];
	struct value r;
	int pipes[2];
	pid_t pid;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(script, sizeof script,
		 "cd %s && mkdir none && q='-nodes -newkey rsa:2048 -days 2 -sha256' && "
		 "openssl req -x509 $q -keyout ca-key.pem -out ca.pem -subj /CN=test-ca && "
		 "openssl req $q -keyout key.pem -out c.csr -subj /CN=client && "
		 "openssl x509 -req -in c.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -out "
		 "cert.pem && "
		 "openssl req $q -keyout server-key.pem -out s.csr -subj /CN=localhost && "
		 "echo subjectAltName=DNS:localhost >ext && "
		 "openssl x509 -req -in s.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile "
		 "ext -out server.pem && "
		 "cp cert.pem key.pem none/ && openssl req -x509 $q -keyout /dev/null -out none/ca.pem -subj "
		 "/CN=other-ca",
		 directory);
	assert_int_equal(HELP_RUN("sh", "-c", script), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		execlp("python3", "python3", "tests/fixtures/docker/tls_proxy.py", directory, NULL);
		_exit(127);
	}
	close(pipes[1]);
	snprintf(host, sizeof host, "tcp://localhost:%d", line_number(pipes[0]));
	setenv("DOCKER_TLS_VERIFY", "1", 1);
	setenv("DOCKER_CERT_PATH", directory, 1);
	reopen(host, NULL);
	r = expect_ok(EXEC("\"command\": [\"sh\", \"-c\", \"echo far; exit 3\"], \"ok\": 3"));
	expect_field(r, "stdout", "far\n");
	value_release(r);
	expect_failed(EXEC("\"command\": [\"cat\"], \"input\": \"x\""),
		      "input for a command is not available yet");
	snprintf(script, sizeof script, "%s/none", directory);
	setenv("DOCKER_CERT_PATH", script, 1);
	reopen(host, NULL);
	expect_failed(call("docker.ps", "{}"), "is not accepted");
	unsetenv("DOCKER_TLS_VERIFY");
	reopen(host, NULL);
	expect_failed(call("docker.ps", "{}"), "Docker engine"); /* plain text to a port that speaks TLS */
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	HELP_RUN("rm", "-r", directory);
}

/* ---- preview ---- */

static void expect_line(struct value line, const char *text)
{
	expect_text(line, text);
	value_release(line);
}

static void test_describe(void **state)
{
	(void)state;
	expect_line(
	    describe("docker.exec",
		     "{\"container\": \"thebot-nginx\", \"command\": [\"nginx\", \"-s\", \"reload\"]}"),
	    "docker exec thebot-nginx nginx -s reload");
	expect_line(
	    describe("docker.exec",
		     "{\"container\": \"c\", \"command\": [\"sh\", \"-c\", \"it's $x\"], \"user\": \"www\", "
		     "\"env\": {\"A\": \"!hunter2\", \"B\": 1}, \"directory\": \"/a b\", \"input\": \"x\"}"),
	    "docker exec -i --env A=*** --env B=1 --user www --workdir '/a b' c sh -c 'it'\\''s $x'");
	expect_line(describe("docker.run", "{\"image\": \"i:1\", \"name\": \"n\", \"ports\": [\"8080:80\"], "
					   "\"remove\": true, \"command\": "
					   "[\"a\"]}"),
		    "docker run -d --rm --name n --publish 8080:80 i:1 a");
	expect_line(describe("docker.stop", "{\"container\": \"c\"}"), "docker stop --time 10 c");
	expect_line(describe("docker.login",
			     "{\"registry\": \"r.example\", \"user\": \"u\", \"password\": \"!hunter2\"}"),
		    "docker login --username u r.example");
	expect_line(
	    describe("docker.build", "{\"context\": \"lab\", \"tag\": \"t:1\", \"args\": {\"V\": \"v 2\"}}"),
	    "docker build --tag t:1 --build-arg V='v 2' lab");
}

static void test_process_of_another_container_is_not_signalled(void **state)
{
	int inner = 0;

	(void)state;
	assert_int_equal(docker_process_signal("0123456789ab0123456789ab", getpid(), SIGKILL, &inner),
			 DOCKER_SIGNAL_NOT_HERE);
	assert_int_equal(docker_process_signal("", getpid(), SIGKILL, &inner), DOCKER_SIGNAL_NOT_HERE);
	assert_int_equal(docker_process_signal("0123456789ab", 1, SIGKILL, &inner), DOCKER_SIGNAL_NOT_HERE);
	assert_int_equal(docker_process_signal("0123456789ab", -1, SIGKILL, &inner), DOCKER_SIGNAL_NOT_HERE);
}

static void test_times(void **state)
{
	struct value text = value_string("2026-01-31T12:00:00.25+01:00"), time = docker_time(text);

	(void)state;
	assert_int_equal(time.tag, VALUE_TIME);
	assert_int_equal(time.i, INT64_C(1769857200250000000));
	value_release(text);
	text = value_string("0001-01-01T00:00:00Z");
	assert_int_equal(docker_time(text).tag, VALUE_NULL);
	value_release(text);
	text = value_string("nonsense");
	assert_int_equal(docker_time(text).tag, VALUE_NULL);
	value_release(text);
}

/* ---- all ---- */

static int begin(void **state)
{
	(void)state;
	help_begin();
	box_run("box", "");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	help_sweep();
	return 0;
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_each, close_each)

/* One argument: the pattern of the names of the tests to run. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    T(test_exec_separates_output),
	    T(test_exec_codes_are_exact),
	    T(test_exec_ok_lists_codes),
	    T(test_ok_takes_ranges),
	    T(test_exec_tail_has_20_lines),
	    T(test_exec_missing_program),
	    T(test_exec_real_126_is_not_a_missing_program),
	    T(test_exec_arguments_arrive_as_they_are),
	    T(test_exec_env_user_directory),
	    T(test_exec_input),
	    T(test_exec_large_input),
	    T(test_exec_a_megabyte_of_each),
	    T(test_exec_too_much_output_is_cut),
	    T(test_exec_that_closes_its_output_is_waited_for),
	    T(test_exec_that_leaves_a_child_behind_ends),
	    T(test_exec_bad_names),
	    T(test_exec_missing_container_suggests),
	    T(test_exec_bad_commands),
	    T(test_exec_stopped_container),
	    T(test_exec_hides_secrets),
	    T(test_exec_cancelled_is_gone),
	    T(test_exec_cancelled_takes_its_children_along),
	    T(test_exec_that_ignores_term_is_killed),
	    T(test_exec_cancelled_that_ends_well_did),
	    T(test_exec_times_out),
	    T(test_exec_cancelled_at_once),
	    T(test_exec_the_driver_ends_meanwhile),
	    T(test_exec_the_container_dies),
	    T(test_exec_the_container_is_removed),
	    T(test_probe_is_a_read),
	    T(test_exec_settles),
	    T(test_exec_settles_although_its_stream_was_lost),
	    T(test_inspect),
	    T(test_inspect_ports_and_networks),
	    T(test_health),
	    T(test_ps),
	    T(test_logs),
	    T(test_logs_of_a_terminal),
	    T(test_logs_too_long),
	    T(test_stats),
	    T(test_start_stop_restart_kill_rm),
	    T(test_stop_of_one_that_ignores_term),
	    T(test_stop_cancelled_is_unknown),
	    T(test_rm_and_kill_settle),
	    T(test_run_and_wait),
	    T(test_run_exit_code),
	    T(test_run_detached),
	    T(test_run_fails_and_leaves_nothing),
	    T(test_run_cancelled_is_stopped),
	    T(test_ports),
	    T(test_image_and_tag),
	    T(test_build),
	    T(test_build_failures),
	    T(test_build_cancelled),
	    T(test_login_and_pull),
	    T(test_engine_absent),
	    T(test_engine_hosts_of_no_use),
	    T(test_engine_cancelled_while_it_is_looked_for),
	    T(test_engine_wrong_version),
	    T(test_engine_too_old),
	    T(test_engine_newer_gets_our_newest),
	    T(test_engine_by_tcp),
	    T(test_engine_lost_in_mid_exec),
	    T(test_other_users),
	    T(test_engine_by_tls),
	    T(test_describe),
	    T(test_process_of_another_container_is_not_signalled),
	    T(test_times),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, begin, finish);
}
