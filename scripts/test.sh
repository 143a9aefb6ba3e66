#!/bin/bash
# test.sh SUITE...: runs the suites one after another and adds up what they report. Installs nothing.
#
#   layers   dependencies point one way
#   unit     tests/unit/*.c, each a program of its own (starts a Docker engine: docker's tests use a real one)
#   golden   plans beside what must come of them (tests/golden.sh), the plans of plans/ and of the documentation; that the
#            benchmarks still run
#   torture  runs that are killed, with faults of their store and their memory: a sample (tests/torture/torture.sh)
#   asan     unit, golden and what of torture is one process once more, built with the address, undefined-behaviour and leak sanitizers
#   lab      tests/lab: deployments to the real stack
#   long     those of tests/lab that take longer: each of them a case beside one that `lab` has
#
# Each suite closes with `NAME: N passed, N failed`, the whole with `N passed, N failed`; the exit code is 1 if any failed.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

# Called by make, which would lend its jobs only to a make that it starts itself.
unset MAKEFLAGS MFLAGS MAKELEVEL

ASAN_MAKE=(B=build/asan PROGRAM=build/asan/runplan OPTIMIZE=-O1
    "SANITIZE=-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer")
# What ends a test that hangs. The slowest of them takes a quarter of this under the sanitizers on a busy machine.
TEST_SECONDS=240

total_passed=0
total_failed=0

say() { printf 'test: %s\n' "$*"; }

# report NAME PASSED FAILED: a suite's closing line.
report() { printf '%s: %d passed, %d failed\n' "$1" "$2" "$3"; }

# run_counted NAME COMMAND...: a suite's part that closes with a line `N passed, N failed`. Its output is shown as it
# comes. A part that says nothing of the kind, or ends with another code than it says, counts as one failure more.
run_counted() {
    local name=$1 log code p=0 f=0 line
    shift
    log=$(mktemp)
    "$@" </dev/null 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    rm -f "$log"
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        p=${BASH_REMATCH[1]}
        f=${BASH_REMATCH[2]}
    else
        say "$name ended with code $code and told no result"
        f=1
    fi
    if [ "$f" = 0 ] && [ "$code" != 0 ]; then
        say "$name told of no failure and ended with code $code"
        f=1
    fi
    passed=$((passed + p))
    failed=$((failed + f))
}

# build [MAKE'S ARGUMENTS]: what cannot be built is one failure, and the rest is tested all the same.
build() {
    make -s -k "$@" test-programs || {
        say "not all of it could be built"
        failed=$((failed + 1))
    }
}

# sum PATTERN FILE: of the first numbers in the lines of FILE that match.
sum() { grep -E "$1" "$2" | grep -oE '[0-9]+' | awk '{ n += $1 } END { print n + 0 }'; }

# run_unit PROGRAM...: programs of cmocka, one after another; what each printed goes to PROGRAM.log, its exit code and its
# seconds to PROGRAM.code.
run_unit() {
    local program began
    for program in "$@"; do
        began=$SECONDS
        timeout -k 10 "$TEST_SECONDS" "$program" >"$program.log" 2>&1 </dev/null
        echo "$? $((SECONDS - began))" >"$program.code"
    done
}

# count_unit PROGRAM: what run_unit left; the output is shown only when something failed.
count_unit() {
    local program=$1 p f code seconds
    [ -x "$program" ] || { say "$program was not built"; failed=$((failed + 1)); return; }
    read -r code seconds <"$program.code"
    p=$(sum '^\[  PASSED  \] [0-9]+ test' "$program.log")
    f=$(sum '^\[  FAILED  \] [0-9]+ test' "$program.log")
    # A program that crashed, hung or was stopped by a sanitizer may have marked no test as failed.
    if [ "$code" != 0 ] && [ "$f" = 0 ]; then f=1; fi
    if [ "$p" = 0 ] && [ "$f" = 0 ]; then f=1; fi
    passed=$((passed + p))
    failed=$((failed + f))
    if [ "$f" -gt 0 ]; then
        tail -n 60 "$program.log"
        say "$program ended with code $code"
    fi
    printf '%s: %d passed, %d failed, %d s\n' "${program##*/}" "$p" "$f" "$seconds"
}

