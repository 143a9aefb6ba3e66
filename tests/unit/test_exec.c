/* test_exec.c - exec, probe and sh against real programs; hostile words; secrets; cancelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/processes.h"

#define MS INT64_C(1000000)

static struct driver *driver;
static char mark[40]; /* in the environment of all that the test starts */

static int open_driver(void **state)
{
	(void)state;
	snprintf(mark, sizeof(mark), "TEST_OF_EXEC=%d", (int)getpid());
	putenv(mark);
	driver = live_new(NULL);
	return driver ? 0 : -1;
}

static int close_driver(void **state)
{
	(void)state;
	driver->ops->free(driver);
	return 0;
}

static struct value words(const char *first, ...)
{
	struct value list = list_new(4);
	va_list more;

	va_start(more, first);
	for (; first; first = va_arg(more, const char *))
		list_push(&list, value_string(first));
	va_end(more);
	return list;
}

/* As embed_render() gives it. */
static struct value script(const char *text, struct value args)
{
	struct value record = record_new(2);

	record_set(&record, "text", value_string(text));
	record_set(&record, "args", args);
	return record;
}

static struct value secret(const char *text)
{
	return value_mark(value_string(text), VALUE_SECRET);
}

static struct value field(const char *key, struct value v)
{
	struct value record = record_new(1);

	record_set(&record, key, v);
	return record;
}

#define RUN(name, ...) row_run(driver, &exec_table, name, ARGS(__VA_ARGS__))
#define COMMAND(...)                                                                                         \
	{                                                                                                    \
		"command", words(__VA_ARGS__, NULL)                                                          \
	}
#define SH(text)                                                                                             \
	{                                                                                                    \
		"command", script(text, list_new(0))                                                         \
	}

static void assert_ok(struct outcome outcome, int code, const char *out, const char *err)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	assert_int_equal(record_peek(outcome.value, "code").i, code);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stdout")), out);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stderr")), err);
	assert_int_equal(record_peek(outcome.value, "time").tag, VALUE_DURATION);
	assert_false(value_truthy(record_peek(outcome.value, "truncated")));
	outcome_release(&outcome);
}

static void assert_failed(struct outcome outcome, const char *message)
{
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message), message);
	outcome_release(&outcome);
}

static void test_output_and_codes(void **state)
{
	struct outcome outcome;
	struct value codes = list_new(2);

	(void)state;
	assert_ok(RUN("exec", COMMAND("true")), 0, "", "");
	assert_ok(RUN("exec", COMMAND("/bin/sh", "-c", "echo out; echo err >&2")), 0, "out\n", "err\n");
	assert_ok(RUN("probe", COMMAND("/bin/sh", "-c", "exit 3"), {"ok", value_int(3)}), 3, "", "");
	assert_ok(RUN("exec", COMMAND("/bin/sh", "-c", "exit 255"), {"ok", value_range(200, 255)}), 255, "",
		  "");
	list_push(&codes, value_int(0));
	list_push(&codes, value_range(4, 6));
	assert_ok(RUN("exec", COMMAND("/bin/sh", "-c", "exit 5"), {"ok", codes}), 5, "", "");
	assert_failed(RUN("exec", COMMAND("/bin/sh", "-c", "exit 0"), {"ok", value_int(1)}),
		      "exec: /bin/sh exited with 0");
	assert_failed(RUN("exec", COMMAND("true"), {"ok", value_string("0")}),
		      "exec: `ok` must be an exit code, a list of exit codes, or a range");

	outcome =
	    RUN("probe", COMMAND("/bin/sh", "-c", "echo some; seq 100 >&2; echo '  at last' >&2; exit 7"));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message), "probe: /bin/sh exited with 7:   at last");
	assert_int_equal(record_peek(outcome.value, "code").i, 7);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stdout")), "some\n");
	assert_int_equal(strncmp(value_text_peek(record_peek(outcome.value, "stderr")), "1\n2\n", 4), 0);
	assert_string_equal(
	    value_text_peek(record_peek(outcome.value, "tail")),
	    "some\n83\n84\n85\n86\n87\n88\n89\n90\n91\n92\n93\n94\n95\n96\n97\n98\n99\n100\n  at last");
	outcome_release(&outcome);
	/* A program that reports on standard output keeps its lines beside the noise on standard error. */
	outcome = RUN("probe", COMMAND("/bin/sh", "-c", "seq 30; seq 101 130 >&2; exit 1"));
	assert_string_equal(
	    value_text_peek(record_peek(outcome.value, "tail")),
	    "21\n22\n23\n24\n25\n26\n27\n28\n29\n30\n121\n122\n123\n124\n125\n126\n127\n128\n129\n130");
	outcome_release(&outcome);
	outcome = RUN("probe", COMMAND("/bin/sh", "-c", "seq 30; echo 'a warning' >&2; exit 1"));
	assert_string_equal(value_text_peek(outcome.message), "probe: /bin/sh exited with 1: a warning");
	assert_string_equal(
	    value_text_peek(record_peek(outcome.value, "tail")),
	    "12\n13\n14\n15\n16\n17\n18\n19\n20\n21\n22\n23\n24\n25\n26\n27\n28\n29\n30\na warning");
	outcome_release(&outcome);
	assert_failed(RUN("exec", COMMAND("/bin/sh", "-c", "kill -9 $$")),
		      "exec: /bin/sh was killed by signal 9 (Killed)");
}

