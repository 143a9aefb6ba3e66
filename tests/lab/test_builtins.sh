# shellcheck shell=bash disable=SC2154  # code, work: lib.sh
# test_builtins.sh: builtins on the lab's real engine, compose file and database. What is true is asked of docker and
# psql, not of runplan.

# run_text [OPTIONS] <<PLAN: runs the plan on standard input; leaves code and $work/out.
run_text() {
    cat >"$work/text.plan"
    "$RUNPLAN" run "$work/text.plan" "$@" >"$work/out" 2>&1 </dev/null
    code=$?
}
database_url() { printf 'postgres://postgres:%s@127.0.0.1:%s/%s' "$(<"$LAB_STATE/postgres.password")" "$LAB_PORT_PG" "$1"; }

test_exec_tells_its_code_and_keeps_its_outputs_apart() {
    run_text --set "box=${LAB_PREFIX}redis" <<'PLAN'
plan "Codes"
param box: string
step "Codes" {
  let said = docker.probe(box, ["sh", "-c", "printf out; printf err >&2; exit 7"], ok: [7])
  verify {
    expect "code"   said.code == 7
    expect "stdout" said.stdout == "out"
    expect "stderr" said.stderr == "err"
  }
  let input = docker.probe(box, ["cat"], input: "through a pipe: $(id) 'é\n")
  verify { expect "input" input.stdout == "through a pipe: $(id) 'é\n" }
  let words = docker.probe(box, ["printf", "<%s>", "a b", "", "*", "$HOME", "'"])
  verify { expect "words" words.stdout == "<a b><><*><$HOME><'>" }
}
PLAN
    equals "exit code" "$code" 0
    run_text --set "box=${LAB_PREFIX}redis" <<'PLAN'
plan "Failure"
param box: string
step "Failure" { docker.probe(box, ["sh", "-c", "echo why >&2; exit 3"]) }
PLAN
    check "a code other than 0 fails" [ "$code" != 0 ]
    says why
}

test_exec_that_is_cut_off_leaves_no_process() {
    run_text --set "box=${LAB_PREFIX}redis" <<'PLAN'
plan "Too long"
param box: string
step "Too long" {
  docker.exec(box, ["sleep", "321"], timeout: 1s)
  rollback { log "back" }
}
PLAN
    equals "exit code" "$code" 1
    says back
    equals "processes that are left" "$(docker top "${LAB_PREFIX}redis" -eo pid,args | grep -c 'sleep 321')" 0
}

test_compose_up_is_idempotent_and_touches_one_service() {
    local before id
    before=$(docker ps -q | sort)
    cat >"$work/up.plan" <<'PLAN'
plan "Up"
param file: path
step "Up" {
  compose.up("backend-1", file: file, env: { VERSION: "v2" })
  wait until docker.health(container) == "healthy" within 30s every 250ms
  rollback { docker.rm(container, force: true) }
}
param container: string
PLAN
    for _ in 1 2; do
        run_text --set file=lab/docker-compose.yml --set "container=${LAB_PREFIX}backend-1" <"$work/up.plan"
        equals "exit code" "$code" 0
        [ -n "${id:-}" ] || id=$(docker ps -q --no-trunc --filter "name=${LAB_PREFIX}backend-1")
    done
    equals "the same container after the second time" "$(docker ps -q --no-trunc --filter "name=${LAB_PREFIX}backend-1")" "$id"
    equals "its image" "$(docker inspect -f '{{.Config.Image}}' "$id")" "$LAB_IMAGE:v2"
    equals "all others as before" "$(docker ps -q | grep -v "^${id:0:12}" | sort)" "$before"
}

dead_containers() { docker ps -aq --filter status=exited --filter status=created | wc -l; }

