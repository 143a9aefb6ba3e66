/*
 * pg_dump.c - pg.dump and pg.inspect.
 *
 * A dump is written to PATH.part, read back whole, synced, and only then given its name (part.h). pg_dump
 * writes to a descriptor of its own that does not hold the lock: where it outlives us, it goes on into a file
 * that has no name any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builtins/disk.h"
#include "builtins/part.h"
#include "builtins/pg_inner.h"
#include "builtins/words.h"

/* A table of contents has about 100 bytes a line; this is for some 600,000 entries. */
#define LIST_MAX (64 * 1024 * 1024)

enum { DUMP_TO, DUMP_SCHEMA_ONLY, DUMP_TABLES, DUMP_LOCK_TIMEOUT, DUMP_URL, DUMP_DATABASE, DUMP_TIMEOUT };

struct dump {
	struct pg_program program;
	struct part part;
	int output_fd;		       /* pg_dump's; -1: none */
	bool ok;		       /* of the work on the thread */
	struct value message, details; /* of a failure, while the .part is being removed */
};

static void dump_free(void *state)
{
	struct dump *dump = state;

	if (dump->output_fd >= 0)
		close(dump->output_fd);
	part_free(&dump->part);
	pg_program_free(&dump->program);
	value_release(dump->message);
	value_release(dump->details);
	free(dump);
}

/* ---- on the thread ---- */

