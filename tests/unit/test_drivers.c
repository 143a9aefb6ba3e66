/* test_drivers.c - the drivers that need no world, without a machine: what they answer, when, and in which
 * order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/tables.h"
#include "interp/drivers.h"
#include "store/memory.h"

#define S INT64_C(1000000000)

static const struct builtin *row(const char *name)
{
	const struct builtin *found = registry_find(&builtin_registry, name, strlen(name));

	assert_non_null(found);
	return found;
}

#define ARGUMENTS 8 /* as many as the signatures used here have: those behind the first are null */

/* Starts NAME(argument) as effect ID. */
static void start(struct driver *driver, const char *id, const char *name, const char *argument)
{
	struct value args[ARGUMENTS] = {value_string(argument)};
	struct effect_request request = {
	    .id = id, .builtin = row(name), .args = args, .arg_count = ARGUMENTS, .step = ""};

	driver->ops->start(driver, &request);
	value_release(args[0]);
}

static void delivery_free(struct delivery *delivery)
{
	free(delivery->id);
	outcome_release(&delivery->outcome);
}

/* The next delivery is the outcome of ID at AT, of this kind; its value as text where `text` is given. */
static void expect_outcome(struct driver *driver, const char *id, int64_t at, enum outcome_kind kind,
			   const char *text)
{
	struct delivery out = {0};
	struct value shown;

	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_OUTCOME);
	assert_string_equal(out.id, id);
	assert_int_equal(out.now, at);
	assert_int_equal(out.outcome.kind, kind);
	shown = value_to_text(kind == OUTCOME_OK ? out.outcome.value : out.outcome.message);
	if (text)
		assert_string_equal(value_text_peek(shown), text);
	value_release(shown);
	delivery_free(&out);
}

static void given(struct driver *driver, const char *text)
{
	char error[256] = "";

	if (!simulate_given_text(driver, text, error, sizeof(error)))
		fail_msg("%s: %s", text, error);
}

/* ---- simulate ---- */

static void test_answers_in_order_of_time_then_of_start(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);

	(void)state;
	given(driver, "docker.health(\"slow\") takes 5s");
	given(driver, "docker.health returns \"up\"");
	start(driver, "1", "docker.health", "slow");
	start(driver, "2", "docker.health", "a");
	start(driver, "3", "docker.health", "b");
	expect_outcome(driver, "2", 0, OUTCOME_OK, "up");
	expect_outcome(driver, "3", 0, OUTCOME_OK, "up");
	expect_outcome(driver, "1", 5 * S, OUTCOME_OK, "up");
	driver->ops->free(driver);
}

static void test_answers_one_after_the_other_and_the_last_repeats(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);

	(void)state;
	given(driver, "docker.health returns [\"starting\", _, \"healthy\"]");
	start(driver, "1", "docker.health", "a");
	expect_outcome(driver, "1", 0, OUTCOME_OK, "starting");
	start(driver, "2", "docker.health", "a");
	expect_outcome(driver, "2", 0, OUTCOME_OK, "null");
	start(driver, "3", "docker.health", "a");
	expect_outcome(driver, "3", 0, OUTCOME_OK, "healthy");
	start(driver, "4", "docker.health", "a");
	expect_outcome(driver, "4", 0, OUTCOME_OK, "healthy");
	driver->ops->free(driver);
}

static void test_fails_a_number_of_times(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct delivery out = {0};

	(void)state;
	given(driver, "docker.health fails \"boom\" 2 times with { code: 7 }");
	start(driver, "1", "docker.health", "a");
	expect_outcome(driver, "1", 0, OUTCOME_FAILED, "boom");
	start(driver, "2", "docker.health", "a");
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(record_peek(out.outcome.value, "code").i, 7);
	delivery_free(&out);
	start(driver, "3", "docker.health", "a");
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(out.outcome.kind, OUTCOME_OK);
	assert_int_equal(out.outcome.value.tag, VALUE_UNKNOWN); /* a read that nobody answers */
	delivery_free(&out);
	driver->ops->free(driver);
}

