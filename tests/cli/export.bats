# Thresholds as alerting rules, held against Prometheus' own promtool. UPDATE=1 writes the expected files anew.

load help

export_alerts() { # ARGUMENTS
    run_plan export alerts "$@"
    cp out rules.yml
    promtool check rules rules.yml
}

# What Prometheus fires at each time, given these series, a sample every 10 s.
fires() { # SERIES ALERTS
    printf '%s\n' 'rule_files: [rules.yml]' 'evaluation_interval: 10s' 'tests:' '  - interval: 10s' '    input_series:' "$1" \
        '    alert_rule_test:' "$2" >test.yml
    promtool test rules test.yml
}

@test "export: each use is a rule, and what cannot be one is named with its place" {
    cp "$BATS_TEST_DIRNAME/shown/alerts.plan" .
    export_alerts alerts.plan
    ends_with 1
    if [ -n "${UPDATE:-}" ]; then cp out "$BATS_TEST_DIRNAME/shown/alerts.yml"; fi
    diff "$BATS_TEST_DIRNAME/shown/alerts.yml" out
    is "$err" 'alerts.plan:103: `unused` is not exported: nothing watches it, and not all of its arguments have defaults
alerts.plan:121: `computed` is not exported: its `measure` is not one prom.query
alerts.plan:121: `of_release` is not exported: its query is known only at run time
alerts.plan:121: `earlier(max: 3)` is not exported: its query asks for another time than now
alerts.plan:132: `depth(usual: usual)` is not exported: its bound is known only at run time'
    export_alerts alerts.plan --set release=v2 --set service=api
    says "$out" "errors{release='v2'}"
    says "$out" 'service="api"'
    says_not "$err" of_release
}

@test "export: Prometheus fires where the plan is breached, and where it has no data" {
    plan one <<'E'
plan "One" { }
defaults { prom.server = "http://127.0.0.1:9090" }
threshold share {
  measure prom.query('errors / requests') as ratio
  must < 5%
  every 10s
  breach after 2 of 3
  no data tolerate 3
  action "Look {{ here }}"
}
step s "S" { hold 1m watching share }
E
    export_alerts one.plan
    ends_with 0
    is "$err" ''
    labels='exp_labels: { severity: critical, plan: One }'
    # 5% is over the bound, 4.9% is not; one sample over it is not enough.
    fires "      - { series: errors, values: '49 50 50 49 50' }
      - { series: requests, values: '1000x4' }" "      - { eval_time: 10s, alertname: share }
      - eval_time: 20s
        alertname: share
        exp_alerts:
          - $labels
            exp_annotations:
              summary: share
              description: 'share is 5%, must be < 5%'
              action: 'Look {{ here }}'
              source: 'one.plan:3'
              watched: 'one.plan:11'
      - { eval_time: 30s, alertname: share }
      - { eval_time: 40s, alertname: share }
      - { eval_time: 40s, alertname: share_no_data }"
    # Three samples without data are tolerated, the fourth is not: NaN (0 of 0), an infinity, a series that is gone.
    no_data="      - { eval_time: 30s, alertname: share_no_data }
      - eval_time: 40s
        alertname: share_no_data
        exp_alerts:
          - $labels
            exp_annotations:
              summary: share
              description: share has no data
              action: 'Look {{ here }}'
              source: 'one.plan:3'"
    fires "      - { series: errors, values: '0x9' }
      - { series: requests, values: '1 0x8' }" "$no_data
      - { eval_time: 80s, alertname: share }"
    fires "      - { series: errors, values: '0 1x8' }
      - { series: requests, values: '1 0x8' }" "$no_data"
    fires "      - { series: errors, values: '0 stale' }
      - { series: requests, values: '1x9' }" "$no_data"
}

