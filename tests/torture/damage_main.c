/*
 * damage_main.c - the state of a small run, cut at every byte and with every byte flipped.
 *
 *     damage [--seed N] [--sample N] FOLDER PLAN
 *
 * The plan is run in simulation over a state in FOLDER (best in memory). Its database, and its log where that
 * is not copied into it yet, are then damaged, one copy for each byte; every copy is opened and the run read
 * as `resume` reads it. What is read must be the first part of what was written, with a row of the run that
 * was once there, or it must be refused with a message. That nothing crashes is seen best under the address
 * sanitizer.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "builtins/tables.h"
#include "cli/keeper.h"
#include "interp/check.h"
#include "interp/drivers.h"
#include "interp/machine.h"
#include "store/state.h"

#define RUN_ID "20260101-000000-abcdef"

struct file {
	char path[300];
	char *bytes;
	size_t length;
};

/* What was written: the rows, and each state of the run's row. */
struct written {
	struct value rows;
	struct value records; /* list of texts */
};

static struct written written;
static long tried, whole, first_part, refused, wrong, sample = 1, seed = 1;
static struct value refusals; /* message -> count */

/* ---- the run ---- */

static struct value record_text(const struct run_record *run)
{
	return value_string_printf("%s|%s|%s|%s|%s|%s|%s|%s|%s|%s|%lld|%lld|%d|%d", run->id, run->file,
				   run->title, run->directory, run->operator_name ? run->operator_name : "-",
				   run->environment ? run->environment : "-", run->version, run->process,
				   run->lock ? run->lock : "-", run->outcome ? run->outcome : "-",
				   (long long)run->started, (long long)run->ended, run->exit, run->changed);
}

static void note_record(const struct run_record *run)
{
	struct value text = record_text(run);

	for (size_t i = 0; i < value_length(written.records); i++)
		if (value_equal(list_peek(written.records, i), text)) {
			value_release(text);
			return;
		}
	list_push(&written.records, text);
}

static struct store *keeper;

static void learn(void *context, const struct event *event)
{
	(void)context;
	keeper_see(keeper, event);
	note_record(keeper_record(keeper));
}

static bool run_plan(const char *database, const char *path)
{
	struct compilation *compilation = compilation_new(&builtin_registry);
	struct redactor *redactor = redactor_new();
	struct driver *driver = simulate_driver_new(&builtin_registry);
	struct machine_options options = {.driver = driver, .run_id = RUN_ID, .operator_name = "operator"};
	struct run_record run = {.id = RUN_ID,
				 .file = (char *)path,
				 .title = "Damage",
				 .directory = "/",
				 .version = "1",
				 .process = "process 1",
				 .operator_name = "operator",
				 .started = SIMULATE_START};
	char error[700];
	struct state *state = state_open(database, error, sizeof(error));
	struct machine *machine;

	if (!state || !check_plan(compilation, path) || !(options.program = compile_program(compilation))) {
		fprintf(stderr, "%s: %s\n", path, state ? "does not check" : error);
		return false;
	}
	keeper = keeper_new(state_begin(state, &run, compilation->sources), redactor);
	options.journal = journal_new(keeper);
	journal_prepare(options.journal, learn, NULL);
	machine = machine_new(&options);
	keeper_locked(keeper, "damage");
	note_record(keeper_record(keeper));
	machine_run(machine);
	note_record(keeper_record(keeper));
	machine_free(machine);
	journal_free(options.journal);
	keeper->ops->free(keeper);
	driver->ops->free(driver);
	program_free((struct program *)options.program);
	compilation_free(compilation);
	redactor_free(redactor);
	state_close(state);
	return true;
}

/* ---- reading ---- */

static bool is_known_record(const struct run_record *run)
{
	struct value text = record_text(run);
	bool known = false;

	for (size_t i = 0; i < value_length(written.records); i++)
		known |= value_equal(list_peek(written.records, i), text);
	if (!known)
		printf("  row: %s\n", value_text_peek(text));
	value_release(text);
	return known;
}

