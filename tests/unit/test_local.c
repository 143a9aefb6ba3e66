/* test_local.c - what a plan asks of its own surroundings: env, secret, operator, lock, and the clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* of its helpers only some are used here */
#include "tests/unit/call_row.h"

static struct driver *driver;
static char home[] = "/tmp/runplan-local-XXXXXX";

#define S(name, text)                                                                                        \
	{                                                                                                    \
		name, value_string(text)                                                                     \
	}

/* ---- a person who answers at once ---- */

static struct live_person_request asked;
static const char *person_says; /* NULL: no */
static struct effect_call *withdrawn;

static void person(void *context, struct effect_call *call, const struct live_person_request *request)
{
	(void)context;
	asked = *request;
	if (!person_says)
		call_refused(call, "no");
	else if (strcmp(person_says, "...") != 0)
		call_ok(call,
			strcmp(request->kind, "ask") == 0 ? value_string(person_says) : value_bool(true));
}

static void person_goes(void *context, struct effect_call *call)
{
	(void)context;
	withdrawn = call;
	call_unknown(call, "withdrawn");
}

static int open_home(void **state)
{
	static struct live_options options = {
	    .ask = person, .ask_cancel = person_goes, .operator_name = "ada"};

	(void)state;
	if (!mkdtemp(home))
		return -1;
	options.state_directory = home;
	driver = live_new(&options);
	return driver ? 0 : -1;
}

static int close_home(void **state)
{
	(void)state;
	driver->ops->free(driver);
	if (fork() == 0)
		execlp("rm", "rm", "-rf", home, (char *)NULL);
	wait(NULL);
	return 0;
}

static void assert_message(struct outcome outcome, enum outcome_kind kind, const char *message)
{
	if (outcome.kind != kind || strcmp(value_text_peek(outcome.message), message) != 0)
		fail_msg("%d: %s", outcome.kind, value_text_peek(outcome.message));
	outcome_release(&outcome);
}

static void assert_answer(struct outcome outcome, const char *expected)
{
	struct value text;

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	text = value_encode(outcome.value);
	assert_string_equal(value_text_peek(text), expected);
	value_release(text);
	outcome_release(&outcome);
}

static struct value names(const char *first, const char *second, const char *third)
{
	struct value list = list_new(3);

	list_push(&list, value_string(first));
	list_push(&list, value_string(second));
	list_push(&list, value_string(third));
	return list;
}

#define ENV(name, ...) row_run(driver, &env_table, name, ARGS(__VA_ARGS__))

static void test_environment(void **state)
{
	(void)state;
	setenv("RUNPLAN_T_SET", "a value", 1);
	setenv("RUNPLAN_T_EMPTY", "", 1);
	unsetenv("RUNPLAN_T_NONE");
	assert_answer(ENV("env.get", S("name", "RUNPLAN_T_SET")), "\"a value\"");
	assert_answer(ENV("env.get", S("name", "RUNPLAN_T_NONE")), "null");
	assert_answer(ENV("env.get", S("name", "RUNPLAN_T_EMPTY"), S("default", "d")), "\"d\"");
	assert_answer(ENV("env.get", {"name", value_string_n("RUNPLAN_T_SET\0x", 15)}), "null");
	assert_message(ENV("env.get", S("name", "")), OUTCOME_FAILED,
		       "env.get: a variable's name must be a string that is not empty");
	assert_answer(ENV("env.has", S("name", "RUNPLAN_T_SET")), "true");
	assert_answer(ENV("env.has", S("name", "RUNPLAN_T_EMPTY")), "false");
	assert_answer(
	    ENV("env.missing", {"names", names("RUNPLAN_T_NONE", "RUNPLAN_T_SET", "RUNPLAN_T_EMPTY")}),
	    "[\"RUNPLAN_T_NONE\",\"RUNPLAN_T_EMPTY\"]");
	assert_message(ENV("env.missing", {"names", value_string("X")}), OUTCOME_FAILED,
		       "env.missing: a list of names is wanted");
}

#define SECRET(name, ...) row_run(driver, &secret_table, name, ARGS(__VA_ARGS__))

static void assert_secret(struct outcome outcome, const char *expected)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	assert_true(outcome.value.flags & VALUE_SECRET);
	assert_string_equal(value_text_peek(outcome.value), expected);
	outcome_release(&outcome);
}

static void put(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), length);
	close(fd);
}

