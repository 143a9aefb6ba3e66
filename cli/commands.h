/*
 * commands.h - what each command's file offers; the table that names them is in commands.c. Each returns the
 * exit code.
 */
#ifndef RUNPLAN_COMMANDS_H
#define RUNPLAN_COMMANDS_H

#include "cli/options.h"

#define RUNPLAN_VERSION "0.1.0"
#define RUNPLAN_DATE	"November 23, 2026" /* of this version, for the man page */

int cmd_run(const struct options *options);
int cmd_runs(const struct options *options);
int cmd_show(const struct options *options);
int cmd_watch(const struct options *options);
int cmd_abort(const struct options *options);
int cmd_pause(const struct options *options);
int cmd_approve(const struct options *options);
int cmd_resume(const struct options *options);
int cmd_rollback(const struct options *options);
int cmd_check(const struct options *options);
int cmd_preview(const struct options *options);
int cmd_simulate(const struct options *options);
int cmd_test(const struct options *options);
int cmd_replay(const struct options *options);
int cmd_fmt(const struct options *options);
int cmd_export(const struct options *options);
int cmd_doc(const struct options *options);
int cmd_completion(const struct options *options);
int cmd_complete(const struct options *options);
int cmd_help(const struct options *options);

#endif
