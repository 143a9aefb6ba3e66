/*
 * test_ssh.c - exec, probe and sh on other machines, against a real sshd: hostile words, secrets, what
 * breaks, what is stopped, many hosts.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <glob.h>

#include "builtins/live.h"
#include "builtins/remote.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/processes.h"
#include "tests/unit/ssh_serve.h"

#define MS INT64_C(1000000)
#define S  (1000 * MS)

static struct driver *driver;

static int open_server(void **state)
{
	(void)state;
	directory_make("runplan-test-ssh");
	setenv("XDG_RUNTIME_DIR", directory, 1);
	return ssh_serve() ? 0 : -1;
}

static int close_server(void **state)
{
	(void)state;
	ssh_serve_end();
	directory_remove();
	return 0;
}

static int open_driver(void **state)
{
	(void)state;
	driver = live_new(NULL);
	return driver ? 0 : -1;
}

static bool runs(const char *text);

/* A run leaves no directory, no connection and no process. */
static int close_driver(void **state)
{
	glob_t left = {0};
	bool clean;

	(void)state;
	driver->ops->free(driver);
	clean = glob(in_directory("runplan-ssh.*"), 0, NULL, &left) == GLOB_NOMATCH;
	globfree(&left);
	return clean && !runs("/runplan-ssh.") ? 0 : -1;
}

/* ---- helpers ---- */

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

static struct value field(const char *key, struct value v)
{
	struct value record = record_new(1);

	record_set(&record, key, v);
	return record;
}

static struct value script(const char *text, struct value args)
{
	struct value record = record_new(2);

	record_set(&record, "text", value_string(text));
	record_set(&record, "args", args);
	return record;
}

#define ON(name)                                                                                             \
	{                                                                                                    \
		"host", value_string(name)                                                                   \
	}
#define COMMAND(...)                                                                                         \
	{                                                                                                    \
		"command", words(__VA_ARGS__, NULL)                                                          \
	}
#define RUN(name, ...) row_run(driver, &exec_table, name, ARGS(__VA_ARGS__))

static void assert_ok(struct outcome outcome, int code, const char *out, const char *err)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	assert_int_equal(record_peek(outcome.value, "code").i, code);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stdout")), out);
	assert_string_equal(value_text_peek(record_peek(outcome.value, "stderr")), err);
	assert_false(value_truthy(record_peek(outcome.value, "truncated")));
	outcome_release(&outcome);
}

static void assert_failed(struct outcome outcome, const char *message)
{
	assert_string_equal(value_text_peek(outcome.message), message);
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	outcome_release(&outcome);
}

static void assert_says(struct outcome outcome, enum outcome_kind kind, const char *part)
{
	if (outcome.kind != kind || strstr(value_text_peek(outcome.message), part) == NULL)
		fail_msg("%d: %s", outcome.kind, value_text_peek(outcome.message));
	outcome_release(&outcome);
}

/*
 * A process of this test that has the text in its arguments (or, with `environ`, in its environment); 0:
 * there is none. What the test starts has its folder in the environment: here as XDG_RUNTIME_DIR, there as
 * HOME.
 */
static int process_with(const char *file, const char *text)
{
	return process_find(directory, file, text, strlen(text));
}

/* Kills what of this test sleeps so long. */
static void kill_sleepers(const char *seconds)
{
	int pid;

	while ((pid = process_with("cmdline", seconds)) != 0)
		kill(pid, SIGKILL);
}

static bool runs(const char *text)
{
	return process_with("cmdline", text) != 0;
}

/* Turns the driver until a process with this among its arguments runs. */
static void wait_for(const char *text)
{
	struct delivery delivery;
	int tries;

	for (tries = 0; tries < 1000 && !runs(text); tries++) {
		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 20 * MS, &delivery));
		assert_int_equal(delivery.kind, DELIVERY_TIME);
	}
	assert_true(runs(text));
}

/* ---- tests ---- */

