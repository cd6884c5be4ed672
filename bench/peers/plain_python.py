"""The script one would write by hand: pages → one Parquet file. usage: plain_python.py URL OUT"""

import sys

import orjson
import pyarrow
import pyarrow.parquet
import requests

url, out = sys.argv[1:]
session = requests.Session()
writer = None
page = 1
rows = []
while True:
    data = orjson.loads(session.get(url, params={"page": page}).content)["data"]
    rows += data
    if writer is None or len(rows) >= 20_000 or not data:
        table = pyarrow.Table.from_pylist(rows, schema=writer.schema if writer else None)
        writer = writer or pyarrow.parquet.ParquetWriter(out, table.schema, compression="zstd", compression_level=1)
        writer.write_table(table)
        rows = []
    if not data:
        break
    page += 1
writer.close()
