/*
 * docker_attach.h - starts an exec: one connection of its own that becomes the stream.
 *
 * The engine takes the connection over after its answer: what follows from us is the command's standard
 * input, whose end is our half of the connection closed; what comes from it are the frames of
 * docker_stream.h. An HTTP library has no way to close one half, nor to connect ahead of the request, so this
 * is done on a socket of libuv: unix:// and tcp:// without TLS.
 */
#ifndef RUNPLAN_DOCKER_ATTACH_H
#define RUNPLAN_DOCKER_ATTACH_H

#include "builtins/docker_api.h"

struct docker_attach_options {
	bool (*on_data)(void *context, const char *bytes, size_t length); /* the stream; false ends it */
	/* Exactly once after docker_attach_start(), never inside it: as of a docker_request(). */
	void (*on_done)(void *context, const struct docker_reply *reply);
	void *context;
};

struct docker_attach;
/* Begins to connect, so that the connection is there when it is needed. */
struct docker_attach *docker_attach_open(struct live *live, const struct docker_attach_options *options);
/*
 * Sends the request and then `input`, a string or null (none). The version must be known: a docker_request()
 * has been answered before. Consumes `path` (of docker_path()) and `body` (a record).
 */
void docker_attach_start(struct docker_attach *attach, struct value path, struct value body,
			 struct value input);
void docker_attach_drop(struct docker_attach *attach); /* ends it, and on_done never comes; NULL is fine */

#endif
