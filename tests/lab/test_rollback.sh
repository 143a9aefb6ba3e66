# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_rollback.sh: plans/rollback.plan, rollback_zero_downtime.plan and blue_green_cleanup.plan: the ways back.

step_took() { took "(.type == \"step.started\" or .type == \"step.ended\") and (.text | startswith(\"$1\"))"; }

test_rollback_in_place() {
    live_now v2 || return
    load_start
    plan rollback.plan
    load_end
    equals "exit code" "$code" 0
    on_release v1 green
    local record
    record=$(find "$LAB_STATE/backups" -name 'incident_*.dump')
    equals "the state was saved before the backend stopped: migrations in the dump" \
        "$(pg_restore -f - -t schema_migrations "$record" | grep -c 0002_difficulty)" 1
    check "the log of what went was kept" [ -s "${record%.dump}_backend-green.log" ]
    equals "who may read it" "$(stat -c %a "${record%.dump}_backend-green.log")" 600
    check "the notice names both" grep -q 'v2 was rolled back to v1' "${record%.dump}.txt"
    equals "the log of deployments" "$(tail -n 1 "$LAB_STATE/deployments.log" | grep -c 'v2 was rolled back to v1')" 1
    figure "rollback in place: rollback time" "$(step_took 'Run v1 in place')" "< 1 min"
    figure "rollback in place: downtime" "$(downtime)" "not told"
    replays
}

long_rollback_to_an_image_that_is_missing() {
    live_now v2 || return
    remember
    load_start
    plan rollback.plan --set version=v0
    equals "exit code" "$code" 4
    says "there is no image of v0"
    plan rollback_zero_downtime.plan --set version=v0
    load_end
    equals "exit code of the other" "$code" 4
    equals "failed requests" "$(of_load .failed)" 0
    nothing_changed
    equals "dumps" "$(dumps)" ""
}

# The older release cannot serve either: what ran comes back.
long_rollback_to_a_release_that_is_ill() {
    live_now v2 || return
    remember
    plan rollback.plan --set version=v2-unhealthy
    equals "exit code" "$code" 1
    says "v2-unhealthy on green is not healthy"
    on_release v2 green
    nothing_changed
    load_start
    plan rollback_zero_downtime.plan --set version=v2-unhealthy
    load_end
    equals "exit code of the other" "$code" 1
    nobody_noticed
    on_release v2 green
    nothing_changed
}

long_rollback_without_downtime() {
    live_now v2 || return
    docker rm -f "${LAB_PREFIX}backend-blue" >/dev/null
    load_start
    plan rollback_zero_downtime.plan --set version=v1
    equals "exit code" "$code" 0
    on_release v1 blue
    figure "zero-downtime rollback: rollback time" \
        "$(took '(.type == "step.started" and (.text | startswith("Start v1"))) or (.type == "step.ended" and (.text | startswith("Switch")))')" "5 to 10 min"
    # v2 stands by now: back to it takes a switch.
    plan rollback_zero_downtime.plan
    load_end
    equals "exit code of the way back" "$code" 0
    on_release v2 green
    nobody_noticed
    equals "traffic went there and came back" "$(of_load '[.timeline[1:][].to] | join(" ")')" "v1 v2"
    figure "zero-downtime rollback: downtime" "$(downtime)" "0 s"
    figure "blue-green: rollback time" "$(step_took 'Switch')" "< 1 min"
    replays
}

long_cleanup_and_the_way_back_after_it() {
    live_now v2 || return
    load_start
    plan blue_green_cleanup.plan --set watched_for=1h
    equals "exit code within the first hour" "$code" 4
    equals "what stands by" "$(docker inspect -f '{{.State.Running}}' "${LAB_PREFIX}backend-blue")" true

    plan blue_green_cleanup.plan
    equals "exit code" "$code" 0
    says "the way back to v1 is a deployment now, no longer a switch"
    equals "what could still be undone" "$(of_run '.[-1].data.armed')" 0
    check "blue is gone" [ -z "$(docker ps -aq --filter "name=^/${LAB_PREFIX}backend-blue$")" ]
    on_release v2 green

    plan rollback_zero_downtime.plan
    equals "exit code of a way back that is a switch" "$code" 4
    says "nothing stands by"
    plan rollback_zero_downtime.plan --set version=v1
    equals "exit code of a way back that is a deployment" "$code" 0
    load_end
    on_release v1 blue
    nobody_noticed
}
