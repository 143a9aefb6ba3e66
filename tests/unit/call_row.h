/*
 * call_row.h - for tests of builtins: calls a row of a table through the live driver, with arguments by name.
 * Positions and defaults are read from the row's own signature, so a row whose code and signature disagree
 * fails its tests.
 */
#ifndef CALL_ROW_H
#define CALL_ROW_H

#include <stdlib.h>
#include <string.h>

#include "builtins/live.h"

#define CALL_ARGS_MAX 20

struct row_arg {
	const char *name;
	struct value value; /* consumed by the call */
};

struct row_call {
	struct effect_request request;
	struct value args[CALL_ARGS_MAX];
};

static const struct builtin *row_find(const struct builtin_table *table, const char *name)
{
	for (size_t i = 0; i < table->row_count; i++)
		if (strcmp(table->rows[i].name, name) == 0)
			return &table->rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

/* The values that defaults of signatures have: null, true, false, {}, [], 5, 10s, 5m, 1h, 4MiB, "text". */
static struct value row_default(const char *text, size_t length)
{
	char copy[60], *unit;
	long number;

	snprintf(copy, sizeof copy, "%.*s", (int)length, text);
	number = strtol(copy, &unit, 10);
	if (strcmp(copy, "null") == 0)
		return value_null();
	if (strcmp(copy, "true") == 0 || strcmp(copy, "false") == 0)
		return value_bool(copy[0] == 't');
	if (strcmp(copy, "{}") == 0)
		return record_new(0);
	if (strcmp(copy, "[]") == 0)
		return list_new(0);
	if (copy[0] == '"')
		return value_string_n(copy + 1, strlen(copy) - 2);
	if (strcmp(unit, "s") == 0)
		return value_duration(number * INT64_C(1000000000));
	if (strcmp(unit, "m") == 0)
		return value_duration(number * INT64_C(60000000000));
	if (strcmp(unit, "h") == 0)
		return value_duration(number * INT64_C(3600000000000));
	if (strcmp(unit, "MiB") == 0)
		return value_size(number * 1024 * 1024);
	if (*unit != '\0' || unit == copy)
		fail_msg("the test does not know the default %s", copy);
	return value_int(number);
}

/* Splits "(name: type = default, ...)" at its outer commas, and fills the arguments in. */
static void row_fill(struct row_call *call, const struct row_arg *args)
{
	const char *at = call->request.builtin->signature + 1;
	size_t used = 0, given = 0;

	while (*at != ')') {
		size_t name = strcspn(at, ":"), end = 0, depth = 0;
		const char *equals = NULL;
		bool found = false;

		for (; depth > 0 || (at[end] != ',' && at[end] != ')'); end++) {
			depth += at[end] == '(' || at[end] == '[' || at[end] == '{';
			depth -= at[end] == ')' || at[end] == ']' || at[end] == '}';
			if (at[end] == '=')
				equals = at + end;
			if (at[end] == '"')
				end += 1 + strcspn(at + end + 1, "\"");
		}
		for (size_t i = 0; args[i].name != NULL; i++)
			if (strlen(args[i].name) == name && strncmp(args[i].name, at, name) == 0) {
				call->args[used] = args[i].value;
				found = true;
				given++;
			}
		if (!found && equals == NULL)
			fail_msg("%s needs %.*s", call->request.builtin->name, (int)name, at);
		if (!found)
			call->args[used] = row_default(equals + 2, (size_t)(at + end - equals - 2));
		used++;
		at += end;
		at += strspn(at, ", ");
	}
	call->request.arg_count = used;
	for (size_t i = 0; args[i].name != NULL; i++)
		given--;
	if (given != 0)
		fail_msg("%s has no such argument", call->request.builtin->name);
}

static struct row_call row_request(const struct builtin_table *table, const char *name, const char *id,
				   const struct row_arg *args)
{
	struct row_call call = {.request = {.id = id, .builtin = row_find(table, name), .step = ""}};

	row_fill(&call, args);
	return call;
}

static void row_call_drop(struct row_call *call)
{
	for (size_t i = 0; i < call->request.arg_count; i++)
		value_release(call->args[i]);
}

/* Begins the call; its answer comes through next(). */
static void row_start(struct driver *driver, const struct builtin_table *table, const char *name,
		      const char *id, const struct row_arg *args)
{
	struct row_call call = row_request(table, name, id, args);

	call.request.args = call.args;
	driver->ops->start(driver, &call.request);
	row_call_drop(&call);
}

/* The next outcome, within 30 s; the id goes nowhere. *note: the last that went on record before it; owned by the caller. */
static inline struct outcome row_wait_noted(struct driver *driver, struct value *note)
{
	struct delivery delivery;

	*note = value_null();
	for (;;) {
		if (!driver->ops->next(driver, live_now((struct live *)driver) + 30 * INT64_C(1000000000),
				       &delivery) ||
		    (delivery.kind != DELIVERY_OUTCOME && delivery.kind != DELIVERY_NOTE))
			fail_msg("no outcome came");
		free(delivery.id);
		if (delivery.kind == DELIVERY_OUTCOME)
			return delivery.outcome;
		value_release(*note);
		*note = delivery.outcome.value;
		value_release(delivery.outcome.message);
	}
}

static inline struct outcome row_wait(struct driver *driver)
{
	struct value note;
	struct outcome outcome = row_wait_noted(driver, &note);

	value_release(note);
	return outcome;
}

static inline struct outcome row_run(struct driver *driver, const struct builtin_table *table, const char *name,
			      const struct row_arg *args)
{
	row_start(driver, table, name, "call", args);
	return row_wait(driver);
}

/* What settles the call of which only this note is on record. */
static inline struct outcome row_settle(struct driver *driver, const struct builtin_table *table,
					const char *name, const struct row_arg *args, struct value note)
{
	struct row_call call = row_request(table, name, "call", args);

	call.request.args = call.args;
	driver->ops->settle(driver, &call.request, note);
	row_call_drop(&call);
	return row_wait(driver);
}

#define ARGS(...) ((const struct row_arg[]){__VA_ARGS__ __VA_OPT__(, ){NULL, value_null()}})

/* What the preview says of the call. */
static inline struct value row_describe(const struct builtin_table *table, const char *name,
				 const struct row_arg *args)
{
	struct row_call call = row_request(table, name, "call", args);
	struct value line;

	call.request.args = call.args;
	line = call.request.builtin->describe(&call.request);
	row_call_drop(&call);
	return line;
}

#endif
