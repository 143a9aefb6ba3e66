# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_rolling.sh: plans/rolling.plan on three instances behind nginx.

three_instances() {
    VERSION=v1 compose up -d --no-build backend-0 backend-1 backend-2 >"$work/compose" 2>&1 || { fail "no instances"; return 1; }
    wait_healthy backend-0 backend-1 backend-2
    lab/route.sh rolling
    until_so instances_serve && until_so holds 'count(up{job=~"backend-[012]"} == 1) == bool 3'
}
# nginx's old workers, which know blue only, have gone.
instances_serve() {
    local i
    for i in {1..10}; do [[ $(live instance) = backend-[012] ]] || return 1; done
}
releases() {
    local i
    for i in 0 1 2; do docker inspect -f '{{.Config.Image}} {{.State.Health.Status}}' "${LAB_PREFIX}backend-$i"; done | tr '\n' ' '
}
started() { docker inspect -f '{{.Id}} {{.State.StartedAt}}' "${LAB_PREFIX}backend-$1"; }

test_rolling_one_after_another() {
    three_instances || return
    load_start
    plan rolling.plan --set version=v2
    load_end
    equals "exit code" "$code" 0
    nobody_noticed
    figure "rolling: downtime" "$(downtime)" "0 min"
    equals "both releases answered" "$(of_load '.by_version | keys | join(" ")')" "v1 v2"
    equals "what runs" "$(releases)" "$LAB_IMAGE:v2 healthy $LAB_IMAGE:v2 healthy $LAB_IMAGE:v2 healthy "
    equals "what nginx is told" "$(lab/route.sh show | tr '\n' ' ')" "backend-0 backend-1 backend-2 "
    equals "migrations" "$(psql -d thebot_db -c 'SELECT count(*) FROM schema_migrations')" 4
    replays
}

long_rolling_two_at_a_time() {
    three_instances || return
    load_start
    plan rolling.plan --set version=v2 --set at_once=2
    load_end
    equals "exit code" "$code" 0
    nobody_noticed
    equals "what runs" "$(releases)" "$LAB_IMAGE:v2 healthy $LAB_IMAGE:v2 healthy $LAB_IMAGE:v2 healthy "
}

# Instance 1 gets the new release and is never healthy with it.
long_rolling_with_an_instance_that_is_ill() {
    local untouched first
    three_instances || return
    untouched=$(started 2)
    first=$(started 0)
    remember
    load_start
    plan_start rolling.plan --set version=v2
    check "the run comes to instance 1" happened step.started "Run v2 on 1"
    until grep -qF '"type":"handler.started"' "$work/journal" || ! kill -0 "$run" 2>/dev/null; do
        curl -s -o /dev/null --max-time 3 -d '{"unhealthy": true}' "http://127.0.0.1:$LAB_PORT_1/fault/"
        sleep 0.05
    done
    plan_end
    load_end
    equals "exit code" "$code" 1
    says "v2 on 1 is not healthy"
    nobody_noticed
    equals "what runs" "$(releases)" "$LAB_IMAGE:v1 healthy $LAB_IMAGE:v1 healthy $LAB_IMAGE:v1 healthy "
    equals "instance 2 was not touched" "$(started 2)" "$untouched"
    check "instance 0 was put back" [ "$(started 0)" != "$first" ]
    check "instance 0 had served the new release" [ "$(of_load '.by_version.v2')" -gt 0 ]
    figure "rolling: rollback time" \
        "$(seconds_between "$(of_run '[.[] | select(.type == "handler.started")][0].wall / 1e9')" \
            "$(of_run '[.[] | select(.type == "handler.ended")][-1].wall / 1e9')")" "3 to 10 min"
    nothing_changed
    replays
}

long_rolling_interrupted() {
    three_instances || return
    remember
    load_start
    plan_start rolling.plan --set version=v2
    check "the run comes to instance 1" happened step.started "Drain 1"
    kill -INT "$run"
    plan_end
    load_end
    equals "exit code" "$code" 130
    nobody_noticed
    nothing_changed
}
