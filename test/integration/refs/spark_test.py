"""Spark changes what firn loads, through `firn catalog serve`: rollback, cherry-pick, write-audit-publish, compaction and expiry.
The next run loses and doubles nothing, or refuses and says what to type. Needs the toolbox's Spark (TOOLBOX_HOME)."""

import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), os.path.join(os.path.dirname(HERE), "catalog")]
from catalog_service import FirnServer  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, skip  # noqa: E402
from support.orders_case import orders_project  # noqa: E402

HOME = os.environ.get("TOOLBOX_HOME", os.path.expanduser("~/.cache/firn-toolbox"))
PYTHON = os.path.join(HOME, "venv", "bin", "python")
JARS = sorted(glob.glob(os.path.join(HOME, "jars", "iceberg-spark-runtime-*.jar")))

# Reads JSON lines {"sql": …} on stdin, answers {"rows": […]} or {"error": …}.
SHELL = """
import json, sys
from pyspark.sql import SparkSession
c = "spark.sql.catalog.c"
spark = (SparkSession.builder.master("local[1]").config("spark.jars", sys.argv[1]).config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1").config("spark.driver.memory", "1g")
    .config("spark.sql.session.timeZone", "UTC").config("spark.log.level", "ERROR").config("spark.ui.showConsoleProgress", "false")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
    .config(c, "org.apache.iceberg.spark.SparkCatalog").config(c + ".type", "rest").config(c + ".uri", sys.argv[2])
    .config(c + ".cache-enabled", "false").getOrCreate())
out = open(int(sys.argv[3]), "w")
for line in sys.stdin:
    try:
        answer = {"rows": [[str(v) for v in row] for row in spark.sql(json.loads(line)["sql"]).collect()]}
    except Exception as error:
        answer = {"error": str(error)[:500]}
    out.write(json.dumps(answer) + chr(10)); out.flush()
"""


