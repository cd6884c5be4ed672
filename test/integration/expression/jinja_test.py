"""The Jinja dialect against Airbyte's own runtime: equal values, and errors where it has errors.

usage: jinja_test.py [--random N] [--seed S] [--verbose]

`tools/prepare test` installs airbyte-cdk 7.28.2 (FIRN_CDK_PYTHON names another Python that has it); without one the test is
skipped, loudly. The templates of the connectors in FIRN_AIRBYTE_MANIFESTS (a folder of */manifest.yaml) are compared too.
"""
import argparse
import glob
import json
import os
import random
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "support")]
import airbyte_runtime  # noqa: E402
import cases  # noqa: E402
import generate  # noqa: E402

ROOT = HERE.parents[2]
NOW = "2025-06-15T10:20:30.456789Z"


def run(command, requests):
    environment = {**os.environ, "FIRN_NOW": NOW, "TZ": "UTC", "PYTHONHASHSEED": "0", "PYTHONWARNINGS": "ignore"}
    text = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=environment)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(requests), (command, len(answers), len(requests), done.stderr[-2000:])
    return answers


def strings(node):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def manifest_templates():
    """Templates of the connectors at hand, read by the Python that has the runtime (and so PyYAML)."""
    folder = os.environ.get("FIRN_AIRBYTE_MANIFESTS", str(ROOT / "../shared/airbyte-manifests"))
    files = sorted(glob.glob(folder + "/*/manifest.yaml"))
    if not files:
        return []
    script = "import json,sys,yaml\nfor f in sys.argv[1:]: print(json.dumps(yaml.safe_load(open(f)), default=str))"
    done = subprocess.run([airbyte_runtime.python(), "-c", script, *files], capture_output=True, text=True, check=True)
    found = set()
    for line in done.stdout.splitlines():
        found.update(text for text in strings(json.loads(line)) if "{{" in text or "{%" in text)
    return sorted(found)


# What cannot be equal or differs by decision; docs/airbyte-compatibility.md has the reasons.
def excused(request, ours, theirs):
    text = request["template"]
    known = [
        "<built-in method", "<generator object", "<function ", "<method", " at 0x", "object at", "Markup(", "generate_uuid",
        "<Namespace", "LoopContext", "<bound method", "FrozenDatetime", "dict_reverse", "<list_reverse", "<TemplateReference",
    ]
    if any(mark in answer.get("repr", "") for mark in known for answer in (ours, theirs)):
        return True
    if any(word in text for word in ("lipsum", "cycler", "joiner", "encode(", "tzinfo", "1j", "generate_uuid")):
        return True
    # Which slices of constants Jinja computes when it compiles, by other rules; division of integers beyond 2**53.
    unfit = request["mode"] == "boolean" or repr(text) in (ours.get("repr"), theirs.get("repr"))
    if unfit and any(mark in text for mark in ("[1:]", "[:2]", "[::-1]")):
        return True
    if "config.big" in text and "/" in text:
        return True
    return "is not supported" in ours.get("error", "") or "cannot be changed" in ours.get("error", "")


def compare(requests, verbose):
    ours = run([os.environ["FIRN_BINARY"], "eval", "--dialect", "jinja", "--batch"], requests)
    theirs = run([airbyte_runtime.python(), str(HERE / "cdk_eval.py")], requests)
    different, skipped = [], 0
    for request, mine, other in zip(requests, ours, theirs):
        same = ("error" in mine) == ("error" in other) and mine.get("repr") == other.get("repr")
        if same:
            continue
        if excused(request, mine, other):
            skipped += 1
            continue
        different.append((request, mine, other))
    for request, mine, other in different[: 1000 if verbose else 20]:
        print(f"{request['mode']:8} {request['template']!r}\n   firn {mine.get('repr', mine.get('error'))!r}"
              f"\n   cdk  {other.get('repr', other.get('error'))!r}")
    return len(different), skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FIRN_SEED", random.randrange(1 << 30))))
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    if airbyte_runtime.python() is None:
        print("SKIPPED: no Python with airbyte-cdk 7.28.2 (tools/prepare test, or set FIRN_CDK_PYTHON)")
        sys.exit(77)
    failed = 0
    print(f"seed {arguments.seed}")
    sets = {
        "expressions": ["{{ " + text + " }}" for text in cases.expressions()],
        "templates": list(cases.TEMPLATES),
        "manifests": manifest_templates(),
        "random": list(generate.templates(random.Random(arguments.seed), arguments.random)),
    }
    for name, templates in sets.items():
        requests = []
        for template in dict.fromkeys(templates):
            scope = cases.SCOPE if name != "manifests" else cases.MANIFEST_SCOPE
            for mode in ("value", "string", "boolean"):
                given = {key: value for key, value in scope.items() if mode == "value" or key != "parameters"}
                given = {**given, "parameters": scope["parameters"]}
                requests.append({"template": template, "scope": given, "mode": mode})
        different, skipped = compare(requests, arguments.verbose)
        print(f"{name}: {len(requests)} evaluations, {different} different, {skipped} excused")
        failed += different
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
