/* state.c - see state.h. */
#include "store/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interp/buffer.h"
#include "store/chain.h"
#include "store/db.h"

#define SCHEMA 1 /* the newest version that this program knows */

struct state {
	struct db *db;
};

/* A run's rows: those that were read, and those that wait for a sync. */
struct run_store {
	struct store base;
	struct state *state;
	struct run_record record;
	const struct sources *sources; /* to be written with the first sync; else NULL */
	struct value rows;	       /* read: a list of strings */
	struct buffer pending;
	int64_t entries;
	size_t count;
	unsigned char link[CHAIN_BYTES]; /* of what is on record */
	unsigned char next[CHAIN_BYTES]; /* of that and of what is being written */
	/* Hash of the last entry on record, hash and seal of the one that is being written. */
	unsigned char last[CHAIN_BYTES], hash[2 * CHAIN_BYTES];
	unsigned char seal[CHAIN_BYTES],
	    sealed[CHAIN_BYTES]; /* read: the newest seal, and the link it stands on */
	bool has_seal;
	int64_t session; /* db->sessions, as it was when we wrote last */
	bool owned, touched, broken;
	bool begun; /* the run is on record */
};

static struct run_store *run_of(struct store *store)
{
	return (struct run_store *)store; /* base comes first */
}

/* ---- records ---- */

static char *copy_text(const char *text)
{
	return text ? memory_need(strdup(text)) : NULL;
}

void run_record_free(struct run_record *run)
{
	free(run->id);
	free(run->file);
	free(run->title);
	free(run->directory);
	free(run->operator_name);
	free(run->environment);
	free(run->version);
	free(run->process);
	free(run->lock);
	free(run->outcome);
	*run = (struct run_record){0};
}

static struct run_record record_copy(const struct run_record *run)
{
	struct run_record copy = *run;

	copy.id = copy_text(run->id);
	copy.file = copy_text(run->file);
	copy.title = copy_text(run->title);
	copy.directory = copy_text(run->directory);
	copy.operator_name = copy_text(run->operator_name);
	copy.environment = copy_text(run->environment);
	copy.version = copy_text(run->version);
	copy.process = copy_text(run->process);
	copy.lock = copy_text(run->lock);
	copy.outcome = copy_text(run->outcome);
	return copy;
}

struct db_value db_text(const char *text)
{
	return text ? (struct db_value){.type = DB_TEXT, .bytes = text, .length = strlen(text)}
		    : (struct db_value){.type = DB_NULL};
}

static char *text_of(const struct db_value *value)
{
	if (value->type == DB_NULL || !value->bytes)
		return NULL;
	return memory_need(strndup(value->bytes, value->length));
}

#define RUN_COLUMNS                                                                                          \
	"number, id, file, title, directory, operator, environment, version, process, lock, outcome, "       \
	"started, ended, exit, changed"

static void take_record(const struct db_value *v, struct run_record *run)
{
	*run = (struct run_record){
	    .number = v[0].i,
	    .id = text_of(&v[1]),
	    .file = text_of(&v[2]),
	    .title = text_of(&v[3]),
	    .directory = text_of(&v[4]),
	    .operator_name = text_of(&v[5]),
	    .environment = text_of(&v[6]),
	    .version = text_of(&v[7]),
	    .process = text_of(&v[8]),
	    .lock = text_of(&v[9]),
	    .outcome = text_of(&v[10]),
	    .started = v[11].i,
	    .ended = v[12].i,
	    .exit = (int)v[13].i,
	    .changed = v[14].i != 0,
	};
}

/* ---- opening ---- */

static bool wrong(struct state *state, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct state *state, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(state->db->error, sizeof(state->db->error), format, list);
	va_end(list);
	return false;
}

/* `run` inside a transaction of its own. */
static bool in_transaction(struct state *state, bool (*work)(struct state *state, void *context),
			   void *context)
{
	struct db *db = state->db;

	if (!db->ops->begin(db))
		return false;
	if (work(state, context) && db->ops->commit(db))
		return true;
	db->ops->undo(db);
	return false;
}

static bool run_sql(struct state *state, const char *sql, const struct db_value *values, size_t count)
{
	return state->db->ops->run(state->db, sql, values, count, NULL, NULL);
}

