/*
 * test_pg.c - pg.* against a PostgreSQL server of its own: statements, what cuts them off, dumps and
 * databases.
 *
 * Statements go through embed_render(), as a plan's literals do; ${} stands for a value.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "builtins/pg_connection.h"
#include "builtins/tables.h"
#include "interp/embed.h"
#include "tests/unit/call_row.h"
#include "tests/unit/pg_cluster.h"

#define SECOND INT64_C(1000000000)
#define ADMIN  "postgres://admin:" PG_PASSWORD_IN_URL

struct fixture {
	struct pg_cluster cluster;
	struct driver *driver;
	char url[200], directory[64];
};

static struct fixture fixture;

static int group_setup(void **state)
{
	(void)state;
	unsetenv("PGHOST");
	unsetenv("PGPORT");
	unsetenv("PGUSER");
	unsetenv("PGPASSWORD");
	unsetenv("PGDATABASE");
	if (!pg_cluster_start(&fixture.cluster))
		return -1;
	snprintf(fixture.url, sizeof fixture.url, "%s@127.0.0.1:%d/postgres", ADMIN, fixture.cluster.port);
	strcpy(fixture.directory, "/tmp/runplan-dumps-XXXXXX");
	return mkdtemp(fixture.directory) ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	pg_cluster_stop(&fixture.cluster);
	pg_cluster_remove(fixture.directory);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	fixture.driver = live_new(NULL);
	return fixture.driver ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	fixture.driver->ops->free(fixture.driver);
	return 0;
}

/* ---- calls ---- */

#define URL                                                                                                  \
	{                                                                                                    \
		"url", value_mark(value_string(fixture.url), VALUE_SECRET)                                   \
	}
#define TEXT(name, text)                                                                                     \
	{                                                                                                    \
		name, value_string(text)                                                                     \
	}

/* A literal with ${} in it, and its values, as the machine hands it over. Consumes the values. */
static struct value sql_of(const char *text, const struct value *values, size_t value_count)
{
	struct embed_part pieces[16];
	struct value error, result;
	size_t count = 0, i;

	for (;;) {
		const char *mark = strstr(text, "${}");

		pieces[count++] =
		    (struct embed_part){.text = text, .length = mark ? (size_t)(mark - text) : strlen(text)};
		if (!mark)
			break;
		text = mark + 3;
	}
	assert_int_equal(count, value_count + 1);
	result = embed_render(EMBED_SQL, pieces, values, count, &error);
	if (error.tag != VALUE_NULL)
		fail_msg("%s: %s", text, value_text_peek(error));
	for (i = 0; i < value_count; i++)
		value_release(values[i]);
	return result;
}

#define SQL(text, ...)                                                                                       \
	{                                                                                                    \
		"sql", sql_of(text, (const struct value[]){__VA_ARGS__ __VA_OPT__(, ) value_null()},         \
			      sizeof((const struct value[]){__VA_ARGS__ __VA_OPT__(, ) value_null()}) /      \
				      sizeof(struct value) -                                                 \
				  1)                                                                         \
	}

/* The next outcome; *note is the last note before it (owned), or null. */
static struct outcome wait_outcome(struct value *note)
{
	struct delivery delivery;

	if (note)
		*note = value_null();
	for (;;) {
		if (!fixture.driver->ops->next(
			fixture.driver, live_now((struct live *)fixture.driver) + 40 * SECOND, &delivery))
			fail_msg("the driver is broken");
		free(delivery.id);
		if (delivery.kind == DELIVERY_OUTCOME)
			return delivery.outcome;
		if (delivery.kind != DELIVERY_NOTE)
			fail_msg("no outcome came (%d)", delivery.kind);
		if (note) {
			value_release(*note);
			*note = value_copy(delivery.outcome.value);
		}
		outcome_release(&delivery.outcome);
	}
}

static struct outcome run(const char *name, const struct row_arg *args)
{
	row_start(fixture.driver, &pg_table, name, "call", args);
	return wait_outcome(NULL);
}

static struct value ok(const char *name, const struct row_arg *args)
{
	struct outcome outcome = run(name, args);

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s: %s", name, value_text_peek(outcome.message));
	value_release(outcome.message);
	return outcome.value;
}

static struct outcome fails_as(enum outcome_kind kind, const char *name, const struct row_arg *args,
			       const char *about)
{
	struct outcome outcome = run(name, args);

	if (outcome.kind != kind)
		fail_msg("%s ended as %d: %s", name, outcome.kind, value_text_peek(outcome.message));
	if (!strstr(value_text_peek(outcome.message), about))
		fail_msg("%s: \"%s\" does not speak of \"%s\"", name, value_text_peek(outcome.message),
			 about);
	if (strstr(value_text_peek(outcome.message), PG_PASSWORD) ||
	    strstr(value_text_peek(outcome.message), PG_PASSWORD_IN_URL) ||
	    strchr(value_text_peek(outcome.message), '\n'))
		fail_msg("%s: the message holds the password or a line break: %s", name,
			 value_text_peek(outcome.message));
	return outcome;
}

static void fails(const char *name, const struct row_arg *args, const char *about)
{
	struct outcome outcome = fails_as(OUTCOME_FAILED, name, args, about);

	outcome_release(&outcome);
}

static void exec(const char *text)
{
	value_release(ok("pg.exec", ARGS(SQL(text), URL)));
}

/* The first value of the only row. */
static struct value one_with(const struct row_arg *args)
{
	struct outcome outcome = row_run(fixture.driver, &pg_table, "pg.query", args);
	struct value v;

	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	assert_int_equal(value_length(outcome.value), 1);
	v = value_copy(record_value_peek(list_peek(outcome.value, 0), 0));
	outcome_release(&outcome);
	return v;
}

static struct value one(const char *text)
{
	return one_with(ARGS(SQL(text), URL));
}

/* Takes a delivery that must be a note. */
static struct value wait_note(void)
{
	struct delivery delivery;

	assert_true(fixture.driver->ops->next(
	    fixture.driver, live_now((struct live *)fixture.driver) + 40 * SECOND, &delivery));
	assert_int_equal(delivery.kind, DELIVERY_NOTE);
	free(delivery.id);
	return delivery.outcome.value;
}

static void assert_int(struct value owned, int64_t expected)
{
	assert_int_equal(owned.tag, VALUE_INT);
	assert_int_equal(owned.i, expected);
	value_release(owned);
}

static void assert_text(struct value owned, const char *expected)
{
	assert_int_equal(owned.tag, VALUE_STRING);
	assert_string_equal(value_text_peek(owned), expected);
	value_release(owned);
}

/* Plain JSON of a value is the shortest way to write down what is expected. */
static void assert_json(struct value owned, const char *expected)
{
	assert_text(value_to_json(owned, false), expected);
	value_release(owned);
}

/* ---- reading ---- */

static void query_types(void **state)
{
	struct value v;

	(void)state;
	assert_int(one("select 7::int2"), 7);
	assert_int(one("select -9223372036854775808"), INT64_MIN);
	assert_int(one("select 4294967295::oid"), 4294967295);
	assert_int_equal(one("select true").b, true);
	assert_int_equal(one("select false").tag, VALUE_BOOL);
	assert_int_equal(one("select null::int").tag, VALUE_NULL);
	v = one("select 0.1::float8");
	assert_int_equal(v.tag, VALUE_FLOAT);
	assert_true(v.f == 0.1);
	assert_true(one("select 12.50::numeric").f == 12.5);
	assert_true(isnan(one("select 'NaN'::float8").f));
	assert_true(isinf(one("select '-Infinity'::numeric").f));
	assert_text(one("select 'ä''\n'"), "ä'\n");
	assert_text(one("select ''"), "");
	assert_text(one("select 'x'::char(3)"), "x  ");
	assert_text(one("select '\\xdeadbeef'::bytea"), "\\xdeadbeef");
	assert_text(one("select '0b7f0c1e-5d5e-4a53-9d3c-7c5d3a3e9f01'::uuid"),
		    "0b7f0c1e-5d5e-4a53-9d3c-7c5d3a3e9f01");
	assert_text(one("select date '2026-01-31'"), "2026-01-31");
	assert_text(one("select timestamp '2026-01-31 12:00:00.5'"), "2026-01-31 12:00:00.5");
	assert_json(one("select '{\"a\": [1, null, \"x\"]}'::jsonb"), "{\"a\":[1,null,\"x\"]}");
	assert_json(one("select '[1.5]'::json"), "[1.5]");
	assert_json(one("select array[1, null, 3]"), "[1,null,3]");
	assert_json(one("select array[array[1,2],array[3,4]]"), "[[1,2],[3,4]]");
	assert_json(one("select '{}'::int[]"), "[]");
	assert_json(one("select array['a b', 'NULL', null, '\"\\,{}', '']"),
		    "[\"a b\",\"NULL\",null,\"\\\"\\\\,{}\",\"\"]");
	assert_json(one("select array[true, false]"), "[true,false]");
	assert_text(one("select '[2:3]={1,2}'::int[]"), "[2:3]={1,2}");
}

