/* tree.c - see tree.h. */
#include "cli/tree.h"

#include <stdlib.h>
#include <string.h>

#include "interp/machine.h"

/* ---- items ---- */

bool item_is_branch(const struct item *item)
{
	return item->kind <= ITEM_HANDLER;
}

size_t item_leaves(const struct item *item)
{
	const struct item *child;
	size_t count = 0;

	for (child = item->first; child; child = child->next)
		if (item_is_branch(child))
			count += item_leaves(child);
	return count > 0 || item->kind == ITEM_PHASE ? count : 1;
}

/*
 * Bytes of an id that name the path of the fiber: "0.2" of the step "0.2/3", of the effect "0.2:7". A
 * handler's id is the path itself: "r:0/7" of the effect "r:0/7:1".
 */
static size_t path_length(const char *id, enum item_kind kind)
{
	const char *end = kind == ITEM_HANDLER			    ? NULL
			  : kind == ITEM_PHASE || kind == ITEM_STEP ? strrchr(id, '/')
								    : strrchr(id, ':');

	return end ? (size_t)(end - id) : strlen(id);
}

/* FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/ */
static struct item **slot_of(struct tree *tree, const char *key, size_t length)
{
	uint32_t hash = 2166136261u;
	size_t i;

	for (i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)key[i]) * 16777619u;
	return &tree->slots[hash % TREE_SLOTS];
}

static struct item **slot_of_item(struct tree *tree, const struct item *item)
{
	return slot_of(tree, item->id,
		       item_is_branch(item) ? path_length(item->id, item->kind) : strlen(item->id));
}

static void mark_beside(struct item *newest)
{
	struct item *item;

	newest->beside = true;
	for (item = newest->previous; item && !item->beside; item = item->previous)
		item->beside = item->kind == ITEM_STEP;
}

static struct item *item_add(struct tree *tree, struct item *parent, enum item_kind kind, const char *id,
			     const char *title, int64_t now)
{
	struct item *item = memory_need(calloc(1, sizeof(*item))), **slot;

	item->kind = kind;
	item->id = memory_need(strdup(id));
	item->title = memory_need(strdup(title));
	item->started = now;
	item->attempt = 1;
	item->parent = parent;
	item->previous = parent->last;
	*(parent->last ? &parent->last->next : &parent->first) = item;
	parent->last = item;
	slot = slot_of_item(tree, item);
	item->next_in_slot = *slot;
	*slot = item;
	if (kind == ITEM_STEP && ++parent->steps > 1)
		mark_beside(item);
	return item;
}

/* Timeouts stand still while a person is waited for. */
static void pause_above(const struct tree *tree, const struct item *person, bool pause)
{
	struct item *step;

	for (step = person->parent; step; step = step->parent) {
		if (step->limit == 0)
			continue;
		if (pause && step->asking++ == 0)
			step->paused = tree->now;
		else if (!pause && --step->asking == 0)
			step->until += tree->now - step->paused;
	}
}

static void item_remove(struct tree *tree, struct item *item)
{
	struct item **slot = slot_of_item(tree, item);

	while (item->first)
		item_remove(tree, item->first);
	while (*slot != item)
		slot = &(*slot)->next_in_slot;
	*slot = item->next_in_slot;
	*(item->previous ? &item->previous->next : &item->parent->first) = item->next;
	*(item->next ? &item->next->previous : &item->parent->last) = item->previous;
	tree->asked -= item->kind == ITEM_PERSON;
	if (item->kind == ITEM_PERSON)
		pause_above(tree, item, false);
	item->parent->steps -= item->kind == ITEM_STEP;
	free(item->id);
	free(item->title);
	free(item->detail);
	free(item->verdict);
	free(item);
}

static struct item *item_find(struct tree *tree, enum item_kind kind, const char *id)
{
	struct item *item = *slot_of(tree, id, kind <= ITEM_HANDLER ? path_length(id, kind) : strlen(id));

	while (item && (item->kind != kind || strcmp(item->id, id) != 0))
		item = item->next_in_slot;
	return item;
}

struct item *tree_step(struct tree *tree, const char *id)
{
	return item_find(tree, ITEM_STEP, id);
}

