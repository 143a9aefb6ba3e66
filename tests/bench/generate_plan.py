#!/usr/bin/env python3
"""Writes a plan of a wanted size that checks: what parser, checker and formatter are measured with.

    generate_plan.py BYTES [SEED]                 one file, on standard output
    generate_plan.py BYTES [SEED] --into FOLDER   main.plan and the files that it imports, about 16 KB each

The text has at least BYTES bytes, and at most one service's part (some 4 KB) more. It is a deployment of many
services, each written as plans/blue_green.plan and its library are: params, constants, funcs, tasks, thresholds,
steps with checks and a way back, strings with interpolation, queries, comments. Names, titles, numbers and which
parts a service has follow SEED (1 where it is left out): the same arguments give the same bytes.
"""
import argparse
import os
import random

WORDS = """account admin archive audit banner basket billing booking cache calendar catalog chat checkout content
coupon courier crawler delivery digest directory email export feed forum gallery gateway import index inventory
invoice journal ledger library listing locale login mailer market media member message metrics mirror newsletter
notice offer order partner payment picture planner pricing profile promo proxy queue rating receipt record refund
region registry report review route schedule search session shipping signup snapshot stock storage studio survey
tax thumbnail ticket timeline token tracking upload vendor video voucher wallet warehouse webhook widget""".split()

REASONS = [
    "The old release goes on working with the new schema, so it is watched while the schema changes.",
    "Docker's verdict ends the waiting, a bad one too.",
    "Each bound is on one colour, so that the release that is being judged is not flattered by the old one.",
    "The upstream's file is the only place that says which colour is live, so it is read to find out.",
    "nginx reloads in the background: its old workers may still answer for a moment after `reload` returns.",
    "Nobody waits for a demonstration, so the lab is quick.",
    "Only a release that ships a migration can take it back; all of this runs in the new one's container.",
]

SHARED = '''# What all services of this deployment share: where they run, who measures them, who is told.
param container_prefix: string = "shop-" "What the containers' names begin with"
param prometheus: url = "http://127.0.0.1:19090" "Who measures the services"
param deployment_log: path = "lab/state/deployments.log" "A line for every deployment"
param version: string = "v2" where version matches '^v\\d+(\\.\\d+)*(-[a-z]+)?$' "The release to deploy"
param attended: bool = true "Whether a person confirms what only a person can know"

func other(colour: string): string {
  return if colour == "blue" { "green" } else { "blue" }
}

func release_of(image: string): string {
  return list.last(text.split(image, by: ":"))
}

task tell_team(news: string) "Write it into the deployment log" {
  notify.file(deployment_log, news)
}

'''

HEAD = '''plan "Deployment of the shop" {
  lock "shop"
  timeout 6h
  rollback within 30m
}

defaults {
  prom.server = prometheus
  http.timeout = 5s
}

'''


