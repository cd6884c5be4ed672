"""What the tests of the raw zone share: an API of orders, a project that loads it, and readers that are not ours."""

import glob
import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

ENGINES = ("pyiceberg", "duckdb")
KEY_1, KEY_2 = "1" * 64, "2" * 64
MASKED = "{email: {pii: email, mask_on_write: sha256}}"


def at(second):
    return f"2025-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


class RawCase(unittest.TestCase):
    raw = "archive"  # as `raw:` of the table says, unless a test says otherwise

    @classmethod
    def setUpClass(cls):
        cls.reader = TableReader()

    @classmethod
    def tearDownClass(cls):
        cls.reader.close()

    def setUp(self):
        self.api = FakeApi().__enter__()
        self.orders = self.api.table("orders")
        self.project = FirnProject(self.text())

    def tearDown(self):
        self.project.__exit__()
        self.api.__exit__()

    def text(self, write="merge", columns="{}", raw=None, incremental=True, extra="", top=""):
        incremental = incremental and write != "replace"
        return f"""version: 1
lake: {{warehouse: ./lake}}
{top}pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    dataset: shop
    tables:
      orders:
        path: /v1/orders
        params: {{limit: "2"}}
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        {"incremental: {cursor: updated_at, param: since, order: asc}" if incremental else "on_error: fail"}
        write_disposition: {write}
        primary_key: id
        raw: {raw or self.raw}
        maintenance: off
        columns: {columns}
{extra}"""

    def put(self, number, second=None, **more):
        self.orders.put({"id": number, "email": f"canary-{number}@example.com", "total": number * 1.5,
                         "updated_at": at(number if second is None else second), **more})

    def firn(self, *arguments, code=0, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, code, result)
        return result

    def rows(self, table="shop.orders", without=("_firn_loaded_at", "_firn_run_id")):
        read = {}
        for engine in ENGINES:
            rows = self.reader.read(self.project, table, engine)["rows"]
            read[engine] = sorted(json.dumps({k: v for k, v in row.items() if k not in without}, default=str, sort_keys=True)
                                  for row in rows)
        self.assertEqual(read["pyiceberg"], read["duckdb"])
        return read["pyiceberg"]

    def segments(self):
        return sorted(glob.glob(self.project.path("lake-raw", "**", "*.firnraw"), recursive=True))

    def key_file(self):
        return self.project.path(".firn", "keys", "raw.key")

    def assert_nowhere(self, *words):
        for path in self.project.files():
            with open(path, "rb") as file:
                data = file.read()
            for word in words:
                self.assertNotIn(word.encode(), data, path)

    def runs(self, *arguments):
        tables = json.loads(self.firn("raw", "list", "orders", "--json", *arguments).out)["tables"]
        self.assertEqual(len(tables), 1)
        return tables[0]

    def ids(self):
        return [json.loads(row)["id"] for row in self.rows()]

    def check_every_way_of_writing(self):
        """That the first rederive equals the table, value by value."""
        deletes = '        delete_when: "{{ record.deleted }}"\n'
        ways = {
            "merge": {},
            "delete_when": dict(extra=deletes),
            "soft": dict(extra=deletes + "        deletes: soft\n"),
            "sequence_by": dict(extra="        sequence_by: updated_at\n"),
            "insert_only": dict(extra="        merge_strategy: insert_only\n"),
            "scd2": dict(extra="        merge_strategy: scd2\n        scd2: {changed_at: updated_at}\n"),
            "scd2 of runs": dict(extra="        merge_strategy: scd2\n"),
            "delete_insert": dict(extra="        merge_strategy: delete_insert\n        merge_key: total\n"),
            "listings": dict(incremental=False, extra="        deletes: {mode: missing, max_percent: 100}\n"
                                                      "        sequence_by: updated_at\n"),
            "passes": dict(extra="        deletes: {mode: missing, max_percent: 100}\n        reconcile: {every: 1d}\n"),
            "partitions": dict(write="replace", extra="        partition_by: [total]\n        overwrite_partitions: true\n"),
            "append": dict(write="append"),
            "deduped by time of loading": dict(write="append", extra="        dedupe_key: id\n        dedupe_window: 1h\n"),
            "replace": dict(write="replace"),
            "masked": dict(columns=MASKED),
            "typed": dict(columns="{total: {type: \"decimal(12, 2)\"}}"),
        }
        for name, way in ways.items():
            with self.subTest(name):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(**way))
                for n in range(1, 5):
                    self.put(n, deleted=False)
                self.project.run()
                self.put(2, 10, deleted=True)
                self.put(5, 11, deleted=False)
                self.put(3, 12, total=99.25, deleted=False)
                if name in ("listings", "passes", "partitions"):
                    self.orders.remove(1)
                self.project.run(*(["--reconcile"] if name == "passes" else []))
                # The time of a soft deletion is that of the load that saw it, which is another; the command says so.
                own = ("_firn_loaded_at", "_firn_run_id", *(("_firn_deleted_at",) if name == "soft" else ()))
                table = self.rows(without=own)
                self.assertTrue(table)
                told = self.firn("rederive", "orders", "--yes").err
                self.assertEqual("_firn_deleted_at" in told, name == "soft")
                self.assertEqual(self.rows(without=own), table)
                if name == "soft":
                    gone = [r for r in self.reader.rows(self.project, "shop.orders") if r["_firn_deleted_at"] is not None]
                    self.assertEqual([r["id"] for r in gone], [2])

    def check_a_load_that_was_not_archived_is_a_gap(self):
        """Rolled back and read again, or a range: neither shows in the positions of the archived runs around it."""
        def is_refused(expected):
            table = self.rows()
            self.assertEqual(sorted(self.ids()), expected)
            self.assertTrue(self.runs()["gaps"])
            self.assertIn("E0863", self.firn("rederive", "orders", "--yes", code=2).err)
            self.assertEqual(self.rows(), table)

        for n in range(1, 5):
            self.put(n)
            self.project.run()
        before = self.project.metadata("shop.orders")["snapshots"][-2]["snapshot-id"]
        self.firn("table", "rollback", "shop.orders", "--to-snapshot", str(before))
        self.project.write(self.text(raw="off"))
        self.project.run()  # reads 4 again
        self.project.write(self.text())
        self.put(6)
        self.project.run()
        is_refused([1, 2, 3, 4, 6])
        self.firn("rederive", "orders", "--accept-gaps", "--yes")
        self.assertEqual(self.ids(), [1, 2, 3, 6])
        self.project.run("--full-refresh", "--yes")
        table = self.rows()
        for _ in range(2):  # a rederive is no load that would have to be archived
            self.firn("rederive", "orders", "--yes")
            self.assertEqual(self.rows(), table)

        self.tearDown()
        self.setUp()

        def config(**text):
            self.project.write(self.text(**text).replace("order: asc", "order: asc, end_param: until"))

        config()
        for n in (1, 2, 10):
            self.put(n)
        self.project.run()
        config(raw="off")
        self.put(5)
        self.project.run("--from", at(4), "--to", at(6))
        config()
        is_refused([1, 2, 5, 10])
        self.put(11)
        self.project.run()
        is_refused([1, 2, 5, 10, 11])
        self.project.run("--full-refresh")
        self.put(7)
        self.project.run("--from", at(6), "--to", at(8))  # archived
        table = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)

    def check_a_deleted_key_that_came_back_older_stays(self):
        """A deletion keeps older rows of its own load out, and those of later loads only where it left a row."""
        for deletes in ("hard", "soft"):
            with self.subTest(deletes):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(extra="        sequence_by: version\n"
                                                   "        delete_when: \"{{ record.deleted }}\"\n"
                                                   f"        deletes: {deletes}\n"))
                self.put(1, version=5, deleted=True)
                self.put(9, version=1, deleted=False)
                self.project.run()
                self.put(1, 10, version=3, deleted=False)
                self.project.run()
                table = self.rows()
                self.assertEqual(self.ids(), [1, 9])
                self.assertIn("loaded by itself", self.firn("rederive", "orders", "--yes").err)
                self.assertEqual(self.rows(), table)

    def check_what_is_there_of_a_table_that_is_off_is_listed_and_pruned(self):
        def config(mode, retention="30d"):
            self.project.write(self.text(raw=f"{{mode: {mode}, retention: {retention}}}"))

        config("off")
        self.put(1)
        self.project.run()
        self.assertEqual(json.loads(self.firn("raw", "list", "--json").out)["tables"], [])
        config(self.raw)
        self.put(2)
        archived = self.project.run("--full-refresh").json()["run_id"]
        config("off")
        self.put(3)
        self.project.run()
        config("off", 0)
        listed = json.loads(self.firn("raw", "list", "--json").out)["tables"]
        self.assertEqual([[run["run"] for run in table["runs"]] for table in listed], [[archived]])
        self.assertIn("raw is off", listed[0]["why_not_derivable"])
        self.assertEqual("__raw" in listed[0]["location"], self.raw == "table")
        self.assertIn(archived, self.firn("raw", "prune", "orders", code=10).out)
        self.firn("raw", "prune", "orders", "--yes")
        self.assertEqual(json.loads(self.firn("raw", "list", "--json").out)["tables"], [])
        self.assertEqual(self.ids(), [1, 2, 3])
