"""A server for HTTP/1.1, as much as the application needs: bodies with a Content-Length, keep-alive, WebSockets.

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

BODY_LIMIT = 8 << 20
MESSAGE_LIMIT = 1 << 20               # of a WebSocket
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


class TooLarge(ValueError):
    pass


class WebSocket:
    """The server's end of one, after the handshake."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def messages(self):
        """The client's texts, until it closes. Pings are answered."""
        whole = b""
        while True:
            first, second = await self.reader.readexactly(2)
            opcode, length = first & 0x0F, second & 0x7F
            if length >= 126:
                size = 2 if length == 126 else 8
                length = int.from_bytes(await self.reader.readexactly(size), "big")
            if not second & 0x80:                                     # a client must mask
                self.close(1002)
                return
            if len(whole) + length > MESSAGE_LIMIT:
                self.close(1009)
                return
            mask = await self.reader.readexactly(4)
            data = bytes(b ^ mask[i % 4] for i, b in enumerate(await self.reader.readexactly(length)))
            if opcode == 0x8:
                self._send(0x8, data[:2])
                return
            if opcode == 0x9:
                self._send(0xA, data)
            elif opcode in (0x0, 0x1):
                whole += data
                if first & 0x80:
                    yield whole.decode(errors="replace")
                    whole = b""
            elif opcode != 0xA:
                self.close(1003)                               # texts only
                return

    def send(self, text):
        self._send(0x1, text.encode())

    def close(self, code):
        self._send(0x8, struct.pack(">H", code))
        self.writer.close()

    def _send(self, opcode, data):
        """Not masked, as from a server."""
        n = len(data)
        size = bytes([n]) if n < 126 else b"\x7e" + struct.pack(">H", n) if n < 65536 else b"\x7f" + struct.pack(">Q", n)
        if not self.writer.is_closing():
            self.writer.write(bytes([0x80 | opcode]) + size + data)


class Server:
    """handler(Request) -> Response; one of status 101 makes a WebSocket of the connection: talk(Request, WebSocket)."""

    def __init__(self, handler, talk):
        self.handler, self.talk = handler, talk
        self.idle = set()             # connections between two requests
        self.tasks = set()            # one for each connection
        self.websockets = set()
        self.stopping = False

    async def start(self, port):
        self.server = await asyncio.start_server(self._connection, "0.0.0.0", port, backlog=1024)

    async def stop(self, grace):
        self.stopping = True
        self.server.close()
        for writer in self.idle:
            writer.close()
        for socket in self.websockets:
            socket.close(1001)                                        # "going away"
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
                response = await self.handler(request)
                if response.status == 101:
                    await self._websocket(request, response, reader, writer)
                    break
                keep = not self.stopping and request.headers.get("connection", "").lower() != "close"
                writer.write(encode(response, request.method == "HEAD", keep))
                await writer.drain()
                if not keep:
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
            pass
        except TooLarge:
            writer.write(encode(Response(413), False, False))
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
            raise TooLarge("body too long")
        return Request(method, target.partition("?")[0], headers, await reader.readexactly(length))

    async def _websocket(self, request, response, reader, writer):
        key = request.headers["sec-websocket-key"].encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        response.headers.update({"Upgrade": "websocket", "Connection": "Upgrade",
                                 "Sec-WebSocket-Accept": base64.b64encode(hashlib.sha1(key).digest()).decode()})
        writer.write(encode(response, False, True))
        socket = WebSocket(reader, writer)
        self.websockets.add(socket)
        metrics.add("websocket_connections_active")
        try:
            await self.talk(request, socket)
        finally:
            metrics.add("websocket_connections_active", -1)
            self.websockets.discard(socket)


def is_upgrade(request):
    return request.headers.get("upgrade", "").lower() == "websocket" and "sec-websocket-key" in request.headers


def encode(response, head_only, keep):
    headers = dict(response.headers)
    if response.status != 101:
        headers["Content-Length"] = str(len(response.body))
        headers["Connection"] = "keep-alive" if keep else "close"
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    return head if head_only or response.status == 101 else head + response.body
