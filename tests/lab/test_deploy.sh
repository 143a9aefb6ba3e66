# shellcheck shell=bash disable=SC2119,SC2120,SC2154  # code, run, work, project: lib.sh, test_before.sh
# test_deploy.sh: plans/deploy.plan, the whole timeline, on a repository with a small project (test_before.sh).

deployment_start() {
    make_project
    rm -f "$LAB_STATE/status.log" "$LAB_STATE"/sink/*
    echo a-key-to-the-page >"$work/status.key"
    plan_start deploy.plan --set version=v2 --set soak=4s --set "source=$project" --set "env_file=$work/env.production" \
        --set "records=$work/records" "${outside[@]}" \
        --set 'frontend_build=["sh", "-c", "mkdir -p dist && echo app >dist/app.js"]' \
        --set 'code_checks=[{ name: "tests", command: ["sh", "check.sh"] }]' \
        --set status_page_id=page --set "status_server=http://127.0.0.1:$LAB_PORT_SINK/v1" --set "status_key_file=$work/status.key" "$@"
}
# What users were told, as the status page has it: a word each.
told() { cat "$LAB_STATE"/sink/*-http.json | jq -rs '[.[].json.incident.status] | join(" ")'; }
phases() { of_run '[.[] | select(.type == "phase.started") | .text] | join(", ")'; }

# What is the same whichever way v2 has come.
deployed_by() { # STRATEGY
    equals "exit code" "$code" 0
    nobody_noticed
    replays
    for phase in "Pre-deployment  (5m to 10m expected)" "Deployment  (10m to 30m expected)" \
        "Post-deployment  (5m to 10m expected)" "Cleanup  (2m to 5m expected)"; do says "$phase"; done
    check "the notice" [ -n "$(find "$work/records" -name 'notice_v2_*')" ]
    check "a dump" [ -n "$(find "$LAB_STATE/backups" -maxdepth 1 -name 'thebot_2*.dump')" ]
    check "the configuration" [ -n "$(find "$LAB_STATE/backups" -name SHA256SUMS)" ]
    check "every line of the verification was looked at" \
        [ "$(of_run '[.[] | select(.type == "check" and .data.outcome == "held")] | length')" -gt 43 ]
    check "it is verified" grep -q 'the deployment is verified' "$LAB_STATE/deployments.log"
    equals "the archive holds v1" "$(tar -xOf "$LAB_STATE/backups/images/v1.tar" manifest.json | jq -r '.[0].RepoTags[0]')" "$LAB_IMAGE:v1"
    equals "the status page" "$(told)" "identified monitoring resolved"
    check "one incident for all of it" grep -q '/v1/pages/page/incidents/[0-9]' "$LAB_STATE"/sink/*-http.json
    check "the deployment log" grep -q "v2 was deployed by $1 in .*; v1 is archived" "$LAB_STATE/deployments.log"
    figure "deployment by $1, first check to clean-up (soaks of 4 s)" "$(took '.type == "run.started" or .type == "run.ended"')" "22 to 55 min"
}

test_deploy_from_the_first_check_to_the_clean_up() {
    lab/lab.sh up sink >"$work/sink" 2>&1
    psql -c 'CREATE DATABASE thebot_db_trial_cut_off'
    touch "$LAB_STATE/backups/thebot_db_trial_cut_off.dump"
    load_start
    deployment_start
    plan_end
    load_end
    deployed_by blue-green
    on_release v2 green
    equals "trials that were cut off are gone" "$(psql -c "SELECT count(*) FROM pg_database WHERE datname LIKE '%trial%'")$(dumps | grep -c _trial_)" 00
}

long_deploy_by_canary() {
    lab/lab.sh up sink >"$work/sink" 2>&1
    load_start
    deployment_start --set strategy=canary
    plan_end
    load_end
    deployed_by canary
    on_release v2 green
    says "Canary Phase 4: all of the traffic"
    equals "traffic moved once for good" "$(of_load '.timeline[-1].to')" v2
}

long_deploy_by_rolling() {
    lab/lab.sh up sink >"$work/sink" 2>&1
    three_instances || return
    load_start
    deployment_start --set strategy=rolling
    plan_end
    load_end
    deployed_by rolling
    equals "what runs" "$(releases)" "$LAB_IMAGE:v2 healthy $LAB_IMAGE:v2 healthy $LAB_IMAGE:v2 healthy "
    equals "what nginx is told" "$(lab/route.sh show | tr '\n' ' ')" "backend-0 backend-1 backend-2 "
}

# The clock of the fault: v2 serves and is watched. Users cannot pay, which is seen by nothing before the verification.
users_cannot_pay() {
    check "v2 serves, and is watched" happened holding "error_rate"
    lab/fault.sh payments on
}
taken_back_whole() { # WHO SERVES
    equals "exit code" "$code" 1
    says "the payment system is up"
    says "CRITICAL (the payment system is up)"
    equals "requests that failed" "$(of_load .failed)" 0
    nothing_changed
    equals "the status page" "$(told)" "identified monitoring resolved"
    check "says who serves" grep -q "v2 was not deployed: Users are served by $1" "$LAB_STATE/status.log"
    check "the deployment log" grep -q "v2 was not deployed: .*; there is $1" "$LAB_STATE/deployments.log"
    check "nothing is archived" [ ! -e "$LAB_STATE/backups/images" ]
    replays
}

# v2 is live, and then users cannot pay: traffic, containers and schema as before.
long_deploy_that_is_taken_back_whole() {
    lab/lab.sh up sink >"$work/sink" 2>&1
    remember
    load_start
    deployment_start
    users_cannot_pay
    plan_end
    lab/fault.sh clear
    load_end
    taken_back_whole "v1 on blue"
    on_release v1 blue
}

# The last of three instances has v2 when users cannot pay; all three get v1 again.
long_deploy_by_rolling_that_is_taken_back_whole() {
    lab/lab.sh up sink >"$work/sink" 2>&1
    three_instances || return
    remember
    load_start
    deployment_start --set strategy=rolling
    check "all instances have v2" happened step.started "See who serves now"
    lab/fault.sh payments on
    plan_end
    lab/fault.sh clear
    load_end
    taken_back_whole "v1 on 0, v1 on 1, v1 on 2"
    equals "what runs" "$(releases)" "$LAB_IMAGE:v1 healthy $LAB_IMAGE:v1 healthy $LAB_IMAGE:v1 healthy "
}
