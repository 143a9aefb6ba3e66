#!/usr/bin/env python3
"""locks.py [CONTENDERS [ROUNDS [SEED]]]: many processes want one lock, and its owner is killed at random.

In each round CONTENDERS runs of hold.plan are started at once, over one state. Who gets the lock says so in a log (itself, not
by a command that could outlive it), stays, and says that it leaves. In two of three rounds the owner is killed while it stays;
then the lock must be free within a second; that includes the end of its command, for which the next owner waits. There is one owner at a time; who is refused (exit 4) has said nothing in the log.
"""
import fcntl
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import real

F_OFD_GETLK = 36
contenders = int(sys.argv[1]) if len(sys.argv) > 1 else 50
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
luck = random.Random(seed)
base = tempfile.mkdtemp(prefix="torture-locks.")
broken, passed, exits, slowest, killed, owners = [], 0, {}, 0.0, 0, 0
LOCK = base + "/state/locks/contended.lock"


def is_free():
    with open(LOCK, "rb+") as file:
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        told = fcntl.fcntl(file, F_OFD_GETLK, asked)
        return struct.unpack("hhqqi4x", told)[0] == fcntl.F_UNLCK


def holder():
    """The process that says in the lock's file that it holds it."""
    with open(LOCK) as file:
        words = file.read().split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


def read_log(path):
    try:
        with open(path) as file:
            return [line.split() for line in file.read().splitlines()]
    except FileNotFoundError:
        return []


def inside(log):
    return log[-1][1] if log and log[-1][0] == "in" else None


def start(number, log):
    return subprocess.Popen([real.program(), "run", "tests/torture/hold.plan", "--state", base + "/state", "--quiet", "--set",
                             "who=p%d" % number, "--set", "log=" + log], cwd=real.ROOT, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=open(base + "/said", "a"))


def kill_owner(log, processes):
    """Its name, once it is dead; None where nobody was inside."""
    global slowest, killed
    until = time.time() + 15
    while not inside(read_log(log)):
        if time.time() > until:
            return None
        time.sleep(0.002)
    time.sleep(luck.random() * 0.15)
    owner = inside(read_log(log))
    if not owner:
        return None
    process = processes[int(owner[1:])]
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL:
        return None
    began = time.time()
    # another contender may have it by now: then it was free
    while not is_free() and holder() == process.pid and time.time() - began < 5:
        time.sleep(0.001)
    slowest = max(slowest, time.time() - began)
    killed += 1
    return owner


def judge(log, processes, dead):
    global owners
    now = None
    for word, who in log:
        if word == "in":
            if now and now != dead:
                return "%s is inside, and %s comes in" % (now, who)
            now = who
            owners += 1
        elif now != who:
            return "%s leaves, and %s was inside" % (who, now)
        else:
            now = None
    went_in = {who for word, who in log}
    for number, process in enumerate(processes):
        code = process.wait(timeout=60)
        exits[code] = exits.get(code, 0) + 1
        name = "p%d" % number
        if code == 4 and name in went_in:
            return "%s was refused, and has been inside" % name
        if code == 0 and name not in went_in:
            return "%s ended well, and has not been inside" % name
        if code not in (0, 4) and name != dead:
            return "%s ended with %d; they said:\n%s" % (name, code, open(base + "/said").read()[-2000:])
    return None


began = time.time()
for number in range(rounds):
    log = "%s/log%d" % (base, number)
    processes = [start(i, log) for i in range(contenders)]
    dead = kill_owner(log, processes) if number % 3 else None
    for process in processes:
        process.wait(timeout=120)
    wrong = judge(read_log(log), processes, dead)
    if wrong:
        broken.append("seed %d, round %d: %s" % (seed, number, wrong))
    else:
        passed += 1
if slowest > 1:
    broken.append("the lock was held for %.1f s after its owner's death" % slowest)
print("one lock, seed %d: %d rounds of %d contenders in %.0f s; owners %d, killed %d; free again after %.0f ms at most; "
      "exit codes %s" % (seed, rounds, contenders, time.time() - began, owners, killed, slowest * 1000,
                        dict(sorted(exits.items()))))
shutil.rmtree(base, ignore_errors=True)
real.close("locks", passed, broken)
