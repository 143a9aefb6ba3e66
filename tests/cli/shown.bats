# What a person sees, whole: simulated, so that every time is the same every time. UPDATE=1 writes the expected files anew.

load help

compare() { # FILE
    local expected=$BATS_TEST_DIRNAME/shown/$1
    if [ -n "${UPDATE:-}" ]; then cp "$1" "$expected"; fi
    diff "$expected" "$1"
}

setup() {
    RUNPLAN=${RUNPLAN:-$BATS_TEST_DIRNAME/../../runplan}
    cd "$BATS_TEST_TMPDIR"
    cp "$BATS_TEST_DIRNAME/shown/all.plan" .
    given=(
        --given 'docker.health("blue") returns "healthy"'
        --given 'docker.health("green") returns ["starting", "starting", "starting", "healthy"]'
        --given 'docker.pull fails "registry is busy" once'
        --given 'docker.start takes 3s'
        --given 'exec(["warm"]) takes 40s'
        --given 'error_rate returns [1%, 1%, 1%, 1%, _, 1%, 9%]'
        --given 'exec(["route", "blue"]) fails "nginx: test failed" with { code: 1, stderr: "line 1\nline 2\n" }'
    )
}

@test "a run that fails and is not undone whole" {
    run_plan simulate all.plan --set version=v2 "${given[@]}"
    ends_with 3
    cp err all.normal
    compare all.normal
}

@test "--verbose and --quiet" {
    run_plan simulate all.plan --set version=v2 "${given[@]}" --verbose
    cp err all.verbose
    compare all.verbose
    run_plan simulate all.plan --set version=v2 "${given[@]}" --quiet
    cp err all.quiet
    compare all.quiet
}

@test "a preview" {
    run_plan preview all.plan --set version=v2
    ends_with 0
    cp out all.preview
    compare all.preview
}

@test "a preview of choices and loops that nobody can decide" {
    cp "$BATS_TEST_DIRNAME/shown/choices.plan" .
    run_plan preview choices.plan
    ends_with 0
    cp out choices.preview
    compare choices.preview
}
