"""Reads Iceberg tables with readers that are not ours: pyiceberg (SqlCatalog) and DuckDB's iceberg extension.

`TableReader` works under any Python 3.11; it talks to one process of the readers' venv (FIRN_READERS_PYTHON, default
~/.cache/firn-build/readers/bin/python), which runs this file with --serve and stays up, because importing takes a second.
"""

import os
import pickle
import struct
import subprocess
import sys


def readers_python():
    """Path of the venv's python, or None."""
    path = os.environ.get("FIRN_READERS_PYTHON") or os.path.join(
        os.environ.get("FIRN_CACHE", os.path.expanduser("~/.cache/firn-build")), "readers", "bin", "python")
    return path if os.path.exists(path) else None


def _send(stream, value):
    data = pickle.dumps(value)
    stream.write(struct.pack(">Q", len(data)) + data)
    stream.flush()


def _receive(stream):
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError("the reader process ended")
    (size,) = struct.unpack(">Q", head)
    return pickle.loads(stream.read(size))


class ReadError(Exception):
    pass


class TableReader:
    """One process of foreign readers. Used by one thread."""

    def __init__(self):
        python = readers_python()
        if python is None:
            from support.firn_project import skip
            skip("no Python with pyiceberg and duckdb: run tools/prepare test, or set FIRN_READERS_PYTHON")
        self.process = subprocess.Popen([python, os.path.abspath(__file__), "--serve"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait(20 * float(os.environ.get("FIRN_TEST_PATIENCE", "1")))
        self.process.stdout.close()

    def ask(self, **request):
        _send(self.process.stdin, request)
        answer = _receive(self.process.stdout)
        if "error" in answer:
            raise ReadError(f"{request.get('engine', 'pyiceberg')} {request.get('table', '')}: {answer['error']}")
        return answer

    def read(self, project, table, engine="pyiceberg", snapshot=None):
        """Rows (list of dicts of Python values) and schema of a table of a FirnProject."""
        return self.ask(engine=engine, catalog=project.catalog, warehouse=project.path("lake"), table=table,
                        snapshot=snapshot)

    def rows(self, project, table, engine="pyiceberg", snapshot=None):
        return self.read(project, table, engine, snapshot)["rows"]

    def delete_rows(self, project, table, where):
        """Takes rows out of a table, as another program does."""
        self.ask(engine="delete_rows", catalog=project.catalog, warehouse=project.path("lake"), table=table, where=where)

    def exchange_rows(self, project, table, of, where, properties):
        """Puts rows of another table in the place of a table's own, and sets properties, as another program can."""
        self.ask(engine="exchange_rows", catalog=project.catalog, warehouse=project.path("lake"), table=table, of=of,
                 where=where, properties=properties)

    def delete_contents(self, project, table):
        """Of each live delete file of each snapshot: 1 by position or a vector, 2 by equality, as pyiceberg reads it."""
        return self.ask(engine="deletes", catalog=project.catalog, warehouse=project.path("lake"), table=table)["contents"]


# ---- below here: in the venv ----

def _s3_properties(s3):
    """`s3`: {endpoint, key, secret} of a warehouse on S3, or None."""
    if s3 is None:
        return {}
    return {"s3.endpoint": s3["endpoint"], "s3.access-key-id": s3["key"], "s3.secret-access-key": s3["secret"],
            "s3.region": "us-east-1"}


def _load(request):
    if "metadata" in request:
        from pyiceberg.table import StaticTable
        return StaticTable.from_metadata(request["metadata"])
    from pyiceberg.catalog.sql import SqlCatalog
    catalog = SqlCatalog("firn", uri=f"sqlite:///{request['catalog']}", warehouse=request["warehouse"],
                         init_catalog_tables="false", **_s3_properties(request.get("s3")))
    try:
        return catalog.load_table(request["table"])
    finally:
        catalog.engine.dispose()


def _plain(value):
    """Arrow's Python values → values every Python can unpickle. A map stays a list of pairs."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, tuple):
        return tuple(_plain(v) for v in value)
    if hasattr(value, "tzinfo") and value.tzinfo is not None:
        import datetime
        return value.astimezone(datetime.timezone.utc)
    return value


def _rows(arrow):
    return [_plain(row) for row in arrow.to_pylist()]


def _duckdb(s3):
    import duckdb
    import duckdb_extension_avro
    import duckdb_extension_httpfs
    import duckdb_extension_iceberg
    db = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    db.execute("set timezone='UTC'")
    modules = [(duckdb_extension_avro, "avro"), (duckdb_extension_iceberg, "iceberg")]
    for module, name in modules + ([(duckdb_extension_httpfs, "httpfs")] if s3 else []):
        folder = os.path.join(os.path.dirname(module.__file__), "extensions", "v" + duckdb.__version__)
        db.execute(f"LOAD '{os.path.join(folder, name + '.duckdb_extension')}'")
    if s3:
        secure, host = s3["endpoint"].split("://")
        db.execute(f"CREATE SECRET (TYPE s3, KEY_ID '{s3['key']}', SECRET '{s3['secret']}', REGION 'us-east-1', URL_STYLE 'path', "
                   f"ENDPOINT '{host}', USE_SSL {str(secure == 'https').lower()})")
    return db


_connection = []


def _read(request):
    table = _load(request)
    snapshot = request.get("snapshot")
    if request.get("engine", "pyiceberg") == "duckdb":
        if not _connection:
            _connection.append(_duckdb(request.get("s3")))
        path = table.metadata_location.removeprefix("file://").replace("'", "''")
        at = f", snapshot_from_id => {int(snapshot)}" if snapshot is not None else ""
        result = _connection[0].execute(f"select * from iceberg_scan('{path}'{at})").to_arrow_table() \
            if table.metadata.current_snapshot_id is not None else None
        rows = _rows(result) if result is not None else []
    else:
        rows = _rows(table.scan(snapshot_id=snapshot).to_arrow())
    metadata = table.metadata
    files = table.inspect.all_files()["file_path"].to_pylist() if request.get("all_files") else None
    return {"rows": rows, "all_files": files, "schema": table.schema().model_dump(by_alias=True, mode="json"),
            "location": table.metadata_location,
            "snapshots": [s.snapshot_id for s in metadata.snapshots], "current": metadata.current_snapshot_id,
            "spec": [str(f.transform) for f in table.spec().fields]}


def _delete_contents(table):
    return [int(entry.data_file.content) for snapshot in table.metadata.snapshots
            for manifest in snapshot.manifests(table.io)
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True) if int(entry.data_file.content) != 0]


def _exchange_rows(request):
    rows = _load({**request, "table": request["of"]}).scan(row_filter=request["where"]).to_arrow()
    with _load(request).transaction() as transaction:
        transaction.delete(request["where"])
        transaction.append(rows)
        transaction.set_properties(request["properties"])
    return {}


def _files(request):
    """Every value of every column of a Parquet file, as text, and its statistics: for byte scans."""
    import pyarrow.parquet as pq
    file = pq.ParquetFile(request["parquet"])
    texts = [repr(file.metadata.metadata)]
    for group in range(file.metadata.num_row_groups):
        for column in range(file.metadata.num_columns):
            statistics = file.metadata.row_group(group).column(column).statistics
            if statistics is not None and statistics.has_min_max:
                texts.append(repr((statistics.min_raw, statistics.max_raw)))
    texts.append(repr(file.read().to_pylist()))
    return {"text": "\n".join(texts)}


def _avro(request):
    import fastavro
    with open(request["avro"], "rb") as file:
        reader = fastavro.reader(file)
        return {"text": repr(reader.metadata) + repr(list(reader))}


def _serve():
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing a library prints may get between
    while True:
        try:
            request = _receive(stdin)
        except EOFError:
            return
        try:
            if "parquet" in request:
                answer = _files(request)
            elif "avro" in request:
                answer = _avro(request)
            elif request.get("engine") == "refs":
                answer = {"refs": {name: ref.snapshot_id for name, ref in _load(request).metadata.refs.items()}}
            elif request.get("engine") == "deletes":
                answer = {"contents": _delete_contents(_load(request))}
            elif request.get("engine") == "delete_rows":
                _load(request).delete(request["where"])
                answer = {}
            elif request.get("engine") == "exchange_rows":
                answer = _exchange_rows(request)
            else:
                answer = _read(request)
        except Exception as error:  # handed to the asker
            answer = {"error": f"{type(error).__name__}: {error}"}
        _send(stdout, answer)


if __name__ == "__main__":
    _serve()
