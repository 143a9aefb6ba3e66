#include "grammar/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* The first block is enough for a plan of 100 lines; each further one is twice as large, up to the second
 * figure. An arena that needs more than that goes on with blocks of huge pages: page faults took 40 % of the
 * time in which 4 MB of plans were parsed. */
#define FIRST_BLOCK_BYTES (64 * 1024)
#define BLOCK_BYTES	  (1024 * 1024)
#define HUGE_PAGE_BYTES	  ((size_t)2 * 1024 * 1024)

struct arena_block {
	struct arena_block *next;
	size_t mapped; /* bytes from mmap; 0: it is malloc's */
	_Alignas(ARENA_ALIGNMENT) char bytes[];
};

void arena_out_of_memory(void)
{
	fputs("runplan: out of memory\n", stderr);
	exit(6);
}

void arena_init(struct arena *arena)
{
	*arena = (struct arena){0};
}

void arena_free(struct arena *arena)
{
	struct arena_block *block = arena->blocks;

	while (block) {
		struct arena_block *next = block->next;

		if (block->mapped)
			munmap(block, block->mapped);
		else
			free(block);
		block = next;
	}
	arena_init(arena);
}

/* `size` is a multiple of HUGE_PAGE_BYTES. The kernel aligns nothing to huge pages by itself: what is too
 * much at both ends is given back. Where there are no huge pages these are common ones. */
static struct arena_block *map_block(size_t size)
{
	char *area =
	    mmap(NULL, size + HUGE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t before;
	struct arena_block *block;

	if (area == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)area & (HUGE_PAGE_BYTES - 1);
	if (before)
		munmap(area, before);
	munmap(area + before + size, HUGE_PAGE_BYTES - before);
	block = (struct arena_block *)(area + before);
	madvise(block, size, MADV_HUGEPAGE);
	block->mapped = size;
	return block;
}

/* A block with room for `*size` bytes; `*size` becomes the room that it has. */
static struct arena_block *take_block(struct arena *arena, size_t *size)
{
	size_t all = *size + sizeof(struct arena_block);
	struct arena_block *block = NULL;

	if (all >= HUGE_PAGE_BYTES) {
		all = (all + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
		block = all > *size && all < SIZE_MAX / 2 ? map_block(all) : NULL;
	} else {
		block = calloc(1, all);
	}
	if (!block)
		arena_out_of_memory();
	arena->total += all;
	*size = all - sizeof(*block);
	return block;
}

/* What does not fit: a large piece gets a block of its own behind the one being filled. */
static void *alloc_block(struct arena *arena, size_t size)
{
	size_t room = arena->total < FIRST_BLOCK_BYTES ? FIRST_BLOCK_BYTES
		      : arena->total < BLOCK_BYTES     ? arena->total
						       : HUGE_PAGE_BYTES - sizeof(struct arena_block);
	struct arena_block *block;

	if (size > room / 4) {
		block = take_block(arena, &size);
		if (arena->blocks) {
			block->next = arena->blocks->next;
			arena->blocks->next = block;
		} else {
			arena->blocks = block;
		}
		return block->bytes;
	}
	block = take_block(arena, &room);
	block->next = arena->blocks;
	arena->blocks = block;
	arena->free = block->bytes + size;
	arena->end = block->bytes + room;
	return block->bytes;
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
	size_t rounded = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
	char *piece = arena->free;

	if (rounded < size)
		arena_out_of_memory();
	if ((size_t)(arena->end - piece) < rounded || !piece)
		return alloc_block(arena, rounded);
	arena->free = piece + rounded;
	return piece;
}

void *arena_grow(struct arena *arena, void *old, uint32_t count, uint32_t *room, size_t size)
{
	uint32_t more = *room ? *room * 2 : 16;
	void *bigger;

	if (count < *room)
		return old;
	bigger = arena_alloc(arena, more * size);
	if (count)
		memcpy(bigger, old, count * size);
	*room = more;
	return bigger;
}

char *arena_strndup(struct arena *arena, const char *bytes, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);

	if (length)
		memcpy(copy, bytes, length);
	return copy;
}

char *arena_strdup(struct arena *arena, const char *string)
{
	return arena_strndup(arena, string, strlen(string));
}

char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	char most[256]; /* is enough for nearly all: formatting twice is slow */
	va_list again;
	int length;
	char *text;

	va_copy(again, args);
	length = vsnprintf(most, sizeof(most), format, again);
	va_end(again);
	if (length < 0)
		return arena_strdup(arena, "");
	if ((size_t)length < sizeof(most))
		return arena_strndup(arena, most, (size_t)length);
	text = arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, args);
	return text;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}
