/* replay.c - the driver that gives back what is on record; see drivers.h. */
#include "interp/replay.h"

#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"
#include "interp/json.h"

/* ---- what a request asked for ---- */

/* FNV-1a, 64 bits: offset basis and prime of the published parameters. */
#define DIGEST_START UINT64_C(0xcbf29ce484222325)

static uint64_t digest_add(uint64_t digest, const char *bytes, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		digest = (digest ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return digest;
}

struct value request_digest(const struct effect_request *request)
{
	uint64_t digest = DIGEST_START;
	struct buffer text = {0};
	char hex[17];

	for (size_t i = 0; i < request->arg_count; i++) {
		json_write(&text, request->args[i], JSON_EXACT); /* secrets are left out: they may be rotated */
		buffer_add_byte(&text, '\0');
	}
	digest = digest_add(digest, buffer_text(&text), text.length);
	buffer_free(&text);
	for (int i = 16; i-- > 0; digest >>= 4)
		hex[i] = "0123456789abcdef"[digest & 15];
	return value_string_n(hex, 16);
}

/* Longer arguments are cut: this is one line for a person. */
#define SHOW_LIMIT 120

struct value request_show(const struct effect_request *request)
{
	struct buffer text = {0};
	size_t i, count = 0;

	if (request->builtin->describe)
		return request->builtin->describe(request);
	buffer_add_text(&text, request->builtin->name);
	buffer_add_byte(&text, '(');
	for (i = 0; i < request->arg_count; i++) {
		struct value shown;

		if (request->args[i].tag == VALUE_NULL)
			continue; /* left out, or left to its default */
		shown = value_show(request->args[i], SHOW_LIMIT);
		if (count++ > 0)
			buffer_add_text(&text, ", ");
		buffer_add_text(&text, value_text_peek(shown));
		value_release(shown);
	}
	buffer_add_byte(&text, ')');
	return buffer_finish(&text);
}

/* ---- the driver ---- */

/* The rest of a row is read where it is needed: the intents, half of a record, are compared as they stand. */
struct row {
	const char *id;
	size_t next; /* of the same bucket, in ascending order; its number from 1, 0: none */
	enum event_kind kind;
	bool started; /* EFFECT_STARTED: asked for in this replay */
};

/* Numbers of rows from 1, 0: none. */
struct bucket {
	size_t first, last;
};

struct replay {
	struct driver driver;
	struct driver_ops ops;
	struct store *store;
	bool (*more)(void *context);
	void *context;
	struct row *rows;
	struct bucket *buckets; /* by id */
	size_t count, room, bucket_count, cursor;
	size_t unreadable; /* number of the row that is not an event, from 1; 0: none */
	struct event first; /* row 0, which is lent */
	int64_t start_wall;
	int64_t now; /* of the last recorded answer */
	struct value problem;
	struct span at;
	struct buffer text;
};

static struct replay *replay_of(struct driver *driver)
{
	return (struct replay *)driver; /* driver comes first */
}

static void stop(struct replay *replay, struct span at, struct value problem)
{
	if (replay->problem.tag != VALUE_NULL) {
		value_release(problem);
		return;
	}
	replay->problem = problem;
	replay->at = at;
}

static struct bucket *bucket_of(const struct replay *replay, const char *id)
{
	return &replay->buckets[digest_add(DIGEST_START, id, strlen(id)) & (replay->bucket_count - 1)];
}

static void index_row(struct replay *replay, size_t number)
{
	struct bucket *bucket = bucket_of(replay, replay->rows[number - 1].id);

	if (bucket->last)
		replay->rows[bucket->last - 1].next = number;
	else
		bucket->first = number;
	bucket->last = number;
}

static void index_rows(struct replay *replay)
{
	while (replay->bucket_count < replay->room)
		replay->bucket_count = replay->bucket_count ? replay->bucket_count * 2 : 16;
	free(replay->buckets);
	replay->buckets = memory_need(calloc(replay->bucket_count, sizeof(*replay->buckets)));
	for (size_t i = 0; i < replay->count; i++) {
		replay->rows[i].next = 0;
		index_row(replay, i + 1);
	}
}

/* What the store has and we have not. */
static void take_rows(struct replay *replay)
{
	size_t count = replay->unreadable ? 0 : replay->store->ops->count(replay->store);

	if (count > replay->room || !replay->buckets) {
		replay->room = count * 2 + 16;
		replay->rows = memory_need(realloc(replay->rows, replay->room * sizeof(*replay->rows)));
		index_rows(replay);
	}
	for (; replay->count < count; replay->count++) {
		struct row *row = &replay->rows[replay->count];

		*row = (struct row){0};
		if (!store_event_head(replay->store, replay->count, &row->kind, &row->id)) {
			replay->unreadable = replay->count + 1;
			return;
		}
		index_row(replay, replay->count + 1);
	}
}

/* The next row of this kind and id, from row number `from` on; NULL: none. */
static struct row *row_after(const struct replay *replay, enum event_kind kind, const char *id, size_t from)
{
	size_t number = bucket_of(replay, id)->first;

	for (; number != 0; number = replay->rows[number - 1].next) {
		struct row *row = &replay->rows[number - 1];

		if (number - 1 >= from && row->kind == kind && strcmp(row->id, id) == 0)
			return row;
	}
	return NULL;
}

/* The first intent that no request has taken yet: a resumed run may hold it twice. */
static struct row *intent_find(const struct replay *replay, const char *id)
{
	struct row *row = row_after(replay, EVENT_EFFECT_STARTED, id, 0);

	while (row && row->started)
		row = row_after(replay, EVENT_EFFECT_STARTED, id, (size_t)(row - replay->rows) + 1);
	return row;
}

bool replay_answers(const struct driver *driver, const char *id)
{
	const struct replay *replay = (const struct replay *)driver;

	return row_after(replay, EVENT_EFFECT_ENDED, id, replay->cursor) != NULL;
}

static void cannot_read(struct replay *replay, size_t number)
{
	stop(replay, (struct span){0},
	     value_string_printf("row %zu of the record cannot be read", number));
}

/* False: it cannot be read, and the replay stops there. The caller frees *out. */
static bool row_event(struct replay *replay, const struct row *row, struct event *out)
{
	size_t index = (size_t)(row - replay->rows);

	if (store_event(replay->store, index, out))
		return true;
	cannot_read(replay, index + 1);
	return false;
}

bool replay_lacks_secret(struct driver *driver, const char *id)
{
	struct replay *replay = replay_of(driver);
	const struct row *row = row_after(replay, EVENT_EFFECT_ENDED, id, replay->cursor);
	struct event event;
	const char *line;
	size_t length;
	bool lacks;

	if (!row)
		return false;
	line = replay->store->ops->row_peek(replay->store, (size_t)(row - replay->rows), &length);
	if (!line || !row_holds_secret(line, length) || !row_event(replay, row, &event))
		return false;
	lacks = value_is_secret(record_peek(event.data, "value"));
	event_free(&event);
	return lacks;
}

struct value replay_note(struct driver *driver, const char *id)
{
	struct replay *replay = replay_of(driver);
	struct row *row = row_after(replay, EVENT_EFFECT_NOTE, id, 0), *last = NULL;
	struct event event;
	struct value note;

	for (; row; row = row_after(replay, EVENT_EFFECT_NOTE, id, (size_t)(row - replay->rows) + 1))
		last = row;
	if (!last || !row_event(replay, last, &event))
		return value_null();
	note = value_copy(event.data);
	event_free(&event);
	return note;
}

/* Does the intent stand on record as it would be written now? */
static bool is_same(struct replay *replay, const struct row *row, const struct effect_request *request,
		    struct value digest)
{
	size_t length;
	const char *line = replay->store->ops->row_peek(replay->store, (size_t)(row - replay->rows), &length);

	if (!replay->store->packed || !line)
		return false;
	buffer_cut(&replay->text, 0);
	event_pack_intent(&replay->text, request->id, request->builtin->name, digest);
	return length > replay->text.length &&
	       memcmp(line, buffer_text(&replay->text), replay->text.length) == 0;
}

/* It does not, or is of another form: what is the difference? */
static void compare(struct replay *replay, const struct row *row, const struct effect_request *request,
		    struct value digest)
{
	struct event event;

	if (!row_event(replay, row, &event))
		return;
	if (strcmp(event.text, request->builtin->name) != 0)
		stop(replay, request->at,
		     value_string_printf("effect %s is %s in the plan and %s in the record", request->id,
					 request->builtin->name, event.text));
	else if (!value_equal(digest, record_peek(event.data, "digest")))
		stop(replay, request->at,
		     value_string_printf(
			 "effect %s, %s, is asked for with other arguments than are on record (%s)", request->id,
			 request->builtin->name, value_text_peek(record_peek(event.data, "shown"))));
	event_free(&event);
}

bool replay_knows(struct driver *driver, const struct effect_request *request)
{
	struct replay *replay = replay_of(driver);
	struct row *row = intent_find(replay, request->id);
	struct value digest;

	if (!row)
		return false;
	row->started = true;
	digest = request_digest(request);
	if (!is_same(replay, row, request, digest))
		compare(replay, row, request, digest);
	value_release(digest);
	return true;
}

static void replay_start(struct driver *driver, const struct effect_request *request)
{
	struct replay *replay = replay_of(driver);

	if (!replay_knows(driver, request) && replay->cursor < replay->count)
		stop(replay, request->at,
		     value_string_printf("the plan asks for %s as effect %s, the record does not",
					 request->builtin->name, request->id));
}

static void replay_cancel(struct driver *driver, const char *id)
{
	(void)driver;
	(void)id; /* what came of it is on record */
}

/* A task that is not given, and one that is and is the first thing called in it, have the same id. */
static bool is_of(const struct event *event, const char *name, struct value args)
{
	struct value both[2] = {value_string(name), args}, digest;
	bool same;

	digest = request_digest(&(struct effect_request){.args = both, .arg_count = 2});
	same = strcmp(event->text, "given") == 0 && value_equal(digest, record_peek(event->data, "digest"));
	value_release(both[0]);
	value_release(digest);
	return same;
}

static bool replay_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	struct replay *replay = replay_of(driver);
	struct row *row = intent_find(replay, id);
	struct event event;
	bool given;

	if (!row || !row_event(replay, row, &event))
		return false;
	given = is_of(&event, name, args);
	event_free(&event);
	return given;
}

