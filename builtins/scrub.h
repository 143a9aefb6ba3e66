/* scrub.h - what a server or a program says, made fit for a message. */
#ifndef RUNPLAN_SCRUB_H
#define RUNPLAN_SCRUB_H

#include "interp/value.h"

/* On one line, each of the texts of the list `secrets` replaced by ***. Consumes `text`. */
struct value scrub(struct value text, struct value secrets);

#endif
