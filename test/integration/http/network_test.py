"""firn over the network as it is outside: HTTP/2 and TLS by nginx, forward proxies, redirects to other hosts."""

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))
from support.free_port import free_port  # noqa: E402
from support.firn_project import FirnProject, binary, skip, wait_until  # noqa: E402

HOST = "api.firn-test.invalid"  # never resolves: only a proxy knows the way
TOKEN = "tok-0123456789abcdef"
PAGES, PAGE_ROWS = 5, 20


def page(number):
    rows = [{"id": number * PAGE_ROWS + i, "name": "x" * 50} for i in range(PAGE_ROWS)]
    following = f"/page{number + 1}.json" if number + 1 < PAGES else None
    return json.dumps({"data": rows, "next": following}).encode()


class Server:
    """A threading HTTP server on a free port; `handle(request)` answers."""

    def __init__(self, handle):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                handle(self)

            do_CONNECT = do_GET

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def send(request, status, body=b"", headers=None):
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    for name, value in (headers or {}).items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)


def serve_page(request):
    path = urllib.parse.urlsplit(request.path).path
    number = int(path.removeprefix("/page").removesuffix(".json")) if path.startswith("/page") else -1
    send(request, 200, page(number)) if 0 <= number < PAGES else send(request, 404, b"{}")


class Proxy(Server):
    """A forward proxy that knows one host, `HOST`, at `port` of this machine. Absolute-form GET and CONNECT."""

    def __init__(self, port, credentials=None):
        self.seen, self.target, self.credentials = [], port, credentials
        super().__init__(self.forward)

    def forward(self, request):
        sent = {name.lower(): value for name, value in request.headers.items()}
        self.seen.append((request.command, request.path, sent))
        if self.credentials:
            wanted = "Basic " + base64.b64encode(self.credentials.encode()).decode()
            if sent.get("proxy-authorization") != wanted:
                return send(request, 407, b"", {"Proxy-Authenticate": 'Basic realm="proxy"'})
        host = request.path.rsplit(":", 1)[0] if request.command == "CONNECT" else urllib.parse.urlsplit(request.path).hostname
        if host != HOST:
            return send(request, 502)
        if request.command == "CONNECT":
            return self.tunnel(request)
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            parts = urllib.parse.urlsplit(request.path)
            lines = [f"GET {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in request.headers.items()
                      if name.lower() not in ("host", "connection", "proxy-connection", "proxy-authorization")]
            upstream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            request.close_connection = True
            while block := upstream.recv(65536):
                request.wfile.write(block)
        return None

    def tunnel(self, request):
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            request.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            request.wfile.flush()
            request.close_connection = True

            def pump(source, sink):
                try:
                    while block := source.recv(65536):
                        sink.sendall(block)
                    sink.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # the other side went first

            back = threading.Thread(target=pump, args=(upstream, request.connection), daemon=True)
            back.start()
            pump(request.connection, upstream)
            back.join(10)


class Nginx:
    """nginx with TLS by an authority of its own, HTTP/2, serving the pages; its log says the protocol of each request."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="firn-nginx-")
        self.port = free_port()
        self.make_certificates()
        os.makedirs(self.path("www"))
        for number in range(PAGES):
            with open(self.path("www", f"page{number}.json"), "wb") as file:
                file.write(page(number))
        with open(self.path("nginx.conf"), "w") as file:
            file.write(f"""daemon off; master_process off; pid {self.path('pid')}; error_log {self.path('error.log')};
