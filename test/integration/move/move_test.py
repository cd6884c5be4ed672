"""`firn lake relocate`, `firn backup`, `firn restore`; see README.md."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject, has_failpoints, tables_of  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

ENGINES = ("pyiceberg", "duckdb")
TOOLBOX = os.environ.get("FIRN_TOOLBOX", os.path.join(os.path.dirname(REPOSITORY), "shared", "toolbox"))


def at(second):
    return f"2025-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


class MoveTest(ReaderCase):
    def setUp(self):
        self.api = FakeApi().__enter__()
        self.addCleanup(self.api.__exit__)
        self.tables = {name: self.api.table(name) for name in ("orders", "vectors", "events")}
        self.project = FirnProject(self.text())
        self.addCleanup(self.project.__exit__)

    def text(self, lake="./lake", state=".firn"):
        def table(name, more):
            return f"""      {name}:
        path: /v1/{name}
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since}}
        raw: off
        maintenance: off
{more}"""
        merge = "        write_disposition: merge\n        primary_key: id\n"
        return f"""version: 1
lake: {{warehouse: {lake}}}
state: {state}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    tables:
""" + table("orders", merge + "        partition_by: [\"bucket(2, id)\"]\n        statistics: ndv\n") + \
            table("vectors", merge + "        format_version: 3\n") + table("events", "        write_disposition: append\n")

    def load(self, second, *numbers):
        for name, table in self.tables.items():
            for n in numbers:
                table.put({"id": n, "note": f"{name} {n} {second}", "updated_at": at(second)})
        return self.project.run()

    def history(self):
        """Loads, so that there are snapshots with every kind of file; the events' state is longer than a token."""
        self.load(1, *range(200))
        self.load(2, 3, 50, 151)
        self.load(3, 3, 4, 200)

    def snapshots(self, project=None):
        """Table → snapshot → its rows, as both engines read them."""
        project = project or self.project
        found = {}
        for name in project.tables():
            ids = self.reader.read(project, name)["snapshots"]
            for snapshot in ids:
                rows = [sorted(map(repr, ([r["id"], r["note"]] for r in self.reader.rows(project, name, engine, snapshot)))) for engine in ENGINES]
                self.assertEqual(*rows)
                found[name, snapshot] = rows[0]
        self.assertGreater(len(found), 5)
        return found

    def firn(self, *arguments, code=0, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, code, str(result))
        return result

    def lint(self, project):
        tool = os.path.join(TOOLBOX, "iceberg-lint")
        if not os.path.exists(tool):
            print("SKIPPED in part: iceberg-lint is not here", flush=True)
            return
        for location in project.tables().values():
            done = subprocess.run([tool, location.removeprefix("file://")], capture_output=True, text=True, timeout=300, check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-500:])

    def move(self, name="moved/away"):
        os.makedirs(os.path.dirname(self.project.path(name)), exist_ok=True)
        os.rename(self.project.path("lake"), self.project.path(name))
        self.project.write(self.text(lake="./" + name))
        return self.moved_project(name)

    def moved_project(self, name):
        project = FirnProject(self.text(lake="./" + name), folder=self.project.folder)
        type(project).catalog  # the property of the class; the folder is another
        project.path = lambda *parts: os.path.join(project.folder, *([name] + list(parts[1:]) if parts[:1] == ("lake",) else parts))
        return project

    def test_a_moved_folder(self):
        self.history()
        before = self.snapshots()
        moved = self.move()
        doctor = self.project.firn("doctor")
        self.assertIn("firn lake relocate", doctor.out + doctor.err)
        for arguments in (("run",), ("sql", "SELECT * FROM shop.orders"), ("table", "maintain", "shop.orders"), ("plan",)):
            missing = self.project.firn(*arguments)
            self.assertNotEqual(missing.code, 0, str(missing))
            self.assertRegex(missing.out + missing.err, "next +firn lake relocate --dry-run", str(arguments))
        entries = tables_of(moved.catalog)
        dry = self.firn("lake", "relocate", "--dry-run", "--json").json()
        self.assertEqual(dry["from"], "file://" + self.project.path("lake"))
        self.assertEqual(tables_of(moved.catalog), entries)
        done = {t["table"]: t for t in self.firn("lake", "relocate", "--json").json()["tables"]}
        self.assertGreater(done["shop.orders"]["delete_files"], 0)
        self.assertGreater(done["shop.vectors"]["delete_files"], 0)
        self.assertEqual(self.snapshots(moved), before)
        self.lint(moved)
        self.assertNotIn(self.project.path("lake") + "/", json.dumps({k: v for k, v in moved.metadata("shop.orders").items()}))
        self.assertIn("nothing to relocate", self.firn("lake", "relocate").err)
        self.firn("doctor")
        self.load(9, 3, 7, 300)
        for name, table in self.tables.items():
            rows = [sorted((r["id"], r["note"]) for r in self.reader.rows(moved, "shop." + name, engine)) for engine in ENGINES]
            self.assertEqual(*rows)
            if name != "events":
                self.assertEqual(rows[0], sorted((r["id"], r["note"]) for r in table.dicts()))
        self.assertEqual(len(self.reader.rows(moved, "shop.events")), 200 + 3 + 3 + 3)

    def test_a_key_index_of_the_old_place_is_not_used(self):
        self.project.env["FIRN_KEY_INDEX_RECORDS_MIN"] = "1"
        self.history()
        moved = self.move()
        self.firn("lake", "relocate")
        self.load(9, 3, 7, 300)
        rows = sorted((r["id"], r["note"]) for r in self.reader.rows(moved, "shop.orders"))
        self.assertEqual(rows, sorted((r["id"], r["note"]) for r in self.tables["orders"].dicts()))

    def test_moved_into_a_folder_below_itself_and_back(self):
        self.history()
        before = self.snapshots()
        os.rename(self.project.path("lake"), self.project.path("aside"))
        os.makedirs(self.project.path("lake"))
        os.rename(self.project.path("aside"), self.project.path("lake/inner"))
        self.project.write(self.text(lake="./lake/inner"))
        self.firn("lake", "relocate")
        self.firn("lake", "relocate")
        self.assertEqual(self.snapshots(self.moved_project("lake/inner")), before)

    def test_killed_at_each_step(self):
        if not has_failpoints():
            self.skipTest("built without failpoints")
        self.history()
        before = self.snapshots()
        moved = self.move()
        for point in ("relocate.before_file=kill", "relocate.before_file=kill@4", "relocate.before_file=kill@2", "relocate.before_metadata=kill",
                      "relocate.before_metadata=kill@2", "relocate.before_swap=kill", "relocate.before_swap=kill@2"):
            killed = self.project.firn("lake", "relocate", env={"FIRN_FAILPOINTS": point})
            self.assertEqual(killed.code, -signal.SIGKILL, f"{point} {killed}")
        self.firn("lake", "relocate")
        self.assertEqual(self.snapshots(moved), before)
        self.lint(moved)

    def test_a_file_that_was_not_moved(self):
        self.history()
        moved = self.move()
        entries = tables_of(moved.catalog)
        victim = next(f for f in self.project.files("moved/away/shop/orders/metadata") if "snap-" in f)
        os.rename(victim, victim + ".left")
        result = self.firn("lake", "relocate", code=2)
        self.assertIn("E0960", result.err)
        self.assertEqual(tables_of(moved.catalog)["shop.orders"], entries["shop.orders"])
        os.rename(victim + ".left", victim)
        self.firn("lake", "relocate")

    # ---- copies ----

    def copy(self, source=".", name="copy"):
        """`cp -r` of the whole project, to a folder beside it that is removed with the test."""
        home = self.project.folder + "-" + name
        self.addCleanup(shutil.rmtree, home, True)
        shutil.copytree(self.project.path(source), home, symlinks=True)
        return FirnProject(self.text(), folder=home)

    def bytes_of(self, project):
        """Every file; of the catalog its entries, since readers of the database keep files beside it."""
        found = {"catalog": tables_of(project.catalog)}
        for folder, _, names in os.walk(project.folder):
            for name in names:
                if name.startswith("catalog.db"):
                    continue
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
        return found

    def done(self, project, *arguments, code=0):
        result = project.firn(*arguments)
        self.assertEqual(result.code, code, str(result))
        return result

    def test_a_copy_does_not_write_into_its_original(self):
        self.history()
        copy = self.copy()
        before = self.bytes_of(self.project)
        for table in self.tables.values():
            table.put({"id": 900, "note": "late", "updated_at": at(900)})
        for arguments in (("run",), ("run", "--full-refresh", "--select", "orders"), ("backfill", "--select", "orders", "--yes"),
                          ("table", "maintain", "shop.orders", "--expire", "--retain", "1"), ("table", "maintain", "shop.orders", "--compact"),
                          ("table", "alter", "shop.orders", "--set", "a=b"), ("table", "rollback", "shop.orders", "--to-snapshot", "1"),
                          ("table", "tag", "shop.orders", "create", "t"), ("table", "rename", "shop.orders", "shop.other"),
                          ("state", "set", "orders", at(1)), ("doctor",)):
            result = copy.firn(*arguments)
            self.assertNotEqual(result.code, 0, f"{arguments} {result}")
            if arguments[0] not in ("backfill", "state") and "alter" not in arguments:
                self.assertIn("E0960" if arguments[0] != "doctor" else "copied from", result.out + result.err, str(arguments))
            self.assertEqual(self.bytes_of(self.project), before, str(arguments))
        for arguments in (("sql", "SELECT count(*) FROM shop.orders"), ("tables",), ("history", "shop.orders"), ("status",)):
            result = self.done(copy, *arguments)
            self.assertIn("warning: ", result.err, str(arguments))
            self.assertIn("firn lake relocate", result.err, str(arguments))
        self.assertEqual(self.bytes_of(self.project), before)
        self.done(self.project, "doctor")
        self.assertNotIn("warning", self.done(self.project, "tables").err)

    def test_a_relocated_copy_and_its_original_are_independent(self):
        self.history()
        copy = self.copy()
        before, rows = self.bytes_of(self.project), self.snapshots()
        dry = self.done(copy, "lake", "relocate", "--dry-run", "--json").json()
        self.assertEqual((dry["from"], dry["to"]), ("file://" + self.project.path("lake"), "file://" + copy.path("lake")))
        self.done(copy, "lake", "relocate")
        self.assertEqual(self.snapshots(copy), rows)
        self.lint(copy)
        self.assertIn("nothing to relocate", self.done(copy, "lake", "relocate").err)
        self.done(copy, "doctor")
        for number in (7, 901):
            for table in self.tables.values():
                table.put({"id": number, "note": "late", "updated_at": at(900)})
        copy.run()
        copy.run("--full-refresh", "--select", "orders")
        for name in self.tables:
            self.done(copy, "table", "maintain", "shop." + name, "--expire", "--retain", "1")
            self.done(copy, "table", "maintain", "shop." + name, "--orphans", "--yes")
        self.assertEqual(self.bytes_of(self.project), before)
        self.assertEqual(self.snapshots(), rows)
        for name in ("orders", "vectors"):
            for project in (copy, self.project):
                if project is self.project:
                    project.run()
                read = [sorted((r["id"], r["note"]) for r in self.reader.rows(project, "shop." + name, engine)) for engine in ENGINES]
                self.assertEqual(*read)
                self.assertEqual(read[0], sorted((r["id"], r["note"]) for r in self.tables[name].dicts()))

    def test_a_lake_that_is_reached_by_links_is_no_copy(self):
        self.history()
        link = self.project.folder + "-link"
        self.addCleanup(os.remove, link)
        os.symlink(self.project.folder, link)
        self.tables["orders"].put({"id": 900, "note": "late", "updated_at": at(900)})
        linked = FirnProject(self.text(), folder=link)
        linked.run()
        self.project.run()
        self.assertNotIn("warning", self.done(linked, "tables").err)

    def test_half_of_a_copy_is_not_relocated(self):
        self.history()
        copy = self.copy()
        entries = tables_of(copy.catalog)
        victim = next(f for f in copy.files("lake/shop/vectors/data") if f.endswith(".parquet"))
        os.remove(victim)
        for arguments in (("--dry-run",), ()):
            result = self.done(copy, "lake", "relocate", *arguments, code=2)
            self.assertIn("E0960", result.err)
            self.assertIn(os.path.basename(victim), result.err)
            self.assertEqual(tables_of(copy.catalog), entries)  # of the tables before it, too

    # ---- backup ----

    def restored(self, file="b.tar.zst", folder="restored"):
        self.firn("restore", file, folder)
        return self.moved_project(folder + "/lake")

    def test_backup_and_restore(self):
        self.history()
        before = self.snapshots()
        report = self.firn("backup", "b.tar.zst", "--json").json()
        self.assertEqual(report["tables"], 3)
        self.assertIn("E0970", self.firn("backup", "b.tar.zst", code=2).err)
        shutil.rmtree(self.project.path("lake"))
        shutil.rmtree(self.project.path(".firn"))
        moved = self.restored()
        self.assertEqual(self.snapshots(moved), before)
        self.lint(moved)
        self.assertFalse(os.path.exists(self.project.path("restored/.firn-restoring")))
        self.assertIn("E0971", self.firn("restore", "b.tar.zst", "restored", code=2).err)
        self.project.write(self.text(lake="./restored/lake", state="./restored/.firn"))
        self.assertIn("shop.orders", self.firn("runs", "--json").out)
        self.load(9, 3, 7, 300)
        rows = sorted((r["id"], r["note"]) for r in self.reader.rows(moved, "shop.orders"))
        self.assertEqual(rows, sorted((r["id"], r["note"]) for r in self.tables["orders"].dicts()))

    def test_restored_to_where_it_was(self):
        self.history()
        before, tables = self.snapshots(), self.project.tables()
        self.firn("backup", self.project.path("b.tar.zst"))
        file = self.project.path("b.tar.zst")
        shutil.move(file, "/tmp/" + os.path.basename(self.project.folder) + ".tar.zst")
        shutil.rmtree(self.project.folder)
        os.makedirs(self.project.folder)
        shutil.move("/tmp/" + os.path.basename(self.project.folder) + ".tar.zst", "/tmp/" + os.path.basename(self.project.folder) + ".b")
        self.addCleanup(os.remove, "/tmp/" + os.path.basename(self.project.folder) + ".b")
        self.firn("restore", "/tmp/" + os.path.basename(self.project.folder) + ".b", ".")
        self.assertEqual((self.snapshots(), self.project.tables()), (before, tables))

    def test_other_programs_unpack_it(self):
        self.history()
        self.firn("backup", "b.tar.zst")
        done = subprocess.run(["zstd", "-dq", "b.tar.zst", "-o", "b.tar"], cwd=self.project.folder, check=False) if shutil.which("zstd") else None
        if done is None:
            print("SKIPPED in part: zstd is not here", flush=True)
            return
        with tarfile.open(self.project.path("b.tar")) as archive:
            names = archive.getnames()
            contents = json.load(archive.extractfile("firn-backup.json"))
        self.assertEqual(sorted(names[:-1]), sorted(f["name"] for f in contents["files"]))
        self.assertEqual(names[-1], "firn-backup.json")

    def test_damage_is_found(self):
        self.history()
        self.firn("backup", "b.tar.zst")
        with open(self.project.path("b.tar.zst"), "rb") as file:
            good = file.read()
        for name, bad in (("cut", good[:len(good) // 2]), ("flipped", good[:5000] + bytes([good[5000] ^ 1]) + good[5001:]), ("empty", b"")):
            with open(self.project.path(name), "wb") as file:
                file.write(bad)
            result = self.project.firn("restore", name, "to-" + name)
            self.assertEqual(result.code, 1, name)  # not 5, which says: try again
            self.assertIn("E0972", result.err)
            self.assertFalse(os.path.exists(self.project.path("to-" + name, "lake", "catalog.db")), name)

    def test_loads_at_work_are_not_disturbed_and_expiry_does_not_matter(self):
        self.history()
        stop = threading.Event()

        def loads():
            second = 10
            while not stop.is_set():
                self.load(second, second)
                second += 1
        writer = threading.Thread(target=loads)
        writer.start()
        try:
            for i in range(4):
                self.firn("backup", f"b{i}.tar.zst")
        finally:
            stop.set()
            writer.join()
        for i in range(4):
            moved = self.restored(f"b{i}.tar.zst", f"restored{i}")
            self.snapshots(moved)

    def test_killed(self):
        if not has_failpoints():
            self.skipTest("built without failpoints")
        self.history()
        before = self.snapshots()
        for point in ("backup.before_file=kill@5", "backup.before_close=kill"):
            self.assertEqual(self.project.firn("backup", "b.tar.zst", env={"FIRN_FAILPOINTS": point}).code, -signal.SIGKILL)
            for name in os.listdir(self.project.folder):
                self.assertFalse(name == "b.tar.zst", point)
        self.assertNotEqual(self.project.firn("backup", "b.tar.zst", env={"FIRN_FAILPOINTS": "backup.before_file=error@5"}).code, 0)
        self.assertFalse(os.path.exists(self.project.path("b.tar.zst")))
        self.firn("backup", "b.tar.zst")
        for point in ("restore.before_file=kill@3", "restore.before_catalog=kill", "restore.before_end=kill"):
            self.assertEqual(self.project.firn("restore", "b.tar.zst", "restored", env={"FIRN_FAILPOINTS": point}).code, -signal.SIGKILL)
        self.assertEqual(self.snapshots(self.restored()), before)


if __name__ == "__main__":
    unittest.main(verbosity=2)
