/*
 * sink.h - output that never holds up a run. What is written is queued and a thread of its own hands it to
 * the descriptor: a reader that stops reading stops only its own output, and one that goes away ends it.
 */
#ifndef RUNPLAN_SINK_H
#define RUNPLAN_SINK_H

#include <stdbool.h>
#include <stddef.h>

struct sink;

struct sink *sink_new(int fd); /* the descriptor stays the caller's */
void sink_write(struct sink *sink, const char *bytes, size_t length);
size_t sink_count(const struct sink *sink); /* how often it was written to */
/* Has all been written, or is nobody there? */
bool sink_idle(struct sink *sink);
/* Waits until all is written, or the reader is gone. */
void sink_flush(struct sink *sink);
void sink_free(struct sink *sink); /* flushes */

#endif
