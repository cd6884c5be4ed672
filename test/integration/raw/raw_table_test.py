"""`raw: table`: bodies as rows of `<table>__raw`, committed with the rows that came of them; see README.md."""

import json
import os
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from support.firn_project import binary, has_failpoints  # noqa: E402
from raw_case import KEY_1, KEY_2, MASKED, RawCase  # noqa: E402

RAW = "shop.orders__raw"
# Where a run is killed: before and after the one commit that holds rows and bodies, and at it.
POINTS = ("rest.before_archive", "run.stage", "raw_table.stage", "run.before_commit", "commit.metadata_written",
          "catalog.before_swap", "commit.after_swap", "run.after_commit", "run.committed")


class RawTableTest(RawCase):
    raw = "table"

    def bodies(self):
        """Pages by run, in order, as pyiceberg reads them."""
        runs = {}
        for row in self.reader.rows(self.project, RAW):
            runs.setdefault(row["_firn_run_id"], []).append(row)
        for rows in runs.values():
            rows.sort(key=lambda row: row["ordinal"])
        return dict(sorted(runs.items()))  # ids sort by time

    def ids_in_bodies(self, keys=("id",)):
        """The key of each row that a page gave and the load took, once per page."""
        found = []
        for rows in self.bodies().values():
            for row in rows:
                dropped = json.loads(row["context"]).get("dropped", [])
                data = json.loads(row["body"])["data"]
                found += [tuple(record[k] for k in keys) for i, record in enumerate(data) if i not in dropped]
        return found

    def check_bodies_are_those_of_the_table(self):
        """Append: a run has pages if, and only if, its rows are in the table, and each row came of one page."""
        table = self.reader.rows(self.project, "shop.orders")
        self.assertEqual(sorted(self.ids_in_bodies(("id", "updated_at"))),
                         sorted((row["id"], row["updated_at"].strftime("%Y-%m-%dT%H:%M:%SZ")) for row in table))
        runs = self.bodies()
        self.assertEqual(set(runs), {row["_firn_run_id"] for row in table})
        for run, rows in runs.items():
            self.assertEqual([row["ordinal"] for row in rows], list(range(len(rows))), run)

    # ---- rows ----

    def test_pages_are_rows_committed_with_those_that_came_of_them(self):
        for n in range(1, 6):
            self.put(n)
        self.assertIn("table shop.orders__raw, 30 days", self.firn("plan").out)
        first = self.project.run()
        self.assertFalse(os.path.exists(self.project.path("lake-raw")))
        self.put(6)
        second = self.project.run()
        pages = self.bodies()
        self.assertEqual(list(pages), [first.json()["run_id"], second.json()["run_id"]])
        (first_pages, second_pages) = pages.values()
        self.assertEqual([len(json.loads(page["body"])["data"]) for page in first_pages], [2, 2, 1])
        for page in first_pages + second_pages:
            self.assertEqual((page["method"], page["status"], page["seal"]), ("GET", 200, None))
            self.assertIn("/v1/orders?limit=2", page["request"])
            self.assertEqual(page["body_bytes"], len(page["body"].encode()))
            self.assertIsNotNone(page["received_at"])
        self.assertEqual([page["mark"] is None for page in first_pages], [True, True, False])
        self.assertEqual(json.loads(second_pages[-1]["mark"])["from"], json.loads(first_pages[-1]["mark"])["to"])
        at_once = [self.project.metadata(table)["snapshots"][-1]["summary"]["firn.run"] for table in ("shop.orders", RAW)]
        self.assertEqual(at_once, [second.json()["run_id"]] * 2)
        self.project.run()
        self.assertEqual(len(self.bodies()), 2, "answers that changed nothing are not kept")
        self.assertNotIn("__raw", self.firn("plan").out.split("shop.orders__raw, 30 days")[1])
        self.assertIn("opens", self.firn("doctor").out)

    def test_the_first_rederive_equals_the_table_in_every_way_of_writing(self):
        self.check_every_way_of_writing()

    def test_what_is_there_of_a_table_that_is_off_is_listed_and_pruned(self):
        self.check_what_is_there_of_a_table_that_is_off_is_listed_and_pruned()

    def test_a_load_that_was_not_archived_is_a_gap(self):
        self.check_a_load_that_was_not_archived_is_a_gap()

    def test_children_keep_bodies_of_their_own_in_the_same_commit(self):
        extra = """      items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        records: data
        paginate: none
        include: {order_id: parent.id}
        primary_key: [order_id, line]
        write_disposition: merge
        raw: table
        maintenance: off
"""
        items = self.api.table("items", key="line", changed=None, paging="none", parent="order_id")
        self.project.write(self.text(extra=extra))
        for n in (1, 2):
            self.put(n)
            items.put({"order_id": n, "line": 1, "price": n * 1.25})
        self.project.run()
        items.put({"order_id": 2, "line": 2, "price": 9.5})
        self.put(2, 20)
        run = self.project.run().json()["run_id"]
        self.assertEqual({self.project.metadata(f"shop.{name}")["snapshots"][-1]["summary"]["firn.run"]
                          for name in ("orders", "orders__raw", "items", "items__raw")}, {run})
        table = self.rows("shop.items")
        self.assertEqual(len(table), 3)
        self.firn("rederive", "items", "--yes")
        self.assertEqual(self.rows("shop.items"), table)

    # ---- crashes ----

    def test_killed_anywhere_the_bodies_are_those_of_the_committed_rows(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        for extra, hits in (("", (1,)), ("        commit_bytes: 100B\n", (1, 2, 3))):
            for point in POINTS:
                for hit in hits:
                    with self.subTest(point, hit=hit, commits_midway=bool(extra)):
                        self.tearDown()
                        self.setUp()
                        self.project.write(self.text(write="append", extra=extra))
                        self.put(1)
                        self.project.run()
                        for n in range(2, 13):
                            self.put(n)
                        died = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill@{hit}"})
                        self.assertLess(died.code, 0, died)
                        self.check_bodies_are_those_of_the_table()
                        self.put(13)
                        self.project.run()
                        self.check_bodies_are_those_of_the_table()
                        table = self.rows()
                        self.assertEqual(len(table), 13)
                        self.firn("rederive", "orders", "--yes")
                        self.assertEqual(self.rows(), table)

    def test_a_merge_that_is_killed_leaves_no_body_without_its_rows(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        for point in POINTS:
            with self.subTest(point):
                self.tearDown()
                self.setUp()
                for n in range(1, 4):
                    self.put(n)
                self.project.run()
                self.put(2, 20, total=7.5)
                died = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                self.assertLess(died.code, 0, died)
                self.assertEqual({row["_firn_run_id"] for row in self.reader.rows(self.project, "shop.orders")},
                                 set(self.bodies()))
                self.put(4, 21)
                self.project.run()
                table = self.rows()
                self.assertEqual(len(table), 4)
                self.firn("rederive", "orders", "--yes")
                self.assertEqual(self.rows(), table)

    # ---- personal data ----

    def test_bodies_with_personal_data_are_sealed_in_the_table(self):
        self.project.write(self.text(columns=MASKED))
        self.assertIn("encrypted with " + self.key_file(), self.firn("plan").out)
        for n in range(1, 6):
            self.put(n)
        self.assertIn("back it up", " ".join(self.project.run().table("orders")["warnings"]))
        self.put(6)
        self.project.run()
        self.assert_nowhere("canary", "example.com")
        for rows in self.bodies().values():
            for row in rows:
                self.assertEqual((row["request"], row["split"], row["context"]), (None, None, None))
                self.assertEqual(json.loads(row["seal"])["cipher"], "AES-256-GCM")
                self.assertNotIn(b"updated_at", row["body"].encode())
        table = self.rows()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)
        self.assertIn("opens with key", self.firn("doctor").out)
        with open(self.key_file()) as file:
            kept = file.read()
        shutil.rmtree(self.project.path(".firn"))
        self.put(7)
        self.assertIn("E0867", self.firn("run", code=2).err)
        refused = self.firn("rederive", "orders", "--yes", code=2).err
        self.assertIn("E0866", refused)
        self.assertNotIn("raw.previous_keys, or back", refused)
        self.assertIn(self.key_file(), refused)
        self.assertIn("FAIL  raw", self.firn("doctor", code=2).out)
        self.assertEqual(len(self.runs()["runs"]), 2, "to list needs no key")
        os.makedirs(os.path.dirname(self.key_file()), exist_ok=True)
        with open(self.key_file(), "w") as file:
            file.write(kept)
        self.project.run()
        self.assertEqual(len(self.rows()), 7)

    def test_a_key_of_the_configuration_and_its_rotation(self):
        raw = "{mode: table, key: \"${env:RAW_KEY}\"%s}"
        self.project.write(self.text(raw=raw % ""))
        self.put(1)
        self.project.run(env={"RAW_KEY": KEY_1})
        self.put(2)
        self.assertIn("E0866", self.firn("run", code=2, env={"RAW_KEY": KEY_2}).err)
        env = {"RAW_KEY": KEY_2, "RAW_OLD": KEY_1}
        self.project.write(self.text(raw=raw % ", previous_keys: [\"${env:RAW_OLD}\"]"))
        self.project.run(env=env)
        table = self.rows()
        self.firn("rederive", "orders", "--yes", env=env)
        self.assertEqual(self.rows(), table)

    def test_a_lost_key_is_made_anew_once_every_body_it_sealed_is_removed(self):
        self.project.write(self.text(columns=MASKED))
        for n in (1, 2):
            self.put(n)
            self.project.run()
        shutil.rmtree(self.project.path(".firn"))
        self.assertIn("E0867", self.firn("run", "--full-refresh", code=2).err)
        self.firn("raw", "prune", "orders", "--all", "--yes")
        self.assertEqual(self.bodies(), {})
        self.project.run("--full-refresh")
        self.put(3)
        self.project.run()
        table = self.rows()
        self.assertEqual(len(table), 3)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)

    def test_a_lost_key_is_missed_in_either_mode(self):
        for before, after in (("table", "archive"), ("archive", "table")):
            with self.subTest(before=before, after=after):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(raw=before, columns=MASKED))
                self.put(1)
                self.project.run()
                os.rename(self.project.path(".firn"), self.project.path("kept"))
                self.project.write(self.text(raw=after, columns=MASKED))
                self.put(2)
                self.assertIn("E0867", self.firn("run", code=2).err)
                self.assertFalse(os.path.exists(self.key_file()), "no new key is made")
                os.makedirs(os.path.dirname(self.key_file()), exist_ok=True)
                shutil.copy(self.project.path("kept", "keys", "raw.key"), self.key_file())
                self.project.run()
                table = self.rows()
                self.firn("rederive", "orders", "--yes")
                self.assertEqual(self.rows(), table)

    def test_a_changed_key_is_missed_in_either_mode(self):
        raw = "{mode: %s, key: \"${env:RAW_KEY}\"}"
        for before, after in (("table", "archive"), ("archive", "table")):
            with self.subTest(before=before, after=after):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(raw=raw % before, columns=MASKED))
                self.put(1)
                self.project.run(env={"RAW_KEY": KEY_1})
                self.project.write(self.text(raw=raw % after, columns=MASKED))
                self.put(2)
                self.assertIn("E0866", self.firn("run", code=2, env={"RAW_KEY": KEY_2}).err)
                self.project.run(env={"RAW_KEY": KEY_1})

    # ---- ranges and retention ----

    def test_a_range_of_runs(self):
        for n in (1, 2, 3):
            self.put(n)
            self.project.run()
        began = [run["began"] for run in self.runs()["runs"]]
        self.assertIn("E0863", self.firn("rederive", "orders", "--to", began[2], "--yes", code=2).err)
        self.firn("rederive", "orders", "--from", began[1], "--to", began[2], "--accept-gaps", "--yes")
        self.assertEqual(self.ids(), [2])
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.ids(), [1, 2, 3])

    def test_retention_keeps_what_rederive_needs_until_it_is_told(self):
        self.project.write(self.text(raw="{mode: table, retention: 0}"))
        for n in (1, 2, 3):
            self.put(n)
            self.project.run()
        listed = self.runs()
        self.assertEqual(listed["location"], "table shop.orders__raw")
        self.assertEqual([(run["rederive"], run["expired"]) for run in listed["runs"]], [("needed", True)] * 3)
        self.assertEqual(len(self.bodies()), 3)
        whole = self.rows()
        self.assertIn("can then not be rebuilt", self.firn("raw", "prune", "orders", code=10).err)
        self.assertEqual(len(self.bodies()), 3, "without --yes nothing goes")
        files = len([path for path in self.project.files("lake") if "orders__raw" in path and path.endswith(".parquet")])
        self.assertEqual(files, 3)
        self.firn("raw", "prune", "orders", "--yes")
        self.assertEqual(self.bodies(), {})
        self.assertEqual([path for path in self.project.files("lake") if "orders__raw" in path and path.endswith(".parquet")], [],
                         "no snapshot keeps the bodies")
        self.assertEqual(self.rows(), whole, "the table is as it was")
        self.put(4)
        self.project.run()
        self.assertIn("E0863", self.firn("rederive", "orders", "--yes", code=2).err)
        self.project.run("--full-refresh")
        whole = self.rows()
        self.assertEqual(len(self.bodies()), 1, "what a full refresh read anew is not needed, and it is over its retention")
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), whole)

    def test_killed_while_it_prunes_the_next_try_ends_it(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        for point in ("removal.plan", "commit.metadata_written", "catalog.before_swap", "commit.after_swap"):
            with self.subTest(point):
                self.tearDown()
                self.setUp()
                for n in (1, 2):
                    self.put(n)
                    self.project.run()
                self.project.write(self.text(raw="{mode: table, retention: 0}"))
                died = self.project.firn("raw", "prune", "orders", "--yes", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                self.assertLess(died.code, 0, died)
                self.firn("raw", "prune", "orders", "--yes")
                self.assertEqual(self.bodies(), {})
                self.put(3)
                self.project.run()
                self.assertEqual(self.ids(), [1, 2, 3])

    def test_rows_that_somebody_took_out_are_damage_and_not_a_shorter_table(self):
        for n in range(1, 6):
            self.put(n)
        self.project.run()
        whole = self.rows()
        self.reader.delete_rows(self.project, RAW, "ordinal = 1")
        self.assertIn("damaged", self.firn("rederive", "orders", "--yes", code=1).err)
        self.assertEqual(self.rows(), whole)

    # ---- changes ----

    def test_an_archive_and_a_table_after_each_other_are_one(self):
        self.project.write(self.text(raw="archive"))
        self.put(1)
        self.project.run()
        self.project.write(self.text(raw="table"))
        self.put(2)
        self.project.run()
        self.project.write(self.text(raw="archive"))
        self.put(3)
        self.project.run()
        table = self.rows()
        self.assertEqual(len(table), 3)
        self.assertEqual(len(self.runs()["runs"]), 3)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), table)

    def test_a_table_in_its_place_is_left_alone(self):
        with open(self.project.path("own.ndjson"), "w") as file:
            file.write('{"a": 1}\n')
        self.firn("copy", "own.ndjson", RAW)
        before = self.rows(RAW)
        self.put(1)
        planned = self.firn("plan", code=2)
        self.assertIn("E0992", planned.out + planned.err)
        self.assertIn("E0992", self.firn("run", code=2).err)
        self.assertEqual(self.rows(RAW), before)
        self.assertNotIn("shop.orders", self.project.tables())
        self.project.write(self.text(raw="archive"))
        self.project.run()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.ids(), [1], "an archive has nothing to do with that table")
        self.assertEqual(self.rows(RAW), before)

    def test_bodies_are_rolled_back_with_their_table_and_never_alone(self):
        self.project.write(self.text(write="append"))
        for number in (1, 2):
            self.put(number)
            self.project.run()
        first = self.firn("history", "shop.orders", "--json").json()[1]["time"]
        for position in ("rewind", "keep"):
            refused = self.firn("table", "rollback", RAW, "--to-time", first, "--position", position, code=2)
            self.assertIn("E0924", refused.err)
            self.assertIn("firn table rollback shop.orders shop.orders__raw --to-time", refused.err)
        self.assertEqual(len(self.bodies()), 2)
        self.firn("table", "rollback", RAW, "shop.orders", "--to-time", first)
        self.assertEqual((self.ids(), len(self.bodies())), ([1], 1))
        self.project.run()
        self.assertEqual((self.ids(), len(self.bodies())), ([1, 2], 2))
        self.check_bodies_are_those_of_the_table()

    def test_a_renamed_table_takes_its_bodies_along(self):
        self.put(1)
        self.project.run()
        self.firn("table", "rename", "shop.orders", "store.orders")
        self.project.write(self.text().replace("dataset: shop", "dataset: store"))
        self.assertIn("store.orders__raw", self.project.tables())
        self.put(2)
        self.project.run()
        table = self.rows("store.orders")
        self.assertEqual(len(table), 2)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows("store.orders"), table)

    def test_sealed_bodies_outlive_a_new_name_of_table_or_pipeline(self):
        def table():
            self.firn("table", "rename", "shop.orders", "shop.purchases")
            return self.text(columns=MASKED).replace("      orders:\n", "      purchases:\n"), "purchases"

        def pipeline():
            return self.text(columns=MASKED).replace("  shop:\n", "  store:\n"), "orders"

        for rename in (table, pipeline):
            with self.subTest(rename.__name__):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(columns=MASKED))
                for n in (1, 2, 3):
                    self.put(n)
                self.project.run()
                text, name = rename()
                self.project.write(text)
                self.firn("state", "accept", name, "--of", "shop/orders", "--yes")
                whole = self.rows("shop." + name)
                self.assertIn("opens with key", self.firn("doctor").out)
                self.firn("rederive", name, "--yes")
                self.assertEqual(self.rows("shop." + name), whole)
                self.put(4)
                self.project.run()
                whole = self.rows("shop." + name)
                self.assertEqual(len(whole), 4)
                self.firn("rederive", name, "--yes")
                self.assertEqual(self.rows("shop." + name), whole)
                shutil.rmtree(self.project.path(".firn"))
                self.assertIn("E0867", self.firn("run", code=2).err)

    def test_a_page_of_another_table_is_damage(self):
        extra = """      others:
        path: /v1/orders
        params: {limit: "2"}
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
        write_disposition: merge
        primary_key: id
        raw: table
        maintenance: off
"""
        for properties in ({}, {"firn.stream.shop/others#raw": "{}"}):
            with self.subTest(properties=properties):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(columns=MASKED, extra=extra))
                for n in range(1, 6):
                    self.put(n)
                self.project.run()
                own, other = (self.reader.rows(self.project, f"shop.{name}__raw") for name in ("orders", "others"))
                self.assertEqual({row["_firn_run_id"] for row in own}, {row["_firn_run_id"] for row in other})
                self.reader.exchange_rows(self.project, RAW, "shop.others__raw", "ordinal = 0", properties)
                whole = self.rows()
                self.assertIn("of another place", self.firn("rederive", "orders", "--yes", code=1).err)
                self.assertEqual(self.rows(), whole)

    def test_a_full_refresh_and_a_replaced_table_keep_older_bodies_until_their_retention(self):
        for write in ("merge", "replace"):
            with self.subTest(write):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(write=write))
                self.put(1)
                self.project.run()
                self.put(2)
                self.project.run("--full-refresh")
                self.assertEqual([run["rederive"] for run in self.runs()["runs"]], ["superseded", "needed"])
                self.assertEqual(len(self.bodies()), 2)
                table = self.rows()
                self.firn("rederive", "orders", "--yes")
                self.assertEqual(self.rows(), table)


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