/* At one instant: an answer, then a signal, then the deadline. */
static void test_ties(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct delivery out = {0};

	(void)state;
	given(driver, "docker.health returns \"up\" after 5s");
	simulate_signal(driver, 5 * S, 2);
	start(driver, "1", "docker.health", "a");
	assert_true(driver->ops->next(driver, 5 * S, &out));
	assert_int_equal(out.kind, DELIVERY_OUTCOME);
	delivery_free(&out);
	assert_true(driver->ops->next(driver, 5 * S, &out));
	assert_int_equal(out.kind, DELIVERY_SIGNAL);
	assert_int_equal(out.signal, 2);
	assert_true(driver->ops->next(driver, 5 * S, &out));
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_int_equal(out.now, 5 * S);
	assert_int_equal(out.wall, SIMULATE_START + 5 * S);
	driver->ops->free(driver);
}

/* The clock of a simulation never goes back, whatever deadline it is given. */
static void test_past_deadline(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct delivery out = {0};

	(void)state;
	assert_true(driver->ops->next(driver, 5 * S, &out));
	assert_true(driver->ops->next(driver, 3 * S, &out));
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_int_equal(out.now, 5 * S);
	driver->ops->free(driver);
}

static void test_cancelling(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);

	(void)state;
	given(driver, "docker.health hangs");
	given(driver, "docker.start takes 9s");
	given(driver, "docker.stop takes 11s");
	start(driver, "read", "docker.health", "a");
	start(driver, "quick", "docker.start", "a");
	start(driver, "slow", "docker.stop", "a");
	driver->ops->cancel(driver, "read");
	driver->ops->cancel(driver, "quick");
	driver->ops->cancel(driver, "slow");
	driver->ops->cancel(driver, "slow"); /* a second time changes nothing */
	expect_outcome(driver, "read", 0, OUTCOME_UNKNOWN, "cancelled");
	expect_outcome(driver, "quick", 9 * S, OUTCOME_OK, NULL); /* within its grace: its own outcome */
	expect_outcome(driver, "slow", 10 * S, OUTCOME_UNKNOWN, "cancelled");
	assert_int_equal(value_length(simulate_ledger_peek(driver)),
			 1); /* what is unknown was not performed */
	driver->ops->free(driver);
}

static void test_nothing_can_go_on(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct delivery out = {0};

	(void)state;
	given(driver, "docker.health hangs");
	start(driver, "1", "docker.health", "web");
	assert_null(simulate_problem(driver));
	assert_false(driver->ops->next(driver, INT64_MAX, &out));
	assert_non_null(strstr(simulate_problem(driver), "docker.health(\"web\")"));
	driver->ops->free(driver);
}

static void test_ledger(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct value ledger;

	(void)state;
	given(driver, "docker.stop fails \"busy\" once");
	start(driver, "1", "docker.health", "a");
	start(driver, "2", "docker.stop", "a");
	start(driver, "3", "docker.stop", "b");
	expect_outcome(driver, "1", 0, OUTCOME_OK, NULL);
	expect_outcome(driver, "2", 0, OUTCOME_FAILED, "busy");
	expect_outcome(driver, "3", 0, OUTCOME_OK, NULL);
	ledger = simulate_ledger_peek(driver);
	assert_int_equal(value_length(ledger), 1);
	assert_ptr_equal(strstr(value_text_peek(list_peek(ledger, 0)), "3 "),
			 value_text_peek(list_peek(ledger, 0)));
	driver->ops->free(driver);
}

static void test_names_answered_instead_of_run(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);

	(void)state;
	given(driver, "error_rate returns [1%, 9%]");
	given(driver, "deploy fails \"no\" once");
	assert_true(driver->ops->given(driver, "error_rate", value_null(), "0:1"));
	assert_false(driver->ops->given(driver, "latency", value_null(), "0:1"));
	assert_true(driver->ops->given(driver, "deploy", value_null(), "0:1"));
	start(driver, "1", "given", "error_rate");
	expect_outcome(driver, "1", 0, OUTCOME_OK, "1%");
	start(driver, "2", "given", "deploy");
	expect_outcome(driver, "2", 0, OUTCOME_FAILED, "no");
	assert_false(
	    driver->ops->given(driver, "deploy", value_null(), "0:1")); /* used up: the task itself runs */
	driver->ops->free(driver);
}

