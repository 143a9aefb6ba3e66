/* resume.c - the driver that goes on where a record ends; see drivers.h. */
#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"
#include "interp/replay.h"

/* A request that the record does not answer, kept until the record has been replayed. */
struct held {
	struct held *next;
	struct effect_request *request; /* a copy */
	bool begun;		       /* its intent is on record */
	bool cancelled;
	enum doubt verdict; /* of one that was begun and is a change */
};

/* A delivery of the inner driver that came before its place. */
struct early {
	struct early *next;
	struct delivery delivery;
};

/* What was asked for again: a secret, a lock, or a read whose answer is a secret in part. */
struct renewal {
	struct renewal *next;
	char *id;
	bool part;
};

struct resume {
	struct driver driver;
	struct driver_ops ops;
	struct driver *record, *inner;
	struct resume_options options;
	struct value data;
	struct held *held, **held_tail;
	struct early *early, **early_tail;
	struct renewal *renewals;
	bool resumed, started; /* the record is behind us; what was held has been started */
	bool waits, refused;
	int signal;    /* that came before anything went on; 0: none */
	int64_t heard; /* the inner driver's time of its last delivery */
};

static struct resume *resume_of(struct driver *driver)
{
	return (struct resume *)driver; /* driver comes first */
}

static char *copy_text(const char *text)
{
	return text ? memory_need(strdup(text)) : NULL;
}

/* ---- what is held ---- */

static void hold(struct resume *resume, const struct effect_request *request, bool begun)
{
	struct held *held = memory_need(calloc(1, sizeof(*held)));

	held->request = effect_request_copy(request);
	held->begun = begun;
	held->verdict = DOUBT_AGAIN;
	*resume->held_tail = held;
	resume->held_tail = &held->next;
}

static void held_free(struct held *held)
{
	effect_request_free(held->request);
	free(held);
}

static void early_add(struct resume *resume, const struct delivery *delivery)
{
	struct early *early = memory_need(calloc(1, sizeof(*early)));

	early->delivery = *delivery;
	*resume->early_tail = early;
	resume->early_tail = &early->next;
}

/* Times of the inner driver count from its own start: they follow the record's. */
static void shift(const struct resume *resume, struct delivery *out)
{
	out->now += replay_now(resume->record);
}

/*
 * The inner driver's next delivery while nothing has gone on yet. False: it is broken, or somebody wants no resume any
 * more: there is nothing to be undone that was not before.
 */
static bool listen(struct resume *resume, int64_t deadline, struct delivery *out)
{
	*out = (struct delivery){0};
	if (!resume->inner->ops->next(resume->inner, deadline, out))
		return false;
	resume->heard = out->now;
	if (out->kind != DELIVERY_SIGNAL)
		return true;
	resume->signal = out->signal;
	return replay_stop(resume->record, (struct span){0},
			   value_string("the resume was stopped before it went on"));
}

/* Waits for the inner driver's answer to `id`; what else comes meanwhile is kept for its place. */
static bool await(struct resume *resume, const char *id, struct outcome *outcome)
{
	struct delivery delivery;

	while (listen(resume, INT64_MAX, &delivery)) {
		if (delivery.kind == DELIVERY_OUTCOME && strcmp(delivery.id, id) == 0) {
			free(delivery.id);
			*outcome = delivery.outcome;
			return true;
		}
		shift(resume, &delivery);
		early_add(resume, &delivery);
	}
	return false;
}

bool resume_listen(struct driver *driver, int64_t for_ns)
{
	struct resume *resume = resume_of(driver);
	struct delivery delivery;

	if (!listen(resume, resume->heard + for_ns, &delivery))
		return false;
	if (delivery.kind != DELIVERY_TIME) {
		shift(resume, &delivery);
		early_add(resume, &delivery);
	}
	return true;
}

/* ---- secrets that are lost ---- */

static bool holds_lost(struct value v)
{
	bool found = v.tag == VALUE_STRING && strstr(value_text_peek(v), SECRET_LOST);
	size_t i;

	for (i = 0; value_is_secret(v) && !found && i < value_length(v); i++)
		found = v.tag == VALUE_LIST ? holds_lost(list_peek(v, i))
					    : v.tag == VALUE_RECORD && holds_lost(record_value_peek(v, i));
	return found;
}

/* A change that answered a secret is not made again to have it again: nothing is done with what stands in for
 * it. */
