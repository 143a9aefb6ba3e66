/* test_http.c - http.* and notify.* against a real server on loopback. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <regex.h>
#include <sys/stat.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/http_serve.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static struct serve server;

static struct value url_to(const char *path)
{
	return value_string_printf("http://127.0.0.1:%d%s", server.port, path);
}

static struct driver *new_driver(void)
{
	return live_new(NULL);
}

static const char *text(struct value record, const char *key)
{
	return value_text_peek(record_peek(record, key));
}

/* The outcome is a failure whose message is `expected`; %d in it is the server's port. Drops it. */
static void assert_fails(struct outcome outcome, enum outcome_kind kind, const char *format)
{
	char expected[500];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(expected, sizeof expected, format, server.port, server.port);
#pragma GCC diagnostic pop
	assert_string_equal(value_text_peek(outcome.message), expected);
	assert_int_equal(outcome.kind, kind);
	outcome_release(&outcome);
}

static struct value record_of(const char *key, struct value v)
{
	struct value record = record_new(1);

	record_set(&record, key, v);
	return record;
}

/* ---- one request ---- */

static void test_get(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(driver, &http_table, "http.get", ARGS({"url", url_to("/ok")}));
	struct value url = url_to("/ok");

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(record_peek(outcome.value, "status").i, 200);
	assert_string_equal(text(outcome.value, "body"), "{\"ok\": true}");
	assert_true(record_peek(record_peek(outcome.value, "json"), "ok").b);
	assert_string_equal(text(record_peek(outcome.value, "headers"), "content-type"), "application/json");
	assert_int_equal(record_peek(outcome.value, "time").tag, VALUE_DURATION);
	assert_true(record_peek(outcome.value, "time").i > 0);
	assert_string_equal(text(outcome.value, "url"), value_text_peek(url));
	assert_int_equal(record_peek(outcome.value, "error").tag, VALUE_NULL);
	assert_int_equal(record_peek(outcome.value, "certificate_expires").tag, VALUE_NULL);
	outcome_release(&outcome);
	value_release(url);
	driver->ops->free(driver);
}

static void test_head(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(driver, &http_table, "http.head", ARGS({"url", url_to("/ok")}));

	(void)state;
	assert_int_equal(record_peek(outcome.value, "status").i, 200);
	assert_string_equal(text(outcome.value, "body"), "");
	assert_int_equal(record_peek(outcome.value, "json").tag, VALUE_NULL);
	outcome_release(&outcome);
	driver->ops->free(driver);
}

static void test_any_status_is_an_answer_unless_ok_says(void **state)
{
	static const struct {
		int status;
		bool fits_range, fits_list;
	} cases[] = {{200, true, true},	 {204, true, false}, {299, true, false},   {300, false, false},
		     {404, false, true}, {503, false, true}, {199 + 1, true, true}};
	struct driver *driver = new_driver();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char path[40];
		struct outcome outcome;
		struct value list = list_new(3);

		snprintf(path, sizeof path, "/status/%d", cases[i].status);
		outcome = row_run(driver, &http_table, "http.get", ARGS({"url", url_to(path)}));
		assert_int_equal(outcome.kind, OUTCOME_OK);
		assert_int_equal(record_peek(outcome.value, "status").i, cases[i].status);
		outcome_release(&outcome);
		outcome = row_run(driver, &http_table, "http.get",
				  ARGS({"url", url_to(path)}, {"ok", value_range(200, 299)}));
		assert_int_equal(outcome.kind, cases[i].fits_range ? OUTCOME_OK : OUTCOME_FAILED);
		outcome_release(&outcome);
		list_push(&list, value_int(404));
		list_push(&list, value_range(500, 599));
		list_push(&list, value_int(200));
		outcome = row_run(driver, &http_table, "http.get", ARGS({"url", url_to(path)}, {"ok", list}));
		assert_int_equal(outcome.kind, cases[i].fits_list ? OUTCOME_OK : OUTCOME_FAILED);
		outcome_release(&outcome);
	}
	driver->ops->free(driver);
}

static void test_an_unwanted_status_says_what_came(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(driver, &http_table, "http.get",
					 ARGS({"url", url_to("/status/503")}, {"ok", value_range(200, 299)}));

	(void)state;
	assert_int_equal(record_peek(outcome.value, "status").i, 503);
	assert_string_equal(text(outcome.value, "method"), "GET");
	assert_string_equal(text(outcome.value, "body"), "status 503");
	assert_fails(outcome, OUTCOME_FAILED,
		     "GET http://127.0.0.1:%d/status/503: answered 503, wanted 200..299: status 503");
	assert_fails(row_run(driver, &http_table, "http.get",
			     ARGS({"url", url_to("/ok")}, {"ok", value_string("2xx")})),
		     OUTCOME_FAILED,
		     "http.get: ok is a status, a range of them, or a list: 200, 200..299, [200, 404]");
	driver->ops->free(driver);
}

