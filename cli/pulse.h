/*
 * pulse.h - a driver around another that looks at the clock between deliveries: before each wait, and
 * whenever the time has come that it last asked for, `beat` is called, and the machine sees nothing of it.
 */
#ifndef RUNPLAN_PULSE_H
#define RUNPLAN_PULSE_H

#include "interp/effect.h"

enum pulse_moment {
	PULSE_WAITS,
	PULSE_IDLE, /* nothing is under way but questions to people, and nothing else is waited for */
	PULSE_DUE,  /* a deadline has come while a question is open: an answer may have been given in time */
};

/*
 * Owns `inner`. beat() is told the time on the run's clock, and answers when it wants to be called at the latest. Behind it
 * tell() is asked for a delivery of its own (its times are filled in here).
 */
struct driver *pulse_driver_new(struct driver *inner, int64_t (*beat)(void *context, int64_t now),
				bool (*tell)(void *context, enum pulse_moment moment, struct delivery *out),
				void *context);

#endif
