"""Keyed tables: upserts against pyiceberg and Spark, catching up with a foreign compaction, a sustained stream of
changes, and the memory it takes."""

import json
import os
import select
import shutil
import subprocess
import time

from harness import data, measure, peers
from harness.context import remove
from harness.engine import Engine, expected, keyed, said, spark
from harness.measure import Failed, Missing, median
from harness.table import Figure, skipped

BATCH = 100_000


def base(rows):
    return keyed("base", f"keyed-{rows}.parquet", rows)


def changes(rows, number, keys):
    return keyed("changes", f"keyed-{keys}-{rows}-{number}.parquet", rows, number, keys, 0)


def million(number):
    return f"{number / 1e6:g} M"


def catch_up(context):
    """An index that knows a table, all of whose files somebody else then writes anew."""
    rows = 1_000_000 if context.quick else 10_000_000
    source, change = base(rows), changes(BATCH, 1, rows)
    built, again = [], []
    for _ in range(3):
        folder = context.folder()
        with Engine(context, folder) as engine:
            engine.do("append", source, rows // 10)
            built.append(engine.do("catch_up"))
            engine.do("compact")
            again.append(engine.do("catch_up"))
            if again[-1]["rebuilt"] or again[-1]["files_read"] == 0:
                raise Failed("the key index was built anew, or nothing was compacted")
            upserted = engine.do("upsert", change)
            if upserted["updated"] != BATCH or not upserted["by_index"]:
                raise Failed(f"after catching up the index found {upserted['updated']} of {BATCH} keys")
            engine.check("table after catching up and an upsert", expected("merged", "id", source, change))
        remove(folder)
    took = median(one["seconds"] for one in again)
    yield Figure(f"catching the key index up after a foreign compaction of {million(rows)} rows", f"{took:.2f} s",
                 f"first build {median(one['seconds'] for one in built):.2f} s", took, "s", 10, 4, at_most=True,
                 note=f"CPU {median(one['cpu'] for one in again):.2f} s; the reading of the key columns is in it")


def pyiceberg_seconds(folder, source, change, cap):
    """(seconds, whether it ended, metadata)."""
    os.makedirs(folder)
    process = subprocess.Popen(peers.script("pyiceberg_upsert.py", folder, source, change, "id"), stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    try:
        if not process.stdout.readline():
            raise Failed("pyiceberg_upsert.py ended before its table was loaded")
        begin = time.perf_counter()
        if not select.select([process.stdout], [], [], cap)[0]:
            return time.perf_counter() - begin, False, None
        line = process.stdout.readline()
        if not line:
            raise Failed("pyiceberg_upsert.py failed")
        answer = json.loads(line)
        return answer["seconds"], True, answer["metadata"]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def upsert(context):
    rows = 1_000_000 if context.quick else 10_000_000
    source, ours = base(rows), []
    change = [changes(BATCH, number, rows) for number in range(1, 2 + context.pairs)]
    folder = context.folder()
    with Engine(context, folder) as engine:
        engine.do("append", source)
        for one in change:
            ours.append(engine.do("upsert", one))
        engine.check(f"table after {len(change)} upserts", expected("merged", "id", source, *change))
    first, ours = ours[0], ours[1:]
    if not all(one["by_index"] for one in ours):
        raise Failed("the key index was not used")
    mine = median(one["seconds"] for one in ours)
    text = f"{mine:.2f} s, CPU {median(one['cpu'] for one in ours):.2f} s"
    what = f"upsert of 100 k rows into {million(rows)}"
    note = f"the first, which builds the index, {first['seconds']:.2f} s; reading the Parquet file and the commit included"
    try:
        theirs = spark(os.path.join(folder, "spark"), "merge", source, "id", *change[:2])
        said("Spark's table", data.check("Spark's table", expected("merged", "id", source, *change[:2]), "keyed_hash.py",
                                         "table", theirs["metadata"]))
        yield Figure(f"{what}, against a second Spark MERGE", text, f"Spark {theirs['seconds'][1]:.2f} s",
                     theirs["seconds"][1] / mine, "×", 4, 8, note=note)
    except Missing as reason:
        yield skipped(f"{what}, against a second Spark MERGE", str(reason))
    cap = context.cap or (900 if context.full else 60 if context.quick else 150)
    seconds, ended, metadata = pyiceberg_seconds(os.path.join(folder, "pyiceberg"), source, change[0], cap)
    if ended:
        said("pyiceberg's table", data.check("pyiceberg's table", expected("merged", "id", source, change[0]),
                                             "keyed_hash.py", "table", metadata))
    yield Figure(f"{what}, against pyiceberg's upsert", text, f"pyiceberg {'' if ended else 'over '}{seconds:.0f} s",
                 seconds / mine, "×", 100, 300, note="" if ended else f"a lower bound: stopped after {cap} s (--cap)")
    remove(folder)


def count_seconds(context, folder, rows):
    """One `firn sql count(*)`, whole process; the count must be right."""
    done = context.run(["sql", "select count(*) as n from bench.rows", "--json"], cwd=folder)
    if json.loads(done.out)[0]["n"] != rows:
        raise Failed(f"count(*) is {done.out.strip()}, not {rows}")
    return done


def sustained(context):
    """Batches as a change stream brings them, each a commit, with the upkeep that a run does after its commits."""
    keys = 1_000_000 if context.quick else 10_000_000
    batches = 10 if context.quick else 100 if context.full else 30
    folder, source = context.folder(), base(keys)
    stream = keyed("zipf", f"keyed-zipf-{keys}-{batches}", batches, BATCH, keys)
    files = [f"{stream}/{batch}.parquet" for batch in range(batches)]
    seconds = cpu = upkeep = 0
    counts = []
    with Engine(context, folder) as engine:
        engine.do("append", source)
        engine.do("catch_up")
        for number, one in enumerate(files):
            done = [engine.do("upsert", one), engine.do("maintain")]
            seconds += sum(step["seconds"] for step in done)
            cpu += sum(step["cpu"] for step in done)
            upkeep += done[1]["seconds"]
            if number % max(1, batches // 10) == max(1, batches // 10) - 1:
                counts.append(min(count_seconds(context, folder, keys + (number + 1) * BATCH // 5).wall for _ in range(3)))
        engine.check(f"table after {batches} batches", expected("merged", "id", source, *files))
        engine.do("compact")
        fresh = min(count_seconds(context, folder, keys + batches * BATCH // 5).wall for _ in range(5))
    rate = batches * BATCH / seconds
    worst = max(counts) / fresh
    yield Figure(f"sustained upserts into {million(keys)}, 20 % new, Zipf keys", f"{rate / 1000:.0f} k rows/s, {cpu:.1f} CPU s",
                 "-", rate / 1000, "k rows/s", 100, 300,
                 note=f"{batches} commits of 100 k rows in {seconds:.1f} s, {upkeep:.1f} of them upkeep")
    yield Figure("count(*) by firn sql meanwhile, over a freshly compacted table", f"{max(counts) * 1000:.0f} ms at worst",
                 f"{fresh * 1000:.0f} ms", worst, "×", 2, 2, at_most=True, note="whole processes, start of DuckDB included")
    remove(folder)


NDJSON = """import duckdb, sys
duckdb.execute("SET threads = 1; SET enable_progress_bar = false; COPY (%s) TO '/dev/stdout' (FORMAT json)" % sys.argv[1])"""
ID = "(n * 2654435761) % 1099511627776"


def piped(context, folder, query, memory):
    """Rows of a query as NDJSON into `firn copy - … --key id`."""
    source = subprocess.Popen([peers.python(), "-c", NDJSON, query], stdout=subprocess.PIPE)
    try:
        return context.run(["copy", "-", "bench.rows", "--key", "id", "--memory", memory], cwd=folder, stdin=source.stdout)
    finally:
        source.stdout.close()
        source.wait()


def key_memory(context):
    """The product itself: `firn copy --key`, into a table that another process made; so the index is built too."""
    keys = 1_000_000 if context.quick else 100_000_000 if context.full else 20_000_000
    folder, memory = context.folder(), "512MiB"
    free = shutil.disk_usage(folder).free
    if free < keys * 100:
        raise Missing(f"{keys * 100 >> 30} GiB of disk for {million(keys)} keys, {free >> 30} are free")
    numbers = f"SELECT range AS n FROM range({keys})"
    changed = keys // 100
    load = piped(context, folder, f"SELECT {ID} AS id, 0 AS version FROM ({numbers})", memory)
    runs = [piped(context, folder, f"SELECT {ID} AS id, {version} AS version FROM "
                  f"(SELECT n * 97 % {keys} AS n FROM ({numbers}) WHERE n < {changed})", memory) for version in (1, 2)]
    metadata = context.run(["table", "metadata", "bench.rows"], cwd=folder).out.strip()
    want = f"SELECT {ID} AS id, CASE WHEN n IN (SELECT range * 97 % {keys} FROM range({changed})) THEN 2 ELSE 0 END::BIGINT AS version " \
           f"FROM ({numbers})"
    said("table after two upserts", data.check("table of many keys", expected("query", want), "keyed_hash.py", "table",
                                               metadata, "id,version"))
    worst = max(run.rss for run in runs)
    yield Figure(f"peak RSS: upserting {million(changed)} rows into a table of {million(keys)} keys", f"{worst:.0f} MiB",
                 f"--memory {memory}", worst, "MiB", 700, 560, at_most=True,
                 note=f"the first, which builds the index, {runs[0].wall:.1f} s and {runs[0].rss:.0f} MiB, the second "
                      f"{runs[1].wall:.1f} s and {runs[1].rss:.0f} MiB; the load before {load.wall:.1f} s and {load.rss:.0f} MiB")
    remove(folder)
