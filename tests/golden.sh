#!/bin/bash
# golden.sh RUNPLAN [DUMP]: plans beside what must come of them.
#
#   tests/parse/NAME.plan  NAME.tree       what the parser makes of it (DUMP: the build's tests/parse/dump)
#   tests/fmt/NAME.plan    NAME.expected   its text in the one layout, or why it has none
#   tests/check/NAME.plan  NAME.expected   what `runplan check` says, and its exit code
#   tests/diag/NAME.plan   NAME.expected   the same, a mistake that authors make in each
#   tests/run/NAME.plan    NAME.out        every event of a simulated run
#   tests/plantest/NAME.plan  NAME.expected   what `runplan test` says of the plan's own tests, and its exit code
#   tests/cli/*.bats                       the command line, and real runs of small plans
#
# A plan in tests/run says in comments how it is run and, by hand, from the language's description, what must happen:
#
#   # run: --set x=1           options of `runplan simulate`, as a shell reads them
#   # given: TEXT              one --given        # signal: INT@12s     one --signal
#   # exit: 1                  the exit code (where it is left out, the one that the run says it ends with)
#   # then: TEXT               must stand in a line of the output, each after the one before; `*` is any text, and a time
#                              at the beginning is the line's own
#   # never: TEXT              stands in no line
#
# NAME.out holds the rest, so that nothing changes unseen. Each run's record is then replayed from its journal, and must
# give the same events; and what --json prints of it must be as docs/events.schema.json says. UPDATE=1 writes the files in
# tests/run, tests/plantest and tests/diag anew; what the comments say is held in any case.
set -uo pipefail

program=$(realpath "${1:?usage: golden.sh RUNPLAN [DUMP]}")
dump=${2:-${B:-build}/tests/parse/dump}
[ ! -x "$dump" ] || dump=$(realpath "$dump")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset RUNPLAN_ENV
export LC_ALL=C.UTF-8 TZ=UTC

passed=0
failed=0
result() { # NAME PROBLEMS
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s: %s\n' "$1" "$2"
    fi
}

# Writes or compares; prints what differs.
compare() { # GOT EXPECTED
    if [ -n "${UPDATE:-}" ]; then
        cp "$1" "$2"
    elif [ ! -f "$2" ]; then
        printf '%s is missing' "$(basename "$2")"
    elif ! cmp -s "$1" "$2"; then
        printf 'differs from %s:\n' "$(basename "$2")"
        diff "$2" "$1" | head -n 12
    fi
}

header() { sed -nE "s/^# $1: ?//p" "$2"; }

# A line of text as a pattern in which only * is special. What begins with a time stands at the beginning of its line.
pattern() {
    local text
    text=$(sed -e 's/[][\\?()|+@!]/\\&/g' <<<"$1")
    if [[ $1 =~ ^[0-9]+[a-z0-9]*(\ |$) ]]; then printf '%s' "$text"; else printf '*%s' "$text"; fi
}

