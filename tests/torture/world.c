/* world.c - see world.h. */
#include "tests/torture/world.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/memory.h"

#define BUCKETS	 8192
#define DOWNTIME (90 * INT64_C(1000000000))

/* What the world knows of an effect id. */
struct memory {
	struct memory *next;
	char *id;
	struct value digest;
	struct outcome outcome;
	int64_t delay, first_start;
	bool never; /* no answer ever comes */
	bool given; /* asked whether a test answers for it: it does */
	bool given_known;
	bool on_record; /* its outcome is, in the part that outlived the process */
	long happened;
};

struct under_way {
	struct under_way *next;
	char *id;
	struct memory *memory;
	const struct builtin *builtin;
	struct value shown;
	struct outcome outcome;
	int64_t due; /* INT64_MAX: never */
	uint64_t serial;
	bool cancelled, handler, settling;
	bool to_note; /* its note is not on record yet: nothing has happened */
};

struct world_driver {
	struct driver base;
	struct world *world;
	bool returned; /* the last next() handed something over */
	struct moment_seen last;
};

/* ---- the store ---- */

/* A memory store whose process can die. */
struct mortal {
	struct store base;
	struct world *world;
	struct store *rows;
};

static struct mortal *mortal_of(struct store *store)
{
	return (struct mortal *)store;
}

static bool mortal_append(struct store *store, const char *row, size_t length)
{
	struct mortal *mortal = mortal_of(store);

	return !mortal->world->dead && mortal->rows->ops->append(mortal->rows, row, length);
}

static bool mortal_sync(struct store *store)
{
	struct mortal *mortal = mortal_of(store);

	if (mortal->world->dead)
		return false;
	mortal->world->durable = mortal->rows->ops->count(mortal->rows);
	return true;
}

static size_t mortal_count(struct store *store)
{
	return mortal_of(store)->rows->ops->count(mortal_of(store)->rows);
}

static const char *mortal_row_peek(struct store *store, size_t index, size_t *length)
{
	return mortal_of(store)->rows->ops->row_peek(mortal_of(store)->rows, index, length);
}

static void mortal_free(struct store *store)
{
	mortal_of(store)->rows->ops->free(mortal_of(store)->rows);
	free(store);
}

static const struct store_ops mortal_ops = {
    .append = mortal_append,
    .sync = mortal_sync,
    .count = mortal_count,
    .row_peek = mortal_row_peek,
    .free = mortal_free,
};

static struct store *mortal_new(struct world *world)
{
	struct mortal *mortal = memory_need(calloc(1, sizeof(*mortal)));

	mortal->base.ops = &mortal_ops;
	mortal->base.packed = true;
	mortal->world = world;
	mortal->rows = store_memory_new();
	return &mortal->base;
}

/* ---- what is remembered ---- */

static void say_wrong(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say_wrong(struct world *world, const char *format, ...)
{
	va_list list;

	if (world->wrong[0])
		return;
	va_start(list, format);
	vsnprintf(world->wrong, sizeof(world->wrong), format, list);
	va_end(list);
}

static struct memory **memory_place(struct world *world, const char *id)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	struct memory **at;

	for (const char *c = id; *c; c++)
		hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	for (at = &world->memories[(hash ^ hash >> 32) % BUCKETS]; *at && strcmp((*at)->id, id) != 0;
	     at = &(*at)->next)
		;
	return at;
}

static struct memory *recall(struct world *world, const char *id)
{
	return *memory_place(world, id);
}

static struct memory *remember(struct world *world, const char *id)
{
	struct memory **at = memory_place(world, id);

	if (!*at) {
		*at = memory_need(calloc(1, sizeof(**at)));
		(*at)->id = memory_need(strdup(id));
		(*at)->first_start = -1;
	}
	return *at;
}

static void memory_release(struct memory *memory)
{
	value_release(memory->digest);
	outcome_release(&memory->outcome);
	free(memory->id);
	free(memory);
}

/* The simulation is asked for one thing at a time: what it answers and how long that takes is all that is
 * wanted. */
