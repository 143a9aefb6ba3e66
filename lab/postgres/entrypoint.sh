#!/bin/bash
# Makes the cluster at the first start (password and database from the environment), then becomes the server.
# Over the unix socket everyone in the container is trusted, as in the official image; over TCP a password is wanted.
set -euo pipefail

: "${POSTGRES_PASSWORD:?}" "${POSTGRES_DB:=thebot_db}"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
unset POSTGRES_PASSWORD
exec postgres -c listen_addresses='*' -c logging_collector=off -c log_min_duration_statement=1000
