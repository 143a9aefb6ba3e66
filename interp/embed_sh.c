/*
 * embed_sh.c - values in a shell command: each becomes "$1", "$2", ... where a word or a part of a word
 * stands.
 *
 * The scanner reads POSIX sh (and notices what bash would read otherwise) far enough to know of every value
 * whether it is a word, stands inside quotes, or would be read as code: as the command itself, by eval, by an
 * inner `sh -c`, by sed. Where it is in doubt it refuses: exec([...]) needs no shell.
 */
#include <stdlib.h>
#include <string.h>

#include "interp/embed_inner.h"

/* $( ( ( ... deeper than anybody writes. */
#define NESTING_MAX  100
#define HEREDOCS_MAX 8
#define WORD_MAX     64

/* Stands in a word's text for a value. */
#define VALUE_BYTE '\1'

enum rule_kind {
	RULE_ANY,   /* no value at all */
	RULE_NAME,  /* a value must stand behind NAME= */
	RULE_TEST,  /* no value behind -v, nor right behind another one, which might be -v */
	RULE_CODE,  /* the word after an option out of `code` is code; options end at the first operand */
	RULE_LATE,  /* the same, where options may stand behind operands */
	RULE_FIRST, /* as RULE_LATE, and the first operand is code unless an option out of `source` was given
		     */
};

struct rule {
	const char *program;
	enum rule_kind kind;
	const char *code, *source; /* letters of options */
	const char *takes;	   /* letters of other options whose argument is a word of its own */
	const char *hint;
};

#define HINT_SHELL  "pass it as an argument: sh -c 'grep -c x \"$1\"' sh ${value}"
#define HINT_SCRIPT "keep the program a literal, and pass the value as an argument or in the environment"
#define HINT_EVAL   "write the command itself"
#define HINT_NAME   "write the name as a literal: name=${value}"

static const struct rule rules[] = {
    {"eval", RULE_ANY, "", "", "", HINT_EVAL},
    {"trap", RULE_ANY, "", "", "", HINT_EVAL},
    {"alias", RULE_ANY, "", "", "", HINT_EVAL},
    {"let", RULE_ANY, "", "", "", "compute it in the plan"},
    {"watch", RULE_ANY, "", "", "", "wait until ... polls in the plan"},
    {"parallel", RULE_ANY, "", "", "", "for ... at most N at once runs commands side by side"},
    {"unset", RULE_ANY, "", "", "", HINT_NAME},
    {"read", RULE_ANY, "", "", "", HINT_NAME},
    {"getopts", RULE_ANY, "", "", "", HINT_NAME},
    {"ssh", RULE_ANY, "", "", "",
     "ssh joins its arguments and a far shell reads them again: use sh(..., host: \"web1\")"},
    {"export", RULE_NAME, "", "", "", HINT_NAME},
    {"readonly", RULE_NAME, "", "", "", HINT_NAME},
    {"local", RULE_NAME, "", "", "", HINT_NAME},
    {"declare", RULE_NAME, "", "", "", HINT_NAME},
    {"typeset", RULE_NAME, "", "", "", HINT_NAME},
    {"sh", RULE_CODE, "c", "", "o", HINT_SHELL},
    {"bash", RULE_CODE, "c", "", "oO", HINT_SHELL},
    {"dash", RULE_CODE, "c", "", "o", HINT_SHELL},
    {"ash", RULE_CODE, "c", "", "o", HINT_SHELL},
    {"ksh", RULE_CODE, "c", "", "o", HINT_SHELL},
    {"zsh", RULE_CODE, "c", "", "o", HINT_SHELL},
    {"su", RULE_LATE, "c", "", "sgGw", HINT_SHELL},
    {"flock", RULE_LATE, "c", "", "wE", HINT_SHELL},
    {"python", RULE_CODE, "c", "", "XW", HINT_SCRIPT},
    {"python3", RULE_CODE, "c", "", "XW", HINT_SCRIPT},
    {"perl", RULE_CODE, "eE", "", "", HINT_SCRIPT},
    {"ruby", RULE_CODE, "e", "", "", HINT_SCRIPT},
    {"node", RULE_CODE, "ep", "", "", HINT_SCRIPT},
    {"php", RULE_CODE, "r", "", "", HINT_SCRIPT},
    {"psql", RULE_LATE, "c", "", "dhpUvfoLRFTP", "use pg.query or pg.exec, which bind values"},
    {"test", RULE_TEST, "", "", "", HINT_NAME},
    {"[", RULE_TEST, "", "", "", HINT_NAME},
    {"printf", RULE_CODE, "v", "", "", HINT_NAME},
    {"env", RULE_CODE, "S", "", "uC", HINT_EVAL},
    {"tar", RULE_LATE, "I", "", "fCTXbKNVgL", HINT_EVAL},
    {"rsync", RULE_LATE, "e", "", "fTBM", HINT_EVAL},
    {"scp", RULE_LATE, "S", "", "oiPFJcl", HINT_EVAL},
    {"git", RULE_LATE, "", "", "C", HINT_EVAL},
    {"sed", RULE_FIRST, "e", "ef", "fl", "use file.replace or file.template"},
    {"awk", RULE_FIRST, "", "f", "vFf", "pass it as a variable: awk -v name=${value} '...'"},
    {"gawk", RULE_FIRST, "", "f", "vFf", "pass it as a variable: awk -v name=${value} '...'"},
    {"mawk", RULE_FIRST, "", "f", "vFf", "pass it as a variable: awk -v name=${value} '...'"},
};