static void test_names_answered_by_their_arguments(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct value args = list_new(1);

	(void)state;
	given(driver, "deploy(\"web\") fails \"no\"");
	assert_false(driver->ops->given(driver, "deploy", args, "0:1"));
	list_push(&args, value_string("db"));
	assert_false(driver->ops->given(driver, "deploy", args, "0:1"));
	value_release(args);
	args = list_new(1);
	list_push(&args, value_string("web"));
	assert_true(driver->ops->given(driver, "deploy", args, "0:1"));
	assert_int_equal(simulate_asked(driver, 0), 0);
	value_release(args);
	driver->ops->free(driver);
}

static void test_unused_givens(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct value unused;

	(void)state;
	given(driver, "docker.health returns \"up\"");
	given(driver, "error_rate returns 1%");
	start(driver, "1", "docker.health", "a");
	unused = simulate_unused(driver);
	assert_int_equal(value_length(unused), 1);
	assert_string_equal(value_text_peek(list_peek(unused, 0)), "error_rate");
	value_release(unused);
	driver->ops->free(driver);
}

static void test_secret_answers_are_marked(void **state)
{
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct delivery out = {0};

	(void)state;
	given(driver, "secret.env returns \"hunter2\"");
	start(driver, "1", "secret.env", "TOKEN");
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_true(value_is_secret(out.outcome.value));
	delivery_free(&out);
	driver->ops->free(driver);
}

