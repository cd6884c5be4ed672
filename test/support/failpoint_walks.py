"""Tests that walk over all failpoints of a command name none of them. `failpoint_walks.json` says which ones each walk
reaches; tools/check_failpoints.py counts those as tested. A walk that no longer reaches what is listed fails."""

import json
import os

LIST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "failpoint_walks.json")


def check_walk(name, reached):
    """`reached`: names of the failpoints that the walk kills at. FIRN_UPDATE_WALKS=1 writes them down."""
    with open(LIST) as file:
        walks = json.load(file)
    if os.environ.get("FIRN_UPDATE_WALKS"):
        walks[name] = sorted(reached)
        with open(LIST, "w") as file:
            file.write(json.dumps(walks, indent=1, sort_keys=True) + "\n")
    missing = sorted(set(walks.get(name, [])) - set(reached))
    assert not missing, f"the walk {name} no longer reaches {missing}; FIRN_UPDATE_WALKS=1 writes {LIST} again"
