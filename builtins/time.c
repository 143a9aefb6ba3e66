/* time.c - time.*: the clock, which is a read, and what is made of times, which is pure. All in UTC. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "builtins/live.h"
#include "builtins/pure.h"
#include "builtins/tables.h"
#include "interp/buffer.h"

#define SECOND	   INT64_C(1000000000)
#define FORMAT_MAX 1024

static void time_now(struct effect_call *call)
{
	call_ok(call, value_time(live_wall(call->live)));
}

static struct value format_utc(int64_t ns, const char *pattern)
{
	int64_t seconds = ns / SECOND - (ns % SECOND < 0);
	time_t when = (time_t)seconds;
	char text[FORMAT_MAX];
	struct tm tm;

	gmtime_r(&when, &tm);
	return value_string_n(text, strftime(text, sizeof(text), pattern, &tm));
}

static void time_stamp(struct effect_call *call)
{
	call_ok(call, format_utc(live_wall(call->live), "%Y%m%dT%H%M%SZ"));
}

static struct value time_stamp_simulate(const struct effect_request *request)
{
	return format_utc(request->wall, "%Y%m%dT%H%M%SZ");
}

static struct value time_now_simulate(const struct effect_request *request)
{
	return value_time(request->wall);
}

static struct value time_since_simulate(const struct effect_request *request)
{
	struct value then = request->args[0];

	return then.tag == VALUE_TIME ? value_duration(request->wall - then.i) : value_unknown();
}

static void time_since(struct effect_call *call)
{
	struct value then = call_arg(call, 0);

	if (then.tag != VALUE_TIME)
		call_failed(call, "time.since: a time is wanted, not %s",
			    value_tag_name((enum value_tag)then.tag));
	else
		call_ok(call, value_duration(live_wall(call->live) - then.i));
}

/* ---- reading a time ---- */

/* `digits` digits at *at, between `least` and `most`. */
static bool take_number(const char **at, int digits, int least, int most, int *out)
{
	int i;

	for (*out = 0, i = 0; i < digits; i++, (*at)++) {
		if (**at < '0' || **at > '9')
			return false;
		*out = *out * 10 + (**at - '0');
	}
	return *out >= least && *out <= most;
}

static bool take(const char **at, const char *any)
{
	if (**at == '\0' || !strchr(any, **at))
		return false;
	(*at)++;
	return true;
}

/* Digits behind the second; more than nine are cut. */
static bool take_fraction(const char **at, int64_t *ns)
{
	int64_t place = SECOND / 10;

	*ns = 0;
	if (!take(at, ".,"))
		return true;
	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++, place /= 10)
		*ns += place * (**at - '0');
	return true;
}

