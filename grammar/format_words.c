/* format_words.c: the tokens that count, which brackets belong together, and how wide things are. */
#include <string.h>

#include "grammar/format_inner.h"
#include "grammar/parser.h"
#include "grammar/plan.tab.h"
#include "grammar/utf8.h"

static bool opens(int code)
{
	switch (code) {
	case TOK_LPAREN:
	case TOK_LBRACKET:
	case TOK_LBRACE:
	case TOK_RECORD_OPEN:
	case TOK_VALUE_OPEN:
	case TOK_INTERPOLATION_OPEN:
	case TOK_STRING_OPEN:
	case TOK_LABEL_OPEN:
		return true;
	default:
		return false;
	}
}

static bool closes(int code)
{
	switch (code) {
	case TOK_RPAREN:
	case TOK_RBRACKET:
	case TOK_RBRACE:
	case TOK_RECORD_CLOSE:
	case TOK_VALUE_CLOSE:
	case TOK_INTERPOLATION_CLOSE:
	case TOK_STRING_CLOSE:
	case TOK_LABEL_CLOSE:
		return true;
	default:
		return false;
	}
}

void format_words(struct format *f)
{
	uint32_t open =
	    FORMAT_NO_WORD; /* the innermost bracket; while one is open, its mate is the one around it */

	f->words = arena_alloc(f->arena, f->token_count * sizeof(*f->words));
	for (uint32_t i = 0; i < f->token_count; i++) {
		const struct token *token = &f->tokens[i];
		struct word *word = &f->words[f->word_count];

		if (token->kind == TOKEN_NEWLINE || token->kind == TOKEN_COMMENT)
			continue;
		*word = (struct word){token->from, token->to, i, FORMAT_NO_WORD, token->code, 0};
		if (opens(token->code)) {
			word->mate = open;
			open = f->word_count;
		} else if (closes(token->code) && open != FORMAT_NO_WORD) {
			uint32_t outer = f->words[open].mate;

			word->mate = open;
			f->words[open].mate = f->word_count;
			open = outer;
		}
		f->word_count++;
	}
}

uint32_t format_word_at(const struct format *f, uint32_t offset)
{
	uint32_t low = 0, high = f->word_count;

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (f->words[middle].from <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

bool format_is_comma(const struct format *f, uint32_t word)
{
	return word < f->word_count && f->words[word].code == TOK_COMMA;
}

bool format_has_newline(const struct format *f, const struct word *word)
{
	switch (word->code) {
	case TOK_STRING:
	case TOK_LABEL:
	case TOK_TEXT:
		return memchr(f->text + word->from, '\n', word->to - word->from) != NULL;
	default:
		return false;
	}
}

/* ---- multi-line strings ---- */

static uint32_t blanks(const struct format *f, uint32_t from, uint32_t to)
{
	uint32_t i = from;

	while (i < to && (f->text[i] == ' ' || f->text[i] == '\t'))
		i++;
	return i - from;
}

uint32_t format_common_indentation(const struct format *f, uint32_t from, uint32_t to, uint32_t first)
{
	uint32_t common = UINT32_MAX, word = first;

	for (uint32_t i = from; i < to; i++) {
		/* Line ends in a `${ }` are none of the string's. */
		while (word < f->word_count && f->words[word].to <= i)
			word++;
		if (word < f->word_count && f->words[word].from == i &&
		    f->words[word].code == TOK_INTERPOLATION_OPEN) {
			word = f->words[word].mate;
			i = f->words[word].to - 1;
			continue;
		}
		if (f->text[i] == '\n') {
			uint32_t indent = blanks(f, i + 1, to), next = i + 1 + indent;

			if (next < to && (f->text[next] == '\n' || f->text[next] == '\r'))
				continue;
			common = indent < common ? indent : common;
		}
	}
	return common == UINT32_MAX ? 0 : common;
}

/* ---- blanks and widths ---- */

static bool glues_after(int code)
{
	switch (code) {
	case TOK_LPAREN:
	case TOK_LBRACKET:
	case TOK_DOT:
	case TOK_RANGE:
	case TOK_INTERPOLATION_OPEN:
	case TOK_INTERPOLATION_CLOSE:
	case TOK_STRING_OPEN:
	case TOK_LABEL_OPEN:
	case TOK_TEXT:
		return true;
	default:
		return false;
	}
}

static bool glues_before(int code)
{
	switch (code) {
	case TOK_COMMA:
	case TOK_RPAREN:
	case TOK_RBRACKET:
	case TOK_DOT:
	case TOK_RANGE:
	case TOK_COLON:
	case TOK_ELLIPSIS:
	case TOK_INTERPOLATION_OPEN:
	case TOK_INTERPOLATION_CLOSE:
	case TOK_STRING_CLOSE:
	case TOK_LABEL_CLOSE:
	case TOK_TEXT:
		return true;
	default:
		return false;
	}
}

bool format_blank_between(const struct word *left, const struct word *right)
{
	if (left->code == TOK_INTERPOLATION_CLOSE)
		return false;
	if (left->marks & WORD_PREFIX || right->marks & WORD_GLUED)
		return false;
	if (left->code == TOK_RECORD_OPEN && right->code == TOK_RECORD_CLOSE)
		return false;
	if (right->code == TOK_INTERPOLATION_OPEN || right->code == TOK_TEXT)
		return false;
	return !glues_after(left->code) && !glues_before(right->code);
}

uint32_t format_width(const char *bytes, size_t length)
{
	uint32_t width = 0;

	for (size_t i = 0; i < length;) {
		uint32_t code = (unsigned char)bytes[i];
		size_t size = code < 0x80 ? 1 : utf8_decode(bytes + i, length - i, &code);

		width += code < 0x80 ? 1 : utf8_width(code);
		i += size ? size : 1;
	}
	return width;
}
