/* utf8.c - see utf8.h. */
#include "interp/utf8.h"

#include "grammar/utf8.h"

size_t utf8_sequence(const char *at, size_t left)
{
	uint32_t code;

	if (left > 0 && (unsigned char)*at < 0x80)
		return 1;
	return left > 0 ? utf8_decode(at, left, &code) : 0;
}

bool utf8_unprintable(const char *at, size_t sequence)
{
	uint32_t code = 0;

	utf8_decode(at, sequence, &code);
	return utf8_is_control(code) || utf8_is_bidi(code) || code == 0x2028 || code == 0x2029;
}

size_t utf8_plain(const char *bytes, size_t length)
{
	size_t i = 0;

	while (i < length && bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\')
		i++;
	return i;
}

bool utf8_valid(const char *bytes, size_t length)
{
	size_t i, sequence;

	for (i = 0; i < length; i += sequence) {
		sequence = utf8_sequence(bytes + i, length - i);
		if (sequence == 0)
			return false;
	}
	return true;
}

size_t utf8_length(const char *bytes, size_t length)
{
	size_t i, sequence, characters = 0;

	for (i = 0; i<length; i += sequence> 0 ? sequence : 1) {
		sequence = utf8_sequence(bytes + i, length - i);
		characters++;
	}
	return characters;
}

size_t utf8_offset(const char *bytes, size_t length, size_t character)
{
	size_t i, sequence;

	for (i = 0; i < length && character > 0; character--) {
		sequence = utf8_sequence(bytes + i, length - i);
		i += sequence > 0 ? sequence : 1;
	}
	return i;
}
