#!/usr/bin/env python3
"""sink.py FOLDER: SMTP on port 2525 and HTTP on port 8025; each message becomes a file of FOLDER, numbered as they came.

  000001-mail.json   from, to, data (the message as it was sent)
  000002-http.json   method, path, headers, body, json (the body read as JSON, or null)

A request is answered with 200 and `ok` (a chat's webhook), or, where its body is JSON, {"id": "NUMBER"} (a status page). Paths
that begin so answer otherwise: /status/CODE with that status, /slow/SECONDS after so long, /hang never, /large with 20 MB.
A GET or HEAD that has no body and asks for nothing special is not kept. Mail to refused@… is refused for good, mail to
later@… for now.
"""
import asyncio
import itertools
import json
import pathlib
import sys

from aiosmtpd.smtp import SMTP

folder = pathlib.Path(sys.argv[1])
numbers = itertools.count(1 + max((int(path.name[:6]) for path in folder.glob("[0-9]*.json")), default=0))


def keep(kind, what):
    """By rename, so that a reader sees whole files only. Readable by all: the reader is another user."""
    number = next(numbers)
    part = folder / f"{number:06}.part"
    part.write_text(json.dumps(what, indent=1) + "\n")
    part.rename(folder / f"{number:06}-{kind}.json")
    return number


class Mail:
    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        name = address.partition("@")[0]
        if name == "refused":
            return "550 no such user"
        if name == "later":
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server, _session, envelope):
        keep("mail", {"from": envelope.mail_from, "to": envelope.rcpt_tos,
                      "data": envelope.original_content.decode(errors="replace")})
        return "250 OK"


async def answer(reader, writer):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head[:-4].split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode(errors="replace")
    status, reply = 200, b"ok"
    _, word, *rest = path.split("/")
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    if word == "slow":
        await asyncio.sleep(float(rest[0]))
    elif word == "hang":
        await asyncio.sleep(3600)
    elif word == "status":
        status = int(rest[0])
    elif word == "large":
        reply = b"x" * 20_000_000
    if body or method not in ("GET", "HEAD") or word in ("slow", "status", "large"):
        number = keep("http", {"method": method, "path": path, "headers": headers, "body": body, "json": parsed})
        if parsed is not None and reply == b"ok" and not path.startswith(("/slack", "/hooks", "/services")):
            reply = b'{"id": "%d"}\n' % number
    kind = "application/json" if reply.startswith(b"{") else "text/plain"
    writer.write(f"HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\nContent-Length: {len(reply)}\r\n"
                 "Connection: close\r\n\r\n".encode() + (b"" if method == "HEAD" else reply))
    await writer.drain()


async def serve(reader, writer):
    try:
        await answer(reader, writer)
    except (OSError, ValueError, IndexError, asyncio.IncompleteReadError):
        pass                              # it was no request, or nobody waits for the answer
    finally:
        writer.close()


async def main():
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(Mail(), hostname="sink", enable_SMTPUTF8=True), "0.0.0.0", 2525)
    server = await asyncio.start_server(serve, "0.0.0.0", 8025)
    print("serves SMTP on port 2525 and HTTP on port 8025")
    await server.serve_forever()


asyncio.run(main())