static void test_given_texts_that_are_wrong(void **state)
{
	static const char *const texts[][2] = {
	    {"", "starts with the name"},
	    {"docker.health", "is followed by returns"},
	    {"docker.health gives 3", "is followed by returns"},
	    {"docker.health returns", "is missing"},
	    {"docker.health returns x", "`x` is not a constant"},
	    {"docker.health returns [1, y()]", "is not a constant"},
	    {"docker.health fails 3", "the message is a string"},
	    {"docker.health takes 3", "is a duration"},
	    {"docker.health returns 1 twice", "twice"},
	    {"docker.health fails \"a\" 0 times", "is not understood"},
	    {"docker.health(\"a\" returns 1", "closing bracket"},
	    {"docker.helth returns 1", "there is no builtin `docker.helth`"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct driver *driver = simulate_driver_new(&builtin_registry);
		char error[256] = "";

		assert_false(simulate_given_text(driver, texts[i][0], error, sizeof(error)));
		if (!strstr(error, texts[i][1]))
			fail_msg("%s: \"%s\" does not say \"%s\"", texts[i][0], error, texts[i][1]);
		driver->ops->free(driver);
	}
}

/* ---- preview ---- */

static void test_preview_answers_nothing(void **state)
{
	struct driver *driver = preview_driver_new(NULL);
	struct delivery out = {0};

	(void)state;
	assert_true(driver->explores);
	start(driver, "1", "docker.health", "a");
	start(driver, "2", "docker.stop", "a");
	expect_outcome(driver, "1", 0, OUTCOME_OK, NULL);
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_string_equal(out.id, "2");
	assert_int_equal(out.outcome.value.tag, VALUE_UNKNOWN);
	delivery_free(&out);
	assert_true(driver->ops->next(driver, 60 * S, &out));
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_int_equal(out.now, 60 * S);
	driver->ops->free(driver);
}

/* With an inner driver reads are really made, changes never, and people are never asked. */
static void test_preview_with_live_reads(void **state)
{
	struct driver *inner = simulate_driver_new(&builtin_registry), *driver;
	struct delivery out = {0};

	(void)state;
	given(inner, "docker.health returns \"up\"");
	driver = preview_driver_new(inner);
	start(driver, "1", "docker.health", "a");
	start(driver, "2", "docker.stop", "a");
	start(driver, "3", "operator.confirm", "Sure?");
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_string_equal(out.id, "2");
	assert_int_equal(out.outcome.value.tag, VALUE_UNKNOWN);
	delivery_free(&out);
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_string_equal(out.id, "3");
	assert_int_equal(out.outcome.value.tag, VALUE_UNKNOWN);
	delivery_free(&out);
	expect_outcome(driver, "1", 0, OUTCOME_OK, "up");
	assert_int_equal(value_length(simulate_ledger_peek(inner)), 0);
	driver->ops->free(driver);
}

/* ---- replay ---- */

struct tape {
	struct store *store;
	struct journal *journal;
	int64_t now;
};

static struct tape tape_new(void)
{
	struct tape tape = {.store = store_memory_new()};

	tape.journal = journal_new(tape.store);
	return tape;
}

static void tape_free(struct tape *tape)
{
	journal_free(tape->journal);
	tape->store->ops->free(tape->store);
}

static void put(struct tape *tape, enum event_kind kind, const char *id, const char *text, struct value data)
{
	struct event event = {
	    .kind = kind,
	    .now = tape->now,
	    .wall = SIMULATE_START + tape->now,
	    .id = id,
	    .step = "",
	    .text = text,
	    .data = data,
	};

	assert_true(journal_append(tape->journal, &event));
	value_release(data);
}

static void put_started(struct tape *tape, const char *id, const char *name, const char *argument)
{
	struct value args[ARGUMENTS] = {value_string(argument)}, data = record_new(2);
	struct effect_request request = {
	    .id = id, .builtin = row(name), .args = args, .arg_count = ARGUMENTS};

	record_set(&data, "digest", request_digest(&request));
	record_set(&data, "shown", request_show(&request));
	value_release(args[0]);
	put(tape, EVENT_EFFECT_STARTED, id, name, data);
}

static void put_ended(struct tape *tape, const char *id, const char *kind, struct value v,
		      const char *message)
{
	struct value data = record_new(2);

	record_set(&data, "kind", value_string(kind));
	record_set(&data, "value", v);
	put(tape, EVENT_EFFECT_ENDED, id, message, data);
}

static void put_begin(struct tape *tape)
{
	struct value data = record_new(1);

	record_set(&data, "driver", value_string("live"));
	put(tape, EVENT_RUN_STARTED, "run", "title", data);
}

static void test_replay_gives_back_what_is_on_record(void **state)
{
	struct tape tape = tape_new();
	struct driver *driver;
	struct delivery out = {0};
	struct span at;

	(void)state;
	put_begin(&tape);
	put_started(&tape, "1", "docker.health", "a");
	put_started(&tape, "2", "docker.stop", "a");
	tape.now = 2 * S;
	put(&tape, EVENT_EFFECT_NOTE, "2", "", value_string("exec-7"));
	tape.now = 3 * S;
	put_ended(&tape, "2", "failed", value_null(), "busy");
	put_ended(&tape, "1", "ok", value_string("up"), "");
	tape.now = 4 * S;
	put(&tape, EVENT_TIME, "", "", value_null());
	tape.now = 5 * S;
	put(&tape, EVENT_SIGNAL, "", "", value_int(15));
	driver = replay_driver_new(tape.store);
	assert_string_equal(driver->ops->name, "live");
	assert_int_equal(driver->ops->start_wall(driver), SIMULATE_START);
	start(driver, "1", "docker.health", "a");
	start(driver, "2", "docker.stop", "a");
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_NOTE);
	assert_string_equal(out.id, "2");
	assert_string_equal(value_text_peek(out.outcome.value), "exec-7");
	delivery_free(&out);
	expect_outcome(driver, "2", 3 * S, OUTCOME_FAILED, "busy");
	expect_outcome(driver, "1", 3 * S, OUTCOME_OK, "up");
	assert_true(driver->ops->next(driver, 4 * S, &out));
	assert_int_equal(out.kind, DELIVERY_TIME);
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_SIGNAL);
	assert_int_equal(out.signal, 15);
	assert_int_equal(out.wall, SIMULATE_START + 5 * S);
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_END);
	assert_null(replay_problem(driver, &at));
	driver->ops->free(driver);
	tape_free(&tape);
}

