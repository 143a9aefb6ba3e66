/* preview.c - the driver that makes no change; see drivers.h. */
#include "interp/drivers.h"

#include <stdlib.h>
#include <string.h>

/* Where no reads are made, the clock starts where a simulation's does: previews of the same plan are the same
 * text. */

struct answer {
	struct answer *next;
	char *id;
	struct outcome outcome;
};

struct preview {
	struct driver driver;
	struct driver *inner;
	struct answer *first, **tail; /* in order of start */
	size_t inner_under_way;
	bool changed; /* a change was shown: from here on the world is not what the run would read */
	bool left;    /* only something harmless was to be left: it is not there, and reading it fails */
	bool foresees;
	int64_t now;
};

static struct preview *preview_of(struct driver *driver)
{
	return (struct preview *)driver; /* driver comes first */
}

static bool holds_unknown(struct value v)
{
	size_t i;

	if (v.tag == VALUE_UNKNOWN)
		return true;
	for (i = 0; v.tag == VALUE_LIST && i < value_length(v); i++)
		if (holds_unknown(list_peek(v, i)))
			return true;
	for (i = 0; v.tag == VALUE_RECORD && i < value_length(v); i++)
		if (holds_unknown(record_value_peek(v, i)))
			return true;
	return false;
}

static bool is_known(const struct effect_request *request)
{
	size_t i;

	for (i = 0; i < request->arg_count; i++)
		if (holds_unknown(request->args[i]))
			return false;
	return true;
}

static bool really_made(const struct preview *preview, const struct effect_request *request)
{
	unsigned flags = request->builtin->flags;
	bool lock = flags & BUILTIN_GUARD && !(flags & BUILTIN_SECRET_ANSWER);

	return is_known(request) && preview->inner && !preview->changed &&
	       request->builtin->effect == EFFECT_READ && !(flags & BUILTIN_PERSON) && !lock;
}

static struct outcome foreseen(const struct preview *preview, const struct effect_request *request)
{
	struct outcome outcome;
	bool mendable = false;
	char why[400];

	if (!preview->foresees || !request->builtin->foresee || !is_known(request) ||
	    request->builtin->foresee(request, &mendable, why, sizeof(why)))
		return outcome_ok(value_unknown());
	outcome = outcome_failed("%s", why);
	outcome.value = value_bool(mendable && (preview->changed || preview->left));
	return outcome;
}

static void preview_start(struct driver *driver, const struct effect_request *request)
{
	struct preview *preview = preview_of(driver);
	struct answer *answer;

	if (request->builtin->effect == EFFECT_CHANGE)
		*(request->builtin->leaves ? &preview->left : &preview->changed) = true;
	if (really_made(preview, request)) {
		preview->inner_under_way++;
		preview->inner->ops->start(preview->inner, request);
		return;
	}
	answer = memory_need(calloc(1, sizeof(*answer)));
	answer->id = memory_need(strdup(request->id));
	answer->outcome = foreseen(preview, request);
	*preview->tail = answer;
	preview->tail = &answer->next;
}

/* What is not really made has its answer already. */
static void preview_cancel(struct driver *driver, const char *id)
{
	struct preview *preview = preview_of(driver);
	struct answer *answer;

	for (answer = preview->first; answer; answer = answer->next)
		if (strcmp(answer->id, id) == 0)
			return;
	if (preview->inner)
		preview->inner->ops->cancel(preview->inner, id);
}

static int64_t preview_start_wall(struct driver *driver)
{
	struct preview *preview = preview_of(driver);

	return preview->inner ? preview->inner->ops->start_wall(preview->inner) : SIMULATE_START;
}

/* The inner driver's answers come at the virtual time: a preview takes none. */
static bool inner_next(struct preview *preview, struct delivery *out)
{
	if (!preview->inner->ops->next(preview->inner, INT64_MAX, out))
		return false;
	out->now = preview->now;
	if (out->kind != DELIVERY_OUTCOME)
		return true;
	preview->inner_under_way--;
	if (preview->left && out->outcome.kind != OUTCOME_OK) {
		outcome_release(&out->outcome);
		out->outcome = outcome_ok(value_unknown());
	}
	return true;
}

static bool preview_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct preview *preview = preview_of(driver);
	struct answer *answer = preview->first;

	*out = (struct delivery){.outcome = outcome_ok(value_null())};
	if (answer) {
		preview->first = answer->next;
		if (!preview->first)
			preview->tail = &preview->first;
		out->kind = DELIVERY_OUTCOME;
		out->id = answer->id;
		out->outcome = answer->outcome;
		free(answer);
	} else if (preview->inner_under_way > 0) {
		if (!inner_next(preview, out))
			return false;
	} else if (deadline != INT64_MAX) {
		if (deadline > preview->now)
			preview->now = deadline;
		out->kind = DELIVERY_TIME;
	} else {
		out->kind = DELIVERY_END;
	}
	out->now = preview->now;
	out->wall = preview_start_wall(driver) + preview->now;
	return true;
}

static void preview_free(struct driver *driver)
{
	struct preview *preview = preview_of(driver);
	struct answer *answer, *next;

	for (answer = preview->first; answer; answer = next) {
		next = answer->next;
		free(answer->id);
		outcome_release(&answer->outcome);
		free(answer);
	}
	if (preview->inner)
		preview->inner->ops->free(preview->inner);
	free(preview);
}

static const struct driver_ops preview_ops = {
    .name = "preview",
    .start = preview_start,
    .cancel = preview_cancel,
    .next = preview_next,
    .start_wall = preview_start_wall,
    .free = preview_free,
};

struct driver *preview_driver_new(struct driver *inner)
{
	struct preview *preview = memory_need(calloc(1, sizeof(*preview)));

	preview->driver.ops = &preview_ops;
	preview->driver.explores = true;
	preview->inner = inner;
	preview->tail = &preview->first;
	return &preview->driver;
}

struct driver *rehearsal_driver_new(void)
{
	struct driver *driver = preview_driver_new(NULL);

	preview_of(driver)->foresees = true;
	return driver;
}
