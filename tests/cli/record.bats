# Runs on record: killed and resumed, undone later, answered and stopped from elsewhere.

load help

lines_plan() {
    plan lines <<'P'
plan "Lines" { lock "lines" }
param out: string = "made.txt"
for i in 1..3 {
  step "Line ${i}" {
    file.append(out, "line ${i}\n")
    sh("sleep 1; echo slept ${i} >>made.txt")
    rollback { file.append(out, "undo ${i}\n") }
  }
}
on success { file.append(out, "success\n") }
P
}

# Starts it and kills it once the file holds this line.
kill_at() {
    "$RUNPLAN" run lines.plan >/dev/null 2>&1 3>&- &
    until_so grep -qx "$1" made.txt
    on_record begun sh
    kill -9 $!
    wait $! || true # the command that was under way ends as well, and resume waits for that
}

newest() { "$RUNPLAN" runs --json | head -n 1 | jq -r ".$1"; }

@test "a run that is killed: runs says so, a change in doubt is asked about, resume goes on behind it" {
    lines_plan
    kill_at 'line 2'
    is "$(newest state)" "cut off"
    cp made.txt before
    run_plan resume
    ends_with 5
    says "$err" "lines.plan:6:5: in doubt (0:5): sh: "
    says "$err" "runplan resume $(newest run) --in-doubt done"
    cmp made.txt before
    run_plan resume --in-doubt done
    ends_with 0
    is "$(cat made.txt)" $'line 1\nslept 1\nline 2\nline 3\nslept 3\nsuccess'
    is "$(newest state)" "done"
    run_plan resume
    ends_with 2
    run_plan resume "$(newest run)"
    ends_with 4
    says "$err" "has ended (done)"
}

@test "in doubt: again does it once more, rollback fails there and undoes" {
    lines_plan
    kill_at 'line 1'
    run_plan resume --in-doubt again
    ends_with 0
    is "$(grep -c 'slept 1' made.txt)" 1
    rm made.txt
    kill_at 'line 2'
    run_plan resume --in-doubt rollback
    ends_with 1
    is "$(grep -v slept made.txt)" $'line 1\nline 2\nundo 2\nundo 1'
}

# A step that fails, with a way back of two changes side by side, which is killed in them.
killed_on_its_way_back() { # CLAUSE
    plan lines <<P
plan "Lines" { }
step "Two" {
  $1
  file.append("made.txt", "there\n")
  require false
  rollback {
    for i in 1..2 at most 2 at once {
      sh("echo begun \${i} >>made.txt; sleep 1; echo undone >>made.txt")
    }
  }
}
P
    kill_at 'begun 2'
}

@test "on resume rerun is said of a step's way back as well; on resume rollback is not" {
    killed_on_its_way_back 'on resume rerun'
    before=$(grep -c undone made.txt || true)
    run_plan resume
    ends_with 1
    is "$(grep -c undone made.txt)" $((before + 2))
    rm made.txt
    killed_on_its_way_back 'on resume rollback'
    cp made.txt before
    run_plan resume
    ends_with 5
    is "$(grep -c 'in doubt (' <<<"$err")" 2
    cmp made.txt before
}

@test "the plan that is resumed is the one that was started, in the folder in which it was started" {
    lines_plan
    kill_at 'line 1'
    echo 'plan "Other" { }' >lines.plan
    mkdir elsewhere
    cd elsewhere
    run_plan resume --in-doubt done
    ends_with 0
    [ ! -e made.txt ]
    is "$(tail -n 1 ../made.txt)" success
}

@test "rollback of a run that ended well, once; not of one that was overtaken" {
    lines_plan
    run_plan run lines.plan --set out=first
    ends_with 0
    first=$(newest run)
    run_plan show "$first"
    says "$out" "The way back: runplan rollback $first"
    run_plan rollback "$first"
    ends_with 0
    is "$(grep undo first)" $'undo 3\nundo 2\nundo 1'
    is "$(newest state)" "rolled back"
    run_plan rollback "$first"
    ends_with 4
    run_plan run lines.plan --set out=second
    second=$(newest run)
    run_plan run lines.plan --set out=third
    run_plan rollback "$second"
    ends_with 4
    says "$err" "has been overtaken: $(newest run)"
    is "$(grep -c undo second)" 0
}

