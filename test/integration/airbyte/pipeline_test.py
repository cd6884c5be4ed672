"""Airbyte manifests as sources of pipelines: see README.md."""

import json
import os
import re
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Fault, Raw  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject, has_failpoints  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

TOKEN = "canary-token-of-a-connector"
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
      start_datetime: "{{ config.get('start', '2020-01-01T00:00:00Z') }}"
      start_time_option: {type: RequestOption, inject_into: request_parameter, field_name: since}
  - type: DeclarativeStream
    name: Stores of all
    schema_loader: {$ref: "#/definitions/schema"}
    retriever:
      type: SimpleRetriever
      requester: {$ref: "#/definitions/requester", path: stores}
      record_selector: {$ref: "#/definitions/selector"}
      paginator: {$ref: "#/definitions/paginator"}
  - type: DeclarativeStream
    name: items
    primary_key: id
    schema_loader: {$ref: "#/definitions/schema"}
    retriever:
      type: SimpleRetriever
      requester: {$ref: "#/definitions/requester", path: "orders/{{ stream_partition['order'] }}/items"}
      record_selector: {$ref: "#/definitions/selector"}
      paginator: {$ref: "#/definitions/paginator"}
      partition_router:
        type: SubstreamPartitionRouter
        parent_stream_configs:
          - {type: ParentStreamConfig, stream: {$ref: "#/streams/0"}, parent_key: id, partition_field: order}
"""
SPEC = """
spec:
  type: Spec
  connection_specification:
    type: object
    required: [url, token]
    properties:
      url: {type: string, title: Where the shop is}
      token: {type: string, airbyte_secret: true, examples: [no example of a secret is taken]}
      start: {type: string, description: First day, default: "2020-01-01T00:00:00Z"}
"""
CUSTOM = """
  - type: DeclarativeStream
    name: reports
    schema_loader: {$ref: "#/definitions/schema"}
    retriever: {type: CustomRetriever, class_name: source_shop.components.Reports}
