/* embed_url.c - values in URLs: a base at the beginning, a port, or one percent-encoded component. See
 * embed.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "interp/embed_inner.h"

/* Length of "http://" or another scheme that takes URLs at the beginning of text, or 0. */
static size_t scheme_length(const char *text, size_t length)
{
	static const char *const schemes[] = {"http://", "https://", "ws://", "wss://"};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (length >= strlen(schemes[i]) && strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	return 0;
}

static bool ends_host(int symbol)
{
	return symbol == '/' || symbol == '?' || symbol == '#';
}

static bool is_hex(int symbol)
{
	return (symbol >= '0' && symbol <= '9') || (symbol >= 'a' && symbol <= 'f') ||
	       (symbol >= 'A' && symbol <= 'F');
}

/* A value after "%" or "%4" would be read as a part of that escape. */
static bool cuts_escape(const struct embed_part *piece)
{
	const char *end = piece->text + piece->length;

	return (piece->length >= 1 && end[-1] == '%') ||
	       (piece->length >= 2 && end[-2] == '%' && is_hex(end[-1]));
}

/* Where the host and port that begin at `from` end; `length` when they go on to the end. */
static size_t host_end(const char *text, size_t length, size_t from)
{
	while (from < length && !ends_host(text[from]))
		from++;
	return from;
}

/* "http://host:" with the port to follow, and nothing else in the host's place. */
static bool wants_port(const char *host, size_t length)
{
	return length >= 2 && host[length - 1] == ':' && !memchr(host, '@', length);
}

/*
 * The first piece is "" (a base follows) or begins with a scheme and a host. Whether a base already has a
 * path depends on the value, so what follows a base directly is left to the rendering.
 */
bool embed_check_url(const struct embed_part *pieces, size_t count, struct embed_problem *problem)
{
	size_t i, scheme, end;
	struct cursor at = {.pieces = pieces, .count = count};

	if (count < 2 && count && pieces[0].length && !scheme_length(pieces[0].text, pieces[0].length))
		return embed_refuse(problem, &at, "a URL begins with http://, https://, ws:// or wss://",
				    NULL);
	if (count < 2)
		return true;
	if (pieces[0].length > 0) {
		at.offset = pieces[0].length;
		scheme = scheme_length(pieces[0].text, pieces[0].length);
		end = scheme ? host_end(pieces[0].text, pieces[0].length, scheme) : 0;
		if (scheme == 0 || end == scheme)
			return embed_refuse(problem, &at, "a value in a URL needs http://host/ before it",
					    "write the scheme and the host, or begin with a value that is "
					    "the base: \"${base}/path\"");
		if (end == pieces[0].length &&
		    (!wants_port(pieces[0].text + scheme, end - scheme) ||
		     (pieces[1].length > 0 ? !ends_host(pieces[1].text[0]) : count > 2)))
			return embed_refuse(problem, &at,
					    "a value cannot be the host of a URL or a part of it",
					    "let the whole base be one value: \"${base}/path\"");
	}
	for (i = 0; i + 1 < count; i++)
		if (cuts_escape(&pieces[i])) {
			at.piece = i;
			at.offset = pieces[i].length;
			return embed_refuse(problem, &at, "a value cannot be a part of a percent escape",
					    "interpolate the character itself: it is encoded on its own");
		}
	return true;
}

static bool add_base(struct buffer *url, struct value base, struct value *error)
{
	const char *text = value_text_peek(base);
	size_t i, length = value_length(base),
		  scheme = scheme_length(text, base.tag == VALUE_STRING ? length : 0);

	if (scheme == 0 || scheme == length || ends_host(text[scheme])) {
		embed_failed(
		    error, "the base of a URL must begin with http://, https://, ws:// or wss:// and a host");
		return false;
	}
	for (i = 0; i < length; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f || text[i] == '\\') {
			embed_failed(error,
				     "the base of a URL holds a blank, a control character or a backslash");
			return false;
		}
	buffer_add(url, text, length);
	return true;
}

static bool add_port(struct buffer *url, struct value v, struct value *error)
{
	struct value text = value_to_text(v);
	const char *digits = value_text_peek(text);
	size_t length = value_length(text);
	bool ok = length >= 1 && length <= 5 && strspn(digits, "0123456789") == length && atoi(digits) >= 1 &&
		  atoi(digits) <= 65535;

	if (ok)
		buffer_add(url, digits, length);
	else
		embed_failed(error, "the port of a URL must be a number from 1 to 65535");
	value_release(text);
	return ok;
}

static bool add_component(struct buffer *url, struct value v, struct value *error)
{
	static const char hex[] = "0123456789ABCDEF";
	struct value text;
	const char *bytes;
	size_t i, length;

	if (v.tag == VALUE_NULL || v.tag == VALUE_LIST || v.tag == VALUE_RECORD || v.tag == VALUE_RANGE) {
		embed_failed(error, "a %s cannot be a part of a URL", value_tag_name(v.tag));
		return false;
	}
	if (embed_has_nul(v)) {
		embed_failed(error, "a text with a NUL byte cannot be a part of a URL");
		return false;
	}
	text = value_to_text(v);
	bytes = value_text_peek(text);
	length = value_length(text);
	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c < 128 && embed_is_word(c)) || c == '-' || c == '.' || c == '~') {
			buffer_add_byte(url, (char)c);
		} else {
			buffer_add_byte(url, '%');
			buffer_add_byte(url, hex[c >> 4]);
			buffer_add_byte(url, hex[c & 15]);
		}
	}
	value_release(text);
	return true;
}