static void test_output_and_codes(void **state)
{
	struct outcome outcome;

	(void)state;
	assert_ok(RUN("exec", COMMAND("true"), ON("web1")), 0, "", "");
	assert_ok(RUN("exec", COMMAND("/bin/sh", "-c", "printf out; printf err >&2"), ON("web1")), 0, "out",
		  "err");
	for (int code = 1; code < 256; code += code < 4 || code > 250 ? 1 : 41) {
		char text[24];

		snprintf(text, sizeof text, "exit %d", code);
		assert_ok(RUN("probe", COMMAND("sh", "-c", text), ON("web1"), {"ok", value_int(code)}), code,
			  "", "");
	}
	assert_failed(RUN("exec", COMMAND("sh", "-c", "echo no >&2; exit 255"), ON("web1")),
		      "exec: sh exited with 255: no");
	assert_failed(RUN("exec", COMMAND("sh", "-c", "kill -9 $$"), ON("web1")), "exec: sh exited with 137");
	assert_failed(RUN("exec", COMMAND("no-such"), ON("web1")), "exec: no such program on web1: no-such");
	assert_failed(RUN("exec", COMMAND("/etc/passwd"), ON("web1")),
		      "exec: not an executable program on web1: /etc/passwd");
	assert_failed(RUN("exec", COMMAND("true"), ON("web1"), {"directory", value_string("/no/such")}),
		      "exec: no such directory on web1: /no/such");
	assert_ok(RUN("exec", COMMAND("sh", "-c", "exit 127"), ON("web1"), {"ok", value_int(127)}), 127, "",
		  "");
	assert_ok(RUN("exec", COMMAND("pwd"), ON("web1"), {"directory", value_string("/usr/bin")}), 0,
		  "/usr/bin\n", "");
	assert_ok(RUN("sh", {"command", script("echo \"$1\"; echo $0", words("a  'b", NULL))}, ON("web1")), 0,
		  "a  'b\nsh\n", "");
	/* What it leaves behind keeps the pipes, and nobody waiting. */
	assert_ok(RUN("exec", COMMAND("sh", "-c", "sleep 611.5 & echo left"), ON("web1")), 0, "left\n", "");
	assert_true(runs("611.5"));
	kill_sleepers("611.5");
	/* More than is kept, of both at once. */
	outcome = RUN("exec", COMMAND("sh", "-c", "head -c 9000000 /dev/zero | tee /dev/stderr; exit 255"),
		      ON("web1"), {"ok", value_int(255)});
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(record_peek(outcome.value, "stdout")), LIVE_BODY_MAX);
	assert_int_equal(value_length(record_peek(outcome.value, "stderr")), LIVE_BODY_MAX);
	assert_true(value_truthy(record_peek(outcome.value, "truncated")));
	outcome_release(&outcome);
	assert_failed(RUN("exec", COMMAND("true"), ON("-oProxyCommand=x")),
		      "exec: `host` is no name of a host: \"-oProxyCommand=x\"");
	assert_failed(RUN("exec", COMMAND("true"), ON("a b")), "exec: `host` is no name of a host: \"a b\"");
	assert_failed(RUN("exec", COMMAND("true"), ON("")), "exec: `host` is no name of a host: \"\"");
	assert_says(RUN("exec", COMMAND("true"), ON("web1"), {"env", field("a b", value_string("x"))}),
		    OUTCOME_FAILED, "no shell can hold a variable with the name a b");
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

/* Any bytes but NUL, or with NULs. */
static struct value random_text(size_t most, bool nul)
{
	char bytes[3000];
	size_t length = random_next() % (most + 1);
	static const char nasty[] = "'\"\\\n\r\t $`(){}[]*?!~#&|;<>-=%\1\177\200\201\202\210\377\303\244";

	for (size_t i = 0; i < length; i++) {
		bytes[i] =
		    random_next() % 3 == 0 ? nasty[random_next() % (sizeof nasty - 1)] : (char)random_next();
		if (bytes[i] == '\0' && !nul)
			bytes[i] = 'x';
	}
	return value_string_n(bytes, length);
}

/* Words, variable, directory and input arrive byte by byte, and none of them is ever read by a shell. */
static void test_hostile_words(void **state)
{
	static const char *const hostile[] = {"",
					      " ",
					      "-n",
					      "--",
					      "$(touch hacked)",
					      "`id`",
					      "a'b\"c\\",
					      "\\",
					      "\n",
					      "a\n\nb\n",
					      "*",
					      "~",
					      "\r\n",
					      "\xc3\xa4 \xe2\x82\xac",
					      "\x81\x82\x88\xff",
					      "'; exit 1",
					      "#x",
					      "a=b",
					      "!!",
					      "%s%n"};
	const char *folder = in_directory("a 'folder\n$(x)");
	bool bytes[256] = {false};

	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	for (int round = 0; round < 12; round++) {
		struct value list = words(
		    "sh", "-c", "for a; do printf '%s\\0' \"$a\"; done; pwd; printf '%s\\0' \"$V\"; cat",
		    "sh", NULL);
		struct value variable = random_text(300, false), input = random_text(3000, true), out;
		struct buffer want = {0};
		struct outcome outcome;

		for (size_t i = 0; i < 60; i++) {
			struct value word = round == 0 && i < sizeof hostile / sizeof *hostile
						? value_string(hostile[i])
						: random_text(120, false);

			for (size_t j = 0; j < value_length(word); j++)
				bytes[(unsigned char)value_text_peek(word)[j]] = true;
			buffer_add(&want, value_text_peek(word), value_length(word) + 1);
			list_push(&list, word);
		}
		buffer_printf(&want, "%s\n", folder);
		buffer_add(&want, value_text_peek(variable), value_length(variable) + 1);
		buffer_add(&want, value_text_peek(input), value_length(input));
		outcome =
		    RUN("exec", {"command", list}, ON(round % 2 ? "web1" : "other"),
			{"directory", value_string(folder)}, {"env", field("V", variable)}, {"input", input});
		if (outcome.kind != OUTCOME_OK)
			fail_msg("%s", value_text_peek(outcome.message));
		out = record_peek(outcome.value, "stdout");
		assert_int_equal(value_length(out), want.length);
		assert_memory_equal(value_text_peek(out), want.string->bytes, want.length);
		assert_int_equal(value_length(record_peek(outcome.value, "stderr")), 0);
		outcome_release(&outcome);
		buffer_free(&want);
	}
	for (int i = 1; i < 256; i++)
		assert_true(bytes[i]);
	assert_false(file_there(in_directory("hacked")));
	assert_says(RUN("exec", {"command", words("echo", NULL)}, ON("web1"),
			{"env", field("V", value_string_n("a\0b", 3))}),
		    OUTCOME_FAILED, "holds a NUL byte");
}

