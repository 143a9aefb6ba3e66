#!/usr/bin/env python3
"""Measures runplan beside what people use instead: `make bench`.

    bench.py [ROW...] [--rounds N] [--quick] [--keep] [--list]
    bench.py --smoke [--program RUNPLAN] [--tools FOLDER]

Each row runs its commands in rounds, one after the other (ours, peer, ours, peer ...), and compares medians of the same
run; a figure stands with half the distance between its quartiles. The servers are started here, on free ports of
127.0.0.1, and all is taken down at the end, also after Ctrl-C. A peer that is not installed is told as missing.

--quick: fewer rounds. --keep: the table goes into docs/performance.md as well. --smoke: one round of tiny counts, to
test that every row still runs; it starts no Docker engine, and its figures mean nothing.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
import traceback
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PAGE = os.path.join(ROOT, "docs", "performance.md")
BEGIN, END = "<!-- table: make bench KEEP=1 -->", "<!-- end of table -->"
COMMAND_SECONDS = 120  # what ends a command that hangs
SERVER_SECONDS = 30  # for a server to answer
CELL_MAX = 200  # characters of a message in the table

os.environ["PATH"] += ":/usr/sbin:/sbin"


class Missing(Exception):
    """A program or an engine that a row needs is not there."""

    def each(self, _):
        return self

    def __str__(self):
        return f"missing: {self.args[0]}"


class Failed(Missing):
    """A command that was measured ended with an error."""

    def __str__(self):
        return f"failed: {self.args[0]}"


# ---- figures ----

UNITS = {"s": [(1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")], "B": [(1 << 20, "MB")], "B/s": [(1e6, "MB/s")]}


class Figure:
    """What several rounds measured of the same: seconds, bytes, or bytes a second."""

    def __init__(self, values, unit="s"):
        self.values, self.unit = sorted(values), unit
        self.median = statistics.median(self.values)

    def spread(self):
        """Half the distance between the quartiles, as a share of the median."""
        if len(self.values) < 2 or self.median == 0:
            return 0
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive")
        return abs(high - low) / 2 / abs(self.median)

    def range(self):
        """From the lower to the upper quartile, in milliseconds: of what may be less than nothing."""
        low, _, high = statistics.quantiles(self.values, n=4, method="inclusive") if len(self.values) > 1 else self.values * 3
        return f"{low * 1e3:+.1f} to {high * 1e3:+.1f} ms"

    def each(self, count):
        return Figure([value / count for value in self.values], self.unit)

    def minus(self, other):
        return Figure([value - other.median for value in self.values], self.unit)

    def __str__(self):
        scales = UNITS[self.unit]
        scale, name = next((s for s in scales if abs(self.median) >= s[0]), scales[-1])
        spread = f" ±{self.spread():.0%}" if len(self.values) > 1 else ""
        return f"{self.median / scale:.3g} {name}{spread}"


class Samples:
    """The runs of one command."""

    def __init__(self):
        self.runs = []  # (seconds, CPU seconds, bytes)

    def time(self):
        return Figure([run[0] for run in self.runs])

    def cpu(self):
        return Figure([run[1] for run in self.runs])

    def peak(self):
        return Figure([run[2] for run in self.runs], "B")


class Line:
    """A line of the table. `met` is None where nothing is to be reached, or a peer is missing."""

    def __init__(self, work, ours, peer="", ratio="", gate="", met=None):
        self.work, self.ours, self.peer, self.ratio, self.gate, self.met = work, str(ours), str(peer), ratio, gate, met
        self.failed = isinstance(ours, Failed) or isinstance(peer, Failed)

    def cells(self):
        met = "" if self.met is None else "yes" if self.met else "**no**"
        return [self.work, self.ours[:CELL_MAX], self.peer[:CELL_MAX], self.ratio, self.gate, met]


def first_absent(*figures):
    return next((figure for figure in figures if isinstance(figure, Missing)), None)


def ratio_text(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def below(work, ours, limit):
    """Ours alone, at most `limit`."""
    if isinstance(ours, Missing):
        return Line(work, ours)
    return Line(work, ours, gate=f"at most {Figure([limit], ours.unit)}", met=ours.median <= limit)


def above(work, ours, limit):
    if isinstance(ours, Missing):
        return Line(work, ours)
    return Line(work, ours, gate=f"at least {Figure([limit], ours.unit)}", met=ours.median >= limit)


def times(work, ours, name, peer, limit=None):
    """Ours takes at most `limit` times what the peer takes."""
    gate = "" if limit is None else f"at most {limit:g} ×"
    if first_absent(ours, peer):
        return Line(work, ours, peer, gate=gate)
    ratio = ours.median / peer.median
    return Line(work, ours, f"{name} {peer}", f"{ratio_text(ratio)} ×", gate, None if limit is None else ratio <= limit)


def faster(work, ours, name, peer, limit=None):
    """Ours is at least `limit` times faster than the peer."""
    gate = "" if limit is None else f"at least {limit:,} × faster"
    if first_absent(ours, peer):
        return Line(work, ours, peer, gate=gate)
    ratio = peer.median / ours.median
    return Line(work, ours, f"{name} {peer}", f"{ratio_text(ratio)} × faster", gate,
                None if limit is None else ratio >= limit)


# ---- running ----

class Bench:
    """Programs, counts and servers of one call of this script."""

    def __init__(self, options):
        self.options = options
        self.smoke = options.smoke
        self.program = os.path.abspath(options.program)
        self.tools = os.path.abspath(options.tools)
        self.work = os.path.join(ROOT, "build", f"bench-{os.getpid()}")
        self.on_exit = []  # called last first
        self.children = {}  # pid: process, in a session of its own
        self.started = {}  # servers by name
        os.makedirs(self.work)
        os.environ["RUNPLAN_STATE"] = self.path("state")
        self.on_exit.append(lambda: shutil.rmtree(self.work, ignore_errors=True))

    def close(self):
        for child in list(self.children.values()):
            self.stop(child)
        while self.on_exit:
            try:
                self.on_exit.pop()()
            except Exception as error:  # the rest is taken down all the same
                print(f"bench: {error}", file=sys.stderr)

    def path(self, name):
        return os.path.join(self.work, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def count(self, full, tiny):
        return tiny if self.smoke else full

    def rounds(self, full):
        if self.smoke:
            return 1
        if self.options.rounds:
            return self.options.rounds
        return max(3, full // 3) if self.options.quick else full

    def tool(self, name):
        return os.path.join(self.tools, name)

    def run_plan(self, name, *arguments, **params):
        """The command that runs it; params that it does not declare are left out."""
        path = name if "/" in name else os.path.join(HERE, name + ".plan")
        with open(path, encoding="utf-8") as file:
            declared = set(re.findall(r"^param (\w+)", file.read(), re.MULTILINE))
        sets = [word for key, value in params.items() if key in declared for word in ("--set", f"{key}={value}")]
        return [self.program, "run", path, "--quiet", *sets, *arguments]

    def has(self, program):
        """Ansible takes seconds, which a smoke test has not."""
        return shutil.which(program) is not None and not (self.smoke and program == "ansible-playbook")

    # -- processes --

    def spawn(self, command, **settings):
        child = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, **settings)
        self.children[child.pid] = child
        return child

    def stop(self, child):
        """Ends it and all that it started."""
        try:
            os.killpg(child.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.pop(child.pid, None)

    def output(self, command, seconds=COMMAND_SECONDS, **settings):
        """What it prints; RuntimeError where it fails."""
        child = self.spawn(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)
        try:
            out, err = child.communicate(timeout=seconds)
        finally:
            if child.poll() is None:
                self.stop(child)
            self.children.pop(child.pid, None)
        if child.returncode != 0:
            raise RuntimeError(f"{' '.join(command)[:200]}: exit code {child.returncode}: {err.strip()[-500:]}")
        return out

    def measure(self, command):
        errors = self.path("errors")
        text = self.output([self.tool("measure"), *command], env={**os.environ, "MEASURE_ERRORS": errors})
        wall, cpu, peak, status = map(int, text.split())
        if status != 0:
            with open(errors, encoding="utf-8", errors="replace") as file:
                said = file.read().strip().replace("\n", " ")[-500:]
            if "is not available yet" in said:
                raise Missing(said)
            raise Failed(f"{' '.join(command)[:200]}: exit code {status}: {said}")
        return wall / 1e9, cpu / 1e6, peak * 1024

    def race(self, rounds, commands):
        """Runs each command once a round, one after the other, and once before that without counting.

        `commands` are lists of words, or functions of the round's number that make one. What cannot be run has a
        Missing in place of its Samples.
        """
        results = {}
        for name, command in commands.items():
            words = command(-1) if callable(command) else command
            results[name] = Samples() if self.has(words[0]) else Missing(os.path.basename(words[0]))
        for number in range(0 if self.smoke else -1, rounds):
            for name, command in commands.items():
                if isinstance(results[name], Missing):
                    continue
                try:
                    run = self.measure(command(number) if callable(command) else command)
                except Missing as missing:
                    results[name] = missing
                    continue
                if number >= 0:
                    results[name].runs.append(run)
        return results

    # -- servers --

    def once(self, name, start):
        """The answer of start(), which is called once for all rows."""
        if name not in self.started:
            self.started[name] = start()
        return self.started[name]

    def server(self, command):
        """Starts it; answer() waits for it."""
        if not shutil.which(command[0]):
            raise Missing(command[0])
        with open(self.path(os.path.basename(command[0]) + ".log"), "w", encoding="utf-8") as log:
            return self.spawn(command, stdout=log, stderr=log)

    def answer(self, child, url, wanted=lambda body: True):
        """Waits until the server answers with a body that is `wanted`."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(SERVER_SECONDS * 20):
            try:
                with opener.open(url, timeout=5) as answer:
                    if wanted(answer.read()):
                        return
            except OSError:
                pass
            if child.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.path(os.path.basename(child.args[0]) + ".log"), encoding="utf-8", errors="replace") as file:
            raise RuntimeError(f"{child.args[0]} does not answer: {file.read().strip()[-300:]}")

    def delayed(self):
        """A server that answers after 5 ms."""
        def start():
            port = free_port()
            url = f"http://127.0.0.1:{port}"
            self.answer(self.server([self.tool("delay"), str(port), "5"]), url)
            return url
        return self.once("delay", start)

    def at_once(self):
        """An nginx that answers at once."""
        def start():
            port = free_port()
            config = self.write("nginx.conf", NGINX % {"port": port, "work": self.work, })
            url = f"http://127.0.0.1:{port}"
            self.answer(self.server(["nginx", "-e", "stderr", "-c", config]), url)
            return url
        return self.once("nginx", start)

    def prometheus_start(self):
        """A Prometheus that scrapes itself, the first time after five seconds: its process and URL."""
        def start():
            port = free_port()
            config = self.write("prometheus.yml", PROMETHEUS % (self.count("1s", "100ms"), port))
            child = self.server(["prometheus", f"--config.file={config}",
                                 f"--storage.tsdb.path={self.path('prometheus')}",
                                 f"--web.listen-address=127.0.0.1:{port}"])
            return child, f"http://127.0.0.1:{port}"
        return self.once("prometheus", start)

    def prometheus(self):
        """The same once it has an answer to PROM_QUERY."""
        child, url = self.prometheus_start()
        query = url + "/api/v1/query?" + urllib.parse.urlencode({"query": PROM_QUERY})
        self.answer(child, query, lambda body: json.loads(body)["data"]["result"])
        return url

    def container(self):
        """A running container of a static busybox; the name, and compose's command line or a Missing."""
        return self.once("container", self.container_start)

    def container_start(self):
        if not shutil.which("docker"):
            raise Missing("docker")
        engine = os.path.join(ROOT, "scripts", "engine.sh")
        environment = {**os.environ, "LAB_STATE": self.path("engine")}
        answers = subprocess.run([engine, "status"], capture_output=True, check=False).returncode == 0
        if not answers and self.smoke:
            raise Missing("a Docker engine")
        if not answers:
            self.on_exit.append(lambda: self.output([engine, "stop"], env=environment))
            self.output([engine, "start"], env=environment)
        image = f"runplan-bench-{os.getpid()}"
        self.image_make(image)
        self.on_exit.append(lambda: self.output(["docker", "rmi", "-f", image]))
        self.on_exit.append(lambda: self.output(["docker", "rm", "-f", image]))
        compose = compose_command()
        file = self.write("docker-compose.yml", COMPOSE % {"name": image})
        if isinstance(compose, Missing):
            self.output(["docker", "run", "-d", "--network", "none", "--name", image, image, "sleep", "86400"])
            return image, compose
        compose = [*compose, "-p", image, "-f", file]
        self.output([*compose, "up", "-d"])
        return image, compose

    def image_make(self, name):
        """An image of one program: busybox, which is `sleep` and `true`."""
        busybox = shutil.which("busybox")
        if busybox is None:
            raise Missing("busybox")
        folder = self.path("image")
        os.makedirs(os.path.join(folder, "bin"))
        shutil.copy(busybox, os.path.join(folder, "bin", "busybox"))
        for program in ("sleep", "true"):
            os.symlink("busybox", os.path.join(folder, "bin", program))
        archive = self.path("image.tar")
        self.output(["tar", "-C", folder, "-cf", archive, "bin"])
        self.output(["docker", "import", archive, name])


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def compose_command():
    """Compose 1, else the plugin."""
    if shutil.which("docker-compose"):
        return ["docker-compose"]
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return Missing("docker-compose")


