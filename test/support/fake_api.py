"""A JSON API with a data set that can change, paging of every kind and faults by script. Rows are JSON *text*, so that a test
can say what every digit of a number was.

    with FakeApi() as api:
        orders = api.table("orders", key="id", changed="updated_at", paging="cursor", page_size=10)
        orders.put({"id": 1, "updated_at": "2025-01-01T00:00:00Z", "total": Raw("12.50")})
        api.fail("/v1/orders", Fault("429", retry_after="0"), times=2)

GET /v1/<table>                 query: since, until, limit | per_page, cursor | page | offset, and the paging's own
GET /v1/<parent>/<id>/<child>   rows of the child table whose `parent` field is <id>
"""

import base64
import json
import re
import socket
import struct
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Raw(str):
    """JSON text that is put into a row as it is: Raw("1.10"), Raw('{"a":1}')."""


def to_json(value):
    """Compact JSON text; Raw goes in unchanged, keys keep their order."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + to_json(v) for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(to_json(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


class Fault:
    """One scripted misbehaviour. kind: an HTTP status ("429", "500", "401"), reset, close, truncated, html, stall."""

    def __init__(self, kind, retry_after=None, body=b'{"error":"scripted"}'):
        self.kind, self.retry_after, self.body = kind, retry_after, body


class Table:
    """Rows in the order in which the API lists them. `key` and `changed` are plain field names; `changed` None: no filter."""

    def __init__(self, lock, name, key="id", changed="updated_at", paging="cursor", page_size=10, records="data",
                 parent=None, ordered=True):
        self.lock, self.name, self.key, self.changed = lock, name, key, changed
        self.paging, self.page_size, self.records = paging, page_size, records
        self.parent, self.ordered = parent, ordered
        self.rows = []  # (dict, text)

    def put(self, row):
        """Inserts the row, or replaces the one with its key (in place)."""
        entry = (dict(row), to_json(row))
        with self.lock:
            for i, (other, _) in enumerate(self.rows):
                if row.get(self.key) is not None and other.get(self.key) == row.get(self.key) and (
                        self.parent is None or other.get(self.parent) == row.get(self.parent)):
                    self.rows[i] = entry
                    return
            self.rows.append(entry)

    def put_text(self, text):
        """Appends JSON text as it is, valid or not."""
        try:
            row = json.loads(text)
        except ValueError:
            row = dict(re.findall(r'"(\w+)":"([^"]*)"', text))  # enough to sort by
        with self.lock:
            self.rows.append((row if isinstance(row, dict) else {}, text))

    def remove(self, key):
        with self.lock:
            self.rows = [entry for entry in self.rows if entry[0].get(self.key) != key]

    def shuffle(self, random):
        with self.lock:
            random.shuffle(self.rows)

    def texts(self):
        """The rows as JSON texts: what a table must hold in the end."""
        with self.lock:
            return [text for _, text in self.rows]

    def dicts(self):
        with self.lock:
            return [row for row, _ in self.rows]

    def select(self, query, parent=None):
        with self.lock:
            rows = list(self.rows)
        if parent is not None:
            rows = [r for r in rows if str(r[0].get(self.parent)) == parent]
        if self.changed:
            if query.get("since"):
                rows = [r for r in rows if str(r[0].get(self.changed, "")) >= query["since"]]
            if query.get("until"):
                rows = [r for r in rows if str(r[0].get(self.changed, "")) < query["until"]]
            if self.ordered:
                rows.sort(key=self.place)
        return rows

    def place(self, entry):
        """Sort key of a row: the change time, then the key."""
        return (str(entry[0].get(self.changed, "")), str(entry[0].get(self.key, "")).rjust(12))

    def page(self, query, url, parent=None):
        """Returns (body text, headers)."""
        rows = self.select(query, parent)
        size = int(query.get("limit") or query.get("per_page") or self.page_size)
        headers, extra = {}, {}
        if self.paging == "cursor":
            rows, extra = self.keyset(rows, query.get("cursor"), size)
        elif self.paging == "none":
            pass
        else:
            if self.paging == "page":
                first = (int(query.get("page", 1)) - 1) * size
            else:
                first = int(query.get("offset", 0))
            more = first + size < len(rows)
            total = len(rows)
            rows = rows[first:first + size]
            following = self.next_url(url, first + size)
            if self.paging == "page":
                extra = {"pages": (total + size - 1) // size}
            elif self.paging == "offset":
                extra = {"total": total}
            elif self.paging == "next_url":
                extra = {"next": following if more else None}
            elif self.paging == "link_header" and more:
                headers["Link"] = f'<{following}>; rel="next"'
        body = "[" + ",".join(text for _, text in rows) + "]"
        if self.records == ".":
            return body, headers
        for name in reversed(self.records.split(".")):
            body = "{" + json.dumps(name) + ":" + body + ("," + json.dumps({"meta": extra})[1:-1] if extra else "") + "}"
            extra = {}
        return body, headers

    def keyset(self, rows, cursor, size):
        if self.changed and self.ordered:  # a keyset cursor: rows that change between pages move to the end, none is lost
            if cursor:
                at = tuple(json.loads(base64.urlsafe_b64decode(cursor)))
                rows = [r for r in rows if self.place(r) > at]
            more = len(rows) > size
            rows = rows[:size]
            token = base64.urlsafe_b64encode(json.dumps(self.place(rows[-1])).encode()).decode() if more else None
        else:
            first = int(cursor or 0)
            more = first + size < len(rows)
            rows = rows[first:first + size]
            token = str(first + size) if more else None
        return rows, {"next": token}

    @staticmethod
    def next_url(url, offset):
        parts = urllib.parse.urlsplit(url)
        query = dict(urllib.parse.parse_qsl(parts.query))
        query["offset"] = str(offset)
        return urllib.parse.urlunsplit(parts._replace(query=urllib.parse.urlencode(query)))


class FakeApi:
    """Serves on a free port of 127.0.0.1 until closed."""

    def __init__(self, token=None, prefix="/v1"):
        self.lock = threading.RLock()
        self.tables, self.faults, self.log = {}, [], []
        self.token, self.prefix = token, prefix
        self.hook = None  # called with the path before each answer
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.answer(self)

            do_POST = do_DELETE = do_GET

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # the client went away: its right

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def table(self, name, **options):
        self.tables[name] = Table(self.lock, name, **options)
        return self.tables[name]

    def fail(self, path, fault, times=1, skip=0):
        """The next `times` requests whose path matches the regular expression fail, after `skip` good ones."""
        with self.lock:
            self.faults.append({"path": re.compile(path), "fault": fault, "times": times, "skip": skip})

    def take_fault(self, target):
        with self.lock:
            for rule in self.faults:
                if rule["times"] > 0 and rule["path"].search(target):
                    if rule["skip"] > 0:
                        rule["skip"] -= 1
                        continue
                    rule["times"] -= 1
                    return rule["fault"]
        return None

    def requests(self, path=""):
        with self.lock:
            return [entry for entry in self.log if path in entry]

    def forget_requests(self):
        with self.lock:
            self.log.clear()

    def answer(self, request):
        with self.lock:
            self.log.append(request.path)
        if self.hook:
            self.hook(request.path)
        fault = self.take_fault(request.path)
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.send(request, 401, b'{"error":"token wanted"}')
        if fault and fault.kind.isdigit():
            headers = {"Retry-After": fault.retry_after} if fault.retry_after is not None else {}
            return self.send(request, int(fault.kind), fault.body, headers)
        body, headers = self.route(request.path)
        if body is None:
            return self.send(request, 404, b'{"error":"no such path"}')
        if fault:
            return self.misbehave(request, fault, body)
        return self.send(request, 200, body, headers)

    def route(self, target):
        parts = urllib.parse.urlsplit(target)
        if not parts.path.startswith(self.prefix + "/"):
            return None, {}
        words = parts.path[len(self.prefix) + 1:].split("/")
        query = dict(urllib.parse.parse_qsl(parts.query))
        name, parent = (words[0], None) if len(words) == 1 else (words[2], words[1]) if len(words) == 3 else ("", None)
        if name not in self.tables:
            return None, {}
        text, headers = self.tables[name].page(query, self.url + target, parent)
        return text.encode("utf-8", "surrogatepass"), headers

    @staticmethod
    def send(request, status, body, headers=None):
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(body)

    def misbehave(self, request, fault, body):
        request.close_connection = True
        if fault.kind == "html":
            return self.send(request, 200, b"<html><body>We'll be back</body></html>")
        if fault.kind == "truncated":
            request.send_response(200)
            request.send_header("Content-Length", str(len(body) + 100))
            request.end_headers()
            request.wfile.write(body)
            request.wfile.flush()
        elif fault.kind == "reset":
            request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault.kind == "stall":
            fault.event.wait(60)
        request.connection.shutdown(socket.SHUT_RDWR) if fault.kind != "reset" else request.connection.close()
        return None
