/* type.c - what types are made of, which fits where, and their text; see type.h. */
#include "interp/type.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "grammar/arena.h"
#include "interp/buffer.h"

static const struct type simple_types[] = {
    [TYPE_ANY] = {.kind = TYPE_ANY},
    [TYPE_NULL] = {.kind = TYPE_NULL},
    [TYPE_BOOL] = {.kind = TYPE_BOOL},
    [TYPE_INT] = {.kind = TYPE_INT},
    [TYPE_FLOAT] = {.kind = TYPE_FLOAT},
    [TYPE_PERCENT] = {.kind = TYPE_PERCENT},
    [TYPE_DURATION] = {.kind = TYPE_DURATION},
    [TYPE_SIZE] = {.kind = TYPE_SIZE},
    [TYPE_TIME] = {.kind = TYPE_TIME},
    [TYPE_STRING] = {.kind = TYPE_STRING},
    [TYPE_PATH] = {.kind = TYPE_PATH},
    [TYPE_URL] = {.kind = TYPE_URL},
    [TYPE_RANGE] = {.kind = TYPE_RANGE},
    [TYPE_LIST] = {.kind = TYPE_LIST, .element = &simple_types[TYPE_ANY]},
    [TYPE_RECORD] = {.kind = TYPE_RECORD, .open = true},
    [TYPE_ENUM] = {.kind = TYPE_ENUM},
    [TYPE_EMBED] = {.kind = TYPE_EMBED},
    [TYPE_VOID] = {.kind = TYPE_VOID},
    [TYPE_ERROR] = {.kind = TYPE_ERROR},
};

/* As an author writes them; TYPE_ENUM and below have no name of their own. */
static const char *const simple_names[] = {
    [TYPE_ANY] = "any",	     [TYPE_NULL] = "null",	 [TYPE_BOOL] = "bool",	       [TYPE_INT] = "int",
    [TYPE_FLOAT] = "float",  [TYPE_PERCENT] = "percent", [TYPE_DURATION] = "duration", [TYPE_SIZE] = "size",
    [TYPE_TIME] = "time",    [TYPE_STRING] = "string",	 [TYPE_PATH] = "path",	       [TYPE_URL] = "url",
    [TYPE_RANGE] = "range",  [TYPE_LIST] = "list",	 [TYPE_RECORD] = "record",     [TYPE_ENUM] = "enum",
    [TYPE_EMBED] = "string", [TYPE_VOID] = "nothing",	 [TYPE_ERROR] = "any",
};

static const char *const embed_names[] = {
    [EMBED_NONE] = "string",   [EMBED_SH] = "sh",   [EMBED_SQL] = "sql",
    [EMBED_SQLITE] = "sqlite", [EMBED_PROMQL] = "promql", [EMBED_URL] = "url",
};

const struct type *type_simple(enum type_kind kind)
{
	return &simple_types[kind];
}

const struct type *type_list(struct arena *arena, const struct type *element)
{
	struct type *type;

	if (element->kind == TYPE_ANY && !element->secret)
		return &simple_types[TYPE_LIST];
	type = arena_alloc(arena, sizeof(*type));
	type->kind = TYPE_LIST;
	type->element = element;
	return type;
}

const struct type *type_nullable(struct arena *arena, const struct type *type)
{
	struct type *copy;

	if (type->nullable || type->kind == TYPE_ANY || type->kind == TYPE_NULL || type->kind == TYPE_ERROR)
		return type;
	copy = arena_alloc(arena, sizeof(*copy));
	*copy = *type;
	copy->nullable = true;
	return copy;
}

bool type_is_text(const struct type *type)
{
	switch (type->kind) {
	case TYPE_STRING:
	case TYPE_PATH:
	case TYPE_URL:
	case TYPE_ENUM:
	case TYPE_EMBED:
		return true;
	default:
		return false;
	}
}

bool type_is_number(const struct type *type)
{
	return type->kind == TYPE_INT || type->kind == TYPE_FLOAT;
}

bool type_is_unit(const struct type *type)
{
	return type->kind == TYPE_PERCENT || type->kind == TYPE_DURATION || type->kind == TYPE_SIZE;
}

bool type_is_loose(const struct type *type)
{
	return type->kind == TYPE_ANY || type->kind == TYPE_ERROR;
}