"""
MANIFESTS = os.path.join(os.path.dirname(REPOSITORY), "shared", "airbyte-manifests")


def at(hour):
    return f"2025-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z"


class PipelineTest(ReaderCase):
    def setUp(self):
        self.api = FakeApi(token=TOKEN)
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders")
        self.stores = self.api.table("stores", changed=None)
        self.items = self.api.table("items", changed=None, parent="order")
        for i in range(25):
            self.orders.put({"id": i, "updated_at": at(i), "total": Raw("12.50"), "note": None})
        for i in range(13):
            self.stores.put({"id": i, "name": f"store {i}"})
        for i in range(30):
            self.items.put({"id": i, "order": i % 5})

    def project(self, tables="", manifest=MANIFEST, types="rows"):
        source = f'{{type: airbyte, manifest: ./connector/manifest.yaml, types: {types}, config: {{url: "{self.api.url}", token: "${{env:TOKEN}}"}}}}'
        tables = f"    tables: {tables}\n" if tables else ""
        project = FirnProject(f"pipelines:\n  shop:\n    source: {source}\n{tables}", env={"TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        os.mkdir(project.path("connector"))
        project.write(manifest, "connector/manifest.yaml")
        return project

    def rows(self, project, table):
        return self.reader.rows(project, table)

    def types(self, project, table):
        fields = self.reader.read(project, table)["schema"]["fields"]
        return {field["name"]: field["type"] for field in fields if not field["name"].startswith("_firn")}

    def same(self, project, table, source, columns):
        got = sorted((tuple(str(row[c]) for c in columns) for row in self.rows(project, table)))
        want = sorted(tuple(str(json.loads(text)[c]) for c in columns) for text in source.texts())
        self.assertEqual(got, want)

    def test_every_stream_becomes_a_table_with_its_key_and_goes_on_where_it_was(self):
        project = self.project()
        result = project.run()
        self.assertEqual({table["table"] for table in result.json()["tables"]}, {"orders", "Stores_of_all", "items"})
        self.same(project, "shop.orders", self.orders, ["id", "total"])
        self.same(project, "shop.Stores_of_all", self.stores, ["id", "name"])
        self.same(project, "shop.items", self.items, ["id", "order"])
        self.assertEqual(result.table("orders")["rows"]["inserted"], 25)
        self.orders.put({"id": 3, "updated_at": at(40), "total": Raw("99.00")})
        self.orders.put({"id": 25, "updated_at": at(41), "total": Raw("1.00")})
        self.stores.remove(0)
        self.api.forget_requests()
        again = project.run()
        self.assertEqual(again.table("orders")["rows"]["inserted"], 1, again)
        self.assertIn("since=2025-01-02T00%3A00%3A00Z", self.api.requests("/v1/orders?")[0])
        counted = {table["table"]: table["requests"]["count"] for table in again.json()["tables"]}
        self.assertEqual(counted["Stores_of_all"], len(self.api.requests("/v1/stores")))
        self.assertEqual(sum(counted.values()), len(self.api.requests("/")))
        self.same(project, "shop.orders", self.orders, ["id", "total"])
        self.same(project, "shop.Stores_of_all", self.stores, ["id", "name"])

    def test_types_of_the_schema_hold_where_rows_leave_them_open(self):
        schema = ("{type: object, properties: {id: {type: [\"null\", number]}, name: {type: integer}, opened: {type: [string, \"null\"], "
                  "format: date-time}, tags: {type: array}, place: {type: object, properties: {zip: {type: string}}}}}")
        manifest = MANIFEST.replace("{type: object, properties: {id: {type: integer}}}", schema)
        project = self.project("{stores: {stream: Stores of all, columns: {area: {type: long}}}}", manifest, "declared")
        project.run()
        self.same(project, "shop.stores", self.stores, ["name"])
        self.assertEqual(self.types(project, "shop.stores"), {"id": "double", "name": "string", "opened": "timestamptz", "area": "long"})
        rows = self.project("{stores: {stream: Stores of all}}", manifest)
        rows.run()
        self.assertEqual(self.types(rows, "shop.stores"), {"id": "long", "name": "string"})

    def test_what_is_written_wins_over_the_manifest(self):
        project = self.project("{latest: {stream: orders, primary_key: [id, updated_at]}, orders: }")
        shown = project.firn("config", "show", "--resolved", "--why")
        self.assertEqual(shown.code, 0, shown)
        self.assertRegex(shown.out, r"(?s)latest:.*- id +#[^\n]*\n +- updated_at.*orders:.*primary_key:[^\n]*\(manifest\)")
        result = project.run()
        self.assertEqual([table["rows"]["inserted"] for table in result.json()["tables"]], [25, 25])
        self.assertNotIn(TOKEN, shown.out + result.out + result.err)

    def test_a_stream_of_python_is_named_and_the_others_run(self):
        project = self.project(manifest=MANIFEST + CUSTOM)
        result = project.run()
        self.assertIn("stream `reports` is left out", result.err)
        self.assertIn("retriever is CustomRetriever", result.err)
        self.assertEqual(len(result.json()["tables"]), 3)
        asked = self.project("{reports: }", manifest=MANIFEST + CUSTOM).firn("validate")
        self.assertEqual(asked.code, 2, asked)
        self.assertIn("E0503", asked.err + asked.out)

    def test_faults_of_the_api_are_waited_out_or_named(self):
        project = self.project("{orders: }")
        self.api.fail("/v1/orders", Fault("429", retry_after="0"), times=2)
        self.api.fail("/v1/orders", Fault("500"), times=1, skip=1)
        self.assertEqual(project.run().table("orders")["rows"]["inserted"], 25)
        self.api.fail("/v1/orders", Fault("401"), times=100)
        failed = project.firn("run", "--json")
        self.assertEqual(failed.code, 4, failed)
        self.assertIn("stream orders", failed.err)
        self.assertNotIn(TOKEN, failed.err)
        self.same(project, "shop.orders", self.orders, ["id"])

    def test_a_manifest_that_is_not_there_is_named_with_its_place(self):
        project = self.project()
        os.remove(project.path("connector", "manifest.yaml"))
        result = project.firn("validate")
        self.assertEqual(result.code, 2, result)
        self.assertRegex(result.out + result.err, r"(?s)E0502.*there is no manifest at .*firn\.yaml:3")

    def test_validate_needs_no_secret_and_doctor_asks(self):
        project = self.project()
        offline = project.firn("validate", "--offline", env={"TOKEN": ""})
        self.assertEqual(offline.code, 0, offline)
        self.assertIn("its check passes", project.firn("doctor").out)

    def test_settings_and_streams_are_judged_before_anything_is_asked(self):
        project = self.project("{Stores_of_all: , ordr: , late: {stream: nothing}}", manifest=MANIFEST + SPEC.replace("url, token", "url, key"))
        refused = project.firn("validate")
        self.assertEqual(re.findall(r"error\[(E\d+)\]: (.*)", refused.err),
                         [("E0502", "the connector needs `key`"), ("E0503", "the manifest has no stream `ordr`"),
                          ("E0503", "the manifest has no stream `nothing`")], refused)

    def test_other_settings_are_another_source(self):
        project = self.project("{orders: }")
        project.run()
        with open(project.path("firn.yaml")) as file:
            text = file.read()
        project.write(text.replace("config: {", 'config: {start: "2024-01-01T00:00:00Z", '))
        self.assertEqual(project.run(code=2).table("orders")["reason_code"], "E0812")
        project.write(text)
        self.api.token = "another"  # a new token is the same account
        self.assertEqual(project.run(env={"TOKEN": "another"}).table("orders")["state"], "completed")

    def test_append_with_a_cursor_says_what_it_cannot_promise(self):
        project = self.project("{orders: {write_disposition: append}}")
        plan = project.firn("plan")
        self.assertIn("at least once", plan.out + plan.err, plan)

    def test_killed_at_any_commit_nothing_is_lost_or_doubled(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        project = self.project()
        for point in ("catalog.before_swap", "commit.after_swap"):
            with self.subTest(point):
                self.orders.put({"id": 3, "updated_at": at(50), "total": Raw("5.00")})
                project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                project.run()
                self.same(project, "shop.orders", self.orders, ["id", "total"])
                self.same(project, "shop.items", self.items, ["id", "order"])


    def test_init_writes_a_project_that_runs(self):
        with FirnProject("") as project:
            os.remove(project.path("firn.yaml"))
            os.mkdir(project.path("source-shop"))
            project.write(MANIFEST + SPEC, "source-shop/manifest.yaml")
            made = project.firn("init", "--from", "airbyte:source-shop/manifest.yaml")
            self.assertEqual(made.code, 0, made)
            with open(project.path(".env.example")) as file:
                self.assertEqual(file.read().split(), ["SHOP_URL=", "SHOP_TOKEN="])
            env = {"SHOP_URL": self.api.url, "SHOP_TOKEN": TOKEN}
            self.assertEqual(project.firn("preview", "orders", env=env).code, 0)
            result = project.firn("run", "--json", env=env)
            self.assertEqual(result.code, 0, result)
            self.same(project, "shop.orders", self.orders, ["id", "total"])

    @unittest.skipUnless(os.path.isdir(MANIFESTS), "no manifests beside the repository")
    def test_init_takes_every_manifest(self):
        for name in sorted(os.listdir(MANIFESTS)):
            manifest = os.path.join(MANIFESTS, name, "manifest.yaml")
            if not os.path.exists(manifest):
                continue
            with self.subTest(name), FirnProject("") as project:
                os.remove(project.path("firn.yaml"))
                made = project.firn("init", "--from", "airbyte:" + manifest)
                self.assertEqual(made.code, 0, made)
                checked = project.firn("validate", "--offline")
                if "E0503" in checked.err:  # the API alone names its streams: a person has to choose
                    self.assertIn("write `tables:`", checked.err)
                    continue
                self.assertEqual(checked.code, 0, checked)


if __name__ == "__main__":
    unittest.main(verbosity=2)