static bool schema_version(struct state *state, int64_t *version)
{
	*version = 0;
	if (!state->db->ops->version(state->db, version))
		return false;
	if (*version < 0)
		return wrong(state, "it is no state of runplan, or damaged: its schema is number %" PRId64,
			     *version);
	return *version <= SCHEMA || wrong(state,
					   "it was written by a newer runplan (its schema is number %" PRId64
					   ", this program knows up to %d): use that one",
					   *version, SCHEMA);
}

/* Another process may have done it in between. */
static bool migrate(struct state *state, void *context)
{
	struct db *db = state->db;
	int64_t version;

	(void)context;
	if (!schema_version(state, &version))
		return false;
	for (; version < SCHEMA; version++)
		if (!db->ops->script(db, db->ops->schema(version)))
			return false;
	return true;
}

static bool set_up(struct state *state)
{
	int64_t version;

	return schema_version(state, &version) && (version == SCHEMA || in_transaction(state, migrate, NULL));
}

struct state *state_open(const char *place, char *error, size_t size)
{
	struct state *state = memory_need(calloc(1, sizeof(*state)));
	bool remote = strncmp(place, "postgres://", 11) == 0 || strncmp(place, "postgresql://", 13) == 0;

	state->db = remote ? db_postgres_open(place, error, size) : db_sqlite_open(place, error, size);
	if (!state->db) {
		free(state);
		return NULL;
	}
	if (set_up(state))
		return state;
	snprintf(error, size, "%s%s%s", remote ? "" : place, remote ? "" : ": ", state->db->error);
	state_close(state);
	return NULL;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	state->db->ops->free(state->db);
	free(state);
}

const char *state_error(const struct state *state)
{
	return state->db->error;
}

/* ---- writing rows ---- */

static bool run_append(struct store *store, const char *row, size_t length)
{
	struct run_store *run = run_of(store);

	buffer_add(&run->pending, row, length);
	buffer_add_byte(&run->pending, '\n');
	run->count++;
	return !run->broken;
}

static bool link_add(struct run_store *run, unsigned char link[CHAIN_BYTES], const char *text, size_t length)
{
	struct db *db = run->state->db;

	return chain_add(link, text, length, db->error, sizeof(db->error));
}

static bool is_written(const struct source *source)
{
	/* Not: a signature, a value of the command line. */
	return source->path[0] != '<' || strcmp(source->path, "<stdin>") == 0;
}

/* What the first entry stands on. */
static bool link_start(struct run_store *run)
{
	const char *id = run->record.id;

	if (!link_add(run, run->next, id, strlen(id)))
		return false;
	for (uint32_t i = 0; i < run->sources->count; i++) {
		const struct source *source = source_get(run->sources, i);

		if (is_written(source) && (!link_add(run, run->next, source->path, strlen(source->path)) ||
					   !link_add(run, run->next, source->text, source->length)))
			return false;
	}
	return true;
}

static void seal_text(struct buffer *text, const char *field)
{
	buffer_printf(text, field ? "%zu:%s," : "-,", field ? strlen(field) : 0, field);
}

/* What is known of the run as it is at this link. */
static bool seal_make(struct run_store *run, const struct run_record *record,
		      const unsigned char link[CHAIN_BYTES], unsigned char seal[CHAIN_BYTES])
{
	const char *const texts[] = {
	    record->id,		 record->file,	  record->title,   record->directory, record->operator_name,
	    record->environment, record->version, record->process, record->lock,      record->outcome};
	struct db *db = run->state->db;
	struct buffer text = {0};
	bool good;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		seal_text(&text, texts[i]);
	buffer_printf(&text, "%" PRId64 ",%" PRId64 ",%d,%d", record->started, record->ended, record->exit,
		      record->changed);
	memcpy(seal, link, CHAIN_BYTES);
	good = chain_add(seal, buffer_text(&text), text.length, db->error, sizeof(db->error));
	buffer_free(&text);
	return good;
}