static void test_bad_commands(void **state)
{
	struct value list = list_new(2);

	(void)state;
	assert_failed(RUN("exec", {"command", list_new(0)}),
		      "exec: the command must be a list that begins with the program's name");
	assert_failed(RUN("exec", {"command", value_string("ls -l")}),
		      "exec: the command must be a list that begins with the program's name");
	assert_failed(RUN("exec", COMMAND("")), "exec: the program's name is empty");
	assert_failed(RUN("probe", COMMAND("no-such-program-here")),
		      "probe: no such program: no-such-program-here");
	list_push(&list, value_string("echo"));
	list_push(&list, value_int(5));
	assert_failed(RUN("exec", {"command", list}), "exec: the command's word 1 is no string but int");
	list = list_new(1);
	list_push(&list, value_string_n("a\0b", 3));
	assert_failed(RUN("exec", {"command", list}), "exec: the command's word 0 holds a NUL byte");
	assert_failed(RUN("exec", COMMAND("true"), {"env", field("A=B", value_string("x"))}),
		      "exec: a variable's name is empty, or holds = or a NUL byte");
	assert_failed(RUN("exec", COMMAND("true"), {"env", field("A", value_string_n("a\0b", 3))}),
		      "exec: the variable A holds a NUL byte");
}

/* A word is a word, whatever stands in it. */
static void test_hostile_words(void **state)
{
	static const char *const hostile[] = {
	    "; echo pwned", "$(echo pwned)", "`echo pwned`", "a b\tc\nd", "'\"\\", "*",	   "--version",
	    "-n",	    "\xff\xfe",	     "${IFS}",	     "&& false",  "",	   "~root"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		struct value args = list_new(1);
		char expected[64];

		snprintf(expected, sizeof(expected), "<%s>", hostile[i]);
		assert_ok(RUN("exec", COMMAND("/usr/bin/printf", "<%s>", hostile[i])), 0, expected, "");
		list_push(&args, value_string(hostile[i]));
		assert_ok(RUN("sh", {"command", script("printf '<%s>' \"$1\"", args)}), 0, expected, "");
	}
}

static void test_shell(void **state)
{
	struct value args = list_new(2);

	(void)state;
	list_push(&args, value_string("a b"));
	list_push(&args, value_string("$HOME"));
	assert_ok(
	    RUN("sh", {"command", script("echo \"$#:$2:$1:$0\" | cat", args)}, {"reads", value_bool(true)}),
	    0, "2:$HOME:a b:sh\n", "");
	assert_failed(RUN("sh", SH("echo oops >&2; exit 4")), "sh: the command exited with 4: oops");
	assert_failed(RUN("sh", {"command", value_string("echo x")}), "sh: the command must be a literal");
}

