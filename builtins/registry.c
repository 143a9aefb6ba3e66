/* registry.c - the one list of all tables. To add a namespace: declare its table in tables.h and list it
 * here. */
#include "builtins/tables.h"

static const struct builtin_table *const tables[] = {
    &docker_table, &compose_table, &pg_table,	  &sqlite_table, &redis_table,	&s3_table,     &http_table,
    &ws_table,	   &prom_table,	   &tls_table,	  &tcp_table,	 &dns_table,	&host_table,   &exec_table,
    &file_table,   &git_table,	   &env_table,	  &time_table,	 &json_table,	&re_table,     &text_table,
    &list_table,   &random_table,  &notify_table, &operator_table, &secret_table, &lock_table, &given_table,
};

const struct registry builtin_registry = {
    .tables = tables,
    .table_count = sizeof(tables) / sizeof(*tables),
};
