#!/bin/bash
# fault.sh NAME on [VALUE] | NAME off | clear | list: makes the lab ill in one way, and well again.
#
#   errors [0.1]                 this share of the requests is answered with 500
#   slow [1.5]                   seconds that every answer takes longer
#   unhealthy                    /health/ answers 503
#   login                        nobody can log in
#   payments                     the payment system is down
#   websocket                    the backend refuses WebSockets
#   slow-queries [0.3]           seconds that every SQL statement takes longer
#   queries [50]                 each request makes so many statements more
#   cache                        nothing is found in the cache
#   memory [0.9]                 this share of the container's memory is taken
#   secrets                      passwords and tokens appear in the backend's log
#   alert                        an alert fires
#   header [X-Frame-Options]     the backend leaves this header out
#   cors [closed|open]           no other origin is allowed, or every one
#   hsts, frame-options          the front page lacks the header
#   redirect                     http://LAB_HOST is not sent on to HTTPS
#   upgrade                      nginx does not pass the WebSocket's handshake on
#   static                       /static/js/app.js is missing
#   frontpage                    the front page shows an error
#   certificate [3|strange]      the certificate ends in so many days, or comes from an unknown authority
#   disk [95]                    the disk for uploads is filled to so many percent
#   lock [materials_material]    a session holds this table
#   stopped [SERVICE]            a service's container is stopped; without a name the live backend's
#   restart-loop [memory|port|database|redis]   the live backend cannot start, and is started for ever
#   registry-image [v1]          the release is missing in the registry
#   registry-credentials         the registry wants another password
#
# Faults of the backend are those of every backend that runs. A fault is on until it is turned off, also over `lab.sh up`;
# `lab.sh reset` ends all. `stopped` may be on for several services at once; off without a name starts them all.
set -euo pipefail
# shellcheck source=lab/env.sh
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
folder=$LAB_STATE/faults              # a file for each that is on: what it was given

usage() { sed -n '2,/^#   registry-credentials/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

live() { live_backends | head -n 1; }
in_nginx() { docker exec "${LAB_PREFIX}nginx" "$@"; }
psql() { docker exec -i "${LAB_PREFIX}postgres" psql -qAt -U postgres -d thebot_db -v ON_ERROR_STOP=1 "$@"; }
reload_if_running() { ! is_running nginx || reload_nginx; }

# backends JSON: sets faults of each that answers; there must be one.
backends() {
    local port answered=
    for port in "$LAB_PORT_BLUE" "$LAB_PORT_GREEN" "$LAB_PORT_0" "$LAB_PORT_1" "$LAB_PORT_2"; do
        if curl -sf -o /dev/null -d "$1" "http://127.0.0.1:$port/fault/"; then answered=1; fi
    done
    [ -n "$answered" ] || [ "$switch" = off ] || die "no backend takes $1"
}

# recreate SERVICE [COMPOSE'S ARGUMENTS]: a backend's container made anew, in the release that it had.
recreate() {
    local service=$1 version
    shift
    version=$(docker inspect -f '{{index .Config.Labels "thebot.version"}}' "$LAB_PREFIX$service" 2>/dev/null || echo v1)
    VERSION=$version compose "$@" up -d --no-build --no-deps --force-recreate "$service" >>"$LAB_STATE/compose.log" 2>&1 ||
        { tail -n 5 "$LAB_STATE/compose.log" >&2; die "could not make $service anew"; }
}
well_again() {
    wait_healthy "$@"
    reload_if_running                     # it may have another address
}

# The services that fault `stopped` has stopped; nginx last, which does not start where its upstream has no address.
stopped() {
    find "$folder" -name 'stopped.*' -printf '%f\n' | cut -d. -f2- |
        awk '$0 == "nginx" { last = $0; next } { print } END { if (last) print last }'
}

restart_loop() {
    local service=$1 cause=$2
    {
        echo "services:"
        echo "  $service:"
        echo "    restart: always"
        case $cause in
            memory) echo "    mem_limit: 10m" ;;
            port) echo '    command: ["sh", "-c", "python -m http.server 8000 >/dev/null 2>&1 & sleep 0.5; exec python -m thebot"]' ;;
            database) echo "    environment: { START_PATIENCE: 0, DATABASE_URL: 'postgresql://postgres:wrong@postgres:5432/thebot_db' }" ;;
            redis) echo "    environment: { START_PATIENCE: 0, REDIS_URL: 'redis://redis:6380/0' }" ;;
            *) die "there is no restart-loop by $cause: memory, port, database or redis" ;;
        esac
    } >"$LAB_STATE/restart-loop.yml"
    recreate "$service" -f "$LAB_STATE/restart-loop.yml"
}

