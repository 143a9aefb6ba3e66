# runplan fmt: files, folders, standard input; what is never touched. What the layout is stands in tests/fmt.

load help

mark() { stat -c '%i %y %a' "$1"; }

@test "a file is rewritten, keeps its mode, and is then left alone" {
    printf 'let   a=1' >a.plan
    chmod 640 a.plan
    run_plan fmt a.plan
    ends_with 0
    [ -z "$out" ]
    says "$err" "a.plan: formatted"
    [ "$(cat a.plan)" = "let a = 1" ]
    [ "$(stat -c %a a.plan)" = 640 ]
    before=$(mark a.plan)
    run_plan fmt a.plan
    ends_with 0
    [ -z "$err" ]
    [ "$(mark a.plan)" = "$before" ]
    [ "$(ls -A | grep -vx 'out\|err')" = a.plan ]
}

@test "standard input goes to standard output" {
    for operand in "" -; do
        status=0
        out=$(printf 'let   a=1' | "$RUNPLAN" fmt $operand) || status=$?
        ends_with 0
        [ "$out" = "let a = 1" ]
    done
    status=0
    out=$(printf 'let   a=1' | "$RUNPLAN" fmt --check -) || status=$?
    ends_with 1
    [ "$out" = "<stdin>" ]
}

@test "on a terminal fmt wants a file" {
    on_terminal '' fmt
    ends_with 2
    says "$out" "wants FILE"
}

@test "--check names what differs and changes nothing" {
    printf 'let   a=1\n' >a.plan
    printf 'let b = 1\n' >b.plan
    before=$(mark a.plan)
    run_plan fmt --check a.plan b.plan
    ends_with 1
    [ "$out" = a.plan ]
    [ "$(mark a.plan)" = "$before" ]
    run_plan fmt --check b.plan
    ends_with 0
    [ -z "$out$err" ]
}

@test "--diff prints what patch can apply, coloured when asked" {
    printf 'let   a=1\nlet b = 2\n' >a.plan
    cp a.plan was
    run_plan fmt --diff a.plan
    ends_with 1
    cmp a.plan was
    says "$out" "-let   a=1"
    says "$out" "+let a = 1"
    says "$out" " let b = 2"
    says_not "$out" $'\e['
    run_plan fmt --diff --color always a.plan
    says "$out" $'\e['
    run_plan fmt --diff a.plan
    "$RUNPLAN" fmt a.plan
    cp a.plan laid_out
    cp was a.plan
    if command -v patch >/dev/null; then
        patch -s -p0 <out
        cmp a.plan laid_out
    fi
    run_plan fmt --diff laid_out
    ends_with 0
    [ -z "$out" ]
}

@test "a folder stands for the plans in it, but for what is hidden" {
    mkdir -p d/e d/.git
    for file in d/a.plan d/e/b.plan d/.git/c.plan d/.hidden.plan d/other.txt; do printf 'let   a=1' >"$file"; done
    ln -s ../d d/loop
    run_plan fmt --check d
    ends_with 1
    [ "$out" = $'d/a.plan\nd/e/b.plan' ]
    run_plan fmt d
    ends_with 0
    [ "$(cat d/e/b.plan)" = "let a = 1" ]
    [ "$(cat d/.git/c.plan)" = "let   a=1" ]
    [ "$(cat d/other.txt)" = "let   a=1" ]
}

@test "through a symbolic link the file is rewritten, and the link stays" {
    mkdir d
    printf 'let   a=1' >d/real.plan
    ln -s d/real.plan link.plan
    run_plan fmt link.plan
    ends_with 0
    [ -L link.plan ]
    [ "$(cat d/real.plan)" = "let a = 1" ]
    [ "$(ls -A d)" = real.plan ]
}

@test "a file with a mistake is left as it is, the others are laid out, and the exit code is 2" {
    printf 'let   = 1' >a.plan
    printf 'let   b=1' >b.plan
    run_plan fmt a.plan none.plan b.plan
    ends_with 2
    says "$err" "a.plan:1:7: error[E0110]"
    says "$err" "none.plan: No such file"
    [ "$(cat a.plan)" = "let   = 1" ]
    [ "$(cat b.plan)" = "let b = 1" ]
    run_plan fmt --check a.plan b.plan
    ends_with 2
}

@test "what is no regular file is refused" {
    mkfifo pipe.plan
    # Nothing tells when the writer has opened it, and one that waits for ever must not hold up bats.
    for _ in {1..100}; do
        printf 'let   a=1' >pipe.plan 3>&- &
        run_plan fmt pipe.plan
        kill $! 2>/dev/null || true
        wait
        [[ $err == *"nobody writes to"* ]] || break
    done
    ends_with 2
    says "$err" "pipe.plan: is not a regular file"
    [ -p pipe.plan ]
}

@test "a file or folder that may not be written stays as it is" {
    mkdir d
    printf 'let   a=1' >d/a.plan
    chmod 444 d/a.plan
    as=()
    if [ "$(id -u)" = 0 ]; then
        command -v setpriv >/dev/null || skip "root may write everything, and there is no setpriv"
        as=(setpriv --reuid 65534 --regid 65534 --clear-groups)
        chown -R 65534:65534 d
        chmod 755 . ..
        "${as[@]}" test -x "$RUNPLAN" -a -r d/a.plan || skip "another user reaches nothing here"
    fi
    err=$("${as[@]}" "$RUNPLAN" fmt d/a.plan 2>&1) && status=0 || status=$?
    ends_with 2
    says "$err" "d/a.plan: Permission denied"
    chmod 644 d/a.plan
    chmod 555 d
    err=$("${as[@]}" "$RUNPLAN" fmt d/a.plan 2>&1) && status=0 || status=$?
    ends_with 2
    says "$err" "d/a.plan: Permission denied"
    chmod 755 d
    [ "$(cat d/a.plan)" = "let   a=1" ]
    [ "$(ls -A d)" = a.plan ]
}

@test "a file that finds no room stays as it is" {
    printf 'let   a=1' >a.plan
    # A limit on the size of files stands for the full disk: the same path, with another errno.
    err=$( (trap '' XFSZ; ulimit -f 0; exec "$RUNPLAN" fmt a.plan) 2>&1 | cat) || true
    says "$err" "a.plan: File too large"
    [ "$(cat a.plan)" = "let   a=1" ]
    [ "$(ls -A | grep -vx 'out\|err')" = a.plan ]
}

@test "standard output that takes nothing is an error" {
    status=0
    err=$(printf 'let a = 1' | "$RUNPLAN" fmt - 2>&1 >/dev/full) || status=$?
    ends_with 2
    says "$err" "No space left on device"
}
