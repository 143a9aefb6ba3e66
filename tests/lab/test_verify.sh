# shellcheck shell=bash disable=SC2154  # code, work: lib.sh; fault, holds, token: test_lab.sh
# test_verify.sh: plans/verify.plan. On a sound lab every line holds; then each of them is made to fail, as many at once as
# do not hide each other.

verification() { # [OPTIONS]
    plan verify.plan "${outside[@]}" --set standbys=1 --set statements_within=100ms "$@"
}
# unverified LINE...: the run failed, and these lines are among those that it names.
unverified() {
    local line
    verification --set settled_within=1s
    equals "exit code" "$code" 1
    of_run '.[-1].data.failure.detail.failed[] | split(": ")[0]' >"$work/failed"
    for line in "$@"; do
        shown=$((shown + 1))
        grep -qxF -- "$line" "$work/failed" || fail "this line did not fail: $line"
    done
    says "write down what was found"
    no_secret_shows
}
no_secret_shows() {
    check "no password, no token" not grep -qF -e 'TestPass123!' -e "$student" -- "$work/out" "$work/journal"
}
p95() { echo "count(histogram_quantile(0.95, sum by (le) (rate($1_bucket{job=\"backend-blue\"}[5s]))) > $2)"; }

long_verify_each_line() {
    local RATE=20 shown=0 student
    check "a standby" lab/lab.sh up standby
    student=$(token student)
    check "a token to look for" [ -n "$student" ]
    remember
    load_start
    check "the cache is warm" until_so holds 'count(rate(cache_hits_total{job="backend-blue"}[5s]) > 1)'

    verification --set attended=true --yes
    equals "exit code" "$code" 0
    equals "lines that hold" "$(of_run '[.[] | select(.type == "check" and .data.outcome == "held")] | length')" 49
    equals "items that are signed" "$(grep -c 'person .*yes' "$work/out")" 5
    says "the deployment is verified"
    no_secret_shows
    replays
    nothing_changed
    verification --set attended=true
    equals "nobody is there to sign" "$code" 4

    for fault in unhealthy payments static frontpage upgrade hsts frame-options redirect header secrets alert cache \
            "slow-queries 0.2" "slow 0.6" "cors open" "certificate 3" "disk 100" "stopped alertmanager" "stopped postgres-standby"; do
        # shellcheck disable=SC2086  # a name and a value
        set -- $fault
        fault "$1" on "${2:-}"
    done
    token student >/dev/null              # one who logs in is in the log now
    check "slow answers are measured" until_so holds "$(p95 http_request_duration_seconds 0.5)"
    check "slow statements are measured" until_so holds "$(p95 django_db_query_duration_seconds 0.1)"
    check "a cold cache is measured" until_so holds \
        'count(rate(cache_hits_total{job="backend-blue"}[5s]) / rate(cache_requests_total{job="backend-blue"}[5s]) < 0.8)'
    check "a full disk is measured" until_so holds 'count(min(node_filesystem_avail_bytes / node_filesystem_size_bytes) < 0.1)'
    check "an alert fires" until_so holds 'count(ALERTS{alertname="LabFault", alertstate="firing"})'
    unverified "alertmanager runs" "there is room on the disks" "the API is healthy" "the payment system is up" \
        "the front page loads without errors" "static assets are served" "a WebSocket connects" "the standbys follow" \
        "quick answers of backend-blue" "quick statements of backend-blue" "hits in the cache of backend-blue" \
        "a file can be uploaded, and comes back" "a message reaches another client" "HTTP is sent on to HTTPS" \
        "browsers are told to keep to HTTPS (HSTS)" "other sites may not (CORS)" \
        "the front page cannot be framed (X-Frame-Options)" "the API cannot be framed (X-Frame-Options)" \
        "the certificate lasts" "nothing secret in the log of backend-blue" "no alert is firing"
    says "CRITICAL (the API is healthy, the payment system is up, a WebSocket connects)"
    check "faults end" lab/fault.sh clear

    fault login on
    fault errors on 0.2
    fault cors on closed
    fault certificate on strange
    fault lock on materials_assignment
    fault stopped on channels
    check "errors are measured" until_so holds \
        'count(rate(http_requests_total{job="backend-blue", status="500"}[5s]) / ignoring(status) sum without(status) (rate(http_requests_total{job="backend-blue"}[5s])) > 0.05)'
    unverified "channels runs" "nobody waits for a lock, and no table is closed" "few errors of backend-blue" \
        "the student can log in" "the student has a dashboard" "the teacher can log in" "the teacher has a dashboard" \
        "the admin can log in" "the admin has a dashboard" "an assignment can be set" "the front end may read answers (CORS)" \
        "the certificate is trusted"
    check "faults end" lab/fault.sh clear
    load_end

    fault stopped on postgres
    fault stopped on redis
    fault stopped on prometheus
    unverified "postgres runs" "redis runs" "prometheus runs" "the network reaches postgres" "the network reaches redis" \
        "the materials are there" "queries are answered" "few errors of backend-blue" "no alert is firing"
    check "faults end" lab/fault.sh clear

    fault restart-loop on database
    fault stopped on nginx
    unverified "nginx runs" "no container is started again and again" "the materials are there"
    check "faults end" lab/fault.sh clear
    no_fault_is_left
    equals "lines shown failing" "$shown" 45
}
