/*
 * docker_container.h - what an inspected container tells; shared by docker.* and compose.*.
 */
#ifndef RUNPLAN_DOCKER_CONTAINER_H
#define RUNPLAN_DOCKER_CONTAINER_H

#include "interp/value.h"

/* A docker_container of what /containers/NAME/json answers. Values of its environment are left out, in raw
 * too. */
struct value docker_container_record(struct value json);

/* A docker_summary of one item of what /containers/json answers. */
struct value docker_summary_record(struct value item);

/* "healthy", "unhealthy", "starting", "none" (it runs and has no check), "stopped" (it does not run); lent,
 * constant. */
const char *docker_health_word(struct value json);

#endif
