/*
 * test_prom.c - prom.* against a real Prometheus that the test starts on a free port and lets scrape itself,
 * and against a server that answers what Prometheus never would.
 */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <sys/stat.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/http_serve.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static struct serve fake;
static char directory[] = "/tmp/runplan-prom-XXXXXX";
static int port;
static pid_t prometheus;

/* ---- the server ---- */

static int free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
		abort();
	getsockname(fd, (struct sockaddr *)&address, &length);
	close(fd);
	return ntohs(address.sin_port);
}

__attribute__((format(printf, 2, 3))) static void file_write(const char *name, const char *format, ...)
{
	char path[200];
	va_list list;
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	va_start(list, format);
	vfprintf(file, format, list);
	va_end(list);
	fclose(file);
}

static void prometheus_start(void)
{
	char config[200], data[200], listen[60];

	if (mkdtemp(directory) == NULL)
		abort();
	port = free_port();
	file_write("rules.yml",
		   "groups: [{name: g, rules: [{alert: Always, expr: vector(1), labels: {severity: page}, "
		   "annotations: {summary: 'it is \"on\"'}}]}]\n");
	file_write("prometheus.yml",
		   "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
		   "rule_files: [%s/rules.yml]\n"
		   "scrape_configs:\n"
		   "- {job_name: self, static_configs: [{targets: ['127.0.0.1:%d']}]}\n"
		   "- {job_name: gone, static_configs: [{targets: ['127.0.0.1:1']}]}\n",
		   directory, port);
	snprintf(config, sizeof config, "--config.file=%s/prometheus.yml", directory);
	snprintf(data, sizeof data, "--storage.tsdb.path=%s/data", directory);
	snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", port);
	prometheus = fork();
	if (prometheus == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (freopen("/dev/null", "w", stderr) != NULL)
			execlp("prometheus", "prometheus", config, data, listen, NULL);
		_exit(1);
	}
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void prometheus_stop(void)
{
	kill(prometheus, SIGKILL);
	waitpid(prometheus, NULL, 0);
	nftw(directory, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

static struct value server(void)
{
	return value_string_printf("http://127.0.0.1:%d/", port);
}

static struct driver *new_driver(void)
{
	return live_new(NULL);
}

static const char *text(struct value record, const char *key)
{
	return value_text_peek(record_peek(record, key));
}

static struct outcome query(struct driver *driver, const char *promql)
{
	return row_run(driver, &prom_table, "prom.query",
		       ARGS({"query", value_string(promql)}, {"server", server()}));
}

static void assert_fails(struct outcome outcome, const char *part)
{
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	if (strstr(value_text_peek(outcome.message), part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, value_text_peek(outcome.message));
	assert_null(strpbrk(value_text_peek(outcome.message), "\n\033"));
	outcome_release(&outcome);
}

/* Until both targets were scraped and the alert fires. */
static int wait_until_ready(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct driver *driver = new_driver();
		struct outcome outcome =
		    query(driver, "count(up) == 2 and on() ALERTS{alertstate=\"firing\"}");
		bool ready = outcome.kind == OUTCOME_OK && outcome.value.tag == VALUE_FLOAT;

		outcome_release(&outcome);
		driver->ops->free(driver);
		if (ready)
			return 0;
		usleep(100000);
	}
	return -1;
}

/* ---- query ---- */

static void test_query_gives_one_number(void **state)
{
	static const struct {
		const char *query;
		double number;
	} cases[] = {
	    {"up{job=\"self\"}", 1}, {"sum(up)", 1}, {"1 + 1", 2}, {"vector(0.25)", 0.25}, {"-1e9", -1e9}};
	struct driver *driver = new_driver();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct outcome outcome = query(driver, cases[i].query);

		assert_int_equal(outcome.kind, OUTCOME_OK);
		assert_int_equal(outcome.value.tag, VALUE_FLOAT);
		assert_true(outcome.value.f == cases[i].number);
		outcome_release(&outcome);
	}
	driver->ops->free(driver);
}

/* Nothing there, a false comparison, NaN and the infinities: no data, never zero. */
static void test_query_without_data_is_null(void **state)
{
	static const char *const queries[] = {
	    "no_such_metric", "up{job=\"self\"} > 5", "0 / 0", "1 / 0", "-1 / 0",
	    "vector(NaN)",    "sum(no_such_metric)"};
	struct driver *driver = new_driver();

	(void)state;
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		struct outcome outcome = query(driver, queries[i]);

		assert_int_equal(outcome.kind, OUTCOME_OK);
		assert_int_equal(outcome.value.tag, VALUE_NULL);
		outcome_release(&outcome);
	}
	driver->ops->free(driver);
}

static void test_query_of_many_series_names_them(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = query(driver, "up");

	(void)state;
	assert_int_equal(value_length(outcome.value), 2);
	assert_non_null(
	    strstr(value_text_peek(outcome.message), "up{instance=\"127.0.0.1:1\", job=\"gone\"}"));
	assert_fails(outcome, "prom.query: one series is wanted and 2 came: up{");
	outcome = query(driver, "{__name__=~\"prometheus_.+\"}");
	assert_true(value_length(outcome.message) < 2000);
	assert_fails(outcome, ", …; aggregate them (sum, max), select one, or use prom.vector");
	driver->ops->free(driver);
}

static void test_query_that_is_wrong(void **state)
{
	struct driver *driver = new_driver();

	(void)state;
	assert_fails(query(driver, "sum(up"), ": bad_data: invalid parameter \"query\": 1:7: parse error: ");
	assert_fails(query(driver, ""), "bad_data");
	assert_fails(query(driver, "up[1m]"), "the query selects a range of samples");
	assert_fails(query(driver, "\"text\""), "the query is a text, not numbers");
	driver->ops->free(driver);
}

/* What stands in the query arrives as it is, whatever it holds. */
static void test_query_is_encoded(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = query(
	    driver, "label_replace(vector(3), \"x\", \"a&b=c#d%20e+f ü\", \"\", \"\") + on() vector(0)");

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_true(outcome.value.f == 3);
	outcome_release(&outcome);
	outcome = row_run(
	    driver, &prom_table, "prom.vector",
	    ARGS({"query", value_string("label_replace(vector(3), \"x\", \"a&b=c#d%20e+f ü\", \"\", \"\")")},
		 {"server", server()}));
	assert_string_equal(text(record_peek(list_peek(outcome.value, 0), "labels"), "x"), "a&b=c#d%20e+f ü");
	outcome_release(&outcome);
	driver->ops->free(driver);
}

static void test_query_at_a_time(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(driver, &prom_table, "prom.query",
					 ARGS({"query", value_string("time()")}, {"server", server()},
					      {"at", value_time(1700000000 * S + 250 * MS)}));

	(void)state;
	assert_true(outcome.value.f == 1700000000.25);
	outcome_release(&outcome);
	driver->ops->free(driver);
}

static void test_server_must_be_given_and_there(void **state)
{
	struct driver *driver = new_driver();

	(void)state;
	assert_fails(
	    row_run(driver, &prom_table, "prom.query", ARGS({"query", value_string("up")})),
	    "prom.query: no server: give `server: \"http://host:9090\"`, or write it once for the file: "
	    "`defaults { prom.server = \"http://host:9090\" }`");
	assert_fails(row_run(driver, &prom_table, "prom.alerts", ARGS()), "prom.alerts: no server");
	assert_fails(
	    row_run(driver, &prom_table, "prom.query",
		    ARGS({"query", value_string("up")}, {"server", value_string("http://127.0.0.1:1")})),
	    "Prometheus at http://127.0.0.1:1: connection refused (127.0.0.1:1)");
	assert_fails(row_run(driver, &prom_table, "prom.query",
			     ARGS({"query", value_string("up")}, {"server", value_string("localhost:9090")})),
		     "prom.query: server: a URL begins with http:// or https://");
	assert_fails(
	    row_run(driver, &prom_table, "prom.query",
		    ARGS({"query", value_string("up")},
			 {"server", value_mark(value_string("http://u:p@127.0.0.1:1"), VALUE_SECRET)})),
	    "Prometheus at ***: connection refused (***)");
	driver->ops->free(driver);
}

/* ---- vector, range, alerts, targets ---- */

static void test_vector(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome =
	    row_run(driver, &prom_table, "prom.vector",
		    ARGS({"query", value_string("sort(up or vector(NaN))")}, {"server", server()}));
	struct value item;

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 3);
	item = list_peek(outcome.value, 0);
	assert_string_equal(text(record_peek(item, "labels"), "job"), "gone");
	assert_true(record_peek(item, "value").f == 0);
	item = list_peek(outcome.value, 1);
	assert_string_equal(text(record_peek(item, "labels"), "__name__"), "up");
	assert_true(record_peek(item, "value").f == 1);
	assert_int_equal(record_peek(item, "time").tag, VALUE_TIME);
	assert_true(record_peek(item, "time").i > 1700000000 * S);
	assert_int_equal(record_peek(list_peek(outcome.value, 2), "value").tag, VALUE_NULL);
	outcome_release(&outcome);
	outcome = row_run(driver, &prom_table, "prom.vector",
			  ARGS({"query", value_string("nothing")}, {"server", server()}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 0);
	outcome_release(&outcome);
	assert_fails(row_run(driver, &prom_table, "prom.vector",
			     ARGS({"query", value_string("1")}, {"server", server()})),
		     "the query is a number, not series; use prom.query");
	driver->ops->free(driver);
}

static void test_range(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome =
	    row_run(driver, &prom_table, "prom.range",
		    ARGS({"query", value_string("time()")}, {"server", server()},
			 {"from", value_time(1700000000 * S)}, {"to", value_time(1700000060 * S)},
			 {"step", value_duration(20 * S)}));
	struct value points;

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 1);
	points = record_peek(list_peek(outcome.value, 0), "points");
	assert_int_equal(value_length(points), 4);
	assert_int_equal(record_peek(list_peek(points, 1), "time").i, 1700000020 * S);
	assert_true(record_peek(list_peek(points, 1), "value").f == 1700000020.0);
	outcome_release(&outcome);

	outcome = row_run(driver, &prom_table, "prom.range",
			  ARGS({"query", value_string("up{job=\"self\"}")}, {"server", server()},
			       {"over", value_duration(60 * S)}));
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 1);
	points = record_peek(list_peek(outcome.value, 0), "points");
	assert_true(value_length(points) >= 1);
	outcome_release(&outcome);

	assert_fails(row_run(driver, &prom_table, "prom.range",
			     ARGS({"query", value_string("up")}, {"server", server()})),
		     "prom.range: say `over: 1h`, or `from:` a time");
	assert_fails(row_run(driver, &prom_table, "prom.range",
			     ARGS({"query", value_string("up")}, {"server", server()},
				  {"from", value_time(200 * S)}, {"to", value_time(100 * S)})),
		     "prom.range: it must end after it begins");
	assert_fails(row_run(driver, &prom_table, "prom.range",
			     ARGS({"query", value_string("up")}, {"server", server()},
				  {"over", value_duration(60 * S)}, {"step", value_duration(0)})),
		     "prom.range: the step is at least 1ms");
	assert_fails(row_run(driver, &prom_table, "prom.range",
			     ARGS({"query", value_string("up")}, {"server", server()},
				  {"over", value_duration(100000 * S)}, {"step", value_duration(1 * S)})),
		     "exceeded maximum resolution of 11,000 points");
	driver->ops->free(driver);
}

