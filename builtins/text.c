/* text.c - text.*: strings taken apart and put together. Positions and lengths are characters, not bytes. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/pure.h"
#include "builtins/tables.h"
#include "interp/buffer.h"
#include "interp/utf8.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct pure_result too_long(const char *call)
{
	return pure_failed("%s: the text would exceed 64MiB", call);
}

static struct pure_result text_trim(const struct value *args, size_t count)
{
	struct pure_result wrong;
	const char *from, *to;

	if (!pure_arguments("text.trim", "s", args, count, &wrong))
		return wrong;
	from = args[0].string->bytes;
	to = from + args[0].string->length;
	while (from < to && is_space(*from))
		from++;
	while (to > from && is_space(to[-1]))
		to--;
	return pure_answer(args, count, value_string_n(from, (size_t)(to - from)));
}

static struct value change_case(struct value v, char first, char last)
{
	struct value changed = value_string_n(v.string->bytes, v.string->length);
	size_t i;

	for (i = 0; i < changed.string->length; i++)
		if (changed.string->bytes[i] >= first && changed.string->bytes[i] <= last)
			changed.string->bytes[i] ^= 0x20;
	return changed;
}

static struct pure_result text_lower(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("text.lower", "s", args, count, &wrong))
		return wrong;
	return pure_answer(args, count, change_case(args[0], 'A', 'Z'));
}

static struct pure_result text_upper(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("text.upper", "s", args, count, &wrong))
		return wrong;
	return pure_answer(args, count, change_case(args[0], 'a', 'z'));
}

static struct value words(const char *at, const char *end)
{
	struct value list = list_new(0);

	for (;;) {
		const char *from;

		while (at < end && is_space(*at))
			at++;
		if (at == end)
			return list;
		for (from = at; at < end && !is_space(*at);)
			at++;
		list_push(&list, value_string_n(from, (size_t)(at - from)));
	}
}

static struct value split_by(const char *at, const char *end, const char *by, size_t by_length)
{
	struct value list = list_new(0);
	const char *hit;

	while ((hit = memmem(at, (size_t)(end - at), by, by_length))) {
		list_push(&list, value_string_n(at, (size_t)(hit - at)));
		at = hit + by_length;
	}
	list_push(&list, value_string_n(at, (size_t)(end - at)));
	return list;
}

static struct pure_result text_split(const struct value *args, size_t count)
{
	struct pure_result wrong;
	const char *text, *end;

	if (!pure_arguments("text.split", "ss?", args, count, &wrong))
		return wrong;
	text = args[0].string->bytes;
	end = text + args[0].string->length;
	if (args[1].tag == VALUE_NULL)
		return pure_answer(args, count, words(text, end));
	if (args[1].string->length == 0)
		return pure_failed("text.split: there is nothing to split by");
	return pure_answer(args, count, split_by(text, end, args[1].string->bytes, args[1].string->length));
}

static struct pure_result text_join(const struct value *args, size_t count)
{
	(void)count;
	return pure_join("text.join", args[0], args[1]);
}

static struct pure_result text_lines(const struct value *args, size_t count)
{
	struct value list = list_new(0);
	struct pure_result wrong;
	const char *at, *end;

	if (!pure_arguments("text.lines", "s", args, count, &wrong)) {
		value_release(list);
		return wrong;
	}
	at = args[0].string->bytes;
	end = at + args[0].string->length;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *stop = newline ? newline : end;

		list_push(&list, value_string_n(at, (size_t)(stop - at) -
							(newline && stop > at && stop[-1] == '\r')));
		at = newline ? newline + 1 : end;
	}
	return pure_answer(args, count, list);
}

static struct pure_result text_starts_with(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("text.starts_with", "ss", args, count, &wrong))
		return wrong;
	return pure_answer(
	    args, count,
	    value_bool(args[1].string->length <= args[0].string->length &&
		       memcmp(args[0].string->bytes, args[1].string->bytes, args[1].string->length) == 0));
}

static struct pure_result text_ends_with(const struct value *args, size_t count)
{
	struct pure_result wrong;
	size_t text, end;

	if (!pure_arguments("text.ends_with", "ss", args, count, &wrong))
		return wrong;
	text = args[0].string->length;
	end = args[1].string->length;
	return pure_answer(args, count,
			   value_bool(end <= text && memcmp(args[0].string->bytes + text - end,
							    args[1].string->bytes, end) == 0));
}

static struct pure_result text_contains(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("text.contains", "ss", args, count, &wrong))
		return wrong;
	return pure_answer(args, count,
			   value_bool(memmem(args[0].string->bytes, args[0].string->length,
					     args[1].string->bytes, args[1].string->length) != NULL));
}

static struct pure_result text_replace(const struct value *args, size_t count)
{
	struct buffer text = {0};
	struct pure_result wrong;
	const char *at, *end, *hit;
	int64_t left;

	if (!pure_arguments("text.replace", "sssi?", args, count, &wrong))
		return wrong;
	if (args[1].string->length == 0)
		return pure_failed("text.replace: there is nothing to look for");
	at = args[0].string->bytes;
	end = at + args[0].string->length;
	left = args[3].tag == VALUE_INT ? args[3].i : INT64_MAX;
	while (left-- > 0 &&
	       (hit = memmem(at, (size_t)(end - at), args[1].string->bytes, args[1].string->length))) {
		buffer_add(&text, at, (size_t)(hit - at));
		buffer_add(&text, args[2].string->bytes, args[2].string->length);
		at = hit + args[1].string->length;
		if (text.length > PURE_BYTES_MAX) {
			buffer_free(&text);
			return too_long("text.replace");
		}
	}
	buffer_add(&text, at, (size_t)(end - at));
	return pure_answer(args, count, buffer_finish(&text));
}

static struct value characters(struct value v, size_t first, size_t count)
{
	const char *bytes = v.string->bytes;
	size_t from = utf8_offset(bytes, v.string->length, first);
	size_t length = utf8_offset(bytes + from, v.string->length - from, count);

	return value_string_n(bytes + from, length);
}

static size_t character_count(struct value v)
{
	return utf8_length(v.string->bytes, v.string->length);
}

static struct pure_result text_slice(const struct value *args, size_t count)
{
	struct pure_result wrong;
	size_t first, items;

	if (!pure_arguments("text.slice", "sii?", args, count, &wrong))
		return wrong;
	pure_slice(args[1], args[2], character_count(args[0]), &first, &items);
	return pure_answer(args, count, characters(args[0], first, items));
}

static struct pure_result text_length(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("text.length", "s", args, count, &wrong))
		return wrong;
	return pure_answer(args, count, value_int((int64_t)character_count(args[0])));
}

/* False where `times` pieces of `length` bytes are more than a text may have. */
static bool add_repeated(struct buffer *text, struct value piece, int64_t times)
{
	int64_t length = (int64_t)piece.string->length;

	if (length > 0 && times > PURE_BYTES_MAX / length)
		return false;
	for (; length > 0 && times > 0; times--)
		buffer_add(text, piece.string->bytes, piece.string->length);
	return true;
}

