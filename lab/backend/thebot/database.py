"""PostgreSQL. The driver blocks, so a few threads do the waiting, each with a connection of its own."""
import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg2

from . import fault, metrics, settings

_threads = ThreadPoolExecutor(4, thread_name_prefix="database")
_mine = threading.local()


def _connection():
    connection = getattr(_mine, "connection", None)
    if connection is None or connection.closed:
        connection = psycopg2.connect(settings.DATABASE_URL, connect_timeout=2, application_name=settings.INSTANCE,
                                      options="-c statement_timeout=5000")
        connection.autocommit = True
        _mine.connection = connection
    return connection


def _query(sql, args):
    for attempt in (1, 2):
        try:
            with _connection().cursor() as cursor:
                if fault.state["slow_query"]:
                    cursor.execute("SELECT pg_sleep(%s)", (fault.state["slow_query"],))
                cursor.execute(sql, args)
                return cursor.fetchall() if cursor.description else []
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            # The server ended the session (a restart, a restore): once more, on a new connection.
            if getattr(_mine, "connection", None):
                _mine.connection.close()
            if attempt == 2:
                raise


async def query(sql, *args):
    """The rows as tuples. Raises psycopg2.Error."""
    metrics.add("django_db_execute_total")
    started = time.monotonic()
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, _query, sql, args)
    finally:
        metrics.query_seconds.observe(time.monotonic() - started)
