"""The chat's rooms, by way of Redis, so that two clients of a room hear each other whichever backend they are on.

A message is put on a list; the worker (channels.py) keeps it in the database and publishes it; every backend has one
subscription and passes on what it hears. Without Redis there is no chat; without the worker messages wait on the list.
"""
import asyncio
import json
from collections import defaultdict

from . import redis, settings

QUEUE = "chat:incoming"
CHANNEL = "chat:"                     # and the room's name

_rooms = defaultdict(set)
_listening = None                     # the task that has the subscription
_lock = asyncio.Lock()


def room_of(path):
    """The room of /ws/chat/ROOM/, or None."""
    room = path[len("/ws/chat/"):].strip("/") if path.startswith("/ws/chat/") else ""
    return room if room and "/" not in room else None


async def ready():
    """Whether there is a subscription, made now if there was none."""
    global _listening
    async with _lock:
        if _listening is not None and not _listening.done():
            return True
        try:
            connection = await redis.connect()
            await asyncio.wait_for(connection.command("PSUBSCRIBE", CHANNEL + "*"), 2)
        except (redis.ReplyError, *redis.Unreachable) as e:
            _lost(e)
            return False
        _listening = asyncio.create_task(_listen(connection))
        return True


def _lost(error):
    print(f"{settings.INSTANCE}: websocket: the channels layer (REDIS_URL) does not answer: {type(error).__name__}: {error}")


async def _listen(connection):
    try:
        while True:
            _, _, channel, body = await connection.reply()
            for socket in _rooms.get(channel.decode()[len(CHANNEL):], ()):
                socket.send(body.decode(errors="replace"))
    except (redis.ReplyError, *redis.Unreachable) as e:
        _lost(e)
    finally:
        connection.close()
        for socket in [socket for room in _rooms.values() for socket in room]:
            socket.close(1011)


async def talk(request, socket):
    room = room_of(request.path)
    _rooms[room].add(socket)
    try:
        async for text in socket.messages():
            try:
                await redis.command("RPUSH", QUEUE, json.dumps({"room": room, "body": text}))
            except (redis.ReplyError, *redis.Unreachable) as e:
                _lost(e)
                socket.close(1011)
                break
    finally:
        _rooms[room].discard(socket)
        if not _rooms[room]:
            del _rooms[room]
