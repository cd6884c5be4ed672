"""Another writer in a loop while firn loads and maintains; see README.md."""

import json
import os
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), os.path.join(os.path.dirname(HERE), "catalog")]
from catalog_service import FirnServer  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import PATIENCE, FirnProject, binary, skip, wait_until  # noqa: E402
from support.orders_case import TABLE, OrdersCase, orders_project  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

OTHERS = 1_000_000  # ids from here on are the other writer's
ROUNDS = int(os.environ.get("FIRN_TEST_ROUNDS", "6"))
OTHERS_COMMITS = ROUNDS
SECONDS = 60


class RivalsTest(OrdersCase):
    def text(self, lake="{warehouse: ./lake}", disposition="merge", url=None):
        return orders_project(url or self.api.url, disposition, lake=lake, maintenance="auto")

    def other_writer(self, properties):
        stop, ledger = os.path.join(self.top, "stop"), os.path.join(self.top, "ledger")
        command = [readers_python(), os.path.join(HERE, "other_writer.py"), json.dumps(properties), TABLE, str(OTHERS), stop, ledger]
        with open(ledger + ".progress", "w") as progress:
            process = subprocess.Popen(command, stdout=progress, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        self.process = process

        def end():
            with open(stop, "w"):
                pass
            errors = process.communicate(timeout=120)[1]
            self.assertEqual(process.returncode, 0, errors[-2000:])
            with open(ledger) as file:
                return json.load(file)

        return end

    def others_commits(self):
        with open(os.path.join(self.top, "ledger.progress")) as file:
            return len(file.readlines())

    def rivals(self, project, lake, properties, disposition="merge"):
        for number in range(40):
            self.put(number, "first")
        project.run(timeout=120)
        end = self.other_writer(properties)
        wait_until(lambda: self.others_commits() > 0 or self.process.poll() is not None, "the other writer's first commit", 60)
        compacted, round_, deadline = 0, 0, time.monotonic() + SECONDS * PATIENCE
        while round_ < ROUNDS or (self.others_commits() < OTHERS_COMMITS and time.monotonic() < deadline):
            round_ += 1
            for number in range(round_ * 7, round_ * 7 + 25):
                if disposition == "merge" or number >= 40 + round_ * 25:
                    self.put(number, f"round {round_}")
            if disposition == "append":
                for number in range(1000 + round_ * 9, 1000 + round_ * 9 + 9):
                    self.put(number, f"round {round_}")
            project.run(timeout=120)
            maintained = project.firn("table", "maintain", TABLE, "--json", timeout=120)
            self.assertEqual(maintained.code, 0, str(maintained))
            compacted += maintained.json()[0]["groups_committed"]
        ledger = end()
        print(f"other writer: {ledger['commits']} commits, {ledger['conflicts']} conflicts; {compacted} groups compacted", flush=True)
        self.assertGreater(ledger["commits"], 3, "the other writer was hardly ever in between")
        project.run(timeout=120)
        self.judge(lake, ledger)

    def judge(self, lake, ledger):
        wanted = sorted((row["id"], row["note"]) for row in self.orders.dicts())
        for engine in ("pyiceberg", "duckdb", "firn"):
            rows = lake.sql(f"select id, note from {TABLE}") if engine == "firn" else self.reader.rows(lake, TABLE, engine)
            ours = sorted((row["id"], row["note"]) for row in rows if row["id"] < OTHERS)
            self.assertEqual(ours, wanted, engine)
            theirs = [row["id"] for row in rows if row["id"] >= OTHERS]
            self.assertEqual(len(theirs), len(set(theirs)), f"{engine}: a row of the other writer is there twice")
            self.assertEqual(set(ledger["must"]) - set(theirs), set(), f"{engine}: lost")
            self.assertEqual(set(theirs) - set(ledger["must"]) - set(ledger["may"]), set(), f"{engine}: came back")

    def test_through_the_sqlite_file(self):
        for disposition in ("merge", "append"):
            with self.subTest(disposition):
                self.orders.rows.clear()
                for name in ("stop", "ledger"):
                    if os.path.exists(os.path.join(self.top, name)):
                        os.remove(os.path.join(self.top, name))
                project = FirnProject(self.text(disposition=disposition), folder=os.path.join(self.top, disposition))
                self.rivals(project, project, {"type": "sql", "uri": f"sqlite:///{project.catalog}", "warehouse": project.path("lake"),
                                               "init_catalog_tables": "false"}, disposition)

    def test_through_a_rest_catalog(self):
        with FirnProject("lake: {warehouse: ./lake}\n") as served, FirnServer(served) as server:
            project = FirnProject(self.text(f'{{warehouse: ./own, catalog: {{type: rest, uri: "{server.url}"}}}}'),
                                  folder=os.path.join(self.top, "project"))
            self.rivals(project, served, {"type": "rest", "uri": server.url})

    def test_the_position_of_another_source_is_not_taken(self):
        # redpanda#24111, redpanda#25139: positions of one cluster were taken for those of another of the same names.
        project = FirnProject(self.text(), folder=os.path.join(self.top, "project"))
        for number in range(5):
            self.put(number, "first")
        project.run()
        with FakeApi() as other:
            for number in range(100, 103):
                other.table("orders").put({"id": number, "updated_at": "2020-01-01T00:00:00Z", "note": "other"})
            project.write(self.text(url=other.url.replace("127.0.0.1", "localhost")))
            refused = project.firn("run", "--json")
            self.assertEqual((refused.code, refused.table("orders")["error"]["code"]), (2, "E0812"), str(refused))
        project.write(self.text())
        self.put(7, "later")
        project.run()
        self.judge(project, {"must": [], "may": []})


if __name__ == "__main__":
    binary()
    if readers_python() is None:
        skip("rivals: no readers' venv (tools/prepare test)")
    unittest.main(verbosity=2)
