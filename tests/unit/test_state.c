/* test_state.c - runs on record, the same in SQLite and in PostgreSQL; what is damaged, newer, or somebody
 * else's. */
#define _GNU_SOURCE 1
#include "builtins/live.h"
#include "tests/unit/state_place.h"

static char *place; /* of the test under way */

static int sqlite_setup(void **state)
{
	(void)state;
	place = sqlite_place();
	return 0;
}

static int postgres_setup(void **state)
{
	(void)state;
	place = postgres_place(cluster.port);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(place);
	return 0;
}

/* ---- rows ---- */

static void test_rows_come_back(void **unused)
{
	struct state *state = state_at(place);
	struct store *store = run_begin(state, "20260101-000000-aaaaaa");
	struct run_record run;
	size_t length;
	char *text;

	(void)unused;
	append(store, "[\"run.started\"]");
	append(store, "");
	assert_int_equal(state_run_record(store)->number, 0); /* nothing is there before the first sync */
	assert_false(state_find(state, NULL, NULL, &run));
	synced(state, store);
	assert_true(state_run_record(store)->number > 0);
	append(store, "[\"\xff, \\u0000 and 'that'\"]");
	synced(state, store);
	append(store, "never synced");
	store->ops->free(store);
	state_close(state);

	assert_kept(place, "20260101", ROWS("[\"run.started\"]", "", "[\"\xff, \\u0000 and 'that'\"]"));
	state = state_at(place);
	assert_true(state_find(state, "", NULL, &run));
	assert_string_equal(run.title, "A \"title\", it's 100% \\é");
	assert_string_equal(run.file, "a.plan");
	assert_null(run.operator_name);
	assert_null(run.lock);
	assert_null(run.outcome);
	assert_int_equal(run.started, 1700000000000000000);
	assert_false(run.changed);
	text = state_source(state, run.number, "lib/b.plan", &length);
	assert_int_equal(length, 6);
	assert_memory_equal(text, "# \0 \xff\n", 6);
	free(text);
	assert_null(state_source(state, run.number, "<signature>", &length));
	run_record_free(&run);
	state_close(state);
}

static void test_a_run_goes_on(void **unused)
{
	struct state *state = state_at(place);
	struct store *store = run_begin(state, "r1");
	struct run_record run;

	(void)unused;
	append(store, "one");
	synced(state, store);
	store->ops->free(store);
	store = taken_over(state, "r1");
	assert_rows(store, ROWS("one"));
	append(store, "two");
	state_run_record(store)->exit = 3;
	state_run_record(store)->changed = true;
	state_run_record(store)->ended = 12;
	state_run_record(store)->lock = strdup("the bot");
	state_run_record(store)->outcome = strdup("rolled back");
	state_run_touch(store);
	synced(state, store);
	synced(state, store); /* there is nothing to do */
	store->ops->free(store);
	assert_kept(place, "r1", ROWS("one", "two"));
	assert_true(state_find(state, "r1", NULL, &run));
	assert_string_equal(run.outcome, "rolled back");
	assert_string_equal(run.lock, "the bot");
	assert_true(run.changed && run.exit == 3 && run.ended == 12);
	run_record_free(&run);
	state_close(state);
}

static void test_who_looks_on_sees_more(void **unused)
{
	struct state *state = state_at(place), *other = state_at(place);
	struct store *store = run_begin(state, "r1"), *watch;
	struct run_record run;

	(void)unused;
	append(store, "one");
	synced(state, store);
	assert_true(state_find(other, "r1", NULL, &run));
	assert_true(state_alive(other, &run));
	watch = state_run_open(other, &run, false);
	assert_rows(watch, ROWS("one"));
	assert_false(state_run_refresh(watch));
	append(store, "two");
	assert_false(state_run_refresh(watch));
	synced(state, store);
	assert_true(state_run_refresh(watch));
	assert_rows(watch, ROWS("one", "two"));
	watch->ops->free(watch);
	store->ops->free(store);
	assert_false(state_alive(other, &run));
	run_record_free(&run);
	state_close(state);
	state_close(other);
}

static void test_a_large_row(void **unused)
{
	size_t size = 20u << 20, length;
	char *row = malloc(size + 1);
	struct state *state = state_at(place);
	struct store *store = run_begin(state, "r1");

	(void)unused;
	memset(row, 'x', size);
	row[size] = '\0';
	append(store, row);
	synced(state, store);
	store->ops->free(store);
	store = taken_over(state, "r1");
	assert_memory_equal(store->ops->row_peek(store, 0, &length), row, size);
	assert_int_equal(length, size);
	store->ops->free(store);
	state_close(state);
	free(row);
}