/* A hostile body cannot write to the terminal through a message. */
static const char *answers(const char *path, const char **type, int *status)
{
	static char nested[3001];

	*type = "application/json";
	if (strcmp(path, "/escape") == 0) {
		*status = 500;
		return "\033[31mred\r\n\033]0;title\007 second\tline \xff end";
	}
	if (strcmp(path, "/number") == 0)
		return " 42 ";
	if (strcmp(path, "/broken") == 0)
		return "{\"a\": ";
	if (strcmp(path, "/nested") == 0)
		return memset(nested, '[', 3000);
	*type = "text/plain";
	if (strcmp(path, "/list") == 0)
		return "\n [1, 2]";
	if (strcmp(path, "/looks") == 0)
		return "{not json}";
	if (strcmp(path, "/quoted") == 0)
		return "\"text\"";
	return NULL;
}

static void test_messages_are_one_clean_line(void **state)
{
	struct driver *driver = new_driver();

	(void)state;
	assert_fails(
	    row_run(driver, &http_table, "http.get",
		    ARGS({"url", url_to("/escape")}, {"ok", value_int(200)})),
	    OUTCOME_FAILED,
	    "GET http://127.0.0.1:%d/escape: answered 500, wanted 200: [31mred ]0;title second line ? end");
	driver->ops->free(driver);
}

static void test_json_is_parsed_where_it_is_json(void **state)
{
	static const struct {
		const char *path;
		enum value_tag tag;
	} cases[] = {{"/number", VALUE_INT}, {"/list", VALUE_LIST},   {"/broken", VALUE_NULL},
		     {"/looks", VALUE_NULL}, {"/quoted", VALUE_NULL}, {"/status/200", VALUE_NULL},
		     {"/nested", VALUE_NULL}};
	struct driver *driver = new_driver();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outcome outcome =
		    row_run(driver, &http_table, "http.get", ARGS({"url", url_to(cases[i].path)}));

		assert_int_equal(outcome.kind, OUTCOME_OK);
		assert_int_equal(record_peek(outcome.value, "json").tag, cases[i].tag);
		outcome_release(&outcome);
	}
	driver->ops->free(driver);
}