static void assert_tagged(struct value v, enum value_tag tag, int64_t i)
{
	assert_int_equal(v.tag, tag);
	assert_int_equal(v.i, i);
}

static void query_times(void **state)
{
	struct value ancient;

	(void)state;
	assert_tagged(one("select timestamptz '2026-01-31 12:00:00.25+01'"), VALUE_TIME, 1769857200250000000);
	assert_tagged(one("select timestamptz '1969-12-31 23:59:59Z'"), VALUE_TIME, -1000000000);
	assert_tagged(one("select to_timestamp(1769857200)"), VALUE_TIME, 1769857200000000000);
	assert_text(one("select 'infinity'::timestamptz"), "infinity");
	assert_text(one("select '20260-03-15 00:00:00+00'::timestamptz at time zone 'UTC'"),
		    "20260-03-15 00:00:00");
	ancient = one("select '0044-03-15 BC'::timestamptz");
	assert_int_equal(ancient.tag, VALUE_STRING);
	value_release(ancient);
	assert_tagged(one("select interval '90 seconds'"), VALUE_DURATION, 90 * SECOND);
	assert_tagged(one("select interval '-1.5 seconds'"), VALUE_DURATION, -1500000000);
	assert_tagged(one("select interval '3 days 04:05:06.7'"), VALUE_DURATION,
		      3 * 86400 * SECOND + 14706700000000);
	assert_tagged(one("select interval '1 day -1 hour'"), VALUE_DURATION, 23 * 3600 * SECOND);
	assert_tagged(one("select interval '100 hours'"), VALUE_DURATION, 360000 * SECOND);
	assert_text(one("select interval '1 month 2 days'"), "1 mon 2 days");
	/* The session's own time zone and output settings change nothing. */
	exec("alter role admin set timezone = 'Asia/Kolkata'");
	exec("alter role admin set datestyle = 'German'");
	exec("alter role admin set intervalstyle = 'iso_8601'");
	fixture.driver->ops->free(fixture.driver);
	fixture.driver = live_new(NULL);
	assert_tagged(one("select to_timestamp(1769857200)"), VALUE_TIME, 1769857200000000000);
	assert_tagged(one("select interval '90 seconds'"), VALUE_DURATION, 90 * SECOND);
	exec("alter role admin reset all");
}

/* What this process holds in memory at the most, in KiB, since peak_begin(). */
static long peak_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[200];
	long peak = -1;

	assert_non_null(file);
	while (fgets(line, sizeof line, file))
		sscanf(line, "VmHWM: %ld", &peak);
	fclose(file);
	assert_true(peak > 0);
	return peak;
}

static long peak_begin(void)
{
	FILE *file = fopen("/proc/self/clear_refs", "we");

	assert_non_null(file);
	fputs("5", file);
	assert_int_equal(fclose(file), 0);
	return peak_kib();
}

static void query_many_rows(void **state)
{
	struct value rows = ok("pg.query", ARGS(SQL("select i, 'row ' || i as t, nullif(i % 10, 0) as n from "
						    "generate_series(1, ${}::int) i",
						    value_int(1000)),
						URL));
	struct value row;
	long least = LONG_MAX;

	(void)state;
	assert_int_equal(value_length(rows), 1000);
	row = list_peek(rows, 999);
	assert_int_equal(record_peek(row, "i").i, 1000);
	assert_string_equal(value_text_peek(record_peek(row, "t")), "row 1000");
	assert_int_equal(record_peek(row, "n").tag, VALUE_NULL);
	assert_string_equal(record_key_peek(row, 1), "t");
	value_release(rows);
	assert_json(ok("pg.query", ARGS(SQL("select 1 as a where false"), URL)), "[]");
	fails("pg.query", ARGS(SQL("select generate_series(1, 11)"), URL, {"limit", value_int(10)}),
	      "more than 10 rows");
	value_release(
	    ok("pg.query", ARGS(SQL("select generate_series(1, 10)"), URL, {"limit", value_int(10)})));
	fails("pg.query", ARGS(SQL("select repeat('x', 1000) from generate_series(1, 5000)"), URL),
	      "larger than 4MiB");
	/* Not even one enormous value is gathered in memory, unless the server happens to outrun libpq. */
	for (int i = 0; i < 10 && least > 100 * 1024; i++) {
		long before = peak_begin(), grown;

		fails("pg.query", ARGS(SQL("select repeat('x', 200000000)"), URL), "larger than 4MiB");
		grown = peak_kib() - before;
		least = grown < least ? grown : least;
	}
	assert_in_range(least, 0, 100 * 1024);
	fails("pg.query", ARGS(SQL("select 1 as a, 2 as a"), URL), "two columns are named a");
	/* What was given up left no connection in a bad state. */
	assert_int(one("select 1"), 1);
}

static void query_parameters(void **state)
{
	struct value list = list_new(2), rows;

	(void)state;
	list_push(&list, value_string("a\"{b"));
	list_push(&list, value_string("c,d"));
	rows = ok(
	    "pg.query",
	    ARGS(
		SQL("select ${}::int + ${}::int as sum, ${}::text is null as nothing, "
		    "'c,d' = any(${}) as within, ${}::interval as d, ${}::float8 as p, ${}::timestamptz as t",
		    value_int(2), value_int(3), value_null(), list, value_duration(90 * SECOND),
		    value_percent(0.05), value_time(1769857200000000000)),
		URL));
	assert_json(rows, "[{\"sum\":5,\"nothing\":true,\"within\":true,\"d\":90,\"p\":0.05,"
			  "\"t\":\"2026-01-31T11:00:00Z\"}]");
}

static void query_changes_nothing(void **state)
{
	static const char *const refused[] = {
	    "insert into guarded values (1)",
	    "delete from guarded",
	    "with x as (insert into guarded values (1) returning 1) select * from x",
	    "select nextval('counter')",
	    "select set_config('transaction_read_only', 'off', false)",
	    "explain analyze insert into guarded values (1)",
	    "copy guarded to '/tmp/runplan-pg-copied'",
	    "copy (select 1) to program 'touch /tmp/runplan-pg-copied'",
	    "/* select */ -- select\n drop table guarded",
	    "commit",
	    "begin read write",
	    "create table other (a int)",
	    "select 1; drop table guarded",
	    "select * into other from guarded",
	    "selectx",
	    "",
	};
	size_t i;

	(void)state;
	exec("create table guarded (a int)");
	exec("create sequence counter");
	for (i = 0; i < sizeof refused / sizeof *refused; i++)
		fails("pg.query", ARGS(SQL(refused[i]), URL), "");
	assert_int(one("select count(*) from guarded"), 0);
	assert_int(one("/* a /* nested */ */ ( -- x\n select 1)"), 1);
	assert_text(one("show transaction_read_only"), "on");
	assert_int(one("values (1)"), 1);
	assert_int_equal(access("/tmp/runplan-pg-copied", F_OK), -1);
	exec("drop table guarded; drop sequence counter");
}

/* ---- errors ---- */

