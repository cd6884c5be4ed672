"""Workflows of steps as sources of pipelines: see README.md."""

import copy
import json
import os
import sqlite3
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Fault, Raw  # noqa: E402
from support.firn_project import FirnProject, has_failpoints  # noqa: E402
from support import mariadb_server, postgres_server  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

TOKEN = "canary-token-of-a-workflow"
BEARER = {"Authorization": "Bearer {{ inputs.token }}"}
NEXT = "{{ body.meta.next ? {params: {cursor: body.meta.next}} : null }}"
WORKFLOW = {
    "steps": 1,
    "name": "shop",
    "inputs": {"url": {"doc": "Where the shop is"}, "token": {"secret": True}, "start": {"default": "2020-01-01T00:00:00Z"}},
    "do": [
        {"id": "list",
         "request": {"url": "{{ inputs.url }}/v1/orders", "params": {"since": "{{ state.since ?? inputs.start }}"}, "headers": BEARER},
         "paginate": {"next": NEXT},
         "rows": "{{ body.data }}"},
        {"id": "items", "for_each": "list",
         "request": {"url": "{{ inputs.url }}/v1/orders/{{ item.id }}/items", "headers": BEARER},
         "paginate": {"next": NEXT},
         "rows": "{{ body.data.map(line => ({...line, order_total: item.total})) }}"},
        {"id": "stores",
         "request": {"url": "{{ inputs.url }}/v1/stores", "headers": BEARER},
         "paginate": {"next": NEXT},
         "rows": "{{ body.data }}"},
        {"emit": "orders", "from": "list", "key": "id", "when": "{{ row.id !== 7 }}",
         "transform": "{{ ({...row, cents: Math.round(Number(row.total) * 100)}) }}"},
        {"emit": "items", "from": "items", "key": ["order", "id"]},
        {"emit": "stores", "from": "stores"},
    ],
    "state": {"since": {"start": None, "from": "list", "max": "{{ row.updated_at }}"}},
}


def at(hour):
    return f"2025-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"


