/*
 * regex.c - see regex.h.
 *
 * PCRE2's match limit counts anew at each position of the text, and a single repeated item is scanned without
 * being counted, so neither bounds the whole of a match. Automatic callouts do: each costs one, and one for
 * each byte that the position moved since the last.
 */
#include "interp/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/utf8.h"

#define PATTERN_MAX    (64 * 1024) /* bytes; none that a person writes comes near */
#define MATCH_LIMIT    1000000	   /* backtracks from one position */
#define DEPTH_LIMIT    250000	   /* of nested backtracking */
#define HEAP_LIMIT_KIB (64 * 1024)
#define BUDGET	       20000000 /* a few tenths of a second */
#define BUDGET_A_BYTE  16	/* more for long texts, which may be scanned a few times */

struct regex {
	pcre2_code *code;
	pcre2_match_context *context;
	pcre2_match_data *data;
	const char *text;
	size_t length;
	size_t from;	  /* where the next match may begin */
	bool after_empty; /* the last match was empty and ended at `from` */
	uint64_t budget;
	size_t last_position;
};

static int spend(pcre2_callout_block *block, void *context)
{
	struct regex *regex = context;
	size_t position = block->current_position;
	size_t moved = position > regex->last_position ? position - regex->last_position
						       : regex->last_position - position;

	regex->last_position = position;
	if (regex->budget <= moved) {
		regex->budget = 0;
		return PCRE2_ERROR_MATCHLIMIT;
	}
	regex->budget -= moved + 1;
	return 0;
}

static pcre2_code *compile(const char *pattern, size_t length, char *error, size_t *offset)
{
	const uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_DOLLAR_ENDONLY |
				 PCRE2_AUTO_CALLOUT | PCRE2_NEVER_BACKSLASH_C;
	PCRE2_SIZE at = 0;
	int number;
	pcre2_code *code;

	if (length > PATTERN_MAX) {
		snprintf(error, REGEX_ERROR, "a pattern may have at most %d bytes", PATTERN_MAX);
		*offset = 0;
		return NULL;
	}
	code = pcre2_compile((PCRE2_SPTR)pattern, length, options, &number, &at, NULL);
	if (!code) {
		PCRE2_UCHAR message[120];

		pcre2_get_error_message(number, message, sizeof(message));
		*offset = at;
		snprintf(error, REGEX_ERROR, "%s", (const char *)message);
	}
	return code;
}

struct regex *regex_new(const char *pattern, size_t length, char *error, size_t *offset)
{
	struct regex *regex;
	pcre2_code *code = compile(pattern, length, error, offset);

	if (!code)
		return NULL;
	regex = memory_need(calloc(1, sizeof(*regex)));
	regex->code = code;
	regex->data = memory_need(pcre2_match_data_create_from_pattern(code, NULL));
	regex->context = memory_need(pcre2_match_context_create(NULL));
	pcre2_set_match_limit(regex->context, MATCH_LIMIT);
	pcre2_set_depth_limit(regex->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(regex->context, HEAP_LIMIT_KIB);
	pcre2_set_callout(regex->context, spend, regex);
	return regex;
}

void regex_free(struct regex *regex)
{
	if (!regex)
		return;
	pcre2_match_context_free(regex->context);
	pcre2_match_data_free(regex->data);
	pcre2_code_free(regex->code);
	free(regex);
}

void regex_begin(struct regex *regex, const char *text, size_t length)
{
	regex->text = text;
	regex->length = length;
	regex->from = 0;
	regex->after_empty = false;
	regex->budget = BUDGET + (uint64_t)length * BUDGET_A_BYTE;
}

static bool say_why(int result, char *error)
{
	PCRE2_UCHAR message[120];

	if (result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_DEPTHLIMIT ||
	    result == PCRE2_ERROR_HEAPLIMIT) {
		snprintf(error, REGEX_ERROR,
			 "the pattern backtracks too much on this text; make its repetitions exclude "
			 "each other");
		return false;
	}
	pcre2_get_error_message(result, message, sizeof(message));
	snprintf(error, REGEX_ERROR, "%s", (const char *)message);
	return false;
}

/* Behind an empty match: the same place may hold one that isn't empty, else the search goes on a character
 * later. */
static int match_after_empty(struct regex *regex)
{
	int result = pcre2_match(regex->code, (PCRE2_SPTR)regex->text, regex->length, regex->from,
				 PCRE2_NOTEMPTY_ATSTART | PCRE2_ANCHORED, regex->data, regex->context);

	if (result != PCRE2_ERROR_NOMATCH)
		return result;
	if (regex->from >= regex->length)
		return PCRE2_ERROR_NOMATCH;
	regex->from += utf8_offset(regex->text + regex->from, regex->length - regex->from, 1);
	return pcre2_match(regex->code, (PCRE2_SPTR)regex->text, regex->length, regex->from, 0, regex->data,
			   regex->context);
}

bool regex_next(struct regex *regex, bool *found, char *error)
{
	PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->data);
	int result;

	*found = false;
	regex->last_position = regex->from;
	if (regex->from > regex->length)
		return true;
	result = regex->after_empty ? match_after_empty(regex)
				    : pcre2_match(regex->code, (PCRE2_SPTR)regex->text, regex->length,
						  regex->from, 0, regex->data, regex->context);
	if (result == PCRE2_ERROR_NOMATCH) {
		regex->from = regex->length + 1;
		return true;
	}
	if (result < 0)
		return say_why(result, error);
	/* \K in a lookahead may put the start behind the end: such a match is as good as empty. */
	if (ends[0] > ends[1])
		ends[0] = ends[1];
	regex->after_empty = ends[0] == ends[1];
	regex->from = ends[1];
	*found = true;
	return true;
}

size_t regex_groups(const struct regex *regex)
{
	return pcre2_get_ovector_count(regex->data);
}

const char *regex_group(const struct regex *regex, size_t group, size_t *length)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->data);

	*length = 0;
	if (group >= regex_groups(regex) || ends[2 * group] == PCRE2_UNSET ||
	    ends[2 * group] > ends[2 * group + 1])
		return NULL;
	*length = ends[2 * group + 1] - ends[2 * group];
	return regex->text + ends[2 * group];
}

struct value regex_named(const struct regex *regex)
{
	struct value named = record_new(0);
	uint32_t count = 0, size = 0, i;
	PCRE2_SPTR table = NULL;

	pcre2_pattern_info(regex->code, PCRE2_INFO_NAMECOUNT, &count);
	pcre2_pattern_info(regex->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(regex->code, PCRE2_INFO_NAMETABLE, &table);
	for (i = 0; i < count; i++, table += size) {
		const char *name = (const char *)table + 2, *text;
		size_t length;

		text = regex_group(regex, (size_t)(table[0] << 8 | table[1]), &length);
		/* (?J) allows a name twice: the group that took part counts. */
		if (text || !record_has(named, name))
			record_set(&named, name, text ? value_string_n(text, length) : value_null());
	}
	return named;
}

bool regex_match(const char *pattern, size_t pattern_length, const char *text, size_t text_length,
		 bool *matched, char *error)
{
	size_t offset;
	struct regex *regex = regex_new(pattern, pattern_length, error, &offset);
	bool ok;

	if (!regex)
		return false;
	regex_begin(regex, text, text_length);
	ok = regex_next(regex, matched, error);
	regex_free(regex);
	return ok;
}

bool regex_check(const char *pattern, size_t length, char *error, size_t *offset)
{
	pcre2_code *code = compile(pattern, length, error, offset);

	pcre2_code_free(code);
	return code != NULL;
}
