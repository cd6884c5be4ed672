"""Files behind URLs: ranges and validators by nginx, and servers that have none, lie, break off or hide behind a login."""

import base64
import contextlib
import gzip
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from archives_test import archive, csv_of  # noqa: E402
from files_case import FilesCase, is_stopped, lines, rows_of  # noqa: E402
from support.firn_project import PATIENCE, has_failpoints, wait_until  # noqa: E402
from support.free_port import free_port  # noqa: E402


class Nginx:
    """Serves a folder, with ranges, ETag and Last-Modified; its log has method, status, path and range of each request."""

    def __init__(self, root):
        self.folder = tempfile.mkdtemp(prefix="firn-nginx-")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        with open(self.path("nginx.conf"), "w") as file:
            file.write(f"""daemon off; master_process off; pid {self.path('pid')}; error_log {self.path('error.log')};
events {{ worker_connections 64; }}
http {{
  log_format short '$request_method $status $uri $http_range';
  access_log {self.path('access.log')} short;
  client_body_temp_path {self.path('t1')}; proxy_temp_path {self.path('t2')}; fastcgi_temp_path {self.path('t3')};
  uwsgi_temp_path {self.path('t4')}; scgi_temp_path {self.path('t5')};
  server {{ listen 127.0.0.1:{port}; root {root}; location /moved/ {{ rewrite ^/moved/(.*)$ /$1 redirect; }} }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-p", self.folder, "-c", self.path("nginx.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.listens(port), "nginx listens")

    @staticmethod
    def listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def requests(self):
        with open(self.path("access.log")) as file:
            return [line.split() for line in file]

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


class Plain:
    """A server of one's own making: `answer(request)` sends what it likes. Requests are kept as (method, path, headers)."""

    def __init__(self, answer):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                seen.append((self.command, self.path, dict(self.headers)))
                answer(self)

            do_GET = do_HEAD = handle_one

            def give(self, body, status=200, **headers):
                self.send_response(status)
                headers.setdefault("Content-Length", str(len(body)))
                for name, value in headers.items():
                    if value is not None:
                        self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                if self.command != "HEAD":
                    with contextlib.suppress(ConnectionError):  # who has seen enough hangs up
                        self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class WithRanges(FilesCase):
    def setUp(self):
        super().setUp()
        if shutil.which("nginx") is None:
            self.skipTest("nginx is not installed")
        os.chmod(self.inbox, 0o755)
        self.nginx = Nginx(self.inbox)
        self.addCleanup(self.nginx.close)

    def at_url(self, path, settings="", place="", **options):
        return self.make(path, settings, location=self.nginx.url + place, **options)

    def test_what_is_new_is_loaded_once(self):
        self.put("a b.csv", csv_of(0, 10))
        self.put("deep/c.csv.gz", gzip.compress(csv_of(10, 5).encode()))
        project = self.make("{a b.csv,x}", location=self.nginx.url)
        self.assertIn("E0497", str(project.run(code=2)))
        project = self.make('", "'.join(["a b.csv", "deep/c.csv.gz"]), location=self.nginx.url)
        with open(project.path("firn.yaml")) as file:
            text = file.read()
        project.write(text.replace('path: "a b.csv", "deep/c.csv.gz"', 'path: ["a b.csv", "deep/c.csv.gz"], file_columns: [_file, _line, _modified]'))
        project.run()
        self.assertEqual(self.ids(project), list(range(15)))
        row = next(row for row in self.reader.rows(project, "in.t") if row["id"] == 12)
        self.assertEqual((row["_file"], row["_line"]), ("deep/c.csv.gz", 4))
        self.assertEqual(row["_modified"].timestamp(), self.clock)
        before = len(self.nginx.requests())
        self.assertEqual(project.run().table("t")["rows"]["read"], 0)
        self.assertEqual([line[0] for line in self.nginx.requests()[before:]], ["HEAD", "HEAD"])
        self.put("a b.csv", csv_of(0, 12))  # it grew
        self.touch("deep/c.csv.gz")
        project.run()
        self.assertEqual(self.ids(project), sorted([*range(15), 10, 11]))
        self.put("a b.csv", csv_of(50, 12))
        self.assertEqual(project.run(code=2).table("t")["error"]["code"], "E0881")
        self.assertEqual(project.firn("doctor").code, 0)

    def test_a_file_that_is_not_there_is_named(self):
        project = self.at_url("missing.csv")
        error = project.run(code=2).table("t")["error"]
        self.assertEqual(error["code"], "E0985")
        self.assertIn("missing.csv", error["message"])
        self.assertNotEqual(project.firn("doctor").code, 0)

    def test_redirects_and_archives(self):
        self.put("a.zip", archive([("orders.csv", csv_of(0, 10)), ("items.csv", csv_of(90, 10))]))
        project = self.at_url("a.zip/o*.csv", place="/moved")
        project.run()
        self.assertEqual(self.ids(project), list(range(10)))

    def test_large_files_are_read_by_ranges_and_kills_lose_nothing(self):
        self.put("first.ndjson", lines(rows_of(-1, 1)))
        self.put("big.ndjson", lines([{"id": i, "name": "x" * 900} for i in range(20_000)]))
        points = ["files.read=kill@4", "run.after_commit=kill@2", ""] if has_failpoints() else [""]
        for point in points:
            project = self.at_url("first.ndjson", "commit_bytes: 1MiB")
            project.run()
            with open(project.path("firn.yaml")) as file:
                project.write(file.read().replace('"first.ndjson"', "[first.ndjson, big.ndjson]"))
            if point:
                self.assertEqual(project.firn("run", env={"FIRN_FAILPOINTS": point}, timeout=120).code, -signal.SIGKILL)
            project.run(timeout=120)
            self.assertEqual(self.ids(project, engines=("pyiceberg",)), list(range(-1, 20_000)), point)
        ranges = [line for line in self.nginx.requests() if line[2] == "/big.ndjson" and line[0] == "GET"]
        self.assertTrue(ranges and all(line[1] == "206" for line in ranges), ranges)

    def test_another_version_in_the_middle_is_not_mixed_in(self):
        if not has_failpoints():
            self.skipTest("the binary has no failpoints")
        rows = [{"id": i, "name": "x" * 900} for i in range(40_000)]
        self.put("big.ndjson", lines(rows))
        project = self.at_url("big.ndjson")
        process = project.start("run", "--json", env={"FIRN_FAILPOINTS": "files.read=stop@2"})
        wait_until(lambda: is_stopped(process), "the stop", 60)
        self.put("big.ndjson", lines({**row, "id": row["id"] + 1_000_000} for row in rows))
        process.send_signal(signal.SIGCONT)
        self.assertNotEqual(process.wait(120), 0)
        with open(project.path("stdout.txt")) as out:
            self.assertEqual(json.load(out)["tables"][0]["error"]["code"], "E0882")
        self.assertEqual(project.tables(), {})
        project.run(timeout=120)
        self.assertEqual(self.ids(project, engines=("pyiceberg",)), list(range(1_000_000, 1_040_000)))

    def test_copy(self):
        self.put("in/a.csv", csv_of(0, 10))
        self.put("in/list.txt", csv_of(0, 5))
        self.put("in/a.zip", archive([("orders.csv", csv_of(0, 10)), ("items.csv", csv_of(10, 5))]))
        project = self.make()
        for arguments, expected in ((["in/a.csv"], 10), (["in/a.csv?key=secret-0123456789"], 10), (["in/list.txt", "--input", "csv"], 5),
                                    (["in/a.zip"], 15), (["in/a.zip/i*.csv"], 5)):
            copied = project.firn("copy", f"{self.nginx.url}/{arguments[0]}", "in.t", *arguments[1:])
            self.assertEqual(copied.code, 0, str(copied))
            self.assertEqual(len(self.reader.rows(project, "in.t")), expected, arguments)
        missing = project.firn("copy", f"{self.nginx.url}/in/b.csv", "in.t")
        self.assertIn("E0985", missing.err)


class WithoutRanges(FilesCase):
    def serve(self, answer):
        server = Plain(answer)
        self.addCleanup(server.close)
        return server

    def test_another_host_gets_the_ranges_and_no_credentials(self):
        body = lines([{"id": i, "name": "x" * 900} for i in range(20_000)]).encode()

        def give(request):
            wanted = request.headers.get("Range")
            validators = {"ETag": '"1"', "Accept_Ranges": "bytes"}
            if request.command == "HEAD" or not wanted:
                return request.give(body, **validators)
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            return request.give(body[first:last + 1], 206, Content_Range=f"bytes {first}-{last}/{len(body)}", **validators)

        store = self.serve(give)
        front = self.serve(lambda request: request.give(b"", 302, Location=store.url + "/there"))
        project = self.make("a.ndjson", location=front.url, storage=", auth: {type: bearer, token: \"${env:TOKEN}\"}",
                            env={"TOKEN": "token-0123456789"})
        project.run(timeout=120)
        self.assertEqual(self.ids(project, engines=("pyiceberg",)), list(range(20_000)))
        self.assertTrue(all("Authorization" in sent for _, _, sent in front.seen))
        self.assertFalse(any("Authorization" in sent for _, _, sent in store.seen))
        reads = [sent for command, _, sent in store.seen if command == "GET"]
        self.assertTrue(reads and all(sent.get("If-Match") == '"1"' and "Range" in sent for sent in reads), reads)
        self.assertTrue(all(sent.get("Accept-Encoding") == "identity" for _, _, sent in store.seen))

    def test_the_content_tells_what_the_server_does_not(self):
        state = {"text": csv_of(0, 10)}

        def answer(request):  # neither length nor validators
            request.close_connection = True
            request.give(state["text"].encode(), Content_Length=None, Connection="close")

        project = self.make("a.csv", location=self.serve(answer).url)
        project.run()
        self.assertEqual(project.run().table("t")["rows"]["read"], 0)
        state["text"] = csv_of(0, 13)
        project.run()
        self.assertEqual(self.ids(project), list(range(13)))
        state["text"] = csv_of(50, 13)
        self.assertEqual(project.run(code=2).table("t")["error"]["code"], "E0881")

    def test_a_body_that_breaks_off_is_asked_for_again_and_never_taken_for_whole(self):
        body = csv_of(0, 1000).encode()
        tries = []

        def answer(request):
            tries.append(request.command)
            if request.command == "GET" and tries.count("GET") < 3:
                request.close_connection = True
                request.send_response(200)
                request.send_header("Content-Length", str(len(body)))
                request.end_headers()
                request.wfile.write(body[:500])
                return
            request.give(body)

        project = self.make("a.csv", location=self.serve(answer).url)
        project.run()
        self.assertEqual(self.ids(project), list(range(1000)))
        self.assertEqual(tries.count("GET"), 3)

        def broken(request):
            request.close_connection = True
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            if request.command == "GET":
                request.wfile.write(body[:500])

        never = self.make("a.csv", location=self.serve(broken).url)
        self.assertNotEqual(never.firn("run", timeout=120).code, 0)
        self.assertEqual(never.tables(), {})

    def test_a_server_that_claims_ranges_and_gives_others(self):
        body = lines([{"id": i, "name": "x" * 900} for i in range(20_000)]).encode()

        def answer(request):
            wanted = request.headers.get("Range")
            validators = {"ETag": '"1"', "Accept_Ranges": "bytes"}
            if request.command == "HEAD" or not wanted:
                return request.give(body, **validators)
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            begin = first + 1 if first else first
            return request.give(body[begin:last + 1], 206, Content_Range=f"bytes {begin}-{last}/{len(body)}", **validators)

        project = self.make("a.ndjson", location=self.serve(answer).url)
        error = project.run(code=1).table("t")["error"]
        self.assertEqual(error["code"], "E0988")
        self.assertEqual(project.tables(), {})

    # A server need not heed a range, and may give less than it was asked for.
    def test_ranges_that_are_not_given_or_shorter(self):
        body = lines([{"id": i, "name": "x" * 900} for i in range(20_000)]).encode()

        def ignores(request):
            request.close_connection = True
            request.give(body, ETag='"1"', Accept_Ranges="bytes", Connection="close")

        def gives_less(request):
            validators = {"ETag": '"1"', "Accept_Ranges": "bytes"}
            wanted = request.headers.get("Range")
            if request.command == "HEAD" or not wanted:
                return request.give(body, **validators)
            first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
            last = min(last, first + 2_999_999)
            request.give(body[first:last + 1], 206, Content_Range=f"bytes {first}-{last}/{len(body)}", **validators)

        def breaks_off(request):  # ranges of the begin alone
            first = int(request.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            (ignores if first else gives_less)(request)

        for answer in (ignores, gives_less, breaks_off):
            with self.subTest(answer.__name__):
                project = self.make("a.ndjson", location=self.serve(answer).url)
                project.run("--memory", "256MiB", timeout=120)
                self.assertEqual(self.ids(project, engines=("pyiceberg",)), list(range(20_000)))
                self.assertEqual(project.run().table("t")["rows"]["read"], 0)

    def test_a_whole_answer_of_another_version_is_not_mixed_in(self):
        old = lines([{"id": i, "name": "x" * 900} for i in range(20_000)]).encode()
        new = old.replace(b"x", b"y")
        ranges = []

        def answer(request):
            wanted = request.headers.get("Range")
            body, tag = (old, '"1"') if len(ranges) < 2 else (new, '"2"')
            if request.command == "GET" and wanted:
                ranges.append(wanted)
                first, last = (int(part) for part in wanted.removeprefix("bytes=").split("-"))
                if len(ranges) == 1:
                    return request.give(body[first:last + 1], 206, Content_Range=f"bytes {first}-{last}/{len(body)}", ETag=tag)
            request.close_connection = True
            request.give(body, ETag=tag, Accept_Ranges="bytes", Connection="close")

        project = self.make("a.ndjson", location=self.serve(answer).url)
        error = project.run(code=5).table("t")["error"]
        self.assertEqual(error["code"], "E0882")
        project.run()
        self.assertEqual({row["name"][0] for row in self.reader.rows(project, "in.t")}, {"y"})

    def test_a_head_without_a_size_is_no_empty_file(self):
        body = csv_of(0, 10).encode()

        def answer(request):
            request.close_connection = True
            request.give(body, Content_Length="0" if request.command == "HEAD" else str(len(body)), ETag='"1"', Connection="close")

        project = self.make("a.csv", location=self.serve(answer).url)
        project.run()
        self.assertEqual(self.ids(project), list(range(10)))

    def test_head_and_get_that_disagree(self):
        body = csv_of(0, 1000).encode()
        for validators in ({}, {"ETag": '"1"'}, {"ETag": '"1"', "Accept_Ranges": "bytes"}):
            with self.subTest(validators):
                def answer(request):
                    request.close_connection = True
                    request.give(body, Content_Length="7" if request.command == "HEAD" else None, Connection="close", **validators)

                project = self.make("a.csv", location=self.serve(answer).url)
                error = project.run(code=1).table("t")["error"]
                self.assertEqual(error["code"], "E0988", error)
                self.assertIn("HEAD", error["why"])
                self.assertEqual(project.tables(), {})

    def test_a_stop_breaks_requests_and_waits(self):
        body = csv_of(0, 1000).encode()
        asked, release = threading.Event(), threading.Event()
        self.addCleanup(release.set)

        def hold():
            asked.set()
            release.wait(600)

        def silent(request):
            request.close_connection = True
            hold()

        def stalls(request):
            request.close_connection = True
            if request.command == "HEAD":
                return request.give(body)
            request.send_response(200)
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body[:500])
            hold()

        def busy(request):
            request.give(b"", 503, Retry_After="300")
            asked.set()

        for answer in (silent, stalls, busy):
            for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
                with self.subTest(answer.__name__, number=number):
                    asked.clear()
                    project = self.make("a.csv", location=self.serve(answer).url)
                    process = project.start("run", env={"FIRN_SLEEP_SCALE": "1"})
                    self.addCleanup(process.kill)
                    self.assertTrue(asked.wait(60 * PATIENCE))
                    process.send_signal(number)
                    self.assertEqual(process.wait(30 * PATIENCE), code)
                    self.assertEqual(project.tables(), {})

    def test_a_web_page_is_no_data(self):
        page = "<!DOCTYPE html>\n<html>\n<body>\nPlease, log in\n</body></html>\n"
        state = {}

        def answer(request):
            request.give(state["body"].encode(), Content_Type=state["type"])

        server = self.serve(answer)
        called_html = [(name, page, "text/html; charset=utf-8") for name in ("a.csv", "a.tsv", "a.json", "a.ndjson", "a.csv.gz", "a.parquet")]
        for name, body, kind in (*called_html, ("a.csv", page, None), ("a.json", "\ufeff \r\n<HTML><body>no", "text/csv"),
                                 ("a.csv", "<p>Please, log in", "Text/HTML")):
            with self.subTest(name, body=body, kind=kind):
                state.update(body=body, type=kind)
                project = self.make(name, location=server.url)
                error = project.run(code=1).table("t")["error"]
                self.assertEqual(error["code"], "E0989", error)
                self.assertEqual(project.tables(), {})
        project = self.make("a.csv", "file_changes: append", location=server.url)
        for body in (csv_of(0, 5), page, csv_of(0, 7)):  # nothing is kept of the page
            state.update(body=body, type="text/csv")
            project.run(code=1 if body == page else 0)
        self.assertEqual(self.ids(project), list(range(7)))
        state.update(body="", type="text/csv")
        self.assertIn("a.csv is empty now", str(project.run()))

    def test_a_large_file_that_is_given_whole_alone_is_refused(self):
        body = b"id,name\n" + b"1,x\n" * (20 << 20)
        for length in (str(len(body)), None):
            def answer(request):
                request.close_connection = True
                request.give(body, Content_Length=length, Connection="close")

            project = self.make("a.csv", location=self.serve(answer).url)
            result = project.firn("run", "--json", "--memory", "256MiB", timeout=120)
            self.assertEqual(result.table("t")["error"]["code"], "E0986", str(result))

    def test_credentials(self):
        def answer(request):
            wanted = {"/basic.csv": ("Authorization", "Basic " + base64.b64encode(b"me:word").decode()),
                      "/bearer.csv": ("Authorization", "Bearer token-0123456789"), "/header.csv": ("X-Team", "data-0123456789")}
            path, _, query = request.path.partition("?")
            name, value = wanted.get(path, ("", ""))
            ok = query == "key=key-0123456789" if path == "/query.csv" else request.headers.get(name) == value
            request.give(csv_of(0, 3).encode() if ok else b"no", 200 if ok else 401)

        server = self.serve(answer)
        for path, more in (("basic.csv", "auth: {type: basic, username: me, password: \"${env:WORD}\"}"),
                           ("bearer.csv", "auth: {type: bearer, token: \"${env:TOKEN}\"}"),
                           ("header.csv", "headers: {X-Team: \"${env:TEAM}\"}"),
                           ("query.csv", "auth: {type: api_key, in: query, name: key, value: \"${env:KEY}\"}")):
            env = {"WORD": "word", "TOKEN": "token-0123456789", "TEAM": "data-0123456789", "KEY": "key-0123456789"}
            project = self.make(path, location=server.url, storage=", " + more, env=env)
            result = project.run()
            self.assertEqual(self.ids(project), [0, 1, 2], path)
            self.assertNotIn("0123456789", result.out + result.err)
            refused = self.make(path, location=server.url).run(code=4)
            self.assertEqual(refused.table("t")["error"]["fault"], "credentials", str(refused))

    def test_a_server_that_knows_get_alone(self):
        def answer(request):
            if request.command == "HEAD":
                return request.give(b"", 403)
            return request.give(csv_of(0, 5).encode(), ETag='"1"')

        project = self.make("a.csv", location=self.serve(answer).url)
        project.run()
        self.assertEqual(self.ids(project), list(range(5)))
        self.assertEqual(project.run().table("t")["rows"]["read"], 0)


if __name__ == "__main__":
    unittest.main()
