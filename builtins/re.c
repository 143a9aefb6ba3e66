/* re.c - re.*: regular expressions beyond what the operator `matches` asks. */
#include "builtins/pure.h"
#include "builtins/tables.h"
#include "interp/buffer.h"
#include "interp/regex.h"
#include "interp/utf8.h"

/* NULL: *failed says why. */
static struct regex *begin(const char *call, const struct value *args, struct pure_result *failed)
{
	struct regex *regex;
	char error[REGEX_ERROR];
	size_t offset;

	if (!pure_arguments(call, "ss", args, 2, failed))
		return NULL;
	regex = regex_new(args[0].string->bytes, args[0].string->length, error, &offset);
	if (!regex)
		*failed = pure_failed("%s: the pattern is wrong at byte %zu: %s", call, offset, error);
	else
		regex_begin(regex, args[1].string->bytes, args[1].string->length);
	return regex;
}

static struct pure_result give_up(const char *call, struct regex *regex, struct value unfinished,
				  const char *error)
{
	regex_free(regex);
	value_release(unfinished);
	return pure_failed("%s: %s", call, error);
}

static struct pure_result re_test(const struct value *args, size_t count)
{
	struct pure_result failed;
	struct regex *regex = begin("re.test", args, &failed);
	char error[REGEX_ERROR];
	bool found;

	if (!regex)
		return failed;
	if (!regex_next(regex, &found, error))
		return give_up("re.test", regex, value_null(), error);
	regex_free(regex);
	return pure_answer(args, count, value_bool(found));
}

static struct value match_record(const struct regex *regex, struct value text)
{
	struct value match = record_new(4), groups = list_new(regex_groups(regex));
	size_t i, length;
	const char *whole = regex_group(regex, 0, &length);
	size_t start = (size_t)(whole - text.string->bytes);

	record_set(&match, "text", value_string_n(whole, length));
	record_set(&match, "start", value_int((int64_t)utf8_length(text.string->bytes, start)));
	for (i = 1; i < regex_groups(regex); i++) {
		const char *group = regex_group(regex, i, &length);

		list_push(&groups, group ? value_string_n(group, length) : value_null());
	}
	record_set(&match, "groups", groups);
	record_set(&match, "named", regex_named(regex));
	return match;
}

static struct pure_result re_find(const struct value *args, size_t count)
{
	struct pure_result failed;
	struct regex *regex = begin("re.find", args, &failed);
	char error[REGEX_ERROR];
	struct value match;
	bool found;

	if (!regex)
		return failed;
	if (!regex_next(regex, &found, error))
		return give_up("re.find", regex, value_null(), error);
	match = found ? match_record(regex, args[1]) : value_null();
	regex_free(regex);
	return pure_answer(args, count, match);
}

static struct pure_result re_all(const struct value *args, size_t count)
{
	struct pure_result failed;
	struct regex *regex = begin("re.all", args, &failed);
	struct value matches = list_new(0);
	char error[REGEX_ERROR];
	bool found;

	if (!regex) {
		value_release(matches);
		return failed;
	}
	for (;;) {
		if (!regex_next(regex, &found, error))
			return give_up("re.all", regex, matches, error);
		if (!found)
			break;
		if (value_length(matches) == PURE_ITEMS_MAX)
			return give_up("re.all", regex, matches, "more than 1000000 matches");
		list_push(&matches, match_record(regex, args[1]));
	}
	regex_free(regex);
	return pure_answer(args, count, matches);
}

/*
 * What stands between the matches goes to `between`, for re.replace and re.split. Calls it once more for what
 * stands behind the last match. False: *failed says why.
 */
static bool walk(const char *call, const struct value *args, struct pure_result *failed,
		 bool (*between)(void *context, const char *bytes, size_t length, bool last), void *context)
{
	struct regex *regex = begin(call, args, failed);
	const char *text, *end, *at;
	char error[REGEX_ERROR];
	bool found;

	if (!regex)
		return false;
	text = args[1].string->bytes;
	end = text + args[1].string->length;
	for (at = text;;) {
		const char *match;
		size_t length;

		if (!regex_next(regex, &found, error)) {
			*failed = give_up(call, regex, value_null(), error);
			return false;
		}
		if (!found)
			break;
		match = regex_group(regex, 0, &length);
		if (!between(context, at, (size_t)(match - at), false)) {
			*failed = give_up(call, regex, value_null(), "the answer would be too long");
			return false;
		}
		at = match + length;
	}
	regex_free(regex);
	between(context, at, (size_t)(end - at), true);
	return true;
}

