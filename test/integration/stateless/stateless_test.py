"""Runs on machines that keep nothing: the local state folder is gone before every command."""

import glob
import json
import os
import signal
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path[:0] = [os.path.dirname(TOP), os.path.join(TOP, "crash"), os.path.join(TOP, "object_store")]
from forgetful import ForgetfulProject  # noqa: E402
from minio import Minio  # noqa: E402
from s3_proxy import S3Proxy  # noqa: E402
from support.fake_api import FakeApi, Fault  # noqa: E402
from support.firn_project import wait_until, wait_until_stopped  # noqa: E402

PROJECT = """version: 1
lake: {{warehouse: ./lake}}
pipelines:
  shop:
    source: {{type: rest, base_url: "{url}", retry: {{attempts: 2}}}}
    tables:
      orders:
        path: /v1/orders
        records: data
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        incremental: {{cursor: updated_at, param: since}}
        raw: off
"""


class StatelessCase(unittest.TestCase):
    kind = "lake"

    def setUp(self):
        self.api = FakeApi()
        self.addCleanup(self.api.close)
        self.orders = self.api.table("orders", page_size=50)
        self.number = 0
        self.project = self.make()
        self.addCleanup(self.project.__exit__)

    def make(self):
        return ForgetfulProject(PROJECT.format(url=self.api.url), self.kind)

    def put(self, count=3):
        for _ in range(count):
            self.number += 1
            self.orders.put({"id": self.number, "updated_at": f"2025-01-01T00:{self.number:02d}:00Z"})

    def ok(self, *arguments, code=0, **options):
        result = self.project.firn(*arguments, **options)
        self.assertEqual(result.code, code, str(result))
        return result

    def ids(self):
        return [row["id"] for row in self.project.sql("select id from shop.orders order by id")]


class HistoryTest(StatelessCase):
    def test_history_is_answered_from_the_state(self):
        for _ in range(2):
            self.put()
            self.ok("run")
        self.api.fail("/v1/orders", Fault("500"), times=2)
        self.put()
        self.ok("run", code=5)
        runs = json.loads(self.ok("runs", "--json").out)
        self.assertEqual([run["state"] for run in runs], ["failed", "completed", "completed"], runs)
        self.assertEqual(json.loads(self.ok("status", "--json", "--check", code=3).out)[0]["state"], "failed")
        lines = [json.loads(line) for line in self.ok("logs", runs[1]["run_id"], "--json").out.splitlines()]
        self.assertEqual(lines[-1]["event"], "run ends")
        self.assertIn("shop.orders", self.ok("retry").err)
        self.assertEqual(self.ids(), list(range(1, 10)))

    def test_the_last_five_loads_are_known(self):
        for _ in range(5):
            self.put()
            self.ok("run")
        result = self.project.run()
        self.assertEqual([f["code"] for f in result.table("orders")["findings"]], ["E0940"], str(result))

    def test_a_killed_run_is_interrupted_and_the_next_goes_on_at_once(self):
        self.put()
        self.ok("run")
        self.put()
        self.ok("run", env={"FIRN_FAILPOINTS": "run.after_commit=kill"}, code=-9)
        runs = json.loads(self.ok("runs", "--json").out)
        self.assertEqual([run["state"] for run in runs], ["interrupted", "completed"])
        self.ok("run")
        self.assertEqual(self.ids(), list(range(1, 7)))
        runs = json.loads(self.ok("runs", "--json").out)
        self.assertEqual([run["state"] for run in runs], ["completed", "interrupted", "completed"])

    def test_what_cannot_be_written_does_not_fail_a_load(self):
        self.put()
        self.ok("run")
        with open(self.index(), "w") as file:
            file.write('{"version": 7}')
        self.put()
        result = self.ok("run")
        self.assertIn("history", result.err)
        self.assertIn("version 7", self.ok("status", code=2).err)
        self.assertEqual(self.ids(), list(range(1, 7)))

    def test_a_damaged_index_is_put_aside_and_built_again(self):
        for _ in range(2):
            self.put()
            self.ok("run")
        with open(self.index(), "w") as file:
            file.write('{"version": 1, "runs"')
        self.assertEqual(len(json.loads(self.ok("runs", "--json").out)), 2)
        self.assertEqual(len(glob.glob(self.project.path("lake/_firn/state/damaged/*"))), 1)

    def index(self):
        return self.project.path("lake/_firn/state/index.json")


class LeaseTest(StatelessCase):
    def frozen(self, **env):
        """A run that stands still after it has taken its lease."""
        run = self.project.start("run", env={"FIRN_FAILPOINTS": "run.before_commit=stop", **env})
        self.addCleanup(run.kill)
        self.assertTrue(wait_until_stopped(run))
        return run

    def test_a_second_run_is_refused_and_names_the_first(self):
        self.put()
        first = self.frozen()
        second = self.ok("run", code=7, forget=False)
        self.assertIn(f"process {first.pid}", second.err)
        self.assertIn("E0752", second.err)
        self.assertEqual(json.loads(self.ok("runs", "--json", forget=False).out)[0]["state"], "running")
        first.send_signal(signal.SIGCONT)
        self.assertEqual(first.wait(60), 0)
        self.ok("run")
        self.assertEqual(self.ids(), [1, 2, 3])

    def test_a_run_whose_lease_was_ended_stops_before_its_commit(self):
        self.put()
        promised = 15  # both commands have to come before its end
        first = self.frozen(FIRN_LEASE_SECONDS=str(promised))
        begun = time.monotonic()
        self.assertIn("would end", self.ok("state", "unlock", "shop", code=10, forget=False).err)
        self.assertIn("ended the lease", self.ok("state", "unlock", "shop", "--yes", forget=False).err)
        before = self.project.tables()
        wait_until(lambda: time.monotonic() > begun + promised, "the promise of the first is over")
        first.send_signal(signal.SIGCONT)
        self.assertEqual(first.wait(60), 7)
        with open(self.project.path("stderr.txt")) as file:
            self.assertIn("E0755", file.read())
        self.assertEqual(self.project.tables(), before, "it committed nothing")
        self.ok("run")
        self.assertEqual(self.ids(), [1, 2, 3])


class S3Test(StatelessCase):
    kind = "s3"

    @classmethod
    def setUpClass(cls):
        cls.minio = Minio()
        cls.requests = []
        cls.proxy = S3Proxy(cls.minio.url, lambda method, path: cls.requests.append((method, path)) or "pass")

    @classmethod
    def tearDownClass(cls):
        cls.proxy.__exit__()
        cls.minio.close()

    def make(self):
        return ForgetfulProject(PROJECT.format(url=self.api.url), "s3", self.id().rpartition(".")[2], self.proxy.url)

    def count(self, *arguments, **options):
        self.requests.clear()
        self.ok(*arguments, **options)
        return len(self.requests)

    def test_the_same_with_a_bounded_number_of_requests(self):
        for _ in range(3):
            self.put()
            self.ok("run")
        nothing, status = self.count("run"), self.count("status")
        print(f"requests: run with nothing to do {nothing}, status {status}: {self.requests}")
        self.assertLessEqual(nothing, 16)
        self.assertLessEqual(status, 4)
        self.assertLessEqual(self.count("logs"), 6)
        self.assertEqual(self.ids(), list(range(1, 10)))
        self.assertEqual(len(json.loads(self.ok("runs", "--json").out)), 4)


if __name__ == "__main__":
    unittest.main()
