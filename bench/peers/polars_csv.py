"""CSV → Parquet zstd-1 by polars with inference, streaming. usage: polars_csv.py SOURCE OUT THREADS. Prints rows, types,
seconds spent inside (without the start of Python and the import)."""

import json
import os
import sys
import time

source, out, threads = sys.argv[1:]
os.environ["POLARS_MAX_THREADS"] = threads
import polars  # noqa: E402

begin = time.perf_counter()
polars.scan_csv(source, try_parse_dates=True).sink_parquet(out, compression="zstd", compression_level=1)
seconds = time.perf_counter() - begin
rows = polars.scan_parquet(out)
types = {name: str(kind) for name, kind in rows.collect_schema().items()}
print(json.dumps({"rows": rows.select(polars.len()).collect().item(), "seconds": seconds, "types": types}))