static void test_bodies(void **state)
{
	struct driver *driver = new_driver();
	struct value json = record_of("a", value_string("ü\"\n"));
	struct outcome outcome;

	(void)state;
	record_set(&json, "share", value_percent(0.05));
	record_set(&json, "token", value_mark(value_string("hunter2"), VALUE_SECRET));
	outcome = row_run(driver, &http_table, "http.post", ARGS({"url", url_to("/echo")}, {"json", json}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_non_null(strstr(text(outcome.value, "body"), "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(text(outcome.value, "body"), "Content-Type: application/json\r\n"));
	/* A secret goes out as it is: only sinks hide it. */
	assert_non_null(strstr(text(outcome.value, "body"), "\"token\":\"hunter2\""));
	assert_non_null(strstr(text(outcome.value, "body"), "0.05"));
	outcome_release(&outcome);

	outcome = row_run(driver, &http_table, "http.put",
			  ARGS({"url", url_to("/echo")}, {"body", value_string("a=1")},
			       {"headers", record_of("content-type", value_string("text/x"))}));
	assert_non_null(strstr(text(outcome.value, "body"), "PUT /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(text(outcome.value, "body"), "content-type: text/x\r\n"));
	assert_null(strstr(text(outcome.value, "body"), "text/plain"));
	assert_non_null(strstr(text(outcome.value, "body"), "\r\n\r\na=1"));
	outcome_release(&outcome);

	outcome = row_run(driver, &http_table, "http.patch", ARGS({"url", url_to("/echo")}));
	assert_non_null(strstr(text(outcome.value, "body"), "PATCH /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(text(outcome.value, "body"), "Content-Length: 0\r\n"));
	outcome_release(&outcome);

	outcome = row_run(driver, &http_table, "http.delete", ARGS({"url", url_to("/echo")}));
	assert_non_null(strstr(text(outcome.value, "body"), "DELETE /echo HTTP/1.1\r\n"));
	outcome_release(&outcome);

	outcome = row_run(driver, &http_table, "http.request",
			  ARGS({"method", value_string("PURGE")}, {"url", url_to("/echo?x=1")}));
	assert_non_null(strstr(text(outcome.value, "body"), "PURGE /echo?x=1 HTTP/1.1\r\n"));
	outcome_release(&outcome);

	assert_fails(
	    row_run(driver, &http_table, "http.post",
		    ARGS({"url", url_to("/echo")}, {"body", value_string("a")}, {"json", value_int(1)})),
	    OUTCOME_FAILED, "http.post: give body or json, not both");
	driver->ops->free(driver);
}

static void test_hostile_arguments_are_refused(void **state)
{
	static const char *const names[] = {"X\r\nEvil",	 "X: y",     "", "X Y", "Content-Length",
					    "transfer-encoding", "X\xc3\xbc"};
	static const char *const methods[] = {"GET / HTTP/1.1\r\nX: ", "get", "", "CONNECT", "A B"};
	static const char *const urls[] = {"file:///etc/passwd", "ftp://x/",	      "127.0.0.1/",
					   "http://x/a b",	 "http://x/\r\nX: y", ""};
	struct driver *driver = new_driver();
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		outcome = row_run(
		    driver, &http_table, "http.get",
		    ARGS({"url", url_to("/ok")}, {"headers", record_of(names[i], value_string("v"))}));
		assert_int_equal(outcome.kind, OUTCOME_FAILED);
		assert_null(strchr(value_text_peek(outcome.message), '\n'));
		outcome_release(&outcome);
	}
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		outcome = row_run(driver, &http_table, "http.request",
				  ARGS({"method", value_string(methods[i])}, {"url", url_to("/ok")}));
		assert_int_equal(outcome.kind, OUTCOME_FAILED);
		outcome_release(&outcome);
	}
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		outcome = row_run(driver, &http_table, "http.get", ARGS({"url", value_string(urls[i])}));
		assert_int_equal(outcome.kind, OUTCOME_FAILED);
		assert_non_null(strstr(value_text_peek(outcome.message), "http.get: a URL "));
		outcome_release(&outcome);
	}
	assert_fails(
	    row_run(driver, &http_table, "http.get",
		    ARGS({"url", url_to("/echo")},
			 {"headers", record_of("X-Token", value_mark(value_string("a\r\nEvil: hunter2"),
								     VALUE_SECRET))})),
	    OUTCOME_FAILED, "http.get: the value of the header X-Token has a line break in it");
	assert_fails(
	    row_run(driver, &http_table, "http.get",
		    ARGS({"url", url_to("/echo")}, {"headers", record_of("X", value_string_n("a\0b", 3))})),
	    OUTCOME_FAILED, "http.get: the value of the header X has a line break in it");
	/* Numbers and empty texts are fine, null leaves the header out. */
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", url_to("/echo")}, {"headers", record_of("X-N", value_int(7))}));
	assert_non_null(strstr(text(outcome.value, "body"), "X-N: 7\r\n"));
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", url_to("/echo")}, {"headers", record_of("X-E", value_string(""))}));
	assert_non_null(strstr(text(outcome.value, "body"), "X-E:\r\n"));
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", url_to("/echo")}, {"headers", record_of("X-Z", value_null())}));
	assert_null(strstr(text(outcome.value, "body"), "X-Z"));
	outcome_release(&outcome);
	driver->ops->free(driver);
}

static void test_login(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(
	    driver, &http_table, "http.get",
	    ARGS({"url", url_to("/echo")}, {"login", value_mark(value_string("me:pa ss"), VALUE_SECRET)}));

	(void)state;
	assert_non_null(strstr(text(outcome.value, "body"), "Authorization: Basic bWU6cGEgc3M=\r\n"));
	outcome_release(&outcome);
	driver->ops->free(driver);
}

/* The line that the server was asked by, and a header of it. */
static void expect_asked(struct driver *driver, const char *path, const char *key, bool follow)
{
	char line[100], header[100];
	struct outcome outcome =
	    row_run(driver, &http_table, "http.get",
		    ARGS({"url", url_to(path)}, {"headers", record_of("X-Key", value_string(key))},
			 {"follow", value_bool(follow)}));
	const char *body = text(outcome.value, "body");

	snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", path);
	snprintf(header, sizeof header, "X-Key: %s\r\n", key);
	if (strncmp(body, line, strlen(line)) != 0 || !strstr(body, header))
		fail_msg("%s with %s was asked for as:\n%s", path, key, body);
	outcome_release(&outcome);
}

/* A request stays prepared, for the same one and for others of its server: nothing of the one before is in
 * the next. */
static void test_prepared_requests(void **state)
{
	static const char *const paths[] = {"/echo", "/echo?a=1", "/echo?b=%20"};
	struct driver *driver = new_driver();
	struct outcome outcome;

	(void)state;
	for (int i = 0; i < 3; i++)
		expect_asked(driver, "/echo", "one", false);
	for (int i = 0; i < 200; i++) {
		char path[40];

		snprintf(path, sizeof path, "/echo?number=%d", i % 70);
		expect_asked(driver, path, i % 3 ? "one" : "another", i % 5 == 0);
	}
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", url_to("/redirect/1")}, {"follow", value_bool(true)}));
	assert_int_equal(record_peek(outcome.value, "status").i, 200);
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", url_to("/echo?behind")}, {"follow", value_bool(true)}));
	assert_non_null(strstr(text(outcome.value, "body"), "GET /echo?behind HTTP/1.1\r\n"));
	assert_null(strstr(text(outcome.value, "body"), "X-Key"));
	outcome_release(&outcome);
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
		expect_asked(driver, paths[i], "one", false);
	driver->ops->free(driver);
}

static void test_redirects(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome =
	    row_run(driver, &http_table, "http.get", ARGS({"url", url_to("/redirect/1")}));
	struct value end = url_to("/ok");

	(void)state;
	assert_int_equal(record_peek(outcome.value, "status").i, 302);
	assert_string_equal(text(record_peek(outcome.value, "headers"), "location"), "/redirect/0");
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", url_to("/redirect/1")}, {"follow", value_bool(true)}));
	assert_int_equal(record_peek(outcome.value, "status").i, 200);
	assert_string_equal(text(outcome.value, "url"), value_text_peek(end));
	outcome_release(&outcome);
	assert_fails(
	    row_run(driver, &http_table, "http.get",
		    ARGS({"url", url_to("/redirect/1")}, {"follow", value_bool(true)},
			 {"headers", record_of("X-Key", value_mark(value_string("k"), VALUE_SECRET))})),
	    OUTCOME_FAILED, "http.get: with follow, the secret in the header X-Key could reach another host");
	/* A change never wanders. */
	outcome = row_run(driver, &http_table, "http.delete", ARGS({"url", url_to("/redirect/1")}));
	assert_int_equal(record_peek(outcome.value, "status").i, 302);
	outcome_release(&outcome);
	value_release(end);
	driver->ops->free(driver);
}

static void test_no_answer(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome;

	(void)state;
	assert_fails(
	    row_run(driver, &http_table, "http.get", ARGS({"url", value_string("http://127.0.0.1:1/x")})),
	    OUTCOME_FAILED, "GET http://127.0.0.1:1/x: connection refused (127.0.0.1:1)");
	assert_fails(row_run(driver, &http_table, "http.get",
			     ARGS({"url", value_string("http://user:hunter2@127.0.0.1:1/x@y")})),
		     OUTCOME_FAILED, "GET http://127.0.0.1:1/x@y: connection refused (127.0.0.1:1)");
	assert_fails(row_run(driver, &http_table, "http.get",
			     ARGS({"url", url_to("/hang")}, {"timeout", value_duration(100 * MS)})),
		     OUTCOME_FAILED, "GET http://127.0.0.1:%d/hang: timed out after 100ms (127.0.0.1:%d)");
	assert_fails(row_run(driver, &http_table, "http.get",
			     ARGS({"url", url_to("/chunked/101")}, {"body_max", value_size(100)})),
		     OUTCOME_FAILED, "GET http://127.0.0.1:%d/chunked/101: the body exceeds 100B");
	outcome = row_run(driver, &http_table, "http.get", ARGS({"url", url_to("/cut")}));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(text(outcome.value, "error"), "ended before the whole answer came"));
	outcome_release(&outcome);
	driver->ops->free(driver);
}

/* A change that was sent and never answered may have happened; one that was never sent has not. */
static void test_a_change_without_an_answer_is_unknown(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome;

	(void)state;
	assert_fails(row_run(driver, &http_table, "http.post",
			     ARGS({"url", url_to("/hang")}, {"timeout", value_duration(100 * MS)})),
		     OUTCOME_UNKNOWN,
		     "POST http://127.0.0.1:%d/hang: timed out after 100ms (127.0.0.1:%d); the server may "
		     "have done it");
	outcome = row_run(driver, &http_table, "http.put", ARGS({"url", url_to("/close")}));
	assert_int_equal(outcome.kind, OUTCOME_UNKNOWN);
	outcome_release(&outcome);
	assert_fails(
	    row_run(driver, &http_table, "http.post", ARGS({"url", value_string("http://127.0.0.1:1/")})),
	    OUTCOME_FAILED, "POST http://127.0.0.1:1/: connection refused (127.0.0.1:1)");
	driver->ops->free(driver);
}

static void test_cancel_in_mid_transfer(void **state)
{
	struct driver *driver = new_driver();
	struct delivery d;
	int64_t began;

	(void)state;
	row_start(driver, &http_table, "http.get", "get", ARGS({"url", url_to("/drip")}));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 150 * MS, &d));
	assert_int_equal(d.kind, DELIVERY_TIME);
	began = live_now((struct live *)driver);
	driver->ops->cancel(driver, "get");
	assert_fails(row_wait(driver), OUTCOME_FAILED, "GET http://127.0.0.1:%d/drip: cancelled");
	row_start(driver, &http_table, "http.post", "post", ARGS({"url", url_to("/hang")}));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 100 * MS, &d));
	driver->ops->cancel(driver, "post");
	assert_fails(row_wait(driver), OUTCOME_UNKNOWN,
		     "POST http://127.0.0.1:%d/hang: cancelled; the server may have done it");
	row_start(driver, &http_table, "http.post", "early", ARGS({"url", url_to("/hang")}));
	driver->ops->cancel(driver, "early");
	assert_fails(row_wait(driver), OUTCOME_FAILED, "POST http://127.0.0.1:%d/hang: cancelled");
	assert_true(live_now((struct live *)driver) - began < 1 * S);
	driver->ops->free(driver);
}

