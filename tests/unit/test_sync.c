/*
 * test_sync.c - when the journal is synced: before a change starts its intent is on record, before the
 * machine waits what changes have answered is; branches share a sync. With a driver of the test's own, whose
 * answers come at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "builtins/tables.h"
#include "interp/compile.h"
#include "interp/drivers.h"
#include "interp/machine.h"
#include "tests/unit/scratch.h"

#define SECOND_NS INT64_C(1000000000)

/* ---- a store that knows what is durable ---- */

struct kept {
	struct store base;
	char *rows[2000];
	size_t count, durable;
	int syncs, fails_at; /* the sync that fails; 0: none */
};

static bool kept_append(struct store *store, const char *row, size_t length)
{
	struct kept *kept = (struct kept *)store;

	assert_true(kept->count < 2000);
	kept->rows[kept->count++] = strndup(row, length);
	return true;
}

static bool kept_sync(struct store *store)
{
	struct kept *kept = (struct kept *)store;

	if (kept->count > kept->durable && ++kept->syncs == kept->fails_at)
		return false;
	kept->durable = kept->count;
	return true;
}

static size_t kept_count(struct store *store)
{
	(void)store;
	return 0;
}

static const struct store_ops kept_ops = {.append = kept_append, .sync = kept_sync, .count = kept_count};

static bool is_durable(const struct kept *kept, const char *kind, const char *id)
{
	char start[200];

	snprintf(start, sizeof start, "[\"%s\",\"%s\",", kind, id);
	for (size_t i = 0; i < kept->durable; i++)
		if (strncmp(kept->rows[i], start, strlen(start)) == 0)
			return true;
	return false;
}

/* ---- a driver whose answers come at once, and are taken one by one ---- */

struct quick {
	struct driver driver;
	struct kept *kept;
	char *answers[500]; /* ids; taken from the front */
	size_t first, count;
	bool notes;	    /* each change, before its answer */
	char *noted;	    /* the id of the note that the next call of next() acknowledges */
	char *changes[500]; /* ids of changes that were answered */
	size_t change_count;
	int started, cancelled;
	int64_t now, tick; /* that each answer takes */
};

static void quick_start(struct driver *driver, const struct effect_request *request)
{
	struct quick *quick = (struct quick *)driver;

	quick->started++;
	assert_true(quick->kept->durable > 0 || request->builtin->effect != EFFECT_CHANGE);
	if (request->builtin->effect == EFFECT_CHANGE) {
		assert_true(is_durable(quick->kept, "effect.started", request->id));
		quick->changes[quick->change_count++] = strdup(request->id);
	}
	assert_string_not_equal(value_text_peek(request->args[0]), ""); /* lives until here */
	quick->answers[quick->count++] = strdup(request->id);
}

static void quick_cancel(struct driver *driver, const char *id)
{
	struct quick *quick = (struct quick *)driver;
	bool started = false;

	for (size_t i = 0; i < quick->count; i++)
		started |= quick->answers[i] && strcmp(quick->answers[i], id) == 0;
	assert_true(started);
	quick->cancelled++;
}

static bool quick_has_come(struct driver *driver)
{
	struct quick *quick = (struct quick *)driver;

	return quick->first < quick->count;
}

