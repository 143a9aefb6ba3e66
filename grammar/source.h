/* source.h: the texts of one compilation and positions in them.
 *
 * A compilation reads several texts: the plan, its imports, the signatures of builtins, values given on the
 * command line. All of them stand in one `struct sources`, and a span names a text by its index there.
 * Spans are byte offsets; lines and columns are computed only when something is printed.
 */
#ifndef GRAMMAR_SOURCE_H
#define GRAMMAR_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;

/* The bytes [from, to) of text number `file`. from == to is a position between two bytes. */
struct span {
	uint32_t file, from, to;
};

/* A text may have at most this many bytes. */
#define SOURCE_MAX_BYTES (64u * 1024 * 1024)

struct source {
	const char *path; /* as the user wrote it, or "<signature>" and the like */
	const char *text; /* may hold anything, NUL bytes included; a NUL byte stands after the last byte */
	uint32_t length;
	const uint32_t
	    *line_starts; /* offsets of the lines' first bytes; made when first asked for, else NULL */
	uint32_t line_count;
};

struct sources {
	struct arena *arena; /* owns everything in here */
	struct source *list;
	uint32_t count, room;
};

/* Both 1-based. A column counts characters (UTF-8 code points; a tab is one character). */
struct position {
	uint32_t line, column;
};

void sources_init(struct sources *sources, struct arena *arena);

/* Copies `path` and `text` and returns the index of the new text. `length` must be at most SOURCE_MAX_BYTES.
 */
uint32_t source_add(struct sources *sources, const char *path, const char *text, size_t length);

/* Reads the file `path` ("-" is standard input). Returns NULL and sets `*file`, or returns in words why not
 * ("is a directory", "No such file or directory", "is larger than 64 MiB"): text for "PATH: …". */
const char *source_load(struct sources *sources, const char *path, uint32_t *file);

const struct source *source_get(const struct sources *sources, uint32_t file);

/* The text of a span; not terminated: it is span.to - span.from bytes long. */
const char *source_text(const struct sources *sources, struct span span);

/* `offset` may be the text's length (the end of the file), not more. */
struct position source_position(const struct sources *sources, uint32_t file, uint32_t offset);

/* The span of line number `line` (1-based) without its line end. */
struct span source_line(const struct sources *sources, uint32_t file, uint32_t line);

/* From the start of `first` to the end of `last`, both in the same text. */
static inline struct span span_join(struct span first, struct span last)
{
	return (struct span){first.file, first.from, last.to};
}

#endif
