#!/bin/bash
# run.sh [NAME...]: real deployments to the lab, and what they leave when they fail. The lab must be up. With names, only
# the tests whose name holds one of them; without, those named test_*, and with LONG=1 those named long_* instead, which
# would make the others too long to wait for; those named torture_* only where they are named (`make torture`). Closes with
# `N passed, N failed`. KEEP=1 puts what was measured, by this run or the newest before it, and what the run came to into
# docs/performance.md.
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

# The newest of each figure, whichever run it is from.
keep_figures() {
    touch "$work/figures" "$FIGURES"
    awk -F'|' '{ newest[$1] = $0 } END { for (what in newest) print newest[what] }' "$FIGURES" "$work/figures" |
        sort >"$work/figures.all"
    cp "$work/figures.all" "$FIGURES"
}

# The page's part between its marks, anew.
fill_page() {
    local page=docs/performance.md mark='<!-- table: make test-long KEEP=1 -->' end='<!-- end of table -->'
    {
        printf '%s\n\n| measured | here | the runbook says |\n| --- | --- | --- |\n' "$mark"
        sed 's/|/ | /g; s/^/| /; s/$/ |/' "$FIGURES"
        printf '\n%s: %d tests, %d checks passed, %d failed, in %d s; the longest: %s.\n' "$(date +%F)" "$(wc -l <"$work/times")" \
            "$passed" "$failed" "$SECONDS" "$(sort -rn "$work/times" | head -n 5 | awk '{ print "`" $2 "` " $1 " s" }' | paste -sd, | sed 's/,/, /g')"
        printf '%s, %s processors, %s; load %s at the end.\n\n%s\n' "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)" \
            "$(nproc)" "$(. /etc/os-release; echo "$PRETTY_NAME")" "$(cut -d' ' -f1 /proc/loadavg)" "$end"
    } >"$work/part"
    awk -v mark="$mark" -v end="$end" -v part="$work/part" '
        $0 == mark { while ((getline line <part) > 0) print line; within = 1 }
        !within { print }
        $0 == end { within = 0 }' "$page" >"$work/page" && cp "$work/page" "$page"
}

FIGURES=build/lab-figures
mkdir -p build
names=("$@")
for test in $(declare -F | awk '$3 ~ /^(test|long|torture)_/ { print $3 }'); do
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
    echo "$((SECONDS - began)) $test" >>"$work/times"
done
lab/lab.sh reset >/dev/null 2>&1
keep_figures
if [ -s "$FIGURES" ]; then
    echo
    { echo "measured|here|the runbook says"; cat "$FIGURES"; } | column -t -s '|'
    echo
fi
[ -z "${KEEP:-}" ] || fill_page
echo "lab: $passed passed, $failed failed"
[ "$failed" = 0 ]
