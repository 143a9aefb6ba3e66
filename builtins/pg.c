/*
 * pg.c - pg.*: PostgreSQL. Statements with bind parameters, and the databases themselves; dumps are in
 * pg_dump.c and pg_restore.c.
 *
 * How an interrupted pg.exec is settled: the statement runs in a transaction, whose id is put on record
 * before its commit is sent. No id on record: the commit was never sent. Else the server tells what became of
 * that transaction.
 */
#include <stdlib.h>
#include <string.h>

#include "builtins/pg_inner.h"
#include "builtins/tables.h"
#include "builtins/words.h"
#include "interp/utf8.h"

/* NAMEDATALEN - 1: PostgreSQL would cut a longer name without a word. */
#define NAME_MAX_BYTES 63

#define SECOND INT64_C(1000000000)

const char pg_count_relations[] =
    "select count(*) as relations, count(*) filter (where c.relkind in ('r', 'p')) as tables "
    "from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace "
    "where n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and c.relkind in ('r', 'p', 'v', 'm', "
    "'S', 'f')";

/* ---- calls with a session ---- */

/*
 * A call that talks with the server. Steps follow one another by pg_call_run(), each `next` called only when
 * its statement was answered well: every other end ends the call.
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

static void pg_call_free(void *state)
{
	struct pg_call *pg = state;

	pg_session_close(pg->session);
	value_release(pg->text);
	value_release(pg->args);
	free(pg);
}

/* While a note is on its way nothing is under way at the server, and what the note is for will not be sent.
 */
static void pg_call_cancel(struct effect_call *call)
{
	struct pg_call *pg = call->state;

	if (!pg->noting) {
		pg_session_cancel(pg->session);
		return;
	}
	call_failed(call, "%s was cancelled before it took effect, and is undone", call->builtin->name);
	pg_session_close(pg->session);
	pg->session = NULL;
}

/* Consumes `note`. */
static void pg_call_note(struct pg_call *pg, struct value note, void (*then)(struct effect_call *call))
{
	pg->noting = true;
	call_note(pg->call, note, then);
}

static void pg_call_fail(struct pg_call *pg, const struct pg_result *result)
{
	const char *message = value_text_peek(result->message);

	if (result->end == PG_LOST && pg->in_doubt)
		call_unknown(pg->call, "%s", message);
	else
		call_failed_with(pg->call, value_copy(result->details), "%s", message);
	pg_session_close(pg->session);
	pg->session = NULL;
	pg->call->cancel = NULL;
}

static void pg_call_step(void *context, const struct pg_result *result)
{
	struct pg_call *pg = context;

	if (result->end == PG_OK)
		pg->next(pg, result);
	else if (!pg->failed || !pg->failed(pg, result))
		pg_call_fail(pg, result);
}

static void pg_call_run(struct pg_call *pg, const struct pg_statement *statement,
			void (*next)(struct pg_call *pg, const struct pg_result *result))
{
	pg->next = next;
	pg_session_run(pg->session, statement, pg_call_step, pg);
}

/* `database` NULL: the URL's. Opens the session and calls `next`, or ends the call. */
static void pg_call_begin(struct effect_call *call, struct value url, const char *database,
			  int64_t timeout_ns, int64_t lock_timeout_ns,
			  void (*next)(struct pg_call *pg, const struct pg_result *result))
{
	struct pg_call *pg = memory_need(calloc(1, sizeof(*pg)));
	struct pg_options options = {.what = call->builtin->name,
				     .url = url,
				     .database = database,
				     .timeout_ns = timeout_ns,
				     .lock_timeout_ns = lock_timeout_ns,
				     .opened = pg_call_step,
				     .context = pg};

	pg->call = call;
	pg->next = next;
	pg->text = pg->args = value_null();
	call->state = pg;
	call->free_state = pg_call_free;
	call->cancel = pg_call_cancel;
	pg->session = pg_session_open(call->live, &options);
}

/* Ends the call well. Consumes `answer`. */
static void pg_call_ok(struct pg_call *pg, struct value answer)
{
	call_ok(pg->call, answer);
	pg_session_close(pg->session);
	pg->session = NULL;
	pg->call->cancel = NULL;
}

/* Most rows end with url, database and timeout. */
static void begin(struct effect_call *call, const char *database, int64_t lock_timeout_ns,
		  void (*next)(struct pg_call *pg, const struct pg_result *result))
{
	size_t last = call->arg_count - 1;

	pg_call_begin(call, call_arg(call, last - 2), database ? database : call_text(call, last - 1),
		      call_int(call, last, 30 * SECOND), lock_timeout_ns, next);
}

static struct pg_call *pg_of(struct effect_call *call)
{
	return call->state;
}

