#!/usr/bin/env python3
"""A paginated JSON API that misbehaves by script. Python standard library only, raw sockets: the bytes are exactly ours.

    hostile_server.py [--rows 50] [--page 10] [--tls CERT KEY] [--log FILE]

prints "port N" and serves until its standard input closes. Rows are {"id": n, "name": "row n"}.

    GET /FAULT/items?page=P      pages 1..; {"items": [...], "next": P+1 or null}
    GET /FAULT/items?cursor=C    the same with cursors
    GET /_count                  {"FAULT": number of requests seen, …}

FAULT happens on page 2 (or cursor of page 2), the first TIMES tries (default 2, as in FAULT*5; FAULT*0 = always), then
the page is served well. See FAULTS below for the names; "none" never fails.
"""

import argparse
import gzip
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse


def respond(body, status=200, headers=(), length=None):
    lines = [f"HTTP/1.1 {status} Hostile", f"Content-Length: {len(body) if length is None else length}"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def chunked(payload):
    return b"HTTP/1.1 200 Hostile\r\nTransfer-Encoding: chunked\r\n\r\n" + payload


class End(Exception):
    """Ends the connection: how is "close", "reset" or "hang"."""

    def __init__(self, how="close"):
        super().__init__(how)
        self.how = how


def send_then(how):
    def fault(conn, page):
        conn.sendall(respond(page, length=len(page) + 100))
        raise End(how)

    return fault


def drip(conn, page):
    for byte in respond(page):
        conn.sendall(bytes([byte]))
        time.sleep(0.02)


def raw(make):
    def fault(conn, page):
        conn.sendall(make(page))
        raise End()

    return fault


def keep(make):
    return lambda conn, page: conn.sendall(make(page))


def corrupt_gzip(page):
    body = bytearray(gzip.compress(page))
    body[len(body) // 2] ^= 0x55
    return respond(bytes(body), headers=[("Content-Encoding", "gzip")])


def end(how):
    def fault(conn, page):
        raise End(how)

    return fault


def status(code, *headers):
    return keep(lambda page: respond(b'{"error":"scripted"}', code, headers))


BOMB = gzip.compress(bytes(32 << 20))  # made before serving: it takes longer than a test's patience

FAULTS = {
    "none": keep(respond),
    "slow_loris": drip,
    "silent": end("hang"),
    "close": end("close"),
    "reset": end("reset"),
    "truncated": send_then("close"),
    "truncated_reset": send_then("reset"),
    "truncated_hang": send_then("hang"),
    "length_too_small": raw(lambda page: respond(page, length=len(page) - 10)),
    "bad_chunk": raw(lambda page: chunked(b"zz\r\n" + page + b"\r\n0\r\n\r\n")),
    "no_last_chunk": raw(lambda page: chunked(b"%x\r\n" % len(page) + page + b"\r\n")),
    "corrupt_gzip": keep(corrupt_gzip),
    "cut_gzip": keep(lambda page: respond(gzip.compress(page)[:-5], headers=[("Content-Encoding", "gzip")])),
    "gzip_bomb": keep(lambda page: respond(BOMB, headers=[("Content-Encoding", "gzip")])),
    "html": keep(lambda page: respond(b"<html><body>We'll be back</body></html>", headers=[("Content-Type", "text/html")])),
    "bad_utf8": keep(lambda page: respond(page.replace(b"row", b"r\xff\xfe"))),
    "empty_body": keep(lambda page: respond(b"")),
    "empty_page": keep(lambda page: respond(re.sub(rb'"items": \[.*\]', b'"items": []', page))),
    "repeated_token": keep(lambda page: respond(re.sub(rb'"next": [^}]*', b'"next": 2', page))),
    "not_http": raw(lambda page: b"SSH-2.0-OpenSSH_9.2\r\n"),
    "header_flood": raw(lambda page: b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000 + b"\r\n"),
    "huge_header": raw(lambda page: b"HTTP/1.1 200 OK\r\nX: " + b"y" * (4 << 20) + b"\r\n\r\n"),
    "redirect_loop": status(302, ("Location", "?page=2")),
    "429": status(429),
    "429_retry_after": status(429, ("Retry-After", "1")),
    "429_absurd": status(429, ("Retry-After", "31536000")),
    "429_malformed": status(429, ("Retry-After", "soon")),
    "500": status(500),
    "502": status(502),
    "503": status(503, ("Retry-After", "1")),
    "504": status(504),
    "401": status(401),
    "403": status(403),
    "404": status(404),
    "410": status(410),
}


class Server:
    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.counts = {}
        self.failed = {}
        self.log = open(arguments.log, "a") if arguments.log else None

    def page(self, number):
        first = (number - 1) * self.arguments.page
        rows = [{"id": i, "name": f"row {i}"} for i in range(first, min(first + self.arguments.page, self.arguments.rows))]
        more = first + self.arguments.page < self.arguments.rows
        return json.dumps({"items": rows, "next": number + 1 if more else None}).encode()

    def answer(self, conn, target):
        url = urllib.parse.urlsplit(target)
        if url.path == "/_count":
            with self.lock:
                return conn.sendall(respond(json.dumps(self.counts).encode()))
        segment = url.path.split("/")[1]
        name, _, times = segment.partition("*")
        query = dict(urllib.parse.parse_qsl(url.query))
        if name not in FAULTS or not url.path.endswith("/items"):
            return conn.sendall(respond(b'{"error":"no such path"}', 404))
        number = int(query.get("page") or query.get("cursor") or 1)
        with self.lock:
            self.counts[segment] = self.counts.get(segment, 0) + 1
            tries = self.failed[segment] = self.failed.get(segment, 0) + (number == 2)
            limit = int(times) if times else 2
        fails = number == 2 and (limit == 0 or tries <= limit)
        (FAULTS[name] if fails else FAULTS["none"])(conn, self.page(number))

    def serve(self, conn):
        buffered = b""
        try:
            if self.arguments.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.arguments.tls)
                conn = context.wrap_socket(conn, server_side=True)
            while True:
                while b"\r\n\r\n" not in buffered:
                    data = conn.recv(65536)
                    if not data:
                        return
                    buffered += data
                head, _, buffered = buffered.partition(b"\r\n\r\n")
                length = re.search(rb"(?i)content-length: *(\d+)", head)
                wanted = int(length.group(1)) if length else 0
                while len(buffered) < wanted:
                    buffered += conn.recv(65536)
                buffered = buffered[wanted:]
                target = head.split(b" ")[1].decode("latin-1")
                if self.log:
                    with self.lock:
                        print(head.split(b"\r\n")[0].decode("latin-1"), file=self.log, flush=True)
                self.answer(conn, target)
        except End as stop:
            if stop.how == "reset":
                conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            while stop.how == "hang" and conn.recv(65536):
                pass
        except OSError:
            pass  # the client went away: its right
        finally:
            conn.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--page", type=int, default=10)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--log")
    server = Server(parser.parse_args())
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"port {listener.getsockname()[1]}", flush=True)

    def accept():
        while True:
            conn, _ = listener.accept()
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=server.serve, args=(conn,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
