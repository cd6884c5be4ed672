"""Workflows that begin a job, wait for it and read what it made: see README.md."""

import json
import os
import signal
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.fake_api import Fault  # noqa: E402
from support.fake_jobs import FakeJobs  # noqa: E402
from support.firn_project import FirnProject, wait_until  # noqa: E402
from support.table_reader import TableReader  # noqa: E402

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


class JobsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.reader = TableReader()

    @classmethod
    def tearDownClass(cls):
        cls.reader.close()

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
        return sorted(row["id"] for row in self.reader.rows(project, "shop.orders"))


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


if __name__ == "__main__":
    unittest.main()