bool item_holds(const struct item *item, enum item_kind kind)
{
	const struct item *child = item->first;

	while (child && child->kind != kind)
		child = child->next;
	return child;
}

struct item *item_step_above(const struct item *item)
{
	struct item *above = item->parent;

	while (above && above->kind != ITEM_STEP)
		above = above->parent;
	return above;
}

const struct item *item_beside(const struct item *step)
{
	const struct item *found = NULL;

	for (; step; step = item_step_above(step))
		if (step->beside)
			found = step;
	return found;
}

static const struct item *oldest_below(const struct item *parent, const struct item *best)
{
	const struct item *item;

	for (item = parent->first; item; item = item->next)
		if (item_is_branch(item))
			best = oldest_below(item, best);
		else if (item->kind != ITEM_SAMPLE && item->kind != ITEM_PERSON &&
			 (!best || item->started < best->started))
			best = item;
	return best;
}

const struct item *tree_oldest(const struct tree *tree)
{
	return oldest_below(&tree->root, NULL);
}

/* What runs on the path, else on the path of whoever started that, and so on: the branch that began last. */
static struct item *branch_at(struct tree *tree, const char *path, size_t length)
{
	struct item *item;

	for (;;) {
		for (item = *slot_of(tree, path, length); item; item = item->next_in_slot)
			if (item_is_branch(item) && path_length(item->id, item->kind) == length &&
			    strncmp(item->id, path, length) == 0)
				return item;
		while (length > 0 && path[length - 1] != '.')
			length--;
		if (length == 0)
			break;
		length--;
	}
	return tree->root.last && item_is_branch(tree->root.last) ? tree->root.last : &tree->root;
}

static struct item *step_of(struct tree *tree, const struct event *event)
{
	struct item *step = tree_step(tree, event->step);

	return step ? step : branch_at(tree, "0", 1);
}

static void remove_kinds(struct tree *tree, struct item *parent, enum item_kind from, enum item_kind to)
{
	struct item *item, *next;

	for (item = parent->first; item; item = next) {
		next = item->next;
		if (item->kind >= from && item->kind <= to)
			item_remove(tree, item);
	}
}

/* ---- events ---- */

static int64_t whole(struct value v, int64_t otherwise)
{
	return v.tag == VALUE_INT || v.tag == VALUE_DURATION ? v.i : otherwise;
}

static const char *text_of(const struct event *event, const char *field)
{
	return value_text_peek(record_peek(event->data, field));
}

/* Handlers of the run's own plan stand below no step; a step's rollback may also run in a `try`. */
static bool ends_run(const struct event *event)
{
	return event->kind == EVENT_HANDLER_STARTED && !*event->step &&
	       strcmp(text_of(event, "kind"), "rollback") != 0;
}

static void branch_begins(struct tree *tree, const struct event *event, enum item_kind kind)
{
	struct item *parent = kind == ITEM_HANDLER ? tree_step(tree, event->step)
						   : branch_at(tree, event->id, path_length(event->id, kind));
	struct item *item = item_find(tree, kind, event->id);
	const char *plan = text_of(event, "plan");

	if (!parent)
		parent = &tree->root;

	if (item)
		item_remove(tree, item);
	item = item_add(tree, parent, kind, event->id, event->text, event->now);
	item->least = whole(record_peek(event->data, "expect_min"), 0);
	item->most = whole(record_peek(event->data, "expect_max"), 0);
	item->limit = whole(record_peek(event->data, "timeout"), 0);
	item->until = item->limit > 0 ? event->now + item->limit : 0;
	if (kind == ITEM_HANDLER)
		item->detail = memory_need(strdup(text_of(event, "kind")));
	else if (*plan)
		item->detail = memory_need(strdup(plan));
}

static void branch_ends(struct tree *tree, const struct event *event, enum item_kind kind)
{
	struct item *item = item_find(tree, kind, event->id);
	bool done = strcmp(text_of(event, "outcome"), "done") == 0;

	tree->done += kind == ITEM_STEP && done;
	if (kind == ITEM_HANDLER && strcmp(text_of(event, "kind"), "rollback") == 0) {
		tree->undone++;
		tree->armed -= tree->armed > 0;
	}
	if (item)
		item_remove(tree, item);
}

