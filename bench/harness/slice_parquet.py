"""The first rows of a Parquet file, its text as plain strings. usage: slice_parquet.py SOURCE OUT ROWS"""

import sys

import pyarrow
import pyarrow.parquet

source, out, rows = sys.argv[1:]
table = pyarrow.parquet.read_table(source).slice(0, int(rows))
plain = [field.with_type(pyarrow.string()) if pyarrow.types.is_string_view(field.type) else field for field in table.schema]
pyarrow.parquet.write_table(table.cast(pyarrow.schema(plain)), out)
