# shellcheck shell=bash disable=SC2034,SC2154  # code, run: for the tests; test: run.sh
# lib.sh: what the tests of tests/lab share. A test is a function test_*, or long_* where `make test` should not wait for it; `check` and its kin count; nothing else does.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
# shellcheck source=lab/env.sh
. lab/env.sh

RUNPLAN=${RUNPLAN:-./runplan}
SITE=http://127.0.0.1:$LAB_PORT_HTTP
RATE=100                                  # requests a second while a deployment is tested
work=$(mktemp -d)
export RUNPLAN_STATE=$work/locks
passed=0
failed=0
load=
trap 'finish' EXIT

finish() {
    [ -z "$load" ] || kill "$load" 2>/dev/null
    ! mountpoint -q "$work/small" || as_root umount "$work/small"
    rm -rf "$work"
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# ---- what is counted ----

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    printf 'FAILED %s: %s\n' "$test" "$*"
}
# check LABEL COMMAND...
check() {
    local label=$1
    shift
    if "$@"; then pass; else fail "$label ($*)"; fi
}
# equals LABEL GOT WANTED
equals() { if [ "$2" = "$3" ]; then pass; else fail "$1: got '$2', wanted '$3'"; fi; }
# says TEXT: the last run said so.
says() { if grep -qF -- "$1" "$work/out"; then pass; else fail "the run did not say: $1"; fi; }
never_says() { if grep -qF -- "$1" "$work/out"; then fail "the run said: $1"; else pass; fi; }

# figure WHAT MEASURED RUNBOOK: a row of the table at the end.
figure() { printf '%s|%s|%s\n' "$1" "$2" "$3" >>"$work/figures"; }
seconds_between() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f s", b - a }'; }

# The time without answers, as the requests that got none at RATE a second.
downtime() { awk -v n="$(of_load .failed)" -v r="$RATE" 'BEGIN { printf "%.1f s", n / r }'; }

# ---- the world ----

psql() { docker exec -i "${LAB_PREFIX}postgres" psql -qAt -U postgres -v ON_ERROR_STOP=1 "$@"; }
live() { curl -sf --max-time 5 "$SITE/health/" | jq -r ".$1"; }
dumps() { find "$LAB_STATE/backups" -mindepth 1 | sort; }

# All that a deployment may change, but for what its rows say that they leave (images, dumps, lines in the log). A
# container that was made anew may differ in its id; its name, image, environment, ports and state may not.
snapshot() {
    local id
    echo "== upstream"
    cat "$LAB_STATE/nginx/"*
    find "$LAB_STATE/nginx" -mindepth 1 | sort
    echo "== containers"
    for id in $(docker ps -aq --filter "name=^/$LAB_PREFIX"); do
        docker inspect -f '{{.Name}} {{.Config.Image}} {{.State.Running}} {{.HostConfig.PortBindings}} {{.Config.Cmd}}' "$id"
        # A digest: these are passwords.
        docker inspect -f '{{.Name}} environment {{.Config.Env}}' "$id" | sha256sum
    done | sort
    echo "== networks and volumes"
    docker network ls --filter "name=$LAB_PROJECT" --format '{{.Name}}'
    docker volume ls --filter "name=$LAB_PROJECT" --format '{{.Name}}'
    echo "== databases"
    psql -c 'SELECT datname, datdba, datconnlimit FROM pg_database ORDER BY 1'
    echo "== schema"
    psql -d thebot_db -c "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
                          WHERE table_schema = 'public' ORDER BY 1, 2"
    echo "== migrations"
    psql -d thebot_db -c 'SELECT app, name FROM schema_migrations ORDER BY 1, 2'
    echo "== rows"
    psql -d thebot_db -c 'SELECT count(*) FROM materials_material' -c 'SELECT count(*) FROM accounts_user'
}
images() { docker images --filter label=runplan.lab --format '{{.Repository}}:{{.Tag}} {{.ID}}' | grep -E "^($LAB_PROJECT-|$LAB_IMAGE:)" | sort; }
remember() { snapshot >"$work/before"; images >"$work/images"; }
nothing_changed() {
    snapshot >"$work/after"
    if diff -u "$work/before" "$work/after" >"$work/diff"; then pass; else
        fail "something is left changed"
        cat "$work/diff"
    fi
    # No image is taken away or made another.
    images >"$work/images.after"
    equals "images that are gone" "$(comm -23 "$work/images" "$work/images.after")" ""
}

# ---- load ----