NGINX = """
daemon off; pid %(work)s/nginx.pid; worker_processes 1;
events { worker_connections 1024; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path %(work)s/nginx-1; proxy_temp_path %(work)s/nginx-2; fastcgi_temp_path %(work)s/nginx-3;
  uwsgi_temp_path %(work)s/nginx-4; scgi_temp_path %(work)s/nginx-5;
  server {
    listen 127.0.0.1:%(port)d backlog=1024;
    location / { default_type application/json; return 200 '{"status":"ok"}\\n'; }
  }
}
"""

PROMETHEUS = """
global: { scrape_interval: %s, evaluation_interval: 1s }
scrape_configs: [{ job_name: prometheus, static_configs: [{ targets: ["127.0.0.1:%d"] }] }]
"""
PROM_QUERY = 'rate(prometheus_http_requests_total{handler="/metrics"}[1m])'  # as in prom.plan

# What the runbooks that plans replace do for one sample.
PROM_SHELL = r"""
for ((i = 0; i < $2; i++)); do
    rate=$(curl -sf "$1/api/v1/query" \
        --data-urlencode 'query=rate(prometheus_http_requests_total{handler="/metrics"}[1m])' |
        jq -r '.data.result[0].value[1]')
    if (($(echo "$rate > 500000" | bc -l))); then exit 1; fi
done
"""

