/*
 * rehearsal.h - what a run will need, found before it begins: a preview of the plan with the run's params and without the
 * world, which goes into both arms of what it cannot decide.
 *
 * People: the checker lists every place of a plan that asks. With the params known, some of them cannot be reached
 * (`if attended { manual … }`): what the rehearsal does not come to is not reached by the run either.
 *
 * Params and secrets, those of child plans included: their conditions are held, and a secret's source is looked at. What the
 * run comes to for certain is lacking from the start; what stands in an arm, behind a `skip if` or in a `try` may not be
 * needed, and is refused there.
 */
#ifndef RUNPLAN_REHEARSAL_H
#define RUNPLAN_REHEARSAL_H

#include "cli/session.h"

/*
 * Adds what is lacking to the shortfall. Unless somebody is there (`attended`), takes what asks a person outright
 * and is not come to out of session->compilation->people; all stays where the rehearsal itself fails and so has not seen
 * the whole plan, as does what asks only when something goes wrong (`else ask`, `on breach ask`, `no data ask`).
 */
void rehearse(struct session *session, bool attended, struct shortfall *shortfall);

#endif
