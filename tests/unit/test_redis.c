/* test_redis.c - redis.* against a real redis-server with a password, over TCP and TLS, and servers that
 * misbehave. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "interp/buffer.h"
#include "tests/unit/call_row.h"
#include "tests/unit/driver_each.h"
#include "tests/unit/servers.h"

#define S	     INT64_C(1000000000)
#define MS	     INT64_C(1000000)
#define PASSWORD     "pass w@rd/é#1"
#define PASSWORD_URL "pass%20w%40rd%2F%C3%A9%231"

static char directory[40];
static int port, tls_port;
static pid_t server;

static struct value url_to(int database)
{
	return value_string_printf("redis://:%s@127.0.0.1:%d/%d", PASSWORD_URL, port, database);
}

static struct value secret(const char *text)
{
	return value_mark(value_string(text), VALUE_SECRET);
}

static struct value words(const char *const *texts)
{
	struct value list = list_new(4);

	for (; *texts != NULL; texts++)
		list_push(&list, value_string(*texts));
	return list;
}
#define WORDS(...) words((const char *const[]){__VA_ARGS__, NULL})

static struct outcome run(const char *name, const struct row_arg *args)
{
	return row_run(driver, &redis_table, name, args);
}

static struct value answer_of(struct outcome outcome)
{
	struct value answer = value_copy(outcome.value);

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	outcome_release(&outcome);
	return answer;
}

static void assert_text(struct value v, const char *expected)
{
	assert_int_equal(v.tag, VALUE_STRING);
	assert_string_equal(value_text_peek(v), expected);
	value_release(v);
}

/* The message holds `part`, and never the password. */
static void assert_fails(struct outcome outcome, enum outcome_kind kind, const char *part)
{
	const char *message = value_text_peek(outcome.message);
	struct value details = value_show(outcome.value, 0);

	if (outcome.kind != kind || strstr(message, part) == NULL)
		fail_msg("%d: %s\n   is not %d: %s", outcome.kind, message, kind, part);
	assert_null(strstr(message, PASSWORD));
	assert_null(strstr(message, PASSWORD_URL));
	assert_null(strstr(message, "\n"));
	assert_null(strstr(value_text_peek(details), PASSWORD));
	value_release(details);
	outcome_release(&outcome);
}

/* ---- what it is for ---- */

static void test_ping(void **state)
{
	struct value time = answer_of(run("redis.ping", ARGS({"url", url_to(0)})));

	(void)state;
	assert_int_equal(time.tag, VALUE_DURATION);
	assert_true(time.i > 0 && time.i < 5 * S);
}

static void test_set_get_delete(void **state)
{
	(void)state;
	value_release(answer_of(run("redis.set", ARGS({"key", value_string("k")},
						      {"value", value_string("one")}, {"url", url_to(0)}))));
	assert_text(answer_of(run("redis.get", ARGS({"key", value_string("k")}, {"url", url_to(0)}))), "one");
	value_release(answer_of(run("redis.delete", ARGS({"key", value_string("k")}, {"url", url_to(0)}))));
	assert_int_equal(
	    answer_of(run("redis.get", ARGS({"key", value_string("k")}, {"url", url_to(0)}))).tag,
	    VALUE_NULL);
	value_release(answer_of(run("redis.delete", ARGS({"key", value_string("k")}, {"url", url_to(0)}))));
}

/* Every byte, in key and value, and an empty text is none of the missing ones. */
static void test_bytes(void **state)
{
	char bytes[1024];
	struct value key, text, got;

	(void)state;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)i;
	key = value_string_n("a\0\r\n\xff", 5);
	text = value_string_n(bytes, sizeof bytes);
	value_release(answer_of(run(
	    "redis.set", ARGS({"key", value_copy(key)}, {"value", value_copy(text)}, {"url", url_to(0)}))));
	got = answer_of(run("redis.get", ARGS({"key", value_copy(key)}, {"url", url_to(0)})));
	assert_true(value_equal(got, text));
	value_release(got);
	value_release(answer_of(run(
	    "redis.set", ARGS({"key", value_copy(key)}, {"value", value_string("")}, {"url", url_to(0)}))));
	assert_text(answer_of(run("redis.get", ARGS({"key", key}, {"url", url_to(0)}))), "");
	value_release(text);
}

