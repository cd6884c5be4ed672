"""Whole runs with every strategy of merging: random loads, a model in Python as the truth, two foreign readers as judges."""

import collections
import glob
import json
import os
import random
import signal
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from merge_models import MODELS  # noqa: E402
from support.fake_api import FakeApi  # noqa: E402
from support.failpoint_walks import check_walk  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints, wait_until_stopped  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402
from support.table_reader import TableReader, readers_python  # noqa: E402

SEED = int(os.environ.get("FIRN_TEST_SEED", "1"))
ROUNDS = int(os.environ.get("FIRN_TEST_ROUNDS", "6"))
INDEXED = {"FIRN_KEY_INDEX_RECORDS_MIN": "1"}
PROJECT = """version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{url}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        columns: {{id: {{type: long}}, day: {{type: date}}, version: {{type: long}}, value: {{type: long}},
                  note: {{type: string}}, changed: {{type: timestamptz}}}}
{settings}
"""
# Appends a row that another writer brings between plan and commit.
FOREIGN = """
import sys, datetime, pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
catalog = SqlCatalog("firn", uri="sqlite:///" + sys.argv[1], warehouse=sys.argv[2], init_catalog_tables="false")
table = catalog.load_table("shop.orders")
schema = table.schema().as_arrow()
row = {name: None for name in schema.names}
row.update(eval(sys.argv[3]))
table.append(pa.Table.from_pylist([row], schema=schema))
"""


# Sets properties of the table as another writer does.
PROPERTIES = """
import sys, json
from pyiceberg.catalog.sql import SqlCatalog
catalog = SqlCatalog("firn", uri="sqlite:///" + sys.argv[1], warehouse=sys.argv[2], init_catalog_tables="false")
catalog.load_table("shop.orders").transaction().set_properties(json.loads(sys.argv[3])).commit_transaction()
"""


