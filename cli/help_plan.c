/*
 * help_plan.c - `runplan FILE --help`. It reads the tree, not the program, so that a plan with errors can
 * still say how it is meant to be called.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "builtins/tables.h"
#include "cli/help.h"
#include "cli/params.h"
#include "cli/prose.h"
#include "cli/ui.h"
#include "interp/buffer.h"
#include "interp/check.h"
#include "interp/environment.h"
#include "interp/machine.h"

#define WIDEST_NAME 24 /* what is longer has its text on the next line */

struct page_of_plan {
	const struct options *options;
	const struct compilation *compilation;
	const char *environment; /* in force, or NULL */
	unsigned column;	 /* where what stands behind the names begins */
};

/* ---- pieces of the source ---- */

/* The source of a node on one line, cleaned of what a terminal would obey. The caller frees it. */
static char *source_of(const struct page_of_plan *page, struct span span)
{
	struct buffer raw = {0}, clean = {0};
	const char *text = source_text(page->compilation->sources, span);
	char *line;
	size_t i;

	for (i = 0; i < span.to - span.from; i++)
		if (!isspace((unsigned char)text[i]))
			buffer_add_byte(&raw, text[i]);
		else if (raw.length > 0 && raw.string->bytes[raw.length - 1] != ' ')
			buffer_add_byte(&raw, ' ');
	if (raw.length > 0)
		text_clean(raw.string->bytes, raw.length, &clean);
	line = memory_need(strndup(clean.length > 0 ? clean.string->bytes : "", clean.length));
	buffer_free(&raw);
	buffer_free(&clean);
	return line;
}

/* Titles and what is said of a param: without the quotes around a literal. */
static char *words_of(const struct page_of_plan *page, const struct node *node)
{
	struct span span = node->span;

	if (node->kind == NODE_STRING && !node->string.multiline && span.to - span.from >= 2) {
		span.from++;
		span.to--;
	}
	return source_of(page, span);
}

static void flow_cleaned(unsigned column, const char *text)
{
	struct buffer clean = {0};
	size_t length;

	for (; *text; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		text_clean(text, length, &clean);
		buffer_add_byte(&clean, '\n');
	}
	buffer_add_byte(&clean, '\0');
	prose_flow(stdout, column, clean.string->bytes);
	buffer_free(&clean);
}

/* A name, and lines behind it. */
static void left(const struct page_of_plan *page, const char *name)
{
	unsigned at = 2 + prose_columns(name);

	printf("  %s", name);
	if (at + 2 > page->column) {
		putchar('\n');
		at = 0;
	}
	printf("%*s", (int)(page->column - at), "");
}

static void widen(struct page_of_plan *page, const char *name)
{
	unsigned wide = prose_columns(name);

	if (wide <= WIDEST_NAME && wide + 4 > page->column)
		page->column = wide + 4;
}

/* ---- what sets a param ---- */

/* The value that the environment in force gives to a param, or NULL. */
static const struct node *setting_of(const struct page_of_plan *page, const char *param)
{
	struct module *module = page->compilation->modules;
	const struct node *environment = NULL, *setting, *found = NULL;

	while (page->environment && (environment = environment_next(&module, environment, page->environment)))
		for (setting = environment->environment.settings; setting; setting = setting->next) {
			const char *name =
			    setting->kind == NODE_SETTING ? setting_name(setting->setting.target) : NULL;

			if (name && strcmp(name, param) == 0)
				found = setting->setting.value;
		}
	return found;
}

static bool is_required(const struct page_of_plan *page, const struct node *param)
{
	return !param->param.initial && !setting_of(page, param->param.name.text);
}

static bool is_param(const struct node *item)
{
	return item->kind == NODE_PARAM && item->param.name.text;
}

/* The main file first, then those it imports. NULL at the end. The main file is the last of the
 * compilation's. */
static const struct module *next_module(const struct compilation *compilation, const struct module *module)
{
	if (!module)
		return compilation->main;
	module = module->main ? compilation->modules : module->next;
	return module && module->main ? NULL : module;
}

/* ---- the parts of the page ---- */

static const struct node *find_plan(const struct module *module)
{
	const struct node *item = module->file->file.items;

	while (item && item->kind != NODE_PLAN)
		item = item->next;
	return item;
}

/* What stands above `plan`, else at the head of the file above the imports. */
static const char *documentation(const struct module *module, const struct node *plan)
{
	const struct node *first = module->file->file.items;

	if (plan && plan->doc)
		return plan->doc;
	return first && first->kind == NODE_IMPORT ? first->doc : NULL;
}

