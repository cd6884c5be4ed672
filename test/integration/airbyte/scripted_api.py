"""An HTTP proxy that answers every request to `http://api.test` from a script: rows in pages, in any encoding, after errors.

The script is a map from path (a pattern) to:
  rows       the records            envelope   keys above the list of records        extra     fields beside them
  page       {size, where, name}: where the request's page token is: `page`/`offset`/`token` numbers (`start`: the first page's number),
             `next`: the path in the answer of the next token, `next_url`: of the next URL, `link`: the Link header
  form       json (default), jsonl, csv, xml, lines; `delimiter`, `encoding`, `pack`: gzip or zip
  errors     [[status, headers, body], …]: what the first requests get that are alike
  answers    {request parameter's value: [status, headers, body]}: by the value of the parameter `answer_by`
An answer depends on the request alone, and on how often it came.
"""
import csv
import gzip
import io
import json
import re
import threading
import zipfile
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

SHOWN_HEADERS = ("authorization", "content-type")


class Api:
    def __init__(self, script):
        self.script = [(re.compile(pattern), entry) for pattern, entry in script.items()]
        self.counts = Counter()
        self.log = []
        self.lock = threading.Lock()

    def reset(self):
        with self.lock:
            self.counts.clear()
            self.log.clear()

    def answer(self, method, target, headers, body):
        url = urlsplit(target)
        shown = {k.lower(): v for k, v in headers.items() if k.lower() in SHOWN_HEADERS or k.lower().startswith("x-")}
        query = parse_qsl(url.query, keep_blank_values=True)
        seen = json.dumps([method, url.netloc, url.path, sorted(query), shown, body.decode("utf-8", "replace")], sort_keys=True)
        with self.lock:
            self.log.append(seen)
            self.counts[seen] += 1
            times = self.counts[seen]
        entry = next((e for p, e in self.script if p.fullmatch(url.path)), None)
        if entry is None:
            return 404, {}, b'{"error": "not found"}'
        if times > 400:
            return 410, {}, b'{"error": "asked too often"}'
        errors = entry.get("errors") or []
        if times <= len(errors):
            return plain(errors[times - 1])
        fields = {**dict(query), **body_fields(body), **shown}
        special = (entry.get("answers") or {}).get(str(fields.get(entry.get("answer_by"))))
        return plain(special) if special else self.rows(entry, url, fields, query)

    def rows(self, entry, url, fields, query):
        rows, page = entry.get("rows") or [], entry.get("page")
        headers = dict(entry.get("headers") or {})
        extra = json.loads(json.dumps(entry.get("extra") or {}))
        if page:
            number = page_number(page, fields)
            size = page["size"]
            more = (number + 1) * size < len(rows)
            rows = rows[number * size: (number + 1) * size]
            following = f"http://{url.netloc}{url.path}?" + urlencode([(k, v) for k,
                v in query if k != "__page"] + [("__page", str(number + 1))])
            if page.get("relative_url"):
                following = following.split("api.test", 1)[1]
            if more and page.get("next"):
                place(extra, page["next"], page.get("prefix", "") + str(number + 1) if page.get("text", True) else number + 1)
            elif page.get("next") and page.get("last", "absent") != "absent":
                place(extra, page["next"], page["last"])
            if more and page.get("next_url"):
                place(extra, page["next_url"], following)
            if page.get("more"):
                place(extra, page["more"], more)
            if more and page.get("link"):
                headers["Link"] = f'<{following}>; rel="next", <http://api.test/first>; rel="first"'
            if more and page.get("next_header"):
                headers[page["next_header"]] = page.get("prefix", "") + str(number + 1)
        data, kind = encode(entry, rows, extra)
        return 200, {"Content-Type": kind, **headers}, data


def plain(answer):
    status, headers, body = answer
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return status, {"Content-Type": "application/json", **headers}, data


def body_fields(body):
    """The fields of a body in JSON (nested ones by their last key) or of a form."""
    try:
        found = {}

        def visit(value):
            for key, item in value.items():
                visit(item) if isinstance(item, dict) else found.setdefault(key, item)

        visit(json.loads(body))
        return found
    except (ValueError, AttributeError):
        return dict(parse_qsl(body.decode("utf-8", "replace")))


def page_number(page, fields):
    if "__page" in fields:
        return int(fields["__page"])
    value = fields.get(page.get("name", ""), fields.get(page.get("name", "").lower()))
    if value is None:
        return 0
    digits = re.search(r"\d+$", str(value))
    number = int(digits[0]) if digits else 0
    if page["kind"] == "offset":
        return number // page["size"]
    return max(0, number - page.get("start", 0))


def place(target, path, value):
    for key in path[:-1]:
        target = target.setdefault(key, {})
    target[path[-1]] = value


def encode(entry, rows, extra):
    form = entry.get("form", "json")
    if form == "jsonl":
        text, kind = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "application/x-ndjson"
    elif form == "lines":
        text, kind = "".join(f"{row}\n" for row in rows), "text/plain"
    elif form == "csv":
        buffer = io.StringIO()
        columns = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.writer(buffer, delimiter=entry.get("delimiter", ","), lineterminator=entry.get("line_end", "\n"))
        writer.writerow(columns)
        writer.writerows([row.get(c) if not isinstance(row.get(c), (dict, list)) else json.dumps(row[c]) for c in columns] for row in rows)
        text, kind = buffer.getvalue(), "text/csv"
    elif form == "raw":
        text, kind = entry["text"], entry.get("kind", "application/json")
    else:
        body = rows
        for key in reversed(entry.get("envelope") or []):
            body = {key: body}
        if isinstance(body, dict):
            merge(body, extra)
        text, kind = json.dumps(body, ensure_ascii=False), "application/json"
    data = text.encode(entry.get("encoding", "utf-8"))
    for pack in entry.get("pack") or []:
        if pack == "gzip":
            data, kind = gzip.compress(data, mtime=0), "application/gzip"
        else:
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w") as archive:
                archive.writestr(zipfile.ZipInfo("data"), data)
            data, kind = buffer.getvalue(), "application/zip"
    return data, kind


def merge(target, extra):
    for key, value in extra.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target.setdefault(key, value)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def respond(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, data = self.server.api.answer(self.command, self.path, self.headers, body)
        if status in (204, 304):  # these have no body
            data = b""
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    def log_message(self, *_):
        """Requests are kept by the API itself."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that was killed hangs up."""


def serve(script):
    """A running server (daemon thread); its `api` has the log."""
    server = Server(("127.0.0.1", 0), Handler)
    server.api = Api(script)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
