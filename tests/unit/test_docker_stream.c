/* The demultiplexer: frames cut at every byte, empty and large ones, headers that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "builtins/docker_stream.h"
#include "interp/buffer.h"

struct seen {
	struct buffer text[4];
	int pieces;
};

static void see(void *context, enum docker_stream_type type, const char *bytes, size_t length)
{
	struct seen *seen = context;

	assert_in_range(type, 0, 3);
	assert_true(length > 0);
	buffer_add(&seen->text[type], bytes, length);
	seen->pieces++;
}

static void seen_expect(struct seen *seen, int type, const char *text)
{
	struct value v = buffer_finish(&seen->text[type]);

	assert_string_equal(value_text_peek(v), text);
	value_release(v);
}

static size_t frame(char *to, int type, const char *payload)
{
	uint32_t length = (uint32_t)strlen(payload);

	to[0] = (char)type;
	to[1] = to[2] = to[3] = 0;
	to[4] = (char)(length >> 24);
	to[5] = (char)(length >> 16);
	to[6] = (char)(length >> 8);
	to[7] = (char)length;
	memcpy(to + 8, payload, length);
	return 8 + length;
}

static size_t sample(char *bytes)
{
	size_t length = 0;

	length += frame(bytes + length, 1, "out one\n");
	length += frame(bytes + length, 2, "err one\n");
	length += frame(bytes + length, 1, "");
	length += frame(bytes + length, 1, "out two\n");
	length += frame(bytes + length, 3, "engine\n");
	length += frame(bytes + length, 2, "\1\2\3"); /* a payload that looks like a header */
	return length;
}

static void sample_expect(struct seen *seen)
{
	seen_expect(seen, 0, "");
	seen_expect(seen, 1, "out one\nout two\n");
	seen_expect(seen, 2, "err one\n\1\2\3");
	seen_expect(seen, 3, "engine\n");
}

static void test_cut_in_two_everywhere(void **state)
{
	char bytes[512];
	size_t length = sample(bytes);

	(void)state;
	for (size_t cut = 0; cut <= length; cut++) {
		struct seen seen = {0};
		struct docker_stream stream;

		docker_stream_init(&stream, see, &seen);
		assert_true(docker_stream_feed(&stream, bytes, cut));
		assert_true(docker_stream_feed(&stream, bytes + cut, length - cut));
		assert_true(docker_stream_whole(&stream));
		sample_expect(&seen);
	}
}

static void test_cut_in_three_everywhere(void **state)
{
	char bytes[512];
	size_t length = sample(bytes);

	(void)state;
	for (size_t first = 0; first <= length; first++)
		for (size_t second = first; second <= length; second++) {
			struct seen seen = {0};
			struct docker_stream stream;

			docker_stream_init(&stream, see, &seen);
			docker_stream_feed(&stream, bytes, first);
			docker_stream_feed(&stream, bytes + first, second - first);
			assert_true(docker_stream_feed(&stream, bytes + second, length - second));
			sample_expect(&seen);
		}
}

static void test_byte_by_byte(void **state)
{
	struct seen seen = {0};
	struct docker_stream stream;
	char bytes[512];
	size_t length = sample(bytes);

	(void)state;
	docker_stream_init(&stream, see, &seen);
	for (size_t i = 0; i < length; i++) {
		char *alone = malloc(1); /* the sanitizer sees a read beyond it */

		*alone = bytes[i];
		assert_true(docker_stream_feed(&stream, alone, 1));
		free(alone);
	}
	assert_true(docker_stream_whole(&stream));
	sample_expect(&seen);
}

static void test_whole_only_between_frames(void **state)
{
	struct seen seen = {0};
	struct docker_stream stream;
	char bytes[64];
	size_t length = frame(bytes, 1, "abc");

	(void)state;
	docker_stream_init(&stream, see, &seen);
	assert_true(docker_stream_whole(&stream));
	for (size_t i = 0; i < length; i++) {
		docker_stream_feed(&stream, bytes + i, 1);
		assert_int_equal(docker_stream_whole(&stream), i == length - 1);
	}
	seen_expect(&seen, 1, "abc");
}

static void test_payload_is_not_gathered(void **state)
{
	struct seen seen = {0};
	struct docker_stream stream;
	char header[8] = {1, 0, 0, 0, (char)0xff, (char)0xff, (char)0xff, (char)0xff};

	(void)state;
	docker_stream_init(&stream, see, &seen);
	assert_true(docker_stream_feed(&stream, header, 8)); /* 4 GiB announced */
	assert_true(docker_stream_feed(&stream, "x", 1));
	assert_int_equal(seen.pieces, 1);
	assert_false(docker_stream_whole(&stream));
	seen_expect(&seen, 1, "x");
}

static void test_malformed_headers(void **state)
{
	(void)state;
	for (int at = 0; at < 4; at++)
		for (int byte = 0; byte < 256; byte++) {
			struct seen seen = {0};
			struct docker_stream stream;
			char bytes[64];
			size_t good = frame(bytes, 1, "good"),
			       length = good + frame(bytes + good, 2, "after");
			bool valid = at == 0 ? byte <= 3 : byte == 0;

			bytes[good + (size_t)at] = (char)byte;
			docker_stream_init(&stream, see, &seen);
			assert_int_equal(docker_stream_feed(&stream, bytes, length), valid);
			assert_int_equal(docker_stream_whole(&stream), valid);
			if (!valid) { /* nothing of what follows, ever */
				assert_false(docker_stream_feed(&stream, bytes, good));
				assert_false(docker_stream_whole(&stream));
				seen_expect(&seen, 2, "");
			}
			seen_expect(&seen, 1, valid && at == 0 && byte == 1 ? "goodafter" : "good");
			for (int type = 0; type < 4; type++)
				buffer_free(&seen.text[type]);
		}
}

static void test_text_instead_of_frames(void **state)
{
	struct seen seen = {0};
	struct docker_stream stream;
	const char *text = "{\"message\":\"No such exec instance\"}";

	(void)state;
	docker_stream_init(&stream, see, &seen);
	assert_false(docker_stream_feed(&stream, text, strlen(text)));
	assert_int_equal(seen.pieces, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cut_in_two_everywhere),
	    cmocka_unit_test(test_cut_in_three_everywhere),
	    cmocka_unit_test(test_byte_by_byte),
	    cmocka_unit_test(test_whole_only_between_frames),
	    cmocka_unit_test(test_payload_is_not_gathered),
	    cmocka_unit_test(test_malformed_headers),
	    cmocka_unit_test(test_text_instead_of_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
