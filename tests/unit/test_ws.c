/* test_ws.c - ws.* against a real WebSocket server, and servers that are none or misbehave. */
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

#define S  INT64_C(1000000000)
#define MS INT64_C(1000000)

static char directory[40];
static int port, tls_port;
static pid_t server;

static struct value url_to(const char *path)
{
	return value_string_printf("ws://127.0.0.1:%d%s", port, path);
}

static struct value list_of(const char *const *texts)
{
	struct value list = list_new(4);

	for (; *texts != NULL; texts++)
		list_push(&list, value_string(*texts));
	return list;
}
#define LIST(...) list_of((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static struct value record_of(const char *key, struct value v)
{
	struct value record = record_new(1);

	record_set(&record, key, v);
	return record;
}

static struct outcome connect_to(struct value url, int64_t timeout)
{
	return row_run(driver, &ws_table, "ws.connect",
		       ARGS({"url", url}, {"timeout", value_duration(timeout)}));
}

/* The change, as which the table has it. */
static struct outcome exchange(const char *path, struct value send, struct value expect)
{
	return row_run(driver, &ws_table, "ws.exchange",
		       ARGS({"url", url_to(path)}, {"send", send}, {"expect", expect},
			    {"timeout", value_duration(20 * S)}));
}

/* The read, as which the checker takes a call with `reads: true`. */
static struct outcome exchange_reads(const char *path, struct value send, struct value expect,
				     int64_t timeout)
{
	struct row_call call =
	    row_request(&ws_table, "ws.exchange", "call",
			ARGS({"url", url_to(path)}, {"send", send}, {"expect", expect},
			     {"reads", value_bool(true)}, {"timeout", value_duration(timeout)}));

	call.request.builtin = call.request.builtin->reads;
	call.request.args = call.args;
	driver->ops->start(driver, &call.request);
	row_call_drop(&call);
	return row_wait(driver);
}

static struct value answer_of(struct outcome outcome)
{
	struct value answer = value_copy(outcome.value);

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	outcome_release(&outcome);
	return answer;
}

static void assert_fails(struct outcome outcome, enum outcome_kind kind, const char *part)
{
	const char *message = value_text_peek(outcome.message);

	if (outcome.kind != kind || strstr(message, part) == NULL)
		fail_msg("%d: %s\n   is not %d: %s", outcome.kind, message, kind, part);
	outcome_release(&outcome);
}

static const char *item(struct value answer, const char *field, size_t index)
{
	return value_text_peek(list_peek(record_peek(answer, field), index));
}

/* ---- handshakes ---- */

static void test_connect(void **state)
{
	struct value answer = answer_of(connect_to(url_to("/chat"), 20 * S));

	(void)state;
	assert_true(record_peek(answer, "time").i > 0);
	assert_int_equal(record_peek(answer, "protocol").tag, VALUE_NULL);
	assert_string_equal(value_text_peek(record_peek(record_peek(answer, "headers"), "upgrade")),
			    "websocket");
	assert_false(record_has(answer, "messages"));
	value_release(answer);
	/* By a name that may have several addresses, one of which nobody listens on. */
	value_release(answer_of(connect_to(value_string_printf("ws://localhost:%d/", port), 20 * S)));
	answer = answer_of(row_run(driver, &ws_table, "ws.connect",
				   ARGS({"url", url_to("/")}, {"protocols", LIST("unheard-of", "v2.chat")})));
	assert_string_equal(value_text_peek(record_peek(answer, "protocol")), "v2.chat");
	value_release(answer);
}

static void test_what_the_server_is_told(void **state)
{
	struct value headers = record_of("X-Token", value_string("t 1")), answer;
	const char *text;

	(void)state;
	record_set(&headers, "Authorization", value_mark(value_string("Bearer hush"), VALUE_SECRET));
	answer =
	    answer_of(row_run(driver, &ws_table, "ws.exchange",
			      ARGS({"url", url_to("/headers")}, {"expect", LIST("Host")},
				   {"headers", headers}, {"origin", value_string("https://app.example")})));
	text = item(answer, "found", 0);
	assert_non_null(strstr(text, "X-Token: t 1\n"));
	assert_non_null(strstr(text, "Authorization: Bearer hush"));
	assert_non_null(strstr(text, "Origin: https://app.example"));
	value_release(answer);
	answer = answer_of(exchange("/headers", LIST(), LIST("Host: 127\\.0\\.0\\.1:[0-9]+")));
	assert_null(strstr(item(answer, "found", 0), "Origin"));
	value_release(answer);
	answer = answer_of(exchange("/path?a=1&b=%20x", LIST(), LIST(".")));
	assert_string_equal(item(answer, "found", 0), "/path?a=1&b=%20x");
	value_release(answer);
}