/* A secret URL is told nowhere: not in a message, not in the details, not in the preview. */
static void test_a_secret_url_stays_one(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome =
	    row_run(driver, &http_table, "http.get",
		    ARGS({"url", value_mark(value_string("http://hunter2.invalid:1/token"), VALUE_SECRET)}));
	struct value shown = value_show(outcome.value, 0), line;

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_null(strstr(value_text_peek(outcome.message), "hunter2"));
	assert_null(strstr(value_text_peek(shown), "hunter2"));
	value_release(shown);
	outcome_release(&outcome);
	line = row_describe(&http_table, "http.get",
			    ARGS({"url", value_mark(value_string("http://hunter2/"), VALUE_SECRET)}));
	assert_string_equal(value_text_peek(line), "GET ***");
	value_release(line);
	driver->ops->free(driver);
}

static void test_preview(void **state)
{
	struct value line =
	    row_describe(&http_table, "http.get", ARGS({"url", value_string("http://u:p@h/x?a=b")}));

	(void)state;
	assert_string_equal(value_text_peek(line), "GET http://h/x?a=b");
	value_release(line);
	line =
	    row_describe(&http_table, "http.post",
			 ARGS({"url", value_string("http://h/")},
			      {"json", record_of("password", value_mark(value_string("x"), VALUE_SECRET))}));
	assert_string_equal(value_text_peek(line), "POST http://h/ { password: *** }");
	value_release(line);
	line = row_describe(&http_table, "http.get", ARGS({"url", value_unknown()}));
	assert_memory_equal(value_text_peek(line), "GET ", 4);
	value_release(line);
}