/* What a process leaves in SQLite's log is read by the next one: it must not grow from run to run. */
static void test_the_log_is_bounded(void **unused)
{
	char log[200];
	struct stat status;

	(void)unused;
	snprintf(log, sizeof log, "%s-wal", place);
	for (int i = 0; i < 300; i++) {
		struct state *state = state_at(place);
		char id[20];
		struct store *store;

		snprintf(id, sizeof id, "r%d", i);
		store = run_begin(state, id);
		append(store, "row");
		synced(state, store);
		store->ops->free(store);
		state_close(state);
		assert_true(stat(log, &status) != 0 || status.st_size < 600 * 1024);
	}
	assert_kept(place, "r299", ROWS("row"));
}

/* ---- finding ---- */

static void kept_run(struct state *state, const char *id, const char *lock, bool changed)
{
	struct store *store = run_begin(state, id);

	append(store, id);
	state_run_record(store)->lock = lock ? strdup(lock) : NULL;
	state_run_record(store)->changed = changed;
	synced(state, store);
	store->ops->free(store);
}

static bool has_no_lock(const struct run_record *run)
{
	return run->lock == NULL;
}

static bool note_id(void *context, const struct run_record *run)
{
	char *ids = context;

	strcat(strcat(ids, run->id), " ");
	return strcmp(run->id, "20260102-b") != 0;
}

static void test_found(void **unused)
{
	struct state *state = state_at(place);
	struct run_record run;
	char ids[200] = "";

	(void)unused;
	assert_false(state_find(state, NULL, NULL, &run));
	assert_says(state_error(state), "there is no such run on record");
	kept_run(state, "20260101-a", NULL, false);
	kept_run(state, "20260102-b", NULL, false);
	kept_run(state, "20260102-bc", "x", true);
	kept_run(state, "20260102-b-d", "x", false);
	assert_true(state_find(state, "20260101", NULL, &run));
	assert_string_equal(run.id, "20260101-a");
	run_record_free(&run);
	assert_true(state_find(state, "20260102-b", NULL, &run)); /* whole, though others begin so */
	assert_string_equal(run.id, "20260102-b");
	run_record_free(&run);
	assert_true(state_find(state, "20260102-bc", NULL, &run));
	run_record_free(&run);
	assert_false(state_find(state, "2026", NULL, &run));
	assert_says(state_error(state), "more than one run begins with 2026");
	assert_false(state_find(state, "20260103", NULL, &run));
	assert_says(state_error(state), "there is no run 20260103 on record");
	assert_false(state_find(state, "2026_", NULL, &run)); /* no pattern */
	assert_false(state_find(state, "%", NULL, &run));
	assert_true(state_find(state, "", has_no_lock, &run));
	assert_string_equal(run.id, "20260102-b");
	run_record_free(&run);
	assert_true(state_list(state, 0, note_id, ids));
	assert_string_equal(ids, "20260102-b-d 20260102-bc 20260102-b ");
	ids[0] = '\0';
	assert_true(state_list(state, 1, note_id, ids));
	assert_string_equal(ids, "20260102-b-d ");
	state_close(state);
}

static void test_superseded(void **unused)
{
	struct state *state = state_at(place);
	struct run_record run, by;

	(void)unused;
	kept_run(state, "a", "x", true);
	kept_run(state, "b", "y", true);
	kept_run(state, "c", "x", false);
	kept_run(state, "d", NULL, true);
	assert_true(state_find(state, "a", NULL, &run));
	assert_false(state_superseded(state, &run, &by));
	kept_run(state, "e", "x", true);
	assert_true(state_superseded(state, &run, &by));
	assert_string_equal(by.id, "e");
	run_record_free(&by);
	run_record_free(&run);
	assert_true(state_find(state, "d", NULL, &run));
	assert_false(state_superseded(state, &run, &by));
	run_record_free(&run);
	state_close(state);
}

static void test_words(void **unused)
{
	struct state *state = state_at(place), *other = state_at(place);
	struct word word = {.kind = "abort", .said = 7, .who = "eve", .comment = "it's \"late\""}, got;

	(void)unused;
	assert_false(state_next_word(state, 1, 0, &got));
	assert_true(state_say(other, 1, &word));
	assert_true(state_say(other, 2, &word));
	word.kind = "approve";
	word.item = "Deploy?";
	word.answer = "";
	assert_true(state_say(other, 1, &word));
	assert_true(state_next_word(state, 1, 0, &got));
	assert_string_equal(got.kind, "abort");
	assert_string_equal(got.comment, "it's \"late\"");
	assert_null(got.item);
	assert_int_equal(got.said, 7);
	assert_true(state_take_word(state, got.number, 8));
	word_free(&got);
	assert_true(state_next_word(state, 1, 0, &got));
	assert_string_equal(got.item, "Deploy?");
	assert_string_equal(got.answer, "");
	assert_false(state_next_word(state, 1, got.number, &word));
	word_free(&got);
	state_close(state);
	state_close(other);
}

