"""The raw zone: encryption, keys, re-deriving, retention; see README.md."""

import json
import os
import shutil
import stat
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from support.firn_project import binary, has_failpoints  # noqa: E402
from raw_case import KEY_1, KEY_2, MASKED, RawCase, at  # noqa: E402


class RawTest(RawCase):
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

    def test_a_rederive_takes_the_place_of_its_rows_in_the_quarantine(self):
        self.project.write(self.text(columns="{total: {type: long}}", extra="        schema_contract: {types: discard_row}\n"))
        self.put(1, total=1)
        self.put(2, total="many")
        self.project.run()
        quarantined = self.rows("shop._quarantine", without=("_firn_loaded_at", "_firn_run_id", "ordinal"))
        self.assertEqual(len(quarantined), 1)
        for _ in range(2):
            self.firn("rederive", "orders", "--yes")
            self.assertEqual(self.rows("shop._quarantine", without=("_firn_loaded_at", "_firn_run_id", "ordinal")), quarantined)
        self.project.write(self.text(columns="{total: {type: string}}"))
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(len(self.rows()), 2)
        self.assertEqual(self.rows("shop._quarantine"), [], "what fits now is in the table alone")

    def test_listing_and_removing_need_no_key(self):
        self.project.write(self.text(columns=MASKED))
        self.put(1)
        self.project.run()
        os.remove(self.key_file())
        listed = self.firn("raw", "list").out
        self.assertIn("needed", listed)
        self.assertIn("not checked", listed)
        refused = self.firn("rederive", "orders", "--yes", code=2).err
        self.assertIn("E0866", refused)
        self.assertIn("put the file with that key back at " + self.key_file(), refused)
        self.project.write(self.text(columns=MASKED, raw="{mode: archive, retention: 0}"))
        self.firn("raw", "prune", "orders", "--yes")
        self.assertEqual(self.segments(), [])

    def test_runs_loaded_one_by_one_are_published_at_once(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        way = dict(extra="        merge_strategy: delete_insert\n        merge_key: total\n")
        for point in ("rederive.loaded", "rederive.before_publish", "commit.after_swap"):
            with self.subTest(point):
                self.tearDown()
                self.setUp()
                self.three_runs(**way)
                self.put(1, 10, total=4.5)  # takes the place of row 3
                self.project.run()
                table = self.rows()
                self.assertEqual(self.ids(), [1, 2])
                head = self.project.metadata("shop.orders")["current-snapshot-id"]
                died = self.project.firn("rederive", "orders", "--yes", env={"FIRN_FAILPOINTS": f"{point}=kill@1"})
                self.assertLess(died.code, 0, died)
                self.assertEqual(self.project.metadata("shop.orders")["current-snapshot-id"], head)
                self.put(4, 11)
                self.project.run()
                whole = self.rows()
                self.assertEqual(len(whole), len(table) + 1)
                self.firn("rederive", "orders", "--yes")
                self.assertEqual(self.rows(), whole)
                self.assertNotIn("firn_rederive", self.project.metadata("shop.orders")["refs"])

    # ---- ranges ----

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

    def test_a_retention_that_is_written_holds_after_raw_is_off(self):
        for kept in ("archive", "table"):
            with self.subTest(kept=kept):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(raw=f"{{mode: {kept}, retention: 30d}}"))
                for n in (1, 2):
                    self.put(n)
                    self.project.run()
                for raw, left in (("off", 2), ("{mode: off, retention: 30d}", 2), ("{mode: off, retention: 0}", 2)):
                    self.project.write(self.text(raw=raw))
                    self.project.run()
                    self.assertEqual(len(self.runs()["runs"]), left, raw)  # of the last: rederive would need them
                self.put(3)
                self.project.run("--full-refresh")  # and now it would not
                self.assertEqual(self.runs()["runs"], [])

    def test_retention_removes_what_a_later_run_read_anew(self):
        self.project.write(self.text(raw="{mode: archive, retention: 0}"))
        self.put(1)
        self.project.run()
        self.put(2)
        self.project.run("--full-refresh")
        self.assertEqual([run["rederive"] for run in self.runs()["runs"]], ["needed"])

    def test_a_rename_says_that_the_archive_keeps_its_name(self):
        self.put(1)
        self.project.run()
        renamed = self.firn("table", "rename", "shop.orders", "shop.purchases")
        self.assertIn("stays under the name orders", renamed.err + renamed.out)
        self.project.write(self.text().replace("      orders:\n", "      purchases:\n"))
        self.firn("state", "accept", "purchases", "--of", "shop/orders", "--yes")
        self.put(2)
        self.project.run()
        self.assertIn("E0863", self.firn("rederive", "purchases", "--yes", code=2).err)
        self.project.run("--full-refresh")
        whole = self.rows("shop.purchases")
        self.firn("rederive", "purchases", "--yes")
        self.assertEqual(self.rows("shop.purchases"), whole)
        moved = self.firn("table", "rename", "shop.purchases", "store.purchases")
        self.assertNotIn("stays under", moved.err + moved.out)

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
        self.check_every_way_of_writing()

    def test_what_is_there_of_a_table_that_is_off_is_listed_and_pruned(self):
        self.check_what_is_there_of_a_table_that_is_off_is_listed_and_pruned()

    def test_a_load_that_was_not_archived_is_a_gap(self):
        self.check_a_load_that_was_not_archived_is_a_gap()

    def test_a_deleted_key_that_came_back_older_stays(self):
        self.check_a_deleted_key_that_came_back_older_stays()

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