/* What the plan asks for is not what is on record: one effect, the other's answer. */
static void check_mismatch(const char *name, const char *argument, const char *says)
{
	struct tape tape = tape_new();
	struct driver *driver;
	struct delivery out = {0};
	struct span at;

	put_begin(&tape);
	put_started(&tape, "1", "docker.stop", "web");
	put_ended(&tape, "1", "ok", value_null(), "");
	driver = replay_driver_new(tape.store);
	if (name)
		start(driver, "1", name, argument);
	assert_false(driver->ops->next(driver, INT64_MAX, &out));
	assert_non_null(replay_problem(driver, &at));
	if (!strstr(replay_problem(driver, &at), says))
		fail_msg("\"%s\" does not say \"%s\"", replay_problem(driver, &at), says);
	driver->ops->free(driver);
	tape_free(&tape);
}

static void test_replay_mismatches(void **state)
{
	(void)state;
	check_mismatch("docker.start", "web", "is docker.start in the plan and docker.stop in the record");
	check_mismatch("docker.stop", "db", "other arguments");
	check_mismatch(NULL, NULL, "did not ask for");
}

static void test_replay_of_an_effect_that_is_not_on_record(void **state)
{
	struct tape tape = tape_new();
	struct driver *driver;
	struct delivery out = {0};
	struct span at;

	(void)state;
	put_begin(&tape);
	put_started(&tape, "1", "docker.stop", "web");
	put_ended(&tape, "1", "ok", value_null(), "");
	driver = replay_driver_new(tape.store);
	start(driver, "9", "docker.stop", "web");
	assert_false(driver->ops->next(driver, INT64_MAX, &out));
	assert_non_null(strstr(replay_problem(driver, &at), "as effect 9"));
	driver->ops->free(driver);
	tape_free(&tape);
}

static void test_replay_of_a_damaged_row(void **state)
{
	struct tape tape = tape_new();
	struct driver *driver;
	struct delivery out = {0};
	struct span at;

	(void)state;
	put_begin(&tape);
	tape.store->ops->append(tape.store, "{\"seq\":2,\"typ", 13);
	driver = replay_driver_new(tape.store);
	assert_false(driver->ops->next(driver, INT64_MAX, &out));
	assert_non_null(strstr(replay_problem(driver, &at), "row 2"));
	driver->ops->free(driver);
	tape_free(&tape);
}

/* As the machine asks: a name, and the list of its arguments. */
static void put_given(struct tape *tape, const char *id, const char *name, struct value list)
{
	struct value args[2] = {value_string(name), list}, data = record_new(1);

	record_set(&data, "digest", request_digest(&(struct effect_request){.args = args, .arg_count = 2}));
	value_release(args[0]);
	put(tape, EVENT_EFFECT_STARTED, id, "given", data);
}

/* That one, by its name and its arguments: a task that runs has the id of what is called first in it. */
static void test_replay_knows_givens(void **state)
{
	struct tape tape = tape_new();
	struct value list = list_new(1), other = list_new(0);
	struct driver *driver;

	(void)state;
	list_push(&list, value_string("5%"));
	put_begin(&tape);
	put_given(&tape, "1", "error_rate", list);
	put_started(&tape, "2", "docker.stop", "a");
	driver = replay_driver_new(tape.store);
	assert_true(driver->ops->given(driver, "error_rate", list, "1"));
	assert_false(driver->ops->given(driver, "error_rate", other, "1"));
	assert_false(driver->ops->given(driver, "latency", list, "1"));
	assert_false(driver->ops->given(driver, "error_rate", list, "2"));
	assert_false(driver->ops->given(driver, "error_rate", list, "3"));
	driver->ops->free(driver);
	value_release(list);
	value_release(other);
	tape_free(&tape);
}

/* A secret is read again, and the fresh value comes where the recorded one stood; other answers keep their
 * place. */
