/*
 * remote.h - programs of other machines, by the OpenSSH client: one connection a host, kept for the run.
 *
 * Nothing of a command stands in an argument of ssh or of the far shell: a fixed line of sh there reads the
 * command, its environment and its input from standard input, so that every byte arrives as it was sent and
 * no user of either machine can read it. The user's own ~/.ssh/config counts (names, ports, keys, jump
 * hosts), or the file that RUNPLAN_SSH_CONFIG names. Nothing is ever asked: an unknown or changed host key, a
 * refused key and a host that does not answer are failures.
 */
#ifndef RUNPLAN_REMOTE_H
#define RUNPLAN_REMOTE_H

#include "builtins/live.h"
#include "interp/buffer.h"

struct remote;

/*
 * As process_start(), on `host`, or on this machine where that is NULL. Of the options count argv, env,
 * directory, input, timeout_ns (from the program's own start on), output_max, on_done and context. The result
 * differs on another machine: a program that a signal killed has the code 128 + signal and `signal` 0, unless
 * we stopped it; and it may be `lost`.
 */
struct remote *remote_start(struct live *live, const char *host, const struct process_options *options);
/* TERM to the program's group, KILL after 5 s, there as here; on_done comes with cancelled set. Until
 * on_done. */
void remote_stop(struct remote *remote);

/* A word as a POSIX shell reads it back byte by byte. No NUL. */
void remote_quote(struct buffer *line, const char *word);

#endif
