"""Columns and partitions that change while a table is loaded; the truth is a model here; see README.md."""

import collections
import datetime
import decimal
import json
import os
import subprocess
import sys
import unittest
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import FakeApi, Raw  # noqa: E402
from support.firn_project import REPOSITORY, FirnProject  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

TABLE = "shop.orders"
TOOLBOX = os.environ.get("FIRN_TOOLBOX", os.path.join(os.path.dirname(REPOSITORY), "shared", "toolbox"))
ENGINES = ("pyiceberg", "duckdb", "firn")


def plain(value):
    """A value as text that all readers agree on."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in sorted(value.items())}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if value.tzinfo else value.isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    return value


class Evolution(ReaderCase):
    def setUp(self):
        self.api = FakeApi().__enter__()
        self.orders = self.api.table("orders")
        self.second = 0
        self.project = FirnProject(self.text())
        self.model = {}  # key → row, by the table's present column names

    def tearDown(self):
        self.project.__exit__()
        self.api.__exit__()

    def text(self, columns="{}", version=2, extra="", disposition="merge"):
        return f"""version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{self.api.url}"}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since, order: asc}}
        primary_key: id
        write_disposition: {disposition}
        maintenance: off
        format_version: {version}
        columns: {columns}
{extra}"""

    # ---- what is done ----

    def put(self, number, **values):
        self.second += 1
        self.orders.put({"id": number, **values, "updated_at": f"2025-01-01T00:{self.second // 60:02d}:{self.second % 60:02d}Z"})

    def load(self, expected=None, code=0):
        """`expected`: number → the row's values in the table, for the rows that this load brings."""
        done = self.project.run(code=code)
        self.model.update(expected or {})
        return done

    def alter(self, *change, code=0):
        done = self.project.firn("table", "alter", TABLE, *change)
        self.assertEqual(done.code, code, str(done))
        return done

    def rename(self, old, new):
        for row in self.model.values():
            if old in row:
                row[new] = row.pop(old)

    def forget(self, column):
        for row in self.model.values():
            row.pop(column, None)

    # ---- what is judged ----

    def rows(self, engine, columns="*"):
        if engine == "firn":
            return self.sql(f"select {columns} from {TABLE}")
        return self.reader.read(self.project, TABLE, engine)["rows"]

    def sql(self, query):
        """As FirnProject.sql, with the text of decimals."""
        done = self.project.firn("sql", query, "--json")
        self.assertEqual(done.code, 0, str(done))
        return json.loads(done.out, parse_float=str)

    def check(self, what, engines=ENGINES):
        want = collections.Counter(json.dumps({"id": n, **plain(row)}, sort_keys=True) for n, row in self.model.items())
        for engine in engines:
            got = collections.Counter(
                json.dumps({k: plain(v) for k, v in row.items() if v is not None and not k.startswith("_firn") and k != "updated_at"},
                           sort_keys=True) for row in self.rows(engine))
            self.assertEqual(got, want, f"{what}: {engine}")

    def lint(self, what):
        python = os.path.expanduser("~/.cache/firn-toolbox/venv/bin/python")
        if not os.path.exists(os.path.join(TOOLBOX, "iceberg-lint")) or not os.path.exists(python):
            print(f"SKIPPED in part, {what}: iceberg-lint is not here", flush=True)
            return
        location = self.project.tables()[TABLE].removeprefix("file://")
        done = subprocess.run([os.path.join(TOOLBOX, "iceberg-lint"), location], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, f"{what}: {done.stdout[-3000:]}{done.stderr[-2000:]}")

    def schema(self):
        metadata = self.project.metadata(TABLE)
        return next(s for s in metadata["schemas"] if s["schema-id"] == metadata["current-schema-id"])

    def ids(self):
        return {field["name"]: field["id"] for field in self.schema()["fields"]}

    # ---- columns by command ----

    def test_a_renamed_column_stays_the_same_column(self):
        self.put(1, total=5, place={"city": "Ulm"})
        self.load({1: {"total": 5, "place": {"city": "Ulm"}}})
        before = self.ids()
        self.alter("rename-column", "total", "amount")
        self.rename("total", "amount")
        self.alter("rename-column", "place.city", "town")
        self.model[1]["place"] = {"town": "Ulm"}
        self.assertEqual(self.ids()["amount"], before["total"])
        self.check("renamed")
        self.put(2, total=7, place={"city": "Köln"})  # the source knows nothing of it
        self.load({2: {"amount": 7, "place": {"town": "Köln"}}})
        self.assertNotIn("total", self.ids())
        self.check("loaded after the rename")
        self.put(1, total=8, place={"city": "Ulm"})
        self.load({1: {"amount": 8, "place": {"town": "Ulm"}}})
        self.check("updated after the rename")
        self.lint("renamed")

    def test_a_dropped_column_stays_away_until_it_is_asked_for(self):
        self.put(1, note="old", total=1)
        self.load({1: {"note": "old", "total": 1}})
        first = self.ids()["note"]
        self.alter("drop-column", "note")
        self.forget("note")
        self.check("dropped")
        self.put(2, note="unseen", total=2)
        self.load({2: {"total": 2}})
        self.assertNotIn("note", self.ids())
        self.check("the source still sends it")
        self.alter("add-column", "note", "string", "--doc", "again")
        self.put(3, note="new", total=3)
        self.load({3: {"note": "new", "total": 3}})
        self.assertGreater(self.ids()["note"], first)
        self.check("old values do not come back with the name")
        self.lint("dropped and added")

    def test_order_type_and_doc_are_metadata_alone(self):
        self.put(1, total=5, rate=Raw("1.50"), note="x")
        self.project.write(self.text("{total: {type: int}, rate: {type: 'decimal(5,2)'}}"))
        self.load({1: {"total": 5, "rate": "1.50", "note": "x"}})
        files = len([f for f in self.project.files("lake") if f.endswith(".parquet")])
        self.project.write(self.text())
        self.alter("move-column", "note", "first")
        self.alter("move-column", "rate", "after", "note")
        self.assertEqual([f["name"] for f in self.schema()["fields"]][:2], ["note", "rate"])
        self.alter("set-type", "total", "long")
        self.alter("set-type", "rate", "decimal(9,2)")
        self.alter("set-doc", "total", "in cents")
        self.assertEqual(next(f for f in self.schema()["fields"] if f["name"] == "total")["doc"], "in cents")
        self.assertEqual(len([f for f in self.project.files("lake") if f.endswith(".parquet")]), files)
        self.check("moved and promoted")
        self.put(2, total=2**40, rate=Raw("1234567.25"), note="y")
        self.load({2: {"total": 2**40, "rate": "1234567.25", "note": "y"}})
        self.check("values that need the wider types")
        self.lint("promoted")

    def test_what_would_break_the_table_is_refused_and_says_what_to_do(self):
        self.put(1, total=5, note="x")
        self.project.write(self.text(extra='        partition_by: ["truncate(2, note)"]\n'))
        self.load({1: {"total": 5, "note": "x"}})
        before = self.project.tables()[TABLE]
        for change, code in ((("drop-column", "id"), "E0931"), (("drop-column", "note"), "E0931"),
                             (("drop-column", "_firn_run_id"), "E0931"), (("drop-column", "nothing"), "E0930"),
                             (("set-type", "total", "string"), "E0931"), (("rename-column", "total", "note"), "E0931"),
                             (("add-column", "at", "timestamp_ns"), "E0931"), (("add-column", "x", "no_type"), "E0415"),
                             (("set-identifier", "total"), "E0931"), (("move-column", "total", "after", "gone"), "E0930")):
            done = self.alter(*change, code=2)
            self.assertIn(code, done.err, change)
            self.assertIn("not changed" if code != "E0415" else "nothing was changed", done.err, change)
        self.assertEqual(self.project.tables()[TABLE], before)
        self.assertEqual(self.project.firn("table", "alter", TABLE, "frobnicate").code, 2)
        dry = self.project.firn("table", "alter", TABLE, "rename-column", "total", "amount", "--dry-run", "--json")
        self.assertEqual((dry.code, dry.json()["changed"]), (0, False), str(dry))
        self.assertEqual(self.project.tables()[TABLE], before)

    # ---- columns by configuration ----

    def test_configuration_renames_drops_and_describes(self):
        self.put(1, total=5, flag=True, note="x")
        self.load({1: {"total": 5, "flag": True, "note": "x"}})
        self.project.write(self.text("{total: {name: amount, doc: in cents}, flag: {drop: true}, note: {name: remark}}"))
        plan = self.project.firn("plan", "--json", "--detailed-exitcode")
        self.assertEqual(plan.code, 10, str(plan))
        self.assertEqual(plan.json()["tables"][0]["changes"],
                         ["~ column total renamed to amount", "~ column amount doc", "- column flag",
                          "~ column note renamed to remark"])
        self.check("a plan changes nothing")
        self.put(2, total=7, flag=False, note="y")
        done = self.load({2: {"amount": 7, "remark": "y"}})
        self.assertIn("- column flag", done.table("orders")["schema_changes"])
        self.rename("total", "amount")
        self.rename("note", "remark")
        self.forget("flag")
        self.check("configured")
        self.assertEqual(self.project.firn("plan", "--json").json()["tables"][0]["changes"], [])
        self.lint("configured")

    def test_a_dropped_column_takes_its_sibling_columns_along(self):
        self.put(1, flag=True, place={"city": "Ulm", "zip": 1})
        self.load({1: {"flag": True, "place": {"city": "Ulm", "zip": 1}}})
        self.put(2, flag="yes", place={"city": "Bonn", "zip": "D-2"})
        self.load({2: {"flag__string": "yes", "place": {"city": "Bonn", "zip": None, "zip__string": "D-2"}}})
        self.model[1]["place"]["zip__string"] = None
        self.check("siblings")
        self.project.write(self.text("{flag: {drop: true}, place.zip: {drop: true}}"))
        self.assertEqual(self.project.firn("plan", "--json").json()["tables"][0]["changes"],
                         ["- column flag", "- column flag__string", "- column place.zip", "- column place.zip__string"])
        self.put(3, flag="no", place={"city": "Köln", "zip": 3})
        self.load({3: {"place": {"city": "Köln"}}})
        for column in ("flag", "flag__string"):
            self.forget(column)
        for row in self.model.values():
            row["place"] = {"city": row["place"]["city"]}
        self.check("dropped with their siblings")
        self.lint("dropped with their siblings")

    def test_names_of_a_new_table(self):
        self.project.write(self.text("{total: {name: amount}, flag: {drop: true}, place.city: {name: town}}"))
        self.put(1, total=5, flag=True, place={"city": "Ulm"}, amount="another")
        self.load({1: {"amount": 5, "amount__2": "another", "place": {"town": "Ulm"}}})
        self.put(2, total=6, flag=True, place={"city": "Bonn"}, amount="key")
        self.load({2: {"amount": 6, "amount__2": "key", "place": {"town": "Bonn"}}})
        self.check("new names")

    def test_a_key_that_the_source_renamed_goes_on_in_its_column(self):
        self.put(1, total=5)
        self.load({1: {"total": 5}})
        before = self.ids()["total"]
        self.project.write(self.text("{amount: {renamed_from: total}}"))
        self.put(2, amount=7)
        self.load({2: {"amount": 7}})
        self.rename("total", "amount")
        self.assertEqual(self.ids()["amount"], before)
        self.check("renamed by the source")
        self.put(3, total=9)
        refused = self.load(code=6)
        self.assertIn("E0932", refused.err + refused.out)
        self.check("the old key is refused, not put into a second column")

    def test_frozen_columns_are_not_changed_by_a_load(self):
        self.put(1, total=5)
        self.load({1: {"total": 5}})
        self.project.write(self.text("{total: {name: amount}}", extra="        schema_contract: {columns: freeze}\n"))
        self.put(2, total=6)
        self.load(code=6)
        self.check("frozen")

    # ---- partitions ----

    def test_partitions_change_for_new_files(self):
        for number in range(20):
            self.put(number, kind=f"k{number % 3}", total=number)
        self.load({n: {"kind": f"k{n % 3}", "total": n} for n in range(20)})
        for step, partition in enumerate(('["bucket(4, id)"]', "[kind]", '["bucket(8, id)", kind]', "[]", "[kind]")):
            self.project.write(self.text(extra=f"        partition_by: {partition}\n"))
            self.assertEqual(len(self.project.firn("plan", "--json").json()["tables"][0]["changes"]), 1, partition)
            for number in range(step, 20, 4):  # updates reach rows in files of all earlier specs
                self.put(number, kind=f"k{step}", total=100 * step + number)
            self.put(100 + step, kind="new", total=step)
            self.load({**{n: {"kind": f"k{step}", "total": 100 * step + n} for n in range(step, 20, 4)},
                       100 + step: {"kind": "new", "total": step}})
            self.check(f"partition_by: {partition}")
        metadata = self.project.metadata(TABLE)
        self.assertEqual(len(metadata["partition-specs"]), 4)  # none, and [kind] came back to itself
        names = collections.Counter(f["name"] for s in metadata["partition-specs"] for f in s["fields"])
        ids = {(f["name"], f["field-id"]) for s in metadata["partition-specs"] for f in s["fields"]}
        self.assertEqual(len(ids), len(names), "a name stands for one field")
        self.lint("partition evolution")
        found = self.project.sql(f"select total from {TABLE} where kind = 'new' and id = 104")
        self.assertEqual(found, [{"total": 4}])
        done = self.project.firn("table", "maintain", TABLE, "--repartition", "--json")
        self.assertEqual(done.code, 0, str(done))
        self.check("rewritten into the present spec")
        specs = {row["_spec_id"] for row in self.project.sql(f"select distinct _spec_id from {TABLE}")}
        self.assertEqual(specs, {metadata["default-spec-id"]})
        self.put(200, kind="last", total=200)
        self.load({200: {"kind": "last", "total": 200}})
        self.assertEqual(self.project.firn("table", "maintain", TABLE, "--expire", "--retain", "1").code, 0)
        self.check("expired")
        self.assertEqual([s["spec-id"] for s in self.project.metadata(TABLE)["partition-specs"]], [metadata["default-spec-id"]])
        self.lint("rewritten")

    # ---- version 3 ----

    def test_defaults_of_old_and_new_rows(self):
        self.project.write(self.text(version=3))
        self.put(1, total=5)
        self.load({1: {"total": 5}})
        self.project.write(self.text("{currency: {type: string, default: EUR}, rate: {type: 'decimal(5,2)', default: '1.00'}}",
                                     version=3))
        self.put(2, total=6)
        self.put(3, total=7, currency="USD", rate=Raw("2.50"))
        self.put(4, total=8, currency=None)
        self.load({2: {"total": 6, "currency": "EUR", "rate": "1.00"}, 3: {"total": 7, "currency": "USD", "rate": "2.50"},
                   4: {"total": 8, "rate": "1.00"}})
        self.model[1].update(currency="EUR", rate="1.00")
        self.check("defaults", engines=("pyiceberg", "firn"))
        fields = {f["name"]: f for f in self.schema()["fields"]}
        self.assertEqual((fields["currency"]["initial-default"], fields["rate"]["write-default"]), ("EUR", "1.00"))
        self.alter("set-default", "currency", "CHF")
        self.put(5, total=9)
        self.project.write(self.text("{currency: {type: string, default: CHF}}", version=3))
        self.load({5: {"total": 9, "currency": "CHF", "rate": "1.00"}})
        self.check("another default for new rows", engines=("pyiceberg", "firn"))
        self.assertEqual(self.project.sql(f"select count(*) as n from {TABLE} where currency = 'EUR'"), [{"n": 2}])
        self.assertEqual(self.project.firn("table", "maintain", TABLE, "--compact").code, 0)
        self.check("compacted", engines=("pyiceberg", "firn"))

    def test_a_new_table_has_its_defaults_docs_and_identifier_at_once(self):
        self.project.write(self.text("{currency: {type: string, default: EUR, doc: of the price}}", version=3))
        self.put(1, total=5)
        self.put(2, total=6, currency=None)
        self.put(3, total=7, currency="USD")
        self.load({1: {"total": 5, "currency": "EUR"}, 2: {"total": 6}, 3: {"total": 7, "currency": "USD"}})
        self.check("new", engines=("pyiceberg", "firn"))
        field = next(f for f in self.schema()["fields"] if f["name"] == "currency")
        self.assertEqual((field["write-default"], field["doc"]), ("EUR", "of the price"))
        self.assertEqual(self.project.firn("plan", "--json").json()["tables"][0]["changes"], [])
        key = next(f for f in self.schema()["fields"] if f["name"] == "id")
        self.assertEqual((self.schema()["identifier-field-ids"], key["required"]), ([key["id"]], True))
        self.project.write(self.text("{currency: {type: string, default: EUR}}", version=3, disposition="append"))
        self.assertEqual(self.project.firn("plan", "--json").json()["tables"][0]["changes"], ["~ identifier none"])

    def test_a_null_key_is_quarantined_although_its_column_is_required(self):
        self.put(1, total=5)
        self.load({1: {"total": 5}})
        self.orders.put_text('{"id":null,"total":6,"updated_at":"2025-01-02T00:00:00Z"}')
        done = self.load()
        self.assertEqual(done.table("orders")["rows"]["quarantined"], 1, str(done))
        self.check("a row without a key")

    def test_defaults_need_version_3(self):
        self.project.write(self.text("{currency: {type: string, default: EUR}}"))
        done = self.project.firn("validate")
        self.assertEqual(done.code, 2, str(done))
        self.assertIn("E0428", done.err)

    def test_types_declared_from_json(self):
        types = {"big": "decimal(38, 10)", "u": "uuid", "f": "fixed(4)", "b": "binary", "t": "time", "n": "timestamp_ns",
                 "z": "timestamptz_ns", "d": "date", "r": "float"}
        self.project.write(self.text("{" + ", ".join(f"{k}: {{type: '{v}'}}" for k, v in types.items()) + "}", version=3))
        self.put(1, big=Raw("1234567890123456789012345678.0123456789"), u="f79c3e09-677c-4bbd-a479-3f349cb785e7", f="AAECAw==",
                 b="/w==", t="12:30:00.000001", n="2025-01-01T00:00:00.123456789", z="2025-01-01T01:00:00.000000001+01:00",
                 d="2025-02-03", r=Raw("0.5"))
        self.put(2, f="AAE=", b="no base64!", n="2025-01-01T00:00:00.1234567891", u="f79c", big=Raw("0.12345678901"))
        self.load()
        row, odd = self.sql(f"select * from {TABLE} order by id")
        self.assertEqual(str(row["big"]), "1234567890123456789012345678.0123456789")
        self.assertEqual(row["u"], "f79c3e09-677c-4bbd-a479-3f349cb785e7")
        self.assertIn("00.123456789", row["n"])
        self.assertIn("00:00:00.000000001", row["z"])
        # What does not fit is kept beside the column as it came, never changed.
        for column, text in (("f", "AAE="), ("b", "no base64!"), ("n", "2025-01-01T00:00:00.1234567891"), ("u", "f79c")):
            self.assertIsNone(odd[column], column)
            self.assertEqual(odd[f"{column}__string"], text)
        self.lint("types")

    def test_bytes_as_others_read_them(self):
        self.project.write(self.text("{f: {type: 'fixed(4)'}, b: {type: binary}, h: {type: binary, format: hex}}"))
        self.put(1, f="AAECAw==", b="/w==", h="00FF")
        self.load()
        for engine in ("pyiceberg", "duckdb"):
            (row,) = self.reader.read(self.project, TABLE, engine)["rows"]
            self.assertEqual((row["f"], row["b"], row["h"]), (b"\x00\x01\x02\x03", b"\xff", b"\x00\xff"), engine)

    def test_metadata_columns(self):
        self.project.write(self.text(version=3))
        for number in range(3):
            self.put(number, total=number)
        self.load()
        self.put(1, total=10)
        self.load()
        rows = self.project.sql(f"select id, _row_id, _last_updated_sequence_number as s, _pos, _spec_id, _partition, _file "
                                f"from {TABLE} order by id")
        self.assertEqual([(r["id"], r["_row_id"], r["s"]) for r in rows], [(0, 0, 1), (1, 1, 2), (2, 2, 1)])
        self.assertTrue(all(os.path.exists(r["_file"].removeprefix("file://")) for r in rows))
        self.assertEqual({r["_partition"] for r in rows}, {None})
        self.assertNotIn("_row_id", self.project.sql(f"select * from {TABLE} limit 1")[0])
        self.assertEqual(self.project.firn("table", "maintain", TABLE, "--compact").code, 0)
        after = self.project.sql(f"select id, _row_id, _last_updated_sequence_number as s from {TABLE} order by id")
        self.assertEqual([(r["id"], r["_row_id"], r["s"]) for r in after], [(0, 0, 1), (1, 1, 2), (2, 2, 1)])


if __name__ == "__main__":
    unittest.main()
