"""python -m thebot.channels: the chat's worker. Takes each message off the list, keeps it, publishes it.

A message that the database does not take is published all the same: a chat that forgets is better than none. While Redis
does not answer the worker tries again every half second. It touches ALIVE as long as Redis answers; the container's
health check looks at the file's age.
"""
import asyncio
import json
import pathlib
import signal

import psycopg2

from . import chat, database, redis, settings

ALIVE = pathlib.Path("/tmp/channels.alive")


async def work(connection):
    while True:
        ALIVE.touch()
        taken = await asyncio.wait_for(connection.command("BLPOP", chat.QUEUE, 1), 3)
        if taken is None:
            continue
        message = json.loads(taken[1])
        try:
            await database.query("INSERT INTO chat_message (room, body) VALUES (%s, %s)", message["room"], message["body"])
        except psycopg2.Error as e:
            print(f"{settings.INSTANCE}: channels: a message is not kept: {str(e).strip()}")
        await connection.command("PUBLISH", chat.CHANNEL + message["room"], message["body"])


async def main():
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asyncio.current_task().cancel)
    while True:
        connection = None
        try:
            connection = await redis.connect()
            print(f"{settings.INSTANCE}: channels: works, release {settings.VERSION}")
            await work(connection)
        except (redis.ReplyError, *redis.Unreachable) as e:
            print(f"{settings.INSTANCE}: channels: redis does not answer: {type(e).__name__}: {e}")
            await asyncio.sleep(0.5)
        finally:
            if connection is not None:
                connection.close()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except asyncio.CancelledError:
        print(f"{settings.INSTANCE}: channels: has stopped")