/* Where the run's row has changed, the entry has a seal on it behind its hash. */
static bool link_next(struct run_store *run)
{
	unsigned char *seal = run->hash + CHAIN_BYTES;

	memcpy(run->next, run->link, sizeof(run->next));
	if (!(run->begun || link_start(run)) ||
	    !link_add(run, run->next, buffer_text(&run->pending), run->pending.length))
		return false;
	memcpy(run->hash, run->next, CHAIN_BYTES);
	return !run->touched || (seal_make(run, &run->record, run->hash, seal) &&
				 link_add(run, run->next, (const char *)seal, CHAIN_BYTES));
}

static bool take_number(void *context, const struct db_value *values, size_t count)
{
	(void)count;
	*(int64_t *)context = values[0].i;
	return false;
}

static bool write_sources(struct run_store *run)
{
	for (uint32_t i = 0; i < run->sources->count; i++) {
		const struct source *source = source_get(run->sources, i);
		if (!is_written(source))
			continue;
		const struct db_value values[] = {DB_INT_OF(run->record.number), DB_INT_OF(i),
						  db_text(source->path),
						  DB_BYTES_OF(source->text, source->length)};

		if (!run_sql(run->state,
			     "INSERT INTO source (run, number, path, text) VALUES ($1, $2, $3, $4)", values,
			     4))
			return false;
	}
	return true;
}

static bool own_run(struct run_store *run)
{
	struct db *db = run->state->db;

	switch (db->ops->own(db, run->record.number)) {
	case DB_OWNED:
		run->owned = true;
		return true;
	case DB_BUSY:
		return wrong(run->state, "run %s is still under way (%s)", run->record.id,
			     run->record.process ? run->record.process : "in another process");
	case DB_FAILED:
		break;
	}
	return false;
}

static bool write_run(struct run_store *run)
{
	const struct run_record *record = &run->record;
	struct db *db = run->state->db;
	const struct db_value values[] = {
	    db_text(record->id),	db_text(record->file),		db_text(record->title),
	    db_text(record->directory), db_text(record->operator_name), db_text(record->environment),
	    db_text(record->version),	DB_INT_OF(record->started),	db_text(record->process),
	};

	if (!db->ops->run(
		db,
		"INSERT INTO run (id, file, title, directory, operator, environment, version, started,"
		" process, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) RETURNING number",
		values, 9, take_number, &run->record.number))
		return false;
	return own_run(run) && write_sources(run);
}

static bool write_record(struct run_store *run)
{
	const struct run_record *record = &run->record;
	const struct db_value values[] = {
	    DB_INT_OF(record->number), db_text(record->lock),	DB_INT_OF(record->changed),
	    db_text(record->outcome),  DB_INT_OF(record->exit), DB_INT_OF(record->ended),
	    db_text(record->process),
	};

	return run_sql(
	    run->state,
	    "UPDATE run SET lock = $2, changed = $3, outcome = $4, exit = $5, ended = $6, process = $7"
	    " WHERE number = $1",
	    values, 7);
}

static bool write_entry(struct run_store *run)
{
	const struct db_value values[] = {
	    DB_INT_OF(run->record.number), DB_INT_OF(run->entries),
	    DB_BYTES_OF(buffer_text(&run->pending), run->pending.length),
	    DB_BYTES_OF((const char *)run->hash, run->touched ? sizeof(run->hash) : CHAIN_BYTES)};

	return run_sql(run->state, "INSERT INTO entry (run, number, lines, hash) VALUES ($1, $2, $3, $4)",
		       values, 4);
}

/* The end of a record, as it is found after a connection was lost. */
struct ending {
	struct run_store *run;
	bool last;  /* what we wrote before is there */
	bool next;  /* and what was being written */
	bool other; /* or something else */
};

static bool take_end(void *context, const struct db_value *v, size_t count)
{
	struct ending *ending = context;
	struct run_store *run = ending->run;
	bool whole = v[1].length == CHAIN_BYTES || v[1].length == sizeof(run->hash);

	(void)count;
	if (whole && v[0].i == run->entries - 1 && memcmp(v[1].bytes, run->last, CHAIN_BYTES) == 0)
		ending->last = true;
	else if (whole && v[0].i == run->entries && memcmp(v[1].bytes, run->hash, CHAIN_BYTES) == 0)
		ending->next = true;
	else
		ending->other = true;
	return true;
}

