/*
 * heap.h - what is due first: a binary heap (Williams, CACM 7(6), 1964) of entries that stand inside their owners, so
 * that any of them can be taken out again. Of several with the same time the one with the lowest serial comes first.
 */
#ifndef RUNPLAN_HEAP_H
#define RUNPLAN_HEAP_H

#include <stdint.h>

struct heap_entry {
	int64_t due; /* ns */
	uint64_t serial;
	uint32_t position; /* in the heap, from 1; 0: not in it */
};

struct heap { /* zeroed: empty */
	struct heap_entry **entries;
	uint32_t count, room;
};

/* The entry is lent until it is taken out; `due` and `serial` are set, and it is in no heap. */
void heap_put(struct heap *heap, struct heap_entry *entry);
void heap_take(struct heap *heap, struct heap_entry *entry); /* nothing where it is in no heap */
void heap_free(struct heap *heap);			     /* not its entries */

/* NULL: empty. */
static inline struct heap_entry *heap_first(const struct heap *heap)
{
	return heap->count ? heap->entries[1] : 0;
}

#endif
