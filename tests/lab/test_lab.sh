# shellcheck shell=bash disable=SC2154  # work: lib.sh
# test_lab.sh: what the lab promises its plans: pages, metrics, and faults that can be seen on and off. Asked with curl,
# openssl, docker and psql, not with runplan.

TLS=https://127.0.0.1:$LAB_PORT_HTTPS
CA=$LAB_STATE/tls/ca.crt
METRICS=http://127.0.0.1:$LAB_PORT_PROM
ORIGIN=http://127.0.0.1:$LAB_PORT_HTTP       # the front end's

status() { curl -s -o /dev/null --max-time 5 -w '%{http_code}' "$@"; }
head_of() { curl -s -o /dev/null -D - --max-time 5 "$@" | tr -d '\r'; }
# header NAME CURL...: its value
header() {
    local name=$1
    shift
    head_of "$@" | sed -nE "s/^$name: //Ip"
}
token() {
    curl -s -d "{\"email\": \"$1@test.com\", \"password\": \"TestPass123!\"}" "$SITE/auth/login/" | jq -r '.token // empty'
}
as() { curl -s --max-time 5 -H "Authorization: Bearer $(token "$1")" "${@:2}"; }
chat() { tests/lab/chat.py "$@" 2>"$work/chat"; }
# The newest value of a query, or nothing.
value() { curl -sG "$METRICS/api/v1/query" --data-urlencode "query=$1" | jq -r '.data.result[0].value[1] // empty'; }
holds() { [ "$(value "$1")" = 1 ]; }
not() { ! "$@"; }
fault() { check "fault $*" lab/fault.sh "$@"; }
no_fault_is_left() { equals "faults that are on" "$(lab/fault.sh list)" ""; }

test_pages() {
    local answer name
    for name in health materials payments/health chat flags schedule reports graph; do
        equals "/$name/" "$(status "$SITE/$name/")" 200
    done
    equals "a page that is none" "$(status "$SITE/nope/")" 404
    equals "not for the public" "$(status "$SITE/fault/") $(status "$SITE/metrics")" "404 404"

    equals "a wrong password" "$(status -d '{"email": "student@test.com", "password": "x"}' "$SITE/auth/login/")" 401
    equals "without a token" "$(status "$SITE/dashboard/student/")" 401
    equals "a false token" "$(status -H 'Authorization: Bearer 1.00' "$SITE/dashboard/student/")" 401
    for name in student teacher admin; do
        equals "the dashboard of a $name" "$(as $name "$SITE/dashboard/$name/" | jq -r .dashboard)" "$name"
    done
    equals "a student on the teacher's" "$(as student "$SITE/dashboard/teacher/" -o /dev/null -w '%{http_code}')" 403

    head -c 300000 /dev/urandom >"$work/file"
    answer=$(as teacher -F "file=@$work/file;filename=a b.bin" "$SITE/materials/upload/")
    equals "the sum of what was uploaded" "$(jq -r .sha256 <<<"$answer")" "$(sha256sum <"$work/file" | cut -d' ' -f1)"
    curl -s -o "$work/back" "$SITE$(jq -r .url <<<"$answer")"
    check "it comes back as it was" cmp -s "$work/file" "$work/back"
    equals "no form" "$(as teacher -d x "$SITE/materials/upload/" -o /dev/null -w '%{http_code}')" 400
    equals "an upload of nobody" "$(status -F "file=@$work/file" "$SITE/materials/upload/")" 401

    equals "an assignment" "$(as teacher -d 'title=Essay&due=2030-01-02' "$SITE/assignments/" | jq .id)" 1
    equals "it is listed" "$(as student "$SITE/assignments/" | jq -r '.assignments[0].due')" 2030-01-02
    equals "a form with a mistake" "$(as teacher -d 'title=Essay&due=never' "$SITE/assignments/" | jq -r .errors.due)" "is not a date"
    equals "a student sets none" "$(as student -d 'title=x' "$SITE/assignments/" -o /dev/null -w '%{http_code}')" 403
    equals "a material" "$(as teacher -d '{"title": "New"}' "$SITE/materials/" | jq .id)" 2001
    equals "it is seen at once" "$(curl -s "$SITE/materials/" | jq -r '.materials[0].title')" New
}