static void test_ttl(void **state)
{
	struct value left;

	(void)state;
	value_release(
	    answer_of(run("redis.set", ARGS({"key", value_string("t")}, {"value", value_string("x")},
					    {"ttl", value_duration(90 * S)}, {"url", url_to(0)}))));
	left = answer_of(run("redis.query", ARGS({"command", WORDS("PTTL", "t")}, {"url", url_to(0)})));
	assert_true(left.i > 0 && left.i <= 90000);
	/* Without one it stays. */
	value_release(answer_of(run("redis.set", ARGS({"key", value_string("t")},
						      {"value", value_string("x")}, {"url", url_to(0)}))));
	left = answer_of(run("redis.query", ARGS({"command", WORDS("PTTL", "t")}, {"url", url_to(0)})));
	assert_int_equal(left.i, -1);
	assert_fails(run("redis.set", ARGS({"key", value_string("t")}, {"value", value_string("x")},
					   {"ttl", value_duration(10)}, {"url", url_to(0)})),
		     OUTCOME_FAILED, "ttl is at least a millisecond");
}

static void test_databases_are_apart(void **state)
{
	(void)state;
	value_release(answer_of(run("redis.set", ARGS({"key", value_string("d")},
						      {"value", value_string("3")}, {"url", url_to(3)}))));
	assert_int_equal(
	    answer_of(run("redis.get", ARGS({"key", value_string("d")}, {"url", url_to(0)}))).tag,
	    VALUE_NULL);
	assert_text(answer_of(run("redis.get", ARGS({"key", value_string("d")}, {"url", url_to(3)}))), "3");
	/* A database that is not there: the command is not run in another one. */
	assert_fails(run("redis.set", ARGS({"key", value_string("d")}, {"value", value_string("99")},
					   {"url", url_to(99)})),
		     OUTCOME_FAILED, "choosing the database: ERR DB index is out of range");
	assert_int_equal(
	    answer_of(run("redis.get", ARGS({"key", value_string("d")}, {"url", url_to(0)}))).tag,
	    VALUE_NULL);
}

static void test_passwords(void **state)
{
	struct value bare = value_string_printf("redis://127.0.0.1:%d", port);

	(void)state;
	value_release(
	    answer_of(run("redis.ping", ARGS({"url", value_copy(bare)}, {"password", secret(PASSWORD)}))));
	value_release(answer_of(
	    run("redis.ping",
		ARGS({"url", value_string_printf("redis://default:%s@127.0.0.1:%d/", PASSWORD_URL, port)}))));
	/* The argument stands for the URL's. */
	value_release(
	    answer_of(run("redis.ping", ARGS({"url", value_string_printf("redis://:no@127.0.0.1:%d", port)},
					     {"password", secret(PASSWORD)}))));
	assert_fails(run("redis.ping", ARGS({"url", value_copy(bare)}, {"password", secret("wrong")})),
		     OUTCOME_FAILED, "signing in: WRONGPASS");
	assert_fails(run("redis.ping", ARGS({"url", value_string_printf("redis://nobody:%s@127.0.0.1:%d",
									PASSWORD_URL, port)})),
		     OUTCOME_FAILED, "signing in: WRONGPASS");
	assert_fails(run("redis.ping", ARGS({"url", bare})), OUTCOME_FAILED, "NOAUTH");
}

static void test_info(void **state)
{
	struct value info = answer_of(run("redis.info", ARGS({"url", url_to(0)})));

	(void)state;
	assert_int_equal(record_peek(info, "used_memory").tag, VALUE_INT);
	assert_int_equal(record_peek(info, "tcp_port").i, port);
	assert_string_equal(value_text_peek(record_peek(info, "role")), "master");
	assert_int_equal(record_peek(info, "redis_version").tag, VALUE_STRING);
	assert_int_equal(record_peek(info, "redis_git_sha1").tag, VALUE_STRING); /* 00000000 */
	assert_int_equal(record_peek(info, "mem_fragmentation_ratio").tag, VALUE_FLOAT);
	assert_true(record_peek(record_peek(info, "db3"), "keys").i >= 1);
	value_release(info);
	info =
	    answer_of(run("redis.info", ARGS({"section", value_string("replication")}, {"url", url_to(0)})));
	assert_true(record_has(info, "role"));
	assert_false(record_has(info, "used_memory"));
	value_release(info);
}

