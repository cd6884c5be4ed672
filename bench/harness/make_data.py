"""Makes one data set, in the venv's python; always the same bytes.

usage: make_data.py lineitem FOLDER SCALE | lineitem_csv LINEITEM.parquet OUT.csv | drift LINEITEM.ndjson OUT | nested EXAMPLES.json OUT BYTES
       pages FOLDER PAGES | partition_pages FOLDER PAGES | leaves OUT BYTES | long_row OUT BYTES | gzip_body OUT BYTES
"""

import base64
import gzip
import os
import random
import subprocess
import sys

import orjson

CITIES = ("Oslo", "Lima", "Kyoto", "Accra", "Perth", "Quito", "Turin", "Osaka")
STATES = ("open", "paid", "packed", "shipped", "returned")
TAGS = ("gift", "bulk", "promo", "export", "fragile", "returning", "priority")


def lineitem(folder, scale):
    """lineitem.ndjson (prices as JSON numbers) and lineitem.parquet (prices as decimals)."""
    import duckdb
    generator = os.path.join(os.path.dirname(sys.executable), "tpchgen-cli")
    subprocess.run([generator, "parquet", "-s", scale, "--tables", "lineitem", "--output-dir", folder], check=True,
                   stdout=subprocess.DEVNULL)
    duckdb.execute(f"SET threads = 1; COPY (FROM '{folder}/lineitem.parquet') TO '{folder}/lineitem.ndjson' (FORMAT json)")


def lineitem_csv(source, out):
    """With a header; prices have two decimals."""
    import duckdb
    duckdb.execute(f"SET threads = 1; COPY (FROM '{source}') TO '{out}' (FORMAT csv, HEADER)")


def drift(source, out):
    """From the middle on l_linenumber is text and there are three new keys, one of them an object."""
    half = os.path.getsize(source) // 2
    done = 0
    with open(source, "rb") as lines, open(out, "wb") as file:
        for line in lines:
            done += len(line)
            if done > half:
                row = orjson.loads(line)
                row["l_linenumber"] = f"L{row['l_linenumber']}"
                row["l_channel"] = TAGS[row["l_orderkey"] % 7]
                row["l_weight"] = row["l_partkey"] % 1000 / 8
                row["l_gift"] = {"wrap": row["l_suppkey"] % 2 == 0, "note": CITIES[row["l_suppkey"] % 8]}
                line = orjson.dumps(row) + b"\n"
            file.write(line)


def fresh(value, offset):
    """A copy of a payload with ids moved by `offset`."""
    if isinstance(value, dict):
        return {key: inner + offset if key == "id" and type(inner) is int else fresh(inner, offset)
                for key, inner in value.items()}
    return [fresh(inner, offset) for inner in value] if isinstance(value, list) else value


def nested(examples, out, size):
    """GitHub webhook deliveries, in an order that mixes the events."""
    with open(examples, "rb") as file:
        payloads = [(event["name"], example) for event in orjson.loads(file.read()) for example in event["examples"]]
    random.Random(7).shuffle(payloads)
    written = number = 0
    with open(out, "wb") as file:
        while written < size:
            event, payload = payloads[number % len(payloads)]
            number += 1
            line = orjson.dumps({"delivery": number, "event": event, "received_at": f"2026-11-{number % 28 + 1:02}T10:{number % 60:02}:00Z",
                                 "payload": fresh(payload, number // len(payloads) * 1_000_003)}) + b"\n"
            file.write(line)
            written += len(line)


def order(rng, number):
    return {
        "id": number, "uuid": f"{rng.getrandbits(128):032x}", "status": rng.choice(STATES),
        "created_at": f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:11Z",
        "updated_at": f"2026-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:{rng.randint(0, 59):02}:42.5Z",
        "customer": {"id": rng.randint(1, 90_000), "email": f"c{rng.randint(1, 90_000)}@example.com", "city": rng.choice(CITIES)},
        "total": rng.randint(100, 900_000) / 100, "tax": rng.randint(1, 9_000) / 100, "currency": "EUR",
        "items": rng.randint(1, 30), "paid": rng.random() < 0.7, "tags": rng.sample(TAGS, rng.randint(1, 3)),
        "note": f"{rng.getrandbits(702):x}", "source": {"channel": "web", "campaign": rng.randint(1, 400)},
    }


def write_pages(folder, pages, make):
    os.makedirs(folder, exist_ok=True)
    for page in range(1, pages + 1):
        with open(f"{folder}/{page}.json", "wb") as file:
            file.write(orjson.dumps({"page": page, "data": make(page)}))


def pages(folder, count):
    """Pages of 200 orders, 107 KB each."""
    rng = random.Random(11)
    write_pages(folder, count, lambda page: [order(rng, page * 200 + i) for i in range(200)])


def partition_pages(folder, count):
    """Each page has one row of each of 1,000 regions, shuffled; 6 KiB of text a row that hardly compresses."""
    rng = random.Random(13)

    def rows(page):
        regions = rng.sample(range(1000), 1000)
        return [{"id": page * 1000 + i, "region": f"r{region:03}", "body": base64.b64encode(rng.randbytes(4608)).decode()}
                for i, region in enumerate(regions)]

    write_pages(folder, count, rows)


def leaves(out, size):
    """Rows of 3,000 leaves in 300 objects."""
    rng = random.Random(17)
    with open(out, "wb") as file:
        number = 0
        while file.tell() < size:
            number += 1
            row = {f"g{g:03}": {f"v{v}": rng.randint(0, 10**6) if v < 7 else f"t{rng.randint(0, 10**6)}" for v in range(10)}
                   for g in range(299)}
            file.write(orjson.dumps({**{f"k{k}": number + k for k in range(10)}, **row}) + b"\n")


def long_row(out, size):
    """One row of that many bytes between ordinary ones."""
    with open(out, "wb") as file:
        for number in range(1000):
            file.write(orjson.dumps({"id": number, "text": "short", "ok": True}) + b"\n")
        block = base64.b64encode(random.Random(19).randbytes(3 << 20)).decode()
        file.write(orjson.dumps({"id": 1000, "text": (block * (size // len(block) + 1))[:size], "ok": False}) + b"\n")
        for number in range(1001, 2000):
            file.write(orjson.dumps({"id": number, "text": "short", "ok": True}) + b"\n")


def gzip_body(out, size):
    """One JSON page, compressed about 10:1."""
    rng = random.Random(23)
    rows = []
    total = number = 0
    while total < size:
        number += 1
        row = {"id": number, "state": rng.choice(STATES), "city": rng.choice(CITIES), "value": rng.randint(0, 99),
               "text": f"{rng.getrandbits(80):x} the same words again and again, as logs and events have them " * 3}
        total += len(orjson.dumps(row)) + 1
        rows.append(row)
    body = orjson.dumps({"data": rows, "page": 1})
    with open(out, "wb") as file:
        file.write(body)
    with open(out + ".gz", "wb") as file:
        file.write(gzip.compress(body, 1, mtime=0))


def main():
    kind, *rest = sys.argv[1:]
    {"lineitem": lineitem, "lineitem_csv": lineitem_csv, "drift": drift, "nested": lambda a, b, size: nested(a, b, int(size)),
     "pages": lambda a, n: pages(a, int(n)), "partition_pages": lambda a, n: partition_pages(a, int(n)),
     "leaves": lambda a, n: leaves(a, int(n)), "long_row": lambda a, n: long_row(a, int(n)),
     "gzip_body": lambda a, n: gzip_body(a, int(n))}[kind](*rest)


if __name__ == "__main__":
    main()
