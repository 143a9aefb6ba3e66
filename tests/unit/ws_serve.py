"""ws_serve.py PORT TLS_PORT DIRECTORY: a WebSocket server for test_ws.c, with good.pem of the directory on TLS_PORT.

What a session does depends on its path; every other path is an echo.
"""
import asyncio
import http
import ssl
import sys

import websockets


async def session(socket, path):
    path = path.split("?")[0]
    if path == "/close":
        await socket.close(1008, "not like this")
    elif path == "/cut":
        socket.transport.abort()
    elif path == "/cut-later":
        await socket.recv()
        socket.transport.abort()
    elif path == "/headers":
        await socket.send("\n".join(f"{name}: {value}" for name, value in socket.request_headers.raw_items()))
    elif path == "/path":
        await socket.send(socket.path)
    elif path == "/events":
        for number in range(5):
            await socket.send(f"event {number}")
    elif path == "/fragments":
        await socket.send(iter(["one ", "", "and ", "two"]))
        await socket.send(iter([b"\0\1", b"\2\xff"]))
    elif path == "/ping":
        await (await socket.ping(b"are you there"))
        await socket.send("the pong came")
    elif path == "/large":
        for _ in range(6):
            await socket.send("x" * 1000 * 1000)
    elif path == "/kind":
        async for message in socket:
            await socket.send(f"{type(message).__name__} of {len(message)}")
    elif path == "/silent":
        async for message in socket:
            pass
        return
    elif path == "/goodbye":
        open(f"{sys.argv[3]}/goodbye", "w").close()
        try:
            async for message in socket:
                pass
        finally:
            with open(f"{sys.argv[3]}/goodbye", "w") as file:
                print(socket.close_code, file=file)
        return
    async for message in socket:
        await socket.send(message)


async def answer(path, headers):
    path = path.split("?")[0]
    if path == "/403":
        return http.HTTPStatus.FORBIDDEN, [], b"go away"
    if path == "/302":
        return http.HTTPStatus.FOUND, [("Location", "/echo")], b""
    if path == "/slow":
        await asyncio.sleep(30)
    return None


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{sys.argv[3]}/good.pem", f"{sys.argv[3]}/good.key")
    options = {"process_request": answer, "subprotocols": ["v2.chat", "chat"], "max_size": 8 * 1024 * 1024}
    await websockets.serve(session, "127.0.0.1", int(sys.argv[2]), ssl=context, **options)
    await websockets.serve(session, "127.0.0.1", int(sys.argv[1]), **options)
    await asyncio.Future()


asyncio.run(main())
