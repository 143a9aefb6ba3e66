#!/usr/bin/env python3
"""postgres.py [CUTS [SEED]]: the real program with its record in a real PostgreSQL server, which fails it at chosen messages.

A proxy counts what the program sends. At the n-th message of a run, for n spread over all of them, one of these happens: the
connection is cut before the server has it, or behind the server's answer, the server's side being closed or left open; the
session is terminated, or the whole server is restarted, while it works on it; the program is killed before or behind it. It
is then waited for, or resumed by an operator who looks; a resume may be cut as well. At the end the ledger is a whole run's,
each line once.
"""
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import real

PAUSE = 0.03
KINDS = ["after", "before", "kill after", "half after", "terminate", "restart", "half before", "kill before"]
cuts = int(sys.argv[1]) if len(sys.argv) > 1 else 64
seed = int(sys.argv[2]) if len(sys.argv) > 2 else int(time.time())
luck = random.Random(seed)
base = tempfile.mkdtemp(prefix="torture-postgres.")


def free_port():
    """Below those that the kernel gives to clients: else one that dials a server which is down may meet itself."""
    while True:
        with socket.socket() as free:
            try:
                free.bind(("127.0.0.1", random.randrange(16000, 32000)))
                return free.getsockname()[1]
            except OSError:
                pass


