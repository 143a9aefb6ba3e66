/* test_journal.c - events as rows, the order of keeping and telling, a store that fails, and the memory
 * store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "interp/effect.h"
#include "interp/journal.h"
#include "store/memory.h"

static struct event log_event(const char *text)
{
	return (struct event){.kind = EVENT_LOG, .id = "", .step = "", .text = text, .data = value_null()};
}

static void test_names_and_answers(void **state)
{
	int answers = 0;
	size_t i;

	(void)state;
	assert_string_equal(event_name(EVENT_RUN_STARTED), "run.started");
	for (i = 0; i < EVENT_KINDS; i++)
		answers += event_is_answer((enum event_kind)i);
	assert_int_equal(answers, 8);
	assert_true(event_is_answer(EVENT_EFFECT_ENDED));
	assert_true(event_is_answer(EVENT_EFFECT_NOTE));
	assert_true(event_is_answer(EVENT_TIME));
	assert_true(event_is_answer(EVENT_SIGNAL));
	assert_true(event_is_answer(EVENT_RESUMED));
	assert_true(event_is_answer(EVENT_PAUSED));
	assert_true(event_is_answer(EVENT_NOBODY));
	assert_true(event_is_answer(EVENT_ROLLBACK_ASKED));
	assert_false(event_is_answer(EVENT_EFFECT_STARTED));
	assert_true(event_is_kept(EVENT_EFFECT_STARTED));
	assert_true(event_is_kept(EVENT_SIGNAL));
	assert_false(event_is_kept(EVENT_STEP_STARTED));
}

/* What a packed row holds comes back as it was; cut anywhere, it is refused. */
static void test_packed_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		struct event event = {
				 .kind = (enum event_kind)i,
				 .now = INT64_MIN + (int64_t)i,
				 .wall = INT64_MAX - (int64_t)i,
				 .id = "0.2:7~3",
				 .step = "left out",
				 .text = "\xff\xfe \"quoted\" \xe2\x80\xa8",
				 .data = record_new(4),
			     },
			     back;
		bool started = event.kind == EVENT_EFFECT_STARTED, part = started || event.kind == EVENT_EFFECT_ENDED;
		struct value row;

		if (!event_is_kept(event.kind)) {
			value_release(event.data);
			continue;
		}
		record_set(&event.data, started ? "digest" : "kind", value_string("it"));
		record_set(&event.data, started ? "shown" : "value", value_percent(0.05));
		record_set(&event.data, "elapsed", value_int(7));
		row = event_pack(&event);
		assert_null(strchr(value_text_peek(row), '\n'));
		assert_true(event_unpack(value_text_peek(row), value_length(row), &back));
		assert_int_equal(back.kind, event.kind);
		assert_string_equal(back.id, event.id);
		assert_string_equal(back.text, event.text);
		assert_string_equal(back.step, "");
		assert_true(back.now == (started ? 0 : event.now));
		assert_true(back.wall == (started ? 0 : event.wall));
		assert_string_equal(value_text_peek(record_peek(back.data, started ? "digest" : "kind")), "it");
		assert_int_equal(record_peek(back.data, started ? "shown" : "value").tag, VALUE_PERCENT);
		assert_int_equal(record_peek(back.data, "elapsed").tag, part ? VALUE_NULL : VALUE_INT);
		event_free(&back);
		for (size_t length = 0; length < value_length(row); length++)
			assert_false(event_unpack(value_text_peek(row), length, &back));
		value_release(row);
		value_release(event.data);
	}
}