static const char *compare(struct store *rows)
{
	size_t count = rows->ops->count(rows), length;

	if (count > value_length(written.rows))
		return "there are more rows than were written";
	for (size_t i = 0; i < count; i++) {
		const char *row = rows->ops->row_peek(rows, i, &length);
		struct value was = list_peek(written.rows, i);

		if (!row || length != value_length(was) || memcmp(row, value_text_peek(was), length) != 0)
			return "a row is not what was written";
	}
	if (!is_known_record(state_run_record(rows)))
		return "the run's row is not what was written";
	if (count == value_length(written.rows))
		whole++;
	else
		first_part++;
	return NULL;
}

static void refuse(const char *message)
{
	struct value before = record_peek(refusals, message);

	refused++;
	record_set(&refusals, message, value_int(before.tag == VALUE_INT ? before.i + 1 : 1));
}

/* NULL, or what is wrong. */
static const char *read_back(const char *database)
{
	char error[700] = "";
	struct state *state = state_open(database, error, sizeof(error));
	struct run_record run = {0};
	const char *broken = NULL;
	struct store *rows;

	if (!state) {
		refuse(strrchr(error, '/') ? strrchr(error, '/') : error);
		return *error ? NULL : "it was refused without a message";
	}
	if (!state_find(state, RUN_ID, NULL, &run)) {
		refuse(state_error(state));
		broken = *state_error(state) ? NULL : "it was refused without a message";
	} else if (!(rows = state_run_open(state, &run, true))) {
		refuse(state_error(state));
		broken = *state_error(state) ? NULL : "it was refused without a message";
	} else {
		broken = compare(rows);
		rows->ops->free(rows);
	}
	run_record_free(&run);
	state_close(state);
	return broken;
}

/* ---- files ---- */

static bool file_take(struct file *file, const char *folder, const char *name)
{
	struct stat status;
	int fd;

	*file = (struct file){0};
	snprintf(file->path, sizeof(file->path), "%s/%s", folder, name);
	fd = open(file->path, O_RDONLY);
	if (fd < 0 || fstat(fd, &status) != 0)
		return fd >= 0;
	file->length = (size_t)status.st_size;
	file->bytes = malloc(file->length + 1);
	if (read(fd, file->bytes, file->length) != (ssize_t)file->length)
		return false;
	close(fd);
	return true;
}

static void file_put(const char *path, const char *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length) {
		perror(path);
		exit(2);
	}
	close(fd);
}

/* Both as they were, then one of them damaged. */
static void try_one(const struct file *files, int damaged, const char *bytes, size_t length, const char *what,
		    size_t at)
{
	const char *broken;
	char shm[320];

	tried++;
	for (int i = 0; i < 2; i++)
		if (i == damaged)
			file_put(files[i].path, bytes, length);
		else if (files[i].bytes)
			file_put(files[i].path, files[i].bytes, files[i].length);
		else
			unlink(files[i].path);
	snprintf(shm, sizeof(shm), "%s-shm", files[0].path);
	unlink(shm);
	broken = read_back(files[0].path);
	if (broken && ++wrong <= 20)
		printf("BROKEN %s %s at byte %zu: %s\n", strrchr(files[damaged].path, '/') + 1, what, at,
		       broken);
}

static bool chosen(size_t at)
{
	return ((long)at + seed) % sample == 0;
}

static void damage_each(const struct file *files, int damaged)
{
	const struct file *file = &files[damaged];
	char *copy = malloc(file->length + 1);

	for (size_t at = 0; at < file->length; at++) {
		if (chosen(at))
			try_one(files, damaged, file->bytes, at, "cut", at);
		if (!chosen(at + 1))
			continue;
		memcpy(copy, file->bytes, file->length);
		copy[at] ^= (char)(1u << (at * 5 + (size_t)seed) % 8);
		try_one(files, damaged, copy, file->length, "with a flipped bit", at);
		copy[at] = (char)~file->bytes[at];
		try_one(files, damaged, copy, file->length, "with an inverted byte", at);
	}
	free(copy);
}

