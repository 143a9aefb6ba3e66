/*
 * rehearsal.h - which of the places that may need a person this run will really come to.
 *
 * The checker lists every `manual` and `confirm` of a plan. With the params known, some of them cannot be reached
 * (`if attended { manual … }`). A rehearsal previews the plan, with these params and without the world: it goes into both
 * arms of what it cannot decide, so what it does not come to is not reached by the run either.
 */
#ifndef RUNPLAN_REHEARSAL_H
#define RUNPLAN_REHEARSAL_H

#include "cli/session.h"

/*
 * Takes the `manual`s and `confirm`s that a rehearsal does not come to out of session->compilation->people. All stay
 * where the rehearsal itself fails and so has not seen the whole plan; what asks only when something goes wrong (`else ask`,
 * `on breach ask`, `no data ask`) always stays.
 */
void rehearse_people(struct session *session);

#endif