static void start_now(struct resume *resume, const struct effect_request *request)
{
	bool lost = false;
	size_t i;

	for (i = 0; i < request->arg_count && !lost; i++)
		lost = holds_lost(request->args[i]);
	if (lost) {
		struct delivery delivery = {
		    .kind = DELIVERY_OUTCOME,
		    .id = copy_text(request->id),
		    .outcome = outcome_failed(
			"%s needs a secret that was answered before the run was cut off: it is not on record",
			request->builtin->name)};

		early_add(resume, &delivery);
		return;
	}
	resume->inner->ops->start(resume->inner, request);
}

/* What is on record of an answer, its secrets from a fresh one. Consumes `recorded`. */
static struct value with_secrets(struct value recorded, struct value fresh)
{
	size_t i;

	if (recorded.tag == VALUE_STRING && (recorded.flags & VALUE_SECRET)) {
		value_release(recorded);
		return value_mark(value_copy(fresh), VALUE_SECRET);
	}
	for (i = 0;
	     recorded.tag == VALUE_RECORD && value_holds_secret(recorded) && i < value_length(recorded);
	     i++) {
		const char *key = record_key_peek(recorded, i);

		record_set(&recorded, key,
			   with_secrets(value_copy(record_peek(recorded, key)), record_peek(fresh, key)));
	}
	return recorded;
}

/* ---- while the record is replayed ---- */

static void resume_start(struct driver *driver, const struct effect_request *request)
{
	struct resume *resume = resume_of(driver);
	struct renewal *renewal;
	bool begun;

	if (resume->started) {
		start_now(resume, request);
		return;
	}
	begun = replay_knows(resume->record, request);
	if (!begun || !replay_answers(resume->record, request->id)) {
		hold(resume, request, begun);
	} else if (request->builtin->flags & BUILTIN_RENEW ||
		   (request->builtin->effect == EFFECT_READ &&
		    replay_lacks_secret(resume->record, request->id))) {
		renewal = memory_need(calloc(1, sizeof(*renewal)));
		renewal->id = copy_text(request->id);
		renewal->part = !(request->builtin->flags & BUILTIN_RENEW);
		renewal->next = resume->renewals;
		resume->renewals = renewal;
		resume->inner->ops->start(resume->inner, request);
	}
}

static void resume_cancel(struct driver *driver, const char *id)
{
	struct resume *resume = resume_of(driver);
	struct held *held;

	for (held = resume->held; held; held = held->next)
		if (strcmp(held->request->id, id) == 0)
			held->cancelled = true;
	if (resume->started)
		resume->inner->ops->cancel(resume->inner, id);
}

static bool resume_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	struct resume *resume = resume_of(driver);

	if (resume->record->ops->given(resume->record, name, args, id))
		return true;
	return resume->inner->ops->given && resume->inner->ops->given(resume->inner, name, args, id);
}

