/* journal.c - events as rows, and who sees them; see journal.h. */
#define _GNU_SOURCE 1 /* memmem() */
#include "interp/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"
#include "interp/json.h"
#include "interp/utf8.h"

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

static bool kind_named(const char *name, size_t length, enum event_kind *kind)
{
	for (size_t i = 0; i < EVENT_KINDS; i++)
		if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0) {
			*kind = (enum event_kind)i;
			return true;
		}
	return false;
}

static bool take_kind(struct value row, enum event_kind *kind)
{
	struct value name = record_peek(row, "type");

	return name.tag == VALUE_STRING && kind_named(name.string->bytes, name.string->length, kind);
}

static void write_field(struct buffer *row, const char *name, const char *text)
{
	buffer_printf(row, ",\"%s\":", name);
	json_write_exact(row, text, strlen(text));
}

static void encode(struct buffer *row, const struct event *event)
{
	buffer_add_text(row, "{\"seq\":");
	buffer_add_int(row, (int64_t)event->seq);
	buffer_printf(row, ",\"type\":\"%s\",\"now\":", event_name(event->kind));
	buffer_add_int(row, event->now);
	buffer_add_text(row, ",\"wall\":");
	buffer_add_int(row, event->wall);
	write_field(row, "id", event->id);
	write_field(row, "step", event->step);
	write_field(row, "text", event->text);
	buffer_add_text(row, ",\"data\":");
	json_write(row, event->data, JSON_EXACT);
	buffer_printf(row, ",\"at\":[%u,%u,%u]}", event->at.file, event->at.from, event->at.to);
}

struct value event_encode(const struct event *event)
{
	struct buffer row = {0};

	encode(&row, event);
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
	     take_kind(row, &out->kind) &&
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

static void pack_text(struct buffer *row, const char *text)
{
	buffer_add_byte(row, ',');
	json_write_exact(row, text, strlen(text));
}

static void pack_value(struct buffer *row, struct value v)
{
	buffer_add_byte(row, ',');
	json_write(row, v, JSON_EXACT);
}

static void pack_int(struct buffer *row, int64_t i)
{
	buffer_add_byte(row, ',');
	buffer_add_int(row, i);
}

/* The part of a row that tells what it is about: kinds and ids are plain text, and so stand in it as they are. */
static void pack_head(struct buffer *row, enum event_kind kind, const char *id)
{
	buffer_add_text(row, "[\"");
	buffer_add_text(row, event_name(kind));
	buffer_add_text(row, "\",\"");
	buffer_add_text(row, id);
	buffer_add_text(row, "\"");
}

/* What is packed of the data, NULL: all of it. */
static const char *const *packed_fields(enum event_kind kind)
{
	static const char *const started[] = {"digest", "shown", NULL}, *const ended[] = {"kind", "value", NULL};

	return kind == EVENT_EFFECT_STARTED ? started : kind == EVENT_EFFECT_ENDED ? ended : NULL;
}

/* As pack() would, with what is packed of the data in this order. */
void event_pack_intent(struct buffer *row, const char *id, const char *builtin, struct value digest)
{
	pack_head(row, EVENT_EFFECT_STARTED, id);
	pack_text(row, builtin);
	pack_value(row, digest);
	buffer_add_byte(row, ',');
}

/* The same value as in the answer of row number `like`; a record's own key "$as" would be written as "$$as". */
#define AS     "{\"$as\":"
#define NO_ROW SIZE_MAX

static void pack_as(struct buffer *row, size_t like)
{
	buffer_add_text(row, "," AS);
	buffer_add_int(row, (int64_t)like);
	buffer_add_byte(row, '}');
}

static void pack(struct buffer *row, const struct event *event, size_t like)
{
	const char *const *fields = packed_fields(event->kind);

	pack_head(row, event->kind, event->id);
	pack_text(row, event->text);
	for (; fields && *fields; fields++)
		if (like != NO_ROW && strcmp(*fields, "value") == 0)
			pack_as(row, like);
		else
			pack_value(row, record_peek(event->data, *fields));
	if (!packed_fields(event->kind))
		pack_value(row, event->data);
	if (event->kind != EVENT_EFFECT_STARTED) {
		pack_int(row, event->now);
		pack_int(row, event->wall);
	}
	buffer_add_byte(row, ']');
}

struct value event_pack(const struct event *event)
{
	struct buffer row = {0};

