/*
 * docker_exec.h - a command in a running container: what docker.exec, docker.probe, compose.exec and
 * compose.probe share.
 *
 * The order: create the exec, put its id on record (a change only), start it, take its stream apart, and when
 * that ends ask the engine for the exit code. The call ends ok       with an exec_result, for an exit code of
 * 0 or one that `ok` lists; failed   for any other exit code, with {code, stdout, stderr, tail}; before
 * anything ran, without; unknown  for a change whose exit code the engine no longer tells.
 *
 * Stopping. The engine's API cannot stop an exec. On a cancel or a timeout the command gets TERM, after 4 s
 * KILL: directly where the engine is on this machine and we may (its process group, by the id the engine
 * tells), else by a `kill` run in the container. That needs a sh there, finds a command of a far engine by
 * the variable RUNPLAN_EXEC that every command gets in its environment (with grep, in /proc), and does not
 * reach what has changed its user meanwhile. A command that left the group (setsid) to go on as a daemon is
 * left alone by the direct way. Where nothing ended within 8.5 s, the outcome is unknown.
 */
#ifndef RUNPLAN_DOCKER_EXEC_H
#define RUNPLAN_DOCKER_EXEC_H

#include "builtins/live.h"

struct docker_exec_options {
	const char *container;	      /* name or id */
	const char *shown;	      /* how messages call it: "container \"web\"" */
	struct value command;	      /* list of strings, not empty */
	struct value env;	      /* record; may hold secrets */
	const char *user, *directory; /* or NULL */
	struct value input;	      /* string or null; may be a secret */
	int64_t timeout_ns;	      /* 0: none */
	struct value ok;	      /* see exit_code_ok() */
};

/* Takes the call over: its state must be free. Ends it in every case. The options are copied. */
void docker_exec_begin(struct effect_call *call, const struct docker_exec_options *options);

/* Settles an interrupted one by call->intent: true (ended well), false (never started), null (in doubt). */
void docker_exec_settle(struct effect_call *call);

/* An exec_result of code 0 whose output is unknown. */
struct value docker_exec_simulate(const struct effect_request *request);

/* ---- shared with docker.run and compose.* ---- */

/* 32 hexadecimal digits that nobody else has. */
void docker_token(char token[33]);

/* `ok` is null (0 only), an int, a range, or a list of these. */
bool exit_code_ok(struct value ok, int64_t code);
/* Is it one of these? Else ends the call as failed. */
bool exit_codes_check(struct effect_call *call, struct value ok);

/*
 * Marks `text` (consumed) as a secret where it holds one of `secrets` (list of strings): a command that
 * prints what it was given in confidence does not make it public. text_hide() is for messages: each secret
 * becomes ***.
 */
struct value text_guard(struct value text, struct value secrets);
struct value text_hide(struct value text, struct value secrets); /* consumes text */

/* Adds to `secrets` the texts of `from` (a value, or a record's values) that are marked and long enough to
 * hide. */
void secrets_collect(struct value *secrets, struct value from);

/* {"NAME=value", ...} of a record, secrets unmarked; null values are left out. False with a message for a
 * name that cannot be one. */
bool env_list(struct value env, struct value *list, struct value *problem);

#endif
