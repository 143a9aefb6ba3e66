/* cmd_doc.c - runplan doc: the builtins, from their rows. `doc --markdown` is docs/builtins.md. */
#include <stdlib.h>
#include <string.h>

#include "builtins/tables.h"
#include "cli/commands.h"
#include "cli/prose.h"
#include "grammar/diag.h"
#include "interp/machine.h"

static const char *const classes[] = {
    [EFFECT_PURE] = "pure",
    [EFFECT_READ] = "read",
    [EFFECT_CHANGE] = "change",
};

static const char *settle_text(const struct builtin *row)
{
	switch (row->settle) {
	case SETTLE_REPEAT:
		return "repeated: doing it twice does no harm";
	case SETTLE_PROBE:
		return "the target is asked whether it happened";
	case SETTLE_ASK:
		return "a person is asked whether it happened";
	default:
		return NULL;
	}
}

static bool callable(const struct builtin *row)
{
	return !(row->flags & BUILTIN_INTERNAL);
}

/* Rows that only the language itself calls have no place in a reference. */
static size_t callable_count(const struct builtin_table *table)
{
	size_t i, count = 0;

	for (i = 0; i < table->row_count; i++)
		count += callable(&table->rows[i]);
	return count;
}

/* ---- on the terminal ---- */

static void print_paragraph(const char *text)
{
	if (!text)
		return;
	printf("\n  ");
	prose_words(stdout, 2, 2, text);
}

static void print_field(const char *name, const char *text)
{
	if (!text)
		return;
	printf("  %-12s ", name);
	prose_words(stdout, 15, 15, text);
}

static void print_row(const struct builtin *row)
{
	prose_words(stdout, 4, (unsigned)printf("%s", row->name), row->signature);
	print_paragraph(row->summary);
	print_paragraph(row->details);
	printf("\n");
	print_field("effect", classes[row->effect]);
	print_field("leaves", row->leaves);
	print_field("on failure", row->bad_input);
	print_field("interrupted", settle_text(row));
	if (row->flags & BUILTIN_SECRET_ANSWER)
		print_field("answer", "a secret");
	if (row->flags & BUILTIN_PERSON)
		print_field("person", "timeouts stand still while it waits");
	print_field("example", row->example);
}

static void print_table(const struct builtin_table *table)
{
	size_t i;

	prose_words(stdout, 4, (unsigned)printf("%s - ", table->name), table->summary);
	printf("\n");
	for (i = 0; i < table->row_count; i++)
		if (callable(&table->rows[i])) {
			printf("  %-22s %-7s ", table->rows[i].name, classes[table->rows[i].effect]);
			prose_words(stdout, 33, 33, table->rows[i].summary);
		}
	for (i = 0; i < table->type_count; i++) {
		putchar('\n');
		prose_words(stdout, 4, (unsigned)printf("  %s = ", table->types[i].name),
			    table->types[i].definition);
		printf("    ");
		prose_words(stdout, 4, 4, table->types[i].summary);
	}
}

static void print_namespaces(void)
{
	size_t i;

	for (i = 0; i < builtin_registry.table_count; i++) {
		const struct builtin_table *table = builtin_registry.tables[i];

		if (callable_count(table) == 0)
			continue;
		printf("  %-10s %3zu  ", table->name, callable_count(table));
		prose_words(stdout, 17, 17, table->summary);
	}
	printf("\n`runplan doc NAMESPACE` lists its builtins, `runplan doc NAME` describes one.\n");
}

/* ---- markdown ---- */

/* A cell of a table: its own bars are escaped. */
static void print_cell(const char *text)
{
	for (; *text; text++)
		if (*text == '|')
			fputs("\\|", stdout);
		else
			putchar(*text);
}

