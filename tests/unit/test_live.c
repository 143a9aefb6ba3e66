/* test_live.c - the live driver against the real system: its queue, calls, timers, processes and transfers.
 */
#define _GNU_SOURCE 1
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "builtins/guard.h"
#include "builtins/lazy.h"
#include "builtins/live.h"
#include "tests/unit/http_serve.h"

#define MS INT64_C(1000000)
#define S  INT64_C(1000000000)

static struct live *live_of(struct driver *driver)
{
	return (struct live *)driver;
}

static void start(struct driver *driver, const struct builtin *row, const char *id, const struct value *args,
		  size_t count)
{
	struct effect_request request = {
	    .id = id, .builtin = row, .args = args, .arg_count = count, .step = ""};

	driver->ops->start(driver, &request);
}

static struct delivery next(struct driver *driver, int64_t deadline)
{
	struct delivery delivery;

	assert_true(driver->ops->next(driver, deadline, &delivery));
	return delivery;
}

static void drop(struct delivery *delivery)
{
	free(delivery->id);
	outcome_release(&delivery->outcome);
}

static struct driver *new_driver(void)
{
	return live_new(NULL);
}

/* ---- the queue ---- */

static void start_at_once(struct effect_call *call)
{
	call_ok(call, value_int(call_int(call, 0, -1)));
}

static void start_twice(struct effect_call *call)
{
	call_ok(call, value_string("the first"));
	call_failed_with(call, value_string("details"), "the second");
}

static void start_never(struct effect_call *call)
{
	call->state = malloc(10);
}

static void test_answers_come_in_order(void **state)
{
	static const struct builtin row = {.name = "t.now", .start = start_at_once};
	struct driver *driver = new_driver();
	int64_t last = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		char id[20];
		struct value arg = value_int(i);

		snprintf(id, sizeof id, "0:%d", i);
		start(driver, &row, id, &arg, 1);
	}
	for (int i = 0; i < 1000; i++) {
		struct delivery d = next(driver, INT64_MAX);

		assert_int_equal(d.kind, DELIVERY_OUTCOME);
		assert_int_equal(d.outcome.kind, OUTCOME_OK);
		assert_int_equal(d.outcome.value.i, i);
		assert_int_equal(atoi(d.id + 2), i);
		assert_true(d.now >= last);
		last = d.now;
		drop(&d);
	}
	driver->ops->free(driver);
}