/* Commands that run the command behind them, through the shell itself or through their options. */
static const char *const prefixes[] = {"command", "builtin", "time", "coproc"};
static const char *const runners[] = {"sudo",	"doas",	  "env",     "exec",   "nohup",
				      "nice",	"ionice", "timeout", "setsid", "stdbuf",
				      "chroot", "xargs",  "find",    "docker", "busybox"};

struct heredoc {
	char end[WORD_MAX];
	bool strip_tabs;
};

/* What a value must keep to where it stands; known only when it is there. */
struct place {
	bool single;  /* one word: no list */
	bool no_dash; /* an option would be code: it must not begin with - */
};

struct sh_scan {
	struct cursor at;
	struct embed_problem *problem;
	struct place *places; /* by value, or NULL */
	struct heredoc heredocs[HEREDOCS_MAX];
	size_t heredoc_count;
	int nesting;
	int functions;	       /* bodies of functions around the cursor */
	bool function_pending; /* name() has been read */
	bool renumbers;	       /* set -- or shift */
	struct cursor renumbers_at;
};

enum mode {
	AT_COMMAND,
	AT_ARGUMENTS,
	AT_FOR_NAME,
	AT_FOR_IN,
	AT_CASE_WORD,
	AT_CASE_IN,
	AT_PATTERN,
};

struct command {
	enum mode mode;
	const struct rule *rule;
	bool code_next;	   /* the next operand is code */
	bool source_given; /* RULE_FIRST: the program came by an option */
	bool skip_next;	   /* the next word is an option's argument */
	bool runs;	   /* the program is one of runners[] */
	bool sets;	   /* the program is `set` */
	bool ended;	   /* -- has been seen: what follows are operands */
	bool settled;	   /* what follows are arguments of the code or script */
	bool after_value;  /* RULE_TEST: the word before began with a value */
	bool prefixed;	   /* right after one of prefixes[] */
	bool brackets;	   /* inside [[ ]] */
	bool redirect;	   /* the next word is a target */
	bool duplicate;	   /* of >& or <& */
	size_t words;	   /* after the program */
};

struct word {
	char text[WORD_MAX]; /* quotes undone; VALUE_BYTE for a value; cut when longer */
	size_t length;	     /* of text */
	bool quoted;	     /* quotes, escapes or expansions in it: not a reserved word */
	bool assignment;     /* NAME= at the beginning, literal and unquoted */
	size_t values;
	size_t value_at;     /* where in text the first one stands */
	struct cursor first; /* the first value */
	size_t parts;	     /* symbols and values: 1 for a value that stands alone */
};

static bool scan_commands(struct sh_scan *scan, int close);
static bool scan_dollar(struct sh_scan *scan, struct word *word, bool quoted);
static bool scan_backtick(struct sh_scan *scan);

static bool refuse_at(struct sh_scan *scan, const struct cursor *at, const char *message, const char *hint)
{
	return embed_refuse(scan->problem, at, message, hint);
}

static bool refuse(struct sh_scan *scan, const char *message, const char *hint)
{
	return refuse_at(scan, &scan->at, message, hint);
}

static bool refuse_quoted(struct sh_scan *scan)
{
	return refuse(
	    scan, "a value cannot stand inside quotes of the shell",
	    "write it outside the quotes, as a word or a part of one: --file=${path}; it is never split");
}

static bool is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static bool ends_word(int c)
{
	return c == CURSOR_END || is_blank(c) || c == '\n' || c == ';' || c == '&' || c == '|' || c == '(' ||
	       c == ')' || c == '<' || c == '>';
}

