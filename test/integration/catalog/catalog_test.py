"""`firn catalog serve` with foreign clients, and firn as a client of it and of the Java reference server."""

import os
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer, ReferenceServer, toolbox  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, skip  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

EMPTY = "lake: {warehouse: ./lake}\n"


def foreign(*arguments):
    done = subprocess.run([readers_python(), os.path.join(HERE, "readers_script.py"), *arguments], capture_output=True,
                          text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stderr[-3000:]}")
    return done.stdout.strip()


class ServerTest(unittest.TestCase):
    def test_foreign_clients_create_write_and_read(self):
        with FirnProject(EMPTY) as project, FirnServer(project) as server:
            self.assertEqual(foreign("pyiceberg", server.url), "ok")
            duckdb = foreign("duckdb", server.url)
            if duckdb.startswith("missing"):
                print(f"SKIPPED in part: DuckDB, {duckdb}", flush=True)
            else:
                self.assertEqual(duckdb, "ok")
            self.assertEqual(project.sql("SELECT count(*) AS n FROM py.t"), [{"n": 3}])

    def test_without_a_project_it_serves_the_folder_lake(self):
        folder = tempfile.mkdtemp(prefix="firn-test-")
        with FirnProject("", folder=folder, file="unrelated.txt") as project, FirnServer(project) as server:
            self.assertEqual(foreign("pyiceberg", server.url), "ok")
            self.assertTrue(os.path.exists(project.path("lake", "py", "t", "metadata")))

    def test_what_connect_prints_can_be_pasted(self):
        with FirnProject(EMPTY) as project:
            done = project.firn("copy", "-", "shop.orders", input="".join(f'{{"id": {i}}}\n' for i in range(7)))
            self.assertEqual(done.code, 0, str(done))
            with FirnServer(project) as server:
                for engine, uri, ask in (("pyiceberg", (), ""), ("pyiceberg", ("--uri", server.url), ""), ("polars", (), ""),
                                         ("duckdb", (), "select count(*) from shop.orders"),
                                         ("duckdb", ("--uri", server.url), "select count(*) from lake.shop.orders")):
                    printed = project.firn("connect", engine, *uri)
                    self.assertEqual(printed.code, 0, str(printed))
                    with open(project.path("connect.txt"), "w") as file:
                        file.write(printed.out)
                    answer = foreign("paste", engine, project.path("connect.txt"), ask)
                    if answer.startswith("missing"):
                        print(f"SKIPPED in part: {engine}, {answer}", flush=True)
                    else:
                        self.assertIn("7" if ask else "id", answer, f"{engine} {uri}: {printed.out}")
            self.assertIn(".type=rest", project.firn("connect", "spark").out)
            self.assertIn("iceberg.rest-catalog.uri", project.firn("connect", "trino").out)
            self.assertEqual(project.firn("connect", "oracle").code, 2)

    def test_another_host_needs_a_token(self):
        with FirnProject(EMPTY) as project:
            refused = project.firn("catalog", "serve", "--host", "0.0.0.0", "--port", "0")
            self.assertEqual(refused.code, 2, str(refused))
            self.assertIn("FIRN_CATALOG_TOKEN", refused.err)


class ClientTest(unittest.TestCase):
    def run_against(self, url, token=""):
        api = FakeApi()
        self.addCleanup(api.close)
        orders = api.table("orders")
        for number in range(25):
            orders.put({"id": number, "updated_at": f"2025-01-01T00:00:{number:02d}Z", "status": "open"})
        catalog = f'{{type: rest, uri: "{url}"' + (f", token: {token}" if token else "") + "}"
        text = f"""lake: {{warehouse: ./own, catalog: {catalog}}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{api.url}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        primary_key: id
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
"""
        with FirnProject(text) as project:
            project.run()
            orders.put({"id": 25, "updated_at": "2025-01-01T00:00:25Z", "status": "paid"})
            project.run()
            project.run()
            self.assertEqual(project.sql("SELECT count(*) AS n FROM shop.orders"), [{"n": 26}])
            self.assertFalse(os.path.exists(project.path("own", "catalog.db")))
            plan = project.firn("plan")
            self.assertEqual(plan.code, 0, str(plan))

    def test_own_server(self):
        with FirnProject(EMPTY) as project, FirnServer(project) as server:
            self.run_against(server.url)
            self.assertEqual(foreign("ids", server.url, "shop.orders"), str(list(range(26))))

    def test_own_server_with_a_token(self):
        token = "a-token-of-some-length"
        with FirnProject(EMPTY) as project, FirnServer(project, env={"FIRN_CATALOG_TOKEN": token}) as server:
            self.run_against(server.url, token)

    def test_reference_server(self):
        if toolbox() is None:
            self.skipTest("no Java or no toolbox")
        with tempfile.TemporaryDirectory(prefix="firn-test-") as folder, ReferenceServer(folder) as server:
            self.run_against(server.url)
            self.assertEqual(foreign("ids", server.url, "shop.orders"), str(list(range(26))))


if __name__ == "__main__":
    binary()
    if readers_python() is None:
        skip("no Python with pyiceberg and duckdb")
    unittest.main(verbosity=2)
