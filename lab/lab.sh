#!/bin/bash
# lab.sh up [PART...]|down|reset|status: the whole lab.
#
#   up      starts an engine if none answers, builds what is not built, starts what does not run, waits until all is
#           healthy. Run again it changes nothing: the colour that is live stays live. Parts that few need are started
#           when they are named: standby (of PostgreSQL), registry, sink (of mail and webhooks), s3.
#   reset   back to release v1 on blue with the seeded database, no faults, no history in Prometheus (between tests)
#   status  what runs, in which release, and where requests go
#   down    removes all that the lab made: containers, network, volume, images (KEEP_BASE=1 keeps the base image), state,
#           and the engine's process if it was started for the lab and nothing else runs on it
set -euo pipefail
# shellcheck source=lab/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
ENGINE=$LAB_DIR/../scripts/engine.sh
S3_SERVER=$LAB_DIR/../tests/s3_server.py
FIRST_RELEASE=v1

psql() { docker exec -i "${LAB_PREFIX}postgres" psql -q -U postgres -v ON_ERROR_STOP=1 "$@"; }
random_hex() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

write_env() {
    local name
    for name in "${LAB_VARIABLES[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done >"$LAB_DIR/.env"
    echo "COMPOSE_PROJECT_NAME=$LAB_PROJECT" >>"$LAB_DIR/.env"
}

# The passwords and what is derived from them. A file tells, until `up` has ended well, that they are new.
write_state() {
    mkdir -p "$LAB_STATE/nginx" "$LAB_STATE/backups" "$LAB_STATE/faults" "$LAB_STATE/sink"
    chmod 1777 "$LAB_STATE/backups"       # the server in the container writes there too, as its own user
    chmod 0777 "$LAB_STATE/sink"          # likewise, and what came there may be removed by the user who reads it
    [ -f "$LAB_STATE/nginx/upstream.conf" ] || "$LAB_DIR/route.sh" blue
    write_edge
    [ -s "$LAB_STATE/tls/nginx/server.crt" ] || "$LAB_DIR/certificate.sh"
    [ -s "$LAB_STATE/development.sqlite3" ] || "$LAB_DIR/development.py" "$LAB_STATE/development.sqlite3"
    if [ ! -s "$LAB_STATE/postgres.password" ] || [ ! -s "$LAB_STATE/backend.env" ]; then
        touch "$LAB_STATE/secrets-are-new"
        (
            umask 077
            random_hex 16 >"$LAB_STATE/postgres.password"
            echo s3-secret >"$LAB_STATE/archive.secret"      # the one of tests/s3_server.py
            password=$(<"$LAB_STATE/postgres.password")
            cat >"$LAB_STATE/postgres.env" <<END
POSTGRES_PASSWORD=$password
POSTGRES_DB=thebot_db
END
            cat >"$LAB_STATE/backend.env" <<END
SECRET_KEY=$(random_hex 32)
ENVIRONMENT=lab
DATABASE_URL=postgresql://postgres:$password@postgres:5432/thebot_db
REDIS_URL=redis://redis:6379/0
YOOKASSA_SHOP_ID=$(random_hex 4)
YOOKASSA_SECRET_KEY=$(random_hex 16)
ALLOWED_HOSTS=127.0.0.1,localhost
FRONTEND_URL=http://127.0.0.1:$LAB_PORT_HTTP
END
        )
    fi
    # Of all three users, as the runbook has it.
    [ -s "$LAB_STATE/users.password" ] || (umask 077; echo "TestPass123!" >"$LAB_STATE/users.password")
    # For who works from the host: `set -a; . lab/state/lab.env`.
    (
        umask 077
        cat >"$LAB_STATE/lab.env" <<END
LAB_URL=http://127.0.0.1:$LAB_PORT_HTTP
LAB_HTTPS_URL=https://127.0.0.1:$LAB_PORT_HTTPS
LAB_CA=$LAB_STATE/tls/ca.crt
PROMETHEUS_URL=http://127.0.0.1:$LAB_PORT_PROM
ALERTMANAGER_URL=http://127.0.0.1:$LAB_PORT_ALERTS
SINK_URL=http://127.0.0.1:$LAB_PORT_SINK
SMTP_URL=smtp://127.0.0.1:$LAB_PORT_SMTP
S3_URL=http://127.0.0.1:$LAB_PORT_S3
S3_ACCESS_KEY=lab:operator
S3_SECRET_KEY=s3-secret
REGISTRY=127.0.0.1:$LAB_PORT_REGISTRY
REGISTRY_USER=lab
PGHOST=127.0.0.1
PGPORT=$LAB_PORT_PG
PGUSER=postgres
PGDATABASE=thebot_db
PGPASSWORD=$(<"$LAB_STATE/postgres.password")
END
    )
}

