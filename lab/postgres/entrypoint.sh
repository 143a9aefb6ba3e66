#!/bin/bash
# Makes the cluster at the first start (password and database from the environment), then becomes the server. With
# STANDBY_OF=HOST the cluster is a copy of that one, and follows it.
# Over the unix socket everyone in the container is trusted, as in the official image; over TCP a password is wanted.
set -euo pipefail

: "${POSTGRES_PASSWORD:?}" "${POSTGRES_DB:=thebot_db}"
hba=$PGDATA/pg_hba.conf

if [ -n "${STANDBY_OF:-}" ]; then
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        export PGPASSWORD=$POSTGRES_PASSWORD
        until pg_basebackup -h "$STANDBY_OF" -D "$PGDATA" -R -X stream -c fast; do
            sleep 0.5
            find "$PGDATA" -mindepth 1 -delete
        done
        unset PGPASSWORD
    fi
elif [ ! -s "$PGDATA/PG_VERSION" ]; then
    initdb --username=postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --encoding=UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=scram-sha-256 >/dev/null
    echo 'host all all all scram-sha-256' >>"$hba"
    echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
# Also in a cluster that was made before there was a standby.
grep -q '^host replication all all' "$hba" || echo 'host replication all all scram-sha-256' >>"$hba"
unset POSTGRES_PASSWORD
# In a process of its own: it dies with the container and not before.
( DATA_SOURCE_NAME='host=/var/run/postgresql user=postgres dbname=postgres sslmode=disable' \
    prometheus-postgres-exporter --web.listen-address=:9187 --log.level=error --disable-settings-metrics >/dev/null 2>&1 & )
exec postgres -c listen_addresses='*' -c logging_collector=off -c log_min_duration_statement=1000
