# Input that is no plan: each ends with a clear error, quickly and with bounded output, and nothing crashes.

load help

# TEXT COUNT: the text so many times, without newlines.
times() { yes -- "$1" | head -n "$2" | tr -d '\n'; }

# FILE PART [PART]: check ends with 2 or, where all is well, with 0, says so, and does not print without end.
survives() {
    local code=0
    timeout 60 "$RUNPLAN" check "$1" >out 2>&1 </dev/null || code=$?
    [ "$code" = 2 ] || [ "$code" = 0 ] || { printf '%s: exit %s\n' "$1" "$code" && return 1; }
    [ "$(wc -c <out)" -lt 150000 ] || { printf '%s: %s bytes of output\n' "$1" "$(wc -c <out)" && return 1; }
    grep -qF -- "$2" out || { printf '%s: does not say %s\n' "$1" "$2" && head -n 5 out && return 1; }
}

noise() { seq 1 700000 | gzip -nc | head -c 1048576; }

@test "a megabyte of noise" {
    noise >noise.plan
    survives noise.plan "error[E0100]: this is not a text file"
    noise | base64 -w 100 | tr 'A-P' '(){}[]"$\\=+*/<>,' | head -c 1048576 >marks.plan
    survives marks.plan "more"
    noise | base64 -w 60 | sed -n 's/^\(.\{12\}\)\(.\{6\}\)\(.*\)/step \1 "\2" { log ${\3 }/p' | head -c 1048576 >words.plan
    survives words.plan "more"
}