load_start() {
    rm -f "$work/load.json"
    lab/load.py --url "$SITE/materials/" --rate "$RATE" --out "$work/load.json" >/dev/null &
    load=$!
    sleep 0.5
}
load_end() {
    sleep 0.5
    kill -TERM "$load"
    wait "$load"
    load=
}
of_load() { jq -r "$1" "$work/load.json"; }
nobody_noticed() {
    check "there was load" [ "$(of_load .sent)" -gt 100 ]
    equals "failed requests" "$(of_load .failed)" 0
}

# ---- runs ----

# Where this lab is: a param of plans/lib/stack.plan each.
settings=(--env lab --set "site=$SITE" --set "blue_address=http://127.0.0.1:$LAB_PORT_BLUE"
    --set "green_address=http://127.0.0.1:$LAB_PORT_GREEN" --set "prometheus=http://127.0.0.1:$LAB_PORT_PROM"
    --set "database_address=127.0.0.1:$LAB_PORT_PG" --set "container_prefix=$LAB_PREFIX" --set "backend_image=$LAB_IMAGE")
# And what a verification has to know of it: plans/lib/verification.plan, plans/lib/flags.plan.
outside=(--set "front_end=$SITE" --set "plain_front_end=$SITE" --set "tls_address=127.0.0.1:$LAB_PORT_HTTPS"
    --set "chat_room=ws://127.0.0.1:$LAB_PORT_HTTP/ws/chat/verification/" --set "redis_address=127.0.0.1:$LAB_PORT_REDIS"
    --set "host_name=$LAB_HOST" --set "authorities=$LAB_STATE/tls/ca.crt")

# plan FILE [OPTIONS]: runs one of plans/ to its end; leaves code, $work/out and $work/journal.
plan() {
    plan_start "$@"
    plan_end
}
plan_start() {
    PLAN=plans/$1
    shift
    rm -f "$work/journal"
    "$RUNPLAN" "$PLAN" "${settings[@]}" --journal "$work/journal" "$@" >"$work/out" 2>&1 </dev/null &
    run=$!
}
# deploy VERSION [OPTIONS]: plans/blue_green.plan.
deploy() {
    deploy_start "$@"
    plan_end
}
deploy_start() {
    local version=$1
    shift
    plan_start blue_green.plan --set "version=$version" --set soak=4s "$@"
}
plan_end() {
    wait "$run"
    code=$?
}
# until_so COMMAND...: it succeeds. The condition ends the wait; the minutes are for what hangs.
until_so() {
    local deadline=$((SECONDS + 300))
    until "$@"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.1
    done
}
# The run that was started has come to an event: happened TYPE TEXT (both as they stand in the journal's row).
happened() {
    until_so has_come "$@" && grep -F "\"type\":\"$1\"" "$work/journal" 2>/dev/null | grep -qF -- "$2"
}
has_come() { ! kill -0 "$run" 2>/dev/null || grep -F "\"type\":\"$1\"" "$work/journal" 2>/dev/null | grep -qF -- "$2"; }
# held N: a plan that holds several times has come to the N-th of them.
held() { until_so has_held "$1" && kill -0 "$run" 2>/dev/null; }
has_held() { ! kill -0 "$run" 2>/dev/null || [ "$(grep -hF '"type":"holding"' "$work/journal" 2>/dev/null | wc -l)" -ge "$1" ]; }
# of_run FILTER: what jq makes of the list of the run's events.
of_run() { jq -rs "$1" "$work/journal"; }
# The run's record, replayed against its plan, is the same run.
replays() {
    if "$RUNPLAN" replay "$PLAN" --journal "$work/journal" >"$work/replay" 2>&1 </dev/null; then pass; else
        fail "its record does not replay: $(head -n 3 "$work/replay")"
    fi
}
# live_now VERSION: this release serves on green, as after a deployment; v1 stands by on blue.
live_now() {
    VERSION=$1 compose up -d --no-build backend-green >"$work/compose" 2>&1 || { fail "no green"; return 1; }
    wait_healthy backend-green
    docker exec "${LAB_PREFIX}backend-green" python manage.py migrate --noinput >/dev/null
    lab/route.sh green
    until [ "$(live version) $(live version) $(live version)" = "$1 $1 $1" ]; do sleep 0.1; done
}
# The seconds between the first and the last of these events of the run: took EVENT... (jq's conditions on an event).
took() { of_run "[.[] | select($1)] | (.[-1].wall - .[0].wall) / 1e8 | round / 10 | \"\(.) s\""; }
on_release() { # VERSION COLOUR
    equals "the release that answers" "$(live version)" "$1"
    equals "its colour" "$(live color)" "$2"
    equals "what nginx is told" "$(lab/route.sh show)" "backend-$2"
}
