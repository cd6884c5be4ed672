"""An API whose rows come from jobs: POST /jobs begins one, GET /jobs/<id> says how far it is, GET /files/<id> gives its file.

    with FakeJobs() as api:
        api.rows = [{"id": 1, "updated_at": "2025-01-01T00:00:00Z"}]
        api.polls = 3                       # a job is done when it was asked about so often
        api.pack = lambda rows: gzip.compress(as_csv(rows))
        api.fail("GET /files", Fault("truncated"))

A job takes the rows of its `from` (inclusive) and `to` (exclusive). Faults match "METHOD /path?query"; beside those of
FakeApi there is "cut": half of the answer.
"""

import csv
import io
import json
import urllib.parse
import zipfile

from support.fake_api import FakeApi, Fault


def as_zip(files, damage=None):
    """`files`: name → bytes. `damage`: turns over a byte of the content of this member."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    packed = bytearray(out.getvalue())
    if damage is not None:
        packed[packed.index(files[damage]) + 2] ^= 1
    return bytes(packed)


def as_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["id"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


class FakeJobs(FakeApi):
    def __init__(self, token=None):
        super().__init__(token)
        self.rows, self.jobs, self.polls, self.pack = [], {}, 2, as_lines
        self.outcome = "COMPLETED"   # what jobs come to; RUNNING: they never end
        self.file_host = self.url    # where the files are
        self.when_done = None        # more of the answer of a job that is done
        self.poll_headers = {}
        self.file_headers = {}       # {"Content-Length": "none"}: the connection ends where the file does
        self.seen_headers = []       # (what was asked, headers)

    def answer(self, request):
        asked = f"{request.command} {request.path}"
        with self.lock:
            self.log.append(asked)
            self.seen_headers.append((asked, dict(request.headers)))
        if self.hook:
            self.hook(asked)
        fault = self.take_fault(asked)
        path = urllib.parse.urlsplit(request.path).path.split("/")[1:]
        if self.token is not None and path[0] == "jobs" and request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.send(request, 401, b'{"error":"token wanted"}')
        if fault and fault.kind.isdigit():
            headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            return self.send(request, int(fault.kind), fault.body, headers)
        status, body, headers = self.act(request, path)
        if fault and status == 200:
            if fault.kind == "cut":  # half of the body, and the connection ends
                fault, body = Fault("truncated"), body[:len(body) // 2]
            return self.misbehave(request, fault, body)
        if path[0] == "files" and headers is not None and headers.pop("Content-Length", "") == "none":
            return self.send_until_close(request, body)
        return self.send(request, status, body, headers)

    @staticmethod
    def send_until_close(request, body):
        request.close_connection = True
        request.send_response(200)
        request.send_header("Connection", "close")
        request.end_headers()
        request.wfile.write(body)

    def act(self, request, path):
        with self.lock:
            if path == ["jobs"] and request.command == "POST":
                name = f"job-{len(self.jobs) + 1}"
                self.jobs[name] = {"asked": json.loads(request.content or b"{}"), "polls": 0, "status": "RUNNING"}
                return 200, json.dumps({"data": {"id": name}}).encode(), {}
            job = self.jobs.get(path[1].split(".")[0]) if len(path) > 1 else None
            if job is None:
                return 404, b'{"error":"no such job"}', {}
            if path[0] == "jobs" and request.command == "DELETE":
                job["status"] = "CANCELLED"
                return 200, b"{}", {}
            if path[0] == "jobs":
                return 200, json.dumps({"data": self.ask(path[1], job)}).encode(), self.poll_headers
            return 200, self.pack(self.rows_of(job)), dict(self.file_headers)

    def ask(self, name, job):
        job["polls"] += 1
        if job["polls"] >= self.polls and job["status"] == "RUNNING":
            job["status"] = self.outcome
        data = {"id": name, "status": job["status"], "reason": None}
        if job["status"] == "FAILED":
            data["reason"] = "too many columns"
        if job["status"] == "COMPLETED":
            data["url"] = f"{self.file_host}/files/{name}"
            data.update(self.when_done(self.rows_of(job)) if self.when_done else {})
        return data

    def rows_of(self, job):
        asked = job["asked"]
        return [row for row in self.rows if (asked.get("from") or "") <= row["updated_at"] < (asked.get("to") or "~")]