/* ---- many ---- */

static struct value urls_of(size_t count, const char *path)
{
	struct value urls = list_new(count);

	for (size_t i = 0; i < count; i++)
		list_push(&urls, value_string_printf("http://127.0.0.1:%d%s", server.port, path));
	return urls;
}

static void test_all_keeps_the_order(void **state)
{
	static const char *const paths[] = {"/slow/200", "/status/404", "/slow/100", "/ok"};
	static const int statuses[] = {200, 404, 200, 200};
	struct driver *driver = new_driver();
	struct value urls = list_new(5);
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		list_push(&urls, url_to(paths[i]));
	list_push(&urls, value_string("http://127.0.0.1:1/"));
	outcome = row_run(driver, &http_table, "http.all", ARGS({"urls", urls}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 5);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(record_peek(list_peek(outcome.value, i), "status").i, statuses[i]);
	assert_int_equal(record_peek(list_peek(outcome.value, 4), "status").i, 0);
	assert_string_equal(text(list_peek(outcome.value, 4), "error"), "connection refused (127.0.0.1:1)");
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.all", ARGS({"urls", list_new(0)}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 0);
	outcome_release(&outcome);
	driver->ops->free(driver);
}

static void test_all_five_hundred(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome =
	    row_run(driver, &http_table, "http.all",
		    ARGS({"urls", urls_of(500, "/slow/100")}, {"at_most", value_int(500)},
			 {"ok", value_int(200)}, {"timeout", value_duration(20 * S)}));

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 500);
	outcome_release(&outcome);
	driver->ops->free(driver);
}