static void test_alerts(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(driver, &prom_table, "prom.alerts", ARGS({"server", server()}));
	struct value alert = list_peek(outcome.value, 0);

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 1);
	assert_string_equal(text(alert, "name"), "Always");
	assert_string_equal(text(alert, "state"), "firing");
	assert_string_equal(text(record_peek(alert, "labels"), "severity"), "page");
	assert_string_equal(text(record_peek(alert, "annotations"), "summary"), "it is \"on\"");
	assert_int_equal(record_peek(alert, "since").tag, VALUE_TIME);
	assert_true(llabs(record_peek(alert, "since").i - (int64_t)time(NULL) * S) < 3600 * S);
	outcome_release(&outcome);
	driver->ops->free(driver);
}

static void test_targets(void **state)
{
	struct driver *driver = new_driver();
	struct outcome outcome = row_run(driver, &prom_table, "prom.targets", ARGS({"server", server()}));
	int seen = 0;

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_OK);
	assert_int_equal(value_length(outcome.value), 2);
	for (size_t i = 0; i < 2; i++) {
		struct value target = list_peek(outcome.value, i);
		bool gone = strcmp(text(target, "job"), "gone") == 0;

		seen |= gone ? 2 : 1;
		assert_string_equal(text(target, "health"), gone ? "down" : "up");
		assert_true(gone == (strstr(text(target, "error"), "connection refused") != NULL));
		if (gone)
			assert_string_equal(text(target, "instance"), "127.0.0.1:1");
	}
	assert_int_equal(seen, 3);
	outcome_release(&outcome);
	driver->ops->free(driver);
}

