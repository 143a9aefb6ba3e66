# Real runs: processes and files of this machine, no container.

load help

@test "a good run: exit 0, progress on standard error, nothing on standard output" {
    plan good <<'P'
plan "Good" { }
param name: string = "world"
step "Make a file" {
  exec(["touch", "made-${name}"])
  rollback { exec(["rm", "-f", "made-${name}"]) }
}
P
    run_plan good.plan --set name=x
    ends_with 0
    [ -e made-x ]
    [ -z "$out" ]
    says "$err" "change  exec: touch made-x"
    says "$err" "done: Make a file"
    says "$err" "Could still be undone:"
}

@test "a failing run is undone, newest first, and says what was done, undone and stays" {
    plan bad <<'P'
plan "Bad" { }
step "One" {
  exec(["touch", "one"])
  rollback { sh("rm one; echo one >> undone") }
}
step "Two" {
  exec(["touch", "two"])
  rollback { sh("rm two; echo two >> undone") }
}
step "Three" {
  exec(["touch", "three"])
  rollback none "a file does no harm"
}
step "Four" {
  sh("exit 7")
  rollback none "it did nothing"
}
P
    run_plan bad.plan
    ends_with 1
    [ ! -e one ] && [ ! -e two ] && [ -e three ]
    [ "$(cat undone)" = $'two\none' ]
    says "$err" "the command exited with 7"
    says "$err" "Undone:"
    says "$err" "Three: a file does no harm"
    says "$err" "Exit code 1"
}

@test "a failed command shows its last 20 lines" {
    plan tail <<'P'
plan "Tail" { }
step "One" {
  sh("for i in $(seq 101 130); do echo line-$i >&2; done; exit 3")
  rollback none "nothing was done"
}
P
    run_plan tail.plan
    ends_with 1
    [ "$(grep -c '| line-' err)" = 20 ]
    says "$err" "| line-111"
    says "$err" "| line-130"
    says_not "$err" "line-110"
}

