/*
 * options.h - the command line: every command and every option of runplan is a row of the two tables in
 * commands.c, and parsing, --help, suggestions and the refusal of what belongs to a later release all read
 * those rows.
 *
 * Options may stand before or after the command and its operands; `--name value` and `--name=value` are the
 * same; `--` ends them. An operand that is no command is the FILE of `run`.
 */
#ifndef RUNPLAN_OPTIONS_H
#define RUNPLAN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct options;

struct command {
	const char *name;
	const char *operands; /* "FILE", as shown */
	const char *summary;
	const char *details;			   /* more for --help, or NULL */
	size_t least, most;			   /* operands */
	int (*run)(const struct options *options); /* NULL: of a later release */
	bool hidden;
};

struct option_row {
	const char *name;     /* without the dashes */
	char letter;	      /* or 0 */
	const char *value;    /* as shown; NULL: a flag */
	const char *commands; /* "run simulate", or NULL: every command */
	const char *about;
	bool hidden;
};

extern const struct command command_table[];
extern const size_t command_count;
extern const struct option_row option_table[];
extern const size_t option_count;

struct option_use {
	const struct option_row *row;
	const char *value; /* NULL for a flag */
};

struct options {
	const struct command *command; /* NULL: nothing was asked for but perhaps --help or --version */
	struct option_use *uses;       /* in the order in which they stand */
	size_t use_count;
	const char **operands; /* the command's name is not among them */
	size_t operand_count;
};

/* False when the command line cannot be understood; why was printed on `err`. Strings are those of argv. */
bool options_parse(struct options *options, int argc, const char *const *argv, FILE *err);
void options_free(struct options *options);

bool option_given(const struct options *options, const char *name);
const char *option_value(const struct options *options, const char *name); /* the last one, or NULL */
/* The next value of a repeated option from use number *at on, or NULL; start with *at = 0. */
const char *option_next(const struct options *options, const char *name, size_t *at);

void options_help(FILE *out, const struct command *command); /* NULL: of the whole program */

#endif
