/*
 * live_inside.h - what the parts of the live driver (live.c, live_http.c, live_process.c) share. Builtins use
 * live.h.
 *
 * `struct live` is the driver. Its parts keep their running transfers and processes in lists of their own, so
 * that live.c can end them all when the run ends. Nothing a builtin handed in is ever called from inside a
 * start function or a cancel: what is due at once is deferred to the next turn of the loop.
 */
#ifndef RUNPLAN_LIVE_INSIDE_H
#define RUNPLAN_LIVE_INSIDE_H

#include "builtins/guard.h"
#include "builtins/live.h"

#define NS_PER_S  INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

/* Called once on the next turn of the loop. Stands inside its owner, which must forget it before it goes. */
struct live_deferred {
	void (*run)(void *context);
	void *context;
	struct live_deferred *next;
	bool queued;
};

struct live_queued; /* an outcome, a note or a signal on its way to the machine */
struct pending;	    /* an effect_call with what the driver keeps beside it */
struct live_kept;
struct work;
struct http_engine;

struct live {
	struct driver driver; /* first: a driver of ours is a live */
	struct live_options options;
	uv_loop_t loop;
	uint64_t started;    /* uv_hrtime() at the start of the run */
	int64_t wall;	     /* since 1970 UTC, at the start of the run */
	int64_t wall_offset; /* of the run's wall clock from the machine's: 0 but where options say another
				start */
	int64_t last_now;    /* of the last delivery: time never goes back */

	struct live_queued *queue, **queue_tail;
	struct pending *calls;
	struct live_deferred *deferred, **deferred_tail;
	struct live_timer *timers;
	struct live_poll *polls;
	struct live_kept *kept;
	struct work *works;

	uv_timer_t deadline;
	uv_idle_t idle; /* active while something is deferred */
	uv_idle_t wake; /* active: the loop does not block */
	uv_signal_t interrupt, terminate, child;

	struct http_engine *http; /* from the first transfer on */
	struct http_transfer *transfers;
	struct process *processes;
	struct guard guard;	 /* of their groups */
	char scratch[64 * 1024]; /* what a pipe's read callback gets; used before that callback returns */

	bool due;     /* some call has a `then` due or is to be freed */
	bool closing; /* transfers and processes that are begun now end as cancelled */
};

void live_defer(struct live *live, struct live_deferred *deferred); /* once, however often it is asked for */
void live_forget(struct live *live,
		 struct live_deferred *deferred); /* takes it back; fine when it is not queued */

void *live_alloc(size_t size);	     /* zeroed, never NULL */
char *live_strdup(const char *text); /* NULL gives NULL */

/* The end of the run. The abandons call on_done of all that is left, with `cancelled` set, before they
 * return. */
void live_http_abandon(struct live *live);
void live_http_free(
    struct live *live); /* after the abandon; its handles are closed by the next turns of the loop */
void live_process_kill(struct live *live); /* KILL to all; they end as cancelled */
void live_process_abandon(struct live *live);

/* SIGCHLD: takes the ends of all that have ended. */
void live_process_reap(uv_signal_t *handle, int number);

/*
 * Starts argv[0] of the options with `fds` as its descriptors 0 to 3 (-1: /dev/null; of 3: none). None of
 * them is 0 to 2: those are open here, main() sees to it. *group is its id, which is its group's, before it
 * does anything; 0, or why it was not started (errno): then *group is 0.
 */
int live_spawn(const struct process_options *options, const int fds[4], volatile pid_t *group);
/* After ENOENT: is it there, and a script? Then what its first line names is missing: `name`. */
bool live_spawn_interpreter(const struct process_options *options, char *name, size_t size);

#endif
