# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh; fault, holds: test_lab.sh
# test_monitor.sh: plans/monitor.plan in stages of seconds, against the real Prometheus.

# Whatever is asked is let pass.
watch_start() { plan_start monitor.plan --confirm errors_while_early --confirm platform_latency --confirm platform_websockets --set at_once=3s --set early=3s --set settling=3s --set settled=3s "$@"; }
# The platform was as usual for long enough to be known: the window, and the second before the run.
as_usual() {
    load_start
    check "the time before is known" until_so holds \
        'count(increase(http_requests_total{job="backend-blue"}[5s] offset 3s) > 0) > bool 0'
}
where() { of_run '.[-1].data.failure.step'; }

long_monitor_day_without_a_breach() {
    local RATE=50
    as_usual
    remember
    watch_start
    plan_end
    load_end
    equals "exit code" "$code" 0
    says "the release is marked as deployed"
    equals "stages that were held" "$(of_run '[.[] | select(.type == "holding")] | length')" 5
    equals "what was measured" "$(of_run '[.[] | select(.type == "sample") | .id] | unique | length')" 12
    nothing_changed
    replays
}

# Errors come while the second stage is held. More than 5% end the watch at once, whichever stage it is.
long_monitor_errors_at_the_second_stage() {
    local RATE=50
    as_usual
    watch_start --set early=30s
    check "the second stage" held 2
    fault errors on 0.3
    plan_end
    equals "exit code" "$code" 1
    check "where: $(where)" grep -q '^Early' <(where)
    equals "what to do" "$(of_run '.[-1].data.failure.breach.action')" "Roll back immediately"
    says "what to do: Roll back immediately"
    replays
    fault errors off
    check "the errors are over" until_so holds 'count(sum(rate(http_requests_total{status=~"5.."}[5s])) == 0)'

    # More than 2%: a person is asked. This one lets it pass, and the day ends worse than it began.
    watch_start --set early=8s
    check "the second stage" held 2
    fault errors on 0.03
    plan_end
    load_end
    says "Investigate; roll back unless the cause is known and passes"
    check "a person was asked" [ "$(of_run '[.[] | select(.type == "person.asked")] | length')" -ge 1 ]
    says "Check the logs and gather data"
    says "Open an incident"
    equals "exit code" "$code" 1
    check "where: $(where)" grep -q '^A day later' <(where)
    fault errors off
}

# shellcheck disable=SC2016  # $gone is jq's
test_monitor_without_prometheus() {
    local RATE=50
    as_usual
    watch_start --set early=60s
    check "the second stage" held 2
    fault stopped on prometheus
    plan_end
    load_end
    equals "exit code" "$code" 1
    check "where: $(where)" grep -q '^Early' <(where)
    says "no data"
    equals "samples that were fine without Prometheus" \
        "$(of_run '([.[] | select(.type == "sample" and .data.verdict == "no data")][-1].seq) as $gone |
            [.[] | select(.type == "sample" and .seq > $gone and .data.verdict == "ok")] | length')" 0
    fault stopped off prometheus
}
