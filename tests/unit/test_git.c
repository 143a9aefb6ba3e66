/* test_git.c - git.* against real repositories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#pragma GCC diagnostic ignored "-Wunused-function" /* of its helpers only some are used here */
#include "tests/unit/call_row.h"

static struct driver *driver;
static char home[] = "/tmp/runplan-git-XXXXXX";

#define RUN(name, ...) row_run(driver, &git_table, name, ARGS(__VA_ARGS__))
#define S(name, text)                                                                                        \
	{                                                                                                    \
		name, value_string(text)                                                                     \
	}

static void shell(const char *script)
{
	int status;

	if (fork() == 0)
		execl("/bin/sh", "sh", "-ec", script, (char *)NULL);
	wait(&status);
	if (status != 0)
		fail_msg("%s", script);
}

static int open_home(void **state)
{
	(void)state;
	driver = live_new(NULL);
	if (!driver || !mkdtemp(home) || chdir(home) != 0)
		return -1;
	setenv("HOME", home, 1);
	setenv("GIT_CONFIG_NOSYSTEM", "1", 1);
	shell("git config --global user.name 'Ada \"L\" <x>' && git config --global user.email "
	      "ada@example.org\n"
	      "git config --global init.defaultBranch main && git config --global advice.detachedHead false\n"
	      "git init -q repo && cd repo\n"
	      "export GIT_COMMITTER_DATE='1769860800 +0100' GIT_AUTHOR_DATE='1769860800 +0100'\n"
	      "echo one >file; git add .; git commit -q -m 'first'; git tag v1\n"
	      "echo two >>file; git add .; git commit -q -m 'a \"subject\" with\ttab; $(x)'; git tag -m "
	      "annotated v2\n"
	      "echo three >>file; git add .; git commit -q -m 'third\n\nbody'\n"
	      "git branch other v1");
	return 0;
}

static int close_home(void **state)
{
	(void)state;
	driver->ops->free(driver);
	if (chdir("/") != 0)
		return -1;
	if (fork() == 0)
		execlp("rm", "rm", "-rf", home, (char *)NULL);
	wait(NULL);
	return 0;
}

