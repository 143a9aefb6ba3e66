#!/bin/bash
# fuzz.sh PROGRAM SECONDS [TARGET...]: runs the fuzzer on each target, SECONDS long, from the corpus in this folder, every
# plan of the tests, and what earlier runs on this machine found. What breaks a promise ends the run and is left in
# build/fuzz/broken: mend the cause, give the input a name that says what it was, and put it into tests/fuzz/found.
#
# fuzz.sh PROGRAM corpus [TARGET...]: makes the corpus anew from all that is there: short inputs, as few as reach all the code
# that is reached.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

PROGRAM=$1
SECONDS_EACH=$2
shift 2
TARGETS=("$@")
[ $# -gt 0 ] || TARGETS=(parse check format simulate export)

CORPUS=tests/fuzz/corpus
WORK=build/fuzz/work
BROKEN=build/fuzz/broken
# What is kept in the corpus is shorter.
SHORT=600
# No input is longer: what a plan's parts do to each other fits, and short ones are fast.
LONGEST=4000
# Memory that one input may take; and the seconds that one may take under the sanitizers, where a loop is 20 times slower.
MEMORY_MB=2048
SLOW=20

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1

# The words and signs of the language, for the fuzzer to put in.
dictionary() {
    sed -nE 's/^KEYWORD\([A-Z_]+, ("[^"]+").*/\1/p' grammar/keywords.def
    sed -nE 's/^###? `?([a-z]+\.[a-z_]+).*/"\1("/p' docs/builtins.md
    printf '"%s"\n' '${' '=>' '..' '==' '!=' '<=' '>=' '+=' '5%' '30s' '10ms' '512MB' '{ ' ' }' '# given: ' '# harm: signal ' \
        '# harm: fail ' '# harm: unknown ' ' returns ' ' fails '
}

# with_parts PLAN: its text, and behind it, as parts of one input, the files beside it that it imports or runs, and theirs.
with_parts() {
    local folder name known=" "
    local names=()
    folder=$(dirname "$1")
    cat "$1"
    mapfile -t names < <(named_in "$1")
    while [ "${#names[@]}" -gt 0 ]; do
        name=${names[0]}
        names=("${names[@]:1}")
        if [[ $known == *" $name "* || ! -f $folder/$name ]]; then continue; fi
        known+="$name "
        printf '\n# file: %s\n' "$name"
        cat "$folder/$name"
        mapfile -t -O "${#names[@]}" names < <(named_in "$folder/$name")
    done
}

# named_in PLAN: the files that it imports or runs.
named_in() { sed -nE 's/^.*(import|run plan) "([^"/]+\.plan)".*/\2/p' "$1"; }

seeds() {
    mkdir -p "$WORK/seeds"
    find plans tests -name '*.plan' -not -path '*/corpus/*' -size -"$((LONGEST * 2))"c |
        while read -r plan; do with_parts "$plan" >"$WORK/seeds/$(echo "$plan" | tr / _)"; done
}

# make_corpus TARGET
make_corpus() {
    local all=$WORK/all-$1
    rm -rf "$all" "$WORK/corpus-$1"
    mkdir -p "$all" "$WORK/corpus-$1" "$CORPUS"
    find "$WORK/$1" "$WORK/seeds" "$CORPUS/$1" -type f -size -"$SHORT"c -exec cp -t "$all" {} + 2>/dev/null || true
    "$PROGRAM" --target="$1" -merge=1 -set_cover_merge=1 -use_counters=0 "$WORK/corpus-$1" "$all" 2>"$WORK/$1.log"
    rm -rf "${CORPUS:?}/$1"
    mv "$WORK/corpus-$1" "$CORPUS/$1"
    echo "$CORPUS/$1: $(find "$CORPUS/$1" -type f | wc -l) inputs"
}

mkdir -p "$WORK" "$BROKEN"
dictionary | sort -u >"$WORK/dictionary"
seeds
if [ "$SECONDS_EACH" = corpus ]; then
    for target in "${TARGETS[@]}"; do make_corpus "$target"; done
    exit
fi
failed=0
for target in "${TARGETS[@]}"; do
    mkdir -p "$WORK/$target" "$CORPUS/$target"
    echo "--- $target, $SECONDS_EACH s"
    "$PROGRAM" --target="$target" -dict="$WORK/dictionary" -max_len="$LONGEST" -rss_limit_mb="$MEMORY_MB" -timeout="$SLOW" \
        -max_total_time="$SECONDS_EACH" -print_final_stats=1 -verbosity=0 -artifact_prefix="$BROKEN/$target-" \
        "$WORK/$target" "$CORPUS/$target" "$WORK/seeds" 2>"$WORK/$target.log" || failed=1
    grep -E '^stat::(number_of_executed_units|average_exec_per_sec|new_units_added)|broken promise|^SUMMARY|ERROR: ' "$WORK/$target.log" || true
done
if [ "$failed" = 1 ]; then
    echo "fuzz: a promise was broken: see $BROKEN and $WORK/*.log"
    exit 1
fi