COMPOSE = """
version: "3"
services:
  web: { image: %(name)s, container_name: %(name)s, command: ["sleep", "86400"], network_mode: none }
"""

PLAYBOOK = "- hosts: localhost\n  connection: local\n  gather_facts: no\n  tasks:\n"

# The same as the plan of that name computes.
LUA = {
    "add_for": "local s = 0 for i = 1, {count} do s = s + i end print(s)",
    "add_while": "local s, i = 0, 1 while i <= {count} do if s < 0 then s = 0 end s = s + i i = i + 1 end print(s)",
    "fib": "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end print(fib({n}))",
    "format": "local l = 0 for i = 1, {count} do l = l + #string.format('step %d: %s %.2f', i, 'ok', i * 0.5) end "
              "print(l)",
    "concat": "local l = 0 for i = 1, {count} do l = l + #('step ' .. i .. ': ' .. 'ok') end print(l)",
}

# ---- the rows of the table ----

ROWS = {}


def row(function):
    ROWS[function.__name__.replace("row_", "")] = function
    return function


def figure(result, kind="time"):
    """Of a race's result: its time, cpu or peak; a Missing stays one."""
    return result if isinstance(result, Missing) else getattr(result, kind)()


def ansible(bench, tasks):
    """The command that runs so many tasks without effect."""
    path = bench.write(f"debug{tasks}.yml", PLAYBOOK + "".join(f"    - debug: msg=step-{i}\n" for i in range(tasks)))
    return ["ansible-playbook", "-i", "localhost,", path]


