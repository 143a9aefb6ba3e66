# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_backups.sh: plans/backup_config.plan.

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
