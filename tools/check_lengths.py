"""Fails on a .cc over 600 lines or a header over 250, unless the file says why: a comment with "Longer than usual:"."""
import pathlib
import sys

found = []
for file in sorted(pathlib.Path("src").rglob("*")):
    if file.suffix not in (".h", ".cc") or file.stem.endswith(("_test", "_fuzz", "_bench")):
        continue
    text = file.read_text()
    limit = 250 if file.suffix == ".h" else 600
    lines = text.count("\n")
    if lines > limit and "Longer than usual:" not in text:
        found.append(f"{file}: {lines} lines, limit {limit}")
print("\n".join(found) if found else "lengths: ok")
sys.exit(1 if found else 0)
