"""Imported connectors against the manifests that they were made of: the rows of each table are the same.

    airbyte_test.py [--all] [--only source-a,source-b] [--jobs N] [--keep DIR] [--list]

For each manifest beside the repository (FIRN_SHARED, default ../shared) the streams that `firn import airbyte` converts are loaded
twice from one fake API (shared/oracle): by `type: airbyte`, and by the imported connector; then once more a week later, when rows have
come and changed. Tables are compared as multisets of rows without firn's system columns. `--all`: all manifests instead of the quick
set; `--list` prints what was left out, counted by reason. Needs the Python of the oracle (test/support/airbyte_runtime.py) and the
readers; without them it is skipped (exit 77).
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from support import airbyte_runtime  # noqa: E402
from support.firn_project import FirnProject, skip  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

QUICK = ["source-docuseal", "source-gainsight-px", "source-google-classroom", "source-pivotal-tracker"]
FIRST, LATER = "2025-06-15T10:20:30.456789Z", "2025-06-22T10:20:30.456789Z"
PYTHON = airbyte_runtime.python()


class VendorApi:
    """The fake API of a manifest at a moment, in a process of its own."""

    def __init__(self, manifest, folder, now):
        self.process = subprocess.Popen(
            [PYTHON, str(Path(__file__).with_name("vendor_api.py")), str(airbyte_runtime.SHARED / "oracle"), str(manifest), str(folder), now],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the fake API did not start")
        return json.loads(line)

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def settings_of(connector, config):
    """What of Airbyte's configuration the connector's settings are: config['a']['b'] is `a_b`."""
    found = {}

    def walk(value, name):
        found[re.sub(r"[^A-Za-z0-9]", "_", name)] = value
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, f"{name}_{key}" if name else key)

    walk(config, "")
    section = re.search(r"^settings:\n((?:  .*\n)*)", connector, re.M)
    names = re.findall(r"^  (\w+): ", section[1], re.M) if section else []
    return {name: found[name] for name in names if name in found}


def as_json(value):
    return json.dumps(value, ensure_ascii=False)


def project_text(name, manifest, config, settings, streams):
    tables = "".join(f"      {table}: {{stream: {as_json(stream)}}}\n" for table, stream in streams.items())
    values = {key: "${env:SETTING_%s}" % key if isinstance(value, (str, int, float)) else value for key, value in settings.items()}
    environment = {f"SETTING_{key}": str(value) for key, value in settings.items() if isinstance(value, (str, int, float))}
    return f"""pipelines:
  original:
    source: {{type: airbyte, manifest: {as_json(str(manifest))}, config: {as_json(config).replace("$", "$$")}}}
    tables:
{tables}  imported:
    source: {{type: connector, connector: ./connectors/{name}.yaml, settings: {as_json(values)}}}
