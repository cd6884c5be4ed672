"""Reading tables, and what keeps them fast to read: compaction against Spark, a scan with deletes against DuckDB, and
what a selective query touches."""

import datetime
import json
import os
import subprocess
import tempfile

from harness import data, measure, peers
from harness.context import remove
from harness.engine import Engine, expected, keyed, said, spark
from harness.measure import Failed, Missing, median, ratio
from harness.table import Figure, skipped


def compaction(context):
    rows, files = (1_000_000, 200) if context.quick else (10_000_000, 1000)
    source = keyed("base", f"keyed-{rows}.parquet", rows)
    small = keyed("cut", f"keyed-{rows}-in-{files}", source, files)
    ours = []
    for _ in range(2 if context.quick else 3):
        folder = context.folder()
        with Engine(context, folder) as engine:
            engine.do("append", source, -(-rows // files))
            ours.append(engine.do("compact"))
            if ours[-1]["files_read"] < files - 40:  # Spark's call reads them all, too
                raise Failed(f"only {ours[-1]['files_read']} of {files} files were compacted")
            engine.check(f"{files} files compacted", expected("parquet", source))
        remove(folder)
    mine = median(one["seconds"] for one in ours)
    text = f"{mine:.2f} s, CPU {median(one['cpu'] for one in ours):.2f} s"
    what = f"compaction of {files} files of {rows // files // 1000} k rows"
    folder = context.folder()
    try:
        theirs = spark(os.path.join(folder, "spark"), "rewrite", small)
    except Missing as reason:
        yield skipped(what, str(reason))
        return
    said("Spark's table", data.check("Spark's table", expected("parquet", source), "keyed_hash.py", "table",
                                     theirs["metadata"]))
    yield Figure(f"{what}, against Spark's second", text, f"Spark {theirs['seconds'][1]:.2f} s",
                 theirs["seconds"][1] / mine, "×", 2, 4,
                 note=f"{ours[-1]['files_read']} files into {ours[-1]['files_written']}; Spark's first call "
                      f"{theirs['seconds'][0]:.2f} s")
    remove(folder)


def scan_deletes(context):
    """Ours drops a tenth of the rows; DuckDB reads files that never had them. One thread each."""
    scale = "0.1" if context.quick else "1"
    key = "l_orderkey,l_linenumber"
    folder = context.folder()
    plain = os.path.join(data.FOLDER, f"lineitem-{scale}-plain.parquet")
    if not os.path.exists(plain):
        data._tool("slice_parquet.py", os.path.join(data.lineitem(scale), "lineitem.parquet"), plain, 1 << 40)
    gone = keyed("sample", f"lineitem-{scale}-tenth.parquet", plain, key, 100)
    left = keyed("live", f"lineitem-{scale}-left.parquet", plain, gone, key)
    want = expected("parquet", left)
    with Engine(context, os.path.join(folder, "clean"), key, threads=1) as clean:
        clean.do("append", left)
        files = data.table_files(clean.metadata)
    with Engine(context, os.path.join(folder, "deleted"), key, threads=1) as engine:
        engine.do("append", plain)
        engine.do("delete", gone)
        engine.check("table with a tenth deleted, by DuckDB", want)
        out = os.path.join(folder, "scanned.parquet")
        engine.do("scan", out)
        said("what our scan gave", data.check("what our scan gave", want, "keyed_hash.py", "parquet", out))

        def ours():
            done = engine.do("scan")
            if done["rows"] != want["rows"] or done["delete_files"] < 1:
                raise Failed(f"the scan gave {done['rows']} rows and {done['delete_files']} delete files")
            return measure.Run(done["seconds"], done["cpu"], 0, "")

        def theirs():
            done = json.loads(measure.run(peers.script("duckdb_scan.py", 1, *files), cores=1).out)[0]
            if done["rows"] != want["rows"]:
                raise Failed(f"DuckDB read {done['rows']} rows")
            return measure.Run(done["seconds"], done["cpu"], 0, "")

        mine, other = measure.alternate(context.pairs, ours, theirs)
    yield Figure("scan → Arrow with 10 % position deletes, 1 thread, CPU against DuckDB's read_parquet of clean files",
                 f"{median(run.cpu for run in mine):.2f} s", f"DuckDB {median(run.cpu for run in other):.2f} s",
                 ratio([run.cpu for run in other], [run.cpu for run in mine]), "×", 0.7, 0.9,
                 note=f"{want['rows']} rows; by wall clock {ratio([r.wall for r in other], [r.wall for r in mine]):.2f}×")
    remove(folder)


def read_by(context, folder, query):
    """Runs a query; returns the bytes the process read, and the line about its data files."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([context.firn, "sql", query, "--log", "off", "--threads", "1"], cwd=folder,
                                   stdout=out, stderr=err)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # its counters stay until it is reaped
        with open(f"/proc/{process.pid}/io") as file:
            read = int(next(line for line in file if line.startswith("rchar:")).split()[1])
        code = process.wait()
        err.seek(0)
        said_ = err.read().decode().strip()
        if code != 0:
            raise Failed(f"firn sql {query}: exit {code}\n{said_}")
        return read, said_


def predicate(context):
    """1 % of a table's rows, by a column that rises from file to file: what both ways of reading touch."""
    rows = 1_000_000 if context.quick else 10_000_000
    source = keyed("base", f"keyed-{rows}.parquet", rows)
    begin = datetime.datetime(2023, 11, 14, 22, 13, 20) + datetime.timedelta(seconds=rows // 2)  # of make_keyed.py
    end = begin + datetime.timedelta(seconds=rows // 100)
    where = f"updated_at >= TIMESTAMP '{begin}' and updated_at < TIMESTAMP '{end}'"
    columns = "count(*) as n, sum(amount) as total"
    want = json.loads(data._tool("keyed_hash.py", "answer", source, columns, where))
    gone = keyed("sample", f"keyed-{rows}-thousandth.parquet", source, "id", 1)
    folder = context.folder()
    with Engine(context, folder) as engine:
        engine.do("append", source, rows // 20)
        engine.check("table of 20 files", expected("parquet", source))
        yield touched(context, folder, engine, "DuckDB's reader", columns, where, want)
        engine.do("delete", gone)
        left = json.loads(data._tool("keyed_hash.py", "answer", source, columns, f"{where} and id not in (select id from '{gone}')"))
        yield touched(context, folder, engine, "our scan function", columns, where, left)
    remove(folder)


def touched(context, folder, engine, reader, columns, where, want):
    query = f"select {columns} from bench.rows where {where}"
    nothing, _ = read_by(context, folder, "select 1 as n")
    read, line = read_by(context, folder, query)
    found = json.loads(context.run(["sql", query, "--json"], cwd=folder).out)
    if found[0]["n"] != want["n"] or abs(found[0]["total"] - want["total"]) > 1e-6 * abs(want["total"]):
        raise Failed(f"{reader}: {found}, expected {want}")
    live = sum(os.path.getsize(file) for file in data.table_files(engine.metadata))
    bytes_read = read - nothing
    files = line.split("·")[-1].strip()
    print(f"  {reader}: {found[0]['n']} rows, total {found[0]['total']}, as the source", flush=True)
    return Figure(f"bytes read for 1 % of the rows, {reader}", f"{bytes_read / 1e6:.2f} MB; {files}",
                  f"{live / 1e6:.0f} MB in the table's data files", 100 * bytes_read / live, "%",
                  note="metadata and footers included; two columns of six are asked for")