/* What is on record is not appended once more; what is told then is; another event than the record has breaks it. */
static void test_replayed(void **state)
{
	static const enum event_kind kinds[] = {EVENT_EFFECT_STARTED, EVENT_EFFECT_ENDED, EVENT_TIME};

	(void)state;
	for (int differs = 0; differs < 2; differs++) {
		struct store *store = store_memory_new();
		struct journal *journal;
		struct event event = {.id = "1", .step = "", .text = "", .data = value_null()};

		store->packed = true;
		journal = journal_new(store);
		for (size_t i = 0; i < 3; i++) {
			event.kind = kinds[i];
			assert_true(journal_append(journal, &event));
		}
		journal_free(journal);
		journal = journal_replayed_new(store);
		event.kind = EVENT_LOG; /* is not kept, and not looked for */
		assert_true(journal_append(journal, &event));
		event.kind = kinds[0];
		assert_true(journal_append(journal, &event));
		assert_true(journal_replays(journal));
		if (differs)
			event.id = "2";
		event.kind = kinds[1];
		assert_int_equal(journal_append(journal, &event), !differs);
		assert_int_equal(journal_differs(journal), differs ? 2 : 0);
		event.kind = kinds[2];
		assert_int_equal(journal_append(journal, &event), !differs);
		if (!differs) {
			assert_false(journal_replays(journal));
			assert_true(journal_append(journal, &event));
			assert_int_equal(event.seq, 5);
		}
		assert_int_equal(store->ops->count(store), differs ? 3 : 4);
		journal_free(journal);
		store->ops->free(store);
	}
}

/* Every kind, with texts from outside: a row must give back exactly what it took. */
static void test_rows_are_exact(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < EVENT_KINDS; i++) {
		struct event event =
				 {
				     .seq = i + 1,
				     .kind = (enum event_kind)i,
				     .now = INT64_MIN + (int64_t)i,
				     .wall = INT64_MAX - (int64_t)i,
				     .id = "0.2:7~3",
				     .step = "a \"quoted\" step\n",
				     .text = "\xff\xfe \x1b[31m \xe2\x80\xa8",
				     .data = record_new(2),
				     .at = {UINT32_MAX, 3, UINT32_MAX},
				 },
			     back;
		struct value row;

		record_set(&event.data, "$kind", value_percent(0.05));
		record_set(&event.data, "secret", value_mark(value_string("hunter2"), VALUE_SECRET));
		row = event_encode(&event);
		assert_null(strchr(value_text_peek(row), '\n'));
		assert_null(strstr(value_text_peek(row), "hunter2"));
		assert_true(event_decode(value_text_peek(row), value_length(row), &back));
		assert_int_equal(back.seq, event.seq);
		assert_int_equal(back.kind, event.kind);
		assert_int_equal(back.now, event.now);
		assert_int_equal(back.wall, event.wall);
		assert_string_equal(back.id, event.id);
		assert_string_equal(back.step, event.step);
		assert_string_equal(back.text, event.text);
		assert_memory_equal(&back.at, &event.at, sizeof(back.at));
		assert_int_equal(record_peek(back.data, "$kind").tag, VALUE_PERCENT);
		assert_int_equal(record_peek(back.data, "secret").tag, VALUE_NULL);
		assert_true(record_peek(back.data, "secret").flags & VALUE_SECRET);
		event_free(&back);
		value_release(row);
		value_release(event.data);
	}
}

static void test_damaged_rows_are_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "{}",
	    "[]",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\","
	    "\"data\":null}",
	    "{\"seq\":-1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\","
	    "\"data\":null,"
	    "\"at\":[0,0,0]}",
	    "{\"seq\":1,\"type\":\"logg\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\","
	    "\"data\":null,"
	    "\"at\":[0,0,0]}",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0.5,\"id\":\"\",\"step\":\"\",\"text\":\"\",\"data\":null,"
	    "\"at\":[0,0,0]}",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":1,\"data\":"
	    "null,\"at\":"
	    "[0,0,0]}",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":"
	    "\"a\\u0000b\",\"data\":"
	    "null,"
	    "\"at\":[0,0,0]}",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\","
	    "\"data\":null,"
	    "\"at\":[0,0]}",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\","
	    "\"data\":null,"
	    "\"at\":[0,0,4294967296]}",
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\",\"at\":"
	    "[0,0,0]}",
	};
	static const char good[] =
	    "{\"seq\":1,\"type\":\"log\",\"now\":0,\"wall\":0,\"id\":\"\",\"step\":\"\",\"text\":\"\","
	    "\"data\":null,\"at\":[0,0,0]}";
	struct event event;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (event_decode(bad[i], strlen(bad[i]), &event))
			fail_msg("%s was taken", bad[i]);
	assert_true(event_decode(good, strlen(good), &event));
	event_free(&event);
}

