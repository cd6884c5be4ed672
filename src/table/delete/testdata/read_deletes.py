"""Puts data and delete files that firn wrote into an Iceberg table, with manifests made by fastavro, and reads it back
with DuckDB and pyiceberg.

    read_deletes.py TABLE.json      exit 0: both read exactly the ids expected

TABLE.json: {"version": 2|3, "location": URI, "ids": [...], "files": [{"content", "path", "format", "records", "bytes",
"sequence", "referenced"?, "offset"?, "size"?, "bound"?}]}; the table has one column, id (long).
"""
import importlib
import json
import os
import sys

import fastavro

table = json.load(open(sys.argv[1]))
version, location = table["version"], table["location"]
folder = location.removeprefix("file://") + "/metadata"
os.makedirs(folder, exist_ok=True)
SCHEMA = {"type": "struct", "schema-id": 0, "fields": [{"id": 1, "name": "id", "required": False, "type": "long"}]}


def field(number, name, kind, required=False):
    if required:
        return {"name": name, "type": kind, "field-id": number}
    return {"name": name, "type": ["null", kind], "default": None, "field-id": number}


def bounds_map(number, name, key, value):
    record = {"type": "record", "name": f"k{key}_v{value}", "fields": [field(key, "key", "int", True), field(value, "value", "bytes", True)]}
    return field(number, name, {"type": "array", "items": record, "logicalType": "map"})


DATA_FILE = [field(134, "content", "int", True), field(100, "file_path", "string", True), field(101, "file_format", "string", True),
             field(102, "partition", {"type": "record", "name": "r102", "fields": []}, True),
             field(103, "record_count", "long", True), field(104, "file_size_in_bytes", "long", True),
             bounds_map(125, "lower_bounds", 126, 127), bounds_map(128, "upper_bounds", 129, 130),
             field(135, "equality_ids", {"type": "array", "items": "int", "element-id": 136}), field(140, "sort_order_id", "int"),
             field(142, "first_row_id", "long"), field(143, "referenced_data_file", "string"),
             field(144, "content_offset", "long"), field(145, "content_size_in_bytes", "long")]
ENTRY = {"type": "record", "name": "manifest_entry", "fields": [
    field(0, "status", "int", True), field(1, "snapshot_id", "long"), field(3, "sequence_number", "long"),
    field(4, "file_sequence_number", "long"), field(2, "data_file", {"type": "record", "name": "r2", "fields": DATA_FILE}, True)]}
SUMMARY = {"type": "record", "name": "r508", "fields": [
    field(509, "contains_null", "boolean", True), field(518, "contains_nan", "boolean"),
    field(510, "lower_bound", "bytes"), field(511, "upper_bound", "bytes")]}
LIST = {"type": "record", "name": "manifest_file", "fields": [
    field(500, "manifest_path", "string", True), field(501, "manifest_length", "long", True),
    field(502, "partition_spec_id", "int", True), field(517, "content", "int", True),
    field(515, "sequence_number", "long", True), field(516, "min_sequence_number", "long", True),
    field(503, "added_snapshot_id", "long", True), field(504, "added_files_count", "int", True),
    field(505, "existing_files_count", "int", True), field(506, "deleted_files_count", "int", True),
    field(512, "added_rows_count", "long", True), field(513, "existing_rows_count", "long", True),
    field(514, "deleted_rows_count", "long", True),
    field(507, "partitions", {"type": "array", "items": SUMMARY, "element-id": 508}), field(520, "first_row_id", "long")]}


def write(name, schema, records, metadata):
    path = f"{folder}/{name}"
    with open(path, "wb") as out:
        fastavro.writer(out, fastavro.parse_schema(schema), records, metadata=metadata)
    return "file://" + path, os.path.getsize(path)


def entry_of(file):
    bound = [{"key": 2147483546, "value": file["bound"].encode()}] if "bound" in file else None
    return {"status": 1, "snapshot_id": 1, "sequence_number": file["sequence"], "file_sequence_number": file["sequence"],
            "data_file": {"content": file["content"], "file_path": file["path"], "file_format": file["format"], "partition": {},
                          "record_count": file["records"], "file_size_in_bytes": file["bytes"], "lower_bounds": bound,
                          "upper_bounds": bound, "equality_ids": None, "sort_order_id": None, "first_row_id": None, "referenced_data_file": file.get("referenced"),
                          "content_offset": file.get("offset"), "content_size_in_bytes": file.get("size")}}


