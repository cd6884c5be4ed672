"""Spark reads what firn evolved, and firn goes on with what Spark evolved. Needs the toolbox's Spark (TOOLBOX_HOME); see README.md."""

import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE))] + [os.path.join(os.path.dirname(HERE), name) for name in ("catalog", "refs")]
from catalog_service import FirnServer  # noqa: E402
from spark_test import JARS, PYTHON, Spark  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, skip  # noqa: E402


class SparkEvolution(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="firn-evolution-")
        cls.home = FirnProject("lake: {warehouse: ./lake}\n", folder=os.path.join(cls.top, "server"))
        cls.server = FirnServer(cls.home).__enter__()
        cls.spark = Spark(cls.server.url)
        cls.count = 0

    @classmethod
    def tearDownClass(cls):
        cls.spark.close()
        cls.server.__exit__(None, None, None)
        shutil.rmtree(cls.top, ignore_errors=True)

    def setUp(self):
        SparkEvolution.count += 1
        self.dataset = f"evolution{self.count}"
        self.table = f"{self.dataset}.orders"
        self.api = FakeApi().__enter__()
        self.addCleanup(self.api.__exit__)
        self.orders = self.api.table("orders")
        self.tick = 0
        self.project = FirnProject(self.text(), folder=os.path.join(self.top, self.dataset))

    def text(self, columns="{}", version=2, extra=""):
        return f"""version: 1
lake: {{warehouse: ./own, catalog: {{type: rest, uri: "{self.server.url}"}}}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    dataset: {self.dataset}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        primary_key: id
        incremental: {{cursor: updated_at, param: since, format: iso}}
        write_disposition: merge
        maintenance: off
        format_version: {version}
        columns: {columns}
{extra}"""

    def load(self, number, **values):
        self.tick += 1
        self.orders.put({"id": number, **values, "updated_at": f"2025-01-01T00:00:{self.tick:02d}Z"})
        return self.project.run()

    def alter(self, *change):
        done = self.project.firn("table", "alter", self.table, *change)
        self.assertEqual(done.code, 0, str(done))

    def read(self, columns):
        return self.spark.sql(f"select {columns} from c.{self.table} order by id")

    def test_renames_drops_and_partitions(self):
        self.load(1, total=5, note="old", place={"city": "Ulm"})
        self.alter("rename-column", "total", "amount")
        self.alter("rename-column", "place.city", "town")
        self.alter("drop-column", "note")
        self.project.write(self.text(extra='        partition_by: ["bucket(4, id)"]\n'))
        self.load(2, total=6, note="unseen", place={"city": "Bonn"})
        self.alter("add-column", "note", "string")
        self.project.write(self.text(extra='        partition_by: ["bucket(8, id)", "truncate(1, note)"]\n'))
        self.load(3, total=7, note="new", place={"city": "Trier"})
        self.load(1, total=8, note="again", place={"city": "Ulm"})
        self.assertEqual(self.read("id, amount, note, place.town"),
                         [["1", "8", "again", "Ulm"], ["2", "6", "None", "Bonn"], ["3", "7", "new", "Trier"]])
        self.assertEqual(self.spark.sql(f"select id from c.{self.table} where id = 2"), [["2"]])
        self.assertGreater(len(self.spark.sql(f"select * from c.{self.table}.partitions")), 1)
        self.assertEqual(self.project.firn("table", "maintain", self.table, "--repartition").code, 0)
        self.assertEqual([row[0] for row in self.read("id")], ["1", "2", "3"])

    def test_defaults_and_row_ids_of_version_3(self):
        # Not of a decimal: Spark's runtime 1.10 takes such a default for an int ("Cannot cast default value to int").
        self.project.write(self.text(version=3))
        self.load(1, total=5)
        self.project.write(self.text("{currency: {type: string, default: EUR}, rate: {type: long, default: 15}}",
                                     version=3))
        self.load(2, total=6)
        self.load(3, total=7, currency="USD", rate=20)
        self.assertEqual(self.read("id, currency, rate"), [["1", "EUR", "15"], ["2", "EUR", "15"], ["3", "USD", "20"]])
        mine = self.project.sql(f"select id, _row_id, _last_updated_sequence_number as s from {self.table} order by id")
        self.assertEqual(self.read("id, _row_id, _last_updated_sequence_number"),
                         [[str(r["id"]), str(r["_row_id"]), str(r["s"])] for r in mine])

    def test_firn_goes_on_with_what_spark_evolved(self):
        self.load(1, total=5, note="x")
        self.spark.sql(f"alter table c.{self.table} add column extra string")
        self.spark.sql(f"alter table c.{self.table} alter column note first")
        self.spark.sql(f"alter table c.{self.table} add partition field bucket(4, id)")
        self.load(2, total=6, note="y")
        self.spark.sql(f"alter table c.{self.table} drop column extra")
        self.load(1, total=7, note="z")
        self.assertEqual(self.read("id, total, note"), [["1", "7", "z"], ["2", "6", "y"]])
        rows = self.project.sql(f"select id, total, note from {self.table} order by id")
        self.assertEqual([tuple(r.values()) for r in rows], [(1, 7, "z"), (2, 6, "y")])


if __name__ == "__main__":
    if not os.path.exists(PYTHON) or not JARS:
        skip("no Spark: toolbox-install spark")
    unittest.main()
