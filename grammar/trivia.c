/* trivia.c: what the grammar does not see: the list of all tokens, and the comments that document what
 * follows. */
#include "grammar/parser.h"
#include "grammar/plan.tab.h"

static enum token_kind kind_of(int code)
{
	switch (code) {
	case TOK_RAW_NEWLINE:
		return TOKEN_NEWLINE;
	case TOK_RAW_COMMENT:
		return TOKEN_COMMENT;
	case TOK_RAW_UNKNOWN:
		return TOKEN_UNKNOWN;
	case TOK_NAME:
		return TOKEN_WORD;
	case TOK_KEY:
		return TOKEN_KEY;
	case TOK_NUMBER:
		return TOKEN_NUMBER;
	case TOK_STRING:
	case TOK_STRING_OPEN:
	case TOK_TEXT:
	case TOK_STRING_CLOSE:
	case TOK_LABEL:
	case TOK_LABEL_OPEN:
	case TOK_LABEL_CLOSE:
	case TOK_RAW_UNCLOSED:
	case TOK_RAW_UNCLOSED_MULTILINE:
		return TOKEN_STRING;
	default:
		return code >= TOK_AND && code <= TOK_WHEN ? TOKEN_KEYWORD : TOKEN_MARK;
	}
}

void trivia_keep(struct parser *p, int code, struct span at)
{
	enum token_kind kind = kind_of(code);

	/* A token takes five bytes of a plan on average; room for all at once spares copying. */
	if (!p->token_room) {
		p->token_room = p->length / 4 + 1;
		p->tokens = arena_alloc(p->arena, p->token_room * sizeof(*p->tokens));
	}
	p->tokens = arena_grow(p->arena, p->tokens, p->token_count, &p->token_room, sizeof(*p->tokens));
	p->tokens[p->token_count++] = (struct token){
	    at.from,
	    at.to,
	    (uint16_t)kind,
	    (uint16_t)(kind == TOKEN_NEWLINE || kind == TOKEN_COMMENT || kind == TOKEN_UNKNOWN ? 0 : code),
	};
}

/* What the token turned out to be, if the grammar got it. */
void trivia_note(struct parser *p, struct token *token)
{
	if (p->previous_span.from != token->from || p->previous_span.to != token->to)
		return;
	token->kind = (uint16_t)kind_of(p->previous);
	token->code = (uint16_t)p->previous;
}

void trivia_comment(struct parser *p, struct span at)
{
	if (!p->line_has_token) {
		p->doc_from = p->doc_open ? p->doc_from : at.from;
		p->doc_to = at.to;
		p->doc_open = true;
	}
	p->line_has_comment = true;
}

void trivia_newline(struct parser *p)
{
	if (!p->line_has_token && !p->line_has_comment)
		p->doc_open = false;
	p->line_has_comment = false;
}

void trivia_begin_line(struct parser *p, struct span at)
{
	if (!p->doc_open)
		return;
	p->docs = arena_grow(p->arena, p->docs, p->doc_count, &p->doc_room, sizeof(*p->docs));
	p->docs[p->doc_count++] = (struct doc){at.from, p->doc_from, p->doc_to};
	p->doc_open = false;
}
