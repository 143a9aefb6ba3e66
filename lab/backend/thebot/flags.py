"""Feature flags: `feature_flag_NAME` in Redis, off when it is one of OFF, on when it is anything else or absent.

Read at most once in a TTL, so a change is seen by the users that much later, and an unreachable Redis leaves every flag
as it was.
"""
import time

from . import redis

NAMES = ("chat", "payments", "scheduling", "reports", "knowledge_graph")
OFF = (b"0", b"false", b"False", b"off")
TTL = 1.0                             # seconds

_known = dict.fromkeys(NAMES, True)
_read = -TTL


async def read():
    """{name: on or off}"""
    global _read
    if time.monotonic() - _read >= TTL:
        _read = time.monotonic()
        try:
            values = await redis.command("MGET", *(f"feature_flag_{name}" for name in NAMES))
            _known.update((name, value not in OFF) for name, value in zip(NAMES, values))
        except (redis.ReplyError, *redis.Unreachable):
            pass
    return _known


async def is_on(name):
    return (await read())[name]
