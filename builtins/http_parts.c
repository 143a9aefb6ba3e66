/* http_parts.c - header lines, URLs and excerpts; see http_parts.h. */
#include "builtins/http_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "interp/buffer.h"
#include "interp/utf8.h"

/* RFC 9110, 5.6.2. */
static bool is_token(const char *name)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	if (*name == '\0')
		return false;
	for (; *name != '\0'; name++)
		if (!(*name >= 'a' && *name <= 'z') && !(*name >= 'A' && *name <= 'Z') &&
		    !(*name >= '0' && *name <= '9') && strchr(marks, *name) == NULL)
			return false;
	return true;
}

/* These say where the message ends; a second opinion would let a body pass for another request. */
static bool frames_the_message(const char *name)
{
	return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

static bool has_line_break(struct value text)
{
	const char *bytes = value_text_peek(text);
	size_t length = value_length(text);

	return memchr(bytes, '\r', length) != NULL || memchr(bytes, '\n', length) != NULL ||
	       memchr(bytes, '\0', length) != NULL;
}

/* Takes over `line`. */
static void lines_push(struct header_lines *headers, struct value line)
{
	headers->lines = memory_need(realloc(headers->lines, (headers->count + 2) * sizeof *headers->lines));
	headers->lines[headers->count++] = memory_need(strdup(value_text_peek(line)));
	headers->lines[headers->count] = NULL;
	value_release(line);
}

/* curl leaves out a header "Name:"; "Name;" stands for one with an empty value. */
static struct value line_of(const char *name, const char *value)
{
	return *value == '\0' ? value_string_printf("%s;", name) : value_string_printf("%s: %s", name, value);
}

bool header_lines_add(struct header_lines *headers, struct value record, char *error, size_t size)
{
	for (size_t i = 0; i < value_length(record); i++) {
		const char *name = record_key_peek(record, i);
		struct value field = record_value_peek(record, i), text;

		if (!is_token(name)) {
			struct value shown = text_excerpt(name, strlen(name), 60);

			snprintf(error, size, "\"%s\" is no name of a header", value_text_peek(shown));
			value_release(shown);
			return false;
		}
		if (frames_the_message(name)) {
			snprintf(error, size, "the header %.60s is set by runplan itself", name);
			return false;
		}
		if (field.tag == VALUE_NULL)
			continue;
		text = value_to_text(field);
		if (has_line_break(text)) {
			value_release(text);
			snprintf(error, size, "the value of the header %.60s has a line break in it", name);
			return false;
		}
		lines_push(headers, line_of(name, value_text_peek(text)));
		value_release(text);
	}
	return true;
}

void header_lines_set(struct header_lines *headers, const char *name, const char *value)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < headers->count; i++)
		if (strncasecmp(headers->lines[i], name, length) == 0 &&
		    (headers->lines[i][length] == ':' || headers->lines[i][length] == ';'))
			return;
	lines_push(headers, line_of(name, value));
}

void header_lines_free(struct header_lines *headers)
{
	for (size_t i = 0; i < headers->count; i++)
		free(headers->lines[i]);
	free(headers->lines);
	*headers = (struct header_lines){0};
}

bool url_usable(struct value url, char *error, size_t size)
{
	const unsigned char *text = (const unsigned char *)value_text_peek(url);
	size_t length = value_length(url);

	if (url.tag != VALUE_STRING || (strncasecmp((const char *)text, "http://", 7) != 0 &&
					strncasecmp((const char *)text, "https://", 8) != 0)) {
		snprintf(error, size, "a URL begins with http:// or https://");
		return false;
	}
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] == 0x7f) {
			snprintf(error, size, "a URL has no spaces and control characters in it");
			return false;
		}
	return true;
}

struct value url_shown(struct value url)
{
	const char *text = value_text_peek(url), *scheme, *host, *at = NULL;

	if (value_is_secret(url) || url.tag != VALUE_STRING)
		return value_show(url, 0);
	scheme = strstr(text, "://");
	if (scheme != NULL) {
		host = scheme + 3;
		for (const char *c = host; *c != '\0' && strchr("/?#", *c) == NULL; c++)
			if (*c == '@')
				at = c;
		if (at != NULL)
			return value_string_printf("%.*s%s", (int)(host - text), text, at + 1);
	}
	return value_copy(url);
}

struct value text_excerpt(const char *bytes, size_t length, size_t limit)
{
	struct buffer text = {0};
	bool blank = true; /* no blanks in front, and never two */
	size_t at = 0;

	while (at < length && text.length < limit) {
		size_t plain = 0, step;

		while (at + plain < length && text.length + plain < limit && bytes[at + plain] > ' ' &&
		       bytes[at + plain] < 0x7f)
			plain++;
		if (plain > 0) {
			buffer_add(&text, bytes + at, plain);
			blank = false;
			at += plain;
			continue;
		}
		step = utf8_sequence(bytes + at, length - at);
		if (bytes[at] == ' ' || (step > 0 && utf8_unprintable(bytes + at, step))) {
			if (!blank)
				buffer_add_byte(&text, ' ');
			blank = true;
		} else {
			blank = false;
			buffer_add(&text, step > 0 ? bytes + at : "?", step > 0 ? step : 1);
		}
		at += step > 0 ? step : 1;
	}
	if (at < length)
		buffer_add_text(&text, "…");
	else if (blank && text.length > 0)
		buffer_cut(&text, text.length - 1);
	return buffer_finish(&text);
}

struct value time_from_rfc3339(struct value text)
{
	struct tm parts = {0};
	const char *rest =
	    text.tag == VALUE_STRING ? strptime(value_text_peek(text), "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	int64_t unix_ns, unit = INT64_C(1000000000);
	int hours, minutes;
	char sign;

	if (rest == NULL)
		return value_null();
	unix_ns = (int64_t)timegm(&parts) * INT64_C(1000000000);
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++) {
			unit /= 10;
			unix_ns += (*rest - '0') * unit;
		}
	if (sscanf(rest, "%c%2d:%2d", &sign, &hours, &minutes) == 3)
		unix_ns -=
		    (sign == '-' ? -1 : 1) * (int64_t)(hours * 60 + minutes) * 60 * INT64_C(1000000000);
	else if (*rest != 'Z')
		return value_null();
	return value_time(unix_ns);
}

void base64_add(struct buffer *text, const char *bytes, size_t length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < length; i += 3) {
		unsigned bits = 0;

		for (size_t k = 0; k < 3; k++)
			bits = bits << 8 | (i + k < length ? (unsigned char)bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buffer_add_byte(text, i + k > length ? '=' : digits[bits >> (18 - 6 * k) & 63]);
	}
}

bool ok_usable(struct value ok)
{
	switch (ok.tag) {
	case VALUE_NULL:
	case VALUE_INT:
	case VALUE_RANGE:
		return true;
	case VALUE_LIST:
		for (size_t i = 0; i < value_length(ok); i++)
			if (list_peek(ok, i).tag != VALUE_INT && list_peek(ok, i).tag != VALUE_RANGE)
				return false;
		return true;
	default:
		return false;
	}
}

bool status_fits(struct value ok, int status)
{
	switch (ok.tag) {
	case VALUE_NULL:
		return true;
	case VALUE_INT:
		return ok.i == status;
	case VALUE_RANGE:
		return status >= ok.range->from && status <= ok.range->to;
	case VALUE_LIST:
		for (size_t i = 0; i < value_length(ok); i++)
			if (status_fits(list_peek(ok, i), status))
				return true;
		return false;
	default:
		return false;
	}
}
