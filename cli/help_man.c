/* help_man.c - the man page, from the tables of commands.c, in the macros of mdoc(7). */
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

#define SOURCE_WIDTH 76 /* columns of the page's source; its reader wraps it anew */

/* A byte as it is to be seen: roff gives several of them another meaning or shape. */
static void put(FILE *out, char byte)
{
	switch (byte) {
	case '\\':
		fputs("\\e", out);
		break;
	case '-':
		fputs("\\-", out);
		break;
	case '\'':
		fputs("\\(aq", out);
		break;
	case '^':
		fputs("\\(ha", out);
		break;
	case '~':
		fputs("\\(ti", out);
		break;
	case '"':
		fputs("\\(dq", out);
		break;
	default:
		putc(byte, out);
	}
}

static void put_text(FILE *out, const char *text, size_t length)
{
	if (length > 0 && *text == '.')
		fputs("\\&", out);
	while (length-- > 0)
		put(out, *text++);
}

static bool ends_sentence(const char *word, size_t length)
{
	while (length > 0 && strchr(")`", word[length - 1]))
		length--;
	return length > 0 && strchr(".!?", word[length - 1]);
}

/* Running text: bold between backquotes; a sentence begins a line. */
static void prose(FILE *out, const char *text, size_t length)
{
	const char *end = text + length;
	unsigned at = 0;
	bool bold = false;

	while (text < end) {
		size_t word = strcspn(text, " \n"), i;

		if (word > (size_t)(end - text))
			word = (size_t)(end - text);
		if (at + 1 + word > SOURCE_WIDTH) {
			putc('\n', out);
			at = 0;
		}
		if (at > 0)
			putc(' ', out);
		else if (*text == '.')
			fputs("\\&", out);
		for (i = 0; i < word; i++) {
			if (text[i] == '`') {
				bold = !bold;
				fputs(bold ? "\\fB" : "\\fR", out);
			} else {
				put(out, text[i]);
			}
		}
		at += (unsigned)word + 1;
		if (ends_sentence(text, word)) {
			putc('\n', out);
			at = 0;
		}
		text += word;
		while (text < end && (*text == ' ' || *text == '\n'))
			text++;
	}
	if (at > 0)
		putc('\n', out);
}

static void literal(FILE *out, const char *text, size_t length)
{
	put_text(out, text, length);
	putc('\n', out);
}

/* Paragraphs and lines that stay as they are. */
static void details(FILE *out, const char *text)
{
	bool fixed = false, apart = true;

	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length > 0 && (*text == ' ') != fixed) {
			fixed = !fixed;
			fprintf(out, fixed ? ".Bd -literal\n" : ".Ed\n");
			apart = apart && !fixed;
		}
		if (length == 0) {
			apart = true;
		} else if (fixed) {
			literal(out, text, length);
		} else {
			if (apart)
				fprintf(out, ".Pp\n");
			apart = false;
			prose(out, text, length);
		}
		text += length + (text[length] == '\n');
	}
	if (fixed)
		fprintf(out, ".Ed\n");
}

static void facts(FILE *out, const char *width, const char *macro, const struct fact *fact)
{
	fprintf(out, ".Bl -tag -width \"%s\"\n", width);
	for (; fact->name; fact++) {
		fprintf(out, ".It%s%s ", *macro ? " " : "", macro);
		put_text(out, fact->name, strlen(fact->name));
		putc('\n', out);
		prose(out, fact->about, strlen(fact->about));
	}
	fprintf(out, ".El\n");
}

static void examples(FILE *out, const struct fact *example)
{
	const struct fact *first = example;

	for (; example->name; example++) {
		const char *line = example->name;
		size_t length;

		if (example != first)
			fprintf(out, ".Pp\n");
		prose(out, example->about, strlen(example->about));
		fprintf(out, ".Bd -literal -offset Ds -compact\n");
		for (; *line; line += length + (line[length] == '\n')) {
			length = strcspn(line, "\n");
			literal(out, line, length);
		}
		fprintf(out, ".Ed\n");
	}
}