static void prepare_work(void *context)
{
	struct dump *dump = context;

	if (!part_open(&dump->part))
		return;
	dump->output_fd = open(dump->part.name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	dump->ok = dump->output_fd >= 0 || disk_failed("write", dump->part.name, errno, dump->part.error);
}

static void finish_work(void *context)
{
	struct dump *dump = context;

	dump->ok = part_digest(&dump->part) && part_name(&dump->part);
}

static void remove_work(void *context)
{
	part_drop(&((struct dump *)context)->part);
}

/* ---- on the loop ---- */

static void removed(void *context)
{
	struct dump *dump = context;

	call_failed_with(dump->program.call, value_copy(dump->details), "%s", value_text_peek(dump->message));
}

/* Consumes both. The call ends when the .part is gone. */
static void dump_abandon(struct dump *dump, struct value message, struct value details)
{
	dump->message = message;
	dump->details = details;
	live_work(dump->program.call->live, remove_work, removed, dump);
}

static void finished(void *context)
{
	struct dump *dump = context;
	struct value answer;

	if (!dump->ok) {
		dump_abandon(dump, value_string(dump->part.error), value_null());
		return;
	}
	answer = record_new(4);
	record_set(&answer, "path", value_string(dump->part.path));
	record_set(&answer, "size", value_size(dump->part.size));
	record_set(&answer, "sha256", value_string(dump->part.sha256));
	record_set(&answer, "time", value_duration(pg_program_elapsed(&dump->program)));
	call_ok(dump->program.call, answer);
}

static void verified(void *context, const struct process_result *result)
{
	struct dump *dump = context;
	struct value message, details;

	if (pg_program_ok(&dump->program, "pg_restore, reading the dump back,", result, &message, &details)) {
		dump->ok = false;
		live_work(dump->program.call->live, finish_work, finished, dump);
	} else {
		dump_abandon(dump, message, details);
	}
}

static void written(void *context, const struct process_result *result)
{
	struct dump *dump = context;
	const char *argv[] = {"pg_restore", "--file=/dev/null", "--", dump->part.name, NULL};
	struct value message, details;

	if (pg_program_ok(&dump->program, "pg_dump", result, &message, &details))
		pg_program_run(&dump->program, argv, 0, 0, 0, verified, dump);
	else
		dump_abandon(dump, message, details);
}

/* A table's name as pg_dump's pattern that fits it alone: quotes keep * and ? from meaning more. */
static struct value table_option(struct value table)
{
	const char *text = value_text_peek(table), *dot = strchr(text, '.');
	struct buffer option = {0};

	buffer_add_text(&option, "--table=");
	if (table.flags & VALUE_SQL_NAME) {
		buffer_add(&option, text, value_length(table));
		return buffer_finish(&option);
	}
	if (dot) {
		pg_add_name(&option, text, (size_t)(dot - text));
		buffer_add_byte(&option, '.');
		text = dot + 1;
	}
	pg_add_name(&option, text, strlen(text));
	return buffer_finish(&option);
}

/* The command, as a list of strings; the connection string comes last. */
static struct value dump_command(const struct value *args, struct value conninfo)
{
	struct value command = list_new(8);
	size_t i;

	list_push(&command, value_string("pg_dump"));
	list_push(&command, value_string("--format=custom"));
	list_push(&command, value_string("--no-password"));
	if (value_truthy(args[DUMP_SCHEMA_ONLY]))
		list_push(&command, value_string("--schema-only"));
	if (args[DUMP_LOCK_TIMEOUT].tag == VALUE_DURATION)
		list_push(&command, value_string_printf("--lock-wait-timeout=%" PRId64,
							(args[DUMP_LOCK_TIMEOUT].i + 999999) / 1000000));
	for (i = 0; i < value_length(args[DUMP_TABLES]); i++)
		list_push(&command, table_option(list_peek(args[DUMP_TABLES], i)));
	if (conninfo.tag == VALUE_STRING)
		list_push(&command, value_string_printf("--dbname=%s", value_text_peek(conninfo)));
	return command;
}

static void dump_run(struct dump *dump)
{
	struct value command = dump_command(dump->program.call->args, dump->program.conninfo);
	size_t i, count = value_length(command);
	const char **argv = memory_need(calloc(count + 1, sizeof(*argv)));
	int output_fd = dump->output_fd;

	for (i = 0; i < count; i++)
		argv[i] = value_text_peek(list_peek(command, i));
	dump->output_fd = -1;
	pg_program_run(&dump->program, argv, 0, output_fd, 0, written, dump);
	free(argv);
	value_release(command);
}

static void prepared(void *context)
{
	struct dump *dump = context;

	if (!dump->ok)
		dump_abandon(dump, value_string(dump->part.error), value_null());
	else
		dump_run(dump);
}

static void dump_cancel(struct effect_call *call)
{
	pg_program_stop(&((struct dump *)call->state)->program);
}

static bool tables_fit(struct effect_call *call)
{
	struct value tables = call_arg(call, DUMP_TABLES);
	size_t i;

	for (i = 0; i < value_length(tables); i++) {
		struct value table = list_peek(tables, i);

		if (table.tag != VALUE_STRING || value_length(table) == 0 ||
		    strlen(value_text_peek(table)) != value_length(table)) {
			call_failed(call, "tables: needs names of tables");
			return false;
		}
	}
	return true;
}

void pg_dump_start(struct effect_call *call)
{
	struct dump *dump;

	if (!part_path_fits(call, DUMP_TO) || !tables_fit(call))
		return;
	dump = memory_need(calloc(1, sizeof(*dump)));
	dump->output_fd = -1;
	dump->message = dump->details = value_null();
	part_init(&dump->part, "pg.dump", call_text(call, DUMP_TO));
	call->state = dump;
	call->free_state = dump_free;
	if (!pg_program_init(&dump->program, call, call_arg(call, DUMP_URL), call_text(call, DUMP_DATABASE),
			     call_int(call, DUMP_TIMEOUT, 0)))
		return;
	call->cancel = dump_cancel;
	live_work(call->live, prepare_work, prepared, dump);
}

/* ---- pg.dump without the world, and later ---- */

void pg_dump_probe(struct effect_call *call)
{
	part_probe(call, DUMP_TO);
}

struct value pg_dump_simulate(const struct effect_request *request)
{
	struct value answer = record_new(4);

	record_set(&answer, "path", value_copy(request->args[DUMP_TO]));
	record_set(&answer, "size", value_unknown());
	record_set(&answer, "sha256", value_unknown());
	record_set(&answer, "time", value_duration(0));
	return answer;
}

struct value pg_dump_describe(const struct effect_request *request)
{
	struct value command = dump_command(request->args, value_null());
	struct buffer line = {0};

	words_add_list(&line, command);
	words_add_value(&line, request->args[DUMP_DATABASE]);
	words_add(&line, ">");
	words_add_value(&line, request->args[DUMP_TO]);
	value_release(command);
	return buffer_finish(&line);
}

/* ---- pg.inspect ---- */

enum { INSPECT_PATH, INSPECT_TIMEOUT };

struct inspect {
	struct pg_program program;
	bool ok;
	char error[DISK_ERROR];
	int64_t size;
	struct value answer;
};

static void inspect_free(void *state)
{
	struct inspect *inspect = state;

	pg_program_free(&inspect->program);
	value_release(inspect->answer);
	free(inspect);
}

static void inspect_fail(struct inspect *inspect, struct value message, struct value details)
{
	call_failed_with(inspect->program.call, details, "%s", value_text_peek(message));
	value_release(message);
}

static void inspect_read(void *context, const struct process_result *result)
{
	struct inspect *inspect = context;
	struct value message, details;

	if (pg_program_ok(&inspect->program, "pg_restore", result, &message, &details)) {
		call_ok(inspect->program.call, inspect->answer);
		inspect->answer = value_null();
	} else {
		inspect_fail(inspect, message, details);
	}
}

/* "2026-01-31 12:00:00 UTC", as TZ is set. */
static struct value created_time(const char *text, size_t length)
{
	char copy[40];
	struct tm tm = {0};
	const char *end;

	snprintf(copy, sizeof(copy), "%.*s", (int)length, text);
	end = strptime(copy, "%Y-%m-%d %H:%M:%S", &tm);
	return end && strcmp(end, " UTC") == 0 ? value_time((int64_t)timegm(&tm) * 1000000000) : value_null();
}

/* The header's lines are comments, "; Archive created at ..." and ";     dbname: ...". */
static void list_header(struct value *answer, const char *line, size_t length)
{
	static const struct {
		const char *label, *field;
	} texts[] = {
	    {"dbname: ", "database"}, {"Format: ", "format"}, {"Dumped from database version: ", "server"}};
	static const char created[] = "Archive created at ";
	size_t i, skip = 1;

	while (skip < length && line[skip] == ' ')
		skip++;
	line += skip;
	length -= skip;
	if (length > sizeof(created) - 1 && strncmp(line, created, sizeof(created) - 1) == 0)
		record_set(answer, "created",
			   created_time(line + sizeof(created) - 1, length - (sizeof(created) - 1)));
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t label = strlen(texts[i].label);

		if (length >= label && strncmp(line, texts[i].label, label) == 0)
			record_set(answer, texts[i].field, value_string_n(line + label, length - label));
	}
}

