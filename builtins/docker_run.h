/*
 * docker_run.h - docker.run: a container made and started, and waited for where the plan says so.
 *
 * What fails before the container has started leaves nothing behind: a container that was made and cannot
 * start is removed again. While it is waited for, a cancel or the timeout stops the container (TERM, KILL 4 s
 * later).
 */
#ifndef RUNPLAN_DOCKER_RUN_H
#define RUNPLAN_DOCKER_RUN_H

#include "builtins/live.h"

#define DOCKER_RUN_SIGNATURE                                                                                 \
	"(image: string, name: string = null, command: list(string) = [], env: secret record = {}, "         \
	"ports: list(string) = [], volumes: list(string) = [], network: string = null, labels: record = "    \
	"{}, "                                                                                               \
	"user: string = null, directory: string = null, restart: string = null, init: bool = false, "        \
	"wait: bool = false, remove: bool = false, timeout: duration = 10m, ok: any = null) -> docker_run"

void docker_run_start(struct effect_call *call);
void docker_run_settle(struct effect_call *call);
struct value docker_run_simulate(const struct effect_request *request);
struct value docker_run_describe(const struct effect_request *request);

/* "[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]" into the two records of the engine's API; false where it is none.
 */
bool docker_port_parse(const char *text, struct value *exposed, struct value *bindings);

#endif
