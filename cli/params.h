/*
 * params.h - what a run's params are, from --set, the environment (--env, RUNPLAN_ENV, the default one), and
 * a prompt on a terminal, in this order. A param that none of them sets is left to its declared default.
 */
#ifndef RUNPLAN_PARAMS_H
#define RUNPLAN_PARAMS_H

#include "cli/options.h"
#include "interp/check.h"
#include "interp/machine.h"

struct params {
	struct param_value *values;
	size_t count;
	const char *environment; /* or NULL */
};

/* What a run lacks, printed under one headline as it is found. */
struct shortfall {
	FILE *err;
	size_t params, secrets; /* so far */
};
void shortfall_add(struct shortfall *shortfall, size_t *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Is nothing lacking? Else says that nothing was run. */
bool shortfall_none(const struct shortfall *shortfall);

/*
 * Collects them. Those that are missing or wrong are added to the shortfall, and are unknown then. With
 * `may_ask`, those that are only missing are asked for first. The names are the program's.
 */
void params_take(struct params *params, const struct program *program, const struct options *options,
		 bool may_ask, struct shortfall *shortfall);
/* The same for who needs nothing else. False when some are missing or wrong: all of them are printed on
 * `err`, at once. */
bool params_collect(struct params *params, const struct program *program, const struct options *options,
		    bool may_ask, FILE *err);
/* The same, nobody being asked: those that are missing are unknown. */
bool params_collect_some(struct params *params, const struct program *program, const struct options *options,
			 FILE *err);
/* The params of a plan's own test: the environment it names, or the default one; then what it sets. */
void params_of_test(struct params *params, const struct program *program, const struct node *test);
void params_free(struct params *params);

/* What is said of a param (NODE_PARAM): the text behind it or the comment above; may be "". */
const char *param_summary(const struct node *param);

/* --env, RUNPLAN_ENV or the plan's default; NULL: none. It need not be there. */
const char *environment_chosen(const struct options *options, const struct compilation *compilation);
/* The name that a setting's target ends with: `region`, `lib.region`; or NULL. */
const char *setting_name(const struct node *target);

/*
 * A value of `type` as it is written on a command line: strings as they are, all else as in the language. The
 * caller owns *out. False with a message.
 */
bool param_read(const struct type *type, const char *text, struct value *out, char *error, size_t size);

#endif
