"""Reads Parquet files as a stream of Arrow batches by DuckDB, one thread. usage: duckdb_scan.py ROUNDS FILE…
Prints the seconds and CPU seconds of each round, and the rows."""

import json
import sys
import time

import duckdb

rounds, *files = sys.argv[1:]
db = duckdb.connect(config={"threads": 1, "preserve_insertion_order": True})
answers = []
for _ in range(int(rounds)):
    begin, cpu = time.perf_counter(), time.process_time()
    rows = sum(batch.num_rows for batch in db.execute(f"FROM read_parquet({files})").to_arrow_reader(32768))
    answers.append({"seconds": time.perf_counter() - begin, "cpu": time.process_time() - cpu, "rows": rows})
print(json.dumps(answers))
