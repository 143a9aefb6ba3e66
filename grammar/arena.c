#include "grammar/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first block is enough for a plan of 100 lines; each further one is twice as large, up to the second
 * figure. */
#define FIRST_BLOCK_BYTES (64 * 1024)
#define BLOCK_BYTES	  (1024 * 1024)

struct arena_block {
	struct arena_block *next;
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

		free(block);
		block = next;
	}
	arena_init(arena);
}

static struct arena_block *take_block(struct arena *arena, size_t size)
{
	struct arena_block *block = size < SIZE_MAX / 2 ? calloc(1, sizeof(*block) + size) : NULL;

	if (!block)
		arena_out_of_memory();
	arena->total += sizeof(*block) + size;
	return block;
}

/* What does not fit: a large piece gets a block of its own behind the one being filled. */
static void *alloc_slow(struct arena *arena, size_t size)
{
	size_t room = arena->total < FIRST_BLOCK_BYTES ? FIRST_BLOCK_BYTES
		      : arena->total < BLOCK_BYTES     ? arena->total
						       : BLOCK_BYTES;
	struct arena_block *block;

	if (size > room / 4) {
		block = take_block(arena, size);
		if (arena->blocks) {
			block->next = arena->blocks->next;
			arena->blocks->next = block;
		} else {
			arena->blocks = block;
		}
		return block->bytes;
	}
	block = take_block(arena, room);
	block->next = arena->blocks;
	arena->blocks = block;
	arena->free = block->bytes + size;
	arena->end = block->bytes + room;
	return block->bytes;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
	char *piece = arena->free;

	if (rounded < size)
		arena_out_of_memory();
	if ((size_t)(arena->end - piece) < rounded || !piece)
		return alloc_slow(arena, rounded);
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
	va_list again;
	int length;
	char *text;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		return arena_strdup(arena, "");
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