struct replacing {
	struct buffer text;
	struct value with;
};

static bool add_replaced(void *context, const char *bytes, size_t length, bool last)
{
	struct replacing *replacing = context;

	buffer_add(&replacing->text, bytes, length);
	if (!last)
		buffer_add(&replacing->text, replacing->with.string->bytes, replacing->with.string->length);
	return replacing->text.length <= PURE_BYTES_MAX;
}

static struct pure_result re_replace(const struct value *args, size_t count)
{
	struct replacing replacing = {.with = args[2]};
	struct pure_result failed;

	if (!pure_arguments("re.replace", "sss", args, count, &failed))
		return failed;
	if (!walk("re.replace", args, &failed, add_replaced, &replacing)) {
		buffer_free(&replacing.text);
		return failed;
	}
	return pure_answer(args, count, buffer_finish(&replacing.text));
}

static bool add_part(void *context, const char *bytes, size_t length, bool last)
{
	struct value *parts = context;

	(void)last;
	list_push(parts, value_string_n(bytes, length));
	return value_length(*parts) <= PURE_ITEMS_MAX;
}

static struct pure_result re_split(const struct value *args, size_t count)
{
	struct value parts = list_new(0);
	struct pure_result failed;

	if (!walk("re.split", args, &failed, add_part, &parts)) {
		value_release(parts);
		return failed;
	}
	return pure_answer(args, count, parts);
}

#define BAD_PATTERN                                                                                          \
	"A malformed pattern is a failure that names the byte at which it is wrong, and so is one that "     \
	"would backtrack "                                                                                   \
	"without end on this text."

static const struct builtin re_rows[] = {
    {.name = "re.test",
     .signature = "(pattern: string, text: secret string) -> bool",
     .summary = "Whether a pattern is found anywhere in a text; `text matches pattern` asks the same.",
     .details = "Patterns are PCRE2's, over UTF-8. `$` is the very end of the text, also where that ends in "
		"a newline. Write patterns as raw strings, in single quotes.",
     .example = "re.test('^v\\d+$', \"v2\")",
     .bad_input = BAD_PATTERN,
     .flags = BUILTIN_PATTERN,
     .call = re_test},
    {.name = "re.find",
     .signature = "(pattern: string, text: secret string) -> any",
     .summary = "The first place where a pattern is found, as a re_match, or null.",
     .details = "`re.find(...).groups[0]` is the first group. A group that took no part is null.",
     .example = "re.find('server (?<name>\\S+);', \"server backend-blue;\")",
     .bad_input = BAD_PATTERN,
     .flags = BUILTIN_PATTERN,
     .call = re_find},
    {.name = "re.all",
     .signature = "(pattern: string, text: secret string) -> list(re_match)",
     .summary = "All places where a pattern is found, from left to right, none overlapping.",
     .example = "re.all('\\d+', \"10 of 12\")",
     .bad_input = BAD_PATTERN,
     .flags = BUILTIN_PATTERN,
     .call = re_all},
    {.name = "re.replace",
     .signature = "(pattern: string, text: secret string, with: secret string) -> string",
     .summary = "The text with every match replaced by `with`.",
     .details = "`with` is plain text: a `$1` in it is just that, so a value can never be read as a "
		"reference. Where a group is wanted, take it from `re.find`.",
     .example = "re.replace('\\s+', \"a  b\", \" \")",
     .bad_input = BAD_PATTERN,
     .flags = BUILTIN_PATTERN,
     .call = re_replace},
    {.name = "re.split",
     .signature = "(pattern: string, text: secret string) -> list(string)",
     .summary = "The parts of a text between the matches of a pattern.",
     .details = "Parts may be empty, as with `text.split`.",
     .example = "re.split('\\s*,\\s*', \"a , b,c\")",
     .bad_input = BAD_PATTERN,
     .flags = BUILTIN_PATTERN,
     .call = re_split},
};

static const struct builtin_type re_types[] = {
    {.name = "re_match",
     .definition = "{ text: string, start: int, groups: list(any), named: record }",
     .summary = "A match: its text, the number of its first character, its groups by number (the first is "
		"groups[0]) and by name."},
};

const struct builtin_table re_table = {
    .name = "re",
    .summary = "Regular expressions (PCRE2).",
    .rows = re_rows,
    .row_count = sizeof(re_rows) / sizeof(*re_rows),
    .types = re_types,
    .type_count = sizeof(re_types) / sizeof(*re_types),
};
