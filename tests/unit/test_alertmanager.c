/* test_alertmanager.c - prom.silence and prom.unsilence against a real Alertmanager, and one that is none. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builtins/live.h"
#include "builtins/tables.h"
#include "tests/unit/call_row.h"
#include "tests/unit/http_serve.h"
#include "tests/unit/scratch.h"

#define S INT64_C(1000000000)

static struct serve fake;
static int port;
static pid_t manager;

static struct outcome run(const struct builtin_table *table, const char *name, const struct row_arg *args)
{
	struct driver *driver = live_new(NULL);
	struct outcome outcome = row_run(driver, table, name, args);

	driver->ops->free(driver);
	return outcome;
}

static struct value ok(struct outcome outcome)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	return outcome.value;
}

static void fails(struct outcome outcome, enum outcome_kind kind, const char *words)
{
	if (outcome.kind != kind || strstr(value_text_peek(outcome.message), words) == NULL)
		fail_msg("wanted \"%s\", got \"%s\" (%d)", words, value_text_peek(outcome.message),
			 outcome.kind);
	outcome_release(&outcome);
}

static struct value labels(const char *name, struct value wanted)
{
	struct value record = record_new(1);

	record_set(&record, name, wanted);
	return record;
}

static struct value at(int where)
{
	return value_string_printf("http://127.0.0.1:%d/", where);
}

static struct outcome silence(struct value matchers, struct value matching)
{
	return run(&prom_table, "prom.silence",
		   ARGS({"matchers", matchers}, {"for", value_duration(600 * S)},
			{"comment", value_string("a \"test\" of \303\274")}, {"matching", matching},
			{"alertmanager", at(port)}));
}

static struct outcome unsilence(const char *id)
{
	return run(&prom_table, "prom.unsilence", ARGS({"id", value_string(id)}, {"alertmanager", at(port)}));
}

/* How the alert `name` stands: "active", "suppressed", "unprocessed", or "" where there is none yet. */
static const char *state_of(const char *name)
{
	static char state[40];
	struct value url = value_string_printf(
	    "http://127.0.0.1:%d/api/v2/alerts?filter=alertname%%3D%%22%s%%22", port, name);
	struct value answer = ok(run(&http_table, "http.get", ARGS({"url", url})));
	struct value alert = list_peek(record_peek(answer, "json"), 0);

	snprintf(state, sizeof state, "%s",
		 value_text_peek(record_peek(record_peek(alert, "status"), "state")));
	value_release(answer);
	return state;
}

/* Within 20 s: Alertmanager looks at what silences an alert when it is asked, and at new ones at its own
 * pace. */
static void becomes(const char *name, const char *state)
{
	struct timespec pause = {0, 100000000};

	for (int i = 0; i < 200 && strcmp(state_of(name), state) != 0; i++)
		nanosleep(&pause, NULL);
	assert_string_equal(state_of(name), state);
}

static void fire(const char *name, const char *instance)
{
	struct value alert = record_new(1), all = record_new(2), list = list_new(1);

	record_set(&all, "alertname", value_string(name));
	record_set(&all, "instance", value_string(instance));
	record_set(&alert, "labels", all);
	list_push(&list, alert);
	value_release(ok(run(&http_table, "http.post",
			     ARGS({"url", value_string_printf("http://127.0.0.1:%d/api/v2/alerts", port)},
				  {"json", list}, {"ok", value_int(200)}))));
}

static void test_silenced_and_heard_again(void **state)
{
	struct value id;

	(void)state;
	fire("Slow", "web 1.example");
	becomes("Slow", "active");
	id = ok(silence(labels("alertname", value_string("Slow")), record_new(0)));
	becomes("Slow", "suppressed");
	ok(unsilence(value_text_peek(id)));
	becomes("Slow", "active");
	ok(unsilence(value_text_peek(id))); /* it has ended already */
	value_release(id);
}

static void test_one_of_several_and_patterns(void **state)
{
	struct value id, list = list_new(2);

	(void)state;
	fire("Dotted", "a.b");
	fire("Undotted", "axb");
	list_push(&list, value_string("a.b"));
	list_push(&list, value_string("c|d"));
	id = ok(silence(labels("instance", list), record_new(0)));
	becomes("Dotted", "suppressed");
	becomes("Undotted", "active"); /* a value is no pattern */
	ok(unsilence(value_text_peek(id)));
	value_release(id);
	id = ok(silence(record_new(0), labels("alertname", value_string("Un.*"))));
	becomes("Undotted", "suppressed");
	becomes("Dotted", "active");
	ok(unsilence(value_text_peek(id)));
	value_release(id);
}

