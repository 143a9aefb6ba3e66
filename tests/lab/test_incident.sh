# shellcheck shell=bash disable=SC2016,SC2154  # code, work: lib.sh
# test_incident.sh: plans/incident.plan and plans/decide.plan: what is wrong is found, and the procedure for it runs.

rm_tickets() { rm -rf "$work/tickets"; rm -f "$LAB_STATE/status.log"; }
ticket() { cat "$work/tickets/$1"_*.md; }
has() { if ticket "$1" | grep -qF -- "$2"; then pass; else fail "the $1 does not say: $2"; fi; }
incident() { plan incident.plan --set "tickets=$work/tickets" "$@"; }

test_incident_that_is_critical() {
    live_now v2 || return
    rm_tickets
    # v2 lets nobody in; v1 does.
    curl -sf -X POST -d '{"login": true}' "http://127.0.0.1:$LAB_PORT_GREEN/fault/" >/dev/null
    incident --set what="nobody can log in" --set severity=minor --set attended=true --yes
    equals "exit code" "$code" 0
    says "nobody can log in: the right password gets 401"
    on_release v1 green
    has incident "# [INCIDENT] nobody can log in"
    has incident "Severity: critical (an issue demands an immediate rollback)"
    has incident "- nobody can log in: the right password gets 401"
    has incident "- v2 on green"
    has incident "the release was rolled back; now there is v1 on green"
    has review "# [POST-INCIDENT] nobody can log in"
    has review "Due: "
    never_says "$(cat "$LAB_STATE/users.password")"
    check "no password is in a ticket" [ "$(cat "$work/tickets/"* | grep -cF "$(cat "$LAB_STATE/users.password")")" = 0 ]
    equals "items signed, and the rollback confirmed" "$(grep -c 'person .*yes' "$work/out")" 5
    check "users are told" grep -q 'monitoring: nobody can log in' "$LAB_STATE/status.log"
    replays
}

test_incident_whose_rollback_fails() {
    rm_tickets
    remember
    lab/fault.sh payments on
    incident --set what="nobody can pay" --set severity=critical --set back_to=v0 --yes
    lab/fault.sh clear
    equals "exit code" "$code" 1
    has incident "- the payment system is down: it answers 503"
    has incident "NOT rolled back: there is no image of v0"
    has review "NOT rolled back: there is no image of v0"
    on_release v1 blue
    nothing_changed
}

test_incident_that_is_major_and_one_that_is_minor() {
    rm_tickets
    remember
    lab/fault.sh alert on
    until curl -s "http://127.0.0.1:$LAB_PORT_PROM/api/v1/alerts" | grep -q '"alertname":"LabFault".*"state":"firing"'; do sleep 0.2; done
    incident --set what="reports are late" --set attended=true --set severity=major --yes
    lab/fault.sh clear
    equals "exit code" "$code" 0
    has incident "Severity: major"
    has incident "LabFault: "
    has incident "an incident is open, and the team has it"
    equals "items signed" "$(grep -c 'person .*yes' "$work/out")" 4
    rm_tickets
    incident --set what="a typo" --set severity=minor --set attended=true --yes
    equals "exit code of the minor one" "$code" 0
    has incident "nothing at once: the next release mends it"
    equals "its items signed" "$(grep -c 'person .*yes' "$work/out")" 2
    check "no review" [ -z "$(find "$work/tickets" -name 'review_*')" ]
    check "users hear nothing" [ ! -e "$LAB_STATE/status.log" ]
    nothing_changed
}

# ---- plans/decide.plan ----

decide() { plan decide.plan --set "redis_address=127.0.0.1:$LAB_PORT_REDIS" --set "tickets=$work/tickets" "${answers[@]}" "$@"; }
# Nobody is there; what a branch that is not taken would ask is answered as well.
answers=(--yes --confirm 'Restore ${database_name} from this backup?=RESTORE CONFIRM')

# The share that the plan looks at is over its bound.
errors_in_prometheus() { # COLOUR
    curl -s "http://127.0.0.1:$LAB_PORT_PROM/api/v1/query" --data-urlencode "query=sum(rate(http_requests_total{job=\"backend-$1\",
        status=~\"5..\"}[5s])) / sum(rate(http_requests_total{job=\"backend-$1\"}[5s])) > 0.1" | grep -q '"value"'
}

