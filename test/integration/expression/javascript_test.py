"""The JavaScript subset against Node: equal JSON texts, and errors where Node throws.

usage: javascript_test.py [--random N] [--seed S] [--verbose]

The expressions are those of test/corpus/javascript/expressions.txt (one group a line, " ;; " between them), and random
ones (javascript_generate.py, the seed is printed). Without `node` of version 20 or later the test is
skipped, loudly.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import javascript_generate  # noqa: E402

ROOT = HERE.parents[2]
CORPUS = ROOT / "test/corpus/javascript"
NOW = "2025-06-15T10:20:30.456Z"
REFUSED = ("E0621", "E0625")  # left out on purpose: docs/reference/javascript.md lists each
# What firn gives where it differs on purpose (docs/reference/javascript.md).
DIFFERENT = json.loads((HERE / "javascript_differences.json").read_text())


def node_version():
    """The major version, 0 without node."""
    if shutil.which("node") is None:
        return 0
    return int(subprocess.run(["node", "--version"], capture_output=True, text=True).stdout.lstrip("v").split(".")[0])


def run(command, expressions, scope):
    environment = {**os.environ, "FIRN_NOW": NOW, "TZ": "UTC"}
    text = "".join(json.dumps({"expression": one, "scope": scope}) + "\n" for one in expressions)
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment)
    lines = done.stdout.split("\n")[:-1]  # texts may hold other line ends
    assert len(lines) == len(expressions), (command, len(lines), len(expressions), done.stderr[-2000:])
    return lines


def of_firn(line):
    """(kind, text): the text of the value as firn prints it, or the code of the error."""
    prefix = '{"value":'
    if line.startswith(prefix):
        return "value", line[len(prefix):-1]
    answer = json.loads(line)
    return ("error", answer["code"] + " " + answer["error"]) if "error" in answer else ("value", "undefined")


def of_node(line):
    answer = json.loads(line)
    if "function" in answer:
        return "error", "the result is a function"
    return ("error", answer["error"]) if "error" in answer else ("value", answer["json"])


def same(ours, theirs):
    """Equal texts; an integer beyond 2^53 keeps its digits here and is rounded there."""
    if ours == theirs:
        return True
    return re.search(r"\d{16}", ours) is not None and json.loads(ours, parse_int=float) == json.loads(theirs, parse_int=float)


def compare(name, expressions, scope, strict, verbose):
    """`strict`: a refusal must be in DIFFERENT; random expressions may meet any."""
    firn = run([os.environ["FIRN_BINARY"], "eval", "--js", "--batch"], expressions, scope)
    node = run(["node", str(HERE / "node_eval.js")], expressions, scope)
    different = refused = values = 0
    for expression, ours, theirs in zip(expressions, map(of_firn, firn), map(of_node, node)):
        values += ours[0] == "value"
        if strict and expression in DIFFERENT:
            good = ours[1].startswith(DIFFERENT[expression]) and ours != theirs
        elif ours[0] == "error" and not strict and ours[1][:5] in REFUSED:
            refused += 1
            continue
        else:
            good = ours[0] == theirs[0] and (ours[0] == "error" or same(ours[1], theirs[1]))
        if not good:
            different += 1
            if verbose or different <= 20:
                print(f"{name}: {expression}\n  firn {ours[1][:300]}\n  node {theirs[1][:300]}")
    print(f"{name}: {len(expressions)} expressions, {values} with a value, {refused} refused, {different} different")
    return different


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FIRN_SEED", random.randrange(1 << 30))))
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    if node_version() < 20:
        print("SKIPPED: no node, or one before 20 (which lacks toSorted and the like)")
        sys.exit(77)
    print(f"seed {arguments.seed}")
    scope = json.loads((CORPUS / "scope.json").read_text())
    failed = 0
    listed = 0
    group = "?"
    for line in (CORPUS / "expressions.txt").read_text().split("\n")[:-1]:
        if line.startswith("# "):
            group = line[2:]
            continue
        expressions = line.split(" ;; ")
        listed += len(expressions)
        failed += compare(group, expressions, scope, True, arguments.verbose)
    assert listed >= 500, listed
    generated = list(javascript_generate.expressions(random.Random(arguments.seed), arguments.random))
    failed += compare("random", generated, scope, False, arguments.verbose)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
