# What a run needs and has not: params, secrets, environments. All of it is named before the first effect.

load help

deployment() {
    plan notify <<'P'
plan "Notice" { }
param channel: string where channel matches '^#'
secret token = env("CHAT_TOKEN")
step "Tell" {
  exec(["touch", "told"], env: { T: token })
  rollback none "a notice"
}
P
    plan main <<'P'
import "lib.plan"
plan "Deployment" { }
param version: string where version matches '^v\d+$' "The release"
param channel: string = "#ops"
secret password = file("password")
secret key = credential("key")
step "Deploy" {
  exec(["touch", "deployed"], env: { P: password, K: key, D: database })
  rollback none "a test"
}
step "Tell" { run plan "notify.plan" { channel: channel } }
P
    plan lib <<'P'
param site: string = "main"
secret database = env("DATABASE_${site}")
P
    unset CHAT_TOKEN CREDENTIALS_DIRECTORY DATABASE_main DATABASE_other
}

@test "params, secrets and those of a child plan: all that is missing is named at once, where it is declared" {
    deployment
    run_plan main.plan --set channel=ops
    ends_with 2
    is "$err" 'runplan: what this run needs is not complete:
  `version` (string, main.plan:3) is missing: --set version=...  # The release
  the secret `database`: the environment variable DATABASE_main is not set: export it with the secret (lib.plan:2)
  the secret `password`: cannot read password: No such file or directory; the secret belongs there (main.plan:5)
  the secret `key`: there is no credential key, as CREDENTIALS_DIRECTORY is not set: have the service manager hand it over (LoadCredential=) (main.plan:6)
  `channel` of "Notice": "ops" does not satisfy `channel matches '"'^#'"'` (notify.plan:2)
  the secret `token` of "Notice": the environment variable CHAT_TOKEN is not set: export it with the secret (notify.plan:3)
Nothing was run.'
    [ ! -e deployed ]
}

@test "a param that breaks its where is named with the secrets; secrets alone end with 4, and no record is begun" {
    deployment
    export CHAT_TOKEN=chat-chat-chat DATABASE_other=other-other CREDENTIALS_DIRECTORY=$PWD
    echo key-key-key >key
    echo short >password
    run_plan main.plan --set version=1 --set site=other
    ends_with 2
    says "$err" '`version`: "1" does not satisfy `version matches '"'"
    says "$err" '` (main.plan:3)'
    says "$err" 'the secret `password`: the secret of the file password has fewer than 8 bytes'
    says_not "$err" DATABASE
    run_plan main.plan --set version=v1 --set site=other --journal record
    ends_with 4
    says "$err" 'fewer than 8 bytes'
    [ ! -e deployed ] && [ ! -e record ]
    echo long-enough >password
    run_plan main.plan --set version=v1 --set site=other
    ends_with 0
    [ -e deployed ] && [ -e told ]
}

@test "a secret of a child that the run perhaps never comes to is missed there, not at the start" {
    deployment
    plan sometimes <<'P'
plan "Sometimes" { }
step "Mark" {
  file.write("mark", "x")
  rollback { file.remove("mark") }
}
step "Perhaps" { if file.exists("wanted") { run plan "notify.plan" { channel: "#ops" } } }
step "Or not" {
  skip if not file.exists("wanted")
  run plan "notify.plan" { channel: "#ops" }
}
step "Whatever comes" {
  try { run plan "notify.plan" { channel: "#ops" } } catch problem { log "caught ${problem.message}" }
}
P
    run_plan sometimes.plan
    ends_with 0
    says "$err" 'caught missing secrets of "Notice": `token`: the environment variable CHAT_TOKEN is not set: export it with the secret (notify.plan:3)'
    touch wanted
    run_plan sometimes.plan
    ends_with 1
    [ ! -e mark ]
    says "$err" 'missing secrets of "Notice": `token`'
    plan always <<'P'
plan "Always" { }
param twice: bool = true
for name in ["a", "b"] { step "Tell ${name}" { if twice { run plan "notify.plan" { channel: "#ops" } } } }
P
    run_plan always.plan
    ends_with 4
    is "$err" 'runplan: what this run needs is not complete:
  the secret `token` of "Notice": the environment variable CHAT_TOKEN is not set: export it with the secret (notify.plan:3)
Nothing was run.'
    run_plan always.plan --set twice=false
    ends_with 0
}