/* ---- what is not as it was written ---- */

static void three_entries(void)
{
	struct state *state = state_at(place);
	struct store *store = run_begin(state, "r1");

	for (int i = 0; i < 3; i++) {
		append(store, i == 0 ? "zero" : i == 1 ? "one" : "two");
		synced(state, store);
	}
	store->ops->free(store);
	state_close(state);
}

static void test_damage_is_refused(void **unused)
{
	static const char *const damages[] = {
	    "DELETE FROM entry WHERE number = 0",
	    "DELETE FROM entry WHERE number = 1",
	    "UPDATE entry SET number = 5 WHERE number = 2",
	    "UPDATE entry SET hash = lines WHERE number = 2",
	    "UPDATE entry SET lines = hash WHERE number = 0",
	    "UPDATE entry SET lines = (SELECT lines FROM entry AS e WHERE e.number = 1) WHERE number = 2",
	    "UPDATE source SET path = 'c.plan' WHERE path = 'a.plan'",
	    "DELETE FROM source WHERE path = 'a.plan'",
	    "UPDATE run SET id = 'r2'",
	};
	struct state *state;
	struct run_record run;

	(void)unused;
	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		three_entries();
		tamper(place, damages[i]);
		state = state_at(place);
		assert_true(state_find(state, "r", NULL, &run));
		for (int to_write = 0; to_write < 2; to_write++) {
			assert_null(state_run_open(state, &run, to_write));
			assert_says(state_error(state), "the record of r");
			assert_says(state_error(state), "is damaged");
		}
		assert_false(state_alive(state, &run)); /* what was refused is let go */
		run_record_free(&run);
		state_close(state);
		tamper(place, "DELETE FROM run; DELETE FROM source; DELETE FROM entry");
	}
	three_entries();
	tamper(place, "DELETE FROM entry WHERE number = 2"); /* a first part of what was written */
	assert_kept(place, "r1", ROWS("zero", "one"));
}

static void test_a_newer_schema(void **unused)
{
	char error[700];
	bool remote = strncmp(place, "postgres", 8) == 0;

	(void)unused;
	state_close(state_at(place));
	state_close(state_at(place)); /* the second time it is there */
	tamper(place, remote ? "UPDATE runplan_schema SET version = 2" : "PRAGMA user_version = 2");
	assert_null(state_open(place, error, sizeof error));
	assert_says(error,
		    "it was written by a newer runplan (its schema is number 2, this program knows up to 1)");
}

/* ---- several processes ---- */

#define CHILDREN 6

/* Each does `work` when all are there; how many have answered true. The others' message goes to *why. */
static int race(bool (*work)(char *why, size_t size), char *why, size_t size)
{
	int go[2], said[2], hold[2], winners = 0;
	char line[400], byte;

	assert_int_equal(pipe(go) | pipe(said) | pipe(hold), 0);
	for (int i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			char text[sizeof line] = "";

			close(go[1]);
			close(hold[1]);
			if (read(go[0], &byte, 1) != 0)
				_exit(1);
			memset(line, 0, sizeof line);
			line[0] = work(text, sizeof text) ? '+' : '-';
			snprintf(line + 1, sizeof line - 1, "%.390s", text);
			if (write(said[1], line, sizeof line) != sizeof line || read(hold[0], &byte, 1) != 0)
				_exit(1);
			_exit(0);
		}
	close(go[0]);
	close(go[1]);
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(read(said[0], line, sizeof line), sizeof line);
		if (line[0] == '+')
			winners++;
		else
			snprintf(why, size, "%s", line + 1);
	}
	close(hold[0]);
	close(hold[1]);
	for (int i = 0, status; i < CHILDREN; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	close(said[0]);
	close(said[1]);
	return winners;
}

static bool opens(char *why, size_t size)
{
	return state_open(place, why, size) != NULL;
}

static void test_first_users_at_once(void **unused)
{
	char why[400] = "";

	(void)unused;
	if (race(opens, why, sizeof why) != CHILDREN)
		fail_msg("%s", why);
	three_entries();
}

static bool takes_over(char *why, size_t size)
{
	struct state *state = state_open(place, why, size);
	struct run_record run;
	struct store *store;

	if (state == NULL || !state_find(state, "r1", NULL, &run))
		return false;
	store = state_run_open(state, &run, true);
	if (store == NULL)
		snprintf(why, size, "%s", state_error(state));
	return store != NULL;
}

