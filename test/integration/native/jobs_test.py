"""Tables whose rows come from jobs and files (`job:`, `format: csv` of `type: rest`): see README.md."""

import gzip
import json
import os
import signal
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import Fault  # noqa: E402
from support.fake_jobs import FakeJobs, as_csv, as_lines, as_zip  # noqa: E402
from support.firn_project import FirnProject, has_failpoints, wait_until  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

TOKEN = "canary-token-of-a-job"
POLL = {"path": "/jobs/{{ job.id }}", "status": "data.status", "done": ["COMPLETED"], "failed": ["FAILED"], "every": "5s", "timeout": "10m"}
JOB = {"create": {"path": "/jobs", "body": {"from": "{{ incremental.start }}", "to": "{{ incremental.end }}"}, "id": "data.id"}, "poll": POLL}
SINCE = {"cursor": "updated_at", "start": "2025-01-01"}


def table(job=None, **more):
    """A table of a job whose result is at /files/<id>."""
    return {"job": {**JOB, **(job or {})}, "path": "/files/{{ job.id }}", "format": "csv", "primary_key": "id", "incremental": SINCE, **more}


def at_url(poll=None, **more):
    """A table of a job that says where its file is."""
    made = table({"download": {"url": "{{ job.result.data.url }}"}, "poll": {**POLL, **(poll or {})}})
    del made["path"]
    return {**made, **more}


