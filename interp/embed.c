/* embed.c - interpolation into another language: the way to each language, and plain text. See embed.h. */
#include "interp/embed.h"

#include <stdarg.h>
#include <string.h>

#include "interp/embed_inner.h"

/* As deep as value.c itself looks into a value. */
#define DEPTH_MAX 10000

bool embed_refuse(struct embed_problem *problem, const struct cursor *at, const char *message,
		  const char *hint)
{
	if (problem)
		*problem = (struct embed_problem){
		    .piece = at->piece, .offset = at->offset, .message = message, .hint = hint};
	return false;
}

bool embed_is_word(int symbol)
{
	return (symbol >= 'a' && symbol <= 'z') || (symbol >= 'A' && symbol <= 'Z') ||
	       (symbol >= '0' && symbol <= '9') || symbol == '_' || (symbol >= 128 && symbol <= 255);
}

bool embed_has_nul(struct value text)
{
	return text.tag == VALUE_STRING && memchr(value_text_peek(text), '\0', value_length(text));
}

struct value embed_failed(struct value *error, const char *format, ...)
{
	struct buffer text = {0};
	va_list list;

	va_start(list, format);
	buffer_vprintf(&text, format, list);
	va_end(list);
	value_clear(error);
	*error = buffer_finish(&text);
	return value_null();
}

bool embed_check(enum embed_language language, const struct embed_part *pieces, size_t count,
		 struct embed_problem *problem)
{
	switch (language) {
	case EMBED_SH:
		return embed_check_sh(pieces, count, problem);
	case EMBED_SQL:
	case EMBED_SQLITE:
		return embed_check_sql(language, pieces, count, problem);
	case EMBED_PROMQL:
		return embed_check_promql(pieces, count, problem);
	case EMBED_URL:
		return embed_check_url(pieces, count, problem);
	case EMBED_NONE:
		break;
	}
	return true;
}

static bool holds_unknown(struct value v, int depth)
{
	size_t i, count = v.tag == VALUE_LIST || v.tag == VALUE_RECORD ? value_length(v) : 0;

	if (v.tag == VALUE_UNKNOWN)
		return true;
	if (depth > DEPTH_MAX)
		return false;
	for (i = 0; i < count; i++)
		if (holds_unknown(v.tag == VALUE_LIST ? list_peek(v, i) : record_value_peek(v, i), depth + 1))
			return true;
	return false;
}

static struct value render_none(const struct embed_part *pieces, const struct value *values, size_t count)
{
	struct buffer text = {0};
	size_t i;

	for (i = 0; i < count; i++) {
		buffer_add(&text, pieces[i].text, pieces[i].length);
		if (i + 1 < count) {
			struct value part = value_to_text(values[i]);

			buffer_add(&text, value_text_peek(part), value_length(part));
			value_release(part);
		}
	}
	return buffer_finish(&text);
}

static struct value render(enum embed_language language, const struct embed_part *pieces,
			   const struct value *values, size_t count, struct value *error)
{
	switch (language) {
	case EMBED_SH:
		return embed_render_sh(pieces, values, count, error);
	case EMBED_SQL:
	case EMBED_SQLITE:
		return embed_render_sql(language, pieces, values, count, error);
	case EMBED_PROMQL:
		return embed_render_promql(pieces, values, count, error);
	case EMBED_URL:
		return embed_render_url(pieces, values, count, error);
	case EMBED_NONE:
		break;
	}
	return render_none(pieces, values, count);
}

struct value embed_render(enum embed_language language, const struct embed_part *pieces,
			  const struct value *values, size_t count, struct value *error)
{
	struct value result;
	bool secret = false;
	size_t i;

	*error = value_null();
	for (i = 0; i + 1 < count; i++)
		if (holds_unknown(values[i], 0))
			return value_unknown();
	for (i = 0; i + 1 < count; i++)
		secret = secret || value_is_secret(values[i]);
	result = render(language, pieces, values, count, error);
	/* The records of sh and sql carry the mark on the one argument that is a secret. */
	if (secret && result.tag == VALUE_STRING)
		result = value_mark(result, VALUE_SECRET);
	return result;
}
