"""The pages. Each takes a Request and gives a Response; ROUTES at the bottom has their addresses."""
import email.parser
import email.policy
import errno
import hashlib
import json
import os
import pathlib
from urllib.parse import parse_qsl

import psycopg2

from . import accounts, cache, chat, database, fault, flags, settings
from .web import Response, is_upgrade

UPLOADS = pathlib.Path(os.environ.get("UPLOADS", "/srv/uploads"))
MATERIALS = f"materials:{settings.VERSION}"                           # the key in the cache


class Refusal(Exception):
    """Ends a page with a status and a reason."""

    def __init__(self, status, reason, **headers):
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, headers


def reply(status, value, **headers):
    return Response(status, json.dumps(value).encode() + b"\n", {"Content-Type": "application/json", **headers})


def only(request, *methods):
    if request.method not in methods and not (request.method == "HEAD" and "GET" in methods):
        raise Refusal(405, f"{' or '.join(methods)} only", Allow=", ".join(methods))


async def logged_in(request, *roles):
    """The user's id; with roles, only theirs."""
    user = await accounts.user_of(request)
    if user is None:
        raise Refusal(401, "log in first", **{"WWW-Authenticate": "Bearer"})
    if roles and user[1] not in roles:
        raise Refusal(403, f"not for a {user[1]}")
    return user[0]


async def feature(name):
    if not await flags.is_on(name):
        raise Refusal(404, f"the feature {name} is off")


def fields(request):
    """What a form sent: JSON, whatever its type is called (curl -d calls all a form), or an HTML form."""
    if request.body.lstrip().startswith(b"{"):
        return json.loads(request.body)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode(), keep_blank_values=True))
    raise Refusal(400, "neither JSON nor a form")


async def health(_request):
    try:
        await database.query("SELECT 1")
        state = "ok"
    except psycopg2.Error:
        state = "unreachable"
    well = state == "ok" and not fault.state["unhealthy"]
    return reply(200 if well else 503, {
        "status": "ok" if well else "failing", "version": settings.VERSION, "color": settings.COLOR,
        "instance": settings.INSTANCE, "database": state})


async def login(request):
    only(request, "POST")
    wanted = fields(request)
    found = await accounts.log_in(wanted.get("email"), str(wanted.get("password")))
    if found is None:
        raise Refusal(401, "wrong e-mail address or password")
    return reply(200, {"token": found[0], "role": found[1]})


async def materials(request):
    only(request, "GET", "POST")
    if request.method == "POST":
        user = await logged_in(request)
        wanted = fields(request)
        rows = await database.query("INSERT INTO materials_material (title, body, owner_id) VALUES (%s, %s, %s) RETURNING id",
                                    str(wanted["title"]), str(wanted.get("body", "")), user)
        await cache.drop(MATERIALS)
        return reply(201, {"id": rows[0][0]})
    # A key that nobody has used finds nothing.
    key = f"{MATERIALS}:{os.urandom(4).hex()}" if fault.state["cache"] else MATERIALS
    body = await cache.get(key)
    if body is None:
        columns = ["id", "title", *settings.COLUMNS]
        rows = await database.query(f"SELECT {', '.join(columns)} FROM materials_material ORDER BY id DESC LIMIT 20")
        body = json.dumps({"materials": [dict(zip(columns, row)) for row in rows]}).encode() + b"\n"
        await cache.put(key, body, 1000)
    return Response(200, body, {"Content-Type": "application/json"})


async def upload(request):
    """A form of type multipart/form-data, its field `file`. The file is on the disk that all backends share."""
    only(request, "POST")
    user = await logged_in(request)
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode("latin-1")
    form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    part = next((part for part in form.iter_parts()
                 if part.get_param("name", header="content-disposition") == "file"), None) if form.is_multipart() else None
    if part is None:
        raise Refusal(400, "no multipart/form-data with a field file")
    data = part.get_payload(decode=True) or b""
    digest = hashlib.sha256(data).hexdigest()
    rows = await database.query("INSERT INTO materials_file (name, type, size, sha256, owner_id) VALUES (%s, %s, %s, %s, %s) "
                                "RETURNING id", part.get_filename() or "file", part.get_content_type(), len(data), digest, user)
    number = rows[0][0]
    try:
        (UPLOADS / f"{number}.part").write_bytes(data)
        (UPLOADS / f"{number}.part").rename(UPLOADS / str(number))
    except OSError as e:
        (UPLOADS / f"{number}.part").unlink(missing_ok=True)
        await database.query("DELETE FROM materials_file WHERE id = %s", number)
        if e.errno != errno.ENOSPC:
            raise
        raise Refusal(507, "the disk for uploads is full") from e
    return reply(201, {"id": number, "size": len(data), "sha256": digest, "url": f"/materials/files/{number}/"})


