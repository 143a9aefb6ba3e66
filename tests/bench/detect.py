#!/usr/bin/env python3
"""How long a bad canary serves users: runplan beside a runbook's loop, on the same lab, in turn.

  tests/bench/detect.py [--rounds N] [--keep]      the lab must be up; --keep writes docs/performance.md

The canary (green) has a quarter of 100 requests a second. Each round makes half of the canary's answers errors, at moments
that are spread evenly over the period in which a contender looks, in a shuffled order. Measured from the first moment at
which more than 5 % of the canary's answers of the last five seconds were errors (the bound and the window of the query):
  decided   the breach is known
  done      the commands of the way back have ended
  off       the last answer that a user got from the canary
Prometheus scrapes every second; runplan samples every second with `breach after 1`, the loop asks every ten seconds.
"""
import argparse
import http.client
import json
import os
import pathlib
import random
import re
import statistics
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- table: make bench-lab KEEP=1 -->", "<!-- end of table -->"
WINDOW, BOUND = 5.0, 0.05


def settings():
    """The lab's names and ports, as its own scripts know them."""
    text = subprocess.run(["bash", "-c", ". lab/env.sh; declare -p | grep -o ' LAB_[A-Z0-9_]*=\"[^\"]*\"'"], cwd=ROOT,
                          check=True, capture_output=True, text=True).stdout
    return dict(re.findall(r' (LAB_\w+)="([^"]*)"', text))


LAB = settings()
ENV = {**os.environ, **LAB, "COMPOSE_PROJECT_NAME": LAB["LAB_PROJECT"]}