static void test_a_second_end_is_ignored(void **state)
{
	static const struct builtin row = {.name = "t.twice", .start = start_twice};
	struct driver *driver = new_driver();
	struct delivery d;

	(void)state;
	start(driver, &row, "a", NULL, 0);
	d = next(driver, INT64_MAX);
	assert_string_equal(value_text_peek(d.outcome.value), "the first");
	drop(&d);
	d = next(driver, live_now(live_of(driver)) + 20 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	driver->ops->free(driver);
}

static void test_deadline_is_met_and_not_early(void **state)
{
	struct driver *driver = new_driver();

	(void)state;
	for (int i = 1; i <= 20; i++) {
		int64_t deadline = live_now(live_of(driver)) + i * MS + 300000;
		struct delivery d = next(driver, deadline);

		assert_int_equal(d.kind, DELIVERY_TIME);
		assert_true(d.now >= deadline);
		assert_true(d.now < deadline + 3 * S);
	}
	driver->ops->free(driver);
}

/*
 * A deadline may come between arming its timer and the turn of the loop that should wait for it: about 3 of
 * 1000 that are a millisecond away. The alarm ends the test where one is slept through.
 */
static void test_short_deadlines_are_not_slept_through(void **state)
{
	struct driver *driver = new_driver();
	unsigned seed = 5;

	(void)state;
	alarm(60);
	for (int i = 0; i < 4000; i++) {
		int64_t deadline = live_now(live_of(driver)) + rand_r(&seed) % 1200000;
		struct delivery d = next(driver, deadline);

		assert_int_equal(d.kind, DELIVERY_TIME);
		assert_true(d.now >= deadline);
	}
	alarm(0);
	driver->ops->free(driver);
}

/* A machine whose every call ends at once still sees its deadline and its signals. */
static void test_busy_calls_starve_nothing(void **state)
{
	static const struct builtin row = {.name = "t.now", .start = start_at_once};
	struct driver *driver = new_driver();
	int64_t deadline = live_now(live_of(driver)) + 30 * MS;
	bool time = false, signal = false;

	(void)state;
	raise(SIGINT);
	while (!time || !signal) {
		struct delivery d;

		start(driver, &row, "x", NULL, 0);
		start(driver, &row, "y", NULL, 0);
		d = next(driver, time ? INT64_MAX : deadline);
		time = time || d.kind == DELIVERY_TIME;
		signal = signal || (d.kind == DELIVERY_SIGNAL && d.signal == SIGINT);
		drop(&d);
		assert_true(live_now(live_of(driver)) < deadline + 5 * S);
	}
	driver->ops->free(driver);
}

static void test_each_signal_is_delivered(void **state)
{
	struct driver *driver = new_driver();
	struct delivery d;

	(void)state;
	raise(SIGPIPE);
	raise(SIGHUP);
	raise(SIGTERM);
	d = next(driver, INT64_MAX);
	assert_int_equal(d.kind, DELIVERY_SIGNAL);
	assert_int_equal(d.signal, SIGTERM);
	raise(SIGINT);
	d = next(driver, INT64_MAX);
	assert_int_equal(d.signal, SIGINT);
	raise(SIGINT);
	d = next(driver, INT64_MAX);
	assert_int_equal(d.signal, SIGINT);
	d = next(driver, live_now(live_of(driver)) + 5 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	driver->ops->free(driver);
}

static void test_wall_follows_the_start_that_was_given(void **state)
{
	struct live_options options = {.start_wall = 1000 * S};
	struct driver *driver = live_new(&options);
	struct delivery d;

	(void)state;
	assert_int_equal(driver->ops->start_wall(driver), 1000 * S);
	d = next(driver, 50 * MS);
	assert_true(d.wall >= 1000 * S + 49 * MS && d.wall < 1010 * S);
	driver->ops->free(driver);
}

/* ---- notes ---- */

static int went_on;

static void go_on(struct effect_call *call)
{
	went_on++;
	call_ok(call, value_string("done"));
}

static void start_with_note(struct effect_call *call)
{
	call_note(call, value_string("exec id 7"), go_on);
}

static void test_a_note_is_on_record_before_the_call_goes_on(void **state)
{
	static const struct builtin row = {.name = "t.note", .start = start_with_note};
	struct driver *driver = new_driver();
	struct delivery d;

	(void)state;
	went_on = 0;
	start(driver, &row, "n", NULL, 0);
	d = next(driver, INT64_MAX);
	assert_int_equal(d.kind, DELIVERY_NOTE);
	assert_string_equal(d.id, "n");
	assert_string_equal(value_text_peek(d.outcome.value), "exec id 7");
	drop(&d);
	assert_int_equal(went_on, 0);
	d = next(driver, INT64_MAX);
	assert_int_equal(went_on, 1);
	assert_int_equal(d.kind, DELIVERY_OUTCOME);
	assert_string_equal(value_text_peek(d.outcome.value), "done");
	drop(&d);
	driver->ops->free(driver);
}

static void probe_it(struct effect_call *call)
{
	call_ok(call, value_bool(strcmp(value_text_peek(call->intent), "exec id 7") == 0));
}

static void test_settle_asks_the_rows_probe(void **state)
{
	static const struct builtin row = {.name = "t.probe", .probe = probe_it};
	static const struct builtin without = {.name = "t.noprobe"};
	struct driver *driver = new_driver();
	struct effect_request request = {.id = "p", .builtin = &row, .step = ""};
	struct value note = value_string("exec id 7");
	struct delivery d;

	(void)state;
	driver->ops->settle(driver, &request, note);
	d = next(driver, INT64_MAX);
	assert_int_equal(d.outcome.kind, OUTCOME_OK);
	assert_true(d.outcome.value.b);
	drop(&d);
	request.builtin = &without;
	driver->ops->settle(driver, &request, note);
	d = next(driver, INT64_MAX);
	assert_int_equal(d.outcome.kind, OUTCOME_UNKNOWN);
	drop(&d);
	value_release(note);
	driver->ops->free(driver);
}

/* ---- cancelling ---- */

struct stubborn {
	struct effect_call *call;
	struct live_timer *timer;
};

static void stubborn_free(void *state)
{
	struct stubborn *stubborn = state;

	live_timer_stop(stubborn->timer);
	free(stubborn);
}

static void stubborn_ends(void *context)
{
	struct stubborn *stubborn = context;

	call_ok(stubborn->call, value_string("late"));
}

static void start_stubborn(struct effect_call *call)
{
	struct stubborn *stubborn = calloc(1, sizeof *stubborn);

	stubborn->call = call;
	stubborn->timer = live_timer_start(call->live, 10 * S + 500 * MS, stubborn_ends, stubborn);
	call->state = stubborn;
	call->free_state = stubborn_free;
}

static int cancels;

static void obey(struct effect_call *call)
{
	cancels++;
	call_unknown(call, "stopped in the middle");
}

static void start_obedient(struct effect_call *call)
{
	call->cancel = obey;
}

static void test_cancel_ends_a_call_once(void **state)
{
	static const struct builtin row = {.name = "t.obedient", .start = start_obedient};
	struct driver *driver = new_driver();
	struct delivery d;

	(void)state;
	cancels = 0;
	start(driver, &row, "c", NULL, 0);
	driver->ops->cancel(driver, "nobody");
	driver->ops->cancel(driver, "c");
	driver->ops->cancel(driver, "c");
	d = next(driver, INT64_MAX);
	assert_int_equal(d.outcome.kind, OUTCOME_UNKNOWN);
	assert_string_equal(value_text_peek(d.outcome.message), "stopped in the middle");
	drop(&d);
	assert_int_equal(cancels, 1);
	driver->ops->cancel(driver, "c");
	d = next(driver, live_now(live_of(driver)) + 10 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	driver->ops->free(driver);
}

/* Nobody hears the cancel: after the grace the outcome is unknown, and the real end is ignored. */
static void test_grace_ends_in_unknown(void **state)
{
	static const struct builtin row = {.name = "t.stubborn", .start = start_stubborn};
	struct driver *driver = new_driver();
	int64_t began = live_now(live_of(driver));
	struct delivery d;

	(void)state;
	start(driver, &row, "s", NULL, 0);
	driver->ops->cancel(driver, "s");
	d = next(driver, INT64_MAX);
	assert_int_equal(d.kind, DELIVERY_OUTCOME);
	assert_int_equal(d.outcome.kind, OUTCOME_UNKNOWN);
	assert_string_equal(d.id, "s");
	assert_true(d.now - began >= LIVE_GRACE_NS && d.now - began < LIVE_GRACE_NS + 5 * S);
	drop(&d);
	d = next(driver, d.now + 800 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	driver->ops->free(driver);
}

static void test_a_row_has_its_own_grace(void **state)
{
	static const struct builtin row = {.name = "t.stubborn", .start = start_stubborn, .grace = 100 * MS};
	struct driver *driver = new_driver();
	struct delivery d;

	(void)state;
	start(driver, &row, "s", NULL, 0);
	driver->ops->cancel(driver, "s");
	d = next(driver, 1 * S);
	assert_int_equal(d.kind, DELIVERY_OUTCOME);
	assert_string_equal(value_text_peek(d.outcome.message),
			    "t.stubborn was cancelled and did not end within 100ms");
	drop(&d);
	driver->ops->free(driver);
}

static void test_free_forgets_calls_under_way(void **state)
{
	static const struct builtin never = {.name = "t.never", .start = start_never};
	static const struct builtin note = {.name = "t.note", .start = start_with_note};
	static const struct builtin stubborn = {.name = "t.stubborn", .start = start_stubborn};
	struct driver *driver = new_driver();
	struct value text = value_string("an argument");

	(void)state;
	start(driver, &note, "1", &text, 1);
	start(driver, &never, "2", &text, 1);
	start(driver, &stubborn, "3", &text, 1);
	value_release(text);
	driver->ops->free(driver);
}

/* ---- timers, work, polls, kept things ---- */

struct watch {
	struct live *live;
	struct live_timer *timer;
	int fired, worked, ready;
	pthread_t thread;
	int fd;
};

static void fire(void *context)
{
	((struct watch *)context)->fired++;
}

static void fire_and_stop(void *context)
{
	struct watch *watch = context;

	watch->fired++;
	live_timer_stop(watch->timer);
	watch->timer = NULL;
}

static void test_timers(void **state)
{
	struct driver *driver = new_driver();
	struct watch watch = {0}, stopped = {0};
	struct live_timer *timer, *other;
	struct delivery d;

	(void)state;
	timer = live_timer_start(live_of(driver), 5 * MS, fire, &watch);
	other = live_timer_start(live_of(driver), 5 * MS, fire, &stopped);
	watch.timer = live_timer_start(live_of(driver), 0, fire_and_stop, &watch);
	live_timer_stop(other);
	live_timer_stop(NULL);
	d = next(driver, live_now(live_of(driver)) + 50 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	assert_int_equal(watch.fired, 2);
	assert_int_equal(stopped.fired, 0);
	live_timer_stop(timer); /* after it fired */
	driver->ops->free(driver);
}

static void work(void *context)
{
	struct watch *watch = context;

	usleep(20000);
	watch->thread = pthread_self();
	watch->worked++;
}

struct ender {
	struct effect_call *call;
	struct live_timer *timer;
};

static void ender_free(void *state)
{
	live_timer_stop(((struct ender *)state)->timer);
	free(state);
}

static void ender_ends(void *context)
{
	call_ok(((struct ender *)context)->call, value_null());
}

static void start_timed(struct effect_call *call)
{
	struct ender *ender = calloc(1, sizeof *ender);

	ender->call = call;
	ender->timer = live_timer_start(call->live, 20 * MS, ender_ends, ender);
	call->state = ender;
	call->free_state = ender_free;
}

/* An end inside a timer's callback is told at once, not with the next event of the loop. */
static void test_an_end_in_a_timer_is_told_at_once(void **state)
{
	static const struct builtin row = {.name = "t.timed", .start = start_timed};
	struct driver *driver = new_driver();

	(void)state;
	for (int i = 0; i < 5; i++) {
		int64_t began = live_now(live_of(driver));
		struct delivery d;

		start(driver, &row, "t", NULL, 0);
		d = next(driver, began + 5 * S);
		assert_int_equal(d.kind, DELIVERY_OUTCOME);
		assert_true(d.now - began < 1 * S);
		assert_true(live_now(live_of(driver)) - began < 1 * S);
		drop(&d);
	}
	driver->ops->free(driver);
}

static void test_work_runs_on_another_thread(void **state)
{
	struct driver *driver = new_driver();
	struct watch watch = {0};
	struct delivery d;

	(void)state;
	live_work(live_of(driver), work, fire, &watch);
	d = next(driver, live_now(live_of(driver)) + 200 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	assert_int_equal(watch.worked, 1);
	assert_int_equal(watch.fired, 1);
	assert_false(pthread_equal(watch.thread, pthread_self()));
	live_work(live_of(driver), work, fire, &watch); /* still running at the end: waited for */
	driver->ops->free(driver);
	assert_int_equal(watch.worked, 2);
}

static void ready(void *context, int events)
{
	struct watch *watch = context;
	char byte;

	assert_int_equal(events, UV_READABLE);
	assert_int_equal(read(watch->fd, &byte, 1), 1);
	watch->ready++;
}

static void test_poll(void **state)
{
	struct driver *driver = new_driver();
	struct watch watch = {0};
	struct live_poll *poll;
	struct delivery d;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	watch.fd = fds[0];
	poll = live_poll_start(live_of(driver), fds[0], UV_READABLE, ready, &watch);
	assert_non_null(poll);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	d = next(driver, live_now(live_of(driver)) + 50 * MS);
	assert_int_equal(d.kind, DELIVERY_TIME);
	assert_int_equal(watch.ready, 2);
	live_poll_stop(poll);
	/* The same descriptor may be watched again at once. */
	poll = live_poll_start(live_of(driver), fds[0], UV_READABLE, ready, &watch);
	assert_non_null(poll);
	live_poll_change(poll, UV_READABLE);
	assert_int_equal(write(fds[1], "c", 1), 1);
	next(driver, live_now(live_of(driver)) + 50 * MS);
	assert_int_equal(watch.ready, 3);
	driver->ops->free(driver);
	close(fds[0]);
	close(fds[1]);
	driver = new_driver();
	assert_null(live_poll_start(live_of(driver), fds[0], UV_READABLE, ready, &watch));
	driver->ops->free(driver);
}

static int kept_made, kept_freed;

static void *keep_make(struct live *live)
{
	assert_non_null(live);
	kept_made++;
	return malloc(8);
}

static void keep_free(void *kept)
{
	kept_freed++;
	free(kept);
}

static void test_keep(void **state)
{
	struct driver *driver = new_driver();
	void *first = live_keep(live_of(driver), "one", keep_make, keep_free);

	(void)state;
	assert_ptr_equal(live_keep(live_of(driver), "one", keep_make, keep_free), first);
	assert_ptr_not_equal(live_keep(live_of(driver), "two", keep_make, keep_free), first);
	assert_int_equal(kept_made, 2);
	assert_int_equal(kept_freed, 0);
	driver->ops->free(driver);
	assert_int_equal(kept_freed, 2);
}

/* ---- processes ---- */

struct run {
	int done;
	bool inside; /* process_start() has not returned yet */
	bool started, timed_out, cancelled, truncated;
	int code, signal;
	size_t out_length, err_length;
	char out[8192], err[8192], error[400];
	int64_t elapsed;
};

static void run_done(void *context, const struct process_result *result)
{
	struct run *run = context;

	assert_false(run->inside);
	run->done++;
	run->started = result->started;
	run->timed_out = result->timed_out;
	run->cancelled = result->cancelled;
	run->truncated = result->truncated;
	run->code = result->code;
	run->signal = result->signal;
	run->out_length = result->out_length;
	run->err_length = result->err_length;
	run->elapsed = result->elapsed_ns;
	assert_int_equal(strlen(result->out) <= result->out_length, 1);
	snprintf(run->out, sizeof run->out, "%s", result->out);
	snprintf(run->err, sizeof run->err, "%s", result->err);
	snprintf(run->error, sizeof run->error, "%s", result->error == NULL ? "" : result->error);
}

static struct process *run_start(struct driver *driver, struct run *run, struct process_options options)
{
	struct process *process;

	*run = (struct run){.inside = true};
	options.on_done = run_done;
	options.context = run;
	process = process_start(live_of(driver), &options);
	run->inside = false;
	return process;
}

static void run_wait(struct driver *driver, const struct run *run, int64_t limit)
{
	int64_t end = live_now(live_of(driver)) + limit;

	while (!run->done && live_now(live_of(driver)) < end)
		next(driver, live_now(live_of(driver)) + MS);
	assert_int_equal(run->done, 1);
}

#define ARGV(...)                                                                                            \
	(const char *const[])                                                                                \
	{                                                                                                    \
		__VA_ARGS__, NULL                                                                            \
	}
#define SH(script) ARGV("/bin/sh", "-c", script)

static void test_process_streams_and_code(void **state)
{
	struct driver *driver = new_driver();
	struct run run;

	(void)state;
	run_start(driver, &run,
		  (struct process_options){
		      .argv = SH("cat; echo out; echo err >/dev/stderr; pwd; echo $A-$HOME; exit 7"),
		      .env = ARGV("A=one", "HOME=/nowhere"),
		      .directory = "/usr",
		      .input = "fed\n",
		      .input_length = 4});
	run_wait(driver, &run, 20 * S);
	assert_true(run.started);
	assert_int_equal(run.code, 7);
	assert_int_equal(run.signal, 0);
	assert_string_equal(run.out, "fed\nout\n/usr\none-/nowhere\n");
	assert_string_equal(run.err, "err\n");
	assert_false(run.truncated || run.cancelled || run.timed_out);
	driver->ops->free(driver);
}

static void test_process_killed_by_a_signal(void **state)
{
	struct driver *driver = new_driver();
	struct run run;

	(void)state;
	run_start(driver, &run, (struct process_options){.argv = SH("kill -9 $$")});
	run_wait(driver, &run, 20 * S);
	assert_int_equal(run.signal, 9);
	assert_int_equal(run.code, 137);
	driver->ops->free(driver);
}

static void test_process_that_cannot_start(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	static const struct {
		const char *program, *directory, *error;
	} cases[] = {
	    {"pg_dumpp", NULL, "no such program: pg_dumpp"},
	    {"/etc/passwd", NULL, "not an executable program: /etc/passwd"},
	    {"true", "/nowhere/at/all", "no such directory: /nowhere/at/all"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		run_start(driver, &run,
			  (struct process_options){.argv = ARGV(cases[i].program),
						   .directory = cases[i].directory,
						   .input = "x",
						   .input_length = 1,
						   .secret = "s"});
		assert_int_equal(run.done, 0);
		run_wait(driver, &run, 20 * S);
		assert_false(run.started);
		assert_string_equal(run.error, cases[i].error);
	}
	driver->ops->free(driver);
}

static void write_program(const char *directory, const char *name, const char *text, mode_t mode)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

/* As execvp(3) does it, but in the PATH of the child's own environment, and from its own directory. */
static void test_process_is_found_in_its_own_path(void **state)
{
	struct driver *driver = new_driver();
	char root[] = "/tmp/runplan-test-XXXXXX", denied[64], path[256], text[128];
	struct run run;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(denied, sizeof denied, "%s/denied", root);
	assert_int_equal(mkdir(denied, 0755), 0);
	write_program(denied, "greet", "#!/bin/sh\necho wrong\n", 0644);
	write_program(root, "greet", "#!/bin/sh\necho \"hello $1\"\n", 0755);
	write_program(root, "plain", "echo \"$0 $1\"\n", 0755); /* no format that the kernel knows */
	write_program(denied, "locked", "", 0644);
	snprintf(path, sizeof path, "PATH=/nowhere:%s:%s:/bin:/usr/bin", denied, root);

	run_start(driver, &run, (struct process_options){.argv = ARGV("greet", "x y"), .env = ARGV(path)});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.out, "hello x y\n");
	run_start(driver, &run, (struct process_options){.argv = ARGV("plain", "x"), .env = ARGV(path)});
	run_wait(driver, &run, 20 * S);
	snprintf(text, sizeof text, "%s/plain x\n", root);
	assert_string_equal(run.out, text);
	run_start(driver, &run, (struct process_options){.argv = ARGV("locked"), .env = ARGV(path)});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.error, "not an executable program: locked");
	run_start(driver, &run, (struct process_options){.argv = ARGV("greet")});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.error, "no such program: greet");
	/* Which of the two is missing, the script or what runs it? */
	write_program(root, "astray", "#! /usr/bin/no-python9 -u\nprint()\n", 0755);
	write_program(root, "saved", "#!/bin/sh\r\necho\r\n", 0755);
	run_start(driver, &run, (struct process_options){.argv = ARGV("astray"), .env = ARGV(path)});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.error,
			    "astray is a script for /usr/bin/no-python9, and there is no such program");
	run_start(driver, &run, (struct process_options){.argv = ARGV("./astray"), .directory = root});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.error,
			    "./astray is a script for /usr/bin/no-python9, and there is no such program");
	run_start(driver, &run, (struct process_options){.argv = ARGV("saved"), .env = ARGV(path)});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.error,
			    "saved is a script for \"/bin/sh\" with a carriage return behind the name: "
			    "it needs the line ends of Unix");
	for (size_t i = 0; i < 2; i++) { /* what is relative is so to the child's directory */
		run_start(driver, &run,
			  (struct process_options){.argv = ARGV(i == 0 ? "greet" : "./greet", "here"),
						   .env = ARGV("PATH=/nowhere:."),
						   .directory = root});
		run_wait(driver, &run, 20 * S);
		assert_string_equal(run.out, "hello here\n");
	}
	snprintf(text, sizeof text, "rm -r %s", root);
	assert_int_equal(system(text), 0);
	driver->ops->free(driver);
}

/* Nothing but 0 to 2 is inherited, whatever is open here without close-on-exec; with a secret also 3. */
static void test_process_inherits_no_descriptors(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	int leak = open("/etc/passwd", O_RDONLY), far = fcntl(leak, F_DUPFD, 200);

	(void)state;
	run_start(driver, &run,
		  (struct process_options){.argv = SH("for f in /proc/self/fd/*; do echo ${f##*/}; done")});
	run_wait(driver, &run, 20 * S);
	/* 3 is the shell's own: the directory that it reads for the pattern. */
	assert_string_equal(run.out, "0\n1\n2\n3\n");
	close(leak);
	close(far);
	driver->ops->free(driver);
}

/* Whatever was blocked and ignored when we were started: the end of a child is seen, and signals reach it. */
static void test_process_inherits_no_signals(void **state)
{
	static const int blocked[] = {SIGCHLD, SIGTERM, SIGUSR1};
	sigset_t set, before;
	struct driver *driver;
	struct run run;

	(void)state;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof blocked / sizeof *blocked; i++)
		sigaddset(&set, blocked[i]);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	signal(SIGUSR2, SIG_IGN);
	driver = new_driver();
	run_start(driver, &run, (struct process_options){.argv = SH("kill -USR1 $$; echo blocked")});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.out, "");
	assert_int_equal(run.signal, SIGUSR1);
	run_start(driver, &run, (struct process_options){.argv = SH("kill -USR2 $$; echo ignored")});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.out, "");
	assert_int_equal(run.signal, SIGUSR2);
	driver->ops->free(driver);
	signal(SIGUSR2, SIG_DFL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void test_process_gets_a_secret_on_3(void **state)
{
	struct driver *driver = new_driver();
	struct run run;

	(void)state;
	run_start(driver, &run,
		  (struct process_options){
		      .argv = SH("cat <&3; echo; cat /dev/fd/3; echo; stat -Lc '%F %a' /dev/fd/3; "
				 "tr '\\0' ' ' </proc/$$/cmdline | grep -c hunt; env | grep -c hunt"),
		      .secret = "hunter2"});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.out, "hunter2\nhunter2\nregular file 600\n1\n0\n");
	driver->ops->free(driver);
}