static void test_quote(void **state)
{
	struct buffer line = {0};

	(void)state;
	remote_quote(&line, "");
	buffer_add_byte(&line, ' ');
	remote_quote(&line, "it's\n$x");
	assert_string_equal(buffer_text(&line), "'' 'it'\\''s\n$x'");
	buffer_free(&line);
}

/* A large input arrives whole, and one that nobody reads holds nobody up. */
static void test_large_input(void **state)
{
	size_t length = 3000000;
	char *bytes = malloc(length);
	struct value input;

	(void)state;
	memset(bytes, 'x', length);
	input = value_string_n(bytes, length);
	assert_ok(RUN("exec", COMMAND("wc", "-c"), ON("web1"), {"input", value_copy(input)}), 0, "3000000\n",
		  "");
	assert_ok(RUN("exec", COMMAND("true"), ON("web1"), {"input", input}), 0, "", "");
	assert_ok(RUN("exec", COMMAND("cat"), ON("web1")), 0, "", "");
	free(bytes);
}

static void test_secrets_are_in_no_argument(void **state)
{
	const char *secret = "open-sesame-4711";
	struct value password = value_mark(value_string(secret), VALUE_SECRET);
	struct outcome outcome;

	(void)state;
	row_start(
	    driver, &exec_table, "exec", "call",
	    ARGS(COMMAND("sh", "-c", "cat; echo \"$P\"; while [ ! -e seen ]; do sleep 0.05; done; exit 3"),
		 ON("web1"), {"env", field("P", value_copy(password))}, {"input", password},
		 {"directory", value_string(directory)}));
	wait_for("-e seen");
	assert_false(runs(secret));
	assert_true(process_with("environ", secret) != 0); /* so that the look would have found it */
	file_make(in_directory("seen"), "", 0);
	outcome = row_wait(driver);
	assert_string_equal(value_text_peek(outcome.message), "exec: sh exited with 3");
	assert_true(value_is_secret(record_peek(outcome.value, "stdout")));
	outcome_release(&outcome);
	assert_failed(RUN("exec", {"command", words("echo", NULL)}, ON("web1"),
			  {"timeout", value_duration(S)}, {"ok", value_int(3)}),
		      "exec: echo exited with 0");
}

static void test_timeout_and_cancel_leave_nothing(void **state)
{
	(void)state;
	assert_failed(RUN("exec", COMMAND("sh", "-c", "sleep 612.1 & wait"), ON("web1"),
			  {"timeout", value_duration(S)}),
		      "exec: sh did not end within 1s");
	assert_false(runs("612.1"));
	/* One that does not hear TERM, nor its child. */
	assert_failed(RUN("exec", COMMAND("sh", "-c", "trap '' TERM; sleep 612.2; echo on; sleep 612.2"),
			  ON("web1"), {"timeout", value_duration(S)}),
		      "exec: sh did not end within 1s");
	assert_false(runs("612.2"));

	row_start(driver, &exec_table, "exec", "call",
		  ARGS(COMMAND("sh", "-c", "sleep 612.3 & wait"), ON("web1")));
	wait_for("612.3");
	driver->ops->cancel(driver, "call");
	assert_says(row_wait(driver), OUTCOME_UNKNOWN, "exec: sh was stopped while it ran");
	assert_false(runs("612.3"));

	/* One that ends in its own way when it is asked to has told its outcome. */
	row_start(
	    driver, &exec_table, "exec", "call",
	    ARGS(COMMAND("sh", "-c", "trap 'echo cleaned; exit 0' TERM; sleep 612.4 & wait"), ON("web1")));
	wait_for("612.4");
	driver->ops->cancel(driver, "call");
	assert_ok(row_wait(driver), 0, "cleaned\n", "");
	assert_false(runs("612.4"));

	/* Before it began: it never does. */
	for (int i = 0; i < 20; i++) {
		char id[12];

		snprintf(id, sizeof id, "%d", i);
		row_start(driver, &exec_table, "exec", id,
			  ARGS(COMMAND("touch", in_directory("never")), ON("web7")));
		driver->ops->cancel(driver, id);
	}
	for (int i = 0; i < 20; i++)
		assert_says(row_wait(driver), OUTCOME_FAILED, "cancelled before it began on web7");
	assert_ok(RUN("exec", COMMAND("true"), ON("web7")), 0, "", "");
	assert_false(file_there(in_directory("never")));
}