class StepsTest(ReaderCase):
    def setUp(self):
        self.api = FakeApi(token=TOKEN)
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders")
        self.stores = self.api.table("stores", changed=None)
        self.items = self.api.table("items", changed=None, parent="order")
        for i in range(25):
            self.orders.put({"id": i, "updated_at": at(i), "total": "12.50", "serial": Raw("9007199254740993")})
        for i in range(13):
            self.stores.put({"id": i, "name": f"store {i}"})
        for i in range(60):
            self.items.put({"id": i, "order": i % 5})

    def project(self, tables="", workflow=WORKFLOW, inputs='token: "${env:TOKEN}"'):
        source = f'{{type: steps, workflow: ./shop.steps.json, inputs: {{url: "{self.api.url}", {inputs}}}}}'
        tables = f"    tables: {tables}\n" if tables else ""
        project = FirnProject(f"pipelines:\n  shop:\n    source: {source}\n{tables}", env={"TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        project.write(json.dumps(workflow, indent=1), "shop.steps.json")
        return project

    def keys(self, project, table, columns=("id",)):
        return sorted(tuple(row[c] for c in columns) for row in self.reader.rows(project, table))

    def changed(self, **parts):
        """The workflow with other parts; do: {index: changes of that step}."""
        workflow = copy.deepcopy(WORKFLOW)
        for index, changes in parts.pop("do", {}).items():
            workflow["do"][index].update(changes)
        workflow.update(parts)
        return workflow

    def told(self, workflow, *words, inputs='token: "${env:TOKEN}"', tables=""):
        """What `validate` says without asking anybody has all the words."""
        result = self.project(tables, workflow, inputs).firn("validate", "--offline")
        self.assertEqual(result.code, 2, result)
        for word in words:
            self.assertIn(word, result.out + result.err)
        self.assertEqual(self.api.requests(), [])

    def test_every_emit_becomes_a_table_with_its_key(self):
        project = self.project()
        result = project.run()
        self.assertEqual({table["table"] for table in result.json()["tables"]}, {"orders", "items", "stores"})
        self.assertEqual(self.keys(project, "shop.orders"), [(i,) for i in range(25) if i != 7])
        self.assertEqual(self.keys(project, "shop.items", ("order", "id")), sorted((i % 5, i) for i in range(60)))
        self.assertEqual(self.keys(project, "shop.stores"), [(i,) for i in range(13)])
        row = self.reader.rows(project, "shop.orders")[0]
        self.assertEqual((row["cents"], row["serial"]), (1250, 9007199254740993))
        self.assertEqual({row["order_total"] for row in self.reader.rows(project, "shop.items")}, {"12.50"})
        self.assertNotIn(TOKEN, result.out + result.err)

    def test_the_state_goes_on_with_the_rows_and_tables_without_one_are_read_anew(self):
        project = self.project("{orders: , stores: }")
        project.run()
        self.orders.put({"id": 3, "updated_at": at(40), "total": "99.00"})
        self.orders.put({"id": 25, "updated_at": at(41), "total": "1.00"})
        self.stores.remove(0)
        self.api.forget_requests()
        again = project.run()
        self.assertEqual(again.table("orders")["rows"]["inserted"], 1, again)
        self.assertIn("since=2025-01-02T00%3A00%3A00Z", self.api.requests("/v1/orders?")[0])
        self.assertEqual(self.keys(project, "shop.stores"), [(i,) for i in range(1, 13)])
        totals = {row["id"]: row["cents"] for row in self.reader.rows(project, "shop.orders")}
        self.assertEqual((totals[3], totals[25], len(totals)), (9900, 100, 25))

    def test_rows_of_rows_are_asked_for_as_pages_come(self):
        project = self.project("{items: }")
        project.run()
        asked = [path.split("?")[0] for path in self.api.requests("/v1/orders")]
        first_child = asked.index("/v1/orders/0/items")
        self.assertEqual(asked[:first_child], ["/v1/orders"])  # before the second page of orders

    def test_faults_of_the_api_are_waited_out_or_named(self):
        project = self.project("{orders: }")
        self.api.fail("/v1/orders", Fault("429", retry_after="0"), times=2)
        self.api.fail("/v1/orders", Fault("500"), times=1, skip=1)
        self.api.fail("/v1/orders", Fault("reset"), times=1, skip=2)
        self.api.fail("/v1/orders", Fault("truncated"), times=1, skip=3)
        self.assertEqual(project.run().table("orders")["rows"]["inserted"], 24)
        self.api.fail("/v1/orders", Fault("401"), times=100)
        failed = project.firn("run", "--json")
        self.assertEqual(failed.code, 4, failed)
        self.assertIn("step list", failed.err)
        self.assertIn("shop.steps.json:", failed.err)
        self.assertNotIn(TOKEN, failed.out + failed.err)
        self.assertEqual(len(self.keys(project, "shop.orders")), 24)

    def test_an_error_in_the_middle_commits_nothing_and_the_next_run_reads_all(self):
        project = self.project("{orders: {write_disposition: append}}")
        self.api.fail("/v1/orders", Fault("403"), times=1, skip=2)
        failed = project.firn("run", "--json")
        self.assertEqual(failed.code, 4, failed)
        project.run()
        self.assertEqual(self.keys(project, "shop.orders"), [(i,) for i in range(25) if i != 7])

    def test_killed_at_any_commit_nothing_is_lost_or_doubled(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        for point in ("run.read", "catalog.before_swap", "commit.after_swap"):
            with self.subTest(point):
                project = self.project("{orders: , items: }")
                killed = project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                self.assertEqual(killed.code, -9, killed)
                project.run()
                self.assertEqual(self.keys(project, "shop.orders"), [(i,) for i in range(25) if i != 7])
                self.assertEqual(self.keys(project, "shop.items", ("order", "id")), sorted((i % 5, i) for i in range(60)))

    def with_customers(self, customers, tables="{orders: }"):
        source = f"{{type: steps, workflow: ./shop.steps.json, customers: {customers}}}"
        project = FirnProject(f"pipelines:\n  shop:\n    source: {source}\n    tables: {tables}\n")
        self.addCleanup(project.__exit__)
        project.write(json.dumps(WORKFLOW), "shop.steps.json")
        return project

    def second_api(self):
        api = FakeApi(token="canary-token-of-another")
        self.addCleanup(api.close)
        orders = api.table("orders")
        for i in range(12):
            orders.put({"id": i, "updated_at": at(i), "total": "1.00", "serial": 1})
        return api, orders

    def test_each_customer_is_read_with_its_own_inputs_and_state(self):
        other, other_orders = self.second_api()
        project = self.with_customers("{file: ./customers.csv, key: id}")
        project.write(f"id,url,token\nacme,{self.api.url},{TOKEN}\nglobex,{other.url},{other.token}\n", "customers.csv")
        result = project.run()
        both = lambda n, m: [("acme", i) for i in range(n) if i != 7] + [("globex", i) for i in range(m) if i != 7]
        self.assertEqual(self.keys(project, "shop.orders", ("customer", "id")), both(25, 12))
        self.assertNotIn(TOKEN, result.out + result.err)

        # One of them fails: the other's rows and state are committed, and the run says who it was.
        self.orders.put({"id": 25, "updated_at": at(41), "total": "1.00"})
        other_orders.put({"id": 12, "updated_at": at(42), "total": "2.00"})
        other.token = "changed"
        failed = project.firn("run", "--json")
        self.assertEqual(failed.code, 4, failed)
        for word in ("E0540", "1 of the customers failed: globex", "customer globex: step list"):
            self.assertIn(word, failed.err)
        self.assertNotIn("canary-token", failed.out + failed.err)
        self.assertEqual(self.keys(project, "shop.orders", ("customer", "id")), both(26, 12))
        self.api.forget_requests()
        again = project.firn("run", "--json")  # nothing is new, and globex still fails
        self.assertEqual(again.code, 4, again)
        self.assertIn("since=2025-01-02T17%3A00%3A00Z", self.api.requests("/v1/orders?")[0])

        other.token = "canary-token-of-another"
        other.forget_requests()
        project.run()
        self.assertIn("since=2025-01-01T11%3A00%3A00Z", other.requests("/v1/orders?")[0])
        self.assertEqual(self.keys(project, "shop.orders", ("customer", "id")), both(26, 13))

    def test_where_a_customer_cannot_be_left_out_its_failure_commits_nothing(self):
        other, _ = self.second_api()
        for tables in ("{orders: }", "{orders: {write_disposition: append}}", "{stores: }"):
            with self.subTest(tables):
                project = self.with_customers("{file: ./customers.csv, key: id}", tables)
                project.write(f"id,url,token\nglobex,{other.url},wrong\nacme,{self.api.url},{TOKEN}\n", "customers.csv")
                failed = project.firn("run", "--json")
                self.assertEqual(failed.code, 4, failed)
                self.assertIn("customer globex", failed.err)
                self.assertEqual(failed.json()["tables"][0]["rows"]["inserted"] + failed.json()["tables"][0]["rows"]["appended"], 0)

    def test_customers_of_a_database(self):
        project = self.with_customers("{database: ./crm.db, query: \"select name as id, url, secret as token from crm where active\", key: id}")
        with sqlite3.connect(project.path("crm.db")) as crm:
            crm.execute("create table crm (name text, url text, secret text, active int)")
            crm.execute("insert into crm values ('acme', ?, ?, 1), ('gone', 'http://127.0.0.1:9', 'x', 0)", (self.api.url, TOKEN))
        crm.close()
        project.run()
        self.assertEqual(self.keys(project, "shop.orders", ("customer", "id")), [("acme", i) for i in range(25) if i != 7])

    def asks_a_server(self, server, uri, password, changes):
        """Loads the customers of a server, and shows what is refused. `changes`: a query that changes the list."""
        server.sql("create table clients (name varchar(20), url text, secret text, note text)")
        server.sql(f"insert into clients values ('acme', '{self.api.url}', '{TOKEN}', null)")
        query = "select name as id, url, secret as token, note from clients where name <> '?'"

        def project_with(uri, query=query, password=password):
            project = self.with_customers(f"{{database: \"{uri}\", password: \"${{env:CRM_PASSWORD}}\", query: \"{query}\", key: id}}")
            project.env["CRM_PASSWORD"] = password
            return project

        project = project_with(uri)
        self.assertEqual(project.firn("validate", "--offline").code, 0)
        result = project.run()
        self.assertEqual(self.keys(project, "shop.orders", ("customer", "id")), [("acme", i) for i in range(25) if i != 7])
        self.assertNotIn(password, result.out + result.err)
        for project, code, word in ((project_with(uri, query="select nothing from clients"), 2, "nothing"),
                                    (project_with(uri, query=changes), 2, "E0539"),
                                    (project_with(uri, password="another-password"), 4, "E0539"),
                                    (project_with(uri.replace(f":{server.port}/", ":9/")), 5, "E0539")):
            failed = project.firn("run")
            self.assertEqual(failed.code, code, failed)
            self.assertIn("E0539", failed.err)
            self.assertIn(word, failed.err)
            self.assertNotIn(password, failed.out + failed.err)
        self.assertEqual(server.sql("select count(*) from clients"), "1")  # it is only read

    def test_customers_of_a_postgres_server(self):
        with postgres_server.PostgresServer() as server:
            uri = server.uri(password="").replace("firn:@", "firn@")
            self.asks_a_server(server, uri, postgres_server.PASSWORD, "delete from clients returning name as id")

    def test_customers_of_a_mariadb_server(self):
        with mariadb_server.MariaDbServer() as server:
            self.asks_a_server(server, server.uri(), mariadb_server.PASSWORD, "delete from clients")

    def test_databases_of_other_kinds_are_refused(self):
        project = self.with_customers("{database: \"mongodb://crm\", query: \"select 1 as id\", key: id}")
        refused = project.firn("validate", "--offline")
        self.assertEqual(refused.code, 2, refused)
        self.assertIn("E0538", refused.err)
        self.assertIn("mysql://user@host/database", refused.err)

    def test_a_list_of_customers_that_makes_no_sense_is_named(self):
        for customers, words in (("id,url\na,x\na,y\n", ("E0539", "two customers are called a")),
                                 ("name,url\na,x\n", ("E0539", "there is no column `id`")),
                                 ("id,url\n,x\n", ("E0539", "customer 1 has no `id`")),
                                 ("id,url\na,x,y\n", ("E0539", "line 2")),
                                 ("id,url\n", ("E0539", "there are none")),
                                 ("id,url\na,http://127.0.0.1:9\n", ("E0539", "customer a", "there is no `token`"))):
            with self.subTest(customers):
                project = self.with_customers("{file: ./customers.csv, key: id}")
                project.write(customers, "customers.csv")
                self.assertEqual(project.firn("validate", "--offline").code, 0)
                failed = project.firn("run")
                self.assertEqual(failed.code, 2, failed)
                for word in words:
                    self.assertIn(word, failed.err)

    def test_an_answer_that_is_not_what_a_step_needs_is_named(self):
        for changes, word in (({"rows": "{{ body.dota }}"}, "`rows` gives undefined"),
                              ({"rows": "{{ body.data.length.x.y }}"}, "step list"),
                              ({"paginate": {"next": "{{ {params: {page: 1}} }}"}}, "E0536"),
                              ({"paginate": {"next": "{{ {url: 'http://127.0.0.2:9/x'} }}"}}, "E0537"),
                              ({"paginate": {"next": "{{ {param: 1} }}"}}, "`next` says `param`"),
                              ({"paginate": {"next": "{{ {params: {page: page + 1}} }}", "pages_max": 3}}, "E0536")):
            with self.subTest(changes):
                failed = self.project("{orders: }", self.changed(do={0: changes})).firn("run")
                self.assertNotEqual(failed.code, 0, failed)
                self.assertIn(word, failed.err)
                self.assertIn("shop.steps.json:", failed.err)

    def test_a_file_is_judged_before_anything_is_asked(self):
        self.told(self.changed(steps=2), "E0531", "version 1", "shop.steps.json:2")
        self.told(self.changed(do={0: {"row": "x"}}), "E0201", "`rows`")
        self.told(self.changed(do={1: {"for_each": "lst"}}), "E0531", "did you mean `list`?")
        self.told(self.changed(do={0: {"for_each": "items"}}), "E0531", "comes later")
        self.told(self.changed(do={0: {"rows": "{{ body. }}"}}), "E0534", "shop.steps.json:")
        self.told(self.changed(do={0: {"rows": "{{ bdy.data }}"}}), "E0534", "did you mean `body`?")
        self.told(self.changed(do={0: {"rows": "{{ inputs.tokn }}"}}), "no input `tokn`", "did you mean `token`?")
        self.told(self.changed(do={2: {"rows": "{{ steps.items.body }}"}}), "E0531", "for each row of `list`")
        self.told(self.changed(do={3: {"from": "nothing"}}), "E0531", "no earlier step")
        self.told(WORKFLOW, "E0204", "no `token`", inputs="start: 2024-01-01")
        self.told(WORKFLOW, "E0201", "did you mean `token`?", inputs='tokn: x, token: "${env:TOKEN}"')
        self.told(WORKFLOW, "E0532", "did you mean `orders`?", tables="{ordrs: }")

    def test_validate_needs_no_secret_and_doctor_asks(self):
        project = self.project()
        project.env = {}
        offline = project.firn("validate", "--offline")
        self.assertEqual(offline.code, 0, offline)
        self.assertEqual(self.api.requests(), [])
        self.assertIn("first page of orders", project.firn("doctor", env={"TOKEN": TOKEN}).out)
        os.remove(project.path("shop.steps.json"))
        missing = project.firn("validate", "--offline")
        self.assertEqual(missing.code, 2, missing)
        self.assertRegex(missing.out + missing.err, r"(?s)E0530.*firn\.yaml:3")


if __name__ == "__main__":
    unittest.main()
