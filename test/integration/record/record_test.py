"""Tests recorded from an API and run without it: see README.md."""

import base64
import filecmp
import json
import os
import sys
import unittest
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Fault, Raw  # noqa: E402
from support.firn_project import FirnProject  # noqa: E402

TOKEN = "canary-token-of-the-shop"
PEOPLE = [("Anna Kowalska", "anna.kowalska@shop.example", "+48 601 234 567", "1987-03-12"),
          ("Bertram Okafor", "bertram@okafor.example", "+44 7700 900123", "1990-11-02"),
          ("Chiara Lindqvist", "chiara.l@nordmail.example", "+46 70 123 45 67", "2001-06-30")]
PROJECT = """
version: 1
lake: {warehouse: ./lake}
pipelines:
  shop:
    source:
      type: rest
      base_url: ${env:SHOP_URL}/v1
      auth: {type: bearer, token: "${env:SHOP_TOKEN}"}
    dataset: shop
    tables:
      orders:
        path: /orders
        records: data
        paginate: {type: cursor, next: meta.next, param: cursor}
        primary_key: id
        incremental: {cursor: updated_at, param: since, order: asc}
        columns: {total: {type: "decimal(12,2)"}}
      items:
        parent: orders
        path: /orders/{{ parent.id }}/items
        records: data
        paginate: none
        include: {order_id: parent.id}
        primary_key: [order_id, id]
      customers:
        path: /customers
        records: data
        paginate: none
        primary_key: email
        columns:
          name: {pii: name}
          email: {pii: email, mask_on_write: sha256}
          born: {pii: birth_date, type: date}
"""


def fill(api):
    orders = api.table("orders", page_size=3)
    items = api.table("items", parent="order", changed=None, paging="none")
    customers = api.table("customers", changed=None, paging="none")
    for i in range(1, 8):
        orders.put({"id": i, "updated_at": f"2025-01-0{i}T00:00:00Z", "total": Raw(f"{i}.50"),
                    "exact": Raw("12345678901234567.10"), "note": f"asked by {PEOPLE[i % 3][1]}, twice"})
        items.put({"id": 1, "order": str(i), "sku": f"sku-{i}"})
    for i, (name, email, phone, born) in enumerate(PEOPLE):
        customers.put({"id": i, "name": name, "email": email, "phone": phone, "born": born, "age": 30 + i})


def files_of(folder):
    return sorted(os.path.relpath(os.path.join(place, name), folder)
                  for place, _, names in os.walk(folder) for name in names)


