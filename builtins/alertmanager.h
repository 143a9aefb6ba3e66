/* alertmanager.h - the rows of prom.* that speak to an Alertmanager (alertmanager.c). */
#ifndef RUNPLAN_ALERTMANAGER_H
#define RUNPLAN_ALERTMANAGER_H

#include "interp/builtin.h"

#define ALERTMANAGER_SIGNATURE                                                                               \
	"alertmanager: secret url = null, timeout: duration = 5s, headers: secret record = {}, ca: path = "  \
	"null"

void prom_silence_start(struct effect_call *call);
struct value prom_silence_simulate(const struct effect_request *request);
struct value prom_silence_describe(const struct effect_request *request);
void prom_unsilence_start(struct effect_call *call);
struct value prom_unsilence_describe(const struct effect_request *request);

#endif
