#!/usr/bin/env python3
"""kill.py calm|kill ...: a run that SIGKILL ends at a chosen instant, gone on with, and held against the engine's own book.

  calm FOLDER NAME -- COMMAND...       runs COMMAND to its end: what it did and when is kept as FOLDER/NAME
  kill FOLDER NAME NUMBER OF SEED [--back] [--twice] [--late] [--answer CODE] -- COMMAND...
                                       the same, killed at instant NUMBER of OF, spread over what NAME did when it was calm
  kill FOLDER - NUMBER ... SEED        killed in its change NUMBER, with no calm run to hold it against
  totals FOLDER                        what became of all of them

Instants with an even number are spread over the time that the run takes, those with an odd one over its changes, each at a
random share of what the change takes. An instant is so many seconds behind the last landmark before it (a step, a handler
or a change that begins, a hold), and no later than the next one, so that it is the same on a machine that is busier by now. --back: only over the way
back, of a run that has one. --twice: what goes on with it is killed as well. --late: whoever goes on comes so late that the engine has forgotten the
ends of commands. COMMAND is `runplan run ...`.

Docker's events are the ledger: which commands ran in containers, and which containers were made. Exit code 0: the run has
come to the end that it has when nobody kills it, and the promises hold.
"""
import argparse
import collections
import json
import os
import random
import re
import select
import signal
import subprocess
import sys
import time

ASKS = 6          # as often as a person is asked before that counts as going nowhere
HANGS = 300       # seconds after which something hangs


# ---- a run, followed by what it tells ----

