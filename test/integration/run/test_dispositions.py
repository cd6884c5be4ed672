"""Whole runs of the binary, read back by two foreign readers."""

import datetime
import json
import os
import random
import signal
import subprocess
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.comparator import compare  # noqa: E402
from support.fake_api import FakeApi, Fault, Raw  # noqa: E402
from support.firn_project import PATIENCE, FirnProject, binary, has_failpoints, wait_until  # noqa: E402
from support.free_port import free_port  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

OWN = ("_firn_loaded_at", "_firn_run_id")
SEED = int(os.environ.get("FIRN_TEST_SEED", "1"))
ORDERS = """      orders:
        path: /v1/orders
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
"""
INCREMENTAL = """        incremental: {cursor: updated_at, param: since, order: asc}
"""


def at(second):
    return f"2025-01-01T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


class RunTest(ReaderCase):
    def setUp(self):
        self.random = random.Random(SEED)
        self.api = FakeApi()
        self.addCleanup(self.api.close)

    def project(self, tables, source="", top="", url=None, **options):
        text = f"""version: 1
lake: {{warehouse: ./lake}}
{top}pipelines:
  shop:
    source: {{type: rest, base_url: "{url or self.api.url}"{source}}}
    tables:
{tables}"""
        project = FirnProject(text, **options)
        self.addCleanup(project.__exit__)
        return project

    def order(self, number, second, **more):
        r = self.random
        return {"id": number, "updated_at": at(second), "status": r.choice(["open", "paid"]),
                "total": Raw(f"{r.randrange(10000)}.{r.randrange(100):02d}"), "placed": f"2025-02-{(number or 0) % 27 + 1:02d}",
                "customer": {"name": "Ada Ä陳", "address": {"zip": f"{number or 0:05d}", "lines": ["a", None]}}, **more}

    def orders(self, count=25, **options):
        table = self.api.table("orders", **options)
        for i in range(1, count + 1):
            table.put(self.order(i, i // 2))
        return table

    def check(self, project, table, texts, key=("id",), optional=(), extra=(), snapshot=None, **options):
        for engine in ("pyiceberg", "duckdb"):
            read = self.reader.read(project, table, engine, snapshot)
            differences, values = compare(list(texts), read["rows"], read["schema"], key, optional, extra=(*OWN, *extra),
                                          engine=engine, **options)
            self.assertEqual(differences, [], f"{table} by {engine}, seed {SEED}")
            self.assertGreater(values, 0 if texts else -1)

    # --- append ---

    def test_append_reads_what_is_new_and_ties_at_the_boundary_once(self):
        table = self.orders()
        project = self.project(ORDERS + INCREMENTAL + "        write_disposition: append\n")
        first = project.run().table("orders")
        self.assertEqual(first["rows"]["read"], 25)
        self.check(project, "shop.orders", table.texts())
        again = project.run().table("orders")
        self.assertEqual((again["rows"]["read"], again["rows"]["appended"]), (0, 0))
        self.assertNotIn("snapshot_id", again, "a run without news makes no snapshot")
        table.put(self.order(26, 12))  # the newest tick of the first run, seen late
        table.put(self.order(27, 13))
        self.api.forget_requests()
        third = project.run().table("orders")
        self.assertEqual(third["rows"]["appended"], 2)
        self.assertTrue(all("since=" in request for request in self.api.requests("/v1/orders")))
        self.check(project, "shop.orders", table.texts())

    def test_append_keeps_equal_rows_of_the_source(self):
        table = self.api.table("orders", key="none")
        for _ in range(3):
            table.put_text('{"updated_at":"2025-01-01T00:00:01Z","n":1}')
        project = self.project(ORDERS + INCREMENTAL + "        write_disposition: append\n")
        project.run()
        self.assertEqual(len(self.reader.rows(project, "shop.orders")), 3)
        table.put_text('{"updated_at":"2025-01-01T00:00:01Z","n":1}')
        project.run()
        self.assertEqual(len(self.reader.rows(project, "shop.orders")), 4)

    def test_epoch_and_date_cursors(self):
        for form, make in (("epoch_s", lambda i: 1735689600 + i), ("epoch_ms", lambda i: 1735689600000 + i),
                           ("%Y-%m-%d", lambda i: f"2025-01-{i:02d}")):
            with self.subTest(form), FakeApi() as self.api:
                table = self.api.table("orders", key="id", ordered=False)
                table.changed = None
                for i in range(1, 20):
                    table.put({"id": i, "at": make(i)})
                project = self.project(ORDERS + f'        incremental: {{cursor: at, param: since, format: "{form}"}}\n'
                                       "        write_disposition: append\n        primary_key: id\n")
                project.run()
                self.check(project, "shop.orders", table.texts())
                self.api.forget_requests()
                project.run()
                self.assertIn(f"since={make(19)}", self.api.log[0])
                self.check(project, "shop.orders", table.texts())

    # --- replace ---

    def test_replace_holds_the_newest_reading(self):
        for paging, text in (("page", "{type: page, total_pages: meta.pages}"),
                             ("offset", "{type: offset, page_size: 10, total_rows: meta.total}"),
                             ("next_url", "{type: next_url, next: meta.next}"), ("link_header", "link_header")):
            with self.subTest(paging), FakeApi() as self.api:
                table = self.orders(paging=paging, changed=None)
                project = self.project(f"      orders: {{path: /v1/orders, records: data, paginate: {text}, "
                                       "write_disposition: replace}\n")
                project.run()
                self.check(project, "shop.orders", table.texts())
                table.remove(3)
                table.put(self.order(4, 99))
                table.put(self.order(77, 99))
                project.run()
                self.check(project, "shop.orders", table.texts())

    def test_paging_is_found_out(self):
        for paging in ("cursor", "page", "offset", "next_url", "link_header", "none"):
            with self.subTest(paging), FakeApi() as self.api:
                table = self.orders(paging=paging, changed=None)
                project = self.project("      orders: {path: /v1/orders, write_disposition: replace}\n")
                result = project.firn("run", "--json")
                self.assertEqual(result.code, 0, result)
                self.check(project, "shop.orders", table.texts())

    def test_replace_by_nothing_is_refused(self):
        table = self.orders(changed=None)
        project = self.project(ORDERS + "        write_disposition: replace\n")
        project.run()
        kept = table.texts()
        for i in range(1, 26):
            table.remove(i)
        refused = project.run(code=6)
        self.assertIn("0 rows", refused.table("orders")["error"]["message"])
        self.check(project, "shop.orders", kept)
        project.write(project_text(project).replace("write_disposition: replace", "write_disposition: replace\n        allow_empty: true"))
        project.run()
        self.check(project, "shop.orders", [])

    # --- merge ---

    MERGE = ORDERS + INCREMENTAL + "        primary_key: id\n        delete_when: \"{{ record.deleted }}\"\n"

    def test_merge_updates_deletes_and_takes_the_last_of_duplicates(self):
        table = self.orders()
        project = self.project(self.MERGE)
        self.assertEqual(project.run().table("orders")["rows"]["inserted"], 25)
        table.put(self.order(3, 30))
        table.put(self.order(4, 31, deleted=True))
        table.put(self.order(26, 32))
        table.put_text(json.dumps({"id": 27, "updated_at": at(33), "status": "open"}))
        table.put_text(json.dumps({"id": 27, "updated_at": at(34), "status": "paid"}))
        rows = project.run().table("orders")["rows"]
        self.assertEqual((rows["inserted"], rows["deleted"]), (2, 1))
        current = {row["id"]: text for row, text in table.rows if not row.get("deleted")}
        self.check(project, "shop.orders", current.values())
        project.run()
        self.check(project, "shop.orders", current.values())

    def test_a_cursor_of_another_kind_is_the_fault_of_its_row(self):
        for write in ("append", "merge\n        primary_key: id"):
            with self.subTest(write), FakeApi() as self.api:
                table = self.orders(12)
                kept = list(table.texts())
                table.put({**self.order(90, 1), "updated_at": "n/a"})
                project = self.project(ORDERS + INCREMENTAL + f"        write_disposition: {write}\n        raw: archive\n")
                refused = project.run(code=1).table("orders")
                self.assertEqual(refused["error"]["code"], "E0437", refused)
                self.assertEqual(project.tables(), {})
                project.write(project_text(project) + "        on_error: quarantine\n")
                self.assertEqual(project.run().table("orders")["rows"]["quarantined"], 1)
                self.check(project, "shop.orders", kept)
                again = project.run().table("orders")
                self.assertEqual((again["rows"]["read"], again["rows"]["quarantined"]), (0, 0), "it is known again")
                table.put(self.order(13, 30))
                kept.append(table.texts()[-1])
                table.put({**self.order(91, 1), "updated_at": False})
                if has_failpoints():
                    for point in ("run.before_commit", "run.after_commit"):
                        self.assertEqual(project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"}).code, -signal.SIGKILL)
                project.run()
                self.assertIn(f"cursor {at(30)}", project.firn("status").out)

                def check():
                    self.check(project, "shop.orders", kept)
                    names = [field["name"] for field in project.metadata("shop.orders")["schemas"][-1]["fields"]]
                    self.assertNotIn("updated_at__string", names)
                check()
                quarantine = self.reader.rows(project, "shop._quarantine")
                self.assertEqual(sorted(json.loads(row["record"])["id"] for row in quarantine), [90, 91])
                self.assertTrue(all("cursor updated_at" in row["reason"] for row in quarantine), quarantine)
                if write != "append":  # of a run that was killed the archive does not say how far it was committed
                    self.assertEqual(project.firn("rederive", "orders", "--yes").code, 0)
                    check()

    def test_only_true_deletes(self):
        table = self.orders(3)
        project = self.project(self.MERGE)
        project.run()
        kept = list(table.texts())
        for key, value in ((1, "false"), (2, True)):
            table.put(self.order(key, 30 + key, deleted=value))
        refused = project.run(code=1)
        self.assertEqual(refused.table("orders")["error"]["code"], "E0446")
        self.check(project, "shop.orders", kept)
        project.write(project_text(project) + "        on_error: quarantine\n")
        rows = project.run().table("orders")["rows"]
        self.assertEqual((rows["deleted"], rows["quarantined"]), (1, 1))
        quarantine = self.reader.rows(project, "shop._quarantine")
        self.assertEqual([json.loads(r["record"])["id"] for r in quarantine], [1])
        self.assertIn("not true or false", quarantine[0]["reason"])

    def test_a_key_that_is_deleted_and_comes_back(self):
        table = self.orders(5)
        project = self.project(self.MERGE)
        table.put(self.order(2, 10, deleted=True))
        project.run()
        self.check(project, "shop.orders", [t for r, t in table.rows if r["id"] != 2])
        table.put(self.order(2, 11, deleted=False))
        project.run()
        self.check(project, "shop.orders", table.texts())

    def test_rows_with_a_null_key_go_to_the_quarantine(self):
        table = self.orders(5)
        table.put(self.order(None, 1, note="no key"))
        project = self.project(self.MERGE)
        self.assertEqual(project.run().table("orders")["rows"]["quarantined"], 1)
        quarantine = self.reader.rows(project, "shop._quarantine")
        self.assertEqual([(r["table"], json.loads(r["record"])["note"]) for r in quarantine], [("orders", "no key")])
        self.check(project, "shop.orders", [t for r, t in table.rows if r["id"] is not None])
        project.run()
        self.assertEqual(len(self.reader.rows(project, "shop._quarantine")), 1)

    def test_composite_keys(self):
        table = self.api.table("orders", key="n")
        for n, (a, b) in enumerate([(1, "x"), (1, "y"), (2, "x"), (1, "x")]):
            table.put({"n": n, "a": a, "b": b, "updated_at": at(n)})
        project = self.project(ORDERS + INCREMENTAL + "        primary_key: [a, b]\n")
        project.run()
        self.check(project, "shop.orders", table.texts()[1:], key=("n",))

    def test_a_merge_commit_of_many_rounds_equals_the_source(self):
        table = self.orders(60, page_size=17)
        project = self.project(self.MERGE + "        partition_by: [status, \"bucket(4, id)\"]\n")
        for round_ in range(6):
            for n in range(12):
                table.put(self.order(self.random.randint(1, 80), 100 + round_ * 20 + n, deleted=self.random.random() < 0.2))
            project.run()
            self.check(project, "shop.orders", [t for r, t in table.rows if not r.get("deleted")])

    # --- parents and children ---

    FAMILY = MERGE.replace('        delete_when: "{{ record.deleted }}"\n', "") + """      items:
        parent: orders
        path: /v1/orders/{{ parent.id }}/items
        records: data
        paginate: none
        include: {parent_id: parent.id, parent_status: parent.status}
        primary_key: [order_id, line]
"""

    def test_children_of_changed_parents_are_read(self):
        orders = self.orders(6)
        items = self.api.table("items", key="line", changed=None, paging="none", parent="order_id")
        for order in range(1, 7):
            for line in range(1, order % 3 + 1):
                items.put({"order_id": order, "line": line, "price": Raw("1.50")})
        project = self.project(self.FAMILY)
        project.run()
        self.check(project, "shop.orders", orders.texts())
        extra = ("parent_id", "parent_status")
        self.check(project, "shop.items", items.texts(), key=("order_id", "line"), extra=extra)
        status = {r["id"]: r["status"] for r in orders.dicts()}
        for row in self.reader.rows(project, "shop.items"):
            self.assertEqual((row["parent_id"], row["parent_status"]), (row["order_id"], status[row["order_id"]]))
        items.put({"order_id": 3, "line": 9, "price": Raw("2.5")})
        orders.put(self.order(3, 50))
        self.api.forget_requests()
        project.run()
        self.check(project, "shop.items", items.texts(), key=("order_id", "line"), extra=extra)
        self.assertNotIn("/v1/orders/1/items", self.api.log, "an unchanged parent is not asked again")

    def test_a_failing_child_leaves_both_tables_as_they_were(self):
        self.test_children_of_changed_parents_are_read()  # makes the tables
        orders, items = self.api.tables["orders"], self.api.tables["items"]
        project = self.project(self.FAMILY)
        project.run()
        before = orders.texts()
        orders.put(self.order(7, 60))
        items.put({"order_id": 7, "line": 1, "price": Raw("3.0")})
        self.api.fail("/v1/orders/7/items", Fault("403"), times=99)
        self.assertNotEqual(project.firn("run").code, 0)
        self.check(project, "shop.orders", before)
        self.api.faults.clear()
        self.assertEqual(project.firn("retry").code, 0)
        self.check(project, "shop.orders", orders.texts())
        self.check(project, "shop.items", items.texts(), key=("order_id", "line"), extra=("parent_id", "parent_status"))

    # --- partitions, schema, time travel ---

    def test_partitions(self):
        for spec in ("day(updated_at)", "hour(updated_at)", "month(placed)", "year(placed)", "bucket(8, id)", "status",
                     "truncate(2, status)", "truncate(10, id)"):
            with self.subTest(spec), FakeApi() as self.api:
                table = self.orders(40)
                table.put({"id": 41, "updated_at": at(21)})  # null in every partition column but those of time and key
                project = self.project(ORDERS + INCREMENTAL + f"        primary_key: id\n        partition_by: [\"{spec}\"]\n")
                project.run()
                self.check(project, "shop.orders", table.texts())
                table.put(self.order(5, 50000))
                project.run()
                self.check(project, "shop.orders", table.texts())
                self.assertEqual(len(project.metadata("shop.orders")["partition-specs"][0]["fields"]), 1)
                count = project.sql("select count(*) as n from shop.orders where id >= 20 and status is not null")
                self.assertEqual(count[0]["n"], sum(1 for r in table.dicts() if r["id"] >= 20 and r.get("status")))

    def test_the_schema_evolves_between_and_within_runs(self):
        table = self.orders(10)
        project = self.project(self.MERGE)
        project.run()
        table.put(self.order(11, 20, coupon="X", customer={"name": "B", "vip": True, "address": {"zip": "1", "geo": {"lat": Raw("1.5")}}}))
        table.put(self.order(12, 21, total="gratis", placed=7, lines=[{"sku": "a"}, {"sku": "b", "n": 1}]))
        table.put(self.order(13, 22, lines=[], customer={}, big=Raw("12345678901234567890")))
        result = project.run().table("orders")
        self.assertTrue(any("coupon" in change for change in result["schema_changes"]), result)
        table.put(self.order(14, 23, lines=[{"sku": 5}], big=1))
        project.run()
        self.check(project, "shop.orders", table.texts())

    def test_time_travel(self):
        table = self.orders(10)
        project = self.project(self.MERGE)
        project.run()
        first = project.metadata("shop.orders")["current-snapshot-id"]
        before = table.texts()
        table.put(self.order(1, 40, coupon="late"))
        table.put(self.order(11, 41))
        project.run()
        self.check(project, "shop.orders", table.texts())
        old = project.sql(f"select id, total from shop.orders at (version => {first}) order by id")
        self.assertEqual([row["id"] for row in old], list(range(1, 11)))
        stamp = next(s for s in project.metadata("shop.orders")["snapshots"] if s["snapshot-id"] == first)["timestamp-ms"]
        text = datetime.datetime.fromtimestamp(stamp / 1000, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f+00")
        old = project.sql(f"select count(*) as n from shop.orders at (timestamp => timestamptz '{text}')")
        self.assertEqual(old, [{"n": 10}])
        rows = self.reader.rows(project, "shop.orders", snapshot=first)
        self.assertEqual(sorted(r["id"] for r in rows), list(range(1, 11)))
        self.assertEqual(len(before), 10)
        history = project.firn("history", "shop.orders", "--json").json()
        self.assertEqual(len(history), 2)
        metadata = project.firn("table", "metadata", "shop.orders").out.strip()
        self.assertEqual(project.sql(f"select count(*) as n from iceberg('{metadata}')"), [{"n": 11}])

    def test_bad_json_is_quarantined_and_the_rest_of_the_page_survives(self):
        table = self.orders(5)
        table.put_text('{"id":6,"updated_at":"2025-01-01T00:00:02Z","status":"canary}')
        table.put_text('{"id":7,"updated_at":"2025-01-01T00:00:03Z","status":"ok"}')
        project = self.project(self.MERGE)
        failed = project.firn("run", "--json")
        self.assertNotEqual(failed.code, 0)
        self.assertNotIn("canary", failed.out + failed.err, "an excerpt shows structure only")
        self.assertEqual(project.tables(), {})

    def test_a_record_that_does_not_parse_is_quarantined(self):
        table = self.orders(5)
        table.put_text('{"id":6,"updated_at":"2025-01-01T00:00:02Z","status":tru}')
        table.put_text('{"id":7,"updated_at":"2025-01-01T00:00:03Z","status":"ok"}')
        project = self.project(self.MERGE + "        on_error: quarantine\n")
        self.assertEqual(project.run().table("orders")["rows"]["quarantined"], 1)
        self.check(project, "shop.orders", [t for t in table.texts() if "tru}" not in t])
        self.assertEqual(len(self.reader.rows(project, "shop._quarantine")), 1)

    def test_types_guessed_from_the_first_rows_are_taken_back(self):
        """The first pages are enough to guess types by, and rows are written; then come rows that say otherwise."""
        for disposition in ("append", "merge\n        primary_key: id"):
            table = self.api.table(f"orders_{disposition[:5]}", page_size=500)
            for i in range(1, 2501):
                more = {"note": "x" * 200} if i < 2000 else {"extra": {"n": i}, "total": "free", "placed": "soon"}
                table.put_text(json.dumps({**{k: str(v) for k, v in self.order(i, i).items() if k != "id"}, "id": i, **more}))
            table.put_text('{"id":2501,"updated_at":"2025-01-01T00:00:02Z","status":tru}')
            table.put_text('{"id":2,"status":"again","updated_at":"2025-01-01T00:00:02Z"}' if "merge" in disposition
                           else '{"id":2502,"updated_at":"2025-01-01T00:00:02Z"}')
            project = self.project(f"""      orders:
        path: /v1/orders_{disposition[:5]}
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        on_error: quarantine
        write_disposition: {disposition}
""")
            result = project.run().table("orders")
            self.assertEqual(result["rows"]["quarantined"], 1)
            self.assertEqual(len(self.reader.rows(project, "shop._quarantine")), 1)
            texts = [t for t in table.texts() if "tru}" not in t]
            if "merge" in disposition:
                texts = [t for t in texts if json.loads(t)["id"] != 2] + [texts[-1]]
            self.check(project, "shop.orders", texts)

    # --- choosing what runs ---

    def test_full_refresh_reads_everything_anew(self):
        table = self.orders()
        project = self.project(self.MERGE)
        project.run()
        table.remove(7)  # no tombstone: only a full refresh sees it
        project.run()
        self.assertEqual(len(self.reader.rows(project, "shop.orders")), 25)
        project.run("--full-refresh")
        self.check(project, "shop.orders", table.texts())
        self.assertEqual(project.run().table("orders")["rows"]["updated"], 0)

    TWO = ORDERS + INCREMENTAL + "        write_disposition: append\n      stores: {path: /v1/stores, records: data, paginate: none}\n"

    def two(self):
        self.orders()
        stores = self.api.table("stores", paging="none", changed=None)
        stores.put({"id": 1, "name": "A"})
        return self.project(self.TWO, source=", retry: {attempts: 2, total: 5s}")

    def test_select_runs_only_what_is_named(self):
        project = self.two()
        result = project.run("--select", "stores").json()
        self.assertEqual([t["table"] for t in result["tables"]], ["stores"])
        self.assertEqual(set(project.tables()), {"shop.stores"})
        unknown = project.firn("run", "--select", "nothing")
        self.assertEqual(unknown.code, 2, unknown)
        self.assertIn("stores", unknown.err)

    def test_one_failing_table_does_not_stop_the_other(self):
        project = self.two()
        self.api.fail("/v1/stores", Fault("500"), times=99)
        result = project.run(code=3)
        self.assertEqual((result.table("orders")["state"], result.table("stores")["state"]), ("completed", "failed"))
        self.check(project, "shop.orders", self.api.tables["orders"].texts())
        self.assertEqual(project.firn("status", "--check").code, 3)
        self.api.faults.clear()
        self.api.forget_requests()
        retried = project.firn("retry", "--json")
        self.assertEqual((retried.code, [t["table"] for t in retried.json()["tables"]]), (0, ["stores"]), retried)
        self.assertEqual(self.api.requests("/v1/orders"), [])
        self.assertEqual(project.firn("status", "--check").code, 0)

    def test_what_a_killed_run_had_to_do_is_retried(self):
        if not has_failpoints():
            return
        project = self.two()
        killed = project.firn("run", env={"FIRN_FAILPOINTS": "rest.before_request=kill"})
        self.assertEqual(killed.code, -9, killed)
        self.assertRegex(project.firn("runs").out, r"interrupted +-")
        retried = project.firn("retry", "--json")
        self.assertEqual(sorted(table["table"] for table in retried.json()["tables"]), ["orders", "stores"], retried)
        self.check(project, "shop.orders", self.api.tables["orders"].texts())

    def test_faults_that_pass_are_not_seen_in_the_table(self):
        for kind in ("429", "500", "503", "reset", "truncated", "close"):
            with self.subTest(kind), FakeApi() as self.api:
                table = self.orders(30)
                self.api.fail("/v1/orders", Fault(kind, retry_after="0"), times=2, skip=1)
                project = self.project(self.MERGE)
                result = project.run().table("orders")
                self.assertGreaterEqual(result["requests"]["retries"] + result["requests"]["throttled"], 1, result)
                self.check(project, "shop.orders", table.texts())

    def test_html_with_status_200_is_an_error_and_no_short_table(self):
        self.orders(30)
        self.api.fail("/v1/orders", Fault("html"), times=99, skip=1)
        project = self.project(self.MERGE, source=", retry: {attempts: 2, total: 5s}")
        self.assertIn(project.firn("run").code, (1, 5))
        self.assertEqual(project.tables(), {})

    # --- exit codes ---

    def test_exit_4_for_refused_credentials(self):
        self.api.token = "right"
        self.orders()
        project = self.project(self.MERGE, source=', auth: {type: bearer, token: "${env:SHOP_TOKEN}"}')
        refused = project.firn("run", env={"SHOP_TOKEN": "wrong-secret-token"})
        self.assertEqual(refused.code, 4, refused)
        self.assertNotIn("wrong-secret-token", refused.out + refused.err)
        self.assertEqual(project.firn("run", env={"SHOP_TOKEN": "right"}).code, 0)
        unset = project.firn("run")
        self.assertEqual(unset.code, 2, unset)
        self.assertIn("SHOP_TOKEN", unset.err)

    def test_exit_5_for_an_unreachable_source(self):
        project = self.project(self.MERGE, source=", retry: {attempts: 2, total: 5s}", url=f"http://127.0.0.1:{free_port()}")
        result = project.firn("run")
        self.assertEqual(result.code, 5, result)

    def hold(self, project, *arguments):
        """Starts a run that waits at its first request until released."""
        release, reached = threading.Event(), threading.Event()

        def hook(path):
            reached.set()
            release.wait(60)

        self.api.hook = hook
        self.addCleanup(release.set)
        process = project.start("run", *arguments)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(reached.wait(30 * PATIENCE), "no request came")
        return process, release

    def test_exit_7_while_another_run_is_running_and_never_after_it_died(self):
        table = self.orders()
        project = self.project(self.MERGE)
        process, release = self.hold(project)
        busy = project.firn("run")
        self.assertEqual(busy.code, 7, busy)
        process.kill()
        process.wait()
        release.set()
        self.assertEqual(project.firn("run").code, 0)
        self.check(project, "shop.orders", table.texts())

    def test_signals_end_at_a_clean_point(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            with self.subTest(number), FakeApi() as self.api:
                table = self.orders(40)
                project = self.project(ORDERS + INCREMENTAL + "        write_disposition: append\n        commit_bytes: 1KiB\n")
                project.run()
                for i in range(41, 200):
                    table.put(self.order(i, i))
                release = threading.Event()

                def hook(path):
                    if "cursor=" in path and len(self.api.requests("cursor=")) > 12:
                        release.wait(120 * PATIENCE)

                before = len(project.metadata("shop.orders")["snapshots"])
                self.api.forget_requests()
                self.api.hook = hook
                process = project.start("run")
                wait_until(lambda: len(project.metadata("shop.orders")["snapshots"]) > before, "a commit while reading")
                process.send_signal(number)
                try:
                    self.assertEqual(process.wait(30 * PATIENCE), code)  # not for the page that is held back
                finally:
                    release.set()
                    process.kill()
                self.api.hook = None
                kept = len(self.reader.rows(project, "shop.orders"))
                self.assertGreater(kept, 40, "progress of a stable append is kept")
                project.run()
                self.check(project, "shop.orders", table.texts())

    # --- other forms ---

    def test_the_flat_json_project(self):
        table = self.orders(paging="page", changed=None, records=".", page_size=100)
        self.api.prefix = ""
        self.api.token = "t0ken"
        flat = {"pipeline_name": "shop", "dataset_name": "sales", "table_name": "orders", "base_url": self.api.url,
                "bearer_token": "${env:SHOP_TOKEN}", "write_disposition": "merge", "primary_key": "id",
                "buffer_max_items": 10, "file_max_items": 20, "file_max_bytes": 1000000}
        project = FirnProject(json.dumps(flat), file="project.json", env={"SHOP_TOKEN": "t0ken"})
        self.addCleanup(project.__exit__)
        result = project.firn("run", "project.json")
        self.assertEqual(result.code, 0, result)
        self.check(project, "sales.orders", table.texts())

    def test_the_result_object(self):
        project = self.two()
        result = project.run().json()
        for key in ("run_id", "tables", "version", "state"):
            self.assertIn(key, result)
        self.assertEqual(result["state"], "completed")
        for table in result["tables"]:
            for key in ("identifier", "state", "rows", "requests", "commits", "snapshot_id", "schema_changes", "warnings"):
                self.assertIn(key, table)
        stream = project.firn("run", "--json-stream")
        lines = [json.loads(line) for line in stream.out.splitlines()]
        self.assertEqual(lines[0]["type"], "version")
        self.assertEqual(lines[-1]["type"], "result")

    def test_limits_windows_and_dry_runs(self):
        self.orders(30)
        project = self.project(self.MERGE)
        dry = project.firn("run", "--dry-run")
        self.assertEqual((dry.code, self.api.log), (0, []), dry)
        project.run("--max-rows", "7")
        self.assertEqual(len(self.reader.rows(project, "shop.orders")), 7)
        project.run()
        self.check(project, "shop.orders", self.api.tables["orders"].texts())

    def test_a_cut_reading_never_passes_for_the_whole(self):
        table = self.orders(30)
        project = self.project(ORDERS + "        write_disposition: replace\n")
        part = project.run("--max-rows", "7").table("orders")
        self.assertEqual(part["rows"]["read"], 7)
        self.assertIn("a part of the source", part["warnings"][0])
        project.run()
        self.check(project, "shop.orders", table.texts())
        refused = project.run("--max-rows", "7", code=2)
        self.assertEqual(refused.table("orders")["error"]["code"], "E0833", refused)
        self.check(project, "shop.orders", table.texts())

    def test_a_cut_append_goes_on_where_it_stopped(self):
        table = self.orders(35, page_size=10)
        project = self.project(ORDERS + INCREMENTAL + "        write_disposition: append\n")
        self.assertEqual(project.run("--max-rows", "3", code=2).table("orders")["error"]["code"], "E0831")
        anew = project.run("--full-refresh", "--max-rows", "25", code=2).table("orders")
        self.assertEqual(anew["error"]["code"], "E0833", "rows behind the last position would come again")
        first = project.run("--max-rows", "25").table("orders")
        self.assertEqual(first["rows"]["read"], 20, first)
        project.run("--max-rows", "25")
        project.run()
        self.check(project, "shop.orders", table.texts())

    def test_a_window_of_an_append_table_is_asked_about(self):
        table = self.orders(12)
        project = self.project(ORDERS + INCREMENTAL + "        write_disposition: append\n")
        window = ("--from", "2025-01-01T00:00:00Z")
        self.assertEqual(project.run(*window, code=2).table("orders")["error"]["code"], "E0832")
        project.run()
        self.check(project, "shop.orders", table.texts())
        before = project.firn("state", "get", "orders").out
        result = project.run(*window, "--yes").table("orders")
        self.assertEqual(len(self.reader.rows(project, "shop.orders")), 24)
        self.assertEqual(project.firn("state", "get", "orders").out, before)
        self.assertEqual(result["position_after"], result["position_before"], "a position that was not saved is not told")

    def test_files_and_batches_of_so_many_rows(self):
        table = self.orders(100, page_size=60)
        project = self.project(self.MERGE + "        file_max_rows: 30\n        batch_rows: 7\n")
        project.run()
        self.check(project, "shop.orders", table.texts())
        self.assertEqual(len(os.listdir(project.path("lake", "shop", "orders", "data"))), 4)

    def test_static_partitions_of_a_request(self):
        table = self.orders(20)
        project = self.project(self.MERGE + "        partitions: {param: region, values: [eu, us]}\n")
        project.run()
        self.assertTrue(self.api.requests("region=eu") and self.api.requests("region=us"))
        self.check(project, "shop.orders", table.texts())

    def test_rederive_rebuilds_from_the_archive(self):
        table = self.orders(20)
        project = self.project(self.MERGE)
        project.run()
        table.put(self.order(3, 30))
        project.run()
        self.api.forget_requests()
        result = project.firn("rederive", "orders", "--yes")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(self.api.log, [], "the source is not asked")
        self.check(project, "shop.orders", table.texts())

    def test_memory_and_threads_do_not_change_the_rows(self):
        table = self.api.table("orders", changed=None, page_size=200)
        for i in range(2000):
            table.put({"id": i, "v": self.random.choice([1, Raw("1.5"), "x", None, [1], {"a": i}]), f"k{i % 40}": i})
        for arguments in (("--threads", "1"), ("--threads", "4"), ("--memory", "64MiB")):
            with self.subTest(arguments):
                project = self.project(ORDERS + "        primary_key: id\n")
                project.run(*arguments)
                self.check(project, "shop.orders", table.texts())


def project_text(project):
    with open(project.path(project.file)) as file:
        return file.read()


if __name__ == "__main__":
    binary()
    print(f"seed {SEED}", flush=True)
    unittest.main()