static void errors_tell(void **state)
{
	struct outcome outcome = fails_as(OUTCOME_FAILED, "pg.query", ARGS(SQL("select * from nowhere"), URL),
					  "relation \"nowhere\" does not exist (SQLSTATE 42P01)");

	(void)state;
	assert_text(value_copy(record_peek(outcome.value, "sqlstate")), "42P01");
	outcome_release(&outcome);
	outcome = fails_as(OUTCOME_FAILED, "pg.query", ARGS(SQL("select to_timestam(1)"), URL),
			   "hint: No function matches");
	outcome_release(&outcome);
	exec("create table keyed (a int primary key); insert into keyed values (1)");
	outcome = fails_as(OUTCOME_FAILED, "pg.exec",
			   ARGS(SQL("insert into keyed values (${})", value_int(1)), URL), "23505");
	assert_text(value_copy(record_peek(outcome.value, "table")), "keyed");
	assert_text(value_copy(record_peek(outcome.value, "constraint")), "keyed_pkey");
	assert_text(value_copy(record_peek(outcome.value, "detail")), "Key (a)=(1) already exists.");
	outcome_release(&outcome);
	exec("drop table keyed");
}

static void secrets_stay(void **state)
{
	struct value secret = value_mark(value_string("s3cr3t-value"), VALUE_SECRET), rows;
	struct outcome outcome;
	struct value shown;

	(void)state;
	exec("create table tokens (t text primary key); insert into tokens values ('s3cr3t-value')");
	outcome = fails_as(OUTCOME_FAILED, "pg.query", ARGS(SQL("select ${}::int", value_copy(secret)), URL),
			   "***");
	shown = value_to_json(outcome.value, false);
	assert_null(strstr(value_text_peek(outcome.message), "s3cr3t"));
	assert_null(strstr(value_text_peek(shown), "s3cr3t"));
	value_release(shown);
	outcome_release(&outcome);
	outcome = fails_as(OUTCOME_FAILED, "pg.exec",
			   ARGS(SQL("insert into tokens values (${})", value_copy(secret)), URL), "23505");
	shown = value_to_json(outcome.value, false);
	assert_null(strstr(value_text_peek(shown), "s3cr3t"));
	value_release(shown);
	outcome_release(&outcome);
	rows = ok("pg.query", ARGS(SQL("select ${}::text as t", value_copy(secret)), URL));
	assert_true(value_is_secret(rows));
	value_release(rows);
	rows = ok("pg.query", ARGS(SQL("select ${}::text as t", value_string("open")), URL));
	assert_false(value_is_secret(rows));
	value_release(rows);
	value_release(secret);
	exec("drop table tokens");
}

static void no_connection(void **state)
{
	char url[200], about[64];
	int port = pg_cluster_free_port();

	(void)state;
	snprintf(url, sizeof url, "%s@127.0.0.1:%d/app", ADMIN, port);
	snprintf(about, sizeof about, "app at 127.0.0.1:%d", port);
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", url)), about);
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", url)), "Connection refused");
	fails("pg.dump", ARGS(TEXT("to", "/tmp/runplan-never.dump"), TEXT("url", url)), "Connection refused");
	assert_int_equal(access("/tmp/runplan-never.dump.part", F_OK), -1);
	snprintf(url, sizeof url, "postgres://admin:wrong@127.0.0.1:%d/postgres", fixture.cluster.port);
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", url)),
	      "): FATAL: password authentication failed for user \"admin\"; check url:");
	fails("pg.query", ARGS(SQL("select 1"), URL, TEXT("database", "no_such")),
	      "\"no_such\" does not exist");
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", "postgres://u:hunter2@host:notaport:1/x?y=z&")),
	      "url: is not a URL");
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", "mysql://u:hunter2@host/x")),
	      "url: is not a URL");
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", "postgres://admin@no-such-host.invalid/x")),
	      "no-such-host.invalid");
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", "postgres://admin@/x?host=/nowhere/at/all")),
	      "/nowhere/at/all");
}

/* A server that takes the connection and never says a word. */
static void connection_times_out(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char url[100];
	int64_t began = live_now((struct live *)fixture.driver);

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 5), 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	snprintf(url, sizeof url, "postgres://admin@127.0.0.1:%d/x", ntohs(address.sin_port));
	fails("pg.query", ARGS(SQL("select 1"), TEXT("url", url), {"timeout", value_duration(SECOND / 2)}),
	      "timed out after 500ms");
	assert_true(live_now((struct live *)fixture.driver) - began < 2 * SECOND);
	close(fd);
}

static void names_are_resolved(void **state)
{
	char url[200];

	(void)state;
	snprintf(url, sizeof url, "%s@localhost:%d/postgres", ADMIN, fixture.cluster.port);
	value_release(ok("pg.query", ARGS(SQL("select 1"), TEXT("url", url))));
	snprintf(url, sizeof url, "%s@/postgres?host=%s&port=%d", ADMIN, fixture.cluster.directory,
		 fixture.cluster.port);
	value_release(ok("pg.query", ARGS(SQL("select 1"), TEXT("url", url))));
	/* The first host does not answer; the second does. */
	snprintf(url, sizeof url, "%s@127.0.0.1:%d,localhost:%d/postgres", ADMIN, pg_cluster_free_port(),
		 fixture.cluster.port);
	value_release(ok("pg.query", ARGS(SQL("select 1"), TEXT("url", url))));
}

static void environment_counts(void **state)
{
	char port[16];

	(void)state;
	snprintf(port, sizeof port, "%d", fixture.cluster.port);
	setenv("PGHOST", "127.0.0.1", 1);
	setenv("PGPORT", port, 1);
	setenv("PGUSER", "admin", 1);
	setenv("PGPASSWORD", PG_PASSWORD, 1);
	value_release(ok("pg.query", ARGS(SQL("select current_database()"), TEXT("database", "template1"))));
	setenv("PGPASSWORD", "wrong", 1);
	fails("pg.query", ARGS(SQL("select 1"), TEXT("database", "postgres")),
	      "password authentication failed");
	/* A URL with a password wins over the environment, also for the programs. */
	value_release(ok("pg.query", ARGS(SQL("select 1"), URL)));
	value_release(
	    ok("pg.dump", ARGS({"to", value_string_printf("%s/env.dump", fixture.directory)}, URL)));
	unsetenv("PGHOST");
	unsetenv("PGPORT");
	unsetenv("PGUSER");
	unsetenv("PGPASSWORD");
}

/* ---- connections ---- */

static void connection_is_kept(void **state)
{
	struct value first = one("select pg_backend_pid()"), second;

	(void)state;
	exec("select 1");
	fails("pg.query", ARGS(SQL("select 1/0"), URL), "division by zero");
	second = one("select pg_backend_pid()");
	assert_int_equal(first.i, second.i);
}

static void connection_is_replaced(void **state)
{
	struct value first = one("select pg_backend_pid()"), second;

	(void)state;
	kill((pid_t)first.i, SIGTERM);
	usleep(200000);
	second = one("select pg_backend_pid()");
	assert_int_not_equal(first.i, second.i);
}

/* Twenty at once: eight run, the others wait for their turn, all are answered. */
static void connections_are_bounded(void **state)
{
	int64_t most = 0;
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		char id[32];

		snprintf(id, sizeof id, "call %d", i);
		row_start(fixture.driver, &pg_table, "pg.query", id,
			  ARGS(SQL("select count(*) as n, pg_sleep(0.1) as s from pg_stat_activity where "
				   "application_name = 'runplan'"),
			       URL));
	}
	for (i = 0; i < 20; i++) {
		struct outcome outcome = wait_outcome(NULL);
		int64_t n = record_peek(list_peek(outcome.value, 0), "n").i;

		assert_int_equal(outcome.kind, OUTCOME_OK);
		most = n > most ? n : most;
		outcome_release(&outcome);
	}
	assert_in_range(most, 2, PG_CONNECTIONS_MAX);
}

/* ---- changes ---- */

