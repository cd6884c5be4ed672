"""`firn import dlt`: what it writes loads the rows that dlt itself loads, over two runs on the fake API."""

import json
import os
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, skip  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

TOKEN = "canary-token-of-a-connector"
PYTHON = os.path.join(os.environ.get("FIRN_CACHE", os.path.expanduser("~/.cache/firn-build")), "bench/venv/bin/python")
CONFIG = '''"""A shop: pages by token, number, offset and link; children; a cursor."""
import os

PAGE = 7

config = {
    "client": {
        "base_url": os.environ["SHOP_URL"],
        "auth": {"type": "bearer", "token": os.environ["SHOP_TOKEN"]},
        "paginator": {"type": "cursor", "cursor_path": "meta.next", "cursor_param": "cursor"},
    },
    "resource_defaults": {"primary_key": "id", "write_disposition": "merge", "endpoint": {"data_selector": "data"}},
    "resources": [
        {
            "name": "orders",
            "endpoint": {
                "path": "v1/orders",
                "params": {"since": {"type": "incremental", "cursor_path": "updated_at", "initial_value": "2025-01-01T00:00:00Z"}},
            },
        },
        {
            "name": "stores",
            "write_disposition": "replace",
            "endpoint": {"path": "v1/stores", "paginator": {"type": "page_number", "base_page": 1, "total_path": "meta.pages"}},
        },
        {
            "name": "staff",
            "write_disposition": "append",
            "endpoint": {"path": "v1/staff", "paginator": {"type": "offset", "limit": PAGE, "total_path": None}},
        },
        {"name": "visits", "endpoint": {"path": "v1/visits", "paginator": {"type": "json_link", "next_url_path": "meta.next"}}},
        {"name": "tags", "endpoint": {"path": "v1/tags", "paginator": "header_link"}},
        {
            "name": "items",
            "include_from_parent": ["id"],
            "endpoint": {
                "path": "v1/orders/{order}/items",
                "params": {"order": {"type": "resolve", "resource": "orders", "field": "id"}},
                "paginator": "single_page",
            },
        },
    ],
}
'''
TABLES = ["orders", "stores", "staff", "visits", "tags", "items"]


def at(day):
    return f"2025-01-{day:02d}T00:00:00Z"


class DltCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.api = FakeApi(token=TOKEN)
        self.addCleanup(self.api.close)
        tables = {"orders": {}, "stores": {"paging": "page", "changed": None}, "staff": {"paging": "offset", "changed": None},
                  "visits": {"paging": "next_url", "changed": None}, "tags": {"paging": "link_header", "changed": None},
                  "items": {"paging": "none", "changed": None, "parent": "order_id"}}
        self.tables = {name: self.api.table(name, **options) for name, options in tables.items()}
        for i in range(25):
            self.tables["orders"].put({"id": i, "updated_at": at(1 + i), "total": i * 1.25, "note": f"№ {i}"})
            self.tables["items"].put({"id": 100 + i, "order_id": i % 9, "sku": f"A-{i}"})
            for name in ("stores", "staff", "visits", "tags"):
                self.tables[name].put({"id": i, "name": f"{name} {i}"})
        self.project = FirnProject("pipelines: {}\n", env={"SHOP_URL": self.api.url, "SHOP_TOKEN": TOKEN})
        self.addCleanup(self.project.__exit__)
        self.project.write(CONFIG, "shop.py")

    def import_it(self, *arguments):
        return self.project.firn("import", "dlt", *arguments)

    def write_project(self):
        settings = '{SHOP_URL: "${env:SHOP_URL}", SHOP_TOKEN: "${env:SHOP_TOKEN}"}'
        self.project.write(f"pipelines:\n  shop:\n    naming: snake_case\n"
                           f"    source: {{type: connector, connector: ./connectors/shop.yaml, settings: {settings}}}\n")


