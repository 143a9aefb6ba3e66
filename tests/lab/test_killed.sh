# shellcheck shell=bash disable=SC2034,SC2154  # code, run, work: lib.sh
# test_killed.sh: deployments whose runplan is killed, and gone on with (kill.py). torture_*: KILLS of each plan (20), SEED repeats
# them. Three of four bring a good release; the others one that answers with errors, and are killed on their way back. Every third
# is killed once more while it is resumed; for every second one, whoever resumes it comes late.

KILLS=${KILLS:-20}
export RUNPLAN LAB_STATE LAB_PREFIX

# No request is lost, whatever a bad release answers itself.
only_its_own_errors() {
    local lost
    lost=$(of_load '.failed - (.by_status["500"] // 0)')
    equals "requests that failed, but for the release's own errors" "$lost" 0
    [ "$lost" = 0 ] || of_load '.by_status, .latency, .errors[]' | jq -c .
}

# whole RELEASE: all that answers is of this release, and all that nginx names runs it.
whole() {
    local name
    equals "traffic is on one release" "$(for _ in {1..20}; do live version; done | sort -u)" "$1"
    for name in $(lab/route.sh show); do
        equals "what runs on $name" "$(docker inspect -f '{{.Config.Image}} {{.State.Health.Status}}' "$LAB_PREFIX$name")" "$LAB_IMAGE:$1 healthy"
    done
    equals "containers that are left with a name of no service" "$(docker ps -a --format '{{.Names}}' | grep -v "^$LAB_PREFIX" | grep "$LAB_PREFIX")" ""
    equals "a route that was left half way" "$(find "$LAB_STATE/nginx" -name '*.next*')" ""
}

# with_load LABEL KILL.PY'S ARGUMENTS: kill.py in the middle of load, and then what users saw.
with_load() {
    load_start
    check "$1" tests/lab/kill.py "${@:2}" >"$work/said"
    load_end
    grep -v '^ends with' "$work/said"
    only_its_own_errors
    case $(sed -n 's/^ends with //p' "$work/said") in
        0) whole "$release" ;;
        1 | nothing) whole v1 ;;
        *) fail "$1: no end" ;;
    esac
}

# killed PLAN PREPARE OPTIONS...
killed() {
    local plan=$1 prepare=$2 command number goods=0 bads=0 options release seed=${SEED:-$(date +%s)}
    command=("$RUNPLAN" run "plans/$plan" "${settings[@]}" --yes "${@:3}")
    rm -f "$work/facts"
    echo "$plan killed $KILLS times, seed $seed, load $(cut -d' ' -f1 /proc/loadavg)"
    for release in v2 v2-errors; do
        [ "$release" = v2 ] || lab/lab.sh reset >"$work/reset" 2>&1
        $prepare
        with_load "$release without a kill" calm "$work" "$release" --answer "$([ $release = v2 ]; echo $?)" \
            -- "${command[@]}" --set "version=$release"
    done
    for ((number = 0; number < KILLS; number++)); do
        lab/lab.sh reset >"$work/reset" 2>&1 || { fail "the lab cannot be reset"; return; }
        $prepare
        options=()
        [ $((number % 3)) != 2 ] || options+=(--twice)
        [ $((number % 2)) != 0 ] || options+=(--late)
        if [ $((number % 4)) = 3 ]; then
            release=v2-errors
            options+=("$((bads++))" $((KILLS / 4)) "$seed" --back --answer 1)
        else
            release=v2
            options+=("$((goods++))" $((KILLS - KILLS / 4)) "$seed")
        fi
        with_load "number $number" kill "$work" "$release" "${options[@]}" -- "${command[@]}" --set "version=$release"
    done
    tests/lab/kill.py totals "$work"
}

torture_blue_green_is_killed() { killed blue_green.plan true --set soak=4s; }
torture_canary_is_killed() { killed canary.plan true --set bake_5=3s --set bake_25=2s --set bake_50=2s --set bake_100=2s; }
torture_rolling_is_killed() { killed rolling.plan three_instances --set settles_within=3s; }

# One kill of each plan: in the reload, the route of the second rung, a container that is made anew; twice, late, and just so.
killed_once() { # PLAN CHANGE OPTIONS... -- RUN'S OPTIONS...
    local release=v2 options=()
    lab/lab.sh reset >"$work/reset" 2>&1
    [ "$1" != rolling.plan ] || three_instances
    rm -f "$work/facts"
    while [ "$3" != -- ]; do
        options+=("$3")
        set -- "$1" "$2" "${@:4}"
    done
    with_load "$1" kill "$work" - "$2" 1 1 "${options[@]}" -- "$RUNPLAN" run "plans/$1" "${settings[@]}" --yes --set version=v2 "${@:4}"
}

test_killed_once_each() {
    killed_once blue_green.plan 8 --late -- --set soak=1s
    killed_once canary.plan 12 --twice -- --set bake_5=1s --set bake_25=1s --set bake_50=1s --set bake_100=1s
    killed_once rolling.plan 10 -- --set settles_within=1s
}
