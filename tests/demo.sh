#!/bin/bash
# demo.sh [-bad]: what `make demo` and `make demo-bad` do once all is built: the lab, steady load on it, a deployment in
# the middle of that load, and then what happened, told from the deployment's own events and the load's book.
#
#   demo.sh        deploys the good release that comes after the live one
#   demo.sh -bad   deploys one that answers three requests in ten with an error; the plan notices, and goes back
#
# Exit code 0 when it went as it should: deployed with no request failed; or, of the bad one, undone with runplan's exit
# code 1, no request lost and the release of before live again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

RATE=200                      # requests a second
GOOD=(v1 v2 v3)
BAD=v2-errors
site=http://127.0.0.1:${LAB_PORT_HTTP:-18000}

work=$(mktemp -d)
load=
finish() {
    [ -z "$load" ] || kill "$load" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi; }
live() { curl -sf "$site/health/" | jq -r ".$1"; }

next_release() {
    local i
    for i in "${!GOOD[@]}"; do
        if [ "${GOOD[i]}" = "$1" ]; then echo "${GOOD[(i + 1) % ${#GOOD[@]}]}"; return; fi
    done
    echo "${GOOD[1]}"
}

start_load() {
    lab/load.py --url "$site/materials/" --rate "$RATE" --out "$work/load.json" >/dev/null &
    load=$!
    sleep 1
}

end_load() {
    sleep 1
    kill -TERM "$load"
    wait "$load" || true
    load=
}

# The steps and what was undone of them, with their times, from the record of the run.
show_steps() {
    jq -r 'select(.type == "step.ended" or (.type == "handler.ended" and .data.kind == "rollback")) |
            [(if .type == "step.ended" then "" else "undo: " end) + .text, .data.outcome, .data.elapsed["$duration"] / 1e9] | @tsv' "$work/journal" |
        while IFS=$'\t' read -r title outcome elapsed; do
            printf '  %-56s %-12s %7.2f s\n' "$title" "$outcome" "$elapsed"
        done
}

# Requests that nobody answered, and answers that were errors.
lost() { jq '.failed - ([.by_status | to_entries[] | select(.key >= "500") | .value] | add // 0)' "$work/load.json"; }
errors() { jq '[.by_status | to_entries[] | select(.key >= "500") | .value] | add // 0' "$work/load.json"; }

show_load() {
    jq -r --arg lost "$(lost)" --arg errors "$(errors)" '
        def ms: . * 1000 | round | "\(.) ms";
        "  requests sent     \(.sent), \(.rate) a second, each on a connection of its own",
        "  requests failed   \(.failed)" + (if .failed > 0 then ": \($errors) answered with 5xx by the release, \($lost) not answered" else "" end),
        "  answered by       \([.by_version | to_entries[] | "\(.key) \(.value)"] | join(", "))",
        (.timeline[1:][] | "  switch            \(.from) to \(.to); both answered for \(.settled - .time | ms)"),
        "  time to answer    half within \(.latency.p50 | ms), 95 of 100 within \(.latency.p95 | ms), all within \(.latency.max | ms)"
    ' "$work/load.json"
}

kind=${1:-}
say "The lab"
lab/lab.sh up
before=$(live version)
if [ "$kind" = -bad ]; then version=$BAD; else version=$(next_release "$before"); fi
if [ "$before" = "$version" ]; then version=v1; fi

say "$before is live on $(live color); runplan plans/blue_green.plan --set version=$version, under $RATE requests a second"
start_load
code=0
./runplan plans/blue_green.plan --env lab --set "version=$version" --journal "$work/journal" || code=$?
end_load
after=$(live version)

say "What happened"
show_steps
say "What the users saw meanwhile"
show_load
say "Now"
echo "  $site is answered by $after on $(live color); runplan ended with exit code $code"
echo "  a line about it: $(tail -n 1 lab/state/deployments.log)"

problems=()
[ "$(lost)" = 0 ] || problems+=("requests were lost")
if [ "$kind" = -bad ]; then
    [ "$code" = 1 ] || problems+=("exit code $code instead of 1")
    [ "$(errors)" -gt 0 ] || problems+=("the bad release never had traffic")
    [ "$after" = "$before" ] || problems+=("$after answers instead of $before")
else
    [ "$code" = 0 ] || problems+=("exit code $code instead of 0")
    [ "$after" = "$version" ] || problems+=("$after answers instead of $version")
    [ "$(errors)" = 0 ] || problems+=("requests were answered with errors")
fi
if [ ${#problems[@]} -gt 0 ]; then
    printf 'demo: not as it should be: %s\n' "${problems[@]}" >&2
    exit 1
fi
