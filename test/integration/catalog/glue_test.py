"""Lakes in the AWS Glue Data Catalog, as moto plays it: firn and pyiceberg's GlueCatalog on the same tables, lost answers,
conflicts, names that Glue cannot hold."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import http.server  # noqa: E402
import threading  # noqa: E402
from catalog_service import FirnServer  # noqa: E402, F401  (puts test/ on the path)
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, PATIENCE, binary, has_failpoints, skip, wait_until  # noqa: E402
from support.free_port import free_port  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

KEYS = {"AWS_ACCESS_KEY_ID": "testing-key", "AWS_SECRET_ACCESS_KEY": "testing-secret", "AWS_EC2_METADATA_DISABLED": "true"}


class Moto:
    def __init__(self):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([readers_python(), "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], stdout=self.log,
                                        stderr=self.log)
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(self.answers, "moto", 60 * PATIENCE)

    def answers(self):
        assert self.process.poll() is None, "moto ended"
        try:
            urllib.request.urlopen(self.url + "/moto-api/data.json", timeout=5).close()
            return True
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(30)


class LossyProxy:
    """Between firn and Glue. `plan`: what happens to each UpdateTable or CreateTable: "pass", "lose" (applied, 500 answered),
    "drop" (not applied, 500 answered), "throttle" (400 ThrottlingException), "race" (somebody else changes the entry just before).
    Holds updates to their VersionId, as Glue does and moto does not."""

    def __init__(self, target, plan):
        proxy = self
        self.plan = list(plan)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                change = self.headers["X-Amz-Target"] in ("AWSGlue.UpdateTable", "AWSGlue.CreateTable")
                action = proxy.plan.pop(0) if change and proxy.plan else "pass"
                status, answer = 500, b'{"__type":"InternalServiceException","Message":"scripted"}'
                if action in ("pass", "lose", "race"):
                    if action == "race":
                        self.change_entry(json.loads(body))
                    passed = self.forward(self.headers["X-Amz-Target"], body) if self.is_current(body) else (
                        400, b'{"__type":"ConcurrentModificationException","Message":"Update table failed due to concurrent modifications."}')
                    if action != "lose":
                        status, answer = passed
                elif action == "throttle":
                    status, answer = 400, b'{"__type":"ThrottlingException","Message":"scripted"}'
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def forward(self, operation, body):
                request = urllib.request.Request(target, data=body, method="POST")
                for name in ("Content-Type", "Authorization", "X-Amz-Date"):
                    request.add_header(name, self.headers[name])
                request.add_header("X-Amz-Target", operation)
                try:
                    with urllib.request.urlopen(request, timeout=60) as given:
                        return given.status, given.read()
                except urllib.error.HTTPError as error:
                    return error.code, error.read()

            def entry(self, update):
                body = json.dumps({"DatabaseName": update["DatabaseName"], "Name": update["TableInput"]["Name"]}).encode()
                return json.loads(self.forward("AWSGlue.GetTable", body)[1]).get("Table")

            def is_current(self, body):
                if self.headers["X-Amz-Target"] != "AWSGlue.UpdateTable":
                    return True
                update = json.loads(body)
                return str(self.entry(update)["VersionId"]) == update.get("VersionId")

            def change_entry(self, update):
                entry = self.entry(update)
                given = {name: entry[name] for name in ("Name", "TableType", "Parameters", "StorageDescriptor")}
                body = json.dumps({"DatabaseName": update["DatabaseName"], "TableInput": given}).encode()
                assert self.forward("AWSGlue.UpdateTable", body)[0] == 200

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def foreign(script, *arguments):
    done = subprocess.run([readers_python(), os.path.join(HERE, "glue_script.py"), script, *arguments], capture_output=True, text=True,
                          timeout=300, env={**os.environ, **KEYS, "AWS_DEFAULT_REGION": "eu-west-1"})
    if done.returncode != 0:
        raise AssertionError(f"{script}: {done.stderr[-3000:]}")
    return done.stdout.strip()


def pipeline(glue, api, dataset="shop"):
    return f"""lake: {{warehouse: ./lake, catalog: {{type: glue, region: eu-west-1, endpoint: "{glue}"}}}}