def text_of(folder):
    out = ""
    for name in files_of(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            out += name + "\n" + file.read() + "\n"
    return out


class RecordTest(unittest.TestCase):
    def project(self, text=PROJECT):
        api = FakeApi(token=TOKEN)
        self.addCleanup(api.close)
        fill(api)
        project = FirnProject(text, env={"SHOP_URL": api.url, "SHOP_TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        return api, project

    def firn(self, project, *arguments, code=0, env=None):
        result = project.firn(*arguments, env=env)
        self.assertEqual(result.code, code, str(result))
        return result

    def recorded(self, text=PROJECT):
        """A project with a test, whose server and secrets are gone."""
        api, project = self.project(text)
        self.firn(project, "test", "--record")
        api.close()
        project.env = {}
        return project

    @staticmethod
    def json_of(path):
        with open(path) as file:
            return json.load(file)

    def change(self, project, old, new):
        with open(project.path("firn.yaml")) as file:
            text = file.read()
        self.assertEqual(text.count(old), 1)
        project.write(text.replace(old, new))

    def test_a_test_passes_without_server_and_secrets(self):
        project = self.recorded()
        result = self.firn(project, "test", "--json")
        self.assertEqual([(t["name"], t["state"], t["tables"], t["rows"]) for t in result.json()["tests"]],
                         [("shop", "ok", 3, 17)])
        self.assertIn("ok       shop  3 tables, 17 rows", self.firn(project, "test", "shop").out)
        self.assertFalse(os.path.exists(project.path("lake")))
        self.assertFalse(os.path.exists(project.path(".firn", "state.db")))

    def test_rows_are_those_of_the_api_with_all_their_digits(self):
        project = self.recorded()
        rows = [json.loads(line, parse_float=str) for line in self.firn(project, "replay", "shop").out.splitlines()]
        orders = [row["row"] for row in rows if row["table"] == "orders"]
        self.assertEqual([row["id"] for row in orders], list(range(1, 8)))
        self.assertEqual({row["total"] for row in orders}, {f"{i}.50" for i in range(1, 8)})
        self.assertIn("12345678901234567.10", text_of(project.path("tests", "shop", "tape")))
        self.assertEqual(sum(row["table"] == "items" for row in rows), 7)

    def test_neither_secrets_nor_personal_values_are_written(self):
        project = self.recorded()
        text = text_of(project.path("tests"))
        for value in [TOKEN, *[part for person in PEOPLE for part in person]]:
            for form in (value, urllib.parse.quote(value), base64.b64encode(value.encode()).decode().rstrip("=")):
                self.assertNotIn(form, text)
        self.assertNotIn("authorization", text.lower())
        rows = [json.loads(line) for line in self.firn(project, "replay", "shop").out.splitlines()]
        people = [row["row"] for row in rows if row["table"] == "customers"]
        self.assertEqual(len({row["email"] for row in people}), 3)
        for row in people:
            self.assertRegex(row["born"], r"^\d{4}-\d\d-\d\d$")
            self.assertRegex(row["phone"], r"^\+\d\d [\d ]+$")

    def test_a_changed_mask_fails_with_the_row_and_the_column(self):
        project = self.recorded()
        self.change(project, "name: {pii: name}", "name: {pii: name, mask_on_write: redact}")
        result = self.firn(project, "test", code=1)
        self.assertIn("FAILED   shop", result.out)
        self.assertRegex(result.out, r'customers \{"email":"[^"]+"\} name: expected "[^"]+", got ')
        self.assertIn("firn test --update", result.err)

    def test_a_changed_type_fails_until_it_is_taken(self):
        project = self.recorded()
        self.change(project, "decimal(12,2)", "string")
        result = self.firn(project, "test", "--json", code=1)
        differences = result.json()["tests"][0]["differences"]
        self.assertIn({"table": "orders", "row": "", "column": "total", "expected": "decimal(12, 2)", "got": "string"},
                      differences)
        self.assertIn({"table": "orders", "row": '{"id":1}', "column": "total", "expected": "1.50", "got": '"1.50"'},
                      differences)
        self.assertIn("updated  shop", self.firn(project, "test", "--update").out)
        self.assertIn("ok       shop", self.firn(project, "test").out)

    def test_a_request_that_was_not_recorded_is_named_with_the_nearest(self):
        project = self.recorded()
        self.change(project, "param: since", "param: after")
        self.change(project, "order: asc}", "order: asc, start: 2024-01-01}")
        result = self.firn(project, "test", code=1)
        self.assertIn("error[E0740]", result.out)
        self.assertIn("firn test --record", result.out)
        self.assertRegex(result.out, r"asked `.*after=2024")

    def test_recording_again_changes_the_time_alone(self):
        api, project = self.project()
        self.firn(project, "record", "shop", "--to", "first")
        self.firn(project, "record", "shop", "--to", "second")
        self.assertEqual(files_of(project.path("first")), files_of(project.path("second")))
        names = files_of(project.path("first", "tape"))
        self.assertIn("get-v1-orders-0001.txt", names)
        self.assertEqual(filecmp.cmpfiles(project.path("first", "tape"), project.path("second", "tape"), names, shallow=False)[0],
                         names)
        first, second = (self.json_of(project.path(name, "test.json")) for name in ("first", "second"))
        self.assertEqual({key for key in first if first[key] != second[key]} - {"recorded_at"}, set())
        self.assertEqual(first["secrets"], ["SHOP_TOKEN"])
        self.assertEqual(first["variables"], {"SHOP_URL": api.url})

    def test_pages_and_parents_are_bounded(self):
        api, project = self.project()
        self.firn(project, "record", "items", "--max-pages", "1")
        self.assertEqual(len(api.requests("/v1/orders?")) + len([r for r in api.requests() if r == "/v1/orders"]), 1)
        rows = [json.loads(line) for line in self.firn(project, "replay", "items").out.splitlines()]
        self.assertEqual(sorted((row["table"], row["row"]["id"]) for row in rows),
                         [("items", 1)] * 3 + [("orders", 1), ("orders", 2), ("orders", 3)])

    def test_what_only_made_firn_ask_again_is_not_kept(self):
        api, project = self.project()
        api.fail("/v1/customers", Fault("429", retry_after="0"))
        api.fail("/v1/orders", Fault("503"))
        self.firn(project, "test", "--record")
        text = text_of(project.path("tests", "shop", "tape"))
        self.assertNotIn("=== answer 429", text)
        self.assertNotIn("=== answer 503", text)

    def test_an_answer_in_which_personal_data_cannot_be_found_is_refused(self):
        api, project = self.project()
        original = api.route
        api.route = lambda target: (b"\x1f\x8b\x08\x00binary", {}) if "/customers" in target else original(target)
        result = project.firn("record", "customers")
        self.assertNotEqual(result.code, 0)
        self.assertFalse(os.path.exists(project.path("tests")))

    def test_a_replay_fills_a_lake_to_look_at(self):
        project = self.recorded()
        self.firn(project, "replay", "shop", "--into", "looked-at")
        self.assertTrue(os.path.exists(project.path("looked-at", "catalog.db")))
        self.assertIn("E0746", self.firn(project, "replay", "shop", "--into", "looked-at", code=2).err)

    def test_broken_tests_are_named(self):
        project = self.recorded()
        tape = project.path("tests", "shop", "tape", "get-v1-customers-0001.txt")
        with open(tape) as file:
            whole = file.read()
        for broken, words in ((whole[:len(whole) // 2], "get-v1-customers-0001.txt:"), ("", "ends too early"),
                              (whole.replace("firn tape 1", "firn tape 9", 1), "version 9"),
                              (whole.replace("=== answer 200", "=== answer yes"), "no status")):
            with open(tape, "w") as file:
                file.write(broken)
            result = self.firn(project, "test", code=1)
            self.assertIn("error[E0741]", result.out)
            self.assertIn(words, result.out)
        with open(project.path("tests", "shop", "test.json"), "w") as file:
            file.write('{"version": 2}')
        self.assertIn("error[E0745]", self.firn(project, "test", code=1).out)
        self.assertIn("error[E0745]", self.firn(project, "test", "nothing", code=1).out)

    def test_a_test_that_cannot_be_read_is_recorded_again_by_its_name(self):
        _, project = self.project()
        self.firn(project, "test", "--record")
        for pages in ("0", "-1"):
            self.assertIn("from 1 on", self.firn(project, "test", "--record", "--max-pages", pages, code=2).err)
        self.firn(project, "test")
        with open(project.path("tests", "shop", "test.json"), "w") as file:
            file.write("{")
        self.assertIn("remove the folder", self.firn(project, "test", code=1).out)
        self.firn(project, "test", "--record", "shop")
        self.firn(project, "test")

    def test_what_the_configuration_asks_with_can_be_personal(self):
        text = PROJECT.replace("path: /customers", 'path: "/customers?by=${env:WHO}&of=chiara.l@nordmail.example"')
        api, project = self.project(text)
        project.env["WHO"] = PEOPLE[0][1]
        self.firn(project, "test", "--record")
        api.close()
        project.env = {}
        self.firn(project, "test")

    def test_a_recording_elsewhere_names_the_command_that_replays_it(self):
        _, project = self.project()
        result = self.firn(project, "record", "orders", "--to", "out/x")
        self.assertIn("firn replay out/x", str(result))

    def test_a_secret_in_a_place_that_is_none_is_taken_out_by_its_name(self):
        api, project = self.project(PROJECT.replace("path: /customers", 'path: "/customers?seen=${env:SHOP_KEY}"'))
        project.env["SHOP_KEY"] = "canary-of-a-path"
        self.firn(project, "test", "--record", "customers")
        self.assertTrue(api.requests("canary-of-a-path"))
        api.close()
        project.env = {}
        self.assertNotIn("canary-of-a-path", text_of(project.path("tests")))
        self.assertIn("ok", self.firn(project, "test").out)

    def test_other_peoples_files_are_left_alone(self):
        api, project = self.project()
        os.mkdir(project.path("mine"))
        project.write("mine", "mine/notes.txt")
        self.assertIn("E0746", self.firn(project, "record", "customers", "--to", "mine", code=2).err)
        self.assertEqual(api.requests(), [])
        self.assertEqual(files_of(project.path("mine")), ["notes.txt"])

    def test_a_project_without_tests_says_so(self):
        _, project = self.project()
        self.assertIn("firn test --record", self.firn(project, "test").err)

    def test_sources_without_an_api_are_refused(self):
        project = FirnProject("version: 1\npipelines:\n  box:\n    source: {type: files, location: ./in}\n"
                              "    tables: {a: {path: '*.csv'}}\n")
        self.addCleanup(project.__exit__)
        self.assertIn("E0744", self.firn(project, "record", "box", code=2).err)

    def test_init_leaves_a_test_that_passes_offline(self):
        api = FakeApi(token=TOKEN)
        self.addCleanup(api.close)
        fill(api)
        project = FirnProject("", env={"API_TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        os.remove(project.path("firn.yaml"))
        self.firn(project, "init", api.url + "/v1/customers", "--token-env", "API_TOKEN")
        api.close()
        project.env = {}
        tests = os.listdir(project.path("tests"))
        self.assertEqual(len(tests), 1)
        self.assertIn("ok       " + tests[0], self.firn(project, "test").out)
        text = text_of(project.path("tests"))
        for person in PEOPLE:
            self.assertNotIn(person[1], text)
        with open(project.path(".github", "workflows", "firn.yml")) as file:
            self.assertIn("firn test", file.read())


MANIFEST = """
version: 6.44.0
type: DeclarativeSource
check: {type: CheckStream, stream_names: [orders]}
definitions:
  requester:
    type: HttpRequester
    url_base: "{{ config['url'] }}/v1/"
    authenticator: {type: BearerAuthenticator, api_token: "{{ config['token'] }}"}
  selector: {type: RecordSelector, extractor: {type: DpathExtractor, field_path: [data]}}
  paginator:
    type: DefaultPaginator
    page_token_option: {type: RequestOption, inject_into: request_parameter, field_name: cursor}
    pagination_strategy:
      type: CursorPagination
      cursor_value: "{{ response['meta']['next'] }}"
      stop_condition: "{{ not response['meta']['next'] }}"
  schema: {type: InlineSchemaLoader, schema: {type: object, properties: {id: {type: integer}}}}
streams:
  - type: DeclarativeStream
    name: orders
    primary_key: [id]
    schema_loader: {$ref: "#/definitions/schema"}
    retriever:
      type: SimpleRetriever
      requester: {$ref: "#/definitions/requester", path: orders}
      record_selector: {$ref: "#/definitions/selector"}
      paginator: {$ref: "#/definitions/paginator"}
    incremental_sync:
      type: DatetimeBasedCursor
      cursor_field: updated_at
      datetime_format: "%Y-%m-%dT%H:%M:%SZ"
      start_datetime: "{{ config['start'] }}"
      start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}
      end_time_option: {type: RequestOption, inject_into: request_parameter, field_name: until}
  - type: DeclarativeStream
    name: items
    schema_loader: {$ref: "#/definitions/schema"}
    retriever:
      type: SimpleRetriever
      requester: {$ref: "#/definitions/requester", path: "orders/{{ stream_partition['order'] }}/items"}
      record_selector: {$ref: "#/definitions/selector"}
      partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs:
          - {type: ParentStreamConfig, stream: {$ref: "#/streams/0"}, parent_key: id, partition_field: order}
"""


class AirbyteTest(unittest.TestCase):
    def test_a_connector_is_recorded_and_replayed(self):
        api = FakeApi(token=TOKEN)
        self.addCleanup(api.close)
        fill(api)
        source = ('{type: airbyte, manifest: ./manifest.yaml, config: {url: "${env:SHOP_URL}", token: "${env:SHOP_TOKEN}", '
                  'start: "${env:SHOP_START}"}}')
        text = ("pipelines:\n  shop:\n    source: " + source +
                "\n    tables:\n      orders: {columns: {note: {pii: name}}}\n      items: {}\n")
        env = {"SHOP_URL": api.url, "SHOP_TOKEN": TOKEN, "SHOP_START": "2025-01-02T00:00:00Z"}
        with FirnProject(text, env=env) as project:
            project.write(MANIFEST, "manifest.yaml")
            api.tables["orders"].page_size = 2
            result = project.firn("test", "--record", "--max-pages", "2")
            self.assertEqual(result.code, 0, str(result))
            self.assertEqual(len({r for r in api.requests("/v1/orders?") if "cursor" in r}), 1)
            api.close()
            project.env = {}
            result = project.firn("test", "--json")
            self.assertEqual(result.code, 0, str(result))
            self.assertEqual([(t["tables"], t["rows"]) for t in result.json()["tests"]], [(2, 8)])
            written = text_of(project.path("tests"))
            for value in [TOKEN, "asked by", *[part for person in PEOPLE for part in person]]:
                self.assertNotIn(value, written)


class OauthTest(unittest.TestCase):
    def test_tokens_are_not_on_the_tape_and_replays_get_others(self):
        class TokenApi(FakeApi):
            def answer(self, request):
                if request.path == "/token":
                    body = {"access_token": TOKEN, "refresh_token": "canary-refresh-token", "expires_in": 3600}
                    return self.send(request, 200, json.dumps(body).encode())
                return super().answer(request)

        api = TokenApi(token=TOKEN)
        self.addCleanup(api.close)
        fill(api)
        auth = ('auth: {type: oauth2, token_url: "${env:SHOP_URL}/token", client_id: shop-client, '
                'client_secret: "${env:SHOP_SECRET}"}')
        text = PROJECT.replace('auth: {type: bearer, token: "${env:SHOP_TOKEN}"}', auth)
        secret = "canary-client-secret"
        with FirnProject(text, env={"SHOP_URL": api.url, "SHOP_SECRET": secret}) as project:
            result = project.firn("test", "--record")
            self.assertEqual(result.code, 0, str(result))
            api.close()
            project.env = {}
            result = project.firn("test")
            self.assertEqual(result.code, 0, str(result))
            text = text_of(project.path("tests"))
            self.assertIn("/token", text)
            for value in (TOKEN, secret, "canary-refresh-token"):
                self.assertNotIn(value, text)

    def test_a_refresh_token_that_was_exchanged_is_kept_for_the_next_run(self):
        class OneTimeApi(FakeApi):
            """Each refresh token is good once."""

            def __init__(self):
                super().__init__(token=TOKEN)
                self.exchanged = 0
                api = self

                def do_post(request):
                    form = dict(urllib.parse.parse_qsl(request.rfile.read(int(request.headers["Content-Length"])).decode()))
                    if form.get("refresh_token") != f"canary-refresh-{api.exchanged}":
                        return api.send(request, 400, b'{"error":"invalid_grant"}')
                    api.exchanged += 1
                    body = {"access_token": TOKEN, "refresh_token": f"canary-refresh-{api.exchanged}", "expires_in": 3600}
                    return api.send(request, 200, json.dumps(body).encode())

                self.server.RequestHandlerClass.do_POST = do_post

        api = OneTimeApi()
        self.addCleanup(api.close)
        fill(api)
        auth = ('auth: {type: oauth2, grant: refresh_token, token_url: "${env:SHOP_URL}/token", client_id: shop-client, '
                'refresh_token: "${env:SHOP_REFRESH}"}')
        text = PROJECT.replace('auth: {type: bearer, token: "${env:SHOP_TOKEN}"}', auth)
        with FirnProject(text, env={"SHOP_URL": api.url, "SHOP_REFRESH": "canary-refresh-0"}) as project:
            for _ in range(2):
                result = project.firn("test", "--record")
                self.assertEqual(result.code, 0, str(result))
            self.assertEqual(api.exchanged, 2)
            result = project.run()
            self.assertEqual(api.exchanged, 3)
            self.assertNotIn("canary-refresh", text_of(project.path("tests")))
            api.close()
            project.env = {}
            result = project.firn("test")
            self.assertEqual(result.code, 0, str(result))


if __name__ == "__main__":
    unittest.main()