static void shell_word(const char *word)
{
	if (!strpbrk(word, " \t\n'\"\\$`*?[](){}<>|&;#~!")) {
		printf("%s", word);
		return;
	}
	putchar('\'');
	for (; *word; word++)
		printf(*word == '\'' ? "'\\''" : "%c", *word);
	putchar('\'');
}

/* STRING, DURATION; of what is not one word: VALUE. */
static char *placeholder(const struct page_of_plan *page, const struct node *type)
{
	char *text =
	    type && type->kind == NODE_TYPE_NAME ? source_of(page, type->span) : memory_need(strdup("value"));
	char *at;

	for (at = text; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return text;
}

static void print_usage(const struct page_of_plan *page)
{
	const char *command = page->options->command->name;
	const struct module *module = NULL;
	bool optional = false;
	struct module *first = page->compilation->modules;
	const struct node *item;

	printf("Usage: runplan %s%s", strcmp(command, "run") == 0 ? "" : command,
	       strcmp(command, "run") == 0 ? "" : " ");
	shell_word(page->options->operands[0]);
	while ((module = next_module(page->compilation, module)))
		for (item = module->file->file.items; item; item = item->next) {
			if (!is_param(item))
				continue;
			if (is_required(page, item)) {
				char *value = placeholder(page, item->param.type);

				printf(" \\\n           --set %s=%s", item->param.name.text, value);
				free(value);
			} else {
				optional = true;
			}
		}
	if (optional)
		printf(" \\\n           [--set NAME=VALUE]...");
	if (environment_next(&first, NULL, NULL))
		printf(" \\\n           [--env NAME]");
	printf("\n");
}

static void add_piece(const struct page_of_plan *page, struct buffer *line, const char *before,
		      const struct node *node)
{
	char *text = source_of(page, node->span);

	buffer_printf(line, "%s%s", before, text);
	free(text);
}

static void print_param(const struct page_of_plan *page, const struct node *param)
{
	const struct node *setting = setting_of(page, param->param.name.text);
	const char *summary = param_summary(param);
	struct buffer line = {0};

	if (param->param.type)
		add_piece(page, &line, "", param->param.type);
	if (setting) {
		add_piece(page, &line, " = ", setting);
		buffer_printf(&line, " (from %s)", page->environment);
	} else if (param->param.initial) {
		add_piece(page, &line, " = ", param->param.initial);
	} else {
		buffer_add_text(&line, ", required");
	}
	buffer_add_byte(&line, '\0');
	left(page, param->param.name.text);
	prose_words(stdout, page->column, page->column, line.string->bytes);
	buffer_free(&line);
	if (*summary)
		flow_cleaned(page->column, summary);
	if (param->param.condition) {
		add_piece(page, &line, "where ", param->param.condition);
		buffer_add_byte(&line, '\0');
		prose_words(stdout, page->column, 0, line.string->bytes);
		buffer_free(&line);
	}
}

static void print_params(const struct page_of_plan *page)
{
	const struct module *module = NULL;

	while ((module = next_module(page->compilation, module))) {
		const struct node *item = module->file->file.items;
		bool first = true;

		for (; item; item = item->next) {
			if (!is_param(item))
				continue;
			if (first && module == page->compilation->main)
				printf("\nParams (--set NAME=VALUE):\n");
			else if (first)
				printf("\nParams of %s:\n", module->path);
			first = false;
			print_param(page, item);
		}
	}
}

/* Only the first of several environments of the same name has a place in the list. */
static bool told_before(const struct compilation *compilation, const struct node *environment)
{
	struct module *module = compilation->modules;

	return environment_next(&module, NULL, environment->environment.name.text) != environment;
}

static void print_environment(const struct page_of_plan *page, const struct node *first)
{
	struct module *module = page->compilation->modules;
	const char *name = first->environment.name.text;
	const struct node *part = NULL, *setting;
	bool is_default = false;

	while ((part = environment_next(&module, part, name)))
		is_default = is_default || part->environment.is_default;
	printf("  %s%s\n", name, is_default ? " (default)" : "");
	if (first->doc)
		flow_cleaned(4, first->doc);
	module = page->compilation->modules;
	for (part = NULL; (part = environment_next(&module, part, name));)
		for (setting = part->environment.settings; setting; setting = setting->next) {
			char *text = source_of(page, setting->span);

			prose_words(stdout, 6, 0, text);
			free(text);
		}
}

static void print_environments(const struct page_of_plan *page)
{
	struct module *module = page->compilation->modules;
	const struct node *environment = NULL;
	bool first = true;

	while ((environment = environment_next(&module, environment, NULL))) {
		if (!environment->environment.name.text || told_before(page->compilation, environment))
			continue;
		if (first)
			printf("\nEnvironments (--env NAME, or RUNPLAN_ENV; --set wins):\n");
		first = false;
		print_environment(page, environment);
	}
}

static void print_secrets(const struct page_of_plan *page)
{
	const struct module *module = NULL;
	const struct node *item;
	bool first = true;

	while ((module = next_module(page->compilation, module)))
		for (item = module->file->file.items; item; item = item->next)
			if (item->kind == NODE_SECRET && item->secret.name.text && item->secret.source) {
				char *from = source_of(page, item->secret.source->span);

				if (first)
					printf("\nSecrets, and where they come from:\n");
				first = false;
				left(page, item->secret.name.text);
				prose_words(stdout, page->column, page->column, from);
				free(from);
			}
}

static void count_steps(struct node *node, void *count)
{
	if (node->kind == NODE_STEP)
		++*(unsigned *)count;
	ast_each_child(node, count_steps, count);
}

static void print_phase(const struct page_of_plan *page, const struct node *phase)
{
	char *title = words_of(page, phase->phase.title);
	struct buffer line = {0};
	unsigned count = 0;

	ast_each_child((struct node *)phase, count_steps, &count);
	buffer_printf(&line, "%u step%s", count, count == 1 ? "" : "s");
	if (phase->phase.expect_low && phase->phase.expect_high) {
		add_piece(page, &line, ", ", phase->phase.expect_low);
		add_piece(page, &line, " to ", phase->phase.expect_high);
	}
	buffer_add_byte(&line, '\0');
	left(page, title);
	printf("%s\n", line.string->bytes);
	buffer_free(&line);
	free(title);
}

/* Steps outside of phases are told by their titles. */
static void print_course(const struct page_of_plan *page)
{
	const struct node *item;
	bool first = true;

	for (item = page->compilation->main->file->file.items; item; item = item->next) {
		bool phase = item->kind == NODE_PHASE && item->phase.title;

		if (!phase && !(item->kind == NODE_STEP && item->step.title))
			continue;
		if (first)
			printf("\nPhases and steps:\n");
		first = false;
		if (phase) {
			print_phase(page, item);
		} else {
			char *title = words_of(page, item->step.title);

			prose_words(stdout, 2, 0, title);
			free(title);
		}
	}
}

static void print_people(const struct page_of_plan *page)
{
	const struct person_place *place;

	for (place = page->compilation->people; place; place = place->next) {
		struct buffer clean = {0};

		if (place == page->compilation->people)
			printf("\nA person may be asked (beforehand: --yes, --confirm LABEL):\n");
		text_clean(place->label, strlen(place->label), &clean);
		buffer_add_byte(&clean, '\0');
		left(page, place->kind);
		prose_words(stdout, page->column, page->column, clean.string->bytes);
		buffer_free(&clean);
	}
}

static void print_page(struct page_of_plan *page)
{
	const struct module *main = page->compilation->main, *module = NULL;
	const struct node *plan = find_plan(main), *item;
	const char *doc = documentation(main, plan);

	page->column = 12;
	while ((module = next_module(page->compilation, module)))
		for (item = module->file->file.items; item; item = item->next)
			if (is_param(item))
				widen(page, item->param.name.text);
	if (plan && plan->plan.title) {
		char *title = words_of(page, plan->plan.title);

		printf("%s\n\n", title);
		free(title);
	}
	if (doc) {
		flow_cleaned(0, doc);
		putchar('\n');
	}
	if (plan)
		print_usage(page);
	print_params(page);
	print_environments(page);
	print_secrets(page);
	print_course(page);
	print_people(page);
	printf("\nStrings, paths and URLs are written as they are, all else as in a plan: 5%%, 30s,\n"
	       "'[\"a\", \"b\"]'. `runplan %s --help` lists the options%s.\n",
	       page->options->command->name,
	       strcmp(page->options->command->name, "run") == 0
		   ? "; `runplan preview\nFILE` shows every change"
		   : "");
}

int help_plan(const struct options *options)
{
	const char *path = options->operands[0];
	struct compilation *compilation = compilation_new(&builtin_registry);
	bool sound = check_plan(compilation, path);
	struct page_of_plan page = {.options = options, .compilation = compilation};
	int code = EXIT_DONE;

	if (compilation->main) {
		page.environment = environment_chosen(options, compilation);
		print_page(&page);
		fflush(stdout);
	}
	if (!sound) {
		diag_print(stderr, compilation->diags, compilation->sources,
			   options_color(options, STDERR_FILENO));
		code = EXIT_USAGE;
	} else if (!find_plan(compilation->main)) {
		fprintf(stderr, "runplan: %s has no `plan` item: it is there to be imported, not to be run\n",
			path);
		code = EXIT_USAGE;
	}
	compilation_free(compilation);
	return code;
}
