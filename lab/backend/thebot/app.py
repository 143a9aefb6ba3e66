"""The application: its pages, its health, and the switch that makes it ill."""
import asyncio
import hashlib
import hmac
import json
import time

import psycopg2

from . import cache, database, metrics, settings
from .web import Response

SECURITY = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Version": settings.VERSION,
    "X-Instance": settings.INSTANCE,
}
fault = {"error_rate": 0.0, "latency": 0.0, "unhealthy": False, **settings.FAULT}
_owed = 0.0                           # the part of an error that error_rate has added up so far


def reply(status, value, **headers):
    return Response(status, json.dumps(value).encode() + b"\n", {"Content-Type": "application/json", **headers})


async def health(_request):
    try:
        await database.query("SELECT 1")
        state = "ok"
    except psycopg2.Error:
        state = "unreachable"
    well = state == "ok" and not fault["unhealthy"]
    return reply(200 if well else 503, {
        "status": "ok" if well else "failing", "version": settings.VERSION, "color": settings.COLOR,
        "instance": settings.INSTANCE, "database": state})


async def metrics_page(_request):
    return Response(200, metrics.render().encode(), {"Content-Type": "text/plain; version=0.0.4"})


async def fault_switch(request):
    if request.method == "POST":
        wanted = json.loads(request.body or b"{}")
        unknown = set(wanted) - set(fault)
        if unknown:
            return reply(400, {"error": f"unknown: {', '.join(sorted(unknown))}"})
        fault.update(error_rate=float(wanted.get("error_rate", fault["error_rate"])),
                     latency=float(wanted.get("latency", fault["latency"])),
                     unhealthy=bool(wanted.get("unhealthy", fault["unhealthy"])))
    return reply(200, fault)


def sign(text):
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def user_of(request):
    """The id of the user whose token came with the request, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user, _, signature = token.partition(".")
    return int(user) if scheme == "Bearer" and user and hmac.compare_digest(sign(user), signature) else None


def check_password(password, stored):
    """Against pbkdf2_sha256$rounds$salt$hex."""
    _, rounds, salt, digest = stored.split("$")
    mine = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), int(rounds)).hex()
    return hmac.compare_digest(mine, digest)


async def login(request):
    if request.method != "POST":
        return reply(405, {"error": "POST only"}, Allow="POST")
    wanted = json.loads(request.body)
    rows = await database.query("SELECT id, password, role FROM accounts_user WHERE email = %s", wanted.get("email"))
    if not rows or not check_password(str(wanted.get("password")), rows[0][1]):
        return reply(401, {"error": "wrong e-mail address or password"})
    user, _, role = rows[0]
    return reply(200, {"token": f"{user}.{sign(str(user))}", "role": role})


async def materials(request):
    if request.method == "POST":
        user = user_of(request)
        if user is None:
            return reply(401, {"error": "log in first"})
        wanted = json.loads(request.body)
        rows = await database.query("INSERT INTO materials_material (title, body, owner_id) VALUES (%s, %s, %s) RETURNING id",
                                    str(wanted["title"]), str(wanted.get("body", "")), user)
        return reply(201, {"id": rows[0][0]})
    key = f"materials:{settings.VERSION}"
    body = await cache.get(key)
    if body is None:
        columns = ["id", "title", *settings.COLUMNS]
        rows = await database.query(f"SELECT {', '.join(columns)} FROM materials_material ORDER BY id DESC LIMIT 20")
        body = json.dumps({"materials": [dict(zip(columns, row)) for row in rows]}).encode() + b"\n"
        await cache.put(key, body, 1000)
    return Response(200, body, {"Content-Type": "application/json"})


ROUTES = {"/health/": health, "/auth/login/": login, "/materials/": materials}
INTERNAL = {"/metrics": metrics_page, "/fault/": fault_switch}        # neither counted nor made to fail


def is_websocket(request):
    return (request.path.startswith("/ws/chat/") and request.headers.get("upgrade", "").lower() == "websocket"
            and "sec-websocket-key" in request.headers)


async def page(request):
    global _owed
    if request.path != "/health/":
        if fault["latency"]:
            await asyncio.sleep(fault["latency"])
        # The share is exact, not drawn: of any hundred requests 30 fail at 0.3.
        _owed += fault["error_rate"]
        if _owed >= 1.0:
            _owed -= 1.0
            return reply(500, {"error": "injected"})
    if request.path not in ROUTES:
        return reply(404, {"error": "not found"})
    return await ROUTES[request.path](request)


async def handle(request):
    started = time.monotonic()
    internal = INTERNAL.get(request.path)
    try:
        response = await (internal or page)(request)
    except (KeyError, TypeError, ValueError, AttributeError) as e:    # a body that is not what it should be
        response = reply(400, {"error": f"bad request: {type(e).__name__}"})
    except psycopg2.OperationalError as e:
        print(f"{request.method} {request.path}: {str(e).strip()}")
        response = reply(503, {"error": "the database does not answer"})
    except Exception as e:                                            # whatever it is, the client gets an answer
        print(f"{request.method} {request.path}: {type(e).__name__}: {str(e).strip()}")
        response = reply(500, {"error": "internal error"})
    if not internal:
        metrics.request(response.status, time.monotonic() - started)
    response.headers.update(SECURITY)
    if settings.FRONTEND_URL and request.headers.get("origin") == settings.FRONTEND_URL:
        response.headers["Access-Control-Allow-Origin"] = settings.FRONTEND_URL
    return response
