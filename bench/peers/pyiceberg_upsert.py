"""One upsert by pyiceberg into a table of its own. usage: pyiceberg_upsert.py FOLDER BASE.parquet CHANGES.parquet KEY
Prints one line when the table is loaded, then the seconds of the upsert; whoever waits may lose patience in between."""

import json
import sys
import time

import pyarrow.parquet
from pyiceberg.catalog.sql import SqlCatalog

folder, base, changes, key = sys.argv[1:]
catalog = SqlCatalog("bench", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
catalog.create_namespace("bench")
rows = pyarrow.parquet.read_table(base)
table = catalog.create_table("bench.rows", rows.schema)
table.append(rows)
del rows
changes = pyarrow.parquet.read_table(changes)
print(json.dumps({"loaded": True}), flush=True)
begin = time.perf_counter()
table.upsert(changes, join_cols=[key])
print(json.dumps({"seconds": time.perf_counter() - begin, "metadata": table.metadata_location}), flush=True)