static void assert_failed(struct outcome outcome, const char *message)
{
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(value_text_peek(outcome.message), message);
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

/* The first line that a command prints. */
static const char *line_of(const char *command)
{
	static char line[200];
	int out[2], status;
	ssize_t got;
	pid_t child;

	assert_int_equal(pipe(out), 0);
	child = fork();
	if (child == 0) {
		dup2(out[1], 1);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	got = read(out[0], line, sizeof(line) - 1);
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	close(out[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return line;
}

static void assert_line(struct outcome outcome, const char *command)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	assert_string_equal(value_text_peek(outcome.value), line_of(command));
	outcome_release(&outcome);
}

static void test_looking(void **state)
{
	(void)state;
	assert_line(RUN("git.describe", S("directory", "repo")), "git -C repo describe --tags");
	assert_line(RUN("git.describe", S("directory", "repo"), S("match", "v1")),
		    "git -C repo describe --tags --match=v1");
	assert_line(RUN("git.head", S("directory", "repo")), "git -C repo rev-parse HEAD");
	assert_answer(RUN("git.branch", S("directory", "repo")), "\"main\"");
	assert_answer(RUN("git.status", S("directory", "repo")), "{\"clean\":true,\"changes\":[]}");
	shell("cd repo; echo x >>file; echo y >'new \"file'; git mv -f file moved 2>/dev/null");
	assert_answer(RUN("git.status", S("directory", "repo")),
		      "{\"clean\":false,\"changes\":[{\"status\":\"RM\",\"path\":\"moved\"},"
		      "{\"status\":\"??\",\"path\":\"new \\\"file\"}]}");
	assert_int_equal(strlen(strstr(line_of("git -C repo describe --tags --dirty"), "-dirty")), 6);
	assert_line(RUN("git.describe", S("directory", "repo")), "git -C repo describe --tags --dirty");
	shell("cd repo; git reset -q --hard; rm -f 'new \"file' moved; git checkout -q -- file");
	assert_answer(RUN("git.status", S("directory", "repo")), "{\"clean\":true,\"changes\":[]}");
}

static void test_log(void **state)
{
	struct outcome outcome = RUN("git.log", S("from", "v1"), S("directory", "repo"));
	struct value commit;

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 2);
	commit = list_peek(outcome.value, 0);
	assert_string_equal(value_text_peek(record_peek(commit, "subject")), "third");
	assert_string_equal(value_text_peek(record_peek(commit, "commit")),
			    line_of("git -C repo rev-parse HEAD"));
	commit = list_peek(outcome.value, 1);
	assert_string_equal(value_text_peek(record_peek(commit, "subject")), "a \"subject\" with\ttab; $(x)");
	assert_string_equal(value_text_peek(record_peek(commit, "author")),
			    line_of("git -C repo log -1 --format=%an v2"));
	assert_int_equal(record_peek(commit, "time").tag, VALUE_TIME);
	assert_int_equal(record_peek(commit, "time").i, INT64_C(1769860800000000000));
	outcome_release(&outcome);
	outcome = RUN("git.log", S("to", "v2"), S("directory", "repo"), {"max", value_int(1)});
	assert_int_equal(value_length(outcome.value), 1);
	outcome_release(&outcome);
	assert_answer(RUN("git.log", S("from", "HEAD"), S("to", "v1"), S("directory", "repo")), "[]");
	assert_failed(RUN("git.log", S("from", "nothere"), S("directory", "repo")),
		      "git.log: bad revision '^nothere'");
	assert_failed(RUN("git.log", S("directory", "repo"), {"max", value_int(0)}),
		      "git.log: `max` must be between 1 and 100000");
}

/* What a plan hands over is never an option: each of these would do harm, or answer something else. */
static void test_hostile_arguments(void **state)
{
	struct outcome outcome;

	(void)state;
	assert_failed(RUN("git.log", S("from", "--output=pwned"), S("directory", "repo")),
		      "git.log: `from` begins with a dash");
	assert_failed(RUN("git.log", S("to", "--output=pwned"), S("directory", "repo")),
		      "git.log: `to` begins with a dash");
	assert_failed(RUN("git.checkout", S("ref", "-f"), S("directory", "repo")),
		      "git.checkout: `ref` begins with a dash");
	assert_failed(RUN("git.fetch", S("remote", "--upload-pack=touch pwned"), S("directory", "repo")),
		      "git.fetch: `remote` begins with a dash");
	assert_failed(
	    RUN("git.fetch", S("remote", "."), S("ref", "--upload-pack=touch pwned"), S("directory", "repo")),
	    "git.fetch: `ref` begins with a dash");
	assert_failed(RUN("git.tag", S("name", "-d"), S("ref", "v1"), S("directory", "repo")),
		      "git.tag: `name` begins with a dash");
	assert_failed(RUN("git.untag", S("name", "-l"), S("directory", "repo")),
		      "git.untag: `name` begins with a dash");
	assert_failed(RUN("git.checkout", S("ref", ""), S("directory", "repo")),
		      "git.checkout: `ref` is empty");
	assert_failed(RUN("git.head", {"directory", value_string_n("a\0b", 3)}),
		      "git.head: `directory` holds a NUL byte");
	outcome = RUN("git.fetch", S("remote", "ext::sh -c touch% pwned"), S("directory", "repo"));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	outcome_release(&outcome);
	outcome = RUN("git.apply", S("patch", "--version"), S("directory", "repo"));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	outcome_release(&outcome);
	assert_failed(RUN("git.head", S("directory", "-c")),
		      "git.head: cannot change to '-c': No such file or directory");
	assert_line(RUN("git.describe", S("directory", "repo"), S("match", "--help")),
		    "git -C repo rev-parse --short HEAD");
	/* A path with a file's name isn't a ref: its changes must not be thrown away. */
	shell("cd repo; echo precious >>file");
	outcome = RUN("git.checkout", S("ref", "file"), S("directory", "repo"));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	outcome_release(&outcome);
	assert_string_equal(line_of("tail -n 1 repo/file"), "precious");
	shell("cd repo; git checkout -q -- file; test ! -e pwned; cd ..; test ! -e pwned");
}

static void test_failures(void **state)
{
	char *path = strdup(getenv("PATH"));

	(void)state;
	shell("mkdir -p plain; mkdir -p fresh; git init -q fresh");
	assert_failed(RUN("git.head", S("directory", "plain")),
		      "git.head: not a git repository (or any of the parent directories): .git");
	assert_failed(RUN("git.head", S("directory", "fresh")), "git.head: Needed a single revision");
	assert_failed(RUN("git.checkout", S("ref", "nothere"), S("directory", "repo")),
		      "git.checkout: invalid reference: nothere");
	setenv("PATH", "/nowhere", 1);
	assert_failed(RUN("git.head", S("directory", "repo")), "git.head: no such program: git");
	setenv("PATH", path, 1);
	free(path);
}

/* What settles a call that was cut off: "true", "false" or "null". */
static void assert_settled(const char *name, const struct row_arg *args, const char *expected)
{
	struct row_call call = row_request(&git_table, name, "call", args);

	call.request.args = call.args;
	driver->ops->settle(driver, &call.request, value_null());
	assert_answer(row_wait(driver), expected);
	row_call_drop(&call);
}

static void test_checkout(void **state)
{
	(void)state;
#define CHECKOUT(ref) ARGS(S("ref", ref), S("directory", "repo"))
	assert_answer(row_run(driver, &git_table, "git.checkout", CHECKOUT("v1")), "null");
	assert_string_equal(line_of("git -C repo describe --tags"), "v1");
	assert_answer(RUN("git.branch", S("directory", "repo")), "null");
	assert_answer(row_run(driver, &git_table, "git.checkout", CHECKOUT("main")), "null");
	assert_answer(RUN("git.branch", S("directory", "repo")), "\"main\"");
	assert_answer(
	    RUN("git.checkout", S("ref", "other"), S("directory", "repo"), {"detach", value_bool(true)}),
	    "null");
	assert_answer(RUN("git.branch", S("directory", "repo")), "null");
	assert_answer(row_run(driver, &git_table, "git.checkout", CHECKOUT("main")), "null");
	shell("cd repo; echo changed >file");
	struct outcome outcome = row_run(driver, &git_table, "git.checkout", CHECKOUT("v1"));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_string_equal(
	    value_text_peek(outcome.message),
	    "git.checkout: Your local changes to the following files would be overwritten by checkout:");
	assert_non_null(strstr(value_text_peek(record_peek(outcome.value, "stderr")), "file"));
	outcome_release(&outcome);
	shell("cd repo; git checkout -q -- file");
}

static void test_fetch(void **state)
{
	(void)state;
	shell("rm -rf clone; git clone -q repo clone; cd repo; git tag v3 v1");
	assert_answer(RUN("git.fetch", S("directory", "clone"), {"tags", value_bool(true)}), "null");
	assert_string_equal(line_of("git -C clone tag -l v3"), "v3");
	assert_answer(RUN("git.fetch", S("directory", "clone"), S("ref", "other")), "null");
	assert_failed(RUN("git.fetch", S("remote", "nothere"), S("directory", "clone")),
		      "git.fetch: 'nothere' does not appear to be a git repository");
	shell("cd repo; git tag -d v3 >/dev/null");
}

static void test_apply(void **state)
{
	(void)state;
#define PATCH ARGS(S("patch", "../change.patch"), S("directory", "repo"))
	shell("cd repo; echo four >>file; git diff >../change.patch; git checkout -q -- file");
	assert_settled("git.apply", PATCH, "false");
	assert_answer(row_run(driver, &git_table, "git.apply", PATCH), "null");
	assert_string_equal(line_of("tail -n 1 repo/file"), "four");
	assert_settled("git.apply", PATCH, "true");
	assert_failed(row_run(driver, &git_table, "git.apply", PATCH), "git.apply: patch failed: file:1");
	assert_answer(RUN("git.apply", S("patch", "../change.patch"), S("directory", "repo"),
			  {"reverse", value_bool(true)}),
		      "null");
	assert_string_equal(line_of("tail -n 1 repo/file"), "three");
	shell("cd repo; echo other >file");
	assert_settled("git.apply", PATCH, "null");
	shell("cd repo; git checkout -q -- file");
}

static void test_tag(void **state)
{
	(void)state;
#define TAG ARGS(S("name", "deployed"), S("ref", "v1"), S("directory", "repo"))
	assert_settled("git.tag", TAG, "false");
	assert_answer(row_run(driver, &git_table, "git.tag", TAG), "null");
	assert_settled("git.tag", TAG, "true");
	assert_settled("git.tag", ARGS(S("name", "deployed"), S("ref", "v2"), S("directory", "repo")),
		       "null");
	assert_failed(row_run(driver, &git_table, "git.tag", TAG), "git.tag: tag 'deployed' already exists");
	assert_answer(RUN("git.untag", S("name", "deployed"), S("directory", "repo")), "true");
	assert_answer(RUN("git.untag", S("name", "deployed"), S("directory", "repo")), "false");
	assert_answer(
	    RUN("git.tag", S("name", "signed-off"), S("message", "--force; $(x)"), S("directory", "repo")),
	    "null");
	assert_string_equal(line_of("git -C repo tag -l --format='%(contents)' signed-off"), "--force; $(x)");
	assert_settled("git.tag", ARGS(S("name", "signed-off"), S("directory", "repo")), "true");
	assert_failed(RUN("git.tag", S("name", "a b"), S("directory", "repo")),
		      "git.tag: 'a b' is not a valid tag name.");
}

static void assert_described(const char *name, const struct row_arg *args, const char *expected)
{
	struct value line = row_describe(&git_table, name, args);

	assert_string_equal(value_text_peek(line), expected);
	value_release(line);
}

static void test_preview(void **state)
{
	(void)state;
	assert_described("git.fetch", ARGS(S("ref", "main"), {"tags", value_bool(true)}),
			 "git -C . fetch --quiet --tags -- origin main");
	assert_described("git.checkout", ARGS(S("ref", "v1"), S("directory", "/srv/a b")),
			 "git -C '/srv/a b' checkout --quiet --no-guess v1 --");
	assert_described("git.checkout", ARGS({"ref", value_unknown()}),
			 "git -C . checkout --quiet --no-guess '<unknown>' --");
	assert_described("git.apply", ARGS(S("patch", "x"), {"reverse", value_bool(true)}),
			 "git -C . apply --reverse -- x");
	assert_described("git.tag", ARGS(S("name", "v2"), S("message", "it's")),
			 "git -C . tag '--message=it'\\''s' -- v2 HEAD");
	assert_described("git.untag", ARGS(S("name", "v2")), "git -C . tag --delete -- v2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_looking),
	    cmocka_unit_test(test_log),
	    cmocka_unit_test(test_hostile_arguments),
	    cmocka_unit_test(test_failures),
	    cmocka_unit_test(test_checkout),
	    cmocka_unit_test(test_fetch),
	    cmocka_unit_test(test_apply),
	    cmocka_unit_test(test_tag),
	    cmocka_unit_test(test_preview),
	};

	return cmocka_run_group_tests(tests, open_home, close_home);
}