static void test_resume_renews(void **state)
{
	struct tape tape = tape_new();
	struct driver *inner = simulate_driver_new(&builtin_registry), *driver;

	(void)state;
	given(inner, "secret.env returns \"fresh\"");
	put_begin(&tape);
	put_started(&tape, "1", "secret.env", "TOKEN");
	put_started(&tape, "2", "docker.health", "a");
	put_ended(&tape, "2", "ok", value_string("up"), "");
	tape.now = 7 * S;
	put_ended(&tape, "1", "ok", value_mark(value_string("old"), VALUE_SECRET), "");
	driver = resume_driver_new(tape.store, inner, &(struct resume_options){.data = value_null()});
	start(driver, "1", "secret.env", "TOKEN");
	start(driver, "2", "docker.health", "a");
	expect_outcome(driver, "2", 0, OUTCOME_OK, "up");
	expect_outcome(driver, "1", 7 * S, OUTCOME_OK, "fresh");
	driver->ops->free(driver);
	tape_free(&tape);
}

static enum doubt says_rollback(void *context, struct driver *resume, const struct effect_request *request,
				const char *why)
{
	(void)resume;
	assert_string_equal(request->id, "2");
	assert_string_equal(why, "");
	++*(int *)context;
	return DOUBT_ROLLBACK;
}

/* Where the record ends the run goes on: reads are made again, a change in doubt is not repeated, new effects
 * are live. */
