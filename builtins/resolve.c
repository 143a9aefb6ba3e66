/* resolve.c - names to addresses, on a thread; see resolve.h. */
#include "builtins/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct resolving {
	char *name;
	struct sockaddr_storage addresses[RESOLVE_MAX];
	size_t count;
	char error[400];
	void (*done)(void *context, const struct resolved *resolved); /* NULL: forgotten */
	void *context;
	struct live_timer *soon; /* an address in digits: no thread has it */
};

static bool address_known(const struct resolving *resolving, const struct addrinfo *found)
{
	for (size_t i = 0; i < resolving->count; i++)
		if (memcmp(&resolving->addresses[i], found->ai_addr, found->ai_addrlen) == 0)
			return true;
	return false;
}

/* With AI_NUMERICHOST it does not block. */
static bool resolve_name(struct resolving *resolving, int flags)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found = NULL, *at;
	int status = getaddrinfo(resolving->name, NULL, &hints, &found);

	if (status != 0) {
		snprintf(resolving->error, sizeof resolving->error, "the host %.255s is not known: %s",
			 resolving->name, gai_strerror(status));
		return false;
	}
	for (at = found; at != NULL && resolving->count < RESOLVE_MAX; at = at->ai_next)
		if (at->ai_addrlen <= sizeof resolving->addresses[0] && !address_known(resolving, at))
			memcpy(&resolving->addresses[resolving->count++], at->ai_addr, at->ai_addrlen);
	freeaddrinfo(found);
	return true;
}

static void resolve_work(void *context)
{
	resolve_name(context, 0);
}

static void resolve_free(struct resolving *resolving)
{
	live_timer_stop(resolving->soon);
	free(resolving->name);
	free(resolving);
}

static void resolve_done(void *context)
{
	struct resolving *resolving = context;

	if (resolving->done != NULL)
		resolving->done(resolving->context,
				&(struct resolved){
				    .error = resolving->error[0] != '\0' ? resolving->error : NULL,
				    .addresses = resolving->addresses,
				    .count = resolving->count,
				});
	resolve_free(resolving);
}

struct resolving *resolve_start(struct live *live, const char *name,
				void (*done)(void *context, const struct resolved *resolved), void *context)
{
	struct resolving *resolving = memory_need(calloc(1, sizeof *resolving));

	resolving->name = memory_need(strdup(name));
	resolving->done = done;
	resolving->context = context;
	if (resolve_name(resolving, AI_NUMERICHOST)) {
		resolving->soon = live_timer_start(live, 0, resolve_done, resolving);
	} else {
		resolving->error[0] = '\0';
		live_work(live, resolve_work, resolve_done, resolving);
	}
	return resolving;
}

void resolve_forget(struct resolving *resolving)
{
	if (resolving != NULL && resolving->soon != NULL)
		resolve_free(resolving);
	else if (resolving != NULL)
		resolving->done = NULL;
}

bool resolve_usable(struct value name)
{
	const unsigned char *text = (const unsigned char *)value_text_peek(name);
	size_t length = value_length(name);

	if (name.tag != VALUE_STRING || length == 0 || length > 255)
		return false;
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return true;
}

const char *resolve_text(const struct sockaddr_storage *address, char *text)
{
	const void *bytes = address->ss_family == AF_INET
				? (const void *)&((const struct sockaddr_in *)address)->sin_addr
				: (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;

	if (inet_ntop(address->ss_family, bytes, text, INET6_ADDRSTRLEN) == NULL)
		text[0] = '\0';
	return text;
}
