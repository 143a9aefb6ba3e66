/* options.c - reading the command line by the tables of commands.c; see options.h. */
#include "cli/options.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grammar/diag.h"
#include "interp/value.h"

/* ---- rows ---- */

const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; i < command_count; i++)
		if (strcmp(command_table[i].name, name) == 0)
			return &command_table[i];
	return NULL;
}

const struct option_row *option_find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (strlen(option_table[i].name) == length &&
		    strncmp(option_table[i].name, name, length) == 0)
			return &option_table[i];
	return NULL;
}

const struct option_row *option_find_letter(char letter)
{
	size_t i;

	for (i = 0; i < option_count; i++)
		if (option_table[i].letter != 0 && option_table[i].letter == letter)
			return &option_table[i];
	return NULL;
}

bool words_hold(const char *words, const char *word)
{
	size_t length = strlen(word);
	const char *at;

	for (at = words; (at = strstr(at, word)); at++)
		if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
			return true;
	return false;
}

bool command_offered(const struct command *command)
{
	return !command->hidden && command->run;
}

bool option_fits(const struct option_row *row, const struct command *command)
{
	return !row->commands || (command && words_hold(row->commands, command->name));
}

/* ---- suggestions ---- */

const char *command_suggest(const char *name)
{
	const char **names = memory_need(calloc(command_count, sizeof(*names)));
	const char *near;
	size_t i, count = 0;

	for (i = 0; i < command_count; i++)
		if (command_offered(&command_table[i]))
			names[count++] = command_table[i].name;
	near = suggest_name(name, names, count);
	free(names);
	return near;
}

static const char *suggest_option(const char *name, const struct command *command)
{
	const char **names = memory_need(calloc(option_count, sizeof(*names)));
	const char *near;
	size_t i, count = 0;

	for (i = 0; i < option_count; i++)
		if (!option_table[i].hidden && (!command || option_fits(&option_table[i], command)))
			names[count++] = option_table[i].name;
	near = suggest_name(name, names, count);
	free(names);
	return near;
}

static bool unknown_option(const char *shown, const char *name, const struct command *command, FILE *err)
{
	const char *near = suggest_option(name, command);

	fprintf(err, "runplan: unknown option `%s`", shown);
	if (near)
		fprintf(err, "; did you mean `--%s`?", near);
	fprintf(err, "\n  `runplan %s%s--help` lists the options\n", command ? command->name : "",
		command ? " " : "");
	return false;
}

/* A name without a dot, a slash and a file of that name was meant as a command. */
static bool looks_like_file(const char *operand)
{
	return strpbrk(operand, "./") || strcmp(operand, "-") == 0 || access(operand, F_OK) == 0;
}

static bool unknown_command(const char *name, FILE *err)
{
	const char *near = command_suggest(name);

	fprintf(err, "runplan: `%s` is neither a command nor a file", name);
	if (near)
		fprintf(err, "; did you mean `runplan %s`?", near);
	fprintf(err, "\n  `runplan --help` lists the commands\n");
	return false;
}

/* ---- parsing ---- */

static void add_use(struct options *options, const struct option_row *row, const char *value)
{
	options->uses =
	    memory_need(realloc(options->uses, (options->use_count + 1) * sizeof(*options->uses)));
	options->uses[options->use_count++] = (struct option_use){row, value};
}

static void add_operand(struct options *options, const char *operand)
{
	size_t size = (options->operand_count + 1) * sizeof(*options->operands);

	options->operands = memory_need(realloc(options->operands, size));
	options->operands[options->operand_count++] = operand;
}

/* The command is known only after all of the line was read: an unknown option waits for it. */
struct parser {
	struct options *options;
	const char *const *argv;
	int argc, at;
	FILE *err;
	const char *unknown; /* first option that no row has */
};

static bool take_value(struct parser *p, const struct option_row *row, const char *shown, const char *value)
{
	if (!row->value && value) {
		fprintf(p->err, "runplan: `--%s` takes no value\n", row->name);
		return false;
	}
	if (row->value && !value && p->at + 1 < p->argc)
		value = p->argv[++p->at];
	if (row->value && !value) {
		fprintf(p->err, "runplan: `%s` wants a value: --%s %s\n", shown, row->name, row->value);
		return false;
	}
	if (row->completes == COMPLETES_WORDS && !words_hold(row->words, value)) {
		fprintf(p->err, "runplan: `--%s %s`: it is one of: %s\n", row->name, value, row->words);
		return false;
	}
	add_use(p->options, row, value);
	return true;
}

static bool take_long(struct parser *p, const char *argument)
{
	const char *name = argument + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_row *row = option_find(name, length);

	if (!row) {
		if (!p->unknown)
			p->unknown = argument;
		return true;
	}
	return take_value(p, row, argument, equals ? equals + 1 : NULL);
}