bool type_is_measurable(const struct type *type)
{
	return type_is_loose(type) || type_is_number(type) || type_is_unit(type);
}

const struct type_field *type_find_field(const struct type *type, const char *name)
{
	size_t i;

	for (i = 0; i < type->field_count; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

bool type_has_choice(const struct type *type, const char *text)
{
	size_t i;

	for (i = 0; i < type->choice_count; i++)
		if (strcmp(type->choices[i], text) == 0)
			return true;
	return false;
}

/* ---- text ---- */

static void write_type(struct buffer *out, const struct type *type);

static void write_record(struct buffer *out, const struct type *type)
{
	size_t i;

	if (type->field_count == 0) {
		buffer_add_text(out, "record");
		return;
	}
	buffer_add_text(out, "{ ");
	for (i = 0; i < type->field_count; i++) {
		buffer_printf(out, "%s%s: ", i ? ", " : "", type->fields[i].name);
		write_type(out, type->fields[i].type);
	}
	buffer_add_text(out, " }");
}

static void write_choices(struct buffer *out, const struct type *type)
{
	size_t i;

	buffer_add_text(out, "in [");
	for (i = 0; i < type->choice_count; i++)
		buffer_printf(out, "%s\"%s\"", i ? ", " : "", type->choices[i]);
	buffer_add_text(out, "]");
}

static void write_type(struct buffer *out, const struct type *type)
{
	if (type->name)
		buffer_add_text(out, type->name);
	else if (type->kind == TYPE_LIST && type->element->kind == TYPE_ANY)
		buffer_add_text(out, "list");
	else if (type->kind == TYPE_LIST) {
		buffer_add_text(out, "list(");
		write_type(out, type->element);
		buffer_add_text(out, ")");
	} else if (type->kind == TYPE_RECORD)
		write_record(out, type);
	else if (type->kind == TYPE_ENUM)
		write_choices(out, type);
	else if (type->kind == TYPE_EMBED)
		buffer_add_text(out, embed_names[type->language]);
	else
		buffer_add_text(out, simple_names[type->kind]);
}

const char *type_text(struct arena *arena, const struct type *type)
{
	struct buffer out = {0};
	const char *text;

	write_type(&out, type);
	text = arena_strndup(arena, out.string->bytes, out.length);
	buffer_free(&out);
	return text;
}

const char *type_phrase(struct arena *arena, const struct type *type)
{
	const char *text;

	switch (type->kind) {
	case TYPE_ANY:
	case TYPE_ERROR:
		return "a value of any type";
	case TYPE_NULL:
		return "null";
	case TYPE_VOID:
		return "nothing";
	case TYPE_ENUM:
		return arena_printf(arena, "one of %s", type_text(arena, type) + sizeof("in ") - 1);
	case TYPE_EMBED:
		return type->language == EMBED_SQL	? "a text of SQL"
		       : type->language == EMBED_SQLITE ? "a text of SQL"
		       : type->language == EMBED_SH	? "a text of the shell"
		       : type->language == EMBED_PROMQL ? "a text of PromQL"
							: "a url";
	case TYPE_RECORD:
		if (!type->name)
			return "a record";
		break;
	default:
		break;
	}
	if (type->kind == TYPE_LIST && type->element->kind == TYPE_RECORD && !type->element->name)
		return "a list of records";
	text = type_text(arena, type);
	return arena_printf(arena, "%s %s",
			    strchr("aeio", text[0]) || strncmp(text, "http", 4) == 0 ? "an" : "a", text);
}

/* ---- comparing ---- */

static bool same_choices(const struct type *a, const struct type *b)
{
	size_t i;

	for (i = 0; i < a->choice_count; i++)
		if (!type_has_choice(b, a->choices[i]))
			return false;
	return a->choice_count == b->choice_count;
}

static bool same_fields(const struct type *a, const struct type *b)
{
	size_t i;

	if (a->field_count != b->field_count || a->open != b->open)
		return false;
	for (i = 0; i < a->field_count; i++) {
		const struct type_field *other = type_find_field(b, a->fields[i].name);

		if (!other || !type_equal(a->fields[i].type, other->type))
			return false;
	}
	return true;
}

bool type_equal(const struct type *a, const struct type *b)
{
	if (a == b)
		return true;
	if (a->kind != b->kind || a->nullable != b->nullable)
		return false;
	switch (a->kind) {
	case TYPE_LIST:
		return type_equal(a->element, b->element);
	case TYPE_RECORD:
		return same_fields(a, b);
	case TYPE_ENUM:
		return same_choices(a, b);
	case TYPE_EMBED:
		return a->language == b->language;
	default:
		return true;
	}
}

static bool record_accepts(const struct type *to, const struct type *from)
{
	size_t i;

	for (i = 0; i < to->field_count; i++) {
		const struct type_field *given = type_find_field(from, to->fields[i].name);

		if (given ? !type_accepts(to->fields[i].type, given->type)
			  : !from->open && !to->fields[i].type->nullable)
			return false;
	}
	for (i = 0; i < from->field_count; i++)
		if (!to->open && !type_find_field(to, from->fields[i].name))
			return false;
	return true;
}

static bool choices_accept(const struct type *to, const struct type *from)
{
	size_t i;

	for (i = 0; i < from->choice_count; i++)
		if (!type_has_choice(to, from->choices[i]))
			return false;
	return true;
}

bool type_accepts(const struct type *to, const struct type *from)
{
	if (from->kind == TYPE_VOID)
		return to->kind == TYPE_VOID || to->kind == TYPE_ERROR;
	if (to == from || type_is_loose(to) || type_is_loose(from))
		return true;
	if (from->kind == TYPE_NULL)
		return to->nullable || to->kind == TYPE_NULL;
	switch (to->kind) {
	case TYPE_FLOAT:
		return type_is_number(from);
	case TYPE_STRING:
	case TYPE_PATH:
	case TYPE_URL:
	case TYPE_EMBED:
		return type_is_text(from);
	case TYPE_ENUM:
		return from->kind == TYPE_ENUM ? choices_accept(to, from) : type_is_text(from);
	case TYPE_LIST:
		return from->kind == TYPE_LIST && type_accepts(to->element, from->element);
	case TYPE_RECORD:
		return from->kind == TYPE_RECORD && record_accepts(to, from);
	default:
		return to->kind == from->kind;
	}
}

/* ---- joining ---- */

/* More fields than people keep apart: a list of records that each have other ones. Bounds time and memory. */
#define JOINED_FIELDS_MAX 256

/* All fields of both; what only one of them has may be null. */
static const struct type *join_records(struct arena *arena, const struct type *a, const struct type *b)
{
	struct type *joined;
	struct type_field *fields;
	size_t i, count = 0;

	if (a->field_count + b->field_count > JOINED_FIELDS_MAX)
		return type_simple(TYPE_RECORD);
	joined = arena_alloc(arena, sizeof(*joined));
	fields = arena_alloc(arena, (a->field_count + b->field_count) * sizeof(*fields));
	for (i = 0; i < a->field_count; i++) {
		const struct type_field *other = type_find_field(b, a->fields[i].name);
		const struct type *both = other ? type_join(arena, a->fields[i].type, other->type)
						: type_nullable(arena, a->fields[i].type);

		fields[count].name = a->fields[i].name;
		fields[count++].type = both ? both : type_simple(TYPE_ANY);
	}
	for (i = 0; i < b->field_count; i++)
		if (!type_find_field(a, b->fields[i].name)) {
			fields[count].name = b->fields[i].name;
			fields[count++].type = type_nullable(arena, b->fields[i].type);
		}
	*joined = (struct type){.kind = TYPE_RECORD, .fields = fields, .field_count = count};
	joined->open = a->open || b->open;
	return joined;
}

const struct type *type_join(struct arena *arena, const struct type *a, const struct type *b)
{
	const struct type *element;

	if (a->kind == TYPE_ERROR || b->kind == TYPE_ERROR)
		return type_simple(TYPE_ERROR);
	if (type_equal(a, b))
		return a;
	if (a->kind == TYPE_ANY || b->kind == TYPE_ANY)
		return type_simple(TYPE_ANY);
	if (a->kind == TYPE_NULL)
		return type_nullable(arena, b);
	if (b->kind == TYPE_NULL)
		return type_nullable(arena, a);
	if (a->nullable != b->nullable) {
		a = type_nullable(arena, a);
		b = type_nullable(arena, b);
		if (type_equal(a, b))
			return a;
	}
	if (type_is_number(a) && type_is_number(b))
		return a->nullable ? type_nullable(arena, type_simple(TYPE_FLOAT)) : type_simple(TYPE_FLOAT);
	if (type_is_text(a) && type_is_text(b))
		return a->nullable ? type_nullable(arena, type_simple(TYPE_STRING))
				   : type_simple(TYPE_STRING);
	if (a->kind == TYPE_LIST && b->kind == TYPE_LIST) {
		element = type_join(arena, a->element, b->element);
		return type_list(arena, element ? element : type_simple(TYPE_ANY));
	}
	if (a->kind == TYPE_RECORD && b->kind == TYPE_RECORD)
		return join_records(arena, a, b);
	return NULL;
}

/* ---- run-time values ---- */

static bool list_fits(const struct type *type, struct value v)
{
	size_t i;

	for (i = 0; i < value_length(v); i++)
		if (!type_fits(type->element, list_peek(v, i)))
			return false;
	return true;
}

static bool record_fits(const struct type *type, struct value v)
{
	size_t i;

	for (i = 0; i < type->field_count; i++)
		if (!type_fits(type->fields[i].type, record_peek(v, type->fields[i].name)))
			return false;
	for (i = 0; i < value_length(v) && !type->open; i++)
		if (!type_find_field(type, record_key_peek(v, i)))
			return false;
	return true;
}

static bool is_web(const char *text, size_t length)
{
	static const char *const schemes[] = {"http", "https", "ws", "wss"};
	size_t i;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i]) == length && strncasecmp(schemes[i], text, length) == 0)
			return true;
	return false;
}