static bool take_renewal(struct resume *resume, const char *id, bool *part)
{
	struct renewal **at = &resume->renewals, *renewal;

	while (*at && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	renewal = *at;
	if (!renewal)
		return false;
	*at = renewal->next;
	*part = renewal->part;
	free(renewal->id);
	free(renewal);
	return true;
}

/* The recorded answer is replaced by the fresh one. */
static bool renew(struct resume *resume, struct delivery *out)
{
	struct outcome fresh;
	bool part;

	if (out->kind != DELIVERY_OUTCOME || !take_renewal(resume, out->id, &part))
		return true;
	if (!await(resume, out->id, &fresh)) {
		free(out->id);
		outcome_release(&out->outcome);
		return false;
	}
	if (out->outcome.kind == OUTCOME_OK && fresh.kind != OUTCOME_OK) {
		resume->refused = true;
		replay_stop(resume->record, (struct span){0}, value_string(value_text_peek(fresh.message)));
		outcome_release(&fresh);
		free(out->id);
		outcome_release(&out->outcome);
		return false;
	}
	if (out->outcome.kind != OUTCOME_OK) { /* it failed then, and the run went that way */
		outcome_release(&fresh);
		return true;
	}
	if (part) {
		out->outcome.value = with_secrets(out->outcome.value, fresh.value);
		outcome_release(&fresh);
		return true;
	}
	outcome_release(&out->outcome);
	out->outcome = fresh;
	return true;
}

/* ---- in doubt ---- */

static bool in_doubt(const struct held *held)
{
	return held->begun && held->request->builtin->effect == EFFECT_CHANGE;
}

static enum doubt decide(struct resume *resume, const struct held *held, const char *why)
{
	const char *says = held->request->on_resume;

	if (says && strcmp(says, "rerun") == 0)
		return DOUBT_AGAIN;
	if (says && strcmp(says, "rollback") == 0)
		return DOUBT_ROLLBACK;
	return resume->options.decide
		   ? resume->options.decide(resume->options.context, &resume->driver, held->request, why)
		   : DOUBT_STAYS;
}

/* By the row's own probe: true or false where it knows. */
static bool probe(struct resume *resume, struct held *held)
{
	struct outcome told;
	struct value note;

	if (held->request->builtin->settle == SETTLE_REPEAT) {
		held->verdict = DOUBT_AGAIN;
		return true;
	}
	if (held->request->builtin->settle != SETTLE_PROBE || !resume->inner->ops->settle) {
		held->verdict = decide(resume, held, "");
		return true;
	}
	note = replay_note(resume->record, held->request->id);
	resume->inner->ops->settle(resume->inner, held->request, note);
	value_release(note);
	if (!await(resume, held->request->id, &told))
		return false;
	if (told.kind == OUTCOME_OK && told.value.tag == VALUE_BOOL)
		held->verdict = told.value.b ? DOUBT_DONE : DOUBT_AGAIN;
	else
		held->verdict =
		    decide(resume, held, told.kind == OUTCOME_OK ? "" : value_text_peek(told.message));
	outcome_release(&told);
	return true;
}

/* All that nothing else settles is asked about at once. */
static bool settle_all(struct resume *resume)
{
	for (struct held *held = resume->held; held; held = held->next) {
		if (!in_doubt(held))
			continue;
		if (!probe(resume, held) || resume->signal)
			return false;
		if (held->verdict == DOUBT_STAYS) {
			resume->waits = true;
			replay_stop(resume->record, held->request->at,
				    value_string_printf("whether %s happened is in doubt",
							held->request->builtin->name));
		}
	}
	return !resume->waits;
}

/* Nobody knows any more what it answered. */
static struct value unknown_to_null(struct value v)
{
	if (v.tag == VALUE_UNKNOWN)
		return value_null();
	for (size_t i = 0; v.tag == VALUE_RECORD && i < value_length(v); i++)
		record_set(&v, record_key_peek(v, i), unknown_to_null(value_copy(record_value_peek(v, i))));
	return v;
}

static void answer(struct resume *resume, const struct held *held, struct outcome outcome)
{
	struct delivery delivery = {
	    .kind = DELIVERY_OUTCOME, .id = copy_text(held->request->id), .outcome = outcome};

	early_add(resume, &delivery);
}

static void start_one(struct resume *resume, const struct held *held)
{
	const struct builtin *builtin = held->request->builtin;
	struct outcome outcome;

	if (in_doubt(held) && held->verdict == DOUBT_DONE) {
		answer(resume, held,
		       outcome_ok(builtin->simulate ? unknown_to_null(builtin->simulate(held->request))
						    : value_null()));
	} else if (in_doubt(held) && held->verdict == DOUBT_ROLLBACK) {
		outcome =
		    outcome_failed("whether it happened is in doubt: the run ended while it was under way");
		outcome.kind = OUTCOME_UNKNOWN;
		answer(resume, held, outcome);
	} else if (held->cancelled && in_doubt(held) && builtin->settle == SETTLE_REPEAT) {
		outcome = outcome_failed("%s was cancelled, and whether it happened is in doubt", builtin->name);
		outcome.kind = OUTCOME_UNKNOWN;
		answer(resume, held, outcome);
	} else if (held->cancelled) {
		answer(resume, held, outcome_failed("%s was cancelled, and did not happen", builtin->name));
	} else {
		start_now(resume, held->request);
	}
}

static void start_held(struct resume *resume)
{
	struct held *held, *next;

	resume->started = true;
	for (held = resume->held; held; held = next) {
		next = held->next;
		start_one(resume, held);
		held_free(held);
	}
	resume->held = NULL;
	resume->held_tail = &resume->held;
}

/* ---- going on ---- */

/* Next delivery of the inner driver, one that came before its place first. */
static bool inner_next(struct resume *resume, int64_t deadline, struct delivery *out)
{
	int64_t now = replay_now(resume->record);
	struct early *early = resume->early;

	if (!early) {
		if (!resume->inner->ops->next(resume->inner,
					      deadline == INT64_MAX ? INT64_MAX : deadline - now, out))
			return false;
		shift(resume, out);
		return true;
	}
	resume->early = early->next;
	if (!resume->early)
		resume->early_tail = &resume->early;
	*out = early->delivery;
	if (out->now < now)
		out->now = now;
	if (out->wall == 0)
		out->wall = resume->inner->ops->start_wall(resume->inner);
	free(early);
	return true;
}

static bool go_on(struct resume *resume, struct delivery *out)
{
	if (!settle_all(resume))
		return false;
	resume->resumed = true;
	*out = (struct delivery){
	    .kind = resume->options.kind == RESUME_RUN ? DELIVERY_RESUMED : DELIVERY_ROLLBACK,
	    .now = replay_now(resume->record),
	    .wall = resume->inner->ops->start_wall(resume->inner),
	    .outcome = outcome_ok(value_copy(resume->data)),
	};
	return true;
}

static bool resume_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct resume *resume = resume_of(driver);

	if (resume->resumed) {
		if (!resume->started)
			start_held(resume);
		return inner_next(resume, deadline, out);
	}
	if (!resume->record->ops->next(resume->record, deadline, out))
		return false;
	if (out->kind != DELIVERY_END)
		return renew(resume, out);
	if (resume->options.kind == RESUME_ROLLBACK)
		return replay_stop(resume->record, (struct span){0},
				   value_string("the run has not ended: it can be resumed, not rolled back"));
	return go_on(resume, out);
}