@test "export: a bound in each unit; a file without a plan" {
    plan units <<'E'
defaults { prom.server = "http://127.0.0.1:9090" }
threshold s { measure prom.query('x') as s
  must < 250ms
  every 10s
  no data ok }
threshold ms { measure prom.query('x') as ms
  must <= 1s
  every 500ms
  breach for 1h30m
  no data ok }
threshold bytes { measure prom.query('x') as B
  must >= 1KB
  every 10s
  no data ok }
threshold ratio { measure prom.query('x') as ratio
  must > 0.1%
  every 10s
  no data ok }
threshold count { measure prom.query('x') as count
  must == 3
  every 10s
  no data ok }
threshold between { measure prom.query('x')
  must between -2 and 1000000000000000000
  every 10s
  no data ok }
threshold within { measure prom.query('x')
  must within 25% of -8
  every 10s
  no data ok }
E
    export_alerts units.plan
    ends_with 0
    is "$(sed -n '/expr:/{n;s/^ *//p}' out)" '(x) >= 0.25
(x) < 1000
(x) <= 0.001
(x) != 3
(x) < -2 or (x) > 1e+18
(x) < -10 or (x) > -6
(x) > 1000'
    says "$out" 'interval: 500ms'
    says "$out" 'for: 1h30m'
}

@test "export: two services are two alerts without data; text is neither template nor YAML" {
    plan two <<'E'
plan "Two: # {{ .Labels }} 'plans' \\ \t" { }
defaults { prom.server = "http://127.0.0.1:9090" }
threshold up(name: string) "Is it up: {{ printf \"%d\" 1 }} \"yes\"\n- no" {
  measure prom.query("up{job='${name}'}") as count
  must == 1
  every 10s
  no data fail
}
step s "S" {
  for name in ["a", "b: {{ x }}", "it's\n# \\ \"so\""] {
    hold 1m watching up(name)
    hold 1m watching up(name: name)
  }
}
E
    export_alerts two.plan
    ends_with 0
    is "$(grep -c 'alert: "up_no_data"' out)" 3
    is "$(grep -c 'alert: "up"' out)" 3
    fires "      - { series: 'up{job=\"a\"}', values: '0' }" '      - eval_time: 0s
        alertname: up
        exp_alerts:
          - exp_labels:
              severity: critical
              job: a
              plan: "Two: # {{ .Labels }} '"'plans'"' \\ \t"
              arguments: "name: a"
            exp_annotations:
              summary: "Is it up: {{ printf \"%d\" 1 }} \"yes\"\n- no"
              description: up is 0, must be == 1
              source: "two.plan:3"
              watched: "two.plan:11, two.plan:12"'
}

@test "export: nothing to export, a plan that fails, one that does not check, other words" {
    plan none <<<'plan "None" { }'
    export_alerts none.plan
    ends_with 0
    says "$err" 'there is no threshold in it'
    plan fails <<'E'
plan "Fails" { }
defaults { prom.server = "http://127.0.0.1:9090" }
threshold first { measure prom.query('x')
  must < 1
  every 10s
  no data ok }
threshold second { measure prom.query('y')
  must < 1
  every 10s
  no data ok }
step s "S" {
  hold 1m watching first
  fail "not today"
}
step t "T" { hold 1m watching second }
E
    export_alerts fails.plan
    ends_with 1
    says "$out" '(x) >= 1'
    says_not "$out" '(y)'
    says "$err" 'fails.plan:13: not today'
    says "$err" 'what it watches after that is not exported'
    plan bad <<<'plan "Bad" { locks "x" }'
    run_plan export alerts bad.plan
    ends_with 2
    is "$out" ''
    says "$err" 'nothing was exported'
    run_plan export rules none.plan
    ends_with 2
    says "$err" 'it is `export alerts FILE`'
    run_plan export alerts none.plan --set nothing=1
    ends_with 2
    says "$err" 'no param `nothing`'
    run_plan export alerts
    ends_with 2
}

@test "export: a task that runs a plan" {
    echo 'plan "Child" { }' >child.plan
    cat >parent.plan <<'END'
plan "Parent" { }

threshold errors() "Errors" {
  measure prom.query('errors', server: "http://127.0.0.1:9") as ratio
  must < 5%
  every 10s
  no data ok
}

task it() "Runs it" { run plan "child.plan" }

it()
END
    "$RUNPLAN" export alerts parent.plan >rules.yml
    promtool check rules rules.yml
}