struct witness {
	struct store *store;
	size_t seen, rows_when_seen;
	uint64_t last_seq;
};

static void see(void *context, const struct event *event)
{
	struct witness *witness = context;

	witness->seen++;
	witness->last_seq = event->seq;
	witness->rows_when_seen = witness->store->ops->count(witness->store);
}

static void test_kept_before_it_is_told(void **state)
{
	struct store *store = store_memory_new();
	struct journal *journal = journal_new(store);
	struct witness first = {.store = store}, second = {.store = store};
	struct event event = log_event("one"), back;
	const char *row;
	size_t length;

	(void)state;
	journal_observe(journal, see, &first);
	journal_observe(journal, see, &second);
	assert_true(journal_append(journal, &event));
	assert_int_equal(event.seq, 1);
	assert_int_equal(first.rows_when_seen, 1);
	event = log_event("two");
	assert_true(journal_append(journal, &event));
	assert_int_equal(second.seen, 2);
	assert_int_equal(second.last_seq, 2);

	row = store->ops->row_peek(store, 1, &length);
	assert_true(event_decode(row, length, &back));
	assert_string_equal(back.text, "two");
	event_free(&back);
	assert_null(store->ops->row_peek(store, 2, &length));
	journal_free(journal);

	/* A journal over rows that are there goes on counting. */
	journal = journal_new(store);
	event = log_event("three");
	assert_true(journal_append(journal, &event));
	assert_int_equal(event.seq, 3);
	journal_free(journal);
	store->ops->free(store);
}

static void test_wants(void **state)
{
	struct journal *journal = journal_new(NULL);
	struct store *store = store_memory_new();
	struct witness witness = {.store = store};
	struct event event = log_event("x");

	(void)state;
	assert_false(journal_wants(journal, EVENT_LOG));
	assert_true(journal_append(journal, &event));
	journal_observe_without(journal, EVENT_BIT(LOG) | EVENT_BIT(ARM), see, &witness);
	assert_false(journal_wants(journal, EVENT_LOG));
	assert_false(journal_wants(journal, EVENT_ARM));
	assert_true(journal_wants(journal, EVENT_CHECK));
	assert_true(journal_append(journal, &event));
	assert_int_equal(event.seq, 2); /* what nobody sees has its number */
	assert_int_equal(witness.seen, 0);
	journal_observe(journal, see, &witness);
	assert_true(journal_wants(journal, EVENT_LOG));
	assert_true(journal_append(journal, &event));
	assert_int_equal(witness.seen, 1);
	journal_free(journal);
	journal = journal_new(store);
	assert_true(journal_wants(journal, EVENT_LOG));
	journal_free(journal);
	store->ops->free(store);
}

/* A store on a disk that is full for one row, and has room again for the next. */
struct full_store {
	struct store base;
	size_t calls;
	bool bad_disk; /* takes rows, and can't make them durable */
};

static bool full_append(struct store *store, const char *row, size_t length)
{
	(void)row;
	(void)length;
	return ++((struct full_store *)store)->calls != 2;
}

static bool full_sync(struct store *store)
{
	return !((struct full_store *)store)->bad_disk;
}

static size_t full_count(struct store *store)
{
	(void)store;
	return 0;
}

static void test_a_store_that_failed_takes_no_more(void **state)
{
	static const struct store_ops ops = {.append = full_append, .sync = full_sync, .count = full_count};
	struct full_store store = {.base.ops = &ops};
	struct journal *journal = journal_new(&store.base);
	struct witness witness = {.store = &store.base};
	struct event event = log_event("x");

	(void)state;
	journal_observe(journal, see, &witness);
	assert_true(journal_append(journal, &event));
	assert_false(journal_append(journal, &event));
	assert_false(journal_append(journal, &event));
	assert_int_equal(store.calls, 2);
	assert_int_equal(witness.seen, 1); /* nobody is told what is not on record */
	assert_false(journal_sync(journal));
	journal_free(journal);

	store = (struct full_store){.base.ops = &ops};
	journal = journal_new(&store.base);
	assert_true(journal_append(journal, &event));
	assert_true(journal_sync(journal));
	store.bad_disk = true;
	assert_false(journal_sync(journal));
	store.bad_disk = false;
	assert_false(journal_sync(journal)); /* what the failed one should have kept is lost all the same */
	assert_false(journal_append(journal, &event));
	assert_int_equal(store.calls, 1);
	journal_free(journal);
}