@test "checkpoint and commit: what rollback leaves" {
    plan kept <<'P'
plan "Kept" { }
step "One" {
  file.append("made.txt", "one\n")
  checkpoint "one stays"
  rollback { file.append("made.txt", "undo one\n") }
}
step "Two" {
  file.append("made.txt", "two\n")
  commit "no way back"
  rollback { file.append("made.txt", "undo two\n") }
}
step "Three" {
  file.append("made.txt", "three\n")
  rollback { file.append("made.txt", "undo three\n") }
}
P
    run_plan kept.plan
    ends_with 0
    run_plan rollback
    ends_with 0
    is "$(grep undo made.txt)" 'undo three'
    run_plan rollback "$(newest run)"
    ends_with 4
    says "$err" "--past-checkpoints"
    run_plan rollback "$(newest run)" --past-checkpoints
    ends_with 0
    is "$(grep undo made.txt)" $'undo three\nundo one'
}

@test "killed on its way back: resume goes on undoing, each once" {
    plan back <<'P'
plan "Back" { }
for i in 1..3 {
  step "Do ${i}" {
    file.append("made.txt", "do ${i}\n")
    rollback {
      file.append("made.txt", "undo ${i}\n")
      probe(["sleep", "1"])
    }
  }
}
step "Fail" { fail "on purpose" }
P
    "$RUNPLAN" run back.plan >/dev/null 2>&1 3>&- &
    until_so grep -qx 'undo 2' made.txt
    on_record ended file.append
    kill -9 $!
    wait $! || true
    run_plan resume
    ends_with 1
    is "$(cat made.txt)" $'do 1\ndo 2\ndo 3\nundo 3\nundo 2\nundo 1'
}

@test "stopped by a second Ctrl-C, and resumed: what was left is undone, and no person has to act" {
    plan stopped <<'P'
plan "Stopped" { }
for i in 1..2 {
  step "Do ${i}" {
    file.append("made.txt", "do ${i}\n")
    rollback {
      file.append("made.txt", "undo ${i}\n")
      probe(["sleep", "1"])
    }
  }
}
step "Wait" { hold 60s }
P
    setsid "$RUNPLAN" run stopped.plan >/dev/null 2>&1 3>&- &
    for word in 'do 2' 'undo 2'; do
        until_so grep -qx "$word" made.txt
        on_record ended file.append
        kill -INT $!
    done
    wait $! && status=0 || status=$?
    is "$status" 3
    is "$(newest state)" stopped
    run_plan resume
    ends_with 130
    is "$(cat made.txt)" $'do 1\ndo 2\nundo 2\nundo 1'
    is "$(newest state)" aborted
    says_not "$err" "by hand"
}

people_plan() {
    plan people <<'P'
plan "People" { }
step "Ask" {
  file.append("made.txt", "begun\n")
  manual "Look at the graphs"
  let region = operator.ask("Which region?", ["eu", "us"])
  confirm "Drop it?" typing "DROP"
  file.append("made.txt", "${region}\n")
  rollback none "a line does no harm"
}
P
}

@test "nobody there: the run waits, approve answers, resume goes on" {
    people_plan
    run_plan people.plan
    ends_with 5
    run=$(newest run)
    is "$(newest state)" waiting
    says "$err" "Look at the graphs"
    says "$err" "runplan approve $run ITEM"
    run_plan approve "$run"
    ends_with 0
    says "$err" 'manual "Look at the graphs"'
    run_plan approve "$run" 'Something else'
    ends_with 4
    RUNPLAN_OPERATOR=alice run_plan approve "$run" 'Look at the graphs' --comment 'all green'
    ends_with 0
    run_plan resume
    ends_with 5
    says "$err" "Look at the graphs: yes, by alice: all green"
    run_plan approve "$run" 'Which region?'
    ends_with 2
    run_plan approve "$run" 'Which region?' --answer mars
    ends_with 2
    run_plan approve "$run" 'Which region?' --answer us
    run_plan resume
    ends_with 5
    run_plan approve "$run" 'Drop it?' --answer drop
    ends_with 2
    run_plan approve "$run" 'Drop it?' --answer DROP
    run_plan resume
    ends_with 0
    is "$(cat made.txt)" $'begun\nus'
    run_plan approve "$run"
    ends_with 4
    says "$err" "waits for nobody (done)"
    run_plan show "$run"
    says "$out" "Look at the graphs: yes, by alice: all green"
}