/* RFC 3986, 3.2: a host, and behind it perhaps a port. */
static bool has_host(const char *authority, size_t length)
{
	const char *at = memrchr(authority, '@', length), *host = at ? at + 1 : authority, *colon;
	size_t size = length - (size_t)(host - authority), digits;

	colon = memrchr(host, ':', size);
	if (colon && memchr(colon, ']', size - (size_t)(colon - host)))
		colon = NULL; /* of an IPv6 address */
	if (!colon)
		return size > 0;
	digits = size - (size_t)(colon + 1 - host);
	return colon > host && digits <= 5 && strspn(colon + 1, "0123456789") >= digits &&
	       (digits == 0 || (atoi(colon + 1) >= 1 && atoi(colon + 1) <= 65535));
}

/* RFC 3986, 3.1, with an authority behind it; nothing at all stands for no URL. */
static bool is_url(const char *text)
{
	size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	const char *authority = text + scheme + 3, *c;

	if (!*text)
		return true;
	if (scheme == 0 || strncmp(text + scheme, "://", 3) != 0 || !*authority)
		return false;
	for (c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f || *c == '\\')
			return false;
	return !is_web(text, scheme) || has_host(authority, strcspn(authority, "/?#"));
}

bool type_fits(const struct type *type, struct value v)
{
	static const uint8_t tags[] = {
	    [TYPE_NULL] = VALUE_NULL,	    [TYPE_BOOL] = VALUE_BOOL,	      [TYPE_INT] = VALUE_INT,
	    [TYPE_PERCENT] = VALUE_PERCENT, [TYPE_DURATION] = VALUE_DURATION, [TYPE_SIZE] = VALUE_SIZE,
	    [TYPE_TIME] = VALUE_TIME,	    [TYPE_STRING] = VALUE_STRING,     [TYPE_PATH] = VALUE_STRING,
	    [TYPE_URL] = VALUE_STRING,	    [TYPE_RANGE] = VALUE_RANGE,	      [TYPE_EMBED] = VALUE_STRING,
	    [TYPE_VOID] = VALUE_NULL,
	};

	if (v.tag == VALUE_UNKNOWN || type_is_loose(type) || (v.tag == VALUE_NULL && type->nullable))
		return true;
	switch (type->kind) {
	case TYPE_FLOAT:
		return v.tag == VALUE_FLOAT || v.tag == VALUE_INT;
	case TYPE_LIST:
		return v.tag == VALUE_LIST && list_fits(type, v);
	case TYPE_RECORD:
		return v.tag == VALUE_RECORD && record_fits(type, v);
	case TYPE_ENUM:
		return v.tag == VALUE_STRING && type_has_choice(type, value_text_peek(v));
	case TYPE_URL:
		return v.tag == VALUE_STRING && is_url(value_text_peek(v));
	default:
		return v.tag == tags[type->kind];
	}
}