static void step_armed(struct tree *tree, const struct event *event)
{
	struct item *step = tree_step(tree, event->id);

	if (step && step->armed)
		return;
	if (step)
		step->armed = true;
	tree->armed++;
}

static void step_retried(struct tree *tree, const struct event *event)
{
	struct item *step = tree_step(tree, event->id), *retry;

	if (!step)
		return;
	while (step->first)
		item_remove(tree, step->first);
	retry = item_add(tree, step, ITEM_RETRY, event->id, event->text, event->now);
	retry->until = event->now + whole(record_peek(event->data, "delay"), 0);
	retry->attempt = (int)whole(record_peek(event->data, "attempt"), 1);
	retry->attempts = (int)whole(record_peek(event->data, "of"), 0);
	step->attempt = retry->attempt + 1;
	if (step->limit > 0)
		step->until = retry->until + step->limit;
}

static void effect_began(struct tree *tree, const struct event *event)
{
	struct item *parent = branch_at(tree, event->id, path_length(event->id, ITEM_CHANGE));
	struct value shown = record_peek(event->data, "shown");
	bool change = strcmp(text_of(event, "class"), "change") == 0;

	remove_kinds(tree, parent, ITEM_RETRY, ITEM_RETRY);
	item_add(tree, parent, change ? ITEM_CHANGE : ITEM_READ, event->id,
		 value_length(shown) > 0 ? value_text_peek(shown) : event->text, event->now);
}

struct item *tree_effect(struct tree *tree, const char *id)
{
	struct item *item = item_find(tree, ITEM_READ, id);

	item = item ? item : item_find(tree, ITEM_CHANGE, id);
	return item ? item : item_find(tree, ITEM_PERSON, id);
}

static void person_asked(struct tree *tree, const struct event *event)
{
	struct item *item = tree_effect(tree, event->id);

	if (!item)
		return;
	free(item->title);
	item->title = memory_need(strdup(event->text));
	if (item->kind != ITEM_PERSON) {
		tree->asked++;
		pause_above(tree, item, true);
	}
	item->kind = ITEM_PERSON;
}

static void wait_begins(struct tree *tree, const struct event *event)
{
	struct item *item =
	    item_add(tree, step_of(tree, event), ITEM_WAIT, event->id, event->text, event->now);
	int64_t within = whole(record_peek(event->data, "within"), 0);

	item->until = within > 0 ? event->now + within : 0;
	item->labelled = record_peek(event->data, "label").tag == VALUE_STRING;
}

struct item *tree_wait(struct tree *tree, const char *id, const char *condition)
{
	struct item *item = *slot_of(tree, id, strlen(id));

	while (item &&
	       (item->kind != ITEM_WAIT || strcmp(item->id, id) != 0 || strcmp(item->title, condition) != 0))
		item = item->next_in_slot;
	return item;
}

/* Before their first samples, in the order in which the plan names them. */
static void watch_begins(struct tree *tree, struct item *step, struct value names, int64_t now)
{
	struct item *item;
	size_t i;

	for (i = 0; i < value_length(names); i++) {
		const char *name = value_text_peek(list_peek(names, i));

		item = item_add(tree, step, ITEM_SAMPLE, name, name, now);
		item->verdict = memory_need(strdup(""));
		item->detail = memory_need(strdup("no value yet"));
	}
}

static void hold_begins(struct tree *tree, const struct event *event)
{
	struct value watching = record_peek(event->data, "watching");
	struct item *step = step_of(tree, event), *item;

	remove_kinds(tree, step, ITEM_RETRY, ITEM_SAMPLE);
	item = item_add(tree, step, ITEM_HOLD, event->id,
			record_peek(event->data, "baseline").tag == VALUE_BOOL ? "baseline" : "", event->now);
	item->until = event->now + whole(record_peek(event->data, "duration"), 0);
	if (watching.tag == VALUE_LIST)
		watch_begins(tree, step, watching, event->now);
}

const char *sample_name(const struct event *event)
{
	const char *watched = text_of(event, "watched");

	return watched[0] ? watched : event->id;
}

