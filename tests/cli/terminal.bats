# A run on a terminal: tmux is the terminal. A plan waits at gates (files that the test makes), so that what must be on the
# screen at a moment stays there; the tests look until a text is there, for at most LOOK_SECONDS, and never sleep to be right.

load help

LOOK_SECONDS=${LOOK_SECONDS:-30}

setup() {
    RUNPLAN=$(realpath "${RUNPLAN:-$BATS_TEST_DIRNAME/../../runplan}")
    cd "$BATS_TEST_TMPDIR"
    export RUNPLAN RUNPLAN_STATE=$BATS_TEST_TMPDIR/state HOME=$BATS_TEST_TMPDIR
    unset RUNPLAN_ENV NO_COLOR RUNPLAN_OPERATOR CI TMUX
}

# A run outlives its terminal, and one of a test that failed may hold for an hour.
teardown() {
    local shell
    shell=$(tmux -S socket display-message -p -t t '#{pane_pid}' 2>/dev/null) && pkill -KILL -P "$shell"
    tmux -S socket kill-server 2>/dev/null || true
}

# terminal COLUMNS ROWS [NAME=VALUE...]: a shell on a terminal of that size.
terminal() {
    local columns=$1 rows=$2
    shift 2
    tmux -u -S socket -f /dev/null new-session -d -s t -x "$columns" -y "$rows" \
        "env -u ENV LC_ALL=C.UTF-8 PS1='\$ ' RUNPLAN_OPERATOR=bob $* sh"
    look_for '$'
}

keys() { tmux -S socket send-keys -t t "$@"; }
enter() { keys -l "$1" && keys Enter; } # LINE
resize() { tmux -S socket resize-window -t t -x "$1" -y "$2"; }
screen() { tmux -S socket capture-pane -p -t t; }
scrollback() { tmux -S socket capture-pane -p -t t -S -; }
run_here() { enter "\"\$RUNPLAN\" $*; echo \"ended: \$?\""; }

# look_for TEXT [COMMAND]: until the screen, or what COMMAND prints, says so.
look_for() {
    local text=$1 last
    shift
    last=$((SECONDS + LOOK_SECONDS))
    while ((SECONDS < last)); do
        [[ $("${@:-screen}") != *"$text"* ]] || return 0
        sleep 0.05
    done
    printf 'did not come: %s\n' "$text"
    "${@:-screen}"
    return 1
}

# How often the text stands there.
count() { grep -cF -- "$1" || true; }

# Times as T, without the lines that end in nothing: what is left is the same in each run.
masked() {
    sed -E 's/ +[0-9]+:[0-9]{2}(:[0-9]{2})?  /  T  /; s/[0-9]{8}-[0-9]{6}-[0-9a-f]{6}/ID/
        s/\b([0-9]+(\.[0-9]+)?(h|ms|m|s|µs|ns))+\b/T/g; s/ +$//'
}

# shows NAME [COMMAND]: the screen is as in terminal/NAME; UPDATE=1 writes it anew.
shows() {
    local name=$1 expected=$BATS_TEST_DIRNAME/terminal/$1
    shift
    "${@:-screen}" | masked >"$name"
    if [ -n "${UPDATE:-}" ]; then cp "$name" "$expected"; fi
    diff "$expected" "$name"
}

# Gates, and what stands around them in most plans.
gates='task gate(name: string) {
  exec(["sh", "-c", "while [ ! -e ${name} ]; do sleep 0.1; done"])
}'

deployment() {
    echo 3 >value
    plan deployment <<P
plan "Deployment" { }
$gates
threshold queue(max: int = 5) {
  measure json.parse(file.read("value")) as count
  must < max
  every 200ms
  no data tolerate 3
}
threshold errors(max: int = 1) {
  measure probe(["sleep", "0.3"]).code as count
  must < max
  every 1h
  no data tolerate 3
}
phase "Before" expect 1m..2m {
  step "The stack may be changed" {
    verify { expect "the sky is blue" 1 < 2 }
  }
  step "Fetch" { skip if true because "it is here" }
}
phase "During" {
  step "Start green" {
    exec(["touch", "started"])
    step "Warm the cache" {
      exec(["touch", "warmed"])
      rollback { exec(["rm", "warmed"]) }
    }
    wait until file.exists("gate1") within 10m every 100ms
    rollback { gate("gate4") }
  }
  step "Side by side" {
    parallel {
      step "日本語 🚀" { gate("gate2") }
      step "right" { gate("gate3") }
    }
    rollback none "nothing was done"
  }
  step "Users are served well" {
    hold 1h watching queue, errors
  }
}
P
}

