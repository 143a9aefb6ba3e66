/*
 * docker_attach.h - starts an exec that reads standard input: one connection of its own that becomes the
 * stream.
 *
 * The engine takes the connection over after its answer: what follows from us is the command's standard
 * input, whose end is our half of the connection closed; what comes from it are the frames of
 * docker_stream.h. An HTTP library has no way to close one half, so this is done on a socket of libuv:
 * unix:// and tcp:// without TLS.
 */
#ifndef RUNPLAN_DOCKER_ATTACH_H
#define RUNPLAN_DOCKER_ATTACH_H

#include "builtins/docker_api.h"

struct docker_attach_options {
	struct value path; /* of docker_path(); consumed */
	struct value body; /* a record; consumed */
	const char *input; /* copied */
	size_t input_length;
	bool (*on_data)(void *context, const char *bytes, size_t length); /* the stream; false ends it */
	/* Exactly once, never inside docker_attach_start(): as of a docker_request(). */
	void (*on_done)(void *context, const struct docker_reply *reply);
	void *context;
};

struct docker_attach;
/* The version must be known: a docker_request() has been answered before. */
struct docker_attach *docker_attach_start(struct live *live, const struct docker_attach_options *options);
void docker_attach_drop(struct docker_attach *attach); /* ends it, and on_done never comes; NULL is fine */

#endif