static void exec_changes(void **state)
{
	(void)state;
	exec("create table things (id int, name text)");
	assert_json(ok("pg.exec", ARGS(SQL("insert into things select i, ${} from generate_series(1, 5) i",
					   value_string("x")),
				       URL)),
		    "{\"rows\":5}");
	assert_json(ok("pg.exec", ARGS(SQL("update things set name = ${} where id > ${}",
					   value_string("y'\"\\"), value_int(3)),
				       URL)),
		    "{\"rows\":2}");
	assert_json(ok("pg.exec", ARGS(SQL("delete from things where id = 99"), URL)), "{\"rows\":0}");
	assert_json(ok("pg.exec", ARGS(SQL("delete from things where id = 1 returning name"), URL)),
		    "{\"rows\":1}");
	assert_int(one("select count(*) from things where name = 'y''\"\\'"), 2);
	/* Several statements happen all or none. */
	fails("pg.exec", ARGS(SQL("delete from things; insert into things values ('x')"), URL), "22P02");
	assert_int(one("select count(*) from things"), 4);
	exec("insert into things values (7, 'a'); delete from things where id = 7");
	assert_int(one("select count(*) from things"), 4);
	fails("pg.exec", ARGS(SQL(""), URL), "empty");
	fails("pg.exec", ARGS(SQL("copy things from stdin"), URL), "COPY");
	fails("pg.exec", ARGS(SQL("copy things to stdout"), URL), "COPY");
	assert_int(one("select count(*) from things"), 4);
	exec("drop table things");
}

static void exec_without_transaction(void **state)
{
	(void)state;
	exec("create table vacuumed (a int)");
	exec("vacuum vacuumed");
	exec("create index concurrently vacuumed_a on vacuumed (a)");
	exec("create procedure in_steps() language plpgsql as $$ begin insert into vacuumed values (1); "
	     "commit; "
	     "insert into vacuumed values (2); end $$");
	exec("call in_steps()");
	assert_int(one("select count(*) from vacuumed"), 2);
	assert_int(one("select count(*) from pg_indexes where indexname = 'vacuumed_a'"), 1);
	exec("drop procedure in_steps; drop table vacuumed");
}

static void names_stand_for_identifiers(void **state)
{
	struct value parts = list_new(2), name;
	struct pure_result result;

	(void)state;
	list_push(&parts, value_string("public"));
	list_push(&parts, value_string("a \"b\"; drop table x; --"));
	result = row_find(&pg_table, "pg.name")->call(&parts, 1);
	assert_true(result.ok);
	name = result.value;
	assert_string_equal(value_text_peek(name), "\"public\".\"a \"\"b\"\"; drop table x; --\"");
	assert_int_equal(name.flags, VALUE_SQL_NAME);
	value_release(ok("pg.exec", ARGS(SQL("create table ${} (a int)", value_copy(name)), URL)));
	value_release(
	    ok("pg.exec", ARGS(SQL("insert into ${} values (${})", value_copy(name), value_int(7)), URL)));
	assert_json(ok("pg.query", ARGS(SQL("select a from ${}", value_copy(name)), URL)), "[{\"a\":7}]");
	value_release(ok("pg.exec", ARGS(SQL("drop table ${}", name), URL)));
	value_release(parts);
}

static void bad_names(void **state)
{
	char longer[70];
	struct value bad[] = {value_string(""),	    value_string_n("a\0b", 3),
			      value_string("\xff"), value_null(),
			      value_int(1),	    value_mark(value_string("\"a\""), VALUE_SQL_NAME),
			      value_null()};
	size_t i;

	(void)state;
	memset(longer, 'x', sizeof longer);
	bad[6] = value_string_n(longer, 64);
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct value parts = list_new(1);
		struct pure_result result;

		list_push(&parts, bad[i]);
		result = row_find(&pg_table, "pg.name")->call(&parts, 1);
		assert_false(result.ok);
		assert_true(value_length(result.value) > 10);
		value_release(result.value);
		value_release(parts);
	}
}

static void hostile_values_arrive(void **state)
{
	static const char *const hostile[] = {
	    "'; drop table kept; --", "\\", "$1", "", "\n\t", "😀", "%s", "{\"a\":1}", "NULL"};
	size_t i;

	(void)state;
	exec("create table kept (i int, t text)");
	for (i = 0; i < sizeof hostile / sizeof *hostile; i++) {
		value_release(ok("pg.exec", ARGS(SQL("insert into kept values (${}, ${})",
						     value_int((int64_t)i), value_string(hostile[i])),
						 URL)));
		assert_text(one_with(ARGS(SQL("select t from kept where t = ${} and i = ${}",
					      value_string(hostile[i]), value_int((int64_t)i)),
					  URL)),
			    hostile[i]);
	}
	exec("drop table kept");
}

/* ---- what cuts statements off ---- */

static int64_t sleepers(void)
{
	struct value count =
	    one("select count(*) from pg_stat_activity where query like '%pg_sleep(6%' and state = 'active' "
		"and pid <> pg_backend_pid()");

	return count.i;
}

static void until_sleeping(void)
{
	int i;

	for (i = 0; i < 100 && sleepers() == 0; i++)
		usleep(20000);
	assert_int_equal(sleepers(), 1);
}

static struct outcome cancel_call(const char *name, const struct row_arg *args)
{
	row_start(fixture.driver, &pg_table, name, "sleeper", args);
	until_sleeping();
	fixture.driver->ops->cancel(fixture.driver, "sleeper");
	return wait_outcome(NULL);
}

static void cancel_reaches_the_server(void **state)
{
	int64_t began = live_now((struct live *)fixture.driver);
	struct outcome outcome = cancel_call("pg.query", ARGS(SQL("select pg_sleep(60)"), URL));

	(void)state;
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(outcome.message), "cancelled"));
	outcome_release(&outcome);
	assert_int_equal(sleepers(), 0);
	exec("create table half (a int)");
	outcome = cancel_call("pg.exec", ARGS(SQL("insert into half values (1); select pg_sleep(60)"), URL));
	assert_int_equal(outcome.kind, OUTCOME_FAILED); /* certain: the server undid it */
	outcome_release(&outcome);
	assert_int_equal(sleepers(), 0);
	assert_int(one("select count(*) from half"), 0);
	exec("drop table half");
	assert_true(live_now((struct live *)fixture.driver) - began < 10 * SECOND);
}

static void timeout_reaches_the_server(void **state)
{
	(void)state;
	fails("pg.query", ARGS(SQL("select pg_sleep(60)"), URL, {"timeout", value_duration(SECOND / 2)}),
	      "timed out after 500ms");
	assert_int_equal(sleepers(), 0);
	fails("pg.exec", ARGS(SQL("select pg_sleep(60)"), URL, {"timeout", value_duration(SECOND / 2)}),
	      "timed out after 500ms");
	assert_int_equal(sleepers(), 0);
}

/* A driver that is freed while a statement runs doesn't leave it running. */
static void end_of_the_run(void **state)
{
	(void)state;
	row_start(fixture.driver, &pg_table, "pg.exec", "sleeper", ARGS(SQL("select pg_sleep(60)"), URL));
	until_sleeping();
	fixture.driver->ops->free(fixture.driver);
	fixture.driver = live_new(NULL);
	assert_int_equal(sleepers(), 0);
}

static void lock_timeout(void **state)
{
	struct value rows;
	int64_t began;

	(void)state;
	exec("create table locked (a int)");
	row_start(fixture.driver, &pg_table, "pg.exec", "sleeper",
		  ARGS(SQL("lock table locked; select pg_sleep(60)"), URL));
	until_sleeping();
	began = live_now((struct live *)fixture.driver);
	fails("pg.exec",
	      ARGS(SQL("insert into locked values (1)"), URL, {"lock_timeout", value_duration(SECOND / 2)}),
	      "55P03");
	assert_in_range(live_now((struct live *)fixture.driver) - began, SECOND / 2, 5 * SECOND);
	/* The next one over the same connection has no such bound. */
	fails("pg.exec", ARGS(SQL("insert into locked values (1)"), URL, {"timeout", value_duration(SECOND)}),
	      "timed out after 1s");
	fails("pg.dump",
	      ARGS({"to", value_string_printf("%s/locked.dump", fixture.directory)}, URL,
		   {"lock_timeout", value_duration(SECOND / 5)}),
	      "lock");
	rows = ok("pg.locks", ARGS(URL));
	assert_true(value_length(rows) >= 1);
	assert_string_equal(value_text_peek(record_peek(list_peek(rows, 0), "relation")), "locked");
	assert_string_equal(value_text_peek(record_peek(list_peek(rows, 0), "mode")), "AccessExclusiveLock");
	assert_int_equal(record_peek(list_peek(rows, 0), "age").tag, VALUE_DURATION);
	assert_int_equal(value_length(record_peek(list_peek(rows, 0), "waiting_for")), 0);
	value_release(rows);
	/* One that waits names whom it waits for. */
	row_start(fixture.driver, &pg_table, "pg.exec", "waiter",
		  ARGS(SQL("insert into locked values (2)"), URL));
	usleep(300000);
	rows = ok("pg.locks", ARGS(URL));
	assert_false(record_peek(list_peek(rows, 0), "granted").b);
	assert_int_equal(value_length(record_peek(list_peek(rows, 0), "waiting_for")), 1);
	value_release(rows);
	fixture.driver->ops->cancel(fixture.driver, "sleeper");
	fixture.driver->ops->cancel(fixture.driver, "waiter");
	for (int i = 0; i < 2; i++) {
		struct outcome outcome = wait_outcome(NULL);

		outcome_release(&outcome);
	}
	exec("drop table locked");
}

