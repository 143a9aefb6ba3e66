#!/usr/bin/env python3
"""Steady load on the lab, with a book kept of every request.

  lab/load.py --url http://127.0.0.1:18000/materials/ --rate 200 --out FILE.json [--duration S] [--workers N] [--keep-alive]

Runs until SIGTERM, SIGINT or --duration, lets the requests in flight end, writes FILE.json (by rename) and ends with 0,
also when requests failed: judging is for who reads the file. A failure is a connection error, an answer that does not
come within --timeout, or a status >= 500. Each request has a connection of its own; with --keep-alive a worker keeps one,
and a request that meets a connection the server had closed while idle is sent again once on a new one (retried in the
file; no failure). The file:

  sent, failed, retried, by_status, by_version (header X-Version), rate (answers a second, as reached),
  latency {p50, p95, p99, max} in seconds, started, ended (Unix times), errors (the first 20 failures, time and text),
  timeline [{time, from, to, settled}]: the answers' version changed; answers of both come for a moment, so changes less
  than a second apart are one entry, from the first to the last of them (a canary is one long entry)
"""
import argparse
import asyncio
import itertools
import json
import os
import signal
import time
from collections import Counter
from urllib.parse import urlsplit


class Book:
    def __init__(self):
        self.started = time.time()
        self.sent = self.failed = self.retried = 0
        self.status, self.version = Counter(), Counter()
        self.latency, self.errors, self.timeline = [], [], []
        self.now = None                           # the version of the last answer

    def answer(self, status, version, seconds):
        at = time.time()
        self.status[str(status)] += 1
        self.latency.append(seconds)
        if version:
            self.version[version] += 1
            if version != self.now:
                self.change(at, version)
        if status >= 500:
            self.failure(f"status {status} from {version}")

    def change(self, at, version):
        last = self.timeline[-1] if self.timeline else None
        if last and last["from"] is not None and at - last["settled"] < 1.0:
            last.update(to=version, settled=round(at, 3))
        else:
            self.timeline.append({"time": round(at, 3), "from": self.now, "to": version, "settled": round(at, 3)})
        self.now = version

    def failure(self, text):
        self.failed += 1
        if len(self.errors) < 20:
            self.errors.append({"time": round(time.time(), 3), "error": text})

    def report(self):
        ordered = sorted(self.latency) or [0.0]
        ended = time.time()
        return {
            "sent": self.sent, "failed": self.failed, "retried": self.retried,
            "by_status": dict(self.status), "by_version": dict(self.version),
            "rate": round(len(self.latency) / max(ended - self.started, 1e-6), 1),
            "latency": {name: round(ordered[min(int(len(ordered) * q), len(ordered) - 1)], 5)
                        for name, q in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99), ("max", 1.0))},
            "started": round(self.started, 3), "ended": round(ended, 3),
            "errors": self.errors, "timeline": self.timeline,
        }


class Stale(Exception):
    """The server had closed a kept connection before it saw the request."""


async def exchange(reader, writer, request, reused):
    """Sends one request. Returns status, version and whether the connection may be used again."""
    try:
        writer.write(request)
        line = await reader.readline()
    except ConnectionError as e:
        raise Stale if reused else e
    if not line:
        raise Stale if reused else ConnectionError("closed without an answer")
    status, version, length, keep = int(line.split()[1]), None, None, True
    while (line := await reader.readline()) not in (b"\r\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        name, value = name.lower(), value.strip()
        if name == "x-version":
            version = value
        elif name == "content-length":
            length = int(value)
        elif name == "connection":
            keep = value.lower() != "close"
    if length is None:
        await reader.read()
    else:
        await reader.readexactly(length)
    return status, version, keep and length is not None


async def worker(options, tickets, book, stop):
    url = urlsplit(options.url)
    host, port = url.hostname, url.port or 80
    request = (f"GET {url.path or '/'}{'?' + url.query if url.query else ''} HTTP/1.1\r\nHost: {url.netloc}\r\n"
               f"Connection: {'keep-alive' if options.keep_alive else 'close'}\r\n\r\n").encode()
    kept = None

    async def once():
        nonlocal kept
        reused = kept is not None
        reader, writer = kept or await asyncio.open_connection(host, port)
        kept = None
        keep = False
        try:
            status, version, keep = await exchange(reader, writer, request, reused)
        finally:
            if keep and options.keep_alive:
                kept = reader, writer
            else:
                writer.close()
        return status, version

    for number in tickets:
        if options.rate:
            wait = book.started + number / options.rate - time.time()
            if wait > 0:
                try:
                    await asyncio.wait_for(stop.wait(), wait)
                except asyncio.TimeoutError:
                    pass
        if stop.is_set():
            break
        book.sent += 1
        began = time.monotonic()
        try:
            try:
                answer = await asyncio.wait_for(once(), options.timeout)
            except Stale:
                book.retried += 1
                answer = await asyncio.wait_for(once(), options.timeout)
            book.answer(*answer, time.monotonic() - began)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError, IndexError) as e:
            book.failure(f"{type(e).__name__}: {e}")
    if kept:
        kept[1].close()


async def main():
    parser = argparse.ArgumentParser(description="steady load, written to a file at the end")
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, default=200, help="requests a second; 0 is as many as the workers can")
    parser.add_argument("--workers", type=int, default=16, help="requests in flight at most")
    parser.add_argument("--duration", type=float, help="seconds; without it until SIGTERM or SIGINT")
    parser.add_argument("--timeout", type=float, default=10)
    parser.add_argument("--keep-alive", action="store_true")
    parser.add_argument("--out", required=True)
    options = parser.parse_args()

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if options.duration:
        loop.call_later(options.duration, stop.set)
    book, tickets = Book(), itertools.count()
    await asyncio.gather(*(worker(options, tickets, book, stop) for _ in range(options.workers)))
    report = book.report()
    with open(options.out + ".part", "w", encoding="utf-8") as f:
        json.dump(report, f, indent=1)
        f.write("\n")
    os.replace(options.out + ".part", options.out)
    print(f"load: {report['sent']} sent, {report['failed']} failed, {report['rate']}/s, by version {report['by_version']}")


asyncio.run(main())
