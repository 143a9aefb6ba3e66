# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_troubleshoot.sh: plans/troubleshoot/: each fault of the lab is found, and named in the last line that the plan says.

trouble() {
    local name=$1
    shift
    plan "troubleshoot/$name.plan" "$@"
}
# names CAUSE...: the run ended well, and its last line has this cause; what follows must be in the line, too.
names() {
    local line word
    line=$(grep -E 'the cause: |nothing found: ' "$work/out" | tail -n 1)
    equals "exit code" "$code" 0
    for word in "$@"; do check "'$word' is named, not: $line" grep -qF -- "$word" <<<"$line"; done
}
finds_nothing() { names "nothing found: $1"; }

test_trouble_with_an_image() {
    check "the registry" lab/lab.sh up registry
    local registry=127.0.0.1:$LAB_PORT_REGISTRY
    image_pull() {
        trouble image_pull --set "registry=$registry" --set registry_user=lab --set version=v1 \
            --set "registry_password_file=$LAB_STATE/registry/password" --set pull_pause=1s "$@"
    }
    remember
    image_pull
    finds_nothing "$registry/thebot:v1 was pulled"
    fault stopped on registry
    image_pull
    names "the registry $registry cannot be reached" refused "start the registry"
    fault stopped off registry
    fault registry-credentials on
    image_pull
    names "does not accept the credentials of lab" "$LAB_STATE/registry/password"
    fault registry-credentials off
    fault registry-image on v1
    image_pull
    names "the repository thebot has no tag v1" "its tags are v2"
    image_pull --set repository=nobot
    names "the registry has no repository nobot"
    fault registry-image off
    never_says "$(<"$LAB_STATE/registry/password")"
    nothing_changed

    # It comes back while the plan tries to mend.
    fault stopped on registry
    plan_start troubleshoot/image_pull.plan --set "registry=$registry" --set version=v1 --set registry_user=lab \
        --set "registry_password_file=$LAB_STATE/registry/password" --set pull_pause=1s --set mend=true --yes
    check "it tries again" happened step.retried '"of":5'
    fault stopped off registry
    plan_end
    names "the registry $registry cannot be reached" "it is mended"
    replays
    docker rmi "$registry/thebot:v1" >/dev/null
}

long_trouble_with_restarts() {
    local box=${LAB_PREFIX}backend-blue
    restarts() { [ "$(docker inspect -f '{{.RestartCount}}' "$box")" -ge 1 ]; }
    restart_loop() { trouble restart_loop --set "redis_address=127.0.0.1:$LAB_PORT_REDIS" "$@"; }
    restart_loop
    finds_nothing "no container of $LAB_PREFIX* is in a restart loop"
    fault restart-loop on memory
    check "it restarts" until_so restarts
    restart_loop
    names "$box is out of memory" "exit code 137" "limit 10MiB" "raise its mem_limit"
    fault restart-loop on port
    check "it restarts" until_so restarts
    restart_loop
    names "$box finds its port in use" "port 8000: address already in use"
    fault restart-loop on database
    check "it restarts" until_so restarts
    restart_loop
    names "$box cannot connect to the database" "password authentication failed" "correct DATABASE_URL"
    fault restart-loop on redis
    check "it restarts" until_so restarts
    restart_loop
    names "$box cannot connect to Redis" "(REDIS_URL)" "correct REDIS_URL"
    fault stopped on redis
    restart_loop
    names "$box cannot connect to Redis" "Redis answers nobody: start it"
    fault stopped off redis

    restart_loop --set mend=true
    check "nobody said yes" [ "$code" != 0 ]
    check "it still restarts" restarts
    restart_loop --set mend=true --yes
    names "$box cannot connect to Redis" "it is mended"
    equals "it serves" "$(status "$SITE/health/")" 200
    equals "it stays up" "$(docker inspect -f '{{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}' "$box")" "0 no"
    replays
}

long_trouble_with_websockets() {
    local box=${LAB_PREFIX}backend-blue
    chat_works() { chat x "ws://127.0.0.1:$LAB_PORT_HTTP/ws/chat/tests/" >/dev/null; }
    websocket() { trouble websocket --set "redis_address=127.0.0.1:$LAB_PORT_REDIS" --set "upstream_folder=$LAB_STATE/nginx" "$@"; }
    check "Prometheus counts" until_so holds 'count(websocket_connections_active{job="backend-blue"})'
    websocket
    finds_nothing "a message is said through nginx and heard"
    says "0 WebSockets are open"
    fault websocket on
    websocket
    names "$box refuses WebSockets" 503 "websocket: the handshake is refused"
    fault websocket off
    fault upgrade on
    check "nginx has reloaded" until_so not chat_works
    websocket
    names "nginx does not pass the WebSocket's handshake on" "past nginx it works"
    fault upgrade off
    docker exec "${LAB_PREFIX}redis" redis-cli SET feature_flag_chat off >/dev/null
    websocket
    names "turned off by its feature flag" "feature_flag_chat is off"
    docker exec "${LAB_PREFIX}redis" redis-cli DEL feature_flag_chat >/dev/null

    fault stopped on channels
    websocket
    names "the channels' worker does not work" "${LAB_PREFIX}channels is stopped" "0 messages wait"
    websocket --set mend=true --yes
    names "the channels' worker does not work" "it is mended"
    replays
    fault stopped on redis
    websocket
    names "Redis cannot be reached" refused "start Redis"
    websocket --set mend=true --yes
    names "Redis cannot be reached" "it is mended"
    check "the chat works" chat_works
    lab/fault.sh clear
}

