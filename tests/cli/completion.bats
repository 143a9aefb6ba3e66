# Completion, in real shells: keys are typed into an interactive bash and zsh on a terminal; fish has `complete -C`.

load help

setup() {
    RUNPLAN=$(realpath "${RUNPLAN:-$BATS_TEST_DIRNAME/../../runplan}")
    cd "$BATS_TEST_TMPDIR"
    export HOME=$BATS_TEST_TMPDIR LC_ALL=C.UTF-8 TERM=xterm XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
    unset RUNPLAN_ENV FPATH ZDOTDIR
    mkdir bin plans 'with space'
    ln -s "$RUNPLAN" bin/runplan
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
    cp "$BATS_TEST_DIRNAME/shown/params.plan" .
    touch plans/inner.plan 'with space/c.plan' notes.txt
}

# Types into a shell on a terminal; `@` is the tab key. What the line was in the end is in $line.
type_into() { # SHELL-COMMAND TYPED
    rm -f line
    { printf '%s' "${2//@/$'\t'}"; printf '\017exit\r'; } |
        SHELL=/bin/bash script -qec "stty cols 80 rows 40; $1" /dev/null >screen 2>&1
    line=$(cat line)
}

in_bash() { # TYPED: the candidates are in $replies
    cat >bashrc <<'B'
source <(runplan completion bash)
probe() { _runplan "$@"; printf '%s\n' "${COMPREPLY[@]}" >replies; }
complete -F probe runplan
bind 'set bell-style none' 'set show-all-if-ambiguous off'
bind -x '"\C-o": printf "%s\n" "$READLINE_LINE" >line; READLINE_LINE='
B
    rm -f replies
    type_into 'bash --noprofile --rcfile bashrc -i' "$1"
    replies=$(cat replies)
}

in_zsh() { # TYPED
    cat >.zshrc <<'Z'
PS1='> '
autoload -Uz compinit
compinit -u -D
source <(runplan completion zsh)
unsetopt beep
report() { print -r -- "$BUFFER" >line; BUFFER=; }
zle -N report
bindkey '^O' report '^I' complete-word '^G' list-choices
Z
    type_into 'zsh -d -i' "$1"
}

in_fish() { # TYPED: what is offered, with descriptions, is in $out
    out=$(fish --no-config -c 'runplan completion fish | source; complete -C $argv[1]' "$1" 2>&1)
}

@test "complete: answers are quick words, and silence where nothing is known" {
    run_plan complete -- run none.plan --env ''
    ends_with 0
    is "$out$err" ''
    run_plan complete -- run - --set ''
    is "$out$err" ''
    mkfifo pipe.plan
    run_plan complete -- run pipe.plan --set ''
    is "$out$err" ''
    printf 'param release: string\nparam broken: \n' >broken.plan
    run_plan complete -- broken.plan --set ''
    says "$out" 'release='
    is "$err" ''
    run_plan complete -- fmtt --nothing ''
    is "$err" ''
    run_plan complete
    ends_with 0
    run_plan complete -- run params.plan -qe ''
    says "$out" $'production\tThe one that counts.'
    run_plan complete -- run params.plan -- --
    says_not "$out" --env
}

@test "complete: the word before the plan of an export, then the plan and its params" {
    run_plan complete -- export ''
    is "$out" alerts
    run_plan complete -- export alerts ''
    is "$out" ':plans'
    run_plan complete -- export alerts params.plan --set ''
    says "$out" 'share='
    run_plan complete -- export alerts params.plan ''
    is "$out" ''
}

@test "complete: what belongs to a later release is not offered, nor what is hidden" {
    run_plan complete -- ''
    for command in drill lsp render; do
        says_not "$(cut -f1 out)" "$command"
    done
    run_plan complete -- check --
    says_not "$out" dump-bytecode
    says_not "$out" confirm
}

@test "bash: commands, options, values" {
    in_bash 'runplan sim@'
    is "$line" 'runplan simulate '
    in_bash 'runplan run params.plan --conf@'
    is "$line" 'runplan run params.plan --confirm '
    in_bash 'runplan run params.plan --env @'
    is "$replies" $'lab\nproduction'
    in_bash 'runplan run params.plan --env=pr@'
    is "$line" 'runplan run params.plan --env=production '
    in_bash 'runplan params.plan --color @'
    is "$replies" $'auto\nalways\nnever'
    in_bash 'runplan doc docker.exe@'
    is "$line" 'runplan doc docker.exec '
    in_bash 'runplan completion f@'
    is "$line" 'runplan completion fish '
    in_bash 'runplan help repl@'
    is "$line" 'runplan help replay '
}

