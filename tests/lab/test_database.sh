# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_database.sh: plans/backup.plan and plans/restore_database.plan.

# shellcheck disable=SC2016  # as it stands in the plan
CONSENT='Restore ${database_name} from this backup?=RESTORE CONFIRM'
open_databases() { psql -c "SELECT datname, datallowconn FROM pg_database WHERE datname LIKE 'thebot_db%' ORDER BY 1" | tr '\n' ' '; }
materials() { psql -d thebot_db -c 'SELECT count(*) FROM materials_material'; }
add_materials() { psql -d thebot_db -c "INSERT INTO materials_material (title, body, owner_id) SELECT 'more', 'text', 1 FROM generate_series(1, $1)"; }

test_backup_is_restored_to_prove_it() {
    remember
    load_start
    plan backup.plan
    load_end
    equals "exit code" "$code" 0
    says "public.materials_material has its rows"
    says "restores: $(psql -d thebot_db -c 'SELECT (SELECT count(*) FROM materials_material) + (SELECT count(*) FROM accounts_user) +
        (SELECT count(*) FROM chat_message) + (SELECT count(*) FROM schema_migrations)') rows"
    equals "a dump is there" "$(dumps | grep -c 'thebot_.*\.dump$')" 1
    nobody_noticed
    nothing_changed
    replays

    # The same dump, cut off.
    head -c "$(($(stat -c %s "$(dumps)") / 2))" "$(dumps)" >"$work/cut.dump"
    plan backup.plan --set "dump=$work/cut.dump"
    equals "exit code for a dump that was cut off" "$code" 1
    nothing_changed
}

test_restore_takes_the_place_of_the_live_database() {
    plan backup.plan
    equals "exit code of the backup" "$code" 0
    local backed_up
    backed_up=$(materials)
    add_materials 7
    load_start
    plan restore_database.plan --yes
    equals "exit code without the phrase" "$code" 5
    plan restore_database.plan --confirm "${CONSENT%=*}=restore"
    equals "exit code with another one" "$code" 4
    equals "rows" "$(materials)" "$((backed_up + 7))"

    plan restore_database.plan --confirm "$CONSENT"
    load_end
    equals "exit code" "$code" 0
    equals "rows" "$(materials)" "$backed_up"
    equals "the former database is kept, and no other" "$(open_databases | sed -E 's/[0-9]+T[0-9]+Z/WHEN/')" "thebot_db|t thebot_db_before_WHEN|t "
    equals "its rows" "$(psql -d "$(psql -c "SELECT datname FROM pg_database WHERE datname LIKE 'thebot_db_before_%'")" \
        -c 'SELECT count(*) FROM materials_material')" "$((backed_up + 7))"
    on_release v1 blue
    figure "restore: downtime" "$(downtime)" "not told"
    replays
}
# A dump that is whole and does not restore: its table belongs to a role that is gone.
dump_of_a_ghost() { # PATH
    psql -c 'CREATE ROLE ghost' -c 'CREATE DATABASE ghost'
    psql -d ghost -c 'CREATE TABLE haunted (id int)' -c 'ALTER TABLE haunted OWNER TO ghost'
    docker exec "${LAB_PREFIX}postgres" pg_dump -U postgres -Fc ghost >"$1"
    psql -c 'DROP DATABASE ghost' -c 'DROP ROLE ghost'
}

test_restore_that_fails_leaves_the_live_database() {
    plan backup.plan
    equals "exit code of the backup" "$code" 0
    head -c "$(($(stat -c %s "$(dumps)") / 2))" "$(dumps)" >"$work/cut.dump"
    dump_of_a_ghost "$work/ghost.dump"
    add_materials 7
    remember
    load_start
    plan restore_database.plan --set backup=/nowhere.dump --confirm "$CONSENT"
    equals "exit code for a dump that is not there" "$code" 1
    plan restore_database.plan --set "backup=$work/cut.dump" --confirm "$CONSENT"
    equals "exit code for a dump that was cut off" "$code" 1
    plan restore_database.plan --set "backup=$work/ghost.dump" --confirm "$CONSENT"
    equals "exit code for a dump that does not restore" "$code" 1
    says 'role "ghost" does not exist'
    load_end
    equals "failed requests" "$(of_load .failed)" 0
    nothing_changed
}

long_restore_interrupted_in_the_middle_of_the_swap() {
    plan backup.plan
    equals "exit code of the backup" "$code" 0
    add_materials 7
    remember
    plan_start restore_database.plan --confirm "$CONSENT"
    check "the run comes to the swap" happened effect.started pg.rename_database
    kill -INT "$run"
    plan_end
    equals "exit code" "$code" 130
    nothing_changed
    until [ "$(live database)" = ok ]; do sleep 0.1; done
}

long_restore_of_a_newer_schema_than_the_release() {
    plan backup.plan
    equals "exit code of the backup" "$code" 0
    live_now v2 || return
    load_start
    plan restore_database.plan --confirm "$CONSENT"
    load_end
    equals "exit code" "$code" 0
    says "pending: materials.0002_difficulty"
    equals "migrations" "$(psql -d thebot_db -c 'SELECT count(*) FROM schema_migrations')" 4
    on_release v2 green
}