@test "what is under way stands on the screen, what has happened above it, and the record stays" {
    deployment
    terminal 80 24
    run_here run deployment.plan --color never
    look_for "Ctrl-C: stop and undo 2 steps"
    look_for "left"
    shows waiting
    touch gate1
    look_for "▸ right"
    look_for "3 done, 2 running"
    shows side_by_side
    touch gate2
    look_for "done: 日本語"
    touch gate3
    look_for "errors: 0, must be < 1"
    look_for "Ctrl-C: stop and undo 2 steps"
    look_for "left of 1h"
    shows holding
    echo 7 >value
    look_for "undo: Start green"
    look_for "going back: 1 of 2 undone. Ctrl-C twice: stop at once, undo no more"
    [ ! -e warmed ]
    touch gate4
    look_for "ended: 1"
    shows ended scrollback
}

# Rows of uses stand under the names that the plan gives them, each with its own bound.
@test "a threshold that is watched twice, a branch that only reads, a read that fails" {
    plan watching <<'P'
plan "Watching" { }
threshold queue(max: int = 5) {
  measure 3 as count
  must < max
  every 200ms
  no data tolerate 3
}
step outer "Outer" {
  parallel {
    step "reads" { probe(["true"]) }
    step "waits" { wait until file.exists("gate1") within 10m every 100ms }
  }
}
step "Both" {
  hold 1s watching queue(max: 9), queue(max: 7), queue
}
step "Last" { sh("seq 30; exit 3", reads: true) }
P
    terminal 80 24
    run_here run watching.plan
    look_for "done: reads"
    touch gate1
    look_for "ok      queue(max: 9): 3, must be < 9"
    look_for "ended: 1"
    shows twice scrollback
}