static void word_add(struct word *word, int c)
{
	word->parts++;
	if (c == '=' && !word->quoted && word->values == 0 && word->length > 0 && !word->assignment)
		word->assignment =
		    strspn(word->text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
			word->length &&
		    (word->text[0] < '0' || word->text[0] > '9');
	if (word->length + 1 < sizeof(word->text)) {
		word->text[word->length++] = (char)c;
		word->text[word->length] = '\0';
	}
}

static bool word_is(const struct word *word, const char *text)
{
	return !word->quoted && word->values == 0 && strcmp(word->text, text) == 0;
}

/* ---- the inside of words ---- */

static bool scan_single_quotes(struct sh_scan *scan, struct word *word)
{
	int c;

	word->quoted = true;
	word->parts++;
	cursor_take(&scan->at);
	while ((c = cursor_peek(&scan->at)) != '\'' && c != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse_quoted(scan);
		word_add(word, cursor_take(&scan->at));
	}
	cursor_take(&scan->at);
	return true;
}

static bool scan_double_quotes(struct sh_scan *scan, struct word *word)
{
	int c;

	word->quoted = true;
	word->parts++;
	cursor_take(&scan->at);
	while ((c = cursor_peek(&scan->at)) != '"' && c != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse_quoted(scan);
		if (c == '$') {
			if (!scan_dollar(scan, word, true))
				return false;
			continue;
		}
		if (c == '`') {
			if (!scan_backtick(scan))
				return false;
			continue;
		}
		cursor_take(&scan->at);
		if (c == '\\') {
			c = cursor_peek(&scan->at);
			if (c == CURSOR_VALUE)
				return refuse_quoted(scan);
			cursor_take(&scan->at);
		}
		word_add(word, c);
	}
	cursor_take(&scan->at);
	return true;
}

static bool scan_backtick(struct sh_scan *scan)
{
	int c;

	cursor_take(&scan->at);
	while ((c = cursor_peek(&scan->at)) != '`' && c != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside backticks",
				      "write $( ) instead of ` `");
		cursor_take(&scan->at);
		if (c == '\\' && cursor_peek(&scan->at) != CURSOR_VALUE)
			cursor_take(&scan->at);
	}
	cursor_take(&scan->at);
	return true;
}

/* After the opening ((, up to and with the closing )). */
static bool scan_arithmetic(struct sh_scan *scan)
{
	int depth = 2, c;

	while (depth > 0 && (c = cursor_peek(&scan->at)) != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse(
			    scan,
			    "a value cannot stand inside (( )): the shell would read it as an expression",
			    "compute it in the plan");
		cursor_take(&scan->at);
		depth += c == '(' ? 1 : c == ')' ? -1 : 0;
	}
	return true;
}

/* After ${, up to and with the }. */
static bool scan_expansion(struct sh_scan *scan)
{
	int depth = 1, c;

	while (depth > 0 && (c = cursor_peek(&scan->at)) != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside ${ } of the shell",
				      "use ?? in the plan");
		cursor_take(&scan->at);
		if (c == '\\' && cursor_peek(&scan->at) != CURSOR_VALUE)
			cursor_take(&scan->at);
		depth += c == '{' ? 1 : c == '}' ? -1 : 0;
	}
	return true;
}

static bool is_positional(int c)
{
	return (c >= '1' && c <= '9') || c == '@' || c == '*' || c == '#';
}

static bool refuse_positional(struct sh_scan *scan, const struct cursor *at)
{
	return refuse_at(scan, at,
			 "values are passed by the positional parameters, so $1, $@ and $# are taken",
			 "interpolate what is meant");
}

static bool scan_dollar(struct sh_scan *scan, struct word *word, bool quoted)
{
	struct cursor start = scan->at;
	int c;

	cursor_take(&scan->at);
	c = cursor_peek(&scan->at);
	word->quoted = true;
	word->parts++;
	if (c == CURSOR_VALUE)
		return refuse(scan, "a value cannot stand right after a $", "leave the $ out, or write \\$");
	if (scan->at.count > 1 && scan->functions == 0 && !scan->function_pending && is_positional(c))
		return refuse_positional(scan, &start);
	if (scan->at.count > 1 && ((c == '\'' && !quoted) || c == '['))
		return refuse_at(scan, &start, "shells disagree about what $' and $[ mean",
				 "write it without");
	if (c == '{') {
		cursor_take(&scan->at);
		c = cursor_peek(&scan->at);
		if (scan->at.count > 1 && scan->functions == 0 && c != '#' && is_positional(c))
			return refuse_positional(scan, &start);
		return scan_expansion(scan);
	}
	if (c != '(')
		return true;
	cursor_take(&scan->at);
	if (cursor_peek(&scan->at) != '(')
		return scan_commands(scan, ')');
	cursor_take(&scan->at);
	return scan_arithmetic(scan);
}

static bool scan_word_value(struct sh_scan *scan, struct word *word)
{
	if (scan->functions > 0 || scan->function_pending)
		return refuse(scan,
			      "a value cannot stand inside a function of the shell, which has its own $1",
			      "call the function with it, and read \"$1\" in the function");
	if (word->values++ == 0) {
		word->first = scan->at;
		word->value_at = word->length;
	}
	cursor_take(&scan->at);
	word_add(word, VALUE_BYTE);
	return true;
}

