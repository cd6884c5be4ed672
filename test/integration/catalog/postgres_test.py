"""Lakes whose catalog is a Postgres database: the same tables for pyiceberg's SqlCatalog, several processes at once, kill -9,
connections that are cut at COMMIT, a server that goes down, and `firn catalog serve` on it."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402
from postgres_proxy import PostgresProxy  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, skip, wait_until  # noqa: E402
from support.postgres_server import PASSWORD, PostgresServer  # noqa: E402
from support.table_reader import readers_python  # noqa: E402


def lake(warehouse="./lake"):
    return f'lake: {{warehouse: "{warehouse}", catalog: {{type: postgres, uri: "${{env:CATALOG_URI}}"}}}}\n'


def pipeline(api, warehouse="./lake"):
    return lake(warehouse) + f"""pipelines:
  shop:
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


def foreign(*arguments):
    done = subprocess.run([readers_python(), os.path.join(HERE, "sql_catalog_script.py"), *arguments], capture_output=True, text=True,
                          timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stderr[-3000:]}")
    return done.stdout.strip()


class PostgresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = PostgresServer()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def setUp(self):
        self.server.sql("DROP TABLE IF EXISTS iceberg_tables, iceberg_namespace_properties")
        self.env = {"CATALOG_URI": self.server.uri()}

    def api(self, count):
        api = FakeApi()
        self.addCleanup(api.close)
        self.orders = api.table("orders")
        self.add(count)
        return api

    def add(self, count):
        for _ in range(count):
            at = type(self).number
            type(self).number += 1
            self.orders.put({"id": at, "updated_at": f"2025-01-01T{at // 3600:02d}:{at // 60 % 60:02d}:{at % 60:02d}Z"})

    def ids(self, project, table="shop.orders"):
        return [row["id"] for row in project.sql(f"SELECT id FROM {table} ORDER BY id")]

    def expected(self):
        return sorted(row["id"] for row in self.orders.dicts())

    def test_pyiceberg_reads_and_writes_the_same_tables(self):
        api = self.api(25)
        with FirnProject(pipeline(api.url), env=self.env) as project:
            project.run()
            uri, warehouse = self.server.uri(scheme="postgresql+psycopg2"), "file://" + project.path("lake")
            self.assertEqual(foreign("ids", uri, warehouse, "shop.orders"), json.dumps(self.expected()))
            self.assertEqual(foreign("write", uri, warehouse), "ok")
            self.assertEqual(project.sql("SELECT count(*) AS n FROM py.t"), [{"n": 4}])
            self.assertEqual(foreign("touch", uri, warehouse, "shop.orders"), "ok")
            self.assertFalse(os.path.exists(project.path("lake", "catalog.db")))
            self.add(5)
            project.run()
            self.assertEqual(foreign("ids", uri, warehouse, "shop.orders"), json.dumps(self.expected()))

    def test_the_layout_that_pyiceberg_makes_is_used_as_it_is(self):
        api = self.api(5)
        with FirnProject(pipeline(api.url), env=self.env) as project:
            uri, warehouse = self.server.uri(scheme="postgresql+psycopg2"), "file://" + project.path("lake")
            self.assertEqual(foreign("write", uri, warehouse), "ok")
            self.assertEqual(project.sql("SELECT count(*) AS n FROM py.t"), [{"n": 4}])
            project.run()
            self.assertEqual(foreign("ids", uri, warehouse, "shop.orders"), json.dumps(self.expected()))

    def test_processes_commit_at_once(self):
        """Four projects of one lake, each with a table of its own, while six processes tag one table."""
        api = self.api(30)
        with tempfile.TemporaryDirectory(prefix="firn-test-") as folder:
            warehouse = os.path.join(folder, "lake")
            projects = []
            for number in range(4):
                text = pipeline(api.url, warehouse).replace("orders:", f"orders_{number}:")
                projects.append(FirnProject(text, env=self.env))
                self.addCleanup(projects[-1].__exit__)
            projects[0].run()
            runs = [project.start("run") for project in projects[1:]]
            tags = [subprocess.Popen([binary(), "table", "tag", "shop.orders_0", "create", f"tag{number}"], cwd=projects[0].folder,
                                     env={**os.environ, **self.env, "FIRN_SLEEP_SCALE": "0.1"}) for number in range(6)]
            self.assertEqual([run.wait(240) for run in [*runs, *tags]], [0] * 9)
            for number in range(4):
                self.assertEqual(self.ids(projects[0], f"shop.orders_{number}"), self.expected())
            listed = projects[0].firn("table", "tag", "shop.orders_0", "list")
            for number in range(6):
                self.assertIn(f"tag{number}", listed.out, str(listed))

    def test_cut_connections_lose_and_double_nothing(self):
        api = self.api(20)
        with tempfile.TemporaryDirectory(prefix="firn-test-") as folder:
            for plan in (["drop"], ["lose"], ["hold"], ["lose", "drop", "lose"], ["drop", "hold", "lose"]):
                proxy = PostgresProxy(self.server.port, ["pass"] * 2 + plan)  # the first two make layout and namespace
                self.addCleanup(proxy.close)
                with FirnProject(pipeline(api.url, os.path.join(folder, "lake")), env={"CATALOG_URI": self.server.uri(proxy.port)}) as project:
                    self.add(7)
                    for _ in range(4):
                        if project.firn("run", timeout=240).code == 0:
                            break
                    else:
                        self.fail(f"{plan}: no run came through")
                    self.assertEqual(self.ids(project), self.expected(), plan)

    def test_killed_at_each_step_of_a_commit(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        api = self.api(20)
        with FirnProject(pipeline(api.url), env=self.env) as project:
            project.run()
            for point in ("commit.metadata_written", "catalog.before_swap", "catalog.postgres.before_commit"):
                self.add(3)
                killed = project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                self.assertEqual(killed.code, -signal.SIGKILL, str(killed))
                project.run()
                self.assertEqual(self.ids(project), self.expected(), point)

    def test_a_server_that_goes_down_and_comes_back(self):
        api = self.api(20)
        with FirnProject(pipeline(api.url), env=self.env) as project, FirnServer(project) as served:
            project.run()
            self.server.stop()
            down = project.firn("run", env={"FIRN_SLEEP_SCALE": "0"}, timeout=120)
            self.assertNotEqual(down.code, 0)
            self.assertNotIn(PASSWORD, down.out + down.err)
            self.server.start()
            self.add(3)
            project.run()
            self.assertEqual(self.ids(project), self.expected())
            # The server of the catalog has lost its connections as well.
            import urllib.request
            with urllib.request.urlopen(served.url + "/v1/namespaces", timeout=60) as answer:
                self.assertIn("shop", answer.read().decode())

    def test_errors_name_the_cause_and_no_password(self):
        wrong = self.server.uri(password="another-password")
        cases = ((wrong, "password authentication failed"), (self.server.uri().replace("/lake", "/nowhere"), "does not exist"),
                 (self.server.uri() + "?passfile=/etc/passwd", "`passfile` is not allowed"), ("host=x", "not a postgresql:// address"))
        for uri, says in cases:
            with FirnProject(lake(), env={"CATALOG_URI": uri}) as project:
                for arguments in (("sql", "SELECT 1 FROM a.b"), ("copy", "-", "a.b"), ("doctor",)):
                    failed = project.firn(*arguments, input='{"id": 1}\n')
                    self.assertNotEqual(failed.code, 0, str(failed))
                    self.assertIn(says, failed.err + failed.out, str(failed))
                    for secret in (PASSWORD, "another-password"):
                        self.assertNotIn(secret, failed.out + failed.err)

    def test_a_missing_catalog_is_said_so_by_commands_that_look(self):
        with FirnProject(lake(), env=self.env) as project:
            looked = project.firn("table", "list")
            self.assertEqual(self.server.sql("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'iceberg%'"), "0", str(looked))

    def test_it_is_served_to_foreign_clients(self):
        with FirnProject(lake(), env=self.env) as project, FirnServer(project) as served:
            done = subprocess.run([readers_python(), os.path.join(HERE, "readers_script.py"), "pyiceberg", served.url], capture_output=True,
                                  text=True, timeout=300)
            self.assertEqual(done.stdout.strip(), "ok", done.stderr[-3000:])
            self.assertEqual(project.sql("SELECT count(*) AS n FROM py.t"), [{"n": 3}])


if __name__ == "__main__":
    binary()
    if readers_python() is None:
        skip("no Python with pyiceberg and psycopg2")
    unittest.main(verbosity=2)
