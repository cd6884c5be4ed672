"""`firn import sling`: what it writes passes the checks and loads every row of the fake API, then what changed."""

import json
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

TOKEN = "canary-token-of-a-connector"
SPEC = """name: Shop
description: A shop
authentication: {type: static, headers: {Authorization: "Bearer {secrets.token}"}}
defaults:
  state: {base_url: "{env.shop_url}/v1", limit: 7}
endpoints:
  orders:
    sync: [last]
    state:
      since: '{coalesce(env.FROM, sync.last, "2025-01-01T00:00:00Z")}'
      after: ""
    request:
      url: "{state.base_url}/orders"
      parameters: {since: "{state.since}", cursor: "{state.after}", limit: "{state.limit}"}
    pagination:
      next_state: {after: "{response.json.meta.next}"}
      stop_condition: is_null(response.json.meta.next)
    response:
      records: {jmespath: "data[]", primary_key: [id]}
      processors:
        - {expression: record.updated_at, output: state.last, aggregation: maximum}
  stores:
    state: {page: 1}
    request:
      url: "{state.base_url}/stores"
      parameters: {page: "{state.page}", limit: "{state.limit}"}
    pagination:
      next_state: {page: "{state.page + 1}"}
      stop_condition: length(response.records) < state.limit
    response: {records: {jmespath: "data[*]"}}
  reports:
    request: {url: "{state.base_url}/reports", parameters: {day: "{date_format(now(), '%Y')}"}}
    response: {records: {jmespath: "data[]"}}
"""


class SlingTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.api = FakeApi(token=TOKEN)
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders")
        self.stores = self.api.table("stores", paging="page", changed=None)
        for i in range(25):
            self.orders.put({"id": i, "updated_at": f"2025-01-{1 + i:02d}T00:00:00Z", "note": f"№ {i}"})
            self.stores.put({"id": i, "name": f"store {i}"})
        settings = '{shop_url: "${env:SHOP_URL}", token: "${env:SHOP_TOKEN}"}'
        self.project = FirnProject(f"pipelines:\n  shop:\n    source: {{type: connector, connector: ./connectors/shop.yaml, settings: {settings}}}\n",
                                   env={"SHOP_URL": self.api.url, "SHOP_TOKEN": TOKEN})
        self.addCleanup(self.project.__exit__)
        self.project.write(SPEC, "shop.yaml.sling")

    def same(self, reader, table, source):
        got = sorted(json.dumps([row["id"], row.get("note", row.get("name"))]) for row in reader.rows(self.project, f"shop.{table}"))
        want = sorted(json.dumps([row["id"], row.get("note", row.get("name"))]) for row in source.dicts())
        self.assertEqual(got, want)

    def test_every_row_comes_and_what_changed_comes_again(self):
        imported = self.project.firn("import", "sling", "shop.yaml.sling", "--name", "shop")
        self.assertEqual(imported.code, 3, imported)
        self.assertIn("left out   shop.yaml.sling:32: the expression `{date_format(now(), '%Y')}`", imported.err)
        for check in (("validate", "--offline"), ("fmt", "--check", "connectors/shop.yaml")):
            result = self.project.firn(*check)
            self.assertEqual(result.code, 0, result)
        with TableReader() as reader:
            self.project.run()
            self.same(reader, "orders", self.orders)
            self.same(reader, "stores", self.stores)
            self.orders.put({"id": 3, "updated_at": "2025-01-27T00:00:00Z", "note": "changed"})
            self.stores.remove(4)
            self.api.forget_requests()
            self.project.run()
            self.same(reader, "orders", self.orders)
            self.same(reader, "stores", self.stores)
            self.assertTrue(all("since=2025-01-25" in request for request in self.api.requests("/orders")))


if __name__ == "__main__":
    unittest.main()
