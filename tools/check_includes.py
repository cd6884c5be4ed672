"""Fails on an #include that points back in the order of folders, or from one source, sink, catalog or format folder into
a sibling (docs/ARCHITECTURE.md). Prints every violation."""
import pathlib
import re
import sys

ORDER = ["cli", "server", "pipeline", "query", "sink", "source", "transform", "state", "table", "catalog",
         "table/metadata", "connector", "format", "schema", "expression", "config", "io", "base"]
SIBLINGS = ("source", "sink", "catalog", "format")
RANK = {name: rank for rank, name in enumerate(ORDER)}
INCLUDE = re.compile(r'^\s*#include "([^"]+)"')


def folder(path):
    """The module of a path relative to src/, or None for files of src/ itself."""
    if path.startswith("table/metadata/"):
        return "table/metadata"
    head = path.split("/", 1)[0]
    return head if "/" in path else None


def sibling(path):
    parts = path.split("/")
    return parts[1] if parts[0] in SIBLINGS and len(parts) > 2 else None


def violations(root):
    for file in sorted(root.rglob("*")):
        if file.suffix not in (".h", ".cc"):
            continue
        here = file.relative_to(root).as_posix()
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            target = found.group(1)
            mine, theirs = folder(here), folder(target)
            place = f"src/{here}:{number}: #include \"{target}\""
            if mine is None:
                continue
            if mine not in RANK or theirs not in RANK:
                yield f"{place}: folder is not in the order"
            elif RANK[theirs] < RANK[mine]:
                yield f"{place}: {mine} may not use {theirs}"
            elif mine == theirs and sibling(here) and sibling(target) and sibling(here) != sibling(target):
                yield f"{place}: sibling of {mine}/{sibling(here)}"


if __name__ == "__main__":
    found = list(violations(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "src")))
    print("\n".join(found) if found else "include order: ok")
    sys.exit(1 if found else 0)
