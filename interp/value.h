/*
 * value.h - the values of the plan language.
 *
 * OWNERSHIP, the one rule:
 *   - Every function that returns a `struct value` hands the caller a reference of its own, to be given up with
 *     value_release(). The exceptions only lend, and say so in their names: *_peek().
 *   - Every function that takes a `struct value` borrows it; the builders list_push() and record_set() consume it.
 *   - value_copy() makes another reference (values are immutable once shared; the copy is a count).
 *
 * Builders may be used only while the object has a single owner (just made by list_new() or record_new()).
 * Nothing here is safe for threads. Allocation failure ends the process (memory_need(): exit 6).
 */
#ifndef RUNPLAN_VALUE_H
#define RUNPLAN_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_tag {
	VALUE_NULL,
	VALUE_UNKNOWN, /* a read nobody answered: only under preview and simulation */
	VALUE_BOOL,
	VALUE_INT,      /* i */
	VALUE_FLOAT,    /* f */
	VALUE_PERCENT,  /* f: 5% is 0.05 */
	VALUE_DURATION, /* i: nanoseconds */
	VALUE_SIZE,     /* i: bytes */
	VALUE_TIME,     /* i: nanoseconds since 1970-01-01T00:00:00Z */
	VALUE_RANGE,    /* both ends belong to it; on the heap from here on */
	VALUE_STRING,   /* bytes with a length, always also NUL-terminated; paths and URLs are strings */
	VALUE_LIST,
	VALUE_RECORD, /* keys in the order in which they were set */
};

enum value_flag {
	VALUE_SECRET = 1,   /* this value, or one it was made from, is a secret: no sink may show it */
	VALUE_SQL_NAME = 2, /* made by pg.name(): stands for an identifier where SQL has no place for a value */
};

#define SECRET_MIN 8 /* bytes; shorter ones are refused wherever they come from */
#define SECRET_TOO_SHORT                                                                                             \
	"the secret of %.300s has fewer than %d bytes: such a one is guessed, and cannot be kept out of what is shown"

struct value {
	union {
		struct {
			uint8_t tag;
			uint8_t flags;
		};
		uint16_t kind; /* both at once: kind == VALUE_INT means an int without a flag */
		uint64_t head; /* all of it, so that a value moves as two whole words */
	};
	union {
		bool b;
		int64_t i;
		double f;
		uint32_t *refs; /* on the heap: every object begins with its count */
		struct value_range *range;
		struct value_string *string;
		struct value_list *list;
		struct value_record *record;
	};
};

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the tag is the lowest byte of head");

struct value_range {
	uint32_t refs;
	int64_t from, to;
};

struct value_string {
	uint32_t refs;
	size_t length;
	char bytes[]; /* length bytes and a NUL */
};

struct value_list {
	uint32_t refs;
	bool secret, unknown; /* something inside is, however deep */
	size_t count, capacity;
	struct value *items;
};

struct value_field {
	struct value_string *key;
	struct value value;
};

struct value_record {
	uint32_t refs;
	bool secret, unknown; /* something inside is, however deep */
	size_t count, capacity;
	struct value_field *fields;
};

/* Immediate values. */
static inline struct value value_null(void)
{
	return (struct value){ .head = VALUE_NULL };
}
static inline struct value value_unknown(void)
{
	return (struct value){ .head = VALUE_UNKNOWN };
}
static inline struct value value_bool(bool b)
{
	return (struct value){ .head = VALUE_BOOL, .i = b };
}
static inline struct value value_int(int64_t i)
{
	return (struct value){ .head = VALUE_INT, .i = i };
}
static inline struct value value_float(double f)
{
	return (struct value){ .head = VALUE_FLOAT, .f = f };
}
static inline struct value value_percent(double ratio)
{
	return (struct value){ .head = VALUE_PERCENT, .f = ratio };
}
static inline struct value value_duration(int64_t nanoseconds)
{
	return (struct value){ .head = VALUE_DURATION, .i = nanoseconds };
}
static inline struct value value_size(int64_t bytes)
{
	return (struct value){ .head = VALUE_SIZE, .i = bytes };
}
static inline struct value value_time(int64_t unix_nanoseconds)
{
	return (struct value){ .head = VALUE_TIME, .i = unix_nanoseconds };
}

/* Heap values. */
struct value value_range(int64_t from, int64_t to);
struct value value_string(const char *text); /* NUL-terminated; NULL makes null */
struct value value_string_n(const char *bytes, size_t length);
struct value value_string_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
struct value list_new(size_t capacity);
void list_push(struct value *list, struct value item); /* consumes item */
struct value record_new(size_t capacity);
void record_set(struct value *record, const char *key, struct value item); /* consumes item; replaces */
/* The builders are for who has a value alone: this is the record itself where he has, else a copy. Consumes it. */
struct value record_alone(struct value record);
void record_set_n(struct value *record, const char *key, size_t length, struct value item);
void record_add_n(struct value *record, const char *key, size_t length, struct value item); /* a key not yet there */

