"""Workflows that begin a job, wait for it and read what it made: see README.md."""

import gzip
import json
import os
import signal
import sys
import threading
import unittest
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import Fault  # noqa: E402
from support.fake_jobs import FakeJobs, as_csv, as_lines, as_zip  # noqa: E402
from support.firn_project import FirnProject, peak_bytes, wait_until  # noqa: E402
from support.reader_case import ReaderCase  # noqa: E402

TOKEN = "canary-token-of-a-job"
BEARER = {"Authorization": "Bearer {{ inputs.token }}"}
CREATE = {"id": "job", "request": {"method": "POST", "url": "{{ inputs.url }}/jobs", "headers": BEARER, "json": {"from": "{{ state.since }}"}}}
POLL = {"id": "done", "request": {"url": "{{ inputs.url }}/jobs/{{ steps.job.body.data.id }}", "headers": BEARER},
        "poll": {"until": "{{ body.data.status === 'COMPLETED' }}", "fail": "{{ body.data.status === 'FAILED' }}",
                 "every": "5s", "timeout": "10m"}}
STATE = {"since": {"start": None, "from": "rows", "max": "{{ row.updated_at }}"}}


def workflow(rows, **poll):
    """`rows`: the step that reads what the job made."""
    asks = {**POLL, "poll": {**POLL["poll"], **poll}}
    return {"steps": 1, "inputs": {"url": {}, "token": {"secret": True}},
            "do": [CREATE, asks, {"id": "rows", **rows}, {"emit": "orders", "from": "rows", "key": "id"}], "state": STATE}


