/* cmd_check.c - runplan check: what is wrong in plans. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtins/tables.h"
#include "cli/commands.h"
#include "cli/people.h"
#include "interp/check.h"
#include "interp/json.h"
#include "interp/machine.h"

static const char *const severities[] = {
    [SEVERITY_ERROR] = "error",
    [SEVERITY_WARNING] = "warning",
    [SEVERITY_NOTE] = "note",
};

static void add_text(struct buffer *line, const char *name, const char *text)
{
	buffer_printf(line, ",\"%s\":", name);
	if (text)
		json_write_string(line, text, strlen(text));
	else
		buffer_add_text(line, "null");
}

/* "file":…,"line":…: the fields of a place, without braces. */
static void add_place(struct buffer *line, const struct sources *sources, struct span span)
{
	const struct source *source = source_get(sources, span.file);
	struct position from = source_position(sources, span.file, span.from);
	struct position to = source_position(sources, span.file, span.to);

	buffer_add_text(line, "\"file\":");
	json_write_string(line, source->path, strlen(source->path));
	buffer_printf(line, ",\"line\":%u,\"column\":%u,\"end_line\":%u,\"end_column\":%u", from.line,
		      from.column, to.line, to.column);
}

static void print_line(struct buffer *line)
{
	buffer_add_byte(line, '\n');
	fwrite(line->string->bytes, 1, line->length, stdout);
	buffer_free(line);
}

static void print_diag(const struct diag *diag, const struct sources *sources)
{
	struct buffer line = {0};
	unsigned i;

	buffer_add_byte(&line, '{');
	add_place(&line, sources, diag->span);
	add_text(&line, "severity", severities[diag->severity]);
	add_text(&line, "code", diag->code);
	add_text(&line, "message", diag->message);
	add_text(&line, "label", diag->label);
	add_text(&line, "hint", diag->hint);
	buffer_add_text(&line, ",\"related\":[");
	for (i = 0; i < diag->secondary_count; i++) {
		buffer_add_text(&line, i > 0 ? ",{" : "{");
		add_place(&line, sources, diag->secondary[i].span);
		add_text(&line, "text", diag->secondary[i].text);
		buffer_add_byte(&line, '}');
	}
	buffer_add_text(&line, "]}");
	print_line(&line);
}

/* The last line says how many there are besides. */
static void print_diags(const struct compilation *compilation)
{
	const struct diag *sorted[DIAG_MAX_KEPT];
	size_t count = diag_sorted(compilation->diags, sorted), more = diag_more(compilation->diags), i;

	for (i = 0; i < count; i++)
		print_diag(sorted[i], compilation->sources);
	if (more)
		printf("{\"severity\":\"more\",\"count\":%zu,\"message\":\"... and %zu more\"}\n", more, more);
}

static void print_person(const struct person_place *place, const struct sources *sources)
{
	struct buffer line = {0};

	buffer_add_byte(&line, '{');
	add_place(&line, sources, place->span);
	add_text(&line, "severity", "person");
	add_text(&line, "kind", place->kind);
	add_text(&line, "message", place->label);
	buffer_add_byte(&line, '}');
	print_line(&line);
}

static void list_people(const struct options *options, const struct compilation *compilation)
{
	const struct person_place *place;

	if (!option_given(options, "json")) {
		people_list(compilation, stdout);
		return;
	}
	for (place = compilation->people; place; place = place->next)
		print_person(place, compilation->sources);
}

static void dump(struct compilation *compilation)
{
	struct program *program = compile_program(compilation);

	if (program)
		program_dump(stdout, program);
	program_free(program);
}

static bool check_file(const struct options *options, const char *path)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	bool sound = check_plan(compilation, path);

	if (option_given(options, "json"))
		print_diags(compilation);
	else
		diag_print(stderr, compilation->diags, compilation->sources,
			   options_color(options, STDERR_FILENO));
	if (sound && option_given(options, "unattended"))
		list_people(options, compilation);
	if (sound && option_given(options, "dump-bytecode"))
		dump(compilation);
	if (!option_given(options, "json") && !option_given(options, "dump-bytecode"))
		fprintf(stderr, "%s: %s\n", path,
			!sound			       ? "does not check"
			: compilation->diags->warnings ? "checks, with warnings"
						       : "checks");
	compilation_free(compilation);
	return sound;
}

int cmd_check(const struct options *options)
{
	bool sound = true;
	size_t i;

	for (i = 0; i < options->operand_count; i++)
		if (!check_file(options, options->operands[i]))
			sound = false;
	return sound ? EXIT_DONE : EXIT_USAGE;
}