static bool quick_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct quick *quick = (struct quick *)driver;

	if (quick->noted) {
		assert_true(is_durable(quick->kept, "effect.note", quick->noted));
		free(quick->noted);
		quick->noted = NULL;
	} else if (quick->notes && quick->first < quick->count) {
		quick->noted = strdup(quick->answers[quick->first]);
		*out = (struct delivery){.kind = DELIVERY_NOTE,
					 .now = quick->now,
					 .id = strdup(quick->noted),
					 .outcome = outcome_ok(value_string("exec id"))};
		return true;
	}
	if (quick->first == quick->count) { /* it would wait: all that changes have answered is on record */
		for (size_t i = 0; i < quick->change_count; i++)
			assert_true(is_durable(quick->kept, "effect.ended", quick->changes[i]));
		assert_int_not_equal(deadline, INT64_MAX);
		quick->now = deadline;
		*out = (struct delivery){.kind = DELIVERY_TIME, .now = quick->now};
		return true;
	}
	quick->now += quick->tick;
	/* The first change was answered a tick after the start. */
	if (quick->change_count && quick->now > quick->tick + SECOND_NS + 2 * quick->tick)
		assert_true(is_durable(quick->kept, "effect.ended", quick->changes[0]));
	*out = (struct delivery){.kind = DELIVERY_OUTCOME,
				 .now = quick->now,
				 .id = strdup(quick->answers[quick->first]),
				 .outcome = outcome_ok(value_bool(true))};
	quick->first++;
	return true;
}

static int64_t quick_start_wall(struct driver *driver)
{
	(void)driver;
	return 0;
}

static const struct driver_ops quick_ops = {
    .name = "quick",
    .start = quick_start,
    .cancel = quick_cancel,
    .has_come = quick_has_come,
    .next = quick_next,
    .start_wall = quick_start_wall,
};

/* ---- a run ---- */

static int run_for(const char *text, struct kept *kept, struct quick *quick, bool notes, int64_t tick)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	struct machine_options options = {.run_id = "r"};
	struct program *program;
	struct machine *machine;
	int code;

	kept->base.ops = &kept_ops;
	kept->base.packed = true;
	*quick = (struct quick){.driver.ops = &quick_ops, .kept = kept, .notes = notes, .tick = tick};
	file_make(in_directory("a.plan"), text, strlen(text));
	if (!check_plan(compilation, in_directory("a.plan")))
		diag_print(stderr, compilation->diags, compilation->sources, false);
	program = compile_program(compilation);
	assert_non_null(program);
	options.program = program;
	options.driver = &quick->driver;
	options.journal = journal_new(&kept->base);
	machine = machine_new(&options);
	code = machine_run(machine);
	machine_free(machine);
	journal_free(options.journal);
	program_free(program);
	compilation_free(compilation);
	for (size_t i = 0; i < kept->count; i++)
		free(kept->rows[i]);
	for (size_t i = 0; i < quick->count; i++)
		free(quick->answers[i]);
	for (size_t i = 0; i < quick->change_count; i++)
		free(quick->changes[i]);
	return code;
}

static int run(const char *text, struct kept *kept, struct quick *quick, bool notes)
{
	return run_for(text, kept, quick, notes, 0);
}

static void test_branches_share(void **state)
{
	struct kept kept = {0};
	struct quick quick;

	(void)state;
	assert_int_equal(run("plan \"P\" { }\n"
			     "step \"S\" {\n"
			     "  for i in 1..64 at most 64 at once {\n"
			     "    file.remove(\"/a${i}\")\n"
			     "    file.remove(\"/b${i}\")\n"
			     "    file.remove(\"/c${i}\")\n"
			     "  }\n"
			     "  rollback none \"test\"\n"
			     "}\n",
			     &kept, &quick, false),
			 0);
	assert_int_equal(quick.started, 192);
	assert_int_equal(
	    kept.syncs,
	    4); /* each round of intents with the outcomes before it; the last outcomes with the end */
}

/* A note is acknowledged when it is on record, though other answers have come. */
static void test_notes_are_not_kept_back(void **state)
{
	struct kept kept = {0};
	struct quick quick;

	(void)state;
	assert_int_equal(run("plan \"P\" { }\n"
			     "step \"S\" {\n"
			     "  for i in 1..8 at most 8 at once { file.remove(\"/a${i}\") }\n"
			     "  rollback none \"test\"\n"
			     "}\n",
			     &kept, &quick, true),
			 0);
	assert_int_equal(quick.started, 8);
	assert_null(quick.noted);
	assert_true(kept.syncs > 8);
}

