"""Writes tables with pyiceberg into <folder> (SQLite catalog "firn", warehouse <folder>/lake) and what pyiceberg reads
of them into <folder>/expected/<name>.ndjson, in the form firn prints. Usage: write_tables.py <folder>"""
import datetime as dt
import decimal
import json
import os
import struct
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (BinaryType, BooleanType, DateType, DecimalType, DoubleType, FixedType, FloatType,
                             IntegerType, ListType, LongType, MapType, NestedField, StringType, StructType,
                             TimestampType, TimestamptzType, TimeType, UUIDType)

folder = sys.argv[1]
os.makedirs(folder + "/lake")
os.makedirs(folder + "/expected")
catalog = SqlCatalog("firn", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}/lake")


def text(value, kind):
    if value is None:
        return "null"
    if pa.types.is_struct(kind):
        return "{" + ",".join(json.dumps(f.name, ensure_ascii=False) + ":" + text(value[f.name], f.type) for f in kind) + "}"
    if pa.types.is_map(kind):
        return "[" + ",".join('{"key":%s,"value":%s}' % (text(k, kind.key_type), text(v, kind.item_type)) for k, v in value) + "]"
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return "[" + ",".join(text(v, kind.value_type) for v in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if kind == pa.float32():  # the fewest digits that read back to the same 32-bit number
        return next(repr(float(t)) for t in (f"{value:.{n}g}" for n in range(1, 10))
                    if struct.pack("f", float(t)) == struct.pack("f", value))
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, dt.datetime):
        return '"' + value.replace(tzinfo=None).isoformat() + ('Z"' if value.tzinfo else '"')
    if isinstance(value, (dt.date, dt.time)):
        return '"' + value.isoformat() + '"'
    if isinstance(value, uuid.UUID):
        return '"' + str(value) + '"'
    if isinstance(value, bytes):
        return '"' + (str(uuid.UUID(bytes=value)) if kind == "uuid" else value.hex()) + '"'
    return json.dumps(value, ensure_ascii=False)


def expect(name, scan):
    table = scan.to_arrow()
    lines = []
    rows = sorted(zip(*[c.to_pylist() for c in table.columns]), key=lambda r: r[0]) if table.num_rows else []
    for row in rows:
        parts = [json.dumps(f.name, ensure_ascii=False) + ":" + text(v, f.type) for f, v in zip(table.schema, row)]
        lines.append("{" + ",".join(parts) + "}\n")
    with open(f"{folder}/expected/{name}.ndjson", "w") as out:
        out.writelines(lines)


def append(table, rows):
    table.append(pa.Table.from_pylist(rows, schema=table.schema().as_arrow()))


catalog.create_namespace("shop")
notes = {}

# Evolution: rename, add, promote (int, float, decimal), reorder, drop; a name used again for another column.
t = catalog.create_table("shop.evolved", Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "i", IntegerType(), required=False),
    NestedField(3, "f", FloatType(), required=False), NestedField(4, "d", DecimalType(9, 2), required=False),
    NestedField(5, "gone", StringType(), required=False), NestedField(6, "old", StringType(), required=False)))
append(t, [{"id": n, "i": 2147483647 - n, "f": 0.1, "d": decimal.Decimal("1234567.89"), "gone": "g", "old": f"r{n}"}
           for n in range(3)])
first = t.current_snapshot().snapshot_id
with t.update_schema() as u:
    u.update_column("i", LongType())
    u.update_column("f", DoubleType())
    u.update_column("d", DecimalType(18, 2))
    u.rename_column("old", "renamed")
    u.delete_column("gone")
    u.add_column("added", StringType())
    u.move_first("added")
    u.move_after("id", "old")
with t.update_schema() as u:
    u.add_column("gone", IntegerType())
    u.move_first("id")
append(t, [{"id": 10, "i": 2**40, "f": 0.1, "d": decimal.Decimal("1234567890123456.78"), "renamed": "n", "added": "a",
            "gone": 7}])
expect("evolved", t.scan())
expect("evolved_first", t.scan(snapshot_id=first))
notes["evolved_first"] = str(first)

# Every type, with nulls and extremes.
t = catalog.create_table("shop.types", Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "b", BooleanType(), required=False),
    NestedField(3, "i", IntegerType(), required=False), NestedField(4, "f", FloatType(), required=False),
    NestedField(5, "d", DoubleType(), required=False), NestedField(6, "dec", DecimalType(38, 10), required=False),
    NestedField(7, "day", DateType(), required=False), NestedField(8, "t", TimeType(), required=False),
    NestedField(9, "ts", TimestampType(), required=False), NestedField(10, "tz", TimestamptzType(), required=False),
    NestedField(11, "s", StringType(), required=False), NestedField(12, "bin", BinaryType(), required=False),
    NestedField(13, "fix", FixedType(4), required=False)))
append(t, [
    {"id": 1, "b": True, "i": -2**31, "f": 1.5, "d": 1e300, "dec": decimal.Decimal("1234567890123456789012345678.0123456789"),
     "day": dt.date(2026, 2, 28), "t": dt.time(23, 59, 59, 999999), "ts": dt.datetime(1969, 12, 31, 23, 59, 59, 1),
     "tz": dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.timezone.utc), "s": "a\"\\\n日本 é", "bin": b"\x00\xff", "fix": b"abcd"},
    {"id": 2},
    {"id": 2**63 - 1, "b": False, "i": 0, "f": 0.5, "d": 0.1, "dec": decimal.Decimal("-0.0000000001"),
     "day": dt.date(1, 1, 1), "t": dt.time(0), "ts": dt.datetime(9999, 12, 31), "tz": dt.datetime(1900, 1, 1, tzinfo=dt.timezone.utc),
     "s": "", "bin": b"", "fix": b"\x00\x00\x00\x00"}])
