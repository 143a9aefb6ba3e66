#!/usr/bin/env python3
"""development.py FILE: the platform's database as a developer has it: SQLite, and a few rows."""
import pathlib
import sqlite3
import sys

SCHEMA = """
CREATE TABLE accounts_user (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE, password TEXT NOT NULL, role TEXT NOT NULL);
CREATE TABLE materials_material (id INTEGER PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL,
    owner_id INTEGER NOT NULL REFERENCES accounts_user, created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE chat_message (id INTEGER PRIMARY KEY, room TEXT NOT NULL, body TEXT NOT NULL,
    sent_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
"""
path = pathlib.Path(sys.argv[1])
unfinished = path.with_suffix(".part")
unfinished.unlink(missing_ok=True)
connection = sqlite3.connect(unfinished)
with connection:
    connection.executescript(SCHEMA)
    connection.executemany("INSERT INTO accounts_user (email, password, role) VALUES (?, '!', ?)",
                           [(f"{role}@test.com", role) for role in ("student", "teacher", "admin")])
    connection.executemany("INSERT INTO materials_material (title, body, owner_id) VALUES (?, ?, 2)",
                           [(f"Material {n}", "text " * 50) for n in range(1, 201)])
    connection.executemany("INSERT INTO chat_message (room, body) VALUES (?, ?)",
                           [(f"room-{n % 5}", f"message {n}") for n in range(1, 51)])
connection.close()
unfinished.rename(path)