test_compose_build_of_an_unknown_version_says_why() {
    local before
    before=$(dead_containers)
    run_text --set file=lab/docker-compose.yml <<'PLAN'
plan "Build"
param file: path
step "Build" { compose.build("backend-1", file: file, env: { VERSION: "v99" }) }
PLAN
    equals "exit code" "$code" 1
    says v99
    check "there is no such image" [ -z "$(docker images -q "$LAB_IMAGE:v99")" ]
    equals "containers left by the build" "$(dead_containers)" "$before"
}

test_dump_restore_and_rename() {
    local url
    url=$(database_url thebot_db)
    psql -d thebot_db -c "INSERT INTO materials_material (title, body, owner_id) SELECT 'it''s \"\$1\" é', repeat('x', 100000), 1"
    LAB_URL_SECRET=$url run_text --set "to=$work/whole.dump" <<'PLAN'
plan "Copy"
param to: path
secret server = env("LAB_URL_SECRET")
defaults { pg.url = server }
step "Copy" {
  let dump = pg.dump(to: to)
  pg.create_database("thebot_copy")
  pg.restore(from: dump.path, database: "thebot_copy")
  pg.rename_database(from: "thebot_copy", to: "thebot_renamed")
  let title = "it's \"$1\" é"
  verify {
    expect "the row is there" pg.query("SELECT count(*) AS n FROM materials_material WHERE title = ${title}", database: "thebot_renamed")[0].n == 1
    expect "the sum is the file's" dump.sha256 == file.sha256(to)
  }
  rollback { pg.drop_database("thebot_copy", force: true) }
}
PLAN
    equals "exit code" "$code" 0
    equals "the databases" "$(psql -c "SELECT datname FROM pg_database WHERE datname LIKE 'thebot_%' ORDER BY 1" | tr '\n' ' ')" \
        "thebot_db thebot_renamed thebot_seed "
    equals "its rows" "$(psql -d thebot_renamed -c 'SELECT count(*), sum(length(body)) FROM materials_material')" \
        "$(psql -d thebot_db -c 'SELECT count(*), sum(length(body)) FROM materials_material')"
    never_says "$(<"$LAB_STATE/postgres.password")"

    head -c 2000 "$work/whole.dump" >"$work/cut.dump"
    run_text --set "dump=$work/cut.dump" <<'PLAN'
plan "Cut"
param dump: path
step "Cut" { verify { expect "it can be read" pg.inspect(dump).tables > 0 } }
PLAN
    check "a dump that was cut off is refused" [ "$code" != 0 ]
}

# Nobody may be hurt by a value that looks like SQL.
test_hostile_value_in_sql() {
    local url
    url=$(database_url thebot_db)
    LAB_URL_SECRET=$url run_text --set "title='; DROP TABLE materials_material; --" <<'PLAN'
plan "Hostile"
param title: string
secret server = env("LAB_URL_SECRET")
defaults { pg.url = server }
step "Hostile" {
  pg.exec("INSERT INTO materials_material (title, body, owner_id) VALUES (${title}, ${title}, 1)")
  rollback { pg.exec("DELETE FROM materials_material WHERE title = ${title}") }
}
PLAN
    equals "exit code" "$code" 0
    equals "the row" "$(psql -d thebot_db -c "SELECT title FROM materials_material ORDER BY id DESC LIMIT 1")" \
        "'; DROP TABLE materials_material; --"
}

test_failed_statement_changes_nothing() {
    local url
    url=$(database_url thebot_db)
    LAB_URL_SECRET=$url run_text <<'PLAN'
plan "Half"
secret server = env("LAB_URL_SECRET")
defaults { pg.url = server }
step "Half" {
  pg.exec("UPDATE materials_material SET title = 'changed'; INSERT INTO no_such_table VALUES (1)")
  rollback { log "back" }
}
PLAN
    equals "exit code" "$code" 1
    says no_such_table
    equals "changed rows" "$(psql -d thebot_db -c "SELECT count(*) FROM materials_material WHERE title = 'changed'")" 0
}