static void test_command(void **state)
{
	struct value answer = answer_of(
	    run("redis.command",
		ARGS({"command",
		      WORDS("EVAL", "return {1, 'a', {2, {}}, redis.error_reply('NO reason'), false}", "0")},
		     {"url", url_to(0)})));
	struct value text = value_to_json(answer, false);

	(void)state;
	assert_string_equal(value_text_peek(text), "[1,\"a\",[2,[]],{\"error\":\"NO reason\"},null]");
	value_release(answer);
	value_release(text);
	value_release(answer_of(
	    run("redis.command", ARGS({"command", WORDS("RPUSH", "list", "a", "b")}, {"url", url_to(0)}))));
	answer = answer_of(
	    run("redis.query", ARGS({"command", WORDS("LRANGE", "list", "0", "-1")}, {"url", url_to(0)})));
	assert_int_equal(value_length(answer), 2);
	value_release(answer);
	/* Another type than the call is for. */
	assert_fails(run("redis.get", ARGS({"key", value_string("list")}, {"url", url_to(0)})),
		     OUTCOME_FAILED, "WRONGTYPE Operation against a key");
	assert_fails(run("redis.command", ARGS({"command", list_new(0)}, {"url", url_to(0)})), OUTCOME_FAILED,
		     "a command is a list of texts");
}

static void test_query_changes_nothing(void **state)
{
	static const char *const refused[][4] = {{"SET", "q", "1"},	{"set", "q", "1"},
						 {"DEL", "list"},	{"EVAL", "return 1", "0"},
						 {"FLUSHALL"},		{"CONFIG", "SET", "hz", "20"},
						 {"PUBLISH", "c", "x"}, {"SHUTDOWN"},
						 {"SUBSCRIBE", "c"},	{"CLIENT", "KILL", "ID", "1"},
						 {"GETDEL", "list"},	{"ACL", "SETUSER", "x"}};
	static const char *const taken[][4] = {{"LLEN", "list"},
					       {"CONFIG", "GET", "maxmemory"},
					       {"DBSIZE"},
					       {"MEMORY", "USAGE", "list"},
					       {"OBJECT", "ENCODING", "list"},
					       {"TIME"},
					       {"EXISTS", "list"},
					       {"get", "d"}};

	(void)state;
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		struct value command = list_new(4);

		for (size_t k = 0; k < 4 && refused[i][k] != NULL; k++)
			list_push(&command, value_string(refused[i][k]));
		assert_fails(run("redis.query", ARGS({"command", command}, {"url", url_to(0)})),
			     OUTCOME_FAILED, "the command does more than read: run it by redis.command");
	}
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
		struct value command = list_new(4);

		for (size_t k = 0; k < 4 && taken[i][k] != NULL; k++)
			list_push(&command, value_string(taken[i][k]));
		value_release(answer_of(run("redis.query", ARGS({"command", command}, {"url", url_to(0)}))));
	}
	assert_fails(run("redis.query", ARGS({"command", WORDS("NOSUCH", "x")}, {"url", url_to(0)})),
		     OUTCOME_FAILED, "the server has no such command");
}

static void test_secrets_are_not_shown(void **state)
{
	struct value command = WORDS("NOSUCH"), line;

	(void)state;
	/* The server quotes what it does not understand. */
	list_push(&command, secret("hush hush"));
	assert_fails(run("redis.command", ARGS({"command", command}, {"url", url_to(0)})), OUTCOME_FAILED,
		     "ERR unknown command 'NOSUCH', with args beginning with: '***'");
	line = row_describe(
	    &redis_table, "redis.set",
	    ARGS({"key", value_string("k")}, {"value", secret("hush hush")}, {"url", url_to(1)}));
	assert_non_null(strstr(value_text_peek(line), "SET k ***  (redis://127.0.0.1:"));
	assert_null(strstr(value_text_peek(line), "pass"));
	value_release(line);
}

