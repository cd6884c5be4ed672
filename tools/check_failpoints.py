"""Every FIRN_FAILPOINT of src is named by a test, or reached by one that walks over all failpoints of a command
(test/support/failpoint_walks.json), or excused here with the reason."""
import json
import pathlib
import re
import sys

EXCUSED = {
    "io.create_exclusive_before_link": "no part of the engine creates a local file so: only the tests of the stores do",
    "refs.snapshot_written": "before refs.before_swap, which is walked over: nothing names the manifests that were written",
    "state.refresh_token_kept": "of a source's login, not of a table; the tests of src/state read the file of a kept token back",
    "state.refresh_token_written": "as state.refresh_token_kept: the older token is still in place",
    "data_file.row_group": "no durable effect: a row group ends inside a file that is not closed; files are walked over whole",
}
POINT = re.compile(r'(?:FIRN_FAILPOINT|failpoint::Hit)\(\s*"([^"]+)"\s*\)')


def is_test(path):
    return path.parts[0] == "test" or path.name.endswith("_test.cc") or "test_support" in path.name


points, tests = {}, []
for path in sorted([*pathlib.Path("src").rglob("*.[ch]*"), *pathlib.Path("test").rglob("*.py"), *pathlib.Path("test").rglob("*.cc")]):
    if path.suffix not in (".cc", ".h", ".py"):
        continue
    text = path.read_text()
    if is_test(path):
        tests.append(text)
        continue
    for name in POINT.findall(text):
        points.setdefault(name, path)
    written = text.count("FIRN_FAILPOINT(") + text.count("failpoint::Hit(") - len(POINT.findall(text))
    if written and path.stem != "failpoint":
        sys.exit(f"{path}: a failpoint whose name is no text cannot be checked")
walks = json.loads(pathlib.Path("test/support/failpoint_walks.json").read_text())
reached = {name for names in walks.values() for name in names}
named = {name for name in points if any(re.search(rf'["\'`=;]{re.escape(name)}["\'=@]', text) for text in tests)}
problems = [f"{points[name]}: no test names or reaches the failpoint {name}" for name in sorted(set(points) - named - reached - set(EXCUSED))]
problems += [f"tools/check_failpoints.py excuses {name}, which is tested or gone" for name in sorted(set(EXCUSED) & (named | reached | (set(EXCUSED) - set(points))))]
problems += [f"test/support/failpoint_walks.json has {name}, which is gone" for name in sorted(reached - set(points))]
if not points:
    problems.append("src has no failpoints")
print("\n".join(problems) if problems else f"failpoints: {len(points)}, {len(named)} named by tests, {len(reached)} reached by walks, "
      f"{len(EXCUSED)} excused")
sys.exit(1 if problems else 0)