/* With 10 at once, 40 answers that take 100 ms each take 400 ms and not much more. */
static void test_all_is_bounded(void **state)
{
	struct driver *driver = new_driver();
	int64_t began = live_now((struct live *)driver), took;
	struct outcome outcome =
	    row_run(driver, &http_table, "http.all",
		    ARGS({"urls", urls_of(40, "/slow/100")}, {"at_most", value_int(10)}));

	(void)state;
	took = live_now((struct live *)driver) - began;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_in_range(took, 400 * MS, 2 * S);
	outcome_release(&outcome);
	assert_fails(row_run(driver, &http_table, "http.all",
			     ARGS({"urls", urls_of(1, "/ok")}, {"at_most", value_int(0)})),
		     OUTCOME_FAILED, "http.all: at_most is from 1 to 900");
	driver->ops->free(driver);
}

static void test_all_with_ok_names_who_failed(void **state)
{
	struct driver *driver = new_driver();
	struct value urls = urls_of(1, "/ok");
	struct outcome outcome;

	(void)state;
	list_push(&urls, url_to("/status/500"));
	list_push(&urls, value_string("http://127.0.0.1:1/"));
	outcome = row_run(driver, &http_table, "http.all",
			  ARGS({"urls", urls}, {"ok", value_int(200)}, {"at_most", value_int(1)}));
	assert_int_equal(value_length(outcome.value), 3);
	assert_fails(
	    outcome, OUTCOME_FAILED,
	    "http.all: 2 of 3: GET http://127.0.0.1:%d/status/500: answered 500, wanted 200: status 500; "
	    "GET http://127.0.0.1:1/: connection refused (127.0.0.1:1)");
	urls = urls_of(1, "/ok");
	list_push(&urls, value_string("gopher://x"));
	assert_fails(row_run(driver, &http_table, "http.all", ARGS({"urls", urls})), OUTCOME_FAILED,
		     "http.all: a URL begins with http:// or https://");
	driver->ops->free(driver);
}

static void test_all_cancelled(void **state)
{
	struct driver *driver = new_driver();
	struct delivery d;

	(void)state;
	row_start(driver, &http_table, "http.all", "all",
		  ARGS({"urls", urls_of(50, "/slow/300")}, {"at_most", value_int(10)}));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 100 * MS, &d));
	assert_int_equal(d.kind, DELIVERY_TIME);
	driver->ops->cancel(driver, "all");
	assert_fails(row_wait(driver), OUTCOME_FAILED, "http.all: cancelled with 0 of 50 answers");
	/* And left behind by the driver. */
	row_start(driver, &http_table, "http.all", "all",
		  ARGS({"urls", urls_of(50, "/slow/300")}, {"at_most", value_int(10)}));
	driver->ops->free(driver);
}

/* Whatever is cancelled and whenever: each call that was started is answered exactly once. */
static void test_each_call_is_answered_once(void **state)
{
	enum { CALLS = 300 };
	static const char *const paths[] = {"/ok",  "/slow/30",	   "/drip", "/hang",
					    "/cut", "/big/100000", "/close"};
	struct driver *driver = new_driver();
	int answered[CALLS] = {0}, left = CALLS;
	unsigned seed = 7;
	int64_t end;

	(void)state;
	for (int i = 0; i < CALLS; i++) {
		char id[20];

		snprintf(id, sizeof id, "%d", i);
		row_start(
		    driver, &http_table, i % 3 ? "http.get" : "http.post", id,
		    ARGS({"url", url_to(paths[rand_r(&seed) % 7])}, {"timeout", value_duration(1500 * MS)}));
		if (rand_r(&seed) % 8 == 0)
			driver->ops->cancel(driver, id);
	}
	end = live_now((struct live *)driver) + 20 * S;
	while (left > 0) {
		char id[20];
		struct delivery d;

		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 2 * MS, &d));
		if (d.kind == DELIVERY_OUTCOME) {
			assert_int_equal(answered[atoi(d.id)]++, 0);
			left--;
			free(d.id);
			outcome_release(&d.outcome);
		}
		snprintf(id, sizeof id, "%d", rand_r(&seed) % CALLS);
		if (rand_r(&seed) % 3 == 0)
			driver->ops->cancel(driver, id);
		assert_true(live_now((struct live *)driver) < end);
	}
	{
		struct delivery d;

		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 50 * MS, &d));
		assert_int_equal(d.kind, DELIVERY_TIME);
	}
	driver->ops->free(driver);
}

/* ---- TLS ---- */

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	close(fd);
	return ntohs(address.sin_port);
}