class Users(threading.Thread):
    """A steady hundred requests a second; notes when the canary answered, and what."""

    def __init__(self):
        super().__init__(daemon=True)
        self.answers = []              # (time, is an error), of the canary alone
        self.ended = False

    def one(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", int(LAB["LAB_PORT_HTTP"]), timeout=5)
            connection.request("GET", "/materials/")
            answer = connection.getresponse()
            answer.read()
            if answer.getheader("X-Instance") == "backend-green":
                self.answers.append((time.time(), answer.status >= 500))
            connection.close()
        except OSError:
            pass

    def worker(self, first):
        due = time.time() + first
        while not self.ended:
            time.sleep(max(0.0, due - time.time()))
            self.one()
            due += 0.1

    def run(self):
        workers = [threading.Thread(target=self.worker, args=(n / 100,), daemon=True) for n in range(10)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def crossed(self, since):
        for at, _ in self.answers:
            last = [error for when, error in self.answers if at - WINDOW < when <= at]
            if at >= since and sum(last) / len(last) > BOUND:
                return at
        raise SystemExit("detect: the canary's errors never passed the bound")


def fault(error_rate):
    connection = http.client.HTTPConnection("127.0.0.1", int(LAB["LAB_PORT_GREEN"]), timeout=5)
    connection.request("POST", "/fault/", json.dumps({"error_rate": error_rate}))
    connection.getresponse().read()
    connection.close()


def route(*words):
    subprocess.run(["lab/route.sh", *words], cwd=ROOT, check=True, env=ENV, stdout=subprocess.DEVNULL)


def begin(command, **more):
    return subprocess.Popen(command, cwd=ROOT, env=ENV, text=True, stdin=subprocess.DEVNULL, **more)


def wait_for_canary(users):
    count = len(users.answers)
    while len(users.answers) < count + 20:
        time.sleep(0.05)


def runplan(users, journal):
    """(process, how to read its times of decision and end)"""
    process = begin(["./runplan", "tests/bench/detect.plan", "--env", "lab", "--quiet", "--journal", journal,
                     "--set", f"site=http://127.0.0.1:{LAB['LAB_PORT_HTTP']}",
                     "--set", f"prometheus=http://127.0.0.1:{LAB['LAB_PORT_PROM']}",
                     "--set", f"container_prefix={LAB['LAB_PREFIX']}"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def times():
        rows = [json.loads(line) for line in open(journal, encoding="utf-8")]
        started = next(row for row in rows if row.get("type") == "handler.started")
        ended = next(row for row in rows if row.get("type") == "handler.ended")
        return started["wall"] / 1e9, ended["wall"] / 1e9
    return process, times


def loop(users, journal):
    route("canary", "25")
    process = begin(["tests/bench/canary_loop.sh", f"http://127.0.0.1:{LAB['LAB_PORT_PROM']}", "10",
                     LAB["LAB_STATE"] + "/nginx/upstream.conf"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def times():
        return tuple(float(word) for word in process.stdout.read().split())
    return process, times


def measure(contender, moment):
    """decided, done, off: seconds after the bound was passed."""
    fault(0)
    route("blue")
    time.sleep(WINDOW + 2)             # nothing of the round before is in the window, nor in a scrape to come
    users = Users()
    users.start()
    with tempfile.TemporaryDirectory() as folder:
        process, times = contender(users, folder + "/journal")
        wait_for_canary(users)
        time.sleep(WINDOW + moment)               # a window of sound answers first
        since = time.time()
        fault(0.5)
        process.wait(timeout=60)
        time.sleep(2.5)
        users.ended = True
        users.join()
        decided, done = times()
    crossed = users.crossed(since)
    return decided - crossed, done - decided, users.answers[-1][0] - crossed, users.answers[-1][0] - decided


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    random.seed(7)
    subprocess.run(["bash", "-c", ". lab/env.sh; VERSION=v1 compose up -d --no-build backend-green; wait_healthy backend-green"],
                   cwd=ROOT, env=ENV, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    began = os.getloadavg()[0]
    moments = [(number + 0.5) / options.rounds for number in range(options.rounds)]
    random.shuffle(moments)
    ours, theirs = [], []
    for number, moment in enumerate(moments):
        ours.append(measure(runplan, moment))
        theirs.append(measure(loop, 10 * moment))
        print(f"detect: round {number + 1} of {options.rounds}: {ours[-1][2]:.1f} s, the loop {theirs[-1][2]:.1f} s", flush=True)
    fault(0)
    route("blue")
    rows = []
    for title, place, limit in (("from the bound to the decision", 0, None), ("the commands of the way back", 1, 8),
                                ("from the bound to the canary's last answer", 2, 5)):
        mine, other = (statistics.median(result[place] for result in results) for results in (ours, theirs))
        ratio = other / mine
        reach = f"at least {limit} × faster" if limit else ""
        met = ("yes" if ratio >= limit else "**no**") if limit else ""
        rows.append(f"| {title} | {mine:.2f} s | {other:.2f} s | {ratio:.1f} × faster | {reach} | {met} |")
    tail = statistics.median(result[3] for result in ours)
    rows.append(f"| from the verdict to the canary's last answer | {tail:.2f} s | "
                f"{statistics.median(result[3] for result in theirs):.2f} s | | at most 1 s | {'yes' if tail <= 1 else '**no**'} |")
    table = "\n".join(["| a canary with errors | runplan | the runbook's loop | ratio | to reach | met |",
                       "| --- | --- | --- | --- | --- | --- |", *rows])
    print("\n" + table)
    if options.keep:
        path = ROOT / "docs/performance.md"
        text = path.read_text()
        date = subprocess.run(["date", "+%Y-%m-%d"], capture_output=True, text=True, check=True).stdout.strip()
        said = (f"{date}, medians of {options.rounds} rounds; {os.cpu_count()} processors, "
                f"load {began:.1f} at the beginning and {os.getloadavg()[0]:.1f} at the end.")
        head, rest = text.split(BEGIN)
        text = f"{head}{BEGIN}\n\n{table}\n\n{said}\n\n{END}{rest.split(END, 1)[1]}"
        path.write_text(text)


main()