static void ask_oracle(struct world *world, const struct effect_request *request, struct memory *memory)
{
	struct delivery delivery = {0};

	world->oracle->ops->start(world->oracle, request);
	outcome_release(&memory->outcome);
	memory->never = !world->oracle->ops->next(world->oracle, INT64_MAX, &delivery);
	memory->outcome = (struct outcome){.value = value_null(), .message = value_null()};
	memory->delay = 0;
	if (memory->never)
		return;
	memory->outcome = delivery.outcome;
	memory->delay = delivery.now;
	free(delivery.id);
}

static struct memory *answer_to(struct world *world, const struct effect_request *request)
{
	struct memory *memory = remember(world, request->id), *like;
	struct value digest = request_digest(request);
	int64_t oracle_now;

	if (memory->first_start >= 0 && value_equal(memory->digest, digest)) {
		value_release(digest);
		return memory;
	}
	if (memory->first_start >= 0 && memory->happened)
		say_wrong(world, "%s (%s) is asked for again with other arguments", request->id,
			  request->builtin->name);
	value_put(&memory->digest, digest);
	oracle_now = world->oracle_now;
	ask_oracle(world, request, memory);
	if (!memory->never) {
		world->oracle_now = memory->delay;
		memory->delay -= oracle_now;
	}
	like = world->like ? recall(world->like, request->id) : NULL;
	if (like && like->first_start >= 0 && value_equal(like->digest, memory->digest)) {
		outcome_release(&memory->outcome);
		memory->outcome = outcome_copy(&like->outcome);
		memory->never = like->never;
		memory->delay = like->delay;
	} else if (world->started == world->fail) {
		outcome_release(&memory->outcome);
		memory->outcome = outcome_failed("harm was done");
		memory->never = false;
	}
	memory->first_start = world->now;
	return memory;
}

/* ---- moments ---- */

static bool moment(struct world *world, enum moment kind, bool change, bool handler)
{
	if (world->dead)
		return false;
	if (world->moment_count == world->moment_room) {
		world->moment_room = world->moment_room ? world->moment_room * 2 : 256;
		world->moments = memory_need(
		    realloc(world->moments, (size_t)world->moment_room * sizeof(*world->moments)));
	}
	world->moments[world->moment_count] = (struct moment_seen){kind, change, handler};
	world->dead = world->moment_count++ == world->death;
	return !world->dead;
}

static bool in_handler(const char *id)
{
	return strncmp(id, "0", 1) != 0;
}

void world_see(struct world *world, const struct event *event, bool replays)
{
	if (event->kind == EVENT_EFFECT_STARTED && !replays)
		moment(world, MOMENT_ASKED,
		       strcmp(value_text_peek(record_peek(event->data, "class")), "change") == 0,
		       in_handler(event->id));
}

/* ---- the driver ---- */

static struct world *world_of(struct driver *driver)
{
	return ((struct world_driver *)driver)->world;
}

static void under_way_free(struct under_way *call)
{
	outcome_release(&call->outcome);
	value_release(call->shown);
	free(call->id);
	free(call);
}

static struct under_way *put_under_way(struct world *world, const struct effect_request *request)
{
	struct under_way *call = memory_need(calloc(1, sizeof(*call)));

	call->id = memory_need(strdup(request->id));
	call->builtin = request->builtin;
	call->shown = request->builtin->effect == EFFECT_CHANGE ? request_show(request) : value_null();
	call->handler = in_handler(request->id);
	call->serial = ++world->serials;
	call->next = world->under_way;
	world->under_way = call;
	return call;
}

/* The gate: what has an outcome on record is never done again, what has none only where that does no harm. */
static void judge_start(struct world *world, const struct effect_request *request,
			const struct memory *memory)
{
	bool rerun = request->on_resume && strcmp(request->on_resume, "rerun") == 0;

	if (request->builtin->effect != EFFECT_CHANGE || request->builtin->flags & BUILTIN_RENEW)
		return;
	if (memory->on_record)
		say_wrong(world, "%s (%s) has an outcome on record and is done again", request->id,
			  request->builtin->name);
	else if (memory->happened && request->builtin->settle != SETTLE_REPEAT && !rerun)
		say_wrong(world, "%s (%s) has happened and is done again, without a question", request->id,
			  request->builtin->name);
	else if (memory->happened)
		world->repeated++;
}

