# Completion of runplan for bash. Made by: runplan completion bash

_runplan() {
    local rest=${COMP_LINE:0:COMP_POINT} words=() word trimmed line candidate current start='' quote='' files='' filter='' i
    COMPREPLY=()
    # COMP_WORDS is also cut at = and : (COMP_WORDBREAKS): words with no blank between them belong together.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        word=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then word=$trimmed; fi
        if ((i > 0)) && [[ $trimmed == "$rest" && -n $word ]]; then
            words[${#words[@]}-1]+=$word
        else
            words+=("$word")
        fi
        rest=${trimmed#"$word"}
    done
    i=$((${#words[@]} - 1))
    current=${words[i]}
    case $current in [\'\"]*) quote=${current:0:1} ;; esac
    words=("${words[@]//[\\\'\"]/}")
    current=${words[i]}
    # What stands before the last = or : is on the line already.
    if [[ -z $quote && $current == *[=:]* ]]; then
        start=${current%"${current##*[=:]}"}
        case $COMP_WORDBREAKS in *[=:]*) ;; *) start='' ;; esac
    fi
    while IFS= read -r line; do
        candidate=${line%%$'\t'*}
        case $candidate in
            :plans) files=1 filter='!*.plan' ;;
            :files) files=1 ;;
            "$current"*)
                case $candidate in *[=@]) compopt -o nospace 2>/dev/null ;; esac
                candidate=${candidate#"$start"}
                if [[ -z $quote ]]; then printf -v candidate %q "$candidate"; fi
                COMPREPLY+=("$candidate")
                ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" complete -- "${words[@]:1}" 2>/dev/null)
    if [[ -n $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
            { compgen -d -- "${current#"$start"}"; compgen -f ${filter:+-X "$filter"} -- "${current#"$start"}"; } | sort -u)
    fi
}
complete -F _runplan runplan