def speed(seconds):
    """Bytes a second, of the seconds for one byte."""
    return seconds if isinstance(seconds, Missing) else Figure([1 / value for value in seconds.values], "B/s")


@row
def row_start(bench):
    hello = os.path.join(HERE, "hello.plan")
    commands = {"run": bench.run_plan("hello"), "bash": ["bash", "-c", "echo hi"]}
    commands |= {name: [bench.program, name, hello] for name in ("check", "fmt", "preview")}
    commands["fmt"].append("--check")
    fast = bench.race(bench.rounds(41), commands)
    slow = bench.race(bench.rounds(5), {"ansible": ansible(bench, 1), "run": bench.run_plan("hello")})
    run = fast["run"]
    yield below("one trivial step, whole process: `run`", figure(run), 8e-3)
    yield times("the same", figure(run), "bash -c echo", figure(fast["bash"]))
    yield faster("the same", figure(slow["run"]), "ansible-playbook", figure(slow["ansible"]), 50)
    yield below("the same: peak memory", figure(run, "peak"), 15 << 20)
    for name in ("check", "fmt", "preview"):
        yield below(f"the same: `{name}`", figure(fast[name]), 3e-3)


@row
def row_steps(bench):
    count = bench.count(10000, 20)
    generated = bench.write("steps.plan", bench.output(["sh", os.path.join(HERE, "generate_steps.sh"), str(count)]))
    script = bench.write("steps.sh", "".join(f"echo step {i}\n" for i in range(count)))
    tasks = bench.count(101, 2)
    fast = bench.race(bench.rounds(11), {
        "loop": bench.run_plan("steps_loop", count=count),
        "bash": ["bash", "-c", f"for ((i = 0; i < {count}; i++)); do echo step $i; done"],
        "lines": bench.run_plan(generated),
        "script": ["bash", script],
    })
    slow = bench.race(bench.rounds(3), {"one": ansible(bench, 1), "all": ansible(bench, tasks)})
    loop = figure(fast["loop"])
    task = figure(slow["all"])
    if not first_absent(task, slow["one"]):
        task = task.minus(figure(slow["one"])).each(tasks - 1)
    yield times(f"{count:,} steps without effect, in a loop", loop, "bash's echo loop", figure(fast["bash"]), 1)
    yield faster("the same, a step", loop.each(count), "ansible, a task", task, 3000)
    yield times(f"{count:,} steps written one by one", figure(fast["lines"]), "bash, as many echos",
                figure(fast["script"]))


