# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_blue_green.sh: plans/blue_green.plan, once for each way in which it can end.

test_good_release_twice_in_a_row() {
    local number
    number=$(dumps | wc -l)
    load_start
    deploy v2 --verbose
    equals "exit code of the first" "$code" 0
    replays
    the_password_never_shows
    on_release v2 green
    equals "the old release stands by" "$(docker inspect -f '{{.Config.Image}} {{.State.Health.Status}}' "${LAB_PREFIX}backend-blue")" \
        "$LAB_IMAGE:v1 healthy"

    deploy v3
    equals "exit code of the second" "$code" 0
    on_release v3 blue
    load_end
    nobody_noticed
    figure "blue-green: downtime" "$(downtime)" "0 min"
    equals "all three releases answered" "$(of_load '.by_version | keys | join(" ")')" "v1 v2 v3"
    equals "traffic moved twice" "$(of_load '[.timeline[1:][].to] | join(" ")')" "v2 v3"
    equals "each made a dump" "$(dumps | wc -l)" "$((number + 2))"
    equals "a dump is whole and readable" "$(pg_restore -l "$(dumps | tail -n 1)" | grep -c 'TABLE DATA')" \
        "$(psql -d thebot_db -c "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")"
    equals "no part of a dump is left" "$(dumps | grep -c '\.part$')" 0
    equals "migrations of v3" "$(psql -d thebot_db -c 'SELECT count(*) FROM schema_migrations')" 5
    equals "the log's last line" "$(tail -n 1 "$LAB_STATE/deployments.log" | grep -c 'v3 is live on blue')" 1
    check "nginx has no half-made route" [ ! -e "$LAB_STATE/nginx/upstream.next" ]
}

# The password is in lab/state/postgres.password and must be nowhere else.
the_password_never_shows() {
    local password
    password=$(<"$LAB_STATE/postgres.password")
    equals "in the output" "$(grep -cF "$password" "$work/out")" 0
    equals "in the record" "$(grep -cF "$password" "$work/journal")" 0
    equals "in the log" "$(grep -cF "$password" "$LAB_STATE/deployments.log")" 0
}

test_release_that_is_live_already() {
    remember
    deploy v1
    equals "exit code" "$code" 4
    says "v1 is live already"
    nothing_changed
}

test_never_healthy() {
    remember
    load_start
    deploy v2-unhealthy
    load_end
    equals "exit code" "$code" 1
    says "v2-unhealthy on green is not healthy"
    on_release v1 blue
    nobody_noticed
    equals "nobody saw the new release" "$(of_load '.by_version | keys | join(" ")')" v1
    nothing_changed
    replays
}

test_breach_after_the_switch() {
    remember
    load_start
    deploy v2-errors --set soak=20s
    load_end
    equals "exit code" "$code" 1
    says "error_rate"
    on_release v1 blue
    equals "traffic went there and came back" "$(of_load '[.timeline[1:][].to] | join(" ")')" "v2-errors v1"
    check "the bad release's errors were seen" [ "$(of_load '.by_status["500"]')" -gt 0 ]
    equals "no request was lost by a switch" "$(of_load '.failed - .by_status["500"]')" 0
    equals "samples after the one that ends it" "$(of_run '[.[] | select(.type == "sample")] |
        ([.[] | select(.data.verdict == "breach")][0].seq) as $breach | [.[] | select(.seq > $breach)] | length')" 0
    nothing_changed
    equals "what the log says" "$(tail -n 1 "$LAB_STATE/deployments.log" | grep -c 'v2-errors was not deployed')" 1
    replays
}

# A slow release is found out before anyone depends on it.
long_slow_release() {
    remember
    load_start
    deploy v2-slow
    load_end
    equals "exit code" "$code" 1
    nobody_noticed
    equals "nobody saw the new release" "$(of_load '.by_version | keys | join(" ")')" v1
    on_release v1 blue
    nothing_changed
}

# What stood on the idle colour comes back too: here the release of before, running.
long_idle_colour_gets_its_release_back() {
    deploy v2
    equals "exit code of the first" "$code" 0
    remember
    load_start
    deploy v2-errors --set soak=20s
    load_end
    equals "exit code" "$code" 1
    on_release v2 green
    equals "v1 stands by again" "$(docker inspect -f '{{.Config.Image}} {{.State.Running}}' "${LAB_PREFIX}backend-blue")" \
        "$LAB_IMAGE:v1 true"
    nothing_changed
}