@test "a megabyte of one mark" {
    local mark number=0
    for mark in '{' '(' '[' '}' ')' ']' '"' "'" '`' '-' '!' '.' '$' ',' '=' ';' '/' '@' '${' '"${' "'''" '"""${'; do
        number=$((number + 1))
        times "$mark" $((1048576 / ${#mark})) >"$number.plan"
        survives "$number.plan" "error[E0"
    done
}

@test "nested ten thousand deep" {
    local n=10000
    deep() { # BEFORE OPENER MIDDLE CLOSER AFTER
        { printf '%s' "$1"; times "$2" $n; printf '%s' "$3"; times "$4" $n; printf '%s\n' "$5"; } >deep.plan
        survives deep.plan "error[E0108]: nested more than" || { printf 'opener: %s\n' "$2" && return 1; }
    }
    deep 'let a = ' '(' 1 ')' ''
    deep 'let a = ' '[' 1 ']' ''
    deep 'let a = ' '{ a: ' 1 '}' ''
    deep 'let a = ' 'f(' 1 ')' ''
    deep 'let a = ' '-' 1 '' ''
    deep 'let a = ' 'not ' true '' ''
    deep 'let a = ' '1 ?? ' 1 '' ''
    deep 'let a = f' '.x' '' '' ''
    deep 'let a = f' '[0]' '' '' ''
    deep 'let a = ' '1 + ' 1 '' ''
    deep 'let a = ' 'if true { 1 } else ' '{ 2 }' '' ''
    deep 'let a = ' 'if true { ' 1 ' } else { 2 }' ''
    deep 'let a = ' 'match 1 { 1 => ' 1 ' }' ''
    deep 'let a = ' '[x for x in ' '[1]' ']' ''
    deep 'let a = "' '${"' '' '"}' '"'
    deep 'let a = """' '${"""' '' '"""}' '"""'
    deep 'param a: ' 'list(' int ')' ''
    deep '' 'step "x" { ' '' '}' ''
    deep 'step s "S" { ' 'if true { ' '' '}' '}'
    deep 'step s "S" { if true { }' ' else if true { }' '' '' ' }'
    deep 'step s "S" { ' 'for x in [1] { ' '' '}' '}'
    deep 'step s "S" { ' 'parallel { ' '' '}' '}'
}

@test "a hundred thousand mistakes: the first are shown, the others counted" {
    yes 'lgo "x" y z' | head -n 100000 >lines.plan
    survives lines.plan "... and 99800 more"
    { echo 'step s "S" {' && yes '  log "${nothing}"' | head -n 100000 && echo '}'; } >names.plan
    survives names.plan "... and 99800 more"
    { echo 'step s "S" {' && yes '  let x = 5% + 3s' | head -n 100000 && echo '}'; } >units.plan
    survives units.plan " more"
}

@test "a line of a megabyte is cut around the mistake" {
    { printf 'let a = "' && times x 1048576 && echo '" + nothing + 5'; } >long.plan
    survives long.plan '…xxxx'
    [ "$(wc -L <out)" -le 100 ]
    { printf 'let a = [' && times '"x", ' 200000 && echo 'nothing]'; } >list.plan
    survives list.plan 'the name `nothing` is not known here'
}

@test "what is no file" {
    mkdir folder
    survives folder "folder: error[E0701]: this file cannot be read: is a directory"
    survives missing.plan "missing.plan: error[E0701]: this file cannot be read: No such file or directory"
    ! grep -q '|' out
    survives /dev/zero "is larger than 64 MiB"
    survives /dev/full "is larger than 64 MiB"
    mkfifo pipe
    survives pipe "pipe: error[E0701]: this file cannot be read: is a pipe that nobody writes to"
    ln -s loop.plan loop.plan
    survives loop.plan "Too many levels of symbolic links"
    survives "$(times x 300).plan" "File name too long"
    survives "$(times x/ 3000)p.plan" "File name too long"
    survives missing/../long.plan "No such file or directory"
    survives /dev/null "checks"
    echo 'step s "S" { log "x" }' >fine.plan
    survives <(cat fine.plan) "checks"
    [ "$(id -u)" = 0 ] || { chmod 0 fine.plan && survives fine.plan "Permission denied"; }
}

@test "nothing, or only comments" {
    : >empty.plan
    survives empty.plan "empty.plan: checks"
    yes '# a comment' | head -n 10000 >comments.plan
    survives comments.plan "comments.plan: checks"
    printf '\n\n\n\t \n' >blank.plan
    survives blank.plan "blank.plan: checks"
    printf '\xef\xbb\xbf' >bom.plan
    survives bom.plan "bom.plan: checks"
}

@test "imports: what is no file, a chain that is too long, circles" {
    local i
    mkdir folder
    mkfifo pipe
    ln -s loop.plan loop.plan
    noise >noise.plan
    for i in folder pipe loop.plan missing.plan /dev/zero /etc; do
        echo "import \"$i\"" >a.plan
        survives a.plan "error[E0701]"
    done
    echo 'import "noise.plan"' >a.plan
    survives a.plan "error[E0100]"
    for i in $(seq 1 70); do echo "import \"chain_$((i + 1)).plan\"" >"chain_$i.plan"; done
    survives chain_1.plan "error[E0703]: more than 64 files import each other in a row"
    for i in 1 2 3; do echo "import \"circle_$((i % 3 + 1)).plan\"" >"circle_$i.plan"; done
    survives circle_1.plan "the cycle is circle_1.plan -> circle_2.plan -> circle_3.plan -> circle_1.plan"
    ln -s circle_1.plan other.plan
    survives other.plan "error[E0702]"
    echo 'import "../../../../../../../../../../../etc/passwd"' >outside.plan
    survives outside.plan "error[E0"
}

@test "control characters of a name or a path do not reach the terminal" {
    printf 'step s "S" {\n\tlog "\033]0;evil\007"\n\tlog "\302\233"\n\tlog nothing\r\n}\n' >"$(printf 'a\033[31m.plan')"
    survives "$(printf 'a\033[31m.plan')" "error[E0102]: control character U+001B"
    ! LC_ALL=C grep -q "$(printf '[\001-\010\013-\037\177]')" <(tr -d '\n' <out | sed 's/a.\[31m.plan: does not check//') || {
        cat -v out
        return 1
    }
}

@test "check --json: places, hints and what is related, an object a line" {
    echo 'task halt(name: string) { docker.stop(name) }' >lib.plan
    printf '%s\n' 'import "lib.plan"' 'step s "Ü" {' '	log "ü ${nmae}"' '	let name = "x"' '	timeout 30' '	halt("x")' '}' >a.plan
    run_plan check --json a.plan
    ends_with 2
    [ -z "$err" ]
    [ "$(wc -l <out)" = 3 ]
    says "$out" '{"file":"a.plan","line":3,"column":11,"end_line":3,"end_column":15,"severity":"error","code":"E0601","message":"the name `nmae` is not known here","label":null,"hint":null,"related":[]}'
    says "$out" '"line":5,"column":10,"end_line":5,"end_column":12,"severity":"error","code":"E0201"'
    says "$out" '"hint":"a number has no unit: did you mean 30s?"'
    says "$out" '"related":[{"file":"lib.plan","line":1,"column":27,"end_line":1,"end_column":44,"text":"`docker.stop` changes something here"},{"file":"a.plan","line":2,"column":8,"end_line":2,"end_column":11,"text":"this step has no `rollback` clause"}]'
    { echo 'step s "S" {' && yes 'log "${x}"' | head -n 205 && echo '}'; } >many.plan
    run_plan check --json many.plan
    ends_with 2
    [ "$(wc -l <out)" = 201 ]
    [ "$(tail -n 1 out)" = '{"severity":"more","count":5,"message":"... and 5 more"}' ]
    run_plan check --json missing.plan
    ends_with 2
    says "$out" '{"file":"missing.plan","line":1,"column":1,"end_line":1,"end_column":1,"severity":"error","code":"E0701"'
}

@test "a list too long to be compiled" {
    { echo 'plan "p" { }' && printf 'let a = [' && times '1, ' 5000 && echo ']' &&
        echo 'step s "S" { log "${list.length(a)}" }'; } >long.plan
    run_plan preview long.plan
    ends_with 2
    says "$err" "error[E0902]: a list may hold 4096 items here"
}

@test "links that make one file many: an import path that never repeats" {
    mkdir many
    ln -s . many/left
    ln -s . many/right
    printf 'import "left/all.plan" as l\nimport "right/all.plan" as r\nplan "Many" { }\n' >many/all.plan
    survives many/all.plan "Too many levels of symbolic links"
}