/* ---- names ---- */

/* Not empty, no NUL, UTF-8, at most 63 bytes; *problem is the rest of a sentence. */
static bool name_fits(struct value name, const char **problem)
{
	size_t length = value_length(name);

	if (name.tag != VALUE_STRING || length == 0)
		*problem = "is empty";
	else if (memchr(value_text_peek(name), '\0', length))
		*problem = "holds a NUL byte";
	else if (!utf8_valid(value_text_peek(name), length))
		*problem = "is not UTF-8";
	else if (length > NAME_MAX_BYTES)
		*problem = "is longer than the 63 bytes that PostgreSQL keeps of a name";
	else
		return true;
	return false;
}

bool pg_check_name(struct effect_call *call, size_t index, const char *what)
{
	const char *problem;

	if (name_fits(call_arg(call, index), &problem))
		return true;
	call_failed(call, "the name of the %s %s", what, problem);
	return false;
}

void pg_add_name(struct buffer *text, const char *name, size_t length)
{
	size_t i;

	buffer_add_byte(text, '"');
	for (i = 0; i < length; i++) {
		if (name[i] == '"')
			buffer_add_byte(text, '"');
		buffer_add_byte(text, name[i]);
	}
	buffer_add_byte(text, '"');
}

static struct pure_result pg_name(const struct value *args, size_t count)
{
	struct buffer text = {0};
	size_t i, parts = count == 1 ? value_length(args[0]) : 0;
	const char *problem;

	if (parts == 0)
		return pure_failed("pg.name needs a name");
	for (i = 0; i < parts; i++) {
		struct value part = list_peek(args[0], i);

		if (part.tag != VALUE_STRING || (part.flags & VALUE_SQL_NAME) || !name_fits(part, &problem)) {
			buffer_free(&text);
			if (part.tag != VALUE_STRING)
				return pure_failed("pg.name takes texts, not a value of type %s",
						   value_tag_name(part.tag));
			if (part.flags & VALUE_SQL_NAME)
				return pure_failed("pg.name was given a name that it made itself");
			return pure_failed("a name of PostgreSQL %s", problem);
		}
		if (i > 0)
			buffer_add_byte(&text, '.');
		pg_add_name(&text, value_text_peek(part), value_length(part));
	}
	return pure_ok(
	    value_mark(buffer_finish(&text), VALUE_SQL_NAME | (value_is_secret(args[0]) ? VALUE_SECRET : 0)));
}

/* ---- the author's statement ---- */

/* The checker lets literals pass only, which arrive as a record; a text out of JSON has no place here. */
static bool take_statement(struct effect_call *call, struct value *text, struct value *args)
{
	struct value sql = call_arg(call, 0);

	*text = record_peek(sql, "text");
	*args = record_peek(sql, "args");
	if (text->tag == VALUE_STRING && args->tag == VALUE_LIST &&
	    !memchr(value_text_peek(*text), '\0', value_length(*text)))
		return true;
	call_failed(call, "%s needs a statement written as a literal", call->builtin->name);
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Behind blanks, comments and opening brackets. */
static const char *first_word(const char *at)
{
	for (;;) {
		if (is_blank(*at) || *at == '(') {
			at++;
		} else if (at[0] == '-' && at[1] == '-') {
			at += strcspn(at, "\n");
		} else if (at[0] == '/' && at[1] == '*') {
			int depth = 0;

			do {
				if (at[0] == '/' && at[1] == '*') {
					depth++;
					at += 2;
				} else if (at[0] == '*' && at[1] == '/') {
					depth--;
					at += 2;
				} else {
					at++;
				}
			} while (depth > 0 && *at);
		} else {
			return at;
		}
	}
}

/*
 * A read-only transaction stops changes of the database, but not COPY ... TO a file or PROGRAM of the server,
 * nor a COMMIT that ends it. So only statements that give rows are let in.
 */
static bool gives_rows(const char *text)
{
	static const char *const words[] = {"select", "with", "values", "table", "show", "explain"};
	const char *word = first_word(text);
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t length = strlen(words[i]);

		if (strncasecmp(word, words[i], length) == 0 &&
		    (is_blank(word[length]) || strchr("(*'\"$/-;", word[length])))
			return true;
	}
	return false;
}

/* ---- pg.query ---- */

enum { QUERY_SQL, QUERY_LIMIT };

static void query_answered(struct pg_call *pg, const struct pg_result *result)
{
	struct value rows = value_copy(result->rows);

	pg_call_ok(pg, value_mark(rows, value_is_secret(pg->args) ? VALUE_SECRET : 0));
}

