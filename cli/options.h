/*
 * options.h - the command line: every command and every option of runplan is a row of the two tables in
 * commands.c, and parsing, --help, the man page, completions, suggestions and the refusal of what belongs to
 * a later release all read those rows.
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

/* A row of what help, the man page and the documentation list: an exit code, a variable, an example. */
struct fact {
	const char *name, *about;
};

/* What the shells offer for an operand or an option's value. */
enum completes {
	COMPLETES_NOTHING,
	COMPLETES_WORDS, /* the row's `words`; an option takes no other */
	COMPLETES_START, /* its `words` are what a value begins with */
	COMPLETES_FILE,
	COMPLETES_PLAN, /* files *.plan */
	COMPLETES_COMMAND,
	COMPLETES_BUILTIN,
	COMPLETES_ENVIRONMENT, /* this one and the next two: of the plan on the line */
	COMPLETES_PARAM,
	COMPLETES_LABEL, /* of a question */
};

enum command_group { GROUP_WRITE, GROUP_TRY, GROUP_RUN, GROUP_OPERATE, GROUP_LOOK_UP, GROUP_COUNT };

struct command {
	const char *name;
	const char *operands; /* "FILE", as shown */
	const char *summary;
	const char *details;			   /* more for --help, or NULL */
	size_t least, most;			   /* operands */
	int (*run)(const struct options *options); /* NULL: of a later release */
	bool hidden;
	enum command_group group;
	enum completes completes; /* its operands */
	const char
	    *words; /* of COMPLETES_WORDS, with blanks between; else what stands before the other operands */
	const struct fact *examples; /* this and the next end with a NULL name; or NULL */
	const struct fact *codes;    /* exit codes */
};

struct option_row {
	const char *name;     /* without the dashes */
	char letter;	      /* or 0 */
	const char *value;    /* as shown; NULL: a flag */
	const char *commands; /* "run simulate", or NULL: every command */
	const char *about;
	bool hidden;
	enum completes completes; /* its value */
	const char *words;
};

extern const struct command command_table[];
extern const size_t command_count;
extern const struct option_row option_table[];
extern const size_t option_count;
extern const char *const group_titles[GROUP_COUNT];
/* Each ends with a NULL name. */
extern const struct fact *const exit_facts;
extern const struct fact example_facts[], variable_facts[], file_facts[];

const struct command *command_find(const char *name); /* or NULL */
bool command_offered(const struct command *command);  /* neither hidden nor of a later release */
const char *command_suggest(const char *name);	      /* or NULL */
const struct option_row *option_find(const char *name, size_t length);
const struct option_row *option_find_letter(char letter);
/* May the option stand with the command (NULL: with every one)? Hidden ones may. */
bool option_fits(const struct option_row *row, const struct command *command);
/* Does `word` stand in the list, with blanks between? */
bool words_hold(const char *words, const char *word);

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

/* Is `fd` a terminal that can do more than show one line after the other (TERM)? */
bool options_terminal(int fd);
/* Whether `fd` gets colours: --color, else whether it is a terminal that shows them (NO_COLOR, TERM). */
bool options_color(const struct options *options, int fd);

#endif
