/* heap.c - a binary heap; see heap.h. */
#include "interp/heap.h"

#include <stdbool.h>
#include <stdlib.h>

#include "interp/value.h"

static bool earlier(const struct heap_entry *a, const struct heap_entry *b)
{
	return a->due != b->due ? a->due < b->due : a->serial < b->serial;
}

static void place(struct heap *heap, struct heap_entry *entry, uint32_t position)
{
	heap->entries[position] = entry;
	entry->position = position;
}

static void sift(struct heap *heap, struct heap_entry *entry, uint32_t at)
{
	while (at > 1 && earlier(entry, heap->entries[at / 2])) {
		place(heap, heap->entries[at / 2], at);
		at /= 2;
	}
	for (;;) {
		uint32_t child = at * 2;
		if (child > heap->count)
			break;
		if (child < heap->count && earlier(heap->entries[child + 1], heap->entries[child]))
			child++;
		if (!earlier(heap->entries[child], entry))
			break;
		place(heap, heap->entries[child], at);
		at = child;
	}
	place(heap, entry, at);
}

void heap_put(struct heap *heap, struct heap_entry *entry)
{
	if (heap->count + 2 > heap->room) {
		heap->room = heap->room ? heap->room * 2 : 16;
		heap->entries = memory_need(realloc(heap->entries, heap->room * sizeof(*heap->entries)));
	}
	sift(heap, entry, ++heap->count);
}

void heap_take(struct heap *heap, struct heap_entry *entry)
{
	uint32_t at = entry->position;

	if (!at)
		return;
	entry->position = 0;
	struct heap_entry *last = heap->entries[heap->count--];
	if (last != entry)
		sift(heap, last, at);
}

void heap_free(struct heap *heap)
{
	free(heap->entries);
	*heap = (struct heap){ 0 };
}