/* A command of megabytes is shown by its beginning: the line stands in the report more than once. */
static void test_shown_short(void **state)
{
	size_t length = 5000000;
	char *bytes = malloc(length);
	struct value command = list_new(2), line;

	(void)state;
	memset(bytes, 'x', length);
	memcpy(bytes + 3999, "\xc3\xa4", 2); /* not cut in its middle */
	list_push(&command, value_string("SET"));
	list_push(&command, value_string_n(bytes, length));
	free(bytes);
	line = row_describe(&redis_table, "redis.command", ARGS({"command", command}));
	assert_non_null(strstr(value_text_peek(line), "xxx... (5MB)  (redis://127.0.0.1:"));
	assert_in_range(value_length(line), 4000, 4100);
	value_release(line);
	command = list_new(2);
	for (int i = 0; i < 100000; i++)
		list_push(&command, value_string("word"));
	line = row_describe(&redis_table, "redis.command", ARGS({"command", command}));
	assert_non_null(strstr(value_text_peek(line), "word word ... (96"));
	assert_in_range(value_length(line), 16000, 16100);
	value_release(line);
}

static void test_urls(void **state)
{
	static const char *const wrong[] = {
	    "http://127.0.0.1/",       "redis:///1",   "redis://127.0.0.1/one",
	    "redis://127.0.0.1/1?x=1", "127.0.0.1",    "",
	    "redis://h:99999/",	       "redis://a b/", "redis://:a%00b@127.0.0.1/"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_fails(run("redis.ping", ARGS({"url", value_string(wrong[i])})), OUTCOME_FAILED,
			     "url: is not a URL of Redis");
}

/* ---- TLS ---- */

static struct outcome ping_tls(const char *host, const char *ca, bool insecure)
{
	struct value file = ca == NULL ? value_null() : value_string_printf("%s/%s", directory, ca);

	return run("redis.ping",
		   ARGS({"url", value_string_printf("rediss://%s:%d", host, tls_port)},
			{"password", secret(PASSWORD)}, {"ca", file}, {"insecure", value_bool(insecure)}));
}

static void test_tls(void **state)
{
	struct buffer text = {0};
	struct value big, got;

	(void)state;
	value_release(answer_of(ping_tls("localhost", "ca.pem", false)));
	value_release(answer_of(ping_tls("127.0.0.1", "ca.pem", false)));
	value_release(answer_of(ping_tls("localhost", NULL, true)));
	assert_fails(ping_tls("localhost", NULL, false), OUTCOME_FAILED, "the certificate is not trusted: ");
	assert_fails(ping_tls("127.0.0.2", "ca.pem", false), OUTCOME_FAILED,
		     "the certificate is not trusted: IP address mismatch");
	assert_fails(ping_tls("localhost", "index.txt", false), OUTCOME_FAILED,
		     "ca: no certificates can be read");
	/* More than a record of TLS, and than a socket takes at once. */
	for (int i = 0; i < 300000; i++)
		buffer_add_text(&text, "0123456789");
	big = buffer_finish(&text);
	value_release(answer_of(
	    run("redis.set",
		ARGS({"key", value_string("big")}, {"value", value_copy(big)},
		     {"url", value_string_printf("rediss://:%s@localhost:%d", PASSWORD_URL, tls_port)},
		     {"ca", value_string_printf("%s/ca.pem", directory)}))));
	got = answer_of(run("redis.get", ARGS({"key", value_string("big")},
					      {"url", value_string_printf("rediss://:%s@localhost:%d",
									  PASSWORD_URL, tls_port)},
					      {"ca", value_string_printf("%s/ca.pem", directory)})));
	assert_true(value_equal(got, big));
	value_release(got);
	value_release(big);
	/* TLS where there is none, and none where there is: which of several ends that has is a race. */
	assert_fails(run("redis.ping", ARGS({"url", value_string_printf("rediss://localhost:%d", port)},
					    {"timeout", value_duration(500 * MS)})),
		     OUTCOME_FAILED, "no answer to TLS's handshake within 500ms");
	assert_fails(run("redis.ping", ARGS({"url", value_string_printf("redis://localhost:%d", tls_port)})),
		     OUTCOME_FAILED, "redis.ping: localhost:");
}

/* ---- what goes wrong on the way ---- */

static void test_no_server(void **state)
{
	struct deaf deaf = servers_deaf();

	(void)state;
	assert_fails(run("redis.ping",
			 ARGS({"url", value_string_printf("redis://127.0.0.1:%d", servers_free_port())})),
		     OUTCOME_FAILED, "connection refused");
	assert_fails(run("redis.ping", ARGS({"url", value_string("redis://no-such-host.invalid")})),
		     OUTCOME_FAILED, "the host no-such-host.invalid is not known");
	assert_fails(run("redis.set", ARGS({"key", value_string("k")}, {"value", value_string("v")},
					   {"url", value_string_printf("redis://127.0.0.1:%d", deaf.port)},
					   {"timeout", value_duration(200 * MS)})),
		     OUTCOME_FAILED, "no connection within 200ms");
	servers_undeaf(&deaf);
}

static void canned(const struct canned *how, const char *name, enum outcome_kind kind, const char *part)
{
	int at;
	pid_t pid = servers_canned(how, &at);
	struct value url = value_string_printf("redis://127.0.0.1:%d", at);
	struct row_arg set[] = {{"key", value_string("k")},
				{"value", value_string("v")},
				{"url", value_copy(url)},
				{"timeout", value_duration(1 * S)},
				{NULL, value_null()}};
	struct row_arg get[] = {{"key", value_string("k")},
				{"url", url},
				{"timeout", value_duration(1 * S)},
				{NULL, value_null()}};
	bool sets = strcmp(name, "redis.set") == 0;

	assert_fails(run(name, sets ? set : get), kind, part);
	for (int i = 0; i < 4; i++)
		if (!sets || i < 3)
			value_release(sets ? get[i].value : set[i].value);
	servers_stop(pid);
}

static void test_half_answers(void **state)
{
	static const char huge[] = "$1000000000\r\n", array[] = "*900000000\r\n", half[] = "$10\r\nabc",
			  web[] = "HTTP/1.1 400 Bad Request\r\n\r\n",
			  deep[] = "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
			  number[] = ":5\r\n", status[] = "+QUEUED\r\n", wrong[] = "$-5\r\n";
	static char flood[6 * 1024 * 1024];

	(void)state;
#define CANNED(text, ...) (&(struct canned){.bytes = text, .length = sizeof text - 1, __VA_ARGS__})
	canned(CANNED(""), "redis.get", OUTCOME_FAILED, "the server closed the connection");
	canned(CANNED(""), "redis.set", OUTCOME_UNKNOWN, "the server may have done it");
	canned(CANNED("", .hangs = true), "redis.get", OUTCOME_FAILED, "no answer within 1s");
	canned(CANNED("", .hangs = true), "redis.set", OUTCOME_UNKNOWN,
	       "no answer within 1s; the server may");
	canned(CANNED(half), "redis.get", OUTCOME_FAILED, "the server closed the connection");
	canned(CANNED(half, .hangs = true), "redis.get", OUTCOME_FAILED, "no answer within");
	canned(CANNED(web), "redis.get", OUTCOME_FAILED, "the answer is not of Redis");
	canned(CANNED(array), "redis.get", OUTCOME_FAILED, "the answer has more than");
	canned(CANNED(deep), "redis.get", OUTCOME_FAILED,
	       "the answer is not of Redis: No support for nested");
	canned(CANNED(number), "redis.get", OUTCOME_FAILED, "the answer is not a text");
	canned(CANNED(status), "redis.set", OUTCOME_UNKNOWN, "the answer is not OK");
	canned(CANNED(wrong, .hangs = true), "redis.get", OUTCOME_FAILED, "the answer is not of Redis");
	memset(flood, 'x', sizeof flood);
	memcpy(flood, huge, sizeof huge - 1);
	canned(CANNED(flood, .hangs = true), "redis.get", OUTCOME_FAILED, "the answer is larger than 4MiB");
}

static void test_too_large(void **state)
{
	(void)state;
	value_release(
	    answer_of(run("redis.command",
			  ARGS({"command", WORDS("SETRANGE", "huge", "4194304", "x")}, {"url", url_to(0)}))));
	assert_fails(run("redis.get", ARGS({"key", value_string("huge")}, {"url", url_to(0)})),
		     OUTCOME_FAILED, "the answer is larger than 4MiB");
}

/* Cancels a call whose command `word` the server is busy with: it says so itself. */
static void cancel_in_the_middle(const char *name, const char *word, const struct row_arg *args,
				 enum outcome_kind kind)
{
	bool there = false;

	row_start(driver, &redis_table, name, "slow", args);
	while (!there) {
		struct value list = answer_of(
		    run("redis.query", ARGS({"command", WORDS("CLIENT", "LIST")}, {"url", url_to(0)})));

		there = strstr(value_text_peek(list), word) != NULL;
		value_release(list);
	}
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), kind, "cancelled");
}

