# However runplan ends, nothing that it was waiting for lives on; and what it has of the system when it starts a command.

load help

# What a test that failed has left.
teardown() {
    [ -z "${runner:-}" ] || kill -s KILL "$runner" 2>/dev/null || true
    [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true
}

# begin ARGUMENTS: starts a run whose process is $runner.
begin() {
    "$RUNPLAN" run "$@" >out 2>err </dev/null 3>&- &
    runner=$!
}

# die SIGNAL: the run's process is gone of it.
die() {
    kill -s "$1" "$runner"
    wait "$runner" || true
}

lives() { # PID: zombies do not
    [[ $(cat "/proc/$1/stat" 2>/dev/null) == *") "[!ZX]" "* ]]
}

none_lives() { # FILE with a process id a line
    local pid
    [ -s "$1" ] || return 1
    while read -r pid; do
        ! lives "$pid" || return 1
    done <"$1"
}

lines_are() { # FILE NUMBER
    [ "$(wc -l <"$1")" -ge "$2" ]
}

# The guardian of the process $1, by what ps shows of it.
guardian() { pgrep -f "^runplan: guards the commands of process $1\$"; }

# Three generations, and a leader that is another program.
family() {
    plan family <<'P'
plan "Family" { }
step "Work" {
  parallel {
    sh("echo $$ >>pids; (sh -c 'echo $$ >>pids; sleep 7001; :' & echo $! >>pids; wait); :")
    exec(["sh", "-c", "echo $$ >>pids; exec sleep 7001"])
  }
  rollback none "nothing is changed"
}
P
}

@test "whatever signal ends it, its commands and what they have started end" {
    local signal
    ulimit -c 0
    family
    for signal in KILL SEGV ABRT BUS; do
        rm -f pids
        begin family.plan
        until_so lines_are pids 4
        die "$signal"
        until_so none_lives pids
    done
}

@test "a second Ctrl-C leaves no command behind either, and a whole run no guardian" {
    local guardian
    family
    begin family.plan
    until_so lines_are pids 4
    guardian=$(guardian "$runner")
    lives "$guardian"
    kill -s TERM "$runner"
    kill -s TERM "$runner"
    wait "$runner" || true
    none_lives pids
    [ ! -e "/proc/$guardian" ] # not even as a zombie
}

@test "what does not listen to TERM is killed, in all of its group" {
    plan deaf <<'P'
plan "Deaf" { }
step "Work" {
  sh("trap '' TERM HUP INT; (while :; do sleep 0.1; done) & echo $! >>pids; echo $$ >>pids; while :; do sleep 0.1; done")
  rollback none "nothing is changed"
}
P
    begin deaf.plan
    until_so lines_are pids 2
    die KILL
    until_so none_lives pids
}

@test "what is stopped ends as well" {
    plan stopped <<'P'
plan "Stopped" { }
step "Work" {
  sh("sleep 7002 & echo $! >>pids; echo $$ >>pids; kill -STOP $! $$; :")
  rollback none "nothing is changed"
}
P
    is_stopped() { [[ $(cat "/proc/$1/stat") == *") T "* ]]; }
    begin stopped.plan
    until_so lines_are pids 2
    until_so is_stopped "$(tail -n 1 pids)"
    die KILL
    until_so none_lives pids
}

@test "fifty side by side" {
    plan fifty <<'P'
plan "Fifty" { }
step "Work" {
  for i in 1..50 at most 50 at once { sh("echo $$ >>pids; sleep 7003 & echo $! >>pids; wait") }
  rollback none "nothing is changed"
}
P
    begin fifty.plan
    until_so lines_are pids 100
    die KILL
    until_so none_lives pids
}

# Also in the moment in which a command begins.
@test "killed while it starts one after the other" {
    local round
    plan many <<'P'
plan "Many" { }
param seconds: string
step "Work" {
  for i in 1..200 at most 200 at once { exec(["sleep", seconds]) }
  rollback none "nothing is changed"
}
P
    running() { pgrep -f "^sleep $1\$" >running; }
    gone() { ! guardian "$runner" && ! running "$1"; }
    for round in {1..12}; do
        begin many.plan --set "seconds=7$$$round" --state none --quiet
        until_so running "7$$$round"
        sleep "0.0$((RANDOM % 6))$((RANDOM % 10))"
        die KILL
        until_so gone "7$$$round"
        sleep 0.1
        gone "7$$$round"
    done
}

@test "what a command has left behind when it ended stays" {
    plan daemon <<'P'
plan "Daemon" { }
step "Work" {
  sh("sleep 7004 >/dev/null 2>&1 & echo $! >daemon")
  sh("sleep 7004 & echo $! >with_pipes")
  sh("echo $$ >>pids; sleep 7004; :")
  rollback none "nothing is changed"
}
P
    begin daemon.plan
    until_so lines_are pids 1
    die KILL
    until_so none_lives pids
    ! guardian "$runner"
    lives "$(cat daemon)"
    lives "$(cat with_pipes)"
    kill "$(cat daemon)" "$(cat with_pipes)"
}

# A command that does not listen to TERM, and that says so when another of its kind is there still.
one_at_a_time() { # LOCK: of the plan
    cat >one.sh <<'S'
[ ! -e go ] || exit 0
if [ -s pids ] && [[ $(cat "/proc/$(tail -n 1 pids)/stat") == *') '[!ZX]* ]]; then echo two >>wrong; fi
trap '' TERM
echo $$ >>pids
while [ ! -e go ]; do sleep 0.05; done
S
    plan alone <<P
plan "Alone" { $1 }
step "Work" {
  exec(["bash", "one.sh"])
  rollback none "nothing is changed"
}
P
}

@test "a resume repeats nothing while the command of the process that was killed is still there" {
    one_at_a_time ""
    begin alone.plan
    until_so lines_are pids 1
    die KILL
    "$RUNPLAN" resume --in-doubt again >out 2>err </dev/null 3>&- &
    until_so lines_are pids 2
    touch go
    wait $!
    [ ! -e wrong ]
}

@test "who gets the lock of a run that was killed begins when its commands are gone" {
    one_at_a_time 'lock "alone"'
    begin alone.plan
    until_so lines_are pids 1
    die KILL
    begin alone.plan
    until_so lines_are pids 2
    touch go
    wait "$runner"
    [ ! -e wrong ]
}

@test "its guardian holds nothing of the run but the end of a pipe, and shows nothing of it" {
    local guardian
    family
    export SHOWN_NOWHERE=hunter2hunter2
    begin family.plan --journal journal
    until_so lines_are pids 4
    guardian=$(guardian "$runner")
    is "$(ls "/proc/$guardian/fd" | tr '\n' ' ')" "0 1 "
    [[ $(readlink "/proc/$guardian/fd/0") == pipe:* ]]
    [[ $(readlink "/proc/$guardian/fd/1") == */locks/guardians ]]
    is "$(readlink "/proc/$guardian/cwd")" /
    is "$(cat "/proc/$guardian/comm")" runplan-guard
    is "$(tr '\0' ' ' <"/proc/$guardian/cmdline" | sed 's/ *$//')" "runplan: guards the commands of process $runner"
    [ "$(grep -c hunter2 "/proc/$guardian/environ")" = 0 ]
    [ "$(ps -o sid= -p "$guardian" | tr -d ' ')" = "$guardian" ]
    kill -s TERM "$guardian" # it does not listen
    kill -s HUP "$guardian"
    die KILL
    until_so none_lives pids
}

@test "a guardian has no copy of what the run holds in memory" {
    local ours its
    ! grep -q __asan_init "$RUNPLAN" || skip "the sanitizers keep the heap elsewhere"
    plan big <<'P'
plan "Big" { }
step "Work" {
  let all = [text.repeat("x", 1000) + "${i}" for i in 1..40000]
  sh("echo $$ >>pids; sleep 7006; :")
  require list.length(all) == 40000 else "never asked"
  rollback none "nothing is changed"
}
P
    begin big.plan
    until_so lines_are pids 1
    ours=$(awk '/^VmData/ { print $2 }' "/proc/$runner/status")
    its=$(awk '/^VmData/ { print $2 }' "/proc/$(guardian "$runner")/status")
    [ "$ours" -gt $((its + 40000)) ]
    its=$(awk '/^RssAnon/ { print $2 }' "/proc/$(guardian "$runner")/status")
    [ "$its" -lt 10000 ]
    die KILL
    until_so none_lives pids
}

@test "a guardian that was killed is replaced with the next command" {
    local guardian
    plan next <<'P'
plan "Next" { }
step "Work" {
  parallel {
    step "Now" {
      sh("echo $$ >>pids; sleep 7005; :")
      rollback none "nothing is changed"
    }
    step "Later" {
      wait until file.exists("go") within 10m every 50ms
      sh("echo $$ >>pids; sleep 7005; :")
      rollback none "nothing is changed"
    }
  }
}
P
    begin next.plan
    until_so lines_are pids 1
    guardian=$(guardian "$runner")
    kill -s KILL "$guardian"
    touch go
    until_so lines_are pids 2
    [ "$(guardian "$runner")" != "$guardian" ]
    die KILL
    until_so none_lives pids
}

# The record, its lock, a connection that is kept, libraries' own, and what the run itself was given.
@test "a command has the descriptors 0 to 2 only, whatever else is open" {
    local open
    python3 -u -m http.server --bind 127.0.0.1 0 >served 2>&1 3>&- &
    server=$!
    until_so grep -q "port [0-9]" served
    plan open <<'P'
plan "Open" { lock "open" }
param port: string
step "Work" {
  let _answer = http.get("http://127.0.0.1:${port}/")
  sh("ls /proc/self/fd >fds; touch there; while [ ! -e go ]; do sleep 0.05; done")
  rollback none "nothing is changed"
}
P
    begin open.plan --journal journal --set "port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' served)" 7</dev/null
    until_so [ -e there ]
    kill "$server"
    ls -l "/proc/$runner/fd" >open
    touch go
    wait "$runner"
    for open in runs.db locks/open.lock journal socket: eventpoll " 7 -> /dev/null"; do
        grep -q "$open" open
    done
    is "$(tr '\n' ' ' <fds)" "0 1 2 3 " # ls has the folder open as well
}