static enum outcome_kind outcome_kind_from(const char *name, bool *known)
{
	static const char *const names[] = {"ok", "failed", "unknown", "refused"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0) {
			*known = true;
			return (enum outcome_kind)i;
		}
	*known = false;
	return OUTCOME_UNKNOWN;
}

/* The request that an answer belongs to, or NULL. */
static struct row *request_row(const struct replay *replay, const char *id)
{
	struct row *row = row_after(replay, EVENT_EFFECT_STARTED, id, 0), *last = NULL;

	for (; row && row->started;
	     row = row_after(replay, EVENT_EFFECT_STARTED, id, (size_t)(row - replay->rows) + 1))
		last = row;
	return last;
}

/* A secret that was not asked again, or is a field of the answer: the record holds only what is not secret of it.
 * Consumes v. */
static struct value secret_texts(struct value v)
{
	size_t i;

	if (v.tag == VALUE_NULL && (v.flags & VALUE_SECRET))
		return value_mark(value_string(SECRET_LOST), VALUE_SECRET);
	for (i = 0; v.tag == VALUE_RECORD && value_holds_secret(v) && i < value_length(v); i++) {
		const char *key = record_key_peek(v, i);

		record_set(&v, key, secret_texts(value_copy(record_peek(v, key))));
	}
	return v;
}