@row
def row_spawn(bench):
    count = bench.count(1000, 5)
    names = iter(range(1 << 30))
    new = lambda: bench.path(f"spawned-{next(names)}")  # noqa: E731 - a new one each time
    fast = bench.race(bench.rounds(9), {
        "ours": bench.run_plan("spawn", "--state", "none", count=count),
        "C": [bench.tool("spawn"), str(count)],
        "ours, durable": lambda _: bench.run_plan("spawn_durable", "--state", new(), count=count),
        "C, durable": lambda _: [bench.tool("spawn"), str(count), new()],
    })
    yield times(f"{count:,} steps that spawn `true`", figure(fast["ours"]), "posix_spawn and wait in C",
                figure(fast["C"]), 1.3)
    yield times("the same with a durable record", figure(fast["ours, durable"]), "the same in C with 2 × fdatasync",
                figure(fast["C, durable"]), 1.3)


def seconds_of(path):
    """Lines of nanoseconds."""
    with open(path, encoding="utf-8") as file:
        return [[float(word) / 1e9 for word in line.split()] for line in file if line.strip()]


def differences(ours, theirs):
    return Figure([mine - other for mine, other in zip(ours, theirs)])


def http_commands(bench, url, checks):
    urls = [f"{url}/health/{i}" for i in range(1, checks + 1)]
    config = bench.write("urls.curl", "".join(f'url = "{one}"\noutput = "/dev/null"\n' for one in urls))
    listed = bench.write("urls", "".join(one + "\n" for one in urls))
    return {
        "ours": bench.run_plan("http", server=url, checks=checks),
        "curl": ["curl", "-sf", "--parallel", "--parallel-max", "64", "-K", config],
    }, ["xargs", "-a", listed, "-P", "64", "-n", "1", "curl", "-sf", "-o", "/dev/null"]


@row
def row_http(bench):
    checks = bench.count(2000, 20)
    commands, xargs = http_commands(bench, bench.delayed(), checks)
    fast = bench.race(bench.rounds(21), commands)
    slow = bench.race(bench.rounds(3), {"ours": commands["ours"], "xargs": xargs})
    work = f"{checks:,} checks at a server that takes 5 ms, 64 at once"
    yield times(work, figure(fast["ours"]), "curl --parallel", figure(fast["curl"]), 1.1)
    yield times("the same: CPU time", figure(fast["ours"], "cpu"), "curl --parallel", figure(fast["curl"], "cpu"), 0.9)
    yield faster("the same", figure(slow["ours"]), "xargs -P 64 curl", figure(slow["xargs"]), 30)
    yield times("the same: peak memory", figure(fast["ours"], "peak"), "curl --parallel", figure(fast["curl"], "peak"))
    commands, _ = http_commands(bench, bench.at_once(), checks)
    fast = bench.race(bench.rounds(9), commands)
    yield times(f"{checks:,} checks at a server that answers at once", figure(fast["ours"]), "curl --parallel",
                figure(fast["curl"]))


@row
def row_docker_exec(bench):
    container, compose = bench.container()
    out, times = bench.path("pairs"), bench.path("times")
    params = {"container": container, "client": bench.tool("engine_exec"), "out": out, "pairs": bench.count(20, 1)}
    preload = {**os.environ, "LD_PRELOAD": bench.tool("stream_times.so"), "STREAM_TIMES": times}
    ours, streams, clients = [], [], []
    peers = {"docker exec": Samples(), "docker-compose exec": Samples()}
    for _ in range(bench.rounds(9)):
        bench.output(bench.run_plan("docker_exec", **params), env=preload)
        pairs, taken = seconds_of(out), [words[0] for words in seconds_of(times)]
        if len(taken) != len(pairs):
            raise Failed(f"{len(taken)} streams were seen of {len(pairs)}")
        ours += [pair[0] for pair in pairs]
        clients += [pair[1] for pair in pairs]
        streams += taken
        peers["docker exec"].runs.append(bench.measure(["docker", "exec", container, "true"]))
        if isinstance(compose, Missing):
            peers["docker-compose exec"] = compose
        else:
            peers["docker-compose exec"].runs.append(bench.measure([*compose, "exec", "-T", "web", "true"]))
    added, over = differences(ours, streams), differences(ours, clients)
    ours = Figure(ours)
    yield Line("`docker.exec` of `true`", ours, f"the engine's part of it, start to end of stream {Figure(streams)}",
               f"{added} more", "at most 2 ms more", added.median <= 2e-3)
    yield Line("the same", ours, f"a bare client's, each right before or after {Figure(clients)}",
               f"{over.range()} more")
    for name, limit in (("docker-compose exec", 8), ("docker exec", None)):
        yield faster("the same", ours, name, figure(peers[name]), limit)