static void test_secret_sources(void **state)
{
	char path[100], message[300];

	(void)state;
	setenv("RUNPLAN_T_SECRET", "hunter2-hunter2", 1);
	assert_secret(SECRET("secret.env", S("name", "RUNPLAN_T_SECRET")), "hunter2-hunter2");
	setenv("RUNPLAN_T_SECRET", "hunter2", 1);
	assert_message(SECRET("secret.env", S("name", "RUNPLAN_T_SECRET")), OUTCOME_FAILED,
		       "the secret of the environment variable RUNPLAN_T_SECRET has fewer than 8 bytes: such "
		       "a one is guessed, "
		       "and cannot be kept out of what is shown");
	setenv("RUNPLAN_T_SECRET", "", 1);
	assert_message(SECRET("secret.env", S("name", "RUNPLAN_T_SECRET")), OUTCOME_FAILED,
		       "the secret of the environment variable RUNPLAN_T_SECRET is empty");
	unsetenv("RUNPLAN_T_SECRET");
	assert_message(SECRET("secret.env", S("name", "RUNPLAN_T_SECRET")), OUTCOME_FAILED,
		       "the environment variable RUNPLAN_T_SECRET is not set: export it with the secret");

	snprintf(path, sizeof(path), "%s/password", home);
	put(path, "hunter2\nline\n\n", 14);
	assert_secret(SECRET("secret.file", S("path", path)), "hunter2\nline\n"); /* one newline, not all */
	put(path, "hunter2-crlf\r\n", 14);
	assert_secret(SECRET("secret.file", S("path", path)), "hunter2-crlf");
	put(path, "hunter2\n", 8);
	snprintf(message, sizeof(message),
		 "the secret of the file %s has fewer than 8 bytes: such a one is guessed, and cannot be "
		 "kept out of what is "
		 "shown",
		 path);
	assert_message(SECRET("secret.file", S("path", path)), OUTCOME_FAILED, message);
	put(path, "hunter2\0hunter2", 15);
	snprintf(message, sizeof(message), "the secret of the file %s holds a NUL byte", path);
	assert_message(SECRET("secret.file", S("path", path)), OUTCOME_FAILED, message);
	assert_message(SECRET("secret.file", S("path", "/no/such/password")), OUTCOME_FAILED,
		       "cannot read /no/such/password: No such file or directory; the secret belongs there");

	unsetenv("CREDENTIALS_DIRECTORY");
	assert_message(SECRET("secret.credential", S("name", "password")), OUTCOME_FAILED,
		       "there is no credential password, as CREDENTIALS_DIRECTORY is not set: have the "
		       "service manager hand it over (LoadCredential=)");
	setenv("CREDENTIALS_DIRECTORY", home, 1);
	put(path, "hunter2-credential", 18);
	assert_secret(SECRET("secret.credential", S("name", "password")), "hunter2-credential");
	assert_message(SECRET("secret.credential", S("name", "../etc/shadow")), OUTCOME_FAILED,
		       "a credential's name holds no / and does not begin with a dot");
}

static void test_people(void **state)
{
	struct driver *alone = live_new(NULL);
	struct delivery delivery;

	(void)state;
	person_says = "green";
	assert_answer(row_run(driver, &operator_table, "operator.ask",
			      ARGS(S("question", "Which?"), {"choices", names("blue", "green", "red")})),
		      "\"green\"");
	assert_string_equal(asked.kind, "ask");
	assert_false(asked.secret);
	assert_message(row_run(driver, &operator_table, "operator.ask",
			       ARGS(S("question", "?"), {"choices", list_new(0)})),
		       OUTCOME_FAILED, "operator.ask: `choices` must be a list that is not empty");
	assert_answer(row_run(driver, &operator_table, "operator.confirm",
			      ARGS(S("question", "Sure?"), S("typing", "YES"))),
		      "true");
	assert_string_equal(asked.kind, "confirm");
	assert_answer(row_run(driver, &operator_table, "operator.manual", ARGS(S("text", "Reviewed"))),
		      "true");
	assert_string_equal(asked.kind, "manual");
	assert_null(asked.typing);
	person_says = NULL;
	assert_message(row_run(driver, &operator_table, "operator.manual", ARGS(S("text", "Reviewed"))),
		       OUTCOME_REFUSED, "no");
	person_says = "a typed secret";
	row_start(driver, &secret_table, "secret.prompt", "call", ARGS(S("question", "Password")));
	struct outcome outcome = row_wait(driver);
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_true(asked.secret);
	outcome_release(&outcome);

	/* Whom nobody waits for any more is told. */
	person_says = "...";
	row_start(driver, &operator_table, "operator.manual", "call", ARGS(S("text", "Later")));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 10000000, &delivery));
	assert_int_equal(delivery.kind, DELIVERY_TIME);
	driver->ops->cancel(driver, "call");
	assert_message(row_wait(driver), OUTCOME_UNKNOWN, "withdrawn");
	assert_non_null(withdrawn);

	assert_answer(row_run(driver, &operator_table, "operator.name", ARGS()), "\"ada\"");
	assert_message(row_run(alone, &operator_table, "operator.name", ARGS()), OUTCOME_FAILED,
		       "operator.name: nobody said who runs this plan");
	assert_message(row_run(alone, &operator_table, "operator.confirm", ARGS(S("question", "Sure?"))),
		       OUTCOME_REFUSED, "nobody is there to answer: Sure?");
	assert_message(row_run(alone, &secret_table, "secret.prompt", ARGS(S("question", "Password"))),
		       OUTCOME_REFUSED,
		       "a secret is wanted from the operator, and nobody is there to type it");
	alone->ops->free(alone);
}

static struct outcome lock(struct driver *of, const char *name)
{
	return row_run(of, &lock_table, "lock.take", ARGS(S("name", name)));
}