def foreign(project, script, *arguments):
    """What a script of pyiceberg prints about the lake."""
    command = [readers_python(), "-W", "ignore", "-c", script, project.catalog, project.path("lake"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class MergeStrategiesTest(ReaderCase):
    def begin(self, name, seed, env=None, version=2, more=""):
        self.model = MODELS[name](random.Random(seed))
        self.api = FakeApi()
        self.orders = self.api.table("orders", key="none", changed=None, page_size=7)
        settings = self.model.settings + f"        format_version: {version}\n{more}"
        self.project = FirnProject(PROJECT.format(url=self.api.url, settings=settings), env=env or {})
        self.what = f"{name} v{version}, seed {seed}"

    def end(self):
        self.project.__exit__()
        self.api.close()

    def serve(self, rows):
        with self.api.lock:
            self.orders.rows.clear()
        for row in rows:
            self.orders.put({k: v for k, v in row.items() if v is not None or k == "value"})

    def judge(self, where=""):
        expected = collections.Counter(self.model.expected())
        for engine in ("pyiceberg", "duckdb"):
            rows = self.reader.rows(self.project, "shop.orders", engine)
            found = collections.Counter(self.model.seen(rows))
            self.assertEqual(found - expected, expected - found, f"{self.what} {where} by {engine}")
            self.model.check(rows, self.fail)
        # By position at most: several engines refuse equality deletes (materialize#38458).
        kinds = set(self.reader.delete_contents(self.project, "shop.orders"))
        self.assertLessEqual(kinds, {1} if self.model.leaves_deletes else set(), f"{self.what} {where}: kinds of deletes")

    def load(self, model=True):
        rows = self.model.make_load()
        self.serve(rows)
        result = self.project.run().table("orders")
        run_time = self.run_time()
        counts = self.model.take(rows, run_time)
        for name, count in counts.items():
            self.assertEqual(result["rows"][name], count, f"{self.what}: {name} of {result['rows']}")
        return rows

    def run_time(self):
        """When the last run began, as the table says it (strategies of which the model needs it write a row each run)."""
        rows = self.reader.rows(self.project, "shop.orders")
        times = [row["_firn_loaded_at"] for row in rows if row["_firn_loaded_at"]]
        return max(times) if times else None

    def histories(self, name, seeds, **options):
        for seed in seeds:
            with self.subTest(name, seed=seed):
                self.begin(name, seed, **options)
                try:
                    for number in range(ROUNDS):
                        self.load()
                        self.judge(f"after load {number}")
                    rows = self.load()  # and once more: a load that was there changes nothing it must not
                    self.serve(rows)
                    self.project.run()
                    self.model.take(rows, self.run_time())
                    self.judge("after a load that came again")
                    if options.get("env") == INDEXED:
                        self.assertEqual(self.by_index(), self.model.indexed, self.what)
                finally:
                    self.end()

    def test_the_first_rederive_equals_the_table_of_every_strategy(self):
        for raw in ("archive", "table"):
            for name in MODELS:
                with self.subTest(name, raw=raw):
                    self.begin(name, SEED, more=f"        raw: {raw}\n")
                    try:
                        for _ in range(4):
                            self.load()
                        told = self.project.firn("rederive", "orders")
                        self.assertEqual(told.code, 10, told)
                        # The time of a soft deletion is that of the load that saw it; the command says so.
                        own = {"_firn_loaded_at", "_firn_run_id", *(("_firn_deleted_at",) if "deleted rows will say" in told.err else ())}
                        table = self.values(own)
                        derived = self.project.firn("rederive", "orders", "--yes")
                        self.assertEqual(derived.code, 0, derived)
                        self.assertEqual(self.values(own), table, self.what)
                        self.load()
                        self.judge("after a load into the derived table")
                    finally:
                        self.end()

    def values(self, without):
        return sorted(repr(sorted((k, v) for k, v in row.items() if k not in without))
                      for row in self.reader.rows(self.project, "shop.orders"))

    def by_index(self):
        """Whether a run found live rows by the key index."""
        found = []
        for log in glob.glob(self.project.path(".firn", "runs", "*", "log.jsonl")):
            with open(log) as lines:
                found += [line for line in lines if "live rows found" in line]
        self.assertTrue(found)
        return any('"by_index":true' in line.replace(" ", "") for line in found)

    def foreign_row(self, values):
        foreign(self.project, FOREIGN, repr(values))

    def conflict(self, name, seed):
        """Another writer commits while a run waits before its commit: the run plans again on what is there now."""
        self.begin(name, seed)
        try:
            self.load()
            rows = self.model.make_load()
            self.serve(rows)
            process = self.project.start("run", env={"FIRN_FAILPOINTS": "run.before_commit=stop@1"})
            try:
                self.assertTrue(wait_until_stopped(process, "firn stops before its commit"))
                foreign = self.model.foreign(rows)
                self.foreign_row(self.model.as_stored(foreign))
                self.model.take_foreign(foreign)
                process.send_signal(signal.SIGCONT)
                self.assertEqual(process.wait(60), 0)
            finally:
                process.kill()
                process.wait()
            self.model.take(rows, self.run_time())
            self.judge("after a conflict")
            self.load()
            self.judge("after the load behind it")
        finally:
            self.end()

    def kills(self, name, seed):
        """kill -9 at the first hit of every failpoint of a load, then the same load again."""
        self.begin(name, seed)
        try:
            self.load()
            log = self.project.path("hits")
            points = ["run.before_commit"]
            done = 0
            while points:
                rows = self.model.make_load()
                self.serve(rows)
                if done == 0:
                    self.project.run(env={"FIRN_FAILPOINTS": "*=count", "FIRN_FAILPOINTS_LOG": log})
                    with open(log) as file:
                        points = sorted({line.split()[1] for line in file})
                    check_walk(f"merge {name}", points)
                    self.assertTrue(set(self.model.fails_at) & set(points), points)
                else:
                    point = points.pop()
                    run = self.project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill@1"})
                    self.assertIn(run.code, (0, -signal.SIGKILL), f"{self.what}: {point}: {run}")
                    self.project.run()
                done += 1
                self.model.take(rows, self.run_time())
                if done % 4 == 0 or not points:
                    self.judge(f"after kills, next {points[-1:]}")
            self.assertGreater(done, 15)
        finally:
            self.end()


def add_tests():
    def add(kind, name, call):
        setattr(MergeStrategiesTest, f"test_{kind}_{name}", call)

    for name, model in MODELS.items():
        add("histories", name, lambda self, n=name: self.histories(n, range(SEED, SEED + 2)))
        add("histories_v3", name, lambda self, n=name: self.histories(n, [SEED + 100], version=3))
        if model.by_key:
            add("histories_by_index", name, lambda self, n=name: self.histories(n, [SEED + 200], env=INDEXED))
        if model.repeats:
            add("kills", name, unittest.skipUnless(has_failpoints(), "built without failpoints")(
                lambda self, n=name: self.kills(n, SEED)))
        if model.may_conflict:
            add("conflict", name, unittest.skipUnless(has_failpoints(), "built without failpoints")(
                lambda self, n=name: self.conflict(n, SEED)))


class RefusalsTest(unittest.TestCase):
    """What cannot be done is refused when the rows are there, and leaves the table as it was."""

    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders", key="none", changed=None)

    def run_with(self, settings, rows, project=None):
        for row in rows:
            self.orders.put(row)
        text = PROJECT.format(url=self.api.url, settings=settings)
        if project is None:
            project = FirnProject(text)
            self.addCleanup(project.__exit__)
        else:
            project.write(text)
        return project, project.firn("run", "--json")

    def error(self, run):
        return run.table("orders")["error"]

    def test_a_text_is_no_sequence(self):
        _, run = self.run_with("        primary_key: id\n        sequence_by: note\n", [{"id": 1, "note": "a"}])
        self.assertEqual((run.code, self.error(run)["code"]), (2, "E0825"), run)

    def test_a_number_is_no_time(self):
        _, run = self.run_with("        primary_key: id\n        merge_strategy: scd2\n        scd2: {changed_at: version}\n",
                               [{"id": 1, "version": 3}])
        self.assertEqual((run.code, self.error(run)["code"]), (2, "E0825"), run)

    def test_a_merge_key_no_row_has(self):
        _, run = self.run_with("        write_disposition: merge\n        merge_strategy: delete_insert\n        merge_key: dya\n",
                               [{"id": 1}])
        self.assertEqual((run.code, self.error(run)["code"]), (2, "E0820"), run)
        self.assertIn("merge_key", self.error(run)["why"])

    def test_a_table_of_rows_does_not_become_one_of_versions(self):
        project, run = self.run_with("        primary_key: id\n", [{"id": 1, "value": 1}])
        self.assertEqual(run.code, 0, run)
        _, run = self.run_with("        primary_key: id\n        merge_strategy: scd2\n", [{"id": 1, "value": 2}], project)
        self.assertEqual((run.code, self.error(run)["code"]), (2, "E0812"), run)

    def test_an_empty_read_retires_nothing(self):
        settings = "        primary_key: id\n        merge_strategy: scd2\n        scd2: {retire_missing: true}\n"
        project, run = self.run_with(settings, [{"id": 1, "value": 1}])
        self.assertEqual(run.code, 0, run)
        self.orders.rows.clear()
        _, run = self.run_with(settings, [], project)
        self.assertEqual((run.code, self.error(run)["code"]), (6, "E0830"), run)

    def test_rows_without_a_merge_key_or_a_sequence_go_to_quarantine(self):
        for settings, field in (("        write_disposition: merge\n        merge_strategy: delete_insert\n        merge_key: day\n",
                                 "day"), ("        primary_key: id\n        sequence_by: version\n", "version")):
            with self.subTest(field):
                self.orders.rows.clear()
                whole = {"id": 1, "day": "2025-02-01", "version": 1}
                project, run = self.run_with(settings, [whole, {k: v for k, v in whole.items() if k != field}])
                self.assertEqual(run.code, 0, run)
                rows = run.table("orders")["rows"]
                self.assertEqual((rows["inserted"], rows["quarantined"]), (1, 1))

    def test_a_table_that_was_not_partitioned_loses_the_rows_of_the_replaced_partitions(self):
        project, run = self.run_with("        write_disposition: replace\n",
                                     [{"id": 1, "day": "2025-02-01"}, {"id": 2, "day": "2025-02-02"}])
        self.assertEqual(run.code, 0, run)
        self.orders.rows.clear()
        _, run = self.run_with("        write_disposition: replace\n        partition_by: [day]\n"
                               "        overwrite_partitions: true\n", [{"id": 3, "day": "2025-02-01"}], project)
        self.assertEqual(run.code, 0, run)
        with TableReader() as reader:
            for engine in ("pyiceberg", "duckdb"):
                self.assertEqual(sorted(row["id"] for row in reader.rows(project, "shop.orders", engine)), [2, 3])

    def test_no_rows_replace_no_partition(self):
        settings = "        write_disposition: replace\n        partition_by: [day]\n        overwrite_partitions: true\n"
        project, run = self.run_with(settings, [{"id": 1, "day": "2025-02-01"}])
        self.orders.rows.clear()
        _, run = self.run_with(settings, [], project)
        self.assertEqual(run.code, 0, run)
        with TableReader() as reader:
            self.assertEqual([row["id"] for row in reader.rows(project, "shop.orders")], [1])


class MergeModeTest(unittest.TestCase):
    """What a table's properties ask for, and what the project says, which wins."""

    UPSERT = "        primary_key: id\n        maintenance: off\n"

    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders", key="none", changed=None)
        self.reader = TableReader()
        self.addCleanup(self.reader.close)
        self.value = 0
        self.project = FirnProject(PROJECT.format(url=self.api.url, settings=self.UPSERT))
        self.addCleanup(self.project.__exit__)
        self.serve([{"id": n, "value": 0} for n in range(6)])
        self.project.run()

    def serve(self, rows):
        self.orders.rows.clear()
        for row in rows:
            self.orders.put(row)

    def set(self, **modes):
        foreign(self.project, PROPERTIES, json.dumps({f"write.{name}.mode": value for name, value in modes.items()}))

    def update(self, settings="", code=0):
        """Updates a row. Returns the run, and the number of delete files it left over those there were."""
        self.project.write(PROJECT.format(url=self.api.url, settings=self.UPSERT + settings))
        before = len(self.reader.delete_contents(self.project, "shop.orders"))
        self.value += 1
        self.serve([{"id": 3, "value": self.value, "version": self.value}])
        run = self.project.firn("run", "--json")
        self.assertEqual(run.code, code, run)
        if code == 0:
            for engine in ("pyiceberg", "duckdb"):
                rows = sorted((row["id"], row["value"]) for row in self.reader.rows(self.project, "shop.orders", engine))
                self.assertEqual(rows, [(n, self.value if n == 3 else 0) for n in range(6)], engine)
        return run, len(self.reader.delete_contents(self.project, "shop.orders")) - before

    def test_without_a_word_rows_go_by_delete_files(self):
        self.assertGreater(self.update()[1], 0)

    def test_the_property_of_merges_asks_for_copies(self):
        self.set(merge="copy-on-write", delete="merge-on-read")
        self.assertEqual(self.update()[1], 0)

    def test_a_merge_updates_and_deletes(self):
        self.set(update="copy-on-write", delete="merge-on-read")
        self.assertEqual(self.update()[1], 0)

    def test_the_project_wins_over_the_properties(self):
        self.set(merge="merge-on-read")
        self.assertEqual(self.update("        merge_mode: copy_on_write\n")[1], 0)

    def test_what_cannot_be_done_is_refused_and_what_is_unknown_too(self):
        self.set(merge="copy-on-write")
        run, _ = self.update("        sequence_by: version\n", code=2)
        self.assertEqual(run.table("orders")["error"]["code"], "E0829", run)
        self.set(merge="copy-on-wright")
        run, _ = self.update(code=2)
        self.assertEqual(run.table("orders")["error"]["code"], "E0828", run)
        self.assertGreater(self.update("        merge_mode: merge_on_read\n")[1], 0)


class FamilyTest(unittest.TestCase):
    """A parent and its children, each with a strategy of its own, in one commit."""

    def test_versions_of_parents_and_groups_of_children(self):
        tables = """      orders:
        path: /v1/orders
        records: data
        primary_key: id
        merge_strategy: scd2
        scd2: {changed_at: changed}
      lines:
        path: "/v1/orders/{{ parent.id }}/lines"
        records: data
        parent: orders
        include: {order_id: parent.id}
        write_disposition: merge
        merge_strategy: delete_insert
        merge_key: order_id
"""
        with FakeApi() as api, TableReader() as reader:
            orders = api.table("orders", changed=None)
            lines = api.table("lines", key="line", parent="order_id", changed=None)
            text = f"version: 1\nlake: {{warehouse: ./lake}}\npipelines:\n  shop:\n    source: {{type: rest, " \
                   f'base_url: "{api.url}"}}\n    tables:\n{tables}'
            text = text.replace("        records: data\n", "        records: data\n        columns: {changed: {type: timestamptz}}\n", 1)
            with FirnProject(text) as project:
                for order in (1, 2):
                    orders.put({"id": order, "state": "new", "changed": "2025-01-01T00:00:00Z"})
                    for line in (1, 2):
                        lines.put({"line": 10 * order + line, "order_id": order})
                project.run()
                orders.put({"id": 1, "state": "paid", "changed": "2025-01-02T00:00:00Z"})
                lines.remove(11)
                project.run()
                for engine in ("pyiceberg", "duckdb"):
                    versions = [(row["id"], row["state"], row["_firn_is_current"]) for row in
                                reader.rows(project, "shop.orders", engine)]
                    self.assertEqual(sorted(versions), [(1, "new", False), (1, "paid", True), (2, "new", True)])
                    left = [row["line"] for row in reader.rows(project, "shop.lines", engine)]
                    self.assertEqual(sorted(left), [12, 21, 22])


class PlanTest(unittest.TestCase):
    def test_plan_names_the_strategy_and_the_guarantee(self):
        with FakeApi() as api:
            for name, model in MODELS.items():
                with FirnProject(PROJECT.format(url=api.url, settings=model.settings)) as project:
                    plan = project.firn("plan")
                    self.assertEqual(plan.code, 0, plan)
                    for word in model.plan_words:
                        self.assertIn(word, plan.out, name)


if __name__ == "__main__":
    binary()
    print(f"merge strategies: seed {SEED}", flush=True)
    add_tests()
    unittest.main(verbosity=2)
