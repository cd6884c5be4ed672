"""A proxy before an S3 server that fails requests. `choose(method, path) → action`, called for each request in turn:
"pass"; not forwarded: "slow" (503 SlowDown), "before" (500), "drop" (cut); forwarded, so applied: "after" (500), "lose" (cut
without an answer), "cut" (the body of the answer ends in the middle). Host is passed on as it came: it is signed."""

import http.client
import http.server
import socket
import struct
import threading
import urllib.parse

SLOW = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
INTERNAL = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an internal error.</Message></Error>'


class S3Proxy:
    def __init__(self, url, choose):
        self.target = urllib.parse.urlsplit(url).netloc
        self.choose, self.actions, self.lock = choose, [], threading.Lock()
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # connections that wait to be taken

            def handle_error(self, request, client_address):
                pass  # clients that were killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def body(handler):
        if "chunked" not in (handler.headers.get("Transfer-Encoding") or "").lower():
            return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        body = b""
        while size := int(handler.rfile.readline().split(b";")[0], 16):
            body += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return body

    def handle(self, handler):
        body = self.body(handler)
        with self.lock:
            action = self.choose(handler.command, handler.path)
            self.actions.append((action, handler.command, handler.path))
        if action == "slow":
            return self.answer(handler, 503, {"Content-Type": "application/xml"}, SLOW)
        if action == "before":
            return self.answer(handler, 500, {"Content-Type": "application/xml"}, INTERNAL)
        if action == "drop":
            return self.cut(handler)
        status, headers, text = self.forward(handler, body)
        if action == "after":
            return self.answer(handler, 500, {"Content-Type": "application/xml"}, INTERNAL)
        if action == "lose":
            return self.cut(handler)
        self.answer(handler, status, headers, text, half=action == "cut" and len(text) > 1)

    def forward(self, handler, body):
        connection = http.client.HTTPConnection(self.target, timeout=60)
        connection.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
        for name, value in handler.headers.items():
            if name.lower() not in ("connection", "expect", "transfer-encoding", "content-length"):
                connection.putheader(name, value)
        if body or handler.command in ("PUT", "POST"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        text = response.read()
        headers = {n: v for n, v in response.headers.items() if n.lower() not in ("connection", "transfer-encoding", "date", "server")}
        connection.close()
        return response.status, headers, text

    def answer(self, handler, status, headers, text, half=False):
        handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                handler.send_header(name, value)
        size = headers.get("Content-Length", "0") if handler.command == "HEAD" else str(len(text))
        if status != 204:
            handler.send_header("Content-Length", size)
        handler.end_headers()
        if handler.command == "HEAD" or status in (204, 304):
            return
        handler.wfile.write(text[: len(text) // 2] if half else text)
        if half:
            self.cut(handler)

    @staticmethod
    def cut(handler):
        handler.close_connection = True
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        handler.connection.close()