static void test_one_owner(void **unused)
{
	char why[400] = "";

	(void)unused;
	three_entries();
	for (int i = 0; i < 3; i++) { /* also after the last winner's death */
		assert_int_equal(race(takes_over, why, sizeof why), 1);
		assert_string_equal(why, "run r1 is still under way (process 1 on here)");
	}
}

static bool begins_runs(char *why, size_t size)
{
	struct state *state = state_open(place, why, size);

	for (int i = 0; i < 20 && state != NULL; i++) {
		char id[40];
		struct store *store;

		snprintf(id, sizeof id, "%d-%d", (int)getpid(), i);
		store = run_begin(state, id);
		if (!store->ops->append(store, "row", 3) || !store->ops->sync(store)) {
			snprintf(why, size, "%s", state_error(state));
			return false;
		}
		store->ops->free(store);
	}
	return state != NULL;
}

static bool count_run(void *context, const struct run_record *run)
{
	(void)run;
	++*(int *)context;
	return true;
}

static void test_writers_side_by_side(void **unused)
{
	char why[400] = "";
	struct state *state;
	int count = 0;

	(void)unused;
	if (race(begins_runs, why, sizeof why) != CHILDREN)
		fail_msg("%s", why);
	state = state_at(place);
	assert_true(state_list(state, 0, count_run, &count));
	assert_int_equal(count, 20 * CHILDREN);
	state_close(state);
}

/* ---- places that are none ---- */

static void test_no_state(void **unused)
{
	static const struct {
		const char *place, *says;
	} cases[] = {
	    {"postgres://127.0.0.1:1/x", "onnection refused"},
	    {"postgres://u:geheim%@127.0.0.1/x", "is not a URL of PostgreSQL"},
	    {"postgres://u:geheim@127.0.0.1/x?nothing=geheim", "is not a URL of PostgreSQL"},
	    {"/nowhere/at/all.db", "No such file or directory"},
	};
	char error[700], url[200];

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_null(state_open(cases[i].place, error, sizeof error));
		assert_says(error, cases[i].says);
		assert_null(strstr(error, "geheim"));
		assert_null(strchr(error, '\n'));
	}
	snprintf(url, sizeof url, "postgres://admin:geheim@127.0.0.1:%d/postgres", cluster.port);
	assert_null(state_open(url, error, sizeof error));
	assert_says(error, "password authentication failed");
	assert_null(strstr(error, "geheim"));
	administer("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	snprintf(url, sizeof url, "%s@127.0.0.1:%d/latin", ADMIN, cluster.port);
	assert_null(state_open(url, error, sizeof error));
	assert_says(error, "the database's encoding is LATIN1, and must be UTF8");
}

/* Of ids, the order of bytes counts, whatever the database sorts by. Two states of one database are two. */
static void test_schemas_are_states(void **unused)
{
	char *one = postgres_place(cluster.port), *two = postgres_place(cluster.port);
	struct state *first = state_at(one), *second = state_at(two);
	struct store *store = run_begin(first, "r1"), *same = run_begin(second, "r1");
	struct run_record run;
	char why[400];

	(void)unused;
	append(store, "one");
	synced(first, store);
	append(same, "two");
	synced(second, same); /* number 1 as well, and owned as well */
	same->ops->free(same);
	assert_true(state_find(first, "r1", NULL, &run));
	assert_true(state_alive(first, &run));
	assert_false(state_alive(second, &run));
	run_record_free(&run);
	assert_true(state_lock(first, "the bot", "me", why, sizeof why));
	assert_true(state_lock(second, "the bot", "you", why, sizeof why));
	store->ops->free(store);
	state_close(first);
	state_close(second);
	free(one);
	free(two);
}

#define BOTH(test)                                                                                           \
	{#test " in SQLite", test, sqlite_setup, teardown, NULL},                                            \
	{                                                                                                    \
#test " in PostgreSQL", test, postgres_setup, teardown, NULL                                 \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    BOTH(test_rows_come_back),
	    BOTH(test_a_run_goes_on),
	    BOTH(test_who_looks_on_sees_more),
	    BOTH(test_a_large_row),
	    cmocka_unit_test_setup_teardown(test_the_log_is_bounded, sqlite_setup, teardown),
	    BOTH(test_found),
	    BOTH(test_superseded),
	    BOTH(test_words),
	    BOTH(test_damage_is_refused),
	    BOTH(test_a_newer_schema),
	    BOTH(test_first_users_at_once),
	    BOTH(test_one_owner),
	    BOTH(test_writers_side_by_side),
	    cmocka_unit_test(test_no_state),
	    cmocka_unit_test(test_schemas_are_states),
	};
	int failed;

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	places_make();
	sources_make();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_free(&texts);
	places_remove();
	return failed;
}
