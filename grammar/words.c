/* words.c: which words are words of the language, and where. keywords.def has the table and explains its
 * columns. */
#include <string.h>

#include "grammar/parser.h"
#include "grammar/plan.tab.h"

enum where {
	EVERYWHERE = 1 << 0,
	ITEM = 1 << 1,
	STATEMENT = 1 << 2,
	SETTING = 1 << 3,
	CLAUSE = 1 << 4,
	JUDGE = 1 << 5,
	METRIC = 1 << 6,
	PART = 1 << 7,
	TAIL = 1 << 8,
	CONTINUES = 1 << 9,
	DECLARES = 1 << 10,

	RESERVED = EVERYWHERE | STATEMENT,
};

struct keyword {
	const char *text;
	unsigned length;
	int token;
	unsigned where;
};

static const struct keyword KEYWORDS[] = {
#define KEYWORD(token, text, where) {text, sizeof(text) - 1, TOK_##token, where},
#define FOLLOWS(first, second)
#include "grammar/keywords.def"
#undef KEYWORD
#undef FOLLOWS
};

/* The same places by token: keywords are the tokens from AND to WHEN. */
static const unsigned PLACES[] = {
#define KEYWORD(token, text, where) [TOK_##token - TOK_AND] = (where),
#define FOLLOWS(first, second)
#include "grammar/keywords.def"
#undef KEYWORD
#undef FOLLOWS
};

#define KEYWORD_COUNT (sizeof(KEYWORDS) / sizeof(*KEYWORDS))
_Static_assert(KEYWORD_COUNT <= WORDS_MAX, "WORDS_MAX is too small");

static const struct {
	int first, second;
} FOLLOWERS[] = {
#define KEYWORD(token, text, where)
#define FOLLOWS(first, second) {TOK_##first, TOK_##second},
#include "grammar/keywords.def"
#undef KEYWORD
#undef FOLLOWS
};

/* Of each block: the words that may begin a line in it, and what it is called in messages. */
static const struct {
	unsigned starts;
	const char *name;
} BLOCKS[] = {
    [BLOCK_FILE] = {ITEM | STATEMENT, "at the top of a file"},
    [BLOCK_STATEMENTS] = {STATEMENT, "in a step, a task or a handler"},
    [BLOCK_SETTINGS] = {SETTING, "in the settings of a plan"},
    [BLOCK_CLAUSES] = {CLAUSE, "in a threshold"},
    [BLOCK_JUDGE] = {JUDGE, "in a judge"},
    [BLOCK_METRIC] = {METRIC, "in a metric of a judge"},
    [BLOCK_PARTS] = {PART, "in a test"},
    [BLOCK_VALUE_ARMS] = {0, NULL},
};

/* The factors were searched for: eight of the keywords share a slot with another. */
static uint8_t hash(const char *text, size_t length)
{
	return (uint8_t)(length + 11u * (unsigned char)text[0] + 11u * (unsigned char)text[length - 1] +
			 11u * (unsigned char)text[length / 2]);
}

void words_init(struct parser *p)
{
	p->word_at = UINT32_MAX;
	for (size_t i = 0; i < KEYWORD_COUNT; i++) {
		uint8_t slot = hash(KEYWORDS[i].text, KEYWORDS[i].length);

		if (KEYWORDS[i].length > p->longest_keyword)
			p->longest_keyword = KEYWORDS[i].length;

		while (p->keyword_slots[slot])
			slot++;
		p->keyword_slots[slot] = (uint8_t)(i + 1);
	}
}

static const struct keyword *look_up(const struct parser *p, const char *text, size_t length)
{
	if (length > p->longest_keyword)
		return NULL;
	for (uint8_t slot = hash(text, length); p->keyword_slots[slot]; slot++) {
		const struct keyword *k = &KEYWORDS[p->keyword_slots[slot] - 1];

		if (k->length == length && memcmp(k->text, text, length) == 0)
			return k;
	}
	return NULL;
}

/* The same word is asked for several times in a row. */
static const struct keyword *find(struct parser *p, struct span at)
{
	if (at.from != p->word_at) {
		p->word_at = at.from;
		p->word = look_up(p, p->text + at.from, at.to - at.from);
	}
	return p->word;
}

const uint8_t words_neighbours[TOK_RAW_UNCLOSED_MULTILINE + 1] = {
#define TOKEN(token, what) [TOK_##token] = (what),
#include "grammar/tokens.def"
#undef TOKEN
};