static bool take_letters(struct parser *p, const char *argument)
{
	const char *at;

	for (at = argument + 1; *at; at++) {
		const struct option_row *row = option_find_letter(*at);

		if (!row) {
			if (!p->unknown)
				p->unknown = argument;
			return true;
		}
		if (!take_value(p, row, argument, row->value && at[1] ? at + 1 : NULL))
			return false;
		if (row->value)
			break;
	}
	return true;
}

static void take_operand(struct parser *p, const char *operand)
{
	struct options *options = p->options;
	const struct command *command;

	if (!options->command && options->operand_count == 0) {
		command = command_find(operand);
		if (command) {
			options->command = command;
			return;
		}
	}
	add_operand(options, operand);
}

static bool read_line(struct parser *p)
{
	bool operands_only = false;

	for (p->at = 1; p->at < p->argc; p->at++) {
		const char *argument = p->argv[p->at];

		if (operands_only || argument[0] != '-' || argument[1] == '\0')
			take_operand(p, argument);
		else if (strcmp(argument, "--") == 0)
			operands_only = true;
		else if (!(argument[1] == '-' ? take_long(p, argument) : take_letters(p, argument)))
			return false;
	}
	return true;
}

static bool choose_command(struct parser *p)
{
	struct options *options = p->options;

	if (options->command || options->operand_count == 0)
		return true;
	if (!looks_like_file(options->operands[0]))
		return unknown_command(options->operands[0], p->err);
	options->command = command_find("run");
	return true;
}

static bool options_fit(struct parser *p)
{
	const struct command *command = p->options->command;
	char name[64];
	size_t i;

	if (command && !command->run)
		return true;
	if (p->unknown) {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p->unknown, "="), p->unknown);
		return unknown_option(p->unknown, name + strspn(name, "-"), command, p->err);
	}
	for (i = 0; command && i < p->options->use_count; i++) {
		const struct option_row *row = p->options->uses[i].row;

		if (!option_fits(row, command)) {
			fprintf(p->err, "runplan: `%s` has no option `--%s`", command->name, row->name);
			fprintf(p->err, " (it is one of: %s)\n", row->commands);
			return false;
		}
	}
	return true;
}

static bool show_usage(const struct command *command, FILE *err)
{
	fprintf(err, "  usage: runplan %s%s%s [OPTIONS]\n  `runplan %s --help` says more\n", command->name,
		command->operands[0] ? " " : "", command->operands, command->name);
	return false;
}

static bool operands_fit(struct parser *p)
{
	const struct command *command = p->options->command;

	if (!command || !command->run || option_given(p->options, "help"))
		return true;
	if (p->options->operand_count < command->least) {
		fprintf(p->err, "runplan: `%s` wants %s\n", command->name, command->operands);
		return show_usage(command, p->err);
	}
	if (p->options->operand_count > command->most) {
		fprintf(p->err, "runplan: `%s` is one operand too many\n",
			p->options->operands[command->most]);
		return show_usage(command, p->err);
	}
	return true;
}

bool options_parse(struct options *options, int argc, const char *const *argv, FILE *err)
{
	struct parser p = {.options = options, .argv = argv, .argc = argc, .err = err};

	*options = (struct options){0};
	if (read_line(&p) && choose_command(&p) && options_fit(&p) && operands_fit(&p))
		return true;
	options_free(options);
	return false;
}

void options_free(struct options *options)
{
	free(options->uses);
	free(options->operands);
	*options = (struct options){0};
}

bool option_given(const struct options *options, const char *name)
{
	size_t i;

	for (i = 0; i < options->use_count; i++)
		if (strcmp(options->uses[i].row->name, name) == 0)
			return true;
	return false;
}

const char *option_value(const struct options *options, const char *name)
{
	size_t at = 0;
	const char *value, *last = NULL;

	while ((value = option_next(options, name, &at)))
		last = value;
	return last;
}

const char *option_next(const struct options *options, const char *name, size_t *at)
{
	while (*at < options->use_count) {
		const struct option_use *use = &options->uses[(*at)++];

		if (strcmp(use->row->name, name) == 0)
			return use->value;
	}
	return NULL;
}

bool options_terminal(int fd)
{
	const char *terminal = getenv("TERM");

	return isatty(fd) && terminal && *terminal && strcmp(terminal, "dumb") != 0;
}

bool options_color(const struct options *options, int fd)
{
	const char *when = option_value(options, "color"), *none = getenv("NO_COLOR");

	if (when && strcmp(when, "auto") != 0)
		return strcmp(when, "always") == 0;
	return options_terminal(fd) && !(none && *none);
}