/* ---- answers that Prometheus never gives ---- */

struct answer {
	const char *path, *body;
	int status;
	const char *message; /* a part of it; NULL: a good answer */
};

#define VECTOR(items) "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[" items "]}}"

static const struct answer fakes[] = {
    {"/a", "<html>502 Bad\r\n Gateway</html>", 502, "answered 502: <html>502 Bad Gateway</html>"},
    {"/b", "not json", 200, "not an answer of its API: "},
    {"/c", "{}", 200, "it has no status and data"},
    {"/d", "{\"status\":\"success\",\"data\":[]}", 200, "it has no status and data"},
    {"/e", "{\"status\":\"error\",\"errorType\":\"execution\",\"error\":\"too\\nmuch \\u001b[1m\"}", 200,
     "execution: too much [1m"},
    {"/f", VECTOR("{\"metric\":{}}"), 200, "the sample is not [time, \"number\"]"},
    {"/g", VECTOR("{\"metric\":{},\"value\":[1,2]}"), 200, "the sample is not [time, \"number\"]"},
    {"/h", VECTOR("{\"metric\":{},\"value\":[1,\"12x\"]}"), 200, "the sample is not [time, \"number\"]"},
    {"/i", VECTOR("{\"metric\":{},\"value\":[1,\"\"]}"), 200, "the sample is not [time, \"number\"]"},
    {"/j", VECTOR("{\"metric\":{},\"value\":[\"1\",\"2\"]}"), 200, "the sample is not [time, \"number\"]"},
    {"/k", VECTOR("{\"metric\":{},\"value\":[1e300,\"2\"]}"), 200, "the sample is not [time, \"number\"]"},
    {"/l", VECTOR("{\"metric\":{},\"histogram\":[1,{}]}"), 200, "a native histogram"},
    {"/m", "{\"status\":\"success\",\"data\":{\"resultType\":\"tensor\",\"result\":[]}}", 200,
     "of type \"tensor\""},
    {"/n", "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":{}}}", 200,
     "the result is no list"},
    {"/o", VECTOR("7"), 200, "the sample is not [time, \"number\"]"},
    {"/p", VECTOR("{\"metric\":{},\"value\":[1,\"+Inf\"]}"), 200, NULL},
    {"/q", VECTOR("{\"metric\":7,\"value\":[1,\"1\"]},{\"metric\":null},3"), 200,
     "one series is wanted and 3 came"},
    {"/r", "", 200, "not an answer of its API: "},
    {"/s", "", 503, "answered 503"},
};

