# shellcheck shell=bash disable=SC2034,SC2154  # code, run, work: lib.sh
# test_canary.sh: plans/canary.plan on nginx's real weights.

climb() { # [OPTIONS]
    plan_start canary.plan --set version=v2 --set bake_5=3s --set bake_25=3s --set bake_50=3s --set bake_100=3s "$@"
}

# The canary's share of what nginx answered while the N-th rung was held, in percent. nginx logs whole seconds, and its
# old workers may answer for half a second after a reload: only the seconds within the hold count.
share_on_rung() { # N
    local span
    read -ra span < <(of_run "[.[] | select(.type == \"holding\")][$1 - 1] |
        \"\(.wall / 1e9 + 0.5 | ceil) \((.wall + .data.duration[\"\$duration\"]) / 1e9 | floor)\"")
    docker logs --since "$((span[0] - 5))" "${LAB_PREFIX}nginx" 2>/dev/null |
        awk -v from="$(date -u -d "@${span[0]}" +%FT%T)" -v to="$(date -u -d "@${span[1]}" +%FT%T)" '
            $1 >= from && $1 < to && $4 == "/materials/\"" { all++; if ($NF == "v2") canary++ }
            END { printf "%.1f", all ? 100 * canary / all : -1 }'
}
within_two_points() { # LABEL GOT WANTED
    check "$1: $2% for $3%" awk -v got="$2" -v wanted="$3" 'BEGIN { exit !(got - wanted <= 2 && wanted - got <= 2) }'
}

test_canary_climbs_rung_by_rung() {
    local RATE=200 rung=0 share
    load_start
    climb
    plan_end
    sleep 1                               # nginx's log is written each second
    load_end
    equals "exit code" "$code" 0
    nobody_noticed
    figure "canary: downtime" "$(downtime)" "0 min"
    for share in 5 25 50 100; do
        rung=$((rung + 1))
        says "Canary Phase $rung"
        within_two_points "phase $rung" "$(share_on_rung "$rung")" "$share"
    done
    on_release v2 green
    equals "the stable release stands by" \
        "$(docker inspect -f '{{.Config.Image}} {{.State.Health.Status}}' "${LAB_PREFIX}backend-blue")" "$LAB_IMAGE:v1 healthy"
    replays
}

command_takes() { # in seconds
    local began=$EPOCHREALTIME
    docker exec "${LAB_PREFIX}nginx" true
    awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }'
}

# Errors are injected when the canary has 25%. All traffic must be off it a second after the verdict.
test_canary_with_errors_at_25_percent() {
    remember
    load_start
    climb --set bake_25=30s
    check "the run holds at 25%" held 2
    sleep 1
    curl -sf -o /dev/null -d '{"error_rate": 0.5}' "http://127.0.0.1:$LAB_PORT_GREEN/fault/"
    plan_end
    load_end
    equals "exit code" "$code" 1
    equals "where it failed" "$(of_run '.[-1].data.failure.step')" "Canary Phase 2: 25% of the traffic"
    on_release v1 blue
    equals "no request was lost by a switch" "$(of_load '.failed - .by_status["500"]')" 0
    local verdict last
    verdict=$(of_run '[.[] | select(.type == "sample" and .data.verdict == "breach")][0].wall / 1e9')
    last=$(of_load '.timeline[-1].settled')
    figure "canary: rollback time" "$(seconds_between "$verdict" "$last")" "2 to 5 min"
    # A second, or what five commands in a container take now, where the machine is too busy for that.
    check "from the verdict to the last answer: $last - $verdict" \
        awk -v a="$verdict" -v b="$last" -v command="$(command_takes)" 'BEGIN { exit !(b - a <= 1 || b - a <= 5 * command) }'
    nothing_changed
    replays
}

# Who cannot see does not go on: the canary is fine here, and nobody knows.
# shellcheck disable=SC2016  # $gone is jq's
long_canary_without_prometheus() {
    remember
    load_start
    climb --set bake_25=30s
    check "the run holds at 25%" held 2
    sleep 1
    docker stop -t 0 "${LAB_PREFIX}prometheus" >/dev/null
    plan_end
    load_end
    docker start "${LAB_PREFIX}prometheus" >/dev/null
    equals "exit code" "$code" 1
    equals "where it failed" "$(of_run '.[-1].data.failure.step')" "Canary Phase 2: 25% of the traffic"
    says "no data"
    equals "samples that were fine without Prometheus" \
        "$(of_run '([.[] | select(.type == "sample" and .data.verdict == "no data")][0].seq) as $gone |
            [.[] | select(.type == "sample" and .seq > $gone and .data.verdict == "ok")] | length')" 0
    on_release v1 blue
    nobody_noticed
    nothing_changed
}

long_canary_interrupted_at_half_of_the_traffic() {
    remember
    load_start
    climb --set bake_50=60s
    check "the run holds at 50%" held 3
    sleep 1
    kill -INT "$run"
    plan_end
    load_end
    equals "exit code" "$code" 130
    on_release v1 blue
    nobody_noticed
    nothing_changed
    replays
}