static void query_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg_call_run(pg,
		    &(struct pg_statement){.text = value_text_peek(pg->text),
					   .args = pg->args,
					   .want_rows = true,
					   .rows_max = (size_t)call_int(pg->call, QUERY_LIMIT, 10000),
					   .bytes_max = LIVE_BODY_MAX},
		    query_answered);
}

static void begin_read_only(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg_call_run(pg, &(struct pg_statement){.text = "begin transaction read only", .args = value_null()},
		    query_send);
}

static void query_start(struct effect_call *call)
{
	struct value text, args;

	if (!take_statement(call, &text, &args))
		return;
	if (!gives_rows(value_text_peek(text))) {
		call_failed(
		    call,
		    "pg.query takes only what reads: SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN; pg.exec "
		    "takes the others");
		return;
	}
	if (call_int(call, QUERY_LIMIT, 0) < 1) {
		call_failed(call, "limit: must be at least 1");
		return;
	}
	begin(call, NULL, 0, begin_read_only);
	pg_of(call)->text = value_copy(text);
	pg_of(call)->args = value_copy(args);
}

/* ---- reads with a statement of their own ---- */

/* Gives the column `name` of a record another tag, where it holds an int or a list. Consumes `row`. */
static struct value with_size(struct value row, const char *name)
{
	struct value copy = record_new(value_length(row)), v;
	size_t i;

	for (i = 0; i < value_length(row); i++) {
		v = value_copy(record_value_peek(row, i));
		if (strcmp(record_key_peek(row, i), name) == 0 && v.tag == VALUE_INT)
			v = value_size(v.i);
		record_set(&copy, record_key_peek(row, i), v);
	}
	value_release(row);
	return copy;
}

static void rows_with_sizes(struct pg_call *pg, const struct pg_result *result)
{
	struct value rows = list_new(value_length(result->rows));
	size_t i;

	for (i = 0; i < value_length(result->rows); i++)
		list_push(&rows, with_size(value_copy(list_peek(result->rows, i)), "lag_bytes"));
	pg_call_ok(pg, rows);
}

static void read_rows(struct pg_call *pg, const char *text,
		      void (*next)(struct pg_call *, const struct pg_result *))
{
	pg_call_run(pg,
		    &(struct pg_statement){.text = text,
					   .args = value_null(),
					   .want_rows = true,
					   .rows_max = 10000,
					   .bytes_max = LIVE_BODY_MAX},
		    next);
}

/* A query's own text is cut: the row is to show what waits, not to carry a statement of megabytes. */
static void locks_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	read_rows(
	    pg,
	    "select l.pid, coalesce(l.relation::regclass::text, l.locktype) as relation, l.mode, l.granted, "
	    "case when l.granted then '{}' else pg_blocking_pids(l.pid) end as waiting_for, "
	    "left(a.query, 1000) as query, date_trunc('milliseconds', clock_timestamp() - a.xact_start) as "
	    "age "
	    "from pg_locks l join pg_stat_activity a on a.pid = l.pid "
	    "where l.pid <> pg_backend_pid() and l.locktype <> 'virtualxid' and "
	    "(l.database is null or l.database in (0, (select oid from pg_database where datname = "
	    "current_database()))) "
	    "order by l.granted, a.xact_start, l.pid, 2",
	    query_answered);
}

static void locks_start(struct effect_call *call)
{
	begin(call, NULL, 0, locks_send);
}

static void replication_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	read_rows(pg,
		  "select application_name as name, state, "
		  "greatest(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_receive_lsn() "
		  "else pg_current_wal_lsn() end, replay_lsn), 0)::int8 as lag_bytes, "
		  "date_trunc('milliseconds', replay_lag) as lag from pg_stat_replication order by 1, pid",
		  rows_with_sizes);
}

static void replication_start(struct effect_call *call)
{
	begin(call, NULL, 0, replication_send);
}

/* ---- pg.exec ---- */

enum { EXEC_SQL, EXEC_LOCK_TIMEOUT };

static struct value rows_record(struct value rows)
{
	struct value answer = record_new(1);

	record_set(&answer, "rows", rows);
	return answer;
}

static void exec_ended(struct pg_call *pg, const struct pg_result *result)
{
	pg_call_ok(pg, rows_record(value_int(pg->plain ? result->affected : pg->affected)));
}

static void exec_commit(struct effect_call *call)
{
	struct pg_call *pg = pg_of(call);

	pg->noting = false;
	pg->in_doubt = true;
	pg_call_run(pg, &(struct pg_statement){.text = "commit", .args = value_null()}, exec_ended);
}

/* A transaction that has changed no table has no id (it may have called a function that did something). */
static void exec_note(struct pg_call *pg, const struct pg_result *result)
{
	struct value note = record_new(1);

	record_set(&note, "xid", value_copy(record_peek(list_peek(result->rows, 0), "xid")));
	pg_call_note(pg, note, exec_commit);
}

