/*
 * docker_stream.h - takes apart what the Docker engine sends of a container without a terminal: exec, attach,
 * logs.
 *
 * The engine sends frames: one byte of type, three zero bytes, the payload's length as 32 bits big-endian,
 * the payload. They arrive in pieces of any size; the sink gets each piece of a payload as soon as it is
 * there, so nothing is buffered but an unfinished header. A header that cannot be one breaks the stream for
 * good.
 */
#ifndef RUNPLAN_DOCKER_STREAM_H
#define RUNPLAN_DOCKER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOCKER_STREAM_HEADER 8

enum docker_stream_type {
	DOCKER_STDIN, /* echoed by some engines on attach */
	DOCKER_STDOUT,
	DOCKER_STDERR,
	DOCKER_SYSTEM, /* the engine's own error about the stream */
};

struct docker_stream {
	void (*sink)(void *context, enum docker_stream_type type, const char *bytes, size_t length);
	void *context;
	uint8_t header[DOCKER_STREAM_HEADER];
	size_t have;   /* bytes of the header that are there */
	uint32_t left; /* bytes of the payload still to come, once the header is whole */
	bool broken;
};

void docker_stream_init(struct docker_stream *stream,
			void (*sink)(void *context, enum docker_stream_type type, const char *bytes,
				     size_t length),
			void *context);

/* False once the stream is broken; what came after the break is ignored. */
bool docker_stream_feed(struct docker_stream *stream, const char *bytes, size_t length);

/* Did it end where a frame ends? */
bool docker_stream_whole(const struct docker_stream *stream);

#endif
