"""Tables of Iceberg format version 3, written by the binary and read by others; see README.md."""

import os
import shutil
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), os.path.join(os.path.dirname(HERE), "catalog")]
from catalog_service import FirnServer, ReferenceServer, toolbox  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject, has_failpoints  # noqa: E402
from support.failpoint_walks import check_walk  # noqa: E402
from support.orders_case import SECONDS, TABLE, OrdersCase, failpoint_hits, orders_project  # noqa: E402

TOOLBOX = os.environ.get("FIRN_TOOLBOX", os.path.join(os.path.dirname(REPOSITORY), "shared", "toolbox"))
# Faults of their own with deletion vectors: they open the Puffin file as Parquet, or do not know it.
CANNOT_READ_VECTORS = ("daft", "chdb")


class FormatVersion(OrdersCase):
    def setUp(self):
        super().setUp()
        self.make("        format_version: 3\n")

    def text(self, version, disposition="merge", lake="{warehouse: ./lake}"):
        return orders_project(self.api.url, disposition, f"        format_version: {version}\n" if version else "", lake=lake)

    def judge(self, what):
        """The toolbox's linter and every reader it has."""
        python = os.path.expanduser("~/.cache/firn-toolbox/venv/bin/python")
        if not os.path.exists(os.path.join(TOOLBOX, "iceberg-lint")) or not os.path.exists(python):
            print(f"SKIPPED in part, {what}: iceberg-lint and compare-readers are not here", flush=True)
            return
        location = self.project.tables()[TABLE].removeprefix("file://")
        lint = subprocess.run([os.path.join(TOOLBOX, "iceberg-lint"), location], capture_output=True, text=True, timeout=300)
        self.assertEqual(lint.returncode, 0, f"{what}: {lint.stdout[-3000:]}{lint.stderr[-2000:]}")
        print(f"SKIPPED by name, {what}: {', '.join(CANNOT_READ_VECTORS)} cannot read deletion vectors", flush=True)
        compared = subprocess.run([os.path.join(TOOLBOX, "compare-readers"), location, "--engines", "duckdb,pyiceberg,rust,polars",
                                   "--require", "duckdb,pyiceberg"], capture_output=True, text=True, timeout=300)
        self.assertEqual(compared.returncode, 0, f"{what}: {compared.stdout[-3000:]}{compared.stderr[-2000:]}")

    def delete_files(self):
        folder = os.path.dirname(os.path.dirname(self.project.tables()[TABLE].removeprefix("file://")))
        names = [name for _, _, names in os.walk(os.path.join(folder, "data")) for name in names]
        return ([n for n in names if n.endswith("-deletes.parquet")], [n for n in names if n.endswith(".puffin")])

    def check_row_ids(self):
        """Each snapshot of version 3 goes on where the one before ended."""
        metadata = self.project.metadata(TABLE)
        self.assertEqual(metadata["format-version"], 3)
        following = 0
        for snapshot in metadata["snapshots"]:
            if "first-row-id" not in snapshot:
                continue
            self.assertEqual(snapshot["first-row-id"], following)
            following += snapshot["added-rows"]
        self.assertEqual(metadata["next-row-id"], following)

    def test_appends(self):
        self.project.write(self.text(3, "append"))
        for run in range(3):
            for i in range(5):
                self.put(run * 5 + i, f"run {run}")
            self.project.run()
        self.check_row_ids()
        self.assertEqual(self.project.metadata(TABLE)["next-row-id"], 15)
        self.check("appends")
        self.judge("appends")

    def test_merges_write_deletion_vectors(self):
        self.load(5)
        self.check_row_ids()
        files, vectors = self.delete_files()
        self.assertEqual(files, [])
        self.assertGreater(len(vectors), 0)
        self.check("merges")
        self.judge("merges")
        self.assertEqual(self.project.sql("select count(*) as n from shop.orders")[0]["n"], len(self.truth()))
        done = self.project.firn("table", "maintain", TABLE, "--json")
        self.assertEqual(done.code, 0, str(done))
        self.assertEqual(done.json()[0]["after"]["delete_files"], 0)
        self.check("maintained")
        self.judge("maintained")
        self.load(2, first=5)
        self.check("merged after maintenance")
        self.judge("merged after maintenance")

    def test_an_upgrade_by_configuration_and_no_way_back(self):
        self.project.write(self.text(2))
        self.load(3)
        self.assertEqual(self.project.metadata(TABLE)["format-version"], 2)
        self.assertGreater(len(self.delete_files()[0]), 0)
        self.project.write(self.text(3))
        self.assertIn("upgrades the table from format version 2 to 3", self.project.firn("plan").out)
        self.load(2, first=3)
        self.check_row_ids()
        self.assertGreater(len(self.delete_files()[1]), 0)
        self.check("upgraded")
        self.judge("upgraded")
        self.project.write(self.text(2))
        self.put(1, "never")
        refused = self.project.firn("run")
        self.assertNotEqual(refused.code, 0, str(refused))
        self.assertIn("E0822", refused.err + refused.out)
        self.assertEqual(self.project.metadata(TABLE)["format-version"], 3)
        self.project.write(self.text(None))  # says nothing: the table stays what it is
        self.project.run()
        self.assertEqual(self.project.metadata(TABLE)["format-version"], 3)
        self.check("without the setting")

    def through(self, url):
        self.project.write(self.text(3, lake=f'{{warehouse: ./own, catalog: {{type: rest, uri: "{url}"}}}}'))
        self.load(3)
        rows = self.project.sql("select id, note from shop.orders")
        self.assertEqual(sorted((row["id"], row["note"]) for row in rows), self.truth())

    def test_through_our_rest_catalog(self):
        with FirnProject("lake: {warehouse: ./lake}\n") as served, FirnServer(served) as server:
            self.through(server.url)
            metadata = served.metadata(TABLE)
            self.assertEqual(metadata["format-version"], 3)
            self.assertGreaterEqual(metadata["next-row-id"], 36)

    def test_through_the_reference_rest_catalog(self):
        if toolbox() is None:
            self.skipTest("SKIPPED: the Java reference server is not here")
        with ReferenceServer(os.path.join(self.top, "reference")) as server:
            self.through(server.url)

    def test_a_kill_anywhere_in_an_upgrading_merge(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        self.project.write(self.text(2))
        self.load(3)
        self.project.write(self.text(3))
        for i in range(10):
            self.put(i * 3, "changed")
        self.put(900, "new")
        saved = os.path.join(self.top, "saved")
        shutil.copytree(self.project.folder, saved)
        log = os.path.join(self.top, "hits")
        self.project.run(env={"FIRN_FAILPOINTS": "*=count", "FIRN_FAILPOINTS_LOG": log})
        # And a merge into what is version 3 by then: row ids are carried.
        upgraded = os.path.join(self.top, "upgraded")
        shutil.copytree(self.project.folder, upgraded)
        done = 0
        end = time.monotonic() + SECONDS
        for folder, must in ((saved, "delete.after_close"), (upgraded, "merge.write_row_ids")):
            if folder == upgraded:
                for i in range(10):
                    self.put(i * 3, "changed again")
                self.replace(upgraded)
                log = os.path.join(self.top, "hits again")
                self.project.run(env={"FIRN_FAILPOINTS": "*=count", "FIRN_FAILPOINTS_LOG": log})
            hits = failpoint_hits(log)
            self.assertIn(must, hits)
            done_before = done
            check_walk(f"format version, {os.path.basename(folder)}", hits)
            for point in sorted(hits):
                if time.monotonic() > end and done - done_before > 5:
                    break
                self.replace(folder)
                killed = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill@{hits[point]}"})
                self.assertEqual(killed.code, -9, f"{point}: {killed}")
                self.project.run()
                self.check(point)
                self.check_row_ids()
                done += 1
        print(f"{done} kills", flush=True)
        self.assertGreater(done, 10)


if __name__ == "__main__":
    unittest.main()
