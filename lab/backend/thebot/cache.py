"""Redis, the two commands that are needed. A cache that cannot be reached is a miss, never an error."""
import asyncio
from urllib.parse import urlsplit

from . import metrics, settings

_lock = asyncio.Lock()
_streams = None


async def _command(*words):
    """A reply of RESP: a simple or a bulk string, or None."""
    global _streams
    async with _lock:
        try:
            if _streams is None:
                url = urlsplit(settings.REDIS_URL)
                _streams = await asyncio.open_connection(url.hostname, url.port or 6379)
            reader, writer = _streams
            writer.write(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            line = await reader.readline()
            if not line:
                raise ConnectionError("redis closed the connection")
            if line[:1] == b"$" and line[1:].strip() != b"-1":
                return (await reader.readexactly(int(line[1:]) + 2))[:-2]
            return line[1:-2] if line[:1] == b"+" else None
        except BaseException:
            _streams = None               # what was being read is out of step, also after a timeout
            raise


async def _try(*words):
    try:
        return await asyncio.wait_for(_command(*words), 0.5)
    except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError):
        return None


async def get(key):
    metrics.add("cache_requests_total")
    value = await _try(b"GET", key.encode())
    if value is not None:
        metrics.add("cache_hits_total")
    return value


async def put(key, value, milliseconds):
    await _try(b"SET", key.encode(), value, b"PX", str(milliseconds).encode())