@test "export: the plans of this project" {
    cd "$BATS_TEST_DIRNAME/../../plans"
    for plan in *.plan; do
        "$RUNPLAN" export alerts "$plan" >"$BATS_TEST_TMPDIR/rules.yml" 2>"$BATS_TEST_TMPDIR/err" || [ $? = 1 ]
        promtool check rules "$BATS_TEST_TMPDIR/rules.yml"
    done
    "$RUNPLAN" export alerts blue_green.plan 2>&1 >/dev/null | grep -F 'is not exported: its query is known only at run time'
}

@test "export: the watch after a deployment is rules as a whole" {
    cd "$BATS_TEST_DIRNAME/../../plans"
    "$RUNPLAN" export alerts monitor.plan --env production >"$BATS_TEST_TMPDIR/rules.yml" 2>"$BATS_TEST_TMPDIR/err"
    promtool check rules "$BATS_TEST_TMPDIR/rules.yml"
    is "$(cat "$BATS_TEST_TMPDIR/err")" ''
    for name in $(sed -n 's/^threshold \([a-z_]*\).*/\1/p' monitor.plan) $(sed -n 's/^threshold \(platform_[a-z]*\).*/\1/p' lib/thresholds.plan); do
        grep -qxF "      - alert: \"$name\"" "$BATS_TEST_TMPDIR/rules.yml" || { echo "$name is missing"; false; }
    done
    is "$(grep -c '^          action: ' "$BATS_TEST_TMPDIR/rules.yml")" "$(grep -c 'alert:' "$BATS_TEST_TMPDIR/rules.yml")"
    says "$(cat "$BATS_TEST_TMPDIR/rules.yml")" 'action: "Roll back immediately"'
}

teardown() {
    [ -z "${prometheus:-}" ] || { kill "$prometheus" && wait "$prometheus"; } || true
}

@test "a real Prometheus: the exported rule fires there; a baseline, and a hold by it" {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >prometheus.yml <<E
global: { scrape_interval: 200ms, evaluation_interval: 200ms }
rule_files: [rules.yml]
scrape_configs: [{ job_name: self, static_configs: [{ targets: ["127.0.0.1:$port"] }] }]
E
    plan live <<'E'
plan "Live" { }
param server: url
defaults { prom.server = server }
threshold absent "It must not be up" {
  measure prom.query('up{job="self"}') as count
  must == 0
  every 200ms
  breach after 3
  no data fail
  action "Turn {{ it }} off"
}
threshold targets(usual: float) {
  measure prom.query('sum(up)') as count
  must within 20% of usual
  every 200ms
  breach after 2
  no data tolerate 50
}
step before "How it is" {
  wait until prom.query('sum(up)') == 1 within 30s every 200ms
  let usual = baseline(targets, 2s)
  expect "one target is usual" usual == 1
}
step "As before, and not otherwise" {
  hold 1s watching targets(usual: before.usual)
  try {
    hold 10s watching targets(usual: 2.0)
    log "no breach"
  } catch problem {
    log "caught ${problem.kind} of ${problem.detail.value}, ${problem.detail.bound}"
  }
}
step "The alert fires" {
  wait until any(a.name == "absent" and a.state == "firing" for a in prom.alerts()) within 30s every 200ms
  let alert = [a for a in prom.alerts() if a.name == "absent"][0]
  expect "it says what to do" alert.annotations.action == "Turn {{ it }} off"
  expect "and where" alert.annotations.source == "live.plan:4" and alert.labels.severity == "critical"
}
E
    export_alerts live.plan
    ends_with 1 # the baseline's bound is known only at run time
    prometheus --config.file=prometheus.yml --storage.tsdb.path=tsdb --web.listen-address="127.0.0.1:$port" 2>prometheus.log &
    prometheus=$!
    run_plan live.plan --set server="http://127.0.0.1:$port"
    ends_with 0
    says "$err" 'is the median of'
    says_not "$err" 'no breach'
    says "$err" 'caught breach of 1.0, within 20% of 2.0'
}
