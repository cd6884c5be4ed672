"""Pages → Parquet files by dlt's rest_api source. usage: dlt_rest.py BASE_URL PATH FOLDER"""

import os
import sys

url, path, folder = sys.argv[1:]
os.environ.update({"DATA_WRITER__COMPRESSION": "zstd", "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL",
                   "DLT_DATA_DIR": os.path.join(folder, "dlt")})

import dlt  # noqa: E402  (reads the environment when imported)
from dlt.sources.rest_api import rest_api_source  # noqa: E402

source = rest_api_source({
    "client": {"base_url": url},
    "resources": [{"name": "rows", "write_disposition": "append", "endpoint": {
        "path": path, "data_selector": "data",
        "paginator": {"type": "page_number", "base_page": 1, "total_path": None, "stop_after_empty_page": True}}}]})
pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem(bucket_url=os.path.join(folder, "out")),
                        dataset_name="bench", pipelines_dir=os.path.join(folder, "pipelines"))
pipeline.run(source, loader_file_format="parquet")
