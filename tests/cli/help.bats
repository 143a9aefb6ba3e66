# Help, whole: of the program, of its commands, of plans, as a man page; and what `make install` makes of it. UPDATE=1
# writes the expected files anew.

load help

root=$BATS_TEST_DIRNAME/../..

compare() { # FILE, of shown/help
    local expected=$BATS_TEST_DIRNAME/shown/help/$1
    if [ -n "${UPDATE:-}" ]; then cp "$1" "$expected"; fi
    diff "$expected" "$1"
}

# No line is wider than a terminal, and none ends with a blank.
is_tidy() { # FILE
    ! LC_ALL=C.UTF-8 grep -nE '^.{81}| $' "$1"
}

shows() { # FILE ARGUMENTS: what they print is the text in FILE
    local file=$1
    shift
    run_plan "$@"
    ends_with 0
    [ -z "$err" ]
    cp out "$file"
    compare "$file"
    is_tidy "$file"
}

commands() { "$RUNPLAN" complete -- '' | sed -n 's/\t.*//p'; }

@test "the program's help" {
    shows program.txt --help
    run_plan help
    diff out program.txt
    run_plan -h
    diff out program.txt
}

@test "each command's help" {
    for command in $(commands); do
        shows "$command.txt" "$command" --help
        run_plan help "$command"
        diff out "$command.txt"
    done
    [ "$(commands | wc -l)" -ge 8 ]
}

@test "examples are command lines that are understood" {
    printf 'plan "Deploy" { }\nenvironment staging { }\n' >deploy.plan
    mkdir plans && cp deploy.plan plans
    runplan() { "$RUNPLAN" "$@" --help; }
    awk '/^Examples:/ { on = 1; next } /^[^ ]/ { on = 0 } on && !/^  #/' "$BATS_TEST_DIRNAME"/shown/help/*.txt |
        sed -e ':a; /\\$/N; s/\\\n//; ta' -e 's/   *[A-Z].*//; s/ [|>].*//; s/source <(\(.*\))/\1/' -e '/^ *$/d' >examples
    [ "$(wc -l <examples)" -ge 20 ]
    while read -r example; do
        eval "$example" >said 2>&1 || { echo "$example" && cat said && false; }
    done <examples
}

@test "a plan's help: every type of param, environments, secrets, phases, people" {
    cp "$BATS_TEST_DIRNAME/shown/params.plan" .
    shows params.plan.txt params.plan --help
    run_plan run params.plan --help
    diff out params.plan.txt
    shows params.production.txt preview params.plan --env production --help
    RUNPLAN_ENV=production run_plan preview params.plan --help
    diff out params.production.txt
    run_plan simulate --help params.plan
    says "$out" 'Usage: runplan simulate params.plan \'
}

@test "a plan's help: blue_green.plan, and the params of what it imports" {
    (cd "$root" && "$RUNPLAN" plans/blue_green.plan --help) >blue_green.txt
    says "$(<blue_green.txt)" '           --set version=STRING '
    says "$(<blue_green.txt)" 'Params of plans/lib/stack.plan:'
    is_tidy blue_green.txt
}

@test "a plan with errors tells its params, then its errors" {
    printf 'plan "Broken" { }\nparam release: string "What to deploy"\nparam share: percent = \nstep "One" { nothing(here) }\n' >broken.plan
    run_plan broken.plan --help
    ends_with 2
    says "$out" 'release   string, required'
    says "$out" 'What to deploy'
    says "$err" 'broken.plan:3'
    run_plan none.plan --help
    ends_with 2
    [ -z "$out" ]
    says "$err" 'none.plan'
    echo 'param release: string' >lib.plan
    run_plan lib.plan --help
    ends_with 2
    says "$out" 'release   string, required'
    says_not "$out" Usage
    says "$err" 'no `plan` item'
}

@test "a plan's help obeys no control sequence, and quotes a path with blanks" {
    printf '# \033[31mred\nplan "A\033]0;title\007B" { }\nparam x: string "\033[2Jgone"\n' >'a b.plan'
    run_plan 'a b.plan' --help
    ! grep -q $'\033' out || false
    says "$out" "Usage: runplan 'a b.plan'"
}

@test "the man page: no complaint of mandoc and of man, and 80 columns" {
    "$RUNPLAN" help --man >runplan.1
    compare runplan.1
    run mandoc -Tlint runplan.1
    [ "$status" = 0 ] && [ -z "$output" ] || { echo "$output"; false; }
    complaints=$(man --warnings -l -E UTF-8 -Tutf8 -Z ./runplan.1 2>&1 >/dev/null)
    [ -z "$complaints" ] || { echo "$complaints"; false; }
    for formatter in "mandoc -Tutf8 -Owidth=80" "man -l"; do
        MANWIDTH=80 LC_ALL=C.UTF-8 $formatter ./runplan.1 | col -bx >page
        for word in NAME SYNOPSIS 'runplan simulate FILE' --live-reads RUNPLAN_STATE '130, 143' "--given 'pg.dump takes 5m'"; do
            says "$(cat page)" "$word"
        done
        sed -i 's/ *$//' page
        is_tidy page
    done
}

@test "make install and uninstall" {
    cp -r "$root/Makefile" "$root/cli" "$root/grammar" "$root/interp" "$root/builtins" "$root/store" .
    mkdir -p build tests
    cp "$RUNPLAN" runplan
    install() { make -s -o runplan PREFIX=/usr DESTDIR="$PWD/to" "$@"; }
    install install
    (cd to && find . -type f | sort) >installed
    diff installed - <<'F'
./usr/bin/runplan
./usr/share/bash-completion/completions/runplan
./usr/share/fish/vendor_completions.d/runplan.fish
./usr/share/man/man1/runplan.1
./usr/share/zsh/site-functions/_runplan
F
    [ "$(to/usr/bin/runplan --version)" = "$("$RUNPLAN" --version)" ]
    for shell in bash:bash-completion/completions/runplan zsh:zsh/site-functions/_runplan fish:fish/vendor_completions.d/runplan.fish; do
        "$RUNPLAN" completion "${shell%%:*}" | diff - "to/usr/share/${shell#*:}"
    done
    man -M to/usr/share/man -w runplan
    install uninstall
    [ -z "$(find to -type f)" ]
}
