/* test_sqlite.c - sqlite.* on real databases, with others that write to them meanwhile. */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builtins/lazy.h"
#include "builtins/live.h"
#include "builtins/tables.h"
#include "interp/embed.h"
#include "tests/unit/call_row.h"
#include "tests/unit/scratch.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

/* A statement as the machine renders it: `text` with its values where ${} stands. Consumes the values. */
static struct value statement(const char *text, size_t count, struct value *values)
{
	struct embed_part parts[8];
	struct value error, made;
	size_t n = 0;

	for (const char *at = text;; n++) {
		const char *next = strstr(at, "${}");

		parts[n] = (struct embed_part){at, next != NULL ? (size_t)(next - at) : strlen(at), false};
		if (next == NULL)
			break;
		at = next + 3;
	}
	assert_int_equal(n, count);
	made = embed_render(EMBED_SQLITE, parts, values, n + 1, &error);
	if (error.tag != VALUE_NULL)
		fail_msg("%s", value_text_peek(error));
	for (size_t i = 0; i < count; i++)
		value_release(values[i]);
	return made;
}

#define SQL(text, values...)                                                                                 \
	statement(text, sizeof((struct value[]){values}) / sizeof(struct value), (struct value[]){values})

static struct outcome run(const char *name, const struct row_arg *args)
{
	struct driver *driver = live_new(NULL);
	struct outcome outcome = row_run(driver, &sqlite_table, name, args);

	driver->ops->free(driver);
	return outcome;
}

static struct value ok(struct outcome outcome)
{
	if (outcome.kind != OUTCOME_OK)
		fail_msg("%s", value_text_peek(outcome.message));
	return outcome.value;
}

static void fails(struct outcome outcome, const char *words)
{
	if (outcome.kind != OUTCOME_FAILED || strstr(value_text_peek(outcome.message), words) == NULL)
		fail_msg("wanted \"%s\", got \"%s\" (%d)", words, value_text_peek(outcome.message),
			 outcome.kind);
	outcome_release(&outcome);
}

static struct outcome query(const char *path, struct value sql)
{
	return run("sqlite.query", ARGS({"path", value_string(path)}, {"sql", sql}));
}

static struct outcome change(const char *path, struct value sql)
{
	return run("sqlite.exec", ARGS({"path", value_string(path)}, {"sql", sql}));
}

static struct outcome backup(const char *from, const char *to)
{
	return run("sqlite.backup", ARGS({"from", value_string(from)}, {"to", value_string(to)}));
}