/*
 * The connection was lost, and is made anew: has what was being written come to be, and is the rest as it
 * was? Both are seen now, as nothing of the old connection is alive (db_postgres.c). *written: there is
 * nothing more to do.
 */
static bool find_end(struct run_store *run, bool *written)
{
	struct db *db = run->state->db;
	const struct db_value named[] = {db_text(run->record.id)};
	struct ending ending = {.run = run};

	if (!run->begun && !db->ops->run(db, "SELECT number FROM run WHERE id = $1", named, 1, take_number,
					 &run->record.number))
		return false;
	if (!run->begun && run->record.number == 0)
		return true;
	const struct db_value values[] = {DB_INT_OF(run->record.number), DB_INT_OF(run->entries - 1)};

	if (!own_run(run) ||
	    !db->ops->run(db,
			  "SELECT number, hash FROM entry WHERE run = $1 AND number >= $2 ORDER BY number",
			  values, 2, take_end, &ending))
		return false;
	if (ending.other)
		return wrong(
		    run->state,
		    "the connection to the database was lost, and another process has gone on with run %s "
		    "meanwhile",
		    run->record.id);
	if (run->entries > 0 && !ending.last)
		return wrong(
		    run->state,
		    "the connection to the database was lost, and now it lacks what it had kept of run %s "
		    "before",
		    run->record.id);
	*written = ending.next;
	return true;
}

static bool write_all(struct state *state, void *context)
{
	struct run_store *run = context;
	bool written = false;

	if (run->session != state->db->sessions && !find_end(run, &written))
		return false;
	if (written)
		return true;
	if (run->record.number == 0 && !write_run(run))
		return false;
	if (run->touched && !write_record(run))
		return false;
	return write_entry(run);
}

static void let_go(struct run_store *run)
{
	struct db *db = run->state->db;

	if (run->owned)
		db->ops->disown(db, run->record.number);
	run->owned = false;
}

/* Nearly always it is an entry alone. */
static bool write_once(struct run_store *run)
{
	struct state *state = run->state;

	if (state->db->ops->commits && run->begun && !run->touched)
		return write_entry(run);
	return in_transaction(state, write_all, run);
}

#define ATTEMPTS 10 /* at a database that can be reached, and is lost again each time */

static bool write_durably(struct run_store *run)
{
	struct state *state = run->state;

	for (int i = 0; i < ATTEMPTS; i++) {
		if (write_once(run))
			return true;
		if (!run->begun) {
			let_go(run);
			run->record.number = 0;
		}
		if (!state->db->lost)
			return false;
	}
	return false;
}

static bool run_sync(struct store *store)
{
	struct run_store *run = run_of(store);

	if (run->broken)
		return false;
	if (run->pending.length == 0 && !run->touched)
		return true;
	run->broken = !link_next(run) || !write_durably(run);
	if (run->broken)
		return false;
	memcpy(run->link, run->next, sizeof(run->link));
	memcpy(run->last, run->hash, sizeof(run->last));
	run->session = run->state->db->sessions;
	run->begun = true;
	run->entries++;
	run->touched = false;
	buffer_cut(&run->pending, 0);
	return true;
}

/* ---- reading them ---- */

struct reading {
	struct run_store *run;
	bool good;
};

static bool take_lines(struct run_store *run, const char *lines, size_t length)
{
	const char *end = lines + length, *line_end;

	for (; lines < end; lines = line_end + 1) {
		line_end = memchr(lines, '\n', (size_t)(end - lines));
		if (!line_end)
			return false;
		list_push(&run->rows, value_string_n(lines, (size_t)(line_end - lines)));
		run->count++;
	}
	return true;
}

static bool take_seal(struct run_store *run, const char *seal)
{
	memcpy(run->seal, seal, CHAIN_BYTES);
	memcpy(run->sealed, run->link, CHAIN_BYTES);
	run->has_seal = true;
	return link_add(run, run->link, seal, CHAIN_BYTES);
}

