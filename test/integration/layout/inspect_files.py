"""Says what is in the files of a table, by pyiceberg, pyarrow and DuckDB. One JSON object on stdin, one on stdout.

{"metadata": location, "columns": [names]}            → sort orders, statistics, files with the values of the columns
{"theta": file}                                       → see theta()
{"bloom": [files], "column": name, "values": [texts]} → {file: [values that a Bloom filter excludes in all row groups]}
"""

import json
import sys


def plain(value):
    return value if value is None or isinstance(value, (int, float, str, bool)) else str(value)


def table(request):
    import pyarrow.parquet
    from pyiceberg.conversions import from_bytes
    from pyiceberg.table import StaticTable

    loaded = StaticTable.from_metadata(request["metadata"])
    fields = {field.name: field for field in loaded.schema().fields}
    files = []
    for task in loaded.scan().plan_files():
        file = task.file
        path = file.file_path.removeprefix("file://")
        parquet = pyarrow.parquet.ParquetFile(path)
        rows = parquet.read(columns=request["columns"])
        bounds = {}
        for name in request["columns"]:
            field = fields[name]
            bounds[name] = [plain(from_bytes(field.field_type, side[field.field_id])) if side and field.field_id in side else None
                            for side in (file.lower_bounds, file.upper_bounds)]
        files.append({"path": path, "sort_order_id": file.sort_order_id, "spec_id": file.spec_id, "records": file.record_count,
                      "bytes": file.file_size_in_bytes, "row_groups": parquet.num_row_groups, "bounds": bounds,
                      "deletes": len(task.delete_files),
                      "values": {name: [plain(v) for v in rows[name].to_pylist()] for name in request["columns"]}})
    metadata = loaded.metadata
    return {"files": files, "default_sort_order_id": metadata.default_sort_order_id,
            "sort_orders": {o.order_id: str(o) for o in metadata.sort_orders},
            "statistics": [s.model_dump(mode="json", by_alias=True) for s in metadata.statistics],
            "properties": dict(metadata.properties), "current_snapshot_id": metadata.current_snapshot_id}


def bloom(request):
    import duckdb

    excluded = {}
    for file in request["bloom"]:
        excluded[file] = []
        for value in request["values"]:
            probes = duckdb.execute("select bloom_filter_excludes from parquet_bloom_probe(?, ?, ?)",
                                    [file, request["column"], value]).fetchall()
            if probes and all(probe[0] for probe in probes):
                excluded[file].append(value)
    return {"excluded": excluded}


def theta(request):
    """{"theta": puffin file} → {field id: estimate by DataSketches}, or null where that package is missing."""
    try:
        import datasketches
    except ImportError:
        return {"estimates": None}
    with open(request["theta"], "rb") as file:
        content = file.read()
    size = int.from_bytes(content[-12:-8], "little")
    footer = json.loads(content[-12 - size:-12])
    estimates = {}
    for blob in footer["blobs"]:
        bytes_ = content[blob["offset"]:blob["offset"] + blob["length"]]
        estimates[blob["fields"][0]] = datasketches.compact_theta_sketch.deserialize(bytes_).get_estimate()
    return {"estimates": estimates}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(bloom(asked) if "bloom" in asked else theta(asked) if "theta" in asked else table(asked), sys.stdout)
