"""Rows and an order-independent hash of values: of the source's text, and of what was written, by readers not ours.

usage (venv's python):  rows_hash.py json  FILE… [--path data] [--times N]   records of NDJSON files or JSON pages
                        rows_hash.py parquet FILE…
                        rows_hash.py table METADATA.json                      live files of an Iceberg table
Prints {"rows": n, "hash": "…"}.

Each value is a leaf: path, place in its lists, value. A row's hash is the sum over its leaves, the data's hash the sum
over mixed row hashes, so neither order of rows nor order of keys counts. What firn's typing rules call equal is equal
here: null, {} and [] have no leaf; a sibling column `k__string` stands for `k`; 7 and 7.0 are one number; a time counts
as its microseconds in UTC; text that is a JSON object or list counts as that value.
"""

import datetime
import decimal
import glob
import hashlib
import json
import re
import sys

import numpy
import orjson
import pyarrow
import pyarrow.compute
import pyarrow.parquet

TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)?$")
SIBLING = re.compile(r"(.+)__(bool|string|long|double|decimal|struct|list|map|json|date|timestamp|timestamptz|int)(__\d+)?$")
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)
K1, K2, K3 = (numpy.uint64(k) for k in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
numpy.seterr(over="ignore")


def mix(values):
    values = (values ^ (values >> numpy.uint64(30))) * K2
    values = (values ^ (values >> numpy.uint64(27))) * K3
    return values ^ (values >> numpy.uint64(31))


def within(context, position):
    """The context of a list's element from that of the list."""
    return mix(context * K1 + position + numpy.uint64(1))


def time_text(text):
    match = TIME.match(text)
    if not match:
        return None
    try:
        moment = datetime.datetime(*(int(g) for g in match.groups()[:6]))
    except ValueError:
        return None
    micros = (moment - EPOCH) // MICROSECOND + int((match.group(7) or "").ljust(6, "0"))
    zone = match.group(8)
    if zone and zone != "Z":
        offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60_000_000
        micros -= offset if zone[0] == "+" else -offset
    return f"t{micros}"


def number_text(value):
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, int):
        return f"n{value}"
    text = format(decimal.Decimal(repr(value)) if isinstance(value, float) else value, "f")
    return "n" + (text.rstrip("0").rstrip(".") if "." in text else text)


def scalar_text(value):
    if isinstance(value, str):
        return (time_text(value) if len(value) >= 19 and value[4] == "-" else None) or "s" + value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, decimal.Decimal)):
        return number_text(value)
    if isinstance(value, datetime.datetime):
        return f"t{(value.replace(tzinfo=None) - EPOCH) // MICROSECOND}"
    if isinstance(value, datetime.date):
        return "s" + value.isoformat()
    raise TypeError(type(value))


def digest(path, text):
    return int.from_bytes(hashlib.blake2b(f"{path}\0{text}".encode(), digest_size=8).digest(), "little")


def json_value(text, in_list):
    """The value of text that is JSON, where a JSON-text column may hold it; else None. In lists also scalars."""
    if not text or not (text[0] in "{[" or (in_list and text[0] in '"-0123456789tfn')):
        return None
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if not isinstance(value, str) or in_list else None


class Hash:
    def __init__(self):
        self.rows, self.total, self.cache = 0, 0, {}

    def add(self, row_hashes):
        self.rows += len(row_hashes)
        self.total = (self.total + int(numpy.sum(mix(row_hashes), dtype=numpy.uint64))) % 2**64

    def leaf(self, path, value, in_list):
        """Hash of one scalar, or the parsed value if it is JSON text."""
        key = (path, value.__class__, value)
        known = self.cache.get(key)
        if known is not None:
            return known
        parsed = json_value(value, in_list) if isinstance(value, str) else None
        known = parsed if isinstance(parsed, (dict, list)) else digest(path, scalar_text(value if parsed is None else parsed))
        if len(self.cache) > 1_000_000:
            self.cache.clear()
        if not isinstance(value, str) or len(value) < 300:
            self.cache[key] = known
        return known

    def result(self):
        return {"rows": self.rows, "hash": f"{self.total:016x}"}


class Walker:
    """Hashes parsed JSON values."""

    def __init__(self, into):
        self.into, self.leaves, self.contexts = into, [], []

    def walk(self, value, path, context, in_list):
        if value is None:
            return
        if isinstance(value, dict):
            for key, inner in value.items():
                self.walk(inner, f"{path}.{key}", context, False)
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                if inner is not None and inner != {} and inner != []:
                    self.walk(inner, path, int(within(numpy.uint64(context), numpy.uint64(position))), True)
        else:
            known = self.into.leaf(path, value, in_list)
            if isinstance(known, int):
                self.leaves.append(known)
                self.contexts.append(context)
            else:
                self.walk(known, path, context, in_list)

    def take(self):
        hashes = mix(numpy.array(self.leaves, numpy.uint64) + numpy.array(self.contexts, numpy.uint64) * K1)
        self.leaves, self.contexts = [], []
        return numpy.sum(hashes, dtype=numpy.uint64)


