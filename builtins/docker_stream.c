#include "builtins/docker_stream.h"

#include <string.h>

void docker_stream_init(struct docker_stream *stream,
			void (*sink)(void *context, enum docker_stream_type type, const char *bytes,
				     size_t length),
			void *context)
{
	*stream = (struct docker_stream){.sink = sink, .context = context};
}

static bool header_is_valid(const uint8_t *header)
{
	return header[0] <= DOCKER_SYSTEM && header[1] == 0 && header[2] == 0 && header[3] == 0;
}

static uint32_t header_length(const uint8_t *header)
{
	return (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 | header[7];
}

static size_t take_header(struct docker_stream *stream, const char *bytes, size_t length)
{
	size_t take = DOCKER_STREAM_HEADER - stream->have;

	if (take > length)
		take = length;
	memcpy(stream->header + stream->have, bytes, take);
	stream->have += take;
	if (stream->have < DOCKER_STREAM_HEADER)
		return take;
	stream->broken = !header_is_valid(stream->header);
	stream->left = header_length(stream->header);
	if (stream->left == 0) /* an empty frame is over already */
		stream->have = 0;
	return take;
}

static size_t take_payload(struct docker_stream *stream, const char *bytes, size_t length)
{
	size_t take = stream->left < length ? stream->left : length;

	stream->left -= (uint32_t)take;
	if (stream->left == 0)
		stream->have = 0;
	stream->sink(stream->context, stream->header[0], bytes, take);
	return take;
}

bool docker_stream_feed(struct docker_stream *stream, const char *bytes, size_t length)
{
	while (length > 0 && !stream->broken) {
		size_t taken = stream->have < DOCKER_STREAM_HEADER ? take_header(stream, bytes, length)
								   : take_payload(stream, bytes, length);
		bytes += taken;
		length -= taken;
	}
	return !stream->broken;
}

bool docker_stream_whole(const struct docker_stream *stream)
{
	return !stream->broken && stream->have == 0;
}
