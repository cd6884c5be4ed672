"""A table that Spark made is taken over, loaded further, and read by Spark. Needs the toolbox's Spark; see README.md."""

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


def at(second):
    return f"2025-01-01T00:00:{second:02d}Z"


class SparkAdopt(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="firn-adopt-")
        cls.home = FirnProject("lake: {warehouse: ./lake}\n", folder=os.path.join(cls.top, "server"))
        cls.server = FirnServer(cls.home).__enter__()
        cls.spark = Spark(cls.server.url)

    @classmethod
    def tearDownClass(cls):
        cls.spark.close()
        cls.server.__exit__(None, None, None)
        shutil.rmtree(cls.top, ignore_errors=True)

    def adopt(self, dataset, create, write):
        """Makes a table by Spark, with rows that Spark changed and deleted, adopts it and loads the source's changes."""
        with FakeApi() as api:
            orders = api.table("orders")
            key = "primary_key: id"
            project = FirnProject(f"""version: 1
lake: {{warehouse: ./own, catalog: {{type: rest, uri: "{self.server.url}"}}}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{api.url}"}}
    dataset: {dataset}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        {key}
        incremental: {{cursor: updated_at, param: since}}
        write_disposition: {write}
        raw: off
        maintenance: off
""", folder=os.path.join(self.top, dataset))
            table = f"c.{dataset}.orders"
            self.spark.sql(f"create namespace if not exists c.{dataset}")
            self.spark.sql(f"create table {table} (id bigint, note string, updated_at timestamp) using iceberg {create}")
            values = ", ".join(f"({n}, 'old {n}', timestamp '2025-01-01 00:00:{n:02d}+00:00')" for n in range(12))
            self.spark.sql(f"insert into {table} values {values}")
            self.spark.sql(f"delete from {table} where id = 5")
            for n in range(12):
                if n != 5:
                    orders.put({"id": n, "note": f"old {n}", "updated_at": at(n)})
            refused = project.run(code=2)
            self.assertIn("E0950", refused.out)
            done = project.firn("table", "adopt", f"{dataset}.orders", "--start-position", "max(updated_at)")
            self.assertEqual(done.code, 0, str(done))
            orders.put({"id": 20, "note": "new 20", "updated_at": at(20)})
            if write == "merge":
                orders.put({"id": 3, "note": "changed 3", "updated_at": at(21)})
            project.run()
            project.run()
            rows = [(int(r[0]), r[1]) for r in self.spark.sql(f"select id, note from {table} order by id")]
            self.assertEqual(rows, sorted((r["id"], r["note"]) for r in orders.dicts()))

    def test_merge_on_read_in_partitions(self):
        self.adopt("adopt1", "partitioned by (bucket(3, id)) tblproperties ('format-version'='2', 'write.delete.mode'='merge-on-read')", "merge")

    def test_appended(self):
        self.adopt("adopt2", "tblproperties ('format-version'='2')", "append")

    def test_version_3_with_deletion_vectors(self):
        self.adopt("adopt3", "tblproperties ('format-version'='3', 'write.delete.mode'='merge-on-read')", "merge")


if __name__ == "__main__":
    if not JARS or not os.path.exists(PYTHON):
        skip("Spark is not here: toolbox-install spark, or set TOOLBOX_HOME")
    unittest.main(verbosity=2)