static void sampled(struct tree *tree, const struct event *event)
{
	struct value v = record_peek(event->data, "value"), bound = record_peek(event->data, "bound"), text;
	struct item *step = step_of(tree, event), *item;
	const char *name = sample_name(event);

	for (item = step->first; item; item = item->next)
		if (item->kind == ITEM_SAMPLE && strcmp(item->id, name) == 0)
			break;
	if (item && item->verdict[0])
		item->interval = event->now - item->started;
	else if (!item)
		item = item_add(tree, step, ITEM_SAMPLE, name, name, event->now);
	item->started = event->now;
	item->over = whole(record_peek(event->data, "over"), 0);
	free(item->verdict);
	item->verdict = memory_need(strdup(text_of(event, "verdict")));
	text = v.tag == VALUE_NULL ? value_string_printf("no data (%s)", text_of(event, "reason"))
				   : value_to_text(v);
	v = text;
	if (bound.tag == VALUE_STRING) {
		text = value_string_printf("%s, must be %s", value_text_peek(v), value_text_peek(bound));
		value_release(v);
	}
	free(item->detail);
	item->detail = memory_need(strdup(value_text_peek(text)));
	value_release(text);
}

void tree_event(struct tree *tree, const struct event *event)
{
	struct item *item;

	tree->now = event->now;
	switch (event->kind) {
	case EVENT_PHASE_STARTED:
		branch_begins(tree, event, ITEM_PHASE);
		break;
	case EVENT_PHASE_ENDED:
		branch_ends(tree, event, ITEM_PHASE);
		break;
	case EVENT_STEP_STARTED:
		branch_begins(tree, event, ITEM_STEP);
		break;
	case EVENT_STEP_ENDED:
		branch_ends(tree, event, ITEM_STEP);
		break;
	case EVENT_HANDLER_STARTED:
		tree->ending = tree->ending || ends_run(event);
		branch_begins(tree, event, ITEM_HANDLER);
		break;
	case EVENT_HANDLER_ENDED:
		branch_ends(tree, event, ITEM_HANDLER);
		break;
	case EVENT_STEP_ARMED:
		step_armed(tree, event);
		break;
	case EVENT_STEP_DROPPED:
	case EVENT_STEP_KEPT:
		tree->armed -= tree->armed > 0;
		break;
	case EVENT_STEP_RETRIED:
		step_retried(tree, event);
		break;
	case EVENT_EFFECT_STARTED:
		effect_began(tree, event);
		break;
	case EVENT_EFFECT_ENDED:
		item = tree_effect(tree, event->id);
		if (item)
			item_remove(tree, item);
		break;
	case EVENT_PERSON_ASKED:
		person_asked(tree, event);
		break;
	case EVENT_WAITING:
		wait_begins(tree, event);
		break;
	case EVENT_WAITED:
		item = tree_wait(tree, event->id, event->text);
		if (item)
			item_remove(tree, item);
		break;
	case EVENT_HOLDING:
		hold_begins(tree, event);
		break;
	case EVENT_BASELINE: /* its samples are of the past */
		remove_kinds(tree, step_of(tree, event), ITEM_HOLD, ITEM_SAMPLE);
		break;
	case EVENT_SAMPLE:
		sampled(tree, event);
		break;
	case EVENT_CAUGHT: /* what was watched in the step's inside has ended with it */
		remove_kinds(tree, step_of(tree, event), ITEM_WAIT, ITEM_SAMPLE);
		tree->unwinding = false;
		break;
	case EVENT_UNWOUND: /* that of the run itself goes on with its handlers; a child plan's may be caught
			     */
		tree->unwinding = tree->unwinding && !*event->id;
		break;
	case EVENT_UNWINDING:
		tree->unwinding = true;
		tree->ending = tree->ending || (!*event->id && !*event->text);
		tree->undone = 0;
		tree->to_undo = (size_t)whole(event->data, 0);
		break;
	case EVENT_RESUMED:
		tree->signals = 0;
		break;
	case EVENT_SIGNAL:
		tree->signals++;
		break;
	default: /* nothing begins or ends */
		break;
	}
}

void tree_free(struct tree *tree)
{
	while (tree->root.first)
		item_remove(tree, tree->root.first);
}