/* "215; 1259 16386 TABLE public users owner"; "TABLE DATA" and "TABLE ATTACH" are other things. */
static bool is_table_entry(const char *line, size_t length)
{
	const char *end = line + length, *at = memchr(line, ';', length);
	int numbers;

	for (numbers = 0; at && numbers < 2; numbers++)
		at = at + 1 < end ? memchr(at + 2, ' ', (size_t)(end - at - 2 > 0 ? end - at - 2 : 0)) : NULL;
	return at && end - at > 7 && strncmp(at, " TABLE ", 7) == 0 && strncmp(at, " TABLE DATA ", 12) != 0 &&
	       strncmp(at, " TABLE ATTACH ", 14) != 0;
}

static struct value list_read(const char *path, int64_t size, const char *text)
{
	struct value answer = record_new(8);
	int64_t tables = 0, entries = 0;

	record_set(&answer, "path", value_string(path));
	record_set(&answer, "size", value_size(size));
	record_set(&answer, "tables", value_int(0));
	record_set(&answer, "entries", value_int(0));
	record_set(&answer, "format", value_null());
	record_set(&answer, "database", value_null());
	record_set(&answer, "created", value_null());
	record_set(&answer, "server", value_null());
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (text[0] == ';') {
			list_header(&answer, text, length);
		} else if (length > 0) {
			entries++;
			tables += is_table_entry(text, length);
		}
		text += length + (text[length] == '\n');
	}
	record_set(&answer, "tables", value_int(tables));
	record_set(&answer, "entries", value_int(entries));
	return answer;
}

