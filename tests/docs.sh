#!/usr/bin/env bash
# Holds the documentation to the program: every ```plan block of the given pages checks without an error and passes
# its own tests (one that begins with ```plan NAME is a file of that name for those below it), and the pages
# made from the tables in the code are what the program prints (`make docs` makes them).   tests/docs.sh PROGRAM [PAGE …]
set -euo pipefail
program=${1:?the program}
shift
pages=("$@")
[ ${#pages[@]} -gt 0 ] || pages=(docs/language.md)
passed=0 failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

verdict() { # NAME COMMAND…: counts what the command says
	local name=$1
	shift
	if "$@" >"$work/said" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED docs/$name"
		sed 's/^/  /' "$work/said"
	fi
}

for page in "${pages[@]}"; do
	rm -f "$work"/block*
	awk -v out="$work/" '/^```plan( [^ ]+)?$/ { n++; on = 1; name = $2; next } /^```$/ { on = 0 }
		on { print > (out "block" n ".plan"); if (name) print > (out name) }' "$page"
	for block in "$work"/block*.plan; do
		[ -e "$block" ] || { echo "FAILED docs/$page: it has no plan block"; failed=$((failed + 1)); break; }
		verdict "$page:$(basename "$block" .plan)" "$program" check "$block"
		! grep -q '^test "' "$block" || verdict "$page:$(basename "$block" .plan), its tests" "$program" test "$block"
		verdict "$page:$(basename "$block" .plan) in the layout" "$program" fmt --check "$block"
	done
done

same_as_rows() { "$program" doc --markdown | diff - docs/builtins.md; }
verdict builtins.md same_as_rows

same_as_tables() {
	"$program" help --markdown | diff - <(sed '1,/^<!-- runplan help/d; /^<!-- end/,$d' docs/operating.md)
}
verdict operating.md same_as_tables

echo "docs: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