static void test_what_is_refused(void **state)
{
	struct value list = list_new(1);

	(void)state;
	list_push(&list, value_int(1));
	fails(silence(record_new(0), record_new(0)), OUTCOME_FAILED,
	      "without a label it would silence everything");
	fails(silence(labels("a", value_int(5)), record_new(0)), OUTCOME_FAILED,
	      "a label is matched by a text");
	fails(silence(labels("a", list), record_new(0)), OUTCOME_FAILED, "a label is matched by a text");
	fails(silence(record_new(0), labels("a", value_string("("))), OUTCOME_FAILED, "answered 400");
	fails(unsilence("2d2a4a0e-1b0c-4f0e-9c0b-1d3f5a7b9c1d"), OUTCOME_FAILED, "there is no such silence");
	fails(unsilence("../../x"), OUTCOME_FAILED, "needs the id that prom.silence has given");
	fails(run(&prom_table, "prom.silence",
		  ARGS({"matchers", labels("a", value_string("b"))}, {"for", value_duration(5)},
		       {"alertmanager", at(port)})),
	      OUTCOME_FAILED, "it lasts at least 1s");
	fails(run(&prom_table, "prom.unsilence", ARGS({"id", value_string("a")})), OUTCOME_FAILED,
	      "no server: give `alertmanager:");
}

static const char *fake_answer(const char *path, const char **type, int *status)
{
	(void)status;
	*type = "application/json";
	return strncmp(path, "/api/v2/silences", 16) == 0 ? "{\"status\": \"success\"}" : NULL;
}

static struct outcome silence_at(struct value server)
{
	return run(&prom_table, "prom.silence",
		   ARGS({"matchers", labels("a", value_string("b"))}, {"for", value_duration(60 * S)},
			{"timeout", value_duration(S)}, {"alertmanager", server}));
}

static void test_servers_that_are_none(void **state)
{
	struct value hidden;
	struct outcome outcome;
	int closed = servers_free_port();

	(void)state;
	fails(silence_at(at(fake.port)), OUTCOME_FAILED, "not an answer of its API: it has no silenceID");
	fails(silence_at(at(closed)), OUTCOME_FAILED, "connection refused");
	fails(silence_at(value_string_printf("http://127.0.0.1:%d/close?", fake.port)), OUTCOME_FAILED,
	      "answered 404");
	fails(run(&prom_table, "prom.unsilence",
		  ARGS({"id", value_string("ab")}, {"alertmanager", at(fake.port)})),
	      OUTCOME_FAILED, "there is no such silence");
	hidden = value_mark(value_string_printf("http://user:pass-word@127.0.0.1:%d/", closed), VALUE_SECRET);
	outcome = silence_at(hidden);
	assert_null(strstr(value_text_peek(outcome.message), "pass-word"));
	fails(outcome, OUTCOME_FAILED, "Alertmanager at ***: connection refused (***)");
}

/* Somebody listens and never answers: whether it is silenced, nobody knows. */
static void test_no_answer(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(listener, 4), 0);
	getsockname(listener, (struct sockaddr *)&address, &length);
	fails(silence_at(at(ntohs(address.sin_port))), OUTCOME_UNKNOWN, "timed out after 1s");
	close(listener);
}

static int setup(void **state)
{
	char config[200], data[200], listen[60];
	const char *argv[] = {"prometheus-alertmanager",   config, data, listen,
			      "--cluster.listen-address=", NULL};
	static const char text[] = "route: {receiver: none, group_wait: 1s}\nreceivers: [{name: none}]\n";

	(void)state;
	directory_make("runplan-alerts");
	port = servers_free_port();
	file_make(in_directory("alertmanager.yml"), text, sizeof text - 1);
	snprintf(config, sizeof config, "--config.file=%s/alertmanager.yml", directory);
	snprintf(data, sizeof data, "--storage.path=%s/data", directory);
	snprintf(listen, sizeof listen, "--web.listen-address=127.0.0.1:%d", port);
	fake.answer = fake_answer;
	serve_start(&fake);
	manager = servers_start(directory, port, argv);
	return manager > 0 ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	servers_stop(manager);
	serve_stop(&fake);
	directory_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_silenced_and_heard_again),
	    cmocka_unit_test(test_one_of_several_and_patterns),
	    cmocka_unit_test(test_what_is_refused),
	    cmocka_unit_test(test_servers_that_are_none),
	    cmocka_unit_test(test_no_answer),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
