"""Branches, tags, rollback, cherry-pick, audit and diff; see README.md."""

import json
import os
import shutil
import sqlite3
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE))]
from support.firn_project import has_failpoints  # noqa: E402
from support.orders_case import SECONDS, TABLE, OrdersCase  # noqa: E402

BRANCH = "firn_audit"


class RefsTest(OrdersCase):
    def make(self, settings="", disposition="append", more="", folder="project"):
        return super().make(settings, disposition, folder, more=more)

    AUDIT = """        publish: audit
        checks:
          - not_null: note
          - unique: id
          - accepted_values: {column: state, values: [open, paid]}
          - range: {column: total, min: 0, max: 1000}
          - row_count: {min: 1}
          - {name: no_bad, sql: "select 1 from shop.orders where note = 'bad'"}
"""

    def put(self, number, note="n", **more):
        super().put(number, note, **{"state": "open", "total": 1, **more})

    def ref(self, name):
        return self.metadata()["refs"].get(name, {}).get("snapshot-id")

    def check(self, expected, what=""):
        super().check(what, expected)

    def code_of(self, result):
        """The error code of the one failed table of a run."""
        tables = [t for t in result.json()["tables"] if t["state"] == "failed"]
        self.assertTrue(tables, str(result))
        return tables[0]["error"]["code"]

    # ---- refs

    def test_branches_and_tags_are_those_pyiceberg_sees(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        self.firn("table", "branch", TABLE, "create", "dev", "--at", str(first), "--retain-snapshots", "3")
        self.firn("table", "tag", TABLE, "create", "v1", "--at", str(first), "--retain", "30d")
        made = self.firn("table", "tag", TABLE, "create", "now", "--json").json()
        self.assertEqual(made["tag"]["snapshot_id"], self.ref("main"))
        refs = self.metadata()["refs"]
        self.assertEqual(refs["dev"], {"snapshot-id": first, "type": "branch", "min-snapshots-to-keep": 3})
        self.assertEqual(refs["v1"], {"snapshot-id": first, "type": "tag", "max-ref-age-ms": 30 * 86400000})
        listed = {r["name"]: r["snapshot_id"] for kind in ("branch", "tag")
                  for r in self.firn("table", kind, TABLE, "--json").json()}
        self.assertEqual(listed, {name: ref["snapshot-id"] for name, ref in refs.items()})
        seen = self.reader.ask(engine="refs", catalog=self.project.catalog, warehouse=self.project.path("lake"), table=TABLE)
        self.assertEqual(seen["refs"], listed)
        for name, rows in (("dev", [1]), ("v1", [1]), ("now", [1, 2])):
            got = self.project.sql(f"select id from shop.orders at (version => '{name}') order by id")
            self.assertEqual([row["id"] for row in got], rows)
        self.firn("table", "branch", TABLE, "fast-forward", "dev", "--to", "main")
        self.assertEqual(self.ref("dev"), self.ref("main"))
        self.firn("table", "branch", TABLE, "fast-forward", "main", "--to", "v1", code=2)
        self.firn("table", "branch", TABLE, "create", "dev", code=2)
        self.firn("table", "tag", TABLE, "drop", "v1")
        self.firn("table", "branch", TABLE, "drop", "dev")
        self.firn("table", "branch", TABLE, "drop", "main", code=2)
        self.assertEqual(set(self.metadata()["refs"]), {"main", "now"})

    # ---- rollback, cherry-pick

    def test_a_run_after_a_rollback_reads_again_what_was_removed(self):
        for disposition in ("append", "merge"):
            with self.subTest(disposition):
                self.make(disposition=disposition, folder=disposition)
                for number in (1, 2):
                    self.put(number, f"{disposition} {number}")
                self.project.run()
                first, before = self.ref("main"), self.truth()
                for number in (3, 4):
                    self.put(number, f"{disposition} {number}")
                self.project.run()
                third = self.ref("main")
                self.put(5)
                self.project.run()
                result = self.firn("table", "rollback", TABLE, "--to-snapshot", str(first), "--json").json()
                self.assertEqual(result[0]["snapshot_id"], first)
                self.check(before, "rolled back")
                self.assertEqual(self.project.run().table("orders")["rows"]["read"] > 0, True)
                self.check(self.truth(), "read again")
                self.assertEqual(self.project.run().table("orders")["rows"]["appended"], 0)
                # The snapshot that was rolled back is of another line now.
                self.assertIn("E0914", self.firn("table", "rollback", TABLE, "--to-snapshot", str(third), code=2).err)
                self.put(6)
                self.project.run()
                self.check(self.truth(), "goes on")
                self.orders.rows.clear()

    def test_a_rollback_can_keep_the_position(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        self.firn("table", "rollback", TABLE, "--to-snapshot", str(first), "--position", "keep")
        self.put(3)
        self.project.run()
        self.check([(1, "n"), (3, "n")])

    def test_a_rolled_back_commit_is_picked_again(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        second = self.ref("main")
        self.firn("table", "rollback", TABLE, "--to-snapshot", str(first))
        picked = self.firn("table", "cherry-pick", TABLE, str(second), "--json").json()
        self.assertTrue(picked["fast_forward"])
        self.assertEqual(self.project.run().table("orders")["rows"]["appended"], 0)
        self.check(self.truth(), "nothing is read twice")
        self.assertIn("E0913", self.firn("table", "cherry-pick", TABLE, str(second), code=2).err)

    def test_rows_read_again_are_not_picked_too(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        second = self.ref("main")
        self.firn("table", "rollback", TABLE, "--to-snapshot", str(first))
        self.project.run()
        self.assertIn("E0913", self.firn("table", "cherry-pick", TABLE, str(second), code=2).err)
        self.check(self.truth())

    def foreign(self, change, table=TABLE):
        """Another engine writes a metadata file of its own and swaps the pointer."""
        location = self.project.tables()[table]
        metadata = self.project.metadata(table)
        change(metadata)
        path = os.path.join(os.path.dirname(location.removeprefix("file://")), f"99999-{self.tick}-{time.time_ns()}.metadata.json")
        with open(path, "w") as out:
            json.dump(metadata, out)
        with sqlite3.connect(self.project.catalog) as db:
            db.execute("update iceberg_tables set metadata_location = ? where table_name = ?",
                       ("file://" + path, table.split(".")[1]))

    @staticmethod
    def set_main(metadata, snapshot):
        metadata["refs"]["main"]["snapshot-id"] = metadata["current-snapshot-id"] = snapshot
        metadata["snapshot-log"].append({"snapshot-id": snapshot, "timestamp-ms": metadata["last-updated-ms"]})

    def test_a_rollback_by_another_engine_asks_for_a_decision(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        self.foreign(lambda metadata: self.set_main(metadata, first))
        refused = self.project.run(code=2)
        self.assertEqual(self.code_of(refused), "E0901")
        self.assertIn("--position rewind", refused.out)
        self.check([(1, "n")], "nothing was written")
        self.assertEqual(self.project.firn("state", "accept", "orders").code, 10)
        self.firn("state", "accept", "orders", "--position", "rewind", "--yes")
        self.project.run()
        self.check(self.truth(), "read again")

    def test_the_position_can_be_kept_after_a_foreign_rollback(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        self.foreign(lambda metadata: self.set_main(metadata, first))
        self.firn("state", "accept", "shop.orders", "--position", "keep", "--yes")
        self.put(3)
        self.project.run()
        self.check([(1, "n"), (3, "n")])

    def test_a_foreign_cherry_pick_moves_the_position(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2)
        self.project.run()
        second = self.ref("main")

        def pick(metadata):
            """What Iceberg's cherry-pick makes: the files again, in a snapshot that names its source and has no tokens."""
            self.set_main(metadata, first)
            source = next(s for s in metadata["snapshots"] if s["snapshot-id"] == second)
            metadata["last-sequence-number"] += 1
            metadata["snapshots"].append({**source, "snapshot-id": 77, "parent-snapshot-id": first,
                                          "sequence-number": metadata["last-sequence-number"],
                                          "summary": {"operation": "append", "source-snapshot-id": str(second)}})
            self.set_main(metadata, 77)

        self.foreign(pick)
        self.assertEqual(self.project.run().table("orders")["rows"]["appended"], 0)
        self.put(3)
        self.project.run()
        self.check(self.truth())

    ITEMS = """      items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        records: data
        include: {order_id: parent.id}
        primary_key: [order_id, id]
        write_disposition: merge
        maintenance: off
"""

    @staticmethod
    def stamp(ms):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms / 1000)) + f".{ms % 1000:03d}Z"

    def test_a_time_tears_no_commit_of_parent_and_children(self):
        for apart_ms in (0, 1):  # older versions gave the snapshots of a commit times of their own
            with self.subTest(apart_ms):
                self.orders.rows.clear()
                items = self.api.table("items", key="id", parent="order_id", changed=None, paging="none")
                self.make(more=self.ITEMS, disposition="merge", folder=f"apart-{apart_ms}")
                for number in range(1, 4):
                    self.put(number)
                    items.put({"id": 1, "order_id": number})
                    self.project.run()
                    orders, child = ([s["timestamp-ms"] for s in self.project.metadata(t)["snapshots"]]
                                     for t in (TABLE, "shop.items"))
                    self.assertEqual(orders[-1], child[-1])
                    if number == 2:
                        when = orders[-1]
                        self.foreign(lambda metadata: self.set_time(metadata, when + apart_ms), "shop.items")
                for tables in ((TABLE, "shop.items"), ("shop.items", TABLE)):
                    self.firn("table", "rollback", *tables, "--to-time", self.stamp(when))
                    for table in tables:
                        self.assertEqual(len(self.reader.rows(self.project, table)), 2, table)
                    self.project.run()
                    for table in tables:
                        self.assertEqual(len(self.reader.rows(self.project, table)), 3, table)

    @staticmethod
    def set_time(metadata, ms):
        metadata["snapshots"][-1]["timestamp-ms"] = metadata["snapshot-log"][-1]["timestamp-ms"] = ms
        metadata["last-updated-ms"] = max(metadata["last-updated-ms"], ms)

    def test_parent_and_children_are_rolled_back_together(self):
        items = self.api.table("items", key="id", parent="order_id", changed=None, paging="none")
        self.make(more=self.ITEMS, disposition="merge")
        self.put(1)
        items.put({"id": 1, "order_id": 1})
        self.project.run()
        first = self.ref("main")
        when = max(s["timestamp-ms"] for t in (TABLE, "shop.items") for s in self.project.metadata(t)["snapshots"])
        self.put(2)
        items.put({"id": 1, "order_id": 2})
        self.project.run()
        refused = self.firn("table", "rollback", TABLE, "--to-snapshot", str(first), code=2)
        self.assertIn("E0917", refused.err)
        self.firn("table", "rollback", TABLE, "shop.items", "--to-time", self.stamp(when))
        self.assertEqual(len(self.reader.rows(self.project, "shop.items")), 1)
        self.project.run()
        self.assertEqual(len(self.reader.rows(self.project, "shop.items")), 2)
        self.check(self.truth())

    # ---- audit

    def test_good_loads_are_published_bad_ones_wait(self):
        self.make(self.AUDIT)
        self.put(1)
        result = self.project.run().table("orders")
        self.assertTrue(result["published"])
        self.assertEqual({c["name"]: c["passed"] for c in result["checks"]},
                         {name: True for name in ("not_null(note)", "unique(id)", "accepted_values(state)", "range(total)",
                                                  "row_count", "no_bad")})
        self.check(self.truth(), "published")
        self.assertIsNone(self.ref(BRANCH))
        good = self.truth()
        self.put(2, None)
        self.put(3, "bad", state="lost-value", total=5000)
        failed = self.project.run(code=6)
        self.assertEqual(self.code_of(failed), "E0911")
        table = failed.table("orders")
        self.assertFalse(table["published"])
        self.assertEqual({c["name"]: c.get("bad_rows") for c in table["checks"] if not c["passed"]},
                         {"not_null(note)": 1, "accepted_values(state)": 1, "range(total)": 1, "no_bad": 1})
        self.assertNotIn("lost-value", failed.out + failed.err)
        self.assertIn("firn table publish shop.orders", failed.out)
        self.check(good, "main is unchanged")
        self.assertEqual(self.rows_at_branch(), [1, 2, 3])
        self.assertIn("loads wait on the branch firn_audit", self.firn("plan").out)
        # The next load joins the branch; nothing is read twice, and all of it is judged again.
        self.put(4)
        self.project.run(code=6)
        self.assertEqual(self.rows_at_branch(), [1, 2, 3, 4])
        self.check(good, "main is still unchanged")
        published = self.firn("table", "publish", TABLE, "--json").json()
        self.assertEqual(published[0]["snapshot_id"], self.ref("main"))
        self.assertIsNone(self.ref(BRANCH))
        self.assertNotIn("loads wait", self.firn("plan").out)
        self.assertEqual(self.plain_ids(), [1, 2, 3, 4])
        self.assertIn("E0907", self.firn("table", "publish", TABLE, code=2).err)

    def rows_at_branch(self):
        got = self.project.sql(f"select id from shop.orders at (version => '{BRANCH}') order by id")
        snapshot = self.ref(BRANCH)
        for engine in ("pyiceberg", "duckdb"):
            self.assertEqual(sorted(r["id"] for r in self.reader.rows(self.project, TABLE, engine, snapshot)),
                             [r["id"] for r in got], engine)
        return [row["id"] for row in got]

    def plain_ids(self):
        ids = [sorted(r["id"] for r in self.reader.rows(self.project, TABLE, e)) for e in ("pyiceberg", "duckdb")]
        self.assertEqual(ids[0], ids[1])
        return ids[0]

    def test_a_discarded_load_is_read_again(self):
        for disposition in ("append", "merge", "replace"):
            with self.subTest(disposition):
                self.orders.rows.clear()
                self.make(self.AUDIT, disposition=disposition, folder="d-" + disposition)
                if disposition == "replace":  # of a table that is read whole
                    with open(self.project.path("firn.yaml")) as file:
                        lines = [line for line in file if "incremental:" not in line]
                    self.project.write("".join(lines))
                self.put(1)
                self.project.run()
                self.put(2, "bad")
                self.project.run(code=6)
                self.firn("table", "discard", TABLE)
                self.check([(1, "n")], "discarded")
                self.put(2, "good")
                self.project.run()
                self.check(self.truth(), "read again")

    def test_a_correction_publishes_the_whole_branch(self):
        self.make(self.AUDIT, disposition="merge")
        self.put(1)
        self.put(2, "bad")
        self.project.run(code=6)
        self.assertEqual(self.metadata().get("current-snapshot-id") in (None, -1), True, "main has no snapshot yet")
        self.put(2, "good")
        self.assertTrue(self.project.run().table("orders")["published"])
        self.check(self.truth())

    def test_nobody_else_commits_on_main_meanwhile(self):
        self.make(self.AUDIT)
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(2, "bad")
        self.project.run(code=6)
        direct = self.make(folder="project")  # the same table without `publish: audit`
        self.assertEqual(self.code_of(direct.run(code=2)), "E0916")
        # Another engine does: then the branch cannot be published, and discarding it loses nothing.
        self.make(self.AUDIT)

        def write(metadata):
            source = next(s for s in metadata["snapshots"] if s["snapshot-id"] == first)
            metadata["last-sequence-number"] += 1
            metadata["snapshots"].append({**source, "snapshot-id": 78, "parent-snapshot-id": first,
                                          "sequence-number": metadata["last-sequence-number"],
                                          "summary": {"operation": "append"}})
            self.set_main(metadata, 78)

        self.foreign(write)
        self.assertEqual(self.code_of(self.project.run(code=2)), "E0910")
        self.assertIn("E0910", self.firn("table", "publish", TABLE, code=2).err)
        self.firn("table", "discard", TABLE)
        self.put(2, "good")
        self.project.run()
        self.check(self.truth())

    def test_checks_without_audit_are_reported(self):
        self.make("        checks: [{not_null: note}]\n")
        self.put(1, None)
        table = self.project.run().table("orders")
        self.assertFalse(table["checks"][0]["passed"])
        self.assertTrue([w for w in table["warnings"] if "not_null(note)" in w], table["warnings"])
        self.make("        checks: [{not_null: note, on_failure: fail}]\n")
        self.put(2, "x")
        failed = self.project.run(code=6)
        self.assertEqual(self.code_of(failed), "E0911")
        self.assertIn("the rows are in the table", failed.out)

    def test_history_and_freshness(self):
        self.make("""        publish: audit
        checks:
          - row_count: {change_percent: 50}
          - freshness: {column: updated_at, max_age: 1h}
""")
        now = {"FIRN_NOW": "2025-01-01T00:30:00Z"}
        for number in range(10):
            self.put(number)
        self.project.run(env=now)
        for number in range(10, 16):
            self.put(number)
        self.assertIn("row_count", self.project.run(code=6, env=now).out)
        self.firn("table", "publish", TABLE)
        self.assertIn("freshness(updated_at)", self.project.run(code=6, env={"FIRN_NOW": "2025-01-02T00:00:00Z"}).out)

    def test_children_are_published_with_their_parent(self):
        items = self.api.table("items", key="id", parent="order_id", changed=None, paging="none")
        self.make(self.AUDIT, more="""      items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        records: data
        include: {order_id: parent.id}
        primary_key: [order_id, id]
        publish: audit
        checks: [{range: {column: number, max: 10}}]
        maintenance: off
""", disposition="merge")
        self.put(1)
        items.put({"id": 1, "order_id": 1, "number": 1})
        self.project.run()
        self.put(2)
        items.put({"id": 1, "order_id": 2, "number": 99})
        self.assertEqual(self.code_of(self.project.run(code=6)), "E0911")
        self.check([(1, "n")], "the parent waits too")
        self.firn("table", "discard", "shop.items")
        self.assertIsNone(self.ref(BRANCH), "the parent's branch went with the child's")
        items.put({"id": 1, "order_id": 2, "number": 9})
        self.project.run()
        self.check(self.truth())
        self.assertEqual(len(self.reader.rows(self.project, "shop.items")), 2)

    def test_a_kill_anywhere_publishes_all_or_nothing(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        for disposition in ("append", "merge"):
            self.make(self.AUDIT, disposition=disposition, folder="k-" + disposition)
            self.orders.rows.clear()
            self.put(1)
            self.project.run()
            before = self.truth()
            saved = os.path.join(self.top, "saved-" + disposition)
            shutil.copytree(self.project.folder, saved)
            for number in (2, 3):
                self.put(number)
            hits = self.count_failpoints("run")
            for point in ("audit.before_checks", "audit.before_publish", "refs.before_swap", "refs.after_swap",
                          "audit.after_publish"):
                self.assertIn(point, hits)
            trials = sorted(((point, hit) for point, number in hits.items() for hit in range(1, min(number, 3) + 1)),
                            key=lambda trial: trial[1])
            end, done = time.monotonic() + SECONDS / 2, 0
            for point, hit in trials:
                if time.monotonic() > end and done >= min(len(hits), 10):
                    break
                self.replace(saved)
                what = f"{disposition}, {point}@{hit}"
                killed = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill@{hit}"})
                self.assertEqual(killed.code, -9, f"{what}: {killed}")
                self.assertIn(self.rows_at(None), (before, self.truth()), what)
                self.project.run()
                self.check(self.truth(), what)
                self.assertIsNone(self.ref(BRANCH), what)
                done += 1
            print(f"{disposition}: {done} of {len(trials)} kills, {len(hits)} failpoints")
            self.assertGreaterEqual(done, min(len(hits), 10))

    # ---- diff

    def test_diff_counts_and_shows_rows(self):
        self.make(disposition="merge")
        for number in range(1, 6):
            self.put(number, f"a{number}")
        self.project.run()
        first = self.ref("main")
        self.put(2, "b2")
        self.put(6, "b6")
        self.project.run()
        counts = self.firn("diff", TABLE, str(first), "main", "--json").json()
        self.assertEqual([counts[k] for k in ("added", "removed", "changed", "by_key")], [1, 0, 1, ["id"]])
        self.assertIn("1 added, 0 removed, 1 changed", self.firn("diff", TABLE, str(first)).out)
        rows = self.firn("diff", TABLE, str(first), "--rows", "--json").json()
        self.assertEqual([(r["_change"], r["id"], r["note"]) for r in rows],
                         [("before", 2, "a2"), ("after", 2, "b2"), ("added", 6, "b6")])
        back = self.firn("diff", TABLE, "main", str(first), "--json").json()
        self.assertEqual([back[k] for k in ("added", "removed", "changed")], [0, 1, 1])
        # Compaction moves every row and changes none.
        second = self.ref("main")
        self.firn("table", "maintain", TABLE, "--compact")
        same = self.firn("diff", TABLE, str(second), "main", "--json").json()
        self.assertEqual([same[k] for k in ("added", "removed", "changed")], [0, 0, 0])
        itself = self.firn("diff", TABLE, "main", "main", "--json").json()
        self.assertEqual(itself["files_read"], 0)
        self.assertIn("E0706", self.firn("diff", TABLE, "nothing", code=2).err)

    def test_diff_without_a_key_compares_whole_rows(self):
        self.make()
        self.put(1)
        self.project.run()
        first = self.ref("main")
        self.put(1, "again")
        self.put(2)
        self.project.run()
        counts = self.firn("diff", TABLE, str(first), "main", "--json").json()
        self.assertEqual([counts[k] for k in ("added", "removed", "changed", "files_shared")], [2, 0, None, 1])
        keyed = self.firn("diff", TABLE, str(first), "main", "--key", "id", "--json").json()
        self.assertEqual((keyed["by_key"], keyed["added"]), (["id"], 2))  # row 1 is in a file that is not read
        self.firn("diff", TABLE, "main", "--key", "nothing", code=2)


if __name__ == "__main__":
    unittest.main()