# The images of the services side by side (what they wait for is mostly the network and dpkg), then the other releases,
# which share all but the last layers with the first.
build_images() {
    local service pids=() pid
    LAB_BASE_ID=$(base_id)
    export LAB_BASE_ID
    for service in "${LAB_IMAGES[@]}"; do
        build_image "$LAB_PROJECT-$service:bookworm" "$service" &
        pids+=($!)
    done
    "$LAB_DIR/release.sh" "$FIRST_RELEASE" &
    pids+=($!)
    for pid in "${pids[@]}"; do wait "$pid"; done
    "$LAB_DIR/release.sh" --all
}

# ---- parts: prepare_PART before the services start, finish_PART when they are healthy ----

prepare_registry() {
    local folder=$LAB_STATE/registry
    mkdir -p "$folder"
    [ -s "$folder/password" ] || (umask 077; random_hex 12 >"$folder/password")
    [ -s "$folder/htpasswd" ] || registry_accepts "$(<"$folder/password")"
}

# Once: the first two releases are there to be pulled.
finish_registry() {
    local address=127.0.0.1:$LAB_PORT_REGISTRY version
    for version in v1 v2; do
        ! curl -sf -o /dev/null -u "lab:$(<"$LAB_STATE/registry/password")" "http://$address/v2/thebot/manifests/$version" || continue
        push_release "$version"
    done
}

# Swift's own servers on this machine, with a bucket for backups; the pair of keys is the script's.
finish_s3() {
    curl -s -o /dev/null "http://127.0.0.1:$LAB_PORT_S3/" || "$S3_SERVER" start "$LAB_STATE/s3" "$LAB_PORT_S3" backups
}

# A backend that stopped is started as it was, so that it keeps its release; one that never was begins with the first.
start_backend() {
    is_running "$1" || docker start "$LAB_PREFIX$1" >/dev/null 2>&1 ||
        VERSION=$FIRST_RELEASE compose up -d --no-build "$1" >>"$LAB_STATE/compose.log" 2>&1 ||
        { tail -n 5 "$LAB_STATE/compose.log" >&2; die "could not start $1"; }
}

start_infra() {
    compose up -d --no-build "$@" >>"$LAB_STATE/compose.log" 2>&1 ||
        { tail -n 5 "$LAB_STATE/compose.log" >&2; die "could not start $*"; }
}