class Server:
    """A cluster of our own, with a schema for each run."""

    def __init__(self, folder):
        bins = sorted(os.listdir("/usr/lib/postgresql"), key=lambda name: [int(x) for x in re.findall(r"\d+", name)])
        self.bin = "/usr/lib/postgresql/%s/bin/" % bins[-1]
        self.folder = folder
        os.makedirs(folder)
        if os.getuid() == 0:
            os.chmod(os.path.dirname(folder), 0o755)
            user = pwd.getpwnam("postgres")
            os.chown(folder, user.pw_uid, user.pw_gid)
        self.port = free_port()
        self.up = threading.Lock()  # held while it is not
        self.call("initdb", "-D", folder + "/data", "-U", "admin", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
        self.start()

    def call(self, program, *arguments):
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"] if os.getuid() == 0 else []
        subprocess.run(become + [self.bin + program, *arguments], cwd=self.folder, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=120)

    def start(self):
        self.call("pg_ctl", "-D", "data", "-l", "log", "-w", "-t", "60", "-o",
                  "-p %d -k %s -c fsync=off -c max_connections=40" % (self.port, self.folder), "start")

    def stop(self, how):
        self.call("pg_ctl", "-D", "data", "-m", how, "-w", "stop")

    def sql(self, text):
        subprocess.run([self.bin + "psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "admin", "-c", text,
                        "postgres"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    def terminate(self, port):
        """Ends the session whose client has this port, as pg_terminate_backend() does."""
        for name in os.listdir("/proc"):
            try:
                with open("/proc/%s/cmdline" % name) as file:
                    if name.isdigit() and file.read().startswith("postgres: admin postgres 127.0.0.1(%d)" % port):
                        os.kill(int(name), signal.SIGTERM)
            except OSError:
                pass


class Proxy:
    """Hands on what client and server say. At message `at`, `strike` decides what becomes of it."""

    def __init__(self, server):
        self.server = server
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.left_open = []
        self.arm(0, None)
        threading.Thread(target=self.accept, daemon=True).start()

    def arm(self, at, kind, victim=None):
        """`victim` tells the process that is to be killed."""
        with self.lock:
            self.count, self.at, self.kind, self.victim, self.struck = 0, at, kind, victim, False

    def forget(self):
        """The server finds out that who is gone is gone, as its keepalive does after half a minute."""
        while self.left_open:
            side = self.left_open.pop()
            try:
                side.shutdown(socket.SHUT_RDWR)  # a thread may be reading it: close() alone would say nothing
            except OSError:
                pass
            side.close()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try:
                upstream = socket.create_connection(("127.0.0.1", self.server.port))
            except OSError:
                client.close()
                continue
            for each in client, upstream:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = {"client": client, "server": upstream, "deaf": None}
            threading.Thread(target=self.from_client, args=(pair,), daemon=True).start()
            threading.Thread(target=self.from_server, args=(pair,), daemon=True).start()

    def close(self, pair, half=False):
        sides = [pair["client"]] + ([] if half else [pair["server"]])
        if half:
            self.left_open.append(pair["server"])
        for side in sides:
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def from_client(self, pair):
        try:
            while True:
                data = pair["client"].recv(1 << 16)
                if not data:
                    break
                with self.lock:
                    self.count += 1
                    hit = self.count == self.at
                    self.struck |= hit
                if not hit:
                    pair["server"].sendall(data)
                elif not self.strike(pair, data):
                    return
        except OSError:
            pass
        self.close(pair)

    def from_server(self, pair):
        try:
            while True:
                data = pair["server"].recv(1 << 16)
                if not data:
                    break
                if pair["deaf"]:
                    self.close(pair, half=pair["deaf"] == "half after")
                    return
                pair["client"].sendall(data)
        except OSError:
            pass
        self.close(pair)

    def strike(self, pair, data):
        """Does the connection go on?"""
        kind, port = self.kind, pair["server"].getsockname()[1]
        if kind in ("before", "half before"):
            self.close(pair, half=kind == "half before")
            return False
        if kind == "kill before":
            self.victim().kill()
            self.close(pair)
            return False
        if kind in ("after", "half after"):
            pair["deaf"] = kind
        pair["server"].sendall(data)
        if kind == "terminate":
            self.server.terminate(port)
        elif kind == "kill after":
            self.victim().kill()
        elif kind == "restart":
            with self.server.up:
                self.server.stop(luck.choice(["fast", "immediate"]))
                self.server.start()
        return True


class PgRun(real.Run):
    def __init__(self, number, proxy, ends):
        super().__init__(base + "/run", real.program(), ends, "%dms" % (PAUSE * 1000))
        proxy.server.sql("create schema run%d" % number)
        self.state = "postgres://admin@127.0.0.1:%d/postgres?options=-csearch_path%%3Drun%d" % (proxy.port, number)
        self.process = None
        self.environment = dict(os.environ, RUNPLAN_STATE=self.folder + "/locks")

    def call(self, command, seconds=60, **more):
        return super().call(command, seconds, env=self.environment, **more)

    def begin(self):
        self.output = open(self.folder + "/said", "w+")
        self.process = subprocess.Popen(self.command(), cwd=real.ROOT, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=subprocess.STDOUT, env=self.environment)

    def begun(self):
        while not self.process:
            time.sleep(0.001)
        return self.process

    def finish(self):
        code = self.process.wait(timeout=90)
        self.output.seek(0)
        return code, self.output.read()


    def resume(self):
        """Until it has ended; a resume that did not get as far as the run is tried again."""
        said = ""
        for _ in range(5):
            code, text = super().resume()
            said += text
            if code not in (2, 4, 6) or not re.search(r"connection|terminated by", text):
                break
        return code, said


def one(number, proxy, kind, ends, at, again):
    """None, or what is wrong. `again`: the resume is cut as well, at this message."""
    run = PgRun(number, proxy, ends)
    proxy.arm(at, kind, run.begun)
    run.begin()
    code, said = run.finish()
    with proxy.server.up:
        pass
    figures["struck"] += proxy.struck
    if code in (6, -signal.SIGKILL):
        figures["resumed"] += 1
        time.sleep(4 * PAUSE)  # a shell that was started goes on to its end
        proxy.forget()
        proxy.arm(again, "after")
        code, more = run.resume()
        said += more
        figures["asked"] += run.asked
        if re.search(r"no runs on record|no such run", more):
            figures["not kept" if not run.lines() else "had ended"] += 1
            if not run.lines():
                return None
            code = 1 if ends == "badly" else 0
    elif code == 2 and "nothing was run" in said and not run.lines():
        figures["refused"] += 1  # cut off before the run began
        return None
    else:
        figures["went on"] += 1
    wrong = real.judge(run, code, said)
    return wrong and "%s: %s" % (wrong, said[-500:])


def calm(number, proxy, ends):
    run = PgRun(number, proxy, ends)
    proxy.arm(0, None)
    run.begin()
    code, said = run.finish()
    wrong = real.judge(run, code, said)
    if wrong:
        broken.append("without a cut: " + wrong)
    return proxy.count


broken, passed = [], 0
figures = {"struck": 0, "resumed": 0, "went on": 0, "asked": 0, "not kept": 0, "had ended": 0, "refused": 0}
began = time.time()
server = Server(base + "/server")
try:
    proxy = Proxy(server)
    messages = {ends: calm(10000 + i, proxy, ends) for i, ends in enumerate(("well", "badly"))}
    rounds = -(-cuts // len(KINDS))
    for number in range(cuts):
        kind, ends = KINDS[number % len(KINDS)], ("well", "badly")[number // len(KINDS) % 2]
        at = 1 + int((number // len(KINDS) + luck.random()) / rounds * messages[ends])
        again = luck.randrange(1, messages[ends]) if number % 3 == 0 else 0
        what = "seed %d, number %d, %s, %s at message %d, again at %d" % (seed, number, ends, kind, at, again)
        try:
            wrong = one(number, proxy, kind, ends, at, again)
        except subprocess.TimeoutExpired:
            wrong = "it did not end"
        if wrong:
            broken.append(what + ": " + wrong)
        else:
            passed += 1
    print("PostgreSQL, seed %d: %d cuts in runs of %d and %d messages in %.0f s; came to pass %d; went on by themselves %d, "
          "not begun %d, resumed %d, of these not on record yet %d, ended already %d; answered by looking %d"
          % (seed, cuts, messages["well"], messages["badly"], time.time() - began, figures["struck"], figures["went on"],
             figures["refused"], figures["resumed"], figures["not kept"], figures["had ended"], figures["asked"]))
finally:
    try:
        server.stop("immediate")
    except subprocess.SubprocessError:
        pass
    shutil.rmtree(base, ignore_errors=True)
real.close("postgres", passed, broken)
