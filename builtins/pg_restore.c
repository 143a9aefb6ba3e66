/*
 * pg_restore.c - pg.restore and pg.copy_schema: filling a database from a dump, or from the schema of another
 * one.
 *
 * The order: the dump is read whole (or the schema dumped into memory), the database is seen to be empty, it
 * is filled, and its tables are counted. Where filling it in a single transaction fails, looking at the
 * database again tells whether it happened.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "builtins/pg_inner.h"
#include "builtins/words.h"

#define SECOND INT64_C(1000000000)

/* For looking at a database, apart from the time that the restore itself may take. */
#define LOOK_NS (30 * SECOND)

/* More are no use on any machine, and each is a connection. */
#define JOBS_MAX 64

enum {
	RESTORE_FROM,
	RESTORE_DATABASE,
	RESTORE_CLEAN,
	RESTORE_JOBS,
	RESTORE_OWNER,
	RESTORE_URL,
	RESTORE_TIMEOUT
};
enum { COPY_FROM, COPY_TO, COPY_URL, COPY_TIMEOUT };

struct restore {
	struct pg_program program; /* with the target's connection */
	struct pg_program source;  /* pg.copy_schema: with the source's */
	struct pg_session *session;
	void (*counted)(struct restore *restore, int64_t relations, int64_t tables);
	const char *database;	       /* an argument of the call */
	int schema_fd;		       /* pg.copy_schema: the dump, in memory; -1: none */
	struct value message, details; /* of a failure, while the database is looked at */
};

static bool is_copy(const struct restore *restore)
{
	return restore->program.call->builtin->start == pg_copy_schema_start;
}

static bool wants_clean(const struct restore *restore)
{
	return !is_copy(restore) && call_bool(restore->program.call, RESTORE_CLEAN, false);
}

static int64_t job_count(const struct restore *restore)
{
	return is_copy(restore) ? 1 : call_int(restore->program.call, RESTORE_JOBS, 1);
}

static struct value url_of(const struct restore *restore)
{
	return call_arg(restore->program.call, is_copy(restore) ? COPY_URL : RESTORE_URL);
}

static void restore_free(void *state)
{
	struct restore *restore = state;

	pg_session_close(restore->session);
	pg_program_free(&restore->program);
	pg_program_free(&restore->source);
	if (restore->schema_fd >= 0)
		close(restore->schema_fd);
	value_release(restore->message);
	value_release(restore->details);
	free(restore);
}

/* Consumes both. */
static void restore_fail(struct restore *restore, struct value message, struct value details)
{
	call_failed_with(restore->program.call, details, "%s", value_text_peek(message));
	value_release(message);
}

/* ---- looking at the database ---- */

static void look_end(struct restore *restore)
{
	pg_session_close(restore->session);
	restore->session = NULL;
}

static void look_failed(struct restore *restore, const struct pg_result *result)
{
	struct effect_call *call = restore->program.call;

	if (restore->message.tag == VALUE_NULL)
		call_failed_with(call, value_copy(result->details), "%s", value_text_peek(result->message));
	else
		call_unknown(call, "%s; whether it happened cannot be seen: %s",
			     value_text_peek(restore->message), value_text_peek(result->message));
	look_end(restore);
}

static void look_answered(void *context, const struct pg_result *result)
{
	struct restore *restore = context;
	struct value row = list_peek(result->rows, 0);
	int64_t relations = record_peek(row, "relations").i, tables = record_peek(row, "tables").i;

	if (result->end != PG_OK) {
		look_failed(restore, result);
		return;
	}
	look_end(restore);
	restore->counted(restore, relations, tables);
}

static void look_opened(void *context, const struct pg_result *result)
{
	struct restore *restore = context;

	if (result->end != PG_OK)
		look_failed(restore, result);
	else
		pg_session_run(restore->session,
			       &(struct pg_statement){
				   .text = pg_count_relations, .args = value_null(), .want_rows = true},
			       look_answered, restore);
}

static void look(struct restore *restore,
		 void (*counted)(struct restore *restore, int64_t relations, int64_t tables))
{
	struct pg_options options = {.what = restore->program.call->builtin->name,
				     .url = url_of(restore),
				     .database = restore->database,
				     .timeout_ns = LOOK_NS,
				     .opened = look_opened,
				     .context = restore};

	restore->counted = counted;
	restore->session = pg_session_open(restore->program.call->live, &options);
}

/* ---- filling it ---- */

static void filled(struct restore *restore, int64_t relations, int64_t tables)
{
	struct value answer = record_new(2);

	(void)relations;
	record_set(&answer, "tables", value_int(tables));
	record_set(&answer, "time", value_duration(pg_program_elapsed(&restore->program)));
	call_ok(restore->program.call, answer);
}

