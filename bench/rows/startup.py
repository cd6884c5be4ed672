"""`firn --help`, and start to the first request a server sees."""

import os
import socket
import threading
import time

from harness import context as project
from harness.measure import Failed, median
from harness.table import Figure

STARTS = 20


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


def rows(context):
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
