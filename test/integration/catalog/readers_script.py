"""Run by a Python that has pyiceberg and duckdb: readers_script.py pyiceberg|duckdb|ids URL [TABLE]. Prints "ok" or the ids."""

import importlib
import json
import os
import sys


def check_pyiceberg(url):
    import pyarrow as pa
    from pyiceberg.catalog import load_catalog
    from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError
    from pyiceberg.transforms import BucketTransform
    from pyiceberg.types import LongType

    catalog = load_catalog("c", type="rest", uri=url)
    catalog.create_namespace("py", {"owner": "me"})
    try:
        catalog.create_namespace("py")
        raise AssertionError("created twice")
    except NamespaceAlreadyExistsError:
        pass
    catalog.create_namespace(("py", "deep.er"))
    assert catalog.list_namespaces(("py",)) == [("py", "deep.er")], catalog.list_namespaces(("py",))
    rows = pa.table({"id": pa.array([1, 2, 3], pa.int64()), "text": ["a", "ä陳", None]})
    table = catalog.create_table("py.t", rows.schema)
    try:
        catalog.create_table("py.t", rows.schema)
        raise AssertionError("created twice")
    except TableAlreadyExistsError:
        pass
    table.append(rows)
    with table.update_schema() as update:
        update.add_column("more", LongType())
    with table.update_spec() as update:
        update.add_field("id", BucketTransform(4), "b")
    table.append(pa.table({"id": pa.array([4], pa.int64()), "text": ["d"], "more": pa.array([9], pa.int64())}))
    table.delete("id = 2")
    loaded = catalog.load_table("py.t")
    assert sorted(loaded.scan().to_arrow()["id"].to_pylist()) == [1, 3, 4]
    with catalog.create_table_transaction(("py", "deep.er", "name with space/and slash"), rows.schema) as staged:
        staged.append(rows)
    name = ("py", "deep.er", "name with space/and slash")
    assert catalog.load_table(name).scan().to_arrow().num_rows == 3
    catalog.rename_table(name, "py.renamed")
    assert catalog.table_exists("py.renamed") and not catalog.table_exists(name)
    assert sorted(catalog.list_tables("py")) == [("py", "renamed"), ("py", "t")]
    catalog.register_table("py.again", loaded.metadata_location)
    assert catalog.load_table("py.again").scan().to_arrow().num_rows == 3
    catalog.drop_table("py.again")
    try:
        catalog.load_table("py.again")
        raise AssertionError("loaded what was dropped")
    except NoSuchTableError:
        pass
    catalog.purge_table("py.renamed")
    assert catalog.list_views("py") == []
    print("ok")


def duckdb_with_extensions():
    import duckdb

    db = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        folder = os.path.dirname(importlib.import_module("duckdb_extension_" + name).__file__)
        db.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    return db


def duckdb_connection(url):
    db = duckdb_with_extensions()
    db.execute(f"ATTACH '' AS lake (TYPE iceberg, ENDPOINT '{url}', AUTHORIZATION_TYPE 'none')")
    return db


def check_duckdb(url):
    try:
        db = duckdb_connection(url)
    except ModuleNotFoundError as missing:
        print(f"missing {missing.name}")
        return
    db.execute("CREATE SCHEMA lake.duck")
    db.execute("CREATE TABLE lake.duck.t (id BIGINT, text VARCHAR)")
    db.execute("INSERT INTO lake.duck.t SELECT i, 'row ' || i FROM range(10) r(i)")
    db.execute("BEGIN")
    db.execute("INSERT INTO lake.duck.t VALUES (100, 'more')")
    db.execute("COMMIT")
    assert db.execute("SELECT count(*), max(id) FROM lake.duck.t").fetchall() == [(11, 100)]
    assert db.execute("SELECT count(*) FROM lake.py.t").fetchall() == [(3,)]
    db.execute("DROP TABLE lake.duck.t")
    print("ok")


def paste(engine, file, ask):
    """What `firn connect` printed, pasted into its engine; then the answer of a query over its tables."""
    with open(file) as text:
        text = text.read()
    try:
        if engine != "duckdb":
            exec(compile(text, "connect", "exec"), {})
            return
        db = duckdb_with_extensions()
    except ModuleNotFoundError as missing:
        print(f"missing {missing.name}")
        return
    # The extensions are loaded from their packages above; a registry is not asked.
    db.execute("\n".join(line for line in text.splitlines() if line not in ("INSTALL iceberg;", "LOAD iceberg;")))
    print(db.execute(ask).fetchone()[0])


def print_ids(url, name):
    from pyiceberg.catalog import load_catalog

    table = load_catalog("c", type="rest", uri=url).load_table(name)
    print(json.dumps(sorted(table.scan().to_arrow()["id"].to_pylist())))


if __name__ == "__main__":
    {"pyiceberg": check_pyiceberg, "duckdb": check_duckdb, "ids": print_ids, "paste": paste}[sys.argv[1]](*sys.argv[2:])
