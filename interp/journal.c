/* journal.c - events as rows, and who sees them; see journal.h. */
#include "interp/journal.h"

#include <stdio.h>
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

bool event_is_kept(enum event_kind kind)
{
	return event_is_answer(kind) ||
	       ((size_t)kind < EVENT_KINDS && strstr(kinds[kind].about, "KEPT") != NULL);
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

/* ---- packed ---- */

static void pack_value(struct buffer *row, struct value v)
{
	buffer_add_byte(row, ',');
	json_write(row, v, JSON_EXACT);
}

static void pack_text(struct buffer *row, const char *text)
{
	struct value v = value_string(text);

	pack_value(row, v);
	value_release(v);
}

/* What is packed of the data, NULL: all of it. */
static const char *const *packed_fields(enum event_kind kind)
{
	static const char *const started[] = {"digest", "shown", NULL}, *const ended[] = {"kind", "value", NULL};

	return kind == EVENT_EFFECT_STARTED ? started : kind == EVENT_EFFECT_ENDED ? ended : NULL;
}

struct value event_pack(const struct event *event)
{
	const char *const *fields = packed_fields(event->kind);
	struct buffer row = {0};

	buffer_printf(&row, "[\"%s\"", event_name(event->kind));
	pack_text(&row, event->id);
	pack_text(&row, event->text);
	for (; fields && *fields; fields++)
		pack_value(&row, record_peek(event->data, *fields));
	if (!packed_fields(event->kind))
		pack_value(&row, event->data);
	if (event->kind != EVENT_EFFECT_STARTED) {
		buffer_add_byte(&row, ',');
		buffer_add_int(&row, event->now);
		buffer_add_byte(&row, ',');
		buffer_add_int(&row, event->wall);
	}
	buffer_add_byte(&row, ']');
	return buffer_finish(&row);
}

static bool take_item(struct value row, size_t index, const char **out)
{
	struct value v = list_peek(row, index);

	if (v.tag != VALUE_STRING || strlen(v.string->bytes) != v.string->length)
		return false;
	*out = memory_need(strdup(v.string->bytes));
	return true;
}

/* ---- most rows are flat and plain: read without building JSON's own tree, in a third of the time ---- */

/* A string of ASCII with at most the usual escapes. NULL: it is another. */
static const char *flat_string(const char *at, const char *end, struct value *out)
{
	static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
	char text[1024];
	size_t length = 0;

	for (at++; at < end && *at != '"' && length < sizeof(text); at++) {
		const char *escape = NULL;

		if (*at == '\\' && (++at == end || !*at || !(escape = strchr(escapes, *at))))
			return NULL;
		if (!escape && (*at < ' ' || *at > '~'))
			return NULL;
		text[length++] = escape ? meant[escape - escapes] : *at;
	}
	if (at >= end || *at != '"')
		return NULL;
	*out = value_string_n(text, length);
	return at + 1;
}

static const char *flat_word(const char *at, const char *end, const char *word, struct value v, struct value *out)
{
	size_t length = strlen(word);

	if ((size_t)(end - at) < length || memcmp(at, word, length) != 0)
		return NULL;
	*out = v;
	return at + length;
}

static const char *flat_number(const char *at, const char *end, struct value *out)
{
	bool minus = *at == '-';
	const char *digits = at + minus;
	int64_t number = 0;

	for (at = digits; at < end && at - digits < 19 && *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *at - '0', &number))
			return NULL;
	if (at == digits || (*digits == '0' && at - digits > 1))
		return NULL;
	*out = value_int(minus ? -number : number);
	return at;
}

static const char *flat_item(const char *at, const char *end, struct value *out)
{
	if (at >= end)
		return NULL;
	switch (*at) {
	case '"':
		return flat_string(at, end, out);
	case 't':
		return flat_word(at, end, "true", value_bool(true), out);
	case 'f':
		return flat_word(at, end, "false", value_bool(false), out);
	case 'n':
		return flat_word(at, end, "null", value_null(), out);
	default:
		return flat_number(at, end, out);
	}
}

/* False: it is to be read as JSON. */
static bool read_flat(const char *at, size_t length, struct value *out)
{
	const char *end = at + length;
	struct value item;
	char mark = '[';

	*out = list_new(7);
	while (at && at < end && *at == mark) {
		at = flat_item(at + 1, end, &item);
		if (at)
			list_push(out, item);
		mark = ',';
	}
	if (at && at + 1 == end && *at == ']' && mark == ',')
		return true;
	value_release(*out);
	return false;
}