static bool take_entry(void *context, const struct db_value *v, size_t count)
{
	struct reading *reading = context;
	struct run_store *run = reading->run;

	(void)count;
	reading->good = v[0].i == run->entries &&
			(v[2].length == CHAIN_BYTES || v[2].length == 2 * CHAIN_BYTES) &&
			link_add(run, run->link, v[1].bytes, v[1].length) &&
			memcmp(run->link, v[2].bytes, CHAIN_BYTES) == 0;
	memcpy(run->last, run->link, sizeof(run->last));
	reading->good = reading->good &&
			(v[2].length == CHAIN_BYTES || take_seal(run, v[2].bytes + CHAIN_BYTES)) &&
			take_lines(run, v[1].bytes, v[1].length);
	run->entries++;
	return reading->good;
}

static bool take_source(void *context, const struct db_value *v, size_t count)
{
	struct reading *reading = context;

	(void)count;
	reading->good = link_add(reading->run, reading->run->link, v[0].bytes, v[0].length) &&
			link_add(reading->run, reading->run->link, v[1].bytes, v[1].length);
	return reading->good;
}

static bool read_entries(struct run_store *run)
{
	const struct db_value values[] = {DB_INT_OF(run->record.number), DB_INT_OF(run->entries)};
	struct reading reading = {.run = run, .good = true};
	struct db *db = run->state->db;

	if (!db->ops->run(
		db, "SELECT number, lines, hash FROM entry WHERE run = $1 AND number >= $2 ORDER BY number",
		values, 2, take_entry, &reading))
		return false;
	if (!reading.good)
		return wrong(run->state,
			     "the record of %s is damaged: entry %" PRId64
			     " is not what was written (or one before it is missing); it is left as it is",
			     run->record.id, run->entries - 1);
	return true;
}

static bool read_sources(struct run_store *run)
{
	const struct db_value values[] = {DB_INT_OF(run->record.number)};
	struct reading reading = {.run = run, .good = true};
	struct db *db = run->state->db;

	return link_add(run, run->link, run->record.id, strlen(run->record.id)) &&
	       db->ops->run(db, "SELECT path, text FROM source WHERE run = $1 ORDER BY number", values, 1,
			    take_source, &reading) &&
	       reading.good;
}

static bool take_row(void *context, const struct db_value *v, size_t count)
{
	(void)count;
	take_record(v, context);
	return false;
}

static bool seal_holds(struct run_store *run)
{
	const struct db_value values[] = {DB_INT_OF(run->record.number)};
	struct run_record record = {0};
	unsigned char seal[CHAIN_BYTES];
	bool good =
	    run->state->db->ops->run(run->state->db, "SELECT " RUN_COLUMNS " FROM run WHERE number = $1",
				     values, 1, take_row, &record) &&
	    record.id && strcmp(record.id, run->record.id) == 0 && run->has_seal &&
	    seal_make(run, &record, run->sealed, seal) && memcmp(seal, run->seal, CHAIN_BYTES) == 0;

	if (good) {
		run_record_free(&run->record);
		run->record = record;
	} else {
		run_record_free(&record);
	}
	return good;
}

/* While it is under way, its row and its entries are of two moments: then they are read again. */
#define SEAL_TRIES 5

static bool read_all(struct run_store *run)
{
	if (!read_sources(run))
		return false;
	for (int i = 0; i < SEAL_TRIES; i++) {
		if (!read_entries(run))
			return false;
		if (seal_holds(run))
			return true;
	}
	return wrong(run->state,
		     "the record of %s is damaged: what is known of the run is not what was written; it is "
		     "left as it is",
		     run->record.id);
}

static size_t run_count(struct store *store)
{
	return run_of(store)->count;
}

/* Only what was read: what was appended is not kept here. */
static const char *run_row_peek(struct store *store, size_t index, size_t *length)
{
	struct value row = list_peek(run_of(store)->rows, index);

	*length = value_length(row);
	return row.tag == VALUE_STRING ? value_text_peek(row) : NULL;
}

static void run_free(struct store *store)
{
	struct run_store *run = run_of(store);

	let_go(run);
	run_record_free(&run->record);
	value_release(run->rows);
	buffer_free(&run->pending);
	free(run);
}

static const struct store_ops run_ops = {
    .append = run_append,
    .sync = run_sync,
    .count = run_count,
    .row_peek = run_row_peek,
    .free = run_free,
};

static struct run_store *run_new(struct state *state, const struct run_record *record)
{
	struct run_store *run = memory_need(calloc(1, sizeof(*run)));

