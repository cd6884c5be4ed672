"""`firn --help`, start to the first request a server sees, and `firn validate` of a large project."""

import os
import socket
import threading
import time

from harness import context as project
from harness.measure import Failed, median
from harness.table import Figure

STARTS = 20
PIPELINES, TABLES = 200, 5
TABLE = """      orders_{0}:
        path: /v1/orders_{0}
        records: data.items
        paginate: {{type: cursor, next: meta.next, param: cursor}}
        primary_key: id
        incremental: {{cursor: updated_at, param: since, lookback: 1h, start: 2024-01-01}}
        delete_when: "{{{{ record.deleted }}}}"
        columns: {{total: {{type: "decimal(12,2)"}}, email: {{pii: email, mask_on_write: sha256}}}}
"""


class FirstRequest:
    """Notes when the first bytes of a request arrive; answers each request with no rows."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.at = None
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                while connection.recv(65536):
                    self.at = self.at or time.perf_counter()
                    body = b'{"data":[]}'
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                                       % (len(body), body))


def large_project(folder):
    """Writes a project of one file per pipeline; an environment lays its overrides over all of it."""
    with open(os.path.join(folder, "firn.yaml"), "w") as file:
        file.write("version: 1\nenvironments: {prod: {lake: {warehouse: ./prod}, dataset_prefix: p_}}\n")
    tables = "".join(TABLE.format(i) for i in range(TABLES))
    for i in range(PIPELINES):
        with open(os.path.join(folder, f"shop_{i}.yaml"), "w") as file:
            file.write(f"pipelines:\n  shop_{i}:\n    source: {{type: rest, base_url: 'https://api{i}.shop.example', auth: {{type: bearer, "
                       f"token: '${{env:TOKEN_{i}}}'}}}}\n    tables:\n{tables}")


def rows(context):
    folder = context.folder()
    large_project(folder)
    checks = [context.run(["validate", "--offline", "--env", "prod"], cwd=folder).wall * 1000 for _ in range(STARTS)]
    yield Figure(f"firn validate, {PIPELINES} pipelines of {TABLES} tables", f"{median(checks):.0f} ms", "-", median(checks), "ms", 1000, 200,
                 at_most=True)
    project.remove(folder)

    helps = [context.run(["--help"]).wall * 1000 for _ in range(STARTS)]
    yield Figure("firn --help", f"{median(helps):.1f} ms", "-", median(helps), "ms", 50, 20, at_most=True)

    server = FirstRequest()
    folder = project.project(os.path.join(context.folder(), "project"), server.url, paginate="none")
    starts = []
    for _ in range(STARTS + 1):
        server.at = None
        begin = time.perf_counter()
        context.run(["run"], cwd=folder)
        if server.at is None:
            raise Failed("firn run made no request")
        starts.append((server.at - begin) * 1000)
    server.listener.close()
    project.remove(os.path.dirname(folder))
    first = median(starts[1:])  # the first start creates the lake
    yield Figure("start to first request", f"{first:.1f} ms", "-", first, "ms", 150, 60, at_most=True)