static void exec_ask_xid(struct pg_call *pg, const struct pg_result *result)
{
	pg->affected = result->affected;
	pg_call_run(pg,
		    &(struct pg_statement){.text = "select txid_current_if_assigned() as xid",
					   .args = value_null(),
					   .want_rows = true},
		    exec_note);
}

/* Without parameters a text may hold several statements, which run as one transaction. */
static struct value exec_args(const struct pg_call *pg)
{
	return value_length(pg->args) > 0 ? pg->args : value_null();
}

static void exec_plain_send(struct effect_call *call)
{
	struct pg_call *pg = pg_of(call);

	pg->noting = false;
	pg->in_doubt = true;
	pg_call_run(pg, &(struct pg_statement){.text = value_text_peek(pg->text), .args = exec_args(pg)},
		    exec_ended);
}

static void exec_plain(struct pg_call *pg, const struct pg_result *result)
{
	struct value note = record_new(1);

	(void)result;
	pg->plain = true;
	pg->failed = NULL;
	record_set(&note, "plain", value_bool(true));
	pg_call_note(pg, note, exec_plain_send);
}

/* VACUUM, CREATE DATABASE, CREATE INDEX CONCURRENTLY, and procedures that commit: nothing of them has
 * happened yet. */
static bool exec_wants_no_transaction(struct pg_call *pg, const struct pg_result *result)
{
	if (result->end != PG_REFUSED ||
	    (strcmp(result->sqlstate, "25001") != 0 && strcmp(result->sqlstate, "2D000") != 0))
		return false;
	pg->failed = NULL;
	pg_call_run(pg, &(struct pg_statement){.text = "rollback", .args = value_null()}, exec_plain);
	return true;
}

static void exec_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg->failed = exec_wants_no_transaction;
	pg_call_run(pg, &(struct pg_statement){.text = value_text_peek(pg->text), .args = exec_args(pg)},
		    exec_ask_xid);
}

static void exec_begin(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg_call_run(pg, &(struct pg_statement){.text = "begin", .args = value_null()}, exec_send);
}

static void exec_start(struct effect_call *call)
{
	struct value text, args;

	if (!take_statement(call, &text, &args))
		return;
	begin(call, NULL, call_int(call, EXEC_LOCK_TIMEOUT, 0), exec_begin);
	pg_of(call)->text = value_copy(text);
	pg_of(call)->args = value_copy(args);
}

/* ---- probes: did it happen? ---- */

/* The first column of the only row, which is a bool, or null where nobody knows. */
static void probe_answered(struct pg_call *pg, const struct pg_result *result)
{
	pg_call_ok(pg, value_copy(record_value_peek(list_peek(result->rows, 0), 0)));
}

static bool probe_failed(struct pg_call *pg, const struct pg_result *result)
{
	call_unknown(pg->call, "%s", value_text_peek(result->message));
	return true;
}

static void probe_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg_call_run(
	    pg,
	    &(struct pg_statement){.text = value_text_peek(pg->text), .args = pg->args, .want_rows = true},
	    probe_answered);
}

/* Consumes `text` and `args`. */
static void probe(struct effect_call *call, const char *database, struct value text, struct value args)
{
	begin(call, database, 0, probe_send);
	pg_of(call)->failed = probe_failed;
	pg_of(call)->text = text;
	pg_of(call)->args = args;
}

static void exec_probe(struct effect_call *call)
{
	struct value xid = record_peek(call->intent, "xid"), args;

	if (call->intent.tag == VALUE_NULL) {
		call_ok(call, value_bool(false)); /* its commit was never sent */
		return;
	}
	if (xid.tag != VALUE_INT) {
		call_ok(call, value_null());
		return;
	}
	args = list_new(1);
	list_push(&args, value_string_printf("%lld", (long long)xid.i));
	probe(
	    call, NULL,
	    value_string(
		"select case txid_status($1::int8) when 'committed' then true when 'aborted' then false end"),
	    args);
}

static struct value exec_simulate(const struct effect_request *request)
{
	(void)request;
	return rows_record(value_unknown());
}

/* ---- databases ---- */

/* The databases' own statements are sent from another one. */
static const char *meanwhile(const struct effect_call *call, const char *name, const char *other)
{
	const char *given = call_text(call, call->arg_count - 2);

	if (given)
		return given;
	return strcmp(name, "postgres") == 0 || (other && strcmp(other, "postgres") == 0) ? "template1"
											  : "postgres";
}

static void change_ended(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg_call_ok(pg, value_null());
}

static void change_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg->in_doubt = true;
	pg_call_run(pg, &(struct pg_statement){.text = value_text_peek(pg->text), .args = value_null()},
		    change_ended);
}

