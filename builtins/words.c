#include "builtins/words.h"

#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

static void separate(struct buffer *line)
{
	if (line->length > 0)
		buffer_add_byte(line, ' ');
}

void words_add(struct buffer *line, const char *word)
{
	separate(line);
	buffer_add_text(line, word);
}

static void add_quoted(struct buffer *line, const char *text, size_t length)
{
	buffer_add_byte(line, '\'');
	for (size_t i = 0; i < length; i++)
		if (text[i] == '\'')
			buffer_add_text(line, "'\\''");
		else
			buffer_add_byte(line, text[i]);
	buffer_add_byte(line, '\'');
}

/* A word of a line that is shown; of a longer one its beginning, and how long it is. */
#define WORD_MAX 4000
/* Behind so many bytes of a line the list that makes it ends in "...". */
#define LINE_MAX_BYTES 16000

static size_t cut_at(const char *bytes, size_t length)
{
	if (length <= WORD_MAX)
		return length;
	for (length = WORD_MAX; length > 0 && ((unsigned char)bytes[length] & 0xc0) == 0x80;)
		length--;
	return length;
}

static void add_value(struct buffer *line, struct value word)
{
	bool shown = value_is_secret(word) || word.tag == VALUE_UNKNOWN;
	struct value text = shown ? value_show(word, 0) : value_to_text(word);
	const char *bytes = value_text_peek(text);
	size_t whole = value_length(text), length = cut_at(bytes, whole);
	char size[48];

	if (shown || (length > 0 && strspn(bytes, PLAIN) >= length))
		buffer_add(line, bytes, length);
	else
		add_quoted(line, bytes, length);
	if (length < whole)
		buffer_printf(line, "... (%s)", size_text((int64_t)whole, size));
	value_release(text);
}

void words_add_value(struct buffer *line, struct value word)
{
	if (word.tag == VALUE_NULL)
		return;
	separate(line);
	add_value(line, word);
}

void words_add_list(struct buffer *line, struct value words)
{
	if (words.tag != VALUE_LIST)
		words_add_value(line, words);
	else
		for (size_t i = 0; i < value_length(words); i++) {
			if (line->length > LINE_MAX_BYTES) {
				buffer_printf(line, " ... (%zu more)", value_length(words) - i);
				return;
			}
			words_add_value(line, list_peek(words, i));
		}
}

void words_add_option(struct buffer *line, const char *option, struct value v)
{
	if (v.tag == VALUE_NULL)
		return;
	words_add(line, option);
	words_add_value(line, v);
}

void words_add_seconds(struct buffer *line, const char *option, struct value duration)
{
	const int64_t second = 1000000000;

	if (duration.tag == VALUE_DURATION)
		duration = value_int((duration.i + second - 1) / second);
	words_add_option(line, option, duration);
}

void words_add_flag(struct buffer *line, const char *option, struct value on)
{
	if (value_truthy(on))
		words_add(line, option);
}

void words_add_env(struct buffer *line, const char *option, struct value env)
{
	for (size_t i = 0; env.tag == VALUE_RECORD && i < value_length(env); i++) {
		struct value v = record_value_peek(env, i);

		if (v.tag == VALUE_NULL)
			continue;
		if (option != NULL)
			words_add(line, option);
		words_add(line, record_key_peek(env, i));
		buffer_add_byte(line, '=');
		add_value(line, v);
	}
}

struct value text_tail(const char *text, size_t length, size_t lines)
{
	size_t from;

	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	for (from = length; from > 0; from--)
		if (text[from - 1] == '\n' && --lines == 0)
			break;
	return value_string_n(text + from, length - from);
}

void words_add_host(struct buffer *line, struct value host)
{
	struct value shown;

	if (host.tag == VALUE_NULL)
		return;
	shown = value_show(host, 200);
	buffer_printf(line, "  (on %s)", value_text_peek(shown));
	value_release(shown);
}
