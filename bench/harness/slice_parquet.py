"""The first rows of a Parquet file. usage: slice_parquet.py SOURCE OUT ROWS"""

import sys

import pyarrow.parquet

source, out, rows = sys.argv[1:]
pyarrow.parquet.write_table(pyarrow.parquet.read_table(source).slice(0, int(rows)), out)
