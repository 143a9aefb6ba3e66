#!/bin/bash
# torture.sh short|whole [BUILD]: what proves that a run survives anything; each part closes with `N passed, N failed`.
#
# short is for `make test`: a sample of each part, always the same one. whole is `make torture`: every case, an hour and more;
# where chance chooses, the seed is the date. sanitized: what needs no real process, for a build with sanitizers.
# SEED=N repeats one; PARTS="crash damage" runs only these.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
form=$1 build=${2:-build}
seed=${SEED:-1}
[ "$form" != whole ] || seed=${SEED:-$(date +%Y%m%d)}
parts=${PARTS:-golden crash day damage faults memory kills locks postgres secrets lab}
passed=0
failed=0

part() { # NAME COMMAND...
    local name=$1 line log began=$SECONDS
    shift
    [[ " $parts " == *" $name "* ]] || return
    log=$(mktemp)
    "$@" 2>&1 | tee "$log"
    local code=${PIPESTATUS[0]}
    line=$(grep -E '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    rm -f "$log"
    if [[ $line =~ ([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
        passed=$((passed + BASH_REMATCH[1]))
        failed=$((failed + BASH_REMATCH[2]))
        [ "$code" = 0 ] || [ "${BASH_REMATCH[2]}" != 0 ] || failed=$((failed + 1))
    else
        echo "$name ended with code $code and told no result"
        failed=$((failed + 1))
    fi
    echo "$name took $((SECONDS - began)) s"
}

damage() { # SAMPLE
    local folder code
    folder=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)" torture-damage.XXXXXX)
    "$build/tests/torture/damage" --seed "$seed" --sample "$1" "$folder" tests/torture/small.plan
    code=$?
    rm -rf "$folder"
    return "$code"
}

# The same program against the real stack.
lab() {
    lab/lab.sh up || return
    SEED=$seed tests/lab/run.sh is_killed
}

crash="$build/tests/torture/crash"
library=$build/tests/torture/no_memory.so
golden=(tests/run/*.plan tests/plantest/*.plan)
plans=(plans/*.plan plans/troubleshoot/*.plan)
case $form in
    short)
        part golden "$crash" --seed "$seed" --sample 7 "${golden[@]}"
        part crash "$crash" --seed "$seed" --sample 60 "${plans[@]}"
        part damage damage 200
        part faults tests/torture/faults.py 29
        part memory tests/torture/memory.py "$library" 12 "$seed"
        part kills tests/torture/kills.py 10 "$seed"
        part locks tests/torture/locks.py 10 3 "$seed"
        part postgres tests/torture/postgres.py 8 "$seed"
        ;;
    sanitized)
        part golden "$crash" --seed "$seed" --sample 40 "${golden[@]}"
        part crash "$crash" --seed "$seed" --sample 1500 "${plans[@]}"
        part damage damage 900
        ;;
    whole)
        part golden "$crash" --seed "$seed" "${golden[@]}"
        part crash "$crash" --seed "$seed" "${plans[@]}"
        part day "$crash" --seed "$seed" --long --sample 40 plans/monitor.plan
        part damage damage 1
        part faults tests/torture/faults.py 1
        part memory tests/torture/memory.py "$library" 0 "$seed"
        part kills tests/torture/kills.py 60 "$seed"
        part locks tests/torture/locks.py 50 100 "$seed"
        part postgres tests/torture/postgres.py 160 "$seed"
        part secrets python3 tests/secrets/planted.py "${RUNPLAN:-./runplan}" # its short form: tests/cli/secrets.bats
        part lab lab
        ;;
    *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
esac
echo "torture ($form, seed $seed): $passed passed, $failed failed"
[ "$failed" = 0 ]
