# People: asked on a terminal, answered beforehand, or not there.

load help

people_plan() {
    plan people <<'P'
plan "People" { }
param version: string = "v2"
step "Ask" {
  confirm "Deploy ${version}?"
  manual "The graphs look right"
}
step "Work" {
  exec(["touch", "made"])
  rollback none "a file does no harm"
}
P
}

@test "nobody there, no answer and no record: refused at the start, each place named, exit 4" {
    people_plan
    run_plan people.plan --state none
    ends_with 4
    says "$err" 'people.plan:4:3: confirm "Deploy ${version}?"'
    says "$err" 'people.plan:5:3: manual "The graphs look right"'
    says "$err" "--yes"
    says_not "$err" "0:00"
    [ ! -e made ]
}

@test "--yes answers every manual, and every confirm without a phrase" {
    people_plan
    run_plan people.plan --state none --yes
    ends_with 0
    [ -e made ]
    says "$err" "Deploy v2? yes"
}

@test "--confirm LABEL answers one; what is left is named" {
    people_plan
    run_plan people.plan --state none --confirm 'The graphs look right'
    ends_with 4
    says "$err" "Deploy"
    says_not "$err" "graphs"
    run_plan people.plan --state none --confirm 'The graphs look right' --confirm 'Deploy ${version}?'
    ends_with 0
    run_plan people.plan --state none --confirm 'The graphs look right' --confirm 'Deploy v2?'
    ends_with 0
    # Another release than the one that was confirmed: found when the question is asked.
    run_plan people.plan --state none --confirm 'The graphs look right' --confirm 'Deploy v3?'
    ends_with 4
}

@test "a phrase has to be given, and to be the right one" {
    plan phrase <<'P'
plan "Phrase" { }
step "Ask" { confirm "Drop it?" typing "DROP IT" }
P
    run_plan phrase.plan --state none --yes
    ends_with 4
    says "$err" "--confirm 'Drop it?=PHRASE'"
    run_plan phrase.plan --state none --confirm 'Drop it?'
    ends_with 4
    run_plan phrase.plan --state none --confirm 'Drop it?=drop it'
    ends_with 4
    run_plan phrase.plan --state none --confirm 'Drop it?=DROP IT'
    ends_with 0
}

@test "on a terminal: yes, no, and what is neither" {
    plan one <<'P'
plan "One" { }
step "Ask" { confirm "Go on?" }
P
    on_terminal 'perhaps\nyes\n' one.plan --color never
    ends_with 0
    says "$out" "Question: Go on?"
    says "$out" "Go on? yes"
    on_terminal 'no\n' one.plan
    ends_with 4
    says "$out" "refused before any change"
}

@test "on a terminal: a phrase, a choice by its number, and two questions side by side one after the other" {
    plan more <<'P'
plan "More" { }
step "Ask" {
  confirm "Drop it?" typing "DROP IT"
  log "chosen: ${operator.ask("Which side?", ["blue", "green"])}"
  parallel {
    confirm "First?"
    confirm "Second?"
  }
}
P
    on_terminal 'drop it\nDROP IT\n3\n2\ny\nyes\n' more.plan
    ends_with 0
    says "$out" "the phrase is DROP IT"
    says "$out" "chosen: green"
    says "$out" "First? yes"
    says "$out" "Second? yes"
}

@test "on a terminal: a secret is asked without echo, and the echo comes back" {
    plan secret <<'P'
plan "Secret" { }
secret token = prompt("The token")
step "Use" {
  exec(["sh", "-c", "[ \"$T\" = hunter2hunter2 ]"], env: { T: token })
  rollback none "nothing was done"
}
P
    status=0
    { until_so grep -q "The token" out; printf 'hunter2hunter2\n'; until_so grep -q "code [0-9]" out; } |
        SHELL=/bin/bash TERM=xterm script -qec "$RUNPLAN secret.plan; echo code \$?; stty -a" /dev/null >out 2>&1 || status=$?
    out=$(tr -d '\r' <out)
    says "$out" "code 0"
    says_not "$out" "hunter2"
    says "$out" " echo "
}

@test "on a terminal: missing params are asked for, wrong ones again" {
    plan params <<'P'
plan "Params" { }
param version: string "The release"
param count: int
step "One" { log "${version} times ${count}" }
P
    on_terminal 'v2\nmany\n3\n' params.plan
    ends_with 0
    says "$out" "The release"
    says "$out" "is not of type int"
    says "$out" "v2 times 3"
}

@test "--step asks before each step; nobody there: exit 4" {
    plan steps <<'P'
plan "Steps" { }
step "One" { log "in one" }
step "Two" { log "in two" }
P
    run_plan steps.plan --step
    ends_with 4
    run_plan steps.plan --step --yes
    ends_with 0
    on_terminal 'yes\nno\n' steps.plan --step
    ends_with 4
    says "$out" "in one"
    says_not "$out" "in two"
}

