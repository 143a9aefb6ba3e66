/*
 * guard.h - whatever ends the process, the commands that it was waiting for end as well.
 *
 * With its first command a run gets a guardian: a small process of ours, in a session of its own, that holds
 * nothing but the end of a pipe. A page that both see has the process groups that are waited for; the kernel
 * itself writes a child's id there before the child does anything. When the pipe ends although nobody has
 * said goodbye, the guardian sends TERM to these groups, KILL after GUARD_GRACE_NS, and stays until they are
 * gone, for GUARD_LAST_NS at most: what is left then is out of reach (another user's, by sudo). A command
 * that has ended is no longer in the page, so that what it has left behind on purpose stays. Where no
 * guardian can be had, commands are started all the same.
 */
#ifndef RUNPLAN_GUARD_H
#define RUNPLAN_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GUARD_GRACE_NS (2 * INT64_C(1000000000))
#define GUARD_LAST_NS  (10 * INT64_C(1000000000)) /* after KILL */

struct guard {
	pid_t *groups;	/* shared with the guardian; 0: a free place. NULL: there is none yet */
	pid_t guardian; /* 0: there is none */
	int alive;	/* our end of the pipe */
};

/*
 * A free place, for the process group of a child that is about to be started; it is taken while it is not 0.
 * `directory`: the state's, or NULL. NULL: there is no room.
 */
pid_t *guard_place(struct guard *guard, const char *directory);
/* Nothing is waited for any more, and nothing happens to what is still in the page. */
void guard_end(struct guard *guard);

/* "process 12 on web1": this one. */
void guard_process_name(char *text, size_t size);
/*
 * Waits until the guardian of a process of this name is gone, and so its commands: a moment where it has
 * ended as it should. False: it is still there after what it may take at most. One of another machine is not
 * waited for. Blocks.
 */
bool guard_wait(const char *directory, const char *process);

/* How many of these groups are there still, zombies aside. What is not is taken out, the rest moves up. Safe
 * after fork(). */
size_t guard_living(pid_t *groups, size_t count);

#endif