static bool scan_part(struct sh_scan *scan, struct word *word)
{
	int c = cursor_peek(&scan->at);

	switch (c) {
	case CURSOR_VALUE:
		return scan_word_value(scan, word);
	case '\'':
		return scan_single_quotes(scan, word);
	case '"':
		return scan_double_quotes(scan, word);
	case '$':
		return scan_dollar(scan, word, false);
	case '`':
		word->quoted = true;
		word->parts++;
		return scan_backtick(scan);
	case '\\':
		cursor_take(&scan->at);
		c = cursor_peek(&scan->at);
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand right after a backslash",
				      "leave the backslash out");
		cursor_take(&scan->at);
		if (c == '\n')
			return true;
		word->quoted = true;
		word_add(word, c);
		return true;
	}
	word_add(word, cursor_take(&scan->at));
	return true;
}

static void mark_single(struct sh_scan *scan, const struct word *word)
{
	size_t i;

	for (i = 0; scan->places && i < word->values; i++)
		scan->places[word->first.piece + i].single = true;
}

static bool scan_word(struct sh_scan *scan, struct word *word)
{
	*word = (struct word){0};
	while (!ends_word(cursor_peek(&scan->at)))
		if (!scan_part(scan, word))
			return false;
	if (word->parts > 1)
		mark_single(scan, word);
	return true;
}

/* ---- here-documents ---- */

static bool scan_heredoc_body(struct sh_scan *scan, const struct heredoc *heredoc)
{
	char line[WORD_MAX];

	for (;;) {
		size_t length = 0;
		int c;

		while (heredoc->strip_tabs && cursor_peek(&scan->at) == '\t')
			cursor_take(&scan->at);
		while ((c = cursor_peek(&scan->at)) != '\n' && c != CURSOR_END) {
			if (c == CURSOR_VALUE)
				return refuse(
				    scan, "a value cannot stand inside a here-document",
				    "write printf '%s\\n' ${value} | command, or pass the text as input:");
			cursor_take(&scan->at);
			if (length < sizeof(line))
				line[length++] = (char)c;
		}
		cursor_take(&scan->at);
		if (c == CURSOR_END || (length < sizeof(line) && length == strlen(heredoc->end) &&
					memcmp(line, heredoc->end, length) == 0))
			return true;
	}
}

static bool scan_heredocs(struct sh_scan *scan)
{
	size_t i, count = scan->heredoc_count;

	scan->heredoc_count = 0;
	for (i = 0; i < count; i++)
		if (!scan_heredoc_body(scan, &scan->heredocs[i]))
			return false;
	return true;
}

static bool scan_heredoc_end(struct sh_scan *scan)
{
	struct heredoc heredoc = {.strip_tabs = cursor_peek(&scan->at) == '-'};
	struct word word;

	if (heredoc.strip_tabs)
		cursor_take(&scan->at);
	while (is_blank(cursor_peek(&scan->at)))
		cursor_take(&scan->at);
	if (!scan_word(scan, &word))
		return false;
	if (word.values > 0)
		return refuse_at(scan, &word.first, "a value cannot end a here-document",
				 "write the word as a literal");
	if (scan->heredoc_count == HEREDOCS_MAX || word.length + 1 == sizeof(word.text))
		return refuse(scan, "too many here-documents, or too long an end word",
			      "pass the text as input:");
	memcpy(heredoc.end, word.text, sizeof(heredoc.end));
	scan->heredocs[scan->heredoc_count++] = heredoc;
	return true;
}

/* ---- commands ---- */

static const struct rule *find_rule(const char *text)
{
	const char *slash = strrchr(text, '/'), *name = slash ? slash + 1 : text;
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++)
		if (strcmp(name, rules[i].program) == 0)
			return &rules[i];
	return NULL;
}