static void server_stops_in_mid_query(void **state)
{
	struct outcome outcome;

	(void)state;
	row_start(fixture.driver, &pg_table, "pg.query", "sleeper", ARGS(SQL("select pg_sleep(60)"), URL));
	until_sleeping();
	pg_cluster_halt(&fixture.cluster, SIGQUIT);
	outcome = wait_outcome(NULL);
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(outcome.message), "connection"));
	outcome_release(&outcome);
	assert_true(pg_cluster_serve(&fixture.cluster));
	assert_int(one("select 1"), 1);
	/* Before its commit was sent, a change has certainly not happened. */
	exec("create table gone (a int)");
	row_start(fixture.driver, &pg_table, "pg.exec", "sleeper",
		  ARGS(SQL("insert into gone values (1); select pg_sleep(60)"), URL));
	until_sleeping();
	pg_cluster_halt(&fixture.cluster, SIGKILL);
	outcome = wait_outcome(NULL);
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	outcome_release(&outcome);
	/* Its backends notice that the postmaster is gone, and the next start waits for that. */
	for (int i = 0; i < 50 && !pg_cluster_serve(&fixture.cluster); i++)
		pg_cluster_halt(&fixture.cluster, SIGQUIT);
	assert_int(one("select count(*) from gone"), 0);
	exec("drop table gone");
}

/* Without a transaction nobody can tell. */
static void server_stops_in_mid_change(void **state)
{
	struct outcome outcome;

	(void)state;
	exec("create procedure slowly() language plpgsql as $$ begin commit; perform pg_sleep(60); end $$");
	row_start(fixture.driver, &pg_table, "pg.exec", "sleeper",
		  ARGS(SQL("call slowly() -- pg_sleep(6"), URL));
	value_release(wait_note());
	until_sleeping();
	/* pg.query cannot stop a function that acts, which is of use here. The two outcomes come in any
	 * order. */
	row_start(fixture.driver, &pg_table, "pg.query", "killer",
		  ARGS(SQL("select pg_terminate_backend(pid) from pg_stat_activity where query like 'call "
			   "slowly()%'"),
		       URL));
	outcome = wait_outcome(NULL);
	if (outcome.kind == OUTCOME_OK) {
		outcome_release(&outcome);
		outcome = wait_outcome(NULL);
	} else {
		struct outcome killer = wait_outcome(NULL);

		outcome_release(&killer);
	}
	assert_int_equal(outcome.kind, OUTCOME_UNKNOWN);
	outcome_release(&outcome);
	exec("drop procedure slowly");
}

/* ---- settling ---- */

static struct value settle(const char *name, struct value note, const struct row_arg *args)
{
	struct row_call call = row_request(&pg_table, name, "call", args);
	struct outcome outcome;

	call.request.args = call.args;
	fixture.driver->ops->settle(fixture.driver, &call.request, note);
	row_call_drop(&call);
	outcome = wait_outcome(NULL);
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	value_release(outcome.message);
	value_release(note);
	return outcome.value;
}

static void exec_is_settled_by_its_transaction(void **state)
{
	struct value note, answer;
	struct outcome outcome;

	(void)state;
	exec("create table settled (a int)");
	row_start(fixture.driver, &pg_table, "pg.exec", "call",
		  ARGS(SQL("insert into settled values (1)"), URL));
	outcome = wait_outcome(&note);
	assert_int_equal(outcome.kind, OUTCOME_OK);
	outcome_release(&outcome);
	answer = settle("pg.exec", note, ARGS(SQL("insert into settled values (1)"), URL));
	assert_true(value_truthy(answer));
	/* The run dies after the note was put on record, before the commit. */
	row_start(fixture.driver, &pg_table, "pg.exec", "call",
		  ARGS(SQL("insert into settled values (2)"), URL));
	note = wait_note();
	fixture.driver->ops->free(fixture.driver);
	fixture.driver = live_new(NULL);
	usleep(100000);
	answer = settle("pg.exec", note, ARGS(SQL("insert into settled values (2)"), URL));
	assert_int_equal(answer.tag, VALUE_BOOL);
	assert_false(answer.b);
	assert_int(one("select count(*) from settled"), 1);
	/* It dies before the note. */
	answer = settle("pg.exec", value_null(), ARGS(SQL("insert into settled values (2)"), URL));
	assert_int_equal(answer.tag, VALUE_BOOL);
	assert_false(answer.b);
	/* Without a transaction it stays in doubt. */
	row_start(fixture.driver, &pg_table, "pg.exec", "call", ARGS(SQL("vacuum settled"), URL));
	outcome = wait_outcome(&note);
	outcome_release(&outcome);
	assert_int_equal(settle("pg.exec", note, ARGS(SQL("vacuum settled"), URL)).tag, VALUE_NULL);
	exec("drop table settled");
}

/* Cancelled while its note is on the way to the record: its commit is never sent. */
static void cancel_before_the_commit(void **state)
{
	struct outcome outcome;

	(void)state;
	exec("create table noted (a int)");
	row_start(fixture.driver, &pg_table, "pg.exec", "call",
		  ARGS(SQL("insert into noted values (1)"), URL));
	value_release(wait_note());
	fixture.driver->ops->cancel(fixture.driver, "call");
	outcome = wait_outcome(NULL);
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(outcome.message), "undone"));
	outcome_release(&outcome);
	assert_int(one("select count(*) from noted"), 0);
	exec("drop table noted");
}

static void assert_settles(const char *name, const struct row_arg *args, bool happened)
{
	struct value answer = settle(name, value_null(), args);

	assert_int_equal(answer.tag, VALUE_BOOL);
	assert_int_equal(answer.b, happened);
}

/* ---- databases ---- */

#define HOSTILE_NAME "a \"b\"; drop database postgres; --"

static void databases(void **state)
{
	char longer[65];

	(void)state;
	memset(longer, 'x', 64);
	longer[64] = '\0';
	assert_settles("pg.create_database", ARGS(TEXT("name", HOSTILE_NAME), URL), false);
	value_release(ok("pg.create_database", ARGS(TEXT("name", HOSTILE_NAME), URL)));
	assert_settles("pg.create_database", ARGS(TEXT("name", HOSTILE_NAME), URL), true);
	fails("pg.create_database", ARGS(TEXT("name", HOSTILE_NAME), URL), "already exists");
	/* A connection of ours to it does not stand in the way. */
	value_release(
	    ok("pg.exec", ARGS(SQL("create table here (a int)"), URL, TEXT("database", HOSTILE_NAME))));
	assert_settles("pg.rename_database", ARGS(TEXT("from", HOSTILE_NAME), TEXT("to", "renamed"), URL),
		       false);
	value_release(ok("pg.rename_database", ARGS(TEXT("from", HOSTILE_NAME), TEXT("to", "renamed"), URL)));
	assert_settles("pg.rename_database", ARGS(TEXT("from", HOSTILE_NAME), TEXT("to", "renamed"), URL),
		       true);
	value_release(ok("pg.query", ARGS(SQL("select * from here"), URL, TEXT("database", "renamed"))));
	value_release(
	    ok("pg.create_database", ARGS(TEXT("name", "copied"), TEXT("template", "renamed"), URL)));
	value_release(ok("pg.query", ARGS(SQL("select * from here"), URL, TEXT("database", "copied"))));
	assert_settles("pg.drop_database", ARGS(TEXT("name", "copied"), URL), false);
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "copied"), URL)));
	assert_settles("pg.drop_database", ARGS(TEXT("name", "copied"), URL), true);
	fails("pg.drop_database", ARGS(TEXT("name", "copied"), URL), "does not exist");
	/* The database of the URL itself. */
	value_release(ok("pg.rename_database", ARGS(TEXT("from", "postgres"), TEXT("to", "other"), URL)));
	value_release(ok("pg.rename_database", ARGS(TEXT("from", "other"), TEXT("to", "postgres"), URL,
						    TEXT("database", "template1"))));
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "renamed"), URL)));
	fails("pg.create_database", ARGS(TEXT("name", ""), URL), "is empty");
	fails("pg.create_database", ARGS(TEXT("name", longer), URL), "63 bytes");
}