class Spark:
    def __init__(self, url):
        read, write = os.pipe()
        self.process = subprocess.Popen([PYTHON, "-c", SHELL, JARS[0], url, str(write)], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(write,), text=True)
        os.close(write)
        self.answers = os.fdopen(read)

    def sql(self, text):
        self.process.stdin.write(json.dumps({"sql": text}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.answers.readline())
        if "error" in answer:
            raise AssertionError(f"{text}: {answer['error']}")
        return answer["rows"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.answers.close()


class SparkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="firn-spark-")
        cls.home = FirnProject("lake: {warehouse: ./lake}\n", folder=os.path.join(cls.top, "server"))
        cls.server = FirnServer(cls.home).__enter__()
        cls.spark = Spark(cls.server.url)
        cls.count = 0

    @classmethod
    def tearDownClass(cls):
        cls.spark.close()
        cls.server.__exit__(None, None, None)
        shutil.rmtree(cls.top, ignore_errors=True)

    def setUp(self):
        SparkTest.count += 1
        self.dataset = f"shop{self.count}"
        self.table = f"{self.dataset}.orders"
        self.api = FakeApi().__enter__()
        self.addCleanup(self.api.__exit__)
        self.orders = self.api.table("orders")
        self.tick = 0
        text = orders_project(self.api.url, "append", dataset=self.dataset,
                              lake=f'{{warehouse: ./own, catalog: {{type: rest, uri: "{self.server.url}"}}}}')
        self.project = FirnProject(text, folder=os.path.join(self.top, self.dataset))

    def load(self, *numbers):
        for number in numbers:
            self.tick += 1
            self.orders.put({"id": number, "updated_at": f"2025-01-01T00:00:{self.tick:02d}Z"})
        self.project.run()
        return self.head()

    def head(self):
        return self.spark.sql(f"select snapshot_id from c.{self.table}.refs where name = 'main'")[0][0]

    def check(self, *numbers):
        rows = self.spark.sql(f"select id from c.{self.table} order by id")
        self.assertEqual([int(row[0]) for row in rows], list(numbers))

    def insert(self, number, target):
        self.spark.sql(f"insert into c.{target} select {number} as id, updated_at, _firn_loaded_at, _firn_run_id "
                       f"from c.{self.table} limit 1")

    def call(self, procedure, arguments=""):
        return self.spark.sql(f"call c.system.{procedure}(table => '{self.table}'{arguments})")

    def test_rollback_asks_and_reads_again(self):
        first = self.load(1, 2)
        self.load(3)
        self.call("rollback_to_snapshot", f", snapshot_id => {first}")
        refused = self.project.firn("run", "--json")
        self.assertEqual((refused.code, refused.table("orders")["error"]["code"]), (2, "E0901"), str(refused))
        self.check(1, 2)
        self.assertEqual(self.project.firn("state", "accept", "orders", "--yes").code, 0)
        self.load(4)
        self.check(1, 2, 3, 4)

    def test_rollback_and_cherrypick_go_on_by_themselves(self):
        first = self.load(1)
        second = self.load(2)
        self.call("rollback_to_snapshot", f", snapshot_id => {first}")
        self.call("cherrypick_snapshot", f", snapshot_id => {second}")  # a fast-forward
        self.load(3)
        self.check(1, 2, 3)
        third = self.head()
        self.call("rollback_to_snapshot", f", snapshot_id => {second}")
        self.spark.sql(f"delete from c.{self.table} where id = 1")
        self.call("cherrypick_snapshot", f", snapshot_id => {third}")  # a new snapshot without firn's tokens
        self.assertNotEqual(self.head(), third)
        self.load(4)
        self.check(2, 3, 4)

    def test_compaction_and_expiry_of_all_but_one(self):
        self.load(1)
        self.load(2)
        self.load(3)
        self.call("rewrite_data_files", ", options => map('min-input-files', '2')")
        self.call("expire_snapshots", ", older_than => timestamp '2100-01-01 00:00:00', retain_last => 1")
        self.load(4)
        self.check(1, 2, 3, 4)

    def changed(self, *numbers, note):
        for number in numbers:
            self.tick += 1
            self.orders.put({"id": number, "updated_at": f"2025-01-01T00:{self.tick // 60:02d}:{self.tick % 60:02d}Z", "note": note})
        self.project.run()

    def check_merged(self, what):
        wanted = sorted((str(row["id"]), row["note"]) for row in self.orders.dicts())
        rows = self.spark.sql(f"select id, note from c.{self.table}")
        self.assertEqual(sorted(map(tuple, rows)), wanted, f"{what}: Spark")
        rows = self.project.sql(f"select id, note from {self.table}")
        self.assertEqual(sorted((str(row["id"]), row["note"]) for row in rows), wanted, f"{what}: firn")

    def test_merges_go_on_after_everything_spark_does(self):
        """Position deletes and deletion vectors, with and without the key index, under Spark's own maintenance and its rollbacks."""
        for version, env in ((2, {}), (2, {"FIRN_KEY_INDEX_RECORDS_MIN": "1"}), (3, {"FIRN_KEY_INDEX_RECORDS_MIN": "1"})):
            with self.subTest(version=version, index=bool(env)):
                SparkTest.count += 1
                self.dataset, self.tick = f"merged{self.count}", 0
                self.table = f"{self.dataset}.orders"
                self.orders.rows.clear()
                text = orders_project(self.api.url, "merge", f"        format_version: {version}\n", dataset=self.dataset,
                                      lake=f'{{warehouse: ./own, catalog: {{type: rest, uri: "{self.server.url}"}}}}')
                self.project = FirnProject(text, env=env, folder=os.path.join(self.top, self.dataset))
                self.changed(*range(12), note="first")
                self.changed(3, 4, 20, note="second")
                first = self.head()
                self.changed(4, 5, 21, note="third")
                self.check_merged("before")
                self.call("rewrite_data_files", ", options => map('min-input-files', '2', 'delete-file-threshold', '1')")
                self.changed(5, 6, 22, note="after a compaction")
                self.check_merged("after a compaction")
                self.call("rewrite_position_delete_files", ", options => map('rewrite-all', 'true')")
                self.call("rewrite_manifests")
                self.changed(6, 7, 23, note="after a rewrite of deletes")
                self.check_merged("after a rewrite of deletes")
                newest = self.head()
                self.call("rollback_to_snapshot", f", snapshot_id => {first}")
                self.call("set_current_snapshot", f", snapshot_id => {newest}")  # and back
                self.changed(7, 8, 24, note="after a rollback and its undoing")
                self.check_merged("after a rollback and its undoing")
                self.call("rollback_to_snapshot", f", snapshot_id => {first}")
                self.assertEqual(self.project.firn("run").code, 2)
                self.call("expire_snapshots", ", older_than => timestamp '2100-01-01 00:00:00', retain_last => 1")
                accepted = self.project.firn("state", "accept", "orders", "--yes")
                self.assertIn(accepted.code, (0, 2), str(accepted))  # 2: nothing is left to be decided
                self.changed(8, 9, 25, note="after the expiry of what was rolled back")
                self.check_merged("after the expiry of what was rolled back")

    def test_compacted_expired_and_rolled_back(self):
        self.load(1)
        self.load(2)
        self.call("rewrite_data_files", ", options => map('min-input-files', '2')")
        self.call("expire_snapshots", ", older_than => timestamp '2100-01-01 00:00:00', retain_last => 1")
        compacted = self.head()
        self.load(3)
        third = self.head()
        self.call("rollback_to_snapshot", f", snapshot_id => {compacted}")
        self.assertEqual(self.project.run(code=2).table("orders")["error"]["code"], "E0901")
        self.call("cherrypick_snapshot", f", snapshot_id => {third}")
        self.load(4)
        self.check(1, 2, 3, 4)

    def test_staged_by_spark_published_by_firn(self):
        self.load(1)
        self.spark.sql(f"alter table c.{self.table} set tblproperties ('write.wap.enabled' = 'true')")
        self.spark.sql("set spark.wap.id = w1")
        self.insert(100, self.table)
        self.spark.sql("reset spark.wap.id")
        staged = self.spark.sql(f"select snapshot_id from c.{self.table}.snapshots order by committed_at desc limit 1")[0][0]
        self.check(1)
        self.load(2)
        picked = self.project.firn("table", "cherry-pick", self.table, staged, "--json")
        self.assertEqual(picked.code, 0, str(picked))
        self.check(1, 2, 100)
        self.load(3)
        self.check(1, 2, 3, 100)
        again = self.project.firn("table", "cherry-pick", self.table, staged)
        self.assertIn("E0913", again.err)

    def test_branches_are_those_spark_reads(self):
        self.load(1)
        self.assertEqual(self.project.firn("table", "branch", self.table, "create", "dev").code, 0)
        self.load(2)
        self.assertEqual(self.spark.sql(f"select id from c.{self.table} version as of 'dev'"), [["1"]])
        self.insert(7, f"{self.table}.branch_dev")
        self.assertEqual(self.project.firn("table", "branch", self.table, "fast-forward", "main", "--to", "dev").code, 2)
        rows = self.project.sql(f"select id from {self.table} at (version => 'dev') order by id")
        self.assertEqual([row["id"] for row in rows], [1, 7])


if __name__ == "__main__":
    if not os.path.exists(PYTHON) or not JARS:
        skip("no Spark: toolbox-install spark")
    unittest.main()
