#!/usr/bin/env python3
"""kills.py [INSTANTS [SEED]]: the real program killed at random instants, and resumed by an operator who looks.

Each run leaves a line in a ledger per change: by file.append, and by a shell that takes its time. It is killed with SIGKILL
at an instant between its start and its end; every third one is killed once more while it is resumed. What is in doubt is
answered with what stands in the ledger as soon as it is asked: a resume asks when the shells of the killed process are gone. At the end the ledger is a whole run's, each line once.
"""
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import real

PAUSE = 0.03
instants = int(sys.argv[1]) if len(sys.argv) > 1 else 60
seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
luck = random.Random(seed)
base = tempfile.mkdtemp(prefix="torture-kills.")
broken, passed, asked, twice, ended_before = [], 0, 0, 0, 0


def kill(command, after):
    """Does it die of it?"""
    process = subprocess.Popen(command, cwd=real.ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def kill_resume(run, after):
    """Resumes, what is in doubt being answered, and kills that as well. Does it die of it?"""
    options = []
    for _ in range(3):
        with open(run.folder + "/said", "w+") as said:
            process = subprocess.Popen(run.resume_command(options), cwd=real.ROOT, stdin=subprocess.DEVNULL, stdout=said,
                                       stderr=subprocess.STDOUT)
            try:
                if process.wait(timeout=after) != 5:
                    return False
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                return process.wait() == -signal.SIGKILL
            said.seek(0)
            options += run.answers(said.read())
    return False


def calm(ends):
    run = real.Run(base + "/calm", real.program(), ends, "%dms" % (PAUSE * 1000))
    began = time.time()
    code, said = run.call(run.command())
    wrong = real.judge(run, code, said)
    if wrong:
        broken.append("without a kill: " + wrong)
    return time.time() - began


lengths = {ends: calm(ends) for ends in ("well", "badly")}
began = time.time()
for number in range(instants):
    ends = ("well", "badly")[number % 2]
    # spread over the run's length, so that all of its phases are hit
    after = (number // 2 + luck.random()) / ((instants + 1) // 2) * lengths[ends]
    run = real.Run(base + "/run", real.program(), ends, "%dms" % (PAUSE * 1000))
    what = "seed %d, number %d, %s, killed after %.0f ms" % (seed, number, ends, after * 1000)
    died = kill(run.command(), after)
    if died and number % 3 == 0:
        again = luck.random() * lengths[ends] / 2
        what += ", again after %.0f ms" % (again * 1000)
        twice += kill_resume(run, again)
    code, said = run.resume()
    expected = 1 if ends == "badly" else 0
    if code == 2 and re.search(r"no runs on record|no such run", said) and not run.lines() and not died:
        wrong = "it ended, and is not on record"
    elif code == 2 and re.search(r"no runs on record|no such run", said):
        # either nothing was on record yet, or it had ended
        ended_before += 1
        wrong = real.judge(run, expected, said) if run.lines() else None
    else:
        wrong = real.judge(run, code, said)
    asked += run.asked
    if wrong:
        broken.append(what + ": " + wrong)
    else:
        passed += 1
print("killed for real, seed %d: %d runs of %.1f and %.1f s in %.0f s; killed a second time %d; answered by looking %d; "
      "nothing to go on with %d" % (seed, instants, lengths["well"], lengths["badly"], time.time() - began, twice, asked,
                                   ended_before))
shutil.rmtree(base, ignore_errors=True)
real.close("kills", passed, broken)