class Run:
    def __init__(self, command, errors):
        self.process = subprocess.Popen(command + ["--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
        self.events, self.rest, self.started = [], b"", time.monotonic()

    def read(self, seconds):
        """More events, or not within so many seconds. False: there will be none."""
        ready, _, _ = select.select([self.process.stdout], [], [], max(0, seconds))
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 1 << 16)
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        self.events += [json.loads(line) for line in lines if line]
        return bool(data)

    def follow(self, until=lambda events: False):
        """To its end, or until so much was told. Was it?"""
        while not until(self.events):
            if time.monotonic() - self.started > HANGS:
                sys.exit("the run hangs: %s" % self.events[-1:])
            if not self.read(1):
                return False
        return True

    def kill_after(self, seconds, before=lambda events: False):
        """Is it still alive after so many seconds, or when so much was told? It is dead in any case."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not before(self.events) and self.read(end - time.monotonic()):
            pass
        self.process.send_signal(signal.SIGKILL)
        code = self.end()
        return code == -signal.SIGKILL

    def end(self):
        self.follow()
        return self.process.wait()


def data(event, name):
    return (event["data"] or {}).get(name) if isinstance(event["data"], dict) else None


def is_change(event):
    return event["type"] == "effect.started" and data(event, "class") == "change"


def is_landmark(event):
    return is_change(event) or event["type"] in ("step.started", "handler.started", "holding", "run.ended")


def landmarks(events):
    return [event for event in events if is_landmark(event)]


def passed(events, mark):
    """Is the next landmark there, or has the change ended that is this one?"""
    marks = landmarks(events)
    if not 0 <= mark < len(marks):  # its start; or it ended before
        return len(marks) > mark + 1
    return len(marks) > mark + 1 or any(e["type"] == "effect.ended" and e["id"] == marks[mark]["id"] for e in events)


def changes(events):
    return [event for event in events if is_change(event)]


def alike(shown):
    """The same for each run: without times, and what was measured."""
    return re.sub(r"\d{8}T\d{6}Z", "TIME", re.sub(r" is [\d.]+\S*, must .*", " breached", shown))


def what_was_done(events):
    """The changes in their order."""
    return [alike(data(event, "shown")) for event in changes(events)]


def steps(events):
    """What was begun: a bad release that few have asked yet may be found out a rung later than the last time."""
    return {event["text"] for event in events if event["type"] == "step.started"}


# ---- the engine's book ----

class Book:
    """What Docker says happened to containers, from now on."""

    def __init__(self, path):
        self.file = open(path, "w+")
        self.process = subprocess.Popen(
            ["docker", "events", "--filter", "type=container", "--filter", "event=create", "--filter", "event=exec_start",
             "--filter", "event=exec_die", "--format", "{{json .}}"], stdin=subprocess.DEVNULL, stdout=self.file)
        self.mark()

    def mark(self):
        """The book has come so far: a command that does nothing is in it."""
        mark = "runplan-mark-%d" % time.monotonic_ns()
        end = time.monotonic() + HANGS
        container = os.environ["LAB_PREFIX"] + "nginx"
        while mark not in open(self.file.name).read():
            if time.monotonic() > end:
                sys.exit("docker events tells nothing")
            subprocess.run(["docker", "exec", container, "true", mark], check=True)
            time.sleep(0.1)

    def close(self):
        self.mark()
        self.process.terminate()
        self.process.wait()
        with open(self.file.name) as file:
            self.rows = [json.loads(line) for line in file]

    def of(self, action):
        return [row for row in self.rows if row["Action"].split(":")[0] == action]

    def attribute(self, row, name):
        return row["Actor"]["Attributes"].get(name)

    def made(self):
        """Containers of the lab; others may use the engine as well."""
        project = os.environ["COMPOSE_PROJECT_NAME"]
        return [row for row in self.of("create") if self.attribute(row, "com.docker.compose.project") == project]

    def codes(self):
        """The exit code of each command that ran in a container, by its id."""
        ended = {self.attribute(row, "execID"): self.attribute(row, "exitCode") for row in self.of("exec_die")}
        return {self.attribute(row, "execID"): ended.get(self.attribute(row, "execID")) for row in self.of("exec_start")}


# ---- on record ----

def runplan(*arguments):
    return subprocess.run([os.environ["RUNPLAN"], *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=HANGS)


def on_record(run):
    """All events of a run; none where it is not on record."""
    told = runplan("show", run, "--json") if run else None
    if not told or told.returncode != 0:
        return []
    return [event for event in map(json.loads, told.stdout.splitlines()) if "type" in event]


def open_changes(events):
    begun = {}
    for event in events:
        if is_change(event):
            begun[event["id"]] = event
        elif event["type"] == "effect.ended":
            begun.pop(event["id"], None)
    return list(begun.values())


def phase(events):
    types = {event["type"] for event in events}
    if not events:
        return "not on record yet"
    if "run.ended" in types:
        return "ended"
    if "unwinding" in types:
        return "rolling back"
    return "forward" if changes(events) else "before the first change"


# How the rows of these plans say that what is in doubt is settled: see `runplan doc`.
LOOKS = ("pg.dump", "compose.up", "docker.exec")


def settled(events, asked, codes, late):
    """[(builtin, how)] of what was in doubt, by the record of the whole run."""
    found = []
    for at, event in enumerate(events):
        if event["type"] != "resumed":
            continue
        for change in open_changes(events[:at]):
            notes = [e for e in events[:at] if e["type"] == "effect.note" and e["id"] == change["id"]]
            later = [e for e in events[at:] if e["id"] == change["id"] and e["type"] in ("effect.note", "effect.ended")]
            if change["text"] not in LOOKS:
                how = "repeated"
            elif change["id"] in asked:
                how = "a person: " + asked[change["id"]]
            elif not later:
                how = "in doubt again"
            elif later[0]["type"] == "effect.ended" and later[0]["elapsed"] == event["elapsed"]:
                how = "looked: done" if data(later[0], "kind") == "ok" else "the plan: rolled back"
            elif notes and data(notes[-1], "exec") in codes:
                code = codes[data(notes[-1], "exec")] if not late else exit_code_now(data(notes[-1], "exec"))
                how = "the plan: again" if str(code) != "0" else "AGAIN, AND THE ENGINE KNEW THAT IT WAS DONE"
            else:
                how = "looked: again"
            found.append((change["text"], how))
    return found


# ---- the promises ----

def judge(book, events, calm, expected, doubts, lines):
    broken = ["%s was done %s" % pair for pair in doubts if pair[1].startswith("AGAIN")]
    ended = events[-1] if events else None
    if not ended or ended["type"] != "run.ended":
        return ["the record does not end with the run's end: %s" % (ended and ended["type"])]
    if data(ended, "exit") != expected:
        broken.append("it ended %s with %s" % (ended["text"], data(ended, "exit")))
    if calm and expected == 0 and steps(events) != steps(calm):
        broken.append("other steps than without a kill: %s" % (steps(events) ^ steps(calm)))
    if calm and steps(events) == steps(calm) and what_was_done(events) != what_was_done(calm):
        done, wanted = collections.Counter(what_was_done(events)), collections.Counter(what_was_done(calm))
        broken.append("other changes than without a kill, or in another order: more %s, fewer %s" % (
            list((done - wanted).elements()), list((wanted - done).elements())))
    # Commands in containers: each that ran is on record, and one with an outcome ran once.
    noted = {data(e, "exec"): e["id"] for e in events if e["type"] == "effect.note" and data(e, "exec")}
    outcome = {e["id"]: e for e in events if e["type"] == "effect.ended"}
    tries = collections.Counter()
    for row in book.of("exec_start"):
        command = row["Action"].split(": ", 1)[1]
        effect = noted.get(book.attribute(row, "execID"))
        if effect:
            tries[effect] += 1
        elif any(data(change, "shown").endswith(" %s %s" % (book.attribute(row, "name"), command)) for change in changes(events)):
            broken.append("ran, and is not on record: %s" % command)
    again = collections.Counter(name for name, how in doubts if how in ("the plan: again", "a person: again"))
    if sum(tries.values()) > len(tries) + again["docker.exec"]:
        broken.append("commands that ran twice: %s" % tries)
    for change in changes(events):
        if change["text"] == "docker.exec" and data(outcome[change["id"]], "kind") == "ok" and not tries[change["id"]]:
            broken.append("on record as done, and never ran: %s" % data(change, "shown"))
    # Containers: one made for each `compose up`, and another for each that was in doubt and not done.
    ups = sum(change["text"] == "compose.up" for change in changes(events))
    made = len(book.made())
    in_doubt = sum(name == "compose.up" and how != "looked: done" for name, how in doubts)
    if not ups <= made <= ups + in_doubt:
        broken.append("%d containers made by %d compose.up, %d of them in doubt" % (made, ups, in_doubt))
    told = sum(change["text"] == "notify.file" for change in changes(events))
    told_again = sum(name == "notify.file" for name, _ in doubts)
    if not told <= lines <= told + told_again:
        broken.append("%d lines in the log by %d notify.file, %d of them in doubt" % (lines, told, told_again))
    return broken


def log_lines():
    try:
        with open(os.environ["LAB_STATE"] + "/deployments.log") as file:
            return len(file.readlines())
    except FileNotFoundError:
        return 0


def engine(path, *options):
    return subprocess.run(["curl", "-sf", "--unix-socket", "/var/run/docker.sock", *options, "http://engine/v1.41" + path],
                          stdout=subprocess.PIPE).stdout


def exit_code_now(command):
    """126 where the engine has lost it, None where the command is gone with its container."""
    told = engine("/exec/%s/json" % command)
    return json.loads(told)["ExitCode"] if told else None


def engine_forgets():
    """The events that it remembers, 256 of them, are of something else."""
    engine("/containers/%snginx/exec?n=[1-260]" % os.environ["LAB_PREFIX"], "-H", "Content-Type: application/json",
           "-d", '{"Cmd":["true"]}')


# ---- a kill ----

def instant(calm, number, of, luck, back):
    """(landmark, seconds behind it)"""
    marks = landmarks(calm)
    share = number // 2 + luck.random()
    span = share / ((of + 1 - number % 2) // 2)
    begins = next((e["elapsed"] for e in calm if e["type"] == "unwinding"), 0) if back else 0
    if number % 2 == 0:
        at = begins + span * (marks[-1]["elapsed"] - begins)
        mark = max((i for i, event in enumerate(marks) if event["elapsed"] <= at), default=-1)
        return mark, at - (marks[mark]["elapsed"] if mark >= 0 else 0)
    of_run = [event for event in changes(calm) if event["elapsed"] >= begins]
    change = of_run[int(span * len(of_run))]
    took = next(e["elapsed"] for e in calm if e["type"] == "effect.ended" and e["id"] == change["id"]) - change["elapsed"]
    return marks.index(change), luck.random() * took


def answers(text):
    """To what nothing else settles: all that is done here may be done again."""
    return {effect: "again" for effect in re.findall(r"in doubt \((.*?)\): ", text)}


def resume(run, errors, asked, kill_after=None):
    """The exit code, or None where it was killed."""
    for _ in range(ASKS):
        options = [word for effect, what in asked.items() for word in ("--in-doubt", "%s=%s" % (effect, what))]
        begin = errors.tell()
        going = Run([os.environ["RUNPLAN"], "resume", run, "--yes"] + options, errors)
        if kill_after is not None:
            if going.kill_after(kill_after):
                return None
            code = going.process.returncode
        else:
            code = going.end()
        if code != 5:
            return code
        with open(errors.name) as file:
            file.seek(begin)
            asked.update(answers(file.read()))
    return 5


def kill(options):
    luck = random.Random("%s %s" % (options.seed, options.number))
    if options.name == "-":
        calm, behind = [], luck.random() * 0.1
    else:
        with open("%s/%s" % (options.folder, options.name)) as file:
            calm = json.load(file)
        mark, behind = instant(calm, options.number, options.of, luck, options.back)
    twice = luck.random()
    errors = open(options.folder + "/out", "a+")
    book = Book(options.folder + "/book")
    lines, asked = log_lines(), {}

    run = Run(options.command, errors)
    if calm:
        run.follow(lambda events: len(landmarks(events)) > mark)
    else:
        run.follow(lambda events: len(changes(events)) == options.number)
        mark = len(landmarks(run.events)) - 1
    told = landmarks(run.events)
    at = (data(told[mark], "shown") or told[mark]["text"] or told[mark]["type"]) if 0 <= mark < len(told) else "its start"
    died = run.kill_after(behind, lambda events: passed(events, mark))
    name = run.events[0]["run"] if run.events else None
    record = on_record(name)
    where, in_doubt, second = phase(record), open_changes(record), ""
    code = run.process.returncode
    if record and where != "ended":
        if options.late:
            engine_forgets()
        if options.twice:
            left = max(0.5, calm[-1]["elapsed"] - record[-1]["elapsed"]) if calm else 5
            # every other one while what is in doubt is settled
            code = resume(name, errors, asked, twice * (0.3 if options.number % 2 else left))
            if code is None:
                record = on_record(name)
                second = phase(record)
        if not second or second != "ended":
            code = resume(name, errors, asked) if not options.twice or code is None else code
    book.close()
    record = on_record(name)
    doubts = settled(record, asked, book.codes(), options.late)
    if record:
        broken = judge(book, record, calm, options.answer, doubts, log_lines() - lines)
        if code not in (options.answer, -signal.SIGKILL):
            broken.append("exit code %s" % code)
    else:
        done = [book.attribute(row, "name") for row in book.made()]
        broken = ["it is not on record, and there was made: %s" % done] if done else []
        code = "nothing done"
    fact = {"number": options.number, "died": died, "phase": where, "second": second, "code": code,
            "in doubt": doubts, "broken": broken}
    with open(options.folder + "/facts", "a") as file:
        file.write(json.dumps(fact) + "\n")
    print("  %2d %-4s killed %.3f s behind \"%s\": %s%s%s%s" % (
        options.number, options.name, behind, at[:60],
        where, "; again: " + second if second else "",
        "".join("; in doubt: %s" % event["text"] for event in in_doubt),
        "".join("; %s: %s" % pair for pair in doubts)))
    for text in broken:
        print("     BROKEN: " + text)
    print("ends with " + ("nothing" if code == "nothing done" else str(data(record[-1], "exit"))))
    return not broken


def calm(options):
    run = Run(options.command, sys.stderr)
    code = run.end()
    with open("%s/%s" % (options.folder, options.name), "w") as file:
        json.dump(run.events, file)
    print("  without a kill: %.1f s, %d changes, %s" % (run.events[-1]["elapsed"], len(changes(run.events)), run.events[-1]["text"]))
    print("ends with %s" % code)
    return code == options.answer


def totals(options):
    with open(options.folder + "/facts") as file:
        facts = [json.loads(line) for line in file]
    count = collections.Counter(fact["phase"] for fact in facts)
    seconds = collections.Counter(fact["second"] for fact in facts if fact["second"])
    doubts = collections.Counter(": ".join(pair) for fact in facts for pair in fact["in doubt"])

    def listed(counter):
        return ", ".join("%s %d" % pair for pair in sorted(counter.items())) or "none"
    print("  %d killed: %s" % (len(facts), listed(count)))
    print("  killed again while it went on: %s" % listed(seconds))
    print("  in doubt: %s" % listed(doubts))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    for what in ("calm", "kill", "totals"):
        command = commands.add_parser(what)
        command.add_argument("folder")
        if what == "totals":
            continue
        command.add_argument("name")
        command.add_argument("--answer", type=int, default=0)
        if what == "kill":
            command.add_argument("number", type=int)
            command.add_argument("of", type=int)
            command.add_argument("seed")
            command.add_argument("--back", action="store_true")
            command.add_argument("--twice", action="store_true")
            command.add_argument("--late", action="store_true")
    arguments = sys.argv[1:]
    rest = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_args(arguments[:rest])
    options.command = arguments[rest + 1:]
    sys.exit(not {"calm": calm, "kill": kill, "totals": totals}[options.what](options))


main()
