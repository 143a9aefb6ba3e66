# run plan: real runs of a plan that runs others, and what the commands say of them.

load help

# release.plan writes what it is told to into a file of this machine, and puts back what was there.
two_plans() {
    plan release <<'E2'
param version: string where version matches '^v\d+$' "What is put live"
param sound: bool = true

environment lab { sound = false }

plan "Release" { lock "shop" }

step put "Put ${version} live" {
  let before = file.read("live")
  file.write("live", version)
  rollback { file.write("live", before) }
}

step "Look at it" {
  expect "it is sound" sound
  manual "The front page is as it should be"
}

on success { file.append("log", "released ${version}\n") }
on failure { file.append("log", "failed: ${failure.message}\n") }
E2
    plan main <<'E2'
param version: string

plan "Whole" { lock "shop" }

step "Note" {
  file.write("note", "at work")
  rollback { file.remove("note") }
}

step "Release" { run plan "release.plan" { version: version } }

finally { file.append("log", "over: ${run.environment ?? 'no environment'}\n") }
E2
    printf 'v1' >live
    : >log
}

@test "a child does its work and tells of it" {
    two_plans
    run_plan main.plan --set version=v2 --yes
    ends_with 0
    [ "$(cat live)" = v2 ]
    [ "$(cat log)" = $'released v2\nover: no environment' ]
    says "$err" "    Release (plan release.plan)"
    says "$err" "      done: Look at it"
}

@test "a child that fails is undone, then the plan around it; an environment that only the child knows is the run's" {
    two_plans
    run_plan main.plan --set version=v2 --yes --env lab
    ends_with 1
    [ "$(cat live)" = v1 ]
    [ ! -e note ]
    says "$(cat log)" "failed: it is sound"
    says "$(cat log)" "over: lab"
    run_plan main.plan --set version=v2 --yes --env labs
    ends_with 2
    says "$err" 'there is no environment `labs`'
}

@test "a value that the child refuses is known before anything has begun" {
    two_plans
    run_plan main.plan --set version=two --yes
    ends_with 2
    [ ! -e note ] && [ ! -s log ]
    says "$err" '`version` of "Release": "two" does not satisfy `version matches '"'"'^v\d+$'"'"'` (release.plan:1)'
    says "$err" 'Nothing was run.'
}

@test "one that only a read gives is refused where it is given: what was done before is undone" {
    two_plans
    sed -i 's/{ version: version }/{ version: file.read("wanted") }/; s/^param version: string$//' main.plan
    echo -n two >wanted
    run_plan main.plan --yes
    ends_with 1
    [ "$(cat live)" = v1 ]
    [ ! -e note ]
    says "$err" 'wrong params of "Release": `version`: "two" does not satisfy'
}

@test "one lock for both: a second run is refused while the child is at work" {
    two_plans
    sed -i 's/^step "Look at it" {/&\n  hold 30s/' release.plan
    "$RUNPLAN" main.plan --set version=v2 --yes >first.out 2>first.err </dev/null 3>&- &
    first=$!
    until [ "$(cat live)" = v2 ]; do sleep 0.05; done
    run_plan release.plan --set version=v3 --yes
    ends_with 4
    says "$err" "shop"
    kill -INT "$first"
    code=0
    wait "$first" || code=$?
    [ "$code" = 130 ]
    [ "$(cat live)" = v1 ]
    [ ! -e note ]
}

@test "preview shows the child's steps inside; people of the child are listed; --json names the child's file" {
    two_plans
    run_plan preview main.plan --set version=v2
    ends_with 0
    says "$out" '  Plan: Release (release.plan)
    Step: Put v2 live'
    run_plan check main.plan --unattended
    ends_with 0
    says "$out" 'release.plan:16:3: manual "The front page is as it should be"'
    run_plan main.plan --set version=v2 --yes --json
    ends_with 0
    grep '"type":"step.started"' out | grep '"plan":"release.plan"' | grep -q '"params":{"version":"v2"}'
}

@test "what was done is listed, also after another child has gone back" {
    plan part <<'E2'
param name: string
param fails: bool = false

plan "Part" { }

step "Work on ${name}" {
  file.write(name, "done")
  hold 300ms
  file.write("${name}.too", "done")
  if fails { fail "${name} is not as it should be" }
  rollback {
    file.remove(name)
    file.remove("${name}.too")
  }
}
E2
    plan both <<'E2'
plan "Both" { }

step "Try" { try { run plan "part.plan" { name: "a", fails: true } } catch problem { log "without it: ${problem.step}" } }

step "The other" { run plan "part.plan" { name: "b" } }
E2
    run_plan both.plan
    ends_with 0
    [ ! -e a ] && [ -e b ] && [ -e b.too ]
    says "$err" 'without it: Work on a'
    says "$err" '- Work on b: file.write: "b.too"'
}

@test "a record of a run with a child is replayed" {
    two_plans
    run_plan main.plan --set version=v2 --yes --journal record
    ends_with 0
    run_plan replay main.plan --journal record
    ends_with 0
}

@test "plans that run each other seventeen deep, and a thousand files" {
    for i in $(seq 0 17); do
        printf 'plan "P%s" { }\n\nrun plan "p%s.plan"\n' "$i" $((i + 1)) >"p$i.plan"
    done
    printf 'plan "last" { }\n' >p18.plan
    run_plan check p0.plan
    ends_with 2
    says "$err" "error[E0703]: more than 16 plans run each other in a row"
    run_plan check p3.plan
    ends_with 0
    {
        printf 'plan "Many" { }\n'
        for i in $(seq 1000); do
            printf '\nrun plan "many/c%s.plan"\n' "$i"
        done
    } >many.plan
    mkdir many
    for i in $(seq 1000); do printf 'plan "C%s" { }\n' "$i" >"many/c$i.plan"; done
    run_plan check many.plan
    ends_with 2
    says "$err" "are more than 1000 files"
    sed -i '$d' many.plan
    run_plan check many.plan
    ends_with 0
}