static void test_lock(void **state)
{
	static struct live_options options = {.operator_name = "eve"};
	struct driver *second;
	struct outcome outcome;
	char expected[120];

	(void)state;
	options.state_directory = home;
	second = live_new(&options);
	assert_answer(lock(driver, "the bot/../x"), "null");
	assert_answer(lock(driver, "the bot/../x"), "null"); /* a child plan under the same lock */
	assert_answer(lock(second, "another"), "null");
	outcome = lock(second, "the bot/../x");
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	snprintf(expected, sizeof(expected), "the lock \"the bot/../x\" is held by process %ld on ",
		 (long)getpid());
	if (strncmp(value_text_peek(outcome.message), expected, strlen(expected)) != 0 ||
	    !strstr(value_text_peek(outcome.message), "started by ada"))
		fail_msg("%s", value_text_peek(outcome.message));
	outcome_release(&outcome);

	/* It ends with the run; the file that stays means nothing. */
	second->ops->free(second);
	assert_answer(lock(driver, "another"), "null");
	assert_message(lock(driver, ""), OUTCOME_FAILED, "a lock's name must be a string that is not empty");
	second = live_new(NULL);
	assert_message(lock(second, "x"), OUTCOME_FAILED,
		       "there is no directory of runplan's own in which the lock could stand");
	second->ops->free(second);
}

/* It is another program still; zombies are not. */
static bool lives(int pid)
{
	char path[40], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%*d %*s %c", &state) != 1)
		state = 'X';
	if (file)
		fclose(file);
	return state != 'X' && state != 'Z';
}

static bool is_free(const char *name)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[200];
	int fd;

	snprintf(path, sizeof(path), "%s/locks/%s.lock", home, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_OFD_GETLK, &whole), 0);
	close(fd);
	return whole.l_type == F_UNLCK;
}

/*
 * A process that held the lock is killed, while a command that it started does not listen to TERM: the lock
 * is free at once, and whoever takes it then begins when the command is gone.
 */
static void test_lock_ends_with_its_process(void **state)
{
	struct live_options options = {.state_directory = home, .operator_name = "mallory"};
	int ready[2], status, fd;
	char pid_file[100], script[400], pid[24] = "";
	char byte;
	pid_t child;

	(void)state;
	snprintf(pid_file, sizeof(pid_file), "%s/pid", home);
	snprintf(script, sizeof(script),
		 "trap '' TERM; echo $$ >%s.part && mv %s.part %s; while :; do sleep 0.1; done", pid_file,
		 pid_file, pid_file);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct driver *other = live_new(&options);
		struct outcome outcome = lock(other, "killed");
		struct value command = list_new(3);

		list_push(&command, value_string("/bin/sh"));
		list_push(&command, value_string("-c"));
		list_push(&command, value_string(script));
		row_start(other, &exec_table, "exec", "sleep", ARGS({"command", command}));
		byte = outcome.kind == OUTCOME_OK ? 'y' : 'n';
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	struct outcome held = lock(driver, "killed");
	assert_int_equal(held.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(held.message), "started by mallory"));
	outcome_release(&held);
	while ((fd = open(pid_file, O_RDONLY)) < 0)
		usleep(10000);
	assert_true(read(fd, pid, sizeof(pid) - 1) > 0);
	close(fd);
	assert_true(lives(atoi(pid)));
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(is_free("killed"));
	assert_answer(lock(driver, "killed"), "null");
	assert_false(lives(atoi(pid)));
	close(ready[0]);
	close(ready[1]);
}

static void test_clock(void **state)
{
	struct live_options options = {.start_wall = INT64_C(1769860800000000000)};
	struct driver *then = live_new(&options);
	struct outcome outcome = row_run(driver, &time_table, "time.now", ARGS());
	int64_t now = (int64_t)time(NULL) * INT64_C(1000000000), age;

	(void)state;
	assert_int_equal(outcome.value.tag, VALUE_TIME);
	assert_true(llabs(outcome.value.i - now) < 5 * INT64_C(1000000000));
	outcome = row_run(driver, &time_table, "time.since",
			  ARGS({"then", value_time(now - 3600 * INT64_C(1000000000))}));
	assert_int_equal(outcome.value.tag, VALUE_DURATION);
	age = outcome.value.i / INT64_C(1000000000);
	assert_true(age >= 3600 && age < 3605);
	assert_message(row_run(driver, &time_table, "time.since", ARGS({"then", value_int(5)})),
		       OUTCOME_FAILED, "time.since: a time is wanted, not int");
	outcome = row_run(then, &time_table, "time.stamp", ARGS());
	assert_int_equal(strncmp(value_text_peek(outcome.value), "20260131T1200", 13), 0);
	assert_int_equal(value_length(outcome.value), 16);
	assert_int_equal(value_text_peek(outcome.value)[15], 'Z');
	outcome_release(&outcome);
	then->ops->free(then);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_environment),
	    cmocka_unit_test(test_secret_sources),
	    cmocka_unit_test(test_people),
	    cmocka_unit_test(test_lock),
	    cmocka_unit_test(test_lock_ends_with_its_process),
	    cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, open_home, close_home);
}