@test "Ctrl-C at a question: exit 130, and the terminal as it was" {
    plan one <<'P'
plan "One" { }
secret token = prompt("The token")
step "Ask" { exec(["true"], env: { T: token }) rollback none "x" }
P
    sed -i 's/ rollback none "x" }/\n  rollback none "x"\n}/' one.plan
    { until_so grep -q "The token" out; printf '\003'; until_so grep -q "code [0-9]" out; } |
        SHELL=/bin/bash TERM=xterm script -qec "$RUNPLAN one.plan; echo code \$?; stty -a" /dev/null >out 2>&1 || true
    out=$(tr -d '\r' <out)
    says "$out" "code 130"
    says "$out" " echo "
}

@test "else ask, with and without a record: --confirm LABEL lets it pass, --yes does not" {
    plan decide <<'P'
plan "Decide" { }
step "Look" {
  expect "it is up" 1 > 2 else ask
  log "went on"
}
P
    run_plan decide.plan --yes
    ends_with 1
    run_plan decide.plan --state none --yes
    ends_with 1
    says "$err" "should one of these ask whether to go on, the answer is no"
    says "$err" "decide.plan:3:3: ask \"it is up\""
    says "$err" "Go on all the same? no"
    says_not "$err" "went on"
    on_terminal 'no\n' decide.plan --yes # somebody is there: asked all the same
    ends_with 1
    says_not "$out" "went on"
    run_plan decide.plan --state none --confirm 'it is up'
    ends_with 0
    says "$err" "went on"
}

@test "a person that the params rule out is not missed; one that a read decides on is" {
    plan sometimes <<'P'
plan "Sometimes" { }
param attended: bool = false
step "Look" {
  if attended { manual "The graphs look right" }
  if probe(["true"]).code == 0 { log "went on" } else { log "odd" }
}
P
    run_plan sometimes.plan --state none
    ends_with 0
    says "$err" "went on"
    run_plan sometimes.plan --state none --set attended=true
    ends_with 4
    says "$err" 'sometimes.plan:4:17: manual "The graphs look right"'
    sed -i 's/log "odd"/confirm "Go on?"/' sometimes.plan
    run_plan sometimes.plan --state none
    ends_with 4
    says "$err" 'confirm "Go on?"'
    says_not "$err" "The graphs look right"
}

@test "nobody there: what asks only when something is wrong does not keep a run from beginning; then the answer is no" {
    plan perhaps <<'P'
plan "Perhaps" { }
param sound: bool = true
param attended: bool = false
threshold load(max: int = 5) {
  measure probe(["sh", "-c", "test -e load"]).code as count
  must < max
  every 1s
  no data ask
}
step "Mark" {
  file.write("mark", "x")
  rollback { file.remove("mark") }
}
step "Look" {
  if attended { log operator.ask("Which?") }
  expect "it is sound" sound else ask
}
step "Hold" { hold 1s watching load }
P
    touch load
    run_plan perhaps.plan
    ends_with 0
    says "$err" $'the answer is no\nperhaps.plan:16:3: ask "it is sound"'
    says "$err" $'perhaps.plan:4:11: ask "load"'
    [ -e mark ]
    run_plan perhaps.plan --set sound=false
    ends_with 1
    [ ! -e mark ]
    rm load
    run_plan perhaps.plan
    ends_with 1
    [ ! -e mark ]
    says "$err" "load has no data"
    run_plan perhaps.plan --confirm load --confirm 'it is sound' --set sound=false
    ends_with 0
    says_not "$err" "the answer is no"
    # Who is asked whatever happens is still missed at the start.
    run_plan perhaps.plan --state none --set attended=true
    ends_with 4
    says "$err" 'perhaps.plan:15:21: ask "Which?"'
    says_not "$err" "it is sound"
}

@test "operator.ask: answered beforehand by a choice, its number, or text; what is no choice is refused" {
    plan ask <<'E'
plan "Ask" { }
let colours = ["blue", "green"]
step s "S" {
  let side = operator.ask("Which side?", colours)
  let other = operator.ask("Which other?", choices: list.sort(colours))
  let why = operator.ask("Why ${side}?")
  log "${side} ${other} ${why}"
}
E
    run_plan ask.plan --state none --yes
    ends_with 4
    says "$err" "answered beforehand by --confirm 'Which side?=ANSWER'"
    run_plan ask.plan --state none --confirm 'Which side?=2' --confirm 'Which other?=blue' --confirm 'Why ${side}?=it = so'
    ends_with 0
    says "$err" 'green blue it = so'
    # Where the choices are written out, before anything runs; else when it is asked.
    run_plan ask.plan --state none --confirm 'Which side?=purple' --confirm 'Which other?=blue' --confirm 'Why ${side}?=x'
    ends_with 4
    is "$err" 'runplan: refused: "Which side?": the answer given by --confirm, "purple", is none of ["blue", "green"]'
    run_plan ask.plan --state none --confirm 'Which side?=blue' --confirm 'Which other?=3' --confirm 'Why ${side}?=x'
    ends_with 4
    says "$err" '"Which other?": the answer given by --confirm, "3", is none of ["blue", "green"]'
    says "$err" 'person  Which side? blue'
}
