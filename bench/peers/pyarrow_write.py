"""Writes the rows of a Parquet file, read into memory before, as pyarrow does by default but for zstd level 3.

usage: pyarrow_write.py ROWS.parquet OUT.parquet; prints CPU seconds of the writing and the bytes written.
"""

import json
import os
import sys
import time

import pyarrow
import pyarrow.parquet

pyarrow.set_cpu_count(1)
rows = pyarrow.parquet.read_table(sys.argv[1]).combine_chunks()
begin = time.process_time()
pyarrow.parquet.write_table(rows, sys.argv[2], compression="zstd", compression_level=3)
print(json.dumps({"cpu": time.process_time() - begin, "bytes": os.path.getsize(sys.argv[2])}))
