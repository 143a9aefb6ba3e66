#include <stdio.h>
#include "grammar/format.h"
#include "grammar/arena.h"
#include "grammar/parse.h"
int main(int argc, char **argv)
{
	struct arena arena; struct sources sources; struct diags diags; uint32_t file; size_t length; const char *text;
	struct node *root;
	arena_init(&arena); sources_init(&sources, &arena); diags_init(&diags, &arena);
	if (argc < 2 || source_load(&sources, argv[1], &file)) return 2;
	root = parse_file(&arena, &sources, file, &diags, 0);
	diag_print(stderr, &diags, &sources, false);
	if (diags.errors) return 2;
	text = format_file(&arena, &sources, root, &length);
	if (!text) { fprintf(stderr, "NOT EQUAL\n"); return 6; }
	fwrite(text, 1, length, stdout);
	return 0;
}
