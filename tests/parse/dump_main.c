/* dump_main.c: prints what the parser makes of a file: diagnostics, then the tree. For the golden tests.
 *
 *     dump [--spans] FILE
 */
#include <stdio.h>
#include <string.h>

#include "grammar/parse.h"

int main(int argc, char **argv)
{
	const char *path = argv[argc - 1];
	bool spans = argc > 2 && strcmp(argv[1], "--spans") == 0;
	struct arena arena;
	struct sources sources;
	struct diags diags;
	struct node *root;
	const char *why;
	uint32_t file;

	arena_init(&arena);
	sources_init(&sources, &arena);
	diags_init(&diags, &arena);
	why = argc < 2 ? "usage: dump [--spans] FILE" : source_load(&sources, path, &file);
	if (why) {
		fprintf(stderr, "%s: %s\n", path, why);
		arena_free(&arena);
		return 2;
	}
	root = parse_file(&arena, &sources, file, &diags, 0);
	diag_print(stdout, &diags, &sources, false);
	ast_dump(stdout, root, spans);
	arena_free(&arena);
	return 0;
}