test_migration_that_fails() {
    remember
    load_start
    deploy v2-badmigration
    load_end
    equals "exit code" "$code" 1
    says "reviewer_required"
    on_release v1 blue
    nobody_noticed
    equals "nobody saw the new release" "$(of_load '.by_version | keys | join(" ")')" v1
    # 0002 had been applied before 0003 failed; it must not stay.
    equals "migrations" "$(psql -d thebot_db -c 'SELECT app, name FROM schema_migrations ORDER BY 1' | tr '\n' ' ')" \
        "accounts|0001_initial chat|0001_initial materials|0001_initial "
    nothing_changed
    replays
}

test_dump_that_fails_on_a_full_disk() {
    mkdir -p "$work/small"
    # The dump of the seeded database has some 12 kB.
    as_root mount -t tmpfs -o size=8k,mode=1777 tmpfs "$work/small" || { fail "no tmpfs can be mounted"; return; }
    remember
    load_start
    deploy v2 --set "backups=$work/small"
    load_end
    equals "exit code" "$code" 1
    says "No space left on device"
    equals "what is left on the disk" "$(ls -A "$work/small")" ""
    on_release v1 blue
    nobody_noticed
    check "green was never started" [ -z "$(docker ps -aq --filter "name=${LAB_PREFIX}backend-green")" ]
    nothing_changed
    as_root umount "$work/small"
}

# The image is not there: it is built, and stays also when the deployment fails.
long_image_that_is_missing_is_built() {
    docker rmi "$LAB_IMAGE:v3" >/dev/null
    deploy v3
    equals "exit code" "$code" 0
    on_release v3 green
    equals "the image's release" "$(docker run --rm "$LAB_IMAGE:v3" python -c 'from thebot import settings; print(settings.VERSION)')" v3
}

test_release_that_cannot_be_built() {
    remember
    deploy v99
    equals "exit code" "$code" 1
    says v99
    on_release v1 blue
    nothing_changed
}

interrupted_at() { # TYPE TEXT of the event [SECONDS after it]
    remember
    load_start
    deploy_start v2 --set soak=60s
    check "the run comes to that point" happened "$1" "$2"
    sleep "${3:-0}"
    kill -INT "$run"
    plan_end
    load_end
    equals "exit code" "$code" 130
    on_release v1 blue
    nobody_noticed
    nothing_changed
    replays
}

test_ctrl_c_while_traffic_is_on_the_new_release() {
    interrupted_at holding error_rate 2
    equals "traffic went there and came back" "$(of_load '[.timeline[1:][].to] | join(" ")')" "v2 v1"
}

long_ctrl_c_while_the_new_release_starts() { interrupted_at effect.started compose.up; }
long_ctrl_c_while_the_database_is_migrated() { interrupted_at effect.started migrate; }
long_ctrl_c_while_the_database_is_dumped() { interrupted_at effect.started pg.dump; }

# Another signal than Ctrl-C, another exit code, the same way back.
long_sigterm() {
    remember
    deploy_start v2 --set soak=60s
    check "the run comes to that point" happened step.started "Switch traffic"
    kill -TERM "$run"
    plan_end
    equals "exit code" "$code" 143
    on_release v1 blue
    nothing_changed
}

test_second_run_is_kept_out() {
    local first
    deploy_start v2
    first=$run
    check "the first run holds the lock" happened step.started "Back up"
    mv "$work/out" "$work/out.first"
    "$RUNPLAN" plans/blue_green.plan "${settings[@]}" --set version=v3 >"$work/out" 2>&1 </dev/null
    equals "exit code of the second" "$?" 4
    says thebot
    wait "$first"
    equals "exit code of the first" "$?" 0
    on_release v2 green
    # The lock went with its owner: a later run is refused for another reason.
    deploy v2
    equals "exit code of a later one" "$code" 4
    says "v2 is live already"
}

test_nobody_there_to_answer() {
    remember
    "$RUNPLAN" plans/blue_green.plan "${settings[@]}" --set version=v2 --set attended=true >"$work/out" 2>&1 </dev/null
    equals "exit code" "$?" 5
    says "The rollback plan has been reviewed"
    nothing_changed
}

test_preview_changes_nothing() {
    local dumps_before log_before
    dumps_before=$(dumps)
    log_before=$(cat "$LAB_STATE/deployments.log" 2>/dev/null)
    remember
    "$RUNPLAN" preview plans/blue_green.plan "${settings[@]}" --set version=v2 >"$work/out" 2>&1 </dev/null
    equals "exit code" "$?" 0
    says "python manage.py migrate --noinput"
    says "pg_dump"
    says "nginx -q -s reload"
    "$RUNPLAN" preview plans/blue_green.plan "${settings[@]}" --set version=v2 --live-reads >"$work/out" 2>&1 </dev/null
    says "v1 is live on blue; v2 will go to green"
    nothing_changed
    equals "dumps" "$(dumps)" "$dumps_before"
    equals "the log" "$(cat "$LAB_STATE/deployments.log" 2>/dev/null)" "$log_before"
}
