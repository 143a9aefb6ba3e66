/* help.h - what the tables of commands.c tell, in each of its forms. */
#ifndef RUNPLAN_HELP_H
#define RUNPLAN_HELP_H

#include <stdio.h>

#include "cli/options.h"

/* --help: of the plan, where a command that takes params names one; else of the command; else of all. The
 * exit code. */
int help_asked(const struct options *options);

void help_program(FILE *out);
void help_command(FILE *out, const struct command *command);
/*
 * What the plan at the first operand does, its params, environments, secrets and people. A plan with errors
 * is told as far as it can be read, then the errors are. The exit code.
 */
int help_plan(const struct options *options);

void help_man(FILE *out);      /* runplan(1), in the macros of mdoc(7) */
void help_markdown(FILE *out); /* the tables of docs/operating.md */

#endif