static struct pure_result text_pad(const struct value *args, size_t count)
{
	struct buffer text = {0};
	struct pure_result wrong;
	int64_t missing;
	bool left;

	if (!pure_arguments("text.pad", "siss", args, count, &wrong))
		return wrong;
	if (character_count(args[2]) != 1)
		return pure_failed("text.pad: `with` must be one character");
	left = strcmp(args[3].string->bytes, "left") == 0;
	if (!left && strcmp(args[3].string->bytes, "right") != 0)
		return pure_failed("text.pad: `side` must be \"left\" or \"right\"");
	missing = args[1].i > 0 ? args[1].i - (int64_t)character_count(args[0]) : 0;
	if (!left)
		buffer_add(&text, args[0].string->bytes, args[0].string->length);
	if (!add_repeated(&text, args[2], missing)) {
		buffer_free(&text);
		return too_long("text.pad");
	}
	if (left)
		buffer_add(&text, args[0].string->bytes, args[0].string->length);
	return pure_answer(args, count, buffer_finish(&text));
}

static struct pure_result text_repeat(const struct value *args, size_t count)
{
	struct buffer text = {0};
	struct pure_result wrong;

	if (!pure_arguments("text.repeat", "si", args, count, &wrong))
		return wrong;
	if (args[1].i < 0)
		return pure_failed("text.repeat: `times` is %" PRId64, args[1].i);
	if (!add_repeated(&text, args[0], args[1].i))
		return too_long("text.repeat");
	return pure_answer(args, count, buffer_finish(&text));
}

static struct pure_result text_truncate(const struct value *args, size_t count)
{
	struct buffer text = {0};
	struct pure_result wrong;
	struct value kept;
	size_t mark, length;