static void test_environment_directory_input(void **state)
{
	struct value env = record_new(3);
	char big[300000];

	(void)state;
	setenv("RUNPLAN_TEST_KEPT", "kept", 1);
	record_set(&env, "VERSION", value_string("v 2"));
	record_set(&env, "PORT", value_int(80));
	record_set(&env, "RUNPLAN_TEST_NULL", value_null());
	assert_ok(
	    RUN("exec",
		COMMAND("/bin/sh", "-c", "echo $VERSION $PORT $RUNPLAN_TEST_KEPT ${RUNPLAN_TEST_NULL-unset}"),
		{"env", env}),
	    0, "v 2 80 kept unset\n", "");
	assert_ok(RUN("exec", COMMAND("pwd"), {"directory", value_string("/usr/bin")}), 0, "/usr/bin\n", "");
	assert_ok(RUN("exec", COMMAND("cat"), {"input", value_string("in\n")}), 0, "in\n", "");
	assert_ok(RUN("exec", COMMAND("cat")), 0, "", "");
	memset(big, 'x', sizeof(big));
	assert_ok(RUN("exec", COMMAND("wc", "-c"), {"input", value_string_n(big, sizeof(big))}), 0,
		  "300000\n", "");
	/* One that doesn't read its input is no failure. */
	assert_ok(RUN("exec", COMMAND("true"), {"input", value_string_n(big, sizeof(big))}), 0, "", "");
	assert_failed(RUN("exec", COMMAND("pwd"), {"directory", value_string("/no/such/place")}),
		      "exec: no such directory: /no/such/place");
}

static void test_long_output_is_cut_and_says_so(void **state)
{
	struct outcome outcome =
	    RUN("probe", COMMAND("/bin/sh", "-c", "head -c 5000000 /dev/zero | tr '\\0' x"));

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_true(value_truthy(record_peek(outcome.value, "truncated")));
	assert_int_equal(value_length(record_peek(outcome.value, "stdout")), LIVE_BODY_MAX);
	outcome_release(&outcome);
}

static void test_secrets(void **state)
{
	struct value list = words("echo", NULL), args = list_new(1), env;
	struct outcome outcome;

	(void)state;
	/* Never among the arguments. */
	list_push(&list, secret("hunter2-hunter2"));
	assert_failed(RUN("exec", {"command", list}), "exec: the command's word 1 is a secret, and arguments "
						      "can be seen by every user; give it by `env` or "
						      "`input`");
	list_push(&args, secret("hunter2-hunter2"));
	outcome = RUN("sh", {"command", script("echo \"$1\"", args)});
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_null(strstr(value_text_peek(outcome.message), "hunter2"));
	outcome_release(&outcome);

	/* By the environment or the input they arrive, and what shows them again is a secret. */
	outcome = RUN("exec", COMMAND("/bin/sh", "-c", "echo \"pw is $PW\"; echo clean >&2"),
		      {"env", field("PW", secret("hunter2-hunter2"))});
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stdout")), "pw is hunter2-hunter2\n");
	assert_true(value_is_secret(record_peek(outcome.value, "stdout")));
	assert_false(value_is_secret(record_peek(outcome.value, "stderr")));
	outcome_release(&outcome);
	outcome = RUN("exec", COMMAND("cat"), {"input", secret("hunter2-hunter2")});
	assert_true(value_is_secret(record_peek(outcome.value, "stdout")));
	outcome_release(&outcome);

	/* Not in the message of a failure, and marked in its details. */
	env = field("PW", secret("hunter2-hunter2"));
	outcome =
	    RUN("exec", COMMAND("/bin/sh", "-c", "echo \"bad password $PW\" >&2; exit 1"), {"env", env});
	assert_string_equal(value_text_peek(outcome.message), "exec: /bin/sh exited with 1");
	assert_true(value_is_secret(record_peek(outcome.value, "stderr")));
	assert_true(value_is_secret(record_peek(outcome.value, "tail")));
	outcome_release(&outcome);
}

/* Does the test run a `sleep SECONDS`? */
static bool sleeps(const char *seconds)
{
	char arguments[64];
	size_t length = (size_t)snprintf(arguments, sizeof(arguments), "sleep%c%s", '\0', seconds) + 1;

	return process_find(mark, "cmdline", arguments, length) != 0;
}

static void test_timeout(void **state)
{
	struct outcome outcome = RUN("exec", COMMAND("/bin/sh", "-c", "echo begun; sleep 600.111 & wait"),
				     {"timeout", value_duration(200 * MS)});

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message),
			    "exec: /bin/sh did not end within 200ms: begun");
	outcome_release(&outcome);
	assert_false(sleeps("600.111"));
}

/* What is left until a moment that has passed is no time, and not "without a bound". */
static void test_no_time_left(void **state)
{
	struct outcome outcome;

	(void)state;
	outcome = RUN("exec", COMMAND("sleep", "600.444"), {"timeout", value_duration(0)});
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message),
			    "exec: `timeout` is 0s: no time is left for it");
	outcome_release(&outcome);
	outcome = RUN("probe", COMMAND("sleep", "600.444"), {"timeout", value_duration(-1000 * MS)});
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message),
			    "probe: `timeout` is -1s: no time is left for it");
	outcome_release(&outcome);
	assert_false(sleeps("600.444"));
}