static void world_start(struct driver *driver, const struct effect_request *request)
{
	struct world *world = world_of(driver);
	struct under_way *call;
	struct memory *memory;
	int64_t due;

	if (!moment(world, MOMENT_STARTED, request->builtin->effect == EFFECT_CHANGE,
		    in_handler(request->id)))
		return;
	memory = answer_to(world, request);
	judge_start(world, request, memory);
	if (request->builtin->flags & BUILTIN_RENEW)
		world->renewed++;
	world->started++;
	world->side_by_side |= world->under_way != NULL;
	call = put_under_way(world, request);
	call->memory = memory;
	call->to_note = request->builtin->flags & BUILTIN_NOTED;
	call->outcome = outcome_copy(&memory->outcome);
	due = memory->first_start + memory->delay;
	call->due = memory->never ? INT64_MAX : due > world->now ? due : world->now;
}

static void world_cancel(struct driver *driver, const char *id)
{
	struct world *world = world_of(driver);
	struct under_way *call = world->under_way;
	int64_t end = world->now;

	while (call && strcmp(call->id, id) != 0)
		call = call->next;
	if (!call || call->cancelled || world->dead)
		return;
	call->cancelled = true;
	if (call->builtin->effect == EFFECT_CHANGE)
		end += call->builtin->grace > 0 ? call->builtin->grace : SIMULATE_GRACE;
	if (call->due <= end && call->builtin->effect == EFFECT_CHANGE)
		return;
	outcome_release(&call->outcome);
	call->outcome = outcome_failed("cancelled");
	call->outcome.kind = OUTCOME_UNKNOWN;
	call->due = end;
}

static void happens(struct world *world, struct under_way *call)
{
	if (call->settling || call->to_note || call->builtin->effect != EFFECT_CHANGE ||
	    call->outcome.kind != OUTCOME_OK || call->builtin->flags & BUILTIN_RENEW)
		return;
	call->memory->happened++;
	list_push(&world->ledger, value_string_printf("%s %s", call->id, value_text_peek(call->shown)));
}

static struct under_way **first_due(struct world *world)
{
	struct under_way **best = NULL;

	for (struct under_way **at = &world->under_way; *at; at = &(*at)->next)
		if (!best || (*at)->due < (*best)->due ||
		    ((*at)->due == (*best)->due && (*at)->serial < (*best)->serial))
			best = at;
	return best;
}

static bool deliver_outcome(struct world_driver *driver, struct under_way **at, struct delivery *out)
{
	struct world *world = driver->world;
	struct under_way *call = *at;

	*at = call->next;
	if (call->due > world->now)
		world->now = call->due;
	happens(world, call);
	driver->last =
	    (struct moment_seen){MOMENT_ON_RECORD, call->builtin->effect == EFFECT_CHANGE, call->handler};
	world->looked_around = false;
	world->handed_over = driver->last.change && !call->settling ? memory_need(strdup(call->id)) : NULL;
	if (!call->settling && !moment(world, MOMENT_HAPPENED, driver->last.change, call->handler)) {
		free(world->handed_over);
		world->handed_over = NULL;
		world->lost += call->cancelled;
		under_way_free(call);
		return false;
	}
	out->kind = DELIVERY_OUTCOME;
	out->id = memory_need(strdup(call->id));
	out->outcome = outcome_copy(&call->outcome);
	under_way_free(call);
	return true;
}

static bool deliver_note(struct world *world, struct delivery *out)
{
	struct under_way *call = world->under_way;

	while (call && !call->to_note)
		call = call->next;
	if (!call)
		return false;
	call->to_note = false;
	out->kind = DELIVERY_NOTE;
	out->id = memory_need(strdup(call->id));
	out->outcome = outcome_ok(value_string("what a probe would look for"));
	return true;
}

