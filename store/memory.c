/* memory.c - rows in an array; see memory.h. */
#include "store/memory.h"

#include <stdlib.h>

struct memory_store {
	struct store base;
	struct value rows; /* a list of strings */
};

static struct memory_store *memory_of(struct store *store)
{
	return (struct memory_store *)store; /* base comes first */
}

static bool memory_append(struct store *store, const char *row, size_t length)
{
	list_push(&memory_of(store)->rows, value_string_n(row, length));
	return true;
}

static bool memory_sync(struct store *store)
{
	(void)store; /* nothing outlives the process anyway */
	return true;
}

static size_t memory_count(struct store *store)
{
	return value_length(memory_of(store)->rows);
}

static const char *memory_row_peek(struct store *store, size_t index, size_t *length)
{
	struct value row = list_peek(memory_of(store)->rows, index);

	*length = value_length(row);
	return row.tag == VALUE_STRING ? value_text_peek(row) : NULL;
}

static void memory_free(struct store *store)
{
	value_release(memory_of(store)->rows);
	free(store);
}

static const struct store_ops memory_ops = {
    .append = memory_append,
    .sync = memory_sync,
    .count = memory_count,
    .row_peek = memory_row_peek,
    .free = memory_free,
};

struct store *store_memory_new(void)
{
	struct memory_store *store = memory_need(calloc(1, sizeof(*store)));

	store->base.ops = &memory_ops;
	store->rows = list_new(0);
	return &store->base;
}