fill_disk() {
    local size used
    size=$(docker exec "${LAB_PREFIX}prometheus" df --output=size,used -k /srv/uploads | tail -n 1)
    read -r size used <<<"$size"
    docker exec -u 0 "$LAB_PREFIX$(live)" dd if=/dev/zero of=/srv/uploads/.filler bs=1k count=$((size * $1 / 100 - used)) status=none
}

# forget_release VERSION: the registry has it no more.
forget_release() {
    local api=http://127.0.0.1:$LAB_PORT_REGISTRY/v2/thebot/manifests user digest
    user=lab:$(<"$LAB_STATE/registry/password")
    digest=$(curl -sf -I -u "$user" -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "$api/$1" |
        tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')
    [ -n "$digest" ] || die "the registry has no $1 (lab/lab.sh up registry)"
    curl -sf -X DELETE -u "$user" "$api/$digest"
}

turn() {
    local name=$1 value=$3
    switch=$2
    case $name in
        errors) number "$value" 0.1 0.0; backends "{\"error_rate\": $set}" ;;
        slow) number "$value" 1.5 0.0; backends "{\"latency\": $set}" ;;
        slow-queries) number "$value" 0.3 0.0; backends "{\"slow_query\": $set}" ;;
        queries) number "$value" 50 0; backends "{\"queries\": ${set%.*}}" ;;
        memory) number "$value" 0.9 0.0; backends "{\"memory\": $set}" ;;
        unhealthy | login | payments | websocket | cache | alert) if_on true false; backends "{\"$name\": $set}" ;;
        header) if_on "${value:-X-Frame-Options}" ""; backends "{\"missing_header\": \"$set\"}" ;;
        cors) if_on "${value:-closed}" ""; backends "{\"cors\": \"$set\"}" ;;
        secrets)
            if_on true false
            backends "{\"leak\": $set}"
            # The log ends with its container.
            if [ "$switch" = off ]; then
                mapfile -t services < <(for service in "${LAB_BACKENDS[@]}"; do ! is_running "$service" || echo "$service"; done)
                for service in "${services[@]}"; do recreate "$service"; done
                well_again "${services[@]}"
            fi
            ;;
        hsts | frame-options | redirect | upgrade)
            write_edge
            reload_if_running
            ;;
        static) if [ "$switch" = on ]; then move_html static/js/app.js{,.away}; else move_html static/js/app.js{.away,}; fi ;;
        frontpage)
            if [ "$switch" = on ]; then
                in_nginx sh -c 'cd /usr/share/thebot && cp -n index.html index.html.away &&
                    echo "<!DOCTYPE html><title>THE_BOT</title><h1>Server Error (500)</h1><p>An error occurred." >index.html'
            else move_html index.html{.away,}; fi
            ;;
        certificate)
            if [ "$switch:$value" = on:strange ]; then
                "$LAB_DIR/certificate.sh" 90 strange
            else
                if_on "${value:-3}" 90
                "$LAB_DIR/certificate.sh" "$set"
            fi
            reload_if_running
            ;;
        disk)
            if [ "$switch" = off ] && ! is_running "$(live)"; then return; fi       # reset empties it
            docker exec -u 0 "$LAB_PREFIX$(live)" rm -f /srv/uploads/.filler
            [ "$switch" = off ] || fill_disk "${value:-95}"
            ;;
        lock)
            # Told by its name, which the session of the next fault has as well.
            if [ "$switch" = off ] && ! is_running postgres; then return; fi
            psql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lab fault: lock'" >/dev/null
            if [ "$switch" = on ]; then
                docker exec -d -e PGAPPNAME='lab fault: lock' "${LAB_PREFIX}postgres" psql -U postgres -d thebot_db \
                    -c "BEGIN; LOCK TABLE ${value:-materials_material} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(3600)"
                until_true 60 "the table is not locked" has_lock
            fi
            ;;
        stopped)
            if [ "$switch" = on ]; then docker stop -t 5 "$LAB_PREFIX${value:-$(live)}" >/dev/null; elif docker start "$LAB_PREFIX$value" >/dev/null 2>&1; then       # it may be gone
                wait_healthy "$value"
                case $value in backend-*) reload_if_running ;; esac
            fi
            ;;
        restart-loop)
            if [ "$switch" = on ]; then
                set=${was:-$(live)}       # one that has the fault keeps it, with another cause
                restart_loop "$set" "${value:-memory}"
                echo "$set" >"$folder/restart-loop"
            else
                recreate "$was"
                well_again "$was"
            fi
            ;;
        registry-image) if [ "$switch" = on ]; then forget_release "${value:-v1}"; else push_release "${was:-v1}"; fi ;;
        registry-credentials)
            [ -s "$LAB_STATE/registry/password" ] || die "there is no registry (lab/lab.sh up registry)"
            if_on "another password" "$(<"$LAB_STATE/registry/password")"
            registry_accepts "$set"
            ;;
        *) usage ;;
    esac
}

