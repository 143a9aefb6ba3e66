#!/usr/bin/env python3
"""schema.py SCHEMA FILE...: holds what `--json` printed, one event a line, against docs/events.schema.json.

Prints what is wrong, and each type of the schema that no event of any file has; the exit code is 1 then.
"""
import json
import sys

from jsonschema import Draft202012Validator

# Only real runs have them: a note of what recovery needs, a run on record that others speak to; and one that is previewed.
NOT_SIMULATED = {"effect.note", "arm", "resumed", "paused", "nobody", "rollback.asked"}


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            yield number, line


def main(schema_path, paths):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    wrong, seen = 0, set()
    for path in paths:
        for number, line in lines_of(path):
            event = json.loads(line)
            seen.add(event.get("type"))
            if event.get("seq") != number:
                print(f"{path}:{number}: its seq is {event.get('seq')}")
                wrong += 1
            for error in validator.iter_errors(event):
                print(f"{path}:{number}: {error.message[:200]} at {'/'.join(map(str, error.path))}")
                wrong += 1
    missing = set(schema["properties"]["type"]["enum"]) - seen - NOT_SIMULATED
    for kind in sorted(missing):
        print(f"no golden run has an event {kind}")
    return 1 if wrong or missing else 0


sys.exit(main(sys.argv[1], sys.argv[2:]))
