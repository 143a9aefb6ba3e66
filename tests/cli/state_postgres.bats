# Runs kept in PostgreSQL: a server of the test's own, and runs whose process or whose server dies.

load help

as_postgres() { # COMMAND...: as the user of the server, which root cannot be
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"
    else
        "$@"
    fi
}

setup_file() {
    local bin
    bin=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
    PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    CLUSTER=$(mktemp -d /tmp/runplan-bats-XXXXXX)
    export PORT CLUSTER PATH=$PATH:$bin
    export PLACE=postgres://admin@127.0.0.1:$PORT/postgres
    [ "$(id -u)" != 0 ] || chown postgres: "$CLUSTER"
    cd "$CLUSTER"
    as_postgres initdb -D "$CLUSTER/data" -U admin --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null 3>&-
    serve
}

teardown_file() {
    halt immediate
    rm -rf "$CLUSTER"
}

serve() {
    (cd "$CLUSTER" && as_postgres pg_ctl -D data -l log -w -t 60 -o "-p $PORT -k $CLUSTER -c fsync=off" start >/dev/null 2>&1 3>&-)
}

halt() { # fast, immediate
    (cd "$CLUSTER" && as_postgres pg_ctl -D data -m "$1" -w stop >/dev/null 2>&1 3>&-) || true
}

# until_there FILE: for 20 s at most.
until_there() {
    local i
    for ((i = 0; i < 400; i++)); do
        [ ! -e "$1" ] || return 0
        sleep 0.05
    done
    echo "$1 is not there; $(cat log err 2>/dev/null)"
    return 1
}

# Each step leaves a line; the second waits until the file `go` is there.
steps() {
    plan steps <<'P'
plan "Steps" { lock "the bot" }
step "One" {
  sh("echo one >> done")
  rollback { sh("echo one >> undone") }
}
step "Two" {
  sh("touch waits")
  rollback none "a file does no harm"
  wait until file.exists("go") within 5m every 50ms
}
step "Three" {
  sh("echo three >> done")
  rollback { sh("echo three >> undone") }
}
P
}

# begin ARGUMENTS: in the background; its process is $!
begin() {
    "$RUNPLAN" "$@" >log 2>&1 </dev/null 3>&- &
    until_there waits
    on_record ended sh "${@:3}"
}

ended() { # the process begun, its code in $status
    status=0
    wait "$!" || status=$?
    out= err=$(cat log)
}

@test "postgres: a run is kept, is killed, goes on, and is undone later" {
    steps
    begin run steps.plan --state "$PLACE"
    kill -9 $!
    ended
    ends_with 137
    touch go
    run_plan resume --state "$PLACE"
    ends_with 0
    is "$(cat done)" $'one\nthree'
    run_plan resume --state "$PLACE"
    ends_with 2
    run_plan rollback --state "$PLACE"
    ends_with 0
    is "$(cat undone)" $'three\none'
}

@test "postgres: a run that is alive is not resumed" {
    steps
    begin run steps.plan --state "$PLACE"
    run_plan resume --state "$PLACE"
    ends_with 4
    says "$err" "is still under way (process $! on $(hostname))"
    touch go
    ended
    ends_with 0
    is "$(cat done)" $'one\nthree'
}

@test "postgres: one lock for all machines" {
    steps
    begin run steps.plan --state "$PLACE"
    # Another folder of locks is what another machine has.
    RUNPLAN_STATE=$PWD/elsewhere RUNPLAN_OPERATOR=eve run_plan run steps.plan --state "$PLACE"
    ends_with 4
    says "$err" "the lock \"the bot\" is held by process $! on $(hostname) since 20"
    says "$err" ", for steps.plan"
    is "$(cat done)" one
    kill -9 $!
    ended
    touch go
    RUNPLAN_STATE=$PWD/elsewhere run_plan run steps.plan --state "$PLACE"
    ends_with 0
    is "$(cat done)" $'one\none\nthree'
}

@test "postgres: a resume whose lock another run holds is refused; it goes on when that is free" {
    steps
    begin run steps.plan --state "$PLACE"
    kill -9 $!
    ended
    run=$("$RUNPLAN" runs --state "$PLACE" --json | head -n 1 | jq -r .run)
    plan looks <<'P'
plan "Looks" { lock "the bot" }
step "Look" {
  probe(["touch", "looks"])
  wait until file.exists("go") within 5m every 50ms
}
P
    RUNPLAN_STATE=$PWD/elsewhere "$RUNPLAN" run looks.plan --state "$PLACE" >log 2>&1 </dev/null 3>&- &
    until_there looks
    RUNPLAN_STATE=$PWD/third run_plan resume "$run" --state "$PLACE"
    ends_with 4
    says "$err" "the lock \"the bot\" is held by process $! on $(hostname) since 20"
    says "$err" "nothing was changed"
    is "$(cat done)" one
    touch go
    ended
    ends_with 0
    run_plan resume "$run" --state "$PLACE"
    ends_with 0
    is "$(cat done)" $'one\nthree'
}

@test "postgres: a server that is restarted meanwhile is waited for" {
    steps
    begin run steps.plan --state "$PLACE"
    halt fast
    touch go
    sleep 1
    serve
    ended
    ends_with 0
    is "$(cat done)" $'one\nthree'
    run_plan rollback --state "$PLACE"
    ends_with 0
}

@test "postgres: a server that is gone ends the run with 6, and it goes on later" {
    steps
    export RUNPLAN_STATE_PATIENCE=1
    begin run steps.plan --state "$PLACE"
    halt immediate
    touch go
    ended
    serve
    ends_with 6
    says "$err" "was stopped where it is: the connection to PostgreSQL was lost and could not be made again within 1 s:"
    says "$err" "runplan resume"
    is "$(cat done)" one
    run_plan resume --state "$PLACE"
    ends_with 0
    is "$(cat done)" $'one\nthree'
    [ ! -e undone ]
}

@test "postgres: a run whose lock another run has taken starts nothing more, its way back included: 5" {
    steps
    begin run steps.plan --state "$PLACE"
    kill -STOP $! # its session ends, and it does not see it
    halt fast
    serve
    plan other <<'P'
plan "Other" { lock "the bot" }
step "One" { log "here" }
P
    RUNPLAN_STATE=$PWD/elsewhere run_plan run other.plan --state "$PLACE"
    ends_with 0
    kill -INT $!
    kill -CONT $!
    ended
    ends_with 5
    says "$err" "another run has taken the plan's lock meanwhile"
    says "$err" "goes on when the lock is free"
    is "$(cat done)" one
    [ ! -e undone ]
    touch go
    run_plan resume "$(basename "$(sed -n 's/.*runplan resume \([^`]*\)`.*/\1/p' log)")" --state "$PLACE"
    ends_with 0
    is "$(cat done)" $'one\nthree'
}

@test "postgres: where there is no server nothing is run" {
    steps
    touch go
    run_plan run steps.plan --state "postgres://u:geheim@127.0.0.1:1/x"
    ends_with 6
    says "$err" "runs cannot be kept: connection to server at"
    says "$err" "nothing was run"
    says_not "$err" geheim
    [ ! -e done ]
    run_plan resume --state "postgres://u:geheim@127.0.0.1:1/x"
    ends_with 2
}
