"""A proxy before a catalog server that loses or spoils answers to commits. `plan`: one entry per commit, in order:
"pass", "refuse" (503, not forwarded), "lose" (forwarded, then the connection is cut), "spoil" (forwarded, then 500),
"drop" (cut, not forwarded), "conflict" (409, not forwarded), "hold" (504 at once, forwarded by release() or just before the next
commit), "silent" (the same, but no answer until then), "cut:PLACE" (forwarded, the answer ends at one of CUTS). After the plan
everything passes."""

import http.client
import http.server
import json
import re
import socket
import threading
import urllib.parse

CUTS = ("status", "headers", "before_body", "body", "last_byte")
COMMIT = re.compile(r"^/v1/(transactions/commit|namespaces/[^/]+/tables/[^/?]+)$")


class FaultyProxy:
    def __init__(self, url, plan, hide_idempotency=False):
        self.target = urllib.parse.urlsplit(url).netloc
        self.plan, self.hide = list(plan), hide_idempotency
        self.commits, self.lock = [], threading.Lock()
        self.down_after_hold = False  # from a commit that is held on, everything is answered with 503
        self.held, self.late = [], []  # requests that wait; statuses of those that were forwarded late
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                proxy.handle(self)

            do_GET = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @staticmethod
    def is_commit(handler):
        return handler.command == "POST" and COMMIT.match(handler.path) is not None

    def action(self, handler):
        if not self.is_commit(handler):
            return "pass"
        with self.lock:
            action = self.plan.pop(0) if self.plan else "pass"
            self.commits.append((action, handler.headers.get("Idempotency-Key")))
            return action

    def release(self):
        """Forwards what was held, in order. The answers go nowhere: their statuses are in `late`."""
        with self.lock:
            held, self.held = self.held, []
        for handler, body, done in held:
            status, _, text = self.forward(handler, body)
            self.late.append((status, text.decode(errors="replace")))
            done.set()

    def hold(self, handler, body):
        done = threading.Event()
        with self.lock:
            self.held.append((handler, body, done))
        return done

    def handle(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        if self.down_after_hold and self.held:
            return self.answer(handler, 503, self.error("ServiceUnavailableException"), {"Retry-After": "0"})
        action = self.action(handler)
        if action == "hold":
            self.hold(handler, body)
            return self.answer(handler, 504, self.error("ServiceUnavailableException"))
        if action == "silent":
            self.hold(handler, body).wait(120)
            return self.cut(handler)
        if action != "pass" or self.is_commit(handler):
            self.release()
        if action == "drop":
            return self.cut(handler)
        if action == "refuse":
            return self.answer(handler, 503, self.error("ServiceUnavailableException"), {"Retry-After": "0"})
        if action == "conflict":
            return self.answer(handler, 409, self.error("CommitFailedException"))
        status, headers, text = self.forward(handler, body)
        if action == "lose":
            return self.cut(handler)
        if action.startswith("cut:"):
            return self.answer_in_part(handler, status, text, action.removeprefix("cut:"))
        if action == "spoil":
            return self.answer(handler, 500, self.error("InternalServerError"))
        if self.hide and handler.path.startswith("/v1/config"):
            config = json.loads(text)
            config.pop("idempotency-key-lifetime", None)
            text = json.dumps(config).encode()
        self.answer(handler, status, text, headers)

    def forward(self, handler, body):
        connection = http.client.HTTPConnection(self.target, timeout=60)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(handler.command, handler.path, body, headers)
        response = connection.getresponse()
        text = response.read()
        kept = {name: response.headers[name] for name in ("ETag", "Content-Type", "Retry-After") if name in response.headers}
        connection.close()
        return response.status, kept, text

    @staticmethod
    def error(kind):
        return json.dumps({"error": {"message": "injected", "type": kind, "code": 0}}).encode()

    @staticmethod
    def answer(handler, status, text, headers=None):
        handler.send_response(status)
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        if status not in (204, 304):
            handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        if handler.command != "HEAD" and status not in (204, 304):
            handler.wfile.write(text)

    def answer_in_part(self, handler, status, text, place):
        line = f"HTTP/1.1 {status} OK\r\n".encode()
        head = line + f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n".encode()
        whole = head + text
        end = {"status": len(line) - 6, "headers": len(line) + 20, "before_body": len(head), "body": len(head) + len(text) // 2,
               "last_byte": len(whole) - 1}[place]
        handler.wfile.write(whole[:end])
        self.cut(handler)

    @staticmethod
    def cut(handler):
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)
