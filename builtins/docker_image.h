/*
 * docker_image.h - the part of docker.* that is about images and registries; its rows stand in docker.c.
 */
#ifndef RUNPLAN_DOCKER_IMAGE_H
#define RUNPLAN_DOCKER_IMAGE_H

#include "builtins/live.h"

/* Each starts the call of the row that has its name; the arguments are that row's. */
void docker_image_start(struct effect_call *call);
void docker_image_exists_start(struct effect_call *call);
void docker_login_start(struct effect_call *call);
void docker_pull_start(struct effect_call *call);
void docker_tag_start(struct effect_call *call);
void docker_rmi_start(struct effect_call *call);
void docker_build_start(struct effect_call *call);

void docker_rmi_settle(struct effect_call *call);

/* Ends a call (with a docker_step): there is no such image; looks for names that are close. */
void docker_image_missing(struct effect_call *call, const char *image);

#endif
