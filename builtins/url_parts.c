/* url_parts.c - a URL taken apart; see url_parts.h. */
#include "builtins/url_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/lazy.h"
#include "builtins/live.h"

/* NULL where the URL has no such part; *bad where it cannot be decoded. */
static char *part_of(const struct curl_api *curl, CURLU *url, CURLUPart what, unsigned flags, bool *bad)
{
	char *text = NULL, *copy;
	CURLUcode code = curl->url_get(url, what, &text, flags);

	if (code == CURLUE_URLDECODE)
		*bad = true;
	if (code != CURLUE_OK)
		return NULL;
	copy = memory_need(strdup(text));
	curl->free(text);
	return copy;
}

static void without_brackets(char *host)
{
	size_t length = strlen(host);

	if (host[0] == '[' && host[length - 1] == ']') {
		memmove(host, host + 1, length - 2);
		host[length - 2] = '\0';
	}
}

static bool read_all(const struct curl_api *curl, CURLU *url, struct url_parts *parts)
{
	bool bad = false;
	char *port;

	parts->scheme = part_of(curl, url, CURLUPART_SCHEME, 0, &bad);
	parts->user = part_of(curl, url, CURLUPART_USER, CURLU_URLDECODE, &bad);
	parts->password = part_of(curl, url, CURLUPART_PASSWORD, CURLU_URLDECODE, &bad);
	parts->host = part_of(curl, url, CURLUPART_HOST, 0, &bad);
	parts->path = part_of(curl, url, CURLUPART_PATH, 0, &bad);
	parts->query = part_of(curl, url, CURLUPART_QUERY, 0, &bad);
	port = part_of(curl, url, CURLUPART_PORT, 0, &bad);
	parts->port = port == NULL ? 0 : atoi(port);
	free(port);
	if (bad || parts->scheme == NULL || parts->host == NULL || parts->path == NULL)
		return false;
	for (char *c = parts->scheme; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	without_brackets(parts->host);
	return parts->host[0] != '\0';
}

bool url_parts_read(struct url_parts *parts, struct value url, char *error, size_t size)
{
	const struct curl_api *curl = curl_load(error, size);
	const unsigned char *text = (const unsigned char *)value_text_peek(url);
	CURLU *parsed;
	bool ok = url.tag == VALUE_STRING;

	*parts = (struct url_parts){0};
	if (curl == NULL)
		return false;
	for (size_t i = 0; i < value_length(url); i++)
		ok = ok && text[i] > ' ' && text[i] != 0x7f;
	/* libcurl would take the path for the host. */
	ok = ok && strstr((const char *)text, ":///") == NULL;
	parsed = memory_need(curl->url());
	ok =
	    ok &&
	    curl->url_set(parsed, CURLUPART_URL, (const char *)text, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    read_all(curl, parsed, parts);
	curl->url_cleanup(parsed);
	if (!ok)
		snprintf(error, size, "this is no URL: scheme://host:port/path is one");
	return ok;
}

void url_parts_free(struct url_parts *parts)
{
	free(parts->scheme);
	free(parts->user);
	free(parts->password);
	free(parts->host);
	free(parts->path);
	free(parts->query);
	*parts = (struct url_parts){0};
}
