#!/bin/bash
# run.sh [NAME...]: real deployments to the lab, and what they leave when they fail. The lab must be up. With names, only
# the tests whose name holds one of them; without, those named test_*, and with LONG=1 those named long_* instead, which
# would make the others too long to wait for. Closes with `N passed, N failed`.
set -uo pipefail
# shellcheck source=tests/lab/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
for file in tests/lab/test_*.sh; do
    # shellcheck source=/dev/null
    . "$file"
done

wanted() {
    local name
    [ ${#names[@]} -gt 0 ] || { [[ $1 = "${LONG:+long}"_* || ( -z ${LONG:-} && $1 = test_* ) ]]; return; }
    for name in "${names[@]}"; do [[ $1 != *"$name"* ]] || return 0; done
    return 1
}

names=("$@")
for test in $(declare -F | awk '$3 ~ /^(test|long)_/ { print $3 }'); do
    wanted "$test" || continue
    began=$SECONDS
    before=$failed
    if lab/lab.sh reset >"$work/reset" 2>&1; then
        "$test"
    else
        fail "the lab cannot be reset: $(tail -n 3 "$work/reset")"
    fi
    if [ "$failed" -gt "$before" ] && [ -f "$work/out" ]; then
        echo "--- the last run said"
        tail -n 60 "$work/out"
        echo "---"
    fi
    printf '%-44s %s, %d s\n' "$test" "$([ "$failed" = "$before" ] && echo ok || echo FAILED)" "$((SECONDS - began))"
done
lab/lab.sh reset >/dev/null 2>&1
if [ -s "$work/figures" ]; then
    echo
    { echo "measured|here|the runbook says"; sort -u "$work/figures"; } | column -t -s '|'
    echo
fi
echo "lab: $passed passed, $failed failed"
[ "$failed" = 0 ]
