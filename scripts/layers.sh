#!/bin/bash
# layers.sh: dependencies point one way. Every #include "FOLDER/…" of a source must name a folder that it may use.
#
#   grammar <- interp <- builtins <- cli, and interp <- store <- cli
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

declare -A MAY_USE=(
    [grammar]="grammar"
    [interp]="grammar interp"
    [builtins]="grammar interp builtins"
    [store]="grammar interp store"
    [cli]="grammar interp builtins store cli"
)
# The libraries that interp and below do without: the language builds and is tested without them.
FOREIGN='uv|curl/.*|libpq-fe|postgresql/.*|openssl/.*|hiredis/.*|libwebsockets|sqlite3'

passed=0
failed=0
complain() {
    printf 'layers: %s\n' "$*" >&2
    wrong=1
}

check_file() {
    local file=$1 folder=${1%%/*} line target wrong=0
    while IFS=: read -r line target; do
        [[ " ${MAY_USE[$folder]} " == *" ${target%%/*} "* ]] || complain "$file:$line: $folder/ may not include \"$target\""
    done < <(sed -nE '/^[[:space:]]*#[[:space:]]*include[[:space:]]+"/{=;s/^[^"]*"([^"]*)".*/\1/p}' "$file" | paste -d: - -)
    if [[ $folder == grammar || $folder == interp ]]; then
        while IFS=: read -r line target; do
            complain "$file:$line: $folder/ does without $target"
        done < <(grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]+<($FOREIGN)\.h>" "$file")
    fi
    if [ "$wrong" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

while read -r file; do
    check_file "$file"
done < <(find grammar interp builtins store cli -name '*.[chyl]' -o -name '*.def' | sort)

[ "$passed" -gt 0 ] || { echo "layers: no sources found" >&2; exit 1; }
printf 'layers: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
