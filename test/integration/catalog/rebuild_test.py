"""`firn catalog rebuild`: a catalog that was lost, one that is older than its tables, leftovers, renamed and remade tables."""

import glob
import json
import os
import shutil
import sqlite3
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402, F401  (puts test/ on the path)
from support.firn_project import FirnProject, binary  # noqa: E402

EMPTY = "lake: {warehouse: ./lake}\n"


class RebuildTest(unittest.TestCase):
    def setUp(self):
        self.project = FirnProject(EMPTY)
        self.addCleanup(self.project.__exit__)

    def copy(self, table, *ids):
        done = self.project.firn("copy", "-", table, input="".join(f'{{"id": {i}}}\n' for i in ids))
        self.assertEqual(done.code, 0, str(done))

    def rebuild(self, *arguments):
        done = self.project.firn("catalog", "rebuild", "--json", *arguments)
        self.assertEqual(done.code, 0, str(done))
        return {step["table"]: step for step in done.json()["steps"]}

    def rows(self, table):
        return [row["id"] for row in self.project.sql(f"SELECT id FROM {table} ORDER BY id")]

    def lose_catalog(self):
        for path in glob.glob(self.project.catalog + "*"):
            os.remove(path)

    def test_a_lost_catalog_is_made_again(self):
        self.copy("shop.orders", 1, 2)
        self.copy("shop.orders", 3, 4)
        self.copy("crm.people", 5)
        before = self.project.tables()
        self.lose_catalog()
        planned = self.rebuild()
        self.assertEqual({name: step["action"] for name, step in planned.items()}, {"shop.orders": "register", "crm.people": "register"})
        self.assertFalse(os.path.exists(self.project.catalog))  # a dry run makes nothing
        self.rebuild("--yes")
        self.assertEqual(self.project.tables(), before)
        self.assertEqual(self.rows("shop.orders"), [3, 4])
        self.assertEqual({step["action"] for step in self.rebuild("--yes").values()}, {"keep"})
        self.copy("shop.orders", 6)
        self.assertEqual(self.rows("shop.orders"), [6])

    def test_an_older_catalog_is_brought_up_and_a_newer_one_never_back(self):
        self.copy("shop.orders", 1)
        backup = self.project.path("backup.db")
        with sqlite3.connect(self.project.catalog) as source, sqlite3.connect(backup) as target:
            source.backup(target)
        self.copy("shop.orders", 2)
        newest = self.project.tables()
        self.lose_catalog()
        shutil.copy(backup, self.project.catalog)
        self.assertEqual(self.rebuild()["shop.orders"]["action"], "advance")
        self.rebuild("--yes")
        self.assertEqual(self.project.tables(), newest)
        # A file that only looks newer: it does not follow from what the catalog has.
        with open(newest["shop.orders"].removeprefix("file://")) as file:
            stray = json.load(file)
        stray["last-updated-ms"] += 10_000_000
        stray["metadata-log"] = []
        with open(self.project.path("lake", "shop", "orders", "metadata", "99999-stray.metadata.json"), "w") as file:
            json.dump(stray, file)
        step = self.rebuild("--yes")["shop.orders"]
        self.assertEqual(step["action"], "keep", step)
        self.assertEqual(self.project.tables(), newest)

    def test_leftovers_of_dead_commits_and_rubbish_are_passed_over(self):
        self.copy("shop.orders", 1)
        current = self.project.tables()["shop.orders"]
        metadata = self.project.path("lake", "shop", "orders", "metadata")
        with open(current.removeprefix("file://")) as file:
            dead = json.load(file)
        dead["last-updated-ms"] += 1000
        for snapshot in dead["snapshots"]:
            snapshot["manifest-list"] += ".collected"
        with open(os.path.join(metadata, "00009-dead.metadata.json"), "w") as file:
            json.dump(dead, file)
        for name, text in (("00010-torn.metadata.json", '{"format-version": 2, "tab'), ("00011-empty.metadata.json", "")):
            with open(os.path.join(metadata, name), "w") as file:
                file.write(text)
        self.lose_catalog()
        step = self.rebuild("--yes")["shop.orders"]
        self.assertEqual(step["metadata_location"], current, step)
        self.assertIn("manifest list is missing", step["why"])
        self.assertIn("cannot be read", step["why"])
        self.assertEqual(self.rows("shop.orders"), [1])

    def test_of_two_tables_in_one_folder_the_later_one(self):
        self.copy("shop.orders", 1)
        self.copy("shop.orders", 2)
        with sqlite3.connect(self.project.catalog) as catalog:
            catalog.execute("DELETE FROM iceberg_tables")
        self.copy("shop.orders", 3)
        current = self.project.tables()
        self.lose_catalog()
        step = self.rebuild("--yes")["shop.orders"]
        self.assertIn("dropped and made again", step["why"])
        self.assertEqual(self.project.tables(), current)
        self.assertEqual(self.rows("shop.orders"), [3])

    def test_a_renamed_table_is_not_entered_twice(self):
        self.copy("shop.orders", 1)
        with sqlite3.connect(self.project.catalog) as catalog:
            catalog.execute("UPDATE iceberg_tables SET table_name = 'renamed'")
        self.assertEqual({name: step["action"] for name, step in self.rebuild("--yes").items()}, {"shop.renamed": "keep"})


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
