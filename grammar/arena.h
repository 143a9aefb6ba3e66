/* arena.h: memory that lives as long as one compilation.
 *
 * A bump allocator: blocks are taken from malloc, handed out piece by piece and freed together by
 * arena_free. Nothing in it is freed on its own, so the tree, its strings and its diagnostics may
 * point at each other freely.
 *
 * Running out of memory ends the process with exit code 6 ("the interpreter itself failed") after a line
 * on standard error; so no function here returns NULL and callers never test for it.
 */
#ifndef GRAMMAR_ARENA_H
#define GRAMMAR_ARENA_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first; the newest is the one being filled */
	char *free;		    /* next free byte of the newest block */
	char *end;		    /* its end */
	size_t total;		    /* bytes taken from malloc, for statistics and limits */
};

void arena_init(struct arena *arena);
void arena_free(struct arena *arena); /* leaves an empty arena that may be used again */

/* What happens then; for others whose allocations have no way to fail. */
_Noreturn void arena_out_of_memory(void);

/* Of every piece: enough for pointers, 64-bit integers and doubles, which is all that trees are made of. */
#define ARENA_ALIGNMENT 8

/* Of a size that has no room in the newest block. */
void *arena_alloc_slow(struct arena *arena, size_t size);

/* Zeroed memory. `size` may be 0. */
static inline void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + ARENA_ALIGNMENT - 1) & ~(size_t)(ARENA_ALIGNMENT - 1);
	char *piece = arena->free;

	if (__builtin_expect(rounded - 1 >= (size_t)(arena->end - piece), 0))
		return arena_alloc_slow(arena, size);
	arena->free = piece + rounded;
	return piece;
}

/* For arrays that grow: `old` if it has room for one more than `count` elements of `size` bytes, else a copy
 * with twice the room. */
void *arena_grow(struct arena *arena, void *old, uint32_t count, uint32_t *room, size_t size);

/* A copy of `length` bytes with a NUL byte after them. */
char *arena_strndup(struct arena *arena, const char *bytes, size_t length);
char *arena_strdup(struct arena *arena, const char *string);

char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *arena, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

#endif