hold_to_words() { # PLAN OUTPUT
    local wanted line number=0 at found
    mapfile -t lines <"$2"
    at=0
    while IFS= read -r wanted; do
        [ -n "$wanted" ] || continue
        line=$(pattern "$wanted")
        found=
        for ((number = at; number < ${#lines[@]}; number++)); do
            # shellcheck disable=SC2053
            if [[ ${lines[number]} == $line* ]]; then
                found=1
                at=$((number + 1))
                break
            fi
        done
        [ -n "$found" ] || { printf 'after line %d no line says: %s\n' "$at" "$wanted"; return; }
    done < <(header "then" "$1")
    while IFS= read -r wanted; do
        [ -n "$wanted" ] || continue
        line=$(pattern "$wanted")
        for ((number = 0; number < ${#lines[@]}; number++)); do
            # shellcheck disable=SC2053
            [[ ${lines[number]} != $line* ]] || printf 'line %d says: %s\n' $((number + 1)) "$wanted"
        done
    done < <(header never "$1")
}

run_plan() { # PLAN
    local plan=$1 name options=() code want text problems=
    name=$(basename "$plan" .plan)
    eval "options=($(header run "$plan" | tr '\n' ' '))"
    while IFS= read -r text; do options+=(--given "$text"); done < <(header given "$plan")
    while IFS= read -r text; do options+=(--signal "$text"); done < <(header signal "$plan")
    rm -f "$work/journal"
    "$program" simulate "$plan" --events --journal "$work/journal" "${options[@]}" >"$work/out" 2>"$work/err" </dev/null
    code=$?
    want=$(header exit "$plan")
    # What the run itself says it ends with, where nobody has said it by hand.
    [ -n "$want" ] || want=$(sed -nE 's/^[^ ]+ run\.ended .* exit=([0-9]+) .*/\1/p' "$work/out")
    [ "$code" = "${want:-0}" ] || problems+="exit code $code instead of ${want:-0}"$'\n'"$(tail -n 3 "$work/err")"
    [ ! -s "$work/err" ] || { echo "standard error:" && cat "$work/err"; } >>"$work/out"
    problems+=$(hold_to_words "$plan" "$work/out")
    problems+=$(compare "$work/out" "${plan%.plan}.out")
    if [ -s "$work/journal" ] && ! "$program" replay "$plan" --journal "$work/journal" >"$work/replay" 2>&1; then
        problems+="the replay differs: $(head -n 4 "$work/replay")"
    fi
    "$program" simulate "$plan" --json "${options[@]}" >"$work/json/$name" 2>/dev/null </dev/null
    result "run/$name" "$problems"
}

# What --json prints of all of these runs, against the schema that describes it.
schema() {
    local found
    [ -z "${FILTER:-}" ] || return 0
    found=$(cd "$work/json" && "$here/schema.py" "$here/../docs/events.schema.json" ./* 2>&1) && found=
    result "docs/events.schema.json" "$(head -n 20 <<<"$found")"
}

# The expected text shows the path from the project's folder.
check_folder() { # FOLDER PLAN
    local plan=tests/$1/$2 expected=${2%.plan}.expected code want=0 problems=
    (cd "$here/.." && "$program" check "$plan" >"$work/out" 2>&1 </dev/null)
    code=$?
    ! grep -q ': error\[' "$work/out" || want=2
    [ "$code" = "$want" ] || problems="exit code $code instead of $want"$'\n'
    problems+=$(compare "$work/out" "$expected")
    result "$1/$(basename "$plan" .plan)" "$problems"
}

check_plan() { UPDATE='' check_folder check "$1"; }

diag_plan() { check_folder diag "$1"; }

# Each code of a diagnostic is documented where its layer lists them, and shown by a case that an author may meet.
diag_codes() {
    local code problems=
    cd "$here/.." || return
    while read -r code; do
        grep -q "^| $code " grammar/README.md || problems+="$code is not in grammar/README.md"$'\n'
    done < <(grep -oh '"E0[0-9][0-9][0-9]"' grammar/*.c | tr -d '"' | sort -u)
    while read -r code; do
        grep -q "CODE(\"$code\"" interp/check_codes.def || problems+="$code is not in interp/check_codes.def"$'\n'
    done < <(grep -oh '"[EL]0[0-9][0-9][0-9]"' interp/*.c | tr -d '"' | sort -u)
    while read -r code; do
        grep -qF "[$code]" tests/diag/*.expected tests/cli/*.bats || problems+="no case in tests/diag shows $code"$'\n'
    done < <(grep -oh '^| E0[0-9]*' grammar/README.md | tr -d '| ' && grep -oh 'CODE("[A-Z0-9]*' interp/check_codes.def | cut -c7-)
    result diag/codes "$problems"
}

parse_plan() { # PLAN
    local plan=$1
    if [ ! -x "$dump" ]; then
        result "parse/$(basename "$plan" .plan)" "there is no $dump"
        return
    fi
    "$dump" "$plan" >"$work/out" 2>&1
    result "parse/$(basename "$plan" .plan)" "$(UPDATE='' compare "$work/out" "${plan%.plan}.tree")"
}

plan_test() { # PLAN
    local code want problems=
    (cd "$here/.." && "$program" test "tests/plantest/$1" >"$work/out" 2>&1 </dev/null)
    code=$?
    grep -q ' 0 failed$' "$work/out" && want=0 || want=1
    [ "$code" = "$want" ] || problems="exit code $code instead of $want"$'\n'
    problems+=$(compare "$work/out" "${1%.plan}.expected")
    result "plantest/$(basename "$1" .plan)" "$problems"
}

# What is laid out stays as it is when it is laid out again.
fmt_plan() { # PLAN
    local plan=$1 expected=${1%.plan}.expected code want=0 problems=
    [[ $plan != err_* ]] || want=2
    "$program" fmt - <"$plan" >"$work/out" 2>"$work/err"
    code=$?
    [ "$code" = "$want" ] || problems="exit code $code instead of $want"$'\n'
    if [ "$want" = 0 ] && ! "$program" fmt --check - <"$work/out" >"$work/again" 2>&1; then
        problems+="laid out again it is another text"$'\n'
    fi
    cat "$work/err" >>"$work/out"
    problems+=$(compare "$work/out" "$expected")
    result "fmt/$(basename "$plan" .plan)" "$problems"
}

# FILTER=word tries only files whose name holds it. Parts that others import have no expected file of their own.
each() { # FOLDER FUNCTION SUFFIX
    local plan
    cd "$here/$1" 2>/dev/null || return 0
    for plan in *.plan; do
        [ -f "$plan" ] && [[ $plan == *"${FILTER:-}"* && $plan != lib_* ]] || continue
        [ -f "${plan%.plan}.$3" ] || [[ $1 == run || $1 == plantest || $1 == fmt || $1 == diag ]] || continue
        "$2" "$plan"
    done
}

# tests/cli/*.bats: the command line and real runs, with processes and files of this machine.
command_line() {
    local line file files=()
    # What is the kernel's and takes time, once is enough: LEAVE_OUT names a file.
    for file in "$here"/cli/*.bats; do [ "${file##*/}" = "${LEAVE_OUT:-}" ] || files+=("$file"); done
    if ! command -v bats >/dev/null; then
        result cli "bats is not installed"
        return
    fi
    while IFS= read -r line; do
        case $line in
            "ok "*) result cli "" ;;
            "not ok "*) result "cli/${line#not ok * }" "see below" ;;
            "# "*) printf '  %s\n' "$line" ;;
        esac
    done < <(RUNPLAN=$program bats --tap ${FILTER:+--filter "$FILTER"} "${files[@]}" 2>&1)
}

each parse parse_plan tree
each fmt fmt_plan expected
each check check_plan expected
each diag diag_plan expected
diag_codes
mkdir "$work/json"
each run run_plan out
each plantest plan_test expected
schema
command_line
echo "golden: $passed passed, $failed failed"
[ "$failed" = 0 ]