static void keep_rows(const char *database)
{
	char error[700];
	struct state *state = state_open(database, error, sizeof(error));
	struct run_record run = {0};
	struct store *rows =
	    state && state_find(state, RUN_ID, NULL, &run) ? state_run_open(state, &run, false) : NULL;
	size_t length;

	if (!rows) {
		fprintf(stderr, "the run cannot be read: %s\n", state ? state_error(state) : error);
		exit(2);
	}
	for (size_t i = 0; i < rows->ops->count(rows); i++) {
		const char *row = rows->ops->row_peek(rows, i, &length);
		list_push(&written.rows, value_string_n(row, length));
	}
	rows->ops->free(rows);
	run_record_free(&run);
	state_close(state);
}

/* The log copied into the database, as it is now and then. */
static void checkpoint(const char *database)
{
	void *library = dlopen("libsqlite3.so.0", RTLD_NOW);
	int (*open_db)(const char *, void **) = dlsym(library, "sqlite3_open");
	int (*execute)(void *, const char *, void *, void *, void *) = dlsym(library, "sqlite3_exec");
	int (*close_db)(void *) = dlsym(library, "sqlite3_close");
	void *db;

	if (open_db(database, &db) != 0 ||
	    execute(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL) != 0) {
		fprintf(stderr, "%s cannot be checkpointed\n", database);
		exit(2);
	}
	close_db(db);
}

int main(int argc, char **argv)
{
	struct timespec from, to;
	struct file files[2];
	char database[300];
	int i = 1;

	for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
		if (strcmp(argv[i], "--seed") == 0)
			seed = atol(argv[i + 1]);
		else if (strcmp(argv[i], "--sample") == 0)
			sample = atol(argv[i + 1]);
	}
	if (argc - i != 2)
		return fprintf(stderr, "usage: damage [--seed N] [--sample N] FOLDER PLAN\n"), 2;
	written = (struct written){list_new(64), list_new(16)};
	refusals = record_new(16);
	snprintf(database, sizeof(database), "%s/runplan.db", argv[i]);
	if (!run_plan(database, argv[i + 1]))
		return 2;
	keep_rows(database);
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int log = 1; log >= 0; log--) {
		if (!file_take(&files[0], argv[i], "runplan.db") ||
		    (log && !file_take(&files[1], argv[i], "runplan.db-wal")))
			return perror("the state"), 2;
		printf("%s: a database of %zu bytes, its log of %zu, %zu rows\n",
		       log ? "with the log" : "copied back", files[0].length, log ? files[1].length : 0,
		       value_length(written.rows));
		if (log) {
			damage_each(files, 1);
			damage_each(files, 0);
			file_put(files[0].path, files[0].bytes, files[0].length);
			file_put(files[1].path, files[1].bytes, files[1].length);
			checkpoint(database);
		} else {
			free(files[1].bytes);
			files[1].bytes = NULL;
			damage_each(files, 0);
		}
		free(files[0].bytes);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	for (size_t r = 0; r < value_length(refusals); r++)
		printf("  %6lld refused: %s\n", (long long)record_value_peek(refusals, r).i,
		       record_key_peek(refusals, r));
	printf("damaged states, seed %ld: %ld read in %.1f s; whole %ld, a first part %ld, refused %ld, "
	       "wrong %ld\n",
	       seed, tried, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
	       whole, first_part, refused, wrong);
	printf("%ld passed, %ld failed\n", tried - wrong, wrong);
	value_release(written.rows);
	value_release(written.records);
	value_release(refusals);
	return wrong != 0 || tried == 0;
}
