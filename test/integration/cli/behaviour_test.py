"""What a run tells, keeps and leaves alone, seen from outside."""

import json
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Fault, Raw  # noqa: E402
from support.firn_project import PATIENCE, FirnProject, binary, has_failpoints, wait_until, wait_until_stopped  # noqa: E402


class BehaviourTest(unittest.TestCase):
    maxDiff = None

    def api(self):
        api = FakeApi()
        self.addCleanup(api.close)
        return api

    def project(self, tables, source="", env=None, url="http://127.0.0.1:1", top=""):
        text = (f"version: 1\n{top}pipelines:\n  shop:\n    source:\n      type: rest\n      base_url: {url}\n{source}"
                f"    dataset: shop\n    tables:\n{tables}")
        project = FirnProject(text, env=env)
        self.addCleanup(project.__exit__)
        return project

    def everything(self, project):
        return sorted(os.path.relpath(path, project.folder) for path in project.files())

    # What only looks leaves no trace.
    def test_commands_that_look_create_nothing_in_a_project_without_a_lake(self):
        api = self.api()
        orders = api.table("orders")
        orders.put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n", url=api.url)
        for arguments in (("plan",), ("plan", "--json"), ("run", "--dry-run"), ("validate",), ("preview", "orders"), ("doctor",), ("status",),
                          ("runs",), ("logs",), ("tables",), ("state", "get", "orders"), ("history", "shop.orders"), ("config", "show"),
                          ("sql", "select 1 as one"), ("sql", "select * from iceberg('nothing.metadata.json')"), ("init", "--print", api.url + "/v1/orders")):
            with self.subTest(arguments):
                result = project.firn(*arguments)
                self.assertIn(result.code, (0, 1, 2), result)
                self.assertEqual((self.everything(project), sorted(os.listdir(project.folder))), (["firn.yaml"], ["firn.yaml"]), result)
        self.assertIn("1 to create", project.firn("plan").out)

    def test_tables_are_selected_by_tag_pattern_and_failure(self):
        api = self.api()
        for name in ("orders", "order_items", "people"):
            api.table(name).put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        project = self.project("      orders: {path: /v1/orders, tags: money}\n      order_items: {path: /v1/order_items, tags: [money]}\n"
                               "      people: {path: /v1/people}\n", url=api.url)

        def ran(*arguments, code=0):
            return sorted(table["table"] for table in project.run(*arguments, code=code).json()["tables"])

        self.assertEqual(ran("--select", "state:failed"), [])
        self.assertEqual(ran("--select", "order*", "--exclude", "tag:m*"), [])
        self.assertEqual(ran("--select", "tag:money"), ["order_items", "orders"])
        api.fail("/v1/people", Fault("403"), times=1)
        self.assertEqual(ran("--exclude", "order_items", code=3), ["orders", "people"])
        self.assertEqual(ran("--select", "state:failed"), ["people"])
        self.assertEqual(ran("--select", "state:failed"), [])
        self.assertIn("E0230", project.run("--select", "tag:none", code=2).err)

    def test_commands_that_ask_no_source_need_nothing_of_it(self):
        api = self.api()
        api.table("orders").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        project = self.project("      orders: {path: /v1/orders}\n", source="      auth: {type: bearer, token: \"${env:SHOP_TOKEN}\"}\n", url=api.url)
        project.run(env={"SHOP_TOKEN": "a-token-of-the-shop"})
        for command in (("status",), ("status", "--check"), ("runs",), ("logs",), ("sql", "from shop.orders"), ("tables",), ("history", "shop.orders"),
                        ("config", "show"), ("table", "maintain", "shop.orders"), ("connect", "duckdb")):
            result = project.firn(*command)
            self.assertEqual(result.code, 0, result)
        self.assertIn("E0301", project.firn("run").err)

    def test_a_new_connector_is_valid_and_laid_out(self):
        project = self.project("      orders: {path: /v1/orders}\n")
        result = project.firn("new", "connector", "my-shop")
        self.assertEqual(result.code, 0, result)
        self.assertEqual(project.firn("fmt", "--check", "my-shop.yaml").code, 0)
        self.assertEqual(project.firn("validate", "--offline").code, 0)
        again = project.firn("new", "connector", "my-shop")
        self.assertEqual((again.code, "E0851" in again.err), (2, True), again)
        self.assertEqual(project.firn("new", "connector", "../up").code, 2)

    def test_fmt_changes_the_layout_and_nothing_else(self):
        project = self.project("      orders: {path: /v1/orders}\n")
        before = project.firn("config", "show", "--resolved").out
        with open(project.path("firn.yaml")) as file:
            text = file.read()
        project.write("# mine\n" + text.replace("    source:\n      type: rest\n", "    source:\n            type: rest  \n").replace(
            "      base_url", "            base_url"))
        self.assertEqual(project.firn("fmt", "--check").code, 1)
        self.assertEqual(project.firn("fmt").code, 0)
        with open(project.path("firn.yaml")) as file:
            self.assertEqual(file.read(), "# mine\n" + text)
        self.assertEqual((project.firn("fmt", "--check").code, project.firn("config", "show", "--resolved").out), (0, before))
        self.assertEqual(project.firn("fmt", "-", input="a:\n    b: 1\n").out, "a:\n  b: 1\n")
        self.assertIn("E0101", project.firn("fmt", "-", input="a: [").err)

    # A child's 404 is no failure of the group.
    def test_a_missing_child_is_counted_and_the_group_goes_on(self):
        api = self.api()
        orders = api.table("orders", paging="none")
        for i in range(3):
            orders.put({"id": i, "updated_at": "2025-01-01T00:00:00Z"})
        items = api.table("items", key="line", changed=None, parent="order_id", paging="none")
        for i in range(3):
            items.put({"line": i, "order_id": i})
        api.fail("/v1/orders/1/items", Fault("404"), times=99)
        text = ("      orders: {path: /v1/orders, primary_key: id}\n"
                "      items: {parent: orders, path: '/v1/orders/{{ parent.id }}/items', include: {order_id: parent.id}, "
                "primary_key: [order_id, line]%s}\n")
        project = self.project(text % "", url=api.url)
        table = project.run().table("items")
        self.assertEqual((table["rows"]["read"], table["requests"]["empty"]), (2, 1), table)
        self.assertIn("means no rows: 1", " ".join(table["warnings"]))
        strict = self.project(text % ", on_status: {404: fail}", url=api.url)
        self.assertEqual(strict.run(code=2).table("items")["state"], "failed")

    # Who waits says so.
    def test_waiting_for_a_dead_server_is_told_off_a_terminal(self):
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n")
        result = project.firn("run")
        self.assertEqual(result.code, 5, result)
        lines = re.findall(r"shop\.orders: waiting .* s, attempt \d+ of 8: no connection: .*127\.0\.0\.1:1.*; gives up in \S+", result.err)
        self.assertIn(len(lines), range(1, 7), result.err)  # at most every five seconds, so not each of the seven waits
        self.assertEqual(project.firn("run", "--quiet").err.count("waiting"), 0)
        stream = [json.loads(line) for line in project.firn("run", "--json-stream").out.splitlines()]
        self.assertTrue([line for line in stream if line["type"] == "wait" and line["attempt"] >= 2], stream)

    def test_waiting_for_a_429_is_told(self):
        api = self.api()
        api.table("orders", paging="none").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        api.fail("/v1/orders", Fault("429", retry_after="120"), times=1)
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n", url=api.url)
        result = project.firn("run")
        self.assertEqual(result.code, 0, result)
        self.assertRegex(result.err, r"shop\.orders: waiting 2m\S*, attempt 2 of 8: .*429.*; gives up in")

    # The log of a run.
    def test_each_run_has_a_log_that_can_be_filtered(self):
        api = self.api()
        orders = api.table("orders", paging="none")
        orders.put({"id": 1, "updated_at": "2025-01-01T00:00:00Z", "tags": []})
        api.table("items", paging="none").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        api.fail("/v1/items", Fault("403"), times=99)
        secret = "tok-0123456789abcdef"
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n      items: {path: /v1/items, primary_key: id}\n",
                               source="      auth: {type: bearer, token: \"${env:SHOP_TOKEN}\"}\n", env={"SHOP_TOKEN": secret}, url=api.url)
        run = project.run(code=3).json()["run_id"]
        path = project.path(".firn", "runs", run, "log.jsonl")
        with open(path) as file:
            text = file.read()
        self.assertNotIn(secret, text)
        events = [json.loads(line)["event"] for line in text.splitlines()]
        self.assertEqual((events[0], events[-1]), ("run begins", "run ends"))
        self.assertEqual({"table completed", "table failed", "note"} - set(events), set())
        lines = [json.loads(line) for line in project.firn("logs", "--json").out.splitlines()]
        self.assertEqual([line["event"] for line in lines], events)
        for name in ("items", "shop.items"):
            lines = [json.loads(line) for line in project.firn("logs", run[:13], "--table", name, "--json").out.splitlines()]
            self.assertEqual({line["table"] for line in lines}, {"shop.items"})
        errors = project.firn("logs", "--level", "error").out
        self.assertRegex(errors, r"^\S+Z error table failed  table=shop\.items  fault=credentials")
        self.assertEqual(len(errors.splitlines()), 1)
        project.run(code=3)
        self.assertNotEqual(project.firn("logs").out, project.firn("logs", run).out)
        self.assertEqual(len(os.listdir(project.path(".firn", "runs"))), 2)

    def test_logs_follow_a_run_until_it_ends(self):
        api = self.api()
        api.table("orders", paging="none").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        api.fail("/v1/orders", Fault("500"), times=3)
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n", url=api.url)
        run = project.start("run", env={"FIRN_SLEEP_SCALE": "0.5"})
        self.addCleanup(run.kill)
        wait_until(lambda: project.firn("runs", "--json").out.strip() not in ("", "[]"), "the run is in the history")
        followed = project.firn("logs", "-f", "--json")
        self.assertEqual(followed.code, 0, followed)
        events = [json.loads(line)["event"] for line in followed.out.splitlines()]
        self.assertEqual((events[0], events[-2]), ("run begins", "table completed"), followed)
        self.assertIn("waiting to ask again", events)
        self.assertEqual(run.wait(30 * PATIENCE), 0)

    # A stop keeps what was read.
    def test_a_stopped_append_keeps_the_rows_up_to_its_last_position(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        api = self.api()
        orders = api.table("orders", page_size=5)
        for i in range(10):
            orders.put({"id": i, "updated_at": f"2025-01-01T00:00:{i:02d}Z"})
        project = self.project("      orders: {path: /v1/orders, primary_key: id, write_disposition: append, records: data, "
                               "paginate: {type: cursor, next: meta.next, param: cursor}, "
                               "incremental: {cursor: updated_at, param: since, order: asc}}\n", url=api.url)
        project.run()
        for i in range(10, 60):
            orders.put({"id": i, "updated_at": f"2025-01-01T00:00:{i:02d}Z"})
        api.forget_requests()
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        api.hook = lambda path: go_on.wait(60) if len(api.requests("/v1/orders")) > 6 else None
        run = project.start("run", "--threads", "2", env={"FIRN_FAILPOINTS": "run.read=stop@5"})  # when four pages are loaded
        self.addCleanup(run.kill)
        self.assertTrue(wait_until_stopped(run))
        run.send_signal(signal.SIGTERM)
        run.send_signal(signal.SIGCONT)
        self.assertEqual(run.wait(30 * PATIENCE), 143)  # before the page that never comes
        kept = [row["id"] for row in project.sql("select id from shop.orders order by id")]
        self.assertGreater(len(kept), 10 + 5)
        self.assertEqual(kept, list(range(len(kept))))
        go_on.set()
        api.hook = None
        project.run()
        self.assertEqual([row["id"] for row in project.sql("select id from shop.orders order by id")], list(range(60)))

    # What a run leaves behind is put in order.
    def test_raw_bodies_are_kept_as_long_as_the_retention_says(self):
        api = self.api()
        api.table("orders", paging="none").put({"id": 1, "updated_at": "2025-01-01T00:00:00Z"})
        # A merge is what all its runs gave, so rederive needs them, and they stay.
        for write, retention, kept in (("replace", "0", 1), ("replace", "30d", 3), ("merge", "0", 3)):
            project = self.project("      orders: {path: /v1/orders, primary_key: id, write_disposition: %s, "
                                   "raw: {mode: archive, retention: %s}}\n" % (write, retention), url=api.url)
            runs = [project.run().json()["run_id"] for _ in range(3)]
            folders = {os.path.basename(os.path.dirname(path)) for path in project.files("lake-raw") if path.endswith(".firnraw")}
            self.assertEqual(folders, set(runs[-kept:]))

    def test_quarantine_files_of_a_killed_run_are_collected(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        api = self.api()
        orders = api.table("orders", paging="none", changed=None)
        for i in range(3):
            orders.put({"id": i, "x": i})
        text = "      orders: {path: /v1/orders, primary_key: id, on_error: quarantine}\n      other: {path: /v1/other, primary_key: id}\n"
        project = self.project(text, url=api.url)
        other = api.table("other", paging="none", changed=None)
        other.put({"id": 5, "x": 1})
        other.put({"id": None, "x": 1})
        orders.put({"id": None, "x": 1})  # no key: to quarantine
        project.run()

        def data_files():
            return {os.path.basename(path) for path in project.files("lake/shop/_quarantine") if path.endswith(".parquet")}

        committed = data_files()
        self.assertTrue(committed)
        killed = project.firn("run", env={"FIRN_FAILPOINTS": "run.before_commit=kill"})
        self.assertEqual(killed.code, -9, killed)
        left = data_files() - committed
        self.assertTrue(left, "the killed run left files in the quarantine table's folder")
        orders.remove(None)
        other.remove(None)
        project.run()
        self.assertEqual(data_files() & left, set())
        self.assertTrue(committed <= data_files())
        self.assertEqual([path for path in project.files("lake") if "firn-staging" in path], [])
        self.assertGreater(project.sql("select count(*) as n from shop._quarantine")[0]["n"], 1)

    def test_processes_share_one_declared_rate(self):
        api = self.api()
        for name in ("a", "b"):
            table = api.table(name, page_size=1)
            for i in range(10):
                table.put({"id": i, "updated_at": f"2025-01-01T00:00:{i:02d}Z"})
        moments = []
        api.hook = lambda path: moments.append(time.monotonic())
        state = tempfile.mkdtemp(prefix="firn-state-")
        self.addCleanup(shutil.rmtree, state, True)
        source = "      rate_limit: {requests: 20, per: 1s}\n"
        projects = []
        for name in ("a", "b"):
            project = self.project("      %s: {path: /v1/%s, primary_key: id, paginate: {type: cursor, next: meta.next, param: cursor}, records: data}\n" % (name, name),
                                   source=source, url=api.url, top=f"state: {state}\n")
            with open(project.path("firn.yaml")) as file:
                project.write(file.read().replace("  shop:\n", f"  shop_{name}:\n", 1))
            projects.append(project)
        runs = [project.start("run", env={"FIRN_SLEEP_SCALE": "1"}) for project in projects]
        self.assertEqual([run.wait(60 * PATIENCE) for run in runs], [0, 0])
        moments.sort()
        self.assertEqual(len(moments), 20)
        self.assertGreaterEqual(moments[-1] - moments[0], 19 / 20 - 0.1)
        busiest = max(sum(1 for other in moments if 0 <= other - moment < 0.5) for moment in moments)
        self.assertLessEqual(busiest, 13)

    def test_validate_honours_set(self):
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n")
        self.assertEqual(project.firn("validate").code, 0)
        bad = project.firn("validate", "--set", "pipelines.shop.tables.orders.write_disposition=nonsense")
        self.assertEqual(bad.code, 2, bad)
        self.assertIn("write_disposition", bad.err)
        self.assertEqual(project.firn("validate", "--set", "pipelines.shop.source.base_url=https://api.example").code, 0)
        self.assertEqual(project.firn("validate", "--set", "nothing").code, 2)

    # Column names.
    def test_snake_case_names_with_merge_partitions_and_later_runs(self):
        api = self.api()
        orders = api.table("orders", paging="none", key="OrderID", changed=None)
        for i in range(4):
            orders.put({"OrderID": i, "orderId": i * 10, "createdAt": "2025-01-02T00:00:00Z", "shipTo": {"ZipCode": "1"}})
        tables = ("      orders: {path: /v1/orders, primary_key: OrderID, partition_by: [day(createdAt)], "
                  "columns: {createdAt: {type: timestamptz}}}\n")
        project = self.project(tables, url=api.url, top="naming: snake_case\n")
        project.run()
        orders.put({"OrderID": 1, "orderId": 11, "createdAt": "2025-01-02T00:00:00Z", "shipTo": {"ZipCode": "2", "newKey": 5}})
        orders.put({"OrderID": 9, "orderId": 90, "createdAt": "2025-01-03T00:00:00Z", "lastSeen": "x"})
        self.assertEqual(project.run().table("orders")["rows"]["inserted"], 1)
        rows = project.sql("select order_id, order_id__2, ship_to, last_seen from shop.orders order by 1")
        self.assertEqual([row["order_id"] for row in rows], [0, 1, 2, 3, 9])
        self.assertEqual((rows[1]["order_id__2"], rows[1]["ship_to"], rows[4]["last_seen"]), (11, {"zip_code": "2", "new_key": 5}, "x"))
        names = [field["name"] for field in project.metadata("shop.orders")["schemas"][-1]["fields"]]
        self.assertEqual(names, ["order_id", "order_id__2", "created_at", "ship_to", "_firn_loaded_at", "_firn_run_id", "last_seen"])

    # What was chosen about types is told.
    def test_run_and_plan_tell_the_choices_of_typing(self):
        api = self.api()
        orders = api.table("orders", paging="none", changed=None)
        orders.put({"id": 1, "x": 1, "tags": [], "Name": 1, "name": 2, "mix": Raw('[1,"a"]')})
        orders.put_text('{"id":2,"x":"a","z":1,"z":2}')
        project = self.project("      orders: {path: /v1/orders, primary_key: id}\n", url=api.url)
        told = "\n".join(project.run().table("orders")["warnings"])
        for part in ("x__string", "tags", "name__2", "several types", "came twice"):
            self.assertIn(part, told)
        plan = project.firn("plan")
        for part in ("x__string", "tags", "name__2", "several types"):
            self.assertIn(part, plan.out)
        self.assertTrue(json.loads(project.firn("plan", "--json").out)["tables"][0]["notes"])


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
