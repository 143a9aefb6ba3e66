/* cmd_fmt.c - runplan fmt: plans in the one layout. */
#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/replace.h"
#include "cli/text_diff.h"
#include "grammar/arena.h"
#include "grammar/format.h"
#include "grammar/parse.h"
#include "interp/machine.h"

struct fmt {
	const struct options *options;
	int code; /* the worst so far: internal, then what could not be read or written, then what differs */
};

static void note_code(struct fmt *fmt, int code)
{
	if (code > fmt->code)
		fmt->code = code;
}

static void complain(struct fmt *fmt, const char *path, const char *why, int code)
{
	fprintf(stderr, "runplan: %s: %s\n", path, why);
	note_code(fmt, code);
}

static void show_difference(struct fmt *fmt, const struct source *source, const char *text, size_t length)
{
	note_code(fmt, EXIT_FAILED);
	if (!option_given(fmt->options, "diff"))
		printf("%s\n", source->path);
	else if (!text_diff(source->path, source->text, source->length, text, length,
			    options_color(fmt->options, STDOUT_FILENO)))
		complain(fmt, "diff", strerror(errno), EXIT_USAGE);
}

static void rewrite(struct fmt *fmt, const struct source *source, const char *text, size_t length)
{
	const char *why = replace_file(source->path, source->text, source->length, text, length);

	if (why)
		complain(fmt, source->path, why, EXIT_USAGE);
	else
		fprintf(stderr, "%s: formatted\n", source->path);
}

/* Text number 0 is laid out; the rest depends on the options. */
static void deliver(struct fmt *fmt, const struct source *source, bool is_stdin, const char *text,
		    size_t length)
{
	bool same = length == source->length && memcmp(text, source->text, length) == 0;

	if (option_given(fmt->options, "check") || option_given(fmt->options, "diff")) {
		if (!same)
			show_difference(fmt, source, text, length);
	} else if (is_stdin) {
		fwrite(text, 1, length, stdout);
	} else if (!same) {
		rewrite(fmt, source, text, length);
	}
}

static void format_text(struct fmt *fmt, struct sources *sources, struct arena *arena, uint32_t file,
			bool is_stdin)
{
	struct diags diags;
	struct node *root;
	const char *text;
	size_t length;

	diags_init(&diags, arena);
	root = parse_file(arena, sources, file, &diags, 0);
	if (diags.errors) {
		diag_print(stderr, &diags, sources, options_color(fmt->options, STDERR_FILENO));
		note_code(fmt, EXIT_USAGE);
		return;
	}
	text = format_file(arena, sources, root, &length);
	if (text)
		deliver(fmt, source_get(sources, file), is_stdin, text, length);
	else
		complain(
		    fmt, source_get(sources, file)->path,
		    "its layout would change its meaning: this is a mistake of runplan; nothing was changed",
		    EXIT_INTERNAL);
}

static void format_one(struct fmt *fmt, const char *path)
{
	struct arena arena;
	struct sources sources;
	const char *why;
	uint32_t file;

	arena_init(&arena);
	sources_init(&sources, &arena);
	why = source_load(&sources, path, &file);
	if (why)
		complain(fmt, path, why, EXIT_USAGE);
	else
		format_text(fmt, &sources, &arena, file, strcmp(path, "-") == 0);
	arena_free(&arena);
}

/* ---- folders ---- */

static int by_name(const FTSENT **left, const FTSENT **right)
{
	return strcmp((*left)->fts_name, (*right)->fts_name);
}

static void visit(struct fmt *fmt, FTS *walk, FTSENT *entry)
{
	bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';
	const char *dot = strrchr(entry->fts_name, '.');

	switch (entry->fts_info) {
	case FTS_D:
		if (hidden)
			fts_set(walk, entry, FTS_SKIP);
		break;
	case FTS_F:
		if (!hidden && dot && strcmp(dot, ".plan") == 0)
			format_one(fmt, entry->fts_path);
		break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		complain(fmt, entry->fts_path, strerror(entry->fts_errno), EXIT_USAGE);
		break;
	default:
		break;
	}
}

/* All files *.plan below it, in the order of their names, but for what is hidden; symbolic links are not
 * followed. */
static void format_folder(struct fmt *fmt, const char *path)
{
	char *paths[] = {(char *)path, NULL};
	FTS *walk = fts_open(paths, FTS_COMFOLLOW | FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	FTSENT *entry;

	while (walk && (entry = fts_read(walk)))
		visit(fmt, walk, entry);
	if (!walk || errno != 0)
		complain(fmt, path, strerror(errno), EXIT_USAGE);
	if (walk)
		fts_close(walk);
}

static void format_operand(struct fmt *fmt, const char *path)
{
	struct stat status;

	if (strcmp(path, "-") != 0 && stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		format_folder(fmt, path);
	else
		format_one(fmt, path);
}

int cmd_fmt(const struct options *options)
{
	struct fmt fmt = {options, EXIT_DONE};
	size_t i;

	if (options->operand_count == 0 && isatty(STDIN_FILENO)) {
		fprintf(stderr, "runplan: `fmt` wants FILE..., or a plan on standard input\n");
		return EXIT_USAGE;
	}
	if (options->operand_count == 0)
		format_operand(&fmt, "-");
	for (i = 0; i < options->operand_count; i++)
		format_operand(&fmt, options->operands[i]);
	if (fflush(stdout) != 0)
		complain(&fmt, "standard output", strerror(errno), EXIT_USAGE);
	return fmt.code;
}
