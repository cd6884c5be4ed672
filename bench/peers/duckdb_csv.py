"""CSV → Parquet zstd-1 by DuckDB with inference. usage: duckdb_csv.py SOURCE OUT THREADS. Prints rows, types, seconds spent
inside (without the start of Python)."""

import json
import sys
import time

import duckdb

source, out, threads = sys.argv[1:]
begin = time.perf_counter()
database = duckdb.connect(config={"threads": threads})
database.execute("COPY (FROM read_csv($source)) TO $out (FORMAT parquet, CODEC zstd, COMPRESSION_LEVEL 1)",
                 {"source": source, "out": out})
seconds = time.perf_counter() - begin
rows = database.execute("SELECT count(*) FROM read_parquet($out)", {"out": out}).fetchone()[0]
types = {name: kind for name, kind, *_ in database.execute("DESCRIBE FROM read_parquet($out)", {"out": out}).fetchall()}
print(json.dumps({"rows": rows, "seconds": seconds, "types": types}))
