/* journal.c - events as rows, and who sees them; see journal.h. */
#include "interp/journal.h"

#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"
#include "interp/json.h"

static const struct {
	const char *name, *about;
} kinds[] = {
#define EVENT(kind, name, about) [EVENT_##kind] = {name, about},
#include "interp/event.def"
#undef EVENT
};

const char *event_name(enum event_kind kind)
{
	return (size_t)kind < EVENT_KINDS ? kinds[kind].name : "?";
}

/* event.def marks them in prose, so that the table and its documentation can't disagree. */
bool event_is_answer(enum event_kind kind)
{
	return (size_t)kind < EVENT_KINDS && strstr(kinds[kind].about, "ANSWER") != NULL;
}

static bool kind_from_name(const char *name, enum event_kind *kind)
{
	size_t i;

	for (i = 0; i < EVENT_KINDS; i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*kind = (enum event_kind)i;
			return true;
		}
	return false;
}

/* Text that isn't UTF-8 must come back as it went. */
static void write_field(struct buffer *row, const char *name, const char *text)
{
	struct value v = value_string(text);

	buffer_printf(row, ",\"%s\":", name);
	json_write(row, v, JSON_EXACT);
	value_release(v);
}

struct value event_encode(const struct event *event)
{
	struct buffer row = {0};

	buffer_add_text(&row, "{\"seq\":");
	buffer_add_int(&row, (int64_t)event->seq);
	buffer_printf(&row, ",\"type\":\"%s\",\"now\":", event_name(event->kind));
	buffer_add_int(&row, event->now);
	buffer_add_text(&row, ",\"wall\":");
	buffer_add_int(&row, event->wall);
	write_field(&row, "id", event->id);
	write_field(&row, "step", event->step);
	write_field(&row, "text", event->text);
	buffer_add_text(&row, ",\"data\":");
	json_write(&row, event->data, JSON_EXACT);
	buffer_printf(&row, ",\"at\":[%u,%u,%u]}", event->at.file, event->at.from, event->at.to);
	return buffer_finish(&row);
}

static bool take_int(struct value v, int64_t least, int64_t most, int64_t *out)
{
	if (v.tag != VALUE_INT || v.i < least || v.i > most)
		return false;
	*out = v.i;
	return true;
}

static bool take_span(struct value at, struct span *out)
{
	int64_t file, from, to;

	if (at.tag != VALUE_LIST || value_length(at) != 3 ||
	    !take_int(list_peek(at, 0), 0, UINT32_MAX, &file) ||
	    !take_int(list_peek(at, 1), 0, UINT32_MAX, &from) ||
	    !take_int(list_peek(at, 2), 0, UINT32_MAX, &to))
		return false;
	*out = (struct span){(uint32_t)file, (uint32_t)from, (uint32_t)to};
	return true;
}

/* An event's texts end at their first NUL: one inside would be another text than was written. */
static bool take_text(struct value row, const char *name, const char **out)
{
	struct value v = record_peek(row, name);

	if (v.tag != VALUE_STRING || strlen(v.string->bytes) != v.string->length)
		return false;
	*out = memory_need(strdup(v.string->bytes));
	return true;
}

bool event_decode(const char *line, size_t length, struct event *out)
{
	struct value row;
	int64_t seq;
	bool ok;

	*out = (struct event){0};
	if (!value_decode(line, length, &row))
		return false;
	ok = record_has(row, "data") && take_int(record_peek(row, "seq"), 0, INT64_MAX, &seq) &&
	     take_int(record_peek(row, "now"), INT64_MIN, INT64_MAX, &out->now) &&
	     take_int(record_peek(row, "wall"), INT64_MIN, INT64_MAX, &out->wall) &&
	     kind_from_name(value_text_peek(record_peek(row, "type")), &out->kind) &&
	     take_span(record_peek(row, "at"), &out->at) && take_text(row, "id", &out->id) &&
	     take_text(row, "step", &out->step) && take_text(row, "text", &out->text);
	if (ok) {
		out->seq = (uint64_t)seq;
		out->data = value_copy(record_peek(row, "data"));
	} else {
		event_free(out);
	}
	value_release(row);
	return ok;
}

void event_free(struct event *event)
{
	free((char *)event->id);
	free((char *)event->step);
	free((char *)event->text);
	value_release(event->data);
	*event = (struct event){0};
}

/* ---- the journal ---- */

struct observer {
	void (*see)(void *context, const struct event *event);
	void *context;
	uint64_t ignored; /* kinds */
};

struct journal {
	struct store *store;
	struct observer first; /* sees an event before the store does */
	struct observer *observers;
	size_t observer_count;
	uint64_t seq; /* of the last event */
	bool broken;  /* the store has failed once: nothing may follow what it did not keep */
};

struct journal *journal_new(struct store *store)
{
	struct journal *journal = memory_need(calloc(1, sizeof(*journal)));

	journal->store = store;
	journal->seq = store ? store->ops->count(store) : 0;
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	free(journal->observers);
	free(journal);
}

void journal_observe_without(struct journal *journal, uint64_t ignored,
			     void (*see)(void *context, const struct event *event), void *context)
{
	size_t size = (journal->observer_count + 1) * sizeof(*journal->observers);

	journal->observers = memory_need(realloc(journal->observers, size));
	journal->observers[journal->observer_count++] = (struct observer){see, context, ignored};
}

void journal_observe(struct journal *journal, void (*see)(void *context, const struct event *event),
		     void *context)
{
	journal_observe_without(journal, 0, see, context);
}

void journal_prepare(struct journal *journal, void (*see)(void *context, const struct event *event), void *context)
{
	journal->first = (struct observer){see, context, 0};
}

static bool sees(const struct observer *observer, enum event_kind kind)
{
	return !(observer->ignored >> kind & 1);
}

static bool keep(struct journal *journal, const struct event *event)
{
	struct value row;
	bool kept;

	if (!journal->store)
		return true;
	row = event_encode(event);
	kept = journal->store->ops->append(journal->store, row.string->bytes, row.string->length);
	value_release(row);
	return kept;
}

bool journal_append(struct journal *journal, struct event *event)
{
	size_t i;

	if (journal->broken)
		return false;
	event->seq = ++journal->seq;
	if (journal->first.see)
		journal->first.see(journal->first.context, event);
	if (!keep(journal, event)) {
		journal->broken = true;
		return false;
	}
	for (i = 0; i < journal->observer_count; i++)
		if (sees(&journal->observers[i], event->kind))
			journal->observers[i].see(journal->observers[i].context, event);
	return true;
}

bool journal_sync(struct journal *journal)
{
	if (!journal->broken && journal->store && !journal->store->ops->sync(journal->store))
		journal->broken = true;
	return !journal->broken;
}

bool journal_wants(const struct journal *journal, enum event_kind kind)
{
	bool wanted = journal->store != NULL;
	size_t i;

	for (i = 0; i < journal->observer_count; i++)
		wanted |= sees(&journal->observers[i], kind);
	return wanted;
}
