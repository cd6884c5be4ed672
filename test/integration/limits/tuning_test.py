"""Settings that a server does not bear: halved from run to run, told, and left alone where that is written."""

import json
import os
import sys
import threading
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.firn_project import FirnProject  # noqa: E402

ROWS = 500


class TiredApi:
    """GET /rows?offset=N&limit=M: no answer for pages above `bears`; every second request is refused while `refuses`."""

    def __init__(self):
        api = self
        self.bears, self.refuses, self.requests = 100, False, 0
        self.limits, self.closing, self.lock = [], threading.Event(), threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                query = dict(urllib.parse.parse_qsl(self.path.partition("?")[2]))
                first, size = int(query["offset"]), int(query["limit"])
                with api.lock:
                    api.requests += 1
                    api.limits.append(size)
                    refused = api.refuses and api.requests % 2 == 1
                if size > api.bears:
                    api.closing.wait(60)
                    self.close_connection = True
                    return
                body = json.dumps({"data": [{"id": i} for i in range(first, min(first + size, ROWS))]}).encode()
                self.send_response(429 if refused else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


PROJECT = """version: 1
{state}lake: {{warehouse: ./lake, catalog: {{path: ./catalog.db}}}}
pipelines:
  shop:
    {tuning}source: {{type: rest, base_url: "{url}", timeouts: {{first_byte: 300ms}}, retry: {{attempts: 2}}}}
    tables:
      rows: {{path: /rows, records: data, paginate: {{type: offset, page_size: {size}}}, write_disposition: replace, raw: off}}
"""


class TuningTest(unittest.TestCase):
    state = ""

    def setUp(self):
        self.api = TiredApi()
        self.addCleanup(self.api.close)
        self.project = FirnProject("version: 1\n")
        self.addCleanup(self.project.__exit__)
        os.makedirs(self.project.path("shared"))
        self.write()

    def write(self, tuning="", size=400):
        self.project.write(PROJECT.format(url=self.api.url, tuning=tuning, size=size, state=self.state.format(folder=self.project.folder)))

    def run_(self, code=0):
        return self.project.run(code=code).table("rows")

    def ids(self):
        return [row["id"] for row in self.project.sql("select id from shop.rows order by id")]

    def test_pages_that_get_no_answer_are_halved_until_they_do(self):
        first = self.run_(code=5)
        self.assertEqual([(each["setting"], each["from"], each["to"]) for each in first["tuning"]], [("page_size", 400, 200)])
        self.assertIn("no answer", first["tuning"][0]["reason"])
        self.run_(code=5)
        third = self.run_()
        self.assertEqual(self.api.limits[-1], 100)
        self.assertEqual(self.ids(), list(range(ROWS)))
        self.assertEqual(third["tuning"], [])
        self.assertEqual([each["code"] for each in third["findings"]], ["E0629"])
        self.assertIn("100 instead of 400", third["findings"][0]["text"])
        self.assertIn("E0629", self.project.firn("status").out)

    def test_it_goes_back_to_what_is_written(self):
        self.run_(code=5)
        self.api.bears = 1000
        back = self.run_()
        self.assertEqual(self.api.limits[-1], 200)
        for _ in range(12):
            back = self.run_()
        self.assertEqual(self.api.limits[-1], 400)
        self.assertEqual(back["findings"], [])

    def test_at_the_smallest_page_it_is_an_alert(self):
        self.api.bears = 0
        for _ in range(7):
            last = self.run_(code=5)
        self.assertEqual(self.api.limits[-1], 6)
        self.assertEqual([each["code"] for each in last["findings"]], ["E0628"])
        self.assertEqual(last["condition"], "error")
        self.assertIn("E0628", self.project.firn("status", "--json").out)

    def test_off_keeps_to_what_is_written(self):
        self.write(tuning="tuning: off\n    ")
        for _ in range(3):
            self.assertEqual(self.run_(code=5)["tuning"], [])
        self.assertEqual(set(self.api.limits), {400})

    def test_a_server_that_is_not_there_says_nothing_about_pages(self):
        self.api.close()
        self.assertEqual(self.run_(code=5)["tuning"], [])

    def test_refusals_halve_the_concurrency(self):
        self.api.refuses = True
        self.write(size=100)
        table = self.run_()
        self.assertEqual([(each["setting"], each["from"], each["to"]) for each in table["tuning"]], [("concurrency", 4, 2)])
        self.assertEqual(self.ids(), list(range(ROWS)))


class StoredTuningTest(TuningTest):
    """The same, kept in the state that machines share."""

    state = "state: file://{folder}/shared\n"


if __name__ == "__main__":
    unittest.main()