@row
def row_container_state(bench):
    container, _ = bench.container()
    reads = bench.count(3000, 3)
    result = bench.race(bench.rounds(9), {
        "ours": bench.run_plan("container_state", container=container, reads=reads),
        "docker": ["docker", "inspect", container],
    })
    yield faster("container state, on an open connection", figure(result["ours"]).each(reads), "docker inspect",
                 figure(result["docker"]), 50)


@row
def row_prom(bench):
    url = bench.prometheus()
    ours, peer = bench.count(3000, 3), bench.count(20, 1)
    script = bench.write("prom.sh", PROM_SHELL)
    asked = f"{url}/api/v1/query?query=" + urllib.parse.quote('rate(prometheus_http_requests_total{handler="/metrics"}[1m])')
    config = bench.write("prom.curl", f'url = "{asked}"\noutput = "/dev/null"\n' * ours)
    missing = [name for name in ("curl", "jq", "bc") if not shutil.which(name)]
    result = bench.race(bench.rounds(7), {
        "ours": bench.run_plan("prom", server=url, samples=ours),
        "peer": [missing[0] if missing else "bash", script, url, str(peer)],
        "curl": ["curl", "-sf", "-K", config],
    })
    yield faster("a sample of Prometheus and its comparison", figure(result["ours"]).each(ours), "curl, jq and bc",
                 figure(result["peer"]).each(peer), 80)
    yield times("the same", figure(result["ours"]).each(ours), "curl alone, on a kept connection", figure(result["curl"]).each(ours))


@row
def row_loops(bench):
    counts = {"add_for": 10_000_000, "add_while": 10_000_000, "fib": 30, "format": 1_000_000, "concat": 1_000_000}
    titles = {"add_for": "10 million additions, `for`", "add_while": "10 million additions, `while` with an `if`",
              "fib": "fib(30)", "format": "1 million formats", "concat": "1 million texts put together"}
    for name, full in counts.items():
        count = bench.count(full, 5)
        param = {"n" if name == "fib" else "count": count}
        result = bench.race(bench.rounds(9), {
            "ours": bench.run_plan(name, "--state", "none", **param),  # the record has its own rows
            "lua": ["lua5.4", "-e", LUA[name].format(**param)],
        })
        yield times(titles[name], figure(result["ours"]), "Lua 5.4", figure(result["lua"]), 1.5)


@row
def row_parse(bench):
    plans = {}
    for megabytes in (1, 2, 4):
        text = bench.output([sys.executable, os.path.join(HERE, "generate_plan.py"),
                             str(bench.count(megabytes * 1_000_000, megabytes * 10_000))])
        plans[megabytes] = bench.write(f"{megabytes}.plan", text)
    # As many bytes for the peers, in their own languages.
    lines = os.path.getsize(plans[1]) // 62
    lua = bench.write("peer.lua", "local s = {}\n" + "".join(
        f"s.step_{i} = function(a, b) if a > {i} then return b end end\n" for i in range(lines)))
    shell = bench.write("peer.sh", "".join(
        f'step_{i}() {{ if [ "$1" -gt {i} ]; then echo "${{2}}"; fi; }}\n' for i in range(lines)))
    commands = {n: [bench.program, "check", path] for n, path in plans.items()}
    commands |= {"lua": ["luac5.4", "-p", lua], "bash": ["bash", "-n", shell]}
    result = bench.race(bench.rounds(7), commands)
    paths = {**plans, "lua": lua, "bash": shell}
    byte = {name: figure(result[name]).each(os.path.getsize(path)) for name, path in paths.items()}
    for n in plans:
        yield above(f"parse and check of {n} MB of plans", speed(byte[n]), 25e6)
    yield times("linear: of 4 MB, a byte", byte[4], "of 1 MB, a byte", byte[1], 1.15)
    yield times("of 1 MB, a byte", byte[1], "luac -p", byte["lua"])
    yield times("of 1 MB, a byte", byte[1], "bash -n", byte["bash"])


@row
def row_branches(bench):
    count = bench.count(10000, 10)
    # What waits for 3 s is simulated in a smoke test.
    command = bench.run_plan("branches", count=count)
    if bench.smoke:
        command = [bench.program, "simulate", *command[2:]]
    result = bench.race(bench.rounds(3), {"ours": command})
    yield below(f"{count:,} branches that wait: peak memory", figure(result["ours"], "peak"), 40 << 20)


def simulated(bench, name, *givens, **params):
    """The command that simulates the plan with these answers."""
    command = bench.run_plan(name, **params)
    command[1] = "simulate"
    return command + [word for given in givens for word in ("--given", given)]