""", environment


def rows_of(reader, project, table):
    if table not in project.tables():
        return collections.Counter()  # no rows came so far
    rows = reader.rows(project, table)
    return collections.Counter(json.dumps({k: v for k, v in row.items() if not k.startswith("_firn")}, sort_keys=True, default=str) for row in rows)


def difference(left, right):
    only_left, only_right = left - right, right - left
    sample = next(iter(only_left or only_right), "")
    return f"{sum(only_left.values())} rows only by the manifest, {sum(only_right.values())} only by the import: {sample[:300]}"


def judge(source, out):
    """{"converted": […], "left_out": {stream: reason}, "unequal": {table: why}, "rows": n, "with_rows": n} of one manifest."""
    manifest = airbyte_runtime.SHARED / "airbyte-manifests" / source / "manifest.yaml"
    name = "vendor"
    folder = out / source
    folder.mkdir(parents=True)
    result = {"converted": [], "left_out": {}, "unequal": {}, "rows": 0, "with_rows": 0}
    project = FirnProject("pipelines: {}\n", folder=str(folder))
    imported = project.firn("import", "airbyte", str(manifest), "--name", name)
    for line in imported.err.splitlines():
        if match := re.fullmatch(r"  (.*?) +left out   (?:\S*:\d+: )?(.*)", line):
            result["left_out"][match[1]] = match[2]
    if imported.code not in (0, 3):
        if "E0557" not in imported.err:
            result["unequal"]["import"] = str(imported)
        return result
    connector = Path(project.path("connectors", f"{name}.yaml")).read_text(encoding="utf-8")
    converted = re.findall(r"^  (\S+) +converted", imported.err, re.M)
    result["converted"] = converted
    formatted = project.firn("fmt", "--check", f"connectors/{name}.yaml")
    if formatted.code != 0:
        result["unequal"]["fmt"] = str(formatted)
    import_streams = streams_of(manifest)
    streams = {table: import_streams.get(table, table) for table in converted}
    for now in (FIRST, LATER):
        with VendorApi(manifest, folder / "api", now) as api:
            text, environment = project_text(name, manifest, api["config"], settings_of(connector, api["config"]), streams)
            project.write(text)
            project.env = {**api["environment"], **environment}
            if now == FIRST and (valid := project.firn("validate", "--offline")).code != 0:
                result["unequal"]["validate"] = str(valid)
                return result
            run = project.firn("run", "--json", timeout=300)
        with TableReader() as reader:
            compare(reader, project, run, converted, result, now)
    return result


def streams_of(manifest):
    """Table name → stream name, as far as they differ."""
    names = re.findall(r"^\s+(?:- )?name: [\"']?(.*?)[\"']?$", Path(manifest).read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^A-Za-z0-9_]", "_", name): name for name in names}


def compare(reader, project, run, tables, result, now):
    try:
        states = {table["identifier"]: table for table in run.json()["tables"]}
    except ValueError:
        result["unequal"]["run"] = str(run)
        return
    for table in tables:
        left, right = states.get(f"original.{table}", {}), states.get(f"imported.{table}", {})
        if "error" in left or "error" in right:
            result["unequal"][table] = f"{now[:10]} manifest: {error_of(left)} | import: {error_of(right)}"
            continue
        rows, mine = rows_of(reader, project, f"original.{table}"), rows_of(reader, project, f"imported.{table}")
        result["rows"] += sum(rows.values())
        result["with_rows"] += now == FIRST and bool(rows)
        if rows != mine:
            result["unequal"][table] = f"{now[:10]} {difference(rows, mine)}"


def error_of(table):
    error = table.get("error")
    return "ok" if error is None else f"{error.get('code')} {error.get('message')} {error.get('why')}"[:300]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if PYTHON is None or not (airbyte_runtime.SHARED / "oracle/fakeapi.py").exists():
        skip("no airbyte-cdk (tools/prepare test, or FIRN_CDK_PYTHON), or no ../shared/oracle (FIRN_SHARED)")
    every = sorted(path.name for path in (airbyte_runtime.SHARED / "airbyte-manifests").glob("source-*"))
    names = options.only.split(",") if options.only else every if options.all else QUICK
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        out = options.keep or Path(temporary)
        results = dict(zip(names, pool.map(lambda name: judge(name, out), names)))
    return report(results, options.list)


def report(results, with_reasons):
    unequal = 0
    for name, result in results.items():
        for table, why in result["unequal"].items():
            unequal += 1
            print(f"{name} {table}: {why}")
    converted = sum(len(result["converted"]) for result in results.values())
    left_out = sum(len(result["left_out"]) for result in results.values())
    rows = sum(result["rows"] for result in results.values())
    if with_reasons:
        reasons = collections.Counter(re.split(r"[:`]", why)[0] for result in results.values() for why in result["left_out"].values())
        for reason, count in reasons.most_common():
            print(f"{count:4} {reason}")
    with_rows = sum(result["with_rows"] for result in results.values())
    print(f"streams: {converted} converted ({with_rows} with rows at first), {left_out} left out; {unequal} unequal; {rows} rows compared")
    return 0 if unequal == 0 and converted > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
