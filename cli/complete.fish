# Completion of runplan for fish. Made by: runplan completion fish

function __runplan_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l typed (string replace -ra '[\\\\\'"]' '' -- $current)
    for line in ($words[1] complete -- $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case :plans
                __runplan_files "$typed" | string match -r '.*(?:/|\.plan)$'
            case :files
                set -l before (string match -r -- '^--[^=]*=' "$typed")
                __runplan_files (string replace -- "$before" '' "$typed") | string replace -r '^' -- "$before"
            case '*'
                printf '%s\n' $line
        end
    end
end

function __runplan_files
    set -l start (string replace -r '^~/' "$HOME/" -- $argv[1])
    set -l found $start*
    for file in $found
        if test -d $file
            set file $file/
        end
        printf '%s%s\n' $argv[1] (string sub -s (math (string length -- "$start") + 1) -- $file)
    end
end

complete -c runplan -f -a '(__runplan_complete)'
