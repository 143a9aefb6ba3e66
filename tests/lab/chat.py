#!/usr/bin/env python3
"""chat.py TEXT URL...: a WebSocket to each ws://HOST:PORT/PATH; the first says TEXT. Prints what each heard, a line each.

Ends with 0 when all heard something within two seconds, else with 1 and the reason (also when one is refused).
"""
import base64
import os
import socket
import struct
import sys
from urllib.parse import urlsplit


class Refused(Exception):
    pass


def read(stream, n):
    data = stream.read(n)
    if len(data) < n:
        raise Refused("the server closed the connection")
    return data


def join(url):
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), 2)
    connection.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n".encode())
    stream = connection.makefile("rb")
    status = stream.readline().decode().split(" ", 1)[1].strip()
    while stream.readline() not in (b"\r\n", b""):
        pass
    if not status.startswith("101"):
        raise Refused(status)
    return connection, stream


def hear(stream):
    first, length = read(stream, 2)
    if length == 126:
        length, = struct.unpack(">H", read(stream, 2))
    data = read(stream, length)
    if first & 0x0F == 0x8:
        raise Refused(f"closed with {struct.unpack('>H', data[:2])[0]}")
    return data.decode()


text = sys.argv[1].encode()
try:
    clients = [join(url) for url in sys.argv[2:]]
    mask = os.urandom(4)
    size = bytes([0x80 | len(text)]) if len(text) < 126 else b"\xfe" + struct.pack(">H", len(text))
    clients[0][0].sendall(b"\x81" + size + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(text)))
    for _, stream in clients:
        print(hear(stream))
except (Refused, OSError) as e:
    sys.exit(str(e))