pipelines:
  shop:
    dataset: {dataset}
    source: {{type: rest, base_url: "{api}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        primary_key: id
        write_disposition: append
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
"""


class GlueTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.moto = Moto()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.moto.close()

    def setUp(self):
        urllib.request.urlopen(urllib.request.Request(self.moto.url + "/moto-api/reset", method="POST"), timeout=30).close()
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders")
        self.add(20)

    def add(self, count):
        for _ in range(count):
            at = type(self).number
            type(self).number += 1
            self.orders.put({"id": at, "updated_at": f"2025-01-01T{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}Z"})

    def expected(self):
        return sorted(row["id"] for row in self.orders.dicts())

    def ids(self, project):
        return [row["id"] for row in project.sql("SELECT id FROM shop.orders ORDER BY id")]

    def test_pyiceberg_reads_and_writes_the_same_tables(self):
        with FirnProject(pipeline(self.moto.url, self.api.url), env=KEYS) as project:
            project.run()
            self.add(5)
            project.run()
            self.assertEqual(foreign("ids", self.moto.url, "shop.orders"), json.dumps(self.expected()))
            # Somebody else commits: a property, a column, and a table of their own.
            self.assertEqual(foreign("touch", self.moto.url, "shop.orders"), "ok")
            self.add(5)
            project.run()
            self.assertEqual(self.ids(project), self.expected())
            self.assertEqual(foreign("ids", self.moto.url, "shop.orders"), json.dumps(self.expected()))
            self.assertEqual(foreign("create", self.moto.url, "file://" + project.path("py")), "ok")
            self.assertEqual(project.sql("SELECT count(*) AS n FROM py.t"), [{"n": 3}])
            entry = json.loads(foreign("entry", self.moto.url, "shop", "orders"))
            self.assertEqual(entry["Parameters"]["table_type"], "ICEBERG")
            self.assertIn("previous_metadata_location", entry["Parameters"])
            self.assertEqual(entry["TableType"], "EXTERNAL_TABLE")
            self.assertEqual({column["Name"]: column["Type"] for column in entry["StorageDescriptor"]["Columns"]}["id"], "bigint")

    def test_lost_answers_lose_and_double_nothing(self):
        for plan in (["lose"], ["drop"], ["throttle"], ["throttle", "drop", "lose"], ["drop", "drop", "lose"]):
            urllib.request.urlopen(urllib.request.Request(self.moto.url + "/moto-api/reset", method="POST"), timeout=30).close()
            proxy = LossyProxy(self.moto.url, plan)
            self.addCleanup(proxy.close)
            with FirnProject(pipeline(proxy.url, self.api.url), env=KEYS) as project:
                for _ in range(3):
                    if project.firn("run", timeout=120).code == 0:
                        break
                self.assertEqual(self.ids(project), self.expected(), plan)
                self.assertEqual(proxy.plan, [])

    def test_an_entry_that_was_changed_meanwhile_is_a_conflict(self):
        with FirnProject(pipeline(self.moto.url, self.api.url), env=KEYS) as project:
            project.run()
            self.add(3)
            proxy = LossyProxy(self.moto.url, ["race"])
            self.addCleanup(proxy.close)
            project.write(pipeline(proxy.url, self.api.url))
            project.run()
            self.assertEqual(proxy.plan, [])
            self.assertEqual(self.ids(project), self.expected())

    def test_killed_before_the_swap(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        with FirnProject(pipeline(self.moto.url, self.api.url), env=KEYS) as project:
            project.run()
            self.add(3)
            killed = project.firn("run", env={"FIRN_FAILPOINTS": "catalog.before_swap=kill"})
            self.assertEqual(killed.code, -signal.SIGKILL, str(killed))
            project.run()
            self.assertEqual(self.ids(project), self.expected())

    def test_what_glue_cannot_hold_is_refused_by_name(self):
        with FirnProject(pipeline(self.moto.url, self.api.url, dataset="Shop"), env=KEYS) as project:
            refused = project.firn("run")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("lower case", refused.err + refused.out)
        with FirnProject(pipeline(self.moto.url, self.api.url), env=KEYS) as project:
            served = project.firn("catalog", "serve", "--port", "0")
            self.assertEqual(served.code, 2, str(served))
            self.assertIn("cannot be administered", served.err)

    def test_without_keys_it_says_what_to_set(self):
        with FirnProject(pipeline(self.moto.url, self.api.url), env={"AWS_EC2_METADATA_DISABLED": "true"}) as project:
            refused = project.firn("sql", "SELECT 1 FROM shop.orders")
            self.assertNotEqual(refused.code, 0)
            self.assertIn("AWS_ACCESS_KEY_ID", refused.err)


if __name__ == "__main__":
    binary()
    if readers_python() is None:
        skip("no Python with pyiceberg and moto")
    if subprocess.run([readers_python(), "-c", "import moto.server, flask"], capture_output=True).returncode != 0:
        skip("no Python with moto")
    unittest.main(verbosity=2)
