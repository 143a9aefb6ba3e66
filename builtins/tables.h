/* tables.h - every namespace's table. To add a namespace: declare it here and list it in registry.c. */
#ifndef RUNPLAN_TABLES_H
#define RUNPLAN_TABLES_H

#include "interp/builtin.h"

extern const struct builtin_table docker_table, compose_table, pg_table, http_table, prom_table, exec_table,
    file_table, git_table, env_table, time_table, json_table, re_table, text_table, list_table, notify_table,
    operator_table, redis_table, s3_table, sqlite_table, ws_table, tls_table, dns_table, tcp_table, host_table,
    random_table, secret_table, lock_table, given_table;

extern const struct registry builtin_registry;

#endif