/* A value at the end of what is written so far: is it still in the host's place? */
static bool in_host(const struct buffer *url)
{
	const char *text = url->string ? url->string->bytes : "";
	size_t scheme = scheme_length(text, url->length);

	return scheme > 0 && host_end(text, url->length, scheme) == url->length;
}

static bool add_value(struct buffer *url, const struct embed_part *next, bool last, struct value v,
		      struct value *error)
{
	size_t scheme;

	if (!in_host(url))
		return add_component(url, v, error);
	scheme = scheme_length(url->string->bytes, url->length);
	if (wants_port(url->string->bytes + scheme, url->length - scheme) &&
	    (next->length > 0 ? ends_host(next->text[0]) : last))
		return add_port(url, v, error);
	embed_failed(error,
		     "a value cannot be the host of a URL or a part of it: let the whole base be one value");
	return false;
}

/* "." and ".." also in their escaped spelling, which is read the same. */
static bool is_dots(const char *segment, size_t length)
{
	size_t i = 0, dots = 0;

	while (i < length) {
		if (segment[i] == '.')
			i++;
		else if (length - i >= 3 && strncasecmp(segment + i, "%2e", 3) == 0)
			i += 3;
		else
			return false;
		dots++;
	}
	return dots == 1 || dots == 2;
}

/* Whether the value written at text[from..to) is in a segment of the path that means another segment. */
static bool climbs(const char *text, size_t length, size_t from, size_t to)
{
	size_t path = host_end(text, length, scheme_length(text, length)), path_end = path, begin = from;

	while (path_end < length && text[path_end] != '?' && text[path_end] != '#')
		path_end++;
	if (from < path || from > path_end)
		return false;
	while (begin > path && text[begin - 1] != '/')
		begin--;
	while (to < path_end && text[to] != '/')
		to++;
	return is_dots(text + begin, to - begin);
}

static bool render_pieces(const struct embed_part *pieces, const struct value *values, size_t count,
			  size_t *spans, struct buffer *url, struct value *error)
{
	size_t i;

	for (i = 0; i < count; i++) {
		bool base = i == 0 && pieces[0].length == 0;

		buffer_add(url, pieces[i].text, pieces[i].length);
		if (i + 1 == count)
			return true;
		spans[2 * i] = url->length;
		if (base ? !add_base(url, values[0], error)
			 : !add_value(url, &pieces[i + 1], i + 2 == count, values[i], error))
			return false;
		spans[2 * i + 1] = url->length;
		if (base)
			spans[0] = spans[1] = 0;
	}
	return true;
}

struct value embed_render_url(const struct embed_part *pieces, const struct value *values, size_t count,
			      struct value *error)
{
	struct embed_problem problem;
	struct buffer url = {0};
	size_t *spans, i;
	bool ok;

	if (!embed_check_url(pieces, count, &problem))
		return embed_failed(error, "%s: %s", problem.message, problem.hint);
	spans = memory_need(calloc(count ? count : 1, 2 * sizeof(*spans)));
	ok = render_pieces(pieces, values, count, spans, &url, error);
	for (i = 0; ok && i + 1 < count; i++)
		if (climbs(url.string->bytes, url.length, spans[2 * i], spans[2 * i + 1])) {
			embed_failed(error, "a value makes a part of the path \".\" or \"..\", which would "
					    "name another path");
			ok = false;
		}
	free(spans);
	if (!ok) {
		buffer_free(&url);
		return value_null();
	}
	return buffer_finish(&url);
}