/* Runs a script of the shell in `directory` as a child that ends with the test. */
static pid_t script_start(const char *directory, const char *script, int argument)
{
	pid_t pid = fork();
	char text[20];

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	snprintf(text, sizeof text, "%d", argument);
	if (chdir(directory) == 0)
		execl("/bin/sh", "sh", "-c", script, "sh", text, NULL);
	_exit(127);
}

static void test_tls_needs_a_trusted_certificate(void **state)
{
	static const char make_server[] =
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout k.pem -out "
	    "c.pem "
	    "-days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 2>/dev/null || exit\n"
	    "cat >nginx.conf <<END\n"
	    "daemon off; pid $PWD/pid; error_log /dev/null; events {}\n"
	    "http { access_log off; server { listen 127.0.0.1:$1 ssl; ssl_certificate $PWD/c.pem;\n"
	    "ssl_certificate_key $PWD/k.pem; location / { return 200 tls; } } }\n"
	    "END\n"
	    "exec /usr/sbin/nginx -c $PWD/nginx.conf -e /dev/null";
	char directory[] = "/tmp/runplan-test-XXXXXX", ca[60];
	struct driver *driver;
	struct outcome outcome;
	struct value url;
	pid_t nginx, cleaner;
	int port = free_port();

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(ca, sizeof ca, "%s/c.pem", directory);
	nginx = script_start(directory, make_server, port);
	driver = new_driver();
	url = value_string_printf("https://127.0.0.1:%d/", port);
	for (int i = 0;; i++) {
		outcome = row_run(driver, &http_table, "http.get",
				  ARGS({"url", value_copy(url)}, {"ca", value_string(ca)}));
		if (outcome.kind == OUTCOME_OK || i == 200)
			break;
		outcome_release(&outcome);
		usleep(50000);
	}
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_string_equal(text(outcome.value, "body"), "tls");
	/* Known too where the connection was kept, and nothing of the certificate was seen this time. */
	for (int i = 0; i < 2; i++) {
		struct value expires = record_peek(outcome.value, "certificate_expires");

		assert_int_equal(expires.tag, VALUE_TIME);
		assert_true(llabs(expires.i / S - (int64_t)time(NULL) - 2 * 86400) < 600);
		outcome_release(&outcome);
		outcome = row_run(driver, &http_table, "http.get",
				  ARGS({"url", value_copy(url)}, {"ca", value_string(ca)}));
		assert_int_equal(outcome.kind, OUTCOME_OK);
	}
	outcome_release(&outcome);
	/* The trusted connection is still there, and of no use to those who do not name that certificate. */
	outcome = row_run(driver, &http_table, "http.get", ARGS({"url", value_copy(url)}));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(outcome.message), "is not accepted: "));
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.get",
			  ARGS({"url", value_copy(url)}, {"insecure", value_bool(true)}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	outcome_release(&outcome);
	outcome = row_run(driver, &http_table, "http.get", ARGS({"url", value_copy(url)}));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	outcome_release(&outcome);
	value_release(url);
	driver->ops->free(driver);
	kill(nginx, SIGTERM);
	waitpid(nginx, NULL, 0);
	cleaner = script_start(directory, "rm -r \"$PWD\"", 0);
	waitpid(cleaner, NULL, 0);
}

/* ---- notices ---- */