static void sessions_are_terminated(void **state)
{
	struct outcome outcome;

	(void)state;
	value_release(ok("pg.create_database", ARGS(TEXT("name", "busy"), URL)));
	assert_int(ok("pg.terminate", ARGS(TEXT("database", "busy"), URL)), 0);
	row_start(fixture.driver, &pg_table, "pg.query", "sleeper",
		  ARGS(SQL("select pg_sleep(60)"), URL, TEXT("database", "busy")));
	until_sleeping();
	fails("pg.drop_database", ARGS(TEXT("name", "busy"), URL), "being accessed by other users");
	row_start(fixture.driver, &pg_table, "pg.terminate", "call", ARGS(TEXT("database", "busy"), URL));
	for (int i = 0; i < 2; i++) {
		outcome = wait_outcome(NULL);
		if (outcome.kind == OUTCOME_OK)
			assert_int_equal(outcome.value.i, 1);
		else
			assert_non_null(strstr(value_text_peek(outcome.message), "57P01"));
		outcome_release(&outcome);
	}
	row_start(fixture.driver, &pg_table, "pg.query", "sleeper",
		  ARGS(SQL("select pg_sleep(60)"), URL, TEXT("database", "busy")));
	until_sleeping();
	row_start(fixture.driver, &pg_table, "pg.drop_database", "call",
		  ARGS(TEXT("name", "busy"), URL, {"force", value_bool(true)}));
	for (int i = 0; i < 2; i++) {
		outcome = wait_outcome(NULL);
		outcome_release(&outcome);
	}
	assert_int(one("select count(*) from pg_database where datname = 'busy'"), 0);
}

static void schema_is_copied(void **state)
{
	struct value answer;

	(void)state;
	value_release(ok("pg.create_database", ARGS(TEXT("name", "from here"), URL)));
	value_release(ok("pg.create_database", ARGS(TEXT("name", "to there"), URL)));
	value_release(
	    ok("pg.exec", ARGS(SQL("create table a (x int primary key); create view v as select * from a; "
				   "insert into a values (1)"),
			       URL, TEXT("database", "from here"))));
	assert_settles("pg.copy_schema", ARGS(TEXT("from", "from here"), TEXT("to", "to there"), URL), false);
	answer = ok("pg.copy_schema", ARGS(TEXT("from", "from here"), TEXT("to", "to there"), URL));
	assert_int_equal(record_peek(answer, "tables").i, 1);
	value_release(answer);
	assert_settles("pg.copy_schema", ARGS(TEXT("from", "from here"), TEXT("to", "to there"), URL), true);
	assert_json(
	    ok("pg.query", ARGS(SQL("select count(*) as n from v"), URL, TEXT("database", "to there"))),
	    "[{\"n\":0}]");
	fails("pg.copy_schema", ARGS(TEXT("from", "from here"), TEXT("to", "to there"), URL), "not empty");
	fails("pg.copy_schema", ARGS(TEXT("from", "nowhere"), TEXT("to", "to there"), URL),
	      "\"nowhere\" does not exist");
	fails("pg.copy_schema", ARGS(TEXT("from", "from here"), TEXT("to", "nowhere"), URL),
	      "\"nowhere\" does not exist");
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "from here"), URL)));
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "to there"), URL)));
}

/* pg_receivewal stands for a standby: it streams, and tells how far it is. */
static void standbys_are_listed(void **state)
{
	char program[96], port[24], directory[96];
	const char *argv[] = {program,	 "-h", fixture.cluster.directory, port, "-U", "admin", "-D",
			      directory, NULL};
	struct value rows;
	pid_t pid;
	int i;

	(void)state;
	assert_json(ok("pg.replication", ARGS(URL)), "[]");
	snprintf(program, sizeof program, "%s/pg_receivewal", fixture.cluster.bin);
	snprintf(port, sizeof port, "-p%d", fixture.cluster.port);
	snprintf(directory, sizeof directory, "%s/wal", fixture.cluster.directory);
	mkdir(directory, 0700);
	assert_int_equal(chown(directory, fixture.cluster.uid, fixture.cluster.gid), 0);
	setenv("PGPASSWORD", PG_PASSWORD, 1);
	pid = pg_cluster_spawn(&fixture.cluster, argv);
	unsetenv("PGPASSWORD");
	for (i = 0, rows = value_null(); i < 100 && value_length(rows) == 0; i++) {
		value_release(rows);
		usleep(50000);
		rows = ok("pg.replication", ARGS(URL));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(value_length(rows), 1);
	assert_string_equal(value_text_peek(record_peek(list_peek(rows, 0), "name")), "pg_receivewal");
	assert_true(record_has(list_peek(rows, 0), "lag_bytes"));
	assert_true(record_has(list_peek(rows, 0), "lag"));
	value_release(rows);
}

/* ---- dumps ---- */

static char *in_directory(const char *name)
{
	static char path[4][128];
	static int next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof path[next], "%s/%s", fixture.directory, name);
	return path[next];
}

static bool exists(const char *name)
{
	return access(in_directory(name), F_OK) == 0;
}

static void make_source(void)
{
	value_release(ok("pg.create_database", ARGS(TEXT("name", "source"), URL)));
	value_release(
	    ok("pg.exec",
	       ARGS(SQL("create table users (id int primary key, name text); "
			"create table orders (id serial, user_id int references users, at timestamptz "
			"default now()); "
			"create schema more; create table more.things (t text); "
			"insert into users select i, md5(i::text) || repeat('x', 100) from "
			"generate_series(1, 20000) i; "
			"insert into orders (user_id) select i from generate_series(1, 5000) i; "
			"insert into more.things select md5(random()::text) from generate_series(1, 1000)"),
		    URL, TEXT("database", "source"))));
}

static void drop_source(void)
{
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "source"), URL)));
}

static struct value counts(const char *database)
{
	return ok(
	    "pg.query",
	    ARGS(SQL("select (select count(*) from users) as users, (select count(*) from orders) as orders, "
		     "(select count(*) from more.things) as things, (select md5(string_agg(name, ',' order "
		     "by id)) "
		     "from users) as sum"),
		 URL, TEXT("database", database)));
}

