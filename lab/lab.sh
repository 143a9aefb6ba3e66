#!/bin/bash
# lab.sh up|down|reset|status: the whole lab.
#
#   up      starts an engine if none answers, builds what is not built, starts what does not run, waits until all is
#           healthy. Run again it changes nothing: the colour that is live stays live.
#   reset   back to release v1 on blue with the seeded database, no faults, no history in Prometheus (between tests)
#   status  what runs, in which release, and where requests go
#   down    removes all that the lab made: containers, network, volume, images (KEEP_BASE=1 keeps the base image), state,
#           and the engine's process if it was started for the lab
set -euo pipefail
# shellcheck source=lab/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
ENGINE=$LAB_DIR/../scripts/engine.sh
FIRST_RELEASE=v1

psql() { docker exec -i "${LAB_PREFIX}postgres" psql -q -U postgres -v ON_ERROR_STOP=1 "$@"; }
is_running() { [ "$(docker inspect -f '{{.State.Running}}' "$LAB_PREFIX$1" 2>/dev/null)" = true ]; }
random_hex() { od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'; }

write_env() {
    local name
    for name in "${LAB_VARIABLES[@]}"; do printf '%s=%s\n' "$name" "${!name}"; done >"$LAB_DIR/.env"
    echo "COMPOSE_PROJECT_NAME=$LAB_PROJECT" >>"$LAB_DIR/.env"
}

# The passwords and what is derived from them. A file tells, until `up` has ended well, that they are new.
write_state() {
    mkdir -p "$LAB_STATE/nginx" "$LAB_STATE/backups"
    chmod 1777 "$LAB_STATE/backups"       # the server in the container writes there too, as its own user
    [ -f "$LAB_STATE/nginx/upstream.conf" ] || "$LAB_DIR/route.sh" blue
    if [ ! -s "$LAB_STATE/postgres.password" ] || [ ! -s "$LAB_STATE/backend.env" ]; then
        touch "$LAB_STATE/secrets-are-new"
        (
            umask 077
            random_hex 16 >"$LAB_STATE/postgres.password"
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
    # For who works from the host: `set -a; . lab/state/lab.env`.
    (
        umask 077
        cat >"$LAB_STATE/lab.env" <<END
LAB_URL=http://127.0.0.1:$LAB_PORT_HTTP
PROMETHEUS_URL=http://127.0.0.1:$LAB_PORT_PROM
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
    for service in "${LAB_INFRA[@]}"; do
        build_image "$LAB_PROJECT-$service:bookworm" "$service" &
        pids+=($!)
    done
    "$LAB_DIR/release.sh" "$FIRST_RELEASE" &
    pids+=($!)
    for pid in "${pids[@]}"; do wait "$pid"; done
    "$LAB_DIR/release.sh" --all
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
make_seed() {
    [ -z "$(psql -Atc "SELECT 1 FROM pg_database WHERE datname = 'thebot_seed' AND datistemplate")" ] || return 0
    psql -c 'DROP DATABASE IF EXISTS thebot_seed WITH (FORCE)' -c 'CREATE DATABASE thebot_seed' 2>/dev/null
    docker run --rm --network "${LAB_PROJECT}_default" --env-file "$LAB_STATE/backend.env" --entrypoint sh \
        "thebot-backend:$FIRST_RELEASE" -c 'DATABASE_URL=${DATABASE_URL%/*}/thebot_seed exec python manage.py migrate --noinput' \
        >"$LAB_STATE/migrate.log" 2>&1 || { tail -n 5 "$LAB_STATE/migrate.log" >&2; die "could not migrate the database"; }
    psql -d thebot_seed <"$LAB_DIR/postgres/seed.sql"
    psql -c 'ALTER DATABASE thebot_seed WITH IS_TEMPLATE true ALLOW_CONNECTIONS false'
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
    local live service before
    LAB_STATE=$LAB_STATE "$ENGINE" start
    mkdir -p "$LAB_STATE"
    drop_foreign
    write_env
    case $LAB_BASE in
        runplan-lab-base:*)
            docker image inspect "$LAB_BASE" >/dev/null 2>&1 || say "builds the base image (half a minute)"
            "$LAB_DIR/base.sh" ;;
    esac
    build_images
    write_state
    mapfile -t live < <(live_backends)
    before=$(running "${LAB_INFRA[@]}" "${live[@]}")
    if [ -f "$LAB_STATE/secrets-are-new" ] && docker volume inspect "${LAB_PROJECT}_pgdata" >/dev/null 2>&1; then
        change_password
    fi
    for service in "${live[@]}"; do start_backend "$service"; done
    start_infra "${LAB_INFRA[@]}"         # after the backends: nginx wants to resolve the names in its upstream
    wait_healthy 60 "${LAB_INFRA[@]}" "${live[@]}"
    make_seed
    rm -f "$LAB_STATE/secrets-are-new"
    if [ "$before" = "$(running "${LAB_INFRA[@]}" "${live[@]}")" ]; then
        say "runs already, ${live[*]} live"
        return
    fi
    reload_nginx                          # a backend that was started may have another address
    say "up: http://127.0.0.1:$LAB_PORT_HTTP/ (Prometheus $LAB_PORT_PROM, PostgreSQL $LAB_PORT_PG), ${live[*]} live"
}

# A line that changes when one of the containers is started or made anew.
running() { docker inspect -f '{{.Id}} {{.State.StartedAt}}' "${@/#/$LAB_PREFIX}" 2>/dev/null | sha256sum || true; }

# The state folder was lost and the database was not: it gets the new password, and no backend knows it yet.
change_password() {
    start_infra postgres
    wait_healthy 60 postgres
    psql <<<"ALTER ROLE postgres PASSWORD '$(<"$LAB_STATE/postgres.password")'"
    docker rm -f "${LAB_BACKENDS[@]/#/$LAB_PREFIX}" >/dev/null 2>&1 || true
}

reset() {
    local gone=() service pids=() pid
    [ -f "$LAB_STATE/lab.env" ] || die "the lab is not up"
    if ! { is_running postgres && is_running redis && is_running prometheus; }; then
        start_infra postgres redis prometheus
    fi
    wait_healthy 30 postgres
    copy_seed 2>"$LAB_STATE/reset.log" &
    pids+=($!)
    docker exec "${LAB_PREFIX}redis" redis-cli FLUSHALL >/dev/null &
    pids+=($!)
    rm -rf "$LAB_STATE"/backups/* "$LAB_STATE"/nginx/*.next
    if [ "$(docker inspect -f '{{.Image}} {{.State.Running}}' "${LAB_PREFIX}backend-blue" 2>/dev/null)" != \
            "$(docker image inspect -f '{{.Id}}' "thebot-backend:$FIRST_RELEASE") true" ]; then
        docker rm -f "${LAB_PREFIX}backend-blue" >/dev/null 2>&1 || true
    fi
    start_backend backend-blue
    clear_faults
    for pid in "${pids[@]}"; do wait "$pid" || { cat "$LAB_STATE/reset.log" >&2; die "could not reset the stores"; }; done
    "$LAB_DIR/route.sh" blue
    is_running nginx || start_infra nginx
    wait_healthy 30 "${LAB_INFRA[@]}" backend-blue
    wait_for_route
    # Only now what a test may have left: other instances, one-off containers of `compose run`.
    for service in "${LAB_BACKENDS[@]}"; do [ "$service" = backend-blue ] || gone+=("$LAB_PREFIX$service"); done
    mapfile -t -O "${#gone[@]}" gone < <(docker ps -aq --filter "label=com.docker.compose.project=$LAB_PROJECT" \
        --filter label=com.docker.compose.oneoff=True)
    docker rm -f "${gone[@]}" >/dev/null 2>&1 || true      # complains of each that is not there
    # Prometheus forgets, once nothing of before is scraped any more.
    curl -sf -X POST -g "http://127.0.0.1:$LAB_PORT_PROM/api/v1/admin/tsdb/delete_series?match[]={__name__=~\".%2B\"}"
}

# nginx reloads asynchronously: its old workers may take a connection after a new one has. Ten answers in a row will do.
wait_for_route() {
    local deadline=$((SECONDS + 15)) good=0
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

clear_faults() {
    local deadline=$((SECONDS + 15))
    until curl -sf -o /dev/null -d '{"error_rate": 0, "latency": 0, "unhealthy": false}' "http://127.0.0.1:$LAB_PORT_BLUE/fault/"; do
        ((SECONDS < deadline)) || die "backend-blue does not answer"
        sleep 0.05
    done
}

status() {
    local service
    "$ENGINE" status || exit 3
    for service in "${LAB_INFRA[@]}" "${LAB_BACKENDS[@]}"; do
        docker inspect -f '{{slice .Name 1}} {{.Config.Image}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' \
            "$LAB_PREFIX$service" 2>/dev/null || echo "$LAB_PREFIX$service - absent"
    done | column -t
    say "requests go to: $(live_backends | tr '\n' ' ')"
}

down() {
    local ids
    if [ ! -f "$LAB_DIR/.env" ] && [ ! -d "$LAB_STATE" ]; then
        say "there is nothing to remove"
        return
    fi
    LAB_STATE=$LAB_STATE "$ENGINE" start
    # By label and not with compose, which wants env files that may be gone. Containers of the lab's images that a test
    # ran without compose carry the image's label.
    ids=$({ docker ps -aq --filter "label=com.docker.compose.project=$LAB_PROJECT"
        docker ps -a --filter label=runplan.lab --format '{{.ID}} {{.Label "com.docker.compose.project"}}' | awk 'NF == 1'; } | sort -u)
    xargs -r docker rm -f -v <<<"$ids" >/dev/null
    docker network ls -q --filter "label=com.docker.compose.project=$LAB_PROJECT" | xargs -r docker network rm >/dev/null
    docker volume ls -q --filter "label=com.docker.compose.project=$LAB_PROJECT" | xargs -r docker volume rm >/dev/null
    remove_images
    say "removed containers, network, volume and images"
    LAB_STATE=$LAB_STATE "$ENGINE" stop
    rm -rf "$LAB_STATE" 2>/dev/null || sudo rm -rf "$LAB_STATE"
    rm -f "$LAB_DIR/.env"
    say "removed $LAB_STATE"
}

# Tagged images first, their untagged parents go with them; what a failed build left is untagged and has no tag to go with.
remove_images() {
    local keep=${KEEP_BASE:+$LAB_BASE}
    docker images --filter label=runplan.lab --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>' |
        grep -vxF "${keep:-$LAB_BASE}" | xargs -r docker rmi -f >/dev/null || true
    docker images -q --filter label=runplan.lab --filter dangling=true | xargs -r docker rmi -f >/dev/null 2>&1 || true
    if [ -z "$keep" ]; then
        case $LAB_BASE in runplan-lab-base:*) docker rmi -f "$LAB_BASE" >/dev/null 2>&1 || true ;; esac
    fi
}

case ${1:-} in
    up | down | reset | status) "$1" ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
