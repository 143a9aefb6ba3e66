#!/usr/bin/env python3
"""The commands of an operator, named as the runbook has them:

  manage.py migrate [--noinput] [APP [NAME|zero]]   applies migrations, or goes back to NAME
  manage.py showmigrations [--plan] [APP]           which are applied
  manage.py check [--deploy]                        the configuration, and the database's state

A migration is migrations/APP/NAME.up.sql with its way back in NAME.down.sql. Each runs in one transaction with its row
in schema_migrations, so one that fails leaves nothing; those before it in the same call stay applied. Going back needs
the .down.sql of what is taken back, so it is done with the release that brought it.
Exit code: 0, or 1 with the reason on standard error.
"""
import argparse
import os
import pathlib
import sys

import psycopg2

from thebot import settings

ROOT = pathlib.Path(__file__).parent / "migrations"
LOCK = 7215001                        # of pg_advisory_lock: two migrations at once would be one too many


class Refused(Exception):
    pass


def shipped():
    """(app, name) of this release, in the order in which they are applied: by number, then by app."""
    found = [(path.parent.name, path.name[:-len(".up.sql")]) for path in ROOT.glob("*/*.up.sql")]
    return sorted(found, key=lambda m: (m[1][:4], m[0]))


def connect():
    # PGOPTIONS, where it is set, decides how long a lock is waited for.
    options = os.environ.get("PGOPTIONS") or "-c lock_timeout=5000"
    connection = psycopg2.connect(settings.DATABASE_URL, connect_timeout=5, application_name="manage.py", options=options)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET client_min_messages = warning")
        cursor.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        cursor.execute("""CREATE TABLE IF NOT EXISTS schema_migrations (app text, name text,
                          applied timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (app, name))""")
    return connection


def applied(connection):
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM schema_migrations ORDER BY applied, app, name")
        return cursor.fetchall()


def run(connection, verb, migration, direction, record):
    app, name = migration
    path = ROOT / app / f"{name}.{direction}.sql"
    print(f"  {verb} {app}.{name}...", end=" ", flush=True)
    if not path.exists():
        print("FAILED", flush=True)
        raise Refused(f"{app}.{name} is not part of release {settings.VERSION}: use the release that brought it")
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(path.read_text())
            cursor.execute(record, migration)
    except psycopg2.Error as e:
        print("FAILED", flush=True)
        raise Refused(f"{app}.{name}: {str(e).strip()}") from e
    print("OK")


def migrate(options):
    known, connection = shipped(), connect()
    apps = sorted({app for app, _ in known})
    done = applied(connection)
    if options.app and options.app not in apps and options.app not in {app for app, _ in done}:
        raise Refused(f"there is no app {options.app}; there are {', '.join(apps)}")
    of_app = [m for m in known if not options.app or m[0] == options.app]
    if options.name and options.name != "zero":
        names = [name for _, name in of_app if name.startswith(options.name)]
        if len(names) != 1:
            raise Refused(f"{options.app} has {'several migrations' if names else 'no migration'} {options.name}")
        last = names[0]
    else:
        last = options.name
    print("Operations to perform:")
    print(f"  Target: {options.app} {last}" if last else f"  Apply all migrations: {options.app or ', '.join(apps)}")
    print("Running migrations:")
    back = [m for m in reversed(done) if last and m[0] == options.app and (last == "zero" or m[1] > last)]
    forward = [m for m in of_app if m not in done and (last is None or (last != "zero" and m[1] <= last))]
    for migration in back:
        run(connection, "Unapplying", migration, "down", "DELETE FROM schema_migrations WHERE app = %s AND name = %s")
    for migration in forward:
        run(connection, "Applying", migration, "up", "INSERT INTO schema_migrations (app, name) VALUES (%s, %s)")
    if not back and not forward:
        print("  No migrations to apply.")


def showmigrations(options):
    known, done = shipped(), applied(connect())
    rows = known + [m for m in done if m not in known]
    rows = [m for m in rows if not options.app or m[0] == options.app]
    if options.plan:
        for app, name in rows:
            print(f"[{'X' if (app, name) in done else ' '}]  {app}.{name}")
        return
    for app in sorted({app for app, _ in rows}):
        print(app)
        for migration in rows:
            if migration[0] == app:
                foreign = "" if migration in known else "  (not of this release)"
                print(f" [{'X' if migration in done else ' '}] {migration[1]}{foreign}")


def check(options):
    problems = [f"{name} is not set" for name in settings.REQUIRED if not os.environ.get(name)]
    if options.deploy:
        if len(settings.SECRET_KEY) < 50:
            problems.append("SECRET_KEY is shorter than 50 characters")
        if os.environ.get("DEBUG", "").lower() in ("1", "true", "yes"):
            problems.append("DEBUG is on")
        if "*" in os.environ.get("ALLOWED_HOSTS", "").split(","):
            problems.append("ALLOWED_HOSTS allows every host")
        try:
            psycopg2.connect(settings.DATABASE_URL, connect_timeout=5).close()
        except psycopg2.Error as e:
            problems.append(f"the database does not answer: {str(e).strip()}")
    if problems:
        raise Refused("\n".join(["System check identified issues:", *(f"  {p}" for p in problems)]))
    print("System check identified no issues (0 silenced).")


def main():
    parser = argparse.ArgumentParser(prog="manage.py")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("migrate")
    command.add_argument("--noinput", "--no-input", action="store_true")
    command.add_argument("app", nargs="?")
    command.add_argument("name", nargs="?")
    command.set_defaults(run=migrate)
    command = commands.add_parser("showmigrations")
    command.add_argument("--plan", action="store_true")
    command.add_argument("app", nargs="?")
    command.set_defaults(run=showmigrations)
    command = commands.add_parser("check")
    command.add_argument("--deploy", action="store_true")
    command.set_defaults(run=check)
    options = parser.parse_args()
    try:
        options.run(options)
    except (Refused, psycopg2.Error) as e:
        sys.exit(str(e).strip())


main()