manifests, next_row_id, last = [], 0, max(f["sequence"] for f in table["files"])
for content, kind in ((0, "data"), (1, "deletes")):
    files = [f for f in table["files"] if (f["content"] != 0) == (content == 1)]
    rows = sum(f["records"] for f in files)
    path, size = write(f"{kind}.avro", ENTRY, [entry_of(f) for f in files], {
        "schema": json.dumps(SCHEMA), "schema-id": "0", "partition-spec": "[]", "partition-spec-id": "0",
        "format-version": str(version), "content": kind})
    manifests.append({"manifest_path": path, "manifest_length": size, "partition_spec_id": 0, "content": content,
                      "sequence_number": last, "min_sequence_number": min(f["sequence"] for f in files), "added_snapshot_id": 1,
                      "added_files_count": len(files), "existing_files_count": 0, "deleted_files_count": 0,
                      "added_rows_count": rows, "existing_rows_count": 0, "deleted_rows_count": 0, "partitions": [],
                      "first_row_id": next_row_id if version > 2 and content == 0 else None})
    next_row_id += rows if content == 0 else 0
list_path, _ = write("snap-1.avro", LIST, manifests, {"format-version": str(version), "snapshot-id": "1",
                                                      "parent-snapshot-id": "null", "sequence-number": str(last)})
deletes = sum(f["records"] for f in table["files"] if f["content"] == 1)
data = [f for f in table["files"] if f["content"] == 0]
summary = {"operation": "overwrite", "total-records": str(sum(f["records"] for f in data)), "total-data-files": str(len(data)),
           "total-delete-files": str(len(table["files"]) - len(data)), "total-position-deletes": str(deletes),
           "total-equality-deletes": "0", "total-files-size": str(sum(f["bytes"] for f in data))}
snapshot = {"snapshot-id": 1, "sequence-number": last, "timestamp-ms": 1700000000000, "manifest-list": list_path,
            "summary": summary, "schema-id": 0}
metadata = {"format-version": version, "table-uuid": "9c12d441-03fe-4693-9a96-a0705ddf69c1", "location": location,
            "last-sequence-number": last, "last-updated-ms": 1700000000000, "last-column-id": 1, "current-schema-id": 0,
            "schemas": [SCHEMA], "default-spec-id": 0, "partition-specs": [{"spec-id": 0, "fields": []}],
            "last-partition-id": 999, "default-sort-order-id": 0, "sort-orders": [{"order-id": 0, "fields": []}],
            "properties": {}, "current-snapshot-id": 1, "snapshots": [snapshot],
            "snapshot-log": [{"snapshot-id": 1, "timestamp-ms": 1700000000000}], "metadata-log": [],
            "refs": {"main": {"snapshot-id": 1, "type": "branch"}}}
if version > 2:
    snapshot["first-row-id"], snapshot["added-rows"] = 0, next_row_id
    metadata["next-row-id"] = next_row_id
metadata_path = f"{folder}/v1.metadata.json"
json.dump(metadata, open(metadata_path, "w"))

import duckdb

db = duckdb.connect()
for extension in ("avro", "iceberg"):
    place = os.path.dirname(importlib.import_module("duckdb_extension_" + extension).__file__)
    db.execute(f"LOAD '{place}/extensions/v{duckdb.__version__}/{extension}.duckdb_extension'")
got = sorted(row[0] for row in db.execute(f"SELECT id FROM iceberg_scan('{metadata_path}')").fetchall())
assert got == table["ids"], ("duckdb", len(got), len(table["ids"]))

from pyiceberg.table import StaticTable

got = sorted(StaticTable.from_metadata("file://" + metadata_path).scan().to_arrow()["id"].to_pylist())
assert got == table["ids"], ("pyiceberg", len(got), len(table["ids"]))
print("readers agree")