static bool take_offset(const char **at, int *seconds)
{
	int hours, minutes, sign;

	*seconds = 0;
	if (take(at, "Zz"))
		return true;
	sign = **at == '-' ? -1 : 1;
	if (!take(at, "+-") || !take_number(at, 2, 0, 23, &hours))
		return false;
	take(at, ":");
	if (!take_number(at, 2, 0, 59, &minutes))
		return false;
	*seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool is_day(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return day <= days[month - 1] + (month == 2 && leap);
}

/* RFC 3339, also with a space for the T and without the time of day. The years are those that 64 bits hold.
 */
static bool parse_time(const char *at, int64_t *ns)
{
	int year, month, day, hour = 0, minute = 0, second = 0, offset = 0;
	int64_t fraction = 0;
	struct tm tm = {0};

	if (!take_number(&at, 4, 1678, 2261, &year) || !take(&at, "-") ||
	    !take_number(&at, 2, 1, 12, &month) || !take(&at, "-") || !take_number(&at, 2, 1, 31, &day) ||
	    !is_day(year, month, day))
		return false;
	if (*at != '\0' && (!take(&at, "Tt ") || !take_number(&at, 2, 0, 23, &hour) || !take(&at, ":") ||
			    !take_number(&at, 2, 0, 59, &minute) || !take(&at, ":") ||
			    !take_number(&at, 2, 0, 60, &second) || !take_fraction(&at, &fraction) ||
			    !take_offset(&at, &offset) || *at != '\0'))
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	tm.tm_mday = day;
	tm.tm_hour = hour;
	tm.tm_min = minute;
	tm.tm_sec = second;
	*ns = ((int64_t)timegm(&tm) - offset) * SECOND + fraction;
	return true;
}

static struct pure_result time_parse(const struct value *args, size_t count)
{
	struct pure_result wrong;
	int64_t ns;

	if (!pure_arguments("time.parse", "s", args, count, &wrong))
		return wrong;
	if (strlen(args[0].string->bytes) != args[0].string->length ||
	    !parse_time(args[0].string->bytes, &ns)) {
		struct value shown = value_show(args[0], 60);

		wrong = pure_failed("time.parse: %s is no time such as 2026-01-31T12:00:00Z",
				    value_text_peek(shown));
		value_release(shown);
		return wrong;
	}
	return pure_answer(args, count, value_time(ns));
}

/* Conversions of strftime() that mean the same everywhere; the others depend on a locale. */
static bool is_pattern(const char *pattern)
{
	for (; *pattern; pattern++)
		if (*pattern == '%' && (*++pattern == '\0' || !strchr("YmdHMSjuVGFTRsyeIpZzaAbB%", *pattern)))
			return false;
	return true;
}

static struct pure_result time_format(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("time.format", "ts", args, count, &wrong))
		return wrong;
	if (strlen(args[1].string->bytes) != args[1].string->length || !is_pattern(args[1].string->bytes))
		return pure_failed(
		    "time.format: the pattern has a conversion other than those of the documentation");
	/* The longest conversion, a month's or a day's name, has nine bytes. */
	if (args[1].string->length > FORMAT_MAX / 12)
		return pure_failed("time.format: the pattern is too long");
	return pure_answer(args, count, format_utc(args[0].i, args[1].string->bytes));
}

static struct pure_result time_unix(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("time.unix", "t", args, count, &wrong))
		return wrong;
	return pure_answer(args, count, value_int(args[0].i / SECOND - (args[0].i % SECOND < 0)));
}

static struct pure_result time_from_unix(const struct value *args, size_t count)
{
	struct pure_result wrong;
	double seconds;

	if (!pure_arguments("time.from_unix", "n", args, count, &wrong))
		return wrong;
	if (args[0].tag == VALUE_INT && args[0].i >= INT64_MIN / SECOND && args[0].i <= INT64_MAX / SECOND)
		return pure_answer(args, count, value_time(args[0].i * SECOND));
	if (args[0].tag != VALUE_INT && args[0].tag != VALUE_FLOAT)
		return pure_failed("time.from_unix: a number without a unit is wanted");
	value_as_double(args[0], &seconds);
	if (!(fabs(seconds) < 9.2e9))
		return pure_failed("time.from_unix: no time is that far away");
	return pure_answer(args, count, value_time((int64_t)llround(seconds * 1e9)));
}

/* ---- durations as text ---- */

static bool take_unit(const char **at, double *ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ms", 1e6},   {"us", 1e3}, {"ns", 1}, {"d", 86400e9},
		     {"h", 3600e9}, {"m", 60e9}, {"s", 1e9}};
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strncmp(*at, units[i].name, strlen(units[i].name)) == 0) {
			*at += strlen(units[i].name);
			*ns = units[i].ns;
			return true;
		}
	return false;
}

static bool parse_duration(const char *at, int64_t *out)
{
	double total = 0;

	do {
		size_t digits = strspn(at, "0123456789."), points = 0, i;
		double number, unit;

		for (i = 0; i < digits; i++)
			points += at[i] == '.';
		if (digits == 0 || points > 1 || at[0] == '.' || at[digits - 1] == '.')
			return false;
		number = strtod(at, NULL);
		at += digits;
		if (!take_unit(&at, &unit))
			return false;
		total += number * unit;
	} while (*at != '\0');
	if (total > 9.2e18)
		return false;
	*out = llround(total);
	return true;
}

static struct pure_result time_duration(const struct value *args, size_t count)
{
	struct pure_result wrong;
	int64_t ns;