@test "no is an answer too" {
    people_plan
    run_plan people.plan
    run_plan approve "$(newest run)" 'Look at' --no --comment 'far too red'
    ends_with 0
    run_plan resume
    ends_with 1
    says "$err" "was answered with no by"
    says "$err" "far too red"
}

@test "abort and pause from elsewhere; a run under way is not resumed, and one that has ended not aborted" {
    plan slow <<'P'
plan "Slow" { lock "slow" }
step "One" {
  file.append("made.txt", "one\n")
  wait until file.exists("go") within 60s every 100ms
  rollback { file.append("made.txt", "undo one\n") }
}
step "Two" {
  file.append("made.txt", "two\n")
  hold 60s
  rollback { file.append("made.txt", "undo two\n") }
}
P
    "$RUNPLAN" run slow.plan >/dev/null 2>log 3>&- &
    for _ in {1..500}; do
        ! grep -qx 'one' made.txt 2>/dev/null || break
        sleep 0.02
    done
    is "$(newest state)" "under way"
    run=$(newest run)
    is "$("$RUNPLAN" lock status slow --json | jq -c '[.held, .run]')" "[true,\"$run\"]"
    run_plan resume "$run"
    ends_with 4
    says "$err" "is still under way (process"
    run_plan pause "$run" --comment 'lunch'
    ends_with 0
    for _ in {1..500}; do
        ! grep -q 'paused by' log || break
        sleep 0.02
    done
    touch go
    wait $! && status=0 || status=$?
    is "$status" 5
    is "$(cat made.txt)" one
    is "$(newest state)" waiting
    run_plan abort "$run"
    ends_with 4
    "$RUNPLAN" resume >/dev/null 2>log 3>&- &
    for _ in {1..500}; do
        ! grep -qx 'two' made.txt 2>/dev/null || break
        sleep 0.02
    done
    run_plan abort "$run" --comment 'wrong release'
    ends_with 0
    wait $! && status=0 || status=$?
    is "$status" 143
    is "$(cat made.txt)" $'one\ntwo\nundo two\nundo one'
    says "$(cat log)" "aborted by"
    run_plan abort "$run"
    ends_with 4
    says "$err" "has ended (aborted)"
    run_plan lock status
    ends_with 0
    says "$out" "slow                  free   $run  aborted"
    run_plan lock status none
    ends_with 4
}

@test "watch follows a run to its end, and tells what was before" {
    lines_plan
    "$RUNPLAN" run lines.plan >/dev/null 2>&1 3>&- &
    for _ in {1..500}; do
        ! grep -qx 'line 2' made.txt 2>/dev/null || break
        sleep 0.02
    done
    for _ in {1..500}; do
        [ "$(newest state)" = null ] || break
        sleep 0.02
    done
    run_plan watch
    ends_with 0
    wait
    says "$err" "done: Line 1"
    says "$err" "done: Line 3"
    says "$err" "Could still be undone:"
    run_plan show --json
    ends_with 0
    is "$(jq -r 'select(.type == "run.ended").text' out.json 2>/dev/null || printf '%s\n' "$out" | jq -r 'select(.type == "run.ended").text')" done
}

