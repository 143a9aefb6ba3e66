# What the .bats files share. RUNPLAN is the program (golden.sh sets it).

setup() {
    RUNPLAN=${RUNPLAN:-$BATS_TEST_DIRNAME/../../runplan}
    cd "$BATS_TEST_TMPDIR"
    export RUNPLAN RUNPLAN_STATE=$BATS_TEST_TMPDIR/state HOME=$BATS_TEST_TMPDIR
    unset RUNPLAN_ENV NO_COLOR RUNPLAN_OPERATOR
}

# plan NAME <<E: writes NAME.plan.
plan() { cat >"$1.plan"; }

# run_plan ARGUMENTS: as `run`, but standard output and standard error apart, in $out and $err.
run_plan() {
    status=0
    "$RUNPLAN" "$@" >out 2>err </dev/null || status=$?
    out=$(cat out)
    err=$(cat err)
}

says() { # TEXT PART
    [[ $1 == *"$2"* ]] || {
        printf 'does not say: %s\n--- it says:\n%s\n' "$2" "$1"
        return 1
    }
}

says_not() {
    [[ $1 != *"$2"* ]] || {
        printf 'says: %s\n--- in:\n%s\n' "$2" "$1"
        return 1
    }
}

ends_with() { # CODE
    [ "$status" = "$1" ] || {
        printf 'exit code %s instead of %s\n%s\n%s\n' "$status" "$1" "$out" "$err"
        return 1
    }
}

# on_terminal INPUT ARGUMENTS: runs it with a terminal of 80 columns on all three descriptors; INPUT is typed at once, what
# the terminal showed is in $out.
on_terminal() {
    local input=$1 words
    shift
    words=$(printf '%q ' "$RUNPLAN" "$@")
    status=0
    printf "$input" | SHELL=/bin/bash TERM=${TERMINAL:-dumb} script -qec "stty cols 80 rows 40; $words" /dev/null >out 2>&1 || status=$?
    out=$(tr -d '\r' <out)
    err=
}

# until_so COMMAND...: until it succeeds; on the slowest machine within a minute.
until_so() {
    local last=$((SECONDS + 60))
    until "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$last" ] || {
            printf 'never came: %s\n' "$*"
            return 1
        }
        sleep 0.05
    done
}

# on_record begun|ended EFFECT OPTIONS...: until the newest EFFECT of the newest run is so in its record. What an effect has
# made is seen before its outcome is on record; a run that is killed between the two is in doubt.
on_record() {
    until_so record_has "$@"
}

record_has() {
    local type=$1 effect=$2
    shift 2
    "$RUNPLAN" show --json "$@" | jq -es --arg type "$type" --arg effect "$effect" \
        '(map(select(.type == "effect.started" and .text == $effect)) | last.id // empty) as $id
        | $type == "begun" or any(.type == "effect.ended" and .id == $id)' >/dev/null
}

is() { # GOT WANTED
    [ "$1" = "$2" ] || {
        printf 'wanted: [%s]\n   got: [%s]\n' "$2" "$1"
        return 1
    }
}
