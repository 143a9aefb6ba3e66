# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_backups.sh: plans/backup_config.plan, the archive of plans/backup.plan, and the backup of a developer.

test_backup_of_the_configuration() {
    local folder file
    remember
    rm -rf "$LAB_STATE"/backups/config_*
    plan backup_config.plan
    equals "exit code" "$code" 0
    replays
    folder=$(find "$LAB_STATE/backups" -maxdepth 1 -name 'config_*')
    check "the sums are right" bash -c "cd '$folder' && sha256sum --quiet -c SHA256SUMS"
    for file in docker-compose.yml .env state/backend.env state/nginx/upstream.conf; do
        check "$file is what is there" cmp -s "lab/$file" "$folder/lab/$file"
    done
    check "nginx's own words" grep -q '^http {' "$folder/nginx-T.conf"
    equals "who may read it" "$(find "$folder" -perm /077)" ""
    equals "the modes of the originals" "$(awk '$2 == "lab/state/backend.env" { print $1 }' "$folder/MODES")" 0600
    # Secrets are in the copies, and nowhere else.
    never_says "$(cat "$LAB_STATE/postgres.password")"
    check "nor are they on record" bash -c "! grep -qF '$(cat "$LAB_STATE/postgres.password")' '$work/journal'"
    rm -rf "$folder"
    nothing_changed

    plan backup_config.plan --set 'config_files=["lab/.env", "lab/no-such-file", "lab/none"]'
    equals "exit code where files are missing" "$code" 1
    says "lab/no-such-file"
    says "lab/none"
    equals "nothing was begun" "$(find "$LAB_STATE/backups" -name 'config_*')" ""
}

long_backup_is_archived() {
    local store=http://127.0.0.1:$LAB_PORT_S3 name
    lab/lab.sh up s3 >"$work/up" 2>&1 || { fail "no store: $(tail -n 2 "$work/up")"; return; }
    plan backup.plan --set "archive=$store" --set "archive_secret_file=$LAB_STATE/archive.secret"
    equals "exit code" "$code" 0
    replays
    name=$(basename "$(dumps | grep '\.dump$')")
    says "thebot/$name is in backups at $store"
    cat >"$work/get.plan" <<PLAN
plan "Read it back" {}
secret key = file("$LAB_STATE/archive.secret")
step "Get it" {
  s3.get("backups", "thebot/$name", to: "$work/from_archive", endpoint: "$store", access_key: "lab:operator", secret_key: key)
}
PLAN
    check "it can be got from there" "$RUNPLAN" run --quiet "$work/get.plan"
    check "the archive has it byte for byte" cmp -s "$work/from_archive" "$LAB_STATE/backups/$name"
    never_says "$(cat "$LAB_STATE/archive.secret")"

    # The store looks at the signature.
    echo another-secret >"$work/wrong.secret"
    plan backup.plan --set "archive=$store" --set "archive_secret_file=$work/wrong.secret"
    equals "exit code of a wrong key" "$code" 1
    says SignatureDoesNotMatch
}

test_backup_of_a_developers_database() {
    local copy
    plan backup.plan --env development --set "sqlite_database=$LAB_STATE/development.sqlite3"
    equals "exit code" "$code" 0
    copy=$(find "$LAB_STATE/backups" -name 'thebot_*.sqlite3')
    equals "what is in it" "$(python3 -c "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(
        'SELECT (SELECT count(*) FROM materials_material), (SELECT count(*) FROM chat_message)').fetchone())" "$copy")" "200 50"
    equals "no part of it is left" "$(find "$LAB_STATE/backups" -name '*.part')" ""
    rm -f "$copy"
    replays
}