# They mostly wait (for timeouts to pass, for servers to start), so they run in four lanes side by side: the long ones that
# use the Docker engine in one each, the others in two.
unit() {
    local program programs=() on_engine=() others=() lane i mine lanes=()
    read -ra programs < <(make -s "$@" list-unit)
    for program in "${programs[@]}"; do
        [ -x "$program" ] || continue
        case ${program##*/} in
            test_docker | test_compose) on_engine+=("$program") ;;
            *) others+=("$program") ;;
        esac
    done
    for program in "${on_engine[@]}"; do
        run_unit "$program" &
        lanes+=($!)
    done
    for lane in 0 1; do
        mine=()
        for ((i = lane; i < ${#others[@]}; i += 2)); do mine+=("${others[i]}"); done
        run_unit "${mine[@]}" &
        lanes+=($!)
    done
    wait "${lanes[@]}"
    for program in "${programs[@]}"; do count_unit "$program"; done
}

# fuzzed TARGET FILE... BUILD
fuzzed() {
    local build=${!#} log
    log=$build/inputs-$1.log
    if "$build/tests/fuzz/inputs" "${@:1:$#-1}" 2>"$log"; then
        passed=$((passed + $(wc -l <"$log")))
    else
        failed=$((failed + 1))
        tail -n 40 "$log"
    fi
}

# golden BUILD PROGRAM
golden() {
    local plan target
    run_counted golden tests/golden.sh "$2" "$1/tests/parse/dump"
    for plan in plans/*.plan plans/lib/*.plan plans/troubleshoot/*.plan; do
        if "$2" check "$plan"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
    if "$2" test plans/*.plan plans/troubleshoot/*.plan; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    if "$2" fmt --check plans; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    run_counted docs tests/docs.sh "$2" docs/language.md README.md
    # What the fuzzer once broke a promise with, and its corpus.
    fuzzed all tests/fuzz/found/* "$1"
    for target in tests/fuzz/corpus/*; do fuzzed "${target##*/}" "$target"/* "$1"; done
}

# What later suites need is made behind the first ones, which mostly wait.
prepare() {
    mkdir -p build
    if [[ " $* " == *" unit "* || " $* " == *" asan "* ]]; then scripts/engine.sh start || return; fi
    if [[ " $* " == *" asan "* ]]; then nice make -s -k -j1 "${ASAN_MAKE[@]}" test-programs >build/asan.log 2>&1 & fi
    if [[ " $* " == *" lab "* ]]; then nice lab/lab.sh up >build/lab-up.log 2>&1 & fi
}

suite() {
    case $1 in
        layers) run_counted layers scripts/layers.sh ;;
        unit) build && unit ;;
        golden) build && golden build ./runplan && run_counted bench tests/bench/bench.py --smoke ;;
        torture) build && run_counted torture tests/torture/torture.sh short ;;
        asan)
            export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 UBSAN_OPTIONS=print_stacktrace=1
            wait
            build "${ASAN_MAKE[@]}" && unit "${ASAN_MAKE[@]}" && LEAVE_OUT=orphans.bats golden build/asan build/asan/runplan &&
                run_counted torture tests/torture/torture.sh sanitized build/asan
            ;;
        long) wait && make -s all && lab/lab.sh up && LONG=1 run_counted long tests/lab/run.sh ;;
        lab) wait && make -s all && lab/lab.sh up && run_counted lab tests/lab/run.sh ;;
        *) say "there is no suite $1"; exit 2 ;;
    esac
}

[ $# -gt 0 ] || { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }
prepare "$@" || { say "there is no Docker engine to test with"; exit 1; }
for name in "$@"; do
    passed=0
    failed=0
    began=$SECONDS
    echo "--- $name"
    suite "$name" || { say "$name: could not be built or started"; failed=$((failed + 1)); }
    [ "$name" = layers ] || report "$name" "$passed" "$failed"
    say "$name took $((SECONDS - began)) s"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
done
printf '%d passed, %d failed\n' "$total_passed" "$total_failed"
[ "$total_failed" = 0 ]
