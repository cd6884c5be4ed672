"""Makes tables as other programs lay them out: make_tables.py KIND CATALOG_DB WAREHOUSE TABLE ROWS_JSON. Run by a Python that has
pyiceberg. Times in ROWS_JSON are text. KIND: plain, text (the cursor's column is text), naive (it has no
zone), dlt, airbyte, bare (data files without field
ids)."""

import datetime
import json
import sys
import uuid

import pyarrow as pa
import pyarrow.parquet as parquet
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import (ListType, LongType, NestedField as Field, StringType, StructType, TimestampType, TimestamptzType)

BASE = [("id", LongType()), ("note", StringType()), ("updated_at", TimestamptzType())]


def schema_of(kind):
    if kind == "dlt":  # names as dlt normalizes them; its own columns are not nullable
        columns = [("id", LongType()), ("order_note", StringType()), ("updated_at", TimestamptzType())]
        fields = [Field(i + 1, name, type, required=name == "id") for i, (name, type) in enumerate(columns)]
        return Schema(*fields, Field(4, "_dlt_load_id", StringType(), required=True), Field(5, "_dlt_id", StringType(), required=True))
    if kind == "airbyte":
        change = StructType(Field(11, "field", StringType(), required=True), Field(12, "change", StringType(), required=True),
                            Field(13, "reason", StringType(), required=True))
        meta = StructType(Field(8, "sync_id", LongType(), required=True),
                          Field(9, "changes", ListType(10, change, element_required=True), required=True))
        return Schema(Field(1, "_airbyte_raw_id", StringType(), required=True),
                      Field(2, "_airbyte_extracted_at", TimestamptzType(), required=True),
                      Field(3, "_airbyte_meta", meta, required=True), Field(4, "_airbyte_generation_id", LongType(), required=True),
                      Field(5, "id", LongType()), Field(6, "note", StringType()), Field(7, "updated_at", TimestamptzType()))
    times = {"text": StringType(), "naive": TimestampType()}
    columns = BASE[:2] + [("updated_at", times.get(kind, TimestamptzType()))]
    return Schema(*[Field(i + 1, name, type) for i, (name, type) in enumerate(columns)])


def row_of(kind, row, number):
    if kind == "text":
        return row
    row = dict(row, updated_at=datetime.datetime.fromisoformat(row["updated_at"].replace("Z", "+00:00")))
    if kind == "naive":
        row["updated_at"] = row["updated_at"].replace(tzinfo=None)
    if kind == "dlt":
        row["order_note"] = row.pop("note")
        row.update(_dlt_load_id="1735689600.123456", _dlt_id=f"dltrow{number:08d}")
    if kind == "airbyte":
        row.update(_airbyte_raw_id=str(uuid.UUID(int=number)), _airbyte_extracted_at=row["updated_at"],
                   _airbyte_meta={"sync_id": 7, "changes": []}, _airbyte_generation_id=3)
    return row


def main(kind, database, warehouse, name, rows):
    catalog = SqlCatalog("firn", uri=f"sqlite:///{database}", warehouse=f"file://{warehouse}")
    catalog.create_namespace_if_not_exists(name.split(".")[0])
    table = catalog.create_table(name, schema_of(kind))
    rows = [row_of(kind, row, i) for i, row in enumerate(json.loads(rows))]
    data = pa.Table.from_pylist(rows, schema=table.schema().as_arrow())
    if kind == "bare":
        plain = pa.schema([pa.field(f.name, f.type) for f in data.schema])
        path = f"{warehouse}/bare.parquet"
        parquet.write_table(data.cast(plain), path)
        table.add_files([f"file://{path}"])
        with table.transaction() as change:
            change.remove_properties("schema.name-mapping.default")
    else:
        half = len(rows) // 2
        table.append(data.slice(0, half))
        table.append(data.slice(half))
    print(table.refresh().metadata_location)


if __name__ == "__main__":
    main(*sys.argv[1:])
