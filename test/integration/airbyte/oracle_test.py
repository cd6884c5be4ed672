"""Airbyte manifests: firn's records and states against those of Airbyte's own runtime, on a fake API.

    oracle_test.py [--all] [--live] [--only source-a,source-b] [--phases full,inc1,inc2] [--chaos SEED] [--jobs N] [--least N] [--out DIR]

Material lies beside the repository (FIRN_SHARED, default ../shared): `oracle` (the fake API, and golden.txt with a hash of every
stream's records and state as the reference runtime gave them) and `airbyte-manifests`. The fake API needs a Python with
airbyte-cdk 7.28.2 (`tools/prepare test`; test/support/airbyte_runtime.py). Without them the test is skipped (exit 77).

Phases: `full` reads everything whole; `inc1` incrementally from nothing; `inc2` a week later from inc1's state. Prints how many stream
runs are equal and each that is not (`--live`: to what the runtime gives now, which in places is newer than golden.txt); exit code 1 when one of the quick set is not, or fewer than --least are.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import airbyte_runtime  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[3]
SHARED = Path(os.environ.get("FIRN_SHARED", REPOSITORY.parent / "shared"))
PYTHON = airbyte_runtime.python()
FIRN = os.environ.get("FIRN_BINARY", str(REPOSITORY / "build/dev/firn"))
QUICK = ["source-docuseal", "source-marketstack", "source-sentry"]
LATER = "2025-06-22T10:20:30.456789Z"


def canonical(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def normal_state(state):
    """Lists whose order means nothing, sorted."""
    if isinstance(state, dict):
        return {
            key: sorted((normal_state(i) for i in value), key=canonical) if key in ("states", "slices") and isinstance(value, list)
            else normal_state(value) for key, value in state.items()
        }
    return [normal_state(item) for item in state] if isinstance(state, list) else state


def short_hash(data):
    return hashlib.sha256(data).hexdigest()[:12]


def expected():
    """{(connector, phase): {stream file name: "failed" or "N hash hash"}}"""
    runs = {}
    for line in (SHARED / "oracle/golden.txt").read_text(encoding="utf-8").splitlines():
        run, rest = line.split(" ", 1)
        match = re.fullmatch(r"(.*) (failed|\d+ [0-9a-f]{12} [0-9a-f]{12})", rest)
        runs.setdefault(tuple(run.split("/")), {})[match[1]] = match[2]
    return runs


def actual(folder):
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    states = {m["stream"]["stream_descriptor"]["name"]: m["stream"].get("stream_state") for m in json.loads((folder / "state.json").read_text(encoding="utf-8"))}
    found, why = {}, {}
    for name, entry in summary["streams"].items():
        file = re.sub(r"[^\w.-]", "_", name)
        why[file] = (entry["errors"] or [entry["status"]])[0]
        if entry["errors"] or entry["status"] != "COMPLETE":
            found[file] = "failed"
            continue
        records = folder / "records" / f"{file}.jsonl"
        data = records.read_bytes() if records.exists() else b""
        found[file] = f"{entry['records']} {short_hash(data)} {short_hash(canonical(normal_state(states.get(name))).encode())}"
    return found, why


def run_connector(name, phases, options, out):
    script = str(SHARED / "oracle/run_candidate.py")
    manifest = str(SHARED / "airbyte-manifests" / name / "manifest.yaml")
    base = [PYTHON, script, manifest, "--cmd", f"{FIRN} airbyte read", "--timeout", str(options.timeout)]
    if options.chaos is not None:
        base += ["--chaos", str(options.chaos)]
    for phase in phases:
        folder = out / name / phase
        arguments = ["--out", str(folder)]
        if options.like:
            arguments += ["--like", str(options.like / name / phase)]
        if phase != "full":
            arguments += ["--mode", "incremental"]
        if phase == "inc2":
            arguments += ["--now", LATER, "--state", str(out / name / "inc1" / "state.json")]
        subprocess.run([*base, *arguments], capture_output=True, check=False)
    return name


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="the whole set instead of the quick one")
    parser.add_argument("--live", action="store_true", help="against what the reference runtime gives now instead of golden.txt")
    parser.add_argument("--only")
    parser.add_argument("--phases", default="full,inc1,inc2")
    parser.add_argument("--chaos", type=int)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--least", type=int, help="stream runs that must be equal (default: all)")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--like", type=Path, help="results of the oracle (suite.py oracle), for the catalogs of dynamic streams")
    options = parser.parse_args()
    if not (SHARED / "oracle/golden.txt").exists():
        skip(f"no oracle at {SHARED}/oracle (FIRN_SHARED)")
    if PYTHON is None:
        skip("no airbyte-cdk (tools/prepare test, or FIRN_CDK_PYTHON)")
    golden = expected()
    names = sorted({name for name, _ in golden}) if options.all else QUICK
    if options.only:
        names = options.only.split(",")
    wanted = options.phases.split(",")
    with tempfile.TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        if options.live:
            return judge_live(names, out, options.jobs)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = [pool.submit(run_connector, name, [p for p in wanted if (name, p) in golden], options, out) for name in names]
            for job in concurrent.futures.as_completed(jobs):
                job.result()
        return judge(golden, names, wanted, out, options)


def judge_live(names, out, jobs):
    """Runs the reference runtime, then firn, and compares records, states and catalogs."""
    chosen, suite = out / "chosen", [PYTHON, str(SHARED / "oracle/suite.py")]
    chosen.mkdir(parents=True, exist_ok=True)
    for name in names:
        (chosen / name).symlink_to((SHARED / "airbyte-manifests" / name).resolve())
    steps = [["oracle", chosen, out / "oracle", "--jobs", jobs],
             ["candidate", chosen, out / "oracle", "--to", out / "firn", "--cmd", f"{FIRN} airbyte read", "--jobs", jobs]]
    for step in steps:
        subprocess.run([*suite, *map(str, step)], check=False, stdout=subprocess.DEVNULL)
    compared = subprocess.run([*suite, "compare", str(out / "oracle"), str(out / "firn")], check=False, capture_output=True, text=True).stdout
    print(compared, end="")
    equal = re.search(r"^streams equal: (\d+) / (\d+)", compared, re.M)
    return 0 if equal and equal[1] == equal[2] != "0" else 1


def judge(golden, names, wanted, out, options):
    equal = total = 0
    for (name, phase), streams in sorted(golden.items()):
        if name not in names or phase not in wanted:
            continue
        folder = out / name / phase
        found, why = actual(folder) if (folder / "summary.json").exists() else ({}, {})
        for stream, digest in streams.items():
            total += 1
            mine = found.get(stream, "missing")
            same = mine == digest or (digest == "failed" and mine in ("failed", "missing"))
            equal += same
            if not same:
                print(f"{name}/{phase} {stream}: {difference(digest, mine)} | {why.get(stream, '')[:160]}")
    print(f"stream runs equal: {equal} / {total}")
    return 0 if equal >= (options.least if options.least is not None else total) else 1


def difference(golden, mine):
    if "failed" in (golden, mine) or mine == "missing":
        return f"expected {golden}, got {mine}"
    left, right = golden.split(" "), mine.split(" ")
    parts = [f"records {left[0]} -> {right[0]}"] if left[:2] != right[:2] else []
    return ", ".join(parts + (["state"] if left[2] != right[2] else []))


if __name__ == "__main__":
    sys.exit(main())