/* The run ends while something runs: it is stopped there as well. */
static void test_end_of_the_run(void **state)
{
	(void)state;
	row_start(driver, &exec_table, "exec", "call",
		  ARGS(COMMAND("sh", "-c", "sleep 613.1 & wait"), ON("web1")));
	wait_for("613.1");
	driver->ops->free(driver);
	assert_false(runs("613.1"));
	driver = live_new(NULL);
}

static void test_hosts_that_fail(void **state)
{
	static const struct {
		const char *host, *message;
	} cases[] = {
	    {"down",
	     "exec: no connection to down: ssh: connect to host 127.0.0.1 port 1: Connection refused"},
	    {"refused", "exec: no connection to refused: it refuses the key: "},
	    {"unknown", "exec: no connection to unknown: its host key is not known here; compare and accept "
			"it once (ssh "
			"unknown)"},
	    {"changed",
	     "exec: no connection to changed: its host key has changed; if that is right, forget the old one "
	     "(ssh-keygen -R changed) and accept the new one (ssh changed)"},
	    {"deaf", "exec: no connection to deaf: ssh: connect to host 127.0.0.1 port "},
	    {"mute", "exec: no connection to mute: Connection timed out during banner exchange"},
	    {"few",
	     "exec: few lets one connection have too few sessions (MaxSessions of its sshd): 10 are needed"},
	};
	size_t count = sizeof cases / sizeof *cases;

	(void)state;
	for (size_t i = 0; i < count; i++)
		row_start(driver, &exec_table, "exec", cases[i].host,
			  ARGS(COMMAND("true"), ON(cases[i].host)));
	for (size_t i = 0; i < count; i++) {
		struct delivery delivery;
		size_t j = 0;

		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 30 * S, &delivery));
		assert_int_equal(delivery.kind, DELIVERY_OUTCOME);
		while (strcmp(cases[j].host, delivery.id) != 0)
			j++;
		if (delivery.outcome.kind == OUTCOME_OK)
			fail_msg("%s let us in", delivery.id);
		assert_says(delivery.outcome, OUTCOME_FAILED, cases[j].message);
		free(delivery.id);
	}
}

/* The connection breaks while programs run: nobody knows the end of a change. The next call makes a new one.
 */
static void test_lost_connection(void **state)
{
	char line[100];

	(void)state;
	for (int i = 0; i < 2; i++) {
		row_start(driver, &exec_table, i == 0 ? "exec" : "probe", "call",
			  ARGS(COMMAND("sleep", "614.1"), ON("web1")));
		wait_for("614.1");
		/* The server's side of the master's connection is the grandparent of all that runs there. */
		snprintf(line, sizeof line, "kill -KILL $(ps -o ppid= -p $(ps -o ppid= -p %d))",
			 process_with("cmdline", "614.1"));
		assert_true(servers_shell("/", line));
		assert_says(row_wait(driver), i == 0 ? OUTCOME_UNKNOWN : OUTCOME_FAILED,
			    "the connection to web1 was lost while sleep ran");
		kill_sleepers("614.1");
		assert_ok(RUN("exec", COMMAND("echo", "again"), ON("web1")), 0, "again\n", "");
	}
}

static void test_one_connection_a_host(void **state)
{
	int before = ssh_accepted();

	(void)state;
	for (int i = 0; i < 60; i++) {
		char id[12];

		snprintf(id, sizeof id, "%d", i);
		row_start(driver, &exec_table, "probe", id, ARGS(COMMAND("echo", id), ON("web1")));
	}
	for (int i = 0; i < 60; i++) {
		struct delivery delivery;

		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 60 * S, &delivery));
		assert_int_equal(delivery.kind, DELIVERY_OUTCOME);
		assert_int_equal(delivery.outcome.kind, OUTCOME_OK);
		assert_int_equal(atoi(value_text_peek(record_peek(delivery.outcome.value, "stdout"))),
				 atoi(delivery.id));
		outcome_release(&delivery.outcome);
		free(delivery.id);
	}
	assert_int_equal(ssh_accepted() - before, 1);
}

