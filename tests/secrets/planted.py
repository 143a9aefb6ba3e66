#!/usr/bin/env python3
"""planted.py RUNPLAN [--short] [ROW...]: planted secrets that must show nowhere.

40 secrets of many alphabets go through every call of the builtin table that may take one (`runplan doc --markdown`
says which, and for which arguments; a new row is covered without a line here, or fails for want of an argument). What
they reach are servers and commands that answer, and fail, with secrets in 14 encodings. Then none of them may stand, in
any encoding, in what runplan printed (plain and --verbose, or --json), in --journal, in the store and its -wal, in
files below TMPDIR, nor in a command line of any process; in the environment of a child only where the call has an `env`.

The search is held to itself first: the same calls with values that nobody has called secret must be found, each in each
encoding. Closes with `N passed, N failed`.
"""
import base64, glob, html, json, os, re, shutil, socket, ssl, subprocess, sys, tempfile, threading, time, urllib.parse

RUNPLAN = os.path.realpath(sys.argv[1])
SHORT = "--short" in sys.argv
ONLY = [a for a in sys.argv[2:] if not a.startswith("-")]
WORK = tempfile.mkdtemp(prefix="planted.")
PLACES = {}
passed = failed = 0


def alphabet(seed, chars, length):
    out, x = "", seed * 7919 + 17
    for _ in range(length):
        x = (x * 1103515245 + 12345) & 0x7FFFFFFF
        out += chars[(x >> 8) % len(chars)]
    return out


def planted():
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    kinds = [
        plain, plain + "-_.~", "abcxyz'", 'abcxyz"', "abcxyz\\", "abcxyz'\"\\`$", "abc xyz", "abcxyz+/=", "abc%xyz%25&=?#",
        "xyz.*+?^$()[]{}|\\", "<>&'\"abc;", "äöüßéabc", "日本語鍵abc", "🔑🔒abc", "$(id)`x`${a}", "0123456789abcdef",
    ]
    out = [alphabet(i, kinds[i % len(kinds)], 14 + i) for i in range(30)]
    out += ["exactly8", "p'ss\"w\\d", "line-one-of\nline-two-of\nline-three", "windows-line\r\nanother-line",
            "aHVudGVyMi1odW50ZXIy", "tab\tin-between\tthem", "postgres-p@ss:w/rd?x=1#y",
            "leading-%41%42-and-\\u0041-\\x41", alphabet(91, plain, 4096), alphabet(92, plain + " '\"\\%&+/=<>$", 4096)]
    return [s if re.search(r"[^\s]$", s) else s[:-1] + "x" for s in out]


SECRETS = planted()
assert len(SECRETS) == 40 and all(len(s.encode()) >= 8 for s in SECRETS)


def encodings(secret):
    raw = secret.encode()
    ascii_json = json.dumps(secret)[1:-1]
    return {
        "as it is": raw,
        "base64": base64.b64encode(raw),
        "base64 behind a byte": base64.b64encode(b":" + raw)[2:(1 + len(raw)) * 8 // 6],
        "base64 for URLs": base64.urlsafe_b64encode(raw).rstrip(b"="),
        "percent": urllib.parse.quote(secret, safe="").encode(),
        "percent, small, +": re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), urllib.parse.quote_plus(secret)).encode(),
        "JSON": json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "JSON, \\u and \\/": ascii_json.replace("/", "\\/").encode(),
        "JSON in JSON": json.dumps(ascii_json)[1:-1].encode(),
        "shell '": secret.replace("'", "'\\''").encode(),
        "shell $'": secret.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t").encode(),
        "hexadecimal": raw.hex().encode(),
        "HTML": html.escape(secret).encode(),
        "SQL": secret.replace("'", "''").encode(),
    }


FORMS = [encodings(s) for s in SECRETS]


