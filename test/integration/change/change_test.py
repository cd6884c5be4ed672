"""The configuration of a loaded table changes; see README.md."""

import datetime
import decimal
import glob
import hashlib
import json
import os
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi  # noqa: E402
from support.firn_project import FirnProject, binary, has_failpoints  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

ENGINES = ("pyiceberg", "duckdb")


def at(second):
    return f"2025-01-01T00:{second // 60:02d}:{second % 60:02d}Z"


class ChangeTest(ReaderCase):
    def setUp(self):
        self.api = FakeApi().__enter__()
        self.orders = self.api.table("orders")
        self.project = FirnProject(self.text())

    def tearDown(self):
        self.project.__exit__()
        self.api.__exit__()

    def text(self, write="merge", key="id", cursor="updated_at", columns="{}", dataset="shop", raw="archive", tables=("orders",),
             extra="", top="", url=None, incremental=True):
        incremental = incremental and write != "replace"
        text = f"""version: 1
lake: {{warehouse: ./lake}}
{top}pipelines:
  shop:
    source: {{type: rest, base_url: "{url or self.api.url}"}}
    dataset: {dataset}
    tables:
"""
        for name in tables:
            text += f"""      {name}:
        path: /v1/{name}
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        {f"incremental: {{cursor: {cursor}, param: since, order: asc}}" if incremental else "on_error: fail"}
        write_disposition: {write}
        primary_key: {key}
        raw: {raw}
        maintenance: off
        columns: {columns}
{extra}"""
        return text

    def put(self, number, second=None, **more):
        self.orders.put({"id": number, "no": 1000 + number, "updated_at": at(number if second is None else second),
                         "created_at": at(number), **more})

    def rows(self, table="shop.orders", columns=("id",)):
        read = {engine: sorted((tuple(row.get(c) for c in columns) for row in self.reader.read(self.project, table, engine)["rows"]),
                               key=lambda row: [(value is None, value) for value in row])
                for engine in ENGINES}
        self.assertEqual(read["pyiceberg"], read["duckdb"])
        return read["pyiceberg"]

    def firn(self, *arguments, code=0, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, code, result)
        return result

    def plan(self, *arguments, code=0):
        return {t["table"]: t for t in json.loads(self.firn("plan", "--json", *arguments, code=code).out)["tables"]}

    def edit(self, old, new):
        """Changes the project file in one place."""
        with open(self.project.path("firn.yaml")) as file:
            text = file.read()
        self.assertEqual(text.count(old), 1, text)
        self.project.write(text.replace(old, new))

    # ---- environments ----

    def test_rederive_reads_the_bodies_of_its_own_environment(self):
        for write, incremental in (("merge", True), ("replace", False)):
            with self.subTest(write):
                self.tearDown()
                self.setUp()
                top = "environments:\n  dev: {dataset_prefix: dev_}\n"
                self.project.write(self.text(write=write, incremental=incremental, top=top))
                for n in range(4):
                    self.put(n)
                self.project.run()
                own = self.rows()
                self.orders.remove(2)
                self.put(9, 90)
                self.project.run("--env", "dev")
                devs = self.rows("dev_shop.orders")
                self.assertNotEqual(devs, own)
                self.firn("rederive", "orders", "--yes")
                self.assertEqual(self.rows(), own)
                self.firn("rederive", "orders", "--yes", "--env", "dev")
                self.assertEqual((self.rows("dev_shop.orders"), self.rows()), (devs, own))

    def test_rederive_of_a_table_made_anew_leaves_the_earlier_ones_bodies_out(self):
        self.put(1)
        self.project.run()
        self.orders.remove(1)
        self.put(2)
        shutil.rmtree(self.project.path("lake"))
        self.project.run()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), [(2,)])

    def archive_of_version_1(self):
        """Makes of what is archived what an older firn would have left."""
        folder = self.project.path("lake-raw", "shop")
        os.rename(os.path.join(folder, "dataset=shop", "orders"), os.path.join(folder, "orders"))
        for mark in glob.glob(os.path.join(folder, "orders", "*", "COMMITTED.json")):
            with open(mark) as file:
                text = json.load(file)
            self.assertEqual(text.pop("table_uuid"), self.project.metadata("shop.orders")["table-uuid"])
            text["version"] = 1
            with open(mark, "w") as file:
                json.dump(text, file)

    def test_archives_of_version_1_are_read_where_the_table_names_the_run(self):
        self.put(1)
        self.project.run()
        self.archive_of_version_1()
        self.put(2)
        self.project.run()
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), [(1,), (2,)])

    def test_archives_of_version_1_of_nobody_are_refused(self):
        self.project.write(self.text(dataset="other"))
        self.put(1)
        self.project.run()
        os.rename(self.project.path("lake-raw", "shop", "dataset=other"), self.project.path("lake-raw", "shop", "dataset=shop"))
        self.project.write(self.text(raw="off"))
        self.put(2)
        self.project.run()
        os.rename(self.project.path("lake-raw", "shop", "dataset=shop", "orders"), self.project.path("lake-raw", "shop", "orders"))
        for mark in glob.glob(self.project.path("lake-raw", "shop", "orders", "*", "COMMITTED.json")):
            with open(mark, "w") as file:
                json.dump({"version": 1, "run": "x", "from": "", "to": "y", "complete": True, "anew": False}, file)
        self.project.write(self.text())
        refused = self.firn("rederive", "orders", "--yes", code=2)
        self.assertIn("E0865", refused.err)
        self.assertEqual(self.rows(), [(1,), (2,)])

    def test_status_shows_the_table_of_each_environment(self):
        self.project.write(self.text(top="environments:\n  dev: {dataset_prefix: dev_}\n  elsewhere: {lake: {warehouse: ./other}}\n"))
        self.put(1)
        for arguments in ((), ("--env", "dev"), ("--env", "elsewhere")):
            self.project.run(*arguments)
        for arguments, table in (((), "shop.orders"), (("--env", "dev"), "dev_shop.orders"), (("--env", "elsewhere"), "shop.orders")):
            told = json.loads(self.firn("status", "--json", *arguments).out)
            self.assertEqual([t["identifier"] for t in told], [table], arguments)
        self.assertTrue(os.path.isdir(self.project.path(".firn", "environments", "dev", "runs")))

    # ---- key, disposition, cursor, address ----

    def test_what_the_position_belongs_to_changes(self):
        changes = {"key": dict(key="no"), "disposition": dict(write="append"), "cursor": dict(cursor="created_at"),
                   "address": {}}
        for name, change in changes.items():
            for way in ("accept", "full-refresh"):
                with self.subTest(name, way=way):
                    self.tearDown()
                    self.setUp()
                    for n in range(3):
                        self.put(n)
                    self.project.run()
                    if name == "address":
                        change = dict(url=self.api.url.replace("127.0.0.1", "localhost"))
                    self.project.write(self.text(**change))
                    self.put(3)
                    self.assertIn("E0812", self.firn("plan", code=2).out)
                    refused = self.project.run(code=2).table("orders")
                    self.assertEqual(refused["error"]["code"], "E0812")
                    self.assertEqual(self.rows(), [(0,), (1,), (2,)])
                    if way == "accept" and name == "disposition":
                        self.assertIn("E0814", self.firn("state", "accept", "orders", "--yes", code=2).err)
                        self.firn("state", "accept", "orders", "--yes", "--accept-duplicates")
                        self.project.run()
                        self.assertEqual(sorted(set(self.rows())), [(0,), (1,), (2,), (3,)])
                        continue
                    if way == "accept":
                        self.assertIn("another cursor, key, disposition or address", self.firn("state", "accept", "orders", code=10).err)
                        self.firn("state", "accept", "orders", "--yes")
                        self.firn("plan")
                        self.project.run()
                    else:
                        self.project.run("--full-refresh")
                    self.assertEqual(self.rows(), [(0,), (1,), (2,), (3,)])

    def test_the_start_is_that_of_a_table_without_a_position(self):
        self.edit("order: asc}", f"order: asc, start: '{at(30)}'}}")
        for n in range(5):
            self.put(n, n * 10)
        self.project.run()
        self.assertEqual(self.rows(), [(3,), (4,)])
        self.edit(at(30), at(15))
        self.assertEqual(self.plan()["shop.orders"]["changes"], [])
        self.project.run()
        self.assertEqual(self.rows(), [(3,), (4,)], "it has a position")
        self.firn("state", "reset", "orders", "--yes")
        self.project.run()
        self.assertEqual(self.rows(), [(2,), (3,), (4,)])
        self.edit(at(15), at(0))
        self.project.run("--full-refresh")
        self.assertEqual(self.rows(), [(0,), (1,), (2,), (3,), (4,)])

    def test_another_warehouse_is_another_lake(self):
        for n in range(3):
            self.put(n)
        self.project.run()
        before = self.project.tables()
        self.edit("./lake}", "./other}")
        self.orders.remove(1)
        self.put(3)
        self.project.run()
        self.assertEqual([row["id"] for row in self.project.sql("SELECT id FROM shop.orders ORDER BY id")], [0, 2, 3])
        self.assertEqual(self.project.tables(), before, "the old lake is as it was")
        self.edit("./other}", "./lake}")
        self.assertEqual(self.project.run().table("orders")["rows"]["inserted"], 1)
        self.assertEqual(self.rows(), [(0,), (1,), (2,), (3,)])  # its own position went on

    def test_another_raw_location_is_the_only_one_that_is_read(self):
        self.edit("raw: archive", "raw: {mode: archive, location: ./first}")
        self.put(1)
        self.project.run()
        self.edit("./first", "./second")
        self.put(2)
        self.project.run()
        archived = {place: [path for path in self.project.files(place) if path.endswith(".firnraw")] for place in ("first", "second")}
        self.assertEqual([len(paths) for paths in archived.values()], [1, 1])
        refused = self.firn("rederive", "orders", "--yes", code=2)
        self.assertRegex(refused.err, r"error\[E08\d\d\]")
        self.assertEqual(self.rows(), [(1,), (2,)], "the runs of the first place are missed")
        shutil.copytree(self.project.path("first"), self.project.path("second"), dirs_exist_ok=True)
        self.firn("rederive", "orders", "--yes")
        self.assertEqual(self.rows(), [(1,), (2,)])

    def test_a_mask_on_a_column_of_numbers_comes_with_a_full_refresh(self):
        for n in range(3):
            self.put(n, total=n * 7)
        self.project.run()
        self.project.write(self.text(columns="{total: {mask_on_write: sha256}}"))
        self.put(3, total=21)
        self.assertEqual(self.project.run(code=2).table("orders")["error"]["code"], "E0873")
        self.assertEqual(self.rows(columns=("id", "total")), [(0, 0), (1, 7), (2, 14)])
        self.project.run("--full-refresh")
        masked = [(n, hashlib.sha256(str(n * 7).encode()).hexdigest()) for n in range(4)]
        self.assertEqual(self.rows(columns=("id", "total")), masked)
        self.put(4, total=28)
        self.project.run()
        self.assertEqual(self.rows(columns=("id", "total"))[4], (4, hashlib.sha256(b"28").hexdigest()))

    def test_a_position_of_another_key_is_not_set_unseen(self):
        self.put(1)
        self.project.run()
        state = self.firn("state", "get", "orders").out
        self.firn("state", "set", "orders", state, "--yes")
        self.project.write(self.text(key="no"))
        self.assertIn("E0812", self.firn("state", "set", "orders", state, "--yes", code=2).err)
        self.firn("state", "accept", "orders", "--state", state, "--yes")
        self.project.run()
        self.assertEqual(self.rows(), [(1,)])

    # ---- the project's files ----

    def test_a_project_of_many_files_is_one_to_every_command(self):
        text = self.text()
        head, pipelines = text.split("pipelines:\n")
        self.project.write(head)
        self.project.write("pipelines:\n" + pipelines, "shop.yaml")
        self.project.write("services: {web: {image: x}}\n", "docker-compose.yml")
        self.put(1)
        for arguments in (("validate",), ("validate", ".")):
            self.assertIn("ok: 1 tables", self.firn(*arguments).err)
        self.assertIn("firn.yaml, shop.yaml", self.firn("validate").err)
        self.assertEqual(list(self.plan()), ["shop.orders"])
        self.project.run()
        self.assertEqual(self.rows(), [(1,)])
        self.assertIn("ok: 0 tables", self.firn("validate", "firn.yaml").err)
        os.mkdir(self.project.path("empty"))
        self.assertIn("E0110", self.firn("validate", "empty", code=2).err)


    # ---- types ----

    def mixed(self, **options):
        """A table whose `total` was long and then also text."""
        self.project.write(self.text(**options))
        for n in range(3):
            self.put(n, total=n)
        self.project.run()
        for n, value in ((3, "x3"), (4, "4"), (5, None), (6, 6)):
            self.put(n, total=value)
        return self.project.run()

    def columns(self, table="shop.orders"):
        metadata = self.project.metadata(table)
        schema = next(s for s in metadata["schemas"] if s["schema-id"] == metadata["current-schema-id"])
        return {f["name"]: (f["type"], f["id"]) for f in schema["fields"]}

    def test_a_type_hint_that_the_column_does_not_have_is_refused_by_name(self):
        self.mixed()
        for hint in ("decimal(12,2)", "string", "json", "timestamptz"):
            self.project.write(self.text(columns=f'{{total: {{type: "{hint}"}}}}'))
            for told in (self.firn("plan", code=2).out, self.firn("run", code=2).err):
                self.assertIn("E0933", told)
                self.assertIn("column total of shop.orders is long", told)
                self.assertIn("--full-refresh", told)
        self.project.write(self.text(columns="{total: {type: int}}"))
        self.firn("plan")
        self.project.run()  # the column is wider than that

    def test_plan_and_run_name_sibling_columns_and_the_command(self):
        told = " ".join(self.mixed().table("orders")["warnings"])
        self.assertIn("firn table retype shop.orders.total string", told)
        self.assertIn("firn table retype shop.orders.total string", " ".join(self.plan()["shop.orders"]["notes"]))
        self.assertIn("total__string", told)

    def test_retype_folds_the_siblings_into_one_column(self):
        for version in (2, 3):
            with self.subTest(version):
                self.tearDown()
                self.setUp()
                extra = f"        format_version: {version}\n        partition_by: [\"bucket(2, id)\"]\n"
                self.mixed(extra=extra)
                self.put(1, 50, total=11)
                self.orders.remove(99)
                self.project.run()
                before = self.columns()
                names = list(before)
                row_ids = self.row_ids() if version == 3 else None
                self.firn("table", "retype", "shop.orders.total", "string", "--dry-run")
                self.assertEqual(self.columns(), before)
                told = json.loads(self.firn("table", "retype", "shop.orders.total", "string", "--json").out)
                self.assertEqual((told["from"], told["type"], told["folded"], told["rows"]), ("long", "string", ["total__string"], 7))
                expected = [(0, "0"), (1, "11"), (2, "2"), (3, "x3"), (4, "4"), (5, None), (6, "6")]
                self.assertEqual(sorted(self.rows(columns=("id", "total")), key=str), sorted(expected, key=str))
                after = self.columns()
                self.assertEqual(list(after), [n for n in names if n != "total__string"])
                self.assertEqual(after["total"][0], "string")
                self.assertNotIn(after["total"][1], [field for _, field in before.values()])
                self.assertEqual(after["id"], before["id"])
                if version == 3:
                    self.assertEqual(self.row_ids(), row_ids)
                self.project.write(self.text(columns="{total: {type: string}}", extra=extra))
                self.firn("plan")
                self.put(7, 60, total=7)
                self.put(0, 61, total=1)
                self.project.run()
                expected = [(0, "1"), *expected[1:], (7, "7")]
                self.assertEqual(sorted(self.rows(columns=("id", "total")), key=str), sorted(expected, key=str))
                self.assertIn("already", self.firn("table", "retype", "orders.total", "string").err)

    def row_ids(self):
        out = self.firn("sql", "select id, _row_id, _last_updated_sequence_number from shop.orders order by id", "--format", "csv").out
        self.assertGreater(len(out.splitlines()), 3)
        return out

    def test_retype_takes_all_values_or_none(self):
        self.mixed()
        before, rows = self.project.metadata("shop.orders")["current-snapshot-id"], self.rows(columns=("id",))
        for type_, value in (("double", "x3"), ("long", "x3"), ("date", "[^`]+"), ("boolean", "[^`]+")):
            refused = self.firn("table", "retype", "shop.orders.total", type_, code=6)
            self.assertIn("E0934", refused.err)
            self.assertIn(".parquet", refused.err)
            self.assertRegex(refused.err, r"row \d+")
            self.assertRegex(refused.err, f"a value `{value}` in column total")
        self.project.write(self.text(columns="{total: {pii: email}}", raw="off"))
        refused = self.firn("table", "retype", "shop.orders.total", "double", code=6)
        self.assertNotIn("x3", refused.err)
        self.assertEqual(self.project.metadata("shop.orders")["current-snapshot-id"], before)
        self.assertEqual(self.rows(columns=("id",)), rows)
        for column, code in (("id", "E0931"), ("nothing", "E0930"), ("total__string", "E0931")):
            self.assertIn(code, self.firn("table", "retype", "shop.orders." + column, "string", code=2).err)

    @unittest.skipUnless(has_failpoints(), "this binary has no failpoints")
    def test_columns_that_cannot_be_retyped_are_refused_by_name(self):
        self.project.write(self.text(columns="{tags: {type: map}}", extra="        partition_by: ['truncate(10, no)']\n"))
        for n in range(4):
            self.put(n, place={"zip": n}, lines=[n], tags={"a": n})
        self.project.run()
        before = self.project.tables()
        for column in ("id", "no", "place", "place.zip", "lines", "tags"):
            refused = self.project.firn("table", "retype", f"shop.orders.{column}", "string")
            self.assertIn(refused.code, (2, 6), refused)
            self.assertRegex(refused.err, r"error\[E09\d\d\]", column)
            self.assertIn(column, refused.err)
        self.assertEqual(self.project.tables(), before)

    def test_a_column_of_json_is_not_retyped(self):
        self.project.write(self.text(columns="{more: {type: json}}"))
        for n in range(3):
            self.put(n, more=n * 5)
        self.project.run()
        before = self.project.tables()
        refused = self.firn("table", "retype", "shop.orders.more", "long", code=6)
        self.assertIn("E0934", refused.err)
        self.assertRegex(refused.err, r"column more cannot become long(.|\n)*it is JSON")
        self.assertEqual(self.project.tables(), before)
        self.assertEqual(self.rows(columns=("id", "more")), [(0, "0"), (1, "5"), (2, "10")])

    def test_retype_that_is_killed_has_happened_or_not(self):
        self.mixed()
        for point, done in (("maintain.bin_written", False), ("retype.before_commit", False), ("retype.committed", True)):
            killed = self.project.firn("table", "retype", "shop.orders.total", "string", env={"FIRN_FAILPOINTS": f"{point}=kill"})
            self.assertEqual(killed.code, -9, killed)
            self.assertEqual("total__string" not in self.columns(), done, point)
            self.assertEqual(len(self.rows()), 7)
        self.project.write(self.text(columns="{total: {type: string}}"))
        self.put(8, 90, total="y")
        self.project.run()
        self.assertIn((8, "y"), self.rows(columns=("id", "total")))
        self.assertEqual(os.listdir(self.project.path("lake", "shop", "orders", "metadata", "firn-staging")), [])

    def test_retype_to_numbers_and_times(self):
        values = {"a": ["1", 2, "3"], "b": [1, 2.5, "7.25"], "c": ["2024-01-01", "x", "2024-01-03"], "d": [1, 2.0, None]}
        for n in range(3):
            self.put(n, **{k: v[n] for k, v in values.items()})
        self.project.write(self.text(columns="{c: {type: string}}"))
        self.project.run()
        self.put(1, 70, c="2024-01-02", **{k: values[k][1] for k in "abd"})
        self.project.run()
        for column, type_ in (("a", "long"), ("b", "decimal(12,2)"), ("c", "date"), ("d", "double")):
            result = self.project.firn("table", "retype", "shop.orders." + column, type_)
            self.assertIn(result.code, (0, 2), result)
            if result.code == 2:
                self.assertIn("only widened", result.err)
        self.assertEqual(self.rows(columns=("id", "a", "b", "c")),
                         [(n, n + 1, decimal.Decimal(str(values["b"][n])).quantize(decimal.Decimal("0.01")), datetime.date(2024, 1, n + 1))
                          for n in range(3)])
        self.assertEqual(self.columns()["b"][0], "decimal(12, 2)")

    def test_a_replaced_table_takes_the_type_of_its_rows(self):
        self.project.write(self.text(write="replace"))
        for n in range(3):
            self.put(n, total=n, note="a", same=1)
        self.project.run()
        before = self.columns()
        for n in range(3):
            self.put(n, total=f"t{n}", note="b", same=2)
        changes = self.project.run().table("orders")["schema_changes"]
        self.assertEqual(self.rows(columns=("id", "total")), [(n, f"t{n}") for n in range(3)])
        after = self.columns()
        self.assertEqual(set(after), set(before), "no sibling column")
        self.assertEqual(after["total"][0], "string")
        self.assertNotEqual(after["total"][1], before["total"][1])
        self.assertEqual((after["same"], after["note"], after["id"]), (before["same"], before["note"], before["id"]))
        self.assertTrue(any("total" in change for change in changes), changes)
        self.project.write(self.text(write="replace", columns='{same: {type: "decimal(12,2)"}}'))
        self.firn("plan")
        self.project.run()
        self.assertEqual(self.columns()["same"][0], "decimal(12, 2)")
        self.assertEqual(self.rows(columns=("same",)), [(decimal.Decimal("2.00"),)] * 3)

    def test_siblings_of_a_replaced_table_go_when_its_rows_agree(self):
        self.project.write(self.text(write="replace"))
        for n, value in enumerate((1, "x", 2)):
            self.put(n, total=value)
        self.project.run()
        self.put(1, total=3)
        self.project.run()
        self.assertEqual([c for c in self.columns() if c.startswith("total")], ["total"])
        self.assertEqual(self.rows(columns=("total",)), [(1,), (2,), (3,)])

    def test_full_refresh_takes_the_declared_type(self):
        self.mixed()
        self.project.write(self.text(columns="{total: {type: string}}"))
        self.project.run("--full-refresh")
        self.assertEqual([c for c in self.columns() if c.startswith("total")], ["total"])
        self.assertEqual(sorted(self.rows(columns=("total",)), key=str),
                         sorted([("0",), ("1",), ("2",), ("x3",), ("4",), (None,), ("6",)], key=str))

    # ---- tables and datasets ----

    def test_a_table_removed_from_the_configuration_is_kept_and_named(self):
        self.api.table("old").put({"id": 1, "updated_at": at(1)})
        self.put(1)
        self.project.write(self.text(tables=("orders", "old"), top="environments:\n  dev: {dataset_prefix: dev_}\n"))
        self.project.run()
        self.project.run("--env", "dev")
        self.project.write(self.text(top="environments:\n  dev: {dataset_prefix: dev_}\n"))
        for lost in (False, True):
            if lost:
                shutil.rmtree(self.project.path(".firn"))
            kept = json.loads(self.firn("plan", "--json").out)["kept"]
            self.assertEqual([(t["table"], t["now"]) for t in kept], [("shop.old", None)], f"state lost: {lost}")
            self.assertIn("shop.old", self.firn("plan").out)
            if not lost:
                told = {t["identifier"]: t["configured"] for t in json.loads(self.firn("status", "--json").out)}
                self.assertEqual(told["shop.old"], False)
                self.assertEqual(told["shop.orders"], True)
                self.assertIn("no pipeline names it", self.firn("status").out)
        self.project.run()
        self.assertEqual(self.rows("shop.old"), [(1,)])

    def test_a_renamed_dataset_is_noticed_and_the_table_moves_along(self):
        self.put(1)
        self.project.run()
        self.project.write(self.text(dataset="store"))
        kept = json.loads(self.firn("plan", "--json").out)["kept"]
        self.assertEqual([(t["table"], t["now"]) for t in kept], [("shop.orders", "store.orders")])
        command = kept[0]["next"].split("   ")[0].split()
        self.assertEqual(command[:3], ["firn", "table", "rename"])
        self.firn(*command[1:])
        self.assertEqual(json.loads(self.firn("plan", "--json").out)["kept"], [])
        self.put(2)
        self.api.forget_requests()
        self.project.run()
        self.assertTrue(all("since=" in request for request in self.api.requests("/v1/orders")), "the position moved along")
        self.assertEqual(self.rows("store.orders"), [(1,), (2,)])
        self.assertIn("already", self.firn("table", "rename", "store.orders", "store.orders", code=2).err)

    def test_a_renamed_table_goes_on_from_its_position_when_told_and_never_from_the_beginning_unseen(self):
        for write in ("append", "merge"):
            with self.subTest(write=write):
                self.tearDown()
                self.setUp()
                self.project.write(self.text(write=write))
                for number in range(1, 6):
                    self.put(number)
                self.firn("run")
                self.firn("table", "rename", "shop.orders", "shop.purchases")
                self.project.write(self.text(write=write).replace("      orders:", "      purchases:"))
                for refused in (self.project.firn("plan"), self.project.firn("run")):
                    self.assertEqual(refused.code, 2, refused)
                    self.assertIn("E0818", refused.out + refused.err)
                    self.assertIn("firn state accept purchases --of shop/orders --yes", refused.out + refused.err)
                self.firn("state", "accept", "purchases", "--of", "shop/orders", "--yes")
                self.put(6)
                ran = self.project.run()
                told = self.firn("history", "shop.purchases", "--json").json()
                self.assertEqual((told[0]["run_id"], told[0]["added_rows"]), (ran.json()["run_id"], 1), told)
                for engine in ENGINES:
                    rows = self.reader.read(self.project, "shop.purchases", engine)["rows"]
                    self.assertEqual(sorted(row["id"] for row in rows), [1, 2, 3, 4, 5, 6])

    def test_full_refresh_warns_that_the_source_may_hold_less(self):
        self.put(1)
        self.put(2)
        self.project.run()
        self.assertNotIn("no longer holds", " ".join(self.plan()["shop.orders"]["warnings"]))
        self.assertIn("no longer holds", " ".join(self.plan("--full-refresh")["shop.orders"]["warnings"]))
        for n in range(3, 11):
            self.put(n)
        self.orders.remove(1)
        self.orders.remove(2)
        self.project.run()
        self.project.run("--full-refresh")  # a fifth may go
        self.assertEqual(self.rows(), [(n,) for n in range(3, 11)])
        self.orders.remove(3)
        self.orders.remove(4)
        refused = self.project.run("--full-refresh", code=6).table("orders")["error"]
        self.assertEqual((refused["code"], "2 of 8 rows" in refused["message"]), ("E0922", True), refused)
        self.assertIn("--full-refresh --yes", refused["next"])
        self.assertEqual(self.rows(), [(n,) for n in range(3, 11)])
        self.project.run("--full-refresh", "--yes")
        self.assertEqual(self.rows(), [(n,) for n in range(5, 11)])

    def test_full_refresh_with_other_rows_in_place_of_those_that_are_gone_is_refused(self):
        for n in range(1, 11):
            self.put(n)
        self.project.run()
        for n in range(1, 4):
            self.orders.remove(n)
            self.put(n + 100)
        refused = self.project.run("--full-refresh", code=6).table("orders")["error"]
        self.assertEqual((refused["code"], "3 of 10 keys" in refused["message"]), ("E0922", True), refused)
        self.assertEqual(self.rows(), [(n,) for n in range(1, 11)])
        self.put(3)
        self.project.run("--full-refresh")  # two of ten are a fifth
        self.assertEqual(self.rows(), [(3,), *[(n,) for n in range(4, 11)], (101,), (102,), (103,)])


if __name__ == "__main__":
    binary()
    unittest.main()