static void option(FILE *out, const struct option_row *row)
{
	fprintf(out, ".It ");
	if (row->letter)
		fprintf(out, "Fl %c , ", row->letter);
	fprintf(out, "Fl \\-");
	put_text(out, row->name, strlen(row->name));
	if (row->value)
		fprintf(out, " Ar %s", row->value);
	putc('\n', out);
	prose(out, row->about, strlen(row->about));
}

static void options(FILE *out, const struct command *command)
{
	size_t i, count = 0;

	for (i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];

		if (row->hidden || !row->commands != !command || !option_fits(row, command))
			continue;
		if (count++ == 0)
			fprintf(out, ".Bl -tag -width Ds\n");
		option(out, row);
	}
	if (count > 0)
		fprintf(out, ".El\n");
}

static void command(FILE *out, const struct command *row)
{
	fprintf(out, ".Ss runplan %s %s\\&\n", row->name, row->operands);
	fprintf(out, "%s.\n", row->summary);
	if (row->details)
		details(out, row->details);
	options(out, row);
	if (row->codes && row->codes != exit_facts) {
		fprintf(out, ".Pp\nExit codes:\n");
		facts(out, "Ds", "", row->codes);
	}
	if (row->examples) {
		fprintf(out, ".Pp\nExamples:\n.Pp\n");
		examples(out, row->examples);
	}
}

static void group(FILE *out, enum command_group number)
{
	size_t i;

	fprintf(out, ".Pp\n%s:\n.Bl -tag -width completion -compact -offset indent\n", group_titles[number]);
	for (i = 0; i < command_count; i++)
		if (command_table[i].group == number && command_offered(&command_table[i]))
			fprintf(out, ".It Cm %s\n%s.\n", command_table[i].name, command_table[i].summary);
	fprintf(out, ".El\n");
}

static void description(FILE *out)
{
	enum command_group number;

	fprintf(out, ".Sh DESCRIPTION\n.Nm\n"
		     "runs deployment plans, and undoes them when they fail.\n"
		     "A plan says what is changed, how each change is undone, and what must hold\n"
		     "before the next one is made.\n"
		     ".Pp\nOptions may stand before or after the command and its operands;\n"
		     ".Ql \\-\\-\nends them.\n"
		     ".Ar FILE\nis a plan;\n.Ql \\-\nis standard input.\n");
	for (number = 0; number < GROUP_COUNT; number++)
		group(out, number);
}

void help_man(FILE *out)
{
	size_t i;

	fprintf(out,
		".\\\" Made by `runplan help --man`; do not edit.\n"
		".Dd %s\n.Dt RUNPLAN 1\n.Os\n"
		".Sh NAME\n.Nm runplan\n.Nd run deployment plans, and undo them when they fail\n"
		".Sh SYNOPSIS\n"
		".Nm\n.Ar FILE\n.Op Fl e Ar NAME\n.Op Fl s Ar NAME=VALUE ...\n.Op Ar OPTIONS\n"
		".Nm\n.Ar COMMAND\n.Op Ar OPTIONS\n.Op Ar OPERAND ...\n",
		RUNPLAN_DATE);
	description(out);
	fprintf(out, ".Sh OPTIONS\nOf every command:\n");
	options(out, NULL);
	fprintf(out, ".Sh COMMANDS\n");
	for (i = 0; i < command_count; i++)
		if (command_offered(&command_table[i]))
			command(out, &command_table[i]);
	fprintf(out, ".Sh ENVIRONMENT\n");
	facts(out, "RUNPLAN_OPERATOR", "Ev", variable_facts);
	fprintf(out, ".Sh FILES\n");
	facts(out, "RUNPLAN_OPERATOR", "Pa", file_facts);
	fprintf(out, ".Sh EXIT STATUS\nOf\n.Cm run\nand\n.Cm simulate :\n");
	facts(out, "130, 143", "", exit_facts);
	fprintf(out, ".Sh EXAMPLES\n");
	examples(out, example_facts);
}