static bool signal_due(struct world *world)
{
	return world->signal >= 0 && (world->deliveries == world->signal ||
				      (world->two_signals && world->deliveries == world->signal + 1));
}

static bool world_next(struct driver *base, int64_t deadline, struct delivery *out)
{
	struct world_driver *driver = (struct world_driver *)base;
	struct world *world = driver->world;
	struct under_way **first;
	int64_t due;

	*out = (struct delivery){.outcome = outcome_ok(value_null())};
	world->looked_around = !world->dead && driver->last.moment == MOMENT_ON_RECORD;
	if (world->dead || !moment(world, driver->last.moment, driver->last.change, driver->last.handler))
		return false;
	free(world->handed_over);
	world->handed_over = NULL;
	driver->last = (struct moment_seen){MOMENT_OTHER, false, false};
	if (deadline != INT64_MAX)
		deadline += world->origin;
	world->cut |= world->deliveries_max && world->deliveries > world->deliveries_max;
	if (world->cut)
		return false;
	first = first_due(world);
	due = first ? (*first)->due : INT64_MAX;
	if (signal_due(world)) {
		out->kind = DELIVERY_SIGNAL;
		out->signal = SIGINT;
	} else if (deliver_note(world, out)) {
		;
	} else if (due != INT64_MAX && due <= deadline) {
		if (!deliver_outcome(driver, first, out))
			return false;
	} else if (deadline != INT64_MAX) {
		if (deadline > world->now)
			world->now = deadline;
		out->kind = DELIVERY_TIME;
	} else {
		world->cut = true; /* nothing can go on */
		return false;
	}
	world->deliveries++;
	out->now = world->now - world->origin;
	out->wall = SIMULATE_START + world->now + world->down;
	return true;
}

static int64_t world_start_wall(struct driver *driver)
{
	struct world *world = world_of(driver);

	return SIMULATE_START + world->now + world->down;
}

static bool world_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	struct world *world = world_of(driver);
	struct memory *memory = remember(world, id), *like = world->like ? recall(world->like, id) : NULL;

	if (!memory->given_known)
		memory->given = like && like->given_known
				    ? like->given
				    : world->oracle->ops->given(world->oracle, name, args, id);
	memory->given_known = true;
	return memory->given;
}

static uint64_t chance(const struct world *world, const char *id)
{
	uint64_t hash = world->seed * UINT64_C(0x9E3779B97F4A7C15) + 12345;

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT64_C(1099511628211);
	hash ^= hash >> 29;
	return hash * UINT64_C(0xBF58476D1CE4E5B9) >> 32;
}

/* Did it happen? Then its answer may be another than the one that a resume makes up; and the time that it
 * took is not counted. */
static bool has_happened(struct world *world, const struct effect_request *request)
{
	struct memory *memory = recall(world, request->id);
	struct value made_up;

	if (!memory || !memory->happened)
		return false;
	made_up = request->builtin->simulate ? request->builtin->simulate(request) : value_null();
	world->lost +=
	    value_is_unknown(made_up) || !value_equal(made_up, memory->outcome.value) || memory->delay > 0;
	value_release(made_up);
	return true;
}

static void world_settle(struct driver *driver, const struct effect_request *request, struct value notes)
{
	struct world *world = world_of(driver);
	bool knows = world->probes_know || chance(world, request->id) % 3 != 0;
	struct under_way *call = put_under_way(world, request);

	(void)notes;
	call->settling = true;
	call->due = world->now;
	call->outcome = outcome_ok(knows ? value_bool(has_happened(world, request)) : value_null());
	world->probed += knows;
}

enum doubt world_decide(void *context, struct driver *resume, const struct effect_request *request, const char *why)
{
	struct world *world = context;

	(void)resume;
	(void)why;
	world->asked++;
	return has_happened(world, request) ? DOUBT_DONE : DOUBT_AGAIN;
}

static void world_driver_free(struct driver *driver)
{
	free(driver);
}

