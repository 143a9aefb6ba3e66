#!/usr/bin/env python3
"""faults.py [EVERY]: each write and sync of a run's store fails in turn, for real.

A plan that leaves a line in a ledger per change is run under strace, which makes the n-th pwrite64, fdatasync, ftruncate or
openat of the store fail with ENOSPC or EIO: only that one, or that and all behind it. From the failure on no line may come;
the exit code is 6; and a later resume, of a disk that is well again, brings the ledger to what a whole run leaves. With
EVERY only each EVERY-th place is tried. Then the same on a file system that is really full. An interrupted
write has to be continued.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import real

every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
base = tempfile.mkdtemp(prefix="torture-faults.")
broken, passed, exits, asked = [], 0, {}, 0


def traced(run, inject):
    log = run.folder + "/trace"
    names = ["runs.db", "runs.db-wal", "runs.db-shm"]
    paths = [x for name in names for x in ("-P", run.state + "/" + name)] + ["-P", run.ledger]
    command = ["strace", "-f", "-qq", "-o", log, "-e", "trace=pwrite64,fdatasync,ftruncate,openat,write"] + paths
    if inject:
        command += ["-e", "inject=" + inject]
    code, said = run.call(command + run.command())
    with open(log) as file:
        return code, said, file.read().splitlines()


def count(ends, name):
    run = real.Run(base + "/calm", real.program(), ends)
    code, said, lines = traced(run, None)
    wrong = real.judge(run, code, said)
    if wrong:
        broken.append("without a fault: " + wrong)
    return sum(1 for line in lines if re.search(r"\b%s\(" % name, line) and ("runs.db" in line or name != "openat"))


def after_fault(lines, ledger):
    """Lines that came into the ledger behind the fault."""
    at = next((i for i, line in enumerate(lines) if "(INJECTED)" in line), None)
    if at is None:
        return None
    late = [x for x in lines[at:] if re.search(r'\bwrite\(\d+, "', x)]
    # of the two that run side by side one may be under way while the other's row cannot be written
    return late if len(late) > 1 or not re.search(r'"(undo )?(left|right)', "".join(late)) else []


def one(ends, name, error, number, on):
    global passed, asked
    what = "%s, %s of %s number %d%s" % (ends, error, name, number, "+" if on else "")
    run = real.Run(base + "/run", real.program(), ends)
    code, said, lines = traced(run, "%s:error=%s:when=%d%s" % (name, error, number, "+" if on else ""))
    late = after_fault(lines, run.ledger)
    exits[code] = exits.get(code, 0) + 1
    if late is None:
        return  # so many calls there were not this time
    if error == "EINTR" and name == "pwrite64":  # SQLite takes an interrupted sync for a failed one
        wrong = real.judge(run, code, said)
    elif code == 6:
        wrong = "lines behind the fault: %s" % late if late else None
        if not wrong and not re.search(r"runplan|record|kept", said):
            wrong = "nothing is said: %r" % said
    else:
        wrong = real.judge(run, code, said)  # the store got over it
    if not wrong and code == 6:
        if run.lines() or os.path.exists(run.state + "/runs.db"):
            wrong = resumed(run)
    asked += run.asked
    if wrong:
        broken.append(what + ": " + wrong)
    else:
        passed += 1


def resumed(run):
    code, said = run.resume()
    if code == 2 and re.search(r"no such run|no runs on record|no run", said):
        # nothing had begun; or all of it came through, its end as well, and only its sync had failed
        if run.lines() in ([], real.whole_run(run.ends)) or sorted(run.lines()) == sorted(real.whole_run(run.ends)):
            return None
        return "lines, and nothing on record: %s" % run.lines()
    if code == 4 and "has ended" in said:  # all but the last sync's answer had come through
        code = 1 if run.ends == "badly" else 0
    return real.judge(run, code, said)


def small_disk():
    """A file system of its own that fills up: made larger, the run goes on."""
    global passed
    where = base + "/disk"
    os.makedirs(where)
    for size in range(1, 40, max(1, every // 4)):
        kib = 4 * (8 + size)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%dk" % kib, "none", where]).returncode != 0:
            print("a full disk: not run, as this user may not mount a tmpfs")
            return
        try:
            run = real.Run(base + "/run", real.program(), "badly")
            run.state = where
            code, said = run.call(run.command())
            exits[code] = exits.get(code, 0) + 1
            before = run.lines()
            wrong = None
            if code == 6:
                subprocess.run(["mount", "-o", "remount,size=4m", where], check=True)
                wrong = resumed(run) if before or "cannot be kept" not in said else None
            else:
                wrong = real.judge(run, code, said)
            if wrong:
                broken.append("a disk of %d KiB: %s" % (kib, wrong))
            else:
                passed += 1
        finally:
            subprocess.run(["umount", where])


began = time.time()
for ends in ("well", "badly"):
    for name in ("pwrite64", "fdatasync", "ftruncate", "openat"):
        calls = count(ends, name)
        for error in ("ENOSPC", "EIO", "EINTR"):
            if error == "EINTR" and name == "openat":
                continue
            for number in range(1 + every // 2 if every > 1 else 1, calls + 1, every):
                one(ends, name, error, number, False)
                if error != "EINTR":
                    one(ends, name, error, number, True)
small_disk()
print("faults of the store: %d runs in %.0f s; exit codes %s; questions answered by looking: %d"
      % (passed + len(broken), time.time() - began, dict(sorted(exits.items())), asked))
shutil.rmtree(base, ignore_errors=True)
real.close("faults", passed, broken)