	if (!pure_arguments("text.truncate", "sis", args, count, &wrong))
		return wrong;
	length = character_count(args[0]);
	mark = character_count(args[2]);
	if (args[1].i < 0 || (uint64_t)args[1].i < mark)
		return pure_failed(
		    "text.truncate: `length` must have room for `mark`, which has %zu characters", mark);
	if (length <= (uint64_t)args[1].i)
		return pure_answer(args, count, value_copy(args[0]));
	kept = characters(args[0], 0, (size_t)args[1].i - mark);
	buffer_add(&text, kept.string->bytes, kept.string->length);
	buffer_add(&text, args[2].string->bytes, args[2].string->length);
	value_release(kept);
	return pure_answer(args, count, buffer_finish(&text));
}

/* Decimal only: "0x10", "inf" and "1e5 " are no numbers of a plan. */
static struct value number_of(const char *text, size_t length)
{
	const char *digits = text + (*text == '-' || *text == '+');
	size_t whole = strspn(digits, "0123456789"), rest = whole;
	char *end;
	double f;

	if (digits[rest] == '.') {
		size_t fraction = strspn(digits + rest + 1, "0123456789");

		if (fraction == 0)
			return value_null();
		rest += 1 + fraction;
	}
	if (whole > 0 && (digits[rest] == 'e' || digits[rest] == 'E')) {
		const char *exponent =
		    digits + rest + 1 + (digits[rest + 1] == '-' || digits[rest + 1] == '+');
		size_t places = strspn(exponent, "0123456789");

		if (places == 0)
			return value_null();
		rest = (size_t)(exponent - digits) + places;
	}
	if (whole == 0 || (size_t)(digits + rest - text) != length)
		return value_null();
	if (rest == whole) {
		int64_t i;

		errno = 0;
		i = strtoll(text, &end, 10);
		if (errno == 0)
			return value_int(i);
	}
	f = strtod(text, &end);
	return isfinite(f) ? value_float(f) : value_null();
}

static struct pure_result text_number(const struct value *args, size_t count)
{
	struct pure_result trimmed;
	struct pure_result wrong;
	struct value number;

	if (!pure_arguments("text.number", "s", args, count, &wrong))
		return wrong;
	trimmed = text_trim(args, count);
	number = number_of(trimmed.value.string->bytes, trimmed.value.string->length);
	value_release(trimmed.value);
	return pure_answer(args, count, number);
}

#define STRINGS_ONLY                                                                                         \
	"An argument that is no string (a JSON answer may hold anything) is a failure that says what it is."

