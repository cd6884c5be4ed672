"""Makes docs/proof.md from what tools/proof left in its folder."""
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import sys

folder = pathlib.Path(sys.argv[1])


def log(name):
    path = folder / f"{name}.log"
    return path.read_text(errors="replace") if path.exists() else ""


def seconds(name):
    path = folder / f"{name}.seconds"
    return f"{int(path.read_text()) / 60:.0f} min" if path.exists() else ""


def last(name, pattern):
    found = re.findall(pattern, log(name), re.M)
    return found[-1] if found else "not run"


crash = json.loads((folder / "crash.json").read_text())
readers = json.loads((folder / "readers.json").read_text())
commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True).stdout.strip()
dirty = subprocess.run(["git", "status", "--porcelain", "--", "src", "test"], capture_output=True, text=True).stdout.strip()
values = re.findall(r"(\d+) values compared", log("github"))
fuzz = re.findall(r"^fuzz (\S+): (\d+) inputs, exit 0$", log("fuzz"), re.M)
bad = re.findall(r"^\.?(\S+) was noticed: ", log("seeded_bugs") + log("power_cut"), re.M)
rows = [
    ("failpoint × hit × action", f"{crash['failpoints']} failpoints, {crash['pairs']} pairs in eighteen situations, each with kill, error and "
     f"unknown outcome; {crash['trials']} trials with those of the next line; {crash['values']} values compared; "
     f"{crash['failed']} lost, doubled or wrong; {crash['unreached']} pairs were not reached a second time", seconds("crash")),
    ("random kills", f"{crash['random_kills']} kill -9 at random moments", ""),
    ("power cuts", last("power_cut", r"^power cut: (\d+ trials.*?), seed"), seconds("power_cut")),
    ("seeded mistakes noticed", ", ".join(sorted(set(bad))), seconds("seeded_bugs")),
    ("whole runs", last("run", r"^Ran (\d+ tests)"), seconds("run")),
    ("commits into one table", last("commits", r"^(\d+ commits, file calls .*)$"), seconds("commits")),
    ("commits applied 60 s late, answers cut anywhere, storms of conflicts", last("late", r"^Ran (\d+ tests)"), seconds("late")),
    ("pyiceberg in a loop beside loads and maintenance", "; ".join(re.findall(r"^other writer: (.*)$", log("rivals"), re.M)),
     seconds("rivals")),
    ("a year of one project", last("year", r"^year ok: (.*), \d+ s$"), seconds("year")),
    ("canaries", last("canary", r"^Ran (\d+ tests)"), seconds("canary")),
    ("real payloads", f"{sum(map(int, values))} values compared", seconds("github")),
    ("random histories", last("histories", r"^histories: (.*)$"), seconds("histories")),
    ("readers", f"{readers['tables']} tables; {readers['values']} values compared with pyiceberg and DuckDB; " + ", ".join(
        sorted(set(re.findall(r"^  (\S+) +ok ", log("readers"), re.M)))) + " agree; " +
     last("readers", r"^iceberg-lint: (.*)$"), seconds("readers")),
    ("fuzzing", f"{len(fuzz)} targets, {sum(int(n) for _, n in fuzz):,} inputs, no finding" if fuzz else "not run", seconds("fuzz")),
]
seed = os.environ.get("FIRN_TEST_SEED", crash["seed"])
print(f"""# The long proof

Written by `make proof`; what each part does says `test/integration/crash/README.md` and its neighbours.
Repeat it with `FIRN_PROOF_SEED={seed} make proof`.

| | |
|---|---|
| date | {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d} |
| commit | {commit}{' with local changes' if dirty else ''} |
| seed | {seed} |
| machine | {os.cpu_count()} cores, {platform.system()} {platform.machine()} |

| part | result | time |
|---|---|---|""")
for name, result, took in rows:
    print(f"| {name} | {result} | {took} |")
print(f"""
No failure in {crash['random_kills']} random kills means, at 95 % confidence, less than {300 / max(1, crash['random_kills']):.2f} % per kill.""")