/* After a restore in one transaction that did not say how it ended well. */
static void looked_after_failure(struct restore *restore, int64_t relations, int64_t tables)
{
	struct value message = restore->message, details = restore->details;

	(void)tables;
	restore->message = restore->details = value_null();
	if (relations == 0) {
		restore_fail(restore, message, details);
		return;
	}
	call_unknown(restore->program.call, "%s, and the database is no longer empty",
		     value_text_peek(message));
	value_release(message);
	value_release(details);
}

static void restored(void *context, const struct process_result *result)
{
	struct restore *restore = context;
	bool stopped = result->cancelled || result->timed_out || result->signal != 0;
	struct value message, details;

	if (pg_program_ok(&restore->program, "pg_restore", result, &message, &details)) {
		look(restore, filled);
		return;
	}
	if (job_count(restore) == 1 && !wants_clean(restore)) {
		restore->message = message;
		restore->details = details;
		look(restore, looked_after_failure);
		return;
	}
	if (stopped) {
		call_unknown(restore->program.call, "%s, and may have done its work or a part of it",
			     value_text_peek(message));
		value_release(message);
		value_release(details);
		return;
	}
	restore_fail(restore, message, details);
}

static void fill(struct restore *restore)
{
	struct effect_call *call = restore->program.call;
	struct value dbname = value_string_printf("--dbname=%s", value_text_peek(restore->program.conninfo));
	char jobs[32], schema[40];
	const char *argv[12] = {"pg_restore", "--exit-on-error", "--no-password", value_text_peek(dbname)};
	size_t count = 4;
	int input_fd = 0;

	if (job_count(restore) == 1)
		argv[count++] = "--single-transaction";
	snprintf(jobs, sizeof(jobs), "--jobs=%d", (int)job_count(restore));
	if (job_count(restore) > 1)
		argv[count++] = jobs;
	if (wants_clean(restore)) {
		argv[count++] = "--clean";
		argv[count++] = "--if-exists";
	}
	if (is_copy(restore)) {
		/* Opened anew, so as to be read from its beginning. */
		snprintf(schema, sizeof(schema), "/proc/self/fd/%d", restore->schema_fd);
		input_fd = open(schema, O_RDONLY | O_CLOEXEC);
	} else {
		if (!call_bool(call, RESTORE_OWNER, true))
			argv[count++] = "--no-owner";
		argv[count++] = "--";
		argv[count++] = call_text(call, RESTORE_FROM);
	}
	pg_program_run(&restore->program, argv, input_fd, 0, 0, restored, restore);
	value_release(dbname);
}

static void looked_before(struct restore *restore, int64_t relations, int64_t tables)
{
	(void)tables;
	if (restore->program.call->cancelled)
		call_failed(restore->program.call, "%s was cancelled before it changed anything",
			    restore->program.call->builtin->name);
	else if (relations > 0 && !wants_clean(restore))
		call_failed(restore->program.call,
			    "the database %s is not empty: it holds %lld tables, views or sequences%s",
			    restore->database, (long long)relations,
			    is_copy(restore) ? "" : " (clean: true drops those that the dump has)");
	else
		fill(restore);
}

/* ---- the beginning ---- */

static void source_read(void *context, const struct process_result *result)
{
	struct restore *restore = context;
	struct value message, details;

	if (pg_program_ok(&restore->source, is_copy(restore) ? "pg_dump" : "pg_restore, reading the dump,",
			  result, &message, &details))
		look(restore, looked_before);
	else
		restore_fail(restore, message, details);
}

static void restore_cancel(struct effect_call *call)
{
	struct restore *restore = call->state;

	pg_program_stop(&restore->source);
	pg_program_stop(&restore->program);
	/* Looking at the database afterwards goes on: it tells the outcome. */
}

static struct restore *restore_new(struct effect_call *call, size_t database, size_t url, size_t timeout)
{
	struct restore *restore = memory_need(calloc(1, sizeof(*restore)));

	restore->schema_fd = -1;
	restore->message = restore->details = value_null();
	restore->database = call_text(call, database);
	call->state = restore;
	call->free_state = restore_free;
	if (!pg_program_init(&restore->program, call, call_arg(call, url), restore->database,
			     call_int(call, timeout, 0)))
		return NULL;
	call->cancel = restore_cancel;
	return restore;
}

