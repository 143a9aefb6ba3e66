/* url_parts.h - a URL taken apart, by libcurl, for protocols that libcurl does not speak itself. */
#ifndef RUNPLAN_URL_PARTS_H
#define RUNPLAN_URL_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include "interp/value.h"

/* Starts as all zeros, ends with url_parts_free(). User and password are decoded, path and query are not. */
struct url_parts {
	char *scheme;	       /* in lower case */
	char *user, *password; /* NULL: not given */
	char *host;	       /* without the brackets of an IPv6 address */
	char *path, *query;    /* "/" and NULL where there is none */
	int port;	       /* 0: not given */
};

/* False with a message that does not hold the URL. */
bool url_parts_read(struct url_parts *parts, struct value url, char *error, size_t size);
void url_parts_free(struct url_parts *parts);

#endif
