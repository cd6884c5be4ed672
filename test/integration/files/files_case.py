"""What tests of files share: a folder, projects that read it, and foreign readers of what comes out."""

import json
import os
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.dirname(os.path.dirname(HERE)), HERE, os.path.join(os.path.dirname(HERE), "object_store")]
from support.firn_project import FirnProject  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

SEED = int(os.environ.get("FIRN_TEST_SEED", "1"))
PROJECT = """version: 1
lake: {{warehouse: ./lake}}
pipelines:
  in:
    source: {{type: files, location: {location}{storage}}}
    tables:
      t: {{path: "{path}", settle: 0, maintenance: off{settings}}}
"""


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def rows_of(first, count, **more):
    return [{"id": i, "name": f"row {i}", **more} for i in range(first, first + count)]


def is_stopped(process):
    with open(f"/proc/{process.pid}/stat") as file:
        return " T " in file.read()


class FilesCase(unittest.TestCase):
    def setUp(self):
        self.reader = TableReader()
        self.addCleanup(self.reader.close)
        self.inbox = tempfile.mkdtemp(prefix="firn-inbox-")
        self.addCleanup(shutil.rmtree, self.inbox, ignore_errors=True)
        self.clock = 1_700_000_000

    def make(self, path="*", settings="", location=None, storage="", **options):
        text = PROJECT.format(location=location or self.inbox, path=path, storage=storage, settings=settings and ", " + settings)
        project = FirnProject(text, **options)
        self.addCleanup(project.__exit__)
        return project

    def put(self, name, data):
        """Writes a file, an hour after the last one was written."""
        path = os.path.join(self.inbox, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        self.touch(name)
        return path

    def touch(self, name):
        self.clock += 3600
        os.utime(os.path.join(self.inbox, name), (self.clock, self.clock))

    def ids(self, project, engines=("pyiceberg", "duckdb"), **where):
        seen = [sorted(row["id"] for row in self.reader.rows(project, "in.t", engine)
                       if all(row[key] == value for key, value in where.items())) for engine in engines]
        for other in seen[1:]:
            self.assertEqual(other, seen[0])
        return seen[0]
