#!/usr/bin/env python3
"""memory.py LIBRARY [PLACES [SEED]]: allocations of a run fail in turn.

LIBRARY is build/tests/torture/no_memory.so. Of all allocations that runplan makes in a run, PLACES evenly spread ones (0: all)
fail, one per run. The run must end with exit code 6 and a message, or as it would have; nothing else; no signal. Then it
is resumed, by an operator who looks, and the ledger must be a whole run's. A quarter as many (0: every tenth) are allocations
that its libraries make. Last, every pwrite() is a short one, and the run must not be harmed.
"""
import os
import re
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import real

library = os.path.abspath(sys.argv[1])
places = int(sys.argv[2]) if len(sys.argv) > 2 else 0
seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
base = tempfile.mkdtemp(prefix="torture-memory.")
broken, passed, exits, asked = [], 0, {}, 0


def environment(**more):
    # With a name given nobody is looked up: glibc itself crashes where it has no memory for that.
    return dict(os.environ, LD_PRELOAD=library, RUNPLAN_OPERATOR="operator", **more)


def count(ends, everything):
    run = real.Run(base + "/calm", real.program(), ends)
    more = {"NO_MEMORY_COUNT": base + "/count"}
    if everything:
        more["NO_MEMORY_ALL"] = "1"
    code, said = run.call(run.command(), env=environment(**more))
    wrong = real.judge(run, code, said)
    if wrong:
        broken.append("without a fault: " + wrong)
    with open(base + "/count") as file:
        return int(file.read())


def one(ends, number, everything):
    global passed, asked
    run = real.Run(base + "/run", real.program(), ends)
    more = {"NO_MEMORY": str(number)}
    if everything:
        more["NO_MEMORY_ALL"] = "1"
    code, said = run.call(run.command(), env=environment(**more))
    exits[code] = exits.get(code, 0) + 1
    wrong = None
    if code == -6 and everything:  # libuv ends the process so, by its own design
        code = 6
    elif code < 0:
        wrong = "signal %d" % -code
    elif code == 6 and not said.strip():
        wrong = "it says nothing"
    elif code in (2, 4) and run.lines():
        wrong = "exit code %d, and lines: %s" % (code, run.lines())
    # What a library could not do may have failed a change: then it went back, and the rest is as a failed run's.
    if not wrong and code == 6:
        code, said = run.resume()
        if code == 2 and re.search(r"no runs on record|no such run", said):
            whole = run.lines() == [] or sorted(run.lines()) == sorted(real.whole_run(ends))
            wrong = None if whole else "nothing on record, and lines: %s" % run.lines()
        else:
            wrong = real.judge(run, code, said)
    elif not wrong and code in (0, 1) and not everything:
        wrong = real.judge(run, code, said)
    asked += run.asked
    if wrong:
        broken.append("%s, allocation %d%s: %s" % (ends, number, " of all" if everything else "", wrong))
    else:
        passed += 1


began = time.time()
counts = {}
for ends in ("well", "badly"):
    for everything in (False, True):
        total = count(ends, everything)
        counts[(ends, everything)] = total
        tries = places // (4 if everything else 1) if places else total // (10 if everything else 1)
        step = max(1, total // max(1, tries))
        for number in range(1 + seed % step, total + 1, step):
            one(ends, number, everything)
run = real.Run(base + "/run", real.program(), "badly")
code, said = run.call(run.command(), env=environment(SHORT_WRITES="1"))
wrong = real.judge(run, code, said)
if wrong:
    broken.append("short writes: " + wrong)
else:
    passed += 1
print("allocations: %d and %d of ours, %d and %d with the libraries'; %d runs in %.0f s; exit codes %s; answered by looking %d"
      % (counts[("well", False)], counts[("badly", False)], counts[("well", True)], counts[("badly", True)],
         passed + len(broken), time.time() - began, dict(sorted(exits.items())), asked))
shutil.rmtree(base, ignore_errors=True)
real.close("memory", passed, broken)