bool words_join_line(struct parser *p, int code, struct span at)
{
	const struct keyword *k = code == TOK_NAME ? find(p, at) : NULL;

	return words_neighbours[code] & JOINS || (k && k->where & CONTINUES);
}

static const struct keyword *find_text(const char *word)
{
	for (size_t i = 0; i < KEYWORD_COUNT; i++)
		if (strcmp(KEYWORDS[i].text, word) == 0)
			return &KEYWORDS[i];
	return NULL;
}

/* Whether the word after token `code` is a name, whatever it is. */
static bool names_next(int code)
{
	if (code >= TOK_AND && code <= TOK_WHEN)
		return PLACES[code - TOK_AND] & DECLARES;
	return code == TOK_DOT;
}

static bool follows(int first, int second)
{
	for (size_t i = 0; i < sizeof(FOLLOWERS) / sizeof(*FOLLOWERS); i++)
		if (FOLLOWERS[i].first == first && FOLLOWERS[i].second == second)
			return true;
	return false;
}

int words_classify(struct parser *p, struct span at)
{
	const struct keyword *k = find(p, at);

	if (!k)
		return TOK_NAME;
	if (names_next(p->previous) && !(k->where & EVERYWHERE && p->token_is_first))
		return TOK_NAME;
	if (k->where & EVERYWHERE)
		return k->token;
	if (p->at_start)
		return k->where & BLOCKS[p->frames[p->depth].block].starts ? k->token : TOK_NAME;
	if (words_ends_operand(p->previous))
		return k->where & TAIL ? k->token : TOK_NAME;
	return follows(p->previous, k->token) ? k->token : TOK_NAME;
}

bool words_everywhere(struct parser *p, struct span at)
{
	const struct keyword *k = find(p, at);

	return k && k->where & EVERYWHERE;
}

bool words_reserved(struct parser *p, struct span at)
{
	const struct keyword *k = find(p, at);

	return k && k->where & RESERVED;
}

static uint32_t skip_blanks(const struct parser *p, uint32_t offset)
{
	while (p->text[offset] == ' ' || p->text[offset] == '\t')
		offset++;
	return offset;
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

bool words_begin_item(struct parser *p, struct span at)
{
	const struct keyword *k = find(p, at);
	uint32_t next = skip_blanks(p, at.to);

	if (!k || !(k->where & ITEM || k->token == TOK_PHASE))
		return false;
	if (k->token == TOK_DEFAULTS)
		return p->text[next] == '{';
	return next > at.to && (is_quote(p->text[next]) || is_letter(p->text[next]));
}

bool words_begin_statement(struct parser *p, struct span at)
{
	const struct keyword *k = find(p, at);
	struct span next = {at.file, skip_blanks(p, at.to), 0};
	const struct keyword *after;

	if (!k || !(k->where & STATEMENT))
		return k && (k->token == TOK_LET || k->token == TOK_VAR || k->token == TOK_FOR ||
			     k->token == TOK_WHILE || k->token == TOK_RETURN);
	if (!is_letter(p->text[next.from]))
		return is_quote(p->text[next.from]) || is_digit(p->text[next.from]);
	for (next.to = next.from; is_letter(p->text[next.to]) || is_digit(p->text[next.to]);)
		next.to++;
	after = look_up(p, p->text + next.from, next.to - next.from);
	return !after || !(after->where & (EVERYWHERE | TAIL));
}

size_t words_starting(enum block block, const char **list)
{
	size_t count = 0;
	unsigned starts = BLOCKS[block].starts;

	if (starts & (STATEMENT | PART))
		starts |= EVERYWHERE;
	for (size_t i = 0; i < KEYWORD_COUNT; i++)
		if (KEYWORDS[i].where & starts)
			list[count++] = KEYWORDS[i].text;
	return count;
}

const char *words_home(const char *word)
{
	const struct keyword *k = find_text(word);

	if (k && k->where & STATEMENT)
		return BLOCKS[BLOCK_STATEMENTS].name;
	for (size_t i = 0; k && i < sizeof(BLOCKS) / sizeof(*BLOCKS); i++)
		if (k->where & BLOCKS[i].starts)
			return BLOCKS[i].name;
	return NULL;
}

int words_token(const char *word)
{
	const struct keyword *k = find_text(word);

	return k ? k->token : 0;
}

bool parse_word_is_reserved(const char *word)
{
	const struct keyword *k = find_text(word);

	return k && k->where & RESERVED;
}