static const struct builtin text_rows[] = {
    {.name = "text.trim",
     .signature = "(text: secret string) -> string",
     .summary = "The text without the white space at its ends.",
     .details = "White space is space, tab, newline, carriage return, vertical tab and form feed. Commands "
		"end their output with a newline: `text.trim(probe([\"hostname\"]).stdout)`.",
     .example = "text.trim(\" v2\\n\")",
     .bad_input = STRINGS_ONLY,
     .call = text_trim},
    {.name = "text.lower",
     .signature = "(text: secret string) -> string",
     .summary = "The text with the letters A to Z made small.",
     .details = "Other letters stay: what becomes of them depends on a language that a plan doesn't know.",
     .example = "text.lower(\"Green\")",
     .bad_input = STRINGS_ONLY,
     .call = text_lower},
    {.name = "text.upper",
     .signature = "(text: secret string) -> string",
     .summary = "The text with the letters a to z made capitals.",
     .details = "Other letters stay, as with `text.lower`.",
     .example = "text.upper(\"green\")",
     .bad_input = STRINGS_ONLY,
     .call = text_upper},
    {.name = "text.split",
     .signature = "(text: secret string, by: string = null) -> list(string)",
     .summary = "The parts of a text between the occurrences of `by`, or its words where `by` is left out.",
     .details = "Parts may be empty: `text.split(\"a,,b\", \",\")` has three. Words are what stands between "
		"white space and are never empty.",
     .example = "text.split(\"backend-0,backend-1\", \",\")",
     .bad_input = "An empty `by` is a failure, and so is an argument that is no string.",
     .call = text_split},
    {.name = "text.join",
     .signature = "(parts: secret list(any), with: string = \"\") -> string",
     .summary = "The texts of all parts, with `with` between each two.",
     .details = "A part that is no string shows as it would in an interpolation.",
     .example = "text.join([\"backend\", \"green\"], with: \"-\")",
     .bad_input = "An argument of another type, or a result beyond 64MiB, is a failure.",
     .call = text_join},
    {.name = "text.lines",
     .signature = "(text: secret string) -> list(string)",
     .summary = "The lines of a text, without their ends.",
     .details = "A line ends with `\\n` or `\\r\\n`. A text that ends with a newline has no empty line "
		"behind it, and an empty text has no lines.",
     .example = "text.lines(\"one\\ntwo\\n\")",
     .bad_input = STRINGS_ONLY,
     .call = text_lines},
    {.name = "text.starts_with",
     .signature = "(text: secret string, start: secret string) -> bool",
     .summary = "Whether a text begins with another.",
     .example = "text.starts_with(\"backend-green\", \"backend-\")",
     .bad_input = STRINGS_ONLY,
     .call = text_starts_with},
    {.name = "text.ends_with",
     .signature = "(text: secret string, end: secret string) -> bool",
     .summary = "Whether a text ends with another.",
     .example = "text.ends_with(\"thebot.dump\", \".dump\")",
     .bad_input = STRINGS_ONLY,
     .call = text_ends_with},
    {.name = "text.contains",
     .signature = "(text: secret string, part: secret string) -> bool",
     .summary = "Whether a text holds another anywhere.",
     .details = "`in` asks the same of lists; patterns are asked with `matches` or `re.test`.",
     .example = "text.contains(\"server backend-green:8000\", \"green\")",
     .bad_input = STRINGS_ONLY,
     .call = text_contains},
    {.name = "text.replace",
     .signature =
	 "(text: secret string, old: secret string, new: secret string, at_most: int = null) -> string",
     .summary = "The text with each `old` (or the first `at_most` of them) replaced by `new`.",
     .details = "Both are plain text, never patterns; see `re.replace`.",
     .example = "text.replace(\"server blue;\", \"blue\", \"green\")",
     .bad_input = "An empty `old`, or a result beyond 64MiB, is a failure.",
     .call = text_replace},
    {.name = "text.slice",
     .signature = "(text: secret string, from: int, count: int = null) -> string",
     .summary = "`count` characters from character number `from` on, or all that follow.",
     .details = "The first character has the number 0; a negative `from` counts from the end. What lies "
		"beyond the text is not there: the slice is shorter, or empty.",
     .example = "text.slice(\"3f7a9c01d2\", 0, 7)",
     .bad_input = STRINGS_ONLY,
     .call = text_slice},
    {.name = "text.length",
     .signature = "(text: secret string) -> int",
     .summary = "How many characters a text has.",
     .details = "Characters are Unicode code points; a byte that is not UTF-8 counts as one.",
     .example = "text.length(\"thebot\")",
     .bad_input = STRINGS_ONLY,
     .call = text_length},
    {.name = "text.pad",
     .signature =
	 "(text: secret string, width: int, with: string = \" \", side: string = \"right\") -> string",
     .summary = "The text made `width` characters long by adding `with` on its `side`.",
     .details = "A text that is longer already stays as it is.",
     .example = "text.pad(\"7\", 3, with: \"0\", side: \"left\")",
     .bad_input =
	 "A `with` of other than one character, or a `side` other than left and right, is a failure.",
     .call = text_pad},
    {.name = "text.repeat",
     .signature = "(text: secret string, times: int) -> string",
     .summary = "The text, `times` times.",
     .example = "text.repeat(\"-\", 20)",
     .bad_input = "A negative `times`, or a result beyond 64MiB, is a failure.",
     .call = text_repeat},
    {.name = "text.truncate",
     .signature = "(text: secret string, length: int, mark: string = \"\u2026\") -> string",
     .summary = "The text cut to at most `length` characters, `mark` included, which shows the cut.",
     .example = "text.truncate(\"a very long message\", 10)",
     .bad_input = "A `length` in which `mark` has no room is a failure.",
     .call = text_truncate},
    {.name = "text.number",
     .signature = "(text: secret string) -> any",
     .summary = "The decimal number that a text is, an int or a float, or null where it is none.",
     .details = "White space around it is skipped. `text.number(\"12 MB\")` is null. Units come after: "
		"`text.number(answer) as ms`.",
     .example = "text.number(\"42\\n\") ?? 0",
     .bad_input = "A text that is no number gives null; an argument that is no string is a failure.",
     .call = text_number},
};

const struct builtin_table text_table = {
    .name = "text",
    .summary = "Strings taken apart and put together. Positions and lengths count characters.",
    .rows = text_rows,
    .row_count = sizeof(text_rows) / sizeof(*text_rows),
};
