/* help.c - help of the program and of its commands; see help.h. */
#include "cli/help.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/prose.h"
#include "interp/machine.h"

#define COMMAND_COLUMN 14
#define FACT_COLUMN    13
#define WIDEST_OPTION  26 /* of what stands left; what is wider has its text on the next line */

/* Then help after a plan is the plan's. */
/* Does `COMMAND FILE --help` explain the plan? */
static bool takes_params(const struct command *command)
{
	return option_fits(option_find("set", 3), command) && command->most == 1;
}

static bool option_shown(const struct option_row *row, const struct command *command)
{
	return !row->hidden && (command ? option_fits(row, command) : !row->commands);
}

static void option_left(const struct option_row *row, char *left, size_t size)
{
	char letter[5] = "    ";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(left, size, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
		 row->value ? row->value : "");
}

static void print_options(FILE *out, const struct command *command)
{
	unsigned widest = 0;
	char left[64];
	size_t i;

	for (i = 0; i < option_count; i++) {
		option_left(&option_table[i], left, sizeof(left));
		if (option_shown(&option_table[i], command) && strlen(left) > widest &&
		    strlen(left) <= WIDEST_OPTION)
			widest = (unsigned)strlen(left);
	}
	fprintf(out, "\nOptions:\n");
	for (i = 0; i < option_count; i++) {
		if (!option_shown(&option_table[i], command))
			continue;
		option_left(&option_table[i], left, sizeof(left));
		prose_row(out, 2, widest + 4, left, option_table[i].about);
	}
}

static void print_examples(FILE *out, const struct fact *example)
{
	const char *before = "";

	fprintf(out, "\nExamples:\n");
	for (; example->name; example++) {
		fprintf(out, "%s  # %s\n", before, example->about);
		prose_flow(out, 0, example->name);
		before = "\n";
	}
}

static void print_facts(FILE *out, const char *title, unsigned column, const struct fact *fact)
{
	fprintf(out, "\n%s:\n", title);
	for (; fact->name; fact++)
		prose_row(out, 2, column, fact->name, fact->about);
}

void help_command(FILE *out, const struct command *command)
{
	fprintf(out, "%s.\n\nUsage: runplan %s%s%s [OPTIONS]\n", command->summary, command->name,
		command->operands[0] ? " " : "", command->operands);
	if (!command->run) {
		fprintf(out, "\nNot available yet.\n");
		return;
	}
	if (command->details) {
		putc('\n', out);
		prose_flow(out, 0, command->details);
	}
	print_options(out, command);
	if (command->examples)
		print_examples(out, command->examples);
	if (command->codes)
		print_facts(out, "Exit codes", FACT_COLUMN, command->codes);
	if (takes_params(command))
		fprintf(out, "\n`runplan %s FILE --help` lists the params and environments of a plan.\n",
			command->name);
}

static void print_group(FILE *out, enum command_group group)
{
	size_t i;

	fprintf(out, "\n%s:\n", group_titles[group]);
	for (i = 0; i < command_count; i++)
		if (command_table[i].group == group && command_offered(&command_table[i]))
			prose_row(out, 2, COMMAND_COLUMN, command_table[i].name, command_table[i].summary);
}

void help_program(FILE *out)
{
	const struct fact *example;
	enum command_group group;

	fprintf(out, "runplan runs deployment plans, and undoes them when they fail.\n\n"
		     "Usage: runplan FILE [OPTIONS]              the same as: runplan run FILE\n"
		     "       runplan COMMAND [OPTIONS] ...\n");
	for (group = 0; group < GROUP_COUNT; group++)
		print_group(out, group);
	print_options(out, NULL);
	fprintf(out, "\nExamples:\n");
	for (example = example_facts; example->name; example++)
		fprintf(out, "%-53s %s\n", example->name, example->about);
	fprintf(out, "\n`runplan COMMAND --help` explains a command, `runplan FILE --help` a plan; all\n"
		     "of it, with exit codes and environment variables, is in runplan(1).\n");
}

int help_asked(const struct options *options)
{
	const struct command *command = options->command;

	if (command && options->operand_count > 0) {
		if (takes_params(command))
			return help_plan(options);
		if (command->run == cmd_help)
			return cmd_help(options);
	}
	if (command)
		help_command(stdout, command);
	else
		help_program(stdout);
	return EXIT_DONE;
}