/* Consumes `text`. */
static void change(struct effect_call *call, const char *database, struct buffer *text)
{
	begin(call, database, 0, change_send);
	pg_of(call)->text = buffer_finish(text);
}

static void add_name_argument(struct buffer *text, const struct effect_call *call, size_t index)
{
	pg_add_name(text, value_text_peek(call_arg(call, index)), value_length(call_arg(call, index)));
}

static void create_database_start(struct effect_call *call)
{
	const char *template = call_text(call, 1);
	struct buffer text = {0};

	if (!pg_check_name(call, 0, "database") || (template && !pg_check_name(call, 1, "template")) ||
	    (call_text(call, 2) && !pg_check_name(call, 2, "owner")))
		return;
	buffer_add_text(&text, "create database ");
	add_name_argument(&text, call, 0);
	if (template) {
		pg_forget_database(call->live, template);
		buffer_add_text(&text, " template ");
		add_name_argument(&text, call, 1);
	}
	if (call_text(call, 2)) {
		buffer_add_text(&text, " owner ");
		add_name_argument(&text, call, 2);
	}
	change(call, meanwhile(call, call_text(call, 0), template), &text);
}

static void drop_database_start(struct effect_call *call)
{
	struct buffer text = {0};

	if (!pg_check_name(call, 0, "database"))
		return;
	pg_forget_database(call->live, call_text(call, 0));
	buffer_add_text(&text, "drop database ");
	add_name_argument(&text, call, 0);
	if (call_bool(call, 1, false))
		buffer_add_text(&text, " with (force)");
	change(call, meanwhile(call, call_text(call, 0), NULL), &text);
}

static void rename_database_start(struct effect_call *call)
{
	struct buffer text = {0};

	if (!pg_check_name(call, 0, "database") || !pg_check_name(call, 1, "database"))
		return;
	pg_forget_database(call->live, call_text(call, 0));
	buffer_add_text(&text, "alter database ");
	add_name_argument(&text, call, 0);
	buffer_add_text(&text, " rename to ");
	add_name_argument(&text, call, 1);
	change(call, meanwhile(call, call_text(call, 0), call_text(call, 1)), &text);
}

static struct value names_args(const struct effect_call *call, size_t count)
{
	struct value args = list_new(count);
	size_t i;

	for (i = 0; i < count; i++)
		list_push(&args, value_copy(call_arg(call, i)));
	return args;
}

#define DATABASE_EXISTS(parameter) "exists (select from pg_catalog.pg_database where datname = " parameter ")"

static void create_database_probe(struct effect_call *call)
{
	probe(call, meanwhile(call, call_text(call, 0), NULL), value_string("select " DATABASE_EXISTS("$1")),
	      names_args(call, 1));
}

static void drop_database_probe(struct effect_call *call)
{
	probe(call, meanwhile(call, call_text(call, 0), NULL),
	      value_string("select not " DATABASE_EXISTS("$1")), names_args(call, 1));
}

static void rename_database_probe(struct effect_call *call)
{
	probe(
	    call, meanwhile(call, call_text(call, 0), call_text(call, 1)),
	    value_string("select case when " DATABASE_EXISTS("$2") " and not " DATABASE_EXISTS(
		"$1") " then true when " DATABASE_EXISTS("$1") " and not " DATABASE_EXISTS("$2") " then "
												 "false end"),
	    names_args(call, 2));
}

static void terminate_answered(struct pg_call *pg, const struct pg_result *result)
{
	pg_call_ok(pg, value_copy(record_peek(list_peek(result->rows, 0), "count")));
}

static void terminate_send(struct pg_call *pg, const struct pg_result *result)
{
	(void)result;
	pg->in_doubt = true;
	pg_call_run(pg,
		    &(struct pg_statement){
			.text = "select count(*) filter (where pg_terminate_backend(pid)) as count from "
				"pg_stat_activity where datname = $1 and pid <> pg_backend_pid()",
			.args = pg->args,
			.want_rows = true},
		    terminate_answered);
}

static void terminate_start(struct effect_call *call)
{
	if (!pg_check_name(call, 0, "database"))
		return;
	pg_forget_database(call->live, call_text(call, 0));
	pg_call_begin(call, call_arg(call, 1),
		      strcmp(call_text(call, 0), "postgres") == 0 ? "template1" : "postgres",
		      call_int(call, 2, 30 * SECOND), 0, terminate_send);
	pg_of(call)->args = names_args(call, 1);
}

static struct value terminate_simulate(const struct effect_request *request)
{
	(void)request;
	return value_unknown();
}

/* ---- what preview says ---- */

