"""Programs as sources: see README.md."""

import json
import os
import re
import signal
import stat
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject, binary, has_failpoints  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

TOKEN = "canary-token-of-a-program"
# Prints the rows of rows.jsonl that its state does not cover, and a state after every third.
COUNTING = """
import json, sys
asked = json.loads(sys.stdin.readline())
done = (asked["state"] or {}).get("done", 0)
lines = open("rows.jsonl").read().splitlines()
for number, line in enumerate(lines[done:], done + 1):
    print(line)
    if number % 3 == 0:
        print(json.dumps({"@state": {"done": number}}), flush=True)
print(json.dumps({"@state": {"done": len(lines)}}))
"""


def programs_of_the_guide():
    with open(os.path.join(REPOSITORY, "docs", "guide", "programs.md")) as page:
        return re.findall(r"```python\n(.*?)```", page.read(), re.DOTALL)


class ProcessTest(ReaderCase):
    def project(self, program, tables, source=""):
        """`program`: text of extract.py, None if `source` names the command itself."""
        command = "" if program is None else f"command: [{sys.executable}, extract.py], "
        project = FirnProject(f"pipelines:\n  shop:\n    source: {{type: process, {command}{source}}}\n    tables: {tables}\n",
                              env={"TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        if program is not None:
            project.write(program, "extract.py")
        return project

    def rows(self, project, table="shop.orders", column="id"):
        return sorted(row[column] for row in self.reader.rows(project, table))

    def put(self, project, count, begin=0):
        with open(project.path("rows.jsonl"), "a") as file:
            for number in range(begin, begin + count):
                file.write(json.dumps({"id": number, "name": f"row {number}"}) + "\n")

    # ---- what the guide says ----

    def test_the_extractor_of_the_guide_goes_on_where_it_was(self):
        extractor = programs_of_the_guide()[0]
        self.assertLessEqual(len(extractor.strip().splitlines()), 25)
        with FakeApi() as api:
            orders = api.table("orders")
            for i in range(35):
                orders.put({"id": i, "updated_at": f"2025-01-01T00:00:{i:02d}Z"})
            project = self.project(extractor, "{orders: {primary_key: id}}", f'config: {{url: "{api.url}", token: "${{env:TOKEN}}"}}')
            project.run()
            self.assertEqual(self.rows(project), list(range(35)))
            orders.put({"id": 3, "updated_at": "2025-01-02T00:00:00Z"})
            orders.put({"id": 99, "updated_at": "2025-01-02T00:00:01Z"})
            result = project.run().json()["tables"][0]
            self.assertEqual(self.rows(project), [*range(35), 99])
            self.assertEqual(result["rows"]["read"], 3, result)  # the newest of before, and two
            self.no_secrets(project)

    def test_the_wrapper_of_the_guide(self):
        project = self.project(programs_of_the_guide()[1], "{orders: {primary_key: id}}", 'config: {first: 5, token: "${env:TOKEN}"}')
        project.write("def extract(config, state):\n    first = (state or config)['first']\n"
                      "    return [{'id': first}, {'id': first + 1}], {'first': first + 2}\n", "mine.py")
        for _ in range(3):
            project.run()
        self.assertEqual(self.rows(project), [5, 6, 7, 8, 9, 10])

    def no_secrets(self, project):
        for path in project.files():
            with open(path, "rb") as file:
                self.assertNotIn(TOKEN.encode(), file.read(), path)

    # ---- exactly once ----

    @unittest.skipUnless(has_failpoints(), "the binary has no failpoints")
    def test_kills_double_and_lose_nothing_though_it_appends(self):
        project = self.project(COUNTING, "{orders: {write_disposition: append, commit_interval: 1s}}")
        count = 0
        for failpoint in ("run.before_commit", "run.after_commit", "catalog.before_swap", "data_file.after_close"):
            self.put(project, 10, count)
            count += 10
            killed = project.firn("run", "--json", env={"FIRN_FAILPOINTS": f"{failpoint}=kill@1"})
            self.assertEqual(killed.code, -signal.SIGKILL, killed)
        project.run()
        self.assertEqual(self.rows(project), list(range(count)))
        self.assertEqual(project.run().json()["tables"][0]["rows"]["read"], 0)

    def test_what_a_state_covered_stays_when_the_program_breaks(self):
        breaking = COUNTING + "if len(lines) == 31:\n    sys.stdout.flush()\n    print('no more', file=sys.stderr)\n    sys.exit(4)\n"
        project = self.project(breaking, "{orders: {write_disposition: append}}")
        self.put(project, 20)
        project.run()
        self.put(project, 11, 20)
        broken = project.firn("run")
        self.assertNotEqual(broken.code, 0)
        self.assertIn("exit code 4", broken.err)
        self.assertIn("no more", broken.err)
        self.assertEqual(self.rows(project), list(range(31)))
        self.put(project, 9, 31)
        project.run()
        self.assertEqual(self.rows(project), list(range(40)))

    def test_rows_that_no_state_covers_are_not_appended(self):
        project = self.project('import json\nprint(json.dumps({"id": 1}))\n', "{orders: {write_disposition: append}}")
        for _ in range(2):
            refused = project.firn("run")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("E0653", refused.err)
        self.assertNotIn("shop.orders", [t for t in project.tables() if self.rows(project, t)])
        project.write(project_text(project).replace("append", "replace"))
        project.run()
        self.assertEqual(self.rows(project), [1])

    def test_a_full_refresh_hands_over_no_state(self):
        project = self.project(COUNTING, "{orders: {primary_key: id}}")
        self.put(project, 7)
        project.run()
        self.assertEqual(project.run().json()["tables"][0]["rows"]["read"], 0)
        self.assertEqual(project.run("--full-refresh").json()["tables"][0]["rows"]["read"], 7)
        self.assertEqual(self.rows(project), list(range(7)))

    # ---- what may not happen ----

    def test_limits_secrets_and_words(self):
        silent = self.project("import time\ntime.sleep(1000)\n", "{orders: {}}", "idle: 1s")
        self.assertIn("printed nothing for 1 s", silent.firn("run").err)
        loud = self.project("while True: print('x' * 1000, end='')\n", "{orders: {}}", "max_line: 1MiB")
        self.assertIn("E0652", loud.firn("run").err)
        telling = self.project("import json, sys\nprint(json.loads(sys.stdin.readline())['config'], file=sys.stderr)\nsys.exit(1)\n",
                               "{orders: {}}", 'config: {token: "${env:TOKEN}"}')
        told = telling.firn("run")
        self.assertIn("***", told.err)
        self.assertNotIn(TOKEN, told.err + told.out)
        self.no_secrets(telling)
        missing = self.project(None, "{orders: {}}", "command: [no-such-program]")
        for command in ("run", "doctor"):
            result = missing.firn(command)
            self.assertNotEqual(result.code, 0)
            self.assertIn("no-such-program", result.err + result.out)

    def test_broken_rows_are_quarantined_and_others_loaded(self):
        project = self.project('print(\'{"id": 1}\\n{"id": \\n{"id": 3}\')\n', "{orders: {on_error: quarantine}}")
        result = project.run().json()["tables"][0]
        self.assertEqual((self.rows(project), result["rows"]["quarantined"]), ([1, 3], 1))

    def test_preview_ends_the_program(self):
        project = self.project("import os\nopen('pid', 'w').write(str(os.getpid()))\nn = 0\nwhile True:\n    n += 1\n    print('{\"id\": %d}' % n)\n",
                               "{orders: {}}")
        shown = project.firn("preview", "orders")
        self.assertEqual(shown.code, 0, shown)
        with open(project.path("pid")) as file:
            self.assertFalse(os.path.exists(f"/proc/{file.read()}"))

    def test_copy_reads_a_program(self):
        project = self.project('import os\nfor i in range(3): print(\'{"id": %d, "own": "%s"}\' % (i, os.environ["OWN"]))\n', "{orders: {}}")
        command = f"exec:{sys.executable} extract.py"
        result = project.firn("copy", command, "raw.copied", env={"OWN": "mine"})
        self.assertEqual(result.code, 0, result)
        self.assertEqual((self.rows(project, "raw.copied"), self.rows(project, "raw.copied", "own")), ([0, 1, 2], ["mine"] * 3))
        broken = project.firn("copy", command + "; exit 3", "raw.copied", env={"OWN": "other"})
        self.assertNotEqual(broken.code, 0)
        self.assertIn("exit code 3", broken.err)
        self.assertEqual(self.rows(project, "raw.copied", "own"), ["mine"] * 3)

    # ---- other protocols ----

    def test_a_singer_tap(self):
        project = self.project(None, "{orders: {stream: shop-orders, write_disposition: append}, people: {stream: shop-people, primary_key: id}}",
                               f"protocol: singer, command: [{sys.executable}, {HERE}/shop_tap.py], "
                               'config: {rows: rows.json, token: "${env:TOKEN}"}')

        def put(count):
            project.write(json.dumps({"orders": [{"id": i} for i in range(count)], "people": [{"id": i} for i in range(5)]}), "rows.json")

        put(25)
        project.run()
        put(40)
        project.run()
        self.assertEqual((self.rows(project), self.rows(project, "shop.people")), (list(range(40)), list(range(5))))
        with open(project.path("calls.jsonl")) as file:
            calls = [json.loads(line) for line in file]
        self.assertEqual(len([call for call in calls if call["discover"]]), 2)  # once in each run
        self.assertNotIn(TOKEN, json.dumps(calls))
        self.no_secrets(project)
        project.write(project_text(project).replace("people: {stream: shop-people", "nobody: {stream: nobody"))
        wrong = project.firn("run", "--select", "nobody")
        self.assertIn("E0654", wrong.err)
        self.assertIn("shop-orders, shop-people", wrong.err)

    def test_firns_own_airbyte_command_as_a_connector(self):
        with FakeApi() as api:
            orders = api.table("orders", paging="none")
            for i in range(12):
                orders.put({"id": i, "updated_at": f"2025-01-01T00:00:{i:02d}Z"})
            project = self.project(None, "{orders: {write_disposition: merge, primary_key: id}}",
                                   "protocol: airbyte, command: [./source-shop], config: {start: '2025-01-01T00:00:00Z'}")
            project.write(MANIFEST.replace("URL", api.url), "manifest.yaml")
            project.write(f'#!/bin/sh\nverb=$1; shift\nexec {binary()} airbyte "$verb" --manifest manifest.yaml "$@"\n', "source-shop")
            os.chmod(project.path("source-shop"), stat.S_IRWXU)
            project.run()
            self.assertEqual(self.rows(project), list(range(12)))
            orders.put({"id": 50, "updated_at": "2025-02-01T00:00:00Z"})
            second = project.run().json()["tables"][0]
            self.assertEqual(self.rows(project), [*range(12), 50])
            self.assertLess(second["rows"]["read"], 12, second)
            self.assertIn("tells its streams", project.firn("doctor").out)


MANIFEST = """version: 6.0.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [orders]}
streams:
  - type: DeclarativeStream
    name: orders
    primary_key: [id]
    retriever:
      type: SimpleRetriever
      requester: {type: HttpRequester, url_base: "URL", path: /v1/orders, http_method: GET}
      record_selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: updated_at
      datetime_format: "%Y-%m-%dT%H:%M:%SZ"
      start_datetime: {type: MinMaxDatetime, datetime: "{{ config['start'] }}", datetime_format: "%Y-%m-%dT%H:%M:%SZ"}
      start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}
    schema_loader: {type: InlineSchemaLoader, schema: {type: object, properties: {id: {type: integer}, updated_at: {type: string}}}}
spec:
  type: Spec
  connection_specification: {type: object, properties: {start: {type: string}}}
"""


def project_text(project):
    with open(project.path("firn.yaml")) as file:
        return file.read()


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