static void test_process_floods(void **state)
{
	struct driver *driver = new_driver();
	struct run run;

	(void)state;
	run_start(driver, &run,
		  (struct process_options){.argv = SH("head -c 300000000 /dev/zero; echo end >&2"),
					   .output_max = 1000});
	run_wait(driver, &run, 20 * S);
	assert_int_equal(run.code, 0);
	assert_true(run.truncated);
	assert_int_equal(run.out_length, 1000);
	assert_string_equal(run.err, "end\n");
	driver->ops->free(driver);
}

static void test_process_times_out(void **state)
{
	struct driver *driver = new_driver();
	struct run run;

	(void)state;
	run_start(driver, &run,
		  (struct process_options){.argv = SH("echo before; sleep 60; echo after"),
					   .timeout_ns = 100 * MS});
	run_wait(driver, &run, 20 * S);
	assert_true(run.timed_out);
	assert_false(run.cancelled);
	assert_int_equal(run.signal, SIGTERM);
	assert_string_equal(run.out, "before\n");
	assert_true(run.elapsed < 4 * S);
	driver->ops->free(driver);
}

/* The whole group ignores TERM: it is killed after 5 s, and then really gone. */
static void test_process_ignores_term(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	struct process *process;
	char path[40], letter;
	FILE *stat;
	int child;

	(void)state;
	process = run_start(
	    driver, &run,
	    (struct process_options){
		.argv = SH("trap '' TERM; (sleep 77 & echo $!; wait) ; while :; do sleep 1; done")});
	next(driver, live_now(live_of(driver)) + 300 * MS);
	process_stop(process);
	process_stop(process);
	run_wait(driver, &run, 20 * S);
	assert_true(run.cancelled);
	assert_int_equal(run.signal, SIGKILL);
	assert_true(run.elapsed > 5 * S && run.elapsed < 12 * S);
	child = atoi(run.out);
	assert_true(child > 0);
	snprintf(path, sizeof path, "/proc/%d/stat", child);
	stat = fopen(path, "r"); /* gone, or a zombie that nobody collects */
	/* one that is collected between these two has nothing to tell any more */
	assert_true(stat == NULL || fscanf(stat, "%*d %*s %c", &letter) != 1 || letter == 'Z' || letter == 'X');
	if (stat != NULL)
		fclose(stat);
	driver->ops->free(driver);
}

