# shellcheck shell=bash disable=SC2034,SC2154  # code, run, work: lib.sh
# test_killed.sh: deployments whose runplan is killed at random instants, and resumed. KILLS of each (20), SEED repeats them.

KILLS=${KILLS:-20}

# The release that is not live now.
other_release() { if [ "$(live version)" = v2 ]; then echo v3; else echo v2; fi; }

# What nobody but an operator can know here is whether a line is in the log; all else is settled by looking.
look() { # -> --in-doubt options in `doubts`
    local effect
    doubts=()
    while read -r effect; do
        if [ "$(wc -l <"$LAB_STATE/deployments.log")" -gt "$lines" ]; then
            doubts+=(--in-doubt "$effect=done")
        else
            doubts+=(--in-doubt "$effect=again")
        fi
    done < <(sed -n 's/.*in doubt (\(.*\)): append to .*deployments\.log.*/\1/p' "$work/out")
    equals "questions that only the log answers" "${#doubts[@]}" "$(grep -c 'in doubt (' "$work/out")"
}

resume_to_the_end() {
    local tries doubts=()
    for ((tries = 0; tries < 5; tries++)); do
        "$RUNPLAN" resume --yes "${doubts[@]}" >"$work/out" 2>&1 </dev/null
        code=$?
        [ "$code" = 5 ] || return
        sleep 2                           # what was under way when the process ended comes to its end
        look
    done
}

# killed PLAN SECONDS OPTIONS...: of a run of so many seconds, at instants spread over it.
killed() {
    local file=$1 seconds=$2 number lines after release seen
    shift 2
    RANDOM=${SEED:=$(date +%s)}
    echo "$file killed $KILLS times, seed $SEED"
    for ((number = 0; number < KILLS; number++)); do
        release=$(other_release)
        lines=$(wc -l <"$LAB_STATE/deployments.log" 2>/dev/null || echo 0)
        after=$(awk -v n="$number" -v of="$KILLS" -v s="$seconds" -v r="$RANDOM" 'BEGIN { print (n + r / 32768) / of * s }')
        load_start
        plan_start "$file" --set "version=$release" "$@"
        sleep "$after"
        kill -KILL "$run" 2>/dev/null
        plan_end
        [ "$code" != 137 ] || resume_to_the_end
        load_end
        equals "number $number, killed after $after s: exit code" "$code" 0
        nobody_noticed
        seen=$(for _ in {1..20}; do live version; done | sort -u)
        equals "number $number: traffic ends on one release" "$seen" "$release"
    done
}

long_blue_green_is_killed() { killed blue_green.plan 14 --set soak=4s; }
long_canary_is_killed() { killed canary.plan 25 --set bake_5=3s --set bake_25=3s --set bake_50=3s --set bake_100=3s; }
long_rolling_is_killed() { killed rolling.plan 30; }