@test "--json of a run that waits and goes on is as the schema says" {
    people_plan
    run_plan people.plan --json
    ends_with 5
    printf '%s\n' "$out" >events
    run_plan approve "$(newest run)" 'Look at' --no
    run_plan resume --json
    ends_with 1
    printf '%s\n' "$out" >>events
    for kind in nobody resumed person.answered run.ended; do
        [ -n "$(jq -r "select(.type == \"$kind\").seq" events)" ]
    done
    python3 - "$BATS_TEST_DIRNAME/../../docs/events.schema.json" events <<'P'
import json, sys
from jsonschema import Draft202012Validator
validator = Draft202012Validator(json.load(open(sys.argv[1])))
for line in open(sys.argv[2]):
    for error in validator.iter_errors(json.loads(line)):
        sys.exit(f"{line}{error.message}")
P
}

@test "what is not on record, and a place that cannot be written" {
    run_plan runs
    ends_with 2
    says "$err" "there are no runs on record"
    lines_plan
    run_plan run lines.plan
    run_plan show 1999
    ends_with 2
    says "$err" "there is no run 1999 on record"
    run_plan resume 1999
    ends_with 2
    run_plan run lines.plan --state /proc/nowhere
    ends_with 6
    says "$err" "runs cannot be kept"
    says "$err" "--state none"
    run_plan run lines.plan --state none
    ends_with 0
    run_plan run lines.plan --state here.db
    ends_with 0
    [ -f here.db ]
}

@test "two resumes at once: one goes on, the other is refused" {
    lines_plan
    kill_at 'line 1'
    "$RUNPLAN" resume --in-doubt done >/dev/null 2>&1 3>&- &
    for _ in {1..500}; do
        [ "$(newest state)" != "under way" ] || break
        sleep 0.02
    done
    run_plan resume "$(newest run)" --in-doubt done
    ends_with 4
    says "$err" "still under way"
    wait
    is "$(grep -c 'line 3' made.txt)" 1
    is "$(tail -n 1 made.txt)" success
}

@test "approve by N of others: not the operator, not twice, only those who may; one no is enough" {
    plan others <<'P'
plan "Others" { }
step "Ask" {
  approve "Ship it" by 2 of ["lead", "ops", "dba"]
  file.append("made.txt", "shipped\n")
  rollback none "a line does no harm"
}
P
    export RUNPLAN_OPERATOR=lead
    run_plan others.plan --yes --confirm 'Ship it'
    ends_with 5
    run=$(newest run)
    run_plan approve "$run" 'Ship it'
    ends_with 2
    says "$err" "who runs the plan does not approve it"
    RUNPLAN_OPERATOR=eve run_plan approve "$run" 'Ship it'
    ends_with 2
    says "$err" "does not name you"
    RUNPLAN_OPERATOR=ops run_plan approve "$run" 'Ship it'
    ends_with 0
    RUNPLAN_OPERATOR=ops run_plan approve "$run" 'Ship it'
    run_plan resume
    ends_with 5
    says "$err" "Ship it: 1 of 2 have approved"
    [ ! -e made.txt ]
    RUNPLAN_OPERATOR=dba run_plan approve "$run" 'Ship it'
    run_plan resume
    ends_with 0
    says "$err" "Ship it: yes, by ops, dba"
    is "$(cat made.txt)" shipped
    run_plan others.plan
    RUNPLAN_OPERATOR=dba run_plan approve "$(newest run)" 'Ship' --no --comment 'not today'
    ends_with 0
    run_plan resume
    ends_with 4
    says "$err" "was answered with no by dba: not today"
    run_plan others.plan --state none
    ends_with 4
    says "$err" 'approve "Ship it"'
}

@test "within counts while nothing runs: too late is too late, and what was said in time counts" {
    plan within <<'P'
plan "Within" { }
param first: duration = 1h
step "Ask" {
  file.append("made.txt", "begun\n")
  approve "Ship it" by 1 within first
  file.append("made.txt", "shipped\n")
  rollback none "a line does no harm"
}
P
    run_plan within.plan --set first=2s
    ends_with 5
    run=$(newest run)
    sleep 3
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it'
    ends_with 4
    says "$err" "its time was over at 20"
    run_plan resume
    ends_with 1
    says "$err" "timed out after 2s"
    is "$(newest state)" failed
    is "$(cat made.txt)" begun

    run_plan within.plan --set first=4s
    ends_with 5
    run=$(newest run)
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it'
    ends_with 0
    sleep 5
    run_plan resume
    ends_with 0
    says "$err" "Ship it: yes, by lead"
    is "$(cat made.txt)" $'begun\nbegun\nshipped'

    run_plan within.plan
    ends_with 5
    run_plan resume
    ends_with 5
}

@test "an answer in time counts though the process sees it late; a hold beside a question keeps it alive" {
    plan beside <<'P'
plan "Beside" { }
step "Ask" {
  parallel {
    approve "Ship it" by 1 within 3s
    hold 5s
  }
  file.append("made.txt", "shipped\n")
  rollback none "a line does no harm"
}
P
    for said in "in time" late; do
        "$RUNPLAN" beside.plan >log 2>&1 </dev/null 3>&- &
        until_so grep -q "0 of 1 have approved" log
        until_so state_is "under way"
        kill -STOP $!
        run=$(newest run)
        [ "$said" != "in time" ] || RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it'
        sleep 3
        if [ "$said" = late ]; then
            RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it'
            ends_with 4
        fi
        kill -CONT $!
        wait $! && status=0 || status=$?
        err=$(cat log)
        if [ "$said" = late ]; then
            ends_with 4 # before any change
            says "$err" "timed out after 3s"
        else
            ends_with 0
            says "$err" "Ship it: yes, by lead"
        fi
    done
    is "$(cat made.txt)" shipped
}

@test "hold until goes by the clock while nothing runs" {
    plan instant <<'P'
plan "Instant" { }
step "Wait" {
  let begun = time.now()
  file.append("made.txt", "begun\n")
  hold until begun + 5s
  rollback none "a line does no harm"
}
P
    "$RUNPLAN" instant.plan >/dev/null 2>&1 3>&- &
    until_so [ -s made.txt ]
    on_record ended file.append
    kill -9 $!
    wait $! || true
    sleep 6
    run_plan resume --json
    ends_with 0
    # what ran took less than the five seconds, of which the most had passed meanwhile
    printf '%s\n' "$out" | jq -e 'select(.type == "run.ended") | .data.elapsed < 5'
}

@test "an answer is to the question that was open, not to the next one of the same text" {
    plan loop <<'P'
plan "Loop" { }
for i in 1..2 {
  step "Go ${i}" {
    approve "Go?" by 1
    confirm "Sure?"
    file.append("made.txt", "go ${i}\n")
    rollback none "a line does no harm"
  }
}
P
    run_plan loop.plan
    ends_with 5
    run=$(newest run)
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Go?'
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Go?'
    run_plan resume
    ends_with 5
    run_plan approve "$run" 'Sure?'
    run_plan approve "$run" 'Sure?'
    run_plan resume
    ends_with 5
    is "$(cat made.txt)" 'go 1'
    run_plan approve "$run"
    says "$err" 'approve "Go?"'
}

@test "what is no answer is said, not kept; what is asked cannot paint the terminal" {
    plan paint <<'P'
plan "Paint" { }
param what: string
step "Ask" {
  parallel {
    confirm "Go \"on\" with ${what}?"
    approve "Ship it" by 1
  }
  rollback none "nothing"
}
P
    run_plan paint.plan --set what=$'a\e[2Kb\nc'
    ends_with 5
    run=$(newest run)
    run_plan approve "$run"
    ends_with 0
    says_not "$err" $'\e'
    says "$err" 'confirm "Go "on" with ab'
    run_plan approve "$run" 'Go "on" with' --answer perhaps
    ends_with 2
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it' --answer perhaps
    ends_with 2
    run_plan approve "$run" 'Go "on" with'
    ends_with 0
    says_not "$out" $'\e'
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it'
    run_plan resume
    ends_with 0
}

@test "a plan from standard input is on record; show and approve do not need the folder, resume does" {
    mkdir folder
    cd folder
    printf 'plan "In" { }\nstep "Ask" {\n  confirm "Go?"\n  file.append("made.txt", "made\\n")\n  rollback none "x"\n}\n' |
        "$RUNPLAN" - >/dev/null 2>&1 || is $? 5
    cd ..
    mv folder gone
    run_plan show
    ends_with 0
    says "$out" "Waits for a person:"
    run_plan approve "$(newest run)" 'Go?'
    ends_with 0
    run_plan resume
    ends_with 2
    says "$err" "was started in $PWD/folder, and goes on there: No such file or directory"
    mv gone folder
    run_plan resume
    ends_with 0
    is "$(cat folder/made.txt)" made
}

@test "--state as a relative path: resume from another folder takes the same lock" {
    unset RUNPLAN_STATE
    mkdir folder
    cd folder
    plan locked <<'P'
plan "Locked" { lock "locked" }
step "Ask" { confirm "Go?" }
P
    run_plan locked.plan --state st
    ends_with 5
    cd ..
    run_plan approve "$("$RUNPLAN" runs --state folder/st --json | jq -r .run)" 'Go?' --state folder/st
    ends_with 0
    run_plan resume --state folder/st
    ends_with 0
    [ -e folder/st/locks/locked.lock ]
    [ ! -e folder/folder ]
}

@test "a doubt that was settled is not asked about where the run waits for something else" {
    plan doubt <<'P'
plan "Doubt" { }
step "One" {
  sh("echo begun >made.txt; sleep 2")
  confirm "Go?"
  rollback none "x"
}
P
    "$RUNPLAN" doubt.plan >/dev/null 2>&1 3>&- &
    until_so [ -s made.txt ]
    kill -9 $!
    wait $! || true
    run_plan resume --in-doubt done
    ends_with 5
    says "$err" "Waits for a person:"
    says_not "$err" "nothing was changed"
}

@test "two questions side by side: the answer to one is not lost because the other has none" {
    plan two <<'P'
plan "Two" { }
step "Ask" {
  parallel {
    confirm "Go?"
    confirm "Go?"
    approve "Ship it" by 1
  }
  file.append("made.txt", "made\n")
  rollback none "a line does no harm"
}
P
    run_plan two.plan
    ends_with 5
    run=$(newest run)
    RUNPLAN_OPERATOR=lead run_plan approve "$run" 'Ship it'
    run_plan resume
    ends_with 5
    says "$err" "  - Go? (0.1:1)"
    run_plan approve "$run"
    says "$err" 'confirm "Go?" (0.2:1)'
    says_not "$err" 'Ship it'
    for name in 'Go?' Go; do
        run_plan approve "$run" "$name"
        ends_with 4
        says "$err" "2 questions are called \"$name\""
        says "$err" 'confirm "Go?" (0.1:1)'
    done
    run_plan approve "$run" 0.2:1 --comment 'the second'
    ends_with 0
    run_plan resume
    ends_with 5
    says "$err" "Go? yes, by"
    says "$err" "  - Go? (0.1:1)"
    says_not "$err" "(0.2:1)"
    [ ! -e made.txt ]
    run_plan approve "$run" 0.2:1
    ends_with 4
    says "$err" 'nobody is asked "0.2:1"'
    run_plan approve "$run" 'Go?'
    run_plan resume
    ends_with 0
    is "$(cat made.txt)" made
}

@test "file.append, killed before its write and behind it: the file tells which, and nobody is asked" {
    plan append <<'P'
plan "Append" { }
step "One" {
  file.append("made.txt", "one\n")
  file.append("made.txt", "two\n")
  rollback none "a line does no harm"
}
P
    for call in write fsync; do
        echo before >made.txt
        strace -f -qq -o log -P made.txt -e trace=write,fsync -e "inject=$call:signal=KILL:when=1" \
            "$RUNPLAN" append.plan >/dev/null 2>&1 3>&- && status=0 || status=$?
        ends_with 137
        is "$(cat made.txt)" "$([ $call = write ] && echo before || printf 'before\none')"
        is "$(newest state)" "cut off"
        echo "of another" >>made.txt
        run_plan resume
        if [ $call = write ]; then # what was added meanwhile stands where it was to begin
            ends_with 5
            says "$err" "made.txt has grown since it had 7 bytes, but does not go on with the text there"
            run_plan resume --in-doubt again
        fi
        ends_with 0
        is "$(sort made.txt)" $'before\nof another\none\ntwo'
    done
}

# Takes connections and never answers. $silent is where it listens.
silent_server() {
    python3 - >port 3>&- <<'P' &
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(server.accept())
P
    silent_pid=$!
    until_so [ -s port ]
    silent=127.0.0.1:$(cat port)
}

state_is() { [ "$(newest state)" = "$1" ]; }

@test "Ctrl-C while a resume looks for what is in doubt: it stops at once, and the run stays as it was" {
    plan probed <<'P'
plan "Probed" { }
step "One" {
  file.append("made.txt", "one\n")
  docker.rm("gone-long-ago")
  rollback { file.append("made.txt", "undo one\n") }
}
P
    silent_server
    export DOCKER_HOST=tcp://$silent
    "$RUNPLAN" probed.plan >/dev/null 2>&1 3>&- &
    on_record begun docker.rm
    kill -9 $!
    wait $! || true
    for signal in INT:130 TERM:143; do
        setsid "$RUNPLAN" resume >/dev/null 2>log 3>&- &
        until_so state_is "under way"
        sleep 0.3
        kill -"${signal%:*}" $!
        wait $! && status=0 || status=$?
        is "$status" "${signal#*:}"
        says "$(cat log)" "the resume was stopped before it went on; \`runplan resume $(newest run)\` goes on"
        is "$(newest state)" "cut off"
        is "$(cat made.txt)" one
    done
    kill $silent_pid
    run_plan resume
    ends_with 5
    says "$err" "in doubt"
    run_plan resume --in-doubt rollback
    ends_with 1
    is "$(cat made.txt)" $'one\nundo one'
}

@test "Ctrl-C at the question what became of a change: it stops, and the run stays as it was" {
    lines_plan
    kill_at 'line 1'
    {
        until_so grep -q 'Did it happen' shown
        printf '\003'
        sleep 1
    } | SHELL=/bin/bash TERM=dumb script -qefc "$(printf '%q ' "$RUNPLAN" resume)" shown >/dev/null 2>&1 && status=0 || status=$?
    ends_with 130
    says "$(cat shown)" "the resume was stopped before it went on"
    is "$(newest state)" "cut off"
    run_plan resume --in-doubt done
    ends_with 0
}

# Runs ARGUMENTS on a terminal, which is closed as soon as it has shown TEXT; what was shown is in $out.
on_closed_terminal() { # TEXT ARGUMENTS...
    python3 - "$@" >out 3>&- <<'P' && status=0 || status=$?
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvpe(os.environ["RUNPLAN"], ["runplan"] + sys.argv[2:], dict(os.environ, TERM="dumb"))
shown = b""
while sys.argv[1].encode() not in shown:
    shown += os.read(terminal, 4096)
os.close(terminal)
print(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
P
    out=$(cat out)
}

steps_plan() {
    plan steps <<'P'
plan "Steps" { }
for i in 1..3 {
  step "Step ${i}" {
    file.append("made.txt", "do ${i}\n")
    sh("sleep 1", reads: true)
    rollback { file.append("made.txt", "undo ${i}\n") }
  }
}
P
}

kill_steps() {
    "$RUNPLAN" steps.plan >/dev/null 2>&1 3>&- &
    until_so [ -s made.txt ]
    on_record ended file.append
    kill -9 $!
    wait $! || true
}

@test "resume --step asks from there on, also when it is resumed again; a terminal that is closed at the question leaves it open" {
    steps_plan
    kill_steps
    run_plan resume --step
    ends_with 4
    says "$err" "--step asks before each step, and nobody is at a terminal"
    is "$(newest state)" "cut off"
    on_closed_terminal 'yes or no' resume --step
    says "$out" "Next step: Step 2. Run it?"
    ends_with 5
    is "$(newest state)" waiting
    run_plan approve "$(newest run)" 'Next step: Step 2'
    ends_with 0
    run_plan resume
    ends_with 5
    says "$err" "Next step: Step 3. Run it?"
    is "$(cat made.txt)" $'do 1\ndo 2'
    run_plan approve "$(newest run)" 'Next step' --no
    run_plan resume
    ends_with 1
    is "$(cat made.txt)" $'do 1\ndo 2\nundo 2\nundo 1'
}

@test "a terminal that is closed while a resume works: it goes on without it; whether to go on in spite of a failure is a no" {
    steps_plan
    kill_steps
    on_closed_terminal 'Step 2' resume
    ends_with 0
    is "$(cat made.txt)" $'do 1\ndo 2\ndo 3'
    plan spite <<'P'
plan "Spite" { }
step "Ask" {
  file.append("made.txt", "asked\n")
  expect "it is sound" file.exists("sound") else ask
  rollback { file.append("made.txt", "undone\n") }
}
P
    on_closed_terminal 'yes or no' run spite.plan
    ends_with 1
    is "$(tail -n 2 made.txt)" $'asked\nundone'
}

@test "pause during a retry: the step comes to its end first, well or badly" {
    plan flaky <<'P'
plan "Flaky" { }
param ends: string in ["well", "badly"]
step "Flaky" {
  retry 3 every 1500ms
  file.write("tried", "x")
  sh("echo try >>made.txt; test -e go", reads: true)
  rollback { file.append("made.txt", "undone\n") }
}
step "After" {
  file.append("made.txt", "after\n")
  rollback none "a line does no harm"
}
P
    for ends in well badly; do
        rm -f made.txt go
        "$RUNPLAN" flaky.plan --set ends=$ends >/dev/null 2>log 3>&- &
        until_so [ -s made.txt ]
        until_so state_is "under way"
        run_plan pause "$(newest run)"
        until_so grep -q 'paused by' log
        [ $ends = badly ] || touch go
        wait $! && status=0 || status=$?
        if [ $ends = badly ]; then
            ends_with 1
            is "$(cat made.txt)" $'try\ntry\ntry\nundone'
        else
            ends_with 5
            says_not "$(cat made.txt)" after
            run_plan resume
            ends_with 0
            is "$(tail -n 1 made.txt)" after
        fi
    done
}

@test "a state that became read-only: each command says so, and nothing is changed" {
    mkdir kept
    [ "$(id -u)" != 0 ] || mount -t tmpfs tmpfs kept
    export RUNPLAN_STATE=$PWD/kept
    people_plan
    run_plan people.plan
    ends_with 5
    run=$(newest run)
    [ "$(id -u)" = 0 ] && mount -o remount,ro kept || chmod -R a-w kept
    {
        for command in runs show "approve $run" "resume $run" "abort $run" "rollback $run" "lock status"; do
            run_plan $command
            ends_with 2
            says "$err" "runs.db: "
        done
        run_plan people.plan
        ends_with 6
        says "$err" "nothing was run"
        is "$(cat made.txt)" begun
        [ "$(id -u)" = 0 ] && mount -o remount,rw kept || chmod -R u+w kept
        run_plan approve "$run"
        ends_with 0
    } && status=0 || status=$?
    [ "$(id -u)" != 0 ] || umount kept
    return $status
}

@test "abort, and pause, that a process did not live to hear: the next resume goes back; a pause is over" {
    steps_plan
    for word in abort pause; do
        rm -f made.txt
        "$RUNPLAN" steps.plan >/dev/null 2>&1 3>&- &
        until_so [ -s made.txt ]
        until_so state_is "under way"
        kill -STOP $!
        run_plan $word "$(newest run)"
        ends_with 0
        kill -9 $!
        wait $! || true
        run_plan resume
        if [ $word = abort ]; then
            ends_with 143
            says "$err" "aborted by"
            is "$(tail -n 1 made.txt)" "undo 1"
        else
            ends_with 0
            is "$(cat made.txt)" $'do 1\ndo 2\ndo 3'
        fi
    done
}
