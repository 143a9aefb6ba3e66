/* sink.c - see sink.h. */
#include "cli/sink.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interp/value.h"

/* What a reader that has stopped may cost in memory; more is dropped, and said so. */
#define SINK_MAX (64u * 1024 * 1024)

struct sink {
	int fd;
	pthread_t thread;
	bool threaded; /* else writes are made at once */
	pthread_mutex_t mutex;
	pthread_cond_t filled, emptied;
	char *bytes;
	size_t length, capacity;
	bool busy, closing, gone;
	bool dropped; /* the queue was full */
	size_t count; /* of writes; only the writer looks at it */
};

/* False where nobody will read it any more. */
static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EAGAIN) {
			struct pollfd ready = {.fd = fd, .events = POLLOUT};

			poll(&ready, 1, -1);
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

static void *sink_run(void *context)
{
	struct sink *sink = context;

	pthread_mutex_lock(&sink->mutex);
	for (;;) {
		char *bytes;
		size_t length;
		bool ok;

		while (sink->length == 0 && !sink->closing)
			pthread_cond_wait(&sink->filled, &sink->mutex);
		if (sink->length == 0)
			break;
		bytes = sink->bytes;
		length = sink->length;
		sink->bytes = NULL;
		sink->length = sink->capacity = 0;
		sink->busy = true;
		pthread_mutex_unlock(&sink->mutex);
		ok = write_all(sink->fd, bytes, length);
		free(bytes);
		pthread_mutex_lock(&sink->mutex);
		sink->busy = false;
		sink->gone |= !ok;
		pthread_cond_broadcast(&sink->emptied);
	}
	pthread_mutex_unlock(&sink->mutex);
	return NULL;
}

/* Signals are the run's: its loop must see them. */
static bool thread_start(struct sink *sink)
{
	sigset_t all, before;
	bool ok;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ok = pthread_create(&sink->thread, NULL, sink_run, sink) == 0;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

struct sink *sink_new(int fd)
{
	struct sink *sink = memory_need(calloc(1, sizeof(*sink)));

	sink->fd = fd;
	pthread_mutex_init(&sink->mutex, NULL);
	pthread_cond_init(&sink->filled, NULL);
	pthread_cond_init(&sink->emptied, NULL);
	sink->threaded = thread_start(sink);
	return sink;
}

static void enqueue(struct sink *sink, const char *bytes, size_t length)
{
	if (sink->length + length > SINK_MAX) {
		sink->dropped = true;
		return;
	}
	if (sink->length + length > sink->capacity) {
		sink->capacity = (sink->length + length) * 2;
		sink->bytes = memory_need(realloc(sink->bytes, sink->capacity));
	}
	memcpy(sink->bytes + sink->length, bytes, length);
	sink->length += length;
}

void sink_write(struct sink *sink, const char *bytes, size_t length)
{
	static const char lost[] = "... (output was lost here: nobody read it)\n";

	sink->count++;
	if (!sink->threaded) {
		if (!sink->gone)
			sink->gone = !write_all(sink->fd, bytes, length);
		return;
	}
	pthread_mutex_lock(&sink->mutex);
	if (!sink->gone) {
		if (sink->dropped && sink->length == 0) {
			sink->dropped = false;
			enqueue(sink, lost, sizeof(lost) - 1);
		}
		enqueue(sink, bytes, length);
		pthread_cond_signal(&sink->filled);
	}
	pthread_mutex_unlock(&sink->mutex);
}

size_t sink_count(const struct sink *sink)
{
	return sink->count;
}

bool sink_idle(struct sink *sink)
{
	bool idle;

	pthread_mutex_lock(&sink->mutex);
	idle = sink->gone || (sink->length == 0 && !sink->busy);
	pthread_mutex_unlock(&sink->mutex);
	return idle;
}

void sink_flush(struct sink *sink)
{
	pthread_mutex_lock(&sink->mutex);
	while (sink->threaded && !sink->gone && (sink->length > 0 || sink->busy))
		pthread_cond_wait(&sink->emptied, &sink->mutex);
	pthread_mutex_unlock(&sink->mutex);
}

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	if (sink->threaded) {
		pthread_mutex_lock(&sink->mutex);
		sink->closing = true;
		pthread_cond_signal(&sink->filled);
		pthread_mutex_unlock(&sink->mutex);
		pthread_join(sink->thread, NULL);
	}
	pthread_mutex_destroy(&sink->mutex);
	pthread_cond_destroy(&sink->filled);
	pthread_cond_destroy(&sink->emptied);
	free(sink->bytes);
	free(sink);
}
