/*
 * pg_types.h - what PostgreSQL answers, as values: rows by the types of their columns, errors by their
 * fields.
 *
 *   bool                         bool
 *   int2 int4 int8 oid           int
 *   float4 float8 numeric        float
 *   json jsonb                   what the JSON says
 *   timestamptz                  time
 *   interval                     duration, where it holds no months or years (their length is not fixed)
 *   arrays of these and of texts list
 *   null                         null
 *   all others, timestamp and date included, and what is out of range: string, as PostgreSQL writes it
 */
#ifndef RUNPLAN_PG_TYPES_H
#define RUNPLAN_PG_TYPES_H

#include "builtins/lazy.h"
#include "interp/value.h"

/*
 * Adds a result's rows, records in the order of the columns, to the list `rows`, and their size to *bytes.
 * False, with a message, where two columns have the same name.
 */
bool pg_rows_add(const struct pq_api *pq, const PGresult *result, struct value *rows, size_t *bytes,
		 struct value *message);

/*
 * An error's primary message with its SQLSTATE and hint on one line, and all its fields as a record. `brief`
 * leaves out the fields in which the server may quote parts of a parameter.
 */
struct value pg_error_message(const struct pq_api *pq, const PGresult *result, struct value secrets,
			      bool brief);
struct value pg_error_details(const struct pq_api *pq, const PGresult *result, struct value secrets,
			      bool brief);

#endif