# if_on VALUE OTHERWISE: into `set`.
if_on() { if [ "$switch" = on ]; then set=$1; else set=$2; fi; }
# number VALUE DEFAULT OTHERWISE: likewise, of a number.
number() {
    [[ ${1:-$2} =~ ^[0-9]+(\.[0-9]+)?$ ]] || die "$1 is no number"
    if_on "${1:-$2}" "$3"
}
# Within nginx's container. One that does not run is made anew from its image, which is well.
move_html() {
    is_running nginx || { docker rm -f "${LAB_PREFIX}nginx" >/dev/null; return; }
    # shellcheck disable=SC2016  # the inner shell's
    in_nginx sh -c 'cd /usr/share/thebot && if [ -e "$1" ]; then mv "$1" "$2"; fi' sh "$1" "$2"
}
has_lock() { [ "$(psql -c "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
    WHERE a.application_name = 'lab fault: lock' AND l.mode = 'AccessExclusiveLock' AND l.granted AND l.relation IS NOT NULL")" != 0 ]; }
until_true() {
    local deadline=$((SECONDS + $1)) message=$2
    shift 2
    until "$@"; do
        ((SECONDS < deadline)) || die "$message"
        sleep 0.05
    done
}

# on NAME VALUE: the mark comes first, write_edge reads it; of a fault that could not be turned on none is left.
turn_on() {
    local mark=$folder/$1
    if [ "$1" = stopped ]; then mark=$folder/stopped.${2:-$(live)}; fi
    was=$(cat "$mark" 2>/dev/null || true)
    printf '%s\n' "$2" >"$mark"
    # shellcheck disable=SC2064  # the name as it is now
    trap "rm -f '$mark'" EXIT
    turn "$1" on "$2"
    trap - EXIT
}
turn_off() {
    local service
    was=$(cat "$folder/$1" 2>/dev/null || true)
    rm -f "$folder/$1"
    if [ "$1" != stopped ]; then turn "$1" off ""; return; fi
    for service in ${2:-$(stopped)}; do
        rm -f "$folder/stopped.$service"
        turn stopped off "$service"
    done
}

[ -f "$LAB_STATE/lab.env" ] || die "the lab is not up"
mkdir -p "$folder"
case ${1:-}:${2:-} in
    list:) find "$folder" -type f -printf '%f ' -exec cat {} \; | sort | sed 's/^/fault: /' ;;
    clear:)
        # The others may need what does not run; and nginx, a backend that stays up.
        for service in $(stopped | sed /^nginx$/d); do turn_off stopped "$service"; done
        [ ! -e "$folder/restart-loop" ] || turn_off restart-loop ""
        [ -z "$(stopped)" ] || turn_off stopped nginx
        for mark in "$folder"/*; do [ ! -e "$mark" ] || turn_off "${mark##*/}" ""; done
        ;;
    *:on) turn_on "$1" "${3:-}" ;;
    *:off) turn_off "$1" "${3:-}" ;;
    *) usage ;;
esac
