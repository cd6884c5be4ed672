"""`firn table maintain`: kills at every failpoint, readers, orphans; see README.md."""

import os
import shutil
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE))]
from support.failpoint_walks import check_walk  # noqa: E402
from support.firn_project import has_failpoints  # noqa: E402
from support.orders_case import SECONDS, TABLE, OrdersCase  # noqa: E402


class Maintenance(OrdersCase):
    def setUp(self):
        super().setUp()
        self.make()

    def maintain(self, *arguments, **options):
        result = self.project.firn("table", "maintain", TABLE, "--json", *arguments, **options)
        self.assertEqual(result.code, 0, str(result))
        return result.json()[0]

    def make_old(self):
        before = time.time() - 100 * 3600
        for file in self.project.files("lake"):
            if not file.endswith((".db", ".db-wal", ".db-shm")):
                os.utime(file, (before, before))

    def test_compacts_what_merges_left(self):
        self.load(7, step=10)
        dry = self.maintain("--dry-run")
        self.assertGreater(dry["groups_planned"], 0)
        self.assertEqual(dry["before"], dry["after"])
        report = self.maintain()
        self.assertGreater(report["before"]["delete_files"], 0)
        self.assertEqual((report["after"]["data_files"], report["after"]["delete_files"]), (1, 0))
        self.check("after maintenance")
        self.assertEqual(self.project.sql("select count(*) as n from shop.orders")[0]["n"], len(self.truth()))
        operations = [s["summary"]["operation"] for s in self.project.metadata(TABLE)["snapshots"]]
        self.assertIn("replace", operations)
        # The position survived: nothing is read twice, what is new is merged.
        self.assertEqual(self.project.run().table("orders")["rows"]["read"], 0)
        self.put(5, "later")
        self.put(500, "new")
        self.project.run()
        self.check("after the next run")

    def test_a_load_maintains_by_itself(self):
        self.make(maintenance="auto", folder="automatic")
        compacted = 0
        for run in range(14):
            for i in range(12):
                self.put(run * 10 + i, f"run {run}")
            result = self.project.run().json()
            self.assertEqual(result["tables"][0]["warnings"], [])
            compacted += result["tables"][0]["files_compacted"]
        self.check("after loads that maintain")
        self.assertGreater(compacted, 0)
        self.assertLess(compacted, 14 * 4, "every row is rewritten a few times at most")
        report = self.maintain("--dry-run")
        self.assertLess(report["before"]["data_files"], 8, report)

    def test_expiry_keeps_what_was_asked_for(self):
        self.load(4, step=10)
        report = self.maintain("--expire", "--retain", "2")
        self.assertEqual((report["before"]["snapshots"], report["after"]["snapshots"], report["snapshots_expired"]), (4, 2, 2))
        self.assertGreater(report["expired_files_removed"], 0)
        self.check("after expiry")
        self.assertEqual(self.project.run().table("orders")["rows"]["read"], 0)
        self.assertEqual(self.project.firn("table", "maintain", TABLE, "--expire", "--retain", "0").code, 2)

    def test_orphans_are_listed_and_removed_on_demand(self):
        self.load(2, step=10)
        folder = os.path.dirname(os.path.dirname(self.project.tables()[TABLE].removeprefix("file://")))
        lost = os.path.join(folder, "data", "lost.parquet")
        with open(lost, "w") as file:
            file.write("x")
        self.assertEqual(self.maintain("--orphans", "--yes")["orphans"], [], "young files stay")
        self.make_old()
        listed = self.maintain("--orphans")
        self.assertEqual([os.path.basename(o) for o in listed["orphans"]], ["lost.parquet"])
        self.assertTrue(os.path.exists(lost))
        self.assertTrue(self.maintain("--orphans", "--yes")["orphans_removed"])
        self.assertFalse(os.path.exists(lost))
        self.check("after the removal")

    def test_a_kill_between_orphans_removes_the_others_next_time(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        self.load(2, step=10)
        folder = os.path.dirname(os.path.dirname(self.project.tables()[TABLE].removeprefix("file://")))
        lost = [os.path.join(folder, "data", f"lost{n}.parquet") for n in range(3)]
        for path in lost:
            with open(path, "w") as file:
                file.write("x")
        self.make_old()
        killed = self.project.firn("table", "maintain", TABLE, "--orphans", "--yes",
                                   env={"FIRN_FAILPOINTS": "maintain.remove_orphan=kill@2"})
        self.assertEqual(killed.code, -9, killed)
        self.assertEqual(sum(map(os.path.exists, lost)), 2, "one was removed")
        self.check("after the kill")
        listed = self.maintain("--orphans")["orphans"]
        self.assertEqual(sorted(map(os.path.basename, listed)), sorted(os.path.basename(p) for p in lost if os.path.exists(p)))
        self.maintain("--orphans", "--yes")
        self.assertFalse(any(map(os.path.exists, lost)))
        self.check("after all were removed")

    def test_a_kill_around_the_commit_of_statistics(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        self.make(settings="        statistics: ndv\n", folder="statistics")
        self.load(2, step=10)
        for number, point in enumerate(("statistics.before_commit", "statistics.committed")):
            for i in range(5):
                self.put(700 + 10 * number + i, point)
            killed = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
            self.assertEqual(killed.code, -9, f"{point}: {killed}")
            self.check(point)
            self.check_statistics(point, must=point == "statistics.committed")
            self.put(800 + number, "later")
            self.project.run()
            self.check(f"{point}, the next run")
            self.check_statistics(f"{point}, the next run", must=True)
            self.make_old()
            litter = [o for o in self.maintain("--orphans", "--yes")["orphans"] if not o.endswith(".metadata.json")]
            self.assertTrue(all(o.endswith(".stats") for o in litter), litter)
            self.check(f"{point}, cleaned")
            self.check_statistics(f"{point}, cleaned", must=True)

    def check_statistics(self, what, must):
        """Statistics are of snapshots there are, in files there are; with `must` of the current one."""
        metadata = self.metadata()
        snapshots = {snapshot["snapshot-id"] for snapshot in metadata["snapshots"]}
        of = {statistics["snapshot-id"]: statistics["statistics-path"] for statistics in metadata.get("statistics", [])}
        self.assertLessEqual(set(of), snapshots, what)
        for path in of.values():
            self.assertTrue(os.path.exists(path.removeprefix("file://")), f"{what}: {path}")
        if must:
            self.assertIn(metadata["current-snapshot-id"], of, what)

    def test_a_kill_anywhere_leaves_the_rows_and_no_litter(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        self.load(7, step=10)
        saved = os.path.join(self.top, "saved")
        shutil.copytree(self.project.folder, saved)
        hits = self.count_failpoints("table", "maintain", TABLE, "--retain", "2")
        for point in ("maintain.group_written", "maintain.committed", "expire.after_swap"):
            self.assertIn(point, hits)
        check_walk("maintenance", hits)
        trials = [(point, hit) for point, number in sorted(hits.items()) for hit in range(1, number + 1)]
        trials.sort(key=lambda trial: trial[1])  # each failpoint once before any twice
        end, done = time.monotonic() + SECONDS, 0
        for point, hit in trials:
            if time.monotonic() > end and done >= min(len(hits), 10):
                break
            self.replace(saved)
            what = f"{point}@{hit}"
            killed = self.project.firn("table", "maintain", TABLE, "--retain", "2",
                                       env={"FIRN_FAILPOINTS": f"{point}=kill@{hit}"})
            self.assertEqual(killed.code, -9, f"{what}: {killed}")
            self.check(what)
            self.make_old()
            self.project.run()
            self.assertEqual(self.maintain()["after"]["delete_files"], 0, what)
            self.check(f"{what}, maintained again")
            self.make_old()
            # Metadata files of attempts that were never current may be left; all else is collected.
            litter = [o for o in self.maintain("--orphans")["orphans"] if not o.endswith(".metadata.json")]
            self.assertEqual(litter, [], what)
            done += 1
        print(f"{done} of {len(trials)} kills, {len(hits)} failpoints")
        self.assertGreaterEqual(done, min(len(hits), 10))


if __name__ == "__main__":
    unittest.main()
