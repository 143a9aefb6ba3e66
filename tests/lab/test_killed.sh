# shellcheck shell=bash disable=SC2034,SC2154  # code, run, work: lib.sh
# test_killed.sh: deployments whose runplan is killed at random instants, and gone on with (kill.py). Three of four bring a good
# release; the others one that answers with errors, and are killed on their way back. Every third is killed once more while it is
# resumed. KILLS of each plan (20), SEED repeats them.

KILLS=${KILLS:-20}
SEED=${SEED:-$(date +%s)}

# Nobody but a release's own fault is to be noticed.
only_its_own_errors() { equals "requests that failed, but for the release's own errors" "$(of_load '.failed - (.by_status["500"] // 0)')" 0; }

# whole RELEASE: all that answers is of this release, and all that nginx names runs it.
whole() {
    local name
    equals "traffic is on one release" "$(for _ in {1..20}; do live version; done | sort -u)" "$1"
    for name in $(lab/route.sh show); do
        equals "what runs on $name" "$(docker inspect -f '{{.Config.Image}} {{.State.Health.Status}}' "$LAB_PREFIX$name")" "$LAB_IMAGE:$1 healthy"
    done
    equals "containers with a name of none" "$(docker ps -a --format '{{.Names}}' | grep -v "^$LAB_PREFIX" | grep "$LAB_PREFIX")" ""
    equals "what waits to be told to nginx" "$(ls "$LAB_STATE/nginx" | grep next)" ""
}

calmly() { # NAME RELEASE EXIT
    prepare || return
    load_start
    check "$plan with $2, without a kill" tests/lab/kill.py calm "$work" "$1" --answer "$3" -- "${command[@]}" --set "version=$2"
    load_end
}

# killed PLAN PREPARE OPTIONS...
killed() {
    local plan=$1 prepare=$2 command number goods=0 bads=0 twice
    command=("$RUNPLAN" run "plans/$plan" "${settings[@]}" --yes "${@:3}")
    export RUNPLAN LAB_STATE LAB_PREFIX
    rm -f "$work/facts"
    echo "$plan killed $KILLS times, seed $SEED"
    prepare() { lab/lab.sh reset >"$work/reset" 2>&1 && $prepare; }
    calmly good v2 0
    calmly bad v2-errors 1
    for ((number = 0; number < KILLS; number++)); do
        prepare || { fail "the lab cannot be reset"; return; }
        twice=()
        [ $((number % 3)) != 2 ] || twice=(--twice)
        load_start
        if [ $((number % 4)) = 3 ]; then
            check "number $number" tests/lab/kill.py kill "$work" bad "$((bads++))" "$((KILLS / 4))" "$SEED" --back "${twice[@]}" --answer 1 \
                -- "${command[@]}" --set version=v2-errors >"$work/said"
        else
            check "number $number" tests/lab/kill.py kill "$work" good "$((goods++))" "$((KILLS - KILLS / 4))" "$SEED" "${twice[@]}" \
                -- "${command[@]}" --set version=v2 >"$work/said"
        fi
        load_end
        grep -v '^ends with' "$work/said"
        only_its_own_errors
        case $(sed -n 's/^ends with //p' "$work/said") in
            0) whole v2 ;;
            1 | nothing) whole v1 ;;
            *) fail "number $number: no end" ;;
        esac
    done
    tests/lab/kill.py totals "$work"
}

long_blue_green_is_killed() { killed blue_green.plan true --set soak=4s; }
long_canary_is_killed() { killed canary.plan true --set bake_5=3s --set bake_25=2s --set bake_50=2s --set bake_100=2s; }
long_rolling_is_killed() { killed rolling.plan three_instances --set settles_within=3s; }
