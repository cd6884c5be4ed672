"""Commits that are applied when nobody expects them any more, answers that end anywhere, and storms of conflicts: nothing is lost,
doubled or unreadable. `--seconds N`: how late (0: the next commit is tried first; the long proof waits 60 s)."""

import argparse
import os
import signal
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402
from faults_test import EMPTY, project_text  # noqa: E402
from faulty_proxy import CUTS, FaultyProxy  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, wait_until  # noqa: E402
from support.table_reader import TableReader, readers_python  # noqa: E402

SECONDS = 0


class Late(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lake = FirnProject(EMPTY)
        cls.served = FirnServer(cls.lake).__enter__()
        cls.reader = TableReader() if readers_python() else None

    @classmethod
    def tearDownClass(cls):
        cls.served.__exit__()
        cls.lake.__exit__()
        if cls.reader:
            cls.reader.close()

    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders")
        self.number = 0
        self.table = self.id().rpartition(".")[2]

    def add(self, count):
        for _ in range(count):
            at = f"2025-01-01T00:{self.number // 60:02d}:{self.number % 60:02d}Z"
            self.orders.put({"id": self.number, "updated_at": at})
            self.number += 1

    def check(self, what=""):
        """Every row once, for firn and for other readers: these also see whether every file is there."""
        expected = list(range(self.number))
        rows = self.lake.sql(f"select id from shop.{self.table} order by id")
        self.assertEqual([row["id"] for row in rows], expected, what)
        for engine in ("pyiceberg", "duckdb") if self.reader else ():
            ids = sorted(row["id"] for row in self.reader.rows(self.lake, f"shop.{self.table}", engine))
            self.assertEqual(ids, expected, f"{what}, {engine}")

    def settle(self, project, what):
        """Runs until one ends well: each finds out what the one before left."""
        codes = []
        for _ in range(6):
            result = project.firn("run", "--json")
            codes.append(result.code)
            if result.code == 0:
                return self.check(what)
        self.fail(f"{what}: {codes}\n{result}")

    def begin(self, plan, hide=False):
        """A table with a commit, and a project whose next commits meet `plan`."""
        proxy = FaultyProxy(self.served.url, [], hide)
        proxy.__enter__()
        self.addCleanup(proxy.__exit__)
        project = FirnProject(project_text(proxy.url, self.api.url, self.table))
        self.addCleanup(project.__exit__)
        self.add(10)
        project.run()
        self.add(5)
        proxy.plan = list(plan)
        return proxy, project

    def applied_late(self, plan, hide):
        proxy, project = self.begin(plan, hide)
        project.firn("run", "--json")
        time.sleep(SECONDS)
        proxy.release()
        self.settle(project, f"{plan}, keys hidden: {hide}, late answers {proxy.late}")
        self.add(1)
        self.settle(project, "later")
        self.assertGreater(len(proxy.late), 0, "nothing was late")

    def test_applied_after_the_run_tried_again(self):
        self.applied_late(["hold"], hide=False)

    def test_applied_after_the_run_tried_again_without_keys(self):
        self.applied_late(["hold"], hide=True)

    def test_two_late_ones(self):
        self.applied_late(["hold", "hold"], hide=True)

    def killed_with_its_commit_under_way(self, then):
        """The run dies while the server has not applied its commit. `then`(proxy, project): what happens next."""
        proxy, project = self.begin(["silent"])
        dying = project.start("run")
        wait_until(lambda: proxy.held, "the commit that is held")
        dying.send_signal(signal.SIGKILL)
        dying.wait(30)
        time.sleep(SECONDS)
        then(proxy, project)
        proxy.release()
        self.settle(project, "after a death")
        self.assertEqual(len(proxy.late), 1)
        self.add(1)
        self.settle(project, "later")
        return proxy

    def test_a_dead_runs_commit_lands_before_the_next_run(self):
        proxy = self.killed_with_its_commit_under_way(lambda proxy, project: proxy.release())
        self.assertEqual(proxy.late[0][0], 200)

    def test_a_dead_runs_commit_lands_under_the_next_run(self):
        # The next run looks for litter first, and its own commit comes second: the files of the dead run must be there.
        proxy = self.killed_with_its_commit_under_way(lambda proxy, project: project.firn("run", "--json"))
        self.assertEqual(proxy.late[0][0], 200)

    def test_a_dead_runs_commit_lands_after_the_next_run(self):
        def settled(proxy, project):
            direct = project_text(self.served.url, self.api.url, self.table)
            through = project_text(proxy.url, self.api.url, self.table)
            project.write(direct)
            self.settle(project, "past the proxy")
            project.write(through)

        proxy = self.killed_with_its_commit_under_way(settled)
        self.assertEqual(proxy.late[0][0], 409, proxy.late)

    def test_maintenance_does_not_take_what_is_under_way(self):
        def maintain(proxy, project):
            result = project.firn("table", "maintain", f"shop.{self.table}")
            self.assertEqual(result.code, 0, str(result))

        self.killed_with_its_commit_under_way(maintain)

    def test_in_doubt_to_the_end_keeps_every_file(self):
        proxy, project = self.begin(["hold"], hide=True)
        proxy.down_after_hold = True
        doubtful = project.firn("run", "--json", timeout=180)
        self.assertEqual(doubtful.table(self.table)["error"]["code"], "E0906", str(doubtful))
        proxy.down_after_hold = False
        maintained = project.firn("table", "maintain", f"shop.{self.table}")
        self.assertEqual(maintained.code, 0, str(maintained))
        proxy.release()
        self.assertEqual(proxy.late[0][0], 200, proxy.late)
        self.check("what was in doubt")
        self.settle(project, "the next run")

    def test_an_answer_may_end_anywhere(self):
        for hide in (False, True):
            for place in CUTS:
                with self.subTest(place=place, keys=not hide):
                    self.orders.rows.clear()
                    self.number = 0
                    self.table = f"cut_{place}_{int(hide)}"
                    proxy, project = self.begin([f"cut:{place}"], hide)
                    self.settle(project, place)
                    self.assertFalse(proxy.plan)

    def test_a_storm_of_conflicts_ends(self):
        for length in (3, 40):
            with self.subTest(length):
                self.orders.rows.clear()
                self.number = 0
                self.table = f"storm{length}"
                proxy, project = self.begin(["conflict"] * length)
                first = project.firn("run", "--json", timeout=120)
                self.assertIn(first.code, (0, 5), str(first))
                self.assertEqual(first.code == 0, length == 3, str(first))
                proxy.plan = []
                self.settle(project, "after the storm")

    @unittest.skipUnless(has_failpoints(), "the binary has no failpoints")
    def test_a_zombie_whose_commit_is_held(self):
        proxy, project = self.begin(["hold"], hide=True)
        zombie = project.start("run", env={"FIRN_FAILPOINTS": "commit.after_swap=stop"})
        wait_until(lambda: proxy.held, "the commit that is held")
        other = project.firn("run", "--json", "--set", "state=./other-state")  # as on another machine
        self.assertIn(other.code, (0, 1, 5), str(other))
        zombie.send_signal(signal.SIGCONT)
        zombie.wait(60)
        proxy.release()
        self.settle(project, "after a zombie")


if __name__ == "__main__":
    binary()
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0)
    chosen, rest = parser.parse_known_args()
    SECONDS = chosen.seconds
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