static void test_cancel(void **state)
{
	(void)state;
	cancel_in_the_middle("redis.command", "cmd=blpop",
			     ARGS({"command", WORDS("BLPOP", "nothing", "20")}, {"url", url_to(0)},
				  {"timeout", value_duration(30 * S)}),
			     OUTCOME_UNKNOWN);
	cancel_in_the_middle("redis.query", "cmd=xread",
			     ARGS({"command", WORDS("XREAD", "BLOCK", "20000", "STREAMS", "nothing", "0")},
				  {"url", url_to(0)}, {"timeout", value_duration(30 * S)}),
			     OUTCOME_FAILED);
	/* Before a word was sent. */
	row_start(driver, &redis_table, "redis.set", "slow",
		  ARGS({"key", value_string("k")}, {"value", value_string("v")}, {"url", url_to(0)}));
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), OUTCOME_FAILED, "cancelled");
}

/* Many at once, and the end of the run in the middle of one. */
static void test_many_and_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		char id[16];

		snprintf(id, sizeof id, "c%d", i);
		row_start(driver, &redis_table, "redis.command", id,
			  ARGS({"command", WORDS("INCR", "count")}, {"url", url_to(5)}));
	}
	for (int i = 0; i < 50; i++) {
		struct outcome outcome = row_wait(driver);

		assert_int_equal(outcome.kind, OUTCOME_OK);
		outcome_release(&outcome);
	}
	assert_text(answer_of(run("redis.get", ARGS({"key", value_string("count")}, {"url", url_to(5)}))),
		    "50");
	row_start(driver, &redis_table, "redis.command", "left",
		  ARGS({"command", WORDS("BLPOP", "nothing", "20")}, {"url", url_to(0)},
		       {"timeout", value_duration(30 * S)}));
}

