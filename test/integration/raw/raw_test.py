"""The raw zone: encryption, keys, re-deriving, retention; see README.md."""

import glob
import json
import os
import shutil
import stat
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

ENGINES = ("pyiceberg", "duckdb")
KEY_1, KEY_2 = "1" * 64, "2" * 64
MASKED = "{email: {pii: email, mask_on_write: sha256}}"


def at(second):
    return f"2025-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


class RawTest(unittest.TestCase):
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

    def text(self, write="merge", columns="{}", raw="archive", incremental=True, extra="", top=""):
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
        raw: {raw}
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

    # ---- encryption ----

    def test_personal_data_is_nowhere_in_plain_and_rederive_reads_it(self):
        self.project.write(self.text(columns=MASKED))
        plan = self.firn("plan").out
        self.assertIn("encrypted with " + self.key_file(), plan)
        self.assertIn("back it up", plan)
        self.assertFalse(os.path.exists(self.key_file()), "plan writes nothing")
        for n in range(1, 6):
            self.put(n)
        first = self.project.run().table("orders")
        self.assertIn("back it up", " ".join(first["warnings"]))
        self.put(6)
        second = self.project.run().table("orders")
        self.assertNotIn("back it up", " ".join(second["warnings"]), "once is enough")
        self.assertEqual(stat.S_IMODE(os.stat(self.key_file()).st_mode), 0o600)
        self.assertEqual(len(self.segments()), 2)
        self.assert_nowhere("canary", "example.com")
        before = self.rows()
        self.assertEqual(len(before), 6)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), before)
        self.project.write(self.text(columns="{email: {pii: email, mask_on_write: redact}}"))
        self.firn("rederive", "orders", "--yes")
        self.assertNotEqual(self.rows(), before)
        self.assertIn("opens with key", self.firn("doctor").out)

    def test_relatives_of_a_table_with_personal_data_are_encrypted_too(self):
        lines = self.api.table("lines")
        lines.put({"id": 1, "order_id": 1, "updated_at": at(1)})
        extra = """      lines:
        path: /v1/lines
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        write_disposition: merge
"""
        self.put(1)
        self.project.write(self.text(columns=MASKED, extra=extra))
        self.project.run()
        self.assertEqual(len(self.segments()), 2)
        for segment in self.segments():
            with open(segment, "rb") as file:
                self.assertEqual(file.read(8), b"FIRNRAW\x03", segment)

    def test_a_lost_state_folder_is_refused_and_nothing_overwritten(self):
        self.project.write(self.text(columns=MASKED))
        self.put(1)
        self.project.run()
        rows, segments = self.rows(), self.segments()
        with open(self.key_file()) as file:
            kept = file.read()
        shutil.rmtree(self.project.path(".firn"))
        self.put(2)
        refused = self.firn("run", code=2)
        self.assertIn("E0867", refused.err)
        self.assertIn("raw.key", refused.err)
        self.assertEqual((self.rows(), self.segments()), (rows, segments))
        self.assertFalse(os.path.exists(self.key_file()))
        self.assertIn("E0866", self.firn("rederive", "orders", "--yes", code=2).err)
        self.assertIn("FAIL  raw", self.firn("doctor", code=2).out)
        os.makedirs(os.path.dirname(self.key_file()), exist_ok=True)
        with open(self.key_file(), "w") as file:
            file.write("3" * 64)
        self.assertIn("E0866", self.firn("run", code=2).err)
        with open(self.key_file(), "w") as file:
            file.write(kept)
        self.project.run()
        self.assertEqual(len(self.rows()), 2)
        after = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), after)

    def test_a_key_of_the_configuration_and_its_rotation(self):
        raw = "{mode: archive, key: \"${env:RAW_KEY}\"%s}"
        self.project.write(self.text(raw=raw % ""))
        self.put(1)
        self.project.run(env={"RAW_KEY": KEY_1})
        self.assertFalse(os.path.exists(self.key_file()))
        self.put(2)
        refused = self.firn("run", code=2, env={"RAW_KEY": KEY_2})
        self.assertIn("E0866", refused.err)
        self.assertNotIn(KEY_1, refused.err)
        self.assertNotIn(KEY_2, refused.err)
        env = {"RAW_KEY": KEY_2, "RAW_OLD": KEY_1}
        self.project.write(self.text(raw=raw % ", previous_keys: [\"${env:RAW_OLD}\"]"))
        self.project.run(env=env)
        before = self.rows()
        self.firn("rederive", "orders", "--yes", env=env)
        self.assertEqual(self.rows(), before)
        bad = self.firn("validate", code=2, env={"RAW_KEY": "secret-but-short", "RAW_OLD": KEY_1})
        self.assertIn("E0498", bad.err + bad.out)
        self.assertNotIn("secret-but-short", bad.err + bad.out)
        self.firn("validate", "--offline")

    def test_a_cut_archive_is_damaged_and_not_short(self):
        self.project.write(self.text(columns=MASKED))
        self.put(1)
        self.project.run()
        self.put(2)
        self.project.run()
        before = self.rows()
        os.remove(self.segments()[-1])
        self.assertNotEqual(self.project.firn("rederive", "orders", "--yes").code, 0)
        self.assertEqual(self.rows(), before)

    def test_a_process_that_dies_anywhere_leaves_one_key_and_an_archive_that_reads(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        points = ("io.before_raw_key", "io.after_raw_key", "io.raw_before_sync", "io.raw_after_sync", "commit.metadata_written",
                  "catalog.before_swap", "commit.after_swap")
        for point in points:
            with self.subTest(point):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(columns=MASKED))
                self.put(1)
                died = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                self.assertLess(died.code, 0, died)
                self.put(2)
                self.project.run()
                table = self.rows()
                self.assertEqual(len(table), 2)
                self.assertEqual(os.listdir(os.path.dirname(self.key_file())), ["raw.key"])
                self.firn("rederive", "orders", "--yes")
                self.assertEqual(self.rows(), table)
                self.assert_nowhere("canary")

    def test_a_state_kept_elsewhere_wants_a_key_of_the_configuration(self):
        shared = self.project.path("shared")
        raw = "{mode: archive, location: ./bodies%s}"
        top = f"state: file://{shared}\n"
        self.put(1)
        self.project.write(self.text(top=top, columns=MASKED, raw=raw % ""))
        refused = self.firn("run", code=2)
        self.assertIn("E0867", refused.err)
        self.assertIn("raw.key", refused.err)
        self.project.write(self.text(top=top, columns=MASKED, raw=raw % ', key: "${env:RAW_KEY}"'))
        for n in (2, 3):
            self.put(n)
            shutil.rmtree(self.project.path(".firn"), ignore_errors=True)
            self.project.run(env={"RAW_KEY": KEY_1})
        table = self.rows()
        self.firn("rederive", "orders", "--yes", env={"RAW_KEY": KEY_1})
        self.assertEqual(self.rows(), table)
        self.assert_nowhere("canary")

    def test_quarantined_records_are_masked_like_the_table(self):
        self.project.write(self.text(columns="{email: {pii: email, mask_on_write: sha256}, total: {type: long}}",
                                     extra="        schema_contract: {types: discard_row}\n"))
        self.put(1, total=1)
        self.put(2, total="many")
        self.project.run()
        self.assertEqual(len(self.rows("shop._quarantine")), 1)
        self.assert_nowhere("canary")

    # ---- ranges ----

    def runs(self, *arguments):
        tables = json.loads(self.firn("raw", "list", "orders", "--json", *arguments).out)["tables"]
        self.assertEqual(len(tables), 1)
        return tables[0]

    def ids(self):
        return [json.loads(row)["id"] for row in self.rows()]

    def three_runs(self, **text):
        self.project.write(self.text(raw="archive", **text))
        for n in (1, 2, 3):
            self.put(n)
            self.project.run()
        return [run["began"] for run in self.runs()["runs"]]

    def test_a_range_of_a_merge_says_what_the_table_will_lack(self):
        began = self.three_runs()
        whole = self.rows()
        refused = self.firn("rederive", "orders", "--to", began[2], "--yes", code=2)
        self.assertIn("E0863", refused.err)
        self.assertIn("no run will read their rows again", refused.err)
        self.assertEqual(self.rows(), whole)
        self.firn("rederive", "orders", "--to", began[2], "--accept-gaps", "--yes")
        self.assertEqual(self.ids(), [1, 2])
        self.firn("rederive", "orders", "--from", began[1], "--to", began[2], "--accept-gaps", "--yes")
        self.assertEqual(self.ids(), [2])
        told = self.firn("rederive", "orders", "--from", began[1], "--accept-gaps", code=10).err
        self.assertIn(f"what the runs from {began[1]} to {began[2]} loaded", told)
        self.assertIn("runs before", told)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), whole)
        self.assertIn("E0860", self.firn("rederive", "orders", "--to", "2020-01-01", "--yes", code=2).err)
        self.assertIn("no time", self.firn("rederive", "orders", "--to", "yesterday", "--yes", code=2).err)

    def test_a_range_of_a_replaced_table_is_one_of_its_states(self):
        began = self.three_runs(write="replace")
        self.firn("rederive", "orders", "--to", began[2], "--yes")
        self.assertEqual(self.ids(), [1, 2])
        self.project.run()
        self.assertEqual(self.ids(), [1, 2, 3])

    def test_later_runs_alone_are_refused_where_earlier_rows_decided(self):
        began = self.three_runs(extra="        merge_strategy: insert_only\n")
        self.assertIn("E0868", self.firn("rederive", "orders", "--from", began[1], "--yes", "--accept-gaps", code=2).err)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.ids(), [1, 2, 3])

    # ---- retention ----

    def test_retention_keeps_what_rederive_needs_until_it_is_told(self):
        self.project.write(self.text(raw="{mode: archive, retention: 0}"))
        for n in (1, 2, 3):
            self.put(n)
            self.project.run()
        listed = self.runs()
        self.assertEqual([(run["rederive"], run["expired"]) for run in listed["runs"]], [("needed", True)] * 3)
        whole = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), whole)
        shown = self.firn("raw", "prune", "orders", code=10)
        self.assertIn("can then not be rebuilt", shown.err)
        self.assertEqual(len(self.runs()["runs"]), 3, "without --yes nothing goes")
        self.firn("raw", "prune", "orders", "--yes")
        self.assertEqual(self.runs()["runs"], [])
        self.assertEqual(self.rows(), whole, "the table is as it was")
        self.put(4)
        self.project.run()
        self.assertIn("E0863", self.firn("rederive", "orders", "--yes", code=2).err)
        self.assertEqual(self.runs()["gaps"], ["runs before " + self.runs()["runs"][0]["run"]])
        self.project.run("--full-refresh")
        whole = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), whole)

    def test_retention_removes_what_a_later_run_read_anew(self):
        self.project.write(self.text(raw="{mode: archive, retention: 0}"))
        self.put(1)
        self.project.run()
        self.put(2)
        self.project.run("--full-refresh")
        self.assertEqual([run["rederive"] for run in self.runs()["runs"]], ["needed"])

    def test_an_archive_whose_key_is_lost_for_good_makes_room(self):
        self.project.write(self.text(columns=MASKED))
        self.put(1)
        self.project.run()
        os.remove(self.key_file())
        self.assertIn("E0867", self.firn("run", code=2).err)
        self.firn("raw", "prune", "orders", "--all", code=10)
        self.firn("raw", "prune", "orders", "--all", "--yes")
        self.put(2)
        self.project.run("--full-refresh")
        whole = self.rows()
        self.assertEqual(len(whole), 2)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), whole)

    # ---- the first rederive equals the table ----

    def test_the_first_rederive_equals_the_table_in_every_way_of_writing(self):
        deletes = '        delete_when: "{{ record.deleted }}"\n'
        ways = {
            "merge": {},
            "delete_when": dict(extra=deletes),
            "soft": dict(extra=deletes + "        deletes: soft\n"),
            "sequence_by": dict(extra="        sequence_by: updated_at\n"),
            "insert_only": dict(extra="        merge_strategy: insert_only\n"),
            "scd2": dict(extra="        merge_strategy: scd2\n        scd2: {changed_at: updated_at}\n"),
            "append": dict(write="append"),
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
                self.project.run()
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

    def test_a_run_that_was_rolled_back_is_not_read_again(self):
        for position in ("rewind", "keep"):
            for write in ("append", "merge"):
                with self.subTest(position=position, write=write):
                    self.tearDown()
                    self.setUp()
                    self.project.write(self.text(write=write))
                    self.put(1)
                    self.firn("run")
                    before = self.project.metadata("shop.orders")["current-snapshot-id"]
                    self.put(2)
                    self.firn("run")
                    self.firn("table", "rollback", "shop.orders", "--to-snapshot", str(before), "--position", position)
                    self.put(3)
                    self.firn("run")
                    rows = self.rows()
                    derived = self.firn("rederive", "orders", "--yes")
                    self.assertIn("1 runs are not read: the table was rolled back to before them", derived.err)
                    self.assertEqual(self.rows(), rows)

    def test_a_table_of_listings_is_what_the_last_whole_one_gave(self):
        self.project.write(self.text(incremental=False, extra="        deletes: missing\n        schema_contract: {types: discard_row}\n",
                                     columns="{total: {type: double}}"))
        for n in range(1, 11):
            self.put(n)
        self.project.run()
        self.orders.remove(2)
        self.put(3, 30, total=7.0)
        self.project.run()
        self.assertEqual(len(self.rows()), 9)
        self.assertEqual([run["rederive"] for run in self.runs()["runs"]], ["superseded", "needed"])
        table = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)
        self.orders.remove(4)
        self.put(11, total="many")  # goes to quarantine: the listing is not whole, and nothing is deleted
        self.put(12)
        self.project.run()
        table = self.rows()
        self.assertEqual(len(table), 10)
        self.assertIn(4, self.ids())
        self.assertEqual([run["rederive"] for run in self.runs()["runs"]], ["superseded", "needed", "needed"])
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