# The seeded database is a template beside the one in use, made with the first release's own migrations: reset copies it.
# Its comment says of which files it was made.
make_seed() {
    local source
    source=$(cat "$LAB_DIR"/backend/migrations/*/0001_* "$LAB_DIR/postgres/seed.sql" | sha256sum | cut -c1-32)
    [ "$(psql -Atc "SELECT shobj_description(oid, 'pg_database') FROM pg_database
                    WHERE datname = 'thebot_seed' AND datistemplate")" != "$source" ] || return 0
    psql -c "UPDATE pg_database SET datistemplate = false WHERE datname = 'thebot_seed'" -c 'DROP DATABASE IF EXISTS thebot_seed WITH (FORCE)' -c 'CREATE DATABASE thebot_seed' 2>/dev/null
    docker run --rm --network "${LAB_PROJECT}_default" --env-file "$LAB_STATE/backend.env" --entrypoint sh \
        "$LAB_IMAGE:$FIRST_RELEASE" -c 'DATABASE_URL=${DATABASE_URL%/*}/thebot_seed exec python manage.py migrate --noinput' \
        >"$LAB_STATE/migrate.log" 2>&1 || { tail -n 5 "$LAB_STATE/migrate.log" >&2; die "could not migrate the database"; }
    psql -d thebot_seed <"$LAB_DIR/postgres/seed.sql"
    psql -c 'ALTER DATABASE thebot_seed WITH IS_TEMPLATE true ALLOW_CONNECTIONS false' \
        -c "COMMENT ON DATABASE thebot_seed IS '$source'"
    copy_seed
    say "seeded the database"
}

# Every database goes but the server's own, then thebot_db comes back as the seed has it.
copy_seed() {
    psql -Atc "SELECT format('DROP DATABASE %I WITH (FORCE);', datname) FROM pg_database
               WHERE datname NOT IN ('postgres', 'template0', 'template1', 'thebot_seed')
               UNION ALL SELECT 'CREATE DATABASE thebot_db TEMPLATE thebot_seed;'" | psql
}

# Containers that another checkout made have its folders mounted: they go, the volume and the images stay.
drop_foreign() {
    local foreign
    mapfile -t foreign < <(docker ps -aq --filter "label=com.docker.compose.project=$LAB_PROJECT" |
        xargs -r docker inspect -f '{{.Id}} {{index .Config.Labels "com.docker.compose.project.working_dir"}}' |
        awk -v here="$LAB_DIR" '{ id = $1; sub(/^[^ ]* /, ""); if ($0 != here) print id }')
    [ "${#foreign[@]}" = 0 ] || {
        say "removes the containers of another checkout"
        docker rm -f "${foreign[@]}" >/dev/null
        touch "$LAB_STATE/secrets-are-new"        # to the volume, which has the other checkout's
    }
}

up() {
    local live part service image before services=()
    for part in "$@"; do [ -n "${LAB_PARTS[$part]+x}" ] || die "there is no part $part; there are: ${!LAB_PARTS[*]}"; done
    LAB_STATE=$LAB_STATE "$ENGINE" start
    mkdir -p "$LAB_STATE"
    drop_foreign
    write_env
    case $LAB_BASE in
        runplan-lab-base:*)
            docker image inspect "$LAB_BASE" >/dev/null 2>&1 || say "builds the base image (half a minute)"
            "$LAB_DIR/base.sh" ;;
    esac
    for part in "$@"; do
        read -r service image <<<"${LAB_PARTS[$part]}"
        [ -n "$service" ] || continue
        services+=("$service")
        [[ " ${LAB_IMAGES[*]} " == *" $image "* ]] || LAB_IMAGES+=("$image")
    done
    build_images
    write_state
    for part in "$@"; do if declare -F "prepare_$part" >/dev/null; then "prepare_$part"; fi; done
    mapfile -t live < <(live_backends)
    live+=(channels)
    services+=("${LAB_INFRA[@]}")
    before=$(running "${services[@]}" "${live[@]}")
    if [ -f "$LAB_STATE/secrets-are-new" ] && docker volume inspect "${LAB_PROJECT}_pgdata" >/dev/null 2>&1; then
        change_password
    fi
    if ! { is_running postgres && is_running redis; }; then start_infra postgres redis; fi     # what the backends wait for
    for service in "${live[@]}"; do start_backend "$service"; done
    start_infra "${services[@]}"          # after the backends: nginx wants to resolve the names in its upstream
    wait_healthy "${services[@]}" "${live[@]}"
    make_seed
    for part in "$@"; do if declare -F "finish_$part" >/dev/null; then "finish_$part"; fi; done
    rm -f "$LAB_STATE/secrets-are-new"
    if [ "$before" = "$(running "${services[@]}" "${live[@]}")" ]; then
        say "runs already, $(route_text)"
        return
    fi
    reload_nginx                          # a backend that was started may have another address
    say "up: http://127.0.0.1:$LAB_PORT_HTTP/ (TLS $LAB_PORT_HTTPS, Prometheus $LAB_PORT_PROM, PostgreSQL $LAB_PORT_PG), $(route_text)"
}

route_text() { echo "$(live_backends | paste -sd ' ') live"; }

# A line that changes when one of the containers is started or made anew.
running() { docker inspect -f '{{.Id}} {{.State.StartedAt}}' "${@/#/$LAB_PREFIX}" 2>/dev/null | sha256sum || true; }

# The state folder was lost and the database was not: it gets the new password, and no backend knows it yet.
change_password() {
    start_infra postgres
    wait_healthy postgres
    psql <<<"ALTER ROLE postgres PASSWORD '$(<"$LAB_STATE/postgres.password")'"
    docker rm -f "${LAB_PREFIX}channels" "${LAB_PREFIX}postgres-standby" "${LAB_BACKENDS[@]/#/$LAB_PREFIX}" >/dev/null 2>&1 || true
}

reset() {
    local gone=() service pids=() pid
    [ -f "$LAB_STATE/lab.env" ] || die "the lab is not up"
    "$LAB_DIR/fault.sh" clear
    mapfile -t gone < <(printf '%s\n' "${LAB_INFRA[@]}" | grep -vxF "$(docker ps --format '{{.Names}}' | sed "s/^$LAB_PREFIX//")")
    [ "${#gone[@]}" = 0 ] || start_infra "${gone[@]/nginx/postgres}"     # nginx later: it wants to resolve its upstream
    wait_healthy postgres
    copy_seed 2>"$LAB_STATE/reset.log" &
    pids+=($!)
    docker exec "${LAB_PREFIX}redis" redis-cli FLUSHALL >/dev/null &
    pids+=($!)
    rm -rf "$LAB_STATE"/backups/* "$LAB_STATE"/nginx/*.next "$LAB_STATE"/sink/*
    for service in backend-blue channels; do
        if [ "$(docker inspect -f '{{.Image}} {{.State.Running}}' "$LAB_PREFIX$service" 2>/dev/null)" != \
                "$(docker image inspect -f '{{.Id}}' "$LAB_IMAGE:$FIRST_RELEASE") true" ]; then
            docker rm -f "$LAB_PREFIX$service" >/dev/null 2>&1 || true
        fi
        start_backend "$service"
    done
    clear_backend
    for pid in "${pids[@]}"; do wait "$pid" || { cat "$LAB_STATE/reset.log" >&2; die "could not reset the stores"; }; done
    "$LAB_DIR/route.sh" blue
    is_running nginx || start_infra nginx
    wait_healthy "${LAB_INFRA[@]}" backend-blue channels
    wait_for_route
    # Only now what a test may have left: other instances, one-off containers of `compose run`, uploaded files, silences.
    gone=()
    for service in "${LAB_BACKENDS[@]}"; do [ "$service" = backend-blue ] || gone+=("$LAB_PREFIX$service"); done
    mapfile -t -O "${#gone[@]}" gone < <(docker ps -aq --filter "label=com.docker.compose.project=$LAB_PROJECT" \
        --filter label=com.docker.compose.oneoff=True)
    docker rm -f "${gone[@]}" >/dev/null 2>&1 || true      # complains of each that is not there
    docker exec "${LAB_PREFIX}backend-blue" find /srv/uploads -mindepth 1 -delete
    end_silences
    # Prometheus forgets, once nothing of before is scraped any more.
    curl -sf -X POST -g "http://127.0.0.1:$LAB_PORT_PROM/api/v1/admin/tsdb/delete_series?match[]={__name__=~\".%2B\"}"
}

end_silences() {
    local api=http://127.0.0.1:$LAB_PORT_ALERTS/api/v2 id
    for id in $(curl -sf "$api/silences" | jq -r '.[] | select(.status.state != "expired").id'); do
        curl -sf -X DELETE "$api/silence/$id"
    done
}

# nginx reloads asynchronously: its old workers may take a connection after a new one has. Ten answers in a row will do.
wait_for_route() {
    local deadline=$((SECONDS + 60)) good=0
    while ((good < 10)); do
        if curl -sf "http://127.0.0.1:$LAB_PORT_HTTP/health/" | grep -q "\"version\": \"$FIRST_RELEASE\", \"color\": \"blue\""; then
            good=$((good + 1))
        else
            good=0
            ((SECONDS < deadline)) || die "nginx does not send requests to release $FIRST_RELEASE on blue"
            sleep 0.05
        fi
    done
}

# Also of faults that were set without fault.sh.
clear_backend() {
    local deadline=$((SECONDS + 60))
    until curl -sf -o /dev/null -X DELETE "http://127.0.0.1:$LAB_PORT_BLUE/fault/"; do
        ((SECONDS < deadline)) || die "backend-blue does not answer"
        sleep 0.05
    done
}

status() {
    local service
    "$ENGINE" status || exit 3
    for service in "${LAB_INFRA[@]}" channels "${LAB_BACKENDS[@]}" $(printf '%s\n' "${LAB_PARTS[@]}" | cut -d' ' -f1); do
        docker inspect -f '{{slice .Name 1}} {{.Config.Image}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' \
            "$LAB_PREFIX$service" 2>/dev/null || echo "$LAB_PREFIX$service - absent"
    done | column -t
    say "requests go to: $(live_backends | tr '\n' ' ')"
    "$LAB_DIR/fault.sh" list
}

down() {
    local ids
    if [ ! -f "$LAB_DIR/.env" ] && [ ! -d "$LAB_STATE" ]; then
        say "there is nothing to remove"
        return
    fi
    LAB_STATE=$LAB_STATE "$ENGINE" start
    # By label and not with compose, which wants env files that may be gone; and what a test ran of the lab's images
    # without compose.
    ids=$({ docker ps -aq --filter "label=com.docker.compose.project=$LAB_PROJECT"
        own_images | sed 's/^/ancestor=/' | xargs -rn 1 docker ps -aq --filter; } | sort -u)
    xargs -r docker rm -f -v <<<"$ids" >/dev/null
    docker network ls -q --filter "label=com.docker.compose.project=$LAB_PROJECT" | xargs -r docker network rm >/dev/null
    docker volume ls -q --filter "label=com.docker.compose.project=$LAB_PROJECT" | xargs -r docker volume rm >/dev/null
    remove_images
    say "removed containers, network, volume and images"
    [ ! -d "$LAB_STATE/s3" ] || "$S3_SERVER" stop "$LAB_STATE/s3"
    # The engine goes too, if it was started for this lab and nothing else runs on it.
    [ -n "$(docker ps -q)" ] || LAB_STATE=$LAB_STATE "$ENGINE" stop
    rm -rf "$LAB_STATE" 2>/dev/null || sudo rm -rf "$LAB_STATE"
    rm -f "$LAB_DIR/.env"
    say "removed $LAB_STATE"
}

own_images() {
    docker images --filter label=runplan.lab --format '{{.Repository}}:{{.Tag}}' |
        awk -F: -v project="$LAB_PROJECT-" -v image="$LAB_IMAGE" '$1 == image || index($1, project) == 1'
}

# Tagged images first, their untagged parents go with them; what a failed build left is untagged and has no tag to go with.
# The base image goes with the last lab.
remove_images() {
    own_images | xargs -r docker rmi -f >/dev/null || true
    docker images -q --filter label=runplan.lab --filter dangling=true | xargs -r docker rmi >/dev/null 2>&1 || true
    if [ -z "${KEEP_BASE:-}" ] && [[ $LAB_BASE = runplan-lab-base:* ]] &&
            [ "$(docker images -q --filter label=runplan.lab | sort -u | wc -l)" = 1 ]; then
        docker rmi -f "$LAB_BASE" >/dev/null 2>&1 || true
    fi
}

case ${1:-} in
    up) "$@" ;;
    down | reset | status) "$1" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
