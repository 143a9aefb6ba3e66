/* cmd_completion.c - runplan completion: the scripts beside this file, which ask `runplan complete`. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "interp/machine.h"

/* The text of a file, as script_NAME, ended by a NUL byte. */
#define SCRIPT(name, file)                                                                                   \
	__asm__(".pushsection .rodata\nscript_" #name ":\n.incbin \"" file "\"\n.byte 0\n.popsection\n");    \
	extern const char script_##name[] __attribute__((visibility("hidden")))

SCRIPT(bash, "cli/complete.bash");
SCRIPT(zsh, "cli/complete.zsh");
SCRIPT(fish, "cli/complete.fish");

int cmd_completion(const struct options *options)
{
	const char *shell = options->operands[0];

	if (strcmp(shell, "bash") == 0)
		fputs(script_bash, stdout);
	else if (strcmp(shell, "zsh") == 0)
		fputs(script_zsh, stdout);
	else if (strcmp(shell, "fish") == 0)
		fputs(script_fish, stdout);
	else
		return fprintf(stderr, "runplan: there is no completion for `%s`; there is one for: %s\n",
			       shell, options->command->words),
		       EXIT_USAGE;
	return EXIT_DONE;
}