static const char *fake_answer(const char *path, const char **type, int *status)
{
	*type = "application/json";
	for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++)
		if (strncmp(path, fakes[i].path, 2) == 0 && path[2] == '/') {
			*status = fakes[i].status;
			return fakes[i].body;
		}
	return NULL;
}

static struct value fake_url(const char *path)
{
	return value_string_printf("http://127.0.0.1:%d%s", fake.port, path);
}

static void test_malformed_answers_fail(void **state)
{
	static const char *const rows[] = {"prom.vector", "prom.range", "prom.alerts", "prom.targets"};
	struct driver *driver = new_driver();
	struct outcome outcome;

	(void)state;
	for (size_t i = 0; i < sizeof fakes / sizeof *fakes; i++) {
		outcome = row_run(driver, &prom_table, "prom.query",
				  ARGS({"query", value_string("x")}, {"server", fake_url(fakes[i].path)}));
		if (fakes[i].message != NULL) {
			assert_fails(outcome, fakes[i].message);
		} else {
			assert_int_equal(outcome.kind, OUTCOME_OK);
			assert_int_equal(outcome.value.tag, VALUE_NULL);
		}
		/* No other row takes any of these either: only a whole vector is one. */
		for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
			if (r < 2)
				outcome = row_run(driver, &prom_table, rows[r],
						  r == 0 ? ARGS({"query", value_string("x")},
								{"server", fake_url(fakes[i].path)})
							 : ARGS({"query", value_string("x")},
								{"server", fake_url(fakes[i].path)},
								{"over", value_duration(60 * S)}));
			else
				outcome = row_run(driver, &prom_table, rows[r],
						  ARGS({"server", fake_url(fakes[i].path)}));
			assert_int_equal(outcome.kind,
					 r == 0 && (fakes[i].message == NULL || fakes[i].path[1] == 'l')
					     ? OUTCOME_OK
					     : OUTCOME_FAILED);
			outcome_release(&outcome);
		}
	}
	driver->ops->free(driver);
}

