/*
 * cmd_complete.c - runplan complete -- WORD...: what may stand in place of the last word, given those before
 * it. The completion scripts ask it, so that they know no command and no option themselves.
 *
 * A line of the answer is a word, and behind a tab what it means. A word that ends with `=` or `@` is to be
 * gone on with.
 * `:plans` and `:files` stand for files, which the shells know better. Which of the words go on with what was
 * typed is the shell's affair. Whatever is wrong with the line, or with the plan on it, there is just less to
 * say.
 */
#include <string.h>
#include <sys/stat.h>

#include "builtins/tables.h"
#include "cli/commands.h"
#include "cli/params.h"
#include "interp/buffer.h"
#include "interp/check.h"
#include "interp/environment.h"
#include "interp/machine.h"

struct line {
	const struct command *command;
	const char *file; /* first operand */
	size_t operand_count;
	const struct option_row *pending; /* whose value the last word is */
	bool operands_only;
};

/* ---- the words before the last ---- */

static void read_option(struct line *line, const char *word)
{
	const struct option_row *row = NULL;
	const char *at;

	if (word[1] == '-') {
		if (!strchr(word, '='))
			row = option_find(word + 2, strlen(word + 2));
		line->pending = row && row->value ? row : NULL;
		return;
	}
	for (at = word + 1; *at; at++) {
		row = option_find_letter(*at);
		if (row && row->value) {
			line->pending = at[1] ? NULL : row;
			return;
		}
	}
}

/* `export alerts FILE` */
static bool has_leading_word(const struct command *command)
{
	return command->words && command->completes != COMPLETES_WORDS;
}

static void read_operand(struct line *line, const char *word)
{
	if (!line->command && line->operand_count == 0) {
		line->command = command_find(word);
		if (line->command)
			return;
		line->command = command_find("run");
	}
	if (line->operand_count++ == (size_t)has_leading_word(line->command))
		line->file = word;
}

static struct line read_line(const char *const *words, size_t count)
{
	struct line line = {0};
	size_t i;

	for (i = 0; i < count; i++)
		if (line.pending)
			line.pending = NULL;
		else if (line.operands_only || words[i][0] != '-' || !words[i][1])
			read_operand(&line, words[i]);
		else if (strcmp(words[i], "--") == 0)
			line.operands_only = true;
		else
			read_option(&line, words[i]);
	return line;
}

/* ---- the answer ---- */

