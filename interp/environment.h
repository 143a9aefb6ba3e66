/*
 * environment.h - what the environments of a plan give to its params. An environment may stand in several
 * files of the plan; what stands in a file counts more than what stands in those that it imports.
 */
#ifndef RUNPLAN_ENVIRONMENT_H
#define RUNPLAN_ENVIRONMENT_H

#include "interp/check.h"
#include "interp/value.h"

/*
 * The next NODE_ENVIRONMENT of that name (NULL: of any) behind `from`, over all files of a plan; begin with
 * *module the first of them and `from` NULL.
 */
const struct node *environment_next(struct module **module, const struct node *from, const char *name);
const char *environment_default(const struct compilation *compilation); /* or NULL */
/* The NODE_SETTING that gives the param (NODE_PARAM) its value there, or NULL; name NULL: no environment, no
 * value. */
const struct node *environment_setting(const struct compilation *compilation, const char *name,
				       const struct node *param);
/* The value of a setting of a checked plan; the caller owns *out. */
bool environment_value(const struct node *setting, struct value *out);

#endif
