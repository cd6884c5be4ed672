"""Merges by the key index in whole runs: whatever happens to the index, the table equals the source."""

import fcntl
import glob
import json
import os
import random
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.comparator import compare  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

SEED = int(os.environ.get("FIRN_TEST_SEED", "1"))
INDEXED = {"FIRN_KEY_INDEX_RECORDS_MIN": "1"}
PROJECT = """version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{url}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
        primary_key: [id, region]
        delete_when: "{{{{ record.deleted }}}}"
"""


def at(second):
    return f"2025-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


class KeyIndexTest(ReaderCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders", key="key", page_size=17)
        self.second = 0
        self.project = FirnProject(PROJECT.format(url=self.api.url), env=INDEXED)
        self.addCleanup(self.project.__exit__)

    def change(self, count, keys=60):
        for _ in range(count):
            self.second += 1
            number, region = self.random.randrange(keys), self.random.choice(["n", "s"])
            self.orders.put({"key": f"{number}-{region}", "id": number, "region": region, "updated_at": at(self.second),
                             "value": self.random.randrange(10**6), "deleted": self.random.random() < 0.15})

    def check(self):
        texts = [text for row, text in self.orders.rows if not row["deleted"]]
        for engine in ("pyiceberg", "duckdb"):
            read = self.reader.read(self.project, "shop.orders", engine)
            differences, _ = compare(texts, read["rows"], read["schema"], ("key",),
                                     extra=("_firn_loaded_at", "_firn_run_id"), engine=engine)
            self.assertEqual(differences, [], f"by {engine}, seed {SEED}")

    def by_index(self, result):
        """Whether the run's merge found its rows by the index; None if the log does not say."""
        with open(self.project.path(".firn", "runs", result.json()["run_id"], "log.jsonl")) as log:
            found = [json.loads(line) for line in log if "live rows found" in line]
        return found[-1].get("by_index", found[-1].get("fields", {}).get("by_index")) if found else None

    def folder(self):
        folders = glob.glob(self.project.path(".firn", "index", "*"))
        self.assertLessEqual(len(folders), 1)
        return folders[0] if folders else None

    def begin(self):
        self.change(80)
        self.project.run()
        self.assertIsNone(self.folder(), "the first load of a table needs no index")
        self.change(20)
        self.assertTrue(self.by_index(self.project.run()))
        self.assertTrue(os.path.exists(os.path.join(self.folder(), "index.state")))
        self.check()

    def test_a_small_table_has_no_index(self):
        self.change(30)
        self.project.run()
        self.change(10)
        self.assertFalse(self.by_index(self.project.run(env={"FIRN_KEY_INDEX_RECORDS_MIN": "1000000"})))
        self.assertIsNone(self.folder())
        self.check()

    def test_what_happens_to_the_index_is_harmless(self):
        self.begin()
        for round_ in range(8):
            with self.subTest(round_):
                what = ("nothing", "removed", "damaged", "busy")[round_ % 4]
                lock = None
                if what == "removed":
                    shutil.rmtree(self.folder())
                elif what == "damaged":
                    self.damage()
                elif what == "busy":
                    lock = open(os.path.join(self.folder(), "lock"), "a")
                    fcntl.flock(lock, fcntl.LOCK_EX)
                self.change(self.random.randrange(1, 40))
                used = self.by_index(self.project.run())
                if lock is not None:
                    lock.close()
                self.assertEqual(used, what != "busy", what)
                self.check()

    def damage(self):
        path = os.path.join(self.folder(), "index.state")
        with open(path, "r+b") as file:
            position = self.random.randrange(os.path.getsize(path))
            file.seek(position)
            byte = file.read(1)[0]
            file.seek(position)
            file.write(bytes([byte ^ 0x40]))

    def test_another_key_makes_another_index(self):
        self.begin()
        with open(self.project.path("firn.yaml")) as file:
            text = file.read()
        self.project.write(text.replace("primary_key: [id, region]", "primary_key: key"))
        self.change(20)
        self.project.run("--full-refresh")
        self.change(20)
        self.assertTrue(self.by_index(self.project.run()))
        self.check()

    def test_a_full_disk_of_the_index_costs_only_a_scan(self):
        self.begin()
        folder = self.folder()
        shutil.rmtree(folder)
        with open(folder, "w"):  # a file where the folder must be: nothing can be written
            pass
        self.change(20)
        self.assertFalse(self.by_index(self.project.run()))
        self.check()

    def test_killed_anywhere_around_the_commit(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        self.begin()
        for name in ("merge.index_stage", "run.committed", "merge.index_publish", "key_index.before_state",
                     "key_index.after_state"):
            with self.subTest(name):
                self.change(20)
                killed = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{name}=kill"})
                self.assertEqual(killed.code, -9, str(killed))
                self.change(20)
                self.assertTrue(self.by_index(self.project.run()))
                self.check()


if __name__ == "__main__":
    binary()
    print(f"seed {SEED}", flush=True)
    unittest.main()