static void inspect_listed(void *context, const struct process_result *result)
{
	struct inspect *inspect = context;
	struct effect_call *call = inspect->program.call;
	const char *argv[] = {"pg_restore", "--file=/dev/null", "--", call_text(call, INSPECT_PATH), NULL};
	struct value message, details;

	if (!pg_program_ok(&inspect->program, "pg_restore", result, &message, &details)) {
		inspect_fail(inspect, message, details);
		return;
	}
	if (result->truncated) {
		call_failed(call, "the dump's table of contents is longer than 64MiB");
		return;
	}
	inspect->answer = list_read(call_text(call, INSPECT_PATH), inspect->size, result->out);
	pg_program_run(&inspect->program, argv, 0, 0, 0, inspect_read, inspect);
}

static void inspect_work(void *context)
{
	struct inspect *inspect = context;
	const char *path = call_text(inspect->program.call, INSPECT_PATH);
	struct stat status;

	if (stat(path, &status) != 0)
		disk_failed("read", path, errno, inspect->error);
	else if (!S_ISREG(status.st_mode))
		snprintf(inspect->error, sizeof(inspect->error), "%.300s is not a file", path);
	else
		inspect->ok = true;
	inspect->size = inspect->ok ? status.st_size : 0;
}

static void inspect_looked(void *context)
{
	struct inspect *inspect = context;
	struct effect_call *call = inspect->program.call;
	const char *argv[] = {"pg_restore", "--list", "--", call_text(call, INSPECT_PATH), NULL};

	if (inspect->ok)
		pg_program_run(&inspect->program, argv, 0, 0, LIST_MAX, inspect_listed, inspect);
	else
		call_failed(call, "%s", inspect->error);
}

static void inspect_cancel(struct effect_call *call)
{
	pg_program_stop(&((struct inspect *)call->state)->program);
}

void pg_inspect_start(struct effect_call *call)
{
	struct inspect *inspect;

	if (!part_path_fits(call, INSPECT_PATH))
		return;
	inspect = memory_need(calloc(1, sizeof(*inspect)));
	inspect->answer = value_null();
	call->state = inspect;
	call->free_state = inspect_free;
	if (!pg_program_init(&inspect->program, call, value_null(), NULL, call_int(call, INSPECT_TIMEOUT, 0)))
		return;
	call->cancel = inspect_cancel;
	live_work(call->live, inspect_work, inspect_looked, inspect);
}

struct value pg_inspect_simulate(const struct effect_request *request)
{
	struct value answer = list_read(value_text_peek(request->args[INSPECT_PATH]), 0, "");
	static const char *const unknown[] = {"size",	  "tables",  "entries", "format",
					      "database", "created", "server"};
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(*unknown); i++)
		record_set(&answer, unknown[i], value_unknown());
	record_set(&answer, "path", value_copy(request->args[INSPECT_PATH]));
	return answer;
}

struct value pg_inspect_describe(const struct effect_request *request)
{
	struct buffer line = {0};

	words_add(&line, "pg_restore --file=/dev/null");
	words_add_value(&line, request->args[INSPECT_PATH]);
	return buffer_finish(&line);
}
