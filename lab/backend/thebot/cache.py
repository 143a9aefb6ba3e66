"""The cache in Redis. One that cannot be reached is a miss, never an error."""
from . import metrics, redis


async def _try(*words):
    try:
        return await redis.command(*words)
    except (redis.ReplyError, *redis.Unreachable):
        return None


async def get(key):
    metrics.add("cache_requests_total")
    value = await _try("GET", key)
    if value is not None:
        metrics.add("cache_hits_total")
    return value


async def put(key, value, milliseconds):
    await _try("SET", key, value, "PX", milliseconds)


async def drop(key):
    await _try("DEL", key)
