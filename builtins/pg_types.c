/* pg_types.c - PostgreSQL's rows and errors as values; see pg_types.h. */
#include "builtins/pg_types.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/scrub.h"
#include "interp/buffer.h"

#define NS_PER_S INT64_C(1000000000)

/* MAXDIM of PostgreSQL. */
#define DIMENSIONS_MAX 6

/* Numbers of built-in types never change: src/include/catalog/pg_type.dat. */
enum {
	OID_BOOL = 16,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_OID = 26,
	OID_JSON = 114,
	OID_FLOAT4 = 700,
	OID_FLOAT8 = 701,
	OID_TIMESTAMPTZ = 1184,
	OID_INTERVAL = 1186,
	OID_NUMERIC = 1700,
	OID_JSONB = 3802,
};

/* Arrays and their elements. */
static const struct {
	Oid array, element;
} arrays[] = {
    {1000, OID_BOOL},	     {1005, OID_INT2},	   {1007, OID_INT4},   {1016, OID_INT8},
    {1028, OID_OID},	     {1021, OID_FLOAT4},   {1022, OID_FLOAT8}, {1231, OID_NUMERIC},
    {1185, OID_TIMESTAMPTZ}, {1187, OID_INTERVAL}, {199, OID_JSON},    {3807, OID_JSONB},
    {1009, OID_TEXT},	     {1015, OID_TEXT},	   {1014, OID_TEXT},   {1003, OID_TEXT},
    {2951, OID_TEXT},	     {1182, OID_TEXT},	   {1115, OID_TEXT},
};

/* ---- scalars ---- */

static struct value int_or_text(const char *text)
{
	char *end;
	long long i;

	errno = 0;
	i = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && end != text ? value_int(i) : value_string(text);
}

static struct value float_or_text(const char *text)
{
	char *end;
	double f = strtod(text, &end);

	return *end == '\0' && end != text ? value_float(f) : value_string(text);
}

static struct value json_or_text(const char *text, size_t length)
{
	char error[160];
	struct value v;

	return value_from_json(text, length, &v, error) ? v : value_string_n(text, length);
}

/* Days from 1970-01-01 in the Gregorian calendar. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t era, year_of_era, day_of_year;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* ".5" is 500,000,000; moves *at behind the digits. */
static int64_t fraction_ns(const char **at)
{
	int64_t ns = 0, unit = NS_PER_S / 10;

	if (**at != '.')
		return 0;
	for (++*at; **at >= '0' && **at <= '9'; ++*at, unit /= 10)
		ns += (**at - '0') * unit;
	return ns;
}

/* "+02", "-03:30", "+00:19:32" */
static bool zone_seconds(const char *text, int *seconds)
{
	int hours = 0, minutes = 0, rest = 0, used = 0, sign = *text == '-' ? -1 : 1;

	if (*text != '+' && *text != '-')
		return false;
	if (sscanf(text + 1, "%2d%n:%2d%n:%2d%n", &hours, &used, &minutes, &used, &rest, &used) < 1 ||
	    text[1 + used] != '\0')
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60 + rest);
	return true;
}

/* ISO, as DateStyle is set: 2026-01-31 12:00:00.5+01. What nanoseconds since 1970 cannot hold stays text. */
static struct value time_or_text(const char *text)
{
	long long year;
	int month, day, hour, minute, second, zone, used = 0;
	int64_t seconds, ns;
	const char *rest;