class NativeJobsTest(ReaderCase):
    def setUp(self):
        self.api = FakeJobs(token=TOKEN)
        self.addCleanup(self.api.close)
        self.api.pack = as_csv
        self.api.rows = [{"id": i, "updated_at": f"2025-01-{1 + i % 28:02d}T00:00:00Z", "name": f"order {i}"} for i in range(40)]

    def project(self, orders, now="2025-02-01T00:00:00Z", source=None, **tables):
        text = {"pipelines": {"shop": {"source": {"type": "rest", "base_url": self.api.url, "auth": {"type": "bearer", "token": "${env:TOKEN}"},
                                                  **(source or {})},
                                       "tables": {"orders": orders, **tables}}}}
        project = FirnProject(json.dumps(text, indent=1), env={"TOKEN": TOKEN, "FIRN_NOW": now})
        self.addCleanup(project.__exit__)
        return project

    def ids(self, project, name="orders"):
        return sorted(row["id"] for row in self.reader.rows(project, f"shop.{name}"))

    def fails(self, orders, code, *words, **options):
        project = self.project(orders, **options)
        failed = project.firn("run", "--json")
        self.assertEqual(failed.code, code, failed)
        for word in words:
            self.assertIn(word, failed.err)
        self.assertNotIn(TOKEN, failed.out + failed.err)
        result = failed.json()["tables"][0]
        self.assertEqual(result["rows"]["inserted"] + result["rows"]["appended"], 0)
        return project

    def test_a_job_is_begun_waited_for_and_its_file_read(self):
        self.api.polls = 3
        project = self.project(table())
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.assertEqual(self.api.requests(), ["POST /jobs"] + ["GET /jobs/job-1"] * 3 + ["GET /files/job-1"])
        self.assertEqual(self.api.jobs["job-1"]["asked"], {"from": "2025-01-01", "to": "2025-02-01T00:00:00Z"})
        # The next run asks from where this one ended, and takes no row twice.
        project.env["FIRN_NOW"] = "2025-03-01T00:00:00Z"
        self.api.rows.append({"id": 40, "updated_at": "2025-02-02T00:00:00Z", "name": "new"})
        again = project.run()
        self.assertEqual(again.table("orders")["rows"]["inserted"], 1, again)
        self.assertEqual(self.api.jobs["job-2"]["asked"], {"from": "2025-01-28T00:00:00Z", "to": "2025-03-01T00:00:00Z"})

    def test_every_window_has_its_own_job(self):
        project = self.project(table(incremental={**SINCE, "step": "10d"}))
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        asked = [job["asked"] for job in self.api.jobs.values()]
        self.assertEqual(len(asked), 4)
        self.assertEqual([one["to"] for one in asked[:-1]], [one["from"] for one in asked[1:]])

    def test_partitions_have_jobs_and_few_are_under_way_at_once(self):
        others = []

        def count(asked):  # those under way when another is begun
            if asked.startswith("POST /jobs"):
                with self.api.lock:
                    others.append(sum(job["status"] == "RUNNING" for job in self.api.jobs.values()))

        self.api.hook = count
        tables = {f"t{i}": table(write_disposition="replace", primary_key="id") for i in range(4)}
        for one in tables.values():
            del one["incremental"]
            one["job"] = {**one["job"], "create": {"path": "/jobs", "body": {}, "id": "data.id"}}
        project = self.project({**tables["t0"], "partitions": {"values": ["a", "b"]}}, source={"jobs_max": 1}, **tables)
        project.run()
        for name in tables:
            self.assertEqual(self.ids(project, name), list(range(40)))
        self.assertEqual(len(self.api.jobs), 6)
        self.assertEqual(max(others), 0)

    def test_the_file_may_be_anywhere_and_packed(self):
        with FakeJobs() as files:
            files.jobs, files.rows = self.api.jobs, self.api.rows
            self.api.file_host = files.url
            for pack, settings in ((as_csv, {"format": "csv"}), (as_lines, {"format": "ndjson"}),
                                   (lambda rows: json.dumps({"data": rows}).encode(), {"format": "json", "records": "data"}),
                                   (lambda rows: gzip.compress(as_lines(rows)), {"format": "ndjson"}),
                                   (lambda rows: as_zip({"x/a.gz": gzip.compress(as_csv(rows)), "b.txt": b"?"}), {"format": "csv", "members": "**/*.gz"})):
                with self.subTest(settings):
                    files.pack = pack
                    project = self.project(at_url(**settings))
                    project.run()
                    self.assertEqual(self.ids(project), list(range(40)))
            self.assertTrue(files.seen_headers)
            self.assertNotIn(TOKEN, str(files.seen_headers))
        self.assertEqual(self.api.requests("/files/"), [])

    def test_an_answer_can_be_a_file_without_a_job(self):
        self.api.jobs["all"] = {"asked": {}, "status": "COMPLETED", "polls": 0}
        project = self.project({"path": "/files/all", "format": "csv", "write_disposition": "replace"})
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.assertIn("order 1", project.firn("preview", "orders").out)

    def test_a_result_of_json_pages_is_read_as_ever(self):
        self.api.pack = lambda rows: json.dumps({"data": rows}).encode()
        orders = table(records="data", paginate="none")
        del orders["format"]
        project = self.project(orders)
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))

    def test_the_next_file_is_found_by_a_header(self):
        parts = iter([("2", as_csv(self.api.rows[:20])), ("null", as_csv(self.api.rows[20:]))])

        def pack(_):
            locator, text = next(parts)
            self.api.file_headers = {"Sforce-Locator": locator}
            return text

        self.api.pack = pack
        project = self.project(table(paginate={"type": "cursor", "header": "Sforce-Locator", "param": "locator"}))
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.assertEqual(self.api.requests("/files/"), ["GET /files/job-1", "GET /files/job-1?locator=2"])

    def test_faults_are_waited_out_at_each_request(self):
        for disposition in ("merge", "append"):
            for path in ("POST /jobs", "GET /jobs/", "GET /files/"):
                kinds = ("429",) if path == "POST /jobs" else ("429", "500", "503", "reset", "cut")
                for kind in kinds:
                    self.api.fail(path, Fault(kind, retry_after="0" if kind == "429" else None))
            with self.subTest(disposition):
                project = self.project(table(write_disposition=disposition))
                project.run()
                self.assertEqual(self.ids(project), list(range(40)))

    def test_a_job_whose_begin_is_not_known_is_begun_once_more_at_most(self):
        self.api.fail("POST /jobs", Fault("reset"))
        project = self.project(table())
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.assertEqual(len(self.api.requests("POST /jobs")), 2)
        self.api.forget_requests()
        self.api.fail("POST /jobs", Fault("reset"), times=9)
        self.assertNotEqual(self.project(table()).firn("run").code, 0)
        self.assertEqual(len(self.api.requests("POST /jobs")), 2)

    def test_a_failed_job_is_told_or_begun_anew(self):
        self.api.outcome = "FAILED"
        self.fails(table(), 1, "E0542", "too many columns", "job job-1")
        self.api.jobs.clear()
        self.fails(table({"attempts": 3}), 1, "E0542", "job job-3")
        self.assertEqual(len(self.api.jobs), 3)

    def test_a_job_that_never_ends_is_cancelled_or_goes_on(self):
        self.api.outcome = "RUNNING"
        self.fails(table(), 5, "E0543", "there it goes on", "job job-1", "its status was RUNNING")
        self.fails(table({"cancel": {"path": "/jobs/{{ job.id }}"}}), 5, "E0543", "it was cancelled there")
        self.assertEqual(self.api.requests("DELETE"), ["DELETE /jobs/job-2"])

    def test_a_stop_ends_the_wait_and_cancels_the_job(self):
        self.api.outcome = "RUNNING"
        project = self.project(table({"cancel": {"path": "/jobs/{{ job.id }}"}, "poll": {**POLL, "every": "30m", "timeout": "10h"}}))
        project.env["FIRN_SLEEP_SCALE"] = "1"
        process = project.start("run")
        wait_until(lambda: self.api.requests("GET /jobs/"), "the job is asked about")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 143)
        self.assertEqual(self.api.requests("DELETE"), ["DELETE /jobs/job-1"])

    def test_killed_at_any_point_the_next_run_reads_every_row_once(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        for disposition in ("merge", "append"):
            for point in ("rest.job_begun", "rest.before_request", "rest.after_response", "run.read", "catalog.before_swap", "commit.after_swap"):
                with self.subTest((disposition, point)):
                    project = self.project(table(write_disposition=disposition, incremental={**SINCE, "step": "10d"}))
                    killed = project.firn("run", env={"FIRN_FAILPOINTS": f"{point}=kill"})
                    self.assertEqual(killed.code, -9, killed)
                    project.run()
                    self.assertEqual(self.ids(project), list(range(40)))

    def test_answers_that_are_not_as_declared_are_named(self):
        self.fails(table({"create": {**JOB["create"], "id": "data.name"}}), 1, "E0546", "`id`", "data.name")
        self.fails(table({"poll": {**POLL, "status": "state"}}), 1, "E0546", "`status`", "keys seen: data")
        self.fails(table({"poll": {**POLL, "running": ["QUEUED"]}}), 1, "E0546", "RUNNING")
        self.api.when_done = lambda rows: {"url": None, "count": len(rows)}
        self.fails(at_url(), 1, "E0546", "names no file")
        self.fails(at_url({"rows": "data.count"}), 1, "E0546", "names no file")

    def test_the_number_of_rows_that_a_job_says_is_held_to(self):
        counted = {"poll": {**POLL, "rows": "data.count"}}
        self.api.when_done = lambda rows: {"count": len(rows)}
        project = self.project(table(counted))
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.api.when_done = lambda rows: {"count": len(rows) + 1}
        self.fails(table(counted), 1, "E0547", "41", "40 came")
        self.api.rows, self.api.when_done = [], lambda rows: {"url": None, "count": 0}
        self.assertEqual(self.project(at_url({"rows": "data.count"})).run().table("orders")["rows"]["inserted"], 0)

    def test_what_is_cut_or_damaged_is_an_error(self):
        whole = lambda rows: gzip.compress(as_csv(rows))
        for pack, word in ((lambda rows: whole(rows)[:-4], "E0885"), (lambda rows: as_zip({"a.csv": as_csv(rows)}, damage="a.csv"), "E0885"),
                           (lambda rows: as_zip({"a.csv": as_csv(rows)})[:-30], "E0982"), (lambda rows: b"<html>log in</html>", "E0989"),
                           (lambda rows: b"", "E0601")):
            with self.subTest(word):
                self.api.pack = pack
                self.fails(table(), 1, word)
        self.api.pack = as_csv
        self.api.file_headers = {"Content-Length": "none"}
        self.fails(table(), 1, "E0545")

    def test_what_cannot_be_is_told_before_anything_is_asked(self):
        for orders, words in ((table(raw="archive"), ("E0541", "`raw")), (table(format="parquet"), ("E0541",)),
                              (table(incremental={**SINCE, "order": "asc"}), ("E0541", "`order`")),
                              (table(paginate={"type": "page"}), ("E0541",)),
                              (at_url(path="/x"), ("E0541", "`path`")),
                              ({**table(), "path": "/files/{{ jb.id }}"}, ("E0451", "job")),
                              (table(csv={"delimiter": ";;"}), ("E0497",)),
                              (table(members="a["), ("E0497",))):
            with self.subTest(words):
                result = self.project(orders).firn("validate", "--offline")
                self.assertEqual(result.code, 2, result)
                for word in words:
                    self.assertIn(word, result.out + result.err)
        self.assertEqual(self.api.requests(), [])


if __name__ == "__main__":
    unittest.main()
