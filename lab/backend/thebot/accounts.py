"""Who is who: passwords, and the tokens that stand for them."""
import hashlib
import hmac

from . import database, fault, settings


def _sign(text):
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def _is_password(password, stored):
    """Against pbkdf2_sha256$rounds$salt$hex."""
    _, rounds, salt, digest = stored.split("$")
    mine = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), int(rounds)).hex()
    return hmac.compare_digest(mine, digest)


async def log_in(email, password):
    """(token, role), or None."""
    rows = await database.query("SELECT id, password, role FROM accounts_user WHERE email = %s", email)
    if not rows or not _is_password(password, rows[0][1]) or fault.state["login"]:
        return None
    user, _, role = rows[0]
    token = f"{user}.{_sign(str(user))}"
    if fault.state["leak"]:
        print(f"{settings.INSTANCE}: login email={email} password={password} token={token}")
    return token, role


async def user_of(request):
    """(id, role) of the user whose token came with the request, or None."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    user, _, signature = token.partition(".")
    if scheme != "Bearer" or not user.isdecimal() or not hmac.compare_digest(_sign(user), signature):
        return None
    rows = await database.query("SELECT id, role FROM accounts_user WHERE id = %s", int(user))
    return rows[0] if rows else None