static void test_200_hosts(void **state)
{
	int before = ssh_accepted();

	(void)state;
	for (int i = 0; i < 400; i++) {
		char id[12], host[12];

		snprintf(id, sizeof id, "%d", i);
		snprintf(host, sizeof host, "web%d", i % 200);
		row_start(driver, &exec_table, "probe", id, ARGS(COMMAND("echo", id), ON(host)));
	}
	for (int i = 0; i < 400; i++) {
		struct delivery delivery;

		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 120 * S, &delivery));
		assert_int_equal(delivery.kind, DELIVERY_OUTCOME);
		if (delivery.outcome.kind != OUTCOME_OK)
			fail_msg("%s", value_text_peek(delivery.outcome.message));
		assert_int_equal(atoi(value_text_peek(record_peek(delivery.outcome.value, "stdout"))),
				 atoi(delivery.id));
		outcome_release(&delivery.outcome);
		free(delivery.id);
	}
	assert_int_equal(ssh_accepted() - before, 200);
	assert_in_range(memory_peak(), 1, 200);
}

/* ---- files ---- */

#define FILE_ON(name, ...)   row_run(driver, &file_table, name, ARGS(__VA_ARGS__, ON("web1")))
#define FILE_HERE(name, ...) row_run(driver, &file_table, name, ARGS(__VA_ARGS__))
#define PATH(path)                                                                                           \
	{                                                                                                    \
		"path", value_string(path)                                                                   \
	}

static struct value value_of(struct outcome outcome)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	return outcome.value;
}

/* The same call there and here has the same answer. */
#define ASSERT_SAME(name, ...)                                                                               \
	do {                                                                                                 \
		struct value there_ = value_of(FILE_ON(name, __VA_ARGS__)),                                  \
			     here_ = value_of(FILE_HERE(name, __VA_ARGS__));                                 \
                                                                                                             \
		assert_true(value_equal(there_, here_));                                                     \
		value_release(there_);                                                                       \
		value_release(here_);                                                                        \
	} while (0)

static void put(const char *path, struct value text, const char *mode)
{
	value_release(value_of(FILE_ON("file.write", PATH(path), {"text", text},
				       {"mode", mode != NULL ? value_string(mode) : value_null()})));
}

static void assert_content(const char *path, struct value text)
{
	struct value there = value_of(FILE_ON("file.read", PATH(path))),
		     here = value_of(FILE_HERE("file.read", PATH(path)));

	assert_true(value_equal(there, text));
	assert_true(value_equal(here, text));
	value_release(there);
	value_release(here);
	value_release(text);
}

static void assert_mode(const char *path, const char *mode)
{
	struct value there = value_of(FILE_ON("file.mode", PATH(path)));

	assert_string_equal(value_text_peek(there), mode);
	value_release(there);
	ASSERT_SAME("file.mode", PATH(path));
}

#define APPEND_ON(path_, text_) ARGS(PATH(path_), {"text", value_string(text_)}, ON("web1"))
#define SETTLE_ON(path_, text_, note_)                                                                       \
	row_settle(driver, &file_table, "file.append", APPEND_ON(path_, text_), note_)

static void assert_bool(struct outcome outcome, bool expected)
{
	struct value v = value_of(outcome);

	assert_int_equal(v.tag, VALUE_BOOL);
	assert_int_equal(v.b, expected);
}

/* Of an append to the file that holds "one\ntwo". */
static void append_settles(const char *path)
{
	struct value note;

	row_start(driver, &file_table, "file.append", "call", APPEND_ON(path, "three"));
	value_release(value_of(row_wait_noted(driver, &note)));
	assert_bool(SETTLE_ON(path, "three", note), true);
	assert_bool(SETTLE_ON(path, "three", value_null()), false);
	assert_says(SETTLE_ON(path, "tree", note), OUTCOME_UNKNOWN, "has grown since it had 7 bytes");
	put(path, value_string("one\ntwo"), NULL); /* by another file in its place */
	assert_says(SETTLE_ON(path, "three", note), OUTCOME_UNKNOWN, "is not the file any more");
	value_release(note);
	row_start(driver, &file_table, "file.append", "call", APPEND_ON(path, "three"));
	value_release(value_of(row_wait_noted(driver, &note)));
	assert_int_equal(truncate(path, 7), 0);
	assert_bool(SETTLE_ON(path, "three", note), false);
	assert_int_equal(unlink(path), 0);
	assert_says(SETTLE_ON(path, "three", note), OUTCOME_UNKNOWN, "is not the file any more");
	value_release(note);
	put(path, value_string("one\ntwo"), "0604");
}