def patterns(form):
    """Of a long one any piece would tell: its begin, middle and end are looked for too."""
    out = [form]
    if len(form) > 400:
        out += [form[k:k + 40] for k in (0, len(form) // 2, len(form) - 44)]
    return [p for p in out if len(p) >= 8 or p is form]


def search(data):
    return [(i, name) for i, forms in enumerate(FORMS) for name, form in forms.items() if any(p in data for p in patterns(form))]


# What answers say: secrets in turn, in every encoding. One line each, as tools do.
turn = reached = 0
lock = threading.Lock()


def echo(count=2):
    global turn
    out = b""
    with lock:
        for _ in range(count):
            out += b"\n".join(b"denied: " + f.replace(b"\n", b"\n") + b"." for f in FORMS[turn % 40].values()) + b"\n"
            turn += 1
    return out


# ---- servers ----

def serve(handle, path=None):
    if path:
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
    else:
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
    server.listen(64)

    def loop():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=guarded, args=(connection,), daemon=True).start()

    def guarded(connection):
        global reached
        reached += 1
        try:
            connection.settimeout(20)
            handle(connection)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            connection.close()

    threading.Thread(target=loop, daemon=True).start()
    return None if path else server.getsockname()[1]


def http(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    said = head + b"\n" + body + b"\n" + echo()
    fault = turn % 5
    if fault == 1:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n" + said)  # cut off
        return
    if fault == 2:
        said = json.dumps({"message": said.decode("utf-8", "replace"), "error": "denied"}).encode()
    status = [b"500 Broken", b"", b"401 Unauthorized", b"200 OK", b"404 Gone"][fault]
    line = re.sub(rb"[\r\n]", b" ", FORMS[turn % 40]["percent"])[:60]
    connection.sendall(b"HTTP/1.1 " + status + b" " + line + b"\r\nX-Said: " + line + b"\r\nContent-Type: application/json\r\nContent-Length: "
                       + str(len(said)).encode() + b"\r\nConnection: close\r\n\r\n" + said)


def redis(connection):
    data = b""
    while True:
        part = connection.recv(65536)
        if not part:
            return
        data = part
        connection.sendall(b"-ERR unknown command: " + (data + echo()).replace(b"\r", b" ").replace(b"\n", b" ") + b"\r\n")


def postgres(connection):
    def message(kind, payload):
        connection.sendall(kind + (len(payload) + 4).to_bytes(4, "big") + payload)

    def error(said):
        message(b"E", b"SERROR\0C28P01\0M" + said.replace(b"\0", b" ") + b"\0D" + echo(1) + b"\0\0")

    def need(n):
        out = b""
        while len(out) < n:
            part = connection.recv(n - len(out))
            if not part:
                raise OSError
            out += part
        return out

    def startup():
        while True:
            length = int.from_bytes(need(4), "big")
            payload = need(length - 4)
            if payload[:4] in (b"\x04\xd2\x16\x2f", b"\x04\xd2\x16\x30"):
                connection.sendall(b"N")
                continue
            return payload

    startup()
    message(b"R", (3).to_bytes(4, "big"))
    kind = need(1)
    password = need(int.from_bytes(need(4), "big") - 4)
    if turn % 3 == 0:
        error(b"password authentication failed: " + password + echo())
        return
    message(b"R", (0).to_bytes(4, "big"))
    for name, value in (("server_version", "15.4"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on")):
        message(b"S", name.encode() + b"\0" + value.encode() + b"\0")
    message(b"Z", b"I")
    while True:
        kind = need(1)
        payload = need(int.from_bytes(need(4), "big") - 4)
        if kind == b"X":
            return
        if kind in b"QPB":
            error(payload + password + echo())
        if kind in b"QS":
            message(b"Z", b"I")


def smtp(plain):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(WORK + "/certificate", WORK + "/key")
    connection = tls.wrap_socket(plain, server_side=True)
    connection.sendall(b"220 here\r\n")
    while True:
        data = connection.recv(65536)
        if not data:
            return
        if data[:4].upper() == b"EHLO":
            connection.sendall(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
        else:
            said = (data + echo(1)).replace(b"\r", b" ").split(b"\n")
            connection.sendall(b"".join(b"535-" + line[:400] + b"\r\n" for line in said[:-1]) + b"535 no\r\n")


# ---- commands ----

def commands():
    """Each notes its command line and environment as the system shows them, and then says more than it should."""
    bin = os.path.join(WORK, "bin")
    os.mkdir(bin)
    spy = 'n=$(mktemp "$SPY/XXXXXXXX"); cat /proc/$$/cmdline >"$n.cmdline"; cat /proc/$$/environ >"$n.environ"\n'
    talk = ('cat "$SPY/../said/$(( $(date +%N | sed "s/^0*//;s/^$/1/") % 40 ))"\nenv\n'
            'if [ -z "${QUIET_INPUT:-}" ]; then timeout 1 cat; fi\n'
            '{ echo error: "$@"; env; cat "$SPY/../said/$(( $$ % 40 ))"; } >&2\n')
    for name in ("docker", "docker-compose"):
        with open(os.path.join(bin, name), "w") as f:
            f.write('#!/bin/sh\ncase "$*" in *version*) echo 2.20.0; exit;; esac\n' + spy + talk + "exit 1\n")
    with open(os.path.join(bin, "talk"), "w") as f:
        f.write("#!/bin/sh\n" + spy + talk + "exit $(( $$ % 2 ))\n")
    for name in ("pg_dump", "pg_restore", "psql", "git"):
        real = shutil.which(name)
        if real:
            with open(os.path.join(bin, name), "w") as f:
                f.write("#!/bin/sh\n" + spy + 'exec %s "$@"\n' % real)
    for name in os.listdir(bin):
        os.chmod(os.path.join(bin, name), 0o755)
    os.mkdir(os.path.join(WORK, "said"))
    for i, forms in enumerate(FORMS):
        with open(os.path.join(WORK, "said", str(i)), "wb") as f:
            f.write(b"".join(b"denied: " + form + b"\n" for form in forms.values()))
    return bin


# ---- the table ----

def table():
    doc = subprocess.run([RUNPLAN, "doc", "--markdown"], capture_output=True, text=True, check=True).stdout
    rows = []
    for section in re.split(r"\n### ", doc)[1:]:
        signature = re.search(r"^([a-z0-9_.]+)\((.*)\)(?: -> (.*))?$", section, re.M)
        effect = re.search(r"(?m)^\| effect \| (\w+)", section)
        if signature and "secret" in signature[2] and not signature[1].startswith("secret."):
            rows.append((signature[1], split(signature[2]), bool(signature[3]), section, effect[1] if effect else "?"))
    return rows


def split(text):
    out, depth, quoted, part = [], 0, False, ""
    for c in text:
        if c == '"':
            quoted = not quoted
        depth += not quoted and (c in "([{") - (c in ")]}")
        if c == "," and depth == 0 and not quoted:
            out.append(part.strip())
            part = ""
        else:
            part += c
    parameters = []
    for p in out + [part.strip()]:
        name, rest = p.split(":", 1)
        kind, _, fallback = rest.partition("=")
        parameters.append((name.strip(), kind.strip(), bool(fallback)))
    return parameters


def required(row, name, kind):
    space = row.split(".")[0]
    by_name = {
        "container": '"c"', "image": '"image:1"', "registry": '"127.0.0.1:%d"' % PLACES["http"], "user": '"user"', "service": '"web"',
        "sql": '"select 1"', "database": '"db"', "from": '"%s/files/plain"' % WORK, "to": '"%s/out/NUMBER"' % WORK,
        "name": '"name"', "parts": '"name"', "key": '"key"', "value": '"a value"', "method": '"POST"', "query": '"up"',
        "matchers": '{ job: "x" }', "for": "1m", "id": '"3f2504e0-4f89-41d3-9a0c-0305e82c3301"', "text": '"text"', "with": '"other"', "values": '{ a: "x" }',
        "file": '"%s/files/plain"' % WORK, "bucket": '"bucket"', "subject": '"subject"', "body": '"body"', "page": '"page"', "title": '"title"', "path": '"%s/out/file"' % WORK,
        "urls": '["http://127.0.0.1:%d/"]' % PLACES["http"], "password": '"a password of it"',
    }
    if name == "command":
        return '["GET", "key"]' if space == "redis" else '"talk"' if kind.endswith("sh") else '["talk"]'
    if name == "url":
        return {"ws": '"ws://127.0.0.1:%d/"'}.get(space, '"http://127.0.0.1:%d/"') % PLACES["http"]
    if name == "to" and space == "notify":
        return '"ops@example.org"'
    if name in ("from", "to") and row in ("pg.copy_schema", "pg.rename_database"):
        return '"%s"' % name
    if name == "path" and space == "sqlite":
        return '"%s/files/db.sqlite"' % WORK
    if name == "path" and row == "file.replace":
        return '"%s/files/plain"' % WORK
    return by_name.get(name)


def given(row, name, kind, s):
    """The argument `name`, with the secret in it."""
    space, kind = row.split(".")[0], kind.replace("secret ", "")
    if name == "url" and space == "pg":
        return ['"postgres://user:${%s}@127.0.0.1:%d/db?sslmode=disable"' % (s, PLACES["pg"])]
    if name == "url" and space == "redis":
        return ['"redis://:${%s}@127.0.0.1:%d"' % (s, PLACES["redis"])]
    if kind == "url":
        return ['"%s://127.0.0.1:%d/a/${%s}?token=${%s}"' % ("ws" if space == "ws" else "http", PLACES["http"], s, s),
                '"%s://127.0.0.1:1/${%s}"' % ("ws" if space == "ws" else "http", s)]
    if kind == "sql" or kind == "sqlite":
        return ['"select ${%s} from nowhere"' % s]
    if kind == "record":
        return ["{ Authorization: %s }" % s if name == "headers" else "{ TOKEN: %s }" % s]
    if kind == "any":
        return ["{ password: %s, list: [%s] }" % (s, s)]
    if kind == "list(string)":
        return ['["SET", "key", %s]' % s if space == "redis" else "[%s]" % s]
    if name == "login":
        return ['"user:${%s}"' % s]
    return [s]


EXTRA = {  # what makes a call reach something here
    "pg": 'url: "postgres://user:password@127.0.0.1:{pg}/db?sslmode=disable"', "redis": 'url: "redis://127.0.0.1:{redis}"',
    "prom": 'server: "http://127.0.0.1:{http}"', "notify.mail": 'smtp: "127.0.0.1:{smtp}", tls: "always", ca: "{work}/certificate", from: "a@example.org"',
    "notify.status_page": 'server: "http://127.0.0.1:{http}"', "prom.silence": 'alertmanager: "http://127.0.0.1:{http}"',
    "prom.unsilence": 'alertmanager: "http://127.0.0.1:{http}"', "s3": 'endpoint: "http://127.0.0.1:{http}", access_key: "an access key", secret_key: "a secret key"',
    "compose": 'directory: "{work}/files"',
}


def calls(row, parameters, s, number):
    for name, kind, _ in parameters:
        if not kind.startswith("secret"):
            continue
        for value in given(row, name, kind, s):
            arguments = {name: value}
            for other, other_kind, optional in parameters:
                if optional or other in arguments:
                    continue
                arguments[other] = required(row, other, other_kind)
                if arguments[other] is None:
                    raise LookupError("%s: planted.py has no value for its argument %s" % (row, other))
            extra = EXTRA.get(row) or EXTRA.get(row.split(".")[0])
            for part in re.findall(r'(\w+): ("[^"]*")', extra or ""):
                if part[0] not in arguments and any(p[0] == part[0] for p in parameters):
                    arguments[part[0]] = part[1].format(**PLACES)
            if any(p[0] == "retries" for p in parameters):
                arguments["retries"] = "0"
            if any(p[0] == "timeout" for p in parameters):
                arguments["timeout"] = "3s"
            if row == "prom.range":
                arguments["over"] = "5m"
            order = [p[0] for p in parameters if p[0] in arguments]
            call = "%s(%s)" % (row, ", ".join("%s: %s" % (n, arguments[n]) for n in order))
            yield call.replace("NUMBER", "%d-%s" % (number, name))


def plan_text(row, parameters, answers, numbers, secret):
    lines = ['plan "Planted" { }', ""]
    if secret:
        lines += ['secret s%d = file("%s/secrets/%d")' % (i, WORK, i) for i in range(40)]
    lines += ["", 'step "Go" {', '  rollback none "a test"']
    if not secret:
        lines += ['  let s%d = file.read("%s/secrets/%d")' % (i, WORK, i) for i in numbers]
    for i in numbers:
        for call in calls(row, parameters, "s%d" % i, i):
            lines += ["  try {", "    let answer = " + call if answers else "    " + call]
            lines += ['    log "${answer}"'] if answers else []
            lines += ["  } catch problem {", '    log "${problem.message}: ${problem.detail}"', "  }"]
    return "\n".join(lines + ["}", ""])


def everything(home, *texts):
    out = [("output", t) for t in texts]
    for folder, _, names in os.walk(home):
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as f:
                    out.append((os.path.relpath(os.path.join(folder, name), home), f.read()))
            except OSError:
                pass
    return out


class Watch(threading.Thread):
    """Command lines of all processes, while runplan runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.stop = set(), False

    def run(self):
        while not self.stop:
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    with open(path, "rb") as f:
                        self.seen.add(f.read())
                except OSError:
                    pass
            time.sleep(0.02)


def run(row, text, options, environ_allowed):
    global reached
    """Everything that the run left, and its output. Searched by the caller."""
    home = tempfile.mkdtemp(dir=WORK)
    os.mkdir(home + "/tmp")
    spy = os.path.join(WORK, "spy")
    shutil.rmtree(spy, ignore_errors=True)
    os.mkdir(spy)
    with open(WORK + "/row.plan", "w") as f:
        f.write(text)
    environment = dict(os.environ, TMPDIR=home + "/tmp", HOME=home, SPY=spy, PATH=PLACES["bin"] + ":" + os.environ["PATH"],
                       DOCKER_HOST="unix://" + WORK + "/engine", RUNPLAN_STATE=home + "/state", LC_ALL="C.UTF-8")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        environment.pop(name, None)
    watch = Watch()
    watch.start()
    done = subprocess.run([RUNPLAN, *[o.replace("HOME", home) for o in options]], cwd=home, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120)
    watch.stop = True
    watch.join()
    told = []
    if "run" in options:  # what is on record, told later
        for words in (["show"], ["show", "--json"], ["runs"]):
            later = subprocess.run([RUNPLAN, *words], cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
            told += [later.stdout, later.stderr]
    found = everything(home, done.stdout, done.stderr, *told)
    lines = [open(p, "rb").read() for p in glob.glob(spy + "/*.cmdline")]
    reached += len(lines)
    environs = [open(p, "rb").read() for p in glob.glob(spy + "/*.environ")]
    found.append(("a command line", b"\n".join(lines + [s for s in watch.seen if b"planted.py" not in s])))
    if not environ_allowed:
        found.append(("an environment", b"\n".join(environs)))
    shutil.rmtree(home, ignore_errors=True)
    return done, found


def around(data, form):
    at = min(data.find(p) for p in patterns(form) if p in data)
    return data[max(at - 60, 0):at + 90]


def judge(name, problems):
    global passed, failed
    if problems:
        failed += 1
        print("FAILED %s: %s" % (name, "; ".join(problems[:6])))
    else:
        passed += 1


def look(row, text, options, environ_allowed, least=0):
    before = reached
    done, found = run(row, text, options, environ_allowed)
    problems = ["%s, secret %d (%s): %r" % (where, i, form, around(data, FORMS[i][form]))
                for where, data in found for i, form in search(data)]
    if done.returncode not in (0, 1, 3) or len(done.stdout + done.stderr) < least:
        problems.append("ended with %d: %s" % (done.returncode, (done.stderr or done.stdout)[-300:].decode("utf-8", "replace")))
    if least and reached == before and row.split(".")[0] not in ("file", "sqlite"):
        problems.append("it reached nothing: " + (done.stderr or done.stdout)[-1500:-500].decode("utf-8", "replace"))
    judge("%s (%s)" % (row, " ".join(o for o in options if o[:2] == "--" or o in ("run", "preview", "check"))), problems)


def control():
    """What nobody has called a secret is found, each in each encoding: in output and journal, and its bytes in the store."""
    parameters = [("command", "list(string)", False), ("input", "secret string", True)]
    lines = ['plan "Control" { }', 'step "Go" {', '  rollback none "a test"']
    lines += ['  log exec(["cat", "%s/said/%d"]).stdout' % (WORK, i) for i in range(40)] + ["}", ""]
    done, found = run("control", "\n".join(lines), ["run", "--verbose", "--journal", "HOME/rows", WORK + "/row.plan"], True)
    wanted = {(i, form) for i, forms in enumerate(FORMS) for form in forms}
    journal = next(data for where, data in found if where == "rows")
    texts = b"\n".join(json_strings(json.loads(line)) for line in journal.splitlines())
    missed = wanted - set(search(texts))
    judge("control: the search finds what is not hidden", ["%d (%s) in the journal" % m for m in sorted(missed)])
    there = set(search(done.stdout + done.stderr))
    one_line = {(i, form) for i, form in wanted if not re.search(rb"[\x00-\x1f\x7f]", FORMS[i][form])}
    judge("control: and in the output", ["%d (%s)" % m for m in sorted(one_line - there)])
    store = b"".join(data for where, data in found if "runs.db" in where)
    judge("control: and in the store", [] if any(form == "hexadecimal" for _, form in search(store)) else ["nothing in %d bytes" % len(store)])


def json_strings(v):
    if isinstance(v, str):
        return v.encode("utf-8", "surrogatepass") + b"\n"
    if isinstance(v, dict):
        return b"".join(json_strings(x) for x in v.values())
    return b"".join(json_strings(x) for x in v) if isinstance(v, list) else b""


def main():
    for folder in ("secrets", "files", "out"):
        os.mkdir(os.path.join(WORK, folder))
    for i, s in enumerate(SECRETS):
        with open(os.path.join(WORK, "secrets", str(i)), "wb") as f:
            f.write(s.encode())
    for name, text in (("plain", "text"), ("docker-compose.yml", "services:\n  web:\n    image: web\n"), ("db.sqlite", "")):
        with open(os.path.join(WORK, "files", name), "w") as f:
            f.write(text)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-days", "2", "-keyout", WORK + "/key", "-out", WORK + "/certificate"],
                   check=True, capture_output=True)
    PLACES.update(http=serve(http), redis=serve(redis), pg=serve(postgres), smtp=serve(smtp), bin=commands(), work=WORK)
    serve(http, WORK + "/engine")
    control()
    rows = [r for r in table() if r[4] != "pure" and (not ONLY or r[0] in ONLY)]
    per = 2 if SHORT else 5
    for number, (row, parameters, answers, section, _) in enumerate(rows):
        try:
            numbers = [(number * 7 + k * 3) % 40 for k in range(per)]
            text = plan_text(row, parameters, answers, sorted(numbers), True)
        except LookupError as problem:
            judge(row, [str(problem)])
            continue
        environment = any(p[0] == "env" for p in parameters)
        plan = WORK + "/row.plan"
        run_options = [["run", "--verbose", "--journal", "HOME/rows", plan], ["run", "--json", plan]]
        for options in run_options if not SHORT else [run_options[number % 2]]:
            look(row, text, options, environment, 500)
        if not SHORT or number % 10 == 0:
            look(row, text, ["preview", "--verbose", plan], environment)
            look(row, text, [plan, "--help"], environment)
    if not ONLY:
        judge("the table", [] if len(rows) >= 50 else ["only %d rows" % len(rows)])
    print("planted secrets: %d rows, %d passed, %d failed" % (len(rows), passed, failed))
    shutil.rmtree(WORK, ignore_errors=True)
    return failed > 0


sys.exit(main())