/* The leader obeys TERM, its child does not: "cancelled" is told only when the child is gone too. */
static void test_stop_waits_for_the_whole_group(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	struct process *process;

	(void)state;
	process = run_start(
	    driver, &run,
	    (struct process_options){
		.argv = SH("sh -c 'trap \"\" TERM; for i in 1 2 3 4 5 6 7 8; do sleep 0.25; done' & wait")});
	next(driver, live_now(live_of(driver)) + 200 * MS);
	process_stop(process);
	run_wait(driver, &run, 20 * S);
	assert_true(run.cancelled);
	assert_int_equal(run.signal, SIGTERM);
	assert_true(run.elapsed > 1500 * MS && run.elapsed < 5 * S);
	driver->ops->free(driver);
}

static pid_t leader_of_a_group(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	while (getpgid(pid) != pid)
		usleep(1000);
	return pid;
}

/* Groups that have ended are taken out, those of zombies alone as well. */
static void test_which_groups_are_there(void **state)
{
	pid_t groups[40] = {0}, kept[20];

	(void)state;
	assert_int_equal(guard_living(groups, 40), 0);
	for (size_t i = 0; i < 20; i++)
		groups[2 * i] = leader_of_a_group();
	for (size_t i = 0; i < 20; i += 2) {
		siginfo_t ended;

		kill(groups[2 * i], SIGKILL);
		assert_int_equal(waitid(P_PID, (id_t)groups[2 * i], &ended, WEXITED | WNOWAIT), 0);
		kept[i] = groups[2 * i];
		kept[i + 1] = groups[2 * i + 2];
	}
	assert_int_equal(guard_living(groups, 40), 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(groups[i], kept[2 * i + 1]);
	for (size_t i = 0; i < 20; i++) {
		kill(kept[i], SIGKILL);
		assert_int_equal(waitpid(kept[i], NULL, 0), kept[i]);
	}
	assert_int_equal(guard_living(groups, 10), 0);
}

/* A daemon that keeps its starter's pipes open does not keep the call open. */
static void test_a_daemon_left_behind(void **state)
{
	struct driver *driver = new_driver();
	struct run run;

	(void)state;
	run_start(driver, &run, (struct process_options){.argv = SH("sleep 8 & echo $!")});
	run_wait(driver, &run, 20 * S);
	assert_int_equal(run.code, 0);
	assert_true(run.elapsed < 6 * S);
	assert_int_equal(kill(atoi(run.out), 0), 0);
	kill(atoi(run.out), SIGKILL);
	driver->ops->free(driver);
}

static size_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void test_two_thousand_processes_leave_nothing(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	size_t before;

	(void)state;
	run_start(driver, &run, (struct process_options){.argv = ARGV("true")});
	run_wait(driver, &run, 20 * S);
	before = open_descriptors();
	for (int i = 0; i < 2000; i++) {
		run_start(
		    driver, &run,
		    (struct process_options){.argv = i % 10 == 0 ? ARGV("no-such-program") : ARGV("true"),
					     .input = i % 3 == 0 ? "text" : NULL,
					     .input_length = 4,
					     .secret = i % 7 == 0 ? "secret" : NULL});
		run_wait(driver, &run, 20 * S);
		assert_int_equal(run.started, i % 10 != 0);
	}
	next(driver, live_now(live_of(driver)) + 5 * MS);
	assert_int_equal(open_descriptors(), before);
	driver->ops->free(driver);
}

static void test_process_to_a_file(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	char name[] = "/tmp/runplan-test-XXXXXX", text[20] = "";
	struct stat there, here;
	int fd = mkstemp(name);

	(void)state;
	assert_int_equal(fstat(fd, &there), 0);
	run_start(driver, &run,
		  (struct process_options){.argv = SH("cat; echo err >&2"),
					   .input_fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC),
					   .output_fd = fd});
	run_wait(driver, &run, 20 * S);
	assert_string_equal(run.err, "err\n");
	assert_string_equal(run.out, "");
	/* Closed by the call: the number may be in use for something else by now. */
	assert_true(fstat(fd, &here) != 0 || here.st_ino != there.st_ino);
	fd = open(name, O_RDONLY);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	unlink(name);
	driver->ops->free(driver);
}

