/*
 * docker_process.h - signals to a process in a container of an engine on this machine.
 *
 * The engine's API has no call that stops an exec. It tells the process's id as the engine's host numbers it;
 * where that is this machine, the process is reached directly. Nothing is signalled that is not in the
 * container: its control group must name the container's id.
 */
#ifndef RUNPLAN_DOCKER_PROCESS_H
#define RUNPLAN_DOCKER_PROCESS_H

enum docker_signal {
	DOCKER_SIGNAL_SENT,
	DOCKER_SIGNAL_NOT_HERE, /* no such process of this container on this machine: another machine, or it
				   has ended */
	DOCKER_SIGNAL_NOT_ALLOWED, /* it is here, but we may not */
};

/*
 * Signals the process, and its whole group where it leads one (an exec's first process always does). With
 * NOT_ALLOWED, *inner is its id inside the container, for a `kill` that runs there.
 */
enum docker_signal docker_process_signal(const char *container_id, int pid, int signal, int *inner);

#endif
