/* builtin.c - finding rows, and the results of pure calls; see builtin.h. */
#include "interp/builtin.h"

#include <stdarg.h>
#include <string.h>

#include "interp/buffer.h"

static bool named(const char *candidate, const char *name, size_t length)
{
	return strncmp(candidate, name, length) == 0 && candidate[length] == '\0';
}

const struct builtin *registry_find(const struct registry *registry, const char *name, size_t length)
{
	size_t t, r;

	for (t = 0; t < registry->table_count; t++) {
		const struct builtin_table *table = registry->tables[t];

		for (r = 0; r < table->row_count; r++)
			if (named(table->rows[r].name, name, length))
				return &table->rows[r];
	}
	return NULL;
}

const struct builtin_type *registry_find_type(const struct registry *registry, const char *name,
					      size_t length)
{
	size_t t, i;

	for (t = 0; t < registry->table_count; t++) {
		const struct builtin_table *table = registry->tables[t];

		for (i = 0; i < table->type_count; i++)
			if (named(table->types[i].name, name, length))
				return &table->types[i];
	}
	return NULL;
}

/* A namespace is what stands before the dot of a callable row: "exec" is a call, not a namespace. */
bool registry_has_namespace(const struct registry *registry, const char *name, size_t length)
{
	size_t t, r;

	for (t = 0; t < registry->table_count; t++) {
		const struct builtin_table *table = registry->tables[t];

		for (r = 0; r < table->row_count; r++) {
			const struct builtin *row = &table->rows[r];

			if (!(row->flags & BUILTIN_INTERNAL) && strncmp(row->name, name, length) == 0 &&
			    row->name[length] == '.')
				return true;
		}
	}
	return false;
}

struct pure_result pure_ok(struct value value)
{
	return (struct pure_result){.ok = true, .value = value};
}

struct pure_result pure_failed(const char *format, ...)
{
	struct pure_result result = {.ok = false};
	struct buffer message = {0};
	va_list list;

	va_start(list, format);
	buffer_vprintf(&message, format, list);
	va_end(list);
	result.value = buffer_finish(&message);
	return result;
}