static void test_free_kills_processes(void **state)
{
	struct driver *driver = new_driver();
	struct run run;
	int64_t began;
	pid_t pid;

	(void)state;
	run_start(
	    driver, &run,
	    (struct process_options){.argv = SH("echo $$ >&2; trap '' TERM; while :; do sleep 1; done")});
	next(driver, live_now(live_of(driver)) + 200 * MS);
	began = (int64_t)uv_hrtime();
	driver->ops->free(driver);
	assert_true((int64_t)uv_hrtime() - began < 8 * S);
	assert_int_equal(run.done, 1);
	assert_true(run.cancelled);
	pid = atoi(run.err);
	assert_true(pid > 0);
	assert_int_equal(kill(pid, 0), -1);
}

/* ---- transfers ---- */

struct fetch {
	int done;
	bool inside, ok, timed_out, cancelled, sent;
	int status;
	struct value headers;
	size_t length, streamed;
	char body[4096], error[700];
	int64_t elapsed;
	struct http_transfer *transfer;
	size_t stop_at, cancel_at;
	struct fetch *another; /* started from on_done */
	struct driver *driver;
	const char *url;
};

static void fetch_start(struct driver *driver, struct fetch *fetch, struct http_options options);

static void fetch_done(void *context, const struct http_result *result)
{
	struct fetch *fetch = context;

	assert_false(fetch->inside);
	fetch->done++;
	fetch->ok = result->ok;
	fetch->timed_out = result->timed_out;
	fetch->cancelled = result->cancelled;
	fetch->sent = result->sent;
	fetch->status = result->status;
	fetch->headers = value_copy(result->headers);
	fetch->length = result->body_length;
	fetch->elapsed = result->elapsed_ns;
	assert_true(result->ok == (result->error == NULL));
	snprintf(fetch->body, sizeof fetch->body, "%s", result->body);
	snprintf(fetch->error, sizeof fetch->error, "%s", result->error == NULL ? "" : result->error);
	http_cancel(fetch->transfer); /* too late, and harmless */
	if (fetch->another != NULL)
		fetch_start(fetch->driver, fetch->another, (struct http_options){.url = fetch->another->url});
}

static bool fetch_data(void *context, const char *bytes, size_t length)
{
	struct fetch *fetch = context;

	assert_true(length == 0 || bytes[0] == 'x');
	fetch->streamed += length;
	if (fetch->cancel_at != 0 && fetch->streamed >= fetch->cancel_at)
		http_cancel(fetch->transfer);
	return fetch->stop_at == 0 || fetch->streamed < fetch->stop_at;
}

static void fetch_start(struct driver *driver, struct fetch *fetch, struct http_options options)
{
	fetch->inside = true;
	options.on_done = fetch_done;
	options.context = fetch;
	if (fetch->stop_at != 0 || fetch->cancel_at != 0)
		options.on_data = fetch_data;
	fetch->transfer = http_start(live_of(driver), &options);
	fetch->inside = false;
}

static void fetch_wait(struct driver *driver, const struct fetch *fetch)
{
	int64_t end = live_now(live_of(driver)) + 20 * S;

	while (!fetch->done && live_now(live_of(driver)) < end)
		next(driver, live_now(live_of(driver)) + 5 * MS);
	assert_int_equal(fetch->done, 1);
}

/* One GET of `path`, with more options where `options` has them. */
static void fetch_path(struct driver *driver, const struct serve *serve, struct fetch *fetch,
		       const char *path, struct http_options options)
{
	char url[500];

	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", serve->port, path);
	options.url = url;
	fetch_start(driver, fetch, options);
	fetch_wait(driver, fetch);
}

static void fetch_drop(struct fetch *fetch)
{
	value_release(fetch->headers);
	*fetch = (struct fetch){0};
}

static void test_http_answers(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};

	fetch_path(driver, serve, &fetch, "/ok", (struct http_options){0});
	assert_true(fetch.ok);
	assert_int_equal(fetch.status, 200);
	assert_string_equal(fetch.body, "{\"ok\": true}");
	assert_string_equal(value_text_peek(record_peek(fetch.headers, "content-type")), "application/json");
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/status/503", (struct http_options){0});
	assert_true(fetch.ok);
	assert_int_equal(fetch.status, 503);
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/headers", (struct http_options){0});
	assert_string_equal(value_text_peek(record_peek(fetch.headers, "x-one")), "first, second");
	assert_true(record_has(fetch.headers, "x-empty"));
	assert_string_equal(value_text_peek(record_peek(fetch.headers, "x-empty")), "");
	fetch_drop(&fetch);

	/* Trailers are no headers, and a HEAD has no body. */
	fetch_path(driver, serve, &fetch, "/chunked/3", (struct http_options){0});
	assert_string_equal(fetch.body, "xxx");
	assert_false(record_has(fetch.headers, "x-trailer"));
	fetch_drop(&fetch);
	fetch_path(driver, serve, &fetch, "/ok", (struct http_options){.method = "HEAD"});
	assert_true(fetch.ok);
	assert_int_equal(fetch.length, 0);
	fetch_drop(&fetch);
	driver->ops->free(driver);
}