	if (sscanf(text, "%lld-%2d-%2d %2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) !=
		6 ||
	    used == 0 || year < 1678 || year > 2261)
		return value_string(text);
	rest = text + used;
	ns = fraction_ns(&rest);
	if (!zone_seconds(rest, &zone))
		return value_string(text);
	seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
	return value_time(seconds * NS_PER_S + ns);
}

/* "[-+]HH:MM:SS.frac", where HH may have any number of digits. */
static bool clock_ns(const char *text, int64_t *ns)
{
	bool negative = *text == '-';
	int minutes, seconds, used = 0;
	long long hours;
	int64_t fraction;

	text += *text == '-' || *text == '+';
	if (*text < '0' || *text > '9' ||
	    sscanf(text, "%lld:%2d:%2d%n", &hours, &minutes, &seconds, &used) != 3 || hours > 2000000)
		return false;
	text += used;
	fraction = fraction_ns(&text);
	*ns = ((hours * 60 + minutes) * 60 + seconds) * NS_PER_S + fraction;
	*ns = negative ? -*ns : *ns;
	return *text == '\0';
}

/* "3 days -02:00:00.5", as IntervalStyle is set. */
static struct value duration_or_text(const char *text)
{
	int64_t clock = 0;
	long long days = 0;
	char unit[8];
	int used = 0;

	if (clock_ns(text, &clock))
		return value_duration(clock);
	if (sscanf(text, "%lld %7[a-z]%n", &days, unit, &used) != 2 || strncmp(unit, "day", 3) != 0 ||
	    days > 100000 || days < -100000)
		return value_string(text);
	if (text[used] == ' ' && !clock_ns(text + used + 1, &clock))
		return value_string(text);
	if (text[used] != ' ' && text[used] != '\0')
		return value_string(text);
	return value_duration(days * 86400 * NS_PER_S + clock);
}

static struct value scalar(Oid type, const char *text, size_t length)
{
	switch (type) {
	case OID_BOOL:
		return value_bool(text[0] == 't');
	case OID_INT2:
	case OID_INT4:
	case OID_INT8:
	case OID_OID:
		return int_or_text(text);
	case OID_FLOAT4:
	case OID_FLOAT8:
	case OID_NUMERIC:
		return float_or_text(text);
	case OID_JSON:
	case OID_JSONB:
		return json_or_text(text, length);
	case OID_TIMESTAMPTZ:
		return time_or_text(text);
	case OID_INTERVAL:
		return duration_or_text(text);
	}
	return value_string_n(text, length);
}

/* ---- arrays ---- */

static bool array_items(const char **at, Oid element, int depth, struct value *list);

static struct value array_quoted(const char **at, Oid element)
{
	struct buffer text = {0};
	struct value raw, item;

	for (++*at; **at && **at != '"'; ++*at) {
		if (**at == '\\' && (*at)[1])
			++*at;
		buffer_add_byte(&text, **at);
	}
	*at += **at == '"';
	raw = buffer_finish(&text);
	item = scalar(element, value_text_peek(raw), value_length(raw));
	value_release(raw);
	return item;
}

static struct value array_plain(const char **at, Oid element)
{
	size_t length = strcspn(*at, ",}");
	struct value raw = value_string_n(*at, length), item;

	*at += length;
	if (strcmp(value_text_peek(raw), "NULL") == 0)
		item = value_null();
	else
		item = scalar(element, value_text_peek(raw), length);
	value_release(raw);
	return item;
}

static bool array_item(const char **at, Oid element, int depth, struct value *list)
{
	struct value inner;

	if (**at != '{') {
		list_push(list, **at == '"' ? array_quoted(at, element) : array_plain(at, element));
		return true;
	}
	inner = list_new(0);
	if (depth == DIMENSIONS_MAX || !array_items(at, element, depth + 1, &inner)) {
		value_release(inner);
		return false;
	}
	list_push(list, inner);
	return true;
}

/* From { to behind }. */
static bool array_items(const char **at, Oid element, int depth, struct value *list)
{
	if (*(*at)++ != '{')
		return false;
	if (**at == '}') {
		++*at;
		return true;
	}
	for (;;) {
		if (!array_item(at, element, depth, list))
			return false;
		if (**at == '}') {
			++*at;
			return true;
		}
		if (*(*at)++ != ',')
			return false;
	}
}

/* An array whose bounds don't start at 1 is written with them in front, and stays text. */
static struct value array_or_text(Oid element, const char *text, size_t length)
{
	struct value list = list_new(0);
	const char *at = text;