class Service:
    """The parts of one service, as texts; everything that it declares ends in its own name."""

    def __init__(self, number, rng):
        self.rng = rng
        self.name = f"{rng.choice(WORDS)}_{number}"
        self.title = self.name.replace("_", " ")
        self.port = 18000 + rng.randrange(2000)
        self.colour = rng.choice(["blue", "green"])
        self.variables = [f"{rng.choice(WORDS).upper()}_{rng.choice(['URL', 'KEY', 'HOST'])}_{n}"
                          for n in range(rng.randrange(3, 9))]

    def comment(self):
        return f"# {self.rng.choice(REASONS)}\n" if self.rng.random() < 0.6 else ""

    def settings(self):
        n, r = self.name, self.rng
        variables = "".join(f'  "{v}",\n' for v in self.variables)
        return f'''# ---- {self.title} ----

param {n}_address: url = "http://127.0.0.1:{self.port}" "The {self.title} service as its users reach it"
param {n}_soak: duration = {r.randrange(1, 20)}m "How long a new release of {self.title} is watched"
param {n}_workers: int = {r.randrange(1, 64)} where {n}_workers > 0 and {n}_workers <= 64 "Processes of {self.title}"

{self.comment()}let {n}_variables = [
{variables}]

let {n}_check = ["python", "manage.py", "check", "--deploy", "--tag={n}"]

'''

    def callables(self):
        n, r = self.name, self.rng
        return f'''func {n}_container(colour: string): string {{
  return "${{container_prefix}}{n}-${{colour}}"
}}

{self.comment()}func {n}_pending(migrations: list(any)): list(string) {{
  return ["${{m.app}}.${{m.name}}" for m in migrations if not m.applied]
}}

func {n}_grade(size: int, share: percent): string {{
  let weight = size * {r.randrange(2, 9)} + {n}_workers mod {r.randrange(2, 9)}
  if weight > {r.randrange(100, 900)} and share >= {r.randrange(1, 90)}% or size == 0 {{
    return "heavy"
  }}
  return match weight mod 3 {{
    0 => "light"
    1 => "even (${{weight}})"
    else => "odd, ${{text.upper("{n}")}}"
  }}
}}

# `manage.py showmigrations --plan` prints `[X]  app.name` where a migration is applied.
task {n}_migrations(colour: string): list(any) "The migrations that {self.title} knows" {{
  let listing = docker.probe({n}_container(colour), ["python", "manage.py", "showmigrations", "--plan"])
  return [
    {{ app: line.groups[1], name: line.groups[2], applied: line.groups[0] == "X" }}
    for line in re.all('(?m)^\\[([X ])\\]  (\\w+)\\.(\\w+)$', listing.stdout)
  ]
}}

task {n}_put_back(colour: string, workers: int) "Leave {self.title} as it stood before" {{
  docker.exec({n}_container(colour), ["sh", "/srv/scale.sh", "--workers", "${{workers}}"], timeout: {r.randrange(1, 9)}m)
  wait until docker.health({n}_container(colour)) == "healthy" within {r.randrange(20, 90)}s every 500ms
}}

threshold {n}_errors(colour: string, max: percent = {r.randrange(1, 9)}%) "Share of answers of {self.title} that are 5xx" {{
  measure prom.query("""
    sum(rate(http_requests_total{{service="{n}", color="${{colour}}", status=~"5.."}}[1m]))
      / sum(rate(http_requests_total{{service="{n}", color="${{colour}}"}}[1m]))
    """) as ratio
  must < max
  every {r.randrange(1, 15)}s
  breach after 2 of 3
  no data tolerate 3
  action "Read the logs of {self.title}; it has answered its users with errors"
}}

'''

    def steps(self):
        n, r = self.name, self.rng
        seconds = r.randrange(2, 30)
        extra = f'''      if attended {{
        manual "The rollback of {self.title} has been reviewed"
      }}
''' if r.random() < 0.3 else ""
        return f'''phase "{self.title}" expect {r.randrange(1, 5)}m..{r.randrange(6, 30)}m {{
  step {n}_before "Find out how {self.title} stands" {{
    let found = docker.inspect({n}_container("{self.colour}"))
    let release = release_of(found.image)
    let missing = [name for name in {n}_variables if not name in found.env]
    require release != version else "${{version}} of {self.title} is live already"
    verify {{
      expect "{self.title} is healthy"                found.health == "healthy"
      expect "no variable of it is missing"  missing == []
      expect "its settings are fit for users" docker.probe(found.name, {n}_check).code == 0
      expect "it answers"                     http.get("${{{n}_address}}/health/").status == 200 within {seconds}s every 1s
{extra}    }}
    log "${{release}} of {self.title} is live, ${{version}} will follow"
  }}

{self.comment()}  step {n}_scale "Scale {self.title} to ${{{n}_workers}}, ${{version}}" {{
    timeout {r.randrange(2, 20)}m
    let before = {n}_migrations("{self.colour}")
    skip if {n}_pending(before) == [] because "no migration of {self.title} is pending"
    log "pending: ${{list.join({n}_pending(before))}}, ${{{n}_grade({r.randrange(1000)}, {r.randrange(1, 99)}%)}}"
    watch {n}_errors("{self.colour}") {{
      docker.exec({n}_container("{self.colour}"), ["python", "manage.py", "migrate", "--noinput"], timeout: 10m)
    }}
    for attempt in 1..{r.randrange(2, 6)} {{
      let answer = http.get("${{{n}_address}}/materials/?page=${{attempt}}")
      if answer.status != 200 or answer.time > {r.randrange(200, 900)}ms {{
        warn "page ${{attempt}} of {self.title}: ${{answer.status}} after ${{answer.time}}"
      }}
    }}
    rollback {{
      {n}_put_back("{self.colour}", {n}_workers)
    }}
  }}

  step {n}_proof "Users are served well by {self.title} ${{version}}" {{
    hold {n}_soak watching {n}_errors(other("{self.colour}"))
    tell_team("{self.title} is at ${{version}}, was ${{{n}_before.release}}")
  }}
}}

'''


def one_file(size, rng):
    parts, length, number = ['# A generated plan: see tests/bench/generate_plan.py.\n', HEAD, SHARED], 0, 0
    length = sum(map(len, parts))
    while length < size:
        service = Service(number, rng)
        text = service.settings() + service.callables() + service.steps()
        parts.append(text)
        length += len(text)
        number += 1
    return "".join(parts)


def many_files(size, rng, folder):
    os.makedirs(folder, exist_ok=True)
    main, length, number = [], len(SHARED) + len(HEAD), 0

    def write(name, text):
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)

    write("shared.plan", SHARED)
    imports = ['import "shared.plan"\n']
    while length < size:
        library = ['import "shared.plan"\n\n']
        for number in range(number, number + 6):
            service = Service(number, rng)
            library += [service.settings(), service.callables()]
            main.append(service.steps())
            length += len(main[-1])
        number += 1
        text = "".join(library)
        length += len(text)
        name = f"services_{number}.plan"
        imports.append(f'import "{name}"\n')
        write(name, text)
    write("main.plan", "".join(imports) + "\n" + HEAD + "".join(main))


def main():
    parser = argparse.ArgumentParser(description="Write a large plan that checks.")
    parser.add_argument("bytes", type=int)
    parser.add_argument("seed", type=int, nargs="?", default=1)
    parser.add_argument("--into", metavar="FOLDER")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    if options.into:
        many_files(options.bytes, rng, options.into)
    else:
        print(one_file(options.bytes, rng), end="")


main()
