/*
 * pulse.h - a driver around another that looks at the clock between deliveries: `beat` is called when the
 * time has come that it last asked for, and the machine sees nothing of it.
 */
#ifndef RUNPLAN_PULSE_H
#define RUNPLAN_PULSE_H

#include "interp/effect.h"

/* Owns `inner`. The first beat comes at `first`, on the run's clock; beat() answers with the time of the
 * next. */
struct driver *pulse_driver_new(struct driver *inner, int64_t first,
				int64_t (*beat)(void *context, int64_t now), void *context);

#endif
