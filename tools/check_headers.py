"""Compiles each header of src/ alone (or, with --sources, each source) with clang -fsyntax-only, using the flags of
compile_commands.json. Thread-safety warnings are errors by those flags."""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

build = pathlib.Path(sys.argv[1])
sources = "--sources" in sys.argv
entries = json.loads((build / "compile_commands.json").read_text())
flags = {}
for entry in entries:
    words = shlex.split(entry["command"])
    words = words[1:] if words[0].endswith("ccache") else words
    keep = [w for i, w in enumerate(words) if w not in ("-c", "-o") and words[i - 1] != "-o" and w != entry["file"]]
    flags[entry["file"]] = keep


def command_of(path):
    if sources:
        return flags.get(str(path))
    same = [f for f in flags if os.path.dirname(f) == str(path.parent)] or [
        f for f in flags if str(path).startswith(os.path.dirname(f))] or list(flags)
    return flags[same[0]]


def check(path):
    words = command_of(path)
    if words is None:
        return None
    extra = [str(path)] if sources else ["-x", "c++", "-include", str(path), "/dev/null"]
    cache = ["ccache"] if sources else []
    out = subprocess.run(words[:1] + words[1:] + ["-fsyntax-only", "-Wno-unused-function", "-Wno-unused-const-variable"] + extra,
                         capture_output=True, text=True, cwd=build)
    return None if out.returncode == 0 else f"{path}:\n{out.stderr[:3000]}"


suffix = ".cc" if sources else ".h"
paths = [p.resolve() for p in sorted(pathlib.Path("src").rglob(f"*{suffix}"))]
if sources:
    paths = [p for p in paths if not p.stem.endswith(("_fuzz", "_bench"))]
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    problems = [problem for problem in pool.map(check, paths) if problem]
print("\n".join(problems) if problems else f"{len(paths)} {'sources' if sources else 'headers'} compile")
sys.exit(1 if problems else 0)