static int start(void **state)
{
	char tcp[12], tls[12];
	const char *argv[] = {"redis-server",
			      "--port",
			      tcp,
			      "--tls-port",
			      tls,
			      "--bind",
			      "127.0.0.1",
			      "127.0.0.2",
			      "--requirepass",
			      PASSWORD,
			      "--save",
			      "",
			      "--tls-cert-file",
			      "good.pem",
			      "--tls-key-file",
			      "good.key",
			      "--tls-ca-cert-file",
			      "ca.pem",
			      "--tls-auth-clients",
			      "no",
			      NULL};

	(void)state;
	servers_directory(directory);
	port = servers_free_port();
	tls_port = servers_free_port();
	snprintf(tcp, sizeof tcp, "%d", port);
	snprintf(tls, sizeof tls, "%d", tls_port);
	if (!servers_certificates(directory))
		return -1;
	server = servers_start(directory, port, argv);
	return server > 0 ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	servers_stop(server);
	servers_remove(directory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_ping),
	    TEST(test_set_get_delete),
	    TEST(test_bytes),
	    TEST(test_ttl),
	    TEST(test_databases_are_apart),
	    TEST(test_passwords),
	    TEST(test_info),
	    TEST(test_command),
	    TEST(test_query_changes_nothing),
	    TEST(test_secrets_are_not_shown),
	    TEST(test_urls),
	    TEST(test_shown_short),
	    TEST(test_tls),
	    TEST(test_no_server),
	    TEST(test_half_answers),
	    TEST(test_too_large),
	    TEST(test_cancel),
	    TEST(test_many_and_the_end),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