static const struct driver_ops world_ops = {
    .name = "simulate",
    .start = world_start,
    .cancel = world_cancel,
    .next = world_next,
    .start_wall = world_start_wall,
    .given = world_given,
    .settle = world_settle,
    .free = world_driver_free,
};

struct driver *world_driver_new(struct world *world)
{
	struct world_driver *driver = memory_need(calloc(1, sizeof(*driver)));

	driver->base.ops = &world_ops;
	driver->base.assumes = true;
	driver->world = world;
	driver->last = (struct moment_seen){MOMENT_OTHER, false, false};
	return &driver->base;
}

/* ---- from one process to the next ---- */

/* What was under way when the process ended goes on in the world, or does not. */
static void let_go(struct world *world)
{
	struct under_way *call;

	while ((call = world->under_way)) {
		world->under_way = call->next;
		/* What would have come of one that was cancelled, or would have been, nobody will know. */
		world->lost += call->cancelled || call->due > world->now;
		if (!call->settling && call->due != INT64_MAX && chance(world, call->id) % 2)
			happens(world, call);
		under_way_free(call);
	}
}

static void cut_record(struct world *world)
{
	struct mortal *mortal = mortal_of(world->rows);
	struct store *rows = store_memory_new();
	size_t length, count = world->all_rows ? mortal->rows->ops->count(mortal->rows) : world->durable;
	int64_t now = 0;

	rows->packed = true;
	for (size_t i = 0; i < count; i++) {
		const char *row = mortal->rows->ops->row_peek(mortal->rows, i, &length);
		struct event event;

		rows->ops->append(rows, row, length);
		if (!store_event(rows, i, &event)) {
			say_wrong(world, "row %zu cannot be read: %s", i, row);
			continue;
		}
		if (event_is_answer(event.kind))
			now = event.now;
		if (event.kind == EVENT_EFFECT_ENDED)
			remember(world, event.id)->on_record = true;
		event_free(&event);
	}
	/* The process died at its next look around, or later. */
	if (world->handed_over && !remember(world, world->handed_over)->on_record && world->looked_around)
		say_wrong(world, "the outcome of %s is not on record, and the run has gone on",
			  world->handed_over);
	mortal->rows->ops->free(mortal->rows);
	mortal->rows = rows;
	world->durable = count;
	world->down += world->now - now + DOWNTIME;
	world->now = world->origin = now;
}

void world_next_process(struct world *world)
{
	let_go(world);
	cut_record(world);
	free(world->handed_over);
	world->handed_over = NULL;
	world->looked_around = false;
	world->dead = false;
	world->death = -1;
	world->signal = -1;
	world->moment_count = 0;
	world->deliveries = 0;
}

void world_init(struct world *world, struct world *like, const struct registry *registry)
{
	*world = (struct world){.like = like, .death = -1, .fail = -1, .signal = -1};
	world->oracle = simulate_driver_new(registry);
	world->memories = memory_need(calloc(BUCKETS, sizeof(*world->memories)));
	world->ledger = list_new(16);
	world->rows = mortal_new(world);
}

void world_free(struct world *world)
{
	struct under_way *call;

	while ((call = world->under_way)) {
		world->under_way = call->next;
		under_way_free(call);
	}
	for (size_t i = 0; i < BUCKETS; i++)
		while (world->memories[i]) {
			struct memory *memory = world->memories[i];

			world->memories[i] = memory->next;
			memory_release(memory);
		}
	free(world->memories);
	free(world->handed_over);
	free(world->moments);
	value_release(world->ledger);
	world->rows->ops->free(world->rows);
	world->oracle->ops->free(world->oracle);
}

/* What is repeated directly behind itself, or later, counts once: the last time. */
struct value world_deeds(const struct world *world)
{
	struct value deeds = list_new(16);
	size_t count = value_length(world->ledger);

	for (size_t i = 0; i < count; i++) {
		struct value deed = list_peek(world->ledger, i);
		size_t later = i + 1;

		while (later < count && !value_equal(list_peek(world->ledger, later), deed))
			later++;
		if (later == count)
			list_push(&deeds, value_copy(deed));
	}
	return deeds;
}