/* Counts what is made durable. */
struct counted_store {
	struct store base;
	struct store *rows;
	size_t synced;
};

static bool counted_append(struct store *store, const char *row, size_t length)
{
	struct store *rows = ((struct counted_store *)store)->rows;

	return rows->ops->append(rows, row, length);
}

static size_t counted_count(struct store *store)
{
	struct store *rows = ((struct counted_store *)store)->rows;

	return rows->ops->count(rows);
}

static bool counted_sync(struct store *store)
{
	((struct counted_store *)store)->synced = counted_count(store);
	return true;
}

static const char *counted_row_peek(struct store *store, size_t index, size_t *length)
{
	struct store *rows = ((struct counted_store *)store)->rows;

	return rows->ops->row_peek(rows, index, length);
}

/* A resume may still find that it has to wait for a person: until it goes on, the record stays as it was. */
static void test_a_replayed_record_is_left_alone_until_it_goes_on(void **state)
{
	static const struct store_ops ops = {
	    .append = counted_append, .sync = counted_sync, .count = counted_count, .row_peek = counted_row_peek};
	struct counted_store store = {.base = {.ops = &ops, .packed = true}, .rows = store_memory_new()};
	struct journal *journal = journal_new(&store.base);
	struct event asked = {.kind = EVENT_EFFECT_STARTED, .id = "0:1", .step = "", .text = "exec"};
	struct event resumed = {.kind = EVENT_RESUMED, .id = "", .step = "", .text = ""};

	(void)state;
	assert_true(journal_append(journal, &asked));
	assert_true(journal_append(journal, &resumed)); /* one that is on record releases nothing */
	assert_true(journal_sync(journal));
	assert_int_equal(store.synced, 2);
	journal_free(journal);

	journal = journal_replayed_new(&store.base);
	assert_true(journal_append(journal, &asked));
	assert_true(journal_append(journal, &resumed));
	asked.id = "0:2";
	assert_true(journal_append(journal, &asked));
	assert_true(journal_sync(journal));
	assert_int_equal(store.synced, 2);
	assert_true(journal_append(journal, &resumed));
	assert_true(journal_sync(journal));
	assert_int_equal(store.synced, 4);
	journal_free(journal);
	store.rows->ops->free(store.rows);
}

static void append_answer(struct journal *journal, const char *id, struct value value)
{
	struct event event = {.kind = EVENT_EFFECT_ENDED, .id = id, .step = "", .text = "", .data = record_new(2)};

	record_set(&event.data, "kind", value_string("ok"));
	record_set(&event.data, "value", value_copy(value));
	assert_true(journal_append(journal, &event));
	value_release(event.data);
}

static size_t length_of_row(struct store *store, size_t index)
{
	size_t length;

	return store->ops->row_peek(store, index, &length) ? length : 0;
}

static void holds(struct store *store, size_t index, struct value wanted)
{
	struct event event;

	assert_true(store_event(store, index, &event));
	if (!value_equal(record_peek(event.data, "value"), wanted))
		fail_msg("row %zu: %s", index, store->ops->row_peek(store, index, &(size_t){0}));
	event_free(&event);
}

