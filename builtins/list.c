/* list.c - list.*: lists, ranges and the fields of records. Items keep their own secret marks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/pure.h"
#include "builtins/tables.h"
#include "interp/buffer.h"

static struct pure_result too_many(const char *call)
{
	return pure_failed("%s: more than %d items", call, PURE_ITEMS_MAX);
}

/* A range may be longer than any list. */
static bool short_enough(struct value list)
{
	return value_length(list) <= PURE_ITEMS_MAX;
}

static struct pure_result list_length(const struct value *args, size_t count)
{
	(void)count;
	if (args[0].tag != VALUE_LIST && args[0].tag != VALUE_RECORD && args[0].tag != VALUE_RANGE)
		return pure_failed("list.length: a list, a range or a record is wanted, not %s",
				   value_tag_name((enum value_tag)args[0].tag));
	if (value_length(args[0]) > INT64_MAX)
		return too_many("list.length");
	return pure_ok(value_mark(value_int((int64_t)value_length(args[0])), args[0].flags & VALUE_SECRET));
}

static struct pure_result list_first(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("list.first", "l*", args, count, &wrong))
		return wrong;
	return pure_ok(value_length(args[0]) > 0 ? value_item(args[0], 0) : value_copy(args[1]));
}

static struct pure_result list_last(const struct value *args, size_t count)
{
	struct pure_result wrong;
	size_t length;

	if (!pure_arguments("list.last", "l*", args, count, &wrong))
		return wrong;
	length = value_length(args[0]);
	return pure_ok(length > 0 ? value_item(args[0], length - 1) : value_copy(args[1]));
}

/* ---- sorting: a merge sort, because it is stable and its comparisons may fail ---- */

struct sorting {
	const char *field; /* of records, or NULL: the items themselves */
	bool descending;
	bool incomparable;
	struct value left, right; /* that could not be compared, lent */
};

static bool goes_behind(struct sorting *sorting, struct value a, struct value b)
{
	struct value left = sorting->field ? record_peek(a, sorting->field) : a;
	struct value right = sorting->field ? record_peek(b, sorting->field) : b;
	bool comparable;
	int order = value_compare(left, right, &comparable);

	if (!comparable && !sorting->incomparable) {
		sorting->incomparable = true;
		sorting->left = left;
		sorting->right = right;
	}
	return sorting->descending ? order < 0 : order > 0;
}

static void merge(struct sorting *sorting, const struct value *from, struct value *to, size_t low,
		  size_t middle, size_t high)
{
	size_t left = low, right = middle, at;

	for (at = low; at < high; at++) {
		bool take_right =
		    left == middle || (right < high && goes_behind(sorting, from[left], from[right]));

		to[at] = take_right ? from[right++] : from[left++];
	}
}

static void sort_items(struct sorting *sorting, struct value *items, size_t count)
{
	struct value *other = memory_need(malloc((count + 1) * sizeof(*other))), *from = items, *to = other,
		     *swap;
	size_t width, low;

	for (width = 1; width < count; width *= 2) {
		for (low = 0; low < count; low += 2 * width) {
			size_t middle = low + width < count ? low + width : count;
			size_t high = low + 2 * width < count ? low + 2 * width : count;

			merge(sorting, from, to, low, middle, high);
		}
		swap = from;
		from = to;
		to = swap;
	}
	if (from != items)
		memcpy(items, from, count * sizeof(*items));
	free(other);
}

/* A list of its own with the same items. */
static struct value list_clone(struct value list)
{
	size_t i, length = value_length(list);
	struct value clone = list_new(length);

	for (i = 0; i < length; i++)
		list_push(&clone, value_item(list, i));
	return value_mark(clone, list.flags & VALUE_SECRET);
}

static struct pure_result list_sort(const struct value *args, size_t count)
{
	struct sorting sorting = {0};
	struct pure_result wrong;
	struct value sorted;

	if (!pure_arguments("list.sort", "ls?b", args, count, &wrong))
		return wrong;
	if (!short_enough(args[0]))
		return too_many("list.sort");
	sorting.field = args[1].tag == VALUE_STRING ? args[1].string->bytes : NULL;
	sorting.descending = args[2].b;
	sorted = list_clone(args[0]);
	sort_items(&sorting, sorted.list->items, sorted.list->count);
	if (sorting.incomparable) {
		wrong = pure_failed("list.sort: %s and %s have no order",
				    value_tag_name((enum value_tag)sorting.left.tag),
				    value_tag_name((enum value_tag)sorting.right.tag));
		value_release(sorted);
		return wrong;
	}
	return pure_ok(sorted);
}