expect("types", t.scan())

# Nested columns that change: add, rename and promote inside; and ones that never did.
t = catalog.create_table("shop.nested", Schema(
    NestedField(1, "id", LongType(), required=False),
    NestedField(2, "s", StructType(NestedField(3, "x", IntegerType(), required=False),
                                   NestedField(4, "y", StringType(), required=False)), required=False),
    NestedField(5, "l", ListType(6, StructType(NestedField(7, "v", IntegerType(), required=False)), element_required=False),
                required=False),
    NestedField(8, "m", MapType(9, StringType(), 10, LongType(), value_required=False), required=False)))
append(t, [{"id": 1, "s": {"x": 1, "y": "a"}, "l": [{"v": 1}, None, {"v": None}], "m": [("k", 1), ("j", None)]},
           {"id": 2, "s": None, "l": [], "m": []}, {"id": 3, "s": {"x": None, "y": None}, "l": [], "m": None}])
expect("nested_first", t.scan())
notes["nested_first"] = str(t.current_snapshot().snapshot_id)
with t.update_schema() as u:
    u.rename_column("s.y", "why")
    u.add_column(("s", "z"), BooleanType())
    u.update_column("s.x", LongType())
    u.add_column(("l", "w"), StringType())
append(t, [{"id": 4, "s": {"x": 2**40, "why": "b", "z": True}, "l": [{"v": 2, "w": "w"}], "m": [("k", 2)]}])
expect("nested", t.scan())

# Partitions, with a spec that changes and values that look like paths.
t = catalog.create_table("shop.parts", Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "city", StringType(), required=False),
    NestedField(3, "at", TimestampType(), required=False)),
    partition_spec=PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "city")))
append(t, [{"id": n, "city": c, "at": dt.datetime(2026, 1, 1 + n)} for n, c in
           enumerate(["Oslo", "a/b=c", "é 日本", None, "", "x*y?[z]"])])
with t.update_spec() as u:
    u.add_field("at", IdentityTransform(), "at_time")
append(t, [{"id": 10 + n, "city": "Oslo", "at": dt.datetime(2026, 2, 1 + n)} for n in range(4)])
expect("parts", t.scan())
expect("parts_oslo", t.scan(row_filter="city == 'Oslo' and id < 12"))

# Names; a table without rows and one without snapshots.
t = catalog.create_table(("shop", "Weird \"Name\".é"), Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "a b", StringType(), required=False),
    NestedField(3, "Ünï\"q", StringType(), required=False), NestedField(4, "select", StringType(), required=False),
    NestedField(5, "filename", StringType(), required=False), NestedField(6, "Case", LongType(), required=False)))
append(t, [{"id": 1, "a b": "x", "Ünï\"q": "y", "select": "z", "filename": "f", "Case": 5}])
expect("weird", t.scan())
t = catalog.create_table("shop.twins", Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "a", LongType(), required=False),
    NestedField(3, "A", StringType(), required=False)))
append(t, [{"id": 1, "a": 2, "A": "three"}])
catalog.create_table("shop.empty", Schema(NestedField(1, "id", LongType(), required=False),
                                          NestedField(2, "s", StructType(NestedField(3, "x", UUIDType(), required=False)), required=False)))

# Snapshots over time.
t = catalog.create_table("shop.versions", Schema(NestedField(1, "id", LongType(), required=False)))
for n in range(3):
    append(t, [{"id": n}])
    notes[f"version_{n}"] = str(t.current_snapshot().snapshot_id)
    notes[f"version_{n}_ms"] = str(t.current_snapshot().timestamp_ms)
t.manage_snapshots().create_tag(int(notes["version_1"]), "audit").commit()
t.delete("id == 0")
expect("versions", t.scan())

# Files without field ids, found by the name mapping; and numbers that are none.
t = catalog.create_table("shop.mapped", Schema(NestedField(1, "id", LongType(), required=False),
                                               NestedField(2, "d", DoubleType(), required=False)))
pq.write_table(pa.table({"d": [1.5, None], "id": [1, 2]}), folder + "/lake/plain.parquet")
t.add_files([f"file://{folder}/lake/plain.parquet"])
append(t, [{"id": 3, "d": float("nan")}])
append(t, [{"id": 4, "d": 2.0}])

# Row groups of 100 rows, of which the first five cannot be decoded any more: a query must not touch them.
t = catalog.create_table("shop.groups", Schema(NestedField(1, "id", LongType(), required=False),
                                               NestedField(2, "d", DoubleType(), required=False),
                                               NestedField(3, "s", StringType(), required=False)))
t = t.transaction().set_properties({"write.parquet.row-group-limit": "100"}).commit_transaction()
append(t, [{"id": n, "d": float("nan") if n == 850 else n / 2, "s": "x" * 100 + f"{n:04}"} for n in range(1000)])
data = t.inspect.files().column("file_path")[0].as_py().removeprefix("file://")
offsets = [pq.ParquetFile(data).metadata.row_group(n).column(0).dictionary_page_offset or
           pq.ParquetFile(data).metadata.row_group(n).column(0).data_page_offset for n in range(10)]
with open(data, "r+b") as broken:
    broken.seek(4)
    broken.write(b"\xff" * (offsets[5] - 4))

for identifier in catalog.list_tables("shop"):
    notes["metadata_" + identifier[1]] = catalog.load_table(identifier).metadata_location
with open(folder + "/notes.json", "w") as out:
    json.dump(notes, out)