/* A container that is looked at again and again: what is told once is not told again. */
static void test_an_answer_that_comes_again_takes_no_room(void **state)
{
	struct store *store = store_memory_new();
	struct journal *journal;
	struct value large = list_new(50), changed, list = list_new(50), marked;

	(void)state;
	store->packed = true;
	journal = journal_new(store);
	for (int i = 0; i < 50; i++) {
		list_push(&list, value_int(1000000 + i));
		list_push(&large, value_int(2000000 + i));
	}
	append_answer(journal, "0:1", list);
	append_answer(journal, "0:2", list);
	append_answer(journal, "0:3", large);
	append_answer(journal, "0:4", list);
	changed = list_new(51);
	for (int i = 0; i < 50; i++)
		list_push(&changed, value_copy(list_peek(list, (size_t)i)));
	list_push(&changed, value_int(1));
	append_answer(journal, "0:5", changed); /* of the same beginning, and another value */
	marked = value_mark(value_copy(list), VALUE_SECRET);
	append_answer(journal, "0:6", marked); /* the same object, which is a secret here */
	assert_true(length_of_row(store, 0) > 400 && length_of_row(store, 2) > 400);
	assert_true(length_of_row(store, 1) < 80 && length_of_row(store, 3) < 80);
	holds(store, 0, list);
	holds(store, 1, list);
	holds(store, 2, large);
	holds(store, 3, list);
	holds(store, 4, changed);
	assert_non_null(strstr(store->ops->row_peek(store, 5, &(size_t){0}), "$secret"));
	value_release(marked);
	value_release(changed);
	value_release(list);
	value_release(large);
	journal_free(journal);
	store->ops->free(store);
}

/* The row that a row points to: itself, one behind it, none, one that is no answer, one that points further. */
static void test_answers_that_stand_nowhere_are_refused(void **state)
{
	static const char *const rows[] = {
		"[\"time\",\"\",\"\",null,1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":1},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":3},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",[1],1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":3},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":4},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":-1},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":99},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":3,\"b\":1},1,2]",
		"[\"effect.ended\",\"0:1\",\"\",\"ok\",{\"$as\":0},1,2]",
	};
	static const bool good[] = {true, false, false, true, true, false, false, false, false, false};
	struct store *store = store_memory_new();
	struct event event;

	(void)state;
	store->packed = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		store->ops->append(store, rows[i], strlen(rows[i]));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (store_event(store, i, &event) != good[i])
			fail_msg("%s", rows[i]);
		if (good[i])
			event_free(&event);
	}
	assert_false(event_unpack(rows[4], strlen(rows[4]), &event)); /* alone */
	store->ops->free(store);
}

static void test_outcomes(void **state)
{
	struct outcome failed = outcome_failed("exit code %d of %s", 3, "pg_dump"),
		       copy = outcome_copy(&failed);
	struct outcome ok = outcome_ok(value_string("answer"));

	(void)state;
	assert_int_equal(copy.kind, OUTCOME_FAILED);
	outcome_release(&failed);
	assert_int_equal(failed.message.tag, VALUE_NULL);
	assert_string_equal(value_text_peek(copy.message), "exit code 3 of pg_dump");
	assert_int_equal(copy.value.tag, VALUE_NULL);
	outcome_release(&copy);
	assert_int_equal(ok.kind, OUTCOME_OK);
	assert_string_equal(value_text_peek(ok.value), "answer");
	assert_int_equal(ok.message.tag, VALUE_NULL);
	outcome_release(&ok);
}

/* What a packed store keeps: texts of every byte, whole numbers up to their ends, and a row that is cut
 * anywhere. */
static void packed_and_back(enum event_kind kind, const char *text, struct value value)
{
	struct event event = {.kind = kind,
			      .now = INT64_MIN,
			      .wall = INT64_MAX,
			      .id = "0.2:7~3",
			      .step = "",
			      .text = text},
		     back;
	struct value row, again;

	event.data = record_new(2);
	record_set(&event.data, kind == EVENT_EFFECT_STARTED ? "digest" : "kind", value_string(text));
	record_set(&event.data, kind == EVENT_EFFECT_STARTED ? "shown" : "value", value);
	row = event_pack(&event);
	assert_true(event_unpack(value_text_peek(row), value_length(row), &back));
	assert_int_equal(back.kind, kind);
	assert_string_equal(back.id, event.id);
	assert_string_equal(back.text, text);
	assert_true(value_equal(back.data, event.data));
	if (kind != EVENT_EFFECT_STARTED)
		assert_true(back.now == INT64_MIN && back.wall == INT64_MAX);
	again = event_pack(&back);
	assert_string_equal(value_text_peek(again), value_text_peek(row));
	event_free(&back);
	for (size_t length = 0; length < value_length(row); length++) {
		char *part =
		    memory_need(strndup(value_text_peek(row), length)); /* a sanitizer sees who reads on */

		assert_false(event_unpack(part, length, &back));
		free(part);
	}
	value_release(row);
	value_release(again);
	value_release(event.data);
}