	run->base.ops = &run_ops;
	run->base.packed = true;
	run->state = state;
	run->record = record_copy(record);
	run->session = state->db->sessions;
	run->rows = list_new(0);
	return run;
}

struct store *state_begin(struct state *state, const struct run_record *record, const struct sources *sources)
{
	struct run_store *run = run_new(state, record);

	run->sources = sources;
	run->touched = true;
	return &run->base;
}

struct store *state_run_open(struct state *state, const struct run_record *record, bool to_write)
{
	struct run_store *run = run_new(state, record);

	run->begun = true;
	if ((!to_write || own_run(run)) && read_all(run))
		return &run->base;
	run_free(&run->base);
	return NULL;
}

bool state_run_refresh(struct store *store)
{
	struct run_store *run = run_of(store);
	size_t before = run->count;

	return read_entries(run) && run->count > before;
}

struct run_record *state_run_record(struct store *store)
{
	return &run_of(store)->record;
}

void state_run_touch(struct store *store)
{
	run_of(store)->touched = true;
}

/* ---- finding runs ---- */

struct text_result {
	char *text;
	size_t length;
};

static bool take_text(void *context, const struct db_value *v, size_t count)
{
	struct text_result *result = context;

	(void)count;
	result->text = memory_need(malloc(v[0].length + 1));
	memcpy(result->text, v[0].bytes, v[0].length);
	result->text[v[0].length] = '\0';
	result->length = v[0].length;
	return false;
}

char *state_source(struct state *state, int64_t run, const char *path, size_t *length)
{
	const struct db_value values[] = {DB_INT_OF(run), db_text(path)};
	struct text_result result = {0};

	if (!state->db->ops->run(
		state->db, "SELECT text FROM source WHERE run = $1 AND path = $2 ORDER BY number LIMIT 1",
		values, 2, take_text, &result))
		return NULL;
	*length = result.length;
	return result.text;
}

struct search {
	struct state *state;
	bool (*wanted)(const struct run_record *run);
	struct run_record found;
	size_t count;
	const char *exact;
};

static bool take_newest(void *context, const struct db_value *v, size_t count)
{
	struct search *search = context;
	struct run_record run;

	(void)count;
	take_record(v, &run);
	if (search->wanted && !search->wanted(&run)) {
		run_record_free(&run);
		return true;
	}
	search->found = run;
	search->count = 1;
	return false;
}

static bool take_named(void *context, const struct db_value *v, size_t count)
{
	struct search *search = context;
	struct run_record run;
	bool exact;

	(void)count;
	take_record(v, &run);
	exact = strcmp(run.id, search->exact) == 0;
	search->count = exact ? 1 : search->count + 1;
	run_record_free(&search->found);
	search->found = run;
	return !exact;
}

/* The least text that stands behind all that begin with this one. */
static char *text_after(const char *text)
{
	size_t length = strlen(text);
	char *after = memory_need(malloc(length + 2));

	memcpy(after, text, length);
	after[length] = '\x7f'; /* ids are ASCII */
	after[length + 1] = '\0';
	return after;
}

static bool find_named(struct state *state, const char *id, struct search *search)
{
	char *after = text_after(id);
	const struct db_value values[] = {db_text(id), db_text(after)};
	bool good = state->db->ops->run(
	    state->db, "SELECT " RUN_COLUMNS " FROM run WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 2",
	    values, 2, take_named, search);

	free(after);
	if (!good || search->count == 1)
		return good;
	run_record_free(&search->found);
	return search->count == 0
		   ? wrong(state, "there is no run %s on record; `runplan runs` lists them", id)
		   : wrong(state, "more than one run begins with %s; `runplan runs` lists them", id);
}

bool state_find(struct state *state, const char *id, bool (*wanted)(const struct run_record *run),
		struct run_record *out)
{
	struct search search = {.state = state, .wanted = wanted, .exact = id};
	bool good;

	if (id && *id)
		good = find_named(state, id, &search);
	else
		good = state->db->ops->run(state->db, "SELECT " RUN_COLUMNS " FROM run ORDER BY number DESC",
					   NULL, 0, take_newest, &search);
	if (good && search.count == 0)
		good = wrong(state, "there is no such run on record; `runplan runs` lists those that are");
	*out = search.found;
	return good;
}