/* The statement on one line, and what its parameters are. */
static struct value statement_describe(const struct effect_request *request)
{
	struct value sql = request->args[0], text = record_peek(sql, "text"), args = record_peek(sql, "args");
	struct buffer line = {0};
	size_t i;

	if (sql.tag != VALUE_RECORD)
		return value_string_printf("%s (a statement with what is not known yet)",
					   request->builtin->name);
	if (value_is_secret(text))
		buffer_add_text(&line, "***");
	for (i = 0; !value_is_secret(text) && i < value_length(text); i++) {
		char c = value_text_peek(text)[i];

		if (!is_blank(c))
			buffer_add_byte(&line, c);
		else if (line.length > 0 && line.string->bytes[line.length - 1] != ' ')
			buffer_add_byte(&line, ' ');
	}
	for (i = 0; i < value_length(args); i++) {
		struct value shown = value_show(list_peek(args, i), 80);

		buffer_printf(&line, "%s$%zu = %s", i == 0 ? "  -- " : ", ", i + 1, value_text_peek(shown));
		value_release(shown);
	}
	return buffer_finish(&line);
}

static void words_add_name(struct buffer *line, struct value name)
{
	struct buffer quoted = {0};
	struct value text;

	if (name.tag != VALUE_STRING) {
		words_add_value(line, name);
		return;
	}
	pg_add_name(&quoted, value_text_peek(name), value_length(name));
	text = buffer_finish(&quoted);
	words_add(line, value_text_peek(text));
	value_release(text);
}

static struct value create_database_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "create database");
	words_add_name(&line, request->args[0]);
	if (request->args[1].tag != VALUE_NULL) {
		words_add(&line, "template");
		words_add_name(&line, request->args[1]);
	}
	if (request->args[2].tag != VALUE_NULL) {
		words_add(&line, "owner");
		words_add_name(&line, request->args[2]);
	}
	return buffer_finish(&line);
}

static struct value drop_database_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "drop database");
	words_add_name(&line, request->args[0]);
	if (value_truthy(request->args[1]))
		words_add(&line, "with (force)");
	return buffer_finish(&line);
}

static struct value rename_database_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "alter database");
	words_add_name(&line, request->args[0]);
	words_add(&line, "rename to");
	words_add_name(&line, request->args[1]);
	return buffer_finish(&line);
}

/* url, database, timeout */
static struct value activity_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, request->builtin->start == locks_start ? "select from pg_locks"
								: "select from pg_stat_replication");
	if (request->args[1].tag != VALUE_NULL) {
		words_add(&line, "-- in");
		words_add_value(&line, request->args[1]);
	}
	return buffer_finish(&line);
}

static struct value terminate_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "end all sessions with database");
	words_add_name(&line, request->args[0]);
	return buffer_finish(&line);
}

/* ---- the table ---- */

#define PLACE "url: secret string = null, database: string = null, timeout: duration = 30s"

#define PLACE_DETAILS                                                                                        \
	"\n\n`url` is `postgres://user:password@host:port/database`; without one, `PGHOST`, `PGPORT`, "      \
	"`PGUSER`, "                                                                                         \
	"`PGPASSWORD` and the other variables of libpq count. `database` stands for the URL's."

#define ERRORS                                                                                               \
	"An error of PostgreSQL is a failure with its message, SQLSTATE and hint; so is a server that "      \
	"cannot be reached"

