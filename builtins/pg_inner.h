/* pg_inner.h - what the files of the namespace pg share: a call with its session, and the rows of pg_dump.c.
 */
#ifndef RUNPLAN_PG_INNER_H
#define RUNPLAN_PG_INNER_H

#include "builtins/pg_connection.h"

/*
 * A call that talks with the server. Made by pg_call_begin(), which makes it call->state; steps follow one
 * another by pg_call_run(), each `done` called only when its statement was answered well: every other end
 * ends the call.
 */
struct pg_call {
	struct effect_call *call;
	struct pg_session *session;
	void (*next)(struct pg_call *pg, const struct pg_result *result);
	/* Looks first at a statement that did not end well; true: it has taken over. May be NULL. */
	bool (*failed)(struct pg_call *pg, const struct pg_result *result);
	struct value text, args; /* the author's statement, where there is one */
	int64_t affected;
	bool in_doubt; /* what is under way may have happened where no answer comes */
	bool plain;    /* pg.exec: outside of a transaction */
	bool noting;   /* a note is on its way to the record */
};

/* `database` NULL: the URL's. Opens the session and calls `next`, or ends the call. */
void pg_call_begin(struct effect_call *call, struct value url, const char *database, int64_t timeout_ns,
		   int64_t lock_timeout_ns, void (*next)(struct pg_call *pg, const struct pg_result *result));
void pg_call_run(struct pg_call *pg, const struct pg_statement *statement,
		 void (*next)(struct pg_call *pg, const struct pg_result *result));

/* Nothing but words: the number of tables and the like in the schemas that are not the system's. */
extern const char pg_count_relations[]; /* one row, columns `relations` and `tables` */

/* Text for a name in a message or a check: not empty, no NUL, at most 63 bytes (NAMEDATALEN - 1). */
bool pg_name_fits(struct value name, const char **problem);
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
