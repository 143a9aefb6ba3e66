/* cmd_help.c - runplan help: the program or a command explained; with --man and --markdown, all of it. */
#include "cli/commands.h"
#include "cli/help.h"
#include "interp/machine.h"

int cmd_help(const struct options *options)
{
	const char *name = options->operand_count > 0 ? options->operands[0] : NULL, *near;
	const struct command *command = name ? command_find(name) : NULL;

	if (option_given(options, "man")) {
		help_man(stdout);
	} else if (option_given(options, "markdown")) {
		help_markdown(stdout);
	} else if (!name) {
		help_program(stdout);
	} else if (command) {
		help_command(stdout, command);
	} else {
		near = command_suggest(name);
		fprintf(stderr, "runplan: there is no command `%s`", name);
		if (near)
			fprintf(stderr, "; did you mean `runplan help %s`?", near);
		fprintf(stderr, "\n  `runplan --help` lists the commands\n");
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}
