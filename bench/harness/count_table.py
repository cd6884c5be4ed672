"""Rows and files of an Iceberg table as pyiceberg finds them. usage (venv's python): count_table.py METADATA.json [paths]
Prints {"rows": n, "files": n, "distinct": n, "missing": n}, or the paths of the live data files."""

import json
import os
import sys

from pyiceberg.table import StaticTable

tasks = [task.file for task in StaticTable.from_metadata(sys.argv[1]).scan().plan_files()]
paths = {file.file_path for file in tasks}
if len(sys.argv) > 2:
    sys.exit(print(json.dumps(sorted(path.removeprefix("file://") for path in paths))))
missing = sum(not os.path.exists(path.removeprefix("file://")) for path in paths)
print(json.dumps({"rows": sum(file.record_count for file in tasks), "files": len(tasks), "distinct": len(paths),
                  "missing": missing}))