static bool is_among(const char *text, const char *const *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

#define IS_AMONG(text, words) is_among(text, words, sizeof(words) / sizeof(*(words)))

static bool refuse_code(struct sh_scan *scan, const struct word *word, const struct rule *rule)
{
	return refuse_at(scan, &word->first, "a value would be read as code here", rule->hint);
}

/* "-ec": does the cluster, before a value in it, hold one of the letters? */
static bool has_letter(const struct word *word, const char *letters)
{
	size_t i, end = word->values ? word->value_at : word->length;

	for (i = 1; i < end; i++)
		if (word->text[i] && strchr(letters, word->text[i]))
			return true;
	return false;
}

static bool is_option(const struct command *command, const struct word *word)
{
	return !command->ended && word->length >= 2 && word->text[0] == '-' && word->text[1] != VALUE_BYTE;
}

static bool long_code_option(const struct word *word)
{
	return strncmp(word->text, "--command", 9) == 0 || strncmp(word->text, "--expression", 12) == 0 ||
	       strncmp(word->text, "--eval", 6) == 0 || strncmp(word->text, "--execute", 9) == 0 ||
	       strncmp(word->text, "--print", 7) == 0 || strncmp(word->text, "--source", 8) == 0;
}

/* -e CODE, -eCODE, -ne CODE */
static bool on_short_option(struct sh_scan *scan, struct command *command, const struct word *word)
{
	const struct rule *rule = command->rule;
	char last = word->text[word->length - 1];
	bool code = has_letter(word, rule->code);

	if (code && word->values > 0)
		return refuse_code(scan, word, rule);
	if (code && !(rule->kind == RULE_FIRST && !strchr(rule->code, last)))
		command->code_next = true;
	command->source_given = command->source_given || has_letter(word, rule->source);
	command->skip_next = !code && strchr(rule->takes, last);
	return true;
}

/* --eval CODE, --eval=CODE */
static bool on_long_option(struct sh_scan *scan, struct command *command, const struct word *word)
{
	bool code = long_code_option(word);

	if (word_is(word, "--"))
		command->ended = true;
	if (code && word->values > 0)
		return refuse_code(scan, word, command->rule);
	if (code && !strchr(word->text, '='))
		command->code_next = true;
	command->source_given = command->source_given || code || strncmp(word->text, "--file", 6) == 0;
	return true;
}

/* Values at the beginning of an operand; an empty one must not make an option of what follows it. */
static bool mark_no_dash(struct sh_scan *scan, const struct word *word, const struct rule *rule)
{
	size_t i = 0;

	for (; i < word->length && word->text[i] == VALUE_BYTE; i++)
		if (scan->places) {
			scan->places[word->first.piece + i].no_dash = true;
			scan->places[word->first.piece + i].single |= rule->kind == RULE_CODE;
		}
	return i == 0 || word->text[i] != '-' || refuse_code(scan, word, rule);
}

static bool on_operand(struct sh_scan *scan, struct command *command, const struct word *word)
{
	const struct rule *rule = command->rule;

	if (!command->ended && rule->kind != RULE_NAME && !mark_no_dash(scan, word, rule))
		return false;
	if (command->code_next || (rule->kind == RULE_FIRST && !command->source_given)) {
		if (word->values > 0)
			return refuse_code(scan, word, rule);
		command->source_given = true;
	}
	if (rule->kind == RULE_CODE) {
		/* The rest is for the code or the script; only behind env there is another program. */
		command->rule = NULL;
		command->settled = !IS_AMONG(rule->program, runners);
	}
	command->code_next = false;
	return true;
}

/* set -- and shift, outside of functions, take the values away. */
static void renumbers(struct sh_scan *scan)
{
	if (scan->renumbers || scan->functions > 0 || scan->function_pending)
		return;
	scan->renumbers = true;
	scan->renumbers_at = scan->at;
}

/* set -eu -o pipefail, or set -- a b */
static void on_set(struct sh_scan *scan, struct command *command, const struct word *word)
{
	bool option = word->values == 0 && (word->text[0] == '-' || word->text[0] == '+');

	if (command->skip_next)
		command->skip_next = false;
	else if (!option || word_is(word, "--"))
		renumbers(scan);
	else
		command->skip_next = word->text[word->length - 1] == 'o';
}

static bool on_test(struct sh_scan *scan, struct command *command, const struct word *word)
{
	if (word->values > 0 && (command->code_next || command->after_value))
		return refuse_code(scan, word, command->rule);
	command->code_next = word_is(word, "-v");
	command->after_value = word->values > 0 && word->value_at == 0;
	return true;
}

static bool on_bracket(struct sh_scan *scan, struct command *command, const struct word *word)
{
	if (word_is(word, "]]"))
		command->brackets = false;
	return word->values == 0 ||
	       refuse_at(scan, &word->first,
			 "a value cannot stand inside [[ ]], which may read it as an expression",
			 "write [ ] or compare in the plan");
}

/* `sudo sh -c`, `docker exec web sh -c`, `flock f sh -c`: a program further on is one as well. */
static const struct rule *inner_rule(const struct command *command, const struct word *word)
{
	const struct rule *outer = command->rule, *inner;
	bool yields = !outer || outer->kind == RULE_LATE ||
		      (outer->kind == RULE_CODE && IS_AMONG(outer->program, runners));

	if (!yields || command->settled || command->code_next || word->values > 0)
		return NULL;
	inner = find_rule(word->text);
	if (inner && inner->kind != RULE_CODE && !(command->runs && inner->kind != RULE_NAME))
		return NULL;
	return inner;
}

static bool on_argument(struct sh_scan *scan, struct command *command, const struct word *word)
{
	const struct rule *rule = command->rule, *inner;

	command->words++;
	if (command->brackets)
		return on_bracket(scan, command, word);
	if (command->sets) {
		on_set(scan, command, word);
		return true;
	}
	if (rule && rule->kind == RULE_TEST)
		return on_test(scan, command, word);
	if (rule && rule->kind == RULE_ANY && word->values > 0)
		return refuse_code(scan, word, rule);
	if (rule && rule->kind == RULE_NAME && word->values > 0 && !word->assignment)
		return refuse_at(scan, &word->first, "a value cannot be the name of a variable", rule->hint);
	if (command->skip_next) {
		command->skip_next = false;
		return true;
	}
	if (is_option(command, word)) {
		if (!rule)
			return true;
		return word->text[1] == '-' ? on_long_option(scan, command, word)
					    : on_short_option(scan, command, word);
	}
	inner = inner_rule(command, word);
	if (inner) {
		command->rule = inner;
		command->ended = false;
		return true;
	}
	return !rule || on_operand(scan, command, word);
}

/* Words after which a command begins anew, or a compound command has ended. */
static bool is_reserved(const struct word *word)
{
	static const char *const words[] = {"if",    "then", "elif", "else", "fi",  "while",
					    "until", "do",   "done", "!",    "esac"};

	return !word->quoted && word->values == 0 && IS_AMONG(word->text, words);
}

static bool on_program(struct sh_scan *scan, struct command *command, const struct word *word)
{
	if (word->assignment) {
		mark_single(scan, word);
		return true;
	}
	if (is_reserved(word))
		return true;
	if (command->prefixed && word->values == 0 && word->text[0] == '-') {
		if (word_is(word, "-v") || word_is(word, "-V"))
			command->mode = AT_ARGUMENTS;
		return true;
	}
	if (word->values > 0)
		return refuse_at(scan, &word->first, "a value cannot be the command itself",
				 "use exec([program, argument, ...]), which needs no shell");
	if (scan->function_pending) {
		/* name() and then neither { nor (: its end is hard to tell, so all that follows counts as
		 * inside. */
		scan->function_pending = false;
		scan->functions++;
	}
	if (word_is(word, "for") || word_is(word, "select")) {
		command->mode = AT_FOR_NAME;
	} else if (word_is(word, "case")) {
		command->mode = AT_CASE_WORD;
	} else if (word_is(word, "function")) {
		scan->functions++; /* of bash: all that follows counts as inside */
		command->mode = AT_ARGUMENTS;
	} else if (IS_AMONG(word->text, prefixes)) {
		command->prefixed = true;
	} else {
		command->mode = AT_ARGUMENTS;
		command->rule = find_rule(word->text);
		command->runs = IS_AMONG(word->text, runners);
		command->sets = strcmp(word->text, "set") == 0;
		command->brackets = word_is(word, "[[");
		if (strcmp(word->text, "shift") == 0)
			renumbers(scan);
	}
	return true;
}

static bool on_target(struct sh_scan *scan, struct command *command, const struct word *word)
{
	bool duplicate = command->duplicate;

	command->redirect = command->duplicate = false;
	mark_single(scan, word);
	return word->values == 0 || !duplicate ||
	       refuse_at(scan, &word->first, "a value cannot be a number of a descriptor",
			 "write the number");
}

static bool on_word(struct sh_scan *scan, struct command *command, const struct word *word, int *cases)
{
	if (command->redirect)
		return on_target(scan, command, word);
	switch (command->mode) {
	case AT_COMMAND:
		if (word_is(word, "esac") && *cases > 0)
			--*cases;
		return on_program(scan, command, word);
	case AT_ARGUMENTS:
		return on_argument(scan, command, word);
	case AT_FOR_NAME:
		command->mode = AT_FOR_IN;
		return word->values == 0 ||
		       refuse_at(scan, &word->first, "a value cannot be the name of a variable",
				 "write the name");
	case AT_FOR_IN:
		command->mode = word_is(word, "do") ? AT_COMMAND : AT_ARGUMENTS;
		return true;
	case AT_CASE_WORD:
		mark_single(scan, word);
		command->mode = AT_CASE_IN;
		return true;
	case AT_CASE_IN:
		command->mode = AT_PATTERN;
		++*cases;
		return true;
	case AT_PATTERN:
		mark_single(scan, word);
		if (word_is(word, "esac")) {
			--*cases;
			command->mode = AT_ARGUMENTS;
		}
		return true;
	}
	return true;
}

static bool scan_redirect(struct sh_scan *scan, struct command *command)
{
	int c = cursor_take(&scan->at), next = cursor_peek(&scan->at);

	if (c == '<' && next == '<') {
		cursor_take(&scan->at);
		if (cursor_peek(&scan->at) != '<')
			return scan_heredoc_end(scan);
		cursor_take(&scan->at);
	} else if (next == '>' || next == '|' || next == '&') {
		command->duplicate = next == '&';
		cursor_take(&scan->at);
	}
	command->redirect = true;
	return true;
}

/* After name: the () of a function's definition. */
static bool scan_function(struct sh_scan *scan, struct command *command)
{
	cursor_take(&scan->at);
	while (is_blank(cursor_peek(&scan->at)))
		cursor_take(&scan->at);
	if (cursor_peek(&scan->at) == ')')
		cursor_take(&scan->at);
	scan->function_pending = true;
	*command = (struct command){.mode = AT_COMMAND};
	return true;
}

/* The inside of ( ) or { }, which may be a function's body. */
static bool scan_group(struct sh_scan *scan, int close)
{
	bool body = scan->function_pending, ok;

	scan->function_pending = false;
	scan->functions += body;
	ok = scan_commands(scan, close);
	scan->functions -= body;
	return ok;
}

static bool scan_open(struct sh_scan *scan, struct command *command)
{
	if (command->mode == AT_PATTERN) {
		cursor_take(&scan->at);
		return true;
	}
	if (command->mode == AT_ARGUMENTS && !command->redirect && command->words == 0 && !command->brackets)
		return scan_function(scan, command);
	cursor_take(&scan->at);
	command->redirect = false;
	if (command->mode == AT_COMMAND && cursor_peek(&scan->at) == '(' && !scan->function_pending) {
		cursor_take(&scan->at);
		command->mode = AT_ARGUMENTS;
		return scan_arithmetic(scan);
	}
	if (command->mode == AT_COMMAND)
		command->mode = AT_ARGUMENTS;
	return scan_group(scan, ')');
}

/* A control operator ends the command; inside a case, ;; leads to the next pattern. */
static void scan_operator(struct sh_scan *scan, struct command *command, int cases)
{
	int c = cursor_take(&scan->at);
	enum mode mode = AT_COMMAND;

	if (c == ';' && (cursor_peek(&scan->at) == ';' || cursor_peek(&scan->at) == '&')) {
		while (cursor_peek(&scan->at) == ';' || cursor_peek(&scan->at) == '&')
			cursor_take(&scan->at);
		mode = cases > 0 ? AT_PATTERN : AT_COMMAND;
	} else if (c == '|' && command->mode == AT_PATTERN) {
		mode = AT_PATTERN;
	} else if (command->brackets) {
		/* && and || of [[ ]] end nothing. */
		return;
	}
	*command = (struct command){.mode = mode};
}

static bool scan_newline(struct sh_scan *scan, struct command *command)
{
	cursor_take(&scan->at);
	if (command->mode != AT_PATTERN && command->mode != AT_CASE_IN && command->mode != AT_FOR_IN &&
	    !command->brackets)
		*command = (struct command){.mode = AT_COMMAND};
	return scan_heredocs(scan);
}

static bool scan_comment(struct sh_scan *scan)
{
	int c;

	while ((c = cursor_peek(&scan->at)) != '\n' && c != CURSOR_END) {
		if (c == CURSOR_VALUE)
			return refuse(scan, "a value cannot stand inside a comment", "leave it out");
		cursor_take(&scan->at);
	}
	return true;
}

/* True where a group has been closed: *closed. */
static bool scan_one_word(struct sh_scan *scan, struct command *command, int close, int *cases, bool *closed)
{
	struct word word;
	int next;

	if (!scan_word(scan, &word))
		return false;
	next = cursor_peek(&scan->at);
	/* 2>file */
	if ((next == '<' || next == '>') && word.length > 0 && !word.quoted && word.values == 0 &&
	    strspn(word.text, "0123456789") == word.length)
		return true;
	if (command->mode == AT_COMMAND && !command->redirect && word_is(&word, "{")) {
		command->mode = AT_ARGUMENTS;
		return scan_group(scan, '}');
	}
	if (command->mode == AT_COMMAND && !command->redirect && word_is(&word, "}")) {
		*closed = close == '}';
		return true;
	}
	return on_word(scan, command, &word, cases);
}

static bool scan_commands_inner(struct sh_scan *scan, int close)
{
	struct command command = {.mode = AT_COMMAND};
	bool closed = false, ok = true;
	int cases = 0;

	while (ok && !closed) {
		int c = cursor_peek(&scan->at);

		if (c == CURSOR_END)
			return true;
		if (is_blank(c)) {
			cursor_take(&scan->at);
		} else if (c == '\\' && cursor_second(scan->at) == '\n') {
			cursor_take(&scan->at);
			cursor_take(&scan->at);
		} else if (c == '\n') {
			ok = scan_newline(scan, &command);
		} else if (c == '#') {
			ok = scan_comment(scan);
		} else if (c == ';' || c == '&' || c == '|') {
			scan_operator(scan, &command, cases);
		} else if (c == '(') {
			ok = scan_open(scan, &command);
		} else if (c == ')') {
			cursor_take(&scan->at);
			closed = command.mode != AT_PATTERN && close == ')';
			command = (struct command){.mode = AT_COMMAND};
		} else if (c == '<' || c == '>') {
			ok = scan_redirect(scan, &command);
		} else {
			ok = scan_one_word(scan, &command, close, &cases, &closed);
		}
	}
	return ok;
}

static bool scan_commands(struct sh_scan *scan, int close)
{
	bool ok;

	if (scan->nesting == NESTING_MAX)
		return refuse(scan, "the command is nested too deep", "write a script file");
	scan->nesting++;
	ok = scan_commands_inner(scan, close);
	scan->nesting--;
	return ok;
}

static bool scan_all(const struct embed_part *pieces, size_t count, struct place *places,
		     struct embed_problem *problem)
{
	struct sh_scan scan = {
	    .at = {.pieces = pieces, .count = count}, .problem = problem, .places = places};

	if (count == 0)
		return true;
	if (!scan_commands(&scan, CURSOR_END))
		return false;
	return !scan.renumbers || count == 1 ||
	       refuse_at(&scan, &scan.renumbers_at,
			 "set -- and shift renumber the parameters that values are passed by",
			 "write a script file, or keep the words in a list of the plan");
}

bool embed_check_sh(const struct embed_part *pieces, size_t count, struct embed_problem *problem)
{
	return scan_all(pieces, count, NULL, problem);
}

/* ---- rendering ---- */

static bool add_word(struct buffer *text, struct value *args, struct value v, struct place place,
		     struct value *error)
{
	struct value shown;
	size_t number;

	if (v.tag == VALUE_NULL) {
		embed_failed(error, "null cannot be a word of a command");
		return false;
	}
	shown = value_to_text(v);
	if (embed_has_nul(shown) || value_length(shown) > EMBED_SH_ARG_MAX) {
		embed_failed(error, embed_has_nul(shown)
					? "a text with a NUL byte cannot be an argument of a command"
					: "a text longer than 128 KiB cannot be an argument of a command: "
					  "give it as the standard input");
		value_release(shown);
		return false;
	}
	if (place.no_dash && value_text_peek(shown)[0] == '-') {
		embed_failed(
		    error, "a text that begins with - would be read as an option here, which may hold code: "
			   "write ./ or -- before it");
		value_release(shown);
		return false;
	}
	list_push(args, value_mark(shown, value_is_secret(v) ? VALUE_SECRET : 0));
	number = value_length(*args);
	buffer_printf(text, number < 10 ? "\"$%zu\"" : "\"${%zu}\"", number);
	return true;
}

static bool add_words(struct buffer *text, struct value *args, struct value list, struct place place,
		      struct value *error)
{
	size_t i, count = value_length(list);

	for (i = 0; i < count; i++) {
		struct value item = value_item(list, i);
		bool ok;

		if (i > 0)
			buffer_add_byte(text, ' ');
		ok = add_word(text, args, item, place, error);
		value_release(item);
		if (!ok)
			return false;
	}
	return true;
}

static bool add_value(struct buffer *text, struct value *args, struct value v, struct place place,
		      struct value *error)
{
	if (v.tag != VALUE_LIST)
		return add_word(text, args, v, place, error);
	if (!place.single)
		return add_words(text, args, v, place, error);
	embed_failed(error, "a list becomes several words of a command, and must be a word of its own");
	return false;
}

static bool render_pieces(const struct embed_part *pieces, const struct value *values, size_t count,
			  const struct place *places, struct buffer *text, struct value *args,
			  struct value *error)
{
	size_t i;

	for (i = 0; i < count; i++) {
		buffer_add(text, pieces[i].text, pieces[i].length);
		if (i + 1 < count && !add_value(text, args, values[i], places[i], error))
			return false;
	}
	return true;
}

struct value embed_render_sh(const struct embed_part *pieces, const struct value *values, size_t count,
			     struct value *error)
{
	struct place *places = memory_need(calloc(count ? count : 1, sizeof(*places)));
	struct embed_problem problem;
	struct buffer text = {0};
	struct value args = list_new(count), result;
	bool ok = scan_all(pieces, count, places, &problem);

	if (!ok)
		embed_failed(error, "%s: %s", problem.message, problem.hint);
	ok = ok && render_pieces(pieces, values, count, places, &text, &args, error);
	free(places);
	if (!ok) {
		buffer_free(&text);
		value_release(args);
		return value_null();
	}
	result = record_new(2);
	record_set(&result, "text", buffer_finish(&text));
	record_set(&result, "args", args);
	return result;
}
