# shellcheck shell=bash disable=SC2154  # code, run, work: lib.sh
# test_migrations.sh: plans/migrate_check.plan, migrate.plan, migrate_back.plan and migrate_data.plan.

applied() { psql -d thebot_db -c 'SELECT app, name FROM schema_migrations ORDER BY 1, 2' | tr '\n' ' '; }
databases() { psql -c 'SELECT datname FROM pg_database ORDER BY 1' | tr '\n' ' '; }
of_v1='accounts|0001_initial chat|0001_initial materials|0001_initial '
of_v2='accounts|0001_initial chat|0001_initial materials|0001_initial materials|0002_difficulty '

long_migrations_tried_on_a_copy() {
    remember
    load_start
    plan migrate_check.plan --set version=v2
    equals "exit code" "$code" 0
    says "pending: materials.0002_difficulty"
    plan migrate_check.plan --set version=v2 --set trial_rows=false
    equals "exit code, on the schema alone" "$code" 0
    load_end
    nobody_noticed
    nothing_changed
    equals "no dump is left" "$(dumps | wc -l)" 0
}

# The second of its two migrations fails only where there are rows.
test_migration_that_fails_on_the_copy() {
    remember
    plan migrate.plan --set version=v2-badmigration --yes
    equals "exit code" "$code" 1
    says "reviewer_required"
    never_says "Apply materials"
    equals "migrations" "$(applied)" "$of_v1"
    nothing_changed
}

long_migrations_applied_and_taken_back() {
    load_start
    plan migrate.plan --set version=v2 --yes
    equals "exit code" "$code" 0
    says "Apply materials.0002_difficulty to thebot_db?"
    equals "migrations" "$(applied)" "$of_v2"
    equals "a dump was made first" "$(dumps | grep -c 'thebot_db_.*\.dump$')" 1
    replays
    plan migrate_back.plan --set version=v2 --set app=materials --set to=0001_initial --yes
    equals "exit code of the way back" "$code" 0
    equals "migrations after the way back" "$(applied)" "$of_v1"
    replays
    load_end
    nobody_noticed
    says "Take back 0002_difficulty of materials"
}

test_migrations_nobody_confirms() {
    remember
    plan migrate.plan --set version=v2
    check "it does not end well" [ "$code" != 0 ]
    equals "migrations" "$(applied)" "$of_v1"
    nothing_changed
}

# The table is locked by a session that never ends: the migration must neither wait nor make others wait.
long_migration_that_gets_no_lock() {
    psql -d thebot_db -c 'BEGIN; LOCK materials_material IN ROW SHARE MODE; SELECT pg_sleep(60)' >/dev/null 2>&1 &
    local locker=$!
    until [ "$(psql -c "SELECT count(*) FROM pg_locks WHERE mode = 'RowShareLock' AND relation IS NOT NULL" -d thebot_db)" -gt 0 ]; do
        sleep 0.1
    done
    load_start
    plan migrate.plan --set version=v2 --yes --set lock_wait=300ms --set lock_tries=1
    load_end
    equals "exit code" "$code" 1
    says "lock timeout"
    says "(try 1 of 1)"
    equals "migrations" "$(applied)" "$of_v1"
    nobody_noticed
    psql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null
    wait "$locker"

    # Let go between two tries, it gets it.
    psql -d thebot_db -c 'BEGIN; LOCK materials_material IN ROW SHARE MODE; SELECT pg_sleep(60)' >/dev/null 2>&1 &
    locker=$!
    plan_start migrate.plan --set version=v2 --yes --set lock_wait=300ms --set lock_pause=2s
    check "the table was found locked" happened warning "a table is locked"
    psql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()" >/dev/null
    wait "$locker"
    plan_end
    equals "exit code" "$code" 0
    equals "migrations" "$(applied)" "$of_v2"
}

# Each row once more, in order: what is compared before and after.
rows_of_materials() { psql -d thebot_db -c 'SELECT md5(string_agg(m::text, chr(10) ORDER BY id)) FROM materials_material m'; }

test_data_migration_and_its_way_back() {
    local before
    psql -d thebot_db -c 'ALTER TABLE materials_material ADD COLUMN subtitle text' \
        -c "UPDATE materials_material SET subtitle = 'of its own ' || id WHERE id % 3 = 0"
    before=$(rows_of_materials)

    # Row 1500 cannot be written, whatever is tried.
    psql -d thebot_db -c "ALTER TABLE materials_material ADD CONSTRAINT no_1500 CHECK (id <> 1500 OR subtitle LIKE 'of its own%')"
    load_start
    plan migrate_data.plan --set table=materials_material --set old=title --set new=subtitle --set batch=250
    equals "exit code" "$code" 1
    says no_1500
    equals "row by row as before" "$(rows_of_materials)" "$before"
    equals "nothing is kept" "$(psql -d thebot_db -c "SELECT to_regclass('materials_material_subtitle_kept')")" ""
    replays

    psql -d thebot_db -c 'ALTER TABLE materials_material DROP CONSTRAINT no_1500'
    plan migrate_data.plan --set table=materials_material --set old=title --set new=subtitle --set batch=250
    equals "exit code" "$code" 0
    load_end
    nobody_noticed
    equals "rows that differ" "$(psql -d thebot_db -c 'SELECT count(*) FROM materials_material WHERE subtitle IS DISTINCT FROM title')" 0
    equals "what was there is kept" "$(psql -d thebot_db -c 'SELECT count(*), count(was) FROM materials_material_subtitle_kept')" "2000|666"
    plan migrate_data.plan --set table=materials_material --set old=title --set new=subtitle
    equals "a second run touches nothing" "$code" 4
    plan migrate_data.plan --set table=no_such --set old=title --set new=subtitle
    check "a table that is not there" [ "$code" = 1 ]
    says 'relation "no_such" does not exist'
    psql -d thebot_db -c 'DROP TABLE materials_material_subtitle_kept; ALTER TABLE materials_material DROP COLUMN subtitle'
}