class DltTest(DltCase):
    def test_what_is_written_passes_the_checks_and_is_not_written_over(self):
        self.assertEqual(self.import_it("shop.py").code, 0)
        self.write_project()
        for check in (("validate", "--offline"), ("fmt", "--check", "connectors/shop.yaml")):
            result = self.project.firn(*check)
            self.assertEqual(result.code, 0, result)
        again = self.import_it("shop.py")
        self.assertEqual(again.code, 2)
        self.assertIn("E0559", again.err)
        self.assertEqual(self.import_it("shop.py", "--force").code, 0)

    def test_secrets_in_plain_text_are_not_copied(self):
        text = CONFIG.replace('"client": {', '"client": {"headers": {"X-Api-Key": "canary-plain-1", "Accept": "text/json"},', 1)
        text = text.replace('"path": "v1/tags",', '"path": "v1/tags", "params": {"access_token": "canary-plain-2"},')
        self.project.write(text, "shop.py")
        self.assertEqual(self.import_it("shop.py").code, 0)
        with open(self.project.path("connectors/shop.yaml"), encoding="utf-8") as file:
            written = file.read()
        self.assertNotIn("canary-plain", written)
        self.assertIn('Accept: text/json', written)
        for name in ("x_api_key", "access_token"):
            self.assertIn(name + ": {required: true, secret: true,", written)

    def test_what_is_left_out_is_said_with_its_line(self):
        self.project.write(CONFIG.replace('"paginator": "single_page",', '"paginator": "single_page", "data": {"a": 1},'), "shop.py")
        result = self.import_it("shop.py", "--dry-run")
        self.assertEqual(result.code, 3, result)
        self.assertIn("left out   shop.py:39: `data` of an endpoint", result.err)
        self.assertFalse(os.path.exists(self.project.path("connectors")))
        printed = self.import_it("shop.py", "--output", "-", "--select", "tags,stores", "--quiet")
        self.assertEqual(printed.code, 0, printed)
        self.assertIn("\n  tags:", printed.out)
        self.assertNotIn("\n  orders:", printed.out)

    def test_mistakes_say_what_to_do(self):
        self.project.write("config = {'client': load(), 'resources': []}\n", "shop.py")
        self.assertIn("E0558", self.import_it("shop.py").err)
        self.project.write("config = {'client': {'base_url': 'https://x.example'}, 'resources': [r for r in all]}\n", "shop.py")
        result = self.import_it("shop.py")
        self.assertEqual(result.code, 2, result)
        self.assertIn("E0560", result.err)
        self.assertIn("line 1", result.err)
        self.project.write('{"_state_version": 3, "sources": {}}', "state.json")
        self.assertIn("firn import dlt-state state.json", self.import_it("state.json").err)
        self.assertIn("E0558", self.import_it("none.py").err)


class RowsTest(DltCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(PYTHON):
            skip(f"no dlt at {PYTHON} (bench/run installs it)")

    def rows_of_dlt(self):
        environment = {**os.environ, "SHOP_URL": self.api.url, "SHOP_TOKEN": TOKEN, "no_proxy": "127.0.0.1"}
        done = subprocess.run([PYTHON, os.path.join(HERE, "run_dlt.py"), self.project.folder, "shop", *TABLES], env=environment,
                              capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr[-4000:])
        return json.loads(done.stdout.splitlines()[-1])

    def rows_of_firn(self, reader):
        rows = {table: reader.rows(self.project, f"shop.{table}") for table in TABLES}
        return json.loads(json.dumps({
            table: [{key: value for key, value in row.items() if not key.startswith("_firn")} for row in found] for table, found in rows.items()
        }, default=str))

    @staticmethod
    def normal(rows):
        """Times as dlt's DuckDB and the readers print them differ in their offset."""
        def value(item):
            return item.replace(" ", "T").removesuffix("+00:00") if isinstance(item, str) and item.startswith("2025-") else item
        return {table: sorted(json.dumps({k: value(v) for k, v in row.items() if v is not None}, sort_keys=True, ensure_ascii=False)
                              for row in found) for table, found in rows.items()}

    def test_the_rows_are_those_of_dlt_over_two_runs(self):
        imported = self.import_it("shop.py")
        self.assertEqual(imported.code, 0, imported)
        self.write_project()
        with TableReader() as reader:
            for change in (False, True):
                if change:
                    self.tables["orders"].put({"id": 3, "updated_at": at(27), "total": 0.5, "note": "changed"})
                    self.tables["orders"].put({"id": 25, "updated_at": at(28), "total": 9.75, "note": "new"})
                    self.tables["items"].put({"id": 131, "order_id": 3, "sku": "new"})
                    self.tables["stores"].remove(4)
                    self.tables["tags"].put({"id": 5, "name": "changed"})
                self.project.run()
                self.assertEqual(self.normal(self.rows_of_firn(reader)), self.normal(self.rows_of_dlt()))


if __name__ == "__main__":
    unittest.main()