static void dump_and_restore(void **state)
{
	char sum[65], error[200];
	struct value dump, info, before, after;
	struct stat status;

	(void)state;
	make_source();
	assert_settles("pg.dump", ARGS(TEXT("to", in_directory("a.dump")), URL, TEXT("database", "source")),
		       false);
	dump = ok("pg.dump", ARGS(TEXT("to", in_directory("a.dump")), URL, TEXT("database", "source")));
	assert_settles("pg.dump", ARGS(TEXT("to", in_directory("a.dump")), URL, TEXT("database", "source")),
		       true);
	assert_false(exists("a.dump.part"));
	assert_int_equal(stat(in_directory("a.dump"), &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_int_equal(record_peek(dump, "size").tag, VALUE_SIZE);
	assert_int_equal(record_peek(dump, "size").i, status.st_size);
	assert_true(sha256_file(in_directory("a.dump"), sum, error, sizeof error));
	assert_string_equal(value_text_peek(record_peek(dump, "sha256")), sum);
	assert_true(record_peek(dump, "time").i > 0);
	value_release(dump);

	info = ok("pg.inspect", ARGS(TEXT("path", in_directory("a.dump"))));
	assert_int_equal(record_peek(info, "tables").i, 3);
	assert_true(record_peek(info, "entries").i > 6);
	assert_string_equal(value_text_peek(record_peek(info, "format")), "CUSTOM");
	assert_string_equal(value_text_peek(record_peek(info, "database")), "source");
	assert_int_equal(record_peek(info, "created").tag, VALUE_TIME);
	assert_true(llabs(record_peek(info, "created").i / SECOND - (int64_t)time(NULL)) < 120);
	assert_int_equal(record_peek(info, "size").i, status.st_size);
	value_release(info);

	/* No second dump over the first. */
	fails("pg.dump", ARGS(TEXT("to", in_directory("a.dump")), URL, TEXT("database", "source")),
	      "exists already");
	fails("pg.restore", ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "nowhere"), URL),
	      "\"nowhere\" does not exist");
	value_release(ok("pg.create_database", ARGS(TEXT("name", "target"), URL)));
	assert_settles("pg.restore",
		       ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "target"), URL), false);
	after = ok("pg.restore", ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "target"), URL));
	assert_int_equal(record_peek(after, "tables").i, 3);
	value_release(after);
	assert_settles("pg.restore",
		       ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "target"), URL), true);
	before = counts("source");
	after = counts("target");
	assert_true(value_equal(before, after));
	assert_int_equal(record_peek(list_peek(after, 0), "users").i, 20000);
	value_release(after);

	/* Not over what is there, unless told so; with clean the rows are those of the dump again. */
	fails("pg.restore", ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "target"), URL),
	      "not empty");
	value_release(ok("pg.exec", ARGS(SQL("delete from orders; drop table more.things"), URL,
					 TEXT("database", "target"))));
	value_release(ok("pg.restore", ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "target"),
					    URL, {"clean", value_bool(true)})));
	after = counts("target");
	assert_true(value_equal(before, after));
	value_release(after);
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "target"), URL)));

	value_release(ok("pg.create_database", ARGS(TEXT("name", "target"), URL)));
	value_release(ok("pg.restore", ARGS(TEXT("from", in_directory("a.dump")), TEXT("database", "target"),
					    URL, {"jobs", value_int(3)}, {"owner", value_bool(false)})));
	after = counts("target");
	assert_true(value_equal(before, after));
	value_release(after);
	value_release(before);
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "target"), URL)));
	drop_source();
}

static void dump_of_some_tables(void **state)
{
	struct value tables = list_new(2), info;

	(void)state;
	make_source();
	value_release(ok("pg.exec", ARGS(SQL("create table \"*\" (a int); create table \"user?\" (a int)"),
					 URL, TEXT("database", "source"))));
	list_push(&tables, value_string("*"));
	list_push(&tables, value_string("more.things"));
	value_release(
	    ok("pg.dump", ARGS(TEXT("to", in_directory("some.dump")), URL, TEXT("database", "source"),
			       {"tables", tables}, {"schema_only", value_bool(true)})));
	info = ok("pg.inspect", ARGS(TEXT("path", in_directory("some.dump"))));
	assert_int_equal(record_peek(info, "tables").i, 2);
	assert_int_equal(record_peek(info, "entries").i, 2);
	value_release(info);
	tables = list_new(1);
	list_push(&tables, value_string("no_such"));
	fails(
	    "pg.dump",
	    ARGS(TEXT("to", in_directory("none.dump")), URL, TEXT("database", "source"), {"tables", tables}),
	    "no matching tables");
	assert_false(exists("none.dump.part"));
	drop_source();
}

/* A listing accepts most of these; pg.inspect, pg.restore and nobody else's word count. */
static void truncated_dumps_are_refused(void **state)
{
	struct stat status;
	int64_t i, offsets[8];

	(void)state;
	make_source();
	value_release(
	    ok("pg.dump", ARGS(TEXT("to", in_directory("whole.dump")), URL, TEXT("database", "source"))));
	assert_int_equal(stat(in_directory("whole.dump"), &status), 0);
	for (i = 0; i < 6; i++)
		offsets[i] = status.st_size * (i + 1) / 7;
	offsets[6] = status.st_size - 1;
	offsets[7] = 0;
	for (i = 0; i < 8; i++) {
		char command[300];

		snprintf(command, sizeof command, "%s", in_directory("cut.dump"));
		unlink(command);
		int from = open(in_directory("whole.dump"), O_RDONLY),
		    to = open(command, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		char *bytes = malloc((size_t)status.st_size);

		assert_int_equal(read(from, bytes, (size_t)offsets[i]), offsets[i]);
		assert_int_equal(write(to, bytes, (size_t)offsets[i]), offsets[i]);
		free(bytes);
		close(from);
		close(to);
		fails("pg.inspect", ARGS(TEXT("path", command)), "pg_restore");
		fails("pg.restore", ARGS(TEXT("from", command), TEXT("database", "postgres"), URL),
		      "pg_restore");
	}
	fails("pg.inspect", ARGS(TEXT("path", "/etc/passwd")), "does not appear to be a valid archive");
	fails("pg.inspect", ARGS(TEXT("path", "/nowhere.dump")), "No such file");
	fails("pg.inspect", ARGS(TEXT("path", "/dev/zero")), "is not a file");
	fails("pg.inspect", ARGS(TEXT("path", "")), "path");
	drop_source();
}

static void dump_on_a_full_disk(void **state)
{
	const char *mount_point = in_directory("small");
	struct value before, after;

	(void)state;
	mkdir(mount_point, 0700);
	/* Root in a container may be forbidden to mount; dump_is_killed() is for those. */
	if (mount("tmpfs", mount_point, "tmpfs", 0, "size=64k") != 0) {
		assert_int_equal(errno, EPERM);
		skip();
		return;
	}
	make_source();
	before = counts("source");
	fails("pg.dump", ARGS(TEXT("to", in_directory("small/a.dump")), URL, TEXT("database", "source")),
	      "No space left on device");
	assert_false(exists("small/a.dump"));
	assert_false(exists("small/a.dump.part"));
	assert_int_equal(umount(in_directory("small")), 0);
	fails("pg.dump", ARGS(TEXT("to", in_directory("no/such/a.dump")), URL, TEXT("database", "source")),
	      "No such file or directory");
	fails("pg.dump", ARGS(TEXT("to", "/"), URL), "path of a file");
	after = counts("source");
	assert_true(value_equal(before, after));
	value_release(before);
	value_release(after);
	drop_source();
}

/* pg_dump is killed by the kernel in the middle of its file: by a limit of 64 KiB, which it cannot catch. */
static void dump_is_killed(void **state)
{
	struct rlimit old, small;

	(void)state;
	make_source();
	getrlimit(RLIMIT_FSIZE, &old);
	small = old;
	small.rlim_cur = 64 * 1024;
	setrlimit(RLIMIT_FSIZE, &small);
	fails("pg.dump", ARGS(TEXT("to", in_directory("killed.dump")), URL, TEXT("database", "source")),
	      "pg_dump failed");
	setrlimit(RLIMIT_FSIZE, &old);
	assert_false(exists("killed.dump"));
	assert_false(exists("killed.dump.part"));
	drop_source();
}

/* A lock keeps pg_dump waiting until it is cancelled, or runs out of time. */
static void dump_is_cancelled(void **state)
{
	struct outcome outcome;
	int i;

	(void)state;
	make_source();
	row_start(fixture.driver, &pg_table, "pg.exec", "sleeper",
		  ARGS(SQL("lock table users; select pg_sleep(60)"), URL, TEXT("database", "source")));
	until_sleeping();
	row_start(fixture.driver, &pg_table, "pg.dump", "dump",
		  ARGS(TEXT("to", in_directory("c.dump")), URL, TEXT("database", "source")));
	for (i = 0; i < 100 && !exists("c.dump.part"); i++)
		one("select 1");
	assert_true(exists("c.dump.part"));
	/* Meanwhile nobody else may write it. */
	fails("pg.dump", ARGS(TEXT("to", in_directory("c.dump")), URL, TEXT("database", "source")),
	      "by another pg.dump");
	assert_true(exists("c.dump.part"));
	fixture.driver->ops->cancel(fixture.driver, "dump");
	outcome = wait_outcome(NULL);
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(outcome.message), "cancelled"));
	outcome_release(&outcome);
	assert_false(exists("c.dump"));
	assert_false(exists("c.dump.part"));
	fails("pg.dump",
	      ARGS(TEXT("to", in_directory("c.dump")), URL, TEXT("database", "source"),
		   {"timeout", value_duration(SECOND)}),
	      "timed out after 1s");
	assert_false(exists("c.dump.part"));
	/* The end of the run removes it, too. */
	row_start(fixture.driver, &pg_table, "pg.dump", "dump",
		  ARGS(TEXT("to", in_directory("c.dump")), URL, TEXT("database", "source")));
	for (i = 0; i < 100 && !exists("c.dump.part"); i++)
		one("select 1");
	fixture.driver->ops->free(fixture.driver);
	fixture.driver = live_new(NULL);
	assert_false(exists("c.dump.part"));
	/* One that was left by a run that was killed is replaced. */
	close(open(in_directory("c.dump.part"), O_WRONLY | O_CREAT, 0600));
	for (i = 0; i < 100 && sleepers() > 0; i++)
		usleep(50000);
	value_release(
	    ok("pg.dump", ARGS(TEXT("to", in_directory("c.dump")), URL, TEXT("database", "source"))));
	assert_false(exists("c.dump.part"));
	drop_source();
}