static void canned(const char *bytes, bool hangs, enum outcome_kind kind, const char *part)
{
	struct canned how = {.bytes = bytes, .length = strlen(bytes), .hangs = hangs};
	int at;
	pid_t pid = servers_canned(&how, &at);

	assert_fails(connect_to(value_string_printf("ws://127.0.0.1:%d/", at), hangs ? 500 * MS : 20 * S),
		     kind, part);
	servers_stop(pid);
}

/* The connection is reset, after these bytes. */
static void canned_reset(const char *bytes)
{
	struct canned how = {.bytes = bytes, .length = strlen(bytes), .resets = true};
	int at;
	pid_t pid = servers_canned(&how, &at);

	assert_fails(connect_to(value_string_printf("ws://127.0.0.1:%d/", at), 20 * S), OUTCOME_FAILED,
		     "the server closed the connection during the handshake");
	servers_stop(pid);
}

static void test_no_handshake(void **state)
{
	struct deaf deaf = servers_deaf();
	struct outcome outcome = connect_to(url_to("/403"), 20 * S);

	(void)state;
	assert_int_equal(record_peek(outcome.value, "status").i, 403);
	assert_fails(outcome, OUTCOME_FAILED, "/403: the server answered 403");
	assert_fails(connect_to(url_to("/302"), 20 * S), OUTCOME_FAILED,
		     "the server answered 302; redirects are not followed");
	assert_fails(connect_to(url_to("/slow"), 300 * MS), OUTCOME_FAILED,
		     "no answer to the handshake within 300ms");
	canned("", true, OUTCOME_FAILED, "no answer to the handshake within 500ms");
	canned("", false, OUTCOME_FAILED, "the server closed the connection during the handshake");
	canned("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", true, OUTCOME_FAILED,
	       "the server answered 200");
	canned("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	       "Sec-WebSocket-Accept: bm90IGZvciB5b3U=\r\n\r\n",
	       true, OUTCOME_FAILED, "the server's answer is no WebSocket handshake");
	canned("HTTP/1.1 101 Switching Proto", true, OUTCOME_FAILED,
	       "no answer to the handshake within 500ms");
	canned("HTTP/1.1 101 Switching Proto", false, OUTCOME_FAILED, "during the handshake");
	canned("220 mail.example ESMTP\r\n", true, OUTCOME_FAILED, "");
	canned_reset("");
	canned_reset("HTTP/1.1 101 Swit");
	assert_fails(connect_to(value_string_printf("ws://127.0.0.1:%d/", servers_free_port()), S),
		     OUTCOME_FAILED, "connection refused");
	assert_fails(connect_to(value_string_printf("ws://127.0.0.1:%d/", deaf.port), 200 * MS),
		     OUTCOME_FAILED, "no connection within 200ms");
	assert_fails(connect_to(value_string("ws://no-such-host.invalid/"), 20 * S), OUTCOME_FAILED,
		     "is not known");
	servers_undeaf(&deaf);
}

static void test_urls_and_arguments(void **state)
{
	static const char *const wrong[] = {"http://127.0.0.1/", "ws:///x", "ws://",
					    "127.0.0.1",	 "",	    "ws://a b/"};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_fails(connect_to(value_string(wrong[i]), S), OUTCOME_FAILED,
			     "ws.connect: a URL begins with ws:// or wss:// and a host");
	assert_fails(connect_to(value_string("ws://me:pass@127.0.0.1/"), S), OUTCOME_FAILED,
		     "a user goes by a header");
	assert_fails(exchange("/", LIST("x"), LIST("(")), OUTCOME_FAILED,
		     "expect: the pattern is wrong at byte");
	assert_fails(
	    row_run(driver, &ws_table, "ws.connect",
		    ARGS({"url", url_to("/")}, {"headers", record_of("X", value_string("a\r\nY: b"))})),
	    OUTCOME_FAILED, "has a line break");
	{
		static const char *const own[][2] = {{"host", "the header host is set by runplan itself"},
						     {"Sec-WebSocket-Key", "is set by runplan itself"},
						     {"Upgrade", "is set by runplan itself"},
						     {"connection", "is set by runplan itself"},
						     {"Origin", "the header Origin is given as `origin`"},
						     {"Sec-WebSocket-Protocol", "is given as `protocols`"}};

		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			assert_fails(row_run(driver, &ws_table, "ws.connect",
					     ARGS({"url", url_to("/")},
						  {"headers", record_of(own[i][0], value_string("x"))})),
				     OUTCOME_FAILED, own[i][1]);
	}
	assert_fails(row_run(driver, &ws_table, "ws.connect",
			     ARGS({"url", url_to("/")}, {"origin", value_string("a\r\nY: b")})),
		     OUTCOME_FAILED, "an origin has no blanks");
	assert_fails(
	    row_run(driver, &ws_table, "ws.connect", ARGS({"url", url_to("/")}, {"protocols", LIST("a, b")})),
	    OUTCOME_FAILED, "a protocol is a word");
}