static void test_resume_goes_on(void **state)
{
	struct tape tape = tape_new();
	struct driver *inner = simulate_driver_new(&builtin_registry), *driver;
	struct value who = value_string("who");
	struct delivery out = {0};
	int asked = 0;

	(void)state;
	given(inner, "docker.health returns \"live\"");
	given(inner, "docker.logs returns \"later\" after 3s");
	put_begin(&tape);
	tape.now = 7 * S;
	put_started(&tape, "1", "docker.health", "a");
	put_started(&tape, "2", "docker.exec", "a");
	put_started(&tape, "3", "docker.health", "b");
	put_ended(&tape, "3", "ok", value_string("on record"), "");
	driver = resume_driver_new(tape.store, inner,
				   &(struct resume_options){.data = who,
							    .decide = says_rollback,
							    .context = &asked});
	start(driver, "1", "docker.health", "a");
	start(driver, "2", "docker.exec", "a");
	start(driver, "3", "docker.health", "b");
	expect_outcome(driver, "3", 7 * S, OUTCOME_OK, "on record");
	assert_int_equal(asked, 0);
	assert_true(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(out.kind, DELIVERY_RESUMED);
	assert_string_equal(value_text_peek(out.outcome.value), "who");
	delivery_free(&out);
	assert_int_equal(asked, 1);
	expect_outcome(driver, "2", 7 * S, OUTCOME_UNKNOWN, NULL);
	expect_outcome(driver, "1", 7 * S, OUTCOME_OK, "live");
	start(driver, "4", "docker.logs", "a");
	expect_outcome(driver, "4", 10 * S, OUTCOME_OK, "later");
	assert_int_equal(value_length(simulate_ledger_peek(inner)), 0);
	driver->ops->free(driver);
	value_release(who);
	tape_free(&tape);
}

/* Nobody answers: until a signal comes. */
static enum doubt says_nothing(void *context, struct driver *resume, const struct effect_request *request,
			       const char *why)
{
	(void)request;
	(void)why;
	while (resume_listen(resume, S))
		++*(int *)context;
	return DOUBT_STAYS;
}

static void expect_stopped(struct driver *driver, int signal)
{
	struct delivery out = {0};

	assert_int_equal(resume_signal(driver), 0);
	assert_false(driver->ops->next(driver, INT64_MAX, &out));
	assert_int_equal(resume_signal(driver), signal);
	driver->ops->free(driver);
}

/* While a secret, a lock, or the answer to a question is waited for, a signal ends the resume: nothing was delivered. */
static void test_resume_is_stopped(void **state)
{
	struct tape tape = tape_new();
	struct driver *inner = simulate_driver_new(&builtin_registry), *driver;
	int waited = 0;

	(void)state;
	given(inner, "secret.env hangs");
	simulate_signal(inner, 4 * S, SIGTERM);
	put_begin(&tape);
	put_started(&tape, "1", "secret.env", "TOKEN");
	put_ended(&tape, "1", "ok", value_mark(value_string("old"), VALUE_SECRET), "");
	driver = resume_driver_new(tape.store, inner, &(struct resume_options){.data = value_null()});
	start(driver, "1", "secret.env", "TOKEN");
	expect_stopped(driver, SIGTERM);
	tape_free(&tape);

	tape = tape_new();
	inner = simulate_driver_new(&builtin_registry);
	simulate_signal(inner, 4 * S + S / 2, SIGINT);
	put_begin(&tape);
	put_started(&tape, "1", "docker.exec", "a");
	put_started(&tape, "2", "docker.exec", "b");
	driver = resume_driver_new(tape.store, inner,
				   &(struct resume_options){.data = value_null(),
							    .decide = says_nothing,
							    .context = &waited});
	start(driver, "1", "docker.exec", "a");
	start(driver, "2", "docker.exec", "b");
	expect_stopped(driver, SIGINT);
	assert_int_equal(waited, 4); /* and nobody is asked about the second one */
	tape_free(&tape);
}

/* Ten thousand effects: finding each must not look at all of them. */
static void test_replay_of_a_long_record(void **state)
{
	struct tape tape = tape_new();
	struct driver *driver;
	char id[32];
	int i;

	(void)state;
	put_begin(&tape);
	for (i = 0; i < 10000; i++) {
		snprintf(id, sizeof(id), "0:%d", i);
		put_started(&tape, id, "docker.health", "a");
		put_ended(&tape, id, "ok", value_int(i), "");
	}
	driver = replay_driver_new(tape.store);
	for (i = 0; i < 10000; i++) {
		char text[32];

		snprintf(id, sizeof(id), "0:%d", i);
		snprintf(text, sizeof(text), "%d", i);
		start(driver, id, "docker.health", "a");
		expect_outcome(driver, id, 0, OUTCOME_OK, text);
	}
	driver->ops->free(driver);
	tape_free(&tape);
}

static void test_digest_leaves_secrets_out(void **state)
{
	struct value args[2] = {value_string("a"), value_mark(value_string("one"), VALUE_SECRET)};
	struct effect_request request = {
	    .id = "1", .builtin = row("docker.exec"), .args = args, .arg_count = 2};
	struct value first = request_digest(&request), second, third;

	(void)state;
	value_release(args[1]);
	args[1] = value_mark(value_string("rotated"), VALUE_SECRET);
	second = request_digest(&request);
	value_release(args[0]);
	args[0] = value_string("b");
	third = request_digest(&request);
	assert_true(value_equal(first, second));
	assert_false(value_equal(first, third));
	assert_int_equal(value_length(first), 16);
	value_release(first);
	value_release(second);
	value_release(third);
	value_release(args[0]);
	value_release(args[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers_in_order_of_time_then_of_start),
	    cmocka_unit_test(test_answers_one_after_the_other_and_the_last_repeats),
	    cmocka_unit_test(test_fails_a_number_of_times),
	    cmocka_unit_test(test_ties),
	    cmocka_unit_test(test_past_deadline),
	    cmocka_unit_test(test_cancelling),
	    cmocka_unit_test(test_nothing_can_go_on),
	    cmocka_unit_test(test_ledger),
	    cmocka_unit_test(test_names_answered_instead_of_run),
	    cmocka_unit_test(test_names_answered_by_their_arguments),
	    cmocka_unit_test(test_unused_givens),
	    cmocka_unit_test(test_secret_answers_are_marked),
	    cmocka_unit_test(test_given_texts_that_are_wrong),
	    cmocka_unit_test(test_preview_answers_nothing),
	    cmocka_unit_test(test_preview_with_live_reads),
	    cmocka_unit_test(test_replay_gives_back_what_is_on_record),
	    cmocka_unit_test(test_replay_mismatches),
	    cmocka_unit_test(test_replay_of_an_effect_that_is_not_on_record),
	    cmocka_unit_test(test_replay_of_a_damaged_row),
	    cmocka_unit_test(test_replay_knows_givens),
	    cmocka_unit_test(test_resume_renews),
	    cmocka_unit_test(test_resume_goes_on),
	    cmocka_unit_test(test_resume_is_stopped),
	    cmocka_unit_test(test_replay_of_a_long_record),
	    cmocka_unit_test(test_digest_leaves_secrets_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
