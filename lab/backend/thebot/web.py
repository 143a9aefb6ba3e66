"""A server for HTTP/1.1, as much as the application needs: bodies with a Content-Length, keep-alive, WebSocket echo.

stop() is what makes a deployment without lost requests possible: no new connection is taken, a request that is being
answered is answered, and only then its connection is closed.
"""
import asyncio
import base64
import hashlib
import struct
from dataclasses import dataclass, field
from http import HTTPStatus

from . import metrics

BODY_LIMIT = 1 << 20
HEAD_TIMEOUT = 75.0


@dataclass
class Request:
    method: str
    path: str
    headers: dict                     # names in lower case
    body: bytes = b""


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    headers: dict = field(default_factory=dict)


class Server:
    """handler(Request) -> Response; is_websocket(Request) -> bool."""

    def __init__(self, handler, is_websocket):
        self.handler, self.is_websocket = handler, is_websocket
        self.idle = set()             # connections between two requests
        self.tasks = set()            # one for each connection
        self.websockets = set()
        self.stopping = False

    async def start(self, port):
        self.server = await asyncio.start_server(self._connection, "0.0.0.0", port, backlog=1024)

    async def stop(self, grace):
        self.stopping = True
        self.server.close()
        for writer in self.idle | self.websockets:
            if writer in self.websockets:
                writer.write(frame(0x8, struct.pack(">H", 1001)))    # "going away"
            writer.close()
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=grace)

    async def _connection(self, reader, writer):
        task = asyncio.current_task()
        self.tasks.add(task)
        try:
            while not self.stopping:
                self.idle.add(writer)
                try:
                    request = await asyncio.wait_for(self._read(reader, writer), HEAD_TIMEOUT)
                finally:
                    self.idle.discard(writer)
                if request is None:
                    break
                if self.is_websocket(request):
                    await self._websocket(request, reader, writer)
                    break
                response = await self.handler(request)
                keep = not self.stopping and request.headers.get("connection", "").lower() != "close"
                writer.write(encode(response, request.method == "HEAD", keep))
                await writer.drain()
                if not keep:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            pass
        except ValueError:
            writer.write(encode(Response(400), False, False))
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _read(self, reader, writer):
        """The next request; None at the end of the connection. ValueError when it is not HTTP."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError as e:
            raise ValueError("head too long") from e
        self.idle.discard(writer)
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if length > BODY_LIMIT:
            raise ValueError("body too long")
        return Request(method, target.partition("?")[0], headers, await reader.readexactly(length))

    async def _websocket(self, request, reader, writer):
        """Echoes every message; answers pings; ends with the peer's close."""
        key = request.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
        writer.write(encode(Response(101, b"", {"Upgrade": "websocket", "Connection": "Upgrade",
                                                "Sec-WebSocket-Accept": accept}), False, True))
        self.websockets.add(writer)
        metrics.add("websocket_connections_active")
        try:
            while True:
                first, second = await reader.readexactly(2)
                opcode, length = first & 0x0F, second & 0x7F
                if length >= 126:
                    size = 2 if length == 126 else 8
                    length = int.from_bytes(await reader.readexactly(size), "big")
                if length > BODY_LIMIT or not second & 0x80:      # a client must mask
                    break
                mask = await reader.readexactly(4)
                data = bytes(b ^ mask[i % 4] for i, b in enumerate(await reader.readexactly(length)))
                reply = {0x9: 0xA}.get(opcode, opcode)
                if opcode != 0xA:
                    writer.write(frame(reply, data, first & 0x80))
                    await writer.drain()
                if opcode == 0x8:
                    break
        finally:
            metrics.add("websocket_connections_active", -1)
            self.websockets.discard(writer)


def frame(opcode, data, final=0x80):
    """A frame of a WebSocket, from server to client (not masked)."""
    n = len(data)
    size = bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n) if n < 65536 else b"\x7f" + struct.pack(">Q", n)
    return bytes([final | opcode]) + size + data


def encode(response, head_only, keep):
    headers = dict(response.headers)
    if response.status != 101:
        headers["Content-Length"] = str(len(response.body))
        headers["Connection"] = "keep-alive" if keep else "close"
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if head_only or response.status == 101 else head + response.body