static void restore_is_cancelled(void **state)
{
	struct outcome outcome;
	int i;

	(void)state;
	make_source();
	value_release(
	    ok("pg.dump", ARGS(TEXT("to", in_directory("r.dump")), URL, TEXT("database", "source"))));
	value_release(ok("pg.create_database", ARGS(TEXT("name", "target"), URL)));
	/* An event trigger holds the restore in the middle of its transaction. */
	value_release(ok("pg.exec",
			 ARGS(SQL("create function slow() returns event_trigger language plpgsql as "
				  "$$ begin perform pg_sleep(60); end $$; "
				  "create event trigger slow on ddl_command_end when tag in ('CREATE TABLE') "
				  "execute function slow()"),
			      URL, TEXT("database", "target"))));
	row_start(fixture.driver, &pg_table, "pg.restore", "restore",
		  ARGS(TEXT("from", in_directory("r.dump")), TEXT("database", "target"), URL));
	for (i = 0; i < 200; i++) {
		struct value active =
		    one("select count(*) from pg_stat_activity where datname = 'target' and "
			"wait_event = 'PgSleep'");

		if (active.i > 0)
			break;
		usleep(20000);
	}
	assert_true(i < 200);
	fixture.driver->ops->cancel(fixture.driver, "restore");
	outcome = wait_outcome(NULL);
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_non_null(strstr(value_text_peek(outcome.message), "cancelled"));
	outcome_release(&outcome);
	assert_settles("pg.restore",
		       ARGS(TEXT("from", in_directory("r.dump")), TEXT("database", "target"), URL), false);
	assert_json(
	    one("select count(*) from pg_stat_activity where datname = 'target' and state = 'active'"), "0");
	value_release(ok("pg.drop_database", ARGS(TEXT("name", "target"), URL)));
	drop_source();
}

/* A pg_dump of ours looks at how it was called, and then is the real one. */
static void password_is_not_shown(void **state)
{
	char path[4096], script[400], seen[20000] = "";
	const char *old = getenv("PATH");
	FILE *file;

	(void)state;
	mkdir(in_directory("bin"), 0700);
	snprintf(script, sizeof script,
		 "#!/bin/sh\n{ cat /proc/$$/cmdline | tr '\\0' ' '; env; echo; echo passfile; cat "
		 "/proc/self/fd/3; } >%s\n"
		 "exec %s/pg_dump \"$@\"\n",
		 in_directory("seen"), fixture.cluster.bin);
	file = fopen(in_directory("bin/pg_dump"), "w");
	fputs(script, file);
	fclose(file);
	chmod(in_directory("bin/pg_dump"), 0700);
	snprintf(path, sizeof path, "%s:%s", in_directory("bin"), old);
	setenv("PATH", path, 1);
	value_release(ok("pg.dump", ARGS(TEXT("to", in_directory("quiet.dump")), URL)));
	snprintf(path, sizeof path, "%s", strchr(path, ':') + 1);
	setenv("PATH", path, 1);
	file = fopen(in_directory("seen"), "r");
	assert_non_null(file);
	assert_true(fread(seen, 1, sizeof seen - 1, file) > 100);
	fclose(file);
	/* Cut at the password file, which is where it has to be. */
	assert_non_null(strstr(seen, "passfile\n*:*:*:*:"));
	*strstr(seen, "passfile\n*:*:*:*:") = '\0';
	assert_non_null(strstr(seen, "--format=custom"));
	assert_null(strstr(seen, "p'w"));
	assert_null(strstr(seen, "é#1"));
	assert_null(strstr(seen, "%27w"));
}

/* ---- preview ---- */

static void assert_describes(const char *name, const struct row_arg *args, const char *expected)
{
	assert_text(row_describe(&pg_table, name, args), expected);
}

static void described(void **state)
{
	(void)state;
	assert_describes("pg.exec",
			 ARGS(SQL("update users\n   set name = ${}\n where id = ${}",
				  value_mark(value_string("x"), VALUE_SECRET), value_int(7)),
			      URL),
			 "update users set name = $1 where id = $2  -- $1 = ***, $2 = \"7\"");
	assert_describes("pg.query", ARGS({"sql", value_unknown()}),
			 "pg.query (a statement with what is not known yet)");
	assert_describes("pg.drop_database", ARGS(TEXT("name", "a\"b"), {"force", value_bool(true)}),
			 "drop database \"a\"\"b\" with (force)");
	assert_describes("pg.dump", ARGS(TEXT("to", "/b/x y.dump"), URL, TEXT("database", "app")),
			 "pg_dump --format=custom --no-password app > '/b/x y.dump'");
	assert_describes("pg.restore", ARGS(TEXT("from", "/b/x.dump"), TEXT("database", "app")),
			 "pg_restore --single-transaction --dbname app /b/x.dump");
}

/* Every row of a change can be previewed with arguments that are not known, and simulated. */
static void unknown_arguments(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < pg_table.row_count; i++) {
		const struct builtin *row = &pg_table.rows[i];
		struct value args[CALL_ARGS_MAX];
		struct effect_request request = {
		    .id = "x", .builtin = row, .args = args, .arg_count = CALL_ARGS_MAX};
		size_t j;

		for (j = 0; j < CALL_ARGS_MAX; j++)
			args[j] = value_unknown();
		if (row->describe)
			value_release(row->describe(&request));
		if (row->simulate)
			value_release(row->simulate(&request));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(query_types),
	    TEST(query_times),
	    TEST(query_many_rows),
	    TEST(query_parameters),
	    TEST(query_changes_nothing),
	    TEST(errors_tell),
	    TEST(secrets_stay),
	    TEST(no_connection),
	    TEST(connection_times_out),
	    TEST(names_are_resolved),
	    TEST(environment_counts),
	    TEST(connection_is_kept),
	    TEST(connection_is_replaced),
	    TEST(connections_are_bounded),
	    TEST(exec_changes),
	    TEST(exec_without_transaction),
	    TEST(names_stand_for_identifiers),
	    TEST(bad_names),
	    TEST(hostile_values_arrive),
	    TEST(cancel_reaches_the_server),
	    TEST(timeout_reaches_the_server),
	    TEST(end_of_the_run),
	    TEST(lock_timeout),
	    TEST(server_stops_in_mid_query),
	    TEST(server_stops_in_mid_change),
	    TEST(exec_is_settled_by_its_transaction),
	    TEST(cancel_before_the_commit),
	    TEST(databases),
	    TEST(sessions_are_terminated),
	    TEST(schema_is_copied),
	    TEST(standbys_are_listed),
	    TEST(dump_and_restore),
	    TEST(dump_of_some_tables),
	    TEST(truncated_dumps_are_refused),
	    TEST(dump_on_a_full_disk),
	    TEST(dump_is_killed),
	    TEST(dump_is_cancelled),
	    TEST(restore_is_cancelled),
	    TEST(password_is_not_shown),
	    TEST(described),
	    TEST(unknown_arguments),
	};

	return cmocka_run_group_tests_name("pg", tests, group_setup, group_teardown);
}
