"""real.py - what faults.py, kills.py and memory.py share: real runs of ledger.plan, resumed by an operator who looks."""
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PLAN = "tests/torture/ledger.plan"
FORWARD = ["one", "two", "three", "left", "right", "four"]
BACK = ["undo four", "undo left", "undo right", "undo three", "undo two", "undo one"]


def whole_run(ends):
    """The lines that the ledger has when a run has gone to its end."""
    return FORWARD + (BACK if ends == "badly" else []) + ["end"]


class Run:
    """One run in a folder of its own."""

    def __init__(self, folder, program, ends="well", pause=None):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        self.folder, self.program, self.ends = folder, program, ends
        self.ledger = folder + "/ledger"
        self.state = folder + "/state"
        self.sets = ["--set", "ledger=" + self.ledger, "--set", "ends=" + ends]
        if pause:
            self.sets += ["--set", "pause=" + pause]
        self.asked = 0

    def command(self):
        return [self.program, "run", PLAN, "--state", self.state, "--quiet"] + self.sets

    def lines(self):
        try:
            with open(self.ledger) as file:
                return file.read().splitlines()
        except FileNotFoundError:
            return []

    def call(self, command, seconds=60, **more):
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=seconds, **more)
        return done.returncode, done.stdout.decode(errors="replace")

    def look(self, effect, question):
        """What the operator answers to what is in doubt: is the line in the ledger?"""
        words = re.search(r"""\$2=("[^"]*"|'[^']*'|\S+)""", question)
        if words:
            line = words.group(1).strip("\"'")
        else:
            # file.append shows only how long its text is
            size = int(re.search(r"\((\d+)B\)", question).group(1))
            line = {4: "end" if effect.startswith("finally") else "one", 6: "right", 9: "undo one"}[size]
        return "done" if line in self.lines() else "again"

    def answers(self, said):
        """--in-doubt for each question of a resume that has ended with 5."""
        options = []
        for line in said.splitlines():
            asked = re.search(r"in doubt \((.*?)\): ", line)
            if asked:
                self.asked += 1
                options += ["--in-doubt", "%s=%s" % (asked.group(1), self.look(asked.group(1), line))]
        return options

    def resume_command(self, options=()):
        return [self.program, "resume", "--state", self.state, "--quiet"] + list(options)

    def resume(self):
        """Until it has ended. The last exit code, and all that was said."""
        said, options = "", []
        for _ in range(12):
            code, text = self.call(self.resume_command(options))
            said += text
            if code != 5:
                break
            options += self.answers(text)
        return code, said


def judge(run, code, said):
    """None, or what is wrong with a run that has come to its end."""
    lines, whole = run.lines(), whole_run(run.ends)
    if sorted(lines) != sorted(whole):
        return "the ledger is %s (exit %s): %s" % (lines, code, said[-300:])
    # what ran side by side may stand either way round
    calm = [x for x in lines if x not in ("left", "right", "undo left", "undo right")]
    if calm != [x for x in whole if x not in ("left", "right", "undo left", "undo right")]:
        return "the ledger's order is %s" % lines
    if code != (1 if run.ends == "badly" else 0):
        return "exit code %d: %s" % (code, said[-300:])
    return None


def program():
    return os.environ.get("RUNPLAN", os.path.join(ROOT, "runplan"))


def close(what, passed, broken):
    for text in broken[:20]:
        print("BROKEN " + text)
    print("%s: %d passed, %d failed" % (what, passed, len(broken)))
    sys.exit(1 if broken or not passed else 0)
