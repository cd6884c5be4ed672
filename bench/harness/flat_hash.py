"""Rows and an order-independent hash of lineitem rows, fast, by DuckDB: for files too large for rows_hash.py.

usage (venv's python):  flat_hash.py ndjson|csv|parquet FILE…      Prints {"rows": n, "hash": "…"}.
The source is read with declared types, so nothing that firn inferred is believed.
"""

import json
import sys

import duckdb

COLUMNS = {
    **dict.fromkeys(("l_orderkey", "l_partkey", "l_suppkey", "l_linenumber"), "BIGINT"),
    **dict.fromkeys(("l_quantity", "l_extendedprice", "l_discount", "l_tax"), "DOUBLE"),
    **dict.fromkeys(("l_returnflag", "l_linestatus"), "VARCHAR"),
    **dict.fromkeys(("l_shipdate", "l_commitdate", "l_receiptdate"), "DATE"),
    **dict.fromkeys(("l_shipinstruct", "l_shipmode", "l_comment"), "VARCHAR"),
}


def main():
    kind, *files = sys.argv[1:]
    reader = {"ndjson": f"read_ndjson($files, columns={json.dumps(COLUMNS)})",
              "csv": f"read_csv($files, header=true, columns={json.dumps(COLUMNS)})",
              "parquet": "read_parquet($files)"}[kind]
    values = ", ".join(f"{name}::{type_}" for name, type_ in COLUMNS.items())
    rows, total = duckdb.execute(f"SELECT count(*), sum(hash({values})) FROM {reader}", {"files": files}).fetchone()
    print(json.dumps({"rows": rows, "hash": f"{int(total) % 2**64:016x}"}))


if __name__ == "__main__":
    main()