RECORDED_SECONDS = 2.5  # reads are on record a second later at the most


def killed_run(bench, place, count):
    """A run with so many recorded reads, killed while it waits for the file of this name."""
    go = bench.path("go")
    child = bench.spawn(bench.run_plan("recorded", "--state", place, count=count, go=go), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + COMMAND_SECONDS
    while not os.path.exists(go + ".waits"):
        if child.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the run that was to be killed has ended, or does not come to its wait")
        time.sleep(0.05)
    time.sleep(RECORDED_SECONDS)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    bench.children.pop(child.pid, None)
    with open(go, "w", encoding="utf-8"):
        pass


def size_of(folder):
    return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())


@row
def row_record(bench):
    count = bench.count(1000, 100)
    names = iter(range(1 << 30))
    new = lambda: bench.path(f"record-{next(names)}")  # noqa: E731 - a new one each time
    fast = bench.race(bench.rounds(9), {
        "ours": lambda _: bench.run_plan("effects", "--state", new(), count=count),
        "record": lambda _: [bench.tool("record"), new(), str(count)],
        "C": lambda _: [bench.tool("commits"), new(), str(count), "200"],
        "wide": lambda _: bench.run_plan("effects_wide", "--state", new(), count=count),
    })
    ours = figure(fast["ours"]).each(count)
    commit = figure(fast["C"]).each(count)
    yield times("a change and its record, one after the other", ours, "a commit of SQLite in C", commit)
    yield times("its record: the same calls without the change", figure(fast["record"]).each(count), "a commit of SQLite in C",
                commit, 1.3)
    yield faster("the same, 64 at once", figure(fast["wide"]).each(count), "one after the other", ours, 8)


@row
def row_resume(bench):
    count = bench.count(100_000, 100)
    record = bench.path("recorded")
    killed_run(bench, record, count)
    names = iter(range(1 << 30))

    def resume(_):
        place = bench.path(f"resumed-{next(names)}")
        shutil.copytree(record, place)
        return [bench.program, "resume", "--state", place, "--quiet"]

    fast = bench.race(bench.rounds(9), {"resume": resume})
    yield below(f"resume of a run with {count:,} recorded effects", figure(fast["resume"]), 1)
    yield below("its store", Figure([size_of(record)], "B"), 40 << 20)


@row
def row_runs(bench):
    count = bench.count(10_000, 10)
    place = bench.path("many")
    bench.output(bench.run_plan("hello", "--state", place))
    with sqlite3.connect(os.path.join(place, "runs.db")) as db:
        columns = [name for _, name, *_ in db.execute("PRAGMA table_info(run)") if name not in ("number", "id")]
        db.executemany(f"INSERT INTO run (id, {', '.join(columns)}) SELECT ?, {', '.join(columns)} FROM run WHERE number = 1",
                       ((f"2026{i:06}-000000-aaaaaa",) for i in range(count - 1)))
    db.close()
    yield below(f"`runs`, over {count:,} runs", figure(bench.race(bench.rounds(21), {"runs": [
        bench.program, "runs", "--state", place]})["runs"]), 50e-3)


@row
def row_monitoring(bench):
    hours = bench.count(1000, 1)
    result = bench.race(bench.rounds(5), {
        "hours": simulated(bench, "monitoring", "error_rate returns 1%", hours=hours),
        "staged": simulated(bench, "staged", "error_rate returns 0.1%", "latency returns [100ms, 110ms]"),
    })
    yield below(f"{hours:,} hours of monitoring, simulated: a sample each 10 s", figure(result["hours"]), 2)
    yield below("24 hours of the staged watch, simulated", figure(result["staged"]), 1)


@row
def row_instances(bench):
    count = bench.count(1000, 10)
    health = 'docker.health returns ["starting", "healthy"]'
    result = bench.race(bench.rounds(11), {"ours": simulated(bench, "instances", health, count=count)})
    yield below(f"update of {count:,} instances, 50 at once, simulated", figure(result["ours"]), 100e-3)
    yield below("the same: peak memory", figure(result["ours"], "peak"), 30 << 20)


@row
def row_fanout(bench):
    count = bench.count(200, 5)
    hosts = bench.write("hosts", "".join(
        f"h{i} ansible_connection=local ansible_python_interpreter={sys.executable}\n" for i in range(count)))
    playbook = bench.write("fanout.yml",
                           "- hosts: all\n  gather_facts: no\n  tasks:\n    - command: /bin/true\n")
    ours = bench.run_plan("fanout", count=count)
    fast = bench.race(bench.rounds(9), {
        "ours": ours,
        "xargs": ["sh", "-c", f"seq {count} | xargs -P 50 -n 1 /bin/true"],
    })
    slow = bench.race(bench.rounds(3), {
        "ours": ours,
        "ansible": ["ansible-playbook", "-f", "50", "-i", hosts, playbook],
    })
    yield times(f"{count} commands of this machine, 50 at once", figure(fast["ours"]), "xargs -P 50", figure(fast["xargs"]))
    yield faster("the same", figure(slow["ours"]), "ansible with 50 forks", figure(slow["ansible"]), 100)