	if (!pure_arguments("time.duration", "s", args, count, &wrong))
		return wrong;
	if (strlen(args[0].string->bytes) != args[0].string->length ||
	    !parse_duration(args[0].string->bytes, &ns)) {
		struct value shown = value_show(args[0], 60);

		wrong = pure_failed("time.duration: %s is no duration such as 1h30m", value_text_peek(shown));
		value_release(shown);
		return wrong;
	}
	return pure_answer(args, count, value_duration(ns));
}

static const struct builtin time_rows[] = {
    {.name = "time.now",
     .signature = "() -> time",
     .summary = "The time, as the machine's clock has it.",
     .details =
	 "A read: a resumed run sees the time that the first one saw. `time.now() + 5m` is a time, too.",
     .example = "time.now()",
     .bad_input = "Cannot fail.",
     .effect = EFFECT_READ,
     .start = time_now,
     .simulate = time_now_simulate},
    {.name = "time.stamp",
     .signature = "() -> string",
     .summary = "The time as text for the name of a file: 20260131T120000Z.",
     .details = "Stamps are in UTC and sort by age.",
     .example = "\"thebot_${time.stamp()}.dump\"",
     .bad_input = "Cannot fail.",
     .effect = EFFECT_READ,
     .start = time_stamp,
     .simulate = time_stamp_simulate},
    {.name = "time.since",
     .signature = "(then: time) -> duration",
     .summary = "How long ago a time was; negative where it is still to come.",
     .example = "time.since(file.modified(\"/var/backups/thebot.dump\")) < 1d",
     .bad_input = "An argument that is no time is a failure.",
     .effect = EFFECT_READ,
     .start = time_since,
     .simulate = time_since_simulate},
    {.name = "time.parse",
     .signature = "(text: secret string) -> time",
     .summary = "The time that an RFC 3339 text such as 2026-01-31T12:00:00Z stands for.",
     .details = "The seconds may have a fraction, the offset may be `Z` or `+01:00`, a space may stand for "
		"the T. A date alone is its first instant in UTC.",
     .example = "time.parse(\"2026-01-31T12:00:00+01:00\")",
     .bad_input = "Any other text, and a day that no calendar has, is a failure.",
     .call = time_parse},
    {.name = "time.format",
     .signature = "(t: time, pattern: string = \"%Y-%m-%d %H:%M:%S\") -> string",
     .summary = "A time in UTC, in the form that a pattern of strftime gives.",
     .details = "Conversions: `%Y %m %d %H %M %S %j %u %V %G %F %T %R %s %y %e %I %p %Z %z %a %A %b %B %%`.",
     .example = "time.format(time.parse(\"2026-01-31T12:00:00Z\"), \"%d.%m.%Y\")",
     .bad_input = "Another conversion, or a pattern of more than 85 bytes, is a failure.",
     .call = time_format},
    {.name = "time.unix",
     .signature = "(t: time) -> int",
     .summary = "The whole seconds from 1970 to a time.",
     .example = "time.unix(time.parse(\"2026-01-31T12:00:00Z\"))",
     .bad_input = "An argument that is no time is a failure.",
     .call = time_unix},
    {.name = "time.from_unix",
     .signature = "(seconds: float) -> time",
     .summary = "The time that is so many seconds after 1970 began.",
     .example = "time.from_unix(1769860800)",
     .bad_input = "A number beyond the years 1678 to 2261, or one with a unit, is a failure.",
     .call = time_from_unix},
    {.name = "time.duration",
     .signature = "(text: secret string) -> duration",
     .summary = "The duration that a text such as 1h30m, 250ms or 1.5s stands for.",
     .details =
	 "For what comes from outside; in a plan a duration is written as it is. Units: `d h m s ms us ns`.",
     .example = "time.duration(\"1h30m\")",
     .bad_input = "A number without a unit, or any other text, is a failure.",
     .call = time_duration},
};

const struct builtin_table time_table = {
    .name = "time",
    .summary = "The clock (a read), and times and durations as text and numbers (pure). All in UTC.",
    .rows = time_rows,
    .row_count = sizeof(time_rows) / sizeof(*time_rows),
};
