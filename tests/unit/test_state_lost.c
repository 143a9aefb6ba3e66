/*
 * test_state_lost.c - runs in PostgreSQL whose connection is lost: cut at every message in every way, servers
 * that are restarted or gone, and others who take the run or its lock meanwhile. No outcome is lost, and none
 * is written twice.
 */
#define _GNU_SOURCE 1
#include "tests/unit/state_place.h"
#include "tests/unit/cut_proxy.h"

static struct cut_proxy proxy;
static char *place, *through; /* the same state, without the proxy and with it */

static int setup(void **state)
{
	char *at, number[12];

	(void)state;
	proxy_start(&proxy, cluster.port);
	place = postgres_place(cluster.port);
	through = calloc(1, strlen(place) + sizeof number);
	at = strstr(place, "127.0.0.1:") + 10;
	sprintf(through, "%.*s%d%s", (int)(at - place), place, proxy.port, strchr(at, '/'));
	setenv("RUNPLAN_STATE_PATIENCE", "20", 1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	proxy_stop(&proxy);
	free(place);
	free(through);
	return 0;
}

/* A run with three entries, the connection cut at one message. False: there are not so many messages. */
static bool cut_run(int message, enum cut how, bool from_the_first, bool locked)
{
	struct state *state = state_at(through);
	struct store *store;
	char id[40], why[400];
	bool reached;

	snprintf(id, sizeof id, "%d-%d-%d%d", message, (int)how, from_the_first, locked);
	store = run_begin(state, id);
	if (locked && !state_lock(state, "the bot", "me", why, sizeof why))
		fail_msg("%s", why);
	if (from_the_first)
		proxy_arm(&proxy, message, how);
	append(store, "zero");
	synced(state, store);
	if (!from_the_first)
		proxy_arm(&proxy, message, how);
	append(store, "one");
	append(store, "and more");
	synced(state, store);
	append(store, "two");
	state_run_record(store)->changed = true;
	state_run_touch(store);
	synced(state, store);
	reached = !proxy_disarm(&proxy);
	store->ops->free(store);
	state_close(state);
	assert_kept(place, id, ROWS("zero", "one", "and more", "two"));
	return reached;
}

static void cut_everywhere(bool from_the_first, bool locked)
{
	for (int how = 0; how < CUTS; how++) {
		int message = 1;

		while (cut_run(message, (enum cut)how, from_the_first, locked))
			message++;
		assert_true(message > 7); /* begin, entry, commit; begin, record, entry, commit */
	}
}

static void test_cut_at_each_message(void **unused)
{
	(void)unused;
	cut_everywhere(false, false);
}

static void test_cut_while_it_begins(void **unused)
{
	(void)unused;
	cut_everywhere(true, false);
}

static void test_cut_under_a_lock(void **unused)
{
	(void)unused;
	cut_everywhere(false, true);
}

/* What a command asks is asked again. */
static void test_cut_while_reading(void **unused)
{
	struct state *state = state_at(through);
	struct store *store = run_begin(state, "r1"), *watch;
	struct run_record run;

	(void)unused;
	append(store, "zero");
	synced(state, store);
	store->ops->free(store);
	for (int how = 0; how < CUTS; how++)
		for (int message = 1, reached = 1; reached; message++) {
			proxy_arm(&proxy, message, (enum cut)how);
			assert_true(state_find(state, "r1", NULL, &run));
			watch = state_run_open(state, &run, false);
			assert_rows(watch, ROWS("zero"));
			assert_false(state_alive(state, &run));
			watch->ops->free(watch);
			run_record_free(&run);
			reached = !proxy_disarm(&proxy);
		}
	state_close(state);
}

/* ---- a server that is away ---- */

struct syncing {
	struct state *state;
	struct store *store;
	atomic_bool over;
	bool good;
};

static void *sync_work(void *context)
{
	struct syncing *syncing = context;

	syncing->good = syncing->store->ops->sync(syncing->store);
	atomic_store(&syncing->over, true);
	return NULL;
}

static void restart(int signal_number)
{
	struct state *state = state_at(place), *other;
	const char *id = signal_number == SIGKILL   ? "killed"
			 : signal_number == SIGQUIT ? "broken off"
						    : "stopped";
	struct store *store = run_begin(state, id);
	struct syncing syncing = {.state = state, .store = store};
	pthread_t thread;
	char why[400];

	append(store, "zero");
	synced(state, store);
	assert_true(state_lock(state, "the bot", "me", why, sizeof why));
	append(store, "one");
	pg_cluster_halt(&cluster, signal_number);
	assert_int_equal(pthread_create(&thread, NULL, sync_work, &syncing), 0);
	usleep(500000);
	/* It waits for the server; but what is left of one that was killed may still have taken it. */
	if (signal_number != SIGKILL)
		assert_false(atomic_load(&syncing.over));
	while (!pg_cluster_serve(&cluster))	  /* what is left of a server that was killed ends first */
		pg_cluster_halt(&cluster, SIGQUIT);
	pthread_join(thread, NULL);
	if (!syncing.good)
		fail_msg("%s", state_error(state));
	append(store, "two");
	synced(state, store);
	assert_kept(place, id, ROWS("zero", "one", "two"));
	other = state_at(place);
	assert_says(refused(other, id), "is still under way");
	assert_false(state_lock(other, "the bot", "you", why, sizeof why));
	state_close(other);
	store->ops->free(store);
	state_close(state);
}

static void test_server_restarted(void **unused)
{
	(void)unused;
	restart(SIGINT);
	restart(SIGQUIT);
	restart(SIGKILL);
}

static void test_server_gone(void **unused)
{
	struct state *state = state_at(place);
	struct store *store = run_begin(state, "r1");
	struct run_record run;

	(void)unused;
	setenv("RUNPLAN_STATE_PATIENCE", "1", 1);
	append(store, "zero");
	synced(state, store);
	append(store, "one");
	pg_cluster_halt(&cluster, SIGINT);
	assert_false(store->ops->sync(store));
	assert_says(state_error(state),
		    "the connection to PostgreSQL was lost and could not be made again within 1 s: ");
	assert_says(state_error(state), "onnection refused");
	assert_true(pg_cluster_serve(&cluster));
	assert_false(store->ops->sync(store)); /* nothing may follow what was not kept */
	assert_false(store->ops->append(store, "two", 3));
	assert_false(state_find(state, "r1", NULL, &run));
	store->ops->free(store);
	state_close(state);
	state = state_at(place);
	store = taken_over(state, "r1");
	assert_rows(store, ROWS("zero"));
	append(store, "one again");
	synced(state, store);
	store->ops->free(store);
	state_close(state);
	assert_kept(place, "r1", ROWS("zero", "one again"));
}

/* A server that was restored from a backup lacks what was durable. */
static void test_server_that_forgot(void **unused)
{
	struct state *state = state_at(through);
	struct store *store = run_begin(state, "r1");

	(void)unused;
	append(store, "zero");
	synced(state, store);
	append(store, "one");
	synced(state, store);
	tamper(place, "DELETE FROM entry WHERE number = 1");
	proxy_arm(&proxy, 1, CUT_BEFORE);
	append(store, "two");
	assert_false(store->ops->sync(store));
	assert_says(state_error(state), "now it lacks what it had kept of run r1 before");
	store->ops->free(store);
	state_close(state);
	assert_kept(place, "r1", ROWS("zero"));
}

/* ---- others, meanwhile ---- */

/* Loses its session while the process does not know: the server ends it. */
static void end_session(const char *name)
{
	char sql[200];

	snprintf(sql, sizeof sql,
		 "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
		 " WHERE application_name = '%s' AND pid <> pg_backend_pid()",
		 name);
	tamper(place, sql);
	usleep(200000);
}

static struct state *named_state(const char *name)
{
	char url[600];

	snprintf(url, sizeof url, "%s&application_name=%s", place, name);
	return state_at(url);
}

static void test_taken_over_meanwhile(void **unused)
{
	for (int over = 0; over < 2; over++) {
		const char *id = over ? "r2" : "r1";
		struct state *state = named_state("first"), *other;
		struct store *store = run_begin(state, id), *theirs;

		(void)unused;
		append(store, "zero");
		synced(state, store);
		end_session("first");
		other = state_at(place);
		theirs = taken_over(other, id);
		append(theirs, "one, theirs");
		synced(other, theirs);
		if (over) {
			theirs->ops->free(theirs);
			state_close(other);
		}
		append(store, "one, ours");
		assert_false(store->ops->sync(store));
		assert_says(state_error(state), over ? "another process has gone on with run r2 meanwhile"
						     : "another process has taken the run over meanwhile");
		assert_false(state_lock_lost(state));
		store->ops->free(store);
		state_close(state);
		if (!over) {
			append(theirs, "two, theirs");
			synced(other, theirs);
			theirs->ops->free(theirs);
			state_close(other);
			assert_kept(place, id, ROWS("zero", "one, theirs", "two, theirs"));
		} else {
			assert_kept(place, id, ROWS("zero", "one, theirs"));
		}
	}
}

static void test_one_lock(void **unused)
{
	struct state *state = named_state("first"), *other = state_at(place);
	char why[400];

	(void)unused;
	assert_true(state_lock(state, "the bot", "process 1 on web1", why, sizeof why));
	assert_true(state_lock(other, "another", "process 2 on web2", why, sizeof why));
	assert_false(state_lock(other, "the bot", "process 2 on web2", why, sizeof why));
	assert_string_equal(why, "the lock \"the bot\" is held by process 1 on web1");
	state_close(state); /* as a process that dies does */
	for (int i = 0; i < 100 && !state_lock(other, "the bot", "process 2 on web2", why, sizeof why); i++)
		usleep(20000);
	state = state_at(place);
	assert_false(state_lock(state, "the bot", "process 1 on web1", why, sizeof why));
	assert_string_equal(why, "the lock \"the bot\" is held by process 2 on web2");
	state_close(state);
	state_close(other);
}

/* Its holder's session ends without its knowing, and another run has the lock: for long, or no longer. */
static void test_lock_lost(void **unused)
{
	for (int over = 0; over < 2; over++) {
		struct state *state = named_state("first"), *other = state_at(place);
		struct store *store = run_begin(state, over ? "r2" : "r1");
		char why[400];

		(void)unused;
		append(store, "zero");
		assert_true(state_lock(state, "the bot", "me", why, sizeof why));
		synced(state, store);
		end_session("first");
		assert_true(state_lock(other, "the bot", "you", why, sizeof why));
		if (over) {
			state_close(other);
			usleep(200000);
		}
		append(store, "one");
		assert_false(store->ops->sync(store));
		assert_true(state_lock_lost(state));
		assert_says(state_error(state), "another run has taken the plan's lock meanwhile");
		store->ops->free(store);
		state_close(state);
		assert_kept(place, over ? "r2" : "r1", ROWS("zero"));
		if (!over)
			state_close(other);
	}
}

/* The fence alone: the session lives, and the lock is somebody else's all the same. */
static void test_fence(void **unused)
{
	struct state *state = state_at(place);
	struct store *store = run_begin(state, "r1");
	char why[400];

	(void)unused;
	assert_true(state_lock(state, "the bot", "me", why, sizeof why));
	assert_true(state_lock(state, "another", "me", why, sizeof why));
	append(store, "zero");
	synced(state, store);
	tamper(place, "UPDATE plan_lock SET fence = fence + 1 WHERE name = 'the bot'");
	append(store, "one");
	assert_false(store->ops->sync(store));
	assert_true(state_lock_lost(state));
	store->ops->free(store);
	state_close(state);
	assert_kept(place, "r1", ROWS("zero"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_cut_at_each_message, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_while_it_begins, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_under_a_lock, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_cut_while_reading, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_server_gone, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_server_that_forgot, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_taken_over_meanwhile, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_one_lock, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_lock_lost, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fence, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_server_restarted, setup,
					    teardown), /* ends the admin's session */
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