def bomb():
    """A gzip file of 1.2 MB that unpacks to 1,030 times as much, and has no end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * (1 << 20)
    return b"".join(packer.compress(block) for _ in range(1200))


class JobsTest(ReaderCase):
    def setUp(self):
        self.api = FakeJobs(token=TOKEN)
        self.addCleanup(self.api.close)
        self.api.rows = [{"id": i, "updated_at": f"2025-01-{1 + i % 28:02d}T00:00:00Z", "name": f"order {i}"} for i in range(40)]

    def project(self, of_rows, tables="", **poll):
        project = FirnProject('pipelines:\n  shop:\n    source: {type: steps, workflow: ./jobs.steps.json, inputs: '
                              f'{{url: "{self.api.url}", token: "${{env:TOKEN}}"}}}}\n' + tables, env={"TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        project.write(json.dumps(workflow(of_rows, **poll), indent=1), "jobs.steps.json")
        return project

    def ids(self, project):
        return sorted(int(row["id"]) for row in self.reader.rows(project, "shop.orders"))


class PollTest(JobsTest):
    # The job's file is one JSON text: read by an ordinary request.
    ROWS = {"request": {"url": "{{ steps.done.body.data.url }}"}, "rows": "{{ body }}"}

    def setUp(self):
        super().setUp()
        self.api.pack = lambda rows: json.dumps(rows).encode()

    def test_a_job_is_asked_about_until_it_is_done(self):
        self.api.polls = 4
        project = self.project(self.ROWS)
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        self.assertEqual(len(self.api.requests("GET /jobs/job-1")), 4)
        self.api.rows.append({"id": 40, "updated_at": "2025-02-01T00:00:00Z", "name": "new"})
        again = project.run()
        self.assertEqual(again.table("orders")["rows"]["inserted"], 1, again)
        self.assertEqual(self.api.jobs["job-2"]["asked"], {"from": "2025-01-28T00:00:00Z"})

    def test_faults_at_each_request_are_waited_out(self):
        for path in ("POST /jobs", "GET /jobs/", "GET /files/"):
            for kind in ("429", "500", "503", "reset", "truncated"):
                self.api.fail(path, Fault(kind, retry_after="0" if kind == "429" else None))
        project = self.project(self.ROWS)
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))

    def test_a_job_that_fails_is_an_error_with_what_the_api_says(self):
        self.api.outcome = "FAILED"
        project = self.project(self.ROWS)
        failed = project.firn("run")
        self.assertEqual(failed.code, 1, failed)
        for word in ("E0542", "too many columns", "step done", "jobs.steps.json:", "nothing of it was read"):
            self.assertIn(word, failed.err)
        self.assertNotIn(TOKEN, failed.out + failed.err)
        self.api.outcome = "COMPLETED"
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))

    def test_a_job_that_never_ends_is_given_up(self):
        self.api.outcome = "RUNNING"
        failed = self.project(self.ROWS, every="10s", every_max="1m", timeout="5m").firn("run")
        self.assertEqual(failed.code, 5, failed)
        for word in ("E0543", "did not end within 5m", "there it goes on"):
            self.assertIn(word, failed.err)
        # 10, 15, 22, 33, 50, 60 and 60 s, and one more would be too late.
        self.assertEqual(len(self.api.requests("GET /jobs/job-1")), 8)

    def test_retry_after_of_an_answer_is_heeded(self):
        self.api.outcome = "RUNNING"
        self.api.poll_headers = {"Retry-After": "100"}
        failed = self.project(self.ROWS, timeout="5m").firn("run")
        self.assertEqual(failed.code, 5, failed)
        self.assertEqual(len(self.api.requests("GET /jobs/job-1")), 3)

    def test_a_wait_ends_at_once_when_it_is_told_to(self):
        self.api.outcome = "RUNNING"
        project = self.project(self.ROWS, every="30m", timeout="10h")
        project.env["FIRN_SLEEP_SCALE"] = "1"
        process = project.start("run")
        wait_until(lambda: self.api.requests("GET /jobs/job-1"), "the job is asked about")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=30), 143)

    def test_killed_while_waiting_the_next_run_reads_every_row_once(self):
        self.api.outcome = "RUNNING"
        for disposition in ("merge", "append"):
            with self.subTest(disposition):
                self.api.outcome = "RUNNING"
                self.api.forget_requests()
                project = self.project(self.ROWS, f"    tables: {{orders: {{write_disposition: {disposition}}}}}\n", every="30m", timeout="10h")
                project.env["FIRN_SLEEP_SCALE"] = "1"
                process = project.start("run")
                wait_until(lambda: self.api.requests("GET /jobs/"), "the job is asked about")
                process.kill()
                process.wait(timeout=30)
                self.api.outcome = "COMPLETED"
                project.env["FIRN_SLEEP_SCALE"] = "0.0001"
                project.run()
                self.assertEqual(self.ids(project), list(range(40)))

    def test_what_makes_no_sense_is_told_before_anything_is_asked(self):
        for rows, words in (({**self.ROWS, "paginate": {"next": "{{ null }}"}, "poll": {"until": "{{ true }}"}}, ("E0531", "no pages")),
                            ({**self.ROWS, "poll": {"until": "{{ bdy.x }}"}}, ("E0534", "did you mean `body`?")),
                            ({**self.ROWS, "poll": {"every": "5s"}}, ("E0204", "`until`"))):
            with self.subTest(words):
                result = self.project(rows).firn("validate", "--offline")
                self.assertEqual(result.code, 2, result)
                for word in words:
                    self.assertIn(word, result.out + result.err)
        self.assertEqual(self.api.requests(), [])


class DownloadTest(JobsTest):
    def file(self, **settings):
        return {"request": {"url": "{{ steps.done.body.data.url }}"}, "download": settings}

    def read(self, pack, **settings):
        """The rows of a run in which files are packed so, which must be those of the API."""
        self.api.pack = pack
        project = self.project(self.file(**settings))
        project.run()
        self.assertEqual(self.ids(project), list(range(40)))
        return project

    def fails(self, code, *words, **settings):
        project = self.project(self.file(**settings))
        failed = project.firn("run", "--json")
        self.assertEqual(failed.code, code, failed)
        for word in ("step rows", "jobs.steps.json:", *words):
            self.assertIn(word, failed.err)
        self.assertNotIn(TOKEN, failed.out + failed.err)
        self.assertEqual(failed.json()["tables"][0]["rows"]["inserted"], 0)
        return project

    def halves(self, rows, as_text, name):
        return {f"12/{name}-1": gzip.compress(as_text(rows[:15])), f"12/{name}-2": gzip.compress(as_text(rows[15:])), "12/readme": b"hello"}

    def test_every_format_however_it_is_packed(self):
        self.read(as_lines, format="ndjson")
        self.read(as_csv, format="csv")
        self.read(lambda rows: json.dumps({"of": {"them": rows}}).encode(), format="json", records="of.them")
        self.read(lambda rows: as_csv(rows).replace(b",", b";"), format="csv", csv={"delimiter": ";"})
        self.read(lambda rows: gzip.compress(as_csv(rows[:20])) + gzip.compress(as_csv(rows)[len(as_csv(rows[:20])):]), format="csv")
        self.read(lambda rows: gzip.compress(as_lines(rows)), format="ndjson", compression="gzip")
        self.read(lambda rows: as_zip({"a.csv": as_csv(rows[:7]), "b.csv": as_csv(rows[7:])}), format="csv")
        self.read(lambda rows: as_zip(self.halves(rows, as_lines, "x.json.gz")), format="ndjson", members="**/x*.gz*")

    def test_cells_are_texts_and_nulls(self):
        self.api.rows = [{"id": "007", "updated_at": "2025-01-01", "name": 'say "hi", twice'}, {"id": "8", "updated_at": "2025-01-02", "name": "N/A"}]
        self.api.pack = as_csv
        project = self.project(self.file(format="csv", csv={"nulls": ["N/A"]}))
        project.run()
        self.assertEqual(sorted((row["id"], row["name"]) for row in self.reader.rows(project, "shop.orders")),
                         [("007", 'say "hi", twice'), ("8", None)])

    def test_state_goes_on_and_rows_can_be_asked_for(self):
        self.api.pack = as_csv
        project = self.read(as_csv, format="csv")
        self.api.rows.append({"id": 40, "updated_at": "2025-02-01T00:00:00Z", "name": "new"})
        self.assertEqual(project.run().table("orders")["rows"]["inserted"], 1)
        self.assertEqual(self.api.jobs["job-2"]["asked"], {"from": "2025-01-28T00:00:00Z"})

    def test_a_download_that_breaks_off_is_asked_for_again_and_no_row_comes_twice(self):
        for disposition in ("merge", "append"):
            for kind in ("cut", "reset", "500", "429"):
                with self.subTest((disposition, kind)):
                    self.api.pack = as_lines
                    self.api.fail("GET /files/", Fault(kind, retry_after="0" if kind == "429" else None), times=2)
                    self.api.forget_requests()
                    project = self.project(self.file(format="ndjson"), f"    tables: {{orders: {{write_disposition: {disposition}}}}}\n")
                    project.run()
                    self.assertEqual(self.ids(project), list(range(40)))
                    self.assertEqual(len(self.api.requests("GET /files/")), 3)

    def test_what_is_cut_or_damaged_is_never_the_end_of_the_rows(self):
        whole = lambda rows: gzip.compress(as_lines(rows))
        for pack, words, settings in (
                (lambda rows: whole(rows)[:-4], ("E0885",), {}),
                (lambda rows: whole(rows)[:-9], ("E0885",), {}),
                (lambda rows: as_zip({"a.jsonl": as_lines(rows)})[:-30], ("E0982",), {}),
                (lambda rows: as_zip({"a.jsonl": as_lines(rows)}, damage="a.jsonl"), ("E0885", "member a.jsonl"), {}),
                (lambda rows: as_lines(rows)[:-9], ("E0544", "line 40"), {}),
                (lambda rows: b"<!doctype html><p>log in</p>", ("E0989",), {}),
                (lambda rows: b"", ("E0601",), {"format": "csv"}),
                (lambda rows: b"id,updated_at,name\n1,2\n", ("E0544", "line 2"), {"format": "csv"}),
                (lambda rows: as_zip({"a.jsonl": as_lines(rows)}), ("E0544", "a.jsonl"), {"members": "*.csv"}),
                (lambda rows: as_zip({"a.zip": as_zip({"a": b"{}"})}), ("E0883", "member a.zip"), {}),
                (lambda rows: bomb(), ("E0607",), {})):
            with self.subTest(words):
                self.api.pack = pack
                self.fails(1, *words, **{"format": "ndjson", **settings})

    def test_no_rows_are_no_rows(self):
        self.api.rows = []
        for pack, settings in ((as_lines, {"format": "ndjson"}), (lambda _: b"id,updated_at\n", {"format": "csv"}),
                               (lambda _: b"[]", {"format": "json"}), (lambda _: as_zip({}), {"format": "csv"})):
            with self.subTest(settings):
                self.api.pack = pack
                self.assertEqual(self.project(self.file(**settings)).run().table("orders")["rows"]["inserted"], 0)

    def test_a_file_whose_end_nothing_tells_is_refused(self):
        self.api.file_headers = {"Content-Length": "none"}
        self.api.pack = lambda rows: as_lines(rows[:20])
        self.fails(1, "E0545", "announced no length", format="ndjson")
        self.read(lambda rows: as_zip({"a": as_lines(rows)}), format="ndjson")
        self.read(lambda rows: json.dumps(rows).encode(), format="json")

    def test_a_file_on_another_host_gets_no_credentials(self):
        with FakeJobs() as files:
            files.jobs, files.rows, files.pack = self.api.jobs, self.api.rows, as_csv
            self.api.file_host = files.url
            project = self.project(self.file(format="csv"))
            project.run()
            self.assertEqual(self.ids(project), list(range(40)))
            self.assertEqual([asked for asked, _ in files.seen_headers], ["GET /files/job-1"])
            self.assertNotIn(TOKEN, str(files.seen_headers))

    def test_killed_while_it_downloads_the_next_run_reads_every_row_once(self):
        self.api.pack = as_csv
        for disposition in ("merge", "append"):
            with self.subTest(disposition):
                begun, go_on = threading.Event(), threading.Event()
                self.api.hook = lambda asked: asked.startswith("GET /files/") and (begun.set(), go_on.wait(60))
                project = self.project(self.file(format="csv"), f"    tables: {{orders: {{write_disposition: {disposition}}}}}\n")
                process = project.start("run")
                self.assertTrue(begun.wait(60))
                process.kill()
                process.wait(timeout=30)
                go_on.set()
                self.api.hook = None
                project.run()
                self.assertEqual(self.ids(project), list(range(40)))

    def test_a_large_file_stays_out_of_memory(self):
        line = json.dumps({"id": 0, "updated_at": "2025-01-01", "name": "x" * 1000})
        text = "".join(line.replace('"id": 0', f'"id": {i}') + "\n" for i in range(300_000)).encode()
        self.api.pack = lambda _: text
        project = self.project(self.file(format="ndjson"), "    tables: {orders: {write_disposition: append}}\n")
        self.assertLess(peak_bytes(project, "run", "--memory", "128MiB"), len(text) * 2 // 3)
        self.assertEqual(project.sql("select count(*) as n, count(distinct id) as d from shop.orders"), [{"n": 300_000, "d": 300_000}])

    def test_what_makes_no_sense_is_told_before_anything_is_asked(self):
        for rows, words in (({**self.file(format="csv"), "rows": "{{ body }}"}, ("E0531", "no `rows`")),
                            (self.file(), ("E0204", "`format`")),
                            (self.file(format="jsonl"), ("write `ndjson`",)),
                            (self.file(format="csv", csv={"delimiter": ";;"}), ("E0497", "jobs.steps.json:")),
                            (self.file(format="csv", csv={"encoding": "morse"}), ("E0497", "step rows")),
                            (self.file(format="csv", members="a[.csv"), ("E0497", "step rows"))):
            with self.subTest(words):
                result = self.project(rows).firn("validate", "--offline")
                self.assertEqual(result.code, 2, result)
                for word in words:
                    self.assertIn(word, result.out + result.err)
        self.assertEqual(self.api.requests(), [])


if __name__ == "__main__":
    unittest.main()
