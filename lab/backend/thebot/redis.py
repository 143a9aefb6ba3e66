"""Redis, as much of its protocol as the application needs: commands, and subscriptions on connections of their own."""
import asyncio
from urllib.parse import urlsplit

from . import settings

# What a command that gets no usable answer raises; ReplyError is Redis's own refusal.
Unreachable = (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError)


class ReplyError(Exception):
    pass


class Connection:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def command(self, *words):
        self.send(*words)
        return await self.reply()

    def send(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    async def reply(self):
        """bytes, int, a list of these, or None."""
        line = await self.reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else (await self.reader.readexactly(int(rest) + 2))[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [await self.reply() for _ in range(int(rest))]
        if kind == b"-":
            raise ReplyError(rest.decode(errors="replace"))
        raise ConnectionError("this is not redis")

    def close(self):
        self.writer.close()


async def connect():
    url = urlsplit(settings.REDIS_URL)
    if url.scheme != "redis" or not url.hostname:
        raise ValueError("REDIS_URL is not redis://HOST:PORT/0")
    return Connection(*await asyncio.wait_for(asyncio.open_connection(url.hostname, url.port or 6379), 2))


_lock = asyncio.Lock()
_shared = None


async def command(*words):
    """On the one connection that all requests share. Raises one of Unreachable after half a second."""
    return await asyncio.wait_for(_command(words), 0.5)


async def _command(words):
    global _shared
    async with _lock:
        try:
            if _shared is None:
                _shared = await connect()
            return await _shared.command(*words)
        except ReplyError:
            raise
        except BaseException:             # what was being read is out of step, also after a timeout
            if _shared is not None:
                _shared.close()
            _shared = None
            raise
