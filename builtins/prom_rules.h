/*
 * prom_rules.h - thresholds as alerting rules of Prometheus.
 *
 * The plan runs as a preview does, touching nothing, and whatever `hold` and `watch` are given there becomes
 * a rule: each threshold once for each set of arguments. Thresholds of the plan's own file that nothing
 * watches follow, with their defaults.
 */
#ifndef RUNPLAN_PROM_RULES_H
#define RUNPLAN_PROM_RULES_H

#include "interp/machine.h"

struct prom_rules_result {
	size_t rules;	/* written */
	size_t refused; /* cannot be a rule, or are not known: each was said on `err` */
};

/*
 * `plan` (NULL: the file is only imported) and `thresholds` are compile_program() and compile_thresholds() of
 * one compilation. Missing params may be unknown. Writes a rule file, in YAML, also where there is no rule.
 */
struct prom_rules_result prom_rules_write(const struct program *plan, const struct program *thresholds,
					  const struct param_value *params, size_t param_count,
					  const char *environment, FILE *out, FILE *err);

#endif