static inline bool value_on_heap(struct value v)
{
	return v.tag >= VALUE_RANGE;
}
static inline struct value value_copy(struct value v)
{
	if (value_on_heap(v))
		++*v.refs;
	return v;
}
void value_free(struct value v); /* what nobody refers to any more */
static inline void value_release(struct value v)
{
	if (value_on_heap(v) && !--*v.refs)
		value_free(v);
}
static inline void value_put(struct value *to, struct value v) /* consumes v, releases what stood there */
{
	struct value old = *to;

	*to = v;
	value_release(old);
}
static inline void value_clear(struct value *v) /* release and set to null */
{
	struct value old = *v;

	*v = value_null();
	value_release(old);
}

/* Reading. The peeks lend. What is read out of a list or record that is marked secret is marked, too. */
const char *value_text_peek(struct value v); /* bytes of a string, "" for anything else */
size_t value_length(struct value v);         /* bytes of a string, items of a list, fields of a record, steps of a range */
struct value list_peek(struct value list, size_t index);            /* null when out of range */
struct value record_peek(struct value record, const char *key);     /* null when absent */
bool record_has(struct value record, const char *key);
const char *record_key_peek(struct value record, size_t index);
struct value record_value_peek(struct value record, size_t index);
struct value value_item(struct value list_or_range, size_t index); /* owned: a range makes its items */

/* Marks. */
bool value_holds_secret(struct value v); /* a list or record: anything inside it */
bool value_holds_unknown(struct value v);
static inline bool value_is_unknown(struct value v) /* itself, or anything inside it */
{
	return v.tag == VALUE_UNKNOWN || (v.tag >= VALUE_LIST && value_holds_unknown(v));
}
static inline bool value_is_secret(struct value v) /* itself, or anything inside it */
{
	return (v.flags & VALUE_SECRET) || (v.tag >= VALUE_LIST && value_holds_secret(v));
}
static inline struct value value_mark(struct value v, unsigned flags) /* consumes v, returns it marked */
{
	v.flags |= (uint8_t)flags;
	return v;
}

/* What every operation agrees on. */
const char *value_tag_name(enum value_tag tag);      /* "percent", ... as the language spells its types */
static inline bool value_truthy(struct value v) /* true only for the bool true */
{
	return v.tag == VALUE_BOOL && v.b;
}
bool value_equal(struct value a, struct value b);    /* deep; int equals float of the same number; units never mix */
int value_compare(struct value a, struct value b, bool *comparable); /* <0 0 >0; strings by bytes */
bool value_as_double(struct value v, double *out);   /* int, float, percent (ratio), duration (s), size (bytes) */

/*
 * Text of a value as an interpolation shows it: 5%, 1m30s, 512MB, 2026-01-31T12:00:00Z, JSON for lists and records.
 * Secrets are NOT hidden here (a command needs them); sinks redact. value_show() is for sinks and people: strings
 * quoted, secrets as ***, cut after `limit` bytes with an ellipsis (0: no limit).
 */
struct value value_to_text(struct value v); /* a string, carrying v's secret mark */
struct buffer;
void value_add_text(struct value v, struct buffer *text); /* the same, behind what is there; no mark */
struct value value_show(struct value v, size_t limit);

/*
 * JSON. value_to_json() is plain (a percent is its ratio, a duration its seconds, a secret "***"); value_from_json()
 * makes null, bool, int, float, string, list, record and answers false with a message in `error` (at least 160 bytes)
 * on malformed text. value_encode() and value_decode() are exact: they keep tags, so the journal can give back what it
 * took; a secret becomes {"$secret":true} and decodes to a marked null: who needs it reads its source again.
 */
struct value value_to_json(struct value v, bool pretty); /* a string */
bool value_from_json(const char *text, size_t length, struct value *out, char *error);
struct value value_encode(struct value v); /* a string: canonical, one line */
bool value_decode(const char *text, size_t length, struct value *out);
/* The value that the text begins with; answers how many bytes it is, 0: there is none. */
size_t value_decode_first(const char *text, size_t length, struct value *out);

/* Duration, size and percent as the language writes them, into a caller's buffer of at least 48 bytes. */
const char *duration_text(int64_t nanoseconds, char *buffer);
const char *size_text(int64_t bytes, char *buffer);
const char *percent_text(double ratio, char *buffer);
const char *time_text(int64_t unix_nanoseconds, char *buffer); /* RFC 3339, UTC, milliseconds only when not 0 */

void *memory_need(void *pointer); /* pointer, or the end of the process (exit 6) where it is NULL */

#endif