static void test_files(void **state)
{
	char folder[200], path[220], other[220], link[220];
	struct value text = random_text(3000, true);

	(void)state;
	snprintf(folder, sizeof folder, "%s", in_directory("-f 'o\"l$(d)\n er/deep"));
	snprintf(path, sizeof path, "%s/*a b", folder);
	snprintf(other, sizeof other, "%s/.hidden", folder);
	snprintf(link, sizeof link, "%s/link", folder);
	value_release(value_of(FILE_ON("file.mkdir", PATH(folder), {"mode", value_string("0750")})));
	value_release(value_of(FILE_ON("file.mkdir", PATH(folder), {"mode", value_string("0700")})));
	assert_mode(folder, "0750");
	ASSERT_SAME("file.list", PATH(folder));
	ASSERT_SAME("file.newest", {"pattern", value_string(folder)});
	ASSERT_SAME("file.exists", PATH(path));
	put(path, value_copy(text), NULL);
	ASSERT_SAME("file.exists", PATH(path));
	assert_mode(path, "0644");
	assert_content(path, text);
	put(path, value_string("short\n"), "0604");
	assert_mode(path, "0604");
	put(path, value_string(""), NULL);
	assert_mode(path, "0604");
	assert_content(path, value_string(""));
	put(other, value_mark(value_string("a secret"), VALUE_SECRET), NULL);
	assert_mode(other, "0600");
	value_release(value_of(FILE_ON("file.append", PATH(path), {"text", value_string("one\n")})));
	value_release(value_of(FILE_ON("file.append", PATH(path), {"text", value_string("two")})));
	assert_content(path, value_string("one\ntwo"));
	assert_mode(path, "0604");
	append_settles(path);
	ASSERT_SAME("file.size", PATH(path));
	ASSERT_SAME("file.sha256", PATH(path));
	ASSERT_SAME("file.modified", PATH(path));
	ASSERT_SAME("file.list", PATH(folder));
	ASSERT_SAME("file.newest", {"pattern", value_string(folder)});
	assert_int_equal(symlink("*a b", link), 0);
	put(link, value_string("through"), NULL);
	assert_content(path, value_string("through"));
	value_release(
	    value_of(FILE_ON("file.copy", {"from", value_string(path)}, {"to", value_string(other)})));
	assert_content(other, value_string("through"));
	assert_mode(other, "0604");
	for (int i = 0; i < 2; i++) {
		struct value there = value_of(FILE_ON("file.remove", PATH(link)));

		assert_int_equal(there.b, i == 0);
	}
	assert_content(path, value_string("through"));

	assert_says(FILE_ON("file.remove", PATH(folder)), OUTCOME_FAILED, "Directory not empty");
	assert_says(FILE_ON("file.read", PATH("/no/such")), OUTCOME_FAILED, "file.read: on web1: ");
	assert_says(FILE_ON("file.read", PATH("/no/such")), OUTCOME_FAILED, "No such file or directory");
	assert_says(FILE_ON("file.read", PATH(folder)), OUTCOME_FAILED, "Is a directory");
	assert_says(FILE_ON("file.read", PATH("/dev/null")), OUTCOME_FAILED, "it is no regular file");
	assert_says(FILE_ON("file.read", PATH(path), {"max", value_size(3)}), OUTCOME_FAILED,
		    "larger than `max`");
	assert_says(FILE_ON("file.write", PATH("/no/such"), {"text", value_string("x")}), OUTCOME_FAILED,
		    "No such file or directory");
	assert_says(FILE_ON("file.write", PATH(folder), {"text", value_string("x")}), OUTCOME_FAILED,
		    "Is a directory");
	assert_says(FILE_ON("file.sha256", PATH(folder)), OUTCOME_FAILED, "Is a directory");
	assert_says(FILE_ON("file.mkdir", PATH("/dev/null/x")), OUTCOME_FAILED, "Not a directory");
	assert_says(FILE_ON("file.list", PATH(path)), OUTCOME_FAILED, "file.list: on web1: ");
	ASSERT_SAME("file.exists", PATH("/dev/null/x"));
	ASSERT_SAME("file.list", PATH("/etc"));
	ASSERT_SAME("file.newest", {"pattern", value_string("/etc/*.conf")});
	ASSERT_SAME("file.newest", {"pattern", value_string("/no/such/*")});
	/* Nothing of what was written beside it is left. */
	{
		struct value names = value_of(FILE_HERE("file.list", PATH(folder)));

		assert_int_equal(value_length(names), 2);
		value_release(names);
	}
}

