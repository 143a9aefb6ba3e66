/* help_markdown.c - commands, options, exit codes and variables as tables; `make docs` puts them into
 * docs/operating.md. */
#include "cli/help.h"

#include <string.h>

/* Bars of a cell are escaped; what looks like a place to fill in, or an option, stands as code. */
static void cell(FILE *out, const char *text)
{
	for (; *text; text++)
		fprintf(out, *text == '|' ? "\\%c" : "%c", *text);
}

static void words_as_code(FILE *out, const char *words)
{
	size_t length;

	for (; *words; words += length + (words[length] == ' ')) {
		length = strcspn(words, " ");
		fprintf(out, "`%.*s`%s", (int)length, words, words[length] ? " " : "");
	}
}

static void facts(FILE *out, const char *left, const char *right, const struct fact *fact)
{
	fprintf(out, "\n| %s | %s |\n| --- | --- |\n", left, right);
	for (; fact->name; fact++) {
		fprintf(out, "| %s | ", fact->name);
		cell(out, fact->about);
		fprintf(out, " |\n");
	}
}

static void option(FILE *out, const struct option_row *row)
{
	fprintf(out, "| `");
	if (row->letter)
		fprintf(out, "-%c`, `", row->letter);
	fprintf(out, "--%s", row->name);
	if (row->value) {
		putc(' ', out);
		cell(out, row->value);
	}
	fprintf(out, "` | ");
	words_as_code(out, row->commands ? row->commands : "");
	fprintf(out, "%s | ", row->commands ? "" : "all");
	cell(out, row->about);
	fprintf(out, " |\n");
}

void help_markdown(FILE *out)
{
	size_t i;

	fprintf(out, "| command | what it does |\n| --- | --- |\n");
	for (i = 0; i < command_count; i++) {
		const struct command *command = &command_table[i];

		if (!command_offered(command))
			continue;
		fprintf(out, "| `%s%s", command->name, command->operands[0] ? " " : "");
		cell(out, command->operands);
		fprintf(out, "` | ");
		cell(out, command->summary);
		fprintf(out, " |\n");
	}
	fprintf(out, "\n| option | of | |\n| --- | --- | --- |\n");
	for (i = 0; i < option_count; i++)
		if (!option_table[i].hidden)
			option(out, &option_table[i]);
	facts(out, "exit code", "meaning", exit_facts);
	facts(out, "variable", "", variable_facts);
}