def hash_json(files, path, times):
    into = Hash()
    walker = Walker(into)
    for name in files:
        with open(name, "rb") as file:
            body = orjson.loads(file.read()) if path else None
            for step in path.split(".") if path else ():
                body = body[step]
            file.seek(0)
            hashes = []
            for record in body if path else map(orjson.loads, file):
                walker.walk(record, "", 0, False)
                hashes.append(walker.take())
                if len(hashes) == 10_000:
                    into.add(numpy.array(hashes, numpy.uint64))
                    hashes = []
            into.add(numpy.array(hashes, numpy.uint64))
    into.rows, into.total = into.rows * times, into.total * times % 2**64
    return into.result()


class Columns:
    """Hashes Arrow columns, leaf by leaf."""

    def __init__(self, into):
        self.into, self.walker = into, Walker(into)

    def batch(self, batch, skip=lambda name: False):
        self.sums = numpy.zeros(batch.num_rows, numpy.uint64)
        rows = numpy.arange(batch.num_rows)
        zero = numpy.zeros(batch.num_rows, numpy.uint64)
        names = set(batch.schema.names)
        for name, column in zip(batch.schema.names, batch.columns):
            if not skip(name):
                self.column(column, f".{base_name(name, names)}", rows, zero, False)
        self.into.add(self.sums)

    def column(self, column, path, rows, contexts, in_list):
        if column.null_count == len(column):
            return
        if column.null_count:
            valid = column.is_valid()
            keep = numpy.flatnonzero(valid.to_numpy(zero_copy_only=False))
            column, rows, contexts = column.filter(valid), rows[keep], contexts[keep]
        kind = column.type
        if pyarrow.types.is_struct(kind):
            names = {field.name for field in kind}
            for i, field in enumerate(kind):
                if field.name != "_empty":
                    self.column(column.field(i), f"{path}.{base_name(field.name, names)}", rows, contexts, False)
        elif pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind):
            self.list(column, path, rows, contexts)
        else:
            self.scalars(column, path, rows, contexts, in_list)

    def list(self, column, path, rows, contexts):
        parents = pyarrow.compute.list_parent_indices(column).to_numpy()
        lengths = pyarrow.compute.list_value_length(column).to_numpy(zero_copy_only=False)
        starts = numpy.concatenate(([0], numpy.cumsum(lengths)[:-1]))
        positions = (numpy.arange(len(parents)) - starts[parents]).astype(numpy.uint64)
        self.column(column.flatten(), path, rows[parents], within(contexts[parents], positions), True)

    def scalars(self, column, path, rows, contexts, in_list):
        coded = column.dictionary_encode()
        hashes, parsed = [], {}
        for i, value in enumerate(coded.dictionary.to_pylist()):
            known = self.into.leaf(path, value, in_list)
            if not isinstance(known, int):
                parsed[i] = known
                known = 0
            hashes.append(known)
        codes = coded.indices.to_numpy()
        leaves = mix(numpy.array(hashes, numpy.uint64)[codes] + contexts * K1)
        if parsed:
            json_text = numpy.isin(codes, list(parsed))
            for at in numpy.flatnonzero(json_text):
                self.walker.walk(parsed[codes[at]], path, int(contexts[at]), in_list)
                self.sums[rows[at]] += self.walker.take()
            leaves, rows = leaves[~json_text], rows[~json_text]
        numpy.add.at(self.sums, rows, leaves)


def base_name(name, names):
    match = SIBLING.match(name)
    return match.group(1) if match and match.group(1) in names else name


def hash_parquet(files):
    into = Hash()
    columns = Columns(into)
    for name in files:
        with pyarrow.parquet.ParquetFile(name) as file:
            for batch in file.iter_batches(batch_size=4096):
                columns.batch(batch, skip=lambda column: column.startswith("_firn_"))
    return into.result()


def table_files(metadata):
    from pyiceberg.table import StaticTable
    tasks = list(StaticTable.from_metadata(metadata).scan().plan_files())
    if any(task.delete_files for task in tasks):
        raise SystemExit("the table has delete files, this check cannot read them")
    return [task.file.file_path.removeprefix("file://") for task in tasks]


def main():
    kind, *rest = sys.argv[1:]
    options = {}
    while "--path" in rest or "--times" in rest:
        at = next(i for i, word in enumerate(rest) if word.startswith("--"))
        options[rest[at]] = rest[at + 1]
        del rest[at:at + 2]
    if kind == "json":
        files = [name for pattern in rest for name in sorted(glob.glob(pattern))]
        print(json.dumps(hash_json(files, options.get("--path", ""), int(options.get("--times", "1")))))
    elif kind == "parquet":
        print(json.dumps(hash_parquet(rest)))
    elif kind == "table":
        files = table_files(rest[0])
        print(json.dumps({**hash_parquet(files), "files": files}))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
