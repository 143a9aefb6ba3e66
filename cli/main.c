/* main.c - reads the command line and hands over to the command. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "interp/machine.h"

static int dispatch(const struct options *options)
{
	if (option_given(options, "version")) {
		printf("runplan %s\n", RUNPLAN_VERSION);
		return EXIT_DONE;
	}
	if (option_given(options, "help"))
		return help_asked(options);
	if (!options->command) {
		help_program(stderr);
		return EXIT_USAGE;
	}
	if (!options->command->run) {
		fprintf(stderr, "runplan: `%s` is not available yet\n", options->command->name);
		return EXIT_USAGE;
	}
	return options->command->run(options);
}

/* A descriptor that whoever started us has closed would be given to the next file or socket that is opened.
 */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct options options;
	int code;

	open_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* whoever reads the output may go: the run goes on */
	if (!options_parse(&options, argc, (const char *const *)argv, stderr))
		return EXIT_USAGE;
	code = dispatch(&options);
	options_free(&options);
	return code;
}
