#compdef runplan
# Completion of runplan for zsh. Made by: runplan completion zsh

_runplan() {
    local word about line program=${~words[1]} files
    local -a whole begun
    for line in "${(@f)$("$program" complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        word=${line%%$'\t'*} about=
        if [[ $line == *$'\t'* ]]; then about=:${line#*$'\t'}; fi
        case $word in
            '') ;;
            :plans) files='*.plan(-.)' ;;
            :files) files='*' ;;
            *[=@]) begun+=("${${word//\\/\\\\}//:/\\:}$about") ;;
            *) whole+=("${${word//\\/\\\\}//:/\\:}$about") ;;
        esac
    done
    if (( $#whole )); then _describe -t values value whole; fi
    if (( $#begun )); then _describe -t values value begun -S ''; fi
    if [[ -n $files ]]; then
        if [[ $PREFIX == --*=* ]]; then compset -P '*='; fi
        _files -g "$files"
    fi
}

# Autoloaded from a file of fpath, or sourced.
if [[ $funcstack[1] == _runplan ]]; then
    _runplan "$@"
elif (( $+functions[compdef] )); then
    compdef _runplan runplan
fi