long_decide_errors_bring_back_what_stands_by() {
    live_now v2 || return
    load_start
    lab/fault.sh errors on 0.3
    until errors_in_prometheus green; do sleep 0.2; done
    decide --set problem=errors --set severity=minor
    lab/fault.sh clear
    load_end
    equals "exit code" "$code" 0
    says "errors, critical: rollback_zero_downtime.plan"
    says "this demands an immediate rollback: more than 5% of the answers are 5xx"
    on_release v1 blue
    replays
}

# Somebody drops a table, and every page that needs it fails: the newest backup has it.
long_decide_a_table_that_is_lost_comes_back() {
    local before
    plan backup.plan
    equals "exit code of the backup" "$code" 0
    before=$(materials)
    load_start
    psql -d thebot_db -c 'DROP TABLE materials_material CASCADE' 2>/dev/null
    until errors_in_prometheus blue; do sleep 0.2; done
    decide --set problem=data --set severity=minor
    load_end
    equals "exit code" "$code" 0
    says "data, critical: restore_database.plan"
    says "this demands an immediate rollback: more than 5% of the answers are 5xx"
    equals "rows" "$(materials)" "$before"
    on_release v1 blue
    replays
}

# A migration was begun by hand and failed in the middle: its first half goes back.
long_decide_half_a_migration_goes_back() {
    remember
    ! VERSION=v2-badmigration compose run --rm --no-deps backend-green python manage.py migrate --noinput >"$work/migrate" 2>&1 ||
        fail "the migration did not fail"
    equals "its first half is there" "$(applied)" "$of_v2"
    decide --set problem=migration --set severity=critical --set app=materials --set to=0001_initial
    check "the release that serves does not know it" [ "$code" != 0 ]
    equals "nothing has moved" "$(applied)" "$of_v2"
    decide --set problem=migration --set severity=critical --set app=materials --set to=0001_initial --set brought_by=v2-badmigration
    equals "exit code" "$code" 0
    says "migration, critical: migrate_back.plan"
    equals "migrations" "$(applied)" "$of_v1"
    on_release v1 blue
    nothing_changed
    replays
}

# What serves is gone: it is replaced by the release before, and the ticket is there.
long_decide_a_service_that_is_down() {
    live_now v2 || return
    rm_tickets
    lab/fault.sh stopped on
    # No way to a container that is gone, or no answer from it.
    check "users get nothing" grep -qE '^50[24]$' <(status "$SITE/health/")
    decide --set problem="service down" --set severity=minor
    equals "exit code" "$code" 0
    says "service down, critical: incident.plan"
    says "this demands an immediate rollback: nobody can log in"
    on_release v1 green
    lab/fault.sh clear
    has incident "# [INCIDENT] service down"
    has incident "Severity: critical"
    has incident "the release was rolled back; now there is v1 on green"
    has review "# [POST-INCIDENT] service down"
    replays
}

test_decide_errors_in_a_canary_stop_it() {
    live_now v2 || return
    lab/route.sh canary 25
    decide --set problem=errors --set severity=critical
    equals "exit code" "$code" 0
    says "errors, critical: stop the canary"
    on_release v1 blue
    equals "the canary runs on" "$(docker inspect -f '{{.State.Running}}' "${LAB_PREFIX}backend-green")" true
}

test_decide_a_feature_is_turned_off_and_nothing_without_a_yes() {
    remember
    plan decide.plan --set "redis_address=127.0.0.1:$LAB_PORT_REDIS" --set problem=feature --set severity=major --set feature=chat
    equals "exit code where nobody says yes" "$code" 5
    nothing_changed
    decide --set problem=feature --set severity=major --set feature=chat
    equals "exit code" "$code" 0
    equals "the flag in Redis" "$(redis get feature_flag_chat)" off
    rm -rf "$work/tickets"
    decide --set problem="response time" --set severity=minor
    redis del feature_flag_chat >/dev/null
    never_says "WebSockets do not open"
    equals "exit code of what is minor" "$code" 0
    has incident "# [INCIDENT] response time"
    nothing_changed
}
