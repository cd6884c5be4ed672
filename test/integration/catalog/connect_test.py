"""What `firn connect` prints: for Spark it is really run, where the toolbox's Spark is installed; for engines of the cloud, which run
elsewhere, the statements are compared."""

import glob
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from catalog_service import FirnServer  # noqa: E402
from faulty_proxy import FaultyProxy  # noqa: E402
from support.firn_project import FirnProject, PATIENCE, binary  # noqa: E402

EMPTY = "lake: {warehouse: ./lake}\n"
HOME = os.environ.get("TOOLBOX_HOME", os.path.expanduser("~/.cache/firn-toolbox"))
SPARK_SQL = os.path.join(HOME, "venv", "bin", "spark-sql")
SPARK_HOME = next(iter(glob.glob(os.path.join(HOME, "venv", "lib", "python3*", "site-packages", "pyspark"))), "")
ALONE = ["--master", "local[1]", "--driver-memory", "1g", "--conf", "spark.ui.enabled=false", "--conf", "spark.log.level=ERROR",
         "--conf", "spark.driver.bindAddress=127.0.0.1", "--conf", "spark.driver.host=127.0.0.1",
         "--conf", "spark.sql.catalogImplementation=in-memory", "--conf", "spark.sql.shuffle.partitions=1"]


class ElsewhereProxy(FaultyProxy):
    """Before a catalog server: says that the tables are in another place."""

    def __init__(self, url, here, there):
        self.places = here.encode(), there.encode()
        super().__init__(url, ())

    def forward(self, handler, body):
        status, headers, text = super().forward(handler, body)
        return status, headers, text.replace(*self.places)


class SparkTest(unittest.TestCase):
    def test_the_command_is_run_and_spark_creates_a_table(self):
        if not os.path.exists(SPARK_SQL):
            print("SKIPPED in part: no Spark in the toolbox (toolbox-install spark)", flush=True)
            self.skipTest("no Spark")
        with FirnProject(EMPTY) as project:
            done = project.firn("copy", "-", "shop.orders", input="".join(f'{{"id": {i}, "s": "v{i}"}}\n' for i in range(7)))
            self.assertEqual(done.code, 0, str(done))
            with FirnServer(project) as server:
                printed = project.firn("connect", "spark", "--uri", server.url)
                self.assertEqual(printed.code, 0, str(printed))
                rows = self.spark(printed.out, """
                    SELECT 'read', count(*), max(s) FROM lake.shop.orders;
                    CREATE NAMESPACE lake.spark;
                    CREATE TABLE lake.spark.made (id bigint, s string) USING iceberg PARTITIONED BY (bucket(4, id));
                    INSERT INTO lake.spark.made SELECT id, s FROM lake.shop.orders WHERE id > 2;
                    DELETE FROM lake.spark.made WHERE id = 4;
                    ALTER TABLE lake.spark.made RENAME COLUMN s TO t;
                    SELECT 'made', count(*), max(t) FROM lake.spark.made;""")
                self.assertEqual([row for row in rows if row[0] in ("read", "made")], [["read", "7", "v6"], ["made", "3", "v6"]])
            self.assertEqual(project.sql("SELECT id, t FROM spark.made ORDER BY id"),
                             [{"id": 3, "t": "v3"}, {"id": 5, "t": "v5"}, {"id": 6, "t": "v6"}])

    def spark(self, printed, statements):
        """Runs the command as it was printed; but the package comes from the toolbox, not from a registry."""
        command = shlex.split(" ".join(line for line in printed.replace("\\\n", " ").splitlines() if not line.startswith("#")))
        self.assertEqual(command[:2], ["spark-sql", "--packages"], command)
        _, artifact, version = command[2].split(":")
        jars = glob.glob(os.path.join(HOME, "jars", f"{artifact}-{version}.jar"))
        self.assertEqual(len(jars), 1, f"the toolbox has the package that is printed: {command[2]}")
        with tempfile.TemporaryDirectory() as folder:
            run = [SPARK_SQL, "--jars", jars[0], *command[3:], *ALONE, "-e", statements]
            done = subprocess.run(run, cwd=folder, capture_output=True, text=True, timeout=240 * PATIENCE,
                                  env={**os.environ, "SPARK_HOME": SPARK_HOME})
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-6000:])
        return [line.split("\t") for line in done.stdout.splitlines()]


class CloudTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = FirnProject(EMPTY)
        for name in ("shop.orders", "shop.lines", "shop.Upper"):
            done = cls.home.firn("copy", "-", name, input='{"id": 1}\n')
            assert done.code == 0, str(done)
        cls.server = FirnServer(cls.home)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.home.__exit__()

    def connect(self, engine, *arguments, there="s3://bucket/lake", storage="", catalog="", code=0):
        with ElsewhereProxy(self.server.url, "file://" + os.path.realpath(self.home.path("lake")), there) as proxy:
            text = f'lake: {{warehouse: "{there}", catalog: {{type: rest, uri: "{proxy.url}"{catalog}}}{storage}}}\n'
            with FirnProject(text, env={"T": "a-secret-token", "C": "id:a-secret"}) as project:
                printed = project.firn("connect", engine, *arguments)
        self.assertEqual(printed.code, code, str(printed))
        self.assertNotIn("a-secret", printed.out + printed.err)
        return printed.out if code == 0 else printed.err

    def path_of(self, table):
        location = self.home.tables()[table].removeprefix("file://")
        return "lake/" + os.path.relpath(location, os.path.realpath(self.home.path("lake")))

    def test_snowflake_by_files(self):
        text = self.connect("snowflake", storage=", storage: {role_arn: 'arn:aws:iam::123456789012:role/lake', access_key: k, "
                                                 "secret_key: s}")
        self.assertIn("STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = 's3://bucket/'", text)
        self.assertIn("STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::123456789012:role/lake'", text)
        self.assertIn("CATALOG_SOURCE = OBJECT_STORE TABLE_FORMAT = ICEBERG\n  ENABLED = TRUE;", text)
        self.assertEqual(text.count('CREATE SCHEMA IF NOT EXISTS "shop";'), 1)
        for name in ("orders", "lines", "Upper"):
            self.assertIn(f'CREATE ICEBERG TABLE IF NOT EXISTS "shop"."{name}"\n  EXTERNAL_VOLUME = \'firn_lake\' CATALOG = '
                          f"'firn_lake'\n  METADATA_FILE_PATH = '{self.path_of('shop.' + name)}';", text)
        self.check_statements(text)

    def test_snowflake_by_a_catalog(self):
        text = self.connect("snowflake", "--uri", "https://catalog.example.com/", catalog=', warehouse: w, token: "${env:T}"')
        self.assertIn("CATALOG_SOURCE = ICEBERG_REST TABLE_FORMAT = ICEBERG\n  REST_CONFIG = (CATALOG_URI = "
                      "'https://catalog.example.com/' WAREHOUSE = 'w')\n  REST_AUTHENTICATION = (TYPE = BEARER BEARER_TOKEN = '<token>')",
                      text)
        self.assertIn("CATALOG_NAMESPACE = 'shop' CATALOG_TABLE_NAME = 'orders' AUTO_REFRESH = TRUE;", text)
        self.assertNotIn("METADATA_FILE_PATH", text)
        self.check_statements(text)
        signed = self.connect("snowflake", "--uri", "https://catalog.example.com/", catalog=", sigv4_region: eu-west-1",
                              storage=", storage: {access_key: k, secret_key: s}")
        self.assertIn("TYPE = SIGV4 SIGV4_IAM_ROLE = '<ARN of a role>' SIGV4_SIGNING_REGION = 'eu-west-1'", signed)

    def test_snowflake_on_other_stores(self):
        keys = ", access_key: k, secret_key: s"
        text = self.connect("snowflake", storage=f', storage: {{endpoint: "https://minio.example.com:9000"{keys}}}')
        self.assertIn("STORAGE_PROVIDER = 'S3COMPAT' STORAGE_BASE_URL = 's3compat://bucket/'\n    STORAGE_ENDPOINT = "
                      "'minio.example.com:9000'", text)
        refused = self.connect("snowflake", storage=f', storage: {{endpoint: "http://127.0.0.1:9000"{keys}}}', code=2)
        self.assertIn("http://127.0.0.1:9000", refused)
        self.assertIn("'gcs://bucket/'", self.connect("snowflake", there="gs://bucket/lake"))
        self.assertIn("'azure://account.blob.core.windows.net/box/'",
                      self.connect("snowflake", there="abfss://box@account.dfs.core.windows.net/lake"))

    def check_statements(self, text):
        """Each ends in a semicolon, quotes and brackets close."""
        plain = re.sub(r"--.*", "", text)
        self.assertTrue(plain.strip().endswith(";"), plain)
        bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", plain)
        self.assertNotRegex(bare, r"['\"]")
        self.assertEqual(bare.count("("), bare.count(")"))
        for statement in bare.split(";")[:-1]:
            self.assertRegex(statement.strip(), r"^CREATE (EXTERNAL VOLUME|CATALOG INTEGRATION|SCHEMA|ICEBERG TABLE) ")

    def test_athena_by_entries_of_glue(self):
        text = self.connect("athena", storage=", storage: {region: eu-west-1}")
        commands = [shlex.split(line) for line in text.splitlines() if line.startswith("aws ")]
        self.assertEqual([c[:5] for c in commands], [["aws", "glue", "create-database", "--region", "eu-west-1"]] +
                         [["aws", "glue", "create-table", "--region", "eu-west-1"]] * 2)
        self.assertEqual(commands[0][5:], ["--database-input", "Name=shop"])
        for command, name in zip(commands[1:], ("lines", "orders")):
            self.assertEqual(command[5:8], ["--database-name", "shop", "--table-input"])
            entry = json.loads(command[8])
            self.assertEqual((entry["Name"], entry["TableType"]), (name, "EXTERNAL_TABLE"))
            self.assertEqual(entry["Parameters"], {"table_type": "ICEBERG",
                                                   "metadata_location": f"s3://bucket/{self.path_of('shop.' + name)}"})
        self.assertIn('SELECT count(*) FROM "AwsDataCatalog"."shop"."orders";', text)
        self.assertIn("-- not shop.Upper: names in Athena are of lower-case letters", text)

    def test_what_cannot_be_reached_is_said_by_name(self):
        for engine in ("snowflake", "athena"):
            refused = self.home.firn("connect", engine)
            self.assertEqual(refused.code, 2, str(refused))
            self.assertIn("cannot reach a lake in a local folder", refused.err)
            self.assertIn(os.path.realpath(self.home.path("lake")), refused.err)
            self.assertEqual(refused.out, "")
        self.assertIn("Athena cannot reach the lake's object store", self.connect("athena", there="gs://bucket/lake", code=2))
        keys = ", access_key: k, secret_key: s"
        self.connect("athena", storage=f', storage: {{endpoint: "https://minio.example.com"{keys}}}', code=2)


if __name__ == "__main__":
    binary()
    unittest.main(verbosity=2)