test_edge() {
    check "the certificate is the lab authority's" curl -sf -o /dev/null --cacert "$CA" "$TLS/health/"
    equals "nobody else trusts it" "$(curl -s -o /dev/null "$TLS/"; echo $?)" 60
    equals "by its name, HTTP is sent on" "$(header location -H "Host: $LAB_HOST" "$SITE/a?b=c")" "https://$LAB_HOST:$LAB_PORT_HTTPS/a?b=c"
    check "and there it is" curl -sf -o /dev/null --cacert "$CA" --resolve "$LAB_HOST:$LAB_PORT_HTTPS:127.0.0.1" "https://$LAB_HOST:$LAB_PORT_HTTPS/"
    for path in / /health/; do
        equals "HSTS of $path" "$(header strict-transport-security "$SITE$path" | cut -d';' -f1)" max-age=31536000
        equals "X-Frame-Options of $path" "$(header x-frame-options "$SITE$path")" DENY
        equals "X-Content-Type-Options of $path" "$(header x-content-type-options "$SITE$path")" nosniff
    done
    equals "a header once, not twice" "$(header strict-transport-security "$SITE/health/" | wc -l)" 1
    check "the front page" grep -q THE_BOT <(curl -s "$SITE/")
    equals "a static file may be kept" "$(header cache-control "$SITE/static/js/app.js")" max-age=3600
    equals "and is known again" "$(status -H "If-None-Match: $(header etag "$SITE/static/js/app.js")" "$SITE/static/js/app.js")" 304
    equals "the front end's origin" "$(header access-control-allow-origin -H "Origin: $ORIGIN" "$SITE/materials/")" "$ORIGIN"
    equals "another origin" "$(header access-control-allow-origin -H 'Origin: https://example.com' "$SITE/materials/")" ""
    equals "a preflight" "$(header access-control-allow-methods -X OPTIONS -H "Origin: $ORIGIN" "$SITE/materials/")" "GET, POST"
}

long_chat_goes_through_redis() {
    local room=ws://127.0.0.1:$LAB_PORT_HTTP/ws/chat/tests/
    VERSION=v1 compose up -d --no-build backend-green >/dev/null 2>&1
    wait_healthy backend-green
    equals "two clients, on two backends" "$(chat 'hällo' "$room" "ws://127.0.0.1:$LAB_PORT_GREEN/ws/chat/tests/")" $'hällo\nhällo'
    equals "it is kept" "$(psql -d thebot_db -c "SELECT body FROM chat_message WHERE room = 'tests'")" 'hällo'
    equals "another room hears nothing" "$(chat x "$room" "${room/tests/others}")" x
    fault stopped on channels
    check "without the worker nobody hears" not chat 'later' "$room"
    equals "the message waits" "$(docker exec "${LAB_PREFIX}redis" redis-cli LLEN chat:incoming)" 1
    fault stopped off channels
    equals "with it all is as before" "$(chat 'again' "$room")" again
    fault stopped on redis
    check "without Redis there is no chat" not chat x "$room"
    check "it says why" grep -q 503 "$work/chat"
    equals "all else goes on" "$(status "$SITE/materials/")" 200
    check "the log says it, too" grep -q 'websocket: the channels layer (REDIS_URL)' <(docker logs "${LAB_PREFIX}backend-blue" 2>&1)
    fault stopped off redis
    check "and with it there is again" until_so chat x "$room"
    no_fault_is_left
}

