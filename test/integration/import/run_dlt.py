"""Loads a rest_api configuration with dlt into DuckDB and prints its rows: run_dlt.py FOLDER MODULE TABLE…

Runs in the Python that has dlt (bench/requirements.txt). Prints {table: [row, …]} without dlt's own columns."""
import importlib
import json
import os
import sys

folder, module, tables = sys.argv[1], sys.argv[2], sys.argv[3:]
os.environ.update({"DLT_DATA_DIR": folder, "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "ERROR"})
sys.path.insert(0, folder)

import dlt  # noqa: E402
import duckdb  # noqa: E402
from dlt.sources.rest_api import rest_api_source  # noqa: E402

path = os.path.join(folder, "dlt.duckdb")
pipeline = dlt.pipeline("shop", destination=dlt.destinations.duckdb(path), dataset_name="shop", pipelines_dir=os.path.join(folder, "pipelines"))
pipeline.run(rest_api_source(importlib.import_module(module).config))
with duckdb.connect(path, read_only=True) as connection:
    result = {}
    for table in tables:
        rows = connection.execute(f"select * exclude (_dlt_load_id, _dlt_id) from shop.{table}")
        names = [column[0] for column in rows.description]
        result[table] = [dict(zip(names, row)) for row in rows.fetchall()]
print(json.dumps(result, default=str))