struct listing {
	bool (*each)(void *context, const struct run_record *run);
	void *context;
};

static bool give_record(void *context, const struct db_value *v, size_t count)
{
	const struct listing *listing = context;
	struct run_record run;
	bool more;

	(void)count;
	take_record(v, &run);
	more = listing->each(listing->context, &run);
	run_record_free(&run);
	return more;
}

bool state_list(struct state *state, int64_t limit, bool (*each)(void *context, const struct run_record *run),
		void *context)
{
	const struct db_value values[] = {DB_INT_OF(limit > 0 ? limit : INT64_MAX)};
	struct listing listing = {each, context};

	return state->db->ops->run(state->db, "SELECT " RUN_COLUMNS " FROM run ORDER BY number DESC LIMIT $1",
				   values, 1, give_record, &listing);
}

bool state_alive(struct state *state, const struct run_record *run)
{
	return state->db->ops->owned(state->db, run->number) == DB_BUSY;
}

bool state_superseded(struct state *state, const struct run_record *run, struct run_record *by)
{
	const struct db_value values[] = {DB_INT_OF(run->number), db_text(run->lock)};
	struct search search = {.state = state};

	*by = (struct run_record){0};
	if (!run->lock || !state->db->ops->run(state->db,
					       "SELECT " RUN_COLUMNS
					       " FROM run WHERE number > $1 AND lock = $2 AND changed <> 0"
					       " ORDER BY number DESC LIMIT 1",
					       values, 2, take_newest, &search))
		return false;
	*by = search.found;
	return search.count > 0;
}

/* ---- the plan's lock ---- */

bool state_lock(struct state *state, const char *name, const char *we, char *why, size_t size)
{
	struct db *db = state->db;
	char holder[600];

	switch (db->ops->lock ? db->ops->lock(db, name, we, holder, sizeof(holder)) : DB_OWNED) {
	case DB_OWNED:
		return true;
	case DB_BUSY:
		snprintf(why, size, "the lock \"%.100s\" is held by %s", name, holder);
		break;
	case DB_FAILED:
		snprintf(why, size, "the lock \"%.100s\" cannot be taken: %s", name, db->error);
		break;
	}
	return false;
}

bool state_lock_lost(const struct state *state)
{
	return state->db->lock_lost;
}

/* ---- words ---- */

void word_free(struct word *word)
{
	free(word->kind);
	free(word->item);
	free(word->answer);
	free(word->who);
	free(word->comment);
	*word = (struct word){0};
}

bool state_say(struct state *state, int64_t run, const struct word *word)
{
	const struct db_value values[] = {
	    DB_INT_OF(run),	db_text(word->kind),   db_text(word->item),    db_text(word->answer),
	    db_text(word->who), DB_INT_OF(word->said), db_text(word->comment),
	};

	return run_sql(state,
		       "INSERT INTO word (run, kind, item, answer, who, said, comment)"
		       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
		       values, 7);
}

static bool take_word(void *context, const struct db_value *v, size_t count)
{
	struct word *word = context;

	(void)count;
	*word = (struct word){
	    .number = v[0].i,
	    .kind = text_of(&v[1]),
	    .item = text_of(&v[2]),
	    .answer = text_of(&v[3]),
	    .who = text_of(&v[4]),
	    .said = v[5].i,
	    .comment = text_of(&v[6]),
	};
	return false;
}

bool state_next_word(struct state *state, int64_t run, int64_t after, struct word *out)
{
	const struct db_value values[] = {DB_INT_OF(run), DB_INT_OF(after)};

	*out = (struct word){0};
	return state->db->ops->run(
		   state->db,
		   "SELECT number, kind, item, answer, who, said, comment FROM word"
		   " WHERE run = $1 AND number > $2 AND taken IS NULL ORDER BY number LIMIT 1",
		   values, 2, take_word, out) &&
	       out->number > 0;
}

bool state_take_word(struct state *state, int64_t number, int64_t now)
{
	const struct db_value values[] = {DB_INT_OF(number), DB_INT_OF(now)};

	return run_sql(state, "UPDATE word SET taken = $2 WHERE number = $1", values, 2);
}