static const struct builtin pg_rows[] = {
    {.name = "pg.query",
     .signature = "(sql: secret sql, limit: int = 10000, " PLACE ") -> list(record)",
     .summary = "The rows that a statement gives, in a transaction that cannot change anything.",
     .details =
	 "`${…}` in the statement is a bind parameter; `pg.name(x)` stands for an identifier. Columns come "
	 "as "
	 "bool, int, float, time (`timestamptz`), duration (`interval` without months), list (arrays), what "
	 "the "
	 "JSON says, null, and else as text. Give two columns of the same name other ones with `AS`. More "
	 "than "
	 "`limit` rows, or 4MiB, is a failure. A read-only transaction does not keep a function such as "
	 "`pg_terminate_backend()` from acting: call those by `pg.exec`." PLACE_DETAILS,
     .example = "pg.query(\"select id, name from users where id = ${7}\")[0].name",
     .bad_input =
	 ERRORS ", a statement that changes, and a timeout, which also ends the statement at the server.",
     .effect = EFFECT_READ,
     .start = query_start,
     .describe = statement_describe},
    {.name = "pg.exec",
     .signature = "(sql: secret sql, lock_timeout: duration = null, " PLACE ") -> pg_exec_result",
     .summary = "Run a statement that changes something, and wait for its end.",
     .details = "It runs in a transaction of its own (what cannot, such as `VACUUM`, without one). Without "
		"`${…}` the text "
		"may hold several statements, which happen all or none; `rows` counts those of the last one. "
		"A timeout "
		"or a cancel ends it at the server, which undoes it. `lock_timeout` bounds the wait for each "
		"lock.\n\n"
		"An interrupted one is settled by the id of its transaction, which is on record before its "
		"commit is "
		"sent; only without a transaction is it in doubt." PLACE_DETAILS,
     .example = "pg.exec(\"update users set active = ${false} where id = ${7}\")",
     .bad_input = ERRORS "; then nothing has changed.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = exec_start,
     .simulate = exec_simulate,
     .describe = statement_describe,
     .probe = exec_probe},
    {.name = "pg.name",
     .signature = "(parts: secret string...) -> string",
     .summary = "Text as an identifier of SQL: in its quotes, and taken as a name where `${…}` stands.",
     .details = "Several parts make a qualified name: `pg.name(\"public\", table)`. It must be the last that "
		"is done to "
		"the text: a name that was changed afterwards is refused.",
     .example = "pg.exec(\"drop table ${pg.name(\"old_users\")}\")",
     .bad_input = "An empty name, one longer than 63 bytes, one with a NUL byte and one that is not UTF-8 "
		  "are failures.",
     .effect = EFFECT_PURE,
     .call = pg_name},
    {.name = "pg.dump",
     .signature =
	 "(to: path, schema_only: bool = false, tables: list(string) = [], lock_timeout: duration = null, "
	 "url: secret string = null, database: string = null, timeout: duration = 60m) -> pg_dump_file",
     .summary = "Dump a database to a file that is known to be whole.",
     .details = "`pg_dump` writes its custom format to `PATH.part`; that is read back from end to end, "
		"synced, and only "
		"then given its name. A dump that fails or is cancelled leaves nothing behind. `tables` "
		"names tables, "
		"`schema.table` or `table`, literally. A file that is there already is never written over. "
		"The password "
		"reaches `pg_dump` by an anonymous file." PLACE_DETAILS,
     .example = "pg.dump(to: \"/var/backups/app.dump\")",
     .bad_input =
	 "A file that exists, a directory that does not, a full disk, a server that cannot be reached and a "
	 "dump that cannot be read back are failures; no file is left.",
     .leaves = "a dump file",
     .thing = {"file", 0, 1, "path"},
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = pg_dump_start,
     .simulate = pg_dump_simulate,
     .describe = pg_dump_describe,
     .probe = pg_dump_probe},
    {.name = "pg.inspect",
     .signature = "(path: path, timeout: duration = 10m) -> pg_dump_info",
     .summary = "What a dump holds, after all of it has been read.",
     .details =
	 "A listing alone would accept a file that was cut off: the whole dump is read by `pg_restore`.",
     .example = "pg.inspect(\"/var/backups/app.dump\").tables > 0",
     .bad_input =
	 "A file that is not there, is no dump of the custom or tar format, or ends too early is a failure.",
     .effect = EFFECT_READ,
     .start = pg_inspect_start,
     .simulate = pg_inspect_simulate,
     .describe = pg_inspect_describe},
    {.name = "pg.restore",
     .signature = "(from: path, database: string, clean: bool = false, jobs: int = 1, owner: bool = true, "
		  "url: secret string = null, timeout: duration = 60m) -> pg_restored",
     .summary = "Fill a database from a dump.",
     .details =
	 "The dump is read whole first. The database must exist and hold no tables, views or sequences; with "
	 "`clean`, those that the dump has are dropped before (others stay). One job restores in a single "
	 "transaction: it happens or it does not. Several `jobs` are faster, and leave a part where they "
	 "fail. "
	 "`owner: false` gives all to the connecting role." PLACE_DETAILS,
     .example = "pg.restore(\"/var/backups/app.dump\", database: \"app_test\")",
     .bad_input = "A dump that cannot be read, a database that is missing or not empty, and any error while "
		  "restoring are "
		  "failures.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = pg_restore_start,
     .simulate = pg_restore_simulate,
     .describe = pg_restore_describe,
     .probe = pg_restore_probe},
    {.name = "pg.locks",
     .signature = "(" PLACE ") -> list(pg_lock)",
     .summary = "The locks that other sessions hold or wait for in this database.",
     .details = "Those that wait come first. `age` is that of the transaction." PLACE_DETAILS,
     .example = "count(not l.granted for l in pg.locks()) == 0",
     .bad_input = ERRORS ".",
     .effect = EFFECT_READ,
     .start = locks_start,
     .describe = activity_describe},
    {.name = "pg.replication",
     .signature = "(" PLACE ") -> list(pg_standby)",
     .summary = "The standbys that replicate from this server, and how far they are behind.",
     .details = "`lag` is null where a standby has nothing to do." PLACE_DETAILS,
     .example = "all(s.lag_bytes < 16MiB for s in pg.replication())",
     .bad_input = ERRORS "; without standbys the list is empty.",
     .effect = EFFECT_READ,
     .start = replication_start,
     .describe = activity_describe},
    {.name = "pg.terminate",
     .signature = "(database: string, url: secret string = null, timeout: duration = 30s) -> int",
     .summary = "End all other sessions with a database; how many it were.",
     .details = "Their transactions are rolled back. Clients may connect again at once." PLACE_DETAILS,
     .example = "pg.terminate(\"app\")",
     .bad_input = ERRORS "; a database without sessions gives 0.",
     .effect = EFFECT_CHANGE,
     .flags = BUILTIN_REPEATABLE,
     .settle = SETTLE_REPEAT,
     .start = terminate_start,
     .simulate = terminate_simulate,
     .describe = terminate_describe},
    {.name = "pg.create_database",
     .signature = "(name: string, template: string = null, owner: string = null, " PLACE ")",
     .summary = "Make a database, empty or as a copy of `template`.",
     .details = "`database` is the one to be connected to meanwhile: `postgres` where it is not given. A "
		"copy needs a "
		"template that nobody is connected to." PLACE_DETAILS,
     .example = "pg.create_database(\"app_test\", template: \"template0\")",
     .bad_input = ERRORS ", and a database that exists already.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = create_database_start,
     .describe = create_database_describe,
     .probe = create_database_probe},
    {.name = "pg.drop_database",
     .signature = "(name: string, force: bool = false, " PLACE ")",
     .summary = "Remove a database with all that is in it.",
     .details = "Nobody may be connected to it; `force` ends their sessions. `database` is the one to be "
		"connected to "
		"meanwhile: `postgres` where it is not given." PLACE_DETAILS,
     .example = "pg.drop_database(\"app_test\")",
     .bad_input = ERRORS ", and a database that does not exist or is in use.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = drop_database_start,
     .describe = drop_database_describe,
     .probe = drop_database_probe},
    {.name = "pg.rename_database",
     .signature = "(from: string, to: string, " PLACE ")",
     .summary = "Give a database another name.",
     .details = "Nobody may be connected to it. `database` is the one to be connected to meanwhile: "
		"`postgres` where it is "
		"not given." PLACE_DETAILS,
     .example = "pg.rename_database(\"app\", to: \"app_old\")",
     .bad_input = ERRORS ", a name that is taken, and a database that does not exist or is in use.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = rename_database_start,
     .describe = rename_database_describe,
     .probe = rename_database_probe},
    {.name = "pg.copy_schema",
     .signature =
	 "(from: string, to: string, url: secret string = null, timeout: duration = 10m) -> pg_restored",
     .summary = "Copy the tables and all else of one database, without their rows, to another that is empty.",
     .details = "Both are databases of the same server, and `to` must exist. It happens in a single "
		"transaction." PLACE_DETAILS,
     .example = "pg.copy_schema(from: \"app\", to: \"app_test\")",
     .bad_input = "A database that is missing, and a `to` that is not empty, are failures.",
     .effect = EFFECT_CHANGE,
     .settle = SETTLE_PROBE,
     .start = pg_copy_schema_start,
     .simulate = pg_restore_simulate,
     .describe = pg_copy_schema_describe,
     .probe = pg_copy_schema_probe},
};

static const struct builtin_type pg_types[] = {
    {"pg_exec_result", "{ rows: int }", "What a statement did: the rows that it touched."},
    {"pg_dump_file", "{ path: string, size: size, sha256: string, time: duration }", "A finished dump."},
    {"pg_dump_info",
     "{ path: string, size: size, tables: int, entries: int, format: string, database: string, created: "
     "time, "
     "server: string }",
     "What a dump holds; `server` is the version that it was dumped from."},
    {"pg_restored", "{ tables: int, time: duration }",
     "A filled database: how many tables it has, and how long it took."},
    {"pg_lock",
     "{ pid: int, relation: string, mode: string, granted: bool, waiting_for: list(int), query: string, age: "
     "duration }",
     "A lock; `waiting_for` are the processes that hold it."},
    {"pg_standby", "{ name: string, state: string, lag_bytes: size, lag: duration }",
     "A standby of the server."},
};

const struct builtin_table pg_table = {
    .name = "pg",
    .summary = "PostgreSQL: statements with bind parameters, dumps that are known to be whole, databases.",
    .rows = pg_rows,
    .row_count = sizeof(pg_rows) / sizeof(*pg_rows),
    .types = pg_types,
    .type_count = sizeof(pg_types) / sizeof(*pg_types),
};