test_feature_flags() {
    local redis=(docker exec "${LAB_PREFIX}redis" redis-cli) is_off='[ "$(status "$SITE/chat/")" = 404 ]' is_on='[ "$(status "$SITE/chat/")" = 200 ]'
    equals "on at first" "$(curl -s "$SITE/flags/" | jq -c .)" \
        '{"chat":true,"payments":true,"scheduling":true,"reports":true,"knowledge_graph":true}'
    "${redis[@]}" SET feature_flag_chat false >/dev/null
    check "off" until_so eval "$is_off"
    equals "no other" "$(status "$SITE/payments/health/")" 200
    check "no WebSocket either" not chat x "ws://127.0.0.1:$LAB_PORT_HTTP/ws/chat/tests/"
    "${redis[@]}" SET feature_flag_chat true >/dev/null
    check "on again" until_so eval "$is_on"
}

test_metrics() {
    local name
    curl -s "$SITE/materials/" "$SITE/materials/" >/dev/null
    for name in http_requests_total http_request_duration_seconds_bucket django_db_execute_total django_db_query_duration_seconds_bucket \
            cache_requests_total cache_hits_total websocket_connections_active container_memory_usage_bytes container_spec_memory_limit_bytes; do
        check "$name" until_so holds "count(count by (job) ($name{job=\"backend-blue\"}))"
    done
    check "the disk for uploads" until_so holds 'count(node_filesystem_size_bytes{mountpoint="/srv/uploads"} == 16777216)'
    check "the disk has room" until_so holds 'count(node_filesystem_avail_bytes{mountpoint="/srv/uploads"} > 1e7)'
    for name in postgres node alertmanager prometheus backend-blue; do check "up of $name" until_so holds "up{job=\"$name\"}"; done
    check "the database answers" until_so holds pg_up
    check "hits in the cache" until_so holds 'count(cache_hits_total{job="backend-blue"} > 0)'
    fault stopped on postgres
    check "a database that is down is not up" until_so holds 'count(up{job="postgres"} == 0)'
    fault stopped off postgres
    check "and is up again" until_so holds 'up{job="postgres"}'
    check "the backend answers again" until_so curl -sf -o /dev/null "$SITE/materials/"
}

alerts() { curl -s "http://127.0.0.1:$LAB_PORT_ALERTS/api/v2/alerts" | jq -r '.[].labels.alertname'; }
has_alert() { alerts | grep -qx "$1"; }
has_no_alert() { ! alerts | grep -q .; }

long_faults_of_the_backend() {
    local room=ws://127.0.0.1:$LAB_PORT_HTTP/ws/chat/tests/ i
    fault errors on 0.5
    equals "errors" "$(for i in 1 2 3 4; do status "$SITE/materials/"; echo; done | sort | uniq -c | xargs)" "2 200 2 500"
    fault errors off
    fault slow on 0.5
    check "slow" [ "$(curl -s -o /dev/null -w '%{time_total}' "$SITE/materials/" | cut -c1-3 | tr -d .)" -ge 5 ]
    fault slow off
    fault unhealthy on
    equals "unhealthy" "$(status "$SITE/health/")" 503
    fault unhealthy off
    fault login on
    equals "login" "$(token student)" ""
    fault login off
    fault payments on
    equals "payments" "$(status "$SITE/payments/health/")" 503
    fault payments off
    fault websocket on
    check "websocket" not chat x "$room"
    fault websocket off
    equals "websocket again" "$(chat x "$room")" x
    fault header on X-Frame-Options
    equals "header" "$(header x-frame-options "$SITE/health/")" ""
    fault header off
    fault cors on open
    equals "cors open" "$(header access-control-allow-origin -H 'Origin: https://example.com' "$SITE/materials/")" https://example.com
    fault cors on closed
    equals "cors closed" "$(header access-control-allow-origin -H "Origin: $ORIGIN" "$SITE/materials/")" ""
    fault cors off
    fault slow-queries on 0.5
    check "slow-queries" until_so holds 'count(sum(rate(django_db_query_duration_seconds_bucket{job="backend-blue", le="0.25"}[3s]))
        < 0.5 * sum(rate(django_db_query_duration_seconds_count{job="backend-blue"}[3s])))'
    fault slow-queries off
    statements() { curl -s "http://127.0.0.1:$LAB_PORT_BLUE/metrics" | sed -n 's/^django_db_execute_total //p'; }
    fault queries on 200
    i=$(statements)
    status "$SITE/materials/" >/dev/null
    check "queries" [ "$(statements)" -ge $((i + 200)) ]
    fault queries off
    fault cache on
    for i in 1 2 3 4 5 6; do
        curl -s -o /dev/null "$SITE/materials/"
        sleep 0.3
    done
    check "cache" until_so holds 'count(rate(cache_hits_total{job="backend-blue"}[3s]) / rate(cache_requests_total{job="backend-blue"}[3s]) == 0)'
    fault cache off
    fault memory on 0.9
    check "memory" until_so holds 'count(container_memory_usage_bytes{job="backend-blue"} > 0.85 * container_spec_memory_limit_bytes)'
    fault memory off
    check "memory again" until_so holds 'count(container_memory_usage_bytes{job="backend-blue"} < 0.5 * container_spec_memory_limit_bytes)'
    no_fault_is_left
    equals "the backend has none either" "$(curl -s "http://127.0.0.1:$LAB_PORT_BLUE/fault/" | jq -c '[.[] | select(. != 0 and . != false and . != "")]')" '[]'
}

