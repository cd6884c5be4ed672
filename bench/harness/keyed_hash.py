"""Rows and an order-independent hash of whole rows, by DuckDB, deletes applied by its iceberg extension.

usage (venv's python): keyed_hash.py table METADATA.json [COLUMNS]   rows of an Iceberg table; of these columns alone
                       keyed_hash.py parquet FILE…                   rows of files
                       keyed_hash.py merged KEY BASE CHANGES…        the base with the changes: of a key the greatest version
                       keyed_hash.py query SQL                       rows of a query
                       keyed_hash.py answer FILE COLUMNS CONDITION   not a hash: the one row of that query
Prints {"rows": n, "hash": "…"}.
"""

import json
import sys

import duckdb

HASH = "count(*), sum(hash({columns})::HUGEINT)"


def connect():
    db = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": 2})
    db.execute("SET memory_limit = '6GB'")
    return db


def iceberg(db, metadata):
    import glob
    import os

    import duckdb_extension_avro
    import duckdb_extension_iceberg
    for module, name in ((duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")):
        folder = os.path.dirname(module.__file__)
        db.execute(f"LOAD '{glob.glob(f'{folder}/extensions/*/{name}.duckdb_extension')[0]}'")
    return f"iceberg_scan('{metadata}')"


def merged(db, key, base, changes):
    db.execute(f"CREATE TEMP TABLE changes AS FROM read_parquet({changes}) "
               f"QUALIFY version = max(version) OVER (PARTITION BY {key})")
    return f"(FROM '{base}' ANTI JOIN changes USING ({key}) UNION ALL BY NAME FROM changes)"


def main():
    kind, *rest = sys.argv[1:]
    db = connect()
    only = None
    if kind == "answer":
        result = db.execute(f"SELECT {rest[1]} FROM '{rest[0]}' WHERE {rest[2]}")
        return print(json.dumps(dict(zip([name for name, *_ in result.description], result.fetchone()))))
    if kind == "table":
        source = iceberg(db, rest[0].removeprefix("file://"))
        only = rest[1].split(",") if len(rest) > 1 else None
    elif kind == "query":
        source = f"({rest[0]})"
    elif kind == "parquet":
        source = f"read_parquet({rest})"
    else:
        source = merged(db, rest[0], rest[1], rest[2:])
    names = only or [name for name, *_ in db.execute(f"DESCRIBE FROM {source}").fetchall()]
    columns = ", ".join(f"{name}::BIGINT" if only else name for name in sorted(names))
    rows, total = db.execute(f"SELECT {HASH.format(columns=columns)} FROM {source}").fetchone()
    print(json.dumps({"rows": rows, "hash": f"{int(total or 0) % 2**64:016x}"}))


if __name__ == "__main__":
    main()