long_trouble_with_migrations() {
    migration() { trouble migration --set "upstream_folder=$LAB_STATE/nginx" --set held_long=100ms --set version="$@"; }
    remember
    migration v1
    finds_nothing "nothing is pending, and nobody holds a table"
    fault lock on
    migration v2
    names "materials_material is held by another session" AccessExclusiveLock "LOCK TABLE materials_material"
    psql -d thebot_db -c 'SELECT 1 FROM materials_material LIMIT 1' >/dev/null &
    local reader=$!
    check "a session waits" until_so eval '[ "$(psql -c "SELECT count(*) FROM pg_locks WHERE NOT granted")" -gt 0 ]'
    migration v2
    names "sessions wait for a lock that" "waits for" AccessExclusiveLock "LOCK TABLE materials_material"
    migration v2 --set mend=true --yes
    names "sessions wait for a lock that" "it is mended"
    wait $reader
    equals "the table is free" "$(psql -d thebot_db -c "SET lock_timeout = '1s'" -c 'SELECT 1 FROM materials_material LIMIT 1')" 1
    lab/fault.sh lock off

    # What a migration leaves that failed in its second half.
    docker run --rm --network "${LAB_PROJECT}_default" --env-file "$LAB_STATE/backend.env" --entrypoint python \
        "$LAB_IMAGE:v2-badmigration" manage.py migrate --noinput >/dev/null 2>&1
    check "the first half is applied" grep -q 0002_difficulty <(psql -d thebot_db -c 'SELECT name FROM schema_migrations')
    migration v2-badmigration
    names "materials.0003_reviewer_required fails" "contains null values" "0002_difficulty of v2-badmigration is applied already" \
        "plans/migrate_back.plan --set version=v2-badmigration --set app=materials --set to=0001_initial"
    migration v2-badmigration --set mend=true --yes
    names "materials.0003_reviewer_required fails" "it is mended"
    nothing_changed
    replays
    migration v2
    names "materials.0002_difficulty is pending, and nothing is wrong with it" "plans/migrate.plan --set version=v2"
    nothing_changed
}

long_trouble_with_speed() {
    local RATE=20 box=${LAB_PREFIX}backend-blue good
    # Against the seconds in which all was well.
    slow() { trouble slow --set rate_window=3s --set "upstream_folder=$LAB_STATE/nginx" --set "before_ago=$((SECONDS - good))s" "$@"; }
    load_start
    check "there are figures" until_so holds 'count(rate(http_request_duration_seconds_count{job="backend-blue"}[3s]) > 10)'
    check "the cache has hits" until_so holds 'count(rate(cache_hits_total{job="backend-blue"}[3s]) > 5)'
    good=$SECONDS
    slow
    finds_nothing "nothing waits and nothing is full"

    fault slow-queries on 0.3
    check "it is seen" until_so holds 'count(sum(rate(django_db_query_duration_seconds_sum[3s])) / sum(rate(django_db_query_duration_seconds_count[3s])) > 0.2)'
    slow
    names "the database answers slowly" "a statement takes" "(before "
    fault slow-queries off
    fault queries on 100
    check "it is seen" until_so holds 'count(sum(rate(django_db_execute_total[3s])) / sum(rate(http_requests_total[3s])) > 20)'
    slow
    names "a request makes too many SQL statements"
    fault queries off
    check "it is over" until_so holds 'count(sum(rate(django_db_execute_total[3s])) / sum(rate(http_requests_total[3s])) < 5)'
    fault cache on
    check "it is seen" until_so holds 'count(sum(rate(cache_hits_total[3s])) / sum(rate(cache_requests_total[3s])) < 0.3)'
    slow
    names "the cache does not help" "its share of hits is"
    fault cache off
    fault memory on
    slow
    names "$box has hardly any memory left" "of 128MiB"
    fault memory off
    fault lock on
    check "a session waits" until_so eval '[ "$(psql -c "SELECT count(*) FROM pg_locks WHERE NOT granted")" -gt 0 ]'
    slow --set mend=true --yes
    names "sessions wait for a lock" "LOCK TABLE materials_material" "it is mended"
    lab/fault.sh clear
    load_end
}

# v1 stands by on blue: it is where users are sent back to.
long_trouble_with_a_slow_release() {
    local RATE=20
    live_now v2-slow || return
    load_start
    check "it is seen" until_so holds 'count(histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{job=~"backend-.*"}[3s]))) > 1)'
    trouble slow --set rate_window=3s --set "upstream_folder=$LAB_STATE/nginx" --set mend=true --yes
    load_end
    names "the release itself is slow" "95 of 100 requests" "it is mended"
    on_release v1 blue
    replays
}
