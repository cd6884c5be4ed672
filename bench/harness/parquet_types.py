"""Leaves of a Parquet file by type, and the types of its columns, as JSON. usage: parquet_types.py FILE"""

import collections
import json
import sys

import pyarrow
import pyarrow.parquet


def leaves(kind):
    if pyarrow.types.is_struct(kind):
        for field in kind:
            yield from leaves(field.type)
    elif pyarrow.types.is_list(kind):
        yield from leaves(kind.value_type)
    else:
        yield str(kind)


schema = pyarrow.parquet.read_schema(sys.argv[1])
counts = collections.Counter(kind for field in schema for kind in leaves(field.type))
print(json.dumps({"leaves": counts.total(), "counts": dict(counts.most_common()),
                  "columns": {field.name: str(field.type) for field in schema}}))