static struct pure_result list_reverse(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value list;
	size_t i;

	if (!pure_arguments("list.reverse", "l", args, count, &wrong))
		return wrong;
	if (!short_enough(args[0]))
		return too_many("list.reverse");
	list = list_new(value_length(args[0]));
	for (i = value_length(args[0]); i > 0; i--)
		list_push(&list, value_item(args[0], i - 1));
	return pure_ok(value_mark(list, args[0].flags & VALUE_SECRET));
}

static bool holds(struct value list, struct value item)
{
	size_t i, length = value_length(list);

	if (list.tag == VALUE_RANGE)
		return item.tag == VALUE_INT && item.i >= list.range->from && item.i <= list.range->to;
	for (i = 0; i < length; i++)
		if (value_equal(list_peek(list, i), item))
			return true;
	return false;
}

static struct pure_result list_unique(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value list;
	size_t i;

	if (!pure_arguments("list.unique", "l", args, count, &wrong))
		return wrong;
	/* Each item is compared with all that are kept. */
	if (value_length(args[0]) > 10000)
		return pure_failed("list.unique: more than 10000 items");
	list = list_new(0);
	for (i = 0; i < value_length(args[0]); i++) {
		struct value item = value_item(args[0], i);

		if (holds(list, item))
			value_release(item);
		else
			list_push(&list, item);
	}
	return pure_answer(args, count, list);
}

static struct pure_result list_contains(const struct value *args, size_t count)
{
	struct pure_result wrong;

	if (!pure_arguments("list.contains", "l*", args, count, &wrong))
		return wrong;
	return pure_answer(args, count, value_bool(holds(args[0], args[1])));
}

/* a + b, both of one unit. False: they don't add, or the sum has no room. */
static bool add(struct value *sum, struct value item)
{
	double number;

	if (sum->tag == VALUE_NULL && value_as_double(item, &number)) {
		*sum = item;
		return true;
	}
	if (sum->tag == VALUE_FLOAT && item.tag == VALUE_INT)
		item = value_float((double)item.i);
	if (sum->tag == VALUE_INT && item.tag == VALUE_FLOAT)
		*sum = value_float((double)sum->i);
	if (sum->tag != item.tag)
		return false;
	switch ((enum value_tag)sum->tag) {
	case VALUE_INT:
	case VALUE_DURATION:
	case VALUE_SIZE:
		return !__builtin_add_overflow(sum->i, item.i, &sum->i);
	case VALUE_FLOAT:
	case VALUE_PERCENT:
		sum->f += item.f;
		return true;
	default:
		return false;
	}
}

static struct pure_result list_sum(const struct value *args, size_t count)
{
	struct value sum = value_null();
	struct pure_result wrong;
	size_t i, length;

	if (!pure_arguments("list.sum", "l", args, count, &wrong))
		return wrong;
	if (!short_enough(args[0]))
		return too_many("list.sum");
	length = value_length(args[0]);
	for (i = 0; i < length; i++) {
		struct value item = value_item(args[0], i);
		enum value_tag before = (enum value_tag)sum.tag, tag = (enum value_tag)item.tag;
		bool added = add(&sum, item);

		value_release(item);
		if (!added && before == tag && tag != VALUE_NULL)
			return pure_failed("list.sum: the sum exceeds 64 bits");
		if (!added)
			return pure_failed("list.sum: item %zu is of type %s, which does not add to %s", i,
					   value_tag_name(tag), i > 0 ? value_tag_name(before) : "anything");
	}
	if (sum.tag == VALUE_NULL)
		sum = value_int(0);
	sum.flags = 0;
	return pure_answer(args, count, sum);
}

static struct pure_result extreme(const char *call, const struct value *args, size_t count, int wanted)
{
	struct pure_result wrong;
	struct value best;
	size_t i, length;

	if (!pure_arguments(call, "l", args, count, &wrong))
		return wrong;
	if (!short_enough(args[0]))
		return too_many(call);
	length = value_length(args[0]);
	best = value_item(args[0], 0);
	for (i = 1; i < length; i++) {
		struct value item = value_item(args[0], i);
		bool comparable;
		int order = value_compare(item, best, &comparable);

		if (!comparable) {
			wrong = pure_failed("%s: %s and %s have no order", call,
					    value_tag_name((enum value_tag)best.tag),
					    value_tag_name((enum value_tag)item.tag));
			value_release(item);
			value_release(best);
			return wrong;
		}
		if ((order > 0) - (order < 0) == wanted) {
			value_release(best);
			best = item;
		} else {
			value_release(item);
		}
	}
	return pure_answer(args, count, best);
}

static struct pure_result list_min(const struct value *args, size_t count)
{
	return extreme("list.min", args, count, -1);
}

static struct pure_result list_max(const struct value *args, size_t count)
{
	return extreme("list.max", args, count, 1);
}