events {{ worker_connections 64; }}
http {{
  log_format protocol '$server_protocol $status $uri "$http_authorization"';
  access_log {self.path('access.log')} protocol;
  client_body_temp_path {self.path('t1')}; proxy_temp_path {self.path('t2')}; fastcgi_temp_path {self.path('t3')};
  uwsgi_temp_path {self.path('t4')}; scgi_temp_path {self.path('t5')};
  server {{
    listen 127.0.0.1:{self.port} ssl http2; server_name {HOST};
    ssl_certificate {self.path('server.crt')}; ssl_certificate_key {self.path('server.key')};
    root {self.path('www')}; default_type application/json;
  }}
}}
""")
        self.process = subprocess.Popen(["nginx", "-p", self.folder, "-c", self.path("nginx.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.listens, "nginx listens")

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make_certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=60)

        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=firn test authority")
        openssl("req", *curve, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={HOST}")
        with open(self.path("names"), "w") as file:
            file.write(f"subjectAltName=DNS:{HOST},DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", "server.crt")

    def listens(self):
        if self.process.poll() is not None:
            with open(self.path("error.log")) as file:
                raise AssertionError("nginx ended: " + file.read())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def requests(self):
        with open(self.path("access.log")) as file:
            return file.read().splitlines()

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


class NetworkTest(unittest.TestCase):
    def start(self, server):
        self.addCleanup(server.close)
        return server

    def project(self, base_url, http="", path="/page0.json", records="data"):
        text = (f"version: 1\npipelines:\n  shop:\n    source:\n      type: rest\n      base_url: {base_url}\n"
                f"      auth: {{type: bearer, token: \"${{env:SHOP_TOKEN}}\"}}\n{http}    dataset: shop\n    tables:\n"
                f"      rows: {{path: {path}, records: {records}, paginate: {{type: next_url, next: next}}, primary_key: id}}\n")
        project = FirnProject(text, env={"SHOP_TOKEN": TOKEN})
        self.addCleanup(project.__exit__)
        return project

    def expect_all(self, project, **options):
        table = project.run(**options).table("rows")
        self.assertEqual(table["rows"]["read"], PAGES * PAGE_ROWS, table)

    def test_http2_over_tls_with_an_authority_of_its_own(self):
        nginx = self.start(Nginx())
        project = self.project(f"https://127.0.0.1:{nginx.port}", f"      http: {{ca_file: {nginx.path('ca.crt')}}}\n")
        self.expect_all(project)
        self.assertEqual([line.split()[:2] for line in nginx.requests()], [["HTTP/2.0", "200"]] * PAGES)
        self.assertTrue(all(f'"Bearer {TOKEN}"' in line for line in nginx.requests()))
        by_variable = self.project(f"https://127.0.0.1:{nginx.port}")
        self.expect_all(by_variable, env={"FIRN_CA_FILE": nginx.path("ca.crt")})

    def test_an_authority_nobody_named_is_not_trusted(self):
        nginx = self.start(Nginx())
        result = self.project(f"https://127.0.0.1:{nginx.port}").run(code=2)
        self.assertIn("not trusted", result.table("rows")["error"]["message"])
        self.assertEqual(nginx.requests(), [])

    def test_a_forward_proxy_for_http(self):
        proxy = self.start(Proxy(self.start(Server(serve_page)).port))
        project = self.project(f"http://{HOST}", f"      http: {{proxy: \"http://127.0.0.1:{proxy.port}\"}}\n")
        self.expect_all(project)
        self.assertEqual([(seen[0], seen[1]) for seen in proxy.seen],
                         [("GET", f"http://{HOST}/page{number}.json") for number in range(PAGES)])

    def test_a_forward_proxy_from_the_environment(self):
        proxy = self.start(Proxy(self.start(Server(serve_page)).port))
        project = self.project(f"http://{HOST}")
        self.expect_all(project, env={"http_proxy": f"http://127.0.0.1:{proxy.port}"})
        self.assertEqual(len(proxy.seen), PAGES)
        excluded = project.run(code=5, env={"http_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": HOST})
        self.assertIn("host name not found", excluded.table("rows")["error"]["message"])

    def test_a_tunnel_for_https_keeps_credentials_from_the_proxy(self):
        nginx = self.start(Nginx())
        proxy = self.start(Proxy(nginx.port))
        project = self.project(f"https://{HOST}",
                               f"      http: {{proxy: \"http://127.0.0.1:{proxy.port}\", ca_file: {nginx.path('ca.crt')}}}\n")
        self.expect_all(project)
        self.assertEqual({seen[0] for seen in proxy.seen}, {"CONNECT"})
        self.assertNotIn(TOKEN, repr(proxy.seen))
        self.assertEqual([line.split()[0] for line in nginx.requests()], ["HTTP/2.0"] * PAGES)

    def test_a_proxy_with_credentials(self):
        proxy = self.start(Proxy(self.start(Server(serve_page)).port, credentials="me:proxy-password-1"))
        with_them = self.project(f"http://{HOST}", f"      http: {{proxy: \"http://me:proxy-password-1@127.0.0.1:{proxy.port}\"}}\n")
        self.expect_all(with_them)
        without = self.project(f"http://{HOST}", f"      http: {{proxy: \"http://me:wrong-password-2@127.0.0.1:{proxy.port}\"}}\n")
        result = without.run(code=4)
        self.assertIn("407", result.table("rows")["error"]["message"])
        self.assertNotIn("wrong-password-2", str(result))

    def test_credentials_do_not_follow_a_redirect_to_another_host(self):
        arrived = []

        def other(request):
            arrived.append({name.lower(): value for name, value in request.headers.items()})
            serve_page(request)

        elsewhere = self.start(Server(other))
        asked = []

        def api(request):
            asked.append(request.headers.get("Authorization"))
            send(request, 302, b"", {"Location": f"http://localhost:{elsewhere.port}/page{PAGES - 1}.json"})

        first = self.start(Server(api))
        project = self.project(f"http://127.0.0.1:{first.port}", "      headers: {X-Api-Key: key-0123456789, Cookie: \"sid=1\", X-Client: firn}\n")
        result = project.run()
        self.assertEqual(result.table("rows")["rows"]["read"], PAGE_ROWS)
        self.assertEqual(asked, [f"Bearer {TOKEN}"])
        self.assertEqual(len(arrived), 1)
        for name in ("authorization", "x-api-key", "cookie"):
            self.assertNotIn(name, arrived[0])

    def test_a_next_page_on_another_host_is_refused(self):
        elsewhere = self.start(Server(serve_page))

        def api(request):
            send(request, 200, json.dumps({"data": [{"id": 1}], "next": f"http://localhost:{elsewhere.port}/page0.json"}).encode())

        first = self.start(Server(api))
        result = self.project(f"http://127.0.0.1:{first.port}").firn("run", "--json")
        self.assertEqual(result.table("rows")["error"]["code"], "E0434", result)


if __name__ == "__main__":
    binary()
    for program in ("nginx", "openssl"):
        if shutil.which(program) is None:
            skip(f"{program} is not installed")
    unittest.main(verbosity=2)
