/* pure.c - see pure.h. */
#include "builtins/pure.h"

#include <string.h>

#include "interp/buffer.h"

static const struct {
	char letter;
	const char *name;
} kind_names[] = {
    {'s', "a string"}, {'i', "an int"}, {'b', "a bool"},     {'l', "a list"},
    {'r', "a record"}, {'t', "a time"}, {'d', "a duration"}, {'n', "a number"},
};

static bool fits(char kind, struct value v)
{
	double number;

	switch (kind) {
	case 's':
		return v.tag == VALUE_STRING;
	case 'i':
		return v.tag == VALUE_INT;
	case 'b':
		return v.tag == VALUE_BOOL;
	case 'l':
		return v.tag == VALUE_LIST || v.tag == VALUE_RANGE;
	case 'r':
		return v.tag == VALUE_RECORD;
	case 't':
		return v.tag == VALUE_TIME;
	case 'd':
		return v.tag == VALUE_DURATION;
	case 'n':
		return value_as_double(v, &number);
	default:
		return true;
	}
}

static const char *kind_name(char kind)
{
	size_t i;

	for (i = 0; i < sizeof(kind_names) / sizeof(*kind_names); i++)
		if (kind_names[i].letter == kind)
			return kind_names[i].name;
	return "anything";
}

bool pure_arguments(const char *call, const char *kinds, const struct value *args, size_t count,
		    struct pure_result *wrong)
{
	size_t i;

	for (i = 0; *kinds; i++) {
		char kind = *kinds++;
		bool optional = *kinds == '?';

		kinds += optional;
		if (i >= count) {
			*wrong = pure_failed("%s: argument %zu is missing", call, i + 1);
			return false;
		}
		if (fits(kind, args[i]) || (optional && args[i].tag == VALUE_NULL))
			continue;
		*wrong =
		    pure_failed("%s: argument %zu must be %s, and is %s%s", call, i + 1, kind_name(kind),
				args[i].tag == VALUE_NULL || args[i].tag == VALUE_UNKNOWN ? "" : "of type ",
				value_tag_name((enum value_tag)args[i].tag));
		return false;
	}
	return true;
}

struct pure_result pure_answer(const struct value *args, size_t count, struct value answer)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (value_is_secret(args[i]))
			return pure_ok(value_mark(answer, VALUE_SECRET));
	return pure_ok(answer);
}

void pure_slice(struct value from, struct value count, size_t length, size_t *first, size_t *items)
{
	uint64_t back = -(uint64_t)from.i;

	if (from.i < 0)
		*first = back > length ? 0 : length - (size_t)back;
	else
		*first = (uint64_t)from.i > length ? length : (size_t)from.i;
	*items = length - *first;
	if (count.tag == VALUE_INT && (count.i < 0 || (uint64_t)count.i < *items))
		*items = count.i < 0 ? 0 : (size_t)count.i;
}

struct pure_result pure_join(const char *call, struct value parts, struct value with)
{
	const struct value args[] = {parts, with};
	struct buffer text = {0};
	struct pure_result wrong;
	size_t i, count;

	if (!pure_arguments(call, "ls", args, 2, &wrong))
		return wrong;
	count = value_length(parts);
	for (i = 0; i < count; i++) {
		struct value item = value_item(parts, i), piece = value_to_text(item);

		if (i > 0)
			buffer_add(&text, with.string->bytes, with.string->length);
		buffer_add(&text, value_text_peek(piece), value_length(piece));
		value_release(piece);
		value_release(item);
		if (text.length > PURE_BYTES_MAX) {
			buffer_free(&text);
			return pure_failed("%s: the text would exceed 64MiB", call);
		}
	}
	return pure_answer(args, 2, buffer_finish(&text));
}