static struct pure_result list_flatten(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value flat;
	size_t i, k;

	if (!pure_arguments("list.flatten", "l", args, count, &wrong))
		return wrong;
	if (!short_enough(args[0]))
		return too_many("list.flatten");
	flat = list_new(0);
	for (i = 0; i < value_length(args[0]); i++) {
		struct value item = value_item(args[0], i);

		if (item.tag != VALUE_LIST && item.tag != VALUE_RANGE) {
			list_push(&flat, item);
			continue;
		}
		for (k = 0; k < value_length(item) && short_enough(flat); k++)
			list_push(&flat, value_item(item, k));
		value_release(item);
	}
	if (!short_enough(flat)) {
		value_release(flat);
		return too_many("list.flatten");
	}
	return pure_ok(value_mark(flat, args[0].flags & VALUE_SECRET));
}

static struct pure_result list_join(const struct value *args, size_t count)
{
	(void)count;
	return pure_join("list.join", args[0], args[1]);
}

static struct pure_result list_slice(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value slice;
	size_t first, items, i;

	if (!pure_arguments("list.slice", "lii?", args, count, &wrong))
		return wrong;
	pure_slice(args[1], args[2], value_length(args[0]), &first, &items);
	if (items > PURE_ITEMS_MAX)
		return too_many("list.slice");
	slice = list_new(items);
	for (i = 0; i < items; i++)
		list_push(&slice, value_item(args[0], first + i));
	return pure_ok(value_mark(slice, args[0].flags & VALUE_SECRET));
}

static struct pure_result list_zip(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value zipped;
	size_t i, length;

	if (!pure_arguments("list.zip", "ll", args, count, &wrong))
		return wrong;
	length = value_length(args[0]);
	if (length != value_length(args[1]))
		return pure_failed("list.zip: one has %zu items, the other %zu", length,
				   value_length(args[1]));
	if (length > PURE_ITEMS_MAX)
		return too_many("list.zip");
	zipped = list_new(length);
	for (i = 0; i < length; i++) {
		struct value pair = list_new(2);

		list_push(&pair, value_item(args[0], i));
		list_push(&pair, value_item(args[1], i));
		list_push(&zipped, pair);
	}
	return pure_ok(zipped);
}

static struct pure_result list_index(const struct value *args, size_t count)
{
	struct pure_result wrong;
	size_t i;

	if (!pure_arguments("list.index", "l*", args, count, &wrong))
		return wrong;
	if (!short_enough(args[0]))
		return too_many("list.index");
	for (i = 0; i < value_length(args[0]); i++) {
		struct value item = value_item(args[0], i);
		bool same = value_equal(item, args[1]);

		value_release(item);
		if (same)
			return pure_answer(args, count, value_int((int64_t)i));
	}
	return pure_answer(args, count, value_null());
}

static struct pure_result list_keys(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value keys;
	size_t i;

	if (!pure_arguments("list.keys", "r", args, count, &wrong))
		return wrong;
	keys = list_new(value_length(args[0]));
	for (i = 0; i < value_length(args[0]); i++)
		list_push(&keys, value_string_n(args[0].record->fields[i].key->bytes,
						args[0].record->fields[i].key->length));
	return pure_ok(value_mark(keys, args[0].flags & VALUE_SECRET));
}

static struct pure_result list_values(const struct value *args, size_t count)
{
	struct pure_result wrong;
	struct value values;
	size_t i;

	if (!pure_arguments("list.values", "r", args, count, &wrong))
		return wrong;
	values = list_new(value_length(args[0]));
	for (i = 0; i < value_length(args[0]); i++)
		list_push(&values, value_copy(record_value_peek(args[0], i)));
	return pure_ok(values);
}

#define LISTS_ONLY                                                                                           \
	"An argument that is no list (a JSON answer may hold anything) is a failure that says what it is."
#define NO_ORDER "Items that have no order between them, such as a percent and an int, are a failure."