static sqlite3 *db_make(const char *path, const char *script)
{
	char error[200];
	const struct sqlite_api *api = sqlite_load(error, sizeof error);
	sqlite3 *db;

	assert_int_equal(api->open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL),
			 SQLITE_OK);
	if (api->exec(db, script, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s", api->errmsg(db));
	return db;
}

static void db_end(sqlite3 *db)
{
	char error[200];

	sqlite_load(error, sizeof error)->close_v2(db);
}

static void test_values_both_ways(void **state)
{
	const char *path = in_directory("values.db");
	struct value rows, row, list = list_new(2);

	(void)state;
	db_end(db_make(path, "create table t(i integer, f real, s text, b blob, n text);"
			     "insert into t values(42, 1.5, 'h\303\251llo', x'00ff10', null)"));
	rows = ok(query(path, SQL("select * from t")));
	row = list_peek(rows, 0);
	assert_int_equal(record_peek(row, "i").i, 42);
	assert_true(record_peek(row, "f").tag == VALUE_FLOAT && record_peek(row, "f").f == 1.5);
	assert_string_equal(value_text_peek(record_peek(row, "s")), "h\303\251llo");
	assert_string_equal(value_text_peek(record_peek(row, "b")), "00ff10");
	assert_int_equal(record_peek(row, "n").tag, VALUE_NULL);
	value_release(rows);
	/* A number stays one, without a column that would make it one. */
	rows = ok(
	    query(path, SQL("select ${} < 5 as less, typeof(${}) as a, typeof(${}) as b, ${} as c, ${} as d",
			    value_int(10), value_percent(0.05), value_bool(true), value_duration(1500 * MS),
			    value_string("x'; drop table t; --"))));
	row = list_peek(rows, 0);
	assert_int_equal(record_peek(row, "less").i, 0);
	assert_string_equal(value_text_peek(record_peek(row, "a")), "real");
	assert_string_equal(value_text_peek(record_peek(row, "b")), "integer");
	assert_true(record_peek(row, "c").f == 1.5);
	assert_string_equal(value_text_peek(record_peek(row, "d")), "x'; drop table t; --");
	value_release(rows);
	list_push(&list, value_int(41));
	list_push(&list, value_int(42));
	rows = ok(query(path, SQL("select i from t where i in (select value from json_each(${}))", list)));
	assert_int_equal(value_length(rows), 1);
	value_release(rows);
}

static void test_query_only_reads(void **state)
{
	const char *path = in_directory("reads.db");

	(void)state;
	db_end(db_make(path, "create table t(i); insert into t values(1)"));
	fails(query(path, SQL("delete from t")),
	      "the statement changes something, and sqlite.query only reads");
	fails(query(path, SQL("vacuum")), "sqlite.query: ");
	fails(query(path, statement("vacuum into 'x.db'", 0, NULL)), "sqlite.query: ");
	fails(query(path, SQL("attach 'x.db' as x")), "too many attached databases");
	fails(query(path, SQL("select 1; delete from t")), "one statement at a time");
	fails(query(path, SQL(" -- nothing\n")), "there is no statement");
	fails(query(path, SQL("select \"no_such_column\" from t")), "no such column: no_such_column");
	fails(query(path, SQL("select i, i from t")), "two columns have the same name");
	fails(query(path,
		    SQL("with recursive n(i) as (select 1 union all select i + 1 from n) select i from n")),
	      "more than 10000 rows came");
	fails(query(path, SQL("select hex(zeroblob(5000000)) as x")), "the rows exceed 4MiB");
	/* Told before any of it is made: this one would take a minute and some gigabytes. */
	fails(query(path, SQL("select zeroblob(900000000) as x")), "the rows exceed 4MiB");
	fails(query(path, SQL("select zeroblob(3000000) as x")), "the rows exceed 4MiB");
	assert_false(file_there("x.db"));
	value_release(ok(query(path, SQL("select i from t"))));
}

static void test_what_is_no_database(void **state)
{
	const char *text = in_directory("text.db"), *out = in_directory("none.copy");

	(void)state;
	file_make(
	    text,
	    "this is no database, only a text that is long enough for a header of one.....................",
	    90);
	fails(query(text, SQL("select 1 from sqlite_schema")), "file is not a database");
	fails(query(in_directory("missing.db"), SQL("select 1")), "No such file or directory");
	fails(query(directory, SQL("select 1")), "it is no regular file");
	fails(change(in_directory("missing.db"), SQL("create table t(i)")), "No such file or directory");
	assert_false(file_there(in_directory("missing.db")));
	fails(backup(text, out), "file is not a database");
	fails(backup(in_directory("missing.db"), out), "No such file or directory");
	assert_false(file_there(out));
	assert_false(file_there(in_directory("none.copy.part")));
}

static void test_exec(void **state)
{
	const char *path = in_directory("exec.db");
	struct value answer;

	(void)state;
	db_end(db_make(path, "create table t(i unique); insert into t values(1), (2), (3)"));
	answer = ok(change(path, SQL("update t set i = i + ${} where i > ${}", value_int(10), value_int(1))));
	assert_int_equal(record_peek(answer, "rows").i, 2);
	value_release(answer);
	fails(change(path, SQL("insert into t values(7), (1)")), "UNIQUE constraint failed: t.i");
	answer = ok(query(path, SQL("select count(*) as n from t")));
	assert_int_equal(record_peek(list_peek(answer, 0), "n").i, 3);
	value_release(answer);
	value_release(ok(change(path, SQL("vacuum"))));
}

static void test_secrets_are_not_told(void **state)
{
	const char *path = in_directory("secret.db");
	struct value secret = value_mark(value_string("hun'ter2"), VALUE_SECRET);
	struct outcome outcome;

	(void)state;
	db_end(db_make(path, "create table t(i)"));
	outcome = query(path, SQL("select json_extract('{}', ${}) as x", secret));
	assert_int_equal(outcome.kind, OUTCOME_FAILED);
	assert_null(strstr(value_text_peek(outcome.message), "hun"));
	outcome_release(&outcome);
}

static void test_a_lock_that_stays(void **state)
{
	const char *path = in_directory("locked.db");
	sqlite3 *db = db_make(path, "create table t(i); begin exclusive");
	struct outcome outcome =
	    run("sqlite.query", ARGS({"path", value_string(path)}, {"sql", SQL("select i from t")},
				     {"timeout", value_duration(200 * MS)}));

	(void)state;
	fails(outcome, "timed out after 200ms");
	outcome = run("sqlite.backup",
		      ARGS({"from", value_string(path)}, {"to", value_string(in_directory("l.copy"))},
			   {"timeout", value_duration(200 * MS)}));
	fails(outcome, "timed out after 200ms");
	assert_false(file_there(in_directory("l.copy.part")));
	db_end(db);
	value_release(ok(query(path, SQL("select i from t"))));
}

static void test_cancel_a_statement_that_runs(void **state)
{
	const char *path = in_directory("endless.db");
	struct driver *driver = live_new(NULL);
	struct delivery delivery;

	(void)state;
	db_end(db_make(path, "create table t(i)"));
	row_start(driver, &sqlite_table, "sqlite.query", "q",
		  ARGS({"path", value_string(path)},
		       {"sql",
			SQL("with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) "
			    "from n")}));
	assert_true(driver->ops->next(driver, live_now((struct live *)driver) + 100 * MS, &delivery));
	assert_int_equal(delivery.kind, DELIVERY_TIME);
	driver->ops->cancel(driver, "q");
	fails(row_wait(driver), "cancelled");
	driver->ops->free(driver);
}

/* Writes the same number to both ends of the database, over and over, in one transaction each. */
static pid_t writer_start(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		char error[200];
		const struct sqlite_api *api = sqlite_load(error, sizeof error);
		sqlite3 *db;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		api->open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
		api->exec(db, "pragma busy_timeout=60000; pragma synchronous=off", NULL, NULL, NULL);
		for (;;)
			api->exec(db,
				  "begin immediate; update a set i = i + 1; update b set i = i + 1; commit",
				  NULL, NULL, NULL);
	}
	return pid;
}

