/* pg_inner.h - what the files of the namespace pg share: names, child programs, and the rows of dumps. */
#ifndef RUNPLAN_PG_INNER_H
#define RUNPLAN_PG_INNER_H

#include "builtins/pg_connection.h"

/* Counts the tables, and all relations, in schemas that are not the system's: a row { relations, tables }. */
extern const char pg_count_relations[];

/* Ends the call and answers false where the text of argument `index` is no name. */
bool pg_check_name(struct effect_call *call, size_t index, const char *what);

/* ---- calls that run PostgreSQL's own programs (pg_program.c) ---- */

struct pg_program {
	struct effect_call *call;
	struct process *process; /* the one that runs, or NULL */
	struct value conninfo;	 /* how the programs reach the server, without the password */
	struct value passfile;	 /* the password's line, a secret, or null */
	int64_t began, deadline; /* on the run's clock; deadline 0: none */
	int64_t timeout_ns;
	void (*done)(void *context, const struct process_result *result);
	void *context;
};

/* False, and the call has ended, where `url` is none. `program->call->state` must be the context of its
 * callbacks. */
bool pg_program_init(struct pg_program *program, struct effect_call *call, struct value url,
		     const char *database, int64_t timeout_ns);
void pg_program_free(struct pg_program *program);

/* Runs argv; `done` comes also where nothing could be started. The descriptors (0: none) are closed. */
void pg_program_run(struct pg_program *program, const char *const *argv, int input_fd, int output_fd,
		    size_t output_max, void (*done)(void *context, const struct process_result *result),
		    void *context);
void pg_program_stop(struct pg_program *program);

/* Did it do its work? If not, *message says in one line why, and *details is a record { code, stderr }; both
 * owned. */
bool pg_program_ok(const struct pg_program *program, const char *name, const struct process_result *result,
		   struct value *message, struct value *details);
int64_t pg_program_elapsed(const struct pg_program *program);

/* "identifier" with its quotes; doubles those inside. */
void pg_add_name(struct buffer *text, const char *name, size_t length);

/* pg_dump.c */
void pg_dump_start(struct effect_call *call);
void pg_dump_probe(struct effect_call *call);
struct value pg_dump_simulate(const struct effect_request *request);
struct value pg_dump_describe(const struct effect_request *request);
void pg_inspect_start(struct effect_call *call);
struct value pg_inspect_simulate(const struct effect_request *request);
struct value pg_inspect_describe(const struct effect_request *request);

/* pg_restore.c */
void pg_restore_start(struct effect_call *call);
void pg_restore_probe(struct effect_call *call);
struct value pg_restore_simulate(const struct effect_request *request);
struct value pg_restore_describe(const struct effect_request *request);
void pg_copy_schema_start(struct effect_call *call);
void pg_copy_schema_probe(struct effect_call *call);
struct value pg_copy_schema_describe(const struct effect_request *request);

#endif
