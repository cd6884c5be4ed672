"""NDJSON → Parquet zstd-1 with inference, against DuckDB: flat rows (lineitem) and nested ones (GitHub payloads). Rows in memory → a committed
table, against pyarrow."""

import json
import os

from harness import data, measure, peers
from harness.context import remove
from harness.measure import Failed, median, ratio
from harness.table import Figure


class Comparison:
    """Copies of one source by both, alternating; `tool` checks each of ours."""

    def __init__(self, context, source, tool, kind):
        self.context, self.source, self.tool = context, source, tool
        self.size = os.path.getsize(source)
        self.expected = data.expected(tool, kind, source)
        self.folder = context.folder()
        self.types = {}
        self.accepted = set()

    def ours(self, threads):
        out = os.path.join(self.folder, "ours.parquet")
        remove(out)
        done = self.context.copy(self.source, out, threads)
        data.check_file(f"copy of {self.source}", self.expected, self.tool, out, self.accepted)
        return done

    def duckdb(self, threads):
        out = os.path.join(self.folder, "duckdb.parquet")
        remove(out)
        done = measure.run(peers.script("duckdb_copy.py", self.source, out, threads), cores=threads)
        answer = json.loads(done.out)
        if answer["rows"] != self.expected["rows"]:
            raise Failed(f"DuckDB wrote {answer['rows']} rows of {self.expected['rows']}")
        self.types = answer["types"]
        done.wall = answer["seconds"]  # Python's start is not DuckDB's fault; ours is the whole process
        return done

    def alternate(self, threads):
        return measure.alternate(self.context.pairs, lambda: self.ours(threads), lambda: self.duckdb(threads))

    def figure(self, what, threads, must, aim):
        ours, theirs = self.alternate(threads)
        speed = [self.size / 1e6 / median(run.wall for run in runs) for runs in (ours, theirs)]
        plural = "1 thread" if threads == 1 else f"{threads} threads"
        return ours, theirs, Figure(f"{what}, {plural}", f"{speed[0]:.0f} MB/s", f"DuckDB {speed[1]:.0f} MB/s",
                                    ratio([run.wall for run in theirs], [run.wall for run in ours]), "×", must, aim)

    def cpu(self, runs):
        return median(run.cpu for run in runs) / (self.size / 1e9)


def flat(context):
    scale = "0.1" if context.quick else "1"
    comparison = Comparison(context, os.path.join(data.lineitem(scale), "lineitem.ndjson"), "flat_hash.py", "ndjson")
    what = f"NDJSON {comparison.size / 1e9:.2g} GB → Parquet"
    cpu = []
    for threads, must, aim in ((1, 1.4, 2.0), (2, 1.3, 1.8)):
        ours, theirs, figure = comparison.figure(what, threads, must, aim)
        cpu.append((comparison.cpu(ours), comparison.cpu(theirs)))
        yield figure
    worst = max(one for one, _ in cpu)
    yield Figure(f"{what}, CPU s/GB", " / ".join(f"{one:.2f}" for one, _ in cpu) + " (1 / 2 threads)",
                 "DuckDB " + " / ".join(f"{one:.2f}" for _, one in cpu), worst, "s/GB", 2.2, 1.6, at_most=True)
    remove(comparison.folder)


def in_memory(context):
    """Rows in memory to a committed table, against pyarrow writing the same rows to one file; zstd level 3 both."""
    folder = context.folder()
    source = os.path.join(folder, "lineitem.parquet")
    made = os.path.join(data.lineitem("0.1" if context.quick else "1"), "lineitem.parquet")
    data._tool("slice_parquet.py", made, source, 1 << 40)
    expected = json.loads(data._tool("keyed_hash.py", "parquet", source))

    def ours():
        done = measure.run([context.program("table_writer_bench"), folder, source, "1"], cores=1)
        answer = json.loads(done.out)
        data.check("table of rows in memory", expected, "keyed_hash.py", "table", answer["metadata"])
        done.wall, done.size = answer["rounds"][-1]["cpu"], answer["bytes"]
        return done

    def pyarrow():
        done = measure.run(peers.script("pyarrow_write.py", source, os.path.join(folder, "pyarrow.parquet")), cores=1)
        answer = json.loads(done.out)
        done.wall, done.size = answer["cpu"], answer["bytes"]
        return done

    mine, theirs = measure.alternate(context.pairs, ours, pyarrow)
    times = [median(run.wall for run in runs) for runs in (mine, theirs)]
    yield Figure("lineitem in memory → committed table, CPU against pyarrow's file", f"{times[0]:.2f} s",
                 f"pyarrow {times[1]:.2f} s", ratio([run.wall for run in theirs], [run.wall for run in mine]), "×", 1.1, 1.5)
    yield Figure("the same, bytes of the files", f"{mine[-1].size / 1e6:.1f} MB", f"pyarrow {theirs[-1].size / 1e6:.1f} MB",
                 mine[-1].size / theirs[-1].size, "×", 1.03, 1.0, at_most=True)
    remove(folder)


def nested(context):
    source = data.nested(200_000_000)
    comparison = Comparison(context, source, "rows_hash.py", "json")
    for threads, must, aim in ((1, 2.5, 5.0), (2, 4.0, 8.0)):
        _, _, figure = comparison.figure("GitHub payloads → Parquet", threads, must, aim)
        yield figure
    out = os.path.join(comparison.folder, "ours.parquet")
    _print_types(comparison.types, json.loads(data._tool("parquet_types.py", out)))
    remove(comparison.folder)


def _print_types(theirs, ours):
    print("\ntypes of the GitHub payloads, leaves counted by type:")
    print(f"  firn    {ours['leaves']} leaves: " + ", ".join(f"{n} {kind}" for kind, n in ours["counts"].items()))
    for name, kind in ours["columns"].items():
        other = theirs.get(name, "-")
        print(f"  {name:12} firn {kind[:70]:72} DuckDB {other[:70]}")
    json_leaves = sum(str(kind).count("JSON") for kind in theirs.values())
    print(f"  DuckDB: {len(str(theirs)) / 1024:.0f} KiB of type text, {json_leaves} subtrees left as JSON text\n")