void pg_restore_start(struct effect_call *call)
{
	struct value from = call_arg(call, RESTORE_FROM);
	const char *argv[] = {"pg_restore", "--file=/dev/null", "--", value_text_peek(from), NULL};
	int64_t jobs = call_int(call, RESTORE_JOBS, 1);
	struct restore *restore;

	if (from.tag != VALUE_STRING || value_length(from) == 0 ||
	    strlen(value_text_peek(from)) != value_length(from)) {
		call_failed(call, "pg.restore needs the path of a dump");
		return;
	}
	if (jobs < 1 || jobs > JOBS_MAX) {
		call_failed(call, "jobs: must be from 1 to %d", JOBS_MAX);
		return;
	}
	if (!pg_check_name(call, RESTORE_DATABASE, "database"))
		return;
	restore = restore_new(call, RESTORE_DATABASE, RESTORE_URL, RESTORE_TIMEOUT);
	if (!restore ||
	    !pg_program_init(&restore->source, call, value_null(), NULL, call_int(call, RESTORE_TIMEOUT, 0)))
		return;
	pg_program_run(&restore->source, argv, 0, 0, 0, source_read, restore);
}

void pg_copy_schema_start(struct effect_call *call)
{
	struct restore *restore;
	struct value dbname;
	int output_fd;

	if (!pg_check_name(call, COPY_FROM, "database") || !pg_check_name(call, COPY_TO, "database"))
		return;
	if (strcmp(call_text(call, COPY_FROM), call_text(call, COPY_TO)) == 0) {
		call_failed(call, "pg.copy_schema needs two databases");
		return;
	}
	restore = restore_new(call, COPY_TO, COPY_URL, COPY_TIMEOUT);
	if (!restore || !pg_program_init(&restore->source, call, call_arg(call, COPY_URL),
					 call_text(call, COPY_FROM), call_int(call, COPY_TIMEOUT, 0)))
		return;
	restore->schema_fd = memfd_create("schema", MFD_CLOEXEC);
	output_fd = restore->schema_fd < 0 ? -1 : fcntl(restore->schema_fd, F_DUPFD_CLOEXEC, 3);
	if (output_fd < 0) {
		call_failed(call, "no memory for the schema: %s", strerror(errno));
		return;
	}
	dbname = value_string_printf("--dbname=%s", value_text_peek(restore->source.conninfo));
	pg_program_run(&restore->source,
		       (const char *const[]){"pg_dump", "--schema-only", "--format=custom", "--no-password",
					     value_text_peek(dbname), NULL},
		       0, output_fd, 0, source_read, restore);
	value_release(dbname);
}

/* ---- without the world, and later ---- */

/* Whether it happened: it was empty before, and one transaction fills it or does not. */
static void probed(struct restore *restore, int64_t relations, int64_t tables)
{
	bool whole = job_count(restore) == 1 && !wants_clean(restore);

	(void)tables;
	if (relations == 0)
		call_ok(restore->program.call, value_bool(false));
	else
		call_ok(restore->program.call, whole ? value_bool(true) : value_null());
}

void pg_restore_probe(struct effect_call *call)
{
	struct restore *restore = restore_new(call, RESTORE_DATABASE, RESTORE_URL, RESTORE_TIMEOUT);

	if (restore)
		look(restore, probed);
}

void pg_copy_schema_probe(struct effect_call *call)
{
	struct restore *restore = restore_new(call, COPY_TO, COPY_URL, COPY_TIMEOUT);

	if (restore)
		look(restore, probed);
}

struct value pg_restore_simulate(const struct effect_request *request)
{
	struct value answer = record_new(2);

	(void)request;
	record_set(&answer, "tables", value_unknown());
	record_set(&answer, "time", value_duration(0));
	return answer;
}

struct value pg_restore_describe(const struct effect_request *request)
{
	const struct value *args = request->args;
	struct buffer line = {0};

	words_add(&line, "pg_restore");
	words_add_flag(&line, "--clean", args[RESTORE_CLEAN]);
	if (args[RESTORE_JOBS].tag == VALUE_INT && args[RESTORE_JOBS].i > 1)
		words_add_option(&line, "--jobs", args[RESTORE_JOBS]);
	else
		words_add(&line, "--single-transaction");
	if (args[RESTORE_OWNER].tag == VALUE_BOOL && !args[RESTORE_OWNER].b)
		words_add(&line, "--no-owner");
	words_add_option(&line, "--dbname", args[RESTORE_DATABASE]);
	words_add_value(&line, args[RESTORE_FROM]);
	return buffer_finish(&line);
}

struct value pg_copy_schema_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "pg_dump --schema-only");
	words_add_value(&line, request->args[COPY_FROM]);
	words_add(&line, "| pg_restore --single-transaction");
	words_add_option(&line, "--dbname", request->args[COPY_TO]);
	return buffer_finish(&line);
}