long_secrets_in_the_log() {
    local secret='password=TestPass123!'
    in_log() { docker logs "${LAB_PREFIX}backend-blue" 2>&1 | grep -qiE 'password|token|secret'; }
    token student >/dev/null
    check "a healthy log has none" not in_log
    fault secrets on
    token student >/dev/null
    check "the fault shows one" grep -qF "$secret" <(docker logs "${LAB_PREFIX}backend-blue" 2>&1)
    fault secrets off
    check "none after it" not in_log
    equals "the site is there" "$(status "$SITE/health/")" 200
}

long_faults_of_the_edge() {
    # nginx reloads asynchronously: an old worker may answer once more.
    lacks() { [ -z "$(header "$1" "$SITE/")" ]; }
    fault hsts on
    check "hsts" until_so lacks strict-transport-security
    fault hsts off
    check "hsts again" until_so not lacks strict-transport-security
    fault frame-options on
    check "frame-options" until_so lacks x-frame-options
    fault frame-options off
    fault redirect on
    stays() { [ "$(status -H "Host: $LAB_HOST" "$SITE/")" = 200 ]; }
    check "redirect" until_so stays
    fault redirect off
    fault upgrade on
    check "upgrade" until_so not chat x "ws://127.0.0.1:$LAB_PORT_HTTP/ws/chat/tests/"
    check "past nginx it works" chat x "ws://127.0.0.1:$LAB_PORT_BLUE/ws/chat/tests/"
    fault upgrade off
    fault static on
    equals "static" "$(status "$SITE/static/js/app.js")" 404
    fault static off
    equals "static again" "$(status "$SITE/static/js/app.js")" 200
    fault frontpage on
    check "frontpage" grep -qi error <(curl -s "$SITE/")
    fault frontpage off
    check "frontpage again" not grep -qi error <(curl -s "$SITE/")
    ends_soon() { ! openssl s_client -connect "127.0.0.1:$LAB_PORT_HTTPS" </dev/null 2>/dev/null | openssl x509 -noout -checkend $((7 * 86400)) >/dev/null; }
    check "the certificate lasts" not ends_soon
    fault certificate on 3
    check "certificate" until_so ends_soon
    fault certificate off
    check "certificate again" until_so not ends_soon
    no_fault_is_left
}