@test "bash: params, and the values of one" {
    in_bash 'runplan params.plan --set sha@'
    is "$line" 'runplan params.plan --set share='
    in_bash 'runplan params.plan --set colour=@'
    is "$replies" $'blue\ngreen'
    in_bash 'runplan params.plan --set colour=gr@'
    is "$line" 'runplan params.plan --set colour=green '
    in_bash 'runplan params.plan --set=flag=f@'
    is "$line" 'runplan params.plan --set=flag=false '
}

@test "bash: questions are quoted" {
    in_bash 'runplan params.plan --confirm @'
    is "$line" 'runplan params.plan --confirm Deploy\ \$\{name\}\? '
    in_bash "runplan params.plan --confirm 'De@"
    is "$line" "runplan params.plan --confirm 'Deploy \${name}?' "
}

@test "bash: plans and directories, no other files; any file for a journal" {
    in_bash 'runplan check @'
    is "$replies" $'bin\nparams.plan\nplans\nwith space'
    in_bash 'runplan check with@'
    is "$line" 'runplan check with\ space/'
    in_bash 'runplan check with@@'
    is "$line" 'runplan check with\ space/c.plan '
    in_bash 'runplan check ~/par@'
    is "$line" 'runplan check ~/params.plan '
    in_bash 'runplan replay params.plan --journal no@'
    is "$line" 'runplan replay params.plan --journal notes.txt '
    in_bash 'runplan replay params.plan --journal=no@'
    is "$line" 'runplan replay params.plan --journal=notes.txt '
}

@test "zsh: the same, with descriptions" {
    in_zsh 'runplan sim@'
    is "$line" 'runplan simulate '
    in_zsh 'runplan run params.plan --env=pr@'
    is "$line" 'runplan run params.plan --env=production '
    in_zsh 'runplan params.plan --set sha@'
    is "$line" 'runplan params.plan --set share='
    in_zsh 'runplan params.plan --set colour=gr@'
    is "$line" 'runplan params.plan --set colour=green '
    in_zsh "runplan params.plan --confirm De@"
    is "$line" 'runplan params.plan --confirm Deploy\ \$\{name\}\? '
    in_zsh 'runplan check with@@'
    is "$line" 'runplan check with\ space/c.plan '
    in_zsh 'runplan check ~/par@'
    is "$line" 'runplan check ~/params.plan '
    in_zsh 'runplan replay params.plan --journal=no@'
    is "$line" 'runplan replay params.plan --journal=notes.txt '
    in_zsh 'runplan doc docker.exe@'
    is "$line" 'runplan doc docker.exec '
    in_zsh $'runplan run params.plan --\a'
    says "$(cat screen)" 'ask before each step'
    in_zsh $'runplan check \a'
    says "$(cat screen)" 'params.plan'
    says_not "$(cat screen)" 'notes.txt'
}

@test "zsh: as an autoloaded function" {
    mkdir functions
    runplan completion zsh >functions/_runplan
    export FPATH=$PWD/functions:$(zsh -fc 'print $FPATH')
    in_zsh 'runplan x'
    sed -i '/^source/d' .zshrc
    type_into 'zsh -d -i' 'runplan sim@'
    is "$line" 'runplan simulate '
}

@test "fish: the same, with descriptions" {
    in_fish 'runplan che'
    is "$out" $'check\tFind what is wrong in plans without running them'
    in_fish 'runplan run params.plan --qzx'
    is "$out" ''
    in_fish 'runplan run params.plan --ste'
    is "$out" $'--step\task before each step'
    in_fish 'runplan run params.plan --env=pr'
    is "$out" $'--env=production\tThe one that counts.'
    in_fish 'runplan run params.plan --env '
    is "$out" $'lab\tthe default\nproduction\tThe one that counts.'
    in_fish 'runplan params.plan --set sha'
    is "$out" $'share=\tpercent'
    in_fish 'runplan params.plan --set colour=g'
    is "$out" 'colour=green'
    in_fish 'runplan params.plan --confirm De'
    is "$out" $'Deploy ${name}?\tconfirm'
    in_fish 'runplan doc docker.exe'
    says "$out" 'docker.exec'
    in_fish 'runplan check wi'
    is "$out" 'with space/'
    in_fish 'runplan check with\ space/'
    is "$out" 'with space/c.plan'
    in_fish 'runplan check '
    is "$(grep -v config <<<"$out")" $'bin/\nparams.plan\nplans/\nwith space/'
    in_fish 'runplan check ~/par'
    is "$out" '~/params.plan'
    in_fish 'runplan replay params.plan --journal no'
    is "$out" 'notes.txt'
    in_fish 'runplan replay params.plan --journal=no'
    is "$out" '--journal=notes.txt'
}
