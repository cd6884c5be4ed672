"""Zip archives as a source: each member is a file of its own; what misleads is refused; kills in the middle of a member."""

import gzip
import io
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from files_case import SEED, FilesCase, lines, rows_of  # noqa: E402
from support.firn_project import has_failpoints  # noqa: E402
from support.table_reader import readers_python  # noqa: E402

PARQUET = "import sys, pyarrow as pa, pyarrow.parquet as pq; pq.write_table(pa.table({'id': range(%d), 'name': ['x'] * %d}), sys.argv[1])"


def archive(members, method=zipfile.ZIP_DEFLATED, big=False):
    """Bytes of an archive of (name, content); `big`: with the fields for members over 4 GiB."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method, allowZip64=True) as packed:
        for name, content in members:
            info = zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6))
            info.compress_type = method
            with packed.open(info, "w", force_zip64=big) as member:
                member.write(content.encode() if isinstance(content, str) else content)
    return out.getvalue()


def csv_of(first, count):
    return "id,name\n" + "".join(f"{i},row {i}\n" for i in range(first, first + count))


class Archives(FilesCase):
    def test_each_member_is_a_file_of_its_own(self):
        project = self.make("**/*.{zip,ZIP}", "file_columns: [_file, _line]")
        self.put("a.zip", archive([("orders.csv", csv_of(0, 10)), ("deep/er.csv", csv_of(10, 5)), ("__MACOSX/._orders.csv", "no"),
                                   ("packed.csv.gz", gzip.compress(csv_of(15, 5).encode()))]))
        self.put("in/b.ZIP", archive([("orders.csv", csv_of(20, 10))], zipfile.ZIP_STORED))
        self.put("in/c.zip", archive([("big.csv", csv_of(30, 10)), ("none/", "")], big=True))
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.assertEqual({(row["_file"], row["_line"]) for row in self.reader.rows(project, "in.t") if row["id"] % 10 == 2},
                         {("a.zip/orders.csv", 4), ("a.zip/deep/er.csv", 4), ("in/b.ZIP/orders.csv", 4), ("in/c.zip/big.csv", 4)})

    def test_a_pattern_goes_into_archives(self):
        project = self.make("in/*.zip/orders-*.csv")
        self.put("in/a.zip", archive([("orders-1.csv", csv_of(0, 5)), ("items.csv", csv_of(90, 5)), ("sub/orders-2.csv", csv_of(80, 5)),
                                      ("readme.pdf", "%PDF")]))
        self.put("in/orders-3.csv", csv_of(70, 5))
        project.run()
        self.assertEqual(self.ids(project), list(range(5)))
        with open(project.path("firn.yaml")) as file:
            project.write(file.read().replace("in/*.zip/orders-*.csv", "in/*.zip/**/orders-*.csv"))
        project.run()  # what was left out before is taken now, of an archive that was read
        self.assertEqual(self.ids(project), [*range(5), *range(80, 85)])
        empty = self.make("in/*.zip/nothing*")
        self.assertTrue(any("no member" in text for text in empty.run().table("t")["warnings"]))

    def test_a_content_is_loaded_once_in_archives_too(self):
        project = self.make("*")
        self.put("a.csv", csv_of(0, 10))
        self.put("b.zip", archive([("x.csv", csv_of(10, 5))]))
        project.run()
        self.put("c.zip", archive([("a.csv", csv_of(0, 10))]))  # what was loaded, packed
        os.rename(os.path.join(self.inbox, "b.zip"), os.path.join(self.inbox, "d.zip"))
        table = project.run().table("t")
        self.assertEqual(table["rows"]["read"], 0)
        self.assertEqual(sum("passed over" in text for text in table["warnings"]), 2, table["warnings"])
        self.put("b.zip", archive([("x.csv", csv_of(10, 7)), ("y.csv", csv_of(20, 5))]))  # a member grew, another is new
        project.run()
        self.assertEqual(self.ids(project), [*range(17), *range(20, 25)])
        self.put("b.zip", archive([("x.csv", csv_of(50, 7)), ("y.csv", csv_of(20, 5))]))
        error = project.run(code=2).table("t")["error"]
        self.assertEqual(error["code"], "E0881")
        self.assertIn("b.zip/x.csv", error["message"])

    def test_an_archive_that_was_loaded_is_not_opened_again(self):
        path = self.put("a.zip", archive([("x.csv", csv_of(0, 5)), ("y.csv", csv_of(5, 5))]))
        project = self.make("a.zip/x*")
        project.run()
        with open(path, "r+b") as file:  # another content, of the same size and time
            file.write(bytes(os.path.getsize(path)))
        os.utime(path, (self.clock, self.clock))
        self.assertEqual(project.run().table("t")["rows"]["read"], 0)
        with open(project.path("firn.yaml")) as file:
            project.write(file.read().replace("a.zip/x*", "a.zip/*"))
        self.assertEqual(project.run(code=1).table("t")["error"]["code"], "E0982")  # opened for what else is in it
        self.assertEqual(self.ids(project), list(range(5)))

    def test_parquet_in_archives(self):
        path = os.path.join(tempfile.mkdtemp(prefix="firn-parquet-", dir=self.inbox), "x")
        subprocess.run([readers_python(), "-c", PARQUET % (2500, 2500), path], check=True)
        with open(path, "rb") as file:
            self.put("a.zip", archive([("rows.parquet", file.read())]))
        project = self.make("*.zip")
        project.run()
        self.assertEqual(self.ids(project), list(range(2500)))

    def test_what_misleads_is_refused_by_name(self):
        good = archive([("a.csv", csv_of(0, 100)), ("b.csv", csv_of(100, 5))])
        at = good.index(b"PK\x01\x02")  # of the directory
        field = lambda offset, form, value: good[:at + offset] + struct.pack(form, value) + good[at + offset + struct.calcsize(form):]  # noqa: E731
        twice = archive([("a.csv", csv_of(0, 5)), ("b.csv", csv_of(5, 5))]).replace(b"b.csv", b"a.csv")
        nested = archive([("inner.zip", archive([("a.csv", csv_of(0, 5))]))])
        for name, data, code, word in (("encrypted", field(8, "<H", 1), "E0983", "encrypted"),
                                       ("method", field(10, "<H", 12), "E0983", "method 12"),
                                       ("checksum", field(16, "<I", 1), "E0885", "checksum"),
                                       ("size", field(24, "<I", 2_000), "E0885", "bytes than the directory says"),
                                       ("bomb", field(24, "<I", 0xFFFFFFF0), "E0885", "1,000 times"),
                                       ("overlap", field(20, "<I", 100_000), "E0982", "overlaps"),
                                       ("leads", archive([("../a.csv", csv_of(0, 5))]), "E0982", "../a.csv"),
                                       ("absolute", archive([("/a.csv", csv_of(0, 5))]), "E0982", "/a.csv"),
                                       ("twice", twice, "E0982", "twice"),
                                       ("cut", good[:-30], "E0982", "directory"),
                                       ("nested", nested, "E0883", "within an archive"),
                                       ("empty", b"", "E0982", "directory")):
            with self.subTest(name):
                self.put(f"{name}.zip", data)
                project = self.make(f"{name}.zip")
                error = project.run(code=1).table("t")["error"]
                self.assertEqual(error["code"], code, error)
                self.assertIn(word, error["message"])
                self.assertIn(f"{name}.zip", error["message"])
                self.assertEqual(project.tables(), {})
        self.put("hidden.dat", good)
        self.assertEqual(self.make("hidden.dat").run(code=1).table("t")["error"]["code"], "E0883")
        said = self.make("hidden.dat", "compression: zip")
        said.run()
        self.assertEqual(self.ids(said), list(range(105)))

    def test_a_bomb_takes_no_memory(self):
        zeros = archive([("a.ndjson", b"\0" * (200 << 20))])  # one line that never ends
        self.put("a.zip", zeros)
        result = self.make("a.zip").firn("run", "--json", "--memory", "256MiB", timeout=120)
        self.assertNotEqual(result.code, 0)
        self.assertIn("E06", result.out)
        packed = gzip.compress(b" " * (40 << 20))
        self.put("b.zip", archive([("a.csv.gz", packed)]))
        self.assertNotEqual(self.make("b.zip").firn("run", "--memory", "256MiB", timeout=120).code, -signal.SIGKILL)

    def test_copy(self):
        self.put("in/a.zip", archive([("orders.csv", csv_of(0, 10)), ("items.csv", csv_of(10, 5))]))
        project = self.make()
        for place, expected in (("a.zip", 15), ("*.zip", 15), ("a.zip/items.csv", 5), ("*.zip/i*", 5)):
            copied = project.firn("copy", os.path.join(self.inbox, "in", place), "in.t")
            self.assertEqual(copied.code, 0, str(copied))
            self.assertEqual(len(self.reader.rows(project, "in.t")), expected, place)


class Interrupted(FilesCase):
    def test_kills_in_the_middle_of_members(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        rng = random.Random(SEED)
        text = [lines([{"id": i, "name": "x" * rng.randrange(100, 900)} for i in part])
                for part in (range(20_000), range(20_000, 21_000), range(21_000, 24_000))]
        self.put("a.zip", archive([("1.ndjson", text[0]), ("2.ndjson", text[1])]))
        self.put("b.zip", archive([("3.ndjson", text[2])], zipfile.ZIP_STORED))
        begin = tempfile.mkdtemp(prefix="firn-begin-")
        self.addCleanup(shutil.rmtree, begin, ignore_errors=True)
        for point in ("files.read=kill@3", "files.read=kill@6", "files.end=kill@2", "files.end=kill@3", "run.before_commit=kill@2",
                      "run.after_commit=kill@2", "run.after_commit=kill@4"):
            project = self.make("*", "commit_bytes: 1MiB", location=begin)
            for name in os.listdir(begin):
                os.remove(os.path.join(begin, name))
            with open(os.path.join(begin, "first.ndjson"), "w") as file:
                file.write(lines(rows_of(-1, 1)))
            project.run()  # of a new table nothing is committed before its types are decided
            for name in os.listdir(self.inbox):
                shutil.copy2(os.path.join(self.inbox, name), begin)
            killed = project.firn("run", env={"FIRN_FAILPOINTS": point}, timeout=120)
            with self.subTest(point=point, seed=SEED):
                self.assertEqual(killed.code, -signal.SIGKILL, str(killed))
                project.run(timeout=120)
                self.assertEqual(self.ids(project, engines=("pyiceberg",)), list(range(-1, 24_000)))
                self.assertEqual(project.run().table("t")["rows"]["read"], 0)


class OnObjectStores(FilesCase):
    def test_minio(self):
        from minio import BUCKET, KEY, SECRET, Minio
        try:
            minio = Minio()
        except SystemExit:  # it has said why; the other tests go on
            self.skipTest("MinIO is not installed")
        self.addCleanup(minio.close)
        big = lines([{"id": i, "name": "x" * 900} for i in range(20_000)])
        path = self.put("a.zip", archive([("big.ndjson", big), ("small.ndjson", lines(rows_of(20_000, 10)))]))
        subprocess.run(["curl", "-sf", "-o", "/dev/null", "--max-time", "60", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u",
                        f"{KEY}:{SECRET}", "-T", path, f"{minio.url}/{BUCKET}/in/a.zip"], check=True)
        storage = f", storage: {{endpoint: \"{minio.url}\", access_key: {KEY}, secret_key: \"${{env:S3_SECRET}}\", region: us-east-1}}"
        project = self.make("*.zip", location=f"s3://{BUCKET}/in", storage=storage, env={"S3_SECRET": SECRET})
        project.run(timeout=120)
        self.assertEqual(self.ids(project), list(range(20_010)))
        self.assertEqual(project.run().table("t")["rows"]["read"], 0)


if __name__ == "__main__":
    print(f"seed {SEED}", flush=True)
    unittest.main()