@test "behind a return that is perhaps taken, nothing is certain" {
    deployment
    plan returns <<'P'
plan "Returns" { }
task tell() {
  if file.exists("quiet") { return }
  run plan "notify.plan" { channel: "#ops" }
}
step "Tell" { tell() }
P
    touch quiet
    run_plan returns.plan
    ends_with 0
    rm quiet
    run_plan returns.plan
    ends_with 4
    says "$err" 'missing secrets of "Notice"'
}

@test "an environment that is not there: what is near, or all there are, and where they stand" {
    plan one <<'P'
plan "One" { }
param server: string
environment staging { server = "s" }
environment production { server = "p" }
step "Show" { log server }
P
    run_plan one.plan --env stagign
    ends_with 2
    says "$err" 'there is no environment `stagign`; did you mean `staging` (one.plan:3)?'
    run_plan one.plan --env lab
    ends_with 2
    says "$err" 'there is no environment `lab`; there are: staging (one.plan:3), production (one.plan:4)'
    RUNPLAN_ENV=lab run_plan preview one.plan
    ends_with 2
    says "$err" 'there is no environment `lab`'
}

@test "a secret that somebody has to type, and nobody is at a terminal: refused at the start, a child's as well" {
    plan typed <<'P'
plan "Typed" { }
secret token = prompt("The token")
step "Use" {
  exec(["touch", "used"], env: { T: token })
  rollback none "a test"
}
P
    plan main <<'P'
plan "Main" { }
step "Mark" {
  file.write("mark", "x")
  rollback none "a test"
}
step "Use" { run plan "typed.plan" }
P
    run_plan main.plan
    ends_with 4
    says "$err" $'typed.plan:2:16: prompt "The token"\n  a secret from env(...) or file(...) needs nobody'
    [ ! -e mark ]
    run_plan check main.plan --unattended
    says "$out" 'typed.plan:2:16: prompt "The token"'
    run_plan main.plan --confirm 'The token=swordfish-9'
    ends_with 0
    [ -e used ]
}

@test "a URL that is none is named before anything runs: --set, the environment, and what a child is given" {
    plan child <<'P'
plan "Child" { }
param server: url
step "Show" { log server }
P
    plan main <<'P'
plan "Main" { }
param base: url
param host: string
step "Mark" { file.append("mark", "x") rollback none "a test" }
step "Child" { run plan "child.plan" { server: "http://${host}" } }
P
    sed -i 's/ { file.append("mark", "x") rollback none "a test" }/ {\n  file.append("mark", "x")\n  rollback none "a test"\n}/' main.plan
    run_plan main.plan --set base=example.org --set host=a:99999
    ends_with 2
    is "$err" 'runplan: what this run needs is not complete:
  `base`: `example.org` is not of type url (written like https://host:8443/path) (main.plan:2)
  `server` of "Child": "http://a:99999" is not of type `url` (child.plan:2)
Nothing was run.'
    [ ! -e mark ]
    run_plan main.plan --set base=https://example.org --set host=a:8080
    ends_with 0
}

@test "a call that fails in the run: where it stands, in the file in which it stands, once" {
    plan lib <<'P'
task show(place: string) {
  log "${http.get("${place}/x").status}"
}
P
    plan child <<'P'
import "lib.plan"
plan "Child" { }
step "Show" { show("nonsense") }
P
    plan main <<'P'
plan "Main" { }
step "Child" { run plan "child.plan" }
P
    run_plan main.plan
    ends_with 1
    is "$(grep -c 'at lib.plan:2:10' <<<"$err")" 1
    says "$err" "the base of a URL must begin with http://, https://, ws:// or wss:// and a host"
}

@test "a secret's file that is not there yet: a step may make it, so the run begins and says so" {
    plan uses <<'P'
plan "Uses" { }
secret token = file("token")
step "Use" {
  exec(["touch", "used"], env: { T: token })
  rollback none "a test"
}
P
    plan makes <<'P'
plan "Makes" { }
param make: bool = true
step "Make" {
  if make { random.secret(to: "token") }
  exec(["true"])
  rollback none "a test"
}
step "Use" { run plan "uses.plan" }
P
    run_plan makes.plan
    ends_with 0
    [ -e used ]
    says "$err" 'runplan: not there yet; unless a step sees to it, the run fails where it is wanted:
  the secret `token` of "Uses": cannot read token: No such file or directory; the secret belongs there (uses.plan:2)'
    rm used token
    run_plan makes.plan --set make=false
    ends_with 1
    says "$err" 'missing secrets of "Uses"'
    plan first <<'P'
plan "First" { }
step "Use" { run plan "uses.plan" }
P
    run_plan first.plan
    ends_with 4
    says "$err" 'what this run needs is not complete'
}
