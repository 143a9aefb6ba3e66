"""python -m thebot: serves until SIGTERM, then answers what it has and ends."""
import asyncio
import signal

from . import app, settings
from .web import Server


async def main():
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = Server(app.handle, app.is_websocket)
    await server.start(settings.PORT)
    print(f"{settings.INSTANCE}: release {settings.VERSION} serves on port {settings.PORT}")
    await stop.wait()
    print(f"{settings.INSTANCE}: stops, {len(server.tasks) - len(server.idle)} requests in flight")
    await server.stop(settings.GRACE)
    print(f"{settings.INSTANCE}: has stopped")


asyncio.run(main())