/* Waits until the child's own child runs, and cancels the call. */
static void cancel_once_it_sleeps(const char *seconds)
{
	struct delivery delivery;
	int tries;

	for (tries = 0; tries < 500 && !sleeps(seconds); tries++) {
		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 20 * MS, &delivery));
		assert_int_equal(delivery.kind, DELIVERY_TIME);
	}
	assert_true(sleeps(seconds));
	driver->ops->cancel(driver, "call");
}

static void test_cancel(void **state)
{
	struct outcome outcome;

	(void)state;
	row_start(driver, &exec_table, "exec", "call",
		  ARGS(COMMAND("/bin/sh", "-c", "sleep 600.222 & wait")));
	cancel_once_it_sleeps("600.222");
	outcome = row_wait(driver);
	assert_int_equal(outcome.kind, OUTCOME_UNKNOWN);
	assert_string_equal(value_text_peek(outcome.message), "exec: /bin/sh was stopped while it ran");
	outcome_release(&outcome);
	assert_false(sleeps("600.222"));

	/* One that ends in its own way when it is asked to has told its outcome. */
	row_start(driver, &exec_table, "exec", "call",
		  ARGS(COMMAND("/bin/sh", "-c", "trap 'echo cleaned; exit 0' TERM; sleep 600.333 & wait")));
	cancel_once_it_sleeps("600.333");
	outcome = row_wait(driver);
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stdout")), "cleaned\n");
	outcome_release(&outcome);
}

/* 100 at once: none waits for another, each gets its own answer. */
static void test_side_by_side(void **state)
{
	int64_t began = live_now((struct live *)driver);
	bool seen[100] = {false};
	int i;

	(void)state;
	for (i = 0; i < 100; i++) {
		char id[16], number[16];

		snprintf(id, sizeof(id), "%d", i);
		snprintf(number, sizeof(number), "%d", i);
		row_start(driver, &exec_table, "probe", id,
			  ARGS(COMMAND("/bin/sh", "-c", "sleep 0.5; echo $1", "sh", number)));
	}
	for (i = 0; i < 100; i++) {
		struct outcome outcome = row_wait(driver);
		int number = atoi(value_text_peek(record_peek(outcome.value, "stdout")));

		assert_int_equal(outcome.kind, OUTCOME_OK);
		assert_false(seen[number]);
		seen[number] = true;
		outcome_release(&outcome);
	}
	assert_true(live_now((struct live *)driver) - began < 20000 * MS);
}

static void assert_described(const char *name, const struct row_arg *args, const char *expected)
{
	struct value line = row_describe(&exec_table, name, args);

	assert_string_equal(value_text_peek(line), expected);
	value_release(line);
}

static void test_preview(void **state)
{
	struct value env = record_new(2), args = list_new(2);

	(void)state;
	record_set(&env, "VERSION", value_string("v 2"));
	record_set(&env, "PW", secret("hunter2"));
	assert_described("exec", ARGS(COMMAND("systemctl", "restart", "it's $x", ""), {"env", env}),
			 "exec: VERSION='v 2' PW=*** systemctl restart 'it'\\''s $x' ''");
	assert_described("probe", ARGS(COMMAND("ls"), {"directory", value_string("/srv")}),
			 "probe: ls  (in \"/srv\")");
	list_push(&args, value_string("/var/log/x y"));
	list_push(&args, secret("hunter2"));
	assert_described("sh", ARGS({"command", script("cd /tmp\ngrep x \"$1\" \"$2\"", args)}),
			 "sh: cd /tmp \xe2\x8f\x8e grep x \"$1\" \"$2\"  # $1='/var/log/x y' $2=***");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_output_and_codes),
	    cmocka_unit_test(test_bad_commands),
	    cmocka_unit_test(test_hostile_words),
	    cmocka_unit_test(test_shell),
	    cmocka_unit_test(test_environment_directory_input),
	    cmocka_unit_test(test_long_output_is_cut_and_says_so),
	    cmocka_unit_test(test_secrets),
	    cmocka_unit_test(test_timeout),
	    cmocka_unit_test(test_no_time_left),
	    cmocka_unit_test(test_cancel),
	    cmocka_unit_test(test_side_by_side),
	    cmocka_unit_test(test_preview),
	};

	return cmocka_run_group_tests(tests, open_driver, close_driver);
}
