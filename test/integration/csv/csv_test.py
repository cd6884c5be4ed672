"""CSV files of many dialects, read by firn, by Python's csv module and by DuckDB: the same cells, and types that lose nothing."""

import csv
import datetime
import decimal
import gzip
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE]
from support.firn_project import binary, skip  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

try:
    import duckdb
    import pyarrow.parquet as parquet
except ImportError:
    if readers_python() is None or os.environ.get("FIRN_CSV_TEST_AGAIN"):
        skip("no Python with duckdb and pyarrow: run tools/prepare test")
    os.environ["FIRN_CSV_TEST_AGAIN"] = "1"
    os.execv(readers_python(), [readers_python(), *sys.argv])

SEED = random.SystemRandom().getrandbits(32)
ROUNDS = 60

PLAIN = ["1", "-7", "0", "2.50", "12345678901234567890", "0.1", "007", "+1", "1e5", "1e-7", "true", "FALSE", "2024-01-31",
         "2024-01-31T10:00:00Z", "2024-01-31 10:00:00", "text", "", " padded ", "5\" disk", "it's", "é", "\U0001F600", "a\tb", "NA"]
KINDS = [["1", "-20", "", "300"], ["1.5", "2", "0.25", "-3.125"], ["2024-01-31", "1999-12-31", ""], ["true", "false"],
         ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+02:00"], ["99999999999999999999", "1"], PLAIN]
QUOTED = ["a, b", "x;y|z", "line\nbreak", "line\r\nbreak", "say \"hi\"", "\"", "\"\"", ",", "\n"]


def copy(source, target, *options, stdin=None):
    done = subprocess.run([binary(), "copy", source, target, *options, "--log", "off", "--quiet"], capture_output=True, input=stdin)
    if done.returncode != 0:
        raise AssertionError(f"copy {source}: {done.stderr.decode()}")
    return done.stdout.decode()


def agrees(value, cell):
    """Whether a typed value is what the cell's text says."""
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return str(value).lower() == cell.lower()
    if isinstance(value, (int, float, decimal.Decimal)):
        return decimal.Decimal(repr(value) if isinstance(value, float) else str(value)) == decimal.Decimal(cell)
    if isinstance(value, datetime.datetime):
        return value == datetime.datetime.fromisoformat(cell)
    if isinstance(value, datetime.date):
        return value == datetime.date.fromisoformat(cell)
    return value == cell


class CsvTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.random = random.Random(SEED)

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name, data):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def cells(self, path, *options):
        return [list(json.loads(line).values()) for line in copy(path, "-", *options).splitlines()]

    def table(self):
        """Names and rows of a random table."""
        columns = self.random.randint(2, 6)
        kinds = [self.random.choice(KINDS) for _ in range(columns)]
        wild = self.random.random() < 0.5
        rows = []
        for _ in range(self.random.randint(1, 200)):
            row = [self.random.choice(kind) for kind in kinds]
            if wild and self.random.random() < 0.3:
                row[self.random.randrange(columns)] = self.random.choice(QUOTED)
            rows.append(row)
        names = [f"name {c}" for c in range(columns)]
        return names, rows

    def test_random_files(self):
        for number in range(ROUNDS):
            delimiter = self.random.choice(",;\t|")
            quoting = self.random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
            end = self.random.choice(["\n", "\r\n"])
            encoding = self.random.choice(["utf-8", "utf-8-sig", "utf-16"])
            names, rows = self.table()
            text = io.StringIO()
            writer = csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end)
            writer.writerow(names)
            writer.writerows(rows)
            path = self.path(f"{number}.csv", text.getvalue().encode(encoding))
            with self.subTest(number=number, delimiter=delimiter, quoting=quoting, encoding=encoding):
                read = list(csv.reader(io.StringIO(text.getvalue(), newline=""), delimiter=delimiter))
                self.assertEqual(read[1:], rows)
                firn = self.cells(path, "--delimiter", delimiter, "--header")
                self.assertEqual([["" if cell is None else cell for cell in row] for row in firn], rows)
                self.check_types(path, names, rows, "--delimiter", delimiter, "--header")
                if encoding != "utf-16":
                    self.check_duckdb(path, delimiter, rows)

    def check_types(self, path, names, rows, *options):
        out = path + ".parquet"
        copy(path, out, *options)
        table = parquet.read_table(out)
        for c, name in enumerate(names):
            values = table.column(name).to_pylist() if name in table.column_names else [None] * len(rows)
            for value, row in zip(values, rows, strict=True):
                if not agrees(value, row[c]):
                    self.fail(f"{name}: {row[c]!r} became {value!r}")

    def check_duckdb(self, path, delimiter, rows):
        theirs = duckdb.execute("FROM read_csv($path, delim=$delimiter, quote='\"', escape='\"', header=true, all_varchar=true)",
                                {"path": path, "delimiter": delimiter}).fetchall()
        self.assertEqual([[cell or "" for cell in row] for row in theirs], rows)

    def test_the_dialect_is_found_out(self):
        for delimiter in ",;\t|":
            rows = [[f"n{i}", str(i), f"x{i}"] for i in range(20)]
            text = "\n".join(delimiter.join(row) for row in [["a", "b", "c"], *rows])
            self.assertEqual(self.cells(self.path("found.csv", text.encode())), rows)

    def test_compressed_files_and_stdin(self):
        data = b"a,b\n1,x\n2,y\n"
        self.assertEqual(self.cells(self.path("rows.csv.gz", gzip.compress(data))), [["1", "x"], ["2", "y"]])
        self.assertEqual(copy("-", "-", "--input", "csv", stdin=data).splitlines()[1], '{"a":"2","b":"y"}')

    def test_columns_are_known_by_name_from_file_to_file(self):
        files = [b"id,name\n1,a\n", b"name,id\nb,2\n", b"id,size\n3,7\n", b"id,name\nx4,d\n"]
        for number, data in enumerate(files):
            path = self.path(f"drift{number}.csv", data)
            done = subprocess.run([binary(), "copy", path, "t.drift", "--append", "--log", "off", "--quiet"],
                                  cwd=self.folder.name, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        shown = subprocess.run([binary(), "sql", "SELECT id, id__string, name, size FROM t.drift ORDER BY id NULLS LAST", "--format", "ndjson", "--log", "off"],
                               cwd=self.folder.name, capture_output=True, text=True)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        rows = [json.loads(line) for line in shown.stdout.splitlines()]
        self.assertEqual([(row.get("id"), row.get("id__string"), row.get("name"), row.get("size")) for row in rows],
                         [(1, None, "a", None), (2, None, "b", None), (3, None, None, 7), (None, "x4", "d", None)])

    def test_hostile_files_end_with_a_named_error(self):
        cases = {"open.csv": (b'a,b\n1,"x\n' + b"2,y\n" * 1000, "E0612"), "short.csv": (b"a,b\n1\n", "line 2"),
                 "bytes.csv": (b"a,b\n1,\xff\n", "not UTF-8, byte 3"), "utf16.csv": ("a,b\n1,2\n" * 50).encode("utf-16-le")}
        cases["utf16.csv"] = (cases["utf16.csv"], "UTF-16")
        for name, (data, expected) in cases.items():
            done = subprocess.run([binary(), "copy", self.path(name, data), os.path.join(self.folder.name, "out.parquet"), "--log", "off"],
                                  capture_output=True, text=True)
            self.assertNotEqual(done.returncode, 0, name)
            self.assertIn(expected, done.stderr, name)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        SEED = int(sys.argv.pop(1))
    print(f"seed {SEED}", flush=True)
    unittest.main()
