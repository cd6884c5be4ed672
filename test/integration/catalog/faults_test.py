"""Runs whose catalog loses answers, refuses, and lies about conflicts: every row once, whatever happened, and no file of a
committed snapshot missing. Also a server that is killed inside a commit."""

import itertools
import json
import os
import signal
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402
from faulty_proxy import FaultyProxy  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, wait_until  # noqa: E402

EMPTY = "lake: {warehouse: ./lake}\n"
ACTIONS = ("refuse", "lose", "spoil", "drop", "conflict")


def project_text(catalog, api, table="orders"):
    return f"""lake: {{warehouse: ./own, catalog: {{type: rest, uri: "{catalog}"}}}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{api}"}}
    tables:
      {table}:
        path: /v1/orders
        records: data
        primary_key: id
        write_disposition: append
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
"""


class FaultsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lake = FirnProject(EMPTY)
        cls.served = FirnServer(cls.lake).__enter__()
        cls.api = FakeApi()
        cls.orders = cls.api.table("orders")
        cls.number = 0
        cls.add(20)

    @classmethod
    def tearDownClass(cls):
        cls.served.__exit__()
        cls.api.close()
        cls.lake.__exit__()

    @classmethod
    def add(cls, count):
        for _ in range(count):
            cls.orders.put({"id": cls.number, "updated_at": f"2025-01-01T00:{cls.number // 60:02d}:{cls.number % 60:02d}Z"})
            cls.number += 1

    def check(self, table):
        rows = self.lake.sql(f"SELECT count(*) AS n, count(DISTINCT id) AS d FROM shop.{table}")
        self.assertEqual(rows, [{"n": self.number, "d": self.number}])

    def trial(self, table, plan, hide):
        with FaultyProxy(self.served.url, plan, hide) as proxy:
            with FirnProject(project_text(proxy.url, self.api.url, table)) as project:
                codes = []
                for _ in range(6):  # each run finds out what the one before left
                    codes.append(project.firn("run", "--json", env={"FIRN_SLEEP_SCALE": "0.01"}).code)
                    if codes[-1] == 0 and not proxy.plan:
                        break
                self.assertEqual(codes[-1], 0, f"{plan}: {codes}")
                self.check(table)
                self.add(1)
                project.run()
                self.check(table)
            if hide:
                self.assertFalse([key for _, key in proxy.commits if key])
            else:
                self.assertTrue(all(key for _, key in proxy.commits))

    def test_every_fault_alone_and_in_pairs(self):
        plans = [(action,) for action in ACTIONS] + list(itertools.product(("lose", "spoil"), ("conflict", "refuse", "lose")))
        for number, plan in enumerate(plans):
            for hide in (False, True):
                with self.subTest(plan=plan, idempotency=not hide):
                    self.trial(f"t{number}_{int(hide)}", plan, hide)


@unittest.skipUnless(has_failpoints(), "the binary has no failpoints")
class KilledServerTest(unittest.TestCase):
    def test_a_server_killed_inside_a_commit_loses_and_doubles_nothing(self):
        api = FakeApi()
        self.addCleanup(api.close)
        orders = api.table("orders")
        for number in range(10):
            orders.put({"id": number, "updated_at": f"2025-01-01T00:00:{number:02d}Z"})
        for name in ("commit.metadata_written", "catalog.before_swap"):
            with self.subTest(failpoint=name), FirnProject(EMPTY) as lake:
                server = FirnServer(lake, env={"FIRN_FAILPOINTS": f"{name}=kill"})
                self.addCleanup(server.process.kill)
                with FirnProject(project_text(server.url, api.url)) as project:
                    first = project.firn("run", "--json", env={"FIRN_SLEEP_SCALE": "0.001"}, timeout=120)
                    self.assertGreater(first.code, 0, str(first))
                    wait_until(lambda: server.process.poll() is not None, f"the server's death\n{first}")
                    self.assertEqual(server.process.returncode, -signal.SIGKILL)
                    with FirnServer(lake) as again:
                        project.write(project_text(again.url, api.url))
                        project.run()
                        rows = lake.sql("SELECT count(*) AS n, count(DISTINCT id) AS d FROM shop.orders")
                        self.assertEqual(rows, [{"n": 10, "d": 10}], json.dumps(rows))


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