static void test_a_slow_server_is_cut_off(void **state)
{
	struct driver *driver = new_driver();
	struct delivery d;
	struct serve hung = {0};

	(void)state;
	/* A listener that nobody accepts from: the kernel takes the connection, no answer comes. */
	hung.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(listen(hung.listener, 5), 0);
	{
		struct sockaddr_in address;
		socklen_t length = sizeof address;

		getsockname(hung.listener, (struct sockaddr *)&address, &length);
		hung.port = ntohs(address.sin_port);
	}
	assert_fails(row_run(driver, &prom_table, "prom.query",
			     ARGS({"query", value_string("up")},
				  {"server", value_string_printf("http://127.0.0.1:%d", hung.port)},
				  {"timeout", value_duration(200 * MS)})),
		     "timed out after 200ms");
	row_start(driver, &prom_table, "prom.query", "q",
		  ARGS({"query", value_string("up")},
		       {"server", value_string_printf("http://127.0.0.1:%d", hung.port)}));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 50 * MS, &d));
	assert_int_equal(d.kind, DELIVERY_TIME);
	driver->ops->cancel(driver, "q");
	assert_fails(row_wait(driver), "cancelled");
	close(hung.listener);
	driver->ops->free(driver);
}

static void test_preview(void **state)
{
	struct value line =
	    row_describe(&prom_table, "prom.query", ARGS({"query", value_string("sum(\n  up\n)")}));

	(void)state;
	assert_string_equal(value_text_peek(line), "prom.query sum( up )");
	value_release(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_query_gives_one_number),
	    cmocka_unit_test(test_query_without_data_is_null),
	    cmocka_unit_test(test_query_of_many_series_names_them),
	    cmocka_unit_test(test_query_that_is_wrong),
	    cmocka_unit_test(test_query_is_encoded),
	    cmocka_unit_test(test_query_at_a_time),
	    cmocka_unit_test(test_server_must_be_given_and_there),
	    cmocka_unit_test(test_vector),
	    cmocka_unit_test(test_range),
	    cmocka_unit_test(test_alerts),
	    cmocka_unit_test(test_targets),
	    cmocka_unit_test(test_malformed_answers_fail),
	    cmocka_unit_test(test_a_slow_server_is_cut_off),
	    cmocka_unit_test(test_preview),
	};
	int failed;

	fake.answer = fake_answer;
	serve_start(&fake);
	prometheus_start();
	failed = cmocka_run_group_tests(tests, wait_until_ready, NULL);
	prometheus_stop();
	serve_stop(&fake);
	return failed;
}
