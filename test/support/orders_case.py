"""A table `shop.orders` (id, updated_at, note, …), its source, and the same rows as other readers see them: the base of tests of one
table's life. Needs the readers' venv."""

import os
import shutil
import tempfile
import unittest

from support.fake_api import FakeApi
from support.firn_project import FirnProject
from support.table_reader import TableReader

TABLE = "shop.orders"
# How long walks over failpoints may take.
SECONDS = float(os.environ.get("FIRN_TEST_SECONDS", "240"))


def orders_project(url, disposition="merge", settings="", more="", lake="{warehouse: ./lake}", dataset="shop", maintenance="off"):
    """firn.yaml. `settings`: lines of the table (8 spaces), `more`: further tables (6 spaces); both end in a line break."""
    return f"""version: 1
lake: {lake}
pipelines:
  shop:
    source: {{type: rest, base_url: "{url}"}}
    dataset: {dataset}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        primary_key: id
        incremental: {{cursor: updated_at, param: since, format: iso}}
        write_disposition: {disposition}
        maintenance: {maintenance}
{settings}{more}"""


def failpoint_hits(log):
    """Name → number of hits, from the file of FIRN_FAILPOINTS_LOG."""
    with open(log) as file:
        return {name: int(number) for _, name, number in (line.split() for line in file)}


class OrdersCase(unittest.TestCase):
    engines = ("pyiceberg", "duckdb")

    @classmethod
    def setUpClass(cls):
        cls.reader = TableReader()

    @classmethod
    def tearDownClass(cls):
        cls.reader.close()

    def setUp(self):
        self.api = FakeApi().__enter__()
        self.addCleanup(self.api.__exit__)
        self.orders = self.api.table("orders")
        self.tick = 0
        self.top = tempfile.mkdtemp(prefix="firn-orders-")
        self.addCleanup(shutil.rmtree, self.top, ignore_errors=True)

    def make(self, settings="", disposition="merge", folder="project", **options):
        """Makes (or changes) the project of the test."""
        text = orders_project(self.api.url, disposition, settings, **options)
        self.project = FirnProject(text, folder=os.path.join(self.top, folder))
        return self.project

    def put(self, number, note="n", **more):
        self.tick += 1
        at = f"2025-01-01T{self.tick // 3600:02d}:{self.tick // 60 % 60:02d}:{self.tick % 60:02d}Z"
        self.orders.put({"id": number, "updated_at": at, "note": note, **more})

    def load(self, runs, first=0, rows=12, step=8):
        """Runs that each add rows and change a few older ones."""
        for run in range(first, first + runs):
            for i in range(rows):
                self.put(run * step + i, f"run {run}")
            self.project.run()

    def truth(self):
        return sorted((row["id"], row["note"]) for row in self.orders.dicts())

    def rows_at(self, snapshot=None, engine="pyiceberg"):
        return sorted((row["id"], row["note"]) for row in self.reader.rows(self.project, TABLE, engine, snapshot))

    def check(self, what="", expected=None):
        """Other readers see what the source has, or `expected`."""
        for engine in self.engines:
            self.assertEqual(self.rows_at(None, engine), self.truth() if expected is None else sorted(expected), f"{what}: {engine}")

    def metadata(self):
        return self.project.metadata(TABLE)

    def firn(self, *arguments, code=0, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, code, str(result))
        return result

    def count_failpoints(self, *arguments):
        """Runs the command and returns the hits of each failpoint."""
        log = os.path.join(self.top, "hits")
        self.firn(*arguments, env={"FIRN_FAILPOINTS": "*=count", "FIRN_FAILPOINTS_LOG": log})
        return failpoint_hits(log)

    def replace(self, folder):
        """The project's folder becomes a copy of `folder`. Locations in a lake are absolute, so it stays where it is."""
        shutil.rmtree(self.project.folder)
        shutil.copytree(folder, self.project.folder)
