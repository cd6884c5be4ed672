"""`firn table adopt`: tables of pyiceberg, dlt's and Airbyte's layout are taken over and loaded further; see README.md."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, has_failpoints  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

ENGINES = ("pyiceberg", "duckdb")
MAX = ("--start-position", "max(updated_at)")


def at(second):
    return f"2025-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


def row(number, second=None, note="old"):
    return {"id": number, "note": f"{note} {number}", "updated_at": at(number if second is None else second)}


class AdoptTest(ReaderCase):
    def setUp(self):
        self.api = FakeApi().__enter__()
        self.addCleanup(self.api.__exit__)
        self.orders = self.api.table("orders")
        self.project = FirnProject(self.text())
        self.addCleanup(self.project.__exit__)

    def text(self, write="merge", key="id", extra="", cursor="updated_at", top=""):
        incremental = f"incremental: {{cursor: {cursor}, param: since, order: asc}}" if cursor else "on_error: fail"
        return f"""version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    dataset: shop
{top}    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        {incremental}
        write_disposition: {write}
        {f"primary_key: {key}" if key else "tags: [keyless]"}
        raw: off
        maintenance: off
{extra}"""

    def make(self, kind="plain", rows=None, folder="lake"):
        """A table of another program, in the catalog of the lake; returns its metadata location."""
        os.makedirs(self.project.path(folder), exist_ok=True)
        rows = [row(n) for n in range(6)] if rows is None else rows
        done = subprocess.run([readers_python(), os.path.join(HERE, "make_tables.py"), kind, self.project.path(folder, "catalog.db"),
                               self.project.path(folder), "shop.orders", json.dumps(rows)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for one in rows:
            self.orders.put(one)
        return done.stdout.strip().splitlines()[-1]

    def firn(self, *arguments, code=0, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, code, str(result))
        return result

    def adopt(self, *arguments, code=0, **options):
        return self.firn("table", "adopt", "shop.orders", *arguments, code=code, **options)

    def refused(self, *arguments, says, code="E0950"):
        before = self.project.tables()
        result = self.adopt(*arguments, code=2)
        self.assertIn(code, result.err)
        self.assertIn(says, result.err)
        self.assertEqual(self.project.tables(), before)
        return result

    def rows(self, *columns):
        columns = columns or ("id", "note")
        read = [sorted(tuple(r[c] for c in columns) for r in self.reader.rows(self.project, "shop.orders", engine)) for engine in ENGINES]
        self.assertEqual(*read)
        return read[0]

    def source(self):
        return sorted((r["id"], r["note"]) for r in self.orders.dicts())

    # ---- refused until adopted ----

    def test_a_run_does_not_mix_its_rows_with_somebody_elses(self):
        self.make()
        before = self.project.tables()
        for arguments in ((), ("--full-refresh",)):
            result = self.project.run(*arguments, code=2)
            self.assertIn("E0950", result.out)
            self.assertIn("firn table adopt shop.orders", result.out)
        self.project.write(self.text(write="replace", cursor=None))
        self.assertIn("E0950", self.project.run(code=2).out)
        self.assertEqual(self.project.tables(), before)

    def test_an_empty_table_of_somebody_is_loaded(self):
        self.make(rows=[])
        self.orders.put(row(1))
        self.project.run()
        self.assertEqual(self.rows(), [(1, "old 1")])

    # ---- start positions ----

    def test_a_merge_goes_on_at_the_largest_value(self):
        self.make()
        dry = self.adopt(*MAX, "--dry-run")
        self.assertIn("nothing was changed", dry.err)
        self.assertIn("E0950", self.project.run(code=2).out)
        self.adopt(*MAX)
        self.orders.put(row(2, 90, "changed"))
        self.orders.put(row(7, 95, "new"))
        requests = self.project.run().table("orders")
        self.assertEqual(requests["rows"]["updated"] + requests["rows"]["inserted"], 2 + 1)  # the row at the position comes again
        self.assertEqual(self.rows(), self.source())
        self.assertEqual(self.project.run().table("orders")["commits"], 0)

    def test_an_append_knows_the_rows_at_its_position_again(self):
        self.project.write(self.text(write="append"))
        self.make(rows=[row(n, min(n, 4)) for n in range(7)])  # 4, 5 and 6 stand at the last value
        self.orders.put(row(8, 4))  # a row of the tie that the other program had not read
        self.adopt(*MAX)
        self.project.run()
        self.orders.put(row(9, 9))
        self.project.run()
        self.assertEqual(self.rows(), self.source())

    def test_a_value_may_lie_before_rows_that_are_there(self):
        self.project.write(self.text(write="append"))
        self.make()
        self.orders.put(row(40, 2, "late"))
        result = self.adopt("--start-position", at(2), "--json").json()
        self.assertEqual(result["known_rows"], 4)
        self.project.run()
        self.assertEqual(self.rows(), self.source())

    def test_an_append_with_a_lookback_knows_all_of_its_rows(self):
        self.project.write(self.text(write="append").replace("param: since", "param: since, lookback: 3s"))
        self.make()
        self.orders.put(row(41, 3, "late"))
        self.adopt(*MAX)
        self.project.run()
        self.assertEqual(self.rows(), self.source())

    def test_from_scratch_reads_all_and_merges(self):
        self.make()
        self.orders.put(row(1, 1, "other"))  # changed at the source without a new time
        self.adopt("--from-scratch")
        self.project.run()
        self.assertEqual(self.rows(), self.source())

    def test_a_replaced_table(self):
        self.make()
        self.project.write(self.text(write="replace", cursor=None))
        self.orders.remove(3)
        self.adopt()
        self.project.run()
        self.assertEqual(self.rows(), self.source())

    def test_adopting_twice_changes_nothing(self):
        self.make()
        self.adopt(*MAX)
        before = self.project.tables()
        self.assertIn("already", self.adopt(*MAX).err)
        self.assertEqual(self.project.tables(), before)

    # ---- refusals ----

    def test_what_is_refused(self):
        self.make()
        self.refused(says="--start-position", code="E0952")
        self.refused("--start-position", "yesterday", says="cannot be compared with the column updated_at", code="E0952")
        self.refused("--start-position", "max(total)", says="no column total", code="E0952")
        self.refused("--from-scratch", "--start-position", "1", says="exclude", code="E0952")
        self.project.write(self.text(key="number"))
        self.refused(*MAX, says="no plain column for `number`")
        self.project.write(self.text(write="append", key=""))
        self.refused(*MAX, says="would be appended once more", code="E0952")
        self.refused("--from-scratch", says="a start position", code="E0952")
        self.project.write(self.text(write="append", cursor=None))
        self.refused(says="without a cursor", code="E0952")
        self.project.write(self.text(extra='        columns: {note: {type: "decimal(9,2)"}}\n'))
        self.refused(*MAX, says="retype", code="E0933")
        self.project.write(self.text(extra="        system_columns: dlt\n"))
        self.adopt(*MAX, "--dry-run")

    def test_max_is_that_of_the_cursor(self):
        self.make()
        self.refused("--start-position", "max(note)", says="note is not the cursor's column", code="E0952")
        self.refused("--start-position", "max(id)", says="id is not the cursor's column", code="E0952")

    def test_max_of_the_name_that_the_cursor_has_in_the_table(self):
        self.project.write(self.text(cursor="updatedAt", top="    naming: snake_case\n"))
        self.make()
        self.adopt("--start-position", "max(updated_at)", "--offline", "--dry-run")
        self.adopt("--start-position", "max(updatedAt)", "--offline", "--dry-run")

    def test_a_start_after_the_last_row_is_a_gap(self):
        for kind, bad in (("plain", (at(6), "2026-01-01", "2025-01-01T00:00:05.000001Z")),
                          ("text", (at(6), "zzz", "2026/01/02", "2026-01-02", "99999999", "2025-01-01T01:00:04.500+00:30"))):
            for write in ("merge", "append"):
                with self.subTest(kind=kind, write=write):
                    self.tearDownProject()
                    self.project.write(self.text(write=write))
                    self.make(kind)
                    for value in bad:
                        said = self.refused("--start-position", value, says="largest updated_at is " + at(5)[:19], code="E0952").err
                        self.assertIn("--accept-gap", said)
                    self.adopt("--start-position", at(5), "--dry-run")
                    self.adopt("--start-position", at(2), "--dry-run")
                    self.adopt("--start-position", at(9), "--accept-gap")
                    self.orders.put(row(20, 8, "in the gap"))
                    self.orders.put(row(21, 10, "after it"))
                    self.project.run()
                    self.assertEqual(self.rows(), [r for r in self.source() if r[0] != 20])

    def test_files_without_field_ids(self):
        self.make("bare")
        self.refused(*MAX, says="no field ids")

    # ---- other programs' columns ----

    def test_times_with_and_without_a_zone_are_told_before_they_part(self):
        self.make("naive")
        self.project.write(self.text(write="merge"))
        before = self.project.tables()
        said = self.adopt(*MAX, "--dry-run").err
        self.assertRegex(said, r"updated_at -> updated_at  timestamp   .*with a zone.*a second column, as text")
        self.assertEqual(self.project.tables(), before)
        self.adopt(*MAX)
        self.orders.put(row(9, note="new"))
        self.project.run()
        names = [f["name"] for f in self.project.metadata("shop.orders")["schemas"][-1]["fields"]]
        self.assertIn("updated_at__string", names)  # as was said

    def test_times_without_a_zone_for_a_column_that_has_one(self):
        self.make()
        self.orders.rows.clear()
        for n in range(6):
            self.orders.put({"id": n, "note": f"old {n}", "updated_at": at(n)[:-1]})
        self.assertIn("without a zone", self.adopt(*MAX, "--dry-run").err)
        self.project.write(self.text(extra="        columns: {updated_at: {type: timestamptz, timezone: UTC}}\n"))
        self.assertNotIn("without a zone", self.adopt(*MAX, "--dry-run").err)

    def test_dlt(self):
        top = "    naming: snake_case\n    system_columns: dlt\n"
        self.project.write(self.text(write="append", top=top))
        self.make("dlt")
        self.orders.rows.clear()
        for n in range(6):
            self.orders.put({"id": n, "orderNote": f"old {n}", "updated_at": at(n)})
        self.project.write(self.text(write="append", top="    naming: snake_case\n"))
        self.refused(*MAX, says="system_columns: dlt", code="E0951")
        self.project.write(self.text(write="append", top=top))
        self.adopt(*MAX)
        for n in (10, 11, 12):
            self.orders.put({"id": n, "orderNote": f"new {n}", "updated_at": at(n)})
        self.project.run()
        self.project.run()
        self.assertEqual(self.rows("id", "order_note"), sorted((r["id"], r["orderNote"]) for r in self.orders.dicts()))
        ids = self.rows("id", "_dlt_id", "_dlt_load_id")
        self.assertEqual(len({r[1] for r in ids}), 9)
        for _, row_id, load in ids[6:]:
            self.assertRegex(row_id, r"^[A-Za-z0-9+/]{14}$")
            self.assertRegex(load, r"^\d{10}\.\d{6}$")
        self.assertEqual(ids[0][1:], ("dltrow00000000", "1735689600.123456"))
        names = [f["name"] for f in self.project.metadata("shop.orders")["schemas"][-1]["fields"]]
        self.assertEqual(names, ["id", "order_note", "updated_at", "_dlt_load_id", "_dlt_id"])

    def test_airbyte(self):
        self.project.write(self.text(extra="        system_columns: airbyte\n"))
        self.make("airbyte")
        self.adopt(*MAX)
        self.orders.put(row(3, 50, "changed"))
        self.orders.put(row(9, 51, "new"))
        self.project.run()
        self.assertEqual(self.rows(), self.source())
        for engine in ENGINES:
            rows = {r["id"]: r for r in self.reader.rows(self.project, "shop.orders", engine)}
            self.assertEqual(rows[0]["_airbyte_generation_id"], 3)
            self.assertEqual((rows[9]["_airbyte_generation_id"], rows[9]["_airbyte_meta"]["changes"]), (0, []))
            self.assertGreater(rows[9]["_airbyte_meta"]["sync_id"], 1_700_000_000_000)
            self.assertTrue(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                                         rows[9]["_airbyte_raw_id"]))
            self.assertNotEqual(rows[9]["_airbyte_raw_id"], rows[3]["_airbyte_raw_id"])
        fields = {f["name"]: f["required"] for f in self.project.metadata("shop.orders")["schemas"][-1]["fields"]}
        self.assertTrue(fields["_airbyte_raw_id"] and fields["_airbyte_meta"])

    def test_new_tables_have_the_columns_too(self):
        for columns, names in (("dlt", ["_dlt_load_id", "_dlt_id"]),
                               ("airbyte", ["_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"])):
            with self.subTest(columns), FirnProject(self.text(extra=f"        system_columns: {columns}\n")) as project:
                self.orders.put(row(1))
                project.run()
                self.orders.put(row(1, 5, "changed"))
                project.run()
                fields = [f["name"] for f in project.metadata("shop.orders")["schemas"][-1]["fields"]]
                self.assertEqual(fields, ["id", "note", "updated_at", *names])
                for engine in ENGINES:
                    self.assertEqual([r["note"] for r in self.reader.rows(project, "shop.orders", engine)], ["changed 1"])
                self.orders.remove(1)

    # ---- the state of a dlt pipeline ----

    def dlt_state(self, last, cursor="updated_at", resource="orders", version=4):
        return json.dumps({"_state_version": 3, "_state_engine_version": version, "pipeline_name": "shop", "sources": {"rest_api": {"resources": {
            resource: {"incremental": {cursor: {"initial_value": None, "last_value": last, "unique_hashes": []}}}}}}}, ensure_ascii=False)

    def import_state(self, text, *arguments, code=0):
        with open(self.project.path("state.json"), "w") as out:
            out.write(text)
        return self.firn("import", "dlt-state", "state.json", *arguments, code=code)

    def test_the_state_of_dlt_is_where_reading_begins(self):
        packed = base64.b64encode(zlib.compress(self.dlt_state(at(4)).encode())).decode()
        for name, text in (("json", self.dlt_state(at(4))), ("a marked time", self.dlt_state("\uf027" + at(4))), ("packed", packed)):
            with self.subTest(name):
                self.tearDownProject()
                self.project.write(self.text(write="append"))
                self.make()
                self.orders.put(row(44, 4, "late"))
                self.orders.put(row(30, 3, "before"))  # dlt had not seen it, and its position is past it
                self.import_state(text, "--dry-run")
                self.assertEqual(self.project.run(code=2).table("orders")["state"], "failed")
                self.import_state(text)
                self.project.run()
                self.assertEqual(self.rows(), [r for r in self.source() if r[0] != 30])

    def tearDownProject(self):
        self.project.__exit__()
        self.project = FirnProject(self.text())
        self.addCleanup(self.project.__exit__)
        self.orders.rows.clear()

    def test_states_of_dlt_that_are_refused(self):
        self.make()
        before = self.project.tables()
        for text, says in ((self.dlt_state(at(1), cursor="created_at"), "no position of the cursor"), (self.dlt_state(None), "nothing was loaded"),
                           (self.dlt_state([1]), "neither text, number nor time"), (self.dlt_state(at(1), resource="people"), "no table of the project"),
                           (self.dlt_state(at(1), version=5), "up to 4"), ("{}", "no _state_engine_version"), ("rubbish!", "neither JSON nor base64"),
                           (self.dlt_state("\uf029d8b7"), "neither text, number nor time")):
            result = self.firn_fails("import", "dlt-state", text)
            self.assertIn("E0954", result.err)
            self.assertIn(says, result.err)
        self.assertEqual(self.project.tables(), before)

    def firn_fails(self, first, second, text):
        with open(self.project.path("state.json"), "w") as out:
            out.write(text)
        result = self.project.firn(first, second, "state.json")
        self.assertNotEqual(result.code, 0, str(result))
        return result

    # ---- tables of another catalog ----

    def test_a_table_of_another_catalog_is_entered_where_it_is(self):
        location = self.make(folder="elsewhere").removeprefix("file://")
        self.adopt(*MAX, "--metadata", location, "--dry-run")
        self.assertFalse(os.path.exists(self.project.catalog))
        self.adopt(*MAX, "--metadata", location)
        self.orders.put(row(7, 95, "new"))
        self.project.run()
        self.assertEqual(self.rows(), self.source())
        metadata = self.project.metadata("shop.orders")
        self.assertEqual(metadata["properties"]["gc.enabled"], "false")
        self.assertTrue(metadata["location"].startswith("file://" + self.project.path("elsewhere")))

    # ---- crashes ----

    def test_killed_at_each_step(self):
        if not has_failpoints():
            self.skipTest("built without failpoints")
        location = self.make(folder="elsewhere").removeprefix("file://")
        arguments = ("table", "adopt", "shop.orders", *MAX, "--metadata", location)
        for point in ("adopt.before_register", "adopt.before_commit", "commit.before_swap", "commit.before_cleanup", "adopt.after_commit"):
            with self.subTest(point):
                killed = self.project.firn(*arguments, env={"FIRN_FAILPOINTS": f"{point}=kill"})
                self.assertEqual(killed.code, -signal.SIGKILL, str(killed))
                self.firn(*arguments)
                self.project.run()
                self.assertEqual(self.rows(), self.source())
                for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
                    if os.path.exists(self.project.path("lake", name)):
                        os.remove(self.project.path("lake", name))


if __name__ == "__main__":
    unittest.main(verbosity=2)
