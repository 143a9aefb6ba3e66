/*
 * embed_closed.c - SQL and PromQL whose brackets and quotes do not match: seen before the server says so. See
 * embed.h.
 */
#include "interp/embed_inner.h"

/* Deeper ones are left to the server. */
#define DEPTH_MAX 64

struct opened {
	struct cursor at;
	int closer;
};

static int closer_of(int symbol)
{
	return symbol == '(' ? ')' : symbol == '[' ? ']' : symbol == '{' ? '}' : 0;
}

static const char *never_closed(int closer)
{
	return closer == ')'   ? "this `(` is never closed"
	       : closer == ']' ? "this `[` is never closed"
			       : "this `{` is never closed";
}

/* Up to and with the closing quote; false: there is none. */
static bool skip_quoted(struct cursor *at, int quote, bool escapes)
{
	int symbol;

	while ((symbol = cursor_take(at)) != CURSOR_END) {
		if (symbol == '\\' && escapes)
			cursor_take(at);
		else if (symbol == quote)
			return true;
	}
	return false;
}

static void skip_line(struct cursor *at)
{
	int symbol;

	do
		symbol = cursor_take(at);
	while (symbol != '\n' && symbol != CURSOR_END);
}

/* Comments and dollar quotes of SQL are left alone: what follows them is not looked at. */
static bool is_beyond(bool sql, const struct cursor *at, int symbol)
{
	int second = cursor_second(*at);

	return sql && (symbol == '$' || (symbol == '-' && second == '-') || (symbol == '/' && second == '*'));
}

bool embed_check_closed(enum embed_language language, const struct embed_part *pieces, size_t count,
			struct embed_problem *problem)
{
	struct cursor at = {.pieces = pieces, .count = count}, before;
	struct opened opened[DEPTH_MAX];
	bool sqlite = language == EMBED_SQLITE, sql = language == EMBED_SQL || sqlite;
	size_t depth = 0;
	int symbol;

	if (!sql && language != EMBED_PROMQL)
		return true;
	for (; (symbol = cursor_peek(&at)) != CURSOR_END && !is_beyond(sql, &at, symbol);) {
		before = at;
		cursor_take(&at);
		if (symbol == '#' && !sql) {
			skip_line(&at);
		} else if (symbol == '\'' || symbol == '"' || (symbol == '`' && (!sql || sqlite))) {
			bool e = cursor_before(&before) == 'E' || cursor_before(&before) == 'e';
			bool escapes = sql ? e && !sqlite : symbol != '`';

			if (!skip_quoted(&at, symbol, escapes))
				return embed_refuse(problem, &before, "this quote is never closed", NULL);
		} else if (symbol == '[' && sqlite) { /* a name */
			if (!skip_quoted(&at, ']', false))
				return embed_refuse(problem, &before, never_closed(']'), NULL);
		} else if (closer_of(symbol) && (!sql || symbol != '{')) {
			if (depth == DEPTH_MAX)
				return true;
			opened[depth++] = (struct opened){before, closer_of(symbol)};
		} else if (symbol == ')' || symbol == ']' || (symbol == '}' && !sql)) {
			if (!depth)
				return embed_refuse(problem, &before, "this closes nothing", NULL);
			if (opened[--depth].closer != symbol)
				return embed_refuse(problem, &opened[depth].at,
						    never_closed(opened[depth].closer), NULL);
		}
	}
	if (symbol == CURSOR_END && depth)
		return embed_refuse(problem, &opened[depth - 1].at, never_closed(opened[depth - 1].closer),
				    NULL);
	return true;
}