/* ---- exchanges ---- */

static void test_echo(void **state)
{
	struct value answer =
	    answer_of(exchange("/echo", LIST("one", "", "three"), LIST("^one$", "^three$")));

	(void)state;
	assert_int_equal(value_length(record_peek(answer, "messages")), 3);
	assert_string_equal(item(answer, "messages", 1), "");
	assert_string_equal(item(answer, "found", 1), "three");
	value_release(answer);
	/* Nothing is expected: it ends when all is sent. */
	value_release(answer_of(exchange("/silent", LIST("one", "two"), LIST())));
	/* Others in between are passed over. */
	answer = answer_of(exchange("/events", LIST(), LIST("event 1", "event [34]")));
	assert_string_equal(item(answer, "found", 1), "event 3");
	value_release(answer);
	/* What is expected comes before all is sent: that is sent all the same. */
	answer = answer_of(exchange("/kind", LIST("aa", "bbbb", "c"), LIST("str of 2", "str of 1$")));
	assert_int_equal(value_length(record_peek(answer, "messages")), 3);
	value_release(answer);
}

static void test_kinds_of_messages(void **state)
{
	struct value send = list_new(1), answer;
	struct buffer large = {0};

	(void)state;
	list_push(&send, value_string_n("a\0b\xff", 4));
	answer = answer_of(row_run(driver, &ws_table, "ws.exchange",
				   ARGS({"url", url_to("/kind")}, {"send", send}, {"expect", LIST("of")},
					{"binary", value_bool(true)})));
	assert_string_equal(item(answer, "found", 0), "bytes of 4");
	value_release(answer);
	answer = answer_of(exchange("/kind", LIST("text"), LIST("of")));
	assert_string_equal(item(answer, "found", 0), "str of 4");
	value_release(answer);
	answer = answer_of(exchange("/fragments", LIST("last"), LIST("^one and two$", "^last$")));
	assert_int_equal(value_length(list_peek(record_peek(answer, "messages"), 1)), 4);
	assert_memory_equal(item(answer, "messages", 1), "\0\1\2\xff", 4);
	value_release(answer);
	answer = answer_of(exchange("/ping", LIST(), LIST("the pong came")));
	value_release(answer);
	/* One that no buffer takes at once, in both directions. */
	for (int i = 0; i < 200000; i++)
		buffer_add_text(&large, "0123456789");
	send = list_new(1);
	list_push(&send, buffer_finish(&large));
	answer = answer_of(exchange("/echo", value_copy(send), LIST("0123")));
	assert_true(value_equal(list_peek(record_peek(answer, "messages"), 0), list_peek(send, 0)));
	value_release(answer);
	value_release(send);
}

static void test_too_large(void **state)
{
	(void)state;
	assert_fails(exchange_reads("/large", LIST(), LIST("never"), 10 * S), OUTCOME_FAILED,
		     "the messages exceed 4MiB; 0 of 1 expected messages came");
	assert_fails(row_run(driver, &ws_table, "ws.exchange",
			     ARGS({"url", url_to("/events")}, {"expect", LIST("event 4")},
				  {"body_max", value_size(15)})),
		     OUTCOME_FAILED, "the messages exceed 15B");
}

static void test_the_server_ends_it(void **state)
{
	struct outcome outcome = exchange_reads("/close", LIST(), LIST("welcome"), 20 * S);

	(void)state;
	assert_int_equal(record_peek(outcome.value, "close").i, 1008);
	assert_int_equal(record_peek(outcome.value, "status").i, 101);
	assert_fails(outcome, OUTCOME_FAILED,
		     "the server closed the session (1008: not like this); 0 of 1 expected messages came");
	assert_fails(exchange_reads("/cut", LIST(), LIST("x"), 20 * S), OUTCOME_FAILED,
		     "the connection was cut off");
	assert_fails(exchange_reads("/cut-later", LIST("x"), LIST("x"), 20 * S), OUTCOME_FAILED,
		     "the connection was cut off");
	/* As a change it may have been done. */
	assert_fails(exchange("/cut-later", LIST("x"), LIST("x")), OUTCOME_UNKNOWN,
		     "the server may have acted on it");
	/* Where nothing could be sent it was not. */
	assert_fails(exchange("/403", LIST("x"), LIST("x")), OUTCOME_FAILED, "the server answered 403");
}

