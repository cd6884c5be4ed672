"""The command line from outside."""

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Raw  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject, binary, clean_environment, run_firn  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

MANIFEST = """{version: 6.44.0, type: DeclarativeSource, check: {type: CheckStream, stream_names: [orders]},
  spec: {type: Spec, connection_specification: {type: object, required: [token], properties: {
    token: {type: string}, page_size: {type: integer}, region: {type: string}, stores: {type: array, items: {enum: [north, south]}}}}},
  streams: [
  {type: DeclarativeStream, name: orders, primary_key: id}, {type: DeclarativeStream, name: All stores},
  {type: DeclarativeStream, name: reports, retriever: {type: CustomRetriever, class_name: reports.Reports}}]}
"""


def in_empty_folder(test):
    folder = tempfile.mkdtemp(prefix="firn-cli-")
    test.addCleanup(shutil.rmtree, folder, True)
    return folder


class CliTest(unittest.TestCase):
    def firn(self, *arguments, code=0, cwd=None, **options):
        result = run_firn(arguments, cwd or in_empty_folder(self), **options)
        self.assertEqual(result.code, code, result)
        return result

    def test_help_of_every_command(self):
        text = self.firn("--help").out
        commands = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +\S", text, re.M)
        self.assertGreater(len(commands), 20)
        for command in commands:
            self.assertIn("usage: firn " + command, self.firn(*command.split(), "--help").out)
        self.assertEqual(self.firn("help").out, text)
        self.assertRegex(self.firn("--version").out, r"^firn \d+\.\d+\.\d+")

    def test_wrong_usage_is_exit_2_and_names_the_next_command(self):
        self.assertIn("run", self.firn("rnu", code=2).err)
        self.assertIn("next", self.firn("run", "--no-such-option", code=2).err)
        self.assertIn("QUERY", self.firn("sql", code=2).err)
        self.firn("sql", "select 1", "--format", "xml", code=2)
        self.firn("explain", "E9999", code=2)
        self.assertIn("firn import airbyte", self.firn("import", code=2).err)
        self.assertIn("firn import dlt-state", self.firn("import", "--help").out)

    def test_without_a_project_nothing_is_created(self):
        for arguments in (("--help",), ("copy", "missing.json", "-"), ("preview", "orders"), ("status",), ("tables",), ("sql", "select 1 as one"), ("validate",), ("doctor",),
                          ("schema",), ("explain", "E0101"), ("eval", "1 + 1"), ("completion", "bash"), ("run",), ("runs",),
                          ("plan",), ("history", "a.b"), ("table", "metadata", "a.b")):
            with self.subTest(arguments):
                folder = in_empty_folder(self)
                result = run_firn(arguments, folder)
                self.assertGreaterEqual(result.code, 0, result)
                self.assertNotEqual(result.code, 134, result)
                self.assertEqual(os.listdir(folder), [], result)

    def test_the_schema_is_a_json_schema(self):
        schema = json.loads(self.firn("schema").out)
        self.assertIn("draft-07", schema["$schema"])
        self.assertIn("pipelines", json.dumps(schema))

    def test_eval(self):
        self.assertEqual(self.firn("eval", "1 + 2").out.strip(), "3")
        self.assertEqual(self.firn("eval", "/orders/{{ parent.id }}", "--var", 'parent={"id":5}').out.strip(), '"/orders/5"')
        self.firn("eval", "1 +", code=2)
        folder = in_empty_folder(self)
        with open(os.path.join(folder, "record.json"), "w") as file:
            file.write('{"record": {"id": 12345678901234567890, "tags": ["b", "a"]}}')
        self.assertEqual(self.firn("eval", "--js", "({...record, tags: record.tags.sort()})", "--data", "record.json", cwd=folder).out.strip(),
                         '{"id":12345678901234567890,"tags":["a","b"]}')
        self.assertEqual(self.firn("eval", "--dialect", "javascript", "n + 1", "--var", "n=2").out.strip(), "3")
        wrong = self.firn("eval", "--js", "rec.id", "--data", '{"record": {}}', code=2)
        self.assertIn("^^^", wrong.err)
        self.assertIn("E0622", wrong.err)
        self.firn("eval", "1", "--data", "{}", code=2)

    def test_validate_says_what_the_golden_files_say(self):
        folder = os.path.join(REPOSITORY, "src", "config", "testdata")
        compared = 0
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".yaml"):
                continue
            with open(os.path.join(folder, name), "rb") as file:
                text = file.read()
            with open(os.path.join(folder, name[:-5] + ".expected"), encoding="utf-8") as file:
                expected = file.read()
            scene = dict(re.findall(r"^#: env (\w+)=(.*)$", text.decode(errors="replace"), re.M))
            if re.search(rb"^#: (environment|set) ", text, re.M):
                continue
            with self.subTest(name):
                here = in_empty_folder(self)
                if b"shop/manifest.yaml" in text:  # as golden_test.cc has it
                    os.mkdir(os.path.join(here, "shop"))
                    with open(os.path.join(here, "shop", "manifest.yaml"), "w", encoding="utf-8") as file:
                        file.write(MANIFEST)
                process = subprocess.run([binary(), "validate", "--config", "-", "--color", "never"], input=text,
                                         cwd=here, env=clean_environment({**scene, "HOME": "/nonexistent"}),
                                         capture_output=True, timeout=60)
                bad = expected.startswith("error") or "\nerror[" in expected
                self.assertEqual(process.returncode, 2 if bad else 0, process.stderr.decode(errors="replace"))
                if bad:
                    compared += 1
                    wanted = re.findall(r"^error\[(E\d+)\]: .*\n +--> (.*)$", expected, re.M)
                    found = re.findall(r"^error\[(E\d+)\]: .*\n +--> (.*)$", process.stderr.decode(errors="replace"), re.M)
                    self.assertEqual(found, wanted)
        self.assertGreater(compared, 60)

    def test_diagnostics_for_machines(self):
        project = FirnProject("version: 1\npipelinez: {}\n")
        self.addCleanup(project.__exit__)
        text = project.firn("validate")
        self.assertEqual(text.code, 2)
        self.assertRegex(text.err, r"firn\.yaml:2:1")
        self.assertIn("pipelines", text.err, "did you mean")
        for form in ("json", "sarif"):
            result = project.firn("validate", "--diagnostics", form)
            self.assertEqual(result.code, 2)
            self.assertIn("firn.yaml", json.dumps(json.loads(result.out)))
        self.assertIn("::error file=firn.yaml,line=2", project.firn("validate", "--diagnostics", "github").err)
        code = re.search(r"E\d{4}", text.err).group()
        self.assertIn(code, self.firn("explain", code).out)

    def shop(self):
        api = FakeApi()
        self.addCleanup(api.close)
        table = api.table("orders", changed=None)
        for i in range(1, 21):
            table.put({"id": i, "name": f"näme, \"{i}\"\n", "total": Raw(f"{i}.5"), "tags": ["a", None], "placed": "2025-01-01T00:00:00Z",
                       "none": None, "o": {"x": i}})
        project = FirnProject(f"version: 1\npipelines:\n  shop:\n    source: {{type: rest, base_url: \"{api.url}\"}}\n"
                              "    tables:\n      orders: {path: /v1/orders, records: data, paginate: {type: cursor, "
                              "next: meta.next, param: cursor}, primary_key: id, raw: off}\n")
        self.addCleanup(project.__exit__)
        project.run()
        return api, project

    def test_sql_formats(self):
        _, project = self.shop()
        query = "select id, name, total, tags, placed, o from shop.orders order by id"
        rows = project.sql(query)
        self.assertEqual([row["id"] for row in rows], list(range(1, 21)))
        self.assertEqual((rows[0]["name"], rows[0]["total"], rows[0]["tags"], rows[0]["o"]), ('näme, "1"\n', 1.5, ["a", None], {"x": 1}))
        lines = project.firn("sql", query, "--format", "ndjson").out.splitlines()
        self.assertEqual([json.loads(line) for line in lines], rows)
        table = list(csv.reader(io.StringIO(project.firn("sql", query, "--format", "csv").out)))
        self.assertEqual((table[0][:2], table[1][:2], len(table)), (["id", "name"], ["1", 'näme, "1"\n'], 21))
        self.assertIn("| id", project.firn("sql", query, "--format", "md").out)
        self.assertIn("näme", project.firn("sql", query).out)
        self.assertEqual(project.sql("select * from shop.orders where id < 0"), [])
        bad = project.firn("sql", "select nothing from shop.orders")
        self.assertNotEqual(bad.code, 0)
        self.assertIn("nothing", bad.err)
        missing = project.firn("sql", "from shop.ordres")
        self.assertIn("orders", missing.err, "did you mean")
        for statement in ("drop table shop.orders", "copy (select 1) to 'x.csv'", "insert into shop.orders values (1)",
                          "attach 'x.db'", "create table t as select 1"):
            self.assertNotEqual(project.firn("sql", statement).code, 0, statement)
        self.assertFalse(os.path.exists(project.path("x.csv")) or os.path.exists(project.path("x.db")))

    def test_sql_parquet(self):
        _, project = self.shop()
        process = subprocess.run([binary(), "sql", "select id, total from shop.orders", "--format", "parquet"],
                                 cwd=project.folder, env=clean_environment(), capture_output=True, timeout=60)
        self.assertEqual((process.returncode, process.stdout[:4], process.stdout[-4:]), (0, b"PAR1", b"PAR1"), process.stderr)
        with open(project.path("out.parquet"), "wb") as file:
            file.write(process.stdout)
        with TableReader() as reader:
            self.assertIn("'total': 20.5", reader.ask(parquet=project.path("out.parquet"))["text"])

    def test_foreign_tables_need_no_project(self):
        _, project = self.shop()
        metadata = project.firn("table", "metadata", "shop.orders").out.strip()
        folder = in_empty_folder(self)
        result = self.firn("sql", f"select count(*) as n from iceberg('{metadata}')", "--json", cwd=folder)
        self.assertEqual(result.json(), [{"n": 20}])
        snapshot = project.metadata("shop.orders")["current-snapshot-id"]
        result = self.firn("sql", f"select count(*) as n from iceberg('{metadata}') at (version => {snapshot})", "--json", cwd=folder)
        self.assertEqual(result.json(), [{"n": 20}])
        self.assertEqual(os.listdir(folder), [])

    def test_looking_at_runs_and_state(self):
        _, project = self.shop()
        tables = project.firn("tables", "--json").json()
        self.assertEqual([(t["table"], t["rows"]) for t in tables], [("shop.orders", 20)])
        self.assertEqual(project.firn("status", "--json").code, 0)
        self.assertEqual(len(project.firn("runs", "--json").json()), 1)
        self.assertEqual(project.firn("doctor").code, 0)
        self.assertEqual(project.firn("logs").code, 0)
        self.assertEqual(project.firn("state", "get", "orders").code, 0)
        plan = project.firn("plan")
        self.assertEqual(plan.code, 0, plan)
        self.assertIn("once", plan.out)
        self.assertEqual(project.firn("config", "show", "--resolved", "--why").code, 0)

    def test_any_project_file_and_stdin(self):
        _, project = self.shop()
        with open(project.path("firn.yaml")) as file:
            text = file.read()
        folder = in_empty_folder(self)
        with open(os.path.join(folder, "other.yaml"), "w") as file:
            file.write(text)
        self.firn("run", "other.yaml", cwd=folder)
        self.firn("run", "--config", "-", cwd=in_empty_folder(self), input=text)
        os.mkdir(os.path.join(folder, "below"))
        shutil.move(os.path.join(folder, "other.yaml"), os.path.join(folder, "firn.yaml"))
        self.firn("validate", cwd=os.path.join(folder, "below"))

    def test_nothing_but_data_on_stdout(self):
        _, project = self.shop()
        self.assertEqual(project.firn("run").out, "")
        json.loads(project.firn("run", "--json").out)
        quiet = project.firn("run", "--quiet")
        self.assertEqual((quiet.out, quiet.err), ("", ""))

    def test_the_demo_runs_without_network(self):
        folder = in_empty_folder(self)
        command = [binary(), "demo", "--dir", os.path.join(folder, "demo")]
        if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode == 0:
            command = ["unshare", "-rn", "sh", "-c", 'ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null; exec "$@"', "sh", *command]
            if not (shutil.which("ip") or shutil.which("ifconfig")):
                command = ["unshare", "-rn", sys.executable, "-c", LOOPBACK_UP, *command[6:]]
        else:
            print("demo: network namespaces are not permitted here, so it runs with the network on", flush=True)
        for number in range(2):
            begin = time.monotonic()
            run = subprocess.run(command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=120)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("│", run.stdout)
            self.assertIn("coupon", run.stderr if number == 0 else "coupon")
            print(f"demo, time {number + 1}: {time.monotonic() - begin:.1f} s", flush=True)
        result = run_firn(["run"], os.path.join(folder, "demo"))
        self.assertEqual(result.code, 0, result)
        rows = run_firn(["sql", "--config", "demo", "--json", "select count(*) > 0 as some from shop.orders"], folder)
        self.assertEqual((rows.code, json.loads(rows.out)), (0, [{"some": True}]), rows)

    def test_a_copy_without_rows_names_no_table(self):
        folder = in_empty_folder(self)
        open(os.path.join(folder, "empty.ndjson"), "w").close()
        result = run_firn(["copy", "empty.ndjson", "raw.nothing"], folder)
        self.assertEqual(result.code, 0, result)
        self.assertIn("nothing was written", result.err)
        self.assertNotIn("firn sql", result.err)

    def test_a_copy_to_stdout_checks_what_it_passes_on(self):
        folder = in_empty_folder(self)
        for text, written in (('{"a":1}\n{"a":2', '{"a":1}\n'), ('{"a":1}\n{"a":tru}\n{"a":3}\n', '{"a":1}\n')):
            result = run_firn(["copy", "-", "-"], folder, input=text)
            self.assertNotEqual(result.code, 0, result)
            self.assertIn("E0604", result.err)
            self.assertEqual(result.out, written, result)

    def test_the_commands_of_the_readme_run_as_written(self):
        with open(os.path.join(REPOSITORY, "README.md")) as file:
            blocks = re.findall(r"```console\n(.*?)```", file.read(), re.S)
        api = FakeApi()
        self.addCleanup(api.close)
        api.prefix = ""
        orders = api.table("orders", paging="page", page_size=20)
        for i in range(250):
            orders.put({"id": i, "updated_at": f"2025-01-01T{i // 60:02d}:{i % 60:02d}:00Z", "total": Raw("1.50"),
                        "email": f"p{i}@example.org"})
        home = in_empty_folder(self)
        os.makedirs(os.path.join(home, "build", "release"))
        os.symlink(binary(), os.path.join(home, "build", "release", "firn"))
        # All of it is one session, typed line by line from the folder of a fresh clone.
        commands = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
        script = "set -eo pipefail\n" + "\n".join(commands).replace("http://127.0.0.1:8123", api.url)
        if shutil.which("jq") is None:
            script = re.sub(r"\| jq \S+", "", script)
        run = subprocess.run(["bash", "-c", script], cwd=home, env=clean_environment(), capture_output=True, text=True, timeout=300)
        self.assertEqual(run.returncode, 0, f"{script}\n{run.stdout[-2000:]}\n{run.stderr[-3000:]}")
        self.assertEqual(run.stdout.count("│ cancelled │   2564 │ 1297385.04 │"), 2)  # by the demo and by hand
        number = sum(command.startswith("firn ") for command in commands)
        self.assertGreater(number, 2, "the README shows no firn command in a ```console block")


LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
s = socket.socket()
fcntl.ioctl(s, 0x8914, struct.pack("16sH14s", b"lo", 1 | 64, b""))
os.execvp(sys.argv[1], sys.argv[1:])
"""

if __name__ == "__main__":
    binary()
    unittest.main()