async def uploaded(request):
    """/materials/files/NUMBER/"""
    only(request, "GET")
    number = request.path.split("/")[3]
    rows = await database.query("SELECT type, sha256 FROM materials_file WHERE id = %s", int(number)) if number.isdecimal() else []
    try:
        data = (UPLOADS / number).read_bytes() if rows else None
    except FileNotFoundError:
        data = None
    if data is None:
        raise Refusal(404, "there is no such file")
    return Response(200, data, {"Content-Type": rows[0][0], "ETag": f'"{rows[0][1]}"', "Content-Disposition": "attachment"})


async def assignments(request):
    only(request, "GET", "POST")
    if request.method == "POST":
        user = await logged_in(request, "teacher", "admin")
        wanted = fields(request)
        title, due = str(wanted.get("title", "")).strip(), wanted.get("due")
        if not title:
            return reply(422, {"errors": {"title": "is missing"}})
        try:
            rows = await database.query("INSERT INTO materials_assignment (title, due, owner_id) VALUES (%s, %s, %s) "
                                        "RETURNING id", title, due, user)
        except psycopg2.DataError:
            return reply(422, {"errors": {"due": "is not a date"}})
        return reply(201, {"id": rows[0][0]})
    await logged_in(request)
    rows = await database.query("SELECT id, title, due::text FROM materials_assignment ORDER BY id DESC LIMIT 20")
    return reply(200, {"assignments": [dict(zip(("id", "title", "due"), row)) for row in rows]})


async def dashboard(request):
    """/dashboard/ROLE/, for that role and for an admin."""
    only(request, "GET")
    role = request.path.split("/")[2]
    if role not in ("student", "teacher", "admin"):
        raise Refusal(404, "not found")
    user = await logged_in(request, role, "admin")
    rows = await database.query("""SELECT (SELECT count(*) FROM materials_material), (SELECT count(*) FROM materials_assignment),
                                          (SELECT count(*) FROM materials_material WHERE owner_id = %s),
                                          (SELECT count(*) FROM accounts_user)""", user)
    shown = dict(zip(("materials", "assignments", "own_materials", "users"), rows[0]))
    if role != "admin":
        del shown["users"]
    return reply(200, {"dashboard": role, **shown})


async def payments_health(request):
    only(request, "GET")
    await feature("payments")
    if fault.state["payments"] or not (settings.SHOP_ID and settings.SHOP_KEY):
        return reply(503, {"status": "failing", "reason": "the payment provider does not answer"})
    return reply(200, {"status": "ok"})


async def chat_rooms(request):
    only(request, "GET")
    await feature("chat")
    rows = await database.query("SELECT room, count(*) FROM chat_message GROUP BY room ORDER BY room LIMIT 100")
    return reply(200, {"rooms": [{"room": room, "messages": n} for room, n in rows]})


async def chat_socket(request):
    """The answer to a WebSocket's handshake: 101, or why not."""
    await feature("chat")
    if chat.room_of(request.path) is None:
        raise Refusal(404, "not found")
    if not is_upgrade(request):
        raise Refusal(426, "a WebSocket is wanted", Upgrade="websocket")
    if fault.state["websocket"]:
        print(f"{settings.INSTANCE}: websocket: the handshake is refused")
        raise Refusal(503, "no WebSocket can be opened")
    if not await chat.ready():
        raise Refusal(503, "the chat does not reach Redis")
    return Response(101)


async def feature_flags(request):
    only(request, "GET")
    return reply(200, await flags.read())


def feature_page(name):
    async def page(request):
        only(request, "GET")
        await feature(name)
        return reply(200, {"feature": name, "status": "ok"})
    return page


ROUTES = {
    "/health/": health,
    "/auth/login/": login,
    "/materials/": materials,
    "/materials/upload/": upload,
    "/assignments/": assignments,
    "/payments/health/": payments_health,
    "/chat/": chat_rooms,
    "/flags/": feature_flags,
    "/schedule/": feature_page("scheduling"),
    "/reports/": feature_page("reports"),
    "/graph/": feature_page("knowledge_graph"),
}
BELOW = {                             # all that begins so
    "/materials/files/": uploaded,
    "/dashboard/": dashboard,
    "/ws/chat/": chat_socket,
}
