/* replay.c - the driver that gives back what is on record; see drivers.h. */
#include "interp/drivers.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"

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
	size_t i;

	for (i = 0; i < request->arg_count; i++) {
		struct value text =
		    value_encode(request->args[i]); /* secrets are left out: they may be rotated */

		digest = digest_add(digest, value_text_peek(text), value_length(text) + 1);
		value_release(text);
	}
	return value_string_printf("%016" PRIx64, digest);
}

/* Longer arguments are cut: this is one line for a person. */
#define SHOW_LIMIT 120

struct value request_show(const struct effect_request *request)
{
	struct buffer text = {0};
	size_t i, count = 0;

	if (request->builtin->describe)
		return request->builtin->describe(request);
	buffer_printf(&text, "%s(", request->builtin->name);
	for (i = 0; i < request->arg_count; i++) {
		struct value shown;

		if (request->args[i].tag == VALUE_NULL)
			continue; /* left out, or left to its default */
		shown = value_show(request->args[i], SHOW_LIMIT);
		buffer_printf(&text, "%s%s", count++ > 0 ? ", " : "", value_text_peek(shown));
		value_release(shown);
	}
	buffer_add_byte(&text, ')');
	return buffer_finish(&text);
}

/* ---- the driver ---- */

struct row {
	struct event event;
	bool started; /* EFFECT_STARTED: asked for in this replay; EFFECT_ENDED: unused */
	bool renewed; /* EFFECT_STARTED: asked again through the inner driver */
	size_t next;  /* of the same bucket, in ascending order; its number from 1, 0: none */
};

/* A delivery of the inner driver that came before its place. */
struct early {
	struct early *next;
	struct delivery delivery;
};

struct replay {
	struct driver driver;
	struct driver_ops ops;
	struct driver *inner;
	struct row *rows;
	size_t *buckets; /* by id: number of the first row from 1, 0: none */
	size_t count, bucket_count, cursor;
	size_t unreadable; /* number of the row that is not an event, from 1; 0: none */
	int64_t start_wall;
	int64_t now; /* of the last recorded answer: the inner driver's clock is added to it */
	struct early *early, **early_tail;
	struct value problem;
	struct span at;
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

static size_t bucket_of(const struct replay *replay, const char *id)
{
	return digest_add(DIGEST_START, id, strlen(id)) & (replay->bucket_count - 1);
}

static void index_rows(struct replay *replay)
{
	size_t i;

	replay->bucket_count = 16;
	while (replay->bucket_count < replay->count)
		replay->bucket_count *= 2;
	replay->buckets = memory_need(calloc(replay->bucket_count, sizeof(*replay->buckets)));
	for (i = replay->count; i-- > 0;) {
		size_t *bucket = &replay->buckets[bucket_of(replay, replay->rows[i].event.id)];

		replay->rows[i].next = *bucket;
		*bucket = i + 1;
	}
}

/* The next row of this kind and id, from row number `from` on; NULL: none. */
static struct row *row_after(const struct replay *replay, enum event_kind kind, const char *id, size_t from)
{
	size_t number = replay->buckets[bucket_of(replay, id)];

