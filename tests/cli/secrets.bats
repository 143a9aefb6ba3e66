# What a run does with its secrets when it goes on in another process, and with those that are too short. That they show
# nowhere: tests/secrets/planted.py.
load help.bash

# A run that uses its secrets, waits for the file `go`, and uses them again. Its processes are killed while it waits.
started() { # OPTIONS…
    plan waits <<'E'
plan "Waits" { }

secret from_file = file("pw")
secret from_env = env("TOKEN")
secret given = credential("given")

step "Before" {
  file.append("used", "before ${from_file} ${text.upper(from_env)} ${given}\n")
  exec(["sh", "-c", "echo once >>effects; cat >>used"], env: { TOKEN: from_env }, input: "input ${from_file}\n")
  rollback { file.append("used", "undone ${from_file}\n") }
}
step "Wait" { wait until file.exists("go") within 5m every 50ms }
step "After" {
  file.append("used", "after ${from_file} ${text.upper(from_env)} ${given}\n")
  rollback none "a test"
  require not file.exists("fails") else "it fails with ${list.length([1])}"
}
E
    mkdir -p given
    printf 'first-file-secret\n' >pw
    printf 'first-credential' >given/given
    export CREDENTIALS_DIRECTORY=$PWD/given TOKEN=first-token-secret
    "$RUNPLAN" run waits.plan >out 2>err </dev/null 3>&- &
    runner=$!
    until_so grep -q 'wait ' err
    on_record begun file.exists
    kill -9 "$runner"
    wait "$runner" || true
}

resumed() {
    status=0
    timeout 60 "$RUNPLAN" resume </dev/null >out 2>err 3>&- || status=$?
    out=$(cat out)
    err=$(cat err)
}

hidden() { # SECRET…
    local word
    for word in "$@"; do
        ! grep -aqr "$word" state out err
    done
}

@test "secrets: a run that was killed reads them again, and one that was changed meanwhile is no other run" {
    started
    printf 'second-file-secret\n' >pw
    printf 'second-credential' >given/given
    export TOKEN=second-token-secret
    touch go
    resumed
    ends_with 0
    [ "$(cat effects)" = once ]
    [ "$(cat used)" = "before first-file-secret FIRST-TOKEN-SECRET first-credential
input first-file-secret
after second-file-secret SECOND-TOKEN-SECRET second-credential" ]
    hidden first-file-secret FIRST-TOKEN-SECRET first-token-secret first-credential second-file-secret SECOND-TOKEN-SECRET second-credential
}

@test "secrets: a rollback after a resume uses what is read then" {
    started
    printf 'second-file-secret\n' >pw
    touch go fails
    resumed
    ends_with 1
    says "$(tail -1 used)" "undone second-file-secret"
    hidden first-file-secret second-file-secret
}

@test "secrets: where one is gone, nothing is resumed, and it can be resumed when it is there again" {
    started
    touch go
    cp used used.before
    rm pw
    resumed
    ends_with 4
    says "$err" "cannot read pw"
    says "$err" "nothing was changed"
    cmp used used.before
    printf 'again-file-secret\n' >pw
    unset TOKEN
    resumed
    ends_with 4
    says "$err" "TOKEN is not set"
    cmp used used.before
    export TOKEN=short
    resumed
    ends_with 4
    says "$err" "fewer than 8 bytes"
    export TOKEN=again-token-secret
    rm given/given
    resumed
    ends_with 4
    cmp used used.before
    printf 'again-credential' >given/given
    resumed
    ends_with 0
    says "$(tail -1 used)" "after again-file-secret AGAIN-TOKEN-SECRET again-credential"
    [ "$(cat effects)" = once ]
}

@test "secrets: what a read answered is asked again, and nothing is done with one that a change answered" {
    plan answers <<'E'
plan "Answers" { }

step "Before" {
  let read = secret(probe(["cat", "token"]).stdout)
  let changed = secret(exec(["sh", "-c", "echo once >>effects; cat token"]).stdout)
  wait until file.exists("go") within 5m every 50ms
  exec(["sh", "-c", "cat >>used"], input: "read ${text.trim(read)}\n")
  exec(["sh", "-c", "cat >>used"], input: "changed ${changed}\n")
  rollback { exec(["sh", "-c", "cat >>used"], input: "undone ${text.trim(read)}\n") }
}
E
    echo first-token-secret >token
    "$RUNPLAN" run answers.plan >out 2>err </dev/null 3>&- &
    runner=$!
    until_so grep -q 'wait ' err
    on_record begun file.exists
    kill -9 "$runner"
    wait "$runner" || true
    rm token
    resumed
    ends_with 4
    says "$err" "nothing was changed"
    [ ! -e used ]
    echo second-token-secret >token
    touch go
    resumed
    ends_with 1
    says "$err" "needs a secret that was answered before the run was cut off"
    [ "$(cat effects)" = once ]
    [ "$(cat used)" = "read second-token-secret
undone second-token-secret" ]
    hidden first-token-secret second-token-secret
}

@test "secrets: what is shorter than 8 bytes is refused, wherever it comes from" {
    printf 'seven77' >pw
    mkdir -p given
    cp pw given/given
    export CREDENTIALS_DIRECTORY=$PWD/given TOKEN=seven77
    for source in 'env("TOKEN")' 'file("pw")' 'credential("given")' 'prompt("Which")' 'secret("seven" + "77")' 'secret(1234567)'; do
        printf 'plan "Short" { }\nsecret word = %s\nstep "S" {\n  file.write("there", "${word}")\n  rollback none "a test"\n}\n' "$source" >short.plan
        run_plan short.plan --confirm 'Which=seven77'
        ends_with 4
        says "$err" "fewer than 8 bytes"
        says_not "$err" seven77
        [ ! -e there ]
    done
    sed -i 's/(1234567)/(12345678)/' short.plan
    run_plan short.plan
    ends_with 0
    [ "$(cat there)" = 12345678 ]
}

@test "secrets: planted in every call that may take one, they show nowhere" {
    run timeout 300 python3 "$BATS_TEST_DIRNAME/../secrets/planted.py" "$RUNPLAN" --short 3>&-
    echo "$output"
    [ "$status" -eq 0 ]
}
