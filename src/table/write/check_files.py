"""Recomputes what a manifest says of data files, with pyarrow and pyiceberg. argv: the JSON that readers_test.cc writes.

Checks per file: field ids, rows, size, row group offsets, counts, bounds (bound what they say, tightly unless text),
types as pyiceberg and DuckDB see them, and partition values by pyiceberg's transforms. Prints one line per failure.
"""
import decimal
import json
import math
import struct
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import pyarrow_to_schema
from pyiceberg.transforms import parse_transform

failures = []


def check(condition, *text):
    if not condition:
        failures.append(" ".join(str(t) for t in text))


def leaves(field, path, repeated):
    """Yields (id, path, type, inside a list or map)."""
    check(field.metadata and b"PARQUET:field_id" in field.metadata, path, field.name, "has no field id")
    t = field.type
    path = path + [field.name]
    if pa.types.is_struct(t):
        for child in t:
            yield from leaves(child, path, repeated)
    elif pa.types.is_list(t):
        yield from leaves(t.value_field, path, True)
    elif pa.types.is_map(t):
        yield from leaves(t.key_field, path, True)
        yield from leaves(t.item_field, path, True)
    else:
        yield int(field.metadata[b"PARQUET:field_id"]), path, t, repeated


def values_of(table, path):
    """Python values of a leaf, one per row; a null struct above gives None."""
    out = table.column(path[0])
    for name in path[1:]:
        out = pc.struct_field(out, name)
    out = out.combine_chunks()
    if isinstance(out, pa.ChunkedArray):
        out = pa.concat_arrays(out.chunks)
    if isinstance(out.type, pa.BaseExtensionType):
        out = out.storage
    if pa.types.is_timestamp(out.type) or pa.types.is_time64(out.type):
        out = out.view(pa.int64())
    if pa.types.is_date32(out.type):
        out = out.view(pa.int32())
    return out.to_pylist()


def decode(t, raw):
    if pa.types.is_boolean(t):
        return raw != b"\0"
    if pa.types.is_int32(t) or pa.types.is_date32(t):
        return struct.unpack("<i", raw)[0]
    if pa.types.is_int64(t) or pa.types.is_timestamp(t) or pa.types.is_time64(t):
        return struct.unpack("<q", raw)[0]
    if pa.types.is_float32(t):
        return struct.unpack("<f", raw)[0]
    if pa.types.is_float64(t):
        return struct.unpack("<d", raw)[0]
    if pa.types.is_decimal(t):
        unscaled = int.from_bytes(raw, "big", signed=True)
        check(len(raw) == max(1, (unscaled + (unscaled < 0)).bit_length() // 8 + 1), "decimal bound is not minimal", raw)
        return decimal.Decimal(unscaled).scaleb(-t.scale, decimal.Context(prec=80))
    return raw.decode() if pa.types.is_string(t) else raw


def order(value):
    """-0.0 before 0.0; text by code point, which Python does."""
    return (value, math.copysign(1, value)) if isinstance(value, float) else value


def check_leaf(f, where, field_id, t, values):
    key = str(field_id)
    nan = [v for v in values if isinstance(v, float) and math.isnan(v)]
    present = [v for v in values if v is not None and not (isinstance(v, float) and math.isnan(v))]
    check(f["value_counts"].get(key) == len(values), where, "value_count", f["value_counts"].get(key), len(values))
    check(f["null_value_counts"].get(key) == sum(v is None for v in values), where, "null_count")
    if pa.types.is_floating(t):
        check(f["nan_value_counts"].get(key) == len(nan), where, "nan_count", f["nan_value_counts"].get(key), len(nan))
    low, high = (bytes.fromhex(f[k][key]) if key in f[k] else None for k in ("lower_bounds", "upper_bounds"))
    if not present:
        check(low is None and high is None, where, "bounds without values")
        return
    smallest, largest = min(present, key=order), max(present, key=order)
    textual = pa.types.is_string(t) or pa.types.is_binary(t)
    uuid = t == pa.uuid() or (pa.types.is_fixed_size_binary(t) and t.byte_width == 16)
    check(uuid or low is not None, where, "lower bound is missing")
    if low is not None:
        low = decode(t, low)
        check(order(low) <= order(smallest), where, "lower bound", repr(low), "over", repr(smallest))
        check(textual or order(low) == order(smallest), where, "lower bound is loose", repr(low), repr(smallest))
        check(not textual or smallest[:16] == low, where, "lower bound is not the first 16", repr(low), repr(smallest))
    if high is not None:
        high = decode(t, high)
        check(order(high) >= order(largest), where, "upper bound", repr(high), "under", repr(largest))
        check(textual or order(high) == order(largest), where, "upper bound is loose", repr(high), repr(largest))
        check(not textual or len(high) <= 16, where, "upper bound is long", repr(high))
    else:
        check(uuid or textual, where, "upper bound is missing")


def check_partition(f, path, table, schema):
    for part in f["partition"]:
        source = schema.find_field(part["source_id"])
        transform = parse_transform(part["transform"]).transform(source.field_type)
        column = table.column(schema.find_column_name(part["source_id"]))
        if isinstance(column.type, pa.BaseExtensionType):
            column = pa.chunked_array([c.storage for c in column.chunks])
        if pa.types.is_timestamp(column.type) or pa.types.is_time64(column.type):
            column = column.combine_chunks().view(pa.int64())
        elif pa.types.is_date32(column.type):
            column = column.combine_chunks().view(pa.int32())
        for value in column.to_pylist():
            got = transform(value)
            text = "null" if got is None else got.hex() if isinstance(got, bytes) else str(got)
            check(text == part["value"], path, part["transform"], "of", repr(value), "is", text, "not", part["value"])


def main():
    for f in json.load(open(sys.argv[1])):
        path = f["file_path"].removeprefix("file://")
        p = pq.ParquetFile(path)
        check(p.metadata.num_rows == f["record_count"], path, "rows")
        check(open(path, "rb").seek(0, 2) == f["file_size_bytes"], path, "size")
        check(len(f["split_offsets"]) == p.metadata.num_row_groups, path, "split_offsets", f["split_offsets"])
        table = p.read()
        schema = pyarrow_to_schema(p.schema_arrow)  # pyiceberg's view; fails without ids
        for field in p.schema_arrow:
            for field_id, leaf, t, repeated in leaves(field, [], False):
                where = f"{path} {'.'.join(leaf)}"
                if repeated:
                    check(str(field_id) not in f["lower_bounds"], where, "has bounds inside a list")
                else:
                    check_leaf(f, where, field_id, t, values_of(table, leaf))
        check_partition(f, path, table, schema)
        try:
            import duckdb
            rows = duckdb.sql(f"select count(*) from read_parquet('{path}')").fetchone()[0]
            check(rows == f["record_count"], path, "duckdb counts", rows)
        except ImportError:
            print("duckdb is missing: not compared")
    print("\n".join(failures[:20]))
    print("checked")
    return 1 if failures else 0


sys.exit(main())
