# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_hotfix.sh: plans/hotfix.plan and after_hotfix.plan, on a repository with the backend's source.

# A repository whose branch hotfix/login and whose $work/hotfix.patch bring release v1.0.1. Critical tests: `sh check.sh`.
make_repository() {
    repository=$work/repository
    rm -rf "$repository" "$work/origin.git"
    git init -q --bare -b main "$work/origin.git"
    cp -r lab/backend "$repository"
    in_repository init -q -b main .
    echo "python3 -m json.tool releases.json >/dev/null" >"$repository/check.sh"
    in_repository add -A
    in_repository commit -qm "The release that is live"
    in_repository tag -am v1 v1
    in_repository remote add origin "$work/origin.git"
    in_repository push -q origin main v1
    in_repository checkout -qb hotfix/login
    jq '.["v1.0.1"] = .v1' "$repository/releases.json" >"$work/releases.json"
    cp "$work/releases.json" "$repository/releases.json"
    in_repository commit -qam "Log in again"
    in_repository push -q origin hotfix/login
    in_repository checkout -q main
    in_repository diff main hotfix/login >"$work/hotfix.patch"
}
in_repository() { git -C "$repository" -c user.name=Ada -c user.email=ada@example.org "$@"; }
tree() { in_repository status --porcelain; in_repository rev-parse HEAD; in_repository symbolic-ref -q HEAD; }
hotfix() {
    plan hotfix.plan --set version=v1.0.1 --set "source=$repository" --set "base_image=$LAB_BASE" \
        --set 'critical_tests=["sh", "check.sh"]' "$@"
}
confirmed=(--confirm "Deploy a hotfix to users, with minimal tests?=HOTFIX CONFIRM")

test_hotfix_from_a_branch_and_what_comes_after() {
    make_repository
    load_start
    hotfix --set branch=hotfix/login "${confirmed[@]}"
    load_end
    equals "exit code" "$code" 0
    on_release v1.0.1 green
    nobody_noticed
    figure "hotfix: downtime" "$(downtime)" "~1 min"
    equals "a dump for an emergency" "$(dumps | grep -c /emergency_)" 1
    replays

    export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.org GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.org
    plan after_hotfix.plan --set version=v1.0.1 --set "source=$repository" --set branch=origin/hotfix/login \
        --set "bug=nobody could log in" --set attended=true --set "tickets=$work/tickets" --yes
    unset GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
    equals "exit code of what comes after" "$code" 0
    equals "main is public" "$(git -C "$work/origin.git" log -1 --format=%s main)" "Hotfix v1.0.1: nobody could log in"
    equals "the tag is on it" "$(git -C "$work/origin.git" rev-parse 'v1.0.1^{commit}')" "$(git -C "$work/origin.git" rev-parse main)"
    equals "the items are signed" "$(grep -c 'person .*yes' "$work/out")" 5
    check "the ticket names the fix" grep -q '^- [0-9a-f]\{10\} Log in again (Ada)$' "$work/tickets/review_v1.0.1.md"
    check "and the bug" grep -q '^# \[POST-INCIDENT\] Fix for: nobody could log in$' "$work/tickets/review_v1.0.1.md"
    docker rmi -f "$LAB_IMAGE:v1.0.1" >/dev/null
}

long_hotfix_from_a_patch_with_the_wrong_phrase_first() {
    make_repository
    remember
    tree >"$work/tree"
    hotfix --set "patch=$work/hotfix.patch" --confirm "Deploy a hotfix to users, with minimal tests?=hotfix"
    equals "exit code of the wrong phrase" "$code" 4
    check "the tree is as it was" [ "$(tree)" = "$(cat "$work/tree")" ]
    equals "no dump" "$(dumps | grep -c /emergency_)" 0
    nothing_changed

    hotfix --set "patch=$work/hotfix.patch" "${confirmed[@]}"
    equals "exit code" "$code" 0
    on_release v1.0.1 green
    equals "the patch is in the tree" "$(in_repository status --porcelain)" " M releases.json"
    docker rmi -f "$LAB_IMAGE:v1.0.1" >/dev/null
}

# The fix makes errors while it is watched: traffic goes back, and so do the tree and what stood on the colour.
long_hotfix_with_errors_goes_back() {
    local verdict
    make_repository
    tree >"$work/tree"
    remember
    load_start
    plan_start hotfix.plan --set version=v1.0.1 --set "source=$repository" --set "base_image=$LAB_BASE" \
        --set 'critical_tests=["sh", "check.sh"]' --set branch=hotfix/login --set hotfix_watch=60s "${confirmed[@]}"
    check "the fix serves, and is watched" happened holding error_rate
    curl -sf -o /dev/null -d '{"error_rate": 0.5}' "http://127.0.0.1:$LAB_PORT_GREEN/fault/"
    plan_end
    load_end
    equals "exit code" "$code" 1
    says "error_rate"
    on_release v1 blue
    equals "no request was lost by a switch" "$(of_load '.failed - .by_status["500"]')" 0
    verdict=$(of_run '[.[] | select(.type == "sample" and .data.verdict == "breach")][0].wall / 1e9')
    figure "hotfix: rollback time" "$(seconds_between "$verdict" "$(of_load '.timeline[-1].settled')")" "< 1 min"
    check "the tree is as it was" [ "$(tree)" = "$(cat "$work/tree")" ]
    docker rmi -f "$LAB_IMAGE:v1.0.1" >/dev/null
    nothing_changed
    replays
}

test_hotfix_that_does_not_apply_or_does_not_pass() {
    make_repository
    remember
    tree >"$work/tree"
    sed 's/"v1": {/"v0": {/' "$work/hotfix.patch" >"$work/old.patch"
    hotfix --set "patch=$work/old.patch" "${confirmed[@]}"
    equals "exit code of a patch that does not apply" "$code" 1
    says "does not apply"
    check "the tree is as it was" [ "$(tree)" = "$(cat "$work/tree")" ]

    hotfix --set "patch=$work/hotfix.patch" "${confirmed[@]}" --set 'critical_tests=["false"]'
    equals "exit code of a test that fails" "$code" 1
    check "the tree is as it was" [ "$(tree)" = "$(cat "$work/tree")" ]

    hotfix --set branch=hotfix/login "${confirmed[@]}" --set 'critical_tests=["false"]'
    equals "the same from a branch" "$code" 1
    check "the tree is as it was" [ "$(tree)" = "$(cat "$work/tree")" ]

    hotfix --set branch=hotfix/none "${confirmed[@]}"
    equals "a branch that is not there" "$code" 1
    hotfix "${confirmed[@]}" --yes
    check "neither a branch nor a patch" [ "$code" != 0 ]
    says "a branch or a patch is named, not both"
    on_release v1 blue
    nothing_changed
}

test_merge_that_conflicts_leaves_main_alone() {
    make_repository
    echo '{}' >"$repository/releases.json"
    in_repository commit -qam "Something else"
    in_repository push -q origin main
    tree >"$work/tree"
    plan after_hotfix.plan --set version=v1.0.1 --set "source=$repository" --set branch=hotfix/login --set bug=bug --yes
    equals "exit code" "$code" 1
    check "the tree is as it was" [ "$(tree)" = "$(cat "$work/tree")" ]
    equals "no tag" "$(in_repository tag)" v1
}
