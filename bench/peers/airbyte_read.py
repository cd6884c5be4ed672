"""Pages read by airbyte-cdk from a declarative manifest; it writes its JSON messages to stdout and no table.
usage: airbyte_read.py BASE_URL PATH FOLDER"""

import json
import os
import sys

from airbyte_cdk.cli.source_declarative_manifest import run

url, path, folder = sys.argv[1:]
stream = {
    "type": "DeclarativeStream", "name": "rows",
    "retriever": {
        "type": "SimpleRetriever",
        "requester": {"type": "HttpRequester", "url_base": url, "path": path, "http_method": "GET"},
        "record_selector": {"type": "RecordSelector", "extractor": {"type": "DpathExtractor", "field_path": ["data"]}},
        "paginator": {
            "type": "DefaultPaginator",
            "page_token_option": {"type": "RequestOption", "inject_into": "request_parameter", "field_name": "page"},
            "pagination_strategy": {"type": "PageIncrement", "start_from_page": 1, "page_size": 200,
                                    "inject_on_first_request": True}}},
    "schema_loader": {"type": "InlineSchemaLoader", "schema": {"type": "object", "additionalProperties": True, "properties": {}}}}
manifest = {"version": "6.0.0", "type": "DeclarativeSource", "check": {"type": "CheckStream", "stream_names": ["rows"]},
            "streams": [stream],
            "spec": {"type": "Spec", "connection_specification": {"type": "object", "properties": {}}}}
catalog = {"streams": [{"sync_mode": "full_refresh", "destination_sync_mode": "append",
                        "stream": {"name": "rows", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}}]}
for name, value in (("config", {"__injected_declarative_manifest": manifest}), ("catalog", catalog)):
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(value, file)
sys.argv = ["source", "read", "--config", os.path.join(folder, "config.json"), "--catalog", os.path.join(folder, "catalog.json")]
run()