	if (array_items(&at, element, 1, &list) && *at == '\0')
		return list;
	value_release(list);
	return value_string_n(text, length);
}

/* ---- rows ---- */

static struct value field(Oid type, const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < sizeof(arrays) / sizeof(*arrays); i++)
		if (arrays[i].array == type)
			return array_or_text(arrays[i].element, text, length);
	return scalar(type, text, length);
}

static bool names_differ(const struct pq_api *pq, const PGresult *result, struct value *message)
{
	int i, j, count = pq->PQnfields(result);

	for (i = 0; i < count; i++)
		for (j = 0; j < i; j++)
			if (strcmp(pq->PQfname(result, i), pq->PQfname(result, j)) == 0) {
				*message = value_string_printf(
				    "two columns are named %s: give one another name with AS",
				    pq->PQfname(result, i));
				return false;
			}
	return true;
}

static struct value row_record(const struct pq_api *pq, const PGresult *result, int row, size_t *bytes)
{
	int column, columns = pq->PQnfields(result);
	struct value record = record_new((size_t)columns);

	for (column = 0; column < columns; column++) {
		size_t length = (size_t)pq->PQgetlength(result, row, column);
		const char *text = pq->PQgetvalue(result, row, column);

		*bytes += length;
		record_set(&record, pq->PQfname(result, column),
			   pq->PQgetisnull(result, row, column)
			       ? value_null()
			       : field(pq->PQftype(result, column), text, length));
	}
	return record;
}

bool pg_rows_add(const struct pq_api *pq, const PGresult *result, struct value *rows, size_t *bytes,
		 struct value *message)
{
	int row, count = pq->PQntuples(result);

	if (value_length(*rows) == 0 && !names_differ(pq, result, message))
		return false;
	for (row = 0; row < count; row++)
		list_push(rows, row_record(pq, result, row, bytes));
	return true;
}

/* ---- errors ---- */

struct value pg_error_message(const struct pq_api *pq, const PGresult *result, struct value secrets,
			      bool brief)
{
	const char *primary = pq->PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *sqlstate = pq->PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *detail = brief ? NULL : pq->PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = brief ? NULL : pq->PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	struct buffer text = {0};

	buffer_add_text(&text, primary ? primary : pq->PQresultErrorMessage(result));
	if (sqlstate)
		buffer_printf(&text, " (SQLSTATE %s)", sqlstate);
	if (detail)
		buffer_printf(&text, "; %s", detail);
	if (hint)
		buffer_printf(&text, "; hint: %s", hint);
	return scrub(buffer_finish(&text), secrets);
}

struct value pg_error_details(const struct pq_api *pq, const PGresult *result, struct value secrets,
			      bool brief)
{
	static const struct {
		int code;
		const char *name;
		bool quotes; /* may hold a part of a parameter */
	} fields[] = {
	    {PG_DIAG_SQLSTATE, "sqlstate", false},
	    {PG_DIAG_SEVERITY_NONLOCALIZED, "severity", false},
	    {PG_DIAG_MESSAGE_PRIMARY, "message", false},
	    {PG_DIAG_MESSAGE_DETAIL, "detail", true},
	    {PG_DIAG_MESSAGE_HINT, "hint", true},
	    {PG_DIAG_CONTEXT, "context", true},
	    {PG_DIAG_STATEMENT_POSITION, "position", false},
	    {PG_DIAG_SCHEMA_NAME, "schema", false},
	    {PG_DIAG_TABLE_NAME, "table", false},
	    {PG_DIAG_COLUMN_NAME, "column", false},
	    {PG_DIAG_CONSTRAINT_NAME, "constraint", false},
	};
	struct value details = record_new(4);
	size_t i;

	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const char *text = pq->PQresultErrorField(result, fields[i].code);

		if (text && !(brief && fields[i].quotes))
			record_set(&details, fields[i].name, scrub(value_string(text), secrets));
	}
	return details;
}