static bool resume_again(struct driver *driver, struct delivery *out)
{
	struct resume *resume = resume_of(driver);
	struct span at;

	if (resume->resumed)
		return false;
	if (resume->record->ops->again(resume->record, out))
		return true;
	return !replay_problem(resume->record, &at) && go_on(resume, out);
}

static bool resume_has_come(struct driver *driver)
{
	struct resume *resume = resume_of(driver);

	return resume->started && (resume->early || (resume->inner->ops->has_come &&
						     resume->inner->ops->has_come(resume->inner)));
}

static int64_t resume_start_wall(struct driver *driver)
{
	struct resume *resume = resume_of(driver);

	return resume->record->ops->start_wall(resume->record);
}

static void resume_free(struct driver *driver)
{
	struct resume *resume = resume_of(driver);
	struct held *held, *next_held;
	struct early *early, *next;

	for (held = resume->held; held; held = next_held) {
		next_held = held->next;
		held_free(held);
	}
	for (early = resume->early; early; early = next) {
		next = early->next;
		free(early->delivery.id);
		outcome_release(&early->delivery.outcome);
		free(early);
	}
	while (resume->renewals) {
		char *id = memory_need(strdup(resume->renewals->id));
		bool part;

		take_renewal(resume, id, &part);
		free(id);
	}
	resume->record->ops->free(resume->record);
	resume->inner->ops->free(resume->inner);
	value_release(resume->data);
	free(resume);
}

static const struct driver_ops resume_ops = {
    .start = resume_start,
    .cancel = resume_cancel,
    .next = resume_next,
    .has_come = resume_has_come,
    .again = resume_again,
    .start_wall = resume_start_wall,
    .given = resume_given,
    .free = resume_free,
};

struct driver *resume_driver_new(struct store *store, struct driver *inner,
				 const struct resume_options *options)
{
	struct resume *resume = memory_need(calloc(1, sizeof(*resume)));

	resume->record = replay_driver_new(store);
	resume->inner = inner;
	resume->options = *options;
	resume->data = value_copy(options->data);
	resume->held_tail = &resume->held;
	resume->early_tail = &resume->early;
	resume->ops = resume_ops;
	resume->ops.name = resume->record->ops->name;
	resume->driver.ops = &resume->ops;
	resume->driver.explores = resume->record->explores;
	resume->driver.assumes = resume->record->assumes;
	return &resume->driver;
}

const char *resume_problem(const struct driver *driver, struct span *at)
{
	return replay_problem(((const struct resume *)driver)->record, at);
}

bool resume_waits(const struct driver *driver)
{
	return ((const struct resume *)driver)->waits;
}

bool resume_refused(const struct driver *driver)
{
	return ((const struct resume *)driver)->refused;
}

int resume_signal(const struct driver *driver)
{
	return ((const struct resume *)driver)->signal;
}