static void test_one_after_the_other(void **state)
{
	struct kept kept = {0};
	struct quick quick;

	(void)state;
	assert_int_equal(run("plan \"P\" { }\n"
			     "step \"S\" {\n"
			     "  file.remove(\"/a\")\n"
			     "  file.remove(\"/b\")\n"
			     "  let _c = file.exists(\"/c\")\n"
			     "  file.remove(\"/d\")\n"
			     "  hold 1s\n"
			     "  rollback none \"test\"\n"
			     "}\n",
			     &kept, &quick, false),
			 0);
	assert_int_equal(quick.started, 4);
	assert_true(kept.syncs <= 6);
}

/* Reads that answer at once do not make the machine wait: what was owed before them is synced with what
 * follows. */
static void test_reads_at_once_share(void **state)
{
	struct kept kept = {0};
	struct quick quick;

	(void)state;
	assert_int_equal(run("plan \"P\" { }\n"
			     "step \"S\" {\n"
			     "  file.remove(\"/a\")\n"
			     "  for i in 1..5 { let _c = file.exists(\"/c${i}\") }\n"
			     "  file.remove(\"/b\")\n"
			     "  hold 1s\n"
			     "  rollback none \"test\"\n"
			     "}\n",
			     &kept, &quick, false),
			 0);
	assert_int_equal(quick.started, 7);
	assert_int_equal(
	    kept.syncs,
	    4); /* the first intent; its outcome, all reads, the second intent; that outcome; the end */
}

/* But no longer than a second, however many of them there are: quick_next() looks. */
static void test_reads_at_once_do_not_put_off_for_ever(void **state)
{
	struct kept kept = {0};
	struct quick quick;

	(void)state;
	assert_int_equal(run_for("plan \"P\" { }\n"
				 "step \"S\" {\n"
				 "  file.remove(\"/a\")\n"
				 "  for i in 1..40 { let _c = file.exists(\"/c${i}\") }\n"
				 "  rollback none \"test\"\n"
				 "}\n",
				 &kept, &quick, false, SECOND_NS / 10),
			 0);
	assert_int_equal(quick.started, 41);
	assert_in_range(kept.syncs, 4, 8);
}

/* One is cancelled in the moment in which it is asked for: the driver hears of the start first. */
static void test_cancelled_at_once(void **state)
{
	struct kept kept = {0};
	struct quick quick;

	(void)state;
	assert_int_equal(run("plan \"P\" { }\n"
			     "step \"S\" {\n"
			     "  parallel {\n"
			     "    file.remove(\"/a\")\n"
			     "    fail \"no\"\n"
			     "  }\n"
			     "  rollback none \"test\"\n"
			     "}\n",
			     &kept, &quick, false),
			 1);
	assert_int_equal(quick.started, 1);
	assert_int_equal(quick.cancelled, 1);
}

static void test_a_sync_that_fails(void **state)
{
	for (int at = 1; at <= 4; at++) {
		struct kept kept = {.fails_at = at};
		struct quick quick;

		(void)state;
		assert_int_equal(run("plan \"P\" { }\n"
				     "step \"S\" {\n"
				     "  for i in 1..8 at most 8 at once { \n"
				     "    file.remove(\"/a${i}\")\n"
				     "    file.remove(\"/b${i}\")\n"
				     "  }\n"
				     "  rollback { file.remove(\"/c\") }\n"
				     "}\n",
				     &kept, &quick, false),
				 at <= 3 ? 6 : 0);
		assert_int_equal(quick.started, at == 1 ? 0 : at == 2 ? 8 : 16);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_branches_share),
	    cmocka_unit_test(test_notes_are_not_kept_back),
	    cmocka_unit_test(test_one_after_the_other),
	    cmocka_unit_test(test_reads_at_once_share),
	    cmocka_unit_test(test_reads_at_once_do_not_put_off_for_ever),
	    cmocka_unit_test(test_cancelled_at_once),
	    cmocka_unit_test(test_a_sync_that_fails),
	};
	int failed;

	directory_make("runplan-sync");
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	directory_remove();
	return failed;
}
