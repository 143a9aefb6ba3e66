# runplan test: files, options, exit codes. What it says of a test is in tests/plantest.

load help

some_plan() {
    plan "${1:-some}" <<'E2'
plan "Some" {}
step s "Ask" { let state = docker.health("web") }
test "it is healthy" {
  given docker.health returns "healthy"
  run
  expect s.state == "healthy"
}
test "it is told what is wrong" {
  given docker.health takes 90s
  given docker.health fails "gone"
  run
  expect outcome == "failed" and elapsed == 90s
}
E2
}

@test "all pass: 0; several files, each with its tests" {
    some_plan
    some_plan other
    run_plan test some.plan other.plan
    ends_with 0
    says "$out" "other.plan
  ok      it is healthy
  ok      it is told what is wrong
4 passed, 0 failed"
    [ -z "$err" ]
}

@test "one fails: 1, and the others are still run" {
    some_plan
    sed -i 's/== "healthy"/== "ill"/' some.plan
    run_plan test some.plan
    ends_with 1
    says "$out" 's.state is "healthy"'
    says "$out" "  ok      it is told what is wrong"
    says "$out" "1 passed, 1 failed"
    run_plan test some.plan --quiet
    ends_with 1
    says_not "$out" "it is told"
}

@test "--only takes those whose name holds the text, in any case" {
    some_plan
    run_plan test some.plan --only WRONG
    ends_with 0
    says "$out" "1 passed, 0 failed"
    run_plan test some.plan --only nothing
    ends_with 2
    says "$err" 'whose name holds `nothing`'
}

@test "a plan without tests, and one that does not check: 2, and the other files are still tried" {
    some_plan
    echo 'plan "None" {}' >none.plan
    run_plan test none.plan
    ends_with 2
    says "$err" "no test"
    echo 'plan "Bad" { oops }' >bad.plan
    run_plan test bad.plan some.plan
    ends_with 2
    says "$err" "bad.plan:1"
    says "$out" "2 passed, 0 failed"
}

@test "-v shows the run before its verdict" {
    some_plan
    run_plan test some.plan -v --only wrong
    ends_with 0
    [[ $out == *"running it is told"*"FAILED"*"gone"*"  ok      it is told"* ]]
}

@test "--json: an object a test, and one at the end" {
    some_plan
    sed -i 's/elapsed == 90s/elapsed == 1s/; s/returns "healthy"/returns "healthy"\n  given docker.ps returns []/' some.plan
    run_plan test some.plan --json
    ends_with 1
    [ "$(jq -c '[.type, .test, .passed, .exit, .elapsed]' out | head -n 2)" = '["test","it is healthy",false,0,0]
["test","it is told what is wrong",false,1,90]' ]
    [ "$(jq -r '.unused[]?.given' out)" = 'given docker.ps returns []' ]
    [ "$(jq -r '.missed[]?.parts[] | "\(.text) \(.value)"' out | tail -n 1)" = "elapsed == 1s false" ]
    [ "$(tail -n 1 out)" = '{"type":"end","passed":0,"failed":2}' ]
}

@test "neither RUNPLAN_ENV nor what is in the environment changes a test" {
    plan env <<'E2'
param size: int = 1
environment big { size = 3 }
environment small default { size = 2 }
plan "Env" {}
step s "S" { let seen = size }
test "the default one" { 
  run
  expect s.seen == 2
}
test "the named one" {
  run "big"
  expect s.seen == 3
}
test "the test has the last word" {
  let mine = 7
  run "big" { size: mine }
  expect s.seen == 7
}
E2
    RUNPLAN_ENV=big run_plan test env.plan
    ends_with 0
}
