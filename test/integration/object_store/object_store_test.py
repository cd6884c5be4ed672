"""The warehouse on S3: see README.md."""

import os
import random
import shutil
import signal
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(os.path.dirname(HERE))]
from minio import BUCKET, KEY, SECRET, Minio, toolbox  # noqa: E402
from s3_proxy import S3Proxy  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, tables_of  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

SEED = int(os.environ.get("FIRN_SEED", random.randrange(1 << 30)))
FAULTS = ("slow", "before", "after", "drop", "lose", "cut")
FAILPOINTS = ("io.object_before_close", "io.object_after_close", "commit.staging_recorded", "data_file.before_close",
              "data_file.after_close", "commit.metadata_written", "catalog.before_swap", "commit.before_staging_end")


class ObjectStoreTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.minio, cls.reader = Minio(), TableReader()
        cls.number = 0

    @classmethod
    def tearDownClass(cls):
        cls.reader.close()
        cls.minio.close()

    def setUp(self):
        self.api = FakeApi().__enter__()
        self.tables = {name: self.api.table(name) for name in ("added", "merged", "replaced")}
        self.tick, self.wanted = 0, {}
        type(self).number += 1
        self.prefix = f"w{self.number}"
        self.folder = tempfile.mkdtemp(prefix="firn-object-store-")
        self.project = FirnProject(self.text(self.minio.url), folder=self.folder, env={"LAKE_SECRET": SECRET})

    def tearDown(self):
        self.api.__exit__()
        shutil.rmtree(self.folder, ignore_errors=True)

    def text(self, endpoint):
        common = "records: data, primary_key: id, paginate: {type: cursor, next: meta.next, param: cursor}"
        since = "incremental: {cursor: updated_at, param: since, format: iso}"
        return f"""lake:
  warehouse: s3://{BUCKET}/{self.prefix}
  storage: {{endpoint: "{endpoint}", region: us-east-1, access_key: {KEY}, secret_key: "${{env:LAKE_SECRET}}"}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    tables:
      added: {{path: /v1/added, {common}, {since}, write_disposition: append}}
      merged: {{path: /v1/merged, {common}, {since}, write_disposition: merge}}
      replaced: {{path: /v1/replaced, {common}, write_disposition: replace, allow_empty: true}}
"""

    def put(self, table, number, note):
        self.tick += 1
        changed = f"2025-01-01T{self.tick // 3600:02d}:{self.tick // 60 % 60:02d}:{self.tick % 60:02d}Z"
        self.tables[table].put({"id": number, "updated_at": changed, "note": note})
        if table == "added":
            self.wanted.setdefault(table, {})[(number, changed)] = note
        else:
            self.wanted.setdefault(table, {})[number] = note

    def change(self, step):
        for i in range(15):
            self.put("added", step * 15 + i, f"step {step}")
            self.put("merged", step * 7 + i, f"step {step}")  # half of them anew
            self.put("replaced", i + step, f"step {step}")

    def truth(self, table):
        return sorted((key[0] if table == "added" else key, note) for key, note in self.wanted[table].items())

    def check(self, what, engines=("pyiceberg", "duckdb", "firn")):
        for table in self.tables:
            for engine in engines:
                if engine == "firn":
                    rows = self.project.sql(f"SELECT id, note FROM shop.{table}")
                else:
                    rows = self.reader.ask(engine=engine, catalog=self.catalog(), warehouse=f"s3://{BUCKET}/{self.prefix}",
                                           table=f"shop.{table}", snapshot=None, s3=self.minio.reader_settings())["rows"]
                self.assertEqual(sorted((row["id"], row["note"]) for row in rows), self.truth(table), f"{what}: {table}, {engine}")

    def catalog(self):
        return self.project.path(".firn", "catalog.db")

    def firn(self, *arguments, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, 0, str(result))
        return result

    def test_every_disposition_and_command(self):
        doctor = self.firn("doctor").out
        self.assertIn("read, list and delete allowed, conditional writes kept", doctor)
        for step in range(3):
            self.change(step)
            self.project.run()
            self.check(f"step {step}")
        self.assertTrue(self.firn("table", "metadata", "shop.merged").out.startswith(f"s3://{BUCKET}/{self.prefix}/shop/merged/metadata/"))
        self.assertEqual(len(self.firn("history", "shop.merged").out.strip().splitlines()), 4)
        self.firn("table", "maintain", "shop.merged", "--json")
        self.check("maintained")
        metadata = tables_of(self.catalog())["shop.merged"]
        rows = self.firn("sql", f"SELECT count(*) AS n FROM iceberg('{metadata}')", "--json").json()
        self.assertEqual(rows, [{"n": len(self.wanted["merged"])}])
        self.assertEqual([key for key in self.minio.keys(self.prefix) if "/firn-staging/" in key or ".firn-doctor" in key], [])
        self.no_secrets()

    def no_secrets(self):
        places = [*self.project.files(".firn"), *(os.path.join(f, n) for f, _, names in os.walk(self.minio.folder) for n in names)]
        for path in places:
            if path.endswith(("minio.log", "minio.pid")) or "/.minio.sys/" in path:
                continue
            with open(path, "rb") as file:
                self.assertNotIn(SECRET.encode(), file.read(), path)

    def test_a_large_file_is_uploaded_in_parts(self):
        rows = random.Random(SEED)
        for number in range(700):
            self.put("added", number, "".join(chr(rows.randrange(33, 127)) for _ in range(20_000)))
        self.put("merged", 1, "x")
        self.put("replaced", 1, "x")
        actions = []

        def choose(method, path):
            actions.append((method, path))
            return "pass"

        with S3Proxy(self.minio.url, choose) as proxy:
            self.project.write(self.text(proxy.url))
            self.project.run(timeout=120)
        self.project.write(self.text(self.minio.url))
        self.assertTrue([path for method, path in actions if method == "PUT" and "partNumber=2" in path])
        self.check("large")

    def test_faults_of_every_kind_lose_and_double_nothing(self):
        print("seed", SEED, flush=True)
        chance = random.Random(SEED)

        def choose(_method, _path):
            return chance.choice(FAULTS) if chance.random() < 0.15 else "pass"

        with S3Proxy(self.minio.url, choose) as proxy:
            self.project.write(self.text(proxy.url))
            for step in range(4):
                self.change(step)
                for _ in range(5):  # a run may give up; the next one goes on
                    if self.project.firn("run", "--json", timeout=180).code == 0:
                        break
                else:
                    self.fail(f"no run ended well, seed {SEED}")
                self.check(f"step {step}, seed {SEED}", ("pyiceberg",))
                self.check(f"step {step}, seed {SEED}", ("firn",))  # through the faults too
            self.assertEqual({action for action, _, _ in proxy.actions} - {"pass"}, set(FAULTS))
        self.project.write(self.text(self.minio.url))
        self.check(f"seed {SEED}")

    def test_each_request_failing_once_after_it_was_applied(self):
        """Walks over the requests of a run: the n-th is applied and answered with an error, for good (no retry helps)."""
        print("seed", SEED, flush=True)
        self.change(0)
        self.project.run()
        for number in range(1 + SEED % 9, 300, 9):
            seen = [0]
            broken = [None]

            def choose(method, path):
                seen[0] += 1
                if seen[0] == number:
                    broken[0] = (method, path)
                return "after" if broken[0] == (method, path) else "pass"

            self.change(number)
            with S3Proxy(self.minio.url, choose) as proxy:
                self.project.write(self.text(proxy.url))
                self.project.firn("run", "--json", timeout=180)
            self.project.write(self.text(self.minio.url))
            self.project.run()
            self.check(f"request {number}", ("firn",))
            if broken[0] is None:
                break
        self.check("all requests")

    def test_an_outage_is_told_and_changes_nothing(self):
        self.change(0)
        self.project.run()
        before = tables_of(self.catalog())
        self.change(1)
        with S3Proxy(self.minio.url, lambda *_: "slow") as proxy:
            self.project.write(self.text(proxy.url))
            result = self.project.firn("run", "--json", timeout=180)
        self.assertNotIn(result.code, (0, 101), str(result))
        self.assertNotIn(SECRET, result.out + result.err)
        self.assertEqual(tables_of(self.catalog()), before)
        self.project.write(self.text(self.minio.url))
        self.project.run()
        self.check("after the outage")

    def test_keys_come_from_the_environment_or_a_profile(self):
        self.project.write(f'lake: {{warehouse: "s3://{BUCKET}/{self.prefix}", storage: {{endpoint: "{self.minio.url}"}}}}\n')
        profile = self.project.path("credentials")
        self.project.write(f"[default]\naws_access_key_id={KEY}\naws_secret_access_key={SECRET}\n", "credentials")
        for env in ({"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}, {"AWS_SHARED_CREDENTIALS_FILE": profile}):
            self.assertIn("conditional writes kept", self.firn("doctor", env={"AWS_EC2_METADATA_DISABLED": "true", **env}).out)
        self.assertNotEqual(self.project.firn("doctor", env={"AWS_EC2_METADATA_DISABLED": "true"}).code, 0)

    def test_wrong_keys_and_missing_buckets_say_what_to_do(self):
        self.change(0)
        wrong = self.project.firn("run", env={"LAKE_SECRET": "not-the-secret"})
        self.assertNotEqual(wrong.code, 0)
        self.assertIn("lake.storage", wrong.err, str(wrong))
        self.assertNotIn("not-the-secret", wrong.out + wrong.err)
        self.project.write(self.text(self.minio.url).replace(f"s3://{BUCKET}/", "s3://no-such-bucket/"))
        missing = self.project.firn("doctor")
        self.assertNotEqual(missing.code, 0)
        self.assertIn("no-such-bucket", missing.out, str(missing))

    @unittest.skipUnless(has_failpoints(), "the binary has no failpoints")
    def test_kills_lose_and_double_nothing_and_leave_nothing(self):
        for step, failpoint in enumerate(FAILPOINTS):
            for nth in (1, 3):
                self.change(step * 2 + nth)
                killed = self.project.firn("run", "--json", env={"FIRN_FAILPOINTS": f"{failpoint}=kill@{nth}"})
                if nth == 1:
                    self.assertEqual(killed.code, -signal.SIGKILL, str(killed))
                self.project.run()
                self.check(f"{failpoint} {nth}", ("firn",))
        self.check("all kills")
        for table in self.tables:
            read = self.reader.ask(engine="pyiceberg", catalog=self.catalog(), warehouse="", table=f"shop.{table}", snapshot=None,
                                   s3=self.minio.reader_settings(), all_files=True)
            known = {path.removeprefix(f"s3://{BUCKET}/") for path in read["all_files"]}
            self.assertEqual(set(self.minio.keys(f"{self.prefix}/shop/{table}/data")), known, table)

    def test_a_prefix_that_was_moved_and_a_backup(self):
        for step in range(2):
            self.change(step)
            self.project.run()
        self.check("before")
        backup = f"s3://{BUCKET}/safe/{self.prefix}.tar.zst"
        self.firn("backup", backup)
        self.firn("restore", backup, "restored")
        restored = self.project.path("restored", "lake")
        for table in self.tables:
            for engine in ("pyiceberg", "duckdb"):
                rows = self.reader.ask(engine=engine, catalog=restored + "/catalog.db", warehouse=restored, table=f"shop.{table}", snapshot=None)["rows"]
                self.assertEqual(sorted((row["id"], row["note"]) for row in rows), self.truth(table), (table, engine))
        bucket = os.path.join(self.minio.folder, "data", BUCKET)
        os.rename(os.path.join(bucket, self.prefix), os.path.join(bucket, self.prefix + "-moved"))
        self.prefix += "-moved"
        self.project.write(self.text(self.minio.url))
        doctor = self.project.firn("doctor")
        self.assertIn("firn lake relocate", doctor.out + doctor.err)
        self.firn("lake", "relocate")
        self.check("relocated")
        self.change(2)
        self.project.run()
        self.check("loaded further")


if __name__ == "__main__":
    binary()
    toolbox()
    unittest.main(verbosity=2)