static const struct builtin list_rows[] = {
    {.name = "list.length",
     .signature = "(list: secret any) -> int",
     .summary = "How many items a list or a range has, or how many fields a record.",
     .example = "list.length([1, 2, 3])",
     .bad_input = "Anything else is a failure; the characters of a string are counted by `text.length`.",
     .call = list_length},
    {.name = "list.first",
     .signature = "(list: secret list(any), fallback: any = null) -> any",
     .summary = "The first item of a list, or `fallback` where it is empty.",
     .example = "list.first([\"blue\", \"green\"])",
     .bad_input = LISTS_ONLY,
     .call = list_first},
    {.name = "list.last",
     .signature = "(list: secret list(any), fallback: any = null) -> any",
     .summary = "The last item of a list, or `fallback` where it is empty.",
     .example = "list.last([\"blue\", \"green\"])",
     .bad_input = LISTS_ONLY,
     .call = list_last},
    {.name = "list.sort",
     .signature = "(list: secret list(any), by: string = null, descending: bool = false) -> list(any)",
     .summary = "The items in order, smallest first; records by the field that `by` names.",
     .details = "Items that are equal keep their order. Strings are ordered by their bytes.",
     .example = "list.sort([3, 1, 2], descending: true)",
     .bad_input = NO_ORDER,
     .call = list_sort},
    {.name = "list.reverse",
     .signature = "(list: secret list(any)) -> list(any)",
     .summary = "The items in the opposite order.",
     .example = "list.reverse([1, 2, 3])",
     .bad_input = LISTS_ONLY,
     .call = list_reverse},
    {.name = "list.unique",
     .signature = "(list: secret list(any)) -> list(any)",
     .summary = "The items without those that are equal to an earlier one.",
     .example = "list.unique([1, 2, 1])",
     .bad_input = "More than 10000 items are a failure.",
     .call = list_unique},
    {.name = "list.contains",
     .signature = "(list: secret list(any), item: secret any) -> bool",
     .summary = "Whether an item of a list is equal to `item`; `item in list` asks the same.",
     .example = "list.contains([\"blue\", \"green\"], \"green\")",
     .bad_input = LISTS_ONLY,
     .call = list_contains},
    {.name = "list.index",
     .signature = "(list: secret list(any), item: secret any) -> any",
     .summary =
	 "The number of the first item that is equal to `item`, counted from 0, or null where there is none.",
     .example = "list.index([\"blue\", \"green\"], \"green\")",
     .bad_input = LISTS_ONLY,
     .call = list_index},
    {.name = "list.sum",
     .signature = "(list: secret list(any)) -> any",
     .summary = "The sum of numbers, percents, durations or sizes; 0 for an empty list.",
     .example = "list.sum([30s, 1m])",
     .bad_input = "Items of different units, or a sum beyond 64 bits, are a failure.",
     .call = list_sum},
    {.name = "list.min",
     .signature = "(list: secret list(any)) -> any",
     .summary = "The smallest item, or null of an empty list.",
     .example = "list.min([2, 1, 3])",
     .bad_input = NO_ORDER,
     .call = list_min},
    {.name = "list.max",
     .signature = "(list: secret list(any)) -> any",
     .summary = "The largest item, or null of an empty list.",
     .example = "list.max([5%, 25%])",
     .bad_input = NO_ORDER,
     .call = list_max},
    {.name = "list.flatten",
     .signature = "(list: secret list(any)) -> list(any)",
     .summary = "One list of the items of all lists in a list; items that are no lists stay as they are.",
     .details = "Goes one level down: `list.flatten([[1], [[2]]])` is `[1, [2]]`.",
     .example = "list.flatten([[1, 2], [3]])",
     .bad_input = "A result of more than 1000000 items is a failure.",
     .call = list_flatten},
    {.name = "list.join",
     .signature = "(list: secret list(any), with: string = \", \") -> string",
     .summary = "The texts of all items, with `with` between each two.",
     .details = "For people; `text.join` is the same without the comma.",
     .example = "list.join([\"blue\", \"green\"])",
     .bad_input = "An argument of another type, or a result beyond 64MiB, is a failure.",
     .call = list_join},
    {.name = "list.slice",
     .signature = "(list: secret list(any), from: int, count: int = null) -> list(any)",
     .summary = "`count` items from item number `from` on, or all that follow.",
     .details = "The first item has the number 0; a negative `from` counts from the end. What lies beyond "
		"the list is not there: the slice is shorter, or empty.",
     .example = "list.slice([1, 2, 3, 4], 1, 2)",
     .bad_input = LISTS_ONLY,
     .call = list_slice},
    {.name = "list.zip",
     .signature = "(left: secret list(any), right: secret list(any)) -> list(any)",
     .summary = "Pairs of the items that stand at the same place in two lists.",
     .example = "list.zip([\"a\", \"b\"], [1, 2])",
     .bad_input = "Lists of different lengths are a failure.",
     .call = list_zip},
    {.name = "list.keys",
     .signature = "(record: secret record) -> list(string)",
     .summary = "The names of a record's fields, in the order in which they were set.",
     .example = "list.keys({ blue: 1, green: 2 })",
     .bad_input = "An argument that is no record is a failure.",
     .call = list_keys},
    {.name = "list.values",
     .signature = "(record: secret record) -> list(any)",
     .summary = "The values of a record's fields, in the order in which they were set.",
     .example = "list.values({ blue: 1, green: 2 })",
     .bad_input = "An argument that is no record is a failure.",
     .call = list_values},
};

const struct builtin_table list_table = {
    .name = "list",
    .summary = "Lists, ranges and the fields of records.",
    .rows = list_rows,
    .row_count = sizeof(list_rows) / sizeof(*list_rows),
};