/* The next write there stops in its middle: ssh_serve.h. Turns the driver until it has. */
static void hold_writes(void)
{
	file_make(in_directory("hold"), "", 0);
	unlink(in_directory("held"));
}

static void wait_until_held(void)
{
	struct delivery delivery;

	for (int tries = 0; tries < 1000 && !file_there(in_directory("held")); tries++) {
		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 20 * MS, &delivery));
		if (delivery.kind == DELIVERY_NOTE) { /* file.replace's: what it will write */
			free(delivery.id);
			value_release(delivery.outcome.value);
			continue;
		}
		assert_int_equal(delivery.kind, DELIVERY_TIME);
	}
	assert_true(file_there(in_directory("held")));
}

/* A folder with one file in it, which holds "old". */
static void one_file(const char *name, char folder[200], char path[220])
{
	snprintf(folder, 200, "%s", in_directory(name));
	snprintf(path, 220, "%s/file", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	put(path, value_string("old"), NULL);
}

/* The call that was held is cut off: nobody knows its end, the file is what it was, and nothing lies beside
 * it. */
static void cut_off(const char *folder, const char *path)
{
	struct value names;

	wait_until_held();
	driver->ops->cancel(driver, "call");
	assert_says(row_wait(driver), OUTCOME_UNKNOWN, "cancelled while it was under way");
	unlink(in_directory("hold"));
	names = value_of(FILE_HERE("file.list", PATH(folder)));
	assert_int_equal(value_length(names), 1);
	value_release(names);
	assert_content(path, value_string("old"));
}

/* A large text arrives whole; a write that is cut off leaves the file as it was, and nothing beside it. */
static void test_file_cut_off(void **state)
{
	size_t length = 20000000;
	char *bytes = malloc(length), folder[200], path[220];

	(void)state;
	one_file("cut", folder, path);
	memset(bytes, 'y', length);
	put(path, value_string_n(bytes, length), NULL);
	ASSERT_SAME("file.sha256", PATH(path));
	put(path, value_string("old"), NULL);
	hold_writes();
	row_start(driver, &file_table, "file.write", "call",
		  ARGS(PATH(path), {"text", value_string_n(bytes, length)}, ON("web1")));
	free(bytes);
	cut_off(folder, path);
}

/* file.replace puts a note on record before it writes. */
static struct outcome replaced(const struct row_arg *args, struct value *note)
{
	struct delivery delivery = {0};

	value_put(note, value_null());
	row_start(driver, &file_table, "file.replace", "call", args);
	for (;;) {
		assert_true(driver->ops->next(driver, INT64_MAX, &delivery));
		free(delivery.id);
		if (delivery.kind != DELIVERY_NOTE)
			return delivery.outcome;
		value_put(note, delivery.outcome.value);
	}
}

#define REPLACE(path, ...)                                                                                   \
	replaced(ARGS(PATH(path), {"with", value_string("x'$1\\0&\n")}, ON("web1"), __VA_ARGS__), &note)
#define OLD(text)                                                                                            \
	{                                                                                                    \
		"old", value_string(text)                                                                    \
	}

/* What settles a replace there of which only this note is on record. */
static struct value settled(const char *host, const char *path, struct value note)
{
	struct row_call call = row_request(
	    &file_table, "file.replace", "call",
	    ARGS(PATH(path), {"with", value_string("x")}, OLD("old"), {"host", value_string(host)}));
	struct outcome outcome;

	call.request.args = call.args;
	driver->ops->settle(driver, &call.request, note);
	outcome = row_wait(driver);
	row_call_drop(&call);
	return value_of(outcome);
}

static void test_replace(void **state)
{
	char folder[200], path[220];
	struct value note = value_null(), count;

	(void)state;
	one_file("it's $replaced", folder, path);
	assert_says(REPLACE(path, OLD("none")), OUTCOME_FAILED, "file does not hold what is to be replaced");
	assert_says(REPLACE(path, {"pattern", value_string("(")}), OUTCOME_FAILED,
		    "missing closing parenthesis");
	assert_says(REPLACE("/no/such", OLD("old")), OUTCOME_FAILED, "No such file or directory");
	assert_says(REPLACE(folder, OLD("old")), OUTCOME_FAILED, "Is a directory");
	assert_int_equal(note.tag, VALUE_NULL);
	assert_content(path, value_string("old"));

	put(path, value_string_n("old\0\377 old\r\n", 12), "0604");
	count = value_of(REPLACE(path, OLD("old")));
	assert_int_equal(count.i, 2);
	assert_content(path, value_string_n("x'$1\\0&\n\0\377 x'$1\\0&\n\r\n", 22));
	assert_mode(path, "0604");
	assert_true(settled("web1", path, note).b);
	put(path, value_string("old"), NULL);
	assert_int_equal(settled("web1", path, note).tag, VALUE_BOOL);
	assert_false(settled("web1", path, note).b);
	assert_int_equal(settled("web1", "/no/such", note).tag, VALUE_NULL);
	assert_int_equal(settled("down", path, note).tag, VALUE_NULL);
	assert_false(settled("web1", path, value_null()).b);
	count = value_of(REPLACE(path, {"pattern", value_string("[ld]")}));
	assert_int_equal(count.i, 2);
	assert_content(path, value_string("ox'$1\\0&\nx'$1\\0&\n"));

	put(path, value_string("old"), NULL);
	hold_writes();
	row_start(driver, &file_table, "file.replace", "call",
		  ARGS(PATH(path), {"with", value_string("new")}, OLD("old"), ON("web1")));
	cut_off(folder, path);
	/* Cancelled while it only reads: it has changed nothing. */
	row_start(driver, &file_table, "file.replace", "call",
		  ARGS(PATH(path), {"with", value_string("new")}, OLD("old"), ON("web1")));
	driver->ops->cancel(driver, "call");
	assert_says(row_wait(driver), OUTCOME_FAILED, "file.replace: ");
	assert_content(path, value_string("old"));
	value_release(note);
}

#define TEMPLATE(to, values)                                                                                 \
	row_run(driver, &file_table, "file.template",                                                        \
		ARGS({"from", value_string(in_directory("template"))}, {"to", value_string(to)},             \
		     {"values", values}, ON("web1")))

/* The template is read here and filled here; the file is written there. */
static void test_template(void **state)
{
	char folder[200], path[220], secret[220];

	(void)state;
	one_file("te 'mpl$d", folder, path);
	snprintf(secret, sizeof secret, "%s/secret", folder);
	file_make(in_directory("template"), "v={{ v }};\n", 11);
	value_release(value_of(TEMPLATE(path, field("v", value_string("'\"$(id)\n{{v}}")))));
	assert_content(path, value_string("v='\"$(id)\n{{v}};\n"));
	value_release(value_of(TEMPLATE(secret, field("v", value_mark(value_string("pw"), VALUE_SECRET)))));
	assert_content(secret, value_string("v=pw;\n"));
	assert_mode(secret, "0600");
	value_release(value_of(FILE_ON("file.remove", PATH(secret))));
	put(path, value_string("old"), NULL);
	assert_says(TEMPLATE(path, record_new(0)), OUTCOME_FAILED, "template:1: there is no value for {{v}}");
	assert_says(TEMPLATE("/no/such", field("v", value_int(1))), OUTCOME_FAILED,
		    "file.template: on web1: ");
	assert_content(path, value_string("old"));
	hold_writes();
	row_start(driver, &file_table, "file.template", "call",
		  ARGS({"from", value_string(in_directory("template"))}, {"to", value_string(path)},
		       {"values", field("v", value_int(1))}, ON("web1")));
	cut_off(folder, path);
}

static void test_host(void **state)
{
	struct value there = value_of(row_run(driver, &host_table, "host.boot_id", ARGS(ON("web1")))),
		     here = value_of(row_run(driver, &host_table, "host.boot_id", ARGS()));

	(void)state;
	assert_true(value_equal(there, here));
	value_release(there);
	value_release(here);
	there = value_of(
	    row_run(driver, &host_table, "host.disk", ARGS({"path", value_string("/")}, ON("web1"))));
	assert_string_equal(value_text_peek(record_peek(there, "mount")), "/");
	value_release(there);
	there = value_of(row_run(driver, &host_table, "host.memory", ARGS(ON("web1"))));
	assert_true(record_peek(there, "size").i > 0);
	value_release(there);
	value_release(value_of(row_run(driver, &host_table, "host.load", ARGS(ON("web1")))));
	assert_says(
	    row_run(driver, &host_table, "host.disk", ARGS({"path", value_string("/no/such")}, ON("web1"))),
	    OUTCOME_FAILED, "No such file or directory");
	assert_says(row_run(driver, &host_table, "host.load", ARGS(ON("down"))), OUTCOME_FAILED,
		    "host.load: no connection to down: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_driver, close_driver)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_quote),
	    TEST(test_output_and_codes),
	    TEST(test_hostile_words),
	    TEST(test_large_input),
	    TEST(test_secrets_are_in_no_argument),
	    TEST(test_timeout_and_cancel_leave_nothing),
	    TEST(test_end_of_the_run),
	    TEST(test_hosts_that_fail),
	    TEST(test_lost_connection),
	    TEST(test_one_connection_a_host),
	    TEST(test_200_hosts),
	    TEST(test_files),
	    TEST(test_file_cut_off),
	    TEST(test_replace),
	    TEST(test_template),
	    TEST(test_host),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, open_server, close_server);
}
