"""python -m thebot: waits for its stores, serves until SIGTERM, then answers what it has and ends.

A backend that cannot reach its stores is of no use to anyone, so it says why and ends with 1 instead of serving; what
becomes of that is its container's restart policy.
"""
import asyncio
import errno
import signal
import sys
import time

import psycopg2

from . import app, chat, redis, settings
from .web import Server


def check_database():
    psycopg2.connect(settings.DATABASE_URL, connect_timeout=2, application_name=settings.INSTANCE).close()


async def wait_for_stores():
    """Until both answer, for settings.PATIENCE seconds at most: they may be starting as well."""
    deadline = time.monotonic() + settings.PATIENCE
    while True:
        try:
            name = "the database (DATABASE_URL)"
            check_database()
            name = "redis (REDIS_URL)"
            (await redis.connect()).close()
            return
        except (psycopg2.Error, *redis.Unreachable) as e:
            # Neither an address that is none nor a wrong password gets better by waiting.
            final = isinstance(e, (psycopg2.ProgrammingError, ValueError)) or "authentication failed" in str(e)
            if final or time.monotonic() > deadline:
                sys.exit(f"{settings.INSTANCE}: error: cannot connect to {name}: {str(e).strip() or type(e).__name__}")
        await asyncio.sleep(0.1)


async def main():
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready = asyncio.create_task(wait_for_stores())
    await asyncio.wait({ready, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        return
    await ready
    server = Server(app.handle, chat.talk)
    try:
        await server.start(settings.PORT)
    except OSError as e:
        reason = "address already in use" if e.errno == errno.EADDRINUSE else e.strerror
        sys.exit(f"{settings.INSTANCE}: error: port {settings.PORT}: {reason}")
    print(f"{settings.INSTANCE}: release {settings.VERSION} serves on port {settings.PORT}")
    await stop.wait()
    print(f"{settings.INSTANCE}: stops, {len(server.tasks) - len(server.idle)} requests in flight")
    await server.stop(settings.GRACE)
    print(f"{settings.INSTANCE}: has stopped")


asyncio.run(main())
