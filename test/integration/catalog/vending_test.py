"""Credentials of the store that a catalog hands out: `firn catalog serve` on a lake in MinIO with static keys and with keys of
its STS, firn and pyiceberg as clients that have no keys of their own; roles assumed for the lake itself; keys of requests that
outlive a restart."""

import json
import os
import subprocess
import sys
import unittest
import urllib.error
import urllib.request
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "object_store"))
from catalog_service import FirnServer  # noqa: E402
from minio import BUCKET, KEY, SECRET, Minio  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, skip  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

TOKEN, READER = "a-token-that-may-write", "a-token-that-may-only-read"


def call(url, path, body=None, token=TOKEN, method=None, **headers):
    request = urllib.request.Request(url + path, data=None if body is None else json.dumps(body).encode(), method=method)
    request.add_header("Authorization", "Bearer " + token)
    request.add_header("Content-Type", "application/json")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or "null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or "null")


class VendingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.minio = Minio()

    @classmethod
    def tearDownClass(cls):
        cls.minio.close()

    def lake(self, vend, folder):
        return (f'lake: {{warehouse: "s3://{BUCKET}/{folder}", storage: {{endpoint: "{self.minio.url}", region: us-east-1, '
                f'access_key: {KEY}, secret_key: "${{env:STORE_SECRET}}"}}, catalog: {{type: sqlite, vend_credentials: {vend}}}}}\n')

    def server(self, vend, folder):
        project = FirnProject(self.lake(vend, folder), env={"STORE_SECRET": SECRET, "AWS_EC2_METADATA_DISABLED": "true"})
        self.addCleanup(project.__exit__)
        with open(project.path("access.json"), "w") as file:
            json.dump({"tokens": [{"name": "writer", "token": TOKEN, "scopes": ["catalog"]},
                                  {"name": "reader", "token": READER, "scopes": ["catalog:read"]}]}, file)
        served = FirnServer(project, "--access", "access.json")
        self.addCleanup(served.__exit__)
        return project, served

    def client(self, url, api):
        # No keys anywhere: neither in lake.storage nor in the environment.
        text = f"""lake: {{warehouse: ./unused, catalog: {{type: rest, uri: "{url}", token: "${{env:CATALOG_TOKEN}}"}}}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{api.url}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        primary_key: id
        write_disposition: merge
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
"""
        project = FirnProject(text, env={"CATALOG_TOKEN": TOKEN, "AWS_EC2_METADATA_DISABLED": "true"})
        self.addCleanup(project.__exit__)
        return project

    def load(self, vend, folder):
        api = FakeApi()
        self.addCleanup(api.close)
        orders = api.table("orders")
        for number in range(25):
            orders.put({"id": number, "updated_at": f"2025-01-01T00:00:{number:02d}Z"})
        server, served = self.server(vend, folder)
        client = self.client(served.url, api)
        client.run()
        orders.put({"id": 3, "updated_at": "2025-01-01T00:01:00Z"})
        client.run()
        self.assertEqual(client.sql("SELECT count(*) AS n FROM shop.orders"), [{"n": 25}])
        self.assertTrue(any(key.startswith(f"{folder}/shop/orders/") for key in self.minio.keys(folder)))
        for text in (served.text("stdout.txt"), served.text("stderr.txt")):
            self.assertNotIn(SECRET, text)
        return server, served

    def test_keys_of_the_token_service_reach_one_table_alone(self):
        _, served = self.load("sts", "narrow")
        path = "/v1/namespaces/shop/tables/orders"
        status, loaded = call(served.url, path, X_Iceberg_Access_Delegation="vended-credentials")
        self.assertEqual(status, 200)
        credential = loaded["storage-credentials"][0]
        self.assertEqual(credential["prefix"], f"s3://{BUCKET}/narrow/shop/orders")
        self.assertEqual(loaded["config"]["s3.access-key-id"], credential["config"]["s3.access-key-id"])
        self.assertNotEqual(credential["config"]["s3.access-key-id"], KEY)
        self.assertIn("s3.session-token-expires-at-ms", credential["config"])
        self.assertEqual(call(served.url, path)[1]["storage-credentials"], [])  # not asked for
        status, refreshed = call(served.url, path + "/credentials")
        self.assertEqual((status, refreshed["storage-credentials"][0]["prefix"]), (200, credential["prefix"]))
        reader = call(served.url, path + "/credentials", token=READER)[1]["storage-credentials"][0]
        for config, may_write in ((credential["config"], True), (reader["config"], False)):
            done = subprocess.run([readers_python(), os.path.join(HERE, "vended_script.py"), json.dumps(config), BUCKET, "narrow/shop/orders",
                                   "narrow/shop/other"], capture_output=True, text=True, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr[-2000:])
            self.assertEqual(json.loads(done.stdout), {"list": True, "read": True, "write": may_write, "list_other": False,
                                                       "write_other": False}, config)

    def test_pyiceberg_uses_them(self):
        _, served = self.load("sts", "py")
        done = subprocess.run([readers_python(), "-c", f"""
from pyiceberg.catalog import load_catalog
lake = load_catalog("c", type="rest", uri="{served.url}", token="{TOKEN}", **{{"py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO"}})
print(lake.load_table("shop.orders").scan().to_arrow().num_rows)
"""], capture_output=True, text=True, timeout=120, env={"PATH": os.environ["PATH"], "HOME": "/tmp", "AWS_EC2_METADATA_DISABLED": "true"})
        self.assertEqual(done.stdout.strip(), "25", done.stderr[-2000:])

    def test_static_keys_go_to_writers_alone(self):
        _, served = self.load("static", "static")
        path = "/v1/namespaces/shop/tables/orders/credentials"
        self.assertEqual(call(served.url, path)[1]["storage-credentials"][0]["config"]["s3.secret-access-key"], SECRET)
        self.assertEqual(call(served.url, path, token=READER)[1]["storage-credentials"], [])
        with FirnProject(self.lake("static", "x"), env={"STORE_SECRET": SECRET}) as project:
            refused = project.firn("catalog", "serve", "--port", "0")
            self.assertEqual(refused.code, 2, str(refused))
            self.assertIn("authenticated", refused.err)

    def test_remote_signing_is_refused_by_name(self):
        _, served = self.server("none", "sign")
        status, answer = call(served.url, "/v1/namespaces/a/tables/b/sign", {})
        self.assertEqual(status, 406)
        self.assertIn("remote signing", answer["error"]["message"])

    def test_the_lake_itself_by_a_role(self):
        text = (f'lake: {{warehouse: "s3://{BUCKET}/role", storage: {{endpoint: "{self.minio.url}", region: us-east-1, access_key: {KEY}, '
                f'secret_key: "${{env:STORE_SECRET}}", role_arn: "arn:aws:iam::123456789012:role/lake"}}}}\n')
        with FirnProject(text, env={"STORE_SECRET": SECRET}) as project:
            done = project.firn("copy", "-", "shop.t", input='{"id": 1}\n')
            self.assertEqual(done.code, 0, str(done))
            self.assertEqual(project.sql("SELECT count(*) AS n FROM shop.t"), [{"n": 1}])

    def test_idempotency_keys_outlive_the_server(self):
        project = FirnProject("lake: {warehouse: ./lake}\n")
        self.addCleanup(project.__exit__)
        key, env = str(uuid.uuid4()), {"FIRN_CATALOG_TOKEN": TOKEN}
        body = {"name": "t", "schema": {"type": "struct", "fields": [{"id": 1, "name": "id", "required": False, "type": "long"}]}}
        with FirnServer(project, env=env) as served:
            self.assertEqual(call(served.url, "/v1/namespaces", {"namespace": ["a"]})[0], 200)
            first = call(served.url, "/v1/namespaces/a/tables", body, Idempotency_Key=key)
            self.assertEqual(first[0], 200)
            missing = call(served.url, "/v1/namespaces/nope/tables", body, Idempotency_Key=str(uuid.uuid4()))
            self.assertEqual(missing[0], 404)
        with open(project.path(".firn", "catalog-keys.jsonl"), "a") as file:
            file.write('{"version": 1, "key": "torn')  # by a crash
        with FirnServer(project, env=env) as served:
            self.assertEqual(call(served.url, "/v1/namespaces/a/tables", body, Idempotency_Key=key), first)
            self.assertEqual(call(served.url, "/v1/namespaces/a/tables", body)[0], 409)
            self.assertEqual(call(served.url, "/v1/namespaces/a/tables", {**body, "name": "u"}, Idempotency_Key=key)[0], 422)
        self.assertEqual(os.stat(project.path(".firn", "catalog-keys.jsonl")).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    binary()
    if readers_python() is None:
        skip("no Python with pyiceberg")
    unittest.main(verbosity=2)