static void test_http_request_is_as_asked(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};
	char name[] = "/tmp/runplan-test-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	fetch_path(driver, serve, &fetch, "/echo?a=%20b",
		   (struct http_options){.method = "PUT",
					 .headers = ARGV("X-A: one", "X-B: two"),
					 .body = "the body",
					 .body_length = 8});
	assert_non_null(strstr(fetch.body, "PUT /echo?a=%20b HTTP/1.1\r\n"));
	assert_non_null(strstr(fetch.body, "X-A: one\r\n"));
	assert_non_null(strstr(fetch.body, "X-B: two\r\n"));
	assert_non_null(strstr(fetch.body, "Content-Length: 8\r\n"));
	assert_non_null(strstr(fetch.body, "\r\n\r\nthe body"));
	assert_null(strstr(fetch.body, "Expect"));
	assert_null(strstr(fetch.body, "Content-Type"));
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/echo", (struct http_options){.method = "POST"});
	assert_non_null(strstr(fetch.body, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(fetch.body, "Content-Length: 0\r\n"));
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/echo", (struct http_options){.method = "DELETE"});
	assert_non_null(strstr(fetch.body, "DELETE /echo HTTP/1.1\r\n"));
	fetch_drop(&fetch);

	assert_int_equal(write(fd, "..from a file", 13), 13);
	lseek(fd, 2, SEEK_SET);
	fetch_path(driver, serve, &fetch, "/echo", (struct http_options){.method = "POST", .body_fd = fd});
	assert_non_null(strstr(fetch.body, "Content-Length: 11\r\n"));
	assert_non_null(strstr(fetch.body, "\r\n\r\nfrom a file"));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	fetch_drop(&fetch);

	driver->ops->free(driver);
}

/* Transfers follow each other on one handle of curl's: nothing of one is in the next. */
static void test_http_requests_leave_nothing_behind(void **state)
{
	const struct http_options before[] = {
	    {.method = "PUT",
	     .headers = ARGV("X-A: one", "Content-Type: text/plain", "User-Agent: me"),
	     .body = "the body",
	     .body_length = 8,
	     .user_password = "user:password",
	     .timeout_ns = 20 * S,
	     .insecure = true},
	    {.method = "POST", .body = "x", .body_length = 1, .repeats = true},
	    {.method = "HEAD"},
	    {.method = "DELETE", .follow = true},
	    {.body_max = 1},
	};
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};
	char first[sizeof fetch.body];

	fetch_path(driver, serve, &fetch, "/echo", (struct http_options){0});
	snprintf(first, sizeof first, "%s", fetch.body);
	assert_int_equal(strncmp(first, "GET /echo HTTP/1.1\r\n", 20), 0);
	fetch_drop(&fetch);
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		fetch_path(driver, serve, &fetch, "/ok", before[i]);
		assert_int_equal(fetch.ok, before[i].body_max == 0);
		fetch_drop(&fetch);
		fetch_path(driver, serve, &fetch, "/echo",
			   (struct http_options){.timeout_ns = (30 + (int64_t)i) * S}); /* a new one */
		assert_true(fetch.ok);
		assert_string_equal(fetch.body, first);
		fetch_drop(&fetch);
	}
	driver->ops->free(driver);
}

/* A GET that was answered stays prepared for the same GET, and for no other. */
static void test_http_the_same_again(void **state)
{
	const struct {
		const char *path, *sent, *unsent;
		struct http_options options;
	} requests[] = {
	    {"/echo?a=%20b&c=x%2Fy", "GET /echo?a=%20b&c=x%2Fy HTTP/1.1\r\n", "X-A", {0}},
	    {"/echo", "X-A: one\r\n", "two", {.headers = ARGV("X-A: one")}},
	    {"/echo", "X-A: two\r\n", "X-B", {.headers = ARGV("X-A: two")}},
	    {"/echo", "X-B: three\r\n", "one", {.headers = ARGV("X-A: two", "X-B: three")}},
	    {"/echo", "Authorization: Basic dTpw\r\n", "X-A", {.user_password = "u:p"}},
	    {"/echo", "Authorization: Basic dTpx\r\n", "dTpw", {.user_password = "u:q"}},
	    {"/echo", "DELETE /echo", "GET", {.method = "DELETE"}},
	    {"/echo", "\r\n\r\nbody", "Authorization", {.method = "GET", .body = "body", .body_length = 4}},
	    {"/redirect/2", "{\"ok\": true}", "X-A", {.follow = true}},
	};
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};
	char path[40];

	for (int round = 0; round < 4; round++) {
		for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
			fetch_path(driver, serve, &fetch, requests[i].path, requests[i].options);
			assert_true(fetch.ok);
			assert_non_null(strstr(fetch.body, requests[i].sent));
			assert_null(strstr(fetch.body, requests[i].unsent));
			fetch_drop(&fetch);
		}
		for (int i = 0; i < 9 * round; i++) { /* at last more than stay prepared */
			snprintf(path, sizeof path, "/echo?i=%d", i);
			fetch_path(driver, serve, &fetch, path, (struct http_options){0});
			assert_non_null(strstr(fetch.body, path));
			fetch_drop(&fetch);
		}
	}
	/* What failed is not kept, and works again. */
	for (int i = 0; i < 3; i++) {
		fetch_path(driver, serve, &fetch, "/echo", (struct http_options){.body_max = 1});
		assert_false(fetch.ok);
		fetch_drop(&fetch);
		fetch_path(driver, serve, &fetch, "/echo", (struct http_options){0});
		assert_true(fetch.ok);
		fetch_drop(&fetch);
	}
	driver->ops->free(driver);
}

static void test_http_failures_in_words(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};
	char expected[100];

	/* Nobody listens on port 1. */
	fetch_start(driver, &fetch, (struct http_options){.url = "http://127.0.0.1:1/x"});
	fetch_wait(driver, &fetch);
	assert_false(fetch.ok);
	assert_false(fetch.sent);
	assert_string_equal(fetch.error, "connection refused (127.0.0.1:1)");
	fetch_drop(&fetch);

	fetch_start(driver, &fetch,
		    (struct http_options){.url = "http://x/", .unix_socket = "/nowhere.sock"});
	fetch_wait(driver, &fetch);
	assert_string_equal(fetch.error, "there is no socket /nowhere.sock");
	fetch_drop(&fetch);

	fetch_start(driver, &fetch, (struct http_options){.url = "http://no-such-host.invalid/"});
	fetch_wait(driver, &fetch);
	assert_string_equal(fetch.error, "the name of the host cannot be resolved (no-such-host.invalid:80)");
	fetch_drop(&fetch);

	fetch_start(driver, &fetch, (struct http_options){.url = "file:///etc/passwd"});
	fetch_wait(driver, &fetch);
	assert_false(fetch.ok);
	assert_non_null(strstr(fetch.error, "not an http or https URL"));
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/hang", (struct http_options){.timeout_ns = 200 * MS});
	assert_true(fetch.timed_out);
	assert_true(fetch.sent);
	snprintf(expected, sizeof expected, "timed out after 200ms (127.0.0.1:%d)", serve->port);
	assert_string_equal(fetch.error, expected);
	assert_true(fetch.elapsed >= 200 * MS && fetch.elapsed < 5 * S);
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/drip", (struct http_options){.timeout_ns = 300 * MS});
	assert_true(fetch.timed_out);
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/cut", (struct http_options){0});
	assert_false(fetch.ok);
	assert_true(fetch.sent);
	assert_non_null(strstr(fetch.error, "the connection ended before the whole answer came"));
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/close", (struct http_options){0});
	assert_non_null(strstr(fetch.error, "the connection ended before the whole answer came"));
	fetch_drop(&fetch);

	fetch_path(driver, serve, &fetch, "/manyheaders", (struct http_options){0});
	assert_string_equal(fetch.error, "the answer's headers exceed 256KiB");
	fetch_drop(&fetch);
	driver->ops->free(driver);
}