@test "a hint is not broken within a word" {
    printf 'step one "One" {\n  exec(["true"])\n}\n' >unsafe.plan
    terminal 60 24
    run_here check unsafe.plan
    look_for "ended: 2"
    says "$(screen)" '  hint: add `rollback { … }` to the step, or `rollback none
        "why"` where nothing has to be undone'
}

@test "Ctrl-C goes back, and says so; a second one stops" {
    deployment
    terminal 80 24
    run_here run deployment.plan
    look_for "wait    file.exists"
    keys C-c
    look_for "SIGINT: going back; once more stops at once"
    look_for "undo: Start green"
    look_for "Ctrl-C: stop at once, undo no more"
    keys C-c
    look_for "ended: 3"
    says "$(scrollback)" "Start green: its rollback was not run, or not to its end"
    says "$(scrollback)" "To go on: runplan resume"
}

@test "what is left of a step's timeout; it stands still while a person is asked" {
    local before elapsed
    plan limited <<P
plan "Limited" { }
$gates
step "Work" {
  timeout 10m
  gate("gate1")
  confirm "Go on?"
  rollback none "x"
}
P
    printf '%s\n' 'step "Fail" { fail "no" }' >>limited.plan
    sed -i 's/  rollback none "x"/  rollback within 7m { gate("gate2") }/' limited.plan
    left() { screen | grep -oE '▸ (undo: )?Work  [0-9ms]+, [0-9ms]+ left' | sed 's/.*, //'; }
    elapsed() { screen | grep -oE '▸ Work  [0-9ms]+' | sed 's/.* //'; }
    terminal 80 24
    run_here run limited.plan --color never
    look_for "m" left
    touch gate1
    look_for "yes or no:"
    before=$(left)
    elapsed=$(elapsed)
    [ -n "$before" ]
    until [ "$(elapsed)" != "$elapsed" ]; do sleep 0.1; done # it goes on
    [ "$(left)" = "$before" ]
    enter yes
    look_for "undo: Work"
    look_for 6m left
    touch gate2
    look_for "ended: 1"
}

@test "Ctrl-C while it goes back by itself: the first changes nothing, and both say what they do" {
    plan back <<P
plan "Back" { }
$gates
step "Change" {
  exec(["touch", "changed"])
  rollback {
    gate("gate1")
    exec(["rm", "changed"])
  }
}
step "Perhaps" {
  try {
    step "Inside" {
      exec(["true"])
      rollback { gate("gate0") }
    }
    fail "no"
  } catch problem { log "caught" }
}
step "Fail" { fail "no" }
finally { gate("gate2") }
P
    terminal 80 24
    run_here run back.plan --color never
    look_for "undo: Inside"
    look_for "Ctrl-C: stop and undo 2 steps"
    touch gate0
    look_for "undo: Change"
    look_for "going back: 0 of 1 undone. Ctrl-C twice: stop at once, undo no more"
    keys C-c
    look_for "SIGINT: it is going back already; once more stops at once"
    look_for "undone. Ctrl-C: stop at once, undo no more"
    touch gate1
    look_for "undone: Change"
    [ ! -e changed ]
    keys C-c
    look_for "SIGINT again: stops at once"
    look_for "ended: "
    says "$(scrollback)" "Going back: in a \`try\`; 1 to undo"
}

@test "Ctrl-C while the end of a good run is under way: it takes two" {
    plan good <<P
plan "Good" { }
$gates
step "Change" {
  exec(["touch", "changed"])
  rollback { exec(["rm", "changed"]) }
}
on success { gate("gate1") }
P
    terminal 80 24
    run_here run good.plan --color never
    look_for "▸ on success"
    look_for "1 done, 1 running. Ctrl-C twice: stop at once"
    keys C-c
    look_for "SIGINT: the run is ending already; once more stops at once"
    touch gate1
    look_for "ended: 0"
    [ -e changed ]
}

fifty() {
    plan fifty <<P
plan "Fifty" { }
$gates
step "All of them" {
  for i in 1..50 at most 40 at once {
    step "Backend \${i}" { gate("gate1") }
  }
  rollback none "nothing was done"
}
step "Last" { gate("gate2") }
P
    sed -i 's/step "Last" { gate("gate2") }/step "Last" {\n  gate("gate2")\n  rollback none "x"\n}/' fifty.plan
}

@test "fifty branches on 24 rows and on 10: the branch, what fits, how many more; all end in the record" {
    fifty
    terminal 80 24
    run_here run fifty.plan
    look_for "▸ Backend 1: change exec"
    look_for "more running"
    look_for "0 done, 40 running. Ctrl-C: stop"
    says "$(screen)" "▸ All of them"
    resize 40 10
    look_for "Ctrl-C: stop"
    look_for "… 35 more running"
    says "$(screen)" "▸ All of them"
    says "$(screen)" "▸ Backend 3"
    resize 80 24
    touch gate1
    look_for "▸ Last"
    [ "$(scrollback | count 'done: Backend ')" = 50 ]
    touch gate2
    look_for "ended: 0"
}

@test "resized in the middle: the live part is there once, and no line of the record is lost" {
    local size
    plan sizes <<P
plan "Sizes" { }
$gates
step "Work that has a rather long title, so that it must be cut where the terminal is narrow" {
  for i in 1..30 { log "line \${i}." }
  gate("gate1")
  log "line 31."
  gate("gate2")
  rollback none "x"
}
P
    terminal 80 24
    run_here run sizes.plan
    look_for "▸ Work that"
    for size in "40 24" "100 24" "60 12" "60 30" "30 8" "120 40"; do
        resize $size
        look_for "Ctrl-C"
        look_for "▸ Work that"
        sleep 0.2 # the terminal may be asked while it is not yet drawn anew; this only lets more be seen
        [ "$(screen | count '▸ Work that')" = 1 ]
    done
    touch gate1
    look_for "line 31."
    touch gate2
    look_for "ended: 0"
    for size in $(seq 31); do
        [ "$(scrollback | count "  line $size.")" = 1 ] || { echo "line $size"; scrollback; return 1; }
    done
    [ "$(scrollback | count '▸')" = 0 ]
}

asking() {
    plan asking <<P
plan "Asking" { }
$gates
secret token = prompt("The token")
step "Work" {
  parallel {
    step "Left" {
      gate("gate1")
      log "a line that comes meanwhile"
      gate("gate2")
      rollback none "x"
    }
    step "Right" {
      confirm "Really drop 日本?" typing "DROP IT"
      log "side: \${operator.ask("Which side?", ["blue", "green"])}"
      exec(["sh", "-c", "[ \\"\$T\\" = hunter2hunter2 ] && touch right"], env: { T: token })
      rollback none "x"
    }
  }
}
P
}

@test "a question stands below what is under way; what is typed stays, lines that come go above it" {
    asking
    terminal 80 24
    run_here run asking.plan --color never
    look_for "answer (not shown):"
    keys -l hunter2hunter2
    keys Enter
    look_for "type the phrase, or no:"
    look_for "Question: Really drop 日本?"
    keys -l "DROP ITT"
    look_for "type the phrase, or no: DROP ITT"
    touch gate1
    look_for "a line that comes meanwhile"
    look_for "type the phrase, or no: DROP ITT"
    look_for "▸ Left"
    shows asking
    keys Enter
    look_for "that is not the phrase; type it, or no:"
    keys -l "DROP ITT"
    keys BSpace
    keys Enter
    look_for "number or text:"
    keys -l "1"
    keys C-u
    keys Left
    keys -l "2"
    keys Enter
    look_for "side: green"
    touch gate2
    look_for "ended: 0"
    [ -e right ]
    says "$(scrollback)" "Really drop 日本? yes"
    says_not "$(scrollback)" "hunter2"
    says_not "$(scrollback)" "type the phrase"
}

@test "what is typed while nobody asks does not show, and is no answer to what is asked next" {
    plan early <<P
plan "Early" { }
$gates
step "Work" {
  gate("gate1")
  rollback none "x"
}
step "Ask" {
  confirm "Really?"
  exec(["touch", "done"])
  rollback none "x"
}
step "Then" {
  gate("gate2")
  rollback none "x"
}
P
    terminal 80 24
    run_here run early.plan --color never
    look_for "▸ Work"
    keys Enter
    enter yes
    keys -l "ye"
    touch gate1
    look_for "yes or no:"
    [ ! -e done ]
    keys -l no
    look_for "yes or no: no"
    keys BSpace BSpace
    enter y
    look_for "▸ Then"
    keys Enter Enter Enter
    touch gate2
    look_for "ended: 0"
    [ "$(scrollback | count '▸')" = 0 ]
    says_not "$(scrollback)" "please type"
}

mode() { stty -a <"$(tmux -S socket display-message -p -t t '#{pane_tty}')" | grep -oE -- '(^| )-?(echo|icanon)( |$)' | tr -d ' \n'; }
# The run itself, not the process that keeps its terminal: the oldest.
run_pid() { pgrep -o -f "^$RUNPLAN run asking.plan"; }

@test "however the process ends at a question, the terminal is as it was" {
    local signal
    asking
    terminal 80 24
    look_for icanonecho mode
    # Nobody asks yet: what is typed does not show, and the mode comes back as well.
    plan quiet <<P
plan "Quiet" { }
step "Work" { wait until file.exists("gate0") within 10m every 1s }
P
    for signal in QUIT KILL TERM INT; do
        enter clear
        run_here run quiet.plan
        look_for "▸ Work"
        [ "$(mode)" = icanon-echo ]
        kill -s "$signal" "$(pgrep -o -f "^$RUNPLAN run quiet.plan")"
        look_for "ended: 1"
        look_for icanonecho mode
    done
    for signal in QUIT KILL ABRT TERM INT; do
        enter clear
        run_here run asking.plan
        look_for "answer (not shown):"
        [ "$(mode)" = -icanon-echo ]
        kill -s "$signal" "$(run_pid)"
        look_for "ended: 1"
        look_for icanonecho mode
    done
    # A terminal that draws nothing anew: only the echo is off, and it comes back too.
    enter clear
    enter "TERM=dumb \"\$RUNPLAN\" run asking.plan; echo \"ended: \$?\""
    look_for "answer (not shown):"
    look_for icanon-echo mode
    kill -s KILL "$(run_pid)"
    look_for "ended: 137"
    look_for icanonecho mode
}

@test "Ctrl-Z gives the terminal back, fg goes on with the question" {
    asking
    terminal 80 24
    enter "set -m"
    run_here run asking.plan --color never
    look_for "answer (not shown):"
    keys C-z
    look_for "nothing new is begun until"
    look_for "Stopped"
    [ "$(mode)" = icanonecho ]
    [ "$(screen | count 'answer (not shown)')" = 0 ]
    enter fg
    look_for "answer (not shown):"
    [ "$(screen | count 'answer (not shown)')" = 1 ]
    look_for -icanon-echo mode
    keys -l hunter2hunter2
    keys Enter
    look_for "type the phrase, or no:"
    keys C-c
    look_for "Exit code"
    look_for icanonecho mode
}

@test "Ctrl-Z while nobody asks: the shell has its echo, in the background as well; fg takes it again" {
    plan quiet <<'P'
plan "Quiet" { }
step "Work" { wait until file.exists("gate1") within 10m every 100ms }
P
    terminal 80 24
    enter "set -m"
    run_here run quiet.plan --color never
    look_for "▸ Work"
    look_for icanon-echo mode
    keys C-z
    look_for "Stopped"
    look_for icanonecho mode
    enter "bg; echo in the \"background\""
    look_for "in the background"
    [ "$(mode)" = icanonecho ]
    enter fg
    look_for "▸ Work"
    look_for icanon-echo mode
    touch gate1
    look_for "done after"
    look_for icanonecho mode
}

@test "the terminal goes away: the run goes on, and ends" {
    plan hangup <<P
plan "Hangup" { }
$gates
step "Work" {
  gate("gate1")
  exec(["touch", "finished"])
  rollback none "x"
}
P
    terminal 80 24
    run_here run hangup.plan
    look_for "▸ Work"
    tmux -S socket kill-server
    touch gate1
    look_for finished ls
}

@test "piped to head on a terminal: plain lines, and the run goes on" {
    plan piped <<'P'
plan "Piped" { }
step "Work" {
  for i in 1..2000 { log "line ${i} of a run whose reader has gone" }
  exec(["touch", "finished"])
  rollback none "x"
}
P
    terminal 80 24
    enter '"$RUNPLAN" run piped.plan 2>&1 | head -n 1'
    look_for "Piped"
    look_for finished ls
}

@test "NO_COLOR: no colour; a locale without UTF-8: no such marks; TERM=dumb, CI, --quiet: nothing is drawn" {
    plan plain <<P
plan "Plain" { }
$gates
step "Work" {
  gate("gate1")
  rollback none "x"
}
P
    painted() { tmux -S socket capture-pane -p -e -t t; }
    terminal 80 24 NO_COLOR=1
    run_here run plain.plan
    look_for "▸ Work"
    says_not "$(painted)" $'\033['
    touch gate1
    look_for "ended: 0"
    rm gate1
    enter "clear; unset NO_COLOR; export LC_ALL=C"
    run_here run plain.plan
    look_for "> Work"
    says "$(painted)" $'\033[1m'
    touch gate1
    look_for "ended: 0"
    for TERMINAL in dumb xterm; do
        export TERMINAL
        [ "$TERMINAL" = dumb ] || export CI=true
        on_terminal '' plain.plan --color never
        ends_with 0
        says "$out" "change  exec"
        says_not "$out" $'\033'
    done
    unset CI
    TERMINAL=dumb on_terminal '' plain.plan # no colour either
    says "$out" "change  exec"
    says_not "$out" $'\033'
    export TERMINAL=xterm
    on_terminal '' plain.plan --color never --quiet
    says_not "$out" $'\033'
    on_terminal '' plain.plan --color never
    says "$out" $'\033[?2026l'
}
