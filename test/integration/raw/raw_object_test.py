"""A raw archive on S3 (MinIO); see README.md."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "object_store"), os.path.dirname(os.path.dirname(HERE))]
from minio import BUCKET, KEY, SECRET, Minio  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary  # noqa: E402
from support.table_reader import TableReader  # noqa: E402


class RawObjectTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.minio, cls.reader = Minio(), TableReader()

    @classmethod
    def tearDownClass(cls):
        cls.reader.close()
        cls.minio.close()

    def setUp(self):
        self.api = FakeApi().__enter__()
        self.orders = self.api.table("orders")
        self.prefix = self.id().rsplit(".", 1)[-1]
        self.project = FirnProject("version: 1\n", env={"LAKE_SECRET": SECRET})

    def tearDown(self):
        self.project.__exit__()
        self.api.__exit__()

    def write(self, retention="30d", columns="{email: {pii: email, mask_on_write: sha256}}"):
        self.project.write(f"""version: 1
lake:
  warehouse: s3://{BUCKET}/{self.prefix}/lake
  storage: {{endpoint: "{self.minio.url}", region: us-east-1, access_key: {KEY}, secret_key: "${{env:LAKE_SECRET}}"}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    tables:
      orders:
        path: /v1/orders
        params: {{limit: "2"}}
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
        primary_key: id
        raw: {{mode: archive, location: "s3://{BUCKET}/{self.prefix}/raw", retention: {retention}}}
        columns: {columns}
""")

    def put(self, number):
        self.orders.put({"id": number, "email": f"canary-{number}@example.com", "updated_at": f"2025-01-01T00:00:{number:02d}Z"})

    def firn(self, *arguments, code=0):
        result = self.project.firn(*arguments)
        self.assertEqual(result.code, code, result)
        return result

    def rows(self):
        read = {}
        for engine in ("pyiceberg", "duckdb"):
            rows = self.reader.ask(engine=engine, catalog=self.project.path(".firn", "catalog.db"), table="shop.orders",
                                   warehouse=f"s3://{BUCKET}/{self.prefix}/lake", snapshot=None, s3=self.minio.reader_settings())["rows"]
            read[engine] = sorted((row["id"], row["email"]) for row in rows)
        self.assertEqual(read["pyiceberg"], read["duckdb"])
        return read["pyiceberg"]

    def archived(self):
        return [key for key in self.minio.keys(f"{self.prefix}/raw") if key.endswith(".firnraw")]

    def test_archive_rederive_and_retention(self):
        self.write()
        for n in range(1, 5):
            self.put(n)
            self.project.run()
        self.assertEqual(len(self.archived()), 4)
        self.assertEqual([path for path in self.project.files() if path.endswith(".firnraw")], [])
        for folder, _, names in os.walk(os.path.join(self.minio.folder, "data", BUCKET, self.prefix)):
            for name in names:
                with open(os.path.join(folder, name), "rb") as file:
                    self.assertNotIn(b"canary", file.read(), folder)
        table = self.rows()
        self.assertEqual(len(table), 4)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)
        self.write(columns="{email: {pii: email, mask_on_write: redact}}")
        self.firn("rederive", "orders", "--yes")
        self.assertNotEqual(self.rows(), table)
        self.assertIn("opens with key", self.firn("doctor").out)

        self.write(retention="0")
        self.put(5)
        self.project.run()
        self.assertEqual(len(self.archived()), 5, "rederive needs them")
        listed = json.loads(self.firn("raw", "list", "--json").out)["tables"][0]
        self.assertEqual([run["rederive"] for run in listed["runs"]], ["needed"] * 5)
        self.project.run("--full-refresh")
        self.assertEqual(len(self.archived()), 1, "the rest was read anew")
        table = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)
        self.firn("raw", "prune", "orders", "--yes")
        self.assertEqual(self.archived(), [])


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
