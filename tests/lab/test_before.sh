# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_before.sh: plans/pre_deploy.plan, on a repository with a small project; plans/rollback_feature.plan.

# A project that nothing is wrong with: tagged v1, two commits since.
make_project() {
    project=$work/project
    rm -rf "$project" "$work/records"
    mkdir -p "$project"
    in_project init -q -b main .
    printf '# pinned\ndjango==4.2.7\npsycopg2-binary==2.9.9\n' >"$project/requirements.txt"
    echo '{"dependencies": {"react": "18.2.0"}, "devDependencies": {"vite": "5.0.12"}}' >"$project/package.json"
    echo 'test "$1" != broken' >"$project/check.sh"
    in_project add -A
    in_project commit -qm "The release that is live"
    in_project tag -am v1 v1
    in_project commit -q --allow-empty -m "Log in again"
    in_project commit -q --allow-empty -m "Materials in half the time; \$(reboot) \"quoted\""
    printf '%s=x\n' SECRET_KEY ENVIRONMENT DATABASE_URL REDIS_URL YOOKASSA_SHOP_ID YOOKASSA_SECRET_KEY ALLOWED_HOSTS \
        FRONTEND_URL >"$work/env.production"
}
in_project() { git -C "$project" -c user.name=Ada -c user.email=ada@example.org "$@"; }
before() {
    plan pre_deploy.plan --set version=v2 --set "source=$project" --set "env_file=$work/env.production" \
        --set "records=$work/records" "${outside[@]}" \
        --set 'frontend_build=["sh", "-c", "mkdir -p dist && echo app >dist/app.js"]' \
        --set 'code_checks=[{ name: "tests", command: ["sh", "check.sh"] }, { name: "style", command: ["sh", "-n", "check.sh"] }]' "$@"
}
redis() { docker exec "${LAB_PREFIX}redis" redis-cli "$@"; }

test_before_a_deployment() {
    make_project
    redis set feature_flag_chat off >/dev/null
    remember
    before --set attended=true --yes
    equals "exit code" "$code" 0
    replays
    equals "nine items are signed" "$(grep -c 'person .*yes' "$work/out")" 9
    check "the notice tells the changes" grep -qxF -- "- Log in again" "$work/records/"notice_v2_*.txt
    check "as they are" grep -qxF -- '- Materials in half the time; $(reboot) "quoted"' "$work/records/"notice_v2_*.txt
    equals "and only those" "$(grep -c '^- ' "$work/records/"notice_v2_*.txt)" 2
    equals "the flags" "$(grep '^- ' "$work/records/"flags_*.md | tr '\n' ' ')" \
        "- knowledge_graph: ENABLED - chat: DISABLED - payments: ENABLED - scheduling: ENABLED - reports: ENABLED "
    never_says "$(cat "$LAB_STATE/postgres.password")"
    nothing_changed
    redis del feature_flag_chat >/dev/null
}

test_before_a_deployment_every_problem_at_once() {
    make_project
    printf 'django>=4\nrequests\n' >"$project/requirements.txt"
    echo '{"dependencies": {"react": "^18.2.0"}}' >"$project/package.json"
    sed -i '/REDIS_URL/d; s/FRONTEND_URL=x/FRONTEND_URL=/' "$work/env.production"
    before --set 'code_checks=[{ name: "tests", command: ["sh", "check.sh", "broken"] }, { name: "style", command: ["no-such-program"] }]' \
        --set 'frontend_build=["sh", "-c", "echo no space >&2; exit 3"]'
    equals "exit code" "$code" 1
    says "django>=4"
    says "requests"
    says "react ^18.2.0"
    says "REDIS_URL"
    says "FRONTEND_URL"
    says "no-such-program"
    says "uncommitted"
    says "7 of 12 checks failed"
    check "no notice is written" [ ! -e "$work/records" ]
}

test_feature_turned_off_and_on_again() {
    plan rollback_feature.plan --set feature=chat --set "redis_address=127.0.0.1:$LAB_PORT_REDIS"
    equals "exit code" "$code" 0
    equals "the flag in Redis" "$(redis get feature_flag_chat)" off
    equals "what users get" "$(curl -s -o /dev/null -w '%{http_code}' "$SITE/chat/")" 404
    replays
    plan rollback_feature.plan --set feature=chat --set "redis_address=127.0.0.1:$LAB_PORT_REDIS"
    says "it is off already"
    redis set feature_flag_chat on >/dev/null

    # The backends do not hear of it, so what was there comes back.
    docker pause "${LAB_PREFIX}backend-blue" >/dev/null
    plan rollback_feature.plan --set feature=chat --set "redis_address=127.0.0.1:$LAB_PORT_REDIS" --set flag_seen_within=2s
    docker unpause "${LAB_PREFIX}backend-blue" >/dev/null
    equals "exit code" "$code" 1
    equals "the flag in Redis is what it was" "$(redis get feature_flag_chat)" on
    plan rollback_feature.plan --set feature=chta --set "redis_address=127.0.0.1:$LAB_PORT_REDIS"
    equals "a feature that is not there" "$code" 4
    redis del feature_flag_chat >/dev/null
}