static void test_packed_rows_are_exact(void **state)
{
	static const enum event_kind wanted[] = {EVENT_EFFECT_STARTED, EVENT_EFFECT_ENDED, EVENT_EFFECT_NOTE};
	char text[3] = "", longer[1100];

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		for (int byte = 1; byte < 256; byte++) {
			text[0] = (char)byte;
			packed_and_back(wanted[i], text, value_bool(byte % 2));
			text[1] = '"';
			packed_and_back(wanted[i], text, value_string(text));
			text[1] = '\0';
		}
		packed_and_back(wanted[i], longer, value_string(longer));
		packed_and_back(wanted[i], longer + sizeof(longer) - 1025,
				value_string(longer + sizeof(longer) - 1025));
		packed_and_back(wanted[i], "", value_int(INT64_MIN));
		packed_and_back(wanted[i], "", value_int(INT64_MAX));
		packed_and_back(wanted[i], "", value_int(-1));
		packed_and_back(wanted[i], "", value_int(0));
		packed_and_back(wanted[i], "", value_null());
		packed_and_back(wanted[i], "", value_float(1.5));
		packed_and_back(wanted[i], "", value_duration(5));
		packed_and_back(wanted[i], "", list_new(0));
	}
}

static void test_damaged_packed_rows_are_refused(void **state)
{
	static const char *const rows[] = {
	    "[\"time\",\"\",\"\",null,1,2,]",
	    "[\"time\",\"\",\"\",null,1,2]]",
	    "[\"time\",\"\",\"\",null,1,02]",
	    "[\"time\",\"\",\"\",null,1,--2]",
	    "[\"time\",\"\",\"\",null,1,-]",
	    "[\"time\",\"\",\"\",null,1,2.5]",
	    "[\"time\",\"\",\"\",null,1,2",
	    "[\"time\",\"\",\"\",nul,1,2]",
	    "[,\"time\",\"\",\"\",null,1,2]",
	    "[\"time\",\"\",\"\\q\",null,1,2]",
	    "[\"time\",\"\",\"\\\",null,1,2]",
	    "[\"tame\",\"\",\"\",null,1,2]",
	    "[\"time\",\"\",\"\",null,1,2,3]",
	    "[\"time\",\"\",\"\",null,1]",
	    "[\"time\",\"\",\"\",null,1,9223372036854775808]",
	    "[\"time\",1,\"\",null,1,2]",
	    "[\"time\";\"\",\"\",null,1,2]",
	    "[]",
	    "[\"time\",\"\",\"\",null,1,\"2\"]",
	    "[",
	    "",
	};
	struct event back;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (event_unpack(rows[i], strlen(rows[i]), &back))
			fail_msg("%s", rows[i]);
	assert_true(event_unpack("[\"time\",\"\",\"\\u0041\",null,1,2]", 29, &back));
	assert_string_equal(back.text, "A");
	event_free(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names_and_answers),
	    cmocka_unit_test(test_rows_are_exact),
	    cmocka_unit_test(test_packed_rows),
	    cmocka_unit_test(test_replayed),
	    cmocka_unit_test(test_damaged_rows_are_refused),
	    cmocka_unit_test(test_packed_rows_are_exact),
	    cmocka_unit_test(test_damaged_packed_rows_are_refused),
	    cmocka_unit_test(test_kept_before_it_is_told),
	    cmocka_unit_test(test_wants),
	    cmocka_unit_test(test_a_store_that_failed_takes_no_more),
	    cmocka_unit_test(test_a_replayed_record_is_left_alone_until_it_goes_on),
	    cmocka_unit_test(test_an_answer_that_comes_again_takes_no_room),
	    cmocka_unit_test(test_answers_that_stand_nowhere_are_refused),
	    cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