static void markdown_row(const struct builtin *row)
{
	printf("\n### %s\n\n```plan\n%s%s\n```\n\n%s", row->name, row->name, row->signature, row->summary);
	if (row->details)
		printf("\n\n%s", row->details);
	printf("\n\n| | |\n| --- | --- |\n| effect | %s |\n", classes[row->effect]);
	if (row->leaves)
		printf("| leaves | %s |\n", row->leaves);
	if (row->bad_input) {
		printf("| on failure | ");
		print_cell(row->bad_input);
		printf(" |\n");
	}
	if (settle_text(row))
		printf("| interrupted | %s |\n", settle_text(row));
	if (row->flags & BUILTIN_SECRET_ANSWER)
		printf("| answer | a secret |\n");
	if (row->flags & BUILTIN_PERSON)
		printf("| person | timeouts stand still while it waits |\n");
	printf("\n```plan\n%s\n```\n", row->example);
}

static void markdown_types(const struct builtin_table *table)
{
	size_t i;

	for (i = 0; i < table->type_count; i++)
		printf("\n`%s` is `%s`: %s\n", table->types[i].name, table->types[i].definition,
		       table->types[i].summary);
}

static void markdown(void)
{
	size_t t, i;

	printf("# Builtins\n\nMade by `runplan doc --markdown` from the builtins' own rows; do not edit. "
	       "`pure` computes, "
	       "`read` looks at\nthe world, `change` changes it and needs a rollback unless it only leaves "
	       "something "
	       "harmless.\n\n| namespace | |\n| --- | --- |\n");
	for (t = 0; t < builtin_registry.table_count; t++)
		if (callable_count(builtin_registry.tables[t]) > 0)
			printf("| [%s](#%s) | %s |\n", builtin_registry.tables[t]->name,
			       builtin_registry.tables[t]->name, builtin_registry.tables[t]->summary);
	for (t = 0; t < builtin_registry.table_count; t++) {
		const struct builtin_table *table = builtin_registry.tables[t];

		if (callable_count(table) == 0)
			continue;
		printf("\n## %s\n\n%s\n", table->name, table->summary);
		for (i = 0; i < table->row_count; i++)
			if (callable(&table->rows[i]))
				markdown_row(&table->rows[i]);
		markdown_types(table);
	}
}

/* ---- the command ---- */

static const struct builtin_table *table_find(const char *name)
{
	size_t i;

	for (i = 0; i < builtin_registry.table_count; i++)
		if (strcmp(builtin_registry.tables[i]->name, name) == 0 &&
		    callable_count(builtin_registry.tables[i]) > 0)
			return builtin_registry.tables[i];
	return NULL;
}

static void unknown(const char *name)
{
	const char *names[1024], *near;
	size_t t, i, count = 0;

	for (t = 0; t < builtin_registry.table_count; t++) {
		const struct builtin_table *table = builtin_registry.tables[t];

		names[count++] = table->name;
		for (i = 0; i < table->row_count && count < sizeof(names) / sizeof(names[0]) - 1; i++)
			if (callable(&table->rows[i]))
				names[count++] = table->rows[i].name;
	}
	near = suggest_name(name, names, count);
	fprintf(stderr, "runplan: there is no builtin and no namespace `%s`", name);
	if (near)
		fprintf(stderr, "; did you mean `%s`?", near);
	fprintf(stderr, "\n");
}

int cmd_doc(const struct options *options)
{
	const char *name = options->operand_count > 0 ? options->operands[0] : NULL;
	const struct builtin *row = name ? registry_find(&builtin_registry, name, strlen(name)) : NULL;
	const struct builtin_table *table = name ? table_find(name) : NULL;

	if (option_given(options, "markdown"))
		markdown();
	else if (!name)
		print_namespaces();
	else if (row && callable(row))
		print_row(row);
	if (table && !option_given(options, "markdown")) {
		if (row && callable(row))
			printf("\n");
		print_table(table);
	}
	if (name && !table && !(row && callable(row))) {
		unknown(name);
		return EXIT_USAGE;
	}
	return EXIT_DONE;
}
