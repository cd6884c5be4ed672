"""Run by a Python that has pyiceberg: sql_catalog_script.py ids URI WAREHOUSE TABLE | touch URI WAREHOUSE TABLE
| write URI WAREHOUSE. Prints ids, or "ok"."""

import json
import sys


def catalog(uri, warehouse):
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog("firn", uri=uri, warehouse=warehouse)


def print_ids(uri, warehouse, name):
    print(json.dumps(sorted(catalog(uri, warehouse).load_table(name).scan().to_arrow()["id"].to_pylist())))


def write(uri, warehouse):
    import pyarrow as pa

    lake = catalog(uri, warehouse)
    lake.create_namespace("py", {"owner": "me"})
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "text": ["a", "ä陳", None]})
    table = lake.create_table("py.t", rows.schema)
    table.append(rows)
    table.append(pa.table({"id": pa.array([4, 5], pa.int64()), "text": ["d", "e"]}))
    table.delete("id = 2")
    assert lake.list_tables("py") == [("py", "t")]
    print("ok")


def touch(uri, warehouse, name):
    with catalog(uri, warehouse).load_table(name).transaction() as change:
        change.set_properties(touched="by pyiceberg")
    print("ok")


if __name__ == "__main__":
    {"ids": print_ids, "write": write, "touch": touch}[sys.argv[1]](*sys.argv[2:])