static void test_notify_file(void **state)
{
	struct driver *driver = new_driver();
	char name[] = "/tmp/runplan-test-XXXXXX", content[300] = "", pipe[60];
	int fd = mkstemp(name);
	struct outcome outcome;
	struct value said;
	regex_t lines;

	(void)state;
	outcome = row_run(driver, &notify_table, "notify.file",
			  ARGS({"path", value_string(name)}, {"text", value_string("v2 is live")}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	outcome_release(&outcome);
	outcome = row_run(driver, &notify_table, "notify.file",
			  ARGS({"path", value_string(name)}, {"text", value_string("two\nlines\033[1m")}));
	outcome_release(&outcome);
	assert_true(read(fd, content, sizeof content - 1) > 0);
	close(fd);
	unlink(name);
	assert_int_equal(regcomp(&lines,
				 "^20[0-9-]+T[0-9:]+Z v2 is live\n20[0-9-]+T[0-9:]+Z two lines \\[1m\n$",
				 REG_EXTENDED),
			 0);
	assert_int_equal(regexec(&lines, content, 0, NULL, 0), 0);
	regfree(&lines);
	assert_fails(row_run(driver, &notify_table, "notify.file",
			     ARGS({"path", value_string("/nowhere/x")}, {"text", value_string("t")})),
		     OUTCOME_FAILED, "notify.file: /nowhere/x: No such file or directory");
	assert_fails(row_run(driver, &notify_table, "notify.file",
			     ARGS({"path", value_string("/dev/full")}, {"text", value_string("t")})),
		     OUTCOME_FAILED, "notify.file: /dev/full: No space left on device");
	/* A pipe that nobody reads is not waited for. */
	snprintf(pipe, sizeof pipe, "%s.pipe", name);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	said = value_string_printf("notify.file: %s: No such device or address", pipe);
	assert_fails(row_run(driver, &notify_table, "notify.file",
			     ARGS({"path", value_string(pipe)}, {"text", value_string("x")})),
		     OUTCOME_FAILED, value_text_peek(said));
	value_release(said);
	unlink(pipe);
	driver->ops->free(driver);
}

static long requests_so_far(struct driver *driver)
{
	struct outcome outcome = row_run(driver, &http_table, "http.get", ARGS({"url", url_to("/count")}));
	long count = record_peek(outcome.value, "json").i;

	outcome_release(&outcome);
	return count;
}

static void test_notify_webhook(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome;
	long before;

	(void)state;
	outcome = row_run(
	    driver, &notify_table, "notify.webhook",
	    ARGS({"url", value_mark(url_to("/echo"), VALUE_SECRET)}, {"text", value_string("v2 is live")}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	outcome_release(&outcome);
	/* What is refused is not tried again; what is broken is, as often as it says. */
	before = requests_so_far(driver);
	assert_fails(row_run(driver, &notify_table, "notify.webhook",
			     ARGS({"url", url_to("/status/403")}, {"text", value_string("t")})),
		     OUTCOME_FAILED,
		     "notify.webhook: http://127.0.0.1:%d/status/403: answered 403: status 403");
	assert_int_equal(requests_so_far(driver) - before, 2);
	before = requests_so_far(driver);
	assert_fails(row_run(driver, &notify_table, "notify.webhook",
			     ARGS({"url", value_mark(url_to("/status/503"), VALUE_SECRET)},
				  {"text", value_string("t")}, {"retries", value_int(1)})),
		     OUTCOME_FAILED, "notify.webhook: ***: answered 503: status 503");
	assert_int_equal(requests_so_far(driver) - before, 3);
	assert_fails(row_run(driver, &notify_table, "notify.webhook", ARGS({"url", url_to("/ok")})),
		     OUTCOME_FAILED, "notify.webhook: give text or json, one of them");
	/* Cancelled between two attempts. */
	row_start(driver, &notify_table, "notify.webhook", "w",
		  ARGS({"url", value_string("http://127.0.0.1:1/")}, {"text", value_string("t")}));
	{
		struct delivery d;

		assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 300 * MS, &d));
		assert_int_equal(d.kind, DELIVERY_TIME);
	}
	driver->ops->cancel(driver, "w");
	assert_fails(row_wait(driver), OUTCOME_FAILED,
		     "notify.webhook: cancelled before the message was accepted");
	driver->ops->free(driver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_get),
	    cmocka_unit_test(test_head),
	    cmocka_unit_test(test_any_status_is_an_answer_unless_ok_says),
	    cmocka_unit_test(test_an_unwanted_status_says_what_came),
	    cmocka_unit_test(test_messages_are_one_clean_line),
	    cmocka_unit_test(test_json_is_parsed_where_it_is_json),
	    cmocka_unit_test(test_bodies),
	    cmocka_unit_test(test_hostile_arguments_are_refused),
	    cmocka_unit_test(test_login),
	    cmocka_unit_test(test_prepared_requests),
	    cmocka_unit_test(test_redirects),
	    cmocka_unit_test(test_no_answer),
	    cmocka_unit_test(test_a_change_without_an_answer_is_unknown),
	    cmocka_unit_test(test_cancel_in_mid_transfer),
	    cmocka_unit_test(test_a_secret_url_stays_one),
	    cmocka_unit_test(test_preview),
	    cmocka_unit_test(test_all_keeps_the_order),
	    cmocka_unit_test(test_all_five_hundred),
	    cmocka_unit_test(test_all_is_bounded),
	    cmocka_unit_test(test_all_with_ok_names_who_failed),
	    cmocka_unit_test(test_all_cancelled),
	    cmocka_unit_test(test_each_call_is_answered_once),
	    cmocka_unit_test(test_tls_needs_a_trusted_certificate),
	    cmocka_unit_test(test_notify_file),
	    cmocka_unit_test(test_notify_webhook),
	};
	int failed;

	server.answer = answers;
	serve_start(&server);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	serve_stop(&server);
	return failed;
}
