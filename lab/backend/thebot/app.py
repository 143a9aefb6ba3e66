"""From a request to its answer: faults, routes, errors, headers; and the two pages that are not for users."""
import asyncio
import json
import time

import psycopg2

from . import database, fault, memory, metrics, settings
from .pages import BELOW, ROUTES, Refusal, reply
from .web import Response

SECURITY = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'self'",
    "X-Version": settings.VERSION,
    "X-Instance": settings.INSTANCE,
}
_owed = 0.0                           # the part of an error that error_rate has added up so far


async def metrics_page(_request):
    return Response(200, metrics.render().encode(), {"Content-Type": "text/plain; version=0.0.4"})


async def fault_switch(request):
    """GET shows the faults, POST sets those that it names, DELETE ends all."""
    try:
        if request.method == "POST":
            fault.change(json.loads(request.body or b"{}"))
        elif request.method == "DELETE":
            fault.clear()
    except ValueError as e:
        return reply(400, {"error": str(e)})
    memory.take(fault.state["memory"])
    return reply(200, fault.state)


INTERNAL = {"/metrics": metrics_page, "/fault/": fault_switch}        # neither counted nor made to fail


async def page(request):
    global _owed
    if request.path != "/health/":
        if fault.state["latency"]:
            await asyncio.sleep(fault.state["latency"])
        # The share is exact, not drawn: of any hundred requests 30 fail at 0.3.
        _owed += fault.state["error_rate"]
        if _owed >= 1.0:
            _owed -= 1.0
            return reply(500, {"error": "injected"})
        for _ in range(fault.state["queries"]):
            await database.query("SELECT 1")
    if request.method == "OPTIONS":
        return Response(204)
    found = ROUTES.get(request.path) or next((page for start, page in BELOW.items() if request.path.startswith(start)), None)
    if found is None:
        raise Refusal(404, "not found")
    return await found(request)


def cors(request):
    """The headers by which a browser lets another site's script read the answer: only the front end's may."""
    origin = request.headers.get("origin")
    allowed = {"": origin == settings.FRONTEND_URL, "open": True, "closed": False}[fault.state["cors"]]
    if not origin or not allowed:
        return {"Vary": "Origin"}
    headers = {"Vary": "Origin", "Access-Control-Allow-Origin": origin}
    if request.method == "OPTIONS":
        headers.update({"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Max-Age": "600",
                        "Access-Control-Allow-Headers": "Authorization, Content-Type"})
    return headers


async def handle(request):
    started = time.monotonic()
    internal = INTERNAL.get(request.path)
    try:
        response = await (internal or page)(request)
    except Refusal as e:
        response = reply(e.status, {"error": e.reason}, **e.headers)
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
    response.headers.update({**SECURITY, **cors(request)})
    response.headers.pop(fault.state["missing_header"], None)
    return response