long_faults_of_the_stores() {
    fault lock on
    equals "lock: a reader waits" "$(psql -d thebot_db -c "SET lock_timeout = '100ms'" -c 'SELECT 1 FROM materials_material LIMIT 1' 2>&1 | grep -c 'lock timeout')" 1
    fault lock off
    equals "lock again" "$(psql -d thebot_db -c "SET lock_timeout = '1s'" -c 'SELECT 1 FROM materials_material LIMIT 1')" 1
    fault disk on 95
    check "disk" until_so holds 'count(node_filesystem_avail_bytes{mountpoint="/srv/uploads"} < 0.1 * node_filesystem_size_bytes)'
    head -c 2000000 /dev/zero >"$work/file"
    equals "an upload finds no room" "$(as teacher -F "file=@$work/file" "$SITE/materials/upload/" -o /dev/null -w '%{http_code}')" 507
    fault disk off
    check "disk again" until_so holds 'count(node_filesystem_avail_bytes{mountpoint="/srv/uploads"} > 0.9 * node_filesystem_size_bytes)'
    no_fault_is_left
}

long_alerts_reach_alertmanager() {
    fault alert on
    check "alert" until_so has_alert LabFault
    equals "Prometheus says the same" "$(curl -s "$METRICS/api/v1/alerts" | jq -r '.data.alerts[].labels.alertname')" LabFault
    fault alert off
    check "alert again" until_so has_no_alert
}

long_stopped() {
    fault stopped on
    check "without a name, the live backend" not curl -sf -o /dev/null "$SITE/health/"
    fault stopped on prometheus
    check "Prometheus" not curl -sf -o /dev/null "$METRICS/-/ready"
    equals "what is on" "$(lab/fault.sh list | xargs)" "fault: stopped.backend-blue fault: stopped.prometheus prometheus"
    fault clear
    equals "the backend again" "$(status "$SITE/health/")" 200
    check "Prometheus again" curl -sf -o /dev/null "$METRICS/-/ready"
    no_fault_is_left
}

long_restart_loops() {
    local cause says box=${LAB_PREFIX}backend-blue
    declare -A says=([port]="address already in use" [database]="cannot connect to the database (DATABASE_URL)"
        [redis]="cannot connect to redis (REDIS_URL)" [memory]="")
    restarted() { [ "$(docker inspect -f '{{.RestartCount}}' "$box")" -ge 2 ]; }
    for cause in port database redis memory; do
        fault restart-loop on "$cause"
        check "$cause: it restarts" until_so restarted
        if [ "$cause" = memory ]; then
            check "memory: killed for it" until_so eval 'docker inspect -f "{{.State.OOMKilled}} {{.State.ExitCode}}" "$box" | grep -q -e true -e 137'
        else
            check "$cause: the log says why" grep -qF "${says[$cause]}" <(docker logs "$box" 2>&1)
        fi
    done
    fault stopped on nginx                # which wants an address for what restarts
    fault clear
    equals "it serves again" "$(status "$SITE/health/")" 200
    equals "and is what it was" "$(docker inspect -f '{{.RestartCount}} {{.HostConfig.RestartPolicy.Name}}' "$box")" "0 no"
    no_fault_is_left
}

long_reset_ends_every_fault() {
    for name in errors hsts frontpage static certificate disk lock restart-loop; do fault "$name" on; done
    fault stopped on redis
    docker stop -t 5 "${LAB_PREFIX}nginx" >/dev/null        # and one that fault.sh knows nothing of
    check "reset" lab/lab.sh reset
    no_fault_is_left
    equals "no errors" "$(curl -s "http://127.0.0.1:$LAB_PORT_BLUE/fault/" | jq .error_rate)" 0
    check "the front page" not grep -qi error <(curl -sf "$SITE/")
    equals "the script" "$(status "$SITE/static/js/app.js")" 200
    check "HSTS" grep -q max-age <(header strict-transport-security "$SITE/")
    check "no filler" [ -z "$(docker exec "${LAB_PREFIX}backend-blue" ls -A /srv/uploads)" ]
    equals "Redis" "$(docker exec "${LAB_PREFIX}redis" redis-cli ping)" PONG
}

