# The command line itself: commands, help, what is not there.

load help

@test "--version and --help" {
    run_plan --version
    ends_with 0
    [[ $out =~ ^runplan\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
    run_plan --help
    ends_with 0
    says "$out" "  run         Execute a plan"
    says_not "$out" "drill"
    run_plan check --help
    ends_with 0
    says "$out" "--unattended"
    says_not "$out" "--confirm"
    run_plan help simulate
    says "$out" "--given TEXT"
}

@test "without a command: the help, on standard error, and exit 2" {
    run_plan
    ends_with 2
    [ -z "$out" ]
    says "$err" "Usage:"
}

@test "an unknown command or option gets a suggestion and exit 2" {
    run_plan chekc a.plan
    ends_with 2
    says "$err" 'did you mean `runplan check`?'
    run_plan run a.plan --jsn
    ends_with 2
    says "$err" 'did you mean `--json`?'
    run_plan help simulat
    ends_with 2
    says "$err" 'did you mean `runplan help simulate`?'
    run_plan run a.plan --color sometimes
    ends_with 2
    says "$err" 'it is one of: auto always never'
}

@test "a missing operand, or one too many: which, and the usage" {
    run_plan run
    ends_with 2
    says "$err" '`run` wants FILE'
    says "$err" 'usage: runplan run FILE [OPTIONS]'
    run_plan replay a.plan b.rows
    ends_with 2
    says "$err" '`b.rows` is one operand too many'
    says "$err" 'usage: runplan replay FILE [OPTIONS]'
    run_plan completion
    ends_with 2
    says "$err" '`completion` wants SHELL'
    run_plan completion tcsh
    ends_with 2
    says "$err" 'bash zsh fish'
}

@test "a later release's commands say so" {
    for command in drill render diff report lsp; do
        run_plan "$command" x
        ends_with 2
        says "$err" "\`$command\` is not available yet"
    done
}

@test "a plan that is not there, and one that cannot be run" {
    run_plan none.plan
    ends_with 2
    says "$err" "none.plan"
    echo 'let x = 3' >part.plan
    run_plan part.plan
    ends_with 2
    says "$err" "no \`plan\` item"
}

@test "check: errors on standard error with their place, exit 2" {
    plan bad <<'P'
plan "Bad" { }
step "One" { exec(["deploy"]) }
step "Two" { log missing }
P
    run_plan check bad.plan
    ends_with 2
    [ -z "$out" ]
    says "$err" "bad.plan:2:14: error"
    says "$err" "bad.plan:3:18: error"
}

@test "check --json: one object a diagnostic" {
    plan bad <<'P'
plan "Bad" { }
step "Two" { log missing }
P
    run_plan check bad.plan --json
    ends_with 2
    [ "$(jq -r '[.file, .line, .column, .end_column, .severity] | join(" ")' out)" = "bad.plan 2 18 25 error" ]
    jq -e '.code and .message' out >/dev/null
}

@test "check --unattended names every place that needs a person" {
    plan people <<'P'
plan "People" { }
param version: string = "v2"
step "One" { confirm "Deploy ${version}?" }
step "Two" {
  confirm "Really?" typing "DO IT"
  verify { manual "The graphs look right" }
}
P
    run_plan check people.plan --unattended
    ends_with 0
    says "$out" 'people.plan:3:14: confirm "Deploy ${version}?"'
    says "$out" "--confirm 'Really?=PHRASE'"
    says "$out" 'people.plan:6:12: manual "The graphs look right"'
    [ "$(grep -c ^people.plan out)" = 3 ]
}

@test "doc: all, a namespace, a builtin, a misspelt one" {
    run_plan doc
    ends_with 0
    says "$out" "docker"
    run_plan doc docker
    says "$out" "docker.health"
    run_plan doc docker.exec
    says "$out" "docker.exec(container: string"
    says "$out" "effect       change"
    says "$out" "example"
    run_plan doc docker.exce
    ends_with 2
    says "$err" 'did you mean `docker.exec`?'
    run_plan doc --markdown
    [ "$(grep -c '^### ' out)" -gt 50 ]
    says_not "$out" "secret.env"
}

@test "simulate refuses a given and a signal that it cannot read" {
    plan one <<'P'
plan "One" { }
step "One" { log "x" }
P
    run_plan simulate one.plan --given "docker.helth returns 3"
    ends_with 2
    says "$err" 'there is no builtin `docker.helth`'
    run_plan simulate one.plan --signal "HUP@3s"
    ends_with 2
    run_plan simulate one.plan --given 'docker.health returns "x"'
    ends_with 0
    says "$err" 'nothing asked for the given of `docker.health`'
}

@test "preview shows every change and makes none" {
    plan preview <<'P'
plan "Preview" { }
step "One" {
  let before = probe(["cat", "/etc/hostname"]).stdout
  if before == "x" { exec(["touch", "one"]) } else { exec(["touch", "two"]) }
  notify.file("told", "hello")
  rollback { exec(["rm", "-f", "one", "two"]) }
}
P
    run_plan preview preview.plan
    ends_with 0
    says "$out" "Step: One"
    says "$out" "change  exec: touch one"
    says "$out" "otherwise:"
    says "$out" "change  exec: touch two"
    says "$out" "(leaves "
    says "$out" "Nothing was changed."
    [ ! -e one ] && [ ! -e two ] && [ ! -e told ]
    run_plan preview preview.plan --live-reads
    ends_with 0
    says_not "$out" "touch one"
    says "$out" "change  exec: touch two"
}