static void test_what_is_expected_does_not_come(void **state)
{
	(void)state;
	assert_fails(exchange_reads("/silent", LIST("x"), LIST("x"), 2 * S), OUTCOME_FAILED,
		     "not all that is expected came within 2s; 0 of 1 expected messages came");
	assert_fails(exchange_reads("/echo", LIST("a", "b"), LIST("a", "c"), 2 * S), OUTCOME_FAILED,
		     "1 of 2 expected messages came, of 2 the last one: b");
	/* A message cannot write to the terminal. */
	assert_fails(exchange_reads("/echo", LIST("\033[31mred\r\n"), LIST("c"), 2 * S), OUTCOME_FAILED,
		     "of 1 the last one: [31mred");
}

/* The session is closed in order, so that the server sees no broken client. */
static void test_goodbye(void **state)
{
	(void)state;
	value_release(answer_of(exchange("/goodbye", LIST("x"), LIST())));
	/* The driver's turns of the loop send it; the server's word comes when it has taken it. */
	value_release(answer_of(exchange("/echo", LIST("x"), LIST("x"))));
	assert_true(servers_shell(
	    directory,
	    "i=0; until grep -qx 1000 goodbye; do i=$((i + 1)); [ $i -lt 100 ]; sleep 0.05; done"));
}

static void test_secrets_are_not_shown(void **state)
{
	struct value send = list_new(1), line;
	struct outcome outcome;

	(void)state;
	list_push(&send, value_mark(value_string("hush hush"), VALUE_SECRET));
	line = row_describe(&ws_table, "ws.exchange", ARGS({"url", url_to("/")}, {"send", value_copy(send)}));
	assert_non_null(strstr(value_text_peek(line), "send *** to ws://127.0.0.1"));
	value_release(line);
	outcome = exchange_reads("/echo", send, LIST("never"), 2 * S);
	assert_null(strstr(value_text_peek(outcome.message), "hush"));
	assert_fails(outcome, OUTCOME_FAILED, "the last one: ***");
	outcome = connect_to(
	    value_mark(value_string_printf("ws://127.0.0.1:%d/403?token=hush", port), VALUE_SECRET), S);
	assert_null(strstr(value_text_peek(outcome.message), "hush"));
	assert_fails(outcome, OUTCOME_FAILED, "ws.connect: ***: the server answered 40");
}

static void test_tls(void **state)
{
	static const struct {
		const char *host, *ca;
		bool insecure;
		const char *part; /* NULL: it works */
	} cases[] = {
	    {"localhost", "ca.pem", false, NULL},
	    {"127.0.0.1", "ca.pem", false, NULL},
	    {"localhost", NULL, true, NULL},
	    {"localhost", NULL, false,
	     "the certificate is not trusted: unable to get local issuer certificate"},
	    {"localhost", "self.pem", false, "the certificate is not trusted: "},
	    {"localhost", "none.pem", false, "ca: no certificates can be read from "},
	    {"localhost", "index.txt", false, "ca: no certificates can be read from "},
	};
	static const char *const bad[][2] = {{"expired", "certificate has expired"},
					     {"wrong", "ostname mismatch"},
					     {"self", "self-signed certificate"}};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outcome outcome = row_run(
		    driver, &ws_table, "ws.exchange",
		    ARGS({"url", value_string_printf("wss://%s:%d/", cases[i].host, tls_port)},
			 {"send", LIST("x")}, {"expect", LIST("x")},
			 {"insecure", value_bool(cases[i].insecure)}, {"timeout", value_duration(60 * S)},
			 {"ca", cases[i].ca == NULL ? value_null()
						    : value_string_printf("%s/%s", directory, cases[i].ca)}));

		if (cases[i].part == NULL)
			value_release(answer_of(outcome));
		else
			assert_fails(outcome, OUTCOME_FAILED, cases[i].part);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int at = servers_free_port();
		char text[12], certificate[20], key[20];
		const char *argv[] = {"openssl",   "s_server", "-quiet", "-accept", text, "-cert",
				      certificate, "-key",     key,	 "-www",    NULL};
		pid_t pid;

		snprintf(text, sizeof text, "%d", at);
		snprintf(certificate, sizeof certificate, "%s.pem", bad[i][0]);
		snprintf(key, sizeof key, "%s.key", bad[i][0]);
		pid = servers_start(directory, at, argv);
		assert_fails(row_run(driver, &ws_table, "ws.connect",
				     ARGS({"url", value_string_printf("wss://localhost:%d/", at)},
					  {"ca", value_string_printf("%s/ca.pem", directory)})),
			     OUTCOME_FAILED, bad[i][1]);
		servers_stop(pid);
	}
	assert_fails(connect_to(value_string_printf("wss://localhost:%d/", port), 500 * MS), OUTCOME_FAILED,
		     "ws.connect: wss://localhost");
	assert_fails(connect_to(value_string_printf("ws://localhost:%d/", tls_port), 500 * MS),
		     OUTCOME_FAILED, "ws.connect: ws://localhost");
}

