#include "grammar/format.h"

#include <string.h>

#include "grammar/format_inner.h"
#include "grammar/parse.h"

/* Whether the text reads as the same tree. */
static bool reads_as(const struct node *file, const char *text, size_t length)
{
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct node *again;
	bool same;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diags_init(&diags, &arena);
	again = parse_file(&arena, &sources, source_add(&sources, "", text, length), &diags, 0);
	same = !diags.errors && ast_equal(file, again);
	arena_free(&arena);
	return same;
}

const char *format_file(struct arena *arena, const struct sources *sources, struct node *file, size_t *length)
{
	const struct source *source = source_get(sources, file->span.file);
	struct format f = {
	    .arena = arena,
	    .text = source->text,
	    .tokens = file->file.tokens,
	    .token_count = file->file.token_count,
	};

	format_words(&f);
	format_marks(&f, file);
	if (!format_items(&f))
		return NULL;
	format_print(&f);
	*length = f.out_length;
	f.out = arena_strndup(arena, f.out ? f.out : "", f.out_length);
	return reads_as(file, f.out, f.out_length) ? f.out : NULL;
}