static bool deliver_outcome(struct replay *replay, const struct event *event, struct delivery *out)
{
	struct row *request = request_row(replay, event->id);
	const char *kind = value_text_peek(record_peek(event->data, "kind"));
	bool known;

	if (!request) {
		stop(replay, event->at,
		     value_string_printf(
			 "the record has an answer to effect %s, which the plan did not ask for", event->id));
		return false;
	}
	out->kind = DELIVERY_OUTCOME;
	out->outcome.kind = outcome_kind_from(kind, &known);
	if (!known) {
		stop(replay, event->at,
		     value_string_printf("row %zu of the record has an outcome of no known kind",
					 replay->cursor));
		return false;
	}
	out->id = memory_need(strdup(event->id));
	out->outcome.value = value_copy(record_peek(event->data, "value"));
	out->outcome.value = secret_texts(out->outcome.value);
	/* Of an answer that is good: who gave it. */
	out->outcome.message =
	    out->outcome.kind == OUTCOME_OK && !*event->text ? value_null() : value_string(event->text);
	return true;
}

static bool deliver(struct replay *replay, const struct event *event, struct delivery *out)
{
	*out = (struct delivery){.now = event->now, .wall = event->wall};
	replay->now = event->now;
	switch (event->kind) {
	case EVENT_EFFECT_ENDED:
		return deliver_outcome(replay, event, out);
	case EVENT_EFFECT_NOTE:
		out->kind = DELIVERY_NOTE;
		out->id = memory_need(strdup(event->id));
		out->outcome = outcome_ok(value_copy(event->data));
		return true;
	case EVENT_RESUMED:
	case EVENT_PAUSED:
	case EVENT_NOBODY:
	case EVENT_ROLLBACK_ASKED:
		out->kind = event->kind == EVENT_RESUMED  ? DELIVERY_RESUMED
			    : event->kind == EVENT_PAUSED ? DELIVERY_PAUSE
			    : event->kind == EVENT_NOBODY ? DELIVERY_NOBODY
							  : DELIVERY_ROLLBACK;
		out->outcome = outcome_ok(value_copy(event->data));
		return true;
	case EVENT_SIGNAL:
		out->kind = DELIVERY_SIGNAL;
		out->signal = (int)event->data.i;
		return true;
	default:
		out->kind = DELIVERY_TIME;
		return true;
	}
}

