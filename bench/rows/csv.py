"""CSV → Parquet zstd-1 with inference, lineitem: against polars and DuckDB."""

import json
import os

from harness import data, measure, peers
from harness.context import remove
from harness.measure import Failed, median, ratio
from harness.table import Figure

PEERS = {"polars": "polars_csv.py", "DuckDB": "duckdb_csv.py"}


def rows(context):
    source = data.lineitem_csv("0.2" if context.quick else "1")
    size = os.path.getsize(source)
    expected = data.expected("flat_hash.py", "csv", source)
    folder = context.folder()
    accepted = set()

    def ours():
        out = os.path.join(folder, "ours.parquet")
        remove(out)
        done = context.copy(source, out, 1)
        data.check_file(f"copy of {source}", expected, "flat_hash.py", out, accepted)
        return done

    def theirs(name):
        out = os.path.join(folder, f"{name}.parquet")
        remove(out)
        done = measure.run(peers.script(PEERS[name], source, out, 1), cores=1)
        answer = json.loads(done.out)
        if answer["rows"] != expected["rows"]:
            raise Failed(f"{name} wrote {answer['rows']} rows of {expected['rows']}")
        done.wall = answer["seconds"]  # Python's start is not theirs; ours is the whole process
        return done

    mine, *others = measure.alternate(context.pairs, ours, *(lambda name=name: theirs(name) for name in PEERS))
    speed = size / 1e6 / median(run.wall for run in mine)
    for (name, must, aim), runs in zip((("polars", 1.0, 1.6), ("DuckDB", 1.3, 2.0)), others):
        yield Figure(f"CSV {size / 1e9:.2g} GB → Parquet, 1 thread, against {name}", f"{speed:.0f} MB/s",
                     f"{name} {size / 1e6 / median(run.wall for run in runs):.0f} MB/s",
                     ratio([run.wall for run in runs], [run.wall for run in mine]), "×", must, aim)
    remove(folder)