static void backup_under_writes(const char *mode)
{
	char script[400], from[40], to[40];
	const char *path, *copy;
	struct value rows, answer;
	int64_t last = -1;
	pid_t writer;

	snprintf(
	    script, sizeof script,
	    "pragma journal_mode=%s; create table a(i); insert into a values(0); create table filler(x);"
	    "with recursive n(i) as (select 1 union all select i + 1 from n limit 5000)"
	    "insert into filler select randomblob(2000) from n; create table b(i); insert into b values(0)",
	    mode);
	snprintf(from, sizeof from, "busy-%s.db", mode);
	path = in_directory(from);
	db_end(db_make(path, script));
	writer = writer_start(path);
	for (int i = 0; i < 5; i++) {
		snprintf(to, sizeof to, "copy-%s-%d", mode, i);
		copy = in_directory(to);
		answer = ok(backup(path, copy));
		assert_true(record_peek(answer, "size").i > 10000000);
		assert_int_equal(value_length(record_peek(answer, "sha256")), 64);
		value_release(answer);
		rows = ok(query(
		    copy, SQL("select a.i as a, b.i as b, (select count(*) from filler) as n from a, b")));
		assert_int_equal(record_peek(list_peek(rows, 0), "a").i,
				 record_peek(list_peek(rows, 0), "b").i);
		assert_int_equal(record_peek(list_peek(rows, 0), "n").i, 5000);
		assert_true(record_peek(list_peek(rows, 0), "a").i >= last);
		last = record_peek(list_peek(rows, 0), "a").i;
		value_release(rows);
	}
	assert_true(last > 0); /* somebody wrote meanwhile */
	kill(writer, SIGKILL);
	waitpid(writer, NULL, 0);
	snprintf(to, sizeof to, "copy-%s-0.part-wal", mode);
	assert_false(file_there(in_directory(to)));
	snprintf(to, sizeof to, "copy-%s-0.part", mode);
	assert_false(file_there(in_directory(to)));
}

static void test_backup_while_another_writes(void **state)
{
	(void)state;
	backup_under_writes("delete");
	backup_under_writes("wal");
}

static void test_backup_writes_over_nothing(void **state)
{
	const char *path = in_directory("some.db");

	(void)state;
	db_end(db_make(path, "create table t(i)"));
	fails(backup(path, path), "exists already: sqlite.backup writes over no file");
	value_release(ok(backup(path, in_directory("a ?#%41 b.db"))));
	value_release(ok(query(in_directory("a ?#%41 b.db"), SQL("select * from t"))));
}

static void test_backup_of_a_damaged_database(void **state)
{
	const char *path = in_directory("damaged.db");
	FILE *file;

	(void)state;
	db_end(db_make(path, "pragma page_size=4096; create table t(i); create index x on t(i);"
			     "with recursive n(i) as (select 1 union all select i + 1 from n limit 5000)"
			     "insert into t select i from n"));
	file = fopen(path, "r+");
	fseek(file, 4096 * 10 + 100, SEEK_SET);
	for (int i = 0; i < 3000; i++)
		fputc(0xa5, file);
	fclose(file);
	fails(backup(path, in_directory("damaged.copy")), "sqlite.backup: ");
	assert_false(file_there(in_directory("damaged.copy")));
	assert_false(file_there(in_directory("damaged.copy.part")));
}

static int setup(void **state)
{
	(void)state;
	directory_make("runplan-sqlite");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	directory_remove();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_values_both_ways),
	    cmocka_unit_test(test_query_only_reads),
	    cmocka_unit_test(test_what_is_no_database),
	    cmocka_unit_test(test_exec),
	    cmocka_unit_test(test_secrets_are_not_told),
	    cmocka_unit_test(test_a_lock_that_stays),
	    cmocka_unit_test(test_cancel_a_statement_that_runs),
	    cmocka_unit_test(test_backup_while_another_writes),
	    cmocka_unit_test(test_backup_writes_over_nothing),
	    cmocka_unit_test(test_backup_of_a_damaged_database),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
