/*
 * pulse.h - a driver around another that notices silence: while nothing is delivered for `every` ns, `beat` is called,
 * again and again. The machine sees nothing of it.
 */
#ifndef RUNPLAN_PULSE_H
#define RUNPLAN_PULSE_H

#include "interp/effect.h"

/* Owns `inner`. */
struct driver *pulse_driver_new(struct driver *inner, int64_t every, void (*beat)(void *context, int64_t now),
				void *context);

#endif