/* Lets the loop run for a while, in which nothing may end. */
static void wait_a_while(int64_t time)
{
	int64_t until = live_now((struct live *)driver) + time;
	struct delivery delivery;

	while (live_now((struct live *)driver) < until)
		assert_false(driver->ops->next(driver, until, &delivery) &&
			     delivery.kind == DELIVERY_OUTCOME);
}

static void test_cancel(void **state)
{
	struct deaf deaf = servers_deaf();
	char path[60];

	(void)state;
	snprintf(path, sizeof path, "%s/goodbye", directory);
	unlink(path);
	row_start(driver, &ws_table, "ws.exchange", "slow",
		  ARGS({"url", url_to("/goodbye")}, {"send", LIST("x")}, {"expect", LIST("x")},
		       {"timeout", value_duration(60 * S)}));
	/* The server has a session; its answer arrives a moment later. */
	while (access(path, F_OK) != 0)
		wait_a_while(50 * MS);
	wait_a_while(200 * MS);
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), OUTCOME_UNKNOWN, "cancelled; 0 of 1 expected messages came");
	row_start(driver, &ws_table, "ws.connect", "slow", ARGS({"url", url_to("/slow")}));
	wait_a_while(300 * MS);
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), OUTCOME_FAILED, "cancelled");
	row_start(driver, &ws_table, "ws.connect", "slow",
		  ARGS({"url", value_string_printf("ws://127.0.0.1:%d/", deaf.port)}));
	driver->ops->cancel(driver, "slow");
	assert_fails(row_wait(driver), OUTCOME_FAILED, "cancelled");
	servers_undeaf(&deaf);
}

static void test_many_and_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		char id[16];

		snprintf(id, sizeof id, "c%d", i);
		row_start(driver, &ws_table, "ws.exchange", id,
			  ARGS({"url", url_to("/echo")}, {"send", LIST("x")}, {"expect", LIST("x")}));
	}
	for (int i = 0; i < 60; i++)
		value_release(answer_of(row_wait(driver)));
	/* The run ends in the middle of these. */
	row_start(driver, &ws_table, "ws.exchange", "silent",
		  ARGS({"url", url_to("/silent")}, {"send", LIST("x")}, {"expect", LIST("x")}));
	row_start(driver, &ws_table, "ws.connect", "slow", ARGS({"url", url_to("/slow")}));
	row_start(driver, &ws_table, "ws.exchange", "tls",
		  ARGS({"url", value_string_printf("wss://localhost:%d/silent", tls_port)},
		       {"expect", LIST("x")}, {"insecure", value_bool(true)}));
	wait_a_while(300 * MS);
}

static int start(void **state)
{
	char script[4096], plain[12], tls[12];
	const char *argv[] = {"/usr/bin/python3", script, plain, tls, directory, NULL};

	(void)state;
	servers_directory(directory);
	port = servers_free_port();
	tls_port = servers_free_port();
	snprintf(plain, sizeof plain, "%d", port);
	snprintf(tls, sizeof tls, "%d", tls_port);
	if (realpath("tests/unit/ws_serve.py", script) == NULL || !servers_certificates(directory))
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
	    TEST(test_connect),
	    TEST(test_what_the_server_is_told),
	    TEST(test_no_handshake),
	    TEST(test_urls_and_arguments),
	    TEST(test_echo),
	    TEST(test_kinds_of_messages),
	    TEST(test_too_large),
	    TEST(test_the_server_ends_it),
	    TEST(test_what_is_expected_does_not_come),
	    TEST(test_goodbye),
	    TEST(test_secrets_are_not_shown),
	    TEST(test_tls),
	    TEST(test_cancel),
	    TEST(test_many_and_the_end),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
