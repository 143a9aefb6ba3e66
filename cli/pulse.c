/* pulse.c - see pulse.h. */
#include "cli/pulse.h"

#include <stdlib.h>
#include <string.h>

#include "interp/builtin.h"

struct pulse {
	struct driver driver;
	struct driver_ops ops;
	struct driver *inner;
	int64_t now; /* of the last delivery */
	int64_t wall;
	struct value asked; /* ids of questions to people that are under way, a list */
	size_t others;	    /* how much else is */
	bool (*tell)(void *context, enum pulse_moment moment, struct delivery *out);
	int64_t (*beat)(void *context, int64_t now);
	void *context;
};

static struct driver *inner_of(struct driver *driver)
{
	return ((struct pulse *)driver)->inner;
}

static void pulse_start(struct driver *driver, const struct effect_request *request)
{
	struct pulse *pulse = (struct pulse *)driver;

	if (request->builtin->flags & BUILTIN_PERSON)
		list_push(&pulse->asked, value_string(request->id));
	else
		pulse->others++;
	inner_of(driver)->ops->start(inner_of(driver), request);
}

static void pulse_cancel(struct driver *driver, const char *id)
{
	inner_of(driver)->ops->cancel(inner_of(driver), id);
}

static void ended(struct pulse *pulse, const char *id)
{
	size_t before = value_length(pulse->asked);
	struct value rest;

	if (before == 0) { /* nearly always */
		pulse->others -= pulse->others > 0;
		return;
	}
	rest = list_new(before);
	for (size_t i = 0; i < before; i++)
		if (strcmp(value_text_peek(list_peek(pulse->asked, i)), id) != 0)
			list_push(&rest, value_copy(list_peek(pulse->asked, i)));
	if (value_length(rest) == before && pulse->others > 0)
		pulse->others--;
	value_release(pulse->asked);
	pulse->asked = rest;
}

static enum pulse_moment moment_of(const struct pulse *pulse, int64_t deadline)
{
	bool idle = pulse->others == 0 && value_length(pulse->asked) > 0 &&
		    (deadline == INT64_MAX || pulse->driver.for_people);

	return idle ? PULSE_IDLE : PULSE_WAITS;
}

static bool told(struct pulse *pulse, enum pulse_moment moment, struct delivery *out)
{
	if (!pulse->tell || !pulse->tell(pulse->context, moment, out))
		return false;
	out->now = pulse->now;
	out->wall = pulse->wall;
	return true;
}

/* A deadline has come. An answer that was given before is taken first; the deadline comes again. */
static bool answered_in_time(struct pulse *pulse, int64_t deadline, struct delivery *out)
{
	struct delivery answer;

	if (value_length(pulse->asked) == 0)
		return false;
	if (told(pulse, PULSE_DUE, &answer)) {
		*out = answer;
		return true;
	}
	if (!pulse->inner->ops->has_come || !pulse->inner->ops->has_come(pulse->inner) ||
	    !pulse->inner->ops->next(pulse->inner, INT64_MAX, &answer))
		return false;
	*out = answer;
	if (out->now >= deadline)
		out->now = deadline - 1;
	return true;
}

static bool pulse_next(struct driver *driver, int64_t deadline, struct delivery *out)
{
	struct pulse *pulse = (struct pulse *)driver;

	for (;;) {
		int64_t due = pulse->beat(pulse->context, pulse->now);
		bool early = due < deadline, over;

		if (told(pulse, moment_of(pulse, deadline), out))
			return true;
		if (!pulse->inner->ops->next(pulse->inner, early ? due : deadline, out))
			return false;
		over = out->kind == DELIVERY_TIME && out->now >= deadline;
		if (over)
			answered_in_time(pulse, deadline, out);
		pulse->now = out->now;
		pulse->wall = out->wall;
		if (out->kind == DELIVERY_OUTCOME)
			ended(pulse, out->id);
		if (over || !early || out->kind != DELIVERY_TIME)
			return true;
	}
}

static bool pulse_has_come(struct driver *driver)
{
	return inner_of(driver)->ops->has_come(inner_of(driver));
}

static bool pulse_again(struct driver *driver, struct delivery *out)
{
	return inner_of(driver)->ops->again(inner_of(driver), out);
}

static int64_t pulse_start_wall(struct driver *driver)
{
	return inner_of(driver)->ops->start_wall(inner_of(driver));
}

static bool pulse_given(struct driver *driver, const char *name, struct value args, const char *id)
{
	return inner_of(driver)->ops->given(inner_of(driver), name, args, id);
}

static void pulse_settle(struct driver *driver, const struct effect_request *request, struct value notes)
{
	inner_of(driver)->ops->settle(inner_of(driver), request, notes);
}

static void pulse_free(struct driver *driver)
{
	value_release(((struct pulse *)driver)->asked);
	inner_of(driver)->ops->free(inner_of(driver));
	free(driver);
}

struct driver *pulse_driver_new(struct driver *inner, int64_t (*beat)(void *context, int64_t now),
				bool (*tell)(void *context, enum pulse_moment moment, struct delivery *out),
				void *context)
{
	struct pulse *pulse = memory_need(calloc(1, sizeof(*pulse)));

	pulse->ops = (struct driver_ops){
	    .name = inner->ops->name,
	    .start = pulse_start,
	    .cancel = pulse_cancel,
	    .next = pulse_next,
	    .has_come = inner->ops->has_come ? pulse_has_come : NULL,
	    .again = inner->ops->again ? pulse_again : NULL,
	    .start_wall = pulse_start_wall,
	    .given = inner->ops->given ? pulse_given : NULL,
	    .settle = inner->ops->settle ? pulse_settle : NULL,
	    .free = pulse_free,
	};
	pulse->driver =
	    (struct driver){.ops = &pulse->ops, .explores = inner->explores, .assumes = inner->assumes};
	pulse->inner = inner;
	pulse->beat = beat;
	pulse->tell = tell;
	pulse->asked = list_new(0);
	pulse->wall = inner->ops->start_wall(inner);
	pulse->context = context;
	return &pulse->driver;
}