# ---- the table ----

HEAD = ["work", "ours", "beside", "ratio", "to reach", "met"]


def table(lines):
    rows = [HEAD, *(line.cells() for line in lines)]
    widths = [max(len(cells[i]) for cells in rows) for i in range(len(HEAD))]
    text = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths)) + " |" for cells in rows]
    text.insert(1, "| " + " | ".join("---" for _ in widths) + " |")
    return "\n".join(text) + "\n"


def first_line(*command):
    try:
        lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    except OSError:
        return ""
    return lines[0].strip() if lines else ""


def machine():
    """What the figures were taken on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as file:
        memory = int(file.readline().split()[1]) / (1 << 20)
    with open("/etc/os-release", encoding="utf-8") as file:
        systems = [line.split("=", 1)[1].strip().strip('"') for line in file if line.startswith("PRETTY_NAME")]
    commit = first_line("git", "-C", ROOT, "describe", "--always", "--dirty")
    versions = [first_line("curl", "--version").split(" (")[0], first_line("lua5.4", "-v").split("  ")[0],
                *(first_line(name, "--version").split(",")[0] for name in ("docker", "docker-compose", "ansible-playbook"))]
    load = os.getloadavg()[0]
    return (f"{time.strftime('%Y-%m-%d')}, commit {commit}; {models[0] if models else os.uname().machine}, "
            f"{os.cpu_count()} processors, {memory:.0f} GB; {systems[0] if systems else '?'}, Linux {os.uname().release}; "
            f"load {load:.1f} at the end. Beside it: {', '.join(filter(None, versions))}.\n")


def page_fill(text):
    """Puts the table between the marks of docs/performance.md."""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    head, rest = page.split(BEGIN)
    tail = rest.split(END, 1)[1]
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(f"{head}{BEGIN}\n\n{text}\n{END}{tail}")


def measure_rows(bench, names):
    lines = []
    if bench.smoke and "prom" in names and bench.has("prometheus"):
        bench.prometheus_start()  # gets its samples while the other rows run
    for name in names:
        began = time.monotonic()
        print(f"bench: {name} ...", end="", flush=True)
        try:
            for line in ROWS[name](bench):
                lines.append(line)
        except Missing as missing:
            lines.append(Line(name, missing))
        except Exception as error:  # the other rows are measured all the same
            if bench.options.verbose:
                traceback.print_exc()
            lines.append(Line(name, Failed(error)))
        print(f" {time.monotonic() - began:.1f} s", flush=True)
    return lines


def options_of():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help="some of " + ", ".join(ROWS) + "; else all")
    parser.add_argument("--rounds", type=int, help="how often each command is run")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--smoke", action="store_true", help="one round of tiny counts")
    parser.add_argument("--keep", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--verbose", action="store_true", help="where a row fails, show where")
    parser.add_argument("--program", default=os.path.join(ROOT, "runplan"))
    parser.add_argument("--tools", default=os.path.join(ROOT, "build", "tests", "bench"))
    options = parser.parse_args()
    unknown = [name for name in options.rows if name not in ROWS]
    if unknown:
        parser.error(f"there is no row {unknown[0]}; there are {', '.join(ROWS)}")
    if options.keep and (options.rows or options.quick or options.smoke):
        parser.error("only a whole table is kept: --keep goes with neither rows nor --quick nor --smoke")
    return options


def main():
    options = options_of()
    if options.list:
        print("\n".join(ROWS))
        return 0
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bench = Bench(options)
    try:
        lines = measure_rows(bench, options.rows or ROWS)
    except KeyboardInterrupt:
        print("\nbench: stopped", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        bench.close()
    failed = sum(line.failed for line in lines)
    if options.smoke:
        for line in lines:
            if line.failed or line.ours.startswith("missing"):
                print(f"bench: {line.work}: {line.ours} {line.peer}")
        print(f"{len(lines) - failed} passed, {failed} failed")
        return 1 if failed else 0
    text = table(lines)
    print("\n" + text + "\n" + machine())
    print(f"{sum(line.met is True for line in lines)} of {sum(line.gate != '' for line in lines)} reached")
    with open(os.path.join(ROOT, "build", "bench.md"), "w", encoding="utf-8") as file:
        file.write(text + "\n" + machine())
    if options.keep:
        page_fill(text + "\n" + machine())
    return 1 if failed else 0


sys.exit(main())