/* The bound holds for bodies whose length nobody announced, to the byte. */
static void test_http_body_is_bounded(void **state)
{
	static const char *const kinds[] = {"big", "chunked"};
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};
	char path[50];

	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "/%s/50000", kinds[i]);
		fetch_path(driver, serve, &fetch, path, (struct http_options){.body_max = 50000});
		assert_true(fetch.ok);
		assert_int_equal(fetch.length, 50000);
		fetch_drop(&fetch);
		snprintf(path, sizeof path, "/%s/50001", kinds[i]);
		fetch_path(driver, serve, &fetch, path, (struct http_options){.body_max = 50000});
		assert_false(fetch.ok);
		assert_non_null(strstr(fetch.error, "the body exceeds"));
		assert_true(fetch.length <= 50000);
		fetch_drop(&fetch);
		snprintf(path, sizeof path, "/%s/1000000000", kinds[i]);
		fetch_path(driver, serve, &fetch, path, (struct http_options){0});
		assert_string_equal(fetch.error, "the body exceeds 4MiB");
		fetch_drop(&fetch);
	}
	driver->ops->free(driver);
}

static void test_http_redirects(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {0};

	fetch_path(driver, serve, &fetch, "/redirect/2", (struct http_options){0});
	assert_int_equal(fetch.status, 302);
	fetch_drop(&fetch);
	fetch_path(driver, serve, &fetch, "/redirect/2", (struct http_options){.follow = true});
	assert_int_equal(fetch.status, 200);
	assert_string_equal(fetch.body, "{\"ok\": true}");
	assert_false(record_has(fetch.headers, "x-hop")); /* headers of the last answer only */
	fetch_drop(&fetch);
	fetch_path(driver, serve, &fetch, "/loop", (struct http_options){.follow = true});
	assert_string_equal(fetch.error, "more than 5 redirects");
	fetch_drop(&fetch);
	fetch_path(driver, serve, &fetch, "/away", (struct http_options){.follow = true});
	assert_false(fetch.ok);
	assert_non_null(strstr(fetch.error, "not an http or https URL"));
	fetch_drop(&fetch);
	driver->ops->free(driver);
}

static void test_http_streams(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {.stop_at = SIZE_MAX};

	/* No bound on what is not collected. */
	fetch_path(driver, serve, &fetch, "/big/6000000", (struct http_options){0});
	assert_true(fetch.ok);
	assert_int_equal(fetch.streamed, 6000000);
	assert_string_equal(fetch.body, "");
	fetch_drop(&fetch);
	fetch.stop_at = 100000;
	fetch_path(driver, serve, &fetch, "/big/6000000", (struct http_options){0});
	assert_false(fetch.ok);
	assert_string_equal(fetch.error, "the answer was not read to its end");
	assert_true(fetch.streamed < 200000);
	fetch_drop(&fetch);
	/* An error's body is collected, not streamed. */
	fetch.stop_at = SIZE_MAX;
	fetch_path(driver, serve, &fetch, "/status/500", (struct http_options){0});
	assert_int_equal(fetch.streamed, 0);
	assert_string_equal(fetch.body, "status 500");
	fetch_drop(&fetch);
	driver->ops->free(driver);
}

static void test_http_cancel_anywhere(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch fetch = {.cancel_at = 1};
	char url[100];

	/* In the middle of curl's own callback. */
	fetch_path(driver, serve, &fetch, "/big/6000000", (struct http_options){0});
	assert_true(fetch.cancelled);
	assert_false(fetch.ok);
	assert_string_equal(fetch.error, "cancelled");
	fetch_drop(&fetch);
	/* Before it has begun, and twice. */
	snprintf(url, sizeof url, "http://127.0.0.1:%d/hang", serve->port);
	fetch_start(driver, &fetch, (struct http_options){.url = url});
	http_cancel(fetch.transfer);
	http_cancel(fetch.transfer);
	assert_int_equal(fetch.done, 0);
	fetch_wait(driver, &fetch);
	assert_true(fetch.cancelled);
	assert_false(fetch.sent);
	fetch_drop(&fetch);
	/* While it waits. */
	fetch_start(driver, &fetch, (struct http_options){.url = url});
	next(driver, live_now(live_of(driver)) + 100 * MS);
	http_cancel(fetch.transfer);
	fetch_wait(driver, &fetch);
	assert_true(fetch.cancelled);
	assert_true(fetch.sent);
	fetch_drop(&fetch);
	driver->ops->free(driver);
}

static void test_http_start_from_on_done(void **state)
{
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	char url[100];
	struct fetch second = {.url = url}, first = {.another = &second, .driver = driver};

	snprintf(url, sizeof url, "http://127.0.0.1:%d/status/404", serve->port);
	fetch_path(driver, serve, &first, "/ok", (struct http_options){0});
	fetch_wait(driver, &second);
	assert_int_equal(second.status, 404);
	fetch_drop(&first);
	fetch_drop(&second);
	driver->ops->free(driver);
}

static void test_http_many_at_once(void **state)
{
	enum { MANY = 300 };
	struct serve *serve = *state;
	struct driver *driver = new_driver();
	struct fetch *fetches = calloc(MANY, sizeof *fetches);
	char url[100];

	snprintf(url, sizeof url, "http://127.0.0.1:%d/slow/50", serve->port);
	for (int i = 0; i < MANY; i++)
		fetch_start(driver, &fetches[i], (struct http_options){.url = url});
	for (int i = 0; i < MANY; i++) {
		fetch_wait(driver, &fetches[i]);
		assert_true(fetches[i].ok);
		fetch_drop(&fetches[i]);
	}
	/* The driver may go while many are under way: each is told. */
	for (int i = 0; i < MANY; i++)
		fetch_start(driver, &fetches[i], (struct http_options){.url = url});
	next(driver, live_now(live_of(driver)) + 20 * MS);
	driver->ops->free(driver);
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(fetches[i].done, 1);
		fetch_drop(&fetches[i]);
	}
	free(fetches);
}

static long requests_seen(struct driver *driver, const struct serve *serve)
{
	struct fetch fetch = {0};
	long count;

	fetch_path(driver, serve, &fetch, "/count", (struct http_options){0});
	count = atol(fetch.body);
	fetch_drop(&fetch);
	return count;
}

/*
 * On a kept connection that is closed without an answer, curl sends a request again. The server counts: a GET
 * comes twice, a POST once, unless its options say that it repeats.
 */