	pack(&row, event, NO_ROW);
	return buffer_finish(&row);
}

/*
 * A row, read from its beginning. Most of what stands in rows is plain text and numbers, which are taken as they are; all
 * else is jansson's.
 */
struct reading {
	const char *at, *end;
};

static bool read_byte(struct reading *row, char byte)
{
	if (row->at == row->end || *row->at != byte)
		return false;
	row->at++;
	return true;
}

/* A text without an escape; lent. */
static bool read_plain(struct reading *row, const char **text, size_t *length)
{
	const char *from = row->at + 1;

	if (row->at == row->end || *row->at != '"')
		return false;
	*text = from;
	*length = utf8_plain(from, (size_t)(row->end - from));
	if (from + *length == row->end || from[*length] != '"')
		return false;
	row->at = from + *length + 1;
	return true;
}

static bool read_any(struct reading *row, struct value *out)
{
	static const struct {
		const char *word;
		size_t length;
		struct value value;
	} words[] = {
		{"false,", 6, {.tag = VALUE_BOOL, .b = false}},
		{"true,", 5, {.tag = VALUE_BOOL, .b = true}},
		{"null,", 5, {.tag = VALUE_NULL}},
	};
	size_t length = (size_t)(row->end - row->at);
	const char *text;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (length > words[i].length && memcmp(row->at, words[i].word, words[i].length) == 0) {
			row->at += words[i].length - 1;
			*out = words[i].value;
			return true;
		}
	if (read_plain(row, &text, &length)) {
		*out = value_string_n(text, length);
		return true;
	}
	length = value_decode_first(row->at, (size_t)(row->end - row->at), out);
	row->at += length;
	return length > 0;
}

/* An event's texts end at their first NUL: one inside would be another text than was written. */
static bool read_text(struct reading *row, const char **out)
{
	struct value v;
	size_t length;
	const char *text;
	bool good;

	if (read_plain(row, &text, &length)) {
		*out = memory_need(strndup(text, length));
		return true;
	}
	if (!read_any(row, &v))
		return false;
	good = v.tag == VALUE_STRING && strlen(v.string->bytes) == v.string->length;
	if (good)
		*out = memory_need(strdup(v.string->bytes));
	value_release(v);
	return good;
}

static bool read_int(struct reading *row, int64_t *out)
{
	const char *at = row->at;
	uint64_t i = 0, most = INT64_MAX;
	bool minus = read_byte(row, '-');

	for (at = row->at; row->at < row->end && *row->at >= '0' && *row->at <= '9'; row->at++)
		if (__builtin_mul_overflow(i, 10, &i) || __builtin_add_overflow(i, (uint64_t)(*row->at - '0'), &i))
			return false;
	if (row->at == at || (*at == '0' && row->at > at + 1) || i > most + minus)
		return false;
	*out = (int64_t)(minus ? -i : i);
	return true;
}

/* Which kind it is of, and its id. */
static bool read_head(struct reading *row, enum event_kind *kind, const char **id)
{
	const char *name;
	size_t length;

	return read_byte(row, '[') && read_plain(row, &name, &length) && kind_named(name, length, kind) &&
	       read_byte(row, ',') && read_text(row, id);
}

/* A value that stands in another row. */
static bool read_as(struct reading *row, size_t *like)
{
	size_t length = sizeof(AS) - 1;
	int64_t i;

	if ((size_t)(row->end - row->at) <= length || memcmp(row->at, AS, length) != 0)
		return false;
	row->at += length;
	if (!read_int(row, &i) || i < 0 || !read_byte(row, '}'))
		return false;
	*like = (size_t)i;
	return true;
}

static bool read_data(struct reading *row, struct event *out, size_t *like)
{
	const char *const *fields = packed_fields(out->kind);

	if (!fields)
		return read_byte(row, ',') && read_any(row, &out->data);
	for (out->data = record_new(2); *fields; fields++) {
		struct value field = value_null();

		if (!read_byte(row, ','))
			return false;
		if (!read_as(row, like) && !read_any(row, &field))
			return false;
		record_set(&out->data, *fields, field);
	}
	return true;
}

/* *like: the row that its value stands in, or NO_ROW. */
static bool unpack(const char *line, size_t length, struct event *out, size_t *like)
{
	struct reading row = {line, line + length};
	bool good;

	*like = NO_ROW;
	*out = (struct event){0};
	out->step = memory_need(strdup(""));
	good = read_head(&row, &out->kind, &out->id) && read_byte(&row, ',') && read_text(&row, &out->text) &&
	       read_data(&row, out, like);
	if (good && out->kind != EVENT_EFFECT_STARTED)
		good = read_byte(&row, ',') && read_int(&row, &out->now) && read_byte(&row, ',') &&
		       read_int(&row, &out->wall);
	good = good && read_byte(&row, ']') && row.at == row.end;
	if (!good)
		event_free(out);
	return good;
}

bool event_unpack(const char *line, size_t length, struct event *out)
{
	size_t like;

	if (!unpack(line, length, out, &like))
		return false;
	if (like == NO_ROW)
		return true;
	event_free(out);
	return false;
}

/* Of an answer whose value stands in an earlier one. */
static bool take_value(struct store *store, size_t like, struct event *out)
{
	struct event other;
	size_t length;
	const char *line = store->ops->row_peek(store, like, &length);

	bool good = line && event_unpack(line, length, &other);

	if (!good)
		return false;
	good = other.kind == EVENT_EFFECT_ENDED;
	if (good)
		record_set(&out->data, "value", value_copy(record_peek(other.data, "value")));
	event_free(&other);
	return good;
}

bool store_event(struct store *store, size_t index, struct event *out)
{
	size_t length, like;
	const char *line = store->ops->row_peek(store, index, &length);

	*out = (struct event){0};
	if (!line)
		return false;
	if (!store->packed)
		return event_decode(line, length, out);
	if (!unpack(line, length, out, &like))
		return false;
	if (like == NO_ROW || (like < index && take_value(store, like, out)))
		return true;
	event_free(out);
	return false;
}

bool row_holds_secret(const char *line, size_t length)
{
	static const char secret[] = "\"$secret\"";

	return memmem(line, length, secret, sizeof(secret) - 1) || memmem(line, length, AS, sizeof(AS) - 1);
}

bool store_event_head(struct store *store, size_t index, enum event_kind *kind, const char **id)
{
	struct event event;
	size_t length;
	const char *line = store->ops->row_peek(store, index, &length);

	if (store->packed)
		return line && read_head(&(struct reading){line, line + length}, kind, id);
	if (!store_event(store, index, &event))
		return false;
	*kind = event.kind;
	*id = memory_need(strdup(event.id));
	event_free(&event);
	return true;
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

/* An answer that may come again as it is: a container's state that is looked at again and again. */
struct known {
	struct value value; /* a record or a list, held so that it stays what it is */
	size_t row;
};

#define KNOWN	  16
#define KNOWN_MIN 256	      /* bytes of a row: what is shorter is as cheap as to tell where it stands */
#define KNOWN_MAX (64 * 1024) /* what is longer is not held */

struct journal {
	struct place places[2];
	struct known known[KNOWN]; /* of the packed place */
	unsigned known_next;	   /* the one to be forgotten next */
	size_t place_count;
	struct buffer row;     /* that was made last */
	struct observer first; /* sees an event before the stores do */
	struct observer *observers;
	size_t observer_count;
	uint64_t seq;	/* of the last event */
	bool held;	/* replayed, and not gone on with yet: nothing is synced */
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
	journal->held = true;
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
	for (size_t i = 0; i < KNOWN; i++)
		value_release(journal->known[i].value);
	buffer_free(&journal->row);
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

/* Is the next row on record of this kind and id? */
static bool is_next(struct journal *journal, struct place *place, const struct event *event)
{
	struct buffer *head = &journal->row;
	size_t length;
	const char *row = place->store->ops->row_peek(place->store, place->seen++, &length);

	buffer_cut(head, 0);
	pack_head(head, event->kind, event->id);
	if (row && length > head->length && memcmp(row, buffer_text(head), head->length) == 0 &&
	    row[head->length] == ',')
		return true;
	journal->differs = place->seen;
	return false;
}

/* NULL: it has not come before. */
static const struct known *known_find(const struct journal *journal, struct value v)
{
	for (size_t i = 0; i < KNOWN; i++)
		if (journal->known[i].value.head == v.head && journal->known[i].value.refs == v.refs)
			return &journal->known[i];
	return NULL;
}

static void pack_next(struct journal *journal, struct store *store, const struct event *event)
{
	struct value v = event->kind == EVENT_EFFECT_ENDED ? record_peek(event->data, "value") : value_null();
	bool large = v.tag == VALUE_RECORD || v.tag == VALUE_LIST;
	const struct known *known = large ? known_find(journal, v) : NULL;
	struct buffer *row = &journal->row;
	struct known *oldest;

	pack(row, event, known ? known->row : NO_ROW);
	if (!large || known || row->length < KNOWN_MIN || row->length > KNOWN_MAX)
		return;
	oldest = &journal->known[journal->known_next++ % KNOWN];
	value_release(oldest->value);
	*oldest = (struct known){value_copy(v), store->ops->count(store)};
}

static bool keep(struct journal *journal, struct place *place, const struct event *event)
{
	struct buffer *row = &journal->row;

	if (!(place->kept >> event->kind & 1))
		return true;
	if (place->seen < place->recorded)
		return is_next(journal, place, event);
	buffer_cut(row, 0);
	if (place->store->packed)
		pack_next(journal, place->store, event);
	else
		encode(row, event);
	return place->store->ops->append(place->store, buffer_text(row), row->length);
}

bool journal_append(struct journal *journal, struct event *event)
{
	size_t i;

	if (journal->broken)
		return false;
	event->seq = ++journal->seq;
	if (!journal_replays(journal) && (event->kind == EVENT_RESUMED || event->kind == EVENT_ROLLBACK_ASKED))
		journal->held = false;
	if (journal->first.see)
		journal->first.see(journal->first.context, event);
	for (i = 0; i < journal->place_count; i++)
		if (!keep(journal, &journal->places[i], event)) {
			journal->broken = true;
			return false;
		}
	if (event->kind == EVENT_RUN_ENDED && !journal_sync(journal))
		return false;
	for (i = 0; i < journal->observer_count; i++)
		if (sees(&journal->observers[i], event->kind))
			journal->observers[i].see(journal->observers[i].context, event);
	return true;
}

bool journal_sync(struct journal *journal)
{
	for (size_t i = 0; i < journal->place_count && !journal->broken && !journal->held; i++)
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