/* Up to the end of its first line. What holds control characters is no word to type. */
static void offer(const char *before, const char *word, const char *after, const char *about)
{
	const char *at;

	for (at = word; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return;
	printf("%s%s%s", before, word, after);
	if (about && *about)
		putchar('\t');
	for (at = about ? about : ""; *at && *at != '\n'; at++)
		putchar((unsigned char)*at < 0x20 || *at == 0x7f ? ' ' : *at);
	putchar('\n');
}

static void offer_words(const char *before, const char *words)
{
	size_t length;

	for (; *words; words += length + (words[length] == ' ')) {
		length = strcspn(words, " ");
		printf("%s%.*s\n", before, (int)length, words);
	}
}

static void offer_commands(void)
{
	size_t i;

	for (i = 0; i < command_count; i++)
		if (command_offered(&command_table[i]))
			offer("", command_table[i].name, "", command_table[i].summary);
}

static void offer_options(const struct command *command)
{
	size_t i;

	if (!command)
		command = command_find("run"); /* `runplan --set …` goes on with a plan */
	for (i = 0; i < option_count; i++)
		if (!option_table[i].hidden && option_fits(&option_table[i], command))
			offer("--", option_table[i].name, "", option_table[i].about);
}

static void offer_builtins(void)
{
	size_t t, i;

	for (t = 0; t < builtin_registry.table_count; t++) {
		const struct builtin_table *table = builtin_registry.tables[t];
		bool any = false;

		for (i = 0; i < table->row_count; i++)
			if (!(table->rows[i].flags & BUILTIN_INTERNAL)) {
				offer("", table->rows[i].name, "", table->rows[i].summary);
				any = true;
			}
		if (any)
			offer("", table->name, "", table->summary);
	}
}

/* ---- what the plan on the line offers ---- */

static void offer_environments(const char *before, const struct compilation *compilation)
{
	struct module *module = compilation->modules, *again;
	const struct node *environment = NULL;

	while ((environment = environment_next(&module, environment, NULL))) {
		const char *name = environment->environment.name.text;

		again = compilation->modules;
		if (name && environment_next(&again, NULL, name) == environment)
			offer(before, name, "",
			      environment->doc			    ? environment->doc
			      : environment->environment.is_default ? "the default"
								    : NULL);
	}
}

static void offer_values(const char *before, const struct node *param)
{
	const struct type *type = param->symbol ? param->symbol->type : NULL;
	size_t i;

	if (type && type->kind == TYPE_BOOL)
		offer_words(before, "true false");
	for (i = 0; type && type->kind == TYPE_ENUM && i < type->choice_count; i++)
		offer(before, type->choices[i], "", NULL);
}

static const char *about_param(const struct compilation *compilation, const struct node *param)
{
	const char *summary = param_summary(param);
	const struct type *type = param->symbol ? param->symbol->type : NULL;

	return *summary || !type ? summary : type_text(compilation->arena, type);
}

/* `typed`: NAME=… asks for the values of one, else for names. */
static void offer_params(const char *before, const struct compilation *compilation, const char *typed)
{
	const struct module *module;
	const struct node *item;
	size_t length = strcspn(typed, "=");
	char name[300];

	for (module = compilation->modules; module; module = module->next)
		for (item = module->file->file.items; item; item = item->next) {
			const char *param = item->kind == NODE_PARAM ? item->param.name.text : NULL;

			if (!param)
				continue;
			if (typed[length] == '\0') {
				offer(before, param, "=", about_param(compilation, item));
			} else if (strlen(param) == length && strncmp(param, typed, length) == 0) {
				snprintf(name, sizeof(name), "%s%.200s=", before, param);
				offer_values(name, item);
			}
		}
}

static void offer_labels(const char *before, const struct compilation *compilation)
{
	const struct person_place *place;

	for (place = compilation->people; place; place = place->next)
		offer(before, place->label, "", place->kind);
}

static void offer_of_plan(const char *before, enum completes completes, const struct line *line,
			  const char *typed)
{
	struct compilation *compilation;
	struct stat status;

	/* Standard input is the terminal's, and a pipe would be waited for. */
	if (!line->file || stat(line->file, &status) != 0 || !S_ISREG(status.st_mode))
		return;
	compilation = compilation_new(&builtin_registry);
	check_plan(compilation, line->file);
	if (completes == COMPLETES_ENVIRONMENT)
		offer_environments(before, compilation);
	else if (completes == COMPLETES_PARAM)
		offer_params(before, compilation, typed);
	else
		offer_labels(before, compilation);
	compilation_free(compilation);
}

/* `before`: what stands in the same word before the value, as `--env=`. */
static void offer_value(const char *before, enum completes completes, const char *words,
			const struct line *line, const char *typed)
{
	switch (completes) {
	case COMPLETES_NOTHING:
		break;
	case COMPLETES_WORDS:
	case COMPLETES_START:
		offer_words(before, words);
		break;
	case COMPLETES_FILE:
		printf(":files\n");
		break;
	case COMPLETES_PLAN:
		printf(":plans\n");
		break;
	case COMPLETES_COMMAND:
		offer_commands();
		break;
	case COMPLETES_BUILTIN:
		offer_builtins();
		break;
	case COMPLETES_ENVIRONMENT:
	case COMPLETES_PARAM:
	case COMPLETES_LABEL:
		offer_of_plan(before, completes, line, typed);
		break;
	}
}

int cmd_complete(const struct options *options)
{
	size_t count = options->operand_count;
	const char *typed = count > 0 ? options->operands[count - 1] : "", *equals = strchr(typed, '=');
	struct line line = read_line(options->operands, count > 0 ? count - 1 : 0);
	const struct option_row *row = line.pending;
	char before[64] = "";

	if (!row && !line.operands_only && strncmp(typed, "--", 2) == 0 && equals) {
		row = option_find(typed + 2, (size_t)(equals - typed) - 2);
		snprintf(before, sizeof(before), "%.*s", (int)(equals - typed) + 1, typed);
		typed = equals + 1;
	}
	if (row)
		offer_value(before, row->completes, row->words, &line, typed);
	else if (typed[0] == '-' && !line.operands_only)
		offer_options(line.command);
	else if (!line.command) {
		if (!line.operands_only)
			offer_commands();
		printf(":plans\n");
	} else if (line.operand_count == 0 && has_leading_word(line.command))
		offer_words("", line.command->words);
	else if (line.operand_count < line.command->most)
		offer_value("", line.command->completes, line.command->words, &line, typed);
	return EXIT_DONE;
}