bool event_unpack(const char *line, size_t length, struct event *out)
{
	const char *const *fields;
	struct value row;
	size_t at = 3;
	bool ok;

	*out = (struct event){0};
	if (!read_flat(line, length, &row) && !value_decode(line, length, &row))
		return false;
	ok = row.tag == VALUE_LIST && value_length(row) > at && list_peek(row, 0).tag == VALUE_STRING &&
	     kind_from_name(value_text_peek(list_peek(row, 0)), &out->kind) && take_item(row, 1, &out->id) &&
	     take_item(row, 2, &out->text);
	out->step = memory_need(strdup(""));
	fields = ok ? packed_fields(out->kind) : NULL;
	if (fields)
		out->data = record_new(2);
	else if (ok)
		out->data = value_copy(list_peek(row, at++));
	for (; ok && fields && *fields; fields++, at++) {
		ok = at < value_length(row);
		if (ok)
			record_set(&out->data, *fields, value_copy(list_peek(row, at)));
	}
	if (ok && out->kind != EVENT_EFFECT_STARTED)
		ok = value_length(row) == at + 2 && take_int(list_peek(row, at), INT64_MIN, INT64_MAX, &out->now) &&
		     take_int(list_peek(row, at + 1), INT64_MIN, INT64_MAX, &out->wall);
	else
		ok = ok && value_length(row) == at;
	value_release(row);
	if (!ok)
		event_free(out);
	return ok;
}

bool store_event(struct store *store, size_t index, struct event *out)
{
	size_t length;
	const char *line = store->ops->row_peek(store, index, &length);

	*out = (struct event){0};
	if (!line)
		return false;
	return store->packed ? event_unpack(line, length, out) : event_decode(line, length, out);
}

/* ---- the journal ---- */

struct observer {
	void (*see)(void *context, const struct event *event);
	void *context;
	uint64_t ignored; /* kinds */
};

struct place {
	struct store *store;
	uint64_t kept; /* kinds that it wants */
	size_t seen;   /* rows that were on record before, and have been told again */
	size_t recorded;
};

struct journal {
	struct place places[2];
	size_t place_count;
	struct observer first; /* sees an event before the stores do */
	struct observer *observers;
	size_t observer_count;
	uint64_t seq;	/* of the last event */
	bool broken;	/* a store has failed once: nothing may follow what it did not keep */
	size_t differs; /* number of the row, from 1, that is not what was told again; 0: none */
};

static struct place *add_place(struct journal *journal, struct store *store)
{
	struct place *place = &journal->places[journal->place_count++];

	*place = (struct place){.store = store};
	for (int kind = 0; kind < EVENT_KINDS; kind++)
		if (!store->packed || event_is_kept((enum event_kind)kind))
			place->kept |= UINT64_C(1) << kind;
	return place;
}

struct journal *journal_new(struct store *store)
{
	struct journal *journal = memory_need(calloc(1, sizeof(*journal)));

	if (store) {
		add_place(journal, store);
		journal->seq = store->ops->count(store);
	}
	return journal;
}

struct journal *journal_replayed_new(struct store *store)
{
	struct journal *journal = memory_need(calloc(1, sizeof(*journal)));

	add_place(journal, store)->recorded = store->ops->count(store);
	return journal;
}

void journal_also(struct journal *journal, struct store *store)
{
	add_place(journal, store);
}

bool journal_replays(const struct journal *journal)
{
	return journal->places[0].seen < journal->places[0].recorded;
}

size_t journal_differs(const struct journal *journal)
{
	return journal->differs;
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

/* Is the next row on record of this kind and id? Ids are plain text, and so stand in a row as they are. */
static bool is_next(struct journal *journal, struct place *place, const struct event *event)
{
	size_t length, head;
	const char *row = place->store->ops->row_peek(place->store, place->seen++, &length);
	char start[300];

	head = (size_t)snprintf(start, sizeof(start), "[\"%s\",\"%s\",", event_name(event->kind), event->id);
	if (head >= sizeof(start))
		head = sizeof(start) - 1;
	if (row && length >= head && memcmp(row, start, head) == 0)
		return true;
	journal->differs = place->seen;
	return false;
}

static bool keep(struct journal *journal, struct place *place, const struct event *event)
{
	struct value row;
	bool kept;

	if (!(place->kept >> event->kind & 1))
		return true;
	if (place->seen < place->recorded)
		return is_next(journal, place, event);
	row = place->store->packed ? event_pack(event) : event_encode(event);
	kept = place->store->ops->append(place->store, row.string->bytes, row.string->length);
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
	for (i = 0; i < journal->place_count; i++)
		if (!keep(journal, &journal->places[i], event)) {
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
	for (size_t i = 0; i < journal->place_count && !journal->broken; i++)
		journal->broken = !journal->places[i].store->ops->sync(journal->places[i].store);
	return !journal->broken;
}

bool journal_wants(const struct journal *journal, enum event_kind kind)
{
	bool wanted = false;
	size_t i;

	for (i = 0; i < journal->place_count; i++)
		wanted |= journal->places[i].kept >> kind & 1;
	for (i = 0; i < journal->observer_count; i++)
		wanted |= sees(&journal->observers[i], kind);
	return wanted;
}
