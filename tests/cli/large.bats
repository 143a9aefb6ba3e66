# Plans of a size that nobody writes by hand: tests/bench/generate_plan.py makes them.

load help

generate() { python3 "$BATS_TEST_DIRNAME/../bench/generate_plan.py" "$@"; }

@test "a generated plan checks, whatever its seed, in one file and in many" {
    for seed in 1 2 3; do
        generate 200000 "$seed" >large.plan
        [ "$(stat -c %s large.plan)" -ge 200000 ]
        run_plan check large.plan
        ends_with 0
        says "$err" "large.plan: checks"
        says_not "$err" "warnings"
    done
    generate 200000 --into many
    run_plan check many/main.plan
    ends_with 0
}

@test "the same arguments give the same plan" {
    generate 20000 7 >one.plan
    generate 20000 7 >two.plan
    cmp one.plan two.plan
}

# What once took the square or the cube of its length, or memory to match: minutes, where this takes a second.
@test "long lists of lets, settings, choices, removals and unlike records" {
    {
        echo 'plan "long"'
        echo 'let unlike = ['
        seq -f '  { name%.0f: "n" },' 10000
        echo ']'
        printf 'param which: string in ["k0"'
        seq -f ', "k%.0f"' 2000 | tr -d '\n'
        echo '] = "k0"'
        seq -f 'param p%.0f: string = "x"' 5000
        echo 'environment e {'
        seq -f '  p%.0f = "y"' 5000
        echo '}'
        echo 'step s "s" {'
        seq -f '  let a%.0f = 1' 10000
        echo '  match which {'
        seq -f '    "k%.0f" => { log "x" }' 0 2000
        echo '  }'
        echo '}'
        echo 'step t "t" {'
        echo '  log "${list.length(unlike)}"'
        seq -f '  log "${s.a%.0f}"' 10000
        echo '}'
        for i in $(seq 3000); do
            printf 'step "r%d" {\n  defer {\n    file.remove("/tmp/%d")\n  }\n' "$i" "$i"
            printf '  docker.stop("c%d")\n  rollback {\n    docker.start("c%d")\n  }\n}\n' "$i" "$i"
        done
    } >long.plan
    run_plan check long.plan
    ends_with 0
    says "$err" "long.plan: checks"
}

# The scanner looked at what it had of a token again for each 8 KiB more.
@test "a string and a comment of 20 MB" {
    {
        printf '# '
        head -c 20000000 /dev/zero | tr '\0' c
        printf '\nlet text = "'
        head -c 20000000 /dev/zero | tr '\0' s
        echo '"'
    } >long.plan
    run_plan check long.plan
    ends_with 0
    run_plan fmt --check long.plan
    ends_with 0
}
