"""New keys and a change of type in the middle of the data, against the same data without: seconds per byte, into a table.
Both go to an Iceberg table: a single Parquet file has one schema, so `copy` to a file would have to write it twice."""

import os

from harness import data, measure
from harness.context import metadata, remove
from harness.measure import median, ratio
from harness.table import Figure


def rows(context):
    folder = context.folder()
    sources = {"flat": os.path.join(data.lineitem("0.1"), "lineitem.ndjson"), "drift": data.drift("0.1")}
    expected = {name: data.expected("rows_hash.py", "json", source) for name, source in sources.items()}

    def load(name):
        lake = os.path.join(folder, name)
        remove(lake)
        os.makedirs(lake)
        done = context.copy(sources[name], f"bench.{name}", 2, cwd=lake)
        return done, metadata(context, lake, f"bench.{name}")

    for name in sources:  # values are compared once, as reading them back in Python takes a minute; rows each time
        _, location = load(name)
        data.check(f"table of the {name} case", expected[name], "rows_hash.py", "table", location)
    drifting, flat = measure.alternate(context.pairs, lambda: load("drift")[0], lambda: load("flat")[0])
    per_byte = {name: [run.wall / os.path.getsize(sources[name]) for run in runs]
                for name, runs in (("drift", drifting), ("flat", flat))}
    speed = {name: 1e-6 / median(costs) for name, costs in per_byte.items()}
    remove(folder)
    yield Figure("drift (new keys, type change at 50 %), cost per byte", f"{speed['drift']:.0f} MB/s",
                 f"flat case {speed['flat']:.0f} MB/s", ratio(per_byte["drift"], per_byte["flat"]), "×", 1.5, 1.2, at_most=True)
