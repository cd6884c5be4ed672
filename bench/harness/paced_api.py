"""An API that keeps its callers waiting, in a process of its own. usage: paced_api.py [--delay MS] [--limit PER_SECOND]

GET /rows?cursor=N   200 rows a page after MS milliseconds; `next` names the next page, 60 pages
GET /limited?page=N  one row a page; more than PER_SECOND requests within any second of the clock get 429
GET /seen            what /limited was asked: requests, refusals, seconds from the first to the last

Prints the port it listens at.
"""

import argparse
import asyncio
import json
import time

PAGES, ROWS = 60, 200
LIMITED_PAGES = 500


class Api:
    def __init__(self, delay, limit):
        self.delay, self.limit = delay, limit
        self.granted = []  # times of the last second
        self.requests = self.refused = 0
        self.first = self.last = None

    async def answer(self, path):
        path, _, query = path.partition("?")
        parameters = dict(part.split("=", 1) for part in query.split("&") if "=" in part)
        if path == "/rows":
            await asyncio.sleep(self.delay)
            page = int(parameters.get("cursor") or 0)
            rows = [{"id": page * ROWS + i, "name": f"row {i}"} for i in range(ROWS)]
            return 200, {"data": rows, "next": page + 1 if page + 1 < PAGES else None}
        if path.startswith("/limited"):
            return self.limited(path.removeprefix("/limited"), int(parameters.get("page") or 1))
        return 200, {"requests": self.requests, "refused": self.refused, "seconds": (self.last or 0) - (self.first or 0)}

    def limited(self, name, page):
        now = time.monotonic()
        self.requests += 1
        self.first = self.first or now
        self.last = now
        self.granted = [at for at in self.granted if at > now - 1]
        if len(self.granted) >= self.limit:
            self.refused += 1
            return 429, {"error": "too many requests"}
        self.granted.append(now)
        return 200, {"data": [{"id": f"{name}{page}"}] if page <= LIMITED_PAGES else []}

    async def serve(self, reader, writer):
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                status, body = await self.answer(line.split()[1].decode())
                text = json.dumps(body).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s"
                             % (status, b"Retry-After: 1\r\n" if status == 429 else b"", len(text), text))
                await writer.drain()
        except ConnectionError:
            pass
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay", type=float, default=50)
    parser.add_argument("--limit", type=int, default=100)
    options = parser.parse_args()
    server = await asyncio.start_server(Api(options.delay / 1000, options.limit).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