static void test_http_post_is_never_repeated(void **state)
{
	struct serve serve = {0};
	struct driver *driver;
	struct fetch fetch = {0};

	(void)state;
	serve_start(&serve);
	driver = new_driver();
	assert_int_equal(requests_seen(driver, &serve), 1);
	fetch_path(driver, &serve, &fetch, "/close", (struct http_options){0});
	assert_false(fetch.ok);
	fetch_drop(&fetch);
	assert_int_equal(requests_seen(driver, &serve), 4);
	fetch_path(driver, &serve, &fetch, "/close",
		   (struct http_options){.method = "POST", .body = "x", .body_length = 1});
	assert_false(fetch.ok);
	assert_true(fetch.sent);
	fetch_drop(&fetch);
	assert_int_equal(requests_seen(driver, &serve), 6);
	fetch_path(driver, &serve, &fetch, "/close",
		   (struct http_options){.method = "POST", .body = "x", .body_length = 1, .repeats = true});
	assert_false(fetch.ok);
	fetch_drop(&fetch);
	assert_int_equal(requests_seen(driver, &serve), 9);
	driver->ops->free(driver);
	serve_stop(&serve);
}

/* The server closes a kept connection while nobody asks; the loop takes note and rests, and the next request
 * is made. */
static void test_http_kept_connection_closed(void **state)
{
	struct serve serve = {0};
	struct driver *driver;
	struct fetch fetch = {0};
	struct delivery none;
	int64_t wait = INT64_C(100000000);

	(void)state;
	serve_start(&serve);
	driver = new_driver();
	for (int i = 0; i < 3; i++) {
		fetch_path(driver, &serve, &fetch, "/once", (struct http_options){0});
		assert_int_equal(fetch.status, 200);
		fetch_drop(&fetch);
		assert_true(driver->ops->next(driver, live_now(live_of(driver)) + wait, &none));
		assert_int_equal(none.kind, DELIVERY_TIME);
		fetch_path(driver, &serve, &fetch, "/ok", (struct http_options){0});
		assert_int_equal(fetch.status, 200);
		fetch_drop(&fetch);
	}
	driver->ops->free(driver);
	serve_stop(&serve);
}

static void test_http_over_a_unix_socket(void **state)
{
	char path[60];
	struct serve serve = {.unix_path = path};
	struct driver *driver;
	struct fetch fetch = {0};

	(void)state;
	snprintf(path, sizeof path, "/tmp/runplan-test-%d.sock", (int)getpid());
	serve_start(&serve);
	driver = new_driver();
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	fetch_start(driver, &fetch,
		    (struct http_options){.url = "http://docker/ok", .unix_socket = serve.unix_path});
	fetch_wait(driver, &fetch);
	assert_int_equal(fetch.status, 200);
	fetch_drop(&fetch);
	/* A proxy is for other machines: loopback is reached directly, a name is not. */
	fetch_start(driver, &fetch, (struct http_options){.url = "http://127.0.0.1:2/"});
	fetch_wait(driver, &fetch);
	assert_string_equal(fetch.error, "connection refused (127.0.0.1:2)");
	fetch_drop(&fetch);
	unsetenv("http_proxy");
	driver->ops->free(driver);
	serve_stop(&serve);
	unlink(serve.unix_path);
}

static void test_percent_encode(void **state)
{
	struct value out;

	(void)state;
	assert_true(http_percent_encode("aZ09-._~ /?#&%\0\xff", 16, &out));
	assert_string_equal(value_text_peek(out), "aZ09-._~%20%2F%3F%23%26%25%00%FF");
	value_release(out);
}

/* ---- libraries ---- */

static void test_libraries_load(void **state)
{
	char error[200] = "";
	const struct curl_api *curl = curl_load(error, sizeof error);
	const struct pq_api *pq = pq_load(error, sizeof error);

	(void)state;
	assert_non_null(curl);
	assert_non_null(pq);
	assert_ptr_equal(curl, curl_load(error, sizeof error));
	assert_true(pq->PQlibVersion() >= 130000);
	assert_string_equal(error, "");
}

static void test_sha256(void **state)
{
	char hex[65], error[300], name[] = "/tmp/runplan-test-XXXXXX";
	int fd = mkstemp(name);

	(void)state;
	assert_true(sha256_bytes("abc", 3, hex));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	assert_true(sha256_file(name, hex, error, sizeof error));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	unlink(name);
	assert_false(sha256_file(name, hex, error, sizeof error));
	assert_non_null(strstr(error, "No such file"));
	assert_false(sha256_file("/tmp", hex, error, sizeof error));
	assert_non_null(strstr(error, "/tmp: Is a directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_come_in_order),
	    cmocka_unit_test(test_a_second_end_is_ignored),
	    cmocka_unit_test(test_deadline_is_met_and_not_early),
	    cmocka_unit_test(test_short_deadlines_are_not_slept_through),
	    cmocka_unit_test(test_busy_calls_starve_nothing),
	    cmocka_unit_test(test_each_signal_is_delivered),
	    cmocka_unit_test(test_wall_follows_the_start_that_was_given),
	    cmocka_unit_test(test_a_note_is_on_record_before_the_call_goes_on),
	    cmocka_unit_test(test_settle_asks_the_rows_probe),
	    cmocka_unit_test(test_cancel_ends_a_call_once),
	    cmocka_unit_test(test_grace_ends_in_unknown),
	    cmocka_unit_test(test_a_row_has_its_own_grace),
	    cmocka_unit_test(test_free_forgets_calls_under_way),
	    cmocka_unit_test(test_timers),
	    cmocka_unit_test(test_an_end_in_a_timer_is_told_at_once),
	    cmocka_unit_test(test_work_runs_on_another_thread),
	    cmocka_unit_test(test_poll),
	    cmocka_unit_test(test_keep),
	    cmocka_unit_test(test_process_streams_and_code),
	    cmocka_unit_test(test_process_killed_by_a_signal),
	    cmocka_unit_test(test_process_that_cannot_start),
	    cmocka_unit_test(test_process_is_found_in_its_own_path),
	    cmocka_unit_test(test_which_groups_are_there),
	    cmocka_unit_test(test_process_inherits_no_descriptors),
	    cmocka_unit_test(test_process_inherits_no_signals),
	    cmocka_unit_test(test_process_gets_a_secret_on_3),
	    cmocka_unit_test(test_process_floods),
	    cmocka_unit_test(test_process_times_out),
	    cmocka_unit_test(test_process_ignores_term),
	    cmocka_unit_test(test_stop_waits_for_the_whole_group),
	    cmocka_unit_test(test_a_daemon_left_behind),
	    cmocka_unit_test(test_two_thousand_processes_leave_nothing),
	    cmocka_unit_test(test_process_to_a_file),
	    cmocka_unit_test(test_free_kills_processes),
	    cmocka_unit_test(test_http_answers),
	    cmocka_unit_test(test_http_request_is_as_asked),
	    cmocka_unit_test(test_http_requests_leave_nothing_behind),
	    cmocka_unit_test(test_http_the_same_again),
	    cmocka_unit_test(test_http_failures_in_words),
	    cmocka_unit_test(test_http_body_is_bounded),
	    cmocka_unit_test(test_http_redirects),
	    cmocka_unit_test(test_http_streams),
	    cmocka_unit_test(test_http_cancel_anywhere),
	    cmocka_unit_test(test_http_start_from_on_done),
	    cmocka_unit_test(test_http_many_at_once),
	    cmocka_unit_test(test_http_post_is_never_repeated),
	    cmocka_unit_test(test_http_kept_connection_closed),
	    cmocka_unit_test(test_http_over_a_unix_socket),
	    cmocka_unit_test(test_percent_encode),
	    cmocka_unit_test(test_libraries_load),
	    cmocka_unit_test(test_sha256),
	};
	struct serve serve = {0};
	int failed;

	serve_start(&serve);
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
		((struct CMUnitTest *)tests)[i].initial_state = &serve;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	serve_stop(&serve);
	return failed;
}