/* The next answer on record, which the caller frees. False: there is none. */
static bool next_answer(struct replay *replay, struct event *out)
{
	while (replay->cursor < replay->count) {
		const struct row *row = &replay->rows[replay->cursor++];

		if (event_is_answer(row->kind))
			return row_event(replay, row, out);
	}
	return false;
}

static bool replay_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct replay *replay = replay_of(driver);
	struct event event;
	bool good;

	(void)deadline;
	if (replay->problem.tag != VALUE_NULL)
		return false;
	do {
		if (next_answer(replay, &event)) {
			good = deliver(replay, &event, out);
			event_free(&event);
			return good;
		}
		if (replay->unreadable)
			cannot_read(replay, replay->unreadable);
		if (replay->problem.tag != VALUE_NULL)
			return false;
		if (replay->more)
			take_rows(replay);
	} while (replay->cursor < replay->count || (replay->more && replay->more(replay->context)));
	*out = (struct delivery){
	    .kind = DELIVERY_END, .now = replay->now, .wall = replay->start_wall + replay->now};
	return true;
}

/* Behind the end of the run, or of what was done of it, the record goes on only in these two ways. */
static bool replay_again(struct driver *driver, struct delivery *out)
{
	struct replay *replay = replay_of(driver);
	struct event event;
	bool good;

	if (replay->problem.tag != VALUE_NULL || !next_answer(replay, &event))
		return false;
	good = event.kind == EVENT_RESUMED || event.kind == EVENT_ROLLBACK_ASKED;
	if (good)
		good = deliver(replay, &event, out);
	else
		stop(replay, event.at,
		     value_string_printf("the record goes on with %s (row %zu) where the plan has ended",
					 event_name(event.kind), replay->cursor));
	event_free(&event);
	return good;
}

static int64_t replay_start_wall(struct driver *driver)
{
	return replay_of(driver)->start_wall;
}

static void replay_free(struct driver *driver)
{
	struct replay *replay = replay_of(driver);

	for (size_t i = 0; i < replay->count; i++)
		free((char *)replay->rows[i].id);
	free(replay->rows);
	event_free(&replay->first);
	buffer_free(&replay->text);
	free(replay->buckets);
	value_release(replay->problem);
	free(replay);
}

/* The replay goes by the name of the driver of the recorded run: the machine puts it on record. */
static const struct driver_ops replay_ops = {
    .start = replay_start,
    .cancel = replay_cancel,
    .next = replay_next,
    .again = replay_again,
    .start_wall = replay_start_wall,
    .given = replay_given,
    .free = replay_free,
};

/* What the recorded run's driver made of unknown choices and conditions. */
static void take_manner(struct replay *replay)
{
	struct value recorded = record_peek(replay->first.data, "driver");

	replay->ops = replay_ops;
	replay->ops.name = recorded.tag == VALUE_STRING ? value_text_peek(recorded) : "replay";
	replay->driver.ops = &replay->ops;
	replay->driver.explores = strcmp(replay->ops.name, "preview") == 0;
	replay->driver.assumes = strcmp(replay->ops.name, "simulate") == 0;
}

struct driver *replay_driver_new(struct store *store)
{
	struct replay *replay = memory_need(calloc(1, sizeof(*replay)));

	replay->store = store;
	take_rows(replay);
	if (replay->count > 0 && row_event(replay, &replay->rows[0], &replay->first))
		replay->start_wall = replay->first.wall - replay->first.now;
	take_manner(replay);
	return &replay->driver;
}

void replay_follow(struct driver *driver, bool (*more)(void *context), void *context)
{
	replay_of(driver)->more = more;
	replay_of(driver)->context = context;
}

int64_t replay_now(const struct driver *driver)
{
	return ((const struct replay *)driver)->now;
}

bool replay_stop(struct driver *driver, struct span at, struct value problem)
{
	stop(replay_of(driver), at, problem);
	return false;
}

const char *replay_problem(const struct driver *driver, struct span *at)
{
	const struct replay *replay = (const struct replay *)driver;

	if (replay->problem.tag == VALUE_NULL)
		return NULL;
	*at = replay->at;
	return value_text_peek(replay->problem);
}