# The parts that few need: built and started here, and left running.
long_parts() {
    local login=$work/login name=127.0.0.1:$LAB_PORT_REGISTRY/thebot:v1 sink=http://127.0.0.1:$LAB_PORT_SINK
    check "up" lab/lab.sh up standby registry sink
    equals "the standby follows" "$(psql -c "SELECT state FROM pg_stat_replication")" streaming
    fault stopped on postgres-standby
    check "stopped: nobody follows" until_so eval '[ "$(psql -c "SELECT count(*) FROM pg_stat_replication")" = 0 ]'
    fault stopped off postgres-standby
    check "it follows again" until_so eval '[ "$(psql -c "SELECT state FROM pg_stat_replication")" = streaming ]'

    mkdir -p "$login"
    pull() { docker --config "$login" pull -q "$name" >/dev/null 2>"$work/pull"; }
    check "no pull without a login" not pull
    docker --config "$login" login -u lab --password-stdin "${name%%/*}" <"$LAB_STATE/registry/password" >/dev/null 2>&1
    check "a pull" pull
    equals "it is the release" "$(docker inspect -f '{{.Id}}' "$name")" "$(docker inspect -f '{{.Id}}' "$LAB_IMAGE:v1")"
    docker rmi "$name" >/dev/null
    fault registry-image on v1
    check "registry-image" not pull
    check "it says what is missing" grep -q 'manifest unknown' "$work/pull"
    fault registry-image off
    check "registry-image again" pull
    docker rmi "$name" >/dev/null
    fault registry-credentials on
    check "registry-credentials" not pull
    fault registry-credentials off
    check "registry-credentials again" pull
    docker rmi "$name" >/dev/null

    rm -f "$LAB_STATE"/sink/*
    equals "a chat's webhook" "$(curl -s -d '{"text": "hällo"}' "$sink/hooks/team")" ok
    equals "is kept" "$(jq -r '.method + .path + .json.text' "$LAB_STATE"/sink/*-http.json)" "POST/hooks/teamhällo"
    equals "a status on demand" "$(status -d x "$sink/status/503")" 503
    printf 'Subject: Deployment\r\n\r\nBody\r\n' | curl -s "smtp://127.0.0.1:$LAB_PORT_SMTP" --mail-from lab@test.com --mail-rcpt devops@test.com -T -
    equals "mail" "$(jq -r '.from + " " + .to[0] + " " + (.data | split("\r\n")[0])' "$LAB_STATE"/sink/*-mail.json)" \
        "lab@test.com devops@test.com Subject: Deployment"
    equals "mail for nobody" "$(printf 'x\r\n' | curl -s "smtp://127.0.0.1:$LAB_PORT_SMTP" --mail-from a@b.c --mail-rcpt refused@b.c -T -; echo $?)" 55
    fault alert on
    check "an alert is told" until_so eval 'grep -q LabFault "$LAB_STATE"/sink/*-http.json'
    fault alert off
    check "and its end" until_so eval 'grep -q "\"status\": \"resolved\"" "$LAB_STATE"/sink/*-http.json'
    no_fault_is_left
}

test_development_database() {
    equals "rows" "$(python3 -c 'import sqlite3, sys
print(*sqlite3.connect(sys.argv[1]).execute("SELECT (SELECT count(*) FROM accounts_user), (SELECT count(*) FROM materials_material)").fetchone())' \
        "$LAB_STATE/development.sqlite3")" "3 200"
}

long_wrong_use_of_fault() {
    equals "an unknown fault" "$(lab/fault.sh nonsense on >/dev/null 2>&1; echo $?)" 2
    equals "no number" "$(lab/fault.sh errors on many 2>&1 >/dev/null)" "lab: many is no number"
    no_fault_is_left
}
