"""Rows that vanish, children, back-dated rows: a source that changes, whole runs, foreign readers as judges."""

import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from support.fake_api import FakeApi, Fault  # noqa: E402
from support.firn_project import FirnProject, has_failpoints, wait_until_stopped  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

SEED = int(os.environ.get("FIRN_TEST_SEED", "1"))
ROUNDS = int(os.environ.get("FIRN_TEST_ROUNDS", "14"))
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
        primary_key: id
        maintenance: off
        columns: {{id: {{type: long}}, updated_at: {{type: timestamptz}}}}
{settings}
{more}
"""
ITEMS = """      items:
        parent: orders
        path: "/v1/orders/{{ parent.id }}/items"
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
        include: {order_id: parent.id, order_status: parent.status}
        primary_key: [order_id, line]
        replace_children: true
        maintenance: off
"""
INCREMENTAL = "        incremental: {cursor: updated_at, param: since, start: 2024-01-01}\n"


def day(n, hour=0):
    return f"2025-{1 + n // 28:02d}-{1 + n % 28:02d}T{hour:02d}:00:00Z"


class DeletesCase(unittest.TestCase):
    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders", page_size=7)
        self.items = self.api.table("items", key="line", changed=None, parent="order_id", page_size=3)
        self.reader = TableReader()
        self.addCleanup(self.reader.close)

    def make(self, settings, more="", **options):
        project = FirnProject(PROJECT.format(url=self.api.url, settings=settings, more=more), **options)
        self.addCleanup(project.__exit__)
        return project

    def put(self, key, at, **fields):
        self.orders.put({"id": key, "updated_at": at, "status": "open", **fields})

    def ids(self, project, table="shop.orders", field="id", where=lambda row: True):
        """As both readers see them."""
        seen = [sorted(row[field] for row in self.reader.rows(project, table, engine) if where(row))
                for engine in ("pyiceberg", "duckdb")]
        self.assertEqual(*seen)
        return seen[0]

    def error(self, run, table="orders"):
        return run.table(table)["error"]


class MissingTest(DeletesCase):
    def test_a_listing_deletes_what_it_does_not_give(self):
        for version in (2, 3):
            for how in ("hard", "soft"):
                with self.subTest(version=version, how=how):
                    self.orders.rows.clear()
                    for n in range(20):
                        self.put(n, day(n))
                    project = self.make(f"        deletes: {{mode: missing, how: {how}}}\n        format_version: {version}\n")
                    project.run()
                    for n in (3, 19):
                        self.orders.remove(n)
                    self.put(5, day(40))
                    self.put(77, day(41))
                    rows = project.run().table("orders")["rows"]
                    self.assertEqual((rows["deleted"], rows["inserted"], rows["updated"], rows["skipped"]), (2, 1, 1, 17))
                    there = [n for n in range(20) if n not in (3, 19)] + [77]
                    if how == "hard":
                        self.assertEqual(self.ids(project), there)
                    else:
                        self.assertEqual(self.ids(project, where=lambda row: row["_firn_deleted_at"] is None), there)
                        self.assertEqual(self.ids(project, where=lambda row: row["_firn_deleted_at"] is not None), [3, 19])
                    before = project.metadata("shop.orders")["current-snapshot-id"]
                    again = project.run().table("orders")["rows"]
                    self.assertEqual((again["deleted"], again["updated"], again["inserted"]), (0, 0, 0))
                    del before
                    self.put(3, day(3))  # it is back
                    back = project.run().table("orders")["rows"]
                    self.assertEqual(back["inserted" if how == "hard" else "updated"], 1)
                    self.assertIn(3, self.ids(project, where=lambda row: row.get("_firn_deleted_at") is None))
                    self.assertNotIn(2, self.reader.delete_contents(project, "shop.orders"))

    def test_history_ends_the_versions_of_missing_keys(self):
        for n in range(10):
            self.put(n, day(n))
        project = self.make("        merge_strategy: scd2\n        deletes: missing\n")
        project.run()
        self.orders.remove(4)
        self.assertEqual(project.run().table("orders")["rows"]["deleted"], 1)
        self.assertEqual(self.ids(project, where=lambda row: row["_firn_is_current"]), [0, 1, 2, 3, 5, 6, 7, 8, 9])
        self.assertEqual(len(self.ids(project)), 10)

    def test_more_than_its_share_is_refused_and_changes_nothing(self):
        for n in range(20):
            self.put(n, day(n))
        project = self.make("        deletes: missing\n")
        project.run()
        before = project.metadata("shop.orders")["current-snapshot-id"]
        for n in range(5):
            self.orders.remove(n)
        self.put(99, day(50))
        refused = project.run(code=6)
        self.assertEqual(self.error(refused)["code"], "E0874")
        self.assertIn("5 of 20 keys", self.error(refused)["message"])
        self.assertEqual(project.metadata("shop.orders")["current-snapshot-id"], before)
        self.assertEqual(self.ids(project), list(range(20)))
        self.put(0, day(0))
        self.assertEqual(project.run().table("orders")["rows"]["deleted"], 4, "exactly 20 % may go")
        for n in range(5, 20):
            self.orders.remove(n)
        self.assertEqual(self.error(project.run(code=6))["code"], "E0874")
        project.run("--yes")
        self.assertEqual(self.ids(project), [0, 99])
        self.orders.rows.clear()
        self.assertEqual(self.error(project.run("--yes", code=6))["code"], "E0830", "nothing at all is a fault of its own")

    def test_the_share_can_be_chosen(self):
        for n in range(4):
            self.put(n, day(n))
        project = self.make("        deletes: {mode: missing, max_percent: 50}\n")
        project.run()
        for n in (0, 1):
            self.orders.remove(n)
        project.run()
        self.assertEqual(self.ids(project), [2, 3])
        self.orders.remove(2)
        self.put(9, day(9))
        project.run()
        self.orders.remove(3), self.orders.remove(9)
        self.put(1, day(1))
        self.assertEqual(self.error(project.run(code=6))["code"], "E0874")

    def test_what_is_no_whole_listing_deletes_nothing(self):
        for n in range(20):
            self.put(n, day(n))
        project = self.make("        deletes: missing\n        schema_contract: {types: discard_row}\n")
        project.run()
        self.orders.remove(3), self.orders.remove(4)
        self.orders.put_text('{"id":4,"updated_at":"no time","status":"open"}')
        run = project.run()
        self.assertEqual(run.table("orders")["rows"]["quarantined"], 1, run)
        self.assertTrue(any("not deleted: 1 rows went to quarantine" in text for text in run.table("orders")["warnings"]), run)
        self.assertEqual(self.ids(project), list(range(20)))
        self.orders.rows.pop()
        self.put(4, day(4))
        self.assertEqual(self.error(project.run("--max-rows", "5", code=2))["code"], "E0833")
        self.api.fail("/v1/orders", Fault("500"), times=100, skip=1)
        self.assertNotEqual(project.firn("run", "--json").code, 0)
        self.api.faults.clear()
        self.assertEqual(self.ids(project), list(range(20)))
        project.run()
        self.assertNotIn(3, self.ids(project))

    def test_a_refused_request_is_no_listing(self):
        for n in range(20):
            self.put(n, day(n))
        project = self.make("        deletes: missing\n        on_status: {403: empty}\n"
                            "        partitions: {param: region, values: [eu, us]}\n")
        project.run()
        self.orders.remove(3)
        self.api.fail("region=us", Fault("403"), times=1)
        warnings = project.run().table("orders")["warnings"]
        self.assertTrue(any("not deleted" in text for text in warnings), warnings)
        self.assertIn(3, self.ids(project))

    def test_killed_at_every_step_it_is_all_or_nothing(self):
        if not has_failpoints():
            self.skipTest("this build has no failpoints")
        for n in range(20):
            self.put(n, day(n))
        project = self.make("        deletes: missing\n")
        project.run()
        self.orders.remove(3)
        self.put(30, day(30))
        for point in ("merge.decide", "merge.write_planned", "run.before_commit", "run.after_commit"):
            killed = project.firn("run", "--json", env={"FIRN_FAILPOINTS": f"{point}=kill@1"})
            self.assertEqual(killed.code, -signal.SIGKILL, killed)
            self.assertIn(self.ids(project), (list(range(20)), [n for n in range(20) if n != 3] + [30]))
        project.run()
        self.assertEqual(self.ids(project), [n for n in range(20) if n != 3] + [30])


class ChildrenTest(DeletesCase):
    def item(self, order, line, **fields):
        self.items.put({"order_id": order, "line": line, "sku": f"{order}/{line}", **fields})

    def drop(self, order, line=None):
        self.items.rows = [entry for entry in self.items.rows
                           if entry[0]["order_id"] != order or (line is not None and entry[0]["line"] != line)]

    def lines(self, project, where=lambda row: True):
        seen = [sorted((row["order_id"], row["line"]) for row in self.reader.rows(project, "shop.items", engine) if where(row))
                for engine in ("pyiceberg", "duckdb")]
        self.assertEqual(*seen)
        return seen[0]

    def serve(self):
        for n in range(1, 6):
            self.put(n, day(n))
            for line in range(1, 4):
                self.item(n, line)

    def test_a_changed_parent_replaces_its_children(self):
        for version in (2, 3):
            with self.subTest(version):
                self.orders.rows.clear(), self.items.rows.clear()
                self.serve()
                project = self.make(INCREMENTAL + f"        format_version: {version}\n",
                                    ITEMS + f"        format_version: {version}\n")
                project.run()
                self.assertEqual(len(self.lines(project)), 15)
                # 2: one child less, one more, and the parent's status is another; 3: none; 4 is not asked again
                self.put(2, day(20), status="closed")
                self.put(3, day(21))
                self.drop(2, 1), self.drop(3), self.drop(4)
                self.item(2, 9)
                rows = project.run().table("items")["rows"]
                self.assertEqual(rows["deleted"], 4, rows)
                expected = [(n, line) for n in (1, 4, 5) for line in (1, 2, 3)] + [(2, 2), (2, 3), (2, 9)]
                self.assertEqual(self.lines(project), sorted(expected))
                self.assertEqual(self.lines(project, lambda row: row["order_status"] == "closed"), [(2, 2), (2, 3), (2, 9)])

    def test_a_parent_that_was_refused_keeps_its_children(self):
        self.serve()
        project = self.make(INCREMENTAL, ITEMS)
        project.run()
        self.put(2, day(20)), self.put(3, day(21))
        self.drop(2), self.drop(3)
        self.api.fail("/v1/orders/2/items", Fault("404"))
        project.run()
        self.assertEqual(self.lines(project), [(n, line) for n in (1, 2, 4, 5) for line in (1, 2, 3)])

    def test_a_parent_whose_request_fails_changes_nothing(self):
        self.serve()
        project = self.make(INCREMENTAL, ITEMS)
        project.run()
        self.put(2, day(20)), self.drop(2)
        self.api.fail("/v1/orders/2/items", Fault("400"), times=50)
        self.assertNotEqual(project.firn("run", "--json").code, 0)
        self.assertEqual(len(self.lines(project)), 15)
        self.api.faults.clear()
        project.run()
        self.assertEqual(len(self.lines(project)), 12)

    def test_a_deleted_parent_takes_its_children_along(self):
        for how in ("hard", "soft"):
            with self.subTest(how):
                self.orders.rows.clear(), self.items.rows.clear()
                self.serve()
                deletes = "        delete_when: \"{{ record.status == 'gone' }}\"\n"
                project = self.make(INCREMENTAL + deletes + f"        deletes: {how}\n", ITEMS + f"        deletes: {how}\n")
                project.run()
                self.put(2, day(20), status="gone")
                run = project.run()
                self.assertEqual(run.table("items")["rows"]["deleted"], 3, run)
                there = [(n, line) for n in (1, 3, 4, 5) for line in (1, 2, 3)]
                self.assertEqual(self.lines(project, lambda row: row.get("_firn_deleted_at") is None), there)
                self.assertEqual(len(self.lines(project)), 12 if how == "hard" else 15)

    def test_a_missing_parent_takes_its_children_along(self):
        self.serve()
        project = self.make("        deletes: missing\n", ITEMS)
        project.run()
        self.orders.remove(5), self.drop(5)
        run = project.run()
        self.assertEqual((run.table("orders")["rows"]["deleted"], run.table("items")["rows"]["deleted"]), (1, 3), run)
        self.assertEqual(self.lines(project), [(n, line) for n in (1, 2, 3, 4) for line in (1, 2, 3)])

    def test_grandchildren_go_with_the_child(self):
        notes = self.api.table("notes", key="note", changed=None, parent="sku", page_size=3)
        more = ITEMS + ITEMS.replace("items:", "notes:").replace("parent: orders", "parent: items").replace(
            "/v1/orders/{{ parent.id }}/items", "/v1/items/{{ parent.sku }}/notes").replace(
            "{order_id: parent.id, order_status: parent.status}",
            "{order_id: parent.order_id, line: parent.line, sku: parent.sku}").replace("[order_id, line]", "[sku, note]")
        for n in range(1, 5):
            self.put(n, day(n))
            for line in (1, 2):
                self.items.put({"order_id": n, "line": line, "sku": f"s{n}{line}"})
                notes.put({"sku": f"s{n}{line}", "note": 1})
        project = self.make(INCREMENTAL, more)
        project.run()
        self.put(2, day(20)), self.drop(2, 1)
        run = project.run()
        self.assertEqual(run.table("notes")["rows"]["deleted"], 1, run)
        self.assertNotIn("s21", self.ids(project, "shop.notes", "sku"))
        self.assertEqual(len(self.ids(project, "shop.notes", "sku")), 7)

    def test_killed_at_every_step_parent_and_children_agree(self):
        if not has_failpoints():
            self.skipTest("this build has no failpoints")
        self.serve()
        project = self.make(INCREMENTAL, ITEMS)
        project.run()
        self.put(2, day(20)), self.drop(2, 1)
        for point in ("run.stage", "merge.decide", "run.before_commit", "run.after_commit"):
            killed = project.firn("run", "--json", env={"FIRN_FAILPOINTS": f"{point}=kill@1"})
            self.assertEqual(killed.code, -signal.SIGKILL, killed)
            new = self.ids(project, where=lambda row: row["id"] == 2 and row["updated_at"].isoformat().startswith(day(20)[:10]))
            self.assertEqual((2, 1) in self.lines(project), not new)
        project.run()
        self.assertEqual(len(self.lines(project)), 14)


class PlanTest(DeletesCase):
    def plan(self, project, now, *arguments):
        result = project.firn("plan", "--json", *arguments, env={"FIRN_NOW": now})
        self.assertEqual(result.code, 0, result)
        return result.json()["tables"][0]

    def test_it_says_when_a_pass_is_due_and_what_deletes(self):
        for n in range(20):
            self.put(n, day(n))
        project = self.make(INCREMENTAL + "        deletes: missing\n        reconcile: {every: 1d, window: 30d}\n")
        project.run(env={"FIRN_NOW": day(20)})
        plan = self.plan(project, day(20, 5))
        self.assertIn("next reconcile pass " + day(21), plan["read"])
        self.assertTrue(any("reconcile passes alone" in text for text in plan["warnings"]), plan)
        self.assertIn("reconcile pass: again from", self.plan(project, day(21, 1))["read"])
        self.assertRegex(project.firn("status", env={"FIRN_NOW": day(20, 5)}).out, r"NEXT RECONCILE[^\n]*\n.*" + day(21))
        self.assertIn("with the next run", project.firn("status", env={"FIRN_NOW": day(21, 1)}).out)
        status = project.firn("status", "--json").json()[0]
        self.assertEqual((status["next_reconcile"], status["reconcile_pass"]), (day(21), False))
        for moment, is_pass, due in ((day(20, 6), False, day(21)), (day(21, 1), True, day(22, 1)), (day(21, 2), False, day(22, 1))):
            told = project.run(env={"FIRN_NOW": moment}).table("orders")
            self.assertEqual((told["reconcile_pass"], told["next_reconcile"]), (is_pass, due))
            self.assertEqual(project.firn("runs", "--json").json()[0]["tables"][0]["reconcile_pass"], is_pass)
        self.assertEqual(project.firn("status", "--json").json()[0]["next_reconcile"], day(22, 1))
        self.assertIn("does not give is deleted (at most 20 % at once)", plan["write"])

    def test_reading_all_is_the_explained_default_of_a_small_table(self):
        for n in range(20):
            self.put(n, day(n))
        project = self.make("        deletes: missing\n")
        project.run()
        choice = next(c for c in self.plan(project, day(20))["choices"] if c["field"] == "incremental")
        self.assertIn("below 1,000,000 rows", choice["why"])
        self.assertIn("the last run read 20 rows", choice["why"])


class ReconcileTest(DeletesCase):
    SETTINGS = INCREMENTAL + "        deletes: missing\n        reconcile: {every: 1d, window: 30d}\n"

    def run_at(self, project, now, *arguments, code=0):
        return project.run(*arguments, code=code, env={"FIRN_NOW": now}).table("orders")

    def position(self, project):
        return json.loads(json.dumps(project.firn("state", "get", "orders", "--json").json()))

    def test_a_pass_repairs_back_dated_and_deleted_rows(self):
        for version in (2, 3):
            with self.subTest(version):
                self.orders.rows.clear()
                for n in range(40):
                    self.put(n, day(n))
                project = self.make(self.SETTINGS + f"        format_version: {version}\n")
                self.run_at(project, day(40))
                self.put(100, day(35, 5)), self.put(101, day(2, 5))   # back-dated: within the window, and before it
                self.orders.remove(37), self.orders.remove(5)          # the same of deletions
                self.put(38, day(36), status="paid")                   # changed, and back-dated
                usual = self.run_at(project, day(40, 2))
                self.assertEqual((usual["rows"]["inserted"], usual["rows"]["deleted"]), (0, 0), usual)
                passed = self.run_at(project, day(41, 1))
                rows = passed["rows"]
                self.assertEqual((rows["inserted"], rows["updated"], rows["deleted"]), (1, 1, 1), passed)
                self.assertGreater(rows["skipped"], 20, "unchanged rows are not written again")
                self.assertEqual(self.ids(project), [n for n in range(40) if n != 37] + [100])
                self.assertEqual(passed["cursor_after"], usual["cursor_after"], "the position did not go back")
                again = self.run_at(project, day(41, 3))
                self.assertEqual(again["rows"]["read"], 0, "the next pass is a day later")
                forced = self.run_at(project, day(41, 4), "--reconcile")
                self.assertGreater(forced["rows"]["skipped"], 20)
                self.assertEqual(forced["rows"]["updated"], 0)

    def test_without_a_window_it_reads_all(self):
        for n in range(20):
            self.put(n, day(n))
        project = self.make(INCREMENTAL + "        deletes: missing\n        reconcile: {every: 1d}\n")
        self.run_at(project, day(20))
        self.put(100, day(0, 5))
        self.orders.remove(1)
        self.put(101, day(21))
        rows = self.run_at(project, day(22))["rows"]
        self.assertEqual((rows["inserted"], rows["deleted"], rows["updated"]), (2, 1, 0))
        self.put(102, day(23))
        self.assertEqual(self.run_at(project, day(22, 5))["rows"]["inserted"], 1, "the position went on from the pass")

    def test_only_missing_deletes_and_the_share_is_of_the_window(self):
        for n in range(40):
            self.put(n, day(n))
        project = self.make(INCREMENTAL + "        reconcile: {every: 1d, window: 10d}\n")
        self.run_at(project, day(40))
        self.orders.remove(35)
        self.assertEqual(self.run_at(project, day(42))["rows"]["deleted"], 0)
        self.assertIn(35, self.ids(project))
        project = self.make(INCREMENTAL + "        deletes: missing\n        reconcile: {every: 1d, window: 10d}\n")
        self.put(35, day(35))
        self.run_at(project, day(40))
        for n in (35, 36, 37):
            self.orders.remove(n)
        refused = self.run_at(project, day(42), code=6)
        self.assertEqual(refused["error"]["code"], "E0874", refused)
        self.assertIn("in the window", refused["error"]["message"])
        asked = self.run_at(project, day(42), "--reconcile", code=6)
        self.assertIn("firn run --select orders --reconcile --yes", asked["error"]["next"])
        self.run_at(project, day(42), "--yes")
        self.assertEqual(len(self.ids(project)), 37)

    def test_a_pass_asks_beyond_an_end(self):
        for n in range(20):
            self.put(n, day(n))
        settings = ("        incremental: {cursor: updated_at, param: since, end_param: until, start: 2025-01-01, lag: 1h%s}\n"
                    "        deletes: missing\n        reconcile: {every: 1d, window: 60d}\n")
        for step in ("", ", step: 5d"):
            with self.subTest(step):
                self.orders.rows.clear()
                for n in range(20):
                    self.put(n, day(n))
                project = self.make(settings % step)
                self.run_at(project, day(20))
                # Changed within the lag: usual reads leave it, a pass must not take it for deleted.
                self.put(7, day(21, 0).replace("T00:00", "T00:30"))
                self.orders.remove(8)
                rows = self.run_at(project, day(21, 1))["rows"]
                self.assertEqual(rows["deleted"], 1, rows)
                self.assertEqual(self.ids(project), [n for n in range(20) if n != 8])
                self.put(50, day(21, 0).replace("T00:00", "T00:20"))
                self.run_at(project, day(21, 5))
                self.assertIn(50, self.ids(project), "the pass moved no position past the lag")

    def test_killed_in_a_pass_the_next_run_is_one_again(self):
        if not has_failpoints():
            self.skipTest("this build has no failpoints")
        for n in range(40):
            self.put(n, day(n))
        project = self.make(self.SETTINGS)
        self.run_at(project, day(40))
        self.put(100, day(35, 5))
        for point in ("run.read", "merge.decide", "run.before_commit"):
            killed = project.firn("run", "--json", env={"FIRN_FAILPOINTS": f"{point}=kill@1", "FIRN_NOW": day(42)})
            self.assertEqual(killed.code, -signal.SIGKILL, killed)
        self.assertEqual(self.run_at(project, day(42))["rows"]["inserted"], 1)


class BackfillTest(DeletesCase):
    SETTINGS = "        incremental: {cursor: updated_at, param: since, end_param: until, start: 2025-02-01}\n"
    RANGE = ("--from", "2025-01-01", "--to", "2025-02-01", "--step", "3d")

    def backfill(self, project, *arguments, code=0, env=None):
        result = project.firn("backfill", "orders", *arguments, env=env)
        self.assertEqual(result.code, code, result)
        return result

    def serve(self):
        for n in range(40):
            self.put(n, day(n))

    def state(self, project):
        return project.firn("state", "get", "orders").out

    def status(self, project):
        return self.backfill(project, "--status", "--json").json()

    def test_older_rows_come_and_the_position_stays(self):
        for version in (2, 3):
            with self.subTest(version):
                self.orders.rows.clear()
                self.serve()
                project = self.make(self.SETTINGS + f"        format_version: {version}\n")
                project.run()
                self.assertEqual(self.ids(project), list(range(28, 40)))
                before = self.state(project)
                rows = self.backfill(project, *self.RANGE, "--json").json()["tables"][0]["rows"]
                self.assertEqual((rows["inserted"], rows["updated"]), (28, 0))
                self.assertEqual(self.ids(project), list(range(40)))
                self.assertEqual(self.state(project), before)
                self.assertEqual(self.status(project)["state"], "finished")
                self.put(50, day(50))
                self.assertEqual(project.run().table("orders")["rows"]["read"], 1)
                again = self.backfill(project, *self.RANGE, "--json").json()["tables"][0]["rows"]
                self.assertEqual((again["inserted"], again["updated"], again["skipped"]), (0, 0, 28))

    def test_a_newer_version_in_the_table_stays(self):
        self.serve()
        project = self.make(self.SETTINGS.replace(", start: 2025-02-01", ""))
        project.run()
        # The source gives an old version of 5 and a new one of 6 within the range; the table has newer ones of both.
        self.put(5, day(45), status="newer"), self.put(6, day(45), status="newer")
        project.run()
        self.put(5, day(5), status="old"), self.put(6, day(6), status="old"), self.put(7, day(7), status="repaired")
        self.backfill(project, *self.RANGE)
        rows = {row["id"]: row["status"] for row in self.reader.rows(project, "shop.orders")}
        self.assertEqual((rows[5], rows[6], rows[7]), ("newer", "newer", "repaired"))

    def test_killed_it_goes_on_and_doubles_nothing(self):
        if not has_failpoints():
            self.skipTest("this build has no failpoints")
        self.serve()
        project = self.make(self.SETTINGS)
        project.run()
        before = self.state(project)
        killed = 0
        for point in ("backfill.begin=kill@1", "backfill.slice=kill@2", "run.stage=kill@3", "run.before_commit=kill@2",
                      "run.after_commit=kill@2", "merge.decide=kill@2"):
            range_ = self.RANGE if killed < 2 else ()
            result = project.firn("backfill", "orders", *range_, env={"FIRN_FAILPOINTS": point})
            self.assertEqual(result.code, -signal.SIGKILL, result)
            killed += 1
        self.assertEqual(self.status(project)["state"], "open")
        self.assertGreater(self.status(project)["done"], 0)
        self.put(60, day(60))
        project.run()  # the live stream goes on meanwhile
        self.backfill(project)
        self.assertEqual(self.ids(project), list(range(40)) + [60])
        self.assertNotEqual(self.state(project), before)
        self.assertEqual((self.status(project)["state"], self.status(project)["done"]), ("finished", 11))

    def test_another_range_waits_until_it_is_cancelled(self):
        self.serve()
        project = self.make(self.SETTINGS)
        project.run()
        self.api.fail("since=2025-01-10", Fault("400"), times=99)
        self.assertNotEqual(project.firn("backfill", "orders", *self.RANGE).code, 0)
        self.api.faults.clear()
        other = self.backfill(project, "--from", "2025-01-01", "--to", "2025-01-05", code=2)
        self.assertIn("E0877", other.err)
        self.backfill(project, "--cancel")
        self.assertEqual(self.status(project)["state"], "cancelled")
        self.assertIn("E0877", self.backfill(project, code=2).err)
        self.backfill(project, "--from", "2025-01-01", "--to", "2025-01-05")
        self.assertTrue(set(range(4)) <= set(self.ids(project)))

    def test_what_could_double_or_turn_back_is_refused(self):
        self.serve()
        for settings, why in (("        write_disposition: append\n" + self.SETTINGS, "twice"),
                              ("", "no `incremental`"),
                              ("        merge_strategy: scd2\n" + self.SETTINGS, "changed_at")):
            with self.subTest(why):
                project = self.make(settings)
                project.run()
                before = project.metadata("shop.orders")["current-snapshot-id"]
                refused = self.backfill(project, *self.RANGE, code=2)
                self.assertIn("E0876", refused.err)
                self.assertIn(why, refused.err)
                self.assertEqual(project.metadata("shop.orders")["current-snapshot-id"], before)
        project = self.make(self.SETTINGS)
        self.assertEqual(self.backfill(project, *self.RANGE, code=2).code, 2, "a table that is not there")

    def test_an_append_with_a_dedupe_key_takes_each_row_once(self):
        self.serve()
        project = self.make("        write_disposition: append\n        dedupe_key: id\n" + self.SETTINGS)
        project.run()
        self.backfill(project, "--from", "2025-01-20", "--to", "2025-02-10", "--step", "2d")
        self.assertEqual(self.ids(project), list(range(19, 40)))

    def test_parents_bring_their_children(self):
        self.serve()
        for n in range(40):
            self.items.put({"order_id": n, "line": 1})
        project = self.make(self.SETTINGS, ITEMS)
        project.run()
        self.backfill(project, *self.RANGE)
        self.assertEqual(self.ids(project, "shop.items", "order_id"), list(range(40)))

    def test_the_history_has_it_and_alerts_fire(self):
        self.serve()
        said = os.path.join(tempfile.mkdtemp(prefix="firn-said-"), "events")
        self.addCleanup(shutil.rmtree, os.path.dirname(said), True)
        tell = ["sh", "-c", f"cat >> {said}; echo >> {said}"]
        project = self.make(self.SETTINGS)
        with open(project.path("firn.yaml"), "a") as file:
            file.write(f"on: {{failure: {{command: {json.dumps(tell)}}}}}\n")
        project.run()

        def status():
            return project.firn("status", "--json", env={"FIRN_NOW": day(50)}).json()

        latest = status()
        self.api.fail("/v1/orders", Fault("404"), times=1)
        self.backfill(project, *self.RANGE, "--parallel", "1", code=2)
        with open(said) as file:
            message = json.loads(file.read())
        self.assertEqual((message["event"], message["table"]["table"]), ("failure", "orders"))
        again = self.backfill(project, "--json").json()
        self.assertEqual(again["state"], "completed")
        for arguments in ((), ("--table", "orders")):
            runs = project.firn("runs", "--json", *arguments).json()
            self.assertEqual([(run["command"], run["state"]) for run in runs],
                             [("backfill", "completed"), ("backfill", "failed"), ("run", "completed")], arguments)
        self.assertEqual(runs[0]["tables"][0]["rows"], again["tables"][0]["rows"])
        self.assertEqual(runs[1]["tables"][0]["reason_code"], message["table"]["reason_code"])
        self.assertIn("run begins", project.firn("logs", runs[0]["run_id"]).out)
        self.assertEqual(status(), latest, "the latest of the table is that of its live stream")
        self.assertIn("firn backfill orders", project.firn("retry").err)

    def stopped_backfill(self):
        """A project, and its backfill that is frozen before a commit."""
        for _ in range(10):
            project = self.make(self.SETTINGS)
            project.run()
            going = project.start("backfill", "orders", *self.RANGE, env={"FIRN_FAILPOINTS": "run.before_commit=stop@3"})
            self.assertTrue(wait_until_stopped(going, "the backfill is stopped"))
            catalog = sqlite3.connect(project.catalog, timeout=0)
            try:
                catalog.execute("begin immediate")
                return project, going
            except sqlite3.OperationalError:  # another thread of it was frozen within a transaction: nobody could commit
                os.kill(going.pid, signal.SIGCONT)
                going.wait(120)
            finally:
                catalog.close()
        raise AssertionError("the backfill always holds the catalog")

    def test_live_runs_go_on_meanwhile(self):
        self.serve()
        if not has_failpoints():
            self.skipTest("this build has no failpoints")
        project, going = self.stopped_backfill()
        for n in range(50, 56):
            self.put(n, day(n))
            project.run()
        os.kill(going.pid, signal.SIGCONT)
        self.assertEqual(going.wait(120), 0)
        self.assertEqual(self.ids(project), list(range(40)) + list(range(50, 56)))


class HistoryTest(DeletesCase):
    """The source changes at random; runs, kills, passes and backfills follow; in the end the table is the source."""

    POINTS = ("run.read", "run.stage", "merge.decide", "merge.write_planned", "run.before_commit", "run.after_commit",
              "run.committed", "backfill.slice")

    def mutate(self, rng, at):
        for _ in range(rng.randrange(1, 12)):
            key = rng.randrange(60)
            known = {row["id"] for row in self.orders.dicts()}
            kind = rng.random()
            if kind < 0.2 and key in known:
                self.orders.remove(key)
                self.items.rows = [entry for entry in self.items.rows if entry[0]["order_id"] != key]
                continue
            moment = at if kind < 0.7 else rng.randrange(at)  # else back-dated
            self.put(key, day(moment, rng.randrange(24)), status=rng.choice(["open", "closed", None]), value=rng.randrange(9))
            for line in range(4):
                if rng.random() < 0.3:
                    self.items.rows = [e for e in self.items.rows if (e[0]["order_id"], e[0]["line"]) != (key, line)]
                elif rng.random() < 0.4:
                    self.items.put({"order_id": key, "line": line, "amount": rng.randrange(100)})

    def sync(self, rng, project, now):
        kind = rng.random()
        arguments = ["run", "--json", "--yes"]
        if kind < 0.2:
            arguments.append("--reconcile")
        elif kind < 0.35 and "shop.orders" in project.tables():
            start = rng.randrange(40)
            arguments = ["backfill", "orders", "--from", day(start), "--to", day(start + rng.randrange(1, 30)), "--step", "6d"]
            if project.firn("backfill", "orders", "--status", "--json").json()["state"] == "open":
                arguments = ["backfill", "orders"]
        env = {"FIRN_NOW": now}
        if has_failpoints() and rng.random() < 0.4:
            env["FIRN_FAILPOINTS"] = f"{rng.choice(self.POINTS)}=kill@{rng.randrange(1, 4)}"
        result = project.firn(*arguments, env=env)
        self.assertIn(result.code, (0, -signal.SIGKILL), result)

    def check(self, project, version):
        truth = {row["id"]: (row["updated_at"], row["status"], row.get("value")) for row in self.orders.dicts()}
        lines = {(row["order_id"], row["line"]): row["amount"] for row in self.items.dicts() if row["order_id"] in truth}
        for engine in ("pyiceberg", "duckdb"):
            rows = self.reader.rows(project, "shop.orders", engine)
            self.assertEqual(len(rows), len(truth), (engine, SEED, version))
            for row in rows:
                at, status, value = truth[row["id"]]
                self.assertEqual((row["updated_at"].strftime("%Y-%m-%dT%H:%M:%SZ"), row["status"], row["value"]),
                                 (at, status, value), (engine, SEED, row["id"]))
            if "shop.items" in project.tables():
                rows = self.reader.rows(project, "shop.items", engine)
                self.assertEqual(len(rows), len(lines), (engine, SEED, version))
                self.assertEqual({(row["order_id"], row["line"]): row["amount"] for row in rows}, lines)

    def test_in_the_end_the_table_is_the_source(self):
        print(f"seed {SEED}, {ROUNDS} rounds", file=sys.stderr)
        for version, reconcile in ((2, "{every: 3d}"), (3, "{every: 2d, window: 20d}")):
            with self.subTest(version):
                rng = random.Random(f"{SEED} {version}")
                self.orders.rows.clear(), self.items.rows.clear()
                settings = ("        incremental: {cursor: updated_at, param: since, end_param: until, start: 2024-12-01}\n"
                            f"        deletes: missing\n        reconcile: {reconcile}\n        format_version: {version}\n")
                project = self.make(settings, ITEMS + f"        format_version: {version}\n")
                for round_ in range(ROUNDS):
                    at = 30 + round_
                    self.mutate(rng, at)
                    self.sync(rng, project, day(at + 1))
                if project.firn("backfill", "orders", "--status", "--json").json()["state"] == "open":
                    self.assertEqual(project.firn("backfill", "orders").code, 0)
                project.write(PROJECT.format(url=self.api.url, settings=settings.replace(", window: 20d", ""),
                                             more=ITEMS + f"        format_version: {version}\n"))
                project.run("--yes", "--reconcile", env={"FIRN_NOW": day(32 + ROUNDS)})
                self.check(project, version)
                self.assertNotIn(2, self.reader.delete_contents(project, "shop.orders"))


if __name__ == "__main__":
    unittest.main()
