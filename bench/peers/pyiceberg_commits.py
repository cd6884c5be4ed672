"""Appends slices of a Parquet file to one table by pyiceberg, a commit each.
usage: pyiceberg_commits.py FOLDER ROWS.parquet COMMITS ROWS_PER_COMMIT   Prints the milliseconds of each commit."""

import json
import sys
import time

import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog

folder, rows, commits, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
rows = pyarrow.parquet.read_table(rows)
catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
catalog.create_namespace("bench")
table = catalog.create_table("bench.lineitem", rows.schema)
took = []
for i in range(commits):
    begin = time.perf_counter()
    table.append(rows.slice(i * size, size))
    took.append((time.perf_counter() - begin) * 1000)
print(json.dumps({"metadata": table.metadata_location, "commits": [{"ms": ms} for ms in took]}))