	for (; number != 0; number = replay->rows[number - 1].next) {
		struct row *row = &replay->rows[number - 1];

		if (number - 1 >= from && row->event.kind == kind && strcmp(row->event.id, id) == 0)
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

static bool answered(const struct replay *replay, const char *id)
{
	return row_after(replay, EVENT_EFFECT_ENDED, id, replay->cursor) != NULL;
}

/* What recovery needs of a change that was cut off: the last note on record, or null. */
static struct value notes_of(const struct replay *replay, const char *id)
{
	struct row *row = row_after(replay, EVENT_EFFECT_NOTE, id, 0), *last = NULL;

	for (; row; row = row_after(replay, EVENT_EFFECT_NOTE, id, (size_t)(row - replay->rows) + 1))
		last = row;
	return last ? last->event.data : value_null();
}

static void settle(struct replay *replay, const struct effect_request *request)
{
	struct early *early;

	if (request->builtin->effect != EFFECT_CHANGE || request->builtin->settle == SETTLE_REPEAT) {
		replay->inner->ops->start(replay->inner, request);
		return;
	}
	if (replay->inner->ops->settle) {
		replay->inner->ops->settle(replay->inner, request, notes_of(replay, request->id));
		return;
	}
	early = memory_need(calloc(1, sizeof(*early)));
	early->delivery = (struct delivery){.kind = DELIVERY_OUTCOME, .id = memory_need(strdup(request->id))};
	early->delivery.outcome =
	    outcome_failed("whether it happened is in doubt: the run ended while it was under way");
	early->delivery.outcome.kind = OUTCOME_UNKNOWN;
	*replay->early_tail = early;
	replay->early_tail = &early->next;
}

static void replay_start(struct driver *driver, const struct effect_request *request)
{
	struct replay *replay = replay_of(driver);
	struct row *row = intent_find(replay, request->id);
	struct value digest, recorded;

	if (!row) {
		if (replay->inner)
			replay->inner->ops->start(replay->inner, request);
		else if (replay->cursor < replay->count)
			stop(replay, request->at,
			     value_string_printf("the plan asks for %s as effect %s, the record does not",
						 request->builtin->name, request->id));
		return;
	}
	row->started = true;
	if (strcmp(row->event.text, request->builtin->name) != 0) {
		stop(replay, request->at,
		     value_string_printf("effect %s is %s in the plan and %s in the record", request->id,
					 request->builtin->name, row->event.text));
		return;
	}
	digest = request_digest(request);
	recorded = record_peek(row->event.data, "digest");
	if (!value_equal(digest, recorded))
		stop(replay, request->at,
		     value_string_printf(
			 "effect %s, %s, is asked for with other arguments than are on record (%s)",
			 request->id, request->builtin->name,
			 value_text_peek(record_peek(row->event.data, "shown"))));
	else if (!answered(replay, request->id) && replay->inner)
		settle(replay, request);
	else if ((request->builtin->flags & BUILTIN_RENEW) && replay->inner) {
		row->renewed = true;
		replay->inner->ops->start(replay->inner, request);
	}
	value_release(digest);
}

static void replay_cancel(struct driver *driver, const char *id)
{
	struct replay *replay = replay_of(driver);

	if (replay->inner && !answered(replay, id))
		replay->inner->ops->cancel(replay->inner, id);
}

/* A task that is not given, and one that is and is the first thing called in it, have the same id. */
static bool is_of(const struct row *row, const char *name, struct value args)
{
	struct value both[2] = {value_string(name), args}, digest;
	bool same;

	digest = request_digest(&(struct effect_request){.args = both, .arg_count = 2});
	same = value_equal(digest, record_peek(row->event.data, "digest"));
	value_release(both[0]);
	value_release(digest);
	return same;
}

static bool replay_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	struct replay *replay = replay_of(driver);
	struct row *row = intent_find(replay, id);

	if (!row && replay->inner && replay->inner->ops->given)
		return replay->inner->ops->given(replay->inner, name, args, id);
	return row && strcmp(row->event.text, "given") == 0 && is_of(row, name, args);
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

/* Times of the inner driver count from its own start: they follow the record's. */
static void shift(const struct replay *replay, struct delivery *out)
{
	out->now += replay->now;
}

/* Next delivery of the inner driver, one that came before its place first. */
static bool inner_next(struct replay *replay, int64_t deadline, struct delivery *out)
{
	struct early *early = replay->early;
	int64_t inner_deadline = deadline == INT64_MAX ? INT64_MAX : deadline - replay->now;

	if (!early) {
		if (!replay->inner->ops->next(replay->inner, inner_deadline, out))
			return false;
		shift(replay, out);
		return true;
	}
	replay->early = early->next;
	if (!replay->early)
		replay->early_tail = &replay->early;
	*out = early->delivery;
	if (out->now < replay->now)
		out->now = replay->now;
	free(early);
	return true;
}

static bool renew(struct replay *replay, const char *id, struct outcome *outcome)
{
	for (;;) {
		struct delivery fresh = {0};
		struct early *early;

		if (!replay->inner->ops->next(replay->inner, INT64_MAX, &fresh))
			return false;
		if (fresh.kind == DELIVERY_OUTCOME && strcmp(fresh.id, id) == 0) {
			free(fresh.id);
			*outcome = fresh.outcome;
			return true;
		}
		shift(replay, &fresh);
		early = memory_need(calloc(1, sizeof(*early)));
		early->delivery = fresh;
		*replay->early_tail = early;
		replay->early_tail = &early->next;
	}
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

/* A secret that was not asked again, or is a field of the answer: any text does, the record holds only what is not
 * secret of it. Consumes v. */
static struct value secret_texts(struct value v)
{
	size_t i;

	if (v.tag == VALUE_NULL && (v.flags & VALUE_SECRET))
		return value_mark(value_string("***"), VALUE_SECRET);
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
	if (request->renewed && out->outcome.kind == OUTCOME_OK)
		return renew(replay, event->id, &out->outcome);
	out->outcome.value = value_copy(record_peek(event->data, "value"));
	out->outcome.value = secret_texts(out->outcome.value);
	out->outcome.message = out->outcome.kind == OUTCOME_OK ? value_null() : value_string(event->text);
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
	case EVENT_SIGNAL:
		out->kind = DELIVERY_SIGNAL;
		out->signal = (int)event->data.i;
		return true;
	default:
		out->kind = DELIVERY_TIME;
		return true;
	}
}

static bool replay_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct replay *replay = replay_of(driver);

	if (replay->problem.tag != VALUE_NULL)
		return false;
	while (replay->cursor < replay->count) {
		const struct event *event = &replay->rows[replay->cursor++].event;

		if (event_is_answer(event->kind))
			return deliver(replay, event, out);
	}
	if (replay->unreadable) {
		stop(replay, (struct span){0},
		     value_string_printf("row %zu of the record cannot be read", replay->unreadable));
		return false;
	}
	if (replay->inner)
		return inner_next(replay, deadline, out);
	*out = (struct delivery){
	    .kind = DELIVERY_END, .now = replay->now, .wall = replay->start_wall + replay->now};
	return true;
}

static int64_t replay_start_wall(struct driver *driver)
{
	return replay_of(driver)->start_wall;
}

static void delivery_free(struct delivery *delivery)
{
	free(delivery->id);
	outcome_release(&delivery->outcome);
}

static void replay_free(struct driver *driver)
{
	struct replay *replay = replay_of(driver);
	struct early *early, *next;
	size_t i;

	for (early = replay->early; early; early = next) {
		next = early->next;
		delivery_free(&early->delivery);
		free(early);
	}
	for (i = 0; i < replay->count; i++)
		event_free(&replay->rows[i].event);
	free(replay->rows);
	free(replay->buckets);
	if (replay->inner)
		replay->inner->ops->free(replay->inner);
	value_release(replay->problem);
	free(replay);
}

/* The replay goes by the name of the driver of the recorded run: the machine puts it on record. */
static const struct driver_ops replay_ops = {
    .start = replay_start,
    .cancel = replay_cancel,
    .next = replay_next,
    .start_wall = replay_start_wall,
    .given = replay_given,
    .free = replay_free,
};

/* What the recorded run's driver made of unknown choices and conditions. */
static void take_manner(struct replay *replay)
{
	struct value recorded =
	    replay->count > 0 ? record_peek(replay->rows[0].event.data, "driver") : value_null();

	replay->ops = replay_ops;
	replay->ops.name = recorded.tag == VALUE_STRING ? value_text_peek(recorded) : "replay";
	replay->driver.ops = &replay->ops;
	replay->driver.explores = strcmp(replay->ops.name, "preview") == 0;
	replay->driver.assumes = strcmp(replay->ops.name, "simulate") == 0;
}

struct driver *replay_driver_new(struct store *store, struct driver *inner)
{
	struct replay *replay = memory_need(calloc(1, sizeof(*replay)));
	size_t count = store->ops->count(store), i;

	replay->inner = inner;
	replay->early_tail = &replay->early;
	replay->rows = memory_need(calloc(count + 1, sizeof(*replay->rows)));
	for (i = 0; i < count; i++) {
		size_t length;
		const char *line = store->ops->row_peek(store, i, &length);

		if (!line || !event_decode(line, length, &replay->rows[i].event)) {
			replay->unreadable = i + 1;
			break;
		}
	}
	replay->count = i;
	take_manner(replay);
	index_rows(replay);
	if (i > 0)
		replay->start_wall = replay->rows[0].event.wall - replay->rows[0].event.now;
	return &replay->driver;
}

const char *replay_problem(const struct driver *driver, struct span *at)
{
	const struct replay *replay = (const struct replay *)driver;

	if (replay->problem.tag == VALUE_NULL)
		return NULL;
	*at = replay->at;
	return value_text_peek(replay->problem);
}
