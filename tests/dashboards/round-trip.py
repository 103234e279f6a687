"""round-trip.py FILE... - each dashboard, read and written by Grafana's SDK.

Prints what the SDK changes, a line each: what it does not know (a misspelled
key) is lost, and what has the wrong type differs. Exit status 1 where it does.
"""

import json
import sys

import grafana_foundation_sdk.cog.plugins as plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def differences(ours, theirs, path):
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            where = f"{path}.{key}"
            if key not in theirs:
                yield f"{where}: lost: {ours[key]!r}"
            elif key not in ours:
                yield f"{where}: added: {theirs[key]!r}"
            else:
                yield from differences(ours[key], theirs[key], where)
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, pair in enumerate(zip(ours, theirs)):
            yield from differences(*pair, f"{path}[{number}]")
    elif type(ours) is not type(theirs) or ours != theirs:
        yield f"{path}: {ours!r} is now {theirs!r}"


def main():
    plugins.register_default_plugins()
    changed = False
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            ours = json.load(file)
        theirs = json.loads(json.dumps(Dashboard.from_json(ours), cls=JSONEncoder))
        for difference in differences(ours, theirs, ""):
            print(difference)
            changed = True
    return 1 if changed else 0


sys.exit(main())