@test "--json: one object a line, seq without gaps, and the same id of the run in each" {
    plan json <<'P'
plan "Json" { }
step "One" {
  exec(["true"])
  expect "it holds" 1 < 2
  rollback none "nothing was done"
}
P
    run_plan json.plan --json
    ends_with 0
    [ "$(jq -s 'map(.seq) == [range(1; length + 1)]' out)" = true ]
    [ "$(jq -s 'map(.run) | unique | length' out)" = 1 ]
    [ "$(jq -rs '.[0].type + " " + .[-1].type' out)" = "run.started run.ended" ]
    [ "$(jq -s 'all(.[]; .time and has("elapsed") and has("id") and has("step") and has("text") and has("data"))' out)" = true ]
    [ "$(jq -r 'select(.type == "effect.started") | .at.file + ":" + (.at.line | tostring) + ":" + (.at.column | tostring)' out)" = json.plan:3:3 ]
    [ "$(jq 'select(.type == "run.ended").data.exit' out)" = 0 ]
    # Each type and each required field is as the schema says.
    schema=$BATS_TEST_DIRNAME/../../docs/events.schema.json
    [ "$(jq -s --slurpfile schema "$schema" '
        ($schema[0].properties.type.enum) as $types | all(.[]; .type as $t | $types | index($t))' out)" = true ]
    [ "$(jq -s --slurpfile schema "$schema" '
        $schema[0] as $s | all(.[]; . as $e | all($s.allOf[] | select(.if.properties.type.const == $e.type);
          (.then.properties.data["$ref"] // "" | ltrimstr("#/$defs/")) as $name
          | all(($s["$defs"][$name].required // [])[]; . as $k | $e.data | has($k))))' out)" = true ]
}

@test "a broken pipe never ends a run" {
    plan pipe <<'P'
plan "Pipe" { }
step "One" {
  for i in 1..200 { log "line ${i} of a run whose reader has gone, long enough to fill what a pipe holds" }
  exec(["touch", "finished"])
  rollback none "a file does no harm"
}
P
    "$RUNPLAN" pipe.plan --json 2>/dev/null | head -n 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 0 ]
    [ -e finished ]
    rm finished
    "$RUNPLAN" pipe.plan 2>&1 >/dev/null | head -n 1 >/dev/null
    [ "${PIPESTATUS[0]}" = 0 ]
    [ -e finished ]
    rm finished
    "$RUNPLAN" pipe.plan >&- 2>&-
    [ -e finished ]
}

@test "a reader that has stopped does not hold up the run" {
    plan stopped <<'P'
plan "Stopped" { }
step "One" {
  for i in 1..2000 { log "line ${i} of a run whose reader does not read, long enough to fill what a pipe holds" }
  exec(["touch", "finished"])
  rollback none "a file does no harm"
}
P
    "$RUNPLAN" stopped.plan 2>&1 >/dev/null | { until_so test -e seen; cat >/dev/null; } &
    until_so test -e finished
    touch seen
    wait
}

@test "what was to be done at the end and failed: the deployment is done, and a person must act" {
    plan one <<'P'
plan "One" { }
step "Write" {
  file.write("there", "x")
  rollback { file.remove("there") }
}
on success { exec(["false"]) }
P
    run_plan one.plan
    ends_with 3
    [ -e there ]
    says "$err" ", but not what was to be done at the end"
    says "$err" $'A person must do by hand:\n  - on success: exec: false exited with 1\nCould still be undone:\n  - Write\n'
    says "$err" "Exit code 3: a person must act"
    sed -i 's/^on success.*/step "Fail" { fail "no" }\non failure { exec(["false"]) }/' one.plan
    run_plan one.plan
    ends_with 1
    says "$err" $'Failed as well:\n  - on failure: exec: false exited with 1\nExit code 1'
}

@test "left behind: what the same run has taken away again is not, whoever named it how" {
    plan left <<'P'
plan "Left" { }
step "Leave" {
  notify.file("kept.log", "one")
  notify.file("gone.log", "two")
  file.remove("gone.log")
  rollback none "a test"
}
P
    run_plan left.plan
    ends_with 0
    says "$err" $'Left behind:\n  - a line in a file: append to "kept.log": "one"'
    says_not "${err#*Left behind}" gone.log
    plan things <<'P'
plan "Things" { }
let store = { endpoint: "http://127.0.0.1:1" }
step "Leave" {
  let dump = pg.dump(to: "a.dump")
  pg.dump(to: "b.dump")
  docker.pull("shop:v1")
  docker.tag("shop:v1", as: "shop:old")
  docker.pull("shop:v2")
  let silence = prom.silence({ service: "shop" }, for: 1h, alertmanager: "http://127.0.0.1:1")
  s3.put("b.dump", "backups", "b.dump", endpoint: store.endpoint, access_key: "k", secret_key: "s")
  s3.put("b.dump", "backups", "c.dump", endpoint: store.endpoint, access_key: "k", secret_key: "s")
  file.remove(dump.path)
  file.remove("b.dump", host: "elsewhere")
  docker.rmi("shop:old")
  docker.rmi("shop:v2")
  prom.unsilence(silence, alertmanager: "http://127.0.0.1:1")
  s3.remove("backups", "b.dump", endpoint: store.endpoint, access_key: "k", secret_key: "s")
  rollback none "a test"
}
P
    run_plan simulate things.plan --given 'pg.dump("a.dump") returns { path: "/backups/a.dump" }' \
        --given 'prom.silence returns "f00d"'
    ends_with 0
    out=$(sed -n '/^Left behind/,/^[^ L]/p' err)
    is "$(grep -c '^  - ' <<<"$out")" 3
    says "$out" 'a dump file: pg_dump --format=custom --no-password > b.dump'
    says "$out" 'an image: docker pull shop:v1'
    says "$out" 'backups/c.dump'
    run_plan simulate things.plan --given 'docker.rmi fails "in use" once' --given 'prom.silence returns "f00d"'
    ends_with 1
    says "${err#*Left behind}" "shop:old"
}

@test "a secret shows nowhere: not on the terminal, in --json, in the record, or in a process's arguments" {
    plan secret <<'P'
plan "Secret" { }
secret token = env("TOKEN")
step "Use it" {
  exec(["sh", "-c", "tr '\\0' ' ' < /proc/$PPID/cmdline; echo \"$T\"; echo \"$T\" | base64; echo \"$T\" | tr -d ' ' >&2; exit 1"], env: { T: token })
  rollback none "nothing was done"
}
P
    export TOKEN='correct horse "battery" staple'
    run_plan secret.plan --json --journal rows
    ends_with 1
    for file in out err rows; do
        says_not "$(cat $file)" "correct horse"
        says_not "$(cat $file)" "$(printf %s "$TOKEN" | base64 | cut -c1-30)"
        says_not "$(cat $file)" 'battery\" staple'
    done
    run_plan secret.plan --verbose
    says_not "$err" "correct horse"
    says_not "$err" "$(printf %s "$TOKEN" | base64 | cut -c1-30)"
}

@test "text from outside cannot steer the terminal" {
    plan control <<'P'
plan "Control" { }
step "One" {
  sh("printf 'a\\033[2Jb\\033]0;title\\007c\\342\\200\\256d' >&2; exit 1")
  rollback none "nothing was done"
}
P
    run_plan control.plan --color never
    ends_with 1
    says "$err" "abcd"
    [ "$(LC_ALL=C grep -c $'[\001-\010\013-\037]' err)" = 0 ]
    says_not "$err" $'\u202e'
}

@test "colour: --color, then NO_COLOR, then the terminal" {
    plan color <<'P'
plan "Colour" { }
step "One" { log "x" }
P
    run_plan color.plan
    says_not "$err" $'\033['
    run_plan color.plan --color always
    says "$err" $'\033['
    export TERMINAL=xterm
    NO_COLOR=1 on_terminal '' color.plan
    says_not "$out" $'\033[1m'
    on_terminal '' color.plan
    says "$out" $'\033[1m'
    run_plan color.plan --color sometimes
    ends_with 2
}

@test "Ctrl-C goes back and ends with 130, SIGTERM with 143" {
    plan slow <<'P'
plan "Slow" { }
step "One" {
  exec(["touch", "made"])
  exec(["sleep", "60"])
  rollback { exec(["rm", "made"]) }
}
P
    for signal in INT TERM; do
        rm -f made
        status=0
        ( trap - INT; exec "$RUNPLAN" slow.plan ) >out 2>err &
        pid=$!
        until_so test -e made
        kill -s "$signal" "$pid"
        wait "$pid" || status=$?
        out= err=$(cat err)
        [ "$signal" = INT ] && ends_with 130 || ends_with 143
        [ ! -e made ]
        says "$err" "Undone:"
    done
}

@test "Ctrl-C is heard while a plan computes: what was done is undone, exit 130" {
    plan busy <<'P'
plan "Busy" { }
func busy(rounds: int): int {
  var n = 0
  for i in 1..rounds {
    for k in 1..rounds { n = n + 1 }
  }
  return n
}
step "One" {
  exec(["touch", "made"])
  log "${busy(1_000_000)}"
  rollback { exec(["rm", "made"]) }
}
P
    status=0
    ( trap - INT; exec "$RUNPLAN" busy.plan --journal busy.journal ) >out 2>err &
    pid=$!
    until_so test -e made
    kill -s INT "$pid"
    wait "$pid" || status=$?
    out= err=$(cat err)
    ends_with 130
    [ ! -e made ]
    says "$err" "Undone:"
    run_plan replay busy.plan --journal busy.journal
    ends_with 0
}

@test "a timeout passes while a plan computes" {
    plan slow <<'P'
plan "Slow" { }
func busy(n: int): int {
  return if n < 2 { n } else { busy(n - 1) + busy(n - 2) }
}
step "One" {
  timeout 200ms
  log "${busy(90)}"
}
P
    run_plan slow.plan
    ends_with 1
    says "$err" "timed out after 200ms"
}

@test "a second run under the same lock is kept out: exit 4" {
    plan locked <<'P'
plan "Locked" { lock "there is one" }
step "One" {
  exec(["touch", "started"])
  exec(["sh", "-c", "while [ ! -e refused ]; do sleep 0.1; done"])
  rollback none "nothing was done"
}
P
    "$RUNPLAN" locked.plan 2>/dev/null &
    until_so test -e started
    run_plan locked.plan
    touch refused
    ends_with 4
    says "$err" "there is one"
    wait
    run_plan locked.plan
    ends_with 0
}

@test "params: all that are missing and wrong at once, exit 2, and nothing runs" {
    plan params <<'P'
plan "Params" { }
param version: string "The release"
param count: int
param share: percent = 5%
step "One" { exec(["touch", "ran"]) rollback none "x" }
P
    sed -i 's/ rollback none "x" }/\n  rollback none "x"\n}/' params.plan
    run_plan params.plan --set count=many --set share=0.05 --set vresion=v2
    ends_with 2
    says "$err" '`count`: `many` is not of type int'
    says "$err" '`share`: `0.05` is not of type percent'
    says "$err" 'no param `vresion`; did you mean `version` (params.plan:2)?'
    says "$err" '`version` (string, params.plan:2) is missing'
    [ ! -e ran ]
}

@test "environments: --env before RUNPLAN_ENV before the default" {
    plan env <<'P'
plan "Env" { }
param where_to: string
environment lab default { where_to = "lab" }
environment staging { where_to = "staging" }
environment production { where_to = "production" }
step "One" { log "to ${where_to}" }
P
    run_plan env.plan
    says "$err" "to lab"
    RUNPLAN_ENV=staging run_plan env.plan
    says "$err" "to staging"
    RUNPLAN_ENV=staging run_plan env.plan --env production
    says "$err" "to production"
    run_plan env.plan --env production --set where_to=moon
    says "$err" "to moon"
    run_plan env.plan --env prodution
    ends_with 2
    says "$err" 'did you mean `production` (env.plan:5)?'
}

@test "--journal writes the record; replay holds it against the plan and finds the first difference" {
    plan replay <<'P'
plan "Replay" { }
step "One" {
  let name = probe(["date", "+%N"]).stdout
  exec(["touch", "made"])
  log "at ${name}"
  rollback none "a file does no harm"
}
P
    run_plan replay.plan --journal rows
    ends_with 0
    jq -e . rows >/dev/null
    run_plan replay replay.plan --journal rows
    ends_with 0
    says "$out" "the plan does the same again"
    sed -i 's/^step/# the same, further down\nstep/' replay.plan
    run_plan replay replay.plan --journal rows
    ends_with 0
    sed -i 's/"touch", "made"/"touch", "other"/' replay.plan
    run_plan replay replay.plan --journal rows
    ends_with 1
    says "$out" "touch other"
    [ ! -e other ]
    head -n 4 rows >cut
    sed -i 's/"touch", "other"/"touch", "made"/' replay.plan
    run_plan replay replay.plan --journal cut
    ends_with 0
    says "$out" "cut off there"
    run_plan replay.plan --journal rows
    ends_with 2
    says "$err" "holds another run"
}

@test "a journal that cannot be written ends the run with 6, before any change" {
    [ -e /dev/full ] || skip "there is no /dev/full"
    plan full <<'P'
plan "Full" { }
step "One" {
  exec(["touch", "made"])
  rollback none "a file does no harm"
}
P
    run_plan full.plan --journal /dev/full
    ends_with 6
    [ ! -e made ]
}

@test "readable at 80 columns" {
    plan wide <<'P'
plan "Wide" { }
step "A step whose title is much longer than what fits into one line of a terminal of eighty columns" {
  log "text that goes on and on, word after word, until it has to be continued on another line of the terminal"
}
P
    on_terminal '' wide.plan --color never
    [ "$(awk '{ if (length > n) n = length } END { print n }' <<<"$out")" -le 80 ]
    says "$out" "continued on"
}

@test "secret: a field of an answer shows nowhere, the answer's other fields and the journal included" {
    plan field <<'E2'
plan "Field" { }
step s "S" {
  rollback none "a test"
  let token = secret(exec(["sh", "-c", "printf %s%s s3cret -value; printf %s%s s3cret -value >&2"]).stdout)
  expect "it is there" token != ""
}
E2
    run_plan field.plan --journal rows --json
    ends_with 0
    says "$out" '***'
    says_not "$out$err$(cat rows)" 's3cret-value'
    "$RUNPLAN" replay field.plan --journal rows
}
