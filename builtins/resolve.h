/*
 * resolve.h - the addresses of a name: getaddrinfo() on a thread, because it blocks for as long as the
 * system's resolver likes.
 */
#ifndef RUNPLAN_RESOLVE_H
#define RUNPLAN_RESOLVE_H

#include <sys/socket.h>

#include "builtins/live.h"

/* Of one name. */
#define RESOLVE_MAX 64

struct resolved {
	const char *error; /* NULL, or one line: "the host db1 is not known: Name or service not known" */
	const struct sockaddr_storage
	    *addresses; /* without a port; each once, in the resolver's order. Lent */
	size_t count;
};

/*
 * `done` comes once, later, on the loop; never after resolve_forget(), which is for whoever waits no longer:
 * nothing stops the question itself. An address in digits is its own answer.
 */
struct resolving;
struct resolving *resolve_start(struct live *live, const char *name,
				void (*done)(void *context, const struct resolved *resolved), void *context);
void resolve_forget(struct resolving *resolving); /* NULL is fine; not after `done` */

/* Can it be a name at all? Not one that is empty, too long, or has blanks, control characters or a NUL in it.
 */
bool resolve_usable(struct value name);
#define RESOLVE_UNUSABLE "this is no name of a host"

/* "127.0.0.1", "::1"; `text` has room for INET6_ADDRSTRLEN bytes. */
const char *resolve_text(const struct sockaddr_storage *address, char *text);

#endif
