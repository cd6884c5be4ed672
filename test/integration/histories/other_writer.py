"""Another writer of a firn table, run by the readers' Python: other_writer.py CATALOG WAREHOUSE TABLE ROWS IDS_TO_DELETE."""

import json
import sys

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.expressions import In


def main(catalog, warehouse, name, rows, gone):
    table = SqlCatalog("firn", uri=f"sqlite:///{catalog}", warehouse=warehouse, init_catalog_tables="false").load_table(name)
    schema = table.schema().as_arrow()
    if rows:
        table.append(pa.Table.from_pylist(rows, schema=schema))
    if gone:
        table.delete(In("id", gone))


main(*sys.argv[1:4], json.loads(sys.argv[4]), json.loads(sys.argv[5]))
